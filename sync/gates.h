/*
 * gates.h - what a deploy-control file holds back, and until when. Pure.
 *
 * A gate is of the environment or of one of its services. What is new goes out when all
 * gates of the environment are open, but for the objects of services whose own are shut.
 * The running release is kept as it is whatever they say: reverts and heals pass.
 *
 *   #  gate       shut when                                    stops     opens
 *   1  file       a file is named, none was ever readable      all       -
 *   2  global     global.auto_deploy: false                    all       -
 *   3  enabled    enabled: false                               all       -
 *   4  auto       auto_deploy: false                           by itself -
 *   5  window     outside of deployment_windows                all       known
 *   6  approval   an approval is required and there is none    all       -
 *
 * "all" is what goes by itself and what a person asks for. 2, 3 and 5 also stop what is
 * under way by itself, at the end of a wave. An override names the gates that it passes.
 */
#ifndef SYNC_GATES_H
#define SYNC_GATES_H

#include "render/control.h"
#include "zone.h"

enum gate_kind {
	GATE_FILE, GATE_GLOBAL, GATE_ENABLED, GATE_AUTO, GATE_WINDOW, GATE_APPROVAL,
	GATE_SYNC_WINDOW,	/* of the project (window.h): only an override names it */
	GATE_KIND_N
};
#define GATE_BIT(kind) (1u << (kind))
/* Those of the environment that stop what is under way by itself. */
#define GATES_INTERRUPTING (GATE_BIT(GATE_GLOBAL) | GATE_BIT(GATE_ENABLED) | \
			    GATE_BIT(GATE_WINDOW))
const char *gate_kind_str(enum gate_kind k);	/* "file", "global"... */
/* The bits of names between commas; 0 and *err (INVALID) when one is no gate. */
uint32_t gate_bits(const char *names, struct err *err);

/* ---- deployment windows ---- */

struct span_verdict {
	bool open;
	int64_t change_ms;	/* when that changes next; 0: not within 15 days */
};
/*
 * Days and hours are those of the zone's clocks: an hour that a clock skips does not
 * come, and one that it repeats comes twice.
 */
struct span_verdict control_window_judge(const struct control_window *w,
					 const struct zone *z, int64_t now_ms);
/* "Mon-Thu 09:00-16:00 Europe/Berlin" */
void control_window_words(const struct control_window *w, struct buf *out);

/* ---- gates ---- */

struct gate {
	enum gate_kind kind;
	const char *service;	/* borrowed of the file; NULL: the environment's */
	int64_t until_ms;	/* wall: it opens then; 0: not known */
};
struct gates_in {
	const struct control *control;	/* NULL: none was ever readable */
	struct span_verdict window;	/* of control->window, where that is enabled */
	bool approved;		/* what Git says now is, by a person */
	uint32_t passed;	/* GATE_BITs that an override names */
};
#define GATES_MAX (GATE_KIND_N * (1 + CONTROL_SERVICES_MAX))
struct gates_shut {
	struct gate data[GATES_MAX];
	size_t len;		/* the environment's first */
};
void gates_judge(const struct gates_in *in, struct gates_shut *ret);

bool gate_stops(const struct gate *g, bool by_itself);
/* The first of the environment that stops it; NULL. */
const struct gate *gates_first(const struct gates_shut *s, bool by_itself);
/* The first of that service; NULL. */
const struct gate *gates_of_service(const struct gates_shut *s, const char *service,
				    bool by_itself);
/* When all that stop the environment are open, as far as known: wall; 0. */
int64_t gates_until(const struct gates_shut *s, bool by_itself);
/*
 * For people: which, why, until when and what to do. app and commits (Git's, spaced) are
 * those to be named to syncctl; file is the deploy-control file.
 */
void gate_words(const struct gate *g, const struct control *c, const char *file,
		const char *app, const char *commits, struct buf *out);

#endif
