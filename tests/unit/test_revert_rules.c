/*
 * Which stories tell which rule of auto-revert, and which state: each row names tests
 * that have to be there, so that none goes without a word. Most are in tests/sim; the
 * tables of unit tests come on top.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/buf.h"
#include "core/mem.h"
#include "sync/record.h"

struct row {
	const char *what;
	const char *tests;	/* "file:test", spaced; file is tests/sim/test_FILE.c */
};

static const struct row rules[] = {
	{ "1: only terminal answers refuse", "trouble:busy_server_is_asked_again "
	  "retry:evidence_is_not_retried rules:rights_may_come_later" },
	{ "2: what is evidence", "innocent:what_waits_for_others_is_no_evidence "
	  "probe:silence_is_put_back probe:what_comes_late_is_waited_for "
	  "innocent:a_metrics_outage "
	  "hooks_fail:a_failed_test_reverts" },
	{ "3: confirmed, and fast for pods", "engine:bad_image_is_reverted_and_pinned "
	  "stories:crash_loop_reverts innocent:an_image_that_comes_a_minute_later "
	  "trouble:pods_of_other_workloads_are_looked_at" },
	{ "4: the deadline measures progress", "stories:no_progress_within_the_deadline_reverts "
	  "innocent:a_slow_rollout_of_fifty_pods innocent:a_job_that_takes_its_time "
	  "soak:time_that_git_gives_is_heeded" },
	{ "5: the soak", "soak:bad_ends_break_the_soak soak:one_bad_end_prolongs_the_soak "
	  "soak:other_ends_do_not_count trouble:degraded_workload_breaks_the_soak "
	  "innocent:a_node_that_is_drained innocent:pods_that_are_taken_away" },
	{ "6: baseline and attribution", "baseline:a_second_candidate_has_the_firsts_baseline "
	  "baseline:another_life_has_the_same_baseline "
	  "baseline:what_broke_with_the_first_counts_against_the_second "
	  "soak:pods_that_read_what_changed_are_watched rules:a_policy_is_to_blame "
	  "innocent:what_was_not_changed_breaks_no_soak" },
	{ "7: how a revert applies", "way_back:webhook_of_the_bad_release_goes_first "
	  "way_back:quota_that_was_changed_is_restored_first "
	  "way_back:pods_that_a_stateful_set_waits_for_go "
	  "way_back:the_way_back_survives_crashes" },
	{ "8: prune after the soak, by UID", "engine:what_leaves_git_is_pruned_late "
	  "prune:data_waits_alone" },
	{ "9: CRDs", "way_back:a_crd_is_never_downgraded "
	  "way_back:a_conversion_alone_is_restored way_back:a_version_that_is_gone_blocks" },
	{ "10: the breaker", "breaker:four_of_ten_fail breaker:a_base_that_all_share "
	  "breaker:a_node_is_lost breaker:nodes_may_be_hidden" },
	{ "11: hooks", "hooks_fail:a_migration_holds_the_revert "
	  "hooks_revert:each_of_its_own_release hooks_revert:none_of_them_keeps_the_good_one_away "
	  "hooks_fail:the_same_migration_does_not_hold" },
	{ "12: supersession and storms", "stories:newer_commit_supersedes_a_waiting_one "
	  "hooks:superseded_while_a_hook_runs innocent:a_storm_of_commits_lets_one_soak_end "
	  "innocent:what_a_superseded_one_changed_is_put_back" },
	{ "13: what comes back", "stories:git_revert_clears_the_pin "
	  "holds:retry_lifts_a_rejection trouble:wall_clock_may_jump" },
	{ "14: healing to the pin", "innocent:git_is_not_needed_on_the_way_back "
	  "engine:drift_is_healed" },
	{ "15: flapping", "rules:pauses_grow_until_somebody_looks" },
	{ "16: passes windows, survives crashes", "holds:revert_passes_a_window "
	  "engine:crash_at_every_step_of_the_revert" },
	{ "17: evidence first", "evidence:a_crash_is_kept_with_its_last_words "
	  "evidence:an_image_that_is_not_there_is_told "
	  "evidence:a_probe_that_fails_is_the_reason evidence:silence_holds_no_revert "
	  "evidence:crashes_on_the_way_lose_nothing" },
	{ "18: shadow mode", "shadow:the_annotation_decides "
	  "shadow:the_project_decides_for_its_applications "
	  "shadow:the_first_week_of_what_was_taken_over" },
	{ "settings of the project", "rules:the_projects_graces_are_defaults" },
};

static const struct row states[PHASE_N] = {
	[PHASE_NONE] = { "None", "stories:what_is_lacking_at_first_is_waited_for" },
	[PHASE_PREFLIGHT] = { "Preflight", "stories:refusal_in_preflight_changes_nothing" },
	[PHASE_APPLYING] = { "Applying", "moves:refused_when_it_is_applied" },
	[PHASE_SETTLING] = { "Settling", "innocent:a_job_that_takes_its_time" },
	[PHASE_SOAKING] = { "Soaking", "trouble:short_dip_prolongs_the_soak" },
	[PHASE_PRUNING] = { "Pruning", "trouble:prune_waits_for_a_finalizer" },
	[PHASE_GOOD] = { "Good", "engine:first_release_becomes_good" },
	[PHASE_REVERTING] = { "Reverting", "breaker:four_of_ten_fail" },
	[PHASE_PINNED] = { "Pinned", "engine:bad_image_is_reverted_and_pinned" },
	[PHASE_FAILED] = { "Failed", "engine:first_bad_release_stays_to_be_looked_at" },
	[PHASE_REVERT_BLOCKED] = { "RevertBlocked", "trouble:revert_that_is_refused_is_blocked "
				   "way_back:blocker_that_stays_is_said" },
	[PHASE_REVERT_STALLED] = { "RevertStalled", "trouble:revert_that_cannot_finish_is_"
				   "stalled" },
	[PHASE_UNPROVEN] = { "Unproven", "trouble:soak_without_an_end_is_unproven" },
};

static char *read_whole(const char *path)
{
	FILE *f = fopen(path, "r");
	struct buf text = BUF_INIT;
	char part[4096];
	size_t n;

	if (!f)
		fail_msg("%s: not there", path);
	while ((n = fread(part, 1, sizeof(part), f)))
		buf_add(&text, part, n);
	fclose(f);
	return buf_steal(&text, NULL);
}

static void check_test(const char *what, const char *file, const char *test)
{
	_cleanup_free_ char *path = xasprintf(SOURCE_DIR "/tests/sim/test_%s.c", file);
	_cleanup_free_ char *text = read_whole(path);
	_cleanup_free_ char *entry = xasprintf("cmocka_unit_test(%s)", test);

	if (!strstr(text, entry))
		fail_msg("%s: %s has no test %s", what, path, test);
}

static void check(const struct row *r)
{
	_cleanup_free_ char *copy = xstrdup(r->tests);
	char *rest = copy, *one;

	while ((one = strsep(&rest, " "))) {
		char *colon = strchr(one, ':');

		assert_non_null(colon);
		*colon = '\0';
		check_test(r->what, one, colon + 1);
	}
}

static void every_rule_has_its_story(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		check(&rules[i]);
		if (i < 18)
			assert_int_equal(atoi(rules[i].what), i + 1);
	}
}

static void every_state_has_its_story(void **state)
{
	(void)state;
	for (size_t i = 0; i < PHASE_N; i++) {
		assert_string_equal(states[i].what, phase_str((enum phase)i));
		check(&states[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule_has_its_story),
		cmocka_unit_test(every_state_has_its_story),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
