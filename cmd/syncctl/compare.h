/* compare.h - one repository at two revisions, or at one and as it is on disk. */
#ifndef SYNCCTL_COMPARE_H
#define SYNCCTL_COMPARE_H

#include "survey.h"
#include "syncctl.h"
#include "worktree.h"

struct comparison {
	struct worktree tree;
	struct files *base, *head;	/* head NULL: the work tree itself */
	struct survey before, after;
	struct unit_pairs pairs;
};
/*
 * Surveys both sides below root. The base is where the head's history left o->base;
 * where Git does not know that, o->base itself, with a warning. head NULL: as it is on
 * disk. ERR_NOTFOUND: neither side has anything there that could be built. To be closed
 * also after an error.
 */
int comparison_open(struct comparison *c, const struct options *o, const char *root,
		    const char *head, struct err *err) __attribute__((warn_unused_result));
void comparison_close(struct comparison *c);

#endif
