/*
 * lease.h - leader election on a coordination.k8s.io/v1 Lease.
 *
 * 15 s lease, 10 s renew deadline, 2 s retry, as client-go. Another holder's
 * expiry is judged from *our* clock (boot time) since its record last changed,
 * never from renewTime. A leader that could not renew for the deadline is told
 * on_lost and must stop writing.
 */
#ifndef CORE_LEASE_H
#define CORE_LEASE_H

#include "core/kube.h"

struct lease;

struct lease_config {
	const char *ns, *name;		/* copied */
	const char *identity;		/* pod name + random; copied */
	unsigned duration_ms, renew_deadline_ms, retry_ms;	/* 0: 15000, 10000, 2000 */
	/*
	 * While another holds it, it is watched: a release is taken up at once, an
	 * expiry to the second; the reads in between are spared.
	 */
	bool watch;
};

struct lease_handler {
	/* transitions: Lease.spec.leaseTransitions after our acquire: the epoch. */
	void (*on_acquired)(void *arg, uint64_t transitions);
	void (*on_lost)(void *arg, const struct err *why);
};

struct lease *lease_new(struct kube *k, const struct lease_config *c,
			const struct lease_handler *h, void *arg);
/* Are we the leader and is the lease still good for `margin_ms` more? */
bool lease_held(const struct lease *l, unsigned margin_ms);
/* The holder seen last, "" if none. Borrowed. */
const char *lease_holder(const struct lease *l);
/* Empties the holder so that the next one need not wait; on_done once. */
void lease_release(struct lease *l, void (*on_done)(void *arg), void *arg);
struct lease *lease_free(struct lease *l);	/* no callbacks; NULL-safe */

#endif
