/*
 * The renderer for test scripts, without daemon, Git or cluster.
 *
 *   rendertool json < TEXT                      each document as canonical JSON, a line each
 *   rendertool render DIR REQUEST               the bodies, a line each
 *   rendertool materialise DIR REQUEST TO       what a kustomization needs, into TO
 *   rendertool answer DIR REQUEST               the answer's bytes
 *   rendertool kustomize DIR PATH               what `kustomize build PATH` prints, natively;
 *                                               exit 1 too where it is left to that program
 *   rendertool kustomize-commit MIRROR COMMIT PATH   the same of a commit of a repository
 *   rendertool time DIR REQUEST N               milliseconds per render, of N
 *
 * REQUEST is a file of JSON as the daemon sends it. Errors go to stderr, exit 1.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/files.h"
#include "core/node.h"
#include "render/kustomize.h"
#include "render/render.h"

static int fail(const struct err *err)
{
	fprintf(stderr, "%s: %s\n", err_code_str(err->code), err->msg);
	return 1;
}

static char *slurp(FILE *f, size_t *len)
{
	struct buf b = BUF_INIT_MAX((size_t)1 << 30);
	char chunk[65536];
	size_t n;

	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, chunk, n);
	return buf_steal(&b, len);
}

static int to_json(void)
{
	size_t len;
	_cleanup_free_ char *text = slurp(stdin, &len);
	struct node_reader *r = node_reader_new(text, len);
	struct err err = ERR_INIT;
	int got;

	do {
		_cleanup_(arena_deinit) struct arena a = { 0 };
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct node *n;

		got = node_read(r, &a, &n, &err);
		if (got > 0 && node_to_json(n, &out, &err) < 0)
			got = -1;
		if (got > 0)
			puts(buf_str(&out));
	} while (got > 0);
	node_reader_free(r);
	return got < 0 ? fail(&err) : 0;
}

static int open_both(const char *dir, const char *request, struct files **files,
		     struct render_requests *r, struct err *err)
{
	_cleanup_free_ char *list = NULL;
	FILE *f = fopen(request, "rb");
	size_t len;
	_cleanup_free_ char *text = f ? slurp(f, &len) : NULL;

	if (!f)
		return err_set(err, ERR_IO, "%s cannot be read", request);
	fclose(f);
	list = xasprintf("[%s]", text);
	if (render_requests_decode(r, list, strlen(list), err))
		return -1;
	*files = files_dir_open(dir, err);
	return *files ? 0 : -1;
}

static int print_bodies(const struct render_answer *a, struct err *err)
{
	for (size_t i = 0; i < a->n_objects; i++) {
		_cleanup_free_ char *body = NULL;
		size_t len;

		if (render_answer_body(a, i, &body, &len, err))
			return -1;
		puts(body);
	}
	return 0;
}

enum print { BODIES, BYTES, TIME };

static int print_answer(const struct render_answer *a, enum print what, double ms,
			struct err *err)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;

	switch (what) {
	case BODIES:
		return print_bodies(a, err);
	case BYTES:
		render_answer_encode(a, &bytes);
		fwrite(bytes.data, 1, bytes.len, stdout);
		break;
	case TIME:
		printf("%.2f ms, %zu objects, %zu chunks\n", ms, a->n_objects, a->n_chunks);
		break;
	}
	return 0;
}

static double ms_between(const struct timespec *a, const struct timespec *b)
{
	return (double)(b->tv_sec - a->tv_sec) * 1e3 +
	       (double)(b->tv_nsec - a->tv_nsec) / 1e6;
}

static int render(const char *dir, const char *request, int times, enum print what)
{
	struct render_requests r = { 0 };
	struct render_answer a = { 0 };
	struct files *files = NULL;
	struct err err = ERR_INIT;
	struct timespec t0, t1;
	int bad = open_both(dir, request, &files, &r, &err);

	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (int i = 0; i < times && !bad; i++) {
		render_answer_deinit(&a);
		bad = render_run(files, &r.data[0], &a, &err);
	}
	clock_gettime(CLOCK_MONOTONIC, &t1);
	if (!bad)
		bad = print_answer(&a, what, ms_between(&t0, &t1) / times, &err);
	render_answer_deinit(&a);
	render_requests_deinit(&r);
	files_close(files);
	return bad ? fail(&err) : 0;
}

static int materialise(const char *dir, const char *request, const char *to)
{
	struct render_requests r = { 0 };
	struct files *files = NULL;
	struct err err = ERR_INIT;
	int bad = open_both(dir, request, &files, &r, &err);

	if (!bad)
		bad = render_materialise(files, &r.data[0], to, &err);
	render_requests_deinit(&r);
	files_close(files);
	return bad ? fail(&err) : 0;
}

static int kustomize(struct files *files, const char *path, struct err *err)
{
	const struct kust_options o = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT_MAX((size_t)1 << 30);
	_cleanup_free_ char *folder = NULL;
	struct kust_result built = { 0 };
	int bad = !files || files_join("", path, &folder, err) ||
		  kustomize_build(files, folder, &o, &built, err), foreign = built.needs_exec;

	if (!bad && foreign)
		fprintf(stderr, "not ours: %s\n", built.why);
	else if (!bad && !(bad = kust_result_yaml(&built, &out, err)))
		fwrite(buf_str(&out), 1, out.len, stdout);
	kust_result_deinit(&built);
	files_close(files);
	return bad ? fail(err) : foreign;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;

	if (argc == 2 && strcmp(argv[1], "json") == 0)
		return to_json();
	if (argc == 4 && strcmp(argv[1], "render") == 0)
		return render(argv[2], argv[3], 1, BODIES);
	if (argc == 4 && strcmp(argv[1], "answer") == 0)
		return render(argv[2], argv[3], 1, BYTES);
	if (argc == 4 && strcmp(argv[1], "kustomize") == 0)
		return kustomize(files_dir_open(argv[2], &err), argv[3], &err);
	if (argc == 5 && strcmp(argv[1], "kustomize-commit") == 0)
		return kustomize(files_git_open(argv[2], argv[3], &err), argv[4], &err);
	if (argc == 5 && strcmp(argv[1], "time") == 0)
		return render(argv[2], argv[3], atoi(argv[4]), TIME);
	if (argc == 5 && strcmp(argv[1], "materialise") == 0)
		return materialise(argv[2], argv[3], argv[4]);
	fprintf(stderr, "usage: rendertool json|render|answer|materialise|kustomize|time ...\n");
	return 2;
}
