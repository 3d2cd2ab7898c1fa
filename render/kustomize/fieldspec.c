/*
 * fieldspec.c - finding the fields that a field spec names (filters/fieldspec, fsslice).
 *
 * A path's steps go down maps by key; a list is gone through without a step of its
 * own. Steps that kyaml's PathGetter would take for something else than a key (a
 * number, "-", "*", "[a=b]") fail where they meet a map, as they do there.
 */
#include <ctype.h>

#include "kust.h"

struct step {
	const char *key;	/* len bytes: part of a path */
	size_t len;
	bool list;	/* "key[]": a null there becomes an empty list */
	bool element;	/* of a list, to kyaml */
	bool empty;	/* before spaces are taken off */
};

struct walk {
	struct kust *k;
	struct kres *r;
	const struct kfieldspec *spec;
	int create_kind;	/* -1: never */
	kfield_fn fn;
	void *arg;
	const struct step *end;	/* of the steps */
};

/* --- paths ------------------------------------------------------------------------ */

/* One step up to a separator that no backslash precedes; *path moves behind it. */
static const char *split_one(struct kust *k, const char **path, char separator)
{
	const char *at = *path, *end;
	char *out, *to;

	while ((end = strchr(at, separator)) && end > *path && end[-1] == '\\')
		at = end + 1;
	if (!end)
		end = *path + strlen(*path);
	to = out = arena_strndup(&k->arena, *path, (size_t)(end - *path));
	for (const char *from = out; *from; from++) {
		if (from[0] != '\\' || from[1] != separator)
			*to++ = *from;
	}
	*to = '\0';
	*path = *end ? end + 1 : NULL;
	return out;
}

const char **kpath_split(struct kust *k, const char *path, char separator)
{
	size_t n = 2, i = 0;
	const char **ret;

	if (path[0] == separator)	/* "/a/b" is "a/b" */
		path++;
	for (const char *p = path; *p; p++)
		n += *p == separator;
	ret = arena_alloc(&k->arena, n * sizeof(*ret));
	while (path)
		ret[i++] = split_one(k, &path, separator);
	return ret;
}

static bool is_integer(const char *s, size_t len)
{
	int64_t n = 0;
	bool negative = len && *s == '-';
	size_t i = len && (*s == '-' || *s == '+');

	if (i == len)
		return false;
	for (; i < len; i++) {
		if (!isdigit((unsigned char)s[i]) || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, negative ? '0' - s[i] : s[i] - '0', &n))
			return false;
	}
	return true;
}

/* Does kyaml's PathGetter take it for an element of a list? */
static bool is_element(const char *s, size_t len)
{
	return (len == 1 && (*s == '-' || *s == '*')) || is_integer(s, len) ||
	       (len > 1 && s[0] == '[' && s[len - 1] == ']');
}

static void parse_step(const char *s, size_t len, struct step *ret)
{
	ret->list = len >= 2 && memcmp(s + len - 2, "[]", 2) == 0;
	len -= ret->list ? 2 : 0;
	ret->empty = !len;
	while (len && isspace((unsigned char)*s))
		s++, len--;
	while (len && isspace((unsigned char)s[len - 1]))
		len--;
	ret->key = s;
	ret->len = len;
	ret->element = is_element(s, len);
}

/* How many; max + 1: too many. Without escapes nothing is copied. */
static size_t parse_steps(struct kust *k, const char *path, struct step *ret, size_t max)
{
	bool escaped = strchr(path, '\\') != NULL;
	const char **parts = escaped ? kpath_split(k, path, '/') : NULL;
	size_t n = 0;

	for (; escaped && parts[n] && n < max; n++)
		parse_step(parts[n], strlen(parts[n]), ret + n);
	if (escaped)
		return parts[n] ? max + 1 : n;
	for (path += *path == '/'; n < max; path++) {
		size_t len = strcspn(path, "/");

		parse_step(path, len, ret + n++);
		path += len;
		if (!*path)
			return n;
	}
	return max + 1;
}

/* --- walking ----------------------------------------------------------------------- */

static int walk(const struct walk *w, struct node *n, const struct step *at,
		struct err *err);

/* A node of that kind, empty; of a null's text a scalar keeps it (as a text). */
static void become(struct node *n, enum node_kind kind)
{
	n->implicit = false;
	n->tag = NULL;
	if (kind == NODE_SCALAR)
		return;
	n->kind = (uint8_t)kind;
	n->style = NODE_PLAIN;
	n->kids = NULL;
	n->len = n->cap = 0;
}

static struct node *make_node(struct kust *k, enum node_kind kind)
{
	return kind == NODE_MAP ? node_new_map(&k->arena) :
	       kind == NODE_LIST ? node_new_list(&k->arena) : kplain(k, "");
}

/* The kind that a missing or null field is to have, or -1: it stays. */
static int wanted_kind(const struct walk *w, const struct step *at)
{
	if (at->list)
		return NODE_LIST;
	if (!w->spec->create || w->create_kind < 0)
		return -1;
	return at + 1 == w->end ? w->create_kind : NODE_MAP;
}

static struct node *find(const struct node *map, const struct step *at)
{
	for (uint32_t i = 0; i < map->len; i += 2) {
		const struct node *key = map->kids[i];

		if (key->kind == NODE_SCALAR && key->len == at->len &&
		    memcmp(key->text, at->key, at->len) == 0)
			return map->kids[i + 1];
	}
	return NULL;
}

static int refuse_step(const struct node *map, const struct step *at, struct err *err)
{
	if (at->empty)
		return err_set(err, ERR_INVALID, "a step of the path is empty");
	return err_set(err, ERR_INVALID, "'%.*s' names an element of a list, but line %u is "
		       "a map", (int)at->len, at->key, map->line);
}

static int walk_map(const struct walk *w, struct node *map, const struct step *at,
		    struct err *err)
{
	struct node *field = map;	/* a step of spaces stays here */
	int kind = wanted_kind(w, at);

	if (at->empty || at->element)
		return refuse_step(map, at, err);
	if (at->len)
		field = find(map, at);
	if (!field) {
		if (kind < 0 || at->list)
			return 0;
		field = make_node(w->k, (enum node_kind)kind);
		kset(w->k, map, arena_strndup(&w->k->arena, at->key, at->len), field);
	} else if (kind >= 0 && knull(field)) {
		become(field, (enum node_kind)kind);
	}
	return walk(w, field, at + 1, err);
}

static int walk(const struct walk *w, struct node *n, const struct step *at,
		struct err *err)
{
	if (at == w->end)
		return w->fn(w->k, w->r, n, w->arg, err);
	if (n->kind == NODE_MAP)
		return walk_map(w, n, at, err);
	if (n->kind == NODE_LIST) {
		for (uint32_t i = 0; i < n->len; i++) {
			if (walk(w, n->kids[i], at, err) < 0)
				return -1;
		}
		return 0;
	}
	if (knull(n))
		return 0;
	return err_set(err, ERR_INVALID, "line %u: '%.*s' is to be a field here, but "
		       "'%.40s' is a scalar", n->line, (int)at->len, at->key, n->text);
}

int kfieldspec_apply(struct kust *k, struct kres *r, const struct kfieldspec *spec,
		     int create_kind, kfield_fn fn, void *arg, struct err *err)
{
	struct step steps[NODE_DEPTH_MAX];
	struct walk w = { k, r, spec, create_kind, fn, arg, NULL };
	size_t n;

	if (!kgvk_selected(&r->id.gvk, &spec->gvk) || !r->root)
		return 0;
	n = parse_steps(k, spec->path, steps, ARRAY_LEN(steps));
	if (n > ARRAY_LEN(steps))
		return err_set(err, ERR_LIMIT, "field path '%.80s...' has more than %zu steps",
			       spec->path, ARRAY_LEN(steps));
	w.end = steps + n;
	if (walk(&w, r->root, steps, err) == 0)
		return 0;
	err_wrap(err, "field '%s'", spec->path);
	return kres_blame(r, err);
}

bool kfieldspecs_touch_id(const struct kfieldspecs *specs)
{
	static const char *const roots[] = { "apiVersion", "kind", "metadata" };

	for (size_t i = 0; i < specs->len; i++) {
		const char *path = specs->data[i].path + strspn(specs->data[i].path, "/ ");

		if (strcmp(path, "metadata/labels") == 0 ||
		    strcmp(path, "metadata/annotations") == 0)
			continue;
		for (size_t j = 0; j < ARRAY_LEN(roots); j++) {
			if (strncmp(path, roots[j], strlen(roots[j])) == 0)
				return true;
		}
	}
	return false;
}

int kfieldspecs_apply(struct kust *k, struct kres *r, const struct kfieldspecs *specs,
		      int create_kind, kfield_fn fn, void *arg, struct err *err)
{
	for (size_t i = 0; i < specs->len; i++) {
		if (kfieldspec_apply(k, r, specs->data + i, create_kind, fn, arg, err) < 0)
			return -1;
	}
	return 0;
}
