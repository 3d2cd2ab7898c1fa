/*
 * texts.c - what a build reads of its files, each text once; and what is not made of
 * resources as one document.
 *
 * A text counts once against the cap of what is read, and its use every time against
 * a larger one, so that bases that name bases twice cannot blow up.
 */
#include <uthash.h>

#include "kust_priv.h"

#define FILES_MAX 20000
#define REUSE_MAX 16	/* texts may be used so many times the cap of bytes */

/* A text that was read, found again by tree and path. */
struct kseen {
	UT_hash_handle hh;
	const char *text;
	size_t len;
	char key[];
};

static size_t or_default(size_t v, size_t fallback)
{
	return v ? v : fallback;
}

static size_t max_source(const struct kust *k)
{
	return or_default(k->o->source_bytes, (size_t)32 << 20);
}

void ktexts_deinit(struct kust *k)
{
	struct kseen *l, *next;

	HASH_ITER(hh, k->seen, l, next) {
		HASH_DEL(k->seen, l);
		free(l);
	}
}

static int count_use(struct kust *k, const char *path, size_t len, struct err *err)
{
	k->used_bytes += len;
	if (k->used_bytes <= max_source(k) * REUSE_MAX)
		return 0;
	return err_set(err, ERR_LIMIT, "%s: files are named so often that they make more "
		       "than %zu bytes", path, max_source(k) * REUSE_MAX);
}

static int read_new(struct kust *k, struct files *files, const char *path,
		    const char **ret, size_t *len, struct err *err)
{
	size_t file = or_default(k->o->file_bytes, (size_t)16 << 20);
	size_t left = max_source(k) - k->source_bytes;
	_cleanup_free_ char *text = NULL;

	if (++k->source_files > FILES_MAX)
		return err_set(err, ERR_LIMIT, "more than %d files", FILES_MAX);
	if (files->ops->read(files, path, left < file ? left : file, &text, len, err))
		return -1;
	k->source_bytes += *len;
	*ret = arena_strndup(&k->arena, text, *len);
	return 0;
}

int ktexts_read(struct kust *k, struct files *files, const char *path,
		const char **ret, size_t *len, struct err *err)
{
	_cleanup_free_ char *key = xasprintf("%p %s", (void *)files, path);
	size_t n = strlen(key);
	struct kseen *l;

	HASH_FIND(hh, k->seen, key, n, l);
	if (l) {
		*ret = l->text;
		*len = l->len;
		return count_use(k, path, l->len, err);
	}
	if (read_new(k, files, path, ret, len, err) < 0)
		return -1;
	l = xcalloc(1, sizeof(*l) + n + 1);
	memcpy(l->key, key, n);
	l->text = *ret;
	l->len = *len;
	HASH_ADD_KEYPTR(hh, k->seen, l->key, n, l);
	return count_use(k, path, *len, err);
}

int kread_first(struct kust *k, const char *file, const char *text, size_t len,
		bool strict, struct node **ret, struct err *err)
{
	struct node_reader *r = strict ? node_reader_new(text, len) :
					 node_reader_new_lenient(text, len);
	int got = node_read(r, &k->arena, ret, err);

	if (got > 0 && node_reader_dropped(r))
		kust_warn(k, "%s: %s: only the last one counts, as in Kustomize", file,
			  node_reader_dropped(r));
	node_reader_free(r);
	if (got < 0)
		return err_wrap(err, "%s", file);
	if (!got)
		*ret = kplain(k, "");
	return 0;
}
