/* syncctl report: what auto-revert would have done where it only reports. */
#include "syncctl.h"

static int show_report(struct cluster *c, const struct options *o)
{
	struct view_env env = output_env(o);
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_json_ json_t *items = NULL;
	struct err err = ERR_INIT;

	items = cluster_list(c, o->all, o->selector, &err);
	if (!items)
		return output_error(&err);
	if (output_is_data(o))
		return output_value(view_report_json(items), o->output);
	view_report(items, &env, &out);
	return output_text(&out);
}

int cmd_report(const struct options *o)
{
	return cluster_run(o, show_report);
}
