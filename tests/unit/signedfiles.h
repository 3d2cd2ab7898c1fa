/* signedfiles.h - the files of tests/unit/signed: what gpg signed there, and its keys. */
#ifndef TESTS_SIGNEDFILES_H
#define TESTS_SIGNEDFILES_H

#include <stddef.h>

#include "core/signed.h"

/* The bytes of that file, NUL-terminated behind *len: the caller's. Aborts where there is none. */
char *signed_file(const char *name, size_t *len);
/* The nth key ID of that name, as the file ids has it: 0 is the primary key's. */
void signed_id_of(const char *name, int n, char ret[SIGNED_ID]);

#endif
