/* syncctl wait: is the application as was asked for, and if not, what is missing? */
#include "views.h"

static void miss(struct buf *missing, const char *what, const char *is)
{
	buf_addf(missing, "%s%s", missing->len ? ", " : "", what);
	if (is && is[0]) {
		buf_adds(missing, " (");
		view_clean(missing, is);
		buf_addc(missing, ')');
	}
}

static void check_good(const struct view_app *a, struct buf *missing)
{
	int64_t target = doc_get_int(a->target, 0, "id", NULL);
	int64_t good = doc_get_int(a->syncd, 0, "lastGood", "id", NULL);

	if (strcmp(a->phase, "Good") || !target || target != good)
		miss(missing, "not good yet", a->phase);
}

/* It tells of another spec than this one. */
static void check_spec(const json_t *app, const struct view_app *a, struct buf *missing)
{
	const json_t *to = doc_get(a->status, "sync", "comparedTo", NULL);

	if (to && !view_is_of_spec(app, to))
		miss(missing, "what the spec says now was not compared yet", NULL);
}

bool view_wait_is_met(const struct view_wait *w, const json_t *app,
		      struct buf *missing)
{
	struct view_app a;
	const char *revision;

	buf_clear(missing);
	view_app_init(&a, app);
	revision = view_first_revision(doc_get(a.status, "sync", NULL));
	if (w->revision && !view_has_revision(doc_get(a.status, "sync", NULL),
					      w->revision))
		miss(missing, "Git's commit is another", revision);
	/* What is good may be the release before that revision. */
	if ((w->sync || (w->good && w->revision)) && strcmp(a.sync, "Synced"))
		miss(missing, "not Synced", a.sync);
	if (w->health && strcmp(a.health, "Healthy"))
		miss(missing, "not Healthy", a.health);
	if (w->operation && view_is_busy(app, NULL))
		miss(missing, "an operation is under way", a.phase);
	if (w->good)
		check_good(&a, missing);
	if (w->sync || w->good || w->revision)
		check_spec(app, &a, missing);
	view_app_deinit(&a);
	return !missing->len;
}

/* ---- in vain ---- */

/* It ends by itself, and before we do. */
static bool ends_in_time(const json_t *hold, const struct view_waited *t)
{
	const char *until = doc_get_str(hold, "until", NULL);
	int64_t at = until ? time_parse_rfc3339(until) : -1;

	return at > 0 && at < t->ends_ms;
}

/* "shop is pinned by ada: demo tonight; nothing new goes out until syncctl unpin shop" */
static char *held(const struct view_app *a, const json_t *hold, const char *what,
		  const char *undo)
{
	const char *by = doc_get_str(hold, "by", NULL), *why = doc_get_str(hold, "why", NULL);

	return xasprintf("%s is %s%s%s%s%s; nothing new goes out until syncctl %s %s", a->name,
			 what, by ? " by " : "", by ? by : "", why ? ": " : "", why ? why : "",
			 undo, a->name);
}

static char *held_by_hand(const struct view_app *a, const struct view_waited *t)
{
	const json_t *suspended = doc_get(a->syncd, "suspended", NULL);

	/* The status may be older than the end of it. */
	if (suspended && view_has_annotation(a->app, "syncd.dev/suspend") &&
	    !ends_in_time(suspended, t))
		return held(a, suspended, "suspended", "resume");
	if (doc_get_bool(a->pin, false, "byHand", NULL) &&
	    view_has_annotation(a->app, "syncd.dev/pin") && !ends_in_time(a->pin, t))
		return held(a, a->pin, "pinned", "unpin");
	return NULL;
}

/* Git says again what was rejected; or it was by auto-revert, or a rollback. */
static char *held_by_itself(const struct view_wait *w, const struct view_app *a,
			    const struct view_waited *t)
{
	const json_t *sync = doc_get(a->status, "sync", NULL);
	const char *why = doc_get_str(a->pin, "why", NULL);
	bool seen = w->revision && view_has_revision(sync, w->revision);

	if (!view_comes_back(a) && (!a->pinned || doc_get_bool(a->pin, false, "byHand", NULL) ||
				    ends_in_time(a->pin, t)))
		return NULL;
	if (!seen && (w->revision || t->now_ms - t->began_ms < VIEW_PATIENCE_MS))
		return NULL;
	if (!a->pinned)
		return xasprintf("what Git says was rejected: %s; it does not go out: "
				 "syncctl retry %s, or syncctl status %s",
				 doc_get_str(a->rejected, "reason", NULL), a->name, a->name);
	return xasprintf("%s is pinned%s%s; that ends with something new in Git, or syncctl retry "
			 "%s: syncctl status %s", a->name, why ? ": " : "", why ? why : "",
			 a->name, a->name);
}

char *view_wait_in_vain(const struct view_wait *w, const json_t *app,
			const struct view_waited *t)
{
	struct view_app a;
	bool lacks_sync, lacks_good;
	char *why = NULL;

	view_app_init(&a, app);
	lacks_sync = (w->sync || (w->good && w->revision)) && strcmp(a.sync, "Synced");
	lacks_good = w->good && !strcmp(a.phase, "Pinned");
	if ((lacks_sync || lacks_good) && !a.moving && !view_is_busy(app, NULL)) {
		why = held_by_hand(&a, t);
		why = why ? why : held_by_itself(w, &a, t);
	}
	view_app_deinit(&a);
	return why;
}
