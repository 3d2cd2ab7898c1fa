/* Places in objects, in words; telling of a finding. */
#include "checks.h"

#include <stdarg.h>
#include <stdio.h>

#define STEPS_MAX 256

void field_text(const struct field *f, struct buf *out)
{
	const struct field *steps[STEPS_MAX];
	size_t n = 0;

	for (; f && f->up && n < STEPS_MAX; f = f->up)
		steps[n++] = f;
	while (n--) {
		const struct field *s = steps[n];

		if (s->key && strpbrk(s->key, "./["))
			buf_addf(out, "[%s]", s->key);
		else if (s->key)
			buf_addf(out, "%s%s", out->len ? "." : "", s->key);
		else if (s->name)
			buf_addf(out, "[%s]", s->name);
		else
			buf_addf(out, "[%zu]", s->index);
	}
}

void check_tell(struct check *c, enum rule rule, const struct field *at,
		const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	c->found(c, rule, at, text);
}
