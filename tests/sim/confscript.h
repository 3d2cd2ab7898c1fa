/*
 * confscript.h - the language of the scripts in tests/sim/conformance.
 *
 * A script is a list of cases; each runs in a namespace of its own ($ns). Lines:
 *
 *	case TITLE
 *	> METHOD PATH [TYPE]	a request; TYPE: apply, merge, json (default)
 *	  {...}			its body, to the next directive
 *	< STATUS		what is expected of the answer
 *	  {...}			a pattern for its body
 *	until PATH		GETs PATH until the pattern that follows fits
 *	  {...}
 *	save NAME PATH		remembers a string of the last answer as $NAME
 *	newer NAME, same NAME	its resourceVersion against a saved one
 *	owns MANAGER PATH...	the manager's fieldsV1 has that member
 *	lacks MANAGER PATH...	it has not
 *	gone MANAGER		no entry of that manager
 *	text WORDS		the last answer's body contains them
 *	type WORDS		its content type contains them
 *	watch NAME PATH		opens a stream
 *	event NAME TYPE		the next event of a stream
 *	  {...}			a pattern for its object
 *	quiet NAME		no event comes
 *	ends NAME		the stream ends cleanly
 *	close NAME
 *
 * Patterns: objects match as subsets; null means absent; arrays match element by
 * element, or, when the first element is "...", each of the others somewhere;
 * "*" matches anything that is there; "re:X" a string by regular expression.
 * $NAME is replaced everywhere; $ns, $u (unique) are there from the start.
 * MANAGER is a name, or name/Operation, or name/Operation/subresource.
 */
#ifndef SIM_CONFSCRIPT_H
#define SIM_CONFSCRIPT_H

#include <jansson.h>
#include <stdbool.h>

#include "core/buf.h"
#include "core/world.h"

struct conf_driver {
	struct world *w;
	struct http_endpoint *endpoint;
	/* Turns the crank until pred or for ms; true when pred held. */
	bool (*run)(void *arg, bool (*pred)(void *arg), void *pred_arg, unsigned ms);
	void *arg;
	unsigned unique;	/* for $u */
	bool verbose;
};

struct conf_result {
	unsigned cases, failed, exchanges;
};

/* Runs a script's text; failures go to stderr as NAME:LINE. */
void conf_run(const struct conf_driver *d, const char *name, char *text,
	      struct conf_result *r);

/* Does a value fit a pattern? why names the first place that does not. */
bool conf_match(const json_t *pattern, const json_t *value, struct buf *why);

#endif
