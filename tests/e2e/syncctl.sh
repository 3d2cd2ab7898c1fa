#!/usr/bin/env bash
# syncctl against a real API server, without syncd: the script writes the status
# that the daemon would write, and takes requests as the daemon would take them.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
NS=syncctl-$$
export NO_COLOR=

ctl() { timeout 60 "$BIN/syncctl" "$@"; }

# app NAME [LABELS]: an Application with automated policy.
app() {
	kc apply -f - >/dev/null <<-END
		{"apiVersion":"argoproj.io/v1alpha1","kind":"Application",
		"metadata":{"name":"$1","namespace":"$NS","labels":{${2:-}}},
		"spec":{"project":"default","source":{"repoURL":"https://git.example.com/$1","path":"."},
		"destination":{"server":"https://kubernetes.default.svc","namespace":"$NS"},
		"syncPolicy":{"automated":{}}}}
	END
}
patch() { kc patch app "$1" -n "$NS" --type=merge -p "$2" >/dev/null; }
# status NAME FILE: the status as in a golden document, of what the spec says.
status() {
	kc patch app "$1" -n "$NS" --type=json -p "$(kc get app "$1" -n "$NS" -o json | jq -c \
		--slurpfile s "$ROOT/tests/golden/statusdoc/$2.json" '.spec.source as $now | $s[0] |
		if .sync then .sync.comparedTo.source = $now else . end |
		[{op: "add", path: "/status", value: .}]')" >/dev/null
}

# take NAME: what the daemon does first: the request moves into the status.
take() {
	wait_until 10 "a request for $1" has_request "$1"
	kc get app "$1" -n "$NS" -o json | jq -c '{operation: null, status: {operationState: {phase: "Running",
		operation: .operation, startedAt: "2026-01-02T03:04:05Z", syncResult: {revision: "abc1234"}}}}' >"$T/patch"
	patch "$1" "$(cat "$T/patch")"
}
has_request() { [ -n "$(field app "$1" .operation.sync -n "$NS")$(field app "$1" .operation.info -n "$NS")" ]; }
# end NAME PHASE: and last.
end() { patch "$1" "{\"status\":{\"operationState\":{\"phase\":\"$2\",\"message\":\"the end: $2\"}}}"; }

# background ARG...: syncctl in the background; finished STATUS waits for its end.
background() {
	OUT=$T/background.out
	timeout 60 "$BIN/syncctl" "$@" >"$OUT" 2>&1 &
	CHILD=$!
}
finished() {
	local rc=0
	wait "$CHILD" || rc=$?
	[ "$rc" = "$1" ] || fail "it ends with $rc, not $1: $(cat "$OUT")"
}

it "only what renders is linked: the rest is loaded when it is needed"
for library in curl crypto ssl git2 microhttpd; do
	refute_contains "$(readelf -d "$BIN/syncctl")" "[lib$library." "a library that costs at start-up"
done

install_crds
namespace "$NS"
app shop '"team":"a"'
app other '"team":"b"'
app bare

it "status shows all, the broken ones first"
status shop pinned
status other good
OUTPUT=$(ctl status -n "$NS")
assert_eq shop "$(sed -n 2p <<<"$OUTPUT" | cut -d' ' -f1)" "the first application"
assert_contains "$OUTPUT" "✗ Pinned" "the pinned one"
assert_contains "$OUTPUT" "3 applications: 1 pinned" "the summary"
refute_contains "$OUTPUT" $'\033' "colours without a terminal"
assert_contains "$(ctl -A status)" "$NS" "all namespaces"
OUTPUT=$(ctl status -n "$NS" -l team=b)
refute_contains "$OUTPUT" shop "the selection"

it "status of one tells its story"
OUTPUT=$(ctl status shop -n "$NS")
assert_contains "$OUTPUT" "shop is pinned to release #1 (9f31c02, Ada" "the headline"
assert_contains "$OUTPUT" "deployment/web: ImagePullBackOff" "the reason"
assert_contains "$OUTPUT" "syncctl retry shop" "the next step"

it "machines get JSON, YAML and names"
assert_eq true "$(ctl status shop -n "$NS" -o json | jq .pinned)" "status -o json"
assert_eq 3 "$(ctl list -n "$NS" -o json | jq '.items | length')" "list -o json"
assert_eq 2 "$(ctl history shop -n "$NS" -o json | jq length)" "history -o json"
assert_eq application.argoproj.io/shop "$(ctl list -n "$NS" -l team=a -o name)" "list -o name"
assert_eq "2 1" "$(ctl history shop -n "$NS" -o name | xargs)" "history -o name"
assert_contains "$(ctl resources shop -n "$NS" -o name)" "deployment.apps/web" "resources -o name"
assert_exit 2 ctl report -n "$NS" -o name
assert_contains "$OUTPUT" "-o name: 'report' has no names to print" "the refusal"
ctl get shop -n "$NS" -o yaml >"$T/shop.yaml"
refute_contains "$(cat "$T/shop.yaml")" managedFields "get -o yaml"
kc apply --dry-run=server -f "$T/shop.yaml" >/dev/null

it "history and get show what the status holds"
assert_contains "$(ctl history shop -n "$NS")" "#2   rejected" "history"
assert_contains "$(ctl get other -n "$NS")" "Deployment" "get"

it "mistakes have their exit status"
assert_exit 2 ctl frobnicate
assert_exit 2 ctl status --prune
assert_exit 2 ctl sync shop -n "$NS" --resource web
assert_exit 2 ctl wait shop -n "$NS" --timeout soon
assert_exit 2 ctl terminate bare -n "$NS" --force
assert_contains "$OUTPUT" "--force means nothing to 'terminate'" "what does nothing there"
assert_exit 20 ctl get nothing -n "$NS"
assert_contains "$OUTPUT" "no application nothing in namespace $NS" "the message"
assert_exit 0 ctl get bare
assert_contains "$OUTPUT" "$NS" "found where it is"
assert_exit 0 ctl get "$NS/bare" -o name
assert_exit 0 ctl get "application.argoproj.io/bare" -n "$NS" -o name
assert_exit 20 ctl get apps/bare # of a namespace: never the bare of another one
assert_contains "$OUTPUT" "no application bare in namespace apps" "the message"
assert_exit 2 ctl get "$NS/bare" -n elsewhere
assert_contains "$OUTPUT" "-n contradicts it" "two namespaces"
assert_exit 2 ctl app sync bare
assert_contains "$OUTPUT" "leave 'app' out" "Argo CD's word"
assert_exit 2 ctl get bare --hard-refresh
assert_contains "$OUTPUT" "argocd.argoproj.io/refresh=hard" "Argo CD's flag"
assert_exit 2 ctl logs bare -f
assert_contains "$OUTPUT" "-f (--filename) means nothing to 'logs'" "another command's flag"
assert_exit 2 ctl sync other -n "$NS" --revision v1
assert_contains "$OUTPUT" "other syncs by itself, which would undo this at once" "what does not last"
assert_exit 20 ctl status --kubeconfig "$T/none"
assert_exit 20 ctl status --context none

it "sync follows exactly its own request"
kc patch app bare -n "$NS" --type=merge -p '{"spec":{"syncPolicy":{"automated":{"enabled":false}}}}' >/dev/null
background sync bare -n "$NS" --prune --revision v1
take bare
assert_eq true "$(jq -r .status.operationState.operation.sync.prune "$T/patch")" prune
assert_eq v1 "$(jq -r .status.operationState.operation.sync.revision "$T/patch")" revision
wait_until 10 "its beginning" grep -q "operation Running: revision abc1234" "$OUT"
end bare Succeeded
finished 0
assert_contains "$(cat "$OUT")" "operation Succeeded" "the output"

it "a failed sync is exit status 1 with its message"
background sync bare -n "$NS"
take bare
end bare Failed
finished 1
assert_contains "$(cat "$OUT")" "the sync failed: the end: Failed" "the output"

it "a second request waits its turn, or replaces the first with --force"
ctl sync bare -n "$NS" --async --dry-run >/dev/null
assert_exit 1 ctl sync bare -n "$NS"
assert_contains "$OUTPUT" "is waiting" "the refusal"
background sync bare -n "$NS" --force
wait_until 10 "the replacement" field_is "" app bare .operation.sync.dryRun -n "$NS"
take bare
assert_exit 1 ctl sync bare -n "$NS"
assert_contains "$OUTPUT" "is running" "the refusal"
end bare Succeeded
finished 0

it "a request that is withdrawn ends the wait"
background sync bare -n "$NS"
wait_until 10 "the request" has_request bare
patch bare '{"operation":null}'
finished 1
assert_contains "$(cat "$OUT")" withdrawn "the output"

it "wait returns when all is as asked for, and says what was missing"
assert_exit 1 ctl wait shop -n "$NS" --timeout 1s
assert_contains "$OUTPUT" "not Synced (OutOfSync)" "what is missing"
assert_exit 0 ctl wait shop -n "$NS" --health
background wait shop -n "$NS"
status shop good
finished 0
assert_exit 0 ctl wait other -n "$NS" --good --revision 1b77
assert_exit 1 ctl wait other -n "$NS" --good --revision 9999 --timeout 1s

it "wait does not wait for what cannot come"
status shop pinned
assert_exit 1 ctl wait shop -n "$NS" --revision 1b77
assert_contains "$OUTPUT" "shop is pinned: release #2 (1b77e90) was rejected: deployment/web: ImagePullBackOff; that ends with something new in Git" "of what was rejected"
kc annotate app shop -n "$NS" syncd.dev/pin=demo >/dev/null
patch shop '{"status":{"syncd":{"phase":"Good","pin":{"byHand":true,"by":"ada","why":"demo"}}}}'
assert_exit 1 ctl wait shop -n "$NS"
assert_contains "$OUTPUT" "until syncctl unpin shop" "of what a person holds"
assert_contains "$OUTPUT" "(not Synced (OutOfSync))" "what is missing"
kc annotate app shop -n "$NS" syncd.dev/pin- >/dev/null

it "wait ends when the Application is deleted"
kc get app bare -n "$NS" -o json | jq '{apiVersion, kind, spec, metadata: {name: "leaver", namespace: .metadata.namespace}}' | kc create -f - >/dev/null
background wait leaver -n "$NS"
never 2 "an end of the wait" eval '! kill -0 $CHILD'
kc delete app leaver -n "$NS" >/dev/null
finished 1
assert_contains "$(cat "$OUT")" "leaver was deleted meanwhile" "the output"

it "wait --good fails when what went out is rejected"
status shop settling
background wait shop -n "$NS" --good
wait_until 10 "its progress" grep -q Settling "$OUT"
status shop pinned
finished 1
assert_contains "$(cat "$OUT")" "was rejected" "the output"

it "render shows what Git would give, without a cluster"
write "$T/plain/all.yaml" <<-'END'
	apiVersion: v1
	kind: ConfigMap
	metadata: {name: plain, annotations: {argocd.argoproj.io/sync-wave: "3"}}
	data: {number: "012", text: "one\n  two\n", flag: "yes"}
END
local_ctl() { KUBECONFIG=$T/none ctl render "$@"; }
assert_eq configmap/plain "$(local_ctl "$T/plain" -o name)" "a folder"
assert_eq configmap/plain "$(local_ctl "$T/plain/all.yaml" -o name)" "a file"
assert_contains "$(local_ctl "$T/plain" -o table)" "3      -       ConfigMap" "the table"
local_ctl "$T/plain" >"$T/plain.out"
assert_eq '{"flag":"yes","number":"012","text":"one\n  two\n"}' \
	"$(kc create --dry-run=client -f "$T/plain.out" -o json | jq -cS .data)" "the YAML, read by kubectl"
assert_eq plain "$(local_ctl "$T/plain" -o json | jq -r '.items[0].metadata.name')" "the JSON"
assert_exit 20 local_ctl "$T/nowhere"

it "render builds a kustomization as the reference does, without any program"
overlay=$ROOT/tests/demo/repo/apps/dbupgrade/overlays/us-east-1-prod
kustomize build "$overlay" >"$T/overlay.want"
mkdir "$T/empty"
alone() { env PATH="$T/empty" KUBECONFIG="$T/none" "$(realpath "$BIN/syncctl")" "$@"; }
assert_exit 0 alone render "$overlay"
local_ctl "$overlay" -o yaml >"$T/overlay.out"
cmp "$T/overlay.want" "$T/overlay.out" || fail "other bytes"
assert_contains "$(local_ctl "$overlay" --diff-reference)" "the same, " "the comparison"
assert_eq "$(grep -c '^kind:' "$T/overlay.want")" "$(local_ctl "$overlay" -o json | jq '.items | length')" "objects"
assert_exit 2 local_ctl "$T/plain" --diff-reference

it "render leaves Helm charts to the program, and says so where it is missing"
write "$T/helm/kustomization.yaml" <<-'END'
	helmCharts: [{name: x}]
END
assert_exit 20 alone render "$T/helm"
assert_contains "$OUTPUT" "kustomization.yaml:1: helmCharts" "the reason"

it "validate builds every kustomization below a folder"
assert_exit 0 alone validate "$ROOT/tests/demo/repo"
assert_contains "$OUTPUT" "ok " "the table"
write "$T/many/bad/kustomization.yaml" <<-'END'
	resources: [none.yaml]
END
write "$T/many/good/kustomization.yaml" <<-'END'
	configMapGenerator: [{name: a}]
END
write "$T/many/part/kustomization.yaml" <<-'END'
	apiVersion: kustomize.config.k8s.io/v1alpha1
	kind: Component
	namePrefix: x-
END
assert_exit 1 alone validate "$T/many"
assert_contains "$OUTPUT" "none.yaml: not found" "what is wrong"
assert_eq "failed ok component" \
	"$(alone validate "$T/many" -o json | jq -r 'map(.state) | join(" ")')" "the JSON"
assert_exit 20 alone validate "$T/empty"

it "validate --all takes every name that the API server takes, and what it refuses is refused there"
kinds="v1/ConfigMap v1/Service v1/Namespace v1/Pod v1/Endpoints apps/v1/Deployment apps/v1/StatefulSet batch/v1/Job batch/v1/CronJob
	autoscaling/v2/HorizontalPodAutoscaler networking.k8s.io/v1/Ingress discovery.k8s.io/v1/EndpointSlice storage.k8s.io/v1/StorageClass
	scheduling.k8s.io/v1/PriorityClass node.k8s.io/v1/RuntimeClass flowcontrol.apiserver.k8s.io/v1/FlowSchema
	admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration apiextensions.k8s.io/v1/CustomResourceDefinition
	argoproj.io/v1alpha1/AppProject policy/v1/PodDisruptionBudget rbac.authorization.k8s.io/v1/Role"
names="fine Upper under_score -edge edge- a..b a.b 1digit colon:name $(printf 'l%.0s' {1..53}) $(printf 'l%.0s' {1..64})"
mkdir "$T/names"
for kind in $kinds; do
	for name in $names; do
		printf -- '---\n{"apiVersion":"%s","kind":"%s","metadata":{"name":"%s"}}\n' "${kind%/*}" "${kind##*/}" "$name"
	done
done >"$T/names/all.yaml"
echo 'resources: [all.yaml]' >"$T/names/kustomization.yaml"
rc=0
ctl validate --all "$T/names" -o json >"$T/names.json" || rc=$?
assert_eq 1 $rc "validate's exit status"
jq -r '.findings[] | select(.rule == "name") | .object' "$T/names.json" | sort >"$T/names.ours"
kc create --dry-run=server --validate=false -f "$T/names/all.yaml" >/dev/null 2>"$T/names.err" || true
sed -n 's|.*: \([A-Za-z]*\)[a-z0-9.]* "\([^"]*\)" is invalid: .*metadata.name: .*|\1/\2|p' "$T/names.err" | sort >"$T/names.theirs"
assert_eq "" "$(comm -23 "$T/names.ours" "$T/names.theirs")" "names that the API server takes"
assert_eq "CustomResourceDefinition StatefulSet" "$(comm -13 "$T/names.ours" "$T/names.theirs" | cut -d/ -f1 | uniq | xargs)" "kinds that it is stricter of"
assert_contains "$(cat "$T/names.ours")" "Service/a.b" "a Service's name"

it "health judges the objects in a file"
kc get namespace "$NS" -o yaml >"$T/live.yaml"
printf -- '---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: d}\nstatus: {phase: Lost}\n' >>"$T/live.yaml"
assert_contains "$(ctl health -f "$T/live.yaml")" "PersistentVolumeClaim   d " "the table"
assert_eq Degraded "$(ctl health -o json -f - <"$T/live.yaml" | jq -r '.[1].status')" "the JSON"
assert_exit 1 ctl health -f "$T/live.yaml"
echo 'return { status = "Healthy", message = obj.kind .. " is fine" }' >"$T/health.lua"
assert_exit 0 ctl health -f "$T/live.yaml" --lua "$T/health.lua"
assert_contains "$OUTPUT" "PersistentVolumeClaim is fine" "the script's words"
write "$T/argocd-cm.yaml" <<-'END'
	apiVersion: v1
	kind: ConfigMap
	metadata: {name: argocd-cm}
	data:
	  resource.customizations.health.PersistentVolumeClaim: |
	    return { status = "Suspended", message = obj.status.phase }
END
assert_exit 0 ctl health -f "$T/live.yaml" --customizations "$T/argocd-cm.yaml"
assert_contains "$OUTPUT" "Suspended" "the ConfigMap's script"
assert_exit 2 ctl health
assert_exit 20 ctl health -f "$T/nowhere"
