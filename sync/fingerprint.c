/*
 * FieldsV1 walked over an object, in one canonical text that is then hashed.
 *
 * A FieldsV1 node maps path elements to nodes; {} is a leaf, owned as a whole;
 * the element "." says that the node itself is owned too, but not what is in it.
 * Elements are "f:<field>", "k:<keys of a list item as JSON>", "v:<value of a
 * set's item as JSON>" and "i:<index>" (structured-merge-diff, fieldpath/
 * serialize-pe.go). The text nests as the fields do, elements in byte order:
 *
 *     f:"data"(f:"a"="1" f:"b"! )
 *
 * where = comes before a value, ! says that it is missing and + that it is there.
 */
#include "sync/fingerprint.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/doc.h"
#include "core/mem.h"

#define MAX_DEPTH 200

/* One element of a node, in the form that sorts and is hashed. */
struct element {
	char kind;		/* 'f', 'k', 'v', 'i' */
	struct buf name;	/* a JSON string for 'f', canonical JSON for the rest */
	json_t *match;		/* owned: the parsed JSON of k, v and i; NULL for f */
	const char *field;	/* borrowed, for f */
	const json_t *below;	/* borrowed: the node of it */
};

struct elements {
	struct element *data;
	size_t len, cap;
};

static void elements_deinit(struct elements *l)
{
	for (size_t i = 0; i < l->len; i++) {
		buf_deinit(&l->data[i].name);
		json_decref(l->data[i].match);
	}
	vec_deinit(l);
}

static int element_cmp(const void *pa, const void *pb)
{
	const struct element *a = pa, *b = pb;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return strcmp(buf_str(&a->name), buf_str(&b->name));
}

static int element_parse(struct element *e, const char *key, struct err *err)
{
	e->kind = key[0];
	if (!json_is_object(e->below))
		return err_set(err, ERR_INVALID,
			       "managedFields: \"%.60s\" is not a node", key);
	if (!strchr("fkvi", key[0]) || key[0] == '\0' || key[1] != ':')
		return err_set(err, ERR_INVALID,
			       "managedFields: unknown path element \"%.60s\"", key);
	if (e->kind == 'f') {
		e->field = key + 2;
		doc_write_str(&e->name, e->field);
		return 0;
	}
	e->match = doc_parse(key + 2, strlen(key + 2), err);
	if (!e->match)
		return err_wrap(err, "managedFields: path element \"%.60s\"", key);
	if ((e->kind == 'k' && !json_is_object(e->match)) ||
	    (e->kind == 'i' && !json_is_integer(e->match)))
		return err_set(err, ERR_INVALID,
			       "managedFields: malformed path element \"%.60s\"",
			       key);
	doc_canonical(e->match, &e->name);
	return 0;
}

static int elements_read(struct elements *l, const json_t *node, struct err *err)
{
	const char *key;
	json_t *below;
	int rc;

	json_object_foreach((json_t *)node, key, below) {
		struct element e = { .below = below };

		if (!strcmp(key, "."))
			continue;
		rc = element_parse(&e, key, err);
		vec_push(l, e);
		if (rc)
			return -1;
	}
	if (l->len)
		qsort(l->data, l->len, sizeof(*l->data), element_cmp);
	return 0;
}

static bool keys_match(const json_t *item, const json_t *keys)
{
	const char *key;
	json_t *want;

	json_object_foreach((json_t *)keys, key, want) {
		const json_t *got = json_object_get(item, key);

		if (!got || !doc_equal(got, want))
			return false;
	}
	return true;
}

/* The value that an element names within value, or NULL. Borrowed. */
static const json_t *element_find(const struct element *e, const json_t *value)
{
	const json_t *item;
	size_t i;

	if (e->kind == 'f')
		return json_object_get(value, e->field);
	if (e->kind == 'i')
		return json_array_get(value,
				      (size_t)json_integer_value(e->match));
	json_array_foreach(value, i, item) {
		if (e->kind == 'k' ? keys_match(item, e->match) :
				     doc_equal(item, e->match))
			return item;
	}
	return NULL;
}

static int walk(const json_t *node, const json_t *value, int depth,
		struct buf *out, struct err *err);

static int walk_elements(const json_t *node, const json_t *value, int depth,
			 struct buf *out, struct err *err)
{
	_cleanup_(elements_deinit) struct elements l = { 0 };

	if (elements_read(&l, node, err))
		return -1;
	for (size_t i = 0; i < l.len; i++) {
		const struct element *e = &l.data[i];

		buf_addf(out, "%c:%s", e->kind, buf_str(&e->name));
		if (walk(e->below, element_find(e, value), depth + 1, out, err))
			return -1;
	}
	return 0;
}

static int walk(const json_t *node, const json_t *value, int depth,
		struct buf *out, struct err *err)
{
	if (depth > MAX_DEPTH)
		return err_set(err, ERR_LIMIT,
			       "managedFields: more than %d levels", MAX_DEPTH);
	if (json_object_size(node) == 0) {
		buf_addc(out, value ? '=' : '!');
		if (value)
			doc_canonical(value, out);
		buf_addc(out, ' ');
		return 0;
	}
	if (json_object_get(node, "."))
		buf_addc(out, value ? '+' : '!');
	buf_addc(out, '(');
	if (walk_elements(node, value, depth, out, err))
		return -1;
	buf_addc(out, ')');
	return 0;
}

/* There is at most one: the API server files appliers without their version. */
static const json_t *find_entry(const json_t *object, const char *manager)
{
	const json_t *list = doc_get(object, "metadata", "managedFields", NULL);
	const json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry) {
		const char *who = doc_get_str(entry, "manager", NULL);
		const char *how = doc_get_str(entry, "operation", NULL);
		const char *sub = doc_get_str(entry, "subresource", NULL);

		if (who && how && !strcmp(who, manager) &&
		    !strcmp(how, "Apply") && (!sub || !*sub))
			return entry;
	}
	return NULL;
}

int fingerprint_owned(const json_t *object, const char *manager, char out[65],
		      const char **ret_version, struct err *err)
{
	const json_t *entry = find_entry(object, manager);
	const char *type = doc_get_str(entry, "fieldsType", NULL);
	const json_t *fields = doc_get(entry, "fieldsV1", NULL);
	_cleanup_buf_ struct buf text = BUF_INIT;

	out[0] = '\0';
	if (ret_version)
		*ret_version = doc_get_str(entry, "apiVersion", NULL);
	if (!entry)
		return 0;
	if (!type || strcmp(type, "FieldsV1") || !json_is_object(fields))
		return err_set(err, ERR_INVALID, "managedFields of \"%s\": "
			       "fieldsType is not FieldsV1", manager);
	if (json_object_size(fields) == 0)
		return 0;
	if (walk(fields, object, 0, &text, err))
		return -1;
	if (buf_overflowed(&text))
		return err_set(err, ERR_LIMIT, "object too large to fingerprint");
	sha256_hex(text.data, text.len, out);
	return 0;
}

bool fingerprint_owns(const json_t *object, const char *manager, ...)
{
	const json_t *node = doc_get(find_entry(object, manager), "fieldsV1", NULL);
	const char *name;
	va_list ap;

	va_start(ap, manager);
	while (node && (name = va_arg(ap, const char *))) {
		_cleanup_free_ char *field = xasprintf("f:%s", name);

		node = json_object_get(node, field);
	}
	va_end(ap);
	return node;
}
