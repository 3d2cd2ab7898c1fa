#!/usr/bin/env bash
# AppProjects on a real API server: what an application may read, where and what it
# may write, asked before every write, while the project changes under its feet.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=project-$$
W=$TREES/shop

project() { # SPEC(JSON)
	jq -n --arg ns "$APPS" --argjson spec "$1" '{apiVersion: "argoproj.io/v1alpha1", kind: "AppProject",
		metadata: {name: "team", namespace: $ns}, spec: $spec}' >"$T/project.json"
	kc replace -f "$T/project.json" >/dev/null 2>&1 || kc create -f "$T/project.json" >/dev/null
}
anything() { jq -cn --arg ns "$NS" '{sourceRepos: ["*"], destinations: [{server: "*", namespace: $ns}]}'; }
value_is() { field_is "$1" configmap "${2:-shop}" .data.key -n "$NS"; }
says() { # TYPE WORDS: a condition
	app_is shop "(\$s.conditions // []) | any(.type == \"$1\" and (.message | contains(\"$2\")))"
}
in_team='.spec.project = "team"'
finalizer='.metadata.finalizers = ["resources-finalizer.argocd.argoproj.io"]'

namespace "$NS"
repo shop
git_server
URL=$GIT_URL/shop.git
syncd_start --poll-interval 1s
configmap shop one | write "$W/shop/all.yaml"
COMMIT=$(commit shop one)

it "a project that does not exist lets nothing out, and says so"
app shop "$URL" shop "$NS" "$in_team"
wait_until 20 "the condition" says InvalidSpecError "there is no AppProject team in $APPS"
never 2 "written" value_is one
assert_eq 0 "$(metric syncd_git_fetches_total)" "fetches of a repository that nobody allowed"

it "it goes out when the project allows it, and not before"
project "$(anything | jq -c '.sourceRepos = ["https://example.com/*"]')"
wait_until 20 "the condition" says InvalidSpecError "spec.sourceRepos"
project "$(anything | jq -c '.destinations[0].namespace = "other"')"
wait_until 20 "the condition" says InvalidSpecError "namespace \\\"$NS\\\""
never 2 "written" value_is one
project "$(anything)"
good shop "$COMMIT"
value_is one

it "one kind that is not allowed stops the release before anything is written"
{ configmap shop two; printf -- '---\n'; printf 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: %s}\nrules: []\n' "$NS"; } |
	write "$W/shop/all.yaml"
commit shop two >/dev/null
wait_until 20 "the condition" says SyncError "AppProject team does not allow this kind: add it to spec.clusterResourceWhitelist"
never 3 "half a release" value_is two
[ -z "$(kc get clusterrole "$NS" --ignore-not-found -o name)" ] || fail "the ClusterRole is there"

it "drift of what it may not write any more is left alone"
configmap shop three | write "$W/shop/all.yaml"
COMMIT=$(commit shop three)
good shop "$COMMIT"
project "$(anything | jq -c '.namespaceResourceBlacklist = [{group: "", kind: "ConfigMap"}]')"
sleep 1
kc patch configmap shop -n "$NS" --type merge -p '{"data":{"key":"hand"}}' >/dev/null
never 4 "healed" value_is three
project "$(anything)"
wait_until 90 "healed" value_is three

it "what is nobody's in the namespace is told, and left alone, where the project asks for it"
kc create configmap stray -n "$NS" --from-literal=a=b >/dev/null
kc create configmap ignored-1 -n "$NS" --from-literal=a=b >/dev/null
project "$(anything | jq -c '.orphanedResources = {warn: true, ignore: [{kind: "ConfigMap", name: "ignored-*"}]}')"
wait_until 60 "the condition" says OrphanedResourceWarning "Application has 1 orphaned resources"
assert_contains "$(syncctl resources shop --orphaned)" stray "what syncctl lists"
assert_contains "$(syncctl status shop)" "1 object of its namespace is nobody's" "what syncctl tells"
assert_eq '["stray"]' "$(syncctl resources shop --orphaned -o json | jq -c '[.[].name]')" "what it lists for programs"
kc delete configmap stray -n "$NS" >/dev/null
kc annotate app shop -n "$APPS" argocd.argoproj.io/refresh=normal >/dev/null
wait_until 60 "the end of the condition" app_is shop '($s.conditions // []) | all(.type != "OrphanedResourceWarning")'
assert_eq 0 "$(field app shop .status.syncd.orphaned.count -n "$APPS")" "how many are left"
[ -n "$(kc get configmap ignored-1 -n "$NS" -o name --ignore-not-found)" ] || fail "it deleted what is not its own"
project "$(anything)"
wait_until 30 "silence" app_is shop '$d.orphaned == null'

it "deletion ends though the project is gone"
app shop "$URL" shop "$NS" "$in_team | $finalizer"
wait_until 10 "the finalizer" field_is '["resources-finalizer.argocd.argoproj.io"]' app shop .metadata.finalizers -n "$APPS"
kc delete appproject team -n "$APPS" >/dev/null
wait_until 20 "the condition" says InvalidSpecError "there is no AppProject team"
kc delete app shop -n "$APPS" --wait=false >/dev/null
wait_until 30 "the Application gone" eval '[ -z "$(kc get app shop -n "$APPS" --ignore-not-found -o name)" ]'
[ -z "$(kc get configmap shop -n "$NS" --ignore-not-found -o name)" ] || fail "its ConfigMap stays"

it "the project default is made when there is none"
app plain "$URL" shop "$NS"
good plain "$COMMIT"
assert_eq '["*"]' "$(field appproject default .spec.sourceRepos -n "$APPS")" "what default allows"
