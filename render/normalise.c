/*
 * normalise.c - what server-side apply would refuse or misread, although `kubectl
 * apply` takes it.
 *
 * A field that is null means "not set" to everybody, but would be ours to defend at
 * its default. The same environment variable twice is refused, where client-side
 * apply stores both and the last one counts. Custom kinds keep their nulls: there
 * one may be a value.
 */
#include "render_priv.h"

/* Groups of Kubernetes itself: none, "apps", "batch"..., "*.k8s.io". */
static bool is_builtin(const char *group)
{
	size_t n = strlen(group);

	return !strchr(group, '.') ||
	       (n > 7 && strcmp(group + n - 7, ".k8s.io") == 0);
}

/* The reader's cap bounds the depth. */
static void drop_nulls(struct node *n)
{
	uint32_t kept = 0;

	if (!n || n->kind == NODE_SCALAR)
		return;
	for (uint32_t i = 0; n->kind == NODE_LIST && i < n->len; i++)
		drop_nulls(n->kids[i]);
	if (n->kind == NODE_LIST)
		return;
	for (uint32_t i = 0; i < n->len; i += 2) {
		if (node_is_null(n->kids[i + 1]))
			continue;
		drop_nulls(n->kids[i + 1]);
		n->kids[kept++] = n->kids[i];
		n->kids[kept++] = n->kids[i + 1];
	}
	n->len = kept;
}

static bool is_list(const struct node *n)
{
	return n && n->kind == NODE_LIST;
}

/* Is it set again behind item i? */
static bool comes_again(const struct node *env, uint32_t i, const char *name)
{
	for (uint32_t j = i + 1; name && j < env->len; j++) {
		const char *other = node_get_str(env->kids[j], "name");

		if (other && strcmp(other, name) == 0)
			return true;
	}
	return false;
}

static void last_counts(struct collect *c, struct rendered *o, struct node *env)
{
	uint32_t kept = 0, n = is_list(env) ? env->len : 0;

	if (n > 2000)
		return;		/* the server says it, too; this takes n squared */
	for (uint32_t i = 0; i < n; i++) {
		const char *name = node_get_str(env->kids[i], "name");

		if (comes_again(env, i, name))
			collect_warn(c, "%s/%s: the environment variable %.80s is set "
				     "twice (line %u); the last one counts", o->kind,
				     o->name, name, env->kids[i]->line);
		else
			env->kids[kept++] = env->kids[i];
	}
	if (is_list(env))
		env->len = kept;
}

void normalise(struct collect *c, struct rendered *o, struct node *n)
{
	static const char *const lists[] = { "initContainers", "containers" };
	const struct node *pods = pods_spec(n);

	if (is_builtin(o->group))
		drop_nulls(node_get(n, "spec"));
	for (size_t i = 0; pods && i < ARRAY_LEN(lists); i++) {
		const struct node *list = node_get(pods, lists[i]);

		for (uint32_t j = 0; is_list(list) && j < list->len; j++)
			last_counts(c, o, node_get(list->kids[j], "env"));
	}
}
