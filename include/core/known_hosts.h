/*
 * known_hosts.h - which keys a host may show, from text in the format of sshd(8)'s
 * ssh_known_hosts: names with * and ?, "[host]:port", hashed names, !negation,
 * @revoked. Lines with @cert-authority are passed over. Pure.
 */
#ifndef CORE_KNOWN_HOSTS_H
#define CORE_KNOWN_HOSTS_H

#include <stddef.h>

#include "core/buf.h"

enum known_host {
	KNOWN_HOST_ABSENT,	/* no line names the host */
	KNOWN_HOST_SAME,	/* a line names it with this key */
	KNOWN_HOST_OTHER,	/* lines name it, each with another key */
	KNOWN_HOST_REVOKED,	/* the key is revoked */
};

/*
 * What text (NULL: nothing) says of a key, given as its wire format (RFC 4253,
 * 6.6), that host shows at port. A line without a port speaks of port 22.
 */
enum known_host known_hosts_check(const char *text, const char *host, unsigned port,
				  const void *key, size_t key_len);
/* The key types ("ssh-ed25519") that text has for host, each once, spaced. */
void known_hosts_types(const char *text, const char *host, unsigned port,
		       struct buf *out);
/* "SHA256:...", as ssh-keygen -lf prints it; owned by the caller. */
char *known_hosts_fingerprint(const void *key, size_t key_len);

#endif
