#include "hookscene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"

#define FINALIZER "argocd.argoproj.io/hook-finalizer"

/* Commits app/<name>.yaml: a Job of that hook phase, or of generateName `name`. */
void hooks_put(struct engsim *x, const char *name, const char *phase,
		    const char *tag, const char *more)
{
	bool made = name[strlen(name) - 1] == '-';
	_cleanup_free_ char *file = xasprintf("%s.yaml", name);
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"batch/v1\",\"kind\":"
		"\"Job\",\"metadata\":{\"%s\":\"%s\",\"annotations\":{\"argocd.argoproj."
		"io/hook\":\"%s\"%s}},\"spec\":{\"backoffLimit\":0,\"template\":{\"spec\":"
		"{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"x\",\"image\":"
		"\"tools:%s\"}]}}}}", made ? "generateName" : "name", name, phase, more,
		tag);

	engsim_commit(x, file, text);
}

void hooks_put_project(struct engsim *x, const char *denied)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"argoproj.io/v1alpha1\","
		"\"kind\":\"AppProject\",\"metadata\":{\"name\":\"team\",\"namespace\":"
		"\"argocd\"},\"spec\":{\"sourceRepos\":[\"*\"],\"destinations\":[{"
		"\"server\":\"*\",\"namespace\":\"*\"}],\"namespaceResourceBlacklist\":["
		"%s]}}", denied);

	apisim_apply(x->api, text);
}

const json_t *hooks_job(struct engsim *x, const char *name)
{
	return apisim_get(x->api, "jobs.batch", "shop", name);
}

const char *hooks_uid(struct engsim *x, const char *name)
{
	const char *uid = doc_get_str(hooks_job(x, name), "metadata", "uid", NULL);

	return uid ? uid : "";
}

bool hooks_held(const json_t *o)
{
	const json_t *list = doc_get(o, "metadata", "finalizers", NULL);
	size_t i;
	json_t *f;

	json_array_foreach(list, i, f)
		if (!strcmp(json_string_value(f), FINALIZER))
			return true;
	return false;
}

/* No hook is left behind with our finalizer. */
void hooks_check(struct engsim *x)
{
	const json_t *o;

	for (size_t i = 0; (o = apisim_nth(x->api, "jobs.batch", "shop", "", i)); i++)
		if (hooks_held(o)) {
			sim_dump(x->s);
			fail_msg("%s is held", doc_get_str(o, "metadata", "name", NULL));
		}
}

/* The first or last request of that method to a path that ends so; SIZE_MAX. */
static size_t request(struct engsim *x, const char *method, const char *path,
		      bool last)
{
	size_t found = SIZE_MAX, n = strlen(path);

	for (size_t i = 0; i < sim_request_count(x->s); i++) {
		const struct sim_request *q = sim_request(x->s, i);
		size_t len = strlen(q->path);

		if (q->dry_run || strcmp(q->method, method) || q->status >= 300 ||
		    len < n || strcmp(q->path + len - n, path))
			continue;
		found = i;
		if (!last)
			break;
	}
	return found;
}

void hooks_assert_before(struct engsim *x, const char *first, bool first_last,
			  const char *second)
{
	size_t a = request(x, "PATCH", first, first_last);
	size_t b = request(x, "PATCH", second, false);

	if (a == SIZE_MAX || b == SIZE_MAX || a >= b) {
		sim_dump(x->s);
		fail_msg("%s (%zu) is not before %s (%zu)", first, a, second, b);
	}
}

/* The row of a hook in status.operationState: "Synced Succeeded". */
void hooks_assert_result(struct engsim *x, const char *name, const char *type,
			  const char *status, const char *phase)
{
	const json_t *list = doc_get(engsim_status(x, "shop"), "operationState",
				     "syncResult", "resources", NULL);
	_cleanup_buf_ struct buf text = BUF_INIT;
	size_t i;
	json_t *r;

	json_array_foreach(list, i, r) {
		const char *hook = doc_get_str(r, "hookType", NULL);

		if (hook && !strcmp(hook, type) &&
		    !strcmp(doc_get_str(r, "name", NULL), name)) {
			assert_string_equal(doc_get_str(r, "status", NULL), status);
			assert_string_equal(doc_get_str(r, "hookPhase", NULL), phase);
			assert_string_equal(doc_get_str(r, "syncPhase", NULL), type);
			return;
		}
	}
	if (list)
		doc_write(list, &text);
	fail_msg("no row of %s %s in %s", type, name, buf_str(&text));
}

void hooks_start(struct engsim *x)
{
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
	sim_run_for(x->s, 3000);
}

void hooks_end(struct engsim *x)
{
	hooks_check(x);
	scene_end(x, false);
}
