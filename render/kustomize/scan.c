/*
 * scan.c - whether all that a kustomization reaches is ours, before anything is built.
 *
 * A walk over every kustomization that the root names, each once. What of it is made
 * by a program of its own (Helm charts; plugins that are not builtin: programs,
 * containers, KRM functions, Go's) and regular expressions that our engine cannot
 * take leave the whole build to the kustomize program. Resources are not read, but
 * plugins' configurations are. Where the walk cannot go on, the build cannot either
 * and says so: then nothing was found. Files that cannot be read are told at once: the
 * next time they may be there.
 */
#include <stdio.h>
#include <uthash.h>

#include "kpath.h"
#include "plugin.h"
#include "regex_priv.h"
#include "scan.h"
#include "spec.h"

struct visited {
	UT_hash_handle hh;
	char key[];
};

struct scan {
	struct kust k;
	struct visited *visited;
	struct err why;
	struct err trouble;	/* a file that cannot be read, not one that is wrong */
};

/* Where something is written. */
struct at {
	const char *file;
	uint32_t line;
	const char *field;
};

enum answer { CANNOT_TELL = -1, OURS, NOT_OURS };

static enum answer not_ours(struct scan *s, const struct at *at, const char *what)
{
	err_set(&s->why, ERR_INVALID, "%s:%u: %s: %s", at->file, at->line, at->field, what);
	return NOT_OURS;
}

static enum answer cannot_tell(struct scan *s, const struct err *why)
{
	if (why->retry || (why->code != ERR_NOTFOUND && why->code != ERR_INVALID &&
			   why->code != ERR_LIMIT))
		s->trouble = *why;
	return CANNOT_TELL;
}

/* --- regular expressions ------------------------------------------------------------ */

static enum answer judge_regex(struct scan *s, const struct at *at, const char *regex)
{
	struct err why = ERR_INIT;

	if (!regex || !*regex || kregex_get(&s->k, regex, false, &why) ||
	    why.code != ERR_LIMIT)
		return OURS;	/* or refused by the reference as well */
	return not_ours(s, at, why.msg);
}

static enum answer judge_selector(struct scan *s, const struct at *at,
				  const struct kselector *sel)
{
	const char *const all[] = { sel->group, sel->version, sel->kind, sel->name, sel->ns };
	enum answer r = OURS;

	for (size_t i = 0; i < ARRAY_LEN(all) && r == OURS; i++)
		r = judge_regex(s, at, all[i]);
	return r;
}

/* The values of "[name=value]" in a path of a replacement. */
static enum answer judge_path(struct scan *s, const struct at *at, const char *path)
{
	const char **steps = kpath_steps(&s->k, path, NULL);
	enum answer r = OURS;

	for (; steps && *steps && r == OURS; steps++) {
		const char *value = **steps == '[' ? strchr(*steps, '=') : NULL;
		size_t n = value ? strlen(value + 1) : 0;

		if (n && value[n] == ']')
			r = judge_regex(s, at, arena_strndup(&s->k.arena, value + 1, n - 1));
	}
	return r;
}

static enum answer judge_targets(struct scan *s, const struct at *at,
				 const struct kreplacement *from)
{
	enum answer r = OURS;

	for (size_t i = 0; i < from->n_targets && r == OURS; i++) {
		const struct kreplacement_target *t = &from->targets[i];

		if (t->select)
			r = judge_selector(s, at, t->select);
		for (size_t j = 0; j < t->n_reject && r == OURS; j++)
			r = judge_selector(s, at, &t->reject[j]);
		for (size_t j = 0; j < t->paths.len && r == OURS; j++)
			r = judge_path(s, at, t->paths.data[j]);
	}
	return r;
}

/* --- plugins ------------------------------------------------------------------------- */

static enum answer judge_node_selector(struct scan *s, const struct at *at,
				       const struct node *n)
{
	struct kselector sel = { 0 };

	if (!n || kdecode(&s->k, &kselector_type, NULL, n, false, &sel, NULL) < 0)
		return OURS;
	return judge_selector(s, at, &sel);
}

static enum answer judge_replacement_nodes(struct scan *s, const struct at *at,
					   struct node *n)
{
	struct node *const *items = n && n->kind == NODE_LIST ? n->kids : &n;
	uint32_t len = !n ? 0 : n->kind == NODE_LIST ? n->len : 1;
	enum answer r = OURS;

	for (uint32_t i = 0; i < len && r == OURS; i++) {
		struct kreplacement one = { 0 };

		if (kdecode(&s->k, &kreplacement_type, NULL, items[i], false, &one, NULL) == 0)
			r = judge_targets(s, at, &one);
	}
	return r;
}

/* What is a regular expression in the arguments of the builtin ones. */
static enum answer judge_arguments(struct scan *s, const struct at *at,
				   const struct node *n)
{
	const struct node *targets = kdecode_get(n, "targets");
	enum answer r = judge_node_selector(s, at, kdecode_get(n, "target"));

	for (uint32_t i = 0; targets && targets->kind == NODE_LIST && i < targets->len &&
	     r == OURS; i++)
		r = judge_node_selector(s, at, kdecode_get(targets->kids[i], "selector"));
	if (r == OURS)
		r = judge_replacement_nodes(s, at, (struct node *)kdecode_get(n, "replacements"));
	if (r == OURS)
		r = judge_regex(s, at, ktext(kdecode_get(kdecode_get(n, "imageTag"), "name")));
	return r;
}

static enum answer judge_plugin(struct scan *s, const struct at *at,
				const struct kres *config)
{
	const struct kgvk *gvk = &config->id.gvk;
	const struct node *fn = kfind(config->root, "metadata", "annotations",
				      "config.kubernetes.io/function", NULL);
	const char *what = fn ? "a KRM function" : strcmp(gvk->kind, "HelmChartInflationGenerator") ?
			   "a plugin that is a program of its own" : "a Helm chart";

	if (kplugin_is_builtin(gvk))
		return judge_arguments(s, at, config->root);
	return not_ours(s, at, arena_printf(&s->k.arena, "%s:%u: %s/%s (%s%s%s) is %s",
					    config->file, config->line, gvk->kind,
					    config->id.name, gvk->group, *gvk->group ? "/" : "",
					    gvk->version, what));
}

/* CANNOT_TELL: no configurations at all. */
static enum answer judge_plugin_text(struct scan *s, const struct at *at, const char *file,
				     const char *text, size_t len)
{
	_cleanup_kres_list_ struct kres_list list = { 0 };
	enum answer r = OURS;

	if (kload_patches(&s->k, file, text, len, &list, NULL) < 0)
		return CANNOT_TELL;
	for (size_t i = 0; i < list.len && r == OURS; i++)
		r = judge_plugin(s, at, list.data[i]);
	return r;
}

static enum answer judge_plugin_file(struct scan *s, const struct at *at,
				     struct kfolder *folder, const char *written)
{
	struct err why = ERR_INIT;
	const char *text, *path;
	size_t len;

	if (kload_file(&s->k, folder, written, &text, &len, &path, &why) < 0)
		return cannot_tell(s, &why);
	return judge_plugin_text(s, at, path, text, len);
}

/* --- a kustomization ------------------------------------------------------------------- */

static enum answer walk(struct scan *s, struct kfolder *folder, bool plugins);

/* The line of entry i of a field's list, or of the field. */
static uint32_t line_of(const struct kspec *spec, const char *field, size_t i)
{
	const struct node *list = kdecode_get(spec->node, field);

	if (!list)
		return 1;
	return list->kind == NODE_LIST && i < list->len && list->kids[i]->line ?
	       list->kids[i]->line : list->line ? list->line : 1;
}

static enum answer judge_helm(struct scan *s, const struct kspec *spec)
{
	struct at at = { spec->file, 0, "helmCharts" };

	if (!spec->helm)
		return OURS;
	if (!kdecode_get(spec->node, at.field))
		at.field = "helmChartInflationGenerator";
	at.line = line_of(spec, at.field, 0);
	return not_ours(s, &at, "Helm charts are left to the kustomize program; commit the "
			"output of `helm template` as a resource instead");
}

static enum answer judge_patches(struct scan *s, const struct kspec *spec)
{
	enum answer r = OURS;

	for (size_t i = 0; i < spec->patches.len && r == OURS; i++) {
		const struct kpatch *p = &spec->patches.data[i];

		if (p->target)
			r = judge_selector(s, &(struct at){ spec->file, p->line, "patches" },
					   p->target);
	}
	for (size_t i = 0; i < spec->patches_json6902.len && r == OURS; i++) {
		const struct kpatch *p = &spec->patches_json6902.data[i];

		if (p->target)
			r = judge_selector(s, &(struct at){ spec->file, p->line,
							    "patchesJson6902" }, p->target);
	}
	return r;
}

static enum answer judge_replacement_file(struct scan *s, const struct at *at,
					  struct kfolder *folder, const char *written)
{
	struct err why = ERR_INIT;
	const char *text, *path;
	struct node *n;
	size_t len;

	if (kload_file(&s->k, folder, written, &text, &len, &path, &why) < 0 ||
	    kspec_read(&s->k, path, text, len, &n, &why) < 0)
		return cannot_tell(s, &why);
	return judge_replacement_nodes(s, &(struct at){ path, n->line, at->field }, n);
}

static enum answer judge_replacements(struct scan *s, struct kfolder *folder,
				      const struct kspec *spec)
{
	enum answer r = OURS;

	for (size_t i = 0; i < spec->replacements.len && r == OURS; i++) {
		const struct kreplacement *one = &spec->replacements.data[i];
		const struct at at = { spec->file, one->line, "replacements" };

		r = *one->path ? judge_replacement_file(s, &at, folder, one->path) :
				 judge_targets(s, &at, one);
	}
	return r;
}

static enum answer judge_images(struct scan *s, const struct kspec *spec)
{
	enum answer r = OURS;

	for (size_t i = 0; i < spec->images.len && r == OURS; i++)
		r = judge_regex(s, &(struct at){ spec->file, line_of(spec, "images", i),
						 "images" }, spec->images.data[i].name);
	return r;
}

static enum answer walk_folder(struct scan *s, struct kfolder *folder, const char *written,
			       bool plugins)
{
	struct err why = ERR_INIT;
	struct kfolder *sub = kload_folder(&s->k, folder, written, &why);

	return sub ? walk(s, sub, plugins) : cannot_tell(s, &why);
}

/* plugins: what is there is a plugin's configuration, or several in a folder. */
static enum answer walk_path(struct scan *s, struct kfolder *folder, const struct at *at,
			     const char *written, bool plugins)
{
	switch (kload_look(&s->k, folder, written)) {
	case KLOAD_NOTHING:
		return cannot_tell(s, &s->k.trouble);
	case KLOAD_FOLDER:
		return walk_folder(s, folder, written, plugins);
	case KLOAD_FILE:
		return plugins ? judge_plugin_file(s, at, folder, written) : OURS;
	}
	abort();
}

static enum answer walk_resources(struct scan *s, struct kfolder *folder,
				  const struct kspec *spec, bool plugins)
{
	enum answer r = OURS;

	for (size_t i = 0; i < spec->resources.len && r == OURS; i++)
		r = walk_path(s, folder, &(struct at){ spec->file,
						       line_of(spec, "resources", i),
						       "resources" },
			      spec->resources.data[i], plugins);
	return r;
}

static enum answer walk_components(struct scan *s, struct kfolder *folder,
				   const struct kspec *spec, bool plugins)
{
	enum answer r = OURS;

	for (size_t i = 0; i < spec->components.len && r == OURS; i++)
		r = walk_folder(s, folder, spec->components.data[i], plugins);
	return r;
}

/* As they are loaded: what reads as configurations is that, else it is a path. */
static enum answer walk_plugins(struct scan *s, struct kfolder *folder,
				const struct kspec *spec, const struct kstrings *list,
				const char *field)
{
	enum answer r = OURS;

	for (size_t i = 0; i < list->len && r == OURS; i++) {
		const struct at at = { spec->file, line_of(spec, field, i), field };

		r = judge_plugin_text(s, &at, spec->file, list->data[i],
				      strlen(list->data[i]));
		if (r == CANNOT_TELL)
			r = walk_path(s, folder, &at, list->data[i], true);
	}
	return r;
}

static enum answer judge(struct scan *s, struct kfolder *folder, const struct kspec *spec,
			 bool plugins)
{
	enum answer r = judge_helm(s, spec);

	if (r == OURS)
		r = walk_resources(s, folder, spec, plugins);
	if (r == OURS)
		r = walk_plugins(s, folder, spec, &spec->generators, "generators");
	if (r == OURS)
		r = walk_components(s, folder, spec, plugins);
	if (r == OURS)
		r = judge_patches(s, spec);
	if (r == OURS)
		r = judge_images(s, spec);
	if (r == OURS)
		r = judge_replacements(s, folder, spec);
	if (r == OURS)
		r = walk_plugins(s, folder, spec, &spec->transformers, "transformers");
	if (r == OURS)
		r = walk_plugins(s, folder, spec, &spec->validators, "validators");
	return r;
}

/* False when it was visited before. */
static bool visit(struct scan *s, const struct kfolder *folder, bool plugins)
{
	_cleanup_free_ char *key = xasprintf("%p %d %s", (void *)folder->files, plugins,
					     folder->path);
	size_t n = strlen(key);
	struct visited *v;

	HASH_FIND(hh, s->visited, key, n, v);
	if (v)
		return false;
	v = xcalloc(1, sizeof(*v) + n + 1);
	memcpy(v->key, key, n);
	HASH_ADD_KEYPTR(hh, s->visited, v->key, n, v);
	return true;
}

static enum answer walk(struct scan *s, struct kfolder *folder, bool plugins)
{
	struct err why = ERR_INIT;
	struct kspec spec = { 0 };

	if (!visit(s, folder, plugins))
		return OURS;
	if (kload_spec(&s->k, folder, &spec, &why) < 0)
		return cannot_tell(s, &why);
	return judge(s, folder, &spec, plugins);
}

static void forget(struct scan *s)
{
	struct visited *v, *next;

	HASH_ITER(hh, s->visited, v, next) {
		HASH_DEL(s->visited, v);
		free(v);
	}
}

int kust_scan(struct files *files, const char *path, const struct kust_options *o,
	      char **why, struct err *err)
{
	struct scan s = { .why = ERR_INIT, .trouble = ERR_INIT };
	struct err bad = ERR_INIT;
	struct kfolder *root;
	int rc = 0;

	*why = NULL;
	kust_init(&s.k, files, o);
	s.k.warn = NULL;	/* the build warns */
	root = kload_root(&s.k, path, &bad);
	if (!root)
		cannot_tell(&s, &bad);
	else if (walk(&s, root, false) == NOT_OURS)
		*why = xstrdup(s.why.msg);
	if (!*why && s.trouble.code) {
		rc = -1;
		if (err)
			*err = s.trouble;
	}
	forget(&s);
	kust_deinit(&s.k);
	return rc;
}
