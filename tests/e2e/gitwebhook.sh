#!/usr/bin/env bash
# Push webhooks: a commit goes out although the next poll is an hour away; who cannot
# sign his message moves nothing, and a flood of messages costs one poll.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=gitwebhook-$$
SECRET=correct-horse-$$

value_is() { field_is "$1" configmap settings .data.key -n "$NS"; }
put() { # VALUE
	configmap settings "$1" | write "$TREES/shop/app/all.yaml"
	COMMIT=$(commit shop "settings $1")
}
body() { # of GitHub's push event, as far as it matters
	jq -cn --arg url "$GIT_URL/shop" --arg at "$COMMIT" '{ref: "refs/heads/main", after: $at,
		repository: {full_name: "org/shop", html_url: $url, clone_url: "\($url).git",
			ssh_url: "git@elsewhere:org/shop.git", default_branch: "main"}, commits: []}' |
		tr -d '\n' >"$T/body"
}
signature() { openssl dgst -sha256 -hmac "$1" -r <"$T/body" | cut -d' ' -f1; }
github() { # STATUS SECRET: sends the body, signed with SECRET
	local got
	got=$(curl -sS -m 10 -o "$T/answer" -w '%{http_code}' -H 'X-GitHub-Event: push' \
		-H 'Content-Type: application/json' -H "X-Hub-Signature-256: sha256=$(signature "$2")" \
		--data-binary "@$T/body" "$HOOK/api/webhook")
	assert_eq "$1" "$got" "the answer to a message ($(cat "$T/answer"))"
}
github_is() { (github "$1" "$2"); }

namespace "$NS"
repo shop
git_server
put v1
ADDR=127.0.0.1:$(free_port)
HOOK=http://$ADDR
syncd_start --poll-interval 1h --soak 0s --git-webhook-addr "$ADDR"

it "without a secret there is nothing"
app shop "$GIT_URL/shop.git" app "$NS"
good shop "$COMMIT"
body
github 404 "$SECRET"
assert_eq 405 "$(curl -sS -o /dev/null -w '%{http_code}' "$HOOK/api/webhook")" "GET"
assert_eq 404 "$(curl -sS -o /dev/null -w '%{http_code}' "$HOOK/metrics")" "another path"

it "a signed message puts a commit out at once"
kc create secret generic argocd-secret -n "$APPS" --from-literal "webhook.github.secret=$SECRET" \
	--from-literal webhook.gitlab.secret=token >/dev/null
put v2
body
wait_until 20 "the secret is known" github_is 200 "$SECRET"
good shop "$COMMIT" 10
value_is v2

it "a wrong signature, a changed body, a token of another host: nothing"
put v3
body
github 401 "not-$SECRET"
SIGNED=$(signature "$SECRET")
printf ' ' >>"$T/body"
assert_eq 401 "$(curl -sS -o /dev/null -w '%{http_code}' -H 'X-GitHub-Event: push' \
	-H "X-Hub-Signature-256: sha256=$SIGNED" --data-binary "@$T/body" "$HOOK/api/webhook")" "a changed body"
assert_eq 401 "$(curl -sS -o /dev/null -w '%{http_code}' -H 'X-Gitlab-Event: Push Hook' \
	-H "X-Gitlab-Token: $SECRET" -d '{}' "$HOOK/api/webhook")" "another host's secret"
assert_eq 400 "$(curl -sS -o /dev/null -w '%{http_code}' -d '{}' "$HOOK/api/webhook")" "no host"
never 8 "applied" value_is v3

it "too large a body is refused while it is read"
head -c 2000000 /dev/zero >"$T/large"
assert_eq 413 "$(curl -sS -m 20 -o /dev/null -w '%{http_code}' -H 'X-GitHub-Event: push' \
	-H 'Transfer-Encoding: chunked' --data-binary "@$T/large" "$HOOK/api/webhook")" "2 MB"

it "GitLab's token does it as well, and 10,000 messages cost a poll or two"
POLLS=$(metric syncd_git_polls_total)
printf '{"object_kind":"push","project":{"web_url":"%s/shop"}}' "$GIT_URL" >"$T/body"
for ((i = 0; i < 10000; i++)); do printf 'url = "%s/api/webhook"\noutput = /dev/null\n' "$HOOK"; done >"$T/urls"
START=$SECONDS
curl -sS -m 300 -H 'X-Gitlab-Event: Push Hook' -H 'X-Gitlab-Token: token' --data-binary "@$T/body" -K "$T/urls"
TOOK=$((SECONDS - START))
good shop "$COMMIT" 20
value_is v3
sleep 6
assert_eq 10001 "$(metric syncd_git_webhooks_total)" "messages that counted"
POLLS=$(($(metric syncd_git_polls_total) - POLLS))
[ $POLLS -ge 1 ] && [ $POLLS -le $((TOOK / 5 + 2)) ] || fail "$POLLS polls in $TOOK s"

it "a message that reaches a standby puts the commit out as well"
syncd_stop
syncd_start --poll-interval 1h --soak 0s --git-webhook-addr "$ADDR" --leader-elect=true --identity one
wait_until 20 "a leader" eval '[ "$(metric syncd_leader)" = 1 ]'
good shop "$COMMIT" 20
STANDBY=127.0.0.1:$(free_port) HEALTH2=127.0.0.1:$(free_port)
daemon_start "$T" standby "$BIN/syncd" --namespace "syncd-$SCRIPT" --data-dir "$T/data-2" \
	--health-addr "$HEALTH2" --metrics-addr "" --git-webhook-addr "$STANDBY" \
	--leader-elect=true --identity two --poll-interval 1h
daemon_wait "$T" standby 30 curl -fsS -m 2 "http://$HEALTH2/readyz" || fail "the standby is not ready"
put v4
body
HOOK=http://$STANDBY
wait_until 20 "the standby knows the secret" github_is 202 "$SECRET"
good shop "$COMMIT" 10
value_is v4
github 401 "not-$SECRET"
daemon_stop "$T" standby

it "no secret in log, status, events"
! grep -q "$SECRET" "$T/syncd.log" || fail "the log has it"
! kc get app,events -n "$APPS" -o yaml | grep -q "$SECRET" || fail "the API has it"
