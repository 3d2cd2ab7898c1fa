/*
 * project.h - an AppProject: what its applications may use and touch.
 *
 * Checked for the spec and for each rendered object before every write. Whatever
 * cannot be read refuses: a project is a fence. Rules and globs are Argo CD's
 * (AppProject, pkg/apis/application/v1alpha1): `*` stays within a path segment of
 * a repository URL, `**` does not; a leading `!` refuses what it matches. Pure.
 */
#ifndef SYNC_PROJECT_H
#define SYNC_PROJECT_H

#include <jansson.h>
#include <stdbool.h>

#include "core/err.h"
#include "core/signed.h"
#include "sync/waits.h"

struct project {
	char *name;
	json_t *spec;	/* owned deep copy of spec */
	char *auto_revert;	/* its annotation syncd.dev/auto-revert; NULL */
	char *control, *environment;	/* syncd.dev/deploy-control, /environment; NULL */
	struct waits waits;	/* its annotations; its applications' own go before */
	char *warning;		/* of one that cannot be read; NULL */
};

/* ERR_INVALID names the first field of a wrong type or a glob too long. */
int project_decode(struct project *p, const json_t *object, struct err *err)
	__attribute__((warn_unused_result));
/* The project `default` when the cluster has none: everything is allowed. */
void project_permissive(struct project *p);
void project_deinit(struct project *p);

/* What of an application a project judges before rendering. Borrowed. */
struct project_app {
	const char *repo_url;
	const char *dest_ns;
	const char *ns;		/* where the Application lives */
	const char *control_ns;	/* always allowed as ns */
};
enum project_part { PROJECT_PLACE, PROJECT_SOURCE, PROJECT_DESTINATION };
/* One of them: 0, or ERR_INVALID saying what is refused and why. */
int project_check_part(const struct project *p, const struct project_app *a,
		       enum project_part part, struct err *err)
	__attribute__((warn_unused_result));
/* All of them: 0, or ERR_INVALID naming the first that is refused and why. */
int project_check_app(const struct project *p, const struct project_app *a,
		      struct err *err) __attribute__((warn_unused_result));

/* Has every commit of its applications to be signed (spec.signatureKeys)? */
bool project_asks_signatures(const struct project *p);
/* Adds the IDs and fingerprints of the keys that it lists to to->listed. */
void project_signers(const struct project *p, struct signed_policy *to);

#define PROJECT_HOMES 2
/*
 * Where the project of an application is looked for, in that order: whoever may write
 * Applications in a namespace of their own shall not write their own fence. Borrowed.
 */
size_t project_homes(const char *own_ns, const char *app_ns,
		     const char *ret[PROJECT_HOMES]);
/*
 * May applications of this project live there without its sourceNamespaces? Beside
 * projects, and for `default` where --application-namespaces names the namespace.
 */
bool project_trusts(const char *own_ns, char *const *app_namespaces, const char *app_ns,
		    const char *project);

/*
 * May an application of it write this object? ns "" = cluster-scoped. ERR_INVALID
 * names the object and the list that refuses it.
 */
int project_check_object(const struct project *p, const char *group,
			 const char *kind, const char *ns, const char *name,
			 struct err *err) __attribute__((warn_unused_result));

/*
 * As whom are objects of an application with this destination namespace written, that
 * lives in app_ns? *ret is the user "system:serviceaccount:NS:NAME", owned by the
 * caller, or NULL: the project names no service accounts, it is ourselves. The first
 * of spec.destinationServiceAccounts that matches says it; ERR_INVALID when none does,
 * or when what it says is no account. Rules: Argo CD's sync impersonation, which is
 * switched on here by the list itself.
 */
int project_acts_as(const struct project *p, const char *dest_ns, const char *app_ns,
		    char **ret, struct err *err) __attribute__((warn_unused_result));
/* Could some application of it be written as that user? For any namespace: on doubt yes. */
bool project_may_act_as(const struct project *p, const char *user);
/* "name" or "namespace:name", as spec.destinationServiceAccounts has it. */
bool project_is_account(const char *text);

#endif
