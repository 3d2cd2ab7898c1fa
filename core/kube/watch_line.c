/* The bytes of a watch as lines, and a line as an event. */
#include <string.h>

#include "core/doc.h"
#include "core/mem.h"
#include "watch_priv.h"

static bool give(struct lines *l, const char *data, size_t n,
		 bool (*fn)(void *arg, const char *line, size_t len), void *arg)
{
	_cleanup_free_ char *whole = NULL;
	size_t len;

	if (!l->pending.len)
		return !n || fn(arg, data, n);
	buf_add(&l->pending, data, n);
	whole = buf_steal(&l->pending, &len);
	return fn(arg, whole, len);
}

int lines_feed(struct lines *l, const char *data, size_t len,
	       bool (*fn)(void *arg, const char *line, size_t len), void *arg)
{
	while (len) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) : len;

		if (n > WATCH_LINE_MAX - l->pending.len)
			return -1;
		if (!end) {
			buf_add(&l->pending, data, n);
			return 0;
		}
		if (!give(l, data, n, fn, arg))
			return 0;
		data += n + 1;
		len -= n + 1;
	}
	return 0;
}

static int type_of(const char *name, enum line_type *ret)
{
	static const struct {
		const char *name;
		enum line_type type;
	} types[] = {
		{ "ADDED", LINE_UPSERT },
		{ "MODIFIED", LINE_UPSERT },
		{ "DELETED", LINE_DELETED },
		{ "BOOKMARK", LINE_BOOKMARK },
		{ "ERROR", LINE_ERROR },
	};

	for (size_t i = 0; name && i < ARRAY_LEN(types); i++) {
		if (!strcmp(name, types[i].name)) {
			*ret = types[i].type;
			return 0;
		}
	}
	return -1;
}

static int read_line(const json_t *j, struct watch_line *ret, struct err *err)
{
	const char *type = doc_get_str(j, "type", NULL), *end;

	ret->object = doc_get(j, "object", NULL);
	if (type_of(type, &ret->type) || !json_is_object(ret->object))
		return err_set(err, ERR_NET, "watch: not an event: type %.40s",
			       type ? type : "missing");
	ret->version = doc_get_str(ret->object, "metadata", "resourceVersion",
				   NULL);
	if (!ret->version)
		ret->version = "";
	if (!ret->version[0] && ret->type != LINE_ERROR)
		return err_set(err, ERR_NET,
			       "watch: an event without resourceVersion");
	end = doc_get_str(ret->object, "metadata", "annotations",
			  "k8s.io/initial-events-end", NULL);
	ret->list_end = ret->type == LINE_BOOKMARK && end && !strcmp(end, "true");
	return 0;
}

int watch_line_parse(const char *text, size_t len, struct watch_line *ret,
		     struct err *err)
{
	_cleanup_json_ json_t *j = doc_parse(text, len, NULL);

	*ret = (struct watch_line){ .type = LINE_ERROR };
	/* The parser's message quotes the text, which may be a Secret. */
	if (!j)
		return err_set(err, ERR_NET,
			       "watch: a line of %zu bytes is not JSON", len);
	if (read_line(j, ret, err))
		return -1;
	ret->json = steal(&j);
	return 0;
}

void watch_line_deinit(struct watch_line *l)
{
	json_decref(l->json);
	l->json = NULL;
}
