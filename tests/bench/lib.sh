# shellcheck shell=bash
# How the bench measures: sourced by tests/bench/run.
#
# Time is what an outside observer sees: watches of the API server, each event
# stamped on arrival by jq. CPU and memory come from /proc: utime + stime of syncd
# and of its workers, the ended ones included (cutime + cstime); VmHWM of syncd, and
# of its workers the largest sum seen by a sampler (every 50 ms). Requests are
# syncd's own count (/metrics).

now() { printf '%s\n' "$EPOCHREALTIME"; }
minus() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f\n", a - b }'; }

# --- the API server -------------------------------------------------------------

# api METHOD PATH [BODY-FILE [CONTENT-TYPE]]: with the admin's certificate.
api() {
	curl -fsS -m 30 --cacert "$PKI/ca.crt" --cert "$PKI/admin.crt" --key "$PKI/admin.key" \
		-X "$1" ${3:+--data-binary "@$3" -H "Content-Type: ${4:-application/merge-patch+json}"} "$API$2"
}

# watch NAME PATH JQ-ARRAY: every event as "time<TAB>fields" in $T/NAME.events. The API
# server ends the watch of a client that falls behind: the next one begins with all
# that there is.
watch() {
	local name=$1
	: >"$T/$name.events"
	daemon_start "$T" "watch-$name" bash -c '
		while :; do
			curl -sSN --cacert "$1/ca.crt" --cert "$1/admin.crt" --key "$1/admin.key" "$2$3?watch=1"
			sleep 0.1
		done | jq -r --unbuffered "[now] + ($4) | @tsv" >>"$5"' - \
		"$PKI" "$API" "$2" "$3" "$T/$name.events"
	daemon_wait "$T" "watch-$name" 10 test -e "$T/$name.events"
}
unwatch() {
	local pid
	read -r pid _ <"$T/watch-$1.pid"
	kill -TERM -- "-$pid" 2>/dev/null || true
	daemon_stop "$T" "watch-$1"
}

# The newest state of each object in a watch: awk over time, type, name, fields.
# all_in NAME COUNT AWK-CONDITION: prints the time at which COUNT objects met it
# first, all at once; fails when they have not.
all_in() {
	awk -F '\t' -v want="$2" "
		{ good = ($3) ? 1 : 0; n += good - is[\$3]; is[\$3] = good
		  if (n == want && !at) at = \$1; if (n < want) at = 0 }
		END { if (!at) { print n + 0; exit 1 } printf \"%.3f\\n\", at }" "$T/$1.events"
}

# wait_all SECONDS NAME COUNT AWK-CONDITION: the same, with patience.
wait_all() {
	local end=$((SECONDS + $1))
	shift
	until all_in "$@" >"$T/all.out"; do
		[ $SECONDS -lt $end ] || {
			say "error: only $(cat "$T/all.out") of $2 after the time allowed: $3"
			return 1
		}
		sleep 0.2
	done
	cat "$T/all.out"
}

# --- CPU and memory -------------------------------------------------------------

# ticks PID: user and system time with that of its ended children.
ticks() {
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || { echo 0; return; }
	stat=${stat##*) }
	# shellcheck disable=SC2086
	set -- $stat
	echo $((${12} + ${13} + ${14} + ${15}))
}
children() { cat "/proc/$1/task/$1/children" 2>/dev/null || true; }

# cpu PID: seconds of it, its children and theirs.
cpu() {
	local sum child grand
	sum=$(ticks "$1")
	for child in $(children "$1"); do
		sum=$((sum + $(ticks "$child")))
		for grand in $(children "$child"); do sum=$((sum + $(ticks "$grand"))); done
	done
	awk -v t="$sum" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f\n", t / hz }'
}

status_kb() { # PID FIELD
	awk -v f="$2:" '$1 == f { print $2 }' "/proc/$1/status" 2>/dev/null || true
}

# Until stopped: the largest sum of VmHWM of living workers, in KiB, and how many.
sampler() { # PID FILE
	local pid=$1 peak=0 most=0 sum n child key value
	while [ -e "/proc/$pid" ]; do
		sum=0 n=0
		for child in $(<"/proc/$pid/task/$pid/children"); do
			while read -r key value _; do
				[ "$key" != VmHWM: ] || { sum=$((sum + value)); n=$((n + 1)); break; }
			done <"/proc/$child/status"
		done 2>/dev/null
		if [ $sum -gt $peak ] || [ $n -gt $most ]; then
			[ $sum -le $peak ] || peak=$sum
			[ $n -le $most ] || most=$n
			printf '%s %s\n' $peak $most >"$2"
		fi
		sleep 0.05
	done 2>/dev/null
}

# --- what syncd counts ----------------------------------------------------------

metrics() { curl -fsS -m 5 "$METRICS/metrics"; }
metric() { metrics | awk -v n="$1" '$1 == n { print $2 }'; }

# requests: {"get": 3, "patch": 400, ...}, all codes together
requests() {
	metrics | sed -n 's/^syncd_api_requests_total{verb="\([^"]*\)",code="[^"]*"} /\1 /p' |
		jq -Rn '[inputs | split(" ")] | reduce .[] as [$v, $n] ({}; .[$v] += ($n | tonumber))'
}
# requests_since BEFORE: only what rose
requests_since() {
	requests | jq -c --argjson b "$1" 'with_entries(.value -= ($b[.key] // 0)) | with_entries(select(.value > 0))'
}
