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
	if (knull(n) || n->kind == kind)
		return 0;
	return err_set(err, ERR_INVALID, "line %u: %s is expected here, not %s", n->line,
		       kind_names[kind], kind_names[n->kind]);
}

/* --- types and quotes -------------------------------------------------------------- */

static const char *tag_of(enum node_type type)
{
	static const char *const tags[] = {
		[NODE_NULL] = "tag:yaml.org,2002:null",
		[NODE_BOOL] = "tag:yaml.org,2002:bool",
		[NODE_INT] = "tag:yaml.org,2002:int",
		[NODE_FLOAT] = "tag:yaml.org,2002:float",
		[NODE_STR] = "tag:yaml.org,2002:str",
		[NODE_TIME] = "tag:yaml.org,2002:timestamp",
		[NODE_BINARY] = "tag:yaml.org,2002:binary",
		[NODE_MERGE] = "tag:yaml.org,2002:merge",
	};

	return tags[type];
}

bool knull(const struct node *n)
{
	return !n || (n->kind == NODE_SCALAR && !n->bare && node_type3(n) == NODE_NULL);
}

/* Was it written with a tag? */
static bool is_tagged(const struct node *n)
{
	return n->kind == NODE_SCALAR && n->tag && !n->implicit;
}

static void set_text(struct node *n, const char *text)
{
	n->text = text;
	n->len = (uint32_t)strlen(text);
}

bool kretext(struct node *n, const char *text)
{
	enum node_type was, is;

	if (n->bare || !n->implicit) {
		set_text(n, text);
		return true;
	}
	was = node_type3(n);
	n->tag = NULL;
	set_text(n, text);
	is = node_type3(n);
	if (was == NODE_STR)
		n->implicit = false;
	else if (is != was || n->style != NODE_PLAIN)
		n->tag = tag_of(was);
	return was == NODE_STR || is == was || (was == NODE_FLOAT && is == NODE_INT);
}

void kassign(struct node *n, const struct node *value)
{
	enum node_style style = n->kind == NODE_SCALAR ? n->style : NODE_PLAIN;
	bool tagged = is_tagged(n);
	enum node_type type = node_type3(value);

	*n = *value;
	n->style = style;
	if (n->bare) {
		n->implicit = style == NODE_PLAIN;
	} else if (type == NODE_STR) {
		n->implicit = false;
	} else {
		n->implicit = !tagged;	/* the tag is part of the style */
		if (tagged || n->tag || style != NODE_PLAIN)
			n->tag = tag_of(type);
	}
}

void kquote11(struct node *n)
{
	if (n->kind != NODE_SCALAR || n->style != NODE_PLAIN || is_tagged(n) ||
	    (!n->bare && node_type3(n) != NODE_STR) || kis_text11(n->text))
		return;
	n->style = NODE_DOUBLE;
	n->implicit = false;
}

int kset_scalar(struct node *n, const char *text, enum kset_type type, struct err *err)
{
	struct node value = { .kind = NODE_SCALAR, .line = n->line, .text = text,
			      .len = (uint32_t)strlen(text), .bare = type == KSET_GUESSED,
			      .implicit = type != KSET_STR };

	if (kexpect_kind(n, NODE_SCALAR, err) < 0)
		return -1;
	if (type == KSET_INT)
		value.tag = tag_of(NODE_INT);
	kassign(n, &value);
	return 0;
}

int kset_entry(struct kust *k, struct node *map, struct node *key, struct node *value,
	       struct err *err)
{
	struct node *old = kget(map, key->text);

	if (kexpect_kind(map, NODE_MAP, err) < 0)
		return -1;
	if (map->kind != NODE_MAP)	/* a null takes nothing in */
		return 0;
	if (!*key->text)
		return err_set(err, ERR_INVALID, "a label or an annotation wants a key, "
			       "this one is empty");
	if (old) {
		kassign(old, value);
		value->style = old->style;
	} else {
		kquote11(value);
		node_append(&k->arena, map, key);
		node_append(&k->arena, map, value);
	}
	return 0;
}

/* What yaml v2 makes of a text that may be more than a scalar. */
static bool is_read_as_text(const char *text, size_t len)
{
	struct node_reader *r = node_reader_new(text, len);
	struct arena arena = { 0 };
	struct node *n = NULL;
	struct err ignored = ERR_INIT;
	int rc = node_read(r, &arena, &n, &ignored);
	bool is = rc < 0 || (rc > 0 && n->kind == NODE_SCALAR && node_is_string(n));

	node_reader_free(r);
	arena_deinit(&arena);
	return is;
}

bool kis_text11(const char *text)
{
	const struct node guess = { .kind = NODE_SCALAR, .implicit = true, .text = text,
				    .len = (uint32_t)strlen(text) };

	if (!*text || strchr(text, '\n'))
		return true;
	if (strchr("-?,[]{}#&*!|>'\"%@` \t", *text) || strstr(text, ": ") ||
	    strstr(text, " #") || text[guess.len - 1] == ':')
		return is_read_as_text(text, guess.len);
	return node_is_string(&guess);
}

void kset_text(struct kust *k, struct node *map, const char *key, const char *text)
{
	struct node *value = kplain(k, text), *old = kget(map, key);

	if (old) {
		kassign(old, value);
		return;
	}
	kquote11(value);
	kset(k, map, key, value);
}
