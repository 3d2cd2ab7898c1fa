/*
 * syncctl install [PART]: the manifests that this program was built with, applied to
 * the cluster or, with --print, written out.
 *
 * They are manifests/crds and manifests/install, built by the daemon's own Kustomize, so
 * that what is applied is what `kubectl apply -k` applies; -n and --image are worked in
 * as a kustomization of yours would. Applied in order, each object by itself: the first
 * that is refused ends it, and the same command goes on from there. CRDs of the same
 * name that are not ours (Argo CD's) are left, unless they are asked for by name.
 */
#include "syncctl.h"

#include <stdio.h>

#include "core/mem.h"
#include "core/node.h"
#include "manifests.h"
#include "render/kustomize.h"

enum part { PART_CRDS = 1, PART_RBAC = 2, PART_DEPLOYMENT = 4, PART_ALL = 7 };

static int part_of(const char *name)
{
	static const struct { const char *name; enum part part; } parts[] = {
		{ "all", PART_ALL }, { "crds", PART_CRDS }, { "rbac", PART_RBAC },
		{ "deployment", PART_DEPLOYMENT },
	};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (!strcmp(parts[i].name, name))
			return (int)parts[i].part;
	return 0;
}

/* The namespace goes with what comes first in it. */
static enum part part_of_kind(const char *kind)
{
	static const char *const rbac[] = { "Namespace", "ServiceAccount", "ClusterRole",
		"ClusterRoleBinding", "Role", "RoleBinding" };

	if (!strcmp(kind, "CustomResourceDefinition"))
		return PART_CRDS;
	for (size_t i = 0; i < ARRAY_LEN(rbac); i++)
		if (!strcmp(kind, rbac[i]))
			return PART_RBAC;
	return PART_DEPLOYMENT;
}

/* ---- what is installed ---- */

struct install {
	struct files *files;
	struct kust_result built[2];	/* CRDs, the rest */
};

static void install_deinit(struct install *in)
{
	kust_result_deinit(&in->built[0]);
	kust_result_deinit(&in->built[1]);
	files_close(in->files);
}

/* As spec.source.kustomize of an Application would say it. */
static json_t *overrides(const struct options *o)
{
	json_t *k = json_object();

	if (o->ns)
		json_object_set_new(k, "namespace", json_string(o->ns));
	if (o->image) {
		_cleanup_free_ char *image = xasprintf("syncd=%s", o->image);

		json_object_set_new(k, "images", json_pack("[s]", image));
	}
	return k;
}

/* Keeps the objects of these parts. */
static void keep(struct kust_result *r, int parts)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_objects; i++) {
		const char *kind = node_get_str(r->objects[i].root, "kind");

		if (kind && part_of_kind(kind) & (unsigned)parts)
			r->objects[n++] = r->objects[i];
	}
	r->n_objects = n;
}

static int build_folder(struct install *in, size_t at, const char *folder,
			const json_t *changed, int parts, struct err *err)
{
	struct kust_options options = { .overrides = changed };
	struct kust_result *built = &in->built[at];

	if (kustomize_build(in->files, folder, &options, built, err))
		return err_wrap(err, "built-in manifests");
	if (built->needs_exec)
		return err_set(err, ERR_INTERNAL, "built-in manifests: %s", built->why);
	keep(built, parts);
	return 0;
}

static int build(struct install *in, const struct options *o, int parts, struct err *err)
{
	_cleanup_json_ json_t *changed = overrides(o);

	in->files = manifests_open();
	if (parts & PART_CRDS && build_folder(in, 0, "crds", NULL, parts, err))
		return -1;
	if (parts & ~PART_CRDS && build_folder(in, 1, "install", changed, parts, err))
		return -1;
	return 0;
}

static int print(const struct install *in)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(in->built); i++) {
		if (!in->built[i].n_objects)
			continue;
		if (kust_result_yaml(&in->built[i], &out, &err))
			return output_error(&err);
	}
	return output_text(&out);
}

/* ---- into the cluster ---- */

static json_t *object_json(const struct kust_object *o, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	return node_to_json(o->root, &text, err) ? NULL :
	       doc_parse(text.data, text.len, err);
}

static int ref_of(struct cluster *c, const json_t *object, struct kube_ref *ref,
		  struct err *err)
{
	const char *api = doc_get_str(object, "apiVersion", NULL);
	const char *slash = strchr(api, '/');
	_cleanup_free_ char *group = xstrndup(api, slash ? (size_t)(slash - api) : 0);
	bool namespaced;

	if (cluster_resolve(c, group, slash ? slash + 1 : api,
			    doc_get_str(object, "kind", NULL), ref, &namespaced, err))
		return -1;
	ref->ns = namespaced ? doc_get_str(object, "metadata", "namespace", NULL) : NULL;
	ref->name = doc_get_str(object, "metadata", "name", NULL);
	return 0;
}

/* What another program (Argo CD) brought: ours have this label. */
static bool foreign(const json_t *there)
{
	const char *part = doc_get_str(there, "metadata", "labels",
				       "app.kubernetes.io/part-of", NULL);

	return !part || strcmp(part, "syncd");
}

/* What the server and its controllers write by themselves is no change of ours. */
static json_t *essence(const json_t *object)
{
	json_t *o = json_deep_copy(object), *meta = json_object_get(o, "metadata");

	json_object_del(o, "status");
	json_object_del(meta, "managedFields");
	json_object_del(meta, "resourceVersion");
	return o;
}

static bool same(const json_t *a, const json_t *b)
{
	_cleanup_json_ json_t *left = essence(a), *right = essence(b);

	return doc_equal(left, right);
}

/* The word for what became of it; NULL and *err. */
static const char *apply_one(struct cluster *c, const json_t *object, int parts,
			     struct err *err)
{
	_cleanup_json_ json_t *before = NULL, *after = NULL;
	struct kube_ref ref;

	if (ref_of(c, object, &ref, err))
		return NULL;
	before = cluster_object(c, &ref, err);
	if (!before && err->code != ERR_NOTFOUND)
		return NULL;
	*err = ERR_INIT;
	if (before && parts != PART_CRDS && foreign(before) &&
	    part_of_kind(doc_get_str(object, "kind", NULL)) == PART_CRDS)
		return "left";
	after = cluster_apply(c, &ref, object, false, err);
	if (!after)
		return NULL;
	return !before ? "created" : same(before, after) ? "unchanged" : "changed";
}

static int apply_shown(struct cluster *c, const struct kust_object *o, int parts,
		       bool *left)
{
	_cleanup_json_ json_t *object = NULL;
	const char *kind, *name, *ns, *word;
	struct err err = ERR_INIT;

	object = object_json(o, &err);
	if (!object)
		return output_error(&err);
	kind = doc_get_str(object, "kind", NULL);
	name = doc_get_str(object, "metadata", "name", NULL);
	ns = doc_get_str(object, "metadata", "namespace", NULL);
	word = apply_one(c, object, parts, &err);
	if (!word) {
		(void)err_wrap(&err, "apply %s/%s%s%s", kind, ns ? ns : "", ns ? "/" : "",
			       name);
		return output_error(&err);
	}
	*left |= !strcmp(word, "left");
	printf("%-10s %s/%s%s%s\n", word, kind, ns ? ns : "", ns ? "/" : "", name);
	fflush(stdout);
	return EXIT_DONE;
}

static int apply(struct cluster *c, const struct options *o)
{
	int parts = part_of(o->n_args ? o->args[0] : "all");
	_cleanup_(install_deinit) struct install in = { 0 };
	struct err err = ERR_INIT;
	bool left = false;

	if (build(&in, o, parts, &err))
		return output_error(&err);
	for (size_t b = 0; b < ARRAY_LEN(in.built); b++)
		for (size_t i = 0; i < in.built[b].n_objects; i++)
			if (apply_shown(c, &in.built[b].objects[i], parts, &left))
				return EXIT_OTHER;
	if (left)
		printf("\nCRDs of another program (Argo CD's, perhaps) were left as they "
		       "are; syncd takes\nthem. To put ours in their place: %s install "
		       "crds\n", program_name());
	if (parts & PART_DEPLOYMENT)
		printf("\nWait for it with: kubectl rollout status deployment/syncd -n %s\n",
		       o->ns ? o->ns : "syncd-system");
	return EXIT_DONE;
}

int cmd_install(const struct options *o)
{
	const char *part = o->n_args ? o->args[0] : "all";
	_cleanup_(install_deinit) struct install in = { 0 };
	struct err err = ERR_INIT;

	if (!part_of(part))
		return output_usage("install %s: want all, crds, rbac or deployment", part);
	if (!o->print)
		return cluster_run(o, apply);
	return build(&in, o, part_of(part), &err) ? output_error(&err) : print(&in);
}
