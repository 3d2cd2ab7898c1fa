/*
 * kustyaml.c - YAML on stdin as Kustomize prints it, on stdout: what the cases in
 * tests/golden/kustyaml are compared by, for a look at one more.
 */
#include <stdio.h>

#include "core/node.h"

static void read_all(struct buf *b)
{
	char chunk[65536];
	size_t n;

	while ((n = fread(chunk, 1, sizeof(chunk), stdin)) > 0)
		buf_add(b, chunk, n);
}

static int print_all(const struct buf *in, struct buf *out, struct err *err)
{
	struct node_reader *r = node_reader_new3(buf_str(in), in->len);
	struct arena a = { 0 };
	struct node *n;
	int got;

	while ((got = node_read(r, &a, &n, err)) > 0) {
		struct node *c;

		if (node_is_null(n))
			continue;
		if (out->len)
			buf_adds(out, "---\n");
		if (node_canonical(&a, n, &c, err) < 0 || node_to_yaml(c, out, err) < 0) {
			got = -1;
			break;
		}
	}
	node_reader_free(r);
	arena_deinit(&a);
	return got;
}

int main(void)
{
	_cleanup_buf_ struct buf in = BUF_INIT, out = BUF_INIT;
	struct err err = ERR_INIT;

	read_all(&in);
	if (print_all(&in, &out, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	fwrite(buf_str(&out), 1, out.len, stdout);
	return 0;
}
