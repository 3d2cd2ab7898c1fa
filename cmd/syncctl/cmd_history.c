/* syncctl history APP */
#include "syncctl.h"

static int show_history(struct cluster *c, const struct options *o)
{
	struct view_env env = output_env(o);
	_cleanup_json_ json_t *app = NULL, *state = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	json_t *releases;

	app = cluster_get(c, o->args[0], &err);
	if (!app)
		return output_error(&err);
	state = view_state(app);
	releases = doc_get(state, "releases", NULL);
	if (output_is_data(o))
		return output_value(releases ? json_incref(releases) : json_array(),
				    o->output);
	if (o->output == OUT_NAME)
		view_history_names(app, &out);
	else
		view_history(app, &env, &out);
	return output_text(&out);
}

int cmd_history(const struct options *o)
{
	return cluster_run(o, show_history);
}
