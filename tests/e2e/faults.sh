#!/usr/bin/env bash
# The connection to the API server misbehaves: 14 faults x 8 kinds of request x 5
# seeds, each struck for certain, and after each round the cluster is what Git says,
# nothing more, nothing less, the same objects as before.
#
# syncd reaches the real API server through tests/tools/faultproxy, which ends TLS on
# both sides. Faults come two at a time: 25 applications each (5 kinds of request that
# belong to an application x 5 seeds), and lists, watches and discovery of the whole
# daemon, which is killed in each round. FULL=1: silence lasts until syncd's own
# deadlines end it (a minute for requests, two and a half for watches).
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/tools/faultproxy/proxy.sh
. "$ROOT/tests/tools/faultproxy/proxy.sh"
W=$TREES/shop
PHASES=(dry-run apply record status delete)
GLOBAL=(list watch discovery)
SEEDS=(1 2 3 4 5)
ROUNDS=("reset-before reset-after" "cut chunk" "slow garbage" "tls 429" "500 503"
	"length twice" "half-open stall")
[ -z "${ONLY:-}" ] || ROUNDS=("$ONLY") # one round, for debugging
CANARY=c4n4ry-$$

# Rules that have not fired yet.
unstruck() { curl -fsS -m 10 "$CONTROL/report" | awk '$5 == 0 { print $1, $2, $3 }'; }

# --- syncd --------------------------------------------------------------------

HEALTH_PORT=
start() {
	[ "$HEALTH_PORT" ] || HEALTH_PORT=$(free_port)
	daemon_start "$T" syncd env KUBECONFIG="$T/kubeconfig" "$BIN/syncd" --namespace "$APPS" \
		--data-dir "$T/data" --health-addr "127.0.0.1:$HEALTH_PORT" --metrics-addr "" \
		--leader-elect=false --poll-interval 1s --soak 0s --log-level debug
}
is_ready() { curl -fsS -m 2 -o /dev/null "http://127.0.0.1:$HEALTH_PORT/readyz"; }

# --- what should be -----------------------------------------------------------

# each COMMAND...: for every application, with set, phase and seed.
each() {
	local set phase seed
	for set in a b; do for phase in "${PHASES[@]}"; do for seed in "${SEEDS[@]}"; do
		"$@" "$set" "$phase" "$seed"
	done; done; done
}
name_of() { printf 'f%s-%s-%s' "$1" "$2" "$3"; }

namespace_json() {
	local ns
	ns=$(name_of "$@")-$$
	printf '%s\n' "$ns" >>"$T/namespaces"
	jq -n --arg ns "$ns" '{apiVersion: "v1", kind: "Namespace", metadata: {name: $ns}},
		{apiVersion: "v1", kind: "ConfigMap", metadata: {name: "bystander", namespace: $ns}, data: {key: "stays"}}'
}
application_json() {
	jq -n --arg name "$(name_of "$@")" --arg url "$GIT_URL/shop.git" --arg pid $$ --arg ns "$APPS" '{
		apiVersion: "argoproj.io/v1alpha1", kind: "Application", metadata: {name: $name, namespace: $ns},
		spec: {project: "default", source: {repoURL: $url, path: $name},
			destination: {server: "https://kubernetes.default.svc", namespace: "\($name)-\($pid)"},
			syncPolicy: {automated: {prune: true, selfHeal: true}}}}'
}
first_files() {
	local dir
	dir=$W/$(name_of "$@")
	mkdir -p "$dir"
	configmap keep always >"$dir/keep.yaml"
	printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: coffer}\nstringData: {code: %s}\n' "$CANARY" >"$dir/coffer.yaml"
}
next_files() { # ROUND SET PHASE SEED: one changes, one comes, one goes
	local dir
	dir=$W/$(name_of "$2" "$3" "$4")
	configmap change "round-$1" 1 >"$dir/change.yaml"
	rm -f "$dir/new.yaml"
	configmap "new-$1" here 2 >"$dir/new.yaml"
}
put_out() { each next_files "$1"; COMMIT=$(commit shop "round $1"); }

# The whole wish, and what there is, as sorted lines "namespace/name=value".
wanted_one() { # ROUND SET PHASE SEED
	local ns
	ns=$(name_of "$2" "$3" "$4")-$$
	printf '%s/bystander=stays\n%s/change=round-%s\n%s/keep=always\n%s/new-%s=here\n' "$ns" "$ns" "$1" "$ns" "$ns" "$1"
}
wanted() { each wanted_one "$1" | sort; }
there() {
	kc get configmap -A -o json | jq -r --arg pid "-$$" '.items[] |
		select(.metadata.namespace | startswith("f") and endswith($pid)) |
		select(.metadata.name != "kube-root-ca.crt" and .metadata.deletionTimestamp == null) |
		"\(.metadata.namespace)/\(.metadata.name)=\(.data.key)"' | sort
}
is_as_wanted() { wanted "$1" >"$T/wanted"; there >"$T/there"; diff "$T/wanted" "$T/there"; }
uids() {
	kc get configmap,secret -A -o json | jq -r --arg pid "-$$" '.items[] |
		select(.metadata.namespace | startswith("f") and endswith($pid)) |
		select(.metadata.name | . == "keep" or . == "change" or . == "coffer" or . == "bystander") |
		"\(.kind) \(.metadata.namespace)/\(.metadata.name) \(.metadata.uid)"' | sort
}
# All applications are good at the newest commit.
all_good() {
	kc get app -n "$APPS" -o json >"$T/apps.json"
	jq -e --arg c "$COMMIT" '[.items[] | select(.status.syncd.phase != "Good" or
		.status.sync.status != "Synced" or .status.sync.revision != $c) |
		"\(.metadata.name): \(.status.syncd.phase) \(.status.sync) \(.status.conditions)"] |
		if length == 0 then true else (.[:3][] | error) end' "$T/apps.json" >/dev/null
}

# --- a round ------------------------------------------------------------------

record_name() { # of application NAME: as syncd names the Secret of its record
	printf 'syncd-state-%.16s' "$(printf '%s/%s' "$APPS" "$1" | sha256sum)"
}
rule_of() { # FAULT-OF-A FAULT-OF-B SET PHASE SEED
	local fault=$1 match skip=$((($5 - 1) % 2))
	[ "$3" = a ] || fault=$2
	match=$(name_of "$3" "$4" "$5")
	case $4 in
	record) match=$(record_name "$match") skip=0 ;;
	status) match=/applications/$match skip=0 ;;
	delete) match=/namespaces/$match-$$/ skip=0 ;;
	*) match=/namespaces/$match-$$/ ;;
	esac
	printf '%s %s %s %s %s\n' "$fault" "$4" "$5" "$match" "$skip"
}
rules_of_all() { # FAULT FAULT: those that strike the daemon as a whole
	local phase seed
	for phase in "${GLOBAL[@]}"; do for seed in "${SEEDS[@]}"; do
		printf '%s %s %s - 0\n' "$1" "$phase" "$seed"
		printf '%s %s %s - 0\n' "$2" "$phase" "$seed"
	done; done
}

restart() { syncd_kill; start; STARTED=$SECONDS; }

# More lists, watches and discovery: watches that resume, and processes that begin.
provoke() {
	local left
	left=$(unstruck)
	[ "$left" ] || return 0
	printf 'not struck yet: %s\n' "$left"
	# Not at once again: what breaks often is asked for ever more slowly.
	if [[ $left == *" watch "* && $((SECONDS - DROPPED)) -ge 3 ]]; then
		control drop
		DROPPED=$SECONDS
	fi
	[[ $left == *" list "* || $left == *" discovery "* ]] || return 1
	if is_ready || [ $((SECONDS - STARTED)) -ge 10 ]; then restart; fi
	return 1
}
all_struck() { local left; left=$(unstruck); [ -z "$left" ] || { echo "not struck: $left"; return 1; }; }

round() { # NUMBER FAULT FAULT
	control clear
	control rules "$(rules_of_all "$2" "$3")"
	restart
	wait_until "${LONG:-150}" "strike of lists, watches and discovery" provoke
	control rules "$(each rule_of "$2" "$3")"
	put_out "$1"
	wait_until "${LONG:-150}" "strike of every rule" all_struck
	control clear
	wait_until "${LONG:-150}" "good end of all" all_good
	wait_until 90 "cluster as Git says" is_as_wanted "$1"
	STRUCK=$((STRUCK + 80))
}

namespace "$APPS"
install_crds
repo shop
git_server
proxy_start --patience "$([ "${FULL:-}" ] && echo 3600 || echo 12)"
[ -z "${FULL:-}" ] || LONG=400
each namespace_json >"$T/namespaces.json"
kc apply -f "$T/namespaces.json" >/dev/null
each first_files
put_out 0
each application_json >"$T/applications.json"
start
STRUCK=0 DROPPED=0

it "fifty applications are good, through a proxy that does nothing"
kc apply -f "$T/applications.json" >/dev/null
wait_until 90 "good start of all" all_good
is_as_wanted 0 || fail "the cluster is not as Git says: $(cat "$T/wait.out")"
uids >"$T/uids"
assert_eq 200 "$(wc -l <"$T/uids")" "objects that stay"
daemon_start "$T" deleted kubectl get configmap -A --watch-only --output-watch-events \
	-o 'jsonpath={.type}{" "}{.object.metadata.namespace}{"/"}{.object.metadata.name}{"\n"}'

N=0
for PAIR in "${ROUNDS[@]}"; do
	it "$PAIR: every kind of request is struck five times, and all ends well"
	N=$((N + 1)) BEGUN=$SECONDS
	# shellcheck disable=SC2086 # two words
	round $N $PAIR
	say "round $N ($PAIR): $((SECONDS - BEGUN)) s"
done

it "every case was struck"
assert_eq $((80 * ${#ROUNDS[@]})) $STRUCK "cases"

it "the objects that stay are the same, and only what left Git was deleted"
diff "$T/uids" <(uids) || fail "some were made anew"
assert_eq "" "$(grep -E "^DELETED f.*-$$/(keep|change|bystander)$" "$T/deleted.log" || true)" "what was deleted"

it "no secret is in the log, and nothing aborted"
refute_contains "$(cat "$T/syncd.log")" "$CANARY" "the log"
assert_eq "" "$(grep -E 'bug:|AddressSanitizer|runtime error' "$T/syncd.log" || true)" "bugs in the log"
