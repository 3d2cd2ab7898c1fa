/*
 * pods.c - what an object's pods use: images, and the objects they read; of an
 * autoscaler, what it scales.
 *
 * Found by shape rather than by a table of kinds, so that a Rollout or any other
 * custom workload with a pod template counts too. Nothing here fails: what has an
 * unexpected type is not mentioned.
 */
#include "core/mem.h"
#include "render_priv.h"

/* A list of words, each once, in order of appearance. */
static void add_word(struct buf *list, const char *word)
{
	size_t n = strlen(word);
	const char *at = buf_str(list);

	if (!n || strpbrk(word, " \t\r\n"))
		return;
	while ((at = strstr(at, word))) {
		if ((at == buf_str(list) || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
			return;
		at += n;
	}
	if (list->len)
		buf_addc(list, ' ');
	buf_add(list, word, n);
}

static void add_ref(struct buf *refs, const char *kind, const char *name)
{
	_cleanup_free_ char *ref = NULL;

	if (!name)
		return;
	ref = xasprintf("%s/%s", kind, name);
	add_word(refs, ref);
}

static bool is_list(const struct node *n)
{
	return n && n->kind == NODE_LIST;
}

static void env_refs(const struct node *container, struct buf *refs)
{
	const struct node *env = node_get(container, "env");
	const struct node *from = node_get(container, "envFrom");

	for (uint32_t i = 0; is_list(env) && i < env->len; i++) {
		const struct node *v = node_get(env->kids[i], "valueFrom");

		add_ref(refs, "ConfigMap", node_get_str(node_get(v, "configMapKeyRef"), "name"));
		add_ref(refs, "Secret", node_get_str(node_get(v, "secretKeyRef"), "name"));
	}
	for (uint32_t i = 0; is_list(from) && i < from->len; i++) {
		const struct node *f = from->kids[i];

		add_ref(refs, "ConfigMap", node_get_str(node_get(f, "configMapRef"), "name"));
		add_ref(refs, "Secret", node_get_str(node_get(f, "secretRef"), "name"));
	}
}

static void source_refs(const struct node *v, struct buf *refs)
{
	const struct node *projected = node_find(v, "projected", "sources", NULL);
	const char *secret = node_get_str(node_get(v, "secret"), "secretName");

	add_ref(refs, "ConfigMap", node_get_str(node_get(v, "configMap"), "name"));
	/* In a projected source the field is `name`. */
	add_ref(refs, "Secret", secret ? secret :
		node_get_str(node_get(v, "secret"), "name"));
	add_ref(refs, "PersistentVolumeClaim",
		node_get_str(node_get(v, "persistentVolumeClaim"), "claimName"));
	for (uint32_t i = 0; is_list(projected) && i < projected->len; i++) {
		const struct node *s = projected->kids[i];

		add_ref(refs, "ConfigMap", node_get_str(node_get(s, "configMap"), "name"));
		add_ref(refs, "Secret", node_get_str(node_get(s, "secret"), "name"));
	}
}

static void pod_refs(const struct node *spec, struct buf *refs)
{
	const struct node *volumes = node_get(spec, "volumes");
	const struct node *pulls = node_get(spec, "imagePullSecrets");

	for (uint32_t i = 0; is_list(volumes) && i < volumes->len; i++)
		source_refs(volumes->kids[i], refs);
	for (uint32_t i = 0; is_list(pulls) && i < pulls->len; i++)
		add_ref(refs, "Secret", node_get_str(pulls->kids[i], "name"));
	add_ref(refs, "ServiceAccount", node_get_str(spec, "serviceAccountName"));
}

struct node *pods_spec(const struct node *object)
{
	const char *kind = node_get_str(object, "kind");
	struct node *spec = node_find(object, "spec", "jobTemplate", "spec", "template",
				      "spec", NULL);

	if (kind && strcmp(kind, "Pod") == 0)
		spec = node_get(object, "spec");
	if (!spec)
		spec = node_find(object, "spec", "template", "spec", NULL);
	if (!spec)
		spec = node_find(object, "template", "spec", NULL);
	return is_list(node_get(spec, "containers")) ? spec : NULL;
}

const struct node *pods_labels(const struct node *object)
{
	const char *kind = node_get_str(object, "kind");
	const struct node *template = node_find(object, "spec", "jobTemplate", "spec",
						"template", NULL);

	if (!pods_spec(object))
		return NULL;
	if (kind && strcmp(kind, "Pod") == 0)
		template = object;
	if (!template)
		template = node_find(object, "spec", "template", NULL);
	if (!template)
		template = node_get(object, "template");
	return node_find(template, "metadata", "labels", NULL);
}

/* What an autoscaler sets the replicas of; a ScaledObject's default is a Deployment. */
static void scaler_refs(const struct rendered *o, const struct node *object,
			struct buf *refs)
{
	const struct node *target = node_find(object, "spec", "scaleTargetRef", NULL);
	const char *kind = node_get_str(target, "kind");

	if (strcmp(o->kind, "HorizontalPodAutoscaler") == 0 ||
	    strcmp(o->kind, "ScaledObject") == 0)
		add_ref(refs, kind ? kind : "Deployment", node_get_str(target, "name"));
}

void pods_read(struct rendered *o, const struct node *object)
{
	static const char *const lists[] = { "initContainers", "containers",
					     "ephemeralContainers" };
	_cleanup_buf_ struct buf images = BUF_INIT, refs = BUF_INIT;
	const struct node *spec = pods_spec(object);

	for (size_t i = 0; spec && i < ARRAY_LEN(lists); i++) {
		const struct node *list = node_get(spec, lists[i]);

		for (uint32_t j = 0; is_list(list) && j < list->len; j++) {
			const char *image = node_get_str(list->kids[j], "image");

			add_word(&images, image ? image : "");
			env_refs(list->kids[j], &refs);
		}
	}
	if (spec)
		pod_refs(spec, &refs);
	scaler_refs(o, object, &refs);
	o->images = buf_steal(&images, NULL);
	o->refs = buf_steal(&refs, NULL);
}
