#!/usr/bin/env bash
# Troubled days of a real control plane of its own: somebody fights over a field, a
# webhook does not answer, the API server restarts under live watches and has
# forgotten their past, tokens change, everything is refused with 429. Each ends with
# the cluster as Git says, and nothing is deleted but what left Git.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
CLUSTER=trouble-$$
delete_namespaces() { # of the clean-up: they go with their cluster
	"$ROOT/tests/cluster/down" --name "$CLUSTER" >/dev/null 2>&1
}
KUBECONFIG=$("$ROOT/tests/cluster/up" --name "$CLUSTER" 2>"$T/up.log" | tail -n 1)
export KUBECONFIG
STATE=$(dirname "$KUBECONFIG")
NS=trouble-$$
W=$TREES/shop

value_is() { field_is "$1" configmap shop .data.key -n "$NS"; }
put_out() { # VALUE: the ConfigMap; with each commit another file comes and one goes
	N=$((${N:-0} + 1))
	configmap shop "$1" | write "$W/shop/map.yaml"
	rm -f "$W/shop"/extra-*.yaml
	configmap "extra-$N" here | write "$W/shop/extra-$N.yaml"
	COMMIT=$(commit shop "$1")
}
# settled: the newest commit is good, exactly its objects are there, the same as ever.
settled() {
	good shop "$COMMIT" "${1:-60}"
	wait_until 20 "only what Git says" eval \
		'[ "$(kc get configmap -n "$NS" -o name | sort | tr "\n" " ")" = "configmap/bystander configmap/extra-$N configmap/kube-root-ca.crt configmap/shop " ]'
	wait_until 20 "Deployment" field_is "registry.example.com/web:v1" deployment web '.spec.template.spec.containers[0].image' -n "$NS"
	assert_eq "$UIDS" "$(uids)" "who is who"
}
uids() {
	kc get configmap/bystander configmap/shop deployment/web -n "$NS" \
		-o 'jsonpath={range .items[*]}{.metadata.name}={.metadata.uid} {end}'
}
api_pid() { cut -d' ' -f1 <"$STATE/kube-apiserver.pid"; }
api_kill() {
	mapfile -d '' API <"/proc/$(api_pid)/cmdline"
	daemon_signal "$STATE" kube-apiserver KILL
	daemon_gone "$STATE" kube-apiserver 100 || fail "the API server does not end"
}
api_start() {
	PATH=$("$ROOT/tests/cluster/build"):$PATH daemon_start "$STATE" kube-apiserver "${API[@]}"
	wait_until 60 "API server" kc get --raw /readyz
}
etcd_post() {
	curl -fsS -m 10 "http://127.0.0.1:$(head -n 1 "$STATE/ports")/v3/kv/$1" -d "$2"
}
# token NAME: a token that lives as long as Secret NAME, into the file that syncd reads.
token() {
	kc create secret generic "$1" -n "$APPS" >/dev/null
	kc create token syncd -n "$APPS" --bound-object-kind Secret --bound-object-name "$1" >"$T/token.new"
	mv "$T/token.new" "$T/token"
}
is_answered() { # STATUS TOKEN
	[ "$1" = "$(curl -sS -m 5 -o /dev/null -w '%{http_code}' --cacert "$STATE/pki/ca.crt" -H "Authorization: Bearer $2" "$SERVER/api/v1/namespaces")" ]
}
relists() { grep -c 'too old\|410\|Expired' "$T/syncd.log" || true; }

SERVER=$(kc config view --raw --minify -o 'jsonpath={.clusters[0].cluster.server}')
namespace "$NS"
namespace "$APPS"
repo shop
git_server
kc create configmap bystander -n "$NS" --from-literal key=stays >/dev/null
kc create serviceaccount syncd -n "$APPS" >/dev/null
kc create clusterrolebinding syncd-trouble --clusterrole cluster-admin --serviceaccount "$APPS:syncd" >/dev/null
token first
write "$T/kubeconfig" <<-END
	apiVersion: v1
	kind: Config
	current-context: t
	contexts: [{name: t, context: {cluster: c, user: u}}]
	clusters: [{name: c, cluster: {server: "$SERVER", certificate-authority-data: $(base64 -w0 "$STATE/pki/ca.crt")}}]
	users: [{name: u, user: {tokenFile: $T/token}}]
END
deployment web v1 1 | write "$W/shop/web.yaml"
put_out one
SYNCD_UNDER=(env "KUBECONFIG=$T/kubeconfig")
syncd_start --poll-interval 1s --soak 0s
app shop "$GIT_URL/shop.git" shop "$NS"
good shop "$COMMIT"
UIDS=$(uids)
assert_eq 3 "$(wc -w <<<"$UIDS")" "objects that stay"

rival() {
	configmap shop "rival-$((RIVAL += 1))" |
		kc apply -n "$NS" --server-side --force-conflicts --field-manager rival -f - >/dev/null
}
fight_is_given_up() {
	rival
	grep -q 'is not healed any more' "$T/syncd.log"
}

it "a rival that writes a field again and again: a fight that is given up, told, and over with the next commit"
HEALED=$(metric syncd_heals_total) RIVAL=0
wait_until 150 "end of the fight" fight_is_given_up
rival
never 8 "heal" value_is one
[ $(($(metric syncd_heals_total) - HEALED)) -le 5 ] || fail "$(metric syncd_heals_total) heals"
wait_until 20 "Event" eval 'kc get events -n "$APPS" | grep -q HealStopped'
wait_until 20 "condition" app_is shop '[$s.conditions[]? | select(.message | test("no longer healed"))] != []'
put_out two
settled
value_is two || fail "$(cat "$T/wait.out")"

it "a webhook that does not answer: what it guards waits, and goes out when it is gone"
PORT=$(free_port)
kc apply -f - >/dev/null <<-END
	apiVersion: admissionregistration.k8s.io/v1
	kind: ValidatingWebhookConfiguration
	metadata: {name: deaf-$$}
	webhooks:
	- name: deaf.example.com
	  clientConfig: {url: "https://127.0.0.1:$PORT/"}
	  timeoutSeconds: 1
	  failurePolicy: Fail
	  sideEffects: None
	  admissionReviewVersions: [v1]
	  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: "$NS"}}
	  rules: [{apiGroups: [""], apiVersions: ["*"], operations: [CREATE, UPDATE, DELETE], resources: [configmaps], scope: Namespaced}]
END
wait_until 20 "webhook in force" eval '! kc create configmap probe -n "$NS"'
put_out three
wait_until 30 "trouble that is told" app_is shop '[$s.conditions[]? | select(.message | test("deaf"))] != []'
value_is two || fail "it went out past the webhook: $(cat "$T/wait.out")"
kc delete validatingwebhookconfiguration "deaf-$$" >/dev/null
wait_until 90 "the new value" value_is three
settled 90

it "the API server dies and comes back under live watches"
PID=$(cut -d' ' -f1 <"$T/syncd.pid")
api_kill
put_out four
sleep 3 # syncd meets the dead server for a while
api_start
kc delete deployment web -n "$NS" --cascade=background >/dev/null
wait_until 90 "the Deployment again" kc get deployment web -n "$NS"
UIDS=$(uids)
settled 90
value_is four || fail "$(cat "$T/wait.out")"

it "what the watches have seen last is forgotten: lists anew, and misses nothing"
BEFORE=$(relists)
daemon_signal "$T" syncd STOP
kc label configmap shop -n "$NS" syncd.dev/install- >/dev/null
kc patch configmap shop -n "$NS" --type merge -p '{"data":{"key":"by hand"}}' >/dev/null
put_out five
api_kill
REVISION=$(etcd_post range '{"key":"AA=="}' | jq -r .header.revision)
etcd_post compaction "{\"revision\":\"$REVISION\",\"physical\":true}" >/dev/null
api_start
daemon_signal "$T" syncd CONT
wait_until 120 "the new value" value_is five
settled 90
[ "$(relists)" -gt "$BEFORE" ] || fail "no watch was told that its version is too old"

it "another token in its file, and the old one is void"
FIRST=$(cat "$T/token")
token second
kc delete secret first -n "$APPS" >/dev/null
wait_until 60 "end of the old token" is_answered 401 "$FIRST"
put_out seven
settled 60
value_is seven || fail "$(cat "$T/wait.out")"

# One request that nobody answers takes the only seat that the server gives to syncd.
take_the_seat() {
	if ! daemon_alive "$T" seat; then
		daemon_start "$T" seat curl -sS -m 60 --cacert "$STATE/pki/ca.crt" -H "Authorization: Bearer $(cat "$T/token")" \
			--json '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "seat"}}' \
			"$SERVER/api/v1/namespaces/default/configmaps?dryRun=All"
		sleep 0.2
	fi
	is_answered 429 "$(cat "$T/token")"
}

it "everything is refused with 429 for a while"
PORT=$(free_port)
daemon_start "$T" deaf openssl s_server -quiet -nocert -accept "127.0.0.1:$PORT"
wait_until 10 "listener" eval 'exec 3<>"/dev/tcp/127.0.0.1/$PORT"'
daemon_signal "$T" deaf STOP
kc apply -f - >/dev/null <<-END
	apiVersion: flowcontrol.apiserver.k8s.io/v1
	kind: PriorityLevelConfiguration
	metadata: {name: nothing}
	spec:
	  type: Limited
	  limited: {nominalConcurrencyShares: 0, lendablePercent: 0, borrowingLimitPercent: 0, limitResponse: {type: Reject}}
	---
	apiVersion: flowcontrol.apiserver.k8s.io/v1
	kind: FlowSchema
	metadata: {name: nothing}
	spec:
	  matchingPrecedence: 2
	  priorityLevelConfiguration: {name: nothing}
	  rules:
	  - subjects: [{kind: ServiceAccount, serviceAccount: {name: syncd, namespace: "$APPS"}}]
	    resourceRules: [{verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"], clusterScope: true}]
	---
	apiVersion: admissionregistration.k8s.io/v1
	kind: ValidatingWebhookConfiguration
	metadata: {name: seat-$$}
	webhooks:
	- name: seat.example.com
	  clientConfig: {url: "https://127.0.0.1:$PORT/"}
	  timeoutSeconds: 30
	  failurePolicy: Ignore
	  sideEffects: None
	  admissionReviewVersions: [v1]
	  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: default}}
	  rules: [{apiGroups: [""], apiVersions: ["*"], operations: [CREATE], resources: [configmaps], scope: Namespaced}]
END
wait_until 60 "429 for syncd" take_the_seat
put_out eight
never 8 "a value that went out in the storm" value_is eight
is_answered 429 "$(cat "$T/token")" || fail "it was no storm"
daemon_stop "$T" seat
kc delete flowschema nothing >/dev/null
settled 90
value_is eight || fail "$(cat "$T/wait.out")"

it "it was one process all the time, and deleted only what left Git"
assert_eq "$PID" "$(cut -d' ' -f1 <"$T/syncd.pid")" "the process"
daemon_alive "$T" syncd || fail "syncd ended"
assert_eq "" "$(grep -E 'bug:|AddressSanitizer|runtime error' "$T/syncd.log" || true)" "bugs in the log"
