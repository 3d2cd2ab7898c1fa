/*
 * What an application does next, when no operation is running. Pure: a table of
 * facts in, one verb out.
 *
 * Git's head is the wish, the target is where the cluster should be now. They
 * part when a release was rejected, and meet again when something new appears.
 */
#include "engine_priv.h"

#define RETRY_REJECTED_MS (10 * 60 * 1000)
#define FLAP_MAX_MS (15 * 60 * 1000)
#define HOUR_MS (60 * 60 * 1000)
#define REVERTS_AN_HOUR 3

static struct decision be(enum next next, const char *why)
{
	return (struct decision){ .next = next, .why = why };
}

static struct decision wait_until(uint64_t at, const char *why)
{
	return (struct decision){ .next = NEXT_WAIT, .why = why, .again_at = at };
}

/* Hold off before the next candidate after consecutive reverts. */
static int64_t flap_hold_ms(unsigned reverts_in_row)
{
	static const int64_t minutes[] = { 0, 0, 1, 5 };

	if (reverts_in_row < ARRAY_LEN(minutes))
		return minutes[reverts_in_row] * 60 * 1000;
	return FLAP_MAX_MS;
}

/*
 * More than three reverts within an hour: somebody has to look. It holds until a
 * release becomes good (a person's sync is obeyed), not until the hour is over.
 */
static bool needs_hand(const struct record *rec)
{
	size_t n = 0;

	if (rec->reverts_in_row <= REVERTS_AN_HOUR)
		return false;
	for (size_t i = 0; i < rec->releases.len; i++)
		n += rec->releases.data[i].state == RELEASE_REJECTED &&
		     rec->releases.data[i].rejected_mono >
		     rec->last_revert_mono - HOUR_MS;
	return n > REVERTS_AN_HOUR;
}

static const struct release *target_of(const struct decide_in *in)
{
	return record_release((struct record *)in->rec, in->rec->target);
}

static bool head_is_target(const struct decide_in *in)
{
	const struct release *t = target_of(in);

	return in->head_known && t && !strcmp(t->digest, in->head_digest) &&
	       !strcmp(t->options_digest, in->spec->options_digest) &&
	       t->state != RELEASE_REJECTED;
}

/* The rejection that holds the head back, or NULL. */
static const struct release *rejection(const struct decide_in *in)
{
	return record_rejects(in->rec, in->head_digest, in->head_input_key,
			      in->spec->options_digest);
}

static struct decision held_back(const struct decide_in *in,
				 const struct release *r)
{
	int64_t left = r->rejected_mono + RETRY_REJECTED_MS - (int64_t)in->now;
	struct decision d;

	if (!r->may_pass || r->retried || !in->spec->automated)
		return (struct decision){ .next = NEXT_WAIT, .rejected = r,
					  .why = "Git's head was rejected" };
	if (left <= 0) {
		d = be(NEXT_SYNC, "the rejected release is tried once more");
		d.rejected = r;
		return d;
	}
	return (struct decision){ .next = NEXT_WAIT, .rejected = r,
				  .why = "Git's head was rejected; its cause may "
					 "pass, it is tried once more",
				  .again_at = in->now + (uint64_t)left };
}

/* What is done by itself waits for what it depends on, and for an open window. */
static struct decision gated(const struct decide_in *in, struct decision d)
{
	if (d.next == NEXT_WAIT || (!in->waits && !in->shut))
		return d;
	d.next = NEXT_WAIT;
	d.why = in->waits ? in->waits : in->shut;
	d.again_at = in->waits ? 0 : in->shut_until;
	return d;
}

/* What is new waits for its gates, too; those of deploy-control hold back no more. */
static struct decision gated_new(const struct decide_in *in, struct decision d)
{
	d = gated(in, d);
	if (d.next == NEXT_WAIT || !in->gate)
		return d;
	d.next = NEXT_WAIT;
	d.why = in->gate;
	d.again_at = in->gate_until;
	return d;
}

static struct decision head_next(const struct decide_in *in)
{
	const struct release *r;
	int64_t hold;

	if (!in->spec->automated)
		return be(NEXT_WAIT, "automated sync is off: run syncctl sync");
	r = rejection(in);
	if (r)
		return held_back(in, r);
	if (needs_hand(in->rec))
		return be(NEXT_WAIT, "more than three reverts within an hour: "
			  "look into it, then run syncctl sync");
	hold = in->rec->last_revert_mono + flap_hold_ms(in->rec->reverts_in_row) -
	       (int64_t)in->now;
	if (in->rec->reverts_in_row > 1 && hold > 0)
		return wait_until(in->now + (uint64_t)hold,
				  "holding off after consecutive reverts");
	/* retry_at is about what failed: something new does not wait for it. */
	return be(NEXT_SYNC, "a new release");
}

/* Something in Git that the cluster should go to? NEXT_WAIT if not. */
static struct decision toward_head(const struct decide_in *in)
{
	if (!in->head_known || head_is_target(in))
		return be(NEXT_WAIT, NULL);	/* nothing to say */
	if (in->pinned)
		return be(NEXT_WAIT, in->pinned);
	return gated_new(in, head_next(in));
}

/* A rejected release, or one given up half way, is not put back by itself. */
static bool may_heal(const struct decide_in *in)
{
	const struct release *t = target_of(in);

	return in->loaded && in->drifted && in->spec->self_heal &&
	       in->spec->automated && t &&
	       (t->state == RELEASE_GOOD || t->state == RELEASE_CANDIDATE);
}

static struct decision heal(const struct decide_in *in, struct decision other)
{
	if (!may_heal(in))
		return other;
	if (in->shut && in->heal_at <= in->now) {
		if (!other.again_at || in->shut_until < other.again_at)
			other.again_at = in->shut_until;
		other.why = other.why ? other.why : in->shut;
		return other;
	}
	if (in->heal_at <= in->now)
		return be(NEXT_HEAL, "the cluster drifted");
	if (!other.again_at || in->heal_at < other.again_at)
		other.again_at = in->heal_at;
	return other;
}

static struct decision soaking(const struct decide_in *in)
{
	struct decision d;

	if (in->soak_bad)
		return be(NEXT_REVERT, "the soak was broken");
	if (in->soak_over)
		return be(NEXT_PROMOTE, "the soak is over");
	d = toward_head(in);
	if (d.next == NEXT_SYNC && !in->storm)
		return d;
	d.why = d.next == NEXT_SYNC ? "soaking to its end: too many were superseded" :
				      "soaking";
	d.next = NEXT_SOAK;
	return heal(in, d);
}

/* Without the target's objects in memory only something new can be put out. */
static struct decision not_loaded(const struct decide_in *in)
{
	struct decision d = toward_head(in);

	if (d.next == NEXT_SYNC)
		return d;
	d.next = NEXT_WAIT;
	d.why = in->foreign ? in->foreign :
			      "the release that should be running cannot be read";
	return d;
}

/* A newer commit ends the wait for another try: it supersedes at once. */
static bool is_superseded(const struct decide_in *in)
{
	const struct release *r =
		record_release((struct record *)in->rec, in->rec->op.release);

	return in->rec->op.kind == OP_SYNC && in->head_known && r &&
	       in->spec->automated && !in->pinned && !in->waits && !in->shut &&
	       !in->gate && strcmp(r->digest, in->head_digest) && !rejection(in) && !needs_hand(in->rec);
}

/* Of chosen objects: their release is Git's head, or nobody wants them any more. */
static struct decision resume_partial(const struct decide_in *in)
{
	if (!in->head_known)
		return be(NEXT_WAIT, "waiting for Git to go on with chosen objects");
	if (!in->partial_head)
		return be(NEXT_GIVE_UP, "a newer commit supersedes it");
	if (in->retry_at > in->now)
		return wait_until(in->retry_at, "waiting to try again");
	return be(NEXT_RESUME, "an operation was under way");
}

/*
 * Why a sync that went by itself does not go on now: its next try waits for all gates,
 * what was stopped at the end of a wave for the one that stopped it. NULL: it does.
 */
static const char *halted(const struct decide_in *in)
{
	const struct op_record *o = &in->rec->op;

	if (in->takes_over || o->kind != OP_SYNC || in->rec->phase == PHASE_PRUNING ||
	    !o->initiated_by || strcmp(o->initiated_by, "automated"))
		return NULL;
	return o->failed ? in->gate : in->gate_stop;
}

/* What keys let out that do not count any more is let end, and not tried again. */
static const char *lacks_signature(const struct decide_in *in)
{
	const struct op_record *o = &in->rec->op;

	return o->kind == OP_SYNC && o->failed && in->rec->phase != PHASE_PRUNING ?
	       in->unsigned_now : NULL;
}

static struct decision resume(const struct decide_in *in)
{
	const struct op_record *o = &in->rec->op;

	if (in->requested && in->takes_over)
		return be(NEXT_GIVE_UP, "a person asked for another sync");
	if (o->only.len)
		return resume_partial(in);
	if (!in->loaded)
		return not_loaded(in);
	if ((in->retry_at > in->now || in->rec->op.failed) && is_superseded(in))
		return be(NEXT_GIVE_UP, "a newer commit supersedes it");
	if (in->retry_at > in->now)
		return wait_until(in->retry_at, "waiting to try again");
	/* What was begun is finished; another try of it waits for the window. */
	if (in->shut && o->failed && !in->takes_over && o->initiated_by &&
	    !strcmp(o->initiated_by, "automated"))
		return wait_until(in->shut_until, in->shut);
	if (lacks_signature(in))
		return wait_until(0, lacks_signature(in));
	if (halted(in))
		return wait_until(in->gate_until, halted(in));
	return be(NEXT_RESUME, "an operation was under way");
}

/* A release that was good before came back to Git while it is pinned to that. */
static bool is_adopted(const struct decide_in *in)
{
	const struct release *t = target_of(in);

	return head_is_target(in) && t->state == RELEASE_GOOD && in->rec->pin_why;
}

static struct decision at_rest(const struct decide_in *in)
{
	struct decision d = toward_head(in);

	if (d.next == NEXT_SYNC)
		return d;
	if (is_adopted(in))
		return be(NEXT_ADOPT, "Git says what is running");
	d = heal(in, d);
	if (d.next == NEXT_WAIT && in->rec->phase == PHASE_GOOD && in->prunes &&
	    head_is_target(in) && in->retry_at <= in->now)
		return gated(in, be(NEXT_PRUNE, "objects left Git"));
	return d;
}

/* Something new goes before the rest of a revert or a prune that is stuck. */
static struct decision unfinished(const struct decide_in *in, enum next verb,
				  const char *why)
{
	struct decision d = toward_head(in);

	if (d.next == NEXT_SYNC)
		return d;
	if (in->retry_at > in->now)
		return wait_until(in->retry_at, why);
	if (verb == NEXT_REVERT && in->held)
		return be(NEXT_WAIT, in->held);
	return be(verb, why);
}

/* NEXT_WAIT: there is none that could be answered now. */
static struct decision asked(const struct decide_in *in)
{
	if (!in->requested)
		return be(NEXT_WAIT, NULL);
	if (in->unpin)
		return be(NEXT_UNPIN, "a person asked for it");
	if (in->rollback)
		return in->rollback_shut ? be(NEXT_REFUSE, in->rollback_shut) :
					   be(NEXT_ROLLBACK, "a person asked for it");
	if (!in->head_known)
		return be(NEXT_WAIT, NULL);
	if (in->pinned && !in->dry_run)
		return be(NEXT_REFUSE, in->pinned);
	if (in->shut_manual && !in->dry_run)
		return be(NEXT_REFUSE, in->shut_manual);
	if (in->gate_manual && !in->dry_run)
		return be(NEXT_REFUSE, in->gate_manual);
	return be(NEXT_SYNC, "a person asked for it");
}

struct decision app_decide(const struct decide_in *in)
{
	const struct record *rec = in->rec;
	struct decision d;

	if (in->stopped)
		return be(in->requested ? NEXT_REFUSE : NEXT_WAIT, in->stopped);
	if (rec->op.id[0] && rec->op.kind != OP_HEAL)
		return resume(in);
	d = asked(in);
	if (d.next != NEXT_WAIT)
		return d;
	if (in->pin_over)
		return be(NEXT_UNPIN, "the pin's time is over");
	if (!in->loaded && target_of(in))
		return not_loaded(in);
	switch (rec->phase) {
	case PHASE_SOAKING:
		return soaking(in);
	case PHASE_REVERTING:
	case PHASE_REVERT_BLOCKED:
	case PHASE_REVERT_STALLED:
		return unfinished(in, NEXT_REVERT, "the revert is not done");
	case PHASE_PRUNING:
		return unfinished(in, NEXT_PRUNE, "the late prune is not done");
	case PHASE_NONE:
	case PHASE_PREFLIGHT:
	case PHASE_APPLYING:
	case PHASE_SETTLING:
	case PHASE_GOOD:
	case PHASE_PINNED:
	case PHASE_FAILED:
	case PHASE_UNPROVEN:
	case PHASE_N:
		break;
	}
	return at_rest(in);
}
