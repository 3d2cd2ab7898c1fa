/*
 * Strimzi: Kafka, KafkaTopic, KafkaUser, KafkaConnect and the other kinds of
 * kafka.strimzi.io that have Ready or NotReady: https://strimzi.io/docs/.
 */
#include <ctype.h>
#include <string.h>

#include "core/mem.h"
#include "rules.h"

/* "KafkaTopic" -> "Waiting for Kafka Topic"; a Kafka is a cluster. */
static char *waiting_for(const char *kind)
{
	_cleanup_buf_ struct buf words = BUF_INIT_MAX(512);

	buf_adds(&words, "Waiting for ");
	for (const char *p = kind; *p; p++)
		buf_addf(&words, "%s%c", p > kind && isupper((unsigned char)*p) &&
			 islower((unsigned char)p[-1]) ? " " : "", *p);
	if (!strcmp(kind, "Kafka"))
		buf_adds(&words, " Cluster");
	return xstrdup(buf_str(&words));
}

struct health health_strimzi(const json_t *o)
{
	static const struct cond_rule rules[] = {
		{ "ReconciliationPaused", "True", HEALTH_SUSPENDED,
		  "Reconciliation is paused" },
		{ "NotReady", "True", HEALTH_DEGRADED, NULL },
		{ "Ready", "True", HEALTH_HEALTHY, "" },
	};
	_cleanup_free_ char *waiting = waiting_for(object_kind(o));
	const json_t *not_ready = cond_current(o, "NotReady");

	/* Its first state, while the brokers start. */
	if (cond_is(not_ready, "True") &&
	    !strcmp(cond_str(not_ready, "reason"), "Creating"))
		return health_text(HEALTH_PROGRESSING, waiting);
	return health_by(o, rules, ARRAY_LEN(rules), waiting);
}
