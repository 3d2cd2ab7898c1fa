/*
 * ghapp.h - a GitHub App's installation token: what its repositories take as a password
 * for an hour (private to sync/).
 *
 *	POST {api}/app/installations/{installation}/access_tokens
 *	Authorization: Bearer {JWT of iss = the app's id, signed with its key}
 *	201 {"token": "ghs_...", "expires_at": RFC 3339}
 *
 * It is asked for when it is wanted, and again ten minutes before its end. A failure is
 * told, and tried again after 30 s, 60 s... 10 min.
 */
#ifndef SYNC_GHAPP_H
#define SYNC_GHAPP_H

#include "core/err.h"
#include "core/world.h"

#define GHAPP_USER "x-access-token"	/* of the Basic login */
#define GHAPP_API "https://api.github.com"

struct ghapp_config {
	char *id, *installation;	/* digits */
	char *key;		/* PEM */
	char *api;		/* where its API is, without a slash at the end */
	bool insecure;		/* no certificate is checked */
	/* A token came, or was refused. */
	void (*on_change)(void *arg);
	void *arg;
};

struct ghapp;
/* Takes over *c. NULL and *err INVALID where it cannot be one; *c is freed then. */
struct ghapp *ghapp_new(struct world *w, struct ghapp_config *c, struct err *err);
struct ghapp *ghapp_free(struct ghapp *g);	/* NULL-safe; ends its request */
const char *ghapp_api(const struct ghapp *g);	/* borrowed */
/*
 * 0: *token is good for a minute at least, borrowed until the next call. 1: it is being
 * asked for. -1: why there is none. ca: trusted roots, NULL: the system's.
 */
int ghapp_token(struct ghapp *g, const char *ca, const char **token, struct err *err);

#endif
