/*
 * Compact JSON text to YAML, without a tree in between: numbers keep the spelling
 * they were rendered with. The input is ours (canonical JSON or doc_write): on
 * anything else the output ends early.
 */
#include "views.h"

#include "core/mem.h"

#include <strings.h>

struct yaml {
	const char *s, *end;
	struct buf *out;
};

/* What a YAML 1.1 reader would not take for a string. */
static bool is_word(const char *s, size_t n)
{
	static const char *const words[] = {
		"true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan",
		"inf",
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strlen(words[i]) == n && !strncasecmp(words[i], s, n))
			return true;
	return false;
}

/* May it stand without quotes? Only where no reader could see anything else. */
static bool is_plain(const char *s, size_t n)
{
	if (!n || is_word(s, n) || !strchr("/_abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ", s[0]))
		return false;
	for (size_t i = 0; i < n; i++) {
		bool colon = s[i] == ':' && i + 1 < n;

		if (!colon && !strchr("/_.-+abcdefghijklmnopqrstuvwxyz0123456789"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ", s[i]))
			return false;
	}
	return true;
}

/* A literal block keeps its text as it is: lines, quotes and backslashes only. */
static bool is_block(const struct buf *text)
{
	const char *s = buf_str(text);
	size_t n;

	if (!strchr(s, '\n') || s[0] == ' ' || s[0] == '\n' || s[0] == '\t' ||
	    (text->len > 1 && !strcmp(s + text->len - 2, "\n\n")))
		return false;
	for (; *s; s++)
		if (((unsigned char)*s < 0x20 && *s != '\n') || view_unsafe_char(s, &n) ||
		    (s[0] == ' ' && (s[1] == '\n' || !s[1])))
			return false;
	return true;
}

static void indent(struct yaml *y, int depth)
{
	for (int i = 0; i < depth; i++)
		buf_adds(y->out, "  ");
}

static void write_block(struct yaml *y, const struct buf *text, int depth)
{
	const char *s = buf_str(text);
	bool ends = s[text->len - 1] == '\n';

	buf_adds(y->out, ends ? "|" : "|-");
	while (*s) {
		size_t n = strcspn(s, "\n");

		buf_addc(y->out, '\n');
		if (n)
			indent(y, depth);
		buf_add(y->out, s, n);
		s += n + (s[n] == '\n');
	}
}

/* Past the closing quote; the literal with its quotes is s..y->s. */
static void skip_string(struct yaml *y)
{
	for (y->s++; y->s < y->end && *y->s != '"'; y->s++)
		if (*y->s == '\\')
			y->s++;
	y->s = y->s < y->end ? y->s + 1 : y->end;
}

/* Only \n, \" and \\ are decoded; false when there is any other escape. */
static bool decode(const char *s, const char *end, struct buf *text)
{
	for (; s < end; s++) {
		if (*s != '\\') {
			buf_addc(text, *s);
			continue;
		}
		s++;
		if (*s == 'n')
			buf_addc(text, '\n');
		else if (*s == '"' || *s == '\\')
			buf_addc(text, *s);
		else
			return false;
	}
	return true;
}

/*
 * A JSON string is a YAML one, but for what YAML takes for a line break or does not allow;
 * what steers a terminal or reorders what a reader sees is escaped as well.
 */
static void write_quoted(struct yaml *y, const char *s, const char *end)
{
	size_t n;

	while (s < end) {
		uint32_t c = view_unsafe_char(s, &n);

		if (c)
			buf_addf(y->out, "\\u%04x", (unsigned)c);
		else
			buf_addc(y->out, *s);
		s += c ? n : 1;
	}
}

static void write_string(struct yaml *y, int depth, bool is_key)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *start = y->s;
	size_t n;

	skip_string(y);
	n = (size_t)(y->s - start);
	if (n >= 2 && is_plain(start + 1, n - 2))
		buf_add(y->out, start + 1, n - 2);
	else if (n >= 2 && !is_key && decode(start + 1, y->s - 1, &text) &&
		 is_block(&text))
		write_block(y, &text, depth);
	else
		write_quoted(y, start, y->s);
}

static void write_scalar(struct yaml *y, int depth)
{
	if (*y->s == '"') {
		write_string(y, depth, false);
		return;
	}
	while (y->s < y->end && !strchr(",]}", *y->s))
		buf_addc(y->out, *y->s++);
}

static void write_value(struct yaml *y, int depth, bool in_list);

static bool is_empty(const struct yaml *y)
{
	return y->end - y->s >= 2 &&
	       (!memcmp(y->s, "{}", 2) || !memcmp(y->s, "[]", 2));
}

/* After "- " the first member stays on the line. */
static void write_object(struct yaml *y, int depth, bool in_list)
{
	for (bool first = true; y->s < y->end && *y->s != '}'; first = false) {
		y->s++;		/* "{" or "," */
		if (!first || !in_list) {
			buf_addc(y->out, '\n');
			indent(y, depth);
		}
		if (y->s < y->end && *y->s == '"')
			write_string(y, depth, true);
		else
			y->s = y->end;
		buf_addc(y->out, ':');
		if (y->s < y->end)
			y->s++;
		write_value(y, depth + 1, false);
	}
	if (y->s < y->end)
		y->s++;
}

/* Lists are not indented below their key, as kubectl writes them. */
static void write_list(struct yaml *y, int depth, bool in_list)
{
	for (bool first = true; y->s < y->end && *y->s != ']'; first = false) {
		y->s++;
		if (!first || !in_list) {
			buf_addc(y->out, '\n');
			indent(y, depth);
		}
		buf_addc(y->out, '-');
		write_value(y, depth + 1, true);
	}
	if (y->s < y->end)
		y->s++;
}

static void write_value(struct yaml *y, int depth, bool in_list)
{
	if (y->s >= y->end || depth > 2048) {
		y->s = y->end;
		return;
	}
	if (is_empty(y)) {
		buf_addc(y->out, ' ');
		buf_add(y->out, y->s, 2);
		y->s += 2;
		return;
	}
	if (*y->s != '{' && *y->s != '[') {
		buf_addc(y->out, ' ');
		write_scalar(y, depth);
		return;
	}
	if (in_list)
		buf_addc(y->out, ' ');
	if (*y->s == '{')
		write_object(y, depth, in_list);
	else
		write_list(y, in_list ? depth : depth - 1, in_list);
}

void view_yaml(const char *json, size_t len, struct buf *out)
{
	struct yaml y = { json, json + len, out };
	size_t start = out->len;

	if (is_empty(&y))
		buf_add(out, json, 2);
	else if (len && json[0] == '{')
		write_object(&y, 0, false);
	else if (len && json[0] == '[')
		write_list(&y, 0, false);
	else
		write_scalar(&y, 1);
	/* The first line began with the newline before its key. */
	if (out->len > start && out->data[start] == '\n') {
		memmove(out->data + start, out->data + start + 1, out->len - start);
		out->len--;
	}
	buf_addc(out, '\n');
}
