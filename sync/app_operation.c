/*
 * The `operation` field: a person or a tool asks for a sync. It is not part of
 * the spec, so what is wrong with it never stops the application: it is a
 * warning, and the part that cannot be read is left out.
 */
#include <string.h>

#include "app_spec_priv.h"

#define RELEASE_OPTION "syncd.dev/release="

static bool bool_of(const json_t *o, const char *key)
{
	return doc_get_bool(o, false, key, NULL);
}

/* revision, else the only one of revisions. NULL: the spec's. */
static const char *revision_of(struct app_spec *s, const json_t *sync)
{
	const json_t *list = json_object_get(sync, "revisions");
	const char *one = doc_get_str(sync, "revision", NULL);

	if (one && *one)
		return one;
	if (json_array_size(list) > 1)
		spec_warn(s, "operation.sync.revisions: only the first is used");
	one = json_string_value(json_array_get(list, 0));
	return one && *one ? one : NULL;
}

static void decode_sync_options(struct app_operation *op, const json_t *sync)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(sync, "syncOptions"), i, item) {
		const char *text = json_string_value(item);

		if (!text || strncmp(text, RELEASE_OPTION, strlen(RELEASE_OPTION)))
			continue;
		free(op->release);
		op->release = xstrdup(text + strlen(RELEASE_OPTION));
	}
}

void app_operation_decode(struct app_spec *s, const json_t *app)
{
	const json_t *raw = json_object_get(app, "operation");
	const json_t *sync = doc_get(raw, "sync", NULL);
	const json_t *by = doc_get(raw, "initiatedBy", NULL);
	struct app_operation *op = &s->operation;
	const char *who = doc_get_str(by, "username", NULL);

	op->initiated_by = xstrdup(who ? who : "");
	if (!json_is_object(raw))
		return;
	op->present = true;
	op->raw = json_deep_copy(raw);
	op->automated = bool_of(by, "automated");
	op->prune = bool_of(sync, "prune");
	op->dry_run = bool_of(sync, "dryRun");
	op->revision = xstrdup(revision_of(s, sync));
	decode_sync_options(op, sync);
	if (!json_is_object(sync))
		spec_warn(s, "operation.sync is missing: a sync of the whole "
			  "application is assumed");
	if (json_array_size(doc_get(sync, "manifests", NULL)))
		spec_warn(s, "operation.sync.manifests is not supported: "
			  "manifests come from Git");
}
