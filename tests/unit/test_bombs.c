/*
 * Input made to cost much: refused, with little time and memory. Each bomb is read
 * in a child of its own, whose CPU time and peak memory are what is judged (under a
 * sanitizer only the refusal, and a generous time).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mem.h"
#include "render/render.h"
#include "tree_files.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define MIB ((size_t)1 << 20)

static void repeat(struct buf *b, const char *s, size_t times)
{
	for (size_t i = 0; i < times; i++)
		buf_adds(b, s);
}

static void billion_laughs(struct buf *b)
{
	buf_adds(b, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 30; i++)
		buf_addf(b, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n",
			 i, i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
}

/* Short aliases to one big anchor. */
static void quadratic_aliases(struct buf *b)
{
	buf_adds(b, "a: &a [");
	repeat(b, "x,", 20000);
	buf_adds(b, "x]\nb: [");
	repeat(b, "*a,", 100000);
	buf_adds(b, "*a]\n");
}

static void many_anchors(struct buf *b)
{
	buf_adds(b, "# or it would be left out as no manifest: kind\n");
	for (int i = 0; i < 250000; i++)
		buf_addf(b, "- &a%d x\n- *a%d\n", i, i);
	buf_adds(b, "- *nope\n");
}

static void merges_of_merges(struct buf *b)
{
	buf_adds(b, "a0: &a0 {k0: 1}\n");
	for (int i = 1; i < 20000; i++)
		buf_addf(b, "a%d: &a%d {<<: *a%d, k%d: 1}\n", i, i, i - 1, i);
}

static void deep_flow(struct buf *b) { repeat(b, "[", 100000); }
static void deep_flow_maps(struct buf *b) { repeat(b, "{a: ", 100000); }
static void deep_json(struct buf *b) { repeat(b, "{\"a\":", 100000); }
static void deep_block(struct buf *b) { repeat(b, "- ", 100000); }

static void deep_lines(struct buf *b)
{
	for (int i = 0; i < 2000; i++) {
		repeat(b, " ", (size_t)i);
		buf_adds(b, "a:\n");
	}
}

static void wide(struct buf *b)
{
	buf_adds(b, "a: [");
	repeat(b, "[],", 5 * MIB);
}

static void wide_json(struct buf *b)
{
	buf_adds(b, "{\"a\":[");
	repeat(b, "1,", 7 * MIB);
}

static void many_keys(struct buf *b)
{
	buf_adds(b, "kind: Many\n");
	for (int i = 0; i < 250000; i++)
		buf_addf(b, "k%d: 1\n", i);
	buf_adds(b, "k5: 1\n");
}

static void long_text(struct buf *b)
{
	buf_adds(b, "a: \"");
	repeat(b, "0123456789abcdef", MIB * 15 / 16);
	buf_adds(b, "\"\n");
}

static void long_plain(struct buf *b)
{
	buf_adds(b, "a: ");
	repeat(b, "0123456789abcdef", MIB * 15 / 16);
}

static void long_number(struct buf *b)
{
	buf_adds(b, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: ");
	repeat(b, "1234567890", MIB / 3);
	buf_adds(b, "}\n");
}

static void long_key(struct buf *b)
{
	buf_adds(b, "? ");
	repeat(b, "0123456789abcdef", MIB * 15 / 16);
	buf_adds(b, "\n: 1\n");
}

static void tag_directives(struct buf *b)
{
	for (int i = 0; i < 400000; i++)
		buf_addf(b, "%%TAG !t%d! tag:x\n", i);
	buf_adds(b, "--- a\n");
}

static void many_documents(struct buf *b)
{
	repeat(b, "---\napiVersion: v1\nkind: A\nmetadata: {generateName: a, "
	       "annotations: {helm.sh/hook: x}}\n", 25000);
}

static void hundred_mib(struct buf *b)
{
	repeat(b, "# 0123456789abcdef\n", 100 * MIB / 19);
}

static const struct bomb {
	const char *name;
	void (*make)(struct buf *b);
	enum err_code want;
} bombs[] = {
	{ "billion laughs", billion_laughs, ERR_LIMIT },
	{ "quadratic aliases", quadratic_aliases, ERR_LIMIT },
	{ "many anchors", many_anchors, ERR_INVALID },
	{ "merges of merges", merges_of_merges, ERR_LIMIT },
	{ "deep flow lists", deep_flow, ERR_LIMIT },
	{ "deep flow maps", deep_flow_maps, ERR_LIMIT },
	{ "deep JSON", deep_json, ERR_LIMIT },
	{ "deep block lists", deep_block, ERR_LIMIT },
	{ "deep block maps", deep_lines, ERR_LIMIT },
	{ "wide lists", wide, ERR_LIMIT },
	{ "wide JSON", wide_json, ERR_LIMIT },
	{ "many keys", many_keys, ERR_INVALID },
	{ "a long text", long_text, ERR_LIMIT },
	{ "a long plain text", long_plain, ERR_LIMIT },
	{ "a long number", long_number, ERR_LIMIT },
	{ "a long key", long_key, ERR_LIMIT },
	{ "tag directives", tag_directives, ERR_LIMIT },
	{ "many documents", many_documents, ERR_LIMIT },
	{ "a file of 100 MiB", hundred_mib, ERR_LIMIT },
};

/* Exit status 0 when the bomb was refused as it should be. */
static int child(const struct bomb *bomb, const char *text)
{
	struct tree_file files[] = { { "bomb.yaml", text }, { NULL, NULL } };
	struct render_request r = { 0 };
	struct render_answer a;
	struct tree_files t;
	struct err err = ERR_INIT;

	tree_files_init(&t, files);
	if (!render_run(&t.files, &r, &a, &err)) {
		render_answer_deinit(&a);
		return 2;
	}
	if (err.code != bomb->want)
		fprintf(stderr, "%s: %s\n", bomb->name, err.msg);
	return err.code == bomb->want ? 0 : 1;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void judge(const struct bomb *bomb)
{
	struct buf text = BUF_INIT_MAX(256 * MIB);
	struct rusage use;
	double cpu;
	long kib;
	int status;
	pid_t pid;

	bomb->make(&text);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		alarm(60);
		_exit(child(bomb, buf_str(&text)));
	}
	assert_true(pid > 0);
	assert_int_equal(wait4(pid, &status, 0, &use), pid);
	if (status)
		fail_msg("%s: status %x", bomb->name, (unsigned)status);
	cpu = seconds(use.ru_utime) + seconds(use.ru_stime);
	/* The peak counts the text as we made it, too. */
	kib = use.ru_maxrss - (long)(text.len / 1024);
	print_message("%-20s %6.2f s %6ld KiB\n", bomb->name, cpu, kib);
	assert_true(cpu < (SANITIZED ? 30 : 1));
	if (!SANITIZED)
		assert_true(kib < 64 * 1024);
	buf_deinit(&text);
}

static void bombs_are_refused_cheaply(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bombs); i++)
		judge(&bombs[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bombs_are_refused_cheaply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
