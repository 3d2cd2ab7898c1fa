/* schema.c: the built-in tables row by row, custom schemas and when they count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "render/kustomize/schema_priv.h"

static void begin(struct kust *k)
{
	static const struct kust_options none;

	kust_init(k, NULL, &none);
}

/* --- the built-in tables ------------------------------------------------------------- */

static const struct kschema_node *walk(struct kust *k, const struct kschema_node *s,
				       const char *path)
{
	_cleanup_free_ char *copy = xstrdup(path);
	char *rest = copy;

	for (char *step; s && (step = strsep(&rest, "/"));)
		s = strcmp(step, "[]") == 0 ? kschema_items(k, s) :
					      kschema_field(k, s, step);
	return s;
}

static const struct kschema_node *find(struct kust *k, const char *api, const char *kind,
				       const char *path)
{
	return walk(k, kschema_root(k, api, kind), path);
}

/* "name", "port,protocol", "(set)"; "-": does not merge; "?": unknown. */
static void check_keys(struct kust *k, const struct kschema_node *s, const char *where,
		       const char *want)
{
	_cleanup_buf_ struct buf got = BUF_INIT;
	const char *const *keys;

	if (!s)
		buf_adds(&got, "?");
	else if (!kschema_merges(k, s, &keys))
		buf_adds(&got, "-");
	else if (!keys[0])
		buf_adds(&got, "(set)");
	else
		for (size_t i = 0; keys[i]; i++)
			buf_addf(&got, "%s%s", i ? "," : "", keys[i]);
	if (strcmp(buf_str(&got), want) != 0)
		fail_msg("%s: got %s, want %s", where, buf_str(&got), want);
}

static const struct {
	const char *field, *keys;
} pod_fields[] = {
	{ "containers", "name" }, { "initContainers", "name" },
	{ "ephemeralContainers", "name" }, { "volumes", "name" },
	{ "imagePullSecrets", "name" }, { "hostAliases", "ip" },
	{ "topologySpreadConstraints", "topologyKey,whenUnsatisfiable" },
	{ "tolerations", "-" }, { "readinessGates", "-" },
	{ "containers/[]/env", "name" }, { "containers/[]/ports", "containerPort,protocol" },
	{ "containers/[]/volumeMounts", "mountPath" },
	{ "containers/[]/volumeDevices", "devicePath" }, { "containers/[]/args", "-" },
	{ "containers/[]/envFrom", "-" }, { "initContainers/[]/env", "name" },
	{ "ephemeralContainers/[]/env", "name" }, { "ephemeralContainers/[]/ports", "-" },
	{ "volumes/[]/ephemeral/volumeClaimTemplate/metadata/finalizers", "(set)" },
	{ "volumes/[]/configMap", "-" }, { "none", "-" }, { "none/none", "?" },
};

static const struct {
	const char *api, *kind, *spec;
} pods[] = {
	{ "v1", "Pod", "spec" }, { "v1", "PodTemplate", "template/spec" },
	{ "apps/v1", "Deployment", "spec/template/spec" },
	{ "apps/v1", "ReplicaSet", "spec/template/spec" },
	{ "apps/v1", "DaemonSet", "spec/template/spec" },
	{ "apps/v1", "StatefulSet", "spec/template/spec" },
	{ "batch/v1", "Job", "spec/template/spec" },
	{ "v1", "ReplicationController", "spec/template/spec" },
	{ "batch/v1", "CronJob", "spec/jobTemplate/spec/template/spec" },
	{ "batch/v1beta1", "CronJob", "spec/jobTemplate/spec/template/spec" },
};

static void every_pod_is_alike(void **state)
{
	struct kust k;

	(void)state;
	begin(&k);
	for (size_t i = 0; i < ARRAY_LEN(pods); i++) {
		const struct kschema_node *spec = find(&k, pods[i].api, pods[i].kind,
						       pods[i].spec);

		for (size_t j = 0; j < ARRAY_LEN(pod_fields); j++)
			check_keys(&k, walk(&k, spec, pod_fields[j].field),
				   pod_fields[j].field, pod_fields[j].keys);
	}
	kust_deinit(&k);
}

static const struct {
	const char *api, *kind, *path, *keys;
} lists[] = {
	{ "v1", "Service", "spec/ports", "port,protocol" },
	{ "v1", "Service", "spec/externalIPs", "-" },
	{ "v1", "Service", "status/conditions", "type" },
	{ "v1", "ServiceAccount", "secrets", "name" },
	{ "v1", "ServiceAccount", "imagePullSecrets", "-" },
	{ "v1", "ConfigMap", "metadata/finalizers", "(set)" },
	{ "v1", "ConfigMap", "metadata/ownerReferences", "uid" },
	{ "v1", "ConfigMap", "metadata/managedFields", "-" },
	{ "v1", "Node", "spec/podCIDRs", "(set)" },
	{ "v1", "Node", "status/addresses", "type" },
	{ "v1", "Pod", "status/podIPs", "ip" },
	{ "v1", "ComponentStatus", "conditions", "type" },
	{ "storage.k8s.io/v1", "CSINode", "spec/drivers", "name" },
	{ "storage.k8s.io/v1beta1", "CSINode", "spec/drivers", "name" },
	{ "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "webhooks",
	  "name" },
	{ "admissionregistration.k8s.io/v1beta1", "ValidatingWebhookConfiguration",
	  "webhooks", "name" },
	{ "apps/v1", "Deployment", "status/conditions", "type" },
	{ "apps/v1", "Deployment", "spec/template/metadata/finalizers", "(set)" },
	{ "apps/v1", "StatefulSet", "spec/volumeClaimTemplates", "-" },
	{ "apps/v1beta1", "Deployment", "spec/template/spec/containers", "?" },
	{ "extensions/v1beta1", "Ingress", "spec", "-" },
	{ "networking.k8s.io/v1", "Ingress", "metadata/finalizers", "(set)" },
	{ "autoscaling/v2", "HorizontalPodAutoscaler", "spec/metrics", "?" },
	{ "policy/v1", "PodDisruptionBudget", "status/conditions", "type" },
	{ "apiregistration.k8s.io/v1", "APIService", "status/conditions", "type" },
	{ "kustomize.config.k8s.io/v1beta1", "Kustomization", "configMapGenerator", "name" },
	{ "example.com/v1", "Deployment", "spec", "?" }, { "", "Pod", "spec", "?" },
};

static void lists_have_their_keys(void **state)
{
	struct kust k;

	(void)state;
	begin(&k);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		check_keys(&k, find(&k, lists[i].api, lists[i].kind, lists[i].path),
			   lists[i].path, lists[i].keys);
	kust_deinit(&k);
}

static void scopes_are_counted(void **state)
{
	size_t cluster = 0, namespaced = 0;

	(void)state;
	for (size_t i = 0; i < kschema_n_kinds; i++) {
		cluster += kschema_kinds[i].scope == KSCOPE_CLUSTER;
		namespaced += kschema_kinds[i].scope == KSCOPE_NAMESPACED;
		assert_true(kschema_kinds[i].node < kschema_n_nodes);
		if (i && strcmp(kschema_kinds[i - 1].api_version,
				kschema_kinds[i].api_version) == 0)
			assert_true(strcmp(kschema_kinds[i - 1].kind,
					   kschema_kinds[i].kind) < 0);
		else if (i)
			assert_true(strcmp(kschema_kinds[i - 1].api_version,
					   kschema_kinds[i].api_version) < 0);
	}
	assert_int_equal(cluster, 36);
	assert_int_equal(namespaced, 46);
}

static const struct {
	struct kgvk gvk;
	bool cluster;
} scopes[] = {
	{ { "", "v1", "Namespace" }, true }, { { "", "v1", "Node" }, true },
	{ { "", "v1", "PersistentVolume" }, true }, { { "", "v1", "Pod" }, false },
	{ { "", "v1", "ConfigMap" }, false }, { { "apps", "v1", "Deployment" }, false },
	{ { "rbac.authorization.k8s.io", "v1", "ClusterRole" }, true },
	{ { "rbac.authorization.k8s.io", "v1", "Role" }, false },
	{ { "apiextensions.k8s.io", "v1", "CustomResourceDefinition" }, true },
	{ { "storage.k8s.io", "v1beta1", "CSIStorageCapacity" }, false },
	{ { "storage.k8s.io", "v1", "StorageClass" }, true },
	{ { "storage.k8s.io", "v2", "StorageClass" }, false },
	{ { "storage.k8s", "io/v1", "StorageClass" }, false },
	{ { "", "storage.k8s.io/v1", "StorageClass" }, true },
	{ { "cert-manager.io", "v1", "ClusterIssuer" }, false },
	{ { "", "v1", "NodeProxyOptions" }, true }, { { "", "v1", "PodExecOptions" }, false },
	{ { "apps", "", "Deployment" }, false }, { { "", "", "" }, false },
};

static void cluster_scoped_is_what_is_known_to_be(void **state)
{
	struct kust k;

	(void)state;
	begin(&k);
	for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
		if (kschema_is_cluster(&k, &scopes[i].gvk) != scopes[i].cluster)
			fail_msg("%s/%s", scopes[i].gvk.group, scopes[i].gvk.kind);
	}
	kust_deinit(&k);
}

/* --- custom schemas -------------------------------------------------------------------- */

static const char custom[] =
"definitions:\n"
"  example.v1.Thing:\n"
"    type: object\n"
"    properties:\n"
"      spec: {$ref: '#/definitions/example.v1.Spec'}\n"
"      metadata: {$ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'}\n"
"      lost: {$ref: '#/definitions/none'}\n"
"      odd: {$ref: 'other.json#/definitions/x'}\n"
"      round: {$ref: '#/definitions/example.v1.Round'}\n"
"    x-kubernetes-group-version-kind: [{group: example.com, version: v1, kind: Thing}]\n"
"  example.v1.Round: {$ref: '#/definitions/example.v1.Round'}\n"
"  example.v1.Spec:\n"
"    additionalProperties: {$ref: '#/definitions/example.v1.More'}\n"
"    properties:\n"
"      two:\n"
"        type: array\n"
"        items: {$ref: '#/definitions/example.v1.Item'}\n"
"        x-kubernetes-list-map-keys: [a, b]\n"
"        x-kubernetes-patch-merge-key: a\n"
"        x-kubernetes-patch-strategy: merge\n"
"      one:\n"
"        type: [array]\n"
"        items: {$ref: '#/definitions/example.v1.Item'}\n"
"        x-kubernetes-patch-merge-key: n\n"
"        x-kubernetes-patch-strategy: retainKeys,merge\n"
"      set: {type: array, items: {type: string}, x-kubernetes-patch-strategy: merge}\n"
"      not: {type: array, items: {type: string}, x-kubernetes-patch-strategy: merged}\n"
"      map: {type: object, items: {type: string}}\n"
"  example.v1.Item:\n"
"    properties: {deep: {type: array, x-kubernetes-patch-strategy: merge}}\n"
"  example.v1.More:\n"
"    properties: {set: {type: array, x-kubernetes-patch-strategy: merge}}\n"
"paths:\n"
"  /apis/example.com/v1/things:\n"
"    get: {x-kubernetes-group-version-kind: {group: example.com, version: v1, kind: Thing}}\n"
"  /apis/example.com/v1/rooms:\n"
"    get: {x-kubernetes-group-version-kind: {group: example.com, version: v1, kind: Room}}\n"
"  /apis/example.com/v1/namespaces/{namespace}/rooms:\n"
"    get: {x-kubernetes-group-version-kind: {group: example.com, version: v1, kind: Room}}\n"
"  /api/v1/pods:\n"
"    get: {x-kubernetes-group-version-kind: {group: '', version: v1, kind: Pod}}\n"
"  /version: {post: {}}\n";

static const struct {
	const char *path, *keys;
} custom_lists[] = {
	{ "spec/two", "a,b" }, { "spec/one", "n" }, { "spec/set", "(set)" },
	{ "spec/not", "-" }, { "spec/two/[]/deep", "(set)" }, { "spec/one/[]/none", "?" },
	{ "spec/other/set", "(set)" }, { "spec/map/[]", "?" }, { "lost", "?" },
	{ "odd", "?" }, { "round", "?" }, { "none", "?" },
};

static void set_custom(struct kust *k)
{
	struct err err = ERR_INIT;

	if (kschema_set(k, NULL, custom, sizeof(custom) - 1, false, &err) < 0)
		fail_msg("%s", err.msg);
}

static void a_custom_schema_stands_alone(void **state)
{
	const struct kgvk thing = { "example.com", "v1", "Thing" },
			  room = { "example.com", "v1", "Room" },
			  pod = { "", "v1", "Pod" }, node = { "", "v1", "Node" };
	struct kust k;

	(void)state;
	begin(&k);
	set_custom(&k);
	for (size_t i = 0; i < ARRAY_LEN(custom_lists); i++)
		check_keys(&k, find(&k, "example.com/v1", "Thing", custom_lists[i].path),
			   custom_lists[i].path, custom_lists[i].keys);
	assert_null(kschema_root(&k, "v1", "Pod"));
	assert_null(find(&k, "example.com/v1", "Thing", "metadata"));
	assert_non_null(kschema_root(&k, "kustomize.config.k8s.io/v1beta1", "Kustomization"));
	assert_true(kschema_is_cluster(&k, &thing));
	assert_false(kschema_is_cluster(&k, &room));
	assert_false(kschema_is_cluster(&k, &pod));	/* built-in scopes stay */
	assert_true(kschema_is_cluster(&k, &node));
	kust_deinit(&k);
}

static void a_custom_schema_adds_to_one_that_was_needed(void **state)
{
	struct kust k;

	(void)state;
	begin(&k);
	assert_non_null(kschema_root(&k, "v1", "Pod"));
	set_custom(&k);
	check_keys(&k, find(&k, "v1", "Pod", "spec/containers"), "both", "name");
	check_keys(&k, find(&k, "example.com/v1", "Thing", "spec/two"), "both", "a,b");
	check_keys(&k, find(&k, "example.com/v1", "Thing", "metadata/finalizers"), "both",
		   "(set)");
	kust_deinit(&k);
}

static void asking_for_an_unknown_scope_needs_the_built_in_one(void **state)
{
	struct kust k;

	(void)state;
	begin(&k);
	assert_false(kschema_is_cluster(&k, &(struct kgvk){ "", "v1", "Pod" }));
	set_custom(&k);
	assert_null(kschema_root(&k, "v1", "Pod"));
	kust_deinit(&k);

	begin(&k);
	assert_false(kschema_is_cluster(&k, &(struct kgvk){ "example.com", "v1", "Thing" }));
	set_custom(&k);
	assert_true(kschema_is_cluster(&k, &(struct kgvk){ "example.com", "v1", "Thing" }));
	assert_non_null(kschema_root(&k, "v1", "Pod"));
	kust_deinit(&k);
}

static void custom_definitions_hide_built_in_ones(void **state)
{
	static const char text[] =
	"{\"definitions\": {\"io.k8s.api.core.v1.PodSpec\": {\"properties\": {\"containers\":"
	" {\"type\": \"array\", \"x-kubernetes-patch-strategy\": \"merge\","
	" \"x-kubernetes-patch-merge-key\": \"image\"}}}}}";
	struct err err = ERR_INIT;
	struct kust k;

	(void)state;
	begin(&k);
	assert_non_null(kschema_root(&k, "v1", "Pod"));
	assert_int_equal(kschema_set(&k, NULL, text, strlen(text), false, &err), 0);
	check_keys(&k, find(&k, "v1", "Pod", "spec/containers"), "hidden", "image");
	check_keys(&k, find(&k, "v1", "Pod", "spec/volumes"), "hidden", "?");
	check_keys(&k, find(&k, "v1", "Service", "spec/ports"), "seen", "port,protocol");
	kust_deinit(&k);
}

static int set(struct kust *k, const char *version, const char *text, bool reset,
	       struct err *err)
{
	return kschema_set(k, version, text, text ? strlen(text) : 0, reset, err);
}

static void the_first_one_wins_unless_reset(void **state)
{
	struct err err = ERR_INIT;
	struct kust k;

	(void)state;
	begin(&k);
	assert_int_equal(set(&k, NULL, NULL, true, &err), 0);
	assert_int_equal(set(&k, "v1.21.2", NULL, false, &err), 0);
	assert_int_equal(set(&k, NULL, custom, false, &err), 0);
	assert_int_equal(set(&k, "v9", NULL, false, &err), 0);
	assert_null(kschema_root(&k, "example.com/v1", "Thing"));
	assert_int_equal(set(&k, NULL, custom, true, &err), 0);
	assert_non_null(kschema_root(&k, "example.com/v1", "Thing"));
	kust_deinit(&k);
}

static const struct {
	const char *version, *text;
	enum err_code code;
} refused[] = {
	{ "v1.20.4", NULL, ERR_INVALID }, { "v1.21.2", "{}", ERR_INVALID },
	{ "", "{}", ERR_INVALID }, { NULL, "", ERR_INVALID }, { NULL, "[1]", ERR_INVALID },
	{ NULL, "a: [", ERR_INVALID }, { NULL, "x", ERR_INVALID },
};

static void what_is_no_schema_is_refused(void **state)
{
	_cleanup_buf_ struct buf deep = BUF_INIT;
	struct err err = ERR_INIT;
	struct kust k;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		begin(&k);
		assert_int_equal(set(&k, refused[i].version, refused[i].text, true, &err), -1);
		assert_int_equal(err.code, refused[i].code);
		assert_non_null(strstr(err.msg, "openapi"));
		kust_deinit(&k);
	}
	for (int i = 0; i < 2 * NODE_DEPTH_MAX; i++)
		buf_adds(&deep, "[");
	begin(&k);
	assert_int_equal(set(&k, NULL, buf_str(&deep), true, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	kust_deinit(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pod_is_alike),
		cmocka_unit_test(lists_have_their_keys),
		cmocka_unit_test(scopes_are_counted),
		cmocka_unit_test(cluster_scoped_is_what_is_known_to_be),
		cmocka_unit_test(a_custom_schema_stands_alone),
		cmocka_unit_test(a_custom_schema_adds_to_one_that_was_needed),
		cmocka_unit_test(asking_for_an_unknown_scope_needs_the_built_in_one),
		cmocka_unit_test(custom_definitions_hide_built_in_ones),
		cmocka_unit_test(the_first_one_wins_unless_reset),
		cmocka_unit_test(what_is_no_schema_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
