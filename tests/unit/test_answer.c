/* The answer's bytes: there and back, damaged in every way, chunks that last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/doc.h"
#include "core/mem.h"
#include "render/render.h"

/* n ConfigMaps of `size` bytes or so; number `changed` differs. */
static void render_many(int n, int size, int changed, struct render_answer *a)
{
	struct render_request r = { .install_id = "i", .app_id = "app",
				    .destination_ns = "prod" };
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct err err = ERR_INIT;

	for (int i = 0; i < n; i++) {
		buf_addf(&text, "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n"
			 "  name: c%05d\n  annotations: {argocd.argoproj.io/sync-wave: '-%d'}\n"
			 "data:\n  v: \"%d\"\n  k: \"", i, i, i == changed);
		for (int j = 0; j < size; j++)
			buf_addc(&text, (char)('a' + (i * 7 + j % 97 * j % 1009) % 26));
		buf_adds(&text, "\"\n");
	}
	if (render_text("t", text.data, text.len, &r, a, &err))
		fail_msg("%s", err.msg);
}

static void assert_same(const struct render_answer *a, const struct render_answer *b)
{
	_cleanup_buf_ struct buf x = BUF_INIT, y = BUF_INIT;

	render_answer_encode(a, &x);
	render_answer_encode(b, &y);
	assert_int_equal(x.len, y.len);
	assert_memory_equal(x.data, y.data, x.len);
	assert_string_equal(a->objects[0].name, b->objects[0].name);
	assert_int_equal(a->objects[a->n_objects - 1].wave,
			 b->objects[b->n_objects - 1].wave);
}

static void answer_survives_the_pipe(void **state)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT, index = BUF_INIT;
	struct render_answer a, b, c;
	struct err err = ERR_INIT;
	char *body;
	size_t len;

	(void)state;
	render_many(30, 100, -1, &a);
	a.warnings = xcalloc(1, sizeof(*a.warnings));
	a.warnings[0] = xstrdup("careful");
	a.n_warnings = 1;
	a.signed_until = UINT64_C(1) << 33 | 7;
	strcpy(a.signed_by, "0123456789ABCDEF");
	render_answer_encode(&a, &bytes);
	assert_int_equal(render_answer_decode(&b, bytes.data, bytes.len, &err), 0);
	assert_same(&a, &b);
	assert_int_equal(b.signed_until, a.signed_until);
	assert_string_equal(b.signed_by, a.signed_by);
	assert_string_equal(b.warnings[0], "careful");
	render_index_encode(&a, &index);
	assert_true(index.len < bytes.len);
	assert_int_equal(render_index_decode(&c, index.data, index.len, &err), 0);
	assert_string_equal(c.digest, a.digest);
	assert_int_equal(c.signed_until, 0);	/* it is of one look, not of the release */
	assert_string_equal(c.objects[3].digest, a.objects[3].digest);
	/* The index alone has no bodies; nor is it an answer. */
	assert_int_equal(render_answer_body(&c, 0, &body, &len, &err), -1);
	assert_int_equal(err.code, ERR_INTERNAL);
	render_answer_deinit(&c);
	assert_int_equal(render_answer_decode(&c, index.data, index.len, &err), -1);
	assert_int_equal(render_index_decode(&c, bytes.data, bytes.len, &err), -1);
	render_answer_deinit(&a);
	render_answer_deinit(&b);
}

static void cut_answers_are_refused(void **state)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct render_answer a, b;
	struct err err = ERR_INIT;

	(void)state;
	render_many(3, 20, -1, &a);
	render_answer_encode(&a, &bytes);
	for (size_t n = 0; n < bytes.len; n++) {
		_cleanup_free_ char *exact = xmalloc(n);

		memcpy(exact, bytes.data, n);
		assert_int_equal(render_answer_decode(&b, exact, n, &err), -1);
		assert_int_equal(err.code, ERR_INTERNAL);
		assert_null(b.objects);
	}
	buf_addc(&bytes, 'x');
	assert_int_equal(render_answer_decode(&b, bytes.data, bytes.len, &err), -1);
	render_answer_deinit(&a);
}

/* Whatever is flipped: refused, or an answer whose bodies fit or are refused. */
static void damaged_answers_do_no_harm(void **state)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct render_answer a, b;

	(void)state;
	render_many(3, 20, -1, &a);
	render_answer_encode(&a, &bytes);
	for (size_t i = 0; i < bytes.len * 8; i++) {
		struct err err = ERR_INIT;

		bytes.data[i / 8] ^= (char)(1 << i % 8);
		if (!render_answer_decode(&b, bytes.data, bytes.len, &err)) {
			for (size_t j = 0; j < b.n_objects; j++) {
				char *body = NULL;
				size_t len;

				if (!render_answer_body(&b, j, &body, &len, &err))
					assert_int_equal(strlen(body), len);
				free(body);
			}
			render_answer_deinit(&b);
		}
		bytes.data[i / 8] ^= (char)(1 << i % 8);
	}
	render_answer_deinit(&a);
}

static void wrong_chunks_give_no_body(void **state)
{
	struct render_answer a;
	struct err err = ERR_INIT;
	char *body;
	size_t len;

	(void)state;
	render_many(3, 20, -1, &a);
	assert_int_equal(render_answer_body(&a, 1, &body, &len, &err), 0);
	assert_int_equal(strlen(body), len);
	free(body);
	a.chunks[0].digest[0] = a.chunks[0].digest[0] == '0' ? '1' : '0';
	assert_int_equal(render_answer_body(&a, 1, &body, &len, &err), -1);
	assert_int_equal(err.code, ERR_INTERNAL);
	assert_null(strstr(err.msg, "abc"));
	render_answer_deinit(&a);
}

static size_t chunks_not_in(const struct render_answer *a, const struct render_answer *b)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_chunks; i++) {
		bool found = false;

		for (size_t j = 0; j < b->n_chunks; j++)
			found = found || !strcmp(a->chunks[i].digest, b->chunks[j].digest);
		n += !found;
	}
	return n;
}

static void a_change_touches_few_chunks(void **state)
{
	struct render_answer before, after, more;

	(void)state;
	render_many(3000, 1000, -1, &before);
	render_many(3000, 1000, 1000, &after);
	render_many(3001, 1000, -1, &more);
	assert_in_range(before.n_chunks, 6, 40);
	for (size_t i = 0; i < before.n_chunks; i++)
		assert_in_range(before.chunks[i].raw_len, 1, 512 << 10);
	assert_in_range(chunks_not_in(&after, &before), 1, 3);
	assert_in_range(chunks_not_in(&more, &before), 1, 2);
	render_answer_deinit(&before);
	render_answer_deinit(&after);
	render_answer_deinit(&more);
}

static void large_objects_have_chunks_of_their_own(void **state)
{
	struct render_answer a;
	struct err err = ERR_INIT;

	(void)state;
	render_many(4, 700000, -1, &a);
	assert_int_equal(a.n_chunks, 4);
	for (size_t i = 0; i < 4; i++) {
		char *body, digest[65];
		size_t len;

		assert_int_equal(render_answer_body(&a, i, &body, &len, &err), 0);
		sha256_hex(body, len, digest);
		assert_string_equal(digest, a.objects[i].digest);
		free(body);
	}
	render_answer_deinit(&a);
}

/* One after the other, back again, and beside a chunk that is damaged. */
static void bodies_in_a_row(void **state)
{
	struct render_bodies bodies = { 0 };
	struct render_answer a;
	struct err err = ERR_INIT;
	size_t len, n;
	const char *body;

	(void)state;
	render_many(600, 1000, -1, &a);
	bodies.answer = &a;
	assert_true(a.n_chunks > 1);
	n = a.n_objects;
	for (size_t k = 0; k <= n; k++) {
		size_t i = k % n;	/* the first one again at the end */
		char digest[65];

		assert_int_equal(render_bodies_get(&bodies, i, &body, &len, &err), 0);
		sha256_hex(body, len, digest);
		assert_string_equal(digest, a.objects[i].digest);
	}
	render_bodies_deinit(&bodies);
	bodies.answer = &a;
	a.chunks[a.n_chunks - 1].digest[0] ^= 1;
	for (int again = 0; again < 2; again++) {
		assert_int_equal(render_bodies_get(&bodies, n - 1, &body, &len, &err), -1);
		assert_int_equal(err.code, ERR_INTERNAL);
	}
	assert_int_equal(render_bodies_get(&bodies, 0, &body, &len, &err), 0);
	render_bodies_deinit(&bodies);
	render_answer_deinit(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_survives_the_pipe),
		cmocka_unit_test(cut_answers_are_refused),
		cmocka_unit_test(damaged_answers_do_no_harm),
		cmocka_unit_test(wrong_chunks_give_no_body),
		cmocka_unit_test(a_change_touches_few_chunks),
		cmocka_unit_test(large_objects_have_chunks_of_their_own),
		cmocka_unit_test(bodies_in_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
