/*
 * What auto-revert does for an application: what its annotation says, else its
 * project's, else, for the first week of one that was taken over from another tool, a
 * report alone, else the daemon's default.
 */
#include "app_priv.h"

#define SHADOW_MS ((int64_t)7 * 24 * 3600 * 1000)

enum auto_revert app_revert_mode(struct app *a, struct revert_why *ret)
{
	const struct project *p = projects_of(a, NULL);
	enum auto_revert mode = a->spec.auto_revert;
	int64_t until = a->rec.adopted_ms + SHADOW_MS;

	*ret = (struct revert_why){ .words = "the annotation " ANN_AUTO_REVERT " says so" };
	if (!a->spec.automated)
		return REVERT_OFF;
	if (a->spec.auto_revert_said)
		return mode;
	ret->words = "its project's annotation " ANN_AUTO_REVERT " says so";
	if (p && auto_revert_parse(p->auto_revert, &mode))
		return mode;
	ret->words = "that is the default of this syncd";
	if (mode != REVERT_ON || !a->rec.adopted_ms ||
	    world_wall(a->engine->w) >= until)
		return mode;
	ret->words = "its workloads ran before syncd took them over, less than a week ago";
	ret->until_ms = until;
	return REVERT_REPORT;
}

/* Workloads that were there before its first release: another tool's. */
void app_note_adoption(struct app *a)
{
	if (a->rec.last_good || a->rec.adopted_ms)
		return;
	for (size_t i = 0; i < a->rec.inventory.len; i++) {
		const struct inv_entry *v = &a->rec.inventory.data[i];

		if (v->adopted && health_is_evidence(v->group, v->kind))
			a->rec.adopted_ms = world_wall(a->engine->w);
	}
}
