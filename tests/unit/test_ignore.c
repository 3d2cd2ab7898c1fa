/* ignore.h: rules to trees, trees beside values and bodies, fingerprints without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/fingerprint.h"
#include "sync/ignore.h"

static const struct objkey web = { "apps", "Deployment", "prod", "web" };

/* With ' for ", as everything here is written. */
static json_t *parse(const char *text)
{
	_cleanup_free_ char *copy = xstrdup(text);
	struct err err = ERR_INIT;
	json_t *j;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	j = doc_parse(copy, strlen(copy), &err);
	if (!j)
		fail_msg("%s: %s", copy, err.msg);
	return j;
}

static void rules_speak_of_what_their_globs_fit(void **state)
{
	static const struct {
		const char *rule;
		bool speaks;
	} cases[] = {
		{ "{'group':'apps','kind':'Deployment'}", true },
		{ "{'group':'*','kind':'*'}", true },
		{ "{'group':'ap*','kind':'Dep?oyment','name':'w*','namespace':'pr*'}", true },
		{ "{'kind':'Deployment'}", false },	/* the core group has none */
		{ "{'group':'','kind':'Deployment'}", false },
		{ "{'group':'apps','kind':'StatefulSet'}", false },
		{ "{'group':'apps','kind':'Deployment','name':'api'}", false },
		{ "{'group':'apps','kind':'Deployment','namespace':'test'}", false },
		{ "{'group':'apps','kind':'Deployment','name':'','namespace':''}", true },
		{ "{'group':'apps','kind':'Deployment','name':'[w'}", false },
		{ "{'group':7,'kind':'Deployment'}", false },
		{ "7", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *list = xasprintf("[%s]", cases[i].rule);
		_cleanup_json_ json_t *rules = parse(list);

		if (ignore_speaks(rules, &web) != cases[i].speaks)
			fail_msg("%s", list);
	}
}

#define RULE(rest) "[{'group':'apps','kind':'Deployment'," rest "}]"

#define JQ(expression) RULE("'jqPathExpressions':['" expression "']")

static const struct {
	const char *rules, *body, *left;
} cuts[] = {
	{ RULE("'jsonPointers':['/spec/replicas']"),
	  "{'spec':{'replicas':3,'x':1.0}}", "{'spec':{'x':1.0}}" },
	{ RULE("'jsonPointers':['/spec/replicas']"),	/* what is left empty goes */
	  "{'a':1,'spec':{'replicas':3}}", "{'a':1}" },
	{ RULE("'jsonPointers':['/spec/replicas']"), "{'spec':{}}", "{'spec':{}}" },
	{ RULE("'jsonPointers':['/spec/replicas/more']"), "{'spec':{'replicas':3}}",
	  "{'spec':{'replicas':3}}" },
	{ RULE("'jsonPointers':['/metadata/annotations/a~1b~0c']"),
	  "{'metadata':{'annotations':{'a/b~c':'x','y':'z'},'name':'web'}}",
	  "{'metadata':{'annotations':{'y':'z'},'name':'web'}}" },
	{ RULE("'jsonPointers':['/spec/list/1/image','/spec/list/2']"),
	  "{'spec':{'list':[{'image':'a'},{'image':'b','n':[]},{'image':'c'},{'n':4}]}}",
	  "{'spec':{'list':[{'image':'a'},{'n':[]},{'n':4}]}}" },
	{ RULE("'jsonPointers':['/spec']"), "{'a':{'spec':1},'spec':{'b':'}]{['}}",
	  "{'a':{'spec':1}}" },
	{ RULE("'jsonPointers':['/spec/a','/spec','/spec/b']"), "{'k':0,'spec':{'c':1}}",
	  "{'k':0}" },
	{ RULE("'jsonPointers':['/nothing','no-slash','']"), "{'spec':{'c':1}}",
	  "{'spec':{'c':1}}" },
	{ "[{'group':'apps','kind':'StatefulSet','jsonPointers':['/spec']}]",
	  "{'spec':1}", "{'spec':1}" },
	{ RULE("'managedFieldsManagers':['scaler','injector']"),
	  "{'spec':{'containers':[{'name':'main','image':'x','cpu':1},{'name':'side'}],"
	  "'replicas':3,'set':['a','b']}}",
	  "{'spec':{'containers':[{'name':'main','image':'x'}],'set':['b']}}" },
	/* what a manager has and what a pointer names, below one field */
	{ RULE("'managedFieldsManagers':['scaler'],'jsonPointers':['/spec/x']"),
	  "{'spec':{'replicas':3,'x':1,'y':2}}", "{'spec':{'y':2}}" },
	{ JQ(".spec.replicas"), "{'spec':{'replicas':3,'x':1.0}}", "{'spec':{'x':1.0}}" },
	{ JQ(".metadata.annotations.\\u0022a/b c\\u0022"),
	  "{'metadata':{'annotations':{'a/b c':'x','y':'z'}}}",
	  "{'metadata':{'annotations':{'y':'z'}}}" },
	{ JQ(".data[\\u0022tls.crt\\u0022]"), "{'data':{'tls.crt':'x','y':'z'}}",
	  "{'data':{'y':'z'}}" },
	{ JQ(".webhooks[]?.clientConfig.caBundle"),
	  "{'webhooks':[{'clientConfig':{'caBundle':'a','url':'u'}},{'clientConfig':{'url':'v'}}]}",
	  "{'webhooks':[{'clientConfig':{'url':'u'}},{'clientConfig':{'url':'v'}}]}" },
	{ JQ(".webhooks[]?.clientConfig.caBundle"), "{'spec':1}", "{'spec':1}" },
	{ JQ(".spec.list[1].image"), "{'spec':{'list':[{'image':'a'},{'image':'b','n':1}]}}",
	  "{'spec':{'list':[{'image':'a'},{'n':1}]}}" },
	{ JQ(".spec.map[].x"), "{'spec':{'map':{'a':{'x':1,'y':2},'b':{'x':1,'z':3}}}}",
	  "{'spec':{'map':{'a':{'y':2},'b':{'z':3}}}}" },
	{ JQ(".spec.list[] | select(.name == \\u0022b\\u0022) | .image"),
	  "{'spec':{'list':[{'image':'x','name':'a'},{'image':'y','name':'b'}]}}",
	  "{'spec':{'list':[{'image':'x','name':'a'},{'name':'b'}]}}" },
	{ JQ(".spec.list[]? | select(.name==\\u0022b\\u0022 or .name == \\u0022c\\u0022)"),
	  "{'spec':{'list':[{'name':'a'},{'name':'b'},{'name':'c','x':1}]}}",
	  "{'spec':{'list':[{'name':'a'}]}}" },
	{ JQ(".spec.list[]|select(.name==\\u0022b\\u0022 and .port==80).image"),
	  "{'spec':{'list':[{'image':1,'name':'b','port':80},{'image':1,'name':'b','port':81}]}}",
	  "{'spec':{'list':[{'name':'b','port':80},{'image':1,'name':'b','port':81}]}}" },
	{ JQ(".spec.list[] | select(.name == \\u0022b\\u0022) | .env[] | select(.name == \\u0022E\\u0022).value"),
	  "{'spec':{'list':[{'env':[{'name':'E','value':'1'},{'name':'F','value':'2'}],'name':'b'}]}}",
	  "{'spec':{'list':[{'env':[{'name':'E'},{'name':'F','value':'2'}],'name':'b'}]}}" },
	/* what is said of any item holds for one of which more is said */
	{ JQ(".spec.list[].x','.spec.list[] | select(.name == \\u0022b\\u0022) | .y','.spec.list[0].z"),
	  "{'spec':{'list':[{'name':'a','x':1,'y':1,'z':1},{'name':'b','x':1,'y':1,'z':1}]}}",
	  "{'spec':{'list':[{'name':'a','y':1},{'name':'b','z':1}]}}" },
	{ RULE("'jqPathExpressions':['.spec.list[].x'],'jsonPointers':['/spec/list/0/y']"),
	  "{'spec':{'list':[{'n':0,'x':1,'y':1},{'x':1,'y':1}]}}",
	  "{'spec':{'list':[{'n':0},{'y':1}]}}" },
	/* nor does one way to name an item hide what is said of it by another */
	{ JQ(".spec.list[] | select(.name == \\u0022b\\u0022) | .x','.spec.list[]|select(.port==80)|.y','.spec.list[1].z"),
	  "{'spec':{'list':[{'name':'a','port':80,'x':1,'y':1,'z':1},{'name':'b','port':80,'x':1,'y':1,'z':1}]}}",
	  "{'spec':{'list':[{'name':'a','port':80,'x':1,'z':1},{'name':'b','port':80}]}}" },
	{ JQ(".spec.list[0].m[].v','.spec.list[] | select(.p == 80).m.k.w"),
	  "{'spec':{'list':[{'m':{'k':{'v':1,'w':1,'x':1},'l':{'v':1,'w':1}},'p':80}]}}",
	  "{'spec':{'list':[{'m':{'k':{'x':1},'l':{'w':1}},'p':80}]}}" },
	{ RULE("'managedFieldsManagers':['injector'],'jqPathExpressions':"
	       "['.spec.containers[]|select(.image==\\u0022x\\u0022).image']"),
	  "{'spec':{'containers':[{'cpu':1,'image':'x','name':'main'}]}}",
	  "{'spec':{'containers':[{'name':'main'}]}}" },
	/* what is not there is null to jq */
	{ JQ(".spec.list[] | select(.class == null) | .x"),
	  "{'spec':{'list':[{'n':1,'x':1},{'class':null,'x':1},{'class':{},'x':1},{'class':'a','x':1},7]}}",
	  "{'spec':{'list':[{'n':1},{'class':null},{'class':{},'x':1},{'class':'a','x':1},7]}}" },
	/* a name is no index: an error of jq, which removes nothing */
	{ JQ(".spec.list.\\u00220\\u0022"), "{'spec':{'list':[{'x':1}]}}",
	  "{'spec':{'list':[{'x':1}]}}" },
};

/* Whose entries the last case speaks of. */
static const char live_text[] =
	"{'metadata':{'managedFields':["
	"{'manager':'scaler','operation':'Update','subresource':'scale','fieldsV1':"
	"{'f:spec':{'f:replicas':{}}}},"
	"{'manager':'injector','fieldsV1':{'f:spec':{'f:containers':{"
	"'k:{\\u0022name\\u0022:\\u0022side\\u0022}':{},"
	"'k:{\\u0022name\\u0022:\\u0022main\\u0022}':{'.':{},'f:cpu':{}}},"
	"'f:set':{'v:\\u0022a\\u0022':{}}}}},"
	"{'manager':'odd','fieldsV1':7},{'manager':'injector','fieldsV1':{}},8]}}";

static char *quoted(const char *text)
{
	char *s = xstrdup(text);

	for (char *p = s; *p; p++)
		if (*p == '\'')
			*p = '"';
	return s;
}

static void bodies_lose_what_is_ignored(void **state)
{
	_cleanup_json_ json_t *live = parse(live_text);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		_cleanup_json_ json_t *rules = parse(cuts[i].rules);
		_cleanup_json_ json_t *tree = ignore_tree(rules, &web, live);
		_cleanup_free_ char *body = quoted(cuts[i].body);
		_cleanup_free_ char *left = quoted(cuts[i].left);
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct err err = ERR_INIT;

		if (ignore_cut_body(body, strlen(body), tree, &out, &err))
			fail_msg("%s: %s", body, err.msg);
		if (strcmp(buf_str(&out), left))
			fail_msg("%s\nbecame %s\nnot    %s", body, buf_str(&out), left);
	}
}

/* The cut of a tree is the cut of its bytes, but for what is left empty. */
static void trees_lose_the_same(void **state)
{
	_cleanup_json_ json_t *live = parse(live_text);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		_cleanup_json_ json_t *rules = parse(cuts[i].rules);
		_cleanup_json_ json_t *tree = ignore_tree(rules, &web, live);
		_cleanup_json_ json_t *body = parse(cuts[i].body);
		_cleanup_json_ json_t *want = parse(cuts[i].left);
		_cleanup_json_ json_t *got = ignore_cut(body, tree);

		if (i == 1)
			json_object_set_new(want, "spec", json_object());
		if (!doc_equal(got, want))
			fail_msg("case %zu", i);
	}
}

static void broken_bodies_are_refused(void **state)
{
	static const char *const bodies[] = {
		"", "[", "{", "{\"spec\"", "{\"spec\":", "{\"spec\":{\"replicas\":3}",
		"{\"spec\":{\"replicas\":3}}x", "{\"spec\":{\"a\":1 \"b\":2}}", "7",
		"{\"spec\":[1,{]}", "{\"spec\":{\"replicas\":\"}}",
	};
	_cleanup_json_ json_t *tree = json_object();

	(void)state;
	ignore_add_pointer(tree, "/spec/replicas");
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct err err = ERR_INIT;

		if (!ignore_cut_body(bodies[i], strlen(bodies[i]), tree, &out, &err))
			fail_msg("%s became %s", bodies[i], buf_str(&out));
		assert_int_equal(err.code, ERR_INTERNAL);
	}
}

static void pointers_have_a_depth(void **state)
{
	_cleanup_json_ json_t *tree = json_object();
	_cleanup_buf_ struct buf p = BUF_INIT;
	const json_t *node = tree;
	unsigned depth = 0;

	(void)state;
	for (unsigned i = 0; i < IGNORE_MAX_DEPTH + 50; i++)
		buf_adds(&p, "/a");
	ignore_add_pointer(tree, buf_str(&p));
	while ((node = json_object_get(node, "p:a")))
		depth++;
	assert_int_equal(depth, IGNORE_MAX_DEPTH);
}

static void fields_of_bodies_are_found(void **state)
{
	_cleanup_free_ char *body =
		quoted("{'metadata':{'spec':{'replicas':1}},'spec':{'a':[{'replicas':2}],"
		       "'clusterIP':'None','replicas':12}}");
	size_t n, len = strlen(body);
	const char *v;

	(void)state;
	v = body_field(body, len, &n, "spec", "replicas", NULL);
	assert_true(v && n == 2 && !memcmp(v, "12", 2));
	v = body_field(body, len, &n, "spec", "clusterIP", NULL);
	assert_true(v && n == 6 && !memcmp(v, "\"None\"", 6));
	assert_null(body_field(body, len, &n, "spec", "other", NULL));
	assert_null(body_field(body, len, &n, "spec", "a", "replicas", NULL));
	assert_null(body_field(body, len, &n, "status", "x", NULL));
	assert_null(body_field("[]", 2, &n, "spec", NULL));
	assert_null(body_field("{\"spec\":", 8, &n, "spec", NULL));
}

/* ---- fingerprints ---- */

/* What of it syncd applied. The second argument: fields of syncd. */
static json_t *object(const char *spec, const char *fields)
{
	_cleanup_free_ char *text = xasprintf(
		"{'spec':%s,'metadata':{'managedFields':[{'manager':'syncd','operation':"
		"'Apply','fieldsType':'FieldsV1','fieldsV1':{'f:spec':%s}}]}}", spec,
		fields);

	return parse(text);
}

static const struct {
	const char *what, *pointer;
	const char *spec_a, *fields_a, *spec_b, *fields_b;
	bool same;
} prints[] = {
	{ "an ignored value", "/spec/replicas",
	  "{'replicas':1,'x':1}", "{'f:replicas':{},'f:x':{}}",
	  "{'replicas':7,'x':1}", "{'f:replicas':{},'f:x':{}}", true },
	{ "taken over by another", "/spec/replicas",
	  "{'replicas':1,'x':1}", "{'f:replicas':{},'f:x':{}}",
	  "{'replicas':7,'x':1}", "{'f:x':{}}", true },
	{ "another field", "/spec/replicas",
	  "{'replicas':1,'x':1}", "{'f:replicas':{},'f:x':{}}",
	  "{'replicas':1,'x':2}", "{'f:replicas':{},'f:x':{}}", false },
	{ "all below a field", "/spec/map/a",
	  "{'map':{'a':1},'x':1}", "{'f:map':{'f:a':{}},'f:x':{}}",
	  "{'map':{'a':2},'x':1}", "{'f:x':{}}", true },
	{ "all below an item", "/spec/list/0/image",
	  "{'list':[{'name':'a','image':'1'}],'x':1}",
	  "{'f:list':{'k:{\\u0022name\\u0022:\\u0022a\\u0022}':{'f:image':{}}},'f:x':{}}",
	  "{'list':[{'name':'a','image':'2'}],'x':1}", "{'f:x':{}}", true },
	{ "another item", "/spec/list/0/image",
	  "{'list':[{'name':'a'},{'name':'b','image':'1'}]}",
	  "{'f:list':{'k:{\\u0022name\\u0022:\\u0022b\\u0022}':{'f:image':{}}}}",
	  "{'list':[{'name':'a'},{'name':'b','image':'2'}]}",
	  "{'f:list':{'k:{\\u0022name\\u0022:\\u0022b\\u0022}':{'f:image':{}}}}", false },
	{ "a part of what is owned whole", "/spec/map/a",
	  "{'map':{'a':1,'b':1}}", "{'f:map':{}}",
	  "{'map':{'a':2,'b':1}}", "{'f:map':{}}", true },
	{ "the other part of it", "/spec/map/a",
	  "{'map':{'a':1,'b':1}}", "{'f:map':{}}",
	  "{'map':{'a':1,'b':2}}", "{'f:map':{}}", false },
	{ "nothing is left", "/spec",
	  "{'x':1}", "{'f:x':{}}", "{'x':2}", "{'f:x':{}}", true },
};

static void fingerprints_leave_out_what_is_ignored(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(prints); i++) {
		_cleanup_json_ json_t *tree = json_object();
		_cleanup_json_ json_t *a = object(prints[i].spec_a, prints[i].fields_a);
		_cleanup_json_ json_t *b = object(prints[i].spec_b, prints[i].fields_b);
		char pa[65], pb[65], all[65], none[65];

		ignore_add_pointer(tree, prints[i].pointer);
		assert_int_equal(fingerprint_without(a, "syncd", tree, pa, NULL, NULL), 0);
		assert_int_equal(fingerprint_without(b, "syncd", tree, pb, NULL, NULL), 0);
		if (!strcmp(pa, pb) != prints[i].same || !*pa)
			fail_msg("%s: %s %s", prints[i].what, pa, pb);
		assert_int_equal(fingerprint_owned(a, "syncd", all, NULL, NULL), 0);
		assert_int_equal(fingerprint_without(a, "syncd", NULL, none, NULL, NULL), 0);
		assert_string_equal(all, none);
	}
}

/* Ours is the map, applied empty; theirs is what they put into it. */
static void an_empty_map_has_room_for_others(void **state)
{
	static const struct {
		const char *map, *theirs;	/* theirs: what another's entry has below */
		bool same;
	} cases[] = {
		{ "{}", "{}", true },
		{ "{'a':1}", "{'f:a':{}}", true },
		{ "{'a':1,'b':2}", "{'f:a':{},'f:b':{}}", true },
		{ "{'a':1,'b':2}", "{'f:a':{}}", false },	/* nobody's: counted */
		{ "{'a':1}", "{}", false },	/* another says that all of it is his */
	};
	char first[65];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *text = xasprintf("{'spec':{'map':%s},'metadata':{"
			"'managedFields':[{'manager':'other','fieldsV1':{'f:spec':{"
			"'f:map':%s}}},7,{'manager':'syncd','operation':'Apply',"
			"'fieldsType':'FieldsV1','fieldsV1':{'f:spec':{'f:map':{}}}}]}}",
			cases[i].map, cases[i].theirs);
		_cleanup_json_ json_t *o = parse(text);
		char print[65];

		assert_int_equal(fingerprint_owned(o, "syncd", print, NULL, NULL), 0);
		if (!i)
			memcpy(first, print, sizeof(first));
		if (!strcmp(first, print) != cases[i].same)
			fail_msg("%s", text);
	}
}

/* What somebody took while it was ignored is Git's again when the rule goes. */
static void other_rules_give_other_fingerprints(void **state)
{
	static const char *const rules[] = {
		"[]", RULE("'jsonPointers':['/spec/replicas']"),
		RULE("'jsonPointers':['/spec/other']"),
		RULE("'managedFieldsManagers':['nobody']"),
		"[{'group':'apps','kind':'StatefulSet','jsonPointers':['/spec/x']}]",
	};
	_cleanup_json_ json_t *o = object("{'x':1}", "{'f:x':{}}");
	char got[ARRAY_LEN(rules)][65];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		_cleanup_json_ json_t *list = parse(rules[i]);
		_cleanup_json_ json_t *tree = ignore_tree(list, &web, o);

		assert_int_equal(fingerprint_without(o, "syncd", tree, got[i], NULL,
						     NULL), 0);
		for (size_t j = 0; j < i; j++)
			assert_int_equal(!strcmp(got[i], got[j]),
					 i == 4 && j == 0);
	}
}

static void what_is_handed_over_is_ours_and_ignored(void **state)
{
	static const struct {
		const char *pointer, *spec, *fields, *want;	/* want NULL: nothing */
	} cases[] = {
		{ "/spec/replicas", "{'replicas':7,'x':1}", "{'f:replicas':{},'f:x':{}}",
		  "{'spec':{'replicas':7}}" },
		{ "/spec/replicas", "{'replicas':7,'x':1}", "{'f:x':{}}", NULL },
		{ "/spec/replicas", "{'x':1}", "{'f:replicas':{},'f:x':{}}", NULL },
		{ "/spec/list/1/image",
		  "{'list':[{'name':'a','image':'1'},{'name':'b','image':'2','z':3}]}",
		  "{'f:list':{'k:{\\u0022name\\u0022:\\u0022b\\u0022}':{'f:image':{},"
		  "'f:name':{},'f:z':{}},'k:{\\u0022name\\u0022:\\u0022a\\u0022}':"
		  "{'f:image':{}}}}",
		  "{'spec':{'list':[{'name':'b','image':'2'}]}}" },
		{ "/spec/map", "{'map':{'a':1,'theirs':2}}", "{'f:map':{'f:a':{}}}",
		  "{'spec':{'map':{'a':1}}}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_json_ json_t *tree = json_object();
		_cleanup_json_ json_t *o = object(cases[i].spec, cases[i].fields);
		_cleanup_json_ json_t *want = cases[i].want ? parse(cases[i].want) : NULL;
		_cleanup_json_ json_t *got = NULL;

		ignore_add_pointer(tree, cases[i].pointer);
		got = fingerprint_extract(o, "syncd", tree);
		if (want ? !got || !doc_equal(got, want) : got != NULL)
			fail_msg("case %zu", i);
	}
}

static void aggregated_rules_are_the_clusters(void **state)
{
	static const struct objkey role = { "rbac.authorization.k8s.io", "ClusterRole",
					    "", "all" };
	_cleanup_json_ json_t *live = parse("{'aggregationRule':{},'rules':[1]}");
	_cleanup_json_ json_t *plain = parse("{'rules':[1]}");
	_cleanup_json_ json_t *tree = ignore_tree(NULL, &role, live);
	_cleanup_json_ json_t *rules = ignore_field(tree, "rules");

	(void)state;
	assert_true(ignore_is_all(rules));
	assert_null(ignore_tree(NULL, &role, plain));
	assert_null(ignore_tree(NULL, &web, live));
}

/* Each with what is not understood; NULL: all of it is. */
static void of_jq_paths_are_understood(void **state)
{
	static const struct { const char *expression, *rest; } cases[] = {
		{ ".a", NULL }, { ".a.b_1?.c", NULL }, { " .a | .b ", NULL },
		{ ".[\"a\"][0][]", NULL }, { ".a[] | select(.b == true)", NULL },
		{ "", "" }, { ".", "." }, { "a", "a" }, { "..", "." }, { ".a |", ".a |" },
		{ ".a..b", ".b" }, { ".a[", ".a[" }, { ".a[-1]", "-1]" }, { ".a[1:2]", ":2]" },
		{ ".a[99999999999]", "99999999999]" }, { ".a[\"b\\(.c)\"]", "]" },
		{ ".a | keys", "keys" }, { ".a + .b", "+ .b" }, { "del(.a)", "del(.a)" },
		{ "select(.a == 1)", ".a == 1)" }, { ".a | select(.b == 1)", ".b == 1)" },
		{ ".a[] | select(.b | test(\"x\"))", "| test(\"x\"))" },
		{ ".a[] | select(.b != 1)", "!= 1)" }, { ".a[] | select(.b.c == 1)", ".c == 1)" },
		{ ".a[] | select(.b == 1 or .c == 2 and .d == 3)", ")" },
		{ ".a[] | select(.b == 1", ".a[] | select(.b == 1" },
		{ ".a[] | select(.b == )", ")" }, { ".a[] | select(.b == [])", "[])" },
		{ ".a, .b", ", .b" }, { ".a as $x | .b", "as $x | .b" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *words = cases[i].rest ?
			xasprintf("; not \"%s\": write", cases[i].rest) : NULL;
		_cleanup_json_ json_t *tree = json_object();
		struct err err = ERR_INIT;
		int r = ignore_add_jq(tree, cases[i].expression, &err);

		if (words ? !r || !strstr(err.msg, words) : r != 0)
			fail_msg("%s: %s", cases[i].expression, err.msg);
		assert_int_equal(json_object_size(tree), words ? 0 : 1);
	}
}

static void long_expressions_of_jq_are_refused(void **state)
{
	_cleanup_buf_ struct buf steps = BUF_INIT, any = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < 64; i++)
		buf_adds(&steps, ".a");
	assert_int_equal(ignore_add_jq(NULL, buf_str(&steps), &err), 0);
	buf_adds(&steps, ".a");
	assert_int_equal(ignore_add_jq(NULL, buf_str(&steps), &err), -1);
	for (size_t i = 0; i < 2048; i++)
		buf_adds(&steps, ".a");
	err = (struct err)ERR_INIT;
	assert_int_equal(ignore_add_jq(NULL, buf_str(&steps), &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	buf_adds(&any, ".a[] | select(.b == 0");
	for (size_t i = 1; i < 16; i++)
		buf_addf(&any, " or .b == %zu", i);
	buf_adds(&any, ")");
	assert_int_equal(ignore_add_jq(NULL, buf_str(&any), &err), 0);
	buf_clear(&any);
	buf_adds(&any, ".a[] | select(.b == 0");
	for (size_t i = 1; i < 17; i++)
		buf_addf(&any, " or .b == %zu", i);
	buf_adds(&any, ")");
	assert_int_equal(ignore_add_jq(NULL, buf_str(&any), &err), -1);
}

/* An entry that no API server wrote: it names nothing, and nothing is read behind it. */
static void odd_steps_name_nothing(void **state)
{
	_cleanup_json_ json_t *node = json_pack("{s{}s{}s{}s{}s{}}", "", "k", "k:", "o:{}", "v:{");
	_cleanup_(ignore_list_deinit) struct ignore_list l = { .node = node };
	_cleanup_json_ json_t *item = json_pack("{ss}", "name", "a");

	(void)state;
	assert_null(ignore_item(&l, 0, item));
	assert_null(ignore_item(&l, 1, NULL));
}

/* [[[...{"x":1,"y":1}...]]], each an item of a map whose key every rule names. */
static json_t *nested(size_t depth)
{
	json_t *v = json_pack("{sisi}", "x", 1, "y", 1);

	for (size_t i = 0; i < depth; i++)
		v = json_pack("{siso}", "a", 1, "l", json_pack("[o]", v));
	return v;
}

/* Each doubled what came before it, when every way to a field had its own branch. */
static void nested_choices_cost_what_they_are_long(void **state)
{
	_cleanup_json_ json_t *list = json_array(), *rules = NULL, *tree = NULL;
	_cleanup_json_ json_t *value = nested(30), *less = NULL, *at = NULL;
	_cleanup_buf_ struct buf one = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < 29; i++)
		buf_adds(&one, i ? ".l[] | select(.a == 1 or .x == 1) | " : ".l[]|");
	buf_adds(&one, ".l[] | select(.x == 1 or .y == 1) | .x");
	json_array_append_new(list, json_string(buf_str(&one)));
	for (size_t i = 0; i < 30; i++) {
		buf_clear(&one);
		for (size_t k = 0; k < 60; k++)
			buf_adds(&one, k != 2 * i ? ".[]" : ".l");
		buf_addf(&one, ".y%zu", i);
		json_array_append_new(list, json_string(buf_str(&one)));
	}
	rules = json_pack("[{sssssO}]", "group", "apps", "kind", "Deployment",
			  "jqPathExpressions", list);
	tree = ignore_tree(rules, &web, NULL);
	assert_non_null(tree);
	less = ignore_cut(value, tree);
	at = json_incref(less);
	for (size_t i = 0; i < 30; i++) {
		json_t *below = json_array_get(json_object_get(at, "l"), 0);

		json_incref(below);
		json_decref(at);
		at = below;
	}
	assert_null(json_object_get(at, "x"));
	assert_non_null(json_object_get(at, "y"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_speak_of_what_their_globs_fit),
		cmocka_unit_test(bodies_lose_what_is_ignored),
		cmocka_unit_test(trees_lose_the_same),
		cmocka_unit_test(broken_bodies_are_refused),
		cmocka_unit_test(pointers_have_a_depth),
		cmocka_unit_test(fields_of_bodies_are_found),
		cmocka_unit_test(fingerprints_leave_out_what_is_ignored),
		cmocka_unit_test(an_empty_map_has_room_for_others),
		cmocka_unit_test(other_rules_give_other_fingerprints),
		cmocka_unit_test(what_is_handed_over_is_ours_and_ignored),
		cmocka_unit_test(aggregated_rules_are_the_clusters),
		cmocka_unit_test(of_jq_paths_are_understood),
		cmocka_unit_test(long_expressions_of_jq_are_refused),
		cmocka_unit_test(odd_steps_name_nothing),
		cmocka_unit_test(nested_choices_cost_what_they_are_long),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
