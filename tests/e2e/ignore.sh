#!/usr/bin/env bash
# What others decide: fields named in ignoreDifferences, replicas of an autoscaler,
# injected containers and certificates, aggregated rules, values that the API server
# writes in its own way. None of it is drift, and none of it is undone.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=ignore-$$
W=$TREES/shop

in_git() { write "$W/$1.yaml"; }
push() {
	COMMIT=$(commit shop "$2")
	kc get app "$1" -n "$APPS" >/dev/null 2>&1 || return 0
	kc annotate app "$1" -n "$APPS" --overwrite argocd.argoproj.io/refresh=normal >/dev/null
}
replicas_are() { field_is "$2" deployment "$1" .spec.replicas -n "$NS"; }
scale() { kc scale deployment "$1" -n "$NS" --replicas "$2" >/dev/null; }
image_is() { field_is "registry.example.com/$1:$2" deployment "$1" '.spec.template.spec.containers[?(@.name=="main")].image' -n "$NS"; }
# owner MANAGER DEPLOYMENT: does it own spec.replicas?
owns_replicas() {
	kc get deployment "$2" -n "$NS" -o json --show-managed-fields |
		jq -e --arg m "$1" '[.metadata.managedFields[] | select(.manager == $m) | .fieldsV1["f:spec"] // {} | has("f:replicas")] | any' >/dev/null
}
# quiet SECONDS APP: Synced, and nothing is written all that time.
quiet() {
	local before
	wait_until 20 "Synced $2" app_is "$2" '$s.sync.status == "Synced" and $d.phase == "Good"'
	sleep 2 # the status is written at most once a second
	before=$(writes)
	never "$1" "$2 is not Synced" eval "! app_is $2 '\$s.sync.status == \"Synced\"'"
	assert_eq "$before" "$(writes)" "writes"
}
IGNORE_REPLICAS='.spec.ignoreDifferences = [{group: "apps", kind: "Deploy*", jsonPointers: ["/spec/replicas"]}]'

namespace "$NS"
printf '%s\n' "$NS-made" >>"$T/namespaces"
repo shop
git_server
URL=$GIT_URL/shop.git
syncd_start --poll-interval 1h --soak 1s

it "an ignored field is no drift; its neighbours are"
deployment lax v1 0 2 | in_git lax/web
push lax one
app lax "$URL" lax "$NS" "$IGNORE_REPLICAS"
good lax "$COMMIT"
scale lax 4
quiet 4 lax
replicas_are lax 4 || fail "it was undone"
kc set image deployment/lax main=evil:v9 -n "$NS" >/dev/null
wait_until 15 "the image" image_is lax v1

it "without RespectIgnoreDifferences a sync applies Git's value, with it the live one stays"
scale lax 4
deployment lax v2 0 2 | in_git lax/web
push lax two
good lax "$COMMIT"
image_is lax v2 || fail "the image"
replicas_are lax 2 || fail "Git's value"
deployment strict v1 0 2 | in_git strict/web
push strict one
app strict "$URL" strict "$NS" "$IGNORE_REPLICAS"' | .spec.syncPolicy.syncOptions = ["RespectIgnoreDifferences=true"]'
good strict "$COMMIT"
replicas_are strict 2 || fail "the value that it begins with"
scale strict 5
deployment strict v2 0 2 | in_git strict/web
push strict two
good strict "$COMMIT"
image_is strict v2 || fail "the image"
replicas_are strict 5 || fail "the live value"
deployment strict v3 0 3 | in_git strict/web
push strict three
good strict "$COMMIT"
replicas_are strict 5 || fail "the live value, changed in Git"

it "a value that is ours is handed over before it is left alone"
deployment given v1 0 3 | in_git given/web
push given one
app given "$URL" given "$NS" "$IGNORE_REPLICAS"' | .spec.syncPolicy.syncOptions = ["RespectIgnoreDifferences=true"]'
good given "$COMMIT"
owns_replicas syncd given || fail "not ours to begin with"
deployment given v2 0 3 | in_git given/web
push given two
good given "$COMMIT"
replicas_are given 3 || fail "dropped"
owns_replicas syncd-handover given || fail "not handed over"
! owns_replicas syncd given || fail "still ours"

it "fields of a manager that is trusted"
deployment trusted v1 0 1 | in_git trusted/web
push trusted one
app trusted "$URL" trusted "$NS" '.spec.ignoreDifferences = [{group: "*", kind: "*", managedFieldsManagers: ["tuner"]}]'
good trusted "$COMMIT"
kc patch deployment trusted -n "$NS" --field-manager tuner --type merge -p '{"spec":{"replicas":3}}' >/dev/null
quiet 4 trusted
replicas_are trusted 3 || fail "it was undone"
kc set image deployment/trusted main=evil:v9 -n "$NS" --field-manager other >/dev/null
wait_until 15 "the image" image_is trusted v1

it "a rule that is written when the drift is there"
deployment late v1 0 1 | in_git late/web
push late one
app late "$URL" late "$NS" '.spec.syncPolicy.automated.selfHeal = false'
good late "$COMMIT"
scale late 3
wait_until 15 "the drift" app_is late '$s.sync.status == "OutOfSync"'
app late "$URL" late "$NS" '.spec.syncPolicy.automated.selfHeal = false | '"$IGNORE_REPLICAS"
good late "$COMMIT"
replicas_are late 3 || fail "it was undone"
app late "$URL" late "$NS"
wait_until 20 "Git's value, when the rule is gone" replicas_are late 1

it "replicas that leave Git while an autoscaler sets them stay as they are"
hpa() {
	cat <<-END
		apiVersion: autoscaling/v2
		kind: HorizontalPodAutoscaler
		metadata: {name: $1}
		spec:
		  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: $1}
		  maxReplicas: 9
		  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]
	END
}
for name in with without outside; do deployment $name v1 0 4 | in_git scaled/$name; done
push scaled one
app scaled "$URL" scaled "$NS"
good scaled "$COMMIT"
hpa outside | kc apply -n "$NS" -f - >/dev/null
hpa with | in_git scaled/hpa
for name in with without outside; do sed -i /replicas:/d "$W/scaled/$name.yaml"; done
push scaled two
wait_until 30 "the new revision" app_is scaled "\$s.sync.revision == \"$COMMIT\" and \$d.phase == \"Good\""
replicas_are with 4 || fail "an autoscaler of the same commit"
replicas_are outside 4 || fail "an autoscaler from elsewhere"
replicas_are without 1 || fail "nobody's"
scale with 6
never 3 "it was undone" eval '! replicas_are with 6'

it "injected containers, certificates and aggregated rules are left alone"
deployment injected v1 | in_git others/web
write "$W/others/rest.yaml" <<-END
	apiVersion: admissionregistration.k8s.io/v1
	kind: ValidatingWebhookConfiguration
	metadata: {name: $NS-hook}
	webhooks:
	- name: hook.example.com
	  clientConfig: {service: {name: none, namespace: $NS}}
	  rules: [{apiGroups: [none.example.com], apiVersions: [v1], operations: [CREATE], resources: [nones]}]
	  sideEffects: None
	  failurePolicy: Ignore
	  admissionReviewVersions: [v1]
	---
	apiVersion: rbac.authorization.k8s.io/v1
	kind: ClusterRole
	metadata: {name: $NS-all}
	aggregationRule: {clusterRoleSelectors: [{matchLabels: {gather: $NS}}]}
	rules: []
	---
	apiVersion: rbac.authorization.k8s.io/v1
	kind: ClusterRole
	metadata: {name: $NS-part, labels: {gather: $NS}}
	rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
END
push others one
app others "$URL" others "$NS" '.metadata.annotations = {"syncd.dev/wave-deadline": "10s"}'
wait_until 40 "good" app_is others '$d.phase == "Good"'
wait_until 20 "the gathered rules" field_is pods clusterrole "$NS-all" '.rules[0].resources[0]'
kc patch deployment injected -n "$NS" --field-manager injector -p '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"registry.example.com/side:v1"}]}}}}' >/dev/null
kc patch validatingwebhookconfiguration "$NS-hook" --field-manager cert-manager --type json \
	-p '[{"op":"add","path":"/webhooks/0/clientConfig/caBundle","value":"'"$(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null -subj /CN=ca -days 1 2>/dev/null | base64 -w0)"'"}]' >/dev/null
quiet 5 others
field_is side deployment injected '.spec.template.spec.containers[?(@.name=="side")].name' -n "$NS" || fail "the sidecar"
[ "$(field validatingwebhookconfiguration "$NS-hook" '.webhooks[0].clientConfig.caBundle')" ] || fail "the certificate"
deployment injected v2 | in_git others/web
sed -i 's/verbs: \[get\]/verbs: [get, list]/' "$W/others/rest.yaml"
push others two
wait_until 40 "the change" image_is injected v2
quiet 3 others
field_is side deployment injected '.spec.template.spec.containers[?(@.name=="side")].name' -n "$NS" || fail "the sidecar after a change"
wait_until 10 "the gathered rules" field_is list clusterrole "$NS-all" '.rules[0].verbs[1]'
kc delete validatingwebhookconfiguration "$NS-hook" >/dev/null
kc delete clusterrole "$NS-all" "$NS-part" >/dev/null

it "paths of jq are ignored, what lies beside them is not"
deployment paths v1 0 2 | in_git paths/web
push paths one
app paths "$URL" paths "$NS" '.spec.ignoreDifferences = [{group: "apps", kind: "Deployment", jqPathExpressions:
	[".spec.template.spec.containers[] | select(.name == \"main\") | .image", ".spec.template.metadata.annotations[\"a/b\"]"]}] | .spec.syncPolicy.syncOptions = ["RespectIgnoreDifferences=true"]'
good paths "$COMMIT"
kc set image deployment/paths main=registry.example.com/paths:v9 -n "$NS" >/dev/null
quiet 4 paths
image_is paths v9 || fail "it was undone"
scale paths 3
wait_until 15 "the replicas of Git" replicas_are paths 2
image_is paths v9 || fail "the image was undone with the replicas"

it "of jq more than paths is refused, with what to write instead"
app jq "$URL" lax "$NS" '.spec.ignoreDifferences = [{group: "apps", kind: "Deployment", jqPathExpressions: [".spec | keys"]}]'
wait_until 15 "the condition" app_is jq '[$s.conditions[]? | select(.type == "InvalidSpecError") | .message | select(contains("jsonPointers"))] | length == 1'

it "unknown options are told, and block nothing"
configmap loose v1 | in_git loose/all
push loose one
app loose "$URL" loose "$NS" '.spec.syncPolicy.syncOptions = ["prune=false", "Fancy=true", "ServerSideApply=true"]'
good loose "$COMMIT"
app_is loose '[$s.conditions[]? | .message | select(contains("prune=false") and contains("Fancy=true"))] | length == 1' || fail "$(cat "$T/is.json")"

it "the namespace gets its labels, and loses them again; others' stay"
META='.spec.syncPolicy.syncOptions = ["CreateNamespace=true"] | .spec.syncPolicy.managedNamespaceMetadata = '
configmap inside v1 | in_git made/all
push made one
app made "$URL" made "$NS-made" "$META"'{labels: {team: "shop", old: "x"}, annotations: {note: "hello"}}'
good made "$COMMIT"
field_is shop namespace "$NS-made" .metadata.labels.team || fail "the label"
field_is hello namespace "$NS-made" .metadata.annotations.note || fail "the annotation"
kc label namespace "$NS-made" theirs=stays >/dev/null
app made "$URL" made "$NS-made" "$META"'{labels: {team: "other"}}'
wait_until 20 "the new label" field_is other namespace "$NS-made" .metadata.labels.team
field_is "" namespace "$NS-made" .metadata.labels.old || fail "what left the Application"
field_is stays namespace "$NS-made" .metadata.labels.theirs || fail "somebody else's"

it "an object that may be extraneous does not make it OutOfSync"
configmap stays v1 | sed 's|annotations: {|&argocd.argoproj.io/compare-options: IgnoreExtraneous, argocd.argoproj.io/sync-options: Prune=false, |' | in_git extra/stays
configmap other v1 | in_git extra/other
push extra one
app extra "$URL" extra "$NS"
good extra "$COMMIT"
git -C "$W" rm -q extra/stays.yaml
push extra two
good extra "$COMMIT"
field_is v1 configmap stays .data.key -n "$NS" || fail "it was pruned"
