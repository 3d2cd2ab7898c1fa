#!/usr/bin/env bash
# syncd as people install it, from the image: three pods on a real node in a restricted
# namespace, of which one leads. Its pod is killed, a rollout replaces it, and every
# time another goes on with what Git says.
# shellcheck source=tests/node/lib.sh
. "$(dirname "$0")/lib.sh"
NS=ha-$$
W=$TREES/shop

# put_out VALUE: a commit for whoever leads.
put_out() { configmap shop "$1" | write "$W/shop/all.yaml"; COMMIT=$(commit shop "$1"); }
value_is() { field_is "$1" configmap shop .data.key -n "$NS"; }
other_leads() { local now; now=$(leader) && [ "$now" != "$1" ]; }
ready() { field_is "$1" deployment syncd .status.readyReplicas -n $SYSTEM; }

it "three pods of the image are ready in a restricted namespace; one leads"
syncd_install
ready 3 || fail "not all are ready"
assert_eq restricted "$(field namespace $SYSTEM '.metadata.labels.pod-security\.kubernetes\.io/enforce')" "Pod Security"
wait_until 90 "the end of the pods that the first manifests made" eval '[ "$(syncd_pods | wc -l)" = 3 ]'
assert_eq 1 "$(field poddisruptionbudget syncd .status.desiredHealthy -n $SYSTEM)" "what the disruption budget keeps"
assert_eq 0 "$(kc get pods -n $SYSTEM -o json | jq '[.items[].status.containerStatuses[].restartCount] | add')" "restarts"
wait_until 40 "a leader among them" leader

it "it syncs from a Git server in the network"
namespace "$NS"
repo shop
git_at_bridge
put_out one
app shop "$GIT_URL/shop.git" shop "$NS" "$quick"
good shop "$COMMIT" 60
value_is one || fail "the value"

it "probes and metrics answer without a login, on standbys too"
for ip in $(kc get pods -n $SYSTEM -o jsonpath='{.items[*].status.podIP}'); do
	for at in 8081/healthz 8081/readyz 8080/metrics; do
		curl -fsS -m 3 -o "$T/answer" "http://$ip:$at" || fail "$ip:$at"
	done
done

it "a leader's pod that is killed is followed within 20 s"
OLD=$(leader)
BEGUN=$SECONDS
kc delete pod "$OLD" -n $SYSTEM --force --grace-period 0 >/dev/null 2>&1
put_out two
wait_until 20 "another leader" other_leads "$OLD"
say "another leads after $((SECONDS - BEGUN)) s"
wait_until 60 "the new value" value_is two
wait_until 120 "three ready pods" ready 3

it "a rolling update hands over, and never leaves it without a pod"
OLD=$(leader)
daemon_start "$T" watched kubectl get deployment syncd -n $SYSTEM --watch -o 'jsonpath={.status.availableReplicas}{"\n"}'
kc rollout restart deployment/syncd -n $SYSTEM >/dev/null
put_out three
kubectl rollout status deployment/syncd -n $SYSTEM --timeout 240s >/dev/null || fail "no rollout"
wait_until 30 "another leader" other_leads "$OLD"
wait_until 60 "the new value" value_is three
good shop "$COMMIT" 60
! grep -qx '[01]\{0,1\}' "$T/watched.log" || fail "available: $(tr '\n' ' ' <"$T/watched.log")"

it "all of them written by what it is allowed to: no denial in its logs"
for pod in $(syncd_pods); do
	refute_contains "$(kc logs "$pod" -n $SYSTEM)" forbidden "the log of $pod"
done
