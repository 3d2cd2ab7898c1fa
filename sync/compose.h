/*
 * compose.h - what goes out while services are held: Git's objects of the others, and
 * the running release's of those that are held. Pure.
 *
 *   #  Git   running  held            outcome
 *   1  x     -        no              Git's
 *   2  x     -        yes             none: it comes when its service goes out
 *   3  x     x        no              Git's
 *   4  x     x        by either       the running one
 *   5  -     x        no              none: it left Git
 *   6  -     x        yes             the running one: it is not pruned
 *
 * Hooks of a held service are left out. The outcome is a release like any other: with a
 * digest of its own, so that it is proved, rejected and reverted like any other, and
 * healed to; when the service goes out, the outcome is another release.
 */
#ifndef SYNC_COMPOSE_H
#define SYNC_COMPOSE_H

#include "core/mem.h"
#include "render/answer.h"

struct compose_held {
	char *service;
	size_t n_objects;	/* of which the outcome is not what Git says */
};
struct compose_report {
	VEC(struct compose_held) held;	/* by name; only where something is held back */
	bool as_running;	/* the outcome is the running release, object by object */
};
void compose_report_deinit(struct compose_report *r);

struct compose_in {
	const struct render_answer *git;
	const struct render_answer *running;	/* NULL: nothing runs yet */
	const char *dest_ns;	/* of objects that name no namespace */
	bool (*is_held)(void *arg, const char *service);	/* service is never "" */
	void *arg;
};
/*
 * False: nothing is held back, or the outcome is the running release (as_running): there
 * is no new one. Else *ret is owned by the caller, chunks and all. The report is filled
 * either way.
 */
bool release_compose(const struct compose_in *in, struct render_answer *ret,
		     struct compose_report *report);

/* A copy of its own: index and chunks, without what the render said beside them. */
void release_copy(const struct render_answer *a, struct render_answer *ret);

#endif
