/* app_spec_priv.h - what the files that decode an Application share. */
#ifndef SYNC_APP_SPEC_PRIV_H
#define SYNC_APP_SPEC_PRIV_H

#include "core/doc.h"
#include "sync/app_spec.h"

/* One more message; beyond 64 of them the rest is only counted. */
void spec_error(struct app_spec *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void spec_warn(struct app_spec *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The value of parent[key], or NULL when it is absent or null. Another type than
 * want is an error that names `where.key`, and NULL. Borrowed.
 */
const json_t *take(struct app_spec *s, const json_t *parent, const char *where,
		   const char *key, json_type want);
/* Not there, or null. */
bool absent(const json_t *parent, const char *key);
/* "" when absent. Borrowed from parent. */
const char *take_str(struct app_spec *s, const json_t *parent, const char *where,
		     const char *key);
bool take_bool(struct app_spec *s, const json_t *parent, const char *where,
	       const char *key, bool fallback);
int64_t take_int(struct app_spec *s, const json_t *parent, const char *where,
		 const char *key, int64_t fallback);

/* Argo CD's, for automated syncs. */
#define RETRY_DEFAULTS ((struct app_retry){ .limit = 5, .base_ms = 5000, \
					    .max_ms = 180000, .factor = 2 })
/* A negative or absurd limit is none. */
unsigned retry_limit(int64_t n);

/* app_source.c: spec.source or spec.sources. */
void app_source_decode(struct app_spec *s, const json_t *spec);
/* Those of parent, which messages call where; what is wrong goes to s. */
void app_sources_decode(struct app_spec *s, struct app_sources *ret,
			const json_t *parent, const char *where);
/* app_options.c: syncOptions, ignoreDifferences, annotations, the digests. */
void app_options_decode(struct app_spec *s, const json_t *spec,
			const json_t *annotations);
void app_annotations_decode(struct app_spec *s, const json_t *annotations,
			    const struct app_defaults *defaults);
void app_digests(struct app_spec *s, const json_t *spec);
/*
 * One sync option's bit, or 0, and its propagation policy (static) or NULL; false:
 * it is not known.
 */
bool sync_option_decode(const char *option, uint32_t *ret_set,
			const char **ret_propagation);
/* app_hold.c: the annotations that hold an application back. */
void app_holds_decode(struct app_spec *s, const json_t *annotations);
/* app_operation.c: the `operation` field. */
void app_operation_decode(struct app_spec *s, const json_t *app);
/* A duration as Argo CD reads it: a bare number is seconds. -1: not one. */
int argo_duration(const char *text, uint64_t *ret_ms);

#endif
