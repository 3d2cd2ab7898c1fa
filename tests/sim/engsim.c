#include "engsim.h"
#include "simworkers.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/doc.h"
#include "core/fetch.h"
#include "core/lsrefs.h"
#include "render/render.h"

/* ---- workers ---- */

/* "user:password", "bearer:token" or "ssh:key". */
static char *login_of(const struct fetch_request *q)
{
	if (q->bearer)
		return xasprintf("bearer:%s", q->bearer);
	if (q->ssh_key)
		return xasprintf("ssh:%s", q->ssh_key);
	return xasprintf("%s:%s", q->username ? q->username : "",
			 q->password ? q->password : "");
}

static int fetch(struct sim *s, void *arg, const void *request, size_t len,
		 struct buf *answer, struct err *err)
{
	struct fetch_request q = { 0 };
	struct fetch_answer a = { 0 };
	struct engsim *x = arg;
	_cleanup_free_ char *login = NULL;
	_cleanup_buf_ struct buf refs = BUF_INIT;
	const char *ca;
	int r = -1;

	if (fetch_request_decode(&q, request, len, err))
		return -1;
	if (q.keep) {
		free(x->swept);
		x->swept = xstrdup(q.keep);
		fetch_request_deinit(&q);
		return 0;
	}
	login = login_of(&q);
	ca = q.known_hosts ? q.known_hosts : q.ca_pem ? q.ca_pem : "";
	if (!gitsim_admits(sim_git(s), q.url, login, ca)) {
		err_set(err, ERR_AUTH, "login failed");
	} else if (q.list && gitsim_mood(sim_git(s), q.url) != GIT_FINE) {
		err_set(err, ERR_TIMEOUT, "no answer in time");
	} else if (q.list) {
		gitsim_list(sim_git(s), q.url, q.list, &refs);
		a.refs = xstrdup(buf_str(&refs));
		fetch_answer_encode(&a, answer);
		r = 0;
	} else if (!q.oid || !gitsim_has_commit(sim_git(s), q.oid)) {
		err_set(err, ERR_NOTFOUND, "no commit %s", q.oid ? q.oid : "");
		err->retry = revision_kind(q.revision) != REV_SHA; /* as core/git's */
	} else {
		a.mirror = xstrdup("/sim/mirror");
		snprintf(a.oid, sizeof(a.oid), "%s", q.oid);
		a.author = xstrdup("Ada");
		a.subject = xstrdup("a commit");
		a.time_ms = SIM_EPOCH;
		fetch_answer_encode(&a, answer);
		r = 0;
	}
	fetch_request_deinit(&q);
	fetch_answer_deinit(&a);
	return r;
}

/* All files of its folder, one after the other. */
static void read_folder(struct sim *s, const struct render_request *q, struct buf *text)
{
	const char *path, *content;
	size_t n = strlen(q->path);

	for (size_t i = 0; (path = gitsim_file(sim_git(s), q->commit, i, &content)); i++)
		if (!strncmp(path, q->path, n) && path[n] == '/')
			buf_addf(text, "---\n%s\n", content);
}

static int render(struct sim *s, void *arg, const void *request, size_t len,
		  struct buf *answer, struct err *err)
{
	struct render_part parts[RENDER_SOURCES_MAX];
	struct buf texts[RENDER_SOURCES_MAX] = { 0 };
	struct render_answer a = { 0 };
	struct render_requests q;
	struct signed_end end = { 0 };
	int r;

	(void)arg;
	if (render_requests_decode(&q, request, len, err))
		return -1;
	for (size_t i = 0; i < q.len; i++) {
		read_folder(s, &q.data[i], &texts[i]);
		parts[i] = (struct render_part){
			.request = &q.data[i], .name = "app.yaml",
			.files = sim_files_open(s, q.data[i].commit, NULL),
			.text = buf_str(&texts[i]), .len = texts[i].len };
	}
	r = sim_check_signatures(s, &q, &end, err);
	if (!r)
		r = render_all(parts, q.len, &a, err);
	a.signed_until = end.until;
	memcpy(a.signed_by, end.by, sizeof(a.signed_by));
	if (!r)
		render_answer_encode(&a, answer);
	for (size_t i = 0; i < q.len; i++) {
		files_close(parts[i].files);
		buf_deinit(&texts[i]);
	}
	render_answer_deinit(&a);
	render_requests_deinit(&q);
	return r;
}

/* ---- life ---- */

static void on_fatal(void *arg, const struct err *err)
{
	struct engsim *x = arg;

	(void)err;
	x->fatal = true;
}

void engsim_init(struct engsim *x, uint64_t seed)
{
	*x = (struct engsim){
		.s = sim_new(seed), .soak_ms = 5000, .poll_ms = 10000,
		.endpoint = { .url = (char *)(uintptr_t)SIM_API_URL,
			      .user_agent = (char *)(uintptr_t)"syncd" },
	};
	x->api = sim_api(x->s);
	apisim_install_crds(x->api);
	apisim_namespace(x->api, "argocd");
	apisim_namespace(x->api, "shop");
	sim_set_worker(x->s, WORKER_FETCH, fetch, x);
	sim_set_worker(x->s, WORKER_RENDER, render, x);
}

void engsim_deinit(struct engsim *x)
{
	x->engine = engine_abandon(x->engine);
	sim_abandon(x->s);
	sim_run_for(x->s, 100);	/* what was on its way arrives or is lost */
	sim_free(x->s);
	free(x->swept);
	free(x->cert);
}

static void on_certificate(void *arg, const char *cert_pem, const char *key_pem)
{
	struct engsim *x = arg;

	if (!strstr(key_pem, "PRIVATE KEY"))
		abort();
	free(x->cert);
	x->cert = xstrdup(cert_pem);
	x->certs++;
}

struct engine *engsim_engine(struct engsim *x, struct world *w,
			     const char *identity, bool elect)
{
	static const char *const namespaces[] = { "argocd", NULL };
	struct engine_config c = {
		.api = &x->endpoint, .ns = "syncd-system",
		.app_namespaces = x->namespaces ? x->namespaces : namespaces, .identity = identity,
		.mirrors = "/sim/mirrors", .poll_ms = x->poll_ms,
		.leader_elect = elect, .sweep_ms = x->sweep_ms,
		.insecure_repositories = x->insecure,
		.bootstrap = x->bootstrap,
		.push_webhooks = x->push_webhooks,
		.webhook_name = x->webhook_name,
		.cert_lifetime_ms = x->cert_lifetime_ms,
		.on_certificate = on_certificate,
		.max_requests = x->max_requests,
		.argocd_metrics = x->argocd_metrics,
		.keep_ms = x->keep_ms,
		.defaults = {
			.soak_ms = x->soak_ms, .wave_deadline_ms = 60000,
			.hook_deadline_ms = 90000,
			.degraded_grace_ms = 2000, .pull_grace_ms = 5000,
			.crash_grace_ms = 5000, .auto_revert = true,
		},
		.on_fatal = on_fatal, .arg = x,
	};

	return engine_new(w, &c);
}

void engsim_start(struct engsim *x)
{
	_cleanup_free_ char *identity = xasprintf("life-%u", ++x->lives);

	x->fatal = false;
	x->engine = engsim_engine(x, sim_world(x->s), identity, true);
	engine_start(x->engine);
}

void engsim_crash(struct engsim *x)
{
	x->engine = engine_abandon(x->engine);
	sim_abandon(x->s);
}

bool engsim_run(struct engsim *x, bool (*pred)(void *arg), uint64_t within_ms)
{
	uint64_t end = sim_now(x->s) + within_ms;

	while (sim_now(x->s) < end) {
		if (pred(x))
			return true;
		if (sim_crashed(x->s) || x->fatal) {
			engsim_crash(x);
			sim_crash_at(x->s, 0);
			engsim_start(x);
		}
		if (!sim_step(x->s) && !sim_crashed(x->s))
			return pred(x);
	}
	return pred(x);
}

/* ---- input ---- */

void engsim_commit(struct engsim *x, const char *file, const char *text)
{
	_cleanup_free_ char *path = xasprintf("app/%s", file);

	sim_git_commit(x->s, REPO, "main", path, text);
}

void engsim_application(struct engsim *x, const char *name, const char *more)
{
	_cleanup_free_ char *text = xasprintf(
		"{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"Application\","
		"\"metadata\":{\"name\":\"%s\",\"namespace\":\"argocd\"},\"spec\":{"
		"\"project\":\"default\",\"source\":{\"repoURL\":\"" REPO "\","
		"\"path\":\"app\",\"targetRevision\":\"main\"},\"destination\":{"
		"\"server\":\"https://kubernetes.default.svc\",\"namespace\":\"shop\"},"
		"\"syncPolicy\":{\"automated\":{\"prune\":true,\"selfHeal\":true}%s}}}",
		name, more);

	apisim_apply(x->api, text);
}

char *engsim_deployment(const char *name, const char *tag, int replicas)
{
	return xasprintf("{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\","
		"\"metadata\":{\"name\":\"%s\",\"annotations\":{"
		"\"argocd.argoproj.io/sync-wave\":\"2\"}},\"spec\":{\"replicas\":%d,"
		"\"selector\":{\"matchLabels\":{\"app\":\"%s\"}},\"template\":{"
		"\"metadata\":{\"labels\":{\"app\":\"%s\"}},\"spec\":{\"containers\":[{"
		"\"name\":\"main\",\"image\":\"registry.example/%s:%s\"}]}}}}",
		name, replicas, name, name, name, tag);
}

char *engsim_configmap(const char *name, const char *value, int wave)
{
	return xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{"
		"\"name\":\"%s\",\"annotations\":{\"argocd.argoproj.io/sync-wave\":"
		"\"%d\"}},\"data\":{\"key\":\"%s\"}}", name, wave, value);
}

/* ---- questions ---- */

const json_t *engsim_status(struct engsim *x, const char *name)
{
	return doc_get(apisim_get(x->api, "applications.argoproj.io", "argocd",
				  name), "status", NULL);
}

bool engsim_in_phase(struct engsim *x, const char *name, const char *phase)
{
	const char *now = doc_get_str(engsim_status(x, name), "syncd", "phase", NULL);

	return now && !strcmp(now, phase);
}

static bool is_in_phase(void *arg)
{
	struct engsim *x = arg;

	return engsim_in_phase(x, x->want_name, x->want_phase);
}

void engsim_until_phase(struct engsim *x, const char *name, const char *phase,
			uint64_t within_ms)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const json_t *status;

	x->want_name = name;
	x->want_phase = phase;
	if (engsim_run(x, is_in_phase, within_ms))
		return;
	sim_dump(x->s);
	status = engsim_status(x, name);
	if (status)
		doc_write(status, &text);
	fail_msg("seed %llu: %s is not %s: %s", (unsigned long long)sim_seed(x->s),
		 name, phase, buf_str(&text));
}
