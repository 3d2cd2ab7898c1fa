/* An application that syncs by hand and never did: what is there of it is seen all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "asks.h"
#include "core/doc.h"
#include "scenes.h"

#define MAP(name, value) "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{" \
	"\"name\":\"" name "\",\"namespace\":\"shop\"},\"data\":{\"key\":\"" value "\"}}"
#define BY_HAND "{\"spec\":{\"syncPolicy\":{\"automated\":null}}}"

/* web and same are there as Git says, other otherwise, fresh is not. */
static void init(struct engsim *x, uint64_t seed)
{
	_cleanup_free_ char *web = engsim_deployment("web", "v1", 3);
	_cleanup_json_ json_t *o = doc_parse(web, strlen(web), NULL);
	_cleanup_buf_ struct buf text = BUF_INIT;

	scene_init(x, seed);
	engsim_commit(x, "same.yaml", MAP("same", "1"));
	engsim_commit(x, "other.yaml", MAP("other", "1"));
	engsim_commit(x, "fresh.yaml", MAP("fresh", "1"));
	scene_edit_app(x, BY_HAND);
	json_object_set_new(json_object_get(o, "metadata"), "namespace", json_string("shop"));
	doc_write(o, &text);
	apisim_namespace(x->api, "shop");
	apisim_apply(x->api, buf_str(&text));
	apisim_apply(x->api, MAP("same", "1"));
	apisim_apply(x->api, MAP("other", "2"));
	sim_run_for(x->s, 5000);	/* its pods get ready */
	engsim_start(x);
}

/* "Synced Healthy" of an object in the status; "" when it has no row. */
static const char *row(struct engsim *x, const char *name)
{
	static char text[64];
	const json_t *list = doc_get(engsim_status(x, "shop"), "resources", NULL), *r;
	size_t i;

	*text = '\0';
	json_array_foreach(list, i, r) {
		const char *health = doc_get_str(r, "health", "status", NULL);

		if (!strcmp(doc_get_str(r, "name", NULL), name))
			snprintf(text, sizeof(text), "%s %s", doc_get_str(r, "status", NULL),
				 health ? health : "-");
	}
	return text;
}

static bool is_seen(void *arg)
{
	return !strcmp(row(arg, "web"), "Synced Healthy");
}

static size_t asked(struct engsim *x, size_t from)
{
	return sim_count(x->s, from, "GET", "/namespaces/shop/configmaps/") +
	       sim_count(x->s, from, "GET", "/namespaces/shop/deployments/") +
	       sim_count(x->s, from, "PATCH", "/namespaces/shop/");
}

static size_t written(struct engsim *x)
{
	size_t n = 0;

	for (size_t i = 0; i < sim_request_count(x->s); i++) {
		const struct sim_request *r = sim_request(x->s, i);

		n += strcmp(r->method, "GET") && !r->dry_run &&
		     strstr(r->path, "/namespaces/shop/");
	}
	return n;
}

static void what_is_there_is_told(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	init(&x, 960);
	scene_until(&x, is_seen, LONG, "the Deployment");
	assert_string_equal(row(&x, "same"), "Synced -");
	assert_string_equal(row(&x, "other"), "OutOfSync -");
	assert_string_equal(row(&x, "fresh"), "OutOfSync Missing");
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "sync", "status", NULL),
			    "OutOfSync");
	assert_int_equal(asked(&x, 0), 4 + 3);
	assert_int_equal(written(&x), 0);
	/* Polls ask nothing; what Git says anew is asked anew, and so is all on refresh. */
	from = sim_request_count(x.s);
	sim_run_for(x.s, 600000);
	assert_int_equal(asked(&x, from), 0);
	sim_git_commit(x.s, REPO, "main", "README", "the same objects, rendered anew");
	sim_run_for(x.s, 60000);
	assert_int_equal(asked(&x, from), 0);
	assert_string_equal(row(&x, "same"), "Synced -");
	engsim_commit(&x, "other.yaml", MAP("other", "2"));
	sim_run_for(x.s, 60000);
	assert_string_equal(row(&x, "other"), "Synced -");
	assert_string_equal(row(&x, "same"), "Synced -");
	assert_int_equal(asked(&x, from), 4 + 3);
	apisim_apply(x.api, MAP("fresh", "1"));
	scene_edit_app(&x, "{\"metadata\":{\"annotations\":{\"argocd.argoproj.io/refresh\":"
		       "\"normal\"}}}");
	sim_run_for(x.s, 60000);
	assert_string_equal(row(&x, "fresh"), "Synced -");
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "sync", "status", NULL),
			    "Synced");
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "health", "status", NULL),
			    "Healthy");
	assert_int_equal(written(&x), 0);
	/* Its first sync adopts them; from then on watches tell. */
	ask_sync(&x, "\"prune\":false");
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_true(written(&x) >= 4);
	assert_string_equal(row(&x, "web"), "Synced Healthy");
	scene_end(&x, true);
}

/* What others hold, and what the project does not allow, is not asked about. */
static void whose_it_is_not_is_seen_and_left(void **state)
{
	struct engsim x;

	(void)state;
	init(&x, 961);
	apisim_edit(x.api, "kubectl", "configmaps", "shop", "same",
		    "{\"metadata\":{\"annotations\":{\"argocd.argoproj.io/tracking-id\":"
		    "\"rival:/ConfigMap:shop/same\"}}}");
	scene_until(&x, is_seen, LONG, "the Deployment");
	assert_string_equal(row(&x, "same"), "OutOfSync -");
	assert_int_equal(sim_count(x.s, 0, "PATCH", "/configmaps/same"), 0);
	assert_int_equal(written(&x), 0);
	scene_end(&x, true);
}

/* Requests that fail, and a process that dies: it is seen in the end, and nothing written. */
static void trouble_delays_it(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct sim_faults f = sim_faults_mixed(2);
		struct engsim x;

		init(&x, 970 + seed);
		sim_set_faults(x.s, &f, 60000);
		sim_crash_at(x.s, 20 + 7 * seed);
		scene_until(&x, is_seen, 600000, "the Deployment");
		assert_string_equal(row(&x, "same"), "Synced -");
		assert_int_equal(written(&x), 0);
		scene_end(&x, true);
	}
}

static bool does_not_answer(void *arg, const char *op, const json_t *object, char message[256])
{
	const char *name = doc_get_str(object, "metadata", "name", NULL);

	(void)arg;
	(void)op;
	strcpy(message, "failed calling webhook \"gate\": no endpoints");
	return name && !strcmp(name, "other");
}

static void assert_steady(struct engsim *x, int seconds)
{
	for (int i = 0; i < seconds; i++) {
		sim_run_for(x->s, 1000);
		assert_string_equal(row(x, "web"), "Synced Healthy");
		assert_string_equal(row(x, "same"), "Synced -");
	}
}

/* What cannot be asked is asked again and again: what is known of the others stays. */
static void what_was_seen_stays_while_it_is_read_anew(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	init(&x, 963);
	apisim_set_admission(x.api, does_not_answer, NULL);
	scene_until(&x, is_seen, LONG, "the Deployment");
	from = sim_request_count(x.s);
	assert_steady(&x, 300);
	assert_true(asked(&x, from) > 4);
	scene_edit_app(&x, "{\"metadata\":{\"annotations\":{\"argocd.argoproj.io/refresh\":"
		       "\"normal\"}}}");
	assert_steady(&x, 60);
	apisim_set_admission(x.api, NULL, NULL);
	assert_steady(&x, 120);
	assert_string_equal(row(&x, "other"), "OutOfSync -");
	assert_int_equal(written(&x), 0);
	scene_end(&x, true);
}

static bool denies_reads(void *arg, const char *user, const char *verb,
			 const char *resource, const char *ns)
{
	(void)arg;
	(void)user;
	return !strcmp(verb, "get") && !strcmp(resource, "configmaps") && ns &&
	       !strcmp(ns, "shop");
}

static void what_may_not_be_read_is_missing(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	init(&x, 962);
	apisim_set_authz(x.api, denies_reads, NULL);
	scene_until(&x, is_seen, LONG, "the Deployment");
	assert_string_equal(row(&x, "same"), "OutOfSync Missing");
	from = sim_request_count(x.s);
	sim_run_for(x.s, 600000);
	assert_int_equal(asked(&x, from), 0);
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_is_told),
		cmocka_unit_test(whose_it_is_not_is_seen_and_left),
		cmocka_unit_test(trouble_delays_it),
		cmocka_unit_test(what_was_seen_stays_while_it_is_read_anew),
		cmocka_unit_test(what_may_not_be_read_is_missing),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
