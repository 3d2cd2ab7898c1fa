/*
 * replace.h - an object that cannot be changed in place: which may be deleted and
 * made anew, and how it is told from other refusals. Pure.
 *
 * Driven by the API server's refusal alone: no table of immutable fields can know
 * what a version of Kubernetes allows. What is asked here:
 *
 *   refusal                                  kind                    permitted   what follows
 *   not for an immutable field               any                     any         the refusal
 *   for one                                  claims, volumes, custom any         the refusal, and why
 *   for one                                  the rest of the table   no          the refusal, and the option
 *   for one                                  Deployment ...          yes         prove, delete orphaning, apply
 *   for one                                  Job, Service ...        yes         prove, delete, apply
 */
#ifndef SYNC_REPLACE_H
#define SYNC_REPLACE_H

#include <jansson.h>
#include <stdbool.h>

#include "core/buf.h"
#include "core/err.h"

enum replace_way {
	REPLACE_NEVER,		/* its deletion would lose data, or may */
	REPLACE_PLAINLY,
	REPLACE_ORPHANING,	/* its pods live on and are adopted again */
};
enum replace_way replace_way(const char *group, const char *kind);

/*
 * Is this Status the API server's refusal to change an immutable field of the
 * object `name`? Then field holds its path. A webhook's words do not count, nor
 * does a refusal of another object.
 */
bool replace_is_refusal(int http, const json_t *status, const char *name,
			char field[128]);
/* Says in *err what would have to be allowed, or why it never is. */
void replace_explain(enum replace_way way, const char *kind, const char *field,
		     struct err *err);

/*
 * A name to ask with whether the new object would be accepted: not the old one's,
 * at most 52 characters, made of its beginning and 8 digits of its hash.
 */
void replace_temp_name(const char *name, char out[64]);
/* Would the new object (as the dry run answers it) adopt what the old one made? */
bool replace_adopts(const json_t *new_object, const json_t *old_object);

#endif
