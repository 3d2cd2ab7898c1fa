/*
 * The Deployment controller: a ReplicaSet per template, pods moved from the old
 * ones to the new within maxSurge and maxUnavailable, conditions as the real one
 * words them, and the progress deadline.
 */
#include <stdio.h>

#include "apiint.h"

#define KCM "kube-controller-manager"

void api_rollout(struct apisim *a, struct api_object *o);

struct sets {
	int64_t want, total, ready, fresh_ready, fresh_n;
	struct api_object *fresh;
	VEC(struct api_object *) old;
	int64_t revision;
};

static const char *str(const json_t *o, const char *a, const char *b)
{
	const char *s = doc_get_str(o, a, b, NULL);

	return s ? s : "";
}

static char *hash_of(const json_t *d)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char hex[65];

	doc_canonical(doc_get(d, "spec", "template", NULL), &b);
	sha256_hex(buf_str(&b), b.len, hex);
	return xstrndup(hex, 10);
}

static bool mine(const json_t *rs, const json_t *d)
{
	const json_t *ref = json_array_get(doc_get(rs, "metadata", "ownerReferences",
						   NULL), 0);

	return ref && !strcmp(str(ref, "uid", NULL), str(d, "metadata", "uid"));
}

static int64_t revision_of(const json_t *o)
{
	const char *s = doc_get_str(o, "metadata", "annotations",
				    "deployment.kubernetes.io/revision", NULL);

	return s ? strtoll(s, NULL, 10) : 0;
}

static void gather(const struct apisim *a, const json_t *d, struct sets *s)
{
	_cleanup_free_ char *hash = hash_of(d);
	_cleanup_free_ char *prefix = xasprintf("apps/replicasets/%s/",
						str(d, "metadata", "namespace"));

	s->want = doc_get_int(d, 1, "spec", "replicas", NULL);
	for (size_t i = api_lower_bound(a, prefix); i < a->objects.len; i++) {
		struct api_object *o = a->objects.data[i];
		int64_t ready = doc_get_int(o->json, 0, "status", "readyReplicas", NULL);
		const char *h = doc_get_str(o->json, "metadata", "labels",
					    "pod-template-hash", NULL);

		if (strncmp(o->key, prefix, strlen(prefix)))
			break;
		if (!mine(o->json, d))
			continue;
		s->total += doc_get_int(o->json, 0, "spec", "replicas", NULL);
		s->ready += ready;
		if (revision_of(o->json) > s->revision)
			s->revision = revision_of(o->json);
		if (h && !strcmp(h, hash)) {
			s->fresh = o;
			s->fresh_ready = ready;
			s->fresh_n = doc_get_int(o->json, 0, "status", "replicas", NULL);
		} else {
			vec_push(&s->old, o);
		}
	}
}

static void create_set(struct apisim *a, const json_t *d, int64_t revision)
{
	_cleanup_free_ char *hash = hash_of(d);
	_cleanup_free_ char *name = xasprintf("%s-%s", str(d, "metadata", "name"), hash);
	_cleanup_free_ char *rev = xasprintf("%lld", (long long)revision);
	_cleanup_status_ struct api_status st = { 0 };
	json_t *template = json_deep_copy(doc_get(d, "spec", "template", NULL));
	json_t *labels = doc_get(template, "metadata", "labels", NULL);
	_cleanup_json_ json_t *body = NULL;
	struct api_op op = {
		.how = WRITE_CREATE, .type = api_type_named(a, "replicasets.apps"),
		.ns = str(d, "metadata", "namespace"), .name = name, .manager = KCM,
	};

	json_object_set_new(labels, "pod-template-hash", json_string(hash));
	body = json_pack("{s:s, s:s, s:{s:O, s:{s:s}, s:[{s:s,s:s,s:s,s:s,s:b,s:b}]},"
		" s:{s:i, s:{s:O}, s:O}}", "apiVersion", "apps/v1", "kind",
		"ReplicaSet", "metadata", "labels", labels, "annotations",
		"deployment.kubernetes.io/revision", rev, "ownerReferences",
		"apiVersion", "apps/v1", "kind", "Deployment", "name",
		str(d, "metadata", "name"), "uid", str(d, "metadata", "uid"),
		"controller", 1, "blockOwnerDeletion", 1, "spec", "replicas", 0,
		"selector", "matchLabels", labels, "template", template);
	json_decref(template);
	op.body = body;
	(void)!api_write(a, &op, &st);
	json_decref(op.out);
}

static void scale(struct apisim *a, const struct api_object *rs, int64_t n)
{
	if (doc_get_int(rs->json, 0, "spec", "replicas", NULL) == n)
		return;
	api_patch_as(a, KCM, rs->type, str(rs->json, "metadata", "namespace"),
		     str(rs->json, "metadata", "name"), NULL,
		     json_pack("{s:{s:I}}", "spec", "replicas", (json_int_t)n));
}

/* "25%" of n, or a number; up = rounded up. */
static int64_t share(const json_t *v, int64_t n, bool up)
{
	const char *s = json_string_value(v);
	int64_t pct;

	if (!s)
		return json_is_integer(v) ? json_integer_value(v) : 0;
	pct = strtoll(s, NULL, 10);
	return (n * pct + (up ? 99 : 0)) / 100;
}

static void move_pods(struct apisim *a, const json_t *d, struct sets *s)
{
	const json_t *r = doc_get(d, "spec", "strategy", "rollingUpdate", NULL);
	int64_t surge = share(json_object_get(r, "maxSurge"), s->want, true);
	int64_t down = share(json_object_get(r, "maxUnavailable"), s->want, false);
	int64_t has = doc_get_int(s->fresh->json, 0, "spec", "replicas", NULL);
	int64_t room = s->want + surge - s->total;
	int64_t spare = s->ready - (s->want - down);
	bool recreate = !strcmp(doc_get_str(d, "spec", "strategy", "type", NULL),
				"Recreate");

	if (recreate && s->total > has)
		room = 0;
	if (recreate)
		spare = s->total;
	if (has > s->want)
		scale(a, s->fresh, s->want);
	else if (has < s->want && room > 0)
		scale(a, s->fresh, has + room < s->want ? has + room : s->want);
	for (size_t i = 0; i < s->old.len; i++) {
		struct api_object *o = s->old.data[i];
		int64_t n = doc_get_int(o->json, 0, "spec", "replicas", NULL);
		int64_t ready = doc_get_int(o->json, 0, "status", "readyReplicas", NULL);
		int64_t sick = n - ready, drop = sick;

		if (spare > 0)
			drop += spare < ready ? spare : ready;
		spare -= drop - sick;
		if (drop > 0 && n > 0)
			scale(a, o, n > drop ? n - drop : 0);
	}
}

static json_t *old_condition(const json_t *d, const char *type)
{
	const json_t *list = doc_get(d, "status", "conditions", NULL);

	for (size_t i = 0; i < json_array_size(list); i++)
		if (!strcmp(str(json_array_get(list, i), "type", NULL), type))
			return json_array_get(list, i);
	return NULL;
}

static json_t *condition(struct apisim *a, const json_t *d, const char *type,
			 bool ok, const char *reason, const char *msg, bool progress)
{
	const json_t *old = old_condition(d, type);
	bool same = old && !strcmp(str(old, "status", NULL), ok ? "True" : "False");
	char now[32];

	api_now(a, now);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "type", type, "status",
		ok ? "True" : "False", "lastTransitionTime",
		same ? str(old, "lastTransitionTime", NULL) : now, "lastUpdateTime",
		same && !progress && !strcmp(str(old, "reason", NULL), reason) ?
		str(old, "lastUpdateTime", NULL) : now, "reason", reason, "message",
		msg);
}

static uint64_t deadline_left(struct apisim *a, const json_t *d)
{
	const json_t *old = old_condition(d, "Progressing");
	int64_t limit = doc_get_int(d, 600, "spec", "progressDeadlineSeconds", NULL);
	int64_t at = old ? time_parse_rfc3339(str(old, "lastUpdateTime", NULL)) : -1;
	int64_t now = SIM_EPOCH + (int64_t)sim_now(a->sim);
	int64_t end = (at < 0 ? now : at) + limit * 1000;

	return end > now ? (uint64_t)(end - now) : 0;
}

/* Once exceeded, a deadline stays so until something moves. */
static bool is_late(const json_t *d)
{
	const json_t *old = old_condition(d, "Progressing");

	return old && !strcmp(str(old, "reason", NULL), "ProgressDeadlineExceeded");
}

static bool new_generation(const json_t *d)
{
	return doc_get_int(d, 0, "metadata", "generation", NULL) >
	       doc_get_int(d, 0, "status", "observedGeneration", NULL);
}

static json_t *progressing(struct apisim *a, const json_t *d, const struct sets *s,
			   bool moved, bool done, bool late)
{
	const char *name = s->fresh ? str(s->fresh->json, "metadata", "name") : "";
	_cleanup_free_ char *msg = xasprintf(late ? "ReplicaSet \"%s\" has timed out "
		"progressing." : done ? "ReplicaSet \"%s\" has successfully progressed."
		: "ReplicaSet \"%s\" is progressing.", name);

	return condition(a, d, "Progressing", !late, late ? "ProgressDeadlineExceeded" :
			 done ? "NewReplicaSetAvailable" : "ReplicaSetUpdated", msg,
			 moved && !late);
}

static void set_status(struct apisim *a, struct api_object *o, const struct sets *s)
{
	_cleanup_json_ json_t *d = json_incref(o->json);
	_cleanup_free_ char *key = xstrdup(o->key);
	const json_t *r = doc_get(d, "spec", "strategy", "rollingUpdate", NULL);
	int64_t down = share(json_object_get(r, "maxUnavailable"), s->want, false);
	int64_t score = s->fresh_n + s->ready;
	int64_t was = doc_get_int(d, 0, "status", "updatedReplicas", NULL) +
		      doc_get_int(d, 0, "status", "readyReplicas", NULL);
	bool done = s->fresh_ready == s->want && s->total == s->want;
	bool avail = s->ready >= s->want - down;
	bool moved = score > was || new_generation(d);
	bool late = !done && !moved && (is_late(d) || deadline_left(a, d) == 0);

	api_patch_as(a, KCM, o->type, str(d, "metadata", "namespace"),
		str(d, "metadata", "name"), "status",
		json_pack("{s:{s:I, s:I, s:I, s:I, s:I, s:I, s:[o, o]}}", "status",
		"replicas", (json_int_t)s->total, "updatedReplicas",
		(json_int_t)s->fresh_n, "readyReplicas", (json_int_t)s->ready,
		"availableReplicas", (json_int_t)s->ready, "unavailableReplicas",
		(json_int_t)(s->want > s->ready ? s->want - s->ready : 0),
		"observedGeneration",
		(json_int_t)doc_get_int(d, 0, "metadata", "generation", NULL),
		"conditions",
		condition(a, d, "Available", avail, avail ? "MinimumReplicasAvailable" :
			  "MinimumReplicasUnavailable", avail ?
			  "Deployment has minimum availability." :
			  "Deployment does not have minimum availability.", false),
		progressing(a, d, s, moved, done, late)));
	o = api_find_key(a, key);
	if (o && !done && !late)
		api_look(a, key, deadline_left(a, o->json) + 1000);
}

static void annotate(struct apisim *a, const json_t *d, const struct api_type *t,
		     int64_t revision)
{
	_cleanup_free_ char *rev = xasprintf("%lld", (long long)revision);

	if (revision_of(d) == revision)
		return;
	api_patch_as(a, KCM, (struct api_type *)t, str(d, "metadata", "namespace"),
		     str(d, "metadata", "name"), NULL,
		     json_pack("{s:{s:{s:s}}}", "metadata", "annotations",
			       "deployment.kubernetes.io/revision", rev));
}

void api_rollout(struct apisim *a, struct api_object *o)
{
	_cleanup_json_ json_t *d = json_incref(o->json);
	_cleanup_free_ char *key = xstrdup(o->key);
	struct api_type *t = o->type;
	struct sets s = { 0 };

	gather(a, d, &s);
	if (doc_get_bool(d, false, "spec", "paused", NULL)) {
		;	/* only its status is kept */
	} else if (!s.fresh) {
		create_set(a, d, s.revision + 1);
		annotate(a, d, t, s.revision + 1);
	} else {
		if (revision_of(s.fresh->json) < s.revision) {
			annotate(a, s.fresh->json, s.fresh->type, s.revision + 1);
			annotate(a, d, t, s.revision + 1);
		}
		move_pods(a, d, &s);
	}
	vec_deinit(&s.old);
	s = (struct sets){ 0 };
	gather(a, d, &s);
	o = api_find_key(a, key);
	if (o)
		set_status(a, o, &s);
	vec_deinit(&s.old);
}
