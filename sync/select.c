/* Which objects a person chose, and a plan of those alone. */
#include "select.h"

#include "core/doc.h"

static char *text_of(const json_t *o, const char *key)
{
	const char *s = doc_get_str(o, key, NULL);

	return xstrdup(s ? s : "");
}

void select_decode(struct op_record *o, const json_t *resources)
{
	const json_t *item;
	size_t i;

	json_array_foreach(resources, i, item) {
		struct op_choice c = {
			.group = text_of(item, "group"), .kind = text_of(item, "kind"),
			.ns = text_of(item, "namespace"), .name = text_of(item, "name"),
		};

		vec_push(&o->only, c);
	}
}

static bool fits(const struct op_choice *c, const struct objkey *k)
{
	return !strcmp(c->name, k->name) && !strcmp(c->kind, k->kind) &&
	       !strcmp(c->group, k->group) && (!*c->ns || !strcmp(c->ns, k->ns));
}

bool select_has(const struct op_record *o, const struct objkey *k)
{
	for (size_t i = 0; i < o->only.len; i++)
		if (fits(&o->only.data[i], k))
			return true;
	return !o->only.len;
}

static size_t keep(const struct op_record *o, struct task *tasks, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (select_has(o, &tasks[i].key))
			tasks[kept++] = tasks[i];
	return kept;
}

void select_plan(const struct op_record *o, struct plan *p)
{
	if (!o->only.len)
		return;
	p->tasks.len = keep(o, p->tasks.data, p->tasks.len);
	p->prunes.len = keep(o, p->prunes.data, p->prunes.len);
	p->n_apply = p->n_refuse = p->n_prune = 0;
	for (size_t i = 0; i < p->tasks.len; i++) {
		p->n_apply += p->tasks.data[i].verb == TASK_APPLY;
		p->n_refuse += p->tasks.data[i].verb == TASK_REFUSE;
	}
	for (size_t i = 0; i < p->prunes.len; i++)
		p->n_prune += p->prunes.data[i].verb == TASK_PRUNE;
}

const struct op_choice *select_missing(const struct op_record *o,
				       const struct plan *p)
{
	for (size_t i = 0; i < o->only.len; i++) {
		const struct op_choice *c = &o->only.data[i];
		bool found = false;

		for (size_t k = 0; k < p->tasks.len && !found; k++)
			found = fits(c, &p->tasks.data[k].key);
		for (size_t k = 0; k < p->prunes.len && !found; k++)
			found = fits(c, &p->prunes.data[k].key);
		if (!found)
			return c;
	}
	return NULL;
}
