/*
 * Secrets of our own namespace from anybody: as a record, a release and a chunk,
 * each is taken or refused; what was taken can be asked for its bodies.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/doc.h"
#include "sync/store_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_release(const json_t *secret)
{
	struct render_answer a = { 0 };
	struct err err = ERR_INIT;

	if (!store_release_parse(secret, &a, &err)) {
		for (size_t i = 0; i < a.n_chunks && i < 4; i++)
			(void)!store_chunk_parse(secret, &a.chunks[i], &err);
		for (size_t i = 0; i < a.n_objects && i < 16; i++) {
			_cleanup_free_ char *body = NULL;
			size_t len;

			(void)!render_answer_body(&a, i, &body, &len, &err);
		}
	}
	render_answer_deinit(&a);
	if (!store_embedded_parse(secret, 7, &a, &err))
		render_answer_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_json_ json_t *secret = NULL;
	struct record rec = { 0 };
	struct err err = ERR_INIT;

	doc_init();
	secret = doc_parse((const char *)data, size, &err);
	if (!secret)
		return 0;
	if (store_record_parse(secret, 1 << 20, &rec, &err) && !*err.msg)
		abort();
	record_deinit(&rec);
	as_release(secret);
	return 0;
}
