/*
 * syncd-worker fetch|render|exec|health [--no-sandbox]
 *
 * Started by syncd for what must not run inside it: repositories are written by
 * others. It gives up what it does not need (sandbox.h), then reads one frame
 * from stdin, does it, writes one frame to stdout; render and health go on until
 * the end of input, the others end. What fails in a request is an answer (frame 'E') and
 * exit status 0; what fails in the sandbox or in the frames themselves goes to
 * stderr with status 1, and the daemon reports it.
 */
#include "worker.h"

#include "core/doc.h"
#include "core/fetch.h"
#include "core/files.h"
#include "core/frame.h"
#include "core/mem.h"
#include "health/script.h"
#include "render/render.h"
#include "sandbox.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define REQUEST_MAX ((size_t)16 << 20)
#define ANSWER_MAX ((size_t)128 << 20)

bool sandboxed = true;

#if defined(__SANITIZE_ADDRESS__)
/* The leak checker attaches to us at the end; the sandbox forbids just that. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return sandboxed;
}
#endif

static void warn_no_landlock(void)
{
	static const char text[] =
		"warning: this kernel has no Landlock: files are guarded by "
		"permissions and the system call filter only\n";

	if (write(2, text, sizeof(text) - 1) < 0)
		return;
}

static int restrict_files(const struct path_rule *rules, size_t n,
			  struct err *err)
{
	int rc = sandboxed ? sandbox_files(rules, n, err) : 0;

	if (rc == 1)
		warn_no_landlock();
	return rc < 0 ? -1 : 0;
}

int serve_render(const char *data, size_t len, struct buf *out,
		 struct err *err)
{
	struct render_answer a = { 0 };
	struct sources s;
	int rc;

	if (sources_open(&s, data, len, err))
		return -1;
	rc = render_all(s.parts, s.all.len, &a, err);
	sources_say_end(&s, &a);
	if (!rc)
		render_answer_encode(&a, out);
	render_answer_deinit(&a);
	sources_close(&s);
	/* What one large repository needed is not kept for the next. */
	malloc_trim(0);
	return rc;
}

int serve_health(const char *data, size_t len, struct buf *out,
		 struct err *err)
{
	static const struct script_limits limits = SCRIPT_LIMITS;
	_cleanup_free_ char *script = NULL;
	_cleanup_json_ json_t *object = NULL;
	struct health h;

	if (script_request_decode(data, len, &script, &object, err))
		return -1;
	h = script_run(script, object, &limits);
	script_answer_encode(&h, out);
	return 0;
}

/* A file:// remote is the one file that fetch reads besides the system's. */
static const char *local_path(const char *url)
{
	return url && !strncasecmp(url, "file://", 7) ? url + 7 : NULL;
}

static int serve_fetch_request(const struct fetch_request *r, struct buf *out,
			       struct err *err)
{
	const struct path_rule rules[] = {
		{ r->mirrors, PATH_WRITE },
		{ local_path(r->url), PATH_READ },
		{ "/etc", PATH_READ },		/* names, CA certificates */
		{ "/run/systemd/resolve", PATH_READ },
	};
	struct fetch_answer a = { 0 };
	int rc;

	if (r->mirrors && mkdir(r->mirrors, 0700) < 0 && errno != EEXIST)
		return err_set(err, ERR_IO, "cannot make %s: %s", r->mirrors,
			       strerror(errno));
	if (restrict_files(rules, ARRAY_LEN(rules), err))
		return -1;
	rc = fetch_run(r, &a, err);
	if (!rc)
		fetch_answer_encode(&a, out);
	fetch_answer_deinit(&a);
	return rc;
}

int serve_fetch(const char *data, size_t len, struct buf *out, struct err *err)
{
	struct fetch_request r = { 0 };
	int rc;

	if (fetch_request_decode(&r, data, len, err))
		return -1;
	rc = serve_fetch_request(&r, out, err);
	fetch_request_deinit(&r);
	return rc;
}

static const struct kind {
	const char *name;
	enum profile profile;
	bool many;
	bool no_files;		/* not even mirrors */
	int (*serve)(const char *data, size_t len, struct buf *out,
		     struct err *err);
} kinds[] = {
	{ "fetch", PROFILE_FETCH, false, false, serve_fetch },
	{ "render", PROFILE_RENDER, true, false, serve_render },
	{ "exec", PROFILE_EXEC, false, false, serve_exec },
	{ "health", PROFILE_RENDER, true, true, serve_health },
};

static int fatal(const struct err *err)
{
	fprintf(stderr, "syncd-worker: %s\n", err->msg);
	return 1;
}

/* fetch's file rules come with its request, before it touches anything. */
static int enter_files(const struct kind *k, struct err *err)
{
	const char *tmp = getenv("SYNCD_TMP");
	const struct path_rule rules[] = {
		{ k->no_files ? NULL : getenv("SYNCD_MIRRORS"), PATH_READ },
		{ k->profile == PROFILE_EXEC ? (tmp ? tmp : "/tmp") : NULL,
		  PATH_WRITE },
		{ k->profile == PROFILE_EXEC ? getenv("SYNCD_KUSTOMIZE") : NULL,
		  PATH_READ_EXECUTE },
	};

	if (k->profile == PROFILE_FETCH)
		return 0;
	if (k->profile == PROFILE_EXEC) {
		if (tmp && mkdir(tmp, 0700) < 0 && errno != EEXIST)
			return err_set(err, ERR_IO, "cannot make %s: %s", tmp,
				       strerror(errno));
		exec_sweep(tmp ? tmp : "/tmp");
	}
	return restrict_files(rules, ARRAY_LEN(rules), err);
}

static int enter_sandbox(const struct kind *k, struct err *err)
{
	const char *parent = getenv("SYNCD_PID");

	if (sandboxed && sandbox_begin(k->profile,
				       parent ? atoi(parent) : 0, err))
		return -1;
	if (enter_files(k, err))
		return -1;
	return sandboxed ? sandbox_calls(k->profile, err) : 0;
}

static int write_all(const struct buf *b, struct err *err)
{
	const char *p = buf_str(b);
	size_t left = b->len;

	while (left) {
		ssize_t n = write(1, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(err, ERR_IO, "stdout: %s",
				       strerror(errno));
		p += n;
		left -= (size_t)n;
	}
	return 0;
}

static int serve(const struct kind *k, const char *data, size_t len,
		 struct err *err)
{
	_cleanup_buf_ struct buf payload = BUF_INIT_MAX(ANSWER_MAX);
	_cleanup_buf_ struct buf frame = BUF_INIT_MAX(ANSWER_MAX + 64);
	struct err why = ERR_INIT;
	int rc = k->serve(data, len, &payload, &why);

	if (!rc && buf_overflowed(&payload))
		rc = err_set(&why, ERR_LIMIT, "the answer is larger than "
			     "%zu bytes", ANSWER_MAX);
	if (rc) {
		buf_clear(&payload);
		frame_error_encode(&why, &payload);
	}
	frame_write(&frame, rc ? FRAME_ERROR : FRAME_ANSWER, payload.data,
		    payload.len);
	return write_all(&frame, err);
}

/* 1: a request is whole in b; 0: end of input; -1: it can never be one. */
static int read_request(struct buf *b, const char **data, size_t *len,
			size_t *used, struct err *err)
{
	char chunk[65536], type;
	ssize_t n;
	int whole;

	for (;;) {
		whole = frame_read(buf_str(b), b->len, REQUEST_MAX, &type, data,
				   len, used, err);
		if (whole > 0 && type != FRAME_REQUEST)
			return err_set(err, ERR_INTERNAL, "not a request");
		if (whole)
			return whole;
		n = read(0, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, ERR_IO, "stdin: %s",
				       strerror(errno));
		if (!n && b->len)
			return err_set(err, ERR_INTERNAL, "half a request");
		if (!n)
			return 0;
		buf_add(b, chunk, (size_t)n);
	}
}

static int loop(const struct kind *k, struct err *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT_MAX(REQUEST_MAX + 65536);
	const char *data;
	size_t len, used;
	int rc;

	while ((rc = read_request(&b, &data, &len, &used, err)) > 0) {
		if (serve(k, data, len, err))
			return -1;
		if (!k->many)
			return 0;
		buf_consume(&b, used);
	}
	return rc;
}

static int usage(void)
{
	fputs("usage: syncd-worker fetch|render|exec|health [--no-sandbox]\n"
	      "syncd starts it; it speaks frames on stdin and stdout.\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	const struct kind *k = NULL;
	struct err err = ERR_INIT;

	for (size_t i = 0; argc >= 2 && i < ARRAY_LEN(kinds); i++)
		if (!strcmp(argv[1], kinds[i].name))
			k = &kinds[i];
	if (!k || argc > 3 || (argc == 3 && strcmp(argv[2], "--no-sandbox")))
		return usage();
	sandboxed = argc < 3;
	signal(SIGPIPE, SIG_IGN);
	doc_init();
	if (enter_sandbox(k, &err) || loop(k, &err))
		return fatal(&err);
	return 0;
}
