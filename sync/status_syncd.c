/*
 * status.syncd: what only syncd knows. syncctl reads it:
 *
 *   phase, phaseSince, deadline, message, leader, resourceCount
 *   target, lastGood, candidate, rejected   one release each, where there is one
 *   pin        {why, by, since, until, rejected}   only while pinned; byHand: true
 *              where the annotation syncd.dev/pin does it
 *   suspended  {why, by, until}   only while it is
 *   autoRevert {mode, why, until}   only where it is not on: mode is report or false
 *   breaker    {why, since, held}   only while it is open and this one reverts; held: it
 *              waits for another's revert
 *   window     why its syncs wait for a sync window
 *   gates      {file, environment, revision, commit, digest, approval, shut[], held[]}   where a
 *              deploy-control file is named: which one is in force, of what commit;
 *              Git's newest commit and the digest that an approval is bound to; each
 *              shut gate {gate, service, stops: "automatic" or "all", why, until};
 *              held back of Git's objects {service, objects}
 *   excluding  the namespaces whose ConfigMap argocd-cm keeps kinds out (exclude.h), with
 *              blanks between: who compares reads it there
 *   operation  {id, kind, release, wave, startedAt, initiatedBy, applied, tries}
 *   prune      {digest, count, objects[] {group, kind, namespace, name, why}}, only
 *              while they wait for approval: at most 200 objects are listed
 *   orphaned   {count, unread}   where the project asks for orphaned resources: how many lie
 *              in the destination namespace; kinds that may not be listed, where there are
 *   orphanedObjects[]   {group, kind, namespace, name}: the first 50 of them
 *   waves[]    {wave, objects, applied, healthy}, of the target
 *   releases[] newest first, at most 10
 *
 * A release: {id, state, revision (revisions where there are several), digest, author,
 * subject, initiatedBy, approvedBy and approvedReason, overridden ("window: why": gates
 * that a person passed), reason, wouldRevertTo (auto-revert only reported it), evidence
 * (it is kept: sync/evidence.h), objects, bytes (as stored), createdAt, deployedAt, since}; since = when its state was decided,
 * else when it was deployed or made; healthySince for a good one.
 */
#include "approval.h"
#include "orphan.h"
#include "status_parts.h"

#define MAX_RELEASES 10
#define MAX_ASKED 200

static json_t *release_json(const struct release *r)
{
	int64_t since = r->decided_ms ? r->decided_ms :
			r->deployed_ms ? r->deployed_ms : r->created_ms;
	json_t *o = json_object();

	put_int(o, "id", r->id);
	put_str(o, "state", release_state_str(r->state));
	put_str(o, "revision", r->revision);
	if (r->revisions)
		put_revisions(o, NULL, r->revisions);
	put_str(o, "digest", r->digest);
	put_str(o, "author", r->author);
	put_str(o, "subject", r->subject);
	put_str(o, "initiatedBy", r->initiated_by);
	put_str(o, "reason", r->reason);
	put_str(o, "approvedBy", r->approved_by);
	put_str(o, "approvedReason", r->approved_why);
	put_str(o, "overridden", r->overridden);
	put_int(o, "wouldRevertTo", r->reported);
	if (r->evidence)
		json_object_set_new(o, "evidence", json_true());
	json_object_set_new(o, "objects", json_integer(r->n_objects));
	put_int(o, "bytes", r->bytes);
	put_time(o, "createdAt", r->created_ms);
	put_time(o, "deployedAt", r->deployed_ms);
	put_time(o, "since", since);
	if (r->state == RELEASE_GOOD)
		put_time(o, "healthySince", r->decided_ms);
	return o;
}

static void put_release(json_t *o, const char *key, const struct release *r)
{
	if (r)
		json_object_set_new(o, key, release_json(r));
}

static const struct release *newest(const struct record *r)
{
	return r->releases.len ? &r->releases.data[r->releases.len - 1] : NULL;
}

/* The one being tried: nothing after it was decided. */
static const struct release *candidate(const struct record *r)
{
	const struct release *last = newest(r);

	return last && last->state == RELEASE_CANDIDATE ? last : NULL;
}

/*
 * What we are pinned because of, what was left in place although it was rejected,
 * or what holds Git's head back. What Git has left behind is history.
 */
static const struct release *rejected(const struct status_view *v,
				      struct record *r)
{
	const struct release *target = record_release(r, r->target);

	if (r->pin_rejected)
		return record_release(r, r->pin_rejected);
	if (target && target->state == RELEASE_REJECTED)
		return target;
	return v->release ? record_rejects(r, v->release->digest,
					   v->release->input_key,
					   v->spec->options_digest) : NULL;
}

static json_t *hold_json(const struct app_hold *h)
{
	json_t *o = json_object();

	put_str(o, "why", h->why);
	put_str(o, "by", h->by);
	put_time(o, "until", h->until_ms);
	return o;
}

static void put_pin(json_t *o, const struct status_view *v, const struct record *r)
{
	json_t *pin;

	if (v->suspend)
		json_object_set_new(o, "suspended", hold_json(v->suspend));
	put_str(o, "window", v->window);
	if (v->gates)
		json_object_set(o, "gates", v->gates);
	if (v->pin) {
		pin = hold_json(v->pin);
		json_object_set_new(pin, "byHand", json_true());
		json_object_set_new(o, "pin", pin);
		return;
	}
	if (!r->pin_why)
		return;
	pin = json_object();
	put_str(pin, "why", r->pin_why);
	put_str(pin, "by", r->pin_by);
	put_time(pin, "since", r->pin_since_ms);
	put_time(pin, "until", r->pin_until_ms);
	put_int(pin, "rejected", r->pin_rejected);
	json_object_set_new(o, "pin", pin);
}

/* What a person is asked for: `syncctl confirm` shows it and answers its digest. */
static void put_asking(json_t *o, const struct plan *p)
{
	json_t *j, *list;
	char digest[65];
	size_t n = p ? approval_digest(p, digest) : 0;

	if (!n)
		return;
	j = json_object();
	list = json_array();
	put_str(j, "digest", digest);
	put_int(j, "count", (int64_t)n);
	json_object_set_new(j, "objects", list);
	for (size_t i = 0; i < p->prunes.len &&
	     json_array_size(list) < MAX_ASKED; i++) {
		const struct task *t = &p->prunes.data[i];
		json_t *row = t->verb == TASK_ASK ? json_object() : NULL;

		if (!row)
			continue;
		put_str(row, "group", t->key.group);
		put_str(row, "kind", t->key.kind);
		put_str(row, "namespace", t->key.ns);
		put_str(row, "name", t->key.name);
		put_str(row, "why", t->why);
		json_array_append_new(list, row);
	}
	json_object_set_new(o, "prune", j);
}

/* "apps/Deployment/shop/web", "ConfigMap/shop/web": a group has a slash more. */
static json_t *orphan_json(const char *name)
{
	_cleanup_free_ char *copy = xstrdup(name);
	json_t *o = json_object();
	char *rest = copy;
	size_t slashes = 0;

	for (const char *s = copy; *s; s++)
		slashes += *s == '/';
	if (slashes > 2)
		put_str(o, "group", strsep(&rest, "/"));
	put_str(o, "kind", strsep(&rest, "/"));
	put_str(o, "namespace", strsep(&rest, "/"));
	put_str(o, "name", rest);
	return o;
}

static void put_orphans(json_t *o, const struct orphans_found *f)
{
	json_t *j, *list;

	if (!f)
		return;
	j = json_object();
	json_object_set_new(j, "count", json_integer((json_int_t)f->n));
	put_int(j, "unread", (int64_t)f->unread);
	json_object_set_new(o, "orphaned", j);
	if (!f->names.len)
		return;
	list = json_array();
	for (size_t i = 0; i < f->names.len; i++)
		json_array_append_new(list, orphan_json(f->names.data[i]));
	json_object_set_new(o, "orphanedObjects", list);
}

/* Where a bad release is not put back by itself. */
static void put_auto_revert(json_t *o, const struct status_view *v)
{
	json_t *j;

	if (!v->auto_revert)
		return;
	j = json_object();
	put_str(j, "mode", v->auto_revert);
	put_str(j, "why", v->auto_revert_why);
	put_time(j, "until", v->auto_revert_until_ms);
	json_object_set_new(o, "autoRevert", j);
}

static void put_breaker(json_t *o, const struct status_view *v)
{
	json_t *j;

	if (!v->breaker)
		return;
	j = json_object();
	put_str(j, "why", v->breaker);
	put_time(j, "since", v->breaker_since_ms);
	if (v->held)
		json_object_set_new(j, "held", json_true());
	json_object_set_new(o, "breaker", j);
}

static void put_operation(json_t *o, const struct op_record *op)
{
	json_t *j;

	if (!op->id[0])
		return;
	j = json_object();
	put_str(j, "id", op->id);
	put_str(j, "kind", op_kind_str(op->kind));
	put_int(j, "release", op->release);
	json_object_set_new(j, "wave", json_integer(op->wave));
	put_time(j, "startedAt", op->started_ms);
	put_str(j, "initiatedBy", op->initiated_by);
	json_object_set_new(j, "applied", json_boolean(op->applied));
	put_int(j, "tries", op->tries);
	json_object_set_new(o, "operation", j);
}

static int compare_waves(const void *a, const void *b)
{
	int x = ((const struct target_row *)a)->wave;
	int y = ((const struct target_row *)b)->wave;

	return (x > y) - (x < y);
}

static bool is_well(const struct target_row *r)
{
	return r->in_place && (r->health == HEALTH_NONE ||
			       r->health == HEALTH_HEALTHY ||
			       r->health == HEALTH_SUSPENDED ||
			       (r->flags & OBJ_IGNORE_HEALTH));
}

static json_t *wave_json(const struct target_row *rows, size_t n)
{
	json_int_t applied = 0, healthy = 0;
	json_t *o = json_object();

	for (size_t i = 0; i < n; i++) {
		applied += rows[i].in_place;
		healthy += is_well(&rows[i]);
	}
	json_object_set_new(o, "wave", json_integer(rows->wave));
	json_object_set_new(o, "objects", json_integer((json_int_t)n));
	json_object_set_new(o, "applied", json_integer(applied));
	json_object_set_new(o, "healthy", json_integer(healthy));
	return o;
}

static json_t *waves_json(struct target_rows *rows)
{
	json_t *list = json_array();

	if (rows->len)
		qsort(rows->data, rows->len, sizeof(*rows->data), compare_waves);
	for (size_t i = 0, n; i < rows->len; i += n) {
		for (n = 1; i + n < rows->len; n++)
			if (rows->data[i + n].wave != rows->data[i].wave)
				break;
		if (json_array_size(list) < STATUS_MAX_RESOURCES)
			json_array_append_new(list, wave_json(&rows->data[i], n));
	}
	return list;
}

static json_t *releases_json(const struct record *r)
{
	json_t *list = json_array();

	for (size_t i = r->releases.len; i-- > 0 &&
	     json_array_size(list) < MAX_RELEASES;)
		json_array_append_new(list, release_json(&r->releases.data[i]));
	return list;
}

json_t *status_syncd(const struct status_view *v, struct target_rows *rows,
		     size_t resources)
{
	struct record *r = (struct record *)v->record;
	json_t *o = json_object();

	put_str(o, "leader", v->leader);
	put_str(o, "message", v->phase_message);
	put_auto_revert(o, v);
	put_breaker(o, v);
	put_str(o, "excluding", v->excluding);
	json_object_set_new(o, "resourceCount", json_integer((json_int_t)resources));
	if (!r)
		return o;
	put_str(o, "phase", phase_str(r->phase));
	put_time(o, "phaseSince", r->phase_since_ms);
	put_time(o, "deadline", r->op.id[0] ? r->op.deadline_ms : 0);
	put_release(o, "target", record_release(r, r->target));
	put_release(o, "lastGood", record_release(r, r->last_good));
	put_release(o, "candidate", candidate(r));
	put_release(o, "rejected", rejected(v, r));
	put_pin(o, v, r);
	put_asking(o, v->asking);
	put_orphans(o, v->orphans);
	put_operation(o, &r->op);
	json_object_set_new(o, "waves", waves_json(rows));
	json_object_set_new(o, "releases", releases_json(r));
	return o;
}
