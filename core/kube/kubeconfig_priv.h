/* kubeconfig_priv.h - several kubeconfig files as one. */
#ifndef KUBECONFIG_PRIV_H
#define KUBECONFIG_PRIV_H

#include <jansson.h>

#include "core/buf.h"
#include "core/kubeconfig.h"
#include "core/mem.h"

struct config_file {
	char *path;
	json_t *json;
};
struct config_files {
	VEC(struct config_file) list;
};

/* One entry of clusters, users or contexts, and the file it stands in. */
struct config_entry {
	const json_t *value;	/* of "cluster", "user" or "context"; borrowed */
	const char *file;	/* borrowed */
	const char *kind, *name;	/* for messages; borrowed */
};

/*
 * Loads path, or with NULL the KUBECONFIG list (missing ones are skipped) or
 * ~/.kube/config. ERR_NOTFOUND: there is none.
 */
int config_files_load(struct config_files *fs, const char *path, struct err *err)
	__attribute__((warn_unused_result));
void config_files_deinit(struct config_files *fs);
/* The first file that has one; NULL: none. */
const char *config_current_context(const struct config_files *fs);
/*
 * kind: "cluster", "user", "context". The first file with that name wins, whole.
 * -1: there is none (err is not set).
 */
int config_find(const struct config_files *fs, const char *kind, const char *name,
		struct config_entry *ret);
/* The names of that kind, "a, b, c", for messages. */
void config_names(const struct config_files *fs, const char *kind, struct buf *out);

/* A whole small file; path relative to the folder of base (NULL: as it is). */
int config_read(const char *path, const char *base, struct buf *out,
		struct err *err) __attribute__((warn_unused_result));
char *config_resolve(const char *path, const char *base);

/* Strings and buffers that must not linger; NULL-safe. */
void config_wipe(char *s);
void config_wipe_buf(struct buf *b);
/* Blanks around a token go; what could add a header is ERR_INVALID, after where. */
int config_set_token(char **bearer, const char *text, size_t len,
		     const char *where, struct err *err);

#endif
