/* yaml_priv.h - what the files of core/yaml share. */
#ifndef YAML_PRIV_H
#define YAML_PRIV_H

#include "core/node.h"

/* One of the four timestamp forms of yaml v2: it stays a string. */
bool scalar_is_timestamp(const char *s);
/* A float as yaml.go makes a map's key of it. */
void scalar_float_key(double f, char out[32]);

/* A collection's kids while they are being read: a stack shared by all levels. */
struct kids {
	struct node **data;
	size_t len, cap;
};

/* Copies kids from `from` to the end into n and takes them off the stack. */
void kids_close(struct kids *k, size_t from, struct arena *a, struct node *n);
/* Refuses two keys that become the same JSON key, naming both lines. */
int map_check_keys(const struct node *map, struct err *err)
	__attribute__((warn_unused_result));

/* Replaces the pair `<<` among the pairs kids[from..] by what it names. */
int map_merge(struct kids *k, size_t from, struct arena *a, struct err *err)
	__attribute__((warn_unused_result));

/* Counts nodes against NODE_COUNT_MAX; NULL beyond it. */
struct node *node_make(struct arena *a, size_t *count, enum node_kind kind,
		       size_t line, struct err *err);

/*
 * JSON text at *pos: 1 and the value, 0 at the end, -1 when it is not JSON (or
 * over a cap: ERR_LIMIT). *pos and *line move behind what was read.
 */
int json_read(const char *text, size_t len, size_t *pos, size_t *line,
	      struct arena *a, struct node **ret, struct err *err)
	__attribute__((warn_unused_result));

/* YAML through libyaml's events. */
struct yaml_source;
struct yaml_source *yaml_source_new(const char *text, size_t len);
struct yaml_source *yaml_source_free(struct yaml_source *s);
int yaml_source_read(struct yaml_source *s, struct arena *a, struct node **ret,
		     struct err *err) __attribute__((warn_unused_result));

#endif
