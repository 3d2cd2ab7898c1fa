/*
 * targetRevision: what kind it is, which refs to ask for, and which commit it
 * names. A branch goes before a tag of the same name, as in Argo CD; so does the
 * highest tag of a range of versions before a branch that is called like it. Pure.
 */
#include "core/lsrefs.h"

#include "core/mem.h"
#include "core/semver.h"
#include "core/utf8.h"

#include <ctype.h>

static const char *const places[] = { "refs/heads/", "refs/tags/" };

static bool is_sha(const char *s)
{
	return strlen(s) == 40 && strspn(s, "0123456789abcdefABCDEF") == 40;
}

/* A version by itself ("1.2", "v1") is the name of a tag. */
static bool is_range(const char *s)
{
	struct semver_range range;
	struct semver version;

	return semver_parse(&version, s) && !semver_range_parse(&range, s);
}

enum revision_kind revision_kind(const char *revision)
{
	if (!revision || !*revision || !strcmp(revision, "HEAD"))
		return REV_HEAD;
	if (is_sha(revision))
		return REV_SHA;
	return is_range(revision) ? REV_RANGE : REV_NAME;
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
	if (kind == REV_RANGE)
		add(places[1], arg);
	if (kind == REV_SHA || !name_is_valid(revision))
		return;
	if (!strncmp(revision, "refs/", 5)) {
		add(revision, arg);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(places) - (kind == REV_RANGE); i++) {
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

/* The highest version of the tags, in the range (NULL: at all). NULL: none. */
static const struct git_ref *find_version(const struct ref_list *refs,
					  const struct semver_range *range)
{
	const struct git_ref *found = NULL;
	size_t n = strlen(places[1]);
	struct semver v, best;

	for (size_t i = 0; i < refs->len; i++) {
		const struct git_ref *ref = &refs->data[i];

		if (strncmp(ref->name, places[1], n) ||
		    semver_parse(&v, ref->name + n) ||
		    (range && !semver_range_has(range, &v)))
			continue;
		if (!found || semver_cmp(&v, &best) > 0) {
			found = ref;
			best = v;
		}
	}
	return found;
}

/* Says how far the tags reach. */
static void no_version(const struct ref_list *refs, const char *range,
		       struct err *err)
{
	const struct git_ref *newest = find_version(refs, NULL);
	_cleanup_free_ char *tag = newest ?
		utf8_clean(newest->name + strlen(places[1]), 80) : NULL;

	err_set(err, ERR_NOTFOUND,
		"no tag of the repository is a version in \"%s\" (%s%s): check " REVISION_FIELD,
		range, tag ? "the newest is " : "none is a version", tag ? tag : "");
}

static const struct git_ref *find_range(const struct ref_list *refs,
					const char *revision)
{
	const struct git_ref *ref;
	struct semver_range range;

	if (semver_range_parse(&range, revision))
		return NULL;
	ref = find_version(refs, &range);
	return ref || !name_is_valid(revision) ? ref : find_name(refs, revision);
}

static void unknown(const char *revision, struct err *err)
{
	size_t len = strlen(revision);
	const char *hint = "";

	if (len >= 7 && len < 40 &&
	    strspn(revision, "0123456789abcdefABCDEF") == len)
		hint = "; a commit needs all its 40 digits";
	err_set(err, ERR_NOTFOUND,
		"the repository has no branch or tag \"%s\": check " REVISION_FIELD "%s",
		revision, hint);
}

static const struct git_ref *find_named(const struct ref_list *refs,
					const char *revision, struct err *err)
{
	_cleanup_free_ char *shown = utf8_clean(revision, 200);
	const struct git_ref *ref;

	if (revision_kind(revision) == REV_RANGE) {
		ref = find_range(refs, revision);
		if (!ref)
			no_version(refs, shown, err);
		return ref;
	}
	if (!name_is_valid(revision)) {
		err_set(err, ERR_INVALID,
			REVISION_FIELD " \"%s\" is no valid name of a branch or tag, and no range of versions",
			shown);
		return NULL;
	}
	ref = find_name(refs, revision);
	if (!ref)
		unknown(shown, err);
	return ref;
}

int revision_resolve(const struct ref_list *refs, const char *revision,
		     char oid[65], struct err *err)
{
	const struct git_ref *ref;

	return revision_resolve_ref(refs, revision, oid, &ref, err);
}

int revision_resolve_ref(const struct ref_list *refs, const char *revision, char oid[65],
			 const struct git_ref **ret, struct err *err)
{
	enum revision_kind kind = revision_kind(revision);
	const struct git_ref *ref;

	*ret = NULL;
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
		ref = find_named(refs, revision, err);
		if (!ref)
			return -1;
	}
	memcpy(oid, ref->oid, sizeof(ref->oid));
	*ret = ref;
	return 0;
}
