/* statusdoc.h: rules that whole documents do not show: sameness, size, health. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/doc.h"
#include "sync/app_priv.h"
#include "sync/statusdoc.h"

static json_t *parse(const char *text)
{
	struct err err = ERR_INIT;
	json_t *j = doc_parse(text, strlen(text), &err);

	if (!j)
		fail_msg("%s: %s", text, err.msg);
	return j;
}

static void only_when_and_by_whom_may_differ(void **state)
{
	static const struct { const char *a, *b; bool same; } cases[] = {
		{ "{}", "{}", true },
		{ "{\"reconciledAt\":\"x\"}", "{\"reconciledAt\":\"y\"}", true },
		{ "{\"reconciledAt\":\"x\",\"a\":1}", "{\"a\":1}", true },
		{ "{\"a\":1}", "{\"reconciledAt\":\"x\",\"a\":1.0}", true },
		{ "{\"a\":1}", "{\"a\":2}", false },
		{ "{\"a\":1}", "{\"b\":1}", false },
		{ "{\"a\":1}", "{\"a\":1,\"b\":1}", false },
		{ "{\"a\":1,\"b\":1}", "{\"a\":1,\"reconciledAt\":1}", false },
		{ "{\"s\":{\"reconciledAt\":1}}", "{\"s\":{\"reconciledAt\":2}}", false },
		{ "{\"syncd\":{\"leader\":\"a\"}}", "{\"syncd\":{\"leader\":\"b\"}}", true },
		{ "{\"syncd\":{\"leader\":\"a\",\"phase\":\"Idle\"}}",
		  "{\"syncd\":{\"leader\":\"b\",\"phase\":\"Soaking\"}}", false },
		{ "{\"syncd\":{\"leader\":\"a\"}}", "{\"syncd\":null}", false },
		{ "{\"leader\":\"a\"}", "{\"leader\":\"b\"}", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_json_ json_t *a = parse(cases[i].a), *b = parse(cases[i].b);

		assert_int_equal(status_same(a, b), cases[i].same);
		assert_int_equal(status_same(b, a), cases[i].same);
	}
	assert_false(status_same(NULL, NULL));
}

/* Many objects of one kind; every 100th is Degraded. */
struct big {
	struct app_spec spec;
	struct record record;
	struct live_index live;
	struct render_answer release;
	struct scope *scopes;
	struct plan plan;
	struct status_view view;
	struct arena arena;
};

static void big_add(struct big *b, size_t i, bool in_sync)
{
	struct objkey k = { "", "ConfigMap", "", arena_printf(&b->arena, "n%zu", i) };
	struct inv_entry *e = record_inv_add(&b->record, &k, "op");
	struct live *l = arena_alloc(&b->arena, sizeof(*l));

	strcpy(e->uid, "u");
	strcpy(e->digest, "d");
	strcpy(e->fingerprint, "f");
	strcpy(l->uid, "u");
	strcpy(l->fingerprint, in_sync ? "f" : "g");
	l->app_id = "shop";
	l->key = arena_printf(&b->arena, "ConfigMap/%s", k.name);
	l->health.status = i % 100 ? HEALTH_NONE : HEALTH_DEGRADED;
	HASH_ADD_KEYPTR(hh, b->live.by_key, l->key, strlen(l->key), l);
	b->release.objects[i] = (struct rendered){
		.group = "", .kind = "ConfigMap", .ns = "", .version = "v1",
		.name = (char *)k.name, .digest = "d" };
}

static void big_init(struct big *b, size_t n, bool in_sync)
{
	memset(b, 0, sizeof(*b));
	b->release.objects = arena_alloc(&b->arena, n * sizeof(struct rendered));
	b->release.n_objects = n;
	b->scopes = arena_alloc(&b->arena, n * sizeof(struct scope));
	for (size_t i = 0; i < n; i++)
		big_add(b, i, in_sync);
	plan_build(&(struct plan_input){ .release = &b->release, .scopes = b->scopes,
		.destination_ns = "", .app_id = "shop", .record = &b->record,
		.live = &b->live }, &b->plan);
	b->view = (struct status_view){ .spec = &b->spec, .record = &b->record,
		.live = &b->live, .plan = &b->plan, .release = &b->release,
		.head = "x", .compared = true, .now_ms = 1000 };
	b->record.target = record_add_release(&b->record)->id;
}

static void big_deinit(struct big *b)
{
	HASH_CLEAR(hh, b->live.by_key);
	record_deinit(&b->record);
	plan_deinit(&b->plan);
	arena_deinit(&b->arena);
}

static void size_is_capped(void **state)
{
	static const struct { size_t n; bool in_sync; size_t rows; } cases[] = {
		{ 1000, true, 1000 },
		{ 1001, true, 11 },	/* the unhealthy ones */
		{ 3000, false, 1000 },	/* all are out of sync: still a cap */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_json_ json_t *s = NULL;
		struct big b;

		big_init(&b, cases[i].n, cases[i].in_sync);
		s = status_build(&b.view, NULL);
		assert_int_equal(json_array_size(doc_get(s, "resources", NULL)),
				 cases[i].rows);
		assert_int_equal(doc_get_int(s, 0, "syncd", "resourceCount", NULL),
				 cases[i].n);
		b.view.plan = NULL;
		json_decref(s);
		s = status_build(&b.view, NULL);
		assert_int_equal(json_array_size(doc_get(s, "resources", NULL)),
				 cases[i].n > 1000 ? (cases[i].n + 99) / 100 : cases[i].n);
		big_deinit(&b);
	}
}

static void health_is_the_worst_and_names_it(void **state)
{
	struct health h;
	struct big b;

	(void)state;
	big_init(&b, 2, true);
	h = status_health(&b.view);
	assert_int_equal(h.status, HEALTH_DEGRADED);
	assert_string_equal(h.message, "ConfigMap/n0: Degraded");
	b.record.inventory.data[0].flags = OBJ_IGNORE_HEALTH;
	assert_int_equal(status_health(&b.view).status, HEALTH_HEALTHY);
	b.record.inventory.data[0].flags = OBJ_HOOK;
	assert_int_equal(status_health(&b.view).status, HEALTH_HEALTHY);
	big_deinit(&b);
}

/* A repository that cannot be read, from the first day on. */
static void what_is_not_known_is_not_well(void **state)
{
	struct record none = { 0 };
	struct big b;

	(void)state;
	big_init(&b, 2, true);
	b.view.record = &none;
	assert_int_equal(status_health(&b.view).status, HEALTH_DEGRADED);
	b.view.plan = NULL;
	assert_int_equal(status_health(&b.view).status, HEALTH_UNKNOWN);
	none.target = 1;
	assert_int_equal(status_health(&b.view).status, HEALTH_HEALTHY);
	big_deinit(&b);
}

/* What was put out is shown, but for what argocd-cm excludes by now. */
static void excluded_is_not_shown(void **state)
{
	_cleanup_json_ json_t *s = NULL;
	const json_t *rows;
	struct big b;

	(void)state;
	big_init(&b, 3, true);
	b.view.plan = NULL;
	b.record.inventory.data[1].flags = OBJ_SKIP;
	s = status_build(&b.view, NULL);
	rows = doc_get(s, "resources", NULL);
	assert_int_equal(json_array_size(rows), 2);
	assert_string_equal(doc_get_str(json_array_get(rows, 1), "name", NULL), "n2");
	big_deinit(&b);
}

static void take_live(struct big *b, const char *name)
{
	struct live *l = live_find(&b->live, &(struct objkey){ "", "ConfigMap", "", name });

	HASH_DEL(b->live.by_key, l);
}

/* As in Argo CD: one that is missing is out of sync; where all are, all is Missing. */
static void missing_objects_count_together(void **state)
{
	struct health h;
	struct big b;

	(void)state;
	big_init(&b, 3, true);
	take_live(&b, "n1");
	assert_int_equal(status_health(&b.view).status, HEALTH_DEGRADED);	/* n0 */
	take_live(&b, "n0");
	assert_int_equal(status_health(&b.view).status, HEALTH_HEALTHY);
	take_live(&b, "n2");
	h = status_health(&b.view);
	assert_int_equal(h.status, HEALTH_MISSING);
	assert_string_equal(h.message, "ConfigMap/n0: Missing");
	/* all that is left is there; whether its health counts is another matter */
	b.record.inventory.data[1].flags = OBJ_HOOK;
	b.record.inventory.data[2].flags = OBJ_HOOK;
	b.record.inventory.data[0].flags = OBJ_IGNORE_HEALTH;
	assert_int_equal(status_health(&b.view).status, HEALTH_MISSING);
	big_deinit(&b);
}

/* Of a release that is pinned, and of the one that Git has. */
static void missing_objects_of_the_target(void **state)
{
	struct big b;

	(void)state;
	big_init(&b, 1, true);
	take_live(&b, "n0");
	assert_int_equal(status_health(&b.view).status, HEALTH_MISSING);
	/* not in the release any more: it goes, and does not count */
	plan_deinit(&b.plan);
	b.release.objects++;
	b.release.n_objects--;
	plan_build(&(struct plan_input){ .release = &b.release, .scopes = b.scopes,
		.destination_ns = "", .app_id = "shop", .record = &b.record,
		.live = &b.live, .prune_allowed = true }, &b.plan);
	assert_int_equal(status_health(&b.view).status, HEALTH_HEALTHY);
	/* but it does while we are pinned to a release that has it */
	b.record.pin_why = xstrdup("x");
	assert_int_equal(status_health(&b.view).status, HEALTH_MISSING);
	big_deinit(&b);
}

static struct live *big_live(struct big *b, const char *name)
{
	return live_find(&b->live, &(struct objkey){ "", "ConfigMap", "",
						      (char *)name });
}

/* Those of the target's objects and of the Application itself; no hook's. */
static void links_are_summed_up(void **state)
{
	_cleanup_json_ json_t *s = NULL, *want = NULL;
	struct big b;

	(void)state;
	big_init(&b, 4, true);
	big_live(&b, "n0")->links = (char *)"http://c\0http://a\0";
	big_live(&b, "n1")->links = (char *)"http://b\0http://c\0";
	big_live(&b, "n2")->links = (char *)"http://hook\0";
	b.record.inventory.data[2].flags = OBJ_HOOK;
	b.spec.links = (char *)"Wiki|http://w\0";
	s = status_build(&b.view, NULL);
	want = parse("[\"Wiki|http://w\",\"http://a\",\"http://b\",\"http://c\"]");
	assert_true(doc_equal(doc_get(s, "summary", "externalURLs", NULL), want));
	big_deinit(&b);
}

static void links_are_capped(void **state)
{
	_cleanup_json_ json_t *s = NULL;
	struct big b;

	(void)state;
	big_init(&b, 300, true);
	for (int i = 0; i < 300; i++) {
		_cleanup_free_ char *name = xasprintf("n%d", i);
		char *link = arena_alloc(&b.arena, 32);

		snprintf(link, 31, "http://%03d", i);
		big_live(&b, name)->links = link;
	}
	s = status_build(&b.view, NULL);
	assert_int_equal(json_array_size(doc_get(s, "summary", "externalURLs", NULL)),
			 200);
	big_deinit(&b);
}

static void history_is_limited(void **state)
{
	struct big b;

	(void)state;
	big_init(&b, 1, true);
	for (int i = 0; i < 14; i++)
		record_add_release(&b.record)->deployed_ms = i % 2 ? 1000 : 0;
	b.spec.history_limit = 3;
	{
		_cleanup_json_ json_t *s = status_build(&b.view, NULL);
		const json_t *h = doc_get(s, "history", NULL);

		assert_int_equal(json_array_size(h), 3);
		assert_int_equal(doc_get_int(json_array_get(h, 2), 0, "id", NULL), 15);
		assert_int_equal(doc_get_int(json_array_get(h, 0), 0, "id", NULL), 11);
		assert_int_equal(json_array_size(doc_get(s, "syncd", "releases",
							 NULL)), 10);
	}
	b.spec.history_limit = 100;
	{
		_cleanup_json_ json_t *s = status_build(&b.view, NULL);

		assert_int_equal(json_array_size(doc_get(s, "history", NULL)), 7);
	}
	big_deinit(&b);
}

/* Where a release came from is what the spec said then, not what it says now. */
static void history_keeps_its_sources(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "{\"source\":{\"path\":\"old\"}}", "{\"path\":\"old\"}" },
		{ "{\"sources\":[{\"path\":\"old\"}]}", "[{\"path\":\"old\"}]" },
		{ NULL, "{\"path\":\"now\"}" },	/* an older syncd's record */
		{ "{\"source\":7}", "{\"path\":\"now\"}" },
		{ "{\"source\"", "{\"path\":\"now\"}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct op_view op = { .present = true, .phase = "Succeeded",
				      .started_ms = 1000, .finished_ms = 2000,
				      .message = xstrdup("done"),
				      .sources = xstrdup(rows[i].text) };
		_cleanup_json_ json_t *s = NULL;
		struct release *r;
		struct big b;

		big_init(&b, 1, true);
		r = record_add_release(&b.record);
		r->deployed_ms = 1000;
		r->sources = xstrdup(rows[i].text);
		vec_push(&b.spec.sources.list, ((struct app_source){
			.raw = json_pack("{s:s}", "path", "now") }));
		b.view.op = &op;
		b.spec.history_limit = 1;
		s = status_build(&b.view, NULL);
		for (int k = 0; k < 2; k++) {
			const json_t *o = k ? doc_get(s, "operationState",
						      "syncResult", NULL) :
				json_array_get(doc_get(s, "history", NULL), 0);
			const json_t *one = json_object_get(o, "source");
			_cleanup_buf_ struct buf got = BUF_INIT;

			doc_canonical(one ? one : json_object_get(o, "sources"), &got);
			assert_string_equal(buf_str(&got), rows[i].want);
		}
		op_view_reset(&op);
		json_decref(b.spec.sources.list.data[0].raw);
		vec_deinit(&b.spec.sources.list);
		big_deinit(&b);
	}
}

static void sources_as_text(void **state)
{
	struct app_sources s = { .many = false };
	_cleanup_json_ json_t *small = json_pack("{s:s}", "repoURL", "https://git/a");
	_cleanup_json_ json_t *large = json_object();
	_cleanup_free_ char *one = NULL, *many = NULL;
	char values[APP_SOURCES_TEXT_MAX + 1];

	(void)state;
	assert_null(app_sources_text(&s));
	vec_push(&s.list, ((struct app_source){ .raw = small }));
	one = app_sources_text(&s);
	assert_string_equal(one, "{\"source\":{\"repoURL\":\"https://git/a\"}}");
	s.many = true;
	many = app_sources_text(&s);
	assert_string_equal(many, "{\"sources\":[{\"repoURL\":\"https://git/a\"}]}");
	memset(values, 'x', sizeof(values) - 1);
	values[sizeof(values) - 1] = '\0';
	json_object_set_new(large, "values", json_string(values));
	s.list.data[0].raw = large;
	assert_null(app_sources_text(&s));
	vec_deinit(&s.list);
}

static struct op_result *add_result(struct op_view *v, const char *name,
				    const char *status, bool hook)
{
	return op_view_add(v, (struct op_result){ .group = xstrdup(""),
		.version = xstrdup("v1"), .kind = xstrdup("ConfigMap"),
		.ns = xstrdup("n"), .name = xstrdup(name), .status = status,
		.message = xstrdup(""), }, hook);
}

/* However many objects a sync has: what failed, and hooks, have a row. */
static void failures_have_a_row(void **state)
{
	struct op_view v = { .present = true };
	struct op_result *r;
	size_t failed = 0;

	(void)state;
	for (size_t i = 0; i < OP_RESULTS_MAX; i++)
		assert_non_null(add_result(&v, "ok", "Synced", false));
	assert_null(add_result(&v, "more", "Synced", false));
	r = add_result(&v, "hook", "Synced", true);
	assert_ptr_equal(r, &v.results.data[OP_RESULTS_MAX - 1]);
	r->hook = "PostSync";
	assert_ptr_equal(add_result(&v, "bad", "SyncFailed", false),
			 &v.results.data[OP_RESULTS_MAX - 2]);
	for (size_t i = 0; i < OP_RESULTS_MAX - 2; i++)
		assert_non_null(add_result(&v, "bad", "SyncFailed", false));
	assert_null(add_result(&v, "one too many", "SyncFailed", false));
	assert_null(add_result(&v, "one too many", "Synced", true));
	assert_int_equal(v.results.len, OP_RESULTS_MAX);
	for (size_t i = 0; i < v.results.len; i++)
		failed += !strcmp(v.results.data[i].name, "bad");
	assert_int_equal(failed, OP_RESULTS_MAX - 1);
	op_view_reset(&v);
}

/* A rejection is shown while it holds something back, then it is history. */
static void rejected_is_what_holds_back(void **state)
{
	static const struct {
		const char *head;
		enum release_state target;
		uint32_t pinned;
		bool shown;
	} cases[] = {
		{ "good", RELEASE_GOOD, 0, false },
		{ "bad", RELEASE_GOOD, 0, true },
		{ "good", RELEASE_GOOD, 2, true },
		{ "other", RELEASE_GOOD, 0, false },
		{ "good", RELEASE_REJECTED, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_json_ json_t *s = NULL;
		struct release *bad;
		struct big b;

		big_init(&b, 1, true);
		bad = record_add_release(&b.record);
		strcpy(bad->digest, "bad");
		bad->state = RELEASE_REJECTED;
		b.record.releases.data[0].state = cases[i].target;
		strcpy(b.record.releases.data[0].digest, "good");
		b.record.pin_rejected = cases[i].pinned;
		strcpy(b.release.digest, cases[i].head);
		s = status_build(&b.view, NULL);
		assert_int_equal(doc_get(s, "syncd", "rejected", NULL) != NULL,
				 cases[i].shown);
		big_deinit(&b);
	}
}

/* The operation that was asked for stays as it was written, once it is cleared. */
static void asked_operation_is_kept(void **state)
{
	struct op_view op = { .present = true, .phase = "Running",
			      .started_ms = 1000000 };
	struct big b;

	(void)state;
	big_init(&b, 1, true);
	b.view.op = &op;
	op.asked = json_pack("{s{ss}}", "sync", "revision", "abc");
	{
		_cleanup_json_ json_t *first = status_build(&b.view, NULL), *second = NULL;

		json_decref(op.asked);
		op.asked = NULL;
		second = status_build(&b.view, first);
		assert_string_equal(doc_get_str(second, "operationState", "operation",
						"sync", "revision", NULL), "abc");
		assert_true(status_same(first, second));
		json_decref(second);
		op.started_ms = 2000000;	/* another one */
		second = status_build(&b.view, first);
		assert_null(doc_get(second, "operationState", "operation", "sync",
				    "revision", NULL));
	}
	big_deinit(&b);
}

/* A restart takes nothing away; what ended unseen is told from the record. */
static void last_operation_outlives_its_process(void **state)
{
	static const struct {
		const char *finished, *running;	/* of the record */
		int64_t deployed_ms;
		const char *phase;
	} cases[] = {
		{ "2026-01-01T00:00:09Z", "", 0, "Old" },
		{ "2026-01-01T00:00:09Z", "r1-x", 0, "Old" },
		{ NULL, "r1-x", 0, "Old" },	/* it will be resumed */
		{ NULL, "", 0, "Error" },
		{ NULL, "", 2000, "Error" },	/* deployed before that one */
		{ NULL, "", INT64_C(1767225605000), "Succeeded" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_json_ json_t *before = json_pack("{s{ssssss*}}", "operationState",
			"phase", "Old", "startedAt", "2026-01-01T00:00:00Z",
			"finishedAt", cases[i].finished), *s = NULL;
		struct big b;

		big_init(&b, 1, true);
		strcpy(b.record.op.id, cases[i].running);
		b.record.releases.data[0].deployed_ms = cases[i].deployed_ms;
		s = status_build(&b.view, before);
		assert_string_equal(doc_get_str(s, "operationState", "phase", NULL),
				    cases[i].phase);
		assert_int_equal(cases[i].finished || !*cases[i].running,
				 doc_get(s, "operationState", "finishedAt", NULL) != NULL);
		big_deinit(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_when_and_by_whom_may_differ),
		cmocka_unit_test(size_is_capped),
		cmocka_unit_test(health_is_the_worst_and_names_it),
		cmocka_unit_test(what_is_not_known_is_not_well),
		cmocka_unit_test(excluded_is_not_shown),
		cmocka_unit_test(missing_objects_count_together),
		cmocka_unit_test(missing_objects_of_the_target),
		cmocka_unit_test(links_are_summed_up),
		cmocka_unit_test(links_are_capped),
		cmocka_unit_test(history_is_limited),
		cmocka_unit_test(history_keeps_its_sources),
		cmocka_unit_test(sources_as_text),
		cmocka_unit_test(failures_have_a_row),
		cmocka_unit_test(rejected_is_what_holds_back),
		cmocka_unit_test(asked_operation_is_kept),
		cmocka_unit_test(last_operation_outlives_its_process),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
