/* Kinds that argocd-cm excludes: nothing is done to them, and what is there stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "hookscene.h"

#define NO_MAPS "- {apiGroups: [''], kinds: [ConfigMap]}\n"
#define EXCLUDED "ExcludedResourceWarning"
#define FINALIZER "{\"metadata\":{\"finalizers\":[" \
	"\"resources-finalizer.argocd.argoproj.io\"]}}"

static void put_rules(struct engsim *x, const char *ns, const char *exclusions)
{
	_cleanup_json_ json_t *o = json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s}}",
		"apiVersion", "v1", "kind", "ConfigMap", "metadata", "name",
		"argocd-cm", "namespace", ns, "data", "resource.exclusions", exclusions);
	_cleanup_buf_ struct buf text = BUF_INIT;

	doc_write(o, &text);
	apisim_apply(x->api, buf_str(&text));
}

static void put_map(struct engsim *x, const char *value)
{
	_cleanup_free_ char *text = value ? engsim_configmap("extra", value, 0) :
					    xstrdup("");

	engsim_commit(x, "extra.yaml", text);
}

static const char *extra(struct engsim *x)
{
	const json_t *o = apisim_get(x->api, "configmaps", "shop", "extra");
	const char *value = doc_get_str(o, "data", "key", NULL);

	return !o ? "" : value ? value : "?";
}

static bool extra_is(void *arg)
{
	struct engsim *x = arg;

	return !strcmp(extra(x), x->want_name);
}

static void until_extra(struct engsim *x, const char *want)
{
	x->want_name = want;
	scene_until(x, extra_is, LONG, "the ConfigMap");
}

static bool is_warned(void *arg)
{
	return scene_condition(arg, "shop", EXCLUDED);
}

static bool is_calm(void *arg)
{
	return !scene_condition(arg, "shop", EXCLUDED);
}

static bool cannot_compare(void *arg)
{
	return scene_condition(arg, "shop", "ComparisonError");
}

static bool can_compare(void *arg)
{
	return !cannot_compare(arg);
}

static void drift(struct engsim *x, const char *value)
{
	_cleanup_free_ char *patch = xasprintf("{\"data\":{\"key\":\"%s\"}}", value);

	apisim_edit(x->api, "kubectl", "configmaps", "shop", "extra", patch);
}

/* Watches, lists, reads and writes of the namespace's, or all, ConfigMaps by label. */
static size_t asks_for_maps(struct engsim *x, size_t from)
{
	size_t n = sim_count(x->s, from, NULL, "/namespaces/shop/configmaps");

	for (size_t i = from; i < sim_request_count(x->s); i++)
		n += !strcmp(sim_request(x->s, i)->path, "/api/v1/configmaps") &&
		     strstr(sim_request(x->s, i)->query, "labelSelector");
	return n;
}

static bool lists(struct engsim *x, const char *kind)
{
	const json_t *list = doc_get(engsim_status(x, "shop"), "resources", NULL), *r;
	size_t i;

	json_array_foreach((json_t *)list, i, r)
		if (!strcmp(doc_get_str(r, "kind", NULL), kind))
			return true;
	return false;
}

/* Where syncctl looks for what is excluded. */
static const char *excluding(struct engsim *x)
{
	const char *s = doc_get_str(engsim_status(x, "shop"), "syncd", "excluding", NULL);

	return s ? s : "";
}

static void assert_fine(struct engsim *x)
{
	const json_t *s = engsim_status(x, "shop");

	assert_string_equal(doc_get_str(s, "sync", "status", NULL), "Synced");
	assert_string_equal(doc_get_str(s, "health", "status", NULL), "Healthy");
}

static void what_is_excluded_in_git_is_not_applied(void **state)
{
	static const char *const maps[] = { "argocd", "syncd-system" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
		struct engsim x;

		scene_init(&x, 5200 + i);
		put_map(&x, "one");
		apisim_namespace(x.api, maps[i]);
		put_rules(&x, maps[i], NO_MAPS);
		engsim_start(&x);
		engsim_until_phase(&x, "shop", "Good", LONG);
		scene_until(&x, is_warned, LONG, "the warning");
		scene_assert_condition(&x, "shop", EXCLUDED,
				       "Resource /ConfigMap extra is excluded in the settings");
		assert_string_equal(extra(&x), "");
		assert_string_equal(scene_tag(&x), "v1");
		assert_false(lists(&x, "ConfigMap"));
		assert_true(lists(&x, "Deployment"));
		assert_int_equal(asks_for_maps(&x, 0), 0);
		assert_fine(&x);
		assert_string_equal(excluding(&x), maps[i]);
		/* The rule goes: it is applied, as something that is missing. */
		apisim_delete(x.api, "configmaps", maps[i], "argocd-cm");
		until_extra(&x, "one");
		scene_until(&x, is_calm, LONG, "no warning");
		assert_true(lists(&x, "ConfigMap"));
		assert_string_equal(excluding(&x), "");
		scene_end(&x, true);
	}
}

/* Neither healed, updated, pruned nor watched; and taken up again as it is. */
static void what_comes_to_be_excluded_stays_as_it_is(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	scene_init(&x, 5210);
	put_map(&x, "one");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_string_equal(extra(&x), "one");
	put_rules(&x, "argocd", NO_MAPS);
	scene_until(&x, is_warned, LONG, "the warning");
	sim_run_for(x.s, 5000);
	from = sim_request_count(x.s);
	drift(&x, "by hand");
	put_map(&x, "two");
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_string_equal(extra(&x), "by hand");
	put_map(&x, NULL);
	sim_run_for(x.s, 60000);
	assert_string_equal(extra(&x), "by hand");
	scene_assert_condition(&x, "shop", EXCLUDED,
			       "1 object applied before is excluded now");
	assert_int_equal(asks_for_maps(&x, from), 0);
	assert_fine(&x);
	/* Also over a restart. */
	engsim_crash(&x);
	engsim_start(&x);
	sim_run_for(x.s, 60000);
	assert_string_equal(extra(&x), "by hand");
	assert_int_equal(asks_for_maps(&x, from), 0);
	/* Nor is it shown where Git cannot be rendered. */
	engsim_commit(&x, "bad.yaml", "{ not yaml");
	scene_until(&x, cannot_compare, LONG, "the error");
	sim_run_for(x.s, 5000);
	assert_true(lists(&x, "Deployment"));
	assert_false(lists(&x, "ConfigMap"));
	engsim_commit(&x, "bad.yaml", "");
	/* Git has it again, and the rule goes. */
	put_map(&x, "three");
	sim_run_for(x.s, 30000);
	assert_string_equal(extra(&x), "by hand");
	apisim_delete(x.api, "configmaps", "argocd", "argocd-cm");
	until_extra(&x, "three");
	scene_until(&x, is_calm, LONG, "no warning");
	scene_end(&x, true);
}

#define MANY 8

/* The rule comes when the first of them has been read, to be deleted. */
static void on_served(void *arg, const struct sim_request *r)
{
	struct engsim *x = arg;

	if (!x->want_name && !strcmp(r->method, "GET") &&
	    strstr(r->path, "/namespaces/shop/configmaps/extra")) {
		x->want_name = "there";
		put_rules(x, "argocd", NO_MAPS);
	}
}

/* A prune that is under way ends with what was on its way already. */
static void what_comes_to_be_excluded_is_not_pruned_any_more(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 5215);
	x.max_requests = 1;
	for (int i = 0; i < MANY; i++) {
		_cleanup_free_ char *name = xasprintf("extra%d", i);
		_cleanup_free_ char *text = engsim_configmap(name, "one", 0);
		_cleanup_free_ char *file = xasprintf("%s.yaml", name);

		engsim_commit(&x, file, text);
	}
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	x.want_name = NULL;
	sim_set_spy(x.s, &(struct sim_spy){ .served = on_served, .arg = &x });
	for (int i = 0; i < MANY; i++) {
		_cleanup_free_ char *file = xasprintf("extra%d.yaml", i);

		engsim_commit(&x, file, "");
	}
	sim_run_for(x.s, 120000);
	assert_non_null(x.want_name);
assert_in_range(apisim_count(x.api, "configmaps", "shop"), MANY / 2, MANY);
	sim_set_spy(x.s, &(struct sim_spy){ 0 });
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_fine(&x);
	scene_end(&x, false);
}

/* Once it is no more excluded, what left Git meanwhile is pruned as ever. */
static void what_left_git_while_it_was_excluded_is_pruned_after_that(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 5220);
	put_map(&x, "one");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	put_rules(&x, "argocd", NO_MAPS);
	scene_until(&x, is_warned, LONG, "the warning");
	put_map(&x, NULL);
	sim_run_for(x.s, 60000);
	assert_string_equal(extra(&x), "one");
	put_rules(&x, "argocd", "[]");
	until_extra(&x, "");
	scene_end(&x, false);
}

static void hooks_of_an_excluded_kind_do_not_run(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 5230);
	hooks_put(&x, "migrate", "PreSync", "1", "");
	hooks_put(&x, "smoke", "PostSync", "crash", "");
	put_rules(&x, "argocd", "- {apiGroups: [batch]}\n");
	hooks_start(&x);
	sim_run_for(x.s, 5000);
	assert_null(hooks_job(&x, "migrate"));
	assert_null(hooks_job(&x, "smoke"));
	scene_assert_condition(&x, "shop", EXCLUDED, "Resource batch/Job migrate is excluded "
			       "in the settings; Resource batch/Job smoke is excluded in the "
			       "settings");
	/* They do in the next release after that. */
	put_rules(&x, "argocd", "- {apiGroups: [batch], kinds: [CronJob]}\n");
	sim_run_for(x.s, 5000);
	assert_null(hooks_job(&x, "migrate"));
	hooks_put(&x, "smoke", "PostSync", "1", "");
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	sim_run_for(x.s, 30000);
	engsim_until_phase(&x, "shop", "Good", LONG);
	hooks_assert_result(&x, "migrate", "PreSync", "Synced", "Succeeded");
	hooks_assert_result(&x, "smoke", "PostSync", "Synced", "Succeeded");
	hooks_end(&x);
}

static void it_does_not_go_with_its_application(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 5240);
	put_map(&x, "one");
	scene_edit_app(&x, FINALIZER);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	put_rules(&x, "argocd", NO_MAPS);
	scene_until(&x, is_warned, LONG, "the warning");
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	scene_until(&x, scene_gone, LONG, "its end");
	assert_string_equal(scene_tag(&x), "");
	assert_string_equal(extra(&x), "one");
	scene_end(&x, false);
}

/* A slip in the ConfigMap: nothing new, nothing pruned; a bad release is taken back. */
static void rules_that_cannot_be_read_stop_what_is_new(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 5250);
	put_map(&x, "one");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	put_rules(&x, "argocd", "- {apiGroup: [apps]}\n");
	scene_until(&x, cannot_compare, LONG, "the condition");
	scene_assert_condition(&x, "shop", "ComparisonError", "ConfigMap argocd/argocd-cm: "
			       "resource.exclusions: entry 1: has none of apiGroups");
	put_map(&x, NULL);
	scene_put(&x, "v2");
	sim_run_for(x.s, 60000);
	assert_string_equal(scene_tag(&x), "v1");
	assert_string_equal(extra(&x), "one");
	put_rules(&x, "argocd", "- {apiGroups: [batch]}\n");
	scene_until_tag(&x, "v2", LONG);
	scene_until(&x, can_compare, LONG, "no condition");
	until_extra(&x, "");
	engsim_until_phase(&x, "shop", "Good", LONG);
	/* The ConfigMap breaks again while a bad release is under way. */
	scene_put(&x, "noready3");
	scene_until_tag(&x, "noready3", LONG);
	put_rules(&x, "argocd", "nonsense");
	scene_until(&x, cannot_compare, LONG, "the condition");
	scene_until_tag(&x, "v2", 600000);
	engsim_until_phase(&x, "shop", "Pinned", LONG);
	scene_end(&x, false);
}

/* Nothing may be pruned, but that one is gone may be seen: the operation ends. */
static void an_end_that_nobody_may_ask_for_is_seen(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	scene_init(&x, 5250);
	put_map(&x, "one");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	put_map(&x, NULL);
	until_extra(&x, "");
	put_rules(&x, "argocd", "nonsense");
	from = sim_steps(x.s);
	sim_run_for(x.s, 60000);
	assert_true(sim_steps(x.s) - from < 5000);	/* it does not spin */
	scene_until(&x, cannot_compare, LONG, "the condition");
	put_rules(&x, "argocd", "- {apiGroups: [batch]}\n");
	scene_until(&x, can_compare, LONG, "no condition");
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_end(&x, false);
}

/* After a restart it is not known what was excluded: nothing at all is done. */
static void rules_that_never_could_be_read_stop_everything(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	scene_init(&x, 5260);
	put_map(&x, "one");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	put_rules(&x, "argocd", "[{kinds: ConfigMap}]");
	scene_until(&x, cannot_compare, LONG, "the condition");
	engsim_crash(&x);
	from = sim_request_count(x.s);
	engsim_start(&x);
	sim_run_for(x.s, 5000);
	scene_edit_app(&x, FINALIZER);
	scene_drift(&x, "v9");
	drift(&x, "by hand");
	sim_run_for(x.s, 60000);
	assert_string_equal(scene_tag(&x), "v9");
	assert_string_equal(extra(&x), "by hand");
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	sim_run_for(x.s, 60000);
	assert_false(scene_gone(&x));
	assert_int_equal(sim_count(x.s, from, "DELETE", "/namespaces/shop/"), 0);
	assert_int_equal(sim_count(x.s, from, "PATCH", "/namespaces/shop/"), 0);
	put_rules(&x, "argocd", "[{kinds: [ConfigMap]}]");
	scene_until(&x, scene_gone, LONG, "its end");
	assert_string_equal(scene_tag(&x), "");
	assert_string_equal(extra(&x), "by hand");
	scene_end(&x, false);
}

/* ---- one object in two groups ---- */

#define NO_INGRESSES "- {apiGroups: [networking.k8s.io], kinds: [Ingress]}\n"

/* NULL: it leaves Git. */
static void put_ingress(struct engsim *x, const char *version)
{
	_cleanup_free_ char *text = version ? xasprintf("{\"apiVersion\":\"%s\",\"kind\":"
		"\"Ingress\",\"metadata\":{\"name\":\"web\"},\"spec\":{\"defaultBackend\":{"
		"\"service\":{\"name\":\"web\",\"port\":{\"number\":80}}}}}", version) :
		xstrdup("");

	engsim_commit(x, "ingress.yaml", text);
}

static bool ingress_is_there(struct engsim *x)
{
	return apisim_get(x->api, "ingresses.networking.k8s.io", "shop", "web");
}

static void start_with_ingress(struct engsim *x, uint64_t seed)
{
	scene_init(x, seed);
	apisim_set_options(x->api, &(struct apisim_options){ .old_ingresses = true });
	put_ingress(x, "extensions/v1beta1");
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
	assert_true(ingress_is_there(x));
}

/*
 * Git moves it to a group that is excluded: the entry of the old group is not pruned, as
 * the object is what Git says, in the other. When that is excluded no more, it is ours.
 */
static void what_moves_to_an_excluded_group_lives_on(void **state)
{
	struct engsim x;

	(void)state;
	start_with_ingress(&x, 5240);
	put_rules(&x, "argocd", NO_INGRESSES);
	sim_run_for(x.s, 5000);
	put_ingress(&x, "networking.k8s.io/v1");
	sim_run_for(x.s, 3 * 60000);
	assert_true(ingress_is_there(&x));
	assert_int_equal(sim_count(x.s, 0, "DELETE", "/ingresses/web"), 0);
	assert_fine(&x);
	engsim_crash(&x);
	engsim_start(&x);
	put_ingress(&x, NULL);
	sim_run_for(x.s, 3 * 60000);
	assert_true(ingress_is_there(&x));
	assert_fine(&x);
	apisim_delete(x.api, "configmaps", "argocd", "argocd-cm");
	sim_run_for(x.s, 3 * 60000);
	assert_false(ingress_is_there(&x));
	scene_end(&x, false);
}

/* Another one of that name and kind, in a group that is another store: it goes. */
static void what_only_has_its_name_does_not_keep_it(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 5245);
	apisim_set_options(x.api, &(struct apisim_options){ .old_ingresses = true });
	put_ingress(&x, "extensions/v1beta1");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	put_rules(&x, "argocd", "- {apiGroups: [example.com], kinds: [Ingress]}\n");
	apisim_apply(x.api, "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":"
		     "\"CustomResourceDefinition\",\"metadata\":{\"name\":"
		     "\"ingresses.example.com\"},\"spec\":{\"group\":\"example.com\",\"scope\":"
		     "\"Namespaced\",\"names\":{\"plural\":\"ingresses\",\"singular\":"
		     "\"ingress\",\"kind\":\"Ingress\"},\"versions\":[{\"name\":\"v1\","
		     "\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{"
		     "\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}}}]}}");
	sim_run_for(x.s, 5000);
	apisim_apply(x.api, "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Ingress\","
		     "\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\"}}");
	put_ingress(&x, "example.com/v1");
	sim_run_for(x.s, 3 * 60000);
	assert_false(ingress_is_there(&x));
	assert_non_null(apisim_get(x.api, "ingresses.example.com", "shop", "web"));
	scene_end(&x, false);
}

/* Nor does it go with its Application, whose release has it in the excluded group. */
static void what_moved_does_not_go_with_its_application(void **state)
{
	struct engsim x;

	(void)state;
	start_with_ingress(&x, 5250);
	scene_edit_app(&x, "{\"spec\":{\"syncPolicy\":{\"automated\":{\"prune\":false}}}}");
	put_rules(&x, "argocd", NO_INGRESSES);
	sim_run_for(x.s, 5000);
	put_ingress(&x, "networking.k8s.io/v1");
	sim_run_for(x.s, 3 * 60000);
	engsim_crash(&x);
	engsim_start(&x);
	scene_edit_app(&x, FINALIZER);
	sim_run_for(x.s, 5000);
	apisim_delete(x.api, "applications.argoproj.io", "argocd", "shop");
	scene_until(&x, scene_gone, LONG, "its end");
	assert_string_equal(scene_tag(&x), "");
	assert_true(ingress_is_there(&x));
	scene_end(&x, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_excluded_in_git_is_not_applied),
		cmocka_unit_test(what_comes_to_be_excluded_stays_as_it_is),
		cmocka_unit_test(what_comes_to_be_excluded_is_not_pruned_any_more),
		cmocka_unit_test(what_left_git_while_it_was_excluded_is_pruned_after_that),
		cmocka_unit_test(hooks_of_an_excluded_kind_do_not_run),
		cmocka_unit_test(it_does_not_go_with_its_application),
		cmocka_unit_test(rules_that_cannot_be_read_stop_what_is_new),
		cmocka_unit_test(an_end_that_nobody_may_ask_for_is_seen),
		cmocka_unit_test(rules_that_never_could_be_read_stop_everything),
		cmocka_unit_test(what_moves_to_an_excluded_group_lives_on),
		cmocka_unit_test(what_only_has_its_name_does_not_keep_it),
		cmocka_unit_test(what_moved_does_not_go_with_its_application),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
