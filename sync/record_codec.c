/*
 * The state record as canonical JSON, by tables: one row per field says its key,
 * type and place, and serves both ways, so that nothing is written that is not
 * read again. Defaults (0, "", false) are left out. Reading checks every type,
 * length and reference: the bytes come from a Secret that others can edit.
 */
#include "sync/record.h"

#include <assert.h>
#include <stddef.h>

#include "core/doc.h"

enum type {
	TYPE_STR,	/* char *, owned */
	TYPE_TEXT,	/* char[size] */
	TYPE_I64, TYPE_U64, TYPE_U32, TYPE_INT, TYPE_BOOL,
	TYPE_NAME,	/* an enum, as its name */
	TYPE_STRUCT,	/* embedded; rows in sub */
	TYPE_LIST,	/* a VEC of structs of size bytes; rows in sub */
};

struct table;

struct field {
	const char *key;
	enum type type;
	size_t offset, size;
	const char *(*name)(unsigned i);	/* TYPE_NAME */
	unsigned n_names;
	const struct table *sub;
};

struct table {
	const struct field *fields;	/* sorted by key: that is canonical */
	size_t n;
};

/* Any VEC; copied in and out, since each has a type of its own. */
struct list {
	char *data;
	size_t len, cap;
};

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
	static const struct table name = { rows, ARRAY_LEN(rows) }

static const struct field inv_fields[] = {
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
	{ "sick", TYPE_BOOL, AT(inv_entry, sick), 0, 0, 0 },
	{ "uid", TYPE_TEXT, AT(inv_entry, uid), 0, 0, 0 },
	{ "version", TYPE_STR, AT(inv_entry, version), 0, 0, 0 },
	{ "wave", TYPE_INT, AT(inv_entry, wave), 0, 0, 0 },
};
TABLE(inv_table, inv_fields);

static const struct field hook_fields[] = {
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

static const struct field release_fields[] = {
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
	{ "reason", TYPE_STR, AT(release, reason), 0, 0, 0 },
	{ "overridden", TYPE_STR, AT(release, overridden), 0, 0, 0 },
	{ "project", TYPE_STR, AT(release, project), 0, 0, 0 },
	{ "propagation", TYPE_STR, AT(release, propagation), 0, 0, 0 },
	{ "proven", TYPE_BOOL, AT(release, proven), 0, 0, 0 },
	{ "prune", TYPE_BOOL, AT(release, prune), 0, 0, 0 },
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

static const struct field choice_fields[] = {
	{ "group", TYPE_STR, AT(op_choice, group), 0, 0, 0 },
	{ "kind", TYPE_STR, AT(op_choice, kind), 0, 0, 0 },
	{ "name", TYPE_STR, AT(op_choice, name), 0, 0, 0 },
	{ "ns", TYPE_STR, AT(op_choice, ns), 0, 0, 0 },
};
TABLE(choice_table, choice_fields);

static const struct field leftover_fields[] = {
	{ "name", TYPE_STR, AT(op_leftover, name), 0, 0, 0 },
	{ "ns", TYPE_STR, AT(op_leftover, ns), 0, 0, 0 },
	{ "of", TYPE_STR, AT(op_leftover, of), 0, 0, 0 },
	{ "owner", TYPE_TEXT, AT(op_leftover, owner), 0, 0, 0 },
	{ "uid", TYPE_TEXT, AT(op_leftover, uid), 0, 0, 0 },
	{ "wave", TYPE_INT, AT(op_leftover, wave), 0, 0, 0 },
};
TABLE(leftover_table, leftover_fields);

static const struct field op_fields[] = {
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

static const struct field notice_fields[] = {
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

static const struct field record_fields[] = {
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
TABLE(record_table, record_fields);

#define LOAD(type, at) (*(const type *)(const void *)(at))
#define STORE(type, at) (*(type *)(void *)(at))

static struct list load_list(const char *at)
{
	struct list l;

	memcpy(&l, at, sizeof(l));
	return l;
}

static bool is_default(const struct field *f, const char *at)
{
	switch (f->type) {
	case TYPE_STR:
		return !LOAD(char *, at) || !LOAD(char *, at)[0];
	case TYPE_TEXT:
		return !at[0];
	case TYPE_I64:
		return !LOAD(int64_t, at);
	case TYPE_U64:
		return !LOAD(uint64_t, at);
	case TYPE_U32:
	case TYPE_INT:
	case TYPE_NAME:
		return !LOAD(uint32_t, at);
	case TYPE_BOOL:
		return !LOAD(bool, at);
	case TYPE_STRUCT:
		for (size_t i = 0; i < f->sub->n; i++)
			if (!is_default(&f->sub->fields[i],
					at + f->sub->fields[i].offset))
				return false;
		return true;
	case TYPE_LIST:
		return !load_list(at).len;
	}
	return true;
}

static void write_struct(const struct table *t, const char *base, struct buf *out);

static void write_list(const struct field *f, const char *at, struct buf *out)
{
	struct list l = load_list(at);

	buf_addc(out, '[');
	for (size_t i = 0; i < l.len; i++) {
		if (i)
			buf_addc(out, ',');
		write_struct(f->sub, l.data + i * f->size, out);
	}
	buf_addc(out, ']');
}

static void write_field(const struct field *f, const char *at, struct buf *out)
{
	switch (f->type) {
	case TYPE_STR:
		doc_write_str(out, LOAD(char *, at));
		break;
	case TYPE_TEXT:
		doc_write_str(out, at);
		break;
	case TYPE_I64:
		buf_addf(out, "%lld", (long long)LOAD(int64_t, at));
		break;
	case TYPE_U64:
		buf_addf(out, "%llu", (unsigned long long)LOAD(uint64_t, at));
		break;
	case TYPE_U32:
		buf_addf(out, "%u", LOAD(uint32_t, at));
		break;
	case TYPE_INT:
		buf_addf(out, "%d", LOAD(int, at));
		break;
	case TYPE_BOOL:
		buf_adds(out, "true");
		break;
	case TYPE_NAME:
		doc_write_str(out, f->name(LOAD(uint32_t, at)));
		break;
	case TYPE_STRUCT:
		write_struct(f->sub, at, out);
		break;
	case TYPE_LIST:
		write_list(f, at, out);
		break;
	}
}

static void write_struct(const struct table *t, const char *base, struct buf *out)
{
	bool first = true;

	buf_addc(out, '{');
	for (size_t i = 0; i < t->n; i++) {
		const struct field *f = &t->fields[i];

		if (is_default(f, base + f->offset))
			continue;
		buf_addf(out, "%s\"%s\":", first ? "" : ",", f->key);
		write_field(f, base + f->offset, out);
		first = false;
	}
	buf_addc(out, '}');
}

void record_encode(const struct record *r, struct buf *out)
{
	write_struct(&record_table, (const char *)r, out);
}

static int read_text(const json_t *j, const struct field *f, char *at,
		     struct err *err)
{
	const char *s = json_string_value(j);

	if (!s)
		return err_set(err, ERR_INVALID, "must be a string");
	if (f->type == TYPE_STR) {
		free(STORE(char *, at));
		STORE(char *, at) = xstrdup(s);
		return 0;
	}
	if (strlen(s) >= f->size)
		return err_set(err, ERR_INVALID, "longer than %zu bytes", f->size - 1);
	strcpy(at, s);
	return 0;
}

static int read_integer(const json_t *j, enum type type, char *at,
			struct err *err)
{
	int64_t low = type == TYPE_I64 ? INT64_MIN :
		      type == TYPE_INT ? INT32_MIN : 0;
	int64_t high = type == TYPE_INT ? INT32_MAX :
		       type == TYPE_U32 ? UINT32_MAX : INT64_MAX;
	int64_t n = json_integer_value(j);

	if (!json_is_integer(j) || n < low || n > high)
		return err_set(err, ERR_INVALID, "must be an integer from %lld to %lld",
			       (long long)low, (long long)high);
	if (type == TYPE_U32)
		STORE(uint32_t, at) = (uint32_t)n;
	else if (type == TYPE_INT)
		STORE(int, at) = (int)n;
	else if (type == TYPE_U64)
		STORE(uint64_t, at) = (uint64_t)n;
	else
		STORE(int64_t, at) = n;
	return 0;
}

static int read_name(const json_t *j, const struct field *f, char *at,
		     struct err *err)
{
	const char *s = json_string_value(j);

	for (unsigned i = 0; s && i < f->n_names; i++)
		if (!strcmp(f->name(i), s)) {
			STORE(uint32_t, at) = i;
			return 0;
		}
	/* Guessing a state could let us delete: a newer syncd must finish it. */
	return err_set(err, ERR_INVALID, "%s is not known to this version",
		       s ? s : "a value that is no string");
}

static int read_struct(const json_t *j, const struct table *t, char *base,
		       struct err *err);

static int read_list(const json_t *j, const struct field *f, char *at,
		     struct err *err)
{
	struct list l = { 0 };
	size_t n = json_array_size(j);

	if (!json_is_array(j))
		return err_set(err, ERR_INVALID, "must be a list");
	l.data = n ? xcalloc(n, f->size) : NULL;
	l.len = l.cap = n;
	memcpy(at, &l, sizeof(l));	/* at once: deinit frees it on error */
	for (size_t i = 0; i < n; i++)
		if (read_struct(json_array_get(j, i), f->sub,
				l.data + i * f->size, err))
			return err_wrap(err, "[%zu]", i);
	return 0;
}

static int read_field(const json_t *j, const struct field *f, char *at,
		      struct err *err)
{
	switch (f->type) {
	case TYPE_STR:
	case TYPE_TEXT:
		return read_text(j, f, at, err);
	case TYPE_I64:
	case TYPE_U64:
	case TYPE_U32:
	case TYPE_INT:
		return read_integer(j, f->type, at, err);
	case TYPE_BOOL:
		if (!json_is_boolean(j))
			return err_set(err, ERR_INVALID, "must be true or false");
		STORE(bool, at) = json_is_true(j);
		return 0;
	case TYPE_NAME:
		return read_name(j, f, at, err);
	case TYPE_STRUCT:
		return read_struct(j, f->sub, at, err);
	case TYPE_LIST:
		return read_list(j, f, at, err);
	}
	return 0;
}

static int read_struct(const json_t *j, const struct table *t, char *base,
		       struct err *err)
{
	if (!json_is_object(j))
		return err_set(err, ERR_INVALID, "must be an object");
	for (size_t i = 0; i < t->n; i++) {
		const struct field *f = &t->fields[i];
		const json_t *value = json_object_get(j, f->key);

		if (!value || json_is_null(value))
			continue;
		if (read_field(value, f, base + f->offset, err))
			return err_wrap(err, "%s", f->key);
	}
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	struct objkey ka = inv_key(a), kb = inv_key(b);

	return objkey_cmp(&ka, &kb);
}

static void fill(char **s)
{
	if (!*s)
		*s = xstrdup("");
}

static int check_inventory(struct record *r, struct err *err)
{
	for (size_t i = 0; i < r->inventory.len; i++) {
		struct inv_entry *e = &r->inventory.data[i];

		if (!e->kind || !e->kind[0] || !e->name || !e->name[0])
			return err_set(err, ERR_INVALID,
				       "inventory: [%zu]: kind and name are needed", i);
		fill(&e->group);
		fill(&e->ns);
		fill(&e->version);
	}
	if (r->inventory.len)
		qsort(r->inventory.data, r->inventory.len,
		      sizeof(struct inv_entry), compare_entries);
	for (size_t i = 1; i < r->inventory.len; i++)
		if (!compare_entries(&r->inventory.data[i - 1], &r->inventory.data[i]))
			return err_set(err, ERR_INVALID, "inventory: %s/%s is there twice",
				       r->inventory.data[i].kind,
				       r->inventory.data[i].name);
	return 0;
}

static int check_hooks(struct record *r, struct err *err)
{
	for (size_t i = 0; i < r->hooks.len; i++) {
		struct hook_run *h = &r->hooks.data[i];

		if (!h->kind || !h->kind[0] || !h->name || !h->name[0])
			return err_set(err, ERR_INVALID,
				       "hooks: [%zu]: kind and name are needed", i);
		fill(&h->group);
		fill(&h->ns);
		fill(&h->version);
		fill(&h->base);
	}
	return 0;
}

static int check_notices(struct record *r, struct err *err)
{
	for (size_t i = 0; i < r->notices.len; i++)
		if (!r->notices.data[i].sink)
			return err_set(err, ERR_INVALID, "notices: [%zu]: sink is needed", i);
	return 0;
}

/* A choice of nothing would choose all: it is refused, not guessed. */
static int check_choices(struct record *r, struct err *err)
{
	for (size_t i = 0; i < r->op.only.len; i++) {
		struct op_choice *c = &r->op.only.data[i];

		if (!c->kind || !c->kind[0] || !c->name || !c->name[0])
			return err_set(err, ERR_INVALID,
				       "op: only: [%zu]: kind and name are needed", i);
		fill(&c->group);
		fill(&c->ns);
	}
	return 0;
}

static int check_reference(struct record *r, const char *field, uint32_t id,
			   struct err *err)
{
	if (id && !record_release(r, id))
		return err_set(err, ERR_INVALID, "%s: there is no release #%u",
			       field, id);
	return 0;
}

static int check_releases(struct record *r, struct err *err)
{
	uint32_t before = 0;

	for (size_t i = 0; i < r->releases.len; i++) {
		uint32_t id = r->releases.data[i].id;

		if (id <= before || id > r->last_id)
			return err_set(err, ERR_INVALID, "releases: [%zu]: id: #%u after #%u "
				       "of %u", i, id, before, r->last_id);
		before = id;
	}
	if (check_reference(r, "target", r->target, err) ||
	    check_reference(r, "lastGood", r->last_good, err))
		return -1;
	return r->op.id[0] ?
	       check_reference(r, "op: release", r->op.release, err) : 0;
}

int record_decode(struct record *r, const char *json, size_t len,
		  struct err *err)
{
	_cleanup_json_ json_t *j = NULL;

	memset(r, 0, sizeof(*r));
	j = doc_parse(json, len, err);
	if (!j || read_struct(j, &record_table, (char *)r, err) ||
	    check_inventory(r, err) || check_hooks(r, err) ||
	    check_choices(r, err) || check_notices(r, err) || check_releases(r, err)) {
		record_deinit(r);
		return err_wrap(err, "state record");
	}
	return 0;
}
