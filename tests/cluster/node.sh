# shellcheck shell=bash disable=SC2034,SC2154
# The real node of `up --node`: sourced by up, down, exec and node-check.
#
# Everything (etcd, control plane, containerd, kubelet, kube-proxy, pods) runs in a
# network namespace and a mount namespace of our own, which the process "holder"
# keeps. Outside of them there is the cluster's state folder, a cgroup, one sysctl and
# the empty folders that programs insist on; node_close takes all of it back. What the
# kubelet would set in the kernel it finds set: files of ours lie over those sysctls.
node_address=10.200.0.1
node_cgroup=syncd-node
node_sock=/run/containerd/containerd.sock
node_inotify=/proc/sys/fs/inotify/max_user_instances
node_programs=(etcd kube-apiserver kubectl kube-controller-manager kube-scheduler kustomize kubelet kube-proxy)
node_controllers=(cpu cpuacct cpuset memory pids blkio freezer devices systemd unified)

# node_owner FILE: which cluster has the node; there is one at a time, as it has one
# cgroup and one address.
node_owner() { printf '%s/syncd-node-owner\n' "$(runtime_dir)"; }

# --- may it be? -----------------------------------------------------------------

node_cgroup_dirs() { # what there is of it, one per line
	local c
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		printf '/sys/fs/cgroup/%s\n' $node_cgroup
		return
	fi
	for c in "${node_controllers[@]}"; do
		[ ! -d "/sys/fs/cgroup/$c" ] || printf '/sys/fs/cgroup/%s/%s\n' "$c" $node_cgroup
	done
}

node_why_no_cgroup() {
	local c root=/sys/fs/cgroup
	if [ -e $root/cgroup.controllers ]; then
		for c in cpu cpuset memory pids; do
			grep -qw $c $root/cgroup.controllers || { echo "the cgroup controller $c is not there"; return; }
		done
		[ -w $root/cgroup.subtree_control ] || echo "$root is not writable"
		return
	fi
	for c in cpu cpuacct cpuset memory pids devices freezer; do
		[ -w "$root/$c/cgroup.procs" ] || { echo "$root/$c (cgroup v1) is not writable"; return; }
	done
}

# node_missing: the Debian packages of the programs that are missing.
node_missing() {
	local PATH=$PATH:/usr/sbin:/sbin
	command -v containerd >/dev/null && command -v ctr >/dev/null || echo containerd
	command -v runc >/dev/null || echo runc
	command -v nft >/dev/null || echo nftables
	[ -x /usr/lib/cni/ptp ] && [ -x /usr/lib/cni/host-local ] || echo containernetworking-plugins
}

# node_why_not: why this machine cannot have a real node; nothing when it can.
node_why_not() {
	local missing
	[ "$(id -u)" = 0 ] || { echo "needs root"; return; }
	[ -z "${SYNCD_NODE:-}" ] || { echo "is asked for inside of one"; return; }
	missing=$(node_missing | tr '\n' ' ')
	[ -z "$missing" ] || { echo "needs Debian's ${missing% }"; return; }
	[ -e /dev/kmsg ] || { echo "the kubelet needs /dev/kmsg"; return; }
	unshare --mount --net true 2>/dev/null || { echo "namespaces cannot be made"; return; }
	unshare --net ip link add kt0 type bridge 2>/dev/null || { echo "bridges cannot be made"; return; }
	unshare --net "$(PATH=$PATH:/usr/sbin command -v nft)" add table ip kt 2>/dev/null ||
		{ echo "the kernel has no nftables"; return; }
	node_why_no_cgroup
}

# node_take STATE: the node is ours from here on. A dead cluster's is taken from it.
node_take() {
	local owner other name
	owner=$(node_owner)
	if [ -s "$owner" ]; then
		other=$(cat "$owner") name=${other##*/syncd-cluster-}
		if daemon_alive "$other" holder || daemon_alive "$other" up; then
			die "cluster $name has the real node, and there is one at a time: tests/cluster/down --name $name"
		fi
		"$here/down" --name "$name"
		rm -f "$owner"
	fi
	(set -C && printf '%s\n' "$1" >"$owner") 2>/dev/null || die "another cluster is taking the real node"
}

# --- beginning ------------------------------------------------------------------

# node_open STATE: the namespaces and what must exist before anything runs in them.
# Sets the array `under`, the prefix of every command that runs inside.
node_open() {
	local state=$1 holder
	mkdir "$state/node" "$state/sysctl"
	node_cgroup_make
	node_inotify_raise "$state"
	node_folders_make "$state"
	daemon_start "$state" holder env "SYNCD_NODE=$state" \
		unshare --mount --net --propagation private sleep infinity
	read -r holder _ <"$state/holder.pid"
	daemon_wait "$state" holder 30 node_apart "$holder" || return 1
	node_under "$state"
	"${under[@]}" bash -c "$(declare -f node_inside node_sysctls); set -eu; node_inside $state $node_address" ||
		die "the node's namespaces cannot be furnished"
}
node_apart() { [ "$(readlink "/proc/$1/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]; }

# The mark SYNCD_NODE is how node_close finds what runs here.
node_under() {
	local holder
	read -r holder _ <"$1/holder.pid"
	# env -C: entering a mount namespace leads to its root folder.
	under=(nsenter -t "$holder" -m -n env -C "$PWD" "SYNCD_NODE=$1")
}

node_cgroup_make() {
	local dir parent=/sys/fs/cgroup c
	if [ -e $parent/cgroup.controllers ]; then
		for c in cpu cpuset memory pids io; do
			echo +$c >$parent/cgroup.subtree_control 2>/dev/null || true
		done
	fi
	while read -r dir; do
		mkdir -p "$dir"
		# Empty in a new folder of version 1, and nothing runs where they are.
		for c in cpuset.cpus cpuset.mems; do
			[ ! -e "$dir/$c" ] || [[ $dir != */cpuset/* ]] ||
				cat "$(dirname "$dir")/$c" >"$dir/$c"
		done
	done < <(node_cgroup_dirs)
}

# The kubelet and containerd watch many files, and others run beside us.
node_inotify_raise() {
	local now
	now=$(cat $node_inotify)
	[ "$now" -lt 1024 ] || return 0
	printf '%s\n' "$now" >"$1/inotify"
	echo 1024 >$node_inotify
}

# Paths that these programs do not let one choose.
node_folders_make() {
	local dir
	for dir in /run/containerd /var/lib/cni /var/log/pods /var/log/containers; do
		[ -d $dir ] || { mkdir -p $dir && printf '%s\n' $dir >>"$1/folders"; }
	done
}

# node_inside STATE ADDRESS: runs in the namespaces.
node_inside() {
	local state=$1 dir
	mount --make-rshared /
	mount -t tmpfs -o mode=755 node "$state/node"
	mkdir -p "$state"/node/{containerd,kubelet,cni,run,lib,pods,containers}
	mount --bind "$state/node/run" /run/containerd
	mount --bind "$state/node/lib" /var/lib/cni
	mount --bind "$state/node/pods" /var/log/pods
	mount --bind "$state/node/containers" /var/log/containers
	node_sysctls "$state/sysctl"
	ip link set lo up
	ip link add kt0 type bridge
	ip address add "$2/32" dev kt0
	ip link set kt0 up
	ip route add 10.96.0.0/16 dev kt0 src "$2"
	echo 1 >/proc/sys/net/ipv4/ip_forward
}

# What the kubelet wants set, as files of ours: the kernel's own stay as they are.
node_sysctls() {
	local name value
	while read -r name value; do
		[ -e "/proc/sys/$name" ] || continue
		printf '%s\n' "$value" >"$1/${name//\//.}"
		mount --bind "$1/${name//\//.}" "/proc/sys/$name"
	done <<-END
		vm/overcommit_memory 1
		vm/panic_on_oom 0
		kernel/panic 10
		kernel/panic_on_oops 1
		kernel/keys/root_maxkeys 1000000
		kernel/keys/root_maxbytes 25000000
	END
}

# --- the node's programs --------------------------------------------------------

# node_start STATE API: containerd, kubelet and kube-proxy, until the node is ready.
node_start() {
	local state=$1 kc
	kc=(kubectl --kubeconfig "$1/admin.kubeconfig" --request-timeout=5s)
	kubeconfig_write "$state/kubelet.kubeconfig" "$2" "$state/pki" kubelet
	kubeconfig_write "$state/kube-proxy.kubeconfig" "$2" "$state/pki" kube-proxy
	node_containerd_config "$state" >"$state/containerd.toml"
	node_cni_config | "${under[@]}" tee "$state/node/cni/10-node.conflist" >/dev/null
	node_kubelet_config "$state" >"$state/kubelet.yaml"
	node_proxy_config "$state" >"$state/kube-proxy.yaml"

	daemon_start "$state" containerd "${under[@]}" containerd --config "$state/containerd.toml"
	image_pod "$state/pause.tar" syncd.test/pause:1
	daemon_wait "$state" containerd 60 "${under[@]}" ctr version || return 1
	node_load "$state/pause.tar"
	daemon_start "$state" kubelet "${under[@]}" kubelet --config "$state/kubelet.yaml" \
		--kubeconfig "$state/kubelet.kubeconfig" --root-dir "$state/node/kubelet" \
		--cert-dir "$state/kubelet-pki" --hostname-override node1 --node-ip $node_address
	daemon_start "$state" kube-proxy "${under[@]}" kube-proxy --config "$state/kube-proxy.yaml"
	daemon_wait "$state" kubelet 120 "${under[@]}" "${kc[@]}" get node node1 || return 1
	daemon_wait "$state" kubelet 120 "${under[@]}" "${kc[@]}" wait --for condition=Ready --timeout 2s node/node1 || return 1
	daemon_wait "$state" kube-proxy 120 "${under[@]}" curl -ksS -m 2 -o /dev/null https://10.96.0.1/
}

# node_load FILE: the images of an archive.
node_load() { "${under[@]}" ctr -n k8s.io images import "$1" >/dev/null; }

node_containerd_config() {
	cat <<-EOF
		version = 2
		root = "$1/node/containerd"
		state = "/run/containerd"
		disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
			"io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]
		[grpc]
		address = "$node_sock"
		[plugins."io.containerd.grpc.v1.cri"]
		sandbox_image = "syncd.test/pause:1"
		restrict_oom_score_adj = true
		disable_apparmor = true
		tolerate_missing_hugetlb_controller = true
		netns_mounts_under_state_dir = true
		[plugins."io.containerd.grpc.v1.cri".cni]
		bin_dir = "/usr/lib/cni"
		conf_dir = "$1/node/cni"
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
		runtime_type = "io.containerd.runc.v2"
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
		SystemdCgroup = false
	EOF
}

# Routed, not bridged: an answer between two pods always passes kube-proxy's rules.
node_cni_config() {
	cat <<-EOF
		{"cniVersion": "1.0.0", "name": "node", "plugins": [{"type": "ptp",
		 "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.88.0.0/24"}]],
		          "routes": [{"dst": "0.0.0.0/0"}]}}]}
	EOF
}

node_kubelet_config() {
	cat <<-EOF
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		failCgroupV1: false
		failSwapOn: false
		cgroupDriver: cgroupfs
		cgroupRoot: /$node_cgroup
		containerRuntimeEndpoint: unix://$node_sock
		address: $node_address
		oomScoreAdj: 0
		makeIPTablesUtilChains: false
		imageGCHighThresholdPercent: 100
		evictionHard: {memory.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%", imagefs.inodesFree: "0%"}
		crashLoopBackOff: {maxContainerRestartPeriod: 5s}
		authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $1/pki/ca.crt}}
		authorization: {mode: Webhook}
	EOF
}

node_proxy_config() {
	cat <<-EOF
		apiVersion: kubeproxy.config.k8s.io/v1alpha1
		kind: KubeProxyConfiguration
		mode: nftables
		hostnameOverride: node1
		clientConnection: {kubeconfig: $1/kube-proxy.kubeconfig}
		bindAddress: $node_address
		healthzBindAddress: 127.0.0.1:10256
		metricsBindAddress: 127.0.0.1:10249
		clusterCIDR: 10.88.0.0/24
		nodePortAddresses: [$node_address/32]
		oomScoreAdj: 0
		conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s, udpTimeout: 0s, udpStreamTimeout: 0s}
	EOF
}

# --- the end --------------------------------------------------------------------

# What runs in pods, and what runs in the node of STATE and is marked so.
node_pod_pids() {
	local dir
	while read -r dir; do
		[ ! -d "$dir" ] || find "$dir" -name cgroup.procs -exec cat {} + 2>/dev/null
	done < <(node_cgroup_dirs)
}
node_marked_pids() {
	grep -lzsFx -- "SYNCD_NODE=$1" /proc/[0-9]*/environ | grep -oE '[0-9]+' || true
}

# node_stop STATE: the kubelet first, or it would start again what we end; then pods
# and containerd. The control plane is stopped by down, in between.
node_stop() {
	local rc=0
	daemon_stop "$1" kubelet kube-proxy || rc=1
	node_kill "$1" || rc=1
	daemon_stop "$1" containerd || rc=1
	return $rc
}

# node_kill STATE [all]: pods, or everything; bounded; says what does not end.
node_kill() {
	local pids i
	for ((i = 0; i < 100; i++)); do
		pids=$({ node_pod_pids; [ "${2:-}" != all ] || node_marked_pids "$1"; } | sort -un)
		[ "$pids" ] || return 0
		# shellcheck disable=SC2086
		kill -KILL $pids 2>/dev/null || true
		sleep 0.1
	done
	say "error: of the node there still run, even killed: $(tr '\n' ' ' <<<"$pids")"
	return 1
}

# node_close STATE: everything else, and what was there before us as it was.
node_close() {
	local state=$1 dir i rc=0
	node_kill "$state" all || rc=1
	rm -f "$state/holder.pid"
	while read -r dir; do
		for ((i = 0; i < 50; i++)); do
			[ -d "$dir" ] || break
			find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
		done
		[ ! -d "$dir" ] || { say "error: $dir cannot be removed"; rc=1; }
	done < <(node_cgroup_dirs)
	if [ -s "$state/inotify" ] && [ "$(cat $node_inotify)" = 1024 ]; then
		cat "$state/inotify" >$node_inotify
	fi
	[ ! -s "$state/folders" ] || xargs -r rmdir <"$state/folders" 2>/dev/null || true
	rm -f "$(node_owner)"
	return $rc
}
