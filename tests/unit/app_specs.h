/*
 * app_specs.h - the table of test_app_spec.c: specs and the errors they get.
 * Single quotes stand for double ones in the JSON.
 */
#ifndef UNIT_APP_SPECS_H
#define UNIT_APP_SPECS_H

#define SRC "'source':{'repoURL':'https://git.example.com/r.git','path':'a'}"
#define DST "'destination':{'server':'https://kubernetes.default.svc'}"
#define SRC_WITH(x) "'source':{'repoURL':'https://h/r','path':'a'," x "}," DST
#define SRC_AT(url) "'source':{'repoURL':'" url "','path':'a'}," DST
#define MANY(x) DST ",'sources':[" x "]"
#define DST_IS(x) SRC ",'destination':" x
#define POLICY(x) SRC "," DST ",'syncPolicy':{" x "}"

/* A spec and its messages, one per line of want, in order; "" = none. */
static const struct {
	const char *spec, *want;
} specs[] = {
	{ SRC "," DST, "" },
	{ "'project':'default'," SRC "," DST, "" },
	{ "'project':''," SRC "," DST, "" },
	{ "'project':null," SRC "," DST, "" },
	{ "'project':7," SRC "," DST, "spec.project must be a string" },
	{ "'project':['a']," SRC "," DST, "spec.project must be a string" },
	/* destination */
	{ DST_IS("{'name':'in-cluster','namespace':'x'}"), "" },
	{ SRC, "spec.destination is missing" },
	{ SRC ",'destination':null", "spec.destination is missing" },
	{ DST_IS("'x'"), "spec.destination must be a map" },
	{ DST_IS("{}"), "spec.destination.server is missing" },
	{ DST_IS("{'namespace':'x'}"), "spec.destination.server is missing" },
	{ DST_IS("{'server':1}"), "spec.destination.server must be a string" },
	{ DST_IS("{'server':'https://10.1.2.3:6443'}"),
	  "spec.destination.server: other clusters are not supported" },
	{ DST_IS("{'name':'prod-eu'}"),
	  "spec.destination.name: other clusters are not supported" },
	{ DST_IS("{'name':'in-cluster','server':'https://kubernetes.default.svc'}"),
	  "spec.destination has both server and name" },
	{ DST_IS("{'name':'in-cluster','namespace':5}"),
	  "spec.destination.namespace must be a string" },
	/* source */
	{ DST, "spec.source is missing" },
	{ DST ",'source':null", "spec.source is missing" },
	{ DST ",'source':'x'", "spec.source must be a map" },
	{ DST ",'source':{}",
	  "spec.source.repoURL is missing\nspec.source.path is missing" },
	{ DST ",'source':{'repoURL':'https://h/r'}", "spec.source.path is missing" },
	{ DST ",'source':{'repoURL':'https://h/r','path':''}",
	  "spec.source.path is missing" },
	{ DST ",'source':{'repoURL':'https://h/r','path':'.'}", "" },
	{ DST ",'source':{'repoURL':'https://h/r','path':7}",
	  "spec.source.path must be a string" },
	{ DST ",'source':{'repoURL':'https://h/r','path':'/etc'}",
	  "spec.source.path: \"/etc\" must be a folder" },
	{ DST ",'source':{'repoURL':'https://h/r','path':'a/../../b'}",
	  "spec.source.path: \"a/../../b\" must be a folder" },
	{ DST ",'source':{'repoURL':'https://h/r','path':'a\\u0007'}",
	  "spec.source.path: \"(control characters)\"" },
	{ DST ",'source':{'repoURL':7,'path':'a'}",
	  "spec.source.repoURL must be a string" },
	{ DST ",'source':{'repoURL':'','path':'a'}",
	  "spec.source.repoURL is missing" },
	{ DST ",'source':{'repoURL':'http://h/r','path':'a'}", "" },
	{ DST ",'source':{'repoURL':'file:///srv/r','path':'a'}", "" },
	{ DST ",'source':{'repoURL':'git@github.com:o/r.git','path':'a'}", "" },
	{ DST ",'source':{'repoURL':'ssh://git@h/r','path':'a'}", "" },
	{ DST ",'source':{'repoURL':'git://h/r','path':'a'}",
	  "spec.source.repoURL must begin with" },
	{ DST ",'source':{'repoURL':'oci://h/r','path':'a'}",
	  "spec.source.repoURL: OCI artifacts are not supported" },
	{ DST ",'source':{'repoURL':'gopher://h/r','path':'a'}",
	  "spec.source.repoURL must begin with" },
	{ SRC_WITH("'targetRevision':'v1.*'"), "" },
	/* A prefix of tags counts for versions alone. */
	{ SRC_WITH("'targetRevision':'1.*','tagPrefix':'web/'"),
	  "spec.source.tagPrefix is not supported with a version or a range" },
	{ SRC_WITH("'targetRevision':'v1.2.3','tagPrefix':'web/'"),
	  "spec.source.tagPrefix is not supported with a version or a range" },
	{ MANY("{'repoURL':'https://h/a','path':'a'},{'repoURL':'https://h/b?ref=%5E1','path':"
	       "'a','tagPrefix':'v'}"),
	  "spec.sources[1].tagPrefix is not supported with a version or a range" },
	{ SRC_WITH("'targetRevision':'main','tagPrefix':'web/'"), "" },
	{ SRC_WITH("'targetRevision':'1.*','tagPrefix':''"), "" },
	{ SRC_WITH("'tagPrefix':'web/'"), "" },
	{ SRC_WITH("'tagPrefix':7"), "spec.source.tagPrefix must be a string" },
	{ SRC_WITH("'targetRevision':1.2"),
	  "spec.source.targetRevision must be a string" },
	{ SRC_WITH("'targetRevision':'--upload-pack=x'"),
	  "spec.source.targetRevision must be a branch" },
	{ SRC_WITH("'targetRevision':'a..b'"),
	  "spec.source.targetRevision must be a branch" },
	/* a revision in the URL */
	{ SRC_AT("https://h/r?ref=v1"), "" },
	{ SRC_AT("git@h:o/r.git?ref=feature%2Fx"), "" },
	{ SRC_AT("https://h/r?ref=v1','targetRevision':'v1"), "" },
	{ SRC_AT("https://h/r?ref=v1','targetRevision':'"), "" },
	{ SRC_AT("https://h/r?ref=v1','targetRevision':'v2"),
	  "spec.source: repoURL says ?ref=v1 and targetRevision v2: keep one" },
	{ SRC_AT("https://h/r?ref="), "spec.source.repoURL: only \"?ref=" },
	{ SRC_AT("https://h/r?"), "spec.source.repoURL: only \"?ref=" },
	{ SRC_AT("https://h/r?ref=a&depth=1"), "spec.source.repoURL: only \"?ref=" },
	{ SRC_AT("https://h/r?token=S3CRET"), "spec.source.repoURL: only \"?ref=" },
	{ SRC_AT("https://h/r?ref=a%2"),
	  "spec.source.repoURL: ?ref= is not percent-encoded well" },
	{ SRC_AT("https://h/r?ref=a%00b"),
	  "spec.source.repoURL: ?ref= is not percent-encoded well" },
	{ SRC_AT("https://h/r?ref=--upload-pack=x"),
	  "spec.source.repoURL: ?ref= must be a branch, a tag or a commit" },
	{ SRC_AT("?ref=x"), "spec.source.repoURL is missing" },
	{ SRC_WITH("'kustomize':{'images':['a=b:c']}"), "" },
	{ SRC_WITH("'kustomize':[]"), "spec.source.kustomize must be a map" },
	{ SRC_WITH("'directory':{'recurse':true,'jsonnet':{}}"), "" },
	{ SRC_WITH("'directory':{'recurse':'yes'}"),
	  "spec.source.directory.recurse must be true or false" },
	{ SRC_WITH("'directory':{'recurse':true},'kustomize':{'namePrefix':'x'}"),
	  "spec.source has both directory and kustomize" },
	{ SRC_WITH("'directory':{'recurse':false},'kustomize':{'namePrefix':'x'}"),
	  "" },
	{ SRC_WITH("'directory':{'jsonnet':{'libs':['x']}}"),
	  "spec.source.directory.jsonnet: Jsonnet is not supported" },
	{ SRC_WITH("'helm':{}"), "" },
	{ SRC_WITH("'helm':{'releaseName':'x'}"),
	  "spec.source.helm: Helm is not supported yet" },
	{ SRC_WITH("'plugin':{'name':'x'}"),
	  "spec.source.plugin: config management plugins are not supported" },
	{ DST ",'source':{'repoURL':'https://h/charts','chart':'nginx',"
	  "'targetRevision':'1.2.3'}", "spec.source.chart: Helm charts are not" },
	{ SRC "," DST ",'sourceHydrator':{'drySource':{'path':'x'}}",
	  "spec.sourceHydrator is not supported" },
	{ SRC "," DST ",'unknownField':{'x':1}", "" },
	/* sources */
	{ DST ",'sources':[{'repoURL':'https://h/r','path':'a'}]", "" },
	{ DST ",'sources':[]," SRC, "" },
	{ DST ",'sources':[{'repoURL':'https://h/r'}]",
	  "spec.sources[0].path is missing" },
	{ DST ",'sources':[{}]",
	  "spec.sources[0].repoURL is missing\nspec.sources[0].path is missing" },
	{ MANY("{'repoURL':'https://h/a','path':'a'},{'repoURL':'https://h/b','path':'b'}"),
	  "" },
	{ MANY("{'repoURL':'https://h/a','path':'a'},{'repoURL':'https://h/b','ref':'v'}"),
	  "" },
	{ MANY("{'repoURL':'https://h/a','path':'a','ref':'v'}"), "" },
	{ MANY("{'repoURL':'https://h/a','ref':'v'}"),
	  "spec.sources: each of them is only a ref" },
	{ MANY("{'repoURL':'https://h/a','path':'a'},{'repoURL':'https://h/b'}"),
	  "spec.sources[1].path is missing" },
	{ MANY("{'repoURL':'https://h/a','path':'a','ref':'v'},"
	       "{'repoURL':'https://h/b','ref':'v'}"),
	  "spec.sources[1].ref: \"v\" is the name of sources[0] already" },
	{ MANY("{'repoURL':'https://h/a','path':'a','ref':'$v/'}"),
	  "spec.sources[0].ref: only letters, digits" },
	{ MANY("{'repoURL':'https://h/a','path':'a'},{'repoURL':'https://h/c','chart':'x',"
	       "'targetRevision':'1.0.0','helm':{'valueFiles':['$v/a.yaml']}}"),
	  "spec.sources[1].chart: Helm charts are not supported\n"
	  "spec.sources[1].helm: Helm is not supported" },
	{ MANY("{'repoURL':'https://h/a?ref=x','path':'a','targetRevision':'y'}"),
	  "spec.sources[0]: repoURL says ?ref=x and targetRevision y" },
	{ MANY("{'repoURL':'https://h/a','path':'a','directory':{'recurse':1}}"),
	  "spec.sources[0].directory.recurse must be true or false" },
	/* sources wins, as in Argo CD: source is not even read */
	{ MANY("{'repoURL':'https://h/a','path':'a'}") ",'source':{'path':7}", "" },
	{ MANY("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17"),
	  "spec.sources has 17 entries: at most 16 are taken" },
	{ DST ",'sources':['x']", "spec.sources[0] must be a map" },
	{ DST ",'sources':'x'", "spec.sources must be a list" },
	{ DST ",'sources':[]", "spec.source is missing" },
	/* policy */
	{ POLICY("'automated':{}"), "" },
	{ POLICY("'automated':true"),
	  "spec.syncPolicy.automated must be a map" },
	{ POLICY("'automated':{'prune':'true','selfHeal':1,'enabled':[],"
		 "'allowEmpty':{}}"),
	  "spec.syncPolicy.automated.enabled must be true or false\n"
	  "spec.syncPolicy.automated.prune must be true or false\n"
	  "spec.syncPolicy.automated.selfHeal must be true or false\n"
	  "spec.syncPolicy.automated.allowEmpty must be true or false" },
	{ SRC "," DST ",'syncPolicy':'x'", "spec.syncPolicy must be a map" },
	{ POLICY("'retry':{'limit':3,'backoff':{'duration':'5s','factor':3,"
		 "'maxDuration':'3m'}}"), "" },
	{ POLICY("'retry':{'limit':'3'}"),
	  "spec.syncPolicy.retry.limit must be a whole number" },
	{ POLICY("'retry':{'backoff':{'duration':'soon','maxDuration':'5 min',"
		 "'factor':0}}"),
	  "spec.syncPolicy.retry.backoff.duration: \"soon\" is not\n"
	  "spec.syncPolicy.retry.backoff.maxDuration: \"5 min\" is not\n"
	  "spec.syncPolicy.retry.backoff.factor must be 1 to 1000" },
	{ POLICY("'syncOptions':'CreateNamespace=true'"),
	  "spec.syncPolicy.syncOptions must be a list" },
	{ POLICY("'syncOptions':[true,{}]"),
	  "spec.syncPolicy.syncOptions[0] must be a string\n"
	  "spec.syncPolicy.syncOptions[1] must be a string" },
	{ POLICY("'syncOptions':['CreateNamespace=true'],'managedNamespaceMetadata':"
		 "{'labels':{'a':'b'},'annotations':{'c':'d'}}"), "" },
	{ POLICY("'managedNamespaceMetadata':7"),
	  "spec.syncPolicy.managedNamespaceMetadata must be a map" },
	{ POLICY("'managedNamespaceMetadata':{'labels':{'a':true},'annotations':[]}"),
	  "spec.syncPolicy.managedNamespaceMetadata.labels[\"a\"] must be a string\n"
	  "spec.syncPolicy.managedNamespaceMetadata.annotations must be a map" },
	{ SRC "," DST ",'revisionHistoryLimit':-1",
	  "spec.revisionHistoryLimit must be 0 to 1000" },
	{ SRC "," DST ",'revisionHistoryLimit':'x'",
	  "spec.revisionHistoryLimit must be a whole number" },
	/* ignoreDifferences */
	{ SRC "," DST ",'ignoreDifferences':[{'group':'apps','kind':'Deployment',"
	  "'jsonPointers':['/spec/replicas']}]", "" },
	{ SRC "," DST ",'ignoreDifferences':{}",
	  "spec.ignoreDifferences must be a list" },
	{ SRC "," DST ",'ignoreDifferences':['x',{'kind':7}]",
	  "spec.ignoreDifferences[0] must be a map\n"
	  "spec.ignoreDifferences[1].kind must be a string" },
	{ SRC "," DST ",'ignoreDifferences':[{'jsonPointers':['spec',1]}]",
	  "spec.ignoreDifferences[0].kind is missing\n"
	  "spec.ignoreDifferences[0].jsonPointers[0] must be a string that\n"
	  "spec.ignoreDifferences[0].jsonPointers[1] must be a string that" },
	{ SRC "," DST ",'ignoreDifferences':[{'kind':'Deployment',"
	  "'jqPathExpressions':['.spec.replicas','.spec | keys',1]}]",
	  "spec.ignoreDifferences[0].jqPathExpressions[1]: of jq only paths are understood\n"
	  "spec.ignoreDifferences[0].jqPathExpressions[2] must be a string" },
	/* all at once */
	{ "'project':1,'destination':{'name':'x'},'source':{'path':'/x'}",
	  "spec.project must be a string\nspec.destination.name: other\n"
	  "spec.source.repoURL is missing\nspec.source.path: \"/x\"" },
};

#endif
