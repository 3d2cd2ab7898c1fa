/* sync/unblock.h: which kinds may stand in a revert's way, and which tasks go first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sync/unblock.h"

#define ADMISSION "admissionregistration.k8s.io"

static void kinds_that_block(void **state)
{
	static const struct {
		const char *group, *kind;
		enum blocker want;
	} rows[] = {
		{ ADMISSION, "ValidatingWebhookConfiguration", BLOCKS_REQUESTS },
		{ ADMISSION, "MutatingWebhookConfiguration", BLOCKS_REQUESTS },
		{ ADMISSION, "ValidatingAdmissionPolicy", BLOCKS_REQUESTS },
		{ ADMISSION, "ValidatingAdmissionPolicyBinding", BLOCKS_REQUESTS },
		{ ADMISSION, "MutatingAdmissionPolicyBinding", BLOCKS_REQUESTS },
		{ "apiregistration.k8s.io", "APIService", BLOCKS_REQUESTS },
		{ "kyverno.io", "ClusterPolicy", BLOCKS_REQUESTS },
		{ "kyverno.io", "ClusterCleanupPolicy", BLOCKS_NOTHING },
		{ "constraints.gatekeeper.sh", "K8sAllowedRepos", BLOCKS_REQUESTS },
		{ "", "ResourceQuota", BLOCKS_OBJECTS },
		{ "", "LimitRange", BLOCKS_OBJECTS },
		{ "networking.k8s.io", "NetworkPolicy", BLOCKS_OBJECTS },
		{ "networking.k8s.io", "Ingress", BLOCKS_NOTHING },
		{ "cilium.io", "CiliumNetworkPolicy", BLOCKS_OBJECTS },
		{ "example.com", "ResourceQuota", BLOCKS_NOTHING },
		{ "", "NetworkPolicy", BLOCKS_NOTHING },
		{ "apps", "Deployment", BLOCKS_NOTHING },
		{ "", "Namespace", BLOCKS_NOTHING },
		{ "apiextensions.k8s.io", "CustomResourceDefinition",
		  BLOCKS_NOTHING },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (blocker_kind(rows[i].group, rows[i].kind) != rows[i].want)
			fail_msg("%s/%s: %d", rows[i].group, rows[i].kind,
				 blocker_kind(rows[i].group, rows[i].kind));
}

static struct task task(enum task_verb verb, const char *group, const char *kind,
			const char *name)
{
	return (struct task){ .verb = verb, .key = { group, kind, "", name } };
}

static void next_is(const struct plan *p, enum blocker stage, const char *names)
{
	_cleanup_buf_ struct buf got = BUF_INIT;
	const struct task *t;
	size_t pos = 0;

	while ((t = unblock_next(p, stage, &pos)))
		buf_addf(&got, "%s ", t->key.name);
	assert_string_equal(buf_str(&got), names);
	assert_null(unblock_next(p, stage, &pos));
}

/* What differs is restored, what was added is removed; all else stays. */
static void tasks_that_go_first(void **state)
{
	struct plan p = { 0 };

	(void)state;
	next_is(&p, BLOCKS_REQUESTS, "");
	vec_push(&p.tasks, task(TASK_APPLY, "", "ConfigMap", "settings"));
	vec_push(&p.tasks, task(TASK_APPLY, "", "ResourceQuota", "quota"));
	vec_push(&p.tasks, task(TASK_KEEP, "", "LimitRange", "same"));
	vec_push(&p.tasks, task(TASK_APPLY, ADMISSION,
				"MutatingWebhookConfiguration", "changed"));
	vec_push(&p.tasks, task(TASK_KEEP, ADMISSION,
				"MutatingWebhookConfiguration", "unchanged"));
	vec_push(&p.tasks, task(TASK_REFUSE, ADMISSION,
				"MutatingWebhookConfiguration", "anothers"));
	vec_push(&p.tasks, task(TASK_WAIT, ADMISSION,
				"MutatingWebhookConfiguration", "going"));
	vec_push(&p.prunes, task(TASK_PRUNE, ADMISSION,
				 "ValidatingWebhookConfiguration", "added"));
	vec_push(&p.prunes, task(TASK_HOLD, ADMISSION,
				 "ValidatingWebhookConfiguration", "older"));
	vec_push(&p.prunes, task(TASK_FORGET, ADMISSION,
				 "ValidatingWebhookConfiguration", "foreign"));
	vec_push(&p.prunes, task(TASK_PRUNE, "networking.k8s.io", "NetworkPolicy",
				 "deny-all"));
	vec_push(&p.prunes, task(TASK_PRUNE, "", "Secret", "late"));
	next_is(&p, BLOCKS_REQUESTS, "changed added ");
	next_is(&p, BLOCKS_OBJECTS, "quota deny-all ");
	vec_deinit(&p.tasks);
	vec_deinit(&p.prunes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_that_block),
		cmocka_unit_test(tasks_that_go_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
