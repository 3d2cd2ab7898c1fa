/* namespace.h - what namespace.c does for ValueAddTransformer. */
#ifndef KUST_NAMESPACE_H
#define KUST_NAMESPACE_H

#include "transform.h"

/* namespace.Filter on one resource: nothing is remembered or compared. */
int knamespace_one(struct kust *k, struct kres *r, const struct knamespace_args *args,
		   struct err *err) __attribute__((warn_unused_result));

#endif
