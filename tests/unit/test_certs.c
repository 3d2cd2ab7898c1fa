/*
 * The webhook's own certificate: each step by its number in certs.h, and a life of three
 * of them in which everybody is late, and nobody is ever shown what he cannot verify.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/certs.h"

#define NOW INT64_C(1795000000)

static const char *const names[] = { "w.ns.svc", NULL };
static const char *const more[] = { "w.ns.svc", "v.ns.svc", NULL };
static const struct certs_plan plan = { 1200, names };	/* an overlap of 100 s */

static void nothing(struct certs_kept *k)
{
	_cleanup_json_ json_t *o = json_object();

	certs_read(k, o);
}

static void act(struct certs_kept *k, enum certs_step step, int64_t now)
{
	struct err err = ERR_INIT;

	if (certs_do(k, &plan, step, now, &err))
		fail_msg("%s", err.msg);
}

static enum certs_step next(const struct certs_kept *k, bool announced, int64_t now,
			    int64_t *again)
{
	return certs_next(k, &plan, announced, now, again);
}

static void the_numbered_steps(void **state)
{
	static const struct certs_plan wider = { 1200, more };
	struct certs_kept k;
	int64_t again;

	(void)state;
	nothing(&k);
	assert_int_equal(next(&k, false, NOW, &again), CERTS_MAKE);		/* 1 */
	act(&k, CERTS_MAKE, NOW);
	assert_int_equal(next(&k, false, NOW, &again), CERTS_WAIT);		/* 7 */
	assert_in_range(again, NOW + 700, NOW + 800);	/* two thirds, backdated */
	assert_int_equal(next(&k, false, again - 1, &again), CERTS_WAIT);
	assert_int_equal(next(&k, false, again, &again), CERTS_PREPARE);	/* 5 */
	assert_int_equal(certs_next(&k, &wider, false, NOW, &again), CERTS_PREPARE);
	assert_int_equal(next(&k, true, NOW + 1200, &again), CERTS_MAKE);	/* 1 */
	act(&k, CERTS_PREPARE, NOW + 800);
	assert_int_equal(next(&k, true, NOW + 800, &again), CERTS_WAIT);	/* 4 */
	assert_int_equal(again, NOW + 900);
	assert_int_equal(next(&k, true, NOW + 899, &again), CERTS_WAIT);
	assert_int_equal(next(&k, false, NOW + 1199, &again), CERTS_WAIT);
	assert_int_equal(certs_next(&k, &wider, true, NOW + 900, &again), CERTS_PREPARE); /* 2 */
	assert_int_equal(next(&k, true, NOW + 900, &again), CERTS_SWITCH);	/* 3 */
	act(&k, CERTS_SWITCH, NOW + 900);
	assert_int_equal(next(&k, true, NOW + 999, &again), CERTS_WAIT);
	assert_int_equal(again, NOW + 1000);
	assert_int_equal(next(&k, true, NOW + 1000, &again), CERTS_FORGET);	/* 6 */
	act(&k, CERTS_FORGET, NOW + 1000);
	assert_int_equal(next(&k, true, NOW + 1000, &again), CERTS_WAIT);	/* 7 */
	certs_kept_deinit(&k);
}

/* A clock that was ahead when the last step was written holds nothing up. */
static void a_step_in_the_future(void **state)
{
	struct certs_kept k;
	int64_t again;

	(void)state;
	nothing(&k);
	act(&k, CERTS_MAKE, NOW);
	act(&k, CERTS_PREPARE, NOW + 100000);
	k.since_s = NOW + 100000;
	assert_int_equal(next(&k, true, NOW + 10, &again), CERTS_PREPARE);	/* not yet good */
	act(&k, CERTS_PREPARE, NOW + 10);
	k.since_s = NOW + 100000;
	assert_int_equal(next(&k, true, NOW + 10, &again), CERTS_SWITCH);
	certs_kept_deinit(&k);
}

static void a_secret_goes_and_comes_back(void **state)
{
	_cleanup_json_ json_t *o = NULL;
	struct certs_kept k, back;

	(void)state;
	nothing(&k);
	act(&k, CERTS_MAKE, NOW);
	act(&k, CERTS_PREPARE, NOW + 800);
	o = certs_secret(&k, "ns", "w-cert", "17");
	assert_string_equal(doc_get_str(o, "metadata", "resourceVersion", NULL), "17");
	assert_string_equal(doc_get_str(o, "metadata", "name", NULL), "w-cert");
	certs_read(&back, o);
	assert_string_equal(back.bundle, k.bundle);
	assert_string_equal(back.cert, k.cert);
	assert_string_equal(back.key, k.key);
	assert_string_equal(back.next_cert, k.next_cert);
	assert_string_equal(back.next_key, k.next_key);
	assert_int_equal(back.since_s, NOW + 800);
	certs_kept_deinit(&back);
	certs_kept_deinit(&k);
}

static void what_somebody_spoilt_is_made_anew(void **state)
{
	static const char *const secrets[] = {
		"{\"data\":7}", "{\"data\":{\"tls.crt\":\"!\"}}",
		"{\"data\":{\"tls.crt\":\"eA==\",\"tls.key\":\"eA==\",\"ca.crt\":\"eA==\"}}",
		"{\"metadata\":{\"annotations\":{\"syncd.dev/since\":\"soon\"}}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
		struct err err = ERR_INIT;
		_cleanup_json_ json_t *o = doc_parse(secrets[i], strlen(secrets[i]), &err);
		struct certs_kept k;
		int64_t again;

		certs_read(&k, o);
		assert_int_equal(k.since_s, 0);
		assert_int_equal(next(&k, true, NOW, &again), CERTS_MAKE);
		certs_kept_deinit(&k);
	}
}

/*
 * Replicas see the Secret, and verifiers the bundle, up to 90 s after it was written:
 * whatever any of them shows, all of them can verify. A step of time is 10 s.
 */
static void nobody_is_shown_a_stranger(void **state)
{
	enum { LIFE = 250, LAG = 9 };
	char *certs[LIFE], *bundles[LIFE];
	unsigned switches = 0;
	struct certs_kept k;

	(void)state;
	nothing(&k);
	act(&k, CERTS_MAKE, NOW);
	for (int t = 0; t < LIFE; t++) {
		bool announced = t < LAG || !strcmp(bundles[t - LAG], k.bundle);
		int64_t again;
		enum certs_step step = next(&k, announced, NOW + 10 * t, &again);

		switches += step == CERTS_SWITCH;
		assert_int_not_equal(step, CERTS_MAKE);
		act(&k, step, NOW + 10 * t);
		certs[t] = xstrdup(k.cert);
		bundles[t] = xstrdup(k.bundle);
		for (int i = 0; i < 4; i++) {	/* both, one, the other, none of them late */
			int shown = i & 1 ? t : t - LAG, read = i & 2 ? t : t - LAG;
			_cleanup_free_ char *ca = shown < 0 || read < 0 ? xstrdup("x") :
				cert_issuers(bundles[read], certs[shown]);

			if (!*ca)
				fail_msg("at %d: shown of %d, verified of %d", t, shown, read);
		}
	}
	assert_in_range(switches, 2, 3);
	for (int t = 0; t < LIFE; t++) {
		free(certs[t]);
		free(bundles[t]);
	}
	certs_kept_deinit(&k);
}

static void an_announcement_is_made_once(void **state)
{
	static const char text[] = "{\"metadata\":{\"name\":\"w\"},\"webhooks\":[{\"name\":\"a\","
		"\"clientConfig\":{\"service\":{\"name\":\"w\"}}},{\"name\":\"b\","
		"\"clientConfig\":{\"caBundle\":\"QkE=\"}}]}";
	struct err err = ERR_INIT;
	_cleanup_json_ json_t *o = doc_parse(text, strlen(text), &err);
	_cleanup_json_ json_t *said = NULL, *none = json_object();
	_cleanup_free_ char *body = certs_announcement(o, "CA");

	(void)state;
	said = doc_parse(body, strlen(body), &err);
	assert_int_equal(json_array_size(json_object_get(said, "webhooks")), 2);
	assert_string_equal(doc_get_str(json_array_get(json_object_get(said, "webhooks"), 1),
					"clientConfig", "caBundle", NULL), "Q0E=");
	assert_null(certs_announcement(said, "CA"));
	assert_null(certs_announcement(none, "CA"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_numbered_steps),
		cmocka_unit_test(a_step_in_the_future),
		cmocka_unit_test(a_secret_goes_and_comes_back),
		cmocka_unit_test(what_somebody_spoilt_is_made_anew),
		cmocka_unit_test(nobody_is_shown_a_stranger),
		cmocka_unit_test(an_announcement_is_made_once),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
