/*
 * stamp.h - what the daemon puts into a body without parsing it.
 *
 * A body is canonical JSON. The stamp inserts into its top-level metadata: the
 * uid (an adoption: the API server refuses if the object is another by now) and
 * the annotation syncd.dev/operation (which operation created it: how a pending
 * inventory entry is completed after a crash). A hook that the manifest names by
 * generateName gets its name and a tracking id for that. A byte scan, linear, no
 * tree.
 */
#ifndef SYNC_STAMP_H
#define SYNC_STAMP_H

#include "core/buf.h"
#include "core/err.h"

/* uid and op may be NULL or "". ERR_INTERNAL when the body is not what it must be. */
int body_stamp(const char *body, size_t len, const char *uid, const char *op,
	       struct buf *out, struct err *err)
	__attribute__((warn_unused_result));
/*
 * The same for a hook. With a name (not NULL or "") it becomes metadata.name, and
 * the tracking id, whose last part is the generateName, names it too.
 */
int body_stamp_hook(const char *body, size_t len, const char *name, const char *op,
		    struct buf *out, struct err *err)
	__attribute__((warn_unused_result));

#endif
