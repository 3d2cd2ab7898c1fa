/* patch.c: patches as kustomizations have them, held against the reference's outcomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kustcases.h"
#include "render/kustomize/transform.h"
#include "tree_files.h"

static const struct tree_file no_files[] = { { NULL, NULL } };
static struct tree_files tree;
static const struct kfolder folder = { .files = &tree.files, .path = "",
				       .file = "kustomization.yaml" };

/* In the pipeline's order. */
static int transform(struct kust *k, const struct kspec *s, struct kmap *m,
		     struct err *err)
{
	if (s->patches_strategic_merge.len &&
	    kust_patches_strategic_merge(k, &folder, m, &s->patches_strategic_merge, err) < 0)
		return -1;
	kmap_drop_empties(m);
	for (size_t i = 0; i < s->patches.len; i++) {
		if (kust_patch(k, &folder, m, &s->patches.data[i], err) < 0)
			return -1;
		kmap_drop_empties(m);
	}
	for (size_t i = 0; i < s->patches_json6902.len; i++) {
		if (kust_patch_json6902(k, &folder, m, &s->patches_json6902.data[i], err) < 0)
			return -1;
	}
	return 0;
}

/* An object as JSON, on a line; empty annotations are left out in the end. */
static int print(struct kust *k, const struct node *n, struct buf *out, struct err *err)
{
	struct node *canonical, *meta;

	if (node_canonical(&k->arena, n, &canonical, err) < 0)
		return -1;
	meta = kget(canonical, "metadata");
	if (kget(meta, "annotations") && !kget(meta, "annotations")->len)
		kremove(meta, "annotations");
	if (node_to_json(canonical, out, err) < 0)
		return -1;
	buf_addc(out, '\n');
	return 0;
}

static int build(struct kust *k, const struct kustcase *c, struct buf *out,
		 struct err *err)
{
	struct kmap *m = kmap_new(k);
	struct kspec spec = { 0 };

	if (kload_resources(k, "base.yaml", c->base, strlen(c->base), m, err) < 0 ||
	    kspec_decode(k, folder.file, c->patch, strlen(c->patch), &spec, err) < 0 ||
	    transform(k, &spec, m, err) < 0)
		return -1;
	for (size_t i = 0; i < kmap_len(m); i++) {
		if (print(k, kmap_at(m, i)->root, out, err) < 0)
			return -1;
	}
	return 0;
}

/* The documents of an outcome in the same form. */
static void wanted(struct kust *k, const struct kustcase *c, struct buf *out)
{
	struct node_reader *r = node_reader_new(c->want, strlen(c->want));
	struct err err = ERR_INIT;
	struct node *n;

	while (node_read(r, &k->arena, &n, &err) > 0) {
		if (!node_is_null(n) && print(k, n, out, &err) < 0)
			break;
	}
	if (err.code)
		fail_msg("%s: %s", c->title, err.msg);
	node_reader_free(r);
}

static bool as_reference(const struct kustcase *c)
{
	static const struct kust_options options;
	_cleanup_buf_ struct buf got = BUF_INIT, want = BUF_INIT;
	bool fails = strncmp(c->want, "error", 5) == 0, ok;
	struct err err = ERR_INIT;
	struct kust k;

	kust_init(&k, &tree.files, &options);
	ok = (build(&k, c, &got, &err) < 0) == fails;
	if (!fails)
		wanted(&k, c, &want);
	else
		ok = ok && *err.msg;
	if (!fails && strcmp(buf_str(&got), buf_str(&want)) != 0)
		ok = false;
	if (!ok)
		print_error("%s: %s\n got\n%s want\n%s\n", c->title, err.msg, buf_str(&got),
			    fails ? "error" : buf_str(&want));
	kust_deinit(&k);
	return ok;
}

static void outcomes_of_the_reference(void **state)
{
	size_t n, bad = 0;
	struct kustcase *cases = kustcases_read("patch", &n);

	(void)state;
	for (size_t i = 0; i < n; i++)
		bad += !as_reference(&cases[i]);
	kustcases_free(cases, n);
	assert_int_equal(bad, 0);
}

/* --- history ------------------------------------------------------------------------- */

/* Each is a patch of v1 A pre-x, which was x; JSON in the last row. */
static const struct {
	const char *patch;
	bool kept;
} histories[] = {
	{ "{apiVersion: v1, kind: A, metadata: {name: pre-x}, spec: {a: 1}}", true },
	{ "{apiVersion: v1, kind: A, metadata: {name: x, annotations: {a: b}}}", true },
	{ "{apiVersion: v1, kind: A, metadata: {name: x, annotations: null}}", false },
	{ "{apiVersion: v1, kind: A, metadata: {name: x, annotations: {$patch: delete}}}",
	  false },
	{ "{apiVersion: v1, kind: A, metadata: {name: x, annotations: {$patch: replace,"
	  " a: b}}}", false },
	{ "{apiVersion: v1, kind: A, metadata: {name: x, $patch: delete}}", false },
	{ "- {op: remove, path: /metadata/annotations}", true },
};

static void check_history(const char *patch, bool kept)
{
	static const char base[] = "{apiVersion: v1, kind: A, metadata: {name: x}}";
	static const struct kust_options options;
	struct kselector all = { .kind = "A" };
	const struct kpatch p = { .patch = patch, .target = *patch == '-' ? &all : NULL };
	struct err err = ERR_INIT;
	struct kres *r;
	struct kmap *m;
	struct kust k;

	kust_init(&k, &tree.files, &options);
	m = kmap_new(&k);
	r = kres_new(&k, kustcases_tree(&k, base, base), "a.yaml");
	assert_int_equal(kmap_append(m, r, &err), 0);
	kres_store_previous(&k, r);
	kres_set_name(&k, r, "pre-x");
	kmap_reindex(m, r);
	vec_push(&r->prefixes, "pre-");
	r->needs_hash = true;
	if (kust_patch(&k, &folder, m, &p, &err) < 0)
		fail_msg("%s: %s", patch, err.msg);
	if (r->needs_hash != kept || (r->prev.len > 0) != kept || (r->prefixes.len > 0) != kept)
		fail_msg("%s", patch);
	assert_null(kfind(r->root, "metadata", "annotations",
			  "internal.config.kubernetes.io/previousNames", NULL));
	kust_deinit(&k);
}

/*
 * The reference keeps history among the annotations: a strategic merge that takes them
 * away takes it; a JSON patch has it put back.
 */
static void history_goes_with_all_annotations(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(histories); i++)
		check_history(histories[i].patch, histories[i].kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes_of_the_reference),
		cmocka_unit_test(history_goes_with_all_annotations),
	};

	tree_files_init(&tree, no_files);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
