/* record.h: the state record, its codec and its promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/doc.h"
#include "sync/record.h"

static struct objkey key(const char *group, const char *kind, const char *ns,
			 const char *name)
{
	return (struct objkey){ group, kind, ns, name };
}

static char *encoded(const struct record *r)
{
	struct buf b = BUF_INIT;

	record_encode(r, &b);
	if (!b.len)
		buf_adds(&b, "");
	return buf_steal(&b, NULL);
}

static void full_release(struct record *r, enum release_state state)
{
	struct release *rel = record_add_release(r);

	rel->state = state;
	snprintf(rel->digest, sizeof(rel->digest), "digest%u", rel->id);
	snprintf(rel->input_key, sizeof(rel->input_key), "input%u", rel->id);
	strcpy(rel->options_digest, "options");
	strcpy(rel->revision, "4c0d2aa0000000000000000000000000000000ff");
	rel->author = xstrdup("Ada \"the first\"");
	rel->subject = xstrdup("cache: raise ttl \xe2\x80\x94 a lot");
	rel->initiated_by = xstrdup("automated");
	rel->overridden = xstrdup("freeze: lifted by ada");
	rel->approved_by = xstrdup("ada");
	rel->reason = state == RELEASE_REJECTED ? xstrdup("pull failed") : NULL;
	rel->may_pass = state == RELEASE_REJECTED;
	rel->project = xstrdup("team");
	rel->prune = state == RELEASE_CANDIDATE;
	rel->chunks = xstrdup("0123456789abcdef01234567 89abcdef");
	rel->sources = xstrdup("{\"source\":{\"repoURL\":\"https://git/a\"}}");
	rel->n_objects = 23;
	rel->created_ms = 1700000000000;
	rel->deployed_ms = 1700000001000;
	rel->decided_ms = 1700000002000;
}

static void full_hook(struct record *r)
{
	struct objkey k = key("batch", "Job", "prod", "gen-4c0d2aa-postsync-17");
	struct hook_run *h = record_hook_plan(r, &k, HOOK_POST_SYNC, "gen-", "op-7");

	h->state = HOOK_LATE;
	h->flags = 1;
	strcpy(h->uid, "6c1d0d3a-0000-4000-8000-000000000002");
	strcpy(h->digest, "body");
	strcpy(h->good_digest, "good");
	h->deadline_ms = 11;
	h->message = xstrdup("no end in time");
	free(h->version);
	h->version = xstrdup("v1");
}

static void full_record(struct record *r)
{
	struct objkey k = key("apps", "Deployment", "prod", "web");
	struct inv_entry *e = record_inv_add(r, &k, "op-7");

	strcpy(e->uid, "6c1d0d3a-0000-4000-8000-000000000001");
	memset(e->digest, 'a', 64);
	memset(e->fingerprint, 'b', 64);
	memset(e->shape, 'd', 64);
	free(e->version);
	e->version = xstrdup("v1");
	e->wave = -3;
	e->flags = 5;
	e->adopted = e->changed = e->sick = true;
	k = key("", "Namespace", "", "prod");
	record_inv_add(r, &k, "op-7");
	full_release(r, RELEASE_GOOD);
	full_release(r, RELEASE_REJECTED);
	r->epoch = 12345678901;
	r->target = r->last_good = 1;
	r->phase = PHASE_PINNED;
	r->phase_since_ms = 1700000003000;
	r->pin_why = xstrdup("deployment/web: ImagePullBackOff");
	r->pin_by = xstrdup("auto-revert");
	r->pin_since_ms = 1700000004000;
	r->pin_rejected = 2;
	r->op = (struct op_record){
		.id = "op-7", .kind = OP_REVERT, .release = 1, .started_ms = 9,
		.deadline_ms = 10, .wave = -1, .initiated_by = xstrdup("ada"),
		.applied = true, .tries = 2, .failed = 1 };
	r->op.no_hooks = r->op.prune = r->op.own_options = true;
	r->op.options = 5;
	r->op.propagation = xstrdup("Orphan");
	memset(r->op.asked, 'c', 64);
	vec_push(&r->op.only, ((struct op_choice){
		.group = xstrdup("apps"), .kind = xstrdup("Deployment"),
		.ns = xstrdup(""), .name = xstrdup("web") }));
	vec_push(&r->op.leftovers, ((struct op_leftover){
		.ns = xstrdup("shop"), .name = xstrdup("web-1"), .of = xstrdup("web"),
		.uid = "u1", .owner = "u2", .wave = -2, .asked = true }));
	r->pin_until_ms = 1700000007000;
	full_hook(r);
	r->reverts_in_row = 1;
	r->last_revert_ms = 1700000005000;
	r->vanished_ms = 1700000006000;
}

static void decode(struct record *r, const char *json)
{
	struct err err = ERR_INIT;

	if (record_decode(r, json, strlen(json), &err))
		fail_msg("%s: %s", json, err.msg);
}

static void every_field_survives(void **state)
{
	_cleanup_(record_deinit) struct record a = { 0 }, b;
	_cleanup_free_ char *first = NULL, *second = NULL;

	(void)state;
	full_record(&a);
	first = encoded(&a);
	decode(&b, first);
	second = encoded(&b);
	assert_string_equal(first, second);
	assert_int_equal(b.epoch, 12345678901);
	assert_int_equal(b.phase, PHASE_PINNED);
	assert_string_equal(b.pin_why, a.pin_why);
	assert_int_equal(b.op.kind, OP_REVERT);
	assert_int_equal(b.op.wave, -1);
	assert_true(b.op.applied);
	assert_true(b.op.no_hooks && b.op.prune && b.op.own_options);
	assert_int_equal(b.op.options, 5);
	assert_string_equal(b.op.propagation, "Orphan");
	assert_int_equal(b.op.only.len, 1);
	assert_string_equal(b.op.only.data[0].ns, "");
	assert_string_equal(b.op.only.data[0].name, "web");
	assert_int_equal(b.op.leftovers.len, 1);
	assert_string_equal(b.op.leftovers.data[0].of, "web");
	assert_string_equal(b.op.leftovers.data[0].owner, "u2");
	assert_int_equal(b.op.leftovers.data[0].wave, -2);
	assert_false(b.op.leftovers.data[0].asked);
	assert_int_equal(b.pin_until_ms, 1700000007000);
	assert_int_equal(b.hooks.len, 1);
	assert_int_equal(b.hooks.data[0].state, HOOK_LATE);
	assert_string_equal(b.hooks.data[0].base, "gen-");
	assert_int_equal(b.releases.len, 2);
	assert_int_equal(b.releases.data[1].state, RELEASE_REJECTED);
	assert_string_equal(b.releases.data[1].subject, a.releases.data[1].subject);
	assert_int_equal(b.inventory.len, 2);
	assert_string_equal(b.inventory.data[1].fingerprint,
			    a.inventory.data[1].fingerprint);
	assert_int_equal(b.inventory.data[1].wave, -3);
	assert_string_equal(b.inventory.data[0].group, "");
	assert_string_equal(b.inventory.data[0].version, "");
}

/* The tables must be sorted, else the bytes are not canonical. */
static void bytes_are_canonical(void **state)
{
	_cleanup_(record_deinit) struct record r = { 0 }, empty = { 0 };
	_cleanup_free_ char *text = NULL, *nothing = NULL;
	_cleanup_buf_ struct buf canonical = BUF_INIT;
	_cleanup_json_ json_t *j = NULL;
	struct err err = ERR_INIT;

	(void)state;
	full_record(&r);
	text = encoded(&r);
	j = doc_parse(text, strlen(text), &err);
	assert_non_null(j);
	doc_canonical(j, &canonical);
	assert_string_equal(text, buf_str(&canonical));
	nothing = encoded(&empty);
	assert_string_equal(nothing, "{}");
}

static void newer_fields_are_ignored(void **state)
{
	_cleanup_(record_deinit) struct record r;

	(void)state;
	decode(&r, "{\"future\":{\"x\":[1]},\"epoch\":3,\"inventory\":[{\"kind\":\"A\","
		   "\"name\":\"n\",\"colour\":\"red\",\"uid\":null}]}");
	assert_int_equal(r.epoch, 3);
	assert_int_equal(r.inventory.len, 1);
	assert_string_equal(r.inventory.data[0].uid, "");
}

static void bad_records_name_the_field(void **state)
{
	static const struct { const char *json, *words; } bad[] = {
		{ "", "not JSON" },
		{ "[]", "must be an object" },
		{ "{\"epoch\":-1}", "epoch: must be an integer" },
		{ "{\"epoch\":\"1\"}", "epoch: must be an integer" },
		{ "{\"target\":4294967296}", "target: must be an integer" },
		{ "{\"phase\":\"Levitating\"}", "phase: Levitating is not known" },
		{ "{\"phase\":7}", "phase: a value that is no string" },
		{ "{\"op\":[]}", "op: must be an object" },
		{ "{\"op\":{\"wave\":2147483648}}", "op: wave: must be an integer" },
		{ "{\"op\":{\"applied\":1}}", "op: applied: must be true or false" },
		{ "{\"op\":{\"id\":\"0123456789012345678901234\"}}",
		  "op: id: longer than 23 bytes" },
		{ "{\"op\":{\"id\":\"x\",\"release\":3}}", "op: release: there is no" },
		{ "{\"pinWhy\":5}", "pinWhy: must be a string" },
		{ "{\"inventory\":{}}", "inventory: must be a list" },
		{ "{\"inventory\":[{\"kind\":\"A\",\"name\":\"n\"},7]}",
		  "inventory: [1]: must be an object" },
		{ "{\"inventory\":[{\"kind\":\"A\"}]}", "inventory: [0]: kind and name" },
		{ "{\"hooks\":[{\"name\":\"A\"}]}", "hooks: [0]: kind and name" },
		{ "{\"hooks\":[{\"phase\":\"Late\"}]}", "phase" },
		{ "{\"inventory\":[{\"kind\":\"A\",\"name\":\"n\"},"
		  "{\"kind\":\"A\",\"name\":\"n\"}]}", "A/n is there twice" },
		{ "{\"releases\":[{}]}", "releases: [0]: id" },
		{ "{\"lastId\":2,\"releases\":[{\"id\":2},{\"id\":1}]}", "releases: [1]: id" },
		{ "{\"lastId\":1,\"releases\":[{\"id\":2}]}", "releases: [0]: id" },
		{ "{\"lastGood\":1}", "lastGood: there is no release #1" },
		{ "{\"target\":1}", "target: there is no release #1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;
		struct record r;

		assert_int_equal(record_decode(&r, bad[i].json,
					       strlen(bad[i].json), &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		if (!strstr(err.msg, bad[i].words) ||
		    strncmp(err.msg, "state record: ", 14))
			fail_msg("%s: %s", bad[i].json, err.msg);
	}
}

static void keys_read_well(void **state)
{
	static const struct { struct objkey k; const char *text; } cases[] = {
		{ { "apps", "Deployment", "prod", "web" }, "apps/Deployment/prod/web" },
		{ { "", "ServiceAccount", "prod", "web" }, "ServiceAccount/prod/web" },
		{ { "", "Namespace", "", "prod" }, "Namespace/prod" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;

		objkey_format(&cases[i].k, &b);
		assert_string_equal(buf_str(&b), cases[i].text);
	}
}

/* Any order of adding and dropping leaves the same sorted inventory. */
static void inventory_stays_sorted(void **state)
{
	_cleanup_(record_deinit) struct record r = { 0 };
	unsigned seed = 7;
	char name[8];

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct objkey k;

		snprintf(name, sizeof(name), "n%d", rand_r(&seed) % 60);
		k = key(i % 2 ? "apps" : "", "K", i % 3 ? "x" : "", name);
		if (rand_r(&seed) % 3)
			assert_string_equal(record_inv_add(&r, &k, "op")->name, name);
		else
			record_inv_drop(&r, &k);
		assert_true(!record_inv(&r, &k) || !strcmp(record_inv(&r, &k)->name, name));
	}
	assert_true(r.inventory.len > 20);
	for (size_t i = 1; i < r.inventory.len; i++) {
		struct objkey a = inv_key(&r.inventory.data[i - 1]);
		struct objkey b = inv_key(&r.inventory.data[i]);

		assert_true(objkey_cmp(&a, &b) < 0);
	}
}

static void adding_twice_changes_nothing(void **state)
{
	_cleanup_(record_deinit) struct record r = { 0 };
	struct objkey k = key("", "ConfigMap", "x", "c");

	(void)state;
	strcpy(record_inv_add(&r, &k, "first")->uid, "u");
	assert_string_equal(record_inv_add(&r, &k, "second")->op, "first");
	assert_string_equal(record_inv(&r, &k)->uid, "u");
	record_inv_drop(&r, &k);
	assert_null(record_inv(&r, &k));
	record_inv_drop(&r, &k);
}

static void note_gone(uint32_t id, void *arg)
{
	buf_addf(arg, "%u ", id);
}

/* Only the newest, only while nothing came of it. */
static void take_back_is_for_dry_runs(void **state)
{
	_cleanup_(record_deinit) struct record r = { 0 };

	(void)state;
	record_take_back(&r, 1);
	full_release(&r, RELEASE_GOOD);
	r.releases.data[0].deployed_ms = 0;
	full_release(&r, RELEASE_CANDIDATE);
	record_take_back(&r, 2);	/* deployed */
	assert_int_equal(r.releases.len, 2);
	r.releases.data[1].deployed_ms = 0;
	r.target = 2;
	record_take_back(&r, 2);
	r.target = 0;
	record_take_back(&r, 1);
	assert_int_equal(r.releases.len, 2);
	record_take_back(&r, 2);
	assert_int_equal(r.releases.len, 1);
	record_take_back(&r, 1);	/* good */
	assert_int_equal(r.releases.len, 1);
	assert_int_equal(record_add_release(&r)->id, 2);
}

static void trim_spares_what_is_needed(void **state)
{
	_cleanup_(record_deinit) struct record r = { 0 };
	_cleanup_buf_ struct buf gone = BUF_INIT;

	(void)state;
	for (int i = 0; i < 12; i++)
		full_release(&r, i % 2 ? RELEASE_REJECTED : RELEASE_SUPERSEDED);
	r.last_good = 2;
	r.target = 3;
	r.pin_rejected = 5;
	strcpy(r.op.id, "x");
	r.op.release = 7;
	record_trim(&r, 3, note_gone, &gone);
	assert_string_equal(buf_str(&gone), "1 4 6 8 9 ");
	assert_int_equal(r.releases.len, 7);
	assert_int_equal(r.releases.data[0].id, 2);
	assert_int_equal(r.releases.data[6].id, 12);
	buf_clear(&gone);
	record_trim(&r, 3, note_gone, &gone);
	assert_string_equal(buf_str(&gone), "");
	r.op.id[0] = '\0';	/* it ended: its release is needed no more */
	record_trim(&r, 3, note_gone, &gone);
	assert_string_equal(buf_str(&gone), "7 ");
	record_trim(&r, 100, NULL, NULL);
	assert_int_equal(record_add_release(&r)->id, 13);
}

static void newest_release_of_a_digest(void **state)
{
	_cleanup_(record_deinit) struct record r = { 0 };

	(void)state;
	full_release(&r, RELEASE_GOOD);
	full_release(&r, RELEASE_GOOD);
	strcpy(r.releases.data[1].digest, "digest1");
	assert_int_equal(record_by_digest(&r, "digest1")->id, 2);
	assert_null(record_by_digest(&r, ""));
	assert_null(record_by_digest(&r, "other"));
	assert_null(record_release(&r, 0));
	assert_null(record_release(&r, 9));
}

/* auto-revert: options match, and digest or input key does. */
static void rejections_hold(void **state)
{
	static const struct {
		enum release_state state, later;
		const char *digest, *input, *options;
		uint32_t want;
	} cases[] = {
		{ RELEASE_REJECTED, RELEASE_STATE_N, "digest1", "input1", "options", 1 },
		{ RELEASE_REJECTED, RELEASE_STATE_N, "digest1", "other", "options", 1 },
		{ RELEASE_REJECTED, RELEASE_STATE_N, "other", "input1", "options", 1 },
		{ RELEASE_REJECTED, RELEASE_STATE_N, "other", "other", "options", 0 },
		{ RELEASE_REJECTED, RELEASE_STATE_N, "digest1", "input1", "mended", 0 },
		{ RELEASE_REJECTED, RELEASE_STATE_N, "", "", "options", 0 },
		{ RELEASE_GOOD, RELEASE_STATE_N, "digest1", "input1", "options", 0 },
		{ RELEASE_SUPERSEDED, RELEASE_STATE_N, "digest1", "input1", "options", 0 },
		{ RELEASE_CANDIDATE, RELEASE_STATE_N, "digest1", "input1", "options", 0 },
		/* the same digest again: the newest verdict counts */
		{ RELEASE_REJECTED, RELEASE_GOOD, "digest1", "input1", "options", 0 },
		{ RELEASE_REJECTED, RELEASE_REJECTED, "digest1", "input1", "options", 2 },
		{ RELEASE_GOOD, RELEASE_REJECTED, "digest1", "input1", "options", 2 },
		{ RELEASE_REJECTED, RELEASE_CANDIDATE, "digest1", "input1", "options", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_(record_deinit) struct record r = { 0 };
		const struct release *got;

		full_release(&r, cases[i].state);
		if (cases[i].later != RELEASE_STATE_N) {
			full_release(&r, cases[i].later);
			strcpy(r.releases.data[1].digest, "digest1");
		}
		got = record_rejects(&r, cases[i].digest, cases[i].input,
				     cases[i].options);
		if ((got ? got->id : 0) != cases[i].want)
			fail_msg("case %zu: #%u", i, got ? got->id : 0);
	}
}

/* The wall clock says how long ago it was; from here on only the other counts. */
static void pauses_go_by_the_monotonic_clock(void **state)
{
	static const struct { int64_t ms, wall_ms, mono; } rows[] = {
		{ 1700000000000, 1700000060000, 940000 },	/* a minute ago */
		{ 1700000000000, 1700000000000, 1000000 },
		{ 1700000000000, 1600000000000, 1000000 },	/* ahead of us: now */
		{ 1700000000000, 1700003600000, -2600000 },	/* before our start */
		{ INT64_MIN, 5000, 995000 }, { 0, 5000, 995000 },
		{ INT64_MAX, INT64_MAX, 1000000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_(record_deinit) struct record r = { 0 };

		record_add_release(&r)->decided_ms = rows[i].ms;
		r.last_revert_ms = rows[i].ms;
		record_clock(&r, rows[i].wall_ms, 1000000);
		assert_int_equal(r.releases.data[0].rejected_mono, rows[i].mono);
		assert_int_equal(r.last_revert_mono, rows[i].mono);
	}
}

static void states_have_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PHASE_N; i++)
		assert_int_equal(phase_from_str(phase_str((enum phase)i)), i);
	assert_int_equal(phase_from_str("Levitating"), PHASE_NONE);
	assert_int_equal(phase_from_str(NULL), PHASE_NONE);
	assert_string_equal(release_state_str(RELEASE_SUPERSEDED), "superseded");
	assert_string_equal(op_kind_str(OP_ROLLBACK), "rollback");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_survives),
		cmocka_unit_test(bytes_are_canonical),
		cmocka_unit_test(newer_fields_are_ignored),
		cmocka_unit_test(bad_records_name_the_field),
		cmocka_unit_test(keys_read_well),
		cmocka_unit_test(inventory_stays_sorted),
		cmocka_unit_test(adding_twice_changes_nothing),
		cmocka_unit_test(trim_spares_what_is_needed),
		cmocka_unit_test(newest_release_of_a_digest),
		cmocka_unit_test(take_back_is_for_dry_runs),
		cmocka_unit_test(rejections_hold),
		cmocka_unit_test(pauses_go_by_the_monotonic_clock),
		cmocka_unit_test(states_have_names),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
