/*
 * A release that brings a webhook: the API server has to be answered before it is
 * good, and what does not answer is put back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "scenes.h"

#define WEBHOOKS "validatingwebhookconfigurations.admissionregistration.k8s.io"
#define NAME "gate.example.com"

static void put(struct engsim *x, const char *file, const char *text)
{
	_cleanup_free_ char *copy = xstrdup(text);

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	engsim_commit(x, file, copy);
}

/* client: its clientConfig; kinds: the resources that it wants to see. */
static void put_gate(struct engsim *x, const char *client, const char *group,
		     const char *resource)
{
	_cleanup_free_ char *text = xasprintf("{'apiVersion':'admissionregistration.k8s.io/v1',"
		"'kind':'ValidatingWebhookConfiguration','metadata':{'name':'gate'},'webhooks':[{"
		"'name':'" NAME "','clientConfig':{%s},'sideEffects':'None','failurePolicy':"
		"'Fail','admissionReviewVersions':['v1'],'rules':[{'apiGroups':['%s'],"
		"'apiVersions':['v1'],'operations':['CREATE','UPDATE'],'resources':['%s']}]}]}",
		client, group, resource);

	put(x, "gate.yaml", text);
}

struct server {
	struct engsim *x;
	const char *sees;	/* the kind of objects that it is asked about */
	bool silent;
	unsigned asked;
};

static bool answer(void *arg, const char *op, const json_t *object, char message[256])
{
	struct server *s = arg;
	const char *kind = doc_get_str(object, "kind", NULL);

	if (!kind || strcmp(kind, s->sees) || !strcmp(op, "DELETE") ||
	    !apisim_get(s->x->api, WEBHOOKS, NULL, "gate"))
		return false;
	s->asked++;
	strcpy(message, "failed calling webhook \"" NAME "\": failed to call webhook: Post "
	       "\"https://gate.shop.svc:443/\": no endpoints available");
	return s->silent;
}

static void begin(struct engsim *x, uint64_t seed, struct server *s, const char *sees)
{
	*s = (struct server){ .x = x, .sees = sees };
	scene_init(x, seed);
	put(x, "settings.yaml", "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':"
	    "'settings'},'data':{'a':'1'}}");
	engsim_start(x);
	engsim_until_phase(x, "shop", "Good", LONG);
	apisim_set_admission(x->api, answer, s);
}

static const char *message_of(struct engsim *x)
{
	const char *s = doc_get_str(engsim_status(x, "shop"), "syncd", "message", NULL);

	return s ? s : "";
}

/* By an object of the application's own, and by a new one where it has none. */
static void silence_is_put_back(void **state)
{
	static const struct { const char *sees, *group, *resource; } rows[] = {
		{ "ConfigMap", "", "configmaps" },
		{ "PodDisruptionBudget", "policy", "poddisruptionbudgets" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *why;
		struct engsim x;
		struct server s;
		uint64_t from;

		begin(&x, 2600 + i, &s, rows[i].sees);
		s.silent = true;
		put_gate(&x, "'url':'https://gate'", rows[i].group, rows[i].resource);
		engsim_until_phase(&x, "shop", "Settling", LONG);
		from = sim_now(x.s);
		sim_run_for(x.s, 20000);
		assert_non_null(strstr(message_of(&x), "failed calling webhook"));
		engsim_until_phase(&x, "shop", "Pinned", 300000);
		assert_in_range(sim_now(x.s) - from, 55000, 75000);	/* the deadline is 60 s */
		why = doc_get_str(engsim_status(&x, "shop"), "syncd", "rejected", "reason", NULL);
		assert_non_null(strstr(why, "ValidatingWebhookConfiguration/gate: Internal "
				       "error occurred: failed calling webhook \"" NAME "\""));
		assert_null(apisim_get(x.api, WEBHOOKS, NULL, "gate"));
		assert_true(s.asked >= 10 && s.asked < 20);	/* each five seconds */
		scene_end(&x, true);
	}
}

/* First a CA, then an endpoint, then an answer: it is waited for, and then good. */
static void what_comes_late_is_waited_for(void **state)
{
	struct engsim x;
	struct server s;

	(void)state;
	begin(&x, 2610, &s, "ConfigMap");
	s.silent = true;
	put_gate(&x, "'service':{'name':'gate','namespace':'shop'}", "", "configmaps");
	engsim_until_phase(&x, "shop", "Settling", LONG);
	sim_run_for(x.s, 8000);
	assert_non_null(strstr(message_of(&x), "its clientConfig has no caBundle yet"));
	apisim_edit(x.api, "ca-injector", WEBHOOKS, NULL, "gate", "{\"webhooks\":[{\"name\":"
		    "\"" NAME "\",\"clientConfig\":{\"service\":{\"name\":\"gate\","
		    "\"namespace\":\"shop\"},\"caBundle\":\"Q0E=\"},\"sideEffects\":\"None\","
		    "\"failurePolicy\":\"Fail\",\"admissionReviewVersions\":[\"v1\"],\"rules\":[{"
		    "\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"operations\":[\"CREATE\","
		    "\"UPDATE\"],\"resources\":[\"configmaps\"]}]}]}");
	sim_run_for(x.s, 8000);
	assert_non_null(strstr(message_of(&x), "Service shop/gate has no endpoint"));
	assert_int_equal(s.asked, 0);
	apisim_apply(x.api, "{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\","
		     "\"metadata\":{\"name\":\"gate-x\",\"namespace\":\"shop\",\"labels\":{"
		     "\"kubernetes.io/service-name\":\"gate\"}},\"addressType\":\"IPv4\","
		     "\"endpoints\":[{\"addresses\":[\"10.0.0.9\"]}]}");
	sim_run_for(x.s, 8000);
	assert_non_null(strstr(message_of(&x), "failed calling webhook"));
	s.silent = false;
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_non_null(apisim_get(x.api, WEBHOOKS, NULL, "gate"));
	assert_false(scene_has_event(&x, "Rejected", ""));
	scene_end(&x, true);
}

/* One that answered is not asked again, nor one that a release did not touch. */
static void what_was_not_changed_is_not_asked(void **state)
{
	struct engsim x;
	struct server s;

	(void)state;
	begin(&x, 2620, &s, "ConfigMap");
	put_gate(&x, "'url':'https://gate'", "", "configmaps");
	sim_run_for(x.s, 60000);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_int_equal(s.asked, 1);
	s.silent = true;
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	sim_run_for(x.s, 10000);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_int_equal(s.asked, 1);
	scene_end(&x, true);
}

/* A read of each version that has to be converted is answered. */
static void conversions_are_asked(void **state)
{
	struct engsim x;
	struct server s;
	size_t from;

	(void)state;
	begin(&x, 2630, &s, "none");
	from = sim_request_count(x.s);
	put(&x, "crd.yaml", "{'apiVersion':'apiextensions.k8s.io/v1','kind':"
	    "'CustomResourceDefinition','metadata':{'name':'pumps.example.com'},'spec':{"
	    "'group':'example.com','names':{'kind':'Pump','plural':'pumps','singular':'pump',"
	    "'listKind':'PumpList'},'scope':'Namespaced','conversion':{'strategy':'Webhook',"
	    "'webhook':{'conversionReviewVersions':['v1'],'clientConfig':{'url':"
	    "'https://nobody.example'}}},'versions':["
	    "{'name':'v1','served':true,'storage':false,'schema':{'openAPIV3Schema':{'type':"
	    "'object'}}},{'name':'v2','served':true,'storage':true,'schema':{"
	    "'openAPIV3Schema':{'type':'object'}}}]}}");
	sim_run_for(x.s, 30000);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_int_equal(sim_count(x.s, from, "GET", "/apis/example.com/v1/pumps"), 1);
	assert_int_equal(sim_count(x.s, from, "GET", "/apis/example.com/v2/pumps"), 0);
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_put_back),
		cmocka_unit_test(what_comes_late_is_waited_for),
		cmocka_unit_test(what_was_not_changed_is_not_asked),
		cmocka_unit_test(conversions_are_asked),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
