/*
 * valueadd.c - one value put into fields of selected resources, made where missing, or
 * into a place of the file path that is there (filters/valueadd).
 *
 * The path is kyaml's PathGetter's: besides keys it may hold "[key=value]" and indexes
 * of lists.
 */
#include <ctype.h>
#include <errno.h>

#include "namespace.h"
#include "valueadd.h"

/* --- finding the field (yaml.LookupCreate(ScalarNode, ...)) ------------------------- */

static bool is_selector(const char *step)
{
	size_t len = strlen(step);

	return len >= 2 && step[0] == '[' && step[len - 1] == ']';
}

/* 1: a number (strconv.Atoi), in *ret. */
static bool is_index(const char *step, long long *ret)
{
	char *end;

	if (!isdigit((unsigned char)step[*step == '-' || *step == '+']))
		return false;
	errno = 0;
	*ret = strtoll(step, &end, 10);
	return !*end && !errno;
}

static struct node *make(struct kust *k, const char *next)
{
	long long i;

	if (!next)
		return kplain(k, "");
	if (is_selector(next) || (is_index(next, &i) && i >= 0))
		return node_new_list(&k->arena);
	return node_new_map(&k->arena);
}

/* The element of a list by index, -1 for the last; NULL: none, and none is made. */
static int find_index(struct node *n, long long i, struct node **ret, struct err *err)
{
	if (kexpect_kind(n, NODE_LIST, err) < 0)
		return -1;
	*ret = NULL;
	if (n->kind != NODE_LIST || !n->len)
		return i < 0 ? err_set(err, ERR_INVALID, "line %u: '-' is the last of an "
				       "empty list", n->line) : 0;
	if (i < (long long)n->len)
		*ret = n->kids[i < 0 ? n->len - 1 : (uint32_t)i];
	return 0;
}

static bool has_pair(const struct node *element, const char *key, const char *value)
{
	const struct node *n = kget(element, key);

	return *key ? n && n->kind == NODE_SCALAR && strcmp(n->text, value) == 0 :
		      strcmp(ktext(element), value) == 0;
}

/* "[key=value]", or "[=value]" for a list of scalars. */
static int find_pair(struct kust *k, struct node *n, const char *step, struct node **ret,
		     struct err *err)
{
	char *key = arena_strndup(&k->arena, step + 1, strlen(step) - 2);
	char *value = strchr(key, '=');

	if (!value)
		return err_set(err, ERR_INVALID, "'%s' must be [key=value]", step);
	*value++ = '\0';
	if (kexpect_kind(n, NODE_LIST, err) < 0)
		return -1;
	*ret = NULL;
	for (uint32_t i = 0; n->kind == NODE_LIST && i < n->len; i++) {
		*ret = n->kids[i];
		if (has_pair(*ret, key, value))
			return 0;
	}
	*ret = *key ? node_new_map(&k->arena) : kplain(k, value);
	if (*key)
		kset(k, *ret, key, kplain(k, value));
	if (n->kind == NODE_LIST)
		node_append(&k->arena, n, *ret);
	return 0;
}

static int find_key(struct kust *k, struct node *n, const char *step, const char *next,
		    struct node **ret, struct err *err)
{
	*ret = NULL;
	if (kexpect_kind(n, NODE_MAP, err) < 0)
		return -1;
	if (n->kind != NODE_MAP)	/* a null has no fields and gets none */
		return 0;
	*ret = kget(n, step);
	if (!*ret) {
		*ret = make(k, next);
		kset(k, n, step, *ret);
	}
	return 0;
}

static int find_step(struct kust *k, struct node *n, const char *step, const char *next,
		     struct node **ret, struct err *err)
{
	long long i;

	if (is_index(step, &i)) {
		if (i < 0)
			return err_set(err, ERR_INVALID, "index %s is negative", step);
		return find_index(n, i, ret, err);
	}
	if (strcmp(step, "-") == 0)
		return find_index(n, -1, ret, err);
	if (strcmp(step, "*") == 0)
		return err_set(err, ERR_INVALID, "'*' is not understood here; name the field");
	if (is_selector(step))
		return find_pair(k, n, step, ret, err);
	return find_key(k, n, step, next, ret, err);
}

/* cleanPath: steps without the spaces around them, empty ones left out. */
static void clean(const char **steps)
{
	size_t kept = 0;

	for (size_t i = 0; steps[i]; i++) {
		char *s = (char *)steps[i];
		size_t len;

		s += strspn(s, " \t\n\v\f\r");
		for (len = strlen(s); len && isspace((unsigned char)s[len - 1]); len--)
			;
		s[len] = '\0';
		if (len)
			steps[kept++] = s;
	}
	steps[kept] = NULL;
}

/* --- the value ---------------------------------------------------------------------- */

/* filepath.Clean of a relative path, in place. */
static void clean_path(char *path)
{
	size_t len = 0, up = 0;	/* up: what "../" at the front takes */

	for (const char *p = path; *p; p += strspn(p, "/")) {
		size_t n = strcspn(p, "/");

		if (n == 2 && memcmp(p, "..", 2) == 0 && len > up) {
			while (len > up && path[len - 1] != '/')
				len--;
			len -= len > up;
		} else if (n != 1 || *p != '.') {
			if (len)
				path[len++] = '/';
			memmove(path + len, p, n);
			len += n;
			if (n == 2 && memcmp(path + len - 2, "..", 2) == 0)
				up = len;
		}
		p += n;
	}
	if (!len)
		path[len++] = '.';
	path[len] = '\0';
}

/* filesys.InsertPathPart: part between the parts of path, at most behind the last. */
static const char *insert_part(struct kust *k, const char *path, int64_t at,
			       const char *part)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *root = *path == '/' ? "/" : "";
	int64_t n = 0;
	char *joined;

	for (const char *p = path + strspn(path, "/"); *p; p += strspn(p, "/")) {
		size_t len = strcspn(p, "/");

		if (n++ == at)
			buf_addf(&out, "%s/", part);
		buf_add(&out, p, len);
		buf_add(&out, "/", 1);
		p += len;
	}
	if (at >= n)
		buf_addf(&out, "%s", part);
	joined = arena_strndup(&k->arena, buf_str(&out), out.len);
	clean_path(joined);
	return arena_printf(&k->arena, "%s%s", root, joined);
}

static int add_value(struct kust *k, struct kres *r, const char *value,
		     const struct kvalue_target *t, struct err *err)
{
	const char **steps = kpath_split(k, t->path, '/');
	struct node *n = r->root;

	clean(steps);
	for (size_t i = 0; steps[i] && n; i++) {
		if (find_step(k, n, steps[i], steps[i + 1], &n, err) < 0)
			return -1;
	}
	if (!n)
		return 0;
	if (kexpect_kind(n, NODE_SCALAR, err) < 0)
		return -1;
	if (t->position > 0)
		value = insert_part(k, ktext(n), t->position - 1, value);
	return kset_scalar(n, value, KSET_GUESSED, err);
}

static int add_to(struct kust *k, struct kmap *m, struct kres *r, const char *value,
		  const struct kvalue_target *t, struct err *err)
{
	const struct knamespace_args ns = { .ns = value };

	if (kres_is_empty(r))
		return 0;
	if (strcmp(t->path, "metadata/namespace") == 0) {
		if (knamespace_one(k, r, &ns, err) < 0)
			return -1;
	} else if (add_value(k, r, value, t, err) < 0) {
		err_wrap(err, "fieldPath '%s'", t->path);
		return kres_blame(r, err);
	}
	kres_refresh(k, r);
	kmap_reindex(m, r);
	return 0;
}

int kvalue_add(struct kust *k, struct kmap *m, const char *value,
	       const struct kvalue_target *t, struct err *err)
{
	_cleanup_kres_list_ struct kres_list list = { 0 };
	size_t len = kmap_len(m);

	if (t->selector) {
		if (kmap_select(k, m, t->selector, &list, err) < 0)
			return -1;
		len = list.len;
	}
	for (size_t i = 0; i < len; i++) {
		struct kres *r = t->selector ? list.data[i] : kmap_at(m, i);

		if (add_to(k, m, r, value, t, err) < 0)
			return -1;
	}
	return 0;
}
