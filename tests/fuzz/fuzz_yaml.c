/*
 * Any bytes as YAML: read or refused, never more; and what was read is JSON that
 * reads back as itself.
 */
#include <stdint.h>

#include "core/node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct buf *json)
{
	_cleanup_buf_ struct buf again = BUF_INIT;
	struct err err = ERR_INIT;

	if (node_text_to_json(json->data, json->len, &again, &err) < 0 ||
	    again.len != json->len || memcmp(again.data, json->data, json->len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct node_reader *r = node_reader_new((const char *)data, size);
	struct err err = ERR_INIT;
	int got;

	do {
		_cleanup_(arena_deinit) struct arena a = { 0 };
		_cleanup_buf_ struct buf json = BUF_INIT;
		struct node *n;

		got = node_read(r, &a, &n, &err);
		/* Text alone is YAML when read again: only maps are JSON by their look. */
		if (got > 0 && node_to_json(n, &json, &err) == 0 && n->kind == NODE_MAP)
			check_again(&json);
	} while (got > 0);
	if (got < 0 && err.code != ERR_INVALID && err.code != ERR_LIMIT)
		abort();
	node_reader_free(r);
	return 0;
}
