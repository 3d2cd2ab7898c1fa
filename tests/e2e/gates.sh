#!/usr/bin/env bash
# deploy-control on a real API server: what a shut gate holds back and says, and who may
# let it out: the policy of manifests/approval, for people with and without the verbs.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
needs unzipped
NS=gates-$$

mkdir -p "$T/repos"
git_server
repo shop
URL=$GIT_URL/shop.git
W=$TREES/shop
namespace $NS

CONTROL=infra/deploy-control.yaml
# control PROD [GLOBAL]: the file; dev and test beside it have the same keys.
control() {
	write "$W/$CONTROL" <<-END
		global: {auto_deploy: ${2:-true}}
		environments:
		  dev: {enabled: true, auto_deploy: true, require_manual_approval: false}
		  test: {enabled: true, auto_deploy: false, require_manual_approval: false}
		  prod: {$1}
	END
}
gate_is() { app_is shop '$d.gates.shut[0].gate == "'"$1"'"'; }
no_gate() { app_is shop '$d.gates.shut == []'; }
says() { # TYPE WORDS: a condition
	app_is shop '[$s.conditions[]? | select(.type == "'"$1"'" and (.message | contains("'"$2"'")))] | length == 1'
}
held() { wait_until 30 "the condition" says GateClosedWarning "$1"; }
is_out() { field_is "$1" configmap web .data.key -n "$NS"; }
newest() { field app shop ".status.syncd.releases[0].$1" -n "$APPS"; }
event() { kc get events -n "$APPS" -o json | jq -e --arg r "$1" --arg m "$2" '[.items[] | select(.reason == $r and (.message | contains($m)))] | length == 1'; }

# service NAME VALUE: a ConfigMap of service db.
service() { configmap "$1" "$2" | sed 's/^metadata:/&\n  labels: {app: db}/' | write "$W/shop/$1.yaml"; }

# person NAME: a kubeconfig of theirs in $T/NAME; they may edit Applications.
person() {
	kc create serviceaccount "$1" -n "$APPS" >/dev/null
	kc create rolebinding "edits-$1" --role=edits --serviceaccount="$APPS:$1" -n "$APPS" >/dev/null
	kc config view --raw --minify --flatten -o json |
		jq --arg t "$(kc create token "$1" -n "$APPS")" '.users[0].user = {token: $t}' >"$T/$1"
}
as() { KUBECONFIG="$T/$1" timeout 120 "$BIN/syncctl" -n "$APPS" "${@:2}"; }

it "the gates open, a release goes out"
control "enabled: true, auto_deploy: true"
configmap web v1 | write "$W/shop/web.yaml"
service db v1
service db-old v1
C=$(commit shop "first")
syncd_start --poll-interval 1s --soak 1s
app shop "$URL" shop "$NS" '.metadata.annotations = {"syncd.dev/deploy-control": "'$CONTROL'", "syncd.dev/environment": "prod"}'
good shop "$C"
wait_until 30 "open gates" no_gate

it "a shut gate holds what is new, says so, and lets drift be healed"
control "enabled: false"
configmap web v2 | write "$W/shop/web.yaml"
C=$(commit shop "second")
held "environment prod is not enabled in $CONTROL"
gate_is enabled
kc patch configmap web -n "$NS" --type merge -p '{"data":{"key":"v7"}}' >/dev/null
wait_until 30 "the heal" is_out v1
assert_exit 1 syncctl sync shop
assert_contains "$OUTPUT" "is not enabled" "the refusal"
is_out v1

it "the kill switch, and a window with its next opening, are in status and conditions"
control "enabled: true" false
C=$(commit shop "stop all")
held "global.auto_deploy is false in $CONTROL"
DAY=$(TZ=UTC date -d '3 days' +%a)
OPENS=$(date -u -d '3 days' +%Y-%m-%dT09:00:00Z)
control "deployment_windows: {enabled: true, allowed_days: [$DAY], allowed_hours: \"09:00-16:00\"}"
C=$(commit shop "another day")
held "which opens at $OPENS"
gate_is window
app_is shop '$d.gates.shut[0].until == "'"$OPENS"'"'
assert_exit 0 syncctl status shop
assert_contains "$OUTPUT" "Shut gates of environment prod" "the story"
assert_contains "$OUTPUT" "$OPENS" "the story"

it "a file that cannot be read is said, and the last one stays in force"
control "enabled: maybe"
commit shop "a slip" >/dev/null
wait_until 30 "the condition" says DeployControlError "environments.prod.enabled must be true or false"
gate_is window
is_out v1
control "enabled: true, require_manual_approval: true"
C=$(commit shop "approve it")
held "waits for approval: syncctl approve shop $C"
gate_is approval

it "an approval without the policy is void"
DIGEST=$(field app shop .status.syncd.gates.digest -n "$APPS")
assert_exit 1 syncctl approve shop "$C"
assert_contains "$OUTPUT" "the policy syncd-approval is not in force; install manifests/approval" "what syncctl says"
assert_eq "" "$(kc get app shop -n "$APPS" -o json | jq -r '.metadata.annotations["syncd.dev/approved"] // ""')" "what it wrote"
kc annotate app shop -n "$APPS" syncd.dev/approved="$DIGEST" syncd.dev/approved-revision="$C" syncd.dev/approved-by=ada >/dev/null
wait_until 30 "the warning" says ApprovalWarning "manifests/approval"
is_out v1
kc apply -k "$ROOT/manifests/approval" >/dev/null

it "who may edit may not approve, and nobody in another's name"
kc create role edits --verb=get,list,watch,patch --resource=applications.argoproj.io -n "$APPS" >/dev/null
person bob
person ada
kc create rolebinding approves --clusterrole=syncd-approver --serviceaccount="$APPS:ada" -n "$APPS" >/dev/null
policy_holds() { ! kc annotate app shop -n "$APPS" --overwrite syncd.dev/approved-by=somebody --dry-run=server >/dev/null 2>&1; }
wait_until 60 "the policy" policy_holds
assert_exit 20 as bob approve shop "$C"
assert_contains "$OUTPUT" "needs the verb approve" "the refusal"
for revision in 0000000 "${C:0:8}" "${C:0:39}" "$C,$C,0000000"; do
	assert_exit 1 as ada approve shop "$revision"
	assert_contains "$OUTPUT" "syncctl approve shop $C" "what to type instead of $revision"
done
assert_exit 20 as bob sync shop --override "me too"
assert_contains "$OUTPUT" "needs the verb override" "the refusal"
is_out v1

it "what Git says approves and overrides nothing: not through the renderer, not in syncd's name"
OWN=system:serviceaccount:syncd-system:syncd
write "$W/parent/kid.yaml" <<-END
	apiVersion: argoproj.io/v1alpha1
	kind: Application
	metadata:
	  name: kid
	  annotations: {syncd.dev/approved: "$DIGEST", syncd.dev/approved-by: "$OWN", syncd.dev/approved-revision: "$C", kept: yes-it-is}
	spec: {project: default, source: {repoURL: "$URL", path: kid}, destination: {server: https://kubernetes.default.svc, namespace: $NS}}
	operation: {initiatedBy: {username: "$OWN"}, sync: {syncOptions: [syncd.dev/override=x]}}
END
configmap kid v1 | write "$W/kid/kid.yaml"
C=$(commit shop "an app of apps")
app parent "$URL" parent "$APPS"
wait_until 30 "the child" field_is yes-it-is app kid .metadata.annotations.kept -n "$APPS"
wait_until 30 "the warning" app_is parent '[$s.conditions[]? | select(.type == "ExcludedResourceWarning" and (.message | contains("Application kid: operation and annotations syncd.dev/approved* are left out")))] | length == 1'
field_is "" app kid '.metadata.annotations.syncd\.dev/approved' -n "$APPS"
field_is "" app kid .operation -n "$APPS"
kc create clusterrolebinding "own-$NS" --clusterrole=cluster-admin --serviceaccount=syncd-system:syncd >/dev/null
assert_exit 1 kc --as="$OWN" annotate app shop -n "$APPS" syncd.dev/approved="$DIGEST" syncd.dev/approved-by="$OWN" --overwrite
assert_contains "$OUTPUT" "neither approves nor overrides" "the refusal"
assert_exit 1 kc --as="$OWN" patch app shop -n "$APPS" --type merge -p '{"operation":{"initiatedBy":{"username":"'"$OWN"'"},"sync":{"syncOptions":["syncd.dev/override=x"]}}}'
assert_contains "$OUTPUT" "neither approves nor overrides" "the refusal"
kc delete clusterrolebinding "own-$NS" >/dev/null
is_out v1

it "an approval lets exactly that release out, and is in its history, an Event and the log"
assert_exit 0 as ada approve shop "$C" --until 1h --reason "seen in test"
wait_until 30 "v2" is_out v2
good shop "$C"
assert_eq "system:serviceaccount:$APPS:ada" "$(newest approvedBy)" "who"
assert_eq "seen in test" "$(newest approvedReason)" "why"
wait_until 30 "the Event" event Approved "$APPS:ada: seen in test"
logged "was approved by system:serviceaccount:$APPS:ada: seen in test" || fail "the log does not say who approved"
configmap web v3 | write "$W/shop/web.yaml"
C=$(commit shop "third")
held "waits for approval: syncctl approve shop $C"
is_out v2

it "an override passes the gate once, and is in history, an Event and the log"
assert_exit 0 as ada sync shop --override "the shop is down"
wait_until 30 "v3" is_out v3
good shop "$C"
assert_eq "approval: the shop is down" "$(newest overridden)" "what is kept"
wait_until 30 "the Event" event GateOverridden "approval: the shop is down"
logged "$APPS:ada passes a shut gate" || fail "the log does not say who passed a gate"
assert_exit 0 syncctl history shop
assert_contains "$OUTPUT" "the shop is down" "the history"
configmap web v4 | write "$W/shop/web.yaml"
C=$(commit shop "fourth")
held "waits for approval: syncctl approve shop $C"
never 1 "v4 went out" is_out v4
kc delete --wait=false -k "$ROOT/manifests/approval" >/dev/null

it "a service that is not enabled is left as it is, and the others go out"
control "enabled: true, services: {db: {enabled: false}}"
service db v2
service db-new v2
rm "$W/shop/db-old.yaml"
C=$(commit shop "fifth")
wait_until 30 "v4" is_out v4
wait_until 30 "the condition" says ServiceHeldWarning "service db is not enabled in $CONTROL"
wait_until 30 "good, and not all that Git says" app_is shop '$d.phase == "Good" and $s.sync.status == "OutOfSync" and $d.gates.held[0] == {service: "db", objects: 3}'
field_is v1 configmap db .data.key -n "$NS"
field_is v1 configmap db-old .data.key -n "$NS"
[ -z "$(kc get configmap db-new -n "$NS" --ignore-not-found -o name)" ] || fail "a held service got a new object"
assert_exit 0 syncctl status shop
assert_contains "$OUTPUT" "db" "the story"
control "enabled: true"
C=$(commit shop "sixth")
good shop "$C"
field_is v2 configmap db .data.key -n "$NS"
field_is v2 configmap db-new .data.key -n "$NS"
wait_until 30 "the prune" field_is "" configmap db-old .data.key -n "$NS"

# source KEY VALUE: the Secret that values are taken from.
source_secret() { kc create secret generic src -n "$NS" --from-literal="$1=$2" --dry-run=client -o yaml | kc apply -f - >/dev/null; }
password() { field secret db .data.password -n "$NS" | base64 -d; }
password_is() { [ "$(password)" = "$1" ]; }
pods_digest() { field deployment store '.spec.template.metadata.annotations.syncd\.dev/secrets-digest' -n "$NS"; }
coffer_says() { app_is coffer '[$s.conditions[]? | select(.type == "SecretSourceWarning" and (.message | contains("'"$1"'")))] | length == 1'; }
CANARY=canary-$RANDOM-$RANDOM

it "a Secret waits for the values that it takes from another, and nothing new goes out without them"
write "$W/coffer/db.yaml" <<-END
	apiVersion: v1
	kind: Secret
	metadata: {name: db, annotations: {syncd.dev/secret-from: src}}
	stringData: {user: shop, password: StrongBase64Password}
END
deployment store v1 | sed -e 's/^  annotations: {/&syncd.dev\/restart-on-secrets: "true", /' \
	-e 's/containers: \[{/&envFrom: [{secretRef: {name: db}}], /' | write "$W/coffer/store.yaml"
C=$(commit shop "a Secret")
source_secret user x
app coffer "$URL" coffer "$NS"
wait_until 30 "the condition" coffer_says "Secret $NS/db waits for Secret $NS/src: it has no key password"
assert_eq "" "$(kc get secret,deployment -n "$NS" -l syncd.dev/install -o name)" "what went out"
source_secret password "$CANARY-1"
good coffer "$C"
password_is "$CANARY-1"
assert_eq shop "$(field secret db .data.user -n "$NS" | base64 -d)" "what the manifest says itself"
DIGEST=$(pods_digest)
assert_eq 64 ${#DIGEST} "length of the pods' digest"

it "a rotation is a release, and rolls the pods that asked for it"
source_secret password "$CANARY-2"
wait_until 30 "the new value" password_is "$CANARY-2"
wait_until 30 "release 2" app_is coffer '$d.phase == "Good" and $d.target.id == 2 and $s.sync.status == "Synced"'
[ "$(pods_digest)" != "$DIGEST" ] || fail "the pods did not roll"
kc patch secret db -n "$NS" --type merge -p '{"stringData":{"password":"hand"}}' >/dev/null
wait_until 30 "the heal" password_is "$CANARY-2"

it "the values are in no log, status, Event, metric, diff or release"
kc get secret -n "$APPS" -o json | "$BIN/tests/unzipped" >"$T/kept" || fail "no Secrets"
grep -q -a -F "$(printf %s StrongBase64Password | base64)" "$T/kept" || fail "what the manifest says is not found in the releases either"
assert_exit 0 syncctl diff coffer
{
	cat "$T/syncd.log" "$T/kept"
	kc get app,events -n "$APPS" -o json
	curl -fsS "$METRICS/metrics"
	printf '%s\n' "$OUTPUT"
	syncctl status coffer
	syncctl history coffer -o wide
	syncctl diff coffer --release 1 || [ $? = 1 ] || fail "no diff"
	kc get deployment store -n "$NS" -o json
} >"$T/told" 2>&1
for secret in "$CANARY" "$(printf %s "$CANARY-1" | base64)" "$(printf %s "$CANARY-2" | base64)"; do
	! grep -q -a -F "$secret" "$T/told" || fail "a value is told: $(grep -a -F -m1 "$secret" "$T/told" | cut -c1-300)"
done
