/*
 * Controllers, as far as a sync controller waits for them: CRDs become
 * Established, workloads roll out (image tags bad, crash and noready never get
 * ready), Jobs finish, claims bind, Certificates are issued. Each arm looks at one
 * object and takes one step; time passes between steps.
 */
#include <stdio.h>

#include "apictl.h"

/* ---- CRD ---- */

static bool is_established(const json_t *crd)
{
	const json_t *list = doc_get(crd, "status", "conditions", NULL);

	for (size_t i = 0; i < json_array_size(list); i++)
		if (!strcmp(ctl_str(json_array_get(list, i), "type", NULL), "Established"))
			return true;
	return false;
}

static void establish(struct apisim *a, const struct api_object *o)
{
	json_t *names = json_deep_copy(doc_get(o->json, "spec", "names", NULL));

	ctl_set_status(a, o, json_pack("{s:[o, o], s:o, s:[s]}", "conditions",
		ctl_condition(a, o->json, "NamesAccepted", "True", "NoConflicts",
			  "no conflicts found", false),
		ctl_condition(a, o->json, "Established", "True", "InitialNamesAccepted",
			  "the initial names have been accepted", false),
		"acceptedNames", names, "storedVersions",
		ctl_str(json_array_get(doc_get(o->json, "spec", "versions", NULL), 0),
		    "name", NULL)));
}

static void control_crd(struct apisim *a, struct api_object *o)
{
	uint64_t ms = a->options.crd_establish_ms;
	uint64_t age = (uint64_t)(SIM_EPOCH + (int64_t)sim_now(a->sim) -
		time_parse_rfc3339(ctl_str(o->json, "metadata", "creationTimestamp")));

	if (is_established(o->json)) {
		api_types_from_crd(a, o->json);
		return;
	}
	if (!ms)
		ms = 1000 + sim_random(a->sim) % 950;	/* stamps are whole seconds */
	if (age < ms)
		api_look(a, o->key, ms - age);
	else
		establish(a, o);
}

/* ---- pods of a controller ---- */

struct tally {
	int64_t n, ready, failed, succeeded;
	struct api_object *last;
};

static bool owned_by(const json_t *o, const json_t *owner)
{
	const json_t *refs = doc_get(o, "metadata", "ownerReferences", NULL);
	const json_t *ref = json_array_get(refs, 0);

	return ref && !strcmp(ctl_str(ref, "uid", NULL), ctl_str(owner, "metadata", "uid"));
}

static bool pod_ready(const json_t *pod)
{
	const json_t *list = doc_get(pod, "status", "conditions", NULL);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *c = json_array_get(list, i);

		if (!strcmp(ctl_str(c, "type", NULL), "Ready"))
			return !strcmp(ctl_str(c, "status", NULL), "True");
	}
	return false;
}

static struct tally pods_of(const struct apisim *a, const json_t *owner)
{
	struct tally t = { 0 };
	const char *ns = ctl_str(owner, "metadata", "namespace");
	_cleanup_free_ char *prefix = xasprintf("/pods/%s/", ns);

	for (size_t i = api_lower_bound(a, prefix); i < a->objects.len; i++) {
		struct api_object *o = a->objects.data[i];

		if (strncmp(o->key, prefix, strlen(prefix)))
			break;
		if (!owned_by(o->json, owner) ||
		    doc_get(o->json, "metadata", "deletionTimestamp", NULL))
			continue;
		t.n++;
		t.ready += pod_ready(o->json);
		t.failed += !strcmp(ctl_str(o->json, "status", "phase"), "Failed");
		t.succeeded += !strcmp(ctl_str(o->json, "status", "phase"), "Succeeded");
		t.last = o;
	}
	return t;
}

static json_t *owner_refs(const json_t *owner)
{
	return json_pack("[{s:s, s:s, s:s, s:s, s:b, s:b}]",
		"apiVersion", ctl_str(owner, "apiVersion", NULL),
		"kind", ctl_str(owner, "kind", NULL), "name", ctl_str(owner, "metadata", "name"),
		"uid", ctl_str(owner, "metadata", "uid"), "controller", 1,
		"blockOwnerDeletion", 1);
}

static void create_as(struct apisim *a, const char *resource, const char *ns,
		      const char *name, json_t *body)
{
	_cleanup_status_ struct api_status st = { 0 };
	struct api_op op = {
		.how = WRITE_CREATE, .type = api_type_named(a, resource), .ns = ns,
		.name = name, .manager = KCM, .body = body,
	};

	(void)!api_write(a, &op, &st);
	json_decref(op.out);
	json_decref(body);
}

static char *template_hash(const json_t *o)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char hex[65];

	doc_canonical(doc_get(o, "spec", "template", NULL), &b);
	sha256_hex(buf_str(&b), b.len, hex);
	return xstrndup(hex, 10);
}

/* The label that tells pods of one revision from those of another. */
static void label_revision(const json_t *owner, json_t *meta)
{
	const char *kind = ctl_str(owner, "kind", NULL);
	json_t *labels = json_object_get(meta, "labels");
	_cleanup_free_ char *hash = template_hash(owner);

	if (!labels)
		json_object_set_new(meta, "labels", labels = json_object());
	if (!strcmp(kind, "StatefulSet"))
		json_object_set_new(labels, "controller-revision-hash",
				    json_string(hash));
	if (!strcmp(kind, "DaemonSet"))
		json_object_set_new(labels, "pod-template-generation",
			json_sprintf("%lld", (long long)ctl_num(owner, "metadata",
								"generation", 0)));
}

static void create_pod(struct apisim *a, const json_t *owner, const char *name)
{
	const json_t *t = doc_get(owner, "spec", "template", NULL);
	json_t *meta = json_deep_copy(doc_get(t, "metadata", NULL));

	if (!meta)
		meta = json_object();
	json_object_set_new(meta, "ownerReferences", owner_refs(owner));
	json_object_set_new(meta, "name", json_string(name));
	label_revision(owner, meta);
	create_as(a, "pods", ctl_str(owner, "metadata", "namespace"), name,
		  json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", "v1", "kind", "Pod",
			    "metadata", meta, "spec",
			    json_deep_copy(doc_get(t, "spec", NULL))));
}

static void random_pod(struct apisim *a, const json_t *owner)
{
	_cleanup_free_ char *name = xasprintf("%s-%05x", ctl_str(owner, "metadata", "name"),
		(unsigned)(sim_random(a->sim) & 0xfffff));

	create_pod(a, owner, name);
}

static void delete_pod(struct apisim *a, const struct api_object *o)
{
	_cleanup_status_ struct api_status st = { 0 };
	_cleanup_json_ json_t *old = json_incref(o->json), *out = NULL;

	(void)!api_delete(a, o->type, ctl_str(old, "metadata", "namespace"),
			  ctl_str(old, "metadata", "name"), NULL, false, &out, &st);
}

/* ---- ReplicaSet, StatefulSet, DaemonSet, Job ---- */

static void look_at_owner(struct apisim *a, const struct api_object *o,
			  const char *group, const char *plural)
{
	const json_t *refs = doc_get(o->json, "metadata", "ownerReferences", NULL);
	_cleanup_free_ char *key = xasprintf("%s/%s/%s/%s", group, plural,
		ctl_str(o->json, "metadata", "namespace"),
		ctl_str(json_array_get(refs, 0), "name", NULL));

	api_look(a, key, sim_between(a->sim, 1, 20));
}

static void control_replica_set(struct apisim *a, struct api_object *o)
{
	_cleanup_json_ json_t *rs = json_incref(o->json);
	int64_t want = ctl_num(rs, "spec", "replicas", 1);
	struct tally t = pods_of(a, rs);
	_cleanup_free_ char *key = xstrdup(o->key);

	for (; t.n < want; t.n++)
		random_pod(a, rs);
	for (; t.n > want; t = pods_of(a, rs))
		delete_pod(a, t.last);
	o = api_find_key(a, key);
	ctl_set_status(a, o, json_pack("{s:I, s:I, s:I, s:I, s:I}",
		"replicas", (json_int_t)t.n, "readyReplicas", (json_int_t)t.ready,
		"availableReplicas", (json_int_t)t.ready,
		"fullyLabeledReplicas", (json_int_t)t.n, "observedGeneration",
		(json_int_t)ctl_num(rs, "metadata", "generation", 0)));
	o = api_find_key(a, key);
	if (o->json != rs)
		look_at_owner(a, o, "apps", "deployments");
}

static const char *image_in(const json_t *pod_spec)
{
	return ctl_str(json_array_get(doc_get(pod_spec, "containers", NULL), 0), "image",
		       NULL);
}

static struct api_object *set_pod(struct apisim *a, const json_t *set, int64_t i)
{
	_cleanup_free_ char *name = xasprintf("%s-%lld",
		ctl_str(set, "metadata", "name"), (long long)i);

	return api_find(a, api_type_named(a, "pods"),
			ctl_str(set, "metadata", "namespace"), name);
}

/* The first that is missing, unless one before it is not ready: true when made. */
static bool make_set_pod(struct apisim *a, const json_t *set, int64_t want)
{
	for (int64_t i = 0; i < want; i++) {
		struct api_object *p = set_pod(a, set, i);
		_cleanup_free_ char *name = xasprintf("%s-%lld",
			ctl_str(set, "metadata", "name"), (long long)i);

		if (!p) {
			create_pod(a, set, name);
			return true;
		}
		if (!pod_ready(p->json))
			return false;
	}
	return false;
}

/*
 * One pod after another; a pod of an old template goes when the set is whole. Only
 * Parallel replaces one that is not ready: OrderedReady waits for it, for ever.
 */
static void control_stateful_set(struct apisim *a, struct api_object *o)
{
	_cleanup_json_ json_t *set = json_incref(o->json);
	_cleanup_free_ char *key = xstrdup(o->key), *hash = template_hash(set);
	bool parallel = !strcmp(ctl_str(set, "spec", "podManagementPolicy"),
				"Parallel");
	int64_t want = ctl_num(set, "spec", "replicas", 1), updated = 0;
	const char *now = image_in(doc_get(set, "spec", "template", "spec", NULL));
	struct tally t = pods_of(a, set);
	bool busy = make_set_pod(a, set, want);

	for (int64_t i = want - 1; i >= 0; i--) {
		struct api_object *p = set_pod(a, set, i);

		if (!p)
			continue;
		if (!strcmp(image_in(doc_get(p->json, "spec", NULL)), now)) {
			updated++;
		} else if (!busy && !doc_get(p->json, "metadata", "deletionTimestamp",
					     NULL) &&
			   (t.ready == want || (parallel && !pod_ready(p->json)))) {
			delete_pod(a, p);
			busy = true;
		}
	}
	if (busy)
		api_look(a, key, 100);
	if (t.n > want)
		delete_pod(a, t.last);
	t = pods_of(a, set);
	o = api_find_key(a, key);
	ctl_set_status(a, o, json_pack("{s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:I}",
		"replicas", (json_int_t)t.n, "readyReplicas", (json_int_t)t.ready,
		"availableReplicas", (json_int_t)t.ready, "updatedReplicas",
		(json_int_t)updated, "currentReplicas", (json_int_t)updated,
		"updateRevision", hash, "currentRevision",
		updated == want ? hash : "old", "observedGeneration",
		(json_int_t)ctl_num(set, "metadata", "generation", 0)));
	if (t.ready < want)
		api_look(a, key, 500);
}

/* The real server counts templates there; here every generation is a template. */
static void annotate_template(struct apisim *a, const struct api_object *o)
{
	static const char name[] = "deprecated.daemonset.template.generation";
	_cleanup_free_ char *now = xasprintf("%lld",
		(long long)ctl_num(o->json, "metadata", "generation", 0));
	const char *is = doc_get_str(o->json, "metadata", "annotations", name, NULL);

	if (!is || strcmp(is, now))
		api_patch_as(a, KCM, o->type,
			     ctl_str(o->json, "metadata", "namespace"),
			     ctl_str(o->json, "metadata", "name"), NULL,
			     json_pack("{s:{s:{s:s}}}", "metadata", "annotations",
				       name, now));
}

static void control_daemon_set(struct apisim *a, struct api_object *o)
{
	_cleanup_json_ json_t *set = json_incref(o->json);
	_cleanup_free_ char *key = xstrdup(o->key);
	struct tally t = pods_of(a, set);
	const char *is = "", *want = ctl_str(json_array_get(doc_get(set, "spec", "template",
		"spec", "containers", NULL), 0), "image", NULL);

	if (t.last)
		is = ctl_str(json_array_get(doc_get(t.last->json, "spec", "containers",
						NULL), 0), "image", NULL);
	if (!t.n)
		random_pod(a, set);
	else if (strcmp(is, want))
		delete_pod(a, t.last);
	annotate_template(a, api_find_key(a, key));
	o = api_find_key(a, key);
	ctl_set_status(a, o, json_pack("{s:i, s:i, s:I, s:I, s:i, s:i, s:I}",
		"desiredNumberScheduled", 1, "currentNumberScheduled", 1,
		"numberReady", (json_int_t)t.ready, "numberAvailable",
		(json_int_t)t.ready, "updatedNumberScheduled",
		t.n && !strcmp(is, want), "numberMisscheduled", 0,
		"observedGeneration", (json_int_t)ctl_num(set, "metadata", "generation",
						      0)));
	if (!t.ready)
		api_look(a, key, 300);
}

static json_t *job_status(struct apisim *a, const json_t *job, const struct tally *t,
			  bool done, bool failed)
{
	json_t *s = json_pack("{s:I, s:I, s:I}", "active",
		(json_int_t)(t->n - t->failed - t->succeeded), "succeeded",
		(json_int_t)t->succeeded, "failed", (json_int_t)t->failed);
	char now[32];

	api_now(a, now);
	if (!doc_get(job, "status", "startTime", NULL))
		json_object_set_new(s, "startTime", json_string(now));
	if (done) {
		json_object_set_new(s, "completionTime", json_string(now));
		json_object_set_new(s, "conditions", json_pack("[o]", ctl_condition(a, job,
			"Complete", "True", "CompletionsReached",
			"Reached expected number of succeeded pods", false)));
	} else if (failed) {
		json_object_set_new(s, "conditions", json_pack("[o]", ctl_condition(a, job,
			"Failed", "True", "BackoffLimitExceeded",
			"Job has reached the specified backoff limit", false)));
	}
	return s;
}

static void control_job(struct apisim *a, struct api_object *o)
{
	_cleanup_json_ json_t *job = json_incref(o->json);
	_cleanup_free_ char *key = xstrdup(o->key);
	struct tally t = pods_of(a, job);
	bool done = t.succeeded >= ctl_num(job, "spec", "completions", 1);
	bool failed = t.failed > ctl_num(job, "spec", "backoffLimit", 6);

	if (doc_get(job, "status", "conditions", NULL))
		return;
	if (!done && !failed && t.n == t.failed + t.succeeded) {
		random_pod(a, job);
		t.n++;
	}
	o = api_find_key(a, key);
	ctl_set_status(a, o, job_status(a, job, &t, done, failed));
	if (!done && !failed)
		api_look(a, key, 500);
}

/* ---- the rest ---- */

static void control_claim(struct apisim *a, struct api_object *o)
{
	if (!strcmp(ctl_str(o->json, "status", "phase"), "Bound"))
		return;
	if (!strcmp(ctl_str(o->json, "spec", "storageClassName"), "first-consumer")) {
		ctl_set_status(a, o, json_pack("{s:s}", "phase", "Pending"));
		return;
	}
	ctl_set_status(a, o, json_pack("{s:s, s:O}", "phase", "Bound", "accessModes",
				   doc_get(o->json, "spec", "accessModes", NULL) ?
				   doc_get(o->json, "spec", "accessModes", NULL) :
				   json_null()));
}

static void control_service(struct apisim *a, struct api_object *o)
{
	if (!strcmp(ctl_str(o->json, "spec", "type"), "LoadBalancer") &&
	    !*ctl_str(o->json, "spec", "loadBalancerClass"))	/* else nobody serves it */
		ctl_set_status(a, o, json_pack("{s:{s:[{s:s}]}}", "loadBalancer", "ingress",
					   "ip", "192.0.2.1"));
}

static void issue(struct apisim *a, struct api_object *o)
{
	const char *ns = ctl_str(o->json, "metadata", "namespace");
	const char *secret = ctl_str(o->json, "spec", "secretName");
	struct api_type *t = api_type_named(a, "secrets");
	_cleanup_json_ json_t *old = json_incref(o->json);
	_cleanup_free_ char *key = xstrdup(o->key);

	if (a->options.no_certificates)
		return;
	if (*secret && !api_find(a, t, ns, secret))
		create_as(a, "secrets", ns, secret, json_pack(
			"{s:s, s:s, s:{s:s}, s:s, s:{s:s, s:s}}", "apiVersion", "v1",
			"kind", "Secret", "metadata", "name", secret, "type",
			"kubernetes.io/tls", "data", "tls.crt", "Yw==", "tls.key",
			"aw=="));
	ctl_set_status(a, api_find_key(a, key), json_pack("{s:[o]}", "conditions",
		ctl_condition(a, old, "Ready", "True", "Ready",
			  "Certificate is up to date and has not expired", false)));
}

/* Twice looked at, so that "not yet issued" is a state that lasts. */
static void control_certificate(struct apisim *a, struct api_object *o)
{
	const json_t *list = doc_get(o->json, "status", "conditions", NULL);

	if (!list) {
		_cleanup_free_ char *key = xstrdup(o->key);

		ctl_set_status(a, o, json_pack("{s:[o]}", "conditions", ctl_condition(a, o->json,
			"Ready", "False", "DoesNotExist",
			"Issuing certificate as Secret does not exist", false)));
		api_look(a, key, sim_between(a->sim, 200, 1500));
	} else if (!strcmp(ctl_str(json_array_get(list, 0), "status", NULL), "False")) {
		issue(a, o);
	}
}

void api_rollout(struct apisim *a, struct api_object *o);

static const struct {
	const char *kind, *group;
	void (*fn)(struct apisim *a, struct api_object *o);
} controllers[] = {
	{ "CustomResourceDefinition", "apiextensions.k8s.io", control_crd },
	{ "Pod", "", ctl_pod },
	{ "Deployment", "apps", api_rollout },
	{ "ReplicaSet", "apps", control_replica_set },
	{ "StatefulSet", "apps", control_stateful_set },
	{ "DaemonSet", "apps", control_daemon_set },
	{ "Job", "batch", control_job },
	{ "PersistentVolumeClaim", "", control_claim },
	{ "Service", "", control_service },
	{ "Certificate", "cert-manager.io", control_certificate },
};

static void look_at_pods_owner(struct apisim *a, const struct api_object *o)
{
	static const struct {
		const char *kind, *group, *plural;
	} owners[] = {
		{ "ReplicaSet", "apps", "replicasets" },
		{ "StatefulSet", "apps", "statefulsets" },
		{ "DaemonSet", "apps", "daemonsets" },
		{ "Job", "batch", "jobs" },
	};
	const json_t *ref = json_array_get(doc_get(o->json, "metadata",
						   "ownerReferences", NULL), 0);

	for (size_t i = 0; ref && i < ARRAY_LEN(owners); i++)
		if (!strcmp(ctl_str(ref, "kind", NULL), owners[i].kind))
			look_at_owner(a, o, owners[i].group, owners[i].plural);
}

void api_control(struct apisim *a, struct api_object *o)
{
	if (doc_get(o->json, "metadata", "deletionTimestamp", NULL))
		return;
	if (!strcmp(o->type->kind, "Pod"))
		look_at_pods_owner(a, o);
	for (size_t i = 0; i < ARRAY_LEN(controllers); i++) {
		if (strcmp(o->type->kind, controllers[i].kind) ||
		    strcmp(o->type->group, controllers[i].group))
			continue;
		controllers[i].fn(a, o);
		return;
	}
}
