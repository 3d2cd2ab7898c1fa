/* A work tree as the user's own Git sees it. */
#include "worktree.h"

#include "core/lsrefs.h"
#include "core/semver.h"
#include "files.h"

#include <stdio.h>

#define GIT_DEADLINE_MS 60000

/* 0 and Git's exit status, or -1: it could not be run. */
static int git(const struct worktree *w, const char *const *args, struct buf *out,
	       int *ret_status, struct err *err)
{
	const char *argv[16] = { "git", "-C", w->local.root };
	size_t n = 3;

	while (*args && n < ARRAY_LEN(argv) - 1)
		argv[n++] = *args++;
	return program_status(argv, GIT_DEADLINE_MS, out, ret_status, err);
}

static int refused(const char *root, const char *words, struct err *err)
{
	static const char fatal[] = "fatal: ";
	size_t n;

	if (strstr(words, "dubious ownership"))
		return err_set(err, ERR_AUTH, "Git does not read %s, which belongs to another user: "
			       "say git config --global --add safe.directory %s", root, root);
	words += strncmp(words, fatal, sizeof(fatal) - 1) ? 0 : sizeof(fatal) - 1;
	n = strcspn(words, "\n");
	return err_set(err, ERR_INVALID, "Git does not read %s: %.*s", root,
		       n > 200 ? 200 : (int)n, words);
}

/*
 * Does Git take it for a repository? `git config` answers as if there were none where
 * it does not, and everything in it would be another repository's.
 */
static int check_git(const struct worktree *w, struct err *err)
{
	const char *const argv[] = { "git", "-C", w->local.root, "rev-parse", "--git-dir", NULL };
	_cleanup_buf_ struct buf words = BUF_INIT;
	int status = 0;

	if (program_words(argv, GIT_DEADLINE_MS, &words, &status, err))
		return err->code == ERR_NOTFOUND ?
		       err_set(err, ERR_NOTFOUND, "%s is a Git work tree, and there is no git on "
			       "the PATH to ask about it: install it", w->local.root) : -1;
	return status ? refused(w->local.root, buf_str(&words), err) : 0;
}

/* Records "remote.origin.url\nURL\0". Status 1 without a word: there is none. */
static int read_urls(struct worktree *w, struct err *err)
{
	static const char *const args[] = { "config", "-z", "--get-regexp",
					    "^remote\\..*\\.url$", NULL };
	_cleanup_buf_ struct buf out = BUF_INIT;
	int status = 0;

	if (git(w, args, &out, &status, err))
		return -1;
	if (status && (status != 1 || out.len))
		return err_set(err, ERR_INVALID, "git config ended with status %d: its remotes "
			       "are not known, see its message above", status);
	for (size_t at = 0; at < out.len; at += strlen(out.data + at) + 1) {
		const char *url = strchr(out.data + at, '\n');

		if (url && url[1])
			vec_push(&w->urls, xstrdup(url + 1));
	}
	return 0;
}

int worktree_open(struct worktree *w, const char *path, const char *repo, struct err *err)
{
	*w = (struct worktree){ .repo = repo };
	if (local_open_repository(&w->local, path, err))
		return -1;
	if (!w->local.is_git || (!check_git(w, err) && !read_urls(w, err)))
		return 0;
	worktree_close(w);
	return -1;
}

void worktree_close(struct worktree *w)
{
	local_close(&w->local);
	for (size_t i = 0; i < w->urls.len; i++)
		free(w->urls.data[i]);
	vec_deinit(&w->urls);
	free(steal(&w->asked));
}

int worktree_trouble(const struct worktree *w, struct err *err)
{
	if (!w->trouble.code)
		return 0;
	*err = w->trouble;
	return -1;
}

static bool is_ours(void *arg, const char *url)
{
	const struct worktree *w = arg;

	if (w->repo && survey_same_repo(w->repo, url))
		return true;
	for (size_t i = 0; i < w->urls.len; i++)
		if (survey_same_repo(w->urls.data[i], url))
			return true;
	return false;
}

/* Status 1: there is none. */
static bool has_ref(struct worktree *w, const char *folder, const char *revision)
{
	_cleanup_free_ char *ref = xasprintf("%s/%s", folder, revision);
	const char *const args[] = { "show-ref", "--verify", "--quiet", ref, NULL };
	_cleanup_buf_ struct buf out = BUF_INIT;
	int status = 0;

	if (!git(w, args, &out, &status, &w->trouble) && status > 1)
		err_set(&w->trouble, ERR_INVALID, "git show-ref %s ended with status %d: see its "
			"message above", ref, status);
	return !w->trouble.code && !status;
}

/*
 * A branch goes before a tag, as for Argo CD; one that a shallow clone does not have is
 * still taken for one, and so is a version for a tag.
 */
static bool is_tag(struct worktree *w, const char *name)
{
	struct semver version;

	if (has_ref(w, "refs/heads", name) || has_ref(w, "refs/remotes/origin", name))
		return false;
	return has_ref(w, "refs/tags", name) || !strncmp(name, "refs/tags/", 10) ||
	       (strchr(name, '.') && !semver_parse(&version, name));
}

static bool ask(struct worktree *w, const char *revision)
{
	switch (revision_kind(revision)) {
	case REV_HEAD:
		return false;
	case REV_SHA:
	case REV_RANGE:
		return true;
	case REV_NAME:
		break;
	}
	return w->local.is_git && is_tag(w, revision);
}

static bool is_fixed(void *arg, const char *revision)
{
	struct worktree *w = arg;

	if (w->asked && !strcmp(w->asked, revision))
		return w->fixed;
	free(w->asked);
	w->asked = xstrdup(revision);
	w->fixed = ask(w, revision);
	return w->fixed;
}

struct survey_options worktree_survey(struct worktree *w)
{
	return (struct survey_options){ .files = w->local.files, .root = w->local.path,
		.is_ours = is_ours, .is_fixed = is_fixed, .arg = w };
}
