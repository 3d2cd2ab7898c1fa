/*
 * OpenPGP by librnp, in process: no program, no home folder, no agent, nothing on disk.
 *
 * Happy path: the signature packet is read for the key that it names, that key is looked
 * for among the ring's texts, and the payload is verified with it. librnp refuses
 * signatures that a key could not make, and weak hashes of those that say that they are
 * of late; on top of that no weak hash counts, whatever its day, and a key that has expired
 * by now, or was revoked, or belongs to a primary key of that kind, makes none that
 * counts, whatever day the signature names. What the library says on stderr is looked at
 * by nobody while the worker lives.
 */
#include "core/pgp.h"

#include <dlfcn.h>
#include <rnp/rnp.h>
#include <rnp/rnp_err.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "packet.h"

#define LIBRARY "librnp.so.0"
#define KEY_FLAGS (RNP_LOAD_SAVE_PUBLIC_KEYS | RNP_LOAD_SAVE_PERMISSIVE)
#define FOREVER UINT64_MAX
#define ARMOR "-----BEGIN PGP"

#define FUNCTIONS(F)                                                          \
	F(rnp_ffi_create) F(rnp_ffi_destroy) F(rnp_input_from_memory)         \
	F(rnp_input_destroy) F(rnp_import_keys) F(rnp_locate_key)             \
	F(rnp_op_verify_detached_create) F(rnp_op_verify_execute)             \
	F(rnp_op_verify_get_signature_count) F(rnp_op_verify_get_signature_at) \
	F(rnp_op_verify_signature_get_status)                                 \
	F(rnp_op_verify_signature_get_handle) F(rnp_op_verify_destroy)        \
	F(rnp_op_verify_signature_get_times)                                  \
	F(rnp_signature_get_keyid) F(rnp_signature_get_hash_alg)              \
	F(rnp_signature_handle_destroy) F(rnp_key_get_keyid)                  \
	F(rnp_key_get_primary_fprint) F(rnp_key_valid_till64)                 \
	F(rnp_import_signatures) F(rnp_key_get_fprint) F(rnp_key_remove)      \
	F(rnp_key_is_revoked) F(rnp_key_is_sub) F(rnp_key_is_valid)           \
	F(rnp_key_allows_usage) F(rnp_key_handle_destroy)                     \
	F(rnp_buffer_destroy) F(rnp_result_to_string)

/* Called as r->rnp_x(): its functions, looked up by name. */
struct rnp {
#define MEMBER(name) __typeof__(&name) name;
	FUNCTIONS(MEMBER)
#undef MEMBER
};

static int load(struct rnp *r, struct err *err)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return err_set(err, ERR_IO, "signatures cannot be verified: %s: take the "
			       "image that is made with --signatures, or install librnp",
			       dlerror());
#define FIND(name)                                                            \
	*(void **)&r->name = dlsym(library, #name);                           \
	if (!r->name)                                                         \
		return err_set(err, ERR_IO, "signatures cannot be verified: " \
			       "%s has no " #name, LIBRARY);
	FUNCTIONS(FIND)
#undef FIND
	return 0;
}

struct verifier {
	struct rnp r;
	rnp_ffi_t ffi;
	const struct signed_policy *policy;
	const struct signed_parts *parts;
	struct buf packet;
	bool weak;		/* hash says so */
	char hash[64];
	struct signed_seen *ret;
};

static int failed(const struct verifier *v, rnp_result_t rc, struct err *err)
{
	return err_set(err, ERR_IO, "signatures cannot be verified: %s",
		       v->r.rnp_result_to_string(rc));
}

static rnp_result_t input_of(const struct verifier *v, const char *data, size_t len,
			     rnp_input_t *ret)
{
	return v->r.rnp_input_from_memory(ret, (const uint8_t *)data, len, false);
}

/* What the library gave as text, into an ID; it is freed. */
static void take_id(const struct verifier *v, char *text, char ret[SIGNED_ID])
{
	if (!signed_key_id(text, ret))
		*ret = '\0';
	v->r.rnp_buffer_destroy(text);
}

/* A fingerprint of version 4; of another it is none. It is freed. */
static void take_fprint(const struct verifier *v, char *text, char ret[SIGNED_FPRINT])
{
	if (strlen(text) != SIGNED_FPRINT - 1 || !signed_key_name(text, ret))
		*ret = '\0';
	v->r.rnp_buffer_destroy(text);
}

static void say(struct verifier *v, const char *note)
{
	snprintf(v->ret->note, sizeof(v->ret->note), "%s", note);
}

/* ---- the ring ---- */

static rnp_key_handle_t find_key(const struct verifier *v, const char *by, const char *id)
{
	rnp_key_handle_t key = NULL;

	if (v->r.rnp_locate_key(v->ffi, by, id, &key))
		return NULL;
	return key;
}

/* Of a key of version 4 the ID is of a hash; of older ones it is what its maker likes. */
static bool owns_its_id(const struct verifier *v, rnp_key_handle_t key)
{
	char *fprint = NULL;
	bool owns = !v->r.rnp_key_get_fprint(key, &fprint) && strlen(fprint) == SIGNED_FPRINT - 1;

	v->r.rnp_buffer_destroy(fprint);
	return owns;
}

/* Keys that only say that they have the ID which is looked for. */
static void drop_impostors(const struct verifier *v)
{
	rnp_result_t rc = RNP_SUCCESS;
	rnp_key_handle_t key;

	while (!rc && (key = find_key(v, "keyid", v->ret->key))) {
		if (owns_its_id(v, key))
			rc = RNP_ERROR_GENERIC;		/* it is not one */
		else
			rc = v->r.rnp_key_remove(key, RNP_KEY_REMOVE_PUBLIC);
		v->r.rnp_key_handle_destroy(key);
	}
}

/* One block of armor: keys, or what is said of keys that were read before. */
static void import_block(const struct verifier *v, const char *text, size_t len,
			 bool keys)
{
	rnp_input_t in = NULL;

	if (input_of(v, text, len, &in))
		return;
	if (keys) {
		(void)!v->r.rnp_import_keys(v->ffi, in, KEY_FLAGS, NULL);
		drop_impostors(v);
	} else {
		(void)!v->r.rnp_import_signatures(v->ffi, in, 0, NULL);
	}
	v->r.rnp_input_destroy(in);
}

/* What cannot be read is left out: a missing key refuses. */
static void import(const struct verifier *v, const char *text, bool keys)
{
	const char *next;

	for (; text; text = next) {
		const char *begin = strstr(text, ARMOR);

		next = begin ? strstr(begin + 1, ARMOR) : NULL;
		import_block(v, text, next ? (size_t)(next - text) : strlen(text), keys);
	}
}

enum rank { RANK_OF_ID, RANK_LISTED, RANK_OTHER, RANKS };

/* The first that tells of a subkey says whose it is: listed keys go before others'. */
static enum rank rank_of(const struct verifier *v, const struct signed_key *k,
			 const char *id)
{
	char own[SIGNED_ID], listed[SIGNED_ID];

	if (!signed_key_id(k->name, own))
		return RANK_OTHER;
	if (!strcmp(own, id))
		return RANK_OF_ID;
	for (size_t i = 0; i < v->policy->listed.len; i++)
		if (signed_key_id(v->policy->listed.data[i], listed) && !strcmp(own, listed))
			return RANK_LISTED;
	return RANK_OTHER;
}

static void import_entry(struct verifier *v, const struct signed_key *k, enum rank rank,
			 const char *id)
{
	rnp_key_handle_t key;

	import(v, k->text, true);
	if (rank != RANK_OF_ID)
		return;
	key = find_key(v, "keyid", id);
	if (!key)
		snprintf(v->ret->note, sizeof(v->ret->note), "the entry %.40s there does not "
			 "hold it", k->name);
	v->r.rnp_key_handle_destroy(key);
}

/*
 * The key of that ID: first of the entry of that name, else of any (a subkey). All are
 * read, as one may know that it was revoked where another does not. NULL.
 */
static rnp_key_handle_t look_for(struct verifier *v, const char *id)
{
	for (enum rank rank = RANK_OF_ID; rank < RANKS; rank++)
		for (size_t i = 0; i < v->policy->ring.len; i++) {
			const struct signed_key *k = &v->policy->ring.data[i];

			if (rank_of(v, k, id) == rank)
				import_entry(v, k, rank, id);
		}
	for (size_t i = 0; i < v->policy->ring.len; i++)
		import(v, v->policy->ring.data[i].text, false);
	return find_key(v, "keyid", id);
}

/* ---- the key that made it ---- */

/* Until when it counts, where it does so now; never a second that is over. */
static void bound(struct verifier *v, uint64_t till)
{
	uint64_t now = (uint64_t)time(NULL);

	v->ret->until = signed_sooner(v->ret->until, till > now ? till : now);
}

/* Has it ended, and is note told when? */
static bool has_ended(struct verifier *v, rnp_key_handle_t key)
{
	uint64_t till = 0;
	struct tm tm;
	time_t t;

	if (v->r.rnp_key_valid_till64(key, &till) || !till || till == FOREVER)
		return false;
	if (till >= (uint64_t)time(NULL)) {
		bound(v, till);
		return false;
	}
	t = (time_t)till;
	if (gmtime_r(&t, &tm))
		strftime(v->ret->note, sizeof(v->ret->note), "on %Y-%m-%d", &tm);
	return true;
}

/* GOOD, or why nothing of that key counts now. */
static enum signed_verdict judge_key(struct verifier *v, rnp_key_handle_t key)
{
	bool revoked = true, valid = false;

	if (v->r.rnp_key_is_revoked(key, &revoked) || revoked)
		return SEEN_KEY_REVOKED;
	if (has_ended(v, key))
		return SEEN_KEY_EXPIRED;
	if (v->r.rnp_key_is_valid(key, &valid) || !valid) {
		say(v, "which is not valid");
		return SEEN_BAD;
	}
	return SEEN_GOOD;
}

static enum signed_verdict judge_keys(struct verifier *v, rnp_key_handle_t key)
{
	enum signed_verdict verdict = judge_key(v, key);
	bool is_sub = false, may_sign = false;
	rnp_key_handle_t primary;
	char *fprint = NULL;

	if (v->r.rnp_key_is_sub(key, &is_sub) || v->r.rnp_key_get_fprint(key, &fprint))
		return SEEN_BAD;
	take_fprint(v, steal(&fprint), v->ret->key_fprint);
	if (verdict == SEEN_GOOD &&
	    (v->r.rnp_key_allows_usage(key, "sign", &may_sign) || !may_sign)) {
		say(v, "which is not for signing");
		verdict = SEEN_BAD;
	}
	if (!is_sub)
		return verdict;
	/* A subkey without its primary key is nobody's. */
	if (v->r.rnp_key_get_primary_fprint(key, &fprint))
		return SEEN_BAD;
	primary = find_key(v, "fingerprint", fprint);
	if (!signed_key_id(fprint, v->ret->primary))
		*v->ret->primary = '\0';
	take_fprint(v, fprint, v->ret->primary_fprint);
	if (!primary)
		return SEEN_BAD;
	if (verdict == SEEN_GOOD)
		verdict = judge_key(v, primary);
	v->r.rnp_key_handle_destroy(primary);
	return verdict;
}

/* ---- the signature ---- */

static int run_verify(struct verifier *v, rnp_op_verify_t *op, struct err *err)
{
	rnp_input_t data = NULL, signature = NULL;
	rnp_result_t rc = input_of(v, buf_str(&v->parts->payload), v->parts->payload.len,
				   &data);

	if (!rc)
		rc = input_of(v, v->packet.data, v->packet.len, &signature);
	if (!rc)
		rc = v->r.rnp_op_verify_detached_create(op, v->ffi, data, signature);
	if (rc)
		failed(v, rc, err);
	else
		(void)!v->r.rnp_op_verify_execute(*op);	/* each signature says itself */
	v->r.rnp_input_destroy(data);
	v->r.rnp_input_destroy(signature);
	return rc ? -1 : 0;
}

/* The library refuses some hashes without a word. */
static void note_hash(struct verifier *v, rnp_signature_handle_t handle)
{
	char *name = NULL;

	if (v->r.rnp_signature_get_hash_alg(handle, &name) || !name)
		return;
	v->weak = !strcmp(name, "SHA1") || !strcmp(name, "MD5") ||
		  !strcmp(name, "RIPEMD160");
	if (v->weak)
		snprintf(v->hash, sizeof(v->hash), "made with %s, which can be forged", name);
	v->r.rnp_buffer_destroy(name);
}

/* A signature may end before its key. */
static void note_end(struct verifier *v, rnp_op_verify_signature_t signature)
{
	uint32_t made = 0, lasts = 0;

	if (!v->r.rnp_op_verify_signature_get_times(signature, &made, &lasts) && lasts)
		bound(v, (uint64_t)made + lasts);
}

/* The key it names and what is said of it: unverified until status is SUCCESS. */
static rnp_result_t look_at(struct verifier *v, rnp_op_verify_t op)
{
	rnp_op_verify_signature_t signature = NULL;
	rnp_signature_handle_t handle = NULL;
	char *id = NULL;
	size_t n = 0;

	if (v->r.rnp_op_verify_get_signature_count(op, &n) || n != 1 ||
	    v->r.rnp_op_verify_get_signature_at(op, 0, &signature) ||
	    v->r.rnp_op_verify_signature_get_handle(signature, &handle))
		return RNP_ERROR_BAD_FORMAT;
	if (!v->r.rnp_signature_get_keyid(handle, &id) && id)
		take_id(v, id, v->ret->key);
	note_hash(v, handle);
	note_end(v, signature);
	v->r.rnp_signature_handle_destroy(handle);
	return *v->ret->key ? v->r.rnp_op_verify_signature_get_status(signature) :
			      RNP_ERROR_BAD_FORMAT;
}

static int verify_once(struct verifier *v, rnp_result_t *status, struct err *err)
{
	rnp_op_verify_t op = NULL;
	int rc = run_verify(v, &op, err);

	if (!rc)
		*status = look_at(v, op);
	v->r.rnp_op_verify_destroy(op);
	return rc;
}

static void unreadable(struct signed_seen *s, const char *why)
{
	s->verdict = SEEN_UNREADABLE;
	snprintf(s->note, sizeof(s->note), "%.110s", why);
}

static enum signed_verdict verdict_of(rnp_result_t status)
{
	switch (status) {
	case RNP_SUCCESS:
		return SEEN_GOOD;
	case RNP_ERROR_SIGNATURE_EXPIRED:
		return SEEN_EXPIRED;
	default:
		return SEEN_BAD;
	}
}

/* Once without any key, for whose it is; then with that key. */
static int verify(struct verifier *v, struct err *err)
{
	rnp_result_t status = RNP_ERROR_GENERIC;
	enum signed_verdict of_key;
	rnp_key_handle_t key;

	if (verify_once(v, &status, err))
		return -1;
	if (status != RNP_ERROR_KEY_NOT_FOUND) {
		unreadable(v->ret, "it names no key");
		return 0;
	}
	key = look_for(v, v->ret->key);
	if (!key) {
		v->ret->verdict = SEEN_NO_KEY;
		return 0;
	}
	*v->ret->note = '\0';
	of_key = judge_keys(v, key);
	v->r.rnp_key_handle_destroy(key);
	if (verify_once(v, &status, err))
		return -1;
	/* What an expired or revoked key made is not told from a bad one by the library. */
	v->ret->verdict = of_key == SEEN_KEY_EXPIRED || of_key == SEEN_KEY_REVOKED ?
			  of_key : verdict_of(status);
	if (of_key == SEEN_BAD)
		v->ret->verdict = SEEN_BAD;
	else if (v->weak && (v->ret->verdict == SEEN_BAD || v->ret->verdict == SEEN_GOOD))
		unreadable(v->ret, v->hash);
	return 0;
}

int pgp_verify(const struct signed_policy *p, const struct signed_parts *parts,
	       struct signed_seen *ret, struct err *err)
{
	struct verifier v = { .policy = p, .parts = parts, .ret = ret };
	struct err why = ERR_INIT;
	rnp_result_t made;
	int rc;

	*ret = (struct signed_seen){ .form = parts->form, .verdict = SEEN_BAD };
	if (packet_signature(buf_str(&parts->signature), parts->signature.len, &v.packet,
			     &why)) {
		unreadable(ret, why.msg);
		return 0;
	}
	if (load(&v.r, err)) {
		buf_deinit(&v.packet);
		return -1;
	}
	made = v.r.rnp_ffi_create(&v.ffi, "GPG", "GPG");
	rc = made ? failed(&v, made, err) : verify(&v, err);
	v.r.rnp_ffi_destroy(v.ffi);
	buf_deinit(&v.packet);
	return rc;
}
