/*
 * The end of a life: all misfortune stops, every folder in Git is put right, and the
 * cluster must become what Git says, object by object, and then be left in peace.
 */
#include <stdio.h>

#include "core/doc.h"
#include "life.h"
#include "sync/live.h"

#define HUNG_LONGEST_MS 300000

/* ---- putting right ---- */

static void stop_misfortune(struct life *x)
{
	sim_set_faults(x->s, &(struct sim_faults){ 0 }, 0);
	sim_aim_faults(x->s, "", "");
	gitsim_set_mood(sim_git(x->s), "http://git.sim/repo", GIT_FINE);
	gitsim_set_mood(sim_git(x->s), "http://git.sim/other", GIT_FINE);
	for (unsigned i = 0; i < x->n_replicas; i++) {
		sim_set_partition(x->s, x->replicas[i].host, false);
		sim_host_crash_at(x->s, x->replicas[i].host, 0);
	}
	x->closed_until = 0;
	x->wild = false;
	life_say(x, "peace");
}

/* A narrowed project is left so for a while: what it forbids must not happen. */
static void widen_fence(struct life *x)
{
	if (!x->fence.narrow)
		return;
	if (sim_random(x->s) % 3 == 0) {
		life_run(x, NULL, 11 * 60000);
		for (unsigned i = 0; i < x->n_apps; i++)
			lifegit_web(&x->apps[i], "fenced");
		life_run(x, NULL, 60000);
	}
	x->fence.narrow = false;
	life_say(x, "project team is widened");
	apisim_edit(x->api, "kubectl", "appprojects.argoproj.io", "argocd", "team",
		    "{\"spec\":{\"namespaceResourceBlacklist\":null}}");
}

static const json_t *application(const struct life_app *a)
{
	return apisim_get(a->life->api, "applications.argoproj.io", "argocd", a->name);
}

static bool none_is_going(struct life *x)
{
	for (unsigned i = 0; i < x->n_apps; i++)
		if (doc_get(application(&x->apps[i]), "metadata", "deletionTimestamp",
			    NULL))
			return false;
	return true;
}

/* What a person asked for before the last commit must not be seen after it. */
static bool none_is_asked(struct life *x)
{
	for (unsigned i = 0; i < x->n_apps; i++)
		if (doc_get(application(&x->apps[i]), "operation", NULL))
			return false;
	return true;
}

static void put_right(struct life_app *a, const char *tag)
{
	static const char *const phases[] = { "PreSync", "Sync", "PostSync", "SyncFail" };

	lifegit_restore(a);
	lifegit_put(a, "broken.yaml", NULL);
	lifegit_put(a, "foreign.yaml", NULL);
	lifegit_put(a, "moved.yaml", NULL);
	a->foreign = false;
	for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
		_cleanup_free_ char *file = xasprintf("hook-%s.yaml", phases[i]);

		if (lifegit_has_file(a, file))
			lifegit_hook(a, phases[i], tag, "");
	}
	if (lifegit_has_file(a, "db.yaml"))
		lifegit_set(a, tag);
	if (lifegit_has_file(a, "crd.yaml"))
		lifegit_crd(a, true, true);
	lifegit_web(a, tag);
}

/* Nobody else replaces a pod that never gets ready: StatefulSets wait for it. */
static void delete_stuck_pods(struct life *x)
{
	for (unsigned i = 0; i < x->n_apps; i++) {
		struct life_app *a = &x->apps[i];

		for (unsigned k = 0; k < 2; k++) {
			_cleanup_free_ char *name = xasprintf("db-%u", k);
			const json_t *pod = apisim_get(x->api, "pods", a->ns, name);
			const char *image = doc_get_str(json_array_get(doc_get(pod,
				"spec", "containers", NULL), 0), "image", NULL);

			if (image && !strstr(image, ":v") && !strstr(image, ":calm") &&
			    !strstr(image, ":final"))
				apisim_delete(x->api, "pods", a->ns, name);
		}
	}
}

/* More than three reverts in an hour: somebody looks into it, and says go on. */
static void lend_a_hand(struct life *x)
{
	for (unsigned i = 0; i < x->n_apps; i++) {
		struct life_app *a = &x->apps[i];
		struct record *rec = life_record(a);

		if (!rec || rec->reverts_in_row <= 3 || !application(a))
			continue;
		a->person = true;
		life_say(x, "%s: a hand is lent", a->name);
		apisim_edit(x->api, "kubectl", "applications.argoproj.io", "argocd",
			    a->name, "{\"operation\":{\"sync\":{\"revision\":\"main\"}}}");
	}
}

/* ---- is it what Git says? ---- */

struct comparison {
	struct life_app *a;
	size_t found;
	bool ok;
	char why[400];
};

static void differs(struct comparison *c, const char *what, const char *ns,
		    const char *name)
{
	if (c->ok)
		snprintf(c->why, sizeof(c->why), "%s: %s %s/%s", c->a->name, what, ns,
			 name);
	c->ok = false;
}

static const char *resource_of(const char *kind)
{
	static const char *const table[][2] = {
		{ "ConfigMap", "configmaps" }, { "Secret", "secrets" },
		{ "Deployment", "deployments.apps" }, { "StatefulSet", "statefulsets.apps" },
		{ "PersistentVolumeClaim", "persistentvolumeclaims" },
		{ "Widget", LIFE_WIDGETS }, { "CustomResourceDefinition", LIFE_CRDS },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (!strcmp(table[i][0], kind))
			return table[i][1];
	return NULL;
}

static const char *image_of(const json_t *o)
{
	const char *s = doc_get_str(json_array_get(doc_get(o, "spec", "template", "spec",
		"containers", NULL), 0), "image", NULL);

	return s ? s : "";
}

/* One manifest of Git is in the cluster, ours, and as Git says. */
static void compare_one(void *arg, const json_t *m, const char *ns)
{
	struct comparison *c = arg;
	const char *kind = doc_get_str(m, "kind", NULL);
	const char *name = doc_get_str(m, "metadata", "name", NULL);
	const char *resource = resource_of(kind);
	const json_t *o;
	_cleanup_free_ char *owner = NULL;

	if (!resource)
		return;		/* a hook */
	c->found++;
	o = apisim_get(c->a->life->api, resource, *ns ? ns : NULL, name);
	owner = o ? tracking_owner(o) : NULL;
	if (!o || doc_get(o, "metadata", "deletionTimestamp", NULL))
		differs(c, o ? "is going" : "is not there", ns, name);
	else if (!owner || life_app_of(c->a->life, owner) != c->a)
		differs(c, "is not tracked as its own", ns, name);
	else if (strcmp(image_of(m), image_of(o)) ||
		 (doc_get(m, "data", NULL) && !doc_equal(doc_get(m, "data", NULL),
							 doc_get(o, "data", NULL))) ||
		 doc_get_int(m, 0, "spec", "replicas", NULL) !=
		 doc_get_int(o, 0, "spec", "replicas", NULL) ||
		 doc_get_int(m, 0, "spec", "size", NULL) !=
		 doc_get_int(o, 0, "spec", "size", NULL) ||
		 json_array_size(doc_get(m, "spec", "versions", NULL)) !=
		 json_array_size(doc_get(o, "spec", "versions", NULL)))
		differs(c, "is not what Git says", ns, name);
}

static void no_more_than(struct comparison *c, const char *resource)
{
	static const char *const spaces[] = { "shop-0", "shop-1", "shop-2", "common" };
	struct life *x = c->a->life;
	const json_t *o;

	for (size_t n = 0; n < ARRAY_LEN(spaces); n++)
		for (size_t i = 0; (o = apisim_nth(x->api, resource, spaces[n], "", i));
		     i++) {
			_cleanup_free_ char *owner = tracking_owner(o);
			const char *oid = gitsim_ref(sim_git(x->s), c->a->repo, "main");
			const char *name = doc_get_str(o, "metadata", "name", NULL);

			/* One that lost its label, too, is not its own any more. */
			if (owner && life_app_of(x, owner) == c->a &&
			    doc_get(o, "metadata", "labels", "syncd.dev/install", NULL) &&
			    !lifegit_commit_has(c->a, oid, doc_get_str(o, "kind", NULL),
						spaces[n], name))
				differs(c, "is not in Git any more", spaces[n], name);
		}
}

static bool says(const struct life_app *a, const char *key, const char *more,
		 const char *want)
{
	const char *is = doc_get_str(application(a), "status", key, more, NULL);

	return is && !strcmp(is, want);
}

static void compare(struct life_app *a, struct comparison *c)
{
	struct record *rec = life_record(a);
	const struct release *good = rec ? record_release(rec, rec->last_good) : NULL;

	*c = (struct comparison){ .a = a, .ok = true };
	lifegit_each(a, compare_one, c);
	no_more_than(c, "configmaps");
	no_more_than(c, LIFE_WIDGETS);
	no_more_than(c, "deployments.apps");
	no_more_than(c, "statefulsets.apps");
	if (!says(a, "syncd", "phase", "Good"))
		differs(c, "is not Good", "status", a->name);
	if (!says(a, "sync", "status", "Synced"))
		differs(c, "is not Synced", "status", a->name);
	if (!says(a, "health", "status", "Healthy"))
		differs(c, "is not Healthy", "status", a->name);
	if (!good || rec->target != rec->last_good || *rec->op.id || rec->pin_why)
		differs(c, "its record is not at rest", "record", a->name);
	else if (!lifegit_commit_has(a, good->revision, "Deployment", a->ns, "web"))
		differs(c, "its good release is of a wrong commit", "record", a->name);
	/* What was refused and left Git stays pending until a prune forgets it. */
	for (size_t i = 0; c->ok && i < rec->inventory.len; i++) {
		const struct inv_entry *e = &rec->inventory.data[i];

		if (!*e->uid && lifegit_commit_has(a, good->revision, e->kind, e->ns,
						   e->name))
			differs(c, "has no UID in the inventory", e->ns, e->name);
	}
}

static bool is_settled(struct life *x)
{
	for (unsigned i = 0; i < x->n_apps; i++) {
		struct comparison c;

		compare(&x->apps[i], &c);
		if (!c.ok)
			return false;
	}
	return true;
}

static void must_be_settled(struct life *x)
{
	for (unsigned i = 0; i < x->n_apps; i++) {
		struct life_app *a = &x->apps[i];
		_cleanup_buf_ struct buf status = BUF_INIT;
		struct comparison c;

		compare(a, &c);
		if (c.ok)
			continue;
		if (doc_get(application(a), "status", NULL))
			doc_write(doc_get(application(a), "status", "conditions", NULL) ?
				  doc_get(application(a), "status", "conditions", NULL) :
				  doc_get(application(a), "status", "syncd", NULL),
				  &status);
		life_fail(x, "converges", "%s (%.600s)", c.why, buf_str(&status));
	}
}

/* ---- and then nothing ---- */

static void no_hook_is_held(struct life *x)
{
	const json_t *o, *f;

	for (unsigned i = 0; i < x->n_apps; i++)
		for (size_t k = 0; (o = apisim_nth(x->api, "jobs.batch", x->apps[i].ns, "",
						   k)); k++) {
			f = json_array_get(doc_get(o, "metadata", "finalizers", NULL), 0);
			if (json_string_value(f) &&
			    strstr(json_string_value(f), "hook-finalizer"))
				life_fail(x, "no_hook_is_held", "Job %s/%s",
					  x->apps[i].ns, doc_get_str(o, "metadata", "name",
								     NULL));
		}
}

/* What hung before peace ends by a deadline: it is asked again, and then all rests. */
static void is_quiet(struct life *x, uint64_t peace)
{
	struct sim_spy was = *sim_spy_of(x->s), keep = was;
	uint64_t due = peace + HUNG_LONGEST_MS, soon = sim_now(x->s) + 45000;
	size_t from;

	life_run(x, NULL, (due > soon ? due : soon) - sim_now(x->s));
	keep.forget = false;
	sim_set_spy(x->s, &keep);
	from = sim_request_count(x->s);
	life_run(x, NULL, 180000);
	for (size_t i = from; i < sim_request_count(x->s); i++) {
		const struct sim_request *r = sim_request(x->s, i);

		if (!r->watch && !strstr(r->path, "/leases/") &&
		    (r->write || !strstr(r->path, "/secrets")))
			life_fail(x, "no_change_no_request", "%s %s?%s", r->method,
				  r->path, r->query);
	}
	sim_set_spy(x->s, &was);
}

static void settle(struct life *x, uint64_t ms)
{
	uint64_t end = sim_now(x->s) + ms;

	while (!*x->failure && sim_now(x->s) < end) {
		if (life_run(x, is_settled, 120000))
			return;
		delete_stuck_pods(x);
		lend_a_hand(x);
	}
}

void life_make_peace(struct life *x)
{
	uint64_t peace = sim_now(x->s);

	stop_misfortune(x);
	widen_fence(x);
	life_run(x, none_is_going, 1200000);
	if (!none_is_going(x))
		life_fail(x, "deletions_end", "an Application is still being deleted");
	for (unsigned i = 0; i < x->n_apps; i++)
		if (!application(&x->apps[i]))
			life_put_app(x, &x->apps[i]);
	life_run(x, none_is_asked, 600000);
	/* What moved may be refused until its old owner let it go: once more then. */
	if (x->shared) {
		lifegit_share(x, (unsigned)(sim_random(x->s) % x->n_apps));
		for (unsigned i = 0; i < x->n_apps; i++)
			put_right(&x->apps[i], "calm");
		settle(x, 1500000);
	}
	for (unsigned i = 0; i < x->n_apps; i++)
		put_right(&x->apps[i], "final");
	settle(x, LIFE_HOUR);
	if (!*x->failure)
		must_be_settled(x);
	no_hook_is_held(x);
	if (!*x->failure && sim_random(x->s) % 4 == 0)
		is_quiet(x, peace);
}
