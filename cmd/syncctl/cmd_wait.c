/*
 * syncctl wait APP: returns as soon as the application is as asked for; without
 * flags: Synced, Healthy, no operation. Says why when time runs out. It ends before
 * that, with failure, where it would wait in vain, or the application is deleted; --good
 * also when the release it saw going out was rejected.
 */
#include "syncctl.h"

#include <stdio.h>

struct waiting {
	const struct options *o;
	struct view_wait want;
	struct view_progress progress;
	struct buf missing;
	bool moved;		/* a release was seen going out */
	bool failed;
	bool gone;		/* deleted meanwhile */
	struct view_waited time;
	char *vain;		/* why it cannot come; NULL */
};

/* Pinned or failed after it went out: it will not get good by waiting. */
static bool went_bad(struct waiting *w, const json_t *app)
{
	struct view_app a;
	bool bad;

	view_app_init(&a, app);
	bad = !a.moving && (a.pinned || !strcmp(a.phase, "Failed"));
	w->moved |= a.moving;
	view_app_deinit(&a);
	return w->want.good && w->moved && bad;
}

static bool on_change(const json_t *app, void *arg)
{
	struct waiting *w = arg;
	struct view_env env = output_env(w->o);
	_cleanup_buf_ struct buf out = BUF_INIT;

	w->gone = !app;
	if (w->gone)
		return true;
	view_progress(&w->progress, app, &env, &out);
	output_text(&out);
	if (view_wait_is_met(&w->want, app, &w->missing))
		return true;
	w->failed = went_bad(w, app);
	w->time.now_ms = env.now_ms;
	if (!w->failed)
		w->vain = view_wait_in_vain(&w->want, app, &w->time);
	return w->failed || w->vain;
}

static int wait_for(struct cluster *c, const struct options *o)
{
	int64_t timeout = output_timeout(o, 600000);
	bool any = o->sync || o->health || o->operation || o->good;
	struct waiting w = { .o = o, .want = {
		any ? o->sync : true, any ? o->health : true,
		any ? o->operation : true, o->good, o->named.revision } };
	_cleanup_json_ json_t *app = NULL;
	struct err err = ERR_INIT;
	int r = EXIT_DONE;

	w.time.began_ms = output_env(o).now_ms;
	w.time.ends_ms = w.time.began_ms + timeout;
	if (timeout < 0)
		return EXIT_USAGE;
	app = cluster_get(c, o->args[0], &err);
	if (!app)
		return output_error(&err);
	if (cluster_follow(c, o->args[0], on_change, &w, (uint64_t)timeout, &err)) {
		fprintf(stderr, "syncctl: timed out waiting for %s: %s: syncctl status %s\n",
			o->args[0], w.missing.len ? buf_str(&w.missing) :
			"the API server says nothing of it", o->args[0]);
		r = EXIT_DIFFERENCE;
	} else if (w.gone) {
		fprintf(stderr, "syncctl: %s was deleted meanwhile\n", o->args[0]);
		r = EXIT_DIFFERENCE;
	} else if (w.failed) {
		fprintf(stderr, "syncctl: it went out and was rejected: syncctl status %s\n",
			o->args[0]);
		r = EXIT_DIFFERENCE;
	} else if (w.vain) {
		output_note("%s (%s)", w.vain, buf_str(&w.missing));
		r = EXIT_DIFFERENCE;
	}
	free(w.vain);
	view_progress_deinit(&w.progress);
	buf_deinit(&w.missing);
	return r;
}

int cmd_wait(const struct options *o)
{
	return cluster_run(o, wait_for);
}
