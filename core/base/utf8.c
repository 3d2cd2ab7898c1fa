/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates. Pure. */
#include "core/utf8.h"

#include "core/buf.h"
#include "core/mem.h"

size_t utf8_len(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t want = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 :
		      s[0] >= 0xe0 && s[0] < 0xf0 ? 3 :
		      s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;

	if (!want || want > n)
		return 0;
	for (size_t i = 1; i < want; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;	/* overlong, surrogate, beyond U+10FFFF */
	return want;
}

bool utf8_valid(const char *s, size_t n)
{
	for (size_t i = 0, len; i < n; i += len) {
		len = utf8_len(s + i, n - i);
		if (!len)
			return false;
	}
	return true;
}

char *utf8_clean(const char *s, size_t max)
{
	struct buf out = BUF_INIT;
	size_t n = s ? strlen(s) : 0;

	for (size_t i = 0; i < n;) {
		size_t len = utf8_len(s + i, n - i);
		const char *what = len ? s + i : "\xef\xbf\xbd";
		size_t size = len ? len : 3;

		if (len == 1 && ((unsigned char)s[i] < 0x20 || s[i] == 0x7f))
			what = " ";
		if (out.len + size > max)
			break;
		buf_add(&out, what, size);
		i += len ? len : 1;
	}
	return buf_steal(&out, NULL);
}
