#!/usr/bin/env bash
# The Helm chart: the same objects as manifests/install, each value does what it says, and
# what is no value is refused.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

HELM=$("$ROOT/tests/cluster/build" helm)/helm
CHART=$ROOT/manifests/chart
NS=syncd-system
SERVED=$(kc version -o json | jq -r .serverVersion.gitVersion)
export HELM_CACHE_HOME=$T/helm HELM_CONFIG_HOME=$T/helm HELM_DATA_HOME=$T/helm

helm() { "$HELM" "$@" 2> >(grep -v 'found symbolic link' >&2 || true); }
template() { helm template syncd "$CHART" -n $NS --kube-version "$SERVED" "$@"; }

# objects FILE: as one array. kubectl would want to know each kind, cert-manager's, too.
objects() { "$BIN/syncctl" render "$1" -o json | jq '.items'; }
# plain FILE: one a line, sorted; a Namespace is not among them: helm makes none.
# Defaults of the API server are the same for both, so they may stay away.
plain() { objects "$1" | jq -cS '.[] | select(.kind != "Namespace")' | sort; }

it "gives the same objects as manifests/crds and manifests/install"
{ kc kustomize "$ROOT/manifests/crds"; echo ---; kc kustomize "$ROOT/manifests/install"; } >"$T/kustomize.yaml"
template >"$T/helm.yaml"
plain "$T/kustomize.yaml" >"$T/a.json"
plain "$T/helm.yaml" >"$T/b.json"
[ "$(wc -l <"$T/a.json")" -gt 10 ] || fail "only $(wc -l <"$T/a.json") objects"
cmp -s "$T/a.json" "$T/b.json" || fail "$(diff "$T/a.json" "$T/b.json" | cut -c1-1500)"

it "passes lint, and its README names each of its values"
helm lint --strict "$CHART" >"$T/lint" || fail "$(cat "$T/lint")"
assert_eq "$(sed -n 's/^version: //p' "$CHART/Chart.yaml")" "$("$BIN/syncd" --version | awk '{ print $2 }')" "its version"
awk '/^[a-z]/ { sub(/:.*/, ""); print }' "$CHART/values.yaml" | while read -r value; do
	grep -q "\`${value}[.\`]" "$CHART/README.md" || fail "README.md does not tell of $value"
	jq -e --arg v "$value" '.properties[$v]' "$CHART/values.schema.json" >/dev/null || fail "no schema of $value"
done

it "gives the same as manifests/monitoring and the component manifests/cert-manager, too"
from() { realpath --relative-to "$T/overlay" "$ROOT/manifests/$1"; }
write "$T/overlay/kustomization.yaml" <<-END
	resources: [$(from install), $(from monitoring)]
	components: [$(from cert-manager)]
END
kc kustomize "$T/overlay" >"$T/kustomize.yaml"
template --set crds.install=false,certManager.enabled=true \
	--set serviceMonitor.enabled=true,prometheusRule.enabled=true,grafanaDashboard.enabled=true >"$T/helm.yaml"
plain "$T/kustomize.yaml" >"$T/a.json"
plain "$T/helm.yaml" >"$T/b.json"
cmp -s "$T/a.json" "$T/b.json" || fail "$(diff "$T/a.json" "$T/b.json" | cut -c1-1500)"

it "each value does what it says"
n=0
while IFS='|' read -r set want; do
	[ "$set" ] || continue
	# shellcheck disable=SC2086
	template $set >"$T/case.yaml" || fail "$set"
	objects "$T/case.yaml" | jq 'map({("\(.kind)/\(.metadata.name)"): .}) | add' >"$T/case.json"
	jq -e ".[\"Deployment/syncd\"].spec as \$d | \$d.template.spec as \$p | $want" "$T/case.json" >/dev/null ||
		fail "$set: not $want"
	n=$((n + 1))
done <<'END'
--set image.repository=r.example.com/s,image.tag=v9,image.pullPolicy=Always|$p.containers[0] | .image == "r.example.com/s:v9" and .imagePullPolicy == "Always"
--set imagePullSecrets[0].name=key|$p.imagePullSecrets == [{"name": "key"}]
--set replicaCount=1|$d.replicas == 1
--set resources.limits.memory=1Gi|$p.containers[0].resources.limits == {"cpu": "500m", "memory": "1Gi"}
--set applicationNamespaces={a,b}|$p.containers[0].args | index("--application-namespaces=a,b")
--set bootstrap.repo=https://git.example.com/gitops,bootstrap.path=clusters/a|$p.containers[0].args[-2:] == ["--bootstrap-repo=https://git.example.com/gitops", "--bootstrap-path=clusters/a"]
--set bootstrap.repo=https://git.example.com/gitops,bootstrap.path=clusters/a,bootstrap.revision=v1|$p.containers[0].args[-1] == "--bootstrap-revision=v1"
--set serviceMonitor.enabled=true,serviceMonitor.interval=5s|.["ServiceMonitor/syncd"].spec.endpoints[0].interval == "5s" and .["Service/syncd-metrics"].spec.clusterIP == "None" and .["PrometheusRule/syncd"] == null
--set prometheusRule.enabled=true|.["PrometheusRule/syncd"].spec.groups[0].rules[0].annotations.summary == "Application {{ $labels.namespace }}/{{ $labels.name }} has been degraded for 5 minutes" and .["Service/syncd-metrics"] == null
--set grafanaDashboard.enabled=true|.["ConfigMap/syncd-dashboard"].metadata.labels.grafana_dashboard == "1" and .["ServiceMonitor/syncd"] == null
--set extraArgs={--soak=1s,--workers=2}|$p.containers[0].args[-2:] == ["--soak=1s", "--workers=2"]
--set nodeSelector.disk=ssd,priorityClassName=high,podAnnotations.a=b|$p.nodeSelector.disk == "ssd" and $p.priorityClassName == "high" and $d.template.metadata.annotations.a == "b"
--set tolerations[0].operator=Exists|$p.tolerations == [{"operator": "Exists"}]
--set pdb.enabled=false|.["PodDisruptionBudget/syncd"] == null
--set pdb.minAvailable=2|.["PodDisruptionBudget/syncd"].spec.minAvailable == 2
--set networkPolicy.enabled=false|.["NetworkPolicy/syncd"] == null
--set networkPolicy.extraEgress[0].ports[0].port=3000|.["NetworkPolicy/syncd-extra"].spec.egress[0].ports[0].port == 3000 and .["NetworkPolicy/syncd"] != null
--set rbac.clusterAdmin=false,rbac.impersonate=true|.["ClusterRoleBinding/syncd-applications"] == null and .["ClusterRole/syncd-impersonate"] != null
--set crds.install=false|.["CustomResourceDefinition/applications.argoproj.io"] == null
--set webhook.enabled=false|.["ValidatingWebhookConfiguration/syncd-webhook"] == null and .["Service/syncd-webhook"] == null and ($p.containers[0].args | index("--webhook-addr="))
--set certManager.enabled=true|.["Certificate/syncd-webhook"].spec.dnsNames[0] == "syncd-webhook.syncd-system.svc" and .["ValidatingWebhookConfiguration/syncd-webhook"].metadata.annotations["cert-manager.io/inject-ca-from"] == "syncd-system/syncd-webhook"
-n elsewhere --set serviceMonitor.enabled=true|.["ServiceMonitor/syncd"].metadata.namespace == "elsewhere" and .["ClusterRoleBinding/syncd"].subjects[0].namespace == "elsewhere" and .["Role/syncd"].metadata.namespace == "elsewhere" and .["ValidatingWebhookConfiguration/syncd-webhook"].webhooks[0].clientConfig.service.namespace == "elsewhere"
END
assert_eq 22 $n "cases"

it "and what is no value is refused by name"
while IFS='|' read -r set part; do
	# shellcheck disable=SC2086
	assert_exit 1 template $set
	assert_contains "$OUTPUT" "$part" "$set"
done <<'END'
--set replicas=2|replicas
--set replicaCount=0|replicaCount
--set image.pullPolicy=Sometimes|pullPolicy
--set extraArgs={soak}|extraArgs
--set applicationNamespaces={A_b}|applicationNamespaces
--set pdb.enabled=perhaps|pdb
--set bootstrap.repo=https://git.example.com/gitops|path
--set bootstrap.path=clusters/a|path
--set serviceMonitor.interval=often|interval
--set grafanaDashboard.enabled=yes|grafanaDashboard
END

