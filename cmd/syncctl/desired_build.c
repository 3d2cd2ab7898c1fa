/*
 * What an application should be, rendered here by the daemon's renderer: each source from
 * a folder of this machine or from a commit that the user's own Git fetches into a
 * temporary folder, then all of them into one answer, as the daemon joins them.
 */
#include "desired.h"

#include "core/fetch.h"
#include "core/lsrefs.h"
#include "core/mem.h"
#include "files.h"
#include "local.h"
#include "sync/app_spec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define GIT_DEADLINE_MS 120000

struct building {
	const json_t *app;
	const struct view_picks *picks;
	struct app_spec spec;
	char *dir;		/* what was fetched lies in it, by source; NULL: nothing */
	pid_t cleaner;		/* removes it, as soon as alive is closed */
	int alive;
	bool fetched[RENDER_SOURCES_MAX];
	/* by part: the sources that objects come from */
	size_t n, of[RENDER_SOURCES_MAX];
	struct local locals[RENDER_SOURCES_MAX];
	struct buf texts[RENDER_SOURCES_MAX];
	struct render_request requests[RENDER_SOURCES_MAX];
	struct render_part parts[RENDER_SOURCES_MAX];
	char names[RENDER_SOURCES_MAX][32];
};

static int run(const char *const *argv, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	return program_read(argv, GIT_DEADLINE_MS, &out, err);
}

static void building_freep(struct building **at)
{
	struct building *b = *at;
	int status = 0;

	for (size_t i = 0; i < b->n; i++) {
		local_close(&b->locals[i]);
		buf_deinit(&b->texts[i]);
	}
	if (b->dir) {
		close(b->alive);
		while (waitpid(b->cleaner, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (status)
		output_note("%s could not be removed", b->dir);
	free(b->dir);
	app_spec_deinit(&b->spec);
	free(b);
}

/* Which of several it is about; of one alone it is clear. */
static int blame(const struct building *b, size_t source, struct err *err)
{
	_cleanup_free_ char *words = view_source_words(b->app, source);

	return b->picks->many ? err_wrap(err, "%s", words) : -1;
}

/* ---- fetching ---- */

/* One commit alone; where the server refuses that, all of its branches and tags. */
static int fetch(const char *dir, const char *url, const char *revision,
		 struct err *err)
{
	const char *const init[] = { "git", "init", "-q", dir, NULL };
	const char *const one[] = { "git", "-C", dir, "fetch", "-q", "--depth", "1", "--",
				    url, revision, NULL };
	const char *const all[] = { "git", "-C", dir, "fetch", "-q", "--tags", "--", url,
				    "+refs/heads/*:refs/remotes/origin/*", NULL };
	const char *const head[] = { "git", "-C", dir, "checkout", "-q", "FETCH_HEAD", NULL };
	const char *const that[] = { "git", "-C", dir, "checkout", "-q", revision, "--", NULL };

	if (run(init, err))
		return -1;
	if (!run(one, err))
		return run(head, err);
	*err = ERR_INIT;
	return run(all, err) || run(that, err) ? -1 : 0;
}

static int check_revision(const struct building *b, const char *revision, struct err *err)
{
	if (!revision)
		return err_set(err, ERR_NOTFOUND, "what Git is at is not known yet: give %s",
			       b->picks->many ? "--revisions REV --source-positions N" :
			       "--revision or --local");
	if (*revision == '-')
		return err_set(err, ERR_INVALID, "\"%.60s\" is no revision", revision);
	if (revision_kind(revision) == REV_RANGE)
		return err_set(err, ERR_INVALID, "\"%.60s\" is a range of versions, which syncd "
			       "resolves: give a branch, a tag or a commit", revision);
	return 0;
}

/*
 * Removes dir when the other end of the pipe is closed: by us, or by whatever ends us.
 * A terminal's Ctrl-C does not reach it.
 */
static void clean_up_after(const char *dir, int alive)
{
	ssize_t n;
	char c;

	setsid();
	do
		n = read(alive, &c, 1);
	while (n < 0 && errno == EINTR);
	execlp("rm", "rm", "-rf", "--", dir, NULL);
	_exit(127);
}

static int start_cleaner(struct building *b, struct err *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return err_set(err, ERR_IO, "pipe: %s", strerror(errno));
	b->alive = fds[1];
	b->cleaner = fork();
	if (!b->cleaner) {
		close(fds[1]);
		clean_up_after(b->dir, fds[0]);
	}
	close(fds[0]);
	if (b->cleaner > 0)
		return 0;
	close(fds[1]);
	return err_set(err, ERR_IO, "fork: %s", strerror(errno));
}

/* By its real name: what is told of links is told by comparing such. */
static int make_dir(struct building *b, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	_cleanup_free_ char *in = NULL, *dir = NULL;

	if (b->dir)
		return 0;
	tmp = tmp && *tmp ? tmp : "/tmp";
	in = realpath(tmp, NULL);
	dir = xasprintf("%s/syncctl-XXXXXX", in ? in : tmp);
	if (!in || !mkdtemp(dir))
		return err_set(err, ERR_IO, "%s: %s", dir, strerror(errno));
	b->dir = steal(&dir);
	if (!start_cleaner(b, err))
		return 0;
	rmdir(b->dir);
	free(steal(&b->dir));
	return -1;
}

/* One that was fetched already, of the same repository at the same revision; or i. */
static size_t first_alike(const struct building *b, size_t i)
{
	const struct app_source *all = b->spec.sources.list.data;
	const char *revision = view_wanted_revision(b->app, b->picks, i);

	for (size_t k = 0; k < i; k++)
		if (b->fetched[k] && !strcmp(all[k].repo_url, all[i].repo_url) &&
		    !strcmp(view_wanted_revision(b->app, b->picks, k), revision))
			return k;
	return i;
}

/* Source i's folder at its revision. */
static int open_fetched(struct building *b, size_t i, struct local *ret, struct err *err)
{
	const char *revision = view_wanted_revision(b->app, b->picks, i);
	const struct app_source *s = &b->spec.sources.list.data[i];
	_cleanup_free_ char *dir = NULL, *path = NULL, *real = NULL;
	_cleanup_free_ char *url = repo_url_shown(s->repo_url);
	size_t from;

	if (check_revision(b, revision, err) || make_dir(b, err))
		return -1;
	from = first_alike(b, i);
	dir = xasprintf("%s/%zu", b->dir, from);
	path = xasprintf("%s%s%s", dir, *s->path ? "/" : "", s->path);
	if (from == i && fetch(dir, s->repo_url, revision, err))
		return err_wrap(err, "fetching %.12s with your Git (does git ls-remote %s "
				"answer?)", revision, url);
	b->fetched[from] = true;
	real = realpath(path, NULL);
	if (!real)
		return err_set(err, ERR_NOTFOUND, "there is no folder '%s' at %.12s", s->path,
			       revision);
	if (strcmp(real, path))
		return err_set(err, ERR_INVALID, "source.path '%s' at %.12s is a symbolic link, "
			       "or lies behind one, which is not followed", s->path, revision);
	return local_open(ret, path, err);
}

/* ---- rendering ---- */

static int open_source(struct building *b, size_t i, struct local *ret, struct err *err)
{
	const struct app_source *s = &b->spec.sources.list.data[i];
	const char *path = b->picks->of[i].local;

	if (path && s->ref_only)
		return err_set(err, ERR_INVALID, "it is only a ref: no objects come from it, and "
			       "no folder can stand for it");
	return path ? local_open(ret, path, err) : open_fetched(b, i, ret, err);
}

static int add_part(struct building *b, size_t i, struct err *err)
{
	const struct app_source *s = &b->spec.sources.list.data[i];
	size_t n = b->n;

	if (s->ref_only && !b->picks->of[i].local)
		return 0;
	if (open_source(b, i, &b->locals[n], err))
		return blame(b, i, err);
	snprintf(b->names[n], sizeof(b->names[0]), "sources[%zu]", i);
	b->requests[n] = (struct render_request){
		.path = (char *)(uintptr_t)b->locals[n].path, .source = s->raw,
		.where = b->picks->many ? b->names[n] : NULL,
		.destination_ns = b->spec.dest_ns };
	b->parts[n] = (struct render_part){ .request = &b->requests[n],
					    .files = b->locals[n].files };
	b->of[n] = i;
	b->n++;
	return 0;
}

/* One alone: says what is wrong with it, or runs the program where it needs that. */
static int probe(struct building *b, size_t n, struct err *err)
{
	struct render_request alone = b->requests[n];
	struct render_answer a = { 0 };
	int rc;

	alone.where = NULL;
	rc = render_run(b->locals[n].files, &alone, &a, err);
	if (rc)
		local_fail(&b->locals[n], err);
	if (!rc && a.exec_why) {
		_cleanup_free_ char *why = local_words(&b->locals[n], a.exec_why);

		rc = local_program(b->locals[n].full, why, &b->texts[n], err);
		b->parts[n].text = buf_str(&b->texts[n]);
		b->parts[n].len = b->texts[n].len;
		b->parts[n].name = b->locals[n].full;
	}
	render_answer_deinit(&a);
	return rc ? blame(b, b->of[n], err) : 0;
}

static int build(struct building *b, struct render_answer *ret, struct err *err)
{
	struct err first = ERR_INIT;
	int rc = render_all(b->parts, b->n, ret, &first);

	if (!rc && !ret->exec_why)
		return 0;
	render_answer_deinit(ret);
	*ret = (struct render_answer){ 0 };
	for (size_t n = 0; n < b->n; n++)
		if (probe(b, n, err))
			return -1;
	if (!rc)
		return render_all(b->parts, b->n, ret, err);
	*err = first;		/* it is of all of them together */
	return -1;
}

int desired_built(const json_t *app, const struct view_picks *picks,
		  struct render_answer *ret, struct err *err)
{
	static const struct app_defaults defaults = { .auto_revert = true };
	_cleanup_(building_freep) struct building *b = xcalloc(1, sizeof(*b));

	*ret = (struct render_answer){ 0 };
	b->app = app;
	b->picks = picks;
	app_spec_decode(&b->spec, app, &defaults);
	if (b->spec.n_errors)
		return err_set(err, ERR_INVALID, "syncd refuses the application: %s",
			       b->spec.errors[0]);
	for (size_t i = 0; i < b->spec.sources.list.len; i++)
		if (add_part(b, i, err))
			return -1;
	return build(b, ret, err);
}
