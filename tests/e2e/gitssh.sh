#!/usr/bin/env bash
# Repositories over SSH, from a real sshd: keys and hosts' keys out of the cluster,
# servers that hang or die, and what a poll costs.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=gitssh-$$
W=$TREES/shop
SSH=$T/ssh
SSHD=$ROOT/tests/tools/gitssh

value_is() { field_is "$1" configmap settings .data.key -n "$NS"; }
says() { # WORDS: its ComparisonError
	wait_until 30 "'$1' in the conditions" app_is shop \
		"[\$s.conditions[]? | select(.type == \"ComparisonError\") | .message | select(contains(\"$1\"))] | length > 0"
}
refresh() { kc annotate app shop -n "$APPS" --overwrite argocd.argoproj.io/refresh=normal >/dev/null; }
secret() { # KEY-FILE [KNOWN-HOSTS-FILE]
	kc create secret generic shop-repo -n "$APPS" --from-literal "url=$URL" \
		--from-file "sshPrivateKey=$1" ${2:+--from-file "sshKnownHosts=$2"} \
		--dry-run=client -o yaml | kc apply -f - >/dev/null
	kc label secret shop-repo -n "$APPS" argocd.argoproj.io/secret-type=repository --overwrite >/dev/null
}
known_hosts() { # FILE
	kc create configmap argocd-ssh-known-hosts-cm -n "$APPS" --from-file "ssh_known_hosts=$1" \
		--dry-run=client -o yaml | kc apply -f - >/dev/null
}
put() { # VALUE: commits it
	configmap settings "$1" | write "$W/app/all.yaml"
	COMMIT=$(commit shop "settings $1")
}

command -v sshd >/dev/null || PATH=$PATH:/usr/sbin
namespace "$NS"
repo shop
put v1
BASE=$("$SSHD" start "$SSH" --accept-env)
URL=$BASE$T/repos/shop.git
syncd_start --poll-interval 1s --soak 0s

it "without a key it says which Secret is missing"
app shop "$URL" app "$NS"
says "no Secret labelled argocd.argoproj.io/secret-type"

it "a host whose key nobody vouched for is refused, with its fingerprint"
secret "$SSH/id_ed25519"
says "the host's key is not known"
says "$(ssh-keygen -lf "$SSH/host_ed25519.pub" | cut -d' ' -f2)"
never 2 "applied" value_is v1

it "the known hosts of Argo CD's ConfigMap and the Secret's key open it"
known_hosts "$SSH/known_hosts"
good shop "$COMMIT"
value_is v1
put v2
good shop "$COMMIT"
value_is v2

it "a key that the server does not know is refused, with its fingerprint"
ssh-keygen -q -t ed25519 -N '' -f "$SSH/stranger"
secret "$SSH/stranger"
says "is not let in with the key $(ssh-keygen -lf "$SSH/stranger.pub" | cut -d' ' -f2)"
put v3 # only now: a poll with the key of before may be under way until it says so
never 2 "applied" value_is v3
secret "$SSH/id_rsa"
good shop "$COMMIT"
value_is v3

it "a host's key that is another all of a sudden is refused; the Secret's own list is the one that counts"
"$SSHD" stop "$SSH"
"$SSHD" new-host-key "$SSH"
"$SSHD" start "$SSH" --accept-env >/dev/null
put v4
says "the host's key is NOT the known one"
never 2 "applied" value_is v4
sed "s/^/[127.0.0.1]:${BASE##*:} /" "$SSH/host_ed25519.pub" >"$SSH/new_hosts"
secret "$SSH/id_rsa" "$SSH/new_hosts"
good shop "$COMMIT"
value_is v4

it "the short form is the same repository"
SHORT=$(id -un)@127.0.0.1:$T/repos/shop.git
known_hosts "$SSH/new_hosts"
app short "$SHORT" app "$NS-short" '.spec.syncPolicy.syncOptions = ["CreateNamespace=true"]'
printf '%s\n' "$NS-short" >>"$T/namespaces"
wait_until 20 "its error" app_is short \
	'[$s.conditions[]? | select(.type == "ComparisonError") | .message | select(contains("port 22"))] | length > 0'
kc delete app short -n "$APPS" >/dev/null

it "a server that hangs is given up in time, and others are served meanwhile"
"$SSHD" pause "$SSH"
says "no answer in time"
app other "file://$T/repos/shop.git" app "$NS-other" '.spec.syncPolicy.syncOptions = ["CreateNamespace=true"]'
printf '%s\n' "$NS-other" >>"$T/namespaces"
good other "$COMMIT" 60
"$SSHD" resume "$SSH"
put v5
refresh
good shop "$COMMIT" 60

it "a server that dies in the middle of a fetch: the next one succeeds"
for i in 1 2 3; do
	head -c 20000000 /dev/urandom >"$W/big-$i"
	put "big$i"
	refresh
	wait_until 20 "a fetch" bash -c "ss -tnp state established | grep -q ':${BASE##*:} '"
	"$SSHD" kill "$SSH"
	"$SSHD" start "$SSH" --accept-env >/dev/null
done
refresh
good shop "$COMMIT" 90
value_is big3
for m in "$T"/data/mirrors/*/g*; do git -C "$m" fsck --no-dangling >/dev/null 2>&1 || fail "the mirror $m is damaged"; done

it "no key in log, status, events, or on the disk"
LINE=$(sed -n 3p "$SSH/id_rsa")
! grep -qF "$LINE" "$T/syncd.log" || fail "the log has it"
! kc get app,events -n "$APPS" -o yaml | grep -qF "$LINE" || fail "the API has it"
! grep -rqF "$LINE" "$T/data" || fail "the data folder has it"

it "what a poll costs"
sleep 2
POLLS=$(metric syncd_git_polls_total)
sleep 10
POLLS=$(($(metric syncd_git_polls_total) - POLLS))
[ $POLLS -ge 10 ] && [ $POLLS -le 26 ] || fail "$POLLS polls of two repositories in 10 s"
