/*
 * sandbox.h - what a worker gives up before it reads what others wrote.
 *
 * Three profiles: fetch talks to the network and writes mirrors, render only
 * reads mirrors, exec starts one program on a copy in a temporary folder. All
 * of it stays for the life of the process and of what it starts.
 */
#ifndef WORKER_SANDBOX_H
#define WORKER_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/err.h"

enum profile { PROFILE_FETCH, PROFILE_RENDER, PROFILE_EXEC };

enum path_access { PATH_READ, PATH_READ_EXECUTE, PATH_WRITE };
struct path_rule {
	const char *path;	/* NULL, or not there: no rule */
	enum path_access access;
};

/*
 * Descriptors from 3 on, core dumps, other processes' eyes, life after the
 * parent, new privileges. parent: the daemon's process id, 0 = unknown. Every
 * layer is mandatory: -1 and *err where one fails.
 */
int sandbox_begin(enum profile profile, pid_t parent, struct err *err)
	__attribute__((warn_unused_result));

/*
 * From here on only these files, besides the system's libraries (Landlock, ABI
 * 2 at most). 1: this kernel cannot (a warning for the caller to give).
 */
int sandbox_files(const struct path_rule *rules, size_t n, struct err *err)
	__attribute__((warn_unused_result));

/* System calls that the profile never needs fail with EPERM from here on. */
int sandbox_calls(enum profile profile, struct err *err)
	__attribute__((warn_unused_result));
/* In the child that becomes the external program: no signals to anybody. */
int sandbox_calls_of_program(struct err *err)
	__attribute__((warn_unused_result));

#endif
