/*
 * What a tree deploys. The kustomizations are built first: which of them others build
 * upon is known then, and which files are parts of one, such as patches of an
 * Application. What is left are the Applications as they will be in a cluster; each is
 * built, and may give more of them.
 */
#include "survey.h"

#include "core/fetch.h"
#include "core/node.h"

#include <stdarg.h>
#include <stdio.h>

#define WHY_MAX 64

void unit_fail(struct unit *u, enum unit_state state, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	u->state = state;
	if (u->whys.len >= WHY_MAX)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	vec_push(&u->whys, text);
}

char *unit_title(const struct unit *u)
{
	if (u->kind == UNIT_APP || u->kind == UNIT_PROJECT)
		return xasprintf("%s%s%s%s", u->kind == UNIT_PROJECT ? "AppProject " : "", u->ns,
				 *u->ns ? "/" : "", u->name);
	return xstrdup(*u->folder ? u->folder : ".");
}

char *unit_label(const struct unit *u)
{
	_cleanup_free_ char *title = unit_title(u);

	return u->kind == UNIT_APP || u->kind == UNIT_PROJECT ?
	       xasprintf("%s in %s", title, u->file) : xstrdup(title);
}

/* "https://user@host/org/repo.git" and "git@host:org/repo" -> "host/org/repo". */
static char *bare_url(const char *url)
{
	_cleanup_free_ char *normal = repo_url_normal(url);
	const char *s = strstr(normal, "://"), *at;

	s = s ? s + 3 : normal;
	at = strchr(s, '@');
	if (at && at < s + strcspn(s, "/"))
		s = at + 1;
	return xstrdup(s);
}

bool survey_same_repo(const char *a, const char *b)
{
	_cleanup_free_ char *x = bare_url(a), *y = bare_url(b);

	return !strcmp(x, y);
}

/* ---- kustomizations ---- */

static bool is_component(struct files *files, const char *path)
{
	_cleanup_(arena_deinit) struct arena a = { 0 };
	_cleanup_free_ char *text = NULL;
	struct node_reader *r;
	struct node *n = NULL;
	struct err err = ERR_INIT;
	const char *kind;
	size_t len;

	if (files->ops->read(files, path, (size_t)1 << 20, &text, &len, &err))
		return false;
	r = node_reader_new_lenient(text, len);
	kind = node_read(r, &a, &n, &err) == 1 ? node_get_str(n, "kind") : NULL;
	node_reader_free(r);
	return kind && !strcmp(kind, "Component");
}

/* Never called, since no request brings one: a repository that lacks is asked for. */
struct files *survey_no_remote(const char *mirror, const char *commit, struct err *err)
{
	(void)commit;
	err_set(err, ERR_NOTFOUND, "%s is not fetched", mirror);
	return NULL;
}

void unit_rendered(struct unit *u, int rc, const struct err *err)
{
	_cleanup_free_ char *shown = NULL;

	if (rc) {
		unit_fail(u, UNIT_FAILED, "%s", err->msg);
	} else if (u->answer.exec_why) {
		unit_fail(u, UNIT_SKIPPED, "it is built by the kustomize program: %s",
			  u->answer.exec_why);
	} else if (u->answer.want_url) {
		shown = repo_url_shown(u->answer.want_url);
		unit_fail(u, UNIT_SKIPPED, "%s: it builds upon %s, which is fetched by the "
			  "controller only", u->answer.want_by, shown);
	}
}

static void build(struct survey *s, struct unit *u)
{
	const struct render_request r = { .path = u->folder, .destination_ns = (char[]){ "" },
					  .open_tree = survey_no_remote };
	struct err err = ERR_INIT;

	if (is_component(s->o.files, u->file)) {
		u->kind = UNIT_COMPONENT;
		return;
	}
	reads_init(&u->reads, s->o.files);
	unit_rendered(u, render_run(&u->reads.files, &r, &u->answer, &err), &err);
	reads_close(&u->reads);
}

static int by_file(const void *a, const void *b)
{
	return strcmp((*(struct unit *const *)a)->file, (*(struct unit *const *)b)->file);
}

static int find_file(const void *key, const void *row)
{
	return strcmp(key, (*(struct unit *const *)row)->file);
}

/* Who reads the kustomization of another one builds upon it. */
static void find_included(struct survey *s)
{
	size_t n = s->n_kustomizations;
	_cleanup_free_ struct unit **sorted = xcalloc(n + 1, sizeof(struct unit *));

	for (size_t i = 0; i < n; i++)
		sorted[i] = &s->units.data[i];
	qsort(sorted, n, sizeof(*sorted), by_file);
	for (size_t i = 0; i < n; i++) {
		const struct unit *u = &s->units.data[i];

		for (size_t k = 0; k < u->reads.rows.len; k++) {
			const struct read_row *row = &u->reads.rows.data[k];
			struct unit **found = row->op != READ_FILE ? NULL :
				bsearch(row->path, sorted, n, sizeof(*sorted), find_file);

			if (found && *found != u)
				(*found)->included = true;
		}
	}
}

int survey_run(struct survey *s, const struct survey_options *o, struct err *err)
{
	*s = (struct survey){ .o = *o };
	if (survey_scan(s, err))
		return -1;
	s->n_kustomizations = s->units.len;
	for (size_t i = 0; i < s->n_kustomizations; i++)
		build(s, &s->units.data[i]);
	find_included(s);
	return survey_apps(s, err);
}

int survey_any(const struct survey *a, const struct survey *b, const char *root,
	       struct err *err)
{
	if (a->units.len || (b && b->units.len))
		return 0;
	return err_set(err, ERR_NOTFOUND, "%s: there is no kustomization, Application or "
		       "AppProject at or below it", root);
}

static void unit_deinit(struct unit *u)
{
	free(u->file);
	free(u->via);
	free(u->folder);
	free(u->ns);
	free(u->name);
	json_decref(u->app);
	for (size_t i = 0; i < u->whys.len; i++)
		free(u->whys.data[i]);
	vec_deinit(&u->whys);
	render_answer_deinit(&u->answer);
	reads_deinit(&u->reads);
}

void survey_deinit(struct survey *s)
{
	for (size_t i = 0; i < s->units.len; i++)
		unit_deinit(&s->units.data[i]);
	vec_deinit(&s->units);
	for (size_t i = 0; i < s->candidates.len; i++)
		free(s->candidates.data[i]);
	vec_deinit(&s->candidates);
	survey_forget(s);
}
