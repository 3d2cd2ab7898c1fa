/*
 * The Kubernetes client in the simulated world: whatever goes wrong on the way, a
 * watch ends up with exactly what the server holds, discovery with what it serves,
 * and Git's refs with what they are; and a client dropped anywhere leaves nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "apisim.h"
#include "core/discovery.h"
#include "core/doc.h"
#include "core/kube.h"
#include "core/lsrefs.h"
#include "core/mem.h"
#include "core/watch.h"
#include "gitsim.h"
#include "simworld.h"

#define SEEDS 60

static struct http_endpoint api = { .url = SIM_API_URL, .user_agent = "test/1" };

/* A mirror of a collection: name -> resourceVersion. */
struct mirror {
	struct sim *s;
	json_t *now, *fresh;	/* fresh: being listed */
	bool synced;
	unsigned resets, events, troubles;
};

static void on_reset(void *arg)
{
	struct mirror *m = arg;

	m->resets++;
	m->synced = false;
	json_decref(m->fresh);
	m->fresh = json_object();
}

static void on_event(void *arg, enum watch_event e, const json_t *o)
{
	struct mirror *m = arg;
	json_t *to = m->synced ? m->now : m->fresh;
	const char *name = doc_get_str(o, "metadata", "name", NULL);

	m->events++;
	if (e == WATCH_UPSERT)
		json_object_set(to, name, doc_get(o, "metadata", "resourceVersion",
						  NULL));
	else
		json_object_del(to, name);
}

static void on_synced(void *arg)
{
	struct mirror *m = arg;

	m->synced = true;
	json_decref(m->now);
	m->now = m->fresh;
	m->fresh = NULL;
}

static void on_trouble(void *arg, const struct err *err)
{
	((struct mirror *)arg)->troubles += err->code != ERR_NONE;
}

static const struct watch_handler handler = {
	.on_reset = on_reset, .on_event = on_event, .on_synced = on_synced,
	.on_trouble = on_trouble,
};

/* One of ten objects is made, changed, unlabelled or deleted. */
static void meddle(struct sim *s)
{
	_cleanup_free_ char *name = xasprintf("c%u", (unsigned)(sim_random(s) % 10));
	const json_t *o = apisim_get(sim_api(s), "configmaps", "default", name);
	unsigned what = (unsigned)(sim_random(s) % 4);
	_cleanup_free_ char *text = NULL;

	if (!o) {
		text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
			"\"metadata\":{\"name\":\"%s\",\"labels\":{\"app\":\"x\"}}}",
			name);
		apisim_apply(sim_api(s), text);
	} else if (what == 0) {
		apisim_delete(sim_api(s), "configmaps", "default", name);
	} else if (what == 1) {
		apisim_edit(sim_api(s), "ed", "configmaps", "default", name,
			    "{\"metadata\":{\"labels\":{\"app\":null}}}");
	} else {
		text = xasprintf("{\"metadata\":{\"labels\":{\"app\":\"x\"}},"
			"\"data\":{\"k\":\"%u\"}}", (unsigned)sim_random(s));
		apisim_edit(sim_api(s), "ed", "configmaps", "default", name, text);
	}
}

static bool agrees(void *arg)
{
	struct mirror *m = arg;
	size_t n = 0;

	for (int i = 0; i < 10; i++) {
		char name[16];
		const json_t *o;
		const char *label, *rv;

		snprintf(name, sizeof(name), "c%d", i);
		o = apisim_get(sim_api(m->s), "configmaps", "default", name);
		label = doc_get_str(o, "metadata", "labels", "app", NULL);
		rv = doc_get_str(m->now, name, NULL);
		if (!label != !rv || (rv && strcmp(rv, doc_get_str(o, "metadata",
						"resourceVersion", NULL))))
			return false;
		n += rv != NULL;
	}
	return m->synced && json_object_size(m->now) == n;
}

static void mirror_deinit(struct mirror *m)
{
	json_decref(m->now);
	json_decref(m->fresh);
}

static void storm(uint64_t seed, bool old_server)
{
	struct sim *s = sim_new(seed);
	struct sim_faults f = sim_faults_mixed(3);
	struct apisim_options o = { .no_streaming_lists = old_server, .history = 40 };
	struct kube *k = kube_new(sim_world(s), &api, (struct kube_limits){ 0 });
	struct kube_ref ref = { .group = "", .version = "v1",
				.resource = "configmaps" };
	struct mirror m = { .s = s };
	struct watch *w;

	apisim_set_options(sim_api(s), &o);
	f.hang = 20;
	sim_set_faults(s, &f, 300000);
	w = watch_new(k, &ref, "app=x", NULL, &handler, &m);
	for (int i = 0; i < 300; i++) {
		meddle(s);
		if (sim_random(s) % 40 == 0)
			apisim_compact(sim_api(s));
		sim_run_for(s, sim_random(s) % 2000);
	}
	if (!sim_run_until(s, agrees, &m, 600000)) {
		sim_dump(s);
		fail_msg("seed %u: the mirror never agrees", (unsigned)seed);
	}
	sim_run_for(s, 120000);
	assert_true(agrees(&m));
	assert_true(m.events > 0 && m.resets > 0);
	watch_free(w);
	kube_free(k);
	assert_int_equal(sim_host_pending(s, NULL), 0);
	sim_free(s);
	mirror_deinit(&m);
}

static void a_watch_agrees_after_any_storm(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		storm(seed, false);
}

static void so_does_one_on_an_old_server(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		storm(seed, true);
}

/* Without faults a watch costs one request, however much changes. */
static void a_calm_watch_is_one_request(void **state)
{
	struct sim *s = sim_new(1);
	struct kube *k = kube_new(sim_world(s), &api, (struct kube_limits){ 0 });
	struct kube_ref ref = { .group = "", .version = "v1",
				.resource = "configmaps" };
	struct mirror m = { .s = s };
	struct watch *w = watch_new(k, &ref, "app=x", NULL, &handler, &m);

	(void)state;
	for (int i = 0; i < 100; i++) {
		meddle(s);
		sim_run_for(s, 100);
	}
	sim_run_for(s, 1000);
	assert_true(agrees(&m));
	assert_int_equal(sim_count(s, 0, "GET", "configmaps"), 1);
	assert_int_equal(m.resets, 1);
	assert_int_equal(m.troubles, 0);
	watch_free(w);
	kube_free(k);
	sim_free(s);
	mirror_deinit(&m);
}

/* ---- discovery ---- */

struct found {
	bool done;
	struct err err;
};

static void on_found(void *arg, const struct err *err)
{
	((struct found *)arg)->done = true;
	((struct found *)arg)->err = *err;
}

static bool is_found(void *arg)
{
	return ((struct found *)arg)->done;
}

static void refresh(struct sim *s, struct discovery *d)
{
	struct found f = { 0 };

	discovery_refresh(d, on_found, &f);
	assert_true(sim_run_until(s, is_found, &f, 60000));
	assert_int_equal(f.err.code, ERR_NONE);
}

static void discovery_follows_a_crd(void **state)
{
	struct sim *s = sim_new(2);
	struct kube *k = kube_new(sim_world(s), &api, (struct kube_limits){ 0 });
	struct discovery *d = discovery_new(k);
	const struct api_resource *r;
	unsigned generation;

	(void)state;
	refresh(s, d);
	r = discovery_find(d, "apps", NULL, "Deployment");
	assert_non_null(r);
	assert_string_equal(r->plural, "deployments");
	assert_true(r->namespaced && r->patchable && r->watchable && r->deletable);
	assert_false(discovery_find(d, "", "v1", "Namespace")->namespaced);
	assert_string_equal(discovery_find(d, "autoscaling", NULL,
			"HorizontalPodAutoscaler")->version, "v2");
	assert_null(discovery_find(d, "argoproj.io", NULL, "Application"));
	generation = discovery_generation(d);
	refresh(s, d);
	assert_int_equal(discovery_generation(d), generation);
	apisim_install_crds(sim_api(s));
	refresh(s, d);
	assert_non_null(discovery_find(d, "argoproj.io", "v1alpha1", "Application"));
	assert_true(discovery_generation(d) > generation);
	discovery_free(d);
	kube_free(k);
	assert_int_equal(sim_host_pending(s, NULL), 0);
	sim_free(s);
}

/* ---- Git ---- */

struct refs {
	struct lsrefs l;
	bool done;
	struct err err;
	char oid[65];
};

static void on_refs(struct lsrefs *l, const struct err *err, const struct ref_list *list)
{
	struct refs *r = container_of(l, struct refs, l);

	r->done = true;
	r->err = *err;
	if (!err->code)
		(void)!revision_resolve(list, "main", r->oid, &r->err);
}

static bool refs_done(void *arg)
{
	return ((struct refs *)arg)->done;
}

static struct refs poll_main(struct sim *s, const struct http_endpoint *e)
{
	static const char *const prefixes[] = { "refs/heads/main", NULL };
	struct refs r = { .l = { .endpoint = e, .prefixes = prefixes,
				 .on_done = on_refs } };

	lsrefs_start(sim_world(s), &r.l);
	assert_true(sim_run_until(s, refs_done, &r, 60000));
	return r;
}

static void refs_are_read_in_every_mood(void **state)
{
	static const enum err_code want[] = {
		[GIT_FINE] = ERR_NONE, [GIT_REFUSE] = ERR_NET,
		[GIT_HANG] = ERR_TIMEOUT, [GIT_401] = ERR_AUTH,
		[GIT_404] = ERR_NOTFOUND, [GIT_500] = ERR_NET,
		[GIT_GARBAGE] = ERR_INVALID, [GIT_V0] = ERR_NONE,
	};
	struct http_endpoint e = { .url = "http://git.sim/repo.git" };
	struct sim *s = sim_new(3);
	const char *oid = sim_git_commit(s, e.url, "main", "a", "b");

	(void)state;
	sim_git_commit(s, e.url, "other", "a", "c");
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		struct refs r;

		gitsim_set_mood(sim_git(s), e.url, (enum git_mood)i);
		r = poll_main(s, &e);
		assert_int_equal(r.err.code, want[i]);
		if (!want[i])
			assert_string_equal(r.oid, oid);
	}
	sim_free(s);
}

/* ---- crashes ---- */

/* Killed at every step in turn, the client always starts anew from nothing. */
static void a_crash_anywhere_is_survived(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 12; n++) {
		struct sim *s = sim_new(n);
		struct kube *k = kube_new(sim_world(s), &api,
					  (struct kube_limits){ 0 });
		struct kube_ref ref = { .group = "", .version = "v1",
					.resource = "configmaps" };
		struct discovery *d = discovery_new(k);
		struct mirror m = { .s = s };
		struct found f = { 0 };
		struct watch *w;

		meddle(s);
		sim_crash_at(s, n);
		w = watch_new(k, &ref, "app=x", NULL, &handler, &m);
		discovery_refresh(d, on_found, &f);
		sim_run_for(s, 200000);
		watch_free(w);
		discovery_free(d);
		kube_free(k);
		sim_abandon(s);
		assert_int_equal(sim_host_pending(s, NULL), 0);
		k = kube_new(sim_world(s), &api, (struct kube_limits){ 0 });
		w = watch_new(k, &ref, "app=x", NULL, &handler, &m);
		assert_true(sim_run_until(s, agrees, &m, 10000));
		watch_free(w);
		kube_free(k);
		sim_free(s);
		mirror_deinit(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_watch_agrees_after_any_storm),
		cmocka_unit_test(so_does_one_on_an_old_server),
		cmocka_unit_test(a_calm_watch_is_one_request),
		cmocka_unit_test(discovery_follows_a_crd),
		cmocka_unit_test(refs_are_read_in_every_mood),
		cmocka_unit_test(a_crash_anywhere_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
