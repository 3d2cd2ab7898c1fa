/*
 * The cases of tests/golden/kustyaml: what the reference prints of NAME.yaml is
 * NAME.out (the script `make` there asks it), and it refuses those of fails.cases.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>

#include "core/mem.h"
#include "core/node.h"
#include "render/kustomize.h"

#define CASES SOURCE_DIR "/tests/golden/kustyaml/"
#define N_FILES_MIN 13
#define N_FAILS_MIN 48

static void slurp(const char *path, struct buf *b)
{
	char chunk[4096];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		fail_msg("%s cannot be read", path);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(b, chunk, n);
	fclose(f);
}

/* The documents of a text; nulls are left out, as by the loader. */
static int read_result(const char *text, size_t len, struct kust_result *ret,
		       struct err *err)
{
	struct node_reader *r = node_reader_new3(text, len);
	VEC(struct kust_object) all = { 0 };
	struct node *n;
	int got;

	*ret = (struct kust_result){ 0 };
	while ((got = node_read(r, &ret->arena, &n, err)) > 0) {
		struct kust_object o = { .root = n, .kind = "", .name = "", .file = "" };

		if (!node_is_null(n))
			vec_push(&all, o);
	}
	ret->n_objects = all.len;
	ret->objects = arena_alloc(&ret->arena, (all.len + 1) * sizeof(*all.data));
	if (all.len)
		memcpy(ret->objects, all.data, all.len * sizeof(*all.data));
	vec_deinit(&all);
	node_reader_free(r);
	return got;
}

static void check_same(const char *name, const struct buf *got, const struct buf *want)
{
	size_t line = 1, i = 0;

	while (i < got->len && i < want->len && got->data[i] == want->data[i])
		line += got->data[i++] == '\n';
	if (got->len != want->len || i < got->len)
		fail_msg("%s: line %zu of the output differs: %.80s", name, line,
			 buf_str(got) + i);
}

static void check_file(const char *name, size_t base)
{
	_cleanup_free_ char *in = xasprintf(CASES "%s", name);
	_cleanup_free_ char *out = xasprintf(CASES "%.*s.out", (int)base, name);
	_cleanup_buf_ struct buf text = BUF_INIT, want = BUF_INIT, got = BUF_INIT;
	struct kust_result r;
	struct err err = ERR_INIT;

	slurp(in, &text);
	slurp(out, &want);
	if (read_result(buf_str(&text), text.len, &r, &err) < 0 ||
	    kust_result_yaml(&r, &got, &err) < 0)
		fail_msg("%s: %s", name, err.msg);
	check_same(name, &got, &want);
	arena_deinit(&r.arena);
}

static void same_bytes(void **state)
{
	DIR *dir = opendir(CASES);
	struct dirent *e;
	int n = 0;

	(void)state;
	assert_non_null(dir);
	while ((e = readdir(dir))) {
		size_t len = strlen(e->d_name);

		if (len < 6 || strcmp(e->d_name + len - 5, ".yaml") != 0)
			continue;
		check_file(e->d_name, len - 5);
		n++;
	}
	closedir(dir);
	assert_true(n >= N_FILES_MIN);
}

static void check_refused(const char *name, const char *text, size_t len)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct kust_result r;
	struct err err = ERR_INIT;

	if (read_result(text, len, &r, &err) == 0 &&
	    kust_result_yaml(&r, &out, &err) == 0)
		fail_msg("%s is not refused", name);
	assert_int_equal(err.code, ERR_INVALID);
	if (!strstr(err.msg, "line ") && !strstr(err.msg, "byte "))
		fail_msg("%s: no place is named: %s", name, err.msg);
	arena_deinit(&r.arena);
}

static void same_refusals(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *at, *next;
	int n = 0;

	(void)state;
	slurp(CASES "fails.cases", &text);
	for (at = strstr(buf_str(&text), "=== "); at; at = next, n++) {
		const char *eol = strchr(at, '\n');
		_cleanup_free_ char *name = xstrndup(at + 4, (size_t)(eol - at - 4));

		next = strstr(eol, "\n=== ");
		next = next ? next + 1 : NULL;
		check_refused(name, eol + 1, next ? (size_t)(next - eol - 1) :
						    strlen(eol + 1));
	}
	assert_true(n >= N_FAILS_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_bytes),
		cmocka_unit_test(same_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
