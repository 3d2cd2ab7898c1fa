#!/usr/bin/env bash
# Fields that cannot be changed in place: the object is deleted and made anew where that
# is allowed, and only when the API server says of the new one that it would take it.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=immutable-$$
W=$TREES/shop
ALLOW='syncd.dev/recreate-on-immutable: "true"'

in_git() { write "$W/$1.yaml"; }
uid_of() { field "$1" "$2" .metadata.uid -n "$NS"; }
uids() { kc get "$1" -n "$NS" -l "$2" -o jsonpath='{.items[*].metadata.uid}' | tr ' ' '\n' | sort; }
push() { COMMIT=$(commit shop "$2"); kc get app "$1" -n "$APPS" >/dev/null 2>&1 || return 0; kc annotate app "$1" -n "$APPS" --overwrite argocd.argoproj.io/refresh=normal >/dev/null; }
# refused APP WORDS...: an error that holds all of them.
refused() {
	local app=$1 words
	shift
	for words; do
		app_is "$app" "[\$s.conditions[]?.message, \$s.operationState.message // \"\" | select(contains(\"$words\"))] | length > 0" || return
	done
}

# set_of NAME SIZE ANNOTATION [TAG]: a StatefulSet with claims.
set_of() {
	cat <<-END
		apiVersion: apps/v1
		kind: StatefulSet
		metadata: {name: $1, annotations: {$3}}
		spec:
		  serviceName: $1
		  replicas: 2
		  selector: {matchLabels: {app: $1}}
		  template:
		    metadata: {labels: {app: $1}}
		    spec:
		      containers:
		      - {name: main, image: "registry.example.com/$1:${4:-v1}", volumeMounts: [{name: data, mountPath: /data}]}
		  volumeClaimTemplates:
		  - metadata: {name: data}
		    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: $2}}}
	END
}
job_of() { # NAME TAG ANNOTATION
	cat <<-END
		apiVersion: batch/v1
		kind: Job
		metadata: {name: $1, annotations: {$3}}
		spec:
		  template:
		    spec: {restartPolicy: Never, containers: [{name: main, image: "registry.example.com/$1:$2"}]}
	END
}
service_of() { # NAME IP NODEPORT
	cat <<-END
		apiVersion: v1
		kind: Service
		metadata: {name: $1, annotations: {$ALLOW}}
		spec:
		  type: NodePort
		  clusterIP: $2
		  selector: {app: $1}
		  ports: [{port: 80, nodePort: $3}]
	END
}

# Nothing provisions volumes here.
volume() {
	kc apply -f - >/dev/null <<-END
		apiVersion: v1
		kind: PersistentVolume
		metadata: {name: $NS-$1}
		spec:
		  capacity: {storage: 100Gi}
		  accessModes: [ReadWriteOnce]
		  claimRef: {namespace: $NS, name: $1}
		  hostPath: {path: /nowhere}
	END
}

namespace "$NS"
for claim in data-db-0 data-db-1 keep; do volume $claim; done
repo shop
git_server
URL=$GIT_URL/shop.git
syncd_start --poll-interval 1h

it "a set that grows is refused with the field and the option, and nothing is changed"
set_of db 10Gi "" | in_git set/db
configmap beside v1 | in_git set/beside
push set one
app set "$URL" set "$NS"
good set "$COMMIT"
wait_until 20 "two pods" eval '[ "$(uids pod app=db | wc -l)" = 2 ]'
SET=$(uid_of statefulset db) PODS=$(uids pod app=db) CLAIMS=$(uids pvc app=db)
assert_eq 2 "$(wc -l <<<"$CLAIMS")" "claims"
set_of db 20Gi "" | in_git set/db
configmap beside v2 | in_git set/beside
push set two
wait_until 20 "the refusal" refused set StatefulSet/ "spec cannot be changed in place" recreate-on-immutable Replace=true
field_is v1 configmap beside .data.key -n "$NS" || fail "the rest was applied"
assert_eq "$SET" "$(uid_of statefulset db)" "the set"

it "a set that may be replaced grows, and keeps its pods and claims"
set_of db 20Gi "$ALLOW" | in_git set/db
push set three
good set "$COMMIT"
[ "$SET" != "$(uid_of statefulset db)" ] || fail "the same set"
field_is 20Gi statefulset db '.spec.volumeClaimTemplates[0].spec.resources.requests.storage' -n "$NS" || fail "the size"
assert_eq "$PODS" "$(uids pod app=db)" "the pods"
assert_eq "$CLAIMS" "$(uids pvc app=db)" "the claims"
assert_eq "$(uid_of statefulset db)" "$(field pod db-0 '.metadata.ownerReferences[0].uid' -n "$NS")" "who owns the pods"
SET=$(uid_of statefulset db)

it "an invalid spec deletes nothing"
set_of db 30Gi "$ALLOW" | sed 's/replicas: 2/replicas: -2/' | in_git set/db
push set invalid
wait_until 20 "the refusal" refused set replicas "the old one stays"
assert_eq "$SET" "$(uid_of statefulset db)" "the set"
assert_eq "$PODS" "$(uids pod app=db)" "the pods"

it "a release that turns bad is reverted through the same door"
set_of db 40Gi "$ALLOW" bad9 | in_git set/db
push set bad
wait_until 60 "the revert" app_is set '$d.phase == "Pinned" and ($d.releases[0].reason // "" | contains("bad9"))'
field_is 20Gi statefulset db '.spec.volumeClaimTemplates[0].spec.resources.requests.storage' -n "$NS" || fail "the size"
assert_eq "$CLAIMS" "$(uids pvc app=db)" "the claims"
wait_until 30 "its pods" field_is 2 statefulset db .status.readyReplicas -n "$NS"

it "a Deployment with another selector: old pods serve until the new ones do, then go"
deployment web v1 0 2 | sed "s|annotations: {|&$ALLOW, |" | in_git web/web
push web one
app web "$URL" web "$NS"
good web "$COMMIT"
OLD=$(uid_of deployment web) OLD_SET=$(uids replicaset app=web)
deployment web v2 0 2 | sed "s|annotations: {|&$ALLOW, |; s/app: web/app: web-two/" | in_git web/web
push web two
good web "$COMMIT"
[ "$OLD" != "$(uid_of deployment web)" ] || fail "the same Deployment"
field_is web-two deployment web .spec.selector.matchLabels.app -n "$NS" || fail "the selector"
wait_until 20 "the end of the old ReplicaSet" eval '[ -z "$(uids replicaset app=web)" ]'
[ "$(uids replicaset app=web-two)" != "$OLD_SET" ] || fail "the same ReplicaSet"
wait_until 20 "what was said of it" eval 'kc get events.events.k8s.io -n "$APPS" -o json | jq -e ".items[] | select(.reason == \"Replacing\" and (.note | contains(\"its old pods\")))"'
wait_until 20 "the end of the old pods" eval '[ -z "$(uids pod app=web)" ]'

it "a DaemonSet with a narrower selector is made anew around its pods"
daemonset() { # SELECTOR TAG
	cat <<-END
		apiVersion: apps/v1
		kind: DaemonSet
		metadata: {name: agent, annotations: {$ALLOW}}
		spec:
		  selector: {matchLabels: {$1}}
		  template:
		    metadata: {labels: {app: agent, tier: node}}
		    spec: {containers: [{name: main, image: "registry.example.com/agent:$2"}]}
	END
}
daemonset "app: agent" v1 | in_git agent/agent
push agent one
app agent "$URL" agent "$NS"
good agent "$COMMIT"
NODES=$(kc get node -o name | wc -l)
wait_until 20 "a pod on each node" field_is "$NODES" daemonset agent .status.numberReady -n "$NS"
AGENT=$(uid_of daemonset agent) PODS=$(uids pod app=agent)
daemonset "app: agent, tier: node" v1 | in_git agent/agent
push agent two
good agent "$COMMIT"
[ "$AGENT" != "$(uid_of daemonset agent)" ] || fail "the same DaemonSet"
field_is node daemonset agent .spec.selector.matchLabels.tier -n "$NS" || fail "the selector"
assert_eq "$PODS" "$(uids pod app=agent)" "the pods"

it "a Deployment scaled by others is made anew at their number"
deployment free v1 0 1 | sed "s|annotations: {|&$ALLOW, |; /replicas:/d" | in_git free/web
push free one
app free "$URL" free "$NS"
good free "$COMMIT"
kc scale deployment free -n "$NS" --replicas 3 >/dev/null
wait_until 20 "three" field_is 3 deployment free .status.readyReplicas -n "$NS"
PODS=$(uids pod app=free)
deployment free v1 0 1 | sed "s|annotations: {|&$ALLOW, |; /replicas:/d; s/matchLabels: {app: free}/matchLabels: {app: free, more: x}/; s/labels: {app: free}/labels: {app: free, more: x}/" | in_git free/web
push free two
good free "$COMMIT"
field_is 3 deployment free .spec.replicas -n "$NS" || fail "the replicas"
assert_eq "" "$(kc get deployment free -n "$NS" -o json --show-managed-fields | jq -r '.metadata.managedFields[] | select(.manager == "syncd") | .fieldsV1["f:spec"]["f:replicas"] // empty')" "whose replicas"

it "a Job with another template; a Service with another address at the same port"
job_of task v1 'argocd.argoproj.io/sync-options: "Force=true,Replace=true"' | in_git jobs/job
service_of front "" 30471 | sed '/clusterIP/d' | in_git jobs/service
push jobs one
app jobs "$URL" jobs "$NS"
good jobs "$COMMIT"
JOB=$(uid_of job task) SERVICE=$(uid_of service front)
job_of task v2 'argocd.argoproj.io/sync-options: "Force=true,Replace=true"' | in_git jobs/job
RANGE=$(field service front .spec.clusterIP -n "$NS")
service_of front "${RANGE%.*}.$(( (${RANGE##*.} + 7) % 200 + 20 ))" 30471 | in_git jobs/service
push jobs two
good jobs "$COMMIT"
[ "$JOB" != "$(uid_of job task)" ] || fail "the same Job"
[ "$SERVICE" != "$(uid_of service front)" ] || fail "the same Service"
field_is 30471 service front '.spec.ports[0].nodePort' -n "$NS" || fail "the port"

it "the application may allow it for all; a claim is never deleted"
configmap frozen v1 | sed '$a immutable: true' | in_git all/frozen
write "$W/all/claim.yaml" <<-END
	apiVersion: v1
	kind: PersistentVolumeClaim
	metadata: {name: keep}
	spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
END
push all one
app all "$URL" all "$NS" '.spec.syncPolicy.syncOptions = ["Replace=true"]'
good all "$COMMIT"
CLAIM=$(uid_of pvc keep)
configmap frozen v2 | sed '$a immutable: true' | in_git all/frozen
push all two
good all "$COMMIT"
field_is v2 configmap frozen .data.key -n "$NS" || fail "the frozen ConfigMap"
sed -i 's/ReadWriteOnce/ReadOnlyMany/' "$W/all/claim.yaml"
push all three
wait_until 20 "the refusal" refused all "PersistentVolumeClaim/" "is never deleted to change it"
assert_eq "$CLAIM" "$(uid_of pvc keep)" "the claim"
kc delete pv "$NS"-{data-db-0,data-db-1,keep} --wait=false >/dev/null
