#!/usr/bin/env bash
# What a pull request is checked by: validate --all, affected and diff --base, over a
# repository of a base, overlays of three environments and an Application for each.
# Nothing here asks the cluster but the case that says so.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
export NO_COLOR=
URL=https://git.example.com/shop/infra
R=$T/repo

CTL=$(realpath "$BIN/syncctl")
ctl() { (cd "$R" && KUBECONFIG=$T/none timeout 60 "$CTL" "$@"); }
g() { git -C "$R" "$@"; }
commit() { g add -A && g commit -qm "$1"; }

# overlay ENV MEMORY REPLICAS: the same keys everywhere, other values.
overlay() {
	write "$R/infra/k8s/cloud/$1/kustomization.yaml" <<-END
		namespace: shop-$1
		resources: [../../base]
		patches:
		- path: patches/postgres.statefulset.yaml
	END
	write "$R/infra/k8s/cloud/$1/patches/postgres.statefulset.yaml" <<-END
		apiVersion: apps/v1
		kind: StatefulSet
		metadata: {name: postgres}
		spec:
		  replicas: $3
		  template:
		    spec:
		      containers:
		      - name: postgres
		        resources: {requests: {cpu: 100m, memory: $2}}
	END
	write "$R/clusters/$1/shop.yaml" <<-END
		apiVersion: argoproj.io/v1alpha1
		kind: Application
		metadata: {name: shop, namespace: argocd}
		spec:
		  project: default
		  source: {repoURL: $URL.git, targetRevision: main, path: infra/k8s/cloud/$1}
		  destination: {server: https://kubernetes.default.svc, namespace: shop-$1}
	END
}

write "$R/infra/k8s/base/kustomization.yaml" <<-'END'
	resources:
	- statefulsets/postgres.statefulset.yaml
	- services/postgres.service.yaml
	- secrets/postgres.secret.yaml
END
write "$R/infra/k8s/base/statefulsets/postgres.statefulset.yaml" <<-'END'
	apiVersion: apps/v1
	kind: StatefulSet
	metadata:
	  name: postgres
	spec:
	  serviceName: postgres
	  selector: {matchLabels: {app: postgres}}
	  template:
	    metadata: {labels: {app: postgres}}
	    spec:
	      containers:
	      - name: postgres
	        image: registry.example.com/postgres:18.1
END
write "$R/infra/k8s/base/services/postgres.service.yaml" <<-'END'
	apiVersion: v1
	kind: Service
	metadata: {name: postgres}
	spec: {selector: {app: postgres}, ports: [{name: sql, port: 5432}]}
END
write "$R/infra/k8s/base/secrets/postgres.secret.yaml" <<-'END'
	apiVersion: v1
	kind: Secret
	metadata: {name: postgres}
	stringData: {password: StrongBase64Password}
END
overlay dev 256Mi 1
overlay test 512Mi 1
overlay prod 4Gi 3
git init -q -b main "$R"
g remote add origin git@git.example.com:shop/infra.git
commit "the shop"
g branch start

it "a repository that is in order passes"
assert_exit 0 ctl validate --all .
assert_eq "3 applications, 4 kustomizations, 9 objects: 0 errors, 0 warnings" "$OUTPUT" "the sum"

it "the base is judged by what the overlays make of it"
assert_eq "true" "$(ctl validate --all . -o json | jq '.units[] | select(.name == "infra/k8s/base").included')" "the base"

it "nothing is affected by what nobody reads"
write "$R/README.md" <<<"words"
write "$R/infra/k8s/cloud/dev/notes.txt" <<<"words"
commit "words"
assert_eq "nothing is affected" "$(ctl affected --base start)" "the answer"
assert_exit 0 ctl diff --local . --base start
assert_eq "no difference" "$OUTPUT" "the difference"

it "a change of one overlay affects one application, and the difference says how"
g switch -qc branch start
overlay prod 8Gi 3
commit "more memory"
assert_eq "application/argocd/shop" "$(ctl affected --base start -o name)" "the name"
assert_eq "clusters/prod/shop.yaml infra/k8s/cloud/prod/patches/postgres.statefulset.yaml" \
	"$(ctl affected --base start -o json | jq -r '.[] | .file + " " + .paths[0]')" "the reason"
# Whoever starts it may ignore its children, and the kernel may be an old one.
for under in "perl -e \$SIG{CHLD}='IGNORE';exec(@ARGV)" "$(realpath "$BIN")/tests/lacksys"; do
	read -ra words <<<"$under"
	assert_eq "application/argocd/shop" "$(cd "$R" && KUBECONFIG=$T/none timeout 60 "${words[@]}" "$CTL" affected --base start -o name)" "the name under $under"
	assert_exit 1 bash -c 'cd "$1" && shift && KUBECONFIG=/nowhere exec timeout 60 "$@"' - "$R" "${words[@]}" "$CTL" diff --local . --base start
done
assert_exit 1 ctl diff --local . --base start
assert_contains "$OUTPUT" "# argocd/shop in clusters/prod/shop.yaml" "whose it is"
assert_contains "$OUTPUT" "requests.memory  4Gi -> 8Gi" "the difference"
refute_contains "$OUTPUT" clusters/dev "the others"

it "what came to the main branch meanwhile is none of the change"
g switch -q main
overlay dev 300Mi 1
commit "dev moves on"
g switch -q branch
assert_eq "clusters/prod/shop.yaml" "$(ctl affected --base main -o json | jq -r '.[].file')" "the application"
assert_exit 1 ctl diff --local . --base main -o json
assert_eq "StatefulSet" "$(jq -r '.[].kind' <<<"$OUTPUT")" "the object"

it "a change of the base affects all, and one of an Application its own"
sed -i s/18.1/18.2/ "$R/infra/k8s/base/statefulsets/postgres.statefulset.yaml"
sed -i 's/namespace: shop-test}/namespace: shop-t}/' "$R/clusters/test/shop.yaml"
assert_exit 1 ctl diff --local . --base start
assert_eq 3 "$(grep -c 18.2 <<<"$OUTPUT")" "as it is on disk"
assert_contains "$OUTPUT" "spec.destination.namespace  shop-test -> shop-t" "the Application"
assert_eq 1 "$(ctl affected --base start -o json | jq length)" "what is committed"
commit "a newer image"
assert_eq "source source spec" \
	"$(ctl affected --base start -o json | jq -r 'map(.change) | sort | join(" ")')" "how each changed"
g checkout -q start -- infra
g rm -qr clusters/dev
commit "no dev"
assert_eq "removed spec" "$(ctl affected --base start -o json | jq -r 'map(.change) | sort | join(" ")')" "one that goes"
g switch -q --detach start

it "what the argocd-cm of the tree excludes is no difference; of several that differ, none counts"
excludes() { # FOLDER EXCLUSIONS: its argocd-cm
	jq -n --arg e "$2" '{apiVersion:"v1",kind:"ConfigMap",metadata:{name:"argocd-cm",namespace:"argocd"},data:{"resource.exclusions":$e}}' |
		write "$R/$1/argocd-cm.yaml"
	printf 'resources: [argocd-cm.yaml]\n' | write "$R/$1/kustomization.yaml"
}
slice() { # beside the dev overlay
	printf '%s\n' '{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: out}, addressType: IPv4, endpoints: []}' |
		write "$R/infra/k8s/cloud/dev/slice.yaml"
	sed -i 's|../../base|../../base, slice.yaml|' "$R/infra/k8s/cloud/dev/kustomization.yaml"
}
SLICES='[{apiGroups: [discovery.k8s.io], kinds: [EndpointSlice]}]'
g switch -qc excludes start
excludes cm "$SLICES"
commit "no slices"
slice
assert_exit 0 ctl diff --local . --base HEAD
assert_contains "$OUTPUT" "1 object is excluded in the settings (argocd-cm) and not compared" "how many"
excludes cm2 '[{kinds: [Lease]}]'
assert_exit 1 ctl diff --local . --base HEAD
assert_contains "$OUTPUT" "EndpointSlice/shop-dev/out  would be created" "nothing is excluded"
assert_contains "$OUTPUT" "the tree has several ConfigMaps argocd-cm that differ" "why"
rm -r "$R/cm2"

it "no change hides itself behind the argocd-cm that it brings, changes or takes away"
for by in "excludes cm []" "rm -r $R/cm"; do
	$by
	assert_exit 1 ctl diff --local . --base HEAD
	assert_contains "$OUTPUT" "EndpointSlice/shop-dev/out  would be created" "$by"
	assert_contains "$OUTPUT" "ConfigMap argocd-cm is part of the change: what it excludes is compared, too" "$by"
done
excludes cm "$SLICES"
assert_exit 1 ctl diff --local . --base start
assert_contains "$OUTPUT" "EndpointSlice/shop-dev/out  would be created" "one that comes with it"
g checkout -q -- . && g clean -qfd
excludes cm '[{kinds: EndpointSlice}]'
commit "a slip"
slice
assert_exit 1 ctl diff --local . --base HEAD
assert_contains "$OUTPUT" "EndpointSlice/shop-dev/out  would be created" "behind a slip"
assert_contains "$OUTPUT" "ConfigMap argocd-cm of the tree: resource.exclusions: entry 1: kinds is no list" "the slip"
g checkout -q -- . && g clean -qfd
g switch -q --detach start

it "findings name file and line, and their levels count"
sed -i s/:18.1/:latest/ "$R/infra/k8s/base/statefulsets/postgres.statefulset.yaml"
sed -i '/resources:/d' "$R/infra/k8s/cloud/dev/patches/postgres.statefulset.yaml"
assert_exit 0 ctl validate --all .
assert_contains "$OUTPUT" "base/statefulsets/postgres.statefulset.yaml:13: warning: image-latest: StatefulSet/postgres" "a warning"
assert_contains "$OUTPUT" "postgres.statefulset.yaml:12: warning: requests-missing" "another"
assert_exit 1 ctl validate --all . --strict
sed -i s/StrongBase64Password/canary-5f2a/ "$R/infra/k8s/base/secrets/postgres.secret.yaml"
for form in table json yaml sarif github; do
	assert_exit 1 ctl validate --all . -o "$form"
	assert_contains "$OUTPUT" secret-plain "$form"
	refute_contains "$OUTPUT" canary-5f2a "$form"
	refute_contains "$OUTPUT" "$(printf canary-5f2a | base64)" "$form"
done
assert_exit 1 ctl validate --all . -o name
assert_eq "argocd/shop argocd/shop argocd/shop" "$(paste -sd " " <<<"$OUTPUT")" "whose it is"
assert_exit 1 ctl validate --all . -o github
assert_contains "$OUTPUT" "::error file=infra/k8s/base/secrets/postgres.secret.yaml,line=4,title=secret-plain::" "the annotation"
assert_exit 1 ctl diff --local . --base start
assert_contains "$OUTPUT" "(hidden: the new value)" "the difference"
refute_contains "$OUTPUT" canary-5f2a "the difference"

it "an annotation silences rules, and one that does not exist is told"
sed -i 's/metadata: {name: postgres}/metadata: {name: postgres, annotations: {syncd.dev\/lint-ignore: "secret-plain, image"}}/' \
	"$R/infra/k8s/base/secrets/postgres.secret.yaml"
assert_exit 0 ctl validate --all .
assert_contains "$OUTPUT" "lint-ignore: Secret/postgres metadata.annotations[syncd.dev/lint-ignore]: there is no rule 'image'" "the mistake"
assert_contains "$OUTPUT" ", 1 silenced" "the sum"
g checkout -q .

it "what is not of this repository, or goes out by a tag, is named as not checked"
g tag v1
sed -i 's/targetRevision: main/targetRevision: v1/' "$R/clusters/test/shop.yaml"
sed -i 's,git.example.com/shop,git.example.com/other,' "$R/clusters/prod/shop.yaml"
assert_exit 0 ctl validate --all clusters
assert_contains "$OUTPUT" "clusters/test/shop.yaml:1: note: not-checked: targetRevision v1 is a tag" "the tag"
assert_contains "$OUTPUT" "clusters/prod/shop.yaml:1: note: not-checked: https://git.example.com/other/infra.git is not this repository" "the other"
assert_contains "$OUTPUT" "2 not checked" "the sum"
for revision in v2.0 '^1.0' 1.2.x 0123456789012345678901234567890123456789; do
	sed -i "s/targetRevision: .*, path/targetRevision: \"$revision\", path/" "$R/clusters/test/shop.yaml"
	assert_contains "$(ctl validate --all clusters/test)" "targetRevision $revision is a tag" "$revision"
done
for revision in start HEAD elsewhere; do
	sed -i "s/targetRevision: .*, path/targetRevision: $revision, path/" "$R/clusters/test/shop.yaml"
	refute_contains "$(ctl validate --all clusters/test)" "not-checked" "$revision"
done
assert_exit 0 ctl validate --all clusters --repo ssh://git@git.example.com/other/infra
refute_contains "$OUTPUT" "other/infra" "what --repo named"
g checkout -q .

it "where no Application could be checked, that is said"
g remote remove origin
assert_exit 0 ctl validate --all .
assert_contains "$OUTPUT" "clusters/dev/shop.yaml:1: warning: nothing-checked: none of the Applications (3) was checked" "the warning"
assert_exit 1 ctl validate --all . --strict
assert_exit 0 ctl validate --all . --strict --repo "$URL"
refute_contains "$OUTPUT" nothing-checked "with --repo"
g remote add origin git@git.example.com:shop/infra.git

it "a Git that does not answer is the reason, and nothing passes for it"
export GIT_TEST_ASSUME_DIFFERENT_OWNER=1
for command in "validate --all ." "affected --base start" "diff --local . --base start"; do
	# shellcheck disable=SC2086
	assert_exit 20 ctl $command
	assert_contains "$OUTPUT" "git config --global --add safe.directory $R" "$command"
done
unset GIT_TEST_ASSUME_DIFFERENT_OWNER
without_git() { (cd "$R" && timeout 60 env "PATH=$T/none" "$CTL" "$@"); }
for command in "validate --all ." "affected --base start"; do
	# shellcheck disable=SC2086
	assert_exit 20 without_git $command
	assert_contains "$OUTPUT" "there is no git on the PATH" "$command"
done
write "$T/broken/.git/HEAD" <<<"nothing"
write "$T/broken/kustomization.yaml" <<<"{}"
assert_exit 20 ctl validate --all "$T/broken"
assert_contains "$OUTPUT" "Git does not read $T/broken: not a git repository" "Git's words"

it "what admission would refuse is an error at its line"
sed -i 's/targetRevision: main/targetRevison: main/' "$R/clusters/test/shop.yaml"
write "$R/clusters/dev/project.yaml" <<-'END'
	apiVersion: argoproj.io/v1alpha1
	kind: AppProject
	metadata: {name: default, namespace: argocd}
	spec:
	  sourceRepos: ['*']
	  destinations:
	  - {server: '*', namespace: 'shop-[dp]*'}
	  syncWindows:
	  - {kind: allow, schedule: 'at nine', duration: 1h, applications: ['*']}
END
assert_exit 1 ctl validate --all .
assert_contains "$OUTPUT" "clusters/test/shop.yaml:6: error: application: Application/shop: spec.source.targetRevison is not a field: did you mean targetRevision?" "the typo"
assert_contains "$OUTPUT" "clusters/dev/project.yaml:9: error: project: AppProject/default: spec.syncWindows[0].schedule" "the window"
assert_contains "$OUTPUT" "3 applications, 1 project, 4 kustomizations" "the sum"
assert_exit 1 ctl validate --all . -o name
assert_eq "AppProject argocd/default, argocd/shop" "$(sort <<<"$OUTPUT" | paste -sd, | sed 's/,/, /')" "by name"
sed -i 's/targetRevison: main/targetRevision: main/' "$R/clusters/test/shop.yaml"
sed -i /at.nine/d "$R/clusters/dev/project.yaml"
sed -i /syncWindows/d "$R/clusters/dev/project.yaml"
assert_exit 1 ctl validate --all .
assert_contains "$OUTPUT" 'clusters/test/shop.yaml:7: error: application: Application/shop: spec.destination.namespace: AppProject default does not allow namespace "shop-test"' "the fence"
assert_eq 1 "$(grep -c "error: " <<<"$OUTPUT")" "nothing else"
rm "$R/clusters/dev/project.yaml"
g checkout -q .

it "no number of warnings hides an error"
mkdir -p "$T/many/bad"
for i in $(seq 6000); do
	printf -- '---\napiVersion: v1\nkind: Pod\nmetadata: {name: p%s}\nspec: {containers: [{name: w, image: a:1}]}\n' "$i"
done >"$T/many/pods.yaml"
write "$T/many/kustomization.yaml" <<<"resources: [pods.yaml]"
write "$T/many/bad/kustomization.yaml" <<<"resources: [none.yaml]"
assert_exit 1 ctl validate --all "$T/many"
assert_contains "$OUTPUT" "only 5000 of 6001 findings are shown, errors first" "what is not shown"
assert_contains "$OUTPUT" "1 error, 6000 warnings" "the sum"
assert_contains "$OUTPUT" "bad/kustomization.yaml:1: error: build" "the error"
assert_exit 1 ctl validate --all "$T/many" -o json
assert_eq "1 6000 1001" "$(jq -r '"\(.errors) \(.warnings) \(.leftOut)"' <<<"$OUTPUT")" "as data"
assert_exit 1 ctl validate --all "$T/many" -o name
assert_eq bad "$OUTPUT" "by name"

it "links and names that begin alike are read as Git has them"
write "$R/infra/k8s/cloud-b/x.yaml" <<<'# beside'
write "$R/infra/k8s/cloud.c" <<<'beside'
ln -s base "$R/infra/k8s/linked"
sed -i 's,../../base,../../linked,' "$R/infra/k8s/cloud/test/kustomization.yaml"
commit "a link"
g tag linked
ln -sfn . "$R/infra/k8s/linked"
commit "another target"
assert_eq "clusters/test/shop.yaml infra/k8s/linked" \
	"$(ctl affected --base linked -o json | jq -r '.[] | .file + " " + (.paths | map(select(endswith("linked"))) | join(" "))')" "by the link"
assert_eq "clusters/test/shop.yaml" "$(ctl affected --base start --head linked -o json | jq -r '.[].file')" "the overlay"
g switch -q --detach start

it "mistakes have their exit status"
assert_exit 20 ctl validate --all "$T/nowhere"
assert_exit 20 ctl validate --all clusters/../.git/info
assert_exit 2 ctl validate . --strict
assert_exit 2 ctl validate . -o sarif
assert_exit 2 ctl status -o github
assert_exit 2 ctl affected
assert_exit 2 ctl diff
assert_exit 2 ctl diff shop --local . --base start
assert_contains "$OUTPUT" "leave out 'shop'" "what is too much"
assert_exit 2 ctl diff --base start
assert_contains "$OUTPUT" "--base needs --local ROOT" "what is missing"
assert_exit 2 ctl diff --local . --base start --revision main
assert_contains "$OUTPUT" "--base and --revision exclude each other" "what contradicts"
assert_contains "$(ctl diff --help)" "diff --local ROOT --base REV" "the help"
assert_contains "$(ctl man diff | tr -d '\134')" "--local ROOT --base REV" "the manual page"
assert_exit 20 ctl affected --base no-such-branch
assert_contains "$OUTPUT" "no-such-branch is no commit" "the message"
sed -i 's/resources:/resource:/' "$R/infra/k8s/cloud/test/kustomization.yaml"
assert_exit 20 ctl diff --local . --base start
assert_contains "$OUTPUT" "argocd/shop: it does not render: infra/k8s/cloud/test/kustomization.yaml:2" "what does not render"
assert_exit 1 ctl validate --all . -o name
assert_eq "infra/k8s/cloud/test argocd/shop" "$(tr '\n' ' ' <<<"$OUTPUT" | sed 's/ $//')" "what failed"

it "what was broken before is said and not counted"
commit "broken"
g tag broken
assert_exit 0 ctl diff --local . --base broken
assert_contains "$OUTPUT" "argocd/shop: it does not render, as at the base: infra/k8s/cloud/test/kustomization.yaml:2" "the reason"
overlay dev 999Mi 1
sed -i '1i # moved by a line' "$R/infra/k8s/cloud/test/kustomization.yaml"
assert_exit 1 ctl diff --local . --base broken
assert_contains "$OUTPUT" "256Mi -> 999Mi" "the others are compared"
sed -i 's/resource:/resurce:/' "$R/infra/k8s/cloud/test/kustomization.yaml"
assert_exit 20 ctl diff --local . --base broken
g checkout -q .
g switch -q --detach start

it "a folder of nothing to build is a mistake"
for command in "validate --all infra/k8s/base/services" "affected infra/k8s/base/services --base start" \
	"diff --local infra/k8s/base/services --base start"; do
	# shellcheck disable=SC2086
	assert_exit 20 ctl $command
	assert_contains "$OUTPUT" "infra/k8s/base/services: there is no kustomization, Application or AppProject at or below it" "$command"
done
g rm -qr infra clusters
assert_exit 1 ctl diff --local . --base start
assert_contains "$OUTPUT" "StatefulSet/shop-prod/postgres  would be deleted" "all of it is gone"
g reset -q --hard start

it "hostile trees are bounded, and nothing outside of them is read"
H=$T/hostile
mkdir -p "$H/self"
ln -s /etc/passwd "$H/self/passwd.yaml"
ln -s / "$H/self/all"
ln -s . "$H/self/loop"
write "$H/self/broken.yaml" <<<'{ apiVersion: argoproj.io/v1alpha1, kind: Application, ['
write "$H/self/link/kustomization.yaml" <<<'resources: [../passwd.yaml]'
for name in a b; do
	write "$H/self/apps/$name.yaml" <<-END
		apiVersion: argoproj.io/v1alpha1
		kind: Application
		metadata: {name: $name, namespace: argocd}
		spec:
		  project: default
		  source: {repoURL: $URL, path: apps}
		  destination: {name: in-cluster, namespace: argocd}
	END
done
assert_exit 1 ctl validate --all "$H/self" --repo "$URL"
assert_contains "$OUTPUT" "broken.yaml:2: error: build" "the broken file"
assert_contains "$OUTPUT" "3 applications, 1 kustomization" "those that give themselves"
assert_contains "$OUTPUT" "'passwd.yaml' is a symbolic link out of the repository" "a link that leads out"
refute_contains "$OUTPUT" "root:" "what a link leads to"

it "the schema comes from a file, or from the cluster"
kc get --raw /openapi/v2 >"$T/openapi.json"
assert_exit 0 ctl validate --all . --schema "$T/openapi.json"
sed -i 's/replicas: 3/replicas: "3"/' "$R/infra/k8s/cloud/prod/patches/postgres.statefulset.yaml"
sed -i 's/port: 5432/port: 5432, protocol: tcp/' "$R/infra/k8s/base/services/postgres.service.yaml"
sed -i 's/serviceName: postgres/servicename: postgres/' "$R/infra/k8s/base/statefulsets/postgres.statefulset.yaml"
assert_exit 1 ctl validate --all . --schema "$T/openapi.json"
FROM_FILE=$OUTPUT
assert_contains "$OUTPUT" "schema-type: StatefulSet/postgres spec.replicas: it is a text and must be a whole number" "the type"
assert_contains "$OUTPUT" "services/postgres.service.yaml:4: error: schema-enum: Service/postgres spec.ports[sql].protocol: \"tcp\" is none of" "the enum"
assert_contains "$OUTPUT" "postgres.statefulset.yaml:6: error: schema-unknown-field: StatefulSet/postgres spec.servicename: there is no such field: write 'serviceName'" "the field"
assert_exit 1 ctl validate --all . --schema cluster --kubeconfig "$KUBECONFIG"
assert_eq "$FROM_FILE" "$OUTPUT" "the same from the cluster"
assert_exit 20 ctl validate --all . --schema "$T/none.json"
assert_exit 20 ctl validate --all . --schema cluster
g checkout -q .

it "the schema says what the API server says"
write "$T/agree/all.yaml" <<-'END'
	{apiVersion: v1, kind: ConfigMap, metadata: {name: a0}, data: {a: 5}}
	---
	{apiVersion: v1, kind: ConfigMap, metadata: {name: a1, namespace: null}, daat: {a: "5"}}
	---
	{apiVersion: v1, kind: Service, metadata: {name: a2}, spec: {ports: [{port: "80"}]}}
	---
	{apiVersion: v1, kind: Service, metadata: {name: a3}, spec: {ports: [{port: 80, targetPort: http}]}}
	---
	{apiVersion: v1, kind: Service, metadata: {name: a4}, spec: {ports: [{port: 80, targetPort: true}]}}
	---
	{apiVersion: v1, kind: Service, metadata: {name: a5}, spec: {ports: [{name: x}]}}
	---
	{apiVersion: v1, kind: Pod, metadata: {name: a6}, spec: {containers: [{name: w, image: a:1, resources: {limits: {cpu: 0.5, memory: 1Mi}}}]}}
	---
	{apiVersion: v1, kind: Pod, metadata: {name: a7}, spec: {containers: [{name: w, image: a:1, env: [{name: A, value: 1}]}]}}
	---
	{apiVersion: v1, kind: Pod, metadata: {name: a8}, spec: {restartPolicy: always, containers: [{name: w, image: a:1}]}}
	---
	{apiVersion: v1, kind: Pod, metadata: {name: a9, owner: x}, spec: {containers: [{name: w, image: a:1}]}}
	---
	{apiVersion: v1, kind: Secret, metadata: {name: b0}, stringData: {a: changeme}, immutable: "true"}
	---
	{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: b1}, spec: {minAvailable: 50%, selector: {matchLabels: {a: b}}}}
	---
	{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: b2}, rules: [{apiGroups: [""], resources: [pods]}]}
	---
	{apiVersion: apps/v1, kind: Deployment, metadata: {name: b3}, spec: {replicas: 1.5, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: w, image: a:1}]}}}}
	---
	{apiVersion: apps/v1, kind: Deployment, metadata: {name: b4}, spec: {replicas: 1, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: w, image: a:1}]}}}}
END
write "$T/agree/kustomization.yaml" <<<'resources: [all.yaml]'
kc create --dry-run=server --validate=strict -f "$T/agree/all.yaml" >"$T/created" 2>&1 || true
sed -n 's,.*/\([ab][0-9]\) created.*,\1,p' "$T/created" | sort >"$T/taken"
assert_exit 1 ctl validate --all "$T/agree" --schema "$T/openapi.json" -o json
jq -r '.findings[] | select(.rule | startswith("schema-")) | .object | sub(".*/"; "")' <<<"$OUTPUT" | sort -u >"$T/refused"
assert_eq "a3 a6 b1 b4" "$(tr '\n' ' ' <"$T/taken" | sed 's/ $//')" "what the API server takes"
assert_eq 15 "$(sort -u "$T/taken" "$T/refused" | wc -l)" "all of them"
assert_eq "" "$(comm -12 "$T/taken" "$T/refused")" "what only one of them refuses"

it "outside of Git files are named as the user would"
L=$T/local
write "$L/x/kustomization.yaml" <<<'resource: [a.yaml]'
write "$L/y/kustomization.yaml" <<<'resources: [a.yaml, ../z]'
write "$L/y/a.yaml" <<<'{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}'
write "$L/z/kustomization.yaml" <<<'resources: [b.yaml]'
write "$L/z/b.yaml" <<<'{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}'
at() { (cd "$L/$1" && shift && timeout 60 "$CTL" "$@"); }
for command in render validate; do
	assert_exit "$([ $command = render ] && echo 20 || echo 1)" at x $command .
	assert_contains " $OUTPUT" " kustomization.yaml:1" "$command within"
	assert_exit "$([ $command = render ] && echo 20 || echo 1)" at . $command x
	assert_contains " $OUTPUT" " x/kustomization.yaml:1" "$command above"
	assert_exit "$([ $command = render ] && echo 20 || echo 1)" at y $command ../x
	assert_contains " $OUTPUT" " $L/x/kustomization.yaml:1" "$command beside"
done
assert_eq "a.yaml:1 $L/z/b.yaml:1" "$(at y render . -o wide | awk 'NR > 1 { print $NF }' | sort -r | paste -sd " ")" "the sources"
assert_exit 1 at . validate . -o name
assert_eq x "$OUTPUT" "what failed, by name"

it "the health of nothing is a mistake, and has names"
: >"$T/empty.yaml"
assert_exit 20 ctl health -f "$T/empty.yaml"
assert_contains "$OUTPUT" "empty.yaml: there is no object in it" "the message"
assert_eq "ConfigMap/a" "$(ctl health -f "$L/y/a.yaml" -o name)" "the name"

it "what a repository says steers no terminal, no log and no loop over names"
E=$T/hostile
mkdir -p "$E"
git -C "$E" init -q -b main
git -C "$E" commit -q --allow-empty -m base
write "$E/k/kustomization.yaml" <<-'END'
	resources: [cm.yaml]
	vars:
	- name: "A\e]0;title\aB\n::error::injected"
	  objref: {apiVersion: v1, kind: ConfigMap, name: x}
	  fieldref: {fieldpath: metadata.name}
END
write "$E/k/cm.yaml" <<<'{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {a: "b\u202Ec"}}'
write "$E/app.yaml" <<-'END'
	apiVersion: argoproj.io/v1alpha1
	kind: Application
	metadata: {name: "shop\napplication/production", namespace: "x\e[31m"}
	spec: {project: default, source: {repoURL: https://git.example.com/shop/infra, path: k}, destination: {namespace: x}}
END
git -C "$E" add -A
git -C "$E" commit -qm hostile
quiet() { # COMMAND...: no control characters but line ends, and no mark that turns text round
	local bytes
	OUTPUT=$(cd "$E" && timeout 60 "$CTL" "$@" 2>&1) || true
	bytes=$(LC_ALL=C tr -d '\n\40-\176\200-\377' <<<"$OUTPUT" | wc -c)
	assert_eq 0 "$bytes" "control characters of $*"
	refute_contains "$OUTPUT" $'\u202e' "$*"
	refute_contains "$OUTPUT" $'\n::error' "$*"
	refute_contains "$OUTPUT" $'\napplication/production' "$*"
}
quiet render k -o table
assert_contains "$OUTPUT" "never replaced: A?]0;title?B ::error::injected" "the warning"
quiet validate .
assert_contains "$OUTPUT" "never replaced: A?]0;title?B ::error::injected" "the warning"
for output in table name; do
	quiet affected --repo "$URL" --base HEAD~1 . -o $output
	assert_contains "$OUTPUT" "shop application/production" "affected"
done
for output in table name unified; do
	quiet diff --repo "$URL" --local . --base HEAD~1 -o $output
	assert_contains "$OUTPUT" "shop application/production" "diff"
done

it "what is there twice is said, and the last one counts"
mkdir -p "$T/twice"
for value in first second; do
	printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata: {key: %s}\n' $value
done >"$T/twice/all.yaml"
assert_exit 0 ctl render "$T/twice"
assert_contains "$OUTPUT" "key: second" "the object"
assert_contains "$OUTPUT" "syncctl: warning: ConfigMap/conf of all.yaml:2 is not used: all.yaml:7 has it too" "the warning"
refute_contains "$OUTPUT" "key: first" "the other one"

it "a git that hangs ends with syncctl, and so does what it started"
write "$T/hanging/git" <<-'END'
	#!/bin/sh
	sleep 60 &
	echo "$! $$" >"$HANG.new" && mv "$HANG.new" "$HANG"
	wait
END
chmod +x "$T/hanging/git"
all_gone() {
	local child self
	read -r child self <"$T/hangs"
	[ ! -e "/proc/$child" ] && [ ! -e "/proc/$self" ]
}
mkdir "$T/hung"
git init -q "$T/hung"
for signal in TERM KILL; do
	rm -f "$T/hangs"
	HANG=$T/hangs PATH=$T/hanging:$PATH "$BIN/syncctl" affected "$T/hung" --base main >/dev/null 2>&1 &
	wait_until 20 "a git that hangs" test -e "$T/hangs"
	kill -s $signal $!
	wait $! 2>/dev/null || true
	wait_until 10 "the end of git after SIG$signal" all_gone
done
