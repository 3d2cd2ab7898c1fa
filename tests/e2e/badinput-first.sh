#!/usr/bin/env bash
# A first release that lacks something: nothing of it is put into the cluster, and
# it goes out by itself once somebody brings what was lacking.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
APPS=first-apps-$$
NS=first-$$
GROUP=first-$$.example.com

# first NAME: an application of two waves; stdin is the object of the second.
first() {
	mkdir -p "$TREES/shop/$1"
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n' "$1" >"$TREES/shop/$1/a.yaml"
	cat >"$TREES/shop/$1/b.yaml"
	kc create -f - >/dev/null <<-END
		{"apiVersion":"argoproj.io/v1alpha1","kind":"Application",
		"metadata":{"name":"$1","namespace":"$APPS"},
		"spec":{"project":"default","source":{"repoURL":"$GIT_URL/shop.git","path":"$1"},
		"destination":{"server":"https://kubernetes.default.svc","namespace":"$NS"},
		"syncPolicy":{"automated":{},"retry":{"limit":-1,"backoff":{"duration":"1s","maxDuration":"3s"}}}}}
	END
}
wave='annotations: {argocd.argoproj.io/sync-wave: "1"}'
says() {
	field app "$1" '.status.conditions[?(@.type=="SyncError")].message' -n "$APPS" | grep -F "$2"
}
is_good() {
	field_is Good app "$1" .status.syncd.phase -n "$APPS" &&
		field_is "" app "$1" '.status.conditions[*].message' -n "$APPS"
}

namespace "$NS"
namespace "$APPS"
repo shop
git_server
syncd_start --application-namespaces "$APPS" --soak 1s --poll-interval 1s
first space <<END
apiVersion: v1
kind: ConfigMap
metadata: {name: there, namespace: $NS-later, $wave}
END
first kind <<END
apiVersion: $GROUP/v1
kind: Gizmo
metadata: {name: gizmo, $wave}
END
commit shop first >/dev/null

it "waits for a namespace, with nothing applied"
wait_until 30 "the condition" says space "there is no namespace \"$NS-later\": create it"

it "waits for a kind, with nothing applied"
wait_until 30 "the condition" says kind "does not serve kind Gizmo of $GROUP/v1: install its CRD"
never 3 "an object" kc get configmap space -n "$NS"
never 1 "an object" kc get configmap kind -n "$NS"

it "goes out when the namespace is there"
namespace "$NS-later"
wait_until 30 "a good release" is_good space
kc get configmap there -n "$NS-later" >/dev/null

it "goes out when the kind is there"
kc apply -f - >/dev/null <<END
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gizmos.$GROUP}
spec:
  group: $GROUP
  scope: Namespaced
  names: {kind: Gizmo, plural: gizmos, singular: gizmo, listKind: GizmoList}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
END
wait_until 30 "a good release" is_good kind
kc get "gizmo.$GROUP" gizmo -n "$NS" >/dev/null
syncd_stop
kc delete crd "gizmos.$GROUP" --wait=false >/dev/null
