/*
 * origin.c - buildMetadata: annotations that tell where a resource came from and
 * which transformers changed it (resource.Origin, Transformations).
 *
 * They are real annotations while the build runs, as in the reference: patches and
 * replacements see them. build.c takes those away that were not asked for.
 */
#include "transform.h"

/* --- annotations as a map of texts ------------------------------------------- */

void kannotations_rewrite(struct kust *k, struct kres *r)
{
	struct node *meta = kget(r->root, "metadata");
	struct node *fresh = kmeta_texts(k, NULL, kget(meta, "annotations"));
	struct node *second;

	kremove(meta, "annotations");
	second = kget(meta, "annotations");
	if (fresh && second)
		fresh = ktexts_of(k, second, fresh, KD_FIRST);
	if (fresh)
		kset(k, meta, "annotations", fresh);
}

void kannotations_set(struct kust *k, struct kres *r, const char *key,
		      const char *value)
{
	struct node *meta = kget_or_make(k, r->root, "metadata", NODE_MAP);

	if (value)
		kset(k, kget_or_make(k, meta, "annotations", NODE_MAP), key,
		     kstring(k, value));
	else
		kremove(kget(meta, "annotations"), key);
	kannotations_rewrite(k, r);
}

/* --- an origin as YAML, in the order of its fields ----------------------------- */

static int put(struct kust *k, struct buf *out, const char *indent, const char *key,
	       const char *value, struct err *err)
{
	struct node *n, *canonical;

	if (!value || !*value)
		return 0;
	n = kstring(k, value);
	if (node_canonical(&k->arena, n, &canonical, err) < 0)
		return -1;
	buf_addf(out, "%s%s: ", indent, key);
	return node_to_yaml(canonical, out, err);
}

static int format(struct kust *k, const struct korigin *o, struct buf *out,
		  struct err *err)
{
	if (put(k, out, "", "path", o->path, err) < 0 ||
	    put(k, out, "", "repo", o->repo, err) < 0 ||
	    put(k, out, "", "ref", o->ref, err) < 0 ||
	    put(k, out, "", "configuredIn", o->configured_in, err) < 0)
		return -1;
	if (!o->kind || !*o->kind)
		return 0;
	buf_adds(out, "configuredBy:\n");
	if (put(k, out, "  ", "apiVersion", o->api_version, err) < 0 ||
	    put(k, out, "  ", "kind", o->kind, err) < 0 ||
	    put(k, out, "  ", "name", o->name, err) < 0 ||
	    put(k, out, "  ", "namespace", o->ns, err) < 0)
		return -1;
	return 0;
}

/* As an item of a list: "- " before the first line, two blanks before the others. */
static void format_item(const char *text, struct buf *out)
{
	const char *lead = "- ";

	while (*text) {
		const char *end = strchrnul(text, '\n');

		buf_adds(out, lead);
		buf_add(out, text, (size_t)(end - text));
		buf_addc(out, '\n');
		lead = "  ";
		text = *end ? end + 1 : end;
	}
}

/* --- on resources ---------------------------------------------------------------- */

static const char *annotation(const struct kres *r, const char *key)
{
	const struct node *n = kfind(r->root, "metadata", "annotations", key, NULL);

	return n ? ktext(n) : NULL;
}

/* Takes the last segment off; false where there is none to take, or it is "..". */
static bool pop(struct buf *path)
{
	char *slash = path->len ? strrchr(path->data, '/') : NULL;
	const char *segment = slash ? slash + 1 : path->len ? path->data : "..";

	if (!strcmp(segment, ".."))
		return false;
	path->len = slash ? (size_t)(slash - path->data) : 0;
	path->data[path->len] = '\0';
	return true;
}

/* filepath.Join: may lead out of the folder where the build began. */
static void join(struct buf *path, const char *more)
{
	while (*more) {
		const char *end = strchrnul(more, '/');
		size_t len = (size_t)(end - more);
		bool up = len == 2 && !strncmp(more, "..", 2);

		if (len && !(len == 1 && *more == '.') && !(up && pop(path))) {
			if (path->len)
				buf_addc(path, '/');
			buf_add(path, more, len);
		}
		more = *end ? end + 1 : end;
	}
}

struct korigin korigin_below(struct kust *k, const struct korigin *o,
			     const char *written)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	struct korigin below = *o;

	join(&path, o->path ? o->path : "");
	join(&path, written);
	below.path = arena_strdup(&k->arena, buf_str(&path));
	return below;
}

int korigin_set(struct kust *k, struct kmap *m, const struct korigin *o,
		struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (format(k, o, &text, err) < 0)
		return -1;
	for (size_t i = 0; i < kmap_len(m); i++)
		kannotations_set(k, kmap_at(m, i), KORIGIN_ANNOTATION, buf_str(&text));
	return 0;
}

int korigin_add(struct kust *k, struct kmap *m, const struct korigin *o,
		struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (format(k, o, &text, err) < 0)
		return -1;
	for (size_t i = 0; i < kmap_len(m); i++) {
		if (!annotation(kmap_at(m, i), KORIGIN_ANNOTATION))
			kannotations_set(k, kmap_at(m, i), KORIGIN_ANNOTATION,
					 buf_str(&text));
	}
	return 0;
}

int korigin_add_transformer(struct kust *k, struct kmap *m, const struct korigin *o,
			    struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT, item = BUF_INIT;

	if (format(k, o, &text, err) < 0)
		return -1;
	format_item(buf_str(&text), &item);
	for (size_t i = 0; i < kmap_len(m); i++) {
		struct kres *r = kmap_at(m, i);
		const char *before = annotation(r, KTRANSFORMATIONS_ANNOTATION);

		if (!annotation(r, KORIGIN_ANNOTATION))
			kannotations_set(k, r, KORIGIN_ANNOTATION, buf_str(&text));
		else
			kannotations_set(k, r, KTRANSFORMATIONS_ANNOTATION,
					 arena_printf(&k->arena, "%s%s", before ? before :
						      "", buf_str(&item)));
	}
	return 0;
}

/* The value of a line "key: value" at the beginning of a line of an origin's YAML. */
static const char *field_of(struct kust *k, const char *text, const char *key)
{
	struct node_reader *reader = node_reader_new(text, strlen(text));
	struct node *n = NULL;
	const char *value = "";

	if (node_read(reader, &k->arena, &n, NULL) > 0)
		value = ktext(kget(n, key));
	node_reader_free(reader);
	return value;
}

bool korigin_of_plugin(struct kust *k, const struct kres *config, struct korigin *ret)
{
	const char *text = annotation(config, KORIGIN_ANNOTATION);

	if (!text)
		return false;
	*ret = (struct korigin){
		.repo = field_of(k, text, "repo"), .ref = field_of(k, text, "ref"),
		.configured_in = field_of(k, text, "path"),
		.api_version = ktext(kget(config->root, "apiVersion")),
		.kind = config->id.gvk.kind, .name = config->id.name,
		.ns = config->id.ns,
	};
	return true;
}
