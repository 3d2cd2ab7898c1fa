/*
 * What is a map, an atomic value, a keyed list or a set, for ownership of fields.
 * Built-in kinds: a table of field names with their parents, from the
 * x-kubernetes-list-type and -map-type marks of the Kubernetes OpenAPI. Custom
 * kinds: their own schema.
 */
#include "apiint.h"

struct keyed {
	const char *parent, *field;	/* parent NULL: any */
	const char *keys;		/* sorted, ';' between; '=' default; "" = set */
};

static const struct keyed keyed[] = {
	{ "metadata", "finalizers", "" },
	{ "metadata", "ownerReferences", "uid" },
	{ "spec", "containers", "name" },
	{ "spec", "initContainers", "name" },
	{ "spec", "ephemeralContainers", "name" },
	{ "spec", "volumes", "name" },
	{ "spec", "imagePullSecrets", "name" },
	{ "spec", "hostAliases", "ip" },
	{ "spec", "schedulingGates", "name" },
	{ "spec", "resourceClaims", "name" },
	{ "spec", "topologySpreadConstraints", "topologyKey;whenUnsatisfiable" },
	{ "containers", "ports", "containerPort;protocol=TCP" },
	{ "initContainers", "ports", "containerPort;protocol=TCP" },
	{ "containers", "env", "name" },
	{ "initContainers", "env", "name" },
	{ "containers", "volumeMounts", "mountPath" },
	{ "initContainers", "volumeMounts", "mountPath" },
	{ "containers", "volumeDevices", "devicePath" },
	{ "status", "conditions", "type" },
	{ "status", "podIPs", "ip" },
	{ NULL, "imagePullSecrets", "name" },
	{ NULL, "webhooks", "name" },
	{ "webhooks", "matchConditions", "name" },
};

/* Only where the kind says so: the same names mean other things elsewhere. */
static const struct {
	const char *kind;
	struct keyed k;
} keyed_by_kind[] = {
	{ "Service", { "spec", "ports", "port;protocol=TCP" } },
	{ "ServiceAccount", { NULL, "secrets", "name" } },
	{ "Namespace", { "spec", "finalizers", NULL } },
};

static const char *const atomic_maps[] = {
	"selector", "labelSelector", "namespaceSelector", "podSelector",
	"objectSelector", "nodeSelector", "secretKeyRef", "configMapKeyRef",
	"fieldRef", "resourceFieldRef", "roleRef", "secretRef", "targetRef",
	"involvedObject", "claimRef", "dataSource", "aggregationRule",
	"paramKind", NULL
};

/* Maps whose keys are the user's. */
static const char *const free_maps[] = {
	"labels", "annotations", "data", "binaryData", "stringData", "limits",
	"requests", "matchLabels", "hard", "used", "capacity", "allocatable",
	"parameters", "csi", "options", NULL
};

static bool among(const char *const *list, const char *s)
{
	for (; *list; list++)
		if (s && !strcmp(*list, s))
			return true;
	return false;
}

struct api_pos api_pos_root(const struct api_type *t)
{
	return (struct api_pos){
		.type = t, .custom = t->custom, .crd = t->schema,
		.deduced = t->custom && !t->schema, .field = "", .parent = "",
	};
}

static const json_t *crd_child(const json_t *schema, const char *key)
{
	const json_t *c = doc_get(schema, "properties", key, NULL);

	if (!c)
		c = doc_get(schema, "additionalProperties", NULL);
	return json_is_object(c) ? c : NULL;
}

struct api_pos api_pos_child(const struct api_pos *p, const char *key)
{
	struct api_pos c = *p;
	bool root = p->custom && !*p->field && !*p->parent;

	c.parent = p->field;
	c.field = key;
	if (root && !strcmp(key, "metadata")) {
		c.custom = c.deduced = false;	/* as everywhere */
		c.crd = NULL;
	} else if (p->custom && !p->deduced) {
		c.crd = crd_child(p->crd, key);
		c.deduced = !c.crd;
	}
	if (root)
		c.parent = "/";
	return c;
}

struct api_pos api_pos_item(const struct api_pos *p)
{
	struct api_pos c = *p;

	if (p->custom && !p->deduced) {
		c.crd = doc_get(p->crd, "items", NULL);
		c.deduced = !c.crd;
	}
	return c;
}

static bool fits(const struct keyed *k, const struct api_pos *p)
{
	return !strcmp(k->field, p->field) &&
	       (!k->parent || !strcmp(k->parent, p->parent));
}

static const char *builtin_keys(const struct api_pos *p)
{
	for (size_t i = 0; i < ARRAY_LEN(keyed_by_kind); i++)
		if (!strcmp(keyed_by_kind[i].kind, p->type->kind) &&
		    fits(&keyed_by_kind[i].k, p))
			return keyed_by_kind[i].k.keys;
	for (size_t i = 0; i < ARRAY_LEN(keyed); i++)
		if (fits(&keyed[i], p))
			return keyed[i].keys;
	return NULL;
}

static enum api_shape custom_shape(const struct api_pos *p, const json_t *value)
{
	const char *how;

	if (p->deduced)
		return json_is_object(value) ? SHAPE_MAP : SHAPE_LEAF;
	if (json_is_object(value)) {
		how = doc_get_str(p->crd, "x-kubernetes-map-type", NULL);
		return how && !strcmp(how, "atomic") ? SHAPE_LEAF : SHAPE_MAP;
	}
	how = doc_get_str(p->crd, "x-kubernetes-list-type", NULL);
	return how && !strcmp(how, "map") ? SHAPE_LIST_MAP :
	       how && !strcmp(how, "set") ? SHAPE_SET : SHAPE_LEAF;
}

enum api_shape api_pos_shape(const struct api_pos *p, const json_t *value)
{
	const char *keys;

	if (!json_is_object(value) && !json_is_array(value))
		return SHAPE_LEAF;
	if (p->custom)
		return custom_shape(p, value);
	if (json_is_object(value))
		return among(atomic_maps, p->field) ? SHAPE_LEAF : SHAPE_MAP;
	keys = builtin_keys(p);
	return !keys ? SHAPE_LEAF : *keys ? SHAPE_LIST_MAP : SHAPE_SET;
}

bool api_pos_declared(const struct api_pos *p, const char *key)
{
	if (p->deduced)
		return false;
	if (p->custom && !(!*p->field && !strcmp(key, "metadata")))
		return doc_get(p->crd, "properties", key, NULL) != NULL;
	return !among(free_maps, p->field);
}

static void add_key(json_t *o, const json_t *item, const char *key,
		    const char *fallback)
{
	json_t *v = json_object_get(item, key);

	if (v)
		json_object_set(o, key, v);
	else if (fallback)
		json_object_set_new(o, key, json_string(fallback));
}

static json_t *builtin_item(const char *keys, const json_t *item)
{
	json_t *o = json_object();
	_cleanup_free_ char *copy = xstrdup(keys);
	char *save = NULL;

	for (char *k = strtok_r(copy, ";", &save); k; k = strtok_r(NULL, ";", &save)) {
		char *eq = strchr(k, '=');

		if (eq)
			*eq++ = '\0';
		add_key(o, item, k, eq);
	}
	return o;
}

static json_t *custom_item(const json_t *schema, const json_t *item)
{
	json_t *o = json_object();
	const json_t *keys = doc_get(schema, "x-kubernetes-list-map-keys", NULL);

	for (size_t i = 0; i < json_array_size(keys); i++) {
		const char *k = json_string_value(json_array_get(keys, i));

		add_key(o, item, k, doc_get_str(schema, "items", "properties", k,
						"default", NULL));
	}
	return o;
}

char *api_item_key(const struct api_pos *p, const json_t *item)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_json_ json_t *keys = NULL;

	if (!json_is_object(item)) {
		buf_adds(&b, "v:");
		doc_canonical(item, &b);
		return buf_steal(&b, NULL);
	}
	keys = p->custom ? custom_item(p->crd, item) :
	       builtin_item(builtin_keys(p), item);
	buf_adds(&b, "k:");
	doc_canonical(keys, &b);
	return buf_steal(&b, NULL);
}

/* ---- what apply refuses ---- */

/* The fields of the places where people most often misspell one. */
static const struct {
	const char *kind, *parent, *field, *names;
} known[] = {
	{ "ConfigMap", NULL, "", " apiVersion kind metadata data binaryData immutable " },
	{ "Secret", NULL, "", " apiVersion kind metadata data stringData type immutable " },
	{ "Deployment", NULL, "", " apiVersion kind metadata spec status " },
	{ "Deployment", "", "spec", " replicas selector template strategy minReadySeconds "
		"revisionHistoryLimit paused progressDeadlineSeconds " },
	{ "Service", "", "spec", " ports selector clusterIP clusterIPs type externalIPs "
		"sessionAffinity loadBalancerIP loadBalancerSourceRanges externalName "
		"externalTrafficPolicy healthCheckNodePort publishNotReadyAddresses "
		"sessionAffinityConfig ipFamilies ipFamilyPolicy loadBalancerClass "
		"allocateLoadBalancerNodePorts internalTrafficPolicy trafficDistribution " },
	{ "Deployment", "spec", "containers", " name image command args workingDir ports "
		"envFrom env resources resizePolicy restartPolicy restartPolicyRules "
		"volumeMounts volumeDevices livenessProbe readinessProbe startupProbe "
		"lifecycle terminationMessagePath terminationMessagePolicy "
		"imagePullPolicy securityContext stdin stdinOnce tty " },
};

static bool undeclared(const struct api_pos *p, const char *key)
{
	_cleanup_free_ char *word = xasprintf(" %s ", key);

	if (p->deduced)
		return false;
	if (p->custom && !*p->field &&
	    strstr(" apiVersion kind metadata ", word))
		return false;
	if (p->custom)
		return doc_get(p->crd, "properties", NULL) &&
		       !doc_get(p->crd, "properties", key, NULL) &&
		       !doc_get(p->crd, "additionalProperties", NULL) &&
		       !doc_get_bool(p->crd, false,
				     "x-kubernetes-preserve-unknown-fields", NULL);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (!strcmp(known[i].kind, p->type->kind) &&
		    !strcmp(known[i].field, p->field) &&
		    (!known[i].parent || !strcmp(known[i].parent, p->parent)))
			return !strstr(known[i].names, word);
	return false;
}

static void index_text(const char *key, struct buf *out)
{
	_cleanup_json_ json_t *j = doc_parse(key + 2, strlen(key + 2), NULL);
	bool first = true;

	buf_addc(out, '[');
	if (*key == 'v')
		buf_addf(out, "=%s", key + 2);
	for (void *it = json_object_iter(j); it && *key == 'k';
	     it = json_object_iter_next(j, it)) {
		buf_addf(out, "%s%s=", first ? "" : ",", json_object_iter_key(it));
		doc_write(json_object_iter_value(it), out);
		first = false;
	}
	buf_addc(out, ']');
}

static int check(const struct api_pos *p, const json_t *v, struct buf *path,
		 struct buf *why);

static int check_map(const struct api_pos *p, const json_t *v, struct buf *path,
		     struct buf *why)
{
	size_t len = path->len;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)v, key, value) {
		struct api_pos c = api_pos_child(p, key);

		buf_addf(path, ".%s", key);
		if (undeclared(p, key)) {
			buf_addf(why, "%s: field not declared in schema",
				 buf_str(path));
			return -1;
		}
		if (check(&c, value, path, why))
			return -1;
		path->len = len;
		path->data[len] = '\0';
	}
	return 0;
}

static int check_list(const struct api_pos *p, const json_t *v, struct buf *path,
		      struct buf *why)
{
	_cleanup_json_ json_t *seen = json_object();
	struct api_pos c = api_pos_item(p);
	size_t len = path->len;
	bool keys = api_pos_shape(p, v) != SHAPE_LEAF;

	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *item = json_array_get(v, i);
		_cleanup_free_ char *key = keys ? api_item_key(p, item) : NULL;

		if (keys && json_object_get(seen, key)) {
			buf_addf(why, "%s: duplicate entries for key ",
				 buf_str(path));
			index_text(key, why);
			return -1;
		}
		if (keys) {
			json_object_set_new(seen, key, json_true());
			index_text(key, path);
		} else {
			buf_addf(path, "[%zu]", i);
		}
		if (check(&c, item, path, why))
			return -1;
		path->len = len;
		path->data[len] = '\0';
	}
	return 0;
}

static int check(const struct api_pos *p, const json_t *v, struct buf *path,
		 struct buf *why)
{
	if (json_is_object(v))
		return check_map(p, v, path, why);
	if (json_is_array(v))
		return check_list(p, v, path, why);
	return 0;
}

int api_schema_check(const struct api_type *t, const json_t *object, struct buf *why)
{
	struct api_pos root = api_pos_root(t);
	_cleanup_buf_ struct buf path = BUF_INIT;

	return check(&root, object, &path, why);
}
