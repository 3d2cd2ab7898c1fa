/* kust_fixture.h - a build around trees given as text, for tests of its modules. */
#ifndef KUST_FIXTURE_H
#define KUST_FIXTURE_H

#include "render/kustomize/spec.h"
#include "tree_files.h"

struct kfix {
	struct kust k;
	struct kust_options options;
	struct tree_files tree;
	struct kfolder folder;	/* "app", with app/kustomization.yaml */
	char warning[480];	/* the last one */
	struct buf out;
};

/* files may be NULL: an empty tree. */
void kfix_init(struct kfix *f, const struct tree_file *files);
void kfix_deinit(struct kfix *f);
/* The documents of a YAML text as resources of file t.yaml; fails the test on error. */
struct kmap *kfix_map(struct kfix *f, const char *yaml);
/* The first document, or NULL where it is empty. */
struct node *kfix_node(struct kfix *f, const char *yaml);
/* All resources as canonical JSON, a line each; borrowed until the next call. */
const char *kfix_dump(struct kfix *f, const struct kmap *m);
const char *kfix_json(struct kfix *f, const struct node *n);

/*
 * Cases of a text file: "=== name", objects, "-- do", what is to be done, "-- want",
 * the outcome as JSON lines or "error: " and a part of the message.
 */
struct kfix_case {
	char *name, *objects, *todo, *want;
};
struct kfix_cases {
	struct kfix_case *data;
	size_t len, cap;
};
void kfix_cases_read(const char *path, struct kfix_cases *ret);
void kfix_cases_free(struct kfix_cases *l);
/* Fails the test unless the outcome (rc, m) is what the case wants. */
void kfix_judge(struct kfix *f, const struct kfix_case *c, const struct kmap *m, int rc,
		const struct err *err);

#endif
