/*
 * Secrets of a release that take their values from a Secret of the cluster: they come,
 * they wait, they rotate, and nobody else hears of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "asks.h"
#include "core/doc.h"
#include "hookscene.h"
#include "unzipped.h"

/* The value in base64, as Secrets hold it. Owned. */
static char *encoded(const char *word)
{
	_cleanup_free_ char *plain = xasprintf(CANARY "-%s", word);
	struct buf out = BUF_INIT;

	b64_encode(plain, strlen(plain), &out);
	return buf_steal(&out, NULL);
}

/* The source, with one key. */
static void give(struct engsim *x, const char *ns, const char *key, const char *word,
		 const char *notes)
{
	_cleanup_free_ char *value = encoded(word);
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"Secret\","
		"\"metadata\":{\"name\":\"src\",\"namespace\":\"%s\",\"annotations\":{%s}},"
		"\"data\":{\"%s\":\"%s\"}}", ns, notes, key, value);

	apisim_apply(x->api, text);
}

/* app/coffer.yaml: a Secret that takes "code" from there, and says "plain" itself. */
static void put_coffer(struct engsim *x, const char *from, const char *plain)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"Secret\","
		"\"metadata\":{\"name\":\"coffer\",\"annotations\":{\"syncd.dev/secret-from\":"
		"\"%s\"}},\"stringData\":{\"code\":\"StrongBase64Password\",\"plain\":\"%s\"}}",
		from, plain);

	engsim_commit(x, "coffer.yaml", text);
}

static const char *coffer(struct engsim *x, const char *key)
{
	const char *v = doc_get_str(apisim_get(x->api, "secrets", "shop", "coffer"), "data",
				    key, NULL);

	return v ? v : "";
}

static bool has_word(struct engsim *x, const char *word)
{
	_cleanup_free_ char *value = encoded(word);

	return !strcmp(coffer(x, "code"), value);
}

static bool has_one(void *x)
{
	return has_word(x, "one");
}

static bool has_two(void *x)
{
	return has_word(x, "two");
}

static bool contains(const struct buf *b, const char *word)
{
	return b->len && memmem(b->data, b->len, word, strlen(word));
}

/* The value went to the API server for that Secret, and to nothing else. */
static void assert_kept(struct engsim *x)
{
	bool said = false;

	for (size_t i = 0; i < sim_request_count(x->s); i++) {
		const struct sim_request *r = sim_request(x->s, i);

		_cleanup_buf_ struct buf all = BUF_INIT;

		if (!r->body || strstr(r->path, "/namespaces/shop/secrets/coffer"))
			continue;
		unzipped(r->body, strlen(r->body), &all);
		said |= contains(&all, "cDE=") || contains(&all, "p1");
		for (size_t k = 0; k < 2; k++) {
			_cleanup_free_ char *value = encoded(k ? "two" : "one");

			if (strstr(r->body, CANARY) || strstr(r->body, value) ||
			    contains(&all, CANARY) || contains(&all, value))
				fail_msg("%s %s holds a value", r->method, r->path);
			assert_false(sim_log_contains(x->s, value));
		}
	}
	if (!said)
		fail_msg("what the manifest says itself was not found in a release either");
}

static void draws_end(struct engsim *x)
{
	assert_kept(x);
	scene_end(x, true);
}

static void draws_scene(struct engsim *x, uint64_t seed, const char *from)
{
	scene_init(x, seed);
	apisim_namespace(x->api, "vault");
	put_coffer(x, from, "p1");
}

static void a_value_comes_from_its_source(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	draws_scene(&x, 990, "src");
	give(&x, "shop", "code", "one", "");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_true(has_one(&x));
	assert_string_equal(coffer(&x, "plain"), "cDE=");
	apisim_edit(x.api, "kubectl-edit", "secrets", "shop", "coffer",
		    "{\"data\":{\"code\":\"eA==\"}}");
	scene_until(&x, has_one, LONG, "the value again");
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, MINUTES);
	from = sim_request_count(x.s);
	engsim_crash(&x);
	engsim_start(&x);
	sim_run_for(x.s, 3 * MINUTES);
	assert_int_equal(sim_count(x.s, from, "PATCH", "/namespaces/shop"), 0);
	assert_true(engsim_in_phase(&x, "shop", "Good"));
	draws_end(&x);
}

static void waits_for(struct engsim *x, const char *words)
{
	sim_run_for(x->s, 3 * MINUTES);
	scene_assert_condition(x, "shop", "SecretSourceWarning", words);
	assert_non_null(strstr(ask_syncd(x, "message"), words));
}

static void what_lacks_holds_what_is_new(void **state)
{
	struct engsim x;

	(void)state;
	draws_scene(&x, 991, "src");
	engsim_start(&x);
	waits_for(&x, "Secret shop/coffer waits for Secret shop/src: it is not there");
	assert_string_equal(scene_tag(&x), "");
	give(&x, "shop", "other", "one", "");
	waits_for(&x, "it has no key code");
	ask_sync(&x, "");
	ask_until_ended(&x, "Failed");
	assert_non_null(strstr(ask_op(&x, "message"), "it has no key code"));
	assert_string_equal(scene_tag(&x), "");
	give(&x, "shop", "code", "one", "");
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_true(has_one(&x));
	assert_null(scene_condition(&x, "shop", "SecretSourceWarning"));
	apisim_delete(x.api, "secrets", "shop", "src");		/* what runs stays */
	scene_put(&x, "v2");
	waits_for(&x, "it is not there");
	assert_true(has_one(&x));
	assert_string_equal(scene_tag(&x), "v1");
	draws_end(&x);
}

static void another_namespace_has_to_consent(void **state)
{
	struct engsim x;

	(void)state;
	draws_scene(&x, 992, "src/vault");
	give(&x, "vault", "code", "one", "\"syncd.dev/secret-to\":\"test\"");
	engsim_start(&x);
	waits_for(&x, "does not name namespace shop");
	assert_string_equal(coffer(&x, "code"), "");
	give(&x, "vault", "code", "one", "\"syncd.dev/secret-to\":\"test, shop\"");
	scene_until(&x, has_one, LONG, "the value");
	engsim_until_phase(&x, "shop", "Good", LONG);
	draws_end(&x);
}

static bool no_vault(void *arg, const char *user, const char *verb,
		     const char *resource, const char *ns)
{
	(void)arg;
	(void)user;
	(void)verb;
	return !strcmp(resource, "secrets") && ns && !strcmp(ns, "vault");
}

static void a_source_that_may_not_be_read_is_said(void **state)
{
	struct engsim x;

	(void)state;
	draws_scene(&x, 995, "src/vault");
	give(&x, "vault", "code", "one", "\"syncd.dev/secret-to\":\"shop\"");
	apisim_set_authz(x.api, no_vault, NULL);
	engsim_start(&x);
	waits_for(&x, "Secret shop/coffer waits for Secret vault/src: it cannot be read");
	apisim_set_authz(x.api, NULL, NULL);
	scene_until(&x, has_one, 10 * MINUTES, "the value");
	draws_end(&x);
}

/* dir/many.yaml: that many Secrets, each of a source of its own. */
static void put_many(struct engsim *x, const char *dir, int n)
{
	struct buf text = BUF_INIT;
	_cleanup_free_ char *path = xasprintf("%s/many.yaml", dir);

	for (int i = 0; i < n; i++)
		buf_addf(&text, "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s-%d\n"
			 "  annotations: {syncd.dev/secret-from: of-%s-%d}\n"
			 "data: {code: eA==}\n", dir, i, dir, i);
	sim_git_commit(x->s, REPO, "main", path, buf_str(&text));
	buf_deinit(&text);
}

static void sources_of_one_release_are_counted(void **state)
{
	struct engsim x;

	(void)state;
	draws_scene(&x, 996, "src");
	give(&x, "shop", "code", "one", "");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	for (int i = 0; i < 21; i++) {
		_cleanup_free_ char *source = xasprintf("{\"apiVersion\":\"v1\",\"kind\":"
			"\"Secret\",\"metadata\":{\"name\":\"of-app-%d\",\"namespace\":"
			"\"shop\"},\"data\":{\"code\":\"eA==\"}}", i);

		apisim_apply(x.api, source);
	}
	put_many(&x, "app", 21);
	waits_for(&x, "Secret shop/app-9 waits for Secret shop/of-app-9: a release takes from "
		  "at most 20 Secrets");
	assert_true(has_one(&x));
	put_many(&x, "app", 19);
	sim_run_for(x.s, 3 * MINUTES);
	assert_null(scene_condition(&x, "shop", "SecretSourceWarning"));
	assert_non_null(apisim_get(x.api, "secrets", "shop", "app-18"));
	draws_end(&x);
}

static bool waits_for_a_place(void *arg)
{
	const char *words = scene_condition(arg, "last", "SecretSourceWarning");

	return words && strstr(words, "syncd watches 200 sources already");
}

static bool is_watched(void *arg)
{
	const char *words = scene_condition(arg, "last", "SecretSourceWarning");

	return words && !waits_for_a_place(arg) && strstr(words, "it is not there");
}

/* One that waits for a place has the next that is free. */
static void sources_of_all_are_counted(void **state)
{
	struct engsim x;

	(void)state;
	engsim_init(&x, 997);
	apisim_namespace(x.api, "shop");
	for (int i = 0; i < 10; i++) {
		_cleanup_free_ char *name = xasprintf("a%d", i);
		_cleanup_free_ char *more = xasprintf("{\"spec\":{\"source\":{\"path\":\"%s\"}}}",
						      name);

		put_many(&x, name, 20);
		engsim_application(&x, name, "");
		apisim_edit(x.api, "kubectl-edit", "applications.argoproj.io", "argocd", name,
			    more);
	}
	engsim_start(&x);
	sim_run_for(x.s, 3 * MINUTES);
	put_many(&x, "last", 1);
	engsim_application(&x, "last", "");
	apisim_edit(x.api, "kubectl-edit", "applications.argoproj.io", "argocd", "last",
		    "{\"spec\":{\"source\":{\"path\":\"last\"}}}");
	scene_until(&x, waits_for_a_place, LONG, "too many");
	put_many(&x, "a0", 19);
	scene_until(&x, is_watched, LONG, "a place");
	engsim_deinit(&x);
}

static size_t watches_of_source(struct engsim *x, size_t from)
{
	size_t n = 0;

	for (size_t i = from; i < sim_request_count(x->s); i++)
		n += strstr(sim_request(x->s, i)->query, "metadata.name%3Dsrc") != NULL;
	return n;
}

static void nobody_watches_for_a_refused_application(void **state)
{
	struct engsim x;
	size_t from;

	(void)state;
	draws_scene(&x, 998, "src");
	give(&x, "shop", "code", "one", "");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_edit_app(&x, "{\"spec\":{\"project\":\"none-such\"}}");
	sim_run_for(x.s, MINUTES);
	from = sim_request_count(x.s);
	sim_run_for(x.s, 20 * MINUTES);	/* watches are asked anew meanwhile */
	assert_int_equal(watches_of_source(&x, from), 0);
	scene_edit_app(&x, "{\"spec\":{\"project\":\"default\"}}");
	give(&x, "shop", "code", "two", "");
	scene_until(&x, has_two, LONG, "the new value");
	assert_true(watches_of_source(&x, from) > 0);
	draws_end(&x);
}

/* Its owner may change it as often as he likes: not each time is a release. */
static void a_source_that_never_rests_is_taken_once_a_second(void **state)
{
	struct engsim x;

	(void)state;
	draws_scene(&x, 999, "src");
	give(&x, "shop", "code", "one", "");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	for (int i = 0; i < 100; i++) {
		_cleanup_free_ char *word = xasprintf("w%d", i);

		give(&x, "shop", "code", word, "");
		sim_run_for(x.s, 20);
	}
	give(&x, "shop", "code", "two", "");
	scene_until(&x, has_two, LONG, "the last value");
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_true(doc_get_int(engsim_status(&x, "shop"), 0, "syncd", "target", "id", NULL) <= 5);
	draws_end(&x);
}

static const char *pods_digest(struct engsim *x)
{
	const char *s = doc_get_str(apisim_get(x->api, "deployments.apps", "shop", "api"),
				    "spec", "template", "metadata", "annotations",
				    "syncd.dev/secrets-digest", NULL);

	return s ? s : "";
}

/* A Deployment that uses the coffer, and is to have new pods with it. */
static void put_api(struct engsim *x)
{
	_cleanup_free_ char *text = engsim_deployment("api", "v1", 1), *more = NULL;
	json_t *o = doc_parse(text, strlen(text), NULL), *c;

	json_object_set_new(json_object_get(o, "metadata"), "annotations",
			    json_pack("{ss}", "syncd.dev/restart-on-secrets", "true"));
	c = json_array_get(doc_get(o, "spec", "template", "spec", "containers", NULL), 0);
	json_object_set_new(c, "envFrom", json_pack("[{s{ss}}]", "secretRef", "name",
						    "coffer"));
	more = json_dumps(o, JSON_COMPACT);
	engsim_commit(x, "api.yaml", more);
	json_decref(o);
}

static void a_rotation_is_a_release(void **state)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	struct engsim x;

	(void)state;
	draws_scene(&x, 993, "src");
	put_api(&x);
	give(&x, "shop", "code", "one", "");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	before = xstrdup(pods_digest(&x));
	assert_int_equal(strlen(before), 64);
	give(&x, "shop", "code", "two", "");
	scene_until(&x, has_two, LONG, "the new value");
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_run_for(x.s, MINUTES);
	assert_int_equal(json_array_size(doc_get(engsim_status(&x, "shop"), "syncd",
						 "releases", NULL)), 2);
	after = xstrdup(pods_digest(&x));
	assert_int_equal(strlen(after), 64);
	assert_string_not_equal(before, after);
	draws_end(&x);
}

/* It does not wait: what cannot be put back stays as the bad release left it. */
static void a_revert_needs_no_source(void **state)
{
	struct engsim x;

	(void)state;
	draws_scene(&x, 994, "src");
	give(&x, "shop", "code", "one", "");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	put_coffer(&x, "src", "p2");
	scene_put(&x, "crash-2");
	scene_until_tag(&x, "crash-2", 4 * MINUTES);
	apisim_delete(x.api, "secrets", "shop", "src");
	scene_until_tag(&x, "v1", 15 * MINUTES);
	engsim_until_phase(&x, "shop", "Pinned", 15 * MINUTES);
	assert_true(has_one(&x));
	draws_end(&x);
}

/*
 * The destination is edited while the first waves come up: what goes to the old one never
 * takes from the new one's Secrets, which would need their consent.
 */
static void an_edited_destination_lends_nothing(void **state)
{
	struct engsim x;

	(void)state;
	draws_scene(&x, 1010, "src");
	engsim_commit(&x, "coffer.yaml", "{\"apiVersion\":\"v1\",\"kind\":\"Secret\","
		"\"metadata\":{\"name\":\"coffer\",\"annotations\":{\"syncd.dev/secret-from\":"
		"\"src\",\"argocd.argoproj.io/sync-wave\":\"3\"}},\"stringData\":{\"code\":"
		"\"StrongBase64Password\",\"plain\":\"p1\"}}");
	give(&x, "shop", "code", "one", "");
	give(&x, "vault", "code", "two", "");
	apisim_set_options(x.api, &(struct apisim_options){ .pod_start_ms = 40000 });
	engsim_start(&x);
	scene_until(&x, ask_is_settling, LONG, "settling");
	scene_edit_app(&x, "{\"spec\":{\"destination\":{\"namespace\":\"vault\"}}}");
	for (int i = 0; i < 600; i++) {
		sim_run_for(x.s, 1000);
		assert_false(has_two(&x));
	}
	assert_non_null(apisim_get(x.api, "secrets", "vault", "coffer"));
	scene_end(&x, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_comes_from_its_source),
		cmocka_unit_test(what_lacks_holds_what_is_new),
		cmocka_unit_test(another_namespace_has_to_consent),
		cmocka_unit_test(a_source_that_may_not_be_read_is_said),
		cmocka_unit_test(sources_of_one_release_are_counted),
		cmocka_unit_test(sources_of_all_are_counted),
		cmocka_unit_test(nobody_watches_for_a_refused_application),
		cmocka_unit_test(a_source_that_never_rests_is_taken_once_a_second),
		cmocka_unit_test(a_rotation_is_a_release),
		cmocka_unit_test(a_revert_needs_no_source),
		cmocka_unit_test(an_edited_destination_lends_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
