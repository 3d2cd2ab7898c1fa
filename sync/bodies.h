/*
 * bodies.h - the bodies of objects that are applied, out of the chunks of releases.
 *
 * A chunk holds hundreds of objects, deflated. The ones used last stay open, those of
 * all applications together in little memory: an operation goes through a chunk's
 * objects one after the other, twice. Chunks are known by their digest, which was
 * checked when they were opened.
 */
#ifndef SYNC_BODIES_H
#define SYNC_BODIES_H

#include "render/answer.h"

#define BODIES_OPEN 6
#define BODIES_BYTES ((size_t)2 << 20)	/* open chunks together */

struct bodies {
	struct bodies_chunk {
		char digest[65];	/* "": free */
		struct buf raw;
		uint64_t used;
	} open[BODIES_OPEN];
	uint64_t clock;
	uint64_t opened;	/* chunks inflated so far */
};

/* As render_answer_body(). */
int bodies_get(struct bodies *b, const struct render_answer *a, size_t i, char **ret,
	       size_t *ret_len, struct err *err) __attribute__((warn_unused_result));
void bodies_deinit(struct bodies *b);

#endif
