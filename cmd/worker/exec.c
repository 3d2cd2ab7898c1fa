/*
 * The exec worker: a copy of what a kustomization needs, the pinned program on
 * it, and its output as objects.
 *
 * The copy lies in a folder of its own that only this process uses; it goes at
 * the end, or, if we were killed, when the next exec worker starts (the folder's
 * name tells whose it was). The program gets fixed arguments, no environment but
 * a home in that folder, no network and no signals.
 */
#include "worker.h"

#include "core/files.h"
#include "core/mem.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUTPUT_MAX ((size_t)32 << 20)
#define DEADLINE_MS 50000	/* the daemon stops us after 60 s, without a word */
#define PREFIX "exec-"

static int on_entry(const char *path, const struct stat *st, int flag,
		    struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	remove(path);
	return 0;
}

static void folder_remove(char **dir)
{
	if (*dir)
		nftw(*dir, on_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(steal(dir));
}

void exec_sweep(const char *tmp)
{
	DIR *d = opendir(tmp);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		int pid = 0;
		char *dir;

		if (sscanf(e->d_name, PREFIX "%d-", &pid) != 1 || pid <= 0 ||
		    (pid != getpid() && (!kill(pid, 0) || errno != ESRCH)))
			continue;
		dir = xasprintf("%s/%s", tmp, e->d_name);
		folder_remove(&dir);
	}
	if (d)
		closedir(d);
}

static const char *temp_root(void)
{
	const char *tmp = getenv("SYNCD_TMP");

	return tmp ? tmp : "/tmp";
}

static char *folder_make(struct err *err)
{
	char *dir = xasprintf("%s/" PREFIX "%d-XXXXXX", temp_root(), getpid());

	if (!mkdtemp(dir)) {
		err_set(err, ERR_IO, "cannot make a folder in %s: %s",
			temp_root(), strerror(errno));
		free(dir);
		return NULL;
	}
	return dir;
}

/* What the program says names our copy: the repository's paths mean more. */
static void unname(struct err *err, const char *dir)
{
	_cleanup_free_ char *prefix = xasprintf("%s/tree", dir);
	size_t n = strlen(prefix);
	char *at;

	while ((at = strstr(err->msg, prefix))) {
		size_t cut = n + (at[n] == '/');

		memmove(at, at + cut, strlen(at + cut) + 1);
	}
}

static int build(const char *program, const char *dir, const char *path,
		 struct buf *out, struct err *err)
{
	_cleanup_free_ char *target = xasprintf("%s/tree/%s", dir, path);
	_cleanup_free_ char *home = xasprintf("HOME=%s", dir);
	_cleanup_free_ char *tmp = xasprintf("TMPDIR=%s", dir);
	char *argv[] = { (char *)"kustomize", (char *)"build", target, NULL };
	char *env[] = { home, tmp, NULL };

	if (!run_program(program, argv, env, dir, DEADLINE_MS, OUTPUT_MAX, out,
			 err))
		return 0;
	unname(err, dir);
	return err_wrap(err, "kustomize build %s", *path ? path : ".");
}

/* What the program prints for that source. */
static int print_one(const char *dir, const char *program, size_t i,
		     const struct render_part *p, struct buf *text, struct err *err)
{
	_cleanup_free_ char *own = xasprintf("%s/%zu", dir, i);
	_cleanup_free_ char *tree = xasprintf("%s/tree", own);
	const char *path = p->request->path ? p->request->path : "";

	if (mkdir(own, 0700) < 0 || mkdir(tree, 0700) < 0)
		return err_set(err, ERR_IO, "cannot make %s: %s", tree,
			       strerror(errno));
	if (render_materialise(p->files, p->request, tree, err))
		return -1;
	return build(program, own, path, text, err);
}

/* Beside one that needs the program there may be others that do not. */
static int needs_program(const struct sources *s, size_t i, bool *ret, struct err *err)
{
	struct render_answer probe = { 0 };
	int rc;

	*ret = true;
	if (s->all.len == 1)
		return 0;
	rc = render_run(s->parts[i].files, s->parts[i].request, &probe, err);
	*ret = probe.exec_why;
	render_answer_deinit(&probe);
	return rc;
}

static int render_in(const char *dir, const char *program, struct sources *s,
		     struct buf *out, struct err *err)
{
	struct buf texts[RENDER_SOURCES_MAX] = { 0 };
	struct render_answer answer = { 0 };
	bool needed;
	int rc = 0;

	for (size_t i = 0; i < s->all.len && !rc; i++) {
		rc = needs_program(s, i, &needed, err);
		if (rc || !needed)
			continue;	/* a failure says itself where it was */
		rc = print_one(dir, program, i, &s->parts[i], &texts[i], err);
		s->parts[i].text = buf_str(&texts[i]);
		s->parts[i].len = texts[i].len;
		s->parts[i].name = "kustomize build";
		if (rc)
			sources_blame(s, i, err);
	}
	if (!rc)
		rc = render_all(s->parts, s->all.len, &answer, err);
	sources_say_end(s, &answer);
	if (!rc)
		render_answer_encode(&answer, out);
	render_answer_deinit(&answer);
	for (size_t i = 0; i < s->all.len; i++)
		buf_deinit(&texts[i]);
	return rc;
}

static void folder_removep(char **dir)
{
	folder_remove(dir);
}

int serve_exec(const char *data, size_t len, struct buf *out, struct err *err)
{
	__attribute__((cleanup(folder_removep))) char *dir = NULL;
	const char *program = getenv("SYNCD_KUSTOMIZE");
	struct sources s;
	int rc;

	if (!program)
		return err_set(err, ERR_INTERNAL, "SYNCD_KUSTOMIZE is not set");
	if (sources_open(&s, data, len, err))
		return -1;
	dir = folder_make(err);
	rc = dir ? render_in(dir, program, &s, out, err) : -1;
	sources_close(&s);
	return rc;
}
