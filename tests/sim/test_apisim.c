/*
 * What the conformance script cannot ask of a real server: history that is gone,
 * refusals by admission and authorisation, an old server, controllers whose time
 * is ours, a network cut in two.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "apisim.h"
#include "core/doc.h"
#include "core/mem.h"
#include "gitsim.h"
#include "simclient.h"
#include "simworkers.h"

static struct http_endpoint api = { .url = SIM_API_URL, .user_agent = "test/1" };

static bool is_done(void *arg)
{
	return ((struct client_call *)arg)->done;
}

static struct client_call ask_as(struct sim *s, const struct http_endpoint *e,
				 const char *method, const char *path,
				 const char *type, const char *body)
{
	struct client_call c;

	client_start(sim_world(s), &c, e, method, path, type, body);
	if (!sim_run_until(s, is_done, &c, 60000)) {
		sim_dump(s);
		fail_msg("%s %s was not answered", method, path);
	}
	return c;
}

static int status_of(struct sim *s, const char *method, const char *path,
		     const char *type, const char *body)
{
	struct client_call c = ask_as(s, &api, method, path, type, body);

	client_deinit(&c);
	return c.status;
}

#define CM(name) "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":" \
		 "{\"name\":\"" name "\"}}"
#define CMS "/api/v1/namespaces/default/configmaps"

static void compaction_makes_old_versions_gone(void **state)
{
	struct sim *s = sim_new(1);
	struct client_call c, w;
	_cleanup_json_ json_t *j = NULL;
	_cleanup_free_ char *next = NULL;

	(void)state;
	apisim_apply(sim_api(s), CM("a"));
	apisim_apply(sim_api(s), CM("b"));
	c = ask_as(s, &api, "GET", CMS "?limit=1", NULL, NULL);
	j = doc_parse(buf_str(&c.body), c.body.len, NULL);
	next = xasprintf(CMS "?limit=1&continue=%s",
			 doc_get_str(j, "metadata", "continue", NULL));
	client_deinit(&c);
	assert_int_equal(status_of(s, "GET", next, NULL, NULL), 200);
	apisim_compact(sim_api(s));
	assert_int_equal(status_of(s, "GET", next, NULL, NULL), 410);
	client_start(sim_world(s), &w, &api, "GET", CMS "?watch=1&resourceVersion=101",
		     NULL, NULL);
	assert_true(sim_run_until(s, is_done, &w, 1000));
	assert_int_equal(w.status, 200);
	assert_non_null(strstr(buf_str(&w.body), "\"type\":\"ERROR\""));
	assert_non_null(strstr(buf_str(&w.body), "\"code\":410"));
	client_deinit(&w);
	sim_free(s);
}

static bool no_bad_names(void *arg, const char *op, const json_t *o, char msg[256])
{
	const char *name = doc_get_str(o, "metadata", "name", NULL);

	(void)arg;
	if (strcmp(op, "CREATE") || strcmp(name, "evil"))
		return false;
	strcpy(msg, "we do not like it");
	return true;
}

static void admission_refuses_with_its_words(void **state)
{
	struct sim *s = sim_new(2);
	struct client_call c;

	(void)state;
	apisim_set_admission(sim_api(s), no_bad_names, NULL);
	c = ask_as(s, &api, "POST", CMS, "application/json", CM("evil"));
	assert_int_equal(c.status, 403);
	assert_non_null(strstr(buf_str(&c.body), "denied the request: we do not like"));
	client_deinit(&c);
	assert_int_equal(status_of(s, "POST", CMS "?dryRun=All", "application/json",
				   CM("evil")), 403);
	assert_int_equal(status_of(s, "POST", CMS, "application/json", CM("good")), 201);
	assert_int_equal(sim_writes(s, 0), 1);
	sim_free(s);
}

static bool only_reading(void *arg, const char *user, const char *verb,
			 const char *resource, const char *ns)
{
	(void)arg;
	(void)ns;
	return !strcmp(user, "ann") && strcmp(verb, "get") &&
	       !strcmp(resource, "configmaps");
}

static void authorisation_knows_who_asks(void **state)
{
	struct http_endpoint ann = { .url = SIM_API_URL, .as_user = "ann" };
	struct sim *s = sim_new(3);
	struct client_call c;

	(void)state;
	apisim_set_authz(sim_api(s), only_reading, NULL);
	c = ask_as(s, &ann, "POST", CMS, "application/json", CM("a"));
	assert_int_equal(c.status, 403);
	assert_non_null(strstr(buf_str(&c.body), "User \\\"ann\\\" cannot create "
			"resource \\\"configmaps\\\""));
	client_deinit(&c);
	assert_int_equal(status_of(s, "POST", CMS, "application/json", CM("a")), 201);
	c = ask_as(s, &ann, "GET", CMS "/a", NULL, NULL);
	assert_int_equal(c.status, 200);
	client_deinit(&c);
	assert_string_equal(sim_request(s, 0)->user, "ann");
	assert_int_equal(sim_request(s, 0)->status, 403);
	sim_free(s);
}

static void an_old_server_refuses_what_is_new(void **state)
{
	struct sim *s = sim_new(4);
	struct apisim_options o = { .no_streaming_lists = true,
				    .no_aggregated_discovery = true };

	(void)state;
	apisim_set_options(sim_api(s), &o);
	assert_int_equal(status_of(s, "GET", CMS "?watch=1&sendInitialEvents=true&"
			"resourceVersionMatch=NotOlderThan", NULL, NULL), 422);
	assert_int_equal(status_of(s, "GET", "/apis", NULL, NULL), 200);
	sim_free(s);
}

/* ---- controllers ---- */

struct seen {
	struct sim *s;
	const char *resource, *name, *type;	/* a condition that must be True */
};

static bool is_true(void *arg)
{
	struct seen *w = arg;
	const json_t *o = apisim_get(sim_api(w->s), w->resource, "default", w->name);
	const json_t *list = doc_get(o, "status", "conditions", NULL);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *c = json_array_get(list, i);

		if (!strcmp(doc_get_str(c, "type", NULL), w->type))
			return !strcmp(doc_get_str(c, "status", NULL), "True");
	}
	return false;
}

static bool becomes(struct sim *s, const char *resource, const char *name,
		    const char *type, uint64_t ms)
{
	struct seen w = { s, resource, name, type };

	return sim_run_until(s, is_true, &w, ms);
}

#define JOB(name, image)                                                       \
	"{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"metadata\":{\"name\":\"" name \
	"\"},\"spec\":{\"backoffLimit\":1,\"template\":{\"spec\":{\"restartPolicy\":"  \
	"\"Never\",\"containers\":[{\"name\":\"x\",\"image\":\"" image "\"}]}}}}"

static void jobs_finish_or_fail(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct sim *s = sim_new(seed);

		apisim_apply(sim_api(s), JOB("fine", "example.com/i:1"));
		apisim_apply(sim_api(s), JOB("broken", "example.com/i:crash"));
		apisim_apply(sim_api(s), JOB("stuck", "example.com/i:bad"));
		assert_true(becomes(s, "jobs.batch", "fine", "Complete", 30000));
		assert_true(becomes(s, "jobs.batch", "broken", "Failed", 60000));
		assert_false(becomes(s, "jobs.batch", "stuck", "Complete", 60000));
		assert_int_equal(apisim_count(sim_api(s), "pods", "default"), 4);
		sim_free(s);
	}
}

static const char cert_crd[] =
	"apiVersion: apiextensions.k8s.io/v1\n"
	"kind: CustomResourceDefinition\n"
	"metadata: {name: certificates.cert-manager.io}\n"
	"spec:\n"
	"  group: cert-manager.io\n"
	"  scope: Namespaced\n"
	"  names: {kind: Certificate, plural: certificates}\n"
	"  versions:\n"
	"  - name: v1\n"
	"    served: true\n"
	"    storage: true\n"
	"    subresources: {status: {}}\n"
	"    schema: {openAPIV3Schema: {type: object, "
	"x-kubernetes-preserve-unknown-fields: true}}\n";
static const char cert[] =
	"apiVersion: cert-manager.io/v1\n"
	"kind: Certificate\n"
	"metadata: {name: web}\n"
	"spec: {secretName: web-tls}\n";

static void certificates_are_issued(void **state)
{
	(void)state;
	for (int stuck = 0; stuck < 2; stuck++) {
		struct sim *s = sim_new(5);
		struct apisim_options o = { .no_certificates = stuck };

		apisim_set_options(sim_api(s), &o);
		apisim_apply(sim_api(s), cert_crd);
		sim_run_for(s, 5000);
		apisim_apply(sim_api(s), cert);
		assert_int_equal(becomes(s, "certificates.cert-manager.io", "web",
					 "Ready", 10000), !stuck);
		assert_int_equal(apisim_get(sim_api(s), "secrets", "default",
					    "web-tls") == NULL, stuck);
		sim_free(s);
	}
}

#define DEPLOY(image, n)                                                       \
	"{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":"  \
	"\"d\"},\"spec\":{\"replicas\":" n ",\"selector\":{\"matchLabels\":{\"a\":"    \
	"\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{"     \
	"\"containers\":[{\"name\":\"x\",\"image\":\"" image "\"}]}}}}"

static bool rolled_out(void *arg)
{
	const json_t *d = apisim_get(sim_api(arg), "deployments.apps", "default", "d");
	int64_t want = doc_get_int(d, 1, "spec", "replicas", NULL);

	return doc_get_int(d, -1, "status", "observedGeneration", NULL) ==
	       doc_get_int(d, 0, "metadata", "generation", NULL) &&
	       doc_get_int(d, 0, "status", "updatedReplicas", NULL) == want &&
	       doc_get_int(d, 0, "status", "availableReplicas", NULL) == want &&
	       doc_get_int(d, 0, "status", "replicas", NULL) == want;
}

/* Never fewer ready pods than the strategy promises, whatever the seed. */
static void a_rollout_never_takes_too_many_away(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct sim *s = sim_new(seed);
		int64_t least = 100;

		apisim_apply(sim_api(s), DEPLOY("example.com/i:1", "4"));
		assert_true(sim_run_until(s, rolled_out, s, 60000));
		apisim_apply(sim_api(s), DEPLOY("example.com/i:2", "4"));
		for (int i = 0; i < 60000 && !rolled_out(s); i++) {
			const json_t *d;
			int64_t n;

			sim_step(s);
			d = apisim_get(sim_api(s), "deployments.apps", "default", "d");
			n = doc_get_int(d, 0, "status", "availableReplicas", NULL);
			least = n < least ? n : least;
		}
		assert_true(rolled_out(s));
		assert_true(least >= 3);
		apisim_delete(sim_api(s), "deployments.apps", "default", "d");
		sim_run_for(s, 60000);
		assert_int_equal(apisim_count(sim_api(s), "pods", NULL), 0);
		assert_int_equal(apisim_count(sim_api(s), "replicasets.apps", NULL), 0);
		sim_free(s);
	}
}

/* ---- network, files ---- */

static void a_partition_cuts_one_process_off(void **state)
{
	struct sim *s = sim_new(6);
	struct sim_host *other = sim_host_new(s, "other");
	struct client_call c, w;

	(void)state;
	client_start(sim_world(s), &w, &api, "GET", CMS "?watch=1", NULL, NULL);
	w.http.idle_ms = 0;
	sim_run_for(s, 100);
	assert_true(w.head);
	sim_set_partition(s, NULL, true);
	apisim_apply(sim_api(s), CM("a"));
	c = ask_as(s, &api, "GET", "/readyz", NULL, NULL);
	assert_int_equal(c.err.code, ERR_NET);
	client_deinit(&c);
	client_start(sim_host_world(other), &c, &api, "GET", "/readyz", NULL, NULL);
	assert_true(sim_run_until(s, is_done, &c, 1000));
	assert_int_equal(c.status, 200);
	client_deinit(&c);
	sim_set_partition(s, NULL, false);
	apisim_apply(sim_api(s), CM("b"));
	sim_run_for(s, 1000);
	assert_int_equal(w.body.len, 0);	/* half open for ever: no gap is seen */
	assert_int_equal(status_of(s, "GET", "/readyz", NULL, NULL), 200);
	sim_abandon(s);
	client_deinit(&w);
	sim_free(s);
}

static void commits_read_as_folders(void **state)
{
	static const char url[] = "http://git.sim/repo";
	struct sim *s = sim_new(7);
	struct err err = ERR_INIT;
	struct file_list l = { 0 };
	struct file_entry e = { 0 };
	struct files *f;
	const char *first, *second;
	_cleanup_free_ char *text = NULL, *id = NULL;
	size_t len;

	(void)state;
	sim_git_commit(s, url, "main", "app/b.yaml", "b");
	first = sim_git_commit(s, url, "main", "app/a/x.yaml", "x");
	second = sim_git_commit(s, url, "main", "top.yaml", "t");
	f = sim_files_open(s, second, &err);
	assert_int_equal(f->ops->list(f, "app", &l, &err), 0);
	assert_int_equal(l.len, 2);
	assert_string_equal(l.data[0].name, "a");
	assert_int_equal(l.data[0].kind, FILE_FOLDER);
	assert_string_equal(l.data[1].name, "b.yaml");
	id = xstrdup(l.data[0].id);
	file_list_deinit(&l);
	assert_int_equal(f->ops->read(f, "app/a/x.yaml", 10, &text, &len, &err), 0);
	assert_string_equal(text, "x");
	assert_int_equal(f->ops->list(f, "none", &l, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	files_close(f);
	f = sim_files_open(s, first, &err);	/* what did not change keeps its id */
	assert_int_equal(f->ops->stat(f, "app/a", &e, &err), 0);
	assert_string_equal(e.id, id);
	assert_int_equal(f->ops->stat(f, "top.yaml", &e, &err), -1);
	free(e.name);
	files_close(f);
	assert_null(sim_files_open(s, "0000", &err));
	sim_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compaction_makes_old_versions_gone),
		cmocka_unit_test(admission_refuses_with_its_words),
		cmocka_unit_test(authorisation_knows_who_asks),
		cmocka_unit_test(an_old_server_refuses_what_is_new),
		cmocka_unit_test(jobs_finish_or_fail),
		cmocka_unit_test(certificates_are_issued),
		cmocka_unit_test(a_rollout_never_takes_too_many_away),
		cmocka_unit_test(a_partition_cuts_one_process_off),
		cmocka_unit_test(commits_read_as_folders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
