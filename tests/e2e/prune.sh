#!/usr/bin/env bash
# What is deleted, when, and who is asked: the budget and its approval, data, what
# moves between applications, options and policies, and an Application's end.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
NS=prune-$$

mkdir -p "$T/repos"
git_server
repo shop
URL=$GIT_URL/shop.git
W=$TREES/shop
namespace $NS

# annotated NAME KEY VALUE: a ConfigMap with one annotation.
annotated() { jq -n --arg n "$1" --arg k "$2" --arg v "$3" '{apiVersion: "v1", kind: "ConfigMap", metadata: {name: $n, annotations: {($k): $v}}, data: {key: "v"}}'; }
option() { annotated "$1" argocd.argoproj.io/sync-options "$2"; }
maps() { kc get configmap -n "$NS" -l syncd.dev/install -o name | wc -l; }
fewer_than() { [ "$(maps)" -lt "$1" ]; }
is_another() { [ "$(uid "$1" "$2")" != "$3" ]; }
gone() { [ -z "$(kc get "$1" "$2" -n "$NS" -o name --ignore-not-found)" ]; }
there() { ! gone "$1" "$2"; }
uid() { field "$1" "$2" .metadata.uid -n "$NS"; }
tracked_by() { [[ $(field configmap "$1" '.metadata.annotations.argocd\.argoproj\.io/tracking-id' -n "$NS") == "syncd-prune_$2:"* ]]; }
held() { app_is "$1" '$d.prune.count == '"$2"' and ([$s.conditions[]? | select(.type == "PruneHeldWarning")] | length == 1)'; }

it "40 objects at once wait for a person, and hold up nothing else"
for i in $(seq 40); do configmap "cm-$i" v1 | write "$W/shop/cm-$i.yaml"; done
configmap stays v1 | write "$W/shop/stays.yaml"
C=$(commit shop "forty and one")
syncd_start
app shop "$URL" shop "$NS"
good shop "$C"
rm "$W"/shop/cm-*.yaml
configmap stays v2 | write "$W/shop/stays.yaml"
C=$(commit shop "a wrong path, perhaps")
wait_until 30 "the question" held shop 40
wait_until 10 "the release" field_is v2 configmap stays .data.key -n "$NS"
assert_eq 41 "$(maps)" "what is there"
assert_exit 0 syncctl status shop
assert_contains "$OUTPUT" "Waits for approval to be deleted" "the story"
assert_contains "$OUTPUT" "syncctl confirm shop" "the next step"

it "confirm shows the list; a list that changed is not approved"
assert_exit 1 syncctl confirm shop --dry-run
assert_contains "$OUTPUT" "ConfigMap/$NS/cm-40" "the list"
OLD=$(field app shop .status.syncd.prune.digest -n "$APPS")
configmap cm-7 v1 | write "$W/shop/cm-7.yaml"
C=$(commit shop "but this one")
wait_until 30 "a shorter list" held shop 39
kc annotate app shop -n "$APPS" "syncd.dev/prune-approved=$OLD" >/dev/null
never 3 "something was deleted" fewer_than 41
assert_exit 1 syncctl confirm shop </dev/null
assert_contains "$OUTPUT" "-y approves this list" "nobody was asked"
assert_exit 0 syncctl confirm shop -y
assert_contains "$OUTPUT" "approved" "the answer"
wait_until 30 "the prune" gone configmap cm-1
wait_until 30 "the rest" good shop "$C"
assert_eq 2 "$(maps)" "what is left"
there configmap cm-7 || fail "cm-7 is in Git"
assert_exit 0 syncctl confirm shop
assert_contains "$OUTPUT" "nothing of shop waits" "no question"

it "a claim waits for approval while the rest goes; Prune=confirm heeds Argo CD's annotation"
cat <<-END | write "$W/shop/pvc.yaml"
	{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "annotations": {"argocd.argoproj.io/ignore-healthcheck": "true"}}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
END
option asks Prune=confirm | write "$W/shop/asks.json"
option keeps Prune=false | write "$W/shop/keeps.json"
C=$(commit shop "data")
good shop "$C"
rm "$W"/shop/{pvc.yaml,asks.json,keeps.json,cm-7.yaml}
commit shop "no data" >/dev/null
wait_until 30 "the prune of the rest" gone configmap cm-7
wait_until 10 "the question" held shop 2
there pvc data && there configmap asks && there configmap keeps || fail "something went unasked"
kc annotate app shop -n "$APPS" argocd.argoproj.io/deletion-approved=2020-01-01T00:00:00Z >/dev/null
never 3 "an old time approved it" gone configmap asks
kc annotate app shop -n "$APPS" --overwrite "argocd.argoproj.io/deletion-approved=$(date -u +%FT%TZ)" >/dev/null
wait_until 20 "the confirmed prune" gone configmap asks
wait_until 10 "one question less" held shop 1
there pvc data || fail "a claim was deleted by a time alone"
assert_exit 0 syncctl confirm shop -y
wait_until 20 "the claim's end" gone pvc data
there configmap keeps || fail "Prune=false was pruned"

it "an object that moves to another application is handed over alive"
configmap moves v1 | write "$W/shop/moves.yaml"
configmap own v1 | write "$W/other/own.yaml"
C=$(commit shop "before the move")
app other "$URL" other "$NS"
wait_until 30 "the release" app_is shop '$s.sync.revision == "'"$C"'" and $d.phase == "Good"'
wait_until 30 "the object" there configmap moves
good other "$C"
U=$(uid configmap moves)
git -C "$W" mv shop/moves.yaml other/moves.yaml
commit shop "the move" >/dev/null
wait_until 30 "the new owner" tracked_by moves other
wait_until 30 "the calm" app_is shop '$d.phase == "Good"'
wait_until 30 "the calm" app_is other '$d.phase == "Good" and $s.sync.status == "Synced"'
never 4 "it was made anew" is_another configmap moves "$U"

it "hands on the live object count: a label taken off, an annotation put on"
for n in free kept; do configmap $n v1 | write "$W/other/$n.yaml"; done
C=$(commit shop "two more")
good other "$C"
kc patch app other -n "$APPS" --type=merge -p '{"spec":{"syncPolicy":{"automated":{"selfHeal":false}}}}' >/dev/null
kc label configmap free -n "$NS" syncd.dev/install- >/dev/null
kc annotate configmap free -n "$NS" argocd.argoproj.io/tracking-id- >/dev/null
kc annotate configmap kept -n "$NS" helm.sh/resource-policy=keep >/dev/null
rm "$W"/other/{free,kept}.yaml
C=$(commit shop "they leave")
wait_until 30 "the release" app_is other '$s.sync.revision == "'"$C"'" and $d.phase == "Good"'
never 4 "one of them was deleted" gone configmap free
there configmap kept || fail "kept by hand, and deleted"

it "prune: before frees what the new object needs: a nodePort"
service() {
	jq -n --arg n "$1" '{apiVersion: "v1", kind: "Service", metadata: {name: $n, annotations: {"syncd.dev/prune": "before"}},
		spec: {type: "NodePort", selector: {app: "x"}, ports: [{port: 80, nodePort: 30987}]}}'
}
service first | write "$W/ports/service.json"
C=$(commit shop "a port")
app ports "$URL" ports "$NS"
good ports "$C"
service second | write "$W/ports/service.json"
C=$(commit shop "the port, renamed")
good ports "$C"
gone service first || fail "the old Service is still there"

# --- an Application's end -------------------------------------------------------

# ending NAME FINALIZER [JQ]: an Application with one of its own folders.
ending() { app "$1" "$URL" "$1" "$NS" '.metadata.finalizers = ["'"$2"'"] | '"${3:-.}"; }
app_gone() { [ -z "$(kc get app "$1" -n "$APPS" -o name --ignore-not-found)" ]; }

it "each finalizer deletes what it says, and what says Delete=false stays"
F=resources-finalizer.argocd.argoproj.io
for n in plain fg bg; do
	deployment "$n" v1 | write "$W/$n/web.yaml"
	option "$n-stays" Delete=false | write "$W/$n/stays.json"
	option "$n-goes" Prune=false | write "$W/$n/goes.json"
done
C=$(commit shop "three ends")
ending plain $F
ending fg $F/foreground
ending bg $F/background
for n in plain fg bg; do good $n "$C" 60; done
for n in plain fg bg; do kc delete app $n -n "$APPS" --wait=false >/dev/null; done
for n in plain fg bg; do
	wait_until 60 "$n's end" app_gone $n
	wait_until 30 "$n's objects" gone deployment $n
	gone configmap $n-goes || fail "Prune=false is no Delete=false"
	there configmap $n-stays || fail "Delete=false was deleted"
done
refute_contains "$(kc get replicaset -n "$NS" -o name)" /plain "what the Deployments made"

it "Delete=confirm waits for a person, and the rest does not"
option precious Delete=confirm | write "$W/asked/precious.json"
configmap common v1 | write "$W/asked/common.yaml"
C=$(commit shop "one precious")
ending asked $F
good asked "$C"
kc delete app asked -n "$APPS" --wait=false >/dev/null
wait_until 30 "the rest's end" gone configmap common
wait_until 20 "the question" app_is asked '[$s.conditions[] | select(.type == "DeletionError") | .message | select(contains("precious"))] | length == 1'
never 3 "it went unasked" gone configmap precious
assert_exit 0 syncctl confirm asked -y
wait_until 30 "the end" app_gone asked
gone configmap precious || fail "approved, and there"

it "the end does not hang on a missing project, repository, namespace or CRD"
CRD=gizmos.prune-$$.example.com
jq -n --arg g "prune-$$.example.com" '{apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", metadata: {name: "gizmos.\($g)"},
	spec: {group: $g, scope: "Namespaced", names: {kind: "Gizmo", plural: "gizmos", singular: "gizmo", listKind: "GizmoList"},
	versions: [{name: "v1", served: true, storage: true, schema: {openAPIV3Schema: {type: "object", "x-kubernetes-preserve-unknown-fields": true}}}]}}' |
	kc apply -f - >/dev/null
kc wait --for condition=Established --timeout 15s crd/$CRD >/dev/null
kc create namespace $NS-gone >/dev/null
for n in e-project e-repo e-ns e-crd; do configmap $n v1 | write "$W/$n/cm.yaml"; done
printf 'apiVersion: prune-%s.example.com/v1\nkind: Gizmo\nmetadata: {name: g}\n' $$ | write "$W/e-crd/gizmo.yaml"
C=$(commit shop "four ends")
jq -n --arg ns "$APPS" '{apiVersion: "argoproj.io/v1alpha1", kind: "AppProject", metadata: {name: "team", namespace: $ns},
	spec: {sourceRepos: ["*"], destinations: [{server: "*", namespace: "*"}]}}' | kc apply -f - >/dev/null
cp -r "$T/repos/shop.git" "$T/repos/lost.git"
ending e-project $F '.spec.project = "team"'
app e-repo "$GIT_URL/lost.git" e-repo "$NS" '.metadata.finalizers = ["'$F'"]'
app e-ns "$URL" e-ns "$NS-gone" '.metadata.finalizers = ["'$F'"]'
ending e-crd $F
for n in e-project e-repo e-ns e-crd; do good $n "$C" 60; done
kc delete appproject team -n "$APPS" >/dev/null
rm -rf "$T/repos/lost.git"
kc delete crd $CRD >/dev/null
kc delete namespace $NS-gone --wait=false >/dev/null
for n in e-project e-repo e-ns e-crd; do kc delete app $n -n "$APPS" --wait=false >/dev/null; done
for n in e-project e-repo e-ns e-crd; do wait_until 90 "$n's end" app_gone $n; done
for n in e-project e-repo e-crd; do gone configmap $n || fail "$n is still there"; done

it "a parent takes its children along: theirs goes where their own finalizer says so"
child() { # NAME WAVE FINALIZERS [PARENT NAMESPACE]
	jq -n --arg n "$1" --arg w "$2" --argjson f "$3" --arg url "$URL" --arg to "${5:-$NS}" '{
		apiVersion: "argoproj.io/v1alpha1", kind: "Application",
		metadata: {name: $n, finalizers: $f, annotations: {"argocd.argoproj.io/sync-wave": $w}},
		spec: {project: "default", source: {repoURL: $url, path: $n},
			destination: {server: "https://kubernetes.default.svc", namespace: $to},
			syncPolicy: {automated: {prune: true}}}}' | write "$W/${4:-parent}/$1.json"
}
child c-one 0 "[\"$F\"]"
child c-two 1 "[\"$F\"]"
child c-bare 0 "[]"
configmap beside v1 | write "$W/parent/beside.yaml"
for n in c-one c-two c-bare; do configmap $n v1 | write "$W/$n/cm.yaml"; done
C=$(commit shop "a parent and three children")
app parent "$URL" parent "$APPS" '.metadata.finalizers = ["'$F'"]'
good parent "$C"
for n in c-one c-two c-bare; do good $n "$C" 60; done
kc delete app parent -n "$APPS" --wait=false >/dev/null
for n in parent c-one c-two c-bare; do wait_until 60 "$n's end" app_gone $n; done
for n in c-one c-two; do gone configmap $n || fail "the object of $n is still there"; done
there configmap c-bare || fail "a child without a finalizer leaves its objects"
[ -z "$(kc get configmap beside -n "$APPS" -o name --ignore-not-found)" ] || fail "the parent's own object stayed"

it "two applications that have each other among their objects go, and say why"
child ring-a 1 "[\"$F\"]" ring-b "$APPS"
child ring-b 1 "[\"$F\"]" ring-a "$APPS"
for n in ring-a ring-b; do configmap $n v1 | write "$W/$n/cm.yaml"; done
C=$(commit shop "a ring")
kc apply -n "$APPS" -f "$W/ring-b/ring-a.json" >/dev/null
for n in ring-a ring-b; do good $n "$C" 60; done
kc delete app ring-a -n "$APPS" --wait=false >/dev/null
for n in ring-a ring-b; do wait_until 60 "$n's end" app_gone $n; done
for n in ring-a ring-b; do
	[ -z "$(kc get configmap $n -n "$APPS" -o name --ignore-not-found)" ] || fail "the object of $n is still there"
done
told() { kc get events.events.k8s.io -n "$APPS" -o json | jq -e --arg r "$1" 'any(.items[]; .reason == $r)' >/dev/null; }
wait_until 30 "the Event" told DeletionRing

it "a namespace that CreateNamespace made stays, as in Argo CD"
configmap made v1 | write "$W/made/cm.yaml"
C=$(commit shop "a namespace")
app made "$URL" made "$NS-made" '.metadata.finalizers = ["'$F'"] | .spec.syncPolicy.syncOptions = ["CreateNamespace=true"]'
good made "$C"
kc delete app made -n "$APPS" --wait=false >/dev/null
wait_until 60 "the end" app_gone made
[ -z "$(kc get configmap made -n "$NS-made" -o name --ignore-not-found)" ] || fail "its object stayed"
field_is Active namespace "$NS-made" .status.phase || fail "the namespace went"
kc delete namespace "$NS-made" --wait=false >/dev/null
