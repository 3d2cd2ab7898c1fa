/*
 * app_spec.h - an Application, decoded: what the engine acts on.
 *
 * Tolerant: every field is checked by us, whatever the CRD's schema let through.
 * A spec with errors is never acted on; all errors are listed, each naming its
 * field and what to do. Unsupported things (Helm, plugins, jsonnet, other
 * clusters) are errors, never ignored. Pure.
 */
#ifndef SYNC_APP_SPEC_H
#define SYNC_APP_SPEC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/mem.h"
#include "sync/waits.h"

enum auto_revert { REVERT_OFF, REVERT_REPORT, REVERT_ON };
#define ANN_AUTO_REVERT "syncd.dev/auto-revert"
/* "false", "report" or "true"; false: it is none of them (or NULL). */
bool auto_revert_parse(const char *text, enum auto_revert *ret);

/* The daemon's flags; an Application's annotations override them. */
struct app_defaults {
	uint64_t soak_ms, wave_deadline_ms, hook_deadline_ms;
	uint64_t degraded_grace_ms, pull_grace_ms, crash_grace_ms;
	bool auto_revert;
	const char *const *projects;	/* NULL-terminated; NULL: not checked */
};

enum app_options {	/* spec.syncPolicy.syncOptions */
	OPT_CREATE_NAMESPACE = 1,
	OPT_PRUNE_FALSE = 2,		/* Prune=false */
	OPT_PRUNE_BEFORE = 4,		/* PruneLast=false */
	OPT_SKIP_DRY_RUN = 8,		/* SkipDryRunOnMissingResource=true */
	OPT_RECREATE = 16,		/* Replace=true, Force=true, recreate-on-immutable */
	OPT_SHARED_ALLOWED = 32,	/* FailOnSharedResource=false */
	OPT_OUT_OF_SYNC_ONLY = 64,	/* ApplyOutOfSyncOnly=true */
	OPT_VALIDATE_FALSE = 128,	/* Validate=false */
	OPT_RESPECT_IGNORE = 256,	/* RespectIgnoreDifferences=true */
	OPT_DELETE_FALSE = 512,		/* Delete=false: the cascade keeps the objects */
};

/* Beside them, out of the way of those above. */
enum app_prune_options {
	OPT_PRUNE_CONFIRM = 1 << 20,	/* Prune=confirm */
	OPT_DELETE_CONFIRM = 1 << 21,	/* Delete=confirm */
	OPT_NO_MIGRATION = 1 << 22,	/* ClientSideApplyMigration=false */
};

enum app_refresh { REFRESH_NONE, REFRESH_NORMAL, REFRESH_HARD };
enum app_cascade { CASCADE_NONE, CASCADE_FOREGROUND, CASCADE_BACKGROUND };

#define RETRY_NO_MAX_MS (UINT64_C(366) * 24 * 3600 * 1000)	/* "0s": as good as none */
struct app_retry {	/* syncPolicy.retry, operation.retry */
	bool set;		/* written down; else the numbers are Argo CD's defaults */
	unsigned limit;		/* UINT_MAX: without end */
	uint64_t base_ms, max_ms;
	unsigned factor;
};

/* One place that manifests come from. Strings are never NULL. */
struct app_source {
	char *repo_url, *revision;	/* without ?ref=; "" where empty */
	char *path;		/* without "./" and outer "/"; "" = the root */
	char *ref;		/* what others may call it; "" */
	bool ref_only;		/* that is all it is for: no objects come from it */
	json_t *raw;		/* as it was written; owned */
};

/* spec.source, or all of spec.sources, in order. None where the spec has errors. */
struct app_sources {
	VEC(struct app_source) list;
	bool many;		/* spec.sources, be it one: the status has lists */
	char digest[65];	/* of the raw ones: a change renders anew */
};
/* *to is a deep copy, to be deinitialised. */
void app_sources_copy(struct app_sources *to, const struct app_sources *from);
void app_sources_deinit(struct app_sources *s);
/*
 * What was written, for a record: {"source":...} or {"sources":[...]}; owned. NULL:
 * there is none, or it is larger than APP_SOURCES_TEXT_MAX.
 */
#define APP_SOURCES_TEXT_MAX 4096u
char *app_sources_text(const struct app_sources *s);

struct app_operation {	/* the `operation` field: someone asks for a sync */
	bool present;
	char *revision;		/* the first that is named; NULL: the spec's */
	struct app_sources sources;	/* with its revisions; none: the spec's */
	bool own_sources;	/* other ones than the spec's */
	bool prune, dry_run;
	bool no_hooks;		/* chosen resources, or the strategy "apply" */
	char *initiated_by;	/* user name, "" if none */
	bool automated;
	struct app_retry retry;	/* not set: the spec's */
	/* sync.syncOptions, where there are any: they replace the spec's */
	bool own_options;
	uint32_t options;
	char *propagation;	/* NULL: the spec's */
	/* what only syncd understands, among the sync.syncOptions */
	uint32_t release;	/* syncd.dev/release=N: a rollback; 0 = none */
	uint64_t ttl_ms;	/* syncd.dev/ttl=DURATION of it; 0 = none */
	bool retry_rejected;	/* syncd.dev/retry=true */
	bool unpin;		/* syncd.dev/unpin=true */
	char *override;		/* syncd.dev/override=WHY: passes shut gates; NULL */
	uint32_t gates;		/* syncd.dev/gates=NAMES of it: GATE_BITs; 0: the one */
	char *bad;		/* why it cannot be done at all; NULL */
	const json_t *resources;	/* of raw: these alone; NULL: all */
	json_t *raw;		/* owned: goes to operationState.operation */
};

/* An annotation that holds an application: by whom, why and how long. */
struct app_hold {
	bool set;
	char *by, *why;		/* never NULL when set; "" if not said */
	int64_t until_ms;	/* wall clock; 0 = until it is taken off */
};

/* A person's approval, as the annotations say it (sync/approve.h). */
struct app_approval {
	char *digest, *revision, *by, *why;	/* "" where not said */
	int64_t at_ms, until_ms;	/* wall; 0 = not said, -1 = cannot be read */
	char key[65];		/* over all of it; "" = there is none */
};

struct app_spec {
	char *ns, *name, *uid, *resource_version;
	int64_t generation;
	bool deleting;
	int64_t deleting_ms;		/* since then, wall clock; 0 = not */
	int64_t deletion_approved_ms;	/* deletion-approved; 0 = not */
	char prune_approved[65];	/* syncd.dev/prune-approved: a list's digest; "" */
	enum app_cascade cascade;	/* resources-finalizer.argocd.argoproj.io[...] */
	bool delete_hooks;		/* pre- or post-delete-finalizer.argocd.argoproj.io */
	char *project;			/* "default" when empty */
	char *dest_ns;			/* "" if none */
	struct app_sources sources;
	bool automated, prune, self_heal, allow_empty;
	struct app_retry retry;
	uint32_t options;		/* enum app_options */
	char *propagation;		/* "Foreground", "Background", "Orphan" */
	json_t *ignore_differences;	/* owned array or NULL */
	json_t *namespace_meta;	/* managedNamespaceMetadata: owned {labels, annotations}, or NULL */
	unsigned history_limit;
	enum app_refresh refresh;
	bool skip_reconcile;
	struct app_hold pin;		/* syncd.dev/pin: the target stays what it is */
	struct app_hold suspend;	/* syncd.dev/suspend: nothing is written */
	char **depends;			/* syncd.dev/depends-on: "ns/name" each */
	size_t n_depends;
	struct app_approval approval;
	char *control;			/* syncd.dev/deploy-control; NULL: none */
	char *environment;		/* syncd.dev/environment; NULL: none */
	char *links;			/* its own, a list (links.h); NULL: none */
	struct app_operation operation;
	enum auto_revert auto_revert;
	bool auto_revert_said;		/* by its own annotation */
	uint64_t soak_ms, wave_deadline_ms, hook_deadline_ms;
	uint64_t degraded_grace_ms, pull_grace_ms, crash_grace_ms;
	struct waits waits;	/* what of these six its own annotations say */
	char options_digest[65];	/* syncOptions, destination, ignoreDifferences, namespace */
	char **errors;			/* InvalidSpecError messages, at most 64 */
	size_t n_errors;
	char **warnings;		/* unknown syncOptions and the like */
	size_t n_warnings;
};

/*
 * Never fails: what is wrong is in errors, and then the fields hold defaults. No
 * string of s is NULL, but for those that say so. `app` is borrowed; so are the
 * strings of defaults, for the call.
 */
void app_spec_decode(struct app_spec *s, const json_t *app,
		     const struct app_defaults *defaults);
void app_spec_deinit(struct app_spec *s);
/* Is it in force at that wall-clock time? */
bool app_hold_active(const struct app_hold *h, int64_t now_ms);
/* Does it ask for PreDelete or PostDelete hooks, as Argo CD writes it? */
bool app_is_hook_finalizer(const char *finalizer);

#endif
