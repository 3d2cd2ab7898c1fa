/*
 * control.h - what a deploy-control file says of one environment: when, while the
 * manifests say what.
 *
 *   global: {auto_deploy: true}
 *   environments:
 *     prod:
 *       enabled: true
 *       auto_deploy: false
 *       require_manual_approval: true
 *       deployment_windows: {enabled: true, timezone: Europe/Berlin,
 *                            allowed_days: [Mon, Tue], allowed_hours: "09:00-16:00"}
 *       services:
 *         postgres: {enabled: true, auto_deploy: true, require_approval: false,
 *                    rollback_on_failure: true}
 *
 * Every key is known or the file is refused; what is not said holds nothing back. The
 * file is read by the worker only. The daemon gets a frame: lines of a fixed form that
 * are accepted in one spelling alone.
 */
#ifndef RENDER_CONTROL_H
#define RENDER_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/files.h"

#define CONTROL_NAME_MAX 64		/* with its NUL: environments, services, zones */
#define CONTROL_SERVICES_MAX 64
#define CONTROL_HOURS_MAX 8
#define CONTROL_FILE_MAX ((size_t)256 << 10)
#define CONTROL_FRAME_MAX ((size_t)16 << 10)

struct control_hours {
	uint16_t from, to;	/* minutes of the day, to is not in it; 1440 = 24:00.
				   to < from: until that time of the next day */
};

struct control_window {
	bool enabled;
	char zone[CONTROL_NAME_MAX];	/* "UTC" where none is named */
	uint8_t days;		/* a bit each, Sunday is 1: of the hours' beginning */
	struct control_hours hours[CONTROL_HOURS_MAX];
	size_t n_hours;		/* at least 1: 00:00-24:00 where none is named */
};

enum control_rollback { ROLLBACK_UNSAID, ROLLBACK_NO, ROLLBACK_YES };

struct control_service {
	char name[CONTROL_NAME_MAX];
	bool enabled, auto_deploy, approval;
	enum control_rollback rollback;
};

struct control {
	char environment[CONTROL_NAME_MAX];
	bool global_auto;	/* global.auto_deploy: false stops everything */
	bool enabled, auto_deploy, approval;
	struct control_window window;
	struct control_service services[CONTROL_SERVICES_MAX];	/* sorted by name */
	size_t n_services;
};

/* NULL: the file says nothing of it. */
const struct control_service *control_service(const struct control *c,
					      const char *name);

/* The one spelling of *c. */
void control_format(const struct control *c, struct buf *out);
/* ERR_INVALID unless it is exactly what control_format() prints of something. */
int control_parse(struct control *c, const char *text, size_t len, struct err *err)
	__attribute__((warn_unused_result));

/*
 * The file's text, as `path` in messages. The whole file is checked, then the named
 * environment taken. ERR_INVALID names file, line, field and what to write instead.
 */
int control_read(struct control *c, const char *path, const char *text, size_t len,
		 const char *environment, struct err *err)
	__attribute__((warn_unused_result));
/*
 * The same from a tree. An error with retry is about the tree (fetch it again), any
 * other about the file: ERR_NOTFOUND, ERR_INVALID, ERR_LIMIT.
 */
int control_open(struct control *c, struct files *files, const char *path,
		 const char *environment, struct err *err)
	__attribute__((warn_unused_result));

#endif
