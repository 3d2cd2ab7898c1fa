/*
 * sshlink.h - git-upload-pack on a server, over SSH (libssh).
 *
 * One connection, one command, the caller's thread. Nothing of the machine is read:
 * no configuration, no known hosts, no key and no agent but what the request holds;
 * nothing is asked of a terminal. Every wait ends at the transfer's deadlines.
 */
#ifndef CORE_GIT_SSHLINK_H
#define CORE_GIT_SSHLINK_H

#include "transport.h"

struct sshlink;

/*
 * Connects, checks the host's key, logs in with the request's key and starts the
 * command. v2: offers the server protocol version 2; it may answer in either. t is
 * borrowed until sshlink_free. NULL and t->err: NET, TIMEOUT, AUTH (our key or the
 * host's), INVALID (URL, key).
 */
struct sshlink *sshlink_open(struct transfer *t, bool v2);
/* At least one byte, or *ret 0 at the end of the command's output. -1 and t->err. */
int sshlink_read(struct sshlink *l, char *data, size_t size, size_t *ret);
int sshlink_write(struct sshlink *l, const char *data, size_t len);
/*
 * After the end of its output: -1 and t->err (NOTFOUND, with the server's words) when
 * the command failed.
 */
int sshlink_end(struct sshlink *l);
void sshlink_free(struct sshlink *l);	/* NULL-safe */

#endif
