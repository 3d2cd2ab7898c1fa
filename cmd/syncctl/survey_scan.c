/*
 * Walks a tree: its kustomizations become units, and of its YAML and JSON files those
 * are remembered that may hold an Application or an AppProject. What is behind a link is not looked at:
 * it lies in the tree under its own name as well, or outside of it.
 */
#include "survey.h"

#define DEPTH_MAX 64
#define FOLDERS_MAX 20000
#define FILES_MAX 200000
#define FILE_BYTES_MAX ((size_t)1 << 20)	/* a larger one holds no Application */
#define BYTES_MAX ((size_t)1 << 30)

static const char *const names[] = { "kustomization.yaml", "kustomization.yml",
				     "Kustomization" };

static char *below(const char *folder, const char *name)
{
	return xasprintf("%s%s%s", folder, *folder ? "/" : "", name);
}

/* Which of the three the folder has, or NULL. */
static const char *kustomization_in(const struct file_list *l)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		for (size_t k = 0; k < l->len; k++)
			if (!strcmp(l->data[k].name, names[i]) &&
			    l->data[k].kind != FILE_FOLDER)
				return names[i];
	return NULL;
}

static void add_kustomization(struct survey *s, const char *folder, const char *name)
{
	struct unit u = { .kind = UNIT_KUSTOMIZATION, .line = 1, .ns = xstrdup(""),
			  .name = xstrdup(""), .folder = xstrdup(folder),
			  .file = below(folder, name) };

	vec_push(&s->units, u);
}

static bool is_manifest(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml") ||
		       !strcmp(dot, ".json"));
}

/* Does its text name the group and the kind? What cannot be read is no matter of ours. */
static int look_into(struct survey *s, const char *path, struct err *err)
{
	struct files *f = s->o.files;
	_cleanup_free_ char *text = NULL;
	struct err why = ERR_INIT;
	size_t len = 0;

	if (s->o.may_hold && !s->o.may_hold(f, path))
		return 0;
	if (f->ops->read(f, path, FILE_BYTES_MAX, &text, &len, &why))
		return 0;
	s->n_bytes += len;
	if (s->n_bytes > BYTES_MAX)
		return err_set(err, ERR_LIMIT, "its manifests hold more than 1 GiB: name a "
			       "folder below it");
	if (memmem(text, len, "argoproj.io/v1alpha1", 20) &&
	    (memmem(text, len, "Application", 11) || memmem(text, len, "AppProject", 10)))
		vec_push(&s->candidates, xstrdup(path));
	return 0;
}

static int walk(struct survey *s, const char *folder, int depth, struct err *err);

static int walk_entry(struct survey *s, const char *folder, const struct file_entry *e,
		      int depth, struct err *err)
{
	_cleanup_free_ char *path = below(folder, e->name);

	if (e->kind == FILE_FOLDER)
		return walk(s, path, depth + 1, err);
	if (e->kind != FILE_REGULAR)
		return 0;
	if (++s->n_files > FILES_MAX)
		return err_set(err, ERR_LIMIT, "more than %d files: name a folder below it",
			       FILES_MAX);
	return is_manifest(e->name) ? look_into(s, path, err) : 0;
}

static int walk(struct survey *s, const char *folder, int depth, struct err *err)
{
	_cleanup_(file_list_deinit) struct file_list list = { 0 };
	struct files *f = s->o.files;
	const char *name;

	if (depth > DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "%s: folders nested deeper than %d", folder,
			       DEPTH_MAX);
	if (++s->n_folders > FOLDERS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d folders: name one below it",
			       FOLDERS_MAX);
	if (f->ops->list(f, folder, &list, err))
		return -1;
	name = kustomization_in(&list);
	if (name)
		add_kustomization(s, folder, name);
	for (size_t i = 0; i < list.len; i++)
		if (walk_entry(s, folder, &list.data[i], depth, err))
			return -1;
	return 0;
}

int survey_scan(struct survey *s, struct err *err)
{
	return walk(s, s->o.root, 0, err);
}
