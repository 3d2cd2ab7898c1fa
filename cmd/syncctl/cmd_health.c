/* syncctl health -f FILE: the daemon's own rules, on what a file holds. */
#include "syncctl.h"

#include "core/node.h"
#include "files.h"

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

int cmd_health(const struct options *o)
{
	struct view_env env = output_env(o);
	_cleanup_json_ json_t *objects = NULL, *judged = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT, out = BUF_INIT;
	struct err err = ERR_INIT;

	if (!o->file)
		return output_usage("'health' needs -f FILE");
	if (file_read(o->file, &text, &err))
		return output_error(&err);
	objects = read_documents(o->file, &text, &err);
	if (!objects)
		return output_error(&err);
	judged = view_health_judge(objects);
	if (output_is_data(o))
		return output_value(json_incref(judged), o->output);
	view_health(judged, &env, &out);
	return output_text(&out);
}
