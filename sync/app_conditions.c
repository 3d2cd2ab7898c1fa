/*
 * What an application's conditions say. They follow from the facts at each look; what is
 * known of none (a plan, while an operation runs) leaves the warnings that need it as they
 * are, so that a condition keeps its time.
 */
#include "app_priv.h"
#include "approval.h"
#include "hook.h"
#include "settings.h"

#define MAX_SHARED 5

/* ---- errors, and who pinned it ---- */

const struct release *app_comes_back(const struct app *a)
{
	return a->held_back && !a->op && !a->rec.pin_why && a->rec.phase == PHASE_GOOD ?
	       record_release((struct record *)(uintptr_t)&a->rec, a->held_back) : NULL;
}

/* What runs while there is a pin; a newer release may be about to end it. */
static void say_what_runs(const struct app *a, struct buf *text)
{
	if (a->rec.phase >= PHASE_PREFLIGHT && a->rec.phase <= PHASE_PRUNING)
		buf_addf(text, "release #%u is on its way", a->rec.target);
	else
		buf_addf(text, "running release #%u until something new is in Git",
			 a->rec.target);
}

static void look_sync_error(struct app *a)
{
	const struct release *back = app_comes_back(a);
	_cleanup_buf_ struct buf lost = BUF_INIT, runs = BUF_INIT;

	say_what_runs(a, &runs);
	fights_describe(&a->fights, &lost);
	if (a->sync_err.code)
		app_set_condition(a, "SyncError", "%s", a->sync_err.msg);
	else if (lost.len)
		app_set_condition(a, "SyncError", "no longer healed, as somebody changed it "
				  "back %d times within 10 minutes: %s; see who (kubectl "
				  "get --show-managed-fields), name the field in spec."
				  "ignoreDifferences, or sync to try again", FIGHT_HEALS,
				  buf_str(&lost));
	else if (a->rec.pin_why && !record_pin_is_by_person(&a->rec))
		app_set_condition(a, "SyncError", "%s; %s", a->rec.pin_why, buf_str(&runs));
	else if (back)
		app_set_condition(a, "SyncError", "Git says again what release #%u was, "
				  "which was rejected: %s; it does not go out%s until Git says "
				  "something else (syncctl retry %.100s tries it)", back->id,
				  back->reason ? back->reason : "",
				  back->may_pass && !back->retried ? " but for one try" : "",
				  a->spec.name);
	else
		app_clear_condition(a, "SyncError");
}

/* Somebody wanted it so, who may not be the one that looks. */
static void look_pin(struct app *a)
{
	_cleanup_buf_ struct buf runs = BUF_INIT;

	say_what_runs(a, &runs);
	if (record_pin_is_by_person(&a->rec))
		app_set_condition(a, PINNED_INFO, "%s by %.100s; %s (syncctl unpin %.100s)",
				  a->rec.pin_why, a->rec.pin_by, buf_str(&runs), a->spec.name);
	else
		app_clear_condition(a, PINNED_INFO);
}

void app_say_list(char *const *list, size_t n, struct buf *text)
{
	for (size_t i = 0; i < n; i++)
		buf_addf(text, "%s%s", text->len ? "; " : "", list[i]);
}

static void look_errors(struct app *a)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct err source;

	app_say_list(a->spec.errors, a->spec.n_errors, &text);
	if (a->project_err.code && !a->project_err.retry)
		buf_addf(&text, "%s%s", text.len ? "; " : "", a->project_err.msg);
	if (text.len)
		app_set_condition(a, "InvalidSpecError", "%s", buf_str(&text));
	else
		app_clear_condition(a, "InvalidSpecError");
	if (settings_trouble(a->engine))
		app_set_condition(a, "ComparisonError", "%s",
				  settings_trouble(a->engine));
	else if (sources_error(a, &source))
		app_set_condition(a, "ComparisonError", "%s", source.msg);
	else if (a->head_err.code && !*a->rendering)
		app_set_condition(a, "ComparisonError", "%s", a->head_err.msg);
	else if (remotes_error(a, &source))
		app_set_condition(a, "ComparisonError", "%s", source.msg);
	else if (a->unlisted)
		app_set_condition(a, "ComparisonError", "%s", a->unlisted);
	else
		app_clear_condition(a, "ComparisonError");
	if (a->rec_broken)
		app_set_condition(a, "UnknownError", "the state record cannot be "
				  "read, nothing is done: %s", a->rec_broken);
	else if (!a->rec.target ||
		 (a->target && a->target_id == a->rec.target))
		app_clear_condition(a, "UnknownError");
	if (a->delete_err.code)
		app_set_condition(a, "DeletionError", "%s; it is tried again; to delete "
				  "the Application without it, remove its finalizers",
				  a->delete_err.msg);
	else
		app_clear_condition(a, "DeletionError");
	look_sync_error(a);
	look_pin(a);
	app_control_conditions(a);
	app_draw_conditions(a);
}

/* A phase that is none is never run, which nobody means. */
static void say_hooks(const struct app *a, struct buf *text)
{
	_cleanup_buf_ struct buf names = BUF_INIT;
	size_t n = 0;

	for (size_t i = 0; a->head && i < a->head->a.n_objects; i++) {
		const struct rendered *r = &a->head->a.objects[i];

		if (!(r->flags & OBJ_HOOK) || hook_phases(r))
			continue;
		if (n++ < 3)
			buf_addf(&names, "%s%s/%s (%s)", n > 1 ? ", " : "",
				 r->kind, r->name, r->hook);
	}
	if (n)
		buf_addf(text, "%zu hook%s of no phase that syncd knows and never run: "
			 "%s%s", n, n > 1 ? "s are" : " is", buf_str(&names),
			 n > 3 ? ", ..." : "");
}

static void say_project(struct app *a, struct buf *text)
{
	const struct project *p = projects_of(a, NULL);

	if (p && p->warning)
		buf_addf(text, "%s%s", text->len ? "; " : "", p->warning);
}

/* Objects that another application tracks, as the plan or the operation saw them. */
static void say_shared(const struct app *a, struct buf *text)
{
	const struct plan *p = &a->plan;
	size_t n = 0;

	for (size_t i = 0; a->plan_valid && i < p->tasks.len; i++) {
		const struct task *t = &p->tasks.data[i];
		const struct live *l = live_find(&a->engine->live, &t->key);

		if ((t->casenr != 3 && t->casenr != 23) || !l || n++ >= MAX_SHARED)
			continue;
		buf_adds(text, n > 1 ? "; " : "");
		objkey_format(&t->key, text);
		buf_addf(text, " is part of applications %s and %s", a->app_id,
			 l->app_id);
	}
	if (n > MAX_SHARED)
		buf_addf(text, " and %zu more", n - MAX_SHARED);
	if (!n && a->shared)
		buf_adds(text, a->shared);
}

static void look_warning(struct app *a, const char *type, const struct buf *text)
{
	if (text->len)
		app_set_condition(a, type, "%s", buf_str(text));
	else
		app_clear_condition(a, type);
}

/* What is not done although it is written somewhere. */
static void look_warnings(struct app *a)
{
	_cleanup_buf_ struct buf objects = BUF_INIT, spec = BUF_INIT, asks = BUF_INIT;
	_cleanup_buf_ struct buf shared = BUF_INIT, repeats = BUF_INIT;

	if (!a->spec.deleting && app_asks(a))
		approval_words(app_target_plan(a), a->spec.name, false, &asks);
	if (!a->op && (a->plan_valid || !(a->head || a->target))) {	/* else: after it */
		look_warning(a, "PruneHeldWarning", &asks);
		say_shared(a, &shared);
		look_warning(a, "SharedResourceWarning", &shared);
	}
	say_hooks(a, &objects);
	app_say_excluded(a, &objects);
	if (a->head)
		app_say_list(a->head->a.warnings, a->head->a.n_warnings, &objects);
	if (a->head)
		app_say_list(a->head->a.repeats, a->head->a.n_repeats, &repeats);
	if (a->plan_valid && a->head)
		plan_say_twins(&a->plan, &a->head->a, &repeats);
	app_say_list(a->spec.warnings, a->spec.n_warnings, &spec);
	say_project(a, &spec);
	app_signed_warn(a);
	look_warning(a, "ExcludedResourceWarning", &objects);
	if (a->plan_valid || !a->head)
		look_warning(a, "RepeatedResourceWarning", &repeats);
	look_warning(a, "InvalidSpecWarning", &spec);
}

void app_look_conditions(struct app *a)
{
	look_errors(a);
	look_warnings(a);
}
