/*
 * vars.c - variables that stand for fields of objects (types.VarSet, ResAccumulator,
 * filters/refvar).
 *
 * Each folder marks the object that a variable of its own names; at the root, when
 * the objects have their last names, the values are read and put into every text
 * that the field specs name. A name that is unknown stays as it is written, and one
 * that is never used is told of.
 */
#include <errno.h>

#include "core/utf8.h"

#include "kpath.h"
#include "kv.h"
#include "vars.h"

#define DEFAULT_PATH "metadata.name"
#define BYTES_MAX ((size_t)64 << 20)	/* of all texts that variables change */

/* --- the set ----------------------------------------------------------------------- */

/* A set lies in the arena, with what it outgrew. */
static void push_var(struct kust *k, struct kvars *into, const struct kvar *v)
{
	struct kvar *data;

	if (into->len == into->cap) {
		into->cap = into->cap ? into->cap * 2 : 8;
		data = arena_alloc(&k->arena, into->cap * sizeof(*data));
		if (into->len)
			memcpy(data, into->data, into->len * sizeof(*data));
		into->data = data;
	}
	into->data[into->len++] = *v;
}

static int add_var(struct kust *k, struct kvars *into, const struct kvar *v,
		   struct err *err)
{
	struct kvar copy = *v;

	for (size_t i = 0; i < into->len; i++) {
		if (strcmp(into->data[i].name, v->name) == 0)
			return err_set(err, ERR_INVALID, "var '%s' is there already: give it "
				       "another name", v->name);
	}
	if (!copy.field_path || !*copy.field_path)
		copy.field_path = DEFAULT_PATH;
	push_var(k, into, &copy);
	return 0;
}

/* An empty namespace is any. */
static bool is_meant(const struct kid *id, const struct kid *target)
{
	return *target->ns ? kid_equal(id, target) : kid_gvkn_equal(id, target);
}

static bool was_meant(const struct kres *r, const struct kid *target)
{
	for (size_t i = 0; i < r->prev.len; i++) {
		if (is_meant(&r->prev.data[i], target))
			return true;
	}
	return is_meant(&r->id, target);
}

static int mark(const struct kmap *m, const struct kvar *v, struct err *err)
{
	_cleanup_kres_list_ struct kres_list l = { 0 };
	struct kid target = v->object;
	struct kres *found = NULL;

	target.cluster = false;
	kmap_by_any_name(m, target.name, &l);
	for (size_t i = 0; i < l.len; i++) {
		if (kres_is_empty(l.data[i]) || !was_meant(l.data[i], &target))
			continue;
		if (found)
			return err_set(err, ERR_INVALID, "var '%s': several objects are %s/%s: "
				       "name the namespace", v->name, target.gvk.kind,
				       target.name);
		found = l.data[i];
	}
	if (found)
		vec_push(&found->var_names, v->name);
	return 0;
}

int kust_vars_merge(struct kust *k, struct kmap *m, struct kvars *into,
		    const struct kvar *from, size_t len, struct err *err)
{
	for (size_t i = 0; i < len; i++) {
		if (mark(m, from + i, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < len; i++) {
		if (add_var(k, into, from + i, err) < 0)
			return -1;
	}
	return 0;
}

int kust_vars_absorb(struct kust *k, struct kvars *into, const struct kvars *child,
		     struct err *err)
{
	for (size_t i = 0; i < child->len; i++) {
		if (add_var(k, into, child->data + i, err) < 0)
			return -1;
	}
	return 0;
}

/* --- values ------------------------------------------------------------------------- */

/* convertSliceIndex: "ports[0]" is two steps. */
static const char **read_steps(struct kust *k, const char *path, struct err *err)
{
	const char **steps = kpath_steps(k, path, err), **out;
	size_t n = 0;

	if (!steps)
		return NULL;
	out = arena_alloc(&k->arena, (2 * KPATH_STEPS_MAX + 1) * sizeof(*out));
	for (; *steps; steps++) {
		const char *open = strrchr(*steps, '[');
		size_t digits = open ? strspn(open + 1, "0123456789") : 0;

		if (!digits || strcmp(open + 1 + digits, "]") != 0) {
			out[n++] = *steps;
			continue;
		}
		if (open > *steps)
			out[n++] = arena_strndup(&k->arena, *steps, (size_t)(open - *steps));
		out[n++] = arena_strndup(&k->arena, open + 1, digits);
	}
	return out;
}

/* strconv.Atoi of what YAML takes for an integer: plain decimals only. */
static int set_int(struct kust *k, struct kvalue *v, const struct node *n,
		   struct err *err)
{
	long long value;
	char *end;

	errno = 0;
	value = strtoll(n->text, &end, 10);
	if (*end || errno)
		return err_set(err, ERR_INVALID, "line %u: '%s' is no plain decimal", n->line,
			       n->text);
	v->text = v->inner = arena_printf(&k->arena, "%lld", value);
	return 0;
}

/* Go's shortest digits of f: "d.ddde+XX" with as many as it takes. */
static int shortest(double f, char out[40])
{
	int digits = 0;

	for (; digits < 17; digits++) {
		snprintf(out, 40, "%.*e", digits, f);
		if (strtod(out, NULL) == f)
			break;
	}
	return digits;
}

/* FormatFloat(f, 'f', -1) and, among text, "%v": with an exponent from 1e6 on. */
static void set_float(struct kust *k, struct kvalue *v, double f)
{
	char e[40];
	int digits = shortest(f, e), exponent = atoi(strchr(e, 'e') + 1);
	int after = digits > exponent ? digits - exponent : 0;

	v->text = arena_printf(&k->arena, "%.*f", after, f);
	v->inner = exponent < -4 || exponent >= 6 ? arena_strdup(&k->arena, e) : v->text;
}

/* GetFieldValue */
static int read_scalar(struct kust *k, const struct node *n, struct kvalue *v,
		       struct err *err)
{
	struct node *plain;

	v->type = node_type3(n);
	v->text = v->inner = n->text;
	if (v->type == NODE_INT)
		return set_int(k, v, n, err);
	if (v->type != NODE_BOOL && v->type != NODE_FLOAT) {
		v->type = NODE_STR;
		return 0;
	}
	if (node_canonical(&k->arena, n, &plain, err) < 0)
		return -1;
	v->text = v->inner = plain->text;
	if (v->type == NODE_FLOAT)
		set_float(k, v, strtod(plain->text, NULL));
	return 0;
}

static int read_value(struct kust *k, const struct kvar *v, struct kres *r,
		      struct kvalue *ret, struct err *err)
{
	const char **steps = read_steps(k, v->field_path, err);
	struct node *n;

	if (!steps || kpath_lookup(k, r->root, steps, &n, err) < 0)
		return -1;
	if (!n)
		return err_set(err, ERR_INVALID, "nothing is there");
	if (n->kind == NODE_SCALAR)
		return read_scalar(k, n, ret, err);
	ret->opaque = true;
	kust_warn(k, "var %s: %s is no text or number: it stays as it is", v->name,
		  v->field_path);
	return 0;
}

static int by_var_name(const void *a, const void *b)
{
	return strcmp(((const struct kvar *)a)->name, ((const struct kvar *)b)->name);
}

/* The first object of each var, in the order of vars. */
static struct kres **owners(const struct kmap *m, const struct kvars *vars)
{
	struct kres **out = xcalloc(vars->len, sizeof(struct kres *));

	for (size_t i = 0; i < kmap_len(m); i++) {
		struct kres *r = kmap_at(m, i);

		for (size_t j = 0; j < r->var_names.len; j++) {
			struct kvar key = { .name = r->var_names.data[j] }, *v;

			v = bsearch(&key, vars->data, vars->len, sizeof(key), by_var_name);
			if (v && !out[v - vars->data])
				out[v - vars->data] = r;
		}
	}
	return out;
}

/* makeVarReplacementMap; vars are sorted, and so are the values. */
static int read_values(struct kust *k, const struct kmap *m, const struct kvars *vars,
		       struct kvalues *ret, struct err *err)
{
	_cleanup_free_ struct kres **owner = owners(m, vars);

	for (size_t i = 0; i < vars->len; i++) {
		const struct kvar *v = vars->data + i;
		struct kvalue value = { .name = v->name };

		if (!owner[i])
			return err_set(err, ERR_INVALID, "%s:%u: var '%s': there is no %s/%s",
				       v->file ? v->file : "", v->line, v->name, v->object.gvk.kind,
				       v->object.name);
		if (read_value(k, v, owner[i], &value, err) < 0) {
			err_wrap(err, "var '%s': fieldPath %s", v->name, v->field_path);
			return kres_blame(owner[i], err);
		}
		vec_push(ret, value);
	}
	return 0;
}

/* --- texts -------------------------------------------------------------------------- */

static struct kvalue *find_value(struct kvalues *values, const char *name, size_t len)
{
	size_t from = 0, to = values->len;

	while (from < to) {
		size_t mid = (from + to) / 2;
		struct kvalue *v = values->data + mid;
		int rc = strncmp(name, v->name, len);

		if (rc == 0)
			rc = v->name[len] ? -1 : 0;
		if (rc == 0)
			return v->opaque ? NULL : v;
		if (rc < 0)
			to = mid;
		else
			from = mid + 1;
	}
	return NULL;
}

/* A byte as Go makes a string of it: as if it were Latin-1. */
static void put_byte(struct buf *out, unsigned char c)
{
	if (c >= 0x80) {
		buf_addc(out, (char)(0xc0 | c >> 6));
		c = 0x80 | (c & 0x3f);
	}
	buf_addc(out, (char)c);
}

/* tryReadVariableName behind a '$' (s[0] is there): the bytes it takes. */
static size_t put_one(const char *s, struct kvalues *values, struct buf *out,
		      const struct kvalue **found)
{
	const char *close = s[0] == '(' ? strchr(s, ')') : NULL;
	struct kvalue *v;
	size_t len;

	*found = NULL;
	if (!close) {
		if (s[0] != '$')
			buf_addc(out, '$');
		put_byte(out, (unsigned char)s[0]);
		return 1;
	}
	len = (size_t)(close - s);
	*found = v = find_value(values, s + 1, len - 1);
	if (v) {
		v->uses++;
		buf_adds(out, v->inner);
	} else {
		buf_addc(out, '$');
		buf_add(out, s, len + 1);
	}
	return len + 1;
}

void kvars_expand(const char *text, struct kvalues *values, struct buf *out,
		  const struct kvalue **whole)
{
	const char *at = text, *dollar;
	const struct kvalue *found;
	size_t before = out->len;

	*whole = NULL;
	while ((dollar = strchr(at, '$')) && dollar[1]) {
		buf_add(out, at, (size_t)(dollar - at));
		at = dollar + 1;
		at += put_one(at, values, out, &found);
		if (found && dollar == text && !*at) {
			out->len = before;
			*whole = found;
			return;
		}
	}
	buf_adds(out, at);
}

/* --- fields ------------------------------------------------------------------------- */

struct expansion {
	struct kvalues values;
	size_t bytes;
};

/* updateNodeValue */
static void become(struct node *n, enum node_type type, const char *text)
{
	n->text = text;
	n->len = (uint32_t)strlen(text);
	n->tag = NULL;
	n->bare = false;
	n->style = NODE_PLAIN;
	n->implicit = type != NODE_STR;
}

static int expand(struct kust *k, struct expansion *x, struct node *n, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT_MAX(NODE_SCALAR_MAX);
	const struct kvalue *whole;

	if (!strchr(n->text, '$')) {
		if (n->bare)	/* it gets a text's tag all the same */
			become(n, NODE_STR, n->text);
		return 0;
	}
	kvars_expand(n->text, &x->values, &out, &whole);
	x->bytes += out.len;
	if (buf_overflowed(&out) || x->bytes > BYTES_MAX)
		return err_set(err, ERR_LIMIT, "line %u: with its variables the text is too "
			       "long", n->line);
	if (whole)
		become(n, whole->type, whole->text);
	else if (utf8_valid(buf_str(&out), out.len))
		become(n, NODE_STR, arena_strndup(&k->arena, buf_str(&out), out.len));
	else	/* half a character: see put_byte() */
		become(n, NODE_STR, kv_base64(k, buf_str(&out), out.len));
	return 0;
}

static bool is_text(const struct node *n)
{
	return n->kind == NODE_SCALAR && (n->bare || node_type3(n) == NODE_STR);
}

static int expand_kids(struct kust *k, struct expansion *x, struct node *n,
		       struct err *err)
{
	bool map = n->kind == NODE_MAP;

	for (uint32_t i = 0; i < n->len; i++) {
		struct node *kid = n->kids[i];

		if ((!map || i % 2 == 0) && !is_text(kid))
			return err_set(err, ERR_INVALID, "line %u: a text is expected here, "
				       "where vars can be", kid->line);
		if ((!map || i % 2) && is_text(kid) && expand(k, x, kid, err) < 0)
			return -1;
	}
	return 0;
}

static int at_field(struct kust *k, struct kres *r, struct node *n, void *arg,
		    struct err *err)
{
	(void)r;
	if (n->kind != NODE_SCALAR)
		return expand_kids(k, arg, n, err);
	return is_text(n) ? expand(k, arg, n, err) : 0;
}

static void tell_unused(struct kust *k, const struct kvalues *values)
{
	_cleanup_buf_ struct buf names = BUF_INIT;

	for (size_t i = 0; i < values->len; i++) {
		if (!values->data[i].uses)
			buf_addf(&names, "%s%s", names.len ? "," : "", values->data[i].name);
	}
	if (names.len)
		kust_warn(k, "well-defined vars that were never replaced: %s",
			  buf_str(&names));
}

static int expand_all(struct kust *k, struct kmap *m, const struct kfieldspecs *specs,
		      struct expansion *x, struct err *err)
{
	for (size_t i = 0; i < kmap_len(m); i++) {
		if (kfieldspecs_apply(k, kmap_at(m, i), specs, -1, at_field, x, err) < 0)
			return err_wrap(err, "vars");
	}
	kmap_refresh(m);
	return 0;
}

int kust_vars_resolve(struct kust *k, struct kmap *m, const struct kvars *vars,
		      const struct kfieldspecs *specs, struct err *err)
{
	struct expansion x = { .bytes = 0 };
	struct kvars sorted = *vars;
	int rc;

	if (!vars->len)
		return 0;
	sorted.data = arena_alloc(&k->arena, vars->len * sizeof(*vars->data));
	memcpy(sorted.data, vars->data, vars->len * sizeof(*vars->data));
	qsort(sorted.data, sorted.len, sizeof(*sorted.data), by_var_name);
	rc = read_values(k, m, &sorted, &x.values, err);
	if (rc == 0)
		rc = expand_all(k, m, specs, &x, err);
	if (rc == 0)
		tell_unused(k, &x.values);
	vec_deinit(&x.values);
	return rc;
}
