/*
 * semver.h - versions and ranges of versions, as Argo CD reads them out of tags and
 * targetRevision: the rules of github.com/Masterminds/semver v3. Pure.
 */
#ifndef CORE_SEMVER_H
#define CORE_SEMVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "1", "v1.2", "1.2.3-rc.1+build": missing numbers are 0, what follows + is ignored. */
struct semver {
	uint64_t n[3];
	const char *pre;	/* borrowed from the text, not terminated */
	size_t pre_len;		/* 0: a release */
};

/* All of text, or -1. */
int semver_parse(struct semver *v, const char *text);
/* Order of precedence: < 0, 0, > 0. */
int semver_cmp(const struct semver *a, const struct semver *b);

#define SEMVER_CLAUSES 32

struct semver_clause {
	int op;			/* private: enum of semver.c */
	bool any_major, any_minor, any_patch;	/* "*", "1.x", "1.2" */
	struct semver v;
};

/* "^1.2", ">=1.2 <2 || 3.*", "1.2 - 1.4": groups of clauses that all must hold. */
struct semver_range {
	struct semver_clause clauses[SEMVER_CLAUSES];
	unsigned group[SEMVER_CLAUSES];	/* whose clause it is, from 0 */
	bool pre[SEMVER_CLAUSES];	/* the group names a prerelease: it admits them */
	size_t len;
};

/* Borrows from text. -1: it is no range, or has more clauses than fit. */
int semver_range_parse(struct semver_range *r, const char *text);
bool semver_range_has(const struct semver_range *r, const struct semver *v);

#endif
