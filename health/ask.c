/* What travels between the daemon and the worker that runs health scripts. */
#include <string.h>

#include "core/mem.h"
#include "core/utf8.h"
#include "health/script.h"
#include "rules.h"

void script_request_encode(const char *script, const json_t *object,
			   struct buf *out)
{
	buf_adds(out, "{\"script\":");
	doc_write_str(out, script);
	buf_adds(out, ",\"object\":");
	doc_write(object, out);
	buf_addc(out, '}');
}

int script_request_decode(const char *data, size_t len, char **ret_script,
			  json_t **ret_object, struct err *err)
{
	_cleanup_json_ json_t *j = doc_parse(data, len, err);
	const char *script = doc_get_str(j, "script", NULL);
	json_t *object = doc_get(j, "object", NULL);

	if (!j)
		return -1;
	if (!script || !json_is_object(object))
		return err_set(err, ERR_INVALID,
			       "request without script or object");
	*ret_script = xstrdup(script);
	*ret_object = json_incref(object);
	return 0;
}

void script_answer_encode(const struct health *h, struct buf *out)
{
	buf_adds(out, "{\"status\":");
	doc_write_str(out, health_str(h->status));
	buf_adds(out, ",\"message\":");
	doc_write_str(out, h->message);
	buf_addc(out, '}');
}

int script_answer_decode(const char *data, size_t len, struct health *ret,
			 struct err *err)
{
	_cleanup_json_ json_t *j = doc_parse(data, len, err);
	const char *status = doc_get_str(j, "status", NULL);
	_cleanup_free_ char *message = utf8_clean(
		doc_get_str(j, "message", NULL), 4096);

	if (!j)
		return -1;
	if (!status || (*status && health_from_str(status) == HEALTH_NONE))
		return err_set(err, ERR_INVALID, "an answer without a status");
	*ret = health_text(health_from_str(status), message);
	return 0;
}
