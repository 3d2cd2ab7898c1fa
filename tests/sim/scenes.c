#include "scenes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"

void scene_put(struct engsim *x, const char *tag)
{
	_cleanup_free_ char *web = engsim_deployment("web", tag, 3);

	engsim_commit(x, "web.yaml", web);
}

void scene_init(struct engsim *x, uint64_t seed)
{
	engsim_init(x, seed);
	scene_put(x, "v1");
	engsim_application(x, "shop", "");
}

void scene_good(struct engsim *x, uint64_t seed)
{
	scene_init(x, seed);
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
}

void scene_put_secret(struct engsim *x, const char *word)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":"
		"\"Secret\",\"metadata\":{\"name\":\"coffer\"},\"stringData\":{"
		"\"code\":\"" CANARY "-%s\"}}", word);

	engsim_commit(x, "coffer.yaml", text);
}

void scene_put_pumps(struct engsim *x, const char *versions, const char *strategy)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	_cleanup_free_ char *text = NULL, *copy = xstrdup(versions);
	char *rest = copy, *v;

	while ((v = strsep(&rest, " "))) {
		size_t n = strcspn(v, "-");

		buf_addf(&list, "%s{\"name\":\"%.*s\",\"served\":%s,\"storage\":%s,"
			 "\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\","
			 "\"x-kubernetes-preserve-unknown-fields\":true}}}", list.len ? "," : "",
			 (int)n, v, v[n] ? "false" : "true", rest ? "false" : "true");
	}
	text = xasprintf("{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":"
		"\"CustomResourceDefinition\",\"metadata\":{\"name\":\"pumps.example.com\"},"
		"\"spec\":{\"group\":\"example.com\",\"names\":{\"kind\":\"Pump\","
		"\"plural\":\"pumps\",\"singular\":\"pump\",\"listKind\":\"PumpList\"},"
		"\"scope\":\"Namespaced\",\"versions\":[%s],\"conversion\":{\"strategy\":"
		"\"%s\"%s}}}", buf_str(&list), strategy, strcmp(strategy, "Webhook") ? "" :
		",\"webhook\":{\"conversionReviewVersions\":[\"v1\"],\"clientConfig\":{"
		"\"url\":\"https://nobody.example\"}}");
	engsim_commit(x, "crd.yaml", text);
}

void scene_put_pump(struct engsim *x, const char *version, const char *size)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"example.com/%s\",\"kind\":"
		"\"Pump\",\"metadata\":{\"name\":\"one\",\"annotations\":{"
		"\"argocd.argoproj.io/sync-wave\":\"1\"}},\"spec\":{\"size\":\"%s\"}}",
		version, size);

	engsim_commit(x, "pump.yaml", text);
}

const char *scene_pump_size(struct engsim *x)
{
	const char *s = doc_get_str(apisim_get(x->api, "pumps.example.com", "shop", "one"),
				    "spec", "size", NULL);

	return s ? s : "";
}

const char *scene_tag(struct engsim *x)
{
	const json_t *d = apisim_get(x->api, "deployments.apps", "shop", "web");
	const json_t *c = doc_get(d, "spec", "template", "spec", "containers", NULL);
	const char *s = doc_get_str(json_array_get(c, 0), "image", NULL);

	return s ? strrchr(s, ':') + 1 : "";
}

void scene_edit_app(struct engsim *x, const char *merge_patch)
{
	apisim_edit(x->api, "kubectl", "applications.argoproj.io", "argocd", "shop",
		    merge_patch);
}

void scene_drift(struct engsim *x, const char *tag)
{
	_cleanup_free_ char *patch = xasprintf("{\"spec\":{\"template\":{\"spec\":{"
		"\"containers\":[{\"name\":\"main\",\"image\":\"hand:%s\"}]}}}}", tag);

	apisim_edit(x->api, "kubectl-edit", "deployments.apps", "shop", "web", patch);
}

static const char *of_condition(struct engsim *x, const char *app, const char *type,
				const char *field)
{
	const json_t *list = doc_get(engsim_status(x, app), "conditions", NULL);
	size_t i;
	json_t *c;

	json_array_foreach(list, i, c)
		if (!strcmp(doc_get_str(c, "type", NULL), type))
			return doc_get_str(c, field, NULL);
	return NULL;
}

const char *scene_condition(struct engsim *x, const char *app, const char *type)
{
	return of_condition(x, app, type, "message");
}

char *scene_condition_since(struct engsim *x, const char *app, const char *type)
{
	const char *at = of_condition(x, app, type, "lastTransitionTime");

	return at ? xstrdup(at) : NULL;
}

static void status_text(struct engsim *x, const char *app, struct buf *text)
{
	const json_t *status = engsim_status(x, app);

	if (status)
		doc_write(status, text);
}

void scene_assert_condition(struct engsim *x, const char *app, const char *type,
			    const char *words)
{
	const char *message = scene_condition(x, app, type);
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (message && strstr(message, words))
		return;
	sim_dump(x->s);
	status_text(x, app, &text);
	fail_msg("%s: no %s with \"%s\" but \"%s\" in %s", app, type, words,
		 message ? message : "(none)", buf_str(&text));
}

void scene_until(struct engsim *x, bool (*pred)(void *arg), uint64_t within_ms,
		 const char *what)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (engsim_run(x, pred, within_ms))
		return;
	sim_dump(x->s);
	status_text(x, "shop", &text);
	fail_msg("seed %llu: not in time: %s: %s",
		 (unsigned long long)sim_seed(x->s), what, buf_str(&text));
}

static bool has_tag(void *arg)
{
	struct engsim *x = arg;

	return !strcmp(scene_tag(x), x->want_name);
}

void scene_until_tag(struct engsim *x, const char *tag, uint64_t within_ms)
{
	x->want_name = tag;
	scene_until(x, has_tag, within_ms, tag);
}

const char *scene_secret(struct engsim *x, const char *prefix, size_t n)
{
	return doc_get_str(apisim_nth(x->api, "secrets", "syncd-system", prefix, n),
			   "metadata", "name", NULL);
}

bool scene_gone(void *arg)
{
	struct engsim *x = arg;

	return !apisim_get(x->api, "applications.argoproj.io", "argocd", "shop");
}

bool scene_in_trouble(void *arg)
{
	struct engsim *x = arg;

	return scene_condition(x, "shop", "InvalidSpecError") ||
	       scene_condition(x, "shop", "SyncError");
}

void scene_narrow(struct engsim *x)
{
	apisim_edit(x->api, "kubectl", "appprojects.argoproj.io", "argocd", "team",
		    "{\"spec\":{\"namespaceResourceBlacklist\":[{\"group\":\"apps\","
		    "\"kind\":\"Deployment\"}]}}");
}

void scene_widen(struct engsim *x)
{
	apisim_edit(x->api, "kubectl", "appprojects.argoproj.io", "argocd", "team",
		    "{\"spec\":{\"namespaceResourceBlacklist\":null}}");
}

size_t scene_made(struct engsim *x, size_t from, const char *path)
{
	size_t n = 0;

	for (size_t i = from; i < sim_request_count(x->s); i++) {
		const struct sim_request *q = sim_request(x->s, i);

		n += !strcmp(q->method, "PATCH") && strstr(q->path, path) &&
		     !q->dry_run && q->status == 201;
	}
	return n;
}

size_t scene_secrets(struct engsim *x, const char *prefix)
{
	size_t n = 0;

	while (scene_secret(x, prefix, n))
		n++;
	return n;
}

size_t scene_answers(struct engsim *x, size_t from, const char *method,
		     const char *path, int status)
{
	size_t n = 0;

	for (size_t i = from; i < sim_request_count(x->s); i++) {
		const struct sim_request *q = sim_request(x->s, i);

		n += !strcmp(q->method, method) && strstr(q->path, path) &&
		     q->status == status;
	}
	return n;
}

uint64_t scene_looks(struct engsim *x)
{
	static const char row[] = "\nsyncd_reconciles_total ";
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *p;

	engine_metrics(x->engine, &text);
	p = strstr(buf_str(&text), row);
	assert_non_null(p);
	return strtoull(p + strlen(row), NULL, 10);
}

bool scene_has_event(struct engsim *x, const char *reason, const char *words)
{
	const json_t *o;

	for (size_t i = 0; (o = apisim_nth(x->api, "events.events.k8s.io", "argocd", "", i)); i++) {
		const char *note = doc_get_str(o, "note", NULL);

		if (!strcmp(doc_get_str(o, "reason", NULL), reason) && note &&
		    strstr(note, words))
			return true;
	}
	return false;
}

void scene_check(struct engsim *x, bool no_deletes)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const json_t *o;

	assert_false(sim_log_contains(x->s, CANARY));
	for (size_t i = 0; (o = apisim_nth(x->api, "applications.argoproj.io",
					   "argocd", "", i)); i++)
		doc_write(o, &text);
	for (size_t i = 0; (o = apisim_nth(x->api, "events.events.k8s.io", "argocd", "", i)); i++)
		doc_write(o, &text);
	assert_null(strstr(buf_str(&text), CANARY));
	if (no_deletes && sim_count(x->s, 0, "DELETE", "/namespaces/shop")) {
		sim_dump(x->s);
		fail_msg("something of \"shop\" was deleted");
	}
}

void scene_end(struct engsim *x, bool no_deletes)
{
	scene_check(x, no_deletes);
	engsim_deinit(x);
}
