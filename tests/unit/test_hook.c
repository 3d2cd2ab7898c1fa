/* sync/hook.h as tables: phases, names, order, the numbered cases, what goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "sync/hook.h"

#define N_CASES 17
#define REVISION "4c0d2aa0000000000000000000000000000000ff"

/* ---- phases and names ---- */

static void phases_are_argo_cds(void **state)
{
	static const struct { const char *hook; uint32_t flags; unsigned set; } rows[] = {
		{ "PreSync", OBJ_HOOK, 1u << HOOK_PRE_SYNC },
		{ "Sync,PostSync", OBJ_HOOK, 1u << HOOK_SYNC | 1u << HOOK_POST_SYNC },
		{ "SyncFail,PreDelete,PostDelete", OBJ_HOOK, 1u << HOOK_SYNC_FAIL |
		  1u << HOOK_PRE_DELETE | 1u << HOOK_POST_DELETE },
		{ "Skip,PreSync", OBJ_HOOK, 1u << HOOK_PRE_SYNC },
		{ "Skip", OBJ_SKIP, 0 },
		{ "Whatever", OBJ_HOOK, 0 },
		{ "presync", OBJ_HOOK, 0 },
		{ "PreSyncs,Pre", OBJ_HOOK, 0 },
		{ "", OBJ_HOOK, 0 },
		{ "", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rendered o = { .hook = (char *)(uintptr_t)rows[i].hook,
				      .flags = rows[i].flags };

		if (hook_phases(&o) != rows[i].set)
			fail_msg("%s: %x", rows[i].hook, hook_phases(&o));
	}
}

struct line {
	const char *kind, *ns, *name, *hook;
	int wave;
};

static void build(const struct line *lines, size_t n, const char *revision,
		  struct rendered *objects, struct scope *scopes,
		  struct render_answer *a, struct hook_list *ret)
{
	struct hook_list_input in = {
		.release = a, .scopes = scopes, .destination_ns = "prod",
		.revision = revision, .started_ms = 1700000000999,
	};

	for (size_t i = 0; i < n; i++) {
		objects[i] = (struct rendered){
			.group = (char *)(uintptr_t)"",
			.kind = (char *)(uintptr_t)lines[i].kind,
			.ns = (char *)(uintptr_t)lines[i].ns,
			.name = (char *)(uintptr_t)lines[i].name,
			.hook = (char *)(uintptr_t)lines[i].hook,
			.wave = lines[i].wave,
			.flags = *lines[i].hook ? OBJ_HOOK : 0,
		};
		scopes[i] = (struct scope){ true, strcmp(lines[i].kind,
							 "ClusterRole"), true };
	}
	*a = (struct render_answer){ .objects = objects, .n_objects = n };
	hook_list_build(&in, ret);
}

static void list_is_in_order_and_named(void **state)
{
	static const struct line lines[] = {
		{ "Job", "", "smoke", "PostSync", 0 },
		{ "Job", "", "migrate", "PreSync", 0 },
		{ "Job", "other", "backup", "PreSync", -1 },
		{ "ServiceAccount", "", "runner", "PreSync", 0 },
		{ "ClusterRole", "x", "runner", "PreSync", 0 },
		{ "Job", "", "both", "PostSync,PreSync", 1 },
		{ "Job", "", "gen-", "PreSync", 0 },
		{ "ConfigMap", "", "plain", "", 0 },
		{ "Job", "", "skipped", "Nothing", 0 },
	};
	static const char want[] =
		"PreSync -1 Job/other/backup\n"
		"PreSync 0 ServiceAccount/prod/runner\n"
		"PreSync 0 ClusterRole/runner\n"
		"PreSync 0 Job/prod/gen-4c0d2aa-presync-1700000000 (gen-)\n"
		"PreSync 0 Job/prod/migrate\n"
		"PreSync 1 Job/prod/both\n"
		"PostSync 0 Job/prod/smoke\n"
		"PostSync 1 Job/prod/both\n";
	struct rendered objects[ARRAY_LEN(lines)];
	struct scope scopes[ARRAY_LEN(lines)];
	_cleanup_(hook_list_deinit) struct hook_list l = { 0 };
	_cleanup_buf_ struct buf got = BUF_INIT;
	struct render_answer a;

	(void)state;
	build(lines, ARRAY_LEN(lines), REVISION, objects, scopes, &a, &l);
	for (size_t i = 0; i < l.tasks.len; i++) {
		const struct hook_task *t = &l.tasks.data[i];

		buf_addf(&got, "%s %d ", hook_phase_str(t->phase), t->wave);
		objkey_format(&t->key, &got);
		buf_addf(&got, "%s%s%s\n", *t->base ? " (" : "", t->base,
			 *t->base ? ")" : "");
	}
	assert_string_equal(buf_str(&got), want);
}

static const char *name_of(const struct hook_list *l, size_t object)
{
	for (size_t i = 0; i < l->tasks.len; i++)
		if (l->tasks.data[i].object == object)
			return l->tasks.data[i].key.name;
	return "";
}

static void made_names_fit_and_differ(void **state)
{
	static const char long_prefix[] = "a-very-long-name-of-a-migration-that-"
					  "somebody-thought-of-";
	const struct line lines[] = {
		{ "Job", "", long_prefix, "SyncFail", 0 },
		{ "Job", "", "gen-", "Sync", 0 },
		{ "Job", "", "gen-", "Sync", 3 },
		{ "Job", "", "gen-", "Sync", 0 },
		{ "Job", "other", "gen-", "Sync", 0 },
		{ "Pod", "", "gen-", "Sync", 0 },
	};
	struct rendered objects[ARRAY_LEN(lines)];
	struct scope scopes[ARRAY_LEN(lines)];
	_cleanup_(hook_list_deinit) struct hook_list l = { 0 }, short_ = { 0 };
	struct render_answer a, b;

	(void)state;
	build(lines, ARRAY_LEN(lines), REVISION, objects, scopes, &a, &l);
	assert_int_equal(strlen(name_of(&l, 0)), 63);
	assert_non_null(strstr(name_of(&l, 0), "4c0d2aa-syncfail-1700000000"));
	assert_string_equal(name_of(&l, 1), "gen-4c0d2aa-sync-1700000000");
	assert_string_equal(name_of(&l, 3), "gen-4c0d2aa-sync-1700000000-2");
	assert_string_equal(name_of(&l, 2), "gen-4c0d2aa-sync-1700000000-3");
	assert_string_equal(name_of(&l, 4), "gen-4c0d2aa-sync-1700000000");
	assert_string_equal(name_of(&l, 5), "gen-4c0d2aa-sync-1700000000");
	build(lines + 1, 1, "v1.2", objects, scopes, &b, &short_);
	assert_string_equal(name_of(&short_, 0), "gen-v1.2-sync-1700000000");
}

static void no_hooks_are_an_empty_list(void **state)
{
	static const struct line lines[] = { { "ConfigMap", "", "plain", "", 0 } };
	struct rendered objects[1];
	struct scope scopes[1];
	_cleanup_(hook_list_deinit) struct hook_list l = { 0 };
	struct render_answer a;

	(void)state;
	build(lines, 1, REVISION, objects, scopes, &a, &l);
	assert_int_equal(l.tasks.len, 0);
}

/* ---- the numbered cases ---- */

enum owner { NONE, OURS, ANOTHERS };
enum { ABSENT = 1, DELETING = 2, HELD = 4, OTHER_PHASE = 8, OTHER_UID = 16,
       UNSEEN = 32, LATE = 64, SHARED = 128, THIS_OP = 256 };

struct row {
	int nr;
	enum hook_state state;
	uint32_t flags;
	unsigned seen;
	enum owner owner;
	enum health_status health;
	enum hook_verb verb;
};

static const struct row rows[] = {
	{ 1, HOOK_PLANNED, 0, UNSEEN, NONE, 0, HOOK_DO_LOOK },
	{ 2, HOOK_PLANNED, 0, ABSENT, NONE, 0, HOOK_DO_CREATE },
	{ 3, HOOK_PLANNED, OBJ_HOOK_BEFORE, 0, ANOTHERS, 0, HOOK_DO_REFUSE },
	{ 3, HOOK_PLANNED, 0, THIS_OP, ANOTHERS, 0, HOOK_DO_REFUSE },
	{ 4, HOOK_PLANNED, OBJ_HOOK_BEFORE, THIS_OP, OURS, 0, HOOK_DO_TAKE },
	{ 4, HOOK_PLANNED, 0, THIS_OP | DELETING | HELD, OURS, 0, HOOK_DO_TAKE },
	{ 5, HOOK_PLANNED, OBJ_HOOK_BEFORE, DELETING | HELD, OURS, 0, HOOK_DO_RELEASE },
	{ 5, HOOK_PLANNED, 0, DELETING | HELD, OURS, 0, HOOK_DO_RELEASE },
	{ 6, HOOK_PLANNED, OBJ_HOOK_BEFORE, DELETING, OURS, 0, HOOK_DO_WAIT },
	{ 6, HOOK_PLANNED, 0, DELETING | HELD, NONE, 0, HOOK_DO_WAIT },
	{ 6, HOOK_PLANNED, 0, DELETING | SHARED, ANOTHERS, 0, HOOK_DO_WAIT },
	{ 7, HOOK_PLANNED, OBJ_HOOK_BEFORE, HELD, OURS, 0, HOOK_DO_RELEASE },
	/* made by this operation, in another phase */
	{ 7, HOOK_PLANNED, OBJ_HOOK_BEFORE, HELD | THIS_OP | OTHER_PHASE, OURS, 0,
	  HOOK_DO_RELEASE },
	{ 8, HOOK_PLANNED, OBJ_HOOK_BEFORE, 0, OURS, 0, HOOK_DO_DELETE },
	{ 8, HOOK_PLANNED, OBJ_HOOK_BEFORE | OBJ_HOOK_SUCCEEDED, THIS_OP | OTHER_PHASE,
	  OURS, 0, HOOK_DO_DELETE },
	/* nobody's is never deleted, nor without that policy */
	{ 9, HOOK_PLANNED, OBJ_HOOK_BEFORE, 0, NONE, 0, HOOK_DO_CREATE },
	{ 9, HOOK_PLANNED, OBJ_HOOK_BEFORE, HELD, NONE, 0, HOOK_DO_CREATE },
	{ 9, HOOK_PLANNED, OBJ_HOOK_SUCCEEDED, HELD, OURS, 0, HOOK_DO_CREATE },
	{ 9, HOOK_PLANNED, OBJ_HOOK_BEFORE, SHARED, ANOTHERS, 0, HOOK_DO_CREATE },
	{ 10, HOOK_RUNNING, 0, UNSEEN, NONE, 0, HOOK_DO_LOOK },
	{ 11, HOOK_RUNNING, 0, ABSENT, NONE, 0, HOOK_DO_GONE },
	{ 11, HOOK_RUNNING, 0, OTHER_UID, OURS, HEALTH_HEALTHY, HOOK_DO_GONE },
	{ 12, HOOK_RUNNING, 0, HELD, OURS, HEALTH_HEALTHY, HOOK_DO_PASS },
	{ 12, HOOK_RUNNING, 0, HELD, OURS, HEALTH_NONE, HOOK_DO_PASS },
	{ 12, HOOK_RUNNING, 0, HELD | DELETING | LATE, OURS, HEALTH_HEALTHY, HOOK_DO_PASS },
	{ 13, HOOK_RUNNING, 0, HELD, OURS, HEALTH_DEGRADED, HOOK_DO_FAIL },
	{ 13, HOOK_RUNNING, 0, HELD | LATE, OURS, HEALTH_DEGRADED, HOOK_DO_FAIL },
	{ 14, HOOK_RUNNING, 0, HELD | LATE, OURS, HEALTH_PROGRESSING, HOOK_DO_LATE },
	{ 14, HOOK_RUNNING, 0, HELD | LATE, OURS, HEALTH_UNKNOWN, HOOK_DO_LATE },
	{ 15, HOOK_RUNNING, 0, HELD, OURS, HEALTH_PROGRESSING, HOOK_DO_WAIT },
	{ 15, HOOK_RUNNING, 0, HELD, OURS, HEALTH_SUSPENDED, HOOK_DO_WAIT },
	/* not knowing is no failure */
	{ 15, HOOK_RUNNING, 0, HELD, OURS, HEALTH_UNKNOWN, HOOK_DO_WAIT },
	{ 16, HOOK_SUCCEEDED, 0, HELD, OURS, HEALTH_HEALTHY, HOOK_DO_RELEASE },
	{ 16, HOOK_FAILED, 0, HELD | DELETING, OURS, HEALTH_DEGRADED, HOOK_DO_RELEASE },
	{ 16, HOOK_LATE, 0, HELD, OURS, HEALTH_PROGRESSING, HOOK_DO_RELEASE },
	{ 17, HOOK_SUCCEEDED, 0, 0, OURS, HEALTH_HEALTHY, HOOK_DO_REST },
	{ 17, HOOK_SUCCEEDED, 0, HELD | OTHER_UID, OURS, HEALTH_HEALTHY, HOOK_DO_REST },
	{ 17, HOOK_FAILED, 0, ABSENT, NONE, 0, HOOK_DO_REST },
	{ 17, HOOK_SUCCEEDED, 0, UNSEEN, NONE, 0, HOOK_DO_REST },
};

static void decides_by_the_numbered_cases(void **state)
{
	bool cited[N_CASES + 1] = { false };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		unsigned s = r->seen;
		struct hook_run run = { .state = r->state, .flags = r->flags,
					.op = "r2-one", .uid = "u1" };
		struct hook_seen seen = {
			.looked = !(s & UNSEEN), .there = !(s & (UNSEEN | ABSENT)),
			.ours = r->owner == OURS, .anothers = r->owner == ANOTHERS,
			.deleting = s & DELETING, .held = s & HELD,
			.of_other_phase = s & OTHER_PHASE,
			.health.status = r->health,
		};
		struct hook_facts f = { .run = &run, .seen = &seen,
					.shared_allowed = s & SHARED,
					.late = s & LATE };
		enum hook_verb verb;
		int nr = 0;

		if (r->state == HOOK_PLANNED)
			run.uid[0] = '\0';
		strcpy(seen.uid, s & OTHER_UID ? "u2" : "u1");
		strcpy(seen.op, s & THIS_OP ? "r2-one" : "r1-other");
		verb = hook_decide(&f, &nr);
		if (verb != r->verb || nr != r->nr)
			fail_msg("row %zu: case %d %s, not %d %s", i, nr,
				 hook_verb_str(verb), r->nr, hook_verb_str(r->verb));
		cited[nr] = true;
	}
	for (int nr = 1; nr <= N_CASES; nr++)
		if (!cited[nr])
			fail_msg("case %d has no row", nr);
}

static void goes_by_its_policy_and_the_operations_end(void **state)
{
	static const struct {
		enum hook_state state;
		uint32_t flags;
		enum hook_end end;
		bool goes;
	} table[] = {
		{ HOOK_SUCCEEDED, OBJ_HOOK_BEFORE, HOOK_END_GOOD, false },
		{ HOOK_SUCCEEDED, OBJ_HOOK_SUCCEEDED, HOOK_END_GOOD, true },
		{ HOOK_SUCCEEDED, OBJ_HOOK_SUCCEEDED, HOOK_END_BAD, false },
		{ HOOK_SUCCEEDED, OBJ_HOOK_FAILED, HOOK_END_GOOD, false },
		{ HOOK_SUCCEEDED, OBJ_HOOK_FAILED, HOOK_END_BAD, true },
		{ HOOK_FAILED, OBJ_HOOK_FAILED, HOOK_END_BAD, true },
		{ HOOK_FAILED, OBJ_HOOK_SUCCEEDED, HOOK_END_BAD, false },
		{ HOOK_FAILED, 0, HOOK_END_BAD, false },
		{ HOOK_FAILED, OBJ_HOOK_FAILED, HOOK_END_CANCELLED, true },
		{ HOOK_RUNNING, 0, HOOK_END_CANCELLED, true },
		{ HOOK_RUNNING, 0, HOOK_END_BAD, true },
		{ HOOK_LATE, 0, HOOK_END_BAD, true },
		{ HOOK_PLANNED, OBJ_HOOK_FAILED, HOOK_END_BAD, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct hook_run h = { .state = table[i].state,
				      .flags = table[i].flags };

		if (hook_goes(&h, table[i].end) != table[i].goes)
			fail_msg("row %zu", i);
	}
}

/* ---- the record's rows ---- */

static struct objkey job(const char *name)
{
	return (struct objkey){ "batch", "Job", "prod", name };
}

static struct hook_run *ran(struct record *r, const char *name, const char *base,
			    const char *op, const char *digest)
{
	struct objkey k = job(name);
	struct hook_run *h = record_hook_plan(r, &k, HOOK_PRE_SYNC, base, op);

	h->state = HOOK_SUCCEEDED;
	strcpy(h->uid, "u");
	strcpy(h->digest, digest);
	return h;
}

static void a_row_is_the_operations(void **state)
{
	_cleanup_(record_deinit) struct record r = { 0 };
	struct objkey k = job("migrate");
	struct hook_run *h = ran(&r, "migrate", "", "r1-a", "d1");

	(void)state;
	h->message = xstrdup("why");
	/* the same operation, after a crash: as it was */
	assert_ptr_equal(record_hook_plan(&r, &k, HOOK_PRE_SYNC, "", "r1-a"), h);
	assert_int_equal(h->state, HOOK_SUCCEEDED);
	assert_null(record_hook(&r, &k, HOOK_POST_SYNC));
	record_hooks_again(&r, "r1-a");
	assert_int_equal(h->state, HOOK_SUCCEEDED);
	h->state = HOOK_FAILED;
	record_hooks_again(&r, "r1-b");
	assert_int_equal(h->state, HOOK_FAILED);
	record_hooks_again(&r, "r1-a");
	assert_int_equal(h->state, HOOK_PLANNED);
	assert_string_equal(h->uid, "");
	assert_null(h->message);
	h = ran(&r, "migrate", "", "r1-a", "d1");
	h->message = xstrdup("why");
	/* another one: planned anew */
	record_hooks_proven(&r);
	h = record_hook_plan(&r, &k, HOOK_PRE_SYNC, "", "r2-b");
	assert_int_equal(h->state, HOOK_PLANNED);
	assert_string_equal(h->uid, "");
	assert_string_equal(h->digest, "");
	assert_null(h->message);
	assert_string_equal(h->good_digest, "d1");
	assert_int_equal(r.hooks.len, 1);
}

static void a_made_name_inherits_by_its_base(void **state)
{
	_cleanup_(record_deinit) struct record r = { 0 };
	struct hook_run *h;

	(void)state;
	ran(&r, "gen-1", "gen-", "r1-a", "d1");
	record_hooks_proven(&r);
	h = ran(&r, "gen-2", "gen-", "r2-b", "d1");
	assert_string_equal(h->good_digest, "d1");
	assert_int_equal(r.hooks.len, 2);	/* its object is still there */
	r.hooks.data[0].uid[0] = r.hooks.data[1].uid[0] = '\0';
	h = ran(&r, "gen-3", "gen-", "r3-c", "d1");
	assert_string_equal(h->good_digest, "d1");
	assert_int_equal(r.hooks.len, 1);
	h = ran(&r, "other-1", "other-", "r3-c", "d1");
	assert_string_equal(h->good_digest, "");
}

static void rows_of_the_past_are_capped(void **state)
{
	_cleanup_(record_deinit) struct record r = { 0 };
	struct objkey first = job("h0"), kept = job("h30");

	(void)state;
	for (int i = 0; i < RECORD_HOOKS_MAX + 30; i++) {
		_cleanup_free_ char *name = xasprintf("h%d", i);

		ran(&r, name, "", "r1-a", "d");
	}
	assert_int_equal(r.hooks.len, RECORD_HOOKS_MAX + 30);	/* its own: all */
	ran(&r, "new", "", "r2-b", "d");
	assert_int_equal(r.hooks.len, RECORD_HOOKS_MAX);
	assert_null(record_hook(&r, &first, HOOK_PRE_SYNC));
	assert_null(record_hook(&r, &kept, HOOK_PRE_SYNC));
	ran(&r, "newer", "", "r2-b", "d");
	assert_int_equal(r.hooks.len, RECORD_HOOKS_MAX + 1);
}

static void a_migration_holds(void **state)
{
	_cleanup_(record_deinit) struct record r = { 0 };
	struct hook_run *h = ran(&r, "migrate", "", "r1-a", "d1");

	(void)state;
	assert_ptr_equal(record_hook_holds(&r), h);
	record_hooks_proven(&r);
	assert_null(record_hook_holds(&r));
	/* the next release runs the same again */
	h = ran(&r, "migrate", "", "r2-b", "d1");
	assert_null(record_hook_holds(&r));
	/* another body */
	h = ran(&r, "migrate", "", "r3-c", "d2");
	assert_ptr_equal(record_hook_holds(&r), h);
	h->flags = OBJ_REVERSIBLE;
	assert_null(record_hook_holds(&r));
	h->flags = 0;
	h->state = HOOK_FAILED;
	assert_null(record_hook_holds(&r));
	h->state = HOOK_SUCCEEDED;
	h->phase = HOOK_SYNC_FAIL;
	assert_null(record_hook_holds(&r));
	h->phase = HOOK_POST_SYNC;
	assert_ptr_equal(record_hook_holds(&r), h);
	strcpy(h->kind, "Cat");
	assert_null(record_hook_holds(&r));
}

static void names_of_enums(void **state)
{
	(void)state;
	assert_string_equal(hook_phase_str(HOOK_POST_DELETE), "PostDelete");
	assert_string_equal(hook_phase_str(HOOK_PHASE_N), "unknown");
	assert_string_equal(hook_state_str(HOOK_LATE), "late");
	assert_string_equal(hook_state_str(HOOK_STATE_N), "unknown");
	assert_string_equal(hook_verb_str(HOOK_DO_REST), "REST");
	assert_string_equal(hook_verb_str(HOOK_VERB_N), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phases_are_argo_cds),
		cmocka_unit_test(list_is_in_order_and_named),
		cmocka_unit_test(made_names_fit_and_differ),
		cmocka_unit_test(no_hooks_are_an_empty_list),
		cmocka_unit_test(decides_by_the_numbered_cases),
		cmocka_unit_test(goes_by_its_policy_and_the_operations_end),
		cmocka_unit_test(a_row_is_the_operations),
		cmocka_unit_test(a_made_name_inherits_by_its_base),
		cmocka_unit_test(rows_of_the_past_are_capped),
		cmocka_unit_test(a_migration_holds),
		cmocka_unit_test(names_of_enums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
