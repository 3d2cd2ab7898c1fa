/*
 * Sets of fields, written as the API shows them (FieldsV1): a tree of objects with
 * keys "f:name", "k:{...}", "v:..." and "." for "the thing itself"; a childless
 * node is a member. The rules are those of
 * sigs.k8s.io/structured-merge-diff (typed/tofieldset, compare, merge, remove).
 * NULL is the empty set everywhere.
 */
#include "apiint.h"

static bool member(const json_t *n)
{
	return n && (!json_object_size(n) || json_object_get(n, "."));
}

static bool is_self(const char *key)
{
	return key[0] == '.' && !key[1];
}

/* Takes children (NULL or an object without "."). NULL when nothing is left. */
static json_t *node(bool self, json_t *children)
{
	if (!children || !json_object_size(children)) {
		json_decref(children);
		return self ? json_object() : NULL;
	}
	if (self)
		json_object_set_new(children, ".", json_object());
	return children;
}

static void put(json_t **children, const char *key, json_t *n)
{
	if (!n)
		return;
	if (!*children)
		*children = json_object();
	json_object_set_new(*children, key, n);
}

/* The root is never a member: an empty root object is the empty set. */
bool fields_empty(const json_t *set)
{
	return !set || !json_object_size(set);
}

static json_t *copy_set(const json_t *set)
{
	return set ? json_deep_copy(set) : NULL;
}

static json_t *unite(const json_t *a, const json_t *b)
{
	json_t *c = NULL, *v;
	const char *key;

	if (!a || !b)
		return copy_set(a ? a : b);
	json_object_foreach((json_t *)a, key, v)
		if (!is_self(key))
			put(&c, key, unite(v, json_object_get(b, key)));
	json_object_foreach((json_t *)b, key, v)
		if (!is_self(key) && !json_object_get(a, key))
			put(&c, key, copy_set(v));
	return node(member(a) || member(b), c);
}

static json_t *without(const json_t *a, const json_t *b)
{
	json_t *c = NULL, *v;
	const char *key;

	if (!a || !b)
		return copy_set(a);
	json_object_foreach((json_t *)a, key, v)
		if (!is_self(key))
			put(&c, key, without(v, json_object_get(b, key)));
	return node(member(a) && !member(b), c);
}

static json_t *both(const json_t *a, const json_t *b)
{
	json_t *c = NULL, *v;
	const char *key;

	if (!a || !b)
		return NULL;
	json_object_foreach((json_t *)a, key, v)
		if (!is_self(key))
			put(&c, key, both(v, json_object_get(b, key)));
	return node(member(a) && member(b), c);
}

/* At the root, {} means empty rather than "the object itself". */
static json_t *root(json_t *set)
{
	if (set && !json_object_size(set)) {
		json_decref(set);
		return NULL;
	}
	if (set)
		json_object_del(set, ".");
	return set;
}

json_t *fields_union(const json_t *a, const json_t *b)
{
	if (fields_empty(a) || fields_empty(b))
		return copy_set(fields_empty(a) ? (fields_empty(b) ? NULL : b) : a);
	return root(unite(a, b));
}

json_t *fields_minus(const json_t *a, const json_t *b)
{
	if (fields_empty(a) || fields_empty(b))
		return fields_empty(a) ? NULL : copy_set(a);
	return root(without(a, b));
}

json_t *fields_and(const json_t *a, const json_t *b)
{
	if (fields_empty(a) || fields_empty(b))
		return NULL;
	return root(both(a, b));
}

/* ---- the fields of a value ---- */

static json_t *set_of(const struct api_pos *p, const json_t *v);

static json_t *set_of_map(const struct api_pos *p, const json_t *v)
{
	json_t *c = NULL, *value;
	const char *key;

	json_object_foreach((json_t *)v, key, value) {
		_cleanup_free_ char *name = xasprintf("f:%s", key);
		struct api_pos cp = api_pos_child(p, key);
		json_t *n = set_of(&cp, value);
		bool self = json_is_null(value) || !api_pos_declared(p, key) ||
			    (json_is_object(value) && !json_object_size(value));

		if (!n && self)
			n = json_object();
		else if (n && self && json_object_size(n))
			json_object_set_new(n, ".", json_object());
		put(&c, name, n);
	}
	return c;
}

static json_t *set_of_list(const struct api_pos *p, const json_t *v)
{
	json_t *c = NULL;
	struct api_pos cp = api_pos_item(p);

	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *item = json_array_get(v, i);
		_cleanup_free_ char *key = api_item_key(p, item);
		json_t *n = set_of(&cp, item);

		if (!n)
			n = json_object();
		else if (json_object_size(n))
			json_object_set_new(n, ".", json_object());
		put(&c, key, n);
	}
	return c;
}

/* {} for a leaf; NULL for a map or list without anything to own. */
static json_t *set_of(const struct api_pos *p, const json_t *v)
{
	switch (api_pos_shape(p, v)) {
	case SHAPE_MAP:
		return set_of_map(p, v);
	case SHAPE_LIST_MAP:
	case SHAPE_SET:
		return set_of_list(p, v);
	case SHAPE_LEAF:
		break;
	}
	return json_object();
}

json_t *fields_of(const struct api_pos *p, const json_t *value)
{
	return root(set_of(p, value));
}

json_t *fields_named(const struct api_pos *p, const json_t *set)
{
	json_t *c = NULL, *v;
	const char *key;

	if (!set)
		return NULL;
	json_object_foreach((json_t *)set, key, v) {
		bool field = !strncmp(key, "f:", 2);
		struct api_pos cp = field ? api_pos_child(p, key + 2) :
				    api_pos_item(p);
		json_t *n;

		if (is_self(key))
			continue;
		n = json_object_size(v) ? fields_named(&cp, v) : json_object();
		if (n && json_object_size(n) && field &&
		    api_pos_declared(p, key + 2))
			json_object_set_new(n, ".", json_object());
		put(&c, key, n);
	}
	return node(member(set), c);
}

/* ---- comparing ---- */

struct diff {
	json_t *part[3];	/* added, modified, removed: children */
};
enum { ADDED, MODIFIED, REMOVED };

static struct diff walk(const struct api_pos *p, const json_t *l, const json_t *r);

static bool empty(const json_t *v)
{
	return !v || json_is_null(v) || (json_is_object(v) && !json_object_size(v)) ||
	       (json_is_array(v) && !json_array_size(v));
}

static struct diff leaf(const json_t *l, const json_t *r)
{
	struct diff d = { 0 };

	if (!l)
		d.part[ADDED] = json_object();
	else if (!r)
		d.part[REMOVED] = json_object();
	else if (!doc_equal(l, r))
		d.part[MODIFIED] = json_object();
	return d;
}

static void graft(struct diff *d, const char *key, struct diff child)
{
	for (int i = 0; i < 3; i++)
		put(&d->part[i], key, child.part[i]);
}

static struct diff walk_map(const struct api_pos *p, const json_t *l, const json_t *r)
{
	struct diff d = { 0 };
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)l, key, v) {
		_cleanup_free_ char *name = xasprintf("f:%s", key);
		struct api_pos c = api_pos_child(p, key);

		graft(&d, name, walk(&c, v, json_object_get(r, key)));
	}
	json_object_foreach((json_t *)r, key, v) {
		_cleanup_free_ char *name = xasprintf("f:%s", key);
		struct api_pos c = api_pos_child(p, key);

		if (!json_object_get(l, key))
			graft(&d, name, walk(&c, NULL, v));
	}
	return d;
}

static json_t *by_key(const struct api_pos *p, const json_t *list)
{
	json_t *o = json_object();

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *item = json_array_get(list, i);
		_cleanup_free_ char *key = api_item_key(p, item);

		json_object_set(o, key, item);
	}
	return o;
}

static struct diff walk_list(const struct api_pos *p, const json_t *l, const json_t *r)
{
	_cleanup_json_ json_t *lk = by_key(p, l);
	_cleanup_json_ json_t *rk = by_key(p, r);
	struct api_pos c = api_pos_item(p);
	struct diff d = { 0 };
	const char *key;
	json_t *v;

	json_object_foreach(lk, key, v)
		graft(&d, key, walk(&c, v, json_object_get(rk, key)));
	json_object_foreach(rk, key, v)
		if (!json_object_get(lk, key))
			graft(&d, key, walk(&c, NULL, v));
	return d;
}

/* Adds "the thing itself" where a whole branch came or went. */
static void mark_self(json_t **part)
{
	if (!*part)
		*part = json_object();
	else if (json_object_size(*part))
		json_object_set_new(*part, ".", json_object());
}

static struct diff walk(const struct api_pos *p, const json_t *l, const json_t *r)
{
	enum api_shape shape = api_pos_shape(p, r ? r : l);
	struct diff d;

	if (l && r && api_pos_shape(p, l) != shape)
		return leaf(l, r);
	if (shape == SHAPE_LEAF || (empty(l) && empty(r)))
		return leaf(l, r);
	d = shape == SHAPE_MAP ? walk_map(p, l, r) : walk_list(p, l, r);
	if (!l)
		mark_self(&d.part[ADDED]);
	else if (!r)
		mark_self(&d.part[REMOVED]);
	return d;
}

void fields_compare(const struct api_pos *p, const json_t *l, const json_t *r,
		    json_t **added, json_t **modified, json_t **removed)
{
	struct diff d = walk_map(p, l, r);

	*added = d.part[ADDED];
	*modified = d.part[MODIFIED];
	*removed = d.part[REMOVED];
}

/* ---- merging ---- */

static json_t *merge(const struct api_pos *p, const json_t *l, const json_t *r);

static json_t *merge_map(const struct api_pos *p, const json_t *l, const json_t *r)
{
	json_t *o = json_object(), *v;
	const char *key;

	json_object_foreach((json_t *)l, key, v) {
		struct api_pos c = api_pos_child(p, key);

		json_object_set_new(o, key, merge(&c, v, json_object_get(r, key)));
	}
	json_object_foreach((json_t *)r, key, v) {
		struct api_pos c = api_pos_child(p, key);

		if (!json_object_get(l, key))
			json_object_set_new(o, key, merge(&c, NULL, v));
	}
	return o;
}

/* The applied order, with what only the live list has kept where it was. */
static json_t *merge_list(const struct api_pos *p, const json_t *l, const json_t *r)
{
	_cleanup_json_ json_t *lk = by_key(p, l);
	_cleanup_json_ json_t *rk = by_key(p, r);
	_cleanup_json_ json_t *done = json_object();
	struct api_pos c = api_pos_item(p);
	json_t *out = json_array();
	size_t i = 0, k = 0, nl = json_array_size(l), nr = json_array_size(r);

	while (i < nl || k < nr) {
		json_t *li = json_array_get(l, i), *ri = json_array_get(r, k);
		_cleanup_free_ char *lkey = li ? api_item_key(p, li) : NULL;
		_cleanup_free_ char *rkey = ri ? api_item_key(p, ri) : NULL;

		if (lkey && !json_object_get(rk, lkey)) {
			json_array_append(out, li);
			i++;
		} else if (lkey && json_object_get(done, lkey)) {
			i++;
		} else if (rkey) {
			json_array_append_new(out, merge(&c,
					json_object_get(lk, rkey), ri));
			json_object_set_new(done, rkey, json_true());
			k++;
		} else {
			i++;
		}
	}
	return out;
}

static json_t *merge(const struct api_pos *p, const json_t *l, const json_t *r)
{
	enum api_shape shape = api_pos_shape(p, r ? r : l);

	if (!r)
		return json_deep_copy(l);
	if (shape == SHAPE_LEAF || (l && api_pos_shape(p, l) != shape))
		return json_deep_copy(r);
	return shape == SHAPE_MAP ? merge_map(p, l, r) : merge_list(p, l, r);
}

json_t *fields_merge(const struct api_pos *p, const json_t *live,
		     const json_t *config)
{
	return merge_map(p, live, config);
}

/* ---- removing ---- */

static json_t *prune(const struct api_pos *p, const json_t *v, const json_t *set);

static json_t *prune_map(const struct api_pos *p, const json_t *v, const json_t *set)
{
	json_t *o = json_object(), *value;
	const char *key;

	json_object_foreach((json_t *)v, key, value) {
		_cleanup_free_ char *name = xasprintf("f:%s", key);
		const json_t *n = json_object_get(set, name);
		struct api_pos c = api_pos_child(p, key);
		json_t *left;

		if (member(n))
			continue;
		left = n ? prune(&c, value, n) : json_incref(value);
		if (left)
			json_object_set_new(o, key, left);
	}
	return o;
}

static json_t *prune_list(const struct api_pos *p, const json_t *v, const json_t *set)
{
	struct api_pos c = api_pos_item(p);
	json_t *out = json_array();

	for (size_t i = 0; i < json_array_size(v); i++) {
		json_t *item = json_array_get(v, i), *left;
		_cleanup_free_ char *key = api_item_key(p, item);
		const json_t *n = json_object_get(set, key);

		if (member(n))
			continue;
		left = n ? prune(&c, item, n) : json_incref(item);
		if (left)
			json_array_append_new(out, left);
	}
	return out;
}

/* NULL when nothing of a map or list is left. */
static json_t *prune(const struct api_pos *p, const json_t *v, const json_t *set)
{
	enum api_shape shape = api_pos_shape(p, v);
	json_t *o;

	if (shape == SHAPE_LEAF)
		return json_incref((json_t *)v);
	o = shape == SHAPE_MAP ? prune_map(p, v, set) : prune_list(p, v, set);
	if (!empty(o) || empty(v))
		return o;
	json_decref(o);
	return NULL;
}

json_t *fields_remove(const struct api_pos *p, const json_t *value,
		      const json_t *set)
{
	return prune_map(p, value, set);
}

/* ---- paths, as messages show them ---- */

static void add_element(struct buf *path, const char *key)
{
	_cleanup_json_ json_t *j = NULL;
	bool first = true;

	if (!strncmp(key, "f:", 2)) {
		buf_addf(path, ".%s", key + 2);
		return;
	}
	if (!strncmp(key, "v:", 2)) {
		buf_addf(path, "[=%s]", key + 2);
		return;
	}
	j = doc_parse(key + 2, strlen(key + 2), NULL);
	buf_addc(path, '[');
	for (void *it = json_object_iter(j); it; it = json_object_iter_next(j, it)) {
		buf_addf(path, "%s%s=", first ? "" : ",", json_object_iter_key(it));
		doc_write(json_object_iter_value(it), path);
		first = false;
	}
	buf_addc(path, ']');
}

static void each(const json_t *set, struct buf *path,
		 void (*fn)(void *arg, const char *path), void *arg)
{
	size_t len = path->len;
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)set, key, v) {
		if (is_self(key))
			continue;
		add_element(path, key);
		if (member(v))
			fn(arg, buf_str(path));
		each(v, path, fn, arg);
		path->len = len;
		path->data[len] = '\0';
	}
}

void fields_each(const json_t *set, void (*fn)(void *arg, const char *path),
		 void *arg)
{
	_cleanup_buf_ struct buf path = BUF_INIT;

	each(set, &path, fn, arg);
}
