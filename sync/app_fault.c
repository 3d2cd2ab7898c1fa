/*
 * Whose fault it is that a release turns bad: the services of what failed. A
 * deploy-control file may say of a service that a failure of it takes nothing back
 * (rollback_on_failure: false): where nothing else failed, auto-revert only reports.
 */
#include "app_priv.h"
#include "render/control.h"

void app_fault_nobody(struct app *a)
{
	free(a->fault.words);
	a->fault = (struct fault){ 0 };
}

void app_fault(struct app *a, const struct rendered *o)
{
	const struct control *c = app_control_in_force(a);
	const struct control_service *s = c && o ? control_service(c, o->service) : NULL;

	if (!s || s->rollback != ROLLBACK_NO) {
		a->fault.reverts = true;
	} else if (!a->fault.words) {
		a->fault.words = xasprintf("deploy-control %s says rollback_on_failure: "
					   "false of service %s", app_control_file(a),
					   s->name);
	}
}

void app_fault_of(struct app *a, const struct plan *p, const struct render_answer *of,
		  const struct objkey *k)
{
	const struct rendered *o = NULL;

	for (size_t i = 0; i < p->tasks.len; i++) {
		const struct task *t = &p->tasks.data[i];

		if (t->object < of->n_objects && !objkey_cmp(&t->key, k))
			o = &of->objects[t->object];
	}
	app_fault(a, o);
}

const char *app_fault_spares(const struct app *a)
{
	return a->fault.reverts ? NULL : a->fault.words;
}
