/* What Applications say of themselves, small. */
#include "told.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/buf.h"
#include "core/doc.h"
#include "core/mem.h"

static void keep_word(char *to, size_t size, const json_t *status, const char *of)
{
	const char *word = doc_get_str(status, of, "status", NULL);

	snprintf(to, size, "%s", word ? word : "");
}

static int64_t time_of(const json_t *status, const char *of, const char *key)
{
	int64_t ms = time_parse_rfc3339(doc_get_str(status, of, key, NULL));

	return ms > 0 ? ms : 0;
}

void told_forget(struct told *t)
{
	free(t->text);
	*t = (struct told){ 0 };
}

void told_set(struct told *t, const json_t *status)
{
	struct buf text = BUF_INIT;

	told_forget(t);
	if (!status)
		return;
	doc_write(status, &text);
	t->text = xstrdup(buf_str(&text));	/* without the buffer's reserve */
	buf_deinit(&text);
	keep_word(t->sync, sizeof(t->sync), status, "sync");
	keep_word(t->health, sizeof(t->health), status, "health");
	t->finished_ms = time_of(status, "operationState", "finishedAt");
	t->health_since_ms = time_of(status, "health", "lastTransitionTime");
}

json_t *told_tree(const struct told *t)
{
	struct err ignored = ERR_INIT;	/* it was a tree: it is one again */

	return t->text ? doc_parse(t->text, strlen(t->text), &ignored) : NULL;
}
