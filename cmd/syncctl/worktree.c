/* A work tree as the user's own Git sees it. */
#include "worktree.h"

#include "core/lsrefs.h"
#include "core/semver.h"
#include "files.h"

#include <stdio.h>

#define GIT_DEADLINE_MS 60000

static int git(const struct worktree *w, const char *const *args, struct buf *out)
{
	const char *argv[16] = { "git", "-C", w->local.root };
	struct err err = ERR_INIT;
	size_t n = 3;

	while (*args && n < ARRAY_LEN(argv) - 1)
		argv[n++] = *args++;
	return program_read(argv, GIT_DEADLINE_MS, out, &err);
}

/* Records "remote.origin.url\nURL\0". */
static void read_urls(struct worktree *w)
{
	static const char *const args[] = { "config", "-z", "--get-regexp",
					    "^remote\\..*\\.url$", NULL };
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (git(w, args, &out))
		return;	/* there is none */
	for (size_t at = 0; at < out.len; at += strlen(out.data + at) + 1) {
		const char *url = strchr(out.data + at, '\n');

		if (url && url[1])
			vec_push(&w->urls, xstrdup(url + 1));
	}
}

int worktree_open(struct worktree *w, const char *path, const char *repo, struct err *err)
{
	*w = (struct worktree){ .repo = repo };
	if (local_open_repository(&w->local, path, err))
		return -1;
	if (w->local.is_git)
		read_urls(w);
	return 0;
}

void worktree_close(struct worktree *w)
{
	local_close(&w->local);
	for (size_t i = 0; i < w->urls.len; i++)
		free(w->urls.data[i]);
	vec_deinit(&w->urls);
	free(w->asked);
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

static bool has_ref(const struct worktree *w, const char *folder, const char *revision)
{
	_cleanup_free_ char *ref = xasprintf("%s/%s", folder, revision);
	const char *const args[] = { "show-ref", "--verify", "--quiet", ref, NULL };
	_cleanup_buf_ struct buf out = BUF_INIT;

	return !git(w, args, &out);
}

/*
 * A branch goes before a tag, as for Argo CD; one that a shallow clone does not have is
 * still taken for one, and so is a version for a tag.
 */
static bool is_tag(const struct worktree *w, const char *name)
{
	struct semver version;

	if (has_ref(w, "refs/heads", name) || has_ref(w, "refs/remotes/origin", name))
		return false;
	return has_ref(w, "refs/tags", name) || !strncmp(name, "refs/tags/", 10) ||
	       (strchr(name, '.') && !semver_parse(&version, name));
}

static bool ask(const struct worktree *w, const char *revision)
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
