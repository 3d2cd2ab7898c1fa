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
