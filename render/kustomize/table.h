/* table.h - short names for the rows of a struct ktype (spec.h). */
#ifndef KUST_TABLE_H
#define KUST_TABLE_H

#include "spec.h"

#define AT(type, member) offsetof(struct type, member)
#define TEXT(type, name, member) { name, KF_TEXT, AT(type, member), NULL, NULL }
#define TEXT_OR_NULL(type, name, member) \
	{ name, KF_TEXT_OR_NULL, AT(type, member), NULL, NULL }
#define BOOL(type, name, member) { name, KF_BOOL, AT(type, member), NULL, NULL }
#define INT(type, name, member) { name, KF_INT, AT(type, member), NULL, NULL }
#define TEXTS(type, name, member) { name, KF_TEXTS, AT(type, member), NULL, NULL }
#define PAIRS(type, name, member) { name, KF_PAIRS, AT(type, member), NULL, NULL }
#define LIST(type, name, member, of) { name, KF_LIST, AT(type, member), of, NULL }
#define POINTER(type, name, member, of) \
	{ name, KF_STRUCT_PTR, AT(type, member), of, NULL }
#define STRUCT(type, name, member, of) { name, KF_STRUCT, AT(type, member), of, NULL }
#define CUSTOM(name, fn) { name, KF_CUSTOM, 0, NULL, fn }
#define IGNORED(name) { name, KF_IGNORED, 0, NULL, NULL }
#define END { NULL, KF_IGNORED, 0, NULL, NULL }

#endif
