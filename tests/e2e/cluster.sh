#!/usr/bin/env bash
# The test cluster itself: pods behave as their image tags say.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

ns=e2e-cluster
namespace $ns
deploy() { kc create deployment "$1" -n $ns --image "$2" --replicas "$3" >/dev/null; }
pod_is() { # WANT APP JSONPATH
	field_is "$1" pod "$(kc get pod -n $ns -l "app=$2" -o 'jsonpath={.items[0].metadata.name}')" "$3" -n $ns
}
waiting='.status.containerStatuses[0].state.waiting.reason'

it "makes a Deployment of 3 available"
deploy good registry.example.com:5000/app:v1 3
wait_until 20 "three ready pods" field_is 3 deployment good .status.readyReplicas -n $ns

it "does not take a registry's port or a digest for a tag"
deploy port "registry.bad:5000/noready/app:v1@sha256:$(printf 'bad0%.0s' {1..16})" 1
wait_until 20 "a ready pod" field_is 1 deployment port .status.readyReplicas -n $ns

it "cannot pull a tag with 'bad'"
deploy bad app:bad1 1
wait_until 20 "ImagePullBackOff" pod_is ImagePullBackOff bad "$waiting"
pod_is Pending bad .status.phase

it "restarts a tag with 'crash' again and again"
deploy crash app:v1-crash 1
wait_until 20 "CrashLoopBackOff" pod_is CrashLoopBackOff crash "$waiting"
pod_is 1 crash '.status.containerStatuses[0].lastState.terminated.exitCode'
wait_until 20 "a second restart" pod_is 2 crash '.status.containerStatuses[0].restartCount'
wait_until 20 "CrashLoopBackOff after it" pod_is CrashLoopBackOff crash "$waiting"

it "never makes a tag with 'noready' ready"
deploy noready app:noready 1
wait_until 20 "a running pod" pod_is Running noready .status.phase
never 2 "a ready pod" pod_is true noready '.status.containerStatuses[0].ready'

it "completes a Job, and fails one with 'crash'"
kc create job good -n $ns --image app:v1 >/dev/null
kc create job crash -n $ns --image app:crash >/dev/null
kc patch job crash -n $ns -p '{"spec":{"backoffLimit":0}}' >/dev/null
wait_until 20 "a completed Job" field_is 1 job good .status.succeeded -n $ns
wait_until 20 "a failed Job" field_is 1 job crash .status.failed -n $ns

it "deletes pods at once"
kc delete deployment good port bad crash noready -n $ns --cascade=foreground --timeout 20s >/dev/null
assert_eq "" "$(kc get pod -n $ns -o name -l app)" "pods"

it "runs beside another cluster, and goes without a trace"
other=e2e-other-$$
other_config=$("$ROOT/tests/cluster/up" --name "$other" 2>"$T/up.log")
assert_eq 3 "$(kubectl --kubeconfig "$other_config" get nodes -o name | wc -l)" "nodes"
assert_eq "" "$(kubectl --kubeconfig "$other_config" get namespace $ns --ignore-not-found)" "a namespace of ours in the other cluster"
"$ROOT/tests/cluster/down" --name "$other"
[ ! -e "$(dirname "$other_config")" ] || fail "$(dirname "$other_config") is still there"

it "leaves nothing when interrupted while starting"
set -m
"$ROOT/tests/cluster/up" --name "$other" >"$T/up.log" 2>&1 &
up=$!
set +m
wait_until 20 "an API server that starts" test -e "$(dirname "$other_config")/kube-apiserver.pid"
api=$(cut -d' ' -f1 <"$(dirname "$other_config")/kube-apiserver.pid")
kill -INT -- -$up
rc=0
wait $up || rc=$?
assert_eq 130 $rc "exit status of up"
[ ! -e "$(dirname "$other_config")" ] || fail "the state folder is still there"
! kill -0 "$api" 2>/dev/null || fail "the API server still runs"
