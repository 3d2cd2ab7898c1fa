/* Strings are skipped as a whole, so that no brace inside one is taken for nesting. */
#include "scan.h"

#include <string.h>

int scan_peek(const struct scan *c)
{
	return c->i < c->n ? (unsigned char)c->s[c->i] : -1;
}

int scan_string(struct scan *c)
{
	if (scan_peek(c) != '"')
		return -1;
	for (c->i++; c->i < c->n; c->i++) {
		if (c->s[c->i] == '\\')
			c->i++;
		else if (c->s[c->i] == '"') {
			c->i++;
			return 0;
		}
	}
	return -1;
}

static int skip_literal(struct scan *c)
{
	size_t start = c->i;

	while (c->i < c->n && !memchr(",]}[{\": \n\r\t", c->s[c->i], 11))
		c->i++;
	return c->i > start ? 0 : -1;
}

/* Only nesting is counted. */
static int skip_nested(struct scan *c)
{
	size_t depth = 0;

	do {
		int ch = scan_peek(c);

		if (ch == '"') {
			if (scan_string(c))
				return -1;
			continue;
		}
		if (ch == '{' || ch == '[')
			depth++;
		else if (ch == '}' || ch == ']')
			depth--;
		else if (ch < 0)
			return -1;
		c->i++;
	} while (depth);
	return 0;
}

int scan_value(struct scan *c)
{
	int ch = scan_peek(c);

	if (ch == '{' || ch == '[')
		return skip_nested(c);
	return ch == '"' ? scan_string(c) : skip_literal(c);
}

/* Past the comma before what follows; 0 after `end`, 1 otherwise, -1. */
static int step(struct scan *c, bool first, int end)
{
	if (scan_peek(c) == end) {
		c->i++;
		return 0;
	}
	if (first)
		return scan_peek(c) < 0 ? -1 : 1;
	if (scan_peek(c) != ',')
		return -1;
	c->i++;
	return 1;
}

int scan_member(struct scan *c, bool first, const char **key, size_t *len)
{
	int r = step(c, first, '}');
	size_t start = c->i;

	if (r != 1)
		return r;
	if (scan_string(c) || scan_peek(c) != ':')
		return -1;
	*key = c->s + start + 1;
	*len = c->i - start - 2;
	c->i++;
	return 1;
}

int scan_item(struct scan *c, bool first)
{
	return step(c, first, ']');
}
