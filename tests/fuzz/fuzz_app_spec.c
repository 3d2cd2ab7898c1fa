/* Any JSON as an Application: it decodes, and everything promised is there. */
#include <stddef.h>
#include <stdint.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/app_spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct app_defaults defaults = { .wave_deadline_ms = 1000 };
	struct err err = ERR_INIT;
	struct app_spec s;
	_cleanup_json_ json_t *app = NULL;

	doc_init();
	app = doc_parse((const char *)data, size, &err);
	if (!app)
		return 0;
	app_spec_decode(&s, app, &defaults);
	if (!s.name || !s.ns || !s.uid || !s.resource_version || !s.project ||
	    !s.dest_ns || !s.repo_url || !s.path || !s.revision || !s.source ||
	    !s.propagation || !s.operation.initiated_by)
		abort();
	if (strstr(s.path, "..") && !s.n_errors && (s.path[0] == '/' ||
	    !strncmp(s.path, "../", 3)))
		abort();
	if (s.n_errors > 64 || s.n_warnings > 64 || strlen(s.options_digest) != 64 ||
	    strlen(s.source_digest) != 64)
		abort();
	app_spec_deinit(&s);
	return 0;
}
