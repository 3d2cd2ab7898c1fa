/* Requests: paths, bodies, answers, what a Status means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/mem.h"
#include "kubejob.h"

/* ---- paths and requests ---- */

static void check_path(struct kube_ref ref, const char *want)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	kube_path(&ref, &b);
	assert_string_equal(buf_str(&b), want);
}

static void test_paths(void **state)
{
	(void)state;
	check_path(CM, "/api/v1/namespaces/ns/configmaps/a");
	check_path((struct kube_ref){ "apps", "v1", "deployments", "x", "y", "scale" },
		   "/apis/apps/v1/namespaces/x/deployments/y/scale");
	check_path((struct kube_ref){ NULL, "v1", "nodes", NULL, NULL, NULL },
		   "/api/v1/nodes");
	check_path((struct kube_ref){ "rbac.authorization.k8s.io", "v1",
				      "clusterroles", "", "system:a/b?c", "" },
		   "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aa%2Fb%3Fc");
}

static void check_request(struct kube_request *r, const char *verb,
			  const char *method, const char *path,
			  const char *content_type, bool is_write)
{
	assert_string_equal(r->verb, verb);
	assert_string_equal(r->method, method);
	assert_string_equal(buf_str(&r->path), path);
	if (content_type)
		assert_string_equal(r->content_type, content_type);
	else
		assert_null(r->content_type);
	assert_int_equal(r->is_write, is_write);
	kube_request_deinit(r);
}

static void test_inits(void **state)
{
	struct kube_ref all = { "", "v1", "configmaps", NULL, NULL, NULL };
	struct kube_request r;

	(void)state;
	kube_get_init(&r, &CM);
	check_request(&r, "get", "GET", "/api/v1/namespaces/ns/configmaps/a",
		      NULL, false);
	kube_list_init(&r, &all, "a=b,c in (d,e)", 50, "tok/en");
	check_request(&r, "list", "GET", "/api/v1/configmaps?labelSelector="
		      "a%3Db%2Cc%20in%20%28d%2Ce%29&limit=50&continue=tok%2Fen",
		      NULL, false);
	kube_list_init(&r, &all, NULL, 0, NULL);
	check_request(&r, "list", "GET", "/api/v1/configmaps", NULL, false);
	kube_apply_init(&r, &CM, "syncd", APPLY_FORCE, "{}", 2);
	check_request(&r, "patch", "PATCH", "/api/v1/namespaces/ns/configmaps/a"
		      "?fieldManager=syncd&force=true",
		      "application/apply-patch+yaml", true);
	kube_apply_init(&r, &CM, "syncd", APPLY_DRY_RUN, "{}", 2);
	check_request(&r, "dryrun", "PATCH", "/api/v1/namespaces/ns/configmaps/a"
		      "?fieldManager=syncd&dryRun=All",
		      "application/apply-patch+yaml", false);
	kube_merge_patch_init(&r, &CM, NULL, "{}", 2);
	check_request(&r, "patch", "PATCH", "/api/v1/namespaces/ns/configmaps/a",
		      "application/merge-patch+json", true);
	kube_create_init(&r, &CM, "syncd", "{}", 2);
	check_request(&r, "create", "POST", "/api/v1/namespaces/ns/configmaps"
		      "?fieldManager=syncd", "application/json", true);
	kube_replace_init(&r, &CM, "syncd", "{}", 2);
	check_request(&r, "update", "PUT", "/api/v1/namespaces/ns/configmaps/a"
		      "?fieldManager=syncd", "application/json", true);
}

static void test_delete_body(void **state)
{
	struct kube_request r;

	(void)state;
	kube_delete_init(&r, &CM, "u-1", "Background");
	assert_string_equal(buf_str(&r.own_body),
			    "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\","
			    "\"propagationPolicy\":\"Background\","
			    "\"preconditions\":{\"uid\":\"u-1\"}}");
	check_request(&r, "delete", "DELETE", "/api/v1/namespaces/ns/configmaps/a",
		      "application/json", true);
}

/* A DELETE whose path is the collection would delete everything in it. */
static void test_never_the_collection(void **state)
{
	static const char *const names[] = { NULL, "", ".", ".." };
	struct lab l = lab_new((struct kube_limits){ 0 });

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(names) + 1; i++) {
		struct job j = { 0 };
		struct kube_ref ref = CM;
		const char *uid = "u";

		if (i < ARRAY_LEN(names))
			ref.name = names[i];
		else if (i < 2 * ARRAY_LEN(names))
			ref.subresource = i > 5 ? names[i - 4] : "..";
		else
			uid = NULL;
		kube_delete_init(&j.r, &ref, uid, "Background");
		job_start(&l, &j);
		assert_int_equal(j.done, 0);
		fake_run(l.f, 0);
		assert_int_equal(j.done, 1);
		assert_int_equal(j.err.code, ERR_INVALID);
		job_deinit(&j);
	}
	assert_int_equal(fake_started(l.f), 0);
	lab_free(&l);
}

/* ---- answers ---- */

static void test_answer(void **state)
{
	struct lab l = lab_new((struct kube_limits){ 0 });
	struct job j = get_job("a");
	struct fake_call *c;

	(void)state;
	j.r.parse = true;
	job_start(&l, &j);
	c = fake_take(l.f, "GET", "/api/v1/namespaces/ns/configmaps/a");
	assert_string_equal(c->accept, "application/json");
	assert_int_equal(c->lane, HTTP_REQUEST);
	assert_int_equal(c->call->timeout_ms, 60000);
	fake_head(c, 200, 0, "\"e1\"");
	fake_bytes(c, "{\"name\":\"a\"}", 12, 1);
	assert_int_equal(j.done, 0);
	fake_end(c);
	assert_int_equal(j.done, 1);
	assert_int_equal(j.err.code, ERR_NONE);
	assert_int_equal(j.status, 200);
	assert_string_equal(j.name, "a");
	assert_string_equal(j.answer, "{\"name\":\"a\"}");
	assert_string_equal(j.etag, "\"e1\"");
	assert_false(kube_running(&j.r));
	job_deinit(&j);
	lab_free(&l);
}

/* An answer that is cut anywhere is an error, and is asked for again. */
static void test_cut_at_every_byte(void **state)
{
	static const char body[] = "{\"name\":\"a\"}";

	(void)state;
	for (size_t n = 0; n < sizeof(body) - 1; n++) {
		struct lab l = lab_new((struct kube_limits){ 0 });
		struct job j = get_job("a");
		struct fake_call *c;

		j.r.parse = true;
		job_start(&l, &j);
		c = fake_take(l.f, "GET", "/a");
		fake_head(c, 200, 0, NULL);
		fake_bytes(c, body, n, 1);
		if (n % 2)
			fake_break(c, ERR_NET, "connection reset");
		else
			fake_end(c);
		if (n % 2) {
			fake_run(l.f, 1000);
			fake_answer(fake_take(l.f, "GET", "/a"), 200, body);
			assert_int_equal(j.err.code, ERR_NONE);
			assert_string_equal(j.name, "a");
		} else {
			assert_int_equal(j.err.code, ERR_NET);
			assert_true(j.err.retry);
		}
		assert_int_equal(j.done, 1);
		job_deinit(&j);
		lab_free(&l);
	}
}

static void test_not_modified(void **state)
{
	struct lab l = lab_new((struct kube_limits){ 0 });
	struct job j = get_job("a");
	struct fake_call *c;

	(void)state;
	j.r.if_none_match = "\"e1\"";
	j.r.parse = true;
	job_start(&l, &j);
	c = fake_take(l.f, "GET", "/a");
	assert_string_equal(c->headers, "If-None-Match: \"e1\"\n");
	fake_answer(c, 304, "");
	assert_int_equal(j.err.code, ERR_NONE);
	assert_int_equal(j.status, 304);
	job_deinit(&j);
	lab_free(&l);
}

/* The name is the client's own from the start: each try goes out under it. */
static void test_as_somebody(void **state)
{
	struct lab l = lab_new((struct kube_limits){ 0 });
	struct job j = get_job("a");
	char user[] = "system:serviceaccount:a:b";
	struct fake_call *c;

	(void)state;
	j.r.as_user = user;
	job_start(&l, &j);
	memset(user, 'x', sizeof(user) - 1);
	for (int i = 0; i < 2; i++) {
		c = fake_take(l.f, "GET", "/a");
		assert_string_equal(c->as_user, "system:serviceaccount:a:b");
		fake_answer(c, i ? 200 : 503, "{}");
		fake_run(l.f, 60000);
	}
	assert_int_equal(j.err.code, ERR_NONE);
	job_deinit(&j);
	lab_free(&l);
}

static void test_refused_by_its_sender(void **state)
{
	struct lab l = lab_new((struct kube_limits){ 0 });
	struct job j = get_job("a");
	struct err why = ERR_INIT;

	(void)state;
	err_set(&why, ERR_INVALID, "not as anybody");
	j.r.refused = &why;
	job_start(&l, &j);
	why = ERR_INIT;
	assert_int_equal(j.done, 0);
	fake_run(l.f, 0);
	assert_int_equal(j.done, 1);
	assert_int_equal(j.err.code, ERR_INVALID);
	assert_string_equal(j.err.msg, "not as anybody");
	assert_int_equal(fake_started(l.f), 0);
	job_deinit(&j);
	lab_free(&l);
}

static void test_error_answer(void **state)
{
	struct lab l = lab_new((struct kube_limits){ 0 });
	struct job j = get_job("a");

	(void)state;
	job_start(&l, &j);
	fake_answer(fake_take(l.f, "GET", "/a"), 404,
		    "{\"kind\":\"Status\",\"reason\":\"NotFound\","
		    "\"message\":\"configmaps \\\"a\\\" not found\",\"details\":{"
		    "\"name\":\"a\",\"kind\":\"configmaps\"}}");
	assert_int_equal(j.err.code, ERR_NOTFOUND);
	assert_string_equal(j.err.msg, "configmaps \"a\" not found");
	assert_string_equal(j.reason, "NotFound");
	assert_int_equal(j.status, 404);
	job_deinit(&j);
	lab_free(&l);
}

/* A proxy's page instead of a Status: cut, on one line. */
static void test_error_text(void **state)
{
	struct lab l = lab_new((struct kube_limits){ 0 });
	struct job j = create_job();

	(void)state;
	job_start(&l, &j);
	fake_answer(fake_take(l.f, "POST", "/configmaps"), 502,
		    "<html>\nBad\tGateway</html>");
	assert_int_equal(j.err.code, ERR_NET);
	assert_true(j.err.retry);
	assert_string_equal(j.err.msg, "<html> Bad Gateway</html>");
	job_deinit(&j);
	lab_free(&l);
}

/* ---- Status ---- */

struct status_case {
	int http;
	const char *body;	/* JSON or NULL */
	enum err_code code;
	bool retry;
	const char *reason;
};

static const struct status_case status_cases[] = {
	{ 400, "{\"reason\":\"BadRequest\"}", ERR_INVALID, false, "BadRequest" },
	{ 401, "{\"reason\":\"Unauthorized\"}", ERR_AUTH, false, "Unauthorized" },
	{ 403, "{\"reason\":\"Forbidden\"}", ERR_AUTH, false, "Forbidden" },
	{ 404, "{\"reason\":\"NotFound\",\"details\":{\"name\":\"a\"}}", ERR_NOTFOUND, false,
	  "NotFound" },
	/* Nobody serves that path: says nothing of any object. */
	{ 404, "{\"reason\":\"NotFound\",\"details\":{}}", ERR_UNSERVED, true, "NotFound" },
	{ 404, NULL, ERR_UNSERVED, true, "" },
	{ 404, "404 page not found\n", ERR_UNSERVED, true, "" },
	{ 404, "<html><h1>404 Not Found</h1></html>", ERR_UNSERVED, true, "" },
	{ 405, "{\"reason\":\"MethodNotAllowed\"}", ERR_INVALID, false, "MethodNotAllowed" },
	{ 409, "{\"reason\":\"AlreadyExists\"}", ERR_CONFLICT, false, "AlreadyExists" },
	{ 409, "{\"reason\":\"Conflict\"}", ERR_CONFLICT, false, "Conflict" },
	{ 410, "{\"reason\":\"Expired\"}", ERR_GONE, false, "Expired" },
	{ 413, "{\"reason\":\"RequestEntityTooLarge\"}", ERR_LIMIT, false, "RequestEntityTooLarge" },
	{ 415, "{}", ERR_INVALID, false, "" },
	{ 422, "{\"reason\":\"Invalid\"}", ERR_INVALID, false, "Invalid" },
	{ 429, "{\"reason\":\"TooManyRequests\"}", ERR_NET, true, "TooManyRequests" },
	{ 500, "{\"reason\":\"InternalError\",\"message\":\"etcd\"}", ERR_NET, true, "InternalError" },
	{ 500, "{\"message\":\"failed to create typed patch object (n/x; apps/v1, "
	  "Kind=Deployment): .spec.replica: field not declared in schema\"}",
	  ERR_INVALID, false, "" },
	{ 502, NULL, ERR_NET, true, "" },
	{ 503, "{\"reason\":\"ServiceUnavailable\"}", ERR_NET, true, "ServiceUnavailable" },
	{ 504, "{\"reason\":\"Timeout\"}", ERR_NET, true, "Timeout" },
	{ 302, NULL, ERR_INVALID, false, "" },
	/* An ERROR event whose code is missing. */
	{ 0, "{\"reason\":\"Expired\",\"message\":\"too old\"}", ERR_GONE, false, "Expired" },
	{ 0, "{\"reason\":\"Nonsense\"}", ERR_NET, true, "Nonsense" },
	{ 0, "[]", ERR_NET, true, "" },
	{ 0, NULL, ERR_NET, true, "" },
};

static void test_status(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(status_cases); i++) {
		const struct status_case *t = &status_cases[i];
		_cleanup_json_ json_t *j = t->body ?
			json_loads(t->body, 0, NULL) : NULL;
		struct err err = ERR_INIT;
		char reason[64];

		kube_status_err(t->http, j, reason, &err);
		if (err.code != t->code || err.retry != t->retry)
			fail_msg("case %zu: %s", i, err_code_str(err.code));
		assert_string_equal(reason, t->reason);
		assert_true(err.msg[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_inits),
		cmocka_unit_test(test_delete_body),
		cmocka_unit_test(test_never_the_collection),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_not_modified),
		cmocka_unit_test(test_as_somebody),
		cmocka_unit_test(test_refused_by_its_sender),
		cmocka_unit_test(test_error_answer),
		cmocka_unit_test(test_error_text),
		cmocka_unit_test(test_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
