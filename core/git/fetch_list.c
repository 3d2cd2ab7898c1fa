/*
 * What a remote says before anything is fetched: its refs, and which commit a revision
 * names there. A poll of the daemon ends here; no mirror is touched.
 */
#include "fetch_priv.h"

#include "core/lsrefs.h"
#include "core/mem.h"
#include "core/pktline.h"
#include "refs_remote.h"

static bool is_file_url(const char *url)
{
	return !strncasecmp(url, "file://", 7);
}

int fetch_remote_failed(struct fetch_job *j, int rc, const char *doing, struct err *err)
{
	if (!j->transfer.err.code)
		return repo_fail(rc, err, "%s: %s", j->shown, doing);
	git_error_clear();
	if (err)
		*err = j->transfer.err;
	if (err && !strstr(err->msg, j->shown))
		err_wrap(err, "%s", j->shown);
	return -1;
}

static int on_progress(const git_indexer_progress *p, void *arg)
{
	struct transfer *t = arg;
	/* Our transports count, and see more than the pack. */
	uint64_t n = p->received_bytes > t->received ? p->received_bytes :
						       t->received;

	return transfer_take(t, n);
}

void fetch_callbacks(struct fetch_job *j, git_remote_callbacks *cb)
{
	cb->payload = &j->transfer;
	cb->transfer_progress = on_progress;
	if (repo_url_is_ssh(j->r->url))
		cb->transport = transport_ssh_new;
	else if (!is_file_url(j->r->url))
		cb->transport = transport_new;
}

/* Connects and lists: refs gets what the revision could mean. */
int fetch_connect(struct fetch_job *j, git_remote *remote, struct err *err)
{
	git_remote_connect_options o;
	int rc;

	git_remote_connect_options_init(&o, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
	fetch_callbacks(j, &o.callbacks);
	o.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	rc = git_remote_connect_ext(remote, GIT_DIRECTION_FETCH, &o);
	if (rc >= 0)
		return 0;
	if (!is_file_url(j->r->url))
		return fetch_remote_failed(j, rc, "connecting", err);
	repo_fail(rc, err, "%s: no Git repository there, check spec.source.repoURL",
		  j->shown);
	err->code = ERR_NOTFOUND;
	err->retry = false;
	return -1;
}

/* NULL-terminated; the array and its strings are the caller's. */
struct prefixes {
	VEC(char *) list;
};

static void prefixes_deinit(struct prefixes *p)
{
	for (size_t i = 0; i < p->list.len; i++)
		free(p->list.data[i]);
	vec_deinit(&p->list);
}

static void add_prefix(const char *prefix, void *arg)
{
	struct prefixes *p = arg;

	vec_push(&p->list, xstrdup(prefix));
}

/* The refs of a connected remote that the prefixes name. */
static int list_connected(struct fetch_job *j, git_remote *remote, struct prefixes *p,
			  struct ref_list *refs, struct err *err)
{
	struct err why = ERR_INIT;
	int rc;

	vec_push(&p->list, NULL);
	rc = refs_of_remote(remote, (const char *const *)p->list.data, refs, &why);
	if (rc >= 0)
		return 0;
	if (!why.code)
		return fetch_remote_failed(j, rc, "listing refs", err);
	*err = why;
	return err_wrap(err, "%s", j->shown);
}

/* The listed refs that revision may name. */
int fetch_list_refs(struct fetch_job *j, git_remote *remote, const char *revision,
		    struct ref_list *refs, struct err *err)
{
	_cleanup_(prefixes_deinit) struct prefixes p = { 0 };

	revision_prefixes(revision, add_prefix, &p);
	return list_connected(j, remote, &p, refs, err);
}

static int list_over_ssh(struct fetch_job *j, struct prefixes *p, struct ref_list *refs,
			 struct err *err)
{
	vec_push(&p->list, NULL);
	if (!refs_over_ssh(&j->transfer, (const char *const *)p->list.data, refs))
		return 0;
	return fetch_remote_failed(j, -1, "listing refs", err);
}

/* The file is fetched here: its commit says what it is. */
static int resolve_raw(struct fetch_job *j, struct err *err)
{
	_cleanup_buf_ struct buf file = BUF_INIT;

	if (raw_get(&j->transfer, &file, err) < 0 ||
	    raw_commit_init(&j->raw, j->r->url, &file, err) < 0)
		return -1;
	memcpy(j->oid, j->raw.oid, sizeof(j->raw.oid));
	return 0;
}

/* A file has one ref. */
static int list_raw(struct fetch_job *j, struct ref_list *refs, struct err *err)
{
	return resolve_raw(j, err) ? -1 : ref_list_add(refs, "HEAD", 4, j->oid, err);
}

int fetch_list(struct fetch_job *j, struct fetch_answer *a, struct err *err)
{
	_cleanup_(prefixes_deinit) struct prefixes p = { 0 };
	_cleanup_(ref_list_deinit) struct ref_list refs = { 0 };
	_cleanup_git_(git_remote) *remote = NULL;
	_cleanup_free_ char *text = xstrdup(j->r->list);
	struct buf out = BUF_INIT;
	char *rest = NULL, *one;
	int rc;

	for (one = strtok_r(text, " ", &rest); one; one = strtok_r(NULL, " ", &rest))
		add_prefix(one, &p);
	if (repo_is_raw(j->r->url)) {
		rc = list_raw(j, &refs, err);
	} else if (repo_url_is_ssh(j->r->url)) {
		rc = list_over_ssh(j, &p, &refs, err);
	} else {
		rc = git_remote_create_detached(&remote, j->r->url);
		if (rc < 0)
			return repo_fail(rc, err, "%s", j->shown);
		rc = fetch_connect(j, remote, err) ? -1 :
		     list_connected(j, remote, &p, &refs, err);
	}
	if (rc)
		return -1;
	ref_list_write(&refs, &out);
	a->refs = out.len ? buf_steal(&out, NULL) : xstrdup("");
	return 0;
}

/* Asks the remote which commit the revision names. */
static int resolve_remotely(struct fetch_job *j, struct err *err)
{
	_cleanup_git_(git_remote) *remote = NULL;
	_cleanup_(ref_list_deinit) struct ref_list refs = { 0 };
	int rc = git_remote_create_detached(&remote, j->r->url);

	if (rc < 0)
		return repo_fail(rc, err, "%s", j->shown);
	if (fetch_connect(j, remote, err) ||
	    fetch_list_refs(j, remote, j->r->revision, &refs, err))
		return -1;
	if (revision_resolve(&refs, j->r->revision, j->oid, err))
		return err_wrap(err, "%s", j->shown);
	return 0;
}

int fetch_resolve(struct fetch_job *j, struct err *err)
{
	const char *revision = j->r->revision;
	static const struct ref_list none = { 0 };

	if (repo_is_raw(j->r->url))
		return resolve_raw(j, err);
	if (revision_kind(revision) == REV_SHA)
		return revision_resolve(&none, revision, j->oid, err);
	if (!j->r->oid)
		return resolve_remotely(j, err);
	if (strlen(j->r->oid) != GIT_OID_HEXSZ ||
	    strspn(j->r->oid, "0123456789abcdef") != GIT_OID_HEXSZ)
		return err_set(err, ERR_INTERNAL, "\"%.70s\" is no object id",
			       j->r->oid);
	memcpy(j->oid, j->r->oid, GIT_OID_HEXSZ + 1);
	return 0;
}
