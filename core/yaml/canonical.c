/*
 * canonical.c - a tree as Kustomize prints it, whichever way it was written.
 *
 * The reference writes its tree as YAML, reads that into Go values, writes them as
 * JSON, reads that as YAML and writes it again. What those steps do to a scalar is
 * done here at once. It fails where one of them does: infinities, keys that are no
 * texts, characters that the last reader does not take.
 */
#include <math.h>
#include <stdio.h>

#include "core/doc.h"
#include "core/utf8.h"
#include "yaml_priv.h"

#define DEPTH_MAX (4 * NODE_DEPTH_MAX)	/* trees are put into trees */
#define JSON_KEY_MAX 1023		/* go-yaml v2: a simple key's most characters */

struct canon {
	struct arena *arena;
	struct err *err;
	bool printed;		/* as YAML, before it is read into values */
};

static struct node *copy_as(struct canon *c, const struct node *n, const char *text,
			    size_t len, bool plain)
{
	struct node *copy = arena_alloc(c->arena, sizeof(*copy));

	copy->kind = NODE_SCALAR;
	copy->style = plain ? NODE_PLAIN : NODE_DOUBLE;
	copy->implicit = plain;
	copy->line = n->line;
	copy->text = text;
	copy->len = (uint32_t)len;
	return copy;
}

static struct node *plain(struct canon *c, const struct node *n, const char *text)
{
	if (strcmp(n->text, text) == 0)
		return copy_as(c, n, n->text, n->len, true);
	return copy_as(c, n, arena_strdup(c->arena, text), strlen(text), true);
}

/* A run of blanks with a U+0085 in it is folded, as in any double-quoted text. */
static struct node *fold(struct canon *c, const struct node *n, const char *s,
			 size_t len)
{
	char *out = arena_alloc(c->arena, len + 1), *to = out;

	for (size_t i = 0; i < len;) {
		size_t breaks = 0, from = i;

		while (i < len && (s[i] == ' ' || (s[i] == '\xc2' && s[i + 1] == '\x85'))) {
			breaks += s[i] != ' ';
			i += s[i] == ' ' ? 1 : 2;
		}
		if (!breaks) {
			i += i == from;
			memcpy(to, s + from, i - from);
			to += i - from;
		} else if (breaks == 1) {
			*to++ = ' ';
		} else {
			memset(to, '\n', breaks - 1);
			to += breaks - 1;
		}
	}
	return copy_as(c, n, out, (size_t)(to - out), false);
}

/* Is this one of the characters that a YAML reader refuses in JSON? At least 2 bytes. */
static bool is_refused(const unsigned char *s)
{
	if (s[0] == 0xc2)
		return s[1] < 0xa0 && s[1] != 0x85;
	return s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe;
}

static struct node *string(struct canon *c, const struct node *n, const char *text,
			   size_t len)
{
	bool folded = false;

	for (size_t i = 0; i < len; i++) {
		unsigned char b = (unsigned char)text[i];

		if (b < 0x7f)
			continue;
		if (b == 0x7f || is_refused((const unsigned char *)text + i)) {
			err_set(c->err, ERR_INVALID, "line %u: a text holds a control "
				"character that Kustomize does not print", n->line);
			return NULL;
		}
		folded = folded || (b == 0xc2 && text[i + 1] == '\x85');
	}
	return folded ? fold(c, n, text, len) : copy_as(c, n, text, len, false);
}

/* Bytes that are not UTF-8 become U+FFFD, one each. */
static struct node *clean_string(struct canon *c, const struct node *n, const char *s,
				 size_t len)
{
	char *out = arena_alloc(c->arena, 3 * len + 1), *to = out;

	for (size_t i = 0; i < len;) {
		size_t w = utf8_len(s + i, len - i);

		if (w)
			memcpy(to, s + i, w);
		else
			memcpy(to, "\xef\xbf\xbd", 3);
		to += w ? w : 3;
		i += w ? w : 1;
	}
	return string(c, n, out, (size_t)(to - out));
}

static struct node *binary(struct canon *c, const struct node *n)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (b64_decode(n->text, n->len, &out) < 0) {
		err_set(c->err, ERR_INVALID, "line %u: !!binary is not base64", n->line);
		return NULL;
	}
	if (out.len && memchr(out.data, 0, out.len)) {
		err_set(c->err, ERR_INVALID, "line %u: !!binary holds a NUL byte", n->line);
		return NULL;
	}
	return clean_string(c, n, buf_str(&out), out.len);
}

static struct node *integer(struct canon *c, const struct node *n,
			    const struct scalar *s)
{
	char text[32];

	snprintf(text, sizeof(text), "%s%llu", s->negative ? "-" : "",
		 (unsigned long long)s->magnitude);
	return plain(c, n, text);
}

/* What is an integer in the JSON between becomes one. */
static struct node *real(struct canon *c, const struct node *n, double f)
{
	char text[32];
	struct scalar s;

	if (!isfinite(f)) {
		err_set(c->err, ERR_INVALID, "line %u: '%.40s' has no JSON form; quote it if "
			"a text is meant", n->line, n->text);
		return NULL;
	}
	if (f == 0)
		return plain(c, n, "0");	/* also -0 */
	node_float_text(f, text);
	scalar_resolve(text, strlen(text), NULL, &s);
	if (s.type != SCALAR_INT)
		scalar_float_g(f, text);
	return plain(c, n, text);
}

static struct node *time_text(struct canon *c, const struct node *n)
{
	char text[48];

	if (scalar_time_text(n->text, text))
		return copy_as(c, n, arena_strdup(c->arena, text), strlen(text), false);
	err_set(c->err, ERR_INVALID, "line %u: a time zone of a day or more", n->line);
	return NULL;
}

/*
 * flow: among brackets, where the writer quotes a text that is empty, so that a
 * missing value comes back as one, and knows no block scalars.
 */
static struct node *scalar(struct canon *c, const struct node *n, bool flow)
{
	enum node_type type;
	struct scalar s;
	const char *text;
	size_t len;

	if (scalar_read3(n, &s, &type, c->err) < 0)
		return NULL;
	switch (type) {
	case NODE_NULL:
		if (flow && c->printed && !n->len && !n->tag)
			return copy_as(c, n, n->text, 0, false);
		return plain(c, n, "null");
	case NODE_BOOL:
		return plain(c, n, s.truth ? "true" : "false");
	case NODE_INT:
		return integer(c, n, &s);
	case NODE_FLOAT:
		return real(c, n, s.real);
	case NODE_TIME:
		return time_text(c, n);
	case NODE_BINARY:
		return binary(c, n);
	case NODE_STR:
	case NODE_MERGE:
		break;
	}
	if (flow || !c->printed)
		return string(c, n, n->text, n->len);
	if (text_reprint(c->arena, n, &text, &len, c->err) < 0)
		return NULL;
	return string(c, n, text, len);
}

/* How many characters the key has between its quotes in Go's JSON. */
static size_t json_chars(const struct node *key)
{
	size_t n = 0;

	for (const unsigned char *s = (const unsigned char *)key->text; *s; s++) {
		if (*s == '"' || *s == '\\' || *s == '\n' || *s == '\t' || *s == '\r' ||
		    *s == '\b' || *s == '\f')
			n += 2;
		else if (*s < 0x20 || *s == '<' || *s == '>' || *s == '&' ||
			 (*s == 0xe2 && s[1] == 0x80 && (s[2] & 0xfe) == 0xa8))
			n += 6;
		else
			n += (*s & 0xc0) != 0x80;
	}
	return n;
}

/* At the root a number does, too, and stays as it was written. */
static struct node *key(struct canon *c, const struct node *k, bool root)
{
	enum node_type type = node_type3(k);
	struct node *copy;

	if (type == NODE_NULL && c->printed && !k->len && !k->tag)
		type = NODE_STR;	/* the writer quotes it */
	if (k->bare && !root && (type != NODE_STR || !strcmp(k->text, "<<"))) {
		err_set(c->err, ERR_INVALID, "the key '%.40s' is no text once it has lost its "
			"quotes, as labels, annotations and generated data do; choose another",
			k->text);
		return NULL;
	}
	if (k->kind != NODE_SCALAR || (type != NODE_STR && !root) || type == NODE_NULL) {
		err_set(c->err, ERR_INVALID, "line %u: key '%.40s' is no text; quote it",
			k->line, k->kind == NODE_SCALAR ? k->text : "");
		return NULL;
	}
	copy = string(c, k, k->text, k->len);
	if (copy && (json_chars(copy) > JSON_KEY_MAX || strstr(k->text, "\xc2\x85"))) {
		err_set(c->err, ERR_INVALID, "line %u: a key of more than %d characters or "
			"with a line break, which Kustomize does not print", k->line,
			JSON_KEY_MAX);
		return NULL;
	}
	return copy;
}

static struct node *value(struct canon *c, const struct node *n, unsigned depth,
			  bool flow);

static struct node *map(struct canon *c, const struct node *n, struct node *copy,
			unsigned depth, bool flow)
{
	for (uint32_t i = 0; i < n->len; i += 2) {
		struct node *k = key(c, n->kids[i], depth == 0);

		if (!k)
			return NULL;
		copy->kids[copy->len] = k;
		copy->kids[copy->len + 1] = value(c, n->kids[i + 1], depth + 1, flow);
		if (!copy->kids[copy->len + 1])
			return NULL;
		copy->len += 2;
	}
	return map_check_texts(n, c->err) < 0 ? NULL : copy;
}

static struct node *value(struct canon *c, const struct node *n, unsigned depth,
			  bool flow)
{
	struct node *copy;

	if (n->kind == NODE_SCALAR)
		return scalar(c, n, flow);
	if (depth >= DEPTH_MAX) {
		err_set(c->err, ERR_LIMIT, "line %u: nested deeper than %d levels", n->line,
			DEPTH_MAX);
		return NULL;
	}
	copy = arena_alloc(c->arena, sizeof(*copy));
	copy->kind = n->kind;
	copy->line = n->line;
	copy->kids = arena_alloc(c->arena, n->len * sizeof(*copy->kids));
	copy->cap = n->len;
	flow = flow || n->style == NODE_FLOW;
	if (n->kind == NODE_MAP)
		return map(c, n, copy, depth, flow);
	for (; copy->len < n->len; copy->len++) {
		copy->kids[copy->len] = value(c, n->kids[copy->len], depth + 1, flow);
		if (!copy->kids[copy->len])
			return NULL;
	}
	return copy;
}

int node_canonical(struct arena *a, const struct node *n, struct node **ret,
		   struct err *err)
{
	struct canon c = { .arena = a, .err = err, .printed = true };

	*ret = value(&c, n, 0, false);
	return *ret ? 0 : -1;
}

int node_through_json(struct arena *a, const struct node *n, struct node **ret,
		      struct err *err)
{
	struct canon c = { .arena = a, .err = err };

	*ret = value(&c, n, 1, false);
	return *ret ? 0 : -1;
}
