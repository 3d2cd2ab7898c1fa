/*
 * The order that Argo CD's users rely on: inside a wave, kinds come one after
 * another as in its sync engine, so that what others need exists first. Kinds
 * are compared by name alone, as there: a Knative Service ranks as a Service.
 */
#include "order.h"

#include <ctype.h>
#include <limits.h>
#include <strings.h>

static const char *const kind_order[] = {
	"Namespace", "NetworkPolicy", "ResourceQuota", "LimitRange",
	"PodSecurityPolicy", "PodDisruptionBudget", "ServiceAccount", "Secret",
	"SecretList", "ConfigMap", "StorageClass", "PersistentVolume",
	"PersistentVolumeClaim", "CustomResourceDefinition", "ClusterRole",
	"ClusterRoleList", "ClusterRoleBinding", "ClusterRoleBindingList",
	"Role", "RoleList", "RoleBinding", "RoleBindingList", "Service",
	"DaemonSet", "Pod", "ReplicationController", "ReplicaSet", "Deployment",
	"HorizontalPodAutoscaler", "StatefulSet", "Job", "CronJob",
	"IngressClass", "Ingress", "APIService",
};

int kind_rank(const char *group, const char *kind)
{
	(void)group;
	for (size_t i = 0; i < ARRAY_LEN(kind_order); i++)
		if (!strcmp(kind_order[i], kind))
			return (int)i;
	return (int)ARRAY_LEN(kind_order);
}

bool kind_is_data(const char *group, const char *kind)
{
	static const struct { const char *group, *kind; } data[] = {
		{ "", "PersistentVolumeClaim" }, { "", "PersistentVolume" },
		{ "", "Namespace" },
		{ "apiextensions.k8s.io", "CustomResourceDefinition" },
		{ "argoproj.io", "Application" }, { "argoproj.io", "AppProject" },
	};

	for (size_t i = 0; i < ARRAY_LEN(data); i++)
		if (!strcmp(data[i].group, group) && !strcmp(data[i].kind, kind))
			return true;
	return false;
}

int order_step(const char *group, const char *kind)
{
	return !strcmp(group, "admissionregistration.k8s.io") &&
	       (!strcmp(kind, "ValidatingWebhookConfiguration") ||
		!strcmp(kind, "MutatingWebhookConfiguration"));
}

int order_cmp(const void *pa, const void *pb)
{
	const struct task *a = pa, *b = pb;
	int c;

	if (a->wave != b->wave)
		return a->wave < b->wave ? -1 : 1;
	if (a->step != b->step)
		return a->step < b->step ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	c = strcmp(a->key.ns, b->key.ns);
	if (!c)
		c = strcmp(a->key.name, b->key.name);
	return c ? c : objkey_cmp(&a->key, &b->key);
}

static bool is_namespace(const struct objkey *k)
{
	return !k->group[0] && !strcmp(k->kind, "Namespace");
}

static bool is_crd(const struct objkey *k)
{
	return !strcmp(k->group, "apiextensions.k8s.io") &&
	       !strcmp(k->kind, "CustomResourceDefinition");
}

/* What a namespace or CRD is looked up by: its name, or the group it defines. */
struct hoistable {
	const char *by;
	struct task *task;
};

struct hoistables {
	struct hoistable *data;
	size_t len, cap;
};

static int compare_hoistables(const void *a, const void *b)
{
	return strcmp(((const struct hoistable *)a)->by,
		      ((const struct hoistable *)b)->by);
}

static void sort_hoistables(struct hoistables *h)
{
	if (h->len)
		qsort(h->data, h->len, sizeof(*h->data), compare_hoistables);
}

/* The first with that name or group, or one past the last. */
static size_t lower_bound(const struct hoistables *h, const char *by)
{
	size_t low = 0, high = h->len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(h->data[mid].by, by) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void raise_to(struct task *t, int wave)
{
	if (wave < t->wave)
		t->wave = wave;
}

static void hoist_namespace(const struct hoistables *h, const struct objkey *user,
			    int wave)
{
	size_t i = lower_bound(h, user->ns);

	if (user->ns[0] && i < h->len && !strcmp(h->data[i].by, user->ns))
		raise_to(h->data[i].task, wave);
}

/* Is `plural` how Kubernetes guesses the plural of kind? */
static bool fits_plural(const char *kind, const char *plural, size_t len)
{
	size_t n = strlen(kind);
	const char *end = "s";

	if (!n)
		return false;
	if (tolower((unsigned char)kind[n - 1]) == 's') {
		end = "es";
	} else if (tolower((unsigned char)kind[n - 1]) == 'y') {
		end = "ies";
		n--;
	}
	return (len == n + strlen(end) && !strncasecmp(kind, plural, n) &&
		!memcmp(plural + n, end, strlen(end))) ||
	       (len == strlen(kind) && !strncasecmp(kind, plural, len));
}

static void hoist_crd(const struct hoistables *h, const struct objkey *user, int wave)
{
	size_t first = lower_bound(h, user->group), end = first;
	bool fitted = false;

	for (; end < h->len && !strcmp(h->data[end].by, user->group); end++) {
		const char *name = h->data[end].task->key.name;
		size_t plural = (size_t)(h->data[end].by - 1 - name);

		if (!fits_plural(user->kind, name, plural))
			continue;
		raise_to(h->data[end].task, wave);
		fitted = true;
	}
	for (size_t i = first; i < end && !fitted; i++)
		raise_to(h->data[i].task, wave);
}

/* The wave before all of them. */
static int before_all(const struct task *tasks, size_t n, const struct order_hook *hooks,
		      size_t n_hooks)
{
	int first = 0;

	for (size_t i = 0; i < n; i++)
		first = tasks[i].wave < first ? tasks[i].wave : first;
	for (size_t i = 0; i < n_hooks; i++)
		first = hooks[i].wave < first ? hooks[i].wave : first;
	return first > INT_MIN ? first - 1 : first;
}

bool order_hoist(struct task *tasks, size_t n, const struct order_hook *hooks,
		 size_t n_hooks, int *ret_early)
{
	struct hoistables namespaces = { 0 }, crds = { 0 };
	int early = before_all(tasks, n, hooks, n_hooks);
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		const struct objkey *k = &tasks[i].key;
		const char *dot = is_crd(k) ? strchr(k->name, '.') : NULL;

		if (is_namespace(k))
			vec_push(&namespaces, ((struct hoistable){ k->name, &tasks[i] }));
		else if (dot)
			vec_push(&crds, ((struct hoistable){ dot + 1, &tasks[i] }));
	}
	sort_hoistables(&namespaces);
	sort_hoistables(&crds);
	for (size_t i = 0; i < n; i++) {
		hoist_namespace(&namespaces, &tasks[i].key, tasks[i].wave);
		hoist_crd(&crds, &tasks[i].key, tasks[i].wave);
	}
	for (size_t i = 0; i < n_hooks; i++) {
		int wave = hooks[i].pre_sync ? early : hooks[i].wave;

		hoist_namespace(&namespaces, &hooks[i].key, wave);
		hoist_crd(&crds, &hooks[i].key, wave);
	}
	for (size_t i = 0; i < n; i++)
		any |= tasks[i].wave == early;
	*ret_early = early;
	vec_deinit(&namespaces);
	vec_deinit(&crds);
	return any;
}
