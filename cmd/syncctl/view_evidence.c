/*
 * What was kept of a rejection: the containers that were not well, what they said,
 * and the warnings about them. The document is listed in sync/evidence.h.
 */
#include "views.h"

/* `shop/web-7d9f-x, container main: CrashLoopBackOff, 3 restarts, exit 137 (OOMKilled)`. */
static void container_words(const json_t *row, struct buf *out)
{
	const char *container = doc_get_str(row, "container", NULL);
	const char *why = doc_get_str(row, "why", NULL);
	const char *end = doc_get_str(row, "end", NULL);
	int64_t restarts = doc_get_int(row, 0, "restarts", NULL);

	buf_adds(out, "  ");
	view_clean(out, doc_get_str(row, "pod", NULL));
	if (container) {
		buf_adds(out, ", container ");
		view_clean(out, container);
	}
	buf_adds(out, why ? ": " : "");
	view_clean(out, why);
	if (restarts)
		buf_addf(out, ", %lld restart%s", (long long)restarts,
			 restarts == 1 ? "" : "s");
	if (json_object_get(row, "exit"))
		buf_addf(out, ", exit %lld", (long long)doc_get_int(row, 0, "exit", NULL));
	if (end && why && strcmp(end, why)) {
		buf_adds(out, " (");
		view_clean(out, end);
		buf_addc(out, ')');
	}
	buf_addc(out, '\n');
}

static void lines(const char *text, struct buf *out)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		_cleanup_free_ char *line = xstrndup(text, n);

		buf_adds(out, "      | ");
		view_clean(out, line);
		buf_addc(out, '\n');
		text += n + (text[n] == '\n');
	}
}

static void tell_log(const json_t *row, const char *key, const char *title, struct buf *out)
{
	const char *text = doc_get_str(row, key, NULL);

	if (!text || !*text)
		return;
	buf_addf(out, "    %s\n", title);
	lines(text, out);
}

static void pod(const json_t *row, struct buf *out)
{
	const char *message = doc_get_str(row, "message", NULL);
	bool twice = json_object_get(row, "log") && json_object_get(row, "previous");

	container_words(row, out);
	if (message) {
		buf_adds(out, "    ");
		view_clean(out, message);
		buf_addc(out, '\n');
	}
	tell_log(row, "previous", "it said, before it was started again:", out);
	tell_log(row, "log", twice ? "and then:" : "it said:", out);
}

static void event(const json_t *row, struct buf *out)
{
	int64_t count = doc_get_int(row, 1, "count", NULL);

	buf_adds(out, "  ");
	view_clean(out, doc_get_str(row, "object", NULL));
	buf_adds(out, "  ");
	view_clean(out, doc_get_str(row, "reason", NULL));
	if (count > 1)
		buf_addf(out, " (%lld times)", (long long)count);
	buf_adds(out, ": ");
	view_clean(out, doc_get_str(row, "message", NULL));
	buf_addc(out, '\n');
}

void view_evidence(const json_t *doc, struct buf *out)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(doc, "pods"), i, row)
		pod(row, out);
	json_array_foreach(json_object_get(doc, "events"), i, row)
		event(row, out);
	json_array_foreach(json_object_get(doc, "notes"), i, row) {
		buf_adds(out, "  (");
		view_clean(out, json_string_value(row));
		buf_adds(out, ")\n");
	}
}

/* From where the last n lines begin. */
static const char *last(const char *text, size_t n)
{
	size_t at = strlen(text);

	if (at && text[at - 1] == '\n')
		at--;
	while (at && (text[at - 1] != '\n' || --n))
		at--;
	return text + at;
}

bool view_last_words(const json_t *doc, size_t n, struct buf *out)
{
	static const char *const keys[] = { "previous", "log" };
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(doc, "pods"), i, row)
		for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
			const char *text = doc_get_str(row, keys[k], NULL);

			if (!text || !*text)
				continue;
			container_words(row, out);
			lines(last(text, n), out);
			return true;
		}
	return false;
}
