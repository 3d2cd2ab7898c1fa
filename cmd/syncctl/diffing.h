/* diffing.h - telling of differences, for syncctl diff in all its forms. */
#ifndef SYNCCTL_DIFFING_H
#define SYNCCTL_DIFFING_H

#include "render/answer.h"
#include "syncctl.h"

struct diffing {
	const struct options *o;
	struct view_env env;
	struct buf out;
	json_t *list;
	size_t n;
	/* Of several applications: whose differences follow; NULL: there is one */
	const char *app;
	bool headed;		/* app was said */
};
void diffing_tell(struct diffing *d, const struct view_change *c);
/* The object i of a render, owned; NULL and *err. */
json_t *diffing_body(const struct render_answer *a, size_t i, struct err *err);
struct excluded;
/* Two renders, object by object, but for kinds that are excluded. */
int diffing_compare(struct diffing *d, const struct render_answer *a,
		    const struct render_answer *b, struct excluded *out, struct err *err)
	__attribute__((warn_unused_result));
/* Prints and frees all of it; the exit status: 1 where something differs. */
int diffing_finish(struct diffing *d);

#endif
