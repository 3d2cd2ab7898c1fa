/*
 * items.h - items of a list by the values of some of their keys, or by their own: found by
 * hash, so that a list of thousands costs what it holds and not its square. Pure.
 *
 * kind: 'k', the keys of `match` (a map) with its values; 'v', the whole value.
 */
#ifndef SYNC_ITEMS_H
#define SYNC_ITEMS_H

#include <jansson.h>
#include <stdbool.h>

#include "core/mem.h"

/* Names that stand together as keys; of others than the first so many nothing is found. */
#define ITEMS_SETS_MAX 256

struct item_names {
	char **data;		/* sorted */
	size_t len, cap;
};

struct item_entry;

/* {0} is an empty one. */
struct items {
	VEC(struct item_names) sets;
	struct item_entry *entries;
	bool has_values;
};

void items_deinit(struct items *x);

/* The index of the first item that has those keys; SIZE_MAX: none. x is of this list only. */
size_t items_find(struct items *x, const json_t *list, char kind, const json_t *match);

/* What is kept of items that are so: *slot is owned by x, at first NULL. NULL: too many. */
json_t **items_slot(struct items *x, char kind, const json_t *match);
/*
 * What was kept of such as this one, for n = 0, 1, ... until false; *ret is borrowed, NULL:
 * nothing. A key that the item lacks is null.
 */
bool items_kept(const struct items *x, size_t n, const json_t *item, json_t **ret);

#endif
