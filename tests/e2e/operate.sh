#!/usr/bin/env bash
# What a person does with an application that syncd runs: syncctl's commands on a real
# API server, with the real daemon and a Git server.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
TO=operate-$$
export NO_COLOR=1 USER=ada

# ctl ARG...: the first word is the command.
ctl() { timeout 120 "$BIN/syncctl" "$@" -n "$APPS"; }
all() { timeout 120 "$BIN/syncctl" "$@"; } # of every namespace
image() { field deployment web '.spec.template.spec.containers[0].image' -n "$TO"; }
image_is() { [ "$(image)" = "registry.example.com/web:$1" ]; }
push() { deployment web "$1" >"$TREES/shop/app/web.yaml"; commit shop "$1"; }

mkdir -p "$T/repos"
git_server
repo shop
namespace "$TO"
deployment web v1 | write "$TREES/shop/app/web.yaml"
configmap conf 1 | write "$TREES/shop/app/conf.yaml"
printf '%s\n' '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"coffer"},"stringData":{"code":"first-c4n4ry"}}' \
	>"$TREES/shop/app/coffer.yaml"
ONE=$(commit shop v1)
syncd_start
app shop "$GIT_URL/shop.git" app "$TO"
good shop "$ONE"
TWO=$(push v2)
good shop "$TWO"

it "resources, tree, events and logs tell of its objects"
assert_contains "$(ctl resources shop)" "Deployment" "the rows"
assert_contains "$(ctl tree shop)" "└─ ReplicaSet/web-" "the tree"
assert_contains "$(ctl tree shop)" "   └─ Pod/web-" "the pods"
has_event() { ctl events shop | grep -q Promoted; }
wait_until 20 "an event" has_event
kc create deployment stranger -n "$TO" --image registry.example.com/stranger:v1 >/dev/null
stranger() { kc get events -n "$TO" | grep -q "pod/stranger-"; }
wait_until 20 "an event of somebody else's pod" stranger
refute_contains "$(ctl events shop)" "stranger" "what is not its own"
kc delete deployment stranger -n "$TO" >/dev/null
assert_exit 1 ctl logs shop --tail 5 # simulated pods have none
assert_contains "$OUTPUT" "web-" "the pod's name"
assert_exit 1 ctl logs shop --rejected
assert_exit 2 ctl logs shop --tail x

it "diff is silent where nothing differs, and tells by field where it does"
assert_exit 0 ctl diff shop
assert_contains "$OUTPUT" "no difference" "the words"
mkdir -p "$T/local"
deployment web v9 >"$T/local/web.yaml"
configmap fresh 1 >"$T/local/fresh.yaml"
printf '%s\n' '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"coffer"},"stringData":{"code":"other-c4n4ry"}}' \
	>"$T/local/coffer.yaml"
assert_exit 1 ctl diff shop --local "$T/local"
assert_contains "$OUTPUT" "spec.template.spec.containers[main].image  registry.example.com/web:v2 -> registry.example.com/web:v9" "the path"
assert_contains "$OUTPUT" "ConfigMap/$TO/fresh  would be created" "what is new"
assert_contains "$OUTPUT" "ConfigMap/$TO/conf  would be deleted" "what goes"
assert_contains "$OUTPUT" "data.code  (hidden: the old value) -> (hidden: the new value)" "the secret"
refute_contains "$OUTPUT" c4n4ry "the secret's value"
refute_contains "$OUTPUT" "$(printf other-c4n4ry | base64)" "the secret's value"
assert_exit 1 ctl diff shop --local "$T/local" -o unified
assert_contains "$OUTPUT" "+        image: registry.example.com/web:v9" "the line"
refute_contains "$OUTPUT" c4n4ry "the secret's value"
assert_eq "create delete update" "$(ctl diff shop --local "$T/local" -o json | jq -r 'map(.change) | unique | join(" ")')" "the JSON"
image_is v2 || fail "a difference changed $(image)"

it "diff compares stored releases, and revisions with the user's own Git"
assert_exit 1 ctl diff shop --release 1 2
assert_contains "$OUTPUT" "web:v1 -> registry.example.com/web:v2" "the difference"
assert_exit 0 ctl diff shop --release 2
assert_exit 1 ctl diff shop --revision "$ONE"
git -C "$TREES/shop" checkout -q -b side
push v7 >/dev/null
git -C "$TREES/shop" checkout -q main
assert_exit 1 ctl diff shop --revision side
assert_contains "$OUTPUT" "web:v2 -> registry.example.com/web:v7" "the branch"
assert_exit 20 ctl diff shop --release 99
kc create configmap syncd-install -n "$TO" >/dev/null # another syncd's: the one beside is meant
assert_exit 1 ctl diff shop --release 1 2
assert_exit 20 all pause --all
assert_contains "$OUTPUT" "syncd is installed in more than one namespace: say which with --syncd-namespace" "whose"
kc delete configmap syncd-install -n "$TO" >/dev/null
assert_exit 2 ctl diff shop --release 1 --revision x

it "a sync of chosen objects leaves the others, and a dry run everything"
kc patch app shop -n "$APPS" --type=merge -p '{"spec":{"syncPolicy":{"automated":null}}}' >/dev/null
configmap conf 2 >"$TREES/shop/app/conf.yaml"
push v3 >/dev/null
assert_exit 0 ctl sync shop --dry-run
assert_eq 1 "$(field configmap conf .data.key -n "$TO")" "after a dry run"
assert_eq "configured (dry run)" "$(kc get app shop -n "$APPS" -o json | jq -r '.status.operationState.syncResult.resources[0].message')" "its report"
assert_exit 0 ctl sync shop --resource :ConfigMap:conf
assert_eq 2 "$(field configmap conf .data.key -n "$TO")" "the chosen one"
image_is v2 || fail "the other one changed: $(image)"
assert_exit 1 ctl sync shop --resource :ConfigMap:none
assert_contains "$OUTPUT" "no ConfigMap none" "what is missing"
assert_exit 0 ctl sync shop
image_is v3 || fail "it is $(image)"

it "rollback works with Git down and stays until it is unpinned"
kc patch app shop -n "$APPS" --type=merge -p '{"spec":{"syncPolicy":{"automated":{"prune":true,"selfHeal":true}}}}' >/dev/null
wait_until 30 "the third is good" app_is shop '$d.phase == "Good" and $d.target.id == 3'
git_server_stop
assert_exit 0 ctl rollback shop
assert_contains "$OUTPUT" "back to release #2" "which one"
image_is v2 || fail "it is $(image)"
wait_until 10 "the pin" app_is shop '$d.pin.by == "ada" and $d.phase == "Pinned"'
git_server
never 6 "it went forward" image_is v3
assert_contains "$(ctl status shop)" "pinned" "the story"
assert_exit 0 ctl unpin shop
wait_until 30 "v3 again" image_is v3
wait_until 30 "good" app_is shop '$d.phase == "Good"'
assert_exit 0 ctl rollback shop "#1" --ttl 8s
image_is v1 || fail "it is $(image)"
wait_until 40 "the end of its time" image_is v3
assert_exit 1 ctl rollback shop 77
assert_contains "$OUTPUT" "no release #77" "the refusal"
assert_exit 2 ctl rollback shop x
wait_until 30 "good" app_is shop '$d.phase == "Good"'

it "pin holds what runs; a sync by hand is refused meanwhile"
assert_exit 0 ctl pin shop --reason "a demo"
wait_until 10 "it is seen" app_is shop '$d.pin.byHand == true and $d.pin.by == "ada"'
FOUR=$(push v4)
never 6 "it went out" image_is v4
assert_exit 1 ctl sync shop
assert_contains "$OUTPUT" "a demo" "why"
assert_exit 0 ctl unpin shop
wait_until 30 "v4" image_is v4
good shop "$FOUR"
assert_exit 1 ctl unpin shop

it "suspend and pause stop all writes, resume lets it go on"
wait_until 30 "good" app_is shop '$d.phase == "Good"'
assert_exit 0 ctl suspend shop --reason surgery --ttl 1h
wait_until 10 "it is seen" app_is shop '$d.suspended.why == "surgery"'
push v5 >/dev/null
never 6 "it went out" image_is v5
assert_exit 0 ctl resume shop
wait_until 30 "v5" image_is v5
assert_exit 1 ctl resume shop
assert_exit 2 ctl pause
assert_exit 2 ctl pause --all # with -n, which would be fewer
assert_exit 0 all pause --all --reason fire --syncd-namespace "syncd-$SCRIPT"
wait_until 10 "it is seen" logged "everything is paused by ada: fire"
FIVE=$(push v6)
wait_until 20 "its status goes on" app_is shop "\$s.sync.revision == \"$FIVE\" and \$s.sync.status == \"OutOfSync\""
never 4 "it went out" image_is v6
assert_exit 0 all resume --all --syncd-namespace "syncd-$SCRIPT"
wait_until 30 "v6" image_is v6
assert_exit 1 all resume --all --syncd-namespace "syncd-$SCRIPT"
assert_exit 2 ctl resume
good shop "$FIVE"

it "terminate ends what settles, and says so where nothing is under way"
assert_exit 1 ctl terminate shop
push noready-7 >/dev/null
wait_until 30 "it settles" app_is shop '$d.phase == "Settling"'
assert_exit 0 ctl terminate shop
assert_eq "Failed: Operation terminated" "$(kc get app shop -n "$APPS" -o json | jq -r '.status.operationState | "\(.phase): \(.message)"')" "the state"
assert_exit 0 ctl rollback shop
wait_until 20 "the way back" image_is v6
SEVEN=$(push v8)
good shop "$SEVEN"

it "what was rejected is tried again by hand"
push bad-9 >/dev/null
wait_until 60 "the revert" app_is shop '$d.phase == "Pinned"'
assert_exit 0 ctl logs shop --rejected
assert_contains "$OUTPUT" "was rejected at" "what is kept"
assert_contains "$OUTPUT" ", container " "what is kept of its pods"
assert_exit 0 ctl retry shop --async
wait_until 30 "the second try" image_is bad-9
NINE=$(push v10)
good shop "$NINE" 60
assert_exit 1 ctl retry shop

it "sync windows stop what goes by itself; windows tells when they open"
jq -n --arg ns "$APPS" '{apiVersion:"argoproj.io/v1alpha1",kind:"AppProject",metadata:{name:"default",namespace:$ns},
	spec:{sourceRepos:["*"],destinations:[{server:"*",namespace:"*"}],clusterResourceWhitelist:[{group:"*",kind:"*"}],
	syncWindows:[{kind:"deny",schedule:"* * * * *",duration:"1h",applications:["shop"],manualSync:true,description:"freeze"}]}}' |
	kc apply -f - >/dev/null
wait_until 20 "it is shut" app_is shop '$d.window | contains("freeze")'
assert_contains "$(ctl windows shop)" "a sync window denies it" "the verdict"
assert_contains "$(ctl windows shop)" "a person may sync all the same" "by hand"
push v11 >/dev/null
never 6 "it went out" image_is v11
assert_exit 0 ctl sync shop
image_is v11 || fail "it is $(image)"
kc patch appproject default -n "$APPS" --type=merge -p '{"spec":{"syncWindows":null}}' >/dev/null
wait_until 20 "it is open" app_is shop '$d.window == null'
assert_contains "$(ctl windows shop)" "it may sync now" "the verdict"

it "what scripts read: names and nothing else, and words that are lost are told"
wait_until 30 "good" app_is shop '$d.phase == "Good" and $s.sync.status == "Synced"'
assert_exit 0 ctl diff shop -o name
assert_eq "" "$OUTPUT" "the names of nothing"
full() { "$@" >/dev/full; }
assert_exit 20 full ctl list
assert_contains "$OUTPUT" "standard output: No space left on device" "why"
assert_exit 20 full ctl suspend shop
assert_contains "$OUTPUT" "standard output: No space left on device" "why"
assert_exit 0 ctl resume shop
gone() { "$@" | true; }
assert_exit 20 gone ctl list # under pipefail
assert_eq "" "$OUTPUT" "what is said where nobody reads"
assert_exit 1 ctl wait shop --revision 0123456789 --timeout 1s
assert_contains "$OUTPUT" "timed out waiting for shop: Git's commit is another" "what lacked"
