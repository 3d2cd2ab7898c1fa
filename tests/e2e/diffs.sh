#!/usr/bin/env bash
# What syncctl diff and wait may not take for an answer: a release of another folder, one
# whose commit begins like a branch's name, a folder outside of the repository, a status
# of before an edit, a flag that a script left empty. And what Ctrl-C leaves: nothing.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=diffs-$$
export TMPDIR=$T/tmp NO_COLOR=1
W=$TREES/shop
g() { git -C "$W" "$@"; }
value_is() { field_is "$1" configmap conf .data.key -n "$NS"; }

mkdir -p "$TMPDIR"
namespace "$NS"
git_server
repo shop
for e in dev prod; do configmap conf "of-$e" | write "$W/$e/conf.yaml"; done
COMMIT=$(commit shop one)
syncd_start
app shop "$GIT_URL/shop.git" dev "$NS"
good shop "$COMMIT"

it "what was rendered of another folder at the same commit is not what is wanted now"
assert_exit 0 syncctl diff shop
syncd_stop
kc patch app shop -n "$APPS" --type=merge -p '{"spec":{"source":{"path":"prod"}}}' >/dev/null
assert_exit 1 syncctl diff shop
assert_contains "$OUTPUT" "data.key  of-dev -> of-prod" "the difference"
assert_exit 1 syncctl diff shop --revision "$COMMIT"

it "nor is what was compared before an edit what is waited for"
assert_exit 1 syncctl wait shop --timeout 2s
assert_contains "$OUTPUT" "what the spec says now was not compared yet" "what is missing"
kc patch app shop -n "$APPS" --type=merge -p '{"spec":{"source":{"path":"dev"}}}' >/dev/null
assert_exit 0 syncctl wait shop --timeout 2s

it "a branch that is called like a commit begins is a branch"
g checkout -q -b "${COMMIT:0:1}"
configmap conf branch >"$W/dev/conf.yaml"
g commit -qam branch
g push -q origin "HEAD:refs/heads/${COMMIT:0:1}"
g checkout -q main
assert_exit 1 syncctl diff shop --revision "${COMMIT:0:1}"
assert_contains "$OUTPUT" "data.key  of-dev -> branch" "the branch's"
assert_exit 0 syncctl diff shop --revision "${COMMIT:0:8}"

it "a folder that is a link is not followed, as syncd does not"
mkdir -p "$T/outside"
configmap conf outside >"$T/outside/conf.yaml"
g checkout -q -b link
rm -r "${W:?}/dev"
ln -s "$T/outside" "$W/dev"
g add -A
g commit -qm link
g push -q origin link
g checkout -q main
assert_exit 20 syncctl diff shop --revision link
assert_contains "$OUTPUT" "'dev' at link is a symbolic link, or lies behind one" "why"
refute_contains "$OUTPUT" outside/conf "what lies there"

it "a flag that is empty is a mistake"
for words in "wait shop --revision" "sync shop --revision" "diff shop --revision" "diff shop --release" \
	"rollback shop --namespace" "affected --base"; do
	# shellcheck disable=SC2086 # a command line
	assert_exit 2 "$BIN/syncctl" $words ""
	assert_contains "$OUTPUT" "--${words##*--}: it is empty" "$words"
done

it "what was fetched goes when it is interrupted, too"
write "$T/bin/git" <<-'END'
	#!/bin/sh
	case " $* " in *" checkout "*) touch "$HANG"; exec sleep 60 ;; esac
	PATH=${PATH#*:} exec git "$@"
END
chmod +x "$T/bin/git"
is_empty() { [ -z "$(ls -A "$TMPDIR")" ]; }
assert_eq "" "$(ls -A "$TMPDIR")" "what the others left"
for signal in INT TERM KILL; do
	rm -f "$T/hangs"
	# Not of its group: a terminal would tell the git of it, too.
	(HANG=$T/hangs PATH=$T/bin:$PATH exec setsid "$BIN/syncctl" diff shop -n "$APPS" --revision main >/dev/null 2>&1) &
	wait_until 20 "the fetched repository" test -e "$T/hangs"
	kill -s $signal -- -$! 2>/dev/null
	wait_until 10 "clean folder after SIG$signal" is_empty
	wait $! 2>/dev/null || true
done
