# shellcheck shell=bash
# What the comparisons with the reference share: `kubectl kustomize` (the pinned
# one, kustomize 5.8.1) and ours get the same tree and must give the same bytes,
# or both refuse it. Sourced; sets $T, a folder that goes away at the end.
#
# A case is a folder with tree/, want (see kustomize.sh; any: do as the reference
# does), in (the folder of the tree that is built) and perhaps says (what our message
# holds); answers are put beside them:
# theirs.out, theirs.rc, theirs.err, and the same of ours. What the reference said is
# kept in the cache by the hash of the tree: a second run asks it nothing.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export BIN=${BIN:-$root/build/asan}
bin=$("$root/tests/cluster/build" kubectl)
PATH=$bin:$PATH
KUST_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/syncd-test/kustomize-$(basename "$bin")
JOBS=${JOBS:-2}
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
export KUST_CACHE KUBECONFIG=/dev/null
mkdir -p "$KUST_CACHE"
find "$KUST_CACHE" -type f -mtime +30 -delete 2>/dev/null || true # runs may meet
failed=0
suite=$(basename "$0" .sh)

ok() { printf 'ok - %s: %s\n' "$suite" "$1"; }
# shellcheck disable=SC2034 # read by who sources this
not_ok() { printf 'not ok - %s: %s\n' "$suite" "$1"; failed=1; }

# The hash of the tree; few programs are started here and below: this runs for thousands.
tree_key() { # CASE
	local sum
	sum=$({
		printf '%s\n' "$(<"$1/in")"
		tar -C "$1/tree" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
			--mode=u+rw,go=r -cf - .
	} | sha256sum)
	printf '%s' "${sum:0:32}"
}

# What does not end in time, or is killed, is no answer: it is asked again. (A panic,
# 2, is one.)
theirs() { # CASE
	local key rc=0 at
	key=$(tree_key "$1")
	at=$KUST_CACHE/$key
	if [ ! -e "$at.rc" ] || [ "$(<"$at.rc")" -ge 124 ]; then
		(cd "$1/tree" && timeout 300 kubectl kustomize "$(<../in)") \
			>"$at.out.$$" 2>"$at.err.$$" || rc=$?
		mv "$at.out.$$" "$at.out"
		mv "$at.err.$$" "$at.err"
		printf '%s\n' $rc >"$at.rc.$$"
		mv "$at.rc.$$" "$at.rc"
	fi
	cp "$at.out" "$1/theirs.out"
	printf '%s\n' "$(<"$at.err")" >"$1/theirs.err"
	printf '%s\n' "$(<"$at.rc")" >"$1/theirs.rc"
}

ours() { # CASE
	local rc=0
	(cd "$1/tree" && timeout 60 "$BIN/tests/rendertool" kustomize . "$(<../in)") \
		>"$1/ours.out" 2>"$1/ours.err" || rc=$?
	printf '%s\n' $rc >"$1/ours.rc"
}
export -f theirs ours tree_key

# each FUNCTION: of every case that is named on standard input, a line each.
each() {
	tr '\n' '\0' | xargs -0 -r -n 16 -P "$JOBS" bash -c '
		f=$0
		for c; do "$f" "$c"; done' "$1"
}

# typed FILE: its objects as canonical JSON.
typed() { "$BIN/tests/rendertool" json <"$1"; }

# verdict CASE: "" when all is as wanted, else why not.
verdict() {
	local c=$1 want a b
	want=$(<"$c/want") a=$(<"$c/theirs.rc") b=$(<"$c/ours.rc")
	[ "$want" != accepted ] || want=error
	if [ "$a" -ge 124 ]; then
		echo "the reference gives no answer: it ends with $a"
	elif [ "$b" -gt 1 ]; then
		echo "ours ends with $b: $(tail -n 5 "$c/ours.err")"
	elif [ "$want" = error ] && [ "$a" = 0 ]; then
		echo "the reference accepts it"
	elif [ "$want" != error ] && [ "$a" != 0 ] && [ "$want" != any ]; then
		echo "the reference refuses it: $(head -c 400 "$c/theirs.err")"
	elif [ "$want" = refused ]; then
		[ "$b" = 1 ] || echo "accepted, but it is listed as refused by us"
	elif [ "$(<"$c/want")" = accepted ]; then
		[ "$b" = 0 ] || echo "refused, but it is listed as accepted by us"
	elif [ "$b" = 1 ] && [ -e "$c/says" ] && ! grep -qFf "$c/says" "$c/ours.err"; then
		echo "other words: $(head -c 400 "$c/ours.err")"
	elif [ "$a" != 0 ]; then
		[ "$b" != 0 ] || echo "accepted; the reference says: $(head -c 400 "$c/theirs.err")"
	elif [ "$b" != 0 ]; then
		echo "refused: $(head -c 400 "$c/ours.err")"
	elif [ "$want" = objects ]; then
		cmp -s <(typed "$c/theirs.out") <(typed "$c/ours.out") || echo "other objects"
	else
		cmp -s "$c/theirs.out" "$c/ours.out" || echo "other bytes"
	fi
}

# judge CASE NAME: a line; of a difference its diff, too.
judge() {
	local why
	why=$(verdict "$1")
	[ "$why" ] || { ok "$2"; return; }
	not_ok "$2: $why"
	diff -u "$1/theirs.out" "$1/ours.out" | sed 1,2d | head -n "${DIFF_LINES:-40}" || true
}
