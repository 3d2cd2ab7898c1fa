#include "core/world.h"

#include <stdarg.h>

uint64_t world_jitter(struct world *w, uint64_t ms, unsigned pct)
{
	uint64_t span = ms * pct / 100;

	if (!span)
		return ms;
	return ms - span + w->ops->random(w) % (2 * span + 1);
}

#define MAX_FIELDS 16

void log_at(struct world *w, enum log_level level, const char *msg, ...)
{
	struct log_field fields[MAX_FIELDS + 1];
	const char *key, *value;
	va_list ap;
	int n = 0;

	va_start(ap, msg);
	while ((key = va_arg(ap, const char *))) {
		value = va_arg(ap, const char *);
		if (value && n < MAX_FIELDS)
			fields[n++] = (struct log_field){ key, value };
	}
	va_end(ap);
	fields[n] = (struct log_field){ 0 };
	w->ops->log(w, level, msg, fields);
}
