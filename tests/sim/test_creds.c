/* Repository Secrets and CA bundles: who may read Git, and with what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "scenes.h"

#define LOGIN "robot:" CANARY

static void put_secret(struct engsim *x, const char *ns, const char *name,
		       const char *type, const char *data)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":"
		"\"Secret\",\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\","
		"\"labels\":{\"argocd.argoproj.io/secret-type\":\"%s\"}},"
		"\"stringData\":{%s}}", name, ns, type, data);

	apisim_apply(x->api, text);
}

static void put_cas(struct engsim *x, const char *ns, const char *data)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":"
		"\"ConfigMap\",\"metadata\":{\"name\":\"argocd-tls-certs-cm\","
		"\"namespace\":\"%s\"},\"data\":{%s}}", ns, data);

	apisim_apply(x->api, text);
}

static void assert_refused(struct engsim *x)
{
	sim_run_for(x->s, 40000);
	scene_assert_condition(x, "shop", "ComparisonError", "");
}

/* Which Secrets open a repository that wants LOGIN. */
static const struct secret_case {
	const char *what;
	struct { const char *type, *data; } s[3];
	const char *login;
	bool opens;
} secret_cases[] = {
	{ "this repository", {
		{ "repository", "\"url\":\"" REPO ".git/\",\"username\":"
		  "\"robot\",\"password\":\"" CANARY "\"" } }, LOGIN, true },
	{ "another repository", {
		{ "repository", "\"url\":\"" REPO "2\",\"username\":"
		  "\"robot\",\"password\":\"" CANARY "\"" } }, LOGIN, false },
	{ "a bearer token", {
		{ "repository", "\"url\":\"" REPO "\",\"bearerToken\":"
		  "\"" CANARY "\"" } }, "bearer:" CANARY, true },
	{ "a prefix", {
		{ "repo-creds", "\"url\":\"http://git.sim\",\"username\":"
		  "\"robot\",\"password\":\"" CANARY "\"" } }, LOGIN, true },
	{ "half a path segment", {
		{ "repo-creds", "\"url\":\"http://git.sim/re\",\"username\":"
		  "\"robot\",\"password\":\"" CANARY "\"" } }, LOGIN, false },
	{ "the longest prefix", {
		{ "repo-creds", "\"url\":\"http://git.sim/repo\","
		  "\"username\":\"robot\",\"password\":\"" CANARY "\"" },
		{ "repo-creds", "\"url\":\"http://git.sim\","
		  "\"username\":\"robot\",\"password\":\"wrong\"" } },
	  LOGIN, true },
	{ "the repository before its prefix", {
		{ "repo-creds", "\"url\":\"http://git.sim/repo\","
		  "\"username\":\"robot\",\"password\":\"wrong\"" },
		{ "repository", "\"url\":\"" REPO "\",\"username\":"
		  "\"robot\",\"password\":\"" CANARY "\"" } }, LOGIN, true },
	{ "a repository without credentials, and its prefix", {
		{ "repository", "\"url\":\"" REPO "\",\"name\":\"shop\"" },
		{ "repo-creds", "\"url\":\"http://git.sim\",\"username\":"
		  "\"robot\",\"password\":\"" CANARY "\"" } }, LOGIN, true },
	{ "an application of GitHub's", {
		{ "repository", "\"url\":\"" REPO "\",\"githubAppID\":\"7\"" },
		{ "repo-creds", "\"url\":\"http://git.sim\",\"username\":"
		  "\"robot\",\"password\":\"" CANARY "\"" } }, LOGIN, false },
	{ "a proxy", {
		{ "repository", "\"url\":\"" REPO "\",\"username\":\"robot\","
		  "\"password\":\"" CANARY "\",\"proxy\":\"http://p\"" } },
	  LOGIN, false },
	{ "insecure", {
		{ "repository", "\"url\":\"" REPO "\",\"username\":\"robot\","
		  "\"password\":\"" CANARY "\",\"insecure\":\"true\"" } },
	  LOGIN, false },
	{ "not insecure", {
		{ "repository", "\"url\":\"" REPO "\",\"username\":\"robot\","
		  "\"password\":\"" CANARY "\",\"insecure\":\"false\"" } },
	  LOGIN, true },
	{ "a type that is none", {
		{ "cluster", "\"url\":\"" REPO "\",\"username\":\"robot\","
		  "\"password\":\"" CANARY "\"" } }, LOGIN, false },
	{ "no url", {
		{ "repository", "\"username\":\"robot\",\"password\":\""
		  CANARY "\"" } }, LOGIN, false },
};

static void the_right_secret_opens_a_repository(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(secret_cases); i++) {
		struct engsim x;

		scene_init(&x, 100 + i);
		gitsim_set_login(sim_git(x.s), REPO, secret_cases[i].login);
		for (size_t k = 0; secret_cases[i].s[k].type; k++) {
			_cleanup_free_ char *name = xasprintf("creds-%zu", k);

			put_secret(&x, "argocd", name, secret_cases[i].s[k].type,
				   secret_cases[i].s[k].data);
		}
		engsim_start(&x);
		sim_run_for(x.s, 60000);
		if (engsim_in_phase(&x, "shop", "Good") != secret_cases[i].opens) {
			sim_dump(x.s);
			fail_msg("case \"%s\"", secret_cases[i].what);
		}
		scene_end(&x, true);
	}
}

/* What it asks for is named, and so is the Secret; nothing is asked of Git. */
static void what_cannot_be_done_is_said(void **state)
{
	static const struct { const char *data, *says; } cases[] = {
		{ "\"githubAppID\":\"7\"", "Secret argocd/repo: githubAppInstallationID: must be" },
		{ "\"gcpServiceAccountKey\":\"{}\"", "gcpServiceAccountKey is not supported" },
		{ "\"proxy\":\"http://p\"", "proxy is not supported" },
		{ "\"insecure\":\"true\"", "--allow-insecure-repositories" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *data = xasprintf("\"url\":\"" REPO "\",%s",
						      cases[i].data);
		struct engsim x;

		scene_init(&x, 160 + i);
		put_secret(&x, "argocd", "repo", "repository", data);
		engsim_start(&x);
		sim_run_for(x.s, 30000);
		scene_assert_condition(&x, "shop", "ComparisonError", cases[i].says);
		assert_int_equal(gitsim_polls(sim_git(x.s), REPO), 0);
		/* Better is tried at once. */
		apisim_delete(x.api, "secrets", "argocd", "repo");
		put_secret(&x, "argocd", "repo", "repository", "\"url\":\"" REPO "\"");
		engsim_until_phase(&x, "shop", "Good", LONG);
		scene_end(&x, true);
	}
}

static void insecure_is_for_whoever_asked_for_it(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 170);
	x.insecure = true;
	put_secret(&x, "argocd", "repo", "repository",
		   "\"url\":\"" REPO "\",\"insecure\":\"true\"");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	scene_end(&x, true);
}

static void credentials_come_change_and_go(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 120);
	gitsim_set_login(sim_git(x.s), REPO, LOGIN);
	engsim_start(&x);
	assert_refused(&x);
	put_secret(&x, "argocd", "repo", "repository", "\"url\":\"" REPO "\","
		   "\"username\":\"robot\",\"password\":\"wrong\"");
	assert_refused(&x);
	put_secret(&x, "argocd", "repo", "repository", "\"url\":\"" REPO "\","
		   "\"username\":\"robot\",\"password\":\"" CANARY "\"");
	engsim_until_phase(&x, "shop", "Good", LONG);
	apisim_delete(x.api, "secrets", "argocd", "repo");
	assert_refused(&x);
	assert_string_equal(scene_tag(&x), "v1");
	scene_end(&x, true);
}

/* Deleted while the watch was cut off and its history gone: the list says so. */
static void secret_that_went_unseen_is_forgotten(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 121);
	gitsim_set_login(sim_git(x.s), REPO, LOGIN);
	put_secret(&x, "argocd", "repo", "repository", "\"url\":\"" REPO "\","
		   "\"username\":\"robot\",\"password\":\"" CANARY "\"");
	put_secret(&x, "argocd", "other", "repository", "\"url\":\"" REPO "x\","
		   "\"username\":\"robot\",\"password\":\"" CANARY "\"");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_set_partition(x.s, NULL, true);
	sim_run_for(x.s, 3000);
	apisim_delete(x.api, "secrets", "argocd", "repo");
	apisim_compact(x.api);
	sim_run_for(x.s, 1000);
	sim_set_partition(x.s, NULL, false);
	sim_run_for(x.s, 400000);	/* a quiet watch is given up after minutes */
	assert_refused(&x);
	scene_end(&x, true);
}

static bool deny_secrets(void *arg, const char *user, const char *verb,
			 const char *resource, const char *ns)
{
	(void)arg;
	(void)user;
	(void)verb;
	return !strcmp(resource, "secrets") && ns && !strcmp(ns, "argocd");
}

static void forbidden_secrets_stop_nobody(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 122);
	apisim_set_authz(x.api, deny_secrets, NULL);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_true(sim_log_contains(x.s, "reading repository Secrets of namespace "
				     "argocd"));
	/* Allowed later: they are read then. */
	gitsim_set_login(sim_git(x.s), REPO, LOGIN);
	assert_refused(&x);
	apisim_set_authz(x.api, NULL, NULL);
	put_secret(&x, "argocd", "repo", "repository", "\"url\":\"" REPO "\","
		   "\"username\":\"robot\",\"password\":\"" CANARY "\"");
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", 600000);
	scene_end(&x, true);
}

static void ca_bundle_is_taken_by_host(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 123);
	gitsim_set_ca(sim_git(x.s), REPO, "PEM-ONE");
	put_cas(&x, "argocd", "\"git.si\":\"PEM-ONE\",\"other\":\"PEM-ONE\"");
	engsim_start(&x);
	assert_refused(&x);
	put_cas(&x, "argocd", "\"git.sim\":\"PEM-ONE\"");
	engsim_until_phase(&x, "shop", "Good", LONG);
	apisim_delete(x.api, "configmaps", "argocd", "argocd-tls-certs-cm");
	assert_refused(&x);
	scene_end(&x, true);
}

/* Each namespace has its own bundles: one's news do not forget the other's. */
static void bundles_of_two_namespaces_stand_together(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 124);
	apisim_namespace(x.api, "syncd-system");
	gitsim_set_ca(sim_git(x.s), REPO, "PEM-ONE");
	put_cas(&x, "argocd", "\"git.sim\":\"PEM-ONE\"");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	put_cas(&x, "syncd-system", "\"elsewhere\":\"PEM-TWO\"");
	sim_run_for(x.s, 30000);
	scene_put(&x, "v2");
	scene_until_tag(&x, "v2", LONG);
	apisim_delete(x.api, "configmaps", "syncd-system", "argocd-tls-certs-cm");
	sim_run_for(x.s, 30000);
	scene_put(&x, "v3");
	scene_until_tag(&x, "v3", LONG);
	scene_end(&x, true);
}

/* As above with a Secret: deleted while nobody looked. */
static void bundle_that_went_unseen_is_forgotten(void **state)
{
	struct engsim x;

	(void)state;
	scene_init(&x, 125);
	gitsim_set_ca(sim_git(x.s), REPO, "PEM-ONE");
	put_cas(&x, "argocd", "\"git.sim\":\"PEM-ONE\"");
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	sim_set_partition(x.s, NULL, true);
	sim_run_for(x.s, 3000);
	apisim_delete(x.api, "configmaps", "argocd", "argocd-tls-certs-cm");
	apisim_compact(x.api);
	sim_run_for(x.s, 1000);
	sim_set_partition(x.s, NULL, false);
	sim_run_for(x.s, 400000);
	assert_refused(&x);
	scene_end(&x, true);
}

#define SSH_REPO "git@git.sim:org/shop.git"
#define HOST_LINE "git.sim ssh-ed25519 AAAA"

static void put_hosts(struct engsim *x, const char *ns, const char *lines)
{
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":"
		"\"ConfigMap\",\"metadata\":{\"name\":\"argocd-ssh-known-hosts-cm\","
		"\"namespace\":\"%s\"},\"data\":{\"ssh_known_hosts\":\"%s\"}}", ns, lines);

	apisim_apply(x->api, text);
}

/* A world whose Application "shop" comes from SSH_REPO; not started. */
static void ssh_init(struct engsim *x, uint64_t seed)
{
	_cleanup_free_ char *web = engsim_deployment("web", "v1", 3);

	scene_init(x, seed);
	apisim_namespace(x->api, "syncd-system");
	sim_git_commit(x->s, SSH_REPO, "main", "app/web.yaml", web);
	gitsim_set_login(sim_git(x->s), SSH_REPO, "ssh:" CANARY);
	gitsim_set_ca(sim_git(x->s), SSH_REPO, HOST_LINE);
	scene_edit_app(x, "{\"spec\":{\"source\":{\"repoURL\":\"" SSH_REPO "\"}}}");
}

/* Which key and which known hosts go to the worker. */
static void ssh_takes_its_key_and_hosts(void **state)
{
#define KEY "\"sshPrivateKey\":\"" CANARY "\""
#define OTHER "git.sim ssh-ed25519 BBBB"
	static const struct {
		const char *what, *type, *data, *own_hosts, *argo_hosts;
		bool opens;
	} cases[] = {
		{ "the repository as it is written", "repository",
		  "\"url\":\"" SSH_REPO "\"," KEY, NULL, HOST_LINE, true },
		{ "its other spelling", "repository",
		  "\"url\":\"ssh://git@git.sim/org/shop\"," KEY, NULL, HOST_LINE, true },
		{ "another user", "repository",
		  "\"url\":\"me@git.sim:org/shop\"," KEY, NULL, HOST_LINE, false },
		{ "a prefix", "repo-creds",
		  "\"url\":\"git@git.sim:org\"," KEY, NULL, HOST_LINE, true },
		{ "the host alone", "repo-creds",
		  "\"url\":\"git@git.sim\"," KEY, NULL, HOST_LINE, true },
		{ "half a path segment", "repo-creds",
		  "\"url\":\"git@git.sim:or\"," KEY, NULL, HOST_LINE, false },
		{ "no known hosts", "repository",
		  "\"url\":\"" SSH_REPO "\"," KEY, NULL, NULL, false },
		{ "the Secret's own hosts come first", "repository",
		  "\"url\":\"" SSH_REPO "\",\"sshKnownHosts\":\"" HOST_LINE "\"," KEY,
		  NULL, OTHER, true },
		{ "our namespace's come before others", "repository",
		  "\"url\":\"" SSH_REPO "\"," KEY, HOST_LINE, OTHER, true },
		{ "unless they do not name the host", "repository",
		  "\"url\":\"" SSH_REPO "\"," KEY, "x ssh-ed25519 AAAA", HOST_LINE, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct engsim x;

		ssh_init(&x, 130 + i);
		put_secret(&x, "argocd", "repo", cases[i].type, cases[i].data);
		if (cases[i].own_hosts)
			put_hosts(&x, "syncd-system", cases[i].own_hosts);
		if (cases[i].argo_hosts)
			put_hosts(&x, "argocd", cases[i].argo_hosts);
		engsim_start(&x);
		sim_run_for(x.s, 60000);
		if (engsim_in_phase(&x, "shop", "Good") != cases[i].opens) {
			sim_dump(x.s);
			fail_msg("case \"%s\"", cases[i].what);
		}
		scene_end(&x, true);
	}
}

/* Known hosts that come later are tried at once, not at the next poll. */
static void known_hosts_come_change_and_go(void **state)
{
	struct engsim x;

	(void)state;
	ssh_init(&x, 150);
	x.poll_ms = 3600000;
	put_secret(&x, "argocd", "repo", "repository", "\"url\":\"" SSH_REPO "\"," KEY);
	engsim_start(&x);
	assert_refused(&x);
	put_hosts(&x, "argocd", HOST_LINE);
	engsim_until_phase(&x, "shop", "Good", LONG);
	apisim_delete(x.api, "configmaps", "argocd", "argocd-ssh-known-hosts-cm");
	scene_edit_app(&x, "{\"metadata\":{\"annotations\":{"
		       "\"argocd.argoproj.io/refresh\":\"normal\"}}}");
	assert_refused(&x);
	assert_string_equal(scene_tag(&x), "v1");
	scene_end(&x, true);
}

/* A server that hangs holds a worker each time: it is asked less and less often. */
static void polls_in_vain_get_rarer(void **state)
{
	struct engsim x;
	uint64_t first;

	(void)state;
	ssh_init(&x, 151);
	x.poll_ms = 10000;
	put_secret(&x, "argocd", "repo", "repository", "\"url\":\"" SSH_REPO "\"," KEY);
	put_hosts(&x, "argocd", HOST_LINE);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	gitsim_set_mood(sim_git(x.s), SSH_REPO, GIT_HANG);
	first = gitsim_polls(sim_git(x.s), SSH_REPO);
	sim_run_for(x.s, 600000);
	assert_int_equal(gitsim_polls(sim_git(x.s), SSH_REPO), first);
	assert_in_range(sim_worker_calls(x.s, WORKER_FETCH), 10, 25);
	gitsim_set_mood(sim_git(x.s), SSH_REPO, GIT_FINE);
	sim_run_for(x.s, 60000);
	assert_true(gitsim_polls(sim_git(x.s), SSH_REPO) > first);
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_right_secret_opens_a_repository),
		cmocka_unit_test(what_cannot_be_done_is_said),
		cmocka_unit_test(insecure_is_for_whoever_asked_for_it),
		cmocka_unit_test(credentials_come_change_and_go),
		cmocka_unit_test(secret_that_went_unseen_is_forgotten),
		cmocka_unit_test(forbidden_secrets_stop_nobody),
		cmocka_unit_test(ca_bundle_is_taken_by_host),
		cmocka_unit_test(bundles_of_two_namespaces_stand_together),
		cmocka_unit_test(bundle_that_went_unseen_is_forgotten),
		cmocka_unit_test(ssh_takes_its_key_and_hosts),
		cmocka_unit_test(known_hosts_come_change_and_go),
		cmocka_unit_test(polls_in_vain_get_rarer),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
