/*
 * A body of any bytes: where it is JSON and the stamp accepts it, a parser must
 * find uid and operation in the result, and all else as it was.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/stamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(json_t *before, const json_t *after)
{
	json_t *meta = json_object_get(before, "metadata");
	const char *op = doc_get_str(after, "metadata", "annotations",
				     "syncd.dev/operation", NULL);

	if (!op || strcmp(op, "the-op"))
		abort();
	json_object_set_new(meta, "uid", json_string("the-uid"));
	if (!json_object_get(meta, "annotations"))
		json_object_set_new(meta, "annotations", json_object());
	json_object_set_new(json_object_get(meta, "annotations"),
			    "syncd.dev/operation", json_string(op));
	if (!doc_equal(before, after))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_json_ json_t *before = NULL, *after = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *text = (const char *)data;
	struct err err = ERR_INIT;

	doc_init();
	if (body_stamp(text, size, "the-uid", "the-op", &out, &err))
		return 0;
	before = doc_parse(text, size, &err);
	/* Keys spelled with escapes are the renderer's never, and not compared. */
	if (!before || memmem(text, size, "\\u", 2))
		return 0;
	after = doc_parse(buf_str(&out), out.len, &err);
	if (!after)
		abort();
	compare(before, after);
	return 0;
}
