/*
 * path_glob.c - the globs of source.directory.include and exclude.
 *
 * Argo CD compiles them with gobwas/glob without separators: `*` and `**` match
 * anything, '/' too; `?` one character; `[abc]`, `[a-z]`, `[!a-z]`; `{a,b}`, which
 * may nest; a backslash takes the next character literally. Here they become a
 * regular expression over the whole path. A pattern that cannot be one is an error
 * (Argo CD logs it and then excludes nothing).
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "render_priv.h"

#define PATTERN_MAX 1024
#define DEPTH_MAX 16

struct path_glob {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *limits;
};

static void add_literal(struct buf *re, char c)
{
	if (c && strchr("\\^$.[]|()?*+{}-#&~", c))
		buf_addc(re, '\\');
	buf_addc(re, c);
}

/* Behind '['; *at moves behind ']'. */
static bool add_class(struct buf *re, const char **at)
{
	const char *p = *at;
	size_t members = 0;

	buf_addc(re, '[');
	if (*p == '!') {
		buf_addc(re, '^');
		p++;
	}
	for (; *p && *p != ']'; p++, members++) {
		if (*p == '-' && members && p[1] && p[1] != ']') {
			buf_addc(re, '-');
			continue;
		}
		if (*p == '\\' && p[1])
			p++;
		add_literal(re, *p);
	}
	buf_addc(re, ']');
	*at = p + 1;
	return *p == ']' && members;
}

static bool translate(const char *p, struct buf *re)
{
	int depth = 0;

	while (*p) {
		char c = *p++;

		if (c == '*') {
			p += strspn(p, "*");
			buf_adds(re, ".*");
		} else if (c == '?') {
			buf_addc(re, '.');
		} else if (c == '[') {
			if (!add_class(re, &p))
				return false;
		} else if (c == '{') {
			if (++depth > DEPTH_MAX)
				return false;
			buf_adds(re, "(?:");
		} else if (c == ',' && depth) {
			buf_addc(re, '|');
		} else if (c == '}' && depth) {
			depth--;
			buf_addc(re, ')');
		} else if (c == '\\' && *p) {
			add_literal(re, *p++);
		} else {
			add_literal(re, c);
		}
	}
	return depth == 0;
}

struct path_glob *path_glob_new(const char *pattern, struct err *err)
{
	_cleanup_buf_ struct buf re = BUF_INIT;
	struct path_glob *g;
	pcre2_code *code = NULL;
	PCRE2_SIZE at;
	int number;

	if (strlen(pattern) <= PATTERN_MAX && translate(pattern, &re))
		code = pcre2_compile((PCRE2_SPTR)buf_str(&re), re.len,
				     PCRE2_UTF | PCRE2_DOTALL | PCRE2_ANCHORED |
				     PCRE2_ENDANCHORED, &number, &at, NULL);
	if (!code) {
		err_set(err, ERR_INVALID, "'%.80s' is not a glob: close its brackets, quote "
			"special characters with a backslash", pattern);
		return NULL;
	}
	g = xcalloc(1, sizeof(*g));
	g->code = code;
	g->data = pcre2_match_data_create(1, NULL);
	g->limits = pcre2_match_context_create(NULL);
	if (!g->data || !g->limits)
		abort();	/* out of memory */
	pcre2_set_match_limit(g->limits, 200000);
	return g;
}

struct path_glob *path_glob_free(struct path_glob *g)
{
	if (!g)
		return NULL;
	pcre2_match_context_free(g->limits);
	pcre2_match_data_free(g->data);
	pcre2_code_free(g->code);
	free(g);
	return NULL;
}

int path_glob_match(const struct path_glob *g, const char *path)
{
	int r = pcre2_match(g->code, (PCRE2_SPTR)path, strlen(path), 0, 0, g->data,
			    g->limits);

	return r >= 0 ? 1 : r == PCRE2_ERROR_NOMATCH ? 0 : -1;
}
