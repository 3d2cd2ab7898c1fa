/* vars.h - $(NAME) in texts (filters/refvar/expand.go). */
#ifndef KUST_VARS_H
#define KUST_VARS_H

#include "transform.h"

/* What a variable stands for. */
struct kvalue {
	const char *name;
	enum node_type type;	/* STR, INT, FLOAT or BOOL */
	bool opaque;		/* a collection: it stays as it is written */
	const char *text;	/* alone in a field */
	const char *inner;	/* among other text: a float has another form there */
	size_t uses;
};
/* Sorted by name. */
struct kvalues {
	struct kvalue *data;
	size_t len, cap;
};
/*
 * Appends what becomes of text to out. When it is nothing but one variable *whole is
 * that, and nothing is appended.
 */
void kvars_expand(const char *text, struct kvalues *values, struct buf *out,
		  const struct kvalue **whole);

#endif
