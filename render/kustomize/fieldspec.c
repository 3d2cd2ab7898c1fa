/*
 * fieldspec.c - finding the fields that a field spec names (filters/fieldspec, fsslice).
 *
 * A path's steps go down maps by key; a list is gone through without a step of its
 * own. Steps that kyaml's PathGetter would take for something else than a key (a
 * number, "-", "*", "[a=b]") fail where they meet a map, as they do there.
 */
#include <ctype.h>
#include <errno.h>

#include "kust.h"

struct step {
	const char *key;
	bool list;	/* "key[]": a null there becomes an empty list */
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

static bool is_integer(const char *s)
{
	char *end;

	if (!isdigit((unsigned char)s[*s == '-' || *s == '+']))
		return false;
	errno = 0;
	strtoll(s, &end, 10);
	return !*end && !errno;
}

/* Does kyaml's PathGetter take it for an element of a list? */
static bool is_element(const char *key)
{
	size_t len = strlen(key);

	return strcmp(key, "-") == 0 || strcmp(key, "*") == 0 || is_integer(key) ||
	       (len && key[0] == '[' && key[len - 1] == ']');
}

static const char *trim(struct kust *k, const char *s)
{
	size_t len;

	while (isspace((unsigned char)*s))
		s++;
	len = strlen(s);
	while (len && isspace((unsigned char)s[len - 1]))
		len--;
	return s[len] ? arena_strndup(&k->arena, s, len) : s;
}

/* *ret: the steps with the "[]" taken off, NULL-ended by a key. */
static size_t parse_steps(struct kust *k, const char *path, struct step *ret, size_t max)
{
	const char **parts = kpath_split(k, path, '/');
	size_t n;

	for (n = 0; parts[n] && n < max; n++) {
		size_t len = strlen(parts[n]);

		ret[n].list = len >= 2 && strcmp(parts[n] + len - 2, "[]") == 0;
		ret[n].key = ret[n].list ? arena_strndup(&k->arena, parts[n], len - 2) :
					   parts[n];
	}
	return parts[n] ? max + 1 : n;
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

static int walk_map(const struct walk *w, struct node *map, const struct step *at,
		    struct err *err)
{
	const char *key = trim(w->k, at->key);
	struct node *field = map;
	int kind = wanted_kind(w, at);

	if (!*at->key)
		return err_set(err, ERR_INVALID, "a step of the path is empty");
	if (is_element(key))
		return err_set(err, ERR_INVALID, "'%s' names an element of a list, but "
			       "line %u is a map", key, map->line);
	if (*key && !(field = kget(map, key))) {
		if (kind < 0 || at->list)
			return 0;
		field = make_node(w->k, (enum node_kind)kind);
		kset(w->k, map, key, field);
		return walk(w, field, at + 1, err);
	}
	if (kind >= 0 && node_is_null(field))
		become(field, (enum node_kind)kind);
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
	if (node_is_null(n))
		return 0;
	return err_set(err, ERR_INVALID, "line %u: '%s' is to be a field here, but '%.40s' "
		       "is a scalar", n->line, at->key, n->text);
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
