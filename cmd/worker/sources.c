/*
 * The sources that a render request names: their commits, open for reading, and signed
 * as the project of the application asks for; so are those of what else it names.
 *
 * Opening the second may fail where the first was fine: then all is closed, and the
 * error says which one it was. Nothing is shown to the renderer before all were looked at.
 */
#include "worker.h"

#include "core/fetch.h"
#include "core/files.h"
#include "core/mem.h"

static int open_one(struct sources *s, size_t i, struct err *err)
{
	struct render_request *r = &s->all.data[i];

	r->open_tree = files_git_open;
	s->parts[i].request = r;
	if (!r->mirror || !r->commit)
		return err_set(err, ERR_INVALID, "request without mirror or commit");
	s->parts[i].files = files_git_open(r->mirror, r->commit, err);
	return s->parts[i].files ? 0 : -1;
}

static int check_source(struct sources *s, size_t i, const struct signed_policy *p,
			struct err *err)
{
	const struct render_request *r = &s->all.data[i];
	const struct signed_commit c = { r->commit, r->tag, r->tag_ref, "" };

	if (!signatures_check(s->parts[i].files, &c, p, &s->signed_end, err))
		return 0;
	return sources_blame(s, i, err);
}

/* What lies in another repository than those of the sources. */
static int check_apart(struct sources *s, const struct render_remote *m, const char *of,
		       const struct signed_policy *p, struct err *err)
{
	const struct signed_commit c = { m->commit, m->tag, m->tag_ref, of };
	struct files *files = files_git_open(m->mirror, m->commit, err);
	int rc = files ? signatures_check(files, &c, p, &s->signed_end, err) : -1;

	files_close(files);
	return rc;
}

static int check_vouched(struct sources *s, const struct render_remote *m,
			 const struct signed_policy *p, struct err *err)
{
	return check_apart(s, m, "", p, err) ? err_wrap(err, "spec.%s", m->url) : 0;
}

/*
 * A commit that is named by its own id is part of what names it. Behind the last source
 * of the chain that is one whose signature was good.
 */
static int check_remote(struct sources *s, const struct render_remote *m,
			const struct signed_policy *p, struct err *err)
{
	_cleanup_free_ char *shown = repo_url_shown(m->url), *of = NULL;
	struct err why = ERR_INIT;

	if (!strcasecmp(m->ref, m->commit))
		return 0;
	if (repo_is_raw(m->url))
		return err_set(err, ERR_INVALID, "%s bears no signature, and AppProject %s asks "
			       "for one: copy it into the repository",
			       shown + strlen(REPO_RAW), p->project);
	of = xasprintf(" of the remote base %s", shown);
	if (!check_apart(s, m, of, p, &why))
		return 0;
	*err = why;
	if (why.code == ERR_INVALID)
		err_set(err, ERR_INVALID, "%s; or have the URL name a commit (?ref=%.40s)",
			why.msg, m->commit);
	return -1;
}

/* The first request says it for all. */
static int check_signatures(struct sources *s, struct err *err)
{
	const struct render_request *r = &s->all.data[0];
	struct signed_policy policy;
	int rc = 0;

	if (!r->signatures)
		return 0;
	if (signed_policy_decode(&policy, r->signatures, err))
		return -1;
	for (size_t i = 0; i < s->all.len && !rc; i++)
		rc = check_source(s, i, &policy, err);
	for (size_t i = 0; i < r->n_vouched && !rc; i++)
		rc = check_vouched(s, &r->vouched[i], &policy, err);
	for (size_t i = 0; i < r->n_remotes && !rc; i++)
		rc = check_remote(s, &r->remotes[i], &policy, err);
	signed_policy_deinit(&policy);
	return rc;
}

int sources_blame(const struct sources *s, size_t i, struct err *err)
{
	const char *where = s->all.data[i].where;

	return where ? err_wrap(err, "spec.%s", where) : -1;
}

int sources_open(struct sources *s, const char *data, size_t len, struct err *err)
{
	*s = (struct sources){ 0 };
	if (render_requests_decode(&s->all, data, len, err))
		return -1;
	for (size_t i = 0; i < s->all.len; i++) {
		if (!open_one(s, i, err))
			continue;
		sources_blame(s, i, err);
		sources_close(s);
		return -1;
	}
	if (!check_signatures(s, err))
		return 0;
	sources_close(s);
	return -1;
}

void sources_close(struct sources *s)
{
	for (size_t i = 0; i < s->all.len; i++)
		files_close(s->parts[i].files);
	render_requests_deinit(&s->all);
}

void sources_say_end(const struct sources *s, struct render_answer *a)
{
	_Static_assert(sizeof(a->signed_by) == sizeof(s->signed_end.by), "one is copied");

	a->signed_until = s->signed_end.until;
	memcpy(a->signed_by, s->signed_end.by, sizeof(a->signed_by));
}
