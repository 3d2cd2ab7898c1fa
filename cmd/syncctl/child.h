/*
 * child.h - programs that end when we do, with all that they started: a git that waits for
 * a server waits in a process of its own, which nobody else would end.
 */
#ifndef SYNCCTL_CHILD_H
#define SYNCCTL_CHILD_H

#include <sys/types.h>

#include "core/err.h"

/*
 * Starts a program, found on the PATH, with these as its standard input, output and errors
 * (-1: ours); all stay the caller's to close. ret is to be waited for, and ends as the
 * program does: with its exit status, 255 where a signal ended it. It is in our process
 * group, so that a terminal's Ctrl-C reaches it and it may ask there for a password.
 * ERR_NOTFOUND: there is no such program; ERR_IO.
 */
int child_start(const char *const *argv, const int fds[3], pid_t *ret, struct err *err)
	__attribute__((warn_unused_result));
/* Ends it and what it started; it is still to be waited for. */
void child_end(pid_t pid);

#endif
