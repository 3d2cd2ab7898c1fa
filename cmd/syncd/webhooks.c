#include "webhooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cert.h"
#include "core/mem.h"
#include "sync/admission.h"
#include "sync/webhook.h"

#define LOOK_MS 5000		/* at the files of --webhook-cert-dir */
#define LINGER_MS 5000		/* kube-proxies learn within seconds that we go */
#define MAX_FILE ((size_t)1 << 20)

/* ---- pushes ---- */

static const char *header_of(const struct webhook_request *r, const char *name)
{
	const struct httpd_post *p = r->arg;

	return p->header(p, name);
}

static int on_push(void *arg, const struct httpd_post *p, struct buf *body,
		   const char **type)
{
	struct webhooks *h = arg;
	struct webhook_request r = { header_of, p, p->body, p->len };

	(void)type;
	return engine_webhook(h->engine, &r, body);
}

static bool takes_pushes(void *arg)
{
	struct webhooks *h = arg;

	return h->engine && engine_takes_webhooks(h->engine);
}

/* ---- reviews ---- */

struct review {
	struct engine_review parent;	/* must be first */
	struct httpd_post *post;
};

static void on_reviewed(struct engine_review *parent, int status, struct buf *answer)
{
	struct review *r = (struct review *)parent;

	httpd_answer(r->post, status, answer, status == 200 ? "application/json" :
		     "text/plain; charset=utf-8");
	free(r);
}

static void on_review(void *arg, struct httpd_post *p)
{
	struct webhooks *h = arg;
	struct review *r = xcalloc(1, sizeof(*r));

	r->parent = (struct engine_review){ p->body, p->len, on_reviewed };
	r->post = p;
	engine_review(h->engine, &r->parent);
}

static bool takes_reviews(void *arg)
{
	return ((struct webhooks *)arg)->engine != NULL;
}

static const struct httpd_route plain_routes[] = {
	{ .path = "/api/webhook", .post = on_push, .open = takes_pushes }, { 0 },
};
static const struct httpd_route https_routes[] = {
	{ .path = "/api/webhook", .post = on_push, .open = takes_pushes },
	{ .path = "/validate", .post_later = on_review, .open = takes_reviews,
	  .max_post = ADMISSION_BODY_MAX }, { 0 },
};

/* ---- the certificate ---- */

void webhooks_certificate(struct webhooks *h, const char *cert_pem, const char *key_pem)
{
	struct cert_facts facts;
	struct err err = ERR_INIT;

	if (!h->https)
		return;
	if (cert_look(cert_pem, key_pem, &facts, &err) ||
	    httpd_set_certificate(h->https, cert_pem, key_pem, &err)) {
		log_at(h->w, LOG_ERROR, "the webhook's certificate cannot be used", "error",
		       err.msg, NULL);
		return;
	}
	h->until_s = facts.until_s;
	log_at(h->w, LOG_INFO, "the webhook serves a new certificate", NULL);
}

static char *read_file(const char *dir, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "re");
	char *text;
	size_t n;

	if (!f)
		return NULL;
	text = xcalloc(1, MAX_FILE + 1);
	n = fread(text, 1, MAX_FILE, f);
	fclose(f);
	return xrealloc(text, n + 1);
}

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* Both are replaced at once where they are a mounted Secret, else one after the other. */
static int read_pair(const char *dir, char **cert, char **key, struct err *err)
{
	struct cert_facts facts;

	*cert = read_file(dir, "tls.crt");
	*key = read_file(dir, "tls.key");
	if (!*cert || !*key)
		return err_set(err, ERR_IO, "cannot read %s/%s", dir,
			       *cert ? "tls.key" : "tls.crt");
	return cert_look(*cert, *key, &facts, err) ? err_wrap(err, "%s/tls.crt", dir) : 0;
}

static void look(struct webhooks *h)
{
	char *cert, *key;
	struct err err = ERR_INIT;

	if (read_pair(h->dir, &cert, &key, &err)) {
		if (!h->complaint || strcmp(h->complaint, err.msg))
			log_at(h->w, LOG_WARN, "the webhook's certificate", "error", err.msg,
			       NULL);
		free(h->complaint);
		h->complaint = xstrdup(err.msg);
	} else if (!h->seen || strcmp(h->seen, cert)) {
		webhooks_certificate(h, cert, key);
		free(h->seen);
		h->seen = xstrdup(cert);
	}
	wipe(key);
	free(cert);
}

static void on_timer(struct world_timer *t)
{
	struct webhooks *h = container_of(t, struct webhooks, timer);

	look(h);
	world_timer_start(h->w, t, LOOK_MS);
}

/* ---- life ---- */

const char *webhooks_own_name(const struct flags *f)
{
	return *f->webhook_addr && !*f->cert_dir ? f->webhook_name : NULL;
}

int webhooks_start(struct webhooks *h, struct uv_loop_s *loop, struct world *w,
		   const struct flags *f, struct err *err)
{
	*h = (struct webhooks){ .w = w, .dir = f->cert_dir, .timer.fn = on_timer };
	if (*f->git_webhook_addr &&
	    !(h->plain = httpd_new(loop, f->git_webhook_addr, plain_routes, h, err)))
		return err_wrap(err, "--git-webhook-addr");
	if (!*f->webhook_addr)
		return 0;
	h->https = httpd_new_tls(loop, f->webhook_addr, https_routes, h, err);
	if (!h->https)
		return err_wrap(err, "--webhook-addr");
	if (*h->dir)
		on_timer(&h->timer);
	return 0;
}

void webhooks_serve(struct webhooks *h, struct engine *e)
{
	h->engine = e;
}

int64_t webhooks_until_ms(const struct webhooks *h)
{
	return h->until_s * 1000;
}

void webhooks_drain(struct webhooks *h)
{
	httpd_drain(h->https);
	httpd_drain(h->plain);
}

unsigned webhooks_linger(const struct webhooks *h)
{
	return h->https ? LINGER_MS : 0;
}

void webhooks_close(struct webhooks *h)
{
	if (h->w)
		world_timer_stop(h->w, &h->timer);
	httpd_close(h->https);
	httpd_close(h->plain);
	free(h->seen);
	free(h->complaint);
	h->seen = h->complaint = NULL;
	h->engine = NULL;
}
