/*
 * A revert's StatefulSets that do not get healthy: per set GET it -> LIST its pods
 * of other revisions -> DELETE those that unstick_pod() names, by UID. One request
 * at a time; whatever fails is left for the next round, and the revert's deadline
 * ends it. The controller then makes the pods anew from the restored template.
 */
#include "op_priv.h"

#include "unstick.h"

#define ROUND_MS 3000
#define MAX_PODS 200	/* of one set in one round */

struct victim {
	char *name, *uid;
};

struct unstick {
	struct op *op;
	struct kube_request req;
	struct world_timer timer;
	VEC(char *) sets;	/* "ns/name", left to look at in this round */
	VEC(struct victim) pods;	/* of the last set of `sets`, left to delete */
	char *ns, *name;	/* of that set */
	json_t *set;
	bool waiting;		/* for the next round */
	bool warned;
};

static void next_set(struct unstick *u);

static void drop_pods(struct unstick *u)
{
	for (size_t i = 0; i < u->pods.len; i++) {
		free(u->pods.data[i].name);
		free(u->pods.data[i].uid);
	}
	u->pods.len = 0;
}

static void warn(struct unstick *u, const char *what, const struct err *err)
{
	if (!u->warned)
		engine_log(u->op->e, LOG_WARN, u->op->app, "StatefulSet %s/%s: %s: "
			   "%s", u->ns, u->name, what, err->msg);
	u->warned = true;	/* once: a round comes every few seconds */
}

static void start(struct unstick *u,
		  void (*on_done)(struct kube_request *r, const struct err *err))
{
	u->req.parse = true;
	u->req.on_done = on_done;
	op_send(u->op, &u->req);
}

static void delete_next(struct unstick *u);

static void on_deleted(struct kube_request *r, const struct err *err)
{
	struct unstick *u = container_of(r, struct unstick, req);
	struct victim *v = &u->pods.data[--u->pods.len];

	if (!err->code)
		engine_log(u->op->e, LOG_INFO, u->op->app, "deleted pod %s/%s of the "
			   "failed revision: StatefulSet %s waits for it to be ready",
			   u->ns, v->name, u->name);
	else if (err->code != ERR_NOTFOUND && err->code != ERR_CONFLICT)
		warn(u, "deleting a pod of the failed revision", err);
	free(v->name);
	free(v->uid);
	delete_next(u);
}

static void delete_next(struct unstick *u)
{
	struct kube_ref ref = { .version = "v1", .resource = "pods", .ns = u->ns };
	const struct victim *v;

	if (!u->pods.len) {
		next_set(u);
		return;
	}
	v = &u->pods.data[u->pods.len - 1];
	ref.name = v->name;
	kube_delete_init(&u->req, &ref, v->uid, "Background");
	start(u, on_deleted);
}

static void on_pods(struct kube_request *r, const struct err *err)
{
	struct unstick *u = container_of(r, struct unstick, req);
	struct stuck_set set;
	const json_t *pod;
	size_t i;

	if (err->code)
		warn(u, "looking for its pods", err);
	if (err->code || !unstick_set(u->set, &set)) {
		next_set(u);
		return;
	}
	json_array_foreach(json_object_get(r->json, "items"), i, pod) {
		const char *uid = doc_get_str(pod, "metadata", "uid", NULL);

		if (!uid || u->pods.len == MAX_PODS || !unstick_pod(&set, pod))
			continue;
		vec_push(&u->pods, ((struct victim){
			xstrdup(doc_get_str(pod, "metadata", "name", NULL)),
			xstrdup(uid) }));
	}
	delete_next(u);
}

static void on_set(struct kube_request *r, const struct err *err)
{
	struct unstick *u = container_of(r, struct unstick, req);
	struct kube_ref ref = { .version = "v1", .resource = "pods", .ns = u->ns };
	_cleanup_free_ char *selector = NULL;
	struct stuck_set set;

	if (err->code || !unstick_set(r->json, &set)) {
		next_set(u);
		return;
	}
	json_decref(u->set);
	u->set = json_incref(r->json);
	unstick_set(u->set, &set);
	selector = xasprintf("controller-revision-hash,"
			     "controller-revision-hash!=%s", set.revision);
	kube_list_init(&u->req, &ref, selector, 500, NULL);
	start(u, on_pods);
}

static void on_round(struct world_timer *t)
{
	struct unstick *u = container_of(t, struct unstick, timer);

	u->waiting = false;
	op_poke(u->op);
}

static void next_set(struct unstick *u)
{
	struct kube_ref ref = { .group = "apps", .version = "v1",
				.resource = "statefulsets" };
	_cleanup_free_ char *key = NULL;
	char *slash;

	if (!u->sets.len) {
		world_timer_start(u->op->e->w, &u->timer, ROUND_MS);
		return;
	}
	key = u->sets.data[--u->sets.len];
	slash = strchr(key, '/');
	free(u->ns);
	free(u->name);
	u->ns = xstrndup(key, (size_t)(slash - key));
	u->name = xstrdup(slash + 1);
	ref.ns = u->ns;
	ref.name = u->name;
	kube_get_init(&u->req, &ref);
	start(u, on_set);
}

/* The template lies in the cluster as the release has it, but is not up. */
static bool may_be_stuck(struct op *op, const struct task *t)
{
	const struct live *l;

	if (t->verb != TASK_KEEP || strcmp(t->key.group, "apps") ||
	    strcmp(t->key.kind, "StatefulSet"))
		return false;
	l = live_find(&op->e->live, &t->key);
	return l && l->health.status != HEALTH_HEALTHY;
}

void op_unstick(struct op *op)
{
	struct unstick *u = op->unstick;

	if (u && u->waiting)
		return;
	for (size_t i = 0; i < op->plan.tasks.len; i++) {
		const struct task *t = &op->plan.tasks.data[i];

		if (!may_be_stuck(op, t))
			continue;
		if (!u) {
			u = op->unstick = xcalloc(1, sizeof(*u));
			u->op = op;
			u->timer.fn = on_round;
		}
		vec_push(&u->sets, xasprintf("%s/%s", t->key.ns, t->key.name));
	}
	if (!u || !u->sets.len)
		return;
	u->waiting = true;
	next_set(u);
}

struct unstick *unstick_free(struct unstick *u)
{
	if (!u)
		return NULL;
	world_timer_stop(u->op->e->w, &u->timer);
	kube_abandon(u->op->e->kube, &u->req);
	kube_request_deinit(&u->req);
	for (size_t i = 0; i < u->sets.len; i++)
		free(u->sets.data[i]);
	drop_pods(u);
	vec_deinit(&u->sets);
	vec_deinit(&u->pods);
	json_decref(u->set);
	free(u->ns);
	free(u->name);
	free(u);
	return NULL;
}
