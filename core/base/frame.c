/*
 * Frames between the daemon and its workers: length, type, payload.
 *
 * Both ends trust the bytes of the other as little as the network's: the length
 * is checked against the caller's cap before anything waits for that many.
 */
#include "core/frame.h"

#include "core/doc.h"
#include "core/mem.h"

#define HEAD 5

void frame_write(struct buf *out, char type, const void *data, size_t len)
{
	unsigned char head[HEAD] = {
		(unsigned char)(len >> 24), (unsigned char)(len >> 16),
		(unsigned char)(len >> 8), (unsigned char)len,
		(unsigned char)type,
	};

	if (len > UINT32_MAX)
		abort();
	buf_add(out, head, sizeof(head));
	buf_add(out, data, len);
}

static bool type_known(char type)
{
	return type == FRAME_REQUEST || type == FRAME_ANSWER ||
	       type == FRAME_ERROR;
}

int frame_read(const char *bytes, size_t n, size_t max, char *type,
	       const char **data, size_t *len, size_t *used, struct err *err)
{
	const unsigned char *b = (const unsigned char *)bytes;
	size_t want;

	/* The type may be wrong before the length is even complete. */
	if (n >= HEAD && !type_known(bytes[4]))
		return err_set(err, ERR_INTERNAL,
			       "not a frame: its type is 0x%02x", b[4]);
	if (n < 4)
		return 0;
	want = (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 |
	       b[3];
	if (want > max)
		return err_set(err, ERR_LIMIT, "a frame of %zu bytes; the cap "
			       "is %zu", want, max);
	if (n < HEAD + want)
		return 0;
	*type = bytes[4];
	*data = bytes + HEAD;
	*len = want;
	*used = HEAD + want;
	return 1;
}

void frame_error_encode(const struct err *e, struct buf *out)
{
	buf_adds(out, "{\"code\":");
	doc_write_str(out, err_code_str(e->code));
	buf_addf(out, ",\"retry\":%s,\"message\":", e->retry ? "true" : "false");
	doc_write_str(out, e->msg);
	buf_addc(out, '}');
}

static enum err_code code_of(const char *name)
{
	for (int i = ERR_NONE + 1; name && i < ERR_CODE_N; i++)
		if (!strcmp(name, err_code_str((enum err_code)i)))
			return (enum err_code)i;
	return ERR_INTERNAL;
}

void frame_error_decode(const char *data, size_t len, struct err *e)
{
	_cleanup_json_ json_t *j = doc_parse(data, len, NULL);
	const char *msg = doc_get_str(j, "message", NULL);

	if (!json_is_object(j) || !msg) {
		err_set(e, ERR_INTERNAL, "an error that cannot be read");
		return;
	}
	err_set(e, code_of(doc_get_str(j, "code", NULL)), "%s", msg);
	e->retry = doc_get_bool(j, false, "retry", NULL);
}
