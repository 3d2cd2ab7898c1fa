/*
 * kubeconfig.h - where the cluster is and who we are there.
 *
 * Reads a kubeconfig (explicit file, else the KUBECONFIG list merged, else
 * ~/.kube/config) or the in-cluster service account. Synchronous file reads:
 * at start, and for tokens every 50 s (a projected token rotates).
 * https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
 */
#ifndef CORE_KUBECONFIG_H
#define CORE_KUBECONFIG_H

#include <stdatomic.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/world.h"

struct exec_plugin;	/* private */

struct kubeconfig_options {
	const char *file;	/* NULL: in-cluster when there, else kubectl's rules */
	const char *context;	/* NULL: current-context; else never in-cluster */
	bool no_in_cluster;	/* syncctl: never the service account */
	const char *account_dir;	/* NULL: where Kubernetes mounts it; for tests */
};

struct kubeconfig {
	struct http_endpoint endpoint;
	char *context;		/* "" in a cluster */
	char *ns;		/* the context's or the pod's namespace, "default" */
	char *token_file;	/* re-read by kubeconfig_refresh; NULL: none */
	struct exec_plugin *plugin;	/* users[].exec; NULL: nothing is to be run */
	int64_t expires_ms;	/* of its answer, wall clock; 0: it does not say */
};

/*
 * Errors are ERR_NOTFOUND (no file, no such context), ERR_IO (a file that cannot
 * be read) or ERR_INVALID, naming file and field; auth providers and impersonation by uid
 * or extra are refused with what to use. On error *c is empty: kubeconfig_deinit is
 * allowed, not needed. Where c->plugin is set nobody is logged in yet.
 */
int kubeconfig_load(struct kubeconfig *c, const struct kubeconfig_options *o,
		    struct err *err) __attribute__((warn_unused_result));
/*
 * Re-reads token_file; bumps endpoint.generation when it changed. On error the
 * token stays as it was. Requests under way are not disturbed.
 */
int kubeconfig_refresh(struct kubeconfig *c, struct err *err);

#define KUBECONFIG_ANSWER_MAX ((size_t)1 << 20)

struct kubeconfig_ask {
	bool attended;	/* a person may be at the terminal: stdin, five minutes */
	unsigned deadline_ms;	/* 0 = 300,000 attended, else 60,000 */
	const atomic_bool *stop;	/* ends it early, ERR_CANCELLED; NULL: nothing does */
};

/*
 * Runs the credential plugin and collects its answer in out (capped at 1 MiB);
 * blocks. Reads only c->plugin, which never changes: any thread may call it. Errors:
 * NOTFOUND (no such program), AUTH (it failed, or needs a terminal), TIMEOUT, LIMIT,
 * IO, CANCELLED; each names file, user and command.
 */
int kubeconfig_ask(const struct kubeconfig *c, const struct kubeconfig_ask *how,
		   struct buf *out, struct err *err)
	__attribute__((warn_unused_result));
/*
 * Puts an answer into the endpoint and bumps its generation when it changed. On
 * error (INVALID; it does not quote the answer) all stays as it was.
 */
int kubeconfig_take(struct kubeconfig *c, const struct buf *answer, struct err *err)
	__attribute__((warn_unused_result));
/* Both at once; does nothing and answers 0 where there is no plugin. */
int kubeconfig_login(struct kubeconfig *c, const struct kubeconfig_ask *how,
		     struct err *err) __attribute__((warn_unused_result));
/* The answer is over, or will be within a minute. */
bool kubeconfig_expires(const struct kubeconfig *c, int64_t wall_ms);
void kubeconfig_deinit(struct kubeconfig *c);

#endif
