/*
 * keyring.h - public keys of those who sign commits, out of the ConfigMap
 * argocd-gpg-keys-cm (private to sync/).
 *
 * Argo CD's namespace is read and ours, as for AppProjects, and both count. Nothing is
 * read before somebody asks: a watch is a connection.
 */
#ifndef SYNC_KEYRING_H
#define SYNC_KEYRING_H

#include "core/signed.h"

#define KEYRING_NAME "argocd-gpg-keys-cm"

struct engine;
struct keyring;

struct keyring *keyring_new(struct engine *e);
struct keyring *keyring_free(struct keyring *k);	/* NULL-safe */
/* Asked for the first time, it begins to be read; all applications are poked when it is. */
bool keyring_known(struct keyring *k);
/* Over all keys: another one when a key comes, goes or changes. Borrowed. */
const char *keyring_digest(const struct keyring *k);
/* Fills from and ring, owned by *p. */
void keyring_fill(const struct keyring *k, struct signed_policy *p);

#endif
