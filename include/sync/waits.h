/*
 * waits.h - how long an application's syncs wait: what its own annotations say, else
 * those of its AppProject, else the daemon's flags. Where the environment is production
 * (prod, production), a wave has at least 600 s unless an annotation says less. Pure.
 *
 *   syncd.dev/soak, wave-deadline, hook-deadline, degraded-grace, pull-grace,
 *   crash-grace: a duration such as 90s, at most 168h; a deadline is more than 0
 */
#ifndef SYNC_WAITS_H
#define SYNC_WAITS_H

#include <jansson.h>
#include <stdint.h>

struct app_spec;
struct app_defaults;

enum wait {
	WAIT_SOAK,
	WAIT_WAVE_DEADLINE,
	WAIT_HOOK_DEADLINE,
	WAIT_DEGRADED_GRACE,
	WAIT_PULL_GRACE,
	WAIT_CRASH_GRACE,
	WAIT_N
};
struct waits {
	unsigned said;		/* 1 << enum wait */
	uint64_t ms[WAIT_N];	/* of those */
};

/* bad is told of each annotation that cannot be read; it counts as not said. */
void waits_decode(struct waits *w, const json_t *annotations,
		  void (*bad)(void *arg, const char *words), void *arg);
/* Sets the fields of s; project and environment (of the deploy-control file) may be NULL. */
void waits_settle(struct app_spec *s, const struct waits *project,
		  const char *environment, const struct app_defaults *defaults);

#endif
