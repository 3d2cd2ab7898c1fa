/*
 * zip.h - deflate and inflate of whole byte strings (zlib format, level 6).
 */
#ifndef CORE_ZIP_H
#define CORE_ZIP_H

#include "core/buf.h"
#include "core/err.h"

void zip_deflate(const void *data, size_t len, struct buf *out);
/* ERR_INVALID: not a whole zlib stream; ERR_LIMIT: more than max bytes. */
int zip_inflate(const void *data, size_t len, size_t max, struct buf *out,
		struct err *err) __attribute__((warn_unused_result));

#endif
