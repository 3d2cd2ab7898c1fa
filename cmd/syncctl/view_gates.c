/* The gates of a deploy-control file that are shut: which, whose, until when, why. */
#include "views.h"

static void row(struct view_table *t, const json_t *g)
{
	const char *service = doc_get_str(g, "service", NULL);
	const char *stops = doc_get_str(g, "stops", NULL);

	view_table_add(t, VIEW_YELLOW, doc_get_str(g, "gate", NULL));
	view_table_add(t, VIEW_PLAIN, service ? service : "(all)");
	view_table_add(t, VIEW_PLAIN, stops && !strcmp(stops, "automatic") ?
		       "what goes by itself" : "everything new");
	view_table_add(t, VIEW_PLAIN, doc_get_str(g, "until", NULL));
	view_table_add(t, VIEW_PLAIN, doc_get_str(g, "why", NULL));
}

bool view_gates(const json_t *syncd, const struct view_env *env, struct buf *out)
{
	const json_t *gates = doc_get(syncd, "gates", NULL), *g;
	const json_t *shut = doc_get(gates, "shut", NULL);
	const char *environment = doc_get_str(gates, "environment", NULL);
	struct view_table t;
	size_t i;

	if (!gates)
		return false;
	buf_adds(out, json_array_size(shut) ? "Shut gates of environment " :
					      "No gate is shut of environment ");
	view_clean(out, environment ? environment : "(none is named)");
	buf_addc(out, '\n');
	if (!json_array_size(shut))
		return true;
	view_table_init(&t, "GATE", "SERVICE", "STOPS", "UNTIL", "WHY", NULL);
	json_array_foreach((json_t *)shut, i, g)
		row(&t, g);
	view_table_print(&t, env, out);
	view_table_deinit(&t);
	return true;
}
