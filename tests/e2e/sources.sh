#!/usr/bin/env bash
# An Application of several sources on a real API server: two repositories and one that
# is only a ref; joined, moved and broken one by one, and nothing is ever deleted because
# one of them cannot be read. What the status shows is Argo CD's.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=sources-$$
value_is() { field_is "$1" configmap "${2:-conf}" .data.key -n "$NS"; }
says() { # TYPE WORDS: a condition
	app_is shop "(\$s.conditions // []) | any(.type == \"$1\" and (.message | contains(\"$2\")))"
}
sources() { # JSON: the Application's list of sources
	app shop "$GIT_URL/shop.git" app "$NS" "del(.spec.source) | .spec.sources = $1"
}
of() { jq -cn --arg url "$GIT_URL/$1.git" --arg path "$2" --arg name "$1" '{repoURL: $url, path: $path, targetRevision: "main", name: $name}'; }
ref() { jq -cn --arg url "$GIT_URL/$1.git" --arg ref "$2" '{repoURL: $url, ref: $ref}'; }
revisions_are() { app_is shop "\$s.sync.revisions == [\"$1\", \"$2\", \"$3\"] and \$s.syncd.phase == \"Good\""; }
head_of() { git -C "$TREES/$1" rev-parse HEAD; }

namespace "$NS"
repo shop
repo conf
repo values
git_server
configmap shop one | write "$TREES/shop/app/shop.yaml"
configmap conf one | write "$TREES/conf/prod/conf.yaml"
printf 'a: b\n' | write "$TREES/values/values.yaml"
for r in shop conf values; do commit "$r" one >/dev/null; done
syncd_start --poll-interval 1s

it "both sources are deployed as one, and each revision is told"
sources "[$(of shop app), $(of conf prod), $(ref values values)]"
wait_until 40 "the revisions" revisions_are "$(head_of shop)" "$(head_of conf)" "$(head_of values)"
value_is one shop
value_is one conf
app_is shop '($s.sync.comparedTo.sources | length) == 3 and ($s.sync | has("revision") | not)'
app_is shop '$s.history[-1].revisions == $s.sync.revisions and ($s.history[-1].sources | length) == 3'
app_is shop '$s.operationState.syncResult.revisions == $s.sync.revisions and $s.sourceTypes == ["Directory", "Directory", ""]'
assert_eq 2 "$(metric syncd_git_fetches_total)" "fetches: a ref alone is not fetched"

it "syncctl shows the first and how many more"
assert_contains "$(syncctl status shop)" "$(head_of shop | cut -c1-7) +2 more" "status"
assert_contains "$(syncctl list)" "+2 more" "list"
assert_contains "$(syncctl history shop)" "+2 more" "history"
assert_contains "$(syncctl get shop)" "$GIT_URL/conf.git main, prod" "get"

it "one moves, the other stays"
before=$(field configmap shop .metadata.resourceVersion -n "$NS")
configmap conf two | write "$TREES/conf/prod/conf.yaml"
commit conf two >/dev/null
wait_until 30 "the new commit" value_is two conf
assert_eq "$before" "$(field configmap shop .metadata.resourceVersion -n "$NS")" "the other object"

it "the last of them wins over the others, and it is said"
configmap shop theirs | write "$TREES/conf/prod/shop.yaml"
commit conf three >/dev/null
wait_until 30 "the later one" value_is theirs shop
wait_until 10 "the warning" says RepeatedResourceWarning "ConfigMap/shop of sources[0]"
rm "$TREES/conf/prod/shop.yaml"
commit conf four >/dev/null
wait_until 30 "the first again" value_is one shop

it "one that breaks deletes nothing, and is named"
printf 'kind: ConfigMap\n' | write "$TREES/conf/prod/conf.yaml"
configmap shop two | write "$TREES/shop/app/shop.yaml"
commit conf broken >/dev/null
wait_until 30 "the condition" says ComparisonError "spec.sources[1]: "
commit shop two >/dev/null
never 3 "half a release" value_is two shop
value_is two conf
mv "$T/repos/conf.git" "$T/repos/gone.git"
wait_until 30 "the condition" says ComparisonError "spec.sources[1]: "
never 3 "deleted" value_is none conf
mv "$T/repos/gone.git" "$T/repos/conf.git"
configmap conf five | write "$TREES/conf/prod/conf.yaml"
commit conf mended >/dev/null
wait_until 40 "both" value_is five conf
wait_until 20 "both" value_is two shop
wait_until 20 "no condition" app_is shop '($s.conditions // []) | all(.type != "ComparisonError")'

it "a restart shows the same and writes nothing"
wait_until 20 "the revisions" revisions_are "$(head_of shop)" "$(head_of conf)" "$(head_of values)"
syncd_stop
syncd_start --poll-interval 1s
wait_until 30 "the revisions" revisions_are "$(head_of shop)" "$(head_of conf)" "$(head_of values)"
value_is two shop

it "a sync names the revisions of some of them, and the others are Git's"
GOOD=$(kc get app shop -n "$APPS" -o json | jq .status.syncd.target.id)
CONF=$(head_of conf)
kc patch app shop -n "$APPS" --type=merge -p '{"spec":{"syncPolicy":{"automated":null}}}' >/dev/null
configmap shop three | write "$TREES/shop/app/shop.yaml"
configmap conf six | write "$TREES/conf/prod/conf.yaml"
commit shop three >/dev/null
commit conf six >/dev/null
wait_until 30 "both are seen" app_is shop "\$s.sync.revisions[0:2] == [\"$(head_of shop)\", \"$(head_of conf)\"]"
assert_exit 2 syncctl sync shop --revision "$CONF"
assert_contains "$OUTPUT" "shop has 3 sources, and --revision is of one (give --revisions REV with --source-positions N" "the next step"
assert_contains "$OUTPUT" "2 (conf, $GIT_URL/conf.git)" "which there are"
assert_exit 2 syncctl sync shop --revisions "$CONF" --source-positions 4
assert_contains "$OUTPUT" "--source-positions 4 is none of them: 1 (shop, $GIT_URL/shop.git)" "which there are"
assert_exit 2 syncctl sync shop --revisions "$CONF"
assert_exit 0 syncctl sync shop --revisions "$CONF" --source-positions 2
value_is three shop
value_is five conf
app_is shop ".status.operationState.operation.sync.revisions == [\"\", \"$CONF\", \"\"]"
app_is shop "\$s.operationState.syncResult.revisions == [\"$(head_of shop)\", \"$CONF\", \"$(head_of values)\"]"
assert_exit 0 syncctl sync shop --revisions main --source-names conf
value_is six conf
assert_exit 1 syncctl sync shop --revisions no-such-branch --source-positions 2
assert_contains "$OUTPUT" "spec.sources[1]: " "which one failed"
value_is six conf
wait_until 30 "what Git is at" app_is shop "\$s.sync.revisions[0:2] == [\"$(head_of shop)\", \"$(head_of conf)\"]"

it "diff compares with revisions of some of them, and with working copies"
assert_exit 0 syncctl diff shop
assert_exit 1 syncctl diff shop --revisions "$CONF" --source-positions 2
assert_contains "$OUTPUT" "data.key  six -> five" "the difference"
refute_contains "$OUTPUT" "ConfigMap/$NS/shop" "the other source"
git -C "$TREES/conf" checkout -q -b side
configmap conf seven | write "$TREES/conf/prod/conf.yaml"
commit conf side >/dev/null
assert_exit 1 syncctl diff shop --revisions side --source-names conf
assert_contains "$OUTPUT" "data.key  six -> seven" "the branch"
configmap conf eight | write "$TREES/conf/prod/conf.yaml"
configmap more one | write "$TREES/conf/prod/more.yaml"
assert_exit 1 syncctl diff shop --local "$TREES/conf/prod" --source-positions 2
assert_contains "$OUTPUT" "data.key  six -> eight" "the working copy"
assert_contains "$OUTPUT" "ConfigMap/$NS/more  would be created" "what is new"
refute_contains "$OUTPUT" "ConfigMap/$NS/shop" "the other source"
mkdir -p "$T/empty"
assert_exit 1 syncctl diff shop --local "$TREES/conf/prod" --source-positions 2 --local "$T/empty" --source-positions 1
assert_contains "$OUTPUT" "ConfigMap/$NS/shop  would be deleted" "what goes with the first"
assert_exit 2 syncctl diff shop --local "$TREES/conf/prod"
assert_contains "$OUTPUT" "--local is the folder of one (say which with --source-positions N): 1 (shop" "the next step"
assert_exit 20 syncctl diff shop --local "$TREES/conf/prod" --source-positions 3
assert_contains "$OUTPUT" "source 3 ($GIT_URL/values.git): it is only a ref" "why not"
printf 'kind: ConfigMap\n' | write "$TREES/conf/prod/more.yaml"
assert_exit 20 syncctl diff shop --local "$TREES/conf/prod" --source-positions 2
assert_contains "$OUTPUT" "source 2 (conf, $GIT_URL/conf.git): " "which one is broken"
mv "$T/repos/shop.git" "$T/repos/gone.git"
assert_exit 20 syncctl diff shop --revisions side --source-positions 2
assert_contains "$OUTPUT" "source 1 (shop, $GIT_URL/shop.git): fetching " "which one is not there"
mv "$T/repos/gone.git" "$T/repos/shop.git"
git -C "$TREES/conf" checkout -qf main
git -C "$TREES/conf" clean -qfd

it "a rollback goes back to what all of them were"
wait_until 30 "it is good" app_is shop '$d.phase == "Good"'
assert_exit 0 syncctl rollback shop "#$GOOD"
value_is two shop
value_is five conf
app_is shop "\$s.operationState.syncResult.revisions[1] == \"$CONF\""

it "what cannot be is refused, field by field"
sources "[$(of shop app), $(of conf prod | jq -c '.chart = "x"')]"
wait_until 20 "the condition" says InvalidSpecError "spec.sources[1].chart: Helm charts are not supported"
sources "[$(ref values values)]"
wait_until 20 "the condition" says InvalidSpecError "spec.sources: each of them is only a ref"
value_is two shop
value_is five conf
