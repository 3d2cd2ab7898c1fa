/* Events: bodies, series, limits, caps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/events.h"
#include "core/mem.h"
#include "kubejob.h"

struct elab {
	struct lab lab;
	struct events *e;
};

static struct elab elab_new(void)
{
	struct elab l = { .lab = lab_new((struct kube_limits){ .max_in_flight = 500 }) };

	l.e = events_new(l.lab.k, "syncd.dev/syncd", "pod-1");
	return l;
}

static void elab_free(struct elab *l)
{
	events_free(l->e);
	lab_free(&l->lab);
}

static const struct event_object APP = { "argoproj.io/v1alpha1", "Application",
					 "argocd", "shop", "u-1", "77" };

static void say(struct elab *l, const char *note)
{
	events_emit(l->e, &APP, "Normal", "Synced", "Sync", note);
}

static struct fake_call *take(struct elab *l, const char *method)
{
	return fake_take(l->lab.f, method,
			 "/apis/events.k8s.io/v1/namespaces/argocd/events");
}

static void check_str(const json_t *j, const char *key, const char *want)
{
	assert_string_equal(doc_get_str(j, key, NULL), want);
}

static void test_body(void **state)
{
	struct elab l = elab_new();
	struct fake_call *c;
	_cleanup_json_ json_t *j = NULL;
	const json_t *r;

	(void)state;
	say(&l, "all is well");
	c = take(&l, "POST");
	j = json_loads(c->body, 0, NULL);
	check_str(j, "apiVersion", "events.k8s.io/v1");
	check_str(j, "kind", "Event");
	check_str(j, "eventTime", "2026-01-01T00:00:01.000000Z");
	check_str(j, "reportingController", "syncd.dev/syncd");
	check_str(j, "reportingInstance", "pod-1");
	check_str(j, "type", "Normal");
	check_str(j, "reason", "Synced");
	check_str(j, "action", "Sync");
	check_str(j, "note", "all is well");
	assert_string_equal(doc_get_str(j, "metadata", "namespace", NULL), "argocd");
	assert_memory_equal(doc_get_str(j, "metadata", "name", NULL), "shop.", 5);
	r = doc_get(j, "regarding", NULL);
	check_str(r, "apiVersion", "argoproj.io/v1alpha1");
	check_str(r, "kind", "Application");
	check_str(r, "namespace", "argocd");
	check_str(r, "name", "shop");
	check_str(r, "uid", "u-1");
	check_str(r, "resourceVersion", "77");
	fake_answer(c, 201, "{}");
	elab_free(&l);
}

static void test_cluster_scoped(void **state)
{
	struct event_object o = { "v1", "ClusterRole", NULL, "System:Node..X:",
				  NULL, NULL };
	struct elab l = elab_new();
	_cleanup_json_ json_t *j = NULL;
	const char *name;

	(void)state;
	events_emit(l.e, &o, "Warning", "A", "B", "c");
	j = json_loads(fake_take(l.lab.f, "POST", "/namespaces/default/events")->body,
		       0, NULL);
	name = doc_get_str(j, "metadata", "name", NULL);
	assert_memory_equal(name, "systemxnode.xxx.", 16);
	assert_null(doc_get(j, "regarding", "namespace", NULL));
	elab_free(&l);
}

static void test_long_name(void **state)
{
	struct event_object o = APP;
	struct elab l = elab_new();
	_cleanup_json_ json_t *j = NULL;
	char name[254];

	(void)state;
	memset(name, 'a', 253);
	name[253] = '\0';
	name[212] = '.';
	o.name = name;
	events_emit(l.e, &o, "Warning", "A", "B", "c");
	j = json_loads(take(&l, "POST")->body, 0, NULL);
	assert_true(strlen(doc_get_str(j, "metadata", "name", NULL)) <= 253);
	assert_null(strstr(doc_get_str(j, "metadata", "name", NULL), ".."));
	elab_free(&l);
}

/* Cut at 1,024 bytes, but never within a character; bad bytes are replaced. */
static void test_note_is_cut(void **state)
{
	char note[1200];

	(void)state;
	for (size_t before = 1020; before < 1025; before++) {
		struct elab l = elab_new();
		_cleanup_json_ json_t *j = NULL;
		size_t n;

		memset(note, 'a', before);
		snprintf(note + before, sizeof(note) - before, "\xe2\x82\xac" "b");
		say(&l, note);
		j = json_loads(take(&l, "POST")->body, 0, NULL);
		n = strlen(doc_get_str(j, "note", NULL));
		assert_int_equal(n, before == 1020 ? 1024 : before == 1021 ? 1024 :
				 before < 1025 ? before : 1024);
		elab_free(&l);
	}
}

static void test_bad_bytes(void **state)
{
	struct elab l = elab_new();
	_cleanup_json_ json_t *j = NULL;

	(void)state;
	say(&l, "a\xff" "b");
	j = json_loads(take(&l, "POST")->body, 0, NULL);
	check_str(j, "note", "a\xef\xbf\xbd" "b");
	elab_free(&l);
}

static void test_series(void **state)
{
	struct elab l = elab_new();
	_cleanup_free_ char *name = NULL;
	_cleanup_json_ json_t *j = NULL;
	struct fake_call *c;

	(void)state;
	say(&l, "x");
	c = take(&l, "POST");
	j = json_loads(c->body, 0, NULL);
	name = xasprintf("/%s?", doc_get_str(j, "metadata", "name", NULL));
	say(&l, "x");		/* the first is still on its way: told when it is there */
	assert_int_equal(fake_untaken(l.lab.f), 0);
	fake_answer(c, 201, "{}");
	c = take(&l, "PATCH");
	assert_non_null(strstr(c->path, name));
	assert_non_null(strstr(c->body, "\"count\":2,"));
	fake_answer(c, 200, "{}");
	assert_int_equal(fake_untaken(l.lab.f), 0);
	fake_run(l.lab.f, 599000);
	say(&l, "x");
	c = take(&l, "PATCH");
	assert_non_null(strstr(c->path, name));
	assert_string_equal(c->content_type, "application/merge-patch+json");
	assert_string_equal(c->body, "{\"series\":{\"count\":3,\"lastObservedTime\":"
			    "\"2026-01-01T00:10:00.000000Z\"}}");
	fake_answer(c, 200, "{}");
	/* Each one prolongs the series; after 10 minutes of silence it is over. */
	fake_run(l.lab.f, 599000);
	say(&l, "x");
	fake_answer(take(&l, "PATCH"), 200, "{}");
	fake_run(l.lab.f, 601000);
	say(&l, "x");
	fake_answer(take(&l, "POST"), 201, "{}");
	elab_free(&l);
}

static void test_not_equal(void **state)
{
	struct event_object other = APP;
	struct elab l = elab_new();

	(void)state;
	say(&l, "x");
	fake_answer(take(&l, "POST"), 201, "{}");
	say(&l, "y");
	fake_answer(take(&l, "POST"), 201, "{}");
	other.uid = "u-2";
	events_emit(l.e, &other, "Normal", "Synced", "Sync", "x");
	fake_answer(take(&l, "POST"), 201, "{}");
	events_emit(l.e, &APP, "Warning", "Synced", "Sync", "x");
	fake_answer(take(&l, "POST"), 201, "{}");
	elab_free(&l);
}

/* The Event of a series is gone (they live an hour): a new one is made. */
static void test_series_gone(void **state)
{
	struct elab l = elab_new();

	(void)state;
	say(&l, "x");
	fake_answer(take(&l, "POST"), 201, "{}");
	say(&l, "x");
	fake_answer(take(&l, "PATCH"), 404, "{}");
	say(&l, "x");
	take(&l, "POST");
	elab_free(&l);
}

static void test_limit_per_object(void **state)
{
	struct event_object other = APP;
	struct elab l = elab_new();
	char note[16];

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		snprintf(note, sizeof(note), "n%u", i);
		say(&l, note);
	}
	assert_int_equal(fake_started(l.lab.f), 25);
	other.name = "other";
	events_emit(l.e, &other, "Normal", "A", "B", "c");
	assert_int_equal(fake_started(l.lab.f), 26);
	while (fake_untaken(l.lab.f))
		fake_answer(take(&l, "POST"), 201, "{}");
	fake_run(l.lab.f, 299000);
	say(&l, "later");
	assert_int_equal(fake_started(l.lab.f), 26);
	fake_run(l.lab.f, 1000);
	say(&l, "later");
	say(&l, "later still");
	assert_int_equal(fake_started(l.lab.f), 27);
	elab_free(&l);
}

/* What a spent budget held back is told with the next patch. */
static void test_counts_while_silent(void **state)
{
	struct elab l = elab_new();
	unsigned patches = 0;

	(void)state;
	say(&l, "x");
	fake_answer(take(&l, "POST"), 201, "{}");
	for (unsigned i = 0; i < 100; i++) {
		say(&l, "x");
		if (!fake_untaken(l.lab.f))
			continue;
		fake_answer(take(&l, "PATCH"), 200, "{}");
		patches++;
	}
	assert_int_equal(patches, 24);
	fake_run(l.lab.f, 300000);
	say(&l, "x");
	assert_non_null(strstr(take(&l, "PATCH")->body, "\"count\":102,"));
	elab_free(&l);
}

static void test_many_in_flight(void **state)
{
	struct elab l = elab_new();
	char name[16];

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct event_object o = APP;

		snprintf(name, sizeof(name), "a%u", i);
		o.name = name;
		events_emit(l.e, &o, "Normal", "A", "B", "c");
	}
	assert_int_equal(fake_started(l.lab.f), 64);
	elab_free(&l);
}

static void test_memory_is_bounded(void **state)
{
	struct elab l = elab_new();
	char name[16];

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		struct event_object o = APP;

		snprintf(name, sizeof(name), "a%u", i);
		o.name = name;
		events_emit(l.e, &o, "Normal", "A", "B", "c");
		fake_answer(take(&l, "POST"), 201, "{}");
	}
	/* The first was forgotten, the last is known. */
	events_emit(l.e, &(struct event_object){ "argoproj.io/v1alpha1",
		    "Application", "argocd", "a2999", "u-1", "77" },
		    "Normal", "A", "B", "c");
	take(&l, "PATCH");
	events_emit(l.e, &(struct event_object){ "argoproj.io/v1alpha1",
		    "Application", "argocd", "a0", "u-1", "77" },
		    "Normal", "A", "B", "c");
	take(&l, "POST");
	elab_free(&l);
}

static void test_three_tries(void **state)
{
	struct elab l = elab_new();

	(void)state;
	say(&l, "x");
	for (unsigned i = 0; i < 3; i++) {
		fake_answer(take(&l, "POST"), 429, "");
		fake_run(l.lab.f, 10000);
	}
	assert_int_equal(fake_untaken(l.lab.f), 0);
	elab_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_cluster_scoped),
		cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_note_is_cut),
		cmocka_unit_test(test_bad_bytes),
		cmocka_unit_test(test_series),
		cmocka_unit_test(test_not_equal),
		cmocka_unit_test(test_series_gone),
		cmocka_unit_test(test_limit_per_object),
		cmocka_unit_test(test_counts_while_silent),
		cmocka_unit_test(test_many_in_flight),
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_three_tries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
