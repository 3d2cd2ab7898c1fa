/*
 * select.c - the resources that a selector means (resWrangler.Select).
 *
 * Group, version, kind, name and namespace are regular expressions for the whole text;
 * name and namespace may be those that a resource had first or has now. Labels and
 * annotations are looked at last, so that a selector of theirs that cannot be read is
 * an error only where everything else fits something: as in the reference.
 */
#include "labelselector.h"
#include "regex_priv.h"

struct wanted {
	struct kregex *group, *version, *kind, *name, *ns;	/* NULL: any */
	const struct kselector_reqs *labels, *annotations;	/* parsed when needed */
};

static int compile(struct kust *k, const char *regex, const char *field,
		   struct kregex **ret, struct err *err)
{
	if (!regex || !*regex)
		return 0;
	*ret = kregex_get(k, regex, false, err);
	return *ret ? 0 : err_wrap(err, "target.%s", field);
}

static int compile_all(struct kust *k, const struct kselector *s, struct wanted *w,
		       struct err *err)
{
	if (compile(k, s->group, "group", &w->group, err) < 0 ||
	    compile(k, s->version, "version", &w->version, err) < 0 ||
	    compile(k, s->kind, "kind", &w->kind, err) < 0 ||
	    compile(k, s->name, "name", &w->name, err) < 0)
		return -1;
	return compile(k, s->ns, "namespace", &w->ns, err);
}

/* 1, 0, -1; no expression: anything. */
static int fits(struct kregex *r, const char *text, struct err *err)
{
	return r ? kregex_run(r, text, err) : 1;
}

static int either_fits(struct kregex *r, const char *first, const char *now,
		       struct err *err)
{
	int n = fits(r, first, err);

	return n || strcmp(first, now) == 0 ? n : fits(r, now, err);
}

static int ids_fit(const struct wanted *w, const struct kres *r, struct err *err)
{
	struct kid org = kres_org_id(r);
	int n = either_fits(w->ns, kid_ns(&org), kid_ns(&r->id), err);

	if (n > 0)
		n = either_fits(w->name, org.name, r->id.name, err);
	if (n > 0)
		n = fits(w->group, r->id.gvk.group, err);
	if (n > 0)
		n = fits(w->version, r->id.gvk.version, err);
	return n > 0 ? fits(w->kind, r->id.gvk.kind, err) : n;
}

static int map_fits(struct kust *k, const char *selector, const char *field,
		    const struct kselector_reqs **reqs, const struct kres *r,
		    struct err *err)
{
	if (!selector || !*selector)
		return 1;
	if (!*reqs)
		*reqs = klabels_parse(k, selector, err);
	if (!*reqs)
		return err_wrap(err, "target");
	return klabels_fit(*reqs, kget(kget(r->root, "metadata"), field));
}

int kmap_select(struct kust *k, const struct kmap *m, const struct kselector *s,
		struct kres_list *ret, struct err *err)
{
	struct wanted w = { 0 };

	if (compile_all(k, s, &w, err) < 0)
		return -1;
	for (size_t i = 0; i < kmap_len(m); i++) {
		struct kres *r = kmap_at(m, i);
		int n = kres_is_empty(r) ? 0 : ids_fit(&w, r, err);

		if (n > 0)
			n = map_fits(k, s->labels, "labels", &w.labels, r, err);
		if (n > 0)
			n = map_fits(k, s->annotations, "annotations", &w.annotations, r,
				     err);
		if (n < 0)
			return kres_blame(r, err);
		if (n)
			vec_push(ret, r);
	}
	return 0;
}
