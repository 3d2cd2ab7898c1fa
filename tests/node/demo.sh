#!/usr/bin/env bash
# The demo's story with syncd in its pods and the example in real ones: waves that wait for a
# certificate which the pods mount, drift, a prune, a release whose image nobody has, the way
# back while nobody misses a pod, Git away, and a good release.
# shellcheck source=tests/node/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/demo/waves.sh
. "$ROOT/tests/demo/waves.sh"
TREE=$TREES/gitops
IMAGE=syncd.test/dbupgrade

image_is() { field_is "$IMAGE:$1" deployment $deployment '.spec.template.spec.containers[0].image' -n $ns; }
pods_ready() { field_is "3 3 3" deployment $deployment '.status.replicas} {.status.updatedReplicas} {.status.readyReplicas' -n $ns; }
replicas_are() { field_is "$1" deployment $deployment .spec.replicas -n $ns; }
gone() { [ -z "$(kc get "$@" --ignore-not-found -o name)" ]; }
pinned() { app_is dbupgrade '$d.phase == "Pinned" and $s.health.status == "Healthy"'; }
# take_away WAIT: what it made that is not in a namespace of this script's.
take_away() {
	kubectl delete --timeout=20s application dbupgrade -n $APPS --ignore-not-found
	kubectl delete --timeout=20s --wait=false --ignore-not-found validatingwebhookconfiguration/dbupgrade-validation \
		clusterrole/$deployment clusterrolebinding/$deployment
	kubectl delete --timeout=90s "--wait=$1" --ignore-not-found namespace $ns
	kubectl delete --timeout=30s "--wait=$1" --ignore-not-found crd dbupgrades.dbupgrade.example.com
	kubectl delete --timeout=30s "--wait=$1" --ignore-not-found -f "$ROOT/tests/demo/cert-manager-crd.yaml"
} >/dev/null 2>&1
answer() { return "$1"; }
trap 'rc=$?; set +e; take_away false; answer $rc; cleanup' EXIT

syncd_install
gone namespace $ns || take_away true || true # an interrupted script's
load $IMAGE:v1.0.0 $IMAGE:v1.1.1
kc apply --server-side -f "$ROOT/tests/demo/cert-manager-crd.yaml" >/dev/null
kc wait --for condition=Established --timeout 30s -f "$ROOT/tests/demo/cert-manager-crd.yaml" >/dev/null
daemon_start "$T" issuer "$ROOT/tests/demo/issuer" --delay 1
repo gitops
git_at_bridge
cp -r "$ROOT/tests/demo/repo/." "$TREE"
use_image "$TREE" $IMAGE v1.0.0 $'args: [serve, "8081"]\nreadinessProbe: {periodSeconds: 1}'
FIRST=$(commit gitops "dbupgrade for us-east-1-prod")

it "one Application, synced in waves: its real pods mount what the wave before them made"
kc create --dry-run=client -o json -f "$TREE/clusters/us-east-1-prod/dbupgrade.yaml" |
	jq ".spec.source.repoURL = \"$GIT_URL/gitops.git\" | $quick" | kc apply -f - >/dev/null
good dbupgrade "$FIRST" 240
pods_ready || fail "the pods"
births "$TREE" >"$T/births"
sed 's/^/# /' "$T/births"
waves_in_order "$T/births" >"$T/order" || fail "$(cat "$T/order")"
assert_eq restricted "$(field namespace $ns '.metadata.labels.pod-security\.kubernetes\.io/enforce')" "Pod Security"

it "what somebody scales by hand is healed"
kc scale deployment $deployment -n $ns --replicas 1 >/dev/null
wait_until 30 "3 replicas" replicas_are 3
wait_until 60 "3 ready pods" pods_ready

it "what leaves Git is pruned"
sed -i '/maintenance.yaml/d' "$TREE/$OVERLAY/kustomization.yaml"
rm "$TREE/$OVERLAY/maintenance.yaml"
SECOND=$(commit gitops "Maintenance needs no window any more")
wait_until 60 "prune" gone configmap maintenance-window -n $ns
good dbupgrade "$SECOND" 120

it "a release whose image nobody has is put back, and three pods serve all the time"
watch_availability "$T"
set_tag "$TREE" v1.1.0
BAD=$(commit gitops "Upgrade to v1.1.0")
wait_until 60 "the try" image_is v1.1.0
wait_until 120 "revert" pinned
wait_until 30 "the image of the good release" image_is v1.0.0
wait_until 60 "3 ready pods" pods_ready
never_below_three "$T" >"$T/below" || fail "$(cat "$T/below")"
app_is dbupgrade "\$d.rejected.revision == \"$BAD\" and \$d.target.revision == \"$SECOND\" and (\$d.rejected.reason | test(\"ErrImagePull|ImagePullBackOff\"))" ||
	fail "the status: $(cat "$T/is.json")"
assert_exit 0 syncctl status dbupgrade
assert_contains "$OUTPUT" "$IMAGE:v1.1.0" "why, in the kubelet's words"

it "with Git away, a hand edit is healed from the stored release"
git_server_stop
kc set image deployment/$deployment -n $ns manager=$IMAGE:by-hand >/dev/null
wait_until 60 "the image of the good release" image_is v1.0.0
wait_until 60 "3 ready pods" pods_ready

it "Git is back, and a good release is promoted"
git_at_bridge
set_tag "$TREE" v1.1.1
GOOD=$(commit gitops "Upgrade to v1.1.1, which exists")
good dbupgrade "$GOOD" 240
pods_ready || fail "the pods"
image_is v1.1.1 || fail "the image"
assert_exit 0 syncctl history dbupgrade
assert_contains "$OUTPUT" "${BAD:0:7}" "the history"
assert_contains "$OUTPUT" rejected "the history"
