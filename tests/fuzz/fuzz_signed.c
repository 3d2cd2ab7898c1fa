/*
 * Any bytes as a commit (first byte even) or tag, verified with the public keys of
 * tests/unit/signed: whatever is found good holds what was signed there.
 */
#include "core/pgp.h"

#include "core/mem.h"
#include "tests/unit/signedfiles.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const keys[] = { "ada", "rsa", "main" };
static const char *const objects[] = {
	"ada.commit", "rsa.commit", "primary.commit", "subkey.commit", "ada.tag",
};

static bool was_signed(const struct buf *payload)
{
	bool found = false;

	for (size_t i = 0; i < ARRAY_LEN(objects) && !found; i++) {
		size_t len;
		_cleanup_free_ char *object = signed_file(objects[i], &len);
		struct signed_parts parts;

		if (signed_split(object, len, strstr(objects[i], ".tag"), &parts, NULL))
			abort();
		found = !strcmp(buf_str(&parts.payload), buf_str(payload)) &&
			parts.payload.len == payload->len;
		signed_parts_deinit(&parts);
	}
	return found;
}

static void verify(const struct signed_parts *parts)
{
	struct signed_policy p = { 0 };
	struct signed_seen seen;
	struct err err = ERR_INIT;
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		_cleanup_free_ char *file = xasprintf("%s.asc", keys[i]);

		vec_push(&p.ring, ((struct signed_key){ xstrdup(keys[i]),
							signed_file(file, &len) }));
	}
	if (pgp_verify(&p, parts, &seen, &err))
		abort();
	if (seen.verdict == SEEN_GOOD && !was_signed(&parts->payload))
		abort();
	signed_policy_deinit(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct signed_parts parts;

	if (!size)
		return 0;
	if (!signed_split((const char *)data + 1, size - 1, data[0] & 1, &parts, NULL)) {
		if (parts.payload.len + parts.signature.len > size)
			abort();
		if (parts.form == SIGNED_PGP)
			verify(&parts);
	}
	signed_parts_deinit(&parts);
	return 0;
}
