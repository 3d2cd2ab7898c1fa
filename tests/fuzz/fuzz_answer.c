/* Any bytes as a worker's answer: refused, or the very bytes that it encodes to. */
#include <stdint.h>

#include "render/answer.h"
#include "core/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct render_answer *a, const struct buf *bytes,
		  const uint8_t *data, size_t size)
{
	if (bytes->len != size || memcmp(bytes->data, data, size) != 0)
		abort();
	for (size_t i = 0; i < a->n_objects; i++) {
		struct err err = ERR_INIT;
		char *body = NULL;
		size_t len;

		if (!render_answer_body(a, i, &body, &len, &err) &&
		    len != a->objects[i].length)
			abort();
		free(body);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct render_answer a;

	if (!render_answer_decode(&a, (const char *)data, size, NULL)) {
		render_answer_encode(&a, &bytes);
		check(&a, &bytes, data, size);
		render_answer_deinit(&a);
	}
	buf_clear(&bytes);
	if (!render_index_decode(&a, (const char *)data, size, NULL)) {
		render_index_encode(&a, &bytes);
		check(&a, &bytes, data, size);
		render_answer_deinit(&a);
	}
	return 0;
}
