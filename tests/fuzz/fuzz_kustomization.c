/*
 * Any bytes as a kustomization: decoded or refused with its name; then built, with a
 * few files beside it. What is built can be printed.
 */
#include <stdint.h>

#include "render/kustomize/spec.h"
#include "tests/unit/tree_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CM(name) "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " name "}\ndata: {k: v}\n"

static const char deployment[] =
	"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, labels: {a: b}}\n"
	"spec: {replicas: 1, template: {spec: {containers: [{name: c, image: 'nginx:1',\n"
	" env: [{name: A, value: $(V)}], envFrom: [{configMapRef: {name: a}}]}]}}}\n";

static void refused(const struct err *err)
{
	if ((err->code != ERR_INVALID && err->code != ERR_LIMIT &&
	     err->code != ERR_NOTFOUND) || !*err->msg)
		abort();
}

static void decode(const char *text, size_t len)
{
	static const struct kust_options none;
	struct err err = ERR_INIT;
	struct kspec spec;
	struct kust k;

	kust_init(&k, NULL, &none);
	if (kspec_decode(&k, "app/kustomization.yaml", text, len, &spec, &err) < 0)
		refused(&err);
	else if (!*spec.kind || !*spec.api_version || !spec.node)
		abort();
	kust_deinit(&k);
}

static void build(const char *text)
{
	const struct tree_file list[] = {
		{ "app/kustomization.yaml", text }, { "app/a.yaml", CM("a") },
		{ "app/d.yaml", deployment }, { "app/c.txt", "A=1\nB=2\n" },
		{ "app/p.yaml", "apiVersion: builtin\nkind: PrefixTransformer\n"
				"metadata: {name: p}\nprefix: x-\n"
				"fieldSpecs: [{path: metadata/name}]\n" },
		{ "base/kustomization.yaml", "resources: [b.yaml]\nnameSuffix: -s\n" },
		{ "base/b.yaml", CM("b") },
		{ "part/kustomization.yaml", "kind: Component\nnamePrefix: part-\n" },
		{ "app/l.yaml", "->../base/b.yaml" }, { NULL, NULL },
	};
	static const struct kust_options none;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	struct tree_files tree;
	struct kust_result r;

	tree_files_init(&tree, list);
	if (kustomize_build(&tree.files, "app", &none, &r, &err) < 0) {
		refused(&err);
		return;
	}
	if (r.needs_exec && (!*r.why || r.n_objects))
		abort();
	if (kust_result_yaml(&r, &out, &err) < 0)
		refused(&err);
	kust_result_deinit(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);

	decode((const char *)data, size);
	build(text);
	return 0;
}
