/*
 * webhooks.h - what others send us: admission reviews of the API server and pushes of
 * Git hosts over HTTPS, and those pushes over plain HTTP where an ingress ends TLS.
 *
 * The certificate is the engine's (it makes and rotates one), or that of
 * --webhook-cert-dir, which is looked at every few seconds.
 */
#ifndef CMD_SYNCD_WEBHOOKS_H
#define CMD_SYNCD_WEBHOOKS_H

#include "core/httpd.h"
#include "core/world.h"
#include "flags.h"
#include "sync/engine.h"

struct webhooks {
	struct httpd *https, *plain;	/* NULL: off */
	struct engine *engine;		/* NULL until webhooks_serve() */
	struct world *w;
	const char *dir;		/* "": the engine's certificate */
	char *seen, *complaint;		/* files as last read; what was wrong with them */
	struct world_timer timer;
	int64_t until_s;		/* the certificate's end; 0 = none is served */
};

int webhooks_start(struct webhooks *h, struct uv_loop_s *loop, struct world *w,
		   const struct flags *f, struct err *err);
/* The name that the engine shall make a certificate for; NULL: it is none of its. */
const char *webhooks_own_name(const struct flags *f);
/* Requests are answered from now on; the engine must be abandoned before the close. */
void webhooks_serve(struct webhooks *h, struct engine *e);
void webhooks_certificate(struct webhooks *h, const char *cert_pem, const char *key_pem);
/* When the certificate that is served ends, wall clock; 0: none is. */
int64_t webhooks_until_ms(const struct webhooks *h);
/* Each answer is its connection's last. */
void webhooks_drain(struct webhooks *h);
unsigned webhooks_linger(const struct webhooks *h);	/* ms to go on after a SIGTERM */
void webhooks_close(struct webhooks *h);

#endif
