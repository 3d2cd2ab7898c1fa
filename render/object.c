/*
 * object.c - one YAML document -> objects ready to be sent.
 *
 * The happy path: Lists are taken apart; an object's identity is read and checked;
 * what the server owns (status, managedFields, uid...) is dropped; a Secret's
 * stringData is folded; annotations become wave, hook and flags; label and tracking
 * are put in; the body is written. Every error names file, line, kind and name; no
 * error shows a value of a Secret.
 */
#include <assert.h>

#include "core/doc.h"
#include "render_priv.h"

#define INSTALL_LABEL "syncd.dev/install"
#define HOOK_FINALIZER "argocd.argoproj.io/hook-finalizer"
#define TRACKING_ID "argocd.argoproj.io/tracking-id"
#define LOCAL_CONFIG "config.kubernetes.io/local-config"

static const char *text_or(const char *s, const char *other)
{
	return s ? s : other;
}

/* "file:12: Kind/name: " before what is wrong. */
static int blame(const char *path, const struct node *object, struct err *err)
{
	const char *kind = node_get_str(object, "kind");
	const char *name = node_get_str(node_get(object, "metadata"), "name");

	if (!kind)
		return err_wrap(err, "%s:%u", path, object->line);
	if (!name)
		return err_wrap(err, "%s:%u: %.80s", path, object->line, kind);
	return err_wrap(err, "%s:%u: %.80s/%.253s", path, object->line, kind,
			name);
}

/* A part of a URL's path later: no separators, nothing that shows as something else. */
static bool valid_name(const char *s, size_t max)
{
	size_t n = strlen(s);

	if (!n || n > max || strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
		return false;
	for (; *s; s++) {
		if (*s == '/' || *s == '%' || (unsigned char)*s <= ' ' || *s == 0x7f)
			return false;
	}
	return true;
}

/* The letters that groups, versions and kinds are made of. */
static bool valid_word(const char *s)
{
	return *s && strlen(s) <= 253 &&
	       !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789.-")];
}

static int read_type(struct rendered *o, const struct node *n, struct err *err)
{
	const char *api = node_get_str(n, "apiVersion"), *slash;

	if (!api || !*api)
		return err_set(err, ERR_INVALID, "apiVersion is missing or not a text");
	o->kind = xstrdup(node_get_str(n, "kind"));
	if (!o->kind || !valid_word(o->kind))
		return err_set(err, ERR_INVALID, "kind is missing or not a name");
	slash = strchr(api, '/');
	o->group = slash ? xstrndup(api, (size_t)(slash - api)) : xstrdup("");
	o->version = xstrdup(slash ? slash + 1 : api);
	if ((slash && !valid_word(o->group)) || !valid_word(o->version))
		return err_set(err, ERR_INVALID, "apiVersion '%.80s' is not one; write "
			       "group/version, such as apps/v1", api);
	if (strcmp(o->group, KUSTOMIZE_GROUP) == 0)
		return err_set(err, ERR_INVALID, "this is input for Kustomize, not an "
			       "object: set source.path to its folder without "
			       "source.directory, or exclude the file");
	return 0;
}

static int read_generate_name(struct built *b, const struct node *meta,
			      struct err *err)
{
	const char *prefix = node_get_str(meta, "generateName");

	if (!prefix)
		return err_set(err, ERR_INVALID, "metadata.name is missing or not a text "
			       "(quote a name that looks like a number)");
	if (!node_get(node_get(meta, "annotations"), "argocd.argoproj.io/hook") &&
	    !node_get(node_get(meta, "annotations"), "helm.sh/hook"))
		return err_set(err, ERR_INVALID, "metadata.generateName is for hooks only; "
			       "give it metadata.name");
	b->generated = true;
	b->o.name = xstrdup(prefix);
	return 0;
}

static int read_name(struct built *b, const struct node *n, struct err *err)
{
	const struct node *meta = node_get(n, "metadata");
	const struct node *ns = node_get(meta, "namespace");
	const char *name = node_get_str(meta, "name");

	if (!meta || meta->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "metadata is missing or not a map");
	if (name)
		b->o.name = xstrdup(name);
	else if (read_generate_name(b, meta, err) < 0)
		return -1;
	if (!valid_name(b->o.name, 253))
		return err_set(err, ERR_INVALID, "metadata.name is empty, too long or holds "
			       "a character that no name may hold");
	if (!node_is_null(ns) && !node_is_string(ns))
		return err_set(err, ERR_INVALID, "metadata.namespace is not a text");
	b->o.ns = xstrdup(node_is_null(ns) ? "" : ns->text);
	if (*b->o.ns && !valid_name(b->o.ns, 63))
		return err_set(err, ERR_INVALID, "metadata.namespace is not a name");
	return 0;
}

/*
 * Labels and annotations must be texts, or the server refuses the object with a
 * message that names no line. null is what the server stores as "".
 */
static int check_texts(struct arena *a, struct node *meta, const char *field,
		       struct err *err)
{
	struct node *map = node_get(meta, field);

	if (node_is_null(map)) {
		node_remove(meta, field);
		return 0;
	}
	if (map->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "metadata.%s is not a map", field);
	for (uint32_t i = 0; i < map->len; i += 2) {
		struct node *value = map->kids[i + 1];

		if (node_is_null(value))
			map->kids[i + 1] = node_new_str(a, "");
		else if (!node_is_string(value))
			return err_set(err, ERR_INVALID, "line %u: metadata.%s '%.80s' must "
				       "be a text: quote its value", value->line, field,
				       map->kids[i]->kind == NODE_SCALAR ?
				       map->kids[i]->text : "");
	}
	return 0;
}

/* What the server writes and an export carries along. */
static void drop_server_fields(struct node *n)
{
	static const char *const owned[] = { "managedFields", "creationTimestamp", "uid",
					     "resourceVersion", "generation", "selfLink" };
	struct node *meta = node_get(n, "metadata");
	struct node *spec = node_get(n, "spec");
	struct node *job = node_find(spec, "jobTemplate", "spec", NULL);

	node_remove(n, "status");
	for (size_t i = 0; i < ARRAY_LEN(owned); i++)
		node_remove(meta, owned[i]);
	node_remove(node_find(spec, "template", "metadata", NULL), "creationTimestamp");
	node_remove(node_find(job, "template", "metadata", NULL), "creationTimestamp");
	node_remove(node_get(meta, "annotations"),
		    "kubectl.kubernetes.io/last-applied-configuration");
	node_remove(node_get(meta, "annotations"), "syncd.dev/operation");
}

#define APPROVED "syncd.dev/approved"	/* and what begins with it */

static bool drop_approvals(struct node *notes)
{
	bool any = false;

	for (uint32_t i = 0; notes && i < notes->len;) {
		const struct node *key = notes->kids[i];

		if (key->kind == NODE_SCALAR &&
		    strncmp(key->text, APPROVED, strlen(APPROVED)) == 0 &&
		    node_remove(notes, key->text))
			any = true;
		else
			i += 2;
	}
	return any;
}

/*
 * What people ask of an Application, and what they approve, is written on the
 * Application itself, where the API server judges who it is. Out of Git it would be
 * written by syncd, and pass for syncd's word.
 */
static void drop_wishes(struct collect *c, struct node *n, const struct rendered *o,
			const char *path)
{
	bool asks, approves;

	if (strcmp(o->group, "argoproj.io") != 0 || strcmp(o->kind, "Application") != 0)
		return;
	asks = node_remove(n, "operation");
	approves = drop_approvals(node_find(n, "metadata", "annotations", NULL));
	if (asks || approves)
		collect_warn(c, "%s:%u: Application %.100s: %s%s%s left out: that counts only "
			     "where a person writes it on the Application", path, n->line,
			     o->name, asks ? "operation" : "", asks && approves ? " and " : "",
			     approves ? "annotations " APPROVED "* are" : " is");
}

/* With server-side apply both fields would be kept, and `data` would not follow. */
static int fold_string_data(struct arena *a, struct node *n, struct err *err)
{
	struct node *plain = node_get(n, "stringData"), *data = node_get(n, "data");

	if (!plain)
		return 0;
	if (!node_is_null(plain) && plain->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "stringData is not a map");
	if (!node_is_null(data) && data->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "data is not a map");
	for (uint32_t i = 0; !node_is_null(plain) && i < plain->len; i += 2) {
		_cleanup_buf_ struct buf b64 = BUF_INIT;
		const struct node *value = plain->kids[i + 1];
		char tmp[32];
		const char *key = node_key_text(plain->kids[i], tmp, err);

		if (!key)
			return -1;
		if (!node_is_null(value) && !node_is_string(value))
			return err_set(err, ERR_INVALID, "line %u: stringData '%.80s' must be "
				       "a text: quote its value", value->line, key);
		if (!data || data->kind != NODE_MAP)
			node_set(a, n, "data", data = node_new_map(a));
		if (!node_is_null(value))
			b64_encode(value->text, value->len, &b64);
		node_set(a, data, key, node_new_str(a, buf_str(&b64)));
	}
	node_remove(n, "stringData");
	return 0;
}

static bool is_local_config(const struct node *n)
{
	const char *s = node_get_str(node_find(n, "metadata", "annotations", NULL),
				     LOCAL_CONFIG);

	return s && strcmp(s, "false") != 0;
}

static void remove_entry(struct node *meta, const char *field, const char *key)
{
	struct node *map = node_get(meta, field);

	if (node_remove(map, key) && !map->len)
		node_remove(meta, field);
}

static void put_entry(struct arena *a, struct node *meta, const char *field,
		      const char *key, const char *value)
{
	struct node *map = node_get(meta, field);

	if (!map)
		node_set(a, meta, field, map = node_new_map(a));
	node_set(a, map, key, node_new_str(a, value));
}

/*
 * A hook is held until its result was read: a finished Job with a TTL would be
 * gone by then. syncd takes it off.
 */
static void put_finalizer(struct arena *a, struct node *meta)
{
	struct node *list = node_get(meta, "finalizers");

	if (!list || list->kind != NODE_LIST)
		node_set(a, meta, "finalizers", list = node_new_list(a));
	for (uint32_t i = 0; i < list->len; i++) {
		if (node_is_string(list->kids[i]) &&
		    strcmp(list->kids[i]->text, HOOK_FINALIZER) == 0)
			return;
	}
	node_append(a, list, node_new_str(a, HOOK_FINALIZER));
}

/* In the object's own metadata only: a template's would restart every pod. */
static void put_marks(const struct collect *c, struct arena *a, struct node *n,
		      const struct rendered *o)
{
	struct node *meta = node_get(n, "metadata");

	if (c->r->install_id)
		put_entry(a, meta, "labels", INSTALL_LABEL, c->r->install_id);
	if (c->r->app_id)
		put_entry(a, meta, "annotations", TRACKING_ID,
			  arena_printf(a, "%s:%s/%s:%s/%s", c->r->app_id, o->group,
				       o->kind, *o->ns ? o->ns :
				       text_or(c->r->destination_ns, ""), o->name));
	if (c->r->app_id && hook_ever_runs(o))
		put_finalizer(a, meta);
}

/* The digest without our marks, then the body with them. */
static int write_body(struct collect *c, struct arena *a, struct node *n,
		      struct built *b, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT_MAX(c->caps.object_bytes);
	struct node *meta = node_get(n, "metadata");

	remove_entry(meta, "labels", INSTALL_LABEL);
	remove_entry(meta, "annotations", TRACKING_ID);
	if (node_to_json(n, &out, err) < 0)
		return -1;
	sha256_hex(buf_str(&out), out.len, b->clean);
	if (!buf_overflowed(&out)) {
		buf_clear(&out);
		put_marks(c, a, n, &b->o);
		if (node_to_json(n, &out, err) < 0)
			return -1;
	}
	if (buf_overflowed(&out))
		return err_set(err, ERR_LIMIT, "larger than %zu bytes, which the API server "
			       "refuses", c->caps.object_bytes);
	sha256_hex(buf_str(&out), out.len, b->o.digest);
	b->body = buf_steal(&out, &b->len);
	return 0;
}

static int build(struct collect *c, struct arena *a, struct node *n,
		 const char *path, struct built *b, struct err *err)
{
	struct node *meta;

	if (read_type(&b->o, n, err) < 0 || read_name(b, n, err) < 0)
		return -1;
	assert(b->o.group && b->o.kind);
	meta = node_get(n, "metadata");
	if (check_texts(a, meta, "labels", err) < 0 ||
	    check_texts(a, meta, "annotations", err) < 0)
		return -1;
	drop_server_fields(n);
	drop_wishes(c, n, &b->o, path);
	if (!*b->o.group && strcmp(b->o.kind, "Secret") == 0 &&
	    fold_string_data(a, n, err) < 0)
		return -1;
	if (annotations_read(&b->o, n, err) < 0 || draw_read(a, &b->o, n, err) < 0)
		return -1;
	annotations_doubt(c, &b->o, n, path);
	normalise(c, &b->o, n);
	pods_read(&b->o, n);
	netpol_read(b, n);
	return write_body(c, a, n, b, err);
}

void built_deinit(struct built *b)
{
	free(b->o.group);
	free(b->o.version);
	free(b->o.kind);
	free(b->o.ns);
	free(b->o.name);
	free(b->o.hook);
	free(b->o.source);
	free(b->o.refs);
	free(b->o.images);
	free(b->o.service);
	free(b->o.draws);
	free(b->labels);
	free(b->selector);
	free(b->body);
}

void collect_deinit(struct collect *c)
{
	for (size_t i = 0; i < c->objects.len; i++)
		built_deinit(&c->objects.data[i]);
	vec_deinit(&c->objects);
}

static int add_one(struct collect *c, struct arena *a, struct node *n,
		   const char *path, struct err *err)
{
	struct built b = { 0 };
	unsigned line = n->line;

	if (c->objects.len >= c->caps.objects)
		return err_set(err, ERR_LIMIT, "%s:%u: more than %zu objects; split the "
			       "application", path, line, c->caps.objects);
	if (is_local_config(n))
		return 0;
	if (build(c, a, n, path, &b, err) < 0) {
		built_deinit(&b);
		return blame(path, n, err);
	}
	b.o.source = xasprintf("%s%s%s:%u", c->from, *c->from ? " " : "", path, line);
	b.part = c->part;
	vec_push(&c->objects, b);
	return 0;
}

/* Items of a FooList may leave out apiVersion and kind. */
static void inherit_type(struct arena *a, const struct node *list, struct node *item)
{
	const char *kind = node_get_str(list, "kind"), *api = node_get_str(list, "apiVersion");
	size_t n = strlen(kind) - strlen("List");

	if (!n || !api || item->kind != NODE_MAP)
		return;
	if (!node_get(item, "kind"))
		node_set(a, item, "kind", node_new_str(a, arena_strndup(a, kind, n)));
	if (!node_get(item, "apiVersion"))
		node_set(a, item, "apiVersion", node_new_str(a, api));
}

static bool is_list_object(const struct node *n)
{
	const char *kind = node_get_str(n, "kind");
	const struct node *items = node_get(n, "items");
	size_t len = kind ? strlen(kind) : 0;

	return len >= 4 && strcmp(kind + len - 4, "List") == 0 && items &&
	       (items->kind == NODE_LIST ||
		(node_is_null(items) && !node_get(n, "spec") && !node_get(n, "status")));
}

int object_add(struct collect *c, struct arena *a, struct node *n,
	       const char *path, struct err *err)
{
	struct node *items;

	if (n->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "%s:%u: not an object: a map with "
			       "apiVersion, kind and metadata is expected", path, n->line);
	if (!is_list_object(n))
		return add_one(c, a, n, path, err);
	items = node_get(n, "items");
	for (uint32_t i = 0; items->kind == NODE_LIST && i < items->len; i++) {
		inherit_type(a, n, items->kids[i]);
		if (object_add(c, a, items->kids[i], path, err) < 0)
			return -1;
	}
	return 0;
}
