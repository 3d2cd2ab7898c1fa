#include "metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <uv.h>

#include "core/metric.h"
#include "core/world_uv.h"

static void rounds(const struct world_uv_stats *s, struct buf *out)
{
	uint64_t n = 0;

	metric_family(out, "syncd_loop_round_seconds", METRIC_HISTOGRAM,
		      "How long one round of callbacks kept the loop busy.");
	for (unsigned i = 0; i < WORLD_UV_ROUNDS - 1; i++)
		buf_addf(out, "syncd_loop_round_seconds_bucket{le=\"%g\"} %llu\n",
			 (double)world_uv_round_ms[i] / 1000,
			 (unsigned long long)(n += s->rounds[i]));
	n += s->rounds[WORLD_UV_ROUNDS - 1];
	buf_addf(out, "syncd_loop_round_seconds_bucket{le=\"+Inf\"} %llu\n"
		 "syncd_loop_round_seconds_sum %.3f\n"
		 "syncd_loop_round_seconds_count %llu\n",
		 (unsigned long long)n, s->rounds_s, (unsigned long long)n);
}

/* Less the one that counts them. */
static uint64_t open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	uint64_t n = 0;

	if (!dir)
		return 0;
	for (const struct dirent *e; (e = readdir(dir)); )
		n += e->d_name[0] != '.';
	closedir(dir);
	return n ? n - 1 : 0;
}

static void process(const struct metrics_facts *f, struct buf *out)
{
	struct rlimit files = { 0 };
	uv_rusage_t use;
	size_t rss = 0;

	uv_resident_set_memory(&rss);
	metric_one(out, "process_resident_memory_bytes", METRIC_GAUGE,
		   "Resident memory, without the workers'.", rss);
	metric_family(out, "process_cpu_seconds_total", METRIC_COUNTER,
		      "CPU time spent, without the workers'.");
	if (!uv_getrusage(&use))
		metric_row_ms(out, "process_cpu_seconds_total", NULL,
			      (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000 +
			      (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1000);
	metric_one(out, "process_open_fds", METRIC_GAUGE, "Open file descriptors.",
		   open_files());
	getrlimit(RLIMIT_NOFILE, &files);
	metric_one(out, "process_max_fds", METRIC_GAUGE,
		   "File descriptors that may be open.", files.rlim_cur);
	metric_family(out, "process_start_time_seconds", METRIC_GAUGE,
		      "When the process began, Unix time.");
	metric_row_ms(out, "process_start_time_seconds", NULL, (uint64_t)f->began_ms);
}

static void workers(const struct world_uv_stats *s, struct buf *out)
{
	metric_one(out, "syncd_workers", METRIC_GAUGE, "Worker processes now.",
		   s->workers_running);
	metric_one(out, "syncd_workers_started_total", METRIC_COUNTER,
		   "Worker processes started.", s->workers_started);
	metric_one(out, "syncd_workers_killed_total", METRIC_COUNTER,
		   "Worker processes killed: at their deadline, or after a failure.",
		   s->workers_killed);
	metric_one(out, "syncd_workers_failed_total", METRIC_COUNTER,
		   "Worker processes that ended without an answer; others took their place.",
		   s->workers_failed);
}

void metrics_process(struct world *w, const struct metrics_facts *f, struct buf *out)
{
	struct world_uv_stats s;

	world_uv_stats(w, &s);
	metric_family(out, "syncd_loop_lag_seconds", METRIC_GAUGE,
		      "Longest the loop was kept busy since the last scrape.");
	metric_row_ms(out, "syncd_loop_lag_seconds", NULL, world_uv_take_lag(w));
	rounds(&s, out);
	workers(&s, out);
	metric_family(out, "syncd_certificate_expiry_timestamp_seconds", METRIC_GAUGE,
		      "When the webhooks' certificate ends, Unix time; no row without one.");
	if (f->certificate_until_ms > 0)
		metric_row_ms(out, "syncd_certificate_expiry_timestamp_seconds", NULL,
			      (uint64_t)f->certificate_until_ms);
	process(f, out);
	metric_family(out, "syncd_build_info", METRIC_GAUGE, "Always 1: the version.");
	metric_row(out, "syncd_build_info", (struct metric_label[]){
		{ "version", SYNCD_VERSION }, { 0 } }, 1);
}
