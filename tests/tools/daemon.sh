# shellcheck shell=bash
# Starting and stopping background programs for tests: sourced, not run.
#
# A daemon NAME of a state folder DIR has DIR/NAME.pid ("pid starttime", so that
# a reused pid is never killed) and DIR/NAME.log (all its output). Nothing
# inherits our stdin, stdout or locks: a pipe held open by a daemon would make
# the caller's reader wait for ever.

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

runtime_dir() { printf '%s\n' "${XDG_RUNTIME_DIR:-/tmp}"; }

# The kernel's start time of a pid; fails when there is no such process or it
# is only waiting to be reaped. While other threads of a killed one are still
# ending its ports are not free: that one is there.
start_time() {
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
	stat=${stat##*) } # the name in parentheses may hold spaces
	# shellcheck disable=SC2086
	set -- $stat
	{ [ "$1" != Z ] || [ "${18}" -gt 1 ]; } && [ "$1" != X ] && printf '%s\n' "${20}"
}

# daemon_alive DIR NAME
daemon_alive() {
	local pid started
	{ read -r pid started <"$1/$2.pid"; } 2>/dev/null || return 1
	# Without a time it had ended before it could be looked at.
	[ "$started" ] && [ "$(start_time "$pid")" = "$started" ]
}

# daemon_start DIR NAME COMMAND...: returns at once; see daemon_wait.
daemon_start() {
	local dir=$1 name=$2 pid
	shift 2
	setsid "$@" >>"$dir/$name.log" 2>&1 </dev/null 8>&- 9>&- &
	pid=$!
	disown "$pid"
	printf '%s %s\n' "$pid" "$(start_time "$pid")" >"$dir/$name.pid"
}

# daemon_wait DIR NAME SECONDS COMMAND...: until COMMAND succeeds. Says the end
# of the log and fails when the daemon ends or the time is up.
daemon_wait() {
	local dir=$1 name=$2 seconds=$3 end
	shift 3
	end=$((SECONDS + seconds))
	until "$@" >/dev/null 2>&1; do
		if ! daemon_alive "$dir" "$name"; then
			say "error: $name ended while starting. The end of its log:"
			tail -n 15 "$dir/$name.log" >&2
			return 1
		fi
		if [ $SECONDS -ge $end ]; then
			say "error: $name is not ready after $seconds s. The end of its log:"
			tail -n 15 "$dir/$name.log" >&2
			return 1
		fi
		sleep 0.05
	done
}

# daemon_gone DIR NAME TENTHS: waits until it has ended; fails when it has not.
daemon_gone() {
	local i
	for ((i = 0; i < $3; i++)); do
		daemon_alive "$1" "$2" || return 0
		sleep 0.1
	done
	! daemon_alive "$1" "$2"
}

# daemon_signal DIR NAME SIGNAL
daemon_signal() {
	local pid
	daemon_alive "$1" "$2" || return 0
	read -r pid _ <"$1/$2.pid"
	kill "-$3" "$pid" 2>/dev/null || true
}

# daemon_stop DIR NAME...: TERM to all, a short wait, KILL, wait for the pids.
daemon_stop() {
	local dir=$1 name failed=0
	shift
	for name in "$@"; do daemon_signal "$dir" "$name" TERM; done
	for name in "$@"; do
		daemon_gone "$dir" "$name" 10 || daemon_signal "$dir" "$name" KILL
	done
	for name in "$@"; do
		if daemon_gone "$dir" "$name" 100; then
			rm -f "$dir/$name.pid"
		else
			say "error: $name did not end, even killed"
			failed=1
		fi
	done
	return $failed
}

# ports_take FILE N: N free loopback ports, written to FILE, one per line. Two
# callers never get the same one: under a lock, what any state folder's "ports"
# file names is left out, and so is everything that listens. Below the range
# that the kernel gives to outgoing connections.
ports_take() {
	local file=$1 n=$2 run taken port
	run=$(runtime_dir)
	(
		flock -w 30 8 || die "no lock on $run/syncd-ports.lock after 30 s"
		taken=$(
			cat "$run"/syncd-*/ports 2>/dev/null || true
			ss -Hltn | awk '{ sub(/.*:/, "", $4); print $4 }'
		)
		while [ "$n" -gt 0 ]; do
			port=$((20000 + RANDOM % 12000))
			grep -qx "$port" <<<"$taken" && continue
			taken+=$'\n'$port
			printf '%s\n' "$port" >>"$file"
			n=$((n - 1))
		done
	) 8>"$run/syncd-ports.lock"
}
