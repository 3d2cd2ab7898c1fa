/*
 * emit.c - a canonical tree as YAML, byte for byte as sigs.k8s.io/yaml prints it.
 *
 * Block style only: a text is plain where that reads back as the same text, else in
 * quotes; one with line feeds is literal. The rules for when a line begins follow
 * libyaml's emitter, which go-yaml v2 is a translation of: `whitespace` is "the last
 * thing written separates", `indention` is "nothing but indent and indicators are in
 * this line". Nothing fails but a full buffer.
 */
#include "yaml_priv.h"

#define WIDTH 80
#define STEP 2
#define SIMPLE_KEY_MAX 128
#define FEW 24		/* keys that are sorted by insertion */

struct emit {
	struct buf *out;
	int column, indent;
	bool whitespace, indention;
};

/* What a text can be written as. */
struct look {
	bool multiline, plain, single, block;
};

static void put_break(struct emit *e)
{
	buf_addc(e->out, '\n');
	e->column = 0;
}

static void write_indent(struct emit *e)
{
	static const char spaces[] = "                                ";
	int indent = e->indent > 0 ? e->indent : 0;

	if (!e->indention || e->column > indent ||
	    (e->column == indent && !e->whitespace))
		put_break(e);
	while (e->column < indent) {
		int n = indent - e->column;

		n = n < (int)sizeof(spaces) - 1 ? n : (int)sizeof(spaces) - 1;
		buf_add(e->out, spaces, (size_t)n);
		e->column += n;
	}
	e->whitespace = e->indention = true;
}

static void write_indicator(struct emit *e, char c, bool separate, bool indention)
{
	if (separate && !e->whitespace) {
		buf_addc(e->out, ' ');
		e->column++;
	}
	buf_addc(e->out, c);
	e->column++;
	e->whitespace = false;
	e->indention = e->indention && indention;
}

/* Bytes of the character at s. */
static size_t width(const char *s)
{
	unsigned char c = (unsigned char)*s;

	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* U+2028 and U+2029 end a line for YAML 1.1. */
static bool is_separator(const char *s)
{
	return s[0] == '\xe2' && s[1] == '\x80' && (s[2] & 0xfe) == 0xa8;
}

static bool is_break(const char *s)
{
	return *s == '\n' || *s == '\r' || (*s == '\xc2' && s[1] == '\x85') ||
	       is_separator(s);
}

bool text_is_printable(const char *s)
{
	unsigned char c = (unsigned char)s[0], d;

	if (c < 0x80)
		return c == '\n' || (c >= 0x20 && c <= 0x7e);
	d = (unsigned char)s[1];
	if (c == 0xc2)
		return d >= 0xa0;
	if (c == 0xef)
		return !(d == 0xbb && s[2] == '\xbf') &&
		       !(d == 0xbf && (unsigned char)s[2] >= 0xbe);
	return c < 0xf0;
}

/* Would this be more than a text at the start of a plain scalar in block style? */
static bool opens_badly(const char *s, size_t len)
{
	bool alone = len == 1 || s[1] == ' ' || s[1] == '\t';

	if (strchr("#,[]{}&*!|>'\"%@`", *s))
		return true;
	if (*s == '?' || *s == ':' || *s == '-')
		return alone || strncmp(s, "---", 3) == 0;
	return strncmp(s, "...", 3) == 0;
}

/* Flags of the characters behind the first. */
struct seen {
	bool special, breaks, indicator;
	bool break_space, space_break;
};

/* Characters that need a second look: all but letters, digits and most signs. */
static bool is_dull(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '#' && c != ':';
}

static void look_at(const char *s, size_t i, size_t w, size_t len, const char *prev,
		    struct seen *seen)
{
	const char *next = s + i + w;
	bool ends = i + w >= len || *next == ' ' || *next == '\t';

	if (s[i] == ':' && i)
		seen->indicator |= ends;
	else if (s[i] == '#' && prev)
		seen->indicator |= *prev == ' ' || *prev == '\t' || is_break(prev);
	if (!text_is_printable(s + i))
		seen->special = true;
	if (s[i] == ' ') {
		seen->break_space |= prev && is_break(prev);
	} else if (is_break(s + i)) {
		seen->breaks = true;
		seen->space_break |= prev && *prev == ' ';
	}
}

static struct look look(const char *s, size_t len)
{
	struct seen seen = { 0 };
	const char *prev = NULL;
	struct look l;
	bool edge_space, edge_break;

	if (!len)
		return (struct look){ .plain = true, .single = true };
	for (size_t i = 0, w; i < len; i += w) {
		w = width(s + i);
		if (!is_dull((unsigned char)s[i]))
			look_at(s, i, w, len, prev, &seen);
		prev = s + i;
	}
	edge_space = *s == ' ' || s[len - 1] == ' ';
	edge_break = is_break(s) || is_break(prev);
	l.multiline = seen.breaks;
	l.block = s[len - 1] != ' ' && !seen.space_break && !seen.special;
	l.single = !seen.break_space && !seen.space_break && !seen.special;
	l.plain = l.single && !edge_space && !edge_break && !seen.breaks &&
		  !seen.indicator && !opens_badly(s, len);
	return l;
}

/* "1:30": a number to YAML 1.1, which other readers still speak. */
static bool is_base60(const char *s)
{
	s += *s == '-' || *s == '+';
	if (*s < '0' || *s > '9')
		return false;
	s += strspn(s, "0123456789_");
	if (*s != ':')
		return false;
	while (*s == ':') {
		size_t n = strspn(s + 1, "0123456789");

		if (n == 0 || n > 2 || (n == 2 && s[1] > '5'))
			return false;
		s += 1 + n;
	}
	if (*s == '.')
		s += 1 + strspn(s + 1, "0123456789_");
	return !*s;
}

/* Would it be a number, a boolean, a null or a time without quotes? */
static bool means_more(const char *s, size_t len)
{
	struct scalar v;

	if (*s && !strchr("+-.0123456789yYnNtTfFoO~", *s))
		return false;
	scalar_resolve(s, len, NULL, &v);
	return v.type != SCALAR_STRING || scalar_is_timestamp(s) || is_base60(s);
}

/* The part of a line from..s as it is. */
static void flush(struct emit *e, const char *from, const char *s)
{
	buf_add(e->out, from, (size_t)(s - from));
}

/* May a line be broken instead of writing the space at s? */
static bool may_fold(const struct emit *e, bool key, bool spaces)
{
	return !key && !spaces && e->column > WIDTH;
}

static void write_plain(struct emit *e, const char *s, size_t len, bool key)
{
	const char *end = s + len, *from = s;
	bool spaces = false;

	if (!e->whitespace) {
		buf_addc(e->out, ' ');
		e->column++;
	}
	while (s < end) {
		if (*s == ' ' && may_fold(e, key, spaces) && s[1] != ' ') {
			flush(e, from, s);
			write_indent(e);
			from = ++s;
			spaces = true;
			continue;
		}
		spaces = *s == ' ';
		e->indention = e->indention && spaces;
		e->column++;
		s += width(s);
	}
	flush(e, from, s);
	e->whitespace = e->indention = false;
}

/* A text in single quotes has breaks only as U+2028 and its like. */
static void write_single(struct emit *e, const char *s, size_t len, bool key)
{
	const char *begin = s, *end = s + len;
	bool spaces = false, breaks = false;

	write_indicator(e, '\'', true, false);
	for (; s < end; s += width(s)) {
		if (*s == ' ' && may_fold(e, key, spaces) && s != begin && s + 1 != end &&
		    s[1] != ' ') {
			write_indent(e);
			spaces = true;
			continue;
		}
		if (is_break(s)) {
			buf_add(e->out, s, width(s));
			e->column = 0;
			e->indention = breaks = true;
			continue;
		}
		spaces = *s == ' ';
		if (!spaces && breaks)
			write_indent(e);
		buf_add(e->out, "''", *s == '\'');
		buf_add(e->out, s, width(s));
		e->column += 1 + (*s == '\'');
		e->indention = e->indention && spaces;
		breaks = breaks && spaces;
	}
	write_indicator(e, '\'', false, false);
}

static uint32_t rune_at(const char *s)
{
	size_t w = width(s);
	uint32_t r = (unsigned char)*s;

	if (w > 1)
		r &= 0x7fu >> w;
	for (size_t i = 1; i < w; i++)
		r = r << 6 | ((unsigned char)s[i] & 0x3f);
	return r;
}

static void write_escape(struct emit *e, uint32_t r)
{
	static const char plain[] = "\a\b\t\n\v\f\r\x1b\"\\", names[] = "abtnvfre\"\\";
	size_t before = e->out->len;
	const char *at = r && r < 0x80 ? strchr(plain, (int)r) : NULL;

	if (at)
		buf_addf(e->out, "\\%c", names[at - plain]);
	else if (r == 0x85)
		buf_adds(e->out, "\\N");
	else if (r == 0xa0)
		buf_adds(e->out, "\\_");
	else if (r == 0x2028 || r == 0x2029)
		buf_adds(e->out, r == 0x2028 ? "\\L" : "\\P");
	else if (r <= 0xff)
		buf_addf(e->out, "\\x%02X", r);
	else
		buf_addf(e->out, r <= 0xffff ? "\\u%04X" : "\\U%08X", r);
	e->column += (int)(e->out->len - before);
}

static void write_double(struct emit *e, const char *s, size_t len, bool key)
{
	const char *begin = s, *end = s + len;
	/* go-yaml looks for the mark at the text's start, whichever character it is at. */
	bool spaces = false, marked = strncmp(s, "\xef\xbb\xbf", 3) == 0;

	write_indicator(e, '"', true, false);
	for (; s < end; s += width(s)) {
		if (marked || !text_is_printable(s) || is_break(s) || *s == '"' ||
		    *s == '\\') {
			write_escape(e, rune_at(s));
			spaces = false;
		} else if (*s == ' ' && may_fold(e, key, spaces) && s != begin &&
			   s + 1 != end) {
			write_indent(e);
			if (s[1] == ' ') {
				buf_addc(e->out, '\\');
				e->column++;
			}
			spaces = true;
		} else {
			buf_add(e->out, s, width(s));
			e->column++;
			spaces = *s == ' ';
		}
	}
	write_indicator(e, '"', false, false);
}

/* The last break, and whether another one stands before it: '-', '+' or nothing. */
static void write_chomping(struct emit *e, const char *s, size_t len)
{
	const char *last = s + len - 1;

	while (last > s && (*last & 0xc0) == 0x80)
		last--;
	if (!is_break(last)) {
		write_indicator(e, '-', false, false);
		return;
	}
	if (last > s) {
		last--;
		while (last > s && (*last & 0xc0) == 0x80)
			last--;
		if (!is_break(last))
			return;
	}
	write_indicator(e, '+', false, false);
}

static void write_literal(struct emit *e, const char *s, size_t len)
{
	const char *end = s + len;
	bool breaks = true;

	write_indicator(e, '|', true, false);
	if (*s == ' ' || is_break(s))
		write_indicator(e, '0' + STEP, false, false);
	write_chomping(e, s, len);
	put_break(e);
	e->indention = e->whitespace = true;
	while (s < end) {
		const char *from = s;

		if (is_break(s)) {
			buf_add(e->out, s, width(s));
			s += width(s);
			e->column = 0;
			e->indention = breaks = true;
			continue;
		}
		if (breaks)
			write_indent(e);
		while (s < end && *s != '\n' && !is_separator(s))
			s++;
		flush(e, from, s);
		e->column += (int)(s - from);	/* only told from none */
		e->indention = breaks = false;
	}
}

/* key: it stands before its colon in the same line. */
static void write_string(struct emit *e, const struct node *n, const struct look *l,
			 bool key)
{
	bool literal = memchr(n->text, '\n', n->len) != NULL;

	e->indent = e->indent < 0 ? STEP : e->indent + STEP;
	if (literal && l->block)
		write_literal(e, n->text, n->len);
	else if (literal || means_more(n->text, n->len) || !l->single)
		write_double(e, n->text, n->len, key);
	else if (l->plain && n->len)
		write_plain(e, n->text, n->len, key);
	else
		write_single(e, n->text, n->len, key);
	e->indent -= STEP;
}

static void write_scalar(struct emit *e, const struct node *n)
{
	struct look l;

	if (n->implicit) {
		write_plain(e, n->text, n->len, true);
		return;
	}
	l = look(n->text, n->len);
	write_string(e, n, &l, false);
}

/* Sorts n pairs; an order that contradicts itself costs order, not safety. */
static void merge_sort(struct node **pairs, struct node **tmp, size_t n)
{
	size_t half = n / 2, i = 0, j = half, to = 0;

	if (n < 2)
		return;
	merge_sort(pairs, tmp, half);
	merge_sort(pairs + 2 * half, tmp, n - half);
	while (i < half || j < n) {
		const struct node *a = pairs[2 * i], *b = j < n ? pairs[2 * j] : NULL;
		bool right = i == half ||
			     (b && key_less(b->text, b->len, a->text, a->len));
		size_t from = right ? j++ : i++;

		memcpy(tmp + 2 * to++, pairs + 2 * from, 2 * sizeof(*tmp));
	}
	memcpy(pairs, tmp, 2 * n * sizeof(*tmp));
}

static bool is_sorted(struct node *const *pairs, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (!key_less(pairs[2 * i - 2]->text, pairs[2 * i - 2]->len,
			      pairs[2 * i]->text, pairs[2 * i]->len))
			return false;
	}
	return true;
}

static void write_value(struct emit *e, const struct node *n, bool item);

static void write_pair(struct emit *e, const struct node *key,
		       const struct node *value)
{
	struct look l = look(key->text, key->len);

	write_indent(e);
	if (!l.multiline && key->len <= SIMPLE_KEY_MAX) {
		write_string(e, key, &l, true);
		write_indicator(e, ':', false, false);
	} else {
		write_indicator(e, '?', true, true);
		write_string(e, key, &l, false);
		write_indent(e);
		write_indicator(e, ':', true, true);
	}
	write_value(e, value, false);
}

static void write_sorted(struct emit *e, const struct node *n)
{
	struct node *few[4 * FEW];
	_cleanup_free_ struct node **many = NULL;
	struct node **pairs = few;

	if (n->len > 2 * FEW)
		pairs = many = xcalloc(2 * (size_t)n->len, sizeof(*many));
	memcpy(pairs, n->kids, n->len * sizeof(*pairs));
	merge_sort(pairs, pairs + n->len, n->len / 2);
	for (uint32_t i = 0; i < n->len; i += 2)
		write_pair(e, pairs[i], pairs[i + 1]);
}

static void write_map(struct emit *e, const struct node *n)
{
	int indent = e->indent;

	e->indent = indent < 0 ? 0 : indent + STEP;
	if (is_sorted(n->kids, n->len / 2)) {
		for (uint32_t i = 0; i < n->len; i += 2)
			write_pair(e, n->kids[i], n->kids[i + 1]);
	} else {
		write_sorted(e, n);
	}
	e->indent = indent;
}

/* A list that is a map's value is not indented, unless its key took a `?`. */
static void write_list(struct emit *e, const struct node *n, bool item)
{
	int indent = e->indent;

	if (indent < 0)
		e->indent = 0;
	else if (item || e->indention)
		e->indent += STEP;
	for (uint32_t i = 0; i < n->len; i++) {
		write_indent(e);
		write_indicator(e, '-', true, true);
		write_value(e, n->kids[i], true);
	}
	e->indent = indent;
}

static void write_value(struct emit *e, const struct node *n, bool item)
{
	if (n->kind == NODE_SCALAR) {
		write_scalar(e, n);
	} else if (!n->len) {
		write_indicator(e, n->kind == NODE_MAP ? '{' : '[', true, false);
		write_indicator(e, n->kind == NODE_MAP ? '}' : ']', false, false);
	} else if (n->kind == NODE_MAP) {
		write_map(e, n);
	} else {
		write_list(e, n, item);
	}
}

int node_to_yaml(const struct node *n, struct buf *out, struct err *err)
{
	struct emit e = { .out = out, .indent = -1, .whitespace = true,
			  .indention = true };

	write_value(&e, n, true);
	e.indent = -1;
	write_indent(&e);
	if (buf_overflowed(out))
		return err_set(err, ERR_LIMIT, "more YAML than %zu bytes", out->max);
	return 0;
}
