/*
 * syncctl health -f FILE: the daemon's own rules, on what a file holds, or the scripts
 * that --lua and --customizations name. They run right here: who asks wrote them.
 */
#include "syncctl.h"

#include "core/mem.h"
#include "core/node.h"
#include "files.h"
#include "health/script.h"
#include "sync/customize.h"

#include <stdio.h>

/* Is this line a document marker? They stand at its beginning only. */
static bool is_marker(const char *line, size_t n)
{
	return n >= 3 && !memcmp(line, "---", 3) &&
	       (n == 3 || line[3] == ' ' || line[3] == '\r' || line[3] == '\t');
}

static int add_document(json_t *list, const char *text, size_t len,
			struct err *err)
{
	_cleanup_buf_ struct buf json = BUF_INIT;
	json_t *j;

	if (node_text_to_json(text, len, &json, err))
		return -1;
	j = doc_parse(buf_str(&json), json.len, err);
	if (!j)
		return -1;
	if (json_is_object(j)) {
		json_array_append_new(list, j);
		return 0;
	}
	if (json_is_null(j)) {	/* empty, or comments only */
		json_decref(j);
		return 0;
	}
	json_decref(j);
	return err_set(err, ERR_INVALID, "a document is not an object");
}

/* Each document as an object; lines are counted from the document's first. */
static json_t *read_documents(const char *path, const struct buf *text,
			      struct err *err)
{
	const char *s = buf_str(text), *start = s;
	json_t *list = json_array();
	size_t line = 1, first = 1;

	for (;;) {
		const char *end = strchr(s, '\n');
		size_t n = end ? (size_t)(end - s) : strlen(s);

		if ((is_marker(s, n) || !end) && (s != start || !end)) {
			size_t len = is_marker(s, n) ? (size_t)(s - start) :
				     (size_t)(s - start) + n;

			if (add_document(list, start, len, err)) {
				err_wrap(err, "%s: document at line %zu", path, first);
				json_decref(list);
				return NULL;
			}
			start = s;
			first = line;
		}
		if (!end)
			return list;
		s = end + 1;
		line++;
	}
}

/* ---- scripts ---- */

struct scripted {
	struct buf lua;		/* --lua: for every object */
	struct customize rules;	/* --customizations */
};

static const char *script_for(const struct scripted *s, const json_t *object)
{
	const char *version = doc_get_str(object, "apiVersion", NULL);
	const char *kind = doc_get_str(object, "kind", NULL);
	const char *slash = version ? strchr(version, '/') : NULL;
	_cleanup_free_ char *group = slash ? xstrndup(version,
						      (size_t)(slash - version)) :
					     xstrdup("");
	const struct custom *c;

	if (s->lua.len)
		return buf_str(&s->lua);
	c = kind ? customize_find(&s->rules, group, kind) : NULL;
	return c ? c->script : NULL;
}

static struct health judge(void *arg, const json_t *object)
{
	static const struct script_limits limits = SCRIPT_LIMITS;
	const char *script = script_for(arg, object);

	/* What is on its way out needs no script to say so. */
	if (!script || (doc_get_str(object, "metadata", "deletionTimestamp", NULL) &&
			!health_is_held(object)))
		return health_assess(object);
	return script_run(script, object, &limits);
}

static int read_scripts(const struct options *o, struct scripted *s,
			struct err *err)
{
	_cleanup_json_ json_t *maps = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	const json_t *map;
	size_t i;

	if (o->lua && file_read(o->lua, &s->lua, err))
		return -1;
	if (!o->customizations)
		return 0;
	if (file_read(o->customizations, &text, err))
		return -1;
	maps = read_documents(o->customizations, &text, err);
	json_array_foreach(maps, i, map)
		customize_read(&s->rules, doc_get(map, "data", NULL));
	for (i = 0; i < s->rules.warnings.len; i++)
		output_note("%s: %s", o->customizations, s->rules.warnings.data[i]);
	return maps ? 0 : -1;
}

static int show(const struct options *o, json_t *judged)
{
	struct view_env env = output_env(o);
	_cleanup_buf_ struct buf out = BUF_INIT;
	int rc;

	if (output_is_data(o)) {
		rc = output_value(json_incref(judged), o->output);
	} else if (o->output == OUT_NAME) {
		view_health_names(judged, &out);
		rc = output_text(&out);
	} else {
		view_health(judged, &env, &out);
		rc = output_text(&out);
	}
	return rc == EXIT_DONE && view_health_is_bad(judged) ? EXIT_DIFFERENCE : rc;
}

int cmd_health(const struct options *o)
{
	_cleanup_json_ json_t *objects = NULL, *judged = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct scripted scripts = { .lua = BUF_INIT };
	struct err err = ERR_INIT;
	int rc;

	if (!o->file)
		return output_usage("'health' needs -f FILE");
	if (!read_scripts(o, &scripts, &err) && !file_read(o->file, &text, &err))
		objects = read_documents(o->file, &text, &err);
	if (objects)
		judged = view_health_judge_by(objects, judge, &scripts);
	if (judged && !json_array_size(judged)) {
		err_set(&err, ERR_NOTFOUND, "%s: there is no object in it", o->file);
		json_decref(steal(&judged));
	}
	rc = judged ? show(o, judged) : output_error(&err);
	buf_deinit(&scripts.lua);
	customize_deinit(&scripts.rules);
	return rc;
}
