/*
 * result.c - what a build gave, object by object, and as the reference prints it.
 *
 * An object's printed form is made in a small arena that is used again and again.
 */
#include "render/kustomize.h"

#define SCRATCH_MAX ((size_t)256 << 10)	/* bytes kept from object to object */

static int blame(const struct kust_object *o, struct err *err)
{
	if (*o->file)
		return err_wrap(err, "%s:%u: %s/%s", o->file, o->line, o->kind, o->name);
	return err_wrap(err, "%s/%s", o->kind, o->name);
}

int kust_result_each(const struct kust_result *r,
		     int (*fn)(void *arg, const struct kust_object *o, struct node *n,
			       struct arena *a, struct err *err),
		     void *arg, struct err *err)
{
	_cleanup_(arena_deinit) struct arena a = { 0 };

	for (size_t i = 0; i < r->n_objects; i++) {
		const struct kust_object *o = &r->objects[i];
		struct node *n;

		if (a.used > SCRATCH_MAX)
			arena_deinit(&a);
		if (node_canonical(&a, o->root, &n, err) < 0)
			return blame(o, err);
		if (fn && fn(arg, o, n, &a, err) < 0)
			return -1;
	}
	return 0;
}

static int print(void *arg, const struct kust_object *o, struct node *n,
		 struct arena *a, struct err *err)
{
	struct buf *out = arg;

	(void)o;
	(void)a;
	if (out->len)
		buf_adds(out, "---\n");
	return node_to_yaml(n, out, err);
}

int kust_result_yaml(const struct kust_result *r, struct buf *out, struct err *err)
{
	return kust_result_each(r, print, out, err);
}
