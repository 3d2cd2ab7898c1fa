/*
 * takeover.h: whose fields become ours. A case is managedFields before and after, as
 * "manager/Operation[@version]: fields" lines of JSON; fields are written short:
 * {"a":{}} for {"f:a":{}}.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/takeover.h"

struct entry {
	const char *manager, *operation, *version, *subresource, *fields;
};
#define US(f) { "syncd", "Apply", "v1", NULL, f }
#define KC(f) { "kubectl-client-side-apply", "Update", "v1", NULL, f }

static const struct takeover_case {
	const char *why;
	struct entry before[4], after[4];
	bool more;
} cases[] = {
	{ "nothing but ours", { US("{'f:a':{}}") }, { { 0 } }, false },
	{ "nothing of ours: hands off", { KC("{'f:a':{}}") }, { { 0 } }, false },
	{ "a controller's fields are its own",
	  { US("{'f:a':{}}"), { "kube-controller-manager", "Update", "v1", NULL,
	    "{'f:a':{},'f:b':{}}" } }, { { 0 } }, false },
	{ "the same as ours", { US("{'f:a':{}}"), KC("{'f:a':{}}") },
	  { US("{'f:a':{}}") }, false },
	{ "more than ours: it goes with the next apply",
	  { US("{'f:a':{}}"), KC("{'f:a':{},'f:b':{'f:c':{}}}") },
	  { US("{'f:a':{},'f:b':{'f:c':{}}}") }, true },
	{ "less than ours", { US("{'f:a':{},'f:b':{}}"), KC("{'f:a':{}}") },
	  { US("{'f:a':{},'f:b':{}}") }, false },
	{ "a map and what is in it",
	  { US("{'f:l':{'f:x':{}}}"), KC("{'f:l':{}}") },
	  { US("{'f:l':{'.':{},'f:x':{}}}") }, true },
	{ "Argo CD, applying on the server",
	  { { "argocd-controller", "Apply", "v1", NULL, "{'f:a':{}}" }, US("{'f:a':{}}") },
	  { US("{'f:a':{}}") }, false },
	{ "Argo CD, applying on the client",
	  { { "argocd-controller", "Update", "v1", NULL, "{'f:b':{}}" }, US("{'f:a':{}}") },
	  { US("{'f:a':{},'f:b':{}}") }, true },
	{ "Helm, and kubectl create, and kubectl apply --server-side",
	  { US("{'f:a':{}}"), { "helm", "Update", "v1", NULL, "{'f:b':{}}" },
	    { "kubectl-create", "Update", "v1", NULL, "{'f:c':{}}" },
	    { "kubectl", "Apply", "v1", NULL, "{'f:d':{}}" } },
	  { US("{'f:a':{},'f:b':{},'f:c':{},'f:d':{}}") }, true },
	{ "a status is nobody's to take",
	  { US("{'f:a':{}}"), { "argocd-controller", "Update", "v1", "status",
	    "{'f:status':{}}" } }, { { 0 } }, false },
	{ "of a whole object only what is ours, too",
	  { US("{'f:a':{},'f:m':{'f:x':{}}}"),
	    { "before-first-apply", "Update", "v1", NULL,
	      "{'f:a':{},'f:b':{},'f:m':{'.':{},'f:x':{},'f:y':{}}}" } },
	  { US("{'f:a':{},'f:m':{'f:x':{}}}"),
	    { "before-first-apply", "Update", "v1", NULL,
	      "{'f:b':{},'f:m':{'.':{},'f:y':{}}}" } }, false },
	{ "an edit that holds nothing else goes",
	  { US("{'f:a':{}}"), { "kubectl-edit", "Update", "v1", NULL, "{'f:a':{}}" } },
	  { US("{'f:a':{}}") }, false },
	{ "an edit of what Git does not say stays",
	  { US("{'f:a':{}}"), { "kubectl-edit", "Update", "v1", NULL, "{'f:b':{}}" } },
	  { { 0 } }, false },
	{ "in another version only what is common",
	  { US("{'f:a':{}}"), { "kubectl-client-side-apply", "Update", "v1beta1", NULL,
	    "{'f:a':{},'f:b':{}}" } },
	  { US("{'f:a':{}}"), { "kubectl-client-side-apply", "Update", "v1beta1", NULL,
	    "{'f:b':{}}" } }, false },
	{ "items of lists by their keys",
	  { US("{'f:c':{'k:{\\\"n\\\":1}':{'.':{},'f:i':{}}}}"),
	    KC("{'f:c':{'k:{\\\"n\\\":1}':{'.':{},'f:i':{}},'k:{\\\"n\\\":2}':{'.':{}}}}") },
	  { US("{'f:c':{'k:{\\\"n\\\":1}':{'.':{},'f:i':{}},'k:{\\\"n\\\":2}':{'.':{}}}}") },
	  true },
	{ "what cannot be read is left",
	  { US("{'f:a':{}}"), { "helm", "Update", "v1", NULL, "[]" } }, { { 0 } }, false },
};

static json_t *parse(const char *text)
{
	_cleanup_free_ char *json = xstrdup(text);
	struct err err = ERR_INIT;
	json_t *j;

	for (char *s = json; *s; s++)
		*s = *s == '\'' ? '"' : *s;
	j = doc_parse(json, strlen(json), &err);
	if (!j)
		fail_msg("%s: %s", text, err.msg);
	return j;
}

static json_t *make(const struct entry *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < 4 && e[i].manager; i++) {
		json_t *o = json_pack("{ssssssssso}", "manager", e[i].manager,
			"operation", e[i].operation, "apiVersion", e[i].version,
			"fieldsType", "FieldsV1", "fieldsV1", parse(e[i].fields));

		if (e[i].subresource)
			json_object_set_new(o, "subresource",
					    json_string(e[i].subresource));
		json_array_append_new(list, o);
	}
	return list;
}

static void cases_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct takeover_case *c = &cases[i];
		_cleanup_json_ json_t *object = json_pack("{s{so}}", "metadata",
			"managedFields", make(c->before));
		_cleanup_json_ json_t *before = json_deep_copy(object);
		_cleanup_json_ json_t *want = make(c->after), *got = NULL;
		_cleanup_buf_ struct buf text = BUF_INIT;
		bool more = true;

		got = takeover_fields(object, "syncd", true, &more);
		if (got)
			doc_canonical(got, &text);
		if (!got != !c->after[0].manager || (got && !doc_equal(got, want)) ||
		    more != c->more)
			fail_msg("%s: %s, more %d", c->why, buf_str(&text), more);
		assert_true(doc_equal(object, before));
		/* What is well needs no second takeover. */
		if (got) {
			json_t *meta = doc_get(object, "metadata", NULL);

			json_object_set(meta, "managedFields", got);
			assert_null(takeover_fields(object, "syncd", true, &more));
		}
	}
}

/* Of an object that is ours already only what Argo CD had in between. */
static void others_are_left_alone_later(void **state)
{
	static const struct entry before[4] = { US("{'f:a':{}}"), KC("{'f:b':{}}"),
		{ "argocd-controller", "Update", "v1", NULL, "{'f:a':{}}" } };
	static const struct entry after[4] = { US("{'f:a':{}}"), KC("{'f:b':{}}") };
	_cleanup_json_ json_t *object = json_pack("{s{so}}", "metadata", "managedFields",
						  make(before));
	_cleanup_json_ json_t *want = make(after), *got = NULL;
	bool more = true;

	(void)state;
	got = takeover_fields(object, "syncd", false, &more);
	assert_true(got && doc_equal(got, want));
	assert_false(more);
}

/* An API server would not, but nothing here may run away or fall over. */
static void hostile_depth_is_bounded(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_json_ json_t *object = NULL, *list = NULL;
	struct err err = ERR_INIT;
	bool more;

	(void)state;
	buf_adds(&text, "{\"metadata\":{\"managedFields\":[");
	for (int e = 0; e < 2; e++) {
		buf_addf(&text, "%s{\"manager\":\"%s\",\"operation\":\"Apply\","
			 "\"apiVersion\":\"v1\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":",
			 e ? "," : "", e ? "helm" : "syncd");
		for (int i = 0; i < 500; i++)
			buf_adds(&text, "{\"f:a\":");
		buf_adds(&text, "{}");
		for (int i = 0; i < 500; i++)
			buf_addc(&text, '}');
		buf_addc(&text, '}');
	}
	buf_adds(&text, "]}}");
	object = doc_parse(buf_str(&text), text.len, &err);
	assert_non_null(object);
	list = takeover_fields(object, "syncd", true, &more);
	assert_int_equal(json_array_size(list), 1);
	assert_false(more);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases_hold),
		cmocka_unit_test(others_are_left_alone_later),
		cmocka_unit_test(hostile_depth_is_bounded),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
