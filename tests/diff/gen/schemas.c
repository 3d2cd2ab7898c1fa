/* schemas.c - configurations, crds, openapi: what is told about kinds. */
#include "gen.h"

static void name_references(struct gen *g, struct buf *b)
{
	buf_addf(b, "nameReference:\n- kind: %s\n  fieldSpecs: [{path: spec/configRef/name, "
		 "kind: Widget}]\n", gen_chance(g, 50) ? "ConfigMap" : "Service");
	if (gen_chance(g, 30))
		buf_adds(b, "- kind: Secret\n  version: v1\n  fieldSpecs: [{path: spec/list/name, "
			    "kind: Widget}, {path: spec/deep/a/ref, kind: Widget}]\n");
}

static void configurations(struct gen *g, struct buf *k, const char *dir)
{
	static const char *const more[] = {
		"commonLabels: [{path: spec/gen/selector, kind: Widget, create: true}]\n",
		"commonAnnotations: [{path: spec/gen/notes, create: true, kind: Service}]\n",
		"namePrefix: [{path: spec/configRef/name, kind: Widget}]\n",
		"nameSuffix: [{path: spec/configRef/name, kind: Widget}]\n",
		"varReference: [{path: spec/f0, kind: Widget}, {path: data/k0}]\n",
		"images: [{path: spec/f1, kind: Widget}]\n",
		"replicas: [{path: spec/count, kind: Deployment, create: true}]\n",
		"namespace: [{path: spec/ns, kind: Widget, create: true}]\n",
		"labels: [{path: spec/gen/plain, kind: Service, create: true}]\n",
		"templateLabels: [{path: spec/gen/template, kind: Service, create: true}]\n",
	};
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_free_ char *path = xasprintf("%s/config.yaml", dir);

	if (gen_chance(g, 60))
		name_references(g, &b);
	for (size_t i = 0; i < ARRAY_LEN(more); i++)
		buf_adds(&b, gen_chance(g, i < 3 ? 40 : 15) ? more[i] : "");
	if (!b.len)
		return;
	gen_write(g, path, &b);
	buf_adds(k, "configurations: [config.yaml]\n");
}

static void crds(struct gen *g, struct buf *k, const char *dir)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_free_ char *path = xasprintf("%s/crd.json", dir);

	buf_addf(&b, "{\"example.com/v1.Widget\": {\"Schema\": {\"properties\": {\n"
		 "\"apiVersion\": {}, \"kind\": {}, \"metadata\": {},\n"
		 "\"spec\": {\"$ref\": \"spec\"}}}},\n\"spec\": {\"Schema\": {\"properties\": {\n"
		 "\"configRef\": {\"x-kubernetes-object-ref-api-version\": \"v1\",\n"
		 " \"x-kubernetes-object-ref-kind\": \"%s\", \"$ref\": \"ref\"},\n"
		 "\"picks\": {\"x-kubernetes-label-selector\": \"\"},\n"
		 "\"notes\": {\"x-kubernetes-annotation\": \"\"}}}},\n"
		 "\"ref\": {\"Schema\": {\"properties\": {\"name\": {}}}}}\n",
		 gen_chance(g, 50) ? "ConfigMap" : "Secret");
	gen_write(g, path, &b);
	buf_adds(k, "crds: [crd.json]\n");
}

/* Widgets get a list that merges; all other kinds lose theirs. */
static void openapi(struct gen *g, struct buf *k, const char *dir)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_free_ char *path = xasprintf("%s/schema.json", dir);

	if (gen_chance(g, 40)) {
		buf_adds(k, "openapi: {version: v1.21.2}\n");
		return;
	}
	buf_adds(&b, "{\"definitions\": {\"widget\": {\"properties\": {\"spec\": {\"properties\": "
		     "{\"list\": {\n\"type\": \"array\", \"items\": {\"type\": \"object\"},\n"
		     "\"x-kubernetes-patch-merge-key\": \"name\", "
		     "\"x-kubernetes-patch-strategy\": \"merge\"}}}},\n"
		     "\"x-kubernetes-group-version-kind\": [{\"group\": \"example.com\", "
		     "\"kind\": \"Widget\", \"version\": \"v1\"}]}}}\n");
	gen_write(g, path, &b);
	buf_adds(k, "openapi: {path: schema.json}\n");
}

void gen_schemas(struct gen *g, struct buf *out, const char *dir)
{
	if (gen_chance(g, 14))
		configurations(g, out, dir);
	if (gen_chance(g, 4))
		crds(g, out, dir);
	if (gen_chance(g, 6))
		openapi(g, out, dir);
}
