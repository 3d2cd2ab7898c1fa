#!/usr/bin/env bash
# Values that the API server writes in its own way, fills in, drops or changes: each is
# applied once, is Synced, and is never written again.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=values-$$
GROUP=values$$.example.com
W=$TREES/shop

pods() { # what stands in the pod template's spec
	cat <<-END
		apiVersion: apps/v1
		kind: Deployment
		metadata: {name: $1}
		spec:
		  replicas: 0
		  selector: {matchLabels: {app: $1}}
		  template:
		    metadata: {labels: {app: $1}, annotations: {}}
		    spec: $2
	END
}
container() { printf '{containers: [{name: main, image: x, %s}]}' "$1"; }
object() { # APIVERSION KIND NAME REST
	printf 'apiVersion: %s\nkind: %s\nmetadata: {name: %s}\n%s\n' "$1" "$2" "$3" "$4"
}

# A file per row: its name says what is in it.
write_rows() {
	row() { write "$W/all/$1.yaml"; }
	pods cpu "$(container 'resources: {limits: {cpu: 1000m, memory: 1024Mi}, requests: {cpu: "0.5", memory: 0.5Gi}}')" | row quantity-in-other-units
	pods mib "$(container 'resources: {limits: {memory: "1073741824"}, requests: {cpu: 1}}')" | row quantity-as-number
	pods port "$(container 'ports: [{containerPort: 80}], livenessProbe: {httpGet: {port: 80, path: /}}')" | row int-or-string-and-defaulted-probe
	pods twice "$(container 'env: [{name: A, value: "1"}, {name: B, value: "2"}, {name: A, value: "3"}]')" | row variable-twice
	pods maps '{nodeSelector: {}, tolerations: [], volumes: [{name: v, emptyDir: {}}], affinity: {}, securityContext: {}, containers: [{name: main, image: x, resources: {}, env: [], args: []}]}' | row empty-maps-and-lists
	pods nulls '{nodeSelector: null, volumes: [{name: v, emptyDir: null}], containers: [{name: main, image: x, resources: null, env: [{name: A, value: null}], command: null}]}' | row nulls
	pods words "$(container 'env: [{name: A, value: "yes"}, {name: B, value: "012"}, {name: C, value: "1e3"}], securityContext: {runAsUser: 1000}')" | row texts-that-look-like-values
	pods claims '{serviceAccount: default, containers: [{name: main, image: x, volumeMounts: [{name: c, mountPath: /c}]}], volumes: [{name: c, configMap: {name: c, defaultMode: 0644}}]}' | row octal-mode-and-deprecated-twin
	object v1 Service svc 'spec: {ports: [{port: 80, targetPort: http}, {port: 443, protocol: TCP, targetPort: 8443, name: tls}], selector: {}}' | sed 's/{port: 80, /{port: 80, name: web, /' | row service-with-defaulted-ports
	object v1 Service headless 'spec: {clusterIP: None, ports: [{port: 80}], sessionAffinity: None}' | row headless
	object policy/v1 PodDisruptionBudget pdb 'spec: {minAvailable: 50%, selector: {matchLabels: {app: x}}}' | row percentage
	object policy/v1 PodDisruptionBudget pdb-number 'spec: {maxUnavailable: 1, selector: {matchLabels: {app: x}}}' | row count
	object batch/v1 CronJob cron 'spec: {schedule: "0 0 * * *", suspend: true, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: x}]}}}}}' | row defaulted-cronjob
	object networking.k8s.io/v1 Ingress 'ing, annotations: {argocd.argoproj.io/ignore-healthcheck: "true"}' 'spec: {rules: [{host: a.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: svc, port: {number: 80}}}}]}}]}
status: {loadBalancer: {}}' | row status-in-git
	object v1 ConfigMap text 'data: {a: "", b: "line\nline\n", c: "ünïcode ☃ 𝄞", d: "\u0001\u007f\u0080\u0085 \u2028x\u2029 \ufeff"}
binaryData: {e: AAECAwQ=}' | row texts
	object v1 ConfigMap none 'data: {}' | row empty-data
	object v1 Secret plain 'stringData: {a: b}
data: {c: ZA==}
type: Opaque' | row string-data
	object rbac.authorization.k8s.io/v1 RoleBinding rb 'roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: none}
subjects: [{kind: ServiceAccount, name: default}, {kind: User, name: ada, apiGroup: rbac.authorization.k8s.io}]' | row binding
	object autoscaling/v1 HorizontalPodAutoscaler old 'spec: {maxReplicas: 3, targetCPUUtilizationPercentage: 50, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: cpu}}' | row old-version
	object v1 ResourceQuota quota 'spec: {hard: {requests.cpu: "1000", limits.memory: 1024Gi, pods: "100"}}' | row quota
	object v1 ServiceAccount sa 'secrets: []' | row account
	object "$GROUP/v1" Widget pruned 'spec: {size: 1.0, count: 3, big: 9007199254740993, nested: {}, list: [], any: 5, free: {a: null, b: [1, {c: 1.50}]}}' | row custom-with-defaults
	object "$GROUP/v1" Widget bare 'spec: {}' | row custom-empty
}
define_kind() {
	kc apply -f - >/dev/null <<-END
		apiVersion: apiextensions.k8s.io/v1
		kind: CustomResourceDefinition
		metadata: {name: widgets.$GROUP}
		spec:
		  group: $GROUP
		  scope: Namespaced
		  names: {kind: Widget, plural: widgets}
		  versions:
		  - name: v1
		    served: true
		    storage: true
		    schema:
		      openAPIV3Schema:
		        type: object
		        properties:
		          spec:
		            type: object
		            properties:
		              size: {type: number}
		              count: {type: integer, default: 7}
		              big: {type: integer, format: int64}
		              filled: {type: string, default: "by the server"}
		              nested: {type: object, default: {}, properties: {deep: {type: string, default: x}}}
		              list: {type: array, items: {type: string}}
		              any: {x-kubernetes-int-or-string: true}
		              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
	END
	kc wait --for condition=Established --timeout 15s "crd/widgets.$GROUP" >/dev/null
}
# An admission that changes what is sent: tier and priority, on each ConfigMap of ours.
mutate() {
	kc apply -f - >/dev/null <<-END
		apiVersion: admissionregistration.k8s.io/v1
		kind: MutatingAdmissionPolicy
		metadata: {name: $NS}
		spec:
		  matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}]}
		  matchConditions: [{name: here, expression: 'object.metadata.namespace == "$NS" && object.metadata.name == "text"'}]
		  failurePolicy: Fail
		  reinvocationPolicy: Never
		  mutations:
		  - patchType: ApplyConfiguration
		    applyConfiguration: {expression: 'Object{metadata: Object.metadata{labels: {"mutated": "yes"}}, data: {"b": "changed"}}'}
		---
		apiVersion: admissionregistration.k8s.io/v1
		kind: MutatingAdmissionPolicyBinding
		metadata: {name: $NS}
		spec: {policyName: $NS}
	END
}

namespace "$NS"
define_kind
MUTATES=yes
mutate 2>/dev/null || MUTATES=
repo shop
git_server
syncd_start --poll-interval 1h --soak 1s
write_rows
COMMIT=$(commit shop "all values")
app values "$GIT_URL/shop.git" all "$NS"

it "all values are applied and are Synced"
good values "$COMMIT" 60
assert_eq "[]" "$(kc get app values -n "$APPS" -o json | jq -c '[.status.resources[] | select(.status != "Synced") | .name]')" "what differs"
app_is values '[$s.conditions[]? | .message | select(contains("environment variable A is set twice"))] | length == 1' ||
	fail "nothing is said of the variable that is set twice"
assert_eq "2 3" "$(field deployment twice '.spec.template.spec.containers[0].env[*].value' -n "$NS")" "the variables"

it "texts arrive as they are"
assert_eq '"\u0001\u007f\u0080\u0085 \u2028x\u2029 \ufeff"' "$(kc get configmap text -n "$NS" -o json | jq -a .data.d)" "controls and line breaks"
assert_eq "ünïcode ☃ 𝄞" "$(field configmap text .data.c -n "$NS")" "letters"

it "an admission's changes stay"
if [ "$MUTATES" ] && [ "$(field configmap text .metadata.labels.mutated -n "$NS")" ]; then
	field_is changed configmap text .data.b -n "$NS" || fail "the admission's value"
else
	skip "this server has no mutating admission policies"
fi

it "none of it is written again: not by itself, not after a restart"
sleep 2
BEFORE=$(writes)
never 10 "it is not Synced" eval "! app_is values '\$s.sync.status == \"Synced\"'"
assert_eq "$BEFORE" "$(writes)" "writes"
VERSIONS=$(kc get deployments,services,configmaps,pdb,cronjobs,ingresses,secrets,rolebindings,hpa,resourcequotas,serviceaccounts,"widgets.$GROUP" -n "$NS" -o json | jq -c '[.items[] | {(.kind + .metadata.name): .metadata.generation}] | add')
syncd_stop
syncd_start --poll-interval 1h --soak 1s
wait_until 30 "Synced again" app_is values '$s.sync.status == "Synced" and $d.phase == "Good"'
[ "$(metric syncd_api_requests_total 'verb="PATCH"')" -lt 4 ] || fail "applied after a restart: $(curl -fsS "$METRICS/metrics" | grep PATCH)"
assert_eq "$VERSIONS" "$(kc get deployments,services,configmaps,pdb,cronjobs,ingresses,secrets,rolebindings,hpa,resourcequotas,serviceaccounts,"widgets.$GROUP" -n "$NS" -o json | jq -c '[.items[] | {(.kind + .metadata.name): .metadata.generation}] | add')" "generations"

it "a sync that a person asks for writes nothing either"
BEFORE=$(metric syncd_api_requests_total 'verb="PATCH"')
assert_exit 0 syncctl sync values
wait_until 20 "the end" app_is values '$s.operationState.phase == "Succeeded" and $d.phase == "Good"'
assert_eq "$VERSIONS" "$(kc get deployments,services,configmaps,pdb,cronjobs,ingresses,secrets,rolebindings,hpa,resourcequotas,serviceaccounts,"widgets.$GROUP" -n "$NS" -o json | jq -c '[.items[] | {(.kind + .metadata.name): .metadata.generation}] | add')" "generations"

it "what others put into an empty map of ours is no drift"
kc rollout restart deployment maps -n "$NS" >/dev/null
never 3 "it is drift" eval "! app_is values '\$s.sync.status == \"Synced\"'"
[ "$(field deployment maps '.spec.template.metadata.annotations.kubectl\.kubernetes\.io/restartedAt' -n "$NS")" ] || fail "it was undone"
kc delete mutatingadmissionpolicybinding,mutatingadmissionpolicy "$NS" --ignore-not-found >/dev/null 2>&1 || true
kc delete crd "widgets.$GROUP" --wait=false >/dev/null
