/* views.h: the rules behind syncctl's text, and what it asks and waits for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/node.h"
#include "views.h"

static json_t *parse(const char *text)
{
	struct err err = ERR_INIT;
	json_t *j = doc_parse(text, strlen(text), &err);

	if (!j)
		fail_msg("%s: %s", text, err.msg);
	return j;
}

static void text_cannot_steer(void **state)
{
	static const struct { const char *in, *out; size_t width; } cases[] = {
		{ "plain", "plain", 5 },
		{ "a\nb\tc", "a b c", 5 },
		{ "\033[31mred", "?[31mred", 8 },
		{ "\xc2\x9b" "2J", "?2J", 3 },		/* C1: CSI in one byte */
		{ "a\xe2\x80\xae" "b", "a?b", 3 },	/* right-to-left override */
		{ "\x7f", "?", 1 },
		{ "\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd", 2 },
		{ "\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac", 4 },
		{ "e\xcc\x81", "e\xcc\x81", 1 },	/* a combining accent */
		{ "\xf0\x9f\x9a\x80", "\xf0\x9f\x9a\x80", 2 },
		{ "", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;

		view_clean(&b, cases[i].in);
		assert_string_equal(buf_str(&b), cases[i].out);
		assert_int_equal(view_width(buf_str(&b)), cases[i].width);
	}
}

static void cutting_counts_columns(void **state)
{
	static const struct { const char *in; size_t width; const char *out; } cases[] = {
		{ "abcdef", 6, "abcdef" }, { "abcdef", 5, "abcd\xe2\x80\xa6" },
		{ "abcdef", 1, "\xe2\x80\xa6" }, { "abcdef", 0, "" },
		{ "\xe6\x97\xa5\xe6\x9c\xac", 3, "\xe6\x97\xa5\xe2\x80\xa6" },
		{ "\xe6\x97\xa5\xe6\x9c\xac", 2, "\xe2\x80\xa6" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;

		view_cut(&b, cases[i].in, cases[i].width);
		assert_string_equal(buf_str(&b), cases[i].out);
	}
}

static void ages_are_short(void **state)
{
	static const struct { const char *since, *age; } cases[] = {
		{ "2026-03-01T12:00:00Z", "0s" }, { "2026-03-01T11:58:01Z", "119s" },
		{ "2026-03-01T11:58:00Z", "2m" }, { "2026-03-01T10:00:01Z", "119m" },
		{ "2026-03-01T10:00:00Z", "2h" }, { "2026-02-27T12:00:01Z", "47h" },
		{ "2026-02-27T12:00:00Z", "2d" }, { "2026-03-01T13:00:00Z", "0s" },
		{ "yesterday", "" }, { NULL, "" },
	};
	struct view_env env = { .now_ms = time_parse_rfc3339("2026-03-01T12:00:00Z") };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;

		view_age(&b, &env, cases[i].since);
		assert_string_equal(buf_str(&b), cases[i].age);
	}
}

static void revisions_are_short(void **state)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "9f31c02aa0000000000000000000000000000000", "9f31c02" },
		{ "v1.2.3", "v1.2.3" }, { "9f31c02", "9f31c02" }, { NULL, "-" }, { "", "-" },
		{ "9f31c02aa0000000000000000000000000000000x",
		  "9f31c02aa0000000000000000000000000000000x" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;

		view_revision(&b, cases[i].in);
		assert_string_equal(buf_str(&b), cases[i].out);
	}
}

/* What we print is what a YAML reader reads: the renderer's own. */
static void check_round_trip(const json_t *j)
{
	_cleanup_buf_ struct buf json = BUF_INIT, yaml = BUF_INIT, back = BUF_INIT;
	_cleanup_json_ json_t *again = NULL;
	struct err err = ERR_INIT;

	doc_canonical(j, &json);
	view_yaml(buf_str(&json), json.len, &yaml);
	if (node_text_to_json(buf_str(&yaml), yaml.len, &back, &err))
		fail_msg("%s\nof %s\n%s", err.msg, buf_str(&json), buf_str(&yaml));
	again = doc_parse(buf_str(&back), back.len, &err);
	if (!again || !doc_equal(j, again))
		fail_msg("%s\nbecame\n%s\nthen %s", buf_str(&json), buf_str(&yaml),
			 buf_str(&back));
}

static const char *const pieces[] = {
	"a", "b c", " ", "\n", ":", ": ", "#", " #", "-", "- ", "\"", "'", "\\", "{", "}",
	"[", "]", ",", "&", "*", "!", "|", ">", "%", "@", "`", "~", "null", "true", "No",
	"1", "0x1f", "1e3", ".5", "1_000", "12:30:45", "2026-01-01", "<<", "=", "\t", "?",
	"\xc3\xa9", "\xe6\x97\xa5", "\x01", "\x7f", "---", "...", "  x", "y", "\r",
	"\xc2\x85", "\xe2\x80\xa8", "\xef\xbb\xbf", "/", "_",
};

static char *random_text(unsigned *seed)
{
	struct buf b = BUF_INIT;
	int n = rand_r(seed) % 5;

	buf_adds(&b, "");
	for (int i = 0; i < n; i++)
		buf_adds(&b, pieces[(unsigned)rand_r(seed) % ARRAY_LEN(pieces)]);
	return b.data ? buf_steal(&b, NULL) : xstrdup("");
}

static json_t *random_value(unsigned *seed, int depth)
{
	int what = rand_r(seed) % (depth ? 8 : 5), n = rand_r(seed) % 4;
	json_t *j;

	if (what < 4) {
		_cleanup_free_ char *s = random_text(seed);

		return json_string(s);
	}
	if (what == 4)
		return rand_r(seed) % 2 ? json_integer(rand_r(seed) - 1000) :
		       json_pack("b", rand_r(seed) % 2);
	j = what < 7 ? json_object() : json_array();
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *key = random_text(seed);

		if (what < 7)
			json_object_set_new(j, key, random_value(seed, depth - 1));
		else
			json_array_append_new(j, random_value(seed, depth - 1));
	}
	return j;
}

static void yaml_reads_back(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 3000; seed++) {
		unsigned s = seed;
		_cleanup_json_ json_t *value = random_value(&s, 4);
		_cleanup_json_ json_t *j = json_pack("{sO}", "value", value);

		check_round_trip(j);
		if (json_is_object(value) || json_is_array(value))
			check_round_trip(value);
	}
}

/* Data is for programs, and lands in terminals: it steers none, and means the same. */
static void data_steers_no_terminal(void **state)
{
	static const char *const wanted[] = { "\\u009b31m", "\\u202e", "\\u2066", "\\u061c", "\\u200f",
		"\\u007f", "\\ufeff", "k\\u202e", "\\u202a", "\xc3\xa9", "\U0001f600" };
	_cleanup_buf_ struct buf yaml = BUF_INIT, out = BUF_INIT, written = BUF_INIT;
	_cleanup_json_ json_t *same = NULL, *value = json_pack("{ssss}", "a", "\xc3\xa9 \xc2\x9b" "31m\u202e"
		"\u2066\u061c\u200f\x7f\ufeff \U0001f600", "k\u202e", "x\ny\u202a\n");
	struct err err = ERR_INIT;

	(void)state;
	doc_write(value, &written);
	view_json(buf_str(&written), written.len, &out);
	view_yaml(buf_str(&written), written.len, &yaml);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		if (!strstr(buf_str(&out), wanted[i]) || !strstr(buf_str(&yaml), wanted[i]))
			fail_msg("no %s in %s%s", wanted[i], buf_str(&out), buf_str(&yaml));
	}
	assert_null(strstr(buf_str(&out), "\u202e"));
	assert_null(strstr(buf_str(&yaml), "\u202e"));
	same = doc_parse(buf_str(&out), out.len, &err);
	assert_true(json_equal(same, value));
	check_round_trip(value);
}

/* What is empty is not what holds nothing: "-" would be a list of null. */
static void nothing_is_written_as_such(void **state)
{
	static const struct { const char *json, *yaml; } cases[] = {
		{ "[]", "[]\n" }, { "{}", "{}\n" }, { "[[]]", "- []\n" },
		{ "{\"a\":{}}", "a: {}\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;

		view_yaml(cases[i].json, strlen(cases[i].json), &out);
		assert_string_equal(buf_str(&out), cases[i].yaml);
	}
}

static void requests_say_what_is_asked(void **state)
{
	const char *const resources[] = { "apps:Deployment:web", ":ConfigMap:prod/x",
					  "rbac.authorization.k8s.io:Role:a/system:b" };
	const struct view_picks picks = { .of = { { "v1", NULL } }, .n = 1, .many = false };
	struct view_request r = { .id = "i1", .user = "ada", .picks = &picks,
				  .prune = true, .dry_run = true,
				  .resources = resources, .n_resources = 3 };
	_cleanup_json_ json_t *want = parse(
		"{\"initiatedBy\":{\"username\":\"ada\"},\"info\":[{\"name\":\"syncctl-request\","
		"\"value\":\"i1\"}],\"sync\":{\"revision\":\"v1\",\"prune\":true,\"dryRun\":true,"
		"\"resources\":[{\"group\":\"apps\",\"kind\":\"Deployment\",\"name\":\"web\"},"
		"{\"group\":\"\",\"kind\":\"ConfigMap\",\"namespace\":\"prod\",\"name\":\"x\"},"
		"{\"group\":\"rbac.authorization.k8s.io\",\"kind\":\"Role\",\"namespace\":\"a\","
		"\"name\":\"system:b\"}]}}");
	struct err err = ERR_INIT;
	_cleanup_json_ json_t *got = view_request_json(&r, &err), *plain = NULL;

	(void)state;
	assert_true(doc_equal(want, got));
	r = (struct view_request){ .id = "i1", .user = "ada" };
	plain = view_request_json(&r, &err);
	assert_int_equal(json_object_size(doc_get(plain, "sync", NULL)), 0);
}

static void bad_resources_are_refused(void **state)
{
	static const char *const bad[] = { "", "web", "apps:Deployment", "apps::web",
					   "apps:Deployment:", "a:B:ns/", ":" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct view_request r = { .id = "i", .user = "u", .resources = &bad[i],
					  .n_resources = 1 };
		struct err err = ERR_INIT;

		assert_null(view_request_json(&r, &err));
		assert_int_equal(err.code, ERR_INVALID);
	}
}

/* RFC 7386, to check the patch with. */
static json_t *merge(const json_t *target, const json_t *patch)
{
	json_t *o, *value;
	const char *key;

	if (!json_is_object(patch))
		return json_deep_copy(patch);
	o = json_is_object(target) ? json_deep_copy(target) : json_object();
	json_object_foreach((json_t *)patch, key, value) {
		if (json_is_null(value))
			json_object_del(o, key);
		else
			json_object_set_new(o, key, merge(json_object_get(target, key),
							  value));
	}
	return o;
}

static void patches_leave_what_is_wanted(void **state)
{
	static const struct { const char *there, *wanted; } cases[] = {
		{ "{\"sync\":{\"dryRun\":true,\"revision\":\"x\"},\"retry\":{}}",
		  "{\"sync\":{\"revision\":\"y\"}}" },
		{ "{\"a\":{\"b\":{\"c\":1}}}", "{\"a\":{\"b\":{}}}" },
		{ "{\"a\":1}", "{\"a\":{\"b\":1}}" }, { "{\"a\":{\"b\":1}}", "{\"a\":[1]}" },
		{ "{}", "{\"a\":1}" }, { "{\"a\":1}", "{\"a\":1}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_json_ json_t *there = parse(cases[i].there);
		_cleanup_json_ json_t *wanted = parse(cases[i].wanted);
		_cleanup_json_ json_t *patch = view_replace_patch(there, wanted);
		_cleanup_json_ json_t *result = merge(there, patch);

		assert_true(doc_equal(result, wanted));
	}
	{
		_cleanup_json_ json_t *wanted = parse("{\"a\":{}}");
		_cleanup_json_ json_t *patch = view_replace_patch(NULL, wanted);

		assert_true(doc_equal(patch, wanted));
	}
}

#define INFO "\"info\":[{\"name\":\"other\",\"value\":\"i1\"}," \
	     "{\"name\":\"syncctl-request\",\"value\":\"i1\"}]"
#define STATE(info, phase) "{\"status\":{\"operationState\":{\"operation\":{" info \
	"},\"phase\":\"" phase "\"}}}"

static void outcome_is_of_our_request(void **state)
{
	static const struct { const char *app; enum view_outcome want; } cases[] = {
		{ "{\"operation\":{" INFO "}}", OUTCOME_WAITING },
		{ STATE(INFO, "Running"), OUTCOME_RUNNING },
		{ STATE(INFO, "Terminating"), OUTCOME_RUNNING },
		{ STATE(INFO, "Succeeded"), OUTCOME_DONE },
		{ STATE(INFO, "Failed"), OUTCOME_FAILED },
		{ STATE(INFO, "Error"), OUTCOME_FAILED },
		{ STATE("\"info\":[]", "Succeeded"), OUTCOME_LOST },
		{ STATE("", "Running"), OUTCOME_LOST },
		{ "{\"operation\":{\"sync\":{}}}", OUTCOME_LOST },
		{ "{}", OUTCOME_LOST },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_json_ json_t *app = parse(cases[i].app);

		assert_int_equal(view_outcome(app, "i1"), cases[i].want);
		if (cases[i].want != OUTCOME_LOST)
			assert_int_equal(view_outcome(app, "i2"), OUTCOME_LOST);
	}
	assert_int_equal(view_outcome(NULL, "i1"), OUTCOME_LOST);
}

static void busy_says_whose(void **state)
{
	static const struct { const char *app, *words; } cases[] = {
		{ "{\"operation\":{\"initiatedBy\":{\"username\":\"ada\"}}}",
		  "an operation of ada is waiting" },
		{ "{\"operation\":{}}", "an operation is waiting" },
		{ STATE("\"initiatedBy\":{\"automated\":true}", "Running"),
		  "an operation is running" },
		{ STATE("", "Terminating"), "an operation is running" },
		{ STATE("", "Succeeded"), NULL }, { "{}", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_json_ json_t *app = parse(cases[i].app);
		_cleanup_free_ char *words = NULL;

		assert_int_equal(view_is_busy(app, &words), cases[i].words != NULL);
		if (cases[i].words)
			assert_string_equal(words, cases[i].words);
		assert_int_equal(view_is_busy(app, NULL), cases[i].words != NULL);
	}
}

#define APP(sync, health, phase, good)                                        \
	"{\"status\":{\"sync\":{\"status\":\"" sync "\",\"revision\":\"abc1\"},"  \
	"\"health\":{\"status\":\"" health "\"},\"syncd\":{\"phase\":\"" phase "\","  \
	"\"target\":{\"id\":2},\"lastGood\":{\"id\":" good "}}}}"

#define EDITED(from, to)                                                      \
	"{\"spec\":{\"source\":{\"path\":\"" to "\"}},\"status\":{\"sync\":{\"status\":"  \
	"\"Synced\",\"comparedTo\":{\"source\":{\"path\":\"" from "\"}}}}}"

static void waiting_tells_what_is_missing(void **state)
{
	static const struct {
		struct view_wait want;
		const char *app, *missing;
	} cases[] = {
		{ { .sync = true, .health = true, .operation = true },
		  APP("Synced", "Healthy", "Good", "2"), "" },
		{ { .sync = true, .health = true }, APP("OutOfSync", "Degraded", "Good", "2"),
		  "not Synced (OutOfSync), not Healthy (Degraded)" },
		{ { .health = true }, APP("OutOfSync", "Healthy", "Good", "2"), "" },
		{ { .good = true }, APP("Synced", "Healthy", "Good", "2"), "" },
		{ { .good = true }, APP("Synced", "Healthy", "Good", "1"),
		  "not good yet (Good)" },
		{ { .good = true }, APP("Synced", "Healthy", "Soaking", "2"),
		  "not good yet (Soaking)" },
		{ { .revision = "abc" }, APP("Synced", "Healthy", "Good", "2"), "" },
		/* Good is the release before it: this one did not go out. */
		{ { .good = true, .revision = "abc" }, APP("OutOfSync", "Healthy", "Good", "2"),
		  "not Synced (OutOfSync)" },
		{ { .good = true, .revision = "abc" }, APP("Synced", "Healthy", "Good", "2"), "" },
		{ { .sync = true }, EDITED("a", "a"), "" },
		{ { .sync = true }, EDITED("a", "b"),
		  "what the spec says now was not compared yet" },
		{ { .good = true }, EDITED("a", "b"), "not good yet, what the spec says now was "
		  "not compared yet" },
		{ { .operation = true }, EDITED("a", "b"), "" },
		{ { .revision = "abd" }, APP("Synced", "Healthy", "Good", "2"),
		  "Git's commit is another (abc1)" },
		{ { .revision = "a" }, "{}", "Git's commit is another" },
		{ { .operation = true }, "{\"operation\":{}}", "an operation is under way" },
		{ { .sync = true, .good = true }, "{}", "not Synced, not good yet" },
	};
	_cleanup_buf_ struct buf missing = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_json_ json_t *app = parse(cases[i].app);

		assert_int_equal(view_wait_is_met(&cases[i].want, app, &missing),
				 !cases[i].missing[0]);
		assert_string_equal(buf_str(&missing), cases[i].missing);
	}
}

#define HELD(annotation, sync, syncd)                                         \
	"{\"metadata\":{\"name\":\"shop\",\"annotations\":{\"" annotation "\":\"x\"}},"  \
	"\"status\":{\"sync\":{\"status\":\"" sync "\",\"revision\":\"abc1\"},\"syncd\":{"  \
	syncd "}}}"
#define PIN "syncd.dev/pin"
#define BY_HAND "\"phase\":\"Good\",\"pin\":{\"byHand\":true,\"by\":\"ada\",\"why\":\"demo\""
#define COMES_BACK "\"phase\":\"Good\",\"rejected\":{\"id\":2,\"reason\":\"#2 crashed\"}"
#define BY_REVERT "\"phase\":\"Pinned\",\"pin\":{\"by\":\"auto-revert\",\"why\":\"#2 crashed\""

static void waiting_in_vain_is_told(void **state)
{
	static const struct {
		const char *app;
		struct view_wait want;
		int minutes;	/* waited, of ten */
		const char *why;
	} cases[] = {
		{ HELD(PIN, "OutOfSync", BY_HAND "}"), { .sync = true }, 0,
		  "shop is pinned by ada: demo; nothing new goes out until syncctl unpin shop" },
		/* It was taken off: the status comes after it. */
		{ HELD("a", "OutOfSync", BY_HAND "}"), { .sync = true }, 0, NULL },
		{ HELD(PIN, "OutOfSync", BY_HAND ",\"until\":\"2026-03-01T12:09:00Z\"}"),
		  { .sync = true }, 0, NULL },
		{ HELD(PIN, "OutOfSync", BY_HAND ",\"until\":\"2026-03-01T12:11:00Z\"}"),
		  { .sync = true }, 0, "shop is pinned by ada" },
		{ HELD(PIN, "OutOfSync", BY_HAND "}"), { .health = true, .operation = true }, 9,
		  NULL },
		{ HELD(PIN, "Synced", BY_HAND "}"), { .sync = true, .health = true }, 9, NULL },
		{ HELD(PIN, "OutOfSync", "\"phase\":\"Applying\",\"pin\":{\"byHand\":true}"),
		  { .sync = true }, 9, NULL },
		{ HELD("syncd.dev/suspend", "OutOfSync", "\"suspended\":{\"by\":\"ada\"}"),
		  { .sync = true }, 0,
		  "shop is suspended by ada; nothing new goes out until syncctl resume shop" },
		/* What was pushed may not be seen yet, unless that is what was rejected. */
		{ HELD("a", "OutOfSync", BY_REVERT "}"), { .sync = true }, 0, NULL },
		{ HELD("a", "OutOfSync", BY_REVERT "}"), { .good = true }, 1, NULL },
		{ HELD("a", "OutOfSync", BY_REVERT "}"), { .good = true }, 2,
		  "shop is pinned: #2 crashed; that ends with something new in Git" },
		{ HELD("a", "OutOfSync", BY_REVERT "}"), { .sync = true, .revision = "abc" }, 0,
		  "shop is pinned: #2 crashed" },
		{ HELD("a", "OutOfSync", BY_REVERT "}"), { .sync = true, .revision = "def" }, 9,
		  NULL },
		{ HELD("a", "OutOfSync", BY_REVERT ",\"until\":\"2026-03-01T12:09:00Z\"}"),
		  { .sync = true, .revision = "abc" }, 0, NULL },
		{ HELD("a", "OutOfSync", "\"phase\":\"Good\""), { .sync = true }, 9, NULL },
		{ HELD("a", "OutOfSync", COMES_BACK), { .sync = true }, 1, NULL },
		{ HELD("a", "OutOfSync", COMES_BACK), { .sync = true }, 2,
		  "what Git says was rejected: #2 crashed; it does not go out: syncctl retry shop" },
		{ HELD("a", "OutOfSync", COMES_BACK), { .good = true, .revision = "abc" }, 0,
		  "what Git says was rejected" },
		{ HELD("a", "Synced", COMES_BACK), { .sync = true }, 9, NULL },
	};
	int64_t began = time_parse_rfc3339("2026-03-01T12:00:00Z");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct view_waited t = { began, began + cases[i].minutes * 60000, began + 600000 };
		_cleanup_json_ json_t *app = parse(cases[i].app);
		_cleanup_free_ char *why = view_wait_in_vain(&cases[i].want, app, &t);

		if (!why != !cases[i].why || (why && !strstr(why, cases[i].why)))
			fail_msg("case %zu: %s, not %s", i, why ? why : "(it may come)",
				 cases[i].why ? cases[i].why : "(it may come)");
	}
}

static void orphans_are_listed(void **state)
{
	static const struct { const char *syncd, *out; } cases[] = {
		{ "{}", "nothing is known: its AppProject has no spec.orphanedResources, or it was "
			"not looked for yet\n" },
		{ "{\"orphaned\":{\"count\":0}}", "no orphaned objects\n" },
		{ "{\"orphaned\":{\"count\":1},\"orphanedObjects\":[{\"group\":\"apps\",\"kind\":"
		  "\"Deployment\",\"namespace\":\"prod\",\"name\":\"web\"}]}",
		  "GROUP   KIND         NAMESPACE   NAME\napps    Deployment   prod        web\n" },
		{ "{\"orphaned\":{\"count\":70,\"unread\":1},\"orphanedObjects\":[{\"kind\":"
		  "\"Pod\",\"namespace\":\"prod\",\"name\":\"a\"}]}",
		  "GROUP   KIND   NAMESPACE   NAME\n-       Pod    prod        a\n1 of 70\n"
		  "1 kind is not counted: syncd may not list it there\n" },
		{ "{\"orphaned\":{\"count\":0,\"unread\":2}}", "no orphaned objects\n"
		  "2 kinds are not counted: syncd may not list them there\n" },
	};
	const struct view_env env = { .width = 200 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *text = xasprintf("{\"status\":{\"syncd\":%s}}",
						      cases[i].syncd);
		_cleanup_json_ json_t *app = parse(text);
		_cleanup_buf_ struct buf out = BUF_INIT;

		view_orphans(app, &env, &out);
		assert_string_equal(buf_str(&out), cases[i].out);
	}
}

/* Where Argo CD's CRD drops status.syncd, all that asks for it has the annotation's. */
static void the_state_is_taken_from_where_it_is(void **state)
{
	static const char syncd[] = "{\\\"phase\\\":\\\"Pinned\\\",\\\"pin\\\":{\\\"rejected\\\":42},"
		"\\\"rejected\\\":{\\\"id\\\":42},\\\"target\\\":{\\\"id\\\":41},"
		"\\\"releases\\\":[{\\\"id\\\":41,\\\"state\\\":\\\"good\\\"},"
		"{\\\"id\\\":40,\\\"state\\\":\\\"good\\\"}]}";
	static const char *const rests[] = { "", ",\"status\":{}", ",\"status\":{\"sync\":{}}" };
	_cleanup_json_ json_t *plain = json_pack("{s{ss}}", "metadata", "name", "shop");
	_cleanup_json_ json_t *own = json_pack("{s{s{ss}}s{s{ss}}}", "metadata",
		"annotations", "syncd.dev/state", "{}", "status", "syncd",
		"phase", "Failed");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rests); i++) {
		_cleanup_free_ char *s = xasprintf("{\"metadata\":{\"annotations\":{"
			"\"syncd.dev/state\":\"%s\"}}%s}", syncd, rests[i]);
		_cleanup_json_ json_t *app = doc_parse(s, strlen(s), NULL);

		assert_false(view_may_retry(app));
		view_take_state(app);
		assert_true(view_may_retry(app));
		assert_true(view_is_pinned_by_itself(app));
		assert_int_equal(view_previous_release(app), 40);
	}
	view_take_state(plain);
	assert_null(json_object_get(plain, "status"));
	view_take_state(own);
	assert_string_equal(doc_get_str(own, "status", "syncd", "phase", NULL), "Failed");
	view_take_state(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_cannot_steer),
		cmocka_unit_test(cutting_counts_columns),
		cmocka_unit_test(ages_are_short),
		cmocka_unit_test(revisions_are_short),
		cmocka_unit_test(yaml_reads_back),
		cmocka_unit_test(data_steers_no_terminal),
		cmocka_unit_test(nothing_is_written_as_such),
		cmocka_unit_test(requests_say_what_is_asked),
		cmocka_unit_test(bad_resources_are_refused),
		cmocka_unit_test(patches_leave_what_is_wanted),
		cmocka_unit_test(outcome_is_of_our_request),
		cmocka_unit_test(busy_says_whose),
		cmocka_unit_test(waiting_tells_what_is_missing),
		cmocka_unit_test(waiting_in_vain_is_told),
		cmocka_unit_test(the_state_is_taken_from_where_it_is),
		cmocka_unit_test(orphans_are_listed),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
