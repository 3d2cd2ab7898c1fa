/*
 * The cache: files under data_dir/cache, one per key.
 *
 * A file is named by the SHA-256 of its key and begins with the SHA-256 of its
 * bytes: written aside, then renamed; without fsync, because what a crash tears
 * is noticed on reading and removed. When all files together grow beyond the
 * cap, the ones used longest ago go. Every failure means "not there".
 */
#include "world_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUM_BYTES 32
#define ENTRY_MAX ((size_t)64 << 20)
#define CACHE_MAX ((uint64_t)512 << 20)
#define MAX_FILES 100000

static void sha256(const void *data, size_t len, unsigned char sum[SUM_BYTES])
{
	unsigned n = SUM_BYTES;

	if (EVP_Digest(data, len, sum, &n, EVP_sha256(), NULL) != 1)
		abort();
}

static char *path_of(const struct world_uv *w, const char *key)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	unsigned char sum[SUM_BYTES];

	sha256(key, strlen(key), sum);
	buf_addf(&b, "%s/", w->cache_dir);
	for (size_t i = 0; i < sizeof(sum); i++)
		buf_addf(&b, "%02x", sum[i]);
	return buf_steal(&b, NULL);
}

static bool read_all(int fd, void *data, size_t len)
{
	char *p = data;

	while (len) {
		ssize_t n = read(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static bool write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static int read_entry(int fd, struct buf *out)
{
	unsigned char want[SUM_BYTES], have[SUM_BYTES];
	_cleanup_free_ char *data = NULL;
	struct stat st;
	size_t len;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size < SUM_BYTES ||
	    (uint64_t)st.st_size > ENTRY_MAX + SUM_BYTES)
		return -1;
	len = (size_t)st.st_size - SUM_BYTES;
	data = xmalloc(len);
	if (!read_all(fd, want, sizeof(want)) || !read_all(fd, data, len))
		return -1;
	sha256(data, len, have);
	if (memcmp(want, have, sizeof(want)))
		return -1;
	*out = (struct buf)BUF_INIT_MAX(len ? len : 1);
	buf_add(out, data, len);
	futimens(fd, NULL);	/* used now: goes last */
	return 0;
}

int cache_uv_get(struct world *base, const char *key, struct buf *out)
{
	struct world_uv *w = world_uv_of(base);
	_cleanup_free_ char *path = NULL;
	int fd, r;

	if (!w->cache_dir)
		return -1;
	path = path_of(w, key);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -1;
	r = read_entry(fd, out);
	close(fd);
	if (r)
		unlink(path);
	return r;
}

struct entry {
	char *name;
	int64_t used_ns;
	uint64_t size;
};
struct entry_list {
	struct entry *data;
	size_t len, cap;
};

static int by_age(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->used_ns > y->used_ns) - (x->used_ns < y->used_ns);
}

/* Every entry, and their bytes together; what a dead writer left is removed. */
static uint64_t scan(const struct world_uv *w, struct entry_list *l)
{
	DIR *d = opendir(w->cache_dir);
	uint64_t total = 0;
	struct dirent *e;

	while (d && l->len < MAX_FILES && (e = readdir(d))) {
		struct stat st;

		if (e->d_name[0] == '.' ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (strchr(e->d_name, '.')) {
			unlinkat(dirfd(d), e->d_name, 0);
			continue;
		}
		vec_push(l, ((struct entry){
			.name = xstrdup(e->d_name),
			.used_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 +
				   st.st_mtim.tv_nsec,
			.size = (uint64_t)st.st_size,
		}));
		total += (uint64_t)st.st_size;
	}
	if (d)
		closedir(d);
	return total;
}

/* Counts anew; if that is too much, removes until a quarter is free. */
static void trim(struct world_uv *w)
{
	struct entry_list l = { 0 };
	bool over;

	w->cache_bytes = scan(w, &l);
	over = w->cache_bytes > CACHE_MAX;
	if (over)
		qsort(l.data, l.len, sizeof(*l.data), by_age);
	for (size_t i = 0; i < l.len; i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", w->cache_dir,
						      l.data[i].name);

		if (over && w->cache_bytes > CACHE_MAX / 4 * 3 && !unlink(path))
			w->cache_bytes -= l.data[i].size;
		free(l.data[i].name);
	}
	vec_deinit(&l);
}

void cache_uv_put(struct world *base, const char *key, const void *data,
		  size_t len)
{
	struct world_uv *w = world_uv_of(base);
	_cleanup_free_ char *path = NULL, *temp = NULL;
	unsigned char sum[SUM_BYTES];
	bool ok;
	int fd;

	if (!w->cache_dir || len > ENTRY_MAX)
		return;
	path = path_of(w, key);
	temp = xasprintf("%s.new", path);
	sha256(data, len, sum);
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (fd < 0)
		return;
	ok = write_all(fd, sum, sizeof(sum)) && write_all(fd, data, len);
	ok = !close(fd) && ok;
	if (!ok || rename(temp, path) < 0) {
		unlink(temp);
		return;
	}
	w->cache_bytes += SUM_BYTES + len;
	if (w->cache_bytes > CACHE_MAX)
		trim(w);
}

void world_cache_init(struct world_uv *w)
{
	const char *dir = w->config.data_dir;

	if (!dir)
		return;
	w->cache_dir = xasprintf("%s/cache", dir);
	if ((mkdir(dir, 0700) < 0 && errno != EEXIST) ||
	    (mkdir(w->cache_dir, 0700) < 0 && errno != EEXIST)) {
		log_at(&w->base, LOG_WARN, "no cache: cannot make its folder",
		       "folder", w->cache_dir, "error", strerror(errno), NULL);
		free(w->cache_dir);
		w->cache_dir = NULL;
		return;
	}
	trim(w);
}
