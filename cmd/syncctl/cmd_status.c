/* syncctl status [APP] */
#include "syncctl.h"

#include "desired.h"
#include "sync/store_codec.h"

#include <stdio.h>

static int show_fleet(struct cluster *c, const struct options *o)
{
	struct view_env env = output_env(o);
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_json_ json_t *items = NULL;
	struct err err = ERR_INIT;

	items = cluster_list(c, o->all, o->selector, &err);
	if (!items)
		return output_error(&err);
	if (output_is_data(o))
		return output_value(view_fleet_json(items, &env), o->output);
	if (o->output == OUT_NAME)
		view_names(items, &out);
	else if (!json_array_size(items) && o->ns)
		buf_addf(&out, "no applications in namespace %s\n", o->ns);
	else if (!json_array_size(items))
		buf_adds(&out, "no applications\n");
	else
		view_fleet(items, &env, &out);
	return output_text(&out);
}

/*
 * What is stored of the rejection that it tells of. Not everybody may read syncd's
 * Secrets: without them the story is shorter.
 */
static void read_kept(struct cluster *c, const struct options *o, const json_t *app,
		      json_t **ret_evidence, json_t **ret_changes)
{
	_cleanup_json_ json_t *state = view_state(app), *record = NULL;
	uint32_t bad = (uint32_t)doc_get_int(state, 0, "rejected", "id", NULL);
	uint32_t good = (uint32_t)doc_get_int(state, 0, "lastGood", "id", NULL);
	struct err err = ERR_INIT;

	record = bad ? desired_record(c, o, app, &err) : NULL;
	if (!record)
		return;
	*ret_evidence = store_evidence_parse(record, bad, &err);
	err = ERR_INIT;
	if (good && good != bad)
		*ret_changes = diff_stored(c, app, good, bad, o, &err);
}

/* What the pods of an unwell workload say; who may not list them does without. */
static void blame(struct cluster *c, const json_t *app, const struct view_env *env,
		  struct buf *out)
{
	_cleanup_json_ json_t *children = NULL;
	struct err err = ERR_INIT;

	if (!view_is_unwell(app))
		return;
	children = objects_made(c, app, &err);
	if (children)
		view_leaves(app, children, env, out);
	else
		output_note("what its objects made: %s", err.msg);
}

static int show_story(struct cluster *c, const struct options *o, const json_t *app)
{
	struct view_env env = output_env(o);
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_json_ json_t *evidence = NULL, *changes = NULL;

	read_kept(c, o, app, &evidence, &changes);
	view_story(app, &(struct view_kept){ evidence, changes }, &env, &out);
	blame(c, app, &env, &out);
	return output_text(&out);
}

static int show_one(struct cluster *c, const struct options *o)
{
	struct view_env env = output_env(o);
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_json_ json_t *app = NULL, *items = NULL, *rows = NULL;
	struct err err = ERR_INIT;

	app = cluster_get(c, o->args[0], &err);
	if (!app)
		return output_error(&err);
	items = json_pack("[O]", app);
	if (output_is_data(o)) {
		rows = view_fleet_json(items, &env);
		return output_value(json_incref(json_array_get(rows, 0)), o->output);
	}
	if (o->output != OUT_NAME)
		return show_story(c, o, app);
	view_names(items, &out);
	return output_text(&out);
}

static int show_status(struct cluster *c, const struct options *o)
{
	return o->n_args ? show_one(c, o) : show_fleet(c, o);
}

int cmd_status(const struct options *o)
{
	return cluster_run(o, show_status);
}
