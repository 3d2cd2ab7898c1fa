#!/usr/bin/env bash
# manifests/install and `syncctl install` give the same objects, as the API server reads
# them, and installing by syncctl works, again and beside Argo CD's CRDs.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

NS=syncd-system
ours() { "$BIN/syncctl" install "$@"; }

# typed FILE: its objects as the API server would make them, one a line, sorted.
typed() {
	kc apply --dry-run=server -o json -f "$1" | jq -cS '(.items[]? // .) | select(.kind != "List") |
		del(.metadata.uid, .metadata.creationTimestamp, .metadata.managedFields, .metadata.generation,
			.metadata.resourceVersion, .metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"], .status, .spec.clusterIP?, .spec.clusterIPs?)' | sort
}
take_away() { # what is in no namespace
	kubectl --request-timeout=20s delete --ignore-not-found clusterrole/syncd clusterrole/syncd-webhook \
		clusterrolebinding/syncd clusterrolebinding/syncd-webhook clusterrolebinding/syncd-applications \
		validatingwebhookconfiguration/syncd-webhook >/dev/null
}
webhook syncd-webhook
gone() { ! kc get "$@" -o name 2>/dev/null | grep -q .; }

wait_until 60 "end of an earlier install" gone namespace $NS
take_away
printf '%s\n' $NS >>"$T/namespaces"

it "the kustomizations and syncctl give the same bytes, the parts the same objects"
kc kustomize "$ROOT/manifests/crds" >"$T/crds.yaml"
kc kustomize "$ROOT/manifests/install" >"$T/install.yaml"
cmp "$T/crds.yaml" <(ours --print crds)
{ cat "$T/crds.yaml"; echo ---; cat "$T/install.yaml"; } | cmp - <(ours --print)
{ ours --print rbac; echo ---; ours --print deployment; } >"$T/ours.yaml"
kc create namespace $NS >/dev/null # a server's dry run wants it for what is inside
typed "$T/install.yaml" >"$T/a.json"
typed "$T/ours.yaml" >"$T/b.json"
[ "$(wc -l <"$T/a.json")" -gt 8 ] || fail "only $(wc -l <"$T/a.json") objects"
cmp -s "$T/a.json" "$T/b.json" || fail "$(diff "$T/a.json" "$T/b.json" | cut -c1-1500)"

it "syncd knows every flag that they give it"
kc kustomize "$ROOT/manifests/install" | kc create --dry-run=client -o json -f - |
	jq -r '(.items[]? // .) | select(.kind == "Deployment").spec.template.spec.containers[0].args[]' >"$T/args"
[ -s "$T/args" ] || fail "no arguments"
mapfile -t args <"$T/args"
assert_exit 0 "$BIN/syncd" "${args[@]}" --help

it "syncctl install puts it into the cluster, and says what became of each object"
install_crds
kc delete namespace $NS --wait=true >/dev/null
assert_exit 0 ours
printf '%s\n' "$OUTPUT" >"$T/out"
for o in Namespace/$NS ServiceAccount/$NS/syncd ClusterRole/syncd Deployment/$NS/syncd NetworkPolicy/$NS/syncd; do
	grep -qE "^created +$o\$" "$T/out" || fail "no 'created $o' in: $OUTPUT"
done
# Pods that restricted Pod Security refuses would never be there.
wait_until 60 "its pods" field_is 3 deployment syncd .status.availableReplicas -n $NS

it "a second time nothing changes, and a changed image is changed"
assert_exit 0 ours
assert_eq "" "$(grep -E '^(created|changed|left) ' <<<"$OUTPUT" || true)" "the second time"
assert_contains "$OUTPUT" "unchanged  Deployment/$NS/syncd" "the second time"
assert_exit 0 ours deployment --image registry.example.com/ops/syncd:v9
assert_contains "$OUTPUT" "changed    Deployment/$NS/syncd" "with another image"
refute_contains "$OUTPUT" "ClusterRole" "a part"
assert_eq registry.example.com/ops/syncd:v9 \
	"$(field deployment syncd '.spec.template.spec.containers[0].image' -n $NS)" "the image"

it "leaves Argo CD's definitions as they are, unless they are asked for by name"
kc label crd applications.argoproj.io app.kubernetes.io/part-of=argocd --overwrite >/dev/null
assert_exit 0 ours
assert_contains "$OUTPUT" "left       CustomResourceDefinition/applications.argoproj.io" "beside Argo CD"
assert_exit 0 ours crds
assert_contains "$OUTPUT" "changed    CustomResourceDefinition/applications.argoproj.io" "by name"
assert_eq syncd "$(field crd applications.argoproj.io '.metadata.labels.app\.kubernetes\.io/part-of')" "the label"

it "-n puts all of it into another namespace, and words that are no part are refused"
ours --print rbac -n elsewhere >"$T/out"
assert_eq "" "$(grep syncd-system "$T/out" || true)" "traces of the usual namespace"
assert_contains "$(cat "$T/out")" "name: elsewhere" "the namespace"
assert_exit 2 ours everything
assert_contains "$OUTPUT" "want all, crds, rbac or deployment" "the usage error"
assert_exit 20 ours rbac --kubeconfig /nowhere
take_away
assert_eq "" "$(kc get validatingwebhookconfiguration,clusterrole,clusterrolebinding -o name | grep -E '/syncd(-|$)' || true)" \
	"what is left behind"
