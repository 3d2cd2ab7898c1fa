/*
 * One worker process: spawn, request, answer, end.
 *
 * The happy path: a process in a session of its own with three pipes; one frame
 * in; its answer is one whole frame, after which a render or health worker waits for
 * the next request, while the others must end (exit status 0, or at least close
 * stdout) before their answer counts.
 *
 * What goes wrong, each ends the request and the process: the deadline passed,
 * a frame that is broken or too long, bytes after the frame, the end before the
 * answer, an exit status. "Ends" is SIGKILL to the whole group. A grandchild that
 * left the group and holds stdout or stderr is not waited for: after the exit
 * there is a second for bytes still on their way.
 */
#include "worker_priv.h"

#include "core/frame.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define GRACE_MS 1000
#define IDLE_MS 30000
#define MAX_SERVED 64
#define DEFAULT_DEADLINE_MS (10 * 60 * 1000)
#define DEFAULT_MAX_ANSWER ((size_t)64 << 20)
#define SAID_MAX ((size_t)4096)
#define FRAME_HEAD 5

static const char *const kind_name[] = {
	[WORKER_FETCH] = "fetch",
	[WORKER_RENDER] = "render",
	[WORKER_EXEC] = "exec",
	[WORKER_HEALTH] = "health",
};

bool worker_serves_many(enum worker_kind kind)
{
	return kind == WORKER_RENDER || kind == WORKER_HEALTH;
}

static void judge(struct worker_proc *p);

/* The frame may hold credentials. */
static void forget_sent(struct worker_proc *p)
{
	if (p->sent.data)
		explicit_bzero(p->sent.data, p->sent.len);
	buf_deinit(&p->sent);
}

static void on_closed(uv_handle_t *h)
{
	struct worker_proc *p = h->data;

	if (--p->handles)
		return;
	forget_sent(p);
	buf_deinit(&p->got);
	buf_deinit(&p->said);
	free(p->affinity);
	free(p);
}

static void close_one(uv_handle_t *h)
{
	if (!uv_is_closing(h))
		uv_close(h, on_closed);
}

/* Everything but the process handle, whose exit is still to be reaped. */
static void close_pipes(struct worker_proc *p)
{
	close_one((uv_handle_t *)&p->in);
	close_one((uv_handle_t *)&p->out);
	close_one((uv_handle_t *)&p->err);
	close_one((uv_handle_t *)&p->timer);
}

/*
 * The group outlives its leader while a grandchild is in it; its id is not
 * reused for as long, nor before libuv has reaped the leader.
 */
static void kill_group(struct worker_proc *p)
{
	if (p->process.pid > 0)
		kill(-p->process.pid, SIGKILL);
}

static void on_timer(uv_timer_t *t);

static void timer_set(struct worker_proc *p, uint64_t ms)
{
	if (uv_is_closing((uv_handle_t *)&p->timer))
		return;
	uv_update_time(p->w->loop);
	uv_timer_start(&p->timer, on_timer, ms, 0);
}

void worker_proc_kill(struct worker_proc *p)
{
	p->req = NULL;
	p->dying = true;
	if (!p->exited) {
		kill_group(p);
		p->w->workers->killed++;
	}
	close_pipes(p);
}

void worker_proc_retire(struct worker_proc *p)
{
	p->dying = true;
	close_one((uv_handle_t *)&p->in);
	timer_set(p, GRACE_MS);
}

void worker_proc_abandon(struct worker_proc *p)
{
	link_remove(&p->link);
	worker_proc_kill(p);
}

/* The last line of stderr, printable, for a message; "" if there is none. */
static void last_words(const struct worker_proc *p, char *out, size_t size)
{
	const char *s = buf_str(&p->said);
	size_t end = p->said.len, begin, n = 0;

	while (end && strchr("\r\n ", s[end - 1]))
		end--;
	begin = end;
	while (begin && s[begin - 1] != '\n')
		begin--;
	out[0] = '\0';
	if (begin == end)
		return;
	n = (size_t)snprintf(out, size, ": %.*s", (int)(end - begin),
			     s + begin);
	for (size_t i = 0; i < n && i < size && out[i]; i++)
		if ((unsigned char)out[i] < ' ' || out[i] == 0x7f)
			out[i] = '?';
}

/* The request is over. ok: the process may serve on. */
static void finish(struct worker_proc *p, const struct err *err, bool ok,
		   const char *data, size_t len)
{
	struct worker_req *r = steal(&p->req);
	struct buf answer = p->got;	/* data points into it */

	p->got = (struct buf)BUF_INIT;
	worker_pump_soon(p->w);
	if (ok && worker_serves_many(p->kind) && !p->exited && !p->eof &&
	    ++p->served < MAX_SERVED) {
		p->idle_since = ++p->w->workers->idles;
		timer_set(p, IDLE_MS);
	} else if (ok && !p->exited) {
		worker_proc_retire(p);
	} else {
		worker_proc_kill(p);
	}
	worker_req_done(r, err, data, len);
	buf_deinit(&answer);
}

static void fail(struct worker_proc *p, enum err_code code, const char *what)
{
	struct err err = ERR_INIT;
	char words[200];

	p->w->workers->failed++;
	last_words(p, words, sizeof(words));
	err_set(&err, code, "%s worker %s%s", kind_name[p->kind], what, words);
	if (p->said.len)
		log_at(&p->w->base, LOG_WARN, "a worker failed", "kind",
		       kind_name[p->kind], "error", what, "stderr",
		       buf_str(&p->said), NULL);
	finish(p, &err, false, NULL, 0);
}

static void fail_ended(struct worker_proc *p)
{
	char what[96];

	if (p->exited && p->signal)
		snprintf(what, sizeof(what), "was killed by signal %d (%s)",
			 p->signal, strsignal(p->signal));
	else if (p->exited && p->status)
		snprintf(what, sizeof(what), "ended with status %d",
			 (int)p->status);
	else
		snprintf(what, sizeof(what), "ended without a whole answer");
	fail(p, ERR_INTERNAL, what);
}

static void succeed(struct worker_proc *p, char type, const char *data,
		    size_t len)
{
	struct err err = ERR_INIT;

	if (type == FRAME_ANSWER) {
		finish(p, &err, true, data, len);
		return;
	}
	frame_error_decode(data, len, &err);
	finish(p, &err, true, NULL, 0);
	/* Whatever it failed on, the next request gets a fresh process. */
	if (!p->dying)
		worker_proc_retire(p);
}

static size_t max_answer(const struct worker_proc *p)
{
	size_t max = p->req->call->max_answer;

	return max ? max : DEFAULT_MAX_ANSWER;
}

/* Something changed (bytes, end of file, exit): is the request over? */
static void judge(struct worker_proc *p)
{
	struct err err = ERR_INIT;
	const char *data = NULL;
	size_t len = 0, used = 0;
	char type = 0;
	int whole;

	if (!p->req)
		return;
	whole = frame_read(p->got.data ? p->got.data : "", p->got.len,
			   max_answer(p), &type, &data, &len, &used, &err);
	if (whole < 0 && err.code == ERR_LIMIT) {
		fail(p, ERR_LIMIT, "gave an answer larger than its cap");
	} else if (whole < 0 || (whole && type == FRAME_REQUEST) ||
		   (whole && used != p->got.len)) {
		fail(p, ERR_INTERNAL, "spoke out of turn");
	} else if (whole && worker_serves_many(p->kind)) {
		succeed(p, type, data, len);
	} else if (p->exited && (p->status || p->signal)) {
		/* What is in the pipe may be the reason: wait for its end. */
		if (p->eof)
			fail_ended(p);
		else
			timer_set(p, GRACE_MS);
	} else if (p->exited && whole) {
		succeed(p, type, data, len);
	} else if (p->exited && p->eof) {
		fail_ended(p);
	} else if (p->exited || p->eof) {
		timer_set(p, GRACE_MS);
	}
}

static void on_timer(uv_timer_t *t)
{
	struct worker_proc *p = t->data;
	struct err err = ERR_INIT;
	const char *data;
	size_t len, used;
	char type;

	if (!p->req) {
		if (p->dying)
			worker_proc_kill(p);	/* was asked, did not go */
		else
			worker_proc_retire(p);	/* idle for too long */
	} else if (!p->exited && !p->eof) {
		fail(p, ERR_TIMEOUT, "did not answer in time and was stopped");
	} else if (!p->exited &&
		   frame_read(p->got.data ? p->got.data : "", p->got.len,
			      max_answer(p), &type, &data, &len, &used,
			      &err) == 1) {
		succeed(p, type, data, len);	/* closed stdout, lingers */
	} else {
		fail_ended(p);
	}
}

static void on_process_exit(uv_process_t *h, int64_t status, int term_signal)
{
	struct worker_proc *p = h->data;
	struct worker_state *s = p->w->workers;

	kill_group(p);	/* grandchildren */
	p->exited = true;
	p->status = status;
	p->signal = term_signal;
	link_remove(&p->link);
	s->n_procs--;
	close_one((uv_handle_t *)&p->process);
	judge(p);
	if (!p->req)
		close_pipes(p);
	worker_pump_soon(p->w);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	(void)h;
	buf->base = xmalloc(suggested);
	buf->len = suggested;
}

static void on_out(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	_cleanup_free_ char *data = buf->base;
	struct worker_proc *p = stream->data;

	if (n == 0)
		return;
	if (n < 0) {
		p->eof = true;
		uv_read_stop(stream);
	} else if (!p->req) {
		/* Nobody asked: it is not to be trusted with a request. */
		if (!p->dying)
			worker_proc_kill(p);
		return;
	} else {
		if (!p->got.max)
			p->got.max = max_answer(p) + FRAME_HEAD + 1;
		buf_add(&p->got, data, (size_t)n);
		if (buf_overflowed(&p->got)) {
			fail(p, ERR_LIMIT,
			     "gave an answer larger than its cap");
			return;
		}
	}
	judge(p);
	if (p->eof && !p->req && !p->dying)
		worker_proc_retire(p);
}

static void on_err(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	_cleanup_free_ char *data = buf->base;
	struct worker_proc *p = stream->data;

	if (n < 0)
		uv_read_stop(stream);
	if (n <= 0)
		return;
	buf_add(&p->said, data, (size_t)n);
	if (p->said.len > SAID_MAX)
		buf_consume(&p->said, p->said.len - SAID_MAX);
}

static void env_add(char **env, size_t *n, char *entry)
{
	env[(*n)++] = entry;
	env[*n] = NULL;
}

/* Nothing of ours is inherited: our environment may hold secrets. */
static void env_fill(const struct world_uv *w, enum worker_kind kind,
		     char **env)
{
	const struct world_uv_config *c = &w->config;
	size_t n = 0;

	env_add(env, &n, xstrdup("PATH=/usr/bin:/bin"));
	env_add(env, &n, xstrdup("LANG=C.UTF-8"));
	env_add(env, &n, xasprintf("SYNCD_PID=%d", (int)getpid()));
	if (c->data_dir) {
		env_add(env, &n, xasprintf("SYNCD_MIRRORS=%s/mirrors",
					   c->data_dir));
		env_add(env, &n, xasprintf("SYNCD_TMP=%s/tmp", c->data_dir));
	}
	if (kind == WORKER_EXEC)
		env_add(env, &n, xasprintf("SYNCD_KUSTOMIZE=%s",
					   c->kustomize_path));
#ifdef __SANITIZE_ADDRESS__
	if (getenv("ASAN_OPTIONS"))
		env_add(env, &n, xasprintf("ASAN_OPTIONS=%s",
					   getenv("ASAN_OPTIONS")));
#endif
}

static int spawn(struct worker_proc *p, const char *path)
{
	char *argv[] = { (char *)"syncd-worker", (char *)kind_name[p->kind],
			 NULL };
	char *env[10] = { NULL };
	uv_stdio_container_t stdio[] = {
		{ .flags = UV_CREATE_PIPE | UV_READABLE_PIPE,
		  .data.stream = (uv_stream_t *)&p->in },
		{ .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		  .data.stream = (uv_stream_t *)&p->out },
		{ .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		  .data.stream = (uv_stream_t *)&p->err },
	};
	uv_process_options_t o = {
		.exit_cb = on_process_exit,
		.file = path,
		.args = argv,
		.env = env,
		.cwd = "/",
		.flags = UV_PROCESS_DETACHED,	/* setsid: a group to kill */
		.stdio = stdio,
		.stdio_count = 3,
	};
	int rc;

	env_fill(p->w, p->kind, env);
	rc = uv_spawn(p->w->loop, &p->process, &o);
	for (char **e = env; *e; e++)
		free(*e);
	return rc;
}

struct worker_proc *worker_proc_new(struct world_uv *w, enum worker_kind kind,
				    const char *affinity, struct err *err)
{
	struct worker_proc *p = xcalloc(1, sizeof(*p));
	int rc;

	p->w = w;
	p->kind = kind;
	p->affinity = worker_serves_many(kind) ? xstrdup(affinity) : NULL;
	p->process.data = p->in.data = p->out.data = p->err.data = p;
	p->timer.data = p;
	link_init(&p->link);
	uv_pipe_init(w->loop, &p->in, 0);
	uv_pipe_init(w->loop, &p->out, 0);
	uv_pipe_init(w->loop, &p->err, 0);
	uv_timer_init(w->loop, &p->timer);
	p->handles = 5;
	rc = spawn(p, w->config.worker_path);
	if (rc < 0) {
		err_set(err, ERR_IO, "cannot start %s %s: %s",
			w->config.worker_path, kind_name[kind],
			uv_strerror(rc));
		close_pipes(p);
		close_one((uv_handle_t *)&p->process);
		return NULL;
	}
	link_append(&w->workers->procs, &p->link);
	w->workers->n_procs++;
	w->workers->started++;
	uv_read_start((uv_stream_t *)&p->out, on_alloc, on_out);
	uv_read_start((uv_stream_t *)&p->err, on_alloc, on_err);
	return p;
}

/* A broken pipe is not judged here: the exit, or the deadline, tells more. */
static void on_written(uv_write_t *h, int status)
{
	(void)status;
	forget_sent(h->data);
}

static void on_shutdown(uv_shutdown_t *h, int status)
{
	(void)h;
	(void)status;
}

void worker_proc_serve(struct worker_proc *p, struct worker_req *r)
{
	const struct worker_call *c = r->call;
	uv_buf_t chunk;

	p->req = r;
	r->proc = p;
	p->sent.max = c->request_len + FRAME_HEAD;
	frame_write(&p->sent, FRAME_REQUEST, c->request, c->request_len);
	chunk = uv_buf_init(p->sent.data, (unsigned)p->sent.len);
	p->write.data = p;
	timer_set(p, c->deadline_ms ? c->deadline_ms : DEFAULT_DEADLINE_MS);
	if (uv_write(&p->write, (uv_stream_t *)&p->in, &chunk, 1,
		     on_written) < 0)
		timer_set(p, 1);	/* it is gone: its exit says how */
	else if (!worker_serves_many(p->kind))
		uv_shutdown(&p->shutdown, (uv_stream_t *)&p->in, on_shutdown);
}
