/*
 * render/kustomize/{decode,spec}.c: what a kustomization's text decodes to, and what
 * is said of a wrong one. Outcomes are those of the reference; where it keeps the last
 * of two equal keys, we refuse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "render/kustomize/spec.h"

static char warned[2000];

static void on_warning(void *arg, const char *text)
{
	(void)arg;
	strncat(warned, text, sizeof(warned) - strlen(warned) - 2);
	strcat(warned, "\n");
}

static int decode(struct kust *k, const char *text, struct kspec *s, struct err *err)
{
	static const struct kust_options o = { .warn = on_warning };

	warned[0] = '\0';
	kust_init(k, NULL, &o);
	return kspec_decode(k, "a/kustomization.yaml", text, strlen(text), s, err);
}

static const struct { const char *text, *said; } wrong[] = {
	{ "", "is empty" },
	{ "# only this\n", "is empty" },
	{ "resources:\n", "is empty" },
	{ "kind: Kustomization\n", "is empty" },
	{ "bases: []\n", "is empty" },
	{ "imageTags: []\n", "is empty" },
	{ "helmChartInflationGenerator: []\n", "is empty" },
	{ "namePrefix: ''\n", "is empty" },
	{ "[a]\n", "a/kustomization.yaml:1: wants a map, not a list" },
	{ "a: b: c\n", "a/kustomization.yaml" },
	{ "resourcs: [a]\n", "a/kustomization.yaml:1: resourcs: a kustomization has no such "
	  "field; write 'resources'" },
	{ "resources: [a]\nimages:\n- name: x\n- newTag: 1.0\n",
	  "a/kustomization.yaml:4: images[1].newTag: wants a text, not a number: quote it" },
	{ "resources: [a]\nimages: [{nme: x}]\n", "images[0].nme: an image has no such" },
	{ "resources: a\n", "resources: wants a list of texts, not a text" },
	{ "resources: [[a]]\n", "resources[0]: wants a text, not a list" },
	{ "namePrefix: 12\n", "namePrefix: wants a text, not a number" },
	{ "namePrefix: yes\n", "namePrefix: wants a text, not a boolean" },
	{ "commonLabels: {a: yes}\n", "commonLabels[a]: wants a text, not a boolean" },
	{ "commonLabels: [a]\n", "commonLabels: wants a map of texts, not a list" },
	{ "replicas: [{name: a, count: '3'}]\n", "count: wants an integer, not a text" },
	{ "replicas: [{name: a, count: 1.5}]\n", "count: wants an integer" },
	{ "replicas: [{count: 9223372036854775808}]\n", "an integer of 64 bits" },
	{ "labels: [{includeSelectors: 'true'}]\n", "labels[0].includeSelectors: wants true "
	  "or false, not a text" },
	{ "metadata: {foo: 1}\nresources: [a]\n", "metadata.foo: metadata has no such" },
	{ "configMapGenerator: [{name: a, type: b}]\n", "a ConfigMap's generator has no" },
	{ "secretGenerator: [{name: a, env: 3}]\n", "secretGenerator[0].env: wants a text" },
	{ "resources: [a]\nResources: [b]\n", "a/kustomization.yaml:2: resources: is there "
	  "twice, first in line 1" },
	{ "resources: [a]\nkind: Foo\n", "kind is 'Foo'" },
	{ "resources: [a]\napiVersion: v1\n", "it is kustomize.config.k8s.io/v1beta1" },
	{ "resources: [a]\nkind: Component\napiVersion: kustomize.config.k8s.io/v1beta1\n",
	  "of a Component it is kustomize.config.k8s.io/v1alpha1" },
	{ "replacements: [{source: {knd: a}}]\n", "replacements[0].source: knd: a "
	  "replacement's source has no such" },
	{ "replacements: [{targets: [{reject: [null]}]}]\n", "entry 0 is null" },
	{ "replacements: [{targets: [{reject: [{a: b}]}]}]\n", "entry 0: a: a target has no" },
	{ "replacements: [{targets: [{reject: a}]}]\n", "reject: wants a list" },
	{ "vars: [{name: a, objref: {x: y}}]\n", "vars[0].objref: x: a var's objref has no" },
	{ "vars: [{name: a, fieldref: {x: y}}]\n", "a var's fieldref has no" },
	{ "sortOptions: {order: 3}\n", "sortOptions.order: wants 'legacy' or 'fifo'" },
	{ "sortOptions: {legacySortOptions: {first: []}}\n", "legacySortOptions has no" },
};

static void test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct err err = ERR_INIT;
		struct kspec s;
		struct kust k;

		if (decode(&k, wrong[i].text, &s, &err) == 0)
			fail_msg("accepted: %s", wrong[i].text);
		kust_deinit(&k);
		assert_int_equal(err.code, ERR_INVALID);
		if (!strstr(err.msg, wrong[i].said))
			fail_msg("%s\n  want: %s\n  got:  %s", wrong[i].text, wrong[i].said,
				 err.msg);
	}
}

/* What is nothing to do, but not empty. */
static void test_not_empty(void **state)
{
	static const char *const texts[] = {
		"resources: []\n", "metadata: {name: x}\n", "buildMetadata: []\n",
		"generatorOptions: {}\n", "resources: [a]\n---\nresourcs: [b]\n",
		"helmCharts: []\n", "kind: Component\napiVersion: "
		"kustomize.config.k8s.io/v1alpha1\nresources: []\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct err err = ERR_INIT;
		struct kspec s;
		struct kust k;

		if (decode(&k, texts[i], &s, &err) < 0)
			fail_msg("%s: %s", texts[i], err.msg);
		assert_false(s.helm);
		kust_deinit(&k);
	}
}

static void test_whole(void **state)
{
	struct err err = ERR_INIT;
	struct kspec s;
	struct kust k;

	(void)state;
	if (decode(&k, "RESOURCES: [a, null]\nbases: [b]\nnameprefix: x-\n"
		   "images: [{name: i, newTag: '1'}]\nimageTags: [{name: j}]\n"
		   "configMapGenerator:\n- name: c\n  envs: [e1]\n  env: e2\n"
		   "  options: {labels: {b: '2', a: '1', c: null}, immutable: true}\n"
		   "replicas: [{name: a, count: 1e3}, {name: b, count: -2}]\n"
		   "vars: [{name: v, objref: {apiVersion: apps/v1, kind: K, name: nn}},\n"
		   "  {name: w, objref: {apiVersion: v1, group: g}, fieldref: {fieldPath: a.b}},\n"
		   "  {name: x}]\n"
		   "sortOptions: {order: legacy, legacySortOptions: {orderFirst: [A]}}\n"
		   "openapi: {path: p}\nhelmCharts: [{}]\nsecretGenerator: [null]\n", &s,
		   &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(s.resources.len, 3);
	assert_string_equal(s.resources.data[0], "a");
	assert_string_equal(s.resources.data[1], "");
	assert_string_equal(s.resources.data[2], "b");
	assert_string_equal(s.name_prefix, "x-");
	assert_string_equal(s.name_suffix, "");
	assert_string_equal(s.kind, "Kustomization");
	assert_string_equal(s.api_version, "kustomize.config.k8s.io/v1beta1");
	assert_int_equal(s.images.len, 2);
	assert_string_equal(s.images.data[0].new_tag, "1");
	assert_string_equal(s.images.data[1].name, "j");
	assert_string_equal(s.images.data[1].new_tag, "");
	assert_int_equal(s.config_maps.len, 1);
	assert_int_equal(s.config_maps.data[0].line, 7);
	assert_int_equal(s.config_maps.data[0].envs.len, 2);
	assert_string_equal(s.config_maps.data[0].envs.data[1], "e2");
	assert_true(s.config_maps.data[0].options->immutable);
	assert_int_equal(s.config_maps.data[0].options->labels.len, 3);
	assert_string_equal(s.config_maps.data[0].options->labels.data[0].key, "a");
	assert_string_equal(s.config_maps.data[0].options->labels.data[2].value, "");
	assert_int_equal(s.secrets.len, 1);
	assert_string_equal(s.secrets.data[0].name, "");
	assert_int_equal(s.replicas.data[0].count, 1000);
	assert_int_equal(s.replicas.data[1].count, -2);
	assert_string_equal(s.vars.data[0].object.gvk.group, "apps");
	assert_string_equal(s.vars.data[0].object.gvk.kind, "K");
	assert_string_equal(s.vars.data[0].field_path, "metadata.name");
	assert_string_equal(s.vars.data[1].object.gvk.group, "g");
	assert_string_equal(s.vars.data[1].object.gvk.version, "v1");
	assert_string_equal(s.vars.data[1].field_path, "a.b");
	assert_string_equal(s.vars.data[2].object.name, "");
	assert_true(s.sort->legacy && s.sort->custom);
	assert_int_equal(s.sort->first.len, 1);
	assert_string_equal(s.openapi.data[0].value, "p");
	assert_true(s.helm);
	assert_non_null(strstr(warned, "a/kustomization.yaml:2: 'bases' is deprecated; use "
			       "'resources'"));
	assert_non_null(strstr(warned, "'imageTags'"));
	assert_non_null(strstr(warned, "'vars'"));
	kust_deinit(&k);
}

static void test_selectors(void **state)
{
	struct err err = ERR_INIT;
	struct kspec s;
	struct kust k;

	(void)state;
	if (decode(&k, "patches:\n- path: p\n  target: {kind: D, labelSelector: a=b}\n"
		   "  options: {allowNameChange: true}\n- patch: x\n"
		   "replacements:\n- source: {kind: S, fieldPath: f, options: {index: 2}}\n"
		   "  targets:\n  - select: {name: nn}\n    reject: [{kind: R}]\n"
		   "    fieldPaths: [a, b]\n    options: {create: true}\n"
		   "- sourceValue: ''\n- path: r\n", &s, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(s.patches.data[0].target->kind, "D");
	assert_string_equal(s.patches.data[0].target->labels, "a=b");
	assert_null(s.patches.data[0].target->name);
	assert_true(s.patches.data[0].options.allow_name_change);
	assert_string_equal(s.patches.data[0].patch, "");
	assert_int_equal(s.patches.data[0].line, 2);
	assert_null(s.patches.data[1].target);
	assert_string_equal(s.replacements.data[0].source->gvk.kind, "S");
	assert_string_equal(s.replacements.data[0].source->ns, "");
	assert_string_equal(s.replacements.data[0].source_path, "f");
	assert_int_equal(s.replacements.data[0].source_options->index, 2);
	assert_null(s.replacements.data[0].source_value);
	assert_int_equal(s.replacements.data[0].targets[0].n_reject, 1);
	assert_string_equal(s.replacements.data[0].targets[0].reject[0].kind, "R");
	assert_int_equal(s.replacements.data[0].targets[0].paths.len, 2);
	assert_true(s.replacements.data[0].targets[0].options->create);
	assert_string_equal(s.replacements.data[1].source_value, "");
	assert_null(s.replacements.data[1].source);
	assert_string_equal(s.replacements.data[2].path, "r");
	kust_deinit(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong), cmocka_unit_test(test_not_empty),
		cmocka_unit_test(test_whole), cmocka_unit_test(test_selectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
