/* plugins.c - transformers, generators and validators, of each builtin kind. */
#include "gen.h"

#define META "metadata: {name: t}\n"
#define LABELS "fieldSpecs: [{path: metadata/labels, create: true}]\n"

static void replicas_of(struct gen *g, struct buf *b, const struct gen_obj *o)
{
	buf_addf(b, "apiVersion: builtin\nkind: ReplicaCountTransformer\n" META
		 "replica: {name: %s, count: %u}\nfieldSpecs: [{path: spec/replicas, create: "
		 "true, kind: %s}]\n", o->name, gen_below(g, 9), o->kind);
}

static void affixes(struct gen *g, struct buf *b)
{
	static const char *const kinds[] = {
		"PrefixTransformer\n" META "prefix: t-\n", "SuffixTransformer\n" META
		"suffix: -t\n", "PrefixSuffixTransformer\n" META "prefix: t-\nsuffix: -u\n",
	};

	buf_addf(b, "apiVersion: builtin\nkind: %sfieldSpecs: [{path: metadata/name%s}]\n",
		 gen_pick(g, kinds), gen_chance(g, 30) ? ", kind: Service" : "");
}

static void namespaces(struct gen *g, struct buf *b)
{
	static const char *const subjects[] = { "defaultOnly", "allServiceAccounts", "none" };

	buf_addf(b, "apiVersion: builtin\nkind: NamespaceTransformer\nmetadata: {name: t, "
		 "namespace: tns}\nunsetOnly: %s\n", gen_chance(g, 50) ? "true" : "false");
	if (gen_chance(g, 50))
		buf_addf(b, "setRoleBindingSubjects: %s\n", gen_pick(g, subjects));
	buf_addf(b, "fieldSpecs: [{path: metadata/namespace, create: true}%s]\n",
		 gen_chance(g, 40) ? ", {path: subjects, kind: RoleBinding}" : "");
}

static void patch_of(struct gen *g, struct buf *b, const struct gen_obj *o)
{
	switch (gen_below(g, 4)) {
	case 0:
		buf_addf(b, "apiVersion: builtin\nkind: PatchStrategicMergeTransformer\n" META
			 "patches: |-\n  apiVersion: %s\n  kind: %s\n  metadata: {name: %s%s%s, "
			 "labels: {psm: %s}}\n", o->api, o->kind, o->name,
			 *o->ns ? ", namespace: " : "", o->ns, gen_text(g));
		break;
	case 1:
		buf_addf(b, "apiVersion: builtin\nkind: PatchJson6902Transformer\n" META
			 "target: {kind: %s, name: %s}\njsonOp: '[{\"op\": \"add\", \"path\": "
			 "\"/j\", \"value\": {\"x\": [true, 1.50, \"on\"]}}]'\n", o->kind,
			 o->name);
		break;
	default:
		buf_addf(b, "apiVersion: builtin\nkind: PatchTransformer\n" META "target: {kind: "
			 "%s}\npatch: '[{\"op\": \"add\", \"path\": \"/added\", \"value\": [1, "
			 "{\"a\": null}]}]'\n", o->kind);
	}
}

static void value_add(struct gen *g, struct buf *b, const struct gen_obj *o)
{
	static const char *const fields[] = { "metadata/labels/added", "metadata/name",
		"spec/added", "metadata/annotations/path" };

	buf_addf(b, "apiVersion: builtin\nkind: ValueAddTransformer\n" META "value: %s\n"
		 "targets: [{selector: {kind: %s}, fieldPath: %s%s}]\n",
		 gen_chance(g, 50) ? "added" : "\"1.50\"", o->kind, gen_pick(g, fields),
		 gen_chance(g, 40) ? ", filePathPosition: 1" : "");
}

static void replacement(struct gen *g, struct buf *b, const struct gen_obj *o)
{
	buf_addf(b, "apiVersion: builtin\nkind: ReplacementTransformer\n" META
		 "replacements:\n- source: {kind: %s, name: %s}\n  targets:\n  - select: {kind: "
		 "ConfigMap}\n    fieldPaths: [data.from]\n    options: {create: true}\n",
		 o->kind, o->name);
	(void)g;
}

static void one_transformer(struct gen *g, struct buf *b, const struct gen_obj *o)
{
	switch (gen_below(g, 11)) {
	case 0:
	case 1:
		affixes(g, b);
		break;
	case 2:
		buf_addf(b, "apiVersion: builtin\nkind: LabelTransformer\n" META "labels: {t: "
			 "%s}\n" LABELS, gen_text(g));
		break;
	case 3:
		buf_addf(b, "apiVersion: builtin\nkind: AnnotationsTransformer\n" META
			 "annotations: {t: %s}\nfieldSpecs: [{path: metadata/annotations, "
			 "create: true}]\n", gen_text(g));
		break;
	case 4:
		namespaces(g, b);
		break;
	case 5:
		buf_addf(b, "apiVersion: builtin\nkind: ImageTagTransformer\n" META
			 "imageTag: {name: \"%s\", newTag: \"%u.50\"}\nfieldSpecs: [{path: "
			 "spec/image, kind: Widget}]\n", gen_image_name(g), gen_below(g, 3));
		break;
	case 6:
		replicas_of(g, b, o);
		break;
	case 7:
		value_add(g, b, o);
		break;
	case 8:
		replacement(g, b, o);
		break;
	case 9:
		buf_adds(b, "apiVersion: builtin\nkind: HashTransformer\n" META);
		break;
	default:
		patch_of(g, b, o);
	}
}

/* A kustomization of transformers, which may rename them: that changes nothing. */
static void transformer_folder(struct gen *g, struct buf *k, const char *dir,
			       const struct buf *b)
{
	_cleanup_buf_ struct buf own = BUF_INIT;
	_cleanup_free_ char *path = xasprintf("%s-t/t.yaml", dir);
	_cleanup_free_ char *list = xasprintf("%s-t/kustomization.yaml", dir);

	buf_addf(&own, "resources: [t.yaml]\n%s", gen_chance(g, 30) ? "namePrefix: x-\n" : "");
	gen_write(g, path, b);
	gen_write(g, list, &own);
	buf_addf(k, "transformers: [../%s-t]\n", dir);
}

static void transformers(struct gen *g, struct buf *k, const char *dir,
			 const struct gen_obj *o)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_free_ char *path = xasprintf("%s/t.yaml", dir);

	for (unsigned i = 0, n = 1 + gen_below(g, 2); i < n; i++) {
		buf_adds(&b, i ? "---\n" : "");
		one_transformer(g, &b, o);
	}
	if (gen_chance(g, 20)) {
		buf_adds(k, "transformers:\n- |-\n");
		gen_inline(k, buf_str(&b), "  ");
	} else if (gen_chance(g, 20)) {
		transformer_folder(g, k, dir, &b);
	} else {
		gen_write(g, path, &b);
		buf_adds(k, "transformers: [t.yaml]\n");
	}
}

static void config_generator(struct gen *g, struct buf *b, const char *kind, int layer)
{
	const char *name = gen_name(g);

	if (!gen_remember(g, "v1", kind, name, "", false, layer))
		name = "only";
	buf_addf(b, "apiVersion: builtin\nkind: %sGenerator\nmetadata: {name: %s%s}\n"
		 "literals: [k0=%s, k1=two words]\n", kind, name,
		 gen_chance(g, 20) ? ", namespace: ns1" : "", gen_name(g));
	if (gen_chance(g, 30))
		buf_adds(b, "options: {disableNameSuffixHash: true, labels: {gen: \"1\"}}\n");
}

static void generators(struct gen *g, struct buf *k, const char *dir, int layer)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_free_ char *path = xasprintf("%s/g.yaml", dir);

	if (gen_chance(g, 20))
		buf_addf(&b, "apiVersion: builtin\nkind: IAMPolicyGenerator\n" META
			 "cloud: gke\nkubernetesService: {namespace: ns1, name: iam%d}\n"
			 "serviceAccount: {name: sa, projectId: p1}\n", layer);
	else
		config_generator(g, &b, gen_chance(g, 50) ? "ConfigMap" : "Secret", layer);
	gen_write(g, path, &b);
	buf_adds(k, "generators: [g.yaml]\n");
}

/* One that changes nothing, or, rarely, something: that is refused. */
static void validators(struct gen *g, struct buf *k, const char *dir)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_free_ char *path = xasprintf("%s/v.yaml", dir);

	buf_addf(&b, "apiVersion: builtin\nkind: LabelTransformer\n" META "labels: {v: \"1\"}\n"
		 "fieldSpecs: [{path: metadata/labels, create: true, kind: %s}]\n",
		 gen_chance(g, 85) ? "Nothing" : "Service");
	gen_write(g, path, &b);
	buf_adds(k, "validators: [v.yaml]\n");
}

void gen_plugins(struct gen *g, struct buf *out, const char *dir, int layer, int first)
{
	const struct gen_obj *o = gen_some(g, first);

	if (o && gen_chance(g, 15))
		transformers(g, out, dir, o);
	if (gen_chance(g, 7))
		generators(g, out, dir, layer);
	if (gen_chance(g, 4))
		validators(g, out, dir);
}
