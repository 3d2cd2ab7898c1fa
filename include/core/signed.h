/*
 * signed.h - may a commit go out, by who signed it? Pure.
 *
 * An AppProject's spec.signatureKeys lists the keys. The daemon sends the list and the
 * public keys with a render request (struct signed_policy); the worker takes the signature
 * off the Git object (signed_split()), has it verified (core/pgp.h), and asks
 * signed_judge(), which says yes or what is wrong and what to do about it. A key is listed
 * by the last 16 digits of its fingerprint, as in Argo CD
 * (docs/user-guide/gpg-verification.md), or by all 40, which then all count.
 */
#ifndef CORE_SIGNED_H
#define CORE_SIGNED_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"

#define SIGNED_ID 17			/* 16 hex digits, upper case, and NUL */
#define SIGNED_FPRINT 41		/* 40 of them: a fingerprint of version 4 */
#define SIGNED_OBJECT_MAX ((size_t)1 << 20)	/* bytes of a commit or tag */
#define SIGNED_SIGNATURE_MAX ((size_t)32 << 10)

/*
 * 16 digits of a key ID, or 40 of a fingerprint, in either case: the ID of it. false:
 * neither.
 */
bool signed_key_id(const char *text, char ret[SIGNED_ID]);
/* The same, as long as it is: the ID or the whole fingerprint. */
bool signed_key_name(const char *text, char ret[SIGNED_FPRINT]);

/* ---- what is asked ---- */

struct signed_key {
	char *name;		/* as it is called there: an ID, a fingerprint */
	char *text;		/* ASCII-armored public key */
};

struct signed_policy {
	char *project;		/* its name, for messages */
	char *from;		/* where the keys come from, for messages */
	VEC(char *) listed;	/* signed_key_name() each */
	VEC(struct signed_key) ring;
};
/* A new reference. */
json_t *signed_policy_encode(const struct signed_policy *p);
/* ERR_INTERNAL: it is not what signed_policy_encode() gives, or lists no key. */
int signed_policy_decode(struct signed_policy *p, const json_t *o, struct err *err)
	__attribute__((warn_unused_result));
void signed_policy_deinit(struct signed_policy *p);

/* ---- what is in the object ---- */

enum signed_form {
	SIGNED_NOT,
	SIGNED_PGP,
	SIGNED_SSH,
	SIGNED_X509,
	SIGNED_OTHER,		/* none of Git's */
};

/* payload is what was signed: the object without its signature. */
struct signed_parts {
	enum signed_form form;
	struct buf payload, signature;
};
/*
 * A raw commit, or annotated tag. ERR_INVALID: it is none, or has two signatures;
 * ERR_LIMIT. Deinit in either case.
 */
int signed_split(const char *object, size_t len, bool is_tag, struct signed_parts *ret,
		 struct err *err) __attribute__((warn_unused_result));
void signed_parts_deinit(struct signed_parts *p);
/*
 * Is that annotated tag (NUL-terminated) of that very commit, and called as the ref at
 * which it stands, "refs/tags/a/b"? Who may push may put an old one at another ref.
 * ERR_INVALID, the message begins with what.
 */
int signed_tag_fits(const char *object, const char *commit, const char *ref,
		    const char *what, struct err *err) __attribute__((warn_unused_result));

/* ---- what came of it ---- */

enum signed_verdict {
	SEEN_GOOD,
	SEEN_BAD,		/* it does not fit what it stands on */
	SEEN_NO_KEY,		/* the ring does not have its key */
	SEEN_EXPIRED,		/* the signature itself */
	SEEN_KEY_EXPIRED,
	SEEN_KEY_REVOKED,
	SEEN_UNREADABLE,	/* several, of a weak hash, none that we can read */
};

struct signed_seen {
	enum signed_form form;
	enum signed_verdict verdict;	/* of SIGNED_PGP only */
	char key[SIGNED_ID];	/* that made it; "" not known */
	char primary[SIGNED_ID];	/* that it is a subkey of; "" none, or not known */
	char note[120];		/* more about the verdict, or a key that cannot be read */
	/* Of the two keys; "" without the key itself. What is listed whole is met by these. */
	char key_fprint[SIGNED_FPRINT], primary_fprint[SIGNED_FPRINT];
	uint64_t until;		/* of SEEN_GOOD: the last second at which it is so, since
				   1970, by the ends of its keys and its own; 0: for ever */
};
/* Of two such seconds the first. */
static inline uint64_t signed_sooner(uint64_t a, uint64_t b)
{
	return a && (!b || a < b) ? a : b;
}

/* What ends first of all that was found good. */
struct signed_end {
	uint64_t until;		/* as in struct signed_seen */
	char by[40];		/* the key: "ID", of a subkey "ID of ID"; "" where none ends */
};
void signed_end_bring(struct signed_end *e, const struct signed_seen *s);

/*
 * what: "commit 0123456" or "tag v1", at the beginning of the message. 0, or ERR_INVALID
 * with what is wrong and the next step.
 */
int signed_judge(const struct signed_policy *p, const struct signed_seen *s,
		 const char *what, struct err *err) __attribute__((warn_unused_result));

#endif
