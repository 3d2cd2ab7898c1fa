/* Any bytes as an AdmissionReview: an answer that is JSON, with the uid that was sent. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/admission.h"

static char *const namespaces[] = { (char *)"*", NULL };
static const struct app_defaults defaults = { .wave_deadline_ms = 1000 };

/* Allowed by all lookups or none differs; that there is one answer does not. */
static void answer(const struct admission *a, enum admission_lookup lookup,
		   const json_t *project)
{
	struct admission_context c = {
		.defaults = &defaults, .own_ns = "syncd-system", .app_namespaces = namespaces,
		.lookup = lookup, .project = project,
	};
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_json_ json_t *o = NULL;
	struct err err = ERR_INIT;
	bool allowed = admission_answer(a, &c, &out);

	o = doc_parse(buf_str(&out), out.len, &err);
	if (!o || buf_overflowed(&out) || out.len > 400000)
		abort();
	if (strcmp(doc_get_str(o, "response", "uid", NULL), a->uid))
		abort();
	if (allowed != doc_get_bool(o, false, "response", "allowed", NULL))
		abort();
	if (!allowed && !doc_get_str(o, "response", "status", "message", NULL))
		abort();
	if (!allowed && a->object && doc_get_str(a->object, "metadata", "deletionTimestamp", NULL))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct admission a;

	doc_init();
	if (admission_read(&a, (const char *)data, size, &err))
		return 0;
	free(admission_wants(&a));
	answer(&a, ADMISSION_UNREAD, NULL);
	answer(&a, ADMISSION_ABSENT, NULL);
	answer(&a, ADMISSION_FOUND, a.old ? a.old : a.object);
	admission_deinit(&a);
	return 0;
}
