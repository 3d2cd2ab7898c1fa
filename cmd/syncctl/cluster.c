/*
 * The Kubernetes API as a command needs it: one request at a time, waited for on
 * a loop of its own. Errors come from the kubeconfig, the network, or the API
 * server, whose message is passed on.
 */
#include "syncctl.h"
#include "views.h"

#include "core/mem.h"
#include "core/watch.h"

#include <stdio.h>

#define REQUEST_TIMEOUT_MS 30000
#define LOGIN_EVERY_MS 10000
#define UNANSWERED 3		/* tries: a person waits, for a server that may be restarting */

static int login(struct cluster *c, struct err *err)
{
	return kubeconfig_login(&c->config, &(struct kubeconfig_ask){
				.attended = true }, err);
}

static int cluster_open(struct cluster *c, const struct options *o, struct err *err)
{
	struct kubeconfig_options where = {
		.file = o->kubeconfig, .context = o->context, .no_in_cluster = true };
	struct world_uv_config config = { .log_level = LOG_ERROR, .log_fd = 2 };

	memset(c, 0, sizeof(*c));
	if (kubeconfig_load(&c->config, &where, err))
		return -1;
	c->has_config = true;
	if (login(c, err))
		return -1;
	c->ns = o->ns ? o->ns : c->config.ns;
	c->ns_given = o->ns;
	if (uv_loop_init(&c->loop))
		return err_set(err, ERR_IO, "no event loop: too few file descriptors?");
	c->has_loop = true;
	c->world = world_uv_new(&c->loop, &config, err);
	if (!c->world)
		return -1;
	c->kube = kube_new(c->world, &c->config.endpoint, (struct kube_limits){ 0 });
	return 0;
}

static void cluster_close(struct cluster *c)
{
	discovery_free(c->discovery);
	kube_free(c->kube);
	if (c->world) {
		world_uv_close(c->world);
		uv_run(&c->loop, UV_RUN_DEFAULT);
		world_uv_free(c->world);
	}
	if (c->has_loop)
		uv_loop_close(&c->loop);
	if (c->has_config)
		kubeconfig_deinit(&c->config);
	free(c->found_ns);
	free(c->system_ns);
}

int cluster_run(const struct options *o,
		int (*fn)(struct cluster *c, const struct options *o))
{
	struct err err = ERR_INIT;
	struct cluster c;
	int r = cluster_open(&c, o, &err) ? output_error(&err) : fn(&c, o);

	cluster_close(&c);
	return r;
}

static struct kube_ref applications(const struct cluster *c, const char *name)
{
	return (struct kube_ref){ .group = "argoproj.io", .version = "v1alpha1",
				  .resource = "applications", .ns = c->ns,
				  .name = name };
}

struct request {
	struct kube_request kube;
	bool done;
	struct err err;
	json_t *answer;
};

static void on_done(struct kube_request *k, const struct err *err)
{
	struct request *r = container_of(k, struct request, kube);

	r->done = true;
	r->err = *err;
	if (!err->code)
		r->answer = json_incref(k->json);
}

void cluster_say_unknown(const struct cluster *c, struct err *err)
{
	_cleanup_free_ char *said = xstrdup(err->msg);

	if (err->code != ERR_AUTH || c->status != 401)
		return;
	if (!*c->config.context) {
		err_set(err, ERR_AUTH, "%s does not know this pod's service account: %s: its "
			"token has expired, or is of another cluster: mount a new one, or say "
			"--kubeconfig", c->config.endpoint.url, said);
		return;
	}
	err_set(err, ERR_AUTH, "%s does not know you by what the kubeconfig's context %s says: %s: "
		"the token or certificate has expired, or is of another cluster: log in again, or "
		"choose another with --context or --kubeconfig", c->config.endpoint.url,
		c->config.context, said);
}

/* The parsed answer, owned; the request's buffers are freed. */
static json_t *run(struct cluster *c, struct request *r, struct err *err)
{
	if (kubeconfig_expires(&c->config, world_wall(c->world)) && login(c, err)) {
		kube_request_deinit(&r->kube);
		return NULL;
	}
	r->kube.on_done = on_done;
	r->kube.parse = true;
	r->kube.timeout_ms = REQUEST_TIMEOUT_MS;
	r->kube.max_unanswered = UNANSWERED;
	kube_start(c->kube, &r->kube);
	while (!r->done && uv_run(&c->loop, UV_RUN_ONCE))
		;
	c->status = r->kube.status;
	if (r->err.code) {
		*err = r->err;
		cluster_say_unknown(c, err);
	} else if (!r->answer) {
		err_set(err, ERR_INTERNAL, "the API server's answer is empty");
	}
	kube_request_deinit(&r->kube);
	return r->answer;
}

json_t *cluster_ask(struct cluster *c, struct kube_request *k, struct err *err)
{
	struct request r = { .kube = *k };

	*k = (struct kube_request){ 0 };
	return run(c, &r, err);
}

/*
 * Without -n an application is looked for everywhere: on call, one knows its name,
 * not where somebody put it. Owned; NULL with *err when it is nowhere or in several.
 */
static json_t *find_anywhere(struct cluster *c, const char *name, struct err *err)
{
	struct err nowhere = *err;
	_cleanup_json_ json_t *items = cluster_list(c, true, NULL, &nowhere);
	_cleanup_buf_ struct buf places = BUF_INIT;
	json_t *app, *found = NULL;
	size_t i, n = 0;

	json_array_foreach(items, i, app) {
		const char *its = doc_get_str(app, "metadata", "name", NULL);
		const char *ns = doc_get_str(app, "metadata", "namespace", NULL);

		if (!its || !ns || strcmp(its, name))
			continue;
		buf_addf(&places, "%s%s", n++ ? ", " : "", ns);
		found = app;
	}
	if (!items && nowhere.code == ERR_AUTH) {
		err_set(err, ERR_NOTFOUND, "there is no application %s in namespace %s, and you may "
			"not look into all others: say its own with -n", name, c->ns);
		return NULL;
	}
	if (n > 1) {
		err_set(err, ERR_INVALID, "there are applications %s in namespaces "
			"%s: say which with -n", name, buf_str(&places));
		return NULL;
	}
	if (!found)
		return NULL;
	free(c->found_ns);
	c->ns = c->found_ns = buf_steal(&places, NULL);
	return json_incref(found);
}

/* The next step, where Applications cannot be read. */
static void say_next(const struct cluster *c, struct err *err)
{
	_cleanup_free_ char *said = xstrdup(err->msg);

	if (err->code == ERR_AUTH && c->status == 403)
		err_set(err, ERR_AUTH, "%s: %sask for that right", said, c->ns_given ? "" :
			"say with -n in which namespace you may look, or ");
	if (err->code == ERR_UNSERVED)
		err_set(err, ERR_UNSERVED, "the cluster serves no Applications of argoproj.io/"
			"v1alpha1: install their CRDs (syncctl install crds), or choose "
			"another cluster with --context or --kubeconfig");
}

json_t *cluster_get(struct cluster *c, const char *name, struct err *err)
{
	struct kube_ref ref = applications(c, name);
	struct request r = { .done = false };
	json_t *app;

	kube_get_init(&r.kube, &ref);
	app = run(c, &r, err);
	if (app)
		view_take_state(app);
	else
		say_next(c, err);
	if (app || err->code != ERR_NOTFOUND)
		return app;
	if (c->ns_given)
		err_set(err, ERR_NOTFOUND, "there is no application %s in "
			"namespace %s", name, c->ns);
	else
		err_set(err, ERR_NOTFOUND, "there is no application %s", name);
	return c->ns_given ? NULL : find_anywhere(c, name, err);
}

json_t *cluster_list(struct cluster *c, bool all, const char *selector,
		     struct err *err)
{
	struct kube_ref ref = applications(c, NULL);
	json_t *list, *app;
	size_t i;

	if (all || !c->ns_given)
		ref.ns = NULL;
	list = cluster_objects(c, &ref, selector, NULL, err);
	if (!list)
		say_next(c, err);
	json_array_foreach(list, i, app)
		view_take_state(app);
	return list;
}

int cluster_patch(struct cluster *c, const char *name, const json_t *patch,
		  struct err *err)
{
	struct kube_ref ref = applications(c, name);
	_cleanup_buf_ struct buf body = BUF_INIT;
	struct request r = { .done = false };
	_cleanup_json_ json_t *answer = NULL;

	doc_write(patch, &body);
	kube_merge_patch_init(&r.kube, &ref, "syncctl", body.data, body.len);
	answer = run(c, &r, err);
	return answer ? 0 : -1;
}

struct follow {
	struct cluster *cluster;
	struct world *world;
	uint64_t login_at;	/* not again before: a program runs each time */
	struct world_timer tick;
	bool (*fn)(const json_t *app, void *arg);
	void *arg;
	json_t *last;		/* NULL: not there */
	bool synced, done, timed_out, in_trouble;
	uint64_t deadline;
};

static void show(struct follow *f)
{
	if (!f->done && f->synced && f->fn(f->last, f->arg))
		f->done = true;
}

static void on_event(void *arg, enum watch_event e, const json_t *object)
{
	struct follow *f = arg;

	json_decref(f->last);
	f->last = e == WATCH_UPSERT ? json_incref((json_t *)object) : NULL;
	view_take_state(f->last);
	show(f);
}

static void on_reset(void *arg)
{
	struct follow *f = arg;

	f->synced = false;
	json_decref(f->last);
	f->last = NULL;
}

static void on_synced(void *arg)
{
	struct follow *f = arg;

	f->synced = true;
	show(f);
}

/* A watch may outlive the credential it began with. */
static void login_again(struct follow *f)
{
	struct err err = ERR_INIT;

	if (world_now(f->world) < f->login_at)
		return;
	f->login_at = world_now(f->world) + LOGIN_EVERY_MS;
	if (login(f->cluster, &err))
		output_note("%s", err.msg);
}

static void on_trouble(void *arg, const struct err *err)
{
	struct follow *f = arg;

	if (err->code)
		output_note("%s; trying again", err->msg);
	else if (f->in_trouble)
		output_note("connected again");
	f->in_trouble = err->code;
	if (err->code == ERR_AUTH)
		login_again(f);
}

static void on_tick(struct world_timer *t)
{
	struct follow *f = container_of(t, struct follow, tick);

	show(f);
	f->timed_out = !f->done && world_now(f->world) >= f->deadline;
	if (!f->done && !f->timed_out)
		world_timer_start(f->world, &f->tick, 1000);
}

int cluster_follow(struct cluster *c, const char *name,
		   bool (*fn)(const json_t *app, void *arg), void *arg,
		   uint64_t timeout_ms, struct err *err)
{
	static const struct watch_handler handler = {
		on_reset, on_event, on_synced, on_trouble };
	struct kube_ref ref = applications(c, NULL);
	_cleanup_free_ char *selector = xasprintf("metadata.name=%s", name);
	struct follow f = { .cluster = c, .world = c->world, .tick.fn = on_tick, .fn = fn,
			    .arg = arg };
	struct watch *w = watch_new(c->kube, &ref, NULL, selector, &handler, &f);

	f.deadline = world_now(c->world) + timeout_ms;
	world_timer_start(c->world, &f.tick, timeout_ms < 1000 ? timeout_ms : 1000);
	while (!f.done && !f.timed_out && uv_run(&c->loop, UV_RUN_ONCE))
		;
	world_timer_stop(c->world, &f.tick);
	watch_free(w);
	json_decref(f.last);
	return f.done ? 0 : err_set(err, ERR_TIMEOUT, "timed out");
}
