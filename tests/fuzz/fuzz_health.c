/* Any JSON: an answer within bounds, in valid UTF-8, the same twice. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "core/doc.h"
#include "core/mem.h"
#include "health/health.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_text(const char *s)
{
	_cleanup_json_ json_t *j = json_string(s);

	if (!j)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	_cleanup_json_ json_t *o = NULL;
	struct health a, b;
	struct pod_report r;

	doc_init();
	o = doc_parse((const char *)data, size, &err);
	if (!o)
		return 0;
	a = health_assess(o);
	b = health_assess(o);
	if (a.status >= HEALTH_N || a.status != b.status ||
	    strcmp(a.message, b.message))
		abort();
	must_be_text(a.message);
	r = health_pod(o);
	if (r.trouble >= POD_TROUBLE_N)
		abort();
	must_be_text(r.message);
	must_be_text(r.reason);
	health_progress(o);
	return 0;
}
