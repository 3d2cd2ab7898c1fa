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

static void take_pause(struct app_spec *s, const json_t *backoff, const char *key,
		       uint64_t *ret_ms)
{
	const char *text = doc_get_str(backoff, key, NULL);

	if (text && *text && argo_duration(text, ret_ms))
		spec_warn(s, "operation.retry.backoff.%s: \"%.40s\" is not a "
			  "duration (write it like \"5s\" or \"3m\")", key, text);
}

static void decode_retry(struct app_spec *s, const json_t *retry)
{
	const json_t *backoff = doc_get(retry, "backoff", NULL);
	int64_t factor = doc_get_int(backoff, 2, "factor", NULL);
	struct app_retry *r = &s->operation.retry;

	if (!json_is_object(retry) || !json_object_size(retry))
		return;
	*r = RETRY_DEFAULTS;
	r->set = true;
	r->limit = retry_limit(doc_get_int(retry, 0, "limit", NULL));
	take_pause(s, backoff, "duration", &r->base_ms);
	take_pause(s, backoff, "maxDuration", &r->max_ms);
	if (factor < 1 || factor > 1000)
		spec_warn(s, "operation.retry.backoff.factor must be 1 to 1000");
	else
		r->factor = (unsigned)factor;
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
	op->no_hooks = json_array_size(doc_get(sync, "resources", NULL)) ||
		       json_is_object(doc_get(sync, "syncStrategy", "apply", NULL));
	op->revision = xstrdup(revision_of(s, sync));
	decode_sync_options(op, sync);
	decode_retry(s, json_object_get(raw, "retry"));
	if (!json_is_object(sync))
		spec_warn(s, "operation.sync is missing: a sync of the whole "
			  "application is assumed");
	if (json_array_size(doc_get(sync, "manifests", NULL)))
		spec_warn(s, "operation.sync.manifests is not supported: "
			  "manifests come from Git");
}
