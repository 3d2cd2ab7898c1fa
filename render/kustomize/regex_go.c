/*
 * regex_go.c - Go's regular expressions in PCRE2's syntax (regexp/syntax, flags Perl).
 *
 * A pass from left to right. What both read alike is copied; classes, escapes and
 * assertions are spelled out where they differ: \s has no vertical tab in Go, \z and
 * (?m) differ in where they match, \12 is octal. Groups capture nothing here: only
 * whether a text matches is asked. Everything that PCRE2 has and Go has not is an
 * error, by what is accepted: an expression that passes means the same in both.
 */
#include <ctype.h>

#include "core/utf8.h"
#include "regex_priv.h"

#define GROUPS_MAX 200		/* PCRE2 allows 250 within each other */
#define REPEAT_MAX 1000u	/* also of repetitions within each other */

struct group {
	uint32_t repeats;	/* the most that something in it is repeated */
	bool has_atom;		/* there is something to repeat */
};

struct go {
	const char *at;
	struct buf *out;
	struct err *err;
	struct group groups[GROUPS_MAX + 1];
	size_t depth;
	uint32_t atom;		/* how often the last atom's inside is repeated */
	bool repeated;		/* the last thing was a repetition */
};

static int refuse(struct go *g, const char *at, const char *why)
{
	return err_set(g->err, ERR_INVALID, "regular expression: %s at '%.40s'", why, at);
}

static void begin_atom(struct go *g)
{
	g->groups[g->depth].has_atom = true;
	g->atom = 1;
	g->repeated = false;
}

static void put_rune(struct go *g, uint32_t c)
{
	buf_addf(g->out, "\\x{%x}", c);
}

/* One character of valid UTF-8; the pattern is checked beforehand. */
static uint32_t next_rune(struct go *g)
{
	static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	size_t n = utf8_len(g->at, strlen(g->at));
	uint32_t c = (unsigned char)*g->at & masks[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)g->at[i] & 0x3f);
	g->at += n;
	return c;
}

/* --- escapes ------------------------------------------------------------------------ */

static int hex_escape(struct go *g, const char *start, uint32_t *ret)
{
	bool braces = *g->at == '{';
	int digits = 0;

	*ret = 0;
	g->at += braces;
	for (; isxdigit((unsigned char)*g->at) && (braces || digits < 2); digits++) {
		char digit[] = { *g->at++, '\0' };

		*ret = *ret * 16 + (uint32_t)strtoul(digit, NULL, 16);
		if (*ret > 0x10ffff)
			return refuse(g, start, "no such character");
	}
	if (braces ? !digits || *g->at != '}' : digits != 2)
		return refuse(g, start, "not a hexadecimal escape");
	g->at += braces;
	return 0;
}

static void octal_escape(struct go *g, uint32_t *ret)
{
	*ret = 0;
	for (int i = 0; i < 3 && *g->at >= '0' && *g->at <= '7'; i++)
		*ret = *ret * 8 + (uint32_t)(*g->at++ - '0');
}

/* A backslash and what follows, as one character; g->at is behind the backslash. */
static int char_escape(struct go *g, uint32_t *ret)
{
	static const char names[] = "afnrtv", values[] = "\a\f\n\r\t\v";
	const char *start = g->at - 1, *name;

	if (!*g->at)
		return refuse(g, start, "a backslash at the end");
	if (*g->at == '0' || (*g->at >= '1' && *g->at <= '7' && g->at[1] >= '0' &&
			      g->at[1] <= '7')) {
		octal_escape(g, ret);
		return 0;
	}
	if (*g->at == 'x') {
		g->at++;
		return hex_escape(g, start, ret);
	}
	name = strchr(names, *g->at);
	if (name) {
		*ret = (unsigned char)values[name - names];
		g->at++;
		return 0;
	}
	if ((unsigned char)*g->at >= 0x80 || isalnum((unsigned char)*g->at))
		return refuse(g, start, "an escape that Go has not");
	*ret = (unsigned char)*g->at++;
	return 0;
}

/* \p{Name}, \pL and their negations; g->at is at the p. 1: it was one. */
static int unicode_class(struct go *g)
{
	const char *start = g->at - 1, *end;

	if (*g->at != 'p' && *g->at != 'P')
		return 0;
	end = g->at[1] == '{' ? g->at + 2 + strcspn(g->at + 2, "}") : g->at + 1;
	if (g->at[1] == '{' ? !*end || end == g->at + 2 : !isalpha((unsigned char)*end))
		return refuse(g, start, "not a character class");
	for (const char *c = g->at + 2; c < end; c++) {
		if (!isalnum((unsigned char)*c) && *c != '_' &&
		    !(*c == '^' && c == g->at + 2))
			return refuse(g, start, "not a character class");
	}
	buf_add(g->out, start, (size_t)(end + 1 - start));
	g->at = end + 1;
	return 1;
}

/* \d and its kin, in or outside of brackets. 1: it was one. */
static int perl_class(struct go *g, bool in_brackets)
{
	switch (*g->at) {
	case 'd': case 'D': case 'w': case 'W':
		buf_addf(g->out, "\\%c", *g->at);
		break;
	case 's':
		buf_adds(g->out, in_brackets ? "\\t\\n\\f\\r\\x20" : "[\\t\\n\\f\\r\\x20]");
		break;
	case 'S':
		buf_adds(g->out, in_brackets ? "\\S\\x0b" : "[^\\t\\n\\f\\r\\x20]");
		break;
	default:
		return 0;
	}
	g->at++;
	return 1;
}

/* Assertions are put in groups: Go lets them be repeated. */
static bool assertion(struct go *g)
{
	if (!*g->at || !strchr("AbBz", *g->at))
		return false;
	buf_addf(g->out, "(?:\\%c)", *g->at++);
	return true;
}

static void quoted(struct go *g)
{
	for (g->at++; *g->at && !(g->at[0] == '\\' && g->at[1] == 'E');) {
		put_rune(g, next_rune(g));
		begin_atom(g);
	}
	g->at += *g->at ? 2 : 0;
}

static int escape(struct go *g)
{
	uint32_t c;
	int r;

	g->at++;
	if (*g->at == 'Q') {
		quoted(g);
		return 0;
	}
	begin_atom(g);
	if (assertion(g))
		return 0;
	r = unicode_class(g);
	if (!r)
		r = perl_class(g, false);
	if (r)
		return r < 0 ? -1 : 0;
	if (char_escape(g, &c) < 0)
		return -1;
	put_rune(g, c);
	return 0;
}

/* --- brackets ----------------------------------------------------------------------- */

/* [:alpha:] within brackets. 1: it was one. */
static int posix_class(struct go *g)
{
	static const char *const names[] = { "alnum", "alpha", "ascii", "blank", "cntrl",
					     "digit", "graph", "lower", "print", "punct",
					     "space", "upper", "word", "xdigit" };
	const char *name = g->at + 2, *end;
	size_t len;

	if (g->at[0] != '[' || g->at[1] != ':')
		return 0;
	end = strstr(name, ":]");
	if (!end)
		return 0;
	name += *name == '^';
	len = (size_t)(end - name);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strlen(names[i]) != len || memcmp(names[i], name, len) != 0)
			continue;
		buf_add(g->out, g->at, (size_t)(end + 2 - g->at));
		g->at = end + 2;
		return 1;
	}
	return refuse(g, g->at, "no such class");
}

static int class_char(struct go *g, uint32_t *ret)
{
	if (*g->at != '\\') {
		*ret = next_rune(g);
		return 0;
	}
	g->at++;
	return char_escape(g, ret);
}

static int class_range(struct go *g)
{
	const char *start = g->at;
	uint32_t low, high;

	if (class_char(g, &low) < 0)
		return -1;
	high = low;
	if (g->at[0] == '-' && g->at[1] && g->at[1] != ']') {
		g->at++;
		if (class_char(g, &high) < 0)
			return -1;
	}
	if (high < low)
		return refuse(g, start, "a range that ends before it begins");
	put_rune(g, low);
	if (high > low) {
		buf_addc(g->out, '-');
		put_rune(g, high);
	}
	return 0;
}

static int class_item(struct go *g)
{
	int r = posix_class(g);

	if (!r && *g->at == '\\') {
		g->at++;
		r = unicode_class(g);
		if (!r)
			r = perl_class(g, true);
		g->at -= !r;
	}
	if (r)
		return r < 0 ? -1 : 0;
	return class_range(g);
}

static int brackets(struct go *g)
{
	const char *start = g->at++;

	begin_atom(g);
	buf_addc(g->out, '[');
	if (*g->at == '^') {
		buf_addc(g->out, '^');
		g->at++;
	}
	for (bool first = true; first || *g->at != ']'; first = false) {
		if (!*g->at)
			return refuse(g, start, "a missing ]");
		if (class_item(g) < 0)
			return -1;
	}
	g->at++;
	buf_addc(g->out, ']');
	return 0;
}

/* --- groups ------------------------------------------------------------------------- */

static int open_group(struct go *g)
{
	if (g->depth == GROUPS_MAX)
		return err_set(g->err, ERR_LIMIT, "regular expression: more than %d groups "
			       "within each other", GROUPS_MAX);
	g->groups[++g->depth] = (struct group){ .repeats = 1 };
	g->repeated = false;
	return 0;
}

static int close_group(struct go *g)
{
	uint32_t repeats = g->groups[g->depth].repeats;

	if (!g->depth)
		return refuse(g, g->at, "a ) without its (");
	g->depth--;
	g->at++;
	buf_addc(g->out, ')');
	begin_atom(g);
	g->atom = repeats;
	return 0;
}

/* (?P<name> and (?<name> */
static int named_group(struct go *g, const char *start)
{
	size_t len = strspn(g->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_");

	if (!len || g->at[len] != '>')
		return refuse(g, start, "not a group's name");
	g->at += len + 1;
	buf_adds(g->out, "(?:");
	return open_group(g);
}

/* (?i), (?i:, (?-s, (?: */
static int flags(struct go *g, const char *start)
{
	const char *from = g->at;
	bool minus = false, any = false;

	for (; *g->at && *g->at != ')' && *g->at != ':'; g->at++) {
		if (*g->at == '-' && !minus) {
			minus = true;
			any = false;
		} else if (strchr("imsU", *g->at)) {
			any = true;
		} else {
			return refuse(g, start, "a group that Go has not");
		}
	}
	if (!*g->at || (minus && !any))
		return refuse(g, start, "a group that Go has not");
	buf_adds(g->out, "(?");
	buf_add(g->out, from, (size_t)(g->at - from));
	buf_addc(g->out, *g->at);
	if (*g->at++ == ':')
		return open_group(g);
	g->groups[g->depth].has_atom = false;
	return 0;
}

static int group(struct go *g)
{
	const char *start = g->at++;

	if (*g->at != '?') {
		buf_adds(g->out, "(?:");
		return open_group(g);
	}
	g->at++;
	if (strncmp(g->at, "P<", 2) == 0) {
		g->at += 2;
		return named_group(g, start);
	}
	if (*g->at == '<' && g->at[1] != '=' && g->at[1] != '!') {
		g->at++;
		return named_group(g, start);
	}
	return flags(g, start);
}

/* --- repetition --------------------------------------------------------------------- */

/* A number without leading zeros; too large a one is one too many. */
static bool number(const char **at, uint32_t *ret)
{
	size_t len = strspn(*at, "0123456789");

	if (!len || (len > 1 && **at == '0'))
		return false;
	*ret = len > 8 ? REPEAT_MAX + 1 : (uint32_t)strtoul(*at, NULL, 10);
	*at += len;
	return true;
}

/* {2}, {2,}, {2,3}; false: just a brace. *max is UINT32_MAX where there is none. */
static bool counts(struct go *g, uint32_t *min, uint32_t *max)
{
	const char *at = g->at + 1;

	if (!number(&at, min))
		return false;
	*max = *min;
	if (*at == ',') {
		at++;
		*max = UINT32_MAX;
		if (*at != '}' && !number(&at, max))
			return false;
	}
	if (*at != '}')
		return false;
	g->at = at + 1;
	return true;
}

static int repeat(struct go *g, const char *start, uint32_t times)
{
	struct group *in = &g->groups[g->depth];

	if (g->repeated)
		return refuse(g, start, "a repetition of a repetition");
	if (!in->has_atom)
		return refuse(g, start, "nothing to repeat");
	g->at += *g->at == '?';
	buf_add(g->out, start, (size_t)(g->at - start));
	if (times > 1 && g->atom * times > REPEAT_MAX)
		return refuse(g, start, "too many repetitions");
	g->atom *= times;
	if (g->atom > in->repeats)
		in->repeats = g->atom;
	g->repeated = true;
	return 0;
}

static int counted(struct go *g)
{
	const char *start = g->at;
	uint32_t min, max;

	if (!counts(g, &min, &max)) {
		begin_atom(g);
		put_rune(g, (unsigned char)*g->at++);
		return 0;
	}
	if (min > REPEAT_MAX || (max != UINT32_MAX && (max > REPEAT_MAX || max < min)))
		return refuse(g, start, "not a count of repetitions");
	return repeat(g, start, max == UINT32_MAX ? min : max);
}

/* --- all ---------------------------------------------------------------------------- */

static int plain(struct go *g)
{
	begin_atom(g);
	if (isalnum((unsigned char)*g->at) || strchr("-_/:@", *g->at))
		buf_addc(g->out, *g->at++);
	else
		put_rune(g, next_rune(g));
	return 0;
}

static int step(struct go *g)
{
	const char *start = g->at;

	switch (*g->at) {
	case '\\':
		return escape(g);
	case '[':
		return brackets(g);
	case '(':
		return group(g);
	case ')':
		return close_group(g);
	case '{':
		return counted(g);
	case '*': case '+': case '?':
		g->at++;
		return repeat(g, start, 1);
	case '|':
		buf_addc(g->out, *g->at++);
		g->groups[g->depth].has_atom = false;
		g->repeated = false;
		return 0;
	case '.':
		begin_atom(g);
		buf_addc(g->out, *g->at++);
		return 0;
	case '^': case '$':
		begin_atom(g);
		g->at++;
		/* PCRE2 sees an anchor where it stands alone, and repeats it in a group. */
		buf_addf(g->out, *g->at && strchr("*+?{", *g->at) ? "(?:%c)" : "%c", *start);
		return 0;
	default:
		return plain(g);
	}
}

int regex_translate(const char *go, struct buf *out, struct err *err)
{
	struct go g = { .at = go, .out = out, .err = err };
	size_t len = strlen(go);
	int r = 0;

	if (len > REGEX_LEN_MAX)
		return err_set(err, ERR_LIMIT, "regular expression of %zu bytes; the most "
			       "are %zu", len, REGEX_LEN_MAX);
	if (!utf8_valid(go, len))
		return err_set(err, ERR_INVALID, "regular expression: not UTF-8");
	g.groups[0].repeats = 1;
	while (r == 0 && *g.at)
		r = step(&g);
	if (r == 0 && g.depth)
		r = refuse(&g, go, "a ( without its )");
	return r;
}
