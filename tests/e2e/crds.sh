#!/usr/bin/env bash
# The CRDs and the install manifests against a real API server: what people bring
# from Argo CD is taken as it is, mistakes are refused in words that help.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
NS=crds-$$

# app NAME SPEC: an Application as JSON from the inside of its spec.
app() {
	printf '{"apiVersion":"argoproj.io/v1alpha1","kind":"Application",
"metadata":{"name":"%s","namespace":"%s"},"spec":{%s}}' "$1" "$NS" "$2"
}
SOURCE='"source":{"repoURL":"https://git.example.com/r","path":"a"}'
DESTINATION='"destination":{"server":"https://kubernetes.default.svc"}'
apply() { kc apply --validate=strict -f - >"$T/apply.out" 2>&1; }

# refused WORDS SPEC: the API server says no, and says WORDS.
refused() {
	! app bad "$2" | apply || fail "accepted: $2"
	assert_contains "$(cat "$T/apply.out")" "$1" "the refusal of {$2}"
}

it "are accepted and served"
kc apply --server-side --force-conflicts -k "$ROOT/manifests/crds" >"$T/apply.out"
refute_contains "$(cat "$T/apply.out")" Warning "applying the CRDs"
for crd in applications appprojects; do
	kc wait --for=condition=Established --timeout=20s "crd/$crd.argoproj.io" >/dev/null
	assert_eq "" "$(field crd "$crd.argoproj.io" '.status.conditions[?(@.type=="NonStructuralSchema")].status')" "$crd is structural"
	assert_eq "" "$(field crd "$crd.argoproj.io" '.spec.versions[*].subresources')" "$crd has no subresource"
done
namespace "$NS"
wait_until 10 "resource by short name" kc get app,apps,appproj,appprojs -n "$NS"

it "the guide's Application applies as it is"
sed "s/namespace: argocd/namespace: $NS/" "$ROOT/tests/demo/repo/clusters/us-east-1-prod/dbupgrade.yaml" |
	kc apply --validate=strict -f - >"$T/apply.out" 2>&1
refute_contains "$(cat "$T/apply.out")" Warning "applying"
assert_eq true "$(field app dbupgrade .spec.syncPolicy.automated.selfHeal -n "$NS")" selfHeal

it "fields that are not described are kept"
app odd "$SOURCE,$DESTINATION,\"project\":\"default\",\"future\":{\"a\":[1,{\"b\":2}]},
	\"syncPolicy\":{\"automated\":{\"more\":true}}" |
	kc apply -f - >/dev/null
assert_eq '{"a":[1,{"b":2}]}' "$(field app odd .spec.future -n "$NS")" spec.future
assert_eq true "$(field app odd .spec.syncPolicy.automated.more -n "$NS")" automated.more

it "an ordinary patch writes status and operation"
patch='{"operation":{"sync":{"revision":"abc","prune":true},"initiatedBy":{"username":"ada"}},
"status":{"sync":{"status":"OutOfSync","revision":"0123abc"},"health":{"status":"Degraded"},
"syncd":{"phase":"Pinned","rejected":[{"id":2}]},
"operationState":{"phase":"Running","startedAt":"2026-01-02T03:04:05Z"}}}'
kc patch app odd -n "$NS" --type=merge -p "$patch" >/dev/null
assert_eq Pinned "$(field app odd .status.syncd.phase -n "$NS")" status.syncd
assert_eq abc "$(field app odd .operation.sync.revision -n "$NS")" operation
kc patch app odd -n "$NS" --type=merge -p '{"operation":null,"status":{"operationState":{"phase":"Terminating"}}}' >/dev/null
assert_eq "" "$(field app odd .operation -n "$NS")" "operation, cleared"
assert_eq Terminating "$(field app odd .status.operationState.phase -n "$NS")" "phase by a tool's patch"

it "a patch guarded by an old resourceVersion conflicts"
version=$(field app odd .metadata.resourceVersion -n "$NS")
kc patch app odd -n "$NS" --type=merge -p '{"status":{"reconciledAt":"x"}}' >/dev/null
assert_exit 1 kc patch app odd -n "$NS" --type=merge \
	-p "{\"metadata\":{\"resourceVersion\":\"$version\"},\"status\":{\"reconciledAt\":\"y\"}}"
assert_contains "$OUTPUT" "the object has been modified" "the conflict"

it "columns show sync, health, revision and project"
row=$(kc get app odd -n "$NS" -o wide --no-headers | tr -s ' ')
assert_eq "odd OutOfSync Degraded 0123abc default" "${row% }" "the wide row"
assert_contains "$(kc get app -n "$NS")" "SYNC STATUS" "the header"

it "mistakes are refused in words that help"
refused "name a source: repoURL, path and targetRevision" "$DESTINATION,\"project\":\"default\""
refused "name a source" "$DESTINATION,\"project\":\"default\",\"sources\":[]"
refused "spec.destination: Required value" "$SOURCE,\"project\":\"default\""
refused "spec.project: Required value" "$SOURCE,$DESTINATION"
refused "write either server" "$SOURCE,\"project\":\"\",\"destination\":{\"namespace\":\"x\"}"
refused "write either server" "$SOURCE,\"project\":\"\",\"destination\":{\"name\":\"in-cluster\",\"server\":\"https://kubernetes.default.svc\"}"
refused "spec.source.repoURL: Required value" "$DESTINATION,\"project\":\"\",\"source\":{\"path\":\"a\"}"
refused "repoURL is empty" "$DESTINATION,\"project\":\"\",\"source\":{\"repoURL\":\"\",\"path\":\"a\"}"
refused 'name a path in the repository' "$DESTINATION,\"project\":\"\",\"source\":{\"repoURL\":\"https://h/r\"}"
refused 'name a path in the repository' "$DESTINATION,\"project\":\"\",\"sources\":[{\"repoURL\":\"https://h/r\"}]"
refused "spec.syncPolicy.automated.prune" "$SOURCE,$DESTINATION,\"project\":\"\",\"syncPolicy\":{\"automated\":{\"prune\":\"yes\"}}"
refused "spec.syncPolicy.syncOptions" "$SOURCE,$DESTINATION,\"project\":\"\",\"syncPolicy\":{\"syncOptions\":\"CreateNamespace=true\"}"
refused "spec.revisionHistoryLimit" "$SOURCE,$DESTINATION,\"project\":\"\",\"revisionHistoryLimit\":-1"
IN='"project":"",'$DESTINATION
at() { printf '%s,"source":{"repoURL":"https://h/r",%s}' "$IN" "$1"; }
refused 'spec.source.path: Invalid value' "$(at '"path":"/etc"')"
refused 'a folder in the repository' "$(at '"path":"a/../b"')"
refused 'spec.source.targetRevision: Invalid value' "$(at '"path":"a","targetRevision":"--upload-pack=x"')"
refused 'spec.sources[0].path: Invalid value' "$IN,\"sources\":[{\"repoURL\":\"https://h/r\",\"path\":\"../x\"}]"
refused 'spec.destination.namespace: Invalid value' "$SOURCE,\"project\":\"\",\"destination\":{\"name\":\"in-cluster\",\"namespace\":\"My_NS\"}"
refused 'spec.syncPolicy.retry.backoff.duration: Invalid value' "$SOURCE,$IN,\"syncPolicy\":{\"retry\":{\"backoff\":{\"duration\":\"5 min\"}}}"
refused 'spec.syncPolicy.retry.backoff.maxDuration: Invalid value' "$SOURCE,$IN,\"syncPolicy\":{\"retry\":{\"backoff\":{\"maxDuration\":\"x\"}}}"
refused 'spec.revisionHistoryLimit: Invalid value' "$SOURCE,$IN,\"revisionHistoryLimit\":1001"
refused 'spec.ignoreDifferences[0].jsonPointers[0]: Invalid value' "$SOURCE,$IN,\"ignoreDifferences\":[{\"kind\":\"A\",\"jsonPointers\":[\"spec\"]}]"
assert_eq "" "$(field app bad .metadata.name -n "$NS")" "what was refused"

it "what tools write with empty strings is taken"
app empty "$SOURCE,\"project\":\"\",\"destination\":{\"name\":\"\",\"server\":\"https://kubernetes.default.svc\"},\"sources\":[]" |
	kc apply -f - >/dev/null

it "a project as Argo CD makes it applies; a wrong window does not"
project() {
	printf '{"apiVersion":"argoproj.io/v1alpha1","kind":"AppProject","metadata":{"name":"p","namespace":"%s"},
"spec":{"sourceRepos":["*"],"destinations":[{"namespace":"*","server":"*"}],
"clusterResourceWhitelist":[{"group":"*","kind":"*"}],
"syncWindows":[{"kind":"%s","schedule":"0 9 * * *","duration":"1h","applications":["*"],"later":1}]}}' "$NS" "$1"
}
project deny | kc apply -f - >/dev/null
assert_eq 1 "$(field appproject p '.spec.syncWindows[0].later' -n "$NS")" "an unknown field of a window"
! project perhaps | apply || fail "a window of kind perhaps was accepted"
assert_contains "$(cat "$T/apply.out")" 'supported values: "allow", "deny"' "the refusal"

# project_refused WORDS SPEC
project_refused() {
	! printf '{"apiVersion":"argoproj.io/v1alpha1","kind":"AppProject","metadata":{"name":"bad","namespace":"%s"},"spec":{%s}}' \
		"$NS" "$2" | apply || fail "accepted: $2"
	assert_contains "$(cat "$T/apply.out")" "$1" "the refusal of {$2}"
}
project_refused 'spec.syncWindows[0].schedule: Invalid value' \
	'"syncWindows":[{"kind":"deny","schedule":"0 9 * *","duration":"1h"}]'
project_refused 'spec.syncWindows[0].duration: Invalid value' \
	'"syncWindows":[{"kind":"deny","schedule":"0 9 * * *","duration":"1 hour"}]'
project_refused 'spec.destinationServiceAccounts[0].server: Invalid value' \
	'"destinationServiceAccounts":[{"server":"!x","defaultServiceAccount":"a"}]'

it "an existing CRD is not replaced by installing"
assert_exit 1 kc create -k "$ROOT/manifests/crds"
assert_contains "$OUTPUT" "already exists" "kubectl create"

it "the install manifests run under restricted Pod Security"
webhook syncd-webhook
kc apply -k "$ROOT/manifests/install" >"$T/apply.out" 2>&1
refute_contains "$(cat "$T/apply.out")" Warning "applying"
printf 'syncd-system\n' >>"$T/namespaces"
wait_until 30 "available replicas" field_is 3 deployment syncd .status.availableReplicas -n syncd-system

it "without the binding for applications it has its own rights and no more"
can() { kc auth can-i --as=system:serviceaccount:syncd-system:syncd "$@" 2>/dev/null || true; }
assert_eq yes "$(can create deployments -n default)" "with the binding: create deployments"
kc delete -f "$ROOT/manifests/install/rbac-applications.yaml" >/dev/null
assert_eq yes "$(can patch applications.argoproj.io -n "$NS")" "patch applications"
assert_eq yes "$(can watch configmaps -A)" "watch configmaps everywhere"
assert_eq yes "$(can create secrets -n syncd-system)" "create secrets at home"
assert_eq yes "$(can create configmaps -n syncd-system)" "create the ConfigMap of the install"
assert_eq yes "$(can create events.events.k8s.io -n "$NS")" "create events"
assert_eq yes "$(can update leases.coordination.k8s.io -n syncd-system)" "update leases"
assert_eq yes "$(can get pods/log -n "$NS")" "read logs"
assert_eq no "$(can create deployments -n default)" "create deployments"
assert_eq no "$(can create secrets -n "$NS")" "create secrets elsewhere"
assert_eq no "$(can delete applications.argoproj.io -n "$NS")" "delete applications"
assert_eq no "$(can impersonate users)" "impersonate"
assert_eq no "$(can create pods/exec -n default)" "exec"
kc delete -k "$ROOT/manifests/install" --ignore-not-found --wait=false >/dev/null 2>&1
