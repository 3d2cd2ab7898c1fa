/* Being process 1, in a PID namespace of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/init.h"

static volatile sig_atomic_t got;

static void on_signal(int sig)
{
	got = sig;
}

/* Leaves 20 orphans and waits until nobody is left to reap. */
static int leave_orphans(void)
{
	pid_t last = 0;
	int status;

	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (!pid) {
			if (!fork())
				usleep(1000);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		last = pid + 1;
	}
	for (int i = 0; i < 500; i++) {
		if (kill(last, 0) < 0 && errno == ESRCH)
			return 7;
		usleep(10000);
	}
	return 1;
}

static int wait_for_signal(void)
{
	signal(SIGTERM, on_signal);
	kill(1, SIGTERM);	/* as the kubelet does */
	for (int i = 0; i < 500 && !got; i++)
		usleep(10000);
	return got == SIGTERM ? 7 : 1;
}

static int die_by_signal(void)
{
	raise(SIGKILL);
	return 1;
}

static int run_as_pid1(int (*daemon_main)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		pid_t first;

		if (unshare(CLONE_NEWPID) < 0)
			_exit(99);
		first = fork();
		if (!first) {
			syncd_init_if_pid1();
			_exit(getpid() == 1 ? 98 : daemon_main());
		}
		waitpid(first, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 97);
	}
	waitpid(pid, &status, 0);
	if (WEXITSTATUS(status) == 99)
		skip();	/* no right to make a namespace */
	return WEXITSTATUS(status);
}

static void orphans_are_reaped(void **state)
{
	(void)state;
	assert_int_equal(run_as_pid1(leave_orphans), 7);
}

static void signals_are_passed_on(void **state)
{
	(void)state;
	assert_int_equal(run_as_pid1(wait_for_signal), 7);
}

static void death_by_signal_is_told(void **state)
{
	(void)state;
	assert_int_equal(run_as_pid1(die_by_signal), 128 + SIGKILL);
}

static void others_are_left_alone(void **state)
{
	pid_t pid = getpid();

	(void)state;
	syncd_init_if_pid1();
	assert_int_equal(getpid(), pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orphans_are_reaped),
		cmocka_unit_test(signals_are_passed_on),
		cmocka_unit_test(death_by_signal_is_told),
		cmocka_unit_test(others_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
