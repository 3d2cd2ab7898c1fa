/*
 * Where the objects of a release live: joins the release with discovery. A kind
 * that is not served yet counts as known when the release brings its CRD.
 */
#include "engine_priv.h"

static bool has_crd_for(const struct render_answer *a, const char *group)
{
	for (size_t i = 0; i < a->n_objects; i++) {
		const struct rendered *r = &a->objects[i];
		const char *dot = strchr(r->name, '.');

		/* A CRD's name is "<plural>.<group>"; a plural has no dot. */
		if (!strcmp(r->kind, "CustomResourceDefinition") && dot &&
		    !strcmp(dot + 1, group))
			return true;
	}
	return false;
}

struct scope *scopes_resolve(const struct discovery *d,
			     const struct render_answer *a)
{
	struct scope *s = xcalloc(a->n_objects, sizeof(*s));

	for (size_t i = 0; i < a->n_objects; i++) {
		const struct rendered *r = &a->objects[i];
		const struct api_resource *k =
			discovery_find(d, r->group, r->version, r->kind);
		/* Where it lives is the kind's, whatever version it is written in. */
		const struct api_resource *any = k ? k :
			discovery_find(d, r->group, NULL, r->kind);
		bool comes = *r->group && has_crd_for(a, r->group);

		if (any)
			s[i] = (struct scope){ true, any->namespaced, k || comes };
		else if (comes)
			/* Decided anew when the CRD is established. */
			s[i] = (struct scope){ true, *r->ns != '\0', true };
	}
	return s;
}

bool ref_resolve(const struct discovery *d, const struct objkey *k,
		 const char *version, struct kube_ref *ret)
{
	const struct api_resource *r = discovery_find(d, k->group, version, k->kind);

	if (!r)
		r = discovery_find(d, k->group, NULL, k->kind);
	if (!r)
		return false;
	*ret = (struct kube_ref){
		.group = r->group, .version = r->version, .resource = r->plural,
		.ns = r->namespaced ? k->ns : NULL, .name = k->name,
	};
	return true;
}

char *ref_keep(struct kube_ref *ref)
{
	size_t group = strlen(ref->group) + 1, version = strlen(ref->version) + 1;
	size_t resource = strlen(ref->resource) + 1;
	char *names = xmalloc(group + version + resource);

	ref->group = memcpy(names, ref->group, group);
	ref->version = memcpy(names + group, ref->version, version);
	ref->resource = memcpy(names + group + version, ref->resource, resource);
	return names;
}
