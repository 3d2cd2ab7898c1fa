/*
 * `syncctl report`: what auto-revert would have done where it only reports (the
 * annotation syncd.dev/auto-revert: report, the first week of an application that was
 * taken over). The newest case first; then who only reports, and until when.
 */
#include "views.h"

#include "core/mem.h"

struct kase {
	const json_t *release;	/* borrowed from state */
	const char *ns, *name, *since;
};

struct cases {
	VEC(struct kase) list;
	VEC(json_t *) states;	/* owned */
};

static const char *text(const char *s)
{
	return s ? s : "";
}

static int newest_first(const void *pa, const void *pb)
{
	const struct kase *a = pa, *b = pb;
	int c = strcmp(b->since, a->since);

	c = c ? c : strcmp(a->ns, b->ns);
	return c ? c : strcmp(a->name, b->name);
}

static void find(struct cases *s, const json_t *items)
{
	const json_t *app, *r;
	size_t i, k;

	json_array_foreach((json_t *)items, i, app) {
		json_t *state = view_state(app);

		vec_push(&s->states, state);
		json_array_foreach(json_object_get(state, "releases"), k, r)
			if (doc_get_int(r, 0, "wouldRevertTo", NULL))
				vec_push(&s->list, ((struct kase){ r,
					text(doc_get_str(app, "metadata", "namespace", NULL)),
					text(doc_get_str(app, "metadata", "name", NULL)),
					text(doc_get_str(r, "since", NULL)) }));
	}
	if (s->list.len)
		qsort(s->list.data, s->list.len, sizeof(*s->list.data), newest_first);
}

static void cases_deinit(struct cases *s)
{
	for (size_t i = 0; i < s->states.len; i++)
		json_decref(s->states.data[i]);
	vec_deinit(&s->states);
	vec_deinit(&s->list);
}

json_t *view_report_json(const json_t *items)
{
	static const char *const copied[] = { "release", "id", "revision", "revision",
		"author", "author", "subject", "subject", "since", "since",
		"wouldRevertTo", "wouldRevertTo", "reason", "reason" };
	struct cases s = { 0 };
	json_t *list = json_array();

	find(&s, items);
	for (size_t i = 0; i < s.list.len; i++) {
		json_t *row = json_pack("{ssss}", "namespace", s.list.data[i].ns,
					"application", s.list.data[i].name);

		for (size_t k = 0; k < ARRAY_LEN(copied); k += 2) {
			json_t *v = json_object_get(s.list.data[i].release, copied[k + 1]);

			if (v)
				json_object_set(row, copied[k], v);
		}
		json_array_append_new(list, row);
	}
	cases_deinit(&s);
	return list;
}

static void add_row(struct view_table *t, const struct kase *c,
		    const struct view_env *env)
{
	_cleanup_buf_ struct buf revision = BUF_INIT, age = BUF_INIT;
	_cleanup_free_ char *id = xasprintf("#%lld", (long long)doc_get_int(c->release, 0,
									   "id", NULL));
	_cleanup_free_ char *to = xasprintf("#%lld", (long long)doc_get_int(c->release, 0,
		"wouldRevertTo", NULL));

	view_revision(&revision, doc_get_str(c->release, "revision", NULL));
	view_age(&age, env, c->since);
	buf_adds(&age, age.len ? " ago" : "");
	if (env->namespaces)
		view_table_add(t, VIEW_PLAIN, c->ns);
	view_table_add(t, VIEW_PLAIN, c->name);
	view_table_add(t, VIEW_RED, id);
	view_table_add(t, VIEW_PLAIN, buf_str(&revision));
	view_table_add(t, VIEW_PLAIN, doc_get_str(c->release, "author", NULL));
	view_table_add(t, VIEW_PLAIN, buf_str(&age));
	view_table_add(t, VIEW_GREEN, to);
	view_table_add(t, VIEW_PLAIN, doc_get_str(c->release, "reason", NULL));
}

/* "shop only reports until ...: its workloads ran before ..." */
static void tell_mode(const json_t *app, const json_t *state, struct buf *out)
{
	const char *mode = doc_get_str(state, "autoRevert", "mode", NULL);
	const char *until = doc_get_str(state, "autoRevert", "until", NULL);

	if (!mode)
		return;
	view_clean(out, doc_get_str(app, "metadata", "name", NULL));
	buf_adds(out, !strcmp(mode, "report") ? " only reports" : " has no auto-revert");
	if (until) {
		buf_adds(out, " until ");
		view_clean(out, until);
	}
	buf_adds(out, ": ");
	view_clean(out, doc_get_str(state, "autoRevert", "why", NULL));
	buf_addc(out, '\n');
}

void view_report(const json_t *items, const struct view_env *env, struct buf *out)
{
	struct cases s = { 0 };
	struct view_table t;

	find(&s, items);
	if (env->namespaces)
		view_table_init(&t, "NAMESPACE", "APPLICATION", "RELEASE", "REVISION", "AUTHOR",
				"WHEN", "WOULD GO BACK TO", "REASON", NULL);
	else
		view_table_init(&t, "APPLICATION", "RELEASE", "REVISION", "AUTHOR", "WHEN",
				"WOULD GO BACK TO", "REASON", NULL);
	for (size_t i = 0; i < s.list.len; i++)
		add_row(&t, &s.list.data[i], env);
	if (s.list.len)
		view_table_print(&t, env, out);
	else
		buf_adds(out, "nothing would have been reverted\n");
	view_table_deinit(&t);
	for (size_t i = 0; i < s.states.len; i++)
		tell_mode(json_array_get(items, i), s.states.data[i], out);
	cases_deinit(&s);
}
