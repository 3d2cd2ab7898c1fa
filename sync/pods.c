/*
 * The pods of a workload's new revision: a Deployment or a StatefulSet that cannot
 * start says so only after minutes, or never; its pods say it at once.
 *
 * Read the workload -> find its new revision (a Deployment's newest ReplicaSet) ->
 * watch the pods that bear that revision's hash. Anything that fails is asked
 * again a second later; without an answer there is simply no verdict from pods.
 */
#include "engine_priv.h"

#include "exits.h"

#include <stdio.h>

#define MAX_PODWATCHES 16
#define AGAIN_MS 1000

struct pod {
	char *name;
	struct pod_report report;
	struct exits exits;
	unsigned seen;
};

struct podwatch {
	struct engine *engine;
	char *group, *kind, *ns, *name;
	void (*on_change)(void *arg);
	void *arg;
	struct kube_request req;
	struct world_timer again;
	char *revision, *uid;
	char *owner;		/* of the pods: the ReplicaSet, or the workload */
	char *selector;
	struct watch *watch;
	VEC(struct pod) pods;
	unsigned list_no;
	bool listed;		/* the first list is in: who comes now is new */
	unsigned exits_gone;	/* of pods that are gone */
	uint64_t since[POD_TROUBLE_N];	/* mono ms of first sight; 0 = none */
};

static void ask(struct podwatch *p);

static void ask_again(struct podwatch *p)
{
	world_timer_start(p->engine->w, &p->again, AGAIN_MS);
}

static void on_again(struct world_timer *t)
{
	ask(container_of(t, struct podwatch, again));
}

/* ---- pods ---- */

static bool is_ours(const struct podwatch *p, const json_t *pod)
{
	const json_t *refs = doc_get(pod, "metadata", "ownerReferences", NULL);
	size_t i;
	json_t *ref;

	json_array_foreach(refs, i, ref) {
		const char *name = doc_get_str(ref, "name", NULL);

		if (name && !strcmp(name, p->owner))
			return true;
	}
	return false;
}

static void note_times(struct podwatch *p)
{
	uint64_t now = world_now(p->engine->w);
	bool there[POD_TROUBLE_N] = { false };

	for (size_t i = 0; i < p->pods.len; i++)
		there[p->pods.data[i].report.trouble] = true;
	for (int t = 0; t < POD_TROUBLE_N; t++) {
		if (!there[t])
			p->since[t] = 0;
		else if (!p->since[t])
			p->since[t] = now ? now : 1;
	}
}

static struct pod *find(struct podwatch *p, const char *name)
{
	for (size_t i = 0; i < p->pods.len; i++)
		if (!strcmp(p->pods.data[i].name, name))
			return &p->pods.data[i];
	return NULL;
}

static void drop(struct podwatch *p, struct pod *pod)
{
	p->exits_gone += pod->exits.total;
	free(pod->name);
	*pod = p->pods.data[--p->pods.len];
}

static void on_reset(void *arg)
{
	((struct podwatch *)arg)->list_no++;
}

static void on_pod(void *arg, enum watch_event ev, const json_t *o)
{
	struct podwatch *p = arg;
	const char *name = doc_get_str(o, "metadata", "name", NULL);
	struct pod *pod;

	if (!name || !is_ours(p, o))
		return;
	pod = find(p, name);
	if (ev == WATCH_DELETED) {
		if (pod)
			drop(p, pod);
	} else {
		if (!pod) {
			vec_push(&p->pods, ((struct pod){ .name = xstrdup(name) }));
			pod = &p->pods.data[p->pods.len - 1];
		}
		pod->report = health_pod(o);
		exits_note(&pod->exits, &pod->report, p->listed);
		pod->seen = p->list_no;
	}
	note_times(p);
	p->on_change(p->arg);
}

static void on_synced(void *arg)
{
	struct podwatch *p = arg;

	p->listed = true;
	for (size_t i = p->pods.len; i-- > 0;)
		if (p->pods.data[i].seen != p->list_no)
			drop(p, &p->pods.data[i]);
	note_times(p);
	p->on_change(p->arg);
}

static const struct watch_handler handler = {
	.on_reset = on_reset, .on_event = on_pod, .on_synced = on_synced,
};

static void watch_hash(struct podwatch *p, const char *label, const char *hash,
		       const char *owner)
{
	struct kube_ref ref = { .version = "v1", .resource = "pods", .ns = p->ns };

	free(p->owner);
	free(p->selector);
	p->owner = xstrdup(owner);
	p->selector = xasprintf("%s=%s", label, hash);
	p->watch = watch_new(p->engine->kube, &ref, p->selector, NULL, &handler, p);
}

/* ---- the new revision ---- */

static void on_replicasets(struct kube_request *r, const struct err *err)
{
	struct podwatch *p = container_of(r, struct podwatch, req);
	const json_t *items = json_object_get(r->json, "items");
	size_t i, k;
	json_t *rs, *ref;

	json_array_foreach(err->code ? NULL : items, i, rs) {
		const char *revision = doc_get_str(rs, "metadata", "annotations",
			"deployment.kubernetes.io/revision", NULL);
		const char *hash = doc_get_str(rs, "metadata", "labels",
					       "pod-template-hash", NULL);
		const char *name = doc_get_str(rs, "metadata", "name", NULL);

		if (!revision || !hash || !name || strcmp(revision, p->revision))
			continue;
		json_array_foreach(doc_get(rs, "metadata", "ownerReferences", NULL),
				   k, ref) {
			const char *uid = doc_get_str(ref, "uid", NULL);

			if (uid && !strcmp(uid, p->uid)) {
				watch_hash(p, "pod-template-hash", hash, name);
				return;
			}
		}
	}
	ask_again(p);
}

static void list_replicasets(struct podwatch *p, const json_t *deployment)
{
	struct kube_ref ref = { .group = "apps", .version = "v1",
				.resource = "replicasets", .ns = p->ns };
	_cleanup_buf_ struct buf selector = BUF_INIT;
	const char *key;
	json_t *value;

	json_object_foreach(doc_get(deployment, "spec", "selector", "matchLabels",
				    NULL), key, value)
		buf_addf(&selector, "%s%s=%s", selector.len ? "," : "", key,
			 json_string_value(value));
	kube_list_init(&p->req, &ref, selector.len ? buf_str(&selector) : NULL,
		       100, NULL);
	p->req.parse = true;
	p->req.on_done = on_replicasets;
	kube_start(p->engine->kube, &p->req);
}

static void on_workload(struct kube_request *r, const struct err *err)
{
	struct podwatch *p = container_of(r, struct podwatch, req);
	const char *uid = doc_get_str(r->json, "metadata", "uid", NULL);
	const char *hash, *revision;

	if (err->code || !uid) {
		ask_again(p);
		return;
	}
	free(p->uid);
	p->uid = xstrdup(uid);
	if (!strcmp(p->kind, "Deployment")) {
		revision = doc_get_str(r->json, "metadata", "annotations",
				       "deployment.kubernetes.io/revision", NULL);
		/* The controller has not looked at this generation yet. */
		if (!revision || doc_get_int(r->json, 0, "status",
					     "observedGeneration", NULL) <
		    doc_get_int(r->json, 0, "metadata", "generation", NULL)) {
			ask_again(p);
			return;
		}
		free(p->revision);
		p->revision = xstrdup(revision);
		list_replicasets(p, r->json);
		return;
	}
	if (!strcmp(p->kind, "DaemonSet")) {
		hash = doc_get_str(r->json, "metadata", "annotations",
				   "deprecated.daemonset.template.generation", NULL);
		if (hash)
			watch_hash(p, "pod-template-generation", hash, p->name);
		else
			ask_again(p);
		return;
	}
	hash = doc_get_str(r->json, "status", "updateRevision", NULL);
	if (hash)
		watch_hash(p, "controller-revision-hash", hash, p->name);
	else
		ask_again(p);
}

static void ask(struct podwatch *p)
{
	struct objkey k = { p->group, p->kind, p->ns, p->name };
	struct kube_ref ref;

	if (!ref_resolve(p->engine->discovery, &k, NULL, &ref)) {
		ask_again(p);
		return;
	}
	kube_get_init(&p->req, &ref);
	p->req.parse = true;
	p->req.on_done = on_workload;
	kube_start(p->engine->kube, &p->req);
}

/* ---- for the operation and the soak ---- */

bool podwatch_fits(const struct objkey *k)
{
	return !strcmp(k->group, "apps") &&
	       (!strcmp(k->kind, "Deployment") || !strcmp(k->kind, "StatefulSet") ||
		!strcmp(k->kind, "DaemonSet"));
}

struct podwatch *podwatch_new(struct engine *e, const struct objkey *workload,
			      void (*on_change)(void *arg), void *arg)
{
	struct podwatch *p;

	if (e->n_podwatches >= MAX_PODWATCHES)
		return NULL;	/* the deadline decides for the others */
	e->n_podwatches++;
	p = xcalloc(1, sizeof(*p));
	p->engine = e;
	p->group = xstrdup(workload->group);
	p->kind = xstrdup(workload->kind);
	p->ns = xstrdup(workload->ns);
	p->name = xstrdup(workload->name);
	p->on_change = on_change;
	p->arg = arg;
	p->again.fn = on_again;
	ask(p);
	return p;
}

struct podwatch *podwatch_free(struct podwatch *p)
{
	if (!p)
		return NULL;
	p->engine->n_podwatches--;
	world_timer_stop(p->engine->w, &p->again);
	kube_abandon(p->engine->kube, &p->req);
	kube_request_deinit(&p->req);
	watch_free(p->watch);
	for (size_t i = 0; i < p->pods.len; i++)
		free(p->pods.data[i].name);
	vec_deinit(&p->pods);
	free(p->selector);
	free(p->owner);
	free(p->revision);
	free(p->uid);
	free(p->group);
	free(p->kind);
	free(p->ns);
	free(p->name);
	free(p);
	return NULL;
}

/* The first of that trouble, if it has something to say. */
static const struct pod *speaker(const struct podwatch *p, enum pod_trouble trouble)
{
	for (size_t i = 0; i < p->pods.len; i++) {
		const struct pod_report *r = &p->pods.data[i].report;

		if (r->trouble == trouble && *r->reason)
			return &p->pods.data[i];
	}
	return NULL;
}

bool podwatch_verdict(const struct podwatch *p, struct pod_verdict *ret)
{
	static const enum pod_trouble worst_first[] = {
		POD_IMAGE_NAME, POD_CONFIG, POD_CRASH, POD_PULL,
		POD_UNSCHEDULABLE, POD_FINE,
	};
	const struct pod *pod = NULL;

	*ret = (struct pod_verdict){ .trouble = POD_FINE };
	if (!p->pods.len)
		return false;
	for (size_t i = 0; i < p->pods.len; i++) {
		const struct pod_report *r = &p->pods.data[i].report;

		ret->ready += r->ready;
		ret->restarts += r->restarts;
		ret->failed_exits += r->failed_exits;
	}
	for (size_t k = 0; k < ARRAY_LEN(worst_first) && !pod; k++)
		pod = speaker(p, worst_first[k]);
	if (!pod)
		return true;
	ret->trouble = pod->report.trouble;
	ret->since = p->since[ret->trouble];
	snprintf(ret->reason, sizeof(ret->reason), "%s", pod->report.reason);
	snprintf(ret->message, sizeof(ret->message), "pod %s: %s%s%s", pod->name,
		 pod->report.reason, *pod->report.message ? ": " : "",
		 pod->report.message);
	return true;
}

unsigned podwatch_exits(const struct podwatch *p, const char **ret_pod)
{
	unsigned n = p->exits_gone, most = 0;

	*ret_pod = "";
	for (size_t i = 0; i < p->pods.len; i++) {
		const struct pod *pod = &p->pods.data[i];

		n += pod->exits.total;
		if (pod->exits.total <= most)
			continue;
		most = pod->exits.total;
		*ret_pod = pod->name;
	}
	return n;
}
