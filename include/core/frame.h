/*
 * frame.h - what the daemon and syncd-worker say to each other over a pipe.
 *
 * A frame is a 4-byte big-endian length, a type byte, and the payload. A request
 * is one frame 'Q'; its answer is one frame 'A' (the kind's format) or 'E' (a
 * JSON error {code, retry, message}). Anything else, or a frame over the cap, is
 * a broken worker: it is killed.
 */
#ifndef CORE_FRAME_H
#define CORE_FRAME_H

#include "core/buf.h"
#include "core/err.h"

#define FRAME_REQUEST 'Q'
#define FRAME_ANSWER 'A'
#define FRAME_ERROR 'E'

void frame_write(struct buf *out, char type, const void *data, size_t len);

/*
 * Looks at the bytes received so far. 1: a whole frame, *type and *data and *len point
 * into bytes, *used says how many bytes it took; 0: more is needed; -1: broken.
 */
int frame_read(const char *bytes, size_t n, size_t max, char *type,
	       const char **data, size_t *len, size_t *used, struct err *err);

void frame_error_encode(const struct err *e, struct buf *out);
void frame_error_decode(const char *data, size_t len, struct err *e);

#endif
