/*
 * answer.h - what a render gives: an index of objects and their bodies.
 *
 * The worker builds it, the daemon stores it as a release and sends the bodies
 * as they are: it never parses one. A body is canonical JSON (keys sorted,
 * compact) with our label and tracking annotation already in it. Bodies lie in
 * chunks of deflated bytes, each named by the SHA-256 of its raw bytes, so that
 * two releases share the chunks that did not change.
 */
#ifndef RENDER_ANSWER_H
#define RENDER_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

#define RENDER_VERSION 8	/* part of every cache key: bump when output changes */

#define RENDER_SIGNED_BY 40	/* "ID of ID", and NUL */

/* In the pods of an object that draws "restart". */
#define RENDER_SECRETS_DIGEST "syncd.dev/secrets-digest"

enum object_flags {
	OBJ_HOOK = 1,		/* argocd.argoproj.io/hook (or Helm's) present */
	OBJ_KEEP = 2,		/* Prune=false or helm.sh/resource-policy: keep */
	OBJ_PRUNE_CONFIRM = 4,	/* Prune=confirm */
	OBJ_DELETE_KEEP = 8,	/* Delete=false */
	OBJ_IGNORE_HEALTH = 16,	/* argocd.argoproj.io/ignore-healthcheck: "true" */
	OBJ_EVIDENCE = 32,	/* syncd.dev/revert-on: health */
	OBJ_RECREATE = 64,	/* Replace=true, Force=true or recreate-on-immutable */
	OBJ_SKIP_DRY_RUN = 128,	/* SkipDryRunOnMissingResource=true */
	OBJ_PRUNE_BEFORE = 256,	/* PruneLast=false or syncd.dev/prune: before */
	OBJ_CRD_CONVERSION = 512,	/* a CRD with spec.conversion.strategy Webhook */
	OBJ_SKIP = 1024,	/* hook: Skip; of an inventory entry: its kind is excluded */
	/* When a hook's object goes: none of the three = never. */
	OBJ_HOOK_BEFORE = 2048,	/* BeforeHookCreation, the default */
	OBJ_HOOK_SUCCEEDED = 4096,
	OBJ_HOOK_FAILED = 8192,
	OBJ_REVERSIBLE = 16384,	/* syncd.dev/reversible: "true" */
	OBJ_IGNORE_EXTRANEOUS = 32768,	/* compare-options: not OutOfSync when it left Git */
	/* What an object says for itself beats what its Application says. */
	OBJ_PRUNE_TRUE = 1 << 20,	/* Prune=true */
	OBJ_DELETE_TRUE = 1 << 21,	/* Delete=true */
	OBJ_DELETE_CONFIRM = 1 << 22,	/* Delete=confirm */
	OBJ_PRUNE_LAST = 1 << 23,	/* PruneLast=true */
	OBJ_NO_REPLACE = 1 << 24,	/* Replace=false */
	/* Never of a render: the daemon marks what it leaves out (sync/app_exclude.c). */
	OBJ_EXCLUDED = 1 << 25,
};

/* The sync options of an object's annotation, and of an Application: "Prune=false"... */
enum sync_option {
	SOPT_UNKNOWN,
	SOPT_CREATE_NAMESPACE, SOPT_CREATE_NAMESPACE_FALSE,
	SOPT_PRUNE, SOPT_PRUNE_FALSE, SOPT_PRUNE_CONFIRM,
	SOPT_PRUNE_LAST, SOPT_PRUNE_LAST_FALSE,
	SOPT_DELETE, SOPT_DELETE_FALSE, SOPT_DELETE_CONFIRM,
	SOPT_OUT_OF_SYNC_ONLY, SOPT_OUT_OF_SYNC_ONLY_FALSE,
	SOPT_VALIDATE, SOPT_VALIDATE_FALSE,
	SOPT_SKIP_DRY_RUN, SOPT_SKIP_DRY_RUN_FALSE,
	SOPT_REPLACE, SOPT_REPLACE_FALSE,
	SOPT_FORCE, SOPT_FORCE_FALSE,
	SOPT_SERVER_SIDE, SOPT_SERVER_SIDE_FALSE,
	SOPT_MIGRATION, SOPT_MIGRATION_FALSE,
	SOPT_RESPECT_IGNORE, SOPT_RESPECT_IGNORE_FALSE,
	SOPT_FAIL_ON_SHARED, SOPT_FAIL_ON_SHARED_FALSE,
	SOPT_FOREGROUND, SOPT_BACKGROUND, SOPT_ORPHAN,	/* PrunePropagationPolicy */
	SOPT_N
};
/* text of len bytes, without blanks around it. */
enum sync_option sync_option_of(const char *text, size_t len);
/* How it is written right, where only its case is wrong; static, NULL: it is none. */
const char *sync_option_but_for_case(const char *text);
/* What it asks for on an object: of enum object_flags; 0: nothing. */
uint32_t sync_option_flags(enum sync_option o);

/*
 * One rendered object. Strings are owned by the answer. ns is what the manifest
 * says, "" if nothing: whether the kind takes one is known only in the daemon,
 * which then uses the application's destination namespace (and patches the path,
 * never the body: the API server accepts a body without a namespace).
 */
struct rendered {
	char *group, *version, *kind, *ns;
	char *name;		/* a hook's generateName (ends in '-') where it has no name */
	int wave;
	uint32_t flags;
	char digest[65];	/* of the body */
	char *hook;		/* phases, Helm's under Argo CD's names, "" if none */
	char *source;		/* "path/file.yaml:12", for messages */
	char *refs;		/* "ConfigMap/x Secret/y ServiceAccount/z" used by its pods;
				   "NetworkPolicy/x" of the release that selects them;
				   of an autoscaler what it scales, "Deployment/x" */
	char *images;		/* space separated, of its pod template, "" if none */
	uint32_t chunk, offset, length;	/* of the body, in the raw chunk */
	char *service;		/* that it is part of: annotation syncd.dev/service, else
				   label app.kubernetes.io/name, else app; "" if none */
	char *draws;		/* what is filled in when it is sent: "from NAME[/NS] KEY
				   KEY..." of a Secret, "restart" of a workload, "" */
	uint32_t order;		/* its place in the source; 0 when it was decoded */
};

struct render_chunk {
	char digest[65];	/* SHA-256 of the raw bytes */
	uint32_t raw_len;
	uint8_t *deflated;	/* zlib stream; NULL when only the index was loaded */
	uint32_t deflated_len;
};

struct render_answer {
	struct rendered *objects;	/* sorted by group, kind, ns, name */
	size_t n_objects;
	struct render_chunk *chunks;
	size_t n_chunks;
	char digest[65];	/* the release's: over all identities and body digests,
				   without tracking and revision-derived metadata */
	char input_key[65];	/* over all that was asked of the files, its answers, and
				   the options; of render_text: over the text instead */
	char *source_type;	/* "Directory", "Kustomize"; of several "Directory,Kustomize" */
	char **warnings;	/* for conditions; n_warnings */
	size_t n_warnings;
	char **repeats;		/* objects that are in Git more than once; not in the index */
	size_t n_repeats;
	char *control;		/* control.h's frame; NULL: none was asked for, or ... */
	char *control_why;	/* ... why the file cannot be used: words; NULL */
	char *exec_why;		/* nothing rendered: ask the exec worker instead, since
				   "file:line: field: what" is not ours; NULL */
	char *want_url, *want_ref;	/* nothing rendered: this is missing; NULL */
	char *want_by;		/* "file: field" that names it, for messages */
	uint64_t signed_until;	/* the commits' signatures are good until then: seconds since
				   1970; 0: for ever, or nobody asked. Not in the index */
	char signed_by[RENDER_SIGNED_BY];	/* and by whose end; core/signed.h */
};

/* The whole answer as one byte string, and back. Decode checks every length. */
void render_answer_encode(const struct render_answer *a, struct buf *out);
int render_answer_decode(struct render_answer *a, const char *data, size_t len,
			 struct err *err) __attribute__((warn_unused_result));
/* The index alone (no chunk bytes), for the release's state Secret. */
void render_index_encode(const struct render_answer *a, struct buf *out);
int render_index_decode(struct render_answer *a, const char *data, size_t len,
			struct err *err) __attribute__((warn_unused_result));
void render_answer_deinit(struct render_answer *a);

/*
 * Inflates the chunk that object i lies in and gives its body: owned by the
 * caller, NUL-terminated. ERR_INTERNAL when the chunk is missing or does not fit
 * its digest.
 */
int render_answer_body(const struct render_answer *a, size_t i, char **ret,
		       size_t *ret_len, struct err *err)
	__attribute__((warn_unused_result));

/*
 * The same in two steps, for who keeps chunks: the raw bytes of the chunk that object
 * i lies in, into raw (empty before), and its body therein, borrowed, without a NUL.
 */
int render_chunk_open(const struct render_answer *a, size_t i, struct buf *raw,
		      struct err *err) __attribute__((warn_unused_result));
int render_chunk_body(const struct render_answer *a, size_t i, const struct buf *raw,
		      const char **ret, size_t *ret_len, struct err *err)
	__attribute__((warn_unused_result));

/*
 * The same for many: each chunk is inflated once and kept. Starts as {.answer = a},
 * which is borrowed. *ret is borrowed from the reader and ends with no NUL.
 */
struct render_bodies {
	const struct render_answer *answer;
	struct buf *chunks;	/* private: the answer's, inflated; empty: not yet */
};
int render_bodies_get(struct render_bodies *b, size_t i, const char **ret,
		      size_t *ret_len, struct err *err)
	__attribute__((warn_unused_result));
void render_bodies_deinit(struct render_bodies *b);

#endif
