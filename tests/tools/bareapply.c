/*
 * The bench's bare client: sends requests and does nothing else.
 *
 *   bareapply [IN-FLIGHT] <LIST            server-side applies; each line:
 *                                          GROUP VERSION RESOURCE NS NAME FILE
 *   bareapply --replay [IN-FLIGHT] <LIST   any requests; each line:
 *                                          METHOD PATH CONTENT-TYPE FILE
 *
 * GROUP "-" is the core group; FILE holds the body, YAML or JSON; the kubeconfig is
 * KUBECONFIG's. Reads everything first, then sends, IN-FLIGHT (1) at a time over
 * kept connections, and prints the seconds from the first request to the last
 * answer and our CPU seconds. The first refusal ends it with status 1; of a replay,
 * the requests sent and those refused are printed too: what was right in one order
 * may be refused in another.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <uv.h>

#include "core/kube.h"
#include "core/kubeconfig.h"
#include "core/mem.h"
#include "core/world_uv.h"

struct client {
	struct kube *kube;
	struct world *w;
	VEC(struct apply *) applies;
	size_t started, ended, refused;
	bool replay;
	struct err err;
};

struct apply {
	struct kube_request req;
	struct client *c;
	struct world_task task;
	char group[128], version[32], resource[128], ns[256], name[256];
	char method[16], path[1024], content_type[64];	/* of a replay */
	char *body;
	size_t len;
};

static char *read_file(const char *path, size_t *ret_len)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char chunk[4096];
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f) {
		perror(path);
		exit(1);
	}
	while ((n = fread(chunk, 1, sizeof(chunk), f)))
		buf_add(&b, chunk, n);
	fclose(f);
	return buf_steal(&b, ret_len);
}

static bool read_line(const struct client *c, struct apply *a, char file[1024])
{
	if (c->replay)
		return scanf("%15s %1023s %63s %1023s", a->method, a->path,
			     a->content_type, file) == 4;
	return scanf("%127s %31s %127s %255s %255s %1023s", a->group, a->version,
		     a->resource, a->ns, a->name, file) == 6;
}

static void read_list(struct client *c)
{
	struct apply *a = xcalloc(1, sizeof(*a));
	char file[1024];

	while (read_line(c, a, file)) {
		if (strcmp(file, "-") != 0)
			a->body = read_file(file, &a->len);
		a->c = c;
		vec_push(&c->applies, a);
		a = xcalloc(1, sizeof(*a));
	}
	free(a);
}

static void on_done(struct kube_request *r, const struct err *err);

static void prepare(struct apply *a)
{
	struct kube_ref ref = {
		.group = strcmp(a->group, "-") ? a->group : "",
		.version = a->version, .resource = a->resource,
		.ns = a->ns, .name = a->name,
	};

	if (!a->c->replay) {
		kube_apply_init(&a->req, &ref, "bare", APPLY_FORCE, a->body, a->len);
		return;
	}
	a->req = (struct kube_request){ .verb = a->method, .method = a->method,
		.content_type = a->body ? a->content_type : NULL,
		.body = a->body, .body_len = a->len, .max_tries = 1 };
	buf_adds(&a->req.path, a->path);
}

static void send_next(struct client *c)
{
	struct apply *a = c->applies.data[c->started++];

	prepare(a);
	a->req.on_done = on_done;
	kube_start(c->kube, &a->req);
}

static void finish(struct world_task *t)
{
	struct client *c = container_of(t, struct apply, task)->c;

	c->kube = kube_free(c->kube);
	world_uv_close(c->w);
}

static void on_done(struct kube_request *r, const struct err *err)
{
	struct apply *a = container_of(r, struct apply, req);
	struct client *c = a->c;

	c->refused += err->code != ERR_NONE;
	if (err->code && !c->replay && !c->err.code) {
		c->err = *err;
		err_wrap(&c->err, "%s %s/%s", a->resource, a->ns, a->name);
	}
	c->ended++;
	if (!c->err.code && c->started < c->applies.len)
		return send_next(c);
	if (c->ended < c->started || a->task.active)
		return;
	a->task.fn = finish; /* not from the client's own callback */
	world_defer(c->w, &a->task);
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void free_applies(struct client *c)
{
	for (size_t i = 0; i < c->applies.len; i++) {
		free(c->applies.data[i]->body);
		free(c->applies.data[i]);
	}
	vec_deinit(&c->applies);
}

int main(int argc, char **argv)
{
	bool replay = argc > 1 && !strcmp(argv[1], "--replay");
	unsigned in_flight = argc > 1 + replay ? (unsigned)atoi(argv[1 + replay]) : 1;
	struct world_uv_config config = { .log_fd = 2, .log_level = LOG_WARN };
	struct client c = { .replay = replay, .err = ERR_INIT };
	struct kubeconfig kc = { 0 };
	struct err err = ERR_INIT;
	uv_loop_t loop;
	uint64_t t0;
	double cpu;

	uv_loop_init(&loop);
	if (kubeconfig_load(&kc, &(struct kubeconfig_options){ 0 }, &err) ||
	    !(c.w = world_uv_new(&loop, &config, &err))) {
		fprintf(stderr, "bareapply: %s\n", err.msg);
		return 1;
	}
	read_list(&c);
	c.kube = kube_new(c.w, &kc.endpoint,
			  (struct kube_limits){ .max_in_flight = in_flight });
	cpu = cpu_seconds();
	t0 = uv_hrtime();
	for (unsigned i = 0; i < in_flight && c.started < c.applies.len; i++)
		send_next(&c);
	uv_run(&loop, UV_RUN_DEFAULT);
	printf("%.3f %.2f", (double)(uv_hrtime() - t0) / 1e9, cpu_seconds() - cpu);
	if (replay)
		printf(" %zu %zu", c.ended, c.refused);
	putchar('\n');
	if (c.err.code)
		fprintf(stderr, "bareapply: %s\n", c.err.msg);
	world_uv_free(c.w);
	uv_loop_close(&loop);
	kubeconfig_deinit(&kc);
	free_applies(&c);
	return c.err.code || !c.ended ? 1 : 0;
}
