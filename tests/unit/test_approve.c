/* What an approval is worth, and what the answer to the question about its guard says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/approve.h"

#define DIGEST "d1"
#define BY "\"syncd.dev/approved-by\":\"ada\""
#define OF(commit) "\"syncd.dev/approved-revision\":\"" commit "\""
#define IS "\"syncd.dev/approved\":\"" DIGEST "\"," OF("c0ffee f00d")
#define NOON "2026-11-21T12:00:00Z"

struct row {
	const char *what, *annotations, *head;
	enum approve_guard guard;
	bool distrusted;
	enum approve_verdict verdict;
	const char *commits;	/* Git's; NULL: the right ones */
	bool proven, own;
};
static const struct row rows[] = {
	{ "1: nothing", "{}", DIGEST, GUARD_PRESENT, false, .verdict = APPROVE_NONE },
	{ "1: a writer alone", "{" BY "}", DIGEST, GUARD_PRESENT, false, .verdict = APPROVE_NONE },
	{ "2: another release of another commit", "{" IS "," BY "}", "d2", GUARD_PRESENT, false,
	  .verdict = APPROVE_OTHER, .commits = "badcafe" },
	{ "2: another release of these commits", "{" IS "," BY "}", "d2", GUARD_PRESENT, false,
	  .verdict = APPROVE_AMISS },
	{ "2: of these commits, once right: options changed", "{" IS "," BY "}", "d2",
	  GUARD_PRESENT, false, .verdict = APPROVE_OTHER, .proven = true },
	{ "2: no commit is known", "{\"syncd.dev/approved\":\"d1\"," BY "}", "d2",
	  GUARD_PRESENT, false, .verdict = APPROVE_OTHER, .commits = "" },
	{ "2: Git is not known", "{" IS "," BY "}", "", GUARD_PRESENT, false, .verdict = APPROVE_OTHER },
	{ "3: over", "{" IS "," BY ",\"syncd.dev/approved-until\":\"" NOON "\"}", DIGEST,
	  GUARD_PRESENT, false, .verdict = APPROVE_OVER },
	{ "8: not yet over", "{" IS "," BY ",\"syncd.dev/approved-until\":"
	  "\"2026-11-21T12:00:01Z\"}", DIGEST, GUARD_PRESENT, false, .verdict = APPROVE_YES },
	{ "4: no writer", "{" IS "}", DIGEST, GUARD_PRESENT, false, .verdict = APPROVE_BAD },
	{ "4: nobody", "{" IS ",\"syncd.dev/approved-by\":\"" APPROVE_NOBODY "\"}", DIGEST,
	  GUARD_PRESENT, false, .verdict = APPROVE_BAD },
	{ "4: an end that is none", "{" IS "," BY ",\"syncd.dev/approved-until\":\"soon\"}",
	  DIGEST, GUARD_PRESENT, false, .verdict = APPROVE_BAD },
	{ "4: a time that is none", "{" IS "," BY ",\"syncd.dev/approved-at\":\"now\"}",
	  DIGEST, GUARD_PRESENT, false, .verdict = APPROVE_BAD },
	{ "4: of another commit", "{" IS "," BY "}", DIGEST, GUARD_PRESENT, false,
	  .verdict = APPROVE_BAD, .commits = "badcafe" },
	{ "4: of the first of them", "{\"syncd.dev/approved\":\"d1\"," OF("c0ffee") "," BY "}",
	  DIGEST, GUARD_PRESENT, false, .verdict = APPROVE_BAD },
	{ "4: of their first digits", "{\"syncd.dev/approved\":\"d1\"," OF("c0f") "," BY "}",
	  DIGEST, GUARD_PRESENT, false, .verdict = APPROVE_BAD },
	{ "4: of none", "{\"syncd.dev/approved\":\"d1\"," BY "}", DIGEST, GUARD_PRESENT,
	  false, .verdict = APPROVE_BAD },
	{ "8: a later commit of the same objects", "{" IS "," BY "}", DIGEST, GUARD_PRESENT,
	  false, .verdict = APPROVE_YES, .commits = "badcafe", .proven = true },
	{ "5: unguarded", "{" IS "," BY "}", DIGEST, GUARD_ABSENT, false,
	  .verdict = APPROVE_DISTRUSTED },
	{ "5: amiss when it was written, and right now", "{" IS "," BY "}", DIGEST,
	  GUARD_PRESENT, true, .verdict = APPROVE_DISTRUSTED },
	{ "5: unguarded when it was written", "{" IS "," BY "}", DIGEST, GUARD_PRESENT, true,
	  .verdict = APPROVE_DISTRUSTED },
	{ "6: to be asked", "{" IS "," BY "}", DIGEST, GUARD_UNKNOWN, false, .verdict = APPROVE_ASK },
	{ "7: guarded, and ours", "{" IS "," BY "}", DIGEST, GUARD_PRESENT, false,
	  .verdict = APPROVE_OWN, .own = true },
	{ "7: ours, seen right before", "{" IS "," BY "}", DIGEST, GUARD_PRESENT, false,
	  .verdict = APPROVE_OWN, .commits = "badcafe", .proven = true, .own = true },
	{ "5: ours, unguarded", "{" IS "," BY "}", DIGEST, GUARD_ABSENT, false,
	  .verdict = APPROVE_DISTRUSTED, .own = true },
	{ "8: guarded", "{" IS "," BY "}", DIGEST, GUARD_PRESENT, false, .verdict = APPROVE_YES },
};

static void approvals_are_judged_by_their_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		_cleanup_json_ json_t *notes = doc_parse(r->annotations,
							 strlen(r->annotations), NULL);
		struct app_approval a;
		struct approve_in in = {
			.approval = &a, .digest = r->head, .guard = r->guard,
			.own = r->own,
			.commits = r->commits ? r->commits : "c0ffee f00d",
			.now_ms = time_parse_rfc3339(NOON),
		};
		enum approve_verdict v;

		approve_decode(&a, notes);
		in.proven = r->proven ? a.key : "";
		in.distrusted = r->distrusted ? a.key : "";
		v = approve_judge(&in);
		if (v != r->verdict)
			fail_msg("%s: %s", r->what, approve_verdict_str(v));
		approve_deinit(&a);
	}
}

/* A new word of the same person is another approval. */
static void keys_tell_approvals_apart(void **state)
{
	static const char *const all[] = {
		"{" IS "," BY "}", "{" IS "}", "{\"syncd.dev/approved\":\"d2\"," BY "}", "{\"syncd.dev/approved\":\"d1\"," OF("badcafe") "," BY "}",
		"{" IS "," BY ",\"syncd.dev/approved-reason\":\"x\"}",
		"{" IS "," BY ",\"syncd.dev/approved-at\":\"" NOON "\"}",
		"{" IS "," BY ",\"syncd.dev/approved-until\":\"" NOON "\"}",
	};
	char keys[ARRAY_LEN(all)][65];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		_cleanup_json_ json_t *notes = doc_parse(all[i], strlen(all[i]), NULL);
		struct app_approval a;

		approve_decode(&a, notes);
		memcpy(keys[i], a.key, sizeof(a.key));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(keys[i], keys[j]);
		approve_deinit(&a);
	}
}

static void the_digest_is_over_objects_and_options(void **state)
{
	char all[4][65];

	(void)state;
	approve_digest("o1", "p1", all[0]);
	approve_digest("o2", "p1", all[1]);
	approve_digest("o1", "p2", all[2]);
	approve_digest("o1", "p1", all[3]);
	assert_string_not_equal(all[0], all[1]);
	assert_string_not_equal(all[0], all[2]);
	assert_string_equal(all[0], all[3]);
	assert_int_equal(strlen(all[0]), 64);
}

static void commits_are_named_whole(void **state)
{
	static const struct {
		const char *named, *commits;
		bool are;
	} cases[] = {
		{ "c0ffee", "c0ffee", true }, { "c0ffe", "c0ffee", false },
		{ "c0ffee4", "c0ffee", false }, { "", "c0ffee", false },
		{ "c0ffee", "", false }, { "", "", false },
		{ "c0ffee,f00d", "c0ffee f00d", true }, { "f00d,c0ffee", "c0ffee f00d", true },
		{ "c0ffee", "c0ffee f00d", false }, { "c0ffee,f00d", "c0ffee", false },
		{ "c0ffee,f00d", "c0ffee f00d c0ffee", true },
		{ "c0ffee,", "c0ffee", true }, { ",c0ffee", "c0ffee", false },
		{ "c0ffee f00d", "c0ffee f00d", false },
	};
	_cleanup_buf_ struct buf out = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (approve_names(cases[i].named, cases[i].commits) != cases[i].are)
			fail_msg("%s of %s", cases[i].named, cases[i].commits);
	approve_revision("c0ffee f00d c0ffee f00", &out);
	assert_string_equal(buf_str(&out), "c0ffee,f00d,f00");
	approve_revision("", &out);
	assert_string_equal(buf_str(&out), "c0ffee,f00d,f00");
}

#define NAMED(name) "applications.argoproj.io \"" name "\" is forbidden: "
#define POLICY "ValidatingAdmissionPolicy 'syncd-approval' with binding 'b' denied request: "
#define MUST "syncd.dev/approved-by must be "
#define TAIL ", who writes the approval"

static void only_the_policy_proves_itself(void **state)
{
	static const struct {
		enum err_code code;
		const char *msg;
		enum approve_guard guard;
		const char *user;
	} cases[] = {
		{ ERR_NONE, "", GUARD_ABSENT, "" },
		{ ERR_INVALID, NAMED("shop") POLICY MUST "ada" TAIL, GUARD_PRESENT, "ada" },
		{ ERR_AUTH, NAMED("shop") POLICY MUST "a:b c" TAIL, GUARD_PRESENT, "a:b c" },
		{ ERR_INVALID, NAMED("shop") "ValidatingAdmissionPolicy 'syncd-approval' denied "
		  "request: " MUST "ada" TAIL, GUARD_PRESENT, "ada" },
		{ ERR_INVALID, NAMED("shop") POLICY MUST "ada" TAIL TAIL, GUARD_PRESENT,
		  "ada" TAIL },
		/* Too long for the name: who we are is not known. */
		{ ERR_INVALID, NAMED("shop") POLICY MUST "system:serv...", GUARD_UNKNOWN, "" },
		{ ERR_INVALID, NAMED("shop") POLICY MUST, GUARD_UNKNOWN, "" },
		/* What a tenant names, and what a stranger's webhook repeats of it. */
		{ ERR_INVALID, "Application.argoproj.io \"x-syncd-approval\" is invalid: "
		  "metadata.annotations: Too long: may not be more than 262144 bytes",
		  GUARD_UNKNOWN, "" },
		{ ERR_AUTH, NAMED("x-syncd-approval") "quota exceeded", GUARD_UNKNOWN, "" },
		{ ERR_INVALID, "admission webhook \"w\" denied the request: " NAMED("x") POLICY
		  MUST "ada" TAIL, GUARD_UNKNOWN, "" },
		{ ERR_INVALID, NAMED("x") "label " POLICY MUST "ada" TAIL, GUARD_UNKNOWN, "" },
		/* The policy's, but not that it looks at the name. */
		{ ERR_INVALID, NAMED("shop") POLICY "expression 'x' resulted in error: y",
		  GUARD_UNKNOWN, "" },
		{ ERR_INVALID, NAMED("shop") "ValidatingAdmissionPolicy 'syncd-approval-of-mine' "
		  "with binding 'b' denied request: " MUST "ada" TAIL, GUARD_UNKNOWN, "" },
		{ ERR_AUTH, "syncd may not patch", GUARD_UNKNOWN, "" },
		{ ERR_NET, NAMED("shop") POLICY MUST "ada" TAIL, GUARD_UNKNOWN, "" },
		{ ERR_NOTFOUND, NAMED("shop") POLICY MUST "ada" TAIL, GUARD_UNKNOWN, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char user[APPROVE_USER_MAX];
		struct err err = { .code = cases[i].code };

		snprintf(err.msg, sizeof(err.msg), "%s", cases[i].msg);
		if (approve_probed(&err, user) != cases[i].guard)
			fail_msg("%zu: %s", i, cases[i].msg);
		assert_string_equal(user, cases[i].user);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(approvals_are_judged_by_their_cases),
		cmocka_unit_test(keys_tell_approvals_apart),
		cmocka_unit_test(the_digest_is_over_objects_and_options),
		cmocka_unit_test(commits_are_named_whole),
		cmocka_unit_test(only_the_policy_proves_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
