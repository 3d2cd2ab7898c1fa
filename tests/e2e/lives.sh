#!/usr/bin/env bash
# Random lives on a real API server: four applications to which all sorts of things
# happen (releases good, bad, broken and refused; objects that come, go and move;
# hands in the cluster; requests by syncctl; kills, stops, a hung webhook, no Git, an
# API server that restarts), each drawn from the seed. Then peace: everything is mended,
# and the cluster has to be what Git says, with nothing lost on the way.
#
#   SEED=7 STEPS=40 LIVES=1 tests/e2e/lives.sh
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
CLUSTER=lives-$$
delete_namespaces() { # of the clean-up: they go with their cluster
	"$ROOT/tests/cluster/down" --name "$CLUSTER" >/dev/null 2>&1
}
KUBECONFIG=$("$ROOT/tests/cluster/up" --name "$CLUSTER" 2>"$T/up.log" | tail -n 1)
export KUBECONFIG
STATE=$(dirname "$KUBECONFIG")
SEED=${SEED:-1} STEPS=${STEPS:-40} LIVES=${LIVES:-1}
APPLICATIONS=(a1 a2 a3 a4)
W=$TREES/estate

# --- chance -------------------------------------------------------------------

# draw N: a number below N, in $DRAWN. (A subshell would draw the same ones again.)
draw() { DRAWN=$((RANDOM % $1)); }
pick() { draw $#; shift "$DRAWN"; DRAWN=$1; }
pick_app() { pick "${APPLICATIONS[@]}"; A=$DRAWN; }

# --- what is there ------------------------------------------------------------

declare -A MAY_GO # objects that somebody deleted, or that left Git, at some time

has() { [ -e "$W/$1" ]; }
start() { syncd_start --poll-interval 1s --soak 0s --degraded-grace 0s --log-format json; }
# may_go NAME...: these may be deleted from now on.
may_go() { local n; for n; do MAY_GO[$n]=1; done; }
put() { configmap "$2" "$3" "${4:-0}" | write "$W/$1/$2.yaml"; }
put_job() {
	write "$W/$1/$1-job.yaml" <<-END
		apiVersion: batch/v1
		kind: Job
		metadata:
		  name: $1-job
		  annotations: {argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/hook-delete-policy: BeforeHookCreation}
		spec:
		  backoffLimit: 0
		  template:
		    spec:
		      restartPolicy: Never
		      containers: [{name: main, image: "registry.example.com/$1:$2"}]
	END
}
# put_widget NAME SERVED: its CRD, of as many versions as there were so far, and one of
# the kind in the newest; SERVED says whether the version before is served, too.
put_widget() {
	local n
	{
		cat <<-END
			apiVersion: apiextensions.k8s.io/v1
			kind: CustomResourceDefinition
			metadata: {name: widgets.$GROUP}
			spec:
			  group: $GROUP
			  scope: Namespaced
			  names: {kind: Widget, plural: widgets}
			  versions:
		END
		for ((n = 1; n <= VERSION; n++)); do
			printf '  - {name: v%s, served: %s, storage: %s, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}\n' \
				"$n" "$([ "$n" = "$VERSION" ] && echo true || { [ "$n" = $((VERSION - 1)) ] && echo "$2" || echo false; })" \
				"$([ "$n" = "$VERSION" ] && echo true || echo false)"
		done
	} | write "$W/$1/$1-crd.yaml"
	printf 'apiVersion: %s/v%s\nkind: Widget\nmetadata: {name: %s-widget}\nspec: {size: %s}\n' "$GROUP" "$VERSION" "$1" "$VALUES" |
		write "$W/$1/$1-widget.yaml"
}
publish() { commit estate "$1" >"$T/head"; say "  $1"; }
value() { DRAWN=v$((++VALUES)); }

# whole_app NAME: what it begins with, and has again in peace.
whole_app() {
	value
	put "$1" "$1-first" "$DRAWN" -1
	put "$1" "$1-second" "$DRAWN"
	put "$1" "$1-last" "$DRAWN" 2
	deployment "$1-web" "$DRAWN" 1 2 | write "$W/$1/$1-web.yaml"
	[ "$1" != a4 ] || put_widget a4 true
}

# may_go_with NAME: what it took over; while it cannot be read nobody knows that it did.
may_go_with() { local f; for f in "$W/$1"/*-last.yaml; do may_go "$(basename "$f" .yaml)"; done; }

# --- what happens -------------------------------------------------------------

commit_values() { pick_app; value; put "$A" "$A-second" "$DRAWN"; publish "$A: a value"; }
commit_image() { pick_app; value; deployment "$A-web" "$DRAWN" 1 2 | write "$W/$A/$A-web.yaml"; publish "$A: an image"; }
commit_bad() {
	pick_app
	pick bad crash noready
	value_of=$DRAWN
	deployment "$A-web" "$value_of" 1 2 | write "$W/$A/$A-web.yaml"
	value
	put "$A" "$A-new$DRAWN" "$DRAWN" -1
	may_go "$A-new$DRAWN"
	publish "$A: an image that is $value_of, with a new object"
}
commit_added() { pick_app; value; put "$A" "$A-$DRAWN" "$DRAWN" -1; may_go "$A-$DRAWN"; publish "$A: one more"; }
commit_removed() {
	pick_app
	pick first second last
	has "$A/$A-$DRAWN.yaml" || return 0
	may_go "$A-$DRAWN"
	rm "$W/$A/$A-$DRAWN.yaml"
	publish "$A: without $DRAWN"
}
commit_broken() { pick_app; may_go_with "$A"; printf 'kind: [ConfigMap\n' >"$W/$A/$A-broken.yaml"; publish "$A: no YAML"; }
commit_refused() { pick_app; put "$A" "$A-refused" x; sed -i 's/key:/"no\/key":/' "$W/$A/$A-refused.yaml"; publish "$A: what the API server refuses"; }
commit_mended() { pick_app; rm -f "$W/$A/$A-broken.yaml" "$W/$A/$A-refused.yaml"; value; deployment "$A-web" "$DRAWN" 1 2 | write "$W/$A/$A-web.yaml"; publish "$A: mended"; }
commit_hook() { pick_app; value; pick "$DRAWN" "$DRAWN" "crash$DRAWN"; put_job "$A" "$DRAWN"; may_go "$A-job"; publish "$A: a hook $DRAWN"; }
commit_version() { value; VERSION=$((VERSION + 1)); pick true false; put_widget a4 "$DRAWN"; publish "a4: widgets of v$VERSION, the one before served: $DRAWN"; }
commit_moved() {
	local from
	pick_app
	from=$A
	pick_app
	[ "$from" != "$A" ] && has "$from/$from-last.yaml" || return 0
	! has "$A/$A-broken.yaml" || may_go "$from-last"
	git -C "$W" mv "$from/$from-last.yaml" "$A/$from-last.yaml"
	publish "$from-last moves to $A"
}
hand_edits() { pick_app; VALUES=$((VALUES + 1)); pick first second last; say "  $A-$DRAWN edited"; kc patch configmap "$A-$DRAWN" -n "$NS" --type merge -p "{\"data\":{\"key\":\"by hand $VALUES\"}}" >/dev/null 2>&1 || true; }
hand_edits_widget() { say "  a4-widget edited"; kc patch "widgets.$GROUP" a4-widget -n "$NS" --type merge -p '{"spec":{"size":-1}}' >/dev/null 2>&1 || true; }
hand_scales() { pick_app; say "  $A-web scaled"; kc scale deployment "$A-web" -n "$NS" --replicas 3 >/dev/null 2>&1 || true; }
hand_deletes() {
	pick_app
	pick first second web
	may_go "$A-$DRAWN"
	say "  $A-$DRAWN deleted"
	if [ "$DRAWN" = web ]; then set -- deployment; else set -- configmap; fi
	kc delete "$1" "$A-$DRAWN" -n "$NS" --wait=false >/dev/null 2>&1 || true
}
# Without waiting: what they say is tested elsewhere.
asks() { say "  syncctl $*"; timeout 20 "$BIN/syncctl" -n "$APPS" "$@" >"$T/ctl.out" 2>&1 || true; }
ask_rollback() { pick_app; asks rollback "$A" --async; }
ask_unpin() { pick_app; asks unpin "$A"; }
ask_suspend() { pick_app; asks suspend "$A" --reason lives; }
ask_resume() { pick_app; asks resume "$A"; }
ask_terminate() { pick_app; asks terminate "$A"; }
ask_sync() { pick_app; asks sync "$A" --async; }
ask_refresh() { pick_app; pick normal hard; say "  $A refreshed"; kc annotate app "$A" -n "$APPS" --overwrite "argocd.argoproj.io/refresh=$DRAWN" >/dev/null 2>&1 || true; }
app_deleted() { # not the one of the widgets: the garbage collector may take minutes to learn of versions
	pick_app
	[ "$A" != a4 ] || return 0
	for DRAWN in first second web widget; do may_go "$A-$DRAWN"; done
	for DRAWN in "${APPLICATIONS[@]}"; do may_go "$DRAWN-last"; done # it may have been taken over
	say "  Application $A deleted"
	kc delete app "$A" -n "$APPS" --wait=false >/dev/null 2>&1 || true
	sleep "0.$((RANDOM % 10))"
	again "$A"
}
crash() { say "  kill -9"; [ ! -e "$T/syncd.pid" ] || syncd_kill; sleep "0.$((RANDOM % 10))"; start; }
ends() { say "  SIGTERM"; [ ! -e "$T/syncd.pid" ] || syncd_stop; start; }
sleeps() { draw 6; say "  stopped for $DRAWN s"; daemon_signal "$T" syncd STOP; sleep "$DRAWN"; daemon_signal "$T" syncd CONT; }
git_goes() { say "  Git is away"; "$ROOT/tests/tools/githttp" pause "$T/git" || true; }
git_comes() { "$ROOT/tests/tools/githttp" resume "$T/git" || true; }
slow() { say "  each write takes a second"; sed "s/NS/$NS/" "$T/slow.yaml" | kc apply -f - >/dev/null || true; }
quick() { kc delete validatingwebhookconfiguration "slow-$$" --ignore-not-found >/dev/null || true; }
api_restarts() {
	local api
	say "  the API server restarts"
	mapfile -d '' api <"/proc/$(cut -d' ' -f1 <"$STATE/kube-apiserver.pid")/cmdline"
	daemon_signal "$STATE" kube-apiserver KILL
	daemon_gone "$STATE" kube-apiserver 100 || fail "the API server does not end"
	PATH=$("$ROOT/tests/cluster/build"):$PATH daemon_start "$STATE" kube-apiserver "${api[@]}"
	wait_until 60 "API server" kc get --raw /readyz
}

# Each as often as it stands here.
HAPPENINGS=(
	commit_values commit_values commit_values commit_values commit_image commit_image commit_image
	commit_bad commit_bad commit_bad commit_bad commit_added commit_added commit_removed commit_removed
	commit_broken commit_refused commit_refused commit_mended commit_mended commit_mended commit_hook
	commit_hook commit_moved commit_moved commit_version commit_version hand_edits_widget hand_edits hand_edits hand_scales hand_deletes hand_deletes
	ask_rollback ask_unpin ask_suspend ask_resume ask_resume ask_terminate ask_sync ask_refresh
	app_deleted crash crash crash ends sleeps git_goes git_comes git_comes slow quick quick api_restarts
)

# --- peace, and what has to hold ----------------------------------------------

again() {
	app "$1" "$URL" "$1" "$NS" '.metadata.finalizers = ["resources-finalizer.argocd.argoproj.io"] |
		.spec.syncPolicy.retry = {limit: 3, backoff: {duration: "1s", maxDuration: "3s"}}' 2>/dev/null || true
}
peace() {
	local a
	git_comes
	quick
	[ -e "$T/syncd.pid" ] || start
	for a in "${APPLICATIONS[@]}"; do
		asks resume "$a" # else it would not be deleted, either
		wait_until 150 "$a, which is not being deleted" is_there "$a"
		rm -rf "${W:?}/$a"
		whole_app "$a"
		asks unpin "$a"
	done
	publish "peace"
}
is_there() {
	again "$1"
	[[ $(kc get app "$1" -n "$APPS" -o 'jsonpath={.metadata.uid} {.metadata.deletionTimestamp}') == *" " ]] || {
		"$BIN/syncctl" -n "$APPS" status "$1"
		kc get "configmap,deployment,widgets.$GROUP" -n "$NS" -o json | jq -c '.items[].metadata |
			select(.deletionTimestamp) | {name, deletionTimestamp, finalizers}'
		return 1
	}
}
uids() { kc get "configmap,deployment,widgets.$GROUP" -n "$NS" -o json | jq -r '.items[] | "\(.metadata.name) \(.metadata.uid)"' | grep -v kube-root-ca.crt | sort; }
names() { kc get "configmap,deployment,widgets.$GROUP" -n "$NS" -o json | jq -r '.items[].metadata.name' | grep -v kube-root-ca.crt | sort; }
# A hook that left Git stays, as everywhere.
names_of_git() { { printf 'bystander\n'; cd "$W" && find . -name '*.yaml' ! -name '*-job.yaml' ! -name a4-crd.yaml -exec basename {} .yaml \;; } | sort; }
only_git() { diff <(names_of_git) <(names); }
of_git() { # each object is what Git says
	local a
	for a in "${APPLICATIONS[@]}"; do
		kc diff --server-side --force-conflicts --field-manager lives -n "$NS" -f "$W/$a" || return 1
	done
}

# --- lives --------------------------------------------------------------------

life() {
	local i a object
	RANDOM=$1 MAY_GO=()
	for a in "${APPLICATIONS[@]}"; do rm -rf "${W:?}/$a"; whole_app "$a"; done
	publish "the beginning"
	for a in "${APPLICATIONS[@]}"; do again "$a"; done
	for a in "${APPLICATIONS[@]}"; do good "$a" "$(cat "$T/head")" 60; done
	uids >"$T/uids"
	for ((i = 0; i < STEPS; i++)); do
		pick "${HAPPENINGS[@]}"
		"$DRAWN"
		draw 12
		sleep "$((DRAWN / 10)).$((DRAWN % 10))"
	done
}

# no_loss: what nobody deleted and never left Git is the very object that it was.
no_loss() {
	local object uid
	while read -r object uid; do
		[ "${MAY_GO[$object]:-}" ] || [ "$(uids | grep "^$object ")" = "$object $uid" ] ||
			fail "$object was deleted, though it never left Git"
	done <"$T/uids"
}

NS=lives-$$ GROUP=lives-$$.example.com VERSION=1 VALUES=0 # that never come back
namespace "$NS"
repo estate
git_server
URL=$GIT_URL/estate.git
kc create configmap bystander -n "$NS" --from-literal key=stays >/dev/null
BYSTANDER=$(field configmap bystander .metadata.resourceVersion -n "$NS")
mkdir -p "$T/empty"
HUNG=$("$ROOT/tests/tools/githttp" start "$T/slow" "$T/empty" --tls --port "$(free_port)")
"$ROOT/tests/tools/githttp" pause "$T/slow"
webhook "slow-$$"
write "$T/slow.yaml" <<-END
	apiVersion: admissionregistration.k8s.io/v1
	kind: ValidatingWebhookConfiguration
	metadata: {name: slow-$$}
	webhooks:
	- name: slow.example.com
	  clientConfig: {url: "https://127.0.0.1:${HUNG##*:}/"}
	  timeoutSeconds: 1
	  failurePolicy: Ignore
	  sideEffects: None
	  admissionReviewVersions: [v1]
	  namespaceSelector:
	    matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: ["NS", "$APPS"]}]
	  rules:
	  - {apiGroups: ["", apps], apiVersions: ["*"], operations: [CREATE, UPDATE, DELETE], resources: [configmaps, secrets, deployments], scope: Namespaced}
END
start

for ((n = SEED; n < SEED + LIVES; n++)); do
	it "life $n ends as Git says"
	say "life $n"
	life "$n"
	peace
	for a in "${APPLICATIONS[@]}"; do
		wait_until 120 "peace for $a" app_is "$a" \
			"\$d.phase == \"Good\" and \$s.sync.revision == \"$(cat "$T/head")\" and \$s.sync.status == \"Synced\" and \$s.health.status == \"Healthy\""
	done
	wait_until 60 "only what Git says" only_git
	wait_until 10 "what Git says" of_git

	it "life $n loses nothing"
	no_loss
	assert_eq "$BYSTANDER" "$(field configmap bystander .metadata.resourceVersion -n "$NS")" "somebody else's ConfigMap"
	assert_eq "" "$(grep -h 'ERROR: AddressSanitizer\|runtime error' "$T"/syncd.log || true)" "sanitizers"
	# Nothing is written any more.
	sleep 2
	WRITES=$(writes)
	sleep 3
	assert_eq "$WRITES" "$(writes)" "writes in peace"
done
