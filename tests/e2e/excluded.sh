#!/usr/bin/env bash
# resource.exclusions and resource.inclusions of argocd-cm: what is excluded is neither
# applied nor pruned nor watched, also what was applied before; a slip in the ConfigMap
# stops what is new, and loses nothing.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=excluded-$$
W=$TREES/shop

rules() { # KEY YAML
	kc create configmap argocd-cm -n "$APPS" --from-literal "$1=$2" --dry-run=client -o yaml | kc apply -f - >/dev/null
}
value_is() { field_is "$1" configmap settings .data.key -n "$NS"; }
put() { # VALUE [KIND...]: the settings, a Deployment of that tag, and these objects too
	local value=$1 kind
	shift
	rm -rf "$W/app"
	deployment web "$value" | write "$W/app/web.yaml"
	for kind; do
		case $kind in
		settings) configmap settings "$value" | write "$W/app/settings.yaml" ;;
		lease) printf 'apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: turn}\n' | write "$W/app/lease.yaml" ;;
		slice) write "$W/app/slice.yaml" <<-END ;;
			apiVersion: discovery.k8s.io/v1
			kind: EndpointSlice
			addressType: IPv4
			metadata: {name: outside}
			endpoints: [{addresses: [192.0.2.1]}]
		END
		esac
	done
	COMMIT=$(commit shop "$value")
}
warned() { # WORDS
	wait_until 20 "'$1' in ExcludedResourceWarning" app_is shop \
		"[\$s.conditions[]? | select(.type == \"ExcludedResourceWarning\") | .message | select(contains(\"$1\"))] | length > 0"
}
not_warned() { wait_until 20 "no warning" app_is shop '[$s.conditions[]? | select(.type == "ExcludedResourceWarning")] | length == 0'; }
rows_are() { wait_until 20 "rows $1" app_is shop "[\$s.resources[].kind] | sort | join(\" \") == \"$1\""; }

namespace "$NS"
namespace "$APPS"
git_server
repo shop
rules resource.exclusions "### Network resources created by the Kubernetes control plane
- apiGroups:
  - ''
  - discovery.k8s.io
  kinds:
  - Endpoints
  - EndpointSlice"
put v1 settings lease slice
syncd_start --poll-interval 1s --soak 0s

it "what is excluded in Git is not applied, and says so in Argo CD's words"
app shop "$GIT_URL/shop.git" app "$NS"
good shop "$COMMIT"
value_is v1 || fail "the settings"
warned "Resource coordination.k8s.io/Lease turn is excluded in the settings"
warned "Resource discovery.k8s.io/EndpointSlice outside is excluded in the settings"
assert_eq "" "$(kc get leases,endpointslices -n "$NS" -o name)" "what is there of it"
rows_are "ConfigMap Deployment"

it "syncctl diff shows no change of what is excluded, of Git nor of a folder, and counts it"
diffs() { timeout 60 "$BIN/syncctl" diff shop -n "$APPS" "$@"; }
assert_exit 0 diffs
assert_contains "$OUTPUT" "2 objects are excluded in the settings (argocd-cm) and not compared" "what is left out"
assert_exit 0 diffs --local "$W/app"
assert_contains "$OUTPUT" "2 objects are excluded" "what is left out"
assert_exit 0 diffs --revision main
mkdir -p "$T/more"
cp "$W"/app/* "$T/more/"
sed 's/name: outside/name: another/' "$W/app/slice.yaml" >"$T/more/another.yaml"
sed -i 's/"v1"/"v9"/' "$T/more/settings.yaml"
assert_exit 1 diffs --local "$T/more" -o name
assert_contains "$OUTPUT" "3 objects are excluded" "what is left out"
refute_contains "$OUTPUT" "EndpointSlice/another" "what a folder adds"

it "two releases are compared without what is excluded"
cp "$T/more/another.yaml" "$W/app/"
configmap settings v2 | write "$W/app/settings.yaml"
good shop "$(commit shop "another")"
assert_exit 1 diffs --release 1 2
assert_contains "$OUTPUT" "ConfigMap/settings" "what differs"
assert_contains "$OUTPUT" "3 objects are excluded in the settings (argocd-cm) and not compared" "what is left out"
refute_contains "$OUTPUT" EndpointSlice "what is excluded"
put v1 settings lease slice
good shop "$COMMIT"

it "the rule goes: what it kept out is applied"
rules resource.exclusions "[]"
wait_until 20 "the slice" kc get endpointslice outside -n "$NS"
rows_are "ConfigMap Deployment EndpointSlice"
kc get lease turn -n "$NS" >/dev/null 2>&1 && fail "a Lease"

it "what comes to be excluded stays as it is, whoever changes it, and leaves Git unpruned"
rules resource.inclusions "- {apiGroups: [apps]}"
warned "2 objects applied before are excluded now"
assert_exit 0 diffs
uid=$(kc get configmap settings -n "$NS" -o jsonpath='{.metadata.uid}')
kc patch configmap settings -n "$NS" -p '{"data":{"key":"by hand"}}' >/dev/null
put v2
good shop "$COMMIT"
rows_are "Deployment"
never 5 "pruned or healed" eval "! value_is 'by hand'"
kc get endpointslice outside -n "$NS" >/dev/null || fail "the slice was pruned"

it "a slip stops what is new, prunes nothing, and what runs stays"
rules resource.exclusions "- {kinds: ConfigMap}"
wait_until 20 "the condition" app_is shop '[$s.conditions[]? | select(.type == "ComparisonError" and (.message | contains("argocd-cm: resource.exclusions: entry 1: kinds is no list")))] | length == 1'
put v3
never 4 "v3" field_is registry.example.com/web:v3 deployment web '.spec.template.spec.containers[0].image' -n "$NS"
syncd_stop
syncd_start --poll-interval 1s --soak 0s
never 4 "v3 after a restart" field_is registry.example.com/web:v3 deployment web '.spec.template.spec.containers[0].image' -n "$NS"
value_is "by hand" || fail "the settings"
assert_exit 0 syncctl status shop
assert_contains "$OUTPUT" "kinds is no list" "what syncctl says"

it "mended, the rest goes on; what left Git is pruned once it is not excluded"
rules resource.inclusions "- {apiGroups: [apps]}"
good shop "$COMMIT"
assert_eq "$uid" "$(kc get configmap settings -n "$NS" -o jsonpath='{.metadata.uid}')" "the settings' uid"
kc delete configmap argocd-cm -n "$APPS" >/dev/null
wait_until 30 "the prune" eval "! kc get configmap settings -n $NS 2>/dev/null"
wait_until 30 "the other prune" eval "! kc get endpointslice outside -n $NS 2>/dev/null"
not_warned

it "an Application that is deleted leaves them behind"
put v4 settings
good shop "$COMMIT"
rules resource.exclusions "- {apiGroups: [''], kinds: [ConfigMap]}"
warned "Resource /ConfigMap settings is excluded in the settings"
kc patch app shop -n "$APPS" --type merge -p '{"metadata":{"finalizers":["resources-finalizer.argocd.argoproj.io"]}}' >/dev/null
kc delete app shop -n "$APPS" --timeout 60s >/dev/null
kc get deployment web -n "$NS" >/dev/null 2>&1 && fail "the Deployment is there"
value_is v4 || fail "the settings are not as they were"
