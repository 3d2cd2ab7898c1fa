/* Any JSON as an Application: it decodes, and everything promised is there. */
#include <stddef.h>
#include <stdint.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/app_spec.h"

static void check_sources(const struct app_sources *all)
{
	for (size_t i = 0; i < all->list.len; i++) {
		const struct app_source *s = &all->list.data[i];

		if (!s->repo_url || !s->path || !s->revision || !s->ref || !s->raw)
			abort();
		if (s->path[0] == '/' || !strncmp(s->path, "../", 3))
			abort();
	}
	if (all->list.len > 16)
		abort();
}

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
	    !s.dest_ns || !s.propagation || !s.operation.initiated_by)
		abort();
	check_sources(&s.sources);
	check_sources(&s.operation.sources);
	if (!s.n_errors && !s.sources.list.len)
		abort();
	if (s.n_errors > 64 || s.n_warnings > 64 || strlen(s.options_digest) != 64 ||
	    strlen(s.sources.digest) != 64)
		abort();
	app_spec_deinit(&s);
	return 0;
}
