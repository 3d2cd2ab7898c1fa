/*
 * The same under Argo CD's names, labels and bucket bounds, where the meaning is the
 * same, so that its dashboards and alerts go on (argo-cd, docs/operator-manual/
 * metrics.md, controller/metrics, reposerver/metrics). Only with --argocd-metrics:
 * some have a row per application and repository.
 */
#include "engine_priv.h"
#include "orphans.h"

#include "core/fetch.h"

#define SERVER "https://kubernetes.default.svc"	/* the only destination */

static const char *operation_of(const struct app *a)
{
	if (a->spec.deleting)
		return "delete";
	return a->op || a->request.present ? "sync" : "";
}

static void info(struct app *a, struct buf *out)
{
	const char *written = a->spec.sources.list.len ?
			      a->spec.sources.list.data[0].repo_url : "";
	_cleanup_free_ char *normal = repo_url_normal(written);
	_cleanup_free_ char *repo = repo_url_shown(normal ? normal : "");

	metric_row(out, "argocd_app_info", (struct metric_label[]){
		{ "namespace", a->spec.ns }, { "name", a->spec.name },
		{ "project", a->spec.project },
		{ "autosync_enabled", a->spec.automated ? "true" : "false" },
		{ "repo", repo }, { "dest_server", SERVER },
		{ "dest_namespace", a->spec.dest_ns },
		{ "sync_status", app_sync_word(a) },
		{ "health_status", app_health_word(a) },
		{ "operation", operation_of(a) }, { 0 } }, 1);
}

/* There is one of a type. */
static void conditions(struct app *a, struct buf *out)
{
	for (size_t i = 0; i < a->conditions.len; i++)
		metric_row(out, "argocd_app_condition", (struct metric_label[]){
			{ "namespace", a->spec.ns }, { "name", a->spec.name },
			{ "project", a->spec.project },
			{ "condition", a->conditions.data[i].type }, { 0 } }, 1);
}

static void syncs(struct app *a, struct buf *out)
{
	for (unsigned dry = 0; dry < 2; dry++)
		for (unsigned p = 0; p < COUNT_PHASE_N; p++)
			if (a->counts.ends[dry][p])
				metric_row(out, "argocd_app_sync_total",
					   (struct metric_label[]){
					{ "namespace", a->spec.ns },
					{ "name", a->spec.name },
					{ "project", a->spec.project },
					{ "dest_server", SERVER },
					{ "phase", count_phases[p] },
					{ "dry_run", dry ? "true" : "false" }, { 0 } },
					a->counts.ends[dry][p]);
}

static void took(struct app *a, struct buf *out)
{
	if (a->counts.took_ms)
		metric_row_ms(out, "argocd_app_sync_duration_seconds_total",
			      (struct metric_label[]){
			{ "namespace", a->spec.ns }, { "name", a->spec.name },
			{ "project", a->spec.project }, { "dest_server", SERVER },
			{ 0 } }, a->counts.took_ms);
}

static void orphaned(struct app *a, struct buf *out)
{
	const struct orphans_found *f = orphans_of(a);

	if (f)
		metric_row(out, "argocd_app_orphaned_resources_count",
			   (struct metric_label[]){
			{ "namespace", a->spec.ns }, { "name", a->spec.name },
			{ "project", a->spec.project }, { 0 } }, f->n);
}

static void family(struct engine *e, struct buf *out, const char *name,
		   enum metric_type type, const char *help,
		   void (*fn)(struct app *a, struct buf *out))
{
	struct app *a, *next;

	metric_family(out, name, type, help);
	HASH_ITER(hh, e->apps, a, next)
		if (a->present)
			fn(a, out);
}

static void on_repo(const struct source_stat *s, void *arg)
{
	metric_row(arg, "argocd_git_request_total", (struct metric_label[]){
		{ "repo", s->url }, { "request_type", "ls-remote" }, { 0 } }, s->polls);
	metric_row(arg, "argocd_git_request_total", (struct metric_label[]){
		{ "repo", s->url }, { "request_type", "fetch" }, { 0 } }, s->fetches);
}

void metrics_argocd(struct engine *e, struct buf *out)
{
	static const struct metric_label server[] = { { "server", SERVER }, { 0 } };
	const struct engine_counts *c = &e->counts;

	family(e, out, "argocd_app_info", METRIC_GAUGE, "Information about application.",
	       info);
	family(e, out, "argocd_app_condition", METRIC_GAUGE,
	       "Conditions in an application's status.", conditions);
	family(e, out, "argocd_app_orphaned_resources_count", METRIC_GAUGE,
	       "Number of orphaned resources per application.", orphaned);
	family(e, out, "argocd_app_sync_total", METRIC_COUNTER,
	       "Number of application syncs.", syncs);
	family(e, out, "argocd_app_sync_duration_seconds_total", METRIC_COUNTER,
	       "Time that successful syncs took.", took);
	metric_family(out, "argocd_app_reconcile", METRIC_HISTOGRAM,
		      "Application reconciliation performance in seconds.");
	for (size_t i = 0; i < c->by_ns.len; i++)
		metric_hist(out, "argocd_app_reconcile", (struct metric_label[]){
			{ "namespace", c->by_ns.data[i].ns }, { "dest_server", SERVER },
			{ 0 } }, &c->by_ns.data[i].looks, 250, 16000);
	metric_family(out, "argocd_git_request_total", METRIC_COUNTER,
		      "Number of git requests, by repository.");
	source_stats(e, on_repo, out);
	metric_family(out, "argocd_cluster_api_resource_objects", METRIC_GAUGE,
		      "Number of k8s resource objects in the cache.");
	metric_row(out, "argocd_cluster_api_resource_objects", server,
		   HASH_COUNT(e->live.by_key));
	metric_family(out, "argocd_cluster_api_resources", METRIC_GAUGE,
		      "Number of monitored kubernetes API resources.");
	metric_row(out, "argocd_cluster_api_resources", server, kinds_count(e));
}
