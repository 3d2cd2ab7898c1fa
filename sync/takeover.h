/*
 * takeover.h - fields that other tools own on an object that was theirs. Pure.
 *
 * A field goes from the cluster when Git drops it only if nobody but us owns it.
 * What kubectl, Argo CD or Helm wrote is still theirs after we applied the same;
 * so their entries in managedFields become ours, as kubectl does it when a client-side
 * apply becomes a server-side one (k8s.io/client-go/util/csaupgrade). Entries of a
 * whole object ("before-first-apply") and of single edits hold more than anybody
 * meant to set: of those only what we apply too is taken out.
 */
#ifndef SYNC_TAKEOVER_H
#define SYNC_TAKEOVER_H

#include <jansson.h>
#include <stdbool.h>

/*
 * The managedFields that an object which `manager` has applied should have: owned;
 * NULL: they are well as they are. *ret_more: manager then owns fields that it did
 * not apply: its next apply removes them. all: from whoever had the object before
 * us; else only from Argo CD, which may have had it in between.
 */
json_t *takeover_fields(const json_t *object, const char *manager, bool all,
			bool *ret_more);

#endif
