/*
 * syncctl affected --base REV [--head REV] [ROOT]: which applications a change touches.
 * Both revisions are built, and what each build read is compared by Git's object ids:
 * a file that no render reads touches nothing, however near it lies.
 */
#include "syncctl.h"

#include "compare.h"
#include "core/mem.h"

struct showing {
	const struct options *o;
	struct view_table table;
	struct buf names;
	json_t *list;
};

static const char *how_text(enum touched_how how)
{
	static const char *const texts[] = {
		[TOUCHED_NOT] = "not", [TOUCHED_NEW] = "new", [TOUCHED_REMOVED] = "removed",
		[TOUCHED_SPEC] = "spec", [TOUCHED_SOURCE] = "source",
	};

	return texts[how];
}

static json_t *paths_json(const struct touched *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->paths.len; i++)
		json_array_append_new(list, json_string(t->paths.data[i]));
	return list;
}

static char *paths_text(const struct touched *t)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < t->paths.len && i < 3; i++)
		buf_addf(&out, "%s%s", i ? ", " : "", *t->paths.data[i] ? t->paths.data[i] : ".");
	if (t->paths.len > 3)
		buf_addf(&out, " and %zu more", t->paths.len - 3);
	return out.len ? buf_steal(&out, NULL) : xstrdup("");
}

/*
 * Of several clusters one may have the same name: once. A line is one name, whatever is
 * called so: somebody's loop reads them.
 */
static void add_name(struct showing *s, const char *kind, const char *title)
{
	_cleanup_buf_ struct buf clean = BUF_INIT;
	const char *line, *found;

	buf_addf(&clean, "%s/", kind);
	view_clean(&clean, title);
	buf_addc(&clean, '\n');
	line = buf_str(&clean);
	found = strstr(buf_str(&s->names), line);

	if (!found || (found != s->names.data && found[-1] != '\n'))
		buf_adds(&s->names, line);
}

static void show(struct showing *s, const struct unit *u, const struct touched *t)
{
	const char *kind = u->kind == UNIT_APP ? "application" : "kustomization";
	_cleanup_free_ char *title = unit_title(u), *files = paths_text(t);

	json_array_append_new(s->list, json_pack("{ss ss ss ss ss ss so}", "kind", kind,
		"name", title, "file", u->file, "path", u->folder, "change", how_text(t->how),
		"state", u->state == UNIT_FAILED ? "failed" : u->state == UNIT_SKIPPED ?
		"not checked" : "ok", "paths", paths_json(t)));
	add_name(s, kind, title);
	view_table_add(&s->table, VIEW_PLAIN, kind);
	view_table_add(&s->table, VIEW_PLAIN, title);
	view_table_add(&s->table, VIEW_PLAIN, how_text(t->how));
	view_table_add(&s->table, VIEW_PLAIN, u->file);
	view_table_add(&s->table, VIEW_PLAIN, files);
}

static int print(struct showing *s)
{
	struct view_env env = output_env(s->o);
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (output_is_data(s->o))
		return output_value(json_incref(s->list), s->o->output);
	if (s->o->output == OUT_NAME)
		return output_text(&s->names);
	if (json_array_size(s->list))
		view_table_print(&s->table, &env, &out);
	else
		buf_adds(&out, "nothing is affected\n");
	return output_text(&out);
}

static void show_all(struct showing *s, struct comparison *c)
{
	for (size_t i = 0; i < c->pairs.len; i++) {
		const struct unit_pair *p = &c->pairs.data[i];
		struct touched t;

		unit_pair_touched(p, c->base, c->head, &t);
		if (t.how != TOUCHED_NOT)
			show(s, p->after ? p->after : p->before, &t);
		vec_deinit(&t.paths);
	}
}

int cmd_affected(const struct options *o)
{
	struct showing s = { .o = o, .list = json_array() };
	struct err err = ERR_INIT;
	struct comparison c;
	int rc;

	if (!o->base)
		return json_decref(s.list), output_usage("'affected' needs --base REV");
	view_table_init(&s.table, "KIND", "NAME", "CHANGE", "FILE", "BY", NULL);
	if (comparison_open(&c, o, o->n_args ? o->args[0] : ".", o->head ? o->head : "HEAD",
			    &err)) {
		rc = output_error(&err);
	} else {
		show_all(&s, &c);
		rc = print(&s);
	}
	comparison_close(&c);
	view_table_deinit(&s.table);
	buf_deinit(&s.names);
	json_decref(s.list);
	return rc;
}
