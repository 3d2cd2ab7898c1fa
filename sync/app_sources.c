/*
 * What the sources of one application say together: they are joined one by one, and
 * looked at as one. Nothing is rendered before each of them is there; one that cannot
 * be asked leaves the commit that it was last known at.
 *
 * A source that is only a ref for others is asked which commit it is at, and fetched only
 * where that commit has to be signed.
 */
#include "app_priv.h"

const struct app_sources *sources_wanted(const struct app *a)
{
	const struct op_request *q = &a->request;

	if (!q->present || !q->sources.list.len || (q->own_sources && !q->allowed))
		return &a->spec.sources;
	return &q->sources;
}

static const char *commit_of(const struct app *a, size_t i)
{
	const struct app_rev *r = &a->revs.data[i];

	return r->read ? r->rev->commit : r->rev->wanted;
}

bool sources_known(const struct app *a)
{
	for (size_t i = 0; i < a->revs.len; i++)
		if (!*commit_of(a, i))
			return false;
	return a->revs.len > 0;
}

char *sources_commits(const struct app *a)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; sources_known(a) && i < a->revs.len; i++)
		buf_addf(&out, "%s%s", i ? " " : "", commit_of(a, i));
	return out.len ? buf_steal(&out, NULL) : xstrdup("");
}

bool sources_at(const struct app *a, const char *commits)
{
	_cleanup_free_ char *now = sources_commits(a);

	return *now && !strcmp(now, commits);
}

/* A person's request names its revision, and the spec another. */
static bool is_asked(const struct app *a, size_t i)
{
	const struct app_sources *wanted = sources_wanted(a), *spec = &a->spec.sources;

	return wanted != spec && i < wanted->list.len &&
	       (i >= spec->list.len || strcmp(wanted->list.data[i].revision,
					      spec->list.data[i].revision));
}

/* It is not the spec that has to be mended. */
static void blame_request(const struct app *a, struct err *err)
{
	const char *at = strstr(err->msg, REVISION_FIELD);
	struct err was = *err;

	if (at)
		err_set(err, was.code, "%.*sthe revision that %.80s asked for%s",
			(int)(at - err->msg), was.msg, a->request.by ? a->request.by : "somebody",
			was.msg + (at - err->msg) + strlen(REVISION_FIELD));
	err->retry = was.retry;
}

bool sources_error(const struct app *a, struct err *ret)
{
	for (size_t i = 0; i < a->revs.len; i++) {
		*ret = a->revs.data[i].rev->err;
		if (!ret->code)
			continue;
		if (is_asked(a, i))
			blame_request(a, ret);
		if (sources_wanted(a)->many)
			err_wrap(ret, "spec.sources[%zu]", i);
		return true;
	}
	*ret = ERR_INIT;
	return false;
}

uint64_t sources_polled_at(const struct app *a)
{
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < a->revs.len; i++) {
		uint64_t at = source_polled_at(a->revs.data[i].rev);

		first = at < first ? at : first;
	}
	return a->revs.len ? first : 0;
}

/* Anything but one that runs what Git says, with nothing to complain of. */
bool app_awaits_poll(const struct app *a)
{
	return a->refresh_mark == MARK_SEEN || a->request.present || a->others_since ||
	       a->op || a->head_err.code || a->conditions.len ||
	       !sources_at(a, a->rendered);
}

void sources_poll_now(const struct app *a)
{
	for (size_t i = 0; i < a->revs.len; i++)
		source_poll_now(a->revs.data[i].rev);
}

bool sources_fetching(const struct app *a)
{
	for (size_t i = 0; i < a->revs.len; i++)
		if (a->revs.data[i].rev->fetching)
			return true;
	return false;
}

bool sources_use(const struct app *a, const struct repo_rev *rev)
{
	for (size_t i = 0; i < a->revs.len; i++)
		if (a->revs.data[i].rev == rev)
			return true;
	return false;
}

void sources_refetch(const struct app *a)
{
	for (size_t i = 0; i < a->revs.len; i++)
		if (a->revs.data[i].read)
			source_refetch(a->revs.data[i].rev);
}

void sources_readable(const struct app *a)
{
	for (size_t i = 0; i < a->revs.len; i++)
		a->revs.data[i].rev->broken = 0;
}

char *sources_keys(const struct app *a)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < a->revs.len; i++)
		if (a->revs.data[i].read)
			buf_addf(&out, "%s%s", out.len ? "+" : "",
				 source_key(a->revs.data[i].rev));
	return out.len ? buf_steal(&out, NULL) : xstrdup("");
}

const struct repo_rev *sources_first(const struct app *a)
{
	for (size_t i = 0; i < a->revs.len; i++)
		if (!a->revs.data[i].ref_only)
			return a->revs.data[i].rev;
	return NULL;
}

/* ---- joining ---- */

/* What a request brings along is asked of the project, as the spec is. */
static void judge_request(struct app *a)
{
	struct op_request *q = &a->request;
	struct err err = ERR_INIT;

	if (!q->present || !q->own_sources)
		return;
	q->allowed = !projects_check_sources(a, &q->sources, &err);
	if (!q->allowed && !err.retry && err.code != ERR_NET && !q->bad)
		q->bad = xasprintf("operation.sync: %s", err.msg);
}

static void leave_all(struct app *a)
{
	for (size_t i = 0; i < a->revs.len; i++)
		source_leave(a->revs.data[i].rev, a->revs.data[i].read);
	vec_deinit(&a->revs);
}

bool sources_read_otherwise(const struct app *a)
{
	for (size_t i = 0; i < a->revs.len; i++)
		if (a->revs.data[i].ref_only && a->revs.data[i].read != app_signed_asked(a))
			return true;
	return false;
}

/* Joined before the old ones are left: what stays is not asked anew. */
void app_follow_source(struct app *a)
{
	const struct app_sources *want;
	struct app_rev now[RENDER_SOURCES_MAX];
	size_t n;

	if (app_is_refused(a) || !a->present) {
		leave_all(a);
		remotes_reset(a);
		return;
	}
	judge_request(a);
	want = sources_wanted(a);
	n = want->list.len;
	for (size_t i = 0; i < n; i++) {
		const struct app_source *s = &want->list.data[i];

		now[i].ref_only = s->ref_only;
		now[i].read = !s->ref_only || app_signed_asked(a);
		now[i].rev = source_join(a->engine, s->repo_url, s->revision,
					 now[i].read);
		/* What others asked a while ago may be older than this application. */
		if (!sources_use(a, now[i].rev))
			source_poll_now(now[i].rev);
	}
	leave_all(a);
	for (size_t i = 0; i < n; i++)
		vec_push(&a->revs, now[i]);
}
