/*
 * jsonpatch.c - JSON patches as Kustomize applies them (evanphx/json-patch v4, then a
 * round trip through float64).
 *
 * More lenient than RFC 6902 in ways that people's patches rely on: what stands before
 * a path's first slash is ignored, `replace` adds a missing key, `copy` and `test` take
 * a missing key for null, indices may be negative. `test` compares spellings. All of
 * the object, not only what the patch names, comes back with its numbers read as
 * float64 and its texts quoted anew.
 * What a patch may do is capped: depth, values copied, work.
 */
#include <errno.h>
#include <stdio.h>

#include "kjson.h"
#include "transform.h"

#define STEPS_MAX 50000000u	/* keys looked at, elements moved */

struct kjson_patch {
	struct node *ops;	/* a list of maps and nulls; NULL: "null" */
};

struct jsonpatch {
	struct kust *k;
	struct node *root;
	size_t steps, copied;
	struct err *err;
};

/* Where an operation works. */
struct place {
	struct node *in;	/* a map or a list */
	const char *key;
	unsigned depth;		/* of in's children */
};

static int refuse(struct jsonpatch *j, const char *why, const char *path)
{
	return err_set(j->err, ERR_INVALID, "%s: '%.120s'", why, path);
}

static int spend(struct jsonpatch *j, size_t steps)
{
	j->steps += steps;
	if (j->steps <= STEPS_MAX)
		return 0;
	return err_set(j->err, ERR_LIMIT, "too many operations on too large maps or lists");
}

/* --- parsing ------------------------------------------------------------------------- */

static bool is_valid(const struct node *ops, struct err *err)
{
	if (ops->kind != NODE_LIST) {
		err_set(err, ERR_INVALID, "line %u: a JSON patch is a list of operations",
			ops->line);
		return false;
	}
	for (uint32_t i = 0; i < ops->len; i++) {
		if (ops->kids[i]->kind == NODE_MAP || kjson_is_null(ops->kids[i]))
			continue;
		err_set(err, ERR_INVALID, "operation %u is no map", i + 1);
		return false;
	}
	return true;
}

/* Texts out of YAML are spelled as encoding/json does, whatever we wrote. */
static void forget_spelling(struct node *n)
{
	if (kjson_is_string(n))
		n->tag = NULL;
	for (uint32_t i = 0; n->kind != NODE_SCALAR && i < n->len; i++)
		forget_spelling(n->kids[i]);
}

static int to_json(const char *text, size_t len, struct buf *out, struct err *err)
{
	_cleanup_(arena_deinit) struct arena a = { 0 };
	struct node_reader *r = node_reader_new_lenient(text, len);
	struct node *n;
	int got = node_read(r, &a, &n, err);

	node_reader_free(r);
	if (got < 0)
		return -1;
	if (got)
		return node_to_json(n, out, err);
	buf_adds(out, "null");
	return 0;
}

struct kjson_patch *kjson_patch_parse(struct kust *k, const char *text, size_t len,
				      struct err *err)
{
	_cleanup_buf_ struct buf json = BUF_INIT;
	struct kjson_patch *p = arena_alloc(&k->arena, sizeof(*p));
	struct node *n;

	if (len && *text == '[') {
		n = kjson_read(k, text, len, err);
	} else {
		if (to_json(text, len, &json, err) < 0)
			return NULL;
		n = kjson_read(k, buf_str(&json), json.len, err);
		if (n)
			forget_spelling(n);
	}
	if (!n)
		return NULL;
	if (kjson_is_null(n))
		return p;
	p->ops = n;
	return is_valid(n, err) ? p : NULL;
}

size_t kjson_patch_len(const struct kjson_patch *p, bool *null)
{
	*null = !p->ops;
	return p->ops ? p->ops->len : 0;
}

/* --- places -------------------------------------------------------------------------- */

/* "~1" is a slash, "~0" a tilde. */
static const char *decode(struct kust *k, const char *from, size_t len)
{
	char *out = arena_alloc(&k->arena, len + 1), *to = out;

	for (size_t i = 0; i < len; i++) {
		if (from[i] == '~' && i + 1 < len && (from[i + 1] == '0' || from[i + 1] == '1'))
			*to++ = from[++i] == '1' ? '/' : '~';
		else
			*to++ = from[i];
	}
	return out;
}

/* strconv.Atoi */
static bool index_of(const char *text, long *ret)
{
	const char *at = text + (*text == '-' || *text == '+');

	if (!*at || strspn(at, "0123456789") != strlen(at))
		return false;
	errno = 0;
	*ret = strtol(text, NULL, 10);
	return !errno;
}

/* An index into a list of len, counted from its end where it is negative. */
static int list_index(struct jsonpatch *j, const char *key, uint32_t len, uint32_t *ret)
{
	long i;

	if (!index_of(key, &i))
		return refuse(j, "not an index", key);
	if (i >= (long)len || i < -(long)len)
		return refuse(j, "no such index", key);
	*ret = (uint32_t)(i < 0 ? i + (long)len : i);
	return 0;
}

/* A child; *ret is NULL for a key that is not there and for a null. */
static int get(struct jsonpatch *j, const struct place *at, struct node **ret)
{
	uint32_t i;

	if (spend(j, at->in->len) < 0)
		return -1;
	if (at->in->kind == NODE_MAP) {
		*ret = kget(at->in, at->key);
	} else {
		if (list_index(j, at->key, at->in->len, &i) < 0)
			return -1;
		*ret = at->in->kids[i];
	}
	if (*ret && kjson_is_null(*ret))
		*ret = NULL;
	return 0;
}

/* findObject */
static int find(struct jsonpatch *j, const char *path, struct place *ret)
{
	const char *at = strchr(path, '/');

	*ret = (struct place){ .in = j->root, .depth = 1 };
	if (!at)
		return refuse(j, "a path begins with a slash", path);
	for (const char *slash; (slash = strchr(++at, '/')); at = slash) {
		struct node *next;

		ret->key = decode(j->k, at, (size_t)(slash - at));
		if (get(j, ret, &next) < 0)
			return err_wrap(j->err, "the path %.120s is missing", path);
		if (!next || next->kind == NODE_SCALAR)
			return refuse(j, "the path is missing", path);
		ret->in = next;
		ret->depth++;
	}
	ret->key = decode(j->k, at, strlen(at));
	return 0;
}

/* --- changes ------------------------------------------------------------------------- */

static size_t height(const struct node *n)
{
	size_t most = 0;

	for (uint32_t i = 0; n->kind != NODE_SCALAR && i < n->len; i++) {
		size_t h = height(n->kids[i]);

		most = h > most ? h : most;
	}
	return most + 1;
}

static size_t count(const struct node *n)
{
	size_t all = 1;

	for (uint32_t i = 0; n->kind != NODE_SCALAR && i < n->len; i++)
		all += count(n->kids[i]);
	return all;
}

static struct node *new_null(struct jsonpatch *j)
{
	struct node *n = kplain(j->k, "null");

	n->bare = false;
	return n;
}

/* A copy of n (NULL: a null) that may be put into the tree. */
static int copy(struct jsonpatch *j, const struct node *n, struct node **ret)
{
	j->copied += n ? count(n) : 1;
	if (j->copied > NODE_COUNT_MAX)
		return err_set(j->err, ERR_LIMIT, "a patch that makes more than %u values",
			       NODE_COUNT_MAX);
	*ret = n ? node_copy(&j->k->arena, n) : new_null(j);
	return 0;
}

static int check_depth(struct jsonpatch *j, const struct place *at, const struct node *n)
{
	if (at->depth + height(n) <= NODE_DEPTH_MAX)
		return 0;
	return err_set(j->err, ERR_LIMIT, "more than %d values within each other",
		       NODE_DEPTH_MAX);
}

static int insert(struct jsonpatch *j, struct node *list, const char *key,
		  struct node *value)
{
	uint32_t i = list->len;

	if (strcmp(key, "-") != 0 && list_index(j, key, list->len + 1, &i) < 0)
		return -1;
	node_append(&j->k->arena, list, value);
	memmove(list->kids + i + 1, list->kids + i,
		(list->len - i - 1) * sizeof(*list->kids));
	list->kids[i] = value;
	return 0;
}

static int put(struct jsonpatch *j, const struct place *at, struct node *value)
{
	if (check_depth(j, at, value) < 0 || spend(j, at->in->len) < 0)
		return -1;
	if (at->in->kind == NODE_LIST)
		return insert(j, at->in, at->key, value);
	kset(j->k, at->in, at->key, value);
	return 0;
}

static int take(struct jsonpatch *j, const struct place *at)
{
	struct node *in = at->in;
	uint32_t i;

	if (spend(j, in->len) < 0)
		return -1;
	if (in->kind == NODE_MAP)
		return kremove(in, at->key) ? 0 :
		       refuse(j, "a key that is not there cannot be removed", at->key);
	if (list_index(j, at->key, in->len, &i) < 0)
		return -1;
	memmove(in->kids + i, in->kids + i + 1, (in->len - i - 1) * sizeof(*in->kids));
	in->len--;
	return 0;
}

/* --- comparing ------------------------------------------------------------------------ */

/* 1: equal; -1: the reference breaks down on nulls in lists. */
static int equal(struct jsonpatch *j, const struct node *a, const struct node *b)
{
	if (spend(j, a->len) < 0)
		return -1;
	if (a->kind != b->kind)
		return 0;
	if (a->kind == NODE_SCALAR)
		return strcmp(kjson_spelling(j->k, a), kjson_spelling(j->k, b)) == 0;
	if (a->len != b->len)
		return 0;
	for (uint32_t i = 0; i < a->len; i++) {
		const struct node *x = a->kids[i], *y = b->kids[i];
		int r;

		if (a->kind == NODE_MAP) {
			x = a->kids[i + 1];
			y = kget(b, a->kids[i++]->text);
			if (!y)
				return 0;
		} else if (kjson_is_null(x) || kjson_is_null(y)) {
			return refuse(j, "a list with nulls cannot be tested", "null");
		}
		r = equal(j, x, y);
		if (r <= 0)
			return r;
	}
	return 1;
}

/* --- operations ------------------------------------------------------------------------ */

/* A field of an operation that must be a string. */
static int text_field(struct jsonpatch *j, const struct node *op, const char *name,
		      const char **ret)
{
	const struct node *n = kget(op, name);

	if (!n || !kjson_is_string(n))
		return err_set(j->err, ERR_INVALID, "'%s' must be a text", name);
	*ret = n->text;
	return 0;
}

static int op_add(struct jsonpatch *j, const struct node *op, const char *path)
{
	struct place at;
	struct node *value;

	if (find(j, path, &at) < 0 || copy(j, kget(op, "value"), &value) < 0)
		return -1;
	return put(j, &at, value);
}

static int op_remove(struct jsonpatch *j, const struct node *op, const char *path)
{
	struct place at;

	(void)op;
	return find(j, path, &at) < 0 ? -1 : take(j, &at);
}

static int replace_root(struct jsonpatch *j, const struct node *value)
{
	/* A list is taken by the library and fails when it becomes an object again. */
	if (!value || value->kind != NODE_MAP)
		return refuse(j, "an object can be replaced by a map only", "");
	return copy(j, value, &j->root);
}

static int op_replace(struct jsonpatch *j, const struct node *op, const char *path)
{
	struct place at;
	struct node *old, *value;
	uint32_t i;

	if (!*path)
		return replace_root(j, kget(op, "value"));
	if (find(j, path, &at) < 0 || get(j, &at, &old) < 0 ||
	    copy(j, kget(op, "value"), &value) < 0)
		return -1;
	if (at.in->kind == NODE_MAP)
		return put(j, &at, value);
	if (check_depth(j, &at, value) < 0 || list_index(j, at.key, at.in->len, &i) < 0)
		return -1;
	at.in->kids[i] = value;
	return 0;
}

static int op_move(struct jsonpatch *j, const struct node *op, const char *path)
{
	struct place from, to;
	struct node *value;
	const char *source;

	if (text_field(j, op, "from", &source) < 0 || find(j, source, &from) < 0 ||
	    get(j, &from, &value) < 0 || take(j, &from) < 0 || find(j, path, &to) < 0)
		return -1;
	return put(j, &to, value ? value : new_null(j));
}

static int op_copy(struct jsonpatch *j, const struct node *op, const char *path)
{
	struct place from, to;
	struct node *value;
	const char *source;

	if (text_field(j, op, "from", &source) < 0 || find(j, source, &from) < 0 ||
	    get(j, &from, &value) < 0 || find(j, path, &to) < 0 ||
	    copy(j, value, &value) < 0)
		return -1;
	return put(j, &to, value);
}

static int op_test(struct jsonpatch *j, const struct node *op, const char *path)
{
	const struct node *want = kget(op, "value");
	struct place at;
	struct node *have = j->root;
	int r;

	if (*path && (find(j, path, &at) < 0 || get(j, &at, &have) < 0))
		return -1;
	if (want && kjson_is_null(want))
		want = NULL;
	r = have && want ? equal(j, have, want) : !have && !want;
	return r > 0 ? 0 : r < 0 ? -1 : refuse(j, "the test failed", path);
}

static const struct {
	const char *name;
	int (*fn)(struct jsonpatch *j, const struct node *op, const char *path);
} operations[] = {
	{ "add", op_add }, { "remove", op_remove }, { "replace", op_replace },
	{ "move", op_move }, { "copy", op_copy }, { "test", op_test },
};

static int run(struct jsonpatch *j, const struct node *op)
{
	const struct node *kind = kget(op, "op");
	const char *name = kind && kjson_is_string(kind) ? kind->text : "", *path;

	for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
		if (strcmp(operations[i].name, name) != 0)
			continue;
		if (text_field(j, op, "path", &path) < 0 ||
		    operations[i].fn(j, op, path) < 0)
			return err_wrap(j->err, "%s", name);
		return 0;
	}
	return refuse(j, "'op' must be add, remove, replace, move, copy or test", name);
}

/* --- back into a tree ------------------------------------------------------------------- */

/* The shortest digits that read back as f: strconv.FormatFloat(f, 'g', -1, 64). */
static const char *float_text(struct kust *k, double f)
{
	char digits[32], *e;
	int precision = 1, exponent;

	do
		snprintf(digits, sizeof(digits), "%.*e", precision - 1, f);
	while (strtod(digits, NULL) != f && ++precision <= 17);
	e = strchr(digits, 'e');
	exponent = atoi(e + 1);
	if (exponent < -4 || exponent >= 6)
		return arena_printf(&k->arena, "%s", digits);
	precision -= exponent + 1;
	return arena_printf(&k->arena, "%.*f", precision > 0 ? precision : 0, f);
}

/* "1:30": a number to YAML 1.1. */
static bool is_base60(const char *s)
{
	return strchr(s, ':') && strspn(s, "0123456789_:.+-") == strlen(s);
}

static bool is_old_bool(const char *s)
{
	static const char *const words[] = { "y", "yes", "on", "n", "no", "off" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcasecmp(s, words[i]) == 0)
			return true;
	}
	return false;
}

/* Would go-yaml print this text without quotes? (In rare texts taken for no.) */
static bool is_plain(const struct node *n)
{
	struct node bare = { .kind = NODE_SCALAR, .implicit = true, .text = n->text,
			     .len = n->len };
	const char *s = n->text;

	if (!*s || strchr("-?:,[]{}#&*!|>'\"%@` ", *s) || strpbrk(s, "\n\t\r\x7f") ||
	    strstr(s, ": ") || strstr(s, " #") || strchr(": ", s[n->len - 1]))
		return false;
	return node_type3(&bare) == NODE_STR && !is_base60(s) && !is_old_bool(s);
}

/* Scalars as they are after encoding/json, go-yaml's printing and its reading. */
static int settle(struct jsonpatch *j, struct node *n)
{
	double f;

	n->tag = NULL;
	for (uint32_t i = 0; n->kind != NODE_SCALAR && i < n->len; i++) {
		if (n->kind == NODE_MAP && i % 2 == 0)
			n->kids[i]->implicit = false;
		if (settle(j, n->kids[i]) < 0)
			return -1;
	}
	if (n->kind != NODE_SCALAR)
		return 0;
	if (!n->implicit) {
		n->implicit = is_plain(n);
		n->style = n->implicit ? NODE_PLAIN : NODE_DOUBLE;
		return 0;
	}
	if (strchr("tfn", *n->text))
		return 0;
	errno = 0;
	f = strtod(n->text, NULL);
	if (errno == ERANGE && (f > 1 || f < -1))
		return refuse(j, "a number that is too large", n->text);
	n->text = float_text(j->k, f);
	n->len = (uint32_t)strlen(n->text);
	return 0;
}

int kjson_patch_apply(struct kust *k, const struct kjson_patch *p, struct node **root,
		      struct err *err)
{
	struct jsonpatch j = { .k = k, .err = err };

	if (node_canonical(&k->arena, *root, &j.root, err) < 0)
		return -1;
	for (uint32_t i = 0; p->ops && i < p->ops->len; i++) {
		if (run(&j, p->ops->kids[i]) < 0)
			return err_wrap(err, "JSON patch, operation %u", i + 1);
	}
	if (settle(&j, j.root) < 0)
		return -1;
	*root = j.root;
	return 0;
}
