/*
 * The state record as data: names of its states, lookups, and the few changes
 * that keep its promises (releases numbered and oldest first, the inventory
 * sorted and without twins). Nothing here fails; the codec is record_codec.c.
 */
#include "sync/record.h"

#include <assert.h>

#define STORM_RELEASES 5
#define STORM_MS ((int64_t)3600 * 1000)

static const char *const release_states[] = {
	[RELEASE_CANDIDATE] = "candidate",
	[RELEASE_GOOD] = "good",
	[RELEASE_REJECTED] = "rejected",
	[RELEASE_SUPERSEDED] = "superseded",
};
static_assert(ARRAY_LEN(release_states) == RELEASE_STATE_N, "a name per state");

static const char *const phases[] = {
	[PHASE_NONE] = "None",
	[PHASE_PREFLIGHT] = "Preflight",
	[PHASE_APPLYING] = "Applying",
	[PHASE_SETTLING] = "Settling",
	[PHASE_SOAKING] = "Soaking",
	[PHASE_PRUNING] = "Pruning",
	[PHASE_GOOD] = "Good",
	[PHASE_REVERTING] = "Reverting",
	[PHASE_PINNED] = "Pinned",
	[PHASE_FAILED] = "Failed",
	[PHASE_REVERT_BLOCKED] = "RevertBlocked",
	[PHASE_REVERT_STALLED] = "RevertStalled",
	[PHASE_UNPROVEN] = "Unproven",
};
static_assert(ARRAY_LEN(phases) == PHASE_N, "a name per phase");

static const char *const op_kinds[] = {
	[OP_NONE] = "none",
	[OP_SYNC] = "sync",
	[OP_HEAL] = "heal",
	[OP_REVERT] = "revert",
	[OP_ROLLBACK] = "rollback",
};
static_assert(ARRAY_LEN(op_kinds) == OP_KIND_N, "a name per kind");

const char *release_state_str(enum release_state s)
{
	return (unsigned)s < RELEASE_STATE_N ? release_states[s] : "unknown";
}

const char *phase_str(enum phase p)
{
	return (unsigned)p < PHASE_N ? phases[p] : "unknown";
}

enum phase phase_from_str(const char *s)
{
	for (unsigned i = 0; s && i < PHASE_N; i++)
		if (!strcmp(phases[i], s))
			return (enum phase)i;
	return PHASE_NONE;
}

const char *op_kind_str(enum op_kind k)
{
	return (unsigned)k < OP_KIND_N ? op_kinds[k] : "unknown";
}

int objkey_cmp(const struct objkey *a, const struct objkey *b)
{
	int c = strcmp(a->group, b->group);

	if (!c)
		c = strcmp(a->kind, b->kind);
	if (!c)
		c = strcmp(a->ns, b->ns);
	return c ? c : strcmp(a->name, b->name);
}

void objkey_format(const struct objkey *k, struct buf *out)
{
	if (k->group[0]) {
		buf_adds(out, k->group);
		buf_addc(out, '/');
	}
	buf_adds(out, k->kind);
	buf_addc(out, '/');
	if (k->ns[0]) {
		buf_adds(out, k->ns);
		buf_addc(out, '/');
	}
	buf_adds(out, k->name);
}

struct objkey inv_key(const struct inv_entry *e)
{
	return (struct objkey){ e->group, e->kind, e->ns, e->name };
}

static void inv_deinit(struct inv_entry *e)
{
	free(e->group);
	free(e->kind);
	free(e->ns);
	free(e->name);
	free(e->version);
}

static void release_deinit(struct release *r)
{
	free(r->author);
	free(r->subject);
	free(r->initiated_by);
	free(r->reason);
	free(r->approved_by);
	free(r->approved_why);
	free(r->overridden);
	free(r->chunks);
	free(r->propagation);
	free(r->revisions);
	free(r->sources);
	free(r->project);
}

void op_record_reset(struct op_record *o)
{
	for (size_t i = 0; i < o->only.len; i++) {
		struct op_choice *c = &o->only.data[i];

		free(c->group);
		free(c->kind);
		free(c->ns);
		free(c->name);
	}
	vec_deinit(&o->only);
	for (size_t i = 0; i < o->leftovers.len; i++) {
		free(o->leftovers.data[i].ns);
		free(o->leftovers.data[i].name);
		free(o->leftovers.data[i].of);
	}
	vec_deinit(&o->leftovers);
	free(o->initiated_by);
	free(o->propagation);
	*o = (struct op_record){ 0 };
}

void op_record_begin(struct op_record *o)
{
	__typeof__(o->leftovers) left = o->leftovers;

	memset(&o->leftovers, 0, sizeof(o->leftovers));
	op_record_reset(o);
	o->leftovers = left;
	for (size_t i = 0; i < left.len; i++)
		left.data[i].asked = false;
}

void record_deinit(struct record *r)
{
	for (size_t i = 0; i < r->releases.len; i++)
		release_deinit(&r->releases.data[i]);
	for (size_t i = 0; i < r->inventory.len; i++)
		inv_deinit(&r->inventory.data[i]);
	for (size_t i = 0; i < r->hooks.len; i++)
		hook_run_deinit(&r->hooks.data[i]);
	for (size_t i = 0; i < r->notices.len; i++)
		notice_deinit(&r->notices.data[i]);
	vec_deinit(&r->releases);
	vec_deinit(&r->inventory);
	vec_deinit(&r->hooks);
	vec_deinit(&r->notices);
	free(r->pin_why);
	free(r->pin_by);
	free(r->control);
	free(r->control_file);
	free(r->control_revision);
	op_record_reset(&r->op);
	memset(r, 0, sizeof(*r));
}

static int64_t on_mono(int64_t ms, int64_t wall_ms, uint64_t mono_ms)
{
	int64_t then = ms > 0 ? ms : 0, age = wall_ms > then ? wall_ms - then : 0;

	return (int64_t)mono_ms - age;	/* before this clock began: below 0 */
}

void record_clock(struct record *r, int64_t wall_ms, uint64_t mono_ms)
{
	r->last_revert_mono = on_mono(r->last_revert_ms, wall_ms, mono_ms);
	r->vanished_mono = on_mono(r->vanished_ms, wall_ms, mono_ms);
	for (size_t i = 0; i < r->releases.len; i++) {
		struct release *rel = &r->releases.data[i];

		rel->rejected_mono = on_mono(rel->decided_ms, wall_ms, mono_ms);
	}
}

struct release *record_release(struct record *r, uint32_t id)
{
	for (size_t i = r->releases.len; id && i-- > 0;)
		if (r->releases.data[i].id == id)
			return &r->releases.data[i];
	return NULL;
}

struct release *record_by_digest(struct record *r, const char *digest)
{
	for (size_t i = r->releases.len; digest[0] && i-- > 0;)
		if (!strcmp(r->releases.data[i].digest, digest))
			return &r->releases.data[i];
	return NULL;
}

struct release *record_add_release(struct record *r)
{
	struct release fresh = { .id = r->last_id + 1 };

	/* Older records do not say it: theirs stay. */
	r->chunks_noted = r->chunks_noted || !r->last_id;
	r->last_id++;

	vec_push(&r->releases, fresh);
	return &r->releases.data[r->releases.len - 1];
}

static bool is_needed(const struct record *r, uint32_t id)
{
	return id == r->target || id == r->last_good || id == r->pin_rejected ||
	       (r->op.id[0] && id == r->op.release);
}

void record_take_back(struct record *r, uint32_t id)
{
	struct release *last;

	if (!r->releases.len)
		return;
	last = &r->releases.data[r->releases.len - 1];
	if (last->id != id || last->state != RELEASE_CANDIDATE ||
	    last->deployed_ms || is_needed(r, id))
		return;
	release_deinit(last);
	r->releases.len--;
	r->last_id--;
}

void record_trim(struct record *r, unsigned keep,
		 void (*gone)(uint32_t id, void *arg), void *arg)
{
	size_t excess = r->releases.len > keep ? r->releases.len - keep : 0;
	size_t kept = 0;

	for (size_t i = 0; i < r->releases.len; i++) {
		struct release *rel = &r->releases.data[i];

		if (i >= excess || is_needed(r, rel->id)) {
			r->releases.data[kept++] = *rel;
			continue;
		}
		if (gone)
			gone(rel->id, arg);
		release_deinit(rel);
	}
	r->releases.len = kept;
}

/* Where k is, or where it belongs. */
static size_t inv_position(const struct record *r, const struct objkey *k,
			   bool *found)
{
	size_t low = 0, high = r->inventory.len;

	*found = false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		struct objkey there = inv_key(&r->inventory.data[mid]);
		int c = objkey_cmp(&there, k);

		if (!c) {
			*found = true;
			return mid;
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct inv_entry *record_inv(struct record *r, const struct objkey *k)
{
	bool found;
	size_t i = inv_position(r, k, &found);

	return found ? &r->inventory.data[i] : NULL;
}

struct inv_entry *record_inv_add(struct record *r, const struct objkey *k,
				 const char *op)
{
	bool found;
	size_t i = inv_position(r, k, &found);
	struct inv_entry *e;

	if (found)
		return &r->inventory.data[i];
	vec_push(&r->inventory, (struct inv_entry){ 0 });
	e = &r->inventory.data[i];
	memmove(e + 1, e, (r->inventory.len - 1 - i) * sizeof(*e));
	*e = (struct inv_entry){
		.group = xstrdup(k->group), .kind = xstrdup(k->kind),
		.ns = xstrdup(k->ns), .name = xstrdup(k->name),
		.version = xstrdup(""),
	};
	assert(strlen(op) < sizeof(e->op));
	strcpy(e->op, op);
	return e;
}

void record_inv_drop(struct record *r, const struct objkey *k)
{
	bool found;
	size_t i = inv_position(r, k, &found);
	struct inv_entry *e = r->inventory.data + i;

	if (!found)
		return;
	inv_deinit(e);
	memmove(e, e + 1, (r->inventory.len - 1 - i) * sizeof(*e));
	r->inventory.len--;
}

static bool same(const char *a, const char *b)
{
	return a[0] && !strcmp(a, b);
}

/*
 * The newest verdict counts: what was rejected and later proved good (a person
 * synced it again) is forbidden no more.
 */
const struct release *record_rejects(const struct record *r, const char *digest,
				     const char *input_key,
				     const char *options_digest)
{
	for (size_t i = r->releases.len; i-- > 0;) {
		const struct release *rel = &r->releases.data[i];

		if (strcmp(rel->options_digest, options_digest) ||
		    (!same(rel->digest, digest) &&
		     !same(rel->input_key, input_key)))
			continue;
		if (rel->state == RELEASE_REJECTED)
			return rel;
		if (rel->state == RELEASE_GOOD)
			return NULL;
	}
	return NULL;
}

bool record_blames(const struct record *r)
{
	for (size_t i = 0; i < r->inventory.len; i++)
		if (r->inventory.data[i].blamed)
			return true;
	return false;
}

bool record_pin_is_by_person(const struct record *r)
{
	return r->pin_why && r->pin_by && strcmp(r->pin_by, "auto-revert");
}

bool record_storm(const struct record *r, int64_t wall_ms)
{
	size_t n = 0;

	for (size_t i = 0; r->last_good && i < r->releases.len; i++) {
		const struct release *rel = &r->releases.data[i];

		if (rel->id < r->last_good || rel->state != RELEASE_SUPERSEDED)
			continue;
		if (++n >= STORM_RELEASES || wall_ms - rel->created_ms > STORM_MS)
			return true;
	}
	return false;
}

void record_blame_nobody(struct record *r)
{
	for (size_t i = 0; i < r->inventory.len; i++)
		r->inventory.data[i].blamed = false;
}
