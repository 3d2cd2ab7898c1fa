/*
 * The rules of records: what may follow what when a state record is written, and
 * that the releases it needs can be read.
 */
#include <stdio.h>

#include "core/doc.h"
#include "life.h"
#include "sync/store_codec.h"

static void name_of(const struct life_app *a, char name[STORE_NAME])
{
	_cleanup_free_ char *id = xasprintf("argocd/%s", a->name);

	store_record_name(id, name);
}

const json_t *life_state(const struct life_app *a)
{
	char name[STORE_NAME];

	name_of(a, name);
	return apisim_get(a->life->api, "secrets", LIFE_NS, name);
}

static bool parse(const struct life_app *a, const json_t *secret, struct record *ret)
{
	struct err err = ERR_INIT;

	if (!store_record_parse(secret, (size_t)16 << 20, ret, &err))
		return true;
	life_fail(a->life, "records_can_be_read", "%s: %s", a->name, err.msg);
	return false;
}

/* Who rolls back says that what runs is not good. */
static bool rolls_back(const struct record *now)
{
	return *now->op.id && now->op.kind == OP_ROLLBACK;
}

/* One that was good long ago may come back and fail: the last good one is another. */
static void last_good_is_never_rejected(struct life_app *a, struct record *old,
					struct record *now)
{
	for (size_t i = 0; i < old->releases.len; i++) {
		const struct release *was = &old->releases.data[i];
		const struct release *is = record_release(now, was->id);

		if (!is || is->state != RELEASE_REJECTED || was->state == is->state)
			continue;
		a->life->counts.rejections++;
		if (is->id == old->last_good && !rolls_back(now))
			life_fail(a->life, "last_good_is_never_rejected", "%s: #%u",
				  a->name, is->id);
	}
}

/* 4: once, where the cause may pass; a person may do as they like. */
static void rejected_stays_out(struct life_app *a, struct record *old,
			       struct record *now)
{
	struct release *was = record_release(old, now->op.release);
	const struct release *twin;

	/* What goes with its Application goes in an operation of its release. */
	if (a->person || life_is_going(a) || !*now->op.id || now->op.kind != OP_SYNC ||
	    !strcmp(old->op.id, now->op.id))
		return;
	if (was && was->state == RELEASE_REJECTED && (!was->may_pass || was->retried))
		life_fail(a->life, "rejected_stays_out", "%s: #%u begins again "
			  "(may pass: %d, retried: %d)", a->name, was->id,
			  was->may_pass, was->retried);
	was = record_release(now, now->op.release);
	twin = was ? record_by_digest(old, was->digest) : NULL;
	if (twin && twin->id != was->id && twin->state == RELEASE_REJECTED &&
	    !strcmp(twin->options_digest, was->options_digest) &&
	    (!twin->may_pass || twin->retried))
		life_fail(a->life, "rejected_stays_out", "%s: #%u is #%u again, which "
			  "was rejected", a->name, was->id, twin->id);
}

/* 5 */
static void reverts_go_to_the_last_good(struct life_app *a, struct record *old,
					struct record *now)
{
	if (!*now->op.id || now->op.kind != OP_REVERT)
		return;
	if (now->op.release != now->last_good)
		life_fail(a->life, "reverts_go_to_the_last_good", "%s: to #%u, but #%u "
			  "was good", a->name, now->op.release, now->last_good);
	a->life->counts.reverts += strcmp(old->op.id, now->op.id) != 0;
	if (*old->op.id && old->op.kind == OP_REVERT &&
	    strcmp(old->op.id, now->op.id) && now->target != old->target)
		life_fail(a->life, "reverts_go_to_the_last_good", "%s: a revert to #%u "
			  "follows one to #%u", a->name, now->target, old->target);
}

/* 6 */
static void last_good_stays(struct life_app *a, struct record *old,
			    struct record *now)
{
	const struct release *r = record_release(now, now->last_good);

	if (old->last_good && !now->last_good && !rolls_back(now))
		life_fail(a->life, "last_good_stays", "%s: #%u is forgotten", a->name,
			  old->last_good);
	if (now->last_good && (!r || r->state != RELEASE_GOOD))
		life_fail(a->life, "last_good_stays", "%s: the last good #%u is %s",
			  a->name, now->last_good, r ? release_state_str(r->state) :
			  "not there");
}

static void ids_only_grow(struct life_app *a, struct record *old, struct record *now)
{
	if (now->last_id + 1 < old->last_id)
		life_fail(a->life, "ids_only_grow", "%s: #%u after #%u", a->name,
			  now->last_id, old->last_id);
	if (now->epoch < old->epoch)
		life_fail(a->life, "one_writer", "%s: leader %llu wrote over leader %llu",
			  a->name, (unsigned long long)now->epoch,
			  (unsigned long long)old->epoch);
}

static void (*const rules[])(struct life_app *a, struct record *old,
			     struct record *now) = {
	last_good_is_never_rejected, rejected_stays_out, reverts_go_to_the_last_good,
	last_good_stays, ids_only_grow,
};

/* Takes the stored record in, judging how it differs from the one before. */
struct record *life_record(struct life_app *a)
{
	const json_t *secret = life_state(a);
	const char *v = doc_get_str(secret, "metadata", "resourceVersion", NULL);
	struct record now = { 0 };

	if (!v) {
		record_deinit(&a->rec);
		a->rec = (struct record){ 0 };
		a->known = false;
		return NULL;
	}
	if (a->known && !strcmp(v, a->version))
		return &a->rec;
	if (!parse(a, secret, &now))
		return NULL;
	for (size_t i = 0; a->known && i < ARRAY_LEN(rules); i++)
		rules[i](a, &a->rec, &now);
	record_deinit(&a->rec);
	a->rec = now;
	a->known = true;
	snprintf(a->version, sizeof(a->version), "%s", v);
	return &a->rec;
}

void life_check_record(struct life_app *a)
{
	life_record(a);
}

/* ---- the bytes of releases ---- */

static bool has_chunks(const struct life_app *a, const char *id,
		       const struct render_answer *r)
{
	for (size_t i = 0; i < r->n_chunks; i++) {
		char name[STORE_NAME];

		store_chunk_name(id, r->chunks[i].digest, name);
		if (!r->chunks[i].deflated &&
		    !apisim_get(a->life->api, "secrets", LIFE_NS, name))
			return false;
	}
	return true;
}

static bool can_be_read(struct life_app *a, const struct release *r)
{
	_cleanup_free_ char *id = xasprintf("argocd/%s", a->name);
	struct render_answer answer = { 0 };
	struct err err = ERR_INIT;
	char name[STORE_NAME];
	const json_t *apart;
	bool found;

	found = !store_embedded_parse(life_state(a), r->id, &answer, &err);
	if (!found) {
		store_release_name(id, r->id, r->digest, name);
		apart = apisim_get(a->life->api, "secrets", LIFE_NS, name);
		found = apart && !store_release_parse(apart, &answer, &err);
	}
	found = found && !strcmp(answer.digest, r->digest) &&
		has_chunks(a, id, &answer);
	render_answer_deinit(&answer);
	return found;
}

/* 3, 6: what is in force, and what can be gone back to, lies in the cluster. */
void life_check_release_kept(struct life_app *a)
{
	struct record *rec = life_record(a);
	const uint32_t ids[] = { rec ? rec->target : 0, rec ? rec->last_good : 0,
				 rec && *rec->op.id ? rec->op.release : 0 };

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		const struct release *r = ids[i] ? record_release(rec, ids[i]) : NULL;

		if (r && !can_be_read(a, r))
			life_fail(a->life, "releases_are_kept", "%s: release #%u cannot "
				  "be read from the cluster", a->name, r->id);
	}
}
