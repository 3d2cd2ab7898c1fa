#include "signscene.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/doc.h"
#include "simworkers.h"

void signs_put_project(struct engsim *x, const char *keys)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"argoproj.io/v1alpha1\","
		"\"kind\":\"AppProject\",\"metadata\":{\"name\":\"team\",\"namespace\":"
		"\"argocd\"},\"spec\":{\"sourceRepos\":[\"*\"],\"destinations\":[{"
		"\"server\":\"*\",\"namespace\":\"*\"}],\"signatureKeys\":%s}}", keys);

	apisim_apply(x->api, text);
}

void signs_list_keys(struct engsim *x, const char *keys)
{
	_cleanup_free_ char *patch = xasprintf("{\"spec\":{\"signatureKeys\":%s}}", keys);

	apisim_edit(x->api, "kubectl", PROJECTS, "argocd", "team", patch);
}

/* The ConfigMap, with the public keys of those IDs, spaced; "ID@N" ends N s after the start. */
void signs_put_ring(struct engsim *x, const char *ns, const char *ids)
{
	_cleanup_json_ json_t *data = json_object();
	_cleanup_json_ json_t *o = json_pack("{s:s, s:s, s:{s:s, s:s}, s:O}", "apiVersion",
		"v1", "kind", "ConfigMap", "metadata", "name", "argocd-gpg-keys-cm",
		"namespace", ns, "data", data);
	_cleanup_free_ char *list = xstrdup(ids);
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *rest = NULL;

	if (apisim_get(x->api, "configmaps", ns, "argocd-gpg-keys-cm"))
		apisim_delete(x->api, "configmaps", ns, "argocd-gpg-keys-cm");
	for (char *id = strtok_r(list, " ", &rest); id; id = strtok_r(NULL, " ", &rest)) {
		char *end = strchr(id, '@');
		long long till = end ? SIM_EPOCH / 1000 + atoi(end + 1) : 0;
		_cleanup_free_ char *key = xasprintf("%s%lld", SIM_KEY, till);

		if (end)
			*end = '\0';
		json_object_set_new(data, id, json_string(key));
	}
	doc_write(o, &text);
	apisim_apply(x->api, buf_str(&text));
}

/* By whom all that is committed from now on is signed; NULL: by nobody. */
void signs_as(struct engsim *x, const char *by)
{
	sim_git_commit(x->s, REPO, "main", SIM_SIGNATURE, by);
}

/* Application shop of that project, signed by ada; not started. */
void signs_init(struct engsim *x, uint64_t seed, const char *listed, const char *ring)
{
	scene_init(x, seed);
	signs_as(x, ADA);
	signs_put_project(x, listed);
	if (ring)
		signs_put_ring(x, "argocd", ring);
	scene_edit_app(x, "{\"spec\":{\"project\":\"team\"}}");
}

void signs_good(struct engsim *x, uint64_t seed)
{
	signs_init(x, seed, LISTED(ADA), ADA);
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
}

size_t signs_writes(struct engsim *x, size_t from)
{
	return sim_count(x->s, from, "PATCH", "/namespaces/shop/") +
	       sim_count(x->s, from, "DELETE", "/namespaces/shop/");
}

bool signs_held(void *x)
{
	return scene_condition(x, "shop", "ComparisonError");
}

bool signs_free(void *x)
{
	return !signs_held(x) && engsim_in_phase(x, "shop", "Good");
}

void signs_until_held(struct engsim *x, const char *words)
{
	size_t from = sim_request_count(x->s);

	scene_until(x, signs_held, LONG, "the condition");
	sim_run_for(x->s, 30000);
	scene_assert_condition(x, "shop", "ComparisonError", words);
	assert_int_equal(signs_writes(x, from), 0);
}
