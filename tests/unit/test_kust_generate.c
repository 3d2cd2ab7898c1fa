/*
 * Generators and hashes. Names with hashes are what the reference program gave for
 * the same sources, so that they prove the contents, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kust_fixture.h"
#include "render/kustomize/kv.h"
#include "render/kustomize/transform.h"

#define STRINGS(...) { .data = (const char *[]){ __VA_ARGS__ }, \
		       .len = ARRAY_LEN(((const char *[]){ __VA_ARGS__ })) }

#define DIGITS "0123456789"
#define D50 DIGITS DIGITS DIGITS DIGITS DIGITS

static const struct tree_file files[] = {
	{ "app/e.env", "\xef\xbb\xbf" "A=1\n# c\n  \xc2\xa0 B = \"two\"\r\nC\n=x\n\nD=a=b" },
	{ "app/bin", "x\xff\xfe" D50 DIGITS DIGITS },
	{ "app/text.txt", "line1\nline2\n" },
	{ "app/short", "\xff" },
	{ "app/bad.env", "A=1\nB=\xff\n" },
	{ NULL, NULL }
};

struct gen_case {
	bool secret;
	struct kgenerator g;
	const char *json;	/* after the hash */
};

static const struct kgen_options plain_options = {
	.labels = { (struct kpair[]){ { "l", "1" } }, 1, 1 },
	.annotations = { (struct kpair[]){ { "a", "true" } }, 1, 1 },
	.disable_hash = true, .immutable = true,
};

static const struct gen_case gen_cases[] = {
	{ false, { .name = "a", .literals = STRINGS("b=1", "a=x", "q='quoted'",
		"dq=\"d=\"", "one='", "empty=", "html=<a&b>\xe2\x80\xa8") },
	  "{\"apiVersion\":\"v1\",\"data\":{\"a\":\"x\",\"b\":\"1\",\"dq\":\"d=\","
	  "\"empty\":\"\",\"html\":\"<a&b>\\u2028\",\"one\":\"'\",\"q\":\"quoted\"},"
	  "\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a-66b7b8gk7b\"}}" },
	{ false, { .name = "b", .envs = STRINGS("e.env") },
	  "{\"apiVersion\":\"v1\",\"data\":{\"A\":\"1\",\"B \":\" \\\"two\\\"\",\"C\":\"\","
	  "\"D\":\"a=b\"},\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"b-m972bt968t\"}}" },
	{ false, { .name = "c", .files = STRINGS("bin", "k=text.txt", "short") },
	  "{\"apiVersion\":\"v1\",\"binaryData\":{\"bin\":\"eP/+MDEyMzQ1Njc4OTAxMjM0NTY3ODk"
	  "wMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3OD\\nkwMTIzNDU2Nzg5MDEyMzQ1Njc4OQ==\\n\","
	  "\"short\":\"/w==\"},\"data\":{\"k\":\"line1\\nline2\\n\"},"
	  "\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c-t96294thht\"}}" },
	{ false, { .name = "123", .literals = STRINGS("a=1"),
		   .options = (struct kgen_options *)&plain_options },
	  "{\"apiVersion\":\"v1\",\"data\":{\"a\":\"1\"},\"immutable\":true,"
	  "\"kind\":\"ConfigMap\",\"metadata\":{\"annotations\":{\"a\":\"true\"},"
	  "\"labels\":{\"l\":\"1\"},\"name\":\"123\"}}" },
	{ false, { .name = "d", .ns = "ns" },
	  "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
	  "\"metadata\":{\"name\":\"d-6ct58987ht\",\"namespace\":\"ns\"}}" },
	{ true, { .name = "s", .literals = STRINGS("a=b", "long=" D50 "01",
		  "l53=" D50 DIGITS DIGITS "0123456789") },
	  "{\"apiVersion\":\"v1\",\"data\":{\"a\":\"Yg==\",\"l53\":\"MDEyMzQ1Njc4OTAxMjM0NTY3OD"
	  "kwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMT\\nIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0N"
	  "TY3ODk=\\n\",\"long\":\"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTA"
	  "xMjM0NTY3ODkwMQ\\n==\\n\"},\"kind\":\"Secret\",\"metadata\":{\"name\":"
	  "\"s-b888cd9g8d\"},\"type\":\"Opaque\"}" },
	{ true, { .name = "l51", .literals = STRINGS("a=" D50 "0") },
	  "{\"apiVersion\":\"v1\",\"data\":{\"a\":\"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"
	  "yMzQ1Njc4OTAxMjM0NTY3ODkw\"},\"kind\":\"Secret\",\"metadata\":{\"name\":"
	  "\"l51-td762cb9k6\"},\"type\":\"Opaque\"}" },
	{ true, { .name = "s2", .type = "kubernetes.io/tls", .behavior = "strange" },
	  "{\"apiVersion\":\"v1\",\"data\":{},\"kind\":\"Secret\","
	  "\"metadata\":{\"name\":\"s2-694464d966\"},\"type\":\"kubernetes.io/tls\"}" },
};

static struct kres *generate(struct kfix *f, bool secret, const struct kgenerator *g,
			     struct err *err)
{
	struct kres *r = NULL;
	int rc = secret ? kust_secret(&f->k, &f->folder, g, &r, err) :
			  kust_config_map(&f->k, &f->folder, g, &r, err);

	return rc < 0 ? NULL : r;
}

static void test_generates(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(gen_cases); i++) {
		const struct gen_case *c = gen_cases + i;
		struct err err = ERR_INIT;
		struct kmap *m;
		struct kfix f;
		struct kres *r;

		kfix_init(&f, files);
		m = kmap_new(&f.k);
		r = generate(&f, c->secret, &c->g, &err);
		assert_non_null(r);
		assert_string_equal(r->file, "");
		assert_int_equal(r->behavior, KB_UNSPECIFIED);
		assert_int_equal(kmap_append(m, r, &err), 0);
		assert_int_equal(kust_hash_names(&f.k, m, &err), 0);
		assert_string_equal(kfix_json(&f, r->root), c->json);
		assert_int_equal(r->prev.len, r->needs_hash);
		kfix_deinit(&f);
	}
}

/* A hash is of what Go's encoding/json writes. */
static void test_hash_escapes(void **state)
{
	static const struct { const char *value, *name; } cases[] = {
		{ "a\x01" "b", "ctl-67c26t4869" }, { "a\bb", "ctl-ctgfbfk89b" },
		{ "a\fb", "ctl-cff9557fd5" }, { "a\x1b" "b", "ctl-ch784tmf2f" },
		{ "a\rb", "ctl-cd8282d2cm" }, { "a\xc2\x85" "b", "ctl-h72h9gf7kt" },
		{ "a\xe2\x80\xa8" "b", "ctl-fg75mk44mh" },
		{ "a\xef\xbb\xbf" "b", "ctl-tmb8fbkfg6" },
		{ "al1\n\x01" "b", "ctl-gf427gtkkm" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tree_file tree[] = { { "app/ctl", cases[i].value }, { NULL, NULL } };
		struct kgenerator g = { .name = "ctl", .files = STRINGS("ctl") };
		struct err err = ERR_INIT;
		struct kfix f;
		struct kres *r;
		char hash[11];

		kfix_init(&f, tree);
		r = generate(&f, false, &g, &err);
		assert_non_null(r);
		assert_int_equal(kust_hash(&f.k, r, hash, &err), 0);
		assert_string_equal(hash, cases[i].name + 4);
		kfix_deinit(&f);
	}
}

/* What patches may have made of a generated object before its hash is taken. */
static void test_hash_of_patched(void **state)
{
	static const struct { const char *yaml, *hash, *why; } cases[] = {
		{ "kind: ConfigMap\ndata: {n: 9007199254740993, f: 1.50, t: true, "
		  "m: {b: [1, x]}}\n", "6845fkdd47", NULL },
		{ "kind: ConfigMap\ndata: [1]\nbinaryData: [2]\n", "t8bmh4kc6d", NULL },
		{ "kind: ConfigMap\ndata: null\n", "g886t7dd28", NULL },
		{ "kind: Secret\nstringData: {a: b}\ntype: null\n", "m9kh8k6f2h", NULL },
		{ "kind: Service\ndata: {a: b}\n", NULL, "disableNameSuffixHash" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		char hash[11] = "";
		struct kfix f;
		struct kres *r;
		int rc;

		kfix_init(&f, files);
		r = kres_new(&f.k, kfix_node(&f, cases[i].yaml), "t.yaml");
		rc = kust_hash(&f.k, r, hash, &err);
		assert_int_equal(rc, cases[i].hash ? 0 : -1);
		if (cases[i].hash)
			assert_string_equal(hash, cases[i].hash);
		else
			assert_non_null(strstr(err.msg, cases[i].why));
		kfix_deinit(&f);
	}
}

static void test_refuses(void **state)
{
	const struct { struct kgenerator g; const char *why; } cases[] = {
		{ { .name = "" }, "needs a name" },
		{ { .behavior = "merge" }, "needs a name" },
		{ { .name = "x", .literals = STRINGS("a") }, "write key=value" },
		{ { .name = "x", .literals = STRINGS("=a") }, "write key=value" },
		{ { .name = "x", .files = STRINGS("=text.txt") }, "no key before" },
		{ { .name = "x", .files = STRINGS("k=") }, "no path after" },
		{ { .name = "x", .files = STRINGS("a=b=c") }, "holds '='" },
		{ { .name = "x", .files = STRINGS("none") }, "none" },
		{ { .name = "x", .envs = STRINGS("none.env") }, "none.env" },
		{ { .name = "x", .envs = STRINGS("bad.env") },
		  "app/bad.env: line 2 is not UTF-8" },
		{ { .name = "x", .literals = STRINGS("A=2"), .envs = STRINGS("e.env") },
		  "ConfigMap x: the key 'A' comes twice" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct kfix f;

		kfix_init(&f, files);
		assert_null(generate(&f, false, &cases[i].g, &err));
		if (!strstr(err.msg, cases[i].why))
			fail_msg("case %zu: %s", i, err.msg);
		assert_int_equal(strncmp(err.msg, "app/kustomization.yaml:", 23), 0);
		kfix_deinit(&f);
	}
}

/* NULs: a text of ours cannot hold one, a Secret's value can. */
static void test_nul_bytes(void **state)
{
	struct err err = ERR_INIT;
	struct kvs l = { 0 };
	struct kfix f;

	(void)state;
	kfix_init(&f, files);
	assert_int_equal(kv_env(&f.k, "A=b\0c\n", 6, &l, &err), 0);
	assert_int_equal(l.data[0].len, 3);
	assert_int_equal(kv_env(&f.k, "A\0=b\n", 5, &l, &err), -1);
	assert_non_null(strstr(err.msg, "line 1: a key holds a NUL"));
	kvs_deinit(&l);
	kfix_deinit(&f);
}

/* As the reference's line scanner does, whose error nobody looks at. */
static void test_long_lines(void **state)
{
	static const struct { size_t len; const char *after; size_t pairs; } cases[] = {
		{ KV_LINE_MAX, "\nB=2", 3 }, { KV_LINE_MAX, "", 2 },
		{ KV_LINE_MAX + 1, "\nB=2", 1 }, { KV_LINE_MAX + 1, "", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		_cleanup_kvs_ struct kvs l = { 0 };
		struct err err = ERR_INIT;
		struct kfix f;

		kfix_init(&f, files);
		buf_adds(&text, "X=1\nA=");
		while (text.len < 4 + cases[i].len)
			buf_addc(&text, 'x');
		buf_adds(&text, cases[i].after);
		assert_int_equal(kv_env(&f.k, text.data, text.len, &l, &err), 0);
		assert_int_equal(l.len, cases[i].pairs);
		assert_int_equal(!*f.warning, cases[i].len == KV_LINE_MAX);
		kfix_deinit(&f);
	}
}

static void test_file_sources(void **state)
{
	static const struct { const char *source, *key, *path; } cases[] = {
		{ "a/b.txt", "b.txt", "a/b.txt" }, { "a/b//", "b", "a/b//" },
		{ "k=a/b", "k", "a/b" }, { "", ".", "" }, { "//", "/", "//" },
	};
	struct kfix f;

	(void)state;
	kfix_init(&f, files);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		const char *key, *path;

		assert_int_equal(kv_file_source(&f.k, cases[i].source, &key, &path, &err),
				 0);
		assert_string_equal(key, cases[i].key);
		assert_string_equal(path, cases[i].path);
	}
	kfix_deinit(&f);
}

static const char *pairs_text(const struct kpairs *p, struct buf *b)
{
	buf_clear(b);
	for (size_t i = 0; i < p->len; i++)
		buf_addf(b, "%s=%s,", p->data[i].key, p->data[i].value);
	return buf_str(b);
}

static void test_options_merge(void **state)
{
	struct kgen_options local = {
		.labels = { (struct kpair[]){ { "b", "l" }, { "d", "l" } }, 2, 2 },
		.immutable = true,
	}, global = {
		.labels = { (struct kpair[]){ { "a", "g" }, { "b", "g" } }, 2, 2 },
		.annotations = { (struct kpair[]){ { "z", "g" } }, 1, 1 },
		.disable_hash = true,
	}, *out;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct kfix f;

	(void)state;
	kfix_init(&f, NULL);
	assert_null(kgen_options_merge(&f.k, NULL, NULL));
	out = kgen_options_merge(&f.k, &local, &global);
	assert_string_equal(pairs_text(&out->labels, &b), "a=g,b=l,d=l,");
	assert_string_equal(pairs_text(&out->annotations, &b), "z=g,");
	assert_true(out->disable_hash && out->immutable);
	assert_int_equal(local.labels.len, 2);
	out = kgen_options_merge(&f.k, &local, NULL);
	assert_true(!out->disable_hash && out->immutable);
	out = kgen_options_merge(&f.k, NULL, &global);
	assert_true(out->disable_hash && !out->immutable);
	assert_string_equal(pairs_text(&out->labels, &b), "a=g,b=g,");
	kfix_deinit(&f);
}

/* A generated object into a map that has it: by its behavior. */
static void test_behaviors(void **state)
{
	static const struct {
		const char *behavior, *name, *json, *why;
	} cases[] = {
		{ "merge", "cm", "{\"apiVersion\":\"v1\",\"data\":{\"a\":\"new\",\"b\":\"old\"},"
		  "\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"cm\"}}\n", NULL },
		{ "replace", "cm", "{\"apiVersion\":\"v1\",\"data\":{\"a\":\"new\"},"
		  "\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"cm\"}}\n", NULL },
		{ "create", "cm", NULL, "exists" }, { NULL, "cm", NULL, "exists" },
		{ "merge", "no", NULL, "does not exist" },
		{ "replace", "no", NULL, "does not exist" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct kgenerator g = { .name = cases[i].name, .literals = STRINGS("a=new"),
					.behavior = cases[i].behavior };
		struct err err = ERR_INIT;
		struct kmap *m, *more;
		struct kfix f;
		int rc;

		kfix_init(&f, NULL);
		m = kfix_map(&f, "apiVersion: v1\nkind: ConfigMap\n"
			     "metadata: {name: cm}\ndata: {a: old, b: old}\n");
		more = kmap_new(&f.k);
		assert_int_equal(kmap_append(more, generate(&f, false, &g, &err), &err), 0);
		rc = kmap_absorb_all(m, more, &err);
		assert_int_equal(rc, cases[i].json ? 0 : -1);
		if (cases[i].json)
			assert_string_equal(kfix_dump(&f, m), cases[i].json);
		else
			assert_non_null(strstr(err.msg, cases[i].why));
		kfix_deinit(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_generates),
		cmocka_unit_test(test_hash_escapes),
		cmocka_unit_test(test_hash_of_patched),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_nul_bytes),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_file_sources),
		cmocka_unit_test(test_options_merge),
		cmocka_unit_test(test_behaviors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
