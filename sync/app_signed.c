/*
 * The signatures that an application's project asks for (spec.signatureKeys).
 *
 * The render worker looks at them, with the keys that go along with the request: what is
 * not signed by one of them does not render, and what does not render leaves no head. A
 * head that was found good by other keys than those of now is none either, nor is one that
 * was by a key which has ended meanwhile: it is rendered anew first. What went out before
 * stays, is healed and can be gone back to.
 */
#include "app_priv.h"
#include "keyring.h"

#define CLOCK_AGAIN_MS 3600000	/* a wall clock may be put forward */
#define WARN_MS (14 * 86400000ll)
#define WARNING "SignatureExpiryWarning"

/* NULL: it does not ask, or is not known. */
static const struct project *asking(const struct app *a)
{
	const struct project *p = projects_of((struct app *)(uintptr_t)a, NULL);

	return p && project_asks_signatures(p) ? p : NULL;
}

bool app_signed_asked(const struct app *a)
{
	return asking(a);
}

bool app_signed_known(const struct app *a)
{
	return !asking(a) || keyring_known(a->engine->keyring);
}

void app_signed_key(const struct app *a, char out[65])
{
	const struct project *p = asking(a);
	_cleanup_buf_ struct buf text = BUF_INIT;

	*out = '\0';
	if (!p)
		return;
	doc_canonical(json_object_get(p->spec, "signatureKeys"), &text);
	buf_addf(&text, "\n%s\n%s", p->name, keyring_digest(a->engine->keyring));
	for (size_t i = 0; i < a->revs.len; i++) {
		const struct repo_rev *rev = a->revs.data[i].rev;

		/* A commit may count by its tag. */
		buf_addf(&text, "\n%s %s", rev->tag, rev->tag_ref);
	}
	sha256_hex(buf_str(&text), text.len, out);
}

bool app_signed_ended(const struct app *a)
{
	return a->signed_until &&
	       world_wall(a->engine->w) / 1000 > (int64_t)a->signed_until;
}

void app_signed_await(struct app *a)
{
	int64_t now = world_wall(a->engine->w);
	uint64_t ms = CLOCK_AGAIN_MS;

	if (!a->signed_until)
		return;
	if (a->signed_until < (uint64_t)(now + CLOCK_AGAIN_MS) / 1000)
		ms = (a->signed_until + 1) * 1000 - (uint64_t)now;
	app_poke_at(a, world_now(a->engine->w) + ms);
}

void app_signed_warn(struct app *a)
{
	int64_t ends = (int64_t)a->signed_until * 1000;
	char at[32];

	if (!ends || !app_signed_asked(a) || app_signed_ended(a) ||
	    ends - world_wall(a->engine->w) > WARN_MS) {
		app_clear_condition(a, WARNING);
		return;
	}
	time_rfc3339(ends, at);
	app_set_condition(a, WARNING, "what Git says is signed by key %s, and counts until %s, when "
			  "the key or the signature ends; nothing of it goes out after that: put the "
			  "key with a later end into ConfigMap " KEYRING_NAME ", or sign a commit "
			  "with another key that AppProject %s lists", a->signed_by, at,
			  asking(a)->name);
}

json_t *app_signed_ask(const struct app *a)
{
	const struct project *p = asking(a);
	struct signed_policy policy = { 0 };
	json_t *ret;

	if (!p)
		return NULL;
	policy.project = xstrdup(p->name);
	project_signers(p, &policy);
	keyring_fill(a->engine->keyring, &policy);
	ret = signed_policy_encode(&policy);
	signed_policy_deinit(&policy);
	return ret;
}
