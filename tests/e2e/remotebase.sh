#!/usr/bin/env bash
# A kustomization whose base lies in another repository: refused unless its host is
# allowed, fetched like any other repository, over HTTP or SSH, followed when it moves.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=remotebase-$$
value_is() { field_is "$1" configmap "${2:-pre-settings}" .data.key -n "$NS"; }
says() { # TYPE WORDS: a condition
	app_is shop "(\$s.conditions // []) | any(.type == \"$1\" and (.message | contains(\"$2\")))"
}

SSH=$T/ssh
SSHD=$ROOT/tests/tools/gitssh
ME=$(id -un)

namespace "$NS"
repo shop
repo base
git_server
configmap settings one | write "$TREES/base/deploy/settings.yaml"
printf 'resources: [settings.yaml]\n' | write "$TREES/base/deploy/kustomization.yaml"
commit base one >/dev/null
git -C "$TREES/base" tag v1
git -C "$TREES/base" push -q origin v1
overlay() { # URL
	printf 'namePrefix: pre-\nresources:\n- %s\n' "$1" | write "$TREES/shop/overlay/kustomization.yaml"
	COMMIT=$(commit shop "base $1")
}

it "a host that nobody allowed is refused by name"
syncd_start --poll-interval 1s
overlay "$GIT_URL/base.git//deploy?ref=v1"
app shop "$GIT_URL/shop.git" overlay "$NS"
wait_until 30 "the condition" says ComparisonError "--allow-remote-bases=127.0.0.1"
wait_until 5 "file and field" says ComparisonError "overlay/kustomization.yaml"
overlay "ssh://git@127.0.0.1:2222/org/base.git//deploy"
wait_until 30 "the condition" says ComparisonError "ssh://127.0.0.1:2222/org/base.git lies in another repository"
overlay "git@127.0.0.1:org/base.git//deploy"
wait_until 30 "the condition" says ComparisonError "git@127.0.0.1:org/base.git lies in another repository"
wait_until 5 "the flag" says ComparisonError "--allow-remote-bases=127.0.0.1"
never 2 "rendered" value_is one
overlay "$GIT_URL/base.git//deploy?ref=v1"
syncd_stop

it "an allowed one is fetched at its tag"
syncd_start --poll-interval 1s --allow-remote-bases 127.0.0.1
good shop "$COMMIT"
value_is one

it "a tag stays where it is; a branch is followed"
configmap settings two | write "$TREES/base/deploy/settings.yaml"
commit base two >/dev/null
never 4 "followed" value_is two
overlay "$GIT_URL/base.git//deploy?ref=main"
good shop "$COMMIT"
value_is two
configmap settings three | write "$TREES/base/deploy/settings.yaml"
commit base three >/dev/null
wait_until 30 "the base's new commit" value_is three

it "a base that is not there says so, and what runs stays"
overlay "$GIT_URL/base.git//nowhere?ref=main"
wait_until 30 "the condition" says ComparisonError "nowhere"
never 2 "changed" value_is one
overlay "$GIT_URL/base.git//deploy?ref=missing"
wait_until 30 "the condition" says ComparisonError "missing"
value_is three
overlay "$GIT_URL/none.git//deploy"
wait_until 30 "the condition" says ComparisonError "none.git"
value_is three

it "other schemes are refused"
overlay "file://$T/repos/base.git//deploy"
wait_until 30 "the condition" says ComparisonError "not fetched over HTTPS, HTTP or SSH"
value_is three

it "over SSH it wants a key, and a host that somebody vouches for"
command -v sshd >/dev/null || PATH=$PATH:/usr/sbin
SSH_URL=$("$SSHD" start "$SSH" --accept-env)
overlay "$SSH_URL$T/repos/base.git//deploy?ref=v1"
wait_until 30 "the condition" says ComparisonError "no Secret labelled argocd.argoproj.io/secret-type"
wait_until 5 "what it is about" says ComparisonError "the remote base ssh://127.0.0.1"
kc create secret generic ssh-creds -n "$APPS" --from-literal "url=$SSH_URL$T/repos" \
	--from-file "sshPrivateKey=$SSH/id_ed25519" >/dev/null
kc label secret ssh-creds -n "$APPS" argocd.argoproj.io/secret-type=repo-creds >/dev/null
wait_until 30 "the condition" says ComparisonError "the host's key is not known"
value_is three

it "the known hosts and the key of the credentials above it open it, at its tag"
kc create configmap argocd-ssh-known-hosts-cm -n "$APPS" --from-file "ssh_known_hosts=$SSH/known_hosts" >/dev/null
good shop "$COMMIT"
value_is one

it "git:: is no scheme of its own, and a branch is followed over SSH, too"
overlay "git::$SSH_URL$T/repos/base.git//deploy?ref=main"
good shop "$COMMIT"
value_is three
configmap settings four | write "$TREES/base/deploy/settings.yaml"
commit base four >/dev/null
wait_until 30 "the base's new commit" value_is four

it "an SSH server that hangs takes nothing away, and is told of"
git -C "$TREES/base" tag v4
git -C "$TREES/base" push -q origin v4
configmap settings five | write "$TREES/base/deploy/settings.yaml"
commit base five >/dev/null
wait_until 30 "the base's new commit" value_is five
"$SSHD" pause "$SSH"
overlay "$SSH_URL$T/repos/base.git//deploy?ref=v4"
wait_until 60 "the condition" says ComparisonError "no answer in time"
value_is five
"$SSHD" resume "$SSH"
good shop "$COMMIT" 60
value_is four

it "the short form is SSH, at its port"
overlay "$ME@127.0.0.1:org/base.git//deploy"
wait_until 30 "the condition" says ComparisonError "port 22"
value_is four

it "no key in log, status, events, or on the disk"
LINE=$(sed -n 2p "$SSH/id_ed25519")
! grep -qF "$LINE" "$T/syncd.log" || fail "the log has it"
! kc get app,events -n "$APPS" -o yaml | grep -qF "$LINE" || fail "the API has it"
! grep -rqF "$LINE" "$T/data" || fail "the data folder has it"

it "a file by its URL is rendered, and followed"
configmap settings raw-one | write "$T/repos/raw/settings.yaml"
overlay "$GIT_URL/raw/settings.yaml?token=SECRET"
good shop "$COMMIT"
value_is raw-one
configmap settings raw-two | write "$T/repos/raw/settings.yaml"
wait_until 30 "the file's new content" value_is raw-two

it "a file that vanishes is told with its URL and what to do; what it held stays"
rm "$T/repos/raw/settings.yaml"
wait_until 30 "the condition" says ComparisonError "the remote base $GIT_URL/raw/settings.yaml: the server answered HTTP 404: check the URL"
says ComparisonError "what was fetched before stays in use" || fail "it does not say what is used"
! says ComparisonError SECRET || fail "the query is shown"
value_is raw-two
app_is shop '$s.sync.status == "Synced" and $s.health.status == "Healthy"' || fail "it is not Synced any more"
configmap settings raw-three | write "$T/repos/raw/settings.yaml"
wait_until 60 "the file being back" value_is raw-three
wait_until 30 "no condition" app_is shop '($s.conditions // []) | length == 0'

it "a file that is not there says so, without its query"
overlay "$GIT_URL/raw/missing.yaml?token=SECRET"
wait_until 30 "the condition" says ComparisonError "raw/missing.yaml: the server answered HTTP 404"
value_is raw-three
! says ComparisonError SECRET || fail "the query is shown"

it "a redirect to another host is not followed, and says which URL to name"
overlay "$GIT_URL/away/settings.yaml"
wait_until 30 "the condition" says ComparisonError "away/settings.yaml: redirects to http://localhost:${GIT_URL##*:}/raw/settings.yaml, which is not followed"
says ComparisonError "name the file by its final URL" || fail "it does not say what to do"
value_is raw-three
