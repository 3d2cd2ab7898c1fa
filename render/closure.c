/*
 * closure.c - a kustomization and all that it names: resources, bases, components,
 * patches, generator files, configurations, and the same of what those name.
 *
 * The happy path: read the kustomization, hand it on, follow each field of the
 * table below. Whether the whole makes sense is Kustomize's business; here each
 * path must stay in the tree, exist, and be a regular file or a folder.
 */
#include <assert.h>
#include <strings.h>

#include "core/doc.h"
#include "render/kustomize.h"
#include "render/remote.h"
#include "render_priv.h"

enum follow {
	PATHS,		/* files or folders with a kustomization */
	FILES,		/* files */
	PATHS_OR_TEXT,	/* as PATHS, or YAML written in place: plugin configurations */
	FILES_OR_TEXT,	/* as FILES, or YAML written in place */
	PATH_OF_EACH,	/* a list of maps with `path` */
	PATH_OF_ONE,	/* a map with `path` */
	GENERATOR,	/* a list of maps with files, envs, env */
	CHARTS,		/* a list of maps with valuesFile and so on */
	CHARTS_HOME,	/* a map with chartHome */
};

static const struct field {
	const char *name;
	enum follow follow;
} fields[] = {
	{ "resources", PATHS }, { "bases", PATHS }, { "components", PATHS },
	{ "crds", FILES }, { "configurations", FILES },
	{ "generators", PATHS_OR_TEXT }, { "transformers", PATHS_OR_TEXT },
	{ "validators", PATHS_OR_TEXT }, { "patchesStrategicMerge", FILES_OR_TEXT },
	{ "patches", PATH_OF_EACH }, { "patchesJson6902", PATH_OF_EACH },
	{ "replacements", PATH_OF_EACH }, { "openapi", PATH_OF_ONE },
	{ "configMapGenerator", GENERATOR }, { "secretGenerator", GENERATOR },
	{ "helmCharts", CHARTS }, { "helmGlobals", CHARTS_HOME },
	{ "helmChartInflationGenerator", CHARTS },
};

#define NESTING_MAX 64

struct walk {
	const struct closure *k;
	int depth;		/* of folders that name folders */
	size_t max_file, max_bytes, bytes;
	VEC(char *) seen;	/* sorted paths of files and folders */
};

/* Where a path was written: for messages. */
struct place {
	const char *folder, *file, *field;
	unsigned line;
};

static int blame(const struct place *at, struct err *err)
{
	return err_wrap(err, "%s:%u: %s", at->file, at->line, at->field);
}

/* False when path was seen before. */
static bool see(struct walk *w, const char *path)
{
	size_t low = 0, high = w->seen.len;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = strcmp(w->seen.data[mid], path);

		if (c == 0)
			return false;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	vec_push(&w->seen, NULL);
	memmove(w->seen.data + low + 1, w->seen.data + low,
		(w->seen.len - 1 - low) * sizeof(char *));
	w->seen.data[low] = xstrdup(path);
	return true;
}

static int read_text(struct walk *w, const char *path, char **ret, size_t *len,
		     struct err *err)
{
	size_t left = w->max_bytes - w->bytes;
	size_t max = left < w->max_file ? left : w->max_file;

	*len = 0;
	if (w->seen.len > SOURCE_FILES_MAX)
		return err_set(err, ERR_LIMIT, "more than %d files", SOURCE_FILES_MAX);
	if (w->k->files->ops->read(w->k->files, path, max, ret, len, err))
		return -1;
	w->bytes += *len;
	return 0;
}

static int hand_on(struct walk *w, const char *path, const char *text, size_t len,
		   struct err *err)
{
	return w->k->file ? w->k->file(w->k->arg, path, text, len, err) : 0;
}

static int take_file(struct walk *w, const char *path, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (!see(w, path))
		return 0;
	if (read_text(w, path, &text, &len, err) < 0)
		return -1;
	return hand_on(w, path, text, len, err);
}

static int take_folder(struct walk *w, const char *folder, bool root,
		       struct err *err);

static int take_nested(struct walk *w, const char *folder, struct err *err)
{
	int r;

	if (w->depth >= NESTING_MAX)
		return err_set(err, ERR_LIMIT, "'%s': kustomizations nested deeper than %d",
			       folder, NESTING_MAX);
	w->depth++;
	r = take_folder(w, folder, false, err);
	w->depth--;
	return r;
}

/* What is there; -1 when it is neither file nor folder of this tree. */
static int look(struct walk *w, const char *path, enum file_kind *kind,
		struct err *err)
{
	struct file_entry e = { 0 };

	assert(path);
	if (!*path) {
		*kind = FILE_FOLDER;
		return 0;
	}
	if (w->k->files->ops->stat(w->k->files, path, &e, err))
		return -1;
	*kind = e.kind;
	free(e.name);
	if (*kind == FILE_SYMLINK || *kind == FILE_SUBMODULE)
		return err_set(err, ERR_INVALID, "'%s' is a %s, which is not followed; commit "
			       "the files themselves", path, *kind == FILE_SYMLINK ?
			       "symbolic link" : "submodule");
	return 0;
}

static int join(const struct place *at, const char *path, char **ret,
		struct err *err)
{
	if (kremote_is_remote(path)) {
		_cleanup_free_ char *shown = kremote_shown(path);

		err_set(err, ERR_INVALID, "'%s' is remote, and only what the commit holds is "
			"rendered; commit a copy and name its path", shown);
		return -1;
	}
	return files_join(at->folder, path, ret, err);
}

static int take_path(struct walk *w, const struct place *at, const char *path,
		     bool folders, struct err *err)
{
	_cleanup_free_ char *full = NULL;
	enum file_kind kind;

	if (join(at, path, &full, err) < 0 || look(w, full, &kind, err) < 0)
		return blame(at, err);
	if (kind == FILE_FOLDER && !folders) {
		err_set(err, ERR_INVALID, "'%s' is a folder; a file is expected", full);
		return blame(at, err);
	}
	if (kind == FILE_FOLDER)
		return take_nested(w, full, err) < 0 ? blame(at, err) : 0;
	return take_file(w, full, err) < 0 ? blame(at, err) : 0;
}

/* Keys of a kustomization match without regard to case, as Go's JSON does. */
static const struct node *get(const struct node *map, const char *key)
{
	const struct node *n = node_get(map, key);

	if (n || !map || map->kind != NODE_MAP)
		return n;
	for (uint32_t i = 0; i < map->len; i += 2) {
		const struct node *k = map->kids[i];

		if (k->kind == NODE_SCALAR && strcasecmp(k->text, key) == 0)
			return map->kids[i + 1];
	}
	return NULL;
}

static uint32_t items(const struct node *list)
{
	return list && list->kind == NODE_LIST ? list->len : 0;
}

static int take_value(struct walk *w, struct place *at, const struct node *value,
		      bool folders, struct err *err)
{
	if (!value || value->kind != NODE_SCALAR || !*value->text)
		return 0;	/* Kustomize says what is wrong with it */
	at->line = value->line;
	return take_path(w, at, value->text, folders, err);
}

/*
 * The files that a plugin's configuration names; what does not exist may be text
 * in place, or Kustomize's to complain about.
 */
static int take_hint(struct walk *w, struct place *at, const struct node *value,
		     struct err *err)
{
	_cleanup_free_ char *full = NULL;
	enum file_kind kind;
	const char *path = value && value->kind == NODE_SCALAR ? value->text : "";
	const char *eq = strchr(path, '=');
	struct err why = ERR_INIT;

	path = eq ? eq + 1 : path;
	if (!*path || strchr(path, '\n') || join(at, path, &full, NULL) < 0)
		return 0;
	if (look(w, full, &kind, &why) < 0) {
		if (why.code == ERR_NOTFOUND || why.code == ERR_INVALID)
			return 0;
		if (err)
			*err = why;
		return blame(at, err);
	}
	if (kind != FILE_REGULAR)
		return 0;
	return take_file(w, full, err) < 0 ? blame(at, err) : 0;
}

static int take_hints(struct walk *w, struct place *at, const struct node *doc,
		      struct err *err)
{
	static const char *const lists[] = { "paths", "files", "envs" };
	const struct node *swaps = get(doc, "replacements");

	if (take_hint(w, at, get(doc, "path"), err) < 0 ||
	    take_hint(w, at, get(doc, "env"), err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct node *list = get(doc, lists[i]);

		for (uint32_t j = 0; j < items(list); j++) {
			if (take_hint(w, at, list->kids[j], err) < 0)
				return -1;
		}
	}
	for (uint32_t j = 0; j < items(swaps); j++) {
		if (take_hint(w, at, get(swaps->kids[j], "path"), err) < 0)
			return -1;
	}
	return 0;
}

static void reader_freep(struct node_reader **r)
{
	node_reader_free(*r);
}

static int take_plugin_text(struct walk *w, struct place *at, const char *text,
			    size_t len, struct err *err)
{
	_cleanup_(reader_freep) struct node_reader *r = node_reader_new(text, len);

	for (;;) {
		_cleanup_(arena_deinit) struct arena a = { 0 };
		struct node *doc;

		if (node_read(r, &a, &doc, NULL) <= 0)
			return 0;	/* Kustomize will not like it either */
		if (take_hints(w, at, doc, err) < 0)
			return -1;
	}
}

static int take_plugin_file(struct walk *w, struct place *at, const char *path,
			    struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (read_text(w, path, &text, &len, err) < 0)
		return blame(at, err);
	return take_plugin_text(w, at, text, len, err);
}

/* What configurations of a folder name lies where the folder was named. */
static int take_plugin_folder(struct walk *w, struct place *at, const char *folder,
			      struct err *err)
{
	_cleanup_(file_list_deinit) struct file_list list = { 0 };

	if (w->k->files->ops->list(w->k->files, folder, &list, err))
		return blame(at, err);
	for (size_t i = 0; i < list.len; i++) {
		_cleanup_free_ char *path = xasprintf("%s%s%s", folder, *folder ? "/" : "",
						      list.data[i].name);

		if (list.data[i].kind == FILE_REGULAR &&
		    take_plugin_file(w, at, path, err) < 0)
			return -1;
	}
	return 0;
}

/* A plugin's configuration: in place, a file, or a folder that gives several. */
static int take_plugin(struct walk *w, struct place *at, const struct node *value,
		       struct err *err)
{
	_cleanup_free_ char *full = NULL;
	enum file_kind kind;

	if (value->kind != NODE_SCALAR)
		return 0;
	at->line = value->line;
	if (strchr(value->text, '\n'))
		return take_plugin_text(w, at, value->text, value->len, err);
	if (take_path(w, at, value->text, true, err) < 0)
		return -1;
	if (join(at, value->text, &full, err) < 0 || look(w, full, &kind, err) < 0)
		return -1;
	return kind == FILE_FOLDER ? take_plugin_folder(w, at, full, err) :
				     take_plugin_file(w, at, full, err);
}

/* One entry of a generator's files, "key=path" or "path". */
static int take_keyed(struct walk *w, struct place *at, const struct node *value,
		      struct err *err)
{
	const char *eq;

	if (value->kind != NODE_SCALAR)
		return 0;
	at->line = value->line;
	eq = strchr(value->text, '=');
	return take_path(w, at, eq ? eq + 1 : value->text, false, err);
}

static int take_generator(struct walk *w, struct place *at, const struct node *g,
			  struct err *err)
{
	const struct node *files = get(g, "files"), *envs = get(g, "envs");

	for (uint32_t i = 0; i < items(files); i++) {
		if (take_keyed(w, at, files->kids[i], err) < 0)
			return -1;
	}
	for (uint32_t i = 0; i < items(envs); i++) {
		if (take_value(w, at, envs->kids[i], false, err) < 0)
			return -1;
	}
	return take_value(w, at, get(g, "env"), false, err);
}

static int take_all(struct walk *w, const char *folder, int depth, struct err *err);

static int take_entry(struct walk *w, const char *folder, const struct file_entry *e,
		      int depth, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s%s%s", folder, *folder ? "/" : "", e->name);

	switch (e->kind) {
	case FILE_REGULAR:
		return take_file(w, path, err);
	case FILE_FOLDER:
		return take_all(w, path, depth + 1, err);
	case FILE_SYMLINK:
	case FILE_SUBMODULE:
		break;
	}
	return 0;
}

/* Everything below a folder: charts that lie beside the kustomization. */
static int take_all(struct walk *w, const char *folder, int depth, struct err *err)
{
	_cleanup_(file_list_deinit) struct file_list list = { 0 };

	if (!see(w, folder))
		return 0;
	if (depth >= NESTING_MAX)
		return err_set(err, ERR_LIMIT, "'%s': folders nested deeper than %d", folder,
			       NESTING_MAX);
	if (w->k->files->ops->list(w->k->files, folder, &list, err))
		return -1;
	for (size_t i = 0; i < list.len; i++) {
		if (take_entry(w, folder, &list.data[i], depth, err) < 0)
			return -1;
	}
	return 0;
}

/* The folder of charts, where it is there: Helm fetches what is not. */
static int take_home(struct walk *w, struct place *at, const struct node *value,
		     struct err *err)
{
	const char *path = value && value->kind == NODE_SCALAR && *value->text ?
			   value->text : "charts";
	_cleanup_free_ char *full = NULL;
	enum file_kind kind;
	struct err why = ERR_INIT;

	if (join(at, path, &full, err) < 0)
		return blame(at, err);
	if (look(w, full, &kind, &why) == 0)
		return kind == FILE_FOLDER && take_all(w, full, 0, err) < 0 ?
		       blame(at, err) : 0;
	if (why.code == ERR_NOTFOUND)
		return 0;
	if (err)
		*err = why;
	return blame(at, err);
}

static int take_chart(struct walk *w, struct place *at, const struct node *chart,
		      struct err *err)
{
	const struct node *more = get(chart, "additionalValuesFiles");

	at->line = chart->line;
	if (take_home(w, at, get(chart, "chartHome"), err) < 0 ||
	    take_hint(w, at, get(chart, "valuesFile"), err) < 0 ||
	    take_hint(w, at, get(chart, "values"), err) < 0)
		return -1;
	for (uint32_t i = 0; i < items(more); i++) {
		if (take_hint(w, at, more->kids[i], err) < 0)
			return -1;
	}
	return 0;
}

static int take_item(struct walk *w, struct place *at, enum follow follow,
		     const struct node *item, struct err *err)
{
	bool text = item->kind == NODE_SCALAR && strchr(item->text, '\n');

	switch (follow) {
	case PATHS:
	case FILES:
		return take_value(w, at, item, follow == PATHS, err);
	case FILES_OR_TEXT:
		return text ? 0 : take_value(w, at, item, false, err);
	case PATHS_OR_TEXT:
		return take_plugin(w, at, item, err);
	case PATH_OF_EACH:
	case PATH_OF_ONE:
		return take_value(w, at, get(item, "path"), false, err);
	case GENERATOR:
		return take_generator(w, at, item, err);
	case CHARTS:
		return take_chart(w, at, item, err);
	case CHARTS_HOME:
		return take_home(w, at, get(item, "chartHome"), err);
	}
	return 0;
}

static int take_field(struct walk *w, struct place *at, const struct field *f,
		      const struct node *value, struct err *err)
{
	at->field = f->name;
	at->line = value->line;
	if (f->follow == PATH_OF_ONE || f->follow == CHARTS_HOME)
		return take_item(w, at, f->follow, value, err);
	for (uint32_t i = 0; i < items(value); i++) {
		if (take_item(w, at, f->follow, value->kids[i], err) < 0)
			return -1;
	}
	return 0;
}

static int take_fields(struct walk *w, const char *folder, const char *file,
		       const char *text, size_t len, struct err *err)
{
	_cleanup_(arena_deinit) struct arena a = { 0 };
	_cleanup_(reader_freep) struct node_reader *r = node_reader_new_lenient(text, len);
	struct place at = { .folder = folder, .file = file };
	struct node *doc;
	int got = node_read(r, &a, &doc, err);

	if (got < 0)
		return err_wrap(err, "%s", file);
	if (got == 0 || doc->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "%s: empty, or not a map", file);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct node *value = get(doc, fields[i].name);

		if (value && take_field(w, &at, &fields[i], value, err) < 0)
			return -1;
	}
	return 0;
}

static int find_kustomization(struct walk *w, const char *folder, char **ret,
			      struct err *err)
{
	static const char *const names[] = { "kustomization.yaml", "kustomization.yml",
					     "Kustomization" };
	_cleanup_(file_list_deinit) struct file_list list = { 0 };
	const char *found = NULL;

	if (w->k->files->ops->list(w->k->files, folder, &list, err))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		for (size_t j = 0; j < list.len; j++) {
			if (strcmp(list.data[j].name, names[i]) != 0)
				continue;
			if (found)
				return err_set(err, ERR_INVALID, "'%s' has both %s and %s; remove "
					       "one", *folder ? folder : ".", found, names[i]);
			found = names[i];
		}
	}
	if (!found)
		return err_set(err, ERR_INVALID, "'%s' has no kustomization.yaml",
			       *folder ? folder : ".");
	*ret = xasprintf("%s%s%s", folder, *folder ? "/" : "", found);
	return 0;
}

/* The root kustomization gets the overrides of source.kustomize. */
static int with_overrides(struct walk *w, const char *folder, const char *file,
			  char **text, size_t *len, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (kust_overrides_text(doc_get(w->k->r->source, "kustomize", NULL), w->k->files,
				folder, *text, *len, &out, err) < 0)
		return err_wrap(err, "%s", file);
	if (!out.len)
		return 0;
	free(*text);
	*text = buf_steal(&out, len);
	return 0;
}

static int take_folder(struct walk *w, const char *folder, bool root,
		       struct err *err)
{
	_cleanup_free_ char *file = NULL, *text = NULL;
	enum file_kind kind;
	size_t len;

	if (find_kustomization(w, folder, &file, err) < 0)
		return -1;
	if (!see(w, file))
		return 0;
	if (look(w, file, &kind, err) < 0 || read_text(w, file, &text, &len, err) < 0)
		return -1;
	if (root && with_overrides(w, folder, file, &text, &len, err) < 0)
		return -1;
	if (hand_on(w, file, text, len, err) < 0)
		return -1;
	return take_fields(w, folder, file, text, len, err);
}

int closure_walk(const struct closure *k, const char *folder, struct err *err)
{
	const struct render_caps *caps = &k->r->caps;
	struct walk w = {
		.k = k,
		.max_file = caps->file_bytes ? caps->file_bytes : (size_t)16 << 20,
		.max_bytes = caps->source_bytes ? caps->source_bytes : (size_t)32 << 20,
	};
	int r = take_folder(&w, folder, true, err);

	for (size_t i = 0; i < w.seen.len; i++)
		free(w.seen.data[i]);
	vec_deinit(&w.seen);
	return r;
}
