/* check_webhook.c: which webhook configurations come before what answers for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "checks.h"
#include "tree_files.h"

#define HOOKS(wave, policy, ns) \
	"apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\n" \
	"metadata: {name: guard, annotations: {argocd.argoproj.io/sync-wave: '" wave "'}}\n" \
	"webhooks:\n- {name: a.x.io, " policy "clientConfig: {service: {name: guard, " \
	"namespace: " ns "}}}\n- {name: b.x.io, clientConfig: {url: 'https://x'}}\n---\n"
#define SERVICE(selector) "apiVersion: v1\nkind: Service\nmetadata: {name: guard, " \
	"namespace: x}\nspec: {" selector "}\n---\n"
#define WORK(kind, wave, app) "apiVersion: apps/v1\nkind: " kind "\nmetadata: {name: w" wave \
	", namespace: x, annotations: {argocd.argoproj.io/sync-wave: '" wave "'}}\n" \
	"spec: {template: {metadata: {labels: {app: " app ", more: y}}}}\n---\n"
#define APP "selector: {app: guard}"

static const struct { const char *what, *yaml, *want; } cases[] = {
	{ "the workload comes later", HOOKS("1", "", "x") SERVICE(APP)
	  WORK("Deployment", "2", "guard"),
	  "webhook-early: ValidatingWebhookConfiguration/guard webhooks[a.x.io]: it is asked "
	  "from wave 1 on, and Deployment/w2, which answers for it, comes in wave 2" },
	{ "a set", HOOKS("-3", "failurePolicy: Fail, ", "x") SERVICE(APP)
	  WORK("StatefulSet", "0", "guard"), "comes in wave 0" },
	{ "in the same wave it waits by itself", HOOKS("2", "", "x") SERVICE(APP)
	  WORK("Deployment", "2", "guard"), NULL },
	{ "later", HOOKS("3", "", "x") SERVICE(APP) WORK("Deployment", "2", "guard"), NULL },
	{ "nobody has to answer", HOOKS("1", "failurePolicy: Ignore, ", "x") SERVICE(APP)
	  WORK("Deployment", "2", "guard"), NULL },
	{ "another's workload", HOOKS("1", "", "x") SERVICE(APP)
	  WORK("Deployment", "2", "other"), NULL },
	{ "one of two is there", HOOKS("1", "", "x") SERVICE(APP)
	  WORK("Deployment", "2", "guard") WORK("DaemonSet", "1", "guard"), NULL },
	{ "a Service without a selector", HOOKS("1", "", "x") SERVICE("type: ExternalName")
	  WORK("Deployment", "2", "guard"), NULL },
	{ "a Service of another namespace", HOOKS("1", "", "z") SERVICE(APP)
	  WORK("Deployment", "2", "guard"), NULL },
	{ "nothing but itself", HOOKS("1", "", "x"), NULL },
	{ "no list", "apiVersion: admissionregistration.k8s.io/v1\nkind: "
	  "MutatingWebhookConfiguration\nmetadata: {name: guard}\nwebhooks: {a: b}\n", NULL },
};

static bool is_ours(void *arg, const char *url)
{
	(void)arg;
	(void)url;
	return true;
}

static void early_ones_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct tree_file tree[] = {
			{ "kustomization.yaml", "resources: [all.yaml]\n" },
			{ "all.yaml", cases[i].yaml }, { NULL, NULL },
		};
		const struct view_env env = { 0 };
		const struct report_counts n = { 0 };
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct survey_options o = { .root = "", .is_ours = is_ours };
		struct findings f = { 0 };
		struct err err = ERR_INIT;
		struct tree_files t;
		struct survey s;

		tree_files_init(&t, tree);
		o.files = &t.files;
		if (survey_run(&s, &o, &err) || findings_of_objects(&f, &s, NULL, &err))
			fail_msg("%s: %s", cases[i].what, err.msg);
		findings_close(&f);
		findings_text(&f, &n, &env, &out);
		if (!cases[i].want ? !!strstr(buf_str(&out), "webhook-early") :
				     !strstr(buf_str(&out), cases[i].want))
			fail_msg("%s: %s", cases[i].what, buf_str(&out));
		findings_deinit(&f);
		survey_deinit(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(early_ones_are_told) };

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
