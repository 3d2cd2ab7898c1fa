/*
 * FieldsV1 as sets: a node maps path elements to nodes; it is owned itself when it
 * is empty or holds ".". Union and difference walk two trees side by side. Only
 * entries without subresource count: a status is nobody's to take.
 */
#include "takeover.h"

#include <string.h>

#include "core/doc.h"
#include "core/mem.h"

#define MAX_DEPTH 200	/* beyond it a tree is left as it is */

enum taking { TAKE_NONE, TAKE_ALL, TAKE_COMMON };

/* operation NULL: both. prefix: of the name. */
static const struct {
	const char *manager, *operation;
	bool prefix;
	enum taking taking;
} tools[] = {
	{ "kubectl-client-side-apply", "Update", false, TAKE_ALL },
	{ "kubectl-create", "Update", false, TAKE_ALL },
	{ "kubectl", "Apply", false, TAKE_ALL },	/* apply --server-side */
	{ "argocd-controller", NULL, false, TAKE_ALL },
	{ "argocd-application-controller", NULL, false, TAKE_ALL },
	{ "helm", NULL, false, TAKE_ALL },
	{ "Helm", NULL, false, TAKE_ALL },
	{ "before-first-apply", "Update", false, TAKE_COMMON },
	{ "kubectl", "Update", true, TAKE_COMMON },	/* edit, patch, replace */
};

static const char *text(const json_t *entry, const char *key)
{
	const char *s = doc_get_str(entry, key, NULL);

	return s ? s : "";
}

static enum taking taking_of(const json_t *entry)
{
	const char *who = text(entry, "manager"), *how = text(entry, "operation");

	if (text(entry, "subresource")[0])
		return TAKE_NONE;
	for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
		size_t n = strlen(tools[i].manager);

		if ((!tools[i].operation || !strcmp(tools[i].operation, how)) &&
		    !strncmp(who, tools[i].manager, n) &&
		    (tools[i].prefix || !who[n]))
			return tools[i].taking;
	}
	return TAKE_NONE;
}

static bool is_owned(const json_t *node)
{
	return !json_object_size(node) || json_object_get(node, ".");
}

/* An empty node is owned; one with children says so by its ".". */
static void set_owned(json_t *node, bool owned)
{
	json_object_del(node, ".");
	if (owned && json_object_size(node))
		json_object_set_new(node, ".", json_object());
}

/* Adds what b has to a, in place. */
static void unite(json_t *a, const json_t *b, int depth)
{
	bool owned = is_owned(a) || is_owned(b);
	const char *key;
	json_t *below, *mine;

	json_object_foreach((json_t *)b, key, below) {
		mine = json_object_get(a, key);
		if (!strcmp(key, "."))
			continue;
		if (!mine)
			json_object_set_new(a, key, json_deep_copy(below));
		else if (depth < MAX_DEPTH)
			unite(mine, below, depth + 1);
	}
	set_owned(a, owned);
}

/* Takes out of a what b has, in place. False: nothing is left of it. */
static bool subtract(json_t *a, const json_t *b, int depth)
{
	bool owned = is_owned(a) && !is_owned(b);
	const char *key;
	json_t *below, *theirs;
	void *next;

	json_object_foreach_safe(a, next, key, below) {
		theirs = json_object_get(b, key);
		if (strcmp(key, ".") && theirs && depth < MAX_DEPTH &&
		    !subtract(below, theirs, depth + 1))
			json_object_del(a, key);
	}
	set_owned(a, false);
	if (!json_object_size(a))
		return owned;
	set_owned(a, owned);
	return true;
}

static json_t *fields_of(const json_t *entry)
{
	json_t *fields = json_object_get(entry, "fieldsV1");

	return json_is_object(fields) && json_object_size(fields) &&
	       !strcmp(text(entry, "fieldsType"), "FieldsV1") ? fields : NULL;
}

static json_t *find_ours(const json_t *list, const char *manager)
{
	json_t *entry;
	size_t i;

	json_array_foreach((json_t *)list, i, entry)
		if (!strcmp(text(entry, "manager"), manager) &&
		    !strcmp(text(entry, "operation"), "Apply") &&
		    !text(entry, "subresource")[0] && fields_of(entry))
			return entry;
	return NULL;
}

/* Paths of another version of the kind may not be ours: only common ones go. */
static bool is_whole(const json_t *entry, const json_t *ours)
{
	return taking_of(entry) == TAKE_ALL &&
	       !strcmp(text(entry, "apiVersion"), text(ours, "apiVersion"));
}

/* True: the entry is to go. */
static bool take_from(json_t *entry, json_t *ours, const json_t *applied, bool all)
{
	if (!fields_of(entry) || taking_of(entry) == TAKE_NONE ||
	    (!all && strncmp(text(entry, "manager"), "argocd-", strlen("argocd-"))))
		return false;
	if (!is_whole(entry, ours))
		return !subtract(fields_of(entry), applied, 0) ||
		       !json_object_size(fields_of(entry));
	unite(fields_of(ours), fields_of(entry), 0);
	return true;
}

json_t *takeover_fields(const json_t *object, const char *manager, bool all,
			bool *ret_more)
{
	const json_t *there = doc_get(object, "metadata", "managedFields", NULL);
	_cleanup_json_ json_t *list = json_deep_copy(there), *applied = NULL;
	json_t *ours = find_ours(list, manager);

	*ret_more = false;
	if (!ours)
		return NULL;
	applied = json_deep_copy(fields_of(ours));
	for (size_t i = json_array_size(list); i-- > 0;) {
		json_t *entry = json_array_get(list, i);

		if (entry != ours && take_from(entry, ours, applied, all))
			json_array_remove(list, i);
	}
	if (doc_equal(list, there))
		return NULL;
	*ret_more = !doc_equal(fields_of(ours), applied);
	return json_incref(list);
}
