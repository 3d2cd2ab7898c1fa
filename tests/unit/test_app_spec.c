/*
 * Applications and what they decode to: a table of good and bad specs, then the
 * fields one by one. Single quotes stand for double ones in the JSON below.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <limits.h>
#include <stdio.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/app_spec.h"
#include "app_specs.h"

static const struct app_defaults defaults = {
	.soak_ms = 120000, .wave_deadline_ms = 300000, .hook_deadline_ms = 3600000,
	.degraded_grace_ms = 10000, .pull_grace_ms = 120000,
	.crash_grace_ms = 60000, .auto_revert = true,
};

static json_t *parse(const char *text)
{
	_cleanup_free_ char *copy = xstrdup(text);
	struct err err = ERR_INIT;
	json_t *j;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	j = doc_parse(copy, strlen(copy), &err);
	if (!j)
		fail_msg("%s in %s", err.msg, copy);
	return j;
}

static void decode_text(struct app_spec *s, const char *fields)
{
	_cleanup_free_ char *text = xasprintf("{'apiVersion':"
		"'argoproj.io/v1alpha1','kind':'Application',%s}", fields);
	_cleanup_json_ json_t *app = parse(text);

	app_spec_decode(s, app, &defaults);
}

static void decode_spec(struct app_spec *s, const char *spec)
{
	_cleanup_free_ char *text = xasprintf("'spec':{%s}", spec);

	decode_text(s, text);
}

static void decode_annotated(struct app_spec *s, const char *annotations)
{
	_cleanup_free_ char *text = xasprintf("'metadata':{'annotations':{%s}},"
		"'spec':{" SRC "," DST ",'syncPolicy':{'automated':{}}}",
		annotations);

	decode_text(s, text);
}

static void show(const struct app_spec *s)
{
	for (size_t i = 0; i < s->n_errors; i++)
		print_error("  error: %s\n", s->errors[i]);
}

static bool as_wanted(const struct app_spec *s, const char *want)
{
	_cleanup_free_ char *copy = xstrdup(want);
	char *rest = *want ? copy : NULL, *line;
	size_t n = 0;

	while ((line = strsep(&rest, "\n"))) {
		if (n >= s->n_errors ||
		    strncmp(s->errors[n], line, strlen(line)))
			return false;
		n++;
	}
	return n == s->n_errors;
}

static void every_spec_gets_its_errors(void **state)
{
	int failed = 0;

	(void)state;
	assert_true(ARRAY_LEN(specs) >= 60);
	for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
		struct app_spec s;

		decode_spec(&s, specs[i].spec);
		if (!as_wanted(&s, specs[i].want)) {
			failed++;
			print_error("{%s}\n  want: %s\n", specs[i].spec,
				    specs[i].want);
			show(&s);
		}
		assert_non_null(s.project);
		assert_non_null(s.dest_ns);
		app_spec_deinit(&s);
	}
	assert_int_equal(failed, 0);
}

static void objects_without_spec(void **state)
{
	static const char *const apps[] = { "{}", "[]", "7", "null",
		"{'spec':null}", "{'metadata':7}", "{'metadata':{'finalizers':7}}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(apps); i++) {
		_cleanup_json_ json_t *app = parse(apps[i]);
		struct app_spec s;

		app_spec_decode(&s, app, &defaults);
		assert_true(s.n_errors >= 1);
		assert_string_equal(s.errors[0], "spec is missing");
		assert_string_equal(s.name, "");
		assert_string_equal(s.project, "default");
		app_spec_deinit(&s);
	}
}

static void a_guide_application(void **state)
{
	struct app_spec s;

	(void)state;
	decode_text(&s, "'metadata':{'name':'dbupgrade','namespace':'argocd',"
		"'uid':'u-1','resourceVersion':'42','generation':3},"
		"'spec':{'project':'default','source':{'repoURL':"
		"'https://git.example.com/repo','targetRevision':'main','path':"
		"'./apps//dbupgrade/overlays/prod/'},'destination':{'server':"
		"'https://kubernetes.default.svc','namespace':'dbupgrade-system'},"
		"'syncPolicy':{'automated':{'prune':true,'selfHeal':true},"
		"'syncOptions':['CreateNamespace=true',"
		"'PrunePropagationPolicy=background','PruneLast=true']}}");
	show(&s);
	assert_int_equal(s.n_errors, 0);
	assert_int_equal(s.n_warnings, 0);
	assert_string_equal(s.name, "dbupgrade");
	assert_string_equal(s.ns, "argocd");
	assert_string_equal(s.uid, "u-1");
	assert_string_equal(s.resource_version, "42");
	assert_int_equal(s.generation, 3);
	assert_int_equal(s.sources.list.len, 1);
	assert_string_equal(s.sources.list.data[0].repo_url,
			    "https://git.example.com/repo");
	assert_string_equal(s.sources.list.data[0].path, "apps/dbupgrade/overlays/prod");
	assert_string_equal(s.sources.list.data[0].revision, "main");
	assert_string_equal(s.dest_ns, "dbupgrade-system");
	assert_true(s.automated && s.prune && s.self_heal && !s.allow_empty);
	assert_int_equal(s.options, OPT_CREATE_NAMESPACE);
	assert_string_equal(s.propagation, "Background");
	assert_false(s.retry.set);
	assert_int_equal(s.retry.limit, 5);
	assert_int_equal(s.retry.base_ms, 5000);
	assert_int_equal(s.retry.factor, 2);
	assert_int_equal(s.retry.max_ms, 180000);
	assert_int_equal(s.history_limit, 10);
	assert_int_equal(s.auto_revert, REVERT_ON);
	assert_int_equal(s.soak_ms, 120000);
	assert_int_equal(s.wave_deadline_ms, 300000);
	assert_false(s.deleting || s.skip_reconcile || s.operation.present);
	assert_null(s.ignore_differences);
	app_spec_deinit(&s);
}

static void a_revision_in_the_url(void **state)
{
	static const struct {
		const char *spec, *url, *revision;
	} cases[] = {
		{ SRC_AT("https://h/r.git"), "https://h/r.git", "" },
		{ SRC_AT("https://h/r.git?ref=v1"), "https://h/r.git", "v1" },
		{ SRC_AT("https://h/r?ref=v1','targetRevision':'v1"),
		  "https://h/r", "v1" },
		{ SRC_AT("https://h/r','targetRevision':'v2"), "https://h/r", "v2" },
		{ SRC_AT("git@h:o/r?ref=a%2Fb"), "git@h:o/r", "a/b" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct app_spec s;

		decode_spec(&s, cases[i].spec);
		assert_int_equal(s.n_errors, 0);
		assert_string_equal(s.sources.list.data[0].repo_url, cases[i].url);
		assert_string_equal(s.sources.list.data[0].revision, cases[i].revision);
		app_spec_deinit(&s);
	}
}

static void automated_may_be_switched_off(void **state)
{
	struct app_spec s;

	(void)state;
	decode_spec(&s, POLICY("'automated':{'enabled':false,'prune':true}"));
	assert_false(s.automated);
	assert_int_equal(s.auto_revert, REVERT_OFF);
	app_spec_deinit(&s);
	decode_spec(&s, POLICY("'automated':null"));
	assert_false(s.automated);
	app_spec_deinit(&s);
	decode_spec(&s, POLICY("'automated':{'enabled':null}"));
	assert_true(s.automated);
	app_spec_deinit(&s);
}

static void retry_reads_argo_durations(void **state)
{
	struct app_spec s;

	(void)state;
	decode_spec(&s, POLICY("'retry':{'limit':-1,'backoff':{'duration':'7',"
			       "'maxDuration':'1h30m','factor':4}}"));
	assert_int_equal(s.n_errors, 0);
	assert_int_equal(s.retry.limit, UINT_MAX);
	assert_int_equal(s.retry.base_ms, 7000);
	assert_int_equal(s.retry.max_ms, 5400000);
	assert_int_equal(s.retry.factor, 4);
	assert_true(s.retry.set);
	app_spec_deinit(&s);
	/* As in Argo CD: written down without a limit it is none at all. */
	decode_spec(&s, POLICY("'retry':{'backoff':{'duration':'1m'}}"));
	assert_true(s.retry.set);
	assert_int_equal(s.retry.limit, 0);
	assert_int_equal(s.retry.base_ms, 60000);
	app_spec_deinit(&s);
}

static void options_are_exact(void **state)
{
	struct app_spec s;

	(void)state;
	decode_spec(&s, POLICY("'syncOptions':['CreateNamespace=true',"
		"'Prune=false','PruneLast=false','Validate=false',"
		"'SkipDryRunOnMissingResource=true','Replace=true',"
		"'ApplyOutOfSyncOnly=true','FailOnSharedResource=false',"
		"'RespectIgnoreDifferences=true','Delete=false',"
		"'PrunePropagationPolicy=orphan','ServerSideApply=true']"));
	assert_int_equal(s.n_warnings, 1);	/* Validate=false says nothing here */
	assert_int_equal(s.options, 1023);
	assert_string_equal(s.propagation, "Orphan");
	app_spec_deinit(&s);

	decode_spec(&s, POLICY("'syncOptions':['createnamespace=true','Foo=bar',"
		"'ServerSideApply=false','Prune=confirm','']"));
	assert_int_equal(s.n_errors, 0);
	assert_int_equal(s.n_warnings, 4);
	assert_int_equal(s.options, OPT_PRUNE_CONFIRM);
	assert_string_equal(s.warnings[0], "spec.syncPolicy.syncOptions[0]: "
		"\"createnamespace=true\" has no effect: write it as "
		"\"CreateNamespace=true\"");
	assert_non_null(strstr(s.warnings[1], "\"Foo=bar\" is not known"));
	app_spec_deinit(&s);
}

static void annotations_override_the_flags(void **state)
{
	struct app_spec s;

	(void)state;
	decode_annotated(&s, "'syncd.dev/auto-revert':'report',"
		"'syncd.dev/soak':'0','syncd.dev/wave-deadline':'10m',"
		"'syncd.dev/degraded-grace':'2s','syncd.dev/pull-grace':'3s',"
		"'syncd.dev/crash-grace':'4s',"
		"'syncd.dev/recreate-on-immutable':'true',"
		"'argocd.argoproj.io/skip-reconcile':'true'");
	show(&s);
	assert_int_equal(s.n_errors, 0);
	assert_int_equal(s.auto_revert, REVERT_REPORT);
	assert_int_equal(s.soak_ms, 0);
	assert_int_equal(s.wave_deadline_ms, 600000);
	assert_int_equal(s.degraded_grace_ms, 2000);
	assert_int_equal(s.pull_grace_ms, 3000);
	assert_int_equal(s.crash_grace_ms, 4000);
	assert_int_equal(s.options, OPT_RECREATE);
	assert_true(s.skip_reconcile);
	app_spec_deinit(&s);
}

static void bad_annotations_are_errors(void **state)
{
	struct app_spec s;

	(void)state;
	decode_annotated(&s, "'syncd.dev/auto-revert':'yes',"
		"'syncd.dev/soak':'2 minutes','syncd.dev/wave-deadline':'0s',"
		"'syncd.dev/pull-grace':'999h','syncd.dev/crash-grace':7");
	assert_int_equal(s.n_errors, 4);
	assert_non_null(strstr(s.errors[0], "annotation syncd.dev/auto-revert"));
	assert_non_null(strstr(s.errors[1], "annotation syncd.dev/soak"));
	assert_non_null(strstr(s.errors[2], "annotation syncd.dev/wave-deadline"));
	assert_non_null(strstr(s.errors[3], "annotation syncd.dev/pull-grace"));
	assert_int_equal(s.soak_ms, 120000);
	app_spec_deinit(&s);
}

static void auto_revert_follows_automated_and_the_flag(void **state)
{
	struct app_defaults off = defaults;
	_cleanup_json_ json_t *app = parse("{'spec':{" POLICY("'automated':{}")
					   "}}");
	struct app_spec s;

	(void)state;
	off.auto_revert = false;
	app_spec_decode(&s, app, &off);
	assert_int_equal(s.auto_revert, REVERT_OFF);
	app_spec_deinit(&s);
	decode_spec(&s, SRC "," DST);
	assert_int_equal(s.auto_revert, REVERT_OFF);
	app_spec_deinit(&s);
	decode_text(&s, "'metadata':{'annotations':{'syncd.dev/auto-revert':"
		    "'true'}},'spec':{" SRC "," DST "}");
	assert_int_equal(s.auto_revert, REVERT_ON);
	app_spec_deinit(&s);
}

static void refresh_and_finalizers(void **state)
{
	static const struct {
		const char *finalizer;
		enum app_cascade cascade;
	} cases[] = {
		{ "resources-finalizer.argocd.argoproj.io", CASCADE_FOREGROUND },
		{ "resources-finalizer.argocd.argoproj.io/foreground",
		  CASCADE_FOREGROUND },
		{ "resources-finalizer.argocd.argoproj.io/background",
		  CASCADE_BACKGROUND },
		{ "resources-finalizer.argocd.argoproj.io-x", CASCADE_NONE },
		{ "post-delete-finalizer.argocd.argoproj.io", CASCADE_NONE },
	};
	struct app_spec s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *text = xasprintf("'metadata':{'finalizers':"
			"[7,'%s'],'deletionTimestamp':'2026-01-02T03:04:05Z'}",
			cases[i].finalizer);

		decode_text(&s, text);
		assert_int_equal(s.cascade, cases[i].cascade);
		assert_true(s.deleting);
		app_spec_deinit(&s);
	}
	decode_annotated(&s, "'argocd.argoproj.io/refresh':'hard'");
	assert_int_equal(s.refresh, REFRESH_HARD);
	app_spec_deinit(&s);
	decode_annotated(&s, "'argocd.argoproj.io/refresh':'normal'");
	assert_int_equal(s.refresh, REFRESH_NORMAL);
	app_spec_deinit(&s);
}

#define ASKED(op, spec) "'operation':{'sync':{" op "}},'spec':{" spec "}"
#define TWO "{'repoURL':'https://h/a','path':'a'}," \
	    "{'repoURL':'https://h/b','path':'b','targetRevision':'main'}"

/* What only spares Argo CD work is taken, and has no effect. */
static void hints_for_renders_are_taken(void **state)
{
	struct app_spec s;

	(void)state;
	decode_text(&s, "'metadata':{'annotations':{'argocd.argoproj.io/"
		    "manifest-generate-paths':'.'}},'spec':{" SRC "," DST "}");
	assert_int_equal(s.n_errors + s.n_warnings, 0);
	app_spec_deinit(&s);
}

static void operations_name_sources(void **state)
{
	/* Whose sources, and which path at which revision; none: the spec's. */
	static const struct {
		const char *text, *want, *bad;
	} asked[] = {
		{ ASKED("'prune':true", MANY(TWO)), "", "" },
		{ ASKED("'revisions':['x','y']", MANY(TWO)), " a@x b@y", "" },
		{ ASKED("'revisions':['x']", MANY(TWO)), " a@x b@main", "" },
		{ ASKED("'revisions':['','y']", MANY(TWO)), " a@ b@y", "" },
		{ ASKED("'sources':[" TWO "]", MANY(TWO)), "", "" },
		{ ASKED("'sources':[" TWO "],'revisions':['x','y']", MANY(TWO)),
		  " a@x b@y", "" },
		{ ASKED("'sources':[{'repoURL':'https://h/c','path':'c'}],"
			"'revisions':['x']", MANY(TWO)), "own c@x", "" },
		{ ASKED("'source':{'repoURL':'https://h/c','path':'c'}",
			SRC "," DST), "own c@", "" },
		{ ASKED("'source':{'repoURL':'https://git.example.com/r.git',"
			"'path':'a'},'revision':'x'", SRC "," DST), " a@x", "" },
		{ ASKED("'source':{},'sources':[]", SRC "," DST), "", "" },
		{ ASKED("'revision':'x'", MANY(TWO)), "",
		  "operation.sync.revision: there are 2 sources" },
		{ ASKED("'revisions':['x','y','z']", MANY(TWO)), "",
		  "operation.sync.revisions names 3 revisions of 2 sources" },
		{ ASKED("'revisions':['x','y']", SRC "," DST), "",
		  "operation.sync.revisions names 2 revisions of 1 sources" },
		{ ASKED("'source':{'repoURL':'oci://h/c','path':'c'}", SRC "," DST), "",
		  "operation.sync.source.repoURL: OCI" },
		{ ASKED("'sources':[{'repoURL':'https://h/c','chart':'c'}]",
			MANY(TWO)), "", "operation.sync.sources[0].chart: Helm" },
	};
	struct app_spec s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		_cleanup_buf_ struct buf got = BUF_INIT;

		decode_text(&s, asked[i].text);
		assert_int_equal(s.n_errors, 0);
		buf_addf(&got, "%s", s.operation.own_sources ? "own" : "");
		for (size_t k = 0; k < s.operation.sources.list.len; k++)
			buf_addf(&got, " %s@%s", s.operation.sources.list.data[k].path,
				 s.operation.sources.list.data[k].revision);
		if (s.operation.bad)
			assert_non_null(strstr(s.operation.bad, asked[i].bad));
		else
			assert_string_equal(asked[i].bad, "");
		if (!*asked[i].bad)
			assert_string_equal(buf_str(&got), asked[i].want);
		app_spec_deinit(&s);
	}
}

static void operations(void **state)
{
	struct app_spec s;

	(void)state;
	decode_text(&s, "'operation':{'sync':{'revision':'abc','prune':true,"
		"'dryRun':true,'syncOptions':[7,'syncd.dev/release=41',"
		"'syncd.dev/release=42']},'initiatedBy':{'username':'ann',"
		"'automated':false}},'spec':{" SRC "," DST "}");
	assert_true(s.operation.present && s.operation.prune &&
		    s.operation.dry_run && !s.operation.automated);
	assert_string_equal(s.operation.revision, "abc");
	assert_string_equal(s.operation.initiated_by, "ann");
	assert_int_equal(s.operation.release, 42);
	assert_false(s.operation.own_options);
	assert_non_null(strstr(s.operation.bad, "a rollback and an unpin have no dry run"));
	assert_non_null(doc_get(s.operation.raw, "sync", NULL));
	app_spec_deinit(&s);

	decode_text(&s, "'operation':{'sync':{'revisions':['r1'],'revision':''},"
		"'initiatedBy':{'automated':true}},'spec':{" SRC "," DST "}");
	assert_string_equal(s.operation.revision, "r1");
	assert_true(s.operation.automated);
	assert_string_equal(s.operation.initiated_by, "");
	app_spec_deinit(&s);

	decode_text(&s, "'operation':{'sync':7},'spec':{" SRC "," DST "}");
	assert_true(s.operation.present);
	assert_null(s.operation.revision);
	assert_int_equal(s.n_errors, 0);
	assert_int_equal(s.n_warnings, 1);
	app_spec_deinit(&s);

	decode_text(&s, "'operation':null,'spec':{" SRC "," DST "}");
	assert_false(s.operation.present);
	app_spec_deinit(&s);
}

static void projects_are_checked_when_known(void **state)
{
	static const char *const known[] = { "default", "web", NULL };
	struct app_defaults with = defaults;
	_cleanup_json_ json_t *good = parse("{'spec':{'project':'web'," SRC ","
					    DST "}}");
	_cleanup_json_ json_t *bad = parse("{'spec':{'project':'wbe'," SRC ","
					   DST "}}");
	struct app_spec s;

	(void)state;
	with.projects = known;
	app_spec_decode(&s, good, &with);
	assert_int_equal(s.n_errors, 0);
	assert_string_equal(s.project, "web");
	app_spec_deinit(&s);
	app_spec_decode(&s, bad, &with);
	assert_int_equal(s.n_errors, 1);
	assert_non_null(strstr(s.errors[0], "no AppProject \"wbe\""));
	app_spec_deinit(&s);
}

static void digests_of(const char *spec, char options[65], char source[65])
{
	struct app_spec s;

	decode_spec(&s, spec);
	memcpy(options, s.options_digest, 65);
	memcpy(source, s.sources.digest, 65);
	app_spec_deinit(&s);
	assert_int_equal(strlen(options), 64);
	assert_int_equal(strlen(source), 64);
}

#define IGNORE ",'ignoreDifferences':[{'kind':'X','jsonPointers':['/a']}]"

static void digests_say_what_changed(void **state)
{
	static const struct {
		const char *a, *b;
		bool same_options, same_source;
	} cases[] = {
		{ SRC "," DST, DST "," SRC, true, true },
		{ SRC "," DST, POLICY("'automated':{},'retry':{'limit':1}"),
		  true, true },
		{ SRC "," DST, POLICY("'syncOptions':[]"), true, true },
		{ SRC "," DST, SRC "," DST ",'ignoreDifferences':[]", true, true },
		{ SRC "," DST, DST_IS("{'name':'in-cluster'}"), true, true },
		{ SRC "," DST, DST_IS("{'name':'in-cluster','namespace':'x'}"),
		  false, true },
		{ SRC "," DST, SRC "," DST IGNORE, false, true },
		{ SRC "," DST, POLICY("'syncOptions':['Replace=true']"), false,
		  true },
		{ SRC "," DST, POLICY("'managedNamespaceMetadata':{'labels':{'a':'b'}}"),
		  false, true },
		{ POLICY("'managedNamespaceMetadata':{'labels':{'a':'b'}}"),
		  POLICY("'managedNamespaceMetadata':{'labels':{'a':'c'}}"), false, true },
		{ POLICY("'syncOptions':['Prune=false','Validate=false']"),
		  POLICY("'syncOptions':['Validate=false','Prune=false',"
			 "'Prune=false']"), true, true },
		{ SRC_WITH("'targetRevision':'a'"), SRC_WITH("'targetRevision':'b'"),
		  true, false },
		{ SRC_WITH("'kustomize':{'images':['a=b:1']}"),
		  SRC_WITH("'kustomize':{'images':['a=b:2']}"), true, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char oa[65], ob[65], sa[65], sb[65];

		digests_of(cases[i].a, oa, sa);
		digests_of(cases[i].b, ob, sb);
		if (!strcmp(oa, ob) != cases[i].same_options ||
		    !strcmp(sa, sb) != cases[i].same_source)
			fail_msg("%s | %s", cases[i].a, cases[i].b);
	}
}

static void messages_are_capped(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct app_spec s;

	(void)state;
	buf_adds(&b, SRC "," DST ",'ignoreDifferences':[0");
	for (int i = 0; i < 500; i++)
		buf_adds(&b, ",0");
	buf_adds(&b, "]");
	decode_spec(&s, buf_str(&b));
	assert_int_equal(s.n_errors, 64);
	assert_string_equal(s.errors[63], "there is more; mend these first");
	app_spec_deinit(&s);
}

static void passwords_in_urls_are_not_repeated(void **state)
{
	struct app_spec s;

	(void)state;
	decode_spec(&s, DST ",'source':{'repoURL':'ftp://u:s3cret@h/r',"
		    "'path':'/abs'}");
	assert_int_equal(s.n_errors, 2);
	for (size_t i = 0; i < s.n_errors; i++)
		assert_null(strstr(s.errors[i], "s3cret"));
	app_spec_deinit(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_spec_gets_its_errors),
		cmocka_unit_test(objects_without_spec),
		cmocka_unit_test(a_guide_application),
		cmocka_unit_test(a_revision_in_the_url),
		cmocka_unit_test(automated_may_be_switched_off),
		cmocka_unit_test(retry_reads_argo_durations),
		cmocka_unit_test(options_are_exact),
		cmocka_unit_test(annotations_override_the_flags),
		cmocka_unit_test(bad_annotations_are_errors),
		cmocka_unit_test(auto_revert_follows_automated_and_the_flag),
		cmocka_unit_test(refresh_and_finalizers),
		cmocka_unit_test(hints_for_renders_are_taken),
		cmocka_unit_test(operations_name_sources),
		cmocka_unit_test(operations),
		cmocka_unit_test(projects_are_checked_when_known),
		cmocka_unit_test(digests_say_what_changed),
		cmocka_unit_test(messages_are_capped),
		cmocka_unit_test(passwords_in_urls_are_not_repeated),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
