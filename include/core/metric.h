/*
 * metric.h - Prometheus' text format 0.0.4: families, rows, histograms. Pure.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 *
 * A family is begun once and its rows follow it; a family without rows may stand.
 */
#ifndef CORE_METRIC_H
#define CORE_METRIC_H

#include <stdint.h>

#include "core/buf.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_label {	/* the last of an array has name NULL; a NULL value is "" */
	const char *name, *value;
};

void metric_family(struct buf *out, const char *name, enum metric_type type,
		   const char *help);
/* labels may be NULL. Values are escaped; names are the caller's to get right. */
void metric_row(struct buf *out, const char *name, const struct metric_label *labels,
		uint64_t value);
/* milliseconds, shown as seconds. */
void metric_row_ms(struct buf *out, const char *name,
		   const struct metric_label *labels, uint64_t ms);
/* A family of one row without labels. */
void metric_one(struct buf *out, const char *name, enum metric_type type,
		const char *help, uint64_t value);

/* How long things took, in ms: by bounds, the last beyond all of them. */
#define HIST_BOUNDS 14
struct hist {
	uint64_t n[HIST_BOUNDS + 1];
	uint64_t sum_ms;
};
void hist_add(struct hist *h, uint64_t ms);
/* Its rows, in seconds, with the bounds between from_ms and to_ms. */
void metric_hist(struct buf *out, const char *name, const struct metric_label *labels,
		 const struct hist *h, uint32_t from_ms, uint32_t to_ms);

#endif
