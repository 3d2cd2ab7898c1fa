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
 * One value is hashed whole although others may own parts of it: a field that we
 * applied as an empty map. That can report a change that is none, never miss one.
 */
int fingerprint_owned(const json_t *object, const char *manager, char out[65],
		      const char **ret_version, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Does `manager` own, by Apply, the field at this path? Field names from the
 * object's root on, ended by NULL: "spec", "replicas", NULL.
 */
bool fingerprint_owns(const json_t *object, const char *manager, ...)
	__attribute__((sentinel));

#endif
