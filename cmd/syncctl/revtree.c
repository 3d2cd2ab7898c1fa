/*
 * The tree of a revision: its names by one `git ls-tree`, its blobs by one `git cat-file
 * --batch` that answers as long as the tree is open. Nothing is checked out, so no
 * filter or hook runs and no link leads anywhere.
 */
#include "revtree.h"

#include "child.h"
#include "core/utf8.h"
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define GIT_DEADLINE_MS 60000
#define LINK_MAX_BYTES 4096
#define IN_BYTES 65536

struct row {
	const char *path;	/* in text */
	const char *id;
	enum file_kind kind;
};

struct revtree {
	struct files files;
	char *text;		/* what ls-tree said, cut into strings */
	VEC(struct row) rows;	/* sorted by path: what is below a folder stands together */
	pid_t pid;		/* of cat-file; 0: not started */
	int to, from;
	char *in;		/* read from it, and not taken yet */
	size_t in_at, in_len;
	char *groups;		/* what git grep said, cut into strings */
	VEC(char *) holders;	/* files that name the group of Applications, sorted */
	char *worktree;
};

static struct revtree *self(struct files *f)
{
	return container_of(f, struct revtree, files);
}

static char *first_line(const char *const *argv, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (program_read(argv, GIT_DEADLINE_MS, &out, err))
		return NULL;
	return xstrndup(buf_str(&out), strcspn(buf_str(&out), "\n"));
}

char *revtree_resolve(const char *worktree, const char *rev, struct err *err)
{
	_cleanup_free_ char *commit = xasprintf("%s^{commit}", rev);
	const char *const argv[] = { "git", "-C", worktree, "rev-parse", "--verify", "--quiet",
				     "--end-of-options", commit, NULL };
	char *id = first_line(argv, err);

	if (id && *id)
		return id;
	free(id);
	err_set(err, ERR_NOTFOUND, "%.100s is no commit of %s: fetch it first (in CI: a clone "
		"with its history)", rev, worktree);
	return NULL;
}

char *revtree_merge_base(const char *worktree, const char *a, const char *b)
{
	const char *const argv[] = { "git", "-C", worktree, "merge-base", a, b, NULL };
	struct err err = ERR_INIT;
	char *id = first_line(argv, &err);

	if (id && *id)
		return id;
	free(id);
	return NULL;
}

/* ---- names ---- */

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->path, ((const struct row *)b)->path);
}

static const struct row *find(const struct revtree *t, const char *path)
{
	const struct row key = { .path = path };

	return t->rows.len ? bsearch(&key, t->rows.data, t->rows.len, sizeof(key), by_path) :
			     NULL;
}

/* "100644 blob ID\tPATH" */
static int read_row(struct revtree *t, char *line, struct err *err)
{
	char *tab = strchr(line, '\t'), *id = tab ? memrchr(line, ' ', (size_t)(tab - line)) :
						    NULL;
	struct row row = { .kind = FILE_REGULAR };

	if (!id)
		return err_set(err, ERR_IO, "git ls-tree prints what it should not");
	*tab = '\0';
	row.id = id + 1;
	row.path = tab + 1;
	if (!utf8_valid(row.path, strlen(row.path)))
		return err_set(err, ERR_INVALID, "a file's name is not UTF-8: rename it");
	if (!strncmp(line, "040000", 6))
		row.kind = FILE_FOLDER;
	else if (!strncmp(line, "120000", 6))
		row.kind = FILE_SYMLINK;
	else if (!strncmp(line, "160000", 6))
		row.kind = FILE_SUBMODULE;
	vec_push(&t->rows, row);
	return 0;
}

static int read_names(struct revtree *t, const char *commit, struct err *err)
{
	const char *const argv[] = { "git", "-C", t->worktree, "ls-tree", "-r", "-t", "-z",
				     "--full-tree", commit, NULL };
	_cleanup_buf_ struct buf out = BUF_INIT;
	size_t len;

	if (program_read(argv, GIT_DEADLINE_MS, &out, err))
		return -1;
	t->text = buf_steal(&out, &len);
	for (size_t at = 0; t->text && at < len;) {
		size_t n = strlen(t->text + at);

		if (read_row(t, t->text + at, err))
			return -1;
		at += n + 1;
	}
	if (t->rows.len)
		qsort(t->rows.data, t->rows.len, sizeof(t->rows.data[0]), by_path);
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Records "COMMIT:PATH\0"; its exit status 1 says that there is none. */
static int read_holders(struct revtree *t, const char *commit, struct err *err)
{
	const char *const argv[] = { "git", "-C", t->worktree, "grep", "--no-color", "-lzF", "-e",
				     "argoproj.io/v1alpha1", commit, "--", NULL };
	_cleanup_buf_ struct buf out = BUF_INIT;
	size_t len, head = strlen(commit) + 1;
	int status;

	if (program_status(argv, GIT_DEADLINE_MS, &out, &status, err))
		return -1;
	if (status > 1)
		return err_set(err, ERR_INVALID, "git grep failed: see its message above");
	t->groups = buf_steal(&out, &len);
	for (size_t at = 0; t->groups && at < len; at += strlen(t->groups + at) + 1)
		if (strlen(t->groups + at) > head)
			vec_push(&t->holders, t->groups + at + head);
	if (t->holders.len)
		qsort(t->holders.data, t->holders.len, sizeof(char *), by_text);
	return 0;
}

bool revtree_may_hold(struct files *f, const char *path)
{
	const struct revtree *t = self(f);

	return t->holders.len && bsearch(&path, t->holders.data, t->holders.len,
					 sizeof(char *), by_text);
}

static void to_entry(const struct row *row, struct file_entry *ret)
{
	const char *slash = strrchr(row->path, '/');

	*ret = (struct file_entry){ .name = xstrdup(slash ? slash + 1 : row->path),
				    .kind = row->kind };
	snprintf(ret->id, sizeof(ret->id), "%s", row->id);
}

static int not_found(const char *path, struct err *err)
{
	return err_set(err, ERR_NOTFOUND, "%s: not found", path);
}

static int rev_stat(struct files *f, const char *path, struct file_entry *ret,
		    struct err *err)
{
	const struct row *row = find(self(f), path);

	if (!*path) {
		*ret = (struct file_entry){ .name = xstrdup(""), .kind = FILE_FOLDER };
		return 0;
	}
	if (!row)
		return not_found(path, err);
	to_entry(row, ret);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file_entry *)a)->name,
		      ((const struct file_entry *)b)->name);
}

static int rev_list(struct files *f, const char *path, struct file_list *ret,
		    struct err *err)
{
	struct revtree *t = self(f);
	const struct row *row = find(t, path);
	size_t n = strlen(path), i = row ? (size_t)(row - t->rows.data) + 1 : 0;
	struct file_list l = { 0 };

	if (*path && !row)
		return not_found(path, err);
	if (row && row->kind != FILE_FOLDER)
		return err_set(err, ERR_INVALID, "%s: not a folder", path);
	/* "a-b" and "a.b" come between "a" and "a/b" */
	for (; i < t->rows.len && !strncmp(t->rows.data[i].path, path, n); i++) {
		const char *its = t->rows.data[i].path;
		struct file_entry e;

		if ((n && its[n] != '/') || strchr(its + n + (n > 0), '/'))
			continue;
		to_entry(&t->rows.data[i], &e);
		vec_push(&l, e);
	}
	if (l.len)
		qsort(l.data, l.len, sizeof(l.data[0]), by_name);
	*ret = l;
	return 0;
}

/* ---- contents ---- */

static int start(struct revtree *t, struct err *err)
{
	const char *const argv[] = { "git", "-C", t->worktree, "cat-file", "--batch", NULL };
	int in[2], out[2], rc;

	if (t->pid)
		return 0;
	if (pipe2(in, O_CLOEXEC))
		return err_set(err, ERR_IO, "pipe: %s", strerror(errno));
	if (pipe2(out, O_CLOEXEC)) {
		close(in[0]);
		close(in[1]);
		return err_set(err, ERR_IO, "pipe: %s", strerror(errno));
	}
	rc = child_start(argv, (const int[3]){ in[0], out[1], -1 }, &t->pid, err);
	close(in[0]);
	close(out[1]);
	t->to = in[1];
	t->from = out[0];
	t->in_at = t->in_len = 0;
	if (!rc)
		return 0;
	t->pid = 0;
	close(t->to);
	close(t->from);
	return -1;
}

static int fill(struct revtree *t, struct err *err)
{
	struct pollfd p = { .fd = t->from, .events = POLLIN };
	int ready = poll(&p, 1, GIT_DEADLINE_MS);
	ssize_t got = ready > 0 ? read(t->from, t->in, IN_BYTES) : -1;

	if (!ready)
		return err_set(err, ERR_TIMEOUT, "git cat-file took too long");
	if (got < 0 && errno == EINTR)
		got = 0;
	else if (got <= 0)
		return err_set(err, ERR_IO, "git cat-file ended");
	t->in_at = 0;
	t->in_len = (size_t)got;
	return 0;
}

/* Exactly so many bytes. */
static int take(struct revtree *t, char *to, size_t n, struct err *err)
{
	while (n) {
		size_t some = t->in_len - t->in_at;

		if (!some) {
			if (fill(t, err))
				return -1;
			continue;
		}
		some = some < n ? some : n;
		memcpy(to, t->in + t->in_at, some);
		t->in_at += some;
		to += some;
		n -= some;
	}
	return 0;
}

static int ask(struct revtree *t, const char *id, struct err *err)
{
	_cleanup_free_ char *line = xasprintf("%s\n", id);
	size_t n = strlen(line), done = 0;

	while (done < n) {
		ssize_t w = write(t->to, line + done, n - done);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return err_set(err, ERR_IO, "git cat-file ended");
		done += (size_t)w;
	}
	return 0;
}

/* "ID blob SIZE\n", or "ID missing\n" */
static int read_size(struct revtree *t, const char *path, size_t *ret, struct err *err)
{
	char line[256];
	size_t n = 0;
	const char *blob;

	do {
		if (take(t, line + n, 1, err))
			return -1;
	} while (line[n++] != '\n' && n < sizeof(line) - 1);
	line[n] = '\0';
	blob = strstr(line, " blob ");
	if (!blob)
		return err_set(err, ERR_IO, "%s: Git does not have its contents", path);
	*ret = strtoull(blob + 6, NULL, 10);
	return 0;
}

/* A new process is started for the next one: what is left of this answer is not read. */
static void stop(struct revtree *t)
{
	int status;

	if (!t->pid)
		return;
	close(t->to);
	close(t->from);
	child_end(t->pid);
	while (waitpid(t->pid, &status, 0) < 0 && errno == EINTR)
		;
	t->pid = 0;
}

static int read_blob(struct revtree *t, const struct row *row, size_t max, char **ret,
		     size_t *ret_len, struct err *err)
{
	_cleanup_free_ char *data = NULL;
	size_t size = 0;

	if (start(t, err))
		return -1;
	if (ask(t, row->id, err) || read_size(t, row->path, &size, err)) {
		stop(t);
		return err_wrap(err, "%s", row->path);
	}
	if (size > max) {
		stop(t);
		return err_set(err, ERR_LIMIT, "%s: larger than %zu bytes", row->path, max);
	}
	data = xmalloc(size + 1);
	if (take(t, data, size + 1, err)) {	/* a line break ends it */
		stop(t);
		return err_wrap(err, "%s", row->path);
	}
	data[size] = '\0';
	*ret = steal(&data);
	*ret_len = size;
	return 0;
}

static int rev_read(struct files *f, const char *path, size_t max, char **ret,
		    size_t *ret_len, struct err *err)
{
	const struct row *row = find(self(f), path);

	if (!row && *path)
		return not_found(path, err);
	if (!row || row->kind != FILE_REGULAR)
		return err_set(err, ERR_INVALID, "%s: not a regular file", path);
	return read_blob(self(f), row, max, ret, ret_len, err);
}

static int rev_link(struct files *f, const char *path, char **ret, struct err *err)
{
	const struct row *row = find(self(f), path);
	size_t len = 0;

	if (!row)
		return not_found(path, err);
	if (row->kind != FILE_SYMLINK)
		return err_set(err, ERR_INVALID, "%s: not a symbolic link", path);
	if (read_blob(self(f), row, LINK_MAX_BYTES, ret, &len, err))
		return -1;
	if (strlen(*ret) == len)
		return 0;
	free(steal(ret));
	return err_set(err, ERR_INVALID, "%s: an odd symbolic link", path);
}

static void rev_close(struct files *f)
{
	struct revtree *t = self(f);

	stop(t);
	free(t->in);
	free(t->groups);
	vec_deinit(&t->holders);
	vec_deinit(&t->rows);
	free(t->text);
	free(t->worktree);
	free(t);
}

struct files *revtree_open(const char *worktree, const char *commit, struct err *err)
{
	static const struct files_ops ops = { rev_stat, rev_list, rev_read, rev_close,
					      rev_link };
	struct revtree *t = xcalloc(1, sizeof(*t));

	t->files.ops = &ops;
	t->worktree = xstrdup(worktree);
	t->in = xmalloc(IN_BYTES);
	if (!read_names(t, commit, err) && !read_holders(t, commit, err))
		return &t->files;
	rev_close(&t->files);
	return NULL;
}
