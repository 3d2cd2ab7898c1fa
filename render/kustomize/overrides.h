/*
 * overrides.h - source.kustomize of an Application, worked into a kustomization as
 * Argo CD does it with `kustomize edit`.
 */
#ifndef KUST_OVERRIDES_H
#define KUST_OVERRIDES_H

#include <jansson.h>

#include "core/files.h"
#include "core/mem.h"
#include "core/node.h"
#include "render/kustomize.h"

/* Edits doc in place; new nodes lie in a. folder holds the kustomization. */
int kust_overrides_edit(struct arena *a, const json_t *ask, struct files *files,
			const char *folder, struct node *doc, struct err *err)
	__attribute__((warn_unused_result));

#endif
