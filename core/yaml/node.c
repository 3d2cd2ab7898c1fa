/* node.c - the tree: making, finding and editing nodes. Nothing here fails. */
#include "core/node.h"

#include <stdarg.h>
#include <stdio.h>

#include "yaml_priv.h"

struct node *node_make(struct arena *a, size_t *count, enum node_kind kind,
		       size_t line, struct err *err)
{
	struct node *n;

	if (++*count > NODE_COUNT_MAX) {
		err_set(err, ERR_LIMIT, "line %zu: more than %u values in one document; "
			"split it", line, NODE_COUNT_MAX);
		return NULL;
	}
	n = arena_alloc(a, sizeof(*n));
	n->kind = (uint8_t)kind;
	n->line = (uint32_t)line;
	return n;
}

void kids_close(struct kids *k, size_t from, struct arena *a, struct node *n)
{
	size_t len = k->len - from;

	n->len = n->cap = (uint32_t)len;
	n->kids = arena_alloc(a, len * sizeof(*n->kids));
	if (len)
		memcpy(n->kids, k->data + from, len * sizeof(*n->kids));
	k->len = from;
}

const char *node_key_text(const struct node *key, char tmp[32], struct err *err)
{
	struct scalar s;

	if (key->kind != NODE_SCALAR) {
		err_set(err, ERR_INVALID, "line %u: a key must be a text; put one that "
			"begins with '{' or '[' in quotes", key->line);
		return NULL;
	}
	if (node_scalar(key, &s, err) < 0)
		return NULL;
	switch (s.type) {
	case SCALAR_STRING:
		return key->text;
	case SCALAR_BOOL:
		return strcpy(tmp, s.truth ? "true" : "false");
	case SCALAR_INT:
		if (!s.negative && s.magnitude > INT64_MAX)
			break;
		snprintf(tmp, 32, "%s%llu", s.negative ? "-" : "",
			 (unsigned long long)s.magnitude);
		return tmp;
	case SCALAR_FLOAT:
		scalar_float_key(s.real, tmp);
		return tmp;
	case SCALAR_NULL:
		break;
	}
	err_set(err, ERR_INVALID, "line %u: '%.40s' cannot be a key; quote it",
		key->line, key->text);
	return NULL;
}

/* The index of the key's node in map->kids, or UINT32_MAX. */
static uint32_t find(const struct node *map, const char *key)
{
	if (!map || map->kind != NODE_MAP)
		return UINT32_MAX;
	for (uint32_t i = 0; i < map->len; i += 2) {
		const struct node *k = map->kids[i];
		char tmp[32];
		const char *text;

		if (k->kind != NODE_SCALAR)
			continue;
		if (!k->implicit && !k->tag)
			text = k->text;	/* quoted: the text is the key */
		else
			text = node_key_text(k, tmp, NULL);
		if (text && strcmp(text, key) == 0)
			return i;
	}
	return UINT32_MAX;
}

struct node *node_get(const struct node *map, const char *key)
{
	uint32_t i = find(map, key);

	return i == UINT32_MAX ? NULL : map->kids[i + 1];
}

struct node *node_get_key(const struct node *map, const char *key)
{
	uint32_t i = find(map, key);

	return i == UINT32_MAX ? NULL : map->kids[i];
}

struct node *node_find(const struct node *n, ...)
{
	struct node *at = (struct node *)n;
	const char *key;
	va_list ap;

	va_start(ap, n);
	while (at && (key = va_arg(ap, const char *)))
		at = node_get(at, key);
	va_end(ap);
	return at;
}

const char *node_get_str(const struct node *map, const char *key)
{
	const struct node *n = node_get(map, key);

	return node_is_string(n) ? n->text : NULL;
}

struct node *node_new_str(struct arena *a, const char *text)
{
	struct node *n = arena_alloc(a, sizeof(*n));

	n->kind = NODE_SCALAR;
	n->style = NODE_DOUBLE;
	n->text = arena_strdup(a, text);
	n->len = (uint32_t)strlen(text);
	return n;
}

struct node *node_new_map(struct arena *a)
{
	struct node *n = arena_alloc(a, sizeof(*n));

	n->kind = NODE_MAP;
	return n;
}

struct node *node_new_list(struct arena *a)
{
	struct node *n = arena_alloc(a, sizeof(*n));

	n->kind = NODE_LIST;
	return n;
}

struct node *node_copy(struct arena *a, const struct node *n)
{
	struct node *copy = arena_alloc(a, sizeof(*copy));

	*copy = *n;
	if (n->kind == NODE_SCALAR)
		return copy;
	copy->kids = arena_alloc(a, n->len * sizeof(*copy->kids));
	copy->cap = n->len;
	for (uint32_t i = 0; i < n->len; i++)
		copy->kids[i] = node_copy(a, n->kids[i]);
	return copy;
}

static void push(struct arena *a, struct node *n, struct node *kid)
{
	if (n->len == n->cap) {
		uint32_t cap = n->cap ? n->cap * 2 : 8;
		struct node **kids = arena_alloc(a, cap * sizeof(*kids));

		if (n->len)
			memcpy(kids, n->kids, n->len * sizeof(*kids));
		n->kids = kids;
		n->cap = cap;
	}
	n->kids[n->len++] = kid;
}

void node_append(struct arena *a, struct node *list, struct node *item)
{
	push(a, list, item);
}

void node_set(struct arena *a, struct node *map, const char *key, struct node *value)
{
	uint32_t i = find(map, key);

	if (i != UINT32_MAX) {
		map->kids[i + 1] = value;
		return;
	}
	push(a, map, node_new_str(a, key));
	push(a, map, value);
}

bool node_remove(struct node *map, const char *key)
{
	uint32_t i = find(map, key);

	if (i == UINT32_MAX)
		return false;
	memmove(map->kids + i, map->kids + i + 2,
		(map->len - i - 2) * sizeof(*map->kids));
	map->len -= 2;
	return true;
}
