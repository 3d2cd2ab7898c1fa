/*
 * A document, a line "---", a JSON patch: applied or refused, within its caps; what
 * comes out is no deeper than what can be read.
 */
#include <stdint.h>

#include "render/kustomize/transform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t depth(const struct node *n)
{
	size_t most = 0;

	for (uint32_t i = 0; n->kind != NODE_SCALAR && i < n->len; i++) {
		size_t d = depth(n->kids[i]);

		most = d > most ? d : most;
	}
	return most + 1;
}

static void apply(struct kust *k, struct node *root, const char *text)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	struct node *canonical, *before = root;
	struct kjson_patch *p = kjson_patch_parse(k, text, strlen(text), &err);

	if (!p || kjson_patch_apply(k, p, &root, &err) < 0) {
		if ((err.code != ERR_INVALID && err.code != ERR_LIMIT) || !*err.msg ||
		    root != before)
			abort();
		return;
	}
	if (depth(root) > NODE_DEPTH_MAX + 1 ||
	    node_canonical(&k->arena, root, &canonical, &err) < 0 ||
	    node_to_json(canonical, &out, &err) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct kust_options none;
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	char *patch = strstr(text, "\n---\n");
	struct err err = ERR_INIT;
	struct node_reader *r;
	struct node *root;
	struct kust k;

	if (!patch)
		return 0;
	*patch = '\0';
	kust_init(&k, NULL, &none);
	r = node_reader_new(text, strlen(text));
	if (node_read(r, &k.arena, &root, &err) > 0 && root->kind == NODE_MAP)
		apply(&k, root, patch + 5);
	node_reader_free(r);
	kust_deinit(&k);
	return 0;
}
