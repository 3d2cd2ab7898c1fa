/*
 * Prometheus text: what an operator alerts on. Cardinality is bounded: labels are
 * states, verbs and codes; an application's name is one of a few families with a row
 * or so per application, and rows go with the Application.
 */
#include "engine_priv.h"

#include <assert.h>
#include <stdio.h>

#include "core/doc.h"

static const char *const kinds[] = {
	[COUNT_SYNC] = "sync",
	[COUNT_HEAL] = "heal",
	[COUNT_REVERT] = "revert",
	[COUNT_ROLLBACK] = "rollback",
	[COUNT_PRUNE] = "prune",
	[COUNT_DRY_RUN] = "dryrun",
};
static_assert(ARRAY_LEN(kinds) == COUNT_KIND_N, "a name per kind");

const char *const count_phases[] = {
	[COUNT_SUCCEEDED] = "Succeeded",
	[COUNT_FAILED] = "Failed",
	[COUNT_ERROR] = "Error",
};
static_assert(ARRAY_LEN(count_phases) == COUNT_PHASE_N, "a name per phase");

/* ---- counting ---- */

void count_operation(struct app *a, enum count_kind kind, const char *phase,
		     uint64_t took_ms)
{
	struct engine_counts *c = &a->engine->counts;
	unsigned p = 0;

	while (p < COUNT_PHASE_N && strcmp(phase, count_phases[p]))
		p++;
	if (p == COUNT_PHASE_N)
		return;		/* it goes on */
	c->ops[kind][p]++;
	hist_add(&c->op_took, took_ms);
	if (kind == COUNT_PRUNE)
		return;		/* the end of a sync, not one of its own */
	a->counts.ends[kind == COUNT_DRY_RUN][p]++;
	if (p == COUNT_SUCCEEDED)
		a->counts.took_ms += took_ms;
}

/* There are as many as namespaces of Applications: few. */
static struct hist *looks_of(struct engine_counts *c, const char *ns)
{
	for (size_t i = 0; i < c->by_ns.len; i++)
		if (!strcmp(c->by_ns.data[i].ns, ns))
			return &c->by_ns.data[i].looks;
	vec_push(&c->by_ns, ((struct ns_looks){ .ns = xstrdup(ns) }));
	return &c->by_ns.data[c->by_ns.len - 1].looks;
}

void count_look(struct app *a, uint64_t waited_ms)
{
	struct engine_counts *c = &a->engine->counts;

	hist_add(&c->looks, waited_ms);
	if (a->engine->cfg.argocd_metrics)
		hist_add(looks_of(c, a->spec.ns), waited_ms);
}

void counts_deinit(struct engine_counts *c)
{
	for (size_t i = 0; i < c->by_ns.len; i++)
		free(c->by_ns.data[i].ns);
	vec_deinit(&c->by_ns);
}

/* ---- applications ---- */

const char *app_sync_word(const struct app *a)
{
	return *a->told.sync ? a->told.sync : "Unknown";
}

const char *app_health_word(const struct app *a)
{
	return *a->told.health ? a->told.health : "Unknown";
}

static void sums(struct engine *e, struct buf *out)
{
	unsigned phases[PHASE_N] = { 0 }, health[HEALTH_N] = { 0 };
	unsigned sync[3] = { 0 };
	struct app *a, *next;

	HASH_ITER(hh, e->apps, a, next) {
		const char *s = app_sync_word(a);

		if (!a->present)
			continue;
		phases[a->rec.phase]++;
		health[health_from_str(app_health_word(a))]++;
		sync[!strcmp(s, "Synced") ? SYNC_SYNCED : !strcmp(s, "OutOfSync") ?
		     SYNC_OUT_OF_SYNC : SYNC_UNKNOWN]++;
	}
	metric_family(out, "syncd_applications", METRIC_GAUGE, "Applications by phase.");
	for (int i = 0; i < PHASE_N; i++)
		metric_row(out, "syncd_applications", (struct metric_label[]){
			{ "phase", phase_str((enum phase)i) }, { 0 } }, phases[i]);
	metric_family(out, "syncd_applications_sync", METRIC_GAUGE,
		      "Applications by sync status.");
	for (int i = 0; i < 3; i++)
		metric_row(out, "syncd_applications_sync", (struct metric_label[]){
			{ "status", sync_status_str((enum sync_status)i) }, { 0 } }, sync[i]);
	metric_family(out, "syncd_applications_health", METRIC_GAUGE,
		      "Applications by health.");
	for (int i = HEALTH_HEALTHY; i < HEALTH_N; i++)
		metric_row(out, "syncd_applications_health", (struct metric_label[]){
			{ "status", health_str((enum health_status)i) }, { 0 } }, health[i]);
}

static void each_app(struct engine *e, struct buf *out,
		     void (*fn)(const struct app *a, struct buf *out))
{
	struct app *a, *next;

	HASH_ITER(hh, e->apps, a, next)
		if (a->present)
			fn(a, out);
}

static void info(const struct app *a, struct buf *out)
{
	metric_row(out, "syncd_app_info", (struct metric_label[]){
		{ "namespace", a->spec.ns }, { "name", a->spec.name },
		{ "project", a->spec.project }, { "sync", app_sync_word(a) },
		{ "health", app_health_word(a) }, { "phase", phase_str(a->rec.phase) },
		{ 0 } }, 1);
}

static void conditions(const struct app *a, struct buf *out)
{
	for (size_t i = 0; i < a->conditions.len; i++)
		metric_row(out, "syncd_app_condition", (struct metric_label[]){
			{ "namespace", a->spec.ns }, { "name", a->spec.name },
			{ "condition", a->conditions.data[i].type }, { 0 } }, 1);
}

static void pinned(const struct app *a, struct buf *out)
{
	if (a->rec.pin_why)
		metric_row_ms(out, "syncd_app_pinned_timestamp_seconds",
			      (struct metric_label[]){
			{ "namespace", a->spec.ns }, { "name", a->spec.name },
			{ "by", record_pin_is_by_person(&a->rec) ? "person" :
							   "auto-revert" }, { 0 } },
			(uint64_t)(a->rec.pin_since_ms > 0 ? a->rec.pin_since_ms : 0));
}

static uint64_t stored_bytes(struct engine *e)
{
	struct app *a, *next;
	uint64_t total = 0;

	HASH_ITER(hh, e->apps, a, next)
		for (size_t i = 0; i < a->rec.releases.len; i++)
			total += (uint64_t)(a->rec.releases.data[i].bytes > 0 ?
					    a->rec.releases.data[i].bytes : 0);
	return total;
}

static void applications(struct engine *e, struct buf *out)
{
	sums(e, out);
	metric_one(out, "syncd_stored_release_bytes", METRIC_GAUGE,
		   "Releases that are kept, as they are stored, before base64.",
		   stored_bytes(e));
	metric_family(out, "syncd_app_info", METRIC_GAUGE,
		      "Always 1: what state an Application is in.");
	each_app(e, out, info);
	metric_family(out, "syncd_app_condition", METRIC_GAUGE,
		      "Always 1: a condition in an Application's status.");
	each_app(e, out, conditions);
	metric_family(out, "syncd_app_pinned_timestamp_seconds", METRIC_GAUGE,
		      "Since when an Application is pinned to a release, Unix time.");
	each_app(e, out, pinned);
}

/* ---- operations ---- */

static void operations(const struct engine_counts *c, struct buf *out)
{
	metric_family(out, "syncd_operations_total", METRIC_COUNTER,
		      "Operations that ended, by kind and phase.");
	for (unsigned k = 0; k < COUNT_KIND_N; k++)
		for (unsigned p = 0; p < COUNT_PHASE_N; p++)
			metric_row(out, "syncd_operations_total", (struct metric_label[]){
				{ "kind", kinds[k] }, { "phase", count_phases[p] }, { 0 } },
				c->ops[k][p]);
	metric_family(out, "syncd_operation_seconds", METRIC_HISTOGRAM,
		      "Time operations took, the last try of each.");
	metric_hist(out, "syncd_operation_seconds", NULL, &c->op_took, 250, UINT32_MAX);
	metric_one(out, "syncd_syncs_total", METRIC_COUNTER, "Releases put out.",
		   c->syncs);
	metric_one(out, "syncd_heals_total", METRIC_COUNTER, "Drifts healed.", c->heals);
	metric_one(out, "syncd_promotions_total", METRIC_COUNTER,
		   "Releases found good.", c->promotions);
	metric_one(out, "syncd_rejections_total", METRIC_COUNTER,
		   "Releases found bad.", c->rejections);
	metric_one(out, "syncd_reverts_total", METRIC_COUNTER,
		   "Reverts to the last good release that succeeded.", c->reverts);
	metric_one(out, "syncd_applies_total", METRIC_COUNTER, "Objects applied.",
		   c->applies);
	metric_family(out, "syncd_apply_seconds", METRIC_HISTOGRAM,
		      "Time applies took, from the queue to the answer.");
	metric_hist(out, "syncd_apply_seconds", NULL, &c->apply_took, 0, 60000);
	metric_one(out, "syncd_reconciles_total", METRIC_COUNTER,
		   "Looks at an application.", c->reconciles);
	metric_family(out, "syncd_reconcile_seconds", METRIC_HISTOGRAM,
		      "From news about an application to the end of the look at it.");
	metric_hist(out, "syncd_reconcile_seconds", NULL, &c->looks, 0, 30000);
	metric_family(out, "syncd_render_seconds", METRIC_HISTOGRAM,
		      "Time renders took, from the queue to the answer.");
	metric_hist(out, "syncd_render_seconds", NULL, &c->renders, 0, 60000);
}

/* ---- Git ---- */

struct git_sums {
	unsigned n, failing;
	uint64_t age_ms;
};

static void on_repo(const struct source_stat *s, void *arg)
{
	struct git_sums *g = arg;

	g->n++;
	g->failing += s->failures > 0;
	g->age_ms = s->age_ms > g->age_ms ? s->age_ms : g->age_ms;
}

static void git(struct engine *e, struct buf *out)
{
	const struct engine_counts *c = &e->counts;
	struct git_sums g = { 0 };

	source_stats(e, on_repo, &g);
	metric_one(out, "syncd_git_repositories", METRIC_GAUGE, "Repositories in use.",
		   g.n);
	metric_one(out, "syncd_git_repositories_failing", METRIC_GAUGE,
		   "Repositories in use whose last poll failed.", g.failing);
	metric_family(out, "syncd_git_poll_age_seconds", METRIC_GAUGE,
		      "Time since the last good poll, of the repository where it is longest.");
	metric_row_ms(out, "syncd_git_poll_age_seconds", NULL, g.age_ms);
	metric_one(out, "syncd_git_polls_total", METRIC_COUNTER, "Polls of Git refs.",
		   c->polls);
	metric_one(out, "syncd_git_poll_errors_total", METRIC_COUNTER,
		   "Polls that failed.", c->poll_errors);
	metric_one(out, "syncd_git_fetches_total", METRIC_COUNTER, "Fetches.",
		   c->fetches);
	metric_one(out, "syncd_git_fetch_errors_total", METRIC_COUNTER,
		   "Fetches that failed.", c->fetch_errors);
	metric_one(out, "syncd_git_webhooks_total", METRIC_COUNTER,
		   "Messages of Git hosts.", c->webhooks);
	metric_one(out, "syncd_git_webhooks_refused_total", METRIC_COUNTER,
		   "Messages that were not proven or not read.", c->webhooks_refused);
}

static void reviews(const struct engine_counts *c, struct buf *out)
{
	static const char name[] = "syncd_admission_reviews_total";

	metric_family(out, name, METRIC_COUNTER, "Admission reviews answered.");
	metric_row(out, name, (struct metric_label[]){ { "result", "allowed" }, { 0 } },
		   c->reviews_allowed);
	metric_row(out, name, (struct metric_label[]){ { "result", "refused" }, { 0 } },
		   c->reviews_refused);
	metric_row(out, name, (struct metric_label[]){ { "result", "unreadable" }, { 0 } },
		   c->reviews_broken);
}

static void notifications(struct engine *e, struct buf *out)
{
	struct notify_counts c;

	notify_counts(e, &c);
	metric_one(out, "syncd_notifications_total", METRIC_COUNTER,
		   "Notifications that arrived.", c.told);
	metric_one(out, "syncd_notification_errors_total", METRIC_COUNTER,
		   "Tries that failed and are made again.", c.errors);
	metric_one(out, "syncd_notifications_dropped_total", METRIC_COUNTER,
		   "Notifications refused, too old, or without a place in the queue.",
		   c.dropped);
	metric_one(out, "syncd_notifications_waiting", METRIC_GAUGE,
		   "Notifications to be sent.", c.waiting);
}

/* ---- the API server, and this process among its equals ---- */

static void on_stat(const struct kube_stat *s, void *arg)
{
	char code[16];

	snprintf(code, sizeof(code), "%d", s->status);
	metric_row(arg, "syncd_api_requests_total", (struct metric_label[]){
		{ "verb", s->verb }, { "code", code }, { 0 } }, s->count);
}

static void cluster(struct engine *e, struct buf *out)
{
	unsigned held;
	bool open = breaker_is_open(e, &held);

	metric_one(out, "syncd_leader", METRIC_GAUGE, "Is this process the leader.",
		   e->leading);
	metric_one(out, "syncd_leader_epoch", METRIC_GAUGE,
		   "leaseTransitions of the Lease when this process took it; 0: it did not.",
		   e->epoch);
	metric_one(out, "syncd_paused", METRIC_GAUGE,
		   "Is everything paused by a person.", e->pause && pause_words(e));
	metric_one(out, "syncd_breaker_open", METRIC_GAUGE, "Do reverts go one at a time "
		   "because the cluster itself is in trouble.", open);
	metric_one(out, "syncd_reverts_held", METRIC_GAUGE,
		   "Reverts that wait for another's.", held);
	metric_one(out, "syncd_live_objects", METRIC_GAUGE,
		   "Objects in the live index.", HASH_COUNT(e->live.by_key));
	metric_one(out, "syncd_watched_kinds", METRIC_GAUGE, "Kinds that are watched.",
		   kinds_count(e));
	metric_one(out, "syncd_api_pending", METRIC_GAUGE,
		   "API requests that wait or are under way.", kube_pending(e->kube));
	metric_family(out, "syncd_api_requests_total", METRIC_COUNTER,
		      "API requests by verb and status code; 0: there was no answer.");
	kube_stats(e->kube, on_stat, out);
}

void engine_metrics(struct engine *e, struct buf *out)
{
	applications(e, out);
	operations(&e->counts, out);
	git(e, out);
	reviews(&e->counts, out);
	notifications(e, out);
	cluster(e, out);
	if (e->cfg.argocd_metrics)
		metrics_argocd(e, out);
}

/* ---- for the daemon ---- */

static void add_unauthorized(const struct kube_stat *s, void *arg)
{
	if (s->status == 401)
		*(uint64_t *)arg += s->count;
}

uint64_t engine_unauthorized(const struct engine *e)
{
	uint64_t n = 0;

	kube_stats(e->kube, add_unauthorized, &n);
	return n;
}
