/* live.h: what is taken from an object, what is ignored; tracking ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/mem.h"
#include "sync/live.h"

static json_t *parse(const char *text)
{
	struct err err = ERR_INIT;
	json_t *j = doc_parse(text, strlen(text), &err);

	if (!j)
		fail_msg("%s: %s", text, err.msg);
	return j;
}

#define DEPLOYMENT(uid, version, extra)                                       \
	"{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{"  \
	"\"namespace\":\"prod\",\"name\":\"web\",\"uid\":\"" uid "\","        \
	"\"resourceVersion\":\"" version "\",\"generation\":3" extra "},"     \
	"\"spec\":{\"replicas\":2,\"paused\":false},"                         \
	"\"status\":{\"observedGeneration\":3,\"replicas\":2,"                \
	"\"updatedReplicas\":2,\"readyReplicas\":2,\"availableReplicas\":2}}"

static struct live *upsert(struct live_index *ix, const char *text,
			   struct live_before *before)
{
	_cleanup_json_ json_t *j = parse(text);

	return live_upsert(ix, j, before);
}

static void takes_what_matters(void **state)
{
	_cleanup_(live_deinit) struct live_index ix = { 0 };
	struct objkey k = { "apps", "Deployment", "prod", "web" };
	struct live_before before;
	struct live *l = upsert(&ix, DEPLOYMENT("u1", "41",
		",\"annotations\":{\"syncd.dev/operation\":\"op7\","
		"\"argocd.argoproj.io/tracking-id\":\"shop:apps/Deployment:prod/web\"},"
		"\"managedFields\":[{\"manager\":\"syncd\",\"operation\":\"Apply\","
		"\"apiVersion\":\"apps/v1\",\"fieldsType\":\"FieldsV1\","
		"\"fieldsV1\":{\"f:spec\":{\"f:replicas\":{}}}}]"), &before);

	(void)state;
	assert_non_null(l);
	assert_ptr_equal(live_find(&ix, &k), l);
	assert_string_equal(l->key, "apps/Deployment/prod/web");
	assert_string_equal(l->uid, "u1");
	assert_string_equal(l->op, "op7");
	assert_string_equal(l->app_id, "shop");
	assert_int_equal(l->version, 41);
	assert_int_equal(strlen(l->fingerprint), 64);
	assert_int_equal(l->health.status, HEALTH_HEALTHY);
	assert_true(l->progress > 0);
	assert_false(l->deleting || l->owned);
	assert_string_equal(before.uid, "");
	k.name = "other";
	assert_null(live_find(&ix, &k));
}

/* An address that a controller writes later replaces what was known. */
static void links_follow_the_object(void **state)
{
#define GATE(version, address) "{\"apiVersion\":\"networking.k8s.io/v1\"," \
	"\"kind\":\"Ingress\",\"metadata\":{\"name\":\"x\",\"uid\":\"u\"," \
	"\"resourceVersion\":\"" version "\"},\"spec\":{\"rules\":[{\"http\":{" \
	"\"paths\":[{\"path\":\"/\"}]}}]},\"status\":{\"loadBalancer\":{" \
	"\"ingress\":[" address "]}}}"
	_cleanup_(live_deinit) struct live_index ix = { 0 };

	(void)state;
	assert_null(upsert(&ix, GATE("1", ""), NULL)->links);
	assert_string_equal(upsert(&ix, GATE("2", "{\"ip\":\"192.0.2.1\"}"),
				   NULL)->links, "http://192.0.2.1/");
	assert_string_equal(upsert(&ix, GATE("3", "{\"hostname\":\"lb\"}"),
				   NULL)->links, "http://lb/");
	assert_null(upsert(&ix, GATE("4", ""), NULL)->links);
}

static void before_tells_what_changed(void **state)
{
	_cleanup_(live_deinit) struct live_index ix = { 0 };
	struct live_before before;
	char old[65];
	struct live *l;

	(void)state;
	l = upsert(&ix, DEPLOYMENT("u1", "41", ",\"managedFields\":[{\"manager\":"
		"\"syncd\",\"operation\":\"Apply\",\"apiVersion\":\"apps/v1\","
		"\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:spec\":{\"f:paused\":{}}}}]"),
		NULL);
	strcpy(old, l->fingerprint);
	assert_int_equal(strlen(old), 64);
	l = upsert(&ix, DEPLOYMENT("u1", "42", ",\"deletionTimestamp\":"
		"\"2026-01-01T00:00:00Z\",\"ownerReferences\":[{\"uid\":\"x\"}]"), &before);
	assert_string_equal(before.uid, "u1");
	assert_string_equal(before.fingerprint, old);
	assert_int_equal(before.health, HEALTH_HEALTHY);
	assert_string_equal(l->fingerprint, "");
	assert_string_equal(l->app_id, "");
	assert_string_equal(l->op, "");
	assert_true(l->deleting && l->owned);
	assert_int_equal(HASH_COUNT(ix.by_key), 1);
}

static void older_versions_are_ignored(void **state)
{
	_cleanup_(live_deinit) struct live_index ix = { 0 };
	struct live_before before;

	(void)state;
	assert_non_null(upsert(&ix, DEPLOYMENT("u1", "41", ""), &before));
	assert_null(upsert(&ix, DEPLOYMENT("u1", "9", ""), &before));
	assert_non_null(upsert(&ix, DEPLOYMENT("u1", "41", ""), &before));
	assert_non_null(upsert(&ix, DEPLOYMENT("u2", "100", ""), &before));
	assert_string_equal(before.uid, "u1");
	assert_null(upsert(&ix, DEPLOYMENT("u1", "99", ""), &before));
	assert_string_equal(ix.by_key->uid, "u2");
}

static void no_objects_are_ignored(void **state)
{
	static const char *const bad[] = {
		"{}", "[]", "null", "{\"kind\":\"X\"}",
		"{\"kind\":\"X\",\"metadata\":{\"name\":\"n\"}}",
		"{\"kind\":\"X\",\"metadata\":{\"uid\":\"u\"}}",
		"{\"metadata\":{\"name\":\"n\",\"uid\":\"u\"}}",
		"{\"kind\":\"X\",\"metadata\":{\"name\":\"n\",\"uid\":"
		"\"0123456789012345678901234567890123456789\"}}",
	};
	_cleanup_(live_deinit) struct live_index ix = { 0 };
	struct live_before before;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_null(upsert(&ix, bad[i], &before));
	assert_int_equal(HASH_COUNT(ix.by_key), 0);
}

static void removing_leaves_the_others(void **state)
{
	_cleanup_(live_deinit) struct live_index ix = { 0 };
	struct live_before before;

	(void)state;
	for (int i = 0; i < 200; i++) {
		_cleanup_free_ char *text = xasprintf("{\"kind\":\"X\",\"metadata\":"
			"{\"name\":\"n%d\",\"uid\":\"u%d\"}}", i, i);

		upsert(&ix, text, &before);
	}
	for (int i = 0; i < 200; i += 2) {
		_cleanup_free_ char *name = xasprintf("n%d", i);
		struct objkey k = { "", "X", "", name };

		live_remove(&ix, live_find(&ix, &k));
		assert_null(live_find(&ix, &k));
	}
	assert_int_equal(HASH_COUNT(ix.by_key), 100);
	live_deinit(&ix);
	assert_null(ix.by_key);
}

static void tracking_names_its_object(void **state)
{
	static const struct { const char *id, *ns, *want; } cases[] = {
		{ "shop:rbac.authorization.k8s.io/Role:prod/system:x", "prod", "shop" },
		{ "team_shop:rbac.authorization.k8s.io/Role:prod/system:x", "prod", "team_shop" },
		/* cluster-scoped: the id has the destination's namespace */
		{ "shop:rbac.authorization.k8s.io/Role:dest/system:x", "", "shop" },
		/* copies */
		{ "shop:rbac.authorization.k8s.io/Role:prod/y", "prod", "" },
		{ "shop:rbac.authorization.k8s.io/Role:dev/system:x", "prod", "" },
		{ "shop:rbac.authorization.k8s.io/RoleBinding:prod/system:x", "prod", "" },
		{ "shop:/Role:prod/system:x", "prod", "" },
		{ "garbage", "prod", "" }, { "", "prod", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_(live_deinit) struct live_index ix = { 0 };
		_cleanup_free_ char *text = xasprintf("{\"apiVersion\":"
			"\"rbac.authorization.k8s.io/v1\",\"kind\":\"Role\",\"metadata\":{"
			"\"name\":\"system:x\",\"namespace\":\"%s\",\"uid\":\"u\","
			"\"annotations\":{\"argocd.argoproj.io/tracking-id\":\"%s\"}}}",
			cases[i].ns, cases[i].id);
		struct live_before before;

		assert_string_equal(upsert(&ix, text, &before)->app_id, cases[i].want);
	}
}

static void tracking_ids_are_split(void **state)
{
	static const char *const bad[] = {
		"", "a", "a:b", "a:b/c", "a:b/c:d", ":b/C:d/e", "a:b/:d/e",
		"a:b/C:d/", "a:b:c/D:e/f", "a:b/C/D:e/f",
	};
	char *app, *group, *kind, *ns, *name;

	(void)state;
	assert_int_equal(tracking_parse("a:/Role:n/sys:x/y", &app, &group, &kind,
					&ns, &name), 0);
	assert_string_equal(app, "a");
	assert_string_equal(group, "");
	assert_string_equal(kind, "Role");
	assert_string_equal(ns, "n");
	assert_string_equal(name, "sys:x/y");
	free(app);
	free(group);
	free(kind);
	free(ns);
	free(name);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!tracking_parse(bad[i], &app, &group, &kind, &ns, &name))
			fail_msg("accepted: %s", bad[i]);
}

/* Only what Git sets counts: the API server gives each Deployment 600 s. */
static void own_deadlines(void **state)
{
#define OBJECT(api, kind, spec, manager, how, owned) "{\"apiVersion\":\"" api \
	"\",\"kind\":\"" kind "\",\"metadata\":{\"name\":\"x\",\"uid\":\"u\"," \
	"\"managedFields\":[{\"manager\":\"" manager "\",\"operation\":\"" how \
	"\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:spec\":{" owned "}}}]}," \
	"\"spec\":{" spec "}}"
#define PROGRESS "\"f:progressDeadlineSeconds\":{}"
#define ACTIVE "\"f:activeDeadlineSeconds\":{}"
	static const struct { const char *object; uint64_t want; } rows[] = {
		{ OBJECT("apps/v1", "Deployment", "\"progressDeadlineSeconds\":900",
			 "syncd", "Apply", PROGRESS), 900000 },
		{ OBJECT("apps/v1", "Deployment", "\"progressDeadlineSeconds\":600",
			 "syncd", "Apply", "\"f:replicas\":{}"), 0 },
		{ OBJECT("apps/v1", "Deployment", "\"progressDeadlineSeconds\":900",
			 "kubectl", "Apply", PROGRESS), 0 },
		{ OBJECT("apps/v1", "Deployment", "\"progressDeadlineSeconds\":900",
			 "syncd", "Update", PROGRESS), 0 },
		{ OBJECT("apps/v1", "Deployment", "\"progressDeadlineSeconds\":-1",
			 "syncd", "Apply", PROGRESS), 0 },
		{ OBJECT("apps/v1", "Deployment", "\"progressDeadlineSeconds\":"
			 "9223372036854775807", "syncd", "Apply", PROGRESS),
		  (uint64_t)INT32_MAX * 1000 },
		{ OBJECT("apps/v1", "StatefulSet", "\"progressDeadlineSeconds\":900",
			 "syncd", "Apply", PROGRESS), 0 },
		{ OBJECT("batch/v1", "Job", "\"activeDeadlineSeconds\":30", "syncd",
			 "Apply", ACTIVE), 30000 },
		{ OBJECT("batch/v1", "Job", "\"activeDeadlineSeconds\":\"30\"", "syncd",
			 "Apply", ACTIVE), 0 },
		{ OBJECT("example.com/v1", "Job", "\"activeDeadlineSeconds\":30",
			 "syncd", "Apply", ACTIVE), 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct live_index ix = { 0 };
		struct err err = ERR_INIT;
		_cleanup_json_ json_t *o = doc_parse(rows[i].object,
						     strlen(rows[i].object), &err);
		struct live *l = live_upsert(&ix, o, NULL);

		assert_non_null(l);
		if (l->own_deadline_ms != rows[i].want)
			fail_msg("%zu: %llu", i,
				 (unsigned long long)l->own_deadline_ms);
		live_deinit(&ix);
	}
}

/* An autoscaler that was written in v2: as the API server answers in either version. */
static struct live *scaler(struct live_index *ix, const char *v, int resource_version,
			   const char *most, const char *more)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"autoscaling/%s\",\"kind\":"
		"\"HorizontalPodAutoscaler\",\"metadata\":{\"name\":\"a\",\"uid\":\"u\","
		"\"resourceVersion\":\"%d\",\"annotations\":{%s%s},\"managedFields\":[{"
		"\"manager\":\"syncd\",\"operation\":\"Apply\",\"apiVersion\":"
		"\"autoscaling/v2\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:spec\":{"
		"\"f:metrics\":{}}}}]},\"spec\":{%s}}", v, resource_version,
		strcmp(v, "v1") ? "\"a\":\"b\"" : "\"autoscaling.alpha.kubernetes.io/conditions\":"
		"\"[]\",\"autoscaling.alpha.kubernetes.io/metrics\":", strcmp(v, "v1") ? "" : most,
		strcmp(v, "v1") ? most : "\"maxReplicas\":3");
	_cleanup_json_ json_t *j = parse(text);

	if (*more)
		json_object_set_new(json_object_get(json_object_get(j, "metadata"),
						    "annotations"),
				    "autoscaling.alpha.kubernetes.io/conditions",
				    json_string(more));
	return live_upsert(ix, j, NULL);
}

/* What is written in one version and watched in another has drifted when it changed. */
static void another_version_is_no_drift(void **state)
{
	_cleanup_(live_deinit) struct live_index ix = { 0 };
	char as_applied[65];
	struct live *l = scaler(&ix, "v2", 1, "\"metrics\":[50]", "");

	(void)state;
	strcpy(as_applied, l->fingerprint);
	l = scaler(&ix, "v1", 1, "\"[50]\"", "");
	assert_string_equal(l->fingerprint, as_applied);
	l = scaler(&ix, "v1", 2, "\"[50]\"", "its state");
	assert_int_equal(l->version, 2);
	assert_string_equal(l->fingerprint, as_applied);
	l = scaler(&ix, "v1", 3, "\"[90]\"", "its state");
	assert_string_not_equal(l->fingerprint, as_applied);
	/* Applied anew: the event comes first, then the answer, then other news. */
	l = scaler(&ix, "v1", 4, "\"[50]\"", "its state");
	assert_string_not_equal(l->fingerprint, as_applied);
	l = scaler(&ix, "v2", 4, "\"metrics\":[50]", "");
	assert_string_equal(l->fingerprint, as_applied);
	l = scaler(&ix, "v1", 5, "\"[50]\"", "another");
	assert_string_equal(l->fingerprint, as_applied);
	assert_true(l->converted);
	/* It was another, of the version that is watched for a while, and what looks as before is. */
	l = scaler(&ix, "v2", 6, "\"metrics\":[90]", "");
	assert_false(l->converted);
	assert_string_not_equal(l->fingerprint, as_applied);
	l = scaler(&ix, "v1", 7, "\"[50]\"", "another");
	assert_string_not_equal(l->fingerprint, as_applied);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_matters),
		cmocka_unit_test(own_deadlines),
		cmocka_unit_test(links_follow_the_object),
		cmocka_unit_test(before_tells_what_changed),
		cmocka_unit_test(older_versions_are_ignored),
		cmocka_unit_test(no_objects_are_ignored),
		cmocka_unit_test(removing_leaves_the_others),
		cmocka_unit_test(tracking_names_its_object),
		cmocka_unit_test(tracking_ids_are_split),
		cmocka_unit_test(another_version_is_no_drift),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
