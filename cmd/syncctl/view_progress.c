/*
 * Progress as lines that read the same on a terminal and in CI: one when an
 * operation's phase, a wave or an unwell object's message changes.
 */
#include "views.h"

#include "core/mem.h"

#define MAX_OBJECTS 50	/* told per wave: a CI log is not a table */

static const char *text(const char *s)
{
	return s ? s : "";
}

static void stamp(const struct view_env *env, struct buf *out)
{
	char now[32];

	time_rfc3339(env->now_ms, now);
	buf_addf(out, "%.8s  ", now + 11);
}

/* Has this subject something new to say? */
static bool is_news(struct view_progress *p, const char *subject,
		    const char *words)
{
	const char *before;

	if (!p->told)
		p->told = json_object();
	before = doc_get_str(p->told, subject, NULL);
	if (before && !strcmp(before, words))
		return false;
	json_object_set_new(p->told, subject, json_string(words));
	return true;
}

static void tell(struct view_progress *p, const struct view_env *env,
		 const char *subject, const struct buf *words, struct buf *out)
{
	_cleanup_buf_ struct buf clean = BUF_INIT;

	view_clean(&clean, buf_str(words));
	if (!is_news(p, subject, buf_str(&clean)))
		return;
	stamp(env, out);
	buf_addf(out, "%s\n", buf_str(&clean));
}

static void tell_phase(struct view_progress *p, const struct view_app *a,
		       const struct view_env *env, struct buf *out)
{
	const json_t *op = doc_get(a->status, "operationState", NULL);
	const char *message = doc_get_str(op, "message", NULL);
	_cleanup_buf_ struct buf b = BUF_INIT, phase = BUF_INIT;

	if (op) {
		buf_addf(&b, "operation %s: revision ",
			 text(doc_get_str(op, "phase", NULL)));
		view_revisions(&b, doc_get(op, "syncResult", NULL));
		if (message && !a->running)
			buf_addf(&b, ": %s", message);
		tell(p, env, "operation", &b, out);
	}
	if (!a->phase[0])
		return;
	buf_addf(&phase, "phase %s", a->phase);
	if (a->target)
		buf_addf(&phase, ", release #%lld",
			 (long long)doc_get_int(a->target, 0, "id", NULL));
	tell(p, env, "phase", &phase, out);
}

static void tell_wave(struct view_progress *p, const struct view_app *a,
		      const struct view_env *env, struct buf *out)
{
	const json_t *waves = doc_get(a->syncd, "waves", NULL);
	size_t of, at = view_wave(a, &of);
	const json_t *w = at ? json_array_get(waves, at - 1) : NULL;
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (!w || doc_get_bool(a->operation, false, "applied", NULL))
		return;
	buf_addf(&b, "wave %lld (%zu of %zu): %lld of %lld applied, %lld healthy",
		 (long long)doc_get_int(w, 0, "wave", NULL), at, of,
		 (long long)doc_get_int(w, 0, "applied", NULL),
		 (long long)doc_get_int(w, 0, "objects", NULL),
		 (long long)doc_get_int(w, 0, "healthy", NULL));
	tell(p, env, "wave", &b, out);
}

static bool tell_object(struct view_progress *p, const json_t *r,
			const struct view_env *env, struct buf *out)
{
	const char *health = doc_get_str(r, "health", "status", NULL);
	const char *message = doc_get_str(r, "health", "message", NULL);
	_cleanup_free_ char *subject = xasprintf("%s/%s/%s/%s",
		text(doc_get_str(r, "group", NULL)),
		text(doc_get_str(r, "kind", NULL)),
		text(doc_get_str(r, "namespace", NULL)),
		text(doc_get_str(r, "name", NULL)));
	_cleanup_buf_ struct buf b = BUF_INIT;
	bool well = !health || !strcmp(health, "Healthy");

	/* Well from the start is not worth a line; neither is "not yet there". */
	if ((well || !strcmp(health, "Missing")) && !doc_get(p->told, subject, NULL))
		return false;
	buf_addf(&b, "%s %s/%s", well ? "  ok:     " : "  waiting:",
		 text(doc_get_str(r, "kind", NULL)),
		 text(doc_get_str(r, "name", NULL)));
	if (!well)
		buf_addf(&b, ": %s%s%s", health, message ? ": " : "", text(message));
	tell(p, env, subject, &b, out);
	return true;
}

void view_progress(struct view_progress *p, const json_t *app,
		   const struct view_env *env, struct buf *out)
{
	const json_t *r;
	struct view_app a;
	size_t i, n = 0;

	view_app_init(&a, app);
	tell_phase(p, &a, env, out);
	tell_wave(p, &a, env, out);
	json_array_foreach((json_t *)doc_get(a.status, "resources", NULL), i, r)
		if (n < MAX_OBJECTS && tell_object(p, r, env, out))
			n++;
	view_app_deinit(&a);
}

void view_progress_deinit(struct view_progress *p)
{
	json_decref(p->told);
	p->told = NULL;
}
