/* What an approval is worth; the cases are numbered in approve.h. */
#include "approve.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/doc.h"
#include "core/mem.h"

#define KEY "syncd.dev/approved"
#define MAX_WORDS 400

static const char *const verdicts[] = {
	[APPROVE_NONE] = "none", [APPROVE_OTHER] = "other", [APPROVE_OVER] = "over",
	[APPROVE_BAD] = "bad", [APPROVE_DISTRUSTED] = "distrusted",
	[APPROVE_ASK] = "asked", [APPROVE_OWN] = "own", [APPROVE_YES] = "approved",
};
static_assert(ARRAY_LEN(verdicts) == APPROVE_N, "a word per verdict");

const char *approve_verdict_str(enum approve_verdict v)
{
	return (unsigned)v < APPROVE_N ? verdicts[v] : "unknown";
}

static char *words(const json_t *annotations, const char *key)
{
	const char *s = doc_get_str(annotations, key, NULL);

	return xstrndup(s ? s : "", MAX_WORDS);
}

/* 0 where it is not there, -1 where it is none. */
static int64_t moment(const json_t *annotations, const char *key)
{
	const char *s = doc_get_str(annotations, key, NULL);

	return s ? time_parse_rfc3339(s) : 0;
}

void approve_decode(struct app_approval *a, const json_t *annotations)
{
	_cleanup_free_ char *all = NULL;

	*a = (struct app_approval){
		.digest = words(annotations, KEY), .by = words(annotations, KEY "-by"),
		.why = words(annotations, KEY "-reason"),
		.revision = words(annotations, KEY "-revision"),
		.at_ms = moment(annotations, KEY "-at"),
		.until_ms = moment(annotations, KEY "-until"),
	};
	if (!*a->digest)
		return;
	all = xasprintf("%s\n%s\n%s\n%s\n%lld\n%lld", a->digest, a->revision, a->by,
			a->why,
			(long long)a->at_ms, (long long)a->until_ms);
	sha256_hex(all, strlen(all), a->key);
}

void approve_deinit(struct app_approval *a)
{
	free(a->digest);
	free(a->by);
	free(a->why);
	free(a->revision);
	*a = (struct app_approval){ 0 };
}

/* The same objects of a later commit are still what was approved. */
static bool names_the_commit(const struct approve_in *in)
{
	const char *revision = in->approval->revision;

	return !strcmp(in->proven, in->approval->key) ||
	       (*revision && !strncmp(in->commit, revision, strlen(revision)));
}

enum approve_verdict approve_judge(const struct approve_in *in)
{
	const struct app_approval *a = in->approval;

	if (!a->digest || !*a->digest)
		return APPROVE_NONE;	/* 1 */
	if (!*in->digest || strcmp(a->digest, in->digest))
		return APPROVE_OTHER;	/* 2 */
	if (a->until_ms > 0 && in->now_ms >= a->until_ms)
		return APPROVE_OVER;	/* 3 */
	if (!*a->by || !strcmp(a->by, APPROVE_NOBODY) || a->until_ms < 0 || a->at_ms < 0 ||
	    !names_the_commit(in))
		return APPROVE_BAD;	/* 4 */
	if (in->guard == GUARD_ABSENT || !strcmp(in->distrusted, a->key))
		return APPROVE_DISTRUSTED;	/* 5 */
	if (in->guard == GUARD_UNKNOWN)
		return APPROVE_ASK;	/* 6 */
	return in->own ? APPROVE_OWN : APPROVE_YES;	/* 7, 8 */
}

char *approve_probe(void)
{
	return xasprintf("{\"metadata\":{\"annotations\":{\"" KEY "\":\"%064d\",\"" KEY
			 "-by\":\"" APPROVE_NOBODY "\"}}}", 0);
}

static const char *after(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s && !strncmp(s, prefix, n) ? s + n : NULL;
}

/*
 * Anything may refuse a write, and quote in its words what somebody named or wrote. So
 * the refusal is taken from its beginning: no name of an object holds a quote.
 *
 *   applications.argoproj.io "shop" is forbidden: ValidatingAdmissionPolicy
 *   'syncd-approval' with binding '...' denied request: syncd.dev/approved-by must be
 *   USER, who writes the approval
 */
static const char *policys_words(const char *msg)
{
	static const char denied[] = " denied request: " KEY "-by must be ";
	const char *s = after(msg, "applications.argoproj.io \"");

	s = s ? strchr(s, '"') : NULL;
	s = after(s, "\" is forbidden: ValidatingAdmissionPolicy '" APPROVE_POLICY "'");
	s = s ? strstr(s, denied) : NULL;
	return s ? s + strlen(denied) : NULL;
}

enum approve_guard approve_probed(const struct err *err, char user[APPROVE_USER_MAX])
{
	static const char tail[] = ", who writes the approval";
	const char *who = err->code == ERR_INVALID || err->code == ERR_AUTH ?
			  policys_words(err->msg) : NULL;
	size_t n = who ? strlen(who) : 0;

	*user = '\0';
	if (!err->code)
		return GUARD_ABSENT;
	if (n < sizeof(tail) || strcmp(who + n - (sizeof(tail) - 1), tail))
		return GUARD_UNKNOWN;	/* or the message was too long for the name */
	snprintf(user, APPROVE_USER_MAX, "%.*s", (int)(n - (sizeof(tail) - 1)), who);
	return GUARD_PRESENT;
}
