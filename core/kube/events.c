/*
 * Events: one POST each, or a PATCH that counts up a series.
 *
 * Happy path: an object's budget has a token; an event that equals a known one of
 * the last 10 minutes counts it up, any other is created. Ways to fail are all
 * borne in silence: no token, too many requests out, an answer that is an error.
 * What is counted while nothing may be sent goes out with the next patch. Known
 * events and budgets are bounded; the one used longest ago goes first.
 */
#include "core/events.h"

#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "core/doc.h"
#include "core/mem.h"

#define BURST 25
#define REFILL_MS 300000u
#define SERIES_MS 600000u
#define KNOWN_MAX 1024u
#define FLYING_MAX 64u
#define NOTE_MAX 1024u
#define NAME_MAX_LEN 253u

/* How much one object may say. */
struct budget {
	char *key;
	double tokens;
	uint64_t at;		/* when tokens was right */
	UT_hash_handle hh;
};

/* One Event on the server, or on its way there. */
struct known {
	struct events *e;
	char *key, *ns, *name;
	unsigned count;
	uint64_t last;
	bool created, flying;
	bool owed;		/* what came while it flew is to be told, too */
	struct kube_request r;
	struct buf body;
	UT_hash_handle hh;
};

struct events {
	struct kube *k;
	struct world *w;
	char *controller, *instance;
	struct budget *budgets;
	struct known *known;
	unsigned flying;
	uint64_t serial;	/* makes names unique */
};

/* ---- budgets ---- */

static void budget_free(struct events *e, struct budget *b)
{
	HASH_DEL(e->budgets, b);
	free(b->key);
	free(b);
}

static struct budget *budget_of(struct events *e, const char *key)
{
	struct budget *b;

	HASH_FIND_STR(e->budgets, key, b);
	if (b) {
		/* To the end of the order of use. */
		HASH_DEL(e->budgets, b);
	} else {
		if (HASH_COUNT(e->budgets) >= KNOWN_MAX)
			budget_free(e, e->budgets);
		b = xcalloc(1, sizeof(*b));
		b->key = xstrdup(key);
		b->tokens = BURST;
		b->at = world_now(e->w);
	}
	HASH_ADD_KEYPTR(hh, e->budgets, b->key, strlen(b->key), b);
	return b;
}

static bool spend(struct events *e, const char *key)
{
	struct budget *b = budget_of(e, key);
	uint64_t now = world_now(e->w);

	b->tokens += (double)(now - b->at) / REFILL_MS;
	if (b->tokens > BURST)
		b->tokens = BURST;
	b->at = now;
	if (b->tokens < 1)
		return false;
	b->tokens -= 1;
	return true;
}

/* ---- known events ---- */

static void known_free(struct known *n)
{
	HASH_DEL(n->e->known, n);
	kube_abandon(n->e->k, &n->r);
	n->e->flying -= n->flying;
	kube_request_deinit(&n->r);
	buf_deinit(&n->body);
	free(n->key);
	free(n->ns);
	free(n->name);
	free(n);
}

/* Drops what no series can continue, then what is oldest and at rest. */
static bool make_room(struct events *e)
{
	struct known *n, *tmp;

	HASH_ITER(hh, e->known, n, tmp) {
		if (n->flying)
			continue;
		if (world_now(e->w) - n->last > SERIES_MS ||
		    HASH_COUNT(e->known) >= KNOWN_MAX)
			known_free(n);
		else
			break;
	}
	return HASH_COUNT(e->known) < KNOWN_MAX;
}

/* An Event's name begins with the object's, as far as it may: RBAC names have ':'. */
static char *event_name(struct events *e, const char *object)
{
	char suffix[40];
	_cleanup_buf_ struct buf b = BUF_INIT;

	snprintf(suffix, sizeof(suffix), ".%llx%04llx",
		 (unsigned long long)world_wall(e->w),
		 (unsigned long long)(++e->serial & 0xffff));
	for (; *object && b.len < NAME_MAX_LEN - sizeof(suffix); object++) {
		char c = *object;

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    (c == '.' && b.len && b.data[b.len - 1] != '.'))
			buf_addc(&b, c);
		else
			buf_addc(&b, 'x');
	}
	while (b.len && b.data[b.len - 1] == '.')
		b.data[--b.len] = '\0';
	if (!b.len)
		buf_adds(&b, "object");
	buf_adds(&b, suffix);
	return buf_steal(&b, NULL);
}

/* ---- bodies ---- */

static void put(json_t *o, const char *key, const char *value)
{
	if (value && value[0])
		json_object_set_new(o, key, json_string(value));
}

/* At most NOTE_MAX bytes, not within a character. */
static size_t note_len(const char *note)
{
	size_t n = strlen(note);

	if (n <= NOTE_MAX)
		return n;
	n = NOTE_MAX;
	while (n && ((unsigned char)note[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static json_t *regarding(const struct event_object *about)
{
	json_t *o = json_object();

	put(o, "apiVersion", about->api_version);
	put(o, "kind", about->kind);
	put(o, "namespace", about->ns);
	put(o, "name", about->name);
	put(o, "uid", about->uid);
	put(o, "resourceVersion", about->resource_version);
	return o;
}

static void event_body(struct known *n, const struct event_object *about,
		       const char *type, const char *reason, const char *action,
		       const char *note)
{
	_cleanup_json_ json_t *o = json_object();
	_cleanup_free_ char *cut = xstrndup(note, note_len(note));
	json_t *meta = json_object();
	_cleanup_buf_ struct buf literal = BUF_INIT;
	char now[40];

	time_rfc3339_micro(world_wall(n->e->w), now);
	put(o, "apiVersion", "events.k8s.io/v1");
	put(o, "kind", "Event");
	put(meta, "namespace", n->ns);
	put(meta, "name", n->name);
	json_object_set_new(o, "metadata", meta);
	put(o, "eventTime", now);
	put(o, "reportingController", n->e->controller);
	put(o, "reportingInstance", n->e->instance);
	put(o, "action", action);
	put(o, "reason", reason);
	put(o, "type", type);
	json_object_set_new(o, "regarding", regarding(about));
	/* Bytes that are no UTF-8 are replaced, not refused. */
	doc_write_str(&literal, cut);
	json_object_set_new(o, "note",
			    json_loads(buf_str(&literal), JSON_DECODE_ANY, NULL));
	buf_clear(&n->body);
	doc_write(o, &n->body);
}

static void series_body(struct known *n)
{
	char now[40];

	time_rfc3339_micro(world_wall(n->e->w), now);
	buf_clear(&n->body);
	buf_addf(&n->body, "{\"series\":{\"count\":%u,\"lastObservedTime\":\"%s\"}}",
		 n->count, now);
}

/* ---- sending ---- */

static void on_done(struct kube_request *r, const struct err *err);

static void send(struct known *n)
{
	n->r.max_tries = 3;
	n->r.on_done = on_done;
	n->owed = false;
	n->flying = true;
	n->e->flying++;
	kube_start(n->e->k, &n->r);
}

static struct kube_ref ref_of(const struct known *n)
{
	return (struct kube_ref){
		.group = "events.k8s.io",
		.version = "v1",
		.resource = "events",
		.ns = n->ns,
		.name = n->name,
	};
}

static void send_series(struct known *n)
{
	struct kube_ref ref = ref_of(n);

	series_body(n);
	kube_request_deinit(&n->r);
	kube_merge_patch_init(&n->r, &ref, "syncd", n->body.data, n->body.len);
	send(n);
}

static void on_done(struct kube_request *r, const struct err *err)
{
	struct known *n = container_of(r, struct known, r);

	n->e->flying--;
	n->flying = false;
	/* Not there (any more), or unknown: the next one is a new Event. */
	if (err->code) {
		known_free(n);
		return;
	}
	n->created = true;
	if (n->owed)
		send_series(n);
}

static void send_new(struct known *n)
{
	struct kube_ref ref = ref_of(n);

	kube_create_init(&n->r, &ref, "syncd", n->body.data, n->body.len);
	send(n);
}

/* ---- emitting ---- */

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static char *object_key(const struct event_object *o)
{
	return xasprintf("%s|%s|%s|%s|%s", or_empty(o->api_version),
			 or_empty(o->kind), or_empty(o->ns), or_empty(o->name),
			 or_empty(o->uid));
}

static void again(struct known *n, bool may_send)
{
	n->count++;
	n->last = world_now(n->e->w);
	/* To the end of the order of use. */
	HASH_DEL(n->e->known, n);
	HASH_ADD_KEYPTR(hh, n->e->known, n->key, strlen(n->key), n);
	if (may_send && n->flying)
		n->owed = true;
	else if (may_send && n->created)
		send_series(n);
}

static struct known *known_new(struct events *e, const char *key,
			       const struct event_object *about)
{
	struct known *n = xcalloc(1, sizeof(*n));

	n->e = e;
	n->key = xstrdup(key);
	n->ns = xstrdup(about->ns && about->ns[0] ? about->ns : "default");
	n->name = event_name(e, or_empty(about->name));
	n->count = 1;
	n->last = world_now(e->w);
	HASH_ADD_KEYPTR(hh, e->known, n->key, strlen(n->key), n);
	return n;
}

void events_emit(struct events *e, const struct event_object *about,
		 const char *type, const char *reason, const char *action,
		 const char *note)
{
	_cleanup_free_ char *object = object_key(about);
	_cleanup_free_ char *key = xasprintf("%s|%s|%s|%s|%s", object, type,
					     reason, action, note);
	bool may_send = e->flying < FLYING_MAX && spend(e, object);
	struct known *n;

	HASH_FIND_STR(e->known, key, n);
	if (n && !n->flying && world_now(e->w) - n->last > SERIES_MS) {
		known_free(n);
		n = NULL;
	}
	if (n) {
		again(n, may_send);
	} else if (may_send && make_room(e)) {
		n = known_new(e, key, about);
		event_body(n, about, type, reason, action, note);
		send_new(n);
	}
}

struct events *events_new(struct kube *k, const char *controller,
			  const char *instance)
{
	struct events *e = xcalloc(1, sizeof(*e));

	e->k = k;
	e->w = kube_world(k);
	e->controller = xstrdup(controller);
	e->instance = xstrdup(instance);
	return e;
}

struct events *events_free(struct events *e)
{
	struct known *n, *tmp;
	struct budget *b, *tmp_b;

	if (!e)
		return NULL;
	HASH_ITER(hh, e->known, n, tmp)
		known_free(n);
	HASH_ITER(hh, e->budgets, b, tmp_b)
		budget_free(e, b);
	free(e->controller);
	free(e->instance);
	free(e);
	return NULL;
}
