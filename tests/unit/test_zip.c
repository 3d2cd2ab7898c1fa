/* zip.h: what went in comes out, whole, capped, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <zlib.h>

#include "core/mem.h"
#include "core/zip.h"

static void round_trips(void **state)
{
	static const size_t sizes[] = { 0, 1, 100, 249, 250, 251, 511, 512, 513, 762, 4096,
					16121, 16122, 16123, 16383, 16384, 16385, 32505,
					32506, 32507, 32768, 65536, 300000 };

	(void)state;
	for (size_t n = 0; n < 2 * ARRAY_LEN(sizes); n++) {
		size_t i = n / 2;
		uint32_t noise = 1;
		_cleanup_free_ char *raw = xmalloc(sizes[i] + 1);
		_cleanup_buf_ struct buf zipped = BUF_INIT, out = BUF_INIT;
		struct err err = ERR_INIT;

		for (size_t k = 0; k < sizes[i]; k++)
			raw[k] = n % 2 ? (char)(k * k / 7) :
				 (char)((noise = noise * 1664525 + 1013904223) >> 24);
		zip_deflate(raw, sizes[i], &zipped);
		assert_int_equal(0, zip_inflate(zipped.data, zipped.len, sizes[i],
						&out, &err));
		assert_int_equal(out.len, sizes[i]);
		assert_int_equal(0, memcmp(buf_str(&out), raw, sizes[i]));
	}
}

/* As syncd 0.1 wrote its records at first, and as anything else does. */
static void the_full_window_is_read(void **state)
{
	static const size_t sizes[] = { 3, 400, 5000, 70000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		uLongf len = compressBound(sizes[i]);
		_cleanup_free_ char *raw = xcalloc(1, sizes[i]);
		_cleanup_free_ char *zipped = xmalloc(len);
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct err err = ERR_INIT;

		for (size_t k = 0; k < sizes[i]; k++)
			raw[k] = (char)(k * k / 7);
		assert_int_equal(Z_OK, compress2((Bytef *)zipped, &len, (Bytef *)raw,
						 sizes[i], 9));
		assert_int_equal(0, zip_inflate(zipped, len, sizes[i], &out, &err));
		assert_int_equal(out.len, sizes[i]);
		assert_int_equal(0, memcmp(buf_str(&out), raw, sizes[i]));
	}
}

static void a_bomb_is_capped(void **state)
{
	_cleanup_free_ char *raw = xcalloc(1, 4 << 20);
	_cleanup_buf_ struct buf zipped = BUF_INIT, out = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	zip_deflate(raw, 4 << 20, &zipped);
	assert_true(zipped.len < 8192);
	assert_int_equal(-1, zip_inflate(zipped.data, zipped.len, 100000, &out,
					 &err));
	assert_int_equal(err.code, ERR_LIMIT);
	assert_true(out.len <= 100000);
}

static void damage_is_refused(void **state)
{
	_cleanup_buf_ struct buf zipped = BUF_INIT, out = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	zip_deflate("some bytes, some bytes", 22, &zipped);
	for (size_t cut = 0; cut < zipped.len; cut++) {
		buf_clear(&out);
		assert_int_equal(-1, zip_inflate(zipped.data, cut, 99, &out, &err));
		assert_int_equal(err.code, ERR_INVALID);
	}
	buf_clear(&out);
	zipped.data[zipped.len - 1] ^= 1;	/* the checksum */
	assert_int_equal(-1, zip_inflate(zipped.data, zipped.len, 99, &out, &err));
	zipped.data[zipped.len - 1] ^= 1;
	buf_addc(&zipped, 'x');
	buf_clear(&out);
	assert_int_equal(-1, zip_inflate(zipped.data, zipped.len, 99, &out, &err));
	assert_int_equal(err.code, ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trips),
		cmocka_unit_test(the_full_window_is_read),
		cmocka_unit_test(a_bomb_is_capped),
		cmocka_unit_test(damage_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
