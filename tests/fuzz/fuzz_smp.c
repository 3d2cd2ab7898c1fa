/*
 * Two documents as target and patch of a strategic merge: merged or refused. What
 * remains is a tree that can be written and merged again.
 */
#include <stdint.h>

#include "render/kustomize/transform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void merge(struct kust *k, struct node *dest, const struct node *patch)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	for (int i = 0; i < 2 && dest; i++) {
		if (kust_smp(k, &dest, patch, &err) < 0) {
			if ((err.code != ERR_INVALID && err.code != ERR_LIMIT) || !*err.msg)
				abort();
			return;
		}
	}
	if (dest && node_to_json(dest, &out, &err) < 0 && err.code != ERR_INVALID)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct kust_options none;
	struct node_reader *r = node_reader_new((const char *)data, size);
	struct node *dest, *patch;
	struct err err = ERR_INIT;
	struct kust k;

	kust_init(&k, NULL, &none);
	if (node_read(r, &k.arena, &dest, &err) > 0 &&
	    node_read(r, &k.arena, &patch, &err) > 0)
		merge(&k, dest, patch);
	node_reader_free(r);
	kust_deinit(&k);
	return 0;
}
