#!/usr/bin/env bash
# The Git server that other tests rely on.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir -p "$T/repos"
repo one
echo 1 >"$TREES/one/file"
first=$(commit one "first")
githttp=$ROOT/tests/tools/githttp

it "serves a repository for cloning and pushing, protocol version 2"
git_server
GIT_TRACE_PACKET=$T/packets git clone -q "$GIT_URL/one.git" "$T/clone"
assert_eq "$first" "$(git -C "$T/clone" rev-parse HEAD)" "the cloned commit"
grep -q 'clone< version 2' "$T/packets" || fail "not version 2: $(head -5 "$T/packets")"
head -c 3000000 /dev/urandom >"$T/clone/large" # a request body in chunks
git -C "$T/clone" add -A
git -C "$T/clone" commit -q -m second
git -C "$T/clone" push -q origin main
assert_eq "$(git -C "$T/clone" rev-parse HEAD)" \
	"$(git -C "$T/repos/one.git" rev-parse main)" "the pushed commit"

it "answers nothing while paused"
"$githttp" pause "$T/git"
assert_exit 124 timeout 2 git ls-remote "$GIT_URL/one.git"
"$githttp" resume "$T/git"
git ls-remote -q "$GIT_URL/one.git" >/dev/null

it "has the same URL after a stop and a start"
url=$GIT_URL
git_server_stop
assert_exit 128 timeout 10 git ls-remote "$GIT_URL/one.git"
git_server
assert_eq "$url" "$GIT_URL" "the URL"
git ls-remote -q "$GIT_URL/one.git" >/dev/null

it "says 404 for a repository that is not there"
assert_exit 128 git ls-remote "$GIT_URL/two.git"
assert_contains "$OUTPUT" "not found" "git's answer"

it "asks for a password, over TLS with a CA of its own"
url=$("$githttp" start "$T/safe" "$T/repos" --tls --auth ada:secret)
assert_contains "$url" https:// "the URL"
assert_exit 128 git ls-remote "${url/:\/\//://ada:secret@}/one.git" # unknown CA
assert_contains "$OUTPUT" "certificate" "git's answer"
export GIT_SSL_CAINFO=$T/safe/ca.crt
git ls-remote -q "${url/:\/\//://ada:secret@}/one.git" >/dev/null
assert_exit 128 git ls-remote "${url/:\/\//://ada:wrong@}/one.git"
assert_contains "$OUTPUT" "Authentication failed" "git's answer"
assert_exit 128 git ls-remote "$url/one.git"
"$githttp" stop "$T/safe"
