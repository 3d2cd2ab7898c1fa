/*
 * structured.c - replacements that go on into a text which is JSON or YAML
 * (filters/replacement, setValueInStructuredData).
 *
 * The first scalar on the path is parsed, the rest of the path is followed in what
 * comes out, and the whole is written back: JSON as encoding/json writes it. Nothing
 * found there is no error: the path may still lead somewhere by the plain way.
 */
#include "core/buf.h"

#include "gojson.h"
#include "kpath.h"
#include "replacement.h"
#include "yamltext.h"

/* --- the text --------------------------------------------------------------------- */

/* The first scalar that steps lead through, and how many they are; or NULL. */
static struct node *find_scalar(struct kust *k, struct node *root,
				const char *const *steps, size_t *used)
{
	const char **some;
	size_t n = 0;

	while (steps[n])
		n++;
	some = arena_alloc(&k->arena, (n + 1) * sizeof(*some));
	for (size_t i = 0; i + 1 < n; i++) {
		struct err ignored;
		struct node *at;

		some[i] = steps[i];
		if (kpath_lookup(k, root, some, &at, &ignored) < 0 || !at ||
		    at->kind != NODE_SCALAR)
			continue;
		*used = i + 1;
		return at;
	}
	return NULL;
}

static struct node *parse(struct arena *a, const struct node *n)
{
	struct node_reader *r = node_reader_new3(n->text, n->len);
	struct node *ret = NULL;
	struct err ignored;

	if (node_read(r, a, &ret, &ignored) <= 0)
		ret = NULL;
	node_reader_free(r);
	return ret;
}

static char first_char(const char *s)
{
	return s[strspn(s, " \t\r\n\v\f")];
}

/* serializeAsJSON. 0: it cannot be, and nothing was written. */
static int write_json(struct kust *k, struct arena *a, struct node *into,
		      const struct node *tree, size_t *written)
{
	bool pretty = strchr(into->text, '\n') && strstr(into->text, "  ");
	_cleanup_buf_ struct buf out = BUF_INIT_MAX(NODE_SCALAR_MAX);
	struct err ignored;

	if (kgojson_put(a, &out, tree, pretty ? KGOJSON_INDENT : KGOJSON_PLAIN, &ignored) < 0 ||
	    buf_overflowed(&out))
		return 0;
	*written += out.len;
	return kretext(into, arena_strndup(&k->arena, buf_str(&out), out.len));
}

/* *fits: no new text is of another type than its field. */
static int set_inside(struct kust *k, struct node *tree, const char *const *steps,
		      int create, const struct node *value, bool *fits)
{
	_cleanup_kpath_nodes_ struct kpath_nodes fields = { 0 };
	struct err ignored;

	if (kpath_match(k, tree, steps, create, &fields, &ignored) < 0 || !(fields.len + fields.lost))
		return 0;
	for (size_t i = 0; i < fields.len; i++) {
		struct node *n = fields.data[i];

		if (n->kind != NODE_SCALAR)
			*n = *node_copy(&k->arena, value);
		else if (!kretext(n, ktext(value)))
			*fits = false;
	}
	return 1;
}

/* serializeAsYAML */
static int write_yaml(struct kust *k, struct yamltext *lines, struct node *into,
		      const struct node *tree, size_t *written, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT_MAX(NODE_SCALAR_MAX);

	if (!lines || !yamltext_write(lines, tree, &out))
		return err_set(err, ERR_INVALID, "the path leads into a text that is YAML: it "
			       "must be in plain block style to be written again");
	*written += out.len;
	return kretext(into, arena_strndup(&k->arena, buf_str(&out), out.len));
}

static int set_text_in(struct kust *k, struct arena *a, struct node *scalar,
		       const char *const *steps, int create, const struct node *value,
		       size_t *written, struct err *err)
{
	struct node *tree = parse(a, scalar);
	char first = first_char(scalar->text);
	struct yamltext *lines = NULL;
	bool fits = true;

	if (tree && first != '{' && first != '[' && value->kind == NODE_SCALAR)
		lines = yamltext_read(a, scalar->text, tree);
	if (!tree || !set_inside(k, tree, steps, create, value, &fits))
		return 0;
	if (tree->kind == NODE_SCALAR)	/* a null, which takes nothing in */
		return 1;
	if (first == '{' || first == '[')
		return fits ? write_json(k, a, scalar, tree, written) : 0;
	return write_yaml(k, lines, scalar, tree, written, err);
}

int kstructured_set(struct kust *k, struct node *root, const char *const *steps,
		    int create, const struct node *value, size_t *written,
		    struct err *err)
{
	size_t used = 0;
	struct node *scalar = find_scalar(k, root, steps, &used);
	struct arena arena = { 0 };
	int rc;

	if (!scalar)
		return 0;
	rc = set_text_in(k, &arena, scalar, steps + used, create, value, written, err);
	arena_deinit(&arena);
	return rc;
}
