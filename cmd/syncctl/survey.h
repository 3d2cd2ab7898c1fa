/*
 * survey.h - what a tree of files deploys: each kustomization in it, and each
 * Application that it holds or that one of these gives, built as the daemon would.
 * AppProjects are found alike, and only kept.
 *
 * Pure but for the files, and bounded: folders, files, bytes and Applications have
 * caps, links are not followed, and an Application that gives itself is built once.
 */
#ifndef SYNCCTL_SURVEY_H
#define SYNCCTL_SURVEY_H

#include "core/doc.h"
#include "core/files.h"
#include "core/mem.h"
#include "render/render.h"

/* --- what was asked of a tree (survey_reads.c) ------------------------------- */

enum read_op { READ_FILE, READ_KIND, READ_FOLDER, READ_LINK };

struct read_row {
	enum read_op op;
	char *path;
};

/* Files seen through a list of all questions: what a render depends on. */
struct reads {
	struct files files;	/* hand out &r->files */
	struct files *inner;	/* borrowed */
	VEC(struct read_row) rows;	/* after reads_close() sorted, each once */
};
void reads_init(struct reads *r, struct files *inner);
/* Nothing more will be asked. */
void reads_close(struct reads *r);
void reads_deinit(struct reads *r);
/*
 * Would both trees, of which object ids are known, answer that alike? Of a folder only
 * what may be input counts: other folders, links, manifests.
 */
bool reads_same(const struct read_row *row, struct files *a, struct files *b);

/* --- units ------------------------------------------------------------------- */

enum unit_kind { UNIT_KUSTOMIZATION, UNIT_COMPONENT, UNIT_APP, UNIT_PROJECT };
enum unit_state { UNIT_OK, UNIT_FAILED, UNIT_SKIPPED };

struct unit {
	enum unit_kind kind;
	enum unit_state state;
	char *file;		/* the kustomization, or what the manifest is in */
	unsigned line;		/* of the manifest in it, from 1 */
	char *via;		/* the kustomization that gives the manifest; NULL */
	char *folder;		/* of a kustomization; of an Application the first
				   source.path */
	char *ns, *name;	/* of a manifest; "" where not said */
	json_t *app;		/* the Application or AppProject, owned; NULL: neither */
	bool refused;		/* its spec has errors, which are the whys */
	bool included;		/* a kustomization upon which another one builds */
	VEC(char *) whys;	/* FAILED: what is wrong; SKIPPED: why. Owned */
	struct render_answer answer;	/* OK */
	struct reads reads;
};

struct survey_options {
	struct files *files;	/* borrowed; what source.path starts from */
	const char *root;	/* only what lies at and below it is looked for */
	/* Is it this repository's URL? */
	bool (*is_ours)(void *arg, const char *url);
	/* NULL: any file; else only those are looked into for Applications */
	bool (*may_hold)(struct files *files, const char *path);
	/* A tag or commit: a change of the tree does not change what it names. */
	bool (*is_fixed)(void *arg, const char *revision);
	void *arg;
};

struct survey {
	struct survey_options o;
	VEC(struct unit) units;	/* kustomizations by folder, then the others */
	size_t n_kustomizations;
	VEC(char *) candidates;	/* private: files that may hold Applications */
	struct seen_app *seen;	/* private */
	size_t n_folders, n_files, n_bytes;	/* private */
};

/* ERR_LIMIT, ERR_NOTFOUND (root), ERR_IO: nothing can be said of the tree. */
int survey_run(struct survey *s, const struct survey_options *o, struct err *err)
	__attribute__((warn_unused_result));
void survey_deinit(struct survey *s);
/* One of them has a unit, else ERR_NOTFOUND. b: NULL; root: as the user says it. */
int survey_any(const struct survey *a, const struct survey *b, const char *root,
	       struct err *err) __attribute__((warn_unused_result));
/* "apps/web/overlays/prod", "argocd/web", "AppProject argocd/shop". Owned. */
char *unit_title(const struct unit *u);
/* The same, and of a manifest its file: each cluster may have one of that name. */
char *unit_label(const struct unit *u);

/* Two URLs of one repository, be it by SSH or HTTPS. */
bool survey_same_repo(const char *a, const char *b);

/* --- two of them (survey_pairs.c) --------------------------------------------- */

/* What goes out by itself: an Application, or a kustomization that nobody builds. */
bool survey_counts(const struct survey *s, const struct unit *u);

struct unit_pair {
	const struct unit *before, *after;	/* NULL: it is not there; borrowed */
};
struct unit_pairs {
	struct unit_pair *data;
	size_t len, cap;
};
/* Freed by vec_deinit(). */
void survey_pair(struct survey *before, struct survey *after, struct unit_pairs *ret);

enum touched_how { TOUCHED_NOT, TOUCHED_NEW, TOUCHED_REMOVED, TOUCHED_SPEC, TOUCHED_SOURCE };
struct touched {
	enum touched_how how;
	VEC(char *) paths;	/* read by its render and not the same; borrowed */
};
/* Both trees have object ids. *ret's vector is freed by the caller. */
void unit_pair_touched(const struct unit_pair *p, struct files *before,
		       struct files *after, struct touched *ret);

/* --- private to survey_*.c ---------------------------------------------------- */

int survey_scan(struct survey *s, struct err *err) __attribute__((warn_unused_result));
/* Builds the Applications; more may come out of them. */
int survey_apps(struct survey *s, struct err *err) __attribute__((warn_unused_result));
/* Frees what it knows of them. */
void survey_forget(struct survey *s);
/* What a render that ended so says of the unit. */
void unit_rendered(struct unit *u, int rc, const struct err *err);
struct files *survey_no_remote(const char *mirror, const char *commit, struct err *err);
void unit_fail(struct unit *u, enum unit_state state, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
