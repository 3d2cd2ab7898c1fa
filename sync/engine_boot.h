/*
 * engine_boot.h - the steps of an engine's beginning; see engine_boot.c.
 */
#ifndef SYNC_ENGINE_BOOT_H
#define SYNC_ENGINE_BOOT_H

#include "engine_priv.h"

/* engine.sm's states, in this order */
enum boot_step {
	BOOT_IDLE,
	BOOT_DISCOVERY,
	BOOT_NAMESPACE,
	BOOT_NAMESPACE_MAKE,
	BOOT_INSTALL,
	BOOT_INSTALL_MAKE,
	BOOT_ELECTION,	/* a standby waits here */
	BOOT_RECORDS,
	BOOT_RUNNING,
};

/* Before engine_start(). */
void engine_boot_init(struct engine *e);

/* ---- app_watch.c ---- */

/* Follows the Applications of the engine's namespaces. */
void app_watches_start(struct engine *e);
/* Has each said what there is at least once? True where none has been started. */
bool app_watches_synced(const struct engine *e);
void app_watches_free(struct engine *e);

#endif
