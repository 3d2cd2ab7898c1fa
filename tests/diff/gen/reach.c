/*
 * reach.c - which fields and options the trees reach: of those that the reference
 * builds, for the others tell nothing of what comes behind the error.
 *
 * `kustgen --reach` reads folders of cases, a line each, and prints a line a row of
 * the table below: in how many trees and files it occurs. A row that is never reached
 * makes it fail.
 */
#include "gen.h"

#include <dirent.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <sys/stat.h>

/* Each a regular expression for a line of any file, but for a kustomization's field. */
static const struct {
	const char *name, *regex;
} rows[] = {
	{ "resources", "^resources:" },
	{ "resources: a list", "^kind: (Widget)?List" },
	{ "resources: JSON", "^- j\\.json" },
	{ "resources: anchors", "<<: \\*known" },
	{ "resources: local-config", "local-config: \"true\"" },
	{ "bases", "^bases:" },
	{ "components", "^components:" },
	{ "component in a component", "^kind: Component\n([^\n]*\n)*components:" },
	{ "a layer above another", "^resources:\n- \\.\\./layer" },
	{ "a layer above two", "^resources:\n(- \\.\\./layer[0-9]*\n){2}" },
	{ "namespace", "^namespace:" },
	{ "namePrefix", "^namePrefix:" },
	{ "nameSuffix", "^nameSuffix:" },
	{ "labels", "^labels:" },
	{ "labels: includeSelectors", "^  includeSelectors: true" },
	{ "labels: includeTemplates", "^  includeTemplates: true" },
	{ "labels: fields", "^  fields: \\[" },
	{ "labels: fields of a group", "^  fields: .*group" },
	{ "commonLabels", "^commonLabels:" },
	{ "commonAnnotations", "^commonAnnotations:" },
	{ "patches", "^patches:" },
	{ "patches: path", "^- path: p[0-9]" },
	{ "patches: inline", "^- patch: \\|-" },
	{ "patches: null", "^ *(labels|annotations): .*p: .*: null\\}" },
	{ "patches: $patch", "\\$patch" },
	{ "patches: add", "op: add" },
	{ "patches: remove", "op: remove" },
	{ "patches: replace", "op: replace" },
	{ "patches: move", "op: move" },
	{ "patches: copy", "op: copy" },
	{ "patches: test", "op: test" },
	{ "patches: labelSelector", "^  target: .*labelSelector" },
	{ "patches: annotationSelector", "^  target: .*annotationSelector" },
	{ "patches: group", "^  target: .*group" },
	{ "patches: version", "^  target: .*version" },
	{ "patches: allowNameChange", "allowNameChange: true" },
	{ "patches: allowKindChange", "allowKindChange: true" },
	{ "patchesStrategicMerge", "^patchesStrategicMerge:" },
	{ "patchesStrategicMerge: path", "^patchesStrategicMerge: \\[psm" },
	{ "patchesJson6902", "^patchesJson6902:" },
	{ "patchesJson6902: path", "^  path: p6902" },
	{ "images", "^images:" },
	{ "imageTags", "^imageTags:" },
	{ "images: expression", "name: \"\\(nginx" },
	{ "images: newName", "newName:" },
	{ "images: newTag", "newTag:" },
	{ "images: digest", "digest:" },
	{ "images: tagSuffix", "tagSuffix:" },
	{ "replicas", "^replicas:" },
	{ "configMapGenerator", "^configMapGenerator:" },
	{ "secretGenerator", "^secretGenerator:" },
	{ "generator: literals", "^  literals:" },
	{ "generator: files", "^  files:" },
	{ "generator: envs", "^  envs:" },
	{ "generator: envs with a byte order mark", "^\xef\xbb\xbf# env" },
	{ "generator: envs with CRLF", "^E2=\r" },
	{ "generator: env", "^  env:" },
	{ "generator: type", "^  type:" },
	{ "generator: namespace", "^- name: [a-z0-9]*\n(  behavior: create\n)?  namespace: ns1" },
	{ "generator: create", "behavior: create" },
	{ "generator: merge", "behavior: merge" },
	{ "generator: replace", "behavior: replace" },
	{ "generator: options", "^  options: \\{disable" },
	{ "generatorOptions", "^generatorOptions:" },
	{ "options: immutable", "immutable: true" },
	{ "replacements", "^replacements:" },
	{ "replacements: path", "^replacements: \\[\\{path:" },
	{ "replacements: sourceValue", "sourceValue:" },
	{ "replacements: source group", "^    group: " },
	{ "replacements: source namespace", "^    name: .*\n(    group: .*\n    version: .*\n)?    namespace: " },
	{ "replacements: source delimiter", "^    options: \\{delimiter" },
	{ "replacements: delimiter", "create: [a-z]*, delimiter: \"[:/]" },
	{ "replacements: before", "index: -1" },
	{ "replacements: behind", "index: 99" },
	{ "replacements: create", "^    options: \\{create: true" },
	{ "replacements: no create", "^    options: \\{create: false" },
	{ "replacements: reject", "^    reject:" },
	{ "replacements: reject labels", "reject: .*labelSelector" },
	{ "replacements: select labels", "select: .*labelSelector" },
	{ "replacements: wildcard", "fieldPaths: .*\\.\\*" },
	{ "replacements: element", "fieldPaths: .*\\[name=" },
	{ "replacements: into JSON", "fieldPaths: .*data\\.json" },
	{ "vars", "^vars:" },
	{ "vars: fieldref", "fieldref:" },
	{ "vars: used", "\\$\\(VAR0\\)" },
	{ "configurations", "^configurations:" },
	{ "configurations: nameReference", "^nameReference:" },
	{ "configurations: varReference", "^varReference:" },
	{ "configurations: namePrefix", "^namePrefix: \\[" },
	{ "configurations: nameSuffix", "^nameSuffix: \\[" },
	{ "configurations: namespace", "^namespace: \\[" },
	{ "configurations: labels", "^labels: \\[" },
	{ "configurations: commonLabels", "^commonLabels: \\[" },
	{ "configurations: commonAnnotations", "^commonAnnotations: \\[" },
	{ "configurations: templateLabels", "^templateLabels:" },
	{ "configurations: images", "^images: \\[" },
	{ "configurations: replicas", "^replicas: \\[\\{path" },
	{ "crds", "^crds:" },
	{ "openapi: version", "^openapi: \\{version" },
	{ "openapi: path", "^openapi: \\{path" },
	{ "transformers", "^transformers:" },
	{ "transformers: inline", "^transformers:\n- \\|-" },
	{ "transformers: folder", "^transformers: \\[\\.\\./" },
	{ "generators", "^generators:" },
	{ "validators", "^validators:" },
	{ "AnnotationsTransformer", "^kind: AnnotationsTransformer" },
	{ "HashTransformer", "^kind: HashTransformer" },
	{ "ImageTagTransformer", "^kind: ImageTagTransformer" },
	{ "LabelTransformer", "^kind: LabelTransformer" },
	{ "NamespaceTransformer", "^kind: NamespaceTransformer" },
	{ "PatchJson6902Transformer", "^kind: PatchJson6902Transformer" },
	{ "PatchStrategicMergeTransformer", "^kind: PatchStrategicMergeTransformer" },
	{ "PatchTransformer", "^kind: PatchTransformer" },
	{ "PrefixSuffixTransformer", "^kind: PrefixSuffixTransformer" },
	{ "PrefixTransformer", "^kind: PrefixTransformer" },
	{ "SuffixTransformer", "^kind: SuffixTransformer" },
	{ "ReplacementTransformer", "^kind: ReplacementTransformer" },
	{ "ReplicaCountTransformer", "^kind: ReplicaCountTransformer" },
	{ "ValueAddTransformer", "^kind: ValueAddTransformer" },
	{ "ConfigMapGenerator", "^kind: ConfigMapGenerator" },
	{ "SecretGenerator", "^kind: SecretGenerator" },
	{ "IAMPolicyGenerator", "^kind: IAMPolicyGenerator" },
	{ "sortOptions: fifo", "^sortOptions: \\{order: fifo" },
	{ "sortOptions: legacy", "legacySortOptions" },
	{ "buildMetadata: origin", "^buildMetadata: .*originAnnotations" },
	{ "buildMetadata: transformer", "^buildMetadata: .*transformerAnnotations" },
	{ "buildMetadata: managed-by", "^buildMetadata: .*managedByLabel" },
};

struct reach {
	regex_t regex[ARRAY_LEN(rows)];
	unsigned files[ARRAY_LEN(rows)], trees[ARRAY_LEN(rows)];
	bool here[ARRAY_LEN(rows)];	/* in the tree at hand */
};

static void read_file(struct reach *r, const char *path)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char chunk[4096];
	FILE *f = fopen(path, "r");
	size_t n;

	while (f && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, chunk, n);
	if (f)
		fclose(f);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (regexec(&r->regex[i], buf_str(&b), 0, NULL, 0))
			continue;
		r->files[i]++;
		r->here[i] = true;
	}
}

/* Two levels: a tree's folders hold files only. */
static void read_folder(struct reach *r, const char *path, int depth)
{
	DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d));) {
		_cleanup_free_ char *below = xasprintf("%s/%s", path, e->d_name);

		if (*e->d_name == '.')
			continue;
		if (depth)
			read_folder(r, below, depth - 1);
		else
			read_file(r, below);
	}
	if (d)
		closedir(d);
}

static void print(const struct reach *r, unsigned n)
{
	printf("# reach of %u trees that build: trees, files\n", n);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		printf("# %6u %6u  %s\n", r->trees[i], r->files[i], rows[i].name);
}

int gen_reach(void)
{
	_cleanup_free_ struct reach *r = xcalloc(1, sizeof(*r));
	char line[4096];
	unsigned n = 0;
	int missing = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (regcomp(&r->regex[i], rows[i].regex, REG_EXTENDED | REG_NOSUB | REG_NEWLINE))
			return 2;
	}
	for (; fgets(line, sizeof(line), stdin); n++) {
		_cleanup_free_ char *tree = NULL;

		line[strcspn(line, "\n")] = '\0';
		tree = xasprintf("%s/tree", line);
		memset(r->here, 0, sizeof(r->here));
		read_folder(r, tree, 1);
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			r->trees[i] += r->here[i];
	}
	print(r, n);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		missing += !r->trees[i];
		regfree(&r->regex[i]);
	}
	return missing ? 1 : 0;
}
