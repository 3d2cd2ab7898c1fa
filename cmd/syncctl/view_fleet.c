/* `syncctl status`: every application on a line, the broken ones first. */
#include "views.h"

#include "core/mem.h"

struct fleet {
	struct view_app *apps;	/* sorted: worst first */
	size_t n;
};

static int compare_apps(const void *pa, const void *pb)
{
	const struct view_app *a = pa, *b = pb;
	int c;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	c = strcmp(a->name, b->name);
	return c ? c : strcmp(a->ns, b->ns);
}

static void fleet_init(struct fleet *f, const json_t *items)
{
	f->n = json_array_size(items);
	f->apps = xcalloc(f->n, sizeof(*f->apps));
	for (size_t i = 0; i < f->n; i++)
		view_app_init(&f->apps[i], json_array_get(items, i));
	if (f->n)
		qsort(f->apps, f->n, sizeof(*f->apps), compare_apps);
}

static void fleet_deinit(struct fleet *f)
{
	for (size_t i = 0; i < f->n; i++)
		view_app_deinit(&f->apps[i]);
	free(f->apps);
}

/* "9f31c02 (#41)" */
static void running_words(const struct view_app *a, struct buf *out)
{
	int64_t id = doc_get_int(a->target, 0, "id", NULL);

	view_revisions(out, a->target);
	if (id)
		buf_addf(out, " (#%lld)", (long long)id);
}

static void add_buf(struct view_table *t, enum view_colour colour, struct buf *b)
{
	view_table_add(t, colour, buf_str(b));
	buf_deinit(b);
}

static void add_app(struct view_table *t, const struct view_app *a,
		    const struct view_env *env)
{
	struct buf health = BUF_INIT, running = BUF_INIT, git = BUF_INIT;
	struct buf since = BUF_INIT;

	if (env->namespaces)
		view_table_add(t, VIEW_PLAIN, a->ns);
	view_table_add(t, VIEW_PLAIN, a->name);
	view_table_add(t, VIEW_PLAIN, a->project);
	view_table_add(t, a->sync_colour, buf_str(&a->sync_words));
	buf_addf(&health, "%s %s", a->health_sign,
		 a->health[0] ? a->health : "Unknown");
	add_buf(t, a->health_colour, &health);
	running_words(a, &running);
	add_buf(t, VIEW_PLAIN, &running);
	view_revisions(&git, doc_get(a->status, "sync", NULL));
	add_buf(t, VIEW_PLAIN, &git);
	view_age(&since, env, a->since);
	add_buf(t, VIEW_PLAIN, &since);
	if (env->wide)
		view_table_add(t, VIEW_PLAIN, doc_get_str(a->app, "spec", "source",
							  "repoURL", NULL));
	/* The note is last and may be empty: no dash. */
	view_table_add(t, VIEW_PLAIN, a->note.len ? buf_str(&a->note) : " ");
}

static void heading(struct view_table *t, const struct view_env *env)
{
	if (env->namespaces && env->wide)
		view_table_init(t, "NAMESPACE", "APPLICATION", "PROJECT", "SYNC", "HEALTH",
				"RUNNING", "GIT", "SINCE", "REPOSITORY", "NOTE", NULL);
	else if (env->namespaces)
		view_table_init(t, "NAMESPACE", "APPLICATION", "PROJECT", "SYNC", "HEALTH",
				"RUNNING", "GIT", "SINCE", "NOTE", NULL);
	else if (env->wide)
		view_table_init(t, "APPLICATION", "PROJECT", "SYNC", "HEALTH", "RUNNING",
				"GIT", "SINCE", "REPOSITORY", "NOTE", NULL);
	else
		view_table_init(t, "APPLICATION", "PROJECT", "SYNC", "HEALTH", "RUNNING",
				"GIT", "SINCE", "NOTE", NULL);
}

static void count_words(struct buf *out, const char **separator, size_t n,
			const char *words)
{
	if (!n)
		return;
	buf_addf(out, "%s%zu %s", *separator, n, words);
	*separator = ", ";
}

/* "3 applications: 1 pinned, 1 syncing, 1 in sync    leader syncd-7d9f-x2k" */
static void summary(const struct fleet *f, struct buf *out)
{
	size_t pinned = 0, broken = 0, moving = 0, waiting = 0, fine = 0;
	const char *leader = NULL, *at, *newest = "", *separator = ": ";

	for (size_t i = 0; i < f->n; i++) {
		const struct view_app *a = &f->apps[i];

		pinned += a->pinned && a->rank == RANK_BROKEN;
		broken += a->rank == RANK_BROKEN && !a->pinned;
		moving += a->rank == RANK_MOVING;
		waiting += a->rank == RANK_WAITING;
		fine += a->rank == RANK_FINE;
		at = doc_get_str(a->status, "reconciledAt", NULL);
		if (!leader || (at && strcmp(at, newest) > 0)) {
			newest = at ? at : newest;	/* whoever wrote last */
			leader = doc_get_str(a->syncd, "leader", NULL);
		}
	}
	buf_addf(out, "%zu application%s", f->n, f->n == 1 ? "" : "s");
	count_words(out, &separator, pinned, "pinned");
	count_words(out, &separator, broken, "broken");
	count_words(out, &separator, moving, "syncing");
	count_words(out, &separator, waiting, "not in sync or not healthy");
	count_words(out, &separator, fine, "in sync");
	if (leader) {
		buf_adds(out, "    leader ");
		view_clean(out, leader);
	}
	buf_addc(out, '\n');
}

/* What all reverts wait for, once: whoever told it last knows best. */
static void breaker_line(const struct fleet *f, struct buf *out)
{
	const char *why = NULL, *newest = "";
	size_t held = 0;

	for (size_t i = 0; i < f->n; i++) {
		const json_t *b = doc_get(f->apps[i].syncd, "breaker", NULL);
		const char *since = doc_get_str(b, "since", NULL);

		held += doc_get_bool(b, false, "held", NULL);
		if (!b || (since && strcmp(since, newest) < 0))
			continue;
		newest = since ? since : newest;
		why = doc_get_str(b, "why", NULL);
	}
	if (!why)
		return;
	buf_adds(out, "Breaker open: ");
	view_clean(out, why);
	buf_addf(out, ". Reverts go one at a time until one succeeds; %zu wait%s.\n", held,
		 held == 1 ? "s" : "");
}

static void trim_lines(struct buf *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < out->len; i++) {
		while (out->data[i] == '\n' && kept && out->data[kept - 1] == ' ')
			kept--;
		out->data[kept++] = out->data[i];
	}
	out->len = kept;
	if (out->data)
		out->data[kept] = '\0';
}

void view_fleet(const json_t *items, const struct view_env *env, struct buf *out)
{
	struct view_table t;
	struct fleet f;

	fleet_init(&f, items);
	heading(&t, env);
	for (size_t i = 0; i < f.n; i++)
		add_app(&t, &f.apps[i], env);
	view_table_print(&t, env, out);
	trim_lines(out);
	summary(&f, out);
	breaker_line(&f, out);
	view_table_deinit(&t);
	fleet_deinit(&f);
}

static void set(json_t *o, const char *key, const char *s)
{
	if (s && s[0])
		json_object_set_new(o, key, json_string(s));
}

json_t *view_fleet_json(const json_t *items, const struct view_env *env)
{
	json_t *list = json_array();
	struct fleet f;

	(void)env;
	fleet_init(&f, items);
	for (size_t i = 0; i < f.n; i++) {
		const struct view_app *a = &f.apps[i];
		json_t *o = json_object();

		set(o, "namespace", a->ns);
		set(o, "name", a->name);
		set(o, "project", a->project);
		set(o, "sync", a->sync);
		set(o, "health", a->health);
		set(o, "phase", a->phase);
		set(o, "since", a->since);
		set(o, "gitRevision", view_first_revision(doc_get(a->status, "sync", NULL)));
		set(o, "note", buf_str(&a->note));
		json_object_set_new(o, "pinned", json_boolean(a->pinned));
		if (a->target)
			json_object_set(o, "target", (json_t *)a->target);
		if (a->rejected)
			json_object_set(o, "rejected", (json_t *)a->rejected);
		json_array_append_new(list, o);
	}
	fleet_deinit(&f);
	return list;
}
