/*
 * replicas.c - the number of replicas of workloads by name (filters/replicacount). A
 * name that none of the kinds of the field specs has, now or before, is an error.
 */
#include <inttypes.h>

#include "transform.h"

static int set_count(struct kust *k, struct kres *r, struct node *n, void *arg,
		     struct err *err)
{
	(void)k;
	(void)r;
	return kset_scalar(n, arg, KSET_INT, err);
}

static bool is_selected(const struct kid *id, const char *name,
			const struct kfieldspec *spec)
{
	return strcmp(id->name, name) == 0 && kgvk_selected(&id->gvk, &spec->gvk);
}

static bool has_selected(const struct kres *r, const char *name,
			 const struct kfieldspec *spec)
{
	for (size_t i = 0; i < r->prev.len; i++) {
		if (is_selected(r->prev.data + i, name, spec))
			return true;
	}
	return is_selected(&r->id, name, spec);
}

int kust_replicas(struct kust *k, struct kmap *m, const struct kreplica *replica,
		  const struct kfieldspecs *specs, struct err *err)
{
	_cleanup_kres_list_ struct kres_list list = { 0 };
	char *count = arena_printf(&k->arena, "%" PRId64, replica->count);
	bool found = false;

	kmap_by_any_name(m, replica->name, &list);
	for (size_t i = 0; i < specs->len; i++) {
		for (size_t j = 0; j < list.len; j++) {
			if (!has_selected(list.data[j], replica->name, specs->data + i))
				continue;
			found = true;
			if (kfieldspec_apply(k, list.data[j], specs->data + i, NODE_SCALAR,
					     set_count, count, err) < 0)
				return -1;
		}
	}
	if (found)
		return 0;
	return err_set(err, ERR_INVALID, "replicas: no workload is called '%s' (of a kind "
		       "that has a field for replicas); correct the name", replica->name);
}
