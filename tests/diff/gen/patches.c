/* patches.c - patches of every way to write them. */
#include "gen.h"

static void merge_pods(struct gen *g, struct buf *b)
{
	buf_adds(b, "spec:\n");
	if (gen_chance(g, 30))
		buf_addf(b, "  replicas: %u\n", gen_below(g, 9));
	if (gen_chance(g, 20))
		buf_addf(b, "  gen: %s\n", gen_scalar(g));
	buf_adds(b, "  template:\n");
	if (gen_chance(g, 30))
		buf_addf(b, "    metadata: {annotations: {p: %s}}\n", gen_text(g));
	buf_adds(b, "    spec:\n      containers:\n      - ");
	gen_container(g, b, gen_chance(g, 70) ? "c0" : "c1", false);
	buf_adds(b, "\n");
	if (gen_chance(g, 20)) {
		buf_adds(b, "      - ");
		gen_container(g, b, "c2", true);
		buf_adds(b, "\n");
	}
	if (gen_chance(g, 10))
		buf_adds(b, "      - {name: c1, $patch: delete}\n");
	if (gen_chance(g, 15))
		buf_addf(b, "      volumes: [{name: v, emptyDir: null, configMap: {name: %s}}]\n",
			 gen_name(g));
	else if (gen_chance(g, 5))
		buf_adds(b, "      volumes: [{$patch: delete}]\n");
	if (gen_chance(g, 10))
		buf_adds(b, "      initContainers: [{$patch: replace}, {name: r, image: r}]\n");
	if (gen_chance(g, 10))
		buf_adds(b, "      tolerations: [{key: a, operator: Exists}]\n");
}

static void merge_other(struct gen *g, struct buf *b, const struct gen_obj *o)
{
	if (!strcmp(o->kind, "ConfigMap")) {
		buf_addf(b, "data: {k0: %s, p%u: %s}\n", gen_text(g), gen_below(g, 12),
			 gen_text(g));
	} else if (!strcmp(o->kind, "Widget")) {
		buf_addf(b, "spec: {g%u: %s, list: [%s], f0: null, deep: {a: {n: null, m: %s}}}\n",
			 gen_below(g, 3), gen_scalar(g), gen_text(g), gen_text(g));
	} else if (!strcmp(o->kind, "Service") && !strcmp(o->api, "v1")) {
		buf_addf(b, "spec: {ports: [{port: %u%s, name: m}], type: NodePort}\n",
			 80 + gen_below(g, 3), gen_chance(g, 50) ? ", protocol: TCP" : "");
	}
}

/* A strategic merge patch of o, which its name finds. */
static void merge_patch(struct gen *g, struct buf *b, const struct gen_obj *o)
{
	buf_addf(b, "apiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n", o->api, o->kind,
		 o->name);
	if (*o->ns)
		buf_addf(b, "  namespace: %s\n", o->ns);
	if (gen_chance(g, 30))
		buf_addf(b, "  labels: {p: %s, app: %s}\n", gen_text(g),
			 gen_chance(g, 30) ? "null" : gen_text(g));
	if (gen_chance(g, 20))
		buf_addf(b, "  annotations: {p: %s, note: %s}\n", gen_text(g),
			 gen_chance(g, 30) ? "null" : gen_text(g));
	if (gen_chance(g, 10))
		buf_addf(b, "  finalizers: [a/%s, a/b]\n", gen_name(g));
	if (gen_chance(g, 4))
		buf_adds(b, "$patch: delete\n");
	else if (o->pods && gen_chance(g, 80))
		merge_pods(g, b);
	else
		merge_other(g, b, o);
}

static void json_patch(struct gen *g, struct buf *b, const struct gen_obj *o)
{
	for (unsigned i = 0, n = 1 + gen_below(g, 3); i < n; i++) {
		switch (gen_below(g, o->pods ? 9 : 6)) {
		case 0:
			buf_addf(b, "- {op: add, path: /added%u, value: %s}\n", gen_below(g, 3),
				 gen_scalar(g));
			break;
		case 1:
			buf_addf(b, "- {op: add, path: /metadata/labels, value: {j: %s}}\n",
				 gen_text(g));
			break;
		case 2:
			buf_addf(b, "- {op: add, path: /metadata/annotations, value: {a~1b: %s}}\n",
				 gen_text(g));
			break;
		case 3:
			buf_addf(b, "- {op: test, path: /kind, value: %s}\n", o->kind);
			break;
		case 4:
			buf_adds(b, "- {op: move, from: /metadata/name, path: /moved}\n"
				    "- {op: move, from: /moved, path: /metadata/name}\n");
			break;
		case 5:
			buf_addf(b, "- {op: replace, path: /new, value: [%s]}\n"
				 "- {op: add, path: /new/0, value: %s}\n"
				 "- {op: remove, path: /new/-1}\n", gen_scalar(g), gen_scalar(g));
			break;
		case 6:
			buf_addf(b, "- {op: replace, path: /spec/replicas, value: %s}\n",
				 gen_scalar(g));
			break;
		case 7:
			buf_adds(b, "- {op: add, path: /spec/template/spec/containers/-, value: "
				    "{name: j, image: j}}\n");
			break;
		default:
			buf_adds(b, "- {op: copy, from: /spec/template/spec, path: /spec/copy}\n");
		}
	}
}

static void target(struct gen *g, struct buf *k, const struct gen_obj *o)
{
	static const char *const more[] = { "labelSelector: app", "labelSelector: \"l0!=1\"",
		"annotationSelector: note", "namespace: ns1", "version: v1", "group: \"apps|\"",
		"labelSelector: \"app in (web, db), !l2\"", "namespace: \"ns[12]\"",
		"version: \"v1.*\"", "annotationSelector: \"note notin (x)\"" };

	buf_adds(k, "  target: {");
	switch (gen_below(g, 4)) {
	case 0:
		buf_addf(k, "kind: %s", o->kind);
		break;
	case 1:
		buf_addf(k, "kind: %s, name: %s", o->kind, o->name);
		break;
	case 2:
		buf_addf(k, "kind: %s, name: \"%c.*\"", o->kind, o->name[0]);
		break;
	default:
		buf_addf(k, "kind: \"%s|None\", name: %s", o->kind, o->name);
	}
	if (gen_chance(g, 20))
		buf_addf(k, ", %s", gen_pick(g, more));
	buf_adds(k, "}\n");
}

/* Each line of text behind an indentation, as a block's. */
void gen_inline(struct buf *k, const char *text, const char *indent)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		buf_adds(k, indent);
		buf_add(k, text, n);
		buf_addc(k, '\n');
		text += n + (text[n] == '\n');
	}
}

static void one_patch(struct gen *g, struct buf *k, const char *dir, unsigned i, int first)
{
	const struct gen_obj *o = gen_some(g, first);
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_free_ char *path = xasprintf("%s/p%u.yaml", dir, i);
	bool json = gen_chance(g, 40), two = false;

	if (json)
		json_patch(g, &b, o);
	else
		merge_patch(g, &b, o);
	if (!json && gen_chance(g, 10)) {
		two = true;
		buf_adds(&b, "---\n");
		merge_patch(g, &b, gen_some(g, first));
	}
	if (gen_chance(g, 50)) {
		gen_write(g, path, &b);
		buf_addf(k, "- path: p%u.yaml\n", i);
	} else {
		buf_adds(k, "- patch: |-\n");
		gen_inline(k, buf_str(&b), "    ");
	}
	if (json || gen_chance(g, two ? 5 : 30))	/* of two: an error */
		target(g, k, o);
	if (!json && gen_chance(g, 6))
		buf_addf(k, "  options: {allow%sChange: true}\n",
			 gen_chance(g, 50) ? "Name" : "Kind");
}

static void older_merge(struct gen *g, struct buf *k, const char *dir, int first)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_free_ char *path = xasprintf("%s/psm.yaml", dir);

	merge_patch(g, &b, gen_some(g, first));
	if (gen_chance(g, 60)) {
		buf_adds(k, "patchesStrategicMerge:\n- |-\n");
		gen_inline(k, buf_str(&b), "  ");
		return;
	}
	if (gen_chance(g, 40)) {
		buf_adds(&b, "---\n");
		merge_patch(g, &b, gen_some(g, first));
	}
	gen_write(g, path, &b);
	buf_adds(k, "patchesStrategicMerge: [psm.yaml]\n");
}

static void older_patches(struct gen *g, struct buf *k, const char *dir, int first)
{
	const struct gen_obj *o = gen_some(g, first);
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_free_ char *path = xasprintf("%s/p6902.yaml", dir);
	const char *slash = strchr(o->api, '/');

	if (gen_chance(g, 50)) {
		older_merge(g, k, dir, first);
		return;
	}
	json_patch(g, &b, o);
	buf_adds(k, "patchesJson6902:\n- target: {");
	if (slash)
		buf_addf(k, "group: %.*s, version: %s", (int)(slash - o->api), o->api, slash + 1);
	else
		buf_addf(k, "version: %s", o->api);
	buf_addf(k, ", kind: %s, name: %s%s%s}\n", o->kind, o->name,
		 *o->ns ? ", namespace: " : "", o->ns);
	if (gen_chance(g, 30)) {
		gen_write(g, path, &b);
		buf_adds(k, "  path: p6902.yaml\n");
	} else {
		buf_adds(k, "  patch: |-\n");
		gen_inline(k, buf_str(&b), "    ");
	}
}

void gen_patches(struct gen *g, struct buf *out, const char *dir, int first)
{
	if (!gen_some(g, first))
		return;
	if (gen_chance(g, 45)) {
		buf_adds(out, "patches:\n");
		for (unsigned i = 0, n = 1 + gen_below(g, 2); i < n; i++)
			one_patch(g, out, dir, i, first);
	}
	if (gen_chance(g, 12))
		older_patches(g, out, dir, first);
}
