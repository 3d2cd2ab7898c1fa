/* What only syncd knows of an Application: status.syncd, or its mirror. */
#include "views.h"

#define MIRROR "syncd.dev/state"

json_t *view_state(const json_t *app)
{
	json_t *state = doc_get(app, "status", "syncd", NULL);
	const char *mirror;
	struct err err = ERR_INIT;

	if (state)
		return json_incref(state);
	mirror = doc_get_str(app, "metadata", "annotations", MIRROR, NULL);
	return mirror ? doc_parse(mirror, strlen(mirror), &err) : NULL;
}

void view_take_state(json_t *app)
{
	json_t *state = view_state(app), *status = json_object_get(app, "status");

	if (json_is_object(state) && json_is_object(app) && !json_is_object(status)) {
		status = json_object();
		json_object_set_new(app, "status", status);
	}
	if (json_is_object(state))
		json_object_set(status, "syncd", state);
	json_decref(state);
}
