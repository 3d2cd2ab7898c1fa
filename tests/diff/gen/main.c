/*
 * kustgen SEED COUNT TO: COUNT random trees from seed SEED on, each a case that
 * tests/diff/lib.sh can compare: TO/SEED/{tree/,in,want}. --reach: see reach.c.
 */
#include "gen.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static void die(const char *what)
{
	fprintf(stderr, "kustgen: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* splitmix64: any seed is as good as another. */
static uint64_t next(struct gen *g)
{
	uint64_t z = (g->state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

unsigned gen_below(struct gen *g, unsigned n)
{
	return (unsigned)(next(g) % n);
}

bool gen_chance(struct gen *g, unsigned percent)
{
	return gen_below(g, 100) < percent;
}

static void make_folders(char *path)
{
	for (char *s = path + 1; (s = strchr(s, '/')); s++) {
		*s = '\0';
		if (mkdir(path, 0777) && errno != EEXIST)
			die(path);
		*s = '/';
	}
}

static void write_file(const char *root, const char *path, const char *text,
		       size_t len)
{
	_cleanup_free_ char *full = xasprintf("%s/%s", root, path);
	FILE *f;

	make_folders(full);
	f = fopen(full, "w");
	if (!f || fwrite(text, 1, len, f) != len || fclose(f))
		die(full);
}

void gen_write(struct gen *g, const char *path, const struct buf *text)
{
	_cleanup_free_ char *below = xasprintf("tree/%s", path);

	write_file(g->root, below, buf_str(text), text->len);
}

/* Documents as the items of a List. */
static void as_list(struct gen *g, struct buf *b)
{
	struct buf all = BUF_INIT;
	const char *dash = "- ";

	buf_adds(&all, gen_chance(g, 70) ? "apiVersion: v1\nkind: List\nitems:\n" :
		 "apiVersion: example.com/v1\nkind: WidgetList\nitems:\n");
	for (const char *s = buf_str(b); *s;) {
		size_t n = strcspn(s, "\n") + 1;

		if (n == 4 && !strncmp(s, "---", 3)) {
			dash = "- ";
		} else {
			buf_adds(&all, dash);
			buf_add(&all, s, n);
			dash = "  ";
		}
		s += n;
	}
	buf_deinit(b);
	*b = all;
}

static void json_resource(struct gen *g, struct buf *k, const char *dir, int layer)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_free_ char *path = xasprintf("%s/j.json", dir);
	const char *name = gen_name(g);

	if (!gen_remember(g, "v1", "ConfigMap", name, "", false, layer))
		return;
	buf_addf(&b, "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": "
		 "\"%s\"},\n \"data\": {\"k0\": \"\\u00e9 %s\", \"k1\": \"1\"}}\n", name, gen_name(g));
	gen_write(g, path, &b);
	buf_adds(k, "- j.json\n");
}

static void resources(struct gen *g, struct buf *k, const char *dir, int layer)
{
	unsigned files = gen_below(g, 3);

	for (unsigned i = 0; i < files; i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		_cleanup_free_ char *path = xasprintf("%s/r%u.yaml", dir, i);
		unsigned objects = 1 + gen_below(g, 3);

		for (unsigned o = 0; o < objects; o++)
			gen_object(g, &b, layer);
		if (!b.len)
			continue;
		if (gen_chance(g, 6))
			as_list(g, &b);
		gen_write(g, path, &b);
		buf_addf(k, "- r%u.yaml\n", i);
	}
	if (gen_chance(g, 5))
		json_resource(g, k, dir, layer);
}

static void finish(struct gen *g, struct buf *k, const char *dir)
{
	static const char *const names[] = { "kustomization.yml", "Kustomization" };
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, gen_chance(g, 90) ?
					      "kustomization.yaml" : gen_pick(g, names));

	gen_write(g, path, k);
}

static void component(struct gen *g, char dir[16], int first)
{
	_cleanup_buf_ struct buf k = BUF_INIT;

	snprintf(dir, 16, "comp%d", g->components++);
	buf_adds(&k, "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n");
	if (gen_chance(g, 30)) {
		buf_adds(&k, "resources:\n");
		resources(g, &k, dir, 100 + g->components);
	}
	if (gen_chance(g, 10)) {
		char inner[16];

		component(g, inner, first);
		buf_addf(&k, "components: [../%s]\n", inner);
	}
	gen_fields(g, &k, dir, 100 + g->components, first, true);
	finish(g, &k, dir);
}

/* A folder of the given depth: 0 is a base. */
static void layer(struct gen *g, char dir[16], int depth)
{
	_cleanup_buf_ struct buf k = BUF_INIT;
	int number = g->layers++, first = g->n_objs;

	snprintf(dir, 16, "layer%d", number);
	if (gen_chance(g, 30))
		buf_adds(&k, "apiVersion: kustomize.config.k8s.io/v1beta1\n"
			     "kind: Kustomization\n");
	buf_adds(&k, "resources:\n");
	for (unsigned i = 0; depth && i < 1 + gen_below(g, 2); i++) {
		char below[16];

		layer(g, below, depth - 1);
		buf_addf(&k, "- ../%s\n", below);
	}
	resources(g, &k, dir, number);
	if (gen_chance(g, 5) && depth) {
		char below[16];

		layer(g, below, 0);
		buf_addf(&k, "bases: [../%s]\n", below);
	}
	if (gen_chance(g, 30)) {
		char comp[16];

		buf_adds(&k, "components:\n");
		for (unsigned i = 0, n = gen_chance(g, 25) ? 2 : 1; i < n; i++) {
			component(g, comp, first);
			buf_addf(&k, "- ../%s\n", comp);
		}
	}
	gen_fields(g, &k, dir, number, first, false);
	finish(g, &k, dir);
}

int main(int argc, char **argv)
{
	unsigned long seed, count;

	if (argc == 2 && !strcmp(argv[1], "--reach"))
		return gen_reach();
	if (argc != 4) {
		fprintf(stderr, "usage: kustgen SEED COUNT TO; kustgen --reach <FOLDERS\n");
		return 2;
	}
	seed = strtoul(argv[1], NULL, 10);
	count = strtoul(argv[2], NULL, 10);
	for (unsigned long i = seed; i < seed + count; i++) {
		_cleanup_free_ char *root = xasprintf("%s/%lu", argv[3], i);
		_cleanup_free_ struct gen *g = xcalloc(1, sizeof(*g));
		char top[17];

		g->state = i * 1000003;
		g->root = root;
		layer(g, top, (int)gen_below(g, 3));
		strcat(top, "\n");
		write_file(root, "in", top, strlen(top));
		write_file(root, "want", "any\n", 4);
	}
	return 0;
}
