/*
 * json_write.c - nodes -> canonical JSON: compact, keys sorted by their bytes,
 * numbers as Go's encoding/json prints what sigs.k8s.io/yaml makes of them.
 */
#include <math.h>
#include <stdio.h>

#include "yaml_priv.h"

/*
 * What JSON takes as it is and a YAML reader does not (an apply is read as YAML):
 * control characters, the byte order mark, and line breaks beyond "\n", which would
 * be folded. 0, or how many bytes of s it is, in UTF-8.
 */
static size_t unsafe_in_yaml(const unsigned char *s, size_t left, unsigned *ret_rune)
{
	if (s[0] == 0x7f) {
		*ret_rune = 0x7f;
		return 1;
	}
	if (s[0] == 0xc2 && left > 1 && s[1] < 0xa0) {
		*ret_rune = s[1];
		return 2;
	}
	if ((s[0] != 0xe2 && s[0] != 0xef) || left < 3)
		return 0;
	*ret_rune = (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
	return *ret_rune == 0x2028 || *ret_rune == 0x2029 || *ret_rune == 0xfeff ||
	       *ret_rune >= 0xfffe ? 3 : 0;
}

static size_t write_escape(struct buf *out, const char *s, const char *end)
{
	unsigned char c = (unsigned char)*s;
	unsigned rune = c;
	size_t n = 1;

	if (c >= 0x7f) {
		n = unsafe_in_yaml((const unsigned char *)s, (size_t)(end - s), &rune);
		if (n)
			buf_addf(out, "\\u%04x", rune);
	} else if (c == '\n') {
		buf_adds(out, "\\n");
	} else if (c == '\t') {
		buf_adds(out, "\\t");
	} else if (c == '"' || c == '\\') {
		buf_addf(out, "\\%c", c);
	} else {
		buf_addf(out, "\\u%04x", c);
	}
	return n;
}

static bool needs_escape(unsigned char c)
{
	return c < 0x20 || c == '"' || c == '\\' || c == 0x7f || c == 0xc2 ||
	       c == 0xe2 || c == 0xef;
}

static void write_string(struct buf *out, const char *s, size_t len)
{
	const char *end = s + len;

	buf_addc(out, '"');
	while (s < end) {
		const char *from = s;
		size_t n;

		while (s < end && !needs_escape((unsigned char)*s))
			s++;
		buf_add(out, from, (size_t)(s - from));
		if (s == end)
			break;
		n = write_escape(out, s, end);
		if (!n)		/* a letter that only begins like one of those */
			buf_addc(out, *s);
		s += n ? n : 1;
	}
	buf_addc(out, '"');
}

/* A !!binary text is decoded by yaml v2; what is not UTF-8 JSON cannot carry. */
static int write_binary(const struct node *n, struct buf *out, struct err *err)
{
	(void)out;
	return err_set(err, ERR_INVALID, "line %u: !!binary is not supported; write the "
		       "base64 text without the tag", n->line);
}

static int write_scalar(const struct node *n, struct buf *out, struct err *err)
{
	char text[32];
	struct scalar s;

	if (n->tag && strcmp(n->tag, "tag:yaml.org,2002:binary") == 0)
		return write_binary(n, out, err);
	if (node_scalar(n, &s, err) < 0)
		return -1;
	switch (s.type) {
	case SCALAR_NULL:
		buf_adds(out, "null");
		break;
	case SCALAR_BOOL:
		buf_adds(out, s.truth ? "true" : "false");
		break;
	case SCALAR_INT:
		buf_addf(out, "%s%llu", s.negative ? "-" : "",
			 (unsigned long long)s.magnitude);
		break;
	case SCALAR_FLOAT:
		if (!isfinite(s.real))
			return err_set(err, ERR_INVALID, "line %u: '%s' has no JSON form; "
				       "quote it if a text is meant", n->line, n->text);
		node_float_text(s.real, text);
		buf_adds(out, text);
		break;
	case SCALAR_STRING:
		write_string(out, n->text, n->len);
		break;
	}
	return 0;
}

struct pair {
	const char *key;
	const struct node *value;
	char tmp[32];
};

static int pair_cmp(const void *a, const void *b)
{
	const struct pair *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

/* Fills pairs and a sorted list of pointers to them. */
static int sort_pairs(const struct node *map, struct pair *pairs,
		      struct pair **sorted, struct err *err)
{
	size_t n = map->len / 2;
	bool in_order = true;

	for (size_t i = 0; i < n; i++) {
		pairs[i].key = node_key_text(map->kids[2 * i], pairs[i].tmp, err);
		if (!pairs[i].key)
			return -1;
		pairs[i].value = map->kids[2 * i + 1];
		sorted[i] = &pairs[i];
		in_order = in_order && (!i || strcmp(pairs[i - 1].key, pairs[i].key) < 0);
	}
	if (!in_order)
		qsort(sorted, n, sizeof(*sorted), pair_cmp);
	return 0;
}

static int write_map(const struct node *map, struct buf *out, struct err *err)
{
	struct pair few[16], *few_sorted[16];
	_cleanup_free_ struct pair *many = NULL;
	_cleanup_free_ struct pair **many_sorted = NULL;
	struct pair *pairs = few, **sorted = few_sorted;
	size_t n = map->len / 2;

	if (n > ARRAY_LEN(few)) {
		pairs = many = xcalloc(n, sizeof(*many));
		sorted = many_sorted = xcalloc(n, sizeof(struct pair *));
	}
	if (sort_pairs(map, pairs, sorted, err) < 0)
		return -1;
	buf_addc(out, '{');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(out, ',');
		write_string(out, sorted[i]->key, strlen(sorted[i]->key));
		buf_addc(out, ':');
		if (node_to_json(sorted[i]->value, out, err) < 0)
			return -1;
	}
	buf_addc(out, '}');
	return 0;
}

int node_to_json(const struct node *n, struct buf *out, struct err *err)
{
	if (n->kind == NODE_SCALAR)
		return write_scalar(n, out, err);
	if (n->kind == NODE_MAP)
		return write_map(n, out, err);
	buf_addc(out, '[');
	for (uint32_t i = 0; i < n->len; i++) {
		if (i)
			buf_addc(out, ',');
		if (node_to_json(n->kids[i], out, err) < 0)
			return -1;
	}
	buf_addc(out, ']');
	return 0;
}
