/*
 * admission_cases.h - the table of test_admission.c: reviews and what they get.
 * Single quotes stand for double ones in the JSON. `want` has a line per message, in
 * order: "E part" for an error, "W part" for a warning; "" = allowed without a word.
 */
#ifndef UNIT_ADMISSION_CASES_H
#define UNIT_ADMISSION_CASES_H

#define SRC "'source':{'repoURL':'https://git.example.com/r.git','path':'a'}"
#define DST "'destination':{'server':'https://kubernetes.default.svc','namespace':'shop'}"
#define SPEC(x) "'spec':{'project':'default'," SRC "," DST x "}"
#define KUST(x) "'spec':{'project':'default'," DST ",'source':{'repoURL':'https://h/r'," \
		"'path':'a','kustomize':{" x "}}}"
#define POLICY(x) SPEC(",'syncPolicy':{" x "}")
#define NOTED(key, value) "'metadata':{'name':'x','annotations':{'" key "':'" value "'}}"
#define GOOD SPEC("")
#define BAD SPEC(",'revisionHistoryLimit':-1")
#define DELETING "'metadata':{'name':'x','deletionTimestamp':'2026-11-21T17:00:00Z'}"

#define OPEN "'sourceRepos':['*'],'destinations':[{'server':'*','namespace':'*'}]"
#define PROJ(x) "'spec':{" OPEN x "}"
#define WINDOW(x) PROJ(",'syncWindows':[{'kind':'deny','schedule':'0 9 * * *'," \
		       "'duration':'1h','applications':['*']" x "}]")
#define WINDOW_IS(x) PROJ(",'syncWindows':[{'applications':['*']," x "}]")
#define TEAM "'spec':{'sourceRepos':['https://git.example.com/team/*']," \
	     "'destinations':[{'server':'*','namespace':'team-*'}]}"
#define IN_TEAM(url, ns) "'spec':{'project':'team','source':{'repoURL':'" url "','path':'a'}," \
			 "'destination':{'name':'in-cluster','namespace':'" ns "'}}"
#define TEAM_OK IN_TEAM("https://git.example.com/team/r", "team-a")
#define TEAM_OUT IN_TEAM("https://git.example.com/team/r", "kube-system")
#define WHERE "spec.destination.namespace: AppProject team does not allow namespace \"kube-system\""

#define APP "Application"
#define PRJ "AppProject"

static const struct admission_case {
	int n;
	const char *operation, *kind, *object, *old;	/* without the braces; NULL */
	const char *project;	/* NULL: absent; "?": unread */
	const char *ns;		/* NULL: syncd's own */
	const char *want;
} cases[] = {
	/* 1-19: what an Application may be */
	{ 1, "CREATE", APP, GOOD, NULL, NULL, NULL, "" },
	{ 2, "CREATE", APP, SPEC(",'syncPolicy':{'automated':{'prune':true,'selfHeal':true},"
	  "'syncOptions':['CreateNamespace=true','Prune=confirm'],'retry':{'limit':5,"
	  "'backoff':{'duration':'5s','factor':2,'maxDuration':'3m'}}},"
	  "'revisionHistoryLimit':10,'info':[{'name':'a','value':'b'}],"
	  "'ignoreDifferences':[{'group':'apps','kind':'Deployment',"
	  "'jsonPointers':['/spec/replicas']}]"), NULL, NULL, NULL, "" },
	{ 3, "CREATE", APP, KUST("'namePrefix':'a-','images':['x=y:1'],'commonLabels':{'a':'b'},"
	  "'replicas':[{'name':'x','count':2}],'patches':[{'patch':'x','target':{'kind':'A',"
	  "'labelSelector':'a=b'},'options':{'allowNameChange':true}}],'components':['c']"),
	  NULL, NULL, NULL, "" },
	{ 4, "CREATE", APP, "'spec':{'project':'default'," DST ",'sources':[{'repoURL':'https://h/r',"
	  "'path':'a','name':'main','ref':'v'},{'repoURL':'https://h/s','ref':'w'}]}", NULL,
	  NULL, NULL, "" },
	{ 5, "CREATE", APP, "'spec':{'project':''," SRC ",'destination':{'name':'in-cluster',"
	  "'server':'','namespace':''}}", NULL, NULL, NULL, "" },
	{ 6, "CREATE", APP, GOOD "," NOTED("syncd.dev/soak", "10m"), NULL, NULL, NULL, "" },
	{ 7, "CREATE", APP, GOOD "," NOTED("syncd.dev/soack", "10m"), NULL, NULL, NULL,
	  "W annotation syncd.dev/soack is not known" },
	{ 8, "CREATE", APP, GOOD ",'status':{'future':1},'operation':{'sync':{'odd':1}}", NULL,
	  NULL, NULL, "" },
	{ 9, "CREATE", APP, GOOD "," NOTED("argocd.argoproj.io/refresh", "hard"), NULL, NULL,
	  NULL, "" },

	/* 20-39: unknown fields, with their path and what was meant */
	{ 20, "CREATE", APP, SPEC(",'syncPolcy':{}"), NULL, NULL, NULL,
	  "E spec.syncPolcy is not a field: did you mean syncPolicy?" },
	{ 21, "CREATE", APP, "'spec':{'project':'default'," DST ",'source':{'repoURL':'https://h/r',"
	  "'path':'a','targetRevison':'v1'}}", NULL, NULL, NULL,
	  "E spec.source.targetRevison is not a field: did you mean targetRevision?" },
	{ 22, "CREATE", APP, POLICY("'automated':{'selfheal':true}"), NULL, NULL, NULL,
	  "E spec.syncPolicy.automated.selfheal is not a field: did you mean selfHeal?" },
	{ 23, "CREATE", APP, POLICY("'retry':{'backoff':{'max':'3m'}}"), NULL, NULL, NULL,
	  "E spec.syncPolicy.retry.backoff.max is not a field: remove it" },
	{ 24, "CREATE", APP, "'spec':{'project':'default'," DST ",'sources':[{'repoURL':'https://h/r',"
	  "'path':'a'},{'repoURL':'https://h/r','path':'b','direktory':{}}]}", NULL, NULL, NULL,
	  "E spec.sources[1].direktory is not a field: did you mean directory?" },
	{ 25, "CREATE", APP, SPEC(",'ignoreDifferences':[{'kind':'A','jsonPointer':['/a']}]"),
	  NULL, NULL, NULL,
	  "E spec.ignoreDifferences[0].jsonPointer is not a field: did you mean jsonPointers?\n"
	  "W spec.ignoreDifferences[0] has no effect" },
	{ 26, "CREATE", APP, KUST("'patches':[{'patch':'x','target':{'nam':'a'}}]"), NULL, NULL,
	  NULL, "E spec.source.kustomize.patches[0].target.nam is not a field: did you mean name?" },
	{ 27, "CREATE", APP, SPEC(",'destinations':[]"), NULL, NULL, NULL,
	  "E spec.destinations is not a field: did you mean destination?" },
	{ 28, "CREATE", APP, SPEC(",'x\\u000ay':1"), NULL, NULL, NULL,
	  "E spec.x y is not a field: remove it" },
	{ 29, "CREATE", APP, POLICY("'managedNamespaceMetadata':{'label':{}},"
	  "'syncOptions':['CreateNamespace=true']"), NULL, NULL, NULL,
	  "E spec.syncPolicy.managedNamespaceMetadata.label is not a field: did you mean labels?" },

	/* 40-59: what the decoders refuse: durations, tools, places */
	{ 40, "CREATE", APP, POLICY("'retry':{'backoff':{'duration':'5 min'}}"), NULL, NULL, NULL,
	  "E spec.syncPolicy.retry.backoff.duration: \"5 min\" is not a duration" },
	{ 41, "CREATE", APP, GOOD "," NOTED("syncd.dev/soak", "2x"), NULL, NULL, NULL,
	  "E annotation syncd.dev/soak" },
	{ 42, "CREATE", APP, GOOD "," NOTED("syncd.dev/wave-deadline", "0s"), NULL, NULL, NULL,
	  "E annotation syncd.dev/wave-deadline: \"0s\" must be more than 0" },
	{ 43, "CREATE", APP, GOOD "," NOTED("syncd.dev/auto-revert", "yes"), NULL, NULL, NULL,
	  "E annotation syncd.dev/auto-revert: \"yes\" must be" },
	{ 44, "CREATE", APP, "'spec':{'project':'default'," DST ",'source':{'repoURL':'https://h/r',"
	  "'path':'a','helm':{'values':'a: 1'}}}", NULL, NULL, NULL,
	  "E spec.source.helm: Helm is not supported yet" },
	{ 45, "CREATE", APP, "'spec':{'project':'default'," DST ",'source':{'repoURL':'https://h/r',"
	  "'chart':'x'}}", NULL, NULL, NULL, "E spec.source.chart: Helm charts" },
	{ 46, "CREATE", APP, "'spec':{'project':'default'," DST ",'source':{'repoURL':'https://h/r',"
	  "'path':'a','plugin':{'name':'x'}}}", NULL, NULL, NULL,
	  "E spec.source.plugin: config management plugins are not supported" },
	{ 47, "CREATE", APP, "'spec':{'project':'default'," DST ",'source':{'repoURL':'https://h/r',"
	  "'path':'a','directory':{'jsonnet':{'libs':['x']}}}}", NULL, NULL, NULL,
	  "E spec.source.directory.jsonnet: Jsonnet is not supported" },
	{ 48, "CREATE", APP, SPEC(",'sourceHydrator':{'drySource':{'path':'a'}}"), NULL, NULL, NULL,
	  "E spec.sourceHydrator is not supported" },
	{ 49, "CREATE", APP, "'spec':{'project':'default'," SRC ",'destination':{'server':"
	  "'https://10.0.0.1'}}", NULL, NULL, NULL,
	  "E spec.destination.server: other clusters are not supported" },
	{ 50, "CREATE", APP, "'spec':{'project':'default'," SRC ",'destination':{'name':'in-cluster',"
	  "'namespace':'My_NS'}}", NULL, NULL, NULL,
	  "E spec.destination.namespace \"My_NS\" is no name of a namespace" },
	{ 51, "CREATE", APP, "'spec':{'project':'default'," DST ",'source':{'repoURL':'https://h/r',"
	  "'path':'../x'}}", NULL, NULL, NULL, "E spec.source.path: \"../x\" must be a folder" },
	{ 52, "CREATE", APP, KUST("'version':'v4'"), NULL, NULL, NULL,
	  "E spec.source.kustomize.version is not supported" },
	{ 53, "CREATE", APP, KUST("'images':'x'"), NULL, NULL, NULL,
	  "E spec.source.kustomize.images has the wrong type" },
	{ 54, "CREATE", APP, SPEC(",'ignoreDifferences':[{'kind':'A','jqPathExpressions':['.a','a']}]"),
	  NULL, NULL, NULL, "E spec.ignoreDifferences[0].jqPathExpressions[1]: of jq only paths" },
	{ 55, "CREATE", APP, "'spec':{}", NULL, NULL, NULL,
	  "E spec.destination is missing\nE spec.source is missing" },
	{ 56, "CREATE", APP, "'metadata':{'name':'x'}", NULL, NULL, NULL,
	  "E spec is missing\nE spec.destination is missing\nE spec.source is missing" },
	{ 57, "CREATE", APP, "'spec':[]", NULL, NULL, NULL,
	  "E spec must be a map\nE spec.destination is missing\nE spec.source is missing" },
	{ 58, "CREATE", APP, KUST("'commonLabels':{'a':'$ARGOCD_APP_NAME'}"), NULL, NULL, NULL,
	  "E spec.source.kustomize.commonLabels.a: variables are not replaced" },
	{ 59, "CREATE", APP, SPEC(",'syncPolicy':{'automated':null,'syncOptions':null}"), NULL, NULL, NULL,
	  "E spec.syncPolicy.automated is null, which the API server refuses\n"
	  "E spec.syncPolicy.syncOptions is null" },

	/* 60-69: contradictions, and what has no effect */
	{ 60, "CREATE", APP, POLICY("'syncOptions':['Prune=true','Prune=false']"), NULL, NULL, NULL,
	  "E spec.syncPolicy.syncOptions[1]: \"Prune=false\" contradicts \"Prune=true\"" },
	{ 61, "CREATE", APP, POLICY("'syncOptions':['Prune=true','Prune=true']"), NULL, NULL, NULL,
	  "" },
	{ 62, "CREATE", APP, POLICY("'retry':{'backoff':{'duration':'10m','maxDuration':'3m'}}"),
	  NULL, NULL, NULL, "W spec.syncPolicy.retry.backoff.duration is longer than maxDuration" },
	{ 63, "CREATE", APP, "'spec':{'project':'default'," DST ",'source':{'repoURL':'https://h/r',"
	  "'path':'a','directory':{'recurse':true},'kustomize':{'namePrefix':'x'}}}", NULL, NULL,
	  NULL, "E spec.source has both directory and kustomize" },
	{ 64, "CREATE", APP, "'spec':{'project':'default'," SRC ",'destination':{'name':'in-cluster',"
	  "'server':'https://kubernetes.default.svc'}}", NULL, NULL, NULL,
	  "E spec.destination has both server and name" },
	{ 65, "CREATE", APP, POLICY("'automated':{'enabled':false,'prune':true}"), NULL, NULL, NULL,
	  "W spec.syncPolicy.automated.enabled is false" },
	{ 66, "CREATE", APP, POLICY("'syncOptions':['createnamespace=true','Odd=1']"), NULL, NULL,
	  NULL, "W spec.syncPolicy.syncOptions[0]: \"createnamespace=true\" has no effect: write it"
	  "\nW spec.syncPolicy.syncOptions[1]: \"Odd=1\" is not known" },
	{ 67, "CREATE", APP, SPEC(",'sources':[{'repoURL':'https://h/r','path':'a'}]"), NULL, NULL,
	  NULL, "W spec.source has no effect: spec.sources is there, too" },
	{ 68, "CREATE", APP, POLICY("'retry':{'limit':3,'refresh':true}"), NULL, NULL, NULL,
	  "W spec.syncPolicy.retry.refresh has no effect" },
	{ 69, "CREATE", APP, SPEC(",'ignoreDifferences':[{'kind':'A'}]"), NULL, NULL, NULL,
	  "W spec.ignoreDifferences[0] has no effect" },

	/* 70-84: its project */
	{ 70, "CREATE", APP, TEAM_OK, NULL, TEAM, NULL, "" },
	{ 71, "CREATE", APP, TEAM_OUT, NULL, TEAM, NULL, "E " WHERE },
	{ 72, "CREATE", APP, IN_TEAM("https://else/r", "team-a"), NULL, TEAM, NULL,
	  "E spec.source.repoURL: AppProject team does not allow the repository" },
	{ 73, "CREATE", APP, IN_TEAM("https://else/r", "other"), NULL, TEAM, NULL,
	  "E spec.source.repoURL: AppProject team\nE spec.destination.namespace: AppProject team" },
	{ 74, "CREATE", APP, TEAM_OK, NULL, TEAM, "elsewhere",
	  "E metadata.namespace: AppProject team does not allow applications in namespace elsewhere" },
	{ 75, "CREATE", APP, TEAM_OK, NULL, NULL, NULL,
	  "W spec.project: there is no AppProject \"team\" yet" },
	{ 76, "CREATE", APP, TEAM_OUT, NULL, "?", NULL,
	  "W spec.project: AppProject \"team\" could not be read now" },
	{ 77, "CREATE", APP, TEAM_OUT, NULL, "'spec':{'destinations':7}", NULL,
	  "W spec.project: AppProject team: spec.destinations must be a list: nothing is allowed" },
	{ 78, "DRYRUN", APP, TEAM_OUT, NULL, TEAM, NULL, "W " WHERE },
	{ 79, "UPDATE", APP, TEAM_OUT, TEAM_OK, TEAM, NULL, "E " WHERE },
	{ 80, "UPDATE", APP, "'spec':{'project':'team','source':{'repoURL':"
	  "'https://git.example.com/team/r','path':'a'},'destination':{'name':'in-cluster',"
	  "'namespace':'kube-system'},'revisionHistoryLimit':3}", TEAM_OUT, TEAM, NULL, "W " WHERE },
	{ 81, "CREATE", APP, "'spec':{'project':'team','destination':{'name':'in-cluster',"
	  "'namespace':'team-a'},'sources':[{'repoURL':'https://git.example.com/team/r','path':'a'},"
	  "{'repoURL':'https://else/r','path':'b'}]}", NULL, TEAM, NULL,
	  "E spec.sources[1].repoURL: AppProject team does not allow" },
	{ 82, "CREATE", APP, TEAM_OK, NULL, "'spec':{" OPEN ",'destinationServiceAccounts':[{'server':"
	  "'*','namespace':'else','defaultServiceAccount':'x'}]}", NULL,
	  "E spec.destination.namespace: AppProject team does not say as which service account" },
	{ 83, "CREATE", APP, GOOD, NULL, "'spec':{'sourceRepos':['*'],'destinations':[{'server':'*',"
	  "'namespace':'*'}]}", "listed", "" },
	{ 84, "CREATE", APP, "'spec':{'project':'team'," SRC "}", NULL, TEAM, NULL,
	  "E spec.destination is missing" },

	/* 90-109: what is never in the way */
	{ 90, "DELETE", APP, NULL, BAD, NULL, NULL, "" },
	{ 91, "CONNECT", APP, BAD, NULL, NULL, NULL, "" },
	{ 92, "UPDATE", APP, BAD "," DELETING, GOOD "," DELETING, NULL, NULL, "" },
	{ 93, "UPDATE", APP, BAD ",'status':{'a':1}", BAD, NULL, NULL, "" },
	{ 94, "UPDATE", APP, BAD ",'metadata':{'finalizers':[]}", BAD ",'metadata':{'finalizers':"
	  "['resources-finalizer.argocd.argoproj.io']}", NULL, NULL, "" },
	{ 95, "UPDATE", APP, BAD ",'operation':{'sync':{}}", BAD, NULL, NULL, "" },
	{ 96, "UPDATE", APP, GOOD "," NOTED("syncd.dev/soak", "2x"), GOOD, NULL, NULL,
	  "W annotation syncd.dev/soak" },
	{ 97, "UPDATE", APP, BAD "," NOTED("syncd.dev/soak", "2x"),
	  BAD "," NOTED("syncd.dev/soak", "2x"), NULL, NULL, "" },
	{ 98, "CREATE", "Rollout", "'spec':{'x':1}", NULL, NULL, NULL, "" },
	{ 99, "UPDATE", APP, TEAM_OUT ",'status':{}", TEAM_OUT, TEAM, NULL, "" },
	{ 100, "DELETE", PRJ, NULL, "'spec':{'sourceRepos':7}", NULL, NULL, "" },
	{ 101, "UPDATE", PRJ, "'spec':{'sourceRepos':7},'status':{'a':1}", "'spec':{'sourceRepos':7}",
	  NULL, NULL, "" },
	{ 102, "UPDATE", PRJ, "'spec':{'sourceRepos':7}," DELETING, PROJ(""), NULL, NULL, "" },

	/* 110-119: mended step by step */
	{ 110, "UPDATE", APP, BAD, GOOD, NULL, NULL, "E spec.revisionHistoryLimit must be 0 to 1000" },
	{ 111, "UPDATE", APP, GOOD, BAD, NULL, NULL, "" },
	{ 112, "UPDATE", APP, SPEC(",'revisionHistoryLimit':-2,'info':[]"), BAD, NULL, NULL,
	  "W spec.revisionHistoryLimit must be 0 to 1000" },
	{ 113, "UPDATE", APP, SPEC(",'revisionHistoryLimit':-1,'odd':1"), BAD, NULL, NULL,
	  "E spec.odd is not a field: remove it\nW spec.revisionHistoryLimit must be" },
	{ 114, "UPDATE", APP, SPEC(",'ignoreDifferences':[{'kind':'B','jqPathExpressions':['b']}]"),
	  SPEC(",'ignoreDifferences':[{'kind':'A','jsonPointers':['/a']},"
	       "{'kind':'B','jqPathExpressions':['b']}]"), NULL, NULL,
	  "W spec.ignoreDifferences[0].jqPathExpressions[0]" },
	{ 115, "UPDATE", APP, SPEC(",'ignoreDifferences':[{'kind':'B','jqPathExpressions':['b']},"
	  "{'kind':'C','jqPathExpressions':['c']}]"),
	  SPEC(",'ignoreDifferences':[{'kind':'B','jqPathExpressions':['b']}]"), NULL, NULL,
	  "E spec.ignoreDifferences[1].jqPathExpressions[0]\n"
	  "W spec.ignoreDifferences[0].jqPathExpressions[0]" },
	{ 116, "UPDATE", PRJ, PROJ(",'odd':1,'sourceNamespaces':['[a']"), PROJ(",'odd':1"), NULL, NULL,
	  "E spec.sourceNamespaces[0]: \"[a\" is no pattern\nW spec.odd is not a field" },

	/* 120-149: an AppProject */
	{ 120, "CREATE", PRJ, PROJ(""), NULL, NULL, NULL, "" },
	{ 121, "CREATE", PRJ, WINDOW(",'timeZone':'Europe/Berlin','manualSync':true"), NULL, NULL,
	  NULL, "" },
	{ 122, "CREATE", PRJ, PROJ(",'clusterResourceWhitelist':[{'group':'*','kind':'*'}],"
	  "'namespaceResourceBlacklist':[{'group':'','kind':'Secret'}],'sourceNamespaces':['a'],"
	  "'description':'x','destinationServiceAccounts':[{'server':'*','namespace':'a',"
	  "'defaultServiceAccount':'b:c'}]"), NULL, NULL, NULL, "" },
	{ 123, "CREATE", PRJ, WINDOW_IS("'kind':'deny','schedule':'0 9 * *','duration':'1h'"), NULL,
	  NULL, NULL, "E spec.syncWindows[0].schedule \"0 9 * *\": want 5 fields" },
	{ 124, "CREATE", PRJ, WINDOW_IS("'kind':'deny','schedule':'61 9 * * *','duration':'1h'"), NULL,
	  NULL, NULL, "E spec.syncWindows[0].schedule \"61 9 * * *\": minute: \"61\"" },
	{ 125, "CREATE", PRJ, WINDOW_IS("'kind':'deny','schedule':'0 9 * * *','duration':'1 hour'"),
	  NULL, NULL, NULL, "E spec.syncWindows[0].duration" },
	{ 126, "CREATE", PRJ, WINDOW_IS("'kind':'deny','schedule':'0 9 * * *','duration':'9999h'"),
	  NULL, NULL, NULL, "E spec.syncWindows[0].duration \"9999h\" must be at least 1s" },
	{ 127, "CREATE", PRJ, WINDOW_IS("'kind':'maybe','schedule':'0 9 * * *','duration':'1h'"),
	  NULL, NULL, NULL, "E spec.syncWindows[0].kind \"maybe\" must be allow or deny" },
	{ 128, "CREATE", PRJ, WINDOW(",'timeZone':'Mars/Olympus'"), NULL, NULL, NULL,
	  "E spec.syncWindows[0].timeZone: there is no time zone \"Mars/Olympus\"" },
	{ 129, "CREATE", PRJ, PROJ(",'syncWindows':[{'kind':'deny','schedule':'0 9 * * *',"
	  "'duration':'1h'}]"), NULL, NULL, NULL, "W spec.syncWindows[0] has no effect: name" },
	{ 130, "CREATE", PRJ, WINDOW(",'syncOverrun':true"), NULL, NULL, NULL,
	  "W spec.syncWindows[0].syncOverrun has no effect" },
	{ 131, "CREATE", PRJ, WINDOW(",'tiemZone':'UTC'"), NULL, NULL, NULL,
	  "E spec.syncWindows[0].tiemZone is not a field: did you mean timeZone?" },
	{ 132, "CREATE", PRJ, "'spec':{'sourceRepos':['[x'],'destinations':[{'server':'*',"
	  "'namespace':'a{b'}]}", NULL, NULL, NULL, "E spec.sourceRepos[0]: \"[x\" is no pattern\n"
	  "E spec.destinations[0].namespace: \"a{b\" is no pattern" },
	{ 133, "CREATE", PRJ, "'spec':{'sourceRepos':['https://h/a','!https://h/a']}", NULL, NULL, NULL,
	  "E spec.sourceRepos[1]: \"!https://h/a\" contradicts \"https://h/a\"" },
	{ 134, "CREATE", PRJ, "'spec':{'destinations':['x']}", NULL, NULL, NULL,
	  "E spec.destinations[0] must be a map" },
	{ 135, "CREATE", PRJ, PROJ(",'destinationServiceAccounts':[{'server':'*','namespace':'*',"
	  "'defaultServiceAccount':'a b'}]"), NULL, NULL, NULL,
	  "E spec.destinationServiceAccounts[0].defaultServiceAccount: \"a b\" is no service account" },
	{ 136, "CREATE", PRJ, PROJ(",'destinationServiceAccounts':[{'server':'!x','namespace':'*',"
	  "'defaultServiceAccount':'a'}]"), NULL, NULL, NULL,
	  "E spec.destinationServiceAccounts[0]: a leading \"!\" is not taken here" },
	{ 137, "CREATE", PRJ, PROJ(",'signatureKeys':[{'keyID':'4AEE18F83AFDEB23'}]"), NULL, NULL, NULL,
	  "" },
	{ 138, "CREATE", PRJ, PROJ(",'roles':[{'name':'x'}],'orphanedResources':{'warn':true,'ignore':["
	  "{'group':'apps','kind':'*','name':'x-*'}]}"), NULL, NULL, NULL,
	  "W spec.roles has no effect" },
	{ 139, "CREATE", PRJ, PROJ(",'sourceRepo':['x']"), NULL, NULL, NULL,
	  "E spec.sourceRepo is not a field: did you mean sourceRepos?" },
	{ 141, "CREATE", PRJ, PROJ("") "," NOTED("syncd.dev/auto-revert", "maybe"), NULL, NULL, NULL,
	  "E annotation syncd.dev/auto-revert: \"maybe\" must be" },
	{ 142, "CREATE", PRJ, PROJ(",'syncWindows':{}"), NULL, NULL, NULL,
	  "E spec.syncWindows must be a list" },
	{ 143, "CREATE", PRJ, PROJ(",'syncWindows':['x']"), NULL, NULL, NULL,
	  "E spec.syncWindows[0] must be a map" },
	{ 144, "CREATE", PRJ, "'metadata':{'name':'x'}", NULL, NULL, NULL, "E spec must be a map" },
	{ 145, "CREATE", PRJ, WINDOW(",'namespaces':['{a']"), NULL, NULL, NULL,
	  "E spec.syncWindows[0].namespaces[0]: \"{a\" is no pattern" },
	{ 146, "CREATE", PRJ, PROJ(",'permitOnlyProjectScopedClusters':true"), NULL, NULL, NULL,
	  "W spec.permitOnlyProjectScopedClusters has no effect" },
	{ 147, "CREATE", PRJ, PROJ(",'orphanedResources':{'warm':true,'ignore':[{'kind':'{a'}]}"),
	  NULL, NULL, NULL, "E spec.orphanedResources.warm is not a field: did you mean warn?\n"
	  "E spec.orphanedResources.ignore[0].kind: \"{a\" is no pattern" },
	{ 148, "CREATE", PRJ, PROJ(",'signatureKeys':[{'keyID':'4AEE'}]"), NULL, NULL, NULL,
	  "E spec.signatureKeys[0].keyID: \"4AEE\" is neither a key ID of 16 hex digits" },
	{ 149, "CREATE", PRJ, PROJ(",'sourceIntegrity':{'git':{}}"), NULL, NULL, NULL,
	  "E spec.sourceIntegrity is not supported" },
	{ 150, "CREATE", APP, POLICY("'retry':{'backoff':{'duration':'10m'}}"), NULL, NULL, NULL,
	  "W spec.syncPolicy.retry.backoff.duration is longer than maxDuration" },
	{ 151, "CREATE", APP, POLICY("'retry':{'backoff':{'duration':'10m','maxDuration':'0s'}}"),
	  NULL, NULL, NULL, "" },
	{ 152, "CREATE", APP, "'spec':{'project':'default'," DST ",'source':{'repoURL':"
	  "'https://h/r','path':'a','targetRevision':'main','tagPrefix':'web/'}}", NULL, NULL,
	  NULL, "" },
};

#endif
