#include "asks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"

const char *ask_op(struct engsim *x, const char *field)
{
	const char *s = doc_get_str(engsim_status(x, "shop"), "operationState", field,
				    NULL);

	return s ? s : "";
}

const char *ask_syncd(struct engsim *x, const char *field)
{
	const char *s = doc_get_str(engsim_status(x, "shop"), "syncd", field, NULL);

	return s ? s : "";
}

void ask_sync_by(struct engsim *x, const char *who, const char *fields)
{
	_cleanup_free_ char *patch = xasprintf("{\"operation\":{\"initiatedBy\":{"
		"\"username\":\"%s\"},\"sync\":{%s}}}", who, fields);

	scene_edit_app(x, patch);
}

void ask_sync(struct engsim *x, const char *fields)
{
	ask_sync_by(x, "ada", fields);
}

static bool ended(void *arg)
{
	struct engsim *x = arg;
	const json_t *app = apisim_get(x->api, "applications.argoproj.io", "argocd",
				       "shop");

	return !doc_get(app, "operation", NULL) && *ask_op(x, "finishedAt") &&
	       strcmp(ask_op(x, "phase"), "Running");
}

void ask_until_ended(struct engsim *x, const char *phase)
{
	scene_until(x, ended, LONG, "the operation's end");
	sim_run_for(x->s, 3000);
	if (!strcmp(ask_op(x, "phase"), phase))
		return;
	sim_dump(x->s);
	fail_msg("the operation is %s: %s", ask_op(x, "phase"), ask_op(x, "message"));
}

void ask_annotate(struct engsim *x, const char *key, const char *value)
{
	_cleanup_free_ char *patch = xasprintf("{\"metadata\":{\"annotations\":{\"%s\":"
					       "%s}}}", key, value);

	scene_edit_app(x, patch);
}

bool ask_refuse_v2(void *arg, const char *op, const json_t *object,
		   char message[256])
{
	const json_t *c = doc_get(object, "spec", "template", "spec", "containers",
				  NULL);
	const char *image = doc_get_str(json_array_get(c, 0), "image", NULL);

	(void)arg;
	(void)op;
	strcpy(message, "admission webhook \"gate\" denied the request: closed");
	return image && strstr(image, ":v2");
}

bool ask_is_settling(void *x)
{
	return engsim_in_phase(x, "shop", "Settling");
}
