/*
 * transport.h - libgit2's smart protocol over our own HTTP and SSH.
 */
#ifndef CORE_GIT_TRANSPORT_H
#define CORE_GIT_TRANSPORT_H

#include <git2.h>
#include <stdint.h>

#include "core/fetch.h"

/* Deadlines in ms. */
struct fetch_limits {
	unsigned lock_ms;	/* waiting for another fetch of the repository */
	unsigned connect_ms;	/* DNS, TCP and TLS */
	unsigned idle_ms;	/* without a byte from the server */
	unsigned total_ms;	/* everything */
	unsigned list_ms;	/* everything, where refs are all that is asked for */
	unsigned grace_s;	/* an old generation stays at least so long */
	uint64_t disk_reserve;	/* bytes of the disk that stay free */
};

/*
 * What a fetch may use, and how it went. err is the first failure that libgit2's
 * callbacks met: it says more than what libgit2 makes of it.
 */
struct transfer {
	const struct fetch_request *request;	/* borrowed */
	const struct fetch_limits *limits;
	const char *folder;		/* on the disk that fills up */
	uint64_t deadline;		/* transfer_now() */
	uint64_t received;		/* bytes from the server */
	uint64_t checked;		/* received when the disk was looked at */
	struct err err;
};

uint64_t transfer_now(void);	/* ms, monotonic */

/*
 * Counts bytes and looks after the caps: of the request, of the disk, of time.
 * -1 and t->err when one is passed.
 */
int transfer_take(struct transfer *t, uint64_t received_in_all);

/* A git_transport_cb for http and https; param is a struct transfer. */
int transport_new(git_transport **out, git_remote *owner, void *param);
/* The same for ssh://... and user@host:path. */
int transport_ssh_new(git_transport **out, git_remote *owner, void *param);

#endif
