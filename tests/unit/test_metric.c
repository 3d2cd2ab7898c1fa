/* Prometheus' text format: rows, escaping, histograms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/metric.h"

static void assert_text(struct buf *b, const char *want)
{
	assert_string_equal(buf_str(b), want);
	buf_clear(b);
}

static void rows(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	metric_one(&b, "a_total", METRIC_COUNTER, "As.", 7);
	assert_text(&b, "# HELP a_total As.\n# TYPE a_total counter\na_total 7\n");
	metric_family(&b, "b", METRIC_GAUGE, "Bs.");
	assert_text(&b, "# HELP b Bs.\n# TYPE b gauge\n");
	metric_row(&b, "b", (struct metric_label[]){ { "x", "1" }, { "y", NULL }, { 0 } },
		   UINT64_MAX);
	assert_text(&b, "b{x=\"1\",y=\"\"} 18446744073709551615\n");
	metric_row_ms(&b, "b", NULL, 12034);
	assert_text(&b, "b 12.034\n");
}

static void values_cannot_end_a_row(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	metric_row(&b, "c", (struct metric_label[]){
		{ "x", "a\"} 9\nd{y=\"\\" }, { 0 } }, 1);
	assert_text(&b, "c{x=\"a\\\"} 9\\nd{y=\\\"\\\\\"} 1\n");
}

static void histograms(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct hist h = { 0 };

	(void)state;
	hist_add(&h, 250);	/* a bound belongs to what is below it */
	hist_add(&h, 251);
	hist_add(&h, 3000000);	/* beyond all */
	metric_hist(&b, "d", (struct metric_label[]){ { "x", "1" }, { 0 } }, &h, 250, 1000);
	assert_text(&b, "d_bucket{x=\"1\",le=\"0.25\"} 1\n"
		    "d_bucket{x=\"1\",le=\"0.5\"} 2\n"
		    "d_bucket{x=\"1\",le=\"1\"} 2\n"
		    "d_bucket{x=\"1\",le=\"+Inf\"} 3\n"
		    "d_sum{x=\"1\"} 3000.501\nd_count{x=\"1\"} 3\n");
	metric_hist(&b, "e", NULL, &(struct hist){ 0 }, UINT32_MAX, 0);
	assert_text(&b, "e_bucket{le=\"+Inf\"} 0\ne_sum 0.000\ne_count 0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows),
		cmocka_unit_test(values_cannot_end_a_row),
		cmocka_unit_test(histograms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
