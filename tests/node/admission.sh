#!/usr/bin/env bash
# The admission webhook as it is installed, unchanged: behind its ClusterIP, which kube-proxy
# hands on to three pods, with the certificate that their leader made. What it refuses, what
# it is never in the way of, and what is left while none of its pods is there.
# shellcheck source=tests/node/lib.sh
. "$(dirname "$0")/lib.sh"
WEBHOOK=syncd-webhook

application() { # NAME SPEC-JQ
	jq -n --arg name "$1" --arg ns "$APPS" '{apiVersion: "argoproj.io/v1alpha1", kind: "Application",
		metadata: {name: $name, namespace: $ns, labels: {"syncd.test/admission": "yes"}}, spec: {project: "default",
			source: {repoURL: "https://git.example.com/shop.git", path: "shop"},
			destination: {server: "https://kubernetes.default.svc", namespace: "shop"}}} | '"$2"
}
apply() { kc apply -f - >"$T/apply.out" 2>&1; }
taken() { application "$1" "${2:-.}" | apply; }
refused() { # WORDS NAME SPEC-JQ
	! taken "$2" "$3" || fail "accepted: $3"
	assert_contains "$(cat "$T/apply.out")" "$1" "the refusal of $3"
}
bundle() { field validatingwebhookconfiguration $WEBHOOK '.webhooks[0].clientConfig.caBundle'; }
announced() { [ -n "$(bundle)" ]; }
endpoints() { # the names of the pods that are ready behind it
	kc get endpointslices -n $SYSTEM -l kubernetes.io/service-name=$WEBHOOK -o json |
		jq -r '.items[].endpoints[]? | select(.conditions.ready) | .targetRef.name'
}
# endpoints_are N [OLD]: so many, none of them in the file OLD.
endpoints_are() { endpoints >"$T/endpoints"; [ "$(grep -cvxF -f "${2:-/dev/null}" "$T/endpoints")" = "$1" ]; }
# addresses: of those pods; the ones that an update took down are not among them.
addresses() {
	kc get endpointslices -n $SYSTEM -l kubernetes.io/service-name=$WEBHOOK -o json |
		jq -r '.items[].endpoints[]? | select(.conditions.ready) | .addresses[]'
}
replicas() { kc scale deployment syncd -n $SYSTEM --replicas "$1" >/dev/null; }
forget() { kc delete application,appproject -n $APPS -l syncd.test/admission=yes --ignore-not-found >/dev/null; }

it "three pods serve behind its ClusterIP, with a certificate of their leader's"
syncd_install
replicas 3
wait_until 120 "three endpoints" endpoints_are 3
wait_until 60 "caBundle" announced
assert_eq 3 "$(addresses | wc -l)" "their addresses"
[[ $(field service $WEBHOOK .spec.clusterIP -n $SYSTEM) == 10.96.* ]] || fail "it has no ClusterIP"
assert_eq "Fail 5 null" "$(kc get validatingwebhookconfiguration $WEBHOOK -o json |
	jq -r '.webhooks[0] | "\(.failurePolicy) \(.timeoutSeconds) \(.clientConfig.url)"')" "what is installed"
bundle | base64 -d >"$T/ca.pem"
SERVICE=$WEBHOOK.$SYSTEM.svc
for ip in $(addresses); do
	curl -sS -m 5 --cacert "$T/ca.pem" --resolve "$SERVICE:9443:$ip" -o /dev/null "https://$SERVICE:9443/" ||
		fail "the certificate of the pod at $ip"
done

it "what is wrong is refused by whichever pod is asked, what is right is taken"
wait_until 60 "review" taken good
for i in {1..3}; do
	refused 'spec.syncPolcy: is not a field: did you mean syncPolicy?' "bad-$i" '.spec.syncPolcy = {}'
done
refused 'metadata.annotations[syncd.dev/soak]: ' bad '.metadata.annotations = {"syncd.dev/soak": "2x"}'
refused 'spec.destination.server: other clusters are not supported' bad '.spec.destination.server = "https://10.0.0.1"'
refused 'spec.sourceRepo: is not a field: did you mean sourceRepos?' bad '.kind = "AppProject" | .spec = {sourceRepo: ["*"]}'
taken team '.kind = "AppProject" | .spec = {sourceRepos: ["*"]}' ||
	fail "a right AppProject: $(cat "$T/apply.out")"
# The API server keeps its connection to one of them: the others are asked as it would.
application bad '.spec.odd = 1' | jq '{apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request: {uid: "u", operation: "CREATE",
	kind: {group: "argoproj.io", version: "v1alpha1", kind: "Application"}, namespace: .metadata.namespace, name: .metadata.name, object: .}}' >"$T/review.json"
for ip in $(addresses); do
	curl -fsS -m 10 --cacert "$T/ca.pem" --resolve "$SERVICE:9443:$ip" -H 'Content-Type: application/json' \
		--data-binary "@$T/review.json" "https://$SERVICE:9443/validate" >"$T/answer.json"
	assert_contains "$(jq -r '"\(.response.uid) \(.response.allowed) \(.response.status.message)"' "$T/answer.json")" \
		'u false ' "the answer of the pod at $ip"
	assert_contains "$(cat "$T/answer.json")" 'spec.odd is not a field' "the answer of the pod at $ip"
done

it "while no pod of it is there nothing new is stored, and all else goes on"
replicas 0
wait_until 60 "the end of its pods" eval '[ -z "$(syncd_pods)" ]'
wait_until 30 "no endpoint" endpoints_are 0
for name in bad good-2; do
	! taken $name || fail "created without a check: $name"
	assert_contains "$(cat "$T/apply.out")" 'failed calling webhook "validate.syncd.dev"' "what a person sees"
done
kc annotate application good -n $APPS argocd.argoproj.io/refresh=normal >/dev/null
kc patch application good -n $APPS --type merge -p '{"status":{"sync":{"status":"Unknown"}}}' >/dev/null
kc patch application good -n $APPS --type merge -p '{"metadata":{"finalizers":["example.com/hold"]}}' >/dev/null
kc delete application good -n $APPS --wait=false >/dev/null
kc patch application good -n $APPS --type merge -p '{"metadata":{"finalizers":null}}' >/dev/null
assert_eq "" "$(field application good .metadata.name -n $APPS)" "the deleted Application"
kc delete appproject team -n $APPS >/dev/null
kc label namespace $APPS syncd.dev/admission=off >/dev/null
wait_until 30 "the way round it" taken pushed
kc label namespace $APPS syncd.dev/admission- >/dev/null

it "its pods come back by themselves, and so does the check"
OLD=$(bundle)
replicas 3 # nothing of ours refuses its own repair
wait_until 120 "an answer" taken good
refused 'is not a field' bad '.spec.odd = 1'
wait_until 120 "three endpoints" endpoints_are 3
cp "$T/endpoints" "$T/old"
kc delete pods -n $SYSTEM -l app.kubernetes.io/name=syncd --force --grace-period 0 >/dev/null 2>&1
wait_until 120 "three endpoints of new pods" endpoints_are 3 "$T/old"
wait_until 60 "an answer" taken good '.spec.project = "other"'
refused 'is not a field' bad '.spec.odd = 1'
assert_eq "$OLD" "$(bundle)" "the CA, which outlives its pods"
wait_until 120 "a leader" leader
forget
