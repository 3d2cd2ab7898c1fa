/*
 * A sync is asked for by writing the Application's `operation` field. The daemon
 * clears it when it takes it and keeps it in status.operationState.operation: by
 * the id in its info we wait for exactly our request, not for one before or after.
 */
#include "views.h"

#define INFO_NAME "syncctl-request"

static int add_resource(json_t *list, const char *text, struct err *err)
{
	const char *kind = strchr(text, ':');
	const char *name = kind ? strchr(kind + 1, ':') : NULL;
	const char *slash = name ? strchr(name, '/') : NULL;
	json_t *o;

	if (!name || name == kind + 1 || !name[1] || (slash && !slash[1]))
		return err_set(err, ERR_INVALID, "--resource %s: want GROUP:KIND:NAME or "
			       "GROUP:KIND:NAMESPACE/NAME, as in apps:Deployment:web", text);
	o = json_object();
	json_object_set_new(o, "group", json_stringn(text, (size_t)(kind - text)));
	json_object_set_new(o, "kind", json_stringn(kind + 1,
						    (size_t)(name - kind - 1)));
	if (slash)
		json_object_set_new(o, "namespace",
				    json_stringn(name + 1, (size_t)(slash - name - 1)));
	json_object_set_new(o, "name", json_string(slash ? slash + 1 : name + 1));
	return json_array_append_new(list, o);
}

static int add_resources(json_t *sync, const struct view_request *r,
			 struct err *err)
{
	json_t *list;

	if (!r->n_resources)
		return 0;
	list = json_array();
	json_object_set_new(sync, "resources", list);
	for (size_t i = 0; i < r->n_resources; i++)
		if (add_resource(list, r->resources[i], err))
			return -1;
	return 0;
}

static void add_options(json_t *sync, const struct view_request *r)
{
	json_t *list = r->options ? json_array() : NULL;

	for (const char *const *o = r->options; o && *o; o++)
		json_array_append_new(list, json_string(*o));
	if (list)
		json_object_set_new(sync, "syncOptions", list);
}

/*
 * Of spec.sources a list with an entry for each: "" is what the spec says, for syncd as
 * for Argo CD. None is named: no field.
 */
static int add_revisions(json_t *sync, const struct view_picks *p, struct err *err)
{
	_cleanup_json_ json_t *list = json_array();
	bool any = false;

	for (size_t i = 0; p && i < p->n; i++) {
		const char *revision = p->of[i].revision;

		any |= revision != NULL;
		if (json_array_append_new(list, json_string(revision ? revision : "")))
			return err_set(err, ERR_INVALID, "the revision is not valid UTF-8");
	}
	if (any && p->many)
		json_object_set(sync, "revisions", list);
	else if (any)
		json_object_set(sync, "revision", json_array_get(list, 0));
	return 0;
}

json_t *view_request_json(const struct view_request *r, struct err *err)
{
	json_t *sync = json_object(), *o;

	if (r->prune)
		json_object_set_new(sync, "prune", json_true());
	if (r->dry_run)
		json_object_set_new(sync, "dryRun", json_true());
	add_options(sync, r);
	if (add_revisions(sync, r->picks, err) || add_resources(sync, r, err)) {
		json_decref(sync);
		return NULL;
	}
	o = json_pack("{s{ss}s[{ssss}]so}", "initiatedBy", "username", r->user,
		      "info", "name", INFO_NAME, "value", r->id, "sync", sync);
	if (!o)
		err_set(err, ERR_INVALID, "the user name is not valid UTF-8");
	return o;
}

json_t *view_replace_patch(const json_t *there, const json_t *wanted)
{
	json_t *patch, *value;
	const char *key;

	if (!json_is_object(there) || !json_is_object(wanted))
		return json_deep_copy(wanted);
	patch = json_object();
	json_object_foreach((json_t *)there, key, value)
		if (!json_object_get(wanted, key))
			json_object_set_new(patch, key, json_null());
	json_object_foreach((json_t *)wanted, key, value)
		json_object_set_new(patch, key, view_replace_patch(
				    json_object_get(there, key), value));
	return patch;
}

static bool has_id(const json_t *operation, const char *id)
{
	const json_t *info = doc_get(operation, "info", NULL), *row;
	size_t i;

	json_array_foreach((json_t *)info, i, row) {
		const char *name = doc_get_str(row, "name", NULL);
		const char *value = doc_get_str(row, "value", NULL);

		if (name && value && !strcmp(name, INFO_NAME) && !strcmp(value, id))
			return true;
	}
	return false;
}

static bool is_phase(const json_t *app, const char *phase)
{
	const char *now = doc_get_str(app, "status", "operationState", "phase", NULL);

	return now && !strcmp(now, phase);
}

bool view_is_busy(const json_t *app, char **ret_words)
{
	const json_t *waiting = doc_get(app, "operation", NULL);
	const json_t *op = waiting ? waiting :
			   doc_get(app, "status", "operationState", "operation", NULL);
	const char *user = doc_get_str(op, "initiatedBy", "username", NULL);

	if (!waiting && !is_phase(app, "Running") && !is_phase(app, "Terminating"))
		return false;
	if (ret_words)
		*ret_words = xasprintf("an operation%s%s is %s", user ? " of " : "",
				       user ? user : "", waiting ? "waiting" : "running");
	return true;
}

bool view_is_taken(const json_t *app, char **ret_words)
{
	const json_t *op = doc_get(app, "status", "operationState", "operation", NULL);
	const char *user = doc_get_str(op, "initiatedBy", "username", NULL);
	bool automatic = !user || doc_get_bool(op, false, "initiatedBy", "automated",
					       NULL);

	if (!doc_get(app, "operation", NULL) && automatic)
		return false;
	return view_is_busy(app, ret_words);
}

enum view_outcome view_outcome(const json_t *app, const char *id)
{
	if (!app)
		return OUTCOME_LOST;
	if (has_id(doc_get(app, "operation", NULL), id))
		return OUTCOME_WAITING;
	if (!has_id(doc_get(app, "status", "operationState", "operation", NULL), id))
		return OUTCOME_LOST;
	if (is_phase(app, "Succeeded"))
		return OUTCOME_DONE;
	return is_phase(app, "Failed") || is_phase(app, "Error") ? OUTCOME_FAILED :
	       OUTCOME_RUNNING;
}
