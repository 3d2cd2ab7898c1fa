/* kid.c - ids of objects and how they are compared (kyaml/resid). */
#include "kust.h"

void kgvk_parse(struct arena *a, const char *api_version, struct kgvk *ret)
{
	const char *slash = strchr(api_version, '/');

	ret->group = slash ? arena_strndup(a, api_version, (size_t)(slash - api_version)) :
			     "";
	ret->version = slash ? slash + 1 : api_version;
}

bool kgvk_equal(const struct kgvk *a, const struct kgvk *b)
{
	return strcmp(a->kind, b->kind) == 0 && strcmp(a->group, b->group) == 0 &&
	       strcmp(a->version, b->version) == 0;
}

static bool any_or_same(const char *wanted, const char *have)
{
	return !*wanted || strcmp(wanted, have) == 0;
}

bool kgvk_selected(const struct kgvk *x, const struct kgvk *selector)
{
	return any_or_same(selector->group, x->group) &&
	       any_or_same(selector->version, x->version) &&
	       any_or_same(selector->kind, x->kind);
}

const char *kid_ns(const struct kid *id)
{
	if (id->cluster)
		return "_non_namespaceable_";
	return *id->ns ? id->ns : "default";
}

bool kid_gvkn_equal(const struct kid *a, const struct kid *b)
{
	return strcmp(a->name, b->name) == 0 && kgvk_equal(&a->gvk, &b->gvk);
}

bool kid_equal(const struct kid *a, const struct kid *b)
{
	return kid_gvkn_equal(a, b) && strcmp(kid_ns(a), kid_ns(b)) == 0;
}

bool kid_selected(const struct kid *id, const struct kid *selector)
{
	return any_or_same(selector->name, id->name) &&
	       (!*selector->ns || strcmp(kid_ns(selector), kid_ns(id)) == 0) &&
	       kgvk_selected(&id->gvk, &selector->gvk);
}

static const char *or_text(const char *s, const char *none)
{
	return *s ? s : none;
}

const char *kid_text(struct arena *a, const struct kid *id)
{
	return arena_printf(a, "%s.%s.%s/%s.%s", or_text(id->gvk.kind, "[noKind]"),
			    or_text(id->gvk.version, "[noVer]"),
			    or_text(id->gvk.group, "[noGrp]"),
			    or_text(id->name, "[noName]"), or_text(id->ns, "[noNs]"));
}
