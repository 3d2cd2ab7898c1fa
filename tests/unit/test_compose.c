/* What goes out while services are held, case by case; "name:service:content" objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "render/render.h"
#include "sync/compose.h"

/* ConfigMaps from "a:db:1 b::2 h!:db:1" (! is a hook); NULL gives no release. */
static struct render_answer *release(const char *words, const char *ns)
{
	struct render_answer *a = xcalloc(1, sizeof(*a));
	struct render_request r = { .destination_ns = (char *)(uintptr_t)"shop" };
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct err err = ERR_INIT;

	for (const char *w = words; *w; w += strcspn(w, " "), w += *w == ' ') {
		size_t name = strcspn(w, ":"), service = strcspn(w + name + 1, ":");
		bool hook = w[name - 1] == '!';

		buf_addf(&text, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: %.*s%s%s, "
			 "labels: {app: \"%.*s\"}%s}\ndata: {v: \"%.1s\"}\n",
			 (int)(name - hook), w, ns ? ", namespace: " : "", ns ? ns : "",
			 (int)service, w + name + 1, hook ? ", annotations: "
			 "{argocd.argoproj.io/hook: PreSync}" : "", w + name + service + 2);
	}
	if (render_text("t", text.data, text.len, &r, a, &err))
		fail_msg("%s", err.msg);
	return a;
}

static void drop(struct render_answer *a)
{
	if (a)
		render_answer_deinit(a);
	free(a);
}

static bool is_db(void *arg, const char *service)
{
	(void)arg;
	return !strcmp(service, "db") || !strcmp(service, "dc");
}

struct row {
	const char *what, *git, *running, *outcome, *held;
};

static const struct row rows[] = {
	{ "nothing is held", "a:web:2 b::2", "a:web:1", "git", "" },
	{ "1, 2: the first release", "a:web:1 b:db:1", NULL, "a=1", "db 1" },
	{ "2: a new object of it", "a:web:2 b:db:1", "a:web:1", "a=2", "db 1" },
	{ "3, 4", "a:web:2 b:db:2 c::2", "a:web:1 b:db:1 c::1", "a=2 b=1 c=2", "db 1" },
	{ "4: the running one was another service's", "a:web:2 b:web:2", "a:web:1 b:db:1",
	  "a=2 b=1", "db 1" },
	{ "4: Git's is of it", "a:web:2 b:db:2", "a:web:1 b:web:1", "a=2 b=1", "db 1" },
	{ "4: the same in both", "a:web:2 b:db:1", "a:web:1 b:db:1", "git", "" },
	{ "5, 6", "c::1", "a:web:1 b:db:1", "b=1 c=1", "db 1" },
	{ "two are held", "a:db:2 b:dc:2 c:dc:2 d::2", "a:db:1 b:dc:1 c:dc:1 d::1",
	  "a=1 b=1 c=1 d=2", "db 1, dc 2" },
	{ "all that changes is held", "a:web:1 b:db:2", "a:web:1 b:db:1", "running", "db 1" },
	{ "all of the first release is held", "b:db:1", NULL, "", "db 1" },
	{ "a held hook is left out", "a:web:2 h!:db:1", "a:web:1", "a=2", "db 1" },
	{ "... also one that ran", "a:web:2 h!:db:2", "a:web:1 h!:db:1", "a=2", "db 1" },
	{ "... alone it is nothing new", "a:web:1 h!:db:2", "a:web:1 h!:db:1", "running",
	  "db 1" },
	{ "... nor one that is as it ran", "a:web:1 h!:db:1", "a:web:1 h!:db:1", "running", "" },
	{ "... which still does not run again", "a:web:2 h!:db:1", "a:web:1 h!:db:1", "a=2", "" },
	{ "... nor for being gone from Git", "a:web:1", "a:web:1 h!:db:1", "running", "" },
	{ "another's hook that changed is", "h!:web:2 b:db:2", "h!:web:1 b:db:1", "b=1 h=2",
	  "db 1" },
	{ "another's hook is not", "h!:web:1 b:db:2", "b:db:1", "b=1 h=1", "db 1" },
};

static void tell(const struct render_answer *a, struct buf *out)
{
	for (size_t i = 0; i < a->n_objects; i++) {
		struct err err = ERR_INIT;
		_cleanup_json_ json_t *o = NULL;
		char *body;
		size_t len;

		assert_int_equal(render_answer_body(a, i, &body, &len, &err), 0);
		o = doc_parse(body, len, &err);
		buf_addf(out, "%s%s=%s", i ? " " : "", a->objects[i].name,
			 doc_get_str(o, "data", "v", NULL));
		free(body);
	}
}

static void judge(const struct row *r, const char *running_ns)
{
	struct render_answer *git = release(r->git, NULL), out;
	struct render_answer *running = r->running ? release(r->running, running_ns) : NULL;
	struct compose_in in = { .git = git, .running = running, .dest_ns = "shop",
				 .is_held = is_db };
	_cleanup_buf_ struct buf text = BUF_INIT, held = BUF_INIT;
	struct compose_report report;

	if (release_compose(&in, &out, &report)) {
		tell(&out, &text);
		assert_int_equal(strlen(out.digest), 64);
		assert_string_not_equal(out.input_key, git->input_key);
		render_answer_deinit(&out);
	} else {
		buf_adds(&text, report.as_running ? "running" : "git");
	}
	for (size_t i = 0; i < report.held.len; i++)
		buf_addf(&held, "%s%s %zu", i ? ", " : "", report.held.data[i].service,
			 report.held.data[i].n_objects);
	if (strcmp(buf_str(&text), r->outcome) || strcmp(buf_str(&held), r->held))
		fail_msg("%s: %s (held: %s)", r->what, buf_str(&text), buf_str(&held));
	compose_report_deinit(&report);
	drop(git);
	drop(running);
}

static void releases_are_composed_by_their_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		judge(&rows[i], NULL);
}

/* A namespace that is written and one that is the destination's are the same. */
static void a_namespace_may_be_the_destinations(void **state)
{
	static const struct row r = { "one object", "a:web:2 b:db:2", "a:web:1 b:db:1",
				      "a=2 b=1", "db 1" };

	(void)state;
	judge(&r, "shop");
}

/* What was composed and runs is composed again to itself: nothing new. */
static void composing_comes_to_rest(void **state)
{
	struct render_answer *git = release("a:web:2 b:db:2 c:db:1", NULL), first, second;
	struct render_answer *running = release("a:web:1 b:db:1 d:db:1", NULL);
	struct compose_in in = { .git = git, .running = running, .dest_ns = "shop",
				 .is_held = is_db };
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct compose_report report;
	struct err err = ERR_INIT;

	(void)state;
	assert_true(release_compose(&in, &first, &report));
	compose_report_deinit(&report);
	render_answer_encode(&first, &bytes);
	assert_int_equal(render_answer_decode(&second, bytes.data, bytes.len, &err), 0);
	in.running = &second;
	assert_false(release_compose(&in, &first, &report));
	assert_true(report.as_running);
	assert_int_equal(report.held.len, 1);
	compose_report_deinit(&report);
	render_answer_deinit(&first);
	render_answer_deinit(&second);
	drop(git);
	drop(running);
}

/* What looks for an object in a release bisects it. */
static void what_is_composed_is_sorted_as_releases_are(void **state)
{
	static const char git_text[] = "{apiVersion: v1, kind: ConfigMap, metadata: {name: cm1}}\n"
		"---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: dash, namespace: monitoring}}\n"
		"---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: zoo}}\n"
		"---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: new, labels: {app: db}}}\n";
	struct render_request r = { .destination_ns = (char *)(uintptr_t)"shop" };
	struct render_answer git, out;
	struct compose_in in = { .git = &git, .dest_ns = "shop", .is_held = is_db };
	struct compose_report report;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(render_text("t", git_text, strlen(git_text), &r, &git, &err), 0);
	assert_true(release_compose(&in, &out, &report));
	assert_int_equal(out.n_objects, 3);
	assert_string_equal(out.objects[0].name, "cm1");
	assert_string_equal(out.objects[1].name, "dash");
	assert_string_equal(out.objects[2].name, "x");
	compose_report_deinit(&report);
	render_answer_deinit(&out);
	render_answer_deinit(&git);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(releases_are_composed_by_their_cases),
		cmocka_unit_test(a_namespace_may_be_the_destinations),
		cmocka_unit_test(composing_comes_to_rest),
		cmocka_unit_test(what_is_composed_is_sorted_as_releases_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
