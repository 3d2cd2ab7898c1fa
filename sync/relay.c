/*
 * A Service sends a Git host's message to any replica, and only the leader polls. So a
 * standby writes the repositories' URLs on the Lease syncd-push of syncd's namespace,
 * and the leader watches that. A Lease, as every replica may write those and nobody
 * reads it for anything else. What stands there is believed as little as the message
 * itself: it brings a poll forward, no more. A write that fails is tried again by the
 * client below; when all of its tries fail the next poll finds the commit.
 */
#include "engine_priv.h"

#include "relay.h"
#include "sync/webhook.h"

#define LEASE "syncd-push"
#define ANN_URLS "syncd.dev/push"
#define ANN_AT "syncd.dev/push-at"
#define EVERY_MS 1000
#define MAX_URLS 64		/* that wait to be written: more are polled in time */

struct relay {
	struct engine *e;
	struct watch *watch;
	bool listed;		/* what the first list holds is old */
	VEC(char *) urls;
	struct kube_request req;
	struct buf body;
	bool writing;
	uint64_t next_at;	/* mono: not before */
	struct world_timer timer;
};

/* The first of a flood goes at once, what follows once a second. */
static void schedule(struct relay *r)
{
	uint64_t now = world_now(r->e->w);

	if (r->urls.len && !r->writing && !r->timer.active)
		world_timer_start(r->e->w, &r->timer, r->next_at > now ?
				  r->next_at - now : 0);
}

/* ---- the leader's side ---- */

static void take(struct engine *e, const json_t *list)
{
	struct webhook_push push = { 0 };
	const json_t *url;
	size_t i;

	json_array_foreach(list, i, url)
		if (json_is_string(url) && push.urls.len < WEBHOOK_URLS)
			vec_push(&push.urls, xstrdup(json_string_value(url)));
	source_nudge(e, &push);
	webhook_push_deinit(&push);
}

static void on_event(void *arg, enum watch_event ev, const json_t *o)
{
	struct relay *r = arg;
	const char *text = doc_get_str(o, "metadata", "annotations", ANN_URLS, NULL);
	_cleanup_json_ json_t *list = NULL;

	if (ev != WATCH_UPSERT || !text || !r->listed || !r->e->leading)
		return;
	list = doc_parse(text, strlen(text), NULL);
	for (size_t from = 0; from < json_array_size(list) && from < MAX_URLS;
	     from += WEBHOOK_URLS) {
		_cleanup_json_ json_t *part = json_array();

		for (size_t i = from; i < from + WEBHOOK_URLS; i++)
			json_array_append(part, json_array_get(list, i));
		take(r->e, part);
	}
}

static void on_reset(void *arg)
{
	(void)arg;
}

static void on_synced(void *arg)
{
	((struct relay *)arg)->listed = true;
}

static void on_trouble(void *arg, const struct err *err)
{
	struct relay *r = arg;

	if (err->code)
		engine_log(r->e, LOG_WARN, NULL, "watch of Lease %s/" LEASE ": %s; pushes "
			   "that reach another replica wait for the next poll", r->e->ns,
			   err->msg);
}

static const struct watch_handler handler = {
	.on_reset = on_reset, .on_event = on_event, .on_synced = on_synced,
	.on_trouble = on_trouble,
};

/* ---- the standby's side ---- */

static void forget(struct relay *r)
{
	for (size_t i = 0; i < r->urls.len; i++)
		free(r->urls.data[i]);
	r->urls.len = 0;
}

static void on_written(struct kube_request *req, const struct err *err)
{
	struct relay *r = container_of(req, struct relay, req);

	r->writing = false;
	if (err->code)
		engine_log(r->e, LOG_WARN, NULL, "handing a push on to the leader (Lease "
			   "%s/" LEASE "): %s; the next poll finds it", r->e->ns, err->msg);
	schedule(r);
}

static void build(struct relay *r)
{
	_cleanup_json_ json_t *list = json_array(), *lease = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	char at[40];

	for (size_t i = 0; i < r->urls.len; i++)
		json_array_append_new(list, json_string(r->urls.data[i]));
	doc_write(list, &text);
	time_rfc3339_micro(world_wall(r->e->w), at);
	lease = json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s, s:s}}}", "apiVersion",
			  "coordination.k8s.io/v1", "kind", "Lease", "metadata",
			  "name", LEASE, "namespace", r->e->ns, "annotations",
			  ANN_URLS, buf_str(&text), ANN_AT, at);
	buf_clear(&r->body);
	doc_write(lease, &r->body);
}

static void on_timer(struct world_timer *t)
{
	struct relay *r = container_of(t, struct relay, timer);
	struct kube_ref ref = { .group = "coordination.k8s.io", .version = "v1",
				.resource = "leases", .ns = r->e->ns, .name = LEASE };

	if (r->writing || !r->urls.len)
		return;
	if (r->e->leading) {	/* meanwhile it leads itself */
		forget(r);
		return;
	}
	build(r);
	forget(r);
	kube_request_deinit(&r->req);
	kube_apply_init(&r->req, &ref, FIELD_MANAGER, APPLY_FORCE, r->body.data,
			r->body.len);
	r->req.is_write = false;	/* the one write of those that do not lead */
	r->req.on_done = on_written;
	r->writing = true;
	r->next_at = world_now(r->e->w) + EVERY_MS;
	kube_start(r->e->kube, &r->req);
}

static bool waits(const struct relay *r, const char *url)
{
	for (size_t i = 0; i < r->urls.len; i++)
		if (!strcmp(r->urls.data[i], url))
			return true;
	return false;
}

void relay_push(struct relay *r, const struct webhook_push *push)
{
	for (size_t i = 0; i < push->urls.len && r->urls.len < MAX_URLS; i++)
		if (!waits(r, push->urls.data[i]))
			vec_push(&r->urls, xstrdup(push->urls.data[i]));
	schedule(r);
}

/* ---- life ---- */

struct relay *relay_new(struct engine *e)
{
	struct kube_ref ref = { .group = "coordination.k8s.io", .version = "v1",
				.resource = "leases", .ns = e->ns };
	struct relay *r = xcalloc(1, sizeof(*r));

	r->e = e;
	r->timer.fn = on_timer;
	r->watch = watch_new(e->kube, &ref, NULL, "metadata.name=" LEASE, &handler, r);
	return r;
}

struct relay *relay_free(struct relay *r)
{
	if (!r)
		return NULL;
	world_timer_stop(r->e->w, &r->timer);
	watch_free(r->watch);
	kube_request_deinit(&r->req);
	forget(r);
	vec_deinit(&r->urls);
	buf_deinit(&r->body);
	free(r);
	return NULL;
}
