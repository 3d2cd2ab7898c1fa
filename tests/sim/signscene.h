/*
 * signscene.h - what the scenarios of signatures share: Application "shop" of AppProject
 * "team", which lists keys, and the ring that has them.
 */
#ifndef SIM_SIGNSCENE_H
#define SIM_SIGNSCENE_H

#include "scenes.h"

#define ADA "783CBCB573CAE457"
#define BOB "00000000000000B0"
#define LISTED(id) "[{\"keyID\":\"" id "\"}]"
#define PROJECTS "appprojects.argoproj.io"

/* AppProject team with those signatureKeys, a JSON list. */
void signs_put_project(struct engsim *x, const char *keys);
/* Others, of the one that is there. */
void signs_list_keys(struct engsim *x, const char *keys);
/*
 * argocd-gpg-keys-cm of that namespace, with the public keys of those IDs, spaced;
 * "ID@N" ends N s after the start.
 */
void signs_put_ring(struct engsim *x, const char *ns, const char *ids);
/* By whom all that is committed from now on is signed; NULL: by nobody. */
void signs_as(struct engsim *x, const char *by);
/* Application shop of that project, signed by ada; not started. ring: of argocd, or NULL. */
void signs_init(struct engsim *x, uint64_t seed, const char *listed, const char *ring);
/* The same with ada's key, started and good. */
void signs_good(struct engsim *x, uint64_t seed);
/* Applies and deletions in "shop" since that request. */
size_t signs_writes(struct engsim *x, size_t from);
/* Predicates: the commit is held back; it is not, and all is good. */
bool signs_held(void *x);
bool signs_free(void *x);
/* Until it is held back with these words, and for 30 s: nothing is written. */
void signs_until_held(struct engsim *x, const char *words);

#endif
