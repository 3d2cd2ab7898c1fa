#!/usr/bin/env bash
# syncd in three pods, and releases that turn bad as a real kubelet has it: pulls that
# fail, crash loops, OOM kills, probes, a StatefulSet that is stuck, a webhook without
# pods. Each is put back by itself, with the pod's own reason, and what ran before it
# has served all the time.
# shellcheck source=tests/node/lib.sh
. "$(dirname "$0")/lib.sh"
NS=reverts-$$
W=$TREES/shop
IMAGE=syncd.test/shop
SERVE='["serve", "8080"]'
bad=(pull crash oom probe)
deployments=("${bad[@]}" hook)

in_git() { write "$W/$1/$2.json"; }
pods_of() { kc get pods -n "$NS" -l "app=$1" -o json | jq -c "[.items[] | $2] | sort"; }
pinned() { app_is "$1" '$d.phase == "Pinned" and $s.health.status == "Healthy"'; }
image_is() { field_is "$IMAGE:$2" deployment "$1" '.spec.template.spec.containers[0].image' -n "$NS"; }

# gate: admits whatever pods of its own say; they do not say anything.
gate() {
	jq -n --arg ns "$NS" '{apiVersion: "admissionregistration.k8s.io/v1", kind: "ValidatingWebhookConfiguration",
		metadata: {name: "gate-\($ns)", annotations: {"argocd.argoproj.io/sync-wave": "1"}},
		webhooks: [{name: "gate.example.com", failurePolicy: "Fail", timeoutSeconds: 2, sideEffects: "None",
			admissionReviewVersions: ["v1"], clientConfig: {service: {name: "gate", namespace: $ns}},
			namespaceSelector: {matchLabels: {"kubernetes.io/metadata.name": $ns}},
			rules: [{apiGroups: ["apps"], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["deployments"]}],
			matchConditions: [{name: "hook", expression: "object.metadata.name == \"hook\""}]}]}'
}

# Each answer of each Service, from now on; a failed one says so.
watch_services() {
	local ip name
	for name in "${deployments[@]}"; do
		ip=$(field service "$name" .spec.clusterIP -n "$NS")
		daemon_start "$T" "traffic-$name" bash -c "while :; do
			curl -fsS -m 2 http://$ip/ || echo FAILED; sleep 0.2; done"
	done
}

load $IMAGE:v1 $IMAGE:v2 $IMAGE:gate
syncd_install
restricted "$NS"
repo shop
git_at_bridge
for name in "${deployments[@]}"; do
	workload Deployment "$name" $IMAGE:v1 "$SERVE" '.metadata.annotations = {"argocd.argoproj.io/sync-wave": "2"}' | in_git "$name" web
	service "$name" | in_git "$name" service
	configmap "$name" v1 | write "$W/$name/config.yaml"
done
workload StatefulSet stuck $IMAGE:v1 "$SERVE" | in_git stuck db
GOOD=$(commit shop "All is well")
# A container has to end twice before it counts as crashing: on a busy machine that takes a while.
waits() { case $1 in crash | oom) printf '%s | .metadata.annotations["syncd.dev/wave-deadline"] = "90s"' "$quick" ;; *) printf %s "$quick" ;; esac; }
for name in "${deployments[@]}" stuck; do app "$name" "$GIT_URL/shop.git" "$name" "$NS" "$(waits "$name")"; done

it "the good release's pods become ready, and it proves good"
for name in "${deployments[@]}" stuck; do good "$name" "$GOOD" 180; done
declare -A UIDS
for name in "${deployments[@]}"; do
	UIDS[$name]=$(pods_of "$name" .metadata.uid)
	assert_eq 2 "$(jq length <<<"${UIDS[$name]}")" "pods of $name"
done
watch_services

it "each bad release is put back by itself"
change() { workload Deployment "$1" "$2" "$3" '.metadata.annotations = {"argocd.argoproj.io/sync-wave": "2"}' | in_git "$1" web; }
change pull registry.example.com/shop:v9 "$SERVE"
change crash $IMAGE:v2 '["crash", "no schema version 7 in the database"]'
change oom $IMAGE:v2 '["hog"]'
change probe $IMAGE:v2 '["serve", "8080", "-1"]'
change hook $IMAGE:v2 "$SERVE"
gate | in_git hook gate
jq -n '{apiVersion: "v1", kind: "Service", metadata: {name: "gate"}, spec: {selector: {app: "gate"}, ports: [{port: 443, targetPort: "http"}]}}' |
	in_git hook gate-service
workload StatefulSet stuck registry.example.com/shop:v9 "$SERVE" | in_git stuck db
BAD=$(commit shop "Bad in many ways")
for name in "${deployments[@]}" stuck; do
	wait_until 180 "revert of $name" pinned "$name"
	app_is "$name" "\$d.rejected.revision == \"$BAD\" and \$d.target.revision == \"$GOOD\"" ||
		fail "status of $name: $(cat "$T/is.json")"
done
for name in "${deployments[@]}"; do image_is "$name" v1 || fail "$name does not run v1"; done

it "what ran before has run and served all the time"
for name in "${deployments[@]}"; do
	assert_eq "${UIDS[$name]}" "$(pods_of "$name" 'select(.metadata.deletionTimestamp | not) | .metadata.uid')" "pods of $name"
	assert_eq 0 "$(pods_of "$name" '.status.containerStatuses[0].restartCount' | jq add)" "restarts of $name"
	refute_contains "$(cat "$T/traffic-$name.log")" FAILED "answers of $name"
	[ "$(wc -l <"$T/traffic-$name.log")" -gt 20 ] || fail "nobody asked $name"
done

it "the StatefulSet's stuck pod is the good one's again"
assert_eq "[\"$IMAGE:v1\",\"$IMAGE:v1\"]" "$(pods_of stuck '.spec.containers[0].image')" "images"

it "the webhook without pods is gone, and Deployments can be changed"
assert_eq "" "$(kc get validatingwebhookconfiguration "gate-$NS" --ignore-not-found -o name)" "the webhook"
kc annotate deployment hook -n "$NS" example.com/touched=yes >/dev/null

it "syncctl status says what the container said"
status() { OUTPUT=$(syncctl status "$1" 2>&1) || fail "status $1: $OUTPUT"; assert_contains "$OUTPUT" "$2" "status of $1"; }
why() { app_is "$1" "\$d.rejected.reason | test(\"$2\")" || fail "$1: $(jq -r .status.syncd.rejected.reason "$T/is.json")"; }
why pull 'ErrImagePull|ImagePullBackOff'
status pull registry.example.com/shop:v9
why crash CrashLoopBackOff
status crash "no schema version 7 in the database"
why oom OOMKilled
status oom OOMKilled
why probe 'no progress within the deadline.*; pod probe-[^ ]*: Readiness probe failed: HTTP probe failed with statuscode: 503'
status probe 503
why stuck 'ErrImagePull|ImagePullBackOff'
why hook 'failed calling webhook .*gate.example.com'
status hook gate.example.com
