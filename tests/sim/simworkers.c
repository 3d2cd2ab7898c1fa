#include "simworkers.h"

#include <stdio.h>

#include "core/fetch.h"
#include "core/lsrefs.h"
#include "core/signed.h"
#include "gitsim.h"
#include "render/render.h"

/* ---- fetch ---- */

/* As Argo CD: a branch before a tag; a SHA is itself. */
static const char *resolve(struct gitsim *g, const char *url, const char *revision)
{
	_cleanup_free_ char *tag = xasprintf("refs/tags/%s", revision);
	const char *oid;

	switch (revision_kind(revision)) {
	case REV_SHA:
		return revision;
	case REV_HEAD:
		return gitsim_ref(g, url, "main");
	case REV_NAME:
	case REV_RANGE:
		break;
	}
	oid = gitsim_ref(g, url, revision);
	return oid ? oid : gitsim_ref(g, url, tag);
}

static int fetch(struct sim *s, void *arg, const void *request, size_t len,
		 struct buf *answer, struct err *err)
{
	struct fetch_request q = { 0 };
	struct fetch_answer a = { 0 };
	const char *oid;
	int r = -1;

	(void)arg;
	if (fetch_request_decode(&q, request, len, err))
		return -1;
	if (q.keep) {	/* a sweep of the mirrors: there are none */
		fetch_request_deinit(&q);
		return 0;
	}
	oid = q.oid ? q.oid : resolve(sim_git(s), q.url, q.revision ? q.revision : "");
	if (gitsim_mood(sim_git(s), q.url) != GIT_FINE &&
	    gitsim_mood(sim_git(s), q.url) != GIT_V0) {
		err_set(err, ERR_NET, "%s: unreachable", q.url);
	} else if (!oid || !gitsim_has_commit(sim_git(s), oid)) {
		err_set(err, ERR_NOTFOUND, "%s: no revision %s", q.url,
			q.revision ? q.revision : "HEAD");
	} else {
		a.mirror = xasprintf("/sim/%s", q.key);
		a.author = xstrdup("Ada <ada@example.com>");
		a.subject = xasprintf("commit %.7s", oid);
		a.time_ms = SIM_EPOCH;
		snprintf(a.oid, sizeof(a.oid), "%s", oid);
		fetch_answer_encode(&a, answer);
		r = 0;
	}
	fetch_answer_deinit(&a);
	fetch_request_deinit(&q);
	return r;
}

/* ---- signatures ---- */

/* When it ends, in seconds since 1970: 0 for ever, -1 there is none. */
static int64_t key_ends(const struct signed_policy *p, const char *id)
{
	for (size_t i = 0; i < p->ring.len; i++)
		if (!strcmp(p->ring.data[i].name, id))
			return atoll(p->ring.data[i].text + strlen(SIM_KEY));
	return -1;
}

static enum signed_verdict judge(struct sim *s, int64_t ends, const char *text)
{
	if (ends < 0)
		return SEEN_NO_KEY;
	if (ends && ends < world_wall(sim_world(s)) / 1000)
		return SEEN_KEY_EXPIRED;
	return strstr(text, "bad") ? SEEN_BAD : SEEN_GOOD;
}

static void see(struct sim *s, const char *commit, const struct signed_policy *p,
		struct signed_seen *ret)
{
	const char *path, *text;
	int64_t ends;

	*ret = (struct signed_seen){ .form = SIGNED_NOT };
	for (size_t i = 0; (path = gitsim_file(sim_git(s), commit, i, &text)); i++) {
		if (strcmp(path, SIM_SIGNATURE))
			continue;
		ret->form = SIGNED_PGP;
		snprintf(ret->key, sizeof(ret->key), "%.16s", text);
		ends = key_ends(p, ret->key);
		if (ends >= 0)
			snprintf(ret->key_fprint, sizeof(ret->key_fprint), SIM_FPRINT "%s",
				 ret->key);
		ret->verdict = judge(s, ends, text);
		ret->until = ends > 0 ? (uint64_t)ends : 0;
	}
}

static int check_commit(struct sim *s, const char *commit, const struct signed_policy *p,
			struct signed_end *end, struct err *err)
{
	_cleanup_free_ char *what = xasprintf("commit %.7s", commit);
	struct signed_seen seen;

	see(s, commit, p, &seen);
	signed_end_bring(end, &seen);
	return signed_judge(p, &seen, what, err);
}

int sim_check_signatures(struct sim *s, const struct render_requests *q, struct signed_end *end,
			 struct err *err)
{
	struct signed_policy p;
	int r = 0;

	if (!q->data[0].signatures)
		return 0;
	if (signed_policy_decode(&p, q->data[0].signatures, err))
		return -1;
	for (size_t i = 0; i < q->len && !r; i++) {
		r = check_commit(s, q->data[i].commit, &p, end, err);
		if (r && q->data[i].where)
			err_wrap(err, "spec.%s", q->data[i].where);
	}
	for (size_t i = 0; i < q->data[0].n_vouched && !r; i++) {
		const struct render_remote *m = &q->data[0].vouched[i];

		r = check_commit(s, m->commit, &p, end, err);
		if (r)
			err_wrap(err, "spec.%s", m->url);
	}
	signed_policy_deinit(&p);
	return r;
}

/* ---- render ---- */

static int render(struct sim *s, void *arg, const void *request, size_t len,
		  struct buf *answer, struct err *err)
{
	struct render_part parts[RENDER_SOURCES_MAX] = { 0 };
	struct render_answer a = { 0 };
	struct render_requests q;
	struct signed_end end = { 0 };
	int r = 0;

	(void)arg;
	if (render_requests_decode(&q, request, len, err))
		return -1;
	for (size_t i = 0; i < q.len && !r; i++) {
		parts[i].request = &q.data[i];
		parts[i].files = sim_files_open(s, q.data[i].commit, err);
		r = parts[i].files ? 0 : -1;
	}
	if (!r)
		r = sim_check_signatures(s, &q, &end, err);
	if (!r)
		r = render_all(parts, q.len, &a, err);
	a.signed_until = end.until;
	memcpy(a.signed_by, end.by, sizeof(a.signed_by));
	if (!r)
		render_answer_encode(&a, answer);
	for (size_t i = 0; i < q.len; i++)
		files_close(parts[i].files);
	render_answer_deinit(&a);
	render_requests_deinit(&q);
	return r;
}

void sim_use_workers(struct sim *s)
{
	sim_set_worker(s, WORKER_FETCH, fetch, NULL);
	sim_set_worker(s, WORKER_RENDER, render, NULL);
}
