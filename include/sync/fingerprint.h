/*
 * fingerprint.h - one hash over what we own of a live object.
 *
 * Server-side apply records per field manager which fields it owns
 * (metadata.managedFields, FieldsV1). The fingerprint walks our entry over the
 * object and hashes the owned paths with their values: it changes when somebody
 * changes, removes or takes over a field of ours, and not when anything else of
 * the object changes. Pure.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */
#ifndef SYNC_FINGERPRINT_H
#define SYNC_FINGERPRINT_H

#include <jansson.h>

#include "core/err.h"

/*
 * The fingerprint of what `manager` owns by Apply (not through a subresource):
 * SHA-256 in hex. out is "" when it owns nothing. *ret_version (may be NULL) is
 * the apiVersion that the entry was written at, borrowed from object, NULL when
 * there is no entry: fields mean what they meant in that version only, so watch
 * at it. ERR_INVALID: not FieldsV1 as we know it; ERR_LIMIT: nested too deep.
 * Then out is "".
 *
 * Of a map or list that we applied empty, what others own in it does not count.
 */
int fingerprint_owned(const json_t *object, const char *manager, char out[65],
		      const char **ret_version, struct err *err)
	__attribute__((warn_unused_result));

/*
 * The same without what `ignored` names (ignore.h; NULL: nothing): equal whatever
 * others do to it, and whoever owns it. Other rules give other fingerprints.
 */
int fingerprint_without(const json_t *object, const char *manager,
			const json_t *ignored, char out[65],
			const char **ret_version, struct err *err)
	__attribute__((warn_unused_result));

/*
 * What of the object `manager` applied and the tree (ignore.h) names, with its
 * values and the keys of the list items on the way: what another manager has to
 * apply so that it stays as it is. Owned; NULL: nothing.
 */
json_t *fingerprint_extract(const json_t *object, const char *manager,
			    const json_t *tree);

/* When `manager` last changed something by Apply, wall ms; -1: it is not said. */
int64_t fingerprint_applied_ms(const json_t *object, const char *manager);

/*
 * Does `manager` own, by Apply, the field at this path? Field names from the
 * object's root on, ended by NULL: "spec", "replicas", NULL.
 */
bool fingerprint_owns(const json_t *object, const char *manager, ...)
	__attribute__((sentinel));

#endif
