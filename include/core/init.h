/*
 * init.h - being process 1 of a container.
 *
 * Workers and what they start may leave orphans, which become children of
 * process 1; libuv reaps only its own. So where we are process 1, a small parent
 * stays behind that does nothing but reap and pass on signals.
 */
#ifndef CORE_INIT_H
#define CORE_INIT_H

/*
 * Call first in main, before threads and descriptors. Where we are not process 1
 * it does nothing. Else it returns in a child; the parent exits with the child's
 * status (128 + n when signal n ended it) once that ended.
 */
void syncd_init_if_pid1(void);

#endif
