/* kustcases.c - reads and checks cases that lie in files. */
#include "kustcases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static char *read_all(const char *path)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	FILE *f = fopen(path, "re");
	char chunk[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&text, chunk, n);
	fclose(f);
	return buf_steal(&text, NULL);
}

/* What stands between a line "-- name" and the next line that begins a part. */
static char *part(const char *from, const char *to, const char *name)
{
	_cleanup_free_ char *mark = xasprintf("\n-- %s\n", name);
	const char *at = strstr(from, mark), *end;

	assert_true(at && at < to);
	at += strlen(mark);
	end = strstr(at - 1, "\n-- ");
	if (!end || end >= to)
		end = to;
	return end < at ? xstrdup("") : xstrndup(at, (size_t)(end - at));
}

static struct kustcase one(const char *at, const char *end)
{
	return (struct kustcase){
		.title = xstrndup(at, strcspn(at, "\n")), .base = part(at, end, "base"),
		.patch = part(at, end, "patch"), .want = part(at, end, "want") };
}

struct kustcase *kustcases_read(const char *name, size_t *n)
{
	_cleanup_free_ char *path = xasprintf(SOURCE_DIR "/tests/unit/data/kust/%s.txt",
					      name);
	_cleanup_free_ char *text = read_all(path);
	VEC(struct kustcase) cases = { 0 };

	for (const char *at = strstr(text, "\n== "); at;) {
		const char *next = strstr(at + 1, "\n== ");

		vec_push(&cases, one(at + 4, next ? next : text + strlen(text)));
		at = next;
	}
	assert_true(cases.len > 0);
	*n = cases.len;
	return cases.data;
}

void kustcases_free(struct kustcase *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(cases[i].title);
		free(cases[i].base);
		free(cases[i].patch);
		free(cases[i].want);
	}
	free(cases);
}

struct node *kustcases_tree(struct kust *k, const char *title, const char *text)
{
	struct node_reader *r = node_reader_new(text, strlen(text));
	struct err err = ERR_INIT;
	struct node *n = NULL;

	if (node_read(r, &k->arena, &n, &err) < 0)
		fail_msg("%s: %s", title, err.msg);
	node_reader_free(r);
	return n;
}

static bool differs(const struct kustcase *c, const char *got, const char *want)
{
	print_error("%s:\n got  %s\n want %s\n", c->title, got, want);
	return false;
}

bool kustcases_check(const struct kustcase *c, struct kust *k, int r,
		     const struct node *root, const struct err *err)
{
	_cleanup_buf_ struct buf got = BUF_INIT, want = BUF_INIT;
	struct err failed = ERR_INIT;
	struct node *canonical = NULL;

	if (strncmp(c->want, "error", 5) == 0)
		return (r < 0 && err->code == ERR_INVALID && *err->msg) ||
		       differs(c, r < 0 ? err->msg : "success", "an error");
	if (r < 0)
		return differs(c, err->msg, c->want);
	if (root && (node_canonical(&k->arena, root, &canonical, &failed) < 0 ||
		     node_to_json(canonical, &got, &failed) < 0))
		return differs(c, failed.msg, c->want);
	if (strspn(c->want, "\n") != strlen(c->want) &&
	    node_to_json(kustcases_tree(k, c->title, c->want), &want, &failed) < 0)
		return differs(c, failed.msg, c->want);
	return strcmp(buf_str(&got), buf_str(&want)) == 0 ||
	       differs(c, buf_str(&got), buf_str(&want));
}
