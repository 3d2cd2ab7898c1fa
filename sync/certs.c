/*
 * The steps of a certificate's life, and how they lie in a Secret. The numbers are those
 * of certs.h.
 */
#include "certs.h"

#include <string.h>

#include "core/buf.h"
#include "core/doc.h"
#include "core/mem.h"

#define SINCE "syncd.dev/since"
#define OVERLAP_MAX_S 300
#define OVERLAP_MIN_S 2
#define BACKDATE_S 300		/* for clocks that are behind ours */
#define LOOK_S 3600		/* again at the latest */

/* ---- the Secret ---- */

static char *take(const json_t *secret, const char *key)
{
	const char *text = doc_get_str(secret, "data", key, NULL);
	struct buf out = BUF_INIT_MAX((size_t)1 << 20);

	if (text && !b64_decode(text, strlen(text), &out) && out.len)
		return buf_steal(&out, NULL);
	buf_deinit(&out);
	return xstrdup("");
}

void certs_read(struct certs_kept *k, const json_t *secret)
{
	const char *since = doc_get_str(secret, "metadata", "annotations", SINCE, NULL);
	int64_t ms = since ? time_parse_rfc3339(since) : 0;

	*k = (struct certs_kept){
		.bundle = take(secret, "ca.crt"), .cert = take(secret, "tls.crt"),
		.key = take(secret, "tls.key"), .next_cert = take(secret, "next.crt"),
		.next_key = take(secret, "next.key"), .since_s = ms > 0 ? ms / 1000 : 0,
	};
}

static void put(json_t *data, const char *key, const char *text)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (!*text)
		return;
	b64_encode(text, strlen(text), &b);
	json_object_set_new(data, key, json_string(buf_str(&b)));
}

json_t *certs_secret(const struct certs_kept *k, const char *ns, const char *name,
		     const char *version)
{
	json_t *data = json_object(), *o;
	char since[32];

	put(data, "ca.crt", k->bundle);
	put(data, "tls.crt", k->cert);
	put(data, "tls.key", k->key);
	put(data, "next.crt", k->next_cert);
	put(data, "next.key", k->next_key);
	time_rfc3339(k->since_s * 1000, since);
	o = json_pack("{s:s,s:s,s:s,s:{s:s,s:s,s:{s:s},s:{s:s}},s:o}",
		      "apiVersion", "v1", "kind", "Secret", "type", "Opaque", "metadata",
		      "name", name, "namespace", ns,
		      "labels", "app.kubernetes.io/part-of", "syncd",
		      "annotations", SINCE, since, "data", data);
	if (*version)
		json_object_set_new(json_object_get(o, "metadata"), "resourceVersion",
				    json_string(version));
	return o;
}

static void drop(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

void certs_kept_deinit(struct certs_kept *k)
{
	drop(&k->bundle);
	drop(&k->cert);
	drop(&k->key);
	drop(&k->next_cert);
	drop(&k->next_key);
}

/* ---- what is next ---- */

int64_t certs_overlap(const struct certs_plan *p)
{
	int64_t s = p->lifetime_s / 12;

	return s > OVERLAP_MAX_S ? OVERLAP_MAX_S : s < OVERLAP_MIN_S ? OVERLAP_MIN_S : s;
}

static bool covers(const char *cert, const struct certs_plan *p)
{
	for (const char *const *n = p->names; *n; n++)
		if (!cert_covers(cert, *n))
			return false;
	return true;
}

/* Can it be shown now, and verified with the bundle? */
static bool usable(const struct certs_kept *k, const char *cert, const char *key,
		   int64_t now_s, struct cert_facts *f)
{
	_cleanup_free_ char *issuer = cert_issuers(k->bundle, cert);

	return !cert_look(cert, key, f, NULL) && f->from_s <= now_s && now_s < f->until_s &&
	       *issuer;
}

static bool has_older(const struct certs_kept *k)
{
	_cleanup_free_ char *own = cert_issuers(k->bundle, k->cert);

	return strcmp(own, k->bundle) != 0;
}

static enum certs_step wait_until(int64_t then_s, int64_t now_s, int64_t *again_s)
{
	*again_s = then_s > now_s && then_s < now_s + LOOK_S ? then_s : now_s + LOOK_S;
	return CERTS_WAIT;
}

enum certs_step certs_next(const struct certs_kept *k, const struct certs_plan *p,
			   bool announced, int64_t now_s, int64_t *again_s)
{
	int64_t overlap = certs_overlap(p), since = k->since_s, old;
	struct cert_facts now, next;

	*again_s = now_s + 1;
	if (!usable(k, k->cert, k->key, now_s, &now))
		return CERTS_MAKE;				/* 1 */
	if (since > now_s)
		since = now_s - overlap;	/* written by a clock ahead of ours */
	if (*k->next_cert) {
		if (!usable(k, k->next_cert, k->next_key, now_s, &next) ||
		    !covers(k->next_cert, p))
			return CERTS_PREPARE;			/* 2 */
		if (now_s >= since + overlap && announced)
			return CERTS_SWITCH;			/* 3 */
		return wait_until(since + overlap, now_s, again_s);	/* 4 */
	}
	old = now.from_s + (now.until_s - now.from_s) / 3 * 2;
	if (!covers(k->cert, p) || now_s >= old)
		return CERTS_PREPARE;				/* 5 */
	if (has_older(k)) {
		if (now_s >= since + overlap)
			return CERTS_FORGET;			/* 6 */
		return wait_until(since + overlap, now_s, again_s);
	}
	return wait_until(old, now_s, again_s);			/* 7 */
}

/* ---- doing it ---- */

static int make(struct cert_pair *ret, const struct certs_plan *p, int64_t now_s,
		struct err *err)
{
	int64_t back = p->lifetime_s / 10 < BACKDATE_S ? p->lifetime_s / 10 : BACKDATE_S;

	return cert_make(ret, p->names, now_s - back, now_s + p->lifetime_s, err);
}

static void set(char **to, char *text)
{
	drop(to);
	*to = text;
}

static int begin(struct certs_kept *k, const struct certs_plan *p, int64_t now_s,
		 struct err *err)
{
	struct cert_pair pair;

	if (make(&pair, p, now_s, err))
		return -1;
	set(&k->bundle, steal(&pair.ca_pem));
	set(&k->cert, steal(&pair.cert_pem));
	set(&k->key, steal(&pair.key_pem));
	set(&k->next_cert, xstrdup(""));
	set(&k->next_key, xstrdup(""));
	return 0;
}

/* Earlier CAs go: only what is in use and what comes is announced. */
static int prepare(struct certs_kept *k, const struct certs_plan *p, int64_t now_s,
		   struct err *err)
{
	_cleanup_free_ char *own = cert_issuers(k->bundle, k->cert);
	struct cert_pair pair;

	if (make(&pair, p, now_s, err))
		return -1;
	set(&k->bundle, xasprintf("%s%s", own, pair.ca_pem));
	set(&k->next_cert, steal(&pair.cert_pem));
	set(&k->next_key, steal(&pair.key_pem));
	cert_pair_deinit(&pair);
	return 0;
}

int certs_do(struct certs_kept *k, const struct certs_plan *p, enum certs_step step,
	     int64_t now_s, struct err *err)
{
	switch (step) {
	case CERTS_WAIT:
		return 0;
	case CERTS_MAKE:
		if (begin(k, p, now_s, err))
			return -1;
		break;
	case CERTS_PREPARE:
		if (prepare(k, p, now_s, err))
			return -1;
		break;
	case CERTS_SWITCH:
		set(&k->cert, steal(&k->next_cert));
		set(&k->key, steal(&k->next_key));
		k->next_cert = xstrdup("");
		k->next_key = xstrdup("");
		break;
	case CERTS_FORGET:
		set(&k->bundle, cert_issuers(k->bundle, k->cert));
		break;
	}
	k->since_s = now_s;
	return 0;
}

/* ---- where verifiers read it ---- */

char *certs_announcement(const json_t *configuration, const char *bundle)
{
	const char *name = doc_get_str(configuration, "metadata", "name", NULL);
	const json_t *list = json_object_get(configuration, "webhooks"), *item;
	_cleanup_buf_ struct buf b64 = BUF_INIT, text = BUF_INIT;
	_cleanup_json_ json_t *o = NULL;
	json_t *webhooks = json_array();
	bool differs = false;
	size_t i;

	b64_encode(bundle, strlen(bundle), &b64);
	json_array_foreach((json_t *)list, i, item) {
		const char *is = doc_get_str(item, "clientConfig", "caBundle", NULL);
		const char *called = doc_get_str(item, "name", NULL);

		differs |= !is || strcmp(is, buf_str(&b64));
		json_array_append_new(webhooks, json_pack("{s:s,s:{s:s}}", "name",
			called ? called : "", "clientConfig", "caBundle", buf_str(&b64)));
	}
	o = json_pack("{s:s,s:s,s:{s:s},s:o}", "apiVersion", "admissionregistration.k8s.io/v1",
		      "kind", "ValidatingWebhookConfiguration", "metadata", "name",
		      name ? name : "", "webhooks", webhooks);
	if (!differs)
		return NULL;
	doc_write(o, &text);
	return buf_steal(&text, NULL);
}
