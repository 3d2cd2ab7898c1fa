/*
 * How the requests of an operation leave: each one that changes something, or asks what
 * a change would do, goes out as the service account that the project names for the
 * application's destination. The project is asked at that moment. Reading is done as
 * syncd, and so is all that it writes about itself (releases, status, events).
 */
#include "op_priv.h"

void op_send(struct op *op, struct kube_request *r)
{
	_cleanup_free_ char *user = NULL;
	struct err err = ERR_INIT;

	if (strcmp(r->method, "GET") && app_acts_as(op->app, op->dest_ns, &user, &err))
		r->refused = &err;
	r->as_user = user;
	kube_start(op->e->kube, r);
	r->as_user = NULL;	/* both were copied */
	r->refused = NULL;
}

void op_hint(struct err *err)
{
	size_t n = strlen(err->msg);

	if (err->code == ERR_AUTH && strstr(err->msg, "cannot impersonate resource"))
		snprintf(err->msg + n, sizeof(err->msg) - n, ": let syncd act as it "
			 "(manifests/impersonation)");
}

bool op_lacks_rights(const struct kube_request *r, const struct err *err)
{
	return r->status == 403 && strstr(err->msg, "is forbidden: User \"");
}
