/* Folders on this machine, and the kustomizations in them. */
#include "local.h"

#include "files.h"
#include "syncctl.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define KUSTOMIZE_DEADLINE_MS 120000

static const char *const names[] = { "kustomization.yaml", "kustomization.yml",
				     "Kustomization" };

/* The nearest folder above that is a Git work tree, or NULL. */
static char *find_git(const char *full)
{
	char *root = xstrdup(full);

	for (char *slash; (slash = strrchr(root, '/')) && slash != root; *slash = '\0') {
		_cleanup_free_ char *git = xasprintf("%s/.git", root);

		if (!access(git, F_OK))
			return root;
	}
	free(root);
	return NULL;
}

static bool has_kustomization(const char *full)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		_cleanup_free_ char *file = xasprintf("%s/%s", full, names[i]);

		if (!access(file, F_OK))
			return true;
	}
	return false;
}

static int open_tree(struct local *l, const char *path, bool whole, struct err *err)
{
	*l = (struct local){ .full = realpath(path, NULL) };
	if (!l->full)
		return err_set(err, ERR_NOTFOUND, "%s: %s", path, strerror(errno));
	l->root = find_git(l->full);
	l->is_git = l->root;
	if (!l->root)
		l->root = xstrdup(!whole && has_kustomization(l->full) ? "/" : l->full);
	l->path = l->full + strlen(l->root);
	l->path += *l->path == '/';
	l->files = files_dir_open(l->root, err);
	if (l->files)
		return 0;
	local_close(l);
	return -1;
}

int local_open(struct local *l, const char *path, struct err *err)
{
	return open_tree(l, path, false, err);
}

int local_open_repository(struct local *l, const char *path, struct err *err)
{
	return open_tree(l, path, true, err);
}

void local_close(struct local *l)
{
	files_close(l->files);
	free(l->root);
	free(l->full);
	*l = (struct local){ 0 };
}

bool local_is_kustomization(struct local *l, const char *folder)
{
	_cleanup_free_ char *full = xasprintf("%s/%s", l->root, folder);

	return has_kustomization(full);
}

char *local_shown(const struct local *l, const char *folder)
{
	size_t n = strlen(l->path);

	if (strcmp(folder, l->path) == 0)
		return xstrdup(".");
	if (strncmp(folder, l->path, n) == 0 && (!n || folder[n] == '/'))
		return xstrdup(folder + n + (n > 0));
	return xstrdup(folder);
}

static bool begins(const char *s, const char *prefix, size_t n)
{
	return n && !strncmp(s, prefix, n) && s[n] == '/';
}

char *local_words(const struct local *l, const char *text)
{
	_cleanup_free_ char *here = getcwd(NULL, 0);
	bool whole = l->root && !strcmp(l->root, "/");
	size_t in = here ? strlen(here) - 1 : 0;	/* without the first slash */
	size_t top = whole ? strcspn(l->path, "/") : 0;
	struct buf out = BUF_INIT;

	for (const char *s = text; *s; s++) {
		bool first = s == text || strchr(" '\"(,", s[-1]);

		if (whole && first && in && begins(s, here + 1, in))
			s += in + 1;
		else if (whole && first && begins(s, l->path, top))
			buf_addc(&out, '/');
		if (*s)
			buf_addc(&out, *s);
		else
			break;
	}
	return out.len ? buf_steal(&out, NULL) : xstrdup("");
}

int local_fail(const struct local *l, struct err *err)
{
	_cleanup_free_ char *words = err ? local_words(l, err->msg) : NULL;

	if (words)
		snprintf(err->msg, sizeof(err->msg), "%s", words);
	return -1;
}

static void on_warning(void *arg, const char *text)
{
	_cleanup_free_ char *words = local_words(arg, text);

	output_note("warning: %s", words);
}

int local_build(struct local *l, const char *folder, struct kust_result *ret,
		struct err *err)
{
	const struct kust_options o = { .warn = on_warning, .warn_arg = l };

	return kustomize_build(l->files, folder, &o, ret, err) ? local_fail(l, err) : 0;
}

int local_program(const char *full, const char *why, struct buf *out, struct err *err)
{
	const char *const argv[] = { "kustomize", "build", full, NULL };

	if (program_read(argv, KUSTOMIZE_DEADLINE_MS, out, err) == 0)
		return 0;
	if (err->code != ERR_NOTFOUND)
		return -1;
	return err_set(err, ERR_NOTFOUND, "%s is built by the kustomize program, which is not "
		       "on the PATH%s%s", full, why ? ": " : "", why ? why : "");
}
