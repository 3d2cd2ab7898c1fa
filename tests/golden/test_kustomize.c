/*
 * The cases of tests/golden/kustomize/NAME.cases: what is copied of a tree for the
 * kustomize program, and what source.kustomize makes of its root kustomization.
 *
 *   ## TITLE         starts a tree
 *   == PATH          a file of it: the lines that follow
 *   == PATH -> X     a symbolic link
 *   ?? PATH JSON     source.path and source.kustomize; the lines that follow are
 *                    the answer: every file in the copy, in order of its path and
 *                    followed by ": CONTENT" where that is not the tree's, or the
 *                    error; then "render: ...", what the render worker makes of it,
 *                    where it does not agree
 *
 * The trees are real folders, and the copies too. UPDATE_GOLDEN=1 writes what we
 * answer now.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/doc.h"
#include "core/mem.h"
#include "render/render.h"

#define CASES SOURCE_DIR "/tests/golden/kustomize"
#define N_QUESTIONS_MIN 120

struct cases {
	const char *name;	/* of the file */
	char base[64];		/* temporary folder: N/tree, N/copy-M */
	char *tree;		/* the folder of the tree at hand */
	FILE *file;		/* of it, being written */
	struct buf out;		/* the cases with our answers */
	int n_trees, n_questions;
};

/* NULL when there is no such file. */
static char *slurp(const char *path)
{
	struct buf b = BUF_INIT;
	char chunk[4096];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		return NULL;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, chunk, n);
	fclose(f);
	return buf_steal(&b, NULL);
}

static void remove_all(const char *path)
{
	_cleanup_free_ char *command = xasprintf("rm -rf '%s'", path);

	assert_int_equal(system(command), 0);
}

static void make_folders(char *path)
{
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)mkdir(path, 0700);
		*p = '/';
	}
}

static void end_file(struct cases *c)
{
	if (c->file)
		assert_int_equal(fclose(c->file), 0);
	c->file = NULL;
}

static void start_tree(struct cases *c)
{
	end_file(c);
	free(c->tree);
	c->tree = xasprintf("%s/%d", c->base, ++c->n_trees);
	assert_int_equal(mkdir(c->tree, 0700), 0);
}

static void start_file(struct cases *c, const char *what)
{
	const char *arrow = strstr(what, " -> ");
	_cleanup_free_ char *path = NULL;

	end_file(c);
	assert_non_null(c->tree);
	path = xasprintf("%s/%.*s", c->tree, arrow ? (int)(arrow - what) :
			 (int)strlen(what), what);
	make_folders(path);
	if (arrow)
		assert_int_equal(symlink(arrow + 4, path), 0);
	else
		assert_non_null(c->file = fopen(path, "wb"));
}

static int no_dots(const struct dirent *e)
{
	return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

/* One file of the copy. What is neither that nor a folder must not be there. */
static void list_file(struct cases *c, const char *copy, const char *path)
{
	_cleanup_free_ char *ours = xasprintf("%s/%s", copy, path);
	_cleanup_free_ char *theirs = xasprintf("%s/%s", c->tree, path);
	_cleanup_free_ char *got = slurp(ours), *was = slurp(theirs);
	struct stat st;

	assert_int_equal(lstat(ours, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_non_null(was);
	if (strcmp(was, got) == 0)
		buf_addf(&c->out, "%s\n", path);
	else
		buf_addf(&c->out, "%s: %s\n", path, got);
}

static void list_copy(struct cases *c, const char *copy, const char *below)
{
	_cleanup_free_ char *folder = xasprintf("%s/%s", copy, below);
	struct dirent **all;
	int n = scandir(folder, &all, no_dots, alphasort);

	assert_true(n >= 0);
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = xasprintf("%s%s%s", below, *below ? "/" : "",
						      all[i]->d_name);

		if (all[i]->d_type == DT_DIR)
			list_copy(c, copy, path);
		else
			list_file(c, copy, path);
		free(all[i]);
	}
	free(all);
}

/*
 * The render worker sees the same tree first. A line says what it does where that is
 * not the same: built what can be copied, or refused in the same words.
 */
static void judge(struct cases *c, struct files *files, const struct render_request *r,
		  const struct err *want)
{
	struct render_answer a = { 0 };
	struct err err = ERR_INIT;
	int rc = render_run(files, r, &a, &err);

	if (rc < 0 && (err.code != want->code || strcmp(err.msg, want->msg)))
		buf_addf(&c->out, "render: error %s: %s\n", err_code_str(err.code), err.msg);
	else if (rc == 0 && a.exec_why)
		buf_adds(&c->out, "render: left to the program\n");
	else if (rc == 0 && want->code)
		buf_adds(&c->out, "render: built\n");
	render_answer_deinit(&a);
}

static void ask(struct cases *c, const char *question)
{
	size_t n = strcspn(question, " ");
	_cleanup_free_ char *path = xstrndup(question, n);
	_cleanup_free_ char *copy = xasprintf("%s/copy-%d", c->base, ++c->n_questions);
	struct err err = ERR_INIT;
	_cleanup_json_ json_t *k = doc_parse(question + n, strlen(question + n), &err);
	_cleanup_json_ json_t *source = json_pack("{s:O}", "kustomize", k);
	struct render_request r = { .path = strcmp(path, ".") == 0 ? NULL : path,
				    .source = source };
	struct files *files;

	if (!source)
		fail_msg("%s: %s: %s", c->name, question, err.msg);
	end_file(c);
	files = files_dir_open(c->tree, &err);
	assert_non_null(files);
	assert_int_equal(mkdir(copy, 0700), 0);
	if (render_materialise(files, &r, copy, &err))
		buf_addf(&c->out, "error %s: %s\n", err_code_str(err.code), err.msg);
	else
		list_copy(c, copy, "");
	judge(c, files, &r, &err);
	files_close(files);
}

static void read_cases(struct cases *c, char *text)
{
	bool answer = false;

	for (char *line; (line = strsep(&text, "\n")) && (*line || text);) {
		bool mark = !strncmp(line, "## ", 3) || !strncmp(line, "== ", 3) ||
			    !strncmp(line, "?? ", 3);

		if (answer && !mark && *line)
			continue;	/* the answer of before */
		buf_addf(&c->out, "%s\n", line);
		if (mark && *line == '#')
			start_tree(c);
		else if (mark && *line == '=')
			start_file(c, line + 3);
		else if (mark)
			ask(c, line + 3);
		else if (c->file)
			fprintf(c->file, "%s\n", line);
		answer = mark ? *line == '?' : answer;
	}
}

static void run_file(const char *name, int *n_questions)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", CASES, name);
	_cleanup_free_ char *want = slurp(path), *text = xstrdup(want);
	struct cases c = { .name = name, .base = "/tmp/syncd-kustomize-XXXXXX" };

	assert_non_null(want);
	assert_non_null(mkdtemp(c.base));
	read_cases(&c, text);
	end_file(&c);
	remove_all(c.base);
	*n_questions += c.n_questions;
	if (getenv("UPDATE_GOLDEN")) {
		FILE *f = fopen(path, "wb");

		assert_non_null(f);
		fputs(buf_str(&c.out), f);
		fclose(f);
	} else if (strcmp(want, buf_str(&c.out)) != 0) {
		fail_msg("%s:\n--- want\n%s--- got\n%s", path, want, buf_str(&c.out));
	}
	buf_deinit(&c.out);
	free(c.tree);
}

static void copies_are_as_written(void **state)
{
	struct dirent **all;
	int n = scandir(CASES, &all, no_dots, alphasort), n_questions = 0;

	(void)state;
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		run_file(all[i]->d_name, &n_questions);
		free(all[i]);
	}
	free(all);
	assert_true(n_questions >= N_QUESTIONS_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_are_as_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
