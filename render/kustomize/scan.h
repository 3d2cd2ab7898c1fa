/* scan.h - what of a kustomization is not ours, found before anything is built. */
#ifndef KUST_SCAN_H
#define KUST_SCAN_H

#include "kust.h"

/*
 * *why: NULL when the build is ours, or fails in any case; else "file:line: field: what"
 * that is left to the kustomize program, owned by the caller. -1: files cannot be read
 * (ERR_IO and what else is to be tried again).
 */
int kust_scan(struct files *files, const char *path, const struct kust_options *o,
	      char **why, struct err *err) __attribute__((warn_unused_result));

#endif
