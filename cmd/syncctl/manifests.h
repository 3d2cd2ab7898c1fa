/*
 * manifests.h - the folders manifests/crds and manifests/install as this program was
 * built with them (cmake/embed.cmake writes the table).
 */
#ifndef SYNCCTL_MANIFESTS_H
#define SYNCCTL_MANIFESTS_H

#include <stddef.h>

struct files;

struct manifest_file {
	const char *path;	/* below manifests/; the table is sorted by it */
	const unsigned char *data;	/* a NUL after len bytes */
	size_t len;
};
extern const struct manifest_file manifest_files[];
extern const size_t manifest_files_len;

/* They as a tree of files. Closed by files_close(); cannot fail. */
struct files *manifests_open(void);

#endif
