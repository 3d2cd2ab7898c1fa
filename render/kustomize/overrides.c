/*
 * overrides.c - source.kustomize of the Application, worked into the kustomization.
 *
 * Argo CD runs `kustomize edit` in its checkout before the build; the same edits are
 * made here in the tree of the root kustomization: what is set replaces, what is
 * added is appended. An edit that the program would refuse is refused, and so is
 * every field that we do not know: nothing is silently left out.
 */
#include <strings.h>

#include "core/doc.h"
#include "overrides.h"
#include "render/remote.h"

enum want { TEXT, FLAG, LIST, MAP, MUST_BE_EMPTY };

static const struct option {
	const char *name;
	enum want want;
} options[] = {
	{ "namePrefix", TEXT }, { "nameSuffix", TEXT }, { "namespace", TEXT },
	{ "images", LIST }, { "replicas", LIST }, { "patches", LIST },
	{ "components", LIST }, { "ignoreMissingComponents", FLAG },
	{ "commonLabels", MAP }, { "commonAnnotations", MAP },
	{ "forceCommonLabels", FLAG }, { "forceCommonAnnotations", FLAG },
	{ "labelWithoutSelector", FLAG }, { "labelIncludeTemplates", FLAG },
	{ "commonAnnotationsEnvsubst", MUST_BE_EMPTY }, { "version", MUST_BE_EMPTY },
	/* for the charts of a kustomization, which are refused themselves */
	{ "kubeVersion", TEXT }, { "apiVersions", LIST },
};

static bool is_empty(const json_t *v)
{
	return !v || json_is_null(v) || json_is_false(v) ||
	       (json_is_string(v) && !*json_string_value(v)) ||
	       (json_is_array(v) && !json_array_size(v)) ||
	       (json_is_object(v) && !json_object_size(v));
}

static bool fits(const json_t *v, enum want want)
{
	return is_empty(v) || (want == TEXT && json_is_string(v)) ||
	       (want == FLAG && json_is_boolean(v)) ||
	       (want == LIST && json_is_array(v)) || (want == MAP && json_is_object(v));
}

/*
 * Argo CD replaces $ARGOCD_APP_NAME and the like in labels; left alone it would be
 * wrong. In annotations it does so with commonAnnotationsEnvsubst, which is refused.
 */
static int check_texts(const json_t *kustomize, const char *field, bool replaces,
		       struct err *err)
{
	const json_t *map = json_object_get(kustomize, field);
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)map, key, value) {
		const char *s = json_string_value(value);

		if (!s)
			return err_set(err, ERR_INVALID, "source.kustomize.%s.%.80s is not a text",
				       field, key);
		if (replaces && (strstr(s, "$ARGOCD_") || strstr(s, "${ARGOCD_")))
			return err_set(err, ERR_INVALID, "source.kustomize.%s.%.80s: variables "
				       "are not replaced here; write the value", field, key);
	}
	return 0;
}

int kust_overrides_check(const json_t *kustomize, struct err *err)
{
	const char *key;
	json_t *v;

	if (kustomize && !json_is_object(kustomize) && !json_is_null(kustomize))
		return err_set(err, ERR_INVALID, "source.kustomize is not a map");
	json_object_foreach((json_t *)kustomize, key, v) {
		const struct option *o = NULL;

		for (size_t i = 0; i < ARRAY_LEN(options); i++) {
			if (strcmp(options[i].name, key) == 0)
				o = &options[i];
		}
		if (!o || (o->want == MUST_BE_EMPTY && !is_empty(v)))
			return err_set(err, ERR_INVALID, "source.kustomize.%.80s is not supported; "
				       "remove it or put it into the kustomization", key);
		if (!fits(v, o->want))
			return err_set(err, ERR_INVALID, "source.kustomize.%s has the wrong type",
				       key);
	}
	if (doc_get_bool(kustomize, false, "labelIncludeTemplates", NULL) &&
	    !doc_get_bool(kustomize, false, "labelWithoutSelector", NULL))
		return err_set(err, ERR_INVALID, "source.kustomize.labelIncludeTemplates needs "
			       "labelWithoutSelector");
	if (check_texts(kustomize, "commonLabels", true, err) < 0)
		return -1;
	return check_texts(kustomize, "commonAnnotations", false, err);
}

/* The fields of a kustomization that an edit touches. */
static const struct { const char *name; enum node_kind kind; } edited[] = {
	{ "namePrefix", NODE_SCALAR }, { "nameSuffix", NODE_SCALAR },
	{ "namespace", NODE_SCALAR }, { "images", NODE_LIST }, { "replicas", NODE_LIST },
	{ "patches", NODE_LIST }, { "components", NODE_LIST }, { "labels", NODE_LIST },
	{ "commonLabels", NODE_MAP }, { "commonAnnotations", NODE_MAP },
};

/* The kustomization being edited, and what is asked of it. */
struct edit {
	struct arena *a;
	struct node *doc;
	const json_t *ask;
	struct files *files;
	const char *folder;
};

/* Kustomize reads `Images` as `images`; two spellings of one field would fight. */
static int spell_keys(struct edit *e, struct err *err)
{
	for (uint32_t i = 0; i < e->doc->len; i += 2) {
		struct node *k = e->doc->kids[i];

		for (size_t j = 0; k->kind == NODE_SCALAR && j < ARRAY_LEN(edited); j++) {
			const char *name = edited[j].name;

			if (strcasecmp(k->text, name) != 0 || strcmp(k->text, name) == 0)
				continue;
			if (node_get(e->doc, name))
				return err_set(err, ERR_INVALID, "line %u: '%s' is '%s' again; "
					       "remove one", k->line, k->text, name);
			k->text = name;
			k->len = (uint32_t)strlen(name);
		}
	}
	return 0;
}

/* What we add to must be what it is thought to be: else it would be replaced. */
static int check_kinds(struct edit *e, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(edited); i++) {
		const struct node *n = node_get(e->doc, edited[i].name);

		if (!node_is_null(n) && n->kind != edited[i].kind)
			return err_set(err, ERR_INVALID, "line %u: '%s' is not a %s; correct it",
				       n->line, edited[i].name,
				       edited[i].kind == NODE_LIST ? "list" :
				       edited[i].kind == NODE_MAP ? "map" : "text");
	}
	return 0;
}

static struct node *list_of(struct edit *e, const char *field)
{
	struct node *list = node_get(e->doc, field);

	if (!list || list->kind != NODE_LIST)
		node_set(e->a, e->doc, field, list = node_new_list(e->a));
	return list;
}

/* JSON of the Application as nodes. */
static struct node *to_node(struct edit *e, const json_t *v, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct node_reader *r;
	struct node *n = NULL;

	doc_write(v, &text);
	r = node_reader_new(buf_str(&text), text.len);
	if (node_read(r, e->a, &n, err) != 1)
		n = NULL;
	node_reader_free(r);
	return n;
}

static void set_texts(struct edit *e)
{
	static const char *const fields[] = { "namePrefix", "nameSuffix", "namespace" };

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char *s = doc_get_str(e->ask, fields[i], NULL);

		if (s && *s)
			node_set(e->a, e->doc, fields[i], node_new_str(e->a, s));
	}
}

/* Puts item in the place of the list's entry of that name, or at its end. */
static void put_named(struct edit *e, struct node *list, const char *name,
		      struct node *item)
{
	for (uint32_t i = 0; i < list->len; i++) {
		const char *s = node_get_str(list->kids[i], "name");

		if (s && strcmp(s, name) == 0) {
			list->kids[i] = item;
			return;
		}
	}
	node_append(e->a, list, item);
}

/* Cuts "image[:tag][@digest]" behind its name; a ':' before '/' is a port. */
static char *split_image(struct edit *e, const char *text, const char **tag,
			 const char **digest)
{
	char *name = arena_strdup(e->a, text);
	char *at = strchr(name, '@'), *slash, *colon;

	*tag = *digest = NULL;
	if (at) {
		*at = '\0';
		*digest = at + 1;
	}
	slash = strrchr(name, '/');
	colon = strrchr(name, ':');
	if (colon && (!slash || colon > slash)) {
		*colon = '\0';
		*tag = colon + 1;
	}
	return name;
}

/* "name=new:tag", "name:tag", "name@digest", as `kustomize edit set image`. */
static int set_image(struct edit *e, struct node *list, const char *text,
		     struct err *err)
{
	const char *eq = strchr(text, '='), *tag, *digest;
	char *image = split_image(e, eq ? eq + 1 : text, &tag, &digest);
	char *name = eq ? arena_strndup(e->a, text, (size_t)(eq - text)) : image;
	struct node *item = node_new_map(e->a);

	if (!*name || !*image || (tag && !*tag) || (digest && !*digest) ||
	    (!eq && !tag && !digest))
		return err_set(err, ERR_INVALID, "source.kustomize.images: '%.120s' is none; "
			       "write name:tag, name@digest or name=newname:tag", text);
	node_set(e->a, item, "name", node_new_str(e->a, name));
	if (eq)
		node_set(e->a, item, "newName", node_new_str(e->a, image));
	if (tag)
		node_set(e->a, item, "newTag", node_new_str(e->a, tag));
	if (digest)
		node_set(e->a, item, "digest", node_new_str(e->a, digest));
	put_named(e, list, name, item);
	return 0;
}

static int set_images(struct edit *e, struct err *err)
{
	const json_t *images = doc_get(e->ask, "images", NULL);
	size_t n = json_array_size(images);
	struct node *list = n ? list_of(e, "images") : NULL;

	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(images, i));

		if (!s)
			return err_set(err, ERR_INVALID, "source.kustomize.images holds something "
				       "that is not a text");
		if (set_image(e, list, s, err) < 0)
			return -1;
	}
	return 0;
}

static bool count_of(const json_t *v, json_int_t *ret)
{
	const char *s = json_string_value(v);
	size_t digits = s ? strspn(s, "0123456789") : 0;

	*ret = s ? strtoll(s, NULL, 10) : json_integer_value(v);
	if (s && (!digits || s[digits]))
		return false;
	return (s || json_is_integer(v)) && *ret >= 0 && *ret <= INT32_MAX;
}

static int set_replicas(struct edit *e, struct err *err)
{
	const json_t *replicas = doc_get(e->ask, "replicas", NULL);
	size_t n_replicas = json_array_size(replicas);
	struct node *list = n_replicas ? list_of(e, "replicas") : NULL;

	for (size_t i = 0; i < n_replicas; i++) {
		const json_t *r = json_array_get(replicas, i);
		const char *name = doc_get_str(r, "name", NULL);
		struct node *item = node_new_map(e->a), *count;
		json_int_t n;

		if (!name || !*name || !count_of(doc_get(r, "count", NULL), &n))
			return err_set(err, ERR_INVALID, "source.kustomize.replicas[%zu] wants a "
				       "name and a count", i);
		count = node_new_str(e->a, arena_printf(e->a, "%lld", (long long)n));
		count->implicit = true;
		node_set(e->a, item, "name", node_new_str(e->a, name));
		node_set(e->a, item, "count", count);
		put_named(e, list, name, item);
	}
	return 0;
}

/* Adds each pair; one that is there with another value needs force. */
static int add_pairs(struct edit *e, struct node *map, const char *field, bool force,
		     struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(doc_get(e->ask, field, NULL), key, value) {
		if (node_get(map, key) && !force)
			return err_set(err, ERR_INVALID, "source.kustomize.%s: '%.80s' is in the "
				       "kustomization already; remove one, or set force%c%s",
				       field, key, field[0] - 'a' + 'A', field + 1);
		node_set(e->a, map, key, node_new_str(e->a, json_string_value(value)));
	}
	return 0;
}

static struct node *map_of(struct edit *e, const char *field)
{
	struct node *map = node_get(e->doc, field);

	if (!map || map->kind != NODE_MAP)
		node_set(e->a, e->doc, field, map = node_new_map(e->a));
	return map;
}

static bool is_true(const struct node *map, const char *field)
{
	struct scalar s;
	const struct node *n = node_get(map, field);

	return n && n->kind == NODE_SCALAR && !node_scalar(n, &s, NULL) &&
	       s.type == SCALAR_BOOL && s.truth;
}

/* The entry of `labels` that leaves selectors alone and treats templates so. */
static struct node *label_entry(struct edit *e, struct node *list, bool templates)
{
	struct node *entry, *yes;

	for (uint32_t i = 0; i < list->len; i++) {
		if (!is_true(list->kids[i], "includeSelectors") &&
		    is_true(list->kids[i], "includeTemplates") == templates &&
		    list->kids[i]->kind == NODE_MAP)
			return list->kids[i];
	}
	node_append(e->a, list, entry = node_new_map(e->a));
	if (templates) {
		node_set(e->a, entry, "includeTemplates", yes = node_new_str(e->a, "true"));
		yes->implicit = true;
	}
	return entry;
}

static struct node *plain_labels(struct edit *e)
{
	bool templates = doc_get_bool(e->ask, false, "labelIncludeTemplates", NULL);
	struct node *entry = label_entry(e, list_of(e, "labels"), templates);
	struct node *pairs = node_get(entry, "pairs");

	if (!pairs || pairs->kind != NODE_MAP)
		node_set(e->a, entry, "pairs", pairs = node_new_map(e->a));
	return pairs;
}

static int add_labels(struct edit *e, struct err *err)
{
	bool force = doc_get_bool(e->ask, false, "forceCommonLabels", NULL);
	bool plain = doc_get_bool(e->ask, false, "labelWithoutSelector", NULL);

	if (!json_object_size(doc_get(e->ask, "commonLabels", NULL)))
		return 0;
	return add_pairs(e, plain ? plain_labels(e) : map_of(e, "commonLabels"),
			 "commonLabels", force, err);
}

static int add_annotations(struct edit *e, struct err *err)
{
	bool force = doc_get_bool(e->ask, false, "forceCommonAnnotations", NULL);

	if (!json_object_size(doc_get(e->ask, "commonAnnotations", NULL)))
		return 0;
	return add_pairs(e, map_of(e, "commonAnnotations"), "commonAnnotations", force, err);
}

static int add_patches(struct edit *e, struct err *err)
{
	const json_t *patches = doc_get(e->ask, "patches", NULL);
	size_t count = json_array_size(patches);
	struct node *list = count ? list_of(e, "patches") : NULL;

	for (size_t i = 0; i < count; i++) {
		const json_t *patch = json_array_get(patches, i);
		struct node *n;

		if (!json_is_object(patch))
			return err_set(err, ERR_INVALID, "source.kustomize.patches[%zu] is not a "
				       "map", i);
		n = to_node(e, patch, err);
		if (!n)
			return err_wrap(err, "source.kustomize.patches[%zu]", i);
		node_append(e->a, list, n);
	}
	return 0;
}

/* 1, 0, or -1 when that cannot be told now. What leaves the tree is named later. */
static int is_there(const struct edit *e, const char *path, struct err *err)
{
	_cleanup_free_ char *full = NULL;
	struct file_entry entry = { 0 };
	struct err why = ERR_INIT;

	if (kremote_is_file(path) || kremote_is_repo(path) || files_join(e->folder, path, &full, NULL) < 0)
		return 1;
	if (e->files->ops->stat(e->files, full, &entry, &why)) {
		if (why.code == ERR_NOTFOUND)
			return 0;
		if (err)
			*err = why;
		return -1;
	}
	free(entry.name);
	return 1;
}

static bool list_has(const struct node *list, const char *text)
{
	for (uint32_t i = 0; i < list->len; i++) {
		if (node_is_string(list->kids[i]) && strcmp(list->kids[i]->text, text) == 0)
			return true;
	}
	return false;
}

static int add_components(struct edit *e, struct err *err)
{
	const json_t *all = doc_get(e->ask, "components", NULL);
	bool lenient = doc_get_bool(e->ask, false, "ignoreMissingComponents", NULL);
	size_t n = json_array_size(all);
	struct node *list = n ? list_of(e, "components") : NULL;

	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(all, i));
		int there = 1;

		if (!s || !*s)
			return err_set(err, ERR_INVALID, "source.kustomize.components[%zu] is not "
				       "a path", i);
		if (lenient && (there = is_there(e, s, err)) < 0)
			return -1;
		if (there && !list_has(list, s))
			node_append(e->a, list, node_new_str(e->a, s));
	}
	return 0;
}

static int edit_all(struct edit *e, struct err *err)
{
	set_texts(e);
	if (set_images(e, err) < 0 || set_replicas(e, err) < 0 ||
	    add_labels(e, err) < 0 || add_annotations(e, err) < 0 ||
	    add_patches(e, err) < 0)
		return -1;
	return add_components(e, err);
}

static bool has_work(const json_t *ask)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)ask, key, v) {
		if (!is_empty(v))
			return true;
	}
	return false;
}

int kust_overrides_edit(struct arena *a, const json_t *ask, struct files *files,
			const char *folder, struct node *doc, struct err *err)
{
	struct edit e = { .a = a, .doc = doc, .files = files, .folder = folder,
			  .ask = ask };

	if (!has_work(ask))
		return 0;
	if (doc->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "empty, or not a map");
	if (spell_keys(&e, err) < 0 || check_kinds(&e, err) < 0)
		return -1;
	return edit_all(&e, err);
}

int kust_overrides_text(const json_t *ask, struct files *files, const char *folder,
			const char *text, size_t len, struct buf *out, struct err *err)
{
	_cleanup_(arena_deinit) struct arena a = { 0 };
	struct node_reader *reader;
	struct node *doc;
	int got;

	if (!has_work(ask))
		return 0;
	reader = node_reader_new_lenient(text, len);
	got = node_read(reader, &a, &doc, err);
	node_reader_free(reader);
	if (got < 0)
		return -1;
	if (got == 0)
		return err_set(err, ERR_INVALID, "empty, or not a map");
	if (kust_overrides_edit(&a, ask, files, folder, doc, err) < 0)
		return -1;
	return node_to_json(doc, out, err);
}
