/*
 * syncctl windows APP: the sync windows of its project, and what they say now; and the
 * gates of its deploy-control file that are shut.
 */
#include "syncctl.h"

#include "core/mem.h"
#include "sync/window.h"

static struct kube_ref project_ref(const char *ns, const char *name)
{
	return (struct kube_ref){ .group = "argoproj.io", .version = "v1alpha1",
				  .resource = "appprojects", .ns = ns, .name = name };
}

/* Beside the application, else in argocd, else in syncd's own namespace. Owned. */
static json_t *find_project(struct cluster *c, const struct options *o,
			    const json_t *app, struct err *err)
{
	const char *name = doc_get_str(app, "spec", "project", NULL);
	const char *places[] = { c->ns, "argocd", cluster_system_ns(c, o, c->ns, err) };

	for (size_t i = 0; i < ARRAY_LEN(places) && places[i]; i++) {
		struct kube_ref ref = project_ref(places[i], name && *name ? name : "default");
		json_t *p;

		*err = ERR_INIT;
		p = cluster_object(c, &ref, err);
		/* Unserved: nobody installed the kind, and there is none of it. */
		if (p || (err->code != ERR_NOTFOUND && err->code != ERR_UNSERVED))
			return p;
	}
	return NULL;
}

static void add_time(struct view_table *t, int64_t ms)
{
	char text[32] = "";

	if (ms)
		time_rfc3339(ms, text);
	view_table_add(t, VIEW_PLAIN, text);
}

static void add_row(struct view_table *t, const json_t *w, const struct window_app *a,
		    int64_t now)
{
	bool manual = doc_get_bool(w, false, "manualSync", NULL);
	const char *zone = doc_get_str(w, "timeZone", NULL);
	const char *words = doc_get_str(w, "description", NULL);
	struct err err = ERR_INIT;
	struct window_state s;
	int bad = window_look(w, a, now, &s, &err);

	view_table_add(t, VIEW_PLAIN, doc_get_str(w, "kind", NULL));
	view_table_add(t, VIEW_PLAIN, doc_get_str(w, "schedule", NULL));
	view_table_add(t, VIEW_PLAIN, doc_get_str(w, "duration", NULL));
	view_table_add(t, VIEW_PLAIN, zone ? zone : "UTC");
	view_table_add(t, VIEW_PLAIN, manual ? "allowed" : "-");
	view_table_add(t, s.matches ? VIEW_PLAIN : VIEW_FAINT, s.matches ? "yes" : "no");
	view_table_add(t, bad ? VIEW_RED : s.active ? VIEW_YELLOW : VIEW_FAINT,
		       bad ? "cannot be read" : s.active ? "yes" : "no");
	add_time(t, bad ? 0 : s.active ? s.closes_ms : s.opens_ms);
	view_table_add(t, VIEW_PLAIN, bad ? err.msg : words);
}

static void verdict(const struct window_verdict *v, struct buf *out)
{
	char when[32] = "";

	if (v->automatic)
		buf_adds(out, "it may sync now");
	else
		view_clean(out, v->why);
	if (!v->automatic && v->manual)
		buf_adds(out, "; a person may sync all the same");
	if (v->automatic && v->change_ms) {
		time_rfc3339(v->change_ms, when);
		buf_addf(out, "; a window shuts it at %s", when);
	}
	buf_addc(out, '\n');
}

static json_t *verdict_json(const json_t *list, const struct window_verdict *v)
{
	json_t *o = json_object();
	char when[32];

	json_object_set_new(o, "automatic", json_boolean(v->automatic));
	json_object_set_new(o, "manual", json_boolean(v->manual));
	if (v->change_ms) {
		time_rfc3339(v->change_ms, when);
		json_object_set_new(o, "changesAt", json_string(when));
	}
	if (*v->why)
		json_object_set_new(o, "why", json_string(v->why));
	json_object_set_new(o, "windows", list ? json_deep_copy(list) : json_array());
	return o;
}

static void table(const json_t *list, const struct window_app *a,
		  const struct view_env *env, struct buf *out)
{
	struct view_table t;
	size_t i;
	json_t *w;

	view_table_init(&t, "KIND", "SCHEDULE", "DURATION", "ZONE", "BY HAND", "MATCHES",
			"ACTIVE", "UNTIL/NEXT", "DESCRIPTION", NULL);
	json_array_foreach((json_t *)list, i, w)
		add_row(&t, w, a, env->now_ms);
	view_table_print(&t, env, out);
	view_table_deinit(&t);
}

static int show(struct cluster *c, const struct options *o)
{
	struct view_env env = output_env(o);
	_cleanup_json_ json_t *app = NULL, *project = NULL, *syncd = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	struct window_verdict v;
	struct window_app a;
	const char *ns;
	json_t *list;

	app = cluster_get(c, o->args[0], &err);
	project = app ? find_project(c, o, app, &err) : NULL;
	if (!app || (!project && err.code && err.code != ERR_NOTFOUND &&
		     err.code != ERR_UNSERVED))
		return output_error(&err);
	ns = doc_get_str(app, "spec", "destination", "namespace", NULL);
	a = (struct window_app){ o->args[0], ns ? ns : "" };
	list = doc_get(project, "spec", "syncWindows", NULL);
	windows_judge(list, &a, env.now_ms, &v);
	if (output_is_data(o))
		return output_value(verdict_json(list, &v), o->output);
	if (json_array_size(list))
		table(list, &a, &env, &out);
	else
		buf_adds(&out, "its project has no sync windows: ");
	verdict(&v, &out);
	syncd = view_state(app);
	view_gates(syncd, &env, &out);
	return output_text(&out);
}

int cmd_windows(const struct options *o)
{
	return cluster_run(o, show);
}
