#include "core/metric.h"

#include <assert.h>

#include "core/mem.h"

static const char *const types[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_HISTOGRAM] = "histogram",
};
static_assert(ARRAY_LEN(types) == METRIC_HISTOGRAM + 1, "a name per type");

/* Argo CD's from 0.25 to 16 s are among them. */
static const uint32_t bounds_ms[] = {
	10, 50, 100, 250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 60000, 300000,
	1800000,
};
static_assert(ARRAY_LEN(bounds_ms) == HIST_BOUNDS, "as many as there are counters");

void metric_family(struct buf *out, const char *name, enum metric_type type,
		   const char *help)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, types[type]);
}

/* The three characters that the format asks for. */
static void add_value(struct buf *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\n')
			buf_adds(out, "\\n");
		else if (*value == '"' || *value == '\\')
			buf_addf(out, "\\%c", *value);
		else
			buf_addc(out, *value);
	}
}

/* le: of a histogram's bucket, or NULL. */
static void add_labels(struct buf *out, const struct metric_label *labels,
		       const char *le)
{
	char mark = '{';

	for (; labels && labels->name; labels++) {
		buf_addf(out, "%c%s=\"", mark, labels->name);
		add_value(out, labels->value ? labels->value : "");
		buf_addc(out, '"');
		mark = ',';
	}
	if (le) {
		buf_addf(out, "%cle=\"%s\"", mark, le);
		mark = ',';
	}
	if (mark == ',')
		buf_addc(out, '}');
}

static void add_row(struct buf *out, const char *name, const char *suffix,
		    const struct metric_label *labels, const char *le, uint64_t value)
{
	buf_adds(out, name);
	buf_adds(out, suffix);
	add_labels(out, labels, le);
	buf_addf(out, " %llu\n", (unsigned long long)value);
}

void metric_row(struct buf *out, const char *name, const struct metric_label *labels,
		uint64_t value)
{
	add_row(out, name, "", labels, NULL, value);
}

void metric_row_ms(struct buf *out, const char *name,
		   const struct metric_label *labels, uint64_t ms)
{
	buf_adds(out, name);
	add_labels(out, labels, NULL);
	buf_addf(out, " %llu.%03u\n", (unsigned long long)(ms / 1000),
		 (unsigned)(ms % 1000));
}

void metric_one(struct buf *out, const char *name, enum metric_type type,
		const char *help, uint64_t value)
{
	metric_family(out, name, type, help);
	metric_row(out, name, NULL, value);
}

void hist_add(struct hist *h, uint64_t ms)
{
	unsigned i = 0;

	while (i < HIST_BOUNDS && ms > bounds_ms[i])
		i++;
	h->n[i]++;
	h->sum_ms += ms;
}

void metric_hist(struct buf *out, const char *name, const struct metric_label *labels,
		 const struct hist *h, uint32_t from_ms, uint32_t to_ms)
{
	_cleanup_free_ char *sum = xasprintf("%s_sum", name);
	uint64_t n = 0;

	for (unsigned i = 0; i < HIST_BOUNDS; i++) {
		_cleanup_free_ char *le = xasprintf("%g", bounds_ms[i] / 1000.0);

		n += h->n[i];
		if (bounds_ms[i] >= from_ms && bounds_ms[i] <= to_ms)
			add_row(out, name, "_bucket", labels, le, n);
	}
	n += h->n[HIST_BOUNDS];
	add_row(out, name, "_bucket", labels, "+Inf", n);
	metric_row_ms(out, sum, labels, h->sum_ms);
	add_row(out, name, "_count", labels, NULL, n);
}
