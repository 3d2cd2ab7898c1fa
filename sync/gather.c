/*
 * Per subject: GET it -> LIST the pods that it selects -> of those that are not well
 * GET the logs; beside that the Warning Events of each namespace, and the Secrets
 * whose values may not be kept. All that has no order goes out at once, no request
 * is tried twice, and what has not answered in time is left out and said so.
 */
#include "gather.h"

#define MAX_ASKS 60
#define MAX_SECRETS 20
#define LIST_LIMIT 500

struct gather;

struct ask {
	struct gather *g;
	struct kube_request req;
	size_t subject;
	struct evidence_log log;
};

struct gather {
	struct engine *e;
	void (*on_done)(void *arg);
	void *arg;
	VEC(struct objkey) subjects;	/* strings are in the arena */
	struct arena arena;
	VEC(struct ask *) asks;
	size_t n_busy, n_logs;
	bool over;
	bool blind;		/* a Secret could not be read */
	bool cut;		/* there was no room for all */
	json_t *doc, *secret_names, *event_lists, *event_spaces;
	struct secrets secrets;
	struct world_timer timer;
	struct world_task task;
};

static struct ask *ask_new(struct gather *g, size_t subject)
{
	struct ask *k;

	if (g->asks.len == MAX_ASKS) {
		g->cut = true;
		return NULL;
	}
	k = xcalloc(1, sizeof(*k));
	k->g = g;
	k->subject = subject;
	vec_push(&g->asks, k);
	return k;
}

static void ask_send(struct ask *k, bool parse,
		     void (*on_done)(struct kube_request *r, const struct err *err))
{
	k->req.parse = parse;
	k->req.max_tries = 1;
	k->req.timeout_ms = GATHER_MS;
	k->req.on_done = on_done;
	k->g->n_busy++;
	kube_start(k->g->e->kube, &k->req);
}

static void ask_ended(struct ask *k)
{
	struct gather *g = k->g;

	if (--g->n_busy == 0 && !g->over)
		world_defer(g->e->w, &g->task);
}

static void note_failed(struct gather *g, const char *what, const struct err *err)
{
	_cleanup_free_ char *words = xasprintf("%s: %s", what, err->msg);

	evidence_note(g->doc, words);
}

/* ---- the values that may not be kept ---- */

static void on_secret(struct kube_request *r, const struct err *err)
{
	struct ask *k = container_of(r, struct ask, req);

	if (!err->code)
		secrets_take(&k->g->secrets, r->json);
	else if (err->code != ERR_NOTFOUND)
		k->g->blind = true;
	ask_ended(k);
}

static void ask_secret(struct gather *g, const char *ns, const char *name)
{
	struct kube_ref ref = { .version = "v1", .resource = "secrets", .ns = ns,
				.name = name };
	_cleanup_free_ char *id = xasprintf("%s/%s", ns, name);
	struct ask *k;

	if (json_object_get(g->secret_names, id))
		return;
	k = json_object_size(g->secret_names) < MAX_SECRETS ? ask_new(g, 0) : NULL;
	if (!k) {
		g->blind = true;
		return;
	}
	json_object_set_new(g->secret_names, id, json_true());
	kube_get_init(&k->req, &ref);
	ask_send(k, true, on_secret);
}

static void ask_secrets(struct gather *g, const struct record *rec)
{
	for (size_t i = 0; i < rec->inventory.len; i++) {
		const struct inv_entry *v = &rec->inventory.data[i];

		if (!*v->group && !strcmp(v->kind, "Secret"))
			ask_secret(g, v->ns, v->name);
	}
}

/* ---- what pods say ---- */

static void on_log(struct kube_request *r, const struct err *err)
{
	struct ask *k = container_of(r, struct ask, req);

	if (!err->code) {
		evidence_add_log(&k->log, r->answer ? r->answer : "", r->answer_len);
	} else {
		_cleanup_free_ char *what = xasprintf("the log of %s, container %s",
			doc_get_str(k->log.row, "pod", NULL), k->log.container);

		note_failed(k->g, what, err);
	}
	ask_ended(k);
}

static void ask_log(struct gather *g, const json_t *pod, const struct evidence_log *log)
{
	struct kube_ref ref = { .version = "v1", .resource = "pods",
		.ns = doc_get_str(pod, "metadata", "namespace", NULL),
		.name = doc_get_str(pod, "metadata", "name", NULL), .subresource = "log" };
	struct ask *k = g->n_logs < EVIDENCE_LOGS ? ask_new(g, 0) : NULL;

	if (!k) {
		g->cut = true;
		return;
	}
	g->n_logs++;
	k->log = *log;
	kube_get_init(&k->req, &ref);
	buf_adds(&k->req.path, "?container=");
	buf_add_escaped(&k->req.path, log->container);
	buf_addf(&k->req.path, "&tailLines=%d&limitBytes=%d%s", EVIDENCE_LINES,
		 EVIDENCE_LOG_BYTES, log->previous ? "&previous=true" : "");
	k->req.accept = "text/plain, */*";
	ask_send(k, false, on_log);
}

static void look_at_pod(struct gather *g, const json_t *pod)
{
	const char *ns = doc_get_str(pod, "metadata", "namespace", NULL);
	struct evidence_log logs[2 * EVIDENCE_CONTAINERS];
	_cleanup_json_ json_t *names = json_array();
	size_t n = evidence_add_pod(g->doc, pod, logs), i;
	json_t *name;

	evidence_secrets(pod, names);
	json_array_foreach(names, i, name)
		ask_secret(g, ns ? ns : "", json_string_value(name));
	for (i = 0; i < n; i++)
		ask_log(g, pod, &logs[i]);
}

static void on_pods(struct kube_request *r, const struct err *err)
{
	struct ask *k = container_of(r, struct ask, req);
	const json_t *pods[EVIDENCE_PODS];
	size_t n;

	if (err->code) {
		note_failed(k->g, "the pods", err);
	} else {
		n = evidence_pods(json_object_get(r->json, "items"), pods);
		for (size_t i = 0; i < n; i++)
			look_at_pod(k->g, pods[i]);
	}
	ask_ended(k);
}

static void ask_pods(struct gather *g, size_t subject, const char *selector)
{
	struct kube_ref ref = { .version = "v1", .resource = "pods",
				.ns = g->subjects.data[subject].ns };
	struct ask *k = ask_new(g, subject);

	if (!k)
		return;
	kube_list_init(&k->req, &ref, selector, LIST_LIMIT, NULL);
	ask_send(k, true, on_pods);
}

static void on_subject(struct kube_request *r, const struct err *err)
{
	struct ask *k = container_of(r, struct ask, req);
	const struct objkey *subject = &k->g->subjects.data[k->subject];
	_cleanup_free_ char *selector = NULL;

	if (err->code) {
		note_failed(k->g, subject->name, err);
	} else if (!strcmp(subject->kind, "Pod") && !*subject->group) {
		look_at_pod(k->g, r->json);
	} else {
		selector = evidence_selector(r->json);
		if (!selector && !strcmp(subject->kind, "Job"))
			selector = xasprintf("job-name=%s", subject->name);
		if (selector)
			ask_pods(k->g, k->subject, selector);
	}
	ask_ended(k);
}

static bool has_pods(const struct objkey *k)
{
	return podwatch_fits(k) || (!strcmp(k->group, "batch") && !strcmp(k->kind, "Job")) ||
	       (!*k->group && (!strcmp(k->kind, "Pod") ||
			       !strcmp(k->kind, "ReplicationController")));
}

static void ask_subject(struct gather *g, size_t subject)
{
	const struct objkey *s = &g->subjects.data[subject];
	struct kube_ref ref;
	struct ask *k;

	if (!has_pods(s) || !ref_resolve(g->e->discovery, s, NULL, &ref))
		return;
	k = ask_new(g, subject);
	if (!k)
		return;
	kube_get_init(&k->req, &ref);
	ask_send(k, true, on_subject);
}

/* ---- what is said of them ---- */

static void on_events(struct kube_request *r, const struct err *err)
{
	struct ask *k = container_of(r, struct ask, req);

	if (err->code)
		note_failed(k->g, "the Events", err);
	else	/* which pods they may be about is known in the end */
		json_array_append(k->g->event_lists, json_object_get(r->json, "items"));
	ask_ended(k);
}

static void ask_events(struct gather *g, const char *ns)
{
	struct kube_ref ref = { .version = "v1", .resource = "events", .ns = ns };
	struct ask *k;

	if (!*ns || json_object_get(g->event_spaces, ns))
		return;
	k = ask_new(g, 0);
	if (!k)
		return;
	json_object_set_new(g->event_spaces, ns, json_true());
	kube_list_init(&k->req, &ref, NULL, LIST_LIMIT, NULL);
	buf_adds(&k->req.path, "&fieldSelector=type%3DWarning");
	ask_send(k, true, on_events);
}

/* ---- the end ---- */

static void finish(struct gather *g)
{
	json_t *list;
	size_t i;

	for (size_t s = 0; s < g->subjects.len; s++)
		json_array_foreach(g->event_lists, i, list)
			evidence_add_events(g->doc, list, &g->subjects.data[s]);
	if (g->cut)
		evidence_note(g->doc, "there was more than is kept");
	secrets_sort(&g->secrets);
	evidence_clean(g->doc, &g->secrets, g->blind);
	g->on_done(g->arg);
}

static void on_task(struct world_task *t)
{
	struct gather *g = container_of(t, struct gather, task);

	world_timer_stop(g->e->w, &g->timer);
	g->over = true;
	finish(g);
}

/* A Secret that did not answer is one that is not known. */
static void on_late(struct world_timer *t)
{
	struct gather *g = container_of(t, struct gather, timer);
	char words[80];

	if (g->over)
		return;
	world_undefer(g->e->w, &g->task);
	g->over = true;
	for (size_t i = 0; i < g->asks.len; i++) {
		struct ask *k = g->asks.data[i];

		if (!kube_running(&k->req))
			continue;
		if (k->req.on_done == on_secret)
			g->blind = true;
		kube_abandon(g->e->kube, &k->req);
	}
	snprintf(words, sizeof(words), "not all of it was answered within %d s",
		 GATHER_MS / 1000);
	evidence_note(g->doc, words);
	finish(g);
}

struct gather *gather_start(struct app *a, const struct objkey *subjects, size_t n,
			    void (*on_done)(void *arg), void *arg)
{
	struct gather *g = xcalloc(1, sizeof(*g));
	char now[32];

	g->e = a->engine;
	g->on_done = on_done;
	g->arg = arg;
	g->task.fn = on_task;
	g->timer.fn = on_late;
	time_rfc3339(world_wall(g->e->w), now);
	g->doc = json_pack("{s:s}", "at", now);
	g->secret_names = json_object();
	g->event_spaces = json_object();
	g->event_lists = json_array();
	for (size_t i = 0; i < n && i < EVIDENCE_SUBJECTS; i++)
		vec_push(&g->subjects, ((struct objkey){
			arena_strdup(&g->arena, subjects[i].group),
			arena_strdup(&g->arena, subjects[i].kind),
			arena_strdup(&g->arena, subjects[i].ns),
			arena_strdup(&g->arena, subjects[i].name) }));
	for (size_t i = 0; i < g->subjects.len; i++) {
		ask_subject(g, i);
		ask_events(g, g->subjects.data[i].ns);
	}
	ask_secrets(g, &a->rec);
	world_timer_start(g->e->w, &g->timer, GATHER_MS);
	if (!g->n_busy)
		world_defer(g->e->w, &g->task);
	return g;
}

json_t *gather_take(struct gather *g)
{
	bool found = json_object_get(g->doc, "pods") || json_object_get(g->doc, "events") ||
		     json_object_get(g->doc, "notes");
	json_t *doc = steal(&g->doc);

	if (found)
		return doc;
	json_decref(doc);
	return NULL;
}

char *gather_words(const struct gather *g, const json_t *doc, bool spoken)
{
	return g->subjects.len ? evidence_words(doc, &g->subjects.data[0], spoken) : NULL;
}

struct gather *gather_free(struct gather *g)
{
	if (!g)
		return NULL;
	world_timer_stop(g->e->w, &g->timer);
	world_undefer(g->e->w, &g->task);
	for (size_t i = 0; i < g->asks.len; i++) {
		struct ask *k = g->asks.data[i];

		if (kube_running(&k->req))
			kube_abandon(g->e->kube, &k->req);
		kube_request_deinit(&k->req);
		free(k);
	}
	vec_deinit(&g->asks);
	vec_deinit(&g->subjects);
	arena_deinit(&g->arena);
	json_decref(g->doc);
	json_decref(g->secret_names);
	json_decref(g->event_spaces);
	json_decref(g->event_lists);
	secrets_deinit(&g->secrets);
	free(g);
	return NULL;
}
