/*
 * schema.c - which lists merge and which kinds are cluster-scoped (kyaml/openapi).
 *
 * Most builds use the built-in tables only, found by bisection. A custom schema stays
 * the tree that was read; its definitions and kinds are in two indexes, and a node of
 * it is made when it is asked for. The reference reads schemas when it first needs
 * them, and what was read stays: so a custom schema set after the built-in one was
 * used adds to it, else it stands alone.
 */
#include <uthash.h>

#include "schema_priv.h"

#define REFS_MAX 32		/* references to references */
#define KEYS_MAX 16

struct entry {
	UT_hash_handle hh;
	const struct kschema_node *node;	/* of a definition, of a kind */
	enum kschema_scope scope;		/* of a kind */
	char name[];
};

struct kschema {
	bool set;		/* a version or a custom schema was chosen */
	bool ready;		/* what was chosen is in use */
	bool builtin;		/* the built-in tables are in use */
	bool wanted;		/* they were asked for scopes: they come in, too */
	bool custom;		/* the custom one is in use */
	bool has_custom;
	struct entry *definitions;	/* of the custom one, by name */
	struct entry *kinds;		/* by "apiVersion kind" */
};

#define LEAF (&kschema_nodes[0])

static struct kschema *state(struct kust *k)
{
	if (!k->schema)
		k->schema = xcalloc(1, sizeof(*k->schema));
	return k->schema;
}

/* initSchema */
static struct kschema *ready(struct kust *k)
{
	struct kschema *s = state(k);

	if (s->ready)
		return s;
	s->ready = true;
	s->custom = s->has_custom;
	s->builtin |= !s->has_custom || s->wanted;
	return s;
}

/* --- the built-in tables ---------------------------------------------------------- */

/* strcmp() of "group/version" and api_version. */
static int api_order(const struct kgvk *gvk, const char *api_version)
{
	size_t len = strlen(gvk->group);
	int order = strncmp(gvk->group, api_version, len);

	if (order || !len)
		return order ? order : strcmp(gvk->version, api_version);
	return api_version[len] == '/' ? strcmp(gvk->version, api_version + len + 1) :
					 '/' - api_version[len];
}

static const struct kschema_kind *find_kind(const struct kgvk *gvk)
{
	size_t low = 0, high = kschema_n_kinds;

	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct kschema_kind *at = &kschema_kinds[mid];
		int order = api_order(gvk, at->api_version);

		if (!order)
			order = strcmp(gvk->kind, at->kind);
		if (!order)
			return at;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

static const struct kschema_node *find_builtin(const char *name)
{
	for (size_t i = 0; i < kschema_n_nodes; i++) {
		if (kschema_nodes[i].name && strcmp(kschema_nodes[i].name, name) == 0)
			return &kschema_nodes[i];
	}
	return NULL;
}

/* --- a custom schema -------------------------------------------------------------- */

static struct entry *find_entry(struct entry *index, const char *name)
{
	struct entry *e;

	HASH_FIND(hh, index, name, strlen(name), e);
	return e;
}

static struct entry *add_entry(struct entry **index, const char *name)
{
	struct entry *e = find_entry(*index, name);
	size_t len = strlen(name);

	if (e)
		return e;
	e = xcalloc(1, sizeof(*e) + len + 1);
	memcpy(e->name, name, len);
	HASH_ADD_KEYPTR(hh, *index, e->name, len, e);
	return e;
}

static const struct kschema_node *wrap(struct kust *k, const struct node *raw,
				       const char *name)
{
	struct kschema_node *n = arena_alloc(&k->arena, sizeof(*n));

	n->raw = raw;
	n->name = name;
	return n;
}

/* A definition by name: a custom one hides the built-in one. */
static const struct kschema_node *definition(struct kust *k, const char *name)
{
	struct kschema *s = ready(k);
	const struct entry *e = s->custom ? find_entry(s->definitions, name) : NULL;

	if (e)
		return e->node;
	return s->builtin ? find_builtin(name) : NULL;
}

/* What raw is, its references followed. */
static const struct kschema_node *resolve(struct kust *k, const struct node *raw)
{
	static const char prefix[] = "#/definitions/";
	const struct kschema_node *at = NULL;

	for (int i = 0; raw && i < REFS_MAX; i++) {
		const char *ref = ktext(kget(raw, "$ref"));

		if (!*ref)
			return at ? at : wrap(k, raw, NULL);
		if (strncmp(ref, prefix, sizeof(prefix) - 1) != 0)
			return NULL;
		at = definition(k, ref + sizeof(prefix) - 1);
		if (!at || !at->raw)
			return at;
		raw = at->raw;
	}
	return NULL;
}

static const struct kschema_node *raw_field(struct kust *k, const struct node *raw,
					    const char *field)
{
	const struct node *extra = kget(raw, "additionalProperties");
	const struct node *found = kget(kget(raw, "properties"), field);

	if (found)
		return resolve(k, found);
	return extra && extra->kind == NODE_MAP ? resolve(k, extra) : NULL;
}

static bool is_array(const struct node *raw)
{
	const struct node *type = kget(raw, "type");

	if (type && type->kind == NODE_LIST && type->len == 1)
		type = type->kids[0];
	return strcmp(ktext(type), "array") == 0;
}

static const struct kschema_node *raw_items(struct kust *k, const struct node *raw)
{
	const struct node *items = kget(raw, "items");

	return items && items->kind == NODE_MAP && is_array(raw) ? resolve(k, items) : NULL;
}

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strcspn(at, ",") == len && memcmp(at, word, len) == 0)
			return true;
	}
	return false;
}

/* PatchStrategyAndKeyList */
static bool raw_merges(struct kust *k, const struct node *raw, const char *const **ret)
{
	const struct node *list = kget(raw, "x-kubernetes-list-map-keys");
	const struct node *key = kget(raw, "x-kubernetes-patch-merge-key");
	const char **keys;
	size_t n = 0;

	if (!has_word(ktext(kget(raw, "x-kubernetes-patch-strategy")), "merge"))
		return false;
	keys = arena_alloc(&k->arena, (KEYS_MAX + 1) * sizeof(*keys));
	if (list && list->kind == NODE_LIST) {
		for (uint32_t i = 0; i < list->len && n < KEYS_MAX; i++)
			keys[n++] = ktext(list->kids[i]);
	} else if (key) {
		keys[n++] = ktext(key);
	}
	*ret = keys;
	return true;
}

/* toTypeMeta, as the key of the index. */
static const char *kind_key(struct kust *k, const struct node *gvk)
{
	const char *group = ktext(kget(gvk, "group"));

	return arena_printf(&k->arena, "%s%s%s %s", group, *group ? "/" : "",
			    ktext(kget(gvk, "version")), ktext(kget(gvk, "kind")));
}

static void read_definition(struct kust *k, const struct node *key,
			    const struct node *raw)
{
	const struct node *gvks = kget(raw, "x-kubernetes-group-version-kind");
	const struct kschema_node *n = wrap(k, raw, ktext(key));

	add_entry(&k->schema->definitions, ktext(key))->node = n;
	for (uint32_t i = 0; gvks && gvks->kind == NODE_LIST && i < gvks->len; i++)
		add_entry(&k->schema->kinds, kind_key(k, gvks->kids[i]))->node = n;
}

/* findNamespaceability: what can be read in a namespace is namespaced. */
static void read_path(struct kust *k, const struct node *path, const struct node *info)
{
	const struct node *gvk = kfind(info, "get", "x-kubernetes-group-version-kind",
				       NULL);
	struct entry *e;

	if (!gvk || gvk->kind != NODE_MAP)
		return;
	e = add_entry(&k->schema->kinds, kind_key(k, gvk));
	if (strstr(ktext(path), "namespaces/{namespace}"))
		e->scope = KSCOPE_NAMESPACED;
	else if (e->scope == KSCOPE_UNKNOWN)
		e->scope = KSCOPE_CLUSTER;
}

typedef void (*read_fn)(struct kust *k, const struct node *key, const struct node *value);

static void each_of(struct kust *k, const struct node *map, read_fn fn)
{
	for (uint32_t i = 0; map && map->kind == NODE_MAP && i < map->len; i += 2)
		fn(k, map->kids[i], map->kids[i + 1]);
}

static int read_custom(struct kust *k, const char *text, size_t len, struct err *err)
{
	const char *copy = arena_strndup(&k->arena, text, len);
	struct node *root;

	if (kread_first(k, "the schema of 'openapi.path'", copy, len, *copy == '{', &root,
			err) < 0)
		return -1;
	if (root->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "the schema of 'openapi.path' is no map: "
			       "give an OpenAPI v2 document");
	each_of(k, kget(root, "definitions"), read_definition);
	each_of(k, kget(root, "paths"), read_path);
	return 0;
}

/* --- both ------------------------------------------------------------------------- */

const struct kschema_node *kschema_root(struct kust *k, const char *api_version,
					const char *kind)
{
	struct kschema *s = ready(k);
	const struct kschema_kind *known;
	struct kgvk gvk;

	if (s->custom) {
		_cleanup_free_ char *key = xasprintf("%s %s", api_version, kind);
		const struct entry *e = find_entry(s->kinds, key);

		if (e && e->node)
			return e->node;
	}
	/* Kustomize's own kinds come with any schema. */
	if (!s->builtin && strncmp(api_version, "kustomize.config.k8s.io/", 24) != 0)
		return NULL;
	/* Without a group the whole text is compared: all that is wanted of it here. */
	gvk = (struct kgvk){ .group = "", .version = api_version, .kind = kind };
	known = find_kind(&gvk);
	return known ? &kschema_nodes[known->node] : NULL;
}

/* A definition of the tables, or what a custom schema has of that name. */
static const struct kschema_node *hidden_by_custom(struct kust *k,
						   const struct kschema_node *n)
{
	const struct entry *e = NULL;

	if (n->name && k->schema && k->schema->custom)
		e = find_entry(k->schema->definitions, n->name);
	return e ? e->node : n;
}

const struct kschema_node *kschema_field(struct kust *k, const struct kschema_node *s,
					 const char *field)
{
	if (!s)
		return NULL;
	if (s->raw)
		return raw_field(k, s->raw, field);
	for (size_t i = s->edges; i < (size_t)s->edges + s->n_edges; i++) {
		if (strcmp(kschema_edges[i].field, field) == 0)
			return hidden_by_custom(k, &kschema_nodes[kschema_edges[i].node]);
	}
	return s == LEAF ? NULL : LEAF;
}

const struct kschema_node *kschema_items(struct kust *k, const struct kschema_node *s)
{
	if (!s)
		return NULL;
	if (s->raw)
		return raw_items(k, s->raw);
	return hidden_by_custom(k, &kschema_nodes[s->items]);
}

bool kschema_merges(struct kust *k, const struct kschema_node *s,
		    const char *const **keys)
{
	if (!s)
		return false;
	if (s->raw)
		return raw_merges(k, s->raw, keys);
	*keys = kschema_keys[s->keys];
	return s->keys != 0;
}

static bool is_custom_cluster(const struct kschema *s, const struct kgvk *gvk)
{
	_cleanup_free_ char *key = xasprintf("%s%s%s %s", gvk->group,
					     *gvk->group ? "/" : "", gvk->version,
					     gvk->kind);
	const struct entry *e = find_entry(s->kinds, key);

	return e && e->scope == KSCOPE_CLUSTER;
}

bool kschema_is_cluster(struct kust *k, const struct kgvk *gvk)
{
	const struct kschema_kind *known = find_kind(gvk);
	struct kschema *s = state(k);

	if (known && known->scope != KSCOPE_UNKNOWN)
		return known->scope == KSCOPE_CLUSTER;
	if (s->has_custom)
		s = ready(k);
	else if (!s->ready)
		s->wanted = true;
	return s->custom && is_custom_cluster(s, gvk);
}

int kschema_set(struct kust *k, const char *version, const char *text, size_t len,
		bool reset, struct err *err)
{
	struct kschema *s = state(k);

	if (s->set && !reset)
		return 0;
	if (text && version)
		return err_set(err, ERR_INVALID, "'openapi' has both 'version' and 'path': "
			       "choose one");
	if (version && *version && strcmp(version, "v1.21.2") != 0)
		return err_set(err, ERR_INVALID, "'openapi.version' %s is not built in; "
			       "v1.21.2 is the only one", version);
	s->set = text || (version && *version);
	if (!s->set)
		return 0;
	s->ready = false;
	s->has_custom = text != NULL;
	return text ? read_custom(k, text, len, err) : 0;
}

static void free_index(struct entry *index)
{
	struct entry *e, *next;

	HASH_ITER(hh, index, e, next) {
		HASH_DEL(index, e);
		free(e);
	}
}

void kschema_free(struct kust *k)
{
	if (!k->schema)
		return;
	free_index(k->schema->definitions);
	free_index(k->schema->kinds);
	free(steal(&k->schema));
}
