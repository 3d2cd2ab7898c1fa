/*
 * affix.c - name prefixes and suffixes (filters/prefix, filters/suffix and their
 * transformers): before or behind what a field has; the name is remembered before.
 */
#include "transform.h"

#define AFFIX_MAX 1000u		/* bytes; Kubernetes' longest names have 253 */
#define NAMES_MAX ((size_t)12 << 20)	/* bytes of all names made in a build */

struct affix {
	const char *prefix, *suffix;	/* one of them "" */
};

/* Kinds whose names say something to the API server, or to all of the cluster. */
static bool keeps_name(const struct kgvk *gvk)
{
	static const struct kgvk kinds[] = {
		{ "", "", "CustomResourceDefinition" },
		{ "apiregistration.k8s.io", "", "APIService" },
		{ "", "", "Namespace" },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (kgvk_selected(gvk, kinds + i))
			return true;
	}
	return false;
}

static int put_affix(struct kust *k, struct kres *r, struct node *n, void *arg,
		     struct err *err)
{
	const struct affix *a = arg;

	(void)r;
	k->name_bytes += strlen(a->prefix) + strlen(ktext(n)) + strlen(a->suffix);
	if (k->name_bytes > NAMES_MAX)
		return err_set(err, ERR_LIMIT, "prefixes and suffixes make more than %zu "
			       "bytes of names; use fewer or shorter ones", NAMES_MAX);
	return kset_scalar(n, arena_printf(&k->arena, "%s%s%s", a->prefix, ktext(n),
					   a->suffix), KSET_GUESSED, err);
}

static void remember(struct kust *k, struct kres *r, const struct affix *a)
{
	if (*a->prefix)
		vec_push(&r->prefixes, a->prefix);
	if (*a->suffix)
		vec_push(&r->suffixes, a->suffix);
	if (*a->prefix || *a->suffix)
		kres_store_previous(k, r);
}

static int affix_one(struct kust *k, struct kmap *m, struct kres *r,
		     const struct kfieldspecs *specs, struct affix *a, struct err *err)
{
	struct kgvk org = kres_org_id(r).gvk;

	if (kres_is_empty(r) || keeps_name(&org))
		return 0;
	for (size_t i = 0; i < specs->len; i++) {
		const struct kfieldspec *spec = specs->data + i;

		if (!kgvk_selected(&org, &spec->gvk))
			continue;
		if (strcmp(spec->path, "metadata/name") == 0)
			remember(k, r, a);
		if (kfieldspec_apply(k, r, spec, NODE_SCALAR, put_affix, a, err) < 0)
			return -1;
		kres_refresh(k, r);
		kmap_reindex(m, r);
	}
	return 0;
}

static int affix_all(struct kust *k, struct kmap *m, const struct kfieldspecs *specs,
		     struct affix *a, struct err *err)
{
	size_t len = strlen(a->prefix) + strlen(a->suffix);

	if (len > AFFIX_MAX)
		return err_set(err, ERR_LIMIT, "has %zu bytes; the most are %u", len,
			       AFFIX_MAX);
	for (size_t i = 0; i < kmap_len(m); i++) {
		if (affix_one(k, m, kmap_at(m, i), specs, a, err) < 0)
			return -1;
	}
	return 0;
}

int kust_prefix(struct kust *k, struct kmap *m, const char *prefix,
		const struct kfieldspecs *specs, struct err *err)
{
	return affix_all(k, m, specs, &(struct affix){ prefix, "" }, err);
}

int kust_suffix(struct kust *k, struct kmap *m, const char *suffix,
		const struct kfieldspecs *specs, struct err *err)
{
	return affix_all(k, m, specs, &(struct affix){ "", suffix }, err);
}
