/* syncctl list and syncctl get APP: the objects as they are. */
#include "syncctl.h"

/* What no reader wants to see: as kubectl, without managedFields. */
static void strip(json_t *app)
{
	json_object_del(doc_get(app, "metadata", NULL), "managedFields");
}

static int show_list(struct cluster *c, const struct options *o)
{
	struct view_env env = output_env(o);
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_json_ json_t *items = NULL;
	struct err err = ERR_INIT;
	json_t *app;
	size_t i;

	items = cluster_list(c, o->all, o->selector, &err);
	if (!items)
		return output_error(&err);
	json_array_foreach(items, i, app)
		strip(app);
	if (output_is_data(o))
		return output_value(json_pack("{sssssO}", "apiVersion", "v1", "kind",
					      "List", "items", items), o->output);
	if (o->output == OUT_NAME)
		view_names(items, &out);
	else
		view_list(items, &env, &out);
	return output_text(&out);
}

static int show_app(struct cluster *c, const struct options *o)
{
	struct view_env env = output_env(o);
	_cleanup_json_ json_t *app = NULL, *items = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	app = cluster_get(c, o->args[0], &err);
	if (!app)
		return output_error(&err);
	strip(app);
	if (output_is_data(o))
		return output_value(json_incref(app), o->output);
	items = json_pack("[O]", app);
	if (o->output == OUT_NAME)
		view_names(items, &out);
	else
		view_get(app, &env, &out);
	return output_text(&out);
}

int cmd_list(const struct options *o)
{
	return cluster_run(o, show_list);
}

int cmd_get(const struct options *o)
{
	return cluster_run(o, show_app);
}
