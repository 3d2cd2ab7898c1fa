/*
 * The conformance script, run against the simulated API server; with --server
 * URL (and --ca, --cert, --key FILE) against a real one. What differs fails.
 *
 *	sim_conformance [--server URL --ca F --cert F --key F] [-v] [FILE...]
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "apisim.h"
#include "confscript.h"
#include "core/doc.h"
#include "core/mem.h"
#include "core/world_uv.h"
#include "simworld.h"

static char *slurp(const char *path)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char block[4096];
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(2);
	}
	while ((n = fread(block, 1, sizeof(block), f)))
		buf_add(&b, block, n);
	fclose(f);
	return buf_steal(&b, NULL);
}

/* ---- simulated ---- */

static bool run_sim(void *arg, bool (*pred)(void *arg), void *pred_arg, unsigned ms)
{
	return sim_run_until(arg, pred, pred_arg, ms);
}

static void simulated(const char *path, bool verbose, struct conf_result *r)
{
	struct sim *s = sim_new(1);
	struct http_endpoint e = { .url = SIM_API_URL, .user_agent = "conformance/1" };
	struct conf_driver d = {
		.w = sim_world(s), .endpoint = &e, .run = run_sim, .arg = s,
		.unique = 0xa, .verbose = verbose,
	};
	_cleanup_free_ char *text = slurp(path);

	conf_run(&d, strrchr(path, '/') + 1, text, r);
	sim_free(s);
}

/* ---- real ---- */

struct real {
	uv_loop_t loop;
	uv_timer_t timer;
	bool late;
};

static void on_late(uv_timer_t *t)
{
	((struct real *)t->data)->late = true;
}

static bool run_real(void *arg, bool (*pred)(void *arg), void *pred_arg, unsigned ms)
{
	struct real *r = arg;
	bool held;

	r->late = false;
	uv_timer_start(&r->timer, on_late, ms, 0);
	while (!(held = pred(pred_arg)) && !r->late)
		uv_run(&r->loop, UV_RUN_ONCE);
	uv_timer_stop(&r->timer);
	return held;
}

static void real(struct http_endpoint *e, char **paths, int n, bool verbose,
		 struct conf_result *result)
{
	struct real r = { 0 };
	struct world_uv_config c = { .log_fd = 2, .log_level = LOG_WARN };
	struct err err = ERR_INIT;
	struct conf_driver d = {
		.endpoint = e, .run = run_real, .arg = &r,
		.unique = (unsigned)time(NULL) & 0xffffff, .verbose = verbose,
	};

	uv_loop_init(&r.loop);
	uv_timer_init(&r.loop, &r.timer);
	r.timer.data = &r;
	d.w = world_uv_new(&r.loop, &c, &err);
	if (!d.w) {
		fprintf(stderr, "%s\n", err.msg);
		exit(2);
	}
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *text = slurp(paths[i]);

		conf_run(&d, strrchr(paths[i], '/') + 1, text, result);
	}
	d.w->ops->endpoint_forget(d.w, e);
	uv_close((uv_handle_t *)&r.timer, NULL);
	world_uv_close(d.w);
	uv_run(&r.loop, UV_RUN_DEFAULT);
	world_uv_free(d.w);
	uv_loop_close(&r.loop);
}

int main(int argc, char **argv)
{
	struct http_endpoint e = { .user_agent = "conformance/1" };
	struct conf_result r = { 0 };
	bool verbose = false;
	glob_t g = { 0 };
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "-v"))
			verbose = true;
		else if (!strcmp(argv[i], "--server") && argv[i + 1])
			e.url = argv[++i];
		else if (!strcmp(argv[i], "--ca") && argv[i + 1])
			e.ca_pem = slurp(argv[++i]);
		else if (!strcmp(argv[i], "--cert") && argv[i + 1])
			e.cert_pem = slurp(argv[++i]);
		else if (!strcmp(argv[i], "--key") && argv[i + 1])
			e.key_pem = slurp(argv[++i]);
	}
	doc_init();
	if (i == argc) {
		glob(SOURCE_DIR "/tests/sim/conformance/*.txt", 0, NULL, &g);
		argv = g.gl_pathv;
		argc = (int)g.gl_pathc;
		i = 0;
	}
	if (e.url)
		real(&e, argv + i, argc - i, verbose, &r);
	else
		for (int k = i; k < argc; k++)
			simulated(argv[k], verbose, &r);
	printf("%u cases, %u failed, %u exchanges\n", r.cases, r.failed, r.exchanges);
	globfree(&g);
	free(e.ca_pem);
	free(e.cert_pem);
	free(e.key_pem);
	return r.failed || !r.cases;
}
