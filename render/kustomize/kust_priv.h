/* kust_priv.h - what only the files of the model itself call. */
#ifndef KUST_PRIV_H
#define KUST_PRIV_H

#include "kust.h"

void kres_free(struct kres *r);
void kmap_free(struct kmap *m);
void kregexes_free(struct kust *k);	/* regex.c */
void kload_deinit(struct kust *k);
/* Everything of from that is not in the tree, but needs_hash. */
void kres_take_history(struct kres *r, const struct kres *from);

#endif
