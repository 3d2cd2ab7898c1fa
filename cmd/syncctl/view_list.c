/* `syncctl list` and `syncctl get`: facts as columns, without judgement. */
#include "views.h"

#include "core/mem.h"

static const char *policy(const json_t *app)
{
	const json_t *automated = doc_get(app, "spec", "syncPolicy", "automated",
					  NULL);

	if (!view_goes_by_itself(app))
		return "Manual";
	if (doc_get_bool(automated, false, "prune", NULL))
		return doc_get_bool(automated, false, "selfHeal", NULL) ?
		       "Auto-Prune-Heal" : "Auto-Prune";
	return doc_get_bool(automated, false, "selfHeal", NULL) ? "Auto-Heal" :
	       "Auto";
}

static void list_row(struct view_table *t, const json_t *app,
		     const struct view_env *env)
{
	const json_t *source = view_source(app);
	_cleanup_buf_ struct buf revision = BUF_INIT, health = BUF_INIT;
	struct view_app a;

	view_app_init(&a, app);
	view_revisions(&revision, doc_get(a.status, "sync", NULL));
	buf_adds(&health, a.health[0] ? a.health : "Unknown");
	if (env->namespaces)
		view_table_add(t, VIEW_PLAIN, a.ns);
	view_table_add(t, VIEW_PLAIN, a.name);
	view_table_add(t, VIEW_PLAIN, a.project);
	view_table_add(t, !strcmp(a.sync, "Synced") ? VIEW_GREEN : VIEW_YELLOW,
		       a.sync[0] ? a.sync : "Unknown");
	view_table_add(t, a.health_colour, buf_str(&health));
	view_table_add(t, VIEW_PLAIN, policy(app));
	view_table_add(t, VIEW_PLAIN, buf_str(&revision));
	view_table_add(t, VIEW_PLAIN, doc_get_str(source, "repoURL", NULL));
	view_table_add(t, VIEW_PLAIN, doc_get_str(source, "path", NULL));
	view_table_add(t, VIEW_PLAIN, doc_get_str(source, "targetRevision", NULL) ?
		       doc_get_str(source, "targetRevision", NULL) : "HEAD");
	view_app_deinit(&a);
}

struct item {
	const json_t *app;
};

static int by_name(const void *pa, const void *pb)
{
	const json_t *a = ((const struct item *)pa)->app;
	const json_t *b = ((const struct item *)pb)->app;
	const char *x = doc_get_str(a, "metadata", "namespace", NULL);
	const char *y = doc_get_str(b, "metadata", "namespace", NULL);
	int c = strcmp(x ? x : "", y ? y : "");

	x = doc_get_str(a, "metadata", "name", NULL);
	y = doc_get_str(b, "metadata", "name", NULL);
	return c ? c : strcmp(x ? x : "", y ? y : "");
}

void view_list(const json_t *items, const struct view_env *env, struct buf *out)
{
	size_t n = json_array_size(items);
	_cleanup_free_ struct item *apps = xcalloc(n, sizeof(*apps));
	struct view_table t;

	for (size_t i = 0; i < n; i++)
		apps[i].app = json_array_get(items, i);
	if (n)
		qsort(apps, n, sizeof(*apps), by_name);
	if (env->namespaces)
		view_table_init(&t, "NAMESPACE", "NAME", "PROJECT", "SYNC", "HEALTH",
				"POLICY", "REVISION", "REPOSITORY", "PATH", "TARGET", NULL);
	else
		view_table_init(&t, "NAME", "PROJECT", "SYNC", "HEALTH", "POLICY",
				"REVISION", "REPOSITORY", "PATH", "TARGET", NULL);
	for (size_t i = 0; i < n; i++)
		list_row(&t, apps[i].app, env);
	view_table_print(&t, env, out);
	view_table_deinit(&t);
}

void view_names(const json_t *items, struct buf *out)
{
	const json_t *app;
	size_t i;

	json_array_foreach((json_t *)items, i, app) {
		buf_adds(out, "application.argoproj.io/");
		view_clean(out, doc_get_str(app, "metadata", "name", NULL));
		buf_addc(out, '\n');
	}
}

static void fact(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, "%-14s", name);
	if (value && value[0])
		view_clean(out, value);
	else
		buf_addc(out, '-');
	buf_addc(out, '\n');
}

/* A line of each part, or of each source; numbered as --source-positions counts. */
static void fact_sources(struct buf *out, const json_t *app)
{
	const json_t *many = doc_get(app, "spec", "sources", NULL), *one;
	size_t i;

	if (json_array_size(many) < 2) {
		one = view_source(app);
		fact(out, "Repository:", doc_get_str(one, "repoURL", NULL));
		fact(out, "Target:", doc_get_str(one, "targetRevision", NULL));
		fact(out, "Path:", doc_get_str(one, "path", NULL));
		return;
	}
	json_array_foreach((json_t *)many, i, one) {
		const char *path = doc_get_str(one, "path", NULL);
		const char *target = doc_get_str(one, "targetRevision", NULL);
		const char *url = doc_get_str(one, "repoURL", NULL);
		const char *name = doc_get_str(one, "name", NULL);
		_cleanup_free_ char *text = xasprintf("%zu %s%s%s%s %s, %s%s", i + 1,
			name ? "(" : "", name ? name : "", name ? ") " : "",
			url ? url : "-", target && *target ? target : "HEAD",
			path ? path : "ref ",
			path ? "" : doc_get_str(one, "ref", NULL) ?
			doc_get_str(one, "ref", NULL) : "");

		fact(out, i ? "" : "Sources:", text);
	}
}

static void fact_revisions(struct buf *out, const json_t *sync)
{
	const json_t *many = doc_get(sync, "revisions", NULL), *one;
	size_t i;

	if (!json_array_size(many))
		fact(out, "Revision:", doc_get_str(sync, "revision", NULL));
	json_array_foreach((json_t *)many, i, one)
		fact(out, i ? "" : "Revisions:", json_string_value(one));
}

static void facts(const struct view_app *a, struct buf *out)
{
	const json_t *spec = doc_get(a->app, "spec", NULL);
	const char *server = doc_get_str(spec, "destination", "server", NULL);

	fact(out, "Name:", a->name);
	fact(out, "Namespace:", a->ns);
	fact(out, "Project:", a->project);
	fact(out, "Server:", server ? server :
	     doc_get_str(spec, "destination", "name", NULL));
	fact(out, "Destination:", doc_get_str(spec, "destination", "namespace", NULL));
	fact_sources(out, a->app);
	fact(out, "Policy:", policy(a->app));
	fact(out, "Sync:", a->sync);
	fact_revisions(out, doc_get(a->status, "sync", NULL));
	fact(out, "Health:", a->health);
	fact(out, "Operation:", doc_get_str(a->status, "operationState", "phase", NULL));
	if (a->phase[0])
		fact(out, "Phase:", a->phase);
}

/* Why it is as it is; whole, since what a message ends with is what to do. */
static void fact_conditions(struct buf *out, const json_t *status)
{
	const json_t *list = doc_get(status, "conditions", NULL), *c;
	size_t i;

	json_array_foreach((json_t *)list, i, c) {
		const char *type = doc_get_str(c, "type", NULL);
		const char *message = doc_get_str(c, "message", NULL);
		_cleanup_free_ char *text = xasprintf("%s: %s", type ? type : "-",
						      message ? message : "-");

		fact(out, i ? "" : "Conditions:", text);
	}
}

static void resource_row(struct view_table *t, const json_t *r)
{
	const char *status = doc_get_str(r, "status", NULL);
	const char *health = doc_get_str(r, "health", "status", NULL);
	_cleanup_free_ char *wave = xasprintf("%lld",
		(long long)doc_get_int(r, 0, "syncWave", NULL));
	enum view_colour colour = VIEW_PLAIN;

	if (health)
		view_health_sign(health, &colour);
	view_table_add(t, VIEW_PLAIN, wave);
	view_table_add(t, VIEW_PLAIN, doc_get_str(r, "group", NULL));
	view_table_add(t, VIEW_PLAIN, doc_get_str(r, "kind", NULL));
	view_table_add(t, VIEW_PLAIN, doc_get_str(r, "namespace", NULL));
	view_table_add(t, VIEW_PLAIN, doc_get_str(r, "name", NULL));
	view_table_add(t, status && !strcmp(status, "Synced") ? VIEW_GREEN :
		       VIEW_YELLOW, status);
	view_table_add(t, colour, health);
	view_table_add(t, VIEW_PLAIN, doc_get_bool(r, false, "requiresPruning", NULL) ?
		       "to be pruned" : doc_get_str(r, "health", "message", NULL));
}

void view_get(const json_t *app, const struct view_env *env, struct buf *out)
{
	const json_t *list, *r;
	struct view_table t;
	struct view_app a;
	int64_t total;
	size_t i;

	view_app_init(&a, app);
	facts(&a, out);
	fact_conditions(out, a.status);
	list = doc_get(a.status, "resources", NULL);
	total = doc_get_int(a.syncd, 0, "resourceCount", NULL);
	if (json_array_size(list)) {
		buf_addc(out, '\n');
		view_table_init(&t, "WAVE", "GROUP", "KIND", "NAMESPACE", "NAME",
				"STATUS", "HEALTH", "MESSAGE", NULL);
		json_array_foreach((json_t *)list, i, r)
			resource_row(&t, r);
		view_table_print(&t, env, out);
		view_table_deinit(&t);
	}
	if (total > (int64_t)json_array_size(list))
		buf_addf(out, "%zu of %lld objects: those that are not in sync or not well\n",
			 json_array_size(list), (long long)total);
	view_app_deinit(&a);
}
