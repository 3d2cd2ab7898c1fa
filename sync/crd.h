/*
 * crd.h - what a revert does with a CRD that a failed release changed. Pure.
 *
 * A CRD is never downgraded: what was stored under its new schema would be lost or
 * unreadable. How its versions are converted is no part of that, and a conversion
 * webhook that does not answer makes every object of the kind unreadable (auto-revert
 * rule 9). live: as it is; back: as the API server says it would be after the last good
 * release's was applied (a dry run, so that defaults and others' fields are in both).
 *
 *  #  spec.versions   spec.conversion   verdict
 *  1  the same        the same          LEAVE
 *  2  the same        differ            RESTORE
 *  3  differ          any               LEAVE
 *  4  not a list in one of them         LEAVE
 */
#ifndef SYNC_CRD_H
#define SYNC_CRD_H

#include <jansson.h>

enum crd_way { CRD_LEAVE, CRD_RESTORE };
/* ret_case may be NULL. */
enum crd_way crd_way_back(const json_t *live, const json_t *back, int *ret_case);

#endif
