/* Values that come from Secrets of the cluster: what is read, when they wait, what is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/mem.h"
#include "render/render.h"
#include "sync/draw.h"

#define CANARY "c2hvcC1jYW5hcnk="	/* "shop-canary" */
#define OTHER "b3RoZXI="
#define USUAL "U3Ryb25nQmFzZTY0UGFzc3dvcmQ="	/* "StrongBase64Password" */
#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int render(const char *text, struct render_answer *a, struct err *err)
{
	struct render_request r = { .destination_ns = (char *)(uintptr_t)"shop",
				    .app_id = (char *)(uintptr_t)"apps_shop" };

	return render_text("t", text, strlen(text), &r, a, err);
}

#define SECRET(notes, rest) "apiVersion: v1\nkind: Secret\nmetadata: {name: db, " \
	"annotations: {" notes "}}\n" rest "\n"
#define FROM(s) "syncd.dev/secret-from: " s

/* ---- what a manifest says ---- */

struct said {
	const char *what, *text, *draws, *error;
};

static const struct said said[] = {
	{ "nothing", SECRET("", "data: {a: Yg==}"), "", NULL },
	{ "all keys", SECRET(FROM("src"), "data: {a: Yg==, b: Yg==}"), "from src a b", NULL },
	{ "of another namespace", SECRET(FROM("src/vault"), "data: {a: Yg==}"),
	  "from src/vault a", NULL },
	{ "placeholders alone: as text", SECRET(FROM("src"), "stringData: {a: "
	  "StrongBase64Password, b: kept}"), "from src a", NULL },
	{ "... in base64", SECRET(FROM("src"), "data: {a: " USUAL ", b: Yg==}"), "from src a",
	  NULL },
	{ "... which looks like base64 itself", SECRET(FROM("src"), "data: {a: "
	  "StrongBase64Password, b: Yg==}"), "from src a", NULL },
	{ "one's own placeholder", SECRET(FROM("src") ", syncd.dev/secret-placeholder: TODO",
	  "stringData: {a: TODO, b: StrongBase64Password}"), "from src a", NULL },
	{ "no name", SECRET(FROM("\"\""), "data: {a: Yg==}"), NULL, "write a Secret's name" },
	{ "no namespace", SECRET(FROM("a/"), "data: {a: Yg==}"), NULL, "name/namespace" },
	{ "two slashes", SECRET(FROM("a/b/c"), "data: {a: Yg==}"), NULL, "name/namespace" },
	{ "capitals", SECRET(FROM("A"), "data: {a: Yg==}"), NULL, "write a Secret's name" },
	{ "no keys", SECRET(FROM("src"), "type: Opaque"), NULL, "names no keys" },
	{ "a key that is none", SECRET(FROM("src"), "data: {\"a b\": Yg==}"), NULL,
	  "a key of data is not one" },
	{ "a hook", SECRET(FROM("src") ", argocd.argoproj.io/hook: PreSync",
	  "data: {a: Yg==}"), NULL, "a hook's values" },
	{ "not a Secret", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: db, annotations: {"
	  FROM("src") "}}\ndata: {a: b}\n", NULL, "it is for Secrets" },
	{ "pods", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: db, annotations: {"
	  "syncd.dev/restart-on-secrets: \"true\"}}\nspec: {template: {spec: {}}}\n",
	  "restart", NULL },
	{ "not asked for", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: db, "
	  "annotations: {syncd.dev/restart-on-secrets: \"false\"}}\nspec: {template: {}}\n", "",
	  NULL },
	{ "no pods", "apiVersion: v1\nkind: Service\nmetadata: {name: db, annotations: {"
	  "syncd.dev/restart-on-secrets: \"true\"}}\n", NULL, "it is for Deployments" },
};

static void manifests_say_what_they_draw(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		const struct said *s = &said[i];
		struct render_answer a;
		struct err err = ERR_INIT;
		int r = render(s->text, &a, &err);

		if (s->error ? !r || !strstr(err.msg, s->error) : r ||
		    strcmp(a.objects[0].draws ? a.objects[0].draws : "", s->draws))
			fail_msg("%s: %s", s->what, r ? err.msg : a.objects[0].draws);
		if (!r)
			render_answer_deinit(&a);
	}
}

static void an_index_keeps_it(void **state)
{
	struct render_answer a, b, c;
	_cleanup_buf_ struct buf whole = BUF_INIT, index = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(render(SECRET(FROM("src"), "data: {a: Yg==}"), &a, &err), 0);
	render_answer_encode(&a, &whole);
	render_index_encode(&a, &index);
	assert_int_equal(render_answer_decode(&b, whole.data, whole.len, &err), 0);
	assert_int_equal(render_index_decode(&c, index.data, index.len, &err), 0);
	assert_string_equal(b.objects[0].draws, "from src a");
	assert_string_equal(c.objects[0].draws, "from src a");
	assert_true(draws_any(&c));
	for (size_t cut = 1; cut < 12; cut++) {
		struct render_answer d;

		assert_int_equal(render_answer_decode(&d, whole.data, whole.len - cut, &err),
				 -1);
	}
	render_answer_deinit(&a);
	render_answer_deinit(&b);
	render_answer_deinit(&c);
}

/* A worker that reads what strangers push does not get values into anything else. */
static void values_go_to_secrets_alone(void **state)
{
	static const struct {
		const char *group, *kind;
		uint32_t flags;
		bool draws;
	} cases[] = {
		{ "", "Secret", 0, true }, { "", "ConfigMap", 0, false },
		{ "evil.example.com", "Secret", 0, false }, { "", "Secret", OBJ_HOOK, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char none[] = "", name[] = "x", draws[] = "from src a";
		struct rendered o = { .group = (char *)(uintptr_t)cases[i].group,
				      .kind = (char *)(uintptr_t)cases[i].kind, .ns = none,
				      .name = name, .flags = cases[i].flags, .draws = draws };
		struct draw d;

		assert_int_equal(draw_parse(&d, &o, "shop"), cases[i].draws);
		assert_int_equal(d.n_keys, cases[i].draws);
		draw_deinit(&d);
	}
}

/* ---- when it waits ---- */

struct source {
	enum donor_state state;
	const char *secret;
};

static struct donor_view look(void *arg, const char *ns, const char *name)
{
	const struct source *s = arg;
	struct donor_view v = { s->state, NULL, "it cannot be read: no" };

	(void)ns;
	(void)name;
	if (s->secret)
		v.secret = doc_parse(s->secret, strlen(s->secret), NULL);
	return v;
}

struct row {
	const char *what, *from;
	struct source source;
	const char *why;	/* NULL: it goes out */
};

#define DATA(keys) "{\"data\":{" keys "}}"
#define TO(list) "{\"metadata\":{\"annotations\":{\"syncd.dev/secret-to\":\"" list "\"}}," \
	"\"data\":{\"a\":\"" CANARY "\"}}"
#define ELSEWHERE "Secret shop/db waits for Secret vault/src: it is not there, or does not " \
	"name namespace shop: annotate it with syncd.dev/secret-to: shop"

static const struct row rows[] = {
	{ "1: itself", "db", { DONOR_THERE, DATA("\"a\":\"" CANARY "\"") },
	  "Secret shop/db waits for Secret shop/db: that is itself" },
	{ "1: itself, in full", "db/shop", { DONOR_THERE, DATA("\"a\":\"" CANARY "\"") },
	  "that is itself" },
	{ "2: ours", "src/syncd-system", { DONOR_THERE, TO("shop") }, "syncd's own namespace" },
	{ "3: not read yet", "src", { DONOR_ASKED, NULL }, "it is being read" },
	{ "4: cannot be read", "src", { DONOR_TROUBLE, NULL }, "it cannot be read: no" },
	{ "5: not there", "src", { DONOR_ABSENT, NULL },
	  "Secret shop/db waits for Secret shop/src: it is not there: make it" },
	{ "5: not there, elsewhere", "src/vault", { DONOR_ABSENT, NULL }, ELSEWHERE },
	{ "6: no consent", "src/vault", { DONOR_THERE, DATA("\"a\":\"" CANARY "\"") },
	  ELSEWHERE },
	{ "6: another's", "src/vault", { DONOR_THERE, TO("shop2, sho") }, ELSEWHERE },
	{ "6: a star is a name like another", "src/vault", { DONOR_THERE, TO("*") },
	  ELSEWHERE },
	{ "7: no key", "src", { DONOR_THERE, DATA("\"b\":\"" CANARY "\"") },
	  "Secret shop/src: it has no key a" },
	{ "7: no data", "src", { DONOR_THERE, "{}" }, "it has no key a" },
	{ "8", "src", { DONOR_THERE, DATA("\"a\":\"" CANARY "\"") }, NULL },
	{ "8: with consent", "src/vault", { DONOR_THERE, TO("test, shop") }, NULL },
};

/* What doc_parse() gave in look() is owned by nobody: each row looks with its own. */
struct keep {
	const struct source *source;
	json_t *secret;
};

static struct donor_view look_kept(void *arg, const char *ns, const char *name)
{
	struct keep *k = arg;

	if (!k->secret)
		k->secret = (json_t *)(uintptr_t)look((void *)(uintptr_t)k->source, ns,
						      name).secret;
	return (struct donor_view){ k->source->state, k->secret, "it cannot be read: no" };
}

static struct draw_in input(const struct render_answer *a, struct keep *k)
{
	return (struct draw_in){ .git = a, .dest_ns = "shop", .system_ns = "syncd-system",
				 .key = KEY, .look = look_kept, .arg = k };
}

static void sources_are_judged_by_their_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		_cleanup_free_ char *text = xasprintf(SECRET(FROM("%s"), "data: {a: Yg==}"),
						      r->from);
		struct keep k = { &r->source, NULL };
		_cleanup_buf_ struct buf why = BUF_INIT, body = BUF_INIT;
		struct render_answer a, drawn;
		struct err err = ERR_INIT;
		struct draw_in in;
		int rc;

		assert_int_equal(render(text, &a, &err), 0);
		in = input(&a, &k);
		release_draw(&in, &drawn, &why);
		if (r->why ? !strstr(buf_str(&why), r->why) : why.len)
			fail_msg("%s: %s", r->what, buf_str(&why));
		in.git = &drawn;
		rc = draw_fill(&in, 0, "{\"data\":{\"a\":\"x\"}}", 18, &body, &err);
		assert_int_equal(rc, r->why ? -1 : 0);
		assert_int_equal(err.retry, r->why != NULL);
		assert_null(strstr(err.msg, CANARY));
		json_decref(k.secret);
		render_answer_deinit(&a);
		render_answer_deinit(&drawn);
	}
}

/* ---- digests ---- */

static void digest(const char *text, const struct source *s, const char *key, char out[65],
		   char second[65])
{
	struct keep k = { s, NULL };
	_cleanup_buf_ struct buf why = BUF_INIT;
	struct render_answer a, drawn;
	struct err err = ERR_INIT;
	struct draw_in in;

	assert_int_equal(render(text, &a, &err), 0);
	in = input(&a, &k);
	in.key = key;
	release_draw(&in, &drawn, &why);
	memcpy(out, drawn.digest, 65);
	memcpy(second, drawn.objects[drawn.n_objects - 1].digest, 65);
	assert_string_not_equal(drawn.digest, a.digest);
	assert_string_not_equal(drawn.input_key, a.input_key);
	assert_int_equal(drawn.n_chunks, a.n_chunks);	/* what is stored is what was */
	for (size_t i = 0; i < a.n_chunks; i++)
		assert_memory_equal(drawn.chunks[i].deflated, a.chunks[i].deflated,
				    a.chunks[i].deflated_len);
	json_decref(k.secret);
	render_answer_deinit(&a);
	render_answer_deinit(&drawn);
}

#define WORKLOAD(secret) "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: db, " \
	"annotations: {syncd.dev/restart-on-secrets: \"true\"}}\nspec: {template: {spec: " \
	"{containers: [{name: c, image: i, envFrom: [{secretRef: {name: " secret "}}]}]}}}\n"

static void another_value_is_another_release(void **state)
{
	static const struct source one = { DONOR_THERE, DATA("\"a\":\"" CANARY "\"") };
	static const struct source same = { DONOR_THERE,
		DATA("\"a\":\"" CANARY "\",\"b\":\"Yg==\"") };
	static const struct source two = { DONOR_THERE, DATA("\"a\":\"" OTHER "\"") };
	static const struct source none = { DONOR_ABSENT, NULL };
	const char *text = SECRET(FROM("src"), "data: {a: Yg==}");
	char a[65], b[65], s[65];

	(void)state;
	digest(text, &one, KEY, a, s);
	digest(text, &same, KEY, b, s);
	assert_string_equal(a, b);	/* what is not taken does not count */
	digest(text, &two, KEY, b, s);
	assert_string_not_equal(a, b);
	digest(text, &none, KEY, b, s);
	assert_string_not_equal(a, b);
	digest(text, &one, "another", b, s);
	assert_string_not_equal(a, b);	/* nobody can guess it without the key */
}

static void pods_roll_for_the_secrets_that_they_use(void **state)
{
	static const struct source one = { DONOR_THERE, DATA("\"a\":\"" CANARY "\"") };
	static const struct source two = { DONOR_THERE, DATA("\"a\":\"" OTHER "\"") };
	static const char used[] = SECRET(FROM("src"), "data: {a: Yg==}") WORKLOAD("db");
	static const char unused[] = SECRET(FROM("src"), "data: {a: Yg==}") WORKLOAD("dbx");
	char a[65], b[65], s[65], t[65];

	(void)state;
	digest(used, &one, KEY, a, s);
	digest(used, &two, KEY, b, t);
	assert_string_not_equal(s, t);
	digest(unused, &one, KEY, a, s);
	digest(unused, &two, KEY, b, t);
	assert_string_equal(s, t);
	assert_string_not_equal(a, b);
}

/* ---- bodies ---- */

static void bodies_get_the_values(void **state)
{
	static const struct source one = { DONOR_THERE, DATA("\"a\":\"" CANARY "\"") };
	static const char text[] = SECRET(FROM("src"), "data: {a: " USUAL ", b: Yg==}")
				   WORKLOAD("db");
	struct keep k = { &one, NULL };
	_cleanup_buf_ struct buf why = BUF_INIT;
	struct render_answer a, drawn;
	struct err err = ERR_INIT;
	struct draw_in in;

	(void)state;
	assert_int_equal(render(text, &a, &err), 0);
	in = input(&a, &k);
	release_draw(&in, &drawn, &why);
	in.git = &drawn;
	for (size_t i = 0; i < drawn.n_objects; i++) {
		bool pods = !strcmp(drawn.objects[i].kind, "Deployment");
		_cleanup_buf_ struct buf out = BUF_INIT;
		_cleanup_json_ json_t *o = NULL;
		char *body;
		size_t len;

		assert_int_equal(render_answer_body(&drawn, i, &body, &len, &err), 0);
		assert_null(strstr(body, CANARY));
		assert_int_equal(draw_fill(&in, i, body, len, &out, &err), 0);
		o = doc_parse(out.data, out.len, &err);
		assert_non_null(o);
		if (pods) {
			assert_int_equal(strlen(doc_get_str(o, "spec", "template", "metadata",
				"annotations", RENDER_SECRETS_DIGEST, NULL)), 64);
		} else {
			assert_string_equal(doc_get_str(o, "data", "a", NULL), CANARY);
			assert_string_equal(doc_get_str(o, "data", "b", NULL), "Yg==");
		}
		buf_clear(&out);
		assert_int_equal(draw_fill(&in, i, "{\"data\":{}}", 11, &out, &err), -1);
		assert_int_equal(err.code, ERR_INTERNAL);
		err = ERR_INIT;
		free(body);
	}
	json_decref(k.secret);
	render_answer_deinit(&a);
	render_answer_deinit(&drawn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manifests_say_what_they_draw),
		cmocka_unit_test(an_index_keeps_it),
		cmocka_unit_test(values_go_to_secrets_alone),
		cmocka_unit_test(sources_are_judged_by_their_cases),
		cmocka_unit_test(another_value_is_another_release),
		cmocka_unit_test(pods_roll_for_the_secrets_that_they_use),
		cmocka_unit_test(bodies_get_the_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
