/*
 * The fields of the state record: one row says a field's key, type and place, and
 * serves both ways, so that nothing is written that is not read again.
 */
#include "record_tables.h"

#include <assert.h>

static const char *release_name(unsigned i)
{
	return release_state_str((enum release_state)i);
}

static const char *phase_name(unsigned i)
{
	return phase_str((enum phase)i);
}

static const char *op_name(unsigned i)
{
	return op_kind_str((enum op_kind)i);
}

static const char *hook_phase_name(unsigned i)
{
	return hook_phase_str((enum hook_phase)i);
}

static const char *hook_state_name(unsigned i)
{
	return hook_state_str((enum hook_state)i);
}

static_assert(sizeof(unsigned) == 4 && sizeof(enum phase) == 4 &&
	      sizeof(enum hook_phase) == 4 && sizeof(enum hook_state) == 4,
	      "TYPE_U32 and TYPE_NAME assume it");

#define AT(s, m) offsetof(struct s, m), sizeof(((struct s *)0)->m)
#define TABLE(name, rows) \
	static const struct record_table name = { rows, ARRAY_LEN(rows) }

static const struct record_field inv_fields[] = {
	{ "adopted", TYPE_BOOL, AT(inv_entry, adopted), 0, 0, 0 },
	{ "approved", TYPE_BOOL, AT(inv_entry, approved), 0, 0, 0 },
	{ "blamed", TYPE_BOOL, AT(inv_entry, blamed), 0, 0, 0 },
	{ "changed", TYPE_BOOL, AT(inv_entry, changed), 0, 0, 0 },
	{ "digest", TYPE_TEXT, AT(inv_entry, digest), 0, 0, 0 },
	{ "fingerprint", TYPE_TEXT, AT(inv_entry, fingerprint), 0, 0, 0 },
	{ "flags", TYPE_U32, AT(inv_entry, flags), 0, 0, 0 },
	{ "group", TYPE_STR, AT(inv_entry, group), 0, 0, 0 },
	{ "kind", TYPE_STR, AT(inv_entry, kind), 0, 0, 0 },
	{ "name", TYPE_STR, AT(inv_entry, name), 0, 0, 0 },
	{ "ns", TYPE_STR, AT(inv_entry, ns), 0, 0, 0 },
	{ "op", TYPE_TEXT, AT(inv_entry, op), 0, 0, 0 },
	{ "shape", TYPE_TEXT, AT(inv_entry, shape), 0, 0, 0 },
	{ "sick", TYPE_BOOL, AT(inv_entry, sick), 0, 0, 0 },
	{ "uid", TYPE_TEXT, AT(inv_entry, uid), 0, 0, 0 },
	{ "version", TYPE_STR, AT(inv_entry, version), 0, 0, 0 },
	{ "wave", TYPE_INT, AT(inv_entry, wave), 0, 0, 0 },
};
TABLE(inv_table, inv_fields);

static const struct record_field hook_fields[] = {
	{ "base", TYPE_STR, AT(hook_run, base), 0, 0, 0 },
	{ "deadline", TYPE_I64, AT(hook_run, deadline_ms), 0, 0, 0 },
	{ "digest", TYPE_TEXT, AT(hook_run, digest), 0, 0, 0 },
	{ "flags", TYPE_U32, AT(hook_run, flags), 0, 0, 0 },
	{ "goodDigest", TYPE_TEXT, AT(hook_run, good_digest), 0, 0, 0 },
	{ "group", TYPE_STR, AT(hook_run, group), 0, 0, 0 },
	{ "kind", TYPE_STR, AT(hook_run, kind), 0, 0, 0 },
	{ "message", TYPE_STR, AT(hook_run, message), 0, 0, 0 },
	{ "name", TYPE_STR, AT(hook_run, name), 0, 0, 0 },
	{ "ns", TYPE_STR, AT(hook_run, ns), 0, 0, 0 },
	{ "op", TYPE_TEXT, AT(hook_run, op), 0, 0, 0 },
	{ "phase", TYPE_NAME, AT(hook_run, phase), hook_phase_name,
	  HOOK_PHASE_N, 0 },
	{ "state", TYPE_NAME, AT(hook_run, state), hook_state_name,
	  HOOK_STATE_N, 0 },
	{ "uid", TYPE_TEXT, AT(hook_run, uid), 0, 0, 0 },
	{ "version", TYPE_STR, AT(hook_run, version), 0, 0, 0 },
};
TABLE(hook_table, hook_fields);

static const struct record_field release_fields[] = {
	{ "approvedBy", TYPE_STR, AT(release, approved_by), 0, 0, 0 },
	{ "approvedWhy", TYPE_STR, AT(release, approved_why), 0, 0, 0 },
	{ "author", TYPE_STR, AT(release, author), 0, 0, 0 },
	{ "bytes", TYPE_I64, AT(release, bytes), 0, 0, 0 },
	{ "chunks", TYPE_STR, AT(release, chunks), 0, 0, 0 },
	{ "created", TYPE_I64, AT(release, created_ms), 0, 0, 0 },
	{ "decided", TYPE_I64, AT(release, decided_ms), 0, 0, 0 },
	{ "deployed", TYPE_I64, AT(release, deployed_ms), 0, 0, 0 },
	{ "digest", TYPE_TEXT, AT(release, digest), 0, 0, 0 },
	{ "evidence", TYPE_BOOL, AT(release, evidence), 0, 0, 0 },
	{ "id", TYPE_U32, AT(release, id), 0, 0, 0 },
	{ "initiatedBy", TYPE_STR, AT(release, initiated_by), 0, 0, 0 },
	{ "inputKey", TYPE_TEXT, AT(release, input_key), 0, 0, 0 },
	{ "mayPass", TYPE_BOOL, AT(release, may_pass), 0, 0, 0 },
	{ "objects", TYPE_U32, AT(release, n_objects), 0, 0, 0 },
	{ "options", TYPE_TEXT, AT(release, options_digest), 0, 0, 0 },
	{ "overridden", TYPE_STR, AT(release, overridden), 0, 0, 0 },
	{ "project", TYPE_STR, AT(release, project), 0, 0, 0 },
	{ "propagation", TYPE_STR, AT(release, propagation), 0, 0, 0 },
	{ "proven", TYPE_BOOL, AT(release, proven), 0, 0, 0 },
	{ "prune", TYPE_BOOL, AT(release, prune), 0, 0, 0 },
	{ "reason", TYPE_STR, AT(release, reason), 0, 0, 0 },
	{ "reported", TYPE_U32, AT(release, reported), 0, 0, 0 },
	{ "retried", TYPE_BOOL, AT(release, retried), 0, 0, 0 },
	{ "revision", TYPE_TEXT, AT(release, revision), 0, 0, 0 },
	{ "revisions", TYPE_STR, AT(release, revisions), 0, 0, 0 },
	{ "sources", TYPE_STR, AT(release, sources), 0, 0, 0 },
	{ "state", TYPE_NAME, AT(release, state), release_name,
	  RELEASE_STATE_N, 0 },
	{ "subject", TYPE_STR, AT(release, subject), 0, 0, 0 },
};
TABLE(release_table, release_fields);

static const struct record_field choice_fields[] = {
	{ "group", TYPE_STR, AT(op_choice, group), 0, 0, 0 },
	{ "kind", TYPE_STR, AT(op_choice, kind), 0, 0, 0 },
	{ "name", TYPE_STR, AT(op_choice, name), 0, 0, 0 },
	{ "ns", TYPE_STR, AT(op_choice, ns), 0, 0, 0 },
};
TABLE(choice_table, choice_fields);

static const struct record_field leftover_fields[] = {
	{ "name", TYPE_STR, AT(op_leftover, name), 0, 0, 0 },
	{ "ns", TYPE_STR, AT(op_leftover, ns), 0, 0, 0 },
	{ "of", TYPE_STR, AT(op_leftover, of), 0, 0, 0 },
	{ "owner", TYPE_TEXT, AT(op_leftover, owner), 0, 0, 0 },
	{ "uid", TYPE_TEXT, AT(op_leftover, uid), 0, 0, 0 },
	{ "wave", TYPE_INT, AT(op_leftover, wave), 0, 0, 0 },
};
TABLE(leftover_table, leftover_fields);

static const struct record_field op_fields[] = {
	{ "applied", TYPE_BOOL, AT(op_record, applied), 0, 0, 0 },
	{ "asked", TYPE_TEXT, AT(op_record, asked), 0, 0, 0 },
	{ "deadline", TYPE_I64, AT(op_record, deadline_ms), 0, 0, 0 },
	{ "failed", TYPE_U32, AT(op_record, failed), 0, 0, 0 },
	{ "id", TYPE_TEXT, AT(op_record, id), 0, 0, 0 },
	{ "initiatedBy", TYPE_STR, AT(op_record, initiated_by), 0, 0, 0 },
	{ "kind", TYPE_NAME, AT(op_record, kind), op_name, OP_KIND_N, 0 },
	{ "leftovers", TYPE_LIST, offsetof(struct op_record, leftovers),
	  sizeof(struct op_leftover), 0, 0, &leftover_table },
	{ "noHooks", TYPE_BOOL, AT(op_record, no_hooks), 0, 0, 0 },
	{ "only", TYPE_LIST, offsetof(struct op_record, only),
	  sizeof(struct op_choice), 0, 0, &choice_table },
	{ "options", TYPE_U32, AT(op_record, options), 0, 0, 0 },
	{ "ownOptions", TYPE_BOOL, AT(op_record, own_options), 0, 0, 0 },
	{ "propagation", TYPE_STR, AT(op_record, propagation), 0, 0, 0 },
	{ "prune", TYPE_BOOL, AT(op_record, prune), 0, 0, 0 },
	{ "release", TYPE_U32, AT(op_record, release), 0, 0, 0 },
	{ "started", TYPE_I64, AT(op_record, started_ms), 0, 0, 0 },
	{ "tries", TYPE_U32, AT(op_record, tries), 0, 0, 0 },
	{ "wave", TYPE_INT, AT(op_record, wave), 0, 0, 0 },
};
TABLE(op_table, op_fields);

static const struct record_field notice_fields[] = {
	{ "at", TYPE_I64, AT(notice, at_ms), 0, 0, 0 },
	{ "event", TYPE_TEXT, AT(notice, event), 0, 0, 0 },
	{ "other", TYPE_U32, AT(notice, other), 0, 0, 0 },
	{ "release", TYPE_U32, AT(notice, release), 0, 0, 0 },
	{ "repo", TYPE_STR, AT(notice, repo), 0, 0, 0 },
	{ "seq", TYPE_U32, AT(notice, seq), 0, 0, 0 },
	{ "sha", TYPE_STR, AT(notice, sha), 0, 0, 0 },
	{ "sink", TYPE_STR, AT(notice, sink), 0, 0, 0 },
	{ "words", TYPE_STR, AT(notice, words), 0, 0, 0 },
};
TABLE(notice_table, notice_fields);

static const struct record_field record_fields[] = {
	{ "adopted", TYPE_I64, AT(record, adopted_ms), 0, 0, 0 },
	{ "cascading", TYPE_BOOL, AT(record, cascading), 0, 0, 0 },
	{ "chunksNoted", TYPE_BOOL, AT(record, chunks_noted), 0, 0, 0 },
	{ "control", TYPE_STR, AT(record, control), 0, 0, 0 },
	{ "controlFile", TYPE_STR, AT(record, control_file), 0, 0, 0 },
	{ "controlRevision", TYPE_STR, AT(record, control_revision), 0, 0, 0 },
	{ "distrusted", TYPE_TEXT, AT(record, distrusted), 0, 0, 0 },
	{ "drawKey", TYPE_TEXT, AT(record, draw_key), 0, 0, 0 },
	{ "epoch", TYPE_U64, AT(record, epoch), 0, 0, 0 },
	{ "hooks", TYPE_LIST, offsetof(struct record, hooks),
	  sizeof(struct hook_run), 0, 0, &hook_table },
	{ "inventory", TYPE_LIST, offsetof(struct record, inventory),
	  sizeof(struct inv_entry), 0, 0, &inv_table },
	{ "lastGood", TYPE_U32, AT(record, last_good), 0, 0, 0 },
	{ "lastId", TYPE_U32, AT(record, last_id), 0, 0, 0 },
	{ "lastNotice", TYPE_U32, AT(record, last_notice), 0, 0, 0 },
	{ "lastRevert", TYPE_I64, AT(record, last_revert_ms), 0, 0, 0 },
	{ "notices", TYPE_LIST, offsetof(struct record, notices),
	  sizeof(struct notice), 0, 0, &notice_table },
	{ "op", TYPE_STRUCT, AT(record, op), 0, 0, &op_table },
	{ "phase", TYPE_NAME, AT(record, phase), phase_name, PHASE_N, 0 },
	{ "phaseSince", TYPE_I64, AT(record, phase_since_ms), 0, 0, 0 },
	{ "pinBy", TYPE_STR, AT(record, pin_by), 0, 0, 0 },
	{ "pinPrepared", TYPE_BOOL, AT(record, pin_prepared), 0, 0, 0 },
	{ "pinRejected", TYPE_U32, AT(record, pin_rejected), 0, 0, 0 },
	{ "pinSince", TYPE_I64, AT(record, pin_since_ms), 0, 0, 0 },
	{ "pinUntil", TYPE_I64, AT(record, pin_until_ms), 0, 0, 0 },
	{ "pinWhy", TYPE_STR, AT(record, pin_why), 0, 0, 0 },
	{ "proven", TYPE_TEXT, AT(record, proven), 0, 0, 0 },
	{ "releases", TYPE_LIST, offsetof(struct record, releases),
	  sizeof(struct release), 0, 0, &release_table },
	{ "revertsInRow", TYPE_U32, AT(record, reverts_in_row), 0, 0, 0 },
	{ "target", TYPE_U32, AT(record, target), 0, 0, 0 },
	{ "toldCommits", TYPE_TEXT, AT(record, told_commits), 0, 0, 0 },
	{ "toldPin", TYPE_TEXT, AT(record, told_pin), 0, 0, 0 },
	{ "vanished", TYPE_I64, AT(record, vanished_ms), 0, 0, 0 },
};
const struct record_table record_table = { record_fields, ARRAY_LEN(record_fields) };
