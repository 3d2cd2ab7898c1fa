#!/usr/bin/env bash
# Repositories behind TLS and passwords, what targetRevision may be, and that many
# applications of one repository are one mirror and one poll.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=gitauth-$$
W=$TREES/shop
PASSWORD=correct-horse-$$

value_is() { field_is "$2" configmap "$1" .data.key -n "$NS"; }
says() { # APP WORDS: its ComparisonError
	wait_until 20 "'$2' in the conditions of $1" app_is "$1" \
		"[\$s.conditions[]? | select(.type == \"ComparisonError\") | .message | select(contains(\"$2\"))] | length > 0"
}
refresh() { kc annotate app "$1" -n "$APPS" --overwrite argocd.argoproj.io/refresh=normal >/dev/null; }
ca() { # FILE: the bundle for localhost
	kc create configmap argocd-tls-certs-cm -n "$APPS" --from-file "localhost=$1" --dry-run=client -o yaml |
		kc apply -f - >/dev/null
}
secret() { # NAME TYPE URL PASSWORD
	kc apply -f - >/dev/null <<-END
		apiVersion: v1
		kind: Secret
		metadata: {name: $1, namespace: $APPS, labels: {argocd.argoproj.io/secret-type: $2}}
		stringData: {type: git, url: "$3", username: ada, password: "$4"}
	END
}
put() { configmap "$1" "$2" | write "$W/$1/all.yaml"; }

namespace "$NS"
repo shop
put shop v1
put other v1
ONE=$(commit shop "the first")
git -C "$W" tag light && git -C "$W" tag -a -m "a tag with words" full && git -C "$W" push -q --tags
git_server --tls --auth "ada:$PASSWORD"
BASE=${GIT_URL/127.0.0.1/localhost}
URL=$BASE/shop.git
syncd_start --poll-interval 1s --soak 0s

it "a server whose certificate nobody vouches for is refused, clearly"
app shop "$URL" shop "$NS"
says shop certificate
pki=$T/wrong
mkdir "$pki"
printf '[req]\ndistinguished_name = dn\n[dn]\n' >"$pki/openssl.cnf"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj "/CN=wrong" \
	-keyout "$pki/ca.key" -out "$pki/ca.crt" 2>/dev/null
ca "$pki/ca.crt"
sleep 3
says shop certificate
assert_contains "$(jq -r '.status.conditions[0].message' "$T/is.json")" localhost "the message names the host"

it "with its CA it asks for a password, clearly"
ca "$T/git/ca.crt"
says shop 401
secret shop-repo repository "$URL" "wrong-$PASSWORD"
sleep 3
says shop 401
never 1 "applied" value_is shop v1

it "a repository Secret opens it"
secret shop-repo repository "$URL" "$PASSWORD"
good shop "$ONE"
value_is shop v1

it "repo-creds open all below their prefix, only whole path parts"
kc delete secret shop-repo -n "$APPS" >/dev/null
put shop v2
TWO=$(commit shop "the second")
says shop 401
value_is shop v1 || fail "it changed"
secret creds repo-creds "$BASE/sho" "$PASSWORD"
never 3 "a part of a name is enough" value_is shop v2
secret creds repo-creds "$BASE" "$PASSWORD"
good shop "$TWO"
value_is shop v2 || fail "not applied"

it "no password in log, status, events"
! grep -q "$PASSWORD" "$T/syncd.log" || fail "the log has it"
! kc get app,events -n "$APPS" -o yaml | grep -q "$PASSWORD" || fail "the API has it"
! grep -rq "$PASSWORD" "$T/data" || fail "the data folder has it"

it "insecure in a Secret is refused, and says how to do better"
kc patch secret creds -n "$APPS" --type merge -p '{"stringData":{"insecure":"true"}}' >/dev/null
put shop v3
COMMIT=$(commit shop "the third")
says shop "--allow-insecure-repositories"
never 1 "applied" value_is shop v3
kc patch secret creds -n "$APPS" --type merge -p '{"stringData":{"insecure":"false"}}' >/dev/null
good shop "$COMMIT"

it "a server that wants a client certificate gets the Secret's, for the poll and the fetch"
kc delete secret creds -n "$APPS" >/dev/null
git_server_stop
git_server --client-cert
put shop v4
TWO=$(commit shop "the fourth")
wait_until 30 "its refusal" app_is shop \
	'[$s.conditions[]? | select(.type == "ComparisonError")] | length > 0'
never 2 "applied" value_is shop v4
kc create secret generic shop-cert -n "$APPS" --from-literal "url=$BASE" \
	--from-file "tlsClientCertData=$T/git/client.crt" --from-file "tlsClientCertKey=$T/git/client.key" >/dev/null
kc label secret shop-cert -n "$APPS" argocd.argoproj.io/secret-type=repo-creds >/dev/null
good shop "$TWO"
value_is shop v4 || fail "not applied"

it "branch, tag, annotated tag, SHA and HEAD"
git -C "$W" checkout -q -b side
put other side
SIDE=$(commit shop "on a branch")
git -C "$W" push -q origin side
git -C "$W" checkout -q main
for at in "side $SIDE" "light $ONE" "full $ONE" "$ONE $ONE" "HEAD $TWO" "refs/heads/main $TWO"; do
	revision=${at% *}
	kc create namespace "$NS-at" --dry-run=client -o yaml | kc apply -f - >/dev/null
	app at "$URL" other "$NS-at" ".spec.source.targetRevision = \"$revision\""
	good at "${at#* }"
	want=v1
	[ "$revision" != side ] || want=side
	assert_eq "$want" "$(field configmap other .data.key -n "$NS-at")" "what $revision gives"
done
printf '%s\n' "$NS-at" >>"$T/namespaces"
kc delete app at -n "$APPS" >/dev/null
app nowhere "$URL" other "$NS" '.spec.source.targetRevision = "nowhere"'
says nowhere nowhere
kc delete app nowhere -n "$APPS" >/dev/null

it "a range of versions: the highest tag in it, and the next one when it comes"
tag() { git -C "$W" tag "$1" && git -C "$W" push -q origin "$1"; }
put range v1.1 && ONE=$(commit shop "1.1") && tag v1.1.0
put range v1.10 && TEN=$(commit shop "1.10") && tag 1.10.0
put range rc && commit shop "a candidate" >/dev/null && tag v1.11.0-rc.1
app range "$URL" range "$NS" '.spec.source.targetRevision = "^1.1"'
good range "$TEN"
value_is range v1.10 || fail "not applied"
put range v1.11 && NEXT=$(commit shop "1.11") && tag v1.11.0
good range "$NEXT"
kc patch app range -n "$APPS" --type merge -p '{"spec":{"source":{"targetRevision":"~1.1.x"}}}' >/dev/null
good range "$ONE"
kc patch app range -n "$APPS" --type merge -p '{"spec":{"source":{"targetRevision":">=2 <3"}}}' >/dev/null
says range "(the newest is v1.11.0)"
kc delete app range -n "$APPS" >/dev/null

it "a GitHub App opens it, with tokens that it asks its host for"
TOKEN=ghs_$RANDOM$RANDOM$RANDOM
"$ROOT/tests/tools/githttp" start "$T/git2" "$T/repos" --tls --auth "x-access-token:$TOKEN" >"$T/git2.url"
HOST=$("$ROOT/tests/tools/hookhttp" start "$T/github" --tls)
openssl genrsa -out "$T/app.pem" 2048 2>/dev/null
cat "$T/git/ca.crt" "$T/git2/ca.crt" >"$T/both.crt"
kc create configmap argocd-tls-certs-cm -n "$APPS" --from-file "localhost=$T/both.crt" --from-file "127.0.0.1=$T/github/ca.crt" \
	--dry-run=client -o yaml | kc apply -f - >/dev/null
sed 's/127.0.0.1/localhost/' "$T/git2.url" >"$T/app.url"
printf '401\n201\n' >"$T/github/answers"
printf '{"message": "A JSON web token could not be decoded"}' >"$T/github/body"
kc create secret generic github-app -n "$APPS" --from-literal "url=$(cat "$T/app.url")" --from-literal githubAppID=12 \
	--from-literal githubAppInstallationID=34 --from-literal "githubAppEnterpriseBaseUrl=$HOST/api/v3" \
	--from-file "githubAppPrivateKey=$T/app.pem" >/dev/null
kc label secret github-app -n "$APPS" argocd.argoproj.io/secret-type=repo-creds >/dev/null
put app v1
COMMIT=$(commit shop "for the App")
app app "$(cat "$T/app.url")/shop.git" app "$NS"
says app "GitHub App 12: $HOST/api/v3 answers 401: A JSON web token could not be decoded"
printf '{"token": "%s", "expires_at": "%s"}' "$TOKEN" "$(date -u -d '+1 hour' +%FT%TZ)" >"$T/github/body"
kc annotate secret github-app -n "$APPS" changed=now >/dev/null # it is asked anew at once
good app "$COMMIT"
assert_eq "POST /api/v3/app/installations/34/access_tokens" "$(head -n 1 "$T/github/posts/2.head")" "the request"
JWT=$(sed -n 's/^HTTP_AUTHORIZATION=Bearer //p' "$T/github/posts/2.head")
unurl() { tr -- '-_' '+/' | sed -e ':a; /^\(....\)*$/!{s/$/=/; ba}' | base64 -d; }
printf %s "${JWT##*.}" | unurl >"$T/jwt.signature"
openssl pkey -in "$T/app.pem" -pubout -out "$T/app.pub"
printf %s "${JWT%.*}" | openssl dgst -sha256 -verify "$T/app.pub" -signature "$T/jwt.signature" >/dev/null || fail "its signature"
assert_eq 12 "$(printf %s "$JWT" | cut -d. -f2 | unurl | jq -r .iss)" "whose it is"
put app v2
COMMIT=$(commit shop "again for the App")
good app "$COMMIT"
assert_eq 2 "$(cat "$T/github/count")" "tokens that were asked for"
! grep -q "$TOKEN" "$T/syncd.log" || fail "the log has the token"
! kc get app,events -n "$APPS" -o yaml | grep -q "$TOKEN" || fail "the API has the token"
kc delete app app -n "$APPS" >/dev/null

it "a repository in a folder"
app local "file://$T/repos/shop.git" local "$NS"
says local "'local'"
put local v1
COMMIT=$(commit shop "something for it")
good local "$COMMIT"
value_is local v1 || fail "not applied"

it "ten applications of one repository: one fetch for a commit, one poll a second"
for n in 0 1 2 3 4 5 6 7 8 9; do put "many-$n" v1; done
MANY=$(commit shop "ten more")
for n in 0 1 2 3 4 5 6 7 8 9; do app "many-$n" "$URL" "many-$n" "$NS"; done
for n in 0 1 2 3 4 5 6 7 8 9; do good "many-$n" "$MANY"; done
kc delete app local -n "$APPS" >/dev/null
sleep 2
FETCHES=$(metric syncd_git_fetches_total)
for n in 0 1 2 3 4 5 6 7 8 9; do put "many-$n" v2; done
MANY=$(commit shop "all of them")
for n in 0 1 2 3 4 5 6 7 8 9; do good "many-$n" "$MANY"; done
assert_eq 1 $(($(metric syncd_git_fetches_total) - FETCHES)) "fetches"
POLLS=$(metric syncd_git_polls_total)
sleep 10
POLLS=$(($(metric syncd_git_polls_total) - POLLS))
[ $POLLS -ge 7 ] && [ $POLLS -le 13 ] || fail "$POLLS polls in 10 s"
