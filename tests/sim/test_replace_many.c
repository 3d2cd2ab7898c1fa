/* A Deployment of many old ReplicaSets, replaced by one whose selector does not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "scenes.h"

static void put_web(struct engsim *x, const char *app)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"apps/v1\",\"kind\":"
		"\"Deployment\",\"metadata\":{\"name\":\"web\",\"annotations\":{"
		"\"syncd.dev/recreate-on-immutable\":\"true\"}},\"spec\":{\"selector\":{"
		"\"matchLabels\":{\"app\":\"%s\"}},\"template\":{\"metadata\":{\"labels\":{"
		"\"app\":\"%s\"}},\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":"
		"\"registry.example/web:v1\"}]}}}}", app, app);

	engsim_commit(x, "web.yaml", text);
}

static bool is_replaced(void *arg)
{
	struct engsim *x = arg;
	const json_t *history = doc_get(engsim_status(x, "shop"), "history", NULL);

	return json_array_size(history) == 2 && engsim_in_phase(x, "shop", "Good");
}

/* Old ReplicaSets of the Deployment, without pods, as a long history leaves them. */
static void put_history(struct engsim *x, int n)
{
	const json_t *web = apisim_get(x->api, "deployments.apps", "shop", "web");
	_cleanup_free_ char *uid = xstrdup(doc_get_str(web, "metadata", "uid", NULL));

	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"apps/v1\",\"kind\":"
			"\"ReplicaSet\",\"metadata\":{\"name\":\"web-%04d\",\"namespace\":"
			"\"shop\",\"labels\":{\"app\":\"one\"},\"ownerReferences\":[{"
			"\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"name\":\"web\","
			"\"controller\":true,\"uid\":\"%s\"}]},\"spec\":{\"replicas\":0,"
			"\"selector\":{\"matchLabels\":{\"app\":\"one\",\"n\":\"%d\"}},"
			"\"template\":{\"metadata\":{\"labels\":{\"app\":\"one\",\"n\":\"%d\"}},"
			"\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":"
			"\"registry.example/web:v0\"}]}}}}", i, uid, i, i);

		apisim_apply(x->api, text);
	}
}

/* Of these the token of the n-th page is too old; 0: of none. */
struct pages {
	struct engsim *x;
	unsigned n, stale;
};

static void on_served(void *arg, const struct sim_request *r)
{
	struct pages *p = arg;

	if (strcmp(r->method, "GET") || !strstr(r->path, "/replicasets") ||
	    !strstr(r->query, "limit=250"))
		return;
	if (++p->n == p->stale)
		apisim_compact(p->x->api);
}

/*
 * More than a page of them, also where the list has to begin again. Up to a bound, but
 * the one that has pods, which is the last by its name.
 */
static void all_of_a_long_history_goes(void **state)
{
	static const struct { int sets; unsigned stale, pages; size_t left; } rows[] = {
		{ 600, 0, 3, 0 }, { 600, 2, 6, 0 }, { 600, 1, 5, 0 }, { 2100, 0, 9, 100 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct engsim x;
		struct pages p = { .x = &x, .stale = rows[i].stale };

		scene_init(&x, 340 + i);
		put_web(&x, "one");
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		put_history(&x, rows[i].sets);
		sim_set_spy(x.s, &(struct sim_spy){ .served = on_served, .arg = &p });
		put_web(&x, "two");
		scene_until(&x, is_replaced, 5 * LONG, "good");
		sim_run_for(x.s, 5000);
		assert_int_equal(p.n, rows[i].pages);
		assert_int_equal(apisim_count(x.api, "replicasets.apps", "shop"),
				 1 + rows[i].left);
		assert_int_equal(scene_has_event(&x, "ReplicaSetsLeft", "more than 2000"),
				 rows[i].left > 0);
		assert_int_equal(apisim_count(x.api, "pods", "shop"), 1);
		sim_set_spy(x.s, &(struct sim_spy){ 0 });
		engsim_deinit(&x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_a_long_history_goes),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
