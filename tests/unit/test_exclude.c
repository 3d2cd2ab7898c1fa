/* exclude.h: which kinds argocd-cm keeps applications out of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sync/exclude.h"

#define APPS "- {apiGroups: [apps], kinds: [Deployment]}\n"
#define SHIPPED						\
	"### Network\n"					\
	"- apiGroups: ['', discovery.k8s.io]\n"		\
	"  kinds: [Endpoints, EndpointSlice]\n"		\
	"- apiGroups: [coordination.k8s.io]\n"		\
	"  kinds: [Lease]\n"				\
	"- apiGroups: [cilium.io]\n"			\
	"  kinds: [CiliumIdentity, CiliumEndpoint]\n"	\
	"- apiGroups: ['*.kyverno.io', reports.kyverno.io]\n"

static int read_texts(struct exclude *x, const char *out, const char *in, struct err *err)
{
	_cleanup_json_ json_t *data = json_object();

	*x = (struct exclude){ 0 };
	if (out)
		json_object_set_new(data, "resource.exclusions", json_string(out));
	if (in)
		json_object_set_new(data, "resource.inclusions", json_string(in));
	return exclude_read(x, data, err);
}

/* c: the case of exclude.h that decides. */
static const struct {
	int c;
	const char *exclusions, *inclusions, *group, *kind;
	bool excluded;
} rows[] = {
	{ 1, NULL, NULL, "", "Event", true },
	{ 1, NULL, NULL, "events.k8s.io", "Event", true },
	{ 1, NULL, NULL, "metrics.k8s.io", "PodMetrics", true },
	{ 1, NULL, NULL, "coordination.k8s.io", "Lease", true },
	{ 1, NULL, "- {kinds: [Lease]}", "coordination.k8s.io", "Lease", true },
	{ 5, NULL, NULL, "coordination.k8s.io", "LeaseCandidate", false },
	{ 5, NULL, NULL, "example.com", "Event", false },
	{ 5, NULL, NULL, "", "Service", false },
	{ 5, "", "  \n", "apps", "Deployment", false },
	{ 5, "# nothing\n", "[]", "apps", "Deployment", false },
	{ 5, "null", NULL, "apps", "Deployment", false },
	{ 2, APPS, NULL, "apps", "Deployment", true },
	{ 5, APPS, NULL, "apps", "StatefulSet", false },
	{ 5, APPS, NULL, "extensions", "Deployment", false },
	{ 2, "[{kinds: [Deployment]}]", NULL, "apps", "Deployment", true },
	{ 2, "[{kinds: [Deployment]}]", NULL, "any.group", "Deployment", true },
	{ 2, "[{apiGroups: [apps]}]", NULL, "apps", "DaemonSet", true },
	{ 2, "[{apiGroups: [apps], kinds: ['*']}]", NULL, "apps", "DaemonSet", true },
	{ 2, "[{apiGroups: [apps], kinds: []}]", NULL, "apps", "DaemonSet", true },
	{ 2, "[{apigroups: [apps], KINDS: [DaemonSet]}]", NULL, "apps", "DaemonSet", true },
	/* A kind is no glob. */
	{ 5, "[{apiGroups: [apps], kinds: ['Daemon*']}]", NULL, "apps", "DaemonSet", false },
	{ 2, "[{apiGroups: ['*.io']}]", NULL, "cilium.io", "X", true },
	{ 2, "[{apiGroups: ['*.io']}]", NULL, "a.b.io", "X", true },
	{ 5, "[{apiGroups: ['*.io']}]", NULL, "io", "X", false },
	{ 2, "[{apiGroups: ['']}]", NULL, "", "ConfigMap", true },
	{ 5, "[{apiGroups: ['']}]", NULL, "apps", "Deployment", false },
	{ 2, "[{apiGroups: ['*']}]", NULL, "", "ConfigMap", true },
	{ 2, "[{apiGroups: ['{apps,batch}']}]", NULL, "batch", "Job", true },
	/* Of other clusters. */
	{ 5, "[{kinds: [Job], clusters: ['https://192.0.2.1']}]", NULL, "batch", "Job", false },
	{ 2, "[{kinds: [Job], clusters: ['https://kubernetes.*']}]", NULL, "batch", "Job", true },
	{ 2, "[{clusters: ['*']}]", NULL, "batch", "Job", true },
	{ 5, NULL, "[{kinds: [Job], clusters: ['https://192.0.2.1']}]", "", "Pod", false },
	{ 3, NULL, APPS, "apps", "Deployment", false },
	{ 4, NULL, APPS, "apps", "StatefulSet", true },
	{ 4, NULL, APPS, "", "ConfigMap", true },
	{ 2, APPS, "[{apiGroups: [apps]}]", "apps", "Deployment", true },
	{ 3, APPS, "[{apiGroups: [apps]}]", "apps", "StatefulSet", false },
	{ 4, APPS, "[{apiGroups: [apps]}]", "batch", "Job", true },
	{ 2, SHIPPED, NULL, "", "Endpoints", true },
	{ 2, SHIPPED, NULL, "discovery.k8s.io", "EndpointSlice", true },
	{ 2, SHIPPED, NULL, "reports.kyverno.io", "EphemeralReport", true },
	{ 5, SHIPPED, NULL, "kyverno.io", "ClusterPolicy", false },
	{ 5, SHIPPED, NULL, "", "Service", false },
};

static void each_kind_is_judged_as_argo_cd_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct exclude x;
		struct err err = ERR_INIT;

		if (read_texts(&x, rows[i].exclusions, rows[i].inclusions, &err))
			fail_msg("row %zu: %s", i, err.msg);
		if (exclude_kind(&x, rows[i].group, rows[i].kind) != rows[i].excluded)
			fail_msg("row %zu (case %d): %s/%s", i, rows[i].c, rows[i].group,
				 rows[i].kind);
		exclude_deinit(&x);
	}
}

static void without_a_configmap_only_the_fixed_ones_are_excluded(void **state)
{
	struct exclude x = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(exclude_read(&x, NULL, &err), 0);
	assert_false(exclude_kind(&x, "apps", "Deployment"));
	assert_true(exclude_kind(&x, "", "Event"));
	assert_false(exclude_kind(NULL, "apps", "Deployment"));
	assert_true(exclude_kind(NULL, "", "Event"));
	exclude_deinit(&x);
}

/* Of two ConfigMaps each excludes what it wants to. */
static void what_one_map_excludes_the_other_cannot_let_in(void **state)
{
	struct exclude a, b;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(read_texts(&a, NULL, "[{apiGroups: [apps, batch]}]", &err), 0);
	assert_int_equal(read_texts(&b, APPS, NULL, &err), 0);
	a.next = &b;
	assert_true(exclude_kind(&a, "apps", "Deployment"));
	assert_true(exclude_kind(&a, "", "ConfigMap"));
	assert_false(exclude_kind(&a, "batch", "Job"));
	a.next = NULL;
	b.next = &a;
	assert_true(exclude_kind(&b, "apps", "Deployment"));
	assert_true(exclude_kind(&b, "", "ConfigMap"));
	assert_false(exclude_kind(&b, "batch", "Job"));
	exclude_deinit(&a);
	exclude_deinit(&b);
}

/* What is a mistake excludes nothing, and says where it is. */
static void mistakes_are_told(void **state)
{
	static const struct {
		const char *exclusions, *inclusions, *words;
	} bad[] = {
		{ "- {", NULL, "resource.exclusions: " },
		{ "a: b", NULL, "resource.exclusions: is no list" },
		{ "7", NULL, "resource.exclusions: is no list" },
		{ "- apps/Deployment", NULL, "resource.exclusions: entry 1: has none of" },
		{ APPS "-", NULL, "resource.exclusions: entry 2: has none of" },
		{ "- {}", NULL, "entry 1: has none of" },
		{ "- {apiGroup: [apps]}", NULL, "entry 1: has none of" },
		{ "- {kinds: Job}", NULL, "entry 1: kinds is no list" },
		{ "- {kinds: [Job, 7]}", NULL, "entry 1: kinds[1] is no string" },
		{ "- {kinds: [Job], apiGroups: ['[']}", NULL,
		  "entry 1: apiGroups[0]: '[' is not closed" },
		{ "- {clusters: ['{a']}", NULL, "entry 1: clusters[0]: '{a' is not closed" },
		{ "- {kinds: [Job], kinds: [Pod]}", NULL, "resource.exclusions: " },
		{ APPS, "- {kinds: {a: b}}", "resource.inclusions: entry 1: kinds is no list" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct exclude x;
		struct err err = ERR_INIT;

		assert_int_equal(read_texts(&x, bad[i].exclusions, bad[i].inclusions, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		if (!strstr(err.msg, bad[i].words))
			fail_msg("row %zu: %s", i, err.msg);
		assert_int_equal(x.excluded.len + x.included.len, 0);
		exclude_deinit(&x);
	}
}

static void lists_have_an_end(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	struct exclude x;

	(void)state;
	buf_adds(&text, "[{kinds: [k");
	for (int i = 0; i < EXCLUDE_MAX - 1; i++)
		buf_addf(&text, ",k%d", i);
	buf_adds(&text, "]}]");
	assert_int_equal(read_texts(&x, buf_str(&text), NULL, &err), 0);
	assert_true(exclude_kind(&x, "g", "k1998"));
	exclude_deinit(&x);
	assert_int_equal(read_texts(&x, buf_str(&text), "[{kinds: [k]}]", &err), -1);
	assert_non_null(strstr(err.msg, "more than 2000 entries"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_is_judged_as_argo_cd_does),
		cmocka_unit_test(without_a_configmap_only_the_fixed_ones_are_excluded),
		cmocka_unit_test(what_one_map_excludes_the_other_cannot_let_in),
		cmocka_unit_test(mistakes_are_told),
		cmocka_unit_test(lists_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
