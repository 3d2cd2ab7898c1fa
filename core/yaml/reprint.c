/*
 * reprint.c - what becomes of a block scalar that go-yaml v3 writes and reads again,
 * as Kustomize does with all it prints.
 *
 * A literal text comes back as it was, but one that begins with a tab cannot be
 * read. A folded text may change: the writer asks the text's beginning, where it
 * should ask the next line, whether a line is indented, and so puts a line feed too
 * much before indented lines, and too few into texts that begin with a blank.
 */
#include "yaml_priv.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* May v3 write this as a block scalar? Else it takes double quotes, without loss. */
static bool may_be_block(const char *s, size_t len)
{
	if (!len || s[len - 1] == ' ')
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if ((c & 0xc0) == 0x80 || c == '\t')
			continue;
		if (!text_is_printable(s + i) || (c == ' ' && s[i + 1] == '\n'))
			return false;
	}
	return true;
}

/* The lines that the writer makes, without their indent. At most twice as long. */
static size_t write_folded(const char *s, size_t len, char *out)
{
	bool breaks = true, indented = true;
	const char *first = s + strspn(s, "\n");
	size_t n = 0;

	for (const char *end = s + len; s < end; s++) {
		if (*s == '\n') {
			if (!breaks && !indented && !is_blank(*first))
				out[n++] = '\n';
			breaks = true;
		} else {
			if (breaks)
				indented = is_blank(*s);
			breaks = false;
		}
		out[n++] = *s;
	}
	return n;
}

static size_t put_breaks(char *out, size_t n)
{
	memset(out, '\n', n);
	return n;
}

/* Folds lines as a reader does. strip, keep: the chomping; out holds len + 1 bytes. */
static size_t read_folded(const char *s, size_t len, bool strip, bool keep, char *out)
{
	const char *end = s + len;
	size_t n = 0, breaks = 0;
	bool more = false, was_blank = false;

	for (; s < end && *s == '\n'; s++)
		breaks++;
	while (s < end) {
		const char *line = s;
		bool blank = is_blank(*s);

		if (more && !was_blank && !blank) {
			if (!breaks)
				out[n++] = ' ';
		} else if (more) {
			out[n++] = '\n';
		}
		n += put_breaks(out + n, breaks);
		while (s < end && *s != '\n')
			s++;
		memcpy(out + n, line, (size_t)(s - line));
		n += (size_t)(s - line);
		more = true;
		was_blank = blank;
		s += s < end;
		for (breaks = 0; s < end && *s == '\n'; s++)
			breaks++;
	}
	if (more && !strip)
		n += put_breaks(out + n, 1);
	if (!more || keep)
		n += put_breaks(out + n, breaks);
	return n;
}

/* Its only reader has seen to it that a folded text holds no tab at its start. */
static void refold(struct arena *a, const char **text, size_t *len)
{
	const char *s = *text;
	size_t n = *len, written;
	bool strip = s[n - 1] != '\n', keep = !strip && n > 1 && s[n - 2] == '\n';
	_cleanup_free_ char *lines = xmalloc(2 * n + 1);
	char *out = arena_alloc(a, 2 * n + 2);

	written = write_folded(s, n, lines);
	*len = read_folded(lines, written, strip, keep, out);
	*text = out;
}

int text_reprint(struct arena *a, const struct node *n, const char **text, size_t *len,
		 struct err *err)
{
	bool block = n->style == NODE_LITERAL || n->style == NODE_FOLDED ||
		     (n->style == NODE_PLAIN && memchr(n->text, '\n', n->len));

	*text = n->text;
	*len = n->len;
	if (!block || !may_be_block(n->text, n->len))
		return 0;
	if (n->text[0] == '\t')
		return err_set(err, ERR_INVALID, "line %u: a block text that begins with a "
			       "tab, which Kustomize cannot print; quote it", n->line);
	if (n->style == NODE_FOLDED)
		refold(a, text, len);
	return 0;
}
