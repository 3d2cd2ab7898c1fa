# shellcheck shell=bash
# What end-to-end scripts share: sourced first by each tests/{e2e,cli,diff}/*.sh.
#
# A script is a story of cases:
#	. "$(dirname "$0")/../e2e/lib.sh"
#	it "applies what Git says"
#	wait_until 20 "the ConfigMap" kc get configmap x
#	it "the next case"
# Each case ends as "ok - ..." when the next one begins or the script ends, and
# as "not ok - ..." at the first failed command, which ends the script. All that
# was started (daemons, Git servers) is stopped and the folder $T removed on
# every way out; KEEP=1 keeps $T.
#
# From `./dev test`: KUBECONFIG, BIN (our programs), the pinned kubectl and
# kustomize on the PATH. By hand: KUBECONFIG=$(./dev cluster up) and BIN=build/asan.
set -Eeuo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/tools/daemon.sh
. "$ROOT/tests/tools/daemon.sh"

BIN=${BIN:-$ROOT/build/asan}
SCRIPT=$(basename "$0" .sh)
PATH=$("$ROOT/tests/cluster/build" kubectl kustomize):$PATH # the pinned ones before any other
[ "${KUBECONFIG:-}" ] || die "KUBECONFIG is not set: export KUBECONFIG=\$(./dev cluster up)"
T=$(mktemp -d "$(runtime_dir)/syncd-e2e-$SCRIPT-XXXXXX")
TREES=$T/tree # working copies, by the names of their repositories
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.com
export GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.com

# --- cases and assertions -----------------------------------------------------

CASE=
FAILURE=

end_case() {
	[ -z "$CASE" ] || printf 'ok - %s: %s\n' "$SCRIPT" "$CASE"
	CASE=
}

# it WORDS: begins a case.
it() { end_case; CASE=$*; }

# skip WHY: ends the running case as skipped; for what this machine cannot do.
skip() { printf 'skip - %s: %s (%s)\n' "$SCRIPT" "$CASE" "$*"; CASE=; }

# fail WHY: ends the script.
fail() { FAILURE=$*; exit 1; }

assert_eq() { # WANT GOT WHAT
	[ "$1" = "$2" ] || fail "$3: want '$1', got '$2'"
}
assert_contains() { # TEXT PART WHAT
	[[ $1 == *"$2"* ]] || fail "$3: '$2' is not in: $1"
}
refute_contains() { # TEXT PART WHAT
	[[ $1 != *"$2"* ]] || fail "$3: '$2' is in: $1"
}
# assert_exit STATUS COMMAND...: its output is in $OUTPUT.
assert_exit() {
	local want=$1 rc=0
	shift
	OUTPUT=$("$@" 2>&1) || rc=$?
	[ $rc = "$want" ] || fail "'$*' exits with $rc, not $want: $OUTPUT"
}

# wait_until SECONDS WHAT COMMAND...: polls until COMMAND succeeds.
wait_until() {
	local seconds=$1 what=$2 end=$((SECONDS + $1))
	shift 2
	until "$@" >"$T/wait.out" 2>&1; do
		[ $SECONDS -lt $end ] ||
			fail "no $what after $seconds s: $(tail -c 600 "$T/wait.out")"
		sleep 0.1
	done
}

# never SECONDS WHAT COMMAND...: COMMAND must fail all that time.
never() {
	local what=$2 end=$((SECONDS + $1))
	shift 2
	while [ $SECONDS -lt $end ]; do
		! "$@" >"$T/wait.out" 2>&1 || fail "$what: $(tail -c 600 "$T/wait.out")"
		sleep 0.2
	done
}

cleanup() {
	local rc=$? pid
	trap '' INT TERM HUP
	trap - EXIT
	set +e
	if [ $rc = 0 ]; then
		end_case
	else
		[ -z "$FAILURE" ] || printf 'error: %s\n' "$FAILURE"
		printf 'not ok - %s: %s\n' "$SCRIPT" "${CASE:-before the first case}"
	fi
	for pid in "$T"/*.pid "$T"/*/*.pid; do
		[ ! -e "$pid" ] || daemon_stop "$(dirname "$pid")" "$(basename "$pid" .pid)" || rc=1
	done
	[ $rc = 0 ] || show_logs
	delete_webhooks
	delete_namespaces
	[ "${KEEP:-}" ] && say "kept: $T" || rm -rf "$T"
	exit $rc
}

show_logs() {
	local log
	for log in "$T"/*.log "$T"/*/*.log; do
		[ -s "$log" ] || continue
		# What a sanitizer found begins far above the end, which is its legend.
		grep -q '^==[0-9]*==ERROR' "$log" && printf -- '--- what %s found\n' "${log##*/}" &&
			grep -A 70 -m 1 '^==[0-9]*==ERROR' "$log"
		printf -- '--- the end of %s\n' "$(basename "$log")"
		tail -n 40 "$log"
	done
}

trap cleanup EXIT
trap 'FAILURE="interrupted"; exit 130' INT
trap 'FAILURE="terminated"; exit 143' TERM HUP
# Says which command of the script failed where no assertion did.
trap '[ -n "$FAILURE" ] || FAILURE="line $LINENO: $BASH_COMMAND"' ERR

free_port() {
	ports_take "$T/ports" 1
	tail -n 1 "$T/ports"
}

# needs TARGET...: programs of tests/ that are in $BIN/tests, built there where they are
# not: by hand one has built syncd and syncctl.
needs() {
	local t
	for t; do
		[ -e "$BIN/tests/$t" ] || [ -e "$BIN/tests/lib$t.so" ] ||
			cmake --build "$BIN" --target "$t" >&2 || fail "$BIN/tests/$t is not there: ./dev build"
	done
}

# --- the cluster --------------------------------------------------------------

kc() { kubectl --request-timeout=20s "$@"; }

# field KIND NAME JSONPATH [-n NS]: its value, empty when absent.
field() {
	local kind=$1 name=$2 path=$3
	shift 3
	kc get "$kind" "$name" -o "jsonpath={$path}" --ignore-not-found "$@"
}

# field_is WANT KIND NAME JSONPATH [-n NS]: for wait_until and never.
field_is() {
	local want=$1 got
	shift
	got=$(field "$@")
	[ "$got" = "$want" ] || { printf '%s %s: %s is "%s", not "%s"\n' "$1" "$2" "$3" "$got" "$want"; return 1; }
}

# kubeconfig_of ACCOUNT NAMESPACE FILE: one that is that service account, by a token beside it.
kubeconfig_of() {
	local cluster='{.clusters[0].cluster'
	kc create token "$1" -n "$2" --duration 2h >"$3.token"
	write "$3" <<-END
		apiVersion: v1
		kind: Config
		current-context: t
		contexts: [{name: t, context: {cluster: c, user: u}}]
		clusters: [{name: c, cluster: {server: "$(kc config view --raw --minify -o "jsonpath=$cluster.server}")",
			certificate-authority-data: $(kc config view --raw --minify -o "jsonpath=$cluster.certificate-authority-data}")}}]
		users: [{name: u, user: {tokenFile: $3.token}}]
	END
}

# namespace NAME: makes it; it goes when the script ends.
namespace() {
	kc create namespace "$1" >/dev/null
	printf '%s\n' "$1" >>"$T/namespaces"
}
delete_namespaces() {
	[ ! -s "$T/namespaces" ] ||
		xargs -r kubectl --request-timeout=20s delete namespace --wait=false --ignore-not-found \
			<"$T/namespaces" >/dev/null
}

# webhook NAME: that ValidatingWebhookConfiguration goes when the script ends: without
# its syncd it would stop every script after this one.
webhook() { printf '%s\n' "$1" >>"$T/webhooks"; }
delete_webhooks() {
	[ ! -s "$T/webhooks" ] ||
		xargs -r kubectl --request-timeout=20s delete validatingwebhookconfiguration --ignore-not-found \
			<"$T/webhooks" >/dev/null
}

# --- Git ----------------------------------------------------------------------

# git_server [ARG...]: serves $T/repos; sets GIT_URL. Arguments as githttp's.
git_server() {
	[ -e "$T/git/ports" ] || set -- --port "$(free_port)" "$@"
	GIT_URL=$("$ROOT/tests/tools/githttp" start "$T/git" "$T/repos" "$@")
	export GIT_URL
}
git_server_stop() { "$ROOT/tests/tools/githttp" stop "$T/git"; }

# repo NAME: a bare repository $T/repos/NAME.git with a working copy $TREES/NAME,
# on branch main.
repo() {
	git init -q --bare -b main "$T/repos/$1.git"
	git -C "$T/repos/$1.git" config http.receivepack true
	git init -q -b main "$TREES/$1"
	git -C "$TREES/$1" remote add origin "$T/repos/$1.git"
}

# commit NAME MESSAGE: commits all of $TREES/NAME and pushes it past any server;
# prints the commit.
commit() {
	git -C "$TREES/$1" add -A
	git -C "$TREES/$1" commit -q --allow-empty -m "$2"
	git -C "$TREES/$1" push -q origin HEAD
	git -C "$TREES/$1" rev-parse HEAD
}

# write FILE: stdin to FILE, making its folder.
write() { mkdir -p "$(dirname "$1")"; cat >"$1"; }

# --- syncd --------------------------------------------------------------------

# What syncd is run by: a program with arguments, or nothing.
SYNCD_UNDER=()

# syncd_start [FLAG...]: a daemon with quick graces; its own namespace is
# syncd-SCRIPT. Applications are read from there and from argocd unless a flag
# says else: the last of two equal flags counts. Sets HEALTH and METRICS (URLs).
syncd_start() {
	local health metrics
	health=127.0.0.1:$(free_port)
	metrics=127.0.0.1:$(free_port)
	HEALTH=http://$health METRICS=http://$metrics
	export HEALTH METRICS
	[ -x "$BIN/syncd" ] || fail "there is no $BIN/syncd"
	install_crds
	daemon_start "$T" syncd "${SYNCD_UNDER[@]}" "$BIN/syncd" --namespace "syncd-$SCRIPT" \
		--data-dir "$T/data" --health-addr "$health" --metrics-addr "$metrics" \
		--leader-elect=false --poll-interval 2s \
		--soak 2s --degraded-grace 1s --pull-grace 3s --crash-grace 3s \
		--wave-deadline 60s --log-level debug "$@"
	daemon_wait "$T" syncd 30 curl -fsS -m 2 "$HEALTH/readyz" || fail "syncd is not ready"
	grep -qx "syncd-$SCRIPT" "$T/namespaces" 2>/dev/null ||
		printf 'syncd-%s\n' "$SCRIPT" >>"$T/namespaces"
}
syncd_stop() { daemon_stop "$T" syncd; }

# syncd_kill: as a crash: SIGKILL, no clean-up of its own.
syncd_kill() {
	daemon_signal "$T" syncd KILL
	daemon_gone "$T" syncd 100 || fail "syncd did not end after SIGKILL"
	rm -f "$T/syncd.pid"
}

install_crds() {
	[ -d "$ROOT/manifests/crds" ] || fail "there is no manifests/crds"
	kc apply --server-side --force-conflicts -k "$ROOT/manifests/crds" >/dev/null
	kc wait --for condition=Established --timeout 15s crd/applications.argoproj.io crd/appprojects.argoproj.io >/dev/null
}

syncctl() { timeout 120 "$BIN/syncctl" -n "$APPS" "$@"; }

# metric NAME [LABELS-PART]: the sum of its rows that hold LABELS-PART.
metric() {
	curl -fsS -m 5 "$METRICS/metrics" | awk -v name="$1" -v part="${2:-}" '
		(index($1, name "{") == 1 || $1 == name) && index($1, part) { n += $2 }
		END { printf "%.0f\n", n }'
}
# writes: API requests so far that could change something.
writes() {
	local n=0 verb
	for verb in POST PUT PATCH DELETE; do
		n=$((n + $(metric syncd_api_requests_total "verb=\"$verb\"")))
	done
	printf '%s\n' $n
}

# --- applications -------------------------------------------------------------

APPS=syncd-$SCRIPT # where they are: syncd's own namespace

# app NAME REPO-URL PATH NAMESPACE [JQ]: an automated Application that prunes and
# heals, changed by a jq filter.
app() {
	jq -n --arg name "$1" --arg url "$2" --arg path "$3" --arg to "$4" --arg ns "$APPS" '{
		apiVersion: "argoproj.io/v1alpha1", kind: "Application",
		metadata: {name: $name, namespace: $ns},
		spec: {project: "default", source: {repoURL: $url, path: $path},
			destination: {server: "https://kubernetes.default.svc", namespace: $to},
			syncPolicy: {automated: {prune: true, selfHeal: true}}}
		} | '"${5:-.}" >"$T/app-$1.json"
	kc apply -f "$T/app-$1.json" >/dev/null
}

# app_is NAME JQ: for wait_until and never; $s is its status, $d status.syncd.
app_is() {
	kc get app "$1" -n "$APPS" -o json >"$T/is.json" || return 1
	jq -e '.status as $s | $s.syncd as $d | '"$2" "$T/is.json" >/dev/null ||
		{ jq -c '{wanted: $w, sync: .status.sync.status, health: .status.health,
			op: (.status.operationState | {phase, message}), conditions: .status.conditions,
			syncd: (.status.syncd | {phase, message, pin,
			releases: [.releases[]? | "#\(.id) \(.state) \(.reason // "")"]})}' \
			--arg w "$2" "$T/is.json"; return 1; }
}
# good NAME COMMIT [SECONDS]: waits until it is good and COMMIT wants no more.
good() {
	wait_until "${3:-30}" "good $1 at ${2:0:7}" app_is "$1" \
		"\$d.phase == \"Good\" and \$s.sync.revision == \"$2\" and \$s.sync.status == \"Synced\""
}
logged() { grep -q "$1" "$T/syncd.log"; }

# deployment NAME TAG [WAVE [REPLICAS]]: its YAML.
deployment() {
	cat <<-END
		apiVersion: apps/v1
		kind: Deployment
		metadata:
		  name: $1
		  annotations: {argocd.argoproj.io/sync-wave: "${3:-0}"}
		spec:
		  replicas: ${4:-1}
		  selector: {matchLabels: {app: $1}}
		  template:
		    metadata: {labels: {app: $1}}
		    spec:
		      containers: [{name: main, image: "registry.example.com/$1:$2"}]
	END
}
# configmap NAME VALUE [WAVE]: its YAML.
configmap() {
	cat <<-END
		apiVersion: v1
		kind: ConfigMap
		metadata:
		  name: $1
		  annotations: {argocd.argoproj.io/sync-wave: "${3:-0}"}
		data: {key: "$2"}
	END
}
