/* packet.h - one signature, out of its ASCII armor (private to core/pgp). Pure. */
#ifndef CORE_PGP_PACKET_H
#define CORE_PGP_PACKET_H

#include "core/buf.h"
#include "core/err.h"

/*
 * Appends the one packet that the armor holds: a signature of version 4 over bytes as
 * they are. ERR_INVALID with what else it is: a library that is given a message would
 * verify what is in that instead of what we ask for.
 */
int packet_signature(const char *armor, size_t len, struct buf *out, struct err *err)
	__attribute__((warn_unused_result));

#endif
