/*
 * Mirrors: locking, cleaning up after the killed, generations.
 *
 * A fetch that is killed leaves lock files, which would make every later fetch
 * fail, and temporary packs, which would fill the disk. Whoever holds the lock
 * knows that their makers are gone: the lock is flock's, the kernel drops it with
 * the process. Packs pile up, as libgit2 cannot repack; a new generation replaces
 * them. Readers hold a shared lock on their generation's folder (files_git.c).
 */
#include "mirror.h"

#include "core/buf.h"
#include "repo.h"
#include "transport.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_PACKS 50
#define MARKER "published"
#define OPEN_FDS 16

static int make_folders(const char *path, struct err *err)
{
	_cleanup_free_ char *p = xstrdup(path);

	for (char *slash = p + 1; slash; slash++) {
		slash = strchr(slash, '/');
		if (slash)
			*slash = '\0';
		if (mkdir(p, 0755) && errno != EEXIST)
			return err_set(err, ERR_IO, "mirror folder %s: %s", p,
				       strerror(errno));
		if (!slash)
			break;
		*slash = '/';
	}
	return 0;
}

/* One path segment that cannot be an option, hidden, or lead elsewhere. */
static bool key_is_fine(const char *key)
{
	size_t len = strlen(key);

	if (!len || len > 128 || *key == '.' || *key == '-')
		return false;
	for (; *key; key++)
		if (!isalnum((unsigned char)*key) && !strchr("-_.", *key))
			return false;
	return true;
}

/* "g000007" -> 7; 0: no generation's name. */
static unsigned generation_of(const char *name)
{
	unsigned n = 0;
	int end = 0;

	if (sscanf(name, "g%6u%n", &n, &end) != 1 || end != 7 || name[7])
		return 0;
	return n;
}

static void find_current(struct mirror *m)
{
	DIR *d = opendir(m->folder);
	struct dirent *e;

	m->generation = 0;
	while (d && (e = readdir(d))) {
		unsigned n = generation_of(e->d_name);

		if (n > m->generation)
			m->generation = n;
	}
	if (d)
		closedir(d);
	free(m->current);
	m->current = m->generation ?
		xasprintf("%s/g%06u", m->folder, m->generation) : NULL;
}

int mirror_open(struct mirror *m, const char *mirrors, const char *key,
		struct err *err)
{
	if (*mirrors != '/')
		return err_set(err, ERR_INTERNAL, "mirrors folder %s is not absolute",
			       mirrors);
	if (!key_is_fine(key))
		return err_set(err, ERR_INTERNAL, "\"%.100s\" is no mirror's name",
			       key);
	m->folder = xasprintf("%s/%s", mirrors, key);
	if (make_folders(m->folder, err))
		return -1;
	find_current(m);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int what,
		      struct FTW *at)
{
	(void)st;
	(void)what;
	(void)at;
	remove(path);	/* what stays is tried again next time */
	return 0;
}

static void remove_tree(const char *path)
{
	nftw(path, remove_one, OPEN_FDS, FTW_DEPTH | FTW_PHYS);
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

/* The other half of a pack: a killed fetch may have renamed only one. */
static bool is_half_pack(const char *path)
{
	_cleanup_free_ char *other = NULL;
	size_t n = strlen(path);

	if (ends_with(path, ".pack"))
		other = xasprintf("%.*s.idx", (int)(n - 5), path);
	else if (ends_with(path, ".idx"))
		other = xasprintf("%.*s.pack", (int)(n - 4), path);
	return other && access(other, F_OK) && errno == ENOENT;
}

static int clean_one(const char *path, const struct stat *st, int what,
		     struct FTW *at)
{
	const char *name = path + at->base;

	(void)st;
	if (what != FTW_F)
		return 0;
	/* libgit2 calls every temporary file <what>_git2_<random>. */
	if (ends_with(name, ".lock") || strstr(name, "_git2_") ||
	    is_half_pack(path))
		unlink(path);
	return 0;
}

static void clean_up(struct mirror *m)
{
	_cleanup_free_ char *next = xasprintf("%s/next", m->folder);

	remove_tree(next);
	if (m->current)
		nftw(m->current, clean_one, OPEN_FDS, FTW_PHYS);
}

int mirror_lock(struct mirror *m, unsigned wait_ms, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/lock", m->folder);
	uint64_t until = transfer_now() + wait_ms;

	m->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (m->lock < 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	while (flock(m->lock, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_set(err, ERR_IO, "%s: %s", path,
				       strerror(errno));
		if (transfer_now() >= until)
			return err_set(err, ERR_TIMEOUT,
				       "another fetch of this repository has been running for %u s",
				       wait_ms / 1000);
		usleep(20 * 1000);
	}
	find_current(m);
	clean_up(m);
	return 0;
}

int mirror_begin(struct mirror *m, struct err *err)
{
	git_repository_init_options o;
	git_repository *repo = NULL;
	int rc;

	mirror_abandon(m);
	m->next = xasprintf("%s/next", m->folder);
	git_repository_init_options_init(&o, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
	o.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_NO_REINIT |
		  GIT_REPOSITORY_INIT_MKDIR;
	o.initial_head = "none";
	rc = git_repository_init_ext(&repo, m->next, &o);
	if (rc < 0)
		return repo_fail(rc, err, "cannot make %s", m->next);
	git_repository_free(repo);
	return 0;
}

int mirror_publish(struct mirror *m, struct err *err)
{
	_cleanup_free_ char *marker = xasprintf("%s/%s", m->next, MARKER);
	char *path = xasprintf("%s/g%06u", m->folder, m->generation + 1);
	int fd = open(marker, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd >= 0)
		close(fd);
	if (fd < 0 || rename(m->next, path)) {
		err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
		free(path);
		return -1;
	}
	free(m->next);
	free(m->current);
	m->next = NULL;
	m->current = path;
	m->generation++;
	return 0;
}

void mirror_abandon(struct mirror *m)
{
	if (m->next)
		remove_tree(m->next);
	free(m->next);
	m->next = NULL;
}

bool mirror_is_worn(const struct mirror *m)
{
	_cleanup_free_ char *path = xasprintf("%s/objects/pack", m->current);
	DIR *d = opendir(path);
	struct dirent *e;
	int packs = 0;

	while (d && (e = readdir(d)))
		packs += ends_with(e->d_name, ".pack");
	if (d)
		closedir(d);
	return packs > MAX_PACKS;
}

static bool in_grace(const struct mirror *m, unsigned grace_s)
{
	_cleanup_free_ char *marker = xasprintf("%s/%s", m->current, MARKER);
	struct stat st;
	time_t age;

	if (stat(marker, &st))
		return false;
	age = time(NULL) - st.st_mtime;
	/* A clock that was set back must not keep the old for ever. */
	return age >= 0 && age < (time_t)grace_s;
}

/* Not while someone reads it: readers share a lock on the folder. */
static void retire_one(const struct mirror *m, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", m->folder, name);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return;
	if (!flock(fd, LOCK_EX | LOCK_NB))
		remove_tree(path);
	close(fd);
}

void mirror_retire(struct mirror *m, unsigned grace_s)
{
	struct dirent *e;
	DIR *d;

	if (!m->current || in_grace(m, grace_s))
		return;
	d = opendir(m->folder);
	while (d && (e = readdir(d))) {
		unsigned n = generation_of(e->d_name);

		if (n && n < m->generation)
			retire_one(m, e->d_name);
	}
	if (d)
		closedir(d);
}

void mirror_close(struct mirror *m)
{
	mirror_abandon(m);
	if (m->lock >= 0)
		close(m->lock);
	free(m->folder);
	free(m->current);
	*m = (struct mirror)MIRROR_INIT;
}

/* ---- mirrors that nobody uses ---- */

static bool is_listed(const char *names, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = names; (at = strstr(at, name)); at += n)
		if ((at == names || at[-1] == ' ') && (!at[n] || at[n] == ' '))
			return true;
	return false;
}

/* As repo_key() makes them: a hash at the end, and a lock inside. */
static bool is_mirror(const char *mirrors, const char *name)
{
	size_t len = strlen(name);
	_cleanup_free_ char *folder = xasprintf("%s/%s", mirrors, name);
	_cleanup_free_ char *lock = xasprintf("%s/lock", folder);
	struct stat st;

	return key_is_fine(name) && len >= 16 &&
	       strspn(name + len - 16, "0123456789abcdef") == 16 &&
	       !lstat(folder, &st) && S_ISDIR(st.st_mode) &&
	       !lstat(lock, &st) && S_ISREG(st.st_mode);
}

/* The folder that is read from, or -1: it cannot be had for us alone. */
static int take_alone(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Every generation, or none: readers share a lock on theirs. */
static bool is_read(const struct mirror *m)
{
	DIR *d = opendir(m->folder);
	struct dirent *e;
	bool read = false;

	while (d && !read && (e = readdir(d))) {
		_cleanup_free_ char *path = xasprintf("%s/%s", m->folder, e->d_name);
		int fd;

		if (!generation_of(e->d_name))
			continue;
		fd = take_alone(path, O_RDONLY | O_DIRECTORY);
		read = fd < 0;
		if (fd >= 0)
			close(fd);
	}
	if (d)
		closedir(d);
	return read;
}

/* A fetch that begins just now finds no folder, and asks again. */
static bool sweep_one(const char *mirrors, const char *name, unsigned grace_s)
{
	_cleanup_mirror_ struct mirror m = MIRROR_INIT;
	_cleanup_free_ char *lock = xasprintf("%s/%s/lock", mirrors, name);

	m.folder = xasprintf("%s/%s", mirrors, name);
	m.lock = take_alone(lock, O_RDWR);
	if (m.lock < 0)
		return false;
	find_current(&m);
	if ((m.current && in_grace(&m, grace_s)) || is_read(&m))
		return false;
	remove_tree(m.folder);
	return true;
}

unsigned mirror_sweep(const char *mirrors, const char *keep, unsigned grace_s)
{
	DIR *d = opendir(mirrors);
	struct dirent *e;
	unsigned n = 0;

	while (d && (e = readdir(d)))
		if (is_mirror(mirrors, e->d_name) && !is_listed(keep, e->d_name))
			n += sweep_one(mirrors, e->d_name, grace_s);
	if (d)
		closedir(d);
	return n;
}
