/*
 * The real syncd-worker under the real world, sandbox and all: fetch a
 * repository, render it, run a program on it, and what goes wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/doc.h"
#include "core/fetch.h"
#include "core/mem.h"
#include "loopworld.h"
#include "health/script.h"
#include "render/render.h"
#include "signedfiles.h"

struct fixture {
	struct loopworld l;
	char *dir;		/* data/, repo/, kustomize */
	char *data_dir, *program, *mirror;
	char oid[65];
};

struct asked {
	struct worker_call call;
	int done;
	struct err err;
	char *answer;
	size_t len;
};

static void on_done(struct worker_call *c, const struct err *err,
		    const char *data, size_t len)
{
	struct asked *a = container_of(c, struct asked, call);

	a->done++;
	a->err = *err;
	a->len = len;
	a->answer = data ? xstrndup("", 0) : NULL;
	if (data) {
		a->answer = xrealloc(a->answer, len + 1);
		memcpy(a->answer, data, len);
	}
}

static void ask(struct fixture *f, struct asked *a, enum worker_kind kind,
		const struct buf *request)
{
	*a = (struct asked){
		.call = {
			.kind = kind,
			.affinity = "repo",
			.request = request->data,
			.request_len = request->len,
			.deadline_ms = 25000,
			.on_done = on_done,
		},
	};
	f->l.w->ops->worker_start(f->l.w, &a->call);
	loopworld_run(&f->l, &a->done);
	assert_int_equal(a->done, 1);
}

static void shell(const struct fixture *f, const char *script)
{
	_cleanup_free_ char *cmd = xasprintf("cd '%s' && %s", f->dir, script);

	if (system(cmd))
		fail_msg("%s", cmd);
}

static void write_program(const struct fixture *f, const char *text)
{
	FILE *out = fopen(f->program, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	assert_int_equal(chmod(f->program, 0700), 0);
}

static void fetch(struct fixture *f)
{
	_cleanup_free_ char *mirrors = xasprintf("%s/mirrors", f->data_dir);
	_cleanup_free_ char *url = xasprintf("file://%s/repo", f->dir);
	_cleanup_free_ char *key = repo_key(url);
	struct fetch_request r = {
		.mirrors = mirrors,
		.key = key,
		.url = url,
		.revision = (char *)"main",
	};
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct fetch_answer answer = { 0 };
	struct err err = ERR_INIT;
	struct asked a;

	fetch_request_encode(&r, &b);
	ask(f, &a, WORKER_FETCH, &b);
	if (a.err.code)
		fail_msg("fetch: %s", a.err.msg);
	assert_int_equal(fetch_answer_decode(&answer, a.answer, a.len, &err), 0);
	f->mirror = xstrdup(answer.mirror);
	memcpy(f->oid, answer.oid, sizeof(f->oid));
	fetch_answer_deinit(&answer);
	free(a.answer);
}

static void setup(struct fixture *f)
{
	struct world_uv_config c = {
		.worker_path = BUILD_DIR "/syncd-worker",
		.log_fd = 2,
		.log_level = LOG_ERROR,
	};

	memset(f, 0, sizeof(*f));
	f->dir = xstrdup("/tmp/syncd-worker-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->data_dir = xasprintf("%s/data", f->dir);
	f->program = xasprintf("%s/kustomize", f->dir);
	shell(f, "mkdir -p data repo/plain repo/kust && cd repo && "
	      "printf 'apiVersion: v1\\nkind: ConfigMap\\n"
	      "metadata: {name: a}\\n' | tee plain/a.yaml >kust/a.yaml && "
	      "echo 'resources: [a.yaml]' >kust/kustomization.yaml && "
	      "mkdir chart && echo 'helmCharts: [{name: x, releaseName: x}]' "
	      ">chart/kustomization.yaml && "
	      "git init -q -b main . && git add . && "
	      "git -c user.name=t -c user.email=t@t commit -qm one");
	write_program(f, "#!/bin/sh\nexit 1\n");
	c.data_dir = f->data_dir;
	c.kustomize_path = f->program;
	loopworld_init(&f->l, &c);
	fetch(f);
}

static void teardown(struct fixture *f)
{
	loopworld_deinit(&f->l);
	shell(f, "rm -r data repo kustomize");
	rmdir(f->dir);
	free(f->dir);
	free(f->data_dir);
	free(f->program);
	free(f->mirror);
}

/* One source of this path; or, with another, two. */
static struct err render_both(struct fixture *f, enum worker_kind kind,
			      const char *path, const char *other,
			      struct render_answer *answer)
{
	struct render_requests all = { .len = other ? 2 : 1 };
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct err err;
	struct asked a;

	for (size_t i = 0; i < all.len; i++)
		all.data[i] = (struct render_request){
			.mirror = f->mirror, .commit = f->oid,
			.path = (char *)(uintptr_t)(i ? other : path),
			.where = !other ? NULL : (char *)(uintptr_t)(
				 i ? "sources[1]" : "sources[0]"),
		};
	render_requests_encode(&all, &b);
	ask(f, &a, kind, &b);
	err = a.err;
	*answer = (struct render_answer){ 0 };
	if (!err.code &&
	    render_answer_decode(answer, a.answer, a.len, &err))
		fail_msg("%s", err.msg);
	free(a.answer);
	return err;
}

static struct err render(struct fixture *f, enum worker_kind kind,
			 const char *path, struct render_answer *answer)
{
	return render_both(f, kind, path, NULL, answer);
}

static void fetch_then_render(void **state)
{
	struct render_answer answer;
	struct fixture f;
	struct err err;

	(void)state;
	setup(&f);
	for (int i = 0; i < 3; i++) {
		err = render(&f, WORKER_RENDER, "plain", &answer);
		assert_string_equal(err.msg, "");
		assert_int_equal(answer.n_objects, 1);
		assert_string_equal(answer.objects[0].name, "a");
		render_answer_deinit(&answer);
	}
	err = render(&f, WORKER_RENDER, "nowhere", &answer);
	assert_int_equal(err.code, ERR_NOTFOUND);
	err = render(&f, WORKER_RENDER, "plain", &answer);
	assert_int_equal(err.code, ERR_NONE);
	render_answer_deinit(&answer);
	teardown(&f);
}

static void render_reads_mirrors_only(void **state)
{
	struct render_answer answer;
	struct fixture f;
	struct err err;
	char *mirror;

	(void)state;
	setup(&f);
	mirror = f.mirror;
	f.mirror = xasprintf("%s/repo/.git", f.dir);
	err = render(&f, WORKER_RENDER, "plain", &answer);
	assert_int_not_equal(err.code, ERR_NONE);
	free(f.mirror);
	f.mirror = mirror;
	teardown(&f);
}

static void expect_no_copies(const struct fixture *f)
{
	_cleanup_free_ char *tmp = xasprintf("%s/tmp", f->data_dir);
	DIR *d = opendir(tmp);
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)))
		assert_int_equal(e->d_name[0], '.');
	closedir(d);
}

static void exec_runs_the_program_alone(void **state)
{
	_cleanup_free_ char *body = NULL;
	struct render_answer answer;
	struct err err = ERR_INIT;
	struct fixture f;
	size_t len;

	(void)state;
	setup(&f);
	/* what it is given, and whether it can look around */
	write_program(&f, "#!/bin/sh\n"
		      "env=$(/usr/bin/env | /usr/bin/sed 's/=.*//' |"
		      " /usr/bin/sort | /usr/bin/tr '\\n' ' ')\n"
		      "if read x </etc/passwd; then peek=yes; else peek=no; fi\n"
		      "if kill -0 $PPID; then sig=yes; else sig=no; fi\n"
		      "if [ -f \"$2/a.yaml\" ]; then copy=yes; fi\n"
		      "see() { /usr/bin/ls \"$1\" >/dev/null && echo $2; }\n"
		      "sees=$(see \"$HOME/../../mirrors\" mirrors; see \"$HOME/..\" others;"
		      " see \"$HOME\" own)\n"
		      "printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: "
		      "{name: b}\\ndata: {args: \"%s %s\", env: \"%s\", peek: "
		      "\"%s\", sig: \"%s\", copy: \"%s\", sees: \"%s\"}\\n' \"$#\" \"$1\" "
		      "\"$env\" \"$peek\" \"$sig\" \"$copy\" \"$sees\"\n");
	err = render(&f, WORKER_EXEC, "kust", &answer);
	assert_string_equal(err.msg, "");
	assert_int_equal(answer.n_objects, 1);
	assert_int_equal(render_answer_body(&answer, 0, &body, &len, &err), 0);
	assert_non_null(strstr(body, "\"args\":\"2 build\""));
	assert_non_null(strstr(body, "\"env\":\"HOME PWD TMPDIR "));
	assert_null(strstr(body, "SYNCD"));
	assert_non_null(strstr(body, "\"peek\":\"no\""));
	assert_non_null(strstr(body, "\"sig\":\"no\""));
	assert_non_null(strstr(body, "\"copy\":\"yes\""));
	/* neither what was fetched nor other builds */
	assert_non_null(strstr(body, "\"sees\":\"own\""));
	render_answer_deinit(&answer);
	expect_no_copies(&f);
	teardown(&f);
}

static void exec_failures_speak_of_the_repository(void **state)
{
	struct render_answer answer;
	struct fixture f;
	struct err err;

	(void)state;
	setup(&f);
	write_program(&f, "#!/bin/sh\necho \"Error: $2/x.yaml: no\" >&2\n"
			  "exit 1\n");
	err = render(&f, WORKER_EXEC, "kust", &answer);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.msg,
			    "kustomize build kust: Error: kust/x.yaml: no");
	expect_no_copies(&f);
	write_program(&f, "#!/bin/sh\nwhile :; do echo "
			  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			  "; done\n");
	err = render(&f, WORKER_EXEC, "kust", &answer);
	assert_int_equal(err.code, ERR_LIMIT);
	write_program(&f, "#!/nonexistent/sh\n");
	err = render(&f, WORKER_EXEC, "kust", &answer);
	assert_int_equal(err.code, ERR_INTERNAL);
	assert_non_null(strstr(err.msg, "cannot start"));
	expect_no_copies(&f);
	teardown(&f);
}

/* Of several sources the program gets those that need it, and no other. */
static void exec_leaves_the_other_sources_alone(void **state)
{
	struct render_answer answer;
	struct fixture f;
	struct err err;

	(void)state;
	setup(&f);
	write_program(&f, "#!/bin/sh\nprintf 'apiVersion: v1\nkind: Secret\n"
			  "metadata: {name: of-the-program}\n'\n");
	err = render_both(&f, WORKER_RENDER, "plain", "chart", &answer);
	assert_string_equal(err.msg, "");
	assert_non_null(strstr(answer.exec_why, "helmCharts"));
	assert_int_equal(answer.n_objects, 0);
	render_answer_deinit(&answer);
	err = render_both(&f, WORKER_EXEC, "plain", "chart", &answer);
	assert_string_equal(err.msg, "");
	assert_int_equal(answer.n_objects, 2);
	assert_string_equal(answer.objects[0].source, "sources[0] plain/a.yaml:1");
	assert_string_equal(answer.objects[1].name, "of-the-program");
	render_answer_deinit(&answer);
	err = render_both(&f, WORKER_EXEC, "chart", "nowhere", &answer);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.msg, "spec.sources[1]: source.path 'nowhere'"));
	write_program(&f, "#!/bin/sh\necho no >&2\nexit 1\n");
	err = render_both(&f, WORKER_EXEC, "plain", "chart", &answer);
	assert_string_equal(err.msg, "spec.sources[1]: kustomize build chart: no");
	expect_no_copies(&f);
	teardown(&f);
}

/* A copy whose worker was killed goes when the next one starts. */
static void killed_exec_leaves_nothing_for_long(void **state)
{
	struct render_answer answer;
	struct fixture f;
	struct err err;

	(void)state;
	setup(&f);
	shell(&f, "mkdir -p data/tmp/exec-999999999-abc/tree/x");
	err = render(&f, WORKER_EXEC, "kust", &answer);
	assert_int_equal(err.code, ERR_INVALID);
	assert_non_null(strstr(err.msg, "failed without a word"));
	expect_no_copies(&f);
	teardown(&f);
}

static struct err judge(struct fixture *f, const char *script, unsigned deadline_ms,
			struct health *ret)
{
	_cleanup_json_ json_t *o = json_pack("{s:s, s:s}", "kind", "Database",
					     "name", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct asked a = { .done = 0 };

	script_request_encode(script, o, &b);
	a.call = (struct worker_call){
		.kind = WORKER_HEALTH, .affinity = "health", .request = b.data,
		.request_len = b.len, .deadline_ms = deadline_ms,
		.on_done = on_done,
	};
	f->l.w->ops->worker_start(f->l.w, &a.call);
	loopworld_run(&f->l, &a.done);
	if (!a.err.code && script_answer_decode(a.answer, a.len, ret, &a.err))
		fail_msg("%s", a.err.msg);
	free(a.answer);
	return a.err;
}

/* One process for many; a script that no limit of Lua's stops dies with it. */
static void health_runs_scripts(void **state)
{
	struct world_uv_stats stats;
	struct health h;
	struct fixture f;
	struct err err;

	(void)state;
	setup(&f);
	for (int i = 0; i < 3; i++) {
		err = judge(&f, "n = (n or 0) + 1 return { status = 'Healthy', "
			    "message = obj.kind .. n }", 25000, &h);
		assert_int_equal(err.code, ERR_NONE);
		assert_int_equal(h.status, HEALTH_HEALTHY);
		assert_string_equal(h.message, "Database1");
	}
	err = judge(&f, "while true do end", 25000, &h);
	assert_int_equal(err.code, ERR_NONE);
	assert_int_equal(h.status, HEALTH_UNKNOWN);
	world_uv_stats(f.l.w, &stats);
	assert_int_equal(stats.workers_started, 2);	/* one fetched */
	err = judge(&f, "string.find(obj.name, ('a-'):rep(25) .. 'b')", 1500, &h);
	assert_int_equal(err.code, ERR_TIMEOUT);
	err = judge(&f, "return { status = 'Healthy' }", 25000, &h);
	assert_int_equal(err.code, ERR_NONE);
	teardown(&f);
}

static void odd_requests_are_errors(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct fixture f;
	struct asked a;

	(void)state;
	setup(&f);
	buf_adds(&b, "[1, 2");
	for (int k = 0; k < WORKER_KIND_N; k++) {
		ask(&f, &a, (enum worker_kind)k, &b);
		assert_int_not_equal(a.err.code, ERR_NONE);
		assert_null(a.answer);
	}
	teardown(&f);
}

/* ---- signatures ---- */

#define OWN "b60ef3a4776f7726a7639c7771f21249bceac766"	/* ada.commit */
#define TAGGED "c8aedf6fd6f876903a5dfd7846ef2b4d54dc06ad"	/* text.commit: of no use */
#define TAG "c5a06bd1dd92d4ce00dbef571888b90581032397"	/* ada.tag, v1 of that */

/* What tests/unit/signed/make signed, put into the mirror. */
static void put_signed(const struct fixture *f)
{
	_cleanup_free_ char *script = xasprintf("cd '%s' && S='" SOURCE_DIR
		"/tests/unit/signed' && b=$(echo one | git hash-object -w --stdin) && "
		"printf '100644 blob %%s\\tfile\\n' $b | git mktree >/dev/null && "
		"git hash-object -w -t commit $S/ada.commit $S/text.commit >/dev/null && "
		"git hash-object -w -t tag $S/ada.tag >/dev/null", f->mirror);

	shell(f, script);
}

static json_t *policy_of_ada(void)
{
	struct signed_policy p = { .project = xstrdup("team"), .from = xstrdup("there") };
	char id[SIGNED_ID];
	size_t len;
	json_t *o;

	signed_id_of("ada", 0, id);
	vec_push(&p.listed, xstrdup(id));
	vec_push(&p.ring, ((struct signed_key){ xstrdup(id), signed_file("ada.asc", &len) }));
	o = signed_policy_encode(&p);
	signed_policy_deinit(&p);
	return o;
}

/* Renders ada's commit, and what it names beside that. */
static struct err render_signed(struct fixture *f, const struct render_remote *remote,
				const struct render_remote *vouched)
{
	_cleanup_json_ json_t *policy = policy_of_ada();
	struct render_requests all = { .len = 1, .data = { {
		.mirror = f->mirror, .commit = (char *)OWN, .signatures = policy,
		.remotes = (struct render_remote *)(uintptr_t)remote, .n_remotes = remote != NULL,
		.vouched = (struct render_remote *)(uintptr_t)vouched,
		.n_vouched = vouched != NULL,
	} } };
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct asked a;

	render_requests_encode(&all, &b);
	ask(f, &a, WORKER_RENDER, &b);
	free(a.answer);
	return a.err;
}

/* All that anything comes from is looked at, before any of it is. */
static void all_that_comes_in_is_signed(void **state)
{
#define BASE "https://git.example.com/base"
#define OF " of the remote base " BASE " "
	static const struct {
		const char *url, *ref, *commit;	/* commit NULL: of the fixture, unsigned */
		const char *tag, *tag_ref;
		const char *words;	/* NULL: it is fine */
	} cases[] = {
		{ BASE, "main", OWN, NULL, NULL, NULL },
		{ BASE, "main", NULL, NULL, NULL, OF "is not signed" },
		{ BASE, "main", NULL, NULL, NULL, "; or have the URL name a commit (?ref=" },
		{ BASE, "", NULL, NULL, NULL, OF "is not signed" },
		{ BASE, TAGGED, TAGGED, NULL, NULL, NULL },
		{ BASE, TAGGED, NULL, NULL, NULL, OF "is not signed" },
		{ BASE, "v1", TAGGED, TAG, "refs/tags/v1", NULL },
		{ BASE, "v2", TAGGED, TAG, "refs/tags/v2",
		  OF "is called v1, and stands at refs/tags/v2" },
		{ BASE, "v1", TAGGED, TAG, NULL, OF "is called v1, and stands at " },
		{ BASE, "v1", OWN, TAG, "refs/tags/v2", NULL },	/* by its own */
		{ BASE, "v1", NULL, TAG, "refs/tags/v1", OF "is of something else" },
		{ "raw+" BASE "/x.yaml", "", OWN, NULL, NULL,
		  BASE "/x.yaml bears no signature, and AppProject team asks for one" },
	};
	struct fixture f;

	(void)state;
	setup(&f);
	put_signed(&f);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct render_remote m = {
			.url = (char *)(uintptr_t)cases[i].url,
			.ref = (char *)(uintptr_t)cases[i].ref, .mirror = f.mirror,
			.commit = cases[i].commit ? (char *)(uintptr_t)cases[i].commit : f.oid,
			.tag = (char *)(uintptr_t)cases[i].tag,
			.tag_ref = (char *)(uintptr_t)cases[i].tag_ref,
		};
		struct err err = render_signed(&f, &m, NULL);

		print_message("case %zu: %s\n", i, err.msg);
		assert_int_equal(err.code, cases[i].words ? ERR_INVALID : ERR_NONE);
		assert_non_null(strstr(err.msg, cases[i].words ? cases[i].words : ""));
	}
	for (int good = 0; good < 2; good++) {
		const struct render_remote m = {
			.url = (char *)"sources[1]", .ref = (char *)"", .mirror = f.mirror,
			.commit = good ? (char *)OWN : f.oid,
		};
		struct err err = render_signed(&f, NULL, &m);

		assert_int_equal(err.code, good ? ERR_NONE : ERR_INVALID);
		assert_int_equal(strncmp(err.msg, "spec.sources[1]: commit ", 24) == 0, !good);
	}
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fetch_then_render),
		cmocka_unit_test(render_reads_mirrors_only),
		cmocka_unit_test(exec_runs_the_program_alone),
		cmocka_unit_test(exec_failures_speak_of_the_repository),
		cmocka_unit_test(exec_leaves_the_other_sources_alone),
		cmocka_unit_test(killed_exec_leaves_nothing_for_long),
		cmocka_unit_test(health_runs_scripts),
		cmocka_unit_test(odd_requests_are_errors),
		cmocka_unit_test(all_that_comes_in_is_signed),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
