/*
 * select.h - an operation on chosen objects alone (operation.sync.resources).
 *
 * Kind, group and name are equal, the namespace where one is given: Argo CD's
 * rule (SyncOperationResource.HasIdentity). Pure.
 */
#ifndef SYNC_SELECT_H
#define SYNC_SELECT_H

#include "sync/plan.h"

/* Fills o->only (of an operation just reset) from a checked list; NULL: all. */
void select_decode(struct op_record *o, const json_t *resources);
bool select_has(const struct op_record *o, const struct objkey *k);
/* Takes what was not chosen out of the plan; chosen nothing: it stays whole. */
void select_plan(const struct op_record *o, struct plan *p);
/* The first choice that is neither in the plan's tasks nor its prunes; NULL. */
const struct op_choice *select_missing(const struct op_record *o,
				       const struct plan *p);

#endif
