/*
 * customize.h - the health scripts of Argo CD's ConfigMap argocd-cm.
 *
 * `resource.customizations.health.<group>_<kind>` holds a script; the older
 * `resource.customizations` is YAML, "<group>/<kind>" -> { health.lua: ... }, where
 * the name may be a glob. Pure.
 */
#ifndef SYNC_CUSTOMIZE_H
#define SYNC_CUSTOMIZE_H

#include "core/doc.h"
#include "core/mem.h"

#define CUSTOMIZE_NAME "argocd-cm"
#define CUSTOMIZE_MAX 500	/* scripts */

struct custom {
	char *pattern;		/* "group/Kind", "Kind" of the core group, or a glob */
	char *script;
};

struct customize {
	VEC(struct custom) scripts;	/* what comes first counts */
	VEC(char *) warnings;	/* what could not be read, for people */
};

/* Adds what the ConfigMap's data says, behind what is there. data may be NULL. */
void customize_read(struct customize *c, const json_t *data);
void customize_deinit(struct customize *c);
/* The script for a kind: the first exact name, else the first glob. NULL: none. */
const struct custom *customize_find(const struct customize *c, const char *group,
				    const char *kind);

#endif
