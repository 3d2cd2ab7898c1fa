/*
 * Of a release that was rejected: who made it, why it was, what its pods said, and
 * what it changed. Short enough for one screen; each part names the command that
 * tells all of it.
 */
#include "views.h"

#define WIDTH 100		/* where no terminal says otherwise */
#define REASON_LINES 3
#define WORDS_LINES 3
#define CHANGE_LINES 3
#define VALUE_WIDTH 60
#define PATH_WIDTH 30
#define SAME_ENOUGH 8		/* bytes of a value that are not told twice */

static size_t width(const struct view_env *env)
{
	return env->width > 20 ? env->width : WIDTH;
}

/* "Title  (all: syncctl logs shop --rejected)". */
static void title(const struct view_env *env, struct buf *out, const char *s,
		  const char *command)
{
	buf_addc(out, '\n');
	view_coloured(out, env, VIEW_BOLD, s);
	if (command)
		buf_addf(out, "  (all: syncctl %s)", command);
	buf_addc(out, '\n');
}

/* How much of s fits into a line: to a space where there is one. */
static size_t fitting(const char *s, size_t columns)
{
	_cleanup_buf_ struct buf cut = BUF_INIT;
	size_t n;

	if (view_width(s) <= columns)
		return strlen(s);
	view_cut(&cut, s, columns + 1);
	n = cut.len - strlen("\xe2\x80\xa6");
	for (size_t i = n; i > n / 2; i--)
		if (s[i] == ' ')
			return i;
	return n ? n : 1;
}

static void wrapped(struct buf *out, const struct view_env *env, const char *words)
{
	_cleanup_buf_ struct buf clean = BUF_INIT;
	const char *s;

	view_clean(&clean, words);
	s = buf_str(&clean);
	for (int i = 0; i < REASON_LINES && *s; i++) {
		size_t n = fitting(s, width(env) - 2);

		buf_adds(out, "  ");
		if (i + 1 == REASON_LINES)
			view_cut(out, s, width(env) - 2);
		else
			buf_add(out, s, n);
		buf_addc(out, '\n');
		s += n + (s[n] == ' ');
	}
}

static void verdict(const struct view_app *a, const struct view_env *env,
		    struct buf *out)
{
	const char *reason = doc_get_str(a->rejected, "reason", NULL);
	const char *by = doc_get_str(a->pin, "by", NULL);
	const char *until = doc_get_str(a->pin, "until", NULL);
	_cleanup_buf_ struct buf age = BUF_INIT;

	title(env, out, a->pinned && !a->moving ? "Why it is pinned" : "Rejected", NULL);
	if (a->rejected) {
		view_age(&age, env, doc_get_str(a->rejected, "since", NULL));
		buf_adds(out, "  ");
		view_release(out, a->rejected);
		buf_addf(out, " was rejected %s ago\n", buf_str(&age));
	}
	wrapped(out, env, reason ? reason : doc_get_str(a->pin, "why", NULL));
	if (a->pinned && by && strcmp(by, "auto-revert")) {
		buf_adds(out, "  pinned by ");
		view_clean(out, by);
		if (until) {
			buf_adds(out, " until ");
			view_clean(out, until);
		}
		buf_addc(out, '\n');
	}
}

/* Lines that are too long are cut, not wrapped: all of them are one command away. */
static void cut_lines(const struct buf *text, const struct view_env *env,
		      struct buf *out)
{
	const char *s = buf_str(text);

	while (*s) {
		size_t n = strcspn(s, "\n");
		_cleanup_free_ char *line = xstrndup(s, n);

		view_cut(out, line, width(env));
		buf_addc(out, '\n');
		s += n + (s[n] == '\n');
	}
}

static void last_words(const struct view_app *a, const json_t *evidence,
		       const struct view_env *env, struct buf *out)
{
	_cleanup_free_ char *command = xasprintf("logs %s --rejected", a->name);
	_cleanup_buf_ struct buf words = BUF_INIT;

	if (!view_last_words(evidence, WORDS_LINES, &words))
		return;
	title(env, out, "What its pods said", command);
	cut_lines(&words, env, out);
}

/* ---- what it changed ---- */

static void add_value(struct buf *out, const char *text)
{
	_cleanup_buf_ struct buf clean = BUF_INIT;

	view_clean(&clean, text);
	view_cut(out, clean.len ? buf_str(&clean) : "\"\"", VALUE_WIDTH);
}

static char *value_of(const json_t *v)
{
	struct buf text = BUF_INIT;

	if (!v)
		return NULL;
	if (json_is_string(v))
		buf_adds(&text, json_string_value(v));
	else
		doc_write(v, &text);
	return text.data ? buf_steal(&text, NULL) : xstrdup("");
}

/* What b says otherwise than a, from the last sign before it: "v2.8.0" of an image. */
static const char *news(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	while (n && !strchr("/:@=, ", b[n - 1]))
		n--;
	return n >= SAME_ENOUGH ? b + n : b;
}

/* "spec.template.spec.containers[api].image": its last two steps say enough. */
static void add_path(struct buf *out, const char *path)
{
	size_t n = strlen(path);

	for (int dots = 0; n && view_width(path) > PATH_WIDTH; n--)
		if (path[n - 1] == '.' && ++dots == 2)
			break;
	if (n && n < strlen(path) && view_width(path) > PATH_WIDTH) {
		buf_adds(out, "\xe2\x80\xa6");
		path += n;
	}
	view_clean(out, path);
}

static void add_field(struct buf *out, const json_t *field)
{
	_cleanup_free_ char *before = value_of(json_object_get(field, "before"));
	_cleanup_free_ char *after = value_of(json_object_get(field, "after"));
	const char *path = doc_get_str(field, "path", NULL);

	buf_adds(out, "  ");
	add_path(out, path ? path : "");
	buf_adds(out, before ? ": " : ": added ");
	if (before)
		add_value(out, before);
	if (before && after)
		buf_adds(out, " -> ");
	if (after)
		add_value(out, before ? news(before, after) : after);
	buf_adds(out, after ? "" : " (removed)");
}

static void add_object(struct buf *out, const json_t *c)
{
	const char *ns = doc_get_str(c, "namespace", NULL);

	buf_adds(out, "  ");
	view_clean(out, doc_get_str(c, "kind", NULL));
	buf_addc(out, '/');
	view_clean(out, ns);
	buf_adds(out, ns && *ns ? "/" : "");
	view_clean(out, doc_get_str(c, "name", NULL));
}

/* A line per field, or one for an object that came or went. How many there are. */
static size_t change_lines(const json_t *changes, struct buf *out)
{
	const json_t *c, *field;
	size_t i, k, n = 0;

	json_array_foreach((json_t *)changes, i, c) {
		const char *how = doc_get_str(c, "change", NULL);

		if (how && strcmp(how, "update")) {
			if (n++ >= CHANGE_LINES)
				continue;
			add_object(out, c);
			buf_addf(out, "  %s\n", *how == 'c' ? "new" : "gone");
			continue;
		}
		json_array_foreach(json_object_get(c, "fields"), k, field) {
			if (n++ >= CHANGE_LINES)
				continue;
			add_object(out, c);
			add_field(out, field);
			buf_addc(out, '\n');
		}
	}
	return n;
}

static void differences(const struct view_app *a, const json_t *changes,
			const struct view_env *env, struct buf *out)
{
	const json_t *good = doc_get(a->syncd, "lastGood", NULL);
	_cleanup_buf_ struct buf lines = BUF_INIT, words = BUF_INIT;
	_cleanup_free_ char *command = xasprintf("diff %s --release %lld %lld", a->name,
		(long long)doc_get_int(good, 0, "id", NULL),
		(long long)doc_get_int(a->rejected, 0, "id", NULL));
	size_t n = change_lines(changes, &lines);

	if (!n)
		return;
	if (n > CHANGE_LINES)
		buf_addf(&words, "What it changed, %d of %zu", CHANGE_LINES, n);
	else
		buf_adds(&words, "What it changed");
	title(env, out, buf_str(&words), command);
	cut_lines(&lines, env, out);
}

void view_rejected(const struct view_app *a, const struct view_kept *kept,
		   const struct view_env *env, struct buf *out)
{
	if (!a->rejected && !a->pin)
		return;
	verdict(a, env, out);
	if (!kept || !a->rejected)
		return;
	last_words(a, kept->evidence, env, out);
	differences(a, kept->changes, env, out);
}
