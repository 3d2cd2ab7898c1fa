/* files.h - what the local commands read: files, standard input, a program. */
#ifndef SYNCCTL_FILES_H
#define SYNCCTL_FILES_H

#include "core/buf.h"
#include "core/err.h"

/* A file, or standard input for "-"; at most 64 MiB. */
int file_read(const char *path, struct buf *out, struct err *err)
	__attribute__((warn_unused_result));

/*
 * The standard output of a program (found on the PATH); its errors go to ours.
 * ERR_NOTFOUND: there is no such program. ERR_TIMEOUT after deadline_ms, killed.
 */
int program_read(const char *const *argv, unsigned deadline_ms, struct buf *out,
		 struct err *err) __attribute__((warn_unused_result));
/* The same, whatever its exit status is: 255 where a signal ended it. */
int program_status(const char *const *argv, unsigned deadline_ms, struct buf *out,
		   int *ret_status, struct err *err) __attribute__((warn_unused_result));
/* The same, and its errors go to out, too. */
int program_words(const char *const *argv, unsigned deadline_ms, struct buf *out,
		  int *ret_status, struct err *err) __attribute__((warn_unused_result));

#endif
