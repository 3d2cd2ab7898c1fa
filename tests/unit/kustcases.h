/*
 * kustcases.h - cases that lie in tests/unit/data/kust: what a patch makes of a base,
 * with outcomes taken from the reference by tests/diff/patches.sh.
 */
#ifndef TEST_KUSTCASES_H
#define TEST_KUSTCASES_H

#include "render/kustomize/kust.h"

struct kustcase {
	char *title, *base, *patch, *want;	/* want "error": it must fail */
};

/* The cases of a file of that folder, by name without suffix; fails the test. */
struct kustcase *kustcases_read(const char *name, size_t *n);
void kustcases_free(struct kustcase *cases, size_t n);
/* The first document of a text, in k's arena; fails the test. */
struct node *kustcases_tree(struct kust *k, const char *title, const char *text);
/*
 * Is this the outcome? r is what the patch answered. All of it is compared as JSON;
 * root NULL: nothing is left. Prints what differs.
 */
bool kustcases_check(const struct kustcase *c, struct kust *k, int r,
		     const struct node *root, const struct err *err);

#endif
