/*
 * syncctl.h - what syncctl's commands share: options, output, the cluster.
 *
 * Each command is cmd_NAME.c: it fetches, hands the JSON to a view (views.h), and
 * answers an exit status. Nothing but this program's files print or exit.
 */
#ifndef SYNCCTL_SYNCCTL_H
#define SYNCCTL_SYNCCTL_H

#include <uv.h>

#include "core/discovery.h"
#include "core/kube.h"
#include "core/kubeconfig.h"
#include "core/world_uv.h"
#include "views.h"

enum exit_status {
	EXIT_DONE = 0,
	EXIT_DIFFERENCE = 1,	/* a difference, or what was asked failed */
	EXIT_USAGE = 2,
	EXIT_OTHER = 20,	/* no cluster, no such application, a bad file */
};

enum output { OUT_DEFAULT, OUT_TABLE, OUT_WIDE, OUT_JSON, OUT_YAML, OUT_NAME,
	      OUT_UNIFIED, OUT_SARIF, OUT_GITHUB };

/* The command line, borrowed from argv. */
struct options {
	const char *args[8];
	size_t n_args;
	const char *ns, *context, *kubeconfig, *selector;
	const char *lua, *customizations;
	const char *file, *timeout;
	struct view_words resources;
	struct view_named named;	/* --revision, --local and which source they are of */
	enum output output;
	const char *until, *override, *gates;
	const char *reason, *ttl, *system_ns, *release, *tail, *container;
	bool everything, off, rejected, orphaned;
	bool all, prune, dry_run, force, async, yes;
	bool sync, health, operation, good;
	bool diff_reference, print, strict;
	const char *repo, *base, *head, *schema;
	const char *image;
	bool help, version;
};

struct command {
	const char *name, *args, *summary;
	int (*run)(const struct options *o);
	size_t min_args, max_args;
	uint32_t flags;		/* enum flag_bits of options.c: what it takes */
};
extern const struct command commands[];	/* ended by a NULL name */

/* 0, or EXIT_USAGE after telling why on stderr. */
int options_parse(struct options *o, const struct command **ret_command,
		  int argc, char **argv);
const struct command *command_find(const char *name);	/* NULL: there is none */
/* Another way to call it, as args has the first; NULL: there is none. */
const char *command_also(const struct command *c);
/* As the user called us: "syncctl", or "kubectl sync" as its plugin. */
const char *program_name(void);
void usage(FILE *to);
void command_help(const struct command *c, FILE *to);

int cmd_status(const struct options *o);
int cmd_list(const struct options *o);
int cmd_get(const struct options *o);
int cmd_sync(const struct options *o);
int cmd_wait(const struct options *o);
int cmd_rollback(const struct options *o);
int cmd_retry(const struct options *o);
int cmd_pin(const struct options *o);
int cmd_unpin(const struct options *o);
int cmd_suspend(const struct options *o);
int cmd_resume(const struct options *o);
int cmd_pause(const struct options *o);
int cmd_terminate(const struct options *o);
int cmd_diff(const struct options *o);
int cmd_diff_base(const struct options *o);	/* diff --local ROOT --base REV */
int cmd_affected(const struct options *o);
int cmd_resources(const struct options *o);
int cmd_tree(const struct options *o);
int cmd_events(const struct options *o);
int cmd_logs(const struct options *o);
int cmd_report(const struct options *o);
int cmd_windows(const struct options *o);
int cmd_install(const struct options *o);
int cmd_completion(const struct options *o);
int cmd_man(const struct options *o);
int cmd_confirm(const struct options *o);
int cmd_approve(const struct options *o);
int cmd_history(const struct options *o);
int cmd_render(const struct options *o);
int cmd_validate(const struct options *o);
int cmd_validate_all(const struct options *o);	/* validate --all */
int cmd_health(const struct options *o);
int cmd_version(const struct options *o);

/* --- output.c -------------------------------------------------------------- */

struct view_env output_env(const struct options *o);
/* Writes out to stdout; EXIT_DONE or EXIT_OTHER. */
int output_text(const struct buf *out);
/* As JSON or YAML; steals value. */
int output_value(json_t *value, enum output output);
/* "syncctl: " and the message, on stderr; EXIT_OTHER. */
int output_error(const struct err *err);
/* The same of other words, which may come from a repository or a server: one line. */
void output_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int output_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool output_is_data(const struct options *o);	/* json or yaml */
/* Milliseconds of --timeout, or fallback; -1 and EXIT_USAGE's message. */
int64_t output_timeout(const struct options *o, int64_t fallback_ms);

/* --- cluster.c ------------------------------------------------------------- */

struct cluster {
	struct kubeconfig config;
	uv_loop_t loop;
	struct world *world;
	struct kube *kube;
	const char *ns;		/* -n, else the context's, else where it was found */
	char *found_ns, *system_ns;
	struct discovery *discovery;	/* NULL: not asked yet */
	int status;		/* of the last answer; 0: there was none */
	bool ns_given;
	bool has_config, has_loop;
};

/* Opens the cluster, runs fn on it, closes it; fn's exit status or EXIT_OTHER. */
int cluster_run(const struct options *o,
		int (*fn)(struct cluster *c, const struct options *o));
/* One Application, owned. Without -n it is looked for in all namespaces. */
json_t *cluster_get(struct cluster *c, const char *name, struct err *err);
/* An array of Applications: of all namespaces, or of the one given by -n. Owned. */
json_t *cluster_list(struct cluster *c, bool all, const char *selector,
		     struct err *err);
/* A JSON merge patch; ERR_CONFLICT when its resourceVersion is not the current. */
int cluster_patch(struct cluster *c, const char *name, const json_t *patch,
		  struct err *err) __attribute__((warn_unused_result));
/*
 * Calls fn with the Application each time it changes, and every second; app is
 * NULL when it is not there (any more). Returns 0 when fn answered true,
 * ERR_TIMEOUT after timeout_ms.
 */
int cluster_follow(struct cluster *c, const char *name,
		   bool (*fn)(const json_t *app, void *arg), void *arg,
		   uint64_t timeout_ms, struct err *err)
	__attribute__((warn_unused_result));

/*
 * cmd_objects.c: ReplicaSets, Jobs and Pods of the namespaces of its objects, with their
 * kinds: an owned array; NULL and *err when they cannot be listed.
 */
json_t *objects_made(struct cluster *c, const json_t *app, struct err *err);

/* --- cluster_objects.c: any object ----------------------------------------- */

/* The parsed answer, owned; *k is used up. */
json_t *cluster_ask(struct cluster *c, struct kube_request *k, struct err *err);
json_t *cluster_object(struct cluster *c, const struct kube_ref *ref, struct err *err);
/* All pages; the selectors may be NULL. Owned array. */
json_t *cluster_objects(struct cluster *c, const struct kube_ref *ref,
			const char *labels, const char *fields, struct err *err);
/* Server-side apply as syncd would; the object as it is, or would be, then. Owned. */
json_t *cluster_apply(struct cluster *c, const struct kube_ref *ref,
		      const json_t *body, bool dry_run, struct err *err);
/* As it is now: by its uid. */
int cluster_delete(struct cluster *c, const struct kube_ref *ref, struct err *err)
	__attribute__((warn_unused_result));
/* The text that a subresource answers with (a pod's log), owned. */
char *cluster_text(struct cluster *c, const struct kube_ref *ref, const char *query,
		   struct err *err);
/*
 * The API server's "Unauthorized" says neither who nor what to do: puts that into *err where
 * c->status is 401.
 */
void cluster_say_unknown(const struct cluster *c, struct err *err);
/* Where a kind lives; version NULL: the preferred. ERR_NOTFOUND: it is not served. */
int cluster_resolve(struct cluster *c, const char *group, const char *version,
		    const char *kind, struct kube_ref *ret, bool *ret_namespaced,
		    struct err *err) __attribute__((warn_unused_result));
/*
 * syncd's own namespace: by --syncd-namespace, else where its ConfigMap is. Of several
 * installs the one in the namespace beside, an application's; NULL there (or none of them
 * is in it): whoever asks has to say. NULL and *err.
 */
const char *cluster_system_ns(struct cluster *c, const struct options *o,
			      const char *beside, struct err *err);
/*
 * Does a syncd live in that namespace? ERR_NOTFOUND: no, with what to do. Where it may not be
 * asked that is told on stderr, and the answer is 0.
 */
int cluster_check_installed(struct cluster *c, const char *ns, struct err *err)
	__attribute__((warn_unused_result));

/* cmd_approve.c: who the caller is, as the API server says; owned. */
char *cluster_user(struct cluster *c, struct err *err);

/* --- request.c ------------------------------------------------------------- */

struct asking {
	const char *what;		/* "sync", "rollback": for people */
	const char *const *options;	/* sync.syncOptions, ended by NULL; or NULL */
	const char *user;		/* NULL: as this system calls the caller */
};
/* Asks for it in the operation field of o->args[0]; follows it unless --async. */
int request_run(struct cluster *c, const struct options *o,
		const struct asking *asking);

#endif
