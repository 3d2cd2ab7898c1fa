/* result.c - what a build gave, as the reference prints it. */
#include "render/kustomize.h"

int kust_result_yaml(const struct kust_result *r, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < r->n_objects; i++) {
		if (i)
			buf_adds(out, "---\n");
		if (node_to_yaml(r->objects[i].root, out, err) < 0)
			return -1;
	}
	return 0;
}
