/*
 * scalar.c - what a scalar's text means: a port of the rules of yaml v2's
 * resolve.go, the dialect of every Kubernetes tool written in Go.
 *
 * Quoted is a string. A plain text is looked up in a table of words, then tried as
 * timestamp (which is a string), integer, float. Nothing here allocates; the only
 * failure is an explicit tag that the text contradicts.
 */
#include <math.h>
#include <stdio.h>

#include "core/node.h"
#include "yaml_priv.h"

#define YAML_TAG "tag:yaml.org,2002:"

static const struct word {
	const char *text;
	enum scalar_type type;
	bool truth;
	double real;
} words[] = {
	{ "y", SCALAR_BOOL, true, 0 },		{ "Y", SCALAR_BOOL, true, 0 },
	{ "yes", SCALAR_BOOL, true, 0 },	{ "Yes", SCALAR_BOOL, true, 0 },
	{ "YES", SCALAR_BOOL, true, 0 },	{ "true", SCALAR_BOOL, true, 0 },
	{ "True", SCALAR_BOOL, true, 0 },	{ "TRUE", SCALAR_BOOL, true, 0 },
	{ "on", SCALAR_BOOL, true, 0 },		{ "On", SCALAR_BOOL, true, 0 },
	{ "ON", SCALAR_BOOL, true, 0 },		{ "n", SCALAR_BOOL, false, 0 },
	{ "N", SCALAR_BOOL, false, 0 },		{ "no", SCALAR_BOOL, false, 0 },
	{ "No", SCALAR_BOOL, false, 0 },	{ "NO", SCALAR_BOOL, false, 0 },
	{ "false", SCALAR_BOOL, false, 0 },	{ "False", SCALAR_BOOL, false, 0 },
	{ "FALSE", SCALAR_BOOL, false, 0 },	{ "off", SCALAR_BOOL, false, 0 },
	{ "Off", SCALAR_BOOL, false, 0 },	{ "OFF", SCALAR_BOOL, false, 0 },
	{ "", SCALAR_NULL, false, 0 },		{ "~", SCALAR_NULL, false, 0 },
	{ "null", SCALAR_NULL, false, 0 },	{ "Null", SCALAR_NULL, false, 0 },
	{ "NULL", SCALAR_NULL, false, 0 },	{ ".nan", SCALAR_FLOAT, false, NAN },
	{ ".NaN", SCALAR_FLOAT, false, NAN },	{ ".NAN", SCALAR_FLOAT, false, NAN },
	{ ".inf", SCALAR_FLOAT, false, INFINITY },
	{ ".Inf", SCALAR_FLOAT, false, INFINITY },
	{ ".INF", SCALAR_FLOAT, false, INFINITY },
	{ "+.inf", SCALAR_FLOAT, false, INFINITY },
	{ "+.Inf", SCALAR_FLOAT, false, INFINITY },
	{ "+.INF", SCALAR_FLOAT, false, INFINITY },
	{ "-.inf", SCALAR_FLOAT, false, -INFINITY },
	{ "-.Inf", SCALAR_FLOAT, false, -INFINITY },
	{ "-.INF", SCALAR_FLOAT, false, -INFINITY },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool find_word(const char *s, struct scalar *ret)
{
	if (strlen(s) > 5)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (words[i].text[0] != *s || strcmp(words[i].text, s) != 0)
			continue;
		*ret = (struct scalar){ .type = words[i].type,
					.truth = words[i].truth,
					.real = words[i].real };
		return true;
	}
	return false;
}

static int digit_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	return 99;
}

/* Digits only, at least one, to the end; false also when it is beyond uint64. */
static bool parse_digits(const char *s, unsigned base, uint64_t *ret)
{
	uint64_t v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		unsigned d = (unsigned)digit_value(*s);

		if (d >= base || __builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, d, &v))
			return false;
	}
	*ret = v;
	return true;
}

/* Go's base 0: 0x, 0b, 0o and a leading 0 choose the base. */
static bool parse_unsigned(const char *s, uint64_t *ret)
{
	if (s[0] == '0' && (s[1] | 32) == 'x')
		return parse_digits(s + 2, 16, ret);
	if (s[0] == '0' && (s[1] | 32) == 'b')
		return parse_digits(s + 2, 2, ret);
	if (s[0] == '0' && (s[1] | 32) == 'o')
		return parse_digits(s + 2, 8, ret);
	if (s[0] == '0' && s[1])
		return parse_digits(s + 1, 8, ret);
	return parse_digits(s, 10, ret);
}

static bool fits(bool sign, bool negative, uint64_t v)
{
	if (negative)
		return v <= (uint64_t)INT64_MAX + 1;
	/* With a '+' Go tries int64 only. */
	return !sign || v <= INT64_MAX;
}

static bool parse_int(const char *s, struct scalar *ret)
{
	bool negative = *s == '-', sign = negative || *s == '+';
	uint64_t v;

	if (parse_unsigned(s + sign, &v) && fits(sign, negative, v)) {
		*ret = (struct scalar){ .type = SCALAR_INT, .magnitude = v,
					.negative = negative && v };
		return true;
	}
	return false;
}

/* The odd rest of resolve.go: a second sign after "0b" ("0b-101"). */
static bool parse_odd_binary(const char *s, struct scalar *ret)
{
	bool negative;
	uint64_t v;

	if (strncmp(s, "0b", 2) != 0 || (s[2] != '-' && s[2] != '+'))
		return false;
	negative = s[2] == '-';
	if (!parse_digits(s + 3, 2, &v) || !fits(true, negative, v))
		return false;
	*ret = (struct scalar){ .type = SCALAR_INT, .magnitude = v,
				.negative = negative && v };
	return true;
}

/* ^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$ */
static bool looks_float(const char *s)
{
	size_t before, after = 0;

	s += *s == '-' || *s == '+';
	before = strspn(s, "0123456789");
	s += before;
	if (*s == '.') {
		after = strspn(s + 1, "0123456789");
		s += 1 + after;
	}
	if (!before && !after)
		return false;
	if (*s == 'e' || *s == 'E') {
		s++;
		s += *s == '-' || *s == '+';
		if (!is_digit(*s))
			return false;
		s += strspn(s, "0123456789");
	}
	return !*s;
}

static bool parse_float(const char *s, struct scalar *ret)
{
	double f;

	if (!looks_float(s))
		return false;
	f = strtod(s, NULL);
	if (isinf(f))
		return false;	/* out of range stays a string */
	*ret = (struct scalar){ .type = SCALAR_FLOAT, .real = f };
	return true;
}

/* Reads min..max digits as a number; NULL when there are fewer. */
static const char *number(const char *s, int min, int max, int *ret)
{
	int n = 0;

	*ret = 0;
	while (n < max && is_digit(s[n]))
		*ret = *ret * 10 + (s[n++] - '0');
	return n >= min ? s + n : NULL;
}

static bool valid_day(int y, int m, int d)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return m >= 1 && m <= 12 && d >= 1 &&
	       d <= days[m - 1] + (m == 2 && leap);
}

/* "Z" or "+hh:mm" to the end. */
static bool valid_zone(const char *s)
{
	int h, m;

	if (strcmp(s, "Z") == 0)
		return true;
	if (*s != '+' && *s != '-')
		return false;
	s = number(s + 1, 2, 2, &h);
	if (!s || *s != ':')
		return false;
	s = number(s + 1, 2, 2, &m);
	return s && !*s && h <= 24 && m <= 60;	/* as Go allows */
}

/* The four forms that resolve.go tries with time.Parse. */
bool scalar_is_timestamp(const char *s)
{
	int y, mo, d, h, mi, sec;
	char sep;

	s = number(s, 4, 4, &y);
	if (!s || *s != '-' || !(s = number(s + 1, 1, 2, &mo)) || *s != '-' ||
	    !(s = number(s + 1, 1, 2, &d)) || !valid_day(y, mo, d))
		return false;
	if (!*s)
		return true;
	sep = *s;
	if ((sep != 'T' && sep != 't' && sep != ' ') ||
	    !(s = number(s + 1, 1, 2, &h)) || *s != ':' ||
	    !(s = number(s + 1, 1, 2, &mi)) || *s != ':' ||
	    !(s = number(s + 1, 1, 2, &sec)) || h > 23 || mi > 59 || sec > 59)
		return false;
	if ((*s == '.' || *s == ',') && is_digit(s[1]))
		s += 1 + strspn(s + 1, "0123456789");
	return sep == ' ' ? !*s : valid_zone(s);
}

static void strip_underscores(const char *s, char *out, size_t max)
{
	size_t n = 0;

	for (; *s && n + 1 < max; s++) {
		if (*s != '_')
			out[n++] = *s;
	}
	out[n] = '\0';
}

/* resolve() for a text that begins with a digit or sign. */
static void resolve_number(const char *s, size_t len, bool may_be_time,
			   struct scalar *ret)
{
	char small[128];
	_cleanup_free_ char *big = NULL;
	char *plain;

	*ret = (struct scalar){ .type = SCALAR_STRING };
	if (may_be_time && scalar_is_timestamp(s))
		return;
	if (s[strspn(s, "0123456789abcdefABCDEFxXoO_.+-")])
		return;		/* a cheap no for the texts that start like numbers */
	if (len >= sizeof(small))
		big = xmalloc(len + 1);
	plain = big ? big : small;
	strip_underscores(s, plain, len + 1);
	if (!parse_int(plain, ret) && !parse_float(plain, ret))
		parse_odd_binary(plain, ret);
}

/* ParseFloat itself: an underscore only between two digits. */
static void parse_dot_float(const char *s, size_t len, struct scalar *ret)
{
	char plain[128];

	for (const char *p = strchr(s, '_'); p; p = strchr(p + 1, '_')) {
		if (!is_digit(p[-1]) || !is_digit(p[1]))
			return;
	}
	if (len < sizeof(plain)) {
		strip_underscores(s, plain, sizeof(plain));
		parse_float(plain, ret);
	} else {
		parse_float(s, ret);
	}
}

void scalar_resolve(const char *s, size_t len, const char *tag, struct scalar *ret)
{
	*ret = (struct scalar){ .type = SCALAR_STRING };
	if (is_digit(*s) || *s == '-' || *s == '+') {
		if (!find_word(s, ret))
			resolve_number(s, len, !tag || strcmp(tag, YAML_TAG "timestamp") == 0,
				       ret);
	} else if (*s == '.') {
		if (!find_word(s, ret))
			parse_dot_float(s, len, ret);
	} else if (!*s || strchr("yYnNtTfFoO~", *s)) {
		find_word(s, ret);
	}
}

/* Does what the text says agree with the tag? May turn an integer into a float. */
bool scalar_agrees(const char *tag, const char *text, struct scalar *s)
{
	const char *t = tag + strlen(YAML_TAG);

	if (strcmp(t, "bool") == 0)
		return s->type == SCALAR_BOOL;
	if (strcmp(t, "null") == 0)
		return s->type == SCALAR_NULL;
	if (strcmp(t, "int") == 0)
		return s->type == SCALAR_INT;
	if (strcmp(t, "timestamp") == 0)
		return s->type == SCALAR_STRING && scalar_is_timestamp(text);
	if (s->type == SCALAR_INT && (s->negative || s->magnitude <= INT64_MAX)) {
		s->type = SCALAR_FLOAT;
		s->real = s->negative ? -(double)s->magnitude : (double)s->magnitude;
	}
	return s->type == SCALAR_FLOAT;
}

bool scalar_is_typed_tag(const char *tag)
{
	static const char *const typed[] = { "bool", "int", "float", "null", "timestamp" };

	if (strncmp(tag, YAML_TAG, strlen(YAML_TAG)) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
		if (strcmp(tag + strlen(YAML_TAG), typed[i]) == 0)
			return true;
	}
	return false;
}

int node_scalar(const struct node *n, struct scalar *ret, struct err *err)
{
	*ret = (struct scalar){ .type = SCALAR_STRING };
	if (n->tag) {
		if (!scalar_is_typed_tag(n->tag))
			return 0;	/* !!str, !!binary, and every other tag */
		scalar_resolve(n->text, n->len, n->tag, ret);
		if (!scalar_agrees(n->tag, n->text, ret))
			/* The text may be a secret. */
			return err_set(err, ERR_INVALID, "line %u: a text that does not "
				       "fit its tag !!%s", n->line,
				       n->tag + strlen(YAML_TAG));
		return 0;
	}
	if (n->implicit)
		scalar_resolve(n->text, n->len, NULL, ret);
	return 0;
}

bool node_is_string(const struct node *n)
{
	struct scalar s;

	return n && n->kind == NODE_SCALAR && node_scalar(n, &s, NULL) == 0 &&
	       s.type == SCALAR_STRING;
}

bool node_is_null(const struct node *n)
{
	struct scalar s;

	return !n || (n->kind == NODE_SCALAR && node_scalar(n, &s, NULL) == 0 &&
		      s.type == SCALAR_NULL);
}

/*
 * The fewest digits that read back as f: "d.ddde+xx" taken apart into its digits
 * (without trailing zeros) and the exponent of the first.
 */
static int shortest(double f, bool single, char digits[24])
{
	char text[40];
	size_t n = 0;

	memset(digits, 0, 24);
	for (int p = 0; p <= 17; p++) {
		snprintf(text, sizeof(text), "%.*e", p, fabs(f));
		if (single ? strtof(text, NULL) == (float)fabs(f) :
			     strtod(text, NULL) == fabs(f))
			break;
	}
	for (const char *s = text; *s != 'e'; s++) {
		if (*s != '.')
			digits[n++] = *s;
	}
	while (n > 1 && digits[n - 1] == '0')
		n--;
	digits[n] = '\0';
	return atoi(strchr(text, 'e') + 1);
}

/* Without exponent: digits, and zeros where the point is outside of them. */
static void write_plain(char *out, bool negative, const char *digits, int exp)
{
	int n = (int)strlen(digits);
	char *p = out;

	if (negative)
		*p++ = '-';
	if (exp < 0) {
		p += sprintf(p, "0.");
		for (int i = -1; i > exp; i--)
			*p++ = '0';
	}
	for (int i = 0; i < n || i <= exp; i++) {
		if (exp >= 0 && i == exp + 1)
			*p++ = '.';
		*p++ = i < n ? digits[i] : '0';
	}
	*p = '\0';
}

static void write_exponent(char *out, bool negative, const char *digits, int exp,
			   int min_exp_digits)
{
	snprintf(out, 32, "%s%c%s%se%c%0*d", negative ? "-" : "", digits[0],
		 digits[1] ? "." : "", digits + 1, exp < 0 ? '-' : '+',
		 min_exp_digits, abs(exp));
}

/*
 * encoding/json: 'f', but 'e' below 1e-6 and from 1e21 on; e-09 becomes e-9. Only
 * -0 differs: it is sent as 0, as every client does that reads its own JSON again.
 */
void node_float_text(double f, char out[32])
{
	char digits[24];
	int exp = shortest(f, false, digits);

	if (f != 0 && (exp < -6 || exp >= 21))
		write_exponent(out, f < 0, digits, exp, exp < 0 ? 1 : 2);
	else
		write_plain(out, f < 0, digits, exp);
}

/*
 * FormatFloat(f, 'g', -1, 32), how yaml.go makes a key of a float: %e below 1e-4
 * and from 1e6 on.
 */
void scalar_float_key(double f, char out[32])
{
	float small = (float)f;
	char digits[24];
	int exp;

	if (isnan(small) || isinf(small)) {
		snprintf(out, 32, "%s", isnan(small) ? ".nan" :
			 small < 0 ? "-.inf" : ".inf");
		return;
	}
	exp = shortest((double)small, true, digits);
	if (exp < -4 || exp >= 6)
		write_exponent(out, signbit(small), digits, exp, 2);
	else
		write_plain(out, signbit(small), digits, exp);
}

/* 'g' without a precision: %e below 1e-4 and from 1e6 on. */
void scalar_float_g(double f, char out[32])
{
	char digits[24];
	int exp = shortest(f, false, digits);

	if (exp < -4 || exp >= 6)
		write_exponent(out, signbit(f), digits, exp, 2);
	else
		write_plain(out, signbit(f), digits, exp);
}
