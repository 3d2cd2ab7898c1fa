/* tree_files.h - a tree of files in memory, for tests of what reads files. */
#ifndef TREE_FILES_H
#define TREE_FILES_H

#include "core/files.h"

/* A file; text "->x" is a symbolic link. */
struct tree_file {
	const char *path, *text;
};

struct tree_files {
	struct files files;
	const struct tree_file *all;	/* borrowed; path NULL ends it */
};

void tree_files_init(struct tree_files *t, const struct tree_file *all);

#endif
