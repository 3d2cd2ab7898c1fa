/*
 * yamltext.c - a YAML text in which a field is changed (serializeAsYAML).
 *
 * The reference parses the text with its comments and styles, and prints all of it
 * anew. A tree of ours has no comments and knows no brackets; so the lines of the
 * text are the witness: the tree is printed beside them, each line must be what is
 * printed, or that and a comment, and then they tell how to print the changed tree.
 * A text for which that does not come out is refused.
 */
#include <ctype.h>

#include "yamltext.h"

struct line {
	const char *text;	/* without its comment */
	const char *comment;	/* " # ..." behind it, or "" */
	size_t above;		/* lines of comments before it */
};

struct yamltext {
	struct arena *a;
	const char **raw;	/* all lines, from 1 */
	size_t n_raw;
	struct line *lines;	/* by number; text NULL: not seen */
	bool checking, wrong;
	size_t next;		/* checking: the next raw line */
	struct buf *out;	/* writing */
};

/* --- lines ------------------------------------------------------------------------- */

static size_t indent_of(const char *s)
{
	return strspn(s, " ");
}

static bool is_comment(const char *s)
{
	return s[indent_of(s)] == '#';
}

static const char **split_lines(struct arena *a, const char *text, size_t *n)
{
	size_t len = strlen(text), max = 2;
	const char **out;

	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	for (size_t i = 0; i < len; i++)
		max += text[i] == '\n';
	out = arena_alloc(a, (max + 1) * sizeof(*out));
	for (*n = 0; len;) {
		const char *nl = memchr(text, '\n', len);
		size_t part = nl ? (size_t)(nl - text) : len;

		out[++*n] = arena_strndup(a, text, part);
		text += part + !!nl;
		len -= part + !!nl;
	}
	return out;
}

static bool ends_in_blank(const char *s)
{
	size_t n = strlen(s);

	return n && s[n - 1] == ' ';
}

/* The next raw line is to be s, with comments above (as deep as it) and behind. */
static void check_line(struct yamltext *t, const char *s, uint32_t number)
{
	size_t n = strlen(s), above = 0;
	const char *raw;

	while (t->next <= t->n_raw && is_comment(t->raw[t->next])) {
		t->wrong = t->wrong || indent_of(t->raw[t->next]) != indent_of(s);
		t->next++;
		above++;
	}
	raw = t->next <= t->n_raw ? t->raw[t->next] : "";
	if (t->next != number || strncmp(raw, s, n) != 0 ||
	    (raw[n] && (strncmp(raw + n, " #", 2) != 0 || ends_in_blank(raw)))) {
		t->wrong = true;
		return;
	}
	t->lines[number] = (struct line){ s, raw + n, above };
	t->next++;
}

static void put_line(struct yamltext *t, const char *s, uint32_t number)
{
	static const struct line none = { "", "", 0 };
	const struct line *l = number && number <= t->n_raw ? t->lines + number : &none;

	for (size_t i = l->above; i > 0; i--)
		buf_addf(t->out, "%s\n", t->raw[number - i]);
	buf_addf(t->out, "%s%s\n", s, l->text ? l->comment : "");
}

static void line(struct yamltext *t, const char *s, uint32_t number)
{
	if (t->wrong)
		return;
	if (t->checking)
		check_line(t, s, number);
	else
		put_line(t, s, number);
}

/* --- values ------------------------------------------------------------------------ */

/* A plain text that needs no quotes wherever it stands. */
static bool is_simple(const char *s)
{
	if (!isalnum((unsigned char)*s))
		return false;
	for (; *s; s++) {
		if (!isalnum((unsigned char)*s) && !strchr("_-./", *s) &&
		    !(*s == ':' && isalnum((unsigned char)s[1])))
			return false;
	}
	return true;
}

static bool is_ascii(const char *s, const char *but)
{
	for (; *s; s++) {
		if (*s < ' ' || *s > '~' || strchr(but, *s))
			return false;
	}
	return true;
}

/* NULL: not on one line, or not surely so. */
static const char *scalar(struct yamltext *t, const struct node *n)
{
	if (n->style == NODE_SINGLE && is_ascii(n->text, "'"))
		return arena_printf(t->a, "'%s'", n->text);
	if (n->style == NODE_DOUBLE && is_ascii(n->text, "\"\\"))
		return arena_printf(t->a, "\"%s\"", n->text);
	if (n->style != NODE_PLAIN || strchr(n->text, '\n'))
		return NULL;
	if (n->implicit && !n->tag)	/* as it was, or made by us */
		return t->checking || is_simple(n->text) || !n->len ? n->text : NULL;
	if (!is_simple(n->text) || (n->tag && t->checking))
		return NULL;
	if (n->tag)	/* what kretext() leaves where it does not fit */
		return arena_printf(t->a, "!!%s %s", strrchr(n->tag, ':') + 1, n->text);
	/* It was a text before, which its new text may not look like. */
	return node_type3(&(struct node){ .kind = NODE_SCALAR, .implicit = true,
			  .text = n->text, .len = n->len }) == NODE_STR ?
	       n->text : arena_printf(t->a, "\"%s\"", n->text);
}

static bool flow(struct yamltext *t, const struct node *n, struct buf *out)
{
	bool map = n->kind == NODE_MAP;
	const char *s;

	if (n->kind == NODE_SCALAR) {
		s = scalar(t, n);
		if (!s || !*s || (n->implicit && strpbrk(s, ",[]{}")))
			return false;
		buf_adds(out, s);
		return true;
	}
	buf_addc(out, map ? '{' : '[');
	for (uint32_t i = 0; i < n->len; i++) {
		if (i)
			buf_adds(out, map && i % 2 ? ": " : ", ");
		if (!flow(t, n->kids[i], out))
			return false;
	}
	buf_addc(out, map ? '}' : ']');
	return true;
}

/* Does the text have this collection in brackets? New ones are not. */
static bool is_flow(const struct yamltext *t, const struct node *n)
{
	const char *s = n->line && n->line <= t->n_raw ? t->raw[n->line] : "";
	size_t end;

	if (!n->len)
		return true;
	if (t->checking ? !strpbrk(s, "[{") : !t->lines[n->line].text)
		return false;
	if (!t->checking)
		end = strlen(t->lines[n->line].text);
	else
		end = strcspn(s, "#");
	while (end && s[end - 1] == ' ')
		end--;
	return end && strchr("]}", s[end - 1]);
}

/* --- the tree ---------------------------------------------------------------------- */

static void put(struct yamltext *t, const char *before, const struct node *n,
		size_t indent, uint32_t number);

static const char *blanks(struct yamltext *t, size_t n)
{
	return arena_printf(t->a, "%*s", (int)n, "");
}

/* first: what stands before the first key, on its line ("- "). */
static void put_map(struct yamltext *t, const char *first, const struct node *n,
		    size_t indent)
{
	for (uint32_t i = 0; i < n->len && !t->wrong; i += 2) {
		const char *key = scalar(t, n->kids[i]);

		if (!key || !*key) {
			t->wrong = true;
			return;
		}
		put(t, arena_printf(t->a, "%s%s:", i ? blanks(t, indent) : first, key),
		    n->kids[i + 1], indent, n->kids[i]->line);
	}
}

static void put_items(struct yamltext *t, const char *first, const struct node *n,
		      size_t indent)
{
	for (uint32_t i = 0; i < n->len && !t->wrong; i++)
		put(t, arena_printf(t->a, "%s-", i ? blanks(t, indent) : first), n->kids[i],
		    indent, n->kids[i]->line);
}

/* A value behind "key:" or "-", which stand at indent. */
static void put(struct yamltext *t, const char *before, const struct node *n,
		size_t indent, uint32_t number)
{
	_cleanup_buf_ struct buf s = BUF_INIT;
	bool item = before[strlen(before) - 1] == '-';
	const char *text = "";

	if (n->kind == NODE_SCALAR) {
		text = scalar(t, n);
		t->wrong = t->wrong || !text;
	} else if (is_flow(t, n)) {
		t->wrong = t->wrong || !flow(t, n, &s);
		text = buf_str(&s);
	} else if (item) {
		before = arena_printf(t->a, "%s ", before);
		if (n->kind == NODE_MAP)
			put_map(t, before, n, indent + 2);
		else
			put_items(t, before, n, indent + 2);
		return;
	}
	if (t->wrong)
		return;
	line(t, *text ? arena_printf(t->a, "%s %s", before, text) : before, number);
	if (*text || n->kind == NODE_SCALAR)
		return;
	if (n->kind == NODE_MAP)
		put_map(t, blanks(t, indent + 2), n, indent + 2);
	else
		put_items(t, blanks(t, indent), n, indent);
}

static void put_root(struct yamltext *t, const struct node *tree)
{
	if (tree->kind == NODE_MAP && tree->len)
		put_map(t, "", tree, 0);
	else if (tree->kind == NODE_LIST && tree->len)
		put_items(t, "", tree, 0);
	else
		t->wrong = true;
}

struct yamltext *yamltext_read(struct arena *a, const char *text,
			       const struct node *tree)
{
	struct yamltext *t = arena_alloc(a, sizeof(*t));

	*t = (struct yamltext){ .a = a, .checking = true, .next = 1 };
	t->raw = split_lines(a, text, &t->n_raw);
	t->lines = arena_alloc(a, (t->n_raw + 1) * sizeof(*t->lines));
	put_root(t, tree);
	if (t->wrong || t->next <= t->n_raw)
		return NULL;
	t->checking = false;
	return t;
}

bool yamltext_write(struct yamltext *t, const struct node *tree, struct buf *out)
{
	t->out = out;
	put_root(t, tree);
	if (out->len)	/* the last newline */
		out->data[--out->len] = '\0';
	return !t->wrong && !buf_overflowed(out);
}
