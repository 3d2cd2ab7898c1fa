/*
 * What was found: gathered in any order, told in the order of files. What is known
 * already is joined, and what is silenced is gone, before the cap counts.
 */
#include <uthash.h>

#include "checks.h"

#include <stdio.h>

#define UNITS_TOLD 3
#define NOT_KEPT SIZE_MAX

struct seen_finding {
	char digest[65];	/* of all that it says */
	size_t at;		/* in the list, or NOT_KEPT */
	UT_hash_handle hh;
};

/* Whatever a file says: one line of UTF-8 without control characters. Owned. */
static char *clean(const char *s)
{
	struct buf out = BUF_INIT;

	view_clean(&out, s ? s : "");
	return out.len ? buf_steal(&out, NULL) : xstrdup("");
}

static enum level level_of(const struct findings *f, enum rule rule)
{
	enum level level = rules[rule].level;

	return f->strict && level == LEVEL_WARNING ? LEVEL_ERROR : level;
}

static void finding_deinit(struct finding *f)
{
	free(f->file);
	free(f->object);
	free(f->field);
	free(f->message);
	free(f->units);
	free(f->last_unit);
}

/* Another unit deploys the same. */
static void join(struct finding *f, const char *unit)
{
	char *both = NULL;

	if (!*unit || !strcmp(f->last_unit, unit))
		return;
	free(f->last_unit);
	f->last_unit = xstrdup(unit);
	if (f->n_units < UNITS_TOLD)
		both = f->n_units ? xasprintf("%s, %s", f->units, unit) : xstrdup(unit);
	f->n_units++;
	if (!both)
		return;
	free(f->units);
	f->units = both;
}

/* ---- which are kept ---- */

/* The level of which one would make room for it; it itself: none. */
static enum level least(const struct findings *f, enum level level)
{
	enum level l = LEVEL_NOTE;

	while (l < level && !f->kept[l])
		l++;
	return l;
}

static bool has_room(const struct findings *f, enum level level)
{
	return f->list.len < FINDINGS_MAX || least(f, level) < level;
}

bool findings_is_full(const struct findings *f, enum rule rule)
{
	return HASH_COUNT(f->seen) >= FINDINGS_SEEN_MAX && !has_room(f, level_of(f, rule));
}

/* The place in the list that is free now. */
static size_t make_room(struct findings *f, enum level level)
{
	enum level less = least(f, level);
	size_t i = f->list.len;

	if (i < FINDINGS_MAX) {
		vec_push(&f->list, (struct finding){ 0 });
		return i;
	}
	do
		i--;
	while (i && f->list.data[i].level != less);
	f->kept[less]--;
	f->left_out++;
	if (f->list.data[i].seen)
		f->list.data[i].seen->at = NOT_KEPT;
	finding_deinit(&f->list.data[i]);
	return i;
}

static void keep(struct findings *f, struct finding *one)
{
	size_t i;

	if (!has_room(f, one->level)) {
		f->left_out++;
		finding_deinit(one);
		return;
	}
	i = make_room(f, one->level);
	if (one->seen)
		one->seen->at = i;
	f->kept[one->level]++;
	f->list.data[i] = *one;
}

/* ---- which are known ---- */

static void digest(const struct finding *f, bool silenced, char out[65])
{
	_cleanup_free_ char *all = xasprintf("%d %d %u\n%s\n%s\n%s\n%s", (int)f->rule,
					     silenced, f->line, f->file, f->object,
					     f->field, f->message);

	sha256_hex(all, strlen(all), out);
}

/* Its row; *known: it was there before. NULL: there are too many to know all. */
static struct seen_finding *look_up(struct findings *f, const struct finding *one,
				    bool silenced, bool *known)
{
	struct seen_finding *row;
	char key[65];

	digest(one, silenced, key);
	HASH_FIND_STR(f->seen, key, row);
	*known = row;
	if (row || HASH_COUNT(f->seen) >= FINDINGS_SEEN_MAX)
		return row;
	row = xcalloc(1, sizeof(*row));
	memcpy(row->digest, key, sizeof(key));
	row->at = NOT_KEPT;
	HASH_ADD_STR(f->seen, digest, row);
	return row;
}

static void mark_bad(struct findings *f, enum level level, const char *unit)
{
	if (level != LEVEL_ERROR || !unit || !*unit ||
	    (f->bad.len && !strcmp(f->bad.data[f->bad.len - 1], unit)))
		return;
	vec_push(&f->bad, xstrdup(unit));
}

void findings_add(struct findings *f, const struct found *what)
{
	enum level level = level_of(f, what->rule);
	struct finding one = { .rule = what->rule, .level = level,
		.line = what->line ? what->line : 1, .file = clean(what->file),
		.object = clean(what->object), .field = clean(what->field),
		.message = clean(what->message), .units = clean(what->unit),
		.last_unit = clean(what->unit) };
	bool known;

	one.n_units = *one.units != '\0';
	one.seen = look_up(f, &one, what->silenced, &known);
	if (!what->silenced)
		mark_bad(f, level, what->unit);
	if (known && !what->silenced && one.seen->at != NOT_KEPT)
		join(&f->list.data[one.seen->at], one.units);
	else if (!known && what->silenced)
		f->silenced++;
	if (known || what->silenced) {
		finding_deinit(&one);
		return;
	}
	f->total[level]++;
	keep(f, &one);
}

void findings_leave_out(struct findings *f, enum rule rule, const char *unit)
{
	enum level level = level_of(f, rule);

	mark_bad(f, level, unit);
	f->total[level]++;
	f->left_out++;
}

/* ---- all of them ---- */

static int by_place(const void *x, const void *y)
{
	const struct finding *a = x, *b = y;
	int c = strcmp(a->file, b->file);

	c = c ? c : (a->line > b->line) - (a->line < b->line);
	c = c ? c : (int)a->rule - (int)b->rule;
	c = c ? c : strcmp(a->object, b->object);
	c = c ? c : strcmp(a->field, b->field);
	return c ? c : strcmp(a->message, b->message);
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

static void forget(struct findings *f)
{
	struct seen_finding *row, *next;

	HASH_ITER(hh, f->seen, row, next) {
		HASH_DEL(f->seen, row);
		free(row);
	}
}

void findings_close(struct findings *f)
{
	forget(f);
	for (size_t i = 0; i < f->list.len; i++) {
		f->list.data[i].seen = NULL;
		tell_rest(&f->list.data[i]);
	}
	if (f->list.len)
		qsort(f->list.data, f->list.len, sizeof(f->list.data[0]), by_place);
}

size_t findings_count(const struct findings *f, enum level level)
{
	return f->total[level];
}

char *findings_left_out_text(const struct findings *f)
{
	if (!f->left_out)
		return NULL;
	return xasprintf("only %zu of %zu findings are shown, errors first", f->list.len,
			 f->list.len + f->left_out);
}

void findings_deinit(struct findings *f)
{
	forget(f);
	for (size_t i = 0; i < f->list.len; i++)
		finding_deinit(&f->list.data[i]);
	vec_deinit(&f->list);
	for (size_t i = 0; i < f->bad.len; i++)
		free(f->bad.data[i]);
	vec_deinit(&f->bad);
}
