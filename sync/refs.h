/* refs.h - does a workload refer to something that changed? Pure. */
#ifndef SYNC_REFS_H
#define SYNC_REFS_H

#include <stdbool.h>

#include "sync/record.h"

/*
 * refs: "ConfigMap/x Secret/y" as the render lists them, or NULL; all in namespace
 * ns. True when is_changed says so of one of them.
 */
bool refs_changed(const char *refs, const char *ns,
		  bool (*is_changed)(const struct objkey *k, void *arg), void *arg);

#endif
