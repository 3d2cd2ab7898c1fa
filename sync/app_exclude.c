/*
 * What argocd-cm keeps an application out of (exclude.h). The objects of its releases
 * bear a mark in memory, so that plans, hooks and watches pass over them: nothing of
 * such a kind is applied, run, pruned or watched, in Git or not. A release and its digest
 * stay what Git says: when the ConfigMap changes, no release is new.
 *
 * So do the inventory's entries (OBJ_SKIP, which no object that is applied has).
 * Marks are set between operations: one that runs goes on by those it began with. What is
 * pruned is asked of the rules as they are at that moment.
 */
#include "app_priv.h"
#include "settings.h"

#define MAX_NAMED 5
#define HELD_WORDS "argocd-cm cannot be read"

/* A hook that is left out is none. Its phases stay, and say that it was one. */
static void mark(struct rendered *o, bool excluded)
{
	bool was_hook = *o->hook && !(o->flags & OBJ_SKIP);

	if (excluded) {
		o->flags |= OBJ_EXCLUDED;
		if (was_hook)
			o->flags &= ~(uint32_t)OBJ_HOOK;
	} else if (o->flags & OBJ_EXCLUDED) {
		o->flags &= ~(uint32_t)OBJ_EXCLUDED;
		if (was_hook)
			o->flags |= OBJ_HOOK;
	}
}

static void mark_all(struct rel *rel, const struct engine *e)
{
	const struct exclude *x = settings_exclude(e);

	if (!rel || rel->exclude_no == settings_exclude_no(e))
		return;
	rel->exclude_no = settings_exclude_no(e);
	for (size_t i = 0; i < rel->a.n_objects; i++)
		mark(&rel->a.objects[i], exclude_kind(x, rel->a.objects[i].group,
						      rel->a.objects[i].kind));
}

/* Its row is not shown, nor counted in anything; whether it is pruned asks the rules. */
static void mark_inventory(struct app *a)
{
	const struct exclude *x = settings_exclude(a->engine);

	for (size_t i = 0; i < a->rec.inventory.len; i++) {
		struct inv_entry *v = &a->rec.inventory.data[i];

		v->flags &= ~(uint32_t)OBJ_SKIP;
		if (exclude_kind(x, v->group, v->kind))
			v->flags |= OBJ_SKIP;
	}
}

void app_exclude(struct app *a)
{
	if (a->op)
		return;
	settings_tidy(a->engine);
	mark_all(a->raw, a->engine);
	mark_all(a->git, a->engine);
	mark_all(a->head, a->engine);
	mark_all(a->target, a->engine);
	mark_all(a->failed, a->engine);
	mark_inventory(a);
}

/* ---- the ConfigMap cannot be read ---- */

void app_exclude_gates(struct app *a)
{
	const char *why = settings_trouble(a->engine);

	if (!why)
		return;
	if (settings_lost(a->engine)) {
		app_gate_say(&a->gates.stopped, "%s: nothing is done until that is mended",
			     why);
		return;
	}
	app_gate_say(&a->gates.shut, "%s: nothing new goes out until that is mended", why);
	app_gate_say(&a->gates.shut_manual, "%s", a->gates.shut);
	a->gates.shut_until = 0;
}

const char *app_exclude_unsure(const struct app *a)
{
	return settings_trouble(a->engine) ? HELD_WORDS : NULL;
}

bool app_may_delete(const struct app *a, const struct objkey *k)
{
	return !app_exclude_unsure(a) &&
	       !exclude_kind(settings_exclude(a->engine), k->group, k->kind);
}

/* ---- what is said of it ---- */

/* Argo CD's words. */
static char *words_of(const struct rel *rel, const struct exclude *x)
{
	struct buf text = BUF_INIT;
	size_t n = 0;

	for (size_t i = 0; i < rel->a.n_objects; i++) {
		const struct rendered *r = &rel->a.objects[i];

		if (exclude_kind(x, r->group, r->kind) && n++ < MAX_NAMED)
			buf_addf(&text, "%sResource %s/%s %s is excluded in the settings",
				 text.len ? "; " : "", r->group, r->kind, r->name);
	}
	if (n > MAX_NAMED)
		buf_addf(&text, "; and %zu more", n - MAX_NAMED);
	return buf_steal(&text, NULL);
}

/* Put together once for each release and rules: a look at thousands of objects asks. */
static const char *said_of(struct rel *rel, const struct engine *e)
{
	if (rel->said_no != settings_exclude_no(e)) {
		free(rel->said);
		rel->said = words_of(rel, settings_exclude(e));
		rel->said_no = settings_exclude_no(e);
	}
	return rel->said;
}

static size_t count_left(const struct app *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->rec.inventory.len; i++)
		n += *a->rec.inventory.data[i].uid &&
		     a->rec.inventory.data[i].flags & OBJ_SKIP;
	return n;
}

void app_say_excluded(struct app *a, struct buf *text)
{
	const char *wanted = a->head ? said_of(a->head, a->engine) : "";
	size_t left = count_left(a);

	if (*wanted)
		buf_addf(text, "%s%s", text->len ? "; " : "", wanted);
	if (left)
		buf_addf(text, "%s%zu object%s applied before %s excluded now: left as %s "
			 "%s, and never pruned", text->len ? "; " : "", left,
			 left > 1 ? "s" : "", left > 1 ? "are" : "is",
			 left > 1 ? "they" : "it", left > 1 ? "are" : "is");
}
