/* sync/store_codec.h: names, round trips through Secrets, hostile Secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>

#include "core/doc.h"
#include "core/zip.h"
#include "sync/store_codec.h"

#define ID "team-a/web"

static char raw_a[] = "{\"kind\":\"ConfigMap\"}";

static json_t *parsed(const struct buf *b)
{
	struct err err = ERR_INIT;
	json_t *o = doc_parse(buf_str((struct buf *)(uintptr_t)b), b->len, &err);

	if (!o)
		fail_msg("%s", err.msg);
	return o;
}

/* Two objects, each in a chunk of its own; bytes of noise make it large. */
static void make_release(struct render_answer *a, size_t noise)
{
	char *raws[2] = { xstrdup(raw_a), xmalloc(noise + 2) };

	for (size_t i = 0, x = 1; i <= noise; i++, x = x * 6364136223846793005u + 1)
		raws[1][i] = (char)('0' + (x >> 40) % 64);
	raws[1][noise + 1] = '\0';
	*a = (struct render_answer){
		.objects = xcalloc(2, sizeof(*a->objects)), .n_objects = 2,
		.chunks = xcalloc(2, sizeof(*a->chunks)), .n_chunks = 2,
		.source_type = xstrdup("Directory"),
	};
	memset(a->digest, 'd', 64);
	memset(a->input_key, 'e', 64);
	for (uint32_t i = 0; i < 2; i++) {
		struct render_chunk *c = &a->chunks[i];
		struct buf z = BUF_INIT;
		size_t len;

		c->raw_len = (uint32_t)strlen(raws[i]);
		sha256_hex(raws[i], c->raw_len, c->digest);
		zip_deflate(raws[i], c->raw_len, &z);
		c->deflated = (uint8_t *)buf_steal(&z, &len);
		c->deflated_len = (uint32_t)len;
		a->objects[i] = (struct rendered){
			.group = xstrdup(""), .version = xstrdup("v1"),
			.kind = xstrdup("ConfigMap"), .ns = xstrdup("x"),
			.name = xasprintf("n%u", i), .hook = xstrdup(""),
			.source = xstrdup("a.yaml:1"), .refs = xstrdup(""),
			.images = xstrdup(""), .chunk = i, .length = c->raw_len,
		};
		memset(a->objects[i].digest, 'f', 64);
		free(raws[i]);
	}
}

static void check_name(const char *name, const char *prefix)
{
	assert_int_equal(0, strncmp(name, prefix, strlen(prefix)));
	assert_true(strlen(name) <= 63);
	for (const char *s = name; *s; s++)
		assert_true(isdigit((unsigned char)*s) || *s == '-' ||
			    islower((unsigned char)*s));
}

static void names(void **state)
{
	char a[STORE_NAME], b[STORE_NAME], id[600];

	(void)state;
	store_record_name(ID, a);
	check_name(a, "syncd-state-");
	store_record_name("team-a/we", b);
	assert_string_not_equal(a, b);
	memset(id, 'x', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	store_release_name(id, UINT32_MAX,
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		a);
	check_name(a, "syncd-release-");
	assert_non_null(strstr(a, "-4294967295-0123456789ab"));
	store_chunk_name(ID, "0123456789abcdef0123456789abcdef", a);
	check_name(a, "syncd-chunk-");
}

static void a_record(void **state)
{
	_cleanup_buf_ struct buf body = BUF_INIT, one = BUF_INIT, two = BUF_INIT;
	_cleanup_json_ json_t *secret = NULL;
	struct objkey k = { "apps", "Deployment", "x", "web" };
	struct record rec = { .epoch = 7, .phase = PHASE_SOAKING }, back;
	static const uint32_t dropped[] = { 5, 9 };
	struct record_write w = { .record = &rec, .id = "team-a/\"web",
				  .install_id = "install" };
	struct err err = ERR_INIT;

	(void)state;
	record_inv_add(&rec, &k, "r1-00000000");
	record_add_release(&rec)->author = xstrdup("Ada \"<&>\n");
	store_record_body(&w, &body);
	assert_null(strstr(buf_str(&body), "resourceVersion"));
	secret = parsed(&body);
	assert_string_equal(doc_get_str(secret, "metadata", "annotations",
					"syncd.dev/application", NULL),
			    "team-a/\"web");
	assert_string_equal(doc_get_str(secret, "metadata", "labels",
					"syncd.dev/record", NULL), "state");
	assert_int_equal(0, store_record_parse(secret, 1 << 20, &back, &err));
	record_encode(&rec, &one);
	record_encode(&back, &two);
	assert_string_equal(buf_str(&one), buf_str(&two));
	record_deinit(&back);
	assert_int_equal(-1, store_record_parse(secret, one.len - 1, &back, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	record_deinit(&rec);
	/* Later writes are patches, guarded by the version; old releases go. */
	w.version = "42";
	w.dropped = dropped;
	w.n_dropped = 2;
	buf_clear(&body);
	store_record_body(&w, &body);
	json_decref(secret);
	secret = parsed(&body);
	assert_string_equal(doc_get_str(secret, "metadata", "resourceVersion",
					NULL), "42");
	assert_true(json_is_null(doc_get(secret, "data", "release-5", NULL)));
	assert_true(json_is_null(doc_get(secret, "data", "release-9", NULL)));
}

static void body_is(const struct render_answer *a, size_t i, const char *want)
{
	_cleanup_free_ char *body = NULL;
	struct err err = ERR_INIT;
	size_t len;

	if (render_answer_body(a, i, &body, &len, &err))
		fail_msg("%s", err.msg);
	if (want)
		assert_string_equal(body, want);
}

static void a_release_inlined(void **state)
{
	_cleanup_buf_ struct buf body = BUF_INIT;
	_cleanup_json_ json_t *secret = NULL;
	struct render_answer a, back;
	struct err err = ERR_INIT;

	(void)state;
	make_release(&a, 1000);
	assert_true(store_fits(&a));
	store_release_body(&a, ID, 3, true, &body);
	secret = parsed(&body);
	assert_true(json_is_true(doc_get(secret, "immutable", NULL)));
	assert_int_equal(0, store_release_parse(secret, &back, &err));
	assert_string_equal(back.digest, a.digest);
	body_is(&back, 0, raw_a);
	body_is(&back, 1, NULL);
	render_answer_deinit(&back);
	render_answer_deinit(&a);
}

static void a_release_embedded(void **state)
{
	_cleanup_buf_ struct buf body = BUF_INIT;
	_cleanup_json_ json_t *secret = NULL;
	struct render_answer a, back, big;
	struct record rec = { 0 };
	struct record_write w = { .record = &rec, .id = ID,
				  .install_id = "install", .release = &a,
				  .release_id = 7 };
	struct err err = ERR_INIT;

	(void)state;
	make_release(&a, 1000);
	make_release(&big, 1 << 20);
	assert_true(store_embeds(&a, 10));
	assert_false(store_embeds(&big, 10));
	store_record_body(&w, &body);
	secret = parsed(&body);
	assert_int_equal(0, store_embedded_parse(secret, 7, &back, &err));
	assert_string_equal(back.digest, a.digest);
	body_is(&back, 0, raw_a);
	body_is(&back, 1, NULL);
	render_answer_deinit(&back);
	assert_int_equal(-1, store_embedded_parse(secret, 70, &back, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	render_answer_deinit(&a);
	render_answer_deinit(&big);
}

static void a_release_in_chunks(void **state)
{
	_cleanup_buf_ struct buf body = BUF_INIT, one = BUF_INIT;
	_cleanup_json_ json_t *secret = NULL, *chunk = NULL;
	struct render_answer a, back;
	struct err err = ERR_INIT;

	(void)state;
	make_release(&a, 1 << 20);
	assert_false(store_fits(&a));
	store_release_body(&a, ID, 3, false, &body);
	assert_true(body.len < 8192);
	secret = parsed(&body);
	assert_int_equal(0, store_release_parse(secret, &back, &err));
	assert_null(back.chunks[0].deflated);
	assert_null(back.chunks[1].deflated);
	store_chunk_body(&a.chunks[0], ID, &one);
	chunk = parsed(&one);
	assert_int_equal(0, store_chunk_parse(chunk, &back.chunks[0], &err));
	body_is(&back, 0, raw_a);
	/* Another's bytes under this chunk's name are found out. */
	assert_int_equal(0, store_chunk_parse(chunk, &back.chunks[1], &err));
	{
		_cleanup_free_ char *bytes = NULL;
		size_t len;

		assert_int_equal(-1, render_answer_body(&back, 1, &bytes, &len,
							&err));
	}
	render_answer_deinit(&back);
	render_answer_deinit(&a);
}

static void hostile(void **state)
{
	static const char *const secrets[] = {
		"{}", "[]", "{\"data\":[]}", "{\"data\":{\"state\":7,\"index\":7,"
		"\"chunk\":7}}",
		"{\"data\":{\"state\":\"\",\"index\":\"\"}}",
		"{\"data\":{\"state\":\"!!!\",\"index\":\"!!!\",\"chunk\":\"=\"}}",
		"{\"data\":{\"state\":\"AAAA\",\"index\":\"AAAA\"}}",
		/* zlib of "{" and of nothing */
		"{\"data\":{\"state\":\"eJyrBgAAfAB8\",\"index\":\"eJyrBgAAfAB8\"}}",
		"{\"data\":{\"state\":\"eJwDAAAAAAE=\",\"index\":\"eJwDAAAAAAE=\"}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
		struct err err = ERR_INIT;
		_cleanup_json_ json_t *s = doc_parse(secrets[i],
						     strlen(secrets[i]), &err);
		struct record rec = { 0 };
		struct render_answer a = { 0 };
		struct render_chunk c = { 0 };

		assert_non_null(s);
		assert_int_equal(-1, store_record_parse(s, 1 << 20, &rec, &err));
		record_deinit(&rec);
		assert_int_equal(-1, store_release_parse(s, &a, &err));
		render_answer_deinit(&a);
		if (i < 4 || i == 5)
			assert_int_equal(-1, store_chunk_parse(s, &c, &err));
		free(c.deflated);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(a_record),
		cmocka_unit_test(a_release_inlined),
		cmocka_unit_test(a_release_embedded),
		cmocka_unit_test(a_release_in_chunks),
		cmocka_unit_test(hostile),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
