/*
 * Lines: a regular expression, a text, a label selector, a map of labels. Each either
 * fits, does not, or is refused, within its bounds.
 */
#include <stdint.h>

#include "render/kustomize/kust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int r, const struct err *err)
{
	if (r < -1 || r > 1)
		abort();
	if (r < 0 && ((err->code != ERR_INVALID && err->code != ERR_LIMIT) || !*err->msg))
		abort();
}

static void labels(struct kust *k, const char *selector, const char *map)
{
	struct node_reader *r = node_reader_new(map, strlen(map));
	struct err err = ERR_INIT;
	struct node *n = NULL;

	if (node_read(r, &k->arena, &n, &err) > 0)
		check(klabels_match(k, selector, n, &err), &err);
	node_reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct kust_options none;
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	const char *line[4] = { "", "", "", "" };
	struct err err = ERR_INIT;
	char *rest = text;
	struct kust k;

	for (int i = 0; i < 4 && rest; i++)
		line[i] = strsep(&rest, "\n");
	kust_init(&k, NULL, &none);
	check(kregex_match(&k, line[0], line[1], &err), &err);
	check(kregex_search(&k, line[0], line[1], &err), &err);
	labels(&k, line[2], line[3]);
	kust_deinit(&k);
	return 0;
}
