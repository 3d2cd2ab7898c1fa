#include "unzipped.h"

#include <string.h>
#include <zlib.h>

#include "core/doc.h"

#define DEPTH 4			/* a record, its release, a chunk of that, and one more */
#define STREAM_MAX ((size_t)16 << 20)

/* The stream that begins there; how much of the input it is, 0: there is none. */
static size_t inflate_at(const unsigned char *at, size_t len, struct buf *out)
{
	unsigned char piece[4096];
	z_stream z = { .next_in = (unsigned char *)at, .avail_in = (unsigned)len };
	int rc = Z_OK;

	/* RFC 1950: deflate, with a window of up to 32 KiB. */
	if (len < 2 || (at[0] & 0x8f) != 0x08 || (at[0] << 8 | at[1]) % 31 ||
	    inflateInit(&z) != Z_OK)
		return 0;
	while (rc == Z_OK && out->len < STREAM_MAX) {
		z.next_out = piece;
		z.avail_out = sizeof(piece);
		rc = inflate(&z, Z_NO_FLUSH);
		buf_add(out, piece, sizeof(piece) - z.avail_out);
	}
	inflateEnd(&z);
	return rc == Z_STREAM_END ? (size_t)z.total_in : 0;
}

static void add_all(const void *data, size_t len, unsigned depth, struct buf *out)
{
	const unsigned char *at = data;

	buf_add(out, data, len);
	buf_addc(out, '\n');
	for (size_t i = 0; depth && i < len; i++) {
		_cleanup_buf_ struct buf inner = BUF_INIT;
		size_t took = inflate_at(at + i, len - i, &inner);

		if (!took)
			continue;
		add_all(inner.data, inner.len, depth - 1, out);
		i += took - 1;
	}
}

static void add_secret(const json_t *secret, struct buf *out)
{
	const char *key;
	json_t *value;

	json_object_foreach(json_object_get(secret, "data"), key, value) {
		const char *text = json_string_value(value);
		_cleanup_buf_ struct buf bytes = BUF_INIT;

		if (text && b64_decode(text, strlen(text), &bytes) == 0)
			add_all(bytes.data, bytes.len, DEPTH, out);
	}
}

void unzipped(const char *json, size_t len, struct buf *out)
{
	json_t *doc = doc_parse(json, len, NULL), *item;
	size_t i;

	add_secret(doc, out);
	json_array_foreach(json_object_get(doc, "items"), i, item)
		add_secret(item, out);
	json_decref(doc);
}
