/*
 * A life: its world is made, things happen, peace is made. Replicas that died, that
 * lost the lead or were asked to end begin anew after a while.
 */
#include "life.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/doc.h"
#include "simworkers.h"

void life_say(struct life *x, const char *fmt, ...)
{
	va_list ap;

	if (!x->loud)
		return;
	fprintf(stderr, "%9.3f ---- ", (double)sim_now(x->s) / 1000);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void life_fail(struct life *x, const char *rule, const char *fmt, ...)
{
	size_t n = 0;
	va_list ap;

	if (*x->failure)
		return;
	n = (size_t)snprintf(x->failure, sizeof(x->failure), "%s at %.3f s: ", rule,
			     (double)sim_now(x->s) / 1000);
	va_start(ap, fmt);
	vsnprintf(x->failure + n, sizeof(x->failure) - n, fmt, ap);
	va_end(ap);
	life_say(x, "BROKEN %s", x->failure);
}

/* ---- replicas ---- */

static void on_fatal(void *arg, const struct err *err)
{
	struct replica *r = arg;

	life_say(r->life, "%s ends: %s", r->identity, err->msg);
	r->fatal = true;
}

static void begin(struct replica *r)
{
	static const char *const namespaces[] = { "argocd", NULL };
	struct life *x = r->life;
	struct engine_config c = {
		.api = &x->endpoint, .ns = LIFE_NS, .app_namespaces = namespaces,
		.identity = r->identity, .mirrors = "/sim/mirrors",
		.poll_ms = 15000, .leader_elect = x->elects,
		.sweep_ms = 20 * 60000, .keep_ms = 2 * LIFE_HOUR,
		.defaults = {
			.soak_ms = 5000, .wave_deadline_ms = 60000,
			.hook_deadline_ms = 60000, .degraded_grace_ms = 2000,
			.pull_grace_ms = 5000, .crash_grace_ms = 5000,
			.auto_revert = true,
		},
		.on_fatal = on_fatal, .arg = r,
	};

	snprintf(r->identity, sizeof(r->identity), "r%u-life%u",
		 (unsigned)(r - x->replicas), ++r->lives);
	r->fatal = r->stopped = false;
	r->engine = engine_new(sim_host_world(r->host), &c);
	engine_start(r->engine);
	if (x->wild)
		sim_host_crash_at(x->s, r->host, 1 + sim_random(x->s) % 150);
	life_say(x, "%s begins", r->identity);
}

void life_kill(struct replica *r, uint64_t down_ms)
{
	if (r->engine)
		r->engine = engine_abandon(r->engine);
	sim_host_abandon(r->life->s, r->host);
	r->up_at = sim_now(r->life->s) + down_ms;
}

static void on_stopped(void *arg)
{
	((struct replica *)arg)->stopped = true;
}

void life_stop(struct replica *r)
{
	if (!r->engine || r->fatal)
		return;
	life_say(r->life, "%s is asked to end", r->identity);
	engine_stop(r->engine, on_stopped, r);
}

static bool has_ended(const struct replica *r)
{
	return r->engine && (r->fatal || r->stopped ||
			     sim_host_crashed(r->life->s, r->host));
}

static bool is_due(const struct replica *r)
{
	return !r->engine && sim_now(r->life->s) >= r->up_at;
}

static bool wants_me(void *arg)
{
	struct life *x = arg;

	for (unsigned i = 0; i < x->n_replicas; i++)
		if (has_ended(&x->replicas[i]) || is_due(&x->replicas[i]))
			return true;
	return *x->failure;
}

static void tend(struct life *x)
{
	for (unsigned i = 0; i < x->n_replicas; i++) {
		struct replica *r = &x->replicas[i];

		if (has_ended(r)) {
			x->counts.crashes += sim_host_crashed(x->s, r->host);
			x->counts.takeovers += r->fatal;
			life_say(x, "%s is gone", r->identity);
			life_kill(r, sim_random(x->s) % 3 ? sim_random(x->s) % 3000 :
						    sim_random(x->s) % 40000);
		}
		if (is_due(r))
			begin(r);
	}
}

static uint64_t next_stop(const struct life *x, uint64_t end, bool asked)
{
	uint64_t now = sim_now(x->s);

	if (asked && end > now + 1000)
		end = now + 1000;
	for (unsigned i = 0; i < x->n_replicas; i++)
		if (!x->replicas[i].engine && x->replicas[i].up_at < end)
			end = x->replicas[i].up_at;
	return end > now ? end - now : 0;
}

bool life_run(struct life *x, bool (*pred)(struct life *x), uint64_t ms)
{
	uint64_t end = sim_now(x->s) + ms;

	for (;;) {
		tend(x);
		if (*x->failure)
			return false;
		if (pred && pred(x))
			return true;
		if (sim_now(x->s) >= end)
			return false;
		sim_run_until(x->s, wants_me, x, next_stop(x, end, pred != NULL));
	}
}

/* ---- the world ---- */

static bool closed(void *arg, const char *op, const json_t *object,
		   char message[256])
{
	struct life *x = arg;
	const char *kind = doc_get_str(object, "kind", NULL);

	(void)op;
	if (x->by_hand || sim_now(x->s) >= x->closed_until || !kind ||
	    (strcmp(kind, "Deployment") && strcmp(kind, "ConfigMap")) ||
	    !doc_get(object, "metadata", "annotations",
		     "argocd.argoproj.io/tracking-id", NULL))
		return false;
	strcpy(message, "admission webhook \"gate\" denied the request: closed");
	return true;
}

void life_put_app(struct life *x, struct life_app *a)
{
	_cleanup_free_ char *text = xasprintf(
		"{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"Application\","
		"\"metadata\":{\"name\":\"%s\",\"namespace\":\"argocd\"%s},\"spec\":{"
		"\"project\":\"%s\",\"source\":{\"repoURL\":\"%s\",\"path\":\"%s\","
		"\"targetRevision\":\"main\"},\"destination\":{\"server\":"
		"\"https://kubernetes.default.svc\",\"namespace\":\"%s\"},"
		"\"syncPolicy\":{\"automated\":{\"prune\":true,\"selfHeal\":true%s},"
		"\"syncOptions\":[\"CreateNamespace=true\"]%s}}}", a->name, a->cascade ?
		",\"finalizers\":[\"resources-finalizer.argocd.argoproj.io\"]" : "",
		a->in_team ? "team" : "default", a->repo, a->name, a->ns,
		sim_random(x->s) % 2 ? ",\"allowEmpty\":true" : "",
		sim_random(x->s) % 2 ? ",\"retry\":{\"limit\":2,\"backoff\":{"
		"\"duration\":\"2s\",\"factor\":2,\"maxDuration\":\"20s\"}}" : "");

	apisim_apply(x->api, text);
	a->shared_again = sim_now(x->s);
}

/* One whose source, project or folder is wrong for good. */
static void put_lost_app(struct life *x)
{
	static const char *const wrong[][3] = {
		{ "default", "http://git.sim/nowhere", "a" },
		{ "default", "http://git.sim/repo", "no/such/folder" },
		{ "no-such-project", "http://git.sim/repo", "a0" },
		{ "default", "http://git.sim/repo", "lost" },
	};
	const char *const *w = wrong[sim_random(x->s) % ARRAY_LEN(wrong)];
	_cleanup_free_ char *text = xasprintf(
		"{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"Application\","
		"\"metadata\":{\"name\":\"lost\",\"namespace\":\"argocd\"},\"spec\":{"
		"\"project\":\"%s\",\"source\":{\"repoURL\":\"%s\",\"path\":\"%s\"},"
		"\"destination\":{\"server\":\"https://kubernetes.default.svc\","
		"\"namespace\":\"lost\"},\"syncPolicy\":{\"automated\":{}}}}",
		w[0], w[1], w[2]);

	sim_git_commit(x->s, "http://git.sim/repo", "main", "lost/a.yaml",
		       "kind: {{ broken }}");
	apisim_apply(x->api, text);
}

static void put_others(struct life *x)
{
	apisim_namespace(x->api, "argocd");
	apisim_namespace(x->api, "common");
	apisim_apply(x->api, "{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":"
		"\"AppProject\",\"metadata\":{\"name\":\"team\",\"namespace\":\"argocd\"},"
		"\"spec\":{\"sourceRepos\":[\"*\"],\"destinations\":[{\"server\":\"*\","
		"\"namespace\":\"*\"}],\"clusterResourceWhitelist\":[{\"group\":\"*\","
		"\"kind\":\"*\"}]}}");
	apisim_apply(x->api, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		"\"metadata\":{\"name\":\"foreign\",\"namespace\":\"common\","
		"\"annotations\":{\"argocd.argoproj.io/tracking-id\":"
		"\"elsewhere:/ConfigMap:common/foreign\"}},\"data\":{\"key\":\"theirs\"}}");
	apisim_apply(x->api, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		"\"metadata\":{\"name\":\"bystander\",\"namespace\":\"common\"},"
		"\"data\":{\"key\":\"stays\"}}");
}

static void put_apps(struct life *x)
{
	x->n_apps = 1 + (unsigned)(sim_random(x->s) % 10 > 5) + (unsigned)(sim_random(x->s) % 10 > 7);
	for (unsigned i = 0; i < x->n_apps; i++) {
		struct life_app *a = &x->apps[i];

		a->life = x;
		snprintf(a->name, sizeof(a->name), "a%u", i);
		snprintf(a->ns, sizeof(a->ns), "shop-%u", i);
		snprintf(a->repo, sizeof(a->repo), "http://git.sim/%s",
			 i == 2 ? "other" : "repo");
		a->cascade = sim_random(x->s) % 2;
		a->in_team = sim_random(x->s) % 4 == 0;
		if (sim_random(x->s) % 2)
			apisim_namespace(x->api, a->ns);
	}
	lifegit_start(x);
	for (unsigned i = 0; i < x->n_apps; i++)
		life_put_app(x, &x->apps[i]);
	if (sim_random(x->s) % 3 == 0)
		put_lost_app(x);
}

void life_init(struct life *x, uint64_t seed)
{
	bool loud = x->loud;

	*x = (struct life){ .s = sim_new(seed), .loud = loud, .endpoint = {
		.url = (char *)(uintptr_t)SIM_API_URL,
		.user_agent = (char *)(uintptr_t)"syncd" } };
	x->api = sim_api(x->s);
	apisim_set_options(x->api, &(struct apisim_options){ .plain_controllers = true,
		.discovery_lag_ms = (unsigned)(sim_random(x->s) % 2 ? 0 :
					       sim_random(x->s) % 20000) });
	apisim_install_crds(x->api);
	sim_use_workers(x->s);
	apisim_set_admission(x->api, closed, x);
	put_others(x);
	put_apps(x);
	x->n_replicas = 1 + sim_random(x->s) % 3 / 2;
	x->elects = x->n_replicas > 1 || sim_random(x->s) % 2;
	for (unsigned i = 0; i < x->n_replicas; i++) {
		struct replica *r = &x->replicas[i];

		r->life = x;
		r->host = i ? sim_host_new(x->s, "second") : sim_host_first(x->s);
	}
	x->wild = sim_random(x->s) % 4 == 0;
	life_watch_rules(x);
}

void life_live(struct life *x)
{
	unsigned steps = 3 + (unsigned)(sim_random(x->s) % 8);

	if (sim_random(x->s) % 2)
		life_run(x, NULL, sim_random(x->s) % 30000);
	for (unsigned i = 0; i < steps && !*x->failure; i++)
		life_something_happens(x);
	if (!*x->failure)
		life_make_peace(x);
	x->counts.steps = sim_steps(x->s);
	x->digest = sim_trace_hash(x->s);
}

void life_deinit(struct life *x)
{
	sim_set_spy(x->s, &(struct sim_spy){ 0 });
	for (unsigned i = 0; i < x->n_replicas; i++)
		life_kill(&x->replicas[i], 0);
	sim_run_for(x->s, 100);	/* what was on its way arrives or is lost */
	sim_free(x->s);
	for (unsigned i = 0; i < x->n_apps; i++)
		lifegit_free(&x->apps[i]);
	for (size_t i = 0; i < x->hooks.len; i++)
		free(x->hooks.data[i].id);
	vec_deinit(&x->hooks);
}
