/* Any text as a health script: an answer within its limits, in valid UTF-8. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/doc.h"
#include "core/mem.h"
#include "core/utf8.h"
#include "health/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OBJECT "{\"kind\":\"Database\",\"metadata\":{\"generation\":2},\"spec\":{" \
	"\"n\":[1,2.5,null,true]},\"status\":{\"conditions\":[{\"type\":\"Ready\"," \
	"\"status\":\"False\",\"message\":\"no disk\"}]}}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct script_limits limits = { 20000, (size_t)4 << 20, 1000 };
	_cleanup_free_ char *script = xstrndup((const char *)data, size);
	_cleanup_json_ json_t *object = NULL;
	struct err err = ERR_INIT;
	struct health h;

	doc_init();
	object = doc_parse(OBJECT, strlen(OBJECT), &err);
	h = script_run(script, object, &limits);
	if (h.status >= HEALTH_N || !utf8_valid(h.message, strlen(h.message)))
		abort();
	return 0;
}
