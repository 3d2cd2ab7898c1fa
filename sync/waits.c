#include "sync/waits.h"

#include <stddef.h>
#include <stdio.h>
#include <strings.h>

#include "core/doc.h"
#include "sync/app_spec.h"

#define MAX_WAIT_MS ((uint64_t)168 * 3600 * 1000)
#define PRODUCTION_MS 600000	/* a wave of production, where nobody says otherwise */

#define FIELDS(name) offsetof(struct app_spec, name), offsetof(struct app_defaults, name)
static const struct {
	const char *key;
	bool may_be_zero;
	size_t field, from;	/* where they are */
} waits[] = {
	[WAIT_SOAK] = { "syncd.dev/soak", true, FIELDS(soak_ms) },
	[WAIT_WAVE_DEADLINE] = { "syncd.dev/wave-deadline", false,
				 FIELDS(wave_deadline_ms) },
	[WAIT_HOOK_DEADLINE] = { "syncd.dev/hook-deadline", false,
				 FIELDS(hook_deadline_ms) },
	[WAIT_DEGRADED_GRACE] = { "syncd.dev/degraded-grace", true,
				  FIELDS(degraded_grace_ms) },
	[WAIT_PULL_GRACE] = { "syncd.dev/pull-grace", true, FIELDS(pull_grace_ms) },
	[WAIT_CRASH_GRACE] = { "syncd.dev/crash-grace", true, FIELDS(crash_grace_ms) },
};
_Static_assert(ARRAY_LEN(waits) == WAIT_N, "a row per wait");

static bool take(size_t i, const char *text, uint64_t *ret_ms, char words[200])
{
	struct err err = ERR_INIT;

	if (duration_parse(text, ret_ms, &err))
		snprintf(words, 200, "annotation %s: %.140s", waits[i].key, err.msg);
	else if (*ret_ms > MAX_WAIT_MS || (!*ret_ms && !waits[i].may_be_zero))
		snprintf(words, 200, "annotation %s: \"%.40s\" must be %s and at most 168h",
			 waits[i].key, text, waits[i].may_be_zero ? "0 or more" :
								     "more than 0");
	else
		return true;
	return false;
}

void waits_decode(struct waits *w, const json_t *annotations,
		  void (*bad)(void *arg, const char *words), void *arg)
{
	*w = (struct waits){ 0 };
	for (size_t i = 0; i < WAIT_N; i++) {
		const char *text = doc_get_str(annotations, waits[i].key, NULL);
		char words[200];

		if (!text)
			continue;
		if (take(i, text, &w->ms[i], words))
			w->said |= 1u << i;
		else
			bad(arg, words);
	}
}

static bool is_production(const char *environment)
{
	return environment && (!strcasecmp(environment, "prod") ||
			       !strcasecmp(environment, "production"));
}

void waits_settle(struct app_spec *s, const struct waits *project,
		  const char *environment, const struct app_defaults *defaults)
{
	for (size_t i = 0; i < WAIT_N; i++) {
		uint64_t ms;

		memcpy(&ms, (const char *)defaults + waits[i].from, sizeof(ms));
		if (i == WAIT_WAVE_DEADLINE && ms < PRODUCTION_MS &&
		    is_production(environment))
			ms = PRODUCTION_MS;
		if (project && project->said & 1u << i)
			ms = project->ms[i];
		if (s->waits.said & 1u << i)
			ms = s->waits.ms[i];
		memcpy((char *)s + waits[i].field, &ms, sizeof(ms));
	}
}
