/*
 * render/kustomize/config.c: the built-in field specs against the reference's (a
 * file of all its rows), their order, and merging.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/buf.h"
#include "render/kustomize/config.h"

#define ROWS SOURCE_DIR "/tests/unit/data/kustomize/fieldspecs.txt"

struct lines {
	char **data;
	size_t len, cap;
};

static void lines_deinit(struct lines *l)
{
	for (size_t i = 0; i < l->len; i++)
		free(l->data[i]);
	vec_deinit(l);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_specs(struct lines *l, const char *name, const struct kfieldspecs *s)
{
	for (size_t i = 0; i < s->len; i++) {
		const struct kfieldspec *f = s->data + i;

		vec_push(l, xasprintf("%s: %s/%s/%s %s%s", name, f->gvk.group,
				      f->gvk.version, f->gvk.kind, f->path,
				      f->create ? " create" : ""));
		if (i && kgvk_compare(&s->data[i - 1].gvk, &f->gvk) > 0)
			fail_msg("out of order: %s", l->data[l->len - 1]);
	}
}

static void print_config(struct lines *l, const struct kconfig *c)
{
	print_specs(l, "namePrefix", &c->name_prefix);
	print_specs(l, "nameSuffix", &c->name_suffix);
	print_specs(l, "namespace", &c->namespace);
	print_specs(l, "commonAnnotations", &c->common_annotations);
	print_specs(l, "commonLabels", &c->common_labels);
	print_specs(l, "labels", &c->labels);
	print_specs(l, "templateLabels", &c->template_labels);
	print_specs(l, "varReference", &c->var_reference);
	print_specs(l, "images", &c->images);
	print_specs(l, "replicas", &c->replicas);
}

/* Who names what: in the reference not sorted, within the resource that is named. */
static void print_references(struct lines *l, const struct kconfig *c)
{
	for (size_t i = 0; i < c->name_reference.len; i++) {
		const struct knameref *r = c->name_reference.data + i;

		if (i && kgvk_compare(&r[-1].gvk, &r->gvk) >= 0)
			fail_msg("out of order: %s", r->gvk.kind);
		for (size_t j = 0; j < r->referrers.len; j++) {
			const struct kfieldspec *f = r->referrers.data + j;

			vec_push(l, xasprintf("nameReference %s/%s/%s: %s/%s/%s %s",
					      r->gvk.group, r->gvk.version, r->gvk.kind,
					      f->gvk.group, f->gvk.version, f->gvk.kind,
					      f->path));
			assert_false(f->create);
		}
	}
}

static void read_rows(struct lines *l)
{
	FILE *f = fopen(ROWS, "re");
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		vec_push(l, xstrdup(line));
	}
	fclose(f);
}

static void built_in_specs_are_the_references(void **state)
{
	_cleanup_(lines_deinit) struct lines have = { 0 }, want = { 0 };
	struct kconfig c;

	(void)state;
	kconfig_default(&c);
	print_config(&have, &c);
	print_references(&have, &c);
	read_rows(&want);
	assert_true(want.len > 300);
	qsort(have.data, have.len, sizeof(*have.data), by_text);
	qsort(want.data, want.len, sizeof(*want.data), by_text);
	for (size_t i = 0; i < have.len && i < want.len; i++)
		assert_string_equal(have.data[i], want.data[i]);
	assert_int_equal(have.len, want.len);
}

static void kinds_have_an_order(void **state)
{
	static const struct kgvk sorted[] = {
		{ "", "", "Namespace" }, { "", "", "Service" }, { "apps", "", "Deployment" },
		{ "", "", "Deployment" }, { "", "", "PodDisruptionBudget" },
		{ "batch", "v1", "Job" }, { "batch", "", "Job" }, { "", "v1", "Foo" },
		{ "", "", "DaemonSet" }, { "", "", "DaemonSetX" }, { "", "", "Pod" },
		{ "", "", "" }, { "", "", "MutatingWebhookConfiguration" },
		{ "", "", "ValidatingWebhookConfiguration" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
		for (size_t j = 0; j < ARRAY_LEN(sorted); j++) {
			int c = kgvk_compare(sorted + i, sorted + j);

			if ((c > 0) - (c < 0) != (i > j) - (i < j))
				fail_msg("%s and %s", sorted[i].kind, sorted[j].kind);
		}
	}
}

#define ANY(path, create) { { "", "", "" }, path, create }
#define OF(kind, path, create) { { "", "", kind }, path, create }

/* effectivelyEquals: what comes in is dropped where its gvk selects one that is there. */
static void one_spec_merges_by_selection(void **state)
{
	static const struct {
		struct kfieldspec have, more;
		size_t len;	/* after; 0: refused */
	} cases[] = {
		{ ANY("a", true), ANY("a", true), 1 },
		{ ANY("a", true), ANY("b", true), 2 },
		{ ANY("a", true), ANY("a", false), 0 },
		{ OF("Foo", "a", false), ANY("a", false), 1 },
		{ OF("Foo", "a", true), ANY("a", false), 0 },
		{ ANY("a", true), OF("Foo", "a", false), 2 },
		{ OF("Foo", "a", true), OF("Bar", "a", false), 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct kust k = { 0 };
		struct kfieldspecs s = { 0 };
		struct err err = ERR_INIT;
		int r;

		assert_int_equal(kfieldspecs_merge_one(&k, &s, &cases[i].have, &err), 0);
		r = kfieldspecs_merge_one(&k, &s, &cases[i].more, &err);
		assert_int_equal(r, cases[i].len ? 0 : -1);
		if (cases[i].len)
			assert_int_equal(s.len, cases[i].len);
		else
			assert_non_null(strstr(err.msg, "'a'"));
		arena_deinit(&k.arena);
	}
}

/* A tree of folders: the child's config into the parent's, over and over. */
static void merging_adds_and_sorts(void **state)
{
	struct kfieldspec label[] = { OF("Foo", "spec/x", true),
				      { { "", "v1", "Service" }, "spec/selector", true } };
	struct kfieldspec name = OF("Foo", "spec/configRef", false);
	struct knameref ref[] = {
		{ { "", "v1", "ConfigMap" }, { &name, 1, 0 } },
		{ { "", "", "Abc" }, { &name, 1, 0 } },
	};
	struct kconfig custom = { .common_labels = { label, 2, 0 },
				  .name_reference = { ref, 2, 0 } };
	struct kconfig def, c = { 0 };
	struct kust k = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	kconfig_default(&def);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(kconfig_merge(&k, &c, &def, &err), 0);
		assert_int_equal(kconfig_merge(&k, &c, &custom, &err), 0);
	}
	assert_int_equal(c.common_labels.len, def.common_labels.len + 1);
	for (size_t i = 1; i < c.common_labels.len; i++)
		assert_true(kgvk_compare(&c.common_labels.data[i - 1].gvk,
					 &c.common_labels.data[i].gvk) <= 0);
	assert_int_equal(c.name_reference.len, def.name_reference.len + 1);
	for (size_t i = 0; i < c.name_reference.len; i++) {
		const struct knameref *r = c.name_reference.data + i;

		if (strcmp(r->gvk.kind, "ConfigMap") == 0)
			assert_int_equal(r->referrers.len, 53);
		if (strcmp(r->gvk.kind, "Abc") == 0)
			assert_string_equal(r[1].gvk.kind, "ReplicaSet");	/* behind it */
	}
	assert_ptr_equal(c.images.data, def.images.data);	/* nobody added to it */
	assert_int_equal(def.name_reference.data[4].referrers.len, 52);
	arena_deinit(&k.arena);
}

static void a_conflict_names_the_list(void **state)
{
	struct kfieldspec bad = OF("Deployment", "spec/replicas", false);
	struct kconfig custom = { .replicas = { &bad, 1, 0 } };
	struct kfieldspec refs[] = { OF("Foo", "a", false), OF("Foo", "a", true) };
	struct knameref ref[] = { { { "", "", "X" }, { refs, 1, 0 } },
				  { { "", "", "X" }, { refs + 1, 1, 0 } } };
	struct kconfig names = { .name_reference = { ref, 2, 1 } };
	struct kconfig c;
	struct kust k = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	kconfig_default(&c);
	assert_int_equal(kconfig_merge(&k, &c, &custom, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_non_null(strstr(err.msg, "replicas: the field path 'spec/replicas' of kind "
			       "'Deployment'"));
	kconfig_default(&c);
	assert_int_equal(kconfig_merge(&k, &c, &names, &err), -1);
	assert_non_null(strstr(err.msg, "nameReference: "));
	arena_deinit(&k.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(built_in_specs_are_the_references),
		cmocka_unit_test(kinds_have_an_order),
		cmocka_unit_test(one_spec_merges_by_selection),
		cmocka_unit_test(merging_adds_and_sorts),
		cmocka_unit_test(a_conflict_names_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
