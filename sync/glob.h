/*
 * glob.h - the globs of AppProjects (private to sync/).
 *
 * `*` any run without sep, `**` any run, `?` one character but sep, `[a-c]` and
 * `[!a-c]` one of a class, `{a,b}` either, `\x` x itself. sep 0 = none.
 */
#ifndef SYNC_GLOB_H
#define SYNC_GLOB_H

#include <stdbool.h>

#define GLOB_MAX 512	/* bytes of a pattern */

/* 1 yes, 0 no, -1 cannot tell: malformed, too long, or too much work. */
int glob_match(const char *pattern, const char *text, char sep);
/*
 * The same for the lists of kinds of an AppProject, which are Go's filepath.Match: there
 * "{", "}" and "!" stand for themselves, "[^a-c]" denies, and no run takes a "/".
 */
int glob_kind(const char *pattern, const char *text);
/* Not too long, and every bracket and brace of it is closed. */
bool glob_is_wellformed(const char *pattern);

#endif
