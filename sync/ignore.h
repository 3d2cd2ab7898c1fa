/*
 * ignore.h - which fields of an object are somebody else's to decide.
 *
 * spec.ignoreDifferences, and what is ignored always: the rules that the cluster
 * gathers into an aggregated ClusterRole. The answer for one object is a tree like
 * managedFields' FieldsV1 ("f:spec": {"f:replicas": {}}; {} = all of it), in which
 * a step of a JSON pointer is "p:<name or index>", "*" any field or item, and "o:<list of
 * keys>" an item that has the keys of one of them. Several steps may lead to one field: what
 * they say is put together on the way down, so that a tree is never larger than its
 * rules. Pure.
 * https://argo-cd.readthedocs.io/en/stable/user-guide/diffing/
 */
#ifndef SYNC_IGNORE_H
#define SYNC_IGNORE_H

#include <jansson.h>
#include <stdbool.h>

#include "core/buf.h"
#include "core/err.h"
#include "items.h"
#include "sync/record.h"

#define IGNORE_MAX_DEPTH 200
#define IGNORE_RULES "#"	/* at the root of a tree: the digest of its rules */

/*
 * rules: spec.ignoreDifferences, NULL for none; live: the object as it is, NULL when
 * that is not known (then managedFieldsManagers name nothing). Owned; NULL: nothing
 * is ignored. Globs: group, kind, name, namespace; empty name and namespace = any.
 */
json_t *ignore_tree(const json_t *rules, const struct objkey *k, const json_t *live);
/* Does any rule speak of an object of this key? */
bool ignore_speaks(const json_t *rules, const struct objkey *k);
bool ignore_speaks_of_kind(const json_t *rules, const char *group, const char *kind);
/* Adds one pointer ("/spec/replicas") to a tree. */
void ignore_add_pointer(json_t *tree, const char *pointer);
/*
 * Adds a path of jq (".webhooks[]?.clientConfig.caBundle"); tree NULL: looks only whether
 * it can be. ERR_INVALID: it is more than a path; ERR_LIMIT: it is too long. What an item
 * has to be like is compared with its scalars alone.
 */
int ignore_add_jq(json_t *tree, const char *expression, struct err *err);
/* The node below, made where it is not there; NULL: all of this is ignored already. */
json_t *ignore_descend(json_t *node, const char *key, bool last);

/* ---- walking a tree; each takes NULL for "nothing below" and may answer it ---- */

/* All of the value is ignored. */
bool ignore_is_all(const json_t *node);
/* Below the field of that name: together what any step says that leads there. Owned. */
json_t *ignore_field(const json_t *node, const char *name);

/* The same of the items of one list. Made as { .node = node }, which it borrows. */
struct ignore_list {
	const json_t *node;
	struct items items;	/* what is said of those with such keys */
	bool read;
};
void ignore_list_deinit(struct ignore_list *l);
/*
 * item: at least its scalars, and something else in place of lists and maps; NULL: not
 * known. Owned.
 */
json_t *ignore_item(struct ignore_list *l, size_t index, const json_t *item);

/* A copy of the value without what is ignored of it. Owned. */
json_t *ignore_cut(const json_t *value, const json_t *node);
/*
 * The same of a body, byte by byte. What becomes empty by it goes, too.
 * ERR_INTERNAL when the body is not canonical JSON, ERR_LIMIT when too deep.
 */
int ignore_cut_body(const char *body, size_t len, const json_t *tree,
		    struct buf *out, struct err *err)
	__attribute__((warn_unused_result));
/* The bytes of a field of the body: names ended by NULL. Borrowed; NULL: not there. */
const char *body_field(const char *body, size_t len, size_t *ret_len, ...)
	__attribute__((sentinel));

#endif
