/*
 * escapes.c - "\'" in a double-quoted text: go-yaml's alone, libyaml does not know it.
 *
 * Only a reader of YAML knows where a double-quoted text is. So, where libyaml has
 * stumbled, it is given the text once more with each such pair hidden behind one
 * character that does not occur in it, and what it then reads has the pair put back,
 * or resolved. A "\'" may also end a single-quoted text, which then goes on to the
 * next quote: such a text shows that a pair is in it, and is refused.
 */
#include <stdio.h>

#include "yaml_priv.h"

/* Two bytes of UTF-8, as the pair is: U+0750 to U+077f. */
#define FIRST_BYTE '\xdd'
#define SECOND_BYTE_MIN 0x90
#define SECOND_BYTE_MAX 0xbf

/* One that is not in the text, nor written as an escape: "\u0750". */
static bool pick(const char *text, size_t len, char out[3])
{
	for (unsigned b = SECOND_BYTE_MIN; b <= SECOND_BYTE_MAX; b++) {
		char upper[4], lower[4];

		snprintf(upper, sizeof(upper), "%X", 0x750 + b - SECOND_BYTE_MIN);
		snprintf(lower, sizeof(lower), "%x", 0x750 + b - SECOND_BYTE_MIN);
		out[0] = FIRST_BYTE;
		out[1] = (char)b;
		out[2] = '\0';
		if (!memmem(text, len, out, 2) && !memmem(text, len, upper, 3) &&
		    !memmem(text, len, lower, 3))
			return true;
	}
	return false;
}

static bool is_utf16(const char *text, size_t len)
{
	return len >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2));
}

bool escapes_hide(struct escapes *e, const char *text, size_t len)
{
	bool any = false;

	if (is_utf16(text, len) || !pick(text, len, e->hidden))
		return false;
	e->text = xstrndup(text, len);
	for (size_t i = 0; i + 1 < len; i++) {
		if (e->text[i] != '\\')
			continue;
		if (e->text[i + 1] == '\'') {
			memcpy(e->text + i, e->hidden, 2);
			any = true;
		}
		i++;
	}
	return any;
}

void escapes_deinit(struct escapes *e)
{
	free(e->text);
	*e = (struct escapes){ 0 };
}

bool escapes_show(const struct escapes *e, char *text, size_t *len,
		  enum node_style style)
{
	char *to = text;

	if (!e->text)
		return true;
	for (size_t i = 0; i < *len; i++) {
		if (memcmp(text + i, e->hidden, 2) != 0) {
			*to++ = text[i];
			continue;
		}
		if (style == NODE_SINGLE)
			return false;
		if (style != NODE_DOUBLE)
			*to++ = '\\';
		*to++ = '\'';
		i++;
	}
	*to = '\0';
	*len = (size_t)(to - text);
	return true;
}
