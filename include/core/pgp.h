/*
 * pgp.h - OpenPGP signatures, verified by librnp in our own process (core/pgp).
 *
 * For the worker's sandbox: what it reads is written by others. The library is loaded by
 * the first call, so that who never verifies pays nothing for it.
 */
#ifndef CORE_PGP_H
#define CORE_PGP_H

#include "core/signed.h"

/*
 * Fills *ret for a signature of form SIGNED_PGP, by the keys of the ring. A key that
 * cannot be read is left out, and ret->note says so if it bears the ID that is looked
 * for. -1 and ERR_IO: the library cannot be loaded or fails: nothing is known.
 */
int pgp_verify(const struct signed_policy *p, const struct signed_parts *parts,
	       struct signed_seen *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
