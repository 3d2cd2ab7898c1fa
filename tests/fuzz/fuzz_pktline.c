/*
 * Any bytes as a Git server's answer: first byte says the stage and how the rest
 * is cut. Reading it in pieces gives the same as reading it at once.
 */
#include "core/pktline.h"

#include "core/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_in(const char *s, size_t n, size_t step, enum ref_stage stage,
		   struct buf *out)
{
	static const char *const prefixes[] = { "HEAD", "refs/", NULL };
	struct ref_reader r = { .stage = stage, .prefixes = prefixes };
	int failed = 0;

	for (size_t i = 0; i < n && !failed; i += step)
		failed = ref_reader_feed(&r, s + i, n - i < step ? n - i : step,
					 NULL);
	if (!failed)
		failed = ref_reader_end(&r, NULL);
	for (size_t i = 0; i < r.refs.len; i++)
		buf_addf(out, "%s %s\n", r.refs.data[i].name, r.refs.data[i].oid);
	ref_reader_deinit(&r);
	return failed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct buf a = BUF_INIT, b = BUF_INIT;
	const char *s = (const char *)data + 1;
	enum ref_stage stage;
	size_t step;

	if (!size)
		return 0;
	stage = data[0] & 1 ? REFS_LIST : REFS_SERVICE;
	step = data[0] / 2 + 1;
	if (read_in(s, size - 1, step, stage, &a) !=
	    read_in(s, size - 1, size, stage, &b) ||
	    strcmp(buf_str(&a), buf_str(&b)) != 0)
		abort();
	return 0;
}
