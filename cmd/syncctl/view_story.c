/*
 * `syncctl status APP`: one application on one page. What runs and what Git
 * wants, how far it is, what is not well, and what to type next.
 */
#include "views.h"

#include "core/mem.h"
#include "sync/approve.h"
#include "sync/statusdoc.h"

#define MAX_OBJECTS 20

static const char *text(const char *s)
{
	return s ? s : "";
}

static void title(const struct view_env *env, struct buf *out, const char *s)
{
	buf_addc(out, '\n');
	view_coloured(out, env, VIEW_BOLD, s);
	buf_addc(out, '\n');
}

static void for_age(struct buf *out, const struct view_env *env,
		    const char *words, const char *since)
{
	_cleanup_buf_ struct buf age = BUF_INIT;

	view_age(&age, env, since);
	if (age.len)
		buf_addf(out, "%s%s", words, buf_str(&age));
}

static void git_wants(const struct view_app *a, struct buf *out)
{
	const json_t *sync = doc_get(a->status, "sync", NULL);
	const json_t *many = doc_get(sync, "revisions", NULL);
	const char *head = view_first_revision(sync);
	const char *runs = view_first_revision(a->target);
	bool same = head && runs && !strcmp(head, runs) && (!many ||
		    json_equal(many, doc_get(a->target, "revisions", NULL)));

	if (!head)
		buf_adds(out, ". What Git wants is not known yet.\n");
	else if (same ||
		 (!a->pinned && !a->moving && !strcmp(a->sync, "Synced")))
		buf_adds(out, ". Git wants the same.\n");
	else {
		buf_adds(out, ". Git wants ");
		view_revisions(out, sync);
		buf_adds(out, ".\n");
	}
}

/* The way back is refused, or does not get on: what runs is not the good release. */
static bool is_kept_from(const struct view_app *a)
{
	return !strcmp(a->phase, "RevertBlocked") || !strcmp(a->phase, "RevertStalled");
}

/* Put back after a rejection: why it is pinned says all that this would. */
static bool is_put_back(const struct view_app *a)
{
	return a->pinned && !a->moving && a->rejected && !is_kept_from(a);
}

static void headline_words(const struct view_app *a, const struct view_env *env,
			   struct buf *out)
{
	const json_t *good = doc_get(a->syncd, "lastGood", NULL);
	const char *since = doc_get_str(a->target, "healthySince", NULL);

	view_clean(out, a->name);
	if (!a->target) {
		buf_adds(out, " has nothing deployed by syncd yet");
	} else if (!strcmp(a->phase, "Reverting")) {
		buf_adds(out, " is going back to release ");
		view_release(out, a->target);
	} else if (is_kept_from(a)) {
		buf_adds(out, " does not get back to release ");
		view_release(out, a->target);
	} else if (a->pinned && !a->moving) {
		buf_adds(out, " is pinned to release ");
		view_release(out, a->target);
		if (!is_put_back(a))	/* said beside its health */
			for_age(out, env, ", healthy for ", since);
	} else if (!strcmp(text(doc_get_str(a->target, "state", NULL)), "candidate")) {
		buf_adds(out, " is going to release ");
		view_release(out, a->target);
		if (good)
			buf_addf(out, " from #%lld",
				 (long long)doc_get_int(good, 0, "id", NULL));
	} else {
		buf_adds(out, " runs release ");
		view_release(out, a->target);
		for_age(out, env, ", good for ", since);
	}
	git_wants(a, out);
}

/* What follows a rejection is cut, for it is said below, and not wrapped. */
static void headline(const struct view_app *a, const struct view_env *env,
		     struct buf *out)
{
	_cleanup_buf_ struct buf line = BUF_INIT;

	headline_words(a, env, &line);
	if (!is_put_back(a) || env->width <= 20) {
		buf_adds(out, buf_str(&line));
		return;
	}
	line.data[line.len - 1] = '\0';	/* its newline */
	view_cut(out, buf_str(&line), env->width);
	buf_addc(out, '\n');
}

static void source_line(const struct view_app *a, struct buf *out)
{
	const json_t *source = doc_get(a->app, "spec", "source", NULL);

	buf_adds(out, "Source   ");
	view_clean(out, doc_get_str(source, "repoURL", NULL));
	buf_adds(out, "  ");
	view_clean(out, doc_get_str(source, "path", NULL));
	buf_adds(out, " @ ");
	view_clean(out, doc_get_str(source, "targetRevision", NULL) ?
		   doc_get_str(source, "targetRevision", NULL) : "HEAD");
	buf_addc(out, '\n');
}

static void state_lines(const struct view_app *a, const struct view_env *env,
			struct buf *out)
{
	const char *health = doc_get_str(a->status, "health", "message", NULL);
	const char *since = doc_get_str(a->target, "healthySince", NULL);

	buf_adds(out, "Sync     ");
	view_coloured(out, env, a->sync_colour, buf_str(&a->sync_words));
	if (!strstr(buf_str(&a->sync_words), a->sync)) {
		buf_adds(out, " (");
		view_clean(out, a->sync);
		buf_addc(out, ')');
	}
	/* One line where each counts: the story of a rejection is to fit a screen. */
	buf_adds(out, is_put_back(a) && !health ? "    Health " : "\nHealth   ");
	view_coloured(out, env, a->health_colour, a->health_sign);
	buf_addc(out, ' ');
	view_clean(out, a->health[0] ? a->health : "Unknown");
	if (is_put_back(a) && !strcmp(a->health, "Healthy"))
		for_age(out, env, " for ", since);
	if (health) {
		buf_adds(out, "  ");
		view_clean(out, health);
	}
	buf_addc(out, '\n');
}

/* "deadline in 4m": how long it may go without progress. */
static void deadline_words(const struct view_app *a, const struct view_env *env,
			   struct buf *out)
{
	int64_t at = time_parse_rfc3339(doc_get_str(a->syncd, "deadline", NULL));
	char left[32];

	if (at < 0)
		return;
	duration_format(at > env->now_ms ? (uint64_t)(at - env->now_ms) : 0, left);
	if (at > env->now_ms)
		buf_addf(out, ", deadline in %s", left);
	else
		buf_adds(out, ", deadline passed");
}

static void phase_line(const struct view_app *a, const struct view_env *env,
		       struct buf *out)
{
	const char *message = doc_get_str(a->syncd, "message", NULL);

	if (!a->phase[0])
		return;
	buf_adds(out, "Phase    ");
	view_clean(out, a->phase);
	for_age(out, env, " for ", a->since);
	deadline_words(a, env, out);
	buf_addc(out, '\n');
	if (!message)
		return;
	buf_adds(out, "         ");
	view_clean(out, message);
	buf_addc(out, '\n');
}

static void operation_line(const struct view_app *a, struct buf *out)
{
	const json_t *op = doc_get(a->status, "operationState", NULL);
	const char *message = doc_get_str(op, "message", NULL);
	const char *phase = doc_get_str(a->syncd, "message", NULL);

	if (!op)
		return;
	if (message && a->phase[0] && phase && !strcmp(message, phase))
		message = NULL;	/* the phase's line says it */
	buf_adds(out, "Last op  ");
	view_clean(out, doc_get_str(op, "phase", NULL));
	buf_adds(out, "  ");
	view_revisions(out, doc_get(op, "syncResult", NULL));
	if (message) {
		buf_adds(out, "  ");
		view_clean(out, message);
	}
	buf_addc(out, '\n');
}

/* Where its project asks for them. */
static void orphans_line(const struct view_app *a, struct buf *out)
{
	long long n = doc_get_int(a->syncd, 0, "orphaned", "count", NULL);

	if (n > 0)
		buf_addf(out, "Orphans  %lld object%s of its namespace %s nobody's: syncctl "
			 "resources %s --orphaned\n", n, n > 1 ? "s" : "", n > 1 ? "are" : "is",
			 a->name);
}

static void add_number(struct view_table *t, enum view_colour colour, int64_t n)
{
	_cleanup_free_ char *s = xasprintf("%lld", (long long)n);

	view_table_add(t, colour, s);
}

static void waves(const struct view_app *a, const struct view_env *env,
		  struct buf *out)
{
	const json_t *list = doc_get(a->syncd, "waves", NULL), *w;
	struct view_table t;
	size_t i;

	if (!json_array_size(list))
		return;
	title(env, out, "Waves");
	view_table_init(&t, "  WAVE", "OBJECTS", "APPLIED", "HEALTHY", NULL);
	json_array_foreach((json_t *)list, i, w) {
		int64_t n = doc_get_int(w, 0, "objects", NULL);
		int64_t well = doc_get_int(w, 0, "healthy", NULL);
		_cleanup_free_ char *nr = xasprintf("  %lld",
			(long long)doc_get_int(w, 0, "wave", NULL));

		view_table_add(&t, VIEW_PLAIN, nr);
		add_number(&t, VIEW_PLAIN, n);
		add_number(&t, VIEW_PLAIN, doc_get_int(w, 0, "applied", NULL));
		add_number(&t, well == n ? VIEW_GREEN : VIEW_YELLOW, well);
	}
	view_table_print(&t, env, out);
	view_table_deinit(&t);
}

static void object_words(const json_t *r, struct buf *out)
{
	const char *ns = doc_get_str(r, "namespace", NULL);

	view_clean(out, doc_get_str(r, "kind", NULL));
	buf_addc(out, '/');
	if (ns) {
		view_clean(out, ns);
		buf_addc(out, '/');
	}
	view_clean(out, doc_get_str(r, "name", NULL));
}

static bool is_unwell(const json_t *r)
{
	const char *s = doc_get_str(r, "health", "status", NULL);

	return s && strcmp(s, "Healthy") && strcmp(s, "Suspended");
}

static bool is_out_of_sync(const json_t *r)
{
	return !strcmp(text(doc_get_str(r, "status", NULL)), "OutOfSync");
}

static void unwell_row(struct view_table *t, const json_t *r)
{
	const char *status = doc_get_str(r, "health", "status", NULL);
	_cleanup_buf_ struct buf name = BUF_INIT;
	enum view_colour colour;

	view_health_sign(status, &colour);
	buf_adds(&name, "  ");
	object_words(r, &name);
	view_table_add(t, VIEW_PLAIN, buf_str(&name));
	view_table_add(t, colour, status);
	view_table_add(t, VIEW_PLAIN, doc_get_str(r, "health", "message", NULL));
}

static void differing_row(struct view_table *t, const json_t *r)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	bool prune = doc_get_bool(r, false, "requiresPruning", NULL);

	buf_adds(&name, "  ");
	object_words(r, &name);
	view_table_add(t, VIEW_PLAIN, buf_str(&name));
	view_table_add(t, VIEW_YELLOW, prune ? "not in Git: to be pruned" :
		       is_unwell(r) && !strcmp("Missing", doc_get_str(r, "health",
		       "status", NULL)) ? "not in the cluster" : "differs from Git");
}

static void objects(const struct view_app *a, const struct view_env *env,
		    const char *heading, bool (*is_one)(const json_t *r),
		    void (*row)(struct view_table *t, const json_t *r),
		    size_t table_columns, struct buf *out)
{
	const json_t *list = doc_get(a->status, "resources", NULL), *r;
	struct view_table t = { .columns = table_columns };
	size_t i, n = 0;

	json_array_foreach((json_t *)list, i, r)
		if (is_one(r) && n++ < MAX_OBJECTS)
			row(&t, r);
	if (n) {
		title(env, out, heading);
		view_table_print(&t, env, out);
	}
	if (n > MAX_OBJECTS)
		buf_addf(out, "  and %zu more: syncctl get %s\n", n - MAX_OBJECTS,
			 a->name);
	view_table_deinit(&t);
}

static void asked(const struct view_app *a, const struct view_env *env,
		  struct buf *out)
{
	_cleanup_buf_ struct buf list = BUF_INIT;

	if (!view_asked(a->app, env, &list))
		return;
	title(env, out, "Waits for approval to be deleted");
	buf_add(out, list.data, list.len);
}

static void gates(const struct view_app *a, const struct view_env *env, struct buf *out)
{
	if (!json_array_size(doc_get(a->syncd, "gates", "shut", NULL)))
		return;
	buf_addc(out, '\n');
	view_gates(a->syncd, env, out);
}

/* What the first lines say already. Another thing may have gone wrong since. */
static bool is_said(const struct view_app *a, const char *type, const char *message)
{
	const char *why = doc_get_str(a->syncd, "pin", "why", NULL);

	if (!strcmp(type, PINNED_INFO))
		return true;
	return is_put_back(a) && !strcmp(type, "SyncError") &&
	       (!why || !strncmp(message, why, strlen(why)));
}

static void problems(const struct view_app *a, const struct view_env *env,
		     struct buf *out)
{
	const json_t *list = doc_get(a->status, "conditions", NULL), *c;
	bool any = false;
	size_t i;

	json_array_foreach((json_t *)list, i, c) {
		if (is_said(a, text(doc_get_str(c, "type", NULL)),
			    text(doc_get_str(c, "message", NULL))))
			continue;
		if (!any)
			title(env, out, "Problems");
		any = true;
		buf_adds(out, "  ");
		view_clean(out, doc_get_str(c, "type", NULL));
		buf_adds(out, ": ");
		view_clean(out, doc_get_str(c, "message", NULL));
		buf_addc(out, '\n');
	}
}

static bool has_condition(const struct view_app *a, const char *type)
{
	const json_t *list = doc_get(a->status, "conditions", NULL), *c;
	size_t i;

	json_array_foreach((json_t *)list, i, c)
		if (!strcmp(text(doc_get_str(c, "type", NULL)), type))
			return true;
	return false;
}

static void step(struct buf *out, const char *command, const char *name,
		 const char *words)
{
	_cleanup_buf_ struct buf line = BUF_INIT;

	buf_addf(&line, "  syncctl %s %s", command, name);
	while (line.len < 38)
		buf_addc(&line, ' ');
	buf_addf(out, "%s  %s\n", buf_str(&line), words);
}

/* Where an approval is what lacks: of the commits that Git is at, whole. */
static void approve_step(const struct view_app *a, struct buf *steps)
{
	const json_t *gates = doc_get(a->syncd, "gates", NULL), *g;
	const char *commits = text(doc_get_str(gates, "commit", NULL));
	_cleanup_buf_ struct buf what = BUF_INIT;
	size_t i;

	buf_addf(&what, "%s ", a->name);
	approve_revision(commits, &what);

	json_array_foreach(doc_get(gates, "shut", NULL), i, g) {
		if (!*commits || strcmp(text(doc_get_str(g, "gate", NULL)), "approval") ||
		    strspn(commits, "0123456789abcdef, ") != strlen(commits))
			continue;	/* nobody is to paste what names no commit */
		step(steps, "approve", buf_str(&what), "lets it out, if you may");
		return;
	}
}

/*
 * With the commit that asked for what was rejected. Which one it is is not known
 * where there are several repositories; what a person rolled back needs no undoing.
 */
static void commit_step(const struct view_app *a, struct buf *out)
{
	const char *commit = text(doc_get_str(a->rejected, "revision", NULL));
	const char *by = text(doc_get_str(a->pin, "by", NULL));
	size_t n = strlen(commit);

	if (!a->pinned || strcmp(by, "auto-revert") ||
	    doc_get(a->rejected, "revisions", NULL) || (n != 40 && n != 64) ||
	    strspn(commit, "0123456789abcdef") != n)
		buf_adds(out, "  push a new commit                     it is tried at once\n");
	else
		buf_addf(out, "  git revert %s  or a fix: push it\n", commit);
}

/* Argo CD's word for "leave it alone": it is easily forgotten. */
static bool is_skipped(const struct view_app *a)
{
	return !strcmp(text(doc_get_str(a->app, "metadata", "annotations",
					"argocd.argoproj.io/skip-reconcile", NULL)), "true");
}

/* What leads on from where it stands: of those that hold it, the strongest. */
static void way_on(const struct view_app *a, struct buf *steps)
{
	if (is_skipped(a)) {
		buf_addf(steps, "  kubectl annotate application %s -n %s "
			 "argocd.argoproj.io/skip-reconcile-\n"
			 "                                        nothing is written while it "
			 "is \"true\"\n", a->name, a->ns);
	} else if (a->pinned && doc_get_bool(a->pin, false, "byHand", NULL)) {
		step(steps, "unpin", a->name, "it follows Git again; until then nothing new "
		     "goes out");
	} else if ((a->pinned && !a->moving) || !strcmp(a->phase, "Failed")) {
		commit_step(a, steps);
		step(steps, view_may_retry(a->app) ? "retry" : "sync", a->name,
		     "Git's commit once more, if the cause is gone");
	} else if (!strcmp(a->phase, "Unproven")) {
		step(steps, "sync", a->name, "goes on with it; nothing does so by itself");
		if (view_previous_release(a->app))
			step(steps, "rollback", a->name, "the release before it");
	} else if (a->moving) {
		step(steps, "wait --good", a->name, "until it is good or went back");
	} else if (view_comes_back(a)) {
		commit_step(a, steps);
		step(steps, "retry", a->name, "Git's commit, though it was rejected");
	} else if (!strcmp(a->sync, "OutOfSync") && !view_goes_by_itself(a->app)) {
		step(steps, "sync", a->name, "makes the cluster as Git says");
	}
}

static void next_steps(const struct view_app *a, const struct view_env *env,
		       struct buf *out)
{
	struct buf steps = BUF_INIT;

	if (has_condition(a, "InvalidSpecError"))
		buf_adds(&steps, "  mend the Application: its problems are listed above\n");
	else if (has_condition(a, "ComparisonError"))
		buf_adds(&steps, "  mend the repository or its path: nothing is changed until "
			 "it can be read\n");
	approve_step(a, &steps);
	if (view_asked(a->app, env, NULL))
		step(&steps, "confirm", a->name, "approves exactly the list above");
	way_on(a, &steps);
	if (steps.len) {
		title(env, out, "Next");
		buf_add(out, steps.data, steps.len);
	}
	buf_deinit(&steps);
}

void view_story(const json_t *app, const struct view_kept *kept,
		const struct view_env *env, struct buf *out)
{
	struct view_app a;

	view_app_init(&a, app);
	headline(&a, env, out);
	if (!is_put_back(&a)) {
		buf_addc(out, '\n');
		source_line(&a, out);
	}
	state_lines(&a, env, out);
	if (!is_put_back(&a)) {
		phase_line(&a, env, out);
		operation_line(&a, out);
		orphans_line(&a, out);
	}
	view_rejected(&a, kept, env, out);
	if (!is_put_back(&a))
		waves(&a, env, out);
	objects(&a, env, "Not healthy", is_unwell, unwell_row, 3, out);
	if (!is_put_back(&a))
		objects(&a, env, "Out of sync", is_out_of_sync, differing_row, 2, out);
	gates(&a, env, out);
	asked(&a, env, out);
	problems(&a, env, out);
	next_steps(&a, env, out);
	view_app_deinit(&a);
}
