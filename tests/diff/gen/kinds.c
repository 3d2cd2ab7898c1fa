/* kinds.c - objects of many kinds, with fields of many types and with references. */
#include "gen.h"

const char *gen_name(struct gen *g)
{
	static const char *const names[] = { "web", "db", "api", "conf", "creds", "a1" };

	return gen_pick(g, names);
}

const char *gen_scalar(struct gen *g)
{
	static const char *const scalars[] = {
		"1", "\"1\"", "0", "-5", "1.50", "1e3", "0777", "0x1F", "true", "\"true\"",
		"false", "yes", "\"yes\"", "No", "on", "null", "~", "\"\"", "\"null\"",
		"text", "'single'", "two words", "\"a: b\"", "'it''s'", "\"#c\"", "a#b",
		"\"- x\"", "\" lead\"", "\"trail \"", "\"x\\ny\"", "\"x\\ny\\n\"",
		"\"\\n\"", "\"a\\tb\"", "\"x\\n\\n\"", "2024-01-02", "\"2024-01-02\"",
		"2024-01-02T03:04:05Z", "é", "\"🎉\"", "9007199254740993", "12:30",
		"1_000", "\"0o7\"", ".5", "\".inf\"", "100m", "1Gi", "$(VAR0)", "/x/y",
		"\"aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa "
		"aaaa aaaa aaaa aaaa\"", "{}", "[]", "<b>&", "\"{a\"", "'[b'", "=", "a,b",
	};

	return gen_pick(g, scalars);
}

const char *gen_text(struct gen *g)
{
	static const char *const texts[] = {
		"\"1\"", "\"true\"", "\"yes\"", "\"null\"", "\"\"", "text", "'two words'",
		"\"a: b\"", "\"x\\ny\\n\"", "\"0777\"", "\"1.50\"", "é", "\"2024-01-02\"",
		"\"<b>\"", "a=b", "\" x\"", "\"12:30\"", "\"1e3\"", "\"on\"", "\"#x\"",
	};

	return gen_pick(g, texts);
}

const char *gen_image_name(struct gen *g)
{
	static const char *const images[] = { "nginx", "busybox", "reg.example:5000/team/app",
					      "ghcr.io/x/y" };

	return gen_pick(g, images);
}

const char *gen_image(struct gen *g)
{
	static const char *const images[] = {
		"nginx", "\"nginx:1.25\"", "\"busybox:latest\"", "busybox",
		"\"reg.example:5000/team/app:v1\"", "\"reg.example:5000/team/app\"",
		"\"ghcr.io/x/y@sha256:0123\"", "\"ghcr.io/x/y:1@sha256:0123\"",
	};

	return gen_pick(g, images);
}

bool gen_remember(struct gen *g, const char *api, const char *kind, const char *name,
		  const char *ns, bool pods, int layer)
{
	struct gen_obj *o = &g->objs[g->n_objs];

	for (int i = 0; i < g->n_objs; i++)
		if (!strcmp(g->objs[i].kind, kind) && !strcmp(g->objs[i].name, name))
			return false;
	if (g->n_objs == GEN_OBJS)
		return false;
	*o = (struct gen_obj){ .api = api, .kind = kind, .ns = ns, .pods = pods,
			       .layer = layer };
	strncpy(o->name, name, sizeof(o->name) - 1);
	g->n_objs++;
	return true;
}

const struct gen_obj *gen_some(struct gen *g, int first)
{
	if (first >= g->n_objs)
		return NULL;
	return &g->objs[first + (int)gen_below(g, (unsigned)(g->n_objs - first))];
}

const struct gen_obj *gen_some_kind(struct gen *g, int first, const char *kind)
{
	for (int i = 0; i < 20; i++) {
		const struct gen_obj *o = gen_some(g, first);

		if (!o || !strcmp(o->kind, kind))
			return o;
	}
	return NULL;
}

const struct gen_obj *gen_some_pods(struct gen *g, int first)
{
	for (int i = 0; i < 20; i++) {
		const struct gen_obj *o = gen_some(g, first);

		if (!o || o->pods)
			return o;
	}
	return NULL;
}

void gen_meta(struct gen *g, struct buf *out, const char *name, const char *ns)
{
	buf_addf(out, "metadata:\n  name: %s\n", name);
	if (*ns)
		buf_addf(out, "  namespace: %s\n", ns);
	if (gen_chance(g, 40))
		buf_addf(out, "  labels: {app: %s, l%u: %s}\n", gen_name(g),
			 gen_below(g, 3), gen_text(g));
	if (gen_chance(g, 30))
		buf_addf(out, "  annotations: {note: %s, n%u: %s%s}\n", gen_text(g),
			 gen_below(g, 12), gen_text(g), gen_chance(g, 95) ? "" :
			 ", config.kubernetes.io/local-config: \"true\"");
}

static void env(struct gen *g, struct buf *out)
{
	buf_adds(out, ", env: [");
	for (unsigned i = 0, n = 1 + gen_below(g, 3); i < n; i++) {
		buf_adds(out, i ? ", " : "");
		if (gen_chance(g, 40))
			buf_addf(out, "{name: E%u, value: %s}", gen_below(g, 5), gen_text(g));
		else if (gen_chance(g, 50))
			buf_addf(out, "{name: E%u, valueFrom: {configMapKeyRef: {name: %s, "
				 "key: k0}}}", gen_below(g, 5), gen_name(g));
		else
			buf_addf(out, "{name: E%u, valueFrom: {secretKeyRef: {name: %s, "
				 "key: k0}}}", gen_below(g, 5), gen_name(g));
	}
	buf_adds(out, "]");
}

void gen_container(struct gen *g, struct buf *out, const char *name, bool full)
{
	buf_addf(out, "{name: %s", name);
	if (full || gen_chance(g, 50))
		buf_addf(out, ", image: %s", gen_image(g));
	if (gen_chance(g, 40))
		env(g, out);
	if (gen_chance(g, 30))
		buf_addf(out, ", envFrom: [{%s: {name: %s}}]",
			 gen_chance(g, 50) ? "configMapRef" : "secretRef", gen_name(g));
	if (gen_chance(g, 30))
		buf_addf(out, ", ports: [{containerPort: %u%s}, {containerPort: %u, "
			 "name: p}]", 80 + gen_below(g, 3),
			 gen_chance(g, 40) ? ", protocol: TCP" : "", 83 + gen_below(g, 2));
	if (gen_chance(g, 20))
		buf_addf(out, ", args: [%s, \"--v=$(VAR0)\", %s]", gen_text(g), gen_text(g));
	if (gen_chance(g, 20))
		buf_addf(out, ", volumeMounts: [{mountPath: /m%u, name: v}, {mountPath: /x, "
			 "name: v}]", gen_below(g, 3));
	if (gen_chance(g, 15))
		buf_addf(out, ", resources: {limits: {cpu: %s, memory: 1Gi}}",
			 gen_chance(g, 50) ? "1" : "100m");
	buf_adds(out, "}");
}

static void volumes(struct gen *g, struct buf *out)
{
	buf_addf(out, ", volumes: [{name: v, emptyDir: {}}");
	if (gen_chance(g, 40))
		buf_addf(out, ", {name: v1, configMap: {name: %s}}", gen_name(g));
	if (gen_chance(g, 40))
		buf_addf(out, ", {name: v2, secret: {secretName: %s}}", gen_name(g));
	if (gen_chance(g, 20))
		buf_addf(out, ", {name: v3, projected: {sources: [{configMap: {name: %s}}, "
			 "{secret: {name: %s}}]}}", gen_name(g), gen_name(g));
	if (gen_chance(g, 20))
		buf_addf(out, ", {name: v4, persistentVolumeClaim: {claimName: %s}}",
			 gen_name(g));
	buf_adds(out, "]");
}

/* A pod's spec in flow style. */
static void pod_spec(struct gen *g, struct buf *out)
{
	buf_adds(out, "{containers: [");
	gen_container(g, out, "c0", true);
	if (gen_chance(g, 40)) {
		buf_adds(out, ", ");
		gen_container(g, out, "c1", true);
	}
	buf_adds(out, "]");
	if (gen_chance(g, 20)) {
		buf_adds(out, ", initContainers: [");
		gen_container(g, out, "i0", true);
		buf_adds(out, "]");
	}
	if (gen_chance(g, 40))
		volumes(g, out);
	if (gen_chance(g, 25))
		buf_addf(out, ", serviceAccountName: %s", gen_name(g));
	if (gen_chance(g, 15))
		buf_addf(out, ", imagePullSecrets: [{name: %s}]", gen_name(g));
	if (gen_chance(g, 10))
		buf_addf(out, ", affinity: {podAntiAffinity: {requiredDuringScheduling"
			 "IgnoredDuringExecution: [{topologyKey: h, labelSelector: "
			 "{matchLabels: {app: %s}}}]}}", gen_name(g));
	if (gen_chance(g, 10))
		buf_adds(out, ", topologySpreadConstraints: [{topologyKey: z, "
			 "whenUnsatisfiable: DoNotSchedule, maxSkew: 1}]");
	buf_adds(out, "}");
}

static void workload(struct gen *g, struct buf *out, const char *kind)
{
	bool job = !strcmp(kind, "Job");

	buf_adds(out, "spec:\n");
	if (!job && gen_chance(g, 80))
		buf_addf(out, "  replicas: %u\n", gen_below(g, 5));
	if (!job)
		buf_addf(out, "  selector: {matchLabels: {app: %s}}\n", gen_name(g));
	if (!strcmp(kind, "StatefulSet") && gen_chance(g, 50))
		buf_addf(out, "  serviceName: %s\n  volumeClaimTemplates: [{metadata: "
			 "{name: v}, spec: {storageClassName: %s}}]\n", gen_name(g),
			 gen_name(g));
	buf_adds(out, "  template:\n");
	if (gen_chance(g, 80))
		buf_addf(out, "    metadata: {labels: {app: %s}}\n", gen_name(g));
	buf_adds(out, "    spec: ");
	pod_spec(g, out);
	buf_adds(out, "\n");
}

static void config_map(struct gen *g, struct buf *out, const char *kind)
{
	(void)kind;
	buf_addf(out, "data:\n  k0: %s\n", gen_text(g));
	for (unsigned i = 0, n = gen_below(g, 3); i < n; i++)
		buf_addf(out, "  k%u.%u: %s\n", i + 1, gen_below(g, 12), gen_text(g));
	if (gen_chance(g, 15))
		buf_addf(out, "  json: '{\"a\": {\"b\": %u, \"c\": [\"x\"]}}'\n", gen_below(g, 9));
	if (gen_chance(g, 20))
		buf_addf(out, "  block: |%s\n    one %s\n      two\n\n    three\n",
			 gen_chance(g, 50) ? "-" : "", gen_name(g));
	if (gen_chance(g, 10))
		buf_adds(out, "binaryData: {b: aGVsbG8=, a: \"/w==\"}\n");
}

static void secret(struct gen *g, struct buf *out, const char *kind)
{
	(void)kind;
	buf_addf(out, "type: Opaque\nstringData: {k0: %s}\ndata: {k1: aGV5}\n", gen_text(g));
}

static void service(struct gen *g, struct buf *out, const char *kind)
{
	(void)kind;
	buf_addf(out, "spec:\n  selector: {app: %s}\n  ports:\n  - port: 80\n    "
		 "targetPort: %s\n", gen_name(g), gen_chance(g, 50) ? "http" : "8080");
	if (gen_chance(g, 40))
		buf_addf(out, "  - {port: %u, protocol: %s, name: second}\n",
			 80 + gen_below(g, 2), gen_chance(g, 50) ? "TCP" : "UDP");
}

static void ingress(struct gen *g, struct buf *out, const char *kind)
{
	(void)kind;
	buf_addf(out, "spec: {tls: [{hosts: [h], secretName: %s}], rules: [{host: h, http: "
		 "{paths: [{path: /, pathType: Prefix, backend: {service: {name: %s, port: "
		 "{number: 80}}}}]}}]}\n", gen_name(g), gen_name(g));
}

static void hpa(struct gen *g, struct buf *out, const char *kind)
{
	(void)kind;
	buf_addf(out, "spec: {scaleTargetRef: {apiVersion: apps/v1, kind: %s, name: %s}, "
		 "maxReplicas: 5}\n", gen_chance(g, 70) ? "Deployment" : "StatefulSet",
		 gen_name(g));
}

static void role(struct gen *g, struct buf *out, const char *kind)
{
	(void)kind;
	buf_addf(out, "rules: [{apiGroups: [\"\"], resources: [secrets, configmaps], "
		 "resourceNames: [%s, %s], verbs: [get]}]\n", gen_name(g), gen_name(g));
}

static void binding(struct gen *g, struct buf *out, const char *kind)
{
	bool cluster = !strcmp(kind, "ClusterRoleBinding") || gen_chance(g, 20);

	buf_addf(out, "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: %s, name: %s}\n"
		 "subjects: [{kind: ServiceAccount, name: %s%s}, {kind: ServiceAccount, name: "
		 "default, namespace: x}]\n", cluster ? "ClusterRole" : "Role", gen_name(g),
		 gen_name(g), gen_chance(g, 50) ? ", namespace: ns1" : "");
}

static void cron_job(struct gen *g, struct buf *out, const char *kind)
{
	(void)kind;
	buf_adds(out, "spec: {schedule: \"0 3 * * *\", jobTemplate: {spec: {template: {spec: ");
	pod_spec(g, out);
	buf_adds(out, "}}}}\n");
}

static void pod(struct gen *g, struct buf *out, const char *kind)
{
	(void)kind;
	buf_adds(out, "spec: ");
	pod_spec(g, out);
	buf_adds(out, "\n");
}

static void policy(struct gen *g, struct buf *out, const char *kind)
{
	if (!strcmp(kind, "PodDisruptionBudget"))
		buf_addf(out, "spec: {minAvailable: %s, selector: {matchLabels: {app: %s}}}\n",
			 gen_chance(g, 50) ? "1" : "50%", gen_name(g));
	else
		buf_addf(out, "spec: {podSelector: {matchLabels: {app: %s}}, ingress: [{from: "
			 "[{podSelector: {matchLabels: {app: %s}}}]}]}\n", gen_name(g),
			 gen_name(g));
}

static void claim(struct gen *g, struct buf *out, const char *kind)
{
	(void)kind;
	buf_addf(out, "spec: {storageClassName: %s, volumeName: %s}\n", gen_name(g),
		 gen_name(g));
}

static void hook(struct gen *g, struct buf *out, const char *kind)
{
	(void)kind;
	buf_addf(out, "webhooks: [{name: w, clientConfig: {service: {name: %s, namespace: "
		 "%s}}}]\n", gen_name(g), gen_chance(g, 50) ? "ns1" : "default");
}

static void widget(struct gen *g, struct buf *out, const char *kind)
{
	(void)kind;
	buf_adds(out, "spec:\n");
	for (unsigned i = 0, n = 2 + gen_below(g, 6); i < n; i++)
		buf_addf(out, "  f%u: %s\n", i, gen_scalar(g));
	buf_addf(out, "  list: [%s, %s, {name: x, v: %s}]\n  deep: {a: {b: [[%s], {c: %s}]}}\n"
		 "  configRef: {name: %s}\n", gen_scalar(g), gen_scalar(g), gen_scalar(g),
		 gen_scalar(g), gen_scalar(g), gen_name(g));
	if (gen_chance(g, 15))
		buf_addf(out, "  known: &known {a: %s, b: %s} # a comment\n  again: *known\n"
			 "  merged: {<<: *known, b: %s}\n", gen_scalar(g), gen_scalar(g),
			 gen_scalar(g));
}

static void nothing(struct gen *g, struct buf *out, const char *kind)
{
	(void)kind;
	if (gen_chance(g, 20))
		buf_addf(out, "spec: {x: %s}\n", gen_scalar(g));
}

static const struct {
	const char *api, *kind;
	void (*body)(struct gen *g, struct buf *out, const char *kind);
	bool cluster, pods;
	unsigned weight;
} kinds[] = {
	{ "apps/v1", "Deployment", workload, false, true, 8 },
	{ "apps/v1", "StatefulSet", workload, false, true, 4 },
	{ "apps/v1", "DaemonSet", workload, false, true, 2 },
	{ "apps/v1", "ReplicaSet", workload, false, true, 1 },
	{ "batch/v1", "Job", workload, false, true, 2 },
	{ "batch/v1", "CronJob", cron_job, false, false, 2 },
	{ "v1", "Pod", pod, false, false, 2 },
	{ "v1", "ConfigMap", config_map, false, false, 8 },
	{ "v1", "Secret", secret, false, false, 5 },
	{ "v1", "Service", service, false, false, 6 },
	{ "v1", "ServiceAccount", nothing, false, false, 3 },
	{ "v1", "Namespace", nothing, true, false, 1 },
	{ "v1", "PersistentVolumeClaim", claim, false, false, 1 },
	{ "v1", "PersistentVolume", nothing, true, false, 1 },
	{ "storage.k8s.io/v1", "StorageClass", nothing, true, false, 1 },
	{ "scheduling.k8s.io/v1", "PriorityClass", nothing, true, false, 1 },
	{ "networking.k8s.io/v1", "Ingress", ingress, false, false, 2 },
	{ "networking.k8s.io/v1", "NetworkPolicy", policy, false, false, 1 },
	{ "policy/v1", "PodDisruptionBudget", policy, false, false, 1 },
	{ "autoscaling/v1", "HorizontalPodAutoscaler", hpa, false, false, 1 },
	{ "autoscaling/v2", "HorizontalPodAutoscaler", hpa, false, false, 2 },
	{ "rbac.authorization.k8s.io/v1", "Role", role, false, false, 2 },
	{ "rbac.authorization.k8s.io/v1", "ClusterRole", role, true, false, 2 },
	{ "rbac.authorization.k8s.io/v1", "RoleBinding", binding, false, false, 3 },
	{ "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", binding, true, false, 2 },
	{ "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", hook, true,
	  false, 1 },
	{ "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", hook, true,
	  false, 1 },
	{ "example.com/v1", "Widget", widget, false, false, 6 },
	{ "cert-manager.io/v1", "ClusterIssuer", widget, false, false, 1 },
	{ "extensions/v1beta1", "Deployment", workload, false, true, 1 },
	{ "serving.knative.dev/v1", "Service", pod, false, false, 1 },
	{ "apiextensions.k8s.io/v1", "CustomResourceDefinition", nothing, true, false, 1 },
};

void gen_object(struct gen *g, struct buf *out, int layer)
{
	unsigned total = 0, at, i;
	const char *name = gen_name(g), *ns;

	for (i = 0; i < ARRAY_LEN(kinds); i++)
		total += kinds[i].weight;
	at = gen_below(g, total);
	for (i = 0; at >= kinds[i].weight; i++)
		at -= kinds[i].weight;
	ns = kinds[i].cluster || !gen_chance(g, 15) ? "" : gen_chance(g, 60) ? "ns1" : "ns2";
	if (!gen_remember(g, kinds[i].api, kinds[i].kind, name, ns, kinds[i].pods, layer))
		return;
	if (out->len)
		buf_adds(out, "---\n");
	buf_addf(out, "apiVersion: %s\nkind: %s\n", kinds[i].api, kinds[i].kind);
	gen_meta(g, out, name, ns);
	kinds[i].body(g, out, kinds[i].kind);
}
