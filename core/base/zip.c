#include "core/zip.h"

#include "core/mem.h"

#include <zlib.h>

#define LOOKAHEAD 262	/* bytes of its window that zlib does not look back over */

/*
 * The window that len bytes need, as a power of two: most of what is packed here is a
 * kilobyte or two, and the full one costs 256 KiB to be cleared each time.
 */
static int window_bits(size_t len)
{
	int bits = 9;

	while (bits < MAX_WBITS && (size_t)1 << bits < len + LOOKAHEAD)
		bits++;
	return bits;
}

void zip_deflate(const void *data, size_t len, struct buf *out)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)len };
	int bits = window_bits(len);
	Bytef *tmp;
	uLong n;

	if (deflateInit2(&z, 6, Z_DEFLATED, bits, bits < MAX_WBITS ? bits - 7 : 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		abort();	/* only out of memory can do this */
	n = deflateBound(&z, (uLong)len);
	tmp = xmalloc(n);
	z.next_out = tmp;
	z.avail_out = (uInt)n;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	buf_add(out, tmp, n - z.avail_out);
	deflateEnd(&z);
	free(tmp);
}

static int inflate_all(z_stream *z, size_t max, struct buf *out, struct err *err)
{
	char chunk[16384];
	int r;

	do {
		z->next_out = (Bytef *)chunk;
		z->avail_out = sizeof(chunk);
		r = inflate(z, Z_NO_FLUSH);
		if (r != Z_OK && r != Z_STREAM_END)
			return err_set(err, ERR_INVALID,
				       "compressed data is damaged or cut");
		if (z->total_out > max)
			return err_set(err, ERR_LIMIT,
				       "compressed data grows over %zu bytes", max);
		buf_add(out, chunk, sizeof(chunk) - z->avail_out);
	} while (r != Z_STREAM_END);
	return 0;
}

int zip_inflate(const void *data, size_t len, size_t max, struct buf *out,
		struct err *err)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)data,
		       .avail_in = (uInt)len };
	int r;

	if (inflateInit2(&z, 0) != Z_OK)	/* the window that it was packed with */
		abort();
	r = inflate_all(&z, max, out, err);
	if (!r && z.avail_in)
		r = err_set(err, ERR_INVALID, "compressed data has %u bytes too many",
			    z.avail_in);
	inflateEnd(&z);
	return r;
}
