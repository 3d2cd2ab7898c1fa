/*
 * Any bytes as Kustomize reads them: refused, or made canonical and printed; and
 * what was printed is the same object to Kubernetes' reader.
 */
#include <stdint.h>

#include "core/node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_printed(const struct node *n)
{
	_cleanup_buf_ struct buf yaml = BUF_INIT, want = BUF_INIT, got = BUF_INIT;
	struct err err = ERR_INIT;

	if (node_to_yaml(n, &yaml, &err) < 0 || node_to_json(n, &want, &err) < 0)
		abort();
	if (node_text_to_json(buf_str(&yaml), yaml.len, &got, &err) < 0 ||
	    got.len != want.len || memcmp(got.data, want.data, got.len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct node_reader *r = node_reader_new3((const char *)data, size);
	struct err err = ERR_INIT;
	int got;

	do {
		_cleanup_(arena_deinit) struct arena a = { 0 };
		struct node *n;

		got = node_read(r, &a, &n, &err);
		if (got > 0 && node_canonical(&a, n, &n, &err) == 0)
			check_printed(n);
	} while (got > 0);
	if (got < 0 && err.code != ERR_INVALID && err.code != ERR_LIMIT)
		abort();
	node_reader_free(r);
	return 0;
}
