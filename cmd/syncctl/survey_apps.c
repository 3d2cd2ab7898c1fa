/*
 * The Applications (and AppProjects) of a tree: in what its kustomizations and other Applications give,
 * and in files that are no part of a kustomization. Each is built once, however often
 * it is met; two of one name and different specs are two (of two clusters).
 */
#include <uthash.h>

#include "core/fetch.h"
#include "core/node.h"
#include "survey.h"
#include "sync/app_spec.h"

#include <stdio.h>

#define APPS_MAX 5000

struct seen_app {
	char digest[65];	/* of namespace, name and spec */
	UT_hash_handle hh;
};

static const char *text(const json_t *o, const char *a, const char *b)
{
	const char *s = doc_get_str(o, a, b, NULL);

	return s ? s : "";
}

static bool is_kind(const char *kind)
{
	return !strcmp(kind, "Application") || !strcmp(kind, "AppProject");
}

static bool is_ours(const json_t *o)
{
	return !strcmp(text(o, "apiVersion", NULL), "argoproj.io/v1alpha1") &&
	       is_kind(text(o, "kind", NULL));
}

/* Once: false when it was there before. */
static bool remember(struct survey *s, const json_t *app)
{
	_cleanup_buf_ struct buf all = BUF_INIT;
	const json_t *spec = doc_get(app, "spec", NULL);
	struct seen_app *row = xcalloc(1, sizeof(*row)), *found;

	buf_addf(&all, "%s %s/%s ", text(app, "kind", NULL), text(app, "metadata", "namespace"),
		 text(app, "metadata", "name"));
	if (spec)
		doc_canonical(spec, &all);
	sha256_hex(buf_str(&all), all.len, row->digest);
	HASH_FIND_STR(s->seen, row->digest, found);
	if (found) {
		free(row);
		return false;
	}
	HASH_ADD_STR(s->seen, digest, row);
	return true;
}

void survey_forget(struct survey *s)
{
	struct seen_app *row, *next;

	HASH_ITER(hh, s->seen, row, next) {
		HASH_DEL(s->seen, row);
		free(row);
	}
}

/* via: the kustomization that gives it, or NULL. */
static int add_app(struct survey *s, const json_t *app, const char *file, unsigned line,
		   const char *via, struct err *err)
{
	bool is_app = !strcmp(text(app, "kind", NULL), "Application");
	struct unit u = { .kind = is_app ? UNIT_APP : UNIT_PROJECT, .line = line ? line : 1 };

	if (!remember(s, app))
		return 0;
	if (s->units.len - s->n_kustomizations >= APPS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d Applications: name a folder below "
			       "it", APPS_MAX);
	u.file = xstrdup(file);
	u.via = xstrdup(via);
	u.ns = xstrdup(text(app, "metadata", "namespace"));
	u.name = xstrdup(text(app, "metadata", "name"));
	u.folder = xstrdup("");
	u.app = json_deep_copy(app);
	vec_push(&s->units, u);
	return 0;
}

/* ---- where they are found ---- */

/* Of "path/file.yaml:12" the path, owned, and the line. */
static char *split(const char *source, unsigned *ret_line)
{
	const char *colon = strrchr(source, ':');
	unsigned long line = colon ? strtoul(colon + 1, NULL, 10) : 0;

	*ret_line = (unsigned)line;
	return line ? xstrndup(source, (size_t)(colon - source)) : xstrdup(source);
}

/* The kustomization that its objects come out of, or NULL. Owned. */
static char *giver(const struct survey *s, const struct unit *u)
{
	if (u->kind == UNIT_KUSTOMIZATION)
		return xstrdup(u->file);
	for (size_t i = 0; i < s->n_kustomizations; i++)
		if (!strcmp(s->units.data[i].folder, u->folder))
			return xstrdup(s->units.data[i].file);
	return NULL;
}

static int add_rendered(struct survey *s, size_t unit, struct err *err)
{
	/* by index: the units move when one is added */
	for (size_t i = 0; i < s->units.data[unit].answer.n_objects; i++) {
		const struct unit *u = &s->units.data[unit];
		const struct render_answer *a = &u->answer;
		const struct rendered *o = &a->objects[i];
		_cleanup_free_ char *body = NULL, *file = NULL, *via = NULL;
		_cleanup_json_ json_t *app = NULL;
		unsigned line;
		size_t len;

		if (strcmp(o->group, "argoproj.io") || !is_kind(o->kind))
			continue;
		if (render_answer_body(a, i, &body, &len, err))
			return -1;
		app = doc_parse(body, len, err);
		if (!app)
			return -1;
		file = split(o->source, &line);
		via = giver(s, u);
		if (is_ours(app) && add_app(s, app, file, line, via, err))
			return -1;
	}
	return 0;
}

/* One document, or what a List holds; what is no object is none of ours. */
static int add_document(struct survey *s, const char *path, const struct node *n,
			struct err *err)
{
	_cleanup_buf_ struct buf body = BUF_INIT;
	_cleanup_json_ json_t *app = NULL;
	const char *kind = node_get_str(n, "kind");
	const struct node *items = node_get(n, "items");
	struct err odd = ERR_INIT;

	for (uint32_t i = 0; kind && !strcmp(kind, "List") && items &&
	     items->kind == NODE_LIST && i < items->len; i++)
		if (add_document(s, path, items->kids[i], err))
			return -1;
	if (!kind || !is_kind(kind))
		return 0;
	if (node_to_json(n, &body, &odd))
		return 0;
	app = doc_parse(buf_str(&body), body.len, &odd);
	return app && is_ours(app) ? add_app(s, app, path, n->line, NULL, err) : 0;
}

static void add_broken(struct survey *s, const char *path, const char *why)
{
	struct unit u = { .kind = UNIT_APP, .line = 1, .file = xstrdup(path),
			  .folder = xstrdup(""), .ns = xstrdup(""), .name = xstrdup("?") };

	unit_fail(&u, UNIT_FAILED, "%s: %s", path, why);
	vec_push(&s->units, u);
}

static int read_documents(struct survey *s, const char *path, const char *data, size_t len,
			  struct err *err)
{
	struct node_reader *r = node_reader_new(data, len);
	struct err why = ERR_INIT;
	int got, rc = 0;

	do {
		_cleanup_(arena_deinit) struct arena a = { 0 };
		struct node *n = NULL;

		got = node_read(r, &a, &n, &why);
		if (got == 1)
			rc = add_document(s, path, n, err);
	} while (got == 1 && !rc);
	/* a template's braces are for a program that is not ours */
	if (got < 0 && !memmem(data, len, "{{", 2))
		add_broken(s, path, why.msg);
	node_reader_free(r);
	return rc;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What kustomizations read, sorted; borrowed paths. */
static char **read_paths(const struct survey *s, size_t *ret_n)
{
	VEC(char *) all = { 0 };

	for (size_t i = 0; i < s->n_kustomizations; i++)
		for (size_t k = 0; k < s->units.data[i].reads.rows.len; k++) {
			const struct read_row *row = &s->units.data[i].reads.rows.data[k];

			if (row->op == READ_FILE)
				vec_push(&all, row->path);
		}
	if (all.len)
		qsort(all.data, all.len, sizeof(*all.data), by_text);
	*ret_n = all.len;
	return all.data;
}

static int add_files(struct survey *s, struct err *err)
{
	struct files *f = s->o.files;
	_cleanup_free_ char **parts = NULL;
	size_t n;

	parts = read_paths(s, &n);
	for (size_t i = 0; i < s->candidates.len; i++) {
		_cleanup_free_ char *data = NULL;
		struct err why = ERR_INIT;
		size_t len;

		if (n && bsearch(&s->candidates.data[i], parts, n, sizeof(*parts), by_text))
			continue;
		if (f->ops->read(f, s->candidates.data[i], SIZE_MAX / 4, &data, &len, &why))
			add_broken(s, s->candidates.data[i], why.msg);
		else if (read_documents(s, s->candidates.data[i], data, len, err))
			return -1;
	}
	return 0;
}

/* ---- building one ---- */

/* Is each source what this tree holds? Else the unit says why not. */
static bool is_local(const struct survey *s, struct unit *u, const struct app_spec *spec)
{
	for (size_t i = 0; i < spec->sources.list.len; i++) {
		const struct app_source *src = &spec->sources.list.data[i];

		if (src->ref_only)
			continue;
		if (!s->o.is_ours(s->o.arg, src->repo_url)) {
			_cleanup_free_ char *shown = repo_url_shown(src->repo_url);

			unit_fail(u, UNIT_SKIPPED, "%s is not this repository: say --repo if it "
				  "is", shown);
			return false;
		}
		if (s->o.is_fixed(s->o.arg, src->revision)) {
			unit_fail(u, UNIT_SKIPPED, "targetRevision %s is a tag, a range of tags "
				  "or a commit: what is here does not go out by it",
				  src->revision);
			return false;
		}
	}
	return true;
}

struct parts {
	struct render_request requests[RENDER_SOURCES_MAX];
	struct render_part list[RENDER_SOURCES_MAX];
	char names[RENDER_SOURCES_MAX][32];
	size_t n;
};

static void fill(struct parts *p, struct unit *u, const struct app_spec *spec)
{
	for (size_t i = 0; i < spec->sources.list.len && p->n < RENDER_SOURCES_MAX; i++) {
		const struct app_source *src = &spec->sources.list.data[i];

		if (src->ref_only)
			continue;
		snprintf(p->names[p->n], sizeof(p->names[0]), "sources[%zu]", i);
		p->requests[p->n] = (struct render_request){
			.path = src->path, .source = src->raw,
			.where = spec->sources.many ? p->names[p->n] : NULL,
			.destination_ns = spec->dest_ns,
			.control = p->n ? NULL : spec->control,
			.environment = p->n ? NULL : spec->environment,
			.open_tree = survey_no_remote,
		};
		p->list[p->n] = (struct render_part){ .request = &p->requests[p->n],
						      .files = &u->reads.files };
		p->n++;
	}
}

static void render_app(struct survey *s, struct unit *u, const struct app_spec *spec)
{
	_cleanup_free_ struct parts *p = xcalloc(1, sizeof(*p));
	struct err err = ERR_INIT;

	reads_init(&u->reads, s->o.files);
	fill(p, u, spec);
	if (p->n) {
		free(u->folder);
		u->folder = xstrdup(p->requests[0].path);
	}
	if (!p->n)
		unit_fail(u, UNIT_FAILED, "no source of it gives objects: name a path");
	else
		unit_rendered(u, render_all(p->list, p->n, &u->answer, &err), &err);
	reads_close(&u->reads);
}

static void build(struct survey *s, struct unit *u)
{
	static const struct app_defaults defaults = { .auto_revert = true };
	struct app_spec spec;

	app_spec_decode(&spec, u->app, &defaults);
	u->refused = spec.n_errors;
	for (size_t i = 0; i < spec.n_errors; i++)
		unit_fail(u, UNIT_FAILED, "%s", spec.errors[i]);
	if (!spec.n_errors && is_local(s, u, &spec))
		render_app(s, u, &spec);
	app_spec_deinit(&spec);
}

int survey_apps(struct survey *s, struct err *err)
{
	for (size_t i = 0; i < s->n_kustomizations; i++)
		if (!s->units.data[i].included && add_rendered(s, i, err))
			return -1;
	if (add_files(s, err))
		return -1;
	for (size_t i = s->n_kustomizations; i < s->units.len; i++) {
		struct unit *u = &s->units.data[i];

		if (!u->app || u->kind != UNIT_APP)
			continue;
		build(s, u);
		if (add_rendered(s, i, err))
			return -1;
	}
	return 0;
}
