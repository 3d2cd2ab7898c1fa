#!/usr/bin/env bash
# The cluster itself is in trouble (its API server leaves requests without an answer)
# while four of ten applications turn bad: their reverts go one at a time until one
# succeeds, people are told, and the six others never notice.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/tools/faultproxy/proxy.sh
. "$ROOT/tests/tools/faultproxy/proxy.sh"
NS=breaker-$$
W=$TREES/shop
BAD=(one two three four)
WELL=(five six seven eight nine ten)
ROOM=syncd-breaker-$$ # a label of nodes: without it no good pod finds a place

# web NAME TAG: a Deployment whose old pods go first; v1 finds a place only where there is room.
web() {
	local room=""
	[ "$2" != v1 ] || room="      nodeSelector: {$ROOM: here}\n"
	deployment "$1" "$2" | sed "s/^  replicas:/  strategy: {type: Recreate}\n&/; s/^      containers:/$room&/"
}
put() { web "$1" "$2" | write "$W/$1/web.yaml"; }
tag_of() { field deployment "$1" '.spec.template.spec.containers[0].image' -n "$NS" | sed 's/.*://'; }
# going_back: which of the four run the good image again.
going_back() { local name; for name in "${BAD[@]}"; do [ "$(tag_of "$name")" = bad2 ] || printf '%s ' "$name"; done; }
held() { # how many Applications say so
	kc get app -n "$APPS" -o json | jq '[.items[] | select(.status.syncd.breaker.held)] | length'
}
is() { local want=$1; shift; [ "$("$@")" = "$want" ] || { echo "$* is $("$@")"; return 1; }; }
events() { kc get events -n "$APPS" -o json | jq -r '.items[] | "\(.involvedObject.name) \(.reason) \(.message)"'; }
generations() { kc get deployment "${WELL[@]}" -n "$NS" -o 'jsonpath={range .items[*]}{.metadata.name} {.metadata.generation}{"\n"}{end}'; }
# outage REQUESTS: so many dry runs are answered with 503 (a rule strikes twice).
outage() { control rules "$(for ((i = 0; i < $1 / 2; i++)); do printf '503 dry-run %d - 0\n' "$i"; done)"; }

namespace "$NS"
kc label node --all "$ROOM=here" >/dev/null
repo shop
git_server
URL=$GIT_URL/shop.git
for name in "${BAD[@]}" "${WELL[@]}"; do put "$name" v1; done
GOOD=$(commit shop "all is well")
proxy_start --patience 12
SYNCD_UNDER=(env "KUBECONFIG=$T/kubeconfig")
syncd_start --pull-grace 2s --wave-deadline 600s
for name in "${BAD[@]}" "${WELL[@]}"; do app "$name" "$URL" "$name" "$NS"; done

it "ten applications are good, and the breaker is closed"
for name in "${BAD[@]}" "${WELL[@]}"; do good "$name" "$GOOD" 60; done
assert_eq 0 "$(metric syncd_breaker_open)" "the breaker"
refute_contains "$(syncctl status)" "Breaker open" "the fleet"
BEFORE=$(generations)
syncd_kill # what it counts of requests begins anew with it
syncd_start --pull-grace 2s --wave-deadline 600s

it "four turn bad while requests have no answer: one revert goes, three wait"
kc label node --all "$ROOM-" >/dev/null
outage 80
for name in "${BAD[@]}"; do
	put "$name" bad2
	for i in 1 2 3 4 5; do configmap "$name-$i" new | write "$W/$name/map-$i.yaml"; done
done
commit shop "bad in four places" >/dev/null
wait_until 240 "open breaker" is 1 metric syncd_breaker_open
wait_until 240 "three that wait" is 3 metric syncd_reverts_held
never 3 "a second revert" eval '[ "$(going_back | wc -w)" -gt 1 ]'
FIRST=$(going_back)
FIRST=${FIRST% }
assert_eq 1 "$(wc -w <<<"$FIRST")" "reverts that go ($FIRST)"

it "people are told: log, Event, metric, status"
for OTHER in "${BAD[@]}"; do [ "$OTHER" = "$FIRST" ] || break; done
logged 'the breaker is open: .* requests to the API server had no answer' || fail "the log does not say so"
wait_until 20 "statuses" is 3 held
wait_until 20 "Events" eval '[ "$(events | grep -c "RevertHeld the revert waits for that of $APPS/$FIRST: ")" = 3 ]'
OUTPUT=$(syncctl status)
assert_contains "$OUTPUT" "Breaker open: " "the fleet"
assert_contains "$OUTPUT" "had no answer. Reverts go one at a time until one succeeds; 3 wait." "the fleet"
OUTPUT=$(syncctl status "$OTHER")
assert_contains "$OUTPUT" "the revert waits for that of $APPS/$FIRST" "the status of one that waits"
assert_contains "$OUTPUT" ImagePullBackOff "why it goes back"

it "who waits is not kept from what mends it"
put "$OTHER" v2
FIX=$(commit shop "mended $OTHER")
good "$OTHER" "$FIX" 60
assert_eq 1 "$(metric syncd_breaker_open)" "the breaker"
assert_eq 2 "$(going_back | wc -w)" "applications without the bad image"

it "the first revert that succeeds closes it, and the others follow"
kc label node --all "$ROOM=here" >/dev/null
for name in "${BAD[@]}"; do
	[ "$name" = "$OTHER" ] || wait_until 60 "pinned $name" app_is "$name" '$d.phase == "Pinned" and $s.health.status == "Healthy" and $d.breaker == null'
done
wait_until 20 "Event" eval 'events | grep -q "^$FIRST BreakerClosed its revert succeeded, the others follow"'
assert_eq 0 "$(metric syncd_breaker_open)" "the breaker"
assert_eq 0 "$(metric syncd_reverts_held)" "reverts that wait"
refute_contains "$(syncctl status)" "Breaker open" "the fleet"

it "the six others never noticed"
for name in "${WELL[@]}"; do good "$name" "$FIX" 60; done
assert_eq "$BEFORE" "$(generations)" "generations"
