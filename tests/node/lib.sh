# shellcheck shell=bash
# What the scripts on the real node share: sourced first by each tests/node/*.sh.
#
# Brings the cluster NODE up if it is not (`./dev cluster down` takes it down again)
# and goes on inside of its network, so that pods, Services and containerd are there
# for the script; then it is as in tests/e2e/lib.sh. By hand: bash tests/node/smoke.sh
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
NODE=${NODE:-default}
export NODE BIN=${BIN:-$ROOT/build/release}
if [ -z "${SYNCD_NODE:-}" ]; then
	"$ROOT/tests/cluster/up" --node --name "$NODE" >/dev/null || exit 1
	exec "$ROOT/tests/cluster/exec" --name "$NODE" bash "$0" "$@"
fi
# shellcheck source=tests/e2e/lib.sh
. "$ROOT/tests/e2e/lib.sh"
# shellcheck source=tests/cluster/image.sh
. "$ROOT/tests/cluster/image.sh"

# Ours too, which the folder of logs does not hold.
eval "$(declare -f show_logs | sed '1s/show_logs/show_files/')"
show_logs() {
	show_files
	printf -- '--- pods\n'
	kubectl --request-timeout=5s get pods -A -o wide | cut -c1-160
	printf -- '--- events\n'
	kubectl --request-timeout=5s get events -A --sort-by=.lastTimestamp | tail -n 25 | cut -c1-220
}

# load NAME...: images of tests/cluster/pod.c.
load() {
	image_pod "$T/pod.tar" "$@"
	ctr -n k8s.io images import "$T/pod.tar" >/dev/null
}

# restricted NAME: a namespace under restricted Pod Security.
restricted() {
	namespace "$1"
	kc label namespace "$1" pod-security.kubernetes.io/enforce=restricted >/dev/null
}

# pods NS JQ: whether any of its pods is so; the default selector of wait_until.
any_pod() { kc get pods -n "$1" -o json | jq -e "any(.items[]; $2)"; }

# workload KIND NAME IMAGE ARGS-JSON [JQ]: a workload of our pod that restricted Pod
# Security lets in, ready when /readyz says so; 2 replicas, never fewer while it rolls.
workload() {
	jq -n --arg kind "$1" --arg name "$2" --arg image "$3" --argjson args "$4" '{
		apiVersion: "apps/v1", kind: $kind, metadata: {name: $name},
		spec: {replicas: 2, selector: {matchLabels: {app: $name}},
			template: {metadata: {labels: {app: $name}}, spec: {
				terminationGracePeriodSeconds: 5,
				securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: "RuntimeDefault"}},
				containers: [{name: "main", image: $image, args: $args,
					ports: [{name: "http", containerPort: 8080}],
					resources: {limits: {memory: "32Mi"}},
					securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true,
						capabilities: {drop: ["ALL"]}},
					readinessProbe: {httpGet: {path: "/readyz", port: "http"}, periodSeconds: 1}}]}}}}
		| if $kind == "Deployment" then .spec.strategy = {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
		  else .spec.serviceName = $name end
		| '"${5:-.}"
}

# service NAME: of the workload with that name.
service() {
	jq -n --arg name "$1" '{apiVersion: "v1", kind: "Service", metadata: {name: $name},
		spec: {selector: {app: $name}, ports: [{port: 80, targetPort: "http"}]}}'
}

# --- syncd in its pods ----------------------------------------------------------

APPS=argocd # where the Applications are
SYSTEM=syncd-system

# syncd_install: as a user does it, from the image and manifests/install; then asked to
# look at Git every 2 s. Left alone where it runs.
syncd_install() {
	! field_is 3 deployment syncd .status.readyReplicas -n $SYSTEM >/dev/null || return 0
	"$ROOT/image/build" "$BIN" "$T/image" 2>"$T/image.log" || fail "no image: $(tail -n 3 "$T/image.log")"
	ctr -n k8s.io images import "$T/image/syncd.tar" >/dev/null
	install_crds
	kc create namespace $APPS --dry-run=client -o yaml | kc apply -f - >/dev/null
	kc apply -k "$ROOT/manifests/install" >/dev/null
	kc set env deployment/syncd -n $SYSTEM SYNCD_POLL_INTERVAL=2s >/dev/null
	kubectl rollout status deployment/syncd -n $SYSTEM --timeout 240s >/dev/null || fail "syncd is not ready"
	wait_until 120 "a leader" leader
}

# leader: the pod that leads; fails while none does.
leader() {
	local holder pod
	holder=$(field lease syncd-leader .spec.holderIdentity -n $SYSTEM)
	for pod in $(syncd_pods); do
		[ -z "$holder" ] || [[ $holder != "$pod"* ]] || { printf '%s\n' "$pod"; return; }
	done
	return 1
}
syncd_pods() { kc get pods -n $SYSTEM -l app.kubernetes.io/name=syncd -o jsonpath='{range .items[*]}{.metadata.name}{"\n"}{end}'; }

# git_at_bridge: a Git server that pods reach.
git_at_bridge() { git_server --bind 10.200.0.1; }

# quick: a jq filter for `app`: graces for those who wait.
# shellcheck disable=SC2034 # the scripts use it
quick='.metadata.annotations = {"syncd.dev/soak": "2s", "syncd.dev/degraded-grace": "1s",
	"syncd.dev/pull-grace": "2s", "syncd.dev/crash-grace": "2s", "syncd.dev/wave-deadline": "20s"}'
