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
#include "render/render.h"

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

static int render_in(const char *dir, const char *program,
		     const struct render_request *r, struct buf *out,
		     struct err *err)
{
	_cleanup_free_ char *tree = xasprintf("%s/tree", dir);
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct render_answer answer = { 0 };
	struct files *files;
	int rc;

	if (mkdir(tree, 0700) < 0)
		return err_set(err, ERR_IO, "cannot make %s: %s", tree,
			       strerror(errno));
	files = files_git_open(r->mirror, r->commit, err);
	if (!files)
		return -1;
	rc = render_materialise(files, r, tree, err);
	files_close(files);
	if (rc || build(program, dir, r->path ? r->path : "", &text, err))
		return -1;
	rc = render_text("kustomize build", buf_str(&text), text.len, r,
			 &answer, err);
	if (!rc)
		render_answer_encode(&answer, out);
	render_answer_deinit(&answer);
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
	struct render_request r = { 0 };
	int rc;

	if (!program)
		return err_set(err, ERR_INTERNAL, "SYNCD_KUSTOMIZE is not set");
	if (render_request_decode(&r, data, len, err))
		return -1;
	if (r.mirror && r.commit)
		dir = folder_make(err);
	else
		err_set(err, ERR_INVALID, "request without mirror or commit");
	rc = dir ? render_in(dir, program, &r, out, err) : -1;
	render_request_deinit(&r);
	return rc;
}
