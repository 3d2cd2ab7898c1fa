/* Credential plugins: what they are told, what they answer, how they fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/doc.h"
#include "core/kubeconfig.h"
#include "core/mem.h"

#define V1 "client.authentication.k8s.io/v1"
#define V1BETA1 "client.authentication.k8s.io/v1beta1"
#define CERT "-----BEGIN CERTIFICATE-----\\nAA==\\n-----END CERTIFICATE-----\\n"
#define KEY "-----BEGIN PRIVATE KEY-----\\ns3cr3t\\n-----END PRIVATE KEY-----\\n"
#define PEM_B64 "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="

static char dir[64];

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/syncd-plugin-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "config", "plugin", "answer", "seen",
					     "pid" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", dir, names[i]);

		unlink(path);
	}
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

static char *path_of(const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static void put(const char *name, mode_t mode, const char *text)
{
	_cleanup_free_ char *path = path_of(name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static char *read_all(const char *name)
{
	_cleanup_free_ char *path = path_of(name);
	char *text = xcalloc(1, 8192);
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_true(fread(text, 1, 8191, f) > 0);
	fclose(f);
	return text;
}

/* A kubeconfig whose user has this exec, and what the cluster's entry adds. */
static int load(struct kubeconfig *c, const char *exec, const char *more,
		struct err *err)
{
	_cleanup_free_ char *path = path_of("config");
	_cleanup_free_ char *text = xasprintf("current-context: x\n"
		"contexts:\n- name: x\n  context: {cluster: k, user: ann}\n"
		"clusters:\n- name: k\n  cluster: {server: 'https://h'%s}\n"
		"users:\n- name: ann\n  user: {exec: %s}\n", more, exec);
	struct kubeconfig_options o = { .file = path };

	put("config", 0600, text);
	return kubeconfig_load(c, &o, err);
}

/* The plugin is a script of this text, run by its name beside the kubeconfig. */
static int login(struct kubeconfig *c, const char *script, unsigned deadline_ms,
		 struct err *err)
{
	struct kubeconfig_ask how = { .deadline_ms = deadline_ms };
	_cleanup_free_ char *text = xasprintf("#!/bin/sh\ncd %s\n%s\n", dir, script);

	put("plugin", 0700, text);
	if (load(c, "{apiVersion: " V1 ", command: ./plugin, interactiveMode: Never, "
		 "args: [get, 'a b'], env: [{name: MORE, value: x y}, "
		 "{name: HOME, value: /theirs}]}", "", err))
		return -1;
	return kubeconfig_login(c, &how, err);
}

static int answers(struct kubeconfig *c, const char *answer, struct err *err)
{
	put("answer", 0600, answer);
	return login(c, "cat answer", 0, err);
}

#define ANSWER(status) "{\"apiVersion\":\"" V1 "\",\"kind\":\"ExecCredential\"," \
	"\"status\":" status "}"

static void test_fields(void **state)
{
	static const struct {
		const char *exec, *part;
	} rows[] = {
		{ "7", "exec: must be an object" },
		{ "{command: c}", "apiVersion: is missing" },
		{ "{apiVersion: client.authentication.k8s.io/v1alpha1, command: c}",
		  "v1 or v1beta1" },
		{ "{apiVersion: " V1 ", command: c}", "interactiveMode: is missing" },
		{ "{apiVersion: " V1 ", command: c, interactiveMode: Maybe}",
		  "interactiveMode: must be Never" },
		{ "{apiVersion: " V1BETA1 "}", "command: is missing" },
		{ "{apiVersion: " V1BETA1 ", command: c, args: [7]}",
		  "args: must be strings" },
		{ "{apiVersion: " V1BETA1 ", command: c, env: [{name: X}]}",
		  "env: each needs name and value" },
		{ "{apiVersion: " V1BETA1 ", command: c, env: [{name: X=Y, value: z}]}",
		  "env: each needs name and value" },
		{ "{apiVersion: " V1BETA1 ", command: c}, client-certificate-data: "
		  PEM_B64 ", client-key-data: " PEM_B64, "contradicts" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = ERR_INIT;
		struct kubeconfig c;

		assert_int_equal(load(&c, rows[i].exec, "", &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		if (!strstr(err.msg, rows[i].part) || !strstr(err.msg, "\"ann\""))
			fail_msg("%zu: %s", i, err.msg);
	}
}

static void test_own_token_first(void **state)
{
	struct err err = ERR_INIT;
	struct kubeconfig c;

	(void)state;
	assert_int_equal(load(&c, "{apiVersion: " V1BETA1 ", command: c}, token: t",
			      "", &err), 0);
	assert_null(c.plugin);
	assert_int_equal(kubeconfig_login(&c, &(struct kubeconfig_ask){ 0 }, &err), 0);
	assert_string_equal(c.endpoint.bearer, "t");
	kubeconfig_deinit(&c);
}

static void test_token(void **state)
{
	struct err err = ERR_INIT;
	struct kubeconfig c;
	_cleanup_free_ char *seen = NULL;

	(void)state;
	if (login(&c, "echo \"$1|$2|$MORE|$HOME|$KUBERNETES_EXEC_INFO\" >seen\n"
		  "cat >>seen\n"	/* nobody types */
		  "echo '" ANSWER("{\"token\":\"s3cr3t\",\"expirationTimestamp\":"
				  "\"2026-01-02T03:04:05.5+00:00\"}") "'", 0, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(c.endpoint.bearer, "s3cr3t");
	assert_null(c.endpoint.cert_pem);
	assert_int_equal(c.endpoint.generation, 1);
	assert_false(kubeconfig_expires(&c, 1767323045500 - 60001));
	assert_true(kubeconfig_expires(&c, 1767323045500 - 60000));
	seen = read_all("seen");
	assert_string_equal(seen, "get|a b|x y|/theirs|{\"kind\":\"ExecCredential\","
			    "\"apiVersion\":\"" V1 "\",\"spec\":{\"interactive\":"
			    "false}}\n");
	kubeconfig_deinit(&c);
}

static void test_certificate_and_renewal(void **state)
{
	struct err err = ERR_INIT;
	struct kubeconfig_ask how = { 0 };
	struct kubeconfig c;

	(void)state;
	if (answers(&c, ANSWER("{\"clientCertificateData\":\"" CERT "\","
			       "\"clientKeyData\":\"" KEY "\"}"), &err))
		fail_msg("%s", err.msg);
	assert_non_null(strstr(c.endpoint.cert_pem, "CERTIFICATE"));
	assert_non_null(strstr(c.endpoint.key_pem, "PRIVATE"));
	assert_null(c.endpoint.bearer);
	assert_false(kubeconfig_expires(&c, INT64_MAX));	/* it does not say */
	assert_int_equal(kubeconfig_login(&c, &how, &err), 0);
	assert_int_equal(c.endpoint.generation, 1);	/* the same again */
	put("answer", 0600, ANSWER("{\"token\":\"t2\"}"));
	assert_int_equal(kubeconfig_login(&c, &how, &err), 0);
	assert_string_equal(c.endpoint.bearer, "t2");
	assert_null(c.endpoint.cert_pem);
	assert_int_equal(c.endpoint.generation, 2);
	put("answer", 0600, "gone");
	assert_int_equal(kubeconfig_login(&c, &how, &err), -1);
	assert_string_equal(c.endpoint.bearer, "t2");	/* what was there stays */
	kubeconfig_deinit(&c);
}

static void test_cluster_info(void **state)
{
	struct err err = ERR_INIT;
	struct kubeconfig c;
	_cleanup_free_ char *seen = NULL;

	(void)state;
	put("plugin", 0700, "#!/bin/sh\ncd \"${0%/*}\"\n"
	    "echo \"$KUBERNETES_EXEC_INFO\" >seen\n"
	    "echo '{\"apiVersion\":\"" V1BETA1 "\",\"kind\":\"ExecCredential\","
	    "\"status\":{\"token\":\"t\"}}'\n");
	if (load(&c, "{apiVersion: " V1BETA1 ", command: ./plugin, "
		 "provideClusterInfo: true}", ", tls-server-name: name, "
		 "certificate-authority-data: " PEM_B64 ", extensions: "
		 "[{name: other, extension: 1}, {name: "
		 "client.authentication.k8s.io/exec, extension: {audience: a}}]",
		 &err) ||
	    kubeconfig_login(&c, &(struct kubeconfig_ask){ 0 }, &err))
		fail_msg("%s", err.msg);
	seen = read_all("seen");
	assert_string_equal(seen, "{\"kind\":\"ExecCredential\",\"apiVersion\":\""
			    V1BETA1 "\",\"spec\":{\"interactive\":false,"
			    "\"cluster\":{\"server\":\"https://h\","
			    "\"tls-server-name\":\"name\","
			    "\"certificate-authority-data\":\"" PEM_B64 "\","
			    "\"config\":{\"audience\":\"a\"}}}}\n");
	kubeconfig_deinit(&c);
}

static void test_bad_answers(void **state)
{
	static const struct {
		const char *answer, *part;
	} rows[] = {
		{ "s3cr3t", "is not a JSON object" },
		{ "{\"kind\":\"Status\"}", "is no ExecCredential" },
		{ "{\"apiVersion\":\"" V1BETA1 "\",\"kind\":\"ExecCredential\","
		  "\"status\":{\"token\":\"s3cr3t\"}}", "the kubeconfig says " V1 },
		{ "{\"apiVersion\":\"" V1 "\",\"kind\":\"ExecCredential\"}",
		  "has no status" },
		{ ANSWER("{}"), "has neither a token" },
		{ ANSWER("{\"clientCertificateData\":\"" CERT "\"}"), "only one of" },
		{ ANSWER("{\"clientKeyData\":\"" KEY "\"}"), "only one of" },
		{ ANSWER("{\"clientCertificateData\":\"s3cr3t\",\"clientKeyData\":"
			 "\"s3cr3t\"}"), "not PEM" },
		{ ANSWER("{\"token\":\"s3cr3t\",\"expirationTimestamp\":\"soon\"}"),
		  "is no time" },
		{ ANSWER("{\"token\":\"s3cr3t\\r\\nX-Evil: 1\"}"), "holds blanks" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = ERR_INIT;
		struct kubeconfig c;

		assert_int_equal(answers(&c, rows[i].answer, &err), -1);
		if (err.code != ERR_INVALID || !strstr(err.msg, rows[i].part) ||
		    !strstr(err.msg, "\"ann\": exec: ./plugin"))
			fail_msg("%zu: %s", i, err.msg);
		assert_null(strstr(err.msg, "s3cr3t"));
		assert_null(c.endpoint.bearer);
		kubeconfig_deinit(&c);
	}
}

static void test_failures(void **state)
{
	static const struct {
		const char *script;
		unsigned deadline_ms;
		enum err_code code;
		const char *part;
	} rows[] = {
		{ "exit 3", 0, ERR_AUTH, "failed with exit code 3" },
		{ "kill -9 $$", 0, ERR_AUTH, "ended by signal 9" },
		{ "sleep 300", 50, ERR_TIMEOUT, "has not ended in time" },
		/* its output is closed, but it goes on; or its child holds it */
		{ "exec >&-; sleep 300", 50, ERR_TIMEOUT, "has not ended in time" },
		{ "sleep 300 & echo $! >pid", 500, ERR_TIMEOUT, "in time" },
		{ "head -c 1100000 /dev/zero", 0, ERR_LIMIT, "more than 1 MiB" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = ERR_INIT;
		struct kubeconfig c;

		assert_int_equal(login(&c, rows[i].script, rows[i].deadline_ms, &err),
				 -1);
		if (err.code != rows[i].code || !strstr(err.msg, rows[i].part))
			fail_msg("%s: %s: %s", rows[i].script,
				 err_code_str(err.code), err.msg);
		kubeconfig_deinit(&c);
	}
}

/* Nothing that a plugin started outlives it when it is ended. */
static void test_children_end(void **state)
{
	struct err err = ERR_INIT;
	_cleanup_free_ char *text = NULL;
	struct kubeconfig c;
	pid_t child;

	(void)state;
	assert_int_equal(login(&c, "sleep 300 & echo $! >pid; wait", 500, &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	text = read_all("pid");
	child = (pid_t)atoi(text);
	for (int i = 0; i < 5000 && !kill(child, 0); i++) {
		/* it may stay as a zombie until init has seen it */
		_cleanup_free_ char *stat = xasprintf("/proc/%d/stat", child);
		char line[128] = "";
		int fd = open(stat, O_RDONLY | O_CLOEXEC);

		if (fd >= 0 && read(fd, line, sizeof(line) - 1) > 0 &&
		    strstr(line, ") Z "))
			i = 5000;
		if (fd >= 0)
			close(fd);
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		assert_true(i != 4999);
	}
	kubeconfig_deinit(&c);
}

static void test_not_there(void **state)
{
	struct err err = ERR_INIT;
	struct kubeconfig c;

	(void)state;
	assert_int_equal(load(&c, "{apiVersion: " V1BETA1 ", command: no-such-plugin, "
			      "installHint: get it at example.com}", "", &err), 0);
	assert_int_equal(kubeconfig_login(&c, &(struct kubeconfig_ask){ 0 }, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.msg, "no-such-plugin: there is no such program; "
			       "get it at example.com"));
	kubeconfig_deinit(&c);
	put("plugin", 0600, "no program");
	assert_int_equal(load(&c, "{apiVersion: " V1BETA1 ", command: ./plugin}", "",
			      &err), 0);
	assert_int_equal(kubeconfig_login(&c, &(struct kubeconfig_ask){ 0 }, &err), -1);
	assert_int_equal(err.code, ERR_IO);
	assert_non_null(strstr(err.msg, "Permission denied"));
	kubeconfig_deinit(&c);
}

static void test_needs_a_person(void **state)
{
	struct err err = ERR_INIT;
	struct kubeconfig c;

	(void)state;
	assert_int_equal(load(&c, "{apiVersion: " V1 ", command: c, interactiveMode: "
			      "Always}", "", &err), 0);
	assert_int_equal(kubeconfig_login(&c, &(struct kubeconfig_ask){ 0 }, &err), -1);
	assert_int_equal(err.code, ERR_AUTH);
	assert_non_null(strstr(err.msg, "interactiveMode: Always needs a terminal"));
	kubeconfig_deinit(&c);
}

static void test_stop(void **state)
{
	atomic_bool stop = true;
	struct kubeconfig_ask how = { .stop = &stop };
	struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	struct kubeconfig c;

	(void)state;
	assert_int_equal(answers(&c, ANSWER("{\"token\":\"t\"}"), &err), 0);
	assert_int_equal(kubeconfig_ask(&c, &how, &out, &err), -1);
	assert_int_equal(err.code, ERR_CANCELLED);
	buf_deinit(&out);
	kubeconfig_deinit(&c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_fields),
		TEST(test_own_token_first),
		TEST(test_token),
		TEST(test_certificate_and_renewal),
		TEST(test_cluster_info),
		TEST(test_bad_answers),
		TEST(test_failures),
		TEST(test_children_end),
		TEST(test_not_there),
		TEST(test_needs_a_person),
		TEST(test_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
