/* The bodies of objects out of chunks that stay open: bodies_get(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/mem.h"
#include "render/render.h"
#include "sync/bodies.h"

/* n ConfigMaps of that many bytes each, in chunks of 64 to 512 KiB. */
static void render_many(int n, size_t size, struct render_answer *a)
{
	struct render_request r = { .install_id = "i", .app_id = "app",
				    .destination_ns = "prod" };
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct err err = ERR_INIT;

	for (int i = 0; i < n; i++) {
		buf_addf(&text, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: "
			 "c%05d}\ndata:\n  k: \"", i);
		for (size_t j = 0; j < size; j++)
			buf_addc(&text, (char)('a' + ((size_t)i * 7 + j * j % 1009) % 26));
		buf_adds(&text, "\"\n");
	}
	if (render_text("t", text.data, text.len, &r, a, &err))
		fail_msg("%s", err.msg);
}

static void assert_body(struct bodies *b, const struct render_answer *a, size_t i)
{
	_cleanup_free_ char *got = NULL, *want = NULL;
	size_t got_len = 0, want_len = 0;
	struct err err = ERR_INIT;

	if (bodies_get(b, a, i, &got, &got_len, &err) ||
	    render_answer_body(a, i, &want, &want_len, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(got_len, want_len);
	assert_memory_equal(got, want, want_len + 1);
}

static size_t open_bytes(const struct bodies *b)
{
	size_t n = 0;

	for (size_t i = 0; i < BODIES_OPEN; i++)
		n += b->open[i].raw.len;
	return n;
}

/* In order, twice: each chunk is opened once a pass, however many there are. */
static void one_after_the_other_opens_each_chunk_once(void **state)
{
	_cleanup_(bodies_deinit) struct bodies b = { 0 };
	struct render_answer a;

	(void)state;
	render_many(300, 20000, &a);
	assert_in_range(a.n_chunks, BODIES_OPEN + 4, 300);
	for (int pass = 1; pass <= 2; pass++) {
		for (size_t i = 0; i < a.n_objects; i++) {
			assert_body(&b, &a, i);
			assert_in_range(open_bytes(&b), 1, BODIES_BYTES);
		}
		assert_int_equal(b.opened, (size_t)pass * a.n_chunks);
	}
	render_answer_deinit(&a);
}

static void applications_with_the_same_chunk_share_it(void **state)
{
	_cleanup_(bodies_deinit) struct bodies b = { 0 };
	struct render_answer one, other;

	(void)state;
	render_many(5, 100, &one);
	render_many(5, 100, &other);
	assert_body(&b, &one, 1);
	assert_body(&b, &other, 4);
	assert_body(&b, &one, 0);
	assert_int_equal(b.opened, 1);
	render_answer_deinit(&one);
	render_answer_deinit(&other);
	/* It does not borrow from them. */
	render_many(5, 100, &one);
	assert_body(&b, &one, 3);
	assert_int_equal(b.opened, 1);
	render_answer_deinit(&one);
}

static void what_is_too_large_is_not_kept(void **state)
{
	_cleanup_(bodies_deinit) struct bodies b = { 0 };
	struct render_answer small, large;

	(void)state;
	render_many(2, 100, &small);
	render_many(1, BODIES_BYTES + 1, &large);
	assert_body(&b, &small, 0);
	assert_body(&b, &large, 0);
	assert_int_equal(open_bytes(&b), 0);
	assert_body(&b, &large, 0);
	assert_int_equal(b.opened, 3);
	render_answer_deinit(&small);
	render_answer_deinit(&large);
}

static void damage_is_said_and_not_kept(void **state)
{
	_cleanup_(bodies_deinit) struct bodies b = { 0 };
	struct render_answer a;
	struct err err = ERR_INIT;
	char *body = NULL;
	size_t len;

	(void)state;
	render_many(3, 100, &a);
	a.chunks[0].deflated[a.chunks[0].deflated_len / 2] ^= 1;
	assert_int_equal(bodies_get(&b, &a, 1, &body, &len, &err), -1);
	assert_int_equal(err.code, ERR_INTERNAL);
	assert_non_null(strstr(err.msg, "ConfigMap/c00001"));
	a.chunks[0].deflated[a.chunks[0].deflated_len / 2] ^= 1;
	assert_body(&b, &a, 1);
	a.objects[1].length = 1u << 30;	/* beyond its chunk */
	assert_int_equal(bodies_get(&b, &a, 1, &body, &len, &err), -1);
	assert_null(body);
	a.objects[1].chunk = 99;
	assert_int_equal(bodies_get(&b, &a, 1, &body, &len, &err), -1);
	assert_body(&b, &a, 2);
	render_answer_deinit(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_after_the_other_opens_each_chunk_once),
		cmocka_unit_test(applications_with_the_same_chunk_share_it),
		cmocka_unit_test(what_is_too_large_is_not_kept),
		cmocka_unit_test(damage_is_said_and_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
