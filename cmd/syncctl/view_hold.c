/*
 * What holds an application back, as patches and words: pin, suspend, pause; which
 * release a rollback without a number means.
 */
#include "views.h"

#include "core/mem.h"

uint32_t view_previous_release(const json_t *app)
{
	const json_t *syncd = doc_get(app, "status", "syncd", NULL), *r;
	int64_t target = doc_get_int(syncd, 0, "target", "id", NULL);
	size_t i;

	json_array_foreach((json_t *)doc_get(syncd, "releases", NULL), i, r) {
		const char *state = doc_get_str(r, "state", NULL);
		int64_t id = doc_get_int(r, 0, "id", NULL);

		if (state && !strcmp(state, "good") && id > 0 && id < target)
			return (uint32_t)id;
	}
	return 0;
}

static bool waits_for_its_next_try(const json_t *app)
{
	const json_t *op = doc_get(app, "status", "operationState", NULL);
	const char *phase = doc_get_str(op, "phase", NULL);

	return phase && !strcmp(phase, "Running") && doc_get_int(op, 0, "retryCount", NULL) > 0;
}

bool view_may_retry(const json_t *app)
{
	const json_t *syncd = doc_get(app, "status", "syncd", NULL);
	const char *phase = doc_get_str(syncd, "phase", NULL);

	return waits_for_its_next_try(app) || doc_get(syncd, "rejected", NULL) ||
	       doc_get(syncd, "pin", NULL) ||
	       (phase && (!strcmp(phase, "Failed") || !strcmp(phase, "Unproven") ||
			  !strncmp(phase, "Revert", 6)));
}

char *view_hold_text(const struct view_hold *h)
{
	_cleanup_json_ json_t *o = json_object();
	struct buf text = BUF_INIT;
	char until[32];

	if (h->by)
		json_object_set_new(o, "by", json_string(h->by));
	if (h->reason)
		json_object_set_new(o, "reason", json_string(h->reason));
	if (h->until_ms) {
		time_rfc3339(h->until_ms, until);
		json_object_set_new(o, "until", json_string(until));
	}
	doc_write(o, &text);
	return buf_steal(&text, NULL);
}

json_t *view_annotation_patch(const char *key, const char *value)
{
	json_t *notes = json_object();

	json_object_set_new(notes, key, value ? json_string(value) : json_null());
	return json_pack("{s{so}}", "metadata", "annotations", notes);
}

bool view_has_annotation(const json_t *app, const char *key)
{
	return doc_get(app, "metadata", "annotations", key, NULL);
}

bool view_is_pinned_by_itself(const json_t *app)
{
	const json_t *pin = doc_get(app, "status", "syncd", "pin", NULL);

	return pin && !doc_get_bool(pin, false, "byHand", NULL);
}
