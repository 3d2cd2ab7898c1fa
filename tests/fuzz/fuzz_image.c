/*
 * Lines: an entry of `images` (name, new name, new tag, digest, tag's suffix), an image
 * that it meets in a pod, and an override as Argo CD writes it ("a=b:1"). Either it is
 * rewritten or it is refused; what stays is an image and nothing else of the pod moves.
 */
#include <stdint.h>

#include "core/doc.h"
#include "render/kustomize/transform.h"
#include "tests/unit/tree_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct kres *add_pod(struct kust *k, struct kmap *m, const char *image)
{
	struct node *root = node_new_map(&k->arena), *spec = node_new_map(&k->arena);
	struct node *list = node_new_list(&k->arena), *c = node_new_map(&k->arena);
	struct err err = ERR_INIT;
	struct kres *r;

	kset(k, root, "apiVersion", kplain(k, "v1"));
	kset(k, root, "kind", kplain(k, "Pod"));
	kset(k, root, "metadata", node_new_map(&k->arena));
	kset(k, kget(root, "metadata"), "name", kplain(k, "p"));
	kset(k, c, "name", kplain(k, image));
	kset(k, c, "image", kplain(k, image));
	node_append(&k->arena, list, c);
	kset(k, spec, "containers", list);
	kset(k, root, "spec", spec);
	r = kres_new(k, root, "pod.yaml");
	if (kmap_append(m, r, &err) < 0)
		abort();
	return r;
}

static void rewrite(const struct kimage *image, const char *text)
{
	static const struct kust_options none;
	struct err err = ERR_INIT;
	struct kconfig config;
	struct node *c;
	struct kres *r;
	struct kmap *m;
	struct kust k;

	kust_init(&k, NULL, &none);
	kconfig_default(&config);
	m = kmap_new(&k);
	r = add_pod(&k, m, text);
	c = kfind(r->root, "spec", "containers", NULL)->kids[0];
	if (kust_image(&k, m, image, &config.images, &err) < 0) {
		if ((err.code != ERR_INVALID && err.code != ERR_LIMIT) || !*err.msg)
			abort();
	} else if (strcmp(ktext(kget(c, "name")), text) ||
		   kget(c, "image")->kind != NODE_SCALAR) {
		abort();
	}
	kust_deinit(&k);
}

static void override(const char *written)
{
	static const struct tree_file none[] = { { NULL, NULL } };
	static const char text[] = "images: [{name: nginx, newTag: '1'}]\n";
	_cleanup_json_ json_t *ask = json_pack("{s:[s]}", "images", written);
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	struct tree_files tree;

	tree_files_init(&tree, none);
	if (!ask)	/* not UTF-8: JSON has no such text */
		return;
	if (kust_overrides_check(ask, &err) < 0 ||
	    kust_overrides_text(ask, &tree.files, "", text, sizeof(text) - 1, &out,
				&err) < 0) {
		if (err.code != ERR_INVALID || !*err.msg)
			abort();
	} else if (!strstr(buf_str(&out), "images")) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	const char *line[7] = { "", "", "", "", "", "", "" };
	struct kimage image;
	char *rest = text;

	for (int i = 0; i < 7 && rest; i++)
		line[i] = strsep(&rest, "\n");
	image = (struct kimage){ .name = line[0], .new_name = line[1], .new_tag = line[2],
				 .digest = line[3], .tag_suffix = line[4] };
	rewrite(&image, line[5]);
	override(line[6]);
	return 0;
}
