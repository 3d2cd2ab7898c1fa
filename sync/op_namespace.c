/*
 * CreateNamespace=true: the destination is looked for and made where it is not
 * there, before the first object. Another's namespace of that name is used as it is,
 * but for the labels and annotations of managedNamespaceMetadata: those are applied
 * at every sync, so that what leaves the Application leaves the namespace. Their
 * manager is one of its own: the namespace may be an object of another application.
 */
#include "op_priv.h"

#define NAMESPACE_MANAGER "syncd-namespace"

static bool is_in_release(const struct op *op)
{
	for (size_t i = 0; i < op->c.answer->n_objects; i++) {
		const struct rendered *r = &op->c.answer->objects[i];

		if (!(r->flags & OBJ_EXCLUDED) && !strcmp(r->kind, "Namespace") && !*r->group &&
		    !strcmp(r->name, op->dest_ns))
			return true;
	}
	return false;
}

bool op_needs_namespace(const struct op *op)
{
	const struct app *a = op->app;
	bool any = op->plan.n_apply || op_hooks_any(op, HOOK_PRE_SYNC) ||
		   a->spec.namespace_meta;

	return op_options(op) & OPT_CREATE_NAMESPACE && *op->dest_ns && any &&
	       op->c.kind != OP_HEAL && !is_in_release(op);
}

static void on_namespace(struct kube_request *r, const struct err *err);

static void send(struct op *op)
{
	op->ns_req.on_done = on_namespace;
	op->ns_busy = true;
	op_send(op, &op->ns_req);
}

static char *body_of(const struct op *op)
{
	_cleanup_json_ json_t *o = json_pack("{s:s, s:s, s:{s:s}}", "apiVersion", "v1",
		"kind", "Namespace", "metadata", "name", op->dest_ns);
	json_t *meta = json_object_get(o, "metadata");
	struct buf text = BUF_INIT;

	if (op->app->spec.namespace_meta)
		json_object_update(meta, op->app->spec.namespace_meta);
	doc_canonical(o, &text);
	return buf_steal(&text, NULL);
}

/* What a project forbids is not made in passing either. */
static bool is_forbidden(struct op *op)
{
	struct objkey k = { "", "Namespace", "", op->dest_ns };
	struct err err = ERR_INIT;

	if (!app_check_write(op->app, &k, &err))
		return false;
	err_wrap(&err, "CreateNamespace=true");
	op->namespace_ready = true;
	if (op->c.kind == OP_REVERT)	/* it goes on: what is there may be enough */
		engine_log(op->e, LOG_WARN, op->app, "%s", err.msg);
	else
		op_fail(op, op_lacking(op), &err);
	op_poke(op);
	return true;
}

static void on_namespace(struct kube_request *r, const struct err *err)
{
	struct op *op = container_of(r, struct op, ns_req);
	struct kube_ref ref = { .version = "v1", .resource = "namespaces" };
	struct err bad = *err;

	op->ns_busy = false;
	if (err->code == ERR_NOTFOUND && !op->ns_body && is_forbidden(op))
		return;
	if (err->code == ERR_NOTFOUND && !op->ns_body && op->called_off) {
		op_poke(op);	/* and ends there */
		return;
	}
	if (err->code == ERR_NOTFOUND && !op->ns_body) {
		op->ns_body = body_of(op);
		kube_create_init(&op->ns_req, &ref, FIELD_MANAGER, op->ns_body,
				 strlen(op->ns_body));
		send(op);
		return;
	}
	if (err->code && (err->code != ERR_CONFLICT || op->app->spec.namespace_meta)) {
		op_hint(&bad);
		err_wrap(&bad, "Namespace/%s (CreateNamespace=true)", op->dest_ns);
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

	if (op->app->spec.namespace_meta && is_forbidden(op))
		return;
	if (op->app->spec.namespace_meta) {
		op->ns_body = body_of(op);
		kube_apply_init(&op->ns_req, &ref, NAMESPACE_MANAGER, APPLY_FORCE,
				op->ns_body, strlen(op->ns_body));
	} else {
		kube_get_init(&op->ns_req, &ref);
	}
	send(op);
}
