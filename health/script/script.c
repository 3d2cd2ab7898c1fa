/*
 * One health script in one Lua state that nothing outlives.
 *
 * All of it happens in a protected call: libraries, the object as tables, the
 * script, its answer. What can go wrong there is an error with words: the script's
 * own, one of Lua's, a limit. Not stopped here is a pattern that takes for ever
 * inside string.find: the worker's deadline ends that.
 *
 * Argo CD runs Lua 5.1: what its scripts use of that and 5.4 has under another name
 * is given to them.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/mem.h"
#include "core/utf8.h"
#include "health/script.h"

#define EACH 1000		/* instructions between two looks at the limits */
#define DEEPEST 200		/* levels of an object */
#define MESSAGE_MAX 4096

struct run {
	const char *script;
	const json_t *object;
	const struct script_limits *limits;
	uint64_t steps;
	size_t used;
	uint64_t began;
	struct health result;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static struct run *run_of(lua_State *l)
{
	return *(struct run **)lua_getextraspace(l);
}

/* Lua's allocator: old is no size where there was no block. */
static void *give(void *arg, void *block, size_t old, size_t size)
{
	struct run *r = arg;
	void *got;

	if (!block)
		old = 0;
	if (!size) {
		free(block);
		r->used -= old;
		return NULL;
	}
	if (size > old && size - old > r->limits->memory - r->used)
		return NULL;
	got = realloc(block, size);
	if (got)
		r->used += size - old;
	return got;
}

static void look(lua_State *l, lua_Debug *at)
{
	struct run *r = run_of(l);

	r->steps += EACH;
	if (r->steps <= r->limits->steps && now_ms() - r->began < r->limits->ms)
		return;
	/* From now on at each instruction: a pcall of the script's is no way out. */
	lua_sethook(l, look, LUA_MASKCOUNT, 1);
	lua_getinfo(l, "l", at);
	if (r->steps > r->limits->steps)
		lua_pushfstring(l, "health.lua:%d: the script takes more than %I "
				"instructions", at->currentline,
				(LUAI_UACINT)r->limits->steps);
	else
		lua_pushfstring(l, "health.lua:%d: the script takes longer than "
				"%d ms", at->currentline, (int)r->limits->ms);
	lua_error(l);
}

/* ---- libraries ---- */

static int length(lua_State *l)
{
	luaL_checktype(l, 1, LUA_TTABLE);
	lua_pushinteger(l, luaL_len(l, 1));
	return 1;
}

static int power(lua_State *l)
{
	luaL_checknumber(l, 1);
	luaL_checknumber(l, 2);
	lua_settop(l, 2);
	lua_arith(l, LUA_OPPOW);
	return 1;
}

/* What collects runs without hooks, and so without limits. */
static int set_metatable(lua_State *l)
{
	luaL_checktype(l, 1, LUA_TTABLE);
	luaL_argexpected(l, lua_isnoneornil(l, 2) || lua_istable(l, 2), 2,
			 "nil or table");
	lua_settop(l, 2);
	if (lua_istable(l, 2)) {
		lua_pushstring(l, "__gc");
		if (lua_rawget(l, 2) != LUA_TNIL)
			return luaL_error(l, "__gc is not allowed");
		lua_pop(l, 1);
	}
	if (luaL_getmetafield(l, 1, "__metatable") != LUA_TNIL)
		return luaL_error(l, "cannot change a protected metatable");
	lua_setmetatable(l, 1);
	return 1;
}

static void take_away(lua_State *l, const char *const *names)
{
	for (; *names; names++) {
		lua_pushnil(l);
		lua_setfield(l, -2, *names);
	}
}

static void open_time(lua_State *l)
{
	static const char *const kept[] = { "time", "date", "difftime" };

	luaL_requiref(l, "os", luaopen_os, 0);
	lua_newtable(l);
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		lua_getfield(l, -2, kept[i]);
		lua_setfield(l, -2, kept[i]);
	}
	lua_setglobal(l, "os");
	lua_pop(l, 1);
}

static void open_libraries(lua_State *l)
{
	static const char *const unsafe[] = {
		"load", "loadfile", "dofile", "print", "collectgarbage",
		/* Its handler runs without hooks when it handles a limit. */
		"warn", "require", "xpcall", NULL,
	};
	static const char *const bytes[] = { "dump", NULL };

	luaL_requiref(l, "_G", luaopen_base, 1);
	take_away(l, unsafe);
	lua_pushcfunction(l, set_metatable);
	lua_setfield(l, -2, "setmetatable");
	luaL_requiref(l, "string", luaopen_string, 1);
	take_away(l, bytes);
	luaL_requiref(l, "math", luaopen_math, 1);
	lua_pushcfunction(l, power);
	lua_setfield(l, -2, "pow");
	luaL_requiref(l, "table", luaopen_table, 1);
	lua_pushcfunction(l, length);
	lua_setfield(l, -2, "getn");
	lua_getfield(l, -1, "unpack");
	lua_setglobal(l, "unpack");
	open_time(l);
	/* The table of what is loaded holds the whole of os. */
	lua_pushnil(l);
	lua_setfield(l, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	lua_settop(l, 0);
}

/* ---- the object ---- */

static void push(lua_State *l, const json_t *j, unsigned depth);

static void push_object(lua_State *l, const json_t *j, unsigned depth)
{
	const char *key;
	json_t *value;

	lua_createtable(l, 0, (int)json_object_size(j));
	json_object_foreach((json_t *)j, key, value) {
		push(l, value, depth);
		lua_setfield(l, -2, key);
	}
}

static void push_array(lua_State *l, const json_t *j, unsigned depth)
{
	const json_t *value;
	size_t i;

	lua_createtable(l, (int)json_array_size(j), 0);
	json_array_foreach((json_t *)j, i, value) {
		push(l, value, depth);
		lua_rawseti(l, -2, (lua_Integer)i + 1);
	}
}

static void push(lua_State *l, const json_t *j, unsigned depth)
{
	if (depth > DEEPEST)
		luaL_error(l, "the object is nested deeper than %d levels", DEEPEST);
	luaL_checkstack(l, 4, "an object");
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		push_object(l, j, depth + 1);
		return;
	case JSON_ARRAY:
		push_array(l, j, depth + 1);
		return;
	case JSON_STRING:
		lua_pushlstring(l, json_string_value(j), json_string_length(j));
		return;
	case JSON_INTEGER:
		lua_pushinteger(l, json_integer_value(j));
		return;
	case JSON_REAL:
		lua_pushnumber(l, json_real_value(j));
		return;
	case JSON_TRUE:
	case JSON_FALSE:
		lua_pushboolean(l, json_is_true(j));
		return;
	case JSON_NULL:
		lua_pushnil(l);
		return;
	}
}

/* ---- the answer ---- */

static struct health say(enum health_status status, const char *words)
{
	struct health h = { .status = status };
	_cleanup_free_ char *clean = utf8_clean(words, sizeof(h.message) - 1);

	strcpy(h.message, clean);
	return h;
}

/* A field of the table at -1 as text; "" when it is none. Left on the stack. */
static const char *field(lua_State *l, const char *name)
{
	int type = lua_getfield(l, -1, name);

	return type == LUA_TSTRING || type == LUA_TNUMBER ? lua_tostring(l, -1) : "";
}

static bool is_empty(lua_State *l)
{
	lua_pushnil(l);
	if (!lua_next(l, -2))
		return true;
	lua_pop(l, 2);
	return false;
}

static void read_answer(lua_State *l, struct health *ret)
{
	enum health_status status;

	if (lua_isnoneornil(l, -1) || (lua_istable(l, -1) && is_empty(l)))
		return;
	if (!lua_istable(l, -1))
		luaL_error(l, "expect table output from Lua script, not %s",
			   luaL_typename(l, -1));
	status = health_from_str(field(l, "status"));
	lua_pop(l, 1);
	if (status == HEALTH_NONE)
		*ret = say(HEALTH_UNKNOWN,
			   "Lua returned an invalid health status");
	else
		*ret = say(status, field(l, "message"));
}

static int work(lua_State *l)
{
	struct run *r = lua_touserdata(l, 1);

	lua_settop(l, 0);
	open_libraries(l);
	push(l, r->object, 0);
	lua_setglobal(l, "obj");
	/* Text only: Lua does not check what it is given as byte code. */
	if (luaL_loadbufferx(l, r->script, strlen(r->script), "=health.lua", "t"))
		return lua_error(l);
	lua_sethook(l, look, LUA_MASKCOUNT, EACH);
	lua_call(l, 0, LUA_MULTRET);
	lua_sethook(l, NULL, 0, 0);
	if (!lua_gettop(l))
		lua_pushnil(l);
	read_answer(l, &r->result);
	return 0;
}

struct health script_run(const char *script, const json_t *object,
			 const struct script_limits *limits)
{
	struct run r = {
		.script = script, .object = object, .limits = limits,
		.began = now_ms(),
	};
	lua_State *l;

	if (strlen(script) > SCRIPT_MAX)
		return say(HEALTH_UNKNOWN, "the health script is too long");
	l = lua_newstate(give, &r);
	if (!l)
		return say(HEALTH_UNKNOWN, "not enough memory");
	*(struct run **)lua_getextraspace(l) = &r;
	lua_pushcfunction(l, work);
	lua_pushlightuserdata(l, &r);
	if (lua_pcall(l, 1, 0, 0)) {
		const char *why = lua_tostring(l, -1);

		r.result = say(HEALTH_UNKNOWN, why ? why :
			       "the health script failed without a word");
	}
	lua_close(l);
	return r.result;
}
