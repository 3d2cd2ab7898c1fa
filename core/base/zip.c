#include "core/zip.h"

#include "core/mem.h"

#include <zlib.h>

void zip_deflate(const void *data, size_t len, struct buf *out)
{
	uLongf n = compressBound((uLong)len);
	Bytef *tmp = xmalloc(n);

	if (compress2(tmp, &n, data, (uLong)len, 6) != Z_OK)
		abort();	/* only out of memory can do this */
	buf_add(out, tmp, n);
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

	if (inflateInit(&z) != Z_OK)
		abort();
	r = inflate_all(&z, max, out, err);
	if (!r && z.avail_in)
		r = err_set(err, ERR_INVALID, "compressed data has %u bytes too many",
			    z.avail_in);
	inflateEnd(&z);
	return r;
}
