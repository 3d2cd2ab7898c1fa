/* `syncctl health -f FILE`: what the rules say of objects, without a cluster. */
#include "views.h"

#include "core/mem.h"
#include "health/health.h"

static void set(json_t *o, const char *key, const char *s)
{
	_cleanup_buf_ struct buf literal = BUF_INIT;

	if (!s || !s[0])
		return;
	doc_write_str(&literal, s);	/* a cut message may end inside a character */
	json_object_set_new(o, key, doc_parse(buf_str(&literal), literal.len, NULL));
}

static void judge(json_t *list, const json_t *object, view_judge_fn *fn, void *arg)
{
	struct health h = fn(arg, object);
	json_t *o = json_object();

	set(o, "kind", doc_get_str(object, "kind", NULL));
	set(o, "namespace", doc_get_str(object, "metadata", "namespace", NULL));
	set(o, "name", doc_get_str(object, "metadata", "name", NULL));
	set(o, "status", health_str(h.status));
	set(o, "message", h.message);
	json_array_append_new(list, o);
}

static struct health by_rule(void *arg, const json_t *object)
{
	(void)arg;
	return health_assess(object);
}

json_t *view_health_judge(const json_t *objects)
{
	return view_health_judge_by(objects, by_rule, NULL);
}

bool view_health_is_bad(const json_t *judged)
{
	const json_t *o;
	size_t i;

	json_array_foreach((json_t *)judged, i, o) {
		enum health_status s = health_from_str(doc_get_str(o, "status",
								   NULL));

		if (s == HEALTH_DEGRADED || s == HEALTH_MISSING ||
		    s == HEALTH_UNKNOWN)
			return true;
	}
	return false;
}

json_t *view_health_judge_by(const json_t *objects, view_judge_fn *fn, void *arg)
{
	json_t *list = json_array();
	const json_t *o, *item;
	size_t i, j;

	json_array_foreach((json_t *)objects, i, o) {
		const json_t *items = doc_get(o, "items", NULL);

		if (!json_is_array(items)) {
			judge(list, o, fn, arg);
			continue;
		}
		json_array_foreach((json_t *)items, j, item)
			judge(list, item, fn, arg);
	}
	return list;
}

void view_health_names(const json_t *judged, struct buf *out)
{
	const json_t *o;
	size_t i;

	json_array_foreach((json_t *)judged, i, o) {
		_cleanup_buf_ struct buf name = BUF_INIT;
		const char *kind = doc_get_str(o, "kind", NULL);

		buf_addf(&name, "%s/", kind ? kind : "?");
		buf_adds(&name, doc_get_str(o, "name", NULL) ? doc_get_str(o, "name", NULL) : "?");
		view_clean(out, buf_str(&name));
		buf_addc(out, '\n');
	}
}

void view_health(const json_t *judged, const struct view_env *env,
		 struct buf *out)
{
	struct view_table t;
	const json_t *o;
	size_t i;

	view_table_init(&t, "KIND", "NAME", "STATUS", "MESSAGE", NULL);
	json_array_foreach((json_t *)judged, i, o) {
		const char *ns = doc_get_str(o, "namespace", NULL);
		const char *name = doc_get_str(o, "name", NULL);
		const char *status = doc_get_str(o, "status", NULL);
		_cleanup_free_ char *full = xasprintf("%s%s%s", ns ? ns : "",
						      ns ? "/" : "", name ? name : "");
		enum view_colour colour = VIEW_PLAIN;

		if (status)
			view_health_sign(status, &colour);
		view_table_add(&t, VIEW_PLAIN, doc_get_str(o, "kind", NULL));
		view_table_add(&t, VIEW_PLAIN, full);
		view_table_add(&t, colour, status ? status : "no rule");
		view_table_add(&t, VIEW_PLAIN, doc_get_str(o, "message", NULL));
	}
	view_table_print(&t, env, out);
	view_table_deinit(&t);
}
