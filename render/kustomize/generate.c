/*
 * generate.c - ConfigMaps and Secrets out of files, literals and environments
 * (api/internal/generators, kyaml/yaml/datamap.go).
 *
 * One generator gives one resource, with its behavior, and with needs_hash unless
 * its options say otherwise. It fails where a source cannot be read.
 */
#include "core/utf8.h"

#include "kv.h"
#include "transform.h"

/* --- values ------------------------------------------------------------------- */

/* Keys come sorted and once each, so nothing is looked up. */
static void add(struct kust *k, struct node *map, const char *key, const char *value)
{
	struct node *n = kstring(k, value);

	if (strchr(value, '\n'))
		n->style = NODE_LITERAL;
	node_append(&k->arena, map, kplain(k, key));
	node_append(&k->arena, map, n);
}

static int config_map_data(struct kust *k, struct node *root, const struct kvs *pairs,
			   struct err *err)
{
	for (size_t i = 0; i < pairs->len; i++) {
		const struct kv *p = pairs->data + i;
		bool text = utf8_valid(p->value, p->len);

		if (text && memchr(p->value, '\0', p->len))
			return err_set(err, ERR_INVALID, "the value of '%s' holds a NUL "
				       "byte: put it into a Secret", p->key);
		add(k, kget_or_make(k, root, text ? "data" : "binaryData", NODE_MAP),
		    p->key, text ? p->value : kv_base64(k, p->value, p->len));
	}
	return 0;
}

static int secret_data(struct kust *k, struct node *root, const struct kvs *pairs,
		       struct err *err)
{
	struct node *data = kget_or_make(k, root, "data", NODE_MAP);

	(void)err;
	for (size_t i = 0; i < pairs->len; i++)
		add(k, data, pairs->data[i].key,
		    kv_base64(k, pairs->data[i].value, pairs->data[i].len));
	return 0;
}

/* --- the resource ------------------------------------------------------------- */

static int set_pairs(struct kust *k, struct node *root, const char *field,
		     const struct kpairs *pairs, struct err *err)
{
	struct node *map;

	if (!pairs->len)
		return 0;
	if (!*pairs->data[0].key)	/* sorted */
		return err_set(err, ERR_INVALID, "its %s have an empty key, by its options "
			       "or by generatorOptions; name it, or take it away", field);
	map = kget_or_make(k, kget(root, "metadata"), field, NODE_MAP);
	for (size_t i = 0; i < pairs->len; i++)
		kset(k, map, pairs->data[i].key, kstring(k, pairs->data[i].value));
	return 0;
}

/*
 * The reference does not look whether a Secret got them: at an empty key it leaves the
 * rest out.
 */
static int set_metadata(struct kust *k, struct node *root, const char *kind,
			const struct kgen_options *o, struct err *err)
{
	struct err why = ERR_INIT;

	if (set_pairs(k, root, "labels", &o->labels, &why) == 0 &&
	    set_pairs(k, root, "annotations", &o->annotations, &why) == 0)
		return 0;
	if (strcmp(kind, "Secret") != 0) {
		*err = why;
		return -1;
	}
	if (o->labels.len && !*o->labels.data[0].key)
		kget_or_make(k, kget(root, "metadata"), "labels", NODE_MAP);
	return 0;
}

static int set_options(struct kust *k, struct node *root, const char *kind,
		       const struct kgen_options *o, struct err *err)
{
	struct node *yes = kplain(k, "true");

	if (!o)
		return 0;
	if (set_metadata(k, root, kind, o, err) < 0)
		return -1;
	yes->bare = false;	/* it is made with a bool's tag */
	if (o->immutable)
		kset(k, root, "immutable", yes);
	return 0;
}

static struct node *base_node(struct kust *k, const char *kind,
			      const struct kgenerator *g)
{
	struct node *root = node_new_map(&k->arena), *meta, *name = kstring(k, g->name);

	kset(k, root, "apiVersion", kplain(k, "v1"));
	kset(k, root, "kind", kplain(k, kind));
	meta = kget_or_make(k, root, "metadata", NODE_MAP);
	name->style = NODE_PLAIN;	/* a text by its tag: a prefix takes that off */
	kset(k, meta, "name", name);
	if (g->ns && *g->ns)
		kset(k, meta, "namespace", kstring(k, g->ns));
	return root;
}

/* NewGenerationBehavior: what it does not know is unspecified, no error. */
static enum kbehavior behavior_of(const char *s)
{
	static const char *const names[] = { [KB_CREATE] = "create",
		[KB_REPLACE] = "replace", [KB_MERGE] = "merge" };

	for (size_t i = KB_CREATE; s && i < ARRAY_LEN(names); i++) {
		if (strcmp(s, names[i]) == 0)
			return (enum kbehavior)i;
	}
	return KB_UNSPECIFIED;
}

typedef int (*data_fn)(struct kust *k, struct node *root, const struct kvs *pairs,
		       struct err *err);

static int fill(struct kust *k, const struct kfolder *folder, const char *kind,
		const struct kgenerator *g, struct node *root, data_fn data,
		struct err *err)
{
	_cleanup_kvs_ struct kvs pairs = { 0 };

	if (kv_load(k, folder, g, &pairs, err) < 0 || data(k, root, &pairs, err) < 0)
		return -1;
	return set_options(k, root, kind, g->options, err);
}

static int generate(struct kust *k, const struct kfolder *folder, const char *kind,
		    const struct kgenerator *g, data_fn data, struct kres **ret,
		    struct err *err)
{
	struct node *root;

	if (!g->name || !*g->name)
		return err_set(err, ERR_INVALID, "%s:%u: a generator of a %s needs a name",
			       folder->file, g->line, kind);
	root = base_node(k, kind, g);
	if (fill(k, folder, kind, g, root, data, err) < 0)
		return err_wrap(err, "%s:%u: %s %s", folder->file, g->line, kind, g->name);
	*ret = kres_new(k, root, "");
	(*ret)->behavior = behavior_of(g->behavior);
	(*ret)->needs_hash = !g->options || !g->options->disable_hash;
	return 0;
}

int kust_config_map(struct kust *k, const struct kfolder *folder,
		    const struct kgenerator *g, struct kres **ret, struct err *err)
{
	return generate(k, folder, "ConfigMap", g, config_map_data, ret, err);
}

int kust_secret(struct kust *k, const struct kfolder *folder,
		const struct kgenerator *g, struct kres **ret, struct err *err)
{
	if (generate(k, folder, "Secret", g, secret_data, ret, err) < 0)
		return -1;
	kset(k, (*ret)->root, "type", kstring(k, g->type && *g->type ? g->type : "Opaque"));
	return 0;
}

/* --- options ------------------------------------------------------------------ */

static int by_pair_key(const void *a, const void *b)
{
	return strcmp(((const struct kpair *)a)->key, ((const struct kpair *)b)->key);
}

/* overrideMap: local pairs, and the global ones whose keys they do not have. */
static struct kpairs merge_pairs(struct kust *k, const struct kpairs *local,
				 const struct kpairs *global)
{
	size_t max = local->len + global->len;
	struct kpairs out = { arena_alloc(&k->arena, (max + 1) * sizeof(struct kpair)),
			      local->len, max };

	if (local->len)
		memcpy(out.data, local->data, local->len * sizeof(*out.data));
	for (size_t i = 0; i < global->len; i++) {
		if (!local->len || !bsearch(global->data + i, local->data, local->len,
					    sizeof(*out.data), by_pair_key))
			out.data[out.len++] = global->data[i];
	}
	if (out.len)
		qsort(out.data, out.len, sizeof(*out.data), by_pair_key);
	return out;
}

struct kgen_options *kgen_options_merge(struct kust *k, const struct kgen_options *local,
					const struct kgen_options *global)
{
	static const struct kgen_options none;
	struct kgen_options *out;

	if (!local && !global)
		return NULL;
	out = arena_alloc(&k->arena, sizeof(*out));
	*out = local ? *local : none;
	if (!global)
		return out;
	out->labels = merge_pairs(k, &out->labels, &global->labels);
	out->annotations = merge_pairs(k, &out->annotations, &global->annotations);
	out->disable_hash = out->disable_hash || global->disable_hash;
	out->immutable = out->immutable || global->immutable;
	return out;
}
