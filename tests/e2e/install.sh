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
	kubectl --request-timeout=20s delete --ignore-not-found -f "$ROOT/tests/demo/cert-manager-crd.yaml" >/dev/null
}
webhook syncd-webhook
answer() { return "$1"; }
trap 'rc=$?; set +e; take_away; answer $rc; cleanup' EXIT
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

# --- what is installed, at work: with these rights and no others -------------------

WORK=install-$$ # where what Git says goes
W=$TREES/gitops
ME=system:serviceaccount:$NS:syncd
APPS=$NS

rights() { # NAMESPACE
	printf '## in %s\n' "$1"
	kc auth can-i --list --as="$ME" -n "$1" 2>/dev/null | tail -n +2 | sed -E '/^ /d; s/ +/ /g; s/ $//' | LC_ALL=C sort
}
# put_app CLUSTER NAME PATH NAMESPACE: an Application as it lies in Git.
put_app() {
	write "$W/clusters/$1/$2.yaml" <<-END
		apiVersion: argoproj.io/v1alpha1
		kind: Application
		metadata:
		  name: $2
		spec:
		  project: default
		  revisionHistoryLimit: 0
		  source: {repoURL: "$GIT_URL/gitops.git", path: $3, targetRevision: main}
		  destination: {server: "https://kubernetes.default.svc", namespace: $4}
		  syncPolicy: {automated: {prune: true, selfHeal: true}}
	END
}
put() { configmap "$1" "$2" | write "$W/apps/$1/all.yaml"; }
value_is() { field_is "$2" configmap "$1" .data.key -n "$WORK"; }
leads() { [ "$(metric syncd_leader)" = 1 ]; }
one() { # FLAG...: the replica that leads
	syncd_start --namespace "$NS" --application-namespaces "$WORK" --leader-elect=true --identity one --soak 0s \
		--poll-interval 1s --webhook-addr "127.0.0.1:$PORT" "$@"
	wait_until 30 "a leader" leads
}

it "what it may do is written down: tests/e2e/rights.golden"
kc delete -f "$ROOT/manifests/install/rbac-applications.yaml" >/dev/null
{ rights $NS; rights default; } >"$T/rights"
[ -z "${UPDATE_GOLDEN:-}" ] || cp "$T/rights" "$ROOT/tests/e2e/rights.golden"
diff "$ROOT/tests/e2e/rights.golden" "$T/rights" >"$T/diff" ||
	fail "it may do something else (UPDATE_GOLDEN=1 writes it down): $(cat "$T/diff")"

# reach: its webhook without a cluster network, and by one who has time.
reach() {
	kc delete service syncd-webhook -n $NS >/dev/null
	kc create service externalname syncd-webhook --external-name localhost -n $NS >/dev/null
	kc patch validatingwebhookconfiguration syncd-webhook --type json -p "[
		{\"op\":\"replace\",\"path\":\"/webhooks/0/timeoutSeconds\",\"value\":15},
		{\"op\":\"replace\",\"path\":\"/webhooks/0/clientConfig/service/port\",\"value\":$PORT}]" >/dev/null
}

it "half a bootstrap is refused, by the flag's name"
assert_exit 2 "$BIN/syncd" --bootstrap-repo https://git.example.com/gitops
assert_contains "$OUTPUT" "--bootstrap-path is missing" "without a path"
assert_exit 2 "$BIN/syncd" --bootstrap-path clusters/east
assert_contains "$OUTPUT" "--bootstrap-repo is missing" "without a repository"
assert_exit 2 "$BIN/syncd" --bootstrap-revision main
assert_contains "$OUTPUT" "--bootstrap-repo is missing" "a revision alone"

it "a program that is missing is said at the start"
for flag in --worker --kustomize; do
	assert_exit 1 timeout 10 "$BIN/syncd" $flag "$T/none"
	assert_contains "$OUTPUT" "$T/none cannot be run: No such file or directory" "$flag"
done

it "an empty cluster gets its Applications by one flag and one Secret, admission in place"
AUDIT=$(dirname "$KUBECONFIG")/audit.log
[ -f "$AUDIT" ] || fail "the cluster is not ours: there is no $AUDIT"
AUDITED=$(wc -l <"$AUDIT")
PORT=$(free_port)
reach
namespace "$WORK"
kc create rolebinding it-may-edit --clusterrole edit --serviceaccount "$NS:syncd" -n "$WORK" >/dev/null
kubeconfig_of syncd $NS "$T/kubeconfig"
SYNCD_UNDER=(env "KUBECONFIG=$T/kubeconfig")
repo gitops
git_server --auth ada:word-$$
put shop one
put_app east shop apps/shop "$WORK"
put_app east team clusters/team "$NS" # an Application of Applications, brought itself
put cart one
put_app team cart apps/cart "$WORK"
COMMIT=$(commit gitops "the cluster")
kc apply -f - >/dev/null <<-END
	apiVersion: v1
	kind: Secret
	metadata: {name: gitops, namespace: $NS, labels: {argocd.argoproj.io/secret-type: repository}}
	stringData: {type: git, url: "$GIT_URL/gitops.git", username: ada, password: word-$$}
END
bootstrap=(--bootstrap-repo "$GIT_URL/gitops.git" --bootstrap-path clusters/east --bootstrap-revision main)
one "${bootstrap[@]}"
for name in syncd-bootstrap shop team cart; do good $name "$COMMIT" 60; done
value_is shop one && value_is cart one || fail "the values"
assert_eq "" "$(field app syncd-bootstrap .metadata.finalizers -n $NS)" "its finalizers"

it "a commit brings one more; what leaves Git waits for a person"
put bag one
put_app east bag apps/bag "$WORK"
rm "$W/clusters/east/shop.yaml"
COMMIT=$(commit gitops "a bag, no shop")
wait_until 60 "the bag" app_is bag '$d.phase == "Good"'
wait_until 60 "the question" eval 'syncctl status syncd-bootstrap | grep -q "Application/.*shop"'
assert_eq shop "$(field app shop .metadata.name -n $NS)" "the Application"
put_app east shop apps/shop "$WORK"
COMMIT=$(commit gitops "the shop again")
good syncd-bootstrap "$COMMIT" 60

it "what somebody changes of it is put back, and a deleted one comes back"
kc patch app syncd-bootstrap -n $NS --type merge -p '{"spec":{"source":{"path":"elsewhere"},"syncPolicy":null}}' >/dev/null
wait_until 30 "path" field_is clusters/east app syncd-bootstrap .spec.source.path -n $NS
wait_until 30 "automation" field_is true app syncd-bootstrap .spec.syncPolicy.automated.selfHeal -n $NS
UID_WAS=$(field app syncd-bootstrap .metadata.uid -n $NS)
kc delete app syncd-bootstrap -n $NS >/dev/null
anew() { local now; now=$(field app syncd-bootstrap .metadata.uid -n $NS); [ -n "$now" ] && [ "$now" != "$UID_WAS" ]; }
wait_until 30 "a new one" anew
good syncd-bootstrap "$COMMIT" 60
value_is shop one || fail "the shop's value"

it "a day's work asks for nothing that is not granted, and uses each right that is"
# Drift again and again; large releases that nobody needs any more; somebody who asks twice for
# what cannot be; a spoilt certificate; a push that reaches a standby.
for i in 1 2 3; do
	kc patch configmap shop -n "$WORK" --type merge -p '{"data":{"key":"by hand"}}' >/dev/null
	wait_until 30 "heal $i" value_is shop one
done
for value in two three; do
	put shop $value
	printf 'binaryData: {noise: "%s"}\n' "$(head -c 150000 /dev/urandom | base64 -w0)" >>"$W/apps/shop/all.yaml"
	COMMIT=$(commit gitops $value)
	good shop "$COMMIT" 60
done
for i in 1 2; do
	kc patch app shop -n $NS --type merge -p '{"operation":{"sync":{"revision":"no-such-branch"}}}' >/dev/null
	wait_until 30 "the answer to request $i" field_is "" app shop .operation -n $NS
done
kc patch secret syncd-webhook-cert -n $NS --type merge -p '{"data":{"tls.crt":""}}' >/dev/null
has_certificate() { [ -n "$(field secret syncd-webhook-cert '.data.tls\.crt' -n $NS)" ]; }
wait_until 30 "a new certificate" has_certificate
kc create secret generic argocd-secret -n $NS --from-literal webhook.gitlab.secret=token >/dev/null
PUSH=127.0.0.1:$(free_port) HEALTH2=127.0.0.1:$(free_port)
daemon_start "$T" standby "${SYNCD_UNDER[@]}" "$BIN/syncd" --namespace $NS --data-dir "$T/data-2" --identity two \
	--health-addr "$HEALTH2" --metrics-addr "" --git-webhook-addr "$PUSH"
daemon_wait "$T" standby 30 curl -fsS -m 2 "http://$HEALTH2/readyz" || fail "the standby is not ready"
printf '{"object_kind":"push","project":{"web_url":"%s/gitops"}}' "$GIT_URL" >"$T/body"
handed_on() {
	[ "$(curl -sS -m 5 -o /dev/null -w '%{http_code}' -H 'X-Gitlab-Event: Push Hook' -H 'X-Gitlab-Token: token' \
		--data-binary "@$T/body" "http://$PUSH/api/webhook")" = 202 ] && field_is syncd-push lease syncd-push .metadata.name -n $NS
}
wait_until 30 "a push that is handed on" handed_on
daemon_stop "$T" standby

# audit JQ: of each of its requests since it began.
audit() { tail -n "+$((AUDITED + 1))" "$AUDIT" | jq -cr --arg me "$ME" "select(.user.username == \$me) | $1"; }
# unused: rights that no request was allowed by, as "Role/syncd GROUP RESOURCE VERB".
unused() {
	audit '(.annotations["authorization.k8s.io/reason"] // "" | capture("of (?<kind>ClusterRole|Role) \"(?<name>syncd[a-z-]*)\"")) as $role |
		"\($role.kind)/\($role.name) \(.objectRef.apiGroup // "") \(.objectRef.resource) \(.verb)",
		"\($role.kind)/\($role.name) * * \(.verb)"' | sort -u >"$T/used"
	kc get clusterrole/syncd clusterrole/syncd-webhook -o json >"$T/roles.json"
	kc get role/syncd -n $NS -o json >>"$T/roles.json"
	jq -rs '.[] | (.items[]? // .) | "\(.kind)/\(.metadata.name)" as $role | .rules[] | . as $r | .apiGroups[] as $g |
		$r.resources[] as $what | "\($role) \($g) \($what) \($r.verbs[])"' "$T/roles.json" | sort -u >"$T/granted"
	comm -23 "$T/granted" "$T/used"
}
all_used() { unused >"$T/unused"; cat "$T/unused"; [ ! -s "$T/unused" ]; }
wait_until 30 "use of each right" all_used
[ "$(wc -l <"$T/granted")" -ge 15 ] || fail "only $(wc -l <"$T/granted") rights: $(cat "$T/granted")"
denied=$(audit 'select(.annotations["authorization.k8s.io/decision"] == "forbid") |
	"\(.verb) \(.requestURI): \(.annotations["authorization.k8s.io/reason"])"')
assert_eq "" "$denied" "what it was denied"
refute_contains "$(cat "$T/syncd.log")" forbidden "the log"

it "without the flags it stays, as an Application like any other"
syncd_stop
one --application-namespaces "$WORK,$NS" # its own is not read by itself any more
kc patch app syncd-bootstrap -n $NS --type merge -p '{"spec":{"source":{"targetRevision":"HEAD"}}}' >/dev/null
put shop four
COMMIT=$(commit gitops four)
good syncd-bootstrap "$COMMIT" 60
assert_eq HEAD "$(field app syncd-bootstrap .spec.source.targetRevision -n $NS)" "what a person wrote"
syncd_stop

# --- its certificate by somebody else ---------------------------------------------

CERTS=$T/certs
part() { field secret syncd-webhook-tls ".data.$1" -n $NS; } # of what was issued
# mount: what was issued as a kubelet has it for its pod: links, which all turn at once.
mount() {
	local to name
	to=$(mktemp -d "$(mkdir -p "$CERTS"; echo "$CERTS")/..XXXXXX")
	for name in ca.crt tls.crt tls.key; do
		part "${name/./\\.}" | base64 -d >"$to/$name"
		ln -sfn "..data/$name" "$CERTS/$name"
	done
	ln -sfn "$(basename "$to")" "$CERTS/..turn"
	mv -T "$CERTS/..turn" "$CERTS/..data"
}
shown() { openssl s_client -connect "127.0.0.1:$PORT" -servername "syncd-webhook.$NS.svc" </dev/null 2>/dev/null | openssl x509 -noout -serial; }
is_shown() { [ "$(shown)" = "$(openssl x509 -noout -serial -in "$CERTS/tls.crt")" ]; }
bundle_is_theirs() { field_is "$(part 'ca\.crt')" validatingwebhookconfiguration syncd-webhook '.webhooks[0].clientConfig.caBundle'; }
reviewed() { ! kc apply --dry-run=server -f "$T/odd.yaml" >"$T/odd.out" 2>&1 && grep -q 'spec.odd: is not a field' "$T/odd.out"; }

it "with manifests/cert-manager the webhook serves what was issued for it"
kc apply --server-side -f "$ROOT/tests/demo/cert-manager-crd.yaml" >/dev/null
kc wait --for condition=Established --timeout 30s -f "$ROOT/tests/demo/cert-manager-crd.yaml" >/dev/null
daemon_start "$T" issuer "$ROOT/tests/demo/issuer" --delay 0
from=$(realpath --relative-to="$T/overlay" "$ROOT/manifests")
write "$T/overlay/kustomization.yaml" <<-END
	apiVersion: kustomize.config.k8s.io/v1beta1
	kind: Kustomization
	resources: [$from/install]
	components: [$from/cert-manager]
END
kc delete service syncd-webhook -n $NS >/dev/null
kc apply -k "$T/overlay" >"$T/out" 2>&1 || fail "$(cat "$T/out")"
reach
assert_eq syncd-webhook-tls "$(field deployment syncd '.spec.template.spec.volumes[?(@.name=="webhook-cert")].secret.secretName' -n $NS)" "what its pods mount"
for name in syncd-webhook syncd-webhook-ca; do
	wait_until 30 "$name" field_is True certificate $name '.status.conditions[?(@.type=="Ready")].status' -n $NS
done
wait_until 30 "the issuer's CA as caBundle" bundle_is_theirs
mount
openssl verify -CAfile "$CERTS/ca.crt" -verify_hostname syncd-webhook.$NS.svc "$CERTS/tls.crt" >/dev/null
mapfile -t given < <(kc get deployment syncd -n $NS -o json | jq -r '.spec.template.spec.containers[0].args[] | select(startswith("--webhook-cert-dir="))')
assert_eq "--webhook-cert-dir=$(field deployment syncd '.spec.template.spec.containers[0].volumeMounts[?(@.name=="webhook-cert")].mountPath' -n $NS)" \
	"${given[*]}" "where they look for it"
one --webhook-cert-dir "$CERTS"
kc get app shop -n $NS -o json | jq '{apiVersion, kind, metadata: {name: "odd", namespace: .metadata.namespace}, spec: (.spec + {odd: 1})}' >"$T/odd.yaml"
wait_until 30 "review" reviewed
is_shown || fail "it shows $(shown)"

it "a renewed one is served without a restart, and what was announced stays"
OLD=$(part 'tls\.crt')
kc patch certificate syncd-webhook -n $NS --type merge -p '{"spec":{"duration":"1080h"}}' >/dev/null
renewed() { local now; now=$(part 'tls\.crt') && [ -n "$now" ] && [ "$now" != "$OLD" ]; }
wait_until 30 "a renewed one" renewed
mount
wait_until 30 "it shown" is_shown
reviewed || fail "no review: $(cat "$T/odd.out")"
bundle_is_theirs >"$T/out" || fail "$(cat "$T/out")"
daemon_alive "$T" syncd || fail "it ended"
syncd_stop
take_away
assert_eq "" "$(kc get validatingwebhookconfiguration,clusterrole,clusterrolebinding -o name | grep -E '/syncd(-|$)' || true)" \
	"what is left behind"
