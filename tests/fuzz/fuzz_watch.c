/*
 * The bytes of a watch: splitting into lines, and a line into an event. The first
 * byte says how long the pieces are; the lines must not depend on it.
 */
#include <assert.h>
#include <stdint.h>

#include "../../core/kube/watch_priv.h"
#include "core/doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
	size_t lines, events, bytes;
};

static bool on_line(void *arg, const char *line, size_t len)
{
	struct sum *s = arg;
	struct watch_line l;
	struct err err = ERR_INIT;

	s->lines++;
	s->bytes += len;
	if (watch_line_parse(line, len, &l, &err)) {
		assert(err.code == ERR_NET && err.msg[0]);
		return true;
	}
	assert(json_is_object(l.object) && l.version);
	assert(l.version[0] || l.type == LINE_ERROR);
	if (l.type == LINE_ERROR) {
		char reason[64];

		kube_status_err((int)doc_get_int(l.object, 0, "code", NULL),
				l.object, reason, &err);
		assert(err.code != ERR_NONE);
	}
	watch_line_deinit(&l);
	s->events++;
	return true;
}

static struct sum feed(const char *data, size_t size, size_t piece)
{
	struct lines lines = { 0 };
	struct sum sum = { 0 };

	while (size) {
		size_t n = size < piece ? size : piece;

		if (lines_feed(&lines, data, n, on_line, &sum))
			break;
		data += n;
		size -= n;
	}
	buf_deinit(&lines.pending);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sum a, b;

	doc_init();
	if (!size)
		return 0;
	a = feed((const char *)data + 1, size - 1, data[0] % 64 + 1);
	b = feed((const char *)data + 1, size - 1, SIZE_MAX);
	assert(a.lines == b.lines && a.events == b.events && a.bytes == b.bytes);
	return 0;
}
