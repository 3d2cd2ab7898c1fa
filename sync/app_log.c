/*
 * One log line per decision about an application, with the same fields each time:
 * what a person or a program that reads logs asks first.
 */
#include "app_priv.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/world.h"

uint64_t app_op_age_ms(const struct app *a)
{
	int64_t since = a->rec.op.started_ms;
	int64_t now = world_wall(a->engine->w);

	return since && now > since ? (uint64_t)(now - since) : 0;
}

void app_decided(struct app *a, enum log_level level, const char *decision,
		 const struct release *r, uint64_t took_ms, const char *fmt, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char id[16], took[32];
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	snprintf(id, sizeof(id), "%u", r ? r->id : 0);
	snprintf(took, sizeof(took), "%llu.%03u", (unsigned long long)(took_ms / 1000),
		 (unsigned)(took_ms % 1000));
	log_at(a->engine->w, level, buf_str(&text), "decision", decision,
	       "application", a->id, "release", r ? id : NULL,
	       "revision", r ? r->revision : NULL, "author", r ? r->author : NULL,
	       "initiator", r ? r->initiated_by : NULL,
	       "duration", took_ms ? took : NULL, NULL);
}
