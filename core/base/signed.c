/*
 * Signatures of commits: what is asked, what of an object was signed, and the verdict.
 *
 * Whatever is not known to be good refuses. A signature that fits nothing is told before
 * whose key it names: anybody can write a key's name into one.
 */
#include "core/signed.h"

#include <ctype.h>
#include <stdio.h>

#include "core/doc.h"
#include "core/utf8.h"

#define TAGS "refs/tags/"

bool signed_key_name(const char *text, char ret[SIGNED_FPRINT])
{
	size_t n = text ? strlen(text) : 0;

	if ((n != SIGNED_ID - 1 && n != SIGNED_FPRINT - 1) ||
	    strspn(text, "0123456789abcdefABCDEF") != n)
		return false;
	for (size_t i = 0; i <= n; i++)
		ret[i] = (char)toupper((unsigned char)text[i]);
	return true;
}

/* The ID at the end of what signed_key_name() gave. */
static const char *id_in(const char *name)
{
	return name + strlen(name) - (SIGNED_ID - 1);
}

bool signed_key_id(const char *text, char ret[SIGNED_ID])
{
	char name[SIGNED_FPRINT];

	if (!signed_key_name(text, name))
		return false;
	memcpy(ret, id_in(name), SIGNED_ID);
	return true;
}

/* ---- the policy as JSON ---- */

json_t *signed_policy_encode(const struct signed_policy *p)
{
	json_t *listed = json_array(), *ring = json_array();

	for (size_t i = 0; i < p->listed.len; i++)
		json_array_append_new(listed, json_string(p->listed.data[i]));
	for (size_t i = 0; i < p->ring.len; i++)
		json_array_append_new(ring, json_pack("[s,s]", p->ring.data[i].name,
						      p->ring.data[i].text));
	return json_pack("{s:s,s:s,s:o,s:o}", "project", p->project, "from", p->from,
			 "listed", listed, "ring", ring);
}

static int decode_listed(struct signed_policy *p, const json_t *list, struct err *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		char name[SIGNED_FPRINT];

		if (!signed_key_name(json_string_value(item), name))
			return err_set(err, ERR_INTERNAL, "signatures: no key ID");
		vec_push(&p->listed, xstrdup(name));
	}
	return p->listed.len ? 0 : err_set(err, ERR_INTERNAL, "signatures: no key is listed");
}

static int decode_ring(struct signed_policy *p, const json_t *list, struct err *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		const char *name = json_string_value(json_array_get(item, 0));
		const char *text = json_string_value(json_array_get(item, 1));

		if (!name || !text)
			return err_set(err, ERR_INTERNAL, "signatures: no key");
		vec_push(&p->ring, ((struct signed_key){ xstrdup(name), xstrdup(text) }));
	}
	return 0;
}

int signed_policy_decode(struct signed_policy *p, const json_t *o, struct err *err)
{
	const char *project = doc_get_str(o, "project", NULL);
	const char *from = doc_get_str(o, "from", NULL);

	*p = (struct signed_policy){ .project = xstrdup(project ? project : ""),
				     .from = xstrdup(from ? from : "") };
	if (!decode_listed(p, json_object_get(o, "listed"), err) &&
	    !decode_ring(p, json_object_get(o, "ring"), err))
		return 0;
	signed_policy_deinit(p);
	return -1;
}

void signed_policy_deinit(struct signed_policy *p)
{
	for (size_t i = 0; i < p->listed.len; i++)
		free(p->listed.data[i]);
	for (size_t i = 0; i < p->ring.len; i++) {
		free(p->ring.data[i].name);
		free(p->ring.data[i].text);
	}
	vec_deinit(&p->listed);
	vec_deinit(&p->ring);
	free(p->project);
	free(p->from);
	*p = (struct signed_policy){ 0 };
}

/* ---- the object ---- */

static const struct {
	const char *line;
	enum signed_form form;
} begins[] = {
	{ "-----BEGIN PGP SIGNATURE-----", SIGNED_PGP },
	{ "-----BEGIN PGP MESSAGE-----", SIGNED_PGP },
	{ "-----BEGIN SSH SIGNATURE-----", SIGNED_SSH },
	{ "-----BEGIN SIGNED MESSAGE-----", SIGNED_X509 },
};

static bool starts(const char *p, const char *end, const char *prefix)
{
	size_t n = strlen(prefix);

	return (size_t)(end - p) >= n && !memcmp(p, prefix, n);
}

/* SIGNED_OTHER: it begins like none of Git's signatures. */
static enum signed_form form_of(const char *p, const char *end)
{
	for (size_t i = 0; i < ARRAY_LEN(begins); i++)
		if (starts(p, end, begins[i].line))
			return begins[i].form;
	return SIGNED_OTHER;
}

/* Behind the line at p. */
static const char *next_line(const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));

	return nl ? nl + 1 : end;
}

/* The header "gpgsig" and its continued lines, as git's commit.c takes them off. */
static const char *take_header(const char *p, const char *end, struct buf *signature)
{
	const char *next = next_line(p, end);

	p += strlen("gpgsig ");
	buf_add(signature, p, (size_t)(next - p));
	while (next < end && *next == ' ') {
		p = next + 1;
		next = next_line(p, end);
		buf_add(signature, p, (size_t)(next - p));
	}
	return next;
}

static int split_commit(const char *p, const char *end, struct signed_parts *ret,
			struct err *err)
{
	while (p < end && *p != '\n') {
		const char *next = next_line(p, end);

		/* Of the other hash: never what this object's own name is made by. */
		if (starts(p, end, "gpgsig-sha256 "))
			return err_set(err, ERR_INVALID, "it has a signature for SHA-256, "
				       "and is an object of SHA-1");
		if (starts(p, end, "gpgsig ")) {
			if (ret->signature.len)
				return err_set(err, ERR_INVALID, "it has two signatures");
			p = take_header(p, end, &ret->signature);
			continue;
		}
		buf_add(&ret->payload, p, (size_t)(next - p));
		p = next;
	}
	buf_add(&ret->payload, p, (size_t)(end - p));
	return 0;
}

/* The last line that begins a signature begins it, as for git's gpg-interface.c. */
static void split_tag(const char *p, const char *end, struct signed_parts *ret)
{
	const char *begin = end;

	for (const char *line = p; line < end; line = next_line(line, end))
		if (form_of(line, end) != SIGNED_OTHER)
			begin = line;
	buf_add(&ret->payload, p, (size_t)(begin - p));
	buf_add(&ret->signature, begin, (size_t)(end - begin));
}

int signed_split(const char *object, size_t len, bool is_tag, struct signed_parts *ret,
		 struct err *err)
{
	const char *end = object + len, *text;

	*ret = (struct signed_parts){ .form = SIGNED_NOT };
	if (len > SIGNED_OBJECT_MAX)
		return err_set(err, ERR_LIMIT, "it has %zu bytes, and no more than %zu are "
			       "verified", len, SIGNED_OBJECT_MAX);
	if (!starts(object, end, is_tag ? "object " : "tree "))
		return err_set(err, ERR_INVALID, "it is no %s", is_tag ? "tag" : "commit");
	if (is_tag)
		split_tag(object, end, ret);
	else if (split_commit(object, end, ret, err))
		return -1;
	if (!ret->signature.len)
		return 0;
	if (ret->signature.len > SIGNED_SIGNATURE_MAX)
		return err_set(err, ERR_LIMIT, "its signature has %zu bytes, and no more "
			       "than %zu are read", ret->signature.len, SIGNED_SIGNATURE_MAX);
	text = buf_str(&ret->signature);
	ret->form = form_of(text, text + ret->signature.len);
	return 0;
}

void signed_parts_deinit(struct signed_parts *p)
{
	buf_deinit(&p->payload);
	buf_deinit(&p->signature);
}

int signed_tag_fits(const char *object, const char *commit, const char *ref,
		    const char *what, struct err *err)
{
	_cleanup_free_ char *begin = xasprintf("object %s\ntype commit\n", commit);
	_cleanup_free_ char *called = NULL, *shown = NULL, *at = NULL;
	size_t place = strlen(TAGS), n;
	const char *name;

	if (strncmp(object, begin, strlen(begin)))
		return err_set(err, ERR_INVALID, "%s is of something else: tag the commit "
			       "itself", what);
	name = object + strlen(begin);
	name += strncmp(name, "tag ", 4) ? strlen(name) : 4;
	n = strcspn(name, "\n");
	if (!strncmp(ref, TAGS, place) && strlen(ref + place) == n &&
	    !strncmp(ref + place, name, n))
		return 0;
	called = xstrndup(name, n);
	shown = utf8_clean(called, 80);
	at = utf8_clean(ref, 80);
	return err_set(err, ERR_INVALID, "%s is called %s, and stands at %s: it was signed for "
		       "another name; sign a tag of that name", what, shown, at);
}

/* ---- the verdict ---- */

/* An entry of 40 digits is met by a fingerprint, never by an ID. */
static bool is_listed(const struct signed_policy *p, const char *id, const char *fprint)
{
	for (size_t i = 0; *id && i < p->listed.len; i++)
		if (!strcmp(p->listed.data[i], id) || !strcmp(p->listed.data[i], fprint))
			return true;
	return false;
}

/* By an entry of either length: for what is said. */
static bool is_named(const struct signed_policy *p, const char *id)
{
	for (size_t i = 0; i < p->listed.len; i++)
		if (!strcmp(id_in(p->listed.data[i]), id))
			return true;
	return false;
}

static bool is_known(const struct signed_policy *p, const struct signed_seen *s)
{
	if (is_listed(p, s->key, s->key_fprint) ||
	    is_listed(p, s->primary, s->primary_fprint))
		return true;
	/* Nobody has the key: whether it is the one that is listed cannot be seen. */
	return s->verdict == SEEN_NO_KEY && is_named(p, s->key);
}

/* As long as it takes to tell it from what is listed. */
static const char *told(const struct signed_policy *p, const char *id, const char *fprint)
{
	return is_named(p, id) && *fprint ? fprint : id;
}

/* Of a signature that is none of OpenPGP's. */
static int refuse_form(const struct signed_policy *p, enum signed_form form,
		       const char *what, struct err *err)
{
	switch (form) {
	case SIGNED_NOT:
		return err_set(err, ERR_INVALID, "%s is not signed, and AppProject %s asks for "
			       "a signature: sign it (git commit -S) with a key of its "
			       "spec.signatureKeys", what, p->project);
	case SIGNED_SSH:
	case SIGNED_X509:
	case SIGNED_OTHER:
		return err_set(err, ERR_INVALID, "%s has a signature of %s, and AppProject %s "
			       "asks for one of OpenPGP: sign it with GnuPG (git config "
			       "gpg.format openpgp)", what,
			       form == SIGNED_SSH ? "SSH" : form == SIGNED_X509 ? "X.509" :
			       "no known kind", p->project);
	case SIGNED_PGP:
		break;
	}
	return 0;
}

static int refuse_stranger(const struct signed_policy *p, const struct signed_seen *s,
			   const char *what, struct err *err)
{
	return err_set(err, ERR_INVALID, "%s is signed by key %s%s%s, which AppProject %s does "
		       "not list: sign it with a key that it lists, or add this one to its "
		       "spec.signatureKeys", what, told(p, s->key, s->key_fprint),
		       *s->primary ? " of " : "", told(p, s->primary, s->primary_fprint),
		       p->project);
}

static int refuse_key(const struct signed_policy *p, const struct signed_seen *s,
		      const char *what, struct err *err)
{
	const char *key = is_listed(p, s->key, s->key_fprint) || !*s->primary ? s->key :
									       s->primary;

	if (s->verdict == SEEN_KEY_EXPIRED)
		return err_set(err, ERR_INVALID, "%s is signed by key %s, which has expired%s%s: "
			       "sign it with a valid key, or put the key with a later end into "
			       "%s", what, key, *s->note ? " " : "", s->note, p->from);
	if (s->verdict == SEEN_KEY_REVOKED)
		return err_set(err, ERR_INVALID, "%s is signed by key %s, which is revoked: sign "
			       "it with another, and take this one out of AppProject %s", what,
			       key, p->project);
	return err_set(err, ERR_INVALID, "%s is signed by key %s, which AppProject %s lists, but "
		       "which is not in %s%s%s: add it there (gpg --armor --export %s)", what,
		       s->key, p->project, p->from, *s->note ? ": " : "", s->note, s->key);
}

void signed_end_bring(struct signed_end *e, const struct signed_seen *s)
{
	if (!s->until || (e->until && e->until <= s->until))
		return;
	e->until = s->until;
	snprintf(e->by, sizeof(e->by), "%s%s%s", s->key, *s->primary ? " of " : "", s->primary);
}

int signed_judge(const struct signed_policy *p, const struct signed_seen *s,
		 const char *what, struct err *err)
{
	if (s->form != SIGNED_PGP)
		return refuse_form(p, s->form, what, err);
	switch (s->verdict) {
	case SEEN_BAD:
		return err_set(err, ERR_INVALID, "%s has a bad signature in the name of key %s%s%s: "
			       "somebody changed it, or the signature is of something else; see "
			       "who pushed it, and sign it anew", what, *s->key ? s->key :
			       "(none)", *s->note ? ", " : "", s->note);
	case SEEN_UNREADABLE:
		return err_set(err, ERR_INVALID, "%s has a signature that does not count (%s): "
			       "sign it anew", what, *s->note ? s->note : "no OpenPGP");
	case SEEN_EXPIRED:
		return err_set(err, ERR_INVALID, "%s has a signature by key %s that has expired: "
			       "sign it anew", what, s->key);
	case SEEN_GOOD:
	case SEEN_NO_KEY:
	case SEEN_KEY_EXPIRED:
	case SEEN_KEY_REVOKED:
		break;
	}
	if (!is_known(p, s))
		return refuse_stranger(p, s, what, err);
	return s->verdict == SEEN_GOOD ? 0 : refuse_key(p, s, what, err);
}
