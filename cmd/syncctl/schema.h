/*
 * schema.h - which fields a kind has and of which types: read from the API server's
 * OpenAPI document (v2, or v3 of one group version) and from CRDs, into a compact tree.
 *
 * Pure. What it says: unknown fields, wrong types, missing required fields, values that
 * are none of an enum. Patterns, ranges and rules are the API server's own matter.
 */
#ifndef SYNCCTL_SCHEMA_H
#define SYNCCTL_SCHEMA_H

#include "checks.h"

enum schema_type {
	SCHEMA_ANY, SCHEMA_OBJECT, SCHEMA_LIST, SCHEMA_STRING, SCHEMA_INTEGER,
	SCHEMA_NUMBER, SCHEMA_BOOLEAN, SCHEMA_INT_OR_STRING, SCHEMA_QUANTITY,
};

struct schema_node {
	uint8_t type;		/* enum schema_type */
	bool open;		/* an object that may have fields of other names */
	bool object;		/* an object of the API by itself: apiVersion, kind, metadata */
	const char *ref;	/* it is what this definition is; NULL */
	struct schema_prop *props;	/* sorted by name */
	size_t n_props;
	const char **required;
	size_t n_required;
	char **values;		/* of an enum, as canonical JSON */
	size_t n_values;
	const struct schema_node *items;	/* of a list; NULL: any */
	const struct schema_node *others;	/* of the values of a map; NULL: any */
};

struct schema_prop {
	const char *name;
	const struct schema_node *node;
};

/* One kind of one version. */
struct schema_kind {
	const char *group, *version, *kind;
	const struct schema_node *node;
};

struct schema {
	struct arena arena;	/* holds all of it */
	VEC(struct schema_prop) definitions;	/* sorted after schema_close() */
	VEC(struct schema_kind) kinds;
	size_t n_nodes;		/* private */
};

/* Adds what an OpenAPI document says. ERR_INVALID: it is none; ERR_LIMIT. */
int schema_add(struct schema *s, const json_t *openapi, struct err *err)
	__attribute__((warn_unused_result));
/* Adds the kinds of a CustomResourceDefinition; of what is odd in it nothing. */
int schema_add_crd(struct schema *s, const json_t *crd, struct err *err)
	__attribute__((warn_unused_result));
/* Nothing more comes. A kind that was added twice is what was added last. */
void schema_close(struct schema *s);
void schema_deinit(struct schema *s);
/* NULL: unknown. Borrowed. */
const struct schema_node *schema_find(const struct schema *s, const char *group,
				      const char *version, const char *kind);
/* The definition behind references; NULL when there is none. */
const struct schema_node *schema_resolve(const struct schema *s,
					 const struct schema_node *n);

/* check_value.c: tells of all that does not fit; a kind that is unknown, too. */
void schema_check(const struct schema *s, struct check *c);

#endif
