/*
 * Rules become one tree per object; trees are walked beside values and bodies. A
 * rule that matches nothing, or a pointer to what is not there, ignores nothing.
 */
#include "ignore.h"

#include <stdio.h>
#include <string.h>

#include "core/doc.h"
#include "core/mem.h"
#include "glob.h"

bool ignore_is_all(const json_t *node)
{
	return json_is_object(node) && !json_object_size(node);
}

/* ---- rules ---- */

static bool fits(const json_t *rule, const char *key, const char *text, bool any)
{
	const char *pattern = doc_get_str(rule, key, NULL);

	if (!pattern || !*pattern)
		return any || !*text;
	return glob_match(pattern, text, 0) == 1;
}

/* As in Argo CD: an empty group is the core group, not any. */
static bool rule_fits(const json_t *rule, const struct objkey *k)
{
	return fits(rule, "group", k->group, false) &&
	       fits(rule, "kind", k->kind, false) &&
	       fits(rule, "name", k->name, true) &&
	       fits(rule, "namespace", k->ns, true);
}

bool ignore_speaks(const json_t *rules, const struct objkey *k)
{
	const json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule)
		if (rule_fits(rule, k))
			return true;
	return false;
}

bool ignore_speaks_of_kind(const json_t *rules, const char *group, const char *kind)
{
	const json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule)
		if (fits(rule, "group", group, false) && fits(rule, "kind", kind, false))
			return true;
	return false;
}

json_t *ignore_descend(json_t *node, const char *key, bool last)
{
	json_t *below = json_object_get(node, key);

	if (ignore_is_all(below))
		return NULL;
	if (below && !last)
		return below;
	below = json_object();
	/* An empty node would say "all of it" before it has a step below. */
	if (!last)
		json_object_set_new(below, ".", json_object());
	json_object_set_new(node, key, below);
	return below;
}

/* One step of a pointer ("~1" is "/", "~0" is "~"), as a key of the tree. */
static char *pointer_step(const char *from, size_t len)
{
	char *key = xcalloc(len + 3, 1);
	size_t n = 0;

	key[n++] = 'p';
	key[n++] = ':';
	for (size_t i = 0; i < len; i++) {
		if (from[i] == '~' && i + 1 < len &&
		    (from[i + 1] == '0' || from[i + 1] == '1'))
			key[n++] = from[++i] == '0' ? '~' : '/';
		else
			key[n++] = from[i];
	}
	return key;
}

void ignore_add_pointer(json_t *tree, const char *pointer)
{
	const char *p = pointer;
	json_t *node = tree;

	for (unsigned depth = 0; node && *p == '/' && depth < IGNORE_MAX_DEPTH; depth++) {
		size_t len = strcspn(p + 1, "/");
		_cleanup_free_ char *key = pointer_step(p + 1, len);

		p += len + 1;
		node = ignore_descend(node, key, !*p);
	}
}

/* Both together; what either has whole is whole. */
static void merge(json_t *into, const json_t *other, unsigned depth)
{
	const char *key;
	json_t *theirs;

	json_object_foreach((json_t *)other, key, theirs) {
		json_t *ours = json_object_get(into, key);

		if (!ours)
			json_object_set_new(into, key, json_deep_copy(theirs));
		else if (ignore_is_all(ours) || !strcmp(key, "."))
			continue;
		else if (ignore_is_all(theirs))
			json_object_set_new(into, key, json_object());
		else if (depth < IGNORE_MAX_DEPTH)
			merge(ours, theirs, depth + 1);
	}
}

static bool in_list(const json_t *list, const char *text)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (json_is_string(v) && text && !strcmp(json_string_value(v), text))
			return true;
	return false;
}

/* Every entry of such a manager counts, through subresources too. */
static void add_managers(json_t *tree, const json_t *managers, const json_t *live)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(doc_get(live, "metadata", "managedFields", NULL), i, entry) {
		const json_t *fields = json_object_get(entry, "fieldsV1");

		if (json_object_size(fields) &&
		    in_list(managers, doc_get_str(entry, "manager", NULL)))
			merge(tree, fields, 0);
	}
}

static void add_builtin(json_t *tree, const struct objkey *k, const json_t *live)
{
	if (!strcmp(k->kind, "ClusterRole") &&
	    !strcmp(k->group, "rbac.authorization.k8s.io") &&
	    json_is_object(json_object_get(live, "aggregationRule")))
		ignore_add_pointer(tree, "/rules");
}

/* What was lost to others under these rules has to come back when they go. */
static void add_rules(json_t *tree, const struct buf *spoken)
{
	char digest[65];

	if (!spoken->len)
		return;
	sha256_hex(spoken->data, spoken->len, digest);
	json_object_set_new(tree, IGNORE_RULES, json_string(digest));
}

json_t *ignore_tree(const json_t *rules, const struct objkey *k, const json_t *live)
{
	_cleanup_buf_ struct buf spoken = BUF_INIT;
	json_t *tree = json_object();
	const json_t *rule, *pointer;
	size_t i, j;

	add_builtin(tree, k, live);
	json_array_foreach(rules, i, rule) {
		if (!rule_fits(rule, k))
			continue;
		doc_canonical(rule, &spoken);
		json_array_foreach(json_object_get(rule, "jsonPointers"), j, pointer)
			if (json_is_string(pointer))
				ignore_add_pointer(tree, json_string_value(pointer));
		json_array_foreach(json_object_get(rule, "jqPathExpressions"), j, pointer)
			if (json_is_string(pointer) &&
			    ignore_add_jq(tree, json_string_value(pointer), NULL))
				continue;	/* it was said where the rules were read */
		add_managers(tree, json_object_get(rule, "managedFieldsManagers"), live);
	}
	add_rules(tree, &spoken);
	if (json_object_size(tree))
		return tree;
	json_decref(tree);
	return NULL;
}

/* ---- steps ---- */

/* What either of them says, of subtrees that stay as they are. Owned. */
static json_t *both(const json_t *a, const json_t *b, unsigned depth)
{
	const char *key;
	json_t *out, *theirs;

	if (a == b || !b || ignore_is_all(a) || depth > IGNORE_MAX_DEPTH)
		return json_incref((json_t *)a);
	if (!a || ignore_is_all(b) || !json_is_object(a))
		return json_incref((json_t *)b);
	out = json_copy((json_t *)a);
	json_object_foreach((json_t *)b, key, theirs)
		json_object_set_new(out, key, both(json_object_get(a, key), theirs,
						   depth + 1));
	return out;
}

/* *found is owned. */
static void find_too(json_t **found, const json_t *below)
{
	json_t *was = *found;

	*found = both(was, below, 0);
	json_decref(was);
}

static const json_t *step(const json_t *node, char kind, const char *name)
{
	_cleanup_free_ char *key = xasprintf("%c:%s", kind, name);

	return json_object_get(node, key);
}

json_t *ignore_field(const json_t *node, const char *name)
{
	json_t *found = NULL;

	if (!node || ignore_is_all(node))
		return json_incref((json_t *)node);
	find_too(&found, step(node, 'f', name));
	find_too(&found, step(node, 'p', name));
	find_too(&found, json_object_get(node, "*"));
	return found;
}

static void keep(struct ignore_list *l, char kind, const json_t *match, const json_t *below)
{
	json_t **slot = kind == 'v' || json_is_object(match) ?
			items_slot(&l->items, kind, match) : NULL;

	if (slot)
		find_too(slot, below);
}

/* What names items by what they are like. */
static void read_list(struct ignore_list *l)
{
	const char *key;
	json_t *below;

	l->read = true;
	json_object_foreach((json_t *)l->node, key, below) {
		_cleanup_json_ json_t *match = NULL;
		const json_t *one;
		size_t i;

		if (!*key || !strchr("kvo", *key) || key[1] != ':')
			continue;
		match = doc_parse(key + 2, strlen(key + 2), NULL);
		if (match && *key != 'o')
			keep(l, *key, match, below);
		else
			json_array_foreach(match, i, one)
				keep(l, 'k', one, below);
	}
}

void ignore_list_deinit(struct ignore_list *l)
{
	items_deinit(&l->items);
}

json_t *ignore_item(struct ignore_list *l, size_t index, const json_t *item)
{
	json_t *found = NULL, *kept;
	char number[24];

	if (!l->node || ignore_is_all(l->node))
		return json_incref((json_t *)l->node);
	if (!l->read)
		read_list(l);
	snprintf(number, sizeof(number), "%zu", index);
	find_too(&found, step(l->node, 'p', number));
	find_too(&found, step(l->node, 'i', number));
	for (size_t n = 0; item && items_kept(&l->items, n, item, &kept); n++)
		find_too(&found, kept);
	find_too(&found, json_object_get(l->node, "*"));
	return found;
}

/* ---- a tree without it ---- */

static json_t *cut_object(const json_t *value, const json_t *node)
{
	json_t *out = json_object(), *v;
	const char *key;

	json_object_foreach((json_t *)value, key, v) {
		_cleanup_json_ json_t *below = ignore_field(node, key);

		if (!ignore_is_all(below))
			json_object_set_new(out, key, ignore_cut(v, below));
	}
	return out;
}

static json_t *cut_list(const json_t *value, const json_t *node)
{
	_cleanup_(ignore_list_deinit) struct ignore_list l = { .node = node };
	json_t *out = json_array();
	const json_t *v;
	size_t i;

	json_array_foreach(value, i, v) {
		_cleanup_json_ json_t *below = ignore_item(&l, i, v);

		if (!ignore_is_all(below))
			json_array_append_new(out, ignore_cut(v, below));
	}
	return out;
}

json_t *ignore_cut(const json_t *value, const json_t *node)
{
	if (!node || (!json_is_object(value) && !json_is_array(value)))
		return json_deep_copy(value);
	return json_is_object(value) ? cut_object(value, node) : cut_list(value, node);
}
