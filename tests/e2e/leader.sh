#!/usr/bin/env bash
# Two syncd, one leader: the other is ready and does nothing, takes over at once from
# one that leaves, after the lease from one that dies, and never beside one that
# only slept.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=leader-$$
W=$TREES/shop
declare -A AT READY

start() { # NAME
	local health metrics
	health=127.0.0.1:$(free_port) metrics=127.0.0.1:$(free_port)
	AT[$1]=http://$metrics READY[$1]=http://$health/readyz
	daemon_start "$T" "$1" "$BIN/syncd" --namespace "$APPS" --identity "$1" \
		--data-dir "$T/data-$1" --health-addr "$health" --metrics-addr "$metrics" \
		--leader-elect=true --poll-interval 1s --soak 0s --log-level debug
	daemon_wait "$T" "$1" 30 curl -fsS -m 2 "${READY[$1]}" || fail "$1 is not ready"
}
of() { local METRICS=${AT[$1]}; shift; "$@"; }
leads() { [ "$(of "$1" metric syncd_leader)" = 1 ]; }
holder() { field lease syncd-leader .spec.holderIdentity -n "$APPS"; }
value_is() { field_is "$1" configmap shop .data.key -n "$NS"; }
# put_out VALUE: a commit that whoever leads applies.
put_out() { configmap shop "$1" | write "$W/shop/all.yaml"; COMMIT=$(commit shop "$1"); }

install_crds
namespace "$NS"
kc create namespace "$APPS" >/dev/null
printf '%s\n' "$APPS" >>"$T/namespaces"
repo shop
git_server
put_out one

it "the first leads, the second is ready and stands by"
start ada
wait_until 10 "a leader" leads ada
start bob
! leads bob || fail "two leaders"
assert_eq ada "$(holder)" "the holder of the lease"
app shop "$GIT_URL/shop.git" shop "$NS"
good shop "$COMMIT"
app_is shop '$d.leader == "ada"' || fail "the leader in the status: $(cat "$T/is.json")"

it "a standby writes nothing"
put_out two
wait_until 20 "the new value" value_is two
sleep 3
assert_eq 0 "$(of bob writes)" "writes of the standby"
assert_eq 0 "$(of bob metric syncd_git_fetches_total)" "its fetches"

it "one that is asked to end hands over at once"
BEGUN=$SECONDS
daemon_stop "$T" ada
wait_until 8 "the next leader" leads bob
say "handed over within $((SECONDS - BEGUN)) s"
put_out three
wait_until 10 "the new value" value_is three
wait_until 5 "its name in the lease" eval '[ "$(holder)" = bob ]'

it "one that dies is followed after its lease"
start ada
BEGUN=$SECONDS
daemon_signal "$T" bob KILL
daemon_gone "$T" bob 50 || fail "bob lives"
rm -f "$T/bob.pid"
put_out four
never 3 "taken over before the lease was over" leads ada
wait_until 40 "the next leader" leads ada
say "taken over after $((SECONDS - BEGUN)) s"
wait_until 10 "the new value" value_is four

it "one that slept too long does not lead beside the next, nor write"
start bob
daemon_signal "$T" ada STOP
wait_until 40 "the next leader" leads bob
put_out five
wait_until 10 "the new value" value_is five
daemon_signal "$T" ada CONT
sleep 2
if daemon_alive "$T" ada; then
	! leads ada || fail "two leaders"
fi
good shop "$COMMIT"
assert_eq bob "$(holder)" "the holder of the lease"
never 3 "the value went back" eval '! value_is five'
leads bob || fail "bob lost it"
grep -q lease "$T/ada.log" || fail "ada does not say why: $(tail -n 3 "$T/ada.log")"
