/* replacements.c - fields copied into fields, with every option. */
#include "gen.h"

static void source_path(struct gen *g, struct buf *b, const struct gen_obj *o)
{
	static const char *const pods[] = { "spec.template.spec.containers.0.image",
		"spec.template.spec.containers.[name=c0].image", "spec.replicas",
		"spec.template.spec.containers.[name=c0].env.[name=E1].value",
		"spec.template.metadata.labels" };
	static const char *const widgets[] = { "spec.f0", "spec.f1", "spec.deep.a",
		"spec.list", "spec.list.0", "spec.deep.a.b.1.c" };

	if (o->pods && gen_chance(g, 60))
		buf_addf(b, "    fieldPath: %s\n", gen_pick(g, pods));
	else if (!strcmp(o->kind, "Widget") && gen_chance(g, 60))
		buf_addf(b, "    fieldPath: %s\n", gen_pick(g, widgets));
	else if (!strcmp(o->kind, "ConfigMap"))
		buf_adds(b, "    fieldPath: data.k0\n");
	else if (gen_chance(g, 30))
		buf_addf(b, "    fieldPath: %s\n", gen_chance(g, 50) ? "kind" : "apiVersion");
}

static void source(struct gen *g, struct buf *b, const struct gen_obj *o)
{
	const char *slash = strchr(o->api, '/');

	if (gen_chance(g, 15)) {
		buf_addf(b, "- sourceValue: %s\n", gen_text(g));
		return;
	}
	buf_addf(b, "- source:\n    kind: %s\n    name: %s\n", o->kind, o->name);
	if (slash && gen_chance(g, 20))
		buf_addf(b, "    group: %.*s\n    version: %s\n", (int)(slash - o->api), o->api,
			 slash + 1);
	if (*o->ns && gen_chance(g, 50))
		buf_addf(b, "    namespace: %s\n", o->ns);
	source_path(g, b, o);
	if (gen_chance(g, 15))
		buf_addf(b, "    options: {delimiter: \"%s\", index: 0}\n",
			 gen_chance(g, 50) ? ":" : "-");
}

static void reject(struct gen *g, struct buf *b)
{
	static const char *const more[] = { "{name: web, kind: Service}",
		"{labelSelector: \"app=web\"}", "{annotationSelector: note}",
		"{namespace: ns1}", "{kind: \"Dep.*\"}" };

	if (gen_chance(g, 10))
		buf_addf(b, "    reject: [{name: %s}]\n", gen_name(g));
	else if (gen_chance(g, 15))
		buf_addf(b, "    reject: [%s]\n", gen_pick(g, more));
}

static void options(struct gen *g, struct buf *b)
{
	static const char *const more[] = { ", delimiter: \":\", index: 1",
		", delimiter: \":\", index: -1", ", delimiter: \"/\", index: 99",
		", delimiter: \"\"", ", encoding: base64" };

	buf_addf(b, "    options: {create: %s%s}\n", gen_chance(g, 90) ? "true" : "false",
		 gen_chance(g, 25) ? gen_pick(g, more) : "");
}

static void target(struct gen *g, struct buf *b, const struct gen_obj *to)
{
	static const char *const paths[] = { "metadata.labels.r", "spec.r.s",
		"metadata.annotations.ab", "data.k0", "added.x", "metadata.annotations.[a.b/c]",
		"data.json.a.b", "spec.gen.list.0", "spec.gen.[name=x].v", "metadata.name" };
	static const char *const pods[] = { "spec.template.spec.containers.*.image",
		"spec.template.spec.containers.[name=c0].env", "spec.replicas",
		"spec.template.spec.containers.0.image",
		"spec.template.spec.containers.[name=^c.$].image",
		"spec.template.spec.containers.[name=c9].image",
		"spec.template.spec.containers.[name=c0].env.[name=R].value" };
	bool made = to->pods && gen_chance(g, 60);

	buf_addf(b, "  - select: {kind: %s%s%s%s}\n", to->kind,
		 gen_chance(g, 50) ? ", name: " : ", name: .*", to->name,
		 gen_chance(g, 10) ? ", labelSelector: app" : "");
	reject(g, b);
	buf_addf(b, "    fieldPaths: [\"%s\"", made ? gen_pick(g, pods) : gen_pick(g, paths));
	if (gen_chance(g, 20))
		buf_addf(b, ", \"%s\"", gen_pick(g, paths));
	buf_adds(b, "]\n");
	options(g, b);
}

void gen_replacements(struct gen *g, struct buf *out, const char *dir, int first)
{
	const struct gen_obj *from = gen_some(g, first);
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (!from)
		return;
	source(g, &b, from);
	buf_adds(&b, "  targets:\n");
	for (unsigned i = 0, n = gen_chance(g, 25) ? 2 : 1; i < n; i++)
		target(g, &b, gen_some(g, first));
	if (gen_chance(g, 30)) {
		_cleanup_free_ char *path = xasprintf("%s/repl.yaml", dir);

		gen_write(g, path, &b);
		buf_adds(out, "replacements: [{path: repl.yaml}]\n");
	} else {
		buf_adds(out, "replacements:\n");
		buf_adds(out, buf_str(&b));
	}
}
