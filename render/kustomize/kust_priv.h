/* kust_priv.h - what only the files of the model itself call. */
#ifndef KUST_PRIV_H
#define KUST_PRIV_H

#include "kust.h"

void kres_free(struct kres *r);
void kmap_free(struct kmap *m);
void kregexes_free(struct kust *k);	/* regex.c */
/*
 * texts.c: path has no links. *ret is in the arena, NUL-terminated, *len bytes.
 */
int ktexts_read(struct kust *k, struct files *files, const char *path,
		const char **ret, size_t *len, struct err *err)
	__attribute__((warn_unused_result));
void ktexts_deinit(struct kust *k);
/* Everything of from that is not in the tree, but needs_hash. */
void kres_take_history(struct kres *r, const struct kres *from);

#endif
