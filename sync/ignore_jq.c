/*
 * The part of jq that names fields, as steps of a tree: .a."b c"["d"][0][]? and, behind
 * [], | select(.key == "value"), with "and" or with "or". It only ever names what is
 * there: no expression is run, and how long one takes is bounded by its length.
 * What is more than that is refused with the place where it begins.
 */
#include "ignore.h"

#include <ctype.h>
#include <string.h>

#include "core/doc.h"
#include "core/mem.h"

#define EXPRESSION_MAX 4096
#define STEPS_MAX 64
#define ALTERNATIVES_MAX 16

struct jq_path {
	const char *s;		/* what is left to read */
	char *steps[STEPS_MAX];	/* keys of the tree */
	size_t n;
};

static void jq_path_free(struct jq_path *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->steps[i]);
	free(p);
}

static void skip_blanks(struct jq_path *p)
{
	while (*p->s == ' ' || *p->s == '\t' || *p->s == '\n' || *p->s == '\r')
		p->s++;
}

/* True: it was there, and is behind us. */
static bool eat(struct jq_path *p, const char *what)
{
	skip_blanks(p);
	if (strncmp(p->s, what, strlen(what)) != 0)
		return false;
	p->s += strlen(what);
	return true;
}

/* Takes the key. */
static bool add_step(struct jq_path *p, char *key)
{
	if (!key || p->n == STEPS_MAX) {
		free(key);
		return false;
	}
	p->steps[p->n++] = key;
	return true;
}

/* A string or another scalar, as JSON. Owned; NULL: there is none. */
static json_t *read_literal(struct jq_path *p)
{
	const char *from, *end;
	json_t *v;

	skip_blanks(p);
	from = end = p->s;
	if (*from == '"') {
		for (end++; *end && *end != '"'; end++)
			end += *end == '\\' && end[1] != '\0';
		end += *end == '"';
	} else {
		end += strspn(end, "-0123456789.truefalsn");
	}
	v = end > from ? doc_parse(from, (size_t)(end - from), NULL) : NULL;
	p->s = end;
	return v;
}

/* name or "name", behind a dot; or in brackets. Owned; NULL: neither. */
static char *read_name(struct jq_path *p)
{
	_cleanup_json_ json_t *text = NULL;
	size_t n = 0;

	if (*p->s == '"') {
		text = read_literal(p);
		return json_is_string(text) ? xstrdup(json_string_value(text)) : NULL;
	}
	while (isalnum((unsigned char)p->s[n]) || p->s[n] == '_')
		n++;
	if (!n || isdigit((unsigned char)*p->s))
		return NULL;
	p->s += n;
	return xstrndup(p->s - n, n);
}

/* Takes the name. */
static bool add_field(struct jq_path *p, char *name)
{
	bool added = name && add_step(p, xasprintf("f:%s", name));

	free(name);
	return added;
}

/* Behind '[': nothing, a name or an index. */
static bool read_bracket(struct jq_path *p)
{
	size_t n;

	if (eat(p, "]"))
		return add_step(p, xstrdup("*"));
	if (*p->s == '"')
		return add_field(p, read_name(p)) && eat(p, "]");
	n = strspn(p->s, "0123456789");
	if (!n || n > 9)
		return false;
	p->s += n;
	return add_step(p, xasprintf("i:%lu", strtoul(p->s - n, NULL, 10))) && eat(p, "]");
}

/* .key == literal */
static bool read_condition(struct jq_path *p, json_t *keys)
{
	_cleanup_free_ char *name = NULL;
	json_t *value;

	if (!eat(p, "."))
		return false;
	if (eat(p, "[")) {
		name = *p->s == '"' ? read_name(p) : NULL;
		if (!name || !eat(p, "]"))
			return false;
	} else {
		name = read_name(p);
	}
	if (!name || !eat(p, "==") || json_object_get(keys, name))
		return false;
	value = read_literal(p);
	return value && !json_object_set_new(keys, name, value);
}

/* Names conditions that were all read; takes none of them. Owned. */
static char *select_key(const json_t *alternatives)
{
	bool one = json_array_size(alternatives) == 1;
	struct buf key = BUF_INIT;

	buf_adds(&key, one ? "k:" : "o:");
	doc_canonical(one ? json_array_get(alternatives, 0) : alternatives, &key);
	return buf_steal(&key, NULL);
}

/* Behind "select(": of all items those that fit. */
static bool read_select(struct jq_path *p)
{
	char **step = p->n ? &p->steps[p->n - 1] : NULL;
	_cleanup_json_ json_t *alternatives = json_array();
	bool all = false;

	if (!step || strcmp(*step, "*") != 0)
		return false;
	do {
		json_t *keys = json_object();
		bool more;

		json_array_append_new(alternatives, keys);
		do {
			if (!read_condition(p, keys))
				return false;
			more = eat(p, "and ");
			all = all || more;
		} while (more);
		if (json_array_size(alternatives) > ALTERNATIVES_MAX)
			return false;
	} while (eat(p, "or "));
	free(*step);
	*step = select_key(alternatives);
	return !(json_array_size(alternatives) > 1 && all) && eat(p, ")");
}

/* One part of a path; *piped: a '|' was before it. */
static bool read_part(struct jq_path *p, bool *piped)
{
	bool fresh = *piped;

	*piped = false;
	if (eat(p, "select("))
		return fresh && read_select(p);
	if (!fresh && eat(p, "?"))
		return true;
	if (!fresh && eat(p, "|")) {
		*piped = true;
		return true;
	}
	if (!fresh && eat(p, "["))
		return read_bracket(p);
	if (!eat(p, "."))
		return false;
	return *p->s == '[' ? p->s++, read_bracket(p) : add_field(p, read_name(p));
}

static bool read_path(struct jq_path *p)
{
	bool piped = true;	/* its first part has to begin like one behind a pipe */

	do {
		if (!read_part(p, &piped))
			return false;
		skip_blanks(p);
	} while (*p->s);
	return !piped && p->n;
}

static void add_steps(json_t *node, const struct jq_path *p)
{
	for (size_t i = 0; node && i < p->n; i++)
		node = ignore_descend(node, p->steps[i], i + 1 == p->n);
}

int ignore_add_jq(json_t *tree, const char *expression, struct err *err)
{
	struct jq_path *p;
	int r = 0;

	if (strlen(expression) > EXPRESSION_MAX)
		return err_set(err, ERR_LIMIT, "longer than %d bytes", EXPRESSION_MAX);
	p = xcalloc(1, sizeof(*p));
	p->s = expression;
	if (!read_path(p))
		r = err_set(err, ERR_INVALID, "of jq only paths are understood, such as .spec.a, "
			    ".b[\"c/d\"], .list[].e and .list[] | select(.name == \"x\") | .f; "
			    "not \"%.80s\": write jsonPointers or managedFieldsManagers",
			    *p->s ? p->s : expression);
	else if (tree)
		add_steps(tree, p);
	jq_path_free(p);
	return r;
}
