/*
 * The native Kustomize over small trees: files of tests/unit/data/kustomize hold cases,
 * each some files and what the reference program makes of them, or a part of our
 * message where it fails.
 *
 *     @case a name
 *     @file kustomization.yaml
 *     ...
 *     @out          or: @fails a part of the message
 *     ...
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/buf.h"
#include "render/kustomize.h"
#include "tree_files.h"

#define DATA SOURCE_DIR "/tests/unit/data/kustomize/"
#define FILES_MAX 8

struct test_case {
	const char *name, *out, *fails;
	struct tree_file files[FILES_MAX + 1];
	size_t n_files;
};

static char *read_data(const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s%s", DATA, name);
	_cleanup_buf_ struct buf b = BUF_INIT;
	FILE *f = fopen(path, "re");
	char chunk[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, chunk, n);
	fclose(f);
	return xstrdup(buf_str(&b));
}

/* The argument of a line "@word argument", cut off the text; *at moves behind it. */
static char *directive(char **at, const char *word)
{
	size_t len = strlen(word);
	char *line = *at, *end = strchr(line, '\n');

	if (line[0] != '@' || strncmp(line + 1, word, len) != 0 || !end)
		return NULL;
	*end = '\0';
	*at = end + 1;
	return line[1 + len] ? line + len + 2 : line + len + 1;
}

/* The text up to the next line that begins with '@', or all of it. */
static char *body(char **at)
{
	char *text = *at, *end = *text == '@' ? text : strstr(text, "\n@");

	if (!end) {
		*at = text + strlen(text);
		return text;
	}
	if (end == text)
		return (char *)"";
	*end = '\0';
	*at = end + 1;
	return text;
}

static bool next_case(char **at, struct test_case *ret)
{
	memset(ret, 0, sizeof(*ret));
	while (**at && !(ret->name = directive(at, "case")))
		*at += strcspn(*at, "\n") + 1;
	if (!ret->name)
		return false;
	while (!ret->out && !ret->fails) {
		struct tree_file *f = ret->files + ret->n_files;

		if ((f->path = directive(at, "file"))) {
			f->text = body(at);
			assert_true(++ret->n_files <= FILES_MAX);
		} else if ((ret->fails = directive(at, "fails")) == NULL) {
			assert_non_null(directive(at, "out"));
			ret->out = body(at);
		}
	}
	return true;
}

static void add_json(struct buf *to, const struct node *n)
{
	struct err err = ERR_INIT;

	if (node_to_json(n, to, &err) < 0)
		fail_msg("%s", err.msg);
	buf_add(to, "\n", 1);
}

/* What the reference printed, a line of JSON per object. */
static void want_json(const char *yaml, struct buf *ret)
{
	struct node_reader *r = node_reader_new(yaml, strlen(yaml));
	struct arena a = { 0 };
	struct err err = ERR_INIT;
	struct node *n;

	while (node_read(r, &a, &n, &err) > 0)
		add_json(ret, n);
	assert_int_equal(err.code, ERR_NONE);
	node_reader_free(r);
	arena_deinit(&a);
}

static int add_object(void *out, const struct kust_object *o, struct node *n,
		      struct arena *a, struct err *err)
{
	(void)o;
	(void)a;
	(void)err;
	add_json(out, n);
	return 0;
}

/* What came out, or the message; NULL: as wanted. Owned. */
static char *differs(const struct test_case *c)
{
	_cleanup_buf_ struct buf have = BUF_INIT, want = BUF_INIT;
	const struct kust_options o = { 0 };
	struct kust_result result;
	struct tree_files tree;
	struct err err = ERR_INIT;

	tree_files_init(&tree, c->files);
	if (kustomize_build(&tree.files, "", &o, &result, &err) < 0)
		return c->fails && strstr(err.msg, c->fails) ? NULL : xstrdup(err.msg);
	if (kust_result_each(&result, add_object, &have, &err) < 0) {
		kust_result_deinit(&result);
		return c->fails && strstr(err.msg, c->fails) ? NULL : xstrdup(err.msg);
	}
	kust_result_deinit(&result);
	if (c->out)
		want_json(c->out, &want);
	return strcmp(buf_str(&want), buf_str(&have)) == 0 && c->out ?
		       NULL : xasprintf("%s\nwanted:\n%s", buf_str(&have), buf_str(&want));
}

static void check_file(const char *name, size_t at_least)
{
	_cleanup_free_ char *text = read_data(name);
	struct test_case c;
	char *at = text;
	size_t n = 0, failed = 0;

	for (; next_case(&at, &c); n++) {
		_cleanup_free_ char *got = differs(&c);

		if (got)
			print_error("%s: %s: got\n%s\n", name, c.name, got);
		failed += got != NULL;
	}
	assert_int_equal(failed, 0);
	assert_true(n >= at_least);
}

static void paths_of_field_specs(void **state)
{
	(void)state;
	check_file("fieldspec.txt", 19);
}

static void namespaces(void **state)
{
	(void)state;
	check_file("namespace.txt", 19);
}

static void prefixes_and_suffixes(void **state)
{
	(void)state;
	check_file("affix.txt", 7);
}

static void labels_and_annotations(void **state)
{
	(void)state;
	check_file("labels.txt", 15);
}

static void images_and_replicas(void **state)
{
	(void)state;
	check_file("images.txt", 30);
}

static void builtin_plugins(void **state)
{
	(void)state;
	check_file("plugin.txt", 30);
}

static void configurations_and_crds(void **state)
{
	(void)state;
	check_file("config.txt", 19);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_of_field_specs),
		cmocka_unit_test(namespaces),
		cmocka_unit_test(prefixes_and_suffixes),
		cmocka_unit_test(labels_and_annotations),
		cmocka_unit_test(images_and_replicas),
		cmocka_unit_test(builtin_plugins),
		cmocka_unit_test(configurations_and_crds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
