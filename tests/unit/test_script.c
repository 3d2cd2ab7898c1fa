/* Health scripts: the contract with Argo CD's, the limits, the codec. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/mem.h"
#include "health/script.h"

static const struct script_limits normal = SCRIPT_LIMITS;

#define OBJECT                                                                \
	"{\"kind\":\"Database\",\"metadata\":{\"name\":\"db\",\"generation\":2},"   \
	"\"spec\":{\"nodes\":[1,2,3],\"ratio\":0.5,\"paused\":false,\"none\":null},"  \
	"\"status\":{\"phase\":\"Ready\",\"conditions\":["                            \
	"{\"type\":\"Synced\",\"status\":\"True\"},"                                  \
	"{\"type\":\"Ready\",\"status\":\"False\",\"message\":\"no disk\"}]}}"

static struct health run(const char *script, const struct script_limits *limits)
{
	struct err err = ERR_INIT;
	_cleanup_json_ json_t *o = doc_parse(OBJECT, strlen(OBJECT), &err);

	assert_non_null(o);
	return script_run(script, o, limits);
}

struct scripted {
	const char *script, *status, *message;
};

static void check(const struct scripted *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct health h = run(c[i].script, &normal);

		if (strcmp(health_str(h.status), c[i].status) ||
		    strcmp(h.message, c[i].message))
			fail_msg("%s\n  want: %s, %s\n  got:  %s, %s",
				 c[i].script, c[i].status, c[i].message,
				 health_str(h.status), h.message);
	}
}

static void a_script_answers(void **state)
{
	static const struct scripted cases[] = {
		{ "hs = {} hs.status = 'Healthy' hs.message = 'all well' return hs",
		  "Healthy", "all well" },
		{ "return { status = 'Suspended' }", "Suspended", "" },
		{ "return { status = 'Missing', message = 7 }", "Missing", "7" },
		{ "local hs = { status = 'Progressing', message = 'waits' }\n"
		  "for i, c in ipairs(obj.status.conditions) do\n"
		  "  if c.type == 'Ready' and c.status == 'False' then\n"
		  "    hs.status = 'Degraded' hs.message = c.message\n"
		  "  end\n"
		  "end\n"
		  "return hs", "Degraded", "no disk" },
		/* values arrive as what they are */
		{ "return { status = 'Healthy', message = obj.metadata.name .. "
		  "#obj.spec.nodes .. obj.spec.nodes[3] .. obj.spec.ratio .. "
		  "tostring(obj.spec.paused) .. tostring(obj.spec.none) }",
		  "Healthy", "db330.5falsenil" },
		{ "if obj.metadata.generation == 2 then "
		  "return { status = 'Healthy' } end", "Healthy", "" },
		{ "return { status = 'Healthy', message = string.format('%d of %d', "
		  "math.max(1, 2), table.concat({ 3 })) }", "Healthy", "2 of 3" },
		{ "return nil, { status = 'Healthy' }", "Healthy", "" },
		{ "for _, c in ipairs({ 1 }) do\n goto on\n ::on::\n end\n"
		  "return { status = 'Healthy' }", "Healthy", "" },
		/* no answer is no rule */
		{ "", "", "" },
		{ "return nil", "", "" },
		{ "return {}", "", "" },
		/* what is wrong is Unknown */
		{ "return 'Healthy'", "Unknown",
		  "expect table output from Lua script, not string" },
		{ "return { status = 'healthy' }", "Unknown",
		  "Lua returned an invalid health status" },
		{ "return { message = 'x' }", "Unknown",
		  "Lua returned an invalid health status" },
		{ "return { status = {} }", "Unknown",
		  "Lua returned an invalid health status" },
		{ "return { status = 'Healthy', message = {} }", "Healthy", "" },
		{ "\nreturn obj.nothing.more", "Unknown",
		  "health.lua:2: attempt to index a nil value (field 'nothing')" },
		{ "error('said so')", "Unknown", "health.lua:1: said so" },
		{ "error({})", "Unknown",
		  "the health script failed without a word" },
		{ "retrun", "Unknown",
		  "health.lua:1: syntax error near <eof>" },
		{ "\x1bLua", "Unknown", "attempt to load a binary chunk (mode is 't')" },
	};

	(void)state;
	check(cases, ARRAY_LEN(cases));
}

#define IS_NIL(what) { "if " what " == nil then return { status = 'Healthy' } end "  \
		       "return { status = 'Degraded', message = '" what "' }",	      \
		       "Healthy", "" }

/* Nothing reads or writes files, starts programs, or makes code of text. */
static void a_script_cannot_get_out(void **state)
{
	static const struct scripted cases[] = {
		IS_NIL("load"), IS_NIL("loadstring"), IS_NIL("loadfile"),
		IS_NIL("dofile"), IS_NIL("require"), IS_NIL("print"),
		IS_NIL("collectgarbage"), IS_NIL("warn"), IS_NIL("io"),
		IS_NIL("debug"), IS_NIL("package"), IS_NIL("coroutine"),
		IS_NIL("os.execute"), IS_NIL("os.exit"), IS_NIL("os.remove"),
		IS_NIL("os.rename"), IS_NIL("os.tmpname"), IS_NIL("os.getenv"),
		IS_NIL("os.setlocale"), IS_NIL("string.dump"),
		IS_NIL("_G.load"), IS_NIL("xpcall"),
		{ "return { status = ('x').dump and 'Degraded' or 'Healthy' }",
		  "Healthy", "" },
		{ "setmetatable({}, { __gc = function() while true do end end })",
		  "Unknown", "health.lua:1: __gc is not allowed" },
		{ "local m = {} setmetatable({}, m) "
		  "m.__gc = function() while true do end end "
		  "return { status = 'Healthy' }", "Healthy", "" },
		{ "local t = setmetatable({}, { __index = function() return 'x' end }) "
		  "return { status = 'Healthy', message = t.y }", "Healthy", "x" },
		{ "return { status = 'Healthy', message = getmetatable("
		  "setmetatable(setmetatable({}, {}), nil)) }", "Healthy", "" },
		{ "setmetatable(setmetatable({}, { __metatable = 1 }), {})",
		  "Unknown", "health.lua:1: cannot change a protected metatable" },
		{ "setmetatable({}, 7)", "Unknown", "health.lua:1: bad argument #2 "
		  "to 'setmetatable' (nil or table expected, got number)" },
	};

	(void)state;
	check(cases, ARRAY_LEN(cases));
}

/* What Lua 5.1 has under other names. */
static void scripts_of_lua_51_run(void **state)
{
	static const struct scripted cases[] = {
		{ "return { status = 'Healthy', message = "
		  "table.getn(obj.spec.nodes) }", "Healthy", "3" },
		{ "local a, b = unpack({ 4, 5 }) return { status = 'Healthy', "
		  "message = a + b }", "Healthy", "9" },
		{ "return { status = 'Healthy', message = math.pow(2, 3) }",
		  "Healthy", "8.0" },
		{ "return { status = 'Healthy', message = os.difftime(os.time{ "
		  "year = 2026, month = 1, day = 1, hour = 1 }, os.time{ year = "
		  "2026, month = 1, day = 1, hour = 0 }) }", "Healthy", "3600.0" },
		{ "table.getn(7)", "Unknown", "health.lua:1: bad argument #1 to "
		  "'getn' (table expected, got number)" },
		{ "math.pow('x', 1)", "Unknown", "health.lua:1: bad argument #1 to "
		  "'pow' (number expected, got string)" },
	};

	(void)state;
	check(cases, ARRAY_LEN(cases));
}

static void limits_hold(void **state)
{
	static const struct script_limits few = { 100000, (size_t)32 << 20, 60000 };
	static const struct script_limits little = { 10000000, 1 << 20, 60000 };
	static const struct script_limits none = { 1000, 1000, 60000 };
	static const struct script_limits brief = { UINT64_MAX, (size_t)32 << 20, 30 };
	static const char *const endless[] = {
		"while true do end",
		"local function f() return f() end f()",
		"while true do pcall(function() while true do end end) end",
		"while true do pcall(error) end",
		"local t <close> = setmetatable({}, { __close = function() "
			"while true do end end }) while true do end",
		"table.sort(obj.spec.nodes, function() while true do end end)",
		"setmetatable(_G, { __index = function(t, k) return t[k .. 'x'] end }) "
			"return { status = y }",
	};
	static const char *const hungry[] = {
		"local t = {} while true do t[#t + 1] = 'x' end",
		"return { status = 'Healthy', message = ('x'):rep(1 << 24) }",
		"local s = 'x' while true do s = s .. s end",
		"local t = {} while true do t = { t } end",
	};
	struct health h;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(endless); i++) {
		h = run(endless[i], &few);
		assert_int_equal(h.status, HEALTH_UNKNOWN);
		h = run(endless[i], &brief);
		assert_int_equal(h.status, HEALTH_UNKNOWN);
	}
	h = run("while true do end", &few);
	assert_string_equal(h.message, "health.lua:1: the script takes more than "
			    "100000 instructions");
	h = run("while true do end", &brief);
	assert_string_equal(h.message, "health.lua:1: the script takes longer than "
			    "30 ms");
	for (size_t i = 0; i < ARRAY_LEN(hungry); i++) {
		h = run(hungry[i], &little);
		assert_int_equal(h.status, HEALTH_UNKNOWN);
		assert_string_equal(h.message, "not enough memory");
	}
	h = run("return {}", &none);
	assert_string_equal(h.message, "not enough memory");
	h = run("local function f() return 1 + f() end f()", &normal);
	assert_int_equal(h.status, HEALTH_UNKNOWN);
}

static void too_much_is_refused(void **state)
{
	_cleanup_free_ char *script = xcalloc(1, SCRIPT_MAX + 2);
	_cleanup_json_ json_t *deep = json_object();
	json_t *at = deep;
	struct health h;

	(void)state;
	memset(script, ' ', SCRIPT_MAX + 1);
	assert_string_equal(run(script, &normal).message,
			    "the health script is too long");
	script[SCRIPT_MAX] = '\0';
	assert_string_equal(run(script, &normal).message, "");
	for (int i = 0; i < 300; i++) {
		json_object_set_new(at, "a", json_array());
		at = json_object_get(at, "a");
		json_array_append_new(at, json_object());
		at = json_array_get(at, 0);
	}
	h = script_run("return {}", deep, &normal);
	assert_string_equal(h.message, "the object is nested deeper than 200 levels");
}

/* Whatever a script says, it can be shown and put into JSON. */
static void words_are_cleaned(void **state)
{
	struct health h = run("return { status = 'Healthy', message = "
			      "'a\\xff\\nb\\0c' }", &normal);

	(void)state;
	assert_string_equal(h.message, "a\xef\xbf\xbd b");
	h = run("return { status = 'Healthy', message = ('\\u{e9}'):rep(1000) }",
		&normal);
	assert_int_equal(strlen(h.message), 254);
}

static void the_codec_goes_both_ways(void **state)
{
	_cleanup_json_ json_t *o = json_pack("{s:s}", "kind", "Database");
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_free_ char *script = NULL;
	_cleanup_json_ json_t *object = NULL;
	struct health in = { .status = HEALTH_DEGRADED, .message = "a \"b\"" }, out;
	struct err err = ERR_INIT;

	(void)state;
	script_request_encode("return '\"'\n", o, &b);
	assert_int_equal(script_request_decode(buf_str(&b), b.len, &script, &object,
					       &err), 0);
	assert_string_equal(script, "return '\"'\n");
	assert_true(json_equal(object, o));
	buf_clear(&b);
	script_answer_encode(&in, &b);
	assert_int_equal(script_answer_decode(buf_str(&b), b.len, &out, &err), 0);
	assert_int_equal(out.status, HEALTH_DEGRADED);
	assert_string_equal(out.message, "a \"b\"");
	buf_clear(&b);
	in.status = HEALTH_NONE;
	script_answer_encode(&in, &b);
	assert_int_equal(script_answer_decode(buf_str(&b), b.len, &out, &err), 0);
	assert_int_equal(out.status, HEALTH_NONE);
}

static void odd_messages_are_refused(void **state)
{
	static const char *const odd[] = {
		"", "x", "[]", "{}", "{\"script\":1,\"object\":{}}",
		"{\"script\":\"\",\"object\":[]}", "{\"status\":1}",
		"{\"status\":\"Well\",\"message\":\"\"}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		struct err err = ERR_INIT;
		json_t *object = NULL;
		char *script = NULL;
		struct health h;

		assert_int_equal(script_request_decode(odd[i], strlen(odd[i]),
						       &script, &object, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		err = (struct err)ERR_INIT;
		assert_int_equal(script_answer_decode(odd[i], strlen(odd[i]), &h,
						      &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_script_answers),
		cmocka_unit_test(a_script_cannot_get_out),
		cmocka_unit_test(scripts_of_lua_51_run),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(words_are_cleaned),
		cmocka_unit_test(the_codec_goes_both_ways),
		cmocka_unit_test(odd_messages_are_refused),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
