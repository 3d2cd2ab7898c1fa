/*
 * The renderer's errors and warnings are words. Which file they are about is found by
 * the files that the render asked for: a name among them is one, wherever it stands.
 */
#include "checks.h"

#include <ctype.h>

#define FILE_MAX ((size_t)16 << 20)

/* Digits at s, and what follows them; NULL: there are none. */
static const char *number(const char *s, unsigned *ret)
{
	unsigned long n = 0;
	const char *start = s;

	for (; isdigit((unsigned char)*s) && s - start < 9; s++)
		n = n * 10 + (unsigned long)(*s - '0');
	*ret = (unsigned)n;
	return s > start && n ? s : NULL;
}

static bool is_known(const struct unit *u, const char *path)
{
	const struct read_row *rows = u->reads.rows.data;
	size_t from = 0, to = u->reads.rows.len;

	if (!strcmp(path, u->file))
		return true;
	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (strcmp(rows[middle].path, path) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	for (; from < u->reads.rows.len && !strcmp(rows[from].path, path); from++)
		if (rows[from].op == READ_FILE)
			return true;
	return false;
}

/* The longest name of a file that begins at s; NULL: none does. *ret_end is behind it. */
static char *file_at(const char *s, const struct unit *u, const char **ret_end)
{
	char *found = NULL;

	for (size_t n = 1; *s && s[n - 1]; n++) {
		_cleanup_free_ char *path = NULL;

		if (s[n] && !strchr(" :;,'\")", s[n]))
			continue;
		path = xstrndup(s, n);
		if (!is_known(u, path))
			continue;
		free(found);
		found = steal(&path);
		*ret_end = s + n;
	}
	return found;
}

static unsigned line_of_byte(struct files *files, const char *path, unsigned byte)
{
	_cleanup_free_ char *text = NULL;
	struct err err = ERR_INIT;
	unsigned line = 1;
	size_t len = 0;

	if (files->ops->read(files, path, FILE_MAX, &text, &len, &err))
		return 1;
	for (size_t i = 0; i < len && i < byte; i++)
		line += text[i] == '\n';
	return line;
}

/* What says where in the file; s is behind its name. Returns what is behind that. */
static const char *read_line(const char *s, struct files *files, struct message_place *p)
{
	const char *end = NULL;
	unsigned n = 0;

	p->line = 1;
	if (*s == ':' && isdigit((unsigned char)s[1]))
		end = number(s + 1, &p->line);
	else if (!strncmp(s, ": line ", 7))
		end = number(s + 7, &p->line);
	if (end)
		return end;
	p->line = 1;
	/* the byte stays in the message */
	if (!strncmp(s, ": byte ", 7) && number(s + 7, &n))
		p->line = line_of_byte(files, p->file, n);
	return s;
}

static const char *skip_colon(const char *s)
{
	return s + (*s == ':') + (*s == ':' && s[1] == ' ');
}

static bool known_place(const char *message, const struct unit *u, struct files *files,
			struct message_place *ret)
{
	for (const char *s = message; *s; s++) {
		const char *end = NULL;

		if (s > message && !strchr(" '\"(", s[-1]))
			continue;
		ret->file = file_at(s, u, &end);
		if (!ret->file)
			continue;
		end = read_line(end, files, ret);
		ret->rest = s == message && *end == ':' ? skip_colon(end) : message;
		return true;
	}
	return false;
}

/* "path:12: what" */
static bool any_place(const char *message, struct message_place *ret)
{
	const char *colon = strchr(message, ':'), *end;

	if (!colon || colon == message ||
	    memchr(message, ' ', (size_t)(colon - message)))
		return false;
	end = number(colon + 1, &ret->line);
	if (!end && !strncmp(colon, ": line ", 7))
		end = number(colon + 7, &ret->line);
	if (!end || *end != ':')
		return false;
	ret->file = xstrndup(message, (size_t)(colon - message));
	ret->rest = skip_colon(end);
	return true;
}

bool message_place(const char *message, const struct unit *u, struct files *files,
		   struct message_place *ret)
{
	return known_place(message, u, files, ret) || any_place(message, ret);
}
