#!/usr/bin/env bash
# docs/operations.md, done: an upgrade of CRDs and binary under live applications, a backup,
# and a restore into a cluster where nothing is left, while Git is away.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=operations-$$
W=$TREES/shop

# documented SECTION: its commands as they stand in the book, for our namespaces.
documented() {
	sed -n "/^## $1\$/,/^## /s/^    //p" "$ROOT/docs/operations.md" |
		sed "s/-n syncd-system/-n $APPS/; s/\"syncd-system\"/\"$APPS\"/; s/ -A / -n $APPS /; s|-k manifests|-k $ROOT/manifests|
			s|^syncctl install .*|$BIN/& -n $APPS|"
}
# Its pods would be simulated ones: replica() stands for them, and answers no webhook.
take_back_deployment() {
	kc get deployment syncd -n "$APPS" -o name >/dev/null || fail "it was not installed"
	"$BIN/syncctl" install --print deployment -n "$APPS" | kubectl delete --ignore-not-found -f - >/dev/null
}
finish_install() { "$BIN/syncctl" install --print rbac -n "$APPS" | kubectl delete --ignore-not-found --timeout 60s -f - >/dev/null; }
follow() { documented "$1" >"$T/steps"; (cd "$T" && bash -euo pipefail steps >"$T/steps.out" 2>&1) || fail "$1: $(cat "$T/steps.out")"; }
value_is() { field_is "$2" configmap "$1" .data.key -n "$NS"; }
tag_is() { field_is "registry.example.com/sick:$1" deployment sick '.spec.template.spec.containers[0].image' -n "$NS"; }
put() { configmap shop "$1" | write "$W/shop/all.yaml"; deployment sick "$2" | write "$W/sick/all.yaml"; COMMIT=$(commit shop "$1 $2"); }
pinned() { app_is sick '$d.phase == "Pinned" and $d.pin != null'; }
history() { kc get app "$1" -n "$APPS" -o json | jq -c '[.status.syncd.releases[] | {id, state, revision}]'; }
# versions FILE: of all that syncd could have written; the objects in FILE.json.
versions() {
	kc get app,appproject,secret,configmap -n "$APPS" -o json >"$T/v.json"
	kc get configmap,deployment -n "$NS" -o json >>"$T/v.json"
	cp "$T/v.json" "$1.json"
	jq -r '.items[] | "\(.kind)/\(.metadata.name) \(.metadata.uid) \(if .kind == "Deployment" then .metadata.generation else .metadata.resourceVersion end)"' "$T/v.json" | sort >"$1"
}
# replica NAME: one more, which stands by.
replica() {
	local health metrics
	health=127.0.0.1:$(free_port) metrics=127.0.0.1:$(free_port)
	daemon_start "$T" "$1" "$BIN/syncd" --namespace "$APPS" --identity "$1" --data-dir "$T/data-$1" --health-addr "$health" \
		--metrics-addr "$metrics" --poll-interval 2s --soak 0s --degraded-grace 1s --pull-grace 2s --crash-grace 2s --log-level debug
	daemon_wait "$T" "$1" 30 curl -fsS -m 2 "http://$health/readyz" || fail "$1 is not ready"
	METRICS=http://$metrics
}
leads() { [ "$(metric syncd_leader)" = 1 ]; }

it "live applications: one is good, one is pinned to its last good release"
# The CRDs as an older syncd brought them: without the rules of today's.
kc kustomize "$ROOT/manifests/crds" >"$T/crds.yaml"
"$BIN/syncctl" render "$T/crds.yaml" -o json |
	jq '.items[] | walk(if type == "object" then del(."x-kubernetes-validations") else . end)' >"$T/old-crds.json"
kc apply --server-side --force-conflicts -f "$T/old-crds.json" >/dev/null
kc wait --for condition=Established --timeout 20s crd/applications.argoproj.io crd/appprojects.argoproj.io >/dev/null
namespace "$NS"
namespace "$APPS"
repo shop
git_server
put one v1
replica old
wait_until 30 "a leader" leads
app shop "$GIT_URL/shop.git" shop "$NS"
app sick "$GIT_URL/shop.git" sick "$NS"
good shop "$COMMIT"
good sick "$COMMIT"
put two bad2
good shop "$COMMIT"
wait_until 60 "the pin" pinned
tag_is v1 || fail "the image"

it "an upgrade of the CRDs and of the binary writes none of them, and shows no drift"
never 1 "work that is left" eval '! pinned' # its status has come to rest
versions "$T/before"
# A changed CRD ends watches of its kind.
write "$T/watch" <<-'END'
	while sleep 0.1; do
		kubectl get app -n "$1" --watch -o 'jsonpath={.metadata.name}{" "}{.status.sync.status}{" "}{.status.health.status}{"\n"}'
	done
END
daemon_start "$T" watched bash "$T/watch" "$APPS"
documented Upgrade | head -n 1 >"$T/steps"
assert_contains "$(cat "$T/steps")" "manifests/crds" "the documented upgrade"
bash -euo pipefail "$T/steps" >"$T/steps.out" 2>&1 || fail "$(cat "$T/steps.out")"
kc wait --for condition=Established --timeout 20s crd/applications.argoproj.io crd/appprojects.argoproj.io >/dev/null
replica new
BEGUN=$SECONDS
daemon_stop "$T" old
wait_until 20 "the new one" leads
say "handed over within $((SECONDS - BEGUN)) s"
wait_until 30 "its look at Git" eval '[ "$(metric syncd_git_polls_total)" -ge 2 ]'
wait_until 30 "its look at both" eval '[ "$(metric syncd_reconciles_total)" -ge 2 ]'
versions "$T/after"
diff "$T/before" "$T/after" >"$T/diff" || fail "written: $(cat "$T/diff"): $(diff "$T/before.json" "$T/after.json" | head -n 40)"
daemon_stop "$T" watched
assert_eq "shop Synced Healthy" "$(grep '^shop' "$T/watched.log" | sort -u)" "what was shown of it meanwhile"

it "a backup is two commands"
HISTORY=$(history sick)
follow Backup
jq -e '[.items[] | select(.metadata.name | startswith("syncd-state-"))] | length == 2' "$T/state.json" >/dev/null || fail "the records"
jq -e '.items | length >= 2' "$T/applications.json" >/dev/null || fail "the Applications"
kc get app -n "$APPS" -o json | jq -r '.items[].metadata.uid' | sort >"$T/uids"
kc get configmap,deployment -n "$NS" -o json | jq -r '.items[].metadata.uid' | sort >>"$T/uids"

it "everything is lost, and comes back from the backup while Git is away, under new UIDs"
daemon_stop "$T" new
git_server_stop
kc delete app --all -n "$APPS" >/dev/null
kubectl delete namespace "$APPS" "$NS" --timeout 60s >/dev/null
kubectl delete crd applications.argoproj.io appprojects.argoproj.io --timeout 60s >/dev/null
kc create namespace "$NS" >/dev/null
follow "Restore into an empty cluster"
take_back_deployment
rm -rf "$T"/data-*
replica new
wait_until 30 "a leader" leads
wait_until 60 "the last release's value" value_is shop two
wait_until 60 "the last good image" tag_is v1
wait_until 60 "the pin" pinned
assert_eq "$HISTORY" "$(history sick)" "its history"
kc get app -n "$APPS" -o json | jq -r '.items[].metadata.uid' | sort >"$T/uids.now"
kc get configmap,deployment -n "$NS" -o json | jq -r '.items[].metadata.uid' | sort >>"$T/uids.now"
# kube-root-ca.crt is anew, too.
assert_eq "" "$(comm -12 <(sort "$T/uids") <(sort "$T/uids.now"))" "UIDs from before"

it "and it goes on: nothing was pruned, a mended commit goes out, a rejected one does not"
kc get configmap shop -n "$NS" -o name >/dev/null
git_server
never 3 "the rejected release is tried again" eval '! tag_is v1'
put three v3
good shop "$COMMIT" 60
good sick "$COMMIT" 60
value_is shop three && tag_is v3 || fail "the values"

it "syncd's namespace is lost, and what runs does not notice"
# vitals: of what runs; a workload's status may change, its spec and its uid do not.
vitals() { kc get configmap,deployment -n "$NS" -o json | jq -r '.items[] | select(.metadata.name != "kube-root-ca.crt") | "\(.kind)/\(.metadata.name) \(.metadata.uid) \(.metadata.generation)"' | sort; }
put four bad5
good shop "$COMMIT" 60
wait_until 60 "the pin" pinned
never 1 "work that is left" eval '! pinned'
HISTORY=$(history sick)
follow Backup
vitals >"$T/vitals"
daemon_stop "$T" new
kc delete app --all -n "$APPS" >/dev/null
kubectl delete namespace "$APPS" --timeout 60s >/dev/null
follow "Restore of syncd's namespace alone"
take_back_deployment
rm -rf "$T"/data-*
replica new
wait_until 30 "a leader" leads
wait_until 60 "the pin" pinned
put five v6
good shop "$COMMIT" 60
good sick "$COMMIT" 60
assert_eq "$HISTORY" "$(history sick | jq -c '.[1:]')" "its history"
assert_eq "$(cut -d' ' -f1,2 "$T/vitals")" "$(vitals | cut -d' ' -f1,2)" "what runs"
tag_is v6 || fail "the image"
daemon_stop "$T" new
finish_install
