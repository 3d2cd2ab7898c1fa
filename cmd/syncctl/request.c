/*
 * A request in the Application's operation field, followed exactly to its end. One
 * of another person that is already there is respected unless --force. Ctrl-C stops
 * the following, not the operation.
 */
#include "syncctl.h"

#include <stdio.h>

#define TRIES 5			/* of the write: the status changes often */
#define PATIENCE_MS 15000	/* until it is said that nobody takes it */

struct sync {
	const struct options *o;
	const struct asking *asking;
	struct view_progress progress;
	char id[20];
	int64_t asked_ms;
	enum view_outcome outcome;
	bool complained, misused;
	json_t *app;		/* as last seen */
};

/* Which sources there are is read from the very Application that it is written to. */
static json_t *make_operation(struct sync *s, const json_t *app, struct err *err)
{
	const struct options *o = s->o;
	const char *user = getenv("USER");
	struct view_picks picks;
	struct view_request r = {
		.id = s->id, .user = s->asking->user ? s->asking->user :
				     user && user[0] ? user : "syncctl",
		.picks = &picks, .prune = o->prune, .dry_run = o->dry_run,
		.resources = o->resources.data, .n_resources = o->resources.n,
		.options = s->asking->options,
	};

	if (view_pick(app, &o->named, &picks, err) ||
	    (!o->dry_run && view_lasts(app, &picks, err)))
		return NULL;
	return view_request_json(&r, err);
}

/* One attempt: read, refuse when busy, write on what was read. */
static int try_to_ask(struct cluster *c, struct sync *s, struct err *err)
{
	const struct options *o = s->o;
	_cleanup_json_ json_t *app = cluster_get(c, o->args[0], err);
	_cleanup_json_ json_t *patch = NULL, *operation = NULL;
	_cleanup_free_ char *words = NULL;

	if (!app)
		return -1;
	operation = make_operation(s, app, err);
	s->misused = !operation;
	if (!operation)
		return -1;
	if (view_is_taken(app, &words) && !o->force)
		return err_set(err, ERR_LIMIT, "%s: %s; wait for it (syncctl wait "
			       "--operation %s), or replace it with --force", o->args[0],
			       words, o->args[0]);
	patch = json_pack("{s{ss}so}", "metadata", "resourceVersion",
			  doc_get_str(app, "metadata", "resourceVersion", NULL),
			  "operation", view_replace_patch(doc_get(app, "operation", NULL),
							  operation));
	return cluster_patch(c, o->args[0], patch, err);
}

static int ask(struct cluster *c, struct sync *s, struct err *err)
{
	for (int i = 0; i < TRIES; i++) {
		*err = ERR_INIT;
		if (!try_to_ask(c, s, err))
			return 0;
		if (err->code != ERR_CONFLICT)
			return -1;
	}
	return -1;
}

static void complain_once(struct sync *s, const struct view_env *env)
{
	if (s->complained || env->now_ms - s->asked_ms < PATIENCE_MS)
		return;
	s->complained = true;
	fprintf(stderr, "syncctl: nobody has taken the request yet: does syncd run, and does "
		"it serve this namespace?\n");
}

static bool on_change(const json_t *app, void *arg)
{
	struct sync *s = arg;
	struct view_env env = output_env(s->o);
	_cleanup_buf_ struct buf out = BUF_INIT;

	s->outcome = view_outcome(app, s->id);
	if (s->outcome == OUTCOME_WAITING)
		complain_once(s, &env);
	if (s->outcome == OUTCOME_WAITING || s->outcome == OUTCOME_LOST)
		return s->outcome == OUTCOME_LOST;
	view_progress(&s->progress, app, &env, &out);
	output_text(&out);
	json_decref(s->app);
	s->app = json_incref((json_t *)app);
	return s->outcome != OUTCOME_RUNNING;
}

static int conclude(const struct sync *s)
{
	const char *message = doc_get_str(s->app, "status", "operationState", "message",
					  NULL);
	_cleanup_buf_ struct buf clean = BUF_INIT;

	view_clean(&clean, message);
	if (s->outcome == OUTCOME_DONE)
		return EXIT_DONE;
	if (s->outcome == OUTCOME_LOST)
		fprintf(stderr, "syncctl: the request was withdrawn or replaced by another\n");
	else
		fprintf(stderr, "syncctl: the %s failed%s%s\n", s->asking->what,
			clean.len ? ": " : "", buf_str(&clean));
	return EXIT_DIFFERENCE;
}

static int follow(struct cluster *c, struct sync *s, int64_t timeout_ms)
{
	struct err err = ERR_INIT;
	const char *name = s->o->args[0];
	int r;

	s->asked_ms = output_env(s->o).now_ms;
	if (!cluster_follow(c, name, on_change, s, (uint64_t)timeout_ms, &err)) {
		r = conclude(s);
	} else {
		fprintf(stderr, "syncctl: timed out; the %s goes on: syncctl status %s\n",
			s->asking->what, name);
		r = EXIT_DIFFERENCE;
	}
	view_progress_deinit(&s->progress);
	json_decref(s->app);
	return r;
}

int request_run(struct cluster *c, const struct options *o,
		const struct asking *asking)
{
	int64_t timeout = output_timeout(o, 600000);
	uint64_t number = c->world->ops->random(c->world);
	struct sync s = { .o = o, .asking = asking };
	struct err err = ERR_INIT;

	if (timeout < 0)
		return EXIT_USAGE;
	snprintf(s.id, sizeof(s.id), "%016llx", (unsigned long long)number);
	if (ask(c, &s, &err)) {
		output_error(&err);
		return s.misused ? EXIT_USAGE :
		       err.code == ERR_LIMIT ? EXIT_DIFFERENCE : EXIT_OTHER;
	}
	if (o->async) {
		printf("asked for a %s of %s\n", asking->what, o->args[0]);
		return EXIT_DONE;
	}
	return follow(c, &s, timeout);
}
