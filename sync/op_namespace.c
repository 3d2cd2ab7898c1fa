/*
 * CreateNamespace=true: the destination is looked for and made where it is not
 * there, before the first object. Another's namespace of that name is used as it is.
 */
#include "op_priv.h"

bool op_needs_namespace(const struct op *op)
{
	if (!(op_options(op) & OPT_CREATE_NAMESPACE) || !*op->dest_ns ||
	    (!op->plan.n_apply && !op_hooks_any(op, HOOK_PRE_SYNC)) ||
	    op->c.kind == OP_HEAL)
		return false;
	for (size_t i = 0; i < op->c.answer->n_objects; i++) {
		const struct rendered *r = &op->c.answer->objects[i];

		if (!strcmp(r->kind, "Namespace") && !*r->group &&
		    !strcmp(r->name, op->dest_ns))
			return false;
	}
	return true;
}

static void on_namespace(struct kube_request *r, const struct err *err)
{
	struct op *op = container_of(r, struct op, ns_req);
	struct engine *e = op->e;
	const char *ns = op->dest_ns;
	struct kube_ref ref = { .version = "v1", .resource = "namespaces" };

	op->ns_busy = false;
	if (err->code == ERR_NOTFOUND && !op->ns_body) {
		struct buf body = BUF_INIT;

		buf_adds(&body, "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\","
			 "\"metadata\":{\"name\":");
		doc_write_str(&body, ns);
		buf_adds(&body, "}}");
		op->ns_body = buf_steal(&body, NULL);
		kube_create_init(&op->ns_req, &ref, FIELD_MANAGER, op->ns_body,
				 strlen(op->ns_body));
		op->ns_req.on_done = on_namespace;
		op->ns_busy = true;
		kube_start(e->kube, &op->ns_req);
		return;
	}
	if (err->code && err->code != ERR_CONFLICT) {
		struct err bad = *err;

		err_wrap(&bad, "Namespace/%s (CreateNamespace=true)", ns);
		op->outcome = op_is_terminal(err) ? OP_REFUSED : OP_TROUBLE;
		op->err = bad;
		op->unanswered = !r->status;
	}
	op->namespace_ready = true;
	op_poke(op);
}

void op_namespace_start(struct op *op)
{
	struct kube_ref ref = { .version = "v1", .resource = "namespaces",
				.name = op->dest_ns };

	kube_get_init(&op->ns_req, &ref);
	op->ns_req.on_done = on_namespace;
	op->ns_busy = true;
	kube_start(op->e->kube, &op->ns_req);
}
