/* One Application, summed up: how it stands, in two words and a note. */
#include "views.h"

#include "core/mem.h"

static const char *text(const char *s)
{
	return s ? s : "";
}

const char *view_health_sign(const char *status, enum view_colour *ret_colour)
{
	static const struct {
		const char *status, *sign;
		enum view_colour colour;
	} signs[] = {
		{ "Healthy", "●", VIEW_GREEN }, { "Progressing", "◐", VIEW_YELLOW },
		{ "Suspended", "‖", VIEW_YELLOW }, { "Missing", "○", VIEW_RED },
		{ "Degraded", "✗", VIEW_RED },
	};

	for (size_t i = 0; i < ARRAY_LEN(signs); i++)
		if (!strcmp(signs[i].status, status)) {
			*ret_colour = signs[i].colour;
			return signs[i].sign;
		}
	*ret_colour = VIEW_FAINT;
	return "?";
}

size_t view_wave(const struct view_app *a, size_t *ret_of)
{
	const json_t *waves = doc_get(a->syncd, "waves", NULL), *w;
	int64_t now = doc_get_int(a->operation, INT64_MIN, "wave", NULL);
	size_t i;

	*ret_of = json_array_size(waves);
	json_array_foreach((json_t *)waves, i, w)
		if (doc_get_int(w, INT64_MAX, "wave", NULL) == now)
			return i + 1;
	return 0;
}

static bool phase_is(const struct view_app *a, const char *const *names)
{
	for (; *names; names++)
		if (!strcmp(a->phase, *names))
			return true;
	return false;
}

static bool is_stuck(const struct view_app *a)
{
	static const char *const stuck[] = {
		"Failed", "RevertBlocked", "RevertStalled", "Unproven", NULL };

	return phase_is(a, stuck);
}

static bool says_it_moves(const struct view_app *a)
{
	static const char *const moving[] = {
		"Preflight", "Applying", "Settling", "Soaking", "Pruning",
		"Reverting", NULL };

	return a->running || phase_is(a, moving);
}

/* Nothing moves until somebody else has: that is the first thing to know. */
static const char *stands_aside(const struct view_app *a)
{
	const json_t *list = doc_get(a->status, "conditions", NULL), *c;
	size_t i;

	json_array_foreach((json_t *)list, i, c)
		if (!strcmp(text(doc_get_str(c, "type", NULL)), "StandsAsideWarning"))
			return doc_get_str(c, "message", NULL);
	return NULL;
}

/* The first condition that is an error; warnings do not count. */
static const char *first_error(const struct view_app *a)
{
	const json_t *list = doc_get(a->status, "conditions", NULL), *c;
	size_t i;

	json_array_foreach((json_t *)list, i, c) {
		const char *type = text(doc_get_str(c, "type", NULL));
		size_t n = strlen(type);

		if (n > 5 && !strcmp(type + n - 5, "Error"))
			return doc_get_str(c, "message", NULL);
	}
	return NULL;
}

static void say_sync(struct view_app *a, const char *sign, const char *words,
		     enum view_colour colour)
{
	buf_addf(&a->sync_words, "%s ", sign);
	view_clean(&a->sync_words, words);
	a->sync_colour = colour;
}

static void say_moving(struct view_app *a)
{
	bool waves = !strcmp(a->phase, "Applying") || !strcmp(a->phase, "Settling");
	size_t of, wave = view_wave(a, &of);

	if (!waves || !wave) {
		say_sync(a, "↻", a->phase[0] ? a->phase : "Syncing", VIEW_YELLOW);
		return;
	}
	buf_addf(&a->sync_words, "↻ Wave %zu/%zu", wave, of);
	a->sync_colour = VIEW_YELLOW;
}

static void sum_up_sync(struct view_app *a)
{
	if (a->pinned && !a->moving)
		say_sync(a, "✗", "Pinned", VIEW_RED);
	else if (is_stuck(a))
		say_sync(a, "✗", a->phase, VIEW_RED);
	else if (a->moving)
		say_moving(a);
	else if (!strcmp(a->sync, "Synced"))
		say_sync(a, "✓", a->sync, VIEW_GREEN);
	else if (!strcmp(a->sync, "OutOfSync"))
		say_sync(a, "≠", a->sync, VIEW_YELLOW);
	else
		say_sync(a, "?", "Unknown", VIEW_FAINT);
}

static enum view_rank rank(const struct view_app *a, const char *error)
{
	bool sick = !strcmp(a->health, "Degraded");

	if (is_stuck(a) || (!a->moving && (a->pinned || error || sick)))
		return RANK_BROKEN;
	if (a->moving)
		return RANK_MOVING;
	if (!strcmp(a->sync, "Synced") && !strcmp(a->health, "Healthy"))
		return RANK_FINE;
	return RANK_WAITING;
}

bool view_comes_back(const struct view_app *a)
{
	return a->rejected && !a->pinned && !a->moving && !a->running &&
	       !strcmp(a->phase, "Good") && !strcmp(a->sync, "OutOfSync");
}

static void sum_up_note(struct view_app *a, const char *error)
{
	int64_t id = doc_get_int(a->pin, 0, "rejected", NULL);
	const char *why = doc_get_str(a->pin, "why", NULL);
	const char *by = doc_get_str(a->pin, "by", NULL);
	const char *reason = doc_get_str(a->rejected, "reason", NULL);
	const char *message = doc_get_str(a->syncd, "message", NULL);
	const char *health = doc_get_str(a->status, "health", "message", NULL);
	bool pinned = a->pinned && !a->moving;

	if (stands_aside(a)) {
		view_clean(&a->note, stands_aside(a));
		return;
	}
	if (pinned && id && (!by || !strcmp(by, "auto-revert")))
		buf_addf(&a->note, "#%lld reverted: ", (long long)id);
	if (pinned && message && doc_get_bool(a->pin, false, "byHand", NULL))
		view_clean(&a->note, message);	/* who, until when, and the way out */
	else if (pinned && why)
		view_clean(&a->note, why);
	else if (a->moving && message)
		view_clean(&a->note, message);
	else if (error)
		view_clean(&a->note, error);
	else if (is_stuck(a) && reason)
		view_clean(&a->note, reason);
	else if (health)
		view_clean(&a->note, health);
	else if (message)
		view_clean(&a->note, message);
	if (a->moving && message && error && !strcmp(message, "waiting to try again")) {
		buf_adds(&a->note, ": ");
		view_clean(&a->note, error);
	}
}

static void read_fields(struct view_app *a, const json_t *app)
{
	const char *op = text(doc_get_str(app, "status", "operationState",
					  "phase", NULL));

	a->app = app;
	a->status = doc_get(app, "status", NULL);
	a->syncd = view_state(app);
	a->name = text(doc_get_str(app, "metadata", "name", NULL));
	a->ns = text(doc_get_str(app, "metadata", "namespace", NULL));
	a->project = text(doc_get_str(app, "spec", "project", NULL));
	a->phase = text(doc_get_str(a->syncd, "phase", NULL));
	a->sync = text(doc_get_str(a->status, "sync", "status", NULL));
	a->health = text(doc_get_str(a->status, "health", "status", NULL));
	a->target = doc_get(a->syncd, "target", NULL);
	a->rejected = doc_get(a->syncd, "rejected", NULL);
	a->pin = doc_get(a->syncd, "pin", NULL);
	a->operation = doc_get(a->syncd, "operation", NULL);
	a->pinned = a->pin;
	a->running = !strcmp(op, "Running") || !strcmp(op, "Terminating");
	a->since = doc_get_str(a->syncd, "phaseSince", NULL);
	if (!a->project[0])
		a->project = "default";
	if (!strcmp(a->phase, "None"))
		a->phase = "";
	a->moving = says_it_moves(a);
}

void view_app_init(struct view_app *a, const json_t *app)
{
	const char *error;

	memset(a, 0, sizeof(*a));
	read_fields(a, app);
	error = first_error(a);
	a->rank = rank(a, error);
	a->health_sign = view_health_sign(a->health, &a->health_colour);
	sum_up_sync(a);
	sum_up_note(a, error);
}

void view_app_deinit(struct view_app *a)
{
	json_decref(a->syncd);
	buf_deinit(&a->sync_words);
	buf_deinit(&a->note);
}
