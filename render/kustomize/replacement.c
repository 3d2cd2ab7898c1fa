/*
 * replacement.c - copies a field of one object into fields of others
 * (filters/replacement, ReplacementTransformer).
 *
 * One source gives a value, or the kustomization does; each target's selector gives
 * objects, and each path in them fields. A source that is not there, or there twice,
 * a path that leads nowhere, and a text where a number was are errors.
 */
#include "core/buf.h"

#include "kpath.h"
#include "replacement.h"
#include "transform.h"

#define DEFAULT_PATH "metadata.name"
#define BYTES_MAX ((size_t)256 << 20)	/* of all texts that are put together */

/* What a kustomization's replacements have made so far, against its caps. */
struct replacing {
	struct kust *k;
	struct kmap *m;
	size_t bytes, nodes;
};

/* --- the value ---------------------------------------------------------------------- */

/* Does an id of r, as MakeResIds makes them, fit? Their kinds' scopes are not known. */
static bool is_source(const struct kres *r, const struct kid *selector)
{
	struct kid now = r->id;

	now.cluster = false;
	if (kid_selected(&now, selector))
		return true;
	for (size_t i = 0; i < r->prev.len; i++) {
		if (kid_selected(&r->prev.data[i], selector))
			return true;
	}
	return false;
}

static int select_source(struct kust *k, const struct kmap *m, const struct kid *selector,
			 struct kres **ret, struct err *err)
{
	*ret = NULL;
	for (size_t i = 0; i < kmap_len(m); i++) {
		if (!is_source(kmap_at(m, i), selector))
			continue;
		if (*ret)
			return err_set(err, ERR_INVALID, "several objects are the source %s: "
				       "say more of it", kid_text(&k->arena, selector));
		*ret = kmap_at(m, i);
	}
	if (*ret)
		return 0;
	return err_set(err, ERR_INVALID, "no object is the source %s",
		       kid_text(&k->arena, selector));
}

static bool is_empty(const struct node *n)
{
	return !n || (n->kind == NODE_SCALAR ? knull(n) : !n->len);
}

/* strings.Split; n of them, in the arena. */
static char **split(struct kust *k, const char *text, const char *by, size_t *n)
{
	size_t len = strlen(by), max = 1;
	const char *at;
	char **out;

	for (at = text; (at = strstr(at, by)); at += len)
		max++;
	out = arena_alloc(&k->arena, max * sizeof(*out));
	for (*n = 0; (at = strstr(text, by)); text = at + len)
		out[(*n)++] = arena_strndup(&k->arena, text, (size_t)(at - text));
	out[(*n)++] = arena_strdup(&k->arena, text);
	return out;
}

static bool has_delimiter(const struct kfield_options *o)
{
	return o && o->delimiter && *o->delimiter;
}

/* getRefinedValue */
static int refine(struct kust *k, const struct kfield_options *o, struct node **value,
		  struct err *err)
{
	char **parts;
	size_t n;

	if (!has_delimiter(o))
		return 0;
	if ((*value)->kind != NODE_SCALAR)
		return err_set(err, ERR_INVALID, "a delimiter needs a text in the source");
	parts = split(k, (*value)->text, o->delimiter, &n);
	if (o->index < 0 || (uint64_t)o->index >= n)
		return err_set(err, ERR_INVALID, "options.index %lld is out of bounds for %s",
			       (long long)o->index, (*value)->text);
	*value = node_copy(&k->arena, *value);
	kretext(*value, parts[o->index]);
	return 0;
}

static int find_value(struct kust *k, const struct kmap *m, const struct kreplacement *r,
		      struct node **ret, struct err *err)
{
	const char *path = r->source_path && *r->source_path ? r->source_path : DEFAULT_PATH;
	struct kres *source;
	const char **steps;

	if (r->source_value) {
		*ret = kplain(k, r->source_value);
		return 0;
	}
	steps = kpath_steps(k, path, err);
	if (!steps || select_source(k, m, r->source, &source, err) < 0)
		return -1;
	if (kpath_lookup(k, source->root, steps, ret, err) < 0) {
		err_wrap(err, "fieldPath %s of the source", path);
		return kres_blame(source, err);
	}
	if (is_empty(*ret)) {
		err_set(err, ERR_INVALID, "fieldPath %s of the source is missing", path);
		return kres_blame(source, err);
	}
	return refine(k, r->source_options, ret, err);
}

/* --- targets ------------------------------------------------------------------------ */

static bool is_literal(const char *pattern)
{
	for (; *pattern; pattern++) {
		if (strchr("\\.+*?()|[]{}^$", *pattern))
			return false;
	}
	return true;
}

static int fits(struct kust *k, const char *pattern, const char *text, struct err *err)
{
	if (!pattern || !*pattern)
		return 1;
	if (is_literal(pattern))
		return strcmp(pattern, text) == 0;
	return kregex_match(k, pattern, text, err);
}

/* MatchGvk, MatchName, MatchNamespace: anchored, of ids as they are written. */
static int id_fits(struct kust *k, const struct kselector *s, const struct kid *id,
		   struct err *err)
{
	const char *const pairs[][2] = {
		{ s->group, id->gvk.group }, { s->version, id->gvk.version },
		{ s->kind, id->gvk.kind }, { s->name, id->name }, { s->ns, id->ns },
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		int rc = fits(k, pairs[i][0], pairs[i][1], err);

		if (rc <= 0)
			return rc;
	}
	return 1;
}

static int any_id_fits(struct kust *k, const struct kselector *s, const struct kres *r,
		       struct err *err)
{
	int rc = id_fits(k, s, &r->id, err);

	for (size_t i = 0; rc == 0 && i < r->prev.len; i++)
		rc = id_fits(k, s, &r->prev.data[i], err);
	return rc;
}

static bool has_text(const char *s)
{
	return s && *s;
}

static int labels_fit(struct kust *k, const struct kselector *s, const struct kres *r,
		      struct err *err)
{
	const struct node *meta = kget(r->root, "metadata");
	int rc = 1;

	if (has_text(s->annotations))
		rc = klabels_match(k, s->annotations, kget(meta, "annotations"), err);
	if (rc > 0 && has_text(s->labels))
		rc = klabels_match(k, s->labels, kget(meta, "labels"), err);
	return rc;
}

static bool has_id(const struct kselector *s)
{
	return has_text(s->group) || has_text(s->version) || has_text(s->kind) ||
	       has_text(s->name) || has_text(s->ns);
}

/* A rejecting selector's labels count by themselves, and so do its ids. */
static int is_rejected(struct kust *k, const struct kselector *s, const struct kres *r,
		       struct err *err)
{
	int rc = 0;

	if (has_text(s->labels) || has_text(s->annotations))
		rc = labels_fit(k, s, r, err);
	if (rc == 0 && has_id(s))
		rc = any_id_fits(k, s, r, err);
	return rc;
}

static int is_target(struct kust *k, const struct kreplacement_target *t,
		     const struct kres *r, struct err *err)
{
	int rc = labels_fit(k, t->select, r, err);

	for (size_t i = 0; rc > 0 && i < t->n_reject; i++) {
		rc = is_rejected(k, t->reject + i, r, err);
		if (rc >= 0)
			rc = !rc;
	}
	return rc > 0 ? any_id_fits(k, t->select, r, err) : rc;
}

/* --- fields ------------------------------------------------------------------------- */

/* Where the part with that index begins; NULL where there are not so many. */
static const char *find_part(const char *text, const char *by, int64_t index)
{
	for (; text && index > 0; index--) {
		text = strstr(text, by);
		text = text ? text + strlen(by) : NULL;
	}
	return text;
}

/* The target's parts with one of them replaced, or one more before or after. */
static const char *join(struct replacing *x, const struct kfield_options *o,
			const char *text, const char *value)
{
	_cleanup_buf_ struct buf out = BUF_INIT_MAX(NODE_SCALAR_MAX);
	const char *part = find_part(text, o->delimiter, o->index), *rest;

	if (o->index < 0) {
		buf_addf(&out, "%s%s%s", value, o->delimiter, text);
	} else if (!part) {
		buf_addf(&out, "%s%s%s", text, o->delimiter, value);
	} else {
		rest = strstr(part, o->delimiter);
		buf_add(&out, text, (size_t)(part - text));
		buf_addf(&out, "%s%s", value, rest ? rest : "");
	}
	x->bytes += buf_overflowed(&out) ? BYTES_MAX + 1 : out.len;
	return arena_strndup(&x->k->arena, buf_str(&out), out.len);
}

static size_t count_nodes(const struct node *n)
{
	size_t sum = 1;

	for (uint32_t i = 0; n->kind != NODE_SCALAR && i < n->len; i++)
		sum += count_nodes(n->kids[i]);
	return sum;
}

static bool is_flat(const struct node *n, int depth)
{
	bool flat = depth > 0;

	for (uint32_t i = 0; flat && n->kind != NODE_SCALAR && i < n->len; i++)
		flat = is_flat(n->kids[i], depth - 1);
	return flat;
}

static int set_field(struct replacing *x, const struct kfield_options *o,
		     struct node *field, const struct node *value, struct err *err)
{
	const char *text = ktext(value);
	struct node *copy;

	if (has_delimiter(o) && field->kind != NODE_SCALAR)
		return err_set(err, ERR_INVALID, "a delimiter needs a text there");
	if (has_delimiter(o))
		text = join(x, o, field->text, text);
	if (field->kind != NODE_SCALAR) {
		x->nodes += count_nodes(value);
		copy = node_copy(&x->k->arena, value);
		*field = *copy;
		return 0;
	}
	/* A word where a number was fails when it is printed, if nothing follows. */
	kretext(field, text);
	return 0;
}

static int set_fields(struct replacing *x, struct kres *r, const char *const *steps,
		      const struct kfield_options *o, const struct node *value,
		      struct err *err)
{
	_cleanup_kpath_nodes_ struct kpath_nodes fields = { 0 };
	int create = o && o->create ? (int)value->kind : -1, rc;

	rc = kstructured_set(x->k, r->root, steps, create, value, &x->bytes, err);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (kpath_match(x->k, r->root, steps, create, &fields, err) < 0)
		return -1;
	if (!fields.len && !fields.lost)
		return err_set(err, ERR_INVALID, "nothing is there%s",
			       create < 0 ? ": options.create makes it" : "");
	for (size_t i = 0; i < fields.len; i++) {
		if (set_field(x, o, fields.data[i], value, err) < 0)
			return -1;
	}
	if ((create >= 0 || value->kind != NODE_SCALAR) && !is_flat(r->root, NODE_DEPTH_MAX))
		return err_set(err, ERR_LIMIT, "the object gets deeper than %d",
			       NODE_DEPTH_MAX);
	return 0;
}

static int set_path(struct replacing *x, struct kres *r, const char *path,
		    const struct kfield_options *o, const struct node *value,
		    struct err *err)
{
	const char **steps = kpath_steps(x->k, path, err);

	if (!steps || set_fields(x, r, steps, o, value, err) < 0) {
		err_wrap(err, "fieldPath %s", path);
		return kres_blame(r, err);
	}
	if (x->bytes <= BYTES_MAX && x->nodes <= NODE_COUNT_MAX)
		return 0;
	return err_set(err, ERR_LIMIT, "the replacements of a kustomization make more than "
		       "%zu MiB or %u fields", BYTES_MAX >> 20, NODE_COUNT_MAX);
}

static int set_paths(struct replacing *x, struct kres *r,
		     const struct kreplacement_target *t, const struct node *value,
		     struct err *err)
{
	static const char *const by_default[] = { DEFAULT_PATH };
	const char *const *paths = t->paths.len ? t->paths.data : by_default;

	for (size_t i = 0; i < (t->paths.len ? t->paths.len : 1); i++) {
		if (set_path(x, r, paths[i], t->options, value, err) < 0)
			return -1;
	}
	kres_refresh(x->k, r);
	kmap_reindex(x->m, r);
	return 0;
}

static int fill_targets(struct replacing *x, const struct kreplacement_target *t,
			const struct node *value, struct err *err)
{
	if (!t->select)
		return err_set(err, ERR_INVALID, "a target needs a 'select'");
	for (size_t i = 0; i < kmap_len(x->m); i++) {
		struct kres *r = kmap_at(x->m, i);
		int rc = is_target(x->k, t, r, err);

		if (rc < 0 || (rc > 0 && set_paths(x, r, t, value, err) < 0))
			return -1;
	}
	return 0;
}

/* --- replacements ------------------------------------------------------------------- */

static int replace(struct replacing *x, const struct kreplacement *r, struct err *err)
{
	struct node *value;

	if ((!r->source && !r->source_value) || !r->n_targets)
		return err_set(err, ERR_INVALID, "it needs a source and a target");
	if (r->source && r->source_value)
		return err_set(err, ERR_INVALID, "it has both a source and a sourceValue");
	if (find_value(x->k, x->m, r, &value, err) < 0)
		return -1;
	for (size_t i = 0; i < r->n_targets; i++) {
		if (fill_targets(x, r->targets + i, value, err) < 0)
			return -1;
	}
	return 0;
}

static int replace_all(struct kust *k, const char *file, struct kmap *m,
		       const struct kreplacement *data, size_t len, struct err *err)
{
	struct replacing x = { .k = k, .m = m };

	for (size_t i = 0; i < len; i++) {
		if (replace(&x, data + i, err) < 0)
			return err_wrap(err, "%s:%u: replacement %zu", file, data[i].line,
					i + 1);
	}
	return 0;
}

struct replacements {
	struct kreplacement *data;
	size_t len, cap;
};

static int read_one(struct kust *k, const char *file, const struct node *n,
		    struct replacements *ret, struct err *err)
{
	struct kreplacement r = { 0 };

	if (kdecode(k, &kreplacement_type, file, n, false, &r, err) < 0)
		return -1;
	r.line = n->line;
	vec_push(ret, r);
	return 0;
}

static int read_nodes(struct kust *k, const char *file, const struct node *n,
		      struct replacements *ret, struct err *err)
{
	if (n->kind == NODE_MAP)
		return read_one(k, file, n, ret, err);
	if (n->kind != NODE_LIST)
		return err_set(err, ERR_INVALID, "%s: a replacement or a list of them is "
			       "expected", file);
	for (uint32_t i = 0; i < n->len; i++) {
		if (read_one(k, file, n->kids[i], ret, err) < 0)
			return -1;
	}
	return 0;
}

/* A file of replacements, read before any of the kustomization's is done. */
static int read_file(struct kust *k, const struct kfolder *folder,
		     const struct kreplacement *r, struct replacements *ret,
		     struct err *err)
{
	const char *text, *file;
	struct node *root;
	size_t len;

	if (r->source || r->n_targets)
		return err_set(err, ERR_INVALID, "%s:%u: a replacement with a path is that "
			       "file's: take source and targets away", folder->file, r->line);
	if (kload_file(k, folder, r->path, &text, &len, &file, err) < 0)
		return err_wrap(err, "%s:%u: replacements", folder->file, r->line);
	if (kread_first(k, file, text, len, false, &root, err) < 0)
		return -1;
	return read_nodes(k, file, root, ret, err);
}

int kust_replacements(struct kust *k, const struct kfolder *folder, struct kmap *m,
		      const struct kreplacement *data, size_t len, struct err *err)
{
	struct replacements all = { 0 };
	int rc = 0;

	for (size_t i = 0; i < len && rc == 0; i++) {
		if (data[i].path && *data[i].path)
			rc = read_file(k, folder, data + i, &all, err);
		else
			vec_push(&all, data[i]);
	}
	if (rc == 0)
		rc = replace_all(k, folder->file, m, all.data, all.len, err);
	if (rc == 0)
		kmap_drop_empties(m);
	vec_deinit(&all);
	return rc;
}
