/*
 * record_tables.h - what fields the state record has, for record_codec.c; private to
 * the two.
 */
#ifndef SYNC_RECORD_TABLES_H
#define SYNC_RECORD_TABLES_H

#include <stddef.h>

#include "sync/record.h"

enum record_type {
	TYPE_STR,	/* char *, owned */
	TYPE_TEXT,	/* char[size] */
	TYPE_I64, TYPE_U64, TYPE_U32, TYPE_INT, TYPE_BOOL,
	TYPE_NAME,	/* an enum, as its name */
	TYPE_STRUCT,	/* embedded; rows in sub */
	TYPE_LIST,	/* a VEC of structs of size bytes; rows in sub */
};

struct record_table;

struct record_field {
	const char *key;
	enum record_type type;
	size_t offset, size;
	const char *(*name)(unsigned i);	/* TYPE_NAME */
	unsigned n_names;
	const struct record_table *sub;
};

struct record_table {
	const struct record_field *fields;	/* sorted by key: that is canonical */
	size_t n;
};

/* Of struct record itself. */
extern const struct record_table record_table;

#endif
