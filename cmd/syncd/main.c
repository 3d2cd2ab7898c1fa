/*
 * syncd: wiring. Reads flags and kubeconfig, starts the loop, the real world, the
 * engine and the endpoints; hands the lease over on SIGTERM.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "core/doc.h"
#include "core/httpd.h"
#include "core/init.h"
#include "core/kubeconfig.h"
#include "core/mem.h"
#include "core/world_uv.h"
#include "flags.h"
#include "login.h"
#include "metrics.h"
#include "sync/engine.h"
#include "webhooks.h"

struct daemon {
	uv_loop_t loop;
	uv_signal_t term, intr;
	struct login login;
	struct flags flags;
	struct kubeconfig kc;
	struct world *world;
	struct engine *engine;
	struct httpd *metrics, *health;
	struct webhooks webhooks;
	uv_timer_t linger;
	unsigned ending;	/* parts that are not over yet */
	char *worker, *kustomize, *ns, *identity, *mirrors;
	char *namespaces_text;
	const char *namespaces[64];
	char *hosts_text;
	const char *hosts[64];
	struct metrics_facts facts;
	int status;
	bool stopping;
};

/* ---- endpoints ---- */

static int on_healthz(void *arg, struct buf *body, const char **type)
{
	(void)arg;
	(void)type;
	buf_adds(body, "ok\n");
	return 200;
}

static int on_readyz(void *arg, struct buf *body, const char **type)
{
	struct daemon *d = arg;
	bool ready = d->engine && engine_ready(d->engine);

	(void)type;
	buf_adds(body, !ready ? "not ready\n" :
		 engine_leading(d->engine) ? "ok: leading\n" : "ok: standby\n");
	return ready ? 200 : 503;
}

static int on_metrics(void *arg, struct buf *body, const char **type)
{
	struct daemon *d = arg;

	*type = "text/plain; version=0.0.4; charset=utf-8";
	if (d->engine)
		engine_metrics(d->engine, body);
	d->facts.certificate_until_ms = webhooks_until_ms(&d->webhooks);
	metrics_process(d->world, &d->facts, body);
	return 200;
}

static const struct httpd_route metrics_routes[] = {
	{ .path = "/metrics", .fn = on_metrics }, { 0 },
};
static const struct httpd_route health_routes[] = {
	{ .path = "/healthz", .fn = on_healthz }, { .path = "/health", .fn = on_healthz },
	{ .path = "/livez", .fn = on_healthz },
	{ .path = "/readyz", .fn = on_readyz }, { .path = "/ready", .fn = on_readyz }, { 0 },
};

/* ---- the end ---- */

static void close_handle(uv_handle_t *h)
{
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static void shut(struct daemon *d)
{
	login_close(&d->login);
	d->engine = engine_abandon(d->engine);
	httpd_close(d->metrics);
	httpd_close(d->health);
	webhooks_close(&d->webhooks);
	world_uv_close(d->world);
	close_handle((uv_handle_t *)&d->linger);
	close_handle((uv_handle_t *)&d->term);
	close_handle((uv_handle_t *)&d->intr);
}

static void part_ended(void *arg)
{
	struct daemon *d = arg;

	if (!--d->ending)
		shut(d);
}

static void on_linger(uv_timer_t *t)
{
	part_ended(t->data);
}

/* The API server may send us reviews for a while after it was told that we go. */
static void stop(struct daemon *d, unsigned linger_ms)
{
	if (d->stopping)
		return;
	d->stopping = true;
	d->ending = 2;
	webhooks_drain(&d->webhooks);
	uv_timer_start(&d->linger, on_linger, linger_ms, 0);
	engine_stop(d->engine, part_ended, d);
}

static void on_signal(uv_signal_t *s, int signum)
{
	struct daemon *d = s->data;

	log_at(d->world, LOG_INFO, "stopping", "signal",
	       signum == SIGTERM ? "SIGTERM" : "SIGINT", NULL);
	stop(d, webhooks_linger(&d->webhooks));
}

static void on_fatal(void *arg, const struct err *err)
{
	struct daemon *d = arg;

	(void)err;	/* the engine logged it */
	d->status = 1;
	stop(d, 0);
}

/* ---- the start ---- */

static char *beside(const char *name)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n <= 0)
		return xstrdup(name);
	self[n] = '\0';
	slash = strrchr(self, '/');
	*slash = '\0';
	return xasprintf("%s/%s", self, name);
}

/* The pinned kustomize: beside syncd, else in PATH; NULL when there is none. */
static char *find_kustomize(const struct flags *f)
{
	_cleanup_free_ char *here = beside("kustomize");
	_cleanup_free_ char *path = xstrdup(getenv("PATH"));
	char *dir, *rest = NULL;

	if (f->kustomize)
		return *f->kustomize ? xstrdup(f->kustomize) : NULL;
	if (!access(here, X_OK))
		return steal(&here);
	for (dir = path ? strtok_r(path, ":", &rest) : NULL; dir;
	     dir = strtok_r(NULL, ":", &rest)) {
		_cleanup_free_ char *p = xasprintf("%s/kustomize", dir);

		if (!access(p, X_OK))
			return steal(&p);
	}
	return NULL;
}

/* Without them syncd would lead and do nothing but complain. */
static int check_programs(const struct daemon *d, struct err *err)
{
	if (access(d->worker, X_OK))
		return err_set(err, ERR_NOTFOUND, "%s cannot be run: %s; --worker says where "
			       "the syncd-worker of this version is",
			       d->worker, strerror(errno));
	if (d->kustomize && access(d->kustomize, X_OK))
		return err_set(err, ERR_NOTFOUND, "--kustomize: %s cannot be run: %s",
			       d->kustomize, strerror(errno));
	return 0;
}

static int make_folders(struct daemon *d, struct err *err)
{
	mkdir(d->flags.data_dir, 0755);
	d->mirrors = xasprintf("%s/mirrors", d->flags.data_dir);
	mkdir(d->mirrors, 0755);
	if (access(d->mirrors, W_OK))
		return err_set(err, ERR_IO, "--data-dir %s: cannot write there "
			       "(give another folder)", d->flags.data_dir);
	return 0;
}

/* Cuts text at its commas; out ends with NULL. */
static void split_list(char *text, const char **out, size_t max)
{
	char *rest = NULL, *s;
	size_t n = 0;

	for (s = strtok_r(text, ",", &rest); s && n + 1 < max;
	     s = strtok_r(NULL, ",", &rest))
		out[n++] = s;
}

static void name_things(struct daemon *d)
{
	char host[256] = "syncd";
	const char *given = d->flags.app_namespaces;

	gethostname(host, sizeof(host) - 1);
	d->identity = d->flags.identity ? xstrdup(d->flags.identity) :
		xasprintf("%s_%08llx", host, (unsigned long long)
			  (d->world->ops->random(d->world) & 0xffffffffu));
	d->ns = xstrdup(d->flags.ns ? d->flags.ns :
			*d->kc.context ? "syncd-system" : d->kc.ns);
	d->namespaces_text = given ? xstrdup(given) :
			     xasprintf("%s,argocd", d->ns);
	split_list(d->namespaces_text, d->namespaces, ARRAY_LEN(d->namespaces));
	d->hosts_text = xstrdup(d->flags.remote_hosts ? d->flags.remote_hosts : "");
	split_list(d->hosts_text, d->hosts, ARRAY_LEN(d->hosts));
}

static int start_world(struct daemon *d, struct err *err)
{
	struct world_uv_config c = {
		.worker_path = d->worker, .kustomize_path = d->kustomize,
		.data_dir = d->flags.data_dir, .max_workers = d->flags.workers,
		.log_json = d->flags.log_json,
		.log_level = d->flags.log_debug ? LOG_DEBUG : LOG_INFO,
		.log_fd = 2,
	};
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (!c.max_workers)
		c.max_workers = cores < 1 ? 1 : cores > 4 ? 4 : (unsigned)cores;
	d->world = world_uv_new(&d->loop, &c, err);
	return d->world ? 0 : -1;
}

static int start_endpoints(struct daemon *d, struct err *err)
{
	if (*d->flags.metrics_addr &&
	    !(d->metrics = httpd_new(&d->loop, d->flags.metrics_addr,
				     metrics_routes, d, err)))
		return err_wrap(err, "--metrics-addr");
	if (*d->flags.health_addr &&
	    !(d->health = httpd_new(&d->loop, d->flags.health_addr,
				    health_routes, d, err)))
		return err_wrap(err, "--health-addr");
	return webhooks_start(&d->webhooks, &d->loop, d->world, &d->flags, err);
}

static void on_certificate(void *arg, const char *cert_pem, const char *key_pem)
{
	struct daemon *d = arg;

	webhooks_certificate(&d->webhooks, cert_pem, key_pem);
}

static void start_engine(struct daemon *d)
{
	struct engine_config c = {
		.api = &d->kc.endpoint, .ns = d->ns,
		.app_namespaces = d->namespaces, .identity = d->identity,
		.remote_hosts = d->hosts, .mirrors = d->mirrors, .poll_ms = d->flags.poll_ms,
		.max_requests = d->flags.max_requests,
		.cluster = d->flags.cluster_name,
		.leader_elect = d->flags.leader_elect,
		.bootstrap = {
			.repo = d->flags.bootstrap_repo, .path = d->flags.bootstrap_path,
			.revision = d->flags.bootstrap_revision,
		},
		.lease_ms = (unsigned)d->flags.lease_ms,
		.renew_deadline_ms = (unsigned)d->flags.renew_deadline_ms,
		.retry_period_ms = (unsigned)d->flags.retry_period_ms,
		.push_webhooks = *d->flags.webhook_addr || *d->flags.git_webhook_addr,
		.webhook_name = webhooks_own_name(&d->flags),
		.cert_lifetime_ms = d->flags.cert_lifetime_ms,
		.on_certificate = on_certificate,
		.insecure_repositories = d->flags.insecure_repositories,
		.argocd_metrics = d->flags.argocd_metrics,
		.defaults = {
			.soak_ms = d->flags.soak_ms,
			.wave_deadline_ms = d->flags.wave_deadline_ms,
			.hook_deadline_ms = d->flags.hook_deadline_ms,
			.degraded_grace_ms = d->flags.degraded_grace_ms,
			.pull_grace_ms = d->flags.pull_grace_ms,
			.crash_grace_ms = d->flags.crash_grace_ms,
			.auto_revert = d->flags.auto_revert,
		},
		.on_fatal = on_fatal, .arg = d,
	};

	d->engine = engine_new(d->world, &c);
	d->login.engine = d->engine;
	webhooks_serve(&d->webhooks, d->engine);
	engine_start(d->engine);
}

static void start_signals(struct daemon *d)
{
	signal(SIGPIPE, SIG_IGN);
	uv_signal_init(&d->loop, &d->term);
	uv_signal_init(&d->loop, &d->intr);
	uv_timer_init(&d->loop, &d->linger);
	d->term.data = d->intr.data = d->linger.data = d;
	uv_signal_start(&d->term, on_signal, SIGTERM);
	uv_signal_start(&d->intr, on_signal, SIGINT);
	login_start(&d->login, &d->loop, d->world, &d->kc);
}

static int start(struct daemon *d, struct err *err)
{
	struct kubeconfig_options o = { .file = d->flags.kubeconfig,
					.context = d->flags.context };

	if (kubeconfig_load(&d->kc, &o, err) ||
	    kubeconfig_login(&d->kc, &(struct kubeconfig_ask){ 0 }, err) ||
	    make_folders(d, err) || start_world(d, err))
		return -1;
	d->facts.began_ms = world_wall(d->world);
	name_things(d);
	start_signals(d);
	if (start_endpoints(d, err))
		return -1;
	log_at(d->world, LOG_INFO, "syncd " SYNCD_VERSION, "namespace", d->ns,
	       "server", d->kc.endpoint.url, "kustomize",
	       d->kustomize ? d->kustomize : "(none: Helm charts and plugins in kustomizations are refused)",
	       NULL);
	start_engine(d);
	return 0;
}

static void clean(struct daemon *d)
{
	kubeconfig_deinit(&d->kc);
	free(d->worker);
	free(d->kustomize);
	free(d->ns);
	free(d->identity);
	free(d->mirrors);
	free(d->namespaces_text);
	free(d->hosts_text);
}

int main(int argc, char **argv)
{
	struct daemon d = { 0 };
	struct err err = ERR_INIT;

	syncd_init_if_pid1();
	doc_init();
	if (flags_parse(&d.flags, argc, argv, &err)) {
		fprintf(stderr, "syncd: %s\n", err.msg);
		return 2;
	}
	if (d.flags.help || d.flags.version) {
		if (d.flags.help)
			flags_help(stdout);
		else
			puts("syncd " SYNCD_VERSION);
		return 0;
	}
	d.worker = d.flags.worker ? xstrdup(d.flags.worker) :
				    beside("syncd-worker");
	d.kustomize = find_kustomize(&d.flags);
	if (check_programs(&d, &err)) {
		fprintf(stderr, "syncd: %s\n", err.msg);
		clean(&d);
		return 1;
	}
	uv_loop_init(&d.loop);
	if (start(&d, &err)) {
		fprintf(stderr, "syncd: %s\n", err.msg);
		return 1;	/* nothing was started that needs an orderly end */
	}
	uv_run(&d.loop, UV_RUN_DEFAULT);
	world_uv_free(d.world);
	uv_loop_close(&d.loop);
	clean(&d);
	return d.status;
}
