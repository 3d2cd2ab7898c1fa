/*
 * json_read.c - JSON text -> the same nodes as YAML gives.
 *
 * Most JSON is YAML too, but not all: surrogate pairs (\ud83d\ude00), which
 * every program that writes ASCII-only JSON produces, are refused by libyaml.
 * A strict reader of RFC 8259; what it does not accept the caller may still read
 * as YAML (flow style with comments, `{{` of a template).
 */
#include "core/utf8.h"
#include "yaml_priv.h"

struct json {
	const char *text;
	size_t len, pos, line;
	struct key_rules *rules;	/* borrowed */
	struct arena *arena;
	size_t count;
	struct kids kids;
	struct buf tmp;		/* of the string being read */
};

static int fail(const struct json *j, const char *what, struct err *err)
{
	return err_set(err, ERR_INVALID, "line %zu: %s", j->line, what);
}

static void skip_space(struct json *j)
{
	for (; j->pos < j->len; j->pos++) {
		char c = j->text[j->pos];

		if (c == '\n')
			j->line++;
		else if (c != ' ' && c != '\t' && c != '\r')
			break;
	}
}

static char peek(const struct json *j)
{
	return j->pos < j->len ? j->text[j->pos] : '\0';
}

static bool take(struct json *j, char c)
{
	if (j->pos >= j->len || j->text[j->pos] != c)
		return false;
	j->pos++;
	return true;
}

static int hex4(struct json *j, unsigned *ret, struct err *err)
{
	unsigned v = 0;

	if (j->len - j->pos < 4)
		return fail(j, "a \\u escape wants four digits", err);
	for (int i = 0; i < 4; i++) {
		char c = j->text[j->pos++];

		if (c >= '0' && c <= '9')
			v = v * 16 + (unsigned)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v = v * 16 + (unsigned)((c | 32) - 'a' + 10);
		else
			return fail(j, "a \\u escape wants four digits", err);
	}
	*ret = v;
	return 0;
}

static void add_utf8(struct buf *b, unsigned c)
{
	if (c < 0x80) {
		buf_addc(b, (char)c);
	} else if (c < 0x800) {
		buf_addc(b, (char)(0xc0 | c >> 6));
		buf_addc(b, (char)(0x80 | (c & 63)));
	} else if (c < 0x10000) {
		buf_addc(b, (char)(0xe0 | c >> 12));
		buf_addc(b, (char)(0x80 | (c >> 6 & 63)));
		buf_addc(b, (char)(0x80 | (c & 63)));
	} else {
		buf_addc(b, (char)(0xf0 | c >> 18));
		buf_addc(b, (char)(0x80 | (c >> 12 & 63)));
		buf_addc(b, (char)(0x80 | (c >> 6 & 63)));
		buf_addc(b, (char)(0x80 | (c & 63)));
	}
}

/* Behind "\u". A lone surrogate becomes U+FFFD, as in Go. */
static int read_unicode(struct json *j, struct err *err)
{
	unsigned c, low;

	if (hex4(j, &c, err) < 0)
		return -1;
	if (!c)
		return fail(j, "a text holds a NUL byte", err);
	if (c >= 0xd800 && c < 0xdc00 && j->len - j->pos >= 6 &&
	    j->text[j->pos] == '\\' && j->text[j->pos + 1] == 'u') {
		size_t back = j->pos;

		j->pos += 2;
		if (hex4(j, &low, err) < 0)
			return -1;
		if (low >= 0xdc00 && low < 0xe000) {
			add_utf8(&j->tmp, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
			return 0;
		}
		j->pos = back;
	}
	add_utf8(&j->tmp, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
	return 0;
}

static int read_escape(struct json *j, struct err *err)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char c = peek(j);
	const char *at;

	j->pos++;
	if (c == 'u')
		return read_unicode(j, err);
	at = c ? strchr(from, c) : NULL;
	if (!at)
		return fail(j, "an unknown escape in a string", err);
	buf_addc(&j->tmp, to[at - from]);
	return 0;
}

/* Behind the opening quote; leaves the text in j->tmp. */
/* Bytes from s that stand for themselves in a string, as most do. */
static size_t plain_run(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && (unsigned char)(s[n] - 0x20) < 0x60 && s[n] != '"' &&
	       s[n] != '\\')
		n++;
	return n;
}

static int read_string(struct json *j, struct err *err)
{
	buf_clear(&j->tmp);
	while (j->pos < j->len) {
		const char *p = j->text + j->pos;
		size_t n;

		if (*p == '"') {
			j->pos++;
			return buf_overflowed(&j->tmp) ?
				err_set(err, ERR_LIMIT, "line %zu: a text of more than %zu "
					"bytes", j->line, NODE_SCALAR_MAX) : 0;
		}
		if ((unsigned char)*p < 0x20)
			return fail(j, "a control character in a string", err);
		if (*p == '\\') {
			j->pos++;
			if (read_escape(j, err) < 0)
				return -1;
			continue;
		}
		n = plain_run(p, j->len - j->pos);
		if (!n)
			n = utf8_len(p, j->len - j->pos);
		if (!n)
			return fail(j, "not valid UTF-8", err);
		buf_add(&j->tmp, p, n);
		j->pos += n;
	}
	return fail(j, "a string without its closing quote", err);
}

static struct node *string_node(struct json *j, struct err *err)
{
	struct node *n;

	if (read_string(j, err) < 0)
		return NULL;
	n = node_make(j->arena, &j->count, NODE_SCALAR, j->line, err);
	if (!n)
		return NULL;
	n->style = NODE_DOUBLE;
	n->text = arena_strndup(j->arena, buf_str(&j->tmp), j->tmp.len);
	n->len = (uint32_t)j->tmp.len;
	return n;
}

static size_t digits(struct json *j)
{
	size_t from = j->pos;

	while (peek(j) >= '0' && peek(j) <= '9')
		j->pos++;
	return j->pos - from;
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)? */
static bool skip_number(struct json *j)
{
	take(j, '-');
	if (!take(j, '0') && !digits(j))
		return false;
	if (take(j, '.') && !digits(j))
		return false;
	if (peek(j) == 'e' || peek(j) == 'E') {
		j->pos++;
		if (!take(j, '-'))
			take(j, '+');
		return digits(j) > 0;
	}
	return true;
}

static bool skip_word(struct json *j)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t n = strlen(words[i]);

		if (j->len - j->pos >= n && memcmp(j->text + j->pos, words[i], n) == 0) {
			j->pos += n;
			return true;
		}
	}
	return false;
}

static struct node *plain_node(struct json *j, struct err *err)
{
	size_t from = j->pos;
	struct node *n;

	if (!skip_word(j) && !skip_number(j)) {
		fail(j, "not JSON", err);
		return NULL;
	}
	n = node_make(j->arena, &j->count, NODE_SCALAR, j->line, err);
	if (!n)
		return NULL;
	n->implicit = true;
	n->text = arena_strndup(j->arena, j->text + from, j->pos - from);
	n->len = (uint32_t)(j->pos - from);
	return n;
}

static struct node *read_value(struct json *j, unsigned depth, struct err *err);

/* A key with its colon, onto the stack. */
static int read_key(struct json *j, struct err *err)
{
	struct node *key;

	skip_space(j);
	if (!take(j, '"'))
		return fail(j, "a key must be a string", err);
	key = string_node(j, err);
	if (!key)
		return -1;
	vec_push(&j->kids, key);
	skip_space(j);
	if (!take(j, ':'))
		return fail(j, "':' expected after a key", err);
	return 0;
}

static int read_items(struct json *j, bool map, unsigned depth, struct err *err)
{
	char end = map ? '}' : ']';

	skip_space(j);
	if (take(j, end))
		return 0;
	do {
		struct node *value;

		if (map && read_key(j, err) < 0)
			return -1;
		value = read_value(j, depth + 1, err);
		if (!value)
			return -1;
		vec_push(&j->kids, value);
		skip_space(j);
	} while (take(j, ','));
	return take(j, end) ? 0 : fail(j, "',' or the end expected", err);
}

static struct node *read_collection(struct json *j, bool map, unsigned depth,
				    struct err *err)
{
	size_t from = j->kids.len;
	struct node *n;

	if (depth >= NODE_DEPTH_MAX) {
		err_set(err, ERR_LIMIT, "line %zu: nested deeper than %d levels", j->line,
			NODE_DEPTH_MAX);
		return NULL;
	}
	n = node_make(j->arena, &j->count, map ? NODE_MAP : NODE_LIST, j->line, err);
	if (!n || read_items(j, map, depth, err) < 0)
		return NULL;
	kids_close(&j->kids, from, j->arena, n);
	return map && map_check_keys(n, j->rules, err) < 0 ? NULL : n;
}

static struct node *read_value(struct json *j, unsigned depth, struct err *err)
{
	skip_space(j);
	if (take(j, '{'))
		return read_collection(j, true, depth, err);
	if (take(j, '['))
		return read_collection(j, false, depth, err);
	if (take(j, '"'))
		return string_node(j, err);
	return plain_node(j, err);
}

int json_read(const char *text, size_t len, size_t *pos, size_t *line,
	      struct key_rules *rules, struct arena *a, struct node **ret,
	      struct err *err)
{
	struct json j = { .text = text, .len = len, .pos = *pos, .line = *line,
			  .rules = rules, .arena = a, .tmp = BUF_INIT_MAX(NODE_SCALAR_MAX) };

	*ret = NULL;
	skip_space(&j);
	if (j.pos >= j.len)
		return 0;
	*ret = read_value(&j, 0, err);
	vec_deinit(&j.kids);
	buf_deinit(&j.tmp);
	if (!*ret)
		return -1;
	*pos = j.pos;
	*line = j.line;
	return 1;
}
