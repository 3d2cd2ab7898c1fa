/*
 * Which kinds have a health script of their own. Keys of one script each come
 * before the map of all, as in Argo CD; what cannot be read is left out and told of.
 */
#include "sync/customize.h"

#include <stdio.h>
#include <string.h>

#include "core/node.h"
#include "glob.h"
#include "health/script.h"

#define PREFIX "resource.customizations.health."
#define MAP "resource.customizations"

static void warn(struct customize *c, char *text)
{
	if (c->warnings.len < 20)
		vec_push(&c->warnings, text);
	else
		free(text);
}

static void add(struct customize *c, char *pattern, const char *script)
{
	if (strlen(script) > SCRIPT_MAX)
		warn(c, xasprintf("the health script of %s is larger than %zu KiB",
				  pattern, SCRIPT_MAX / 1024));
	else if (c->scripts.len == CUSTOMIZE_MAX)
		warn(c, xasprintf("more than %d health scripts: that of %s is left "
				  "out", CUSTOMIZE_MAX, pattern));
	else if (*script) {
		vec_push(&c->scripts, ((struct custom){ pattern,
							xstrdup(script) }));
		return;
	}
	free(pattern);
}

/* "apps_Deployment" -> "apps/Deployment"; "Pod" is of the core group. */
static void add_key(struct customize *c, const char *key, const char *script)
{
	const char *name = key + strlen(PREFIX);
	const char *mid = strchr(name, '_');

	if (!*name || (mid && strchr(mid + 1, '_'))) {
		warn(c, xasprintf("%s: not %s<group>_<kind> or %s<kind>", key,
				  PREFIX, PREFIX));
		return;
	}
	add(c, mid ? xasprintf("%.*s/%s", (int)(mid - name), name, mid + 1) :
		     xstrdup(name), script);
}

static void add_map(struct customize *c, const char *yaml)
{
	_cleanup_buf_ struct buf json = BUF_INIT_MAX((size_t)4 << 20);
	_cleanup_json_ json_t *map = NULL;
	struct err err = ERR_INIT;
	const char *name;
	json_t *value;

	if (!node_text_to_json(yaml, strlen(yaml), &json, &err))
		map = doc_parse(buf_str(&json), json.len, &err);
	if (!map) {
		warn(c, xasprintf("%s: %s", MAP, err.msg));
		return;
	}
	json_object_foreach(map, name, value) {
		const char *script = doc_get_str(value, "health.lua", NULL);

		if (script)
			add(c, xstrdup(name), script);
	}
}

void customize_read(struct customize *c, const json_t *data)
{
	const char *map = doc_get_str(data, MAP, NULL);
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)data, key, value) {
		if (!strncmp(key, PREFIX, strlen(PREFIX)) &&
		    json_string_value(value))
			add_key(c, key, json_string_value(value));
	}
	if (map)
		add_map(c, map);
}

void customize_deinit(struct customize *c)
{
	for (size_t i = 0; i < c->scripts.len; i++) {
		free(c->scripts.data[i].pattern);
		free(c->scripts.data[i].script);
	}
	vec_deinit(&c->scripts);
	for (size_t i = 0; i < c->warnings.len; i++)
		free(c->warnings.data[i]);
	vec_deinit(&c->warnings);
}

const struct custom *customize_find(const struct customize *c, const char *group,
				    const char *kind)
{
	_cleanup_free_ char *name = xasprintf("%s%s%s", group, *group ? "/" : "",
					      kind);

	for (size_t i = 0; i < c->scripts.len; i++) {
		if (!strcmp(c->scripts.data[i].pattern, name))
			return &c->scripts.data[i];
	}
	for (size_t i = 0; i < c->scripts.len; i++) {
		if (glob_match(c->scripts.data[i].pattern, name, 0) == 1)
			return &c->scripts.data[i];
	}
	return NULL;
}
