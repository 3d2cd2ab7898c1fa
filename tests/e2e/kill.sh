#!/usr/bin/env bash
# kill -9 of syncd at ten steps of a first sync in waves, and of a revert: it goes on
# where it was, the end is the same, nothing is deleted that should stay, and no
# release appears twice. A step is a number of API writes since the round began.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=kill-$$
W=$T/work/shop

in_git() { write "$W/$1.yaml"; }
image_is() { field_is "registry.example.com/$1:$2" deployment "$1" '.spec.template.spec.containers[0].image' -n "$NS"; }
gone() { [ -z "$(kc get "$1" "$2" -n "$NS" --ignore-not-found -o name)" ]; }
start() { syncd_start --poll-interval 1s --soak 0 --degraded-grace 0s --pull-grace 1s --log-format json; }
# steps: writes since syncd started; 99999 when it is gone.
steps() { writes 2>/dev/null || echo 99999; }
# kill_at N WHAT...: kills syncd once it has sent N writes; fails when WHAT holds before.
kill_at() {
	local want=$1 end=$((SECONDS + 40))
	shift
	until [ "$(steps)" -ge "$want" ]; do
		[ $SECONDS -lt $end ] || fail "no $want writes: $(tail -n 3 "$T/syncd.log")"
		! "$@" >/dev/null 2>&1 || break
	done
	syncd_kill
}
releases() { kc get app "$1" -n "$APPS" -o json | jq -r '[.status.syncd.releases[] | "\(.id)\(.state)"] | join(" ")'; }

namespace "$NS"
repo shop
git_server
URL=$GIT_URL/shop.git

# story NAME: three waves, with something to lose in the cluster beside it.
story() {
	configmap "$1-a" v1 -1 | in_git "$1/a"
	configmap "$1-b" v1 0 | in_git "$1/b"
	deployment "$1" v1 0 | in_git "$1/web"
	configmap "$1-c" v1 1 | in_git "$1/c"
}
whole() { # NAME: everything of the first release, by us
	local part
	for part in a b c; do
		[ "$(field configmap "$1-$part" .data.key -n "$NS")" = v1 ] || return 1
	done
	image_is "$1" v1
}

kc create configmap bystander -n "$NS" --from-literal key=stays >/dev/null

for n in 1 2 3 4 5 6 7 8 9 10; do story "s$n"; done
SYNC=$(commit shop "ten applications")
for n in 1 2 3 4 5 6 7 8 9 10; do
	it "first sync, killed at write $n"
	start
	app "s$n" "$URL" "s$n" "$NS"
	kill_at "$n" app_is "s$n" '$d.phase == "Good"'
	# Somebody adds an object while it is down: not ours, never deleted.
	start
	good "s$n" "$SYNC"
	whole "s$n" || fail "not all is there: $(kc get cm,deploy -n "$NS")"
	assert_eq 1good "$(releases "s$n")" "releases"
	syncd_stop
done

it "the ten are still as they were, after twenty starts"
start
for n in 1 2 3 4 5 6 7 8 9 10; do
	good "s$n" "$SYNC"
	whole "s$n" || fail "s$n"
done

for n in 1 2 3 4 5 6 7 8 9 10; do
	it "revert, killed $n writes after its beginning"
	name=s$n
	configmap "$name-a" v2 -1 | in_git "$name/a"
	configmap "$name-new" v1 -1 | in_git "$name/new"
	deployment "$name" bad1 0 | in_git "$name/web"
	git -C "$W" rm -q "$name/b.yaml"
	BAD=$(commit shop "$name turns bad")
	wait_until 20 "the bad release" image_is "$name" bad1
	wait_until 20 "the revert" logged "rejected: .*$APPS/$name\""
	kill_at $(($(steps) + n - 1)) app_is "$name" '$d.phase == "Pinned"'
	start
	wait_until 30 "the end of the revert" app_is "$name" "\$d.phase == \"Pinned\" and \$d.rejected.revision == \"$BAD\""
	wait_until 10 "what the bad release made to go" gone configmap "$name-new"
	whole "$name" || fail "not all is back: $(kc get cm,deploy -n "$NS")"
	assert_eq "2rejected 1good" "$(releases "$name")" "releases"
	app_is "$name" '$d.target.id == 1 and $s.health.status == "Healthy"' || fail "$(cat "$T/is.json")"
done

it "what was never ours is untouched"
assert_eq stays "$(field configmap bystander .data.key -n "$NS")" "the bystander"
assert_eq 30 "$(kc get configmap -n "$NS" -o name | grep -c /s)" "ConfigMaps"
