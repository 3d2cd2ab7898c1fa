#!/usr/bin/env bash
# Commit statuses and outgoing webhooks, over TLS to a real server: what GitHub, GitLab and
# Gitea are sent, signatures, order, tries again, and that nobody waits for a dead one.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=notify-$$
W=$TREES/acme/shop
H=$T/hook
KEY=0n1y-w3-know-$$ TOKEN=tok-$$
notify_server() { HOOK=$("$ROOT/tests/tools/hookhttp" start "$H" --tls); }
notify_stop() { "$ROOT/tests/tools/hookhttp" stop "$H"; }
count() { cat "$H/count" 2>/dev/null || echo 0; }
posted() { [ "$(count)" -ge "$1" ]; }
types() { # the CloudEvents' types since post N, told apart by id
	local n
	for ((n = $1 + 1; n <= $(count); n++)); do
		jq -r 'select(.specversion) | "\(.id) \(.type | sub("dev.syncd."; ""))"' "$H/posts/$n.body"
	done | awk '!seen[$1]++ { printf "%s ", $2 }'
}
types_are() { [ "$(types "$1")" = "$2" ] || { types "$1"; return 1; }; }
states() { # PATH-PART: the states sent there, in order; what was tried again once
	local n
	for ((n = 1; n <= $(count); n++)); do
		! head -n 1 "$H/posts/$n.head" | grep -qF "$1" || jq -r '"\(.state) \(.description)"' "$H/posts/$n.body"
	done | uniq | cut -d' ' -f1 | tr '\n' ' '
}
states_are() { [ "$(states "$1")" = "$2" ] || { states "$1"; return 1; }; }
last_with() { # PATH-PART: number of the last post there
	local n
	for ((n = $(count); n > 0; n--)); do
		! head -n 1 "$H/posts/$n.head" | grep -qF "$1" || { echo "$n"; return; }
	done
	fail "nothing was posted to $1"
}
sink() { # NAME KEY=VALUE...
	local args=() kv
	for kv in "${@:2}"; do args+=(--from-literal "$kv"); done
	kc create secret generic "$1" -n "$APPS" "${args[@]}" --dry-run=client -o json |
		jq '.metadata.labels = {"syncd.dev/secret-type": "notification"}' | kc apply -f - >/dev/null
}
put() { # TAG
	deployment web "$1" | write "$W/app/web.yaml"
	COMMIT=$(commit acme/shop "web $1")
}
none_owed() { [ "$(metric syncd_notifications_waiting)" = 0 ]; }
noted() { [ $((SECONDS - TOLD)) -ge 4 ]; } # one write of the record for what is told within 2 s
phase() { wait_until "$2" "$1" app_is shop "\$d.phase == \"$1\""; }

namespace "$NS"
repo acme/shop
git_server
notify_server
put v1
FIRST=$COMMIT
syncd_start --cluster-name blue

it "a receiver without a known CA is not told, and nothing waits for it"
sink ops type=webhook "url=$HOOK/in?a=b" "secret=$KEY"
for host in github gitlab gitea; do
	sink "$host" "type=$host" "url=http://127.0.0.1/acme" "api=$HOOK/$host" "token=$TOKEN"
done
app shop "$GIT_URL/acme/shop.git" app "$NS"
good shop "$COMMIT"
wait_until 20 "word of the certificate" logged "receiver of notifications does not take them"
assert_eq 0 "$(count)" "posts"
owed() { [ "$(metric syncd_notifications_waiting)" -gt 0 ]; }
wait_until 10 "a metric" owed

it "with its CA all is told, in order: a signed CloudEvent"
kc create configmap argocd-tls-certs-cm -n "$APPS" "--from-file=127.0.0.1=$H/ca.crt" >/dev/null
wait_until 30 "the promotion" types_are 0 "release.promoted "
N=$(last_with /in)
assert_eq "POST /in?a=b" "$(head -n 1 "$H/posts/$N.head")" "the request"
assert_contains "$(cat "$H/posts/$N.head")" "CONTENT_TYPE=application/cloudevents+json; charset=UTF-8" "its type"
SIGNED=$(openssl dgst -sha256 -hmac "$KEY" -r <"$H/posts/$N.body" | cut -d' ' -f1)
assert_contains "$(cat "$H/posts/$N.head")" "HTTP_X_SIGNATURE=sha256=$SIGNED" "its signature"
assert_eq "1.0 /syncd/blue $APPS/shop application/json 1 $COMMIT Ada" "$(jq -r '[.specversion, .source, .subject,
	.datacontenttype, (.data.release | .id, .revision, .author)] | map(tostring) | join(" ")' "$H/posts/$N.body")" "the event"

it "commits have their status, as each host wants it"
wait_until 20 "GitHub's" states_are "/github/repos/acme/shop/statuses/$FIRST" "pending success "
wait_until 20 "GitLab's" states_are "/gitlab/projects/acme%2Fshop/statuses/$FIRST" "running success "
wait_until 20 "Gitea's" states_are "/gitea/repos/acme/shop/statuses/$FIRST" "pending success "
N=$(last_with /github/)
CONTEXT=syncd/blue/${APPS}_shop
assert_eq "{\"context\":\"$CONTEXT\",\"description\":\"release #1 is good\",\"state\":\"success\"}" \
	"$(jq -cS . "$H/posts/$N.body")" "GitHub's body"
assert_contains "$(cat "$H/posts/$N.head")" "HTTP_AUTHORIZATION=Bearer $TOKEN" "GitHub's token"
assert_contains "$(cat "$H/posts/$N.head")" "HTTP_ACCEPT=application/vnd.github+json" "what GitHub answers"
N=$(last_with /gitlab/)
assert_eq "$CONTEXT" "$(jq -r .name "$H/posts/$N.body")" "GitLab's name"
N=$(last_with /gitea/)
assert_contains "$(cat "$H/posts/$N.head")" "HTTP_AUTHORIZATION=token $TOKEN" "Gitea's token"

it "a bad commit: rejected with the reason, then reverted, through three failures"
kc delete secret -n "$APPS" gitlab gitea >/dev/null
FROM=$(count)
printf '500\n503\n500\n' >"$H/answers"
put bad2
phase Pinned 60
wait_until 60 "both" types_are "$FROM" "release.rejected release.reverted "
wait_until 60 "the commit's statuses" states_are "/github/repos/acme/shop/statuses/$COMMIT" "pending failure failure "
assert_contains "$(jq -r .description "$H/posts/$(last_with "$COMMIT").body")" "back at #1 (${FIRST:0:7}): " "why"
wait_until 20 "an empty queue" none_owed
TOLD=$SECONDS

it "a restart tells nothing anew"
wait_until 10 "a quiet time, in which it is noted" noted
FROM=$(count)
syncd_stop
syncd_start --cluster-name blue
never 6 "told again" posted $((FROM + 1))

it "a redirect is not followed, and what is refused is dropped"
kc delete secret -n "$APPS" github >/dev/null
printf '302 %s/elsewhere\n' "$HOOK" >"$H/answers"
put v3
good shop "$COMMIT"
wait_until 20 "the refusal" logged "redirects are not followed"
assert_eq 1 "$(metric syncd_notifications_dropped_total)" "dropped"
! grep -q elsewhere "$H"/posts/*.head || fail "the redirect was followed"

it "a dead receiver holds nothing up, and hears of it later"
FROM=$(count)
notify_stop
put v4
good shop "$COMMIT"
notify_server
wait_until 60 "the promotion" types_are "$FROM" "release.promoted "

it "no secret is in the log"
! grep -qF -e "$KEY" -e "$TOKEN" "$T/syncd.log" || fail "a secret is in syncd.log"
