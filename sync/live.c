/*
 * The live index: a hash by object key. An object comes in, what matters of it
 * stays, the object itself is not kept. What cannot be an object of an API server
 * (no kind, name or uid) is ignored.
 */
#include "sync/live.h"

#include "probe.h"
#include "sync/fingerprint.h"
#include "sync/links.h"

#define TRACKING "argocd.argoproj.io/tracking-id"
#define OPERATION "syncd.dev/operation"

struct live *live_find(struct live_index *ix, const struct objkey *k)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	struct live *l;

	objkey_format(k, &key);
	HASH_FIND(hh, ix->by_key, buf_str(&key), key.len, l);
	return l;
}

static void live_free(struct live *l)
{
	free(l->key);
	free(l->group);
	free(l->kind);
	free(l->ns);
	free(l->name);
	free(l->app_id);
	free(l->links);
	free(l);
}

void live_remove(struct live_index *ix, struct live *l)
{
	HASH_DEL(ix->by_key, l);
	live_free(l);
}

void live_deinit(struct live_index *ix)
{
	struct live *l = ix->by_key, *next;

	/* Buckets first: then the list can be freed in one walk. */
	if (l)
		HASH_CLEAR(hh, ix->by_key);
	for (; l; l = next) {
		next = l->hh.next;
		live_free(l);
	}
}

static struct live *live_add(struct live_index *ix, const struct objkey *k)
{
	struct live *l = xcalloc(1, sizeof(*l));
	struct buf key = BUF_INIT;
	size_t len;

	objkey_format(k, &key);
	l->key = buf_steal(&key, &len);
	l->group = xstrdup(k->group);
	l->kind = xstrdup(k->kind);
	l->ns = xstrdup(k->ns);
	l->name = xstrdup(k->name);
	l->app_id = xstrdup("");
	HASH_ADD_KEYPTR(hh, ix->by_key, l->key, len, l);
	return l;
}

/* The group of apiVersion, in *storage where it is not "". */
static const char *group_of(const char *api_version, char **storage)
{
	const char *slash = strchr(api_version, '/');

	if (!slash)
		return "";
	*storage = xstrndup(api_version, (size_t)(slash - api_version));
	return *storage;
}

static const char *text(const json_t *meta, const char *field)
{
	const char *s = doc_get_str(meta, field, NULL);

	return s ? s : "";
}

/* A value that does not fit is none of ours. */
static void copy_short(char *to, size_t size, const char *s)
{
	to[0] = '\0';
	if (s && strlen(s) < size)
		strcpy(to, s);
}

/*
 * The application that tracks it: "" when there is no id, or one that names
 * another object (a copy). Ids of cluster-scoped objects carry a namespace.
 */
static char *tracked_by(const struct objkey *k, const json_t *meta)
{
	const char *id = doc_get_str(meta, "annotations", TRACKING, NULL);
	_cleanup_free_ char *app = NULL, *group = NULL, *kind = NULL;
	_cleanup_free_ char *ns = NULL, *name = NULL;

	if (!id || tracking_parse(id, &app, &group, &kind, &ns, &name) ||
	    strcmp(group, k->group) || strcmp(kind, k->kind) ||
	    strcmp(name, k->name) || (k->ns[0] && strcmp(ns, k->ns)))
		return xstrdup("");
	return steal(&app);
}

/*
 * progressDeadlineSeconds or activeDeadlineSeconds where Git sets it: the API server
 * gives every Deployment one, which says nothing.
 */
static uint64_t own_deadline(const struct objkey *k, const json_t *object)
{
	const char *field = "progressDeadlineSeconds";
	int64_t s;

	if (!strcmp(k->group, "batch") && !strcmp(k->kind, "Job"))
		field = "activeDeadlineSeconds";
	else if (strcmp(k->group, "apps") || strcmp(k->kind, "Deployment"))
		return 0;
	s = doc_get_int(object, 0, "spec", field, NULL);
	if (s <= 0 || !fingerprint_owns(object, FIELD_MANAGER, "spec", field, NULL))
		return 0;
	return (uint64_t)(s < INT32_MAX ? s : INT32_MAX) * 1000;
}

/* An entry we cannot read reads as drift: an apply makes it ours again. */
static bool fingerprint(const struct live_index *ix, const char *app_id,
			const struct objkey *k, const json_t *object, char out[65])
{
	_cleanup_json_ json_t *ignored = ix->ignored ?
		ix->ignored(ix->arg, app_id, k, object) : NULL;
	const char *version = NULL;

	if (fingerprint_without(object, FIELD_MANAGER, ignored, out, &version, NULL))
		out[0] = '\0';
	return !version || !strcmp(version, text(object, "apiVersion"));
}

/* In v1 an autoscaler has there what that version has no fields for, and its state. */
#define SCALER "autoscaling.alpha.kubernetes.io/"

static bool is_kept_there(const char *key)
{
	return !strncmp(key, SCALER, strlen(SCALER)) && strcmp(key, SCALER "conditions") &&
	       strcmp(key, SCALER "current-metrics");
}

/* All of it but metadata and status, and what of ours can be seen in this version. */
static void shape_of(const json_t *object, const char *seen, char out[65])
{
	_cleanup_json_ json_t *all = json_object();
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)object, key, v)
		if (strcmp(key, "metadata") && strcmp(key, "status"))
			json_object_set(all, key, v);
	json_object_foreach(doc_get(object, "metadata", "annotations", NULL), key, v)
		if (is_kept_there(key))
			json_object_set(all, key, v);
	doc_canonical(all, &text);
	buf_adds(&text, seen);
	sha256_hex(buf_str(&text), text.len, out);
}

/*
 * A kind is watched in one version, and objects of it may be written in another: our
 * fields are none of what is seen then. What an apply's answer said stays true as long as
 * nothing but its state changes, or what others have in its metadata; what has changed
 * reads as drift, and the apply that follows says what is true.
 */
static void take_fingerprint(const struct live_index *ix, struct live *l,
			     const struct objkey *k, const json_t *object, bool same)
{
	char now[65], shape[65];
	bool known;

	l->converted = !fingerprint(ix, l->app_id, k, object, now);
	if (!l->converted) {
		if (!same && strcmp(l->fingerprint, now))
			l->shape[0] = '\0';	/* it was another one that looked so */
		memcpy(l->fingerprint, now, sizeof(now));
		return;
	}
	shape_of(object, now, shape);
	known = same || !strcmp(l->shape, shape);
	memcpy(l->shape, shape, sizeof(shape));
	if (!known)
		memcpy(l->fingerprint, now, sizeof(now));
}

/* same: it is known as it was at this very version. */
static void take_in(const struct live_index *ix, struct live *l,
		    const struct objkey *k, const json_t *object, bool same)
{
	const json_t *meta = doc_get(object, "metadata", NULL);
	const struct health was = l->health;

	copy_short(l->uid, sizeof(l->uid), text(meta, "uid"));
	copy_short(l->op, sizeof(l->op),
		   doc_get_str(meta, "annotations", OPERATION, NULL));
	free(l->app_id);
	l->app_id = tracked_by(k, meta);
	take_fingerprint(ix, l, k, object, same);
	free(l->links);
	l->links = links_of_object(object);
	l->health = health_assess(object);
	l->progress = health_progress(object);
	l->own_deadline_ms = own_deadline(k, object);
	l->deleting = doc_get_str(meta, "deletionTimestamp", NULL);
	l->held = health_is_held(object);
	l->calls_out = probe_wants(object);
	l->owned = json_array_size(doc_get(meta, "ownerReferences", NULL)) > 0;
	l->scaled = fingerprint_owns(object, FIELD_MANAGER, "spec", "replicas", NULL);
	if (ix->judge)
		ix->judge(ix->arg, l, object, &was);
	l->keep_prune = tracking_keeps(object, "Prune=false");
	l->keep_delete = tracking_keeps(object, "Delete=false");
}

static void remember(const struct live *l, struct live_before *ret)
{
	*ret = (struct live_before){ .health = HEALTH_NONE };
	if (!l)
		return;
	memcpy(ret->uid, l->uid, sizeof(ret->uid));
	memcpy(ret->fingerprint, l->fingerprint, sizeof(ret->fingerprint));
	ret->health = l->health.status;
	ret->progress = l->progress;
}

/* An object's key; the group lies in *storage. */
static struct objkey key_of(const json_t *object, char **storage)
{
	const json_t *meta = doc_get(object, "metadata", NULL);

	return (struct objkey){
		.group = group_of(text(object, "apiVersion"), storage),
		.kind = text(object, "kind"),
		.ns = text(meta, "namespace"), .name = text(meta, "name"),
	};
}

void live_fingerprint(const struct live_index *ix, const json_t *object, char out[65])
{
	_cleanup_free_ char *storage = NULL, *app_id = NULL;
	struct objkey k = key_of(object, &storage);

	app_id = tracked_by(&k, doc_get(object, "metadata", NULL));
	(void)fingerprint(ix, app_id, &k, object, out);
}

struct live *live_upsert(struct live_index *ix, const json_t *object,
			 struct live_before *ret_before)
{
	const json_t *meta = doc_get(object, "metadata", NULL);
	_cleanup_free_ char *storage = NULL;
	struct objkey k = key_of(object, &storage);
	uint64_t version = strtoull(text(meta, "resourceVersion"), NULL, 10);
	const char *uid = text(meta, "uid");
	struct live *l;
	bool same;

	if (!k.kind[0] || !k.name[0] || !uid[0] || strlen(uid) >= sizeof(l->uid))
		return NULL;
	l = live_find(ix, &k);
	if (l && version < l->version)
		return NULL;
	if (ret_before)
		remember(l, ret_before);
	if (!l)
		l = live_add(ix, &k);
	same = l->version == version && !strcmp(l->uid, uid);
	l->version = version;
	take_in(ix, l, &k, object, same);
	return l;
}

char *tracking_app(const struct objkey *k, const json_t *metadata)
{
	char *app = tracked_by(k, metadata);

	if (*app)
		return app;
	free(app);
	return NULL;
}

char *tracking_owner(const json_t *object)
{
	_cleanup_free_ char *storage = NULL;
	struct objkey k = key_of(object, &storage);

	return tracking_app(&k, doc_get(object, "metadata", NULL));
}
