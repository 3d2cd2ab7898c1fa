/*
 * A range is read by hand, clause by clause: operator, version with wildcards, and
 * a comma or space before the next. What each operator means when numbers are left
 * out follows the library that Argo CD uses, odd corners included: the tests hold
 * its answers.
 */
#include "core/semver.h"

#include <ctype.h>
#include <string.h>

enum { EQUAL, NOT_EQUAL, GREATER, LESS, AT_LEAST, AT_MOST, TILDE, CARET };

/* Longest first. */
static const struct {
	const char *text;
	int op;
} ops[] = {
	{ "!=", NOT_EQUAL }, { ">=", AT_LEAST }, { "=>", AT_LEAST },
	{ "<=", AT_MOST }, { "=<", AT_MOST }, { "~>", TILDE }, { "~", TILDE },
	{ "^", CARET }, { ">", GREATER }, { "<", LESS }, { "=", EQUAL },
};

/* ---- versions ---- */

static bool is_ident(char c)
{
	return isalnum((unsigned char)c) || c == '-';
}

/* "a.b.c" after its '-' or '+': its length, 0 if there is none. */
static size_t idents(const char *s)
{
	size_t n = 0;

	for (;;) {
		size_t from = n;

		while (is_ident(s[n]))
			n++;
		if (n == from)
			return from ? from - 1 : 0;	/* without the last dot */
		if (s[n] != '.')
			return n;
		n++;
	}
}

/* One part of a prerelease: digits only, without needless zeros, are a number. */
static bool part_is_number(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isdigit((unsigned char)s[i]))
			return false;
	return len > 0;
}

static size_t part_len(const char *s, size_t len)
{
	const char *dot = memchr(s, '.', len);

	return dot ? (size_t)(dot - s) : len;
}

static bool pre_is_valid(const char *s, size_t len)
{
	while (len) {
		size_t n = part_len(s, len);

		if (n > 1 && *s == '0' && part_is_number(s, n))
			return false;
		s += n;
		len -= n;
		s += len > 0;
		len -= len > 0;
	}
	return true;
}

static bool number(const char *s, size_t len, uint64_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned d = (unsigned)(s[i] - '0');

		if (d > 9 || *ret > (UINT64_MAX - d) / 10)
			return false;
		*ret = *ret * 10 + d;
	}
	return len > 0;
}

/* "-pre" and "+build" at s, as far as there are; returns where they end. */
static const char *take_tail(struct semver *v, const char *s)
{
	size_t n = *s == '-' ? idents(s + 1) : 0;

	v->pre = s + 1;
	v->pre_len = n;
	s += n ? n + 1 : 0;
	n = *s == '+' ? idents(s + 1) : 0;
	return s + (n ? n + 1 : 0);
}

int semver_parse(struct semver *v, const char *text)
{
	const char *s = text + (*text == 'v');

	*v = (struct semver){ .pre = "" };
	for (int i = 0; i < 3; i++) {
		const char *at = i ? s + 1 : s;
		size_t n = i && *s != '.' ? 0 : strspn(at, "0123456789");

		if (!n && i)
			break;
		if (!number(at, n, &v->n[i]))
			return -1;
		s = at + n;
	}
	s = take_tail(v, s);
	return *s || !pre_is_valid(v->pre, v->pre_len) ? -1 : 0;
}

static int cmp_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int cmp_bytes(const char *a, size_t an, const char *b, size_t bn)
{
	int c = memcmp(a, b, an < bn ? an : bn);

	return c ? c : cmp_numbers(an, bn);
}

/* Numbers by value and before words; words by their bytes. */
static int cmp_part(const char *a, size_t an, const char *b, size_t bn)
{
	uint64_t x, y;
	bool a_number = number(a, an, &x), b_number = number(b, bn, &y);

	if (!an || !bn)
		return cmp_numbers(an, bn);
	if (a_number && b_number)
		return cmp_numbers(x, y);
	if (a_number || b_number)
		return a_number ? -1 : 1;
	return cmp_bytes(a, an, b, bn);
}

static int cmp_pre(const char *a, size_t an, const char *b, size_t bn)
{
	while (an || bn) {
		size_t x = part_len(a, an), y = part_len(b, bn);
		int c = cmp_part(a, x, b, y);

		if (c)
			return c;
		x += x < an;
		y += y < bn;
		a += x;
		an -= x;
		b += y;
		bn -= y;
	}
	return 0;
}

int semver_cmp(const struct semver *a, const struct semver *b)
{
	for (int i = 0; i < 3; i++)
		if (a->n[i] != b->n[i])
			return cmp_numbers(a->n[i], b->n[i]);
	if (!a->pre_len || !b->pre_len)
		return cmp_numbers(!a->pre_len, !b->pre_len);
	return cmp_pre(a->pre, a->pre_len, b->pre, b->pre_len);
}

/* ---- reading a range ---- */

struct reader {
	const char *s;
	struct semver_range *r;
	unsigned group;
};

static void skip_spaces(struct reader *in)
{
	in->s += strspn(in->s, " ");
}

static size_t number_len(const char *s)
{
	return strspn(s, "0123456789xX*");
}

/* "*" and "x" alone; "1x" is neither that nor a number. */
static bool is_any(const char *s, size_t len)
{
	return !len || (len == 1 && strchr("xX*", *s));
}

/* A version with wildcards, at most one of whose flags gets set: the first. */
static bool take_version(struct reader *in, struct semver_clause *c)
{
	bool *flags[] = { &c->any_major, &c->any_minor, &c->any_patch };
	bool any = false;

	in->s += *in->s == 'v';
	if (!number_len(in->s))
		return false;
	for (int i = 0; i < 3; i++) {
		const char *at = in->s + (i && *in->s == '.');
		size_t n = i && *in->s != '.' ? 0 : number_len(at);

		if (!any && is_any(at, n))
			any = *flags[i] = true;
		else if (!any && !number(at, n, &c->v.n[i]))
			return false;
		in->s = n ? at + n : in->s;
	}
	in->s = take_tail(&c->v, in->s);
	return pre_is_valid(c->v.pre, c->v.pre_len);
}

static bool add(struct reader *in, const struct semver_clause *c)
{
	struct semver_range *r = in->r;

	if (r->len == SEMVER_CLAUSES)
		return false;
	r->clauses[r->len] = *c;
	r->group[r->len] = in->group;
	r->pre[in->group] |= c->v.pre_len > 0;
	r->len++;
	return true;
}

static int take_op(struct reader *in)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (!strncmp(in->s, ops[i].text, strlen(ops[i].text))) {
			in->s += strlen(ops[i].text);
			return ops[i].op;
		}
	return -1;
}

/* "1.2 - 1.4", where a clause without operator stands; joined: only spaces before. */
static bool take_clause(struct reader *in, bool joined)
{
	struct semver_clause c = { .v.pre = "" }, to = { .op = AT_MOST, .v.pre = "" };
	int op = take_op(in);
	struct reader ahead;

	c.op = op < 0 ? EQUAL : op;
	skip_spaces(in);
	if (!take_version(in, &c))
		return false;
	ahead = *in;
	skip_spaces(&ahead);
	if (ahead.s == in->s || *ahead.s != '-' || ahead.s[1] != ' ')
		return add(in, &c);
	ahead.s++;
	skip_spaces(&ahead);
	if (op >= 0 || joined || !take_version(&ahead, &to))
		return false;
	in->s = ahead.s;
	c.op = AT_LEAST;
	return add(in, &c) && add(in, &to);
}

/* Clauses up to "||" or the end. */
static bool take_group(struct reader *in)
{
	bool joined = false;

	skip_spaces(in);
	for (;;) {
		const char *end;

		if (!take_clause(in, joined))
			return false;
		end = in->s;
		skip_spaces(in);
		if (!*in->s || !strncmp(in->s, "||", 2))
			return true;
		joined = *in->s != ',';
		if (joined && in->s == end)
			return false;
		in->s += !joined;
		skip_spaces(in);
	}
}

int semver_range_parse(struct semver_range *r, const char *text)
{
	struct reader in = { .s = text, .r = r };

	*r = (struct semver_range){ .len = 0 };
	for (;; in.group++) {
		if (!take_group(&in))
			return -1;
		if (!*in.s)
			return 0;
		in.s += 2;
	}
}

/* ---- what is in it ---- */

static bool dirty(const struct semver_clause *c)
{
	return c->any_major || c->any_minor || c->any_patch;
}

static bool not_equal(const struct semver_clause *c, const struct semver *v)
{
	if (!dirty(c))
		return semver_cmp(v, &c->v) != 0;
	if (v->n[0] != c->v.n[0])
		return true;
	if (c->any_minor)
		return false;
	if (v->n[1] != c->v.n[1])
		return true;
	if (c->any_patch)
		return cmp_pre(v->pre, v->pre_len, c->v.pre, c->v.pre_len) != 0;
	return v->n[2] != c->v.n[2] || semver_cmp(v, &c->v) != 0;
}

static bool greater(const struct semver_clause *c, const struct semver *v)
{
	if (!dirty(c))
		return semver_cmp(v, &c->v) > 0;
	if (v->n[0] != c->v.n[0])
		return v->n[0] > c->v.n[0];
	if (c->any_minor)
		return false;
	return c->any_patch ? v->n[1] > c->v.n[1] : semver_cmp(v, &c->v) > 0;
}

static bool at_most(const struct semver_clause *c, const struct semver *v)
{
	if (!dirty(c))
		return semver_cmp(v, &c->v) <= 0;
	if (v->n[0] != c->v.n[0])
		return v->n[0] < c->v.n[0];
	return c->any_minor || v->n[1] <= c->v.n[1];
}

static bool tilde(const struct semver_clause *c, const struct semver *v)
{
	if (semver_cmp(v, &c->v) < 0)
		return false;
	if (!c->v.n[0] && !c->v.n[1] && !c->v.n[2] && !c->any_minor && !c->any_patch)
		return true;
	return v->n[0] == c->v.n[0] && (c->any_minor || v->n[1] == c->v.n[1]);
}

static bool caret(const struct semver_clause *c, const struct semver *v)
{
	if (semver_cmp(v, &c->v) < 0)
		return false;
	if (c->v.n[0] || c->any_minor || v->n[0])
		return v->n[0] == c->v.n[0];
	if (c->v.n[1] || c->any_patch || v->n[1])
		return v->n[1] == c->v.n[1];
	return v->n[2] == c->v.n[2];
}

static bool holds(const struct semver_clause *c, const struct semver *v)
{
	switch (c->op) {
	case NOT_EQUAL:
		return not_equal(c, v);
	case GREATER:
		return greater(c, v);
	case LESS:
		return semver_cmp(v, &c->v) < 0;
	case AT_LEAST:
		return semver_cmp(v, &c->v) >= 0;
	case AT_MOST:
		return at_most(c, v);
	case TILDE:
		return tilde(c, v);
	case CARET:
		return caret(c, v);
	}
	return dirty(c) ? tilde(c, v) : semver_cmp(v, &c->v) == 0;
}

bool semver_range_has(const struct semver_range *r, const struct semver *v)
{
	for (size_t i = 0; i < r->len;) {
		unsigned group = r->group[i];
		bool all = !v->pre_len || r->pre[group];

		for (; i < r->len && r->group[i] == group; i++)
			all = all && holds(&r->clauses[i], v);
		if (all)
			return true;
	}
	return false;
}
