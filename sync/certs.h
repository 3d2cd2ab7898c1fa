/*
 * certs.h - the webhook's own certificate: what is to be done with it next. Pure.
 *
 * It lies in a Secret that every replica reads; only the leader writes. To rotate takes
 * three steps, so that whoever verifies knows a CA before anybody shows a certificate
 * of it, and until nobody does any more:
 *
 *  1  nothing that can be served (none, expired, key and certificate do not fit):
 *     MAKE one, in use at once
 *  2  one is prepared but cannot be served: PREPARE another
 *  3  one is prepared, was so for the overlap, and its CA is announced: SWITCH
 *  4  one is prepared: wait
 *  5  the one in use lacks a name, or two thirds of its life are over: PREPARE one, its
 *     CA beside the other in the bundle
 *  6  the bundle has CAs of earlier ones, and the overlap since the switch is over:
 *     FORGET them
 *  7  wait
 *
 * An announcement that never comes holds 3 up only until the certificate in use expires;
 * then 1 applies.
 */
#ifndef SYNC_CERTS_H
#define SYNC_CERTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/cert.h"

/* The Secret's data, decoded. Strings are never NULL. */
struct certs_kept {
	char *bundle;		/* ca.crt: CAs to be announced */
	char *cert, *key;	/* tls.crt, tls.key: in use */
	char *next_cert, *next_key;	/* prepared; "" if none */
	int64_t since_s;	/* when the last step was done; 0 = not said */
};
/* What is not there or no base64 is "". */
void certs_read(struct certs_kept *k, const json_t *secret);
/* The Secret, as it is to be written; version: the resourceVersion, or "" to create. */
json_t *certs_secret(const struct certs_kept *k, const char *ns, const char *name,
		     const char *version);
void certs_kept_deinit(struct certs_kept *k);

enum certs_step { CERTS_WAIT, CERTS_MAKE, CERTS_PREPARE, CERTS_SWITCH, CERTS_FORGET };

struct certs_plan {
	int64_t lifetime_s;	/* of a new one */
	const char *const *names;	/* that it must cover, NULL-terminated */
};
/* How long both CAs are announced before and after the switch. */
int64_t certs_overlap(const struct certs_plan *p);
/*
 * announced: the whole bundle is where verifiers read it. *again_s: when to ask anew at
 * the latest, if nothing changes.
 */
enum certs_step certs_next(const struct certs_kept *k, const struct certs_plan *p,
			   bool announced, int64_t now_s, int64_t *again_s);
/* Does it; ERR_INTERNAL where a certificate cannot be made. */
int certs_do(struct certs_kept *k, const struct certs_plan *p, enum certs_step step,
	     int64_t now_s, struct err *err) __attribute__((warn_unused_result));

/*
 * The body of a server-side apply that announces the bundle in each webhook of that
 * ValidatingWebhookConfiguration; NULL when it is in all of them already, or it has
 * none. Owned.
 */
char *certs_announcement(const json_t *configuration, const char *bundle);

#endif
