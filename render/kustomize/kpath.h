/*
 * kpath.h - paths into objects as replacements and vars write them.
 *
 * "a.b\.c.[d.e].0.[name=x].*": steps between dots (a backslash makes a dot part of
 * one, brackets without "=" too), which are keys, indices, elements that have a
 * field, or all elements.
 */
#ifndef KUST_PATH_H
#define KUST_PATH_H

#include "kust.h"

#define KPATH_STEPS_MAX 200u

/* SmarterPathSplitter by '.': in the arena, ended with NULL. LIMIT: too many steps. */
const char **kpath_steps(struct kust *k, const char *path, struct err *err);

/*
 * PathGetter (yaml.Lookup): the one node there, *ret is NULL where nothing is. -1: a
 * step meets another kind of node, or is none (a wildcard, "[x]").
 */
int kpath_lookup(struct kust *k, struct node *root, const char *const *steps,
		 struct node **ret, struct err *err) __attribute__((warn_unused_result));

struct kpath_nodes {
	struct node **data;
	size_t len, cap;
	size_t lost;	/* found in texts that are YAML: not part of the object */
};
void kpath_nodes_deinit(struct kpath_nodes *l);
#define _cleanup_kpath_nodes_ __attribute__((cleanup(kpath_nodes_deinit)))

/*
 * PathMatcher: all nodes there, appended. Where create is an enum node_kind, what is
 * missing is made, the last step of that kind; -1: nothing is. Values in brackets
 * are regular expressions that match anywhere in an element's text.
 */
int kpath_match(struct kust *k, struct node *root, const char *const *steps, int create,
		struct kpath_nodes *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
