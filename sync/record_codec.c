/*
 * The state record as canonical JSON, by the rows of record_tables.c. Defaults (0, "",
 * false) are left out. Reading checks every type, length and reference: the bytes come
 * from a Secret that others can edit.
 */
#include "record_tables.h"

#include "core/doc.h"

/* Any VEC; copied in and out, since each has a type of its own. */
struct list {
	char *data;
	size_t len, cap;
};

#define LOAD(type, at) (*(const type *)(const void *)(at))
#define STORE(type, at) (*(type *)(void *)(at))

static struct list load_list(const char *at)
{
	struct list l;

	memcpy(&l, at, sizeof(l));
	return l;
}

static bool is_default(const struct record_field *f, const char *at)
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

static void write_struct(const struct record_table *t, const char *base, struct buf *out);

static void write_list(const struct record_field *f, const char *at, struct buf *out)
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

static void write_field(const struct record_field *f, const char *at, struct buf *out)
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

static void write_struct(const struct record_table *t, const char *base, struct buf *out)
{
	bool first = true;

	buf_addc(out, '{');
	for (size_t i = 0; i < t->n; i++) {
		const struct record_field *f = &t->fields[i];

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

static int read_text(const json_t *j, const struct record_field *f, char *at,
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

static int read_integer(const json_t *j, enum record_type type, char *at,
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

static int read_name(const json_t *j, const struct record_field *f, char *at,
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

static int read_struct(const json_t *j, const struct record_table *t, char *base,
		       struct err *err);

static int read_list(const json_t *j, const struct record_field *f, char *at,
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

static int read_field(const json_t *j, const struct record_field *f, char *at,
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

static int read_struct(const json_t *j, const struct record_table *t, char *base,
		       struct err *err)
{
	if (!json_is_object(j))
		return err_set(err, ERR_INVALID, "must be an object");
	for (size_t i = 0; i < t->n; i++) {
		const struct record_field *f = &t->fields[i];
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
