/* Kubeconfigs: fields, files, contexts, merging, tokens, service accounts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/kubeconfig.h"
#include "core/mem.h"

#define PEM "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
#define PEM_B64 "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="

static char dir[64];

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/syncd-kubeconfig-XXXXXX");
	assert_non_null(mkdtemp(dir));
	setenv("HOME", dir, 1);
	unsetenv("KUBECONFIG");
	unsetenv("KUBERNETES_SERVICE_HOST");
	unsetenv("KUBERNETES_SERVICE_PORT");
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "a", "b", "c", "sub/c", "ca.crt",
		"sub/ca.crt", "token", "sub/token", "namespace", ".kube/config",
		"sub/fifo" };
	_cleanup_free_ char *sub = xasprintf("%s/sub", dir);
	_cleanup_free_ char *kube = xasprintf("%s/.kube", dir);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", dir, names[i]);

		unlink(path);
	}
	rmdir(sub);
	rmdir(kube);
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

/* Writes dir/name and answers its path (valid until the third call after). */
static const char *put(const char *name, const char *text)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];
	FILE *f;

	snprintf(path, 128, "%s/%s", dir, name);
	if (strchr(name, '/')) {
		_cleanup_free_ char *sub = xstrndup(path,
				(size_t)(strrchr(path, '/') - path));

		mkdir(sub, 0700);
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return path;
}

static void load(struct kubeconfig *c, const char *file, const char *context)
{
	struct kubeconfig_options o = { .file = file, .context = context,
					.account_dir = dir };
	struct err err = ERR_INIT;

	if (kubeconfig_load(c, &o, &err))
		fail_msg("%s", err.msg);
}

/* Loading fails with this code, naming all these. */
static void refused(const char *file, const char *context, enum err_code code,
		    const char *const *parts)
{
	struct kubeconfig_options o = { .file = file, .context = context,
					.account_dir = dir };
	struct kubeconfig c;
	struct err err = ERR_INIT;

	assert_int_equal(kubeconfig_load(&c, &o, &err), -1);
	if (err.code != code)
		fail_msg("%s: %s", err_code_str(err.code), err.msg);
	for (; *parts; parts++)
		if (!strstr(err.msg, *parts))
			fail_msg("\"%s\" is not in: %s", *parts, err.msg);
	assert_null(strstr(err.msg, "s3cr3t"));
}
#define REFUSED(file, context, code, ...) \
	refused(file, context, code, (const char *const[]){ __VA_ARGS__, NULL })

#define CONTEXT(name, cluster, user)                                          \
	"contexts:\n- name: " name "\n  context: {cluster: " cluster           \
	", user: " user ", namespace: shop}\n"
#define ONE(cluster, user)                                                    \
	"apiVersion: v1\nkind: Config\ncurrent-context: x\n"                  \
	CONTEXT("x", "k", "u")                                                \
	"clusters:\n- name: k\n  cluster: " cluster "\n"                      \
	"users:\n- name: u\n  user: " user "\n"

static void test_data(void **state)
{
	struct kubeconfig c;

	(void)state;
	load(&c, put("a", ONE("{server: 'https://h:6443//', tls-server-name: t, "
			      "proxy-url: 'http://p:1', "
			      "certificate-authority-data: " PEM_B64 ", "
			      "certificate-authority: /nowhere}",
			      "{client-certificate-data: " PEM_B64 ", "
			      "client-key-data: " PEM_B64 "}")), NULL);
	assert_string_equal(c.context, "x");
	assert_string_equal(c.ns, "shop");
	assert_string_equal(c.endpoint.url, "https://h:6443");
	assert_string_equal(c.endpoint.ca_pem, PEM);
	assert_string_equal(c.endpoint.cert_pem, PEM);
	assert_string_equal(c.endpoint.key_pem, PEM);
	assert_string_equal(c.endpoint.tls_server_name, "t");
	assert_string_equal(c.endpoint.proxy_url, "http://p:1");
	assert_non_null(strstr(c.endpoint.user_agent, "syncd/"));
	assert_null(c.endpoint.bearer);
	assert_null(c.token_file);
	assert_false(c.endpoint.insecure_skip_verify);
	kubeconfig_deinit(&c);
}

/* Relative paths start at the file they stand in. */
static void test_files(void **state)
{
	struct kubeconfig c;

	(void)state;
	put("ca.crt", "not this one");
	put("sub/ca.crt", PEM);
	put("sub/token", "t0\n");
	load(&c, put("sub/c", ONE("{server: 'https://h', certificate-authority: ca.crt}",
				  "{client-certificate: ca.crt, "
				  "client-key: ../sub/ca.crt, tokenFile: token}")),
	     NULL);
	assert_string_equal(c.endpoint.ca_pem, PEM);
	assert_string_equal(c.endpoint.key_pem, PEM);
	assert_string_equal(c.endpoint.bearer, "t0");
	kubeconfig_deinit(&c);
}

static void test_users(void **state)
{
	struct kubeconfig c;

	(void)state;
	load(&c, put("a", ONE("{server: 'http://h', insecure-skip-tls-verify: true}",
			      "{token: ' s3cr3t ', as: jane, as-groups: [dev, ops]}")),
	     NULL);
	assert_string_equal(c.endpoint.bearer, "s3cr3t");
	assert_string_equal(c.endpoint.as_user, "jane");
	assert_string_equal(c.endpoint.as_groups[0], "dev");
	assert_string_equal(c.endpoint.as_groups[1], "ops");
	assert_null(c.endpoint.as_groups[2]);
	assert_true(c.endpoint.insecure_skip_verify);
	kubeconfig_deinit(&c);
	load(&c, put("a", ONE("{server: 'https://h'}",
			      "{username: ada, password: s3cr3t}")), NULL);
	assert_string_equal(c.endpoint.username, "ada");
	assert_string_equal(c.endpoint.password, "s3cr3t");
	kubeconfig_deinit(&c);
	/* Nobody: as kubectl, anonymous. */
	load(&c, put("a", "current-context: x\ncontexts:\n- {name: x, context: "
		     "{cluster: k}}\nclusters:\n- {name: k, cluster: "
		     "{server: 'https://h'}}\n"), NULL);
	assert_null(c.endpoint.bearer);
	assert_string_equal(c.ns, "default");
	kubeconfig_deinit(&c);
}

static void test_json_is_yaml(void **state)
{
	struct kubeconfig c;

	(void)state;
	load(&c, put("a", "{\"current-context\":\"x\",\"contexts\":[{\"name\":\"x\","
		     "\"context\":{\"cluster\":\"k\"}}],\"clusters\":[{\"name\":\"k\","
		     "\"cluster\":{\"server\":\"https://h\"}}]}"), NULL);
	assert_string_equal(c.endpoint.url, "https://h");
	kubeconfig_deinit(&c);
}

static void test_contexts(void **state)
{
	static const char text[] = "current-context: one\n"
		"contexts:\n- {name: one, context: {cluster: k1}}\n"
		"- {name: two, context: {cluster: k2, namespace: n2}}\n"
		"- {name: lost, context: {cluster: nowhere}}\n"
		"- {name: nobody, context: {cluster: k1, user: nobody}}\n"
		"- {name: none, context: {}}\n"
		"clusters:\n- {name: k1, cluster: {server: 'https://1'}}\n"
		"- {name: k2, cluster: {server: 'https://2'}}\n";
	const char *path = put("a", text);
	struct kubeconfig c;

	(void)state;
	load(&c, path, NULL);
	assert_string_equal(c.endpoint.url, "https://1");
	kubeconfig_deinit(&c);
	load(&c, path, "two");
	assert_string_equal(c.endpoint.url, "https://2");
	assert_string_equal(c.ns, "n2");
	assert_string_equal(c.context, "two");
	kubeconfig_deinit(&c);
	REFUSED(path, "three", ERR_NOTFOUND, path, "context \"three\"",
		"one, two, lost");
	REFUSED(path, "lost", ERR_INVALID, path, "cluster \"nowhere\"", "k1, k2");
	REFUSED(path, "nobody", ERR_INVALID, path, "user \"nobody\"", "none");
	REFUSED(path, "none", ERR_INVALID, path, "context \"none\"", "cluster");
	REFUSED(put("b", "contexts: []\n"), NULL, ERR_NOTFOUND, "current-context",
		"--context");
}

/* The first file that names a thing decides about all of it. */
static void test_merge(void **state)
{
	char list[512];
	struct kubeconfig c;

	(void)state;
	snprintf(list, sizeof(list), "%s/missing::%s:%s", dir,
		 put("a", "current-context: two\nclusters:\n"
		     "- {name: k, cluster: {server: 'https://first'}}\n"
		     "users:\n- {name: u, user: {token: first}}\n"),
		 put("sub/c", "current-context: one\nclusters:\n"
		     "- {name: k, cluster: {server: 'https://second', "
		     "insecure-skip-tls-verify: true}}\n"
		     "- {name: k2, cluster: {server: 'https://two', "
		     "certificate-authority: ca.crt}}\n"
		     "users:\n- {name: u, user: {username: second}}\n"
		     "contexts:\n- {name: one, context: {cluster: k, user: u}}\n"
		     "- {name: two, context: {cluster: k2, user: u}}\n"));
	put("sub/ca.crt", PEM);
	setenv("KUBECONFIG", list, 1);
	load(&c, NULL, NULL);
	assert_string_equal(c.context, "two");
	assert_string_equal(c.endpoint.url, "https://two");
	assert_string_equal(c.endpoint.ca_pem, PEM);
	assert_string_equal(c.endpoint.bearer, "first");
	assert_null(c.endpoint.username);
	kubeconfig_deinit(&c);
	load(&c, NULL, "one");
	assert_string_equal(c.endpoint.url, "https://first");
	assert_false(c.endpoint.insecure_skip_verify);
	kubeconfig_deinit(&c);
	/* One broken file of the list is an error, not skipped. */
	put("a", "clusters: [\n");
	REFUSED(NULL, NULL, ERR_INVALID, "/a:");
	snprintf(list, sizeof(list), "%s/missing", dir);
	setenv("KUBECONFIG", list, 1);
	REFUSED(NULL, NULL, ERR_NOTFOUND, "KUBECONFIG", "missing");
	unsetenv("KUBECONFIG");
}

static void test_home(void **state)
{
	struct kubeconfig c;

	(void)state;
	REFUSED(NULL, NULL, ERR_NOTFOUND, ".kube/config", "--kubeconfig");
	put(".kube/config", ONE("{server: 'https://home'}", "{token: t}"));
	load(&c, NULL, NULL);
	assert_string_equal(c.endpoint.url, "https://home");
	kubeconfig_deinit(&c);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *cluster, *user, *part;
	} rows[] = {
		{ "{}", "{}", "server: is missing" },
		{ "{server: h}", "{}", "server: must begin with https://" },
		{ "{server: 7}", "{}", "server: must be a string" },
		{ "{server: 'https://h', certificate-authority-data: '%%'}", "{}",
		  "certificate-authority-data: is not base64" },
		{ "{server: 'https://h', certificate-authority-data: c2VjcmV0}", "{}",
		  "certificate-authority-data: is not PEM" },
		{ "{server: 'https://h', certificate-authority-data: " PEM_B64
		  ", insecure-skip-tls-verify: true}", "{}", "contradicts" },
		{ "{server: 'https://h'}", "{client-certificate-data: " PEM_B64 "}",
		  "client-certificate: needs client-key" },
		{ "{server: 'https://h'}", "{client-key-data: " PEM_B64 "}",
		  "client-key: needs client-certificate" },
		{ "{server: 'https://h'}", "{token: \"s3cr3t\\nX-Evil: 1\"}",
		  "token: the token holds blanks" },
		{ "{server: 'https://h'}", "{exec: {command: aws, apiVersion: v1}}",
		  "exec: apiVersion: must be client.authentication" },
		{ "{server: 'https://h'}", "{auth-provider: {name: gcp}}",
		  "auth-provider: is not supported" },
		{ "{server: 'https://h'}", "{as: x, as-uid: '1'}", "as-uid" },
		{ "{server: 'https://h'}", "{as: x, as-user-extra: {a: [b]}}",
		  "as-user-extra" },
		{ "{server: 'https://h'}", "{as-groups: [b]}", "as-groups: needs as" },
		{ "{server: 'https://h'}", "{as: x, as-groups: [7]}",
		  "as-groups: must be strings" },
		{ "{server: 'https://h'}", "{password: [s3cr3t]}",
		  "password: must be a string" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *text = xasprintf(
			"current-context: x\n" CONTEXT("x", "k", "u")
			"clusters:\n- name: k\n  cluster: %s\n"
			"users:\n- name: u\n  user: %s\n",
			rows[i].cluster, rows[i].user);
		const char *path = put("a", text);

		REFUSED(path, NULL, ERR_INVALID, path, rows[i].part);
	}
}

static void test_bad_files(void **state)
{
	_cleanup_free_ char *fifo = xasprintf("%s/sub/fifo", dir);
	_cleanup_free_ char *big = xcalloc(1, ((size_t)1 << 20) + 2);

	(void)state;
	REFUSED("/nowhere/at/all", NULL, ERR_NOTFOUND, "/nowhere/at/all");
	REFUSED(dir, NULL, ERR_IO, dir);
	REFUSED(put("a", "a: [s3cr3t\n"), NULL, ERR_INVALID, "/a:", "line");
	REFUSED(put("a", "a: 1\na: 2\n"), NULL, ERR_INVALID, "/a:");
	REFUSED(put("a", "- s3cr3t\n"), NULL, ERR_INVALID, "/a:", "not a kubeconfig");
	REFUSED(put("a", ""), NULL, ERR_NOTFOUND, "/a:", "current-context");
	memset(big, '#', ((size_t)1 << 20) + 1);
	REFUSED(put("a", big), NULL, ERR_LIMIT, "/a:", "1024 KiB");
	REFUSED(put("a", ONE("{server: 'https://h'}", "{tokenFile: gone}")), NULL,
		ERR_NOTFOUND, "tokenFile", "/gone");
	put("token", " \n");
	REFUSED(put("a", ONE("{server: 'https://h'}", "{tokenFile: token}")), NULL,
		ERR_INVALID, "/token", "empty");
	/* A FIFO nobody writes to must not stop us. */
	put("sub/c", "");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	REFUSED(fifo, NULL, ERR_IO, "fifo", "is not a file");
}

static void test_refresh(void **state)
{
	struct err err = ERR_INIT;
	struct kubeconfig c;

	(void)state;
	put("token", "one");
	/* The file wins over the token that stands there too. */
	load(&c, put("a", ONE("{server: 'https://h'}",
			      "{tokenFile: token, token: zero}")), NULL);
	assert_string_equal(c.endpoint.bearer, "one");
	assert_int_equal(kubeconfig_refresh(&c, &err), 0);
	assert_int_equal(c.endpoint.generation, 0);
	put("token", "two\n");
	assert_int_equal(kubeconfig_refresh(&c, &err), 0);
	assert_string_equal(c.endpoint.bearer, "two");
	assert_int_equal(c.endpoint.generation, 1);
	/* Half written, or gone for a moment: the old one stays. */
	put("token", "");
	assert_int_equal(kubeconfig_refresh(&c, &err), -1);
	assert_string_equal(c.endpoint.bearer, "two");
	assert_int_equal(c.endpoint.generation, 1);
	kubeconfig_deinit(&c);
	load(&c, put("a", ONE("{server: 'https://h'}", "{token: t}")), NULL);
	assert_int_equal(kubeconfig_refresh(&c, &err), 0);
	kubeconfig_deinit(&c);
}

static void test_in_cluster(void **state)
{
	struct kubeconfig_options o = { .account_dir = dir, .no_in_cluster = true };
	struct err err = ERR_INIT;
	struct kubeconfig c;

	(void)state;
	setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	put(".kube/config", ONE("{server: 'https://home'}", "{token: t}"));
	load(&c, NULL, NULL);		/* no token there: not in a cluster */
	assert_string_equal(c.endpoint.url, "https://home");
	kubeconfig_deinit(&c);
	put("token", "t1\n");
	REFUSED(NULL, NULL, ERR_NOTFOUND, "service account", "ca.crt");
	put("ca.crt", PEM);
	load(&c, NULL, NULL);
	assert_string_equal(c.endpoint.url, "https://10.96.0.1:443");
	assert_string_equal(c.endpoint.bearer, "t1");
	assert_string_equal(c.endpoint.ca_pem, PEM);
	assert_string_equal(c.context, "");
	assert_string_equal(c.ns, "default");
	put("token", "t2\n");
	assert_int_equal(kubeconfig_refresh(&c, &err), 0);
	assert_string_equal(c.endpoint.bearer, "t2");
	kubeconfig_deinit(&c);
	put("namespace", "sys\n");
	setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	load(&c, NULL, NULL);
	assert_string_equal(c.endpoint.url, "https://[fd00::1]:443");
	assert_string_equal(c.ns, "sys");
	kubeconfig_deinit(&c);
	/* syncctl in a pod uses the user's kubeconfig. */
	assert_int_equal(kubeconfig_load(&c, &o, &err), 0);
	assert_string_equal(c.endpoint.url, "https://home");
	kubeconfig_deinit(&c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_data),
		TEST(test_files),
		TEST(test_users),
		TEST(test_json_is_yaml),
		TEST(test_contexts),
		TEST(test_merge),
		TEST(test_home),
		TEST(test_refusals),
		TEST(test_bad_files),
		TEST(test_refresh),
		TEST(test_in_cluster),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
