/* `syncctl history`: the releases of an application, newest first. */
#include "views.h"

#include "core/mem.h"

#define REASON_MAX 90

static enum view_colour state_colour(const char *state)
{
	if (!strcmp(state, "good"))
		return VIEW_GREEN;
	if (!strcmp(state, "rejected"))
		return VIEW_RED;
	return strcmp(state, "candidate") ? VIEW_FAINT : VIEW_YELLOW;
}

static void add_age(struct view_table *t, const struct view_env *env,
		    const char *since)
{
	_cleanup_buf_ struct buf age = BUF_INIT;

	view_age(&age, env, since);
	if (age.len)
		buf_adds(&age, " ago");
	view_table_add(t, VIEW_PLAIN, buf_str(&age));
}

/* "34.2 KiB"; "-" where it is not known. */
static void add_size(struct view_table *t, const json_t *r)
{
	int64_t n = doc_get_int(r, 0, "bytes", NULL);
	_cleanup_free_ char *s = n < 1024 ? xasprintf("%lld B", (long long)n) :
		n < 1024 * 1024 ? xasprintf("%.1f KiB", (double)n / 1024) :
		xasprintf("%.1f MiB", (double)n / (1024 * 1024));

	view_table_add(t, VIEW_PLAIN, n > 0 ? s : "");
}

/* A row stays a row: the whole reason is in -o wide and in `syncctl status`. */
static void add_reason(struct buf *out, const char *reason, bool whole)
{
	size_t n = strlen(reason);
	_cleanup_free_ char *cut = NULL;

	if (!whole && n > REASON_MAX) {
		for (n = REASON_MAX; n && (reason[n] & 0xc0) == 0x80; n--)
			;	/* not inside a character */
		cut = xasprintf("%.*s...", (int)n, reason);
	}
	view_clean(out, cut ? cut : reason);
}

/* "; approved by ada: why", "; passed the gate window: why" */
static void add_gates(struct buf *out, const json_t *r, bool whole)
{
	const char *by = doc_get_str(r, "approvedBy", NULL);
	const char *why = doc_get_str(r, "approvedReason", NULL);
	const char *passed = doc_get_str(r, "overridden", NULL);

	if (by) {
		_cleanup_free_ char *words = xasprintf("approved by %s%s%s", by,
						       why ? ": " : "", why ? why : "");

		buf_adds(out, out->len ? "; " : "");
		add_reason(out, words, whole);
	}
	if (passed) {
		buf_adds(out, out->len ? "; passed the gate " : "passed the gate ");
		add_reason(out, passed, whole);
	}
}

static void add_release(struct view_table *t, const json_t *r, bool is_target,
			const struct view_env *env)
{
	const char *state = doc_get_str(r, "state", NULL);
	const char *digest = doc_get_str(r, "digest", NULL);
	const char *reason = doc_get_str(r, "reason", NULL);
	_cleanup_buf_ struct buf id = BUF_INIT, revision = BUF_INIT, note = BUF_INIT;
	_cleanup_free_ char *digest12 = xstrndup(digest ? digest : "",
						 env->wide ? 64 : 12);

	buf_addf(&id, "%s#%lld", is_target ? "*" : " ",
		 (long long)doc_get_int(r, 0, "id", NULL));
	view_revisions(&revision, r);
	view_clean(&note, doc_get_str(r, "subject", NULL));
	if (reason) {
		buf_adds(&note, note.len ? "; " : "");
		add_reason(&note, reason, env->wide);
	}
	add_gates(&note, r, env->wide);
	view_table_add(t, VIEW_PLAIN, buf_str(&id));
	view_table_add(t, state_colour(state ? state : ""), state);
	view_table_add(t, VIEW_PLAIN, buf_str(&revision));
	view_table_add(t, VIEW_PLAIN, digest12);
	if (env->wide)
		add_size(t, r);
	view_table_add(t, VIEW_PLAIN, doc_get_str(r, "author", NULL));
	add_age(t, env, doc_get_str(r, "deployedAt", NULL));
	add_age(t, env, doc_get_str(r, "healthySince", NULL));
	view_table_add(t, VIEW_PLAIN, buf_str(&note));
}

void view_history_names(const json_t *app, struct buf *out)
{
	_cleanup_json_ json_t *syncd = view_state(app);
	const json_t *r, *list = doc_get(syncd, "releases", NULL);
	size_t i;

	json_array_foreach((json_t *)list, i, r)
		buf_addf(out, "%lld\n", (long long)doc_get_int(r, 0, "id", NULL));
}

void view_history(const json_t *app, const struct view_env *env, struct buf *out)
{
	_cleanup_json_ json_t *syncd = view_state(app);
	const json_t *r, *list = doc_get(syncd, "releases", NULL);
	int64_t target = doc_get_int(syncd, 0, "target", "id", NULL);
	struct view_table t;
	size_t i;

	if (!json_array_size(list)) {
		buf_adds(out, "no releases yet\n");
		return;
	}
	if (env->wide)
		view_table_init(&t, " ID", "STATE", "REVISION", "DIGEST", "STORED", "AUTHOR",
				"DEPLOYED", "HEALTHY SINCE", "SUBJECT", NULL);
	else
		view_table_init(&t, " ID", "STATE", "REVISION", "DIGEST", "AUTHOR",
				"DEPLOYED", "HEALTHY SINCE", "SUBJECT", NULL);
	json_array_foreach((json_t *)list, i, r)
		add_release(&t, r, target && doc_get_int(r, 0, "id", NULL) == target,
			    env);
	view_table_print(&t, env, out);
	if (target)
		buf_adds(out, "* the release that the cluster should be at now\n");
	view_table_deinit(&t);
}
