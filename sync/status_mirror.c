/*
 * status.syncd as an annotation, for clusters whose Application CRD drops fields
 * that it does not know (Argo CD's own does). An annotation has to stay small: what
 * people need first is kept whole, and where it does not fit, long texts are cut,
 * then old releases and waves left out. Nothing here fails.
 */
#include "status_parts.h"

/* Tried in turn until one fits. */
static const struct room {
	size_t text;		/* bytes of one string */
	size_t releases, waves;
} rooms[] = {
	{ 1024, 10, 50 }, { 256, 10, 20 }, { 256, 4, 8 }, { 128, 2, 0 },
	{ 80, 0, 0 }, { 24, 0, 0 },
};

static json_t *cut(const json_t *j, size_t max);

static json_t *cut_text(const char *s, size_t max)
{
	_cleanup_free_ char *text = NULL;
	size_t n = max - 3;

	if (strlen(s) <= max)
		return json_string(s);
	while (n && (s[n] & 0xc0) == 0x80)
		n--;	/* not inside a character */
	text = xasprintf("%.*s...", (int)n, s);
	return json_string(text);
}

static json_t *cut_members(const json_t *j, size_t max)
{
	json_t *o = json_object(), *value;
	const char *key;

	json_object_foreach((json_t *)j, key, value)
		json_object_set_new(o, key, cut(value, max));
	return o;
}

static json_t *cut(const json_t *j, size_t max)
{
	if (json_is_string(j))
		return cut_text(json_string_value(j), max);
	if (json_is_object(j))
		return cut_members(j, max);
	return json_deep_copy(j);
}

static void put_first(json_t *o, const char *key, const json_t *syncd, size_t n,
		      const struct room *room)
{
	const json_t *list = json_object_get(syncd, key);
	json_t *some;

	if (!n || !json_array_size(list))
		return;
	some = json_array();
	for (size_t i = 0; i < json_array_size(list) && i < n; i++)
		json_array_append_new(some, cut(json_array_get(list, i), room->text));
	json_object_set_new(o, key, some);
}

static char *written(const json_t *syncd, const struct room *room)
{
	json_t *o = json_object(), *value;
	struct buf out = BUF_INIT;
	const char *key;

	json_object_foreach((json_t *)syncd, key, value)
		if (!json_is_array(value))
			json_object_set_new(o, key, cut(value, room->text));
	put_first(o, "releases", syncd, room->releases, room);
	put_first(o, "waves", syncd, room->waves, room);
	doc_canonical(o, &out);
	json_decref(o);
	return buf_steal(&out, NULL);
}

/* Texts of control characters grow sixfold: then the numbers alone. */
static char *least(const json_t *syncd)
{
	const char *phase = doc_get_str(syncd, "phase", NULL);
	int64_t target = doc_get_int(syncd, 0, "target", "id", NULL);
	int64_t good = doc_get_int(syncd, 0, "lastGood", "id", NULL);

	return xasprintf("{\"lastGood\":{\"id\":%lld},\"phase\":\"%.40s\","
			 "\"target\":{\"id\":%lld}}", (long long)good,
			 phase ? phase : "", (long long)target);
}

char *status_mirror(const json_t *syncd)
{
	for (size_t i = 0; i < ARRAY_LEN(rooms); i++) {
		char *s = written(syncd, &rooms[i]);

		if (strlen(s) <= STATUS_MIRROR_MAX)
			return s;
		free(s);
	}
	return least(syncd);
}
