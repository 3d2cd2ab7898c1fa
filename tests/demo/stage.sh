# shellcheck shell=bash
# What each of the demo's stories stands on: its arguments, a cluster of its own or a
# borrowed one, a Git server with the example repository, syncd. Sourced after lib.sh.
#
# A story sets before stage_open: NAMESPACES (those that it makes), REPO (the folder that
# is committed), NAME (of the repository). It may define story_refuses (why it does not
# begin on a borrowed cluster: calls fail) and story_put_back (removes what it installed).
current="" yes=""
BIN=${BIN:-$ROOT/build/release}

# stage_args ARG...; what is not known prints the head of the story.
stage_args() {
	while [ $# -gt 0 ]; do
		case $1 in
		--auto) export auto=1 ;;
		--use-current-cluster) current=1 ;;
		--yes) yes=1 ;;
		*) sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
		esac
		shift
	done
}

# Nothing of someone else's is touched: what is there already is a reason not to
# begin.
borrow_cluster() {
	local server answer ns
	[ "${KUBECONFIG:-}" ] || [ -e ~/.kube/config ] || fail "--use-current-cluster: KUBECONFIG is not set"
	kubectl config view --raw --minify --flatten >"$T/kubeconfig"
	export KUBECONFIG=$T/kubeconfig
	server=$(kubectl config view -o 'jsonpath={.clusters[0].cluster.server}')
	if [ -z "$yes" ]; then
		[ -t 0 ] || fail "--use-current-cluster asks first; without a terminal give --yes"
		read -r -p "Install CRDs and the example application into $server? [y/N] " answer
		[[ $answer == [yY]* ]] || fail "not without a yes"
	fi
	! declare -F story_refuses >/dev/null || story_refuses "$server"
	for ns in "${NAMESPACES[@]}" syncd-demo; do
		gone namespace "$ns" || fail "there is a namespace $ns in $server"
	done
	gone crd applications.argoproj.io || gone applications.argoproj.io -n argocd ||
		fail "there are Applications in $server, namespace argocd: syncd would take them over"
	: >"$T/ours"
	kc get namespace -o name >"$T/namespaces-before"
	kc get crd -o name >"$T/crds-before"
}

# What borrow_cluster's cluster got from us goes again.
put_back() {
	local ours
	say "removing what the demo installed"
	kc delete application --all -n argocd --ignore-not-found >/dev/null || true
	! declare -F story_put_back >/dev/null || story_put_back || true
	kc get crd -o name | grep -vxF -f "$T/crds-before" |
		xargs -r timeout 60 kubectl delete >/dev/null || true
	ours=$(printf 'namespace/%s\n' "${NAMESPACES[@]}" syncd-demo argocd)
	kc get namespace -o name | grep -vxF -f "$T/namespaces-before" | grep -xF "$ours" |
		xargs -r timeout 60 kubectl delete >/dev/null
}

git_commit() { # AUTHOR MESSAGE: of all of $T/tree; prints the commit
	git -C "$T/tree" add -A
	git -C "$T/tree" -c "user.name=$1" -c "user.email=${1,,}@example.com" commit -q -m "$2"
	git -C "$T/tree" push -q origin main
	git -C "$T/tree" rev-parse HEAD
}

# The example as a repository of our server, not yet committed.
stage_repository() {
	mkdir "$T/repos"
	GIT_URL=$("$ROOT/tests/tools/githttp" start "$T/git" "$T/repos")
	git init -q --bare -b main "$T/repos/$NAME.git"
	cp -r "$REPO" "$T/tree"
	git init -q -b main "$T/tree"
	git -C "$T/tree" remote add origin "$T/repos/$NAME.git"
	find "$T/tree/clusters" -name '*.yaml' -exec \
		sed -i "s|https://git.example.com/platform/$NAME.git|$GIT_URL/$NAME.git|" {} +
}

# The first chapter: programs, a cluster, the repository, namespace argocd.
stage_open() {
	local program pinned
	for program in syncd syncd-worker syncctl; do
		[ -x "$BIN/$program" ] || die "there is no $BIN/$program (./dev build)"
	done
	BIN=$(cd "$BIN" && pwd)
	trap finish EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	T=$(mktemp -d "$(runtime_dir)/syncd-demo-XXXXXX")
	pinned=$("$ROOT/tests/cluster/build")
	export PATH=$BIN:$pinned:$PATH
	kustomize=$pinned/kustomize

	chapter "A cluster, a Git server, and syncd"
	if [ "$current" ]; then
		borrow_cluster
		tell "The cluster is yours: $(kubectl config view -o 'jsonpath={.clusters[0].cluster.server}')."
	else
		tell "A real Kubernetes control plane starts on loopback; its nodes and pods are simulated by kwok."
		cluster=demo-$$
		"$ROOT/tests/cluster/up" --name $cluster >"$T/cluster.out" || fail "the cluster does not start"
		cp "$(tail -n 1 "$T/cluster.out")" "$T/kubeconfig"
		export KUBECONFIG=$T/kubeconfig
	fi
	kubectl config set-context --current --namespace argocd >/dev/null
	stage_repository
	kc create namespace argocd --dry-run=client -o yaml | kc apply --server-side -f - >/dev/null
}

start_syncd() {
	ports_take "$T/ports" 2
	mapfile -t port <"$T/ports"
	daemon_start "$T" syncd "$BIN/syncd" --namespace syncd-demo \
		--data-dir "$T/data" --kustomize "$kustomize" \
		--metrics-addr "127.0.0.1:${port[0]}" --health-addr "127.0.0.1:${port[1]}" \
		--leader-elect=false --poll-interval 2s \
		--soak 3s --degraded-grace 1s --pull-grace 4s --crash-grace 4s \
		--wave-deadline 60s --log-level debug
	daemon_wait "$T" syncd 30 curl -fsS -m 2 "http://127.0.0.1:${port[1]}/readyz" ||
		fail "syncd is not ready"
}

short() { printf '%.7s' "$1"; }
