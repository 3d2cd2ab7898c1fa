/* leasejob.h - a candidate "me" for Lease sys/lead in a fake world. */
#ifndef UNIT_LEASEJOB_H
#define UNIT_LEASEJOB_H

#include "core/lease.h"
#include "kubejob.h"

/* That the Lease is not there. */
#define NOT_FOUND "{\"reason\":\"NotFound\",\"details\":{\"name\":\"lead\"}}"

struct llab {
	struct lab lab;
	struct lease *l;
	unsigned acquired, lost, released;
	uint64_t epoch;
	struct err why;
	bool free_it;		/* in the callback */
};

struct llab *llab_start(bool watch);
struct llab *llab_new(void);	/* one that does not watch */
void llab_free(struct llab *l);

/* fake_take() and fake_run() of it. */
struct fake_call *llab_take(struct llab *l, const char *method);
void llab_run(struct llab *l, uint64_t ms);
/* A Lease as the server has it, at version 100 + n; valid until the next call. */
const char *llab_text(const char *holder, int n, const char *renewed);
/* The server stores what was sent. */
void llab_accept(struct fake_call *c);
/* Its first read and create. */
void llab_lead(struct llab *l);
/* What was sent holds this. */
void llab_check(const struct fake_call *c, const char *want);
/* For lease_release(). */
void llab_released(void *arg);

#endif
