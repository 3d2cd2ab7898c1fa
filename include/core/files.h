/*
 * files.h - a read-only tree of files: a Git commit, or a local folder.
 *
 * Paths are relative, '/'-separated, without leading or trailing '/', without
 * "." or ".." segments; "" is the root. Whatever an implementation does, it
 * never leaves its root: symlinks and submodules are reported, never followed.
 * Whoever wants a link followed inside the tree asks files_resolve().
 */
#ifndef CORE_FILES_H
#define CORE_FILES_H

#include <stdint.h>

#include "core/err.h"
#include "core/mem.h"

enum file_kind { FILE_REGULAR, FILE_FOLDER, FILE_SYMLINK, FILE_SUBMODULE };

struct file_entry {
	char *name;		/* one path segment, valid UTF-8 */
	enum file_kind kind;
	char id[65];		/* Git OID, "" for a local folder */
};

struct file_list {
	struct file_entry *data;
	size_t len, cap;
};
void file_list_deinit(struct file_list *l);

struct files {
	const struct files_ops *ops;
};

struct files_ops {
	/* NOTFOUND: nothing there. */
	int (*stat)(struct files *f, const char *path, struct file_entry *ret,
		    struct err *err);
	/* Sorted by name (bytes). NOTFOUND, INVALID (not a folder), LIMIT. */
	int (*list)(struct files *f, const char *path, struct file_list *ret,
		    struct err *err);
	/*
	 * NUL-terminated copy, owned by the caller. INVALID: not a regular file;
	 * LIMIT: more than max bytes.
	 */
	int (*read)(struct files *f, const char *path, size_t max, char **ret,
		    size_t *ret_len, struct err *err);
	void (*close)(struct files *f);
	/*
	 * What a symbolic link holds, owned by the caller; NULL: links cannot be read.
	 * INVALID: not a link.
	 */
	int (*link)(struct files *f, const char *path, char **ret, struct err *err);
};

/*
 * The tree of a commit of a bare repository (core/git). NULL on error. While it
 * is open the mirror's generation is not removed. NOTFOUND with retry: the mirror
 * or commit is gone, fetch again. IO with retry, from here or from any function:
 * the mirror is damaged, fetch with `rebuild`.
 */
struct files *files_git_open(const char *mirror, const char *commit,
			     struct err *err);
/*
 * A commit or annotated tag of that repository as it is there, of at most max bytes:
 * *ret is owned by the caller, and NUL-terminated behind *len. NOTFOUND with retry: it is
 * not in the mirror; INVALID: it is something else; LIMIT.
 */
int files_git_object(struct files *f, const char *id, bool is_tag, size_t max, char **ret,
		     size_t *len, struct err *err) __attribute__((warn_unused_result));
/*
 * Every tree and blob asked for so far, in order of first use and deduplicated,
 * as lines "path oid\n" ("path -\n" where nothing was there): what a render
 * depends on. Borrowed until the next call for f.
 */
const char *files_git_read_set(struct files *f);
/* A folder on disk, for syncctl render (core/base). ".git" entries are not shown. */
struct files *files_dir_open(const char *folder, struct err *err);
struct files *files_close(struct files *f);	/* NULL-safe */

/*
 * Joins and normalises "a/b" + "../c" -> "a/c". INVALID when it is absolute,
 * climbs out of the root or holds control bytes. *ret is owned by the caller.
 */
int files_join(const char *base, const char *rel, char **ret, struct err *err)
	__attribute__((warn_unused_result));
/*
 * The path of what is at path once symbolic links were followed inside the tree, and
 * its kind: never a link. INVALID: a link that leaves the tree, a loop of links, a
 * submodule on the way. *ret is owned by the caller.
 */
int files_resolve(struct files *f, const char *path, char **ret, enum file_kind *kind,
		  struct err *err) __attribute__((warn_unused_result));

#endif
