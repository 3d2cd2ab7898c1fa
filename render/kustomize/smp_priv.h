/* smp_priv.h - what the two files of the strategic merge share. */
#ifndef KUST_SMP_PRIV_H
#define KUST_SMP_PRIV_H

#include "schema.h"

#define SMP_KEYS_MAX 16		/* of a compound merge key; schema.c keeps to it */
#define SMP_DEPTH_MAX 200
/* Elements of lists looked at in one merge: lists merge in quadratic time. */
#define SMP_STEPS_MAX 40000000u

/* One merge: what the reference keeps in its Walker but for the sources. */
struct smp {
	struct kust *k;
	size_t steps;		/* against SMP_STEPS_MAX */
	int depth;
	struct err *err;
};

/* Sources: [0] is changed in place. NULL: not there. */
struct smp_pair {
	struct node *dest, *origin;
};

/* A null counts as missing; NULL too. */
bool smp_missing(const struct node *n);
/* Walker.Walk: *ret is NULL when the value is to vanish. */
int smp_walk(struct smp *w, struct smp_pair p, const struct kschema_node *schema,
	     struct node **ret);
/* walkAssociativeSequence; p.dest may be the same node as p.origin. */
int smp_merge_list(struct smp *w, struct smp_pair p, const struct kschema_node *schema,
		   const char *const *keys, struct node **ret);
/* The directive of a list is dealt with: what becomes of the list, in p. */
enum smp_directive { SMP_MERGE, SMP_REPLACE, SMP_DELETE };
/* Finds a directive and takes it out of the patch. */
int smp_directive_of(struct smp *w, struct node *patch, enum smp_directive *ret);
/* Takes out of list what has field key with that value (ElementSetter without one). */
int smp_drop_elements(struct smp *w, struct node *list, const char *const *keys,
		      const char *const *values, size_t n_values);
/* FieldSetter of a field that exists: *at becomes value, without sharing its kids. */
void smp_assign(struct smp *w, struct node *at, const struct node *value);
int smp_wrong_kind(struct smp *w, enum node_kind want, const struct node *have);

#endif
