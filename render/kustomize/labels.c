/*
 * labels.c - labels and annotations (filters/labels, filters/annotations): texts put
 * under a key into every map that the field specs name.
 *
 * As in the reference, all places of a resource that get the same label get the same
 * node: who sets one of them in place later, sets all (see setter.c).
 */
#include "config.h"

#define MADE_MAX ((size_t)300000)	/* that were not there before, in a build */
#define WORK_MAX ((size_t)4000000)	/* put in a build; in a large map one counts more */
#define KIDS_PER_WORK 64u

struct entry {
	struct node *key, *value;
};

static int put_entry(struct kust *k, struct kres *r, struct node *n, void *arg,
		     struct err *err)
{
	struct entry *e = arg;
	uint32_t before = n->len;

	(void)r;
	if (kset_entry(k, n, e->key, e->value, err) < 0)
		return -1;
	k->entry_work++;
	if (n->kind == NODE_MAP) {
		k->entries_made += n->len > before;
		k->entry_work += n->len / KIDS_PER_WORK;
	}
	if (k->entries_made > MADE_MAX)
		return err_set(err, ERR_LIMIT, "more than %zu labels and annotations are "
			       "added; use fewer, or split the kustomization", MADE_MAX);
	if (k->entry_work > WORK_MAX)
		return err_set(err, ERR_LIMIT, "labels and annotations are put more than %zu "
			       "times; use fewer, or split the kustomization", WORK_MAX);
	return 0;
}

/* A !!str node; quoted where YAML 1.1 would take it for something else. */
static struct node *new_value(struct kust *k, const char *text)
{
	struct node *n = arena_alloc(&k->arena, sizeof(*n));

	n->text = text;	/* of the specification, as old as the build */
	n->len = (uint32_t)strlen(text);
	kquote11(n);
	return n;
}

static struct node **new_keys(struct kust *k, const struct kpairs *pairs)
{
	struct node **keys = arena_alloc(&k->arena, (pairs->len + 1) * sizeof(*keys));

	for (size_t i = 0; i < pairs->len; i++)
		keys[i] = kplain(k, pairs->data[i].key);
	return keys;
}

static int put_all(struct kust *k, struct kmap *m, const struct kpairs *pairs,
		   const struct kfieldspecs *specs, struct err *err)
{
	struct node **keys = new_keys(k, pairs);

	for (size_t i = 0; i < kmap_len(m); i++) {
		struct kres *r = kmap_at(m, i);

		for (size_t j = 0; j < pairs->len; j++) {
			struct entry e = { keys[j], new_value(k, pairs->data[j].value) };

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
