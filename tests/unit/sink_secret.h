/* sink_secret.h - the Secret of a receiver of notifications, for tests. */
#ifndef TESTS_SINK_SECRET_H
#define TESTS_SINK_SECRET_H

#include "core/doc.h"
#include "core/mem.h"

/* key=value lines to a Secret. */
static inline json_t *secret_of(const char *lines)
{
	json_t *o = json_pack("{s{ss}s{}}", "metadata", "name", "n", "data");
	_cleanup_free_ char *copy = xstrdup(lines);
	char *rest = copy, *line;

	while ((line = strsep(&rest, "\n"))) {
		char *eq = strchr(line, '=');
		_cleanup_buf_ struct buf b = BUF_INIT;

		if (!eq)
			continue;
		*eq = '\0';
		b64_encode(eq + 1, strlen(eq + 1), &b);
		json_object_set_new(json_object_get(o, "data"), line,
				    json_string(buf_str(&b)));
	}
	return o;
}

#endif
