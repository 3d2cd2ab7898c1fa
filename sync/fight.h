/*
 * fight.h - objects that somebody changes back each time they are healed. Pure.
 *
 * The first heal of an object is immediate, the next ones come after 5, 10, 20 s;
 * after 5 of them within 10 minutes it is lost: not healed any more until a sync, or
 * until it has been as Git says for 10 minutes.
 */
#ifndef SYNC_FIGHT_H
#define SYNC_FIGHT_H

#include "sync/record.h"

#define FIGHT_HEALS 5
#define FIGHT_MS (10 * 60 * 1000)
#define FIGHTS_MAX 1000		/* remembered at once; the oldest is forgotten */

struct fight {
	char *key;		/* objkey_format */
	uint64_t at[FIGHT_HEALS];	/* mono ms of the last heals, newest first */
	bool lost;
};
struct fights {
	struct fight *data;
	size_t len, cap;
};

/* It was healed. True: that was once too often, and it is lost from now on. */
bool fights_note(struct fights *f, const struct objkey *k, uint64_t now);
bool fights_lost(const struct fights *f, const struct objkey *k);
/* It is as Git says: forgiven, when it has been for long enough. */
void fights_peace(struct fights *f, const struct objkey *k, uint64_t now);
/* How long the next heal of it has to wait. */
uint64_t fights_wait(const struct fights *f, const struct objkey *k, uint64_t now);
/* The names of what is lost, "" when nothing is: at most 3 and a count. */
void fights_describe(const struct fights *f, struct buf *out);
void fights_clear(struct fights *f);

#endif
