#!/usr/bin/env bash
# kill -9 of syncd at many steps of a first sync in waves and of a revert: it goes on
# where it was, the end is the same, nothing goes that should stay, and no release
# appears twice.
#
# Ten applications begin one after another and every write takes a second (an
# admission webhook that never answers), so that one kill meets ten different steps.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=kill-$$
W=$TREES/shop
TEN=(s1 s2 s3 s4 s5 s6 s7 s8 s9 s10)

in_git() { write "$W/$1.yaml"; }
image_is() { field_is "registry.example.com/$1:$2" deployment "$1" '.spec.template.spec.containers[0].image' -n "$NS"; }
start() { syncd_start --poll-interval 1s --soak 0s --degraded-grace 0s --pull-grace 1s --log-format json; }
releases() { kc get app "$1" -n "$APPS" -o json | jq -r '[.status.syncd.releases[] | "\(.id)\(.state)"] | join(" ")'; }
phases() { kc get app -n "$APPS" -o json | jq -r '[.items[].status.syncd.phase // "none"] | sort | group_by(.) | map("\(length) \(.[0])") | join(", ")'; }
some_are() { [[ $(phases) == *" $1"* ]]; }
went_on() { grep -c "going on with operation .* ($1 of" "$T/syncd.log" || true; }
# uids: who is who of what should stay.
uids() {
	kc get configmap,deployment -n "$NS" -o json | jq -r '.items[] |
		select(.metadata.name | test("^(s[0-9]+(-[abc])?|bystander)$")) | "\(.kind) \(.metadata.name) \(.metadata.uid)"' | sort
}
whole() { # NAME: everything of the first release
	local part
	for part in a b c; do
		field_is v1 configmap "$1-$part" .data.key -n "$NS" || return 1
	done
	image_is "$1" v1
}

# slow: from here on each write of objects and records takes a second.
slow() {
	local url
	mkdir -p "$T/empty"
	url=$("$ROOT/tests/tools/githttp" start "$T/slow" "$T/empty" --tls --port "$(free_port)")
	"$ROOT/tests/tools/githttp" pause "$T/slow"
	kc apply -f - >/dev/null <<-END
		apiVersion: admissionregistration.k8s.io/v1
		kind: ValidatingWebhookConfiguration
		metadata: {name: slow-$$}
		webhooks:
		- name: slow.example.com
		  clientConfig: {url: "https://127.0.0.1:${url##*:}/"}
		  timeoutSeconds: 1
		  failurePolicy: Ignore
		  sideEffects: None
		  admissionReviewVersions: [v1]
		  namespaceSelector:
		    matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: ["$NS", "$APPS"]}]
		  rules:
		  - {apiGroups: ["", apps], apiVersions: ["*"], operations: [CREATE, UPDATE, DELETE], resources: [configmaps, secrets, deployments], scope: Namespaced}
	END
}
quick() { kc delete validatingwebhookconfiguration "slow-$$" --ignore-not-found >/dev/null; }

namespace "$NS"
repo shop
git_server
URL=$GIT_URL/shop.git
kc create configmap bystander -n "$NS" --from-literal key=stays >/dev/null
for name in "${TEN[@]}"; do
	configmap "$name-a" v1 -1 | in_git "$name/a"
	configmap "$name-b" v1 0 | in_git "$name/b"
	deployment "$name" v1 0 | in_git "$name/web"
	configmap "$name-c" v1 1 | in_git "$name/c"
done
SYNC=$(commit shop "ten applications")
daemon_start "$T" deleted kubectl get configmap -n "$NS" --watch-only --output-watch-events \
	-o 'jsonpath={.type}{" "}{.object.metadata.name}{"\n"}'

it "first syncs go on after two kills at ten steps"
start
slow
for name in "${TEN[@]}"; do
	app "$name" "$URL" "$name" "$NS"
	sleep 0.7
done
wait_until 30 "a first good one" some_are Good
say "killed: $(phases)"
syncd_kill
start
sleep 3
say "killed: $(phases)"
syncd_kill
start
for name in "${TEN[@]}"; do good "$name" "$SYNC" 60; done
[ "$(went_on sync)" -ge 6 ] || fail "only $(went_on sync) syncs were under way"

it "each is complete, as one release"
for name in "${TEN[@]}"; do
	whole "$name" || fail "not all of $name is there: $(kc get cm,deploy -n "$NS")"
	assert_eq 1good "$(releases "$name")" "releases of $name"
done
assert_eq "" "$(grep DELETED "$T/deleted.log" || true)" "what was deleted"
uids >"$T/before"
assert_eq 41 "$(wc -l <"$T/before")" "objects"

it "reverts go on after two kills"
for name in "${TEN[@]}"; do
	configmap "$name-a" v2 -1 | in_git "$name/a"
	configmap "$name-new" v1 -1 | in_git "$name/new"
	deployment "$name" bad1 0 | in_git "$name/web"
	git -C "$W" rm -q "$name/b.yaml"
	BAD=$(commit shop "$name turns bad")
	sleep 0.7
done
wait_until 60 "a first one pinned" some_are Pinned
say "killed: $(phases)"
syncd_kill
start
sleep 3
say "killed: $(phases)"
syncd_kill
start
for name in "${TEN[@]}"; do
	wait_until 60 "the end of the revert of $name" app_is "$name" \
		"\$d.phase == \"Pinned\" and \$s.sync.revision == \"$BAD\" and \$d.target.id == 1"
done
[ "$(went_on revert)" -ge 3 ] || fail "only $(went_on revert) reverts were under way"

it "each is back at its good release, the same objects, nothing else gone"
quick
for name in "${TEN[@]}"; do
	whole "$name" || fail "not all of $name is back: $(kc get cm,deploy -n "$NS")"
	assert_eq "2rejected 1good" "$(releases "$name")" "releases of $name"
	wait_until 20 "health of $name" app_is "$name" '$s.health.status == "Healthy"'
done
wait_until 10 "the end of what the bad releases made" eval '! kc get configmap -n "$NS" -o name | grep -q -- -new'
assert_eq "$(cat "$T/before")" "$(uids)" "the objects"
assert_eq "" "$(grep DELETED "$T/deleted.log" | grep -v -- '-new$' || true)" "what was deleted"
assert_eq 10 "$(grep DELETED "$T/deleted.log" | sort -u | grep -c -- '-new$')" "what the bad releases had made"
