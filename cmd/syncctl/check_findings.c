/* What was found: gathered in any order, told in the order of files. */
#include "checks.h"

#include <ctype.h>
#include <stdio.h>

#define UNITS_TOLD 3

/* Whatever a file says: one line of UTF-8 without control characters. Owned. */
static char *clean(const char *s)
{
	struct buf out = BUF_INIT;

	view_clean(&out, s);
	return out.len ? buf_steal(&out, NULL) : xstrdup("");
}

void findings_add(struct findings *f, enum rule rule, const char *file, unsigned line,
		  const char *object, const char *field, const char *message,
		  const char *unit)
{
	enum level level = rules[rule].level;

	if (f->list.len >= FINDINGS_MAX) {
		f->capped = true;
		return;
	}
	if (f->strict && level == LEVEL_WARNING)
		level = LEVEL_ERROR;
	vec_push(&f->list, ((struct finding){ .rule = rule, .level = level,
		.file = clean(file), .line = line ? line : 1, .object = clean(object),
		.field = clean(field), .message = clean(message), .units = clean(unit),
		.n_units = *unit != '\0' }));
}

void findings_silence(struct findings *f)
{
	if (f->list.len && !f->capped)
		f->list.data[f->list.len - 1].silenced = true;
}

static int compare(const struct finding *a, const struct finding *b)
{
	int c = strcmp(a->file, b->file);

	c = c ? c : (a->line > b->line) - (a->line < b->line);
	c = c ? c : (int)a->rule - (int)b->rule;
	c = c ? c : strcmp(a->object, b->object);
	c = c ? c : strcmp(a->field, b->field);
	c = c ? c : strcmp(a->message, b->message);
	return c ? c : (int)a->silenced - (int)b->silenced;
}

static int by_place(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	int c = compare(x, y);

	return c ? c : strcmp(x->units, y->units);
}

static void finding_deinit(struct finding *f)
{
	free(f->file);
	free(f->object);
	free(f->field);
	free(f->message);
	free(f->units);
}

/* Another unit deploys the same. */
static void join(struct finding *f, const struct finding *other)
{
	char *both = NULL;

	if (other->n_units && f->n_units < UNITS_TOLD)
		both = f->n_units ? xasprintf("%s, %s", f->units, other->units) :
				    xstrdup(other->units);
	f->n_units += other->n_units;
	if (!both)
		return;
	free(f->units);
	f->units = both;
}

static void tell_rest(struct finding *f)
{
	char *all;

	if (f->n_units <= UNITS_TOLD)
		return;
	all = xasprintf("%s and %zu more", f->units, f->n_units - UNITS_TOLD);
	free(f->units);
	f->units = all;
}

static void drop_silenced(struct findings *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->list.len; i++) {
		if (f->list.data[i].silenced) {
			finding_deinit(&f->list.data[i]);
			f->silenced++;
		} else {
			f->list.data[kept++] = f->list.data[i];
		}
	}
	f->list.len = kept;
}

void findings_close(struct findings *f)
{
	_cleanup_free_ char *unit = NULL;	/* of the one before */
	size_t kept = 0;

	if (f->list.len)
		qsort(f->list.data, f->list.len, sizeof(f->list.data[0]), by_place);
	for (size_t i = 0; i < f->list.len; i++) {
		struct finding *last = kept ? &f->list.data[kept - 1] : NULL;
		bool again = unit && !strcmp(unit, f->list.data[i].units);

		free(unit);
		unit = xstrdup(f->list.data[i].units);
		if (last && !compare(last, &f->list.data[i])) {
			if (!again)
				join(last, &f->list.data[i]);
			finding_deinit(&f->list.data[i]);
		} else {
			f->list.data[kept++] = f->list.data[i];
		}
	}
	f->list.len = kept;
	for (size_t i = 0; i < kept; i++)
		tell_rest(&f->list.data[i]);
	drop_silenced(f);
}

size_t findings_count(const struct findings *f, enum level level)
{
	size_t n = 0;

	for (size_t i = 0; i < f->list.len; i++)
		n += f->list.data[i].level == level;
	return n;
}

void findings_deinit(struct findings *f)
{
	for (size_t i = 0; i < f->list.len; i++)
		finding_deinit(&f->list.data[i]);
	vec_deinit(&f->list);
}

/* Digits after s, and what follows them; NULL: there are none. */
static const char *number(const char *s, unsigned *ret)
{
	unsigned long n = 0;
	const char *start = s;

	for (; isdigit((unsigned char)*s) && s - start < 9; s++)
		n = n * 10 + (unsigned long)(*s - '0');
	*ret = (unsigned)n;
	return s > start && n ? s : NULL;
}

bool message_place(const char *message, char **ret_file, unsigned *ret_line,
		   const char **ret_rest)
{
	for (const char *colon = message; (colon = strchr(colon, ':')); colon++) {
		const char *end = NULL;
		unsigned line = 0;

		if (isdigit((unsigned char)colon[1]))
			end = number(colon + 1, &line);
		else if (!strncmp(colon, ": line ", 7))
			end = number(colon + 7, &line);
		if (!end || *end != ':')
			continue;
		if (colon == message || memchr(message, ' ', (size_t)(colon - message)))
			return false;
		*ret_file = xstrndup(message, (size_t)(colon - message));
		*ret_line = line;
		*ret_rest = end + 1 + (end[1] == ' ');
		return true;
	}
	return false;
}
