#!/usr/bin/env bash
# From Git to a real API server, while all goes well: order, drift, pruning,
# adoption, what is refused, supersession, requests by people, and quiet. Git is
# polled hourly here: what is quick is quick because of a refresh or a request.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=sync-$$
GROUP=sync$$.example.com
W=$TREES/shop

in_git() { write "$W/$1.yaml"; }
uid_of() { field "$1" "$2" .metadata.uid -n "${3:-$NS}"; }
version_of() { field "$1" "$2" .metadata.resourceVersion -n "${3:-$NS}"; }
value_is() { field_is "$2" configmap "$1" .data.key -n "$NS"; }
gone() { [ -z "$(kc get "$1" "$2" -n "$NS" --ignore-not-found -o name)" ]; }
refresh() { kc annotate app "$1" -n "$APPS" --overwrite "argocd.argoproj.io/refresh=${2:-normal}" >/dev/null; }
# push APP MESSAGE: commits, and has Git asked now.
push() { COMMIT=$(commit shop "$2"); refresh "$1"; }
# Good, though what is kept from pruning differs from Git.
good_but_kept() { wait_until 30 "good $1" app_is "$1" "\$d.phase == \"Good\" and \$s.sync.revision == \"$2\" and \$s.sync.status == \"OutOfSync\""; }
manual='del(.spec.syncPolicy.automated)'

namespace "$NS"
printf '%s\n' "$NS-made" "$NS-release" >>"$T/namespaces"
repo shop
git_server
URL=$GIT_URL/shop.git
syncd_start --poll-interval 1h

it "waves in order; Namespace, CRD and its object in one release"
write "$W/waves/all.yaml" <<-END
	apiVersion: $GROUP/v1
	kind: Widget
	metadata: {name: waves, namespace: $NS-release}
	spec: {size: 3}
	---
	$(configmap second v1 2)
	---
	$(deployment waves v1 1 2)
	---
	$(configmap zero v1)
	---
	$(configmap before v1 -5)
	---
	apiVersion: v1
	kind: ConfigMap
	metadata: {name: inside, namespace: $NS-release, annotations: {argocd.argoproj.io/sync-wave: "-1"}}
	---
	apiVersion: v1
	kind: Namespace
	metadata: {name: $NS-release}
	---
	apiVersion: apiextensions.k8s.io/v1
	kind: CustomResourceDefinition
	metadata: {name: widgets.$GROUP}
	spec:
	  group: $GROUP
	  scope: Namespaced
	  names: {kind: Widget, plural: widgets}
	  versions:
	  - name: v1
	    served: true
	    storage: true
	    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
END
FIRST=$(commit shop "the first")
app waves "$URL" waves "$NS-made" '.spec.syncPolicy.syncOptions = ["CreateNamespace=true"]'
good waves "$FIRST"
assert_eq 3 "$(field "widgets.$GROUP" waves .spec.size -n "$NS-release")" "the object of the new kind"
# What nobody changed after its creation has its place in the order as its version.
ORDER=$(for at in before/-made inside/-release zero/-made; do version_of configmap "${at%/*}" "$NS${at#*/}"; done
	version_of deployment waves "$NS-made"; version_of configmap second "$NS-made")
assert_eq "$(sort -n <<<"$ORDER")" "$ORDER" "versions in the order of waves; wave 2 after the Deployment was ready"
app_is waves '$s.operationState.phase == "Succeeded" and ($s.history | length) == 1' || fail "$(cat "$T/is.json")"
app_is waves '[$d.waves[] | .applied == .objects] | all' || fail "the waves: $(cat "$T/is.json")"
app_is waves '($s.resources | length) == 8' || fail "the resources: $(cat "$T/is.json")"

it "drift is healed: a field, a label, a tracking id, an object; what is not ours stays"
LABEL=$(field configmap zero '.metadata.labels' -n "$NS-made" | jq -r 'keys[] | select(startswith("syncd.dev/"))')
kc patch configmap zero -n "$NS-made" --type merge -p '{"data":{"key":"drifted","other":"stays"}}' >/dev/null
kc label configmap second -n "$NS-made" "$LABEL-" >/dev/null
kc annotate configmap before -n "$NS-made" argocd.argoproj.io/tracking-id- >/dev/null
kc delete configmap inside -n "$NS-release" --wait=false >/dev/null
wait_until 10 "the field" field_is v1 configmap zero .data.key -n "$NS-made"
wait_until 10 "the label" eval '[ "$(field configmap second ".metadata.labels.${LABEL//./\\.}" -n "$NS-made")" ]'
wait_until 10 "the tracking id" eval '[ "$(field configmap before ".metadata.annotations.argocd\.argoproj\.io/tracking-id" -n "$NS-made")" ]'
wait_until 10 "the object" field_is inside configmap inside .metadata.name -n "$NS-release"
assert_eq stays "$(field configmap zero .data.other -n "$NS-made")" "somebody else's field"
kc delete deployment waves -n "$NS-made" >/dev/null
wait_until 20 "the Deployment" field_is 2 deployment waves .status.availableReplicas -n "$NS-made"
good waves "$FIRST"

it "an existing object is adopted: the same object, now ours"
kc create configmap adopted -n "$NS" --from-literal key=old >/dev/null
UID_OLD=$(uid_of configmap adopted)
configmap adopted new | in_git main/adopted
for name in stays replaced keep no-prune left; do configmap $name v1 | in_git main/$name; done
sed -i 's|annotations: {|&helm.sh/resource-policy: keep, |' "$W/main/keep.yaml"
sed -i 's|annotations: {|&argocd.argoproj.io/sync-options: Prune=false, |' "$W/main/no-prune.yaml"
MAIN=$(commit shop "another application")
app main "$URL" main "$NS" '.metadata.annotations = {"syncd.dev/soak": "4s"}'
good main "$MAIN"
value_is adopted new || fail "not applied"
assert_eq "$UID_OLD" "$(uid_of configmap adopted)" "the uid"

it "an object of another application is refused, and stays as it is"
configmap stays theirs | in_git thief/stays
configmap thief v1 | in_git thief/own
COMMIT=$(commit shop "two owners")
app thief "$URL" thief "$NS"
wait_until 20 "the refusal" app_is thief '[$s.conditions[]? | .message | select(contains("stays") and contains("main"))] | length > 0'
never 2 "it was taken" value_is stays theirs
gone configmap thief || fail "the rest was applied"
kc delete app thief -n "$APPS" >/dev/null

it "prune comes after the soak, and keeps what asks to be kept"
git -C "$W" rm -q main/left.yaml main/keep.yaml main/no-prune.yaml
push main "three fewer"
wait_until 10 "the soak" app_is main '$d.phase == "Soaking"'
value_is left v1 || fail "pruned before the soak was over"
wait_until 20 "the prune" gone configmap left
app_is main '$d.releases[0].state == "good"' || fail "pruned before it was good: $(cat "$T/is.json")"
good_but_kept main "$COMMIT"
app_is main '[$s.resources[] | select(.requiresPruning) | .name] | sort == ["keep", "no-prune"]' || fail "what is kept: $(cat "$T/is.json")"
value_is keep v1 || fail "helm.sh/resource-policy: keep was pruned"
value_is no-prune v1 || fail "Prune=false was pruned"

it "what somebody put in the place of ours is not pruned"
git -C "$W" rm -q main/replaced.yaml
push main "one fewer"
wait_until 10 "the soak" app_is main '$d.phase == "Soaking"'
kc delete configmap replaced -n "$NS" >/dev/null
kc create configmap replaced -n "$NS" --from-literal key=theirs >/dev/null
good_but_kept main "$COMMIT"
never 3 "it was deleted" gone configmap replaced
value_is replaced theirs || fail "it was changed"

it "an Application that goes leaves its objects"
configmap leaver v1 | in_git leaver/all
COMMIT=$(commit shop "a guest")
app leaver "$URL" leaver "$NS"
good leaver "$COMMIT"
kc delete app leaver -n "$APPS" >/dev/null
never 2 "its object was deleted" gone configmap leaver

it "a newer commit supersedes one that waits"
kc annotate app main -n "$APPS" syncd.dev/pull-grace=10m >/dev/null
deployment main bad1 | in_git main/web
push main "will wait for long"
wait_until 30 "the wait" app_is main '$d.phase == "Settling"'
# Meanwhile its pod says why.
wait_until 30 "the pod's words" app_is main '$s.operationState | .phase == "Running" and
	(.message | test("^apps/Deployment/.*/main: .*; pod main-.*: ImagePullBackOff: container \"main\": "))'
assert_contains "$(syncctl status main)" ": ImagePullBackOff: container \"main\": " "the status"
deployment main v2 | in_git main/web
push main "the better one"
good_but_kept main "$COMMIT"
app_is main '[$d.releases[0,1].state] == ["good", "superseded"]' || fail "releases: $(cat "$T/is.json")"
assert_eq registry.example.com/main:v2 "$(field deployment main '.spec.template.spec.containers[0].image' -n "$NS")" image

kc annotate app main -n "$APPS" syncd.dev/pull-grace- >/dev/null

it "Kustomize, with images from the Application"
deployment kust v1 | in_git kust/base/web
printf 'resources: [web.yaml]\n' | in_git kust/base/kustomization
write "$W/kust/prod/kustomization.yaml" <<-'END'
	resources: [../base]
	namePrefix: prod-
	images: [{name: registry.example.com/kust, newTag: v2}]
END
COMMIT=$(commit shop kustomize)
app kust "$URL" kust/prod "$NS" '.spec.source.kustomize.images = ["registry.example.com/kust=registry.example.com/moved:v3"]'
good kust "$COMMIT"
kust_is() { field_is "$1" deployment prod-kust '.spec.template.spec.containers[0].image' -n "$NS"; }
kust_is registry.example.com/moved:v3 || fail "the override"
app_is kust '$s.sourceType == "Kustomize"' || fail "the source type"
kc patch app kust -n "$APPS" --type json -p '[{"op":"remove","path":"/spec/source/kustomize"}]' >/dev/null
wait_until 20 "the image without the override" kust_is registry.example.com/kust:v2
good kust "$COMMIT"

it "without automation nothing happens until it is asked for"
configmap manual v1 | in_git manual/all
configmap manual-old v1 | in_git manual/old
ONE=$(commit shop "manual 1")
git -C "$W" tag v1.0 && git -C "$W" push -q origin v1.0
app manual "$URL" manual "$NS" "$manual"
wait_until 20 "the comparison" app_is manual '$s.sync.status == "OutOfSync"'
never 2 "applied unasked" value_is manual v1
assert_exit 0 syncctl sync manual --dry-run
gone configmap manual || fail "a dry run applied it"
app_is manual '$s.operationState.phase == "Succeeded" and $s.operationState.operation.sync.dryRun and $d.candidate == null' ||
	fail "the dry run: $(cat "$T/is.json")"
assert_exit 0 syncctl sync manual
value_is manual v1 || fail "the sync did not apply it"
assert_exit 0 syncctl wait manual --good --timeout 20s
app_is manual '$s.operationState.operation.initiatedBy.username != null and (.operation == null)' || fail "$(cat "$T/is.json")"

it "a request is for its revision, a SHA or a tag; Git is asked at once"
configmap manual v2 | in_git manual/all
git -C "$W" rm -q manual/old.yaml
TWO=$(commit shop "manual 2")
assert_exit 0 syncctl sync manual
value_is manual v2 || fail "the newest commit"
assert_exit 0 syncctl sync manual --revision "$ONE"
value_is manual v1 || fail "the SHA"
app_is manual "\$s.operationState.syncResult.revision == \"$ONE\"" || fail "the result: $(cat "$T/is.json")"
wait_until 20 "the difference to Git" app_is manual "\$s.sync.status == \"OutOfSync\" and \$s.sync.revision == \"$TWO\""
assert_exit 0 syncctl sync manual
value_is manual v2 || fail "back to the newest commit"
assert_exit 0 syncctl sync manual --revision v1.0
value_is manual v1 || fail "the tag"
assert_exit 1 syncctl sync manual --revision no-such-branch
assert_contains "$OUTPUT" no-such-branch "the message"

it "pruning on request only"
assert_exit 0 syncctl sync manual
assert_exit 0 syncctl wait manual --health --timeout 20s
value_is manual-old v1 || fail "pruned unasked"
assert_exit 0 syncctl sync manual --prune
wait_until 20 "the prune" gone configmap manual-old

it "a dry run says what would be refused"
write "$W/manual/bad.yaml" <<<'{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "Bad_Name"}}'
commit shop "not valid" >/dev/null
assert_exit 1 syncctl sync manual --dry-run
assert_contains "$OUTPUT" Bad_Name "the message"

it "a refresh annotation is answered and taken off, hard too"
for kind in normal hard; do
	refresh kust $kind
	wait_until 20 "the end of the refresh" field_is "" app kust '.metadata.annotations.argocd\.argoproj\.io/refresh' -n "$APPS"
done

it "no change, no request"
syncd_stop
syncd_start --poll-interval 1s
sleep 6
POLLS=$(metric syncd_git_polls_total)
BEFORE=$(curl -fsS -m 5 "$METRICS/metrics" | grep ^syncd_api_requests_total)
sleep 20
AFTER=$(curl -fsS -m 5 "$METRICS/metrics" | grep ^syncd_api_requests_total)
assert_eq "$BEFORE" "$AFTER" "API requests in 20 s"
[ "$(metric syncd_git_polls_total)" -gt $((POLLS + 10)) ] || fail "Git was not polled"
kc delete crd "widgets.$GROUP" --wait=false >/dev/null
