/* yaml_priv.h - what the files of core/yaml share. */
#ifndef YAML_PRIV_H
#define YAML_PRIV_H

#include "core/node.h"

/* One of the four timestamp forms of yaml v2: it stays a string. */
bool scalar_is_timestamp(const char *s);
/* What a plain text is to yaml v2; tag is the one written (int, bool...) or NULL. */
void scalar_resolve(const char *s, size_t len, const char *tag, struct scalar *ret);
/* Is tag one of those that a text may contradict? */
bool scalar_is_typed_tag(const char *tag);
/* Does what the text says agree with it? May turn an integer into a float. */
bool scalar_agrees(const char *tag, const char *text, struct scalar *s);
/*
 * What a scalar is to yaml v3. ret says more of numbers and booleans; a time or a
 * binary is a STRING there. ERR_INVALID: the text contradicts its tag.
 */
int scalar_read3(const struct node *n, struct scalar *ret, enum node_type *type,
		 struct err *err) __attribute__((warn_unused_result));
/* A text that scalar_is_timestamp(), as Go prints it: RFC 3339. False: it cannot. */
bool scalar_time_text(const char *s, char out[48]);
/* strconv.FormatFloat(f, 'g', -1, 64); f is finite. */
void scalar_float_g(double f, char out[32]);

/*
 * What n's text becomes when go-yaml v3 prints and reads it; *text is n's or a's.
 * ERR_INVALID: it could not be read.
 */
int text_reprint(struct arena *a, const struct node *n, const char **text, size_t *len,
		 struct err *err) __attribute__((warn_unused_result));
/* Does libyaml take the character at s for a printable one? */
bool text_is_printable(const char *s);

/* Ranges of runes beyond ASCII, sorted: see unicode_data.c. */
struct unicode_range {
	uint32_t from, to;
};
extern const struct unicode_range unicode_letters[], unicode_digits[];
extern const size_t n_unicode_letters, n_unicode_digits;
/* go-yaml's order of keys: digit runs by value, letters last. */
bool key_less(const char *a, size_t a_len, const char *b, size_t b_len);

/* The escape that go-yaml knows and libyaml does not: see escapes.c. */
struct escapes {
	char *text;		/* what libyaml is to read; NULL: as it is written */
	char hidden[3];		/* what stands there for the pair */
};

/* False: there is none to hide. */
bool escapes_hide(struct escapes *e, const char *text, size_t len);
void escapes_deinit(struct escapes *e);
/* A scalar that was read, in place, with its NUL. False: it ends within one. */
bool escapes_show(const struct escapes *e, char *text, size_t *len,
		  enum node_style style);

/* A float as yaml.go makes a map's key of it. */
void scalar_float_key(double f, char out[32]);

/* A collection's kids while they are being read: a stack shared by all levels. */
struct kids {
	struct node **data;
	size_t len, cap;
};

/* Copies kids from `from` to the end into n and takes them off the stack. */
void kids_close(struct kids *k, size_t from, struct arena *a, struct node *n);
/* How the keys of maps are read. */
enum doubles {
	DOUBLES_REFUSED,	/* naming both lines */
	DOUBLES_LAST,		/* the last one counts, the others go */
	DOUBLES_KEPT,		/* until the tree is printed: map_check_texts() */
};
struct key_rules {
	bool v3;		/* Kustomize's dialect: told apart by their texts */
	enum doubles doubles;
	struct err dropped;	/* DOUBLES_LAST: the first that went, with both lines */
};
int map_check_keys(struct node *map, struct key_rules *rules, struct err *err)
	__attribute__((warn_unused_result));
/* Refuses two keys of the same text; all keys are scalars. */
int map_check_texts(const struct node *map, struct err *err)
	__attribute__((warn_unused_result));

/* Replaces the pair `<<` among the pairs kids[from..] by what it names. */
int map_merge(struct kids *k, size_t from, bool v3, struct arena *a, struct err *err)
	__attribute__((warn_unused_result));

/* Counts nodes against NODE_COUNT_MAX; NULL beyond it. */
struct node *node_make(struct arena *a, size_t *count, enum node_kind kind,
		       size_t line, struct err *err);

/*
 * JSON text at *pos: 1 and the value, 0 at the end, -1 when it is not JSON (or
 * over a cap: ERR_LIMIT). *pos and *line move behind what was read.
 */
int json_read(const char *text, size_t len, size_t *pos, size_t *line,
	      struct key_rules *rules, struct arena *a, struct node **ret,
	      struct err *err) __attribute__((warn_unused_result));

/* YAML through libyaml's events. */
struct yaml_source;
struct yaml_source *yaml_source_new(const char *text, size_t len,
				    struct key_rules *rules);	/* borrowed */
struct yaml_source *yaml_source_free(struct yaml_source *s);
int yaml_source_read(struct yaml_source *s, struct arena *a, struct node **ret,
		     struct err *err) __attribute__((warn_unused_result));

#endif
