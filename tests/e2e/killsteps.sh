#!/usr/bin/env bash
# kill -9 of syncd exactly at ten named steps of a first sync and at ten of a revert:
# it goes on where it was. Each wave waits for the one before, no object is made
# twice, nothing goes that should stay, each release appears once.
#
# killat ends the daemon right after the log line of the step, before anything else
# is done; an application per step, one after another. The next life, which goes on
# with it, is already the one that dies at the next application's step.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
needs killat
W=$TREES/shop
# Parts of the log line of each step: "the message begins so|and holds this".
SYNC_STEPS=("sync of #1: Watching" "sync of #1: Recording" "sync of #1: CreatingNamespace" "sync of #1: Preflight"
	"sync of #1: Applying" "sync of #1: Learning, wave -1" "sync of #1: Settling, wave -1" "sync of #1: Claiming, wave 0"
	"sync of #1: Settling, wave 1" 'release #1 (|) is good')
REVERT_STEPS=('release #2 (|) rejected: ' "revert of #1: Watching" "revert of #1: Recording" "revert of #1: Unblocking" "revert of #1: Preflight"
	"revert of #1: Applying" "revert of #1: Claiming, wave 0" "revert of #1: Settling" "revert of #1: Pruning" "reverted to release #1")

ns_of() { printf 'killsteps-%s-s%s\n' $$ "$1"; }
in_git() { write "$W/s$1/$2.yaml"; }
# texts STEP NUMBER: what its line holds, in TEXTS.
texts() {
	IFS='|' read -ra TEXTS <<<"\"msg\":\"$1|\"application\":\"$APPS/s$2\""
}
# start [STEP NUMBER]: a life that ends at this step of that application.
start() {
	SYNCD_UNDER=()
	[ $# = 0 ] || { texts "$@"; SYNCD_UNDER=("$BIN/tests/killat" "${TEXTS[@]}" --); }
	syncd_start --poll-interval 1s --soak 1s --degraded-grace 0s --pull-grace 1s --log-format json
}
# died_at STEP NUMBER: it did, and that was the last it said.
died_at() {
	local text
	daemon_gone "$T" syncd 400 || fail "syncd does not come to '$1' of s$2"
	rm -f "$T/syncd.pid"
	tail -n 1 "$T/syncd.log" >"$T/last"
	texts "$@"
	for text in "${TEXTS[@]}"; do
		grep -qF -- "$text" "$T/last" || fail "syncd did not die at '$1' of s$2, but after: $(cat "$T/last")"
	done
	say "died at: $1"
}
gizmo_crd() {
	cat <<-END
		apiVersion: apiextensions.k8s.io/v1
		kind: CustomResourceDefinition
		metadata: {name: gizmos.$1.example.com, annotations: {argocd.argoproj.io/sync-wave: "-1"}}
		spec:
		  group: $1.example.com
		  names: {kind: Gizmo, plural: gizmos, singular: gizmo, listKind: GizmoList}
		  scope: Namespaced
		  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
	END
}
# watched FILE KIND JSONPATH: a line per event of this kind from now on.
watched() {
	daemon_start "$T" "$1" kubectl get "$2" -A --watch-only --output-watch-events \
		-o "jsonpath={.type}{\" \"}{.object.metadata.namespace}{\" \"}{.object.metadata.name}{\" \"}{.object.metadata.resourceVersion}{\" \"}$3{\"\\n\"}"
}
# first FILE TYPE NS NAME [REST]: the resourceVersion of its first such event.
first() {
	awk -v want="$2 $3 $4" -v rest="${5:-}" '$1 " " $2 " " $3 == want && (rest == "" || $5 == rest) { print $4; exit }' "$T/$1.log"
}
added() { awk -v ns="$2" '$1 == "ADDED" && $2 == ns && $3 != "kube-root-ca.crt" { print $3 }' "$T/$1.log" | sort | tr '\n' ' '; }
deleted() { awk -v ns="$2" '$1 == "DELETED" && $2 == ns { print $3 }' "$T/$1.log" | sort | tr '\n' ' '; }
whole() { # NUMBER: everything of the first release
	local ns part
	ns=$(ns_of "$1")
	for part in a c; do field_is v1 configmap $part .data.key -n "$ns" || return 1; done
	field_is registry.example.com/web:v1 deployment web '.spec.template.spec.containers[0].image' -n "$ns" &&
		field_is 1 gizmo.s"$1"-$$.example.com g .spec.size -n "$ns"
}
releases() { kc get app "s$1" -n "$APPS" -o json | jq -r '[.status.syncd.releases[] | "\(.id)\(.state)"] | join(" ")'; }

repo shop
git_server
URL=$GIT_URL/shop.git
for i in {1..10}; do
	ns_of "$i" >>"$T/namespaces"
	gizmo_crd "s$i-$$" | in_git "$i" crd
	printf 'apiVersion: s%s-%s.example.com/v1\nkind: Gizmo\nmetadata: {name: g}\nspec: {size: 1}\n' "$i" $$ | in_git "$i" gizmo
	configmap a v1 -1 | in_git "$i" a
	deployment web v1 0 | in_git "$i" web
	configmap c v1 1 | in_git "$i" c
done
SYNC=$(commit shop "ten applications")
watched configmaps configmap ""
watched deployments deployment '{.object.status.availableReplicas}'

it "a first sync that dies at each of ten steps goes on"
for i in {1..10}; do
	step=${SYNC_STEPS[i - 1]}
	start "$step" "$i"
	[ "$i" = 1 ] || good "s$((i - 1))" "$SYNC" 30
	app "s$i" "$URL" "s$i" "$(ns_of "$i")" '.spec.syncPolicy.syncOptions = ["CreateNamespace=true"]'
	died_at "$step" "$i"
done
start
for i in {1..10}; do good "s$i" "$SYNC" 30; done

it "each is whole, made once, in the order of its waves"
for i in {1..10}; do
	ns=$(ns_of "$i")
	whole "$i" || fail "not all of s$i is there: $(kc get cm,deploy -n "$ns")"
	assert_eq 1good "$(releases "$i")" "releases of s$i"
	assert_eq "a c " "$(added configmaps "$ns")" "the ConfigMaps made for s$i"
	assert_eq "web " "$(added deployments "$ns")" "the Deployments made for s$i"
	assert_eq "" "$(deleted configmaps "$ns")$(deleted deployments "$ns")" "what was deleted of s$i"
	[ "$(first configmaps ADDED "$ns" a)" -lt "$(first deployments ADDED "$ns" web)" ] || fail "s$i: wave 0 came before wave -1"
	[ "$(first deployments MODIFIED "$ns" web 1)" -lt "$(first configmaps ADDED "$ns" c)" ] || fail "s$i: wave 1 did not wait for wave 0"
done
syncd_stop

it "a revert that dies at each of ten steps goes on"
BAD=
for i in {1..10}; do
	step=${REVERT_STEPS[i - 1]}
	start "$step" "$i"
	[ "$i" = 1 ] || wait_until 30 "the end of the revert of s$((i - 1))" app_is "s$((i - 1))" \
		"\$d.phase == \"Pinned\" and \$d.rejected.revision == \"$BAD\" and \$d.target.id == 1"
	configmap a v2 -1 | in_git "$i" a
	configmap new v1 -1 | in_git "$i" new
	deployment web bad1 0 | in_git "$i" web
	BAD=$(commit shop "s$i turns bad")
	died_at "$step" "$i"
done
start
wait_until 90 "the end of the last revert" app_is s10 "\$d.phase == \"Pinned\" and \$d.rejected.revision == \"$BAD\" and \$d.target.id == 1"

it "each is back at its good release, nothing else gone"
for i in {1..10}; do
	ns=$(ns_of "$i")
	whole "$i" || fail "not all of s$i is back: $(kc get cm,deploy -n "$ns")"
	assert_eq "2rejected 1good" "$(releases "$i")" "releases of s$i"
	wait_until 20 "health of s$i" app_is "s$i" '$s.health.status == "Healthy"'
	wait_until 10 "the end of what the bad release of s$i made" eval "[ -z \"\$(kc get configmap new -n $ns --ignore-not-found -o name)\" ]"
	assert_eq "a c new " "$(added configmaps "$ns")" "the ConfigMaps made for s$i"
	assert_eq "new " "$(deleted configmaps "$ns")" "the ConfigMaps deleted of s$i"
	assert_eq "web " "$(added deployments "$ns")$(deleted deployments "$ns")" "the Deployments of s$i"
done
syncd_stop
for i in {1..10}; do kc delete crd --wait=false "gizmos.s$i-$$.example.com" >/dev/null; done
