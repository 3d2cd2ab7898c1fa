#!/usr/bin/env bash
# Kinds whose versions come and go, on a real API server: what discovery tells a moment
# later, what is watched then, and that nothing is pruned because nobody serves the
# version that Git writes it in.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=versions-$$
W=$TREES/shop

# crd KIND VERSION:SERVED...: the last version is stored.
crd() {
	local kind=$1 v
	shift
	printf 'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: %ss.%s}\n' "${kind,,}" "$GROUP"
	printf 'spec:\n  group: %s\n  scope: Namespaced\n  names: {kind: %s, plural: %ss}\n  versions:\n' "$GROUP" "$kind" "${kind,,}"
	for v; do
		printf '  - {name: %s, served: %s, storage: %s, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}\n' \
			"${v%:*}" "${v#*:}" "$([ "$v" = "${!#}" ] && echo true || echo false)"
	done
}
GROUP=versions-$$.example.com
custom() { printf 'apiVersion: %s/%s\nkind: %s\nmetadata: {name: one}\nspec: {size: %s}\n' "$GROUP" "$2" "$1" "$3"; }
in_git() { write "$W/$1/$2.yaml"; }
size_is() { field_is "$2" "${1,,}s.$GROUP" one .spec.size -n "$NS"; }
crd_versions() { kc get crd "$1s.$GROUP" -o json | jq -c '[.spec.versions[] | select(.served).name]'; }
serves() { [ "$(crd_versions "$1")" = "$2" ]; }

namespace "$NS"
git_server
repo shop
crd Pump v1:true | in_git pumps crd
custom Pump v1 1 | in_git pumps pump
# The CRD of valves is an operator's, who is not syncd.
crd Valve v1:true v2:true | kc apply -f - >/dev/null
kc wait --for condition=Established "crd/valves.$GROUP" --timeout=30s >/dev/null
custom Valve v1 1 | in_git valves valve
configmap settings v1 | in_git valves settings
COMMIT=$(commit shop first)
syncd_start --poll-interval 1s --soak 0s
app pumps "$GIT_URL/shop.git" pumps "$NS"
app valves "$GIT_URL/shop.git" valves "$NS"
good pumps "$COMMIT"
good valves "$COMMIT"

it "an upgrade serves a new version and drops the old one, ten times"
OLD=() # what was stored once has to stay in the list
for n in 2 3 4 5 6 7 8 9 10 11; do
	OLD+=("v$((n - 1)):false")
	crd Pump "${OLD[@]}" "v$n:true" | in_git pumps crd
	custom Pump "v$n" "$n" | in_git pumps pump
	COMMIT=$(commit shop "pumps of v$n")
	good pumps "$COMMIT"
	size_is Pump "$n" || fail "v$n"
	grep -q '"decision":"retry".*Pump' "$T/syncd.log" && fail "a try that failed: $(grep '"decision":"retry".*Pump' "$T/syncd.log")"
done

it "edits and deletions are seen in the version that is served now"
wait_until 20 "the watch of v11" logged 'is not served any more: on with v11'
kc patch "pumps.$GROUP" one -n "$NS" --type merge -p '{"spec":{"size":99}}' >/dev/null
wait_until 20 "the edit to be healed" size_is Pump 11
UID_WAS=$(field "pumps.$GROUP" one .metadata.uid -n "$NS")
kc delete "pumps.$GROUP" one -n "$NS" >/dev/null
wait_until 20 "another one" size_is Pump 11
[ "$(field "pumps.$GROUP" one .metadata.uid -n "$NS")" != "$UID_WAS" ] || fail "the same object"

it "a CRD that somebody edits is healed as everything else"
serves pump '["v11"]' || fail "$(crd_versions pump)"
kc patch crd "pumps.$GROUP" --type json -p '[{"op":"replace","path":"/spec/versions/0/served","value":true}]' >/dev/null
wait_until 20 "the CRD to be healed" serves pump '["v11"]'
size_is Pump 11 || fail "the pump"

it "an operator's upgrade drops the version that Git writes in: nothing is pruned, also after a restart"
UID_WAS=$(field "valves.$GROUP" one .metadata.uid -n "$NS")
crd Valve v1:false v2:true | kc apply -f - >/dev/null
sleep 3
syncd_stop
syncd_start --poll-interval 1s --soak 0s
configmap settings v2 | in_git valves settings
good valves "$(commit shop "another setting")"
never 3 "the valve goes" test "$(field "valves.$GROUP" one .metadata.uid -n "$NS")" != "$UID_WAS"

it "what would change it cannot be applied, and says in which version it could"
custom Valve v1 5 | in_git valves valve
commit shop "another size" >/dev/null
wait_until 40 "what is wrong" app_is valves '[$s.conditions[]? | select(.type == "SyncError") | .message | select(contains("does not serve kind Valve of '"$GROUP/v1, but of $GROUP/v2"': write it in that version"))] | length > 0'
never 5 "the valve goes" test "$(field "valves.$GROUP" one .metadata.uid -n "$NS")" != "$UID_WAS"
size_is Valve 1 || fail "the valve"
grep -q '"decision":"prune"' "$T/syncd.log" && fail "$(grep '"decision":"prune"' "$T/syncd.log")"

it "and goes on once it is written in the new one"
custom Valve v2 2 | in_git valves valve
COMMIT=$(commit shop "valves of v2")
good valves "$COMMIT"
size_is Valve 2 || fail "the valve"
assert_eq "$UID_WAS" "$(field "valves.$GROUP" one .metadata.uid -n "$NS")" "the valve's UID"

it "what is written in a version that is not the one watched is at rest: also by state, other's edits, restart"
scaler() { printf 'apiVersion: autoscaling/%s\nkind: HorizontalPodAutoscaler\nmetadata: {name: %s, annotations: {argocd.argoproj.io/ignore-healthcheck: "true"}}\nspec: {maxReplicas: 3, %s, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: none}}\n' "$@" | write "$W/scalers/$2.yaml"; }
cpu() { kc get hpa.v2.autoscaling "$1" -n "$NS" -o json | jq '.spec.metrics[0].resource.target.averageUtilization'; }
cpu_is() { [ "$(cpu "$1")" = "$2" ]; }
have_state() { kc get hpa.v2.autoscaling old new -n "$NS" -o json | jq -e '[.items[] | select(.status.conditions)] | length == 2' >/dev/null; }
heals() { grep '"decision":"heal"' "$T/syncd.log" | grep -c scalers || true; }
scaler v1 old 'targetCPUUtilizationPercentage: 50'
scaler v2 new 'metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]'
COMMIT=$(commit shop scalers)
app scalers "$GIT_URL/shop.git" scalers "$NS"
good scalers "$COMMIT"
wait_until 40 "their state" have_state
for i in 1 2 3; do
	kc annotate hpa old new -n "$NS" "seen=$i" --overwrite >/dev/null
	sleep 1
done
syncd_stop
syncd_start --poll-interval 1s --soak 0s
wait_until 20 "the application" app_is scalers '$s.sync.status == "Synced"'
kc annotate hpa old new -n "$NS" seen=4 --overwrite >/dev/null
sleep 2
assert_eq 0 "$(heals)" "heals of what nobody changed"

it "... and what somebody changes of it is healed, in either"
more() { printf '{"spec":{"metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":%s}}}]}}' "$1"; }
kc patch hpa.v2.autoscaling new -n "$NS" --type merge -p "$(more 77)" >/dev/null
wait_until 20 "new to be healed" cpu_is new 50
kc patch hpa.v2.autoscaling old -n "$NS" --type merge -p "$(more 78)" >/dev/null
wait_until 20 "old to be healed" cpu_is old 50

it "what others change of it is no fight: it is still healed after that"
more_heals() { [ "$(heals)" -gt "$1" ]; }
for i in 1 2 3 4 5 6; do
	n=$(heals)
	for one in old new; do
		kc patch hpa.v2.autoscaling "$one" -n "$NS" --type merge -p "{\"spec\":{\"minReplicas\":$((i % 2 + 1))}}" >/dev/null
	done
	wait_until 90 "a look at it" more_heals "$n"
done
! logged 'is not healed any more' || fail "given up: $(grep 'not healed any more' "$T/syncd.log")"
kc patch hpa.v2.autoscaling old -n "$NS" --type merge -p "$(more 79)" >/dev/null
wait_until 90 "old to be healed" cpu_is old 50

syncd_stop
kc delete crd "pumps.$GROUP" "valves.$GROUP" --wait=false >/dev/null
