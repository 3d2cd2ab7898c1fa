#!/usr/bin/env bash
# 200 applications within what manifests/install grants a pod: the syncd that people run and
# its workers are in one control group of the kernel with these limits, as in a container.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/bench/work.sh
. "$ROOT/tests/bench/work.sh"

[ -x "$ROOT/build/release/syncd" ] || "$ROOT/dev" build release >"$T/build.log" 2>&1 || {
	tail -n 20 "$T/build.log"
	exit 1
}
BIN=$ROOT/build/release
NS=resources-$$
apps=200
GROUP=syncd-resources-$$

# --- the control group ----------------------------------------------------------

CG=/sys/fs/cgroup
if [ -e $CG/cgroup.controllers ]; then # version 2
	FOLDERS=("$CG/$GROUP")
	OF_MEMORY=$CG/$GROUP PEAK=memory.peak LIMIT=memory.max ANON=anon KILLS=memory.events
else
	FOLDERS=("$CG/memory/$GROUP" "$CG/cpu/$GROUP")
	OF_MEMORY=$CG/memory/$GROUP PEAK=memory.max_usage_in_bytes LIMIT=memory.limit_in_bytes
	ANON=total_rss KILLS=memory.oom_control
fi

# group MILLICPU BYTES: makes it.
group() {
	if [ -e $CG/cgroup.controllers ]; then
		echo "+memory +cpu" >$CG/cgroup.subtree_control 2>/dev/null
		mkdir "${FOLDERS[@]}"
		echo "$(($1 * 100)) 100000" >"${FOLDERS[0]}/cpu.max"
	else
		mkdir "${FOLDERS[@]}"
		echo 100000 >"${FOLDERS[1]}/cpu.cfs_period_us"
		echo $(($1 * 100)) >"${FOLDERS[1]}/cpu.cfs_quota_us"
	fi && echo "$2" >"$OF_MEMORY/$LIMIT"
}
group_end() {
	local i
	for ((i = 0; i < 50; i++)); do
		rmdir "${FOLDERS[@]}" 2>/dev/null
		[ -d "${FOLDERS[0]}" ] || [ -d "${FOLDERS[-1]}" ] || return 0
		sleep 0.1
	done
}
answer() { return "$1"; }
trap 'rc=$?; set +e; daemon_stop "$T" syncd; group_end; answer $rc; cleanup' EXIT

peak_kib() { echo $(($(cat "$OF_MEMORY/$PEAK") / 1024)); }
anon_kib() { awk -v what=$ANON '$1 == what { print int($2 / 1024) }' "$OF_MEMORY/memory.stat"; }
# cpu_ms: of syncd with its workers, those that ended, too.
cpu_ms() {
	awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print int(($12 + $13 + $14 + $15) * 1000 / hz) }' \
		"/proc/$(cut -d' ' -f1 "$T/syncd.pid")/stat"
}
kills() { awk '$1 == "oom_kill" { print $2 }' "$OF_MEMORY/$KILLS"; }
# has NAME: a program of that name is in each of them.
has() {
	local folder
	for folder in "${FOLDERS[@]}"; do
		tr '\n' '\0' <"$folder/cgroup.procs" | xargs -0 -I{} cat /proc/{}/comm 2>/dev/null | grep -cx "$1" >/dev/null || return 1
	done
}
# throttled: how often the limit on its CPU held it up, of how many times that it ran.
throttled() { awk '$1 == "nr_periods" { of = $2 } $1 == "nr_throttled" { n = $2 } END { print n + 0 " of " of + 0 }' "${FOLDERS[-1]}/cpu.stat"; }

# bytes QUANTITY, millis QUANTITY: of the forms that the manifests have.
bytes() { [[ $1 =~ ^([0-9]+)Mi$ ]] && echo $((BASH_REMATCH[1] << 20)); }
millis() { [[ $1 =~ ^([0-9]+)m$ ]] && echo "${BASH_REMATCH[1]}"; }

# --- the work -------------------------------------------------------------------

# version N: of each application.
version() { sed -i "s/version: \"[0-9]*\"/version: \"$1\"/" "$T"/tree/apps/*/all.yaml; push "$1" >/dev/null; }
all_good() {
	[ "$(metric syncd_applications_sync 'status="Synced"')" = $apps ] &&
		[ "$(metric syncd_applications_health 'status="Healthy"')" = $apps ] &&
		versions_are "$1" && [ "$(metric syncd_applications 'phase="Good"')" = $apps ]
}
versions_are() {
	[ "$(kc get configmaps -n "$NS" -o 'jsonpath={range .items[*]}{.data.version}{"\n"}{end}' | grep -cx "$1")" = $apps ]
}
# end: with the time that a kubelet gives.
end() {
	daemon_signal "$T" syncd TERM
	daemon_gone "$T" syncd 300 || fail "it does not end"
	rm -f "$T/syncd.pid"
}
begin() { syncd_start --leader-elect=true --log-format json --log-level info; }

it "the manifests ask for 50m and 64Mi and grant 500m and 128Mi"
kc kustomize "$ROOT/manifests/install" | kc create --dry-run=client -o json -f - |
	jq -c '(.items[]? // .) | select(.kind == "Deployment").spec.template.spec.containers[0].resources' >"$T/granted"
assert_eq '{"limits":{"cpu":"500m","memory":"128Mi"},"requests":{"cpu":"50m","memory":"64Mi"}}' "$(cat "$T/granted")" "resources"
granted() { jq -r ".$1" "$T/granted"; }

it "within them it becomes ready, its workers in the same group"
[ "$(id -u)" = 0 ] || { skip "needs root to make a control group"; exit 0; }
group "$(millis "$(granted limits.cpu)")" "$(bytes "$(granted limits.memory)")" || { skip "a control group cannot be made here"; exit 0; }
assert_eq "$(bytes 128Mi)" "$(cat "$OF_MEMORY/$LIMIT")" "the limit in the kernel"
# shellcheck disable=SC2016 # the inner shell's own
SYNCD_UNDER=(env -C "$T" bash -c 'n=$1; shift; while [ "$n" -gt 0 ]; do echo $$ >"$1/cgroup.procs"; shift; n=$((n - 1)); done; exec "$@"' -
	${#FOLDERS[@]} "${FOLDERS[@]}")
namespace "$NS"
mkdir "$T/repos"
git_server
make_work
sed -i "s/namespace: argocd/namespace: $APPS/; s/namespace: bench/namespace: $NS/" "$T/applications.yaml"
sed -i "s/namespace: bench/namespace: $NS/" "$T"/tree/apps/*/all.yaml
sed -i "s/replicas: 0/replicas: 1/" "$T"/tree/apps/*[05]/all.yaml # pods, too
version 1
begin
has syncd || fail "syncd is not in the group"

it "all $apps applications are synced and healthy"
kc create -f "$T/applications.yaml" >/dev/null
wait_until 30 "a worker in the group" has syncd-worker
BEGUN=$SECONDS
wait_until 180 "$apps good ones" all_good 1
say "$apps applications after $((SECONDS - BEGUN)) s, peak $(peak_kib) KiB, of it now anonymous $(anon_kib) KiB"

it "a commit reaches all of them"
BEGUN=$SECONDS
version 2
wait_until 180 "$apps at the commit" all_good 2
say "a commit to all after $((SECONDS - BEGUN)) s, peak $(peak_kib) KiB, anonymous $(anon_kib) KiB"

it "at rest it stays within what it asks for"
REST_S=5 # it asks Git every 2 s
C0=$(cpu_ms)
sleep $REST_S
MILLIS=$((($(cpu_ms) - C0) / REST_S))
say "at rest: ${MILLIS}m and $(anon_kib) KiB"
[ $MILLIS -le "$(millis "$(granted requests.cpu)")" ] || fail "${MILLIS}m of CPU"
[ "$(anon_kib)" -le $(($(bytes "$(granted requests.memory)") / 1024)) ] || fail "$(anon_kib) KiB of memory"

it "a restart over them writes nothing but the lease, and goes on"
end
begin
wait_until 120 "$apps good ones" all_good 2
assert_eq 0 "$(metric syncd_applies_total)" "objects applied"
kc patch configmap app-007 -n "$NS" --type merge -p '{"data":{"version":"by hand"}}' >/dev/null
wait_until 60 "it healed" all_good 2
has syncd || fail "syncd is not in the group any more"
end

it "nothing of it was ever killed for its memory"
assert_eq 0 "$(kills)" "kills"
say "peak of all: $(peak_kib) KiB of $(($(cat "$OF_MEMORY/$LIMIT") / 1024)); held up by its CPU's limit in $(throttled) periods"
