#!/usr/bin/env bash
# The node itself: pods under restricted Pod Security, Services, logs, exec, and each
# real failure that the other scripts build upon.
# shellcheck source=tests/node/lib.sh
. "$(dirname "$0")/lib.sh"
NS=smoke-$$
SERVE='["serve", "8080"]'

apply() { kc apply -n "$NS" -f - >/dev/null; }
ready() { field_is "$2" deployment "$1" .status.readyReplicas -n "$NS"; }
# main JQ: for any_pod: so is the state of the container "main".
main() { printf '.status.containerStatuses[]? | select(.name == "main") | %s' "$1"; }

it "the node is ready, and nothing of the machine's network is in it"
field_is True node node1 '.status.conditions[?(@.type=="Ready")].status' || fail "$(kc get node -o wide)"
assert_contains "$(field node node1 .status.nodeInfo.containerRuntimeVersion)" containerd:// "the runtime"
assert_eq "kt0 lo" "$(ip -o link | awk -F': ' '{ print $2 }' | grep -v '^veth' | sort | xargs)" "links"

it "pods run under restricted Pod Security and become ready"
load syncd.test/smoke:1
restricted "$NS"
workload Deployment web syncd.test/smoke:1 "$SERVE" | apply
service web | apply
wait_until 120 "two ready pods" ready web 2
assert_exit 1 kc run root -n "$NS" --image syncd.test/smoke:1 --restart Never
assert_contains "$OUTPUT" 'violates PodSecurity "restricted:latest"' "what is said of a pod that asks for more"

it "a Service reaches both, by kube-proxy"
IP=$(field service web .spec.clusterIP -n "$NS")
both() { for _ in {1..20}; do curl -fsS -m 2 "http://$IP/"; done | sort -u | grep -c '^web-' | grep -qx 2; }
wait_until 120 "an answer of each pod" both

it "a command runs in a pod, and its log is there"
POD=$(kc get pods -n "$NS" -o jsonpath='{.items[0].metadata.name}')
assert_exit 1 kc exec -n "$NS" "$POD" -- /pod crash "said inside"
assert_contains "$OUTPUT" "said inside" "exec"
workload Deployment crash syncd.test/smoke:1 '["crash", "the disk is full"]' | apply
wait_until 120 "the crash" any_pod "$NS" "$(main '.state.waiting.reason == "CrashLoopBackOff"')"
assert_contains "$(kc logs -n "$NS" deployment/crash 2>&1)" "the disk is full" "the log"

it "an image that nobody has cannot be pulled"
workload Deployment pull registry.example.com/shop:v9 "$SERVE" | apply
wait_until 120 "the failed pull" any_pod "$NS" \
	"$(main '.state.waiting.reason == ("ErrImagePull", "ImagePullBackOff")')"

it "a container that takes more than it may is killed for it"
workload Deployment hog syncd.test/smoke:1 '["hog"]' | apply
wait_until 120 "the OOM kill" any_pod "$NS" \
	"$(main '(.state, .lastState).terminated.reason == "OOMKilled"')"

it "a pod whose probe fails runs and is not ready"
workload Deployment unready syncd.test/smoke:1 '["serve", "8080", "-1"]' | apply
wait_until 120 "the failed probe" eval 'kc get events -n "$NS" -o json | jq -e "any(.items[]; .reason == \"Unhealthy\")"'
wait_until 60 "its container's start, as the API server has it" any_pod "$NS" \
	'.metadata.labels.app == "unready" and .status.phase == "Running"'
ready unready "" || fail "it is ready"
