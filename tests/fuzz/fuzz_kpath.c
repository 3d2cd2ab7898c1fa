/*
 * The small languages of a kustomization: a path, a text with variables, a literal,
 * an environment file, an image. The input's first three lines are the path (and the
 * image's name), the value, and a delimiter; the rest is an object that they are
 * tried on, beside a pod.
 */
#include <assert.h>
#include <stdint.h>

#include "render/kustomize/kpath.h"
#include "render/kustomize/kv.h"
#include "render/kustomize/vars.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char pod[] =
	"{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {a.b: '{\"c\": [1]}'}},"
	" spec: {containers: [{name: c, image: 'nginx:1.2@sha256:0', args: [$(A), b]},"
	" {name: d, image: x}], e: null, f: 5}}";

static const char *take_line(struct kust *k, const char **at, const char *end)
{
	const char *from = *at, *nl = memchr(from, '\n', (size_t)(end - from));

	*at = nl ? nl + 1 : end;
	return arena_strndup(&k->arena, from, (size_t)((nl ? nl : end) - from));
}

static void add_object(struct kust *k, struct kmap *m, const char *text, size_t len)
{
	struct node_reader *r = node_reader_new(text, len);
	struct node *root = NULL;
	struct err err;

	if (node_read(r, &k->arena, &root, &err) > 0 && root->kind == NODE_MAP)
		(void)!kmap_append(m, kres_new(k, root, "f.yaml"), &err);
	node_reader_free(r);
}

static void use_path(struct kust *k, struct kmap *m, const char *path)
{
	static const int creates[] = { -1, NODE_SCALAR, NODE_MAP, NODE_LIST };
	struct err err;
	const char **steps = kpath_steps(k, path, &err);

	for (size_t i = 0; steps && i < kmap_len(m); i++) {
		struct node *n = NULL, *root = kmap_at(m, i)->root;

		if (kpath_lookup(k, root, steps, &n, &err) == 0 && n)
			assert(n->kind <= NODE_LIST);
		for (size_t j = 0; j < ARRAY_LEN(creates); j++) {
			_cleanup_kpath_nodes_ struct kpath_nodes l = { 0 };

			if (kpath_match(k, root, steps, creates[j], &l, &err) == 0 && l.len)
				assert(l.data[0]);
		}
	}
}

static void replace(struct kust *k, struct kmap *m, const char *path, const char *value,
		    const char *delimiter)
{
	struct kfield_options o = { .delimiter = delimiter, .index = (int)strlen(value) - 3,
				    .create = true };
	struct kselector all = { .kind = "" };
	struct kreplacement_target t = { .select = &all, .options = &o };
	struct kreplacement r = { .source_value = value, .targets = &t, .n_targets = 1 };
	struct kfolder folder = { .path = "", .file = "kustomization.yaml" };
	struct err err;

	t.paths = (struct kstrings){ (const char *[]){ path }, 1, 1 };
	(void)!kust_replacements(k, &folder, m, &r, 1, &err);
	o.delimiter = "";
	o.create = false;
	(void)!kust_replacements(k, &folder, m, &r, 1, &err);
}

static void expand(const char *text)
{
	struct kvalue a = { .name = "A", .type = NODE_STR, .text = "x", .inner = "x" };
	struct kvalues values = { &a, 1, 1 };
	_cleanup_buf_ struct buf out = BUF_INIT;
	const struct kvalue *whole;

	kvars_expand(text, &values, &out, &whole);
	assert(!whole || (whole == &a && !out.len && strcmp(text, "$(A)") == 0));
	assert(out.len <= 2 * strlen(text));
}

static void read_pairs(struct kust *k, const char *one, const char *text, size_t len)
{
	_cleanup_kvs_ struct kvs l = { 0 };
	const char *key, *path;
	struct err err;
	struct kv p;

	if (kv_literal(k, one, &p, &err) == 0)
		assert(*p.key && strlen(p.value) == p.len);
	if (kv_file_source(k, one, &key, &path, &err) == 0)
		assert(*key);
	if (kv_env(k, text, len, &l, &err) == 0) {
		for (size_t i = 0; i < l.len; i++)
			assert(*l.data[i].key && !strchr(l.data[i].key, '='));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *const end = at + size;
	const struct kust_options options = { .order = KORDER_NONE };
	struct kimage image = { .new_name = "", .tag_suffix = "", .digest = "" };
	const char *path, *value, *delimiter;
	struct kconfig config;
	struct kmap *m;
	struct kust k;
	struct err err;

	kust_init(&k, NULL, &options);
	m = kmap_new(&k);
	path = take_line(&k, &at, end);
	value = take_line(&k, &at, end);
	delimiter = take_line(&k, &at, end);
	add_object(&k, m, pod, sizeof(pod) - 1);
	add_object(&k, m, at, (size_t)(end - at));
	read_pairs(&k, path, (const char *)data, size);
	expand(value);
	kconfig_default(&config);
	image.name = path;
	image.new_tag = value;
	(void)!kust_image(&k, m, &image, &config.images, &err);
	use_path(&k, m, path);
	replace(&k, m, path, value, delimiter);
	kust_deinit(&k);
	return 0;
}
