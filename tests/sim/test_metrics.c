/* What metrics and log lines say, and that their number is bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "scenes.h"

#define TABLE SOURCE_DIR "/docs/metrics.md"

static char *metrics_of(struct engsim *x)
{
	struct buf b = BUF_INIT;

	engine_metrics(x->engine, &b);
	return buf_steal(&b, NULL);
}

static void assert_row(struct engsim *x, const char *row)
{
	_cleanup_free_ char *text = metrics_of(x);

	if (!strstr(text, row))
		fail_msg("there is no %s in:\n%s", row, text);
}

/* ---- the table ---- */

/* Is the name in the table, below one of the engine's headings? */
static bool in_table(const char *name, const char *type)
{
	_cleanup_free_ char *want = xasprintf("| `%s` | %s |", name, type);
	FILE *f = fopen(TABLE, "r");
	char line[1024];
	bool found = false;

	assert_non_null(f);
	while (!found && fgets(line, sizeof(line), f))
		found = !strncmp(line, want, strlen(want));
	fclose(f);
	return found;
}

/* Every family that is served is in the table, with its type. */
static size_t assert_all_in_table(const char *text)
{
	char name[128], type[32];
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, "# TYPE ")); p++, n++) {
		assert_int_equal(sscanf(p, "# TYPE %127s %31s", name, type), 2);
		if (!in_table(name, type))
			fail_msg("%s (%s) is not in " TABLE, name, type);
	}
	return n;
}

/* Every family in the table is served, but those of the process. */
static size_t assert_all_served(const char *text)
{
	FILE *f = fopen(TABLE, "r");
	char line[1024], name[128];
	bool ours = true;
	size_t n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		_cleanup_free_ char *head = NULL;

		if (!strncmp(line, "## ", 3))
			ours = strncmp(line, "## The process", 14);
		if (!ours || sscanf(line, "| `%127[a-z_]` | ", name) != 1 ||
		    !strstr(name, "d_"))
			continue;
		head = xasprintf("# TYPE %s ", name);
		if (!strstr(text, head))
			fail_msg("%s is in " TABLE " and not served", name);
		n++;
	}
	fclose(f);
	return n;
}

static void the_table_is_what_is_served(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct engsim x;

	(void)state;
	scene_init(&x, 4100);
	x.argocd_metrics = true;
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	text = metrics_of(&x);
	assert_int_equal(assert_all_in_table(text), assert_all_served(text));
	scene_end(&x, true);
}

/* ---- a life ---- */

static void an_application_is_told(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 4101);
	x.argocd_metrics = true;
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_row(&x, "\nsyncd_leader 1\n");
	assert_row(&x, "syncd_app_info{namespace=\"argocd\",name=\"shop\",project=\"default\","
		   "sync=\"Synced\",health=\"Healthy\",phase=\"Good\"} 1\n");
	assert_row(&x, "syncd_operations_total{kind=\"sync\",phase=\"Succeeded\"} 1\n");
	assert_row(&x, "\nsyncd_promotions_total 1\n");
	assert_row(&x, "\nsyncd_git_repositories 1\n");
	assert_row(&x, "\nsyncd_git_repositories_failing 0\n");
	assert_row(&x, "argocd_app_info{namespace=\"argocd\",name=\"shop\",project=\"default\","
		   "autosync_enabled=\"true\",repo=\"http://git.sim/repo\",dest_server="
		   "\"https://kubernetes.default.svc\",dest_namespace=\"shop\",sync_status="
		   "\"Synced\",health_status=\"Healthy\",operation=\"\"} 1\n");
	assert_row(&x, "argocd_app_sync_total{namespace=\"argocd\",name=\"shop\",project="
		   "\"default\",dest_server=\"https://kubernetes.default.svc\",phase="
		   "\"Succeeded\",dry_run=\"false\"} 1\n");
	assert_row(&x, "argocd_git_request_total{repo=\"http://git.sim/repo\","
		   "request_type=\"fetch\"} 1\n");
	scene_put(&x, "bad");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	assert_row(&x, "\nsyncd_rejections_total 1\n");
	assert_row(&x, "\nsyncd_reverts_total 1\n");
	assert_row(&x, "syncd_operations_total{kind=\"sync\",phase=\"Failed\"} 1\n");
	assert_row(&x, "syncd_operations_total{kind=\"revert\",phase=\"Succeeded\"} 1\n");
	assert_row(&x, "syncd_app_pinned_timestamp_seconds{namespace=\"argocd\",name=\"shop\","
		   "by=\"auto-revert\"} ");
	assert_row(&x, "phase=\"Pinned\"} 1\n");
	gitsim_set_mood(sim_git(x.s), REPO, GIT_REFUSE);
	sim_run_for(x.s, 300000);
	assert_row(&x, "\nsyncd_git_repositories_failing 1\n");
	scene_end(&x, false);
}

/* ---- log lines ---- */

static void assert_line(struct engsim *x, const char *decision, const char *fields)
{
	_cleanup_free_ char *want = xasprintf("decision=%s application=argocd/shop %s",
					      decision, fields);

	if (sim_log_contains(x->s, want))
		return;
	sim_dump(x->s);
	fail_msg("no log line holds: %s", want);
}

/* Each names application, release, revision, author, initiator and duration. */
static void decisions_are_lines(void **state)
{
	struct engsim x;

	(void)state;
	scene_good(&x, 4102);
	assert_line(&x, "sync", "release=1 revision=");
	assert_line(&x, "promote", "release=1 revision=");
	assert_true(sim_log_contains(x.s, " initiator=automated duration="));
	scene_put(&x, "bad");
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	assert_line(&x, "sync", "release=2 revision=");
	assert_line(&x, "reject", "release=2 revision=");
	assert_line(&x, "revert", "release=1 revision=");
	scene_drift(&x, "other");
	scene_until_tag(&x, "v1", LONG);
	sim_run_for(x.s, 5000);
	assert_line(&x, "heal", "release=1 revision=");
	scene_end(&x, false);
}

/* ---- cardinality ---- */

struct series {
	size_t of_apps, others;
};

static struct series count_series(struct engsim *x)
{
	_cleanup_free_ char *text = metrics_of(x);
	struct series n = { 0 };

	for (char *rest = NULL, *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (*line == '#')
			continue;
		if (strstr(line, "name=\"a-"))
			n.of_apps++;
		else
			n.others++;
	}
	return n;
}

/* To another cluster: refused, with a condition; nothing is rendered. */
static void put_refused(struct engsim *x, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		_cleanup_free_ char *text = xasprintf(
			"{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"Application\","
			"\"metadata\":{\"name\":\"a-%04u\",\"namespace\":\"argocd\"},"
			"\"spec\":{\"project\":\"default\",\"source\":{\"repoURL\":\"http://"
			"git.sim/r%u\",\"path\":\"app\"},\"destination\":{\"server\":"
			"\"https://elsewhere\",\"namespace\":\"shop\"}}}", i, i);

		apisim_apply(x->api, text);
	}
	sim_run_for(x->s, 60000);
}

static void a_thousand_applications(void **state)
{
	struct series ten, thousand;
	struct engsim x;

	(void)state;
	scene_init(&x, 4103);
	x.argocd_metrics = true;
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	put_refused(&x, 0, 10);
	ten = count_series(&x);
	put_refused(&x, 10, 1000);
	thousand = count_series(&x);
	/* Info and one condition, under two names each. */
	assert_int_equal(ten.of_apps, 40);
	assert_int_equal(thousand.of_apps, 4000);
	assert_true(thousand.others <= ten.others + 10);	/* answers' codes */
	assert_true(ten.others < 300);
	scene_end(&x, true);
}

/* What runs what Git says does not look at itself because Git was asked. */
static void polls_without_news_cost_no_looks(void **state)
{
	struct engsim x;
	uint64_t before, polls;

	(void)state;
	scene_init(&x, 240);
	x.poll_ms = 10000;
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 300000);
	before = scene_looks(&x);
	polls = gitsim_polls(sim_git(x.s), REPO);
	sim_run_for(x.s, 600000);
	assert_true(gitsim_polls(sim_git(x.s), REPO) > polls + 80);
	assert_in_range(scene_looks(&x) - before, 1, 10);	/* now and then all the same */
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", 20000);
	scene_end(&x, true);
}

#define MANY 300

/* A look costs as much as the application is large: not one for each of its objects. */
static void objects_of_an_operation_cost_no_looks(void **state)
{
	_cleanup_buf_ struct buf all = BUF_INIT;
	struct engsim x;

	(void)state;
	scene_init(&x, 4104);
	for (int i = 0; i < MANY; i++) {
		_cleanup_free_ char *name = xasprintf("cm-%03d", i);
		_cleanup_free_ char *text = engsim_configmap(name, "1", i / 100);

		buf_addf(&all, "---\n%s\n", text);
	}
	engsim_commit(&x, "many.yaml", buf_str(&all));
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_non_null(apisim_get(x.api, "configmaps", "shop", "cm-299"));
	assert_in_range(scene_looks(&x), 1, MANY / 6);
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_what_is_served),
		cmocka_unit_test(an_application_is_told),
		cmocka_unit_test(decisions_are_lines),
		cmocka_unit_test(a_thousand_applications),
		cmocka_unit_test(polls_without_news_cost_no_looks),
		cmocka_unit_test(objects_of_an_operation_cost_no_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
