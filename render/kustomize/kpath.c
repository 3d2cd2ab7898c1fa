/*
 * kpath.c - paths into objects (kyaml/utils/pathsplitter.go, kyaml/yaml/fns.go
 * PathGetter, kyaml/yaml/match.go PathMatcher).
 *
 * The two walks differ in the reference, and so they do here: a look-up compares
 * values, knows "-" for the last element and takes off white space; a match knows
 * "*" and regular expressions and can make what is missing.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>

#include "kpath.h"

void kpath_nodes_deinit(struct kpath_nodes *l)
{
	vec_deinit(l);
}

/* --- steps ------------------------------------------------------------------------ */

static bool ends_bracket(const char *s)
{
	return *s && s[strlen(s) - 1] == ']';
}

/* strings.Trim(s, "[]") */
static const char *trim_brackets(struct kust *k, const char *s)
{
	size_t len;

	s += strspn(s, "[]");
	for (len = strlen(s); len && strchr("[]", s[len - 1]);)
		len--;
	return arena_strndup(&k->arena, s, len);
}

/* From an opening bracket to the step that closes it, or to the end. */
static const char *join_brackets(struct kust *k, const char **parts, size_t *at)
{
	_cleanup_buf_ struct buf whole = BUF_INIT;

	buf_adds(&whole, parts[*at]);
	while (parts[*at + 1]) {
		(*at)++;
		buf_addf(&whole, ".%s", parts[*at]);
		if (ends_bracket(parts[*at]))
			break;
	}
	if (strchr(buf_str(&whole), '='))
		return arena_strdup(&k->arena, buf_str(&whole));
	return trim_brackets(k, buf_str(&whole));
}

const char **kpath_steps(struct kust *k, const char *path, struct err *err)
{
	const char **parts = kpath_split(k, path, '.');
	size_t n = 0, i = 0;

	for (; parts[i]; i++) {
		if (parts[i][0] == '[' && !ends_bracket(parts[i]))
			parts[n++] = join_brackets(k, parts, &i);
		else
			parts[n++] = parts[i];
	}
	parts[n] = NULL;
	if (n <= KPATH_STEPS_MAX)
		return parts;
	err_set(err, ERR_LIMIT, "a path of %zu steps: %u are allowed", n, KPATH_STEPS_MAX);
	return NULL;
}

/* strconv.Atoi */
static bool read_int(const char *s, long *ret)
{
	char *end;

	if (!isdigit((unsigned char)s[*s == '-' || *s == '+']))
		return false;
	errno = 0;
	*ret = strtol(s, &end, 10);
	return !*end && !errno;
}

static bool is_list_step(const char *s)
{
	return s[0] == '[' && ends_bracket(s);
}

/* "[name=value]"; without a name the elements themselves are compared. */
static int split_list_step(struct kust *k, const char *step, const char **name,
			   const char **value, struct err *err)
{
	const char *equals = strchr(step, '=');

	if (!equals)
		return err_set(err, ERR_INVALID, "'%s': write [field=value]", step);
	*name = arena_strndup(&k->arena, step + 1, (size_t)(equals - step - 1));
	*value = arena_strndup(&k->arena, equals + 1, strlen(equals + 1) - 1);
	return 0;
}

static int wrong_kind(const struct node *n, const char *step, const char *want,
		      struct err *err)
{
	return err_set(err, ERR_INVALID, "line %u: '%s' needs a %s here", n->line, step,
		       want);
}

/* FieldMatcher: *ret is NULL where there is no such key, and in a null. */
static int get_field(struct node *n, const char *key, struct node **ret, struct err *err)
{
	*ret = NULL;
	if (knull(n))
		return 0;
	if (!*key) {	/* the empty step matches an empty text itself */
		if (n->kind != NODE_SCALAR)
			return wrong_kind(n, key, "scalar", err);
		*ret = n->len ? NULL : n;
		return 0;
	}
	if (n->kind != NODE_MAP)
		return wrong_kind(n, key, "map", err);
	*ret = kget(n, key);
	return 0;
}

/* Elements: of a null there are none. */
static int need_list(const struct node *n, const char *step, struct err *err)
{
	if (knull(n) || n->kind == NODE_LIST)
		return 0;
	return wrong_kind(n, step, "list", err);
}

static uint32_t list_len(const struct node *n)
{
	return n->kind == NODE_LIST ? n->len : 0;
}

/* --- PathGetter --------------------------------------------------------------------- */

static int get_index(struct node *n, const char *step, long index, struct node **ret,
		     struct err *err)
{
	*ret = NULL;
	if (need_list(n, step, err) < 0)
		return -1;
	if (strcmp(step, "-") == 0 && !list_len(n))
		return err_set(err, ERR_INVALID, "line %u: no last element in an empty list",
			       n->line);
	if (strcmp(step, "-") == 0)
		index = list_len(n) - 1L;
	if (index < 0)
		return err_set(err, ERR_INVALID, "the index %s is negative", step);
	if (index < (long)list_len(n))
		*ret = n->kids[index];
	return 0;
}

/* ElementMatcher: the first element with that field, or of that text. */
static int get_element(struct kust *k, struct node *n, const char *step,
		       struct node **ret, struct err *err)
{
	const char *name, *value;

	*ret = NULL;
	if (split_list_step(k, step, &name, &value, err) < 0 ||
	    need_list(n, step, err) < 0)
		return -1;
	for (uint32_t i = 0; i < list_len(n); i++) {
		const struct node *at = *name ? kget(n->kids[i], name) : n->kids[i];

		if (!at || strcmp(ktext(at), value) != 0)
			continue;
		*ret = n->kids[i];
		return 0;
	}
	return 0;
}

static const char *trim(struct kust *k, const char *s)
{
	size_t len;

	while (isspace((unsigned char)*s))
		s++;
	for (len = strlen(s); len && isspace((unsigned char)s[len - 1]);)
		len--;
	return s[len] ? arena_strndup(&k->arena, s, len) : s;
}

int kpath_lookup(struct kust *k, struct node *root, const char *const *steps,
		 struct node **ret, struct err *err)
{
	struct node *n = root;

	for (; *steps && n; steps++) {
		const char *step = trim(k, *steps);
		long index = 0;
		int rc = 0;

		if (!*step)
			continue;
		if (read_int(step, &index) || strcmp(step, "-") == 0)
			rc = get_index(n, step, index, &n, err);
		else if (strcmp(step, "*") == 0)
			rc = err_set(err, ERR_INVALID, "a wildcard cannot be read from");
		else if (is_list_step(step))
			rc = get_element(k, n, step, &n, err);
		else
			rc = get_field(n, step, &n, err);
		if (rc < 0)
			return -1;
	}
	*ret = n;
	return 0;
}

/* --- PathMatcher -------------------------------------------------------------------- */

struct match {
	struct kust *k;
	int create;
	struct kpath_nodes *ret;
};

static int walk(const struct match *m, struct node *n, const char *const *steps,
		struct err *err);

/* getPathPartKind: what the next step needs to stand on. */
static enum node_kind kind_for(const struct match *m, const char *next)
{
	long index;

	if (!next || !*next)
		return (enum node_kind)m->create;
	return is_list_step(next) || (read_int(next, &index) && index >= 0) ? NODE_LIST :
									      NODE_MAP;
}

static struct node *make(const struct match *m, const char *next)
{
	enum node_kind kind = kind_for(m, next);

	return kind == NODE_MAP ? node_new_map(&m->k->arena) :
	       kind == NODE_LIST ? node_new_list(&m->k->arena) : kplain(m->k, "");
}

/*
 * A path may lead into a text that is YAML itself; what is found there is not part
 * of the object any more, so that nothing comes of it (handleStructuredDataInScalar).
 */
static int walk_text(const struct match *m, const struct node *n,
		     const char *const *steps, struct err *err)
{
	struct node_reader *r = node_reader_new3(n->text, n->len);
	struct arena arena = { 0 };
	size_t before = m->ret->len;
	struct node *inner = NULL;
	int rc = node_read(r, &arena, &inner, err);

	node_reader_free(r);
	if (rc == 0)
		rc = wrong_kind(n, *steps, "map", err);
	else if (rc > 0)
		rc = walk(m, inner, steps, err);
	m->ret->lost += m->ret->len - before;
	m->ret->len = before;
	arena_deinit(&arena);
	return rc;
}

static int walk_field(const struct match *m, struct node *n, const char *const *steps,
		      struct err *err)
{
	struct node *field;

	if (get_field(n, steps[0], &field, err) < 0)
		return -1;
	if (!field && m->create < 0)
		return 0;
	if (!field) {
		field = make(m, steps[1]);
		if (n->kind == NODE_MAP)	/* a null takes nothing in */
			kset(m->k, n, steps[0], field);
	}
	if (field->kind == NODE_SCALAR && steps[1])
		return walk_text(m, field, steps + 1, err);
	return walk(m, field, steps + 1, err);
}

static int walk_index(const struct match *m, struct node *n, const char *const *steps,
		      long index, struct err *err)
{
	struct node *item;

	if (need_list(n, steps[0], err) < 0)
		return -1;
	if (index < (long)list_len(n))
		return walk(m, n->kids[index], steps + 1, err);
	if (index > (long)list_len(n) || m->create < 0)
		return err_set(err, ERR_INVALID, "line %u: there is no index %ld in a list of "
			       "%u", n->line, index, list_len(n));
	item = make(m, steps[1]);
	if (n->kind == NODE_LIST)
		node_append(&m->k->arena, n, item);
	return walk(m, item, steps + 1, err);
}

static int walk_every(const struct match *m, struct node *n, const char *const *steps,
		      struct err *err)
{
	if (need_list(n, steps[0], err) < 0)
		return -1;
	for (uint32_t i = 0; i < list_len(n); i++) {
		if (walk(m, n->kids[i], steps + 1, err) < 0)
			return -1;
	}
	return 0;
}

/* A text that reads as something else without its quotes. */
static bool needs_quotes(const struct node *n)
{
	const struct node plain = { .kind = NODE_SCALAR, .implicit = true, .line = 1,
				    .text = n->text, .len = n->len };

	return !n->implicit && !n->tag && node_type3(&plain) != NODE_STR;
}

/* A scalar as YAML has it, with its quotes: that is what a value is matched with. */
static const char *yaml_text(struct kust *k, const struct node *n)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct err err;

	if (n->kind == NODE_SCALAR && n->style == NODE_PLAIN && !needs_quotes(n))
		return n->len ? n->text : "null";
	if (n->kind == NODE_SCALAR && n->style == NODE_SINGLE) {
		buf_addc(&b, '\'');
		for (const char *c = n->text; *c; c++)
			buf_adds(&b, *c == '\'' ? "''" : (char[]){ *c, '\0' });
		buf_addc(&b, '\'');
	} else if (n->kind == NODE_SCALAR && n->style != NODE_DOUBLE) {
		buf_adds(&b, n->text);
	} else if (node_to_json(n, &b, &err) < 0) {
		return "";
	}
	return arena_strdup(&k->arena, buf_str(&b));
}

/* An expression for all of a text, of one that may match anywhere (MatchString). */
static const char *anywhere(struct kust *k, const char *regex, struct err *err)
{
	if (kregex_match(k, regex, "", err) < 0)	/* is it one by itself? */
		return NULL;
	return arena_printf(&k->arena, "(?s:.*?)(?:%s)(?s:.*)", regex);
}

/* *found: an element matched and something was found in it. */
static int walk_matching(const struct match *m, struct node *n,
			 const char *const *steps, const char *name, const char *value,
			 bool *found, struct err *err)
{
	size_t before = m->ret->len + m->ret->lost;
	const char *regex = list_len(n) ? anywhere(m->k, value, err) : "";

	for (uint32_t i = 0; i < list_len(n); i++) {
		struct node *item = n->kids[i];
		const struct node *at = *name ? kget(item, name) : item;
		int rc = 0;

		if (regex && at)
			rc = kregex_match(m->k, regex, yaml_text(m->k, at), err);
		if (!regex || rc < 0)
			return -1;
		if (!rc)
			continue;
		if (!*name)	/* the rest of the path is not looked at */
			vec_push(m->ret, item);
		else if (walk(m, item, steps + 1, err) < 0)
			return -1;
	}
	*found = m->ret->len + m->ret->lost > before;
	return 0;
}

static void add_element(const struct match *m, struct node *list, const char *name,
			const char *value)
{
	struct node *item = kplain(m->k, value);

	if (*name) {
		struct node *map = node_new_map(&m->k->arena);

		kset(m->k, map, name, item);
		item = map;
	}
	if (list->kind == NODE_LIST)
		node_append(&m->k->arena, list, item);
}

static int walk_elements(const struct match *m, struct node *n,
			 const char *const *steps, struct err *err)
{
	const char *name, *value;
	bool found;

	if (split_list_step(m->k, steps[0], &name, &value, err) < 0 ||
	    need_list(n, steps[0], err) < 0 ||
	    walk_matching(m, n, steps, name, value, &found, err) < 0)
		return -1;
	if (found || m->create < 0)
		return 0;
	add_element(m, n, name, value);
	if (walk_matching(m, n, steps, name, value, &found, err) < 0)
		return -1;
	if (!found)	/* the reference never ends here */
		return err_set(err, ERR_INVALID, "'%s' does not match what is made of it",
			       steps[0]);
	return 0;
}

static int walk(const struct match *m, struct node *n, const char *const *steps,
		struct err *err)
{
	long index;

	if (!steps[0]) {
		vec_push(m->ret, n);
		return 0;
	}
	if (read_int(steps[0], &index) && index >= 0)
		return walk_index(m, n, steps, index, err);
	if (is_list_step(steps[0]))
		return walk_elements(m, n, steps, err);
	if (strcmp(steps[0], "*") == 0)
		return walk_every(m, n, steps, err);
	return walk_field(m, n, steps, err);
}

int kpath_match(struct kust *k, struct node *root, const char *const *steps, int create,
		struct kpath_nodes *ret, struct err *err)
{
	struct match m = { k, create, ret };

	return walk(&m, root, steps, err);
}
