#!/usr/bin/env bash
# What a kustomization needs, copied by us, builds as it does where it lies; and
# source.kustomize, worked in by us, builds as after the `kustomize edit` commands
# that Argo CD runs. Needs no cluster: BIN (our programs) and the pinned kustomize.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
BIN=${BIN:-$root/build/asan}
tool=$BIN/tests/rendertool
PATH=$("$root/tests/cluster/build" kustomize):$PATH
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
failed=0

ok() { printf 'ok - kustomize-copy: %s\n' "$1"; }
not_ok() { printf 'not ok - kustomize-copy: %s\n' "$1"; failed=1; }

# file PATH: standard input as a file of the tree.
file() { mkdir -p "$(dirname "$T/tree/$1")" && cat >"$T/tree/$1"; }

tree() {
	file base/kustomization.yaml <<-'X'
		resources: [deployment.yaml, service.yaml]
		commonLabels: {app: web}
	X
	file base/deployment.yaml <<-'X'
		apiVersion: apps/v1
		kind: Deployment
		metadata: {name: web}
		spec:
		  replicas: 1
		  template:
		    spec:
		      containers:
		      - {name: c, image: "nginx:1.0"}
		      - {name: d, image: "registry.example:5000/team/side:1"}
	X
	file base/service.yaml <<-'X'
		apiVersion: v1
		kind: Service
		metadata: {name: web}
		spec: {ports: [{port: 80}]}
	X
	file components/audit/kustomization.yaml <<-'X'
		apiVersion: kustomize.config.k8s.io/v1alpha1
		kind: Component
		configMapGenerator:
		- {name: audit, literals: [on=1]}
	X
	file app/kustomization.yaml <<-'X'
		# comments are allowed
		Resources:
		- ../base
		- extra.yaml
		components: [../components/audit]
		namespace: front
		nameprefix: old-
		images: [{name: nginx, newTag: "2.0"}]
		replicas: [{name: web, count: 2}]
		commonAnnotations: {team: one}
		labels:
		- {pairs: {tier: back}}
		- {pairs: {owner: one}, includeTemplates: true, fields: [{path: metadata/labels, create: true}]}
		configMapGenerator:
		- name: files
		  files: [plain.txt, key=data/other.txt]
		  envs: [vars.env]
		secretGenerator:
		- {name: s, files: [plain.txt], options: {disableNameSuffixHash: true}}
		patches:
		- path: patch.yaml
		- target: {kind: Service}
		  patch: '[{"op": "add", "path": "/spec/type", "value": "NodePort"}]'
		patchesStrategicMerge:
		- merge.yaml
		- |-
		  apiVersion: v1
		  kind: Service
		  metadata: {name: web, annotations: {inline: "yes"}}
		patchesJson6902:
		- {target: {version: v1, kind: Service, name: web}, path: json.yaml}
		replacements:
		- path: replacement.yaml
		configurations: [config.yaml]
		transformers: [labels.yaml, plugins]
		generators:
		- |-
		  apiVersion: builtin
		  kind: ConfigMapGenerator
		  metadata: {name: g}
		  name: generated
		  files: [data/other.txt]
	X
	file app/extra.yaml <<-'X'
		apiVersion: v1
		kind: ConfigMap
		metadata: {name: extra}
		data: {mode: "0644"}
	X
	echo plain | file app/plain.txt
	echo other | file app/data/other.txt
	echo A=1 | file app/vars.env
	file app/patch.yaml <<-'X'
		apiVersion: apps/v1
		kind: Deployment
		metadata: {name: web}
		spec: {minReadySeconds: 5}
	X
	file app/merge.yaml <<-'X'
		apiVersion: apps/v1
		kind: Deployment
		metadata: {name: web}
		spec: {revisionHistoryLimit: 3}
	X
	echo '- {op: add, path: /spec/sessionAffinity, value: None}' | file app/json.yaml
	file app/replacement.yaml <<-'X'
		source: {kind: ConfigMap, name: extra, fieldPath: data.mode}
		targets:
		- select: {kind: Service}
		  fieldPaths: [metadata.annotations.mode]
		  options: {create: true}
	X
	echo 'namePrefix: [{path: metadata/name}]' | file app/config.yaml
	file app/labels.yaml <<-'X'
		apiVersion: builtin
		kind: LabelTransformer
		metadata: {name: l}
		labels: {extra: label}
		fieldSpecs: [{path: metadata/labels, create: true}]
	X
	file app/plugins/kustomization.yaml <<-'X'
		resources: [annotations.yaml]
	X
	file app/plugins/annotations.yaml <<-'X'
		apiVersion: builtin
		kind: PatchTransformer
		metadata: {name: p}
		path: plugin-patch.yaml
		target: {kind: Service}
	X
	echo '[{"op": "add", "path": "/spec/clusterIP", "value": "None"}]' | file app/plugin-patch.yaml
	file app/later.yaml <<-'X'
		apiVersion: apps/v1
		kind: Deployment
		metadata: {name: web}
		spec: {paused: true}
	X
	file components/more/kustomization.yaml <<-'X'
		apiVersion: kustomize.config.k8s.io/v1alpha1
		kind: Component
		configMapGenerator:
		- {name: more, literals: [a=b]}
	X
	echo 'not needed' | file app/README.md
	echo 'not needed' | file else/where.yaml
}

# ours OVERRIDES: the build of what we copy.
ours() {
	rm -rf "$T/copy" && mkdir "$T/copy"
	printf '{"path":"app","source":{"kustomize":%s}}' "$1" >"$T/request.json"
	"$tool" materialise "$T/tree" "$T/request.json" "$T/copy" &&
		kustomize build "$T/copy/app"
}

# same NAME OVERRIDES [EDIT ...]: each EDIT is a `kustomize edit` command line.
same() {
	local name=$1 overrides=$2 edit
	rm -rf "$T/theirs" && cp -r "$T/tree" "$T/theirs"
	for edit in "${@:3}"; do
		# shellcheck disable=SC2086 # words of a command
		(cd "$T/theirs/app" && kustomize edit $edit)
	done
	kustomize build "$T/theirs/app" >"$T/want" 2>"$T/want.err" ||
		{ not_ok "$name: the reference failed: $(cat "$T/want.err")"; return 0; }
	ours "$overrides" >"$T/got" 2>"$T/got.err" ||
		{ not_ok "$name: $(cat "$T/got.err")"; return 0; }
	if cmp -s "$T/want" "$T/got"; then ok "$name"; else
		not_ok "$name"
		diff "$T/want" "$T/got" || true
	fi
}

# refused NAME WORDS OVERRIDES
refused() {
	if ours "$3" >"$T/got" 2>"$T/got.err"; then not_ok "$1: accepted"; return 0; fi
	if grep -qF -- "$2" "$T/got.err"; then ok "$1"; else
		not_ok "$1: $(cat "$T/got.err")"
	fi
}

tree
same "every field that names files" null
same "no overrides" '{}'
if [ -e "$T/copy/app/README.md" ] || [ -e "$T/copy/else" ]; then
	not_ok "only what is needed is copied"
else
	ok "only what is needed is copied"
fi
same namePrefix '{"namePrefix":"new-"}' 'set nameprefix -- new-'
same nameSuffix '{"nameSuffix":"-x"}' 'set namesuffix -- -x'
same namespace '{"namespace":"back"}' 'set namespace -- back'
same "images: tag" '{"images":["nginx:3.0"]}' 'set image nginx:3.0'
same "images: another name" '{"images":["nginx=mirror.example/nginx:3.0"]}' \
	'set image nginx=mirror.example/nginx:3.0'
same "images: name only" '{"images":["nginx=mirror.example/nginx"]}' \
	'set image nginx=mirror.example/nginx'
digest=sha256:0123456789012345678901234567890123456789012345678901234567890123
same "images: digest" "{\"images\":[\"nginx@$digest\"]}" "set image nginx@$digest"
same "images: registry with a port" '{"images":["registry.example:5000/team/side:9"]}' \
	'set image registry.example:5000/team/side:9'
same "images: two" '{"images":["nginx:3.0","registry.example:5000/team/side=x.example/y:1"]}' \
	'set image nginx:3.0' 'set image registry.example:5000/team/side=x.example/y:1'
same replicas '{"replicas":[{"name":"web","count":5}]}' 'set replicas web=5'
same "replicas as text" '{"replicas":[{"name":"web","count":"4"}]}' 'set replicas web=4'
same commonLabels '{"commonLabels":{"a":"b","c":"d"}}' 'add label a:b c:d'
same "labels without selector" '{"commonLabels":{"a":"b"},"labelWithoutSelector":true}' \
	'add label --without-selector a:b'
same "labels in templates" \
	'{"commonLabels":{"a":"b"},"labelWithoutSelector":true,"labelIncludeTemplates":true}' \
	'add label --without-selector --include-templates a:b'
same "labels where such labels are" \
	'{"commonLabels":{"a":"b","owner":"two"},"labelWithoutSelector":true,"labelIncludeTemplates":true,"forceCommonLabels":true}' \
	'add label --without-selector --include-templates --force a:b owner:two'
same commonAnnotations '{"commonAnnotations":{"a":"b"}}' 'add annotation a:b'
same "annotations by force" \
	'{"commonAnnotations":{"team":"two"},"forceCommonAnnotations":true}' \
	'add annotation --force team:two'
same "patches: a file" '{"patches":[{"path":"later.yaml"}]}' 'add patch --path later.yaml'
same components '{"components":["../components/more"]}' 'add component ../components/more'
same "a component that is there already" '{"components":["../components/audit"]}' \
	'add component ../components/audit'
same "missing components may be ignored" \
	'{"components":["../components/none","../components/more"],"ignoreMissingComponents":true}' \
	'add component ../components/more'
same "all at once" '{"namePrefix":"p-","nameSuffix":"-s","namespace":"n","images":["nginx:9"],"commonLabels":{"l":"1"},"commonAnnotations":{"n":"2"},"replicas":[{"name":"web","count":7}],"components":["../components/more"]}' \
	'set nameprefix -- p-' 'set namesuffix -- -s' 'set namespace -- n' 'set image nginx:9' \
	'set replicas web=7' 'add label l:1' 'add annotation n:2' \
	'add component ../components/more'
refused "an annotation that is there needs force" "forceCommonAnnotations" \
	'{"commonAnnotations":{"team":"two"}}'
refused "a label that is there needs force" "forceCommonLabels" \
	'{"commonLabels":{"tier":"x"},"labelWithoutSelector":true}'
refused "a component that is missing" "components/none: not found" \
	'{"components":["../components/none"]}'
refused "a patch that is missing" "app/none.yaml: not found" '{"patches":[{"path":"none.yaml"}]}'
refused "a patch from outside" "leaves the repository" '{"patches":[{"path":"../../x.yaml"}]}'
refused "a remote component" "is remote" '{"components":["https://example.com/c"]}'
refused "a field that is not known" "source.kustomize.helm" '{"helm":true}'

# An inline patch cannot be given to `kustomize edit` with its spaces: by hand.
cp -r "$T/tree" "$T/inline"
patch='[{"op": "add", "path": "/spec/paused", "value": true}]'
sed -i "s|^patches:|patches:\\n- {target: {kind: Deployment}, patch: '$patch'}|" \
	"$T/inline/app/kustomization.yaml"
kustomize build "$T/inline/app" >"$T/want" 2>"$T/want.err" || cat "$T/want.err"
ours "{\"patches\":[{\"target\":{\"kind\":\"Deployment\"},\"patch\":\"${patch//\"/\\\"}\"}]}" \
	>"$T/got" 2>"$T/got.err" || cat "$T/got.err"
if cmp -s "$T/want" "$T/got"; then ok "patches: inline"; else
	not_ok "patches: inline"
	diff "$T/want" "$T/got" || true
fi
exit $failed
