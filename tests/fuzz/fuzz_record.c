/* A state record from anybody: decoded or refused; what was read is stable. */
#include <stdint.h>
#include <stdlib.h>

#include "core/doc.h"
#include "sync/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct buf a = BUF_INIT, b = BUF_INIT;
	struct err err = ERR_INIT;
	struct record r, again;

	doc_init();
	if (record_decode(&r, (const char *)data, size, &err)) {
		if (err.code != ERR_INVALID)
			abort();
		return 0;
	}
	record_encode(&r, &a);
	if (record_decode(&again, buf_str(&a), a.len, &err))
		abort();
	record_encode(&again, &b);
	if (a.len != b.len || memcmp(a.data, b.data, a.len))
		abort();
	record_rejects(&r, "d", "i", "o");
	record_trim(&r, 1, NULL, NULL);
	record_deinit(&r);
	record_deinit(&again);
	return 0;
}
