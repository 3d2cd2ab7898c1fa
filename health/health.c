/*
 * Which rule judges an object, and what the answers are called.
 *
 * An object on its way out is Progressing, whatever its kind. Then the kind's
 * own rule, else its conditions. Nothing can fail: what cannot be read is NONE.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "rules.h"

static const char *const names[] = {
	[HEALTH_NONE] = "",
	[HEALTH_HEALTHY] = "Healthy",
	[HEALTH_SUSPENDED] = "Suspended",
	[HEALTH_PROGRESSING] = "Progressing",
	[HEALTH_MISSING] = "Missing",
	[HEALTH_DEGRADED] = "Degraded",
	[HEALTH_UNKNOWN] = "Unknown",
};
static_assert(ARRAY_LEN(names) == HEALTH_N, "every status has a name");

const char *health_str(enum health_status s)
{
	return (unsigned)s < HEALTH_N ? names[s] : "";
}

enum health_status health_from_str(const char *s)
{
	for (int i = HEALTH_NONE + 1; s && i < HEALTH_N; i++) {
		if (!strcmp(s, names[i]))
			return (enum health_status)i;
	}
	return HEALTH_NONE;
}

enum health_status health_worse(enum health_status a, enum health_status b)
{
	return a > b ? a : b;
}

/* The longest prefix of text that fits in max bytes and ends a character. */
static size_t utf8_fit(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
		max--;
	return max;
}

void text_copy(char *out, size_t size, const char *text)
{
	size_t len = text ? strlen(text) : 0;
	size_t fit = utf8_fit(text, len, size - 1);

	if (fit < len)
		fit = utf8_fit(text, len, size - 4);
	if (fit)
		memcpy(out, text, fit);
	strcpy(out + fit, fit < len ? "..." : "");
}

struct health health_text(enum health_status status, const char *text)
{
	struct health h = { .status = status };

	text_copy(h.message, sizeof(h.message), text);
	return h;
}

struct health health_say(enum health_status status, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	return health_text(status, text);
}

/*
 * A finished hook is held by our finalizer so that its result can be read: it is
 * judged by what it did although its deletion has begun.
 */
bool health_is_held(const json_t *object)
{
	const json_t *list = doc_get(object, "metadata", "finalizers", NULL);
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		const char *s = json_string_value(item);

		if (s && !strcmp(s, HEALTH_HOOK_FINALIZER))
			return true;
	}
	return false;
}

/* "apps/v1" -> "apps", "v1" -> ""; false when it is too long to be a group. */
static bool group_of(const json_t *object, char *group, size_t size)
{
	const char *v = doc_get_str(object, "apiVersion", NULL);
	const char *slash = v ? strchr(v, '/') : NULL;
	size_t len = slash ? (size_t)(slash - v) : 0;

	if (!v || len >= size)
		return false;
	memcpy(group, v, len);
	group[len] = '\0';
	return true;
}

struct health health_assess(const json_t *object)
{
	const char *kind = doc_get_str(object, "kind", NULL);
	const struct health_row *row;
	char group[254];

	if (!kind || !group_of(object, group, sizeof(group)))
		return health_text(HEALTH_NONE, NULL);
	if (doc_get_str(object, "metadata", "deletionTimestamp", NULL) &&
	    !health_is_held(object))
		return health_text(HEALTH_PROGRESSING, "Pending deletion");
	row = health_row(group, kind);
	if (!row)
		return health_conditions(object);
	return row->assess ? row->assess(object) : health_text(HEALTH_NONE, NULL);
}

bool health_is_evidence(const char *group, const char *kind)
{
	const struct health_row *row =
		health_row(group ? group : "", kind ? kind : "");

	return row && row->evidence;
}
