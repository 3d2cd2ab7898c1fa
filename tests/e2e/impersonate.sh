#!/usr/bin/env bash
# A project that names a service account: its applications are written as that account and
# with its rights alone, on a real API server. syncd runs with the rights of
# manifests/impersonation: it may write nothing of theirs itself.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=impersonate-$$
W=$TREES/shop
ME=acts-$$ # of the roles, which are the cluster's
USER_NAME=system:serviceaccount:$NS:deployer
value_is() { field_is "$1" configmap "${2:-shop}" .data.key -n "$NS"; }
says() { # TYPE WORDS: a condition
	app_is shop "(\$s.conditions // []) | any(.type == \"$1\" and (.message | contains(\"$2\")))"
}
project() { # NAMESPACE ACCOUNT
	jq -n --arg ns "$APPS" --arg at "$1" --arg account "$2" '{apiVersion: "argoproj.io/v1alpha1", kind: "AppProject",
		metadata: {name: "team", namespace: $ns}, spec: {sourceRepos: ["*"],
		destinations: [{server: "*", namespace: "*"}], clusterResourceWhitelist: [{group: "*", kind: "*"}],
		destinationServiceAccounts: [{server: "https://kubernetes.default.svc", namespace: $at, defaultServiceAccount: $account}]}}' |
		kc apply --server-side --force-conflicts -f - >/dev/null
}
# The rights of our manifests, for a syncd in this script's namespace.
rights() {
	cat "$ROOT/manifests/install/rbac.yaml" <(printf -- '---\n') "$ROOT/manifests/impersonation/rbac.yaml" |
		sed "s/name: syncd\$/name: $ME/; s/name: syncd-impersonate/name: $ME-act/; s/: syncd-system/: $APPS/"
}
drop_rights() {
	rights | kc delete --ignore-not-found -f - >/dev/null 2>&1
	kc delete --ignore-not-found clusterrole/"$ME-csr" clusterrolebinding/"$ME-csr" csr/"$NS" >/dev/null 2>&1
}
answer() { return "$1"; }
trap 'rc=$?; set +e; drop_rights; answer $rc; cleanup' EXIT

namespace "$NS"
namespace "$APPS"
repo shop
git_server
kc create serviceaccount "$ME" -n "$APPS" >/dev/null
kc create serviceaccount deployer -n "$NS" >/dev/null
rights | kc apply -f - >/dev/null
kubeconfig_of "$ME" "$APPS" "$T/kubeconfig"
# syncd gets that token from a credential plugin, whose answers are soon over.
write "$T/plugin" <<-'END'
	#!/bin/sh
	echo "$KUBERNETES_EXEC_INFO" >>"$0.runs"
	printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{
		"token":"%s","expirationTimestamp":"%s"}}' "$(cat "${0%plugin}kubeconfig.token")" \
		"$(date -u -d '+62 seconds' +%Y-%m-%dT%H:%M:%SZ)"
END
chmod +x "$T/plugin"
sed -i 's|user: {tokenFile.*}}\]|user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, interactiveMode: Never}}}]|' \
	"$T/kubeconfig"
install_crds
project "$NS" deployer
configmap shop one | write "$W/shop/all.yaml"
COMMIT=$(commit shop one)
SYNCD_UNDER=(env "KUBECONFIG=$T/kubeconfig")
syncd_start --poll-interval 1s

it "an account without rights writes nothing, and the server's words are told"
app shop "$GIT_URL/shop.git" shop "$NS" '.spec.project = "team"'
wait_until 30 "the condition" says SyncError "User \\\"$USER_NAME\\\" cannot patch resource \\\"configmaps\\\""
never 2 "written" value_is one

it "with the right to do it, it is done"
kc create role deployer -n "$NS" --verb get,create,patch,delete --resource configmaps >/dev/null
kc create rolebinding deployer -n "$NS" --role deployer --serviceaccount "$NS:deployer" >/dev/null
syncctl retry shop >/dev/null # it would be by itself, a first release, but later and later
good shop "$COMMIT" 60
value_is one
assert_eq no "$(kc auth can-i create configmaps -n "$NS" --as "system:serviceaccount:$APPS:$ME" 2>/dev/null || true)" "may syncd write it itself?"

it "drift is healed and what left Git is pruned as the account"
kc patch configmap shop -n "$NS" --type merge -p '{"data":{"key":"hand"}}' >/dev/null
wait_until 30 "healed" value_is one
{ configmap shop one; printf -- '---\n'; configmap more one; } | write "$W/shop/all.yaml"
good shop "$(commit shop more)"
configmap shop two | write "$W/shop/all.yaml"
good shop "$(commit shop less)"
wait_until 30 "pruned" field_is "" configmap more .data.key -n "$NS"
value_is two

it "what the account may not write stops the release before anything is written"
{ configmap shop three; printf -- '---\n'; deployment web v1; } | write "$W/shop/all.yaml"
commit shop three >/dev/null
wait_until 30 "the condition" says SyncError "User \\\"$USER_NAME\\\" cannot patch resource \\\"deployments\\\""
never 2 "half a release" value_is three

it "the API server saw the account, not syncd"
openssl req -new -newkey rsa:2048 -nodes -keyout /dev/null -subj "/CN=$NS" -out "$T/csr.pem" 2>/dev/null
kc create clusterrole "$ME-csr" --verb get,create,patch,delete --resource certificatesigningrequests.certificates.k8s.io >/dev/null
kc create clusterrolebinding "$ME-csr" --clusterrole "$ME-csr" --serviceaccount "$NS:deployer" >/dev/null
{ configmap shop four; printf -- '---\n'; cat <<-END; } | write "$W/shop/all.yaml"
	apiVersion: certificates.k8s.io/v1
	kind: CertificateSigningRequest
	metadata: {name: $NS, annotations: {argocd.argoproj.io/sync-options: Delete=false}}
	spec: {signerName: kubernetes.io/kube-apiserver-client, usages: [client auth], request: $(base64 -w0 "$T/csr.pem")}
END
good shop "$(commit shop four)" 60
assert_eq "$USER_NAME" "$(field csr "$NS" .spec.username)" "who made it"

it "a Secret's refusal names who may not, and no value"
{ configmap shop five; printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: {name: coffer}\nstringData: {key: c4n4ry}\n'; } | write "$W/shop/all.yaml"
commit shop five >/dev/null
wait_until 30 "the condition" says SyncError "User \\\"$USER_NAME\\\" cannot patch resource \\\"secrets\\\""
refute_contains "$(kc get app shop -n "$APPS" -o json)" c4n4ry "the Application"
refute_contains "$(cat "$T/syncd.log")" c4n4ry "the log"

it "without the right to act as it, the way out is told"
kc delete clusterrolebinding "$ME-act" >/dev/null
configmap shop six | write "$W/shop/all.yaml"
commit shop six >/dev/null
wait_until 30 "the condition" says SyncError "cannot impersonate resource \\\"serviceaccounts\\\""
wait_until 10 "what to do" says SyncError "manifests/impersonation"
never 2 "written" value_is six
rights | kc apply -f - >/dev/null
configmap shop seven | write "$W/shop/all.yaml"
good shop "$(commit shop seven)" 60

it "a project that names no account for the namespace lets nothing out"
project other deployer
wait_until 20 "the condition" says InvalidSpecError "AppProject team does not say as which service account namespace \\\"$NS\\\""
configmap shop eight | write "$W/shop/all.yaml"
commit shop eight >/dev/null
never 3 "written" value_is eight
project '*' deployer
wait_until 60 "the release" value_is eight

it "the credential plugin was run again before its answer was over, and serves syncctl as well"
ran_again() { [ "$(wc -l <"$T/plugin.runs")" -ge 2 ]; }
wait_until 60 "another run" ran_again
assert_contains "$(head -1 "$T/plugin.runs")" '"interactive":false' "what it is told"
assert_exit 0 "$BIN/syncctl" list -n "$APPS" --kubeconfig "$T/kubeconfig"
assert_contains "$OUTPUT" "shop" "the list"
