# shellcheck shell=bash
# How the demo talks and waits: sourced by its stories.
#
# Whatever is started (cluster, Git server, syncd, issuer) has its state in $T and
# is stopped on every way out. A failed wait shows the end of the logs.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/tools/daemon.sh
. "$ROOT/tests/tools/daemon.sh"

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
T="" auto="" cluster="" failure="" began=${EPOCHREALTIME/./}

# --- talking --------------------------------------------------------------------

bold="" faint="" green="" red="" plain=""
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$'\e[1m' faint=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
fi

# A chapter begins; in between people get time to read the last one.
chapters=0
chapter() {
	[ $chapters = 0 ] || pause
	chapters=$((chapters + 1))
	printf '\n%s%d. %s%s\n' "$bold" $chapters "$*" "$plain"
}

tell() { fold -s -w 78 <<<"$*" | sed 's/ *$//; s/^/   /'; }

# Enter goes on at once.
pause() {
	[ -z "$auto" ] || return 0
	if [ -t 0 ]; then
		read -r -t 12 -p "${faint}   (Enter, or wait)${plain}" || printf '\n'
	else
		sleep 3
	fi
}

# run COMMAND-LINE: shows it, runs it, shows its real output, which is in $OUTPUT
# too. A command that fails or hangs ends the demo.
run() {
	local rc=0
	printf '   %s$ %s%s\n' "$bold" "$1" "$plain"
	OUTPUT=$(timeout 90 bash -c "$1" 2>&1 </dev/null) || rc=$?
	[ -z "$OUTPUT" ] || printf '     %s\n' "${OUTPUT//$'\n'/$'\n     '}"
	[ $rc = 0 ] || fail "'$1' exits with $rc"
}

# follow COMMAND-LINE: the same for one that reports while it runs.
follow() {
	printf '   %s$ %s%s\n' "$bold" "$1" "$plain"
	timeout 120 bash -c "$1" </dev/null 2>&1 | tee "$T/follow.out" | sed -u 's/^/     /' ||
		fail "'$1' fails"
	OUTPUT=$(cat "$T/follow.out")
}

seconds_since() { # MICROSECONDS: "1.2"
	local ms=$(((${EPOCHREALTIME/./} - $1) / 1000))
	printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100))
}

# expect SECONDS WHAT COMMAND...: COMMAND must succeed within the time; says how
# long it took.
expect() {
	local seconds=$1 what=$2 t0=${EPOCHREALTIME/./} end=$((SECONDS + $1))
	shift 2
	until "$@" >"$T/expect.out" 2>&1; do
		[ $SECONDS -lt $end ] ||
			fail "not after $seconds s: $what. $(tail -c 600 "$T/expect.out")"
		sleep 0.1
	done
	printf '   %sok%s  %s (%s s)\n' "$green" "$plain" "$what" "$(seconds_since "$t0")"
}

# sure WHAT COMMAND...: it must be so now.
sure() {
	local what=$1
	shift
	"$@" >"$T/expect.out" 2>&1 || fail "not so: $what. $(tail -c 600 "$T/expect.out")"
	printf '   %sok%s  %s\n' "$green" "$plain" "$what"
}

says() { # TEXT: the last command's output holds it
	[[ $OUTPUT == *"$1"* ]] || fail "'$1' is not in what the last command said"
}

# --- the way out ----------------------------------------------------------------

fail() { failure=$*; exit 1; }

finish() {
	local rc=$?
	trap '' INT TERM HUP
	trap - EXIT
	set +e
	[ -z "$failure" ] || printf '\n%serror:%s %s\n' "$red" "$plain" "$failure"
	case $rc in
	0) ;;
	130 | 143) printf '\nstopping\n' ;;
	*) show_logs ;;
	esac
	stop_all || rc=1
	[ $rc != 0 ] || printf '\n   all of it in %s s\ndemo: ok\n' "$(seconds_since "$began")"
	exit $rc
}

stop_all() {
	local rc=0
	[ "$T" ] || return 0
	daemon_stop "$T" syncd availability issuer || rc=1
	[ ! -d "$T/git" ] || "$ROOT/tests/tools/githttp" stop "$T/git" || rc=1
	if [ "$cluster" ]; then
		"$ROOT/tests/cluster/down" --name "$cluster" || rc=1
	elif [ -e "$T/ours" ]; then
		put_back || rc=1
	fi
	[ "${KEEP:-}" ] && say "kept: $T" || rm -rf "$T"
	return $rc
}

show_logs() {
	local log
	[ "$T" ] || return 0
	printf -- '--- the application\n'
	kubectl --request-timeout=5s get application -n argocd -o json 2>/dev/null |
		jq '.items[] | {(.metadata.name): (.status | del(.resources, .history))}' | tail -n 120
	for log in issuer git/githttp syncd; do
		[ -s "$T/$log.log" ] || continue
		printf -- '--- the end of %s.log\n' "$(basename "$log")"
		tail -n 40 "$T/$log.log"
	done
}

# --- looking at the cluster -----------------------------------------------------

kc() { kubectl --request-timeout=20s "$@"; }

# is WANT KIND NAME JSONPATH [-n NS]
is() {
	local want=$1 kind=$2 name=$3 path=$4 got
	shift 4
	got=$(kc get "$kind" "$name" -o "jsonpath={$path}" --ignore-not-found "$@")
	[ "$got" = "$want" ] || { printf '%s %s: %s is "%s", not "%s"\n' "$kind" "$name" "$path" "$got" "$want"; return 1; }
}

gone() { # KIND NAME [-n NS]
	[ -z "$(kc get "$@" --ignore-not-found -o name)" ]
}

# is_good COMMIT: its release has proved good and nothing is under way.
is_good() {
	is "Good $1" application dbupgrade '.status.syncd.phase} {.status.syncd.lastGood.revision' -n argocd
}
