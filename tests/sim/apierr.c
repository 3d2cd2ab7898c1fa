/* Refusals in the words of the real server: Status objects with reason and causes. */
#include "apiint.h"

void api_status_deinit(struct api_status *st)
{
	buf_deinit(&st->msg);
	json_decref(st->details);
	json_decref(st->causes);
}

int api_fail(struct api_status *st, int code, const char *reason,
	     const char *fmt, ...)
{
	va_list ap;

	st->code = code;
	st->reason = reason;
	buf_clear(&st->msg);
	va_start(ap, fmt);
	buf_vaddf(&st->msg, fmt, ap);
	va_end(ap);
	return -1;
}

void api_details(struct api_status *st, const char *name, const char *group,
		 const char *kind)
{
	if (!st->details)
		st->details = json_object();
	if (name && *name)
		json_object_set_new(st->details, "name", json_string(name));
	if (group && *group)
		json_object_set_new(st->details, "group", json_string(group));
	if (kind && *kind)
		json_object_set_new(st->details, "kind", json_string(kind));
}

void api_cause(struct api_status *st, const char *reason, const char *field,
	       const char *fmt, ...)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	if (!st->causes)
		st->causes = json_array();
	json_array_append_new(st->causes, json_pack("{s:s, s:s, s:s}",
		"reason", reason, "message", buf_str(&b), "field", field));
}

static void qualified(struct buf *b, const char *name, const char *group)
{
	buf_adds(b, name);
	if (*group)
		buf_addf(b, ".%s", group);
}

int api_invalid(struct api_status *st, const struct api_type *t, const char *name)
{
	_cleanup_buf_ struct buf what = BUF_INIT, list = BUF_INIT;
	size_t n = json_array_size(st->causes);

	if (!n)
		return 0;
	for (size_t i = 0; i < n; i++) {
		const json_t *c = json_array_get(st->causes, i);
		const char *field = doc_get_str(c, "field", NULL);

		buf_addf(&list, "%s%s%s%s", i ? ", " : "", field,
			 *field ? ": " : "", doc_get_str(c, "message", NULL));
	}
	qualified(&what, t->kind, t->group);
	api_fail(st, 422, "Invalid", "%s \"%s\" is invalid: %s%s%s", buf_str(&what),
		 name, n > 1 ? "[" : "", buf_str(&list), n > 1 ? "]" : "");
	api_details(st, name, t->group, t->kind);
	json_object_set_new(st->details, "causes", steal(&st->causes));
	return -1;
}

int api_not_found(struct api_status *st, const struct api_type *t, const char *name)
{
	_cleanup_buf_ struct buf what = BUF_INIT;

	qualified(&what, t->plural, t->group);
	api_fail(st, 404, "NotFound", "%s \"%s\" not found", buf_str(&what), name);
	api_details(st, name, t->group, t->plural);
	return -1;
}

int api_conflict(struct api_status *st, const struct api_type *t, const char *name,
		 const char *why)
{
	_cleanup_buf_ struct buf what = BUF_INIT;

	qualified(&what, t->plural, t->group);
	api_fail(st, 409, "Conflict", "Operation cannot be fulfilled on %s \"%s\": %s",
		 buf_str(&what), name, why);
	api_details(st, name, t->group, t->plural);
	return -1;
}

json_t *api_status_json(const struct api_status *st)
{
	json_t *j = json_pack("{s:s, s:s, s:{}, s:s, s:s, s:i}", "kind", "Status",
			      "apiVersion", "v1", "metadata", "status", "Failure",
			      "message", buf_str(&st->msg), "code", st->code);

	if (st->reason)
		json_object_set_new(j, "reason", json_string(st->reason));
	if (st->details)
		json_object_set(j, "details", st->details);
	return j;
}

void api_answer_json(struct api_answer *r, int status, const json_t *j)
{
	r->status = status;
	r->content_type = "application/json";
	doc_write(j, &r->body);
	buf_addc(&r->body, '\n');
}

void api_answer_status(struct api_answer *r, const struct api_status *st)
{
	_cleanup_json_ json_t *j = api_status_json(st);

	buf_clear(&r->body);
	api_answer_json(r, st->code, j);
}
