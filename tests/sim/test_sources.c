/*
 * Several sources of one application: joined, moved and broken one by one. Nothing
 * is ever deleted because one of them cannot be read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "asks.h"
#include "core/doc.h"

#define OTHER "http://git.sim/other"
#define VALUES "http://git.sim/values"
#define FIRST "{\"repoURL\":\"" REPO "\",\"path\":\"app\",\"targetRevision\":\"main\"}"
#define SECOND "{\"repoURL\":\"" OTHER "\",\"path\":\"conf\"}"
#define REF "{\"repoURL\":\"" VALUES "\",\"ref\":\"values\"}"

static void put_other(struct engsim *x, const char *name, const char *value)
{
	_cleanup_free_ char *text = value ? engsim_configmap(name, value, 0) : NULL;
	_cleanup_free_ char *path = xasprintf("conf/%s.yaml", name);

	sim_git_commit(x->s, OTHER, "main", path, text);
}

static const char *value_of(struct engsim *x, const char *name)
{
	const char *s = doc_get_str(apisim_get(x->api, "configmaps", "shop", name),
				    "data", "key", NULL);

	return s ? s : "";
}

static void put_sources(struct engsim *x, const char *list)
{
	_cleanup_free_ char *patch = xasprintf("{\"spec\":{\"sources\":[%s]}}", list);

	scene_edit_app(x, patch);
}

static void start_with(struct engsim *x, uint64_t seed, const char *list)
{
	scene_init(x, seed);
	put_other(x, "conf", "one");
	sim_git_commit(x->s, VALUES, "main", "values.yaml", "a: b");
	put_sources(x, list);
	engsim_start(x);
}

static void good_with(struct engsim *x, uint64_t seed, const char *list)
{
	start_with(x, seed, list);
	engsim_until_phase(x, "shop", "Good", LONG);
}

static bool value_is(void *arg)
{
	struct engsim *x = arg;

	return !strcmp(value_of(x, "conf"), x->want_name);
}

static void until_value(struct engsim *x, const char *value)
{
	x->want_name = value;
	scene_until(x, value_is, LONG, value);
}

/* "c1 c2" of a list in the status. */
static char *listed(struct engsim *x, const char *part)
{
	const json_t *status = engsim_status(x, "shop"), *o, *list, *item;
	struct buf out = BUF_INIT;
	size_t i;

	if (!strcmp(part, "history"))
		o = json_array_get(doc_get(status, part, NULL), json_array_size(
				   doc_get(status, part, NULL)) - 1);
	else if (!strcmp(part, "operationState"))
		o = doc_get(status, part, "syncResult", NULL);
	else
		o = doc_get(status, part, NULL);
	list = json_object_get(o, "revisions");
	json_array_foreach((json_t *)list, i, item)
		buf_addf(&out, "%s%s", i ? " " : "", json_string_value(item));
	return out.len ? buf_steal(&out, NULL) : xstrdup("");
}

static char *heads(struct engsim *x, bool with_values)
{
	struct gitsim *g = sim_git(x->s);

	return xasprintf("%s %s%s%s", gitsim_ref(g, REPO, "main"),
			 gitsim_ref(g, OTHER, "main"), with_values ? " " : "",
			 with_values ? gitsim_ref(g, VALUES, "main") : "");
}

static bool shows_heads(void *arg)
{
	struct engsim *x = arg;
	_cleanup_free_ char *want = heads(x, true), *got = listed(x, "sync");

	return !strcmp(want, got);
}

/* What the status says of them is Argo CD's, list by list. */
static void several_are_one(void **state)
{
	static const char *const parts[] = { "sync", "history", "operationState" };
	struct engsim x;
	const json_t *status;

	(void)state;
	good_with(&x, 1500, FIRST "," SECOND "," REF);
	scene_until(&x, shows_heads, LONG, "the revisions");
	assert_string_equal(scene_tag(&x), "v1");
	assert_string_equal(value_of(&x, "conf"), "one");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		_cleanup_free_ char *want = heads(&x, true);
		_cleanup_free_ char *got = listed(&x, parts[i]);

		assert_string_equal(got, want);
	}
	status = engsim_status(&x, "shop");
	assert_null(doc_get(status, "sync", "revision", NULL));
	assert_string_equal(doc_get_str(status, "operationState", "syncResult",
					"revision", NULL), "");
	assert_int_equal(json_array_size(doc_get(status, "sync", "comparedTo",
						 "sources", NULL)), 3);
	assert_null(doc_get(status, "sync", "comparedTo", "source", NULL));
	assert_int_equal(json_array_size(doc_get(status, "sourceTypes", NULL)), 3);
	assert_string_equal(doc_get_str(status, "sync", "status", NULL), "Synced");
	scene_end(&x, true);
}

/* Only what moved is applied anew; a restart shows the same. */
static void one_moves(void **state)
{
	_cleanup_free_ char *want = NULL, *got = NULL;
	struct engsim x;
	size_t from;

	(void)state;
	good_with(&x, 1501, FIRST "," SECOND);
	from = sim_request_count(x.s);
	put_other(&x, "conf", "two");
	until_value(&x, "two");
	sim_run_for(x.s, 30000);
	assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/web"), 0);
	engsim_crash(&x);
	engsim_start(&x);
	sim_run_for(x.s, 30000);
	want = heads(&x, false);
	got = listed(&x, "history");
	assert_string_equal(got, want);
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	scene_end(&x, true);
}

/* A source that is not read is not fetched either: this commit is nowhere. */
static void a_ref_is_only_asked(void **state)
{
	static const char nowhere[] = "1234567890123456789012345678901234567890";
	struct engsim x;

	(void)state;
	start_with(&x, 1502, FIRST "," REF "," SECOND);
	gitsim_set_ref(sim_git(x.s), VALUES, "main", nowhere);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, 30000);
	assert_null(scene_condition(&x, "shop", "ComparisonError"));
	/* It moves: nothing else does. */
	gitsim_set_ref(sim_git(x.s), VALUES, "main",
		       "2234567890123456789012345678901234567890");
	sim_run_for(x.s, 60000);
	assert_null(scene_condition(&x, "shop", "ComparisonError"));
	assert_int_equal(doc_get_int(engsim_status(&x, "shop"), 0, "syncd", "target",
				     "id", NULL), 1);
	scene_end(&x, true);
}

/* However one of them fails, what it gave before stays, and is said. */
static void one_breaks(void **state)
{
	static const struct {
		enum git_mood mood;
		const char *text, *words;
	} cases[] = {
		{ GIT_500, NULL, "spec.sources[1]: " },
		{ GIT_404, NULL, "spec.sources[1]: " },
		{ GIT_FINE, "kind: ConfigMap", "spec.sources[1]: " },
		{ GIT_FINE, "a: [", "spec.sources[1]: " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct engsim x;

		good_with(&x, 1510 + i, FIRST "," SECOND);
		gitsim_set_mood(sim_git(x.s), OTHER, cases[i].mood);
		if (cases[i].text)
			sim_git_commit(x.s, OTHER, "main", "conf/conf.yaml",
				       cases[i].text);
		sim_run_for(x.s, 60000);
		scene_assert_condition(&x, "shop", "ComparisonError", cases[i].words);
		assert_string_equal(value_of(&x, "conf"), "one");
		assert_string_equal(scene_tag(&x), "v1");
		gitsim_set_mood(sim_git(x.s), OTHER, GIT_FINE);
		put_other(&x, "conf", "mended");
		until_value(&x, "mended");
		sim_run_for(x.s, 30000);
		assert_null(scene_condition(&x, "shop", "ComparisonError"));
		scene_end(&x, true);
	}
}

/* The object of the last source is the one; without it, the other's again. */
static void the_last_one_wins(void **state)
{
	_cleanup_free_ char *mine = engsim_configmap("conf", "first", 0);
	struct engsim x;

	(void)state;
	scene_init(&x, 1520);
	engsim_commit(&x, "conf.yaml", mine);
	put_other(&x, "conf", "last");
	put_sources(&x, FIRST "," SECOND);
	engsim_start(&x);
	until_value(&x, "last");
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_assert_condition(&x, "shop", "RepeatedResourceWarning",
			       "ConfigMap/conf of sources[0] app.yaml:");
	put_other(&x, "conf", NULL);
	put_other(&x, "more", "more");
	until_value(&x, "first");
	sim_run_for(x.s, 30000);
	assert_null(scene_condition(&x, "shop", "RepeatedResourceWarning"));
	scene_end(&x, true);
}

/* From one source to several and back: what stays is not touched. */
static void sources_come_and_go(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	scene_good(&x, 1521);
	put_other(&x, "conf", "one");
	from = sim_request_count(x.s);
	put_sources(&x, FIRST "," SECOND);
	until_value(&x, "one");
	sim_run_for(x.s, 30000);
	assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/web"), 0);
	assert_int_equal(json_array_size(doc_get(engsim_status(&x, "shop"), "sync",
						 "revisions", NULL)), 2);
	scene_edit_app(&x, "{\"spec\":{\"sources\":null}}");
	until_value(&x, "");	/* pruned, as it is in no source any more */
	sim_run_for(x.s, 30000);
	assert_null(doc_get(engsim_status(&x, "shop"), "sync", "revisions", NULL));
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "sync", "revision",
					NULL), gitsim_ref(sim_git(x.s), REPO, "main"));
	scene_end(&x, false);
}

/* ---- the fence, and what people ask for ---- */

#define FENCE "\"destinations\":[{\"server\":\"*\",\"namespace\":\"*\"}],\"sourceRepos\":"

static void put_project(struct engsim *x, const char *repos)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"argoproj.io/v1alpha1\","
		"\"kind\":\"AppProject\",\"metadata\":{\"name\":\"team\",\"namespace\":"
		"\"argocd\"},\"spec\":{" FENCE "[%s]}}", repos);

	apisim_apply(x->api, text);
	scene_edit_app(x, "{\"spec\":{\"project\":\"team\"}}");
}

static void each_is_asked_of_the_project(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 1530);
	put_other(&x, "conf", "one");
	put_project(&x, "\"" REPO "\"");
	put_sources(&x, FIRST "," SECOND);
	engsim_start(&x);
	sim_run_for(x.s, 60000);
	scene_assert_condition(&x, "shop", "InvalidSpecError", "spec.sources[1]: "
			       "AppProject team does not allow the repository");
	assert_int_equal(sim_count(x.s, 0, "GET", "/other"), 0);
	assert_int_equal(sim_count(x.s, 0, "POST", "/other"), 0);
	assert_string_equal(scene_tag(&x), "");
	put_project(&x, "\"http://git.sim/*\"");
	until_value(&x, "one");
	scene_end(&x, true);
}

static const char *op_words(struct engsim *x)
{
	const char *s = doc_get_str(engsim_status(x, "shop"), "operationState", "message",
				    NULL);

	return s ? s : "";
}

/* A revision of each; those that are not named are the spec's. */
static void an_operation_names_revisions(void **state)
{
	_cleanup_free_ char *fields = NULL;
	struct engsim x;

	(void)state;
	good_with(&x, 1531, FIRST "," SECOND);
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"automated\":null}}}");
	fields = xasprintf("\"revisions\":[\"\",\"%s\"]",
			   gitsim_ref(sim_git(x.s), OTHER, "main"));
	put_other(&x, "conf", "two");
	scene_put(&x, "v2");
	ask_sync(&x, fields);
	ask_until_ended(&x, "Succeeded");
	assert_string_equal(scene_tag(&x), "v2");
	assert_string_equal(value_of(&x, "conf"), "one");
	ask_sync(&x, "\"revision\":\"main\"");
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(op_words(&x), "there are 2 sources"));
	scene_end(&x, true);
}

/* As Argo CD's API server writes it: the commit of each, and the one field empty. */
static void an_operation_names_them_all(void **state)
{
	_cleanup_free_ char *then = NULL, *fields = NULL, *got = NULL;
	struct engsim x;

	(void)state;
	good_with(&x, 1533, FIRST "," SECOND "," REF);
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"automated\":null}}}");
	then = heads(&x, true);
	fields = xasprintf("\"revision\":\"\",\"revisions\":[\"%s\",\"%s\",\"%s\"]",
			   gitsim_ref(sim_git(x.s), REPO, "main"),
			   gitsim_ref(sim_git(x.s), OTHER, "main"),
			   gitsim_ref(sim_git(x.s), VALUES, "main"));
	put_other(&x, "conf", "two");
	sim_git_commit(x.s, VALUES, "main", "values.yaml", "a: c");
	scene_put(&x, "v2");
	ask_sync(&x, "\"prune\":true");
	ask_until_ended(&x, "Succeeded");
	assert_string_equal(value_of(&x, "conf"), "two");
	ask_sync(&x, fields);
	ask_until_ended(&x, "Succeeded");
	assert_string_equal(scene_tag(&x), "v1");
	assert_string_equal(value_of(&x, "conf"), "one");
	got = listed(&x, "operationState");
	assert_string_equal(got, then);
	/* What Git is at is told again, and a restart does not go there by itself. */
	scene_until(&x, shows_heads, LONG, "the heads");
	engsim_crash(&x);
	engsim_start(&x);
	sim_run_for(x.s, 30000);
	assert_string_equal(value_of(&x, "conf"), "one");
	scene_end(&x, true);
}

/* It goes on to what Git says at once, in its own name and not in that of who asked. */
static void what_follows_by_itself_is_nobodys(void **state)
{
	_cleanup_free_ char *fields = NULL, *want = NULL, *got = NULL;
	const json_t *op;
	struct engsim x;

	(void)state;
	good_with(&x, 1536, FIRST "," SECOND);
	fields = xasprintf("\"revisions\":[\"\",\"%s\"]",
			   gitsim_ref(sim_git(x.s), OTHER, "main"));
	put_other(&x, "conf", "two");
	until_value(&x, "two");
	engsim_until_phase(&x, "shop", "Good", LONG);
	ask_sync(&x, fields);
	until_value(&x, "one");
	until_value(&x, "two");
	sim_run_for(x.s, 10000);
	op = doc_get(engsim_status(&x, "shop"), "operationState", "operation", NULL);
	want = heads(&x, false);
	got = listed(&x, "operationState");
	assert_string_equal(got, want);
	assert_true(doc_get_bool(op, false, "initiatedBy", "automated", NULL));
	assert_null(doc_get(op, "initiatedBy", "username", NULL));
	assert_string_equal(json_string_value(json_array_get(doc_get(op, "sync", "revisions",
			    NULL), 1)), gitsim_ref(sim_git(x.s), OTHER, "main"));
	scene_end(&x, true);
}

/* The others are not synced without it. */
static void one_that_is_nowhere_fails_the_operation(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	good_with(&x, 1534, FIRST "," SECOND);
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"automated\":null}}}");
	scene_put(&x, "v2");
	from = sim_request_count(x.s);
	ask_sync(&x, "\"revisions\":[\"\",\"no-such-branch\"]");
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(op_words(&x), "spec.sources[1]: "));
	assert_non_null(strstr(op_words(&x), "no-such-branch"));
	assert_int_equal(sim_count(x.s, from, "PATCH", "/deployments/web"), 0);
	assert_string_equal(scene_tag(&x), "v1");
	scene_end(&x, true);
}

/* By its number, whatever has moved since, and with a source that is not there. */
static void a_release_of_several_is_gone_back_to(void **state)
{
	_cleanup_free_ char *then = NULL, *got = NULL;
	struct engsim x;

	(void)state;
	good_with(&x, 1535, FIRST "," SECOND);
	then = heads(&x, false);
	put_other(&x, "conf", "two");
	until_value(&x, "two");
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	gitsim_set_mood(sim_git(x.s), OTHER, GIT_500);
	ask_sync(&x, "\"syncOptions\":[\"syncd.dev/release=1\"]");
	ask_until_ended(&x, "Succeeded");
	assert_string_equal(scene_tag(&x), "v1");
	assert_string_equal(value_of(&x, "conf"), "one");
	got = listed(&x, "operationState");
	assert_string_equal(got, then);
	gitsim_set_mood(sim_git(x.s), OTHER, GIT_FINE);
	sim_run_for(x.s, 60000);
	assert_string_equal(value_of(&x, "conf"), "one");	/* it is pinned */
	ask_sync(&x, "\"syncOptions\":[\"syncd.dev/unpin=true\"]");
	until_value(&x, "two");
	scene_until_tag(&x, "v2", LONG);
	scene_end(&x, true);
}

/* As a tool's rollback does: the sources of then, which the fence is asked about. */
static void an_operation_brings_sources(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 1532);
	put_other(&x, "conf", "one");
	sim_git_commit(x.s, VALUES, "main", "conf/x.yaml", "a: b");
	put_project(&x, "\"" REPO "\",\"" OTHER "\"");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"automated\":null}}}");
	ask_sync(&x, "\"sources\":[" FIRST "," SECOND "]");
	ask_until_ended(&x, "Succeeded");
	assert_string_equal(value_of(&x, "conf"), "one");
	ask_sync(&x, "\"sources\":[" FIRST ",{\"repoURL\":\"" VALUES "\",\"path\":"
		 "\"conf\"}]");
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(op_words(&x), "AppProject team"));
	assert_int_equal(sim_count(x.s, 0, "GET", "/values"), 0);
	assert_int_equal(sim_count(x.s, 0, "POST", "/values"), 0);
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_are_one),
		cmocka_unit_test(one_moves),
		cmocka_unit_test(a_ref_is_only_asked),
		cmocka_unit_test(one_breaks),
		cmocka_unit_test(the_last_one_wins),
		cmocka_unit_test(sources_come_and_go),
		cmocka_unit_test(each_is_asked_of_the_project),
		cmocka_unit_test(an_operation_names_revisions),
		cmocka_unit_test(an_operation_names_them_all),
		cmocka_unit_test(what_follows_by_itself_is_nobodys),
		cmocka_unit_test(one_that_is_nowhere_fails_the_operation),
		cmocka_unit_test(a_release_of_several_is_gone_back_to),
		cmocka_unit_test(an_operation_brings_sources),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
