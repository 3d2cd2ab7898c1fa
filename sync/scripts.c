/*
 * Health by script: each object of a kind that argocd-cm (settings.h) has a script for
 * is sent to a worker, one after the other.
 *
 * Until the answer is there an object keeps its health, or is Progressing where its
 * spec is new to us: a wave must not go on by what the old one was. An object that
 * changes again meanwhile takes its own place in the queue. A worker that dies or is
 * killed over a script makes its object Unknown; over three in a row the script is
 * given up until the ConfigMap changes, with all its objects Unknown.
 *
 * The queue is capped: what finds no place is read from the API server again when
 * the queue is empty. What was judged at its version already is not judged again.
 */
#include "scripts.h"
#include "grace.h"
#include "settings.h"

#include "core/utf8.h"
#include "health/script.h"
#include "sync/customize.h"

#define DEADLINE_MS 5000
#define MAX_QUEUE 512
#define MAX_STRIKES 3
#define MAX_ANSWER 65536
#define WAITING "Waiting for its health script"

struct script {
	char *pattern, *text;
	unsigned id;		/* another text has another */
	unsigned strikes;	/* workers lost in a row */
	char *given_up;		/* why; NULL: it runs */
};

/* One object that waits to be judged, or is being judged. */
struct asked {
	char *key;		/* objkey_format: the hash key */
	char *group, *kind, *ns, *name;
	json_t *object;
	uint64_t version;
	int64_t generation;
	unsigned script;	/* its id */
	UT_hash_handle hh;
};

struct scripts {
	struct engine *engine;
	struct customize rules;
	VEC(struct script) scripts;	/* parallel to rules.scripts */
	unsigned last_id;
	struct asked *queue;	/* oldest first */
	bool overflowed;
	struct asked *running;
	struct worker_call call;
	char *request;
	struct world_task next;
};

static void asked_free(struct asked *q)
{
	if (!q)
		return;
	free(q->key);
	free(q->group);
	free(q->kind);
	free(q->ns);
	free(q->name);
	json_decref(q->object);
	free(q);
}

static struct script *script_for(struct scripts *s, const char *group,
				 const char *kind)
{
	const struct custom *c = customize_find(&s->rules, group, kind);

	return c ? &s->scripts.data[c - s->rules.scripts.data] : NULL;
}

static struct script *script_of(struct scripts *s, unsigned id)
{
	for (size_t i = 0; i < s->scripts.len; i++) {
		if (s->scripts.data[i].id == id)
			return &s->scripts.data[i];
	}
	return NULL;
}

/* Drops from the queue what no script (all), or this one, is to judge. */
static void queue_drop(struct scripts *s, unsigned id, bool all)
{
	struct asked *q, *next;

	HASH_ITER(hh, s->queue, q, next) {
		if (!all && q->script != id && script_of(s, q->script))
			continue;
		HASH_DEL(s->queue, q);
		asked_free(q);
	}
}

/* ---- judging ---- */

static void say(struct health *h, enum health_status status, const char *words)
{
	_cleanup_free_ char *clean = utf8_clean(words, sizeof(h->message) - 1);

	h->status = status;
	snprintf(h->message, sizeof(h->message), "%s", clean);
}

static void tell(struct scripts *s, struct live *l, const struct health *h)
{
	struct live_before before = { .health = l->health.status,
				      .progress = l->progress };
	struct app *a = app_find_by_app_id(s->engine, l->app_id);
	enum health_status said = l->held_back ? HEALTH_DEGRADED : l->health.status;

	if (said == h->status && !strcmp(l->health.message, h->message))
		return;
	memcpy(before.uid, l->uid, sizeof(before.uid));
	memcpy(before.fingerprint, l->fingerprint, sizeof(before.fingerprint));
	l->health = *h;
	grace_hold(s->engine, l);
	if (a)
		app_on_live(a, l, &before);
}

/* Its worker died over three objects in a row: nobody waits for more of that. */
static void give_up(struct scripts *s, struct script *c, const char *why)
{
	struct live *l, *next;
	struct health h;

	c->given_up = xasprintf("the health script of %s in " CUSTOMIZE_NAME
				" was given up, mend it there: %s", c->pattern, why);
	engine_log(s->engine, LOG_WARN, NULL, "%s", c->given_up);
	queue_drop(s, c->id, false);
	say(&h, HEALTH_UNKNOWN, c->given_up);
	HASH_ITER(hh, s->engine->live.by_key, l, next)
		if (l->script == c->id && !l->deleting)
			tell(s, l, &h);
}

static void note(struct scripts *s, const struct asked *q, const struct health *h)
{
	struct objkey k = { q->group, q->kind, q->ns, q->name };
	struct live *l = live_find(&s->engine->live, &k);

	/* Of another spec, or judged by another script since: no news of it. */
	if (!l || l->script != q->script || l->generation != q->generation ||
	    l->version < q->version)
		return;
	l->judged = q->version;
	if (!l->deleting)
		tell(s, l, h);
}

static void on_judged(struct worker_call *call, const struct err *err,
		      const char *data, size_t len)
{
	struct scripts *s = container_of(call, struct scripts, call);
	struct asked *q = steal(&s->running);
	struct script *c = script_of(s, q->script);
	struct err bad = *err;
	struct health h;

	free(s->request);
	s->request = NULL;
	world_defer(s->engine->w, &s->next);
	if (bad.code || script_answer_decode(data, len, &h, &bad)) {
		_cleanup_free_ char *words = xasprintf("its health script: %s",
						       bad.msg);

		say(&h, HEALTH_UNKNOWN, words);
	}
	note(s, q, &h);
	asked_free(q);
	if (!c)
		return;
	c->strikes = bad.code ? c->strikes + 1 : 0;
	if (c->strikes >= MAX_STRIKES && !c->given_up)
		give_up(s, c, bad.msg);
}

static bool has_script(void *arg, const char *group, const char *kind)
{
	return script_for(arg, group, kind);
}

static void on_next(struct world_task *t)
{
	struct scripts *s = container_of(t, struct scripts, next);
	struct engine *e = s->engine;
	struct asked *q = s->queue;
	struct buf request = BUF_INIT;
	size_t len;

	if (s->running)
		return;
	if (!q) {
		if (s->overflowed) {
			s->overflowed = false;
			kinds_reread_if(e, has_script, s);
		}
		return;
	}
	HASH_DEL(s->queue, q);
	s->running = q;
	script_request_encode(script_of(s, q->script)->text, q->object, &request);
	s->request = buf_steal(&request, &len);
	s->call = (struct worker_call){
		.kind = WORKER_HEALTH, .affinity = "health",
		.request = s->request, .request_len = len,
		.deadline_ms = DEADLINE_MS, .max_answer = MAX_ANSWER,
		.on_done = on_judged,
	};
	e->w->ops->worker_start(e->w, &s->call);
}

static void enqueue(struct scripts *s, const struct live *l, const json_t *object)
{
	struct asked *q;

	HASH_FIND_STR(s->queue, l->key, q);
	if (!q && HASH_COUNT(s->queue) >= MAX_QUEUE) {
		s->overflowed = true;
		return;
	}
	if (!q) {
		q = xcalloc(1, sizeof(*q));
		q->key = xstrdup(l->key);
		q->group = xstrdup(l->group);
		q->kind = xstrdup(l->kind);
		q->ns = xstrdup(l->ns);
		q->name = xstrdup(l->name);
		HASH_ADD_KEYPTR(hh, s->queue, q->key, strlen(q->key), q);
	}
	json_decref(q->object);
	q->object = json_incref((json_t *)(uintptr_t)object);
	q->version = l->version;
	q->generation = l->generation;
	q->script = l->script;
	world_defer(s->engine->w, &s->next);
}

void scripts_judge(void *engine, struct live *l, const json_t *object,
		   const struct health *was)
{
	struct scripts *s = ((struct engine *)engine)->scripts;
	struct script *c = s ? script_for(s, l->group, l->kind) : NULL;
	int64_t generation = doc_get_int(object, 0, "metadata", "generation", NULL);
	bool same = c && l->script == c->id && l->generation == generation;

	l->script = c ? c->id : 0;
	l->generation = generation;
	if (!c || (l->deleting && !l->held))
		return;
	if (c->given_up) {
		say(&l->health, HEALTH_UNKNOWN, c->given_up);
		return;
	}
	if (same)
		l->health = *was;
	else
		say(&l->health, HEALTH_PROGRESSING, WAITING);
	if (!same || l->judged != l->version)
		enqueue(s, l, object);
}

/* ---- the rules ---- */

static unsigned id_before(const struct script *old, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(old[i].text, text) && !old[i].given_up)
			return old[i].id;
	}
	return 0;
}

static void scripts_drop(struct script *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(c[i].pattern);
		free(c[i].text);
		free(c[i].given_up);
	}
}

static bool changed(void *arg, const char *group, const char *kind)
{
	struct scripts *s = arg;
	struct script *c = script_for(s, group, kind);
	struct live *l, *next;

	HASH_ITER(hh, s->engine->live.by_key, l, next)
		if (!strcmp(l->kind, kind) && !strcmp(l->group, group))
			return l->script != (c ? c->id : 0);
	return false;
}

static void read_map(void *arg, const json_t *data)
{
	customize_read(&((struct scripts *)arg)->rules, data);
}

void scripts_rules_changed(struct scripts *s)
{
	struct script *old = s->scripts.data;
	size_t n = s->scripts.len;

	customize_deinit(&s->rules);
	s->rules = (struct customize){ 0 };
	settings_each(s->engine, read_map, s);
	for (size_t i = 0; i < s->rules.warnings.len; i++)
		engine_log(s->engine, LOG_WARN, NULL, "ConfigMap " CUSTOMIZE_NAME
			   ": %s", s->rules.warnings.data[i]);
	memset(&s->scripts, 0, sizeof(s->scripts));
	for (size_t i = 0; i < s->rules.scripts.len; i++) {
		const struct custom *c = &s->rules.scripts.data[i];
		unsigned id = id_before(old, n, c->script);

		vec_push(&s->scripts, ((struct script){
			.pattern = xstrdup(c->pattern), .text = xstrdup(c->script),
			.id = id ? id : ++s->last_id }));
	}
	scripts_drop(old, n);
	free(old);
	queue_drop(s, 0, false);
	kinds_reread_if(s->engine, changed, s);
}

struct scripts *scripts_new(struct engine *e)
{
	struct scripts *s = xcalloc(1, sizeof(*s));

	s->engine = e;
	s->next.fn = on_next;
	return s;
}

struct scripts *scripts_free(struct scripts *s)
{
	struct world *w;

	if (!s)
		return NULL;
	w = s->engine->w;
	if (s->running)
		w->ops->worker_abandon(w, &s->call);
	w->ops->undefer(w, &s->next);
	queue_drop(s, 0, true);
	asked_free(s->running);
	free(s->request);
	scripts_drop(s->scripts.data, s->scripts.len);
	vec_deinit(&s->scripts);
	customize_deinit(&s->rules);
	free(s);
	return NULL;
}
