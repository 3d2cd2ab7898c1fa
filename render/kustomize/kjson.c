/* kjson.c - a strict reader of JSON; the one of core/yaml takes YAML, too. */
#include <ctype.h>

#include "core/utf8.h"
#include "kjson.h"

struct reader {
	struct kust *k;
	const char *at, *end;
	struct err *err;
	unsigned line, depth;
	size_t count;
};

static struct node *read_value(struct reader *r);

static struct node *refuse(struct reader *r, const char *why)
{
	err_set(r->err, ERR_INVALID, "JSON, line %u: %s", r->line, why);
	return NULL;
}

static void skip_space(struct reader *r)
{
	for (; r->at < r->end && memchr(" \t\r\n", *r->at, 4); r->at++)
		r->line += *r->at == '\n';
}

static bool next_is(struct reader *r, char c)
{
	skip_space(r);
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static struct node *new_node(struct reader *r, enum node_kind kind)
{
	struct node *n = arena_alloc(&r->k->arena, sizeof(*n));

	n->kind = (uint8_t)kind;
	n->line = r->line;
	return n;
}

/* --- strings ------------------------------------------------------------------------ */

static bool hex4(const char *at, const char *end, uint32_t *ret)
{
	*ret = 0;
	for (int i = 0; i < 4; i++) {
		if (at + i >= end || !isxdigit((unsigned char)at[i]))
			return false;
		*ret = *ret * 16 + (uint32_t)(isdigit((unsigned char)at[i]) ? at[i] - '0' :
					      tolower((unsigned char)at[i]) - 'a' + 10);
	}
	return true;
}

static void put_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_addc(out, (char)c);
	} else if (c < 0x800) {
		buf_addc(out, (char)(0xc0 | c >> 6));
		buf_addc(out, (char)(0x80 | (c & 0x3f)));
	} else {
		if (c < 0x10000) {
			buf_addc(out, (char)(0xe0 | c >> 12));
		} else {
			buf_addc(out, (char)(0xf0 | c >> 18));
			buf_addc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(out, (char)(0x80 | (c & 0x3f)));
	}
}

/* \uXXXX, pairs of surrogates put together; a lone one is replaced. */
static bool unicode_escape(struct reader *r, struct buf *out)
{
	uint32_t c, low;

	if (!hex4(r->at, r->end, &c))
		return false;
	r->at += 4;
	if (c >= 0xd800 && c < 0xdc00 && r->end - r->at >= 6 && r->at[0] == '\\' &&
	    r->at[1] == 'u' && hex4(r->at + 2, r->end, &low) && low >= 0xdc00 &&
	    low < 0xe000) {
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		r->at += 6;
	} else if (c >= 0xd800 && c < 0xe000) {
		c = 0xfffd;
	}
	if (!c)
		return false;	/* our texts end at a NUL */
	put_utf8(out, c);
	return true;
}

static bool string_escape(struct reader *r, struct buf *out)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	const char *name;

	if (r->at == r->end)
		return false;
	if (*r->at == 'u') {
		r->at++;
		return unicode_escape(r, out);
	}
	name = *r->at ? strchr(names, *r->at) : NULL;
	if (!name)
		return false;
	buf_addc(out, values[name - names]);
	r->at++;
	return true;
}

/* Behind the quote that begins it. */
static struct node *read_string(struct reader *r)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(NODE_SCALAR_MAX);
	const char *start = r->at - 1;
	struct node *n;

	while (r->at < r->end && *r->at != '"') {
		size_t len = utf8_len(r->at, (size_t)(r->end - r->at));

		if ((unsigned char)*r->at < 0x20)
			return refuse(r, "a control character in a string");
		if (*r->at == '\\') {
			r->at++;
			if (!string_escape(r, &text))
				return refuse(r, "not an escape");
		} else if (len) {
			buf_add(&text, r->at, len);
			r->at += len;
		} else {
			put_utf8(&text, 0xfffd);
			r->at++;
		}
	}
	if (r->at == r->end)
		return refuse(r, "a string without its end");
	r->at++;
	if (buf_overflowed(&text)) {
		err_set(r->err, ERR_LIMIT, "JSON, line %u: a string of more than %zu bytes",
			r->line, NODE_SCALAR_MAX);
		return NULL;
	}
	n = new_node(r, NODE_SCALAR);
	n->style = NODE_DOUBLE;
	n->text = arena_strdup(&r->k->arena, buf_str(&text));
	n->len = (uint32_t)text.len;
	n->tag = arena_strndup(&r->k->arena, start, (size_t)(r->at - start));
	return n;
}

/* --- other scalars --------------------------------------------------------------------- */

static size_t digits(const char *at, const char *end)
{
	const char *from = at;

	while (at < end && isdigit((unsigned char)*at))
		at++;
	return (size_t)(at - from);
}

/* The length of the number that at begins with; 0: it is none. */
static size_t number_len(const char *at, const char *end)
{
	const char *from = at;
	size_t n;

	at += at < end && *at == '-';
	n = digits(at, end);
	if (!n || (n > 1 && *at == '0'))
		return 0;
	at += n;
	if (at < end && *at == '.') {
		n = digits(++at, end);
		if (!n)
			return 0;
		at += n;
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		at++;
		at += at < end && (*at == '+' || *at == '-');
		n = digits(at, end);
		if (!n)
			return 0;
		at += n;
	}
	return (size_t)(at - from);
}

static size_t word_len(const char *at, const char *end)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t len = strlen(words[i]);

		if ((size_t)(end - at) >= len && memcmp(at, words[i], len) == 0)
			return len;
	}
	return 0;
}

static struct node *read_bare(struct reader *r)
{
	size_t len = word_len(r->at, r->end);
	struct node *n;

	if (!len)
		len = number_len(r->at, r->end);
	if (!len)
		return refuse(r, "a value is expected here");
	n = new_node(r, NODE_SCALAR);
	n->implicit = true;
	n->text = n->tag = arena_strndup(&r->k->arena, r->at, len);
	n->len = (uint32_t)len;
	r->at += len;
	return n;
}

/* --- maps and lists -------------------------------------------------------------------- */

static struct node *read_list(struct reader *r)
{
	struct node *list = new_node(r, NODE_LIST);

	if (next_is(r, ']'))
		return list;
	do {
		struct node *item = read_value(r);

		if (!item)
			return NULL;
		node_append(&r->k->arena, list, item);
	} while (next_is(r, ','));
	return next_is(r, ']') ? list : refuse(r, "',' or ']' is expected here");
}

static int by_key(const void *a, const void *b)
{
	struct node *const *x = *(struct node *const *const *)a;
	struct node *const *y = *(struct node *const *const *)b;
	int order = strcmp(x[0]->text, y[0]->text);

	return order ? order : x < y ? -1 : 1;
}

/* Of the same keys only the last stays. */
static void drop_doubles(struct node *map)
{
	size_t n = map->len / 2;
	_cleanup_free_ struct node ***pairs = n > 1 ? xmalloc(n * sizeof(*pairs)) : NULL;
	uint32_t kept = 0;

	if (!pairs)
		return;
	for (size_t i = 0; i < n; i++)
		pairs[i] = map->kids + 2 * i;
	qsort(pairs, n, sizeof(*pairs), by_key);
	for (size_t i = 0; i + 1 < n; i++) {
		if (strcmp(pairs[i][0]->text, pairs[i + 1][0]->text) == 0)
			pairs[i][1] = NULL;
	}
	for (uint32_t i = 0; i < map->len; i += 2) {
		if (!map->kids[i + 1])
			continue;
		map->kids[kept++] = map->kids[i];
		map->kids[kept++] = map->kids[i + 1];
	}
	map->len = kept;
}

static struct node *read_map(struct reader *r)
{
	struct node *map = new_node(r, NODE_MAP);

	if (next_is(r, '}'))
		return map;
	do {
		struct node *key, *value;

		if (!next_is(r, '"'))
			return refuse(r, "a key is expected here");
		key = read_string(r);
		if (!key)
			return NULL;
		key->tag = NULL;
		if (!next_is(r, ':'))
			return refuse(r, "':' is expected here");
		value = read_value(r);
		if (!value)
			return NULL;
		node_append(&r->k->arena, map, key);
		node_append(&r->k->arena, map, value);
	} while (next_is(r, ','));
	drop_doubles(map);
	return next_is(r, '}') ? map : refuse(r, "',' or '}' is expected here");
}

static struct node *read_nested(struct reader *r, bool map)
{
	struct node *n;

	r->at++;
	if (++r->depth > NODE_DEPTH_MAX) {
		err_set(r->err, ERR_LIMIT, "JSON, line %u: more than %d values within each "
			"other", r->line, NODE_DEPTH_MAX);
		return NULL;
	}
	n = map ? read_map(r) : read_list(r);
	r->depth--;
	return n;
}

static struct node *read_value(struct reader *r)
{
	skip_space(r);
	if (++r->count > NODE_COUNT_MAX) {
		err_set(r->err, ERR_LIMIT, "JSON, line %u: more than %u values", r->line,
			NODE_COUNT_MAX);
		return NULL;
	}
	if (r->at < r->end && (*r->at == '{' || *r->at == '['))
		return read_nested(r, *r->at == '{');
	if (next_is(r, '"'))
		return read_string(r);
	return read_bare(r);
}

struct node *kjson_read(struct kust *k, const char *text, size_t len, struct err *err)
{
	struct reader r = { .k = k, .at = text, .end = text + len, .err = err, .line = 1 };
	struct node *n = read_value(&r);

	skip_space(&r);
	return n && r.at < r.end ? refuse(&r, "something follows the value") : n;
}

/* --- spelling --------------------------------------------------------------------------- */

/* U+2028 and U+2029, which encoding/json escapes for JavaScript's sake. */
static int line_separator(const char *at)
{
	return memcmp(at, "\xe2\x80\xa8", 3) == 0 ? 8 :
	       memcmp(at, "\xe2\x80\xa9", 3) == 0 ? 9 : 0;
}

static void spell_char(struct buf *out, const char **at)
{
	static const char names[] = "\"\\bfnrt", values[] = "\"\\\b\f\n\r\t";
	const char *value = strchr(values, **at);
	unsigned char c = (unsigned char)**at;

	if (value) {
		buf_addc(out, '\\');
		buf_addc(out, names[value - values]);
	} else if (c < 0x20 || c == '<' || c == '>' || c == '&') {
		buf_addf(out, "\\u%04x", c);
	} else if (c == 0xe2 && strlen(*at) >= 3 && line_separator(*at)) {
		buf_addf(out, "\\u202%d", line_separator(*at));
		*at += 2;
	} else {
		buf_addc(out, (char)c);
	}
	++*at;
}

const char *kjson_spelling(struct kust *k, const struct node *n)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (n->tag)
		return n->tag;
	if (n->implicit)
		return n->text;
	buf_addc(&out, '"');
	for (const char *at = n->text; *at;)
		spell_char(&out, &at);
	buf_addc(&out, '"');
	return arena_strndup(&k->arena, buf_str(&out), out.len);
}
