/*
 * Is what a Secret holds a secret, or does it only stand for one? What is not surely a
 * placeholder is taken for a secret: a word such as "example" somewhere in a value makes
 * none, since hosts, users and random texts hold such words, too.
 */
#include "checks.h"

#include <ctype.h>

#define VALUE_MAX 4096
#define SHORT_MAX 48		/* of words, and of what stands in <> */
#define FROM "syncd.dev/secret-from"
#define PLACEHOLDER "syncd.dev/secret-placeholder"	/* another one than the usual */

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"

static bool all_of(const char *s, const char *set)
{
	return s[strspn(s, set)] == '\0';
}

/* ---- words ---- */

/* One of letters, in lower case; ret "": a small number. NULL: it is neither. */
static const char *next_word(const char *s, char ret[SHORT_MAX + 1])
{
	size_t n = 0, digits;

	for (; isalpha((unsigned char)*s) && n < SHORT_MAX; s++)
		ret[n++] = (char)tolower((unsigned char)*s);
	ret[n] = '\0';
	digits = n ? 0 : strspn(s, "0123456789");
	s += digits;
	if ((!n && !digits) || digits > 2 || (*s && !strchr("-_ !", *s)))
		return NULL;
	return s;
}

static bool is_one_of(const char *word, const char *const *words)
{
	while (*words && strcmp(word, *words))
		words++;
	return *words;
}

/*
 * A few words of letters, one of which says that it is no secret: "your-token",
 * "REPLACE_ME", "fill in 1". "change", "fill" and "insert" need the word after them.
 */
static bool is_phrase(const char *s)
{
	static const char *const alone[] = {
		"placeholder", "changeme", "replaceme", "replace", "redacted", "dummy",
		"example", "todo", "tbd", "fixme", "your", "insert", NULL,
	};
	static const char *const pairs[] = { "change me", "change this", "fill in", "fill me",
					     NULL };
	char word[SHORT_MAX + 1], before[SHORT_MAX + 1] = "";
	bool found = false;

	if (strlen(s) > SHORT_MAX)
		return false;
	for (s += strspn(s, "-_ "); *s; s += strspn(s, "-_ !")) {
		_cleanup_free_ char *pair = NULL;

		s = next_word(s, word);
		if (!s)
			return false;
		pair = xasprintf("%s %s", before, word);
		found = found || is_one_of(word, alone) || is_one_of(pair, pairs);
		memcpy(before, word, sizeof(before));
	}
	return found;
}

/* The whole of it, as people write one. */
static bool is_plain_placeholder(const char *s)
{
	size_t n = strlen(s);

	if (all_of(s, " \t\r\n") || all_of(s, "xX") || all_of(s, "*") || all_of(s, ".-"))
		return true;
	if (s[0] == '<' && n <= SHORT_MAX * 2)
		return strcspn(s + 1, "<>") == n - 2 && s[n - 1] == '>';
	return !strcasecmp(s, "StrongBase64Password") || is_phrase(s);
}

/* ---- what is filled in ---- */

/*
 * Where "${NAME}", "$(NAME)" or "{{ ... }}" at s ends; NULL: there is none. What stands
 * for a value that is missing (${NAME:-this}) is a value: *ret_rest is where it begins.
 */
static const char *end_of_blank(const char *s, const char **ret_rest, size_t *ret_len)
{
	const char *end;

	*ret_rest = s;
	*ret_len = 0;
	if (!strncmp(s, "{{", 2))
		return (end = strstr(s + 2, "}}")) ? end + 2 : NULL;
	if (*s != '$' || (s[1] != '{' && s[1] != '('))
		return NULL;
	end = s + 2 + strspn(s + 2, UPPER "_");
	/* the shell's ${NAME-this}; others have names such as ${my-name} */
	if (end == s + 2 || *end != '-')
		end = s + 2 + strspn(s + 2, UPPER LOWER "_.-");
	if (end == s + 2)
		return NULL;
	if (s[1] == '(')
		return *end == ')' ? end + 1 : NULL;
	*ret_rest = end + strspn(end, ":") + (strspn(end, ":-=+?") > strspn(end, ":"));
	*ret_len = strcspn(*ret_rest, "}\n");
	end = *ret_rest + *ret_len;
	if ((*ret_rest)[-1] == '?')
		*ret_len = 0;	/* what is said where there is none */
	return *end == '}' ? end + 1 : NULL;
}

/* What is left of s once that is cut out; false: there is nothing of it. */
static bool cut_blanks(const char *s, struct buf *out)
{
	bool any = false;

	while (*s) {
		const char *rest, *end;
		size_t n;

		end = end_of_blank(s, &rest, &n);
		if (end) {
			buf_add(out, rest, n);
			s = end;
			any = true;
		} else {
			buf_addc(out, *s++);
		}
	}
	return any;
}

/* "NAME=" or "NAME: " before the value. */
static const char *skip_name(const char *s)
{
	size_t n;

	s += strspn(s, " \t");
	s += strncmp(s, "export ", 7) ? 0 : 7;
	n = strspn(s, UPPER LOWER "_.-");
	if (!n || (s[n] != '=' && (s[n] != ':' || s[n + 1] == '/')))
		return s;
	return s + n + 1;
}

/* Of "postgres://user:PASSWORD@host/db" the password; NULL: it is not such a URL. Owned. */
static char *password_of(const char *s)
{
	const char *user = strstr(s, "://"), *colon, *at;

	if (!user || strpbrk(s, " \t?#") || !isalpha((unsigned char)*s))
		return NULL;
	user += 3;
	at = memrchr(user, '@', strcspn(user, "/"));
	colon = at ? memchr(user, ':', (size_t)(at - user)) : NULL;
	return colon ? xstrndup(colon + 1, (size_t)(at - colon - 1)) : NULL;
}

static char *trimmed(const char *s, size_t n)
{
	size_t start = 0;

	while (start < n && strchr(" \t\r\n\"'", s[start]))
		start++;
	while (n > start && strchr(" \t\r\n\"'", s[n - 1]))
		n--;
	return xstrndup(s + start, n - start);
}

/* cut: an empty one was filled in. */
static bool is_url_without(const char *s, bool cut)
{
	_cleanup_free_ char *password = password_of(s);

	return password && (cut || *password) && is_plain_placeholder(password);
}

/* What stands before a token that is filled in. */
static bool is_scheme(const char *s)
{
	return !strcasecmp(s, "bearer") || !strcasecmp(s, "basic") || !strcasecmp(s, "token");
}

/* One line of a value in which something is filled in. */
static bool is_line_harmless(const char *line, size_t len)
{
	_cleanup_free_ char *text = xstrndup(line, len), *rest = NULL;
	_cleanup_buf_ struct buf left = BUF_INIT;
	const char *value;

	if (!cut_blanks(text, &left))
		return text[strspn(text, " \t\r")] == '#' || is_plain_placeholder(text);
	value = skip_name(buf_str(&left));
	rest = trimmed(value, strlen(value));
	return is_plain_placeholder(rest) || is_url_without(rest, true) || is_scheme(rest) ||
	       all_of(rest, ":/@,;.-_&|");
}

static bool are_lines_harmless(const char *s)
{
	while (*s) {
		size_t n = strcspn(s, "\n");

		if (!is_line_harmless(s, n))
			return false;
		s += n + (s[n] == '\n');
	}
	return true;
}

/* Every text in it stands for one, as in a registry's credentials. */
static bool are_texts_harmless(json_t *j)
{
	const char *key;
	json_t *v;
	size_t i;

	if (json_is_string(j))
		return is_plain_placeholder(json_string_value(j));
	json_object_foreach(j, key, v)
		if (!are_texts_harmless(v))
			return false;
	json_array_foreach(j, i, v)
		if (!are_texts_harmless(v))
			return false;
	return true;
}

static bool is_json_harmless(const struct buf *left)
{
	struct err err = ERR_INIT;
	_cleanup_json_ json_t *j = doc_parse(buf_str(left), left->len, &err);

	return (json_is_object(j) || json_is_array(j)) && are_texts_harmless(j);
}

/* Stands for a value that comes from elsewhere. */
bool lint_is_placeholder(const char *s)
{
	_cleanup_free_ char *text = trimmed(s, strlen(s));
	_cleanup_buf_ struct buf left = BUF_INIT;

	if (strlen(s) > VALUE_MAX)
		return false;
	if (!cut_blanks(s, &left))
		return is_plain_placeholder(text) || is_url_without(text, false);
	return are_lines_harmless(s) || is_json_harmless(&left);
}

/* ---- the rule ---- */

static bool stands_for_one(const char *value, const char *placeholder)
{
	return lint_is_placeholder(value) || (placeholder && !strcmp(value, placeholder));
}

/* As it stands, or what it is base64 of; a certificate is public. */
static bool is_harmless(const char *value, const char *placeholder)
{
	static const char certificate[] = "-----BEGIN CERTIFICATE-----";
	_cleanup_buf_ struct buf plain = BUF_INIT;
	const char *s;

	if (stands_for_one(value, placeholder))
		return true;
	if (b64_decode(value, strlen(value), &plain) || strlen(buf_str(&plain)) != plain.len)
		return false;
	s = buf_str(&plain);
	return stands_for_one(s, placeholder) ||
	       (!strncmp(s, certificate, sizeof(certificate) - 1) &&
		!strstr(s, "PRIVATE KEY"));
}

static void judge_values(struct check *c, const struct field *object, const char *list,
			 const char *placeholder)
{
	json_t *all = json_object_get(c->object, list), *value;
	const struct field of = { .up = object, .key = list, .value = all };
	const char *key;

	json_object_foreach(all, key, value) {
		/* the value is not handed on: nobody compares or prints it */
		const struct field at = { .up = &of, .key = key };

		if (json_is_string(value) && !is_harmless(json_string_value(value), placeholder))
			check_tell(c, RULE_SECRET, &at, "a value in Git is known to everybody "
				   "who reads it, for ever: keep it in the cluster, seal it, or "
				   "write a placeholder");
	}
}

/* What its values are where they come from another Secret (docs/gates.md); NULL. */
static const char *own_placeholder(const json_t *object)
{
	const json_t *notes = doc_get(object, "metadata", "annotations", NULL);

	return doc_get_str(notes, FROM, NULL) ? doc_get_str(notes, PLACEHOLDER, NULL) : NULL;
}

void lint_secret(struct check *c)
{
	const struct field object = { .value = c->object };
	const char *kind = doc_get_str(c->object, "kind", NULL);
	const char *version = doc_get_str(c->object, "apiVersion", NULL);
	const char *placeholder = own_placeholder(c->object);

	if (!kind || strcmp(kind, "Secret") || !version || strcmp(version, "v1"))
		return;
	judge_values(c, &object, "data", placeholder);
	judge_values(c, &object, "stringData", placeholder);
}
