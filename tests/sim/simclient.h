/*
 * simclient.h - one request at a time, awaited: how tests and the conformance
 * script talk to an API server through any world.
 */
#ifndef SIM_SIMCLIENT_H
#define SIM_SIMCLIENT_H

#include <jansson.h>

#include "core/world.h"

struct client_call {
	struct http_call http;
	int status;
	char content_type[128], etag[96];
	unsigned retry_after_ms;
	struct buf body;
	struct err err;
	bool done, head;
};

#define CLIENT_TIMEOUT_MS 30000	/* of all but watches */

/* Starts it; strings are borrowed until done. */
void client_start(struct world *w, struct client_call *c,
		  const struct http_endpoint *e, const char *method,
		  const char *path, const char *content_type, const char *body);
void client_deinit(struct client_call *c);

#endif
