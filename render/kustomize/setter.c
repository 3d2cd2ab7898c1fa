/*
 * setter.c - values put into fields as kyaml's FieldSetter does it (kyaml/yaml/fns.go).
 *
 * What is there is overwritten in place and keeps its quoting: two fields may be one
 * node (a common label is, in all places it was put), and then both change.
 */
#include "kust.h"

static const char *const kind_names[] = {
	[NODE_SCALAR] = "a scalar",
	[NODE_MAP] = "a map",
	[NODE_LIST] = "a list",
};

int kexpect_kind(const struct node *n, enum node_kind kind, struct err *err)
{
	if (node_is_null(n) || n->kind == kind)
		return 0;
	return err_set(err, ERR_INVALID, "line %u: %s is expected here, not %s", n->line,
		       kind_names[kind], kind_names[n->kind]);
}

/* A quoted number stays a text, also where a number is put (the reference's `replicas`). */
static bool guessed(enum node_style style, enum kset_type type)
{
	return type != KSET_STR && style == NODE_PLAIN;
}

int kset_scalar(struct node *n, const char *text, enum kset_type type, struct err *err)
{
	if (kexpect_kind(n, NODE_SCALAR, err) < 0)
		return -1;
	*n = (struct node){ .kind = NODE_SCALAR, .style = n->style, .line = n->line,
			    .text = text, .len = (uint32_t)strlen(text) };
	n->implicit = guessed(n->style, type);
	n->bare = type == KSET_GUESSED;
	return 0;
}

int kset_entry(struct kust *k, struct node *map, const char *key, struct node *value,
	       struct err *err)
{
	struct node *old = kget(map, key);

	if (kexpect_kind(map, NODE_MAP, err) < 0)
		return -1;
	if (map->kind != NODE_MAP)	/* a null takes nothing in */
		return 0;
	if (old) {
		value->style = old->style;
		*old = *value;
	} else {
		kset(k, map, key, value);
	}
	return 0;
}

bool kis_text11(const char *text)
{
	const struct node guess = { .kind = NODE_SCALAR, .implicit = true, .text = text,
				    .len = (uint32_t)strlen(text) };

	return !*text || strchr(text, '\n') || node_is_string(&guess);
}

void kset_text(struct kust *k, struct node *map, const char *key, const char *text)
{
	struct node *value = kplain(k, text), *old = kget(map, key);

	if (old)
		value->style = old->kind == NODE_SCALAR ? old->style : NODE_PLAIN;
	else if (!kis_text11(text))
		value->style = NODE_DOUBLE;
	value->implicit = guessed(value->style, KSET_GUESSED);
	if (old)
		*old = *value;
	else
		kset(k, map, key, value);
}
