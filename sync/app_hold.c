/*
 * What holds an application back: the annotations syncd.dev/pin, syncd.dev/suspend
 * and syncd.dev/depends-on. A hold that cannot be read holds all the same: whoever
 * wrote it wanted nothing to move.
 */
#include <string.h>

#include "app_spec_priv.h"
#include "sync/approve.h"

#define MAX_DEPENDS 32
#define MAX_WORDS 400

static char *words_of(const json_t *j, const char *key)
{
	const char *s = doc_get_str(j, key, NULL);

	return xstrndup(s ? s : "", MAX_WORDS);
}

/* {"by": "ada", "reason": "...", "until": "2026-01-02T03:04:05Z"}, or plain words. */
static void decode_hold(struct app_spec *s, const json_t *annotations,
			const char *key, struct app_hold *h)
{
	const char *text = doc_get_str(annotations, key, NULL);
	const char *until;
	_cleanup_json_ json_t *j = NULL;

	if (!text)
		return;
	h->set = true;
	j = *text == '{' ? doc_parse(text, strlen(text), NULL) : NULL;
	if (!j) {
		h->by = xstrdup("");
		h->why = xstrndup(text, MAX_WORDS);
		return;
	}
	h->by = words_of(j, "by");
	h->why = words_of(j, "reason");
	until = doc_get_str(j, "until", NULL);
	if (!until)
		return;
	h->until_ms = time_parse_rfc3339(until);
	if (h->until_ms > 0)
		return;
	h->until_ms = 0;
	spec_warn(s, "annotation %s: until \"%.40s\" is not a time such as "
		  "2026-01-02T03:04:05Z: it holds until it is taken off", key, until);
}

bool app_hold_active(const struct app_hold *h, int64_t now_ms)
{
	return h->set && (!h->until_ms || now_ms < h->until_ms);
}

/* False when there are too many. */
static bool add_dependency(struct app_spec *s, const char *name, size_t len)
{
	bool has_ns = memchr(name, '/', len);

	if (s->n_depends == MAX_DEPENDS) {
		spec_error(s, "annotation syncd.dev/depends-on: at most %d names",
			   MAX_DEPENDS);
		return false;
	}
	s->depends = xrealloc(s->depends, (s->n_depends + 1) * sizeof(*s->depends));
	s->depends[s->n_depends++] = has_ns ? xstrndup(name, len) :
		xasprintf("%s/%.*s", s->ns, (int)len, name);
	return true;
}

/* Names beside the Application, or "namespace/name", between commas or blanks. */
static void decode_depends(struct app_spec *s, const json_t *annotations)
{
	const char *text = doc_get_str(annotations, "syncd.dev/depends-on", NULL);

	while (text && *text) {
		size_t n = strcspn(text, ", \t\n");

		if (n && !add_dependency(s, text, n))
			return;
		text += n + (text[n] != '\0');
	}
}

void app_holds_decode(struct app_spec *s, const json_t *annotations)
{
	decode_hold(s, annotations, "syncd.dev/pin", &s->pin);
	decode_hold(s, annotations, "syncd.dev/suspend", &s->suspend);
	decode_depends(s, annotations);
	approve_decode(&s->approval, annotations);
	s->control = xstrdup(doc_get_str(annotations, "syncd.dev/deploy-control", NULL));
	s->environment = xstrdup(doc_get_str(annotations, "syncd.dev/environment", NULL));
}
