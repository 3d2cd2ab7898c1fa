/*
 * Kubeconfig files: reading them, and several as one. kubectl's rule: the first
 * file that names a thing decides about all of it; relative paths start at the
 * file they are written in.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/doc.h"
#include "core/node.h"
#include "kubeconfig_priv.h"

#define FILE_MAX ((size_t)1 << 20)

/* ---- files ---- */

char *config_resolve(const char *path, const char *base)
{
	const char *slash = base ? strrchr(base, '/') : NULL;

	if (path[0] == '/' || !slash)
		return xstrdup(path);
	return xasprintf("%.*s/%s", (int)(slash - base), base, path);
}

static int read_fd(int fd, const char *path, struct buf *out, struct err *err)
{
	char chunk[8192];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, ERR_IO, "%s: %s", path,
				       strerror(errno));
		buf_add(out, chunk, (size_t)n);
		if (out->len > FILE_MAX)
			return err_set(err, ERR_LIMIT, "%s: longer than %zu KiB",
				       path, FILE_MAX >> 10);
	}
	explicit_bzero(chunk, sizeof(chunk));
	return 0;
}

/* O_NONBLOCK: a FIFO must not stop the loop. */
int config_read(const char *path, const char *base, struct buf *out,
		struct err *err)
{
	_cleanup_free_ char *full = config_resolve(path, base);
	int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int rc;

	if (fd < 0)
		return err_set(err, errno == ENOENT ? ERR_NOTFOUND : ERR_IO,
			       "%s: %s", full, strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		rc = err_set(err, ERR_IO, "%s: is not a file", full);
	else
		rc = read_fd(fd, full, out, err);
	close(fd);
	return rc;
}

static void wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_deinit(b);
}

static int parse(const char *path, const struct buf *text, json_t **ret,
		 struct err *err)
{
	__attribute__((cleanup(wipe))) struct buf json = BUF_INIT;
	_cleanup_json_ json_t *j = NULL;

	if (node_text_to_json(buf_str(text), text->len, &json, err))
		return err_wrap(err, "%s", path);
	/* The parser's message would quote the text: it holds credentials. */
	j = doc_parse(buf_str(&json), json.len, NULL);
	if (!json_is_object(j) && !json_is_null(j))
		return err_set(err, ERR_INVALID, "%s: not a kubeconfig", path);
	*ret = steal(&j);
	return 0;
}

static int load_one(struct config_files *fs, const char *path, struct err *err)
{
	__attribute__((cleanup(wipe))) struct buf text = BUF_INIT;
	struct config_file f = { 0 };

	if (config_read(path, NULL, &text, err))
		return -1;
	if (parse(path, &text, &f.json, err))
		return -1;
	f.path = xstrdup(path);
	vec_push(&fs->list, f);
	return 0;
}

static int load_list(struct config_files *fs, const char *list, struct err *err)
{
	_cleanup_free_ char *copy = xstrdup(list);
	char *save = NULL;

	for (char *p = strtok_r(copy, ":", &save); p; p = strtok_r(NULL, ":", &save)) {
		struct err why = ERR_INIT;

		if (!load_one(fs, p, &why) || why.code == ERR_NOTFOUND)
			continue;
		*err = why;
		return -1;
	}
	if (!fs->list.len)
		return err_set(err, ERR_NOTFOUND,
			       "KUBECONFIG=%s: none of its files is there", list);
	return 0;
}

static int load_home(struct config_files *fs, struct err *err)
{
	const char *home = getenv("HOME");
	_cleanup_free_ char *path = NULL;

	if (!home || !home[0])
		return err_set(err, ERR_NOTFOUND,
			       "no kubeconfig: neither KUBECONFIG nor HOME is set");
	path = xasprintf("%s/.kube/config", home);
	if (load_one(fs, path, err))
		return err_wrap(err, "no cluster to talk to (set KUBECONFIG or "
				"pass --kubeconfig)");
	return 0;
}

int config_files_load(struct config_files *fs, const char *path, struct err *err)
{
	const char *list = getenv("KUBECONFIG");

	if (path && path[0])
		return load_one(fs, path, err);
	if (list && list[0])
		return load_list(fs, list, err);
	return load_home(fs, err);
}

void config_files_deinit(struct config_files *fs)
{
	for (size_t i = 0; i < fs->list.len; i++) {
		free(fs->list.data[i].path);
		json_decref(fs->list.data[i].json);
	}
	vec_deinit(&fs->list);
}

/* ---- several as one ---- */

const char *config_current_context(const struct config_files *fs)
{
	for (size_t i = 0; i < fs->list.len; i++) {
		const char *s = doc_get_str(fs->list.data[i].json,
					    "current-context", NULL);

		if (s && s[0])
			return s;
	}
	return NULL;
}

static const json_t *entries(const struct config_file *f, const char *kind)
{
	char key[16];

	snprintf(key, sizeof(key), "%ss", kind);
	return json_object_get(f->json, key);
}

static int find_in(const struct config_file *f, const char *kind, const char *name,
		   struct config_entry *ret)
{
	const json_t *list = entries(f, kind);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *e = json_array_get(list, i);
		const char *n = doc_get_str(e, "name", NULL);

		if (!n || strcmp(n, name) != 0)
			continue;
		*ret = (struct config_entry){ json_object_get(e, kind), f->path,
					      kind, n };
		return 0;
	}
	return -1;
}

int config_find(const struct config_files *fs, const char *kind, const char *name,
		struct config_entry *ret)
{
	for (size_t i = 0; i < fs->list.len; i++)
		if (!find_in(&fs->list.data[i], kind, name, ret))
			return 0;
	return -1;
}

void config_names(const struct config_files *fs, const char *kind, struct buf *out)
{
	for (size_t f = 0; f < fs->list.len; f++) {
		const json_t *list = entries(&fs->list.data[f], kind);

		for (size_t i = 0; i < json_array_size(list); i++) {
			const char *n = doc_get_str(json_array_get(list, i),
						    "name", NULL);

			if (n)
				buf_addf(out, "%s%s", out->len ? ", " : "", n);
		}
	}
}
