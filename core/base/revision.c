/*
 * targetRevision: what kind it is, which refs to ask for, and which commit it
 * names. A branch goes before a tag of the same name, as in Argo CD. Pure.
 */
#include "core/lsrefs.h"

#include "core/mem.h"
#include "core/utf8.h"

#include <ctype.h>

static const char *const places[] = { "refs/heads/", "refs/tags/" };

static bool is_sha(const char *s)
{
	return strlen(s) == 40 && strspn(s, "0123456789abcdefABCDEF") == 40;
}

enum revision_kind revision_kind(const char *revision)
{
	if (!revision || !*revision || !strcmp(revision, "HEAD"))
		return REV_HEAD;
	return is_sha(revision) ? REV_SHA : REV_NAME;
}

/* git-check-ref-format's rules, as far as a name could do harm or never match. */
static bool name_is_valid(const char *s)
{
	size_t len = strlen(s);

	if (len > 255 || *s == '-' || *s == '/' || s[len - 1] == '/' ||
	    s[len - 1] == '.' || !utf8_valid(s, len))
		return false;
	if (strstr(s, "..") || strstr(s, "//") || strstr(s, "@{") ||
	    strstr(s, "/."))
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= 0x20 || *s == 0x7f ||
		    strchr("~^:?*[\\", *s))
			return false;
	return true;
}

void revision_prefixes(const char *revision,
		       void (*add)(const char *prefix, void *arg), void *arg)
{
	enum revision_kind kind = revision_kind(revision);

	if (kind == REV_HEAD) {
		add("HEAD", arg);
		return;
	}
	if (kind == REV_SHA || !name_is_valid(revision))
		return;
	if (!strncmp(revision, "refs/", 5)) {
		add(revision, arg);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		_cleanup_free_ char *name = xasprintf("%s%s", places[i], revision);

		add(name, arg);
	}
}

static const struct git_ref *find(const struct ref_list *refs, const char *place,
				  const char *name)
{
	size_t n = strlen(place);

	for (size_t i = 0; i < refs->len; i++)
		if (!strncmp(refs->data[i].name, place, n) &&
		    !strcmp(refs->data[i].name + n, name))
			return &refs->data[i];
	return NULL;
}

static const struct git_ref *find_name(const struct ref_list *refs,
				       const char *name)
{
	if (!strncmp(name, "refs/", 5))
		return find(refs, "", name);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		const struct git_ref *ref = find(refs, places[i], name);

		if (ref)
			return ref;
	}
	return NULL;
}

static int unknown(const char *revision, struct err *err)
{
	size_t len = strlen(revision);
	const char *hint = "";

	if (len >= 7 && len < 40 &&
	    strspn(revision, "0123456789abcdefABCDEF") == len)
		hint = "; a commit needs all its 40 digits";
	return err_set(err, ERR_NOTFOUND,
		       "the repository has no branch or tag \"%s\": check spec.source.targetRevision%s",
		       revision, hint);
}

int revision_resolve(const struct ref_list *refs, const char *revision,
		     char oid[65], struct err *err)
{
	enum revision_kind kind = revision_kind(revision);
	const struct git_ref *ref;

	if (kind == REV_SHA) {
		for (size_t i = 0; i <= 40; i++)
			oid[i] = (char)tolower((unsigned char)revision[i]);
		return 0;
	}
	if (kind == REV_HEAD) {
		ref = find(refs, "", "HEAD");
		if (!ref)
			return err_set(err, ERR_NOTFOUND,
				       "the repository's HEAD names no commit: it is empty, or spec.source.targetRevision must name a branch");
	} else {
		_cleanup_free_ char *shown = utf8_clean(revision, 200);

		if (!name_is_valid(revision))
			return err_set(err, ERR_INVALID,
				       "spec.source.targetRevision \"%s\" is no valid name of a branch or tag",
				       shown);
		ref = find_name(refs, revision);
		if (!ref)
			return unknown(shown, err);
	}
	memcpy(oid, ref->oid, sizeof(ref->oid));
	return 0;
}
