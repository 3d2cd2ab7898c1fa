/*
 * Two surveys of one repository side by side: which application of the one is which of
 * the other, and what its render read that is not the same.
 */
#include "survey.h"

bool survey_counts(const struct survey *s, const struct unit *u)
{
	if (u->kind == UNIT_APP)
		return true;
	if (u->kind != UNIT_KUSTOMIZATION || u->included)
		return false;
	/* one that was not built read nothing */
	for (size_t i = s->n_kustomizations; i < s->units.len; i++)
		if (s->units.data[i].reads.rows.len &&
		    !strcmp(s->units.data[i].folder, u->folder))
			return false;
	return true;
}

static int by_identity(const void *a, const void *b)
{
	const struct unit *x = *(struct unit *const *)a, *y = *(struct unit *const *)b;
	int c = strcmp(x->file, y->file);

	c = c ? c : (int)x->kind - (int)y->kind;
	c = c ? c : strcmp(x->ns, y->ns);
	c = c ? c : strcmp(x->name, y->name);
	return c ? c : (x->line > y->line) - (x->line < y->line);
}

/* The same but for the line, which moves. */
static int compare(const struct unit *x, const struct unit *y)
{
	int c = strcmp(x->file, y->file);

	c = c ? c : (int)x->kind - (int)y->kind;
	c = c ? c : strcmp(x->ns, y->ns);
	return c ? c : strcmp(x->name, y->name);
}

/* On the other side it is there, and somebody builds it: it does not come or go. */
static bool is_built_in(const struct survey *other, const struct unit *u)
{
	for (size_t i = 0; u->kind == UNIT_KUSTOMIZATION && i < other->n_kustomizations; i++)
		if (!strcmp(other->units.data[i].file, u->file))
			return !survey_counts(other, &other->units.data[i]);
	return false;
}

static struct unit **sorted(struct survey *s, const struct survey *other, size_t *ret_n)
{
	struct unit **all = xcalloc(s->units.len + 1, sizeof(struct unit *));
	size_t n = 0;

	for (size_t i = 0; i < s->units.len; i++)
		if (survey_counts(s, &s->units.data[i]) &&
		    !is_built_in(other, &s->units.data[i]))
			all[n++] = &s->units.data[i];
	qsort(all, n, sizeof(*all), by_identity);
	*ret_n = n;
	return all;
}

/* One that went from one file to another is still itself. */
static void join_moved(struct unit_pairs *p)
{
	for (size_t i = 0; i < p->len; i++) {
		const struct unit *gone = p->data[i].before;

		for (size_t k = 0; gone && !p->data[i].after && k < p->len; k++) {
			const struct unit *new = p->data[k].after;

			if (!new || p->data[k].before || new->kind != UNIT_APP ||
			    gone->kind != UNIT_APP || strcmp(new->ns, gone->ns) ||
			    strcmp(new->name, gone->name))
				continue;
			p->data[k].before = gone;
			p->data[i].before = NULL;
			break;
		}
	}
}

static void drop_empty(struct unit_pairs *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->len; i++)
		if (p->data[i].before || p->data[i].after)
			p->data[kept++] = p->data[i];
	p->len = kept;
}

void survey_pair(struct survey *before, struct survey *after, struct unit_pairs *ret)
{
	size_t n, m;
	_cleanup_free_ struct unit **a = sorted(before, after, &n);
	_cleanup_free_ struct unit **b = sorted(after, before, &m);

	*ret = (struct unit_pairs){ 0 };
	for (size_t i = 0, k = 0; i < n || k < m;) {
		int c = i == n ? 1 : k == m ? -1 : compare(a[i], b[k]);

		vec_push(ret, ((struct unit_pair){ c <= 0 ? a[i] : NULL,
						   c >= 0 ? b[k] : NULL }));
		i += c <= 0;
		k += c >= 0;
	}
	join_moved(ret);
	drop_empty(ret);
}

/* ---- what touches it ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_rows(struct touched *t, const struct unit *u, struct files *before,
		     struct files *after)
{
	for (size_t i = 0; u && i < u->reads.rows.len; i++)
		if (!reads_same(&u->reads.rows.data[i], before, after))
			vec_push(&t->paths, u->reads.rows.data[i].path);
}

static void drop_twice(struct touched *t)
{
	size_t kept = 0;

	if (t->paths.len)
		qsort(t->paths.data, t->paths.len, sizeof(*t->paths.data), by_text);
	for (size_t i = 0; i < t->paths.len; i++)
		if (!kept || strcmp(t->paths.data[kept - 1], t->paths.data[i]))
			t->paths.data[kept++] = t->paths.data[i];
	t->paths.len = kept;
}

void unit_pair_touched(const struct unit_pair *p, struct files *before,
		       struct files *after, struct touched *ret)
{
	*ret = (struct touched){ .how = TOUCHED_NOT };
	if (!p->before || !p->after) {
		ret->how = p->after ? TOUCHED_NEW : TOUCHED_REMOVED;
		return;
	}
	add_rows(ret, p->before, before, after);
	add_rows(ret, p->after, before, after);
	drop_twice(ret);
	if (p->after->app && !doc_equal(p->before->app, p->after->app))
		ret->how = TOUCHED_SPEC;
	else if (ret->paths.len)
		ret->how = TOUCHED_SOURCE;
}
