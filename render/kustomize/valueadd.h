/* valueadd.h - what valueadd.c does for the plugin ValueAddTransformer. */
#ifndef KUST_VALUEADD_H
#define KUST_VALUEADD_H

#include "transform.h"

struct kvalue_target {
	struct kselector *selector;	/* NULL: all resources */
	const char *path;
	int64_t position;	/* in a file path, from 1; 0: the value replaces it */
};
int kvalue_add(struct kust *k, struct kmap *m, const char *value,
	       const struct kvalue_target *t, struct err *err)
	__attribute__((warn_unused_result));

#endif
