/* What an approval is worth; the cases are numbered in sync/approve.h. */
#include "sync/approve.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/doc.h"
#include "core/mem.h"

#define KEY "syncd.dev/approved"
#define MAX_WORDS 400
#define MAX_REVISION 8000

static const char *const verdicts[] = {
	[APPROVE_NONE] = "none", [APPROVE_OTHER] = "other", [APPROVE_AMISS] = "amiss",
	[APPROVE_OVER] = "over",
	[APPROVE_BAD] = "bad", [APPROVE_DISTRUSTED] = "distrusted",
	[APPROVE_ASK] = "asked", [APPROVE_OWN] = "own", [APPROVE_YES] = "approved",
};
static_assert(ARRAY_LEN(verdicts) == APPROVE_N, "a word per verdict");

const char *approve_verdict_str(enum approve_verdict v)
{
	return (unsigned)v < APPROVE_N ? verdicts[v] : "unknown";
}

static char *words(const json_t *annotations, const char *key, size_t max)
{
	const char *s = doc_get_str(annotations, key, NULL);

	return xstrndup(s ? s : "", max);
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
		.digest = words(annotations, KEY, MAX_WORDS),
		.by = words(annotations, KEY "-by", MAX_WORDS),
		.why = words(annotations, KEY "-reason", MAX_WORDS),
		.revision = words(annotations, KEY "-revision", MAX_REVISION),
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
static bool is_proven(const struct approve_in *in)
{
	return !strcmp(in->proven, in->approval->key);
}

static bool names_the_commits(const struct approve_in *in)
{
	return *in->commits && !strcmp(in->approval->revision, in->commits);
}

static enum approve_verdict of_another(const struct approve_in *in)
{
	return *in->digest && names_the_commits(in) && !is_proven(in) ? APPROVE_AMISS :
									APPROVE_OTHER;
}

enum approve_verdict approve_judge(const struct approve_in *in)
{
	const struct app_approval *a = in->approval;

	if (!a->digest || !*a->digest)
		return APPROVE_NONE;	/* 1 */
	if (!*in->digest || strcmp(a->digest, in->digest))
		return of_another(in);	/* 2 */
	if (a->until_ms > 0 && in->now_ms >= a->until_ms)
		return APPROVE_OVER;	/* 3 */
	if (!*a->by || !strcmp(a->by, APPROVE_NOBODY) || a->until_ms < 0 || a->at_ms < 0 ||
	    (!is_proven(in) && !names_the_commits(in)))
		return APPROVE_BAD;	/* 4 */
	if (in->guard == GUARD_ABSENT || !strcmp(in->distrusted, a->key))
		return APPROVE_DISTRUSTED;	/* 5 */
	if (in->guard == GUARD_UNKNOWN)
		return APPROVE_ASK;	/* 6 */
	return in->own ? APPROVE_OWN : APPROVE_YES;	/* 7, 8 */
}

void approve_digest(const char *objects, const char *options, char out[65])
{
	_cleanup_free_ char *both = xasprintf("%s %s", objects, options);

	sha256_hex(both, strlen(both), out);
}

/* ---- commits ---- */

/* Is the word of n bytes one of those between such separators? */
static bool has_word(const char *list, char sep, const char *word, size_t n)
{
	while (*list) {
		size_t len = (size_t)(strchrnul(list, sep) - list);

		if (len == n && !memcmp(list, word, n))
			return true;
		list += len + (list[len] == sep);
	}
	return false;
}

/* Is each word of a one of b's? */
static bool all_in(const char *a, char sep, const char *b, char sep_b)
{
	while (*a) {
		size_t n = (size_t)(strchrnul(a, sep) - a);

		if (!n || !has_word(b, sep_b, a, n))
			return false;
		a += n + (a[n] == sep);
	}
	return true;
}

void approve_revision(const char *commits, struct buf *out)
{
	_cleanup_buf_ struct buf list = BUF_INIT;

	while (*commits) {
		size_t n = strcspn(commits, " ");

		if (!has_word(buf_str(&list), ',', commits, n))
			buf_addf(&list, "%s%.*s", list.len ? "," : "", (int)n, commits);
		commits += n + (commits[n] == ' ');
	}
	buf_adds(out, buf_str(&list));
}

bool approve_names(const char *named, const char *commits)
{
	return *commits && all_in(named, ',', commits, ' ') &&
	       all_in(commits, ' ', named, ',');
}

/* ---- is it guarded? ---- */

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
