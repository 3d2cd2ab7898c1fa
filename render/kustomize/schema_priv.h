/* schema_priv.h - the built-in schema's tables (schema_data.c) and one node of any. */
#ifndef KUST_SCHEMA_PRIV_H
#define KUST_SCHEMA_PRIV_H

#include "schema.h"

enum kschema_scope { KSCOPE_UNKNOWN, KSCOPE_NAMESPACED, KSCOPE_CLUSTER };

/*
 * A value's schema: a place in the tables, or a definition of a custom schema (raw).
 * Numbers are indices into the tables below.
 */
struct kschema_node {
	const char *name;	/* of the definition that it is, or NULL */
	const struct node *raw;	/* custom: as written; the rest is unused */
	uint16_t edges, n_edges;	/* fields of a map */
	uint16_t items;		/* of a list that merges */
	uint16_t keys;		/* 0: does not merge */
};
struct kschema_edge {
	const char *field;
	uint16_t node;
};
struct kschema_kind {
	const char *api_version, *kind;
	uint16_t node;
	enum kschema_scope scope;
};

/* [0] is a schema that is known and below which nothing merges. */
extern const struct kschema_node kschema_nodes[];
extern const size_t kschema_n_nodes;
extern const struct kschema_edge kschema_edges[];
extern const char *const kschema_keys[][3];
/* Sorted by apiVersion, then kind. */
extern const struct kschema_kind kschema_kinds[];
extern const size_t kschema_n_kinds;

#endif
