/*
 * Any bytes as a file of `configurations`, and as one of `crds`: read into field specs,
 * merged with the built-in ones, and used on objects; or refused with the file's name.
 */
#include <stdint.h>

#include "render/kustomize/config.h"
#include "tests/unit/tree_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char objects[] =
	"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, annotations: {a: b}}\n---\n"
	"apiVersion: my.io/v1\nkind: Own\nmetadata: {name: o, namespace: n}\n"
	"spec: {a: {b: [{c: x, image: 'y:1'}]}, replicas: 1, ref: {name: c}, list: [c, d]}\n";

static void refused(const struct err *err)
{
	if ((err->code != ERR_INVALID && err->code != ERR_LIMIT) ||
	    !strstr(err->msg, "c.yaml"))
		abort();
}

static void used(const struct err *err)
{
	if (err->code && ((err->code != ERR_INVALID && err->code != ERR_LIMIT) || !*err->msg))
		abort();
}

/* Each may refuse; none may leave what the next cannot take. */
static void use(struct kust *k, const struct kconfig *c)
{
	struct kpair pair = { "k", "v" };
	struct kpairs pairs = { &pair, 1, 1 };
	struct kimage image = { "y", "z", "", "2", "" };
	struct kreplica replicas = { "o", 3 };
	struct knamespace_args ns = { .ns = "m", .specs = &c->namespace };
	struct kmap *m = kmap_new(k);
	struct err err[8];

	for (size_t i = 0; i < ARRAY_LEN(err); i++)
		err[i] = (struct err){ .code = ERR_NONE };
	if (kload_resources(k, "o.yaml", objects, sizeof(objects) - 1, m, &err[0]) < 0)
		abort();
	(void)!kust_labels(k, m, &pairs, &c->common_labels, &err[0]);
	(void)!kust_annotations(k, m, &pairs, &c->common_annotations, &err[1]);
	(void)!kust_image(k, m, &image, &c->images, &err[2]);
	(void)!kust_replicas(k, m, &replicas, &c->replicas, &err[3]);
	(void)!kust_prefix(k, m, "x-", &c->name_prefix, &err[4]);
	(void)!kust_suffix(k, m, "-y", &c->name_suffix, &err[5]);
	(void)!kust_namespace(k, m, &ns, &err[6]);
	(void)!kust_name_references(k, m, &c->name_reference, &err[7]);
	for (size_t i = 0; i < ARRAY_LEN(err); i++)
		used(&err[i]);
}

static void read_as(struct files *files, bool crds)
{
	static const struct kust_options none;
	const struct kfolder folder = { .files = files, .path = "", .file = "k.yaml" };
	const char *path = "c.yaml";
	const struct kstrings paths = { &path, 1, 1 };
	struct err err = ERR_INIT;
	struct kconfig config, own = { 0 };
	struct kust k;
	int r;

	kust_init(&k, files, &none);
	if (crds) {
		kconfig_default(&config);
		r = kconfig_from_crds(&k, &folder, &paths, &own, &err);
		if (r == 0)
			r = kconfig_merge(&k, &config, &own, &err);
	} else {
		r = kconfig_load(&k, &folder, &paths, &config, &err);
	}
	if (r < 0)
		refused(&err);
	else
		use(&k, &config);
	kust_deinit(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	const struct tree_file list[] = { { "c.yaml", text }, { NULL, NULL } };
	struct tree_files tree;

	tree_files_init(&tree, list);
	read_as(&tree.files, false);
	read_as(&tree.files, true);
	return 0;
}
