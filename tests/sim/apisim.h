/*
 * apisim.h - a simulated Kubernetes API server with its controllers.
 *
 * What it answers is checked against the real server by tests/sim/conformance:
 * discovery, get, list, watch, streaming lists, create, replace, merge patch,
 * server-side apply with ownership per field, delete with preconditions,
 * finalizers, garbage collection, namespaces, custom resources.
 * Its state survives the crash of whoever talks to it.
 */
#ifndef SIM_APISIM_H
#define SIM_APISIM_H

#include <jansson.h>

#include "core/buf.h"
#include "simworld.h"

struct apisim *apisim_new(struct sim *s);
struct apisim *apisim_free(struct apisim *a);

/* ---- set up and look inside; none of these is seen in the request log ---- */

/* Namespaces default and kube-system are there already. */
void apisim_namespace(struct apisim *a, const char *name);
/*
 * Applies a JSON (or YAML, several documents) text as manager "test"; aborts the
 * test with the server's message when it is refused. Namespaced objects without
 * namespace go to "default".
 */
void apisim_apply(struct apisim *a, const char *text);
/* The CRDs of Application and AppProject, Established at once. */
void apisim_install_crds(struct apisim *a);
/*
 * "deployments.apps", "configmaps" (the plural, with its group); ns NULL for
 * cluster-scoped. Borrowed until the next change; NULL when not there.
 */
const json_t *apisim_get(const struct apisim *a, const char *resource,
			 const char *ns, const char *name);
/* How many objects of a resource are there (ns NULL = everywhere). */
size_t apisim_count(const struct apisim *a, const char *resource, const char *ns);
/* The n-th (from 0) whose name begins with prefix; borrowed, NULL when none. */
const json_t *apisim_nth(const struct apisim *a, const char *resource,
			 const char *ns, const char *prefix, size_t n);
/* As kubectl would: merge patch by a manager ("kubectl-edit"). */
void apisim_edit(struct apisim *a, const char *manager, const char *resource,
		 const char *ns, const char *name, const char *merge_patch);
/* As kubectl delete would, without waiting. */
void apisim_delete(struct apisim *a, const char *resource, const char *ns,
		   const char *name);
/* Forgets history: watches and continue tokens from before now answer 410. */
void apisim_compact(struct apisim *a);
uint64_t apisim_version(const struct apisim *a);	/* the newest resourceVersion */

/* ---- behaviour ---- */

/*
 * Admission: asked before every write of an object; true refuses it with 403 and
 * the message. op is "CREATE", "UPDATE" or "DELETE". A message "failed calling webhook
 * ..." is a webhook that does not answer: 500; "ValidatingAdmissionPolicy ..." is a
 * policy's: 422.
 */
typedef bool apisim_admit_fn(void *arg, const char *op, const json_t *object,
			     char message[256]);
void apisim_set_admission(struct apisim *a, apisim_admit_fn *fn, void *arg);
/* Authorisation: true refuses with 403 "... is forbidden: User ... cannot ...". */
typedef bool apisim_deny_fn(void *arg, const char *user, const char *verb,
			    const char *resource, const char *ns);
void apisim_set_authz(struct apisim *a, apisim_deny_fn *fn, void *arg);

/*
 * What a container says: owned by the caller, NULL for the words of a pod that runs
 * ("main of web-x\n"). Of a container that never ran the server says why it has none.
 */
typedef char *apisim_log_fn(void *arg, const char *pod, const char *container,
			    bool previous);
void apisim_set_logs(struct apisim *a, apisim_log_fn *fn, void *arg);

struct apisim_options {
	bool no_streaming_lists;	/* as before 1.34: 422 for sendInitialEvents */
	bool no_aggregated_discovery;	/* as before 1.27 */
	bool no_controllers;		/* nothing rolls out by itself */
	bool old_ingresses;	/* as before 1.22: in extensions/v1beta1, too */
	bool no_certificates;		/* Certificates never become Ready */
	bool plain_controllers;		/* what these write has no managedFields: cheaper */
	unsigned history;		/* events kept for watches; 0 = 4,096 */
	unsigned pod_start_ms;		/* 0 = 200 to 2,000, from the seed */
	const char *pushed;	/* images of this tag are there now, whatever it is */
	unsigned crd_establish_ms;	/* 0 = 50 to 1,000 */
	unsigned discovery_lag_ms;	/* what a CRD serves is told that much later */
};
void apisim_set_options(struct apisim *a, const struct apisim_options *o);

/* ---- the transport's side ---- */

struct api_request {
	const char *method;
	const char *path;	/* without query */
	const char *query;	/* after '?', or "" */
	const char *accept, *content_type;	/* "" if none */
	const char *if_none_match;
	const char *user;	/* "" = the administrator */
	const char *agent;	/* User-Agent, for managers that do not name themselves */
	const void *body;
	size_t body_len;
};
struct api_watch;
struct api_answer {
	int status;
	const char *content_type;
	char etag[72];
	struct buf body;
	struct api_watch *watch;	/* a stream: attach to it, or close it */
};
void apisim_serve(struct apisim *a, const struct api_request *q,
		  struct api_answer *r);
/*
 * line: one JSON line with its newline; end: the server ends the stream. What
 * happened since the request is given before attach returns.
 */
void api_watch_attach(struct api_watch *w,
		      void (*line)(void *arg, const char *data, size_t len),
		      void (*end)(void *arg), void *arg);
/* Also after end. Frees it. */
void api_watch_close(struct api_watch *w);

#endif
