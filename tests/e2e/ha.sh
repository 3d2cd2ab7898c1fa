#!/usr/bin/env bash
# Three real syncd on a real API server, one of which leads, each at work when something
# happens to it: killed, stopped for longer than its lease, cut off from the API server, its
# wall clock moved, told to end. Another one leads in time and goes on, and the API server's
# own audit log shows that nobody wrote but who held the lease.
#
# By hand: RUNS=100 for so many misfortunes, in turn, instead of one of each kind;
# LEASE="15 10 2" (duration, deadline, retry, in s) for the lease that syncd has without flags
# instead of a short one; SLACK_MS for how much later than promised another one may lead on a busy machine.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# What people run, where it is built; a sanitizer would not let the clock be moved.
FAULTS=(kill stop cut end)
if [ -x "$ROOT/build/release/syncd" ] && [ -e "$ROOT/build/release/tests/libclockshim.so" ]; then
	BIN=$ROOT/build/release FAULTS=(kill stop cut clock end)
fi
needs cutproxy
NS=ha-$$
W=$TREES/shop
APPLICATIONS=6
RUNS=${RUNS:-${#FAULTS[@]}}
SLACK_MS=${SLACK_MS:-2000}
read -r LEASE_S DEADLINE_S RETRY_S <<<"${LEASE:-5 4 1}"
declare -A METRICS_OF HEALTH_OF WORST
REPLICAS=(ada bob eve)

start() { # NAME
	local name=$1 shim=()
	METRICS_OF[$name]=${METRICS_OF[$name]:-127.0.0.1:$(free_port)}
	HEALTH_OF[$name]=${HEALTH_OF[$name]:-127.0.0.1:$(free_port)}
	[[ " ${FAULTS[*]} " != *" clock "* ]] || shim=("LD_PRELOAD=$BIN/tests/libclockshim.so" "CLOCK_SHIFT=$T/shift-$name")
	printf 0 >"$T/shift-$name"
	daemon_start "$T" "$name" env "KUBECONFIG=$T/kubeconfig-$name" "${shim[@]}" \
		"$BIN/syncd" --namespace "$APPS" --identity "$name" --data-dir "$T/data-$name" \
		--health-addr "${HEALTH_OF[$name]}" --metrics-addr "${METRICS_OF[$name]}" --poll-interval 1s --soak 0s \
		--leader-elect-lease-duration "${LEASE_S}s" --leader-elect-renew-deadline "${DEADLINE_S}s" --leader-elect-retry-period "${RETRY_S}s"
	daemon_wait "$T" "$name" 60 curl -fsS -m 2 "http://${HEALTH_OF[$name]}/readyz" || fail "$name is not ready"
}
# lost NAME: it ended because its lease ran out, as it does where the API server does not answer
# in time; a kubelet would start it again, and so does revive.
lost() { ! daemon_alive "$T" "$1" && tail -n 5 "$T/$1.log" | grep -q 'not renewed for'; }
LOST=0
revive() { # [BUT]
	local name
	for name in "${REPLICAS[@]}"; do
		[ "$name" != "${1:-}" ] || continue
		daemon_alive "$T" "$name" && continue
		lost "$name" || fail "$name ended: $(tail -n 3 "$T/$name.log")"
		LOST=$((LOST + 1))
		rm -f "$T/$name.pid"
		start "$name"
	done
}
leads() { [ "$(METRICS=http://${METRICS_OF[$1]} metric syncd_leader 2>/dev/null)" = 1 ]; }
# leader_but NAME: who leads and is not NAME, in $NOW.
leader_but() {
	local name
	for name in "${REPLICAS[@]}"; do
		[ "$name" != "$1" ] && leads "$name" && { NOW=$name; return; }
	done
	return 1
}
other_leads() { revive "$1" && leader_but "$1"; }
any_leader() { revive && leader_but nobody; }
account() { # NAME: its own, so that the audit log tells who it was; and its own way
	local port
	port=$(free_port)
	kc create serviceaccount "$1" -n "$APPS" >/dev/null
	kc create clusterrolebinding "$NS-$1" --clusterrole cluster-admin --serviceaccount "$APPS:$1" >/dev/null
	daemon_start "$T" "proxy-$1" "$BIN/tests/cutproxy" "$port" "${SERVER##*:}"
	kubeconfig_of "$1" "$APPS" "$T/kubeconfig-$1"
	sed -i "s|$SERVER|https://127.0.0.1:$port|" "$T/kubeconfig-$1"
}
drop_rights() { kc delete clusterrolebinding "$NS-ada" "$NS-bob" "$NS-eve" --ignore-not-found >/dev/null 2>&1; }
answer() { return "$1"; }
trap 'rc=$?; set +e; drop_rights; answer $rc; cleanup' EXIT

# put_out VALUE: a commit that every application has to follow.
put_out() {
	local i
	for ((i = 1; i <= APPLICATIONS; i++)); do configmap "shop-$i" "$1" | write "$W/$i/all.yaml"; done
	commit shop "$1" >/dev/null
}
values_are() {
	local are
	revive
	are=$(kc get configmap -n "$NS" -o json | jq -c '[.items[] | select(.metadata.name | startswith("shop-")) | .data.key]')
	printf '%s\n' "$are"
	jq -e --arg v "$1" "length == $APPLICATIONS and all(. == \$v)" <<<"$are"
}

ms() { local now=${EPOCHREALTIME/./}; printf '%s\n' $((now / 1000)); }
# follows OLD LIMIT-MS: another one leads in time.
follows() {
	local begun took limit=$(($2 + SLACK_MS))
	begun=$(ms)
	wait_until $((limit / 1000 + 10)) "another leader than $1" other_leads "$1"
	took=$(($(ms) - begun))
	[ $took -le $limit ] || fail "$NOW leads after $took ms, not within $limit"
	[ $took -le "${WORST[$FAULT]:-0}" ] || WORST[$FAULT]=$took
	say "run $RUN: $FAULT $1, $NOW leads after $took ms"
}
ended() { daemon_gone "$T" "$1" 300 || fail "$1 did not end"; rm -f "$T/$1.pid"; }

# What happens to the leader OLD; NOW is who leads then, and all three are back.
happens_kill() {
	daemon_signal "$T" "$OLD" KILL
	follows "$OLD" 20000
	ended "$OLD"
	start "$OLD"
}
happens_stop() { # for one and a half lease times, and it goes on where it was
	local begun
	begun=$(ms)
	daemon_signal "$T" "$OLD" STOP
	follows "$OLD" 20000
	while [ $(($(ms) - begun)) -lt $((LEASE_S * 1500)) ]; do sleep 0.1; done
	daemon_signal "$T" "$OLD" CONT
	ended "$OLD"
	start "$OLD"
}
happens_cut() {
	daemon_signal "$T" "proxy-$OLD" USR1
	follows "$OLD" 20000
	ended "$OLD"
	daemon_signal "$T" "proxy-$OLD" USR2
	start "$OLD"
}
shift_clocks() { # OLD'S OTHERS': seconds
	local name
	for name in "${REPLICAS[@]}"; do
		if [ "$name" = "$OLD" ]; then printf '%s' "$1"; else printf '%s' "$2"; fi >"$T/shift-$name"
	done
}
follows_one_that_lives() { daemon_alive "$T" "$OLD" && leader_but "$OLD"; }
happens_clock() { # an hour ahead of the others, an hour behind them: nothing happens
	shift_clocks 3600 -3600
	never 1 "another leads" follows_one_that_lives
	shift_clocks -3600 3600
	never 1 "another leads" follows_one_that_lives
	shift_clocks 0 0
	lost "$OLD" || leads "$OLD" || fail "$OLD leads no more"
	NOW=$OLD
	say "run $RUN: clock of $OLD"
}
happens_end() {
	local before
	before=$(wc -l <"$T/$OLD.log")
	daemon_signal "$T" "$OLD" TERM
	follows "$OLD" 2000
	ended "$OLD"
	! tail -n "+$((before + 1))" "$T/$OLD.log" | grep -h 'is not answered' || say "run $RUN: not handed over"
	start "$OLD"
}

AUDIT=$(dirname "$KUBECONFIG")/audit.log
[ -f "$AUDIT" ] || fail "the cluster is not ours: there is no $AUDIT"
AUDITED=$(wc -l <"$AUDIT") INODE=$(stat -c %i "$AUDIT")
SERVER=$(kc config view --raw --minify -o 'jsonpath={.clusters[0].cluster.server}')
install_crds
namespace "$NS"
namespace "$APPS"
repo shop
git_server
put_out 0
for name in "${REPLICAS[@]}"; do account "$name"; done
for name in "${REPLICAS[@]}"; do start "$name"; done
NOW=
wait_until $((60 + SLACK_MS / 1000)) "a leader" any_leader
for ((i = 1; i <= APPLICATIONS; i++)); do app "shop-$i" "$GIT_URL/shop.git" "$i" "$NS"; done
wait_until 60 "the first values" values_are 0

it "$RUNS misfortunes of a leader at work: another one leads in time and goes on"
for ((RUN = 1; RUN <= RUNS; RUN++)); do
	FAULT=${FAULTS[(RUN - 1) % ${#FAULTS[@]}]} OLD=$NOW
	put_out "$RUN"
	sleep 0.$((RANDOM % 10)) # anywhere in its work
	"happens_$FAULT"
	wait_until $((60 + SLACK_MS / 1000)) "the values of run $RUN" values_are "$RUN"
	leads "$NOW" || wait_until $((60 + SLACK_MS / 1000)) "a leader" any_leader
done
[ $LOST = 0 ] || say "$LOST times one of them lost its lease without our doing"
for FAULT in "${!WORST[@]}"; do say "$FAULT: the longest without a leader is ${WORST[$FAULT]} ms"; done

it "nobody wrote but who held the lease"
assert_eq "$INODE" "$(stat -c %i "$AUDIT")" "the audit log, which must be in one piece"
writers() { "$ROOT/tests/tools/onewriter" "$APPS" syncd-leader; }
tail -n "+$((AUDITED + 1))" "$AUDIT" | jq -c --arg ns "$APPS" 'select(.user.username | startswith("system:serviceaccount:\($ns):"))' >"$T/audit"
writers <"$T/audit" >"$T/writers" 2>&1 || fail "$(tail -n 5 "$T/writers")"
say "$(cat "$T/writers")"
read -r n _ <"$T/writers"
[ "$n" -gt $((RUNS * APPLICATIONS)) ] || fail "only $n writes were seen"

it "and one that another had written would have been found, an overtaken record, too"
for what in configmaps:shop- secrets:syncd-state-; do
	jq -c --arg what "${what%:*}" --arg name "${what#*:}" 'select(.objectRef.resource == $what and .verb == "patch" and
		(.objectRef.name | startswith($name)))' "$T/audit" | tail -n 1 | jq -c '.user.username |= sub(":[a-z]+$"; ":mallory")' >"$T/forged"
	[ -s "$T/forged" ] || fail "none of $what was patched"
	assert_exit 1 eval 'cat "$T/audit" "$T/forged" | writers'
	assert_contains "$OUTPUT" "mallory: patch ${what%:*} " "the finding"
done
