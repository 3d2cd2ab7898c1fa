/*
 * What a sandboxed process can and cannot do: each attempt in a child of its own,
 * in all three profiles. The sandbox's files belong to the worker program, so
 * they are compiled in here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>

#include "cmd/worker/sandbox.c"
#include "cmd/worker/seccomp.c"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>

static char *inside, *outside;	/* folders; only inside is in the rules */
static pid_t parent;

static int opens(const char *folder, const char *name, int flags)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", folder, name);
	int fd = open(path, flags | O_CLOEXEC, 0600);

	return fd;
}

static int read_inside(void)
{
	return opens(inside, "file", O_RDONLY);
}

static int read_outside(void)
{
	return opens(outside, "file", O_RDONLY);
}

static int read_passwd(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static int write_inside(void)
{
	return opens(inside, "file", O_WRONLY);
}

static int create_inside(void)
{
	return opens(inside, "new", O_CREAT | O_WRONLY);
}

static int write_outside(void)
{
	return opens(outside, "file", O_WRONLY);
}

static int truncate_outside(void)
{
	_cleanup_free_ char *path = xasprintf("%s/file", outside);

	return truncate(path, 1);
}

static int chmod_inside(void)
{
	_cleanup_free_ char *path = xasprintf("%s/file", inside);

	return chmod(path, 0600);
}

static int make_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int start_program(void)
{
	char *argv[] = { (char *)"true", NULL }, *env[] = { NULL };
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	int status;

	if (pid < 0)
		return -1;
	if (!pid) {
		execve("/usr/bin/true", argv, env);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	if (status)
		errno = EACCES;
	return status ? -1 : 0;
}

static int exec_self_away(void)
{
	char *argv[] = { (char *)"true", NULL }, *env[] = { NULL };

	/* exits with 0, which the parent reads as: it was possible */
	return execve("/usr/bin/true", argv, env);
}

static int signal_parent(void)
{
	return kill(parent, 0);
}

static int signal_parent_thread(void)
{
	return (int)syscall(SYS_tgkill, parent, parent, 0);
}

static int signal_myself(void)
{
	return (int)syscall(SYS_tgkill, getpid(), getpid(), 0);
}

static int trace_parent(void)
{
	return (int)syscall(SYS_ptrace, 16 /* PTRACE_ATTACH */, parent, 0, 0);
}

static int use_io_uring(void)
{
	return (int)syscall(SYS_io_uring_setup, 1, NULL);
}

static int unshare_users(void)
{
	return (int)syscall(SYS_unshare, CLONE_NEWUSER);
}

static void *nothing(void *arg)
{
	return arg;
}

static int start_thread(void)
{
	pthread_t t;

	errno = pthread_create(&t, NULL, nothing, NULL);
	if (errno)
		return -1;
	pthread_join(t, NULL);
	return 0;
}

static int use_inherited(void)
{
	return fcntl(250, F_GETFD);
}

static int dump_core(void)
{
	struct rlimit r;

	getrlimit(RLIMIT_CORE, &r);
	errno = EPERM;
	return r.rlim_max ? 0 : -1;
}

enum verdict { CAN = 0, CANNOT = 1, BROKEN = 2 };

static void enter(enum profile p)
{
	const struct path_rule rule = {
		inside, p == PROFILE_RENDER ? PATH_READ : PATH_WRITE,
	};
	struct err err = ERR_INIT;

	if (sandbox_begin(p, parent, &err) ||
	    sandbox_files(&rule, 1, &err) < 0 || sandbox_calls(p, &err)) {
		dprintf(2, "%s\n", err.msg);
		_exit(BROKEN);
	}
}

static enum verdict try_in_child(enum profile p, int (*act)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		enter(p);
		errno = 0;
		if (act() >= 0)
			_exit(CAN);
		_exit(errno == EPERM || errno == EACCES || errno == EBADF ||
		      errno == ENOSYS ? CANNOT : BROKEN);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return (enum verdict)WEXITSTATUS(status);
}

#define Y CAN
#define N CANNOT

static void profiles_allow_what_they_need(void **state)
{
	static const struct {
		const char *name;
		int (*act)(void);
		enum verdict want[3];	/* fetch, render, exec */
	} cases[] = {
		{ "read inside", read_inside, { Y, Y, Y } },
		{ "write inside", write_inside, { Y, N, Y } },
		{ "create inside", create_inside, { Y, N, Y } },
		{ "chmod inside", chmod_inside, { Y, N, Y } },
		{ "read outside", read_outside, { N, N, N } },
		{ "read /etc/passwd", read_passwd, { N, N, N } },
		{ "write outside", write_outside, { N, N, N } },
		{ "make a socket", make_socket, { Y, N, N } },
		{ "start a program", start_program, { N, N, Y } },
		{ "become a program", exec_self_away, { N, N, Y } },
		{ "signal the daemon", signal_parent, { N, N, Y } },
		{ "signal its thread", signal_parent_thread, { N, N, Y } },
		{ "signal myself", signal_myself, { Y, Y, Y } },
		{ "trace the daemon", trace_parent, { N, N, N } },
		{ "use io_uring", use_io_uring, { N, N, N } },
		{ "unshare users", unshare_users, { N, N, N } },
		{ "start a thread", start_thread, { Y, Y, Y } },
		{ "use what was inherited", use_inherited, { N, N, N } },
		{ "dump core", dump_core, { N, N, N } },
	};

	(void)state;
	assert_int_equal(dup2(1, 250), 250);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (int p = 0; p < 3; p++) {
			enum verdict v = try_in_child((enum profile)p,
						      cases[i].act);

			if (v != cases[i].want[p])
				fail_msg("profile %d, %s: %d, want %d", p,
					 cases[i].name, v, cases[i].want[p]);
		}
	close(250);
}

/* Without Landlock the filter alone keeps a render worker from writing. */
static int filter_only(int (*act)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct err err = ERR_INIT;

		if (sandbox_begin(PROFILE_RENDER, parent, &err) ||
		    sandbox_calls(PROFILE_RENDER, &err))
			_exit(BROKEN);
		errno = 0;
		_exit(act() >= 0 ? CAN : errno == EPERM ? CANNOT : BROKEN);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void filter_alone_keeps_render_from_writing(void **state)
{
	(void)state;
	assert_int_equal(filter_only(write_outside), CANNOT);
	assert_int_equal(filter_only(truncate_outside), CANNOT);
	assert_int_equal(filter_only(create_inside), CANNOT);
	assert_int_equal(filter_only(chmod_inside), CANNOT);
	assert_int_equal(filter_only(read_outside), CAN);
}

static void orphan_ends_at_once(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		struct err err = ERR_INIT;

		_exit(sandbox_begin(PROFILE_FETCH, parent + 1, &err) &&
		      err.code == ERR_CANCELLED ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

/* Sanitizers need the address space: only without them the limit is set. */
static int much_memory(void)
{
	struct rlimit r;

	getrlimit(RLIMIT_AS, &r);
	errno = EPERM;
	return r.rlim_max == RLIM_INFINITY ? 0 : -1;
}

static void memory_is_limited_but_for_programs(void **state)
{
	enum verdict limited = ASAN ? CAN : CANNOT;

	(void)state;
	assert_int_equal(try_in_child(PROFILE_FETCH, much_memory), limited);
	assert_int_equal(try_in_child(PROFILE_RENDER, much_memory), limited);
	assert_int_equal(try_in_child(PROFILE_EXEC, much_memory), CAN);
}

static char *folder_with_file(void)
{
	char *dir = xstrdup("/tmp/syncd-sandbox-XXXXXX");
	int fd;

	assert_non_null(mkdtemp(dir));
	fd = opens(dir, "file", O_CREAT | O_WRONLY);
	assert_int_equal(write(fd, "text", 4), 4);
	close(fd);
	return dir;
}

static void folder_drop(char *dir)
{
	_cleanup_free_ char *file = xasprintf("%s/file", dir);
	_cleanup_free_ char *new = xasprintf("%s/new", dir);

	unlink(file);
	unlink(new);
	rmdir(dir);
	free(dir);
}

static int setup(void **state)
{
	(void)state;
	parent = getpid();
	inside = folder_with_file();
	outside = folder_with_file();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	folder_drop(inside);
	folder_drop(outside);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(profiles_allow_what_they_need),
		cmocka_unit_test(filter_alone_keeps_render_from_writing),
		cmocka_unit_test(orphan_ends_at_once),
		cmocka_unit_test(memory_is_limited_but_for_programs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
