/* config.h - what config.c shows to the files that fill a config. */
#ifndef KUST_CONFIG_H
#define KUST_CONFIG_H

#include "transform.h"

/* Gvk.IsLessThan: kinds in the order in which they are applied, then by name. */
int kgvk_compare(const struct kgvk *a, const struct kgvk *b);
/* Appends; what is borrowed (cap 0) is copied into the arena first. */
void kfieldspecs_push(struct kust *k, struct kfieldspecs *into,
		      const struct kfieldspec *spec);
/* FsSlice.MergeAll */
int kfieldspecs_merge_all(struct kust *k, struct kfieldspecs *into,
			  const struct kfieldspecs *from, struct err *err)
	__attribute__((warn_unused_result));
/* nbrSlice.mergeOne: adds to the entry of the same gvk, or a new one. */
int knamerefs_merge_one(struct kust *k, struct knamerefs *into,
			const struct knameref *ref, struct err *err)
	__attribute__((warn_unused_result));
void kconfig_sort(struct kconfig *c);
/* Takes lists that were decoded for its own: they are sorted and may grow. */
void kconfig_own(struct kconfig *c);

#endif
