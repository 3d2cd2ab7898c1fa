/* Any bytes as a fetch request and answer; what decodes survives a round trip. */
#include "core/fetch.h"

#include "core/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void request(const char *s, size_t n)
{
	_cleanup_buf_ struct buf a = BUF_INIT, b = BUF_INIT;
	struct fetch_request r;

	if (fetch_request_decode(&r, s, n, NULL))
		return;
	fetch_request_encode(&r, &a);
	fetch_request_deinit(&r);
	if (fetch_request_decode(&r, buf_str(&a), a.len, NULL))
		abort();
	fetch_request_encode(&r, &b);
	fetch_request_deinit(&r);
	if (strcmp(buf_str(&a), buf_str(&b)) != 0)
		abort();
}

static void answer(const char *s, size_t n)
{
	_cleanup_buf_ struct buf a = BUF_INIT, b = BUF_INIT;
	struct fetch_answer r;

	if (fetch_answer_decode(&r, s, n, NULL))
		return;
	fetch_answer_encode(&r, &a);
	fetch_answer_deinit(&r);
	if (fetch_answer_decode(&r, buf_str(&a), a.len, NULL))
		abort();
	fetch_answer_encode(&r, &b);
	fetch_answer_deinit(&r);
	if (strcmp(buf_str(&a), buf_str(&b)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	request((const char *)data, size);
	answer((const char *)data, size);
	return 0;
}
