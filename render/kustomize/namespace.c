/*
 * namespace.c - everything into one namespace (filters/namespace).
 *
 * metadata.namespace is set on whatever is not certainly cluster-scoped: a custom
 * resource always gets one. Subjects of role bindings and the name of a v1 Namespace
 * have rules of their own; what else is set, field specs say.
 */
#include "namespace.h"

static bool is_binding(const char *kind)
{
	return strcmp(kind, "RoleBinding") == 0 || strcmp(kind, "ClusterRoleBinding") == 0;
}

static int set_ns(struct kust *k, struct kres *r, struct node *n, void *arg,
		  struct err *err)
{
	const struct knamespace_args *args = arg;

	(void)k;
	(void)r;
	if (args->unset_only && n->kind == NODE_SCALAR && !knull(n) && n->len)
		return 0;
	return kset_scalar(n, args->ns, KSET_STR, err);
}

/* --- metadata.namespace ------------------------------------------------------------ */

/*
 * A null that has a text ("null", "~") counts as set when only unset ones are to be
 * set, for the reference looks at the text.
 */
static bool is_kept_null(const struct kres *r, const struct knamespace_args *args)
{
	const struct node *n = kfind(r->root, "metadata", "namespace", NULL);

	return args->unset_only && n && knull(n) && n->len;
}

static int set_metadata(struct kust *k, struct kres *r,
			const struct knamespace_args *args, struct err *err)
{
	static const struct kfieldspec spec = { { "", "", "" }, "metadata/namespace", true };

	if (r->id.cluster || is_kept_null(r, args))
		return 0;
	return kfieldspec_apply(k, r, &spec, NODE_SCALAR, set_ns, (void *)args, err);
}

/* --- subjects of (Cluster)RoleBindings --------------------------------------------- */

/* 1: this subject's field has that value; 0: no; -1: the subject is no map. */
static int has_value(const struct node *subject, const char *field, const char *value,
		     struct err *err)
{
	const struct node *n = kget(subject, field);

	if (kexpect_kind(subject, NODE_MAP, err) < 0)
		return -1;
	if (!n || knull(n))
		return 0;
	if (kexpect_kind(n, NODE_SCALAR, err) < 0)
		return -1;
	return strcmp(n->text, value) == 0;
}

static int set_subject(struct kust *k, struct kres *r, struct node *subject,
		       const struct knamespace_args *args, struct err *err)
{
	bool by_kind = args->subjects == KSUBJECTS_ALL_SERVICE_ACCOUNTS;
	int is = by_kind ? has_value(subject, "kind", "ServiceAccount", err) :
			   has_value(subject, "name", "default", err);
	struct node *n;

	if (is <= 0)
		return is;
	n = kget(subject, "namespace");
	if (!n) {
		n = kplain(k, "");
		kset(k, subject, "namespace", n);
	}
	return set_ns(k, r, n, (void *)args, err);
}

static int set_subjects(struct kust *k, struct kres *r,
			const struct knamespace_args *args, struct err *err)
{
	struct node *subjects = kget(r->root, "subjects");

	if (args->subjects == KSUBJECTS_NONE || knull(subjects))
		return 0;
	if (kexpect_kind(subjects, NODE_LIST, err) < 0)
		return err_wrap(err, "field 'subjects'");
	for (uint32_t i = 0; i < subjects->len; i++) {
		if (set_subject(k, r, subjects->kids[i], args, err) < 0)
			return err_wrap(err, "field 'subjects'");
	}
	return 0;
}

/* --- the rest ----------------------------------------------------------------------- */

static bool is_special(const struct kres *r, const struct kfieldspec *spec)
{
	if (strcmp(spec->path, "metadata/namespace") == 0)
		return true;
	if (strcmp(spec->path, "metadata/name") == 0)
		return *r->id.gvk.group || strcmp(r->id.gvk.version, "v1") != 0;
	return is_binding(r->id.gvk.kind) && is_binding(spec->gvk.kind) &&
	       strcmp(spec->path, "subjects/namespace") == 0;
}

int knamespace_one(struct kust *k, struct kres *r, const struct knamespace_args *args,
		   struct err *err)
{
	if (set_metadata(k, r, args, err) < 0)
		return -1;
	if (is_binding(r->id.gvk.kind) && set_subjects(k, r, args, err) < 0)
		return kres_blame(r, err);
	for (size_t i = 0; args->specs && i < args->specs->len; i++) {
		const struct kfieldspec *spec = args->specs->data + i;

		if (!is_special(r, spec) && kfieldspec_apply(k, r, spec, NODE_SCALAR, set_ns,
							     (void *)args, err) < 0)
			return -1;
	}
	kres_refresh(k, r);
	return 0;
}

/* What Helm made has the namespace that Helm was told. */
static bool is_of_helm(const struct kres *r)
{
	const struct node *n = kfind(r->root, "metadata", "annotations",
				     "internal.config.kubernetes.io/helm-generated", NULL);

	return strcmp(ktext(n), "true") == 0;
}

static int expect_alone(struct kust *k, struct kmap *m, const struct kres *r,
			struct err *err)
{
	_cleanup_kres_list_ struct kres_list same = { 0 };
	const struct kres *other;

	kmap_by_id(m, &r->id, &same);
	if (same.len == 1)
		return 0;
	other = same.data[same.data[0] == r];
	err_set(err, ERR_INVALID, "its namespace makes it %s, which is there already, from "
		"%s:%u", kid_text(&k->arena, &r->id), other->file ? other->file : "a generator",
		other->line);
	return kres_blame(r, err);
}

int kust_namespace(struct kust *k, struct kmap *m, const struct knamespace_args *args,
		   struct err *err)
{
	if (!*args->ns)
		return 0;
	for (size_t i = 0; i < kmap_len(m); i++) {
		struct kres *r = kmap_at(m, i);

		if (kres_is_empty(r) || is_of_helm(r))
			continue;
		kres_store_previous(k, r);
		if (knamespace_one(k, r, args, err) < 0)
			return -1;
		kmap_reindex(m, r);
		if (expect_alone(k, m, r, err) < 0)
			return -1;
	}
	return 0;
}
