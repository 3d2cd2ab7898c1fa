/*
 * Armor and packet headers (RFC 4880, 4.2, 5.2.3 and 6.2), just enough to know that there
 * is one detached signature and nothing else before a library reads it. The armor's
 * checksum is not looked at: the signature is one.
 */
#include "packet.h"

#include <string.h>

#include "core/doc.h"

#define TAG_SIGNATURE 2
#define VERSION 4
#define OF_BYTES 0x00	/* 5.2.1: of a binary document, as git asks for */

static const char *next_line(const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));

	return nl ? nl + 1 : end;
}

/* Length of the line at p without its end and blanks before that. */
static size_t line_len(const char *p, const char *next)
{
	while (next > p && strchr("\r\n \t", next[-1]))
		next--;
	return (size_t)(next - p);
}

static bool begins(const char *p, size_t n, const char *with)
{
	return n >= strlen(with) && !memcmp(p, with, strlen(with));
}

/* The base64 text between the armor's headers and its checksum or end. */
static int read_armor(const char *p, const char *end, struct buf *text, struct err *err)
{
	bool in_headers = true;
	size_t n;

	p = next_line(p, end);		/* BEGIN */
	for (const char *next; p < end; p = next) {
		next = next_line(p, end);
		n = line_len(p, next);
		if (begins(p, n, "-----END "))
			return line_len(next, end) ? err_set(err, ERR_INVALID,
				"something stands behind it") : 0;
		if (in_headers) {
			in_headers = n > 0;
			continue;
		}
		if (n && !(n == 5 && *p == '='))
			buf_add(text, p, n);
	}
	return err_set(err, ERR_INVALID, "its end is missing");
}

/* Where the packet's body begins, and its length; -1. */
static int read_header(const unsigned char *p, size_t n, size_t *at, size_t *len)
{
	size_t octets;

	if (n < 6 || !(p[0] & 0x80))
		return -1;
	if (!(p[0] & 0x40)) {		/* old format: 1, 2 or 4 octets */
		octets = (size_t)1 << (p[0] & 3);
		if (octets > 4)
			return -1;
		*len = 0;
		for (size_t i = 1; i <= octets; i++)
			*len = *len << 8 | p[i];
		*at = 1 + octets;
		return 0;
	}
	if (p[1] < 192) {
		*len = p[1];
		*at = 2;
	} else if (p[1] < 224) {
		*len = (((size_t)p[1] - 192) << 8) + p[2] + 192;
		*at = 3;
	} else if (p[1] == 255) {
		*len = (size_t)p[2] << 24 | (size_t)p[3] << 16 | (size_t)p[4] << 8 | p[5];
		*at = 6;
	} else {
		return -1;		/* in parts: no signature is */
	}
	return 0;
}

static int check_packet(const unsigned char *p, size_t n, struct err *err)
{
	size_t at, len;

	if ((p[0] & 0x40 ? p[0] & 0x3f : p[0] >> 2 & 0xf) != TAG_SIGNATURE)
		return err_set(err, ERR_INVALID, "it is no detached signature");
	if (read_header(p, n, &at, &len) || len < 4 || len > n - at)
		return err_set(err, ERR_INVALID, "no OpenPGP packet is in it");
	if (len != n - at)
		return err_set(err, ERR_INVALID, "there is more than one signature in it");
	if (p[at] != VERSION)
		return err_set(err, ERR_INVALID, "version %u of a signature, and %d is read",
			       p[at], VERSION);
	if (p[at + 1] != OF_BYTES)
		return err_set(err, ERR_INVALID, "a signature of type 0x%02x, and git's are "
			       "0x00", p[at + 1]);
	return 0;
}

int packet_signature(const char *armor, size_t len, struct buf *out, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_buf_ struct buf bytes = BUF_INIT;

	if (read_armor(armor, armor + len, &text, err))
		return -1;
	if (b64_decode(buf_str(&text), text.len, &bytes) || !bytes.len)
		return err_set(err, ERR_INVALID, "its base64 is broken");
	if (check_packet((const unsigned char *)bytes.data, bytes.len, err))
		return -1;
	buf_add(out, bytes.data, bytes.len);
	return 0;
}
