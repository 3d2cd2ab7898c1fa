/*
 * What the API server says when it refuses, as our error codes.
 *
 * The HTTP status decides, with three exceptions: a 500 that says "failed to create
 * typed patch object" (duplicate keys of a list, undeclared fields) will never
 * pass however often it is sent; an ERROR event of a watch may carry only a
 * reason; and a 404 tells that an object is not there only by a Status that names it.
 * Without one ("the server could not find the requested resource" of a built-in group,
 * "404 page not found" of a custom one, a proxy's page) nobody serves that path: of the
 * objects that lie in another version of their kind, or behind that proxy, it says
 * nothing.
 */
#include "kube_priv.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/doc.h"

static const char terminal_500[] = "failed to create typed patch object";

static enum err_code code_of(int status, const char *message)
{
	switch (status) {
	case 401:
	case 403:
		return ERR_AUTH;
	case 404:
		return ERR_NOTFOUND;
	case 408:
	case 429:
		return ERR_NET;
	case 409:
		return ERR_CONFLICT;
	case 410:
		return ERR_GONE;
	case 413:
		return ERR_LIMIT;
	default:
		if (strstr(message, terminal_500))
			return ERR_INVALID;
		return status >= 300 && status < 500 ? ERR_INVALID : ERR_NET;
	}
}

static enum err_code code_with(int http_status, const json_t *status, const char *message)
{
	enum err_code code = code_of(http_status, message);
	const char *name = doc_get_str(status, "details", "name", NULL);

	return code == ERR_NOTFOUND && (!name || !*name) ? ERR_UNSERVED : code;
}

static int status_of_reason(const char *reason)
{
	if (!strcmp(reason, "Expired") || !strcmp(reason, "Gone"))
		return 410;
	if (!strcmp(reason, "NotFound"))
		return 404;
	if (!strcmp(reason, "Forbidden"))
		return 403;
	return 0;
}

/* A Status message may hold line breaks; ours are one line. */
static void one_line(char *s)
{
	for (; *s; s++)
		if (iscntrl((unsigned char)*s))
			*s = ' ';
}

void kube_status_err(int http_status, const json_t *status, char reason[64],
		     struct err *err)
{
	const char *message = json_string_value(status);
	const char *why = doc_get_str(status, "reason", NULL);

	if (!message)
		message = doc_get_str(status, "message", NULL);
	snprintf(reason, 64, "%s", why ? why : "");
	if (http_status < 300)
		http_status = status_of_reason(reason);
	if (message && message[0])
		err_set(err, code_with(http_status, status, message), "%s", message);
	else if (http_status)
		err_set(err, code_with(http_status, status, ""),
			"the API server answered HTTP %d%s%s", http_status,
			reason[0] ? ", " : "", reason);
	else
		err_set(err, ERR_NET, "the API server answered an error without "
			"saying which");
	one_line(err->msg);
}

#define TEXT_MAX 300	/* of a proxy's HTML page, say */

/* An error's body: a Status, or whatever stands in front of the API server said. */
static json_t *error_body(const struct buf *b)
{
	json_t *j = b->len ? doc_parse(b->data, b->len, NULL) : NULL;

	if (!j && b->len)
		j = json_stringn(b->data, b->len < TEXT_MAX ? b->len : TEXT_MAX);
	return j;
}

void kube_judge(struct kube_op *op)
{
	bool ok = op->status >= 200 && op->status < 300;

	if (op->err.code || (ok && !op->r->parse) ||
	    (op->status == 304 && op->if_none_match))
		return;
	if (!ok) {
		op->json = error_body(&op->answer);
		kube_status_err(op->status, op->json, op->reason, &op->err);
		return;
	}
	/* The parser's message would quote the text, which may be a Secret. */
	op->json = doc_parse(buf_str(&op->answer), op->answer.len, NULL);
	if (!op->json)
		err_set(&op->err, ERR_NET,
			"%s: the API server's answer of %zu bytes is not JSON",
			op->r->verb, op->answer.len);
	else if (!strcmp(op->r->verb, "list") && !doc_get(op->json, "items", NULL))
		err_set(&op->err, ERR_NET, "list: the API server's answer of %zu bytes "
			"is no list", op->answer.len);
}
