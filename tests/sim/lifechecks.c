/*
 * The rules that hold at every step: each is a function with the rule's name, asked
 * when the bytes of a request leave a process, or when the server has acted on them.
 * The numbers are those of ARCHITECTURE.md's invariants.
 *
 * A request is judged when it is sent, by what the cluster and the stored records
 * are then: one that is late lands in another world, which is why applies are
 * idempotent and deletes carry a UID.
 */
#include <stdio.h>

#include "core/doc.h"
#include "life.h"
#include "lifechecks.h"
#include "sync/live.h"

#define FENCE_MS 600000		/* until every replica must have heard of it */
#define MOVE_MS 600000		/* of a move, which may be taken back meanwhile */
#define PACE_MS 10000
#define PACE_MAX 1500

/* ---- what a request is about ---- */

static void part(char *out, size_t size, const char **path)
{
	size_t n = strcspn(*path, "/");

	snprintf(out, size, "%.*s", (int)(n < size ? n : size - 1), *path);
	*path += n + ((*path)[n] == '/');
}

/* "/api/v1/namespaces/x/pods/y/status", "/apis/apps/v1/deployments" */
static void parse(const char *path, struct aim *t)
{
	char word[64];

	path += *path == '/';
	part(word, sizeof(word), &path);
	if (!strcmp(word, "apis"))
		part(t->group, sizeof(t->group), &path);
	part(word, sizeof(word), &path);	/* the version */
	part(t->resource, sizeof(t->resource), &path);
	if (!strcmp(t->resource, "namespaces") && strchr(path, '/')) {
		part(t->ns, sizeof(t->ns), &path);
		part(t->resource, sizeof(t->resource), &path);
	}
	part(t->name, sizeof(t->name), &path);
	part(t->sub, sizeof(t->sub), &path);
	snprintf(t->typed, sizeof(t->typed), "%s%s%s", t->resource,
		 *t->group ? "." : "", t->group);
}

struct life_app *life_app_of(struct life *x, const char *name)
{
	/* Applications outside syncd's own namespace are "<namespace>_<name>". */
	if (!strncmp(name, "argocd_", 7))
		name += 7;
	for (unsigned i = 0; i < x->n_apps; i++)
		if (!strcmp(x->apps[i].name, name))
			return &x->apps[i];
	return NULL;
}

static struct life_app *owner_of(struct life *x, const json_t *object)
{
	_cleanup_free_ char *app = object ? tracking_owner(object) : NULL;

	return app ? life_app_of(x, app) : NULL;
}

static const char *tracking(const json_t *object)
{
	return doc_get_str(object, "metadata", "annotations",
			   "argocd.argoproj.io/tracking-id", NULL);
}

static void look(struct life *x, const struct sim_request *r, struct aim *t)
{
	*t = (struct aim){ .r = r };
	parse(r->path, t);
	t->own = !strcmp(t->ns, LIFE_NS) || !strcmp(t->name, LIFE_NS);
	t->live = *t->name ? apisim_get(x->api, t->typed, *t->ns ? t->ns : NULL,
					t->name) : NULL;
	if (*r->body == '{')
		t->body = doc_parse(r->body, strlen(r->body),
				    &(struct err){ .code = ERR_NONE });
	t->owner = owner_of(x, t->live);
	t->asker = owner_of(x, t->body);
}

static bool is_delete(const struct aim *t)
{
	return !strcmp(t->r->method, "DELETE") && !t->r->dry_run;
}

/* A write of an object that an application has in Git. */
static bool is_apply(const struct aim *t)
{
	return !strcmp(t->r->method, "PATCH") && !t->r->dry_run && t->asker &&
	       strstr(t->r->query, "force=true");
}

/* ---- when it is sent ---- */

/* 7: whoever writes holds the lease, by the server's own book. */
static void one_writer(struct life *x, struct aim *t)
{
	const json_t *lease = apisim_get(x->api, "leases.coordination.k8s.io",
					 LIFE_NS, "syncd-leader");
	const char *holder = doc_get_str(lease, "spec", "holderIdentity", NULL);
	const char *me = "";

	if (!x->elects || t->r->dry_run || !strcmp(t->resource, "leases") ||
	    !strcmp(t->resource, "events") || !strcmp(t->resource, "namespaces") ||
	    (!strcmp(t->resource, "configmaps") && t->own))
		return;
	for (unsigned i = 0; i < x->n_replicas; i++)
		if (!strcmp(sim_host_name(x->replicas[i].host), t->r->host))
			me = x->replicas[i].identity;
	if (!holder || strcmp(holder, me))
		life_fail(x, "one_writer", "%s sends %s %s, but %s leads", me,
			  t->r->method, t->r->path, holder ? holder : "nobody");
}

/* 9 */
static void secrets_stay_secret(struct life *x, struct aim *t)
{
	if (strcmp(t->resource, "secrets") && (strstr(t->r->body, LIFE_CANARY) ||
					       strstr(t->r->body, LIFE_CANARY_64)))
		life_fail(x, "secrets_stay_secret", "%s %s holds the secret",
			  t->r->method, t->r->path);
}

static bool names(const char *group, const char *kind, const char *ns,
		  const char *name, const json_t *o)
{
	const char *version = doc_get_str(o, "apiVersion", NULL);
	const char *slash = strchr(version ? version : "", '/');
	const char *its_ns = doc_get_str(o, "metadata", "namespace", NULL);

	return !strcmp(kind, doc_get_str(o, "kind", NULL)) &&
	       !strcmp(name, doc_get_str(o, "metadata", "name", NULL)) &&
	       !strcmp(ns, its_ns ? its_ns : ns) &&
	       (slash ? !strncmp(group, version, (size_t)(slash - version)) &&
			!group[slash - version] : !*group);
}

static const struct inv_entry *entry_of(const struct record *rec, const json_t *o,
					const char *ns)
{
	for (size_t i = 0; i < rec->inventory.len; i++) {
		const struct inv_entry *e = &rec->inventory.data[i];

		if (names(e->group, e->kind, e->ns, e->name, o) && !strcmp(e->ns, ns))
			return e;
	}
	return NULL;
}

static const struct hook_run *hook_of(const struct record *rec, const json_t *o,
				      const char *ns)
{
	for (size_t i = 0; i < rec->hooks.len; i++) {
		const struct hook_run *h = &rec->hooks.data[i];

		if (names(h->group, h->kind, h->ns, h->name, o) && !strcmp(h->ns, ns))
			return h;
	}
	return NULL;
}

/* 3 */
static void recorded_first(struct life *x, struct aim *t)
{
	struct record *rec;

	if (!is_apply(t))
		return;
	rec = life_record(t->asker);
	if (!rec)
		life_fail(x, "recorded_first", "%s: no record is stored yet", t->r->path);
	else if (!entry_of(rec, t->body, t->ns) && !hook_of(rec, t->body, t->ns))
		life_fail(x, "recorded_first", "%s is not in the inventory of %s",
			  t->r->path, t->asker->name);
	else
		life_check_release_kept(t->asker);
}

/* The release that the record says should be in the cluster. */
static const char *target_revision(struct record *rec)
{
	uint32_t id = rec->op.id[0] && rec->op.kind != OP_HEAL ? rec->op.release :
		      rec->target;
	const struct release *r = record_release(rec, id);

	return r ? r->revision : "";
}

/* One that was reverted does not have what its Git has. */
static bool has_in_force(struct life_app *a, const struct aim *t)
{
	struct record *rec = life_record(a);

	return rec && lifegit_commit_has(a, target_revision(rec), "ConfigMap", t->ns,
					 t->name);
}

/* The map that moves is its new owner's when the former one's Git lacks it. */
static bool may_be_given_up(struct life *x, const struct aim *t)
{
	struct life_app *a = t->owner;

	return a && !strcmp(t->name, "shared") &&
	       (life_is_going(a) || a->emptied || !lifegit_has_file(a, "shared.yaml") ||
		(a->shared_again && sim_now(x->s) < a->shared_again + MOVE_MS) ||
		!has_in_force(a, t));
}

/* 2 */
static void others_are_left(struct life *x, struct aim *t)
{
	_cleanup_free_ char *theirs = t->live ? tracking_owner(t->live) : NULL;
	_cleanup_free_ char *ours = t->body ? tracking_owner(t->body) : NULL;

	if (is_apply(t) && theirs && ours && strcmp(theirs, ours) &&
	    !may_be_given_up(x, t))
		life_fail(x, "others_are_left", "%s of %s is applied by %s", t->r->path,
			  theirs, ours);
	if (is_delete(t) && t->live && !t->own && strcmp(t->resource, "pods") &&
	    !t->owner)
		life_fail(x, "others_are_left", "%s is deleted, but bears %s",
			  t->r->path, tracking(t->live) ? tracking(t->live) :
			  "no tracking id");
}

bool life_is_going(const struct life_app *a)
{
	const json_t *app = apisim_get(a->life->api, "applications.argoproj.io",
				       "argocd", a->name);

	return !app || doc_get(app, "metadata", "deletionTimestamp", NULL);
}

/* 1: what goes is in the inventory with this UID, and not in the release in force. */
static void prunes_what_is_recorded(struct life *x, struct aim *t)
{
	const char *uid = doc_get_str(t->body, "preconditions", "uid", NULL);
	const struct inv_entry *e;
	const struct hook_run *h;
	struct record *rec;

	if (!is_delete(t) || t->own || !strcmp(t->resource, "pods"))
		return;
	if (!uid || !*uid) {
		life_fail(x, "prunes_what_is_recorded", "%s without a UID", t->r->path);
		return;
	}
	if (!t->live || strcmp(doc_get_str(t->live, "metadata", "uid", NULL), uid))
		return;		/* it does nothing */
	rec = t->owner ? life_record(t->owner) : NULL;
	if (!rec)
		return;		/* others_are_left says it */
	e = entry_of(rec, t->live, t->ns);
	h = hook_of(rec, t->live, t->ns);
	if (h)
		return;
	if (!e || (*e->uid ? strcmp(e->uid, uid) : !*e->op)) {
		life_fail(x, "prunes_what_is_recorded", "%s is not in the inventory of "
			  "%s with that UID", t->r->path, t->owner->name);
		return;
	}
	if (!life_is_going(t->owner) &&
	    lifegit_commit_has(t->owner, target_revision(rec), e->kind, t->ns, t->name))
		life_fail(x, "prunes_what_is_recorded", "%s is pruned, but is in the "
			  "release in force (%.7s)", t->r->path, target_revision(rec));
	x->counts.prunes++;
}

/* 1, 5 */
static void data_is_kept(struct life *x, struct aim *t)
{
	static const char *const kept[] = {
		"persistentvolumeclaims", "persistentvolumes", "namespaces",
		"customresourcedefinitions", "applications", "appprojects",
	};

	for (size_t i = 0; is_delete(t) && i < ARRAY_LEN(kept); i++)
		if (!strcmp(t->resource, kept[i]))
			life_fail(x, "data_is_kept", "%s is deleted", t->r->path);
}

/* 5 */
static void reverts_touch_only_the_new(struct life *x, struct aim *t)
{
	struct life_app *a = t->owner ? t->owner : t->asker;
	struct record *rec = a ? life_record(a) : NULL;
	const char *op;

	if (!rec || !rec->op.id[0] || rec->op.kind != OP_REVERT || t->r->dry_run)
		return;
	if (!strcmp(t->resource, "customresourcedefinitions"))
		life_fail(x, "reverts_touch_only_the_new", "%s %s in a revert",
			  t->r->method, t->r->path);
	op = doc_get_str(t->live, "metadata", "annotations", "syncd.dev/operation", NULL);
	if (is_delete(t) && t->live && op && *op == 'r' &&
	    strtoul(op + 1, NULL, 10) <= rec->last_good && !life_is_going(a) &&
	    !hook_of(rec, t->live, t->ns))
		life_fail(x, "reverts_touch_only_the_new", "%s was made by %s, and the "
			  "last good release is #%u", t->r->path, op, rec->last_good);
}

/* 11 */
static void fence_holds(struct life *x, struct aim *t)
{
	struct life_app *a = t->asker ? t->asker : t->owner;

	if (a && a->in_team && x->fence.narrow && (is_apply(t) || is_delete(t)) &&
	    !strcmp(t->resource, "deployments") &&
	    sim_now(x->s) > x->fence.since + FENCE_MS)
		life_fail(x, "fence_holds", "%s %s, which project team does not allow "
			  "for %llu s", t->r->method, t->r->path, (unsigned long long)
			  (sim_now(x->s) - x->fence.since) / 1000);
}

/* 13 */
static void keeps_its_pace(struct life *x, struct aim *t)
{
	(void)t;
	if (sim_now(x->s) > x->pace_from + PACE_MS) {
		x->pace_from = sim_now(x->s);
		x->pace = 0;
	}
	if (++x->pace > PACE_MAX)
		life_fail(x, "keeps_its_pace", "%u requests in %u s, the last %s %s",
			  x->pace, PACE_MS / 1000, t->r->method, t->r->path);
}

/* ---- when the server has acted ---- */

/*
 * 12: an object made by a hook's apply counts for its operation and its Application. What
 * left before that was made, and came late, was not sent again.
 */
static void hooks_run_once(struct life *x, struct aim *t)
{
	const char *op = doc_get_str(t->body, "metadata", "annotations",
				     "syncd.dev/operation", NULL);
	_cleanup_free_ char *id = NULL;
	const char *uid;

	if (!is_apply(t) || t->r->status != 201 || strcmp(t->resource, "jobs") || !op)
		return;
	uid = t->asker ? doc_get_str(apisim_get(x->api, "applications.argoproj.io",
		"argocd", t->asker->name), "metadata", "uid", NULL) : NULL;
	id = xasprintf("%s/%s/%s/%s", t->ns, t->name, op, uid ? uid : "");
	x->counts.hooks++;
	for (size_t i = 0; i < x->hooks.len; i++) {
		if (strcmp(x->hooks.data[i].id, id))
			continue;
		if (t->r->sent >= x->hooks.data[i].made)
			life_fail(x, "hooks_run_once", "%s is made again", id);
		return;
	}
	vec_push(&x->hooks, ((struct life_hook){ steal(&id), t->r->at }));
}

/* 2 */
static void foreign_is_as_it_was(struct life *x, struct aim *t)
{
	static const char *const names_[][2] = {
		{ "foreign", "theirs" }, { "bystander", "stays" },
	};

	if (strcmp(t->ns, "common"))
		return;
	for (size_t i = 0; i < ARRAY_LEN(names_); i++) {
		const json_t *o = apisim_get(x->api, "configmaps", "common",
					     names_[i][0]);
		const char *is = doc_get_str(o, "data", "key", NULL);

		if (!is || strcmp(is, names_[i][1]))
			life_fail(x, "foreign_is_as_it_was", "ConfigMap common/%s is %s "
				  "after %s %s", names_[i][0], is ? is : "gone",
				  t->r->method, t->r->path);
	}
}

/* 4, 5, 6: see liferecords.c */
static void records_go_on(struct life *x, struct aim *t)
{
	if (strcmp(t->resource, "secrets") || strcmp(t->ns, LIFE_NS) ||
	    t->r->status >= 300 || t->r->dry_run)
		return;
	for (unsigned i = 0; i < x->n_apps; i++) {
		life_check_record(&x->apps[i]);
		if (is_delete(t))
			life_check_release_kept(&x->apps[i]);
	}
}

static void (*const when_sent[])(struct life *x, struct aim *t) = {
	keeps_its_pace, one_writer, secrets_stay_secret, recorded_first,
	others_are_left, prunes_what_is_recorded, data_is_kept,
	reverts_touch_only_the_new, fence_holds,
};

static void (*const when_served[])(struct life *x, struct aim *t) = {
	hooks_run_once, foreign_is_as_it_was, records_go_on,
};

/* ---- the spy ---- */

static void tell(struct life *x, const char *what, const struct sim_request *r)
{
	if (x->loud && !strstr(r->path, "/leases/"))
		fprintf(stderr, "%9.3f %s %s %s %s%s%s -> %d\n",
			(double)sim_now(x->s) / 1000, r->host, what, r->method, r->path,
			*r->query ? "?" : "", r->query, r->status);
}

static void on_sent(void *arg, const struct sim_request *r)
{
	struct life *x = arg;
	struct aim t;

	if (!r->write || *x->failure)
		return;
	look(x, r, &t);
	for (size_t i = 0; i < ARRAY_LEN(when_sent); i++)
		when_sent[i](x, &t);
	json_decref(t.body);
}

static void on_served(void *arg, const struct sim_request *r)
{
	struct life *x = arg;
	struct aim t;

	tell(x, "asks", r);
	if (!r->write || *x->failure)
		return;
	look(x, r, &t);
	for (size_t i = 0; i < ARRAY_LEN(when_served); i++)
		when_served[i](x, &t);
	json_decref(t.body);
}

static void on_logged(void *arg, const char *line)
{
	struct life *x = arg;

	if (x->loud)
		fprintf(stderr, "%s\n", line);
	x->counts.heals += strstr(line, "healed: ") != NULL;
	if (strstr(line, LIFE_CANARY) || strstr(line, LIFE_CANARY_64))
		life_fail(x, "secrets_stay_secret", "a log line holds the secret");
}

void life_watch_rules(struct life *x)
{
	struct sim_spy spy = {
		.sent = on_sent, .served = on_served, .logged = on_logged, .arg = x,
		.forget = true,
	};

	sim_set_spy(x->s, &spy);
}
