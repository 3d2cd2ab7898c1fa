#!/usr/bin/env bash
# The example repository without syncd: it builds, a real API server takes all of
# it, its pods meet the restricted standard, the stand-in issuer does its part.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

demo=$ROOT/tests/demo
overlay=$demo/repo/apps/dbupgrade/overlays/us-east-1-prod
ns=dbupgrade-system

it "builds with the pinned kustomize"
kustomize build "$overlay" >"$T/all.yaml"
assert_eq 12 "$(grep -c '^kind:' "$T/all.yaml")" "objects"
grep -q 'image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/dbupgrade-operator:v1.0.0$' "$T/all.yaml" ||
	fail "the overlay's image is not in the Deployment"

it "uses every wave from -1 to 3"
assert_eq "-1 0 1 2 3" "$(sed -n 's/.*sync-wave: "\(.*\)"/\1/p' "$T/all.yaml" | sort -nu | xargs)" "waves"

it "is accepted whole by server-side apply"
printf '%s\n' $ns >>"$T/namespaces"
kc apply --server-side -f "$demo/cert-manager-crd.yaml" >/dev/null
kc wait --for condition=Established --timeout 15s -f "$demo/cert-manager-crd.yaml" >/dev/null
kc apply --server-side -f "$T/all.yaml" >/dev/null 2>"$T/warnings"
assert_eq "" "$(cat "$T/warnings")" "warnings (Pod Security among them)"
wait_until 20 "three ready pods" field_is 3 deployment dbupgrade-controller .status.readyReplicas -n $ns
assert_eq keep "$(field crd dbupgrades.dbupgrade.example.com '.metadata.annotations.helm\.sh/resource-policy')" "the CRD's keep policy"

it "has a certificate issued, once, and its CA in the webhook"
daemon_start "$T" issuer "$demo/issuer" --delay 1
ready='.status.conditions[?(@.type=="Ready")].status'
wait_until 20 "a Certificate that is being issued" field_is False certificate dbupgrade-webhook "$ready" -n $ns
wait_until 20 "a Ready Certificate" field_is True certificate dbupgrade-webhook "$ready" -n $ns
kc get secret dbupgrade-webhook-tls -n $ns -o json >"$T/secret"
jq -r '.data["ca.crt"]' "$T/secret" | base64 -d >"$T/ca.crt"
jq -r '.data["tls.crt"]' "$T/secret" | base64 -d >"$T/tls.crt"
openssl verify -CAfile "$T/ca.crt" -verify_hostname dbupgrade-webhook.$ns.svc "$T/tls.crt" >/dev/null
wait_until 10 "the CA bundle" field_is "$(base64 -w0 "$T/ca.crt")" \
	validatingwebhookconfiguration dbupgrade-validation '.webhooks[0].clientConfig.caBundle'
sleep 2
assert_eq 1 "$(grep -c issuing "$T/issuer.log")" "issues"

it "issues again for a Certificate of the same name that is new"
kc delete certificate dbupgrade-webhook -n $ns >/dev/null
kc apply --server-side -f "$T/all.yaml" >/dev/null
wait_until 20 "a Ready Certificate" field_is True certificate dbupgrade-webhook "$ready" -n $ns

it "refuses a DBUpgrade while its webhook cannot answer, and nothing else"
cat >"$T/dbu.yaml" <<-EOF
	apiVersion: dbupgrade.example.com/v1alpha1
	kind: DBUpgrade
	metadata: {name: orders, namespace: $ns}
	spec:
	  migrations: {image: "registry.example.com/orders-migrations:v1"}
	  database: {type: postgres, connection: {secretName: orders-db}}
EOF
assert_exit 1 kc apply --server-side -f "$T/dbu.yaml"
assert_contains "$OUTPUT" "dbupgrades.dbupgrade.example.com" "the refusal"
kc create configmap harmless -n $ns >/dev/null

it "stops without leaving a watch behind"
group=$(cut -d' ' -f1 <"$T/issuer.pid")
daemon_stop "$T" issuer
wait_until 5 "an empty process group" bash -c "! pgrep -g $group"

kc delete --wait=false -f "$T/all.yaml" -f "$demo/cert-manager-crd.yaml" >/dev/null
