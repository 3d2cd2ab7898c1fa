/*
 * Running a credential plugin: synchronous, in whatever thread asks.
 *
 * Happy path: spawned with KUBERNETES_EXEC_INFO -> what it prints is collected ->
 * it ends with 0. Ways to fail: it is not there (with its installHint), it takes too
 * long, prints too much, ends otherwise, or wants a terminal that nobody has. What
 * it says on stderr goes where ours goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/doc.h"
#include "kubeconfig_exec.h"

#define ATTENDED_MS 300000	/* a person types, or logs in with a browser */
#define ALONE_MS 60000
#define SLICE_MS 100		/* how soon a stop is noticed */

extern char **environ;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- what it is told ---- */

static char *exec_info(const struct exec_plugin *p, bool interactive)
{
	_cleanup_json_ json_t *o = json_pack("{s:s, s:s, s:{s:b}}", "kind",
		"ExecCredential", "apiVersion", p->api_version, "spec",
		"interactive", interactive);
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (p->cluster)	/* copied: another thread may hold a reference as well */
		json_object_set_new(json_object_get(o, "spec"), "cluster",
				    json_deep_copy(p->cluster));
	buf_adds(&text, "KUBERNETES_EXEC_INFO=");
	doc_write(o, &text);
	return buf_steal(&text, NULL);
}

static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return !strncmp(a, b, n) && b[n] == '=';
}

static bool overridden(const char *var, char *const *env, const char *info)
{
	for (; *env; env++)
		if (same_name(var, *env))
			return true;
	return same_name(var, info);
}

/* Ours, with the plugin's own above it; borrowed strings. */
static char **environment(const struct exec_plugin *p, char *info)
{
	size_t n = 0, have = 0;
	char **out;

	for (char **e = environ; *e; e++)
		have++;
	for (char **e = p->env; *e; e++)
		have++;
	out = xcalloc(have + 2, sizeof(*out));
	for (char **e = environ; *e; e++)
		if (!overridden(*e, p->env, info))
			out[n++] = *e;
	for (char **e = p->env; *e; e++)
		if (!same_name(*e, info))
			out[n++] = *e;
	out[n] = info;
	return out;
}

/* ---- the process ---- */

struct run {
	const struct exec_plugin *p;
	const struct kubeconfig_ask *how;
	int64_t deadline;
	pid_t pid;
	int fd;		/* what it prints */
};

/* Alone it gets a group of its own: then its children can be ended with it. */
static void set_signals(posix_spawnattr_t *attr, bool group)
{
	sigset_t none, dfl;

	sigemptyset(&none);
	sigemptyset(&dfl);
	sigaddset(&dfl, SIGPIPE);
	posix_spawnattr_init(attr);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &dfl);
	posix_spawnattr_setflags(attr, (short)(POSIX_SPAWN_SETSIGMASK |
		POSIX_SPAWN_SETSIGDEF | (group ? POSIX_SPAWN_SETPGROUP : 0)));
}

static int spawn(struct run *r, bool interactive, int out)
{
	_cleanup_free_ char *info = exec_info(r->p, interactive);
	_cleanup_free_ char **env = environment(r->p, info);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc;

	set_signals(&attr, !r->how->attended);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	if (!interactive)
		posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY,
						 0);
	rc = posix_spawnp(&r->pid, r->p->argv[0], &actions, &attr, r->p->argv, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return rc;
}

static int start(struct run *r, bool interactive, struct err *err)
{
	int fds[2], rc;

	if (pipe2(fds, O_CLOEXEC))
		return err_set(err, ERR_IO, "%s: pipe: %s", r->p->who,
			       strerror(errno));
	rc = spawn(r, interactive, fds[1]);
	close(fds[1]);
	r->fd = fds[0];
	if (!rc)
		return 0;
	close(fds[0]);
	if (rc != ENOENT)
		return err_set(err, ERR_IO, "%s: %s", r->p->who, strerror(rc));
	return err_set(err, ERR_NOTFOUND, "%s: there is no such program%s%s",
		       r->p->who, *r->p->hint ? "; " : " in PATH", r->p->hint);
}

static int check_time(const struct run *r, struct err *err)
{
	if (r->how->stop && atomic_load(r->how->stop))
		return err_set(err, ERR_CANCELLED, "%s: stopped", r->p->who);
	if (now_ms() >= r->deadline)
		return err_set(err, ERR_TIMEOUT, "%s: has not ended in time; run it by "
			       "hand to see what it waits for", r->p->who);
	return 0;
}

static int collect(const struct run *r, struct buf *out, struct err *err)
{
	char bytes[4096];

	for (;;) {
		struct pollfd p = { .fd = r->fd, .events = POLLIN };
		ssize_t n;

		if (check_time(r, err))
			return -1;
		if (poll(&p, 1, SLICE_MS) <= 0)
			continue;
		n = read(r->fd, bytes, sizeof(bytes));
		if (!n)
			return 0;
		if (n > 0)
			buf_add(out, bytes, (size_t)n);
		explicit_bzero(bytes, sizeof(bytes));
		if (n < 0 && errno != EINTR)
			return err_set(err, ERR_IO, "%s: %s", r->p->who,
				       strerror(errno));
		if (buf_overflowed(out))
			return err_set(err, ERR_LIMIT, "%s: prints more than 1 MiB",
				       r->p->who);
	}
}

/* It has closed its output: its end is near, or it is made to come. */
static int await_end(const struct run *r, int *status, struct err *err)
{
	const struct timespec pause = { .tv_nsec = 2000000 };

	while (waitpid(r->pid, status, WNOHANG) == 0) {
		if (check_time(r, err))
			return -1;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static void end(const struct run *r)
{
	kill(r->how->attended ? r->pid : -r->pid, SIGKILL);
	while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int judge(const struct run *r, int status, struct err *err)
{
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (WIFEXITED(status))
		return err_set(err, ERR_AUTH, "%s: failed with exit code %d; its own "
			       "message is above", r->p->who, WEXITSTATUS(status));
	return err_set(err, ERR_AUTH, "%s: was ended by signal %d", r->p->who,
		       WTERMSIG(status));
}

static int run(struct run *r, struct buf *out, struct err *err)
{
	int status = 0, rc = collect(r, out, err);

	close(r->fd);
	if (rc || await_end(r, &status, err)) {
		end(r);
		return -1;
	}
	return judge(r, status, err);
}

int kubeconfig_ask(const struct kubeconfig *c, const struct kubeconfig_ask *how,
		   struct buf *out, struct err *err)
{
	struct run r = { .p = c->plugin, .how = how, .fd = -1 };
	unsigned ms = how->deadline_ms ? how->deadline_ms :
		      how->attended ? ATTENDED_MS : ALONE_MS;
	bool person = how->attended && isatty(0);

	if (c->plugin->must_ask && !person)
		return err_set(err, ERR_AUTH, "%s: interactiveMode: Always needs a "
			       "terminal, and there is none", c->plugin->who);
	r.deadline = now_ms() + ms;
	out->max = KUBECONFIG_ANSWER_MAX;
	if (start(&r, person && c->plugin->may_ask, err))
		return -1;
	return run(&r, out, err);
}

int kubeconfig_login(struct kubeconfig *c, const struct kubeconfig_ask *how,
		     struct err *err)
{
	struct buf answer = BUF_INIT;
	int rc;

	if (!c->plugin)
		return 0;
	rc = kubeconfig_ask(c, how, &answer, err) || kubeconfig_take(c, &answer, err);
	config_wipe_buf(&answer);
	return rc ? -1 : 0;
}
