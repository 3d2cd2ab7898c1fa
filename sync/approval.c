/* One walk over the prunes each; a list's digest does not depend on its order. */
#include "approval.h"

#include "core/doc.h"

#define NAMED 5		/* objects in a message; the status lists them all */

static int by_key(const void *a, const void *b)
{
	const struct task *const *x = a, *const *y = b;

	return objkey_cmp(&(*x)->key, &(*y)->key);
}

size_t approval_digest(const struct plan *p, char digest[65])
{
	_cleanup_free_ const struct task **asks =
		xcalloc(p->prunes.len + 1, sizeof(*asks));
	_cleanup_buf_ struct buf text = BUF_INIT;
	size_t n = 0;

	digest[0] = '\0';
	for (size_t i = 0; i < p->prunes.len; i++)
		if (p->prunes.data[i].verb == TASK_ASK)
			asks[n++] = &p->prunes.data[i];
	if (!n)
		return 0;
	qsort(asks, n, sizeof(*asks), by_key);
	for (size_t i = 0; i < n; i++) {
		objkey_format(&asks[i]->key, &text);
		buf_addf(&text, " %s\n", asks[i]->uid);
	}
	sha256_hex(text.data, text.len, digest);
	return n;
}

static bool forget_answers(struct record *rec, const struct plan *p)
{
	bool changed = false;

	for (size_t i = 0; i < p->tasks.len; i++) {
		struct inv_entry *e = record_inv(rec, &p->tasks.data[i].key);

		if (!e || !e->approved)
			continue;
		e->approved = false;
		changed = true;
	}
	return changed;
}

bool approval_take(struct record *rec, const struct plan *p, const char *approved)
{
	bool changed = forget_answers(rec, p);
	char digest[65];

	if (!approved[0] || !approval_digest(p, digest) || strcmp(digest, approved))
		return changed;
	for (size_t i = 0; i < p->prunes.len; i++) {
		const struct task *t = &p->prunes.data[i];

		if (t->verb == TASK_ASK)
			record_inv(rec, &t->key)->approved = true;
	}
	return true;
}

/* The first reason among those that ask: too many at once is said of all. */
static const char *first_why(const struct plan *p)
{
	const char *why = "";

	for (size_t i = 0; i < p->prunes.len && !why[0]; i++)
		if (p->prunes.data[i].verb == TASK_ASK)
			why = p->prunes.data[i].why;
	for (size_t i = 0; i < p->prunes.len; i++)
		if (p->prunes.data[i].verb == TASK_ASK &&
		    strcmp(p->prunes.data[i].why, why))
			return "for different reasons";
	return why;
}

void approval_words(const struct plan *p, const char *app, bool going,
		    struct buf *out)
{
	bool one = p->n_ask == 1;
	size_t n = 0;

	if (!p->n_ask)
		return;
	buf_addf(out, "%zu object%s wait%s for approval before deletion (%s): ", p->n_ask,
		 going ? one ? "" : "s" : one ? " that left Git" : "s that left Git",
		 one ? "s" : "", first_why(p));
	for (size_t i = 0; i < p->prunes.len; i++) {
		const struct task *t = &p->prunes.data[i];

		if (t->verb != TASK_ASK || n++ >= NAMED)
			continue;
		buf_adds(out, n > 1 ? ", " : "");
		objkey_format(&t->key, out);
	}
	if (n > NAMED)
		buf_addf(out, " and %zu more", n - NAMED);
	buf_addf(out, "; see and approve them: syncctl confirm %s", app);
}
