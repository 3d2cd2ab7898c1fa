/* metrics.h - what the process says of itself, beside the engine's metrics. */
#ifndef CMD_SYNCD_METRICS_H
#define CMD_SYNCD_METRICS_H

#include "core/buf.h"
#include "core/world.h"

/* What only the program knows, wall clock; 0 where there is none. */
struct metrics_facts {
	int64_t began_ms;
	int64_t certificate_until_ms;	/* the webhooks' own */
};

/* Names of processes are Prometheus' own, as every exporter's. */
void metrics_process(struct world *w, const struct metrics_facts *f, struct buf *out);

#endif
