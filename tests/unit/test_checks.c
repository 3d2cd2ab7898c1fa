/*
 * checks.h: what the rules find, where they say it is, and how it is told. Objects are
 * YAML; a finding is written "rule field: beginning of its message".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "checks.h"
#include "tree_files.h"

static json_t *object(const char *yaml)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	json_t *j;

	if (node_text_to_json(yaml, strlen(yaml), &text, &err))
		fail_msg("%s: %s", yaml, err.msg);
	j = doc_parse(buf_str(&text), text.len, &err);
	assert_non_null(j);
	return j;
}

static void note(struct check *c, enum rule rule, const struct field *at,
		 const char *message)
{
	struct buf *out = c->arg;
	_cleanup_buf_ struct buf field = BUF_INIT;

	field_text(at, &field);
	assert_true(strlen(message) > 0);
	buf_addf(out, "%s%s %s", out->len ? "\n" : "", rules[rule].id, buf_str(&field));
}

static char *lint(const char *yaml)
{
	_cleanup_json_ json_t *o = object(yaml);
	struct buf out = BUF_INIT;
	struct check c = { .object = o, .found = note, .arg = &out };

	for (size_t i = 0; i < RULE_N; i++)
		if (rules[i].fn)
			rules[i].fn(&c);
	return out.len ? buf_steal(&out, NULL) : xstrdup("");
}

#define POD "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n"
#define ASKS "resources: {requests: {cpu: 1, memory: 1Mi}}"
#define SECRET "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
#define DRAWN "apiVersion: v1\nkind: Secret\nmetadata: {name: a, annotations: " \
	"{syncd.dev/secret-from: other, syncd.dev/secret-placeholder: pick}}\n"
#define C0 "spec.containers[w]"

static const struct { const char *yaml, *want; } linted[] = {
	{ POD "  containers: [{name: w, image: a:1, " ASKS "}]\n", "" },
	{ POD "  containers: [{name: w, image: a, " ASKS "}]\n",
	  "image-no-tag " C0 ".image" },
	{ POD "  containers: [{name: w, image: 'h:5000/a', " ASKS "}]\n",
	  "image-no-tag " C0 ".image" },
	{ POD "  containers: [{name: w, image: 'h:5000/a:1', " ASKS "}]\n", "" },
	{ POD "  containers: [{name: w, image: 'a:', " ASKS "}]\n",
	  "image-no-tag " C0 ".image" },
	{ POD "  containers: [{name: w, image: 'a@sha256:00', " ASKS "}]\n", "" },
	{ POD "  containers: [{name: w, image: 'a:latest@sha256:00', " ASKS "}]\n", "" },
	{ POD "  containers: [{name: w, image: 'a:latest', " ASKS "}]\n",
	  "image-latest " C0 ".image" },
	{ POD "  containers: [{name: w, image: 'a:latest-2', " ASKS "}]\n", "" },
	{ POD "  containers: [{name: w, image: ''}, {image: 5, " ASKS "}, 7]\n",
	  "requests-missing " C0 ".resources" },
	{ POD "  containers: [{image: a:1, resources: {limits: {cpu: 1, memory: 1}}}]\n",
	  "" },
	{ POD "  resources: {requests: {cpu: 1, memory: 1}}\n"
	  "  containers: [{image: a:1}]\n", "" },
	{ POD "  containers: [{image: a:1, resources: {requests: {cpu: 1}}}]\n",
	  "requests-missing spec.containers[0].resources" },
	/* what runs beside the others asks, what ends before them need not */
	{ POD "  containers: []\n  initContainers: [{name: i, image: a}, "
	  "{name: s, image: a:1, restartPolicy: Always}]\n",
	  "image-no-tag spec.initContainers[i].image\n"
	  "requests-missing spec.initContainers[s].resources" },
	{ "apiVersion: batch/v1\nkind: CronJob\nspec: {jobTemplate: {spec: {template: "
	  "{spec: {containers: [{name: w, image: 'a:latest', " ASKS "}]}}}}}\n",
	  "image-latest spec.jobTemplate.spec.template.spec.containers[w].image" },
	{ "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {spec: {containers: "
	  "[{name: w, image: a, " ASKS "}]}}}\n",
	  "image-no-tag spec.template.spec.containers[w].image" },
	{ "kind: PodTemplate\ntemplate: {spec: {containers: [{image: a, " ASKS "}]}}\n",
	  "image-no-tag template.spec.containers[0].image" },
	{ "kind: X\nspec: {containers: {}, template: 5}\n", "" },
	{ "kind: X\nspec: 5\n", "" },
	/* cGFzcw== is "pass", PGEgYj4= is "<a b>" */
	{ SECRET "data: {a: cGFzcw==}\n", "secret-plain data.a" },
	{ SECRET "data: {a: PGEgYj4=, b: ''}\n", "" },
	{ SECRET "stringData: {a.b: pass, c: CHANGEME, d: '${X}', e: 5}\n",
	  "secret-plain stringData[a.b]" },
	{ SECRET "data: {a: StrongBase64Password}\n", "" },
	/* "-----BEGIN CERTIFICATE-----\nx" */
	{ SECRET "data: {tls.crt: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCng=}\n", "" },
	{ SECRET "data: 5\n", "" },
	/* cGljaw== is "pick" */
	{ DRAWN "stringData: {a: pick, b: StrongBase64Password}\ndata: {c: cGljaw==}\n", "" },
	{ DRAWN "stringData: {a: picked}\n", "secret-plain stringData.a" },
	{ "apiVersion: v1\nkind: Secret\nmetadata: {annotations: "
	  "{syncd.dev/secret-placeholder: pick}}\nstringData: {a: pick}\n",
	  "secret-plain stringData.a" },	/* nothing is filled in */
	{ "apiVersion: x/v1\nkind: Secret\ndata: {a: pass}\n", "" },
	{ "apiVersion: v1\nkind: ConfigMap\ndata: {a: pass}\n", "" },
};

static void rules_find(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(linted); i++) {
		_cleanup_free_ char *got = lint(linted[i].yaml);

		if (strcmp(got, linted[i].want))
			fail_msg("%s: got \"%s\", not \"%s\"", linted[i].yaml, got, linted[i].want);
	}
}

static void placeholders(void **state)
{
	static const struct { const char *value; bool is; } cases[] = {
		{ "", true }, { "  \n", true }, { "xxx", true }, { "****", true },
		{ "...", true }, { "<from-the-cluster>", true }, { "${PASSWORD}", true },
		{ "{{ .Values.x }}", true }, { "$(P)", true }, { "ChangeMe", true },
		{ "your-token", true }, { "REPLACE_ME", true }, { "StrongBase64Password", true },
		{ "hunter2", false }, { "<a", false }, { "$5.00", false }, { "x1", false },
		{ "<b>", true }, { "<b>real</b>", false }, { "\"changeme\"\n", true },
		/* a word is one by itself, among few others, and not a part of something */
		{ "postgres://u:S3cr3tRealPw@db.example.com/x", false },
		{ "mastodon-8f7a6b5c4d3e", false }, { "db.example.com", false },
		{ "please change me", true }, { "exchange-medium", false }, { "change", false },
		{ "insert-password-here", true }, { "fill_in 1", true }, { "yourself", false },
		{ "todo!", true }, { "changeme2024", false }, { "example-123", false },
		{ "a long sentence in which the word example stands as any other", false },
		/* what is left is judged where something is filled in */
		{ "a=${HOME}\npassword=realone99", false }, { "a=${A}\n# why\n\nexport B: ${B}\n",
		  true }, { "${A}:${B}", true }, { "s3cret${A}", false }, { "Bearer {{ .t }}", true },
		{ "${A:-}", true }, { "${A:-realone99}", false }, { "${A-realone99}", false },
		{ "${A:-changeme}", true }, { "${A:?say it}", true }, { "${my-name}", true },
		{ "${", false }, { "${}", false }, { "${A", false }, { "$(A", false },
		{ "$(cat /x)", false }, { "{{ x", false }, { "{{ x }}realone99", false },
		{ "postgres://u:${P}@db.example.com/x", true },
		{ "postgres://u:changeme@h/x", true }, { "postgres://u:@h/x", false },
		{ "postgres://u:${P}@h/x?sslpassword=real", false }, { "https://h/${P}/real", false },
		{ "{\"auths\": {\"h\": {\"auth\": \"${X}\", \"n\": [1, \"\"]}}}", true },
		{ "{\"auths\": {\"h\": {\"auth\": \"${X}\", \"n\": [1, \"real\"]}}}", false },
	};
	_cleanup_free_ char *large = xmalloc(5001);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (lint_is_placeholder(cases[i].value) != cases[i].is)
			fail_msg("\"%s\"", cases[i].value);
	memset(large, 'a', 5000);
	memcpy(large, "example", 7);
	large[5000] = '\0';
	assert_false(lint_is_placeholder(large));	/* too much for a placeholder */
}

static void rules_have_ids(void **state)
{
	(void)state;
	for (size_t i = 0; i < RULE_N; i++) {
		const char *id = rules[i].id;

		assert_true(*id && *rules[i].title && *rules[i].help);
		assert_int_equal(strspn(id, "abcdefghijklmnopqrstuvwxyz-"), strlen(id));
		assert_int_equal(rule_find(id, strlen(id)), i);
	}
	assert_int_equal(rule_find("image", 5), RULE_N);
	assert_int_equal(rule_find("", 0), RULE_N);
	assert_true(RULE_N <= 64);	/* a bit each in check_objects.c */
}

/* ---- places ---- */

static void places(void **state)
{
	static const struct tree_file tree[] = {
		{ "a.yaml", "kind: X\nspec:\n  list:\n  - name: a\n    v: one\n  - name: b\n"
			    "    v: two\n---\nkind: Secret\nstringData:\n  p: q\n---\n"
			    "kind: List\nitems:\n- kind: Y\n  spec: {v: 1}\n---\n{ broken" },
		{ NULL, NULL },
	};
	json_t *two = json_string("two"), *other = json_string("other");
	const struct field top = { 0 };
	const struct field spec = { .up = &top, .key = "spec" };
	const struct field list = { .up = &spec, .key = "list" };
	const struct field a = { .up = &list, .index = 0, .name = "a" };
	const struct field b = { .up = &list, .index = 9, .name = "b" };
	const struct field by_index = { .up = &list, .index = 1 };
	const struct field none = { .up = &list, .index = 9 };
	const struct field v = { .up = &b, .key = "v", .value = two };
	const struct field changed = { .up = &b, .key = "v", .value = other };
	const struct field missing = { .up = &a, .key = "resources" };
	const struct field added = { .up = &spec, .key = "new", .value = two };
	const struct field in_item = { .up = &spec, .key = "v" };
	const struct field data = { .up = &top, .key = "data" };
	const struct field p = { .up = &data, .key = "p" };
	const struct {
		const char *path;
		unsigned object;
		const struct field *at;
		unsigned want;
		bool agrees;
	} cases[] = {
		{ "a.yaml", 1, &top, 1, true }, { "a.yaml", 1, &spec, 2, true },
		{ "a.yaml", 1, &v, 7, true }, { "a.yaml", 1, &changed, 7, false },
		{ "a.yaml", 1, &by_index, 6, true }, { "a.yaml", 1, &none, 3, true },
		{ "a.yaml", 1, &added, 2, false },	/* by an overlay */
		{ "a.yaml", 1, &missing, 4, true }, { "a.yaml", 1, NULL, 1, true },
		{ "a.yaml", 9, &p, 11, true },		/* the renderer folds stringData */
		{ "a.yaml", 13, &in_item, 13, true },	/* the List itself */
		{ "a.yaml", 15, &in_item, 16, true },
		{ "a.yaml", 5, &v, 5, true },		/* no object begins there */
		{ "none.yaml", 3, &v, 3, true }, { "none.yaml", 0, &v, 1, true },
	};
	struct tree_files t;
	struct places all;

	(void)state;
	tree_files_init(&t, tree);
	places_init(&all, &t.files);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned line = 0;

		assert_int_equal(places_find(&all, cases[i].path, cases[i].object, cases[i].at,
					     &line), cases[i].agrees);
		if (line != cases[i].want)
			fail_msg("case %zu: line %u, not %u", i, line, cases[i].want);
	}
	places_deinit(&all);
	json_decref(two);
	json_decref(other);
}

static void messages_name_places(void **state)
{
	static const struct tree_file tree[] = {
		{ "a/b.yaml", "x: 1\ny: 2\nz: 3\n" }, { "my app/c d.yaml", "" }, { NULL, NULL },
	};
	static const struct { const char *message, *file; unsigned line; const char *rest; } cases[] = {
		{ "a/b.yaml:12: what", "a/b.yaml", 12, "what" },
		{ "a/b.yaml: line 12: what", "a/b.yaml", 12, "what" },
		{ "a/b.yaml:12:what", "a/b.yaml", 12, "what" },
		{ "a/b.yaml: what", "a/b.yaml", 1, "what" },
		{ "a/b.yaml: byte 11: what", "a/b.yaml", 3, "byte 11: what" },
		{ "my app/c d.yaml: byte 99: what", "my app/c d.yaml", 1, "byte 99: what" },
		{ "left out: a/b.yaml: line 2: what", "a/b.yaml", 2, "left out: a/b.yaml: line 2: what" },
		{ "left out: a/b.yaml", "a/b.yaml", 1, "left out: a/b.yaml" },
		{ "X/c is twice: a/b.yaml:3 and my app/c d.yaml:1; no", "a/b.yaml", 3,
		  "X/c is twice: a/b.yaml:3 and my app/c d.yaml:1; no" },
		{ "sources[1]: 'a/b.yaml' is odd", "a/b.yaml", 1, "sources[1]: 'a/b.yaml' is odd" },
		{ "own.yaml: what", "own.yaml", 1, "what" },
		/* a folder, a part of a name, and what the render did not ask for */
		{ "a: what", NULL, 0, NULL }, { "x/a/b.yaml what", NULL, 0, NULL },
		{ "a/b.yaml2: what", NULL, 0, NULL }, { "e.yaml: what", NULL, 0, NULL },
		{ "e.yaml:12: what", "e.yaml", 12, "what" },
		{ "e.yaml: line 12: what", "e.yaml", 12, "what" },
		{ "e f.yaml:12: what", NULL, 0, NULL }, { ":12: what", NULL, 0, NULL },
		{ "a:0: what", NULL, 0, NULL }, { "e.yaml:12", NULL, 0, NULL },
		{ "", NULL, 0, NULL }, { "what: see host:80: no", NULL, 0, NULL },
	};
	struct read_row rows[] = { { READ_FOLDER, (char[]){ "a" } },
		{ READ_KIND, (char[]){ "a/b.yaml" } }, { READ_FILE, (char[]){ "a/b.yaml" } },
		{ READ_FILE, (char[]){ "my app/c d.yaml" } } };
	const struct unit u = { .file = (char[]){ "own.yaml" },
				.reads.rows = { rows, ARRAY_LEN(rows), ARRAY_LEN(rows) } };
	struct tree_files t;

	(void)state;
	tree_files_init(&t, tree);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct message_place at = { 0 };

		if (message_place(cases[i].message, &u, &t.files, &at) != !!cases[i].file)
			fail_msg("\"%s\": %s", cases[i].message, at.file ? at.file : "no file");
		if (!cases[i].file)
			continue;
		assert_string_equal(at.file, cases[i].file);
		assert_int_equal(at.line, cases[i].line);
		assert_string_equal(at.rest, cases[i].rest);
		free(at.file);
	}
}

/* "spec.list[1].v: what" is found again; as far as the object has it. */
static void paths_are_fields(void **state)
{
	static const struct { const char *text, *path; bool has; } cases[] = {
		{ "spec.list[1].v: what", "spec.list[1].v", true },
		{ "spec.list[1] has no effect", "spec.list[1]", true },
		{ "spec.list[9].v: what", "spec.list[9].v", false },
		{ "spec.odd is not a field", "spec.odd", false },
		{ "metadata.annotations[syncd.dev/soak]", "metadata.annotations[syncd.dev/soak]", true },
		{ "what is this", "what", false }, { "", "", true }, { ": x", "", true },
		{ "spec.list[1", "spec.list", true }, { "spec.list[]", "spec.list", true },
		{ "spec..x", "spec", true },
	};
	_cleanup_json_ json_t *o = object("spec: {list: [{}, {v: 1}]}\n"
		"metadata: {annotations: {syncd.dev/soak: x}}\n");
	_cleanup_buf_ struct buf deep = BUF_INIT;
	struct field steps[FIELD_STEPS_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *copy = xstrdup(cases[i].text);
		_cleanup_buf_ struct buf out = BUF_INIT;
		const struct field *f = field_parse(o, copy, steps);

		field_text(f, &out);
		assert_string_equal(buf_str(&out), cases[i].path);
		assert_int_equal(f->value != NULL, cases[i].has);
	}
	for (size_t i = 0; i < 1000; i++)
		buf_adds(&deep, "a.");
	assert_ptr_equal(field_parse(o, deep.data, steps), &steps[FIELD_STEPS_MAX - 1]);
}

/* ---- findings ---- */

static void add(struct findings *f, enum rule rule, const char *file, unsigned line,
		const char *unit)
{
	findings_add(f, &(struct found){ .rule = rule, .file = file, .line = line,
					 .message = "x", .unit = unit });
}

static void fill(struct findings *f)
{
	static const char *const units[] = { "u1", "u2", "u3", "u4", "u5", "u5" };

	findings_add(f, &(struct found){ RULE_IMAGE_TAG, "b.yaml", 3, "Pod/x", "spec", "no tag",
					 "u1", false });
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		findings_add(f, &(struct found){ RULE_SECRET, "a.yaml", 0, "Secret/s", "data.p",
						 "a\nvalue", units[i], false });
	findings_add(f, &(struct found){ .rule = RULE_BUILD, .file = "a.yaml", .line = 7,
					 .message = "100%, really: \xff" });
	for (size_t i = 0; i < 2; i++)
		findings_add(f, &(struct found){ RULE_REQUESTS, "c.yaml", 1, "Pod/x", "", "none",
						 units[i], true });
}

static void findings_are_told_once(void **state)
{
	struct findings f = { 0 };
	const struct report_counts n = { .apps = 1, .kustomizations = 2, .objects = 3, .skipped = 1 };
	const struct view_env env = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT;

	(void)state;
	fill(&f);
	findings_close(&f);
	findings_text(&f, &n, &env, &out);
	assert_string_equal(buf_str(&out),
		"a.yaml:1: error: secret-plain: Secret/s data.p: a value (u1, u2, u3 and 2 more)\n"
		"a.yaml:7: error: build: 100%, really: \xef\xbf\xbd\n"
		"b.yaml:3: warning: image-no-tag: Pod/x spec: no tag (u1)\n"
		"1 application, 2 kustomizations, 3 objects: 2 errors, 1 warning, 1 not checked, "
		"1 silenced\n");
	findings_deinit(&f);
}

static void strict_makes_errors(void **state)
{
	struct findings f = { .strict = true };

	(void)state;
	add(&f, RULE_IMAGE_TAG, "a", 1, "");
	add(&f, RULE_NOT_CHECKED, "a", 1, "");
	findings_close(&f);
	assert_int_equal(findings_count(&f, LEVEL_ERROR), 1);
	assert_int_equal(findings_count(&f, LEVEL_NOTE), 1);
	findings_deinit(&f);
}

static void findings_are_capped(void **state)
{
	struct findings f = { 0 };
	const struct report_counts n = { 0 };
	const struct view_env env = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT;

	(void)state;
	/* the same again, and what is silenced, take no room */
	for (unsigned i = 0; i < FINDINGS_MAX + 10; i++) {
		add(&f, RULE_BUILD, "a", i + 1, "u1");
		add(&f, RULE_BUILD, "a", i + 1, "u2");
		findings_add(&f, &(struct found){ .rule = RULE_BUILD, .file = "b", .line = i,
						  .silenced = true });
		assert_int_equal(f.left_out, i < FINDINGS_MAX ? 0 : i - FINDINGS_MAX + 1);
	}
	findings_close(&f);
	assert_int_equal(f.list.len, FINDINGS_MAX);
	assert_string_equal(f.list.data[0].units, "u1, u2");
	assert_int_equal(findings_count(&f, LEVEL_ERROR), FINDINGS_MAX + 10);
	findings_text(&f, &n, &env, &out);
	assert_non_null(strstr(buf_str(&out), "only 5000 of 5010 findings are shown, errors "
			       "first\n"));
	assert_non_null(strstr(buf_str(&out), ": 5010 errors, 0 warnings"));
	findings_deinit(&f);
}

/* What comes late and matters more takes the place of what matters less. */
static void errors_take_the_place_of_warnings(void **state)
{
	static const struct { unsigned notes, warnings, errors, want[3]; } cases[] = {
		{ 0, FINDINGS_MAX + 7, 1, { 0, FINDINGS_MAX - 1, 1 } },
		{ 3, FINDINGS_MAX, 0, { 0, FINDINGS_MAX, 0 } },
		{ 9, 4, FINDINGS_MAX - 2, { 0, 2, FINDINGS_MAX - 2 } },
		{ 5, 5, FINDINGS_MAX + 5, { 0, 0, FINDINGS_MAX } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct findings f = { 0 };
		unsigned got[3] = { 0 }, all = cases[i].notes + cases[i].warnings + cases[i].errors;

		for (unsigned k = 0; k < all; k++)
			add(&f, k < cases[i].notes ? RULE_NOT_CHECKED :
				k < cases[i].notes + cases[i].warnings ? RULE_IMAGE_TAG :
				RULE_BUILD, "a", k + 1, "u");
		findings_close(&f);
		for (size_t k = 0; k < f.list.len; k++)
			got[f.list.data[k].level]++;
		assert_memory_equal(got, cases[i].want, sizeof(got));
		assert_int_equal(findings_count(&f, LEVEL_NOTE), cases[i].notes);
		assert_int_equal(findings_count(&f, LEVEL_WARNING), cases[i].warnings);
		assert_int_equal(findings_count(&f, LEVEL_ERROR), cases[i].errors);
		assert_int_equal(f.left_out, all - FINDINGS_MAX);
		findings_deinit(&f);
	}
}

/* Knowing what was there before has a cap, too; behind it all are counted. */
static void what_is_known_is_capped(void **state)
{
	struct findings f = { 0 };

	(void)state;
	for (unsigned i = 0; i < FINDINGS_SEEN_MAX; i++) {
		assert_false(findings_is_full(&f, RULE_IMAGE_TAG));
		add(&f, RULE_IMAGE_TAG, "a", i + 1, "");
	}
	assert_true(findings_is_full(&f, RULE_IMAGE_TAG));
	assert_false(findings_is_full(&f, RULE_BUILD));
	findings_leave_out(&f, RULE_IMAGE_TAG, "u");
	add(&f, RULE_BUILD, "b", 1, "u");
	findings_close(&f);
	assert_int_equal(findings_count(&f, LEVEL_WARNING), FINDINGS_SEEN_MAX + 1);
	assert_int_equal(findings_count(&f, LEVEL_ERROR), 1);
	assert_int_equal(f.list.data[f.list.len - 1].rule, RULE_BUILD);
	assert_int_equal(f.left_out, FINDINGS_SEEN_MAX + 2 - FINDINGS_MAX);
	findings_deinit(&f);
}

/* Each form says that there are more. */
static void what_is_left_out_is_said(void **state)
{
	static const char text[] = "only 1 of 4 findings are shown, errors first";
	struct findings f = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_json_ json_t *log = NULL;
	const json_t *run, *said;

	(void)state;
	add(&f, RULE_BUILD, "a", 1, "");
	for (size_t i = 0; i < 3; i++)
		findings_leave_out(&f, RULE_BUILD, "");
	findings_close(&f);
	findings_github(&f, &out);
	assert_string_equal(buf_str(&out), "::error file=a,line=1,title=build::x\n"
			    "::warning title=syncctl::only 1 of 4 findings are shown, errors first\n");
	log = findings_sarif(&f, "1");
	run = json_array_get(doc_get(log, "runs", NULL), 0);
	said = json_array_get(doc_get(json_array_get(doc_get(run, "invocations", NULL), 0),
				      "toolExecutionNotifications", NULL), 0);
	assert_string_equal(doc_get_str(said, "message", "text", NULL), text);
	findings_deinit(&f);
}

static void github_commands_are_escaped(void **state)
{
	struct finding one[] = {
		{ .rule = RULE_BUILD, .level = LEVEL_ERROR, .file = (char[]){ "a,b:c%.yaml" },
		  .line = 4, .object = (char[]){ "" }, .field = (char[]){ "" },
		  .message = (char[]){ "50%: a,\r\nb" }, .units = (char[]){ "" } },
		{ .rule = RULE_IMAGE_TAG, .level = LEVEL_WARNING, .file = (char[]){ "" }, .line = 1,
		  .object = (char[]){ "Pod/x" }, .field = (char[]){ "spec" },
		  .message = (char[]){ "m" }, .units = (char[]){ "u" } },
		{ .rule = RULE_NOT_CHECKED, .level = LEVEL_NOTE, .file = (char[]){ "a" }, .line = 2,
		  .object = (char[]){ "" }, .field = (char[]){ "" },
		  .message = (char[]){ "m" }, .units = (char[]){ "" } },
	};
	const struct findings f = { .list = { one, ARRAY_LEN(one), ARRAY_LEN(one) } };
	_cleanup_buf_ struct buf out = BUF_INIT;

	(void)state;
	findings_github(&f, &out);
	assert_string_equal(buf_str(&out),
		"::error file=a%2Cb%3Ac%25.yaml,line=4,title=build::50%25: a,%0D%0Ab\n"
		"::warning title=image-no-tag::Pod/x spec: m (u)\n"
		"::notice file=a,line=2,title=not-checked::m\n");
}

/* ---- SARIF ---- */

static const char *str(const json_t *o, const char *key)
{
	const char *s = doc_get_str(o, key, NULL);

	if (!s)
		fail_msg("no text in '%s'", key);
	return s;
}

/*
 * What the schema of SARIF 2.1.0 requires, and GitHub's code scanning besides: of the
 * log version and runs; of a run the tool's driver with its name; of a rule its id; of
 * a result its message; of a location the file and a line from 1.
 */
static void check_result(const json_t *result, const json_t *all_rules)
{
	const json_t *at = json_array_get(doc_get(result, "locations", NULL), 0);
	const json_t *rule = json_array_get(all_rules,
		(size_t)doc_get_int(result, -1, "ruleIndex", NULL));
	const char *level = str(result, "level");

	assert_string_equal(str(result, "ruleId"), str(rule, "id"));
	assert_true(!strcmp(level, "error") || !strcmp(level, "warning") ||
		    !strcmp(level, "note"));
	assert_true(*str(doc_get(result, "message", NULL), "text"));
	assert_true(doc_get_int(at, 0, "physicalLocation", "region", "startLine", NULL) >= 1);
	assert_non_null(doc_get_str(at, "physicalLocation", "artifactLocation", "uri", NULL));
	assert_int_equal(strlen(str(doc_get(result, "partialFingerprints", NULL), "syncd/v1")), 64);
}

static void sarif_has_what_it_must(void **state)
{
	struct findings f = { 0 };
	_cleanup_json_ json_t *log = NULL;
	const json_t *run, *list, *one;
	size_t i;

	(void)state;
	fill(&f);
	add(&f, RULE_BUILD, "odd name/\xc3\xa9#.yaml", 2, "");
	findings_close(&f);
	log = findings_sarif(&f, "1.2.3");
	assert_non_null(log);
	assert_string_equal(str(log, "version"), "2.1.0");
	assert_int_equal(json_array_size(doc_get(log, "runs", NULL)), 1);
	run = json_array_get(doc_get(log, "runs", NULL), 0);
	assert_string_equal(str(doc_get(run, "tool", "driver", NULL), "name"), "syncctl");
	list = doc_get(run, "tool", "driver", "rules", NULL);
	assert_int_equal(json_array_size(list), RULE_N);
	json_array_foreach((json_t *)list, i, one) {
		assert_string_equal(str(one, "id"), rules[i].id);
		assert_true(*str(doc_get(one, "shortDescription", NULL), "text"));
	}
	assert_int_equal(json_array_size(doc_get(run, "results", NULL)), f.list.len);
	json_array_foreach(doc_get(run, "results", NULL), i, one)
		check_result(one, list);
	one = json_array_get(doc_get(run, "results", NULL), f.list.len - 1);
	assert_string_equal(doc_get_str(json_array_get(doc_get(one, "locations", NULL), 0),
		"physicalLocation", "artifactLocation", "uri", NULL), "odd%20name/%C3%A9%23.yaml");
	findings_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_find),
		cmocka_unit_test(placeholders),
		cmocka_unit_test(rules_have_ids),
		cmocka_unit_test(places),
		cmocka_unit_test(messages_name_places),
		cmocka_unit_test(paths_are_fields),
		cmocka_unit_test(findings_are_told_once),
		cmocka_unit_test(strict_makes_errors),
		cmocka_unit_test(findings_are_capped),
		cmocka_unit_test(errors_take_the_place_of_warnings),
		cmocka_unit_test(what_is_known_is_capped),
		cmocka_unit_test(what_is_left_out_is_said),
		cmocka_unit_test(github_commands_are_escaped),
		cmocka_unit_test(sarif_has_what_it_must),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
