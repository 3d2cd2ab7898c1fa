/* What Applications say of themselves, small. */
#include "told.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/doc.h"
#include "core/mem.h"
#include "core/zip.h"

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
	free(t->packed);
	*t = (struct told){ 0 };
}

void told_set(struct told *t, const json_t *status)
{
	_cleanup_buf_ struct buf text = BUF_INIT, packed = BUF_INIT;

	told_forget(t);
	if (!status)
		return;
	doc_write(status, &text);
	zip_deflate(buf_str(&text), text.len, &packed);
	t->len = packed.len;
	t->packed = xmalloc(t->len);	/* without the buffer's reserve */
	memcpy(t->packed, buf_str(&packed), t->len);
	keep_word(t->sync, sizeof(t->sync), status, "sync");
	keep_word(t->health, sizeof(t->health), status, "health");
	t->finished_ms = time_of(status, "operationState", "finishedAt");
	t->health_since_ms = time_of(status, "health", "lastTransitionTime");
}

json_t *told_tree(const struct told *t)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct err ignored = ERR_INIT;	/* it was a tree: it is one again */

	if (!t->packed || zip_inflate(t->packed, t->len, SIZE_MAX, &text, &ignored) < 0)
		return NULL;
	return doc_parse(buf_str(&text), text.len, &ignored);
}
