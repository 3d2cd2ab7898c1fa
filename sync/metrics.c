/*
 * Prometheus text: what an operator alerts on. Cardinality is bounded: labels are
 * states, verbs and codes, never names of objects.
 */
#include "engine_priv.h"

static void counter(struct buf *out, const char *name, const char *help,
		    uint64_t value)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s counter\n%s %llu\n", name, help,
		 name, name, (unsigned long long)value);
}

static void on_stat(const struct kube_stat *s, void *arg)
{
	buf_addf(arg, "syncd_api_requests_total{verb=\"%s\",code=\"%d\"} %llu\n",
		 s->verb, s->status, (unsigned long long)s->count);
}

static void applications(struct engine *e, struct buf *out)
{
	unsigned phases[PHASE_N] = { 0 }, health[HEALTH_N] = { 0 };
	unsigned sync[3] = { 0 };
	struct app *a, *next;

	HASH_ITER(hh, e->apps, a, next) {
		const char *s = doc_get_str(a->status, "sync", "status", NULL);
		const char *h = doc_get_str(a->status, "health", "status", NULL);

		if (!a->present)
			continue;
		phases[a->rec.phase]++;
		health[health_from_str(h ? h : "")]++;
		sync[!s ? SYNC_UNKNOWN : !strcmp(s, "Synced") ? SYNC_SYNCED :
		     !strcmp(s, "OutOfSync") ? SYNC_OUT_OF_SYNC : SYNC_UNKNOWN]++;
	}
	buf_adds(out, "# HELP syncd_applications Applications by phase.\n"
		 "# TYPE syncd_applications gauge\n");
	for (int i = 0; i < PHASE_N; i++)
		buf_addf(out, "syncd_applications{phase=\"%s\"} %u\n",
			 phase_str((enum phase)i), phases[i]);
	buf_adds(out, "# HELP syncd_applications_sync Applications by sync status.\n"
		 "# TYPE syncd_applications_sync gauge\n");
	for (int i = 0; i < 3; i++)
		buf_addf(out, "syncd_applications_sync{status=\"%s\"} %u\n",
			 sync_status_str((enum sync_status)i), sync[i]);
	buf_adds(out, "# HELP syncd_applications_health Applications by health.\n"
		 "# TYPE syncd_applications_health gauge\n");
	for (int i = HEALTH_HEALTHY; i < HEALTH_N; i++)
		buf_addf(out, "syncd_applications_health{status=\"%s\"} %u\n",
			 health_str((enum health_status)i), health[i]);
}

void engine_metrics(struct engine *e, struct buf *out)
{
	const struct engine_counts *c = &e->counts;
	unsigned held;

	applications(e, out);
	buf_addf(out, "# HELP syncd_leader Is this process the leader.\n"
		 "# TYPE syncd_leader gauge\nsyncd_leader %d\n", e->leading);
	buf_addf(out, "# HELP syncd_live_objects Objects in the live index.\n"
		 "# TYPE syncd_live_objects gauge\nsyncd_live_objects %u\n",
		 HASH_COUNT(e->live.by_key));
	buf_addf(out, "# HELP syncd_breaker_open Do reverts go one at a time because the "
		 "cluster itself is in trouble.\n# TYPE syncd_breaker_open gauge\n"
		 "syncd_breaker_open %d\n", breaker_is_open(e, &held));
	buf_addf(out, "# HELP syncd_reverts_held Reverts that wait for another's.\n"
		 "# TYPE syncd_reverts_held gauge\nsyncd_reverts_held %u\n", held);
	counter(out, "syncd_syncs_total", "Releases put out.", c->syncs);
	counter(out, "syncd_heals_total", "Drifts healed.", c->heals);
	counter(out, "syncd_reverts_total", "Reverts done.", c->reverts);
	counter(out, "syncd_reconciles_total", "Looks at an application.",
		c->reconciles);
	counter(out, "syncd_applies_total", "Objects applied.", c->applies);
	buf_addf(out, "# HELP syncd_apply_seconds Time applies took, from the queue to "
		 "the answer.\n# TYPE syncd_apply_seconds summary\n"
		 "syncd_apply_seconds_sum %.3f\nsyncd_apply_seconds_count %llu\n",
		 (double)c->apply_ms / 1000, (unsigned long long)c->applies);
	counter(out, "syncd_renders_total", "Renders asked.", c->renders);
	counter(out, "syncd_git_polls_total", "Polls of Git refs.", c->polls);
	counter(out, "syncd_git_poll_errors_total", "Polls that failed.",
		c->poll_errors);
	counter(out, "syncd_git_webhooks_total", "Messages of Git hosts.", c->webhooks);
	counter(out, "syncd_git_webhooks_refused_total", "Messages that were not "
		"proven or not read.", c->webhooks_refused);
	buf_addf(out, "# HELP syncd_admission_reviews_total Admission reviews answered.\n"
		 "# TYPE syncd_admission_reviews_total counter\n"
		 "syncd_admission_reviews_total{result=\"allowed\"} %llu\n"
		 "syncd_admission_reviews_total{result=\"refused\"} %llu\n"
		 "syncd_admission_reviews_total{result=\"unreadable\"} %llu\n",
		 (unsigned long long)c->reviews_allowed,
		 (unsigned long long)c->reviews_refused,
		 (unsigned long long)c->reviews_broken);
	counter(out, "syncd_git_fetches_total", "Fetches.", c->fetches);
	counter(out, "syncd_git_fetch_errors_total", "Fetches that failed.",
		c->fetch_errors);
	buf_adds(out, "# HELP syncd_operation_seconds Time operations took.\n"
		 "# TYPE syncd_operation_seconds summary\n");
	buf_addf(out, "syncd_operation_seconds_sum %.3f\n"
		 "syncd_operation_seconds_count %llu\n", (double)c->op_ms / 1000,
		 (unsigned long long)c->ops);
	buf_adds(out, "# HELP syncd_api_requests_total API requests by verb and "
		 "status code.\n# TYPE syncd_api_requests_total counter\n");
	kube_stats(e->kube, on_stat, out);
}
