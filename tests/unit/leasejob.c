#include "leasejob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/mem.h"

static void on_acquired(void *arg, uint64_t transitions)
{
	struct llab *l = arg;

	l->acquired++;
	l->epoch = transitions;
	if (l->free_it)
		l->l = lease_free(l->l);
}

static void on_lost(void *arg, const struct err *why)
{
	struct llab *l = arg;

	l->lost++;
	l->why = *why;
	if (l->free_it)
		l->l = lease_free(l->l);
}

void llab_released(void *arg)
{
	((struct llab *)arg)->released++;
}

struct llab *llab_start(bool watch)
{
	static const struct lease_handler handler = { on_acquired, on_lost };
	struct lease_config c = { .ns = "sys", .name = "lead", .identity = "me",
				  .watch = watch };
	struct llab *l = xcalloc(1, sizeof(*l));

	l->lab = lab_new((struct kube_limits){ 0 });
	l->l = lease_new(l->lab.k, &c, &handler, l);
	return l;
}

struct llab *llab_new(void)
{
	return llab_start(false);
}

void llab_free(struct llab *l)
{
	lease_free(l->l);
	lab_free(&l->lab);
	free(l);
}

#define PATH "/apis/coordination.k8s.io/v1/namespaces/sys/leases"

struct fake_call *llab_take(struct llab *l, const char *method)
{
	return fake_take(l->lab.f, method, PATH);
}

void llab_run(struct llab *l, uint64_t ms)
{
	fake_run(l->lab.f, ms);
}

/* A Lease as the server has it. */
const char *llab_text(const char *holder, int n, const char *renewed)
{
	static char text[600];

	snprintf(text, sizeof(text),
		 "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\","
		 "\"metadata\":{\"name\":\"lead\",\"namespace\":\"sys\","
		 "\"resourceVersion\":\"%d\",\"labels\":{\"keep\":\"me\"},"
		 "\"managedFields\":[]},\"spec\":{\"holderIdentity\":\"%s\","
		 "\"leaseDurationSeconds\":15,\"leaseTransitions\":%d,"
		 "\"renewTime\":\"%s\"}}", 100 + n, holder, n, renewed);
	return text;
}

/* The server stores what was sent. */
void llab_accept(struct fake_call *c)
{
	_cleanup_free_ char *body = xstrdup(c->body);

	fake_answer(c, 200, body);
}

void llab_lead(struct llab *l)
{
	fake_answer(llab_take(l, "GET"), 404, NOT_FOUND);
	llab_accept(llab_take(l, "POST"));
	assert_int_equal(l->acquired, 1);
}

void llab_check(const struct fake_call *c, const char *want)
{
	if (!strstr(c->body, want))
		fail_msg("%s is not in %s", want, c->body);
}
