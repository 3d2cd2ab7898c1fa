#!/usr/bin/env bash
# The demo's whole story, on the cluster that is already there, told by the release
# build: what is optimised and hardened can end where the sanitizers see nothing.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$ROOT/build/release/syncd" ] || "$ROOT/dev" build release >"$T/build.log" 2>&1 || {
	tail -n 20 "$T/build.log"
	exit 1
}
BIN=$ROOT/build/release

it "tells its story to the end and leaves nothing behind"
wait_until 60 "end of an earlier script's CRDs and namespaces" bash -c \
	'! kubectl get crd certificates.cert-manager.io dbupgrades.dbupgrade.example.com -o name 2>/dev/null | grep . &&
	 ! kubectl get namespace dbupgrade-system argocd -o name 2>/dev/null | grep .'
BIN=$BIN timeout 400 "$ROOT/tests/demo/demo" --auto --use-current-cluster --yes | tee "$T/out"
assert_eq "demo: ok" "$(tail -n 1 "$T/out")" "the last line"
wait_until 60 "end of its namespaces" bash -c \
	'! kubectl get namespace dbupgrade-system syncd-demo -o name 2>/dev/null | grep .'
assert_eq "" "$(kc get crd -o name | grep -E 'cert-manager|dbupgrade' || true)" "CRDs left behind"
assert_eq "" "$(find "$(runtime_dir)" -maxdepth 1 -name 'syncd-demo-*')" "folders left behind"

it "tells the story of gates, and leaves nothing behind"
BIN=$BIN timeout 400 "$ROOT/tests/demo/demo" --story gates --auto --use-current-cluster --yes | tee "$T/out"
assert_eq "demo: ok" "$(tail -n 1 "$T/out")" "the last line"
wait_until 60 "end of its namespaces" bash -c \
	'! kubectl get namespace shop-prod vault syncd-demo -o name 2>/dev/null | grep .'
assert_eq "" "$(kc get validatingadmissionpolicy,clusterrole -o name | grep -E 'syncd-approv' || true)" "what is left of the approvals"
assert_eq "" "$(find "$(runtime_dir)" -maxdepth 1 -name 'syncd-demo-*')" "folders left behind"

it "refuses a cluster where someone's cert-manager is"
kc apply --server-side -f "$ROOT/tests/demo/cert-manager-crd.yaml" >/dev/null
assert_exit 1 env BIN="$BIN" "$ROOT/tests/demo/demo" --auto --use-current-cluster --yes
assert_contains "$OUTPUT" "cert-manager is installed" "the refusal"
kc delete -f "$ROOT/tests/demo/cert-manager-crd.yaml" >/dev/null

it "asks before it uses a cluster"
assert_exit 1 env BIN="$BIN" "$ROOT/tests/demo/demo" --use-current-cluster </dev/null
assert_contains "$OUTPUT" "--yes" "the answer"
