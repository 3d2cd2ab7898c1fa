/*
 * order.c - the order of the outcome (SortOrderTransformer): as loaded, or the legacy
 * order, in which some kinds come first, some last, the rest by group, version, kind.
 */
#include "transform.h"

static const char *const first[] = {
	"Namespace", "ResourceQuota", "StorageClass", "CustomResourceDefinition",
	"ServiceAccount", "PodSecurityPolicy", "Role", "ClusterRole", "RoleBinding",
	"ClusterRoleBinding", "ConfigMap", "Secret", "Endpoints", "Service",
	"LimitRange", "PriorityClass", "PersistentVolume", "PersistentVolumeClaim",
	"Deployment", "StatefulSet", "CronJob", "PodDisruptionBudget",
};
static const char *const last[] = {
	"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
};

/* A resource with what it is sorted by. */
struct key {
	struct kres *r;
	int rank;		/* negative: listed first; positive: listed last */
	const char *gvk, *name;
};

/* The last mention of a kind counts, and of the two lists the second. */
static int rank_in(const char *kind, const char *const *a, size_t n,
		   const char *const *b, size_t m)
{
	for (size_t i = m; i-- > 0;)
		if (!strcmp(b[i], kind))
			return (int)i + 1;
	for (size_t i = n; i-- > 0;)
		if (!strcmp(a[i], kind))
			return (int)i - (int)n;
	return 0;
}

static int rank(const char *kind, const struct ksort *sort)
{
	if (sort && sort->custom)
		return rank_in(kind, sort->first.data, sort->first.len,
			       sort->last.data, sort->last.len);
	return rank_in(kind, first, ARRAY_LEN(first), last, ARRAY_LEN(last));
}

static const char *or_text(const char *s, const char *none)
{
	return *s ? s : none;
}

static int compare(const void *pa, const void *pb)
{
	const struct key *a = pa, *b = pb;
	const struct kgvk *g = &a->r->id.gvk, *h = &b->r->id.gvk;
	int c;

	if (!kgvk_equal(g, h)) {
		if (a->rank != b->rank)
			return a->rank < b->rank ? -1 : 1;
		c = strcmp(a->gvk, b->gvk);
		/* Namespaces of several groups: the core one before the others. */
		if (!strcmp(g->kind, "Namespace") && !strcmp(h->kind, "Namespace") &&
		    (!*g->group || !*h->group))
			return -c;
		return c;
	}
	c = strcmp(a->name, b->name);
	if (c)
		return c;
	return a->r->seq < b->r->seq ? -1 : a->r->seq > b->r->seq;
}

static void sort_legacy(struct kust *k, struct kmap *m, const struct ksort *sort)
{
	size_t n = kmap_len(m);
	struct key *keys = arena_alloc(&k->arena, (n + 1) * sizeof(*keys));
	struct kres **order = arena_alloc(&k->arena, (n + 1) * sizeof(struct kres *));

	for (size_t i = 0; i < n; i++) {
		struct kres *r = kmap_at(m, i);
		const struct kgvk *g = &r->id.gvk;

		keys[i] = (struct key){
			.r = r, .rank = rank(g->kind, sort),
			.gvk = arena_printf(&k->arena, "%s_%s_%s",
					    or_text(g->group, "~G"),
					    or_text(g->version, "~V"),
					    or_text(g->kind, "~K")),
			.name = arena_printf(&k->arena, "%s|%s",
					     or_text(r->id.ns, "~X"),
					     or_text(r->id.name, "~N")),
		};
	}
	qsort(keys, n, sizeof(*keys), compare);
	for (size_t i = 0; i < n; i++)
		order[i] = keys[i].r;
	kmap_reorder(m, order);
}

int kust_order(struct kust *k, struct kmap *m, const struct ksort *sort,
	       struct err *err)
{
	if (!sort) {
		if (k->o->order == KORDER_DEFAULT)
			sort_legacy(k, m, NULL);
		return 0;
	}
	if (strcmp(sort->order, "legacy") && strcmp(sort->order, "fifo"))
		return err_set(err, ERR_INVALID, "sortOptions.order: \"%s\" is neither "
			       "legacy nor fifo", sort->order);
	if (!sort->legacy && sort->custom)
		return err_set(err, ERR_INVALID, "sortOptions.legacySortOptions: the order "
			       "is fifo, which has no options");
	if (sort->legacy)
		sort_legacy(k, m, sort);
	return 0;
}
