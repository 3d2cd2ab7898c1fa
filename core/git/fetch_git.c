/*
 * The fetch worker's work: bring the mirror to where it holds the commit.
 *
 * Happy path: the commit is known (ls-refs named it, the revision is a SHA, or
 * the remote is asked); if the current generation has it, that is the answer and
 * nothing is locked. Else, under the lock, just the ref in use is fetched into
 * the current generation. The first fetch, a worn mirror and a damaged one are
 * fetched into a new generation, which appears only when it is whole.
 *
 * Failures: of the transport (transfer.err tells), of the remote's content, and
 * of the mirror's own files; only the last is cured, by one new generation. Refs
 * are kept as refs/syncd/<hash of the name>: as starting points for the next
 * fetch, with no names that could collide when a branch "a" becomes "a/b".
 */
#include "fetch_git.h"
#include "fetch_priv.h"

#include "core/doc.h"
#include "core/utf8.h"

#include <stdio.h>

#define TEXT_MAX 200

const struct fetch_limits fetch_limits_default = {
	.lock_ms = 60 * 1000,
	.connect_ms = 15 * 1000,
	.idle_ms = 30 * 1000,
	.total_ms = 15 * 60 * 1000,
	.list_ms = 14 * 1000,
	.grace_s = 10 * 60,
	.disk_reserve = (uint64_t)16 << 20,
};

static void job_deinit(struct fetch_job *j)
{
	mirror_close(&j->mirror);
	raw_commit_deinit(&j->raw);
	free(j->shown);
}

/*
 * The commit that the job's oid names (peeled), with its root tree there. NULL:
 * not here, or damaged: *err says which (NOTFOUND, INVALID or IO).
 */
static git_commit *find_commit(git_repository *repo, const char *hex,
			       struct err *err)
{
	_cleanup_git_(git_object) *object = NULL;
	git_commit *commit = NULL;
	git_tree *tree = NULL;
	git_oid oid;
	int rc = git_oid_fromstr(&oid, hex);

	if (rc >= 0)
		rc = git_object_lookup(&object, repo, &oid, GIT_OBJECT_ANY);
	if (rc == GIT_ENOTFOUND) {
		err_set(err, ERR_NOTFOUND, "commit %s is not there", hex);
		return NULL;
	}
	if (rc >= 0)
		rc = git_object_peel((git_object **)&commit, object,
				     GIT_OBJECT_COMMIT);
	if (rc == GIT_EINVALIDSPEC || rc == GIT_EPEEL) {
		err_set(err, ERR_INVALID, "%s is no commit", hex);
		return NULL;
	}
	if (rc >= 0)
		rc = git_commit_tree(&tree, commit);
	git_tree_free(tree);
	if (rc >= 0)
		return commit;
	repo_fail(rc, err, "commit %s", hex);
	git_commit_free(commit);
	return NULL;
}

static void describe(const git_commit *c, struct fetch_answer *a)
{
	const git_signature *by = git_commit_author(c);

	git_oid_tostr(a->oid, sizeof(a->oid), git_commit_id(c));
	a->author = utf8_clean(by ? by->name : NULL, TEXT_MAX);
	a->subject = utf8_clean(git_commit_summary((git_commit *)c), TEXT_MAX);
	a->time_ms = (int64_t)git_commit_time(c) * 1000;
}

/* The tag that is asked for, which a commit may do without once it was fetched. */
static int find_tag(struct fetch_job *j, git_repository *repo, struct fetch_answer *a,
		    struct err *err)
{
	git_object *tag = NULL;
	git_oid oid;

	if (!j->r->tag)
		return 0;
	if (strlen(j->r->tag) == GIT_OID_HEXSZ && !git_oid_fromstr(&oid, j->r->tag) &&
	    !git_object_lookup(&tag, repo, &oid, GIT_OBJECT_TAG))
		memcpy(a->tag, j->r->tag, GIT_OID_HEXSZ + 1);
	git_object_free(tag);
	if (*a->tag || j->fetched)
		return 0;
	return err_set(err, ERR_NOTFOUND, "tag %.64s is not there", j->r->tag);
}

/* Fills the answer from the current generation; -1: it is not whole there. */
static int answer_from_mirror(struct fetch_job *j, struct fetch_answer *a,
			      struct err *err)
{
	_cleanup_git_(git_repository) *repo = NULL;
	_cleanup_git_(git_commit) *commit = NULL;
	int rc;

	if (!j->mirror.current)
		return err_set(err, ERR_NOTFOUND, "there is no mirror yet");
	rc = git_repository_open_bare(&repo, j->mirror.current);
	if (rc < 0)
		return repo_fail(rc, err, "mirror %s", j->mirror.current);
	commit = find_commit(repo, j->oid, err);
	if (!commit || find_tag(j, repo, a, err))
		return -1;
	describe(commit, a);
	a->mirror = xstrdup(j->mirror.current);
	return 0;
}

static int download(struct fetch_job *j, git_remote *remote, const char *const *specs,
		    size_t n, struct err *err)
{
	git_fetch_options o;
	git_strarray list = { (char **)specs, n };
	int rc;

	git_fetch_options_init(&o, GIT_FETCH_OPTIONS_VERSION);
	fetch_callbacks(j, &o.callbacks);
	o.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	o.update_fetchhead = 0;
	o.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	rc = git_remote_download(remote, &list, &o);
	return rc < 0 ? fetch_remote_failed(j, rc, "fetching", err) : 0;
}

/* A commit by its id: just it where the server allows, else all there is. */
static int download_sha(struct fetch_job *j, git_remote *remote, struct err *err)
{
	static const char *const all[] = {
		"+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*",
	};
	const char *const one[] = { j->oid };

	if (!download(j, remote, one, 1, err))
		return 0;
	if (j->transfer.err.code)
		return -1;
	/* The refused request may have ended the conversation. */
	git_remote_disconnect(remote);
	if (fetch_connect(j, remote, err))
		return -1;
	return download(j, remote, all, ARRAY_LEN(all), err);
}

static int download_ref(struct fetch_job *j, git_remote *remote, struct err *err)
{
	_cleanup_(ref_list_deinit) struct ref_list refs = { 0 };
	char oid[65];
	const char *spec[1];

	if (fetch_list_refs(j, remote, j->r->revision, &refs, err))
		return -1;
	if (revision_resolve(&refs, j->r->revision, oid, err))
		return err_wrap(err, "%s", j->shown);
	/* The ref it chose; another with the same commit would do as well. */
	spec[0] = refs.data[0].name;
	for (size_t i = 0; i < refs.len; i++)
		if (!strcmp(refs.data[i].oid, oid) &&
		    (!j->r->tag || !strcmp(refs.data[i].tag, j->r->tag)))
			spec[0] = refs.data[i].name;
	return download(j, remote, spec, 1, err);
}

/* Keeps what was fetched as a starting point for the next fetch. */
static int keep(struct fetch_job *j, git_repository *repo, const git_commit *commit,
		struct err *err)
{
	const char *revision = j->r->revision ? j->r->revision : "";
	_cleanup_git_(git_reference) *ref = NULL;
	_cleanup_free_ char *name = NULL;
	char hash[65];
	int rc;

	sha256_hex(revision, strlen(revision), hash);
	name = xasprintf("refs/syncd/%.32s", hash);
	rc = git_reference_create(&ref, repo, name, git_commit_id(commit), true,
				  NULL);
	return rc < 0 ? repo_fail(rc, err, "mirror: %s", name) : 0;
}

static int gone_meanwhile(struct fetch_job *j, struct err *err)
{
	if (revision_kind(j->r->revision) == REV_SHA)
		return err_set(err, ERR_NOTFOUND,
			       "%s: commit %s is in none of its branches and tags: check " REVISION_FIELD,
			       j->shown, j->oid);
	err_set(err, ERR_NOTFOUND,
		"%s: \"%s\" has moved away from %s meanwhile: it is asked again",
		j->shown, j->r->revision ? j->r->revision : "HEAD", j->oid);
	if (err)
		err->retry = true;
	return -1;
}

/*
 * Where a fetch starts must be there: what the remote hears that we have, it
 * leaves out.
 */
static int check_starts(git_repository *repo, const char *path, struct err *err)
{
	git_reference_iterator *it = NULL;
	git_odb *odb = NULL;
	git_reference *ref;
	int rc = git_repository_odb(&odb, repo);
	bool whole = true;

	if (rc >= 0)
		rc = git_reference_iterator_new(&it, repo);
	while (rc >= 0 && whole && !(rc = git_reference_next(&ref, it))) {
		const git_oid *oid = git_reference_target(ref);

		whole = oid && git_odb_exists(odb, oid);
		git_reference_free(ref);
	}
	if (rc < 0 && rc != GIT_ITEROVER)
		whole = repo_fail(rc, err, "mirror %s", path) == 0;
	else if (!whole)
		err_set(err, ERR_IO, "mirror %s: an object is missing", path);
	git_reference_iterator_free(it);
	git_odb_free(odb);
	return whole ? 0 : -1;
}

/* Fetches into the repository at path and sees to it that the commit is there. */
static int fetch_into(struct fetch_job *j, const char *path, struct err *err)
{
	_cleanup_git_(git_repository) *repo = NULL;
	_cleanup_git_(git_remote) *remote = NULL;
	_cleanup_git_(git_commit) *commit = NULL;
	struct err why = ERR_INIT;
	int rc = git_repository_open_bare(&repo, path);

	if (rc >= 0)
		rc = git_remote_create_anonymous(&remote, repo, j->r->url);
	if (rc < 0)
		return repo_fail(rc, err, "mirror %s", path);
	if (check_starts(repo, path, err) || fetch_connect(j, remote, err))
		return -1;
	if (revision_kind(j->r->revision) == REV_SHA ?
	    download_sha(j, remote, err) : download_ref(j, remote, err))
		return -1;
	commit = find_commit(repo, j->oid, &why);
	if (!commit && why.code == ERR_NOTFOUND)
		return gone_meanwhile(j, err);
	if (!commit) {
		*err = why;
		return err_wrap(err, "%s", j->shown);
	}
	return keep(j, repo, commit, err);
}

static int write_raw(struct fetch_job *j, const char *path, struct err *err)
{
	_cleanup_git_(git_repository) *repo = NULL;
	int rc = git_repository_open_bare(&repo, path);

	if (rc < 0)
		return repo_fail(rc, err, "mirror %s", path);
	return raw_commit_write(&j->raw, repo, err);
}

static int fill(struct fetch_job *j, const char *path, struct err *err)
{
	return repo_is_raw(j->r->url) ? write_raw(j, path, err) : fetch_into(j, path, err);
}

static int fetch_anew(struct fetch_job *j, struct err *err)
{
	if (mirror_begin(&j->mirror, err) || fill(j, j->mirror.next, err) ||
	    mirror_publish(&j->mirror, err)) {
		mirror_abandon(&j->mirror);
		return -1;
	}
	return 0;
}

/* A new generation cures the mirror's own files, and nothing else. */
static bool is_damage(const struct fetch_job *j, const struct err *err)
{
	return err->code == ERR_IO && !j->transfer.err.code;
}

static int fetch_locked(struct fetch_job *j, struct err *err)
{
	const char *current = j->mirror.current;

	/* What a file was before is not kept. */
	if (!current || j->r->rebuild || mirror_is_worn(&j->mirror) ||
	    repo_is_raw(j->r->url))
		return fetch_anew(j, err);
	if (!fetch_into(j, current, err))
		return 0;
	if (!is_damage(j, err))
		return -1;
	return fetch_anew(j, err);
}

static int fetch(struct fetch_job *j, struct fetch_answer *a, struct err *err)
{
	struct err why = ERR_INIT;

	if (mirror_lock(&j->mirror, j->limits->lock_ms, err))
		return err_wrap(err, "%s", j->shown);
	/* While we waited another fetch may have brought it. */
	if (j->r->rebuild || answer_from_mirror(j, a, &why)) {
		if (fetch_locked(j, err))
			return -1;
		j->fetched = true;
		if (answer_from_mirror(j, a, err))
			return -1;
	}
	mirror_retire(&j->mirror, j->limits->grace_s);
	return 0;
}

static int run(struct fetch_job *j, struct fetch_answer *a, struct err *err)
{
	struct err why = ERR_INIT;

	if (j->r->list)
		return fetch_list(j, a, err);
	if (mirror_open(&j->mirror, j->r->mirrors, j->r->key, err) ||
	    fetch_resolve(j, err))
		return -1;
	if (!j->r->rebuild && !answer_from_mirror(j, a, &why))
		return 0;
	return fetch(j, a, err);
}

int fetch_run_within(const struct fetch_request *r,
		     const struct fetch_limits *limits, struct fetch_answer *a,
		     struct err *err)
{
	struct fetch_limits of_this = *limits;
	_cleanup_(job_deinit) struct fetch_job j = {
		.r = r, .limits = &of_this, .mirror = MIRROR_INIT,
	};
	struct err own = ERR_INIT;

	*a = (struct fetch_answer){ 0 };
	if (r->keep) {
		mirror_sweep(r->mirrors, r->keep, limits->grace_s);
		return 0;
	}
	if (repo_remote_check(r->url, err) || repo_setup(err))
		return -1;
	if (r->list)
		of_this.total_ms = limits->list_ms;
	j.shown = repo_url_shown(r->url);
	j.transfer = (struct transfer){
		.request = r, .limits = &of_this, .folder = r->mirrors,
		.deadline = transfer_now() + of_this.total_ms,
	};
	if (!run(&j, a, &own))
		return 0;
	fetch_answer_deinit(a);
	if (err)
		*err = own;
	return -1;
}

int fetch_run(const struct fetch_request *r, struct fetch_answer *a,
	      struct err *err)
{
	return fetch_run_within(r, &fetch_limits_default, a, err);
}
