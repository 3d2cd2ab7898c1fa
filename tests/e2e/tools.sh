#!/usr/bin/env bash
# The tools that other tests rely on can fail.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

tools=$ROOT/tests/tools

# wrong PATH LINE WHY: a tree with one file of one #include line is refused.
wrong() {
	rm -rf "$T/tree"
	printf '%s\n' "$2" | write "$T/tree/$1"
	assert_exit 1 "$tools/layering" "$T/tree"
	assert_contains "$OUTPUT" "$1:1: $3" "the complaint"
}
right() {
	rm -rf "$T/tree"
	printf '%s\n' "$2" | write "$T/tree/$1"
	assert_exit 0 "$tools/layering" "$T/tree"
}

it "refuses includes against the layers, and takes others"
wrong core/base/a.c '#include "sync/plan.h"' '"sync/plan.h" is not for this room'
wrong core/kube/a.c '#include "health/health.h"' '"health/health.h" is not for this room'
wrong health/a.c '#include "core/kube.h"' '"core/kube.h" is not for this room'
wrong render/a.c '#include "core/watch.h"' '"core/watch.h" is not for this room'
wrong sync/a.c '#include "render/render_priv.h"' '"render/render_priv.h" is not for this room'
wrong sync/a.c '#include "private.h"' '"private.h" is private'
wrong core/kube/a.c '#include <curl/curl.h>' '<curl/curl.h> belongs to'
wrong core/git/mirror.c '#include <curl/curl.h>' '<curl/curl.h> belongs to'
wrong sync/a.c '# include <uv.h>' '<uv.h> belongs to'
wrong render/a.c '#include <yaml.h>' '<yaml.h> belongs to'
wrong sync/a.c '#include <git2/oid.h>' '<git2/oid.h> belongs to'
right sync/a.c '#include "render/answer.h"'
right core/net/a.c '#include <curl/curl.h>'
right cmd/syncd/a.c '#include "sync/plan.h"'

it "refuses long functions and long files"
{ echo 'int f(void)'; echo '{'; printf '\tx();\n%.0s' {1..60}; echo '}'; } | write "$T/tree/sync/a.c"
assert_exit 0 "$tools/sizes" "$T/tree"
{ echo 'int g(void)'; echo '{'; printf '\tx();\n%.0s' {1..61}; echo '}'; } >>"$T/tree/sync/a.c"
assert_exit 1 "$tools/sizes" "$T/tree"
assert_contains "$OUTPUT" "sync/a.c:65: g() has 61 lines" "the complaint"
printf '/* line */\n%.0s' {1..601} | write "$T/tree/sync/a.c"
assert_exit 1 "$tools/sizes" "$T/tree"
assert_contains "$OUTPUT" "sync/a.c: 601 lines" "the complaint"

# script NAME: stdin as a script of its own with the same library, in $T.
script() {
	{ echo ". '$ROOT/tests/e2e/lib.sh'"; cat; } >"$T/$1.sh"
}

it "ends a script at the first failure, and says where"
script failing <<'EOF'
it "works"
assert_eq 1 1 numbers
it "fails"
assert_eq 1 2 numbers
it "is not reached"
EOF
assert_exit 1 bash "$T/failing.sh"
assert_contains "$OUTPUT" "ok - failing: works" "the output"
assert_contains "$OUTPUT" "not ok - failing: fails" "the output"
assert_contains "$OUTPUT" "numbers: want '1', got '2'" "the output"
refute_contains "$OUTPUT" "not reached" "the output"
script command <<'EOF'
it "fails"
false # no assertion, but a failure all the same
EOF
assert_exit 1 bash "$T/command.sh"
assert_contains "$OUTPUT" "line 3: false" "the output"

it "gives up waiting at the deadline"
script waiting <<'EOF'
it "waits"
wait_until 1 "miracle" bash -c 'echo the last word; false'
EOF
assert_exit 1 bash "$T/waiting.sh"
assert_contains "$OUTPUT" "no miracle after 1 s: the last word" "the output"

it "stops daemons and removes the folder when it is terminated"
script daemon <<'EOF'
it "sleeps"
daemon_start "$T" sleeper sleep 1000
cp "$T/sleeper.pid" "$1"
printf '%s\n' "$T" >"$1.folder"
while :; do sleep 0.2; done
EOF
bash "$T/daemon.sh" "$T/started" >"$T/daemon.out" 2>&1 &
script=$!
wait_until 10 "a daemon" test -s "$T/started.folder"
kill $script
rc=0
wait $script || rc=$?
assert_eq 143 $rc "exit status"
! kill -0 "$(cut -d' ' -f1 <"$T/started")" 2>/dev/null || fail "the daemon still runs"
[ ! -e "$(cat "$T/started.folder")" ] || fail "the folder is still there"

it "says the end of the log of a daemon that does not start"
script broken <<'EOF'
it "starts"
daemon_start "$T" broken bash -c 'echo no such flag; exit 2'
daemon_wait "$T" broken 10 false
EOF
assert_exit 1 bash "$T/broken.sh"
assert_contains "$OUTPUT" "broken ended while starting" "the output"
assert_contains "$OUTPUT" "no such flag" "the output"

it "never hands out a port twice"
ports_take "$T/ports" 200
assert_eq "" "$(sort "$T/ports" | uniq -d)" "ports given twice"
