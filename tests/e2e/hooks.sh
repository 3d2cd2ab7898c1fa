#!/usr/bin/env bash
# Hooks on a real API server, with its own Job controller: before, in and after a
# release, what follows from a failure, a crash while one runs, and the end of an
# application.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=hooks-$$
W=$TREES/shop

in_git() { write "$W/$1.yaml"; }
# job NAME PHASE TAG [ANNOTATION...]: its YAML; a NAME that ends in - is generateName.
job() {
	local name=name line
	[[ $1 != *- ]] || name=generateName
	cat <<-END
		apiVersion: batch/v1
		kind: Job
		metadata:
		  $name: $1
		  annotations:
		    argocd.argoproj.io/hook: $2
		$(for line in "${@:4}"; do printf '    %s\n' "$line"; done)
		spec:
		  backoffLimit: 0
		  template:
		    spec:
		      restartPolicy: Never
		      containers: [{name: main, image: "registry.example.com/tools:$3"}]
	END
}
policy() { printf 'argocd.argoproj.io/hook-delete-policy: %s' "$1"; }
uid_of() { field job "$1" .metadata.uid -n "$NS"; }
# another NAME UID: the Job is there, and it is another one.
another() { local now; now=$(uid_of "$1"); [ -n "$now" ] && [ "$now" != "$2" ]; }
gone() { [ -z "$(kc get "$1" "$2" -n "$NS" --ignore-not-found -o name)" ]; }
there() { ! gone "$@"; }
image_is() { field_is "registry.example.com/$1:$2" deployment "$1" '.spec.template.spec.containers[0].image' -n "$NS"; }
# row NAME TYPE PHASE: of operationState's results, for app_is.
row() { printf '[$s.operationState.syncResult.resources[]? | select(.name == "%s" and .hookType == "%s" and .hookPhase == "%s" and .syncPhase == "%s")] | length == 1' "$1" "$2" "$3" "$2"; }
# when KIND NAME: the time of its creation.
when() { field "$1" "$2" .metadata.creationTimestamp -n "$NS"; }
completed() { field job "$1" .status.completionTime -n "$NS"; }
none_held() { [ -z "$(kc get jobs -n "$NS" -o json | jq -r '.items[] | select(.metadata.finalizers // [] | index("argocd.argoproj.io/hook-finalizer")) | .metadata.name')" ]; }
held() { kc get job "$1" -n "$NS" -o json | jq -e '.metadata.finalizers | index("argocd.argoproj.io/hook-finalizer") != null'; }
pinned() { wait_until "${2:-30}" "pinned $1" app_is "$1" '$d.phase == "Pinned"'; }

namespace "$NS"
repo shop
git_server
URL=$GIT_URL/shop.git

it "before, in and after a release; the ended ones are let go"
deployment web v1 1 | in_git main/web
configmap late v1 3 | in_git main/late
job migrate PreSync v1 | in_git main/migrate
job index Sync v1 'argocd.argoproj.io/sync-wave: "1"' "$(policy HookSucceeded)" | in_git main/index
job smoke PostSync v1 | in_git main/smoke
job made- PostSync v1 | in_git main/made
job alarm SyncFail v1 | in_git main/alarm
job helm none v1 'helm.sh/hook: pre-install,pre-upgrade' 'helm.sh/hook-weight: "-1"' | sed '/argocd.argoproj.io\/hook:/d' | in_git main/helm
{ job quick PreSync v1 'argocd.argoproj.io/sync-wave: "-2"'; printf '  ttlSecondsAfterFinished: 0\n'; } | in_git main/quick
FIRST=$(commit shop "with hooks")
syncd_start
app main "$URL" main "$NS"
good main "$FIRST"
[[ ! $(completed migrate) > $(when deployment web) ]] || fail "the migration had not ended before the Deployment"
[[ ! $(when deployment web) > $(when job smoke) ]] || fail "the test came before the Deployment"
[[ ! $(completed helm) > $(when job migrate) ]] || fail "the weight was not heeded"
for row in "migrate PreSync" "helm PreSync" "quick PreSync" "index Sync" "smoke PostSync"; do
	# shellcheck disable=SC2086
	app_is main "$(row $row Succeeded)" || fail "no row of $row: $(cat "$T/is.json")"
done
app_is main '$s.operationState.phase == "Succeeded" and $s.health.status == "Healthy"' || fail "$(cat "$T/is.json")"
app_is main '[$s.resources[] | select(.hook)] | map(.name) | (index("migrate") and (index("index") | not))' ||
	fail "the resources: $(cat "$T/is.json")"
none_held || fail "a hook is held: $(kc get jobs -n "$NS" -o yaml)"
gone job index || fail "HookSucceeded did not go"
gone job alarm || fail "SyncFail ran"
there job migrate || fail "BeforeHookCreation went"
[[ $(kc get jobs -n "$NS" -o name) == *"job.batch/made-${FIRST:0:7}-postsync-"* ]] || fail "no made name"
wait_until 10 "the TTL Job's end" gone job quick

it "quiet afterwards, and a heal runs none"
BEFORE=$(uid_of migrate)
kc patch deployment web -n "$NS" --type merge -p '{"spec":{"replicas":3}}' >/dev/null
wait_until 10 "the heal" field_is 1 deployment web .spec.replicas -n "$NS"
WRITES=$(writes)
never 3 "a hook ran" another migrate "$BEFORE"
assert_eq "$WRITES" "$(writes)" "writes while nothing happens"

it "killed while one runs: it goes on, and runs once"
{ job migrate PreSync v2; printf '  suspend: true\n'; } | in_git main/migrate
deployment web v2 1 | in_git main/web
SECOND=$(commit shop "a migration that takes a while")
wait_until 40 "another run" another migrate "$BEFORE"
AFTER=$(uid_of migrate)
wait_until 10 "the finalizer" held migrate
syncd_kill
syncd_start
never 3 "the Deployment changed" image_is web v2
kc patch job migrate -n "$NS" --type merge -p '{"spec":{"suspend":false}}' >/dev/null
good main "$SECOND" 60
image_is web v2 || fail "not applied"
assert_eq "$AFTER" "$(uid_of migrate)" "the run"
assert_eq 1 "$(kc get pods -n "$NS" -l job-name=migrate -o name | wc -l)" "pods of the migration"
none_held || fail "a hook is held"

it "a failed migration changes nothing, and SyncFail hooks run"
job migrate PreSync crash | in_git main/migrate
deployment web v3 1 | in_git main/web
commit shop "a migration that fails" >/dev/null
pinned main 60
image_is web v2 || fail "applied all the same"
wait_until 10 "SyncFail" there job alarm
app_is main "$(row migrate PreSync Failed)" || fail "$(cat "$T/is.json")"
app_is main "$(row alarm SyncFail Succeeded)" || fail "$(cat "$T/is.json")"
app_is main '[$s.conditions[] | .message | select(contains("PreSync hook batch/Job") and contains("migrate"))] | length > 0' || fail "$(cat "$T/is.json")"
assert_contains "$(syncctl status main || true)" migrate "what syncctl says"
none_held || fail "a hook is held"

it "a hook that the API server refuses changes nothing"
job migrate PreSync v3 | in_git main/migrate
{ job smoke PostSync v1; printf '  parallelity: 2\n'; } | in_git main/smoke
commit shop "a test with a field that is none" >/dev/null
wait_until 60 "the refusal" app_is main '[$s.conditions[] | .message | select(contains("PostSync hook batch/Job") and contains("parallelity"))] | length > 0'
image_is web v2 || fail "applied all the same"
field_is registry.example.com/tools:crash job migrate '.spec.template.spec.containers[0].image' -n "$NS" || fail "the migration ran again"
job smoke PostSync v1 | in_git main/smoke

it "a failed test reverts; a migration that ran holds the revert"
job migrate PreSync v2 | in_git main/migrate
job undo PreRevert v1 | in_git main/undo
job check PostRevert v1 | in_git main/check
COMMIT=$(commit shop "as it was, unsuspended")
good main "$COMMIT" 60
gone job undo && gone job check || fail "hooks of a revert ran in a sync"
job smoke PostSync crash "$(policy BeforeHookCreation,HookFailed)" | in_git main/smoke
job undo PreRevert v4 | in_git main/undo
job check PostRevert v4 | in_git main/check
deployment web v4 1 | in_git main/web
commit shop "a test that fails" >/dev/null
pinned main 60
image_is web v3 || fail "not reverted"
wait_until 10 "the end of HookFailed" gone job smoke
for hook in "undo:v4" "check:v1"; do # of the failed release, of the good one
	assert_eq "registry.example.com/tools:${hook#*:}" "$(field job "${hook%:*}" '.spec.template.spec.containers[0].image' -n "$NS")" "the hook of the revert"
done
[[ ! $(completed undo) > $(when job check) ]] || fail "PostRevert came before the end of PreRevert"
job smoke PostSync v1 | in_git main/smoke
job migrate PreSync v5 | in_git main/migrate
deployment web v5-bad 1 | in_git main/web
commit shop "a migration, then a bad image" >/dev/null
wait_until 60 "the hold" app_is main '$d.phase == "Failed" and ([$s.conditions[] | .message | select(contains("held, not reverted") and contains("migrate"))] | length > 0)'
image_is web v5-bad || fail "reverted all the same"
deployment web v6 1 | in_git main/web
good main "$(commit shop "mended")" 60

it "terminated: the one that runs goes, and nothing begins again"
{ job migrate PreSync v7; printf '  suspend: true\n'; } | in_git main/migrate
commit shop "a migration without end" >/dev/null
wait_until 40 "it runs" held migrate
wait_until 10 "it is told" app_is main '$s.operationState.phase == "Running"'
kc patch app main -n "$APPS" --type merge -p '{"status":{"operationState":{"phase":"Terminating"}}}' >/dev/null
wait_until 10 "the end" app_is main '$s.operationState.phase == "Failed" and ($s.operationState.message | contains("terminated"))'
wait_until 10 "the Job's end" gone job migrate
never 4 "it began again" there job migrate
job migrate PreSync v8 | in_git main/migrate
good main "$(commit shop "another one")" 60

it "the end of an application: PreDelete, its objects, PostDelete"
job export PreDelete v1 | in_git main/export
job backup PreDelete crash | in_git main/backup
job farewell PostDelete v1 | in_git main/farewell
good main "$(commit shop "last words")" 60
kc patch app main -n "$APPS" --type merge -p '{"metadata":{"finalizers":["resources-finalizer.argocd.argoproj.io"]}}' >/dev/null
kc delete app main -n "$APPS" --wait=false >/dev/null
wait_until 30 "the failed backup" app_is main '[$s.conditions[]? | select(.type == "DeletionError" and (.message | test("PreDelete hook batch/Job/[^/]+/backup")))] | length == 1'
EXPORT=$(uid_of export) BACKUP=$(uid_of backup)
wait_until 60 "another backup" another backup "$BACKUP"
[ "$(uid_of export)" = "$EXPORT" ] || fail "what had succeeded ran again"
there deployment web || fail "the Deployment went without a backup"
job backup PreDelete v2 | in_git main/backup
commit shop "a backup that works" >/dev/null
wait_until 90 "the end" eval '[ -z "$(kc get app main -n "$APPS" --ignore-not-found -o name)" ]'
for name in migrate export backup helm; do gone job $name || fail "Job $name stayed"; done
there job farewell || fail "PostDelete did not run"
gone deployment web || fail "the Deployment stayed"
none_held || fail "a hook is held"

it "made anew, it is a release with its hooks, not a heal"
kc apply -f "$T/app-main.json" >/dev/null
good main "$(git -C "$W" rev-parse HEAD)" 60
there job migrate || fail "its PreSync hook did not run"
[[ ! $(completed migrate) > $(when deployment web) ]] || fail "the hook came late"
