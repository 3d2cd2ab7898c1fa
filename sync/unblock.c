#include "unblock.h"

/* kind NULL: every kind of the group. */
static const struct {
	const char *group, *kind;
	enum blocker blocks;
} kinds[] = {
	{ "admissionregistration.k8s.io", NULL, BLOCKS_REQUESTS },
	{ "apiregistration.k8s.io", "APIService", BLOCKS_REQUESTS },
	/* Policy engines answer a webhook from objects of their own. */
	{ "kyverno.io", "ClusterPolicy", BLOCKS_REQUESTS },
	{ "kyverno.io", "Policy", BLOCKS_REQUESTS },
	{ "policies.kyverno.io", NULL, BLOCKS_REQUESTS },
	{ "constraints.gatekeeper.sh", NULL, BLOCKS_REQUESTS },
	{ "", "ResourceQuota", BLOCKS_OBJECTS },
	{ "", "LimitRange", BLOCKS_OBJECTS },
	{ "networking.k8s.io", "NetworkPolicy", BLOCKS_OBJECTS },
	{ "policy.networking.k8s.io", NULL, BLOCKS_OBJECTS },
	{ "cilium.io", "CiliumNetworkPolicy", BLOCKS_OBJECTS },
	{ "cilium.io", "CiliumClusterwideNetworkPolicy", BLOCKS_OBJECTS },
	{ "projectcalico.org", "NetworkPolicy", BLOCKS_OBJECTS },
	{ "projectcalico.org", "GlobalNetworkPolicy", BLOCKS_OBJECTS },
	{ "crd.projectcalico.org", "NetworkPolicy", BLOCKS_OBJECTS },
	{ "crd.projectcalico.org", "GlobalNetworkPolicy", BLOCKS_OBJECTS },
};

enum blocker blocker_kind(const char *group, const char *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(kinds[i].group, group) &&
		    (!kinds[i].kind || !strcmp(kinds[i].kind, kind)))
			return kinds[i].blocks;
	return BLOCKS_NOTHING;
}

static bool is_due(const struct task *t, enum blocker stage)
{
	return (t->verb == TASK_APPLY || t->verb == TASK_PRUNE) &&
	       blocker_kind(t->key.group, t->key.kind) == stage;
}

const struct task *unblock_next(const struct plan *p, enum blocker stage,
				size_t *pos)
{
	while (*pos < p->tasks.len + p->prunes.len) {
		size_t i = (*pos)++;
		const struct task *t = i < p->tasks.len ? &p->tasks.data[i] :
				       &p->prunes.data[i - p->tasks.len];

		if (is_due(t, stage))
			return t;
	}
	return NULL;
}
