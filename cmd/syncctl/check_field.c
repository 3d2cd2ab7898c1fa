/* Places in objects, in words; telling of a finding. */
#include "checks.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

/* The step that begins at *at, behind `sep`, and what is behind it; false: none does. */
static bool next_step(char **at, char sep, struct field *ret)
{
	char *s = *at, *end = sep == '[' ? strchr(s, ']') : s + strcspn(s, ".[ :");

	*ret = (struct field){ 0 };
	if ((sep != '[' && sep != '.') || !end || end == s)
		return false;
	*at = end + (sep == '[');
	if (sep == '[')
		*end = '\0';
	if (sep == '[' && strspn(s, "0123456789") == strlen(s))
		ret->index = strtoul(s, NULL, 10);
	else
		ret->key = s;
	return true;
}

const struct field *field_parse(const json_t *object, char *copy,
				struct field steps[FIELD_STEPS_MAX])
{
	size_t n = 0;
	char sep = '.';

	steps[0] = (struct field){ .value = object };
	while (n + 1 < FIELD_STEPS_MAX && next_step(&copy, sep, &steps[n + 1])) {
		struct field *f = &steps[n + 1];

		sep = *copy;
		if (sep)
			*copy++ = '\0';	/* it ends the key */
		f->up = &steps[n];
		f->value = f->key ? json_object_get(steps[n].value, f->key) :
				    json_array_get(steps[n].value, f->index);
		n++;
	}
	return &steps[n];
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
