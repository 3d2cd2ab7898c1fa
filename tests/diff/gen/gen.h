/*
 * gen.h - random kustomizations, for comparing with the reference: a seed makes the
 * same tree again (built by the same compiler). Most are valid; where the reference refuses one, so must we.
 */
#ifndef GEN_H
#define GEN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/mem.h"

/* What lies in a tree and may be patched, copied from, named. */
struct gen_obj {
	const char *api, *kind;
	char name[16];
	const char *ns;		/* "" = none */
	bool pods;		/* has spec.replicas and a pod template */
	int layer;		/* where it was made */
};

#define GEN_OBJS 256

struct gen {
	uint64_t state;		/* of the random numbers */
	const char *root;	/* the folder that is written to */
	struct gen_obj objs[GEN_OBJS];
	int n_objs;
	int layers, components;	/* how many there are: they number folders */
	int vars;
};

/* A number below n, from 0. */
unsigned gen_below(struct gen *g, unsigned n);
/* True in percent of cases. */
bool gen_chance(struct gen *g, unsigned percent);
#define gen_pick(g, list) ((list)[gen_below((g), ARRAY_LEN(list))])

const char *gen_name(struct gen *g);	/* of few, so that they meet */
const char *gen_scalar(struct gen *g);	/* YAML of any type, in flow style */
const char *gen_text(struct gen *g);	/* YAML of a text */
const char *gen_image(struct gen *g);	/* with or without a tag */
const char *gen_image_name(struct gen *g);

/* Each line of text behind an indentation, as a block's. */
void gen_inline(struct buf *out, const char *text, const char *indent);

/* A file of the tree; its folder is made. Ends the program where it cannot. */
void gen_write(struct gen *g, const char *path, const struct buf *text);

/* An object of a random kind, appended to out as one document; remembered. */
void gen_object(struct gen *g, struct buf *out, int layer);
/* Remembers one; false when that kind and name is there already. */
bool gen_remember(struct gen *g, const char *api, const char *kind, const char *name,
		  const char *ns, bool pods, int layer);
/* One from the objects first.. (up to n_objs), or NULL when there is none. */
const struct gen_obj *gen_some(struct gen *g, int first);
const struct gen_obj *gen_some_kind(struct gen *g, int first, const char *kind);
const struct gen_obj *gen_some_pods(struct gen *g, int first);
void gen_meta(struct gen *g, struct buf *out, const char *name, const char *ns);
void gen_container(struct gen *g, struct buf *out, const char *name, bool full);

/*
 * The fields of a kustomization, appended to out; dir is its folder, where further
 * files go; objects from first on are what it sees.
 */
void gen_fields(struct gen *g, struct buf *out, const char *dir, int layer, int first,
		bool component);
void gen_patches(struct gen *g, struct buf *out, const char *dir, int first);
void gen_schemas(struct gen *g, struct buf *out, const char *dir);
void gen_plugins(struct gen *g, struct buf *out, const char *dir, int layer, int first);
void gen_replacements(struct gen *g, struct buf *out, const char *dir, int first);

/* Prints what the trees hold whose folders standard input names; the exit status. */
int gen_reach(void);

#endif
