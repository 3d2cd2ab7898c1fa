# shellcheck shell=bash disable=SC2034,SC2154
# What the benches let syncd do: sourced by tests/bench/run and tests/bench/scale.
#
# Uses $T (a folder), $apps and $objects (numbers), $BIN, $ROOT, and once a cluster
# is up $KUBECONFIG, $API, $PKI and $STATE; make_work needs $GIT_URL.

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.com
export GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.com

# --- the work -------------------------------------------------------------------

# objects_of NUMBER VERSION NAMESPACE: YAML, each document on its own.
objects_of() {
	cat <<-EOF
		apiVersion: v1
		kind: ServiceAccount
		metadata: {name: app-$1, namespace: $3}
		---
		apiVersion: v1
		kind: ConfigMap
		metadata: {name: app-$1, namespace: $3}
		data: {version: "$2", colour: blue}
		---
		apiVersion: v1
		kind: Service
		metadata: {name: app-$1, namespace: $3}
		spec:
		  selector: {app: app-$1}
		  ports: [{name: http, port: 80, targetPort: 8080}]
		---
		apiVersion: apps/v1
		kind: Deployment
		metadata: {name: app-$1, namespace: $3}
		spec:
		  replicas: 0
		  selector: {matchLabels: {app: app-$1}}
		  template:
		    metadata: {labels: {app: app-$1}}
		    spec:
		      serviceAccountName: app-$1
		      containers:
		      - {name: main, image: "registry.example.com/app:v1", ports: [{containerPort: 8080}]}
	EOF
}

application() { # NUMBER
	cat <<-EOF
		---
		apiVersion: argoproj.io/v1alpha1
		kind: Application
		metadata: {name: app-$1, namespace: argocd}
		spec:
		  project: default
		  source: {repoURL: "$GIT_URL/many.git", targetRevision: main, path: apps/app-$1}
		  destination: {server: "https://kubernetes.default.svc", namespace: bench}
		  syncPolicy: {automated: {prune: true, selfHeal: true}}
	EOF
}

numbers() { seq -f %03g 0 $((apps - 1)); }

push() { # MESSAGE: commits the working copy
	git -C "$T/tree" add -A
	git -C "$T/tree" commit -q -m "$1"
	git -C "$T/tree" push -q origin main
	git -C "$T/tree" rev-parse HEAD
}

make_work() {
	local n
	mkdir -p "$T/repos" "$T/tree"
	git init -q --bare -b main "$T/repos/many.git"
	git init -q -b main "$T/tree"
	git -C "$T/tree" remote add origin "$T/repos/many.git"
	for n in $(numbers); do
		mkdir -p "$T/tree/apps/app-$n"
		objects_of "$n" 1 bench >"$T/tree/apps/app-$n/all.yaml"
		application "$n" >>"$T/applications.yaml"
	done
	push "all of it" >"$T/head"
}

# --- the bare client ------------------------------------------------------------

# Nothing but the applies over kept connections: what the same work costs without
# a controller. Prints a list for bareapply.
bare_list() { # NAMESPACE
	local n
	mkdir -p "$T/$1"
	for n in $(numbers); do
		objects_of "$n" 1 "$1" | csplit -sz --suppress-matched -f "$T/$1/$n-" - '/^---$/' '{*}'
		printf '%s app-'"$n"' %s\n' \
			"- v1 serviceaccounts $1" "$T/$1/$n-00" "- v1 configmaps $1" "$T/$1/$n-01" \
			"- v1 services $1" "$T/$1/$n-02" "apps v1 deployments $1" "$T/$1/$n-03"
	done
}

put() { # KEY JSON
	jq --arg k "$1" --argjson v "$2" '.[$k] = $v' "$T/figures" >"$T/figures.new"
	mv "$T/figures.new" "$T/figures"
}

start_syncd() { # [FLAG...]
	local port
	ports_take "$T/ports" 2
	mapfile -t port <"$T/ports"
	METRICS=http://127.0.0.1:${port[0]}
	daemon_start "$T" syncd "$BIN/syncd" --kubeconfig "$KUBECONFIG" --namespace syncd-system \
		--data-dir "$T/data" --metrics-addr "127.0.0.1:${port[0]}" \
		--health-addr "127.0.0.1:${port[1]}" --soak 0s --log-level "${BENCH_LOG:-info}" \
		--log-format json "$@"
	daemon_wait "$T" syncd 30 curl -fsS -m 2 "http://127.0.0.1:${port[1]}/readyz"
	read -r SYNCD _ <"$T/syncd.pid"
	for _ in {1..100}; do # a standby would do nothing
		[ "$(metric syncd_leader)" != 1 ] || return 0
		sleep 0.1
	done
	die "syncd did not become the leader in 10 s"
}

server_cpu() { # of the API server and etcd
	local pid sum=0 name
	for name in kube-apiserver etcd; do
		read -r pid _ <"$STATE/$name.pid"
		sum=$(awk -v a="$sum" -v b="$(cpu "$pid")" 'BEGIN { print a + b }')
	done
	echo "$sum"
}

synced='$4 == "Synced" && $5 == "Healthy"'

# The controllers are still busy with what the bare client made.
calm() {
	local i
	for ((i = 0; i < 600; i++)); do
		kubectl get deployments -A \
			-o 'jsonpath={range .items[*]}{.status.observedGeneration}{"\n"}{end}' |
			grep -qvx 1 || break
		sleep 0.2
	done
	sleep 3
}

