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
#include "ignore.h"

#define MAX_DEPTH 200

/* One element of a node, in the form that sorts and is hashed. */
struct element {
	char kind;		/* 'f', 'k', 'v', 'i' */
	struct buf name;	/* a JSON string for 'f', canonical JSON for the rest */
	json_t *match;		/* owned: the parsed JSON of k, v and i; NULL for f */
	const char *key;	/* borrowed: as FieldsV1 has it */
	const char *field;	/* borrowed, for f */
	size_t index;		/* of what was found in a list; SIZE_MAX: none */
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
		struct element e = { .below = below, .key = key };

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

/* What a node names of one value: fields, or items that are looked for in a list. */
struct below {
	struct elements elements;
	struct items items;
	struct ignore_list ignored;
};

static void below_deinit(struct below *b)
{
	elements_deinit(&b->elements);
	items_deinit(&b->items);
	ignore_list_deinit(&b->ignored);
}

/* The value that an element names within value, or NULL. Borrowed. */
static const json_t *element_find(struct below *b, struct element *e, const json_t *value)
{
	e->index = SIZE_MAX;
	if (e->kind == 'f')
		return json_object_get(value, e->field);
	e->index = e->kind == 'i' ? (size_t)json_integer_value(e->match) :
				    items_find(&b->items, value, e->kind, e->match);
	return json_array_get(value, e->index);
}

/* What of the ignored lies below this element, of which `value` was found. Owned; NULL. */
static json_t *element_ignored(struct below *b, const struct element *e,
			       const json_t *value)
{
	return e->kind == 'f' ? ignore_field(b->ignored.node, e->field) :
	       ignore_item(&b->ignored, e->index, value ? value : e->match);
}

/* One FieldsV1 tree over one object. */
struct walk {
	const json_t *object, *entry;	/* the entry walked: ours */
	const char *path[MAX_DEPTH + 1];	/* of the node under way */
	struct buf *out;
	struct err *err;
};

/*
 * What we own whole, but for what others own in it: a map that we applied empty has
 * room for them. Owned.
 */
static json_t *without_others(const struct walk *w, const json_t *value, int depth)
{
	const json_t *list = doc_get(w->object, "metadata", "managedFields", NULL);
	json_t *left = json_incref((json_t *)value);
	const json_t *entry;
	size_t i;

	if (!json_object_size(value) && !json_array_size(value))
		return left;
	json_array_foreach(list, i, entry) {
		const json_t *node = json_object_get(entry, "fieldsV1");
		json_t *less;

		for (int d = 0; node && d < depth; d++)
			node = json_object_get(node, w->path[d]);
		if (entry == w->entry || !json_object_size(node))
			continue;
		less = ignore_cut(left, node);
		json_decref(left);
		left = less;
	}
	return left;
}

static int walk(struct walk *w, const json_t *node, const json_t *value,
		const json_t *ignored, int depth);

/* When others took all that we had below, we have no entry for it either. */
static void drop_empty(struct buf *out, size_t was, size_t below)
{
	const char *text = out->data + below;

	if (buf_overflowed(out) || (strcmp(text, "()") && strcmp(text, "+()")))
		return;
	out->len = was;
	out->data[was] = '\0';
}

static int walk_elements(struct walk *w, const json_t *node, const json_t *value,
			 const json_t *ignored, int depth)
{
	_cleanup_(below_deinit) struct below b = { .ignored.node = ignored };

	if (elements_read(&b.elements, node, w->err))
		return -1;
	for (size_t i = 0; i < b.elements.len; i++) {
		struct element *e = &b.elements.data[i];
		const json_t *v = element_find(&b, e, value);
		_cleanup_json_ json_t *rest = element_ignored(&b, e, v);
		size_t was = w->out->len, below;

		if (ignore_is_all(rest))
			continue;
		buf_addf(w->out, "%c:%s", e->kind, buf_str(&e->name));
		below = w->out->len;
		w->path[depth] = e->key;
		if (walk(w, e->below, v, rest, depth + 1))
			return -1;
		if (rest)
			drop_empty(w->out, was, below);
	}
	return 0;
}

static int walk(struct walk *w, const json_t *node, const json_t *value,
		const json_t *ignored, int depth)
{
	if (depth > MAX_DEPTH)
		return err_set(w->err, ERR_LIMIT,
			       "managedFields: more than %d levels", MAX_DEPTH);
	if (json_object_size(node) == 0) {
		_cleanup_json_ json_t *ours = without_others(w, value, depth);
		_cleanup_json_ json_t *part = ignored && ours ?
					      ignore_cut(ours, ignored) : NULL;

		buf_addc(w->out, value ? '=' : '!');
		if (value)
			doc_canonical(part ? part : ours, w->out);
		buf_addc(w->out, ' ');
		return 0;
	}
	if (json_object_get(node, "."))
		buf_addc(w->out, value ? '+' : '!');
	buf_addc(w->out, '(');
	if (walk_elements(w, node, value, ignored, depth))
		return -1;
	buf_addc(w->out, ')');
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

int64_t fingerprint_applied_ms(const json_t *object, const char *manager)
{
	const char *time = doc_get_str(find_entry(object, manager), "time", NULL);

	return time ? time_parse_rfc3339(time) : -1;
}

int fingerprint_without(const json_t *object, const char *manager,
			const json_t *ignored, char out[65],
			const char **ret_version, struct err *err)
{
	const json_t *entry = find_entry(object, manager);
	const char *type = doc_get_str(entry, "fieldsType", NULL);
	const json_t *fields = doc_get(entry, "fieldsV1", NULL);
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct walk w = { .object = object, .entry = entry, .out = &text, .err = err };

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
	if (walk(&w, fields, object, ignored, 0))
		return -1;
	if (doc_get_str(ignored, IGNORE_RULES, NULL))
		buf_adds(&text, doc_get_str(ignored, IGNORE_RULES, NULL));
	if (buf_overflowed(&text))
		return err_set(err, ERR_LIMIT, "object too large to fingerprint");
	sha256_hex(text.data, text.len, out);
	return 0;
}

int fingerprint_owned(const json_t *object, const char *manager, char out[65],
		      const char **ret_version, struct err *err)
{
	return fingerprint_without(object, manager, NULL, out, ret_version, err);
}

/* ---- what to hand over ---- */

static json_t *extract(const json_t *node, const json_t *value, const json_t *tree,
		       int depth);

static void extract_into(json_t *out, const struct element *e, json_t *part)
{
	const char *key;
	json_t *v;

	if (e->kind == 'f') {
		json_object_set_new(out, e->field, part);
		return;
	}
	if (e->kind == 'k' && json_is_object(part))
		json_object_foreach(e->match, key, v)
			json_object_set(part, key, v);
	json_array_append_new(out, part);
}

/* NULL: nothing of it, or not to be read. */
static json_t *extract_below(const json_t *node, const json_t *value,
			     const json_t *tree, int depth)
{
	_cleanup_(below_deinit) struct below b = { .ignored.node = tree };
	_cleanup_json_ json_t *out = json_is_array(value) ? json_array() :
							    json_object();

	if (elements_read(&b.elements, node, NULL))
		return NULL;
	for (size_t i = 0; i < b.elements.len; i++) {
		struct element *e = &b.elements.data[i];
		const json_t *v = element_find(&b, e, value);
		_cleanup_json_ json_t *rest = element_ignored(&b, e, v);
		json_t *part = v && rest ? extract(e->below, v, rest, depth + 1) :
					   NULL;

		if (part)
			extract_into(out, e, part);
	}
	return json_object_size(out) || json_array_size(out) ? json_incref(out) : NULL;
}

static json_t *extract(const json_t *node, const json_t *value, const json_t *tree,
		       int depth)
{
	if (depth > MAX_DEPTH)
		return NULL;
	if (json_object_size(node) == 0)
		return json_deep_copy(value);
	return extract_below(node, value, tree, depth);
}

json_t *fingerprint_extract(const json_t *object, const char *manager,
			    const json_t *tree)
{
	const json_t *fields = doc_get(find_entry(object, manager), "fieldsV1", NULL);

	if (!json_object_size(fields) || !tree)
		return NULL;
	return extract(fields, object, tree, 0);
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
