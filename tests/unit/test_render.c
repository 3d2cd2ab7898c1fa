/*
 * Rendering: what does not depend on what, and what is bounded. The rules for single
 * objects are the cases of tests/golden/render.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/doc.h"
#include "core/mem.h"
#include "render/render.h"
#include "render/render_priv.h"
#include "tree_files.h"

#define CM(name, more) "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " name "}\n" more

static void run(const struct tree_file *files, const struct render_request *r,
		struct render_answer *a)
{
	struct tree_files t;
	struct err err = ERR_INIT;

	tree_files_init(&t, files);
	if (render_run(&t.files, r, a, &err))
		fail_msg("%s", err.msg);
}

static enum err_code refused(const struct tree_file *files,
			     const struct render_request *r, char msg[480])
{
	struct render_answer a;
	struct tree_files t;
	struct err err = ERR_INIT;

	tree_files_init(&t, files);
	assert_int_equal(render_run(&t.files, r, &a, &err), -1);
	assert_null(a.objects);
	if (msg)
		memcpy(msg, err.msg, sizeof(err.msg));
	return err.code;
}


static void answer_does_not_depend_on_file_order(void **state)
{
	static const struct tree_file one[] = {
		{ "1.yaml", CM("a", "---\n") CM("b", "") }, { "2.yaml", CM("c", "") },
		{ "3.json", "{\"apiVersion\":\"v1\",\"kind\":\"Secret\","
			    "\"metadata\":{\"name\":\"d\"}}" }, { NULL, NULL } };
	static const struct tree_file two[] = {
		{ "0.json", "{\"kind\":\"Secret\",\"metadata\":{\"name\":\"d\"},"
			    "\"apiVersion\":\"v1\"}" },
		{ "1.yaml", CM("c", "") }, { "9.yaml", CM("b", "---\n") CM("a", "") },
		{ NULL, NULL } };
	struct render_request r = { .install_id = "i", .app_id = "app" };
	struct render_answer a, b;

	(void)state;
	run(one, &r, &a);
	run(two, &r, &b);
	assert_string_equal(a.digest, b.digest);
	assert_string_not_equal(a.input_key, b.input_key);
	assert_int_equal(a.n_objects, 4);
	assert_int_equal(a.n_chunks, b.n_chunks);
	for (size_t i = 0; i < a.n_chunks; i++)
		assert_string_equal(a.chunks[i].digest, b.chunks[i].digest);
	for (size_t i = 0; i < a.n_objects; i++) {
		assert_string_equal(a.objects[i].name, b.objects[i].name);
		assert_string_equal(a.objects[i].digest, b.objects[i].digest);
	}
	render_answer_deinit(&a);
	render_answer_deinit(&b);
}

static void digest_ignores_our_marks(void **state)
{
	static const struct tree_file plain[] = {
		{ "a.yaml", CM("a", "data: {k: v}\n") }, { NULL, NULL } };
	static const struct tree_file marked[] = {
		{ "a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"
		  "  labels: {syncd.dev/install: old}\n"
		  "  annotations: {argocd.argoproj.io/tracking-id: 'old:/a:b/c'}\n"
		  "data: {k: v}\n" }, { NULL, NULL } };
	static const struct tree_file other[] = {
		{ "a.yaml", CM("a", "data: {k: w}\n") }, { NULL, NULL } };
	struct render_request r1 = { .install_id = "one", .app_id = "x" };
	struct render_request r2 = { .install_id = "two", .app_id = "y" };
	struct render_answer a, b, c, d;

	(void)state;
	run(plain, &r1, &a);
	run(plain, &r2, &b);
	run(marked, &r1, &c);
	run(other, &r1, &d);
	assert_string_equal(a.digest, b.digest);
	assert_string_equal(a.digest, c.digest);
	assert_string_not_equal(a.digest, d.digest);
	assert_string_not_equal(a.objects[0].digest, b.objects[0].digest);
	assert_string_equal(a.objects[0].digest, c.objects[0].digest);
	render_answer_deinit(&a);
	render_answer_deinit(&b);
	render_answer_deinit(&c);
	render_answer_deinit(&d);
}

static void key_names_what_was_read_and_asked(void **state)
{
	static const struct tree_file one[] = { { "app/a.yaml", CM("a", "") },
		{ "app/README", "x" }, { "else/b.yaml", "x" }, { NULL, NULL } };
	static const struct tree_file unread[] = { { "app/a.yaml", CM("a", "") },
		{ "app/README", "y" }, { "else/b.yaml", "z" }, { NULL, NULL } };
	static const struct tree_file comment[] = { { "app/a.yaml", CM("a", "# c\n") },
		{ "app/README", "x" }, { "else/b.yaml", "x" }, { NULL, NULL } };
	_cleanup_json_ json_t *source = json_pack("{s:{s:b}, s:s}", "directory",
		"recurse", 1, "targetRevision", "v1");
	_cleanup_json_ json_t *later = json_pack("{s:{s:b}, s:s}", "directory",
		"recurse", 1, "targetRevision", "v2");
	struct render_request r = { .path = "app", .commit = "1" };
	struct render_request moved = { .path = "app", .commit = "2" };
	struct render_request deep = { .path = "app", .source = source };
	struct render_request same = { .path = "app", .source = later };
	struct render_answer a[6];

	(void)state;
	run(one, &r, &a[0]);
	run(unread, &moved, &a[1]);
	run(comment, &r, &a[2]);
	run(one, &deep, &a[3]);
	run(one, &same, &a[4]);
	assert_string_equal(a[0].input_key, a[1].input_key);
	assert_string_not_equal(a[0].input_key, a[2].input_key);
	assert_string_equal(a[0].digest, a[2].digest);
	assert_string_not_equal(a[0].input_key, a[3].input_key);
	assert_string_equal(a[3].input_key, a[4].input_key);
	for (size_t i = 0; i < 5; i++)
		render_answer_deinit(&a[i]);
}

static void secrets_stay_out_of_messages(void **state)
{
	static const char *const texts[] = {
		"apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
		"stringData: {p: !!int HUNTER2}\n",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
		"stringData: {p: {q: HUNTER2}}\n",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
		"data: {p: HUNTER2, p: HUNTER2}\n",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
		"data: {p: \"HUNTER2\\0\"}\n",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
		"data: {p: 'HUNTER2\n",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
		"data: {p: !!binary HUNTER2}\n",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
		"stringData: HUNTER2\n",
	};
	struct render_request r = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct tree_file files[] = { { "s.yaml", texts[i] }, { NULL, NULL } };
		char msg[480];

		assert_int_equal(refused(files, &r, msg), ERR_INVALID);
		assert_non_null(strstr(msg, "s.yaml"));
		assert_null(strstr(msg, "HUNTER2"));
	}
}

static void text_of_a_program_is_strict(void **state)
{
	struct render_request r = { .install_id = "i", .app_id = "a" };
	struct render_answer a;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(render_text("kustomize", "replicas: 1\n", 12, &r, &a, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(render_text("kustomize", "", 0, &r, &a, &err), 0);
	assert_int_equal(a.n_objects, 0);
	render_answer_deinit(&a);
	assert_int_equal(render_text("kustomize", CM("x", ""), strlen(CM("x", "")), &r, &a,
				     &err), 0);
	assert_int_equal(a.n_objects, 1);
	assert_string_equal(a.source_type, "Kustomize");
	assert_int_equal(strlen(a.input_key), 64);
	assert_null(a.exec_why);
	render_answer_deinit(&a);
}

static void request_survives_the_pipe(void **state)
{
	_cleanup_json_ json_t *source = json_pack("{s:s}", "path", "p");
	struct render_request r = { .mirror = "/m", .commit = "c", .path = "p",
		.source = source, .install_id = "i", .app_id = "ns_app",
		.destination_ns = "d",
		.caps = { .source_bytes = 1, .file_bytes = 2, .object_bytes = 3, .objects = 4 } };
	struct render_remote remote = { "u", "r", "/n", "e", "t", "refs/tags/v1" };
	struct render_remote vouched = { "sources[1]", "", "/o", "f", NULL, NULL };
	static const char *const bad[] = {
		"[{\"vouched\":[{\"url\":\"u\"}]}]", "[", "[]", "{}", "7", "[{\"path\":\"p\"},{\"path\":1}]",
		"[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]",
	};
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct render_requests d, all = { .data = { r, { 0 } }, .len = 2 };
	struct err err = ERR_INIT;

	(void)state;
	all.data[0].tag_ref = (char *)"refs/tags/a/b";
	all.data[0].remotes = &remote;
	all.data[0].vouched = &vouched;
	all.data[0].n_remotes = all.data[0].n_vouched = 1;
	render_requests_encode(&all, &b);
	assert_int_equal(render_requests_decode(&d, b.data, b.len, &err), 0);
	assert_int_equal(d.len, 2);
	assert_string_equal(d.data[0].tag_ref, "refs/tags/a/b");
	assert_int_equal(d.data[0].n_remotes, 1);
	assert_string_equal(d.data[0].remotes[0].tag, "t");
	assert_string_equal(d.data[0].remotes[0].tag_ref, "refs/tags/v1");
	assert_int_equal(d.data[0].n_vouched, 1);
	assert_string_equal(d.data[0].vouched[0].url, "sources[1]");
	assert_null(d.data[0].vouched[0].tag);
	assert_int_equal(d.data[1].n_vouched, 0);
	assert_string_equal(d.data[0].mirror, "/m");
	assert_string_equal(d.data[0].commit, "c");
	assert_string_equal(d.data[0].path, "p");
	assert_string_equal(d.data[0].install_id, "i");
	assert_string_equal(d.data[0].app_id, "ns_app");
	assert_string_equal(d.data[0].destination_ns, "d");
	assert_true(json_equal(d.data[0].source, source));
	assert_memory_equal(&d.data[0].caps, &r.caps, sizeof(r.caps));
	assert_null(d.data[1].path);
	assert_null(d.data[1].source);
	render_requests_deinit(&d);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(render_requests_decode(&d, bad[i], strlen(bad[i]),
							&err), -1);
		assert_int_equal(d.len, 0);
	}
	assert_int_equal(err.code, ERR_INTERNAL);
}

/* Two folders as two sources of one application. */
static int run_two(const char *one, const char *two, struct render_answer *a,
		   struct err *err)
{
	const struct tree_file first[] = { { "a/x.yaml", one }, { NULL, NULL } };
	const struct tree_file second[] = { { "b/y.yaml", two }, { NULL, NULL } };
	struct render_request r[2] = {
		{ .path = "a", .where = "sources[0]", .destination_ns = "d" },
		{ .path = "b", .where = "sources[2]", .destination_ns = "d" },
	};
	struct tree_files t[2];
	struct render_part parts[2];

	tree_files_init(&t[0], first);
	tree_files_init(&t[1], second);
	for (size_t i = 0; i < 2; i++)
		parts[i] = (struct render_part){ .request = &r[i], .files = &t[i].files };
	return render_all(parts, 2, a, err);
}

static void sources_are_joined(void **state)
{
	static const struct {
		const char *one, *two, *want;	/* "kind/name source; ..." */
		const char *repeats;
	} cases[] = {
		{ CM("a", ""), CM("b", ""),
		  "a sources[0] a/x.yaml:1; b sources[2] b/y.yaml:1; ", "" },
		/* the later one wins, whatever namespace is written */
		{ CM("a", "---\n") CM("b", ""),
		  "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: d}}",
		  "b sources[0] a/x.yaml:5; a sources[2] b/y.yaml:1; ",
		  "ConfigMap/a of sources[0] a/x.yaml:1 is not used: sources[2] "
		  "b/y.yaml:1 has it too" },
		/* and within one source, as many lines as lie between them */
		{ CM("a", ""), CM("x", "# 2\n# 3\n# 4\n# 5\n# 6\n---\n") CM("x", ""),
		  "a sources[0] a/x.yaml:1; x sources[2] b/y.yaml:10; ",
		  "ConfigMap/x of sources[2] b/y.yaml:1 is not used: sources[2] "
		  "b/y.yaml:10 has it too" },
		{ CM("a", ""), "{apiVersion: v1, kind: Secret, metadata: {name: a}}",
		  "a sources[0] a/x.yaml:1; a sources[2] b/y.yaml:1; ", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_buf_ struct buf got = BUF_INIT, bytes = BUF_INIT;
		struct render_answer a, again;
		struct err err = ERR_INIT;

		if (run_two(cases[i].one, cases[i].two, &a, &err))
			fail_msg("%s", err.msg);
		for (size_t k = 0; k < a.n_objects; k++)
			buf_addf(&got, "%s %s; ", a.objects[k].name, a.objects[k].source);
		assert_string_equal(buf_str(&got), cases[i].want);
		assert_string_equal(a.source_type, "Directory,Directory");
		render_answer_encode(&a, &bytes);
		assert_int_equal(render_answer_decode(&again, bytes.data, bytes.len, &err),
				 0);
		assert_int_equal(again.n_repeats, *cases[i].repeats != 0);
		if (again.n_repeats)
			assert_string_equal(again.repeats[0], cases[i].repeats);
		render_answer_deinit(&again);
		render_answer_deinit(&a);
	}
}

static void sources_have_one_key(void **state)
{
	struct render_answer a, b, c;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(run_two(CM("a", ""), CM("b", ""), &a, &err), 0);
	assert_int_equal(run_two(CM("a", ""), CM("b", ""), &b, &err), 0);
	assert_int_equal(run_two(CM("a", ""), CM("b", "data: {k: v}\n"), &c, &err), 0);
	assert_string_equal(a.input_key, b.input_key);
	assert_string_equal(a.digest, b.digest);
	assert_string_not_equal(a.input_key, c.input_key);
	assert_string_not_equal(a.digest, c.digest);
	render_answer_deinit(&a);
	render_answer_deinit(&b);
	render_answer_deinit(&c);
}

/* One that is broken breaks all, and is named. */
static void a_broken_source_breaks_all(void **state)
{
	static const struct {
		const char *two, *want;
	} cases[] = {
		{ "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n",
		  "spec.sources[2]: b/y.yaml:1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct render_answer a;
		struct err err = ERR_INIT;

		assert_int_equal(run_two(CM("a", ""), cases[i].two, &a, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_null(a.objects);
		assert_null(a.source_type);
		if (!strstr(err.msg, cases[i].want))
			fail_msg("%s: not in: %s", cases[i].want, err.msg);
	}
}

/* More than are told: the list ends in a word of that. */
static void repeats_are_capped(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct render_answer a;
	struct err err = ERR_INIT;

	(void)state;
	for (int i = 0; i < 30; i++)
		buf_addf(&text, "---\n{apiVersion: v1, kind: ConfigMap, metadata: "
			 "{name: n%d}}\n", i);
	assert_int_equal(run_two(buf_str(&text), buf_str(&text), &a, &err), 0);
	assert_int_equal(a.n_objects, 30);
	assert_int_equal(a.n_repeats, 20);
	assert_string_equal(a.repeats[19], "and more");
	render_answer_deinit(&a);
}

static void globs_match_as_in_argo(void **state)
{
	static const struct { const char *glob, *path; int want; } rows[] = {
		{ "*.yaml", "a.yaml", 1 }, { "*.yaml", "sub/a.yaml", 1 },
		{ "*.yaml", "a.yml", 0 }, { "**/*.yaml", "a/b.yaml", 1 },
		{ "**/*.yaml", "b.yaml", 0 }, { "a?.yaml", "ab.yaml", 1 },
		{ "a?.yaml", "a.yaml", 0 }, { "{a,b}.yaml", "b.yaml", 1 },
		{ "{a,b}.yaml", "c.yaml", 0 }, { "{a*,{b,c}/*}", "c/d", 1 },
		{ "{config.json,env-usw2/*}", "config.json", 1 },
		{ "{config.json,env-usw2/*}", "env-usw2/x/y.yaml", 1 },
		{ "{config.json,env-usw2/*}", "env-use2/y.yaml", 0 },
		{ "[ab].yaml", "a.yaml", 1 }, { "[!ab].yaml", "a.yaml", 0 },
		{ "[a-c].yaml", "b.yaml", 1 }, { "[!a-c].yaml", "d.yaml", 1 },
		{ "\\*.yaml", "*.yaml", 1 }, { "\\*.yaml", "a.yaml", 0 },
		{ "a.b", "axb", 0 }, { "a(b)+", "a(b)+", 1 }, { "^a$", "^a$", 1 },
		{ "?", "\xc3\xa9", 1 }, { "a,b", "a,b", 1 },
	};
	static const char *const bad[] = { "{a", "[a", "[]", "{{{{{{{{{{{{{{{{{a" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = ERR_INIT;
		struct path_glob *g = path_glob_new(rows[i].glob, &err);

		if (!g)
			fail_msg("%s: %s", rows[i].glob, err.msg);
		if (path_glob_match(g, rows[i].path) != rows[i].want)
			fail_msg("%s on %s", rows[i].glob, rows[i].path);
		path_glob_free(g);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_null(path_glob_new(bad[i], NULL));
}

static void globs_end_in_time(void **state)
{
	char path[2048];
	struct path_glob *g = path_glob_new("*a*a*a*a*a*a*a*a*a*a*a*a*[bc]", NULL);

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(path_glob_match(g, path), -1);
	path_glob_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_does_not_depend_on_file_order),
		cmocka_unit_test(digest_ignores_our_marks),
		cmocka_unit_test(key_names_what_was_read_and_asked),
		cmocka_unit_test(secrets_stay_out_of_messages),
		cmocka_unit_test(text_of_a_program_is_strict),
		cmocka_unit_test(request_survives_the_pipe),
		cmocka_unit_test(sources_are_joined),
		cmocka_unit_test(sources_have_one_key),
		cmocka_unit_test(a_broken_source_breaks_all),
		cmocka_unit_test(repeats_are_capped),
		cmocka_unit_test(globs_match_as_in_argo),
		cmocka_unit_test(globs_end_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
