/* fields.c - the fields of a kustomization. */
#include "gen.h"

static void pairs(struct gen *g, struct buf *k)
{
	buf_adds(k, "{");
	for (unsigned i = 0, n = 1 + gen_below(g, 3); i < n; i++)
		buf_addf(k, "%sl%u: %s", i ? ", " : "", i + gen_below(g, 2) * 10, gen_text(g));
	buf_adds(k, "}");
}

static void names(struct gen *g, struct buf *k)
{
	if (gen_chance(g, 35))
		buf_addf(k, "namePrefix: p%u-\n", gen_below(g, 4));
	if (gen_chance(g, 20))
		buf_addf(k, "nameSuffix: -s%u\n", gen_below(g, 4));
	if (gen_chance(g, 30))
		buf_addf(k, "namespace: ns%u\n", 1 + gen_below(g, 3));
}

static void label_entries(struct gen *g, struct buf *k)
{
	static const char *const fields[] = { "kind: Widget", "kind: Deployment",
		"kind: Deployment, group: apps", "version: v1, group: example.com" };

	buf_adds(k, "labels:\n");
	for (unsigned i = 0, n = 1 + gen_below(g, 2); i < n; i++) {
		buf_adds(k, "- pairs: ");
		pairs(g, k);
		buf_adds(k, "\n");
		if (gen_chance(g, 30))
			buf_adds(k, "  includeSelectors: true\n");
		if (gen_chance(g, 30))
			buf_adds(k, "  includeTemplates: true\n");
		if (gen_chance(g, 30))
			buf_addf(k, "  fields: [{path: spec/gen/labels, %s, create: true}]\n",
				 gen_pick(g, fields));
	}
}

static void labels(struct gen *g, struct buf *k)
{
	if (gen_chance(g, 15)) {
		buf_adds(k, "commonLabels: ");
		pairs(g, k);
		buf_adds(k, "\n");
	}
	if (gen_chance(g, 20)) {
		buf_adds(k, "commonAnnotations: ");
		pairs(g, k);
		buf_adds(k, "\n");
	}
	if (gen_chance(g, 25))
		label_entries(g, k);
}

static void images(struct gen *g, struct buf *k, int first)
{
	const struct gen_obj *o = gen_some_pods(g, first);

	if (gen_chance(g, 30)) {
		buf_adds(k, gen_chance(g, 10) ? "imageTags:\n" : "images:\n");
		for (unsigned i = 0, n = 1 + gen_below(g, 2); i < n; i++) {
			buf_addf(k, "- {name: \"%s\"", gen_chance(g, 10) ? "(nginx|b.*)" :
				 gen_image_name(g));
			if (gen_chance(g, 40))
				buf_adds(k, ", newName: mirror/new");
			if (gen_chance(g, 60))
				buf_addf(k, ", newTag: \"%u.0\"", gen_below(g, 9));
			if (gen_chance(g, 15))
				buf_adds(k, ", digest: \"sha256:ff\"");
			if (gen_chance(g, 10))
				buf_adds(k, ", tagSuffix: -x");
			buf_adds(k, "}\n");
		}
	}
	if (o && gen_chance(g, 20) && strcmp(o->kind, "Job") && strcmp(o->kind, "DaemonSet"))
		buf_addf(k, "replicas: [{name: %s, count: %u}]\n", o->name, gen_below(g, 9));
}

/* The sources of a generator, one name each, so that keys do not meet. */
static void sources(struct gen *g, struct buf *k, const char *dir, unsigned number)
{
	if (gen_chance(g, 80))
		buf_addf(k, "  literals: ['k0=%s', \"k%u=two\\nlines\", k9=%u]\n", gen_name(g),
			 1 + gen_below(g, 3), gen_below(g, 99));
	if (gen_chance(g, 25)) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		_cleanup_free_ char *path = xasprintf("%s/f%u.txt", dir, number);

		for (unsigned i = 0, n = gen_below(g, 4); i < n; i++)
			buf_addf(&b, "%s%s\n", gen_chance(g, 20) ? "  " : "", gen_text(g));
		if (gen_chance(g, 10))
			buf_adds(&b, "\xff\xfe");
		gen_write(g, path, &b);
		buf_addf(k, "  files: [%sf%u.txt]\n", gen_chance(g, 50) ? "key=" : "", number);
	}
	if (gen_chance(g, 20)) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		_cleanup_free_ char *path = xasprintf("%s/e%u.env", dir, number);

		buf_addf(&b, "%s# env\nE0=%s\n E1=x=y\n\nE2=%s\n", gen_chance(g, 10) ?
			 "\xef\xbb\xbf" : "", gen_text(g), gen_chance(g, 10) ? "\r" : "");
		gen_write(g, path, &b);
		buf_addf(k, gen_chance(g, 20) ? "  env: e%u.env\n" : "  envs: [e%u.env]\n", number);
	}
}

static void options(struct gen *g, struct buf *k, const char *key)
{
	buf_addf(k, "%s: {disableNameSuffixHash: %s", key, gen_chance(g, 50) ? "true" : "false");
	if (gen_chance(g, 40)) {
		buf_adds(k, ", labels: ");
		pairs(g, k);
	}
	if (gen_chance(g, 30)) {
		buf_adds(k, ", annotations: ");
		pairs(g, k);
	}
	if (gen_chance(g, 20))
		buf_adds(k, ", immutable: true");
	buf_adds(k, "}\n");
}

static void generator(struct gen *g, struct buf *k, const char *dir, int layer, int first,
		      bool secret)
{
	const char *kind = secret ? "Secret" : "ConfigMap", *name = gen_name(g);
	const struct gen_obj *o = gen_some_kind(g, first, kind);
	unsigned number = gen_below(g, 1000);

	buf_addf(k, "%sGenerator:\n", secret ? "secret" : "configMap");
	if (gen_remember(g, "v1", kind, name, "", false, layer))
		buf_addf(k, "- name: %s\n%s%s", name,
			 gen_chance(g, 10) ? "  behavior: create\n" : "",
			 gen_chance(g, 10) ? "  namespace: ns1\n" : "");
	else if (o && !*o->ns)
		buf_addf(k, "- name: %s\n  behavior: %s\n", o->name,
			 gen_chance(g, 70) ? "merge" : "replace");
	else
		buf_addf(k, "- name: only%u\n", number);
	sources(g, k, dir, number);
	if (gen_chance(g, 25))
		options(g, k, "  options");
	if (secret && gen_chance(g, 30))
		buf_adds(k, "  type: example.com/t\n");
}

static void generators(struct gen *g, struct buf *k, const char *dir, int layer, int first)
{
	if (gen_chance(g, 30))
		generator(g, k, dir, layer, first, false);
	if (gen_chance(g, 20))
		generator(g, k, dir, layer, first, true);
	if (gen_chance(g, 15))
		options(g, k, "generatorOptions");
}

static void variable(struct gen *g, struct buf *k, const struct gen_obj *o)
{
	buf_addf(k, "- {name: VAR%d, objref: {apiVersion: %s, kind: %s, name: %s%s%s}", g->vars++,
		 o->api, o->kind, o->name, *o->ns ? ", namespace: " : "", o->ns);
	if (o->pods && gen_chance(g, 60))
		buf_addf(k, ", fieldref: {fieldPath: \"%s\"}", gen_chance(g, 50) ?
			 "spec.template.spec.containers[0].image" : "spec.replicas");
	else if (!strcmp(o->kind, "ConfigMap") && gen_chance(g, 60))
		buf_adds(k, ", fieldref: {fieldpath: data.k0}");
	buf_adds(k, "}\n");
}

static void variables(struct gen *g, struct buf *k, int first)
{
	if (first == g->n_objs || g->vars > 3 || !gen_chance(g, 9))
		return;
	buf_adds(k, "vars:\n");
	for (unsigned i = 0, n = 1 + gen_below(g, 2); i < n; i++)
		variable(g, k, gen_some(g, first));
}

/* What counts at the root alone is written anywhere: elsewhere it must do nothing. */
static void root_fields(struct gen *g, struct buf *k)
{
	if (gen_chance(g, 25))
		buf_adds(k, "sortOptions: {order: fifo}\n");
	else if (gen_chance(g, 10))
		buf_adds(k, "sortOptions: {order: legacy, legacySortOptions: {orderFirst: "
			    "[Service, Widget], orderLast: [ConfigMap]}}\n");
	if (gen_chance(g, 10))
		buf_addf(k, "buildMetadata: [%s]\n",
			 gen_chance(g, 40) ? "originAnnotations" :
			 gen_chance(g, 50) ? "managedByLabel" :
			 "originAnnotations, transformerAnnotations");
}

void gen_fields(struct gen *g, struct buf *out, const char *dir, int layer, int first,
		bool component)
{
	names(g, out);
	labels(g, out);
	generators(g, out, dir, layer, first);
	images(g, out, first);
	gen_patches(g, out, dir, first);
	if (gen_chance(g, 20))
		gen_replacements(g, out, dir, first);
	variables(g, out, first);
	gen_schemas(g, out, dir);
	gen_plugins(g, out, dir, layer, first);
	if (!component)
		root_fields(g, out);
	/* A folder of nothing would be an error. */
	if (gen_chance(g, 98))
		buf_adds(out, "metadata: {name: any}\n");
}
