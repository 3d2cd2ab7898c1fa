/*
 * schema.h - what the OpenAPI schema in use says: which lists merge by which keys,
 * which kinds are cluster-scoped (kyaml/openapi).
 *
 * The built-in one is Kubernetes v1.21.2, kept as a compact table (schema_data.c,
 * made by tests/tools from the module that carries it). `openapi.path` replaces it.
 */
#ifndef KUST_SCHEMA_H
#define KUST_SCHEMA_H

#include "kust.h"

struct kschema_node;	/* the schema of one value */

/*
 * What is in use may be settled by the first look at it (see kschema_set()): hence a
 * build that is not const.
 */

/* Of a whole object; NULL: unknown kind. Exact apiVersion and kind. */
const struct kschema_node *kschema_root(struct kust *k, const char *api_version,
					const char *kind);
/* Of a field of a map (or additionalProperties), of a list's items; NULL: unknown. */
const struct kschema_node *kschema_field(struct kust *k, const struct kschema_node *s,
					 const char *field);
const struct kschema_node *kschema_items(struct kust *k, const struct kschema_node *s);
/*
 * For a list: true when its patch strategy merges; *keys are its merge keys, ended
 * with NULL (none at all: a set of scalars).
 */
bool kschema_merges(struct kust *k, const struct kschema_node *s,
		    const char *const **keys);
/* IsCertainlyClusterScoped: known and not namespaced. */
bool kschema_is_cluster(struct kust *k, const struct kgvk *gvk);

/*
 * openapi.SetSchema: a built-in version by name ("v1.21.2" is the only one), or the
 * text of a custom schema (JSON or YAML, copied); both NULL: no `openapi` field here.
 * The first one set wins, unless reset. A custom schema stands in for the built-in
 * one, and adds to it when that was needed before. ERR_INVALID: both given, unknown
 * version, unreadable schema; ERR_LIMIT.
 */
int kschema_set(struct kust *k, const char *version, const char *text, size_t len,
		bool reset, struct err *err) __attribute__((warn_unused_result));
void kschema_free(struct kust *k);	/* called by kust_deinit() */

#endif
