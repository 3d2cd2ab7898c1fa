/*
 * node.h - YAML as people write it, JSON as the API server reads it.
 *
 * `<yaml.h>` is used behind this page only. A document becomes a tree that keeps
 * what was written (text, quoting, tag, line), because two dialects are read from
 * it: Kubernetes' (sigs.k8s.io/yaml, that is go.yaml.in/yaml/v2 resolve.go) when
 * JSON is made of it, and Kustomize's. Numbers stay text until the final JSON.
 *
 * Everything of a tree lies in the caller's arena and dies with it.
 */
#ifndef CORE_NODE_H
#define CORE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"

#define NODE_DEPTH_MAX 100
#define NODE_COUNT_MAX 600000u		/* of one document, aliases expanded */
#define NODE_SCALAR_MAX ((size_t)4 << 20)

enum node_kind { NODE_SCALAR, NODE_MAP, NODE_LIST };
enum node_style { NODE_PLAIN, NODE_SINGLE, NODE_DOUBLE, NODE_LITERAL, NODE_FOLDED,
		  NODE_FLOW /* of a map or list: written with brackets */ };

struct node {
	uint8_t kind;		/* enum node_kind */
	uint8_t style;		/* enum node_style */
	bool implicit;		/* a scalar whose type its text decides; beside it a
				   tag is what its text was before (Kustomize) */
	bool bare;		/* made by render/kustomize without a tag: see kplain() */
	uint32_t line;		/* from 1; 0: made by us */
	const char *tag;	/* as resolved by libyaml ("tag:yaml.org,2002:str"), or NULL */
	union {
		const char *text;	/* scalar: NUL-terminated, never holds a NUL */
		struct node **kids;	/* map: key, value, key, value...; list: items */
	};
	uint32_t len;		/* bytes of text; number of kids (a map's: twice its keys) */
	uint32_t cap;		/* private */
};

/* One text of several documents. */
struct node_reader;

/*
 * text is borrowed until the reader is freed. Text that starts with '{' is read as
 * JSON values one after the other, and as YAML if it is not that.
 */
struct node_reader *node_reader_new(const char *text, size_t len);
/*
 * The same, but of a key that is twice in a map the last one counts: sigs.k8s.io/yaml
 * where it is not strict, which is how a kustomization is read. dropped(): the first
 * such key with its lines, borrowed from the reader; NULL: none so far.
 */
struct node_reader *node_reader_new_lenient(const char *text, size_t len);
const char *node_reader_dropped(const struct node_reader *r);
/*
 * The same as Kustomize reads resources and patches: keys are told apart by their
 * texts, `<<` never overwrites a key, `! 5` is a number; refused are '%' directives
 * and text behind a separating "---". A key that is twice in a map stays so, and
 * node_get() finds the first: node_canonical() and node_through_json() refuse it.
 */
struct node_reader *node_reader_new3(const char *text, size_t len);
struct node_reader *node_reader_free(struct node_reader *r);
/*
 * 1: the next document in *ret (a document without content is a null scalar); 0: no
 * more; -1: ERR_INVALID naming the line, or ERR_LIMIT (depth, nodes, aliases, long
 * scalars); nothing more can be read then. Duplicate keys (but see above), NULs, merges
 * that would overwrite an earlier key, unknown anchors are refused; `<<` is merged.
 */
int node_read(struct node_reader *r, struct arena *a, struct node **ret,
	      struct err *err) __attribute__((warn_unused_result));

/* What a scalar means in Kubernetes' dialect. */
enum scalar_type { SCALAR_NULL, SCALAR_BOOL, SCALAR_INT, SCALAR_FLOAT, SCALAR_STRING };
struct scalar {
	enum scalar_type type;
	bool truth;		/* BOOL */
	bool negative;		/* INT: value is -magnitude */
	uint64_t magnitude;	/* INT */
	double real;		/* FLOAT; may be infinite or NaN */
};
/* ERR_INVALID when an explicit tag contradicts the text. !!binary is a STRING. */
int node_scalar(const struct node *n, struct scalar *ret, struct err *err)
	__attribute__((warn_unused_result));
/* True for a scalar that reads as a string: its text is n->text. NULL-safe. */
bool node_is_string(const struct node *n);
bool node_is_null(const struct node *n);	/* true for NULL too */

/* The value of a map's key, or NULL (also when map is NULL or not a map). */
struct node *node_get(const struct node *map, const char *key);
/* A step per key: node_find(n, "metadata", "labels", NULL). */
struct node *node_find(const struct node *n, ...) __attribute__((sentinel));
/* The string there, or NULL when absent or not a string. */
const char *node_get_str(const struct node *map, const char *key);
/* The key node that node_get() found its value under: for its line. */
struct node *node_get_key(const struct node *map, const char *key);

struct node *node_new_str(struct arena *a, const char *text);	/* quoted */
struct node *node_new_map(struct arena *a);
struct node *node_new_list(struct arena *a);
struct node *node_copy(struct arena *a, const struct node *n);	/* deep; texts shared */
void node_append(struct arena *a, struct node *list, struct node *item);
void node_set(struct arena *a, struct node *map, const char *key, struct node *value);
bool node_remove(struct node *map, const char *key);	/* was it there? */

/*
 * The key of a map as JSON has it (`on:` is "true", `0x10:` is "16"). Borrowed from
 * the node or from tmp. NULL and *err when it cannot be a key.
 */
const char *node_key_text(const struct node *key, char tmp[32], struct err *err);

/*
 * Canonical JSON, appended: compact, keys sorted by bytes, numbers as Go prints
 * what sigs.k8s.io/yaml reads. ERR_INVALID names line and key.
 */
int node_to_json(const struct node *n, struct buf *out, struct err *err)
	__attribute__((warn_unused_result));
/* A double as encoding/json prints it; f is finite. */
void node_float_text(double f, char out[32]);

/*
 * Kustomize's dialect: what a scalar is to kyaml's fork of go-yaml v3 (yaml.Node's
 * short tag): "yes" and "on" are texts, 0o17 and 017 are numbers, dates are times.
 */
enum node_type { NODE_NULL, NODE_BOOL, NODE_INT, NODE_FLOAT, NODE_STR, NODE_TIME,
		 NODE_BINARY, NODE_MERGE };
enum node_type node_type3(const struct node *n);
/*
 * A copy in which every scalar is what Kustomize prints of it: texts quoted (never
 * implicit), numbers, booleans and nulls plain in their canonical spelling, so that
 * both dialects and JSON read it alike. Texts are shared with n. ERR_INVALID: an
 * infinity, a NaN, a key that is no text or there twice: line and key are named.
 */
int node_canonical(struct arena *a, const struct node *n, struct node **ret,
		   struct err *err) __attribute__((warn_unused_result));
/* ERR_INVALID where a key is twice in one of n's maps, with both lines. */
int node_check_doubles(const struct node *n, struct err *err)
	__attribute__((warn_unused_result));
/*
 * The same of a tree that is read into values and written as JSON without being
 * printed as YAML first, as a list's items are: a missing value stays a null, a
 * text's blanks and breaks are left alone, and a key must be a text at the root, too.
 */
int node_through_json(struct arena *a, const struct node *n, struct node **ret,
		      struct err *err) __attribute__((warn_unused_result));
/*
 * A canonical tree as sigs.k8s.io/yaml.JSONToYAML prints it: keys in go-yaml's
 * natural order, block style, lists not indented, folded at 80. Appended to out.
 */
int node_to_yaml(const struct node *n, struct buf *out, struct err *err)
	__attribute__((warn_unused_result));

/*
 * The first document of a YAML (or JSON) text as compact JSON, appended to out.
 * An empty text gives "null". ERR_INVALID names the line; ERR_LIMIT a cap.
 */
int node_text_to_json(const char *text, size_t len, struct buf *out,
		      struct err *err) __attribute__((warn_unused_result));

#endif
