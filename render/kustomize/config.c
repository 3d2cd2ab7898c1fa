/*
 * config.c - which fields the transformers touch: the built-in table with what
 * `configurations` and `crds` add to it (internal/plugins/builtinconfig).
 *
 * Lists that nobody added to stay pointers into config_data.c (cap 0), so that a
 * tree of many kustomizations merges the same tables in no time.
 */
#include "config.h"

/* --- order (Gvk.IsLessThan) --------------------------------------------------------- */

/* Kinds that come first, from -len; those that come last, from 1. */
static int rank(const char *kind)
{
	static const char *const first[] = {
		"Namespace", "ResourceQuota", "StorageClass", "CustomResourceDefinition",
		"ServiceAccount", "PodSecurityPolicy", "Role", "ClusterRole", "RoleBinding",
		"ClusterRoleBinding", "ConfigMap", "Secret", "Endpoints", "Service",
		"LimitRange", "PriorityClass", "PersistentVolume", "PersistentVolumeClaim",
		"Deployment", "StatefulSet", "CronJob", "PodDisruptionBudget",
	};

	for (size_t i = 0; i < ARRAY_LEN(first); i++) {
		if (strcmp(kind, first[i]) == 0)
			return (int)i - (int)ARRAY_LEN(first);
	}
	return strcmp(kind, "MutatingWebhookConfiguration") == 0   ? 1 :
	       strcmp(kind, "ValidatingWebhookConfiguration") == 0 ? 2 :
								     0;
}

/* "group_version_kind" of two, compared without being built. */
static int compare_text(const struct kgvk *a, const struct kgvk *b)
{
	const char *x[] = { *a->group ? a->group : "~G", "_",
			    *a->version ? a->version : "~V", "_",
			    *a->kind ? a->kind : "~K" };
	const char *y[] = { *b->group ? b->group : "~G", "_",
			    *b->version ? b->version : "~V", "_",
			    *b->kind ? b->kind : "~K" };
	size_t i = 0, j = 0;

	for (;;) {
		while (i < ARRAY_LEN(x) && !*x[i])
			i++;
		while (j < ARRAY_LEN(y) && !*y[j])
			j++;
		if (i == ARRAY_LEN(x) || j == ARRAY_LEN(y))
			return (i < ARRAY_LEN(x)) - (j < ARRAY_LEN(y));
		if (*x[i] != *y[j])
			return (unsigned char)*x[i] - (unsigned char)*y[j];
		x[i]++;
		y[j]++;
	}
}

int kgvk_compare(const struct kgvk *a, const struct kgvk *b)
{
	int x = rank(a->kind), y = rank(b->kind);

	return x != y ? x - y : compare_text(a, b);
}

/* Stable; what comes in is nearly sorted. */
static void sort_specs(struct kfieldspecs *s)
{
	for (size_t i = 1; i < s->len; i++) {
		struct kfieldspec x = s->data[i];
		size_t at = i;

		while (at && kgvk_compare(&x.gvk, &s->data[at - 1].gvk) < 0)
			at--;
		memmove(s->data + at + 1, s->data + at, (i - at) * sizeof(x));
		s->data[at] = x;
	}
}

static void sort_refs(struct knamerefs *s)
{
	for (size_t i = 1; i < s->len; i++) {
		struct knameref x = s->data[i];
		size_t at = i;

		while (at && kgvk_compare(&x.gvk, &s->data[at - 1].gvk) < 0)
			at--;
		memmove(s->data + at + 1, s->data + at, (i - at) * sizeof(x));
		s->data[at] = x;
	}
}

/* --- growing ------------------------------------------------------------------------ */

/* Room for one more, in the arena: what is borrowed is copied. */
#define GROW(k, list)                                                                \
	do {                                                                         \
		if ((list)->len >= (list)->cap) {                                    \
			size_t cap_ = (list)->len < 4 ? 8 : (list)->len * 2;         \
			void *new_ = arena_alloc(&(k)->arena,                        \
						 cap_ * sizeof(*(list)->data));      \
			if ((list)->len)                                             \
				memcpy(new_, (list)->data,                           \
				       (list)->len * sizeof(*(list)->data));         \
			(list)->data = new_;                                         \
			(list)->cap = cap_;                                          \
		}                                                                    \
	} while (0)

void kfieldspecs_push(struct kust *k, struct kfieldspecs *into,
		      const struct kfieldspec *spec)
{
	GROW(k, into);
	into->data[into->len++] = *spec;
}

int kfieldspecs_merge_one(struct kust *k, struct kfieldspecs *into,
			  const struct kfieldspec *spec, struct err *err)
{
	for (size_t i = 0; i < into->len; i++) {
		const struct kfieldspec *have = into->data + i;

		if (!kgvk_selected(&have->gvk, &spec->gvk) ||
		    strcmp(have->path, spec->path) != 0)
			continue;
		if (have->create == spec->create)
			return 0;
		return err_set(err, ERR_INVALID, "the field path '%s' of kind '%s' is given "
			       "once with and once without 'create: true'; say the same "
			       "in both places", spec->path, have->gvk.kind);
	}
	kfieldspecs_push(k, into, spec);
	return 0;
}

int kfieldspecs_merge_all(struct kust *k, struct kfieldspecs *into,
			  const struct kfieldspecs *from, struct err *err)
{
	if (into->data == from->data && into->len == from->len)
		return 0;
	if (!into->len && !from->cap) {	/* a built-in list, which repeats nothing */
		*into = *from;
		return 0;
	}
	for (size_t i = 0; i < from->len; i++) {
		if (kfieldspecs_merge_one(k, into, from->data + i, err) < 0)
			return -1;
	}
	return 0;
}

int knamerefs_merge_one(struct kust *k, struct knamerefs *into,
			const struct knameref *ref, struct err *err)
{
	bool found = false;

	for (size_t i = 0; i < into->len; i++) {
		if (!kgvk_equal(&into->data[i].gvk, &ref->gvk))
			continue;
		if (!into->cap)
			GROW(k, into);
		if (kfieldspecs_merge_all(k, &into->data[i].referrers, &ref->referrers,
					  err) < 0)
			return -1;
		found = true;
	}
	if (found)
		return 0;
	GROW(k, into);
	into->data[into->len] = *ref;
	into->data[into->len++].referrers.cap = 0;	/* another's: not to be grown */
	return 0;
}

static int merge_refs(struct kust *k, struct knamerefs *into,
		      const struct knamerefs *from, struct err *err)
{
	if (into->data == from->data && into->len == from->len)
		return 0;
	if (!into->len && !from->cap) {
		*into = *from;
		return 0;
	}
	for (size_t i = 0; i < from->len; i++) {
		if (knamerefs_merge_one(k, into, from->data + i, err) < 0)
			return -1;
	}
	return 0;
}

/* --- configs --------------------------------------------------------------------- */

/* Every list of field specs, by the name that `configurations` files use. */
static const struct {
	const char *name;
	size_t offset;
} lists[] = {
	{ "namePrefix", offsetof(struct kconfig, name_prefix) },
	{ "nameSuffix", offsetof(struct kconfig, name_suffix) },
	{ "namespace", offsetof(struct kconfig, namespace) },
	{ "commonAnnotations", offsetof(struct kconfig, common_annotations) },
	{ "commonLabels", offsetof(struct kconfig, common_labels) },
	{ "labels", offsetof(struct kconfig, labels) },
	{ "templateLabels", offsetof(struct kconfig, template_labels) },
	{ "varReference", offsetof(struct kconfig, var_reference) },
	{ "images", offsetof(struct kconfig, images) },
	{ "replicas", offsetof(struct kconfig, replicas) },
};

static struct kfieldspecs *list_of(const struct kconfig *c, size_t i)
{
	return (struct kfieldspecs *)((char *)c + lists[i].offset);
}

/* sortFields; a built-in list is sorted as it is. */
void kconfig_sort(struct kconfig *c)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		if (list_of(c, i)->cap)
			sort_specs(list_of(c, i));
	}
	if (c->name_reference.cap)
		sort_refs(&c->name_reference);
}

void kconfig_own(struct kconfig *c)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		list_of(c, i)->cap = list_of(c, i)->len;
	c->name_reference.cap = c->name_reference.len;
}

int kconfig_merge(struct kust *k, struct kconfig *into, const struct kconfig *from,
		  struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		if (kfieldspecs_merge_all(k, list_of(into, i), list_of(from, i), err) < 0)
			return err_wrap(err, "%s", lists[i].name);
	}
	if (merge_refs(k, &into->name_reference, &from->name_reference, err) < 0)
		return err_wrap(err, "nameReference");
	kconfig_sort(into);
	return 0;
}
