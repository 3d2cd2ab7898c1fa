/*
 * Backtracking, with a budget of steps: a pattern that would take for ever says
 * "cannot tell", and the caller refuses.
 */
#include "glob.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define BUDGET 100000

struct glob {
	char sep;
	unsigned budget;
};

static int match(struct glob *g, const char *p, const char *s);

/* p is behind the stars. */
static int match_run(struct glob *g, const char *p, const char *s, bool any)
{
	for (;; s++) {
		int r = match(g, p, s);

		if (r)
			return r;
		if (!*s || (!any && g->sep && *s == g->sep))
			return 0;
	}
}

/* The character that ends the bracket or brace opened at p, or NULL. */
static const char *closing(const char *p, char open, char close)
{
	int depth = 0;

	for (; *p; p++) {
		if (*p == '\\' && p[1])
			p++;
		else if (*p == open)
			depth++;
		else if (*p == close && --depth == 0)
			return p;
	}
	return NULL;
}

static int match_class(struct glob *g, const char *p, const char *s)
{
	const char *end = strchr(p + 1, ']');
	bool negated = p[1] == '!' || p[1] == '^', in = false;

	if (!end)
		return -1;
	if (!*s || (g->sep && *s == g->sep))
		return 0;
	for (const char *c = p + 1 + negated; c < end; c++) {
		if (c[1] == '-' && c + 2 < end) {
			in |= *s >= c[0] && *s <= c[2];
			c += 2;
		} else {
			in |= *s == *c;
		}
	}
	return in == negated ? 0 : match(g, end + 1, s + 1);
}

/* Each alternative is written before the rest of the pattern, then matched. */
static int match_either(struct glob *g, const char *p, const char *s)
{
	const char *end = closing(p, '{', '}');
	const char *from = p + 1;
	char whole[GLOB_MAX + 1];
	int depth = 0;

	if (!end)
		return -1;
	for (const char *c = from; c <= end; c++) {
		int r;

		depth += (*c == '{') - (*c == '}' && c < end);
		if (c < end && (*c != ',' || depth))
			continue;
		snprintf(whole, sizeof(whole), "%.*s%s", (int)(c - from), from,
			 end + 1);
		r = match(g, whole, s);
		if (r)
			return r;
		from = c + 1;
	}
	return 0;
}

/* One character of UTF-8 on. */
static const char *step(const char *s)
{
	for (s++; ((unsigned char)*s & 0xc0) == 0x80; s++)
		;
	return s;
}

static int match(struct glob *g, const char *p, const char *s)
{
	for (;; p++, s++) {
		if (!g->budget || !g->budget--)
			return -1;
		switch (*p) {
		case '\0':
			return !*s;
		case '*':
			return match_run(g, p + strspn(p, "*"), s, p[1] == '*');
		case '[':
			return match_class(g, p, s);
		case '{':
			return match_either(g, p, s);
		case '?':
			if (!*s || (g->sep && *s == g->sep))
				return 0;
			s = step(s) - 1;
			break;
		case '\\':
			p += p[1] != '\0';
			/* fall through */
		default:
			if (*p != *s)
				return 0;
		}
	}
}

int glob_match(const char *pattern, const char *text, char sep)
{
	struct glob g = { .sep = sep, .budget = BUDGET };

	if (strlen(pattern) > GLOB_MAX)
		return -1;
	return match(&g, pattern, text);
}

/* ---- filepath.Match ---- */

/* The next character of a class, *p behind it; -1: it is not well formed. */
static int class_char(const char **p)
{
	int c = (unsigned char)**p;

	if (!c || c == '-' || c == ']')
		return -1;
	if (c == '\\')
		c = (unsigned char)*++*p;
	if (!c)
		return -1;
	++*p;
	return c;
}

/* p is behind the "["; *ret_end behind the "]". */
static int in_class(const char *p, int c, const char **ret_end)
{
	bool negated = *p == '^', in = false;

	p += negated;
	do {
		int low = class_char(&p), high = low;

		if (low >= 0 && *p == '-') {
			p++;
			high = class_char(&p);
		}
		if (low < 0 || high < 0)
			return -1;
		in |= low <= c && c <= high;
	} while (*p != ']');
	*ret_end = p + 1;
	return in != negated;
}

static int match_kind(struct glob *g, const char *p, const char *s)
{
	for (int r;;) {
		if (!g->budget || !g->budget--)
			return -1;
		switch (*p) {
		case '\0':
			return !*s;
		case '*':
			for (p += strspn(p, "*");; s++) {
				r = match_kind(g, p, s);
				if (r || !*s || *s == '/')
					return r;
			}
		case '[':
			r = in_class(p + 1, (unsigned char)*s, &p);
			if (r < 0 || !r || !*s)
				return r < 0 ? -1 : 0;
			s++;
			continue;
		case '?':
			if (!*s || *s == '/')
				return 0;
			s = step(s);
			p++;
			continue;
		case '\\':
			if (!*++p)
				return -1;
			/* fall through */
		default:
			if (*p++ != *s++)
				return 0;
		}
	}
}

int glob_kind(const char *pattern, const char *text)
{
	struct glob g = { .budget = BUDGET };

	if (strlen(pattern) > GLOB_MAX)
		return -1;
	return match_kind(&g, pattern, text);
}

bool glob_is_wellformed(const char *p)
{
	if (strlen(p) > GLOB_MAX)
		return false;
	for (; *p; p++) {
		if (*p == '\\' && p[1])
			p++;
		else if (*p == '{' && !closing(p, '{', '}'))
			return false;
		else if (*p == '[' && !(p = strchr(p + 1, ']')))
			return false;
	}
	return true;
}
