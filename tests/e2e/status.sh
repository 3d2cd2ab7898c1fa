#!/usr/bin/env bash
# What an Application tells on a real API server: the addresses of what runs, and
# status.syncd where the cluster's CRD has no place for it.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=status-$$
W=$TREES/shop

in_git() { write "$W/main/$1.yaml"; }
links_are() { app_is shop "\$s.summary.externalURLs == $1"; }
set_address() {
	kc patch ingress gate -n "$NS" --subresource=status --type merge \
		-p "{\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"$1\"}]}}}" >/dev/null
}
version() { field app shop .metadata.resourceVersion -n "$APPS"; }
mirror() { field app shop '.metadata.annotations.syncd\.dev/state' -n "$APPS"; }
# mirror_is JQ: an empty annotation is nothing, which jq would take for true.
mirror_is() {
	mirror >"$T/mirror.json"
	{ [ -s "$T/mirror.json" ] && jq -e "$1" "$T/mirror.json" >/dev/null; } ||
		{ cat "$T/mirror.json"; return 1; }
}
# At most 4 KiB, and nothing of it under status.
mirrored() {
	[ "$(mirror | wc -c)" -le 4096 ] || fail "the annotation is too large"
	assert_eq "" "$(field app shop .status.syncd -n "$APPS")" "status.syncd"
}

# A CRD that knows Argo CD's status alone, as a schema without open ends has it.
closed_crd() {
	jq -n '{type: "object", "x-kubernetes-preserve-unknown-fields": true} as $open |
		{type: "array", items: $open} as $list | {type: "string"} as $text | {
		apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition",
		metadata: {name: "applications.argoproj.io"},
		spec: {group: "argoproj.io", scope: "Namespaced",
			names: {kind: "Application", plural: "applications", singular: "application",
				listKind: "ApplicationList", shortNames: ["app", "apps"]},
			versions: [{name: "v1alpha1", served: true, storage: true,
				schema: {openAPIV3Schema: {type: "object", properties: {
					spec: $open, operation: $open,
					status: {type: "object", properties: {
						sync: $open, health: $open, operationState: $open, summary: $open,
						conditions: $list, resources: $list, history: $list,
						sourceType: $text, reconciledAt: $text}}}}}}]}}' |
		kc apply --server-side --force-conflicts -f - >/dev/null
	wait_until 20 "the CRD in force" eval '[ -z "$(field app shop .status.syncd -n "$APPS")" ]'
}

namespace "$NS"
repo shop
git_server
in_git gate <<-END
	apiVersion: networking.k8s.io/v1
	kind: Ingress
	metadata: {name: gate}
	spec:
	  tls: [{hosts: [shop.example.com], secretName: shop-tls}]
	  rules:
	  - host: shop.example.com
	    http: {paths: [{path: /, pathType: Prefix, backend: &shop {service: {name: shop, port: {number: 80}}}}]}
	  - http: {paths: [{path: /api/*, pathType: ImplementationSpecific, backend: *shop}]}
END
configmap settings v1 | sed 's|annotations: {|&link.argocd.argoproj.io/dash: "Dash\|https://dash.example.com/x", |' | in_git settings
FIRST=$(commit shop "an Ingress")
syncd_start
eval "our_$(declare -f install_crds)"
install_crds() { :; } # a restart finds the CRD that is there

it "tells the addresses of what runs, and follows them"
app shop "$GIT_URL/shop.git" main "$NS"
wait_until 20 "the Ingress" field_is gate ingress gate .metadata.name -n "$NS"
set_address 192.0.2.10
good shop "$FIRST"
wait_until 10 "the addresses" links_are \
	'["Dash|https://dash.example.com/x", "https://192.0.2.10/api/", "https://shop.example.com/"]'
set_address 192.0.2.11
kc annotate app shop -n "$APPS" link.argocd.argoproj.io/a=https://a.example.com link.argocd.argoproj.io/b='javascript:alert(1)' >/dev/null
wait_until 10 "the new addresses" links_are \
	'["Dash|https://dash.example.com/x", "https://192.0.2.11/api/", "https://a.example.com", "https://shop.example.com/"]'
kc annotate ingress gate -n "$NS" argocd.argoproj.io/ignore-default-links=true >/dev/null
wait_until 10 "the links alone" links_are '["Dash|https://dash.example.com/x", "https://a.example.com"]'
assert_eq "" "$(mirror)" "the annotation where status.syncd is kept"

it "mirrors status.syncd in an annotation where the CRD drops it"
closed_crd
configmap settings v2 | in_git settings
SECOND=$(commit shop "new settings")
wait_until 30 "the annotation" mirror_is ".phase == \"Good\" and .target.revision == \"$SECOND\" and .lastGood.id == .target.id"
mirrored
wait_until 10 "Argo CD's own status" app_is shop "\$s.sync.status == \"Synced\" and \$s.sync.revision == \"$SECOND\""

it "syncctl reads the annotation"
assert_contains "$(syncctl status shop)" "new settings" "syncctl status"
assert_contains "$(syncctl history shop)" "good" "syncctl history"
assert_eq 2 "$(syncctl history shop -o json | jq length)" "the releases"
assert_exit 0 syncctl wait shop --good --timeout 20s

it "writes nothing at rest, and once after a restart, for its own name"
VERSION=$(version)
wrote() { [ "$(version)" != "$VERSION" ]; }
never 6 "a write at rest" wrote
LEADER=$(mirror | jq -r .leader) OPERATION=$(field app shop .status.operationState -n "$APPS")
syncd_kill
syncd_start
wait_until 20 "the new name" mirror_is ".leader != \"$LEADER\" and .phase == \"Good\""
VERSION=$(version)
never 4 "another write" wrote
mirrored
assert_eq "$OPERATION" "$(field app shop .status.operationState -n "$APPS")" "the last operation"

it "what another wrote over it does not stay"
kc patch app shop -n "$APPS" --type merge -p '{"status":{"sync":{"status":"Unknown"},"conditions":[{"type":"ComparisonError","message":"of long ago"}]}}' >/dev/null
wait_until 10 "our status" app_is shop '$s.sync.status == "Synced" and ([$s.conditions[]? | select(.message == "of long ago")] | length == 0)'
VERSION=$(version)
never 4 "another write" wrote

it "a rejection is in the annotation"
deployment web bad1 | in_git web
commit shop "an image that is not there" >/dev/null
wait_until 60 "the pin" mirror_is '.phase == "Pinned" and .rejected.state == "rejected" and .pin.by == "auto-revert"'
mirrored
assert_contains "$(syncctl status shop)" "bad1" "syncctl status"

it "with our CRD again status.syncd is back and the annotation goes"
our_install_crds
git -C "$W" rm -q main/web.yaml
configmap settings v3 | in_git settings
THIRD=$(commit shop "without it")
good shop "$THIRD"
wait_until 10 "no annotation" eval '[ -z "$(mirror)" ]'

it "nor with status.syncd in its place"
kc patch app shop -n "$APPS" --type merge -p '{"status":{"health":{"status":"Degraded"},"syncd":{"phase":"Failed"}}}' >/dev/null
wait_until 40 "our status" app_is shop '$s.health.status == "Healthy" and $d.phase == "Good"'
VERSION=$(version)
never 4 "another write" wrote
