/*
 * labels.c - labels and annotations (filters/labels, filters/annotations): texts put
 * under a key into every map that the field specs name.
 *
 * As in the reference, all places of a resource that get the same label get the same
 * node: who sets one of them in place later, sets all (see setter.c).
 */
#include "config.h"

#define ENTRIES_MAX ((size_t)4000000)	/* put in a build */

struct entry {
	const char *key;
	struct node *value;
};

static int put_entry(struct kust *k, struct kres *r, struct node *n, void *arg,
		     struct err *err)
{
	struct entry *e = arg;

	(void)r;
	if (++k->entries > ENTRIES_MAX)
		return err_set(err, ERR_LIMIT, "more than %zu labels and annotations are put; "
			       "use fewer, or split the kustomization", ENTRIES_MAX);
	return kset_entry(k, n, e->key, e->value, err);
}

/* A !!str node; quoted where YAML 1.1 would take it for something else. */
static struct node *new_value(struct kust *k, const char *text)
{
	struct node *n = kstring(k, text);

	n->style = NODE_PLAIN;
	kquote11(n);
	return n;
}

static int put_all(struct kust *k, struct kmap *m, const struct kpairs *pairs,
		   const struct kfieldspecs *specs, struct err *err)
{
	for (size_t i = 0; i < kmap_len(m); i++) {
		struct kres *r = kmap_at(m, i);

		for (size_t j = 0; j < pairs->len; j++) {
			struct entry e = { pairs->data[j].key,
					   new_value(k, pairs->data[j].value) };

			if (kfieldspecs_apply(k, r, specs, NODE_MAP, put_entry, &e, err) < 0)
				return -1;
		}
		if (pairs->len && kfieldspecs_touch_id(specs)) {
			kres_refresh(k, r);
			kmap_reindex(m, r);
		}
	}
	return 0;
}

int kust_labels(struct kust *k, struct kmap *m, const struct kpairs *pairs,
		const struct kfieldspecs *specs, struct err *err)
{
	return put_all(k, m, pairs, specs, err);
}

int kust_annotations(struct kust *k, struct kmap *m, const struct kpairs *pairs,
		     const struct kfieldspecs *specs, struct err *err)
{
	return put_all(k, m, pairs, specs, err);
}

/* Its own fields, the configured ones, and by its switches those of the built-in. */
static int entry_specs(struct kust *k, const struct klabel *l, const struct kconfig *c,
		       struct kfieldspecs *ret, struct err *err)
{
	static const struct kfieldspec metadata = { { "", "", "" }, "metadata/labels", true };

	*ret = l->fields;
	ret->cap = 0;
	if (kfieldspecs_merge_all(k, ret, &c->labels, err) < 0)
		return -1;
	if (l->include_selectors)
		return kfieldspecs_merge_all(k, ret, &c->common_labels, err);
	if (l->include_templates && kfieldspecs_merge_all(k, ret, &c->template_labels, err) < 0)
		return -1;
	return kfieldspecs_merge_one(k, ret, &metadata, err);
}

int kust_label_entry(struct kust *k, struct kmap *m, const struct klabel *l,
		     const struct kconfig *c, struct err *err)
{
	struct kfieldspecs specs;

	if (entry_specs(k, l, c, &specs, err) < 0)
		return err_wrap(err, "labels");
	return put_all(k, m, &l->pairs, &specs, err);
}
