#!/usr/bin/env bash
# The Kubernetes client against the real API server: tests/tools/kubeprobe.c says
# what is tried; here its answers are checked to be complete, and how it fails.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
needs kubeprobe

ns=e2e-kube-client
namespace $ns
probe=$BIN/tests/kubeprobe

it "does all that the client is for"
timeout 150 "$probe" $ns >"$T/probe.out" 2>"$T/probe.log" || fail "kubeprobe: $(tail -n 3 "$T/probe.log")"
for name in discovery discovery-etag dry-run apply-is-watched apply-twice apply-conflict terminal-500 \
	label-removed delete-wrong-uid delete-uid watch 300-applies streaming-list pages crd-discovered \
	lease-acquired lease-handed-over event event-series write-guard all; do
	grep -qx "ok $name" "$T/probe.out" || fail "no 'ok $name'"
done
grep applies "$T/probe.log"

it "left what it said on the server"
assert_eq 300 "$(kc get configmap -n $ns -l probe=many -o name | wc -l)" "ConfigMaps"
field_is "" lease probe .spec.holderIdentity -n $ns
assert_contains "$(kc get events -n $ns -o 'jsonpath={.items[*].message}')" "it was probed" "Event"

it "logs in with a token file, and says why it is refused"
kc create serviceaccount probe -n $ns >/dev/null
server=$(kc config view --raw --minify -o 'jsonpath={.clusters[0].cluster.server}')
ca=$(kc config view --raw --minify -o 'jsonpath={.clusters[0].cluster.certificate-authority-data}')
write "$T/sub/kubeconfig" <<EOF
current-context: t
contexts: [{name: t, context: {cluster: c, user: u, namespace: $ns}}]
clusters: [{name: c, cluster: {server: "$server", certificate-authority-data: $ca}}]
users: [{name: u, user: {tokenFile: token}}]
EOF
kc create token probe -n $ns >"$T/sub/token"
rc=0
OUT=$(KUBECONFIG=$T/sub/kubeconfig timeout 60 "$probe" $ns 2>&1) || rc=$?
assert_eq 1 $rc "a service account without rights"
assert_contains "$OUT" "ok discovery" "what everybody may"
assert_contains "$OUT" "system:serviceaccount:$ns:probe" "whom the server refuses"
echo wrong >"$T/sub/token"
rc=0
OUT=$(KUBECONFIG=$T/sub/kubeconfig timeout 60 "$probe" $ns 2>&1) || rc=$?
assert_eq 1 $rc "a wrong token"
assert_contains "$OUT" Unauthorized "the reason"
refute_contains "$OUT" "ok discovery" "what a wrong token may"

it "names the server that is not there"
write "$T/nowhere" <<EOF
current-context: t
contexts: [{name: t, context: {cluster: c}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:$(free_port)"}}]
EOF
rc=0
OUT=$(KUBECONFIG=$T/nowhere timeout 60 "$probe" $ns 2>&1) || rc=$?
assert_eq 1 $rc "no server"
assert_contains "$OUT" 127.0.0.1 "where it is not"
