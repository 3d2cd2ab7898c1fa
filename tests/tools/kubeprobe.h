/*
 * kubeprobe.h - the frame of kubeprobe.c: the loop with a deadline, one request to
 * its end, a watch that counts. Whatever goes wrong ends the program.
 */
#ifndef TOOLS_KUBEPROBE_H
#define TOOLS_KUBEPROBE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "core/discovery.h"
#include "core/doc.h"
#include "core/events.h"
#include "core/kubeconfig.h"
#include "core/lease.h"
#include "core/mem.h"
#include "core/watch.h"
#include "core/world_uv.h"

struct probe {
	uv_loop_t loop;
	uv_timer_t deadline;
	struct world *w;
	struct kubeconfig config;
	struct kube *k;
	struct discovery *d;
	const char *ns;
	bool late;
};

__attribute__((format(printf, 1, 2), noreturn))
static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "kubeprobe: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	exit(1);
}

static void ok(const char *name)
{
	printf("ok %s\n", name);
	fflush(stdout);
}

static void on_deadline(uv_timer_t *t)
{
	((struct probe *)t->data)->late = true;
}

/* Runs the loop until test(arg); dies after 20 s. */
static void until(struct probe *p, bool (*test)(void *arg), void *arg,
		  const char *what)
{
	p->late = false;
	uv_timer_start(&p->deadline, on_deadline, 20000, 0);
	while (!test(arg)) {
		if (p->late)
			die("no %s within 20 s", what);
		uv_run(&p->loop, UV_RUN_ONCE);
	}
	uv_timer_stop(&p->deadline);
}

static bool is_set(void *arg)
{
	return *(bool *)arg;
}

/* ---- one request to its end ---- */

struct answer {
	struct kube_request r;
	bool done;
	struct err err;
	int status;
	json_t *json;
	char reason[64];
};

static void on_answer(struct kube_request *r, const struct err *err)
{
	struct answer *a = container_of(r, struct answer, r);

	a->done = true;
	a->err = *err;
	a->status = r->status;
	a->json = json_incref(r->json);
	snprintf(a->reason, sizeof(a->reason), "%s", r->reason);
}

static void answer_deinit(struct answer *a)
{
	json_decref(a->json);
	kube_request_deinit(&a->r);
}
#define _cleanup_answer_ __attribute__((cleanup(answer_deinit)))

static void ask(struct probe *p, struct answer *a)
{
	a->r.parse = true;
	a->r.on_done = on_answer;
	kube_start(p->k, &a->r);
	until(p, is_set, &a->done, a->r.verb);
}

static void expect(const struct answer *a, enum err_code code, const char *what)
{
	if (a->err.code != code)
		die("%s: %s (HTTP %d): %s", what, err_code_str(a->err.code),
		    a->status, a->err.msg);
}

static struct kube_ref cm_ref(struct probe *p, const char *name)
{
	return (struct kube_ref){ "", "v1", "configmaps", p->ns, name, NULL };
}

static char *cm_body(struct probe *p, const char *name, const char *label,
		     const char *value)
{
	return xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
			 "\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\","
			 "\"labels\":{\"probe\":\"%s\"}},\"data\":{\"k\":\"%s\"}}",
			 name, p->ns, label, value);
}

static void apply_cm(struct probe *p, const char *name, const char *manager,
		     unsigned flags, const char *value, struct answer *a)
{
	struct kube_ref ref = cm_ref(p, name);
	_cleanup_free_ char *body = cm_body(p, name, "yes", value);

	kube_apply_init(&a->r, &ref, manager, flags, body, strlen(body));
	ask(p, a);
}

/* ---- a watch that counts ---- */

struct counter {
	struct watch *w;
	unsigned upserts, deletes, resets, troubles;
	bool synced;
	char last[64];
};

static void on_reset(void *arg)
{
	((struct counter *)arg)->resets++;
}

static void on_event(void *arg, enum watch_event e, const json_t *object)
{
	struct counter *c = arg;
	const char *name = doc_get_str(object, "metadata", "name", NULL);

	if (e == WATCH_DELETED)
		c->deletes++;
	else
		c->upserts++;
	snprintf(c->last, sizeof(c->last), "%s", name ? name : "");
}

static void on_synced(void *arg)
{
	((struct counter *)arg)->synced = true;
}

static void on_trouble(void *arg, const struct err *err)
{
	if (err->code)
		fprintf(stderr, "kubeprobe: watch: %s\n", err->msg);
	((struct counter *)arg)->troubles += err->code != ERR_NONE;
}

static void watch_start(struct probe *p, struct counter *c, const char *labels)
{
	static const struct watch_handler handler = { on_reset, on_event,
						      on_synced, on_trouble };
	struct kube_ref ref = cm_ref(p, NULL);

	c->w = watch_new(p->k, &ref, labels, NULL, &handler, c);
	until(p, is_set, &c->synced, "complete list");
}

struct at_least {
	const unsigned *n;
	unsigned want;
};

static bool reached(void *arg)
{
	const struct at_least *a = arg;

	return *a->n >= a->want;
}

/* ---- start and end ---- */

static void start(struct probe *p)
{
	struct kubeconfig_options o = { .no_in_cluster = true };
	struct world_uv_config c = { .log_fd = 2, .log_level = LOG_INFO };
	struct err err = ERR_INIT;

	doc_init();
	if (kubeconfig_load(&p->config, &o, &err))
		die("%s", err.msg);
	uv_loop_init(&p->loop);
	uv_timer_init(&p->loop, &p->deadline);
	p->deadline.data = p;
	p->w = world_uv_new(&p->loop, &c, &err);
	if (!p->w)
		die("%s", err.msg);
	p->k = kube_new(p->w, &p->config.endpoint, (struct kube_limits){ 0 });
	p->d = discovery_new(p->k);
}

static void finish(struct probe *p)
{
	discovery_free(p->d);
	kube_free(p->k);
	p->w->ops->endpoint_forget(p->w, &p->config.endpoint);
	world_uv_close(p->w);
	uv_close((uv_handle_t *)&p->deadline, NULL);
	uv_run(&p->loop, UV_RUN_DEFAULT);
	world_uv_free(p->w);
	if (uv_loop_close(&p->loop))
		die("a handle of the loop was left open");
	kubeconfig_deinit(&p->config);
}

#endif
