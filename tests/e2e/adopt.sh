#!/usr/bin/env bash
# Taking over what others made: kubectl, Helm and Argo CD, each with what it leaves on
# an object; and moving live applications from Argo CD to syncd and back, with a
# stand-in that leaves what Argo CD leaves: its controller's StatefulSet, tracking ids,
# managedFields, statuses (docs/argocd.md is the procedure).
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
NS=adopt-$$

mkdir -p "$T/repos"
git_server
repo shop
URL=$GIT_URL/shop.git
W=$TREES/shop
namespace $NS

json() { kc get "$1" "$2" -n "$NS" -o json --show-managed-fields; }
gone() { [ -z "$(kc get "$1" "$2" -n "$NS" -o name --ignore-not-found)" ]; }
# managers KIND NAME: who owns fields beside controllers' statuses, sorted.
managers() {
	json "$1" "$2" | jq -r '[.metadata.managedFields[] | select(.subresource == null) | .manager] | sort | unique | join(" ")'
}
managed_by() { [ "$(managers "$1" "$2")" = "$3" ] || { managers "$1" "$2"; return 1; }; }
# spec KIND NAME: what a person sees of it, and which pods it has.
spec() {
	json "$1" "$2" | jq -S '{spec, data, uid: .metadata.uid}'
	kc get pod -n "$NS" -l "app=$2" -o jsonpath='{.items[*].metadata.uid}'
}
# labelled: a Deployment with two labels of its own and an env variable.
web() {
	deployment "$1" v1 | sed "s|^metadata:|metadata:\\n  labels: {tier: front, team: red}|" |
		sed 's|image: "\(.*\)"}|image: "\1", env: [{name: A, value: "1"}, {name: B, value: "2"}]}|'
}
# less FILE: the same without team and B.
less() { sed -i 's|, team: red||; s|, {name: B, value: "2"}||' "$1"; }
has_left() {
	json deployment "$1" | jq -e '(.metadata.labels | has("team") | not) and
		([.spec.template.spec.containers[0].env[].name] == ["A"])' >/dev/null
}

it "objects of kubectl, Helm and Argo CD are taken over as they are; what leaves Git then goes"
ways="apply create ssa helm argo argossa first plain"
for n in $ways; do web "$n" | write "$W/shop/$n.yaml"; done
for n in $ways; do
	case $n in
	apply | plain) kc apply -f "$W/shop/$n.yaml" -n "$NS" ;;
	create) kc create -f "$W/shop/$n.yaml" -n "$NS" ;;
	ssa) kc apply --server-side -f "$W/shop/$n.yaml" -n "$NS" ;;
	helm) kc create --field-manager=helm -f "$W/shop/$n.yaml" -n "$NS" ;;
	argo) kc apply --field-manager=argocd-controller -f "$W/shop/$n.yaml" -n "$NS" ;;
	argossa) kc apply --server-side --field-manager=argocd-controller -f "$W/shop/$n.yaml" -n "$NS" ;;
	first) # managedFields unknown: the first apply files them under before-first-apply
		kc create -f "$W/shop/$n.yaml" -n "$NS"
		kc patch deployment "$n" -n "$NS" --type=json -p '[{"op":"replace","path":"/metadata/managedFields","value":[{}]}]' ;;
	esac >/dev/null
done
mkdir -p "$W/alone" && mv "$W/shop/plain.yaml" "$W/alone/plain.yaml"
for n in $ways; do
	wait_until 30 "$n" field_is 1 deployment "$n" .status.readyReplicas -n "$NS"
	spec deployment "$n" >"$T/$n.before"
done
C=$(commit shop "as it is")
syncd_start
app shop "$URL" shop "$NS" '.spec.syncPolicy = {}'
wait_until 30 "what is there, before any sync" app_is shop '$s.sync.status == "Synced" and $s.health.status == "Healthy" and
	([$s.resources[] | select(.status == "Synced" and .health.status == "Healthy")] | length == 7)'
managed_by deployment ssa kubectl || fail "written without a sync"
app shop "$URL" shop "$NS" '.spec.syncPolicy.automated.prune = false'
app alone "$URL" alone "$NS" '.spec.syncPolicy.syncOptions = ["ClientSideApplyMigration=false"]'
good shop "$C"
good alone "$C"
for n in $ways; do
	diff "$T/$n.before" <(spec deployment "$n") || fail "$n changed"
done
for n in apply create ssa helm argo argossa; do managed_by deployment $n syncd || fail "$n: its managers"; done
for n in apply argo; do
	refute_contains "$(json deployment $n | jq -c .metadata.annotations)" last-applied "$n's annotations"
done
managed_by deployment plain "kubectl-client-side-apply syncd" || fail "not migrated on request"
for n in $ways; do less "$(ls "$W"/*/"$n".yaml)"; done
C=$(commit shop "less")
good shop "$C"
good alone "$C"
for n in apply create ssa helm argo argossa first; do has_left $n || fail "$n still has what left Git: $(json deployment $n | jq -c '.metadata.labels')"; done
! has_left plain || fail "ClientSideApplyMigration=false has no effect"

it "a copy, whose tracking id names another object, is nobody's"
kc get deployment apply -n "$NS" -o json | jq '{apiVersion, kind, metadata: {name: "copy", labels: .metadata.labels, annotations: .metadata.annotations}, spec}' |
	kc create -n "$NS" -f - >/dev/null
kc patch app shop -n "$APPS" --type=merge -p '{"spec":{"syncPolicy":{"automated":{"prune":true}}}}' >/dev/null
git -C "$W" rm -q shop/create.yaml
C=$(commit shop "one less")
good shop "$C"
wait_until 20 "the prune" gone deployment create
[ -n "$(kc get deployment copy -n "$NS" -o name --ignore-not-found)" ] || fail "the copy was pruned"
kc delete app shop alone -n "$APPS" >/dev/null
syncd_stop

# --- from Argo CD to syncd and back --------------------------------------------------

# argocd REPLICAS: the stand-in of its controller, where the Applications are.
argocd() {
	kc apply -n "$APPS" -f - >/dev/null <<-END
		{"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "argocd-application-controller",
		"labels": {"app.kubernetes.io/name": "argocd-application-controller", "app.kubernetes.io/part-of": "argocd"}},
		"spec": {"replicas": $1, "serviceName": "argocd-application-controller", "selector": {"matchLabels": {"a": "c"}},
		"template": {"metadata": {"labels": {"a": "c"}}, "spec": {"containers": [{"name": "main", "image": "argocd:v3.5.1"}]}}}}
	END
}
# by_argocd FILE...: as its client-side sync writes them, with tracking ids.
by_argocd() {
	local f
	for f; do
		kc create --dry-run=client -o json -f "$f" -n "$NS" | jq --arg id "${APPS}_live" --arg ns "$NS" \
			'.metadata.annotations["argocd.argoproj.io/tracking-id"] = "\($id):\(.apiVersion | if contains("/") then split("/")[0] else "" end)/\(.kind):\($ns)/\(.metadata.name)"' |
			kc apply --field-manager=argocd-controller -n "$NS" -f - >/dev/null
	done
}
aside() { app_is live '[$s.conditions[]? | select(.type == "StandsAsideWarning" and (.message | contains("argocd-application-controller")))] | length == 1'; }
serves() { app_is live '[$s.conditions[]? | select(.type == "StandsAsideWarning")] | length == 0'; }
changed() { [ "$(objects)" != "$B" ]; }
objects() { kc get deployment,configmap -n "$NS" -o json | jq -c '[.items[].metadata | [.name, .resourceVersion]]'; }

it "while Argo CD runs syncd changes nothing and says so"
web web | write "$W/live/web.yaml"
configmap settings v1 | write "$W/live/settings.yaml"
configmap old v1 | write "$W/live/old.yaml"
C1=$(commit shop "Argo CD's")
by_argocd "$W"/live/*.yaml
wait_until 30 "its Deployment" field_is 1 deployment web .status.readyReplicas -n "$NS"
argocd 1
wait_until 30 "its controller" field_is 1 statefulset argocd-application-controller .status.readyReplicas -n "$APPS"
app live "$URL" live "$NS"
kc patch app live -n "$APPS" --type=merge -p '{"status": {"sync": {"status": "Synced", "revision": "'"$C1"'", "comparedTo": {"source": {"repoURL": "'"$URL"'"}, "destination": {}}},
	"health": {"status": "Healthy"}, "reconciledAt": "2026-11-20T00:00:00Z", "conditions": [{"type": "OrphanedResourceWarning", "message": "Argo CD says"}],
	"history": [{"id": 3, "revision": "'"$C1"'", "deployedAt": "2026-11-20T00:00:00Z"}],
	"operationState": {"phase": "Succeeded", "startedAt": "2026-11-20T00:00:00Z", "finishedAt": "2026-11-20T00:00:01Z", "operation": {}, "syncResult": {"revision": "'"$C1"'"}}}}' >/dev/null
B=$(objects)
syncd_start
wait_until 30 "the condition" aside
app_is live '([$s.conditions[].type] | contains(["OrphanedResourceWarning"])) and $s.operationState.phase == "Succeeded" and $s.reconciledAt == "2026-11-20T00:00:00Z"' ||
	fail "what Argo CD wrote was changed: $(cat "$T/is.json")"
logged "stands aside" || fail "the log does not say so"
assert_exit 0 syncctl status live
assert_contains "$OUTPUT" "stands aside" "the story"
configmap settings v2 | write "$W/live/settings.yaml"
commit shop "for Argo CD to do" >/dev/null
kc patch app live -n "$APPS" --type=merge -p '{"operation": {"sync": {}}}' >/dev/null
kc annotate app live -n "$APPS" argocd.argoproj.io/refresh=normal >/dev/null
never 5 "syncd did something" changed
assert_eq "{}" "$(field app live .operation.sync -n "$APPS")" "the operation"
assert_eq normal "$(field app live '.metadata.annotations.argocd\.argoproj\.io/refresh' -n "$APPS")" "the refresh"
kc patch app live -n "$APPS" --type=json -p '[{"op":"remove","path":"/operation"}]' >/dev/null

it "scaled away, its applications are taken over alive"
git -C "$W" revert --no-edit HEAD >/dev/null
C=$(commit shop "as it was")
spec deployment web >"$T/web.before"
argocd 0
wait_until 60 "the end of standing aside" serves
logged "nobody else serves" || fail "the log does not say so"
good live "$C" 60
diff "$T/web.before" <(spec deployment web) || fail "the Deployment changed"
managed_by deployment web syncd || fail "its managers"
less "$W/live/web.yaml"
git -C "$W" rm -q live/old.yaml
C=$(commit shop "less, by syncd")
good live "$C"
has_left web || fail "what left Git is still there"
wait_until 20 "the prune" gone configmap old

it "back to Argo CD: syncd lets go, and does not undo what it writes"
argocd 1
wait_until 60 "the condition" aside
configmap settings argo | write "$W/live/settings.yaml"
C=$(commit shop "by Argo CD again")
by_argocd "$W"/live/*.yaml
wait_until 10 "its sync" field_is argo configmap settings .data.key -n "$NS"
never 5 "syncd healed it" field_is v1 configmap settings .data.key -n "$NS"

it "and once more to syncd, which goes on from there"
argocd 0
wait_until 60 "the end of standing aside" serves
good live "$C" 60
managed_by configmap settings syncd || fail "its managers"
configmap settings v3 | write "$W/live/settings.yaml"
C=$(commit shop "by syncd again")
good live "$C"
field_is v3 configmap settings .data.key -n "$NS"

it "a second install does not serve what the first has claimed"
assert_contains "$(field lease syncd-claim .spec.holderIdentity -n "$APPS")" "syncd-" "the claim"
syncd_stop
kc patch lease syncd-claim -n "$APPS" --type=merge -p '{"spec": {"holderIdentity": "syncd-another", "leaseDurationSeconds": 20}}' >/dev/null
configmap settings v4 | write "$W/live/settings.yaml"
C=$(commit shop "whose is it")
syncd_start
wait_until 30 "the condition" app_is live '[$s.conditions[]? | select(.type == "StandsAsideWarning" and (.message | contains("syncd-another")))] | length == 1'
field_is v3 configmap settings .data.key -n "$NS"
kc delete lease syncd-claim -n "$APPS" >/dev/null
good live "$C" 90
