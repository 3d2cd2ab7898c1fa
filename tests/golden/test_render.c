/*
 * The cases of tests/golden/render/NAME/: in/ is the source tree, request.json
 * (optional) what is asked of it, expected.txt the answer as lines, or the error.
 * UPDATE_GOLDEN=1 writes what we answer now.
 *
 * An object: version, kind, namespace/name, then what differs from nothing, then its
 * body. Digests are not shown: the unit tests say how they must behave.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>

#include "core/doc.h"
#include "core/mem.h"
#include "render/render.h"

#define CASES SOURCE_DIR "/tests/golden/render/"
#define N_CASES_MIN 40

static const struct { const char *name; uint32_t flag; } flags[] = {
	{ "hook", OBJ_HOOK }, { "keep", OBJ_KEEP }, { "prune-confirm", OBJ_PRUNE_CONFIRM },
	{ "delete-keep", OBJ_DELETE_KEEP }, { "ignore-health", OBJ_IGNORE_HEALTH },
	{ "evidence", OBJ_EVIDENCE }, { "recreate", OBJ_RECREATE },
	{ "skip-dry-run", OBJ_SKIP_DRY_RUN }, { "prune-before", OBJ_PRUNE_BEFORE },
	{ "crd-conversion", OBJ_CRD_CONVERSION }, { "skip", OBJ_SKIP },
	{ "hook-before", OBJ_HOOK_BEFORE }, { "hook-succeeded", OBJ_HOOK_SUCCEEDED },
	{ "hook-failed", OBJ_HOOK_FAILED }, { "reversible", OBJ_REVERSIBLE },
	{ "ignore-extraneous", OBJ_IGNORE_EXTRANEOUS },
	{ "prune-last", OBJ_PRUNE_LAST }, { "no-replace", OBJ_NO_REPLACE },
};

/* NULL when there is no such file. */
static char *slurp(const char *path)
{
	struct buf b = BUF_INIT;
	char chunk[4096];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		return NULL;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, chunk, n);
	fclose(f);
	return buf_steal(&b, NULL);
}

static void read_request(const char *dir, struct render_requests *all)
{
	struct render_request *r = &all->data[0];
	_cleanup_free_ char *path = xasprintf("%s/request.json", dir);
	_cleanup_free_ char *text = slurp(path);
	struct err err = ERR_INIT;

	if (text) {
		_cleanup_free_ char *list = xasprintf("[%s]", text);

		if (render_requests_decode(all, list, strlen(list), &err))
			fail_msg("%s: %s", path, err.msg);
	}
	all->len = 1;
	if (!r->install_id)
		r->install_id = xstrdup("i1");
	if (!r->app_id)
		r->app_id = xstrdup("shop");
	if (!r->destination_ns)
		r->destination_ns = xstrdup("prod");
}

static void dump_flags(uint32_t set, struct buf *out)
{
	const char *sep = " flags=";

	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (!(set & flags[i].flag))
			continue;
		buf_addf(out, "%s%s", sep, flags[i].name);
		sep = ",";
	}
}

static void dump_text(const char *name, const char *text, struct buf *out)
{
	if (*text)
		buf_addf(out, " %s=[%s]", name, text);
}

static void dump_object(const struct render_answer *a, size_t i, struct buf *out)
{
	const struct rendered *o = &a->objects[i];
	_cleanup_free_ char *body = NULL;
	struct err err = ERR_INIT;
	char digest[65];
	size_t len;

	buf_addf(out, "%s%s%s %s %s/%s", o->group, *o->group ? "/" : "", o->version,
		 o->kind, o->ns, o->name);
	if (o->wave)
		buf_addf(out, " wave=%d", o->wave);
	dump_flags(o->flags, out);
	dump_text("hook", o->hook, out);
	dump_text("source", o->source, out);
	dump_text("images", o->images, out);
	dump_text("refs", o->refs, out);
	if (render_answer_body(a, i, &body, &len, &err))
		fail_msg("%s", err.msg);
	sha256_hex(body, len, digest);
	assert_string_equal(digest, o->digest);
	buf_addf(out, "\n    %s\n", body);
}

static void dump(const struct render_answer *a, struct buf *out)
{
	buf_addf(out, "type %s\n", a->source_type);
	if (a->exec_why)
		buf_addf(out, "needs exec: %s\n", a->exec_why);
	for (size_t i = 0; i < a->n_warnings; i++)
		buf_addf(out, "warning: %s\n", a->warnings[i]);
	for (size_t i = 0; i < a->n_objects; i++)
		dump_object(a, i, out);
}

static void compare(const char *path, const char *got)
{
	_cleanup_free_ char *want = slurp(path);
	FILE *f;

	if (getenv("UPDATE_GOLDEN")) {
		f = fopen(path, "wb");
		assert_non_null(f);
		fputs(got, f);
		fclose(f);
		return;
	}
	if (!want || strcmp(want, got) != 0)
		fail_msg("%s:\n--- want\n%s--- got\n%s", path, want ? want : "", got);
}

static void run_case(const char *name)
{
	_cleanup_free_ char *dir = xasprintf("%s%s", CASES, name);
	_cleanup_free_ char *in = xasprintf("%s/in", dir);
	_cleanup_free_ char *expected = xasprintf("%s/expected.txt", dir);
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct render_requests r = { 0 };
	struct render_answer a = { 0 };
	struct err err = ERR_INIT;
	struct files *files = files_dir_open(in, &err);

	if (!files)
		fail_msg("%s: %s", in, err.msg);
	read_request(dir, &r);
	if (render_run(files, &r.data[0], &a, &err))
		buf_addf(&out, "error %s: %s\n", err_code_str(err.code), err.msg);
	else
		dump(&a, &out);
	render_answer_deinit(&a);
	render_requests_deinit(&r);
	files_close(files);
	compare(expected, buf_str(&out));
}

static void cases_render_as_written(void **state)
{
	DIR *d = opendir(CASES);
	struct dirent *e;
	int n = 0;

	(void)state;
	assert_non_null(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		run_case(e->d_name);
		n++;
	}
	closedir(d);
	assert_true(n >= N_CASES_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases_render_as_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
