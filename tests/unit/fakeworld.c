/* The fake world: a virtual clock, and requests that the test answers by hand. */
#include "fakeworld.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/mem.h"

struct fake {
	struct world world;	/* first */
	uint64_t now, suspended, random;
	bool unreachable;
	VEC(struct world_timer *) timers;	/* priv[0]: when, in ms */
	VEC(struct world_task *) tasks;
	VEC(struct fake_call *) calls;		/* all there ever were */
};

static struct fake *fake_of(struct world *w)
{
	return container_of(w, struct fake, world);
}

static uint64_t due(const struct world_timer *t)
{
	return (uint64_t)(uintptr_t)t->priv[0];
}

/* ---- the world's functions ---- */

static uint64_t now_mono(struct world *w)
{
	return fake_of(w)->now;
}

static uint64_t now_boot(struct world *w)
{
	return fake_of(w)->now + fake_of(w)->suspended;
}

static int64_t now_wall(struct world *w)
{
	return INT64_C(1767225600000) + (int64_t)now_boot(w);
}

static uint64_t fake_random(struct world *w)
{
	return fake_of(w)->random;
}

static void timer_stop(struct world *w, struct world_timer *t)
{
	struct fake *f = fake_of(w);

	for (size_t i = 0; i < f->timers.len; i++) {
		if (f->timers.data[i] != t)
			continue;
		f->timers.data[i] = f->timers.data[--f->timers.len];
		t->active = false;
		return;
	}
}

static void timer_start(struct world *w, struct world_timer *t, uint64_t ms)
{
	struct fake *f = fake_of(w);

	timer_stop(w, t);
	t->active = true;
	t->priv[0] = (void *)(uintptr_t)(f->now + ms);
	vec_push(&f->timers, t);
}

static void undefer(struct world *w, struct world_task *t)
{
	struct fake *f = fake_of(w);

	for (size_t i = 0; i < f->tasks.len; i++) {
		if (f->tasks.data[i] != t)
			continue;
		memmove(&f->tasks.data[i], &f->tasks.data[i + 1],
			(f->tasks.len - i - 1) * sizeof(t));
		f->tasks.len--;
		t->active = false;
		return;
	}
}

static void defer(struct world *w, struct world_task *t)
{
	if (t->active)
		return;
	t->active = true;
	vec_push(&fake_of(w)->tasks, t);
}

static char *join(const char *const *headers)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	for (; headers && *headers; headers++)
		buf_addf(&b, "%s\n", *headers);
	return buf_steal(&b, NULL);
}

static void http_start(struct world *w, struct http_call *call)
{
	struct fake_call *c = xcalloc(1, sizeof(*c));
	struct fake *f = fake_of(w);

	c->fake = f;
	c->call = call;
	c->lane = call->lane;
	c->method = xstrdup(call->method);
	c->path = xstrdup(call->path);
	c->body = xstrndup(call->body ? call->body : "", call->body_len);
	c->accept = xstrdup(call->accept ? call->accept : "");
	c->content_type = xstrdup(call->content_type ? call->content_type : "");
	c->headers = join(call->headers);
	c->as_user = xstrdup(call->as_user ? call->as_user : "");
	c->started = c->last_byte = f->now;
	call->priv[0] = c;
	vec_push(&f->calls, c);
	if (call->may_send && !f->unreachable)
		(void)!call->may_send(call);
}

void fake_set_reachable(struct fake *f, bool reachable)
{
	f->unreachable = !reachable;
}

static void http_cancel(struct world *w, struct http_call *call)
{
	struct fake_call *c = call->priv[0];

	(void)w;
	if (c && c->call)
		c->cancelled = true;
}

static void http_abandon(struct world *w, struct http_call *call)
{
	struct fake_call *c = call->priv[0];

	(void)w;
	if (c)
		c->call = NULL;
	call->priv[0] = NULL;
}

static void forget(struct world *w, struct http_endpoint *e)
{
	(void)w;
	(void)e;
}

static void drop_log(struct world *w, enum log_level level, const char *msg,
		     const struct log_field *fields)
{
	(void)w;
	(void)level;
	(void)msg;
	(void)fields;
}

static const struct world_ops ops = {
	.now_mono = now_mono,
	.now_boot = now_boot,
	.now_wall = now_wall,
	.random = fake_random,
	.timer_start = timer_start,
	.timer_stop = timer_stop,
	.defer = defer,
	.undefer = undefer,
	.http_start = http_start,
	.http_cancel = http_cancel,
	.http_abandon = http_abandon,
	.endpoint_forget = forget,
	.log = drop_log,
};

struct fake *fake_new(void)
{
	struct fake *f = xcalloc(1, sizeof(*f));

	f->world.ops = &ops;
	f->now = 1000;
	return f;
}

static void call_free(struct fake_call *c)
{
	free(c->method);
	free(c->path);
	free(c->body);
	free(c->accept);
	free(c->content_type);
	free(c->headers);
	free(c->as_user);
	free(c);
}

void fake_free(struct fake *f)
{
	assert_int_equal(f->timers.len, 0);
	assert_int_equal(f->tasks.len, 0);
	assert_int_equal(fake_open(f), 0);
	for (size_t i = 0; i < f->calls.len; i++)
		call_free(f->calls.data[i]);
	vec_deinit(&f->calls);
	vec_deinit(&f->timers);
	vec_deinit(&f->tasks);
	free(f);
}

struct world *fake_world(struct fake *f)
{
	return &f->world;
}

/* ---- time ---- */

uint64_t fake_now(struct fake *f)
{
	return f->now;
}

void fake_set_random(struct fake *f, uint64_t value)
{
	f->random = value;
}

void fake_suspend(struct fake *f, uint64_t ms)
{
	f->suspended += ms;
}

static struct world_timer *first_timer(struct fake *f)
{
	struct world_timer *first = NULL;

	for (size_t i = 0; i < f->timers.len; i++)
		if (!first || due(f->timers.data[i]) < due(first))
			first = f->timers.data[i];
	return first;
}

uint64_t fake_next_timer(struct fake *f)
{
	struct world_timer *t = first_timer(f);

	return t ? due(t) - f->now : UINT64_MAX;
}

/* When the call runs into one of its deadlines. */
static uint64_t deadline(const struct fake_call *c)
{
	uint64_t at = UINT64_MAX;

	if (!c->call)
		return at;
	if (c->cancelled)
		return c->fake->now;
	if (c->call->timeout_ms)
		at = c->started + c->call->timeout_ms;
	if (c->call->idle_ms && c->last_byte + c->call->idle_ms < at)
		at = c->last_byte + c->call->idle_ms;
	return at;
}

static struct fake_call *first_deadline(struct fake *f)
{
	struct fake_call *first = NULL;

	for (size_t i = 0; i < f->calls.len; i++)
		if (deadline(f->calls.data[i]) < (first ? deadline(first) : UINT64_MAX))
			first = f->calls.data[i];
	return first;
}

/* One thing that happens until `end`; false when there is none. */
static bool step(struct fake *f, uint64_t end)
{
	struct world_timer *t = first_timer(f);
	struct fake_call *c = first_deadline(f);

	if (f->tasks.len) {
		struct world_task *task = f->tasks.data[0];

		undefer(&f->world, task);
		task->fn(task);
		return true;
	}
	if (c && deadline(c) <= end && (!t || deadline(c) <= due(t))) {
		f->now = deadline(c) > f->now ? deadline(c) : f->now;
		if (c->cancelled)
			fake_break(c, ERR_CANCELLED, "cancelled");
		else
			fake_break(c, ERR_TIMEOUT, "no answer in time");
		return true;
	}
	if (!t || due(t) > end)
		return false;
	f->now = due(t) > f->now ? due(t) : f->now;
	timer_stop(&f->world, t);
	t->fn(t);
	return true;
}

void fake_run(struct fake *f, uint64_t ms)
{
	uint64_t end = f->now + ms;
	unsigned steps = 0;

	while (step(f, end))
		assert_true(++steps < 100000);
	f->now = end;
}

/* ---- requests ---- */

struct fake_call *fake_take(struct fake *f, const char *method, const char *path)
{
	for (size_t i = 0; i < f->calls.len; i++) {
		struct fake_call *c = f->calls.data[i];

		if (c->taken)
			continue;
		c->taken = true;
		assert_string_equal(c->method, method);
		if (!strstr(c->path, path))
			fail_msg("%s is not in %s", path, c->path);
		return c;
	}
	fail_msg("no request: expected %s %s", method, path);
	return NULL;
}

size_t fake_untaken(struct fake *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->calls.len; i++)
		n += !f->calls.data[i]->taken;
	return n;
}

size_t fake_open(struct fake *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->calls.len; i++)
		n += f->calls.data[i]->call != NULL;
	return n;
}

size_t fake_started(struct fake *f)
{
	return f->calls.len;
}

void fake_head(struct fake_call *c, int status, unsigned retry_after_ms,
	       const char *etag)
{
	assert_non_null(c->call);
	c->head = true;
	c->last_byte = c->fake->now;
	if (c->call->on_head && !c->cancelled)
		c->call->on_head(c->call, status, retry_after_ms,
				 "application/json", etag ? etag : "");
}

void fake_bytes(struct fake_call *c, const char *data, size_t len, size_t n)
{
	c->last_byte = c->fake->now;
	while (len && c->call && !c->cancelled) {
		size_t piece = len < n ? len : n;
		/* Exactly as long as it says: reading beyond it is caught. */
		char *copy = xmalloc(piece);

		memcpy(copy, data, piece);
		if (c->call->on_data)
			c->call->on_data(c->call, copy, piece);
		free(copy);
		data += piece;
		len -= piece;
	}
}

void fake_data(struct fake_call *c, const char *text)
{
	fake_bytes(c, text, strlen(text), SIZE_MAX);
}

static void finish(struct fake_call *c, const struct err *err)
{
	struct http_call *call = c->call;

	if (!call)
		return;
	c->call = NULL;
	call->priv[0] = NULL;
	call->on_done(call, err);
}

void fake_end(struct fake_call *c)
{
	finish(c, &ERR_INIT);
}

void fake_break(struct fake_call *c, enum err_code code, const char *msg)
{
	struct err err = ERR_INIT;

	err_set(&err, code, "%s", msg);
	finish(c, &err);
}

void fake_answer(struct fake_call *c, int status, const char *body)
{
	fake_head(c, status, 0, NULL);
	fake_data(c, body);
	fake_end(c);
}
