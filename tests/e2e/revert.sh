#!/usr/bin/env bash
# Releases that turn bad, on a real API server: what is evidence, what a revert
# puts back and takes away, what is remembered, and what people are told. Several
# applications of one repository go through their story at the same time.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=revert-$$
W=$TREES/shop

# make APP: its objects come from a function of that name.
in_git() { write "$W/$1/$2.yaml"; }
image_of() { field deployment "$1" '.spec.template.spec.containers[0].image' -n "$NS"; }
image_is() { field_is "registry.example.com/$1:$2" deployment "$1" '.spec.template.spec.containers[0].image' -n "$NS"; }
uid_of() { field "$1" "$2" .metadata.uid -n "$NS"; }
gone() { [ -z "$(kc get "$1" "$2" -n "$NS" --ignore-not-found -o name)" ]; }
annotate() { printf '.metadata.annotations = {"syncd.dev/%s": "%s"}' "$1" "$2"; }
# statefulset NAME TAG: its YAML; its pods roll one after another.
statefulset() { deployment "$1" "$2" 0 2 | sed "s/^kind: Deployment/kind: StatefulSet/; s/^  replicas:/  serviceName: $1\n&/"; }
# gate: refuses what looks like the good release: a policy, and a webhook of a server
# that nobody runs.
gate() {
	cat <<-END
		apiVersion: admissionregistration.k8s.io/v1
		kind: ValidatingAdmissionPolicy
		metadata: {name: gate-$$, annotations: {argocd.argoproj.io/sync-wave: "-1"}}
		spec:
		  matchConstraints:
		    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: "$NS"}}
		    objectSelector: {matchExpressions: [{key: syncd.dev/install, operator: Exists}]}
		    resourceRules:
		    - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}
		  matchConditions: [{name: gate, expression: "object.metadata.name == 'gate'"}]
		  validations: [{expression: "!object.spec.template.spec.containers[0].image.endsWith(':v1')", message: no v1 here}]
		---
		apiVersion: admissionregistration.k8s.io/v1
		kind: ValidatingAdmissionPolicyBinding
		metadata: {name: gate-$$, annotations: {argocd.argoproj.io/sync-wave: "-1"}}
		spec: {policyName: gate-$$, validationActions: [Deny]}
		---
		apiVersion: admissionregistration.k8s.io/v1
		kind: ValidatingWebhookConfiguration
		metadata: {name: gate-$$, annotations: {argocd.argoproj.io/sync-wave: "-1"}}
		webhooks:
		- name: gate.example.com
		  clientConfig: {url: "https://127.0.0.1:1/"}
		  failurePolicy: Fail
		  timeoutSeconds: 1
		  sideEffects: None
		  admissionReviewVersions: [v1]
		  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: "$NS"}}
		  matchConditions: [{name: gate, expression: "object.metadata.name == 'gate' && object.spec.template.spec.containers[0].image.endsWith(':v1')"}]
		  rules:
		  - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}
	END
}
# pumps VERSION:SERVED...: a CRD; the last version is stored. pump VERSION: one of them.
GROUP=revert-$$.example.com
pumps() {
	local v
	printf 'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: pumps.%s}\n' "$GROUP"
	printf 'spec:\n  group: %s\n  scope: Namespaced\n  names: {kind: Pump, plural: pumps}\n  versions:\n' "$GROUP"
	for v; do
		printf '  - {name: %s, served: %s, storage: %s, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}\n' \
			"${v%:*}" "${v#*:}" "$([ "$v" = "${!#}" ] && echo true || echo false)"
	done
}
pump() { printf 'apiVersion: %s/%s\nkind: Pump\nmetadata: {name: %s}\nspec: {size: 1}\n' "$GROUP" "$1" "${2:-one}"; }
# silent: a webhook of a server that nobody runs, for one ConfigMap.
silent() {
	cat <<-END
		apiVersion: admissionregistration.k8s.io/v1
		kind: ValidatingWebhookConfiguration
		metadata: {name: silent-$$}
		webhooks:
		- name: silent.example.com
		  clientConfig: {url: "https://127.0.0.1:1/"}
		  failurePolicy: Fail
		  timeoutSeconds: 1
		  sideEffects: None
		  admissionReviewVersions: [v1]
		  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: "$NS"}}
		  matchConditions: [{name: silent, expression: "object.metadata.name == 'silent'"}]
		  rules:
		  - {apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}
	END
}
pinned() { wait_until "${2:-30}" "pinned $1" app_is "$1" '$d.phase == "Pinned"'; }

namespace "$NS"
repo shop
git_server
URL=$GIT_URL/shop.git
for name in image crash noready twice kept report gate; do
	deployment "$name" v1 | in_git "$name" web
done
statefulset db v1 | in_git db db
deployment image v1 0 3 | in_git image web
configmap image-old stays | in_git image old
configmap waves v1 1 | in_git waves config
deployment waves v1 2 | in_git waves web
configmap refused v1 | in_git refused config
configmap silent v1 | in_git silent config
deployment first bad1 | in_git first web
configmap first v1 | in_git first config
GOOD=$(commit shop "all is well")
syncd_start --pull-grace 3s
app image "$URL" image "$NS"
app crash "$URL" crash "$NS"
app noready "$URL" noready "$NS" "$(annotate wave-deadline 4s)"
app waves "$URL" waves "$NS"
app twice "$URL" twice "$NS"
app refused "$URL" refused "$NS"
app silent "$URL" silent "$NS" "$(annotate wave-deadline 4s)"
app gate "$URL" gate "$NS"
app db "$URL" db "$NS"
app kept "$URL" kept "$NS" "$(annotate auto-revert false)"
app report "$URL" report "$NS" "$(annotate auto-revert report)"
app first "$URL" first "$NS"

it "every application gets its first good release"
for name in image crash noready waves twice refused silent gate db kept report; do
	good "$name" "$GOOD"
done
UID_DB=$(uid_of pod db-0)
UID_IMAGE=$(uid_of deployment image)

it "a first release that fails stays as it is"
wait_until 20 "the failure of first" app_is first '$d.phase == "Failed"'
assert_eq registry.example.com/first:bad1 "$(image_of first)" "the image"
assert_eq v1 "$(field configmap first .data.key -n "$NS")" "the ConfigMap"
app_is first '$d.releases[0].reason | contains("ImagePullBackOff")' || fail "no reason: $(cat "$T/is.json")"

it "bad releases are put back, while Git still wants them"
deployment image bad1 0 3 | in_git image web
configmap image-new v1 | in_git image new
git -C "$W" rm -q --cached image/old.yaml && rm "$W/image/old.yaml"
for name in crash noready; do deployment $name "${name}1" | in_git $name web; done
for name in twice gate kept report; do deployment $name bad1 | in_git $name web; done
gate | in_git gate gate
statefulset db bad1 | in_git db db
configmap waves v2 1 | in_git waves config
deployment waves bad1 2 | in_git waves web
configmap waves-late v1 3 | in_git waves late
configmap refused v2 | in_git refused config
deployment Refused v1 | in_git refused web
silent | in_git silent webhook
BAD=$(commit shop "bad in many ways")
wait_until 20 "the bad Deployment" image_is image bad1
for name in image crash noready waves twice refused silent gate db; do
	pinned "$name"
	app_is "$name" "\$s.sync.status == \"OutOfSync\" and \$s.sync.revision == \"$BAD\" and
		\$d.target.revision == \"$GOOD\" and \$d.rejected.revision == \"$BAD\"" ||
		fail "status of $name: $(cat "$T/is.json")"
done
for name in image crash noready waves twice; do
	image_is $name v1 || fail "$name runs $(image_of $name)"
	app_is $name '$s.health.status == "Healthy"' || fail "health of $name"
done
assert_eq "$BAD" "$(git -C "$T/repos/shop.git" rev-parse main)" "Git's head"

it "each for its own reason"
reason() { app_is "$1" "\$d.rejected.reason | contains(\"$2\")" || fail "$1: $(jq -r .status.syncd.rejected.reason "$T/is.json")"; }
reason image 'Deployment/'
reason image ImagePullBackOff
reason crash CrashLoopBackOff
reason noready progress
reason waves ImagePullBackOff
reason refused Refused
reason silent 'failed calling webhook \"silent.example.com\"'
gone validatingwebhookconfiguration silent-$$ || fail "the webhook that does not answer is still there"

it "a revert deletes what the bad release created, and nothing else"
wait_until 10 "the end of image-new" gone configmap image-new
assert_eq stays "$(field configmap image-old .data.key -n "$NS")" "what the bad release left out"
assert_eq "$UID_IMAGE" "$(uid_of deployment image)" "the Deployment is the same object"
assert_eq 3 "$(field deployment image .status.availableReplicas -n "$NS")" "replicas"

it "waves before the bad one go back, waves after it never came"
assert_eq v1 "$(field configmap waves .data.key -n "$NS")" "the ConfigMap of wave 1"
gone configmap waves-late || fail "wave 3 was applied"
refute_contains "$(cat "$T/syncd.log")" "waves-late" "the log"

it "what stands in the way of a revert goes first"
image_is gate v1 || fail "gate runs $(image_of gate)"
app_is gate '$s.health.status == "Healthy"' || fail "health of gate"
for kind in validatingadmissionpolicy validatingadmissionpolicybinding validatingwebhookconfiguration; do
	gone $kind gate-$$ || fail "the $kind of the bad release is still there"
done

it "a StatefulSet that waits for a bad pod gets a new one"
app_is db '$s.health.status == "Healthy"' || fail "health of db: $(kc get pods -n "$NS")"
for pod in db-0 db-1; do
	assert_eq registry.example.com/db:v1 "$(field pod $pod '.spec.containers[0].image' -n "$NS")" "the image of $pod"
done
assert_eq "$UID_DB" "$(uid_of pod db-0)" "the pod that was well"
logged 'deleted pod .*/db-1 of the failed revision' || fail "the log does not say so"

it "a refusal before the first change changes nothing"
assert_eq v1 "$(field configmap refused .data.key -n "$NS")" "the ConfigMap"

it "people are told why and what to do next"
OUTPUT=$(syncctl status image)
assert_contains "$OUTPUT" "image is pinned to release #1 (${GOOD:0:7}" "the headline"
assert_contains "$OUTPUT" "Git wants ${BAD:0:7}" "what Git wants"
assert_contains "$OUTPUT" "Why it is pinned" "the story"
assert_contains "$OUTPUT" ImagePullBackOff "the reason"
assert_contains "$OUTPUT" "git revert $BAD  or a fix: push it" "the next step"
assert_contains "$OUTPUT" "syncctl retry image" "the next step"
assert_contains "$(syncctl status)" "✗ Pinned" "the fleet"
assert_contains "$(syncctl history image)" "#2   rejected" "the history"
events() { kc get events -n "$APPS" -o json | jq -r '.items[] | select(.involvedObject.name == "image") | .reason + " " + .message'; }
wait_until 10 "the events" eval 'events | grep -q "^Reverted .*ImagePullBackOff"'
assert_contains "$(events)" "Rejected release #2" "the events"
app_is image '[$s.conditions[] | select(.message | contains("ImagePullBackOff"))] | length > 0' || fail "no condition: $(cat "$T/is.json")"
app_is image '$d.pin.by == "auto-revert" and $d.pin.rejected == 2' || fail "the pin: $(cat "$T/is.json")"
logged 'reverted to release #1.*syncd-revert/image"' || fail "the log does not say so"
assert_exit 1 syncctl wait image --good --timeout 3s

it "auto-revert: false and report leave it as it is and say so"
for name in kept report; do
	wait_until 20 "the failure of $name" app_is $name '$d.phase == "Failed"'
	image_is $name bad1 || fail "$name runs $(image_of $name)"
	assert_contains "$(syncctl status $name)" ImagePullBackOff "the status of $name"
done
logged 'auto-revert would go back to release #1' || fail "the log does not say so"
assert_eq 'report #2 #1' "$(syncctl report -o json | jq -r '.[] | "\(.application) #\(.release) #\(.wouldRevertTo)"')" "the report"
assert_contains "$(syncctl report)" "report only reports: the annotation" "who only reports"

it "pinned is healed to the good release, without Git too"
git_server_stop
kc scale deployment image -n "$NS" --replicas 5 >/dev/null
wait_until 10 "the heal" field_is 3 deployment image .spec.replicas -n "$NS"
image_is image v1 || fail "it runs $(image_of image)"
git_server >/dev/null

it "a rejected release is not tried again by itself"
never 4 "image is tried again" image_is image bad1
configmap other v1 | in_git other config
OTHER=$(commit shop "something else")
wait_until 20 "the new head" app_is image "\$s.sync.revision == \"$OTHER\""
never 3 "image is tried again" image_is image bad1
app_is image '$d.phase == "Pinned"' || fail "no longer pinned"

it "a second bad release on top of the first goes back to the good one, Git stopped"
deployment twice bad2 | in_git twice web
TWICE=$(commit shop "worse")
wait_until 20 "the second bad release" image_is twice bad2
git_server_stop
wait_until 20 "the second revert" app_is twice "\$d.phase == \"Pinned\" and \$d.rejected.revision == \"$TWICE\""
image_is twice v1 || fail "it runs $(image_of twice)"
assert_eq "rejected rejected good" "$(kc get app twice -n "$APPS" -o json | jq -r '[.status.syncd.releases[].state] | join(" ")')" "releases"
git_server >/dev/null

it "a git revert clears the pin, nothing is applied for it"
wait_until 20 "Git's answer" app_is image "\$s.sync.revision == \"$TWICE\""
sleep 1
APPLIES=$(metric syncd_applies_total)
git -C "$W" revert --no-edit "$TWICE" "$OTHER" "$BAD" >/dev/null
BACK=$(commit shop "and back")
for name in image waves twice refused crash noready; do
	good $name "$BACK"
	app_is $name '$d.pin == null and $d.rejected == null' || fail "$name is still pinned: $(cat "$T/is.json")"
done
wait_until 20 "kept and report to go back" eval 'image_is kept v1 && image_is report v1'
good kept "$BACK"
good report "$BACK"
assert_eq 2 $(($(metric syncd_applies_total) - APPLIES)) "objects applied: those of kept and report"

it "the same bad commit again stays rejected"
deployment image bad1 0 3 | in_git image web
configmap image-new v1 | in_git image new
git -C "$W" rm -q image/old.yaml
AGAIN=$(commit shop "once more")
wait_until 20 "the new head" app_is image "\$s.sync.revision == \"$AGAIN\" and \$s.sync.status == \"OutOfSync\""
never 4 "image is tried again" image_is image bad1
assert_contains "$(syncctl status image)" ImagePullBackOff "why it is not applied"

it "a person's sync of it is obeyed once, and put back"
assert_exit 1 syncctl sync image
assert_contains "$OUTPUT" ImagePullBackOff "the failure"
pinned image
image_is image v1 || fail "it runs $(image_of image)"

it "a good commit is promoted, and what left Git is pruned then"
deployment image v2 0 3 | in_git image web
deployment first v2 | in_git first web
FIXED=$(commit shop "mended")
good image "$FIXED"
good first "$FIXED"
image_is image v2 || fail "it runs $(image_of image)"
wait_until 10 "the prune" gone configmap image-old
assert_eq v1 "$(field configmap image-new .data.key -n "$NS")" "the new ConfigMap"
app_is image '$d.pin == null and $s.sync.status == "Synced" and $s.health.status == "Healthy"' || fail "$(cat "$T/is.json")"

it "a CRD version that is not served any more blocks the revert, and syncd says what to do"
pumps v1:true | in_git pumps crd
pump v1 | in_git pumps pump
deployment pumps v1 | in_git pumps web
COMMIT=$(commit shop "pumps")
app pumps "$URL" pumps "$NS"
good pumps "$COMMIT"
pumps v1:false v2:true | in_git pumps crd
pump v2 | in_git pumps pump
deployment pumps crash2 | in_git pumps web
commit shop "newer pumps, and a crash" >/dev/null
wait_until 40 "the blocked revert" app_is pumps '$d.phase == "RevertBlocked"'
assert_contains "$(syncctl status pumps)" "is no longer served" "the status"
assert_eq '["v1","v2"]' "$(kc get crd "pumps.$GROUP" -o json | jq -c '[.spec.versions[].name]')" "the CRD's versions"
deployment pumps v3 | in_git pumps web
good pumps "$(commit shop "mended pumps")"

it "a kind that is gone holds up nothing else of a revert"
pump v2 lone | in_git lone pump
deployment lone v1 2 | in_git lone web
COMMIT=$(commit shop "a pump without its CRD")
app lone "$URL" lone "$NS"
good lone "$COMMIT"
assert_exit 0 syncctl suspend pumps --reason "its CRD goes"
deployment lone crash2 2 | in_git lone web
commit shop "a crash" >/dev/null
wait_until 20 "the bad Deployment" image_is lone crash2
kc delete crd "pumps.$GROUP" --timeout 20s >/dev/null
pinned lone
image_is lone v1 || fail "lone runs $(image_of lone)"
wait_until 30 "what it lacks" app_is lone '[$s.conditions[]? | select(.type == "SyncError" and (.message | contains("does not serve kind Pump")))] | length == 1'
assert_contains "$(syncctl status lone)" "does not serve kind Pump" "the status"
syncd_stop
kc delete crd "pumps.$GROUP" --wait=false --ignore-not-found >/dev/null
