/* Patterns of the conformance script. */
#include <regex.h>
#include <string.h>

#include "confscript.h"
#include "core/doc.h"

static bool match(const json_t *p, const json_t *v, struct buf *path, struct buf *why);

static bool differs(const json_t *p, const json_t *v, const struct buf *path,
		    struct buf *why)
{
	buf_addf(why, "%s: want ", path->len ? buf_str(path) : "(root)");
	doc_write(p, why);
	buf_adds(why, ", got ");
	if (v)
		doc_write(v, why);
	else
		buf_adds(why, "nothing");
	return false;
}

static bool regex_fits(const char *re, const char *s)
{
	regex_t r;
	bool fits;

	if (!s || regcomp(&r, re, REG_EXTENDED | REG_NOSUB))
		return false;
	fits = !regexec(&r, s, 0, NULL, 0);
	regfree(&r);
	return fits;
}

static bool match_object(const json_t *p, const json_t *v, struct buf *path,
			 struct buf *why)
{
	size_t len = path->len;
	const char *key;
	json_t *want;

	if (!json_is_object(v))
		return differs(p, v, path, why);
	json_object_foreach((json_t *)p, key, want) {
		buf_addf(path, ".%s", key);
		if (!match(want, json_object_get(v, key), path, why))
			return false;
		path->len = len;
		path->data[len] = '\0';
	}
	return true;
}

static bool somewhere(const json_t *want, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		_cleanup_buf_ struct buf path = BUF_INIT, why = BUF_INIT;

		if (match(want, json_array_get(list, i), &path, &why))
			return true;
	}
	return false;
}

static bool match_array(const json_t *p, const json_t *v, struct buf *path,
			struct buf *why)
{
	const char *first = json_string_value(json_array_get(p, 0));
	bool loose = first && !strcmp(first, "...");
	size_t len = path->len;

	if (!json_is_array(v) || (!loose && json_array_size(p) != json_array_size(v)))
		return differs(p, v, path, why);
	for (size_t i = loose; i < json_array_size(p); i++) {
		const json_t *want = json_array_get(p, i);

		if (loose && !somewhere(want, v))
			return differs(want, v, path, why);
		if (loose)
			continue;
		buf_addf(path, "[%zu]", i);
		if (!match(want, json_array_get(v, i), path, why))
			return false;
		path->len = len;
		path->data[len] = '\0';
	}
	return true;
}

static bool match(const json_t *p, const json_t *v, struct buf *path, struct buf *why)
{
	const char *s = json_string_value(p);

	if (json_is_null(p))
		return !v || json_is_null(v) || differs(p, v, path, why);
	if (!v)
		return differs(p, v, path, why);
	if (json_is_object(p))
		return match_object(p, v, path, why);
	if (json_is_array(p))
		return match_array(p, v, path, why);
	if (s && !strcmp(s, "*"))
		return true;
	if (s && !strncmp(s, "re:", 3))
		return regex_fits(s + 3, json_string_value(v)) ||
		       differs(p, v, path, why);
	return doc_equal(p, v) || differs(p, v, path, why);
}

bool conf_match(const json_t *pattern, const json_t *value, struct buf *why)
{
	_cleanup_buf_ struct buf path = BUF_INIT;

	return match(pattern, value, &path, why);
}
