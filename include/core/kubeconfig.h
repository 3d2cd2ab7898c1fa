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

#include "core/err.h"
#include "core/world.h"

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
};

/*
 * Errors are ERR_NOTFOUND (no file, no such context), ERR_IO (a file that cannot
 * be read) or ERR_INVALID, naming file and field; exec plugins, auth providers and
 * impersonation by uid or extra are refused with what to use. On error *c is
 * empty: kubeconfig_deinit is allowed, not needed.
 */
int kubeconfig_load(struct kubeconfig *c, const struct kubeconfig_options *o,
		    struct err *err) __attribute__((warn_unused_result));
/*
 * Re-reads token_file; bumps endpoint.generation when it changed. On error the
 * token stays as it was. Requests under way are not disturbed.
 */
int kubeconfig_refresh(struct kubeconfig *c, struct err *err);
void kubeconfig_deinit(struct kubeconfig *c);

#endif
