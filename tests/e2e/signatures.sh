#!/usr/bin/env bash
# spec.signatureKeys of an AppProject: commits that real gpg signed go out, others are
# held with the reason; keys come and go while syncd runs, and the way back stays open.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=signatures-$$
W=$TREES/shop
export GNUPGHOME=$T/gpg

gpg_() { gpg --batch --quiet --no-tty --pinentry-mode loopback --passphrase '' "$@" 2>>"$T/gpg.log"; }
new_key() { gpg_ --faked-system-time 20240401T000000 --quick-generate-key "$1 <$1@example.com>" ed25519 sign "${2:-never}"; }
id_of() { gpg_ --list-keys --with-colons "$1@example.com" | awk -F: '$1 == "pub" { print $5 }'; }
ring() { # NAME...: the public keys in the ConfigMap
	local k args=()
	for k; do
		gpg_ --armor --export "$k@example.com" >"$T/$k.asc"
		args+=(--from-file "$(id_of "$k")=$T/$k.asc")
	done
	kc create configmap argocd-gpg-keys-cm -n "$APPS" "${args[@]}" --dry-run=client -o yaml | kc apply -f - >/dev/null
}
project() { # NAME...: the keys that it lists
	local k list=()
	for k; do list+=("$(id_of "$k")"); done
	kc apply -f - >/dev/null <<-END
		apiVersion: argoproj.io/v1alpha1
		kind: AppProject
		metadata: {name: team, namespace: $APPS}
		spec:
		  sourceRepos: ["*"]
		  destinations: [{server: "*", namespace: "*"}]
		  signatureKeys: [$(printf '{keyID: "%s"},' "${list[@]}")]
	END
}
commit_by() { # REPO MESSAGE [KEY]: commits all of it, signed by KEY; prints the commit
	git -C "$TREES/$1" add -A
	git -C "$TREES/$1" -c "gpg.program=$T/sign" ${3:+-c "user.signingkey=$3@example.com"} \
		commit -q ${3:+-S} -m "$2" 2>>"$T/gpg.log"
	git -C "$TREES/$1" push -qf origin HEAD
	git -C "$TREES/$1" rev-parse HEAD
}
put() { # VALUE [KEY]: commits it, signed by KEY
	configmap settings "$1" | write "$W/app/all.yaml"
	COMMIT=$(commit_by shop "settings $1" "${2:-}")
}
value_is() { field_is "$1" configmap settings .data.key -n "$NS"; }
held() { # WORDS [SECONDS]: its ComparisonError, about this commit
	wait_until "${2:-30}" "'$1' in the conditions" app_is shop \
		"[\$s.conditions[]? | select(.type == \"ComparisonError\") | .message | select(contains(\"$1\"))] | length > 0"
}
release_of() { kc get app shop -n "$APPS" -o json | jq -r --arg rev "$1" '.status.syncd.releases[] | select(.revision == $rev) | "#\(.id)"'; } # COMMIT
out() { good shop "$COMMIT" && value_is "$1"; } # VALUE: it is good

mkdir -m 700 "$GNUPGHOME"
write "$T/sign" <<-'END'
	#!/bin/sh
	exec gpg --batch --pinentry-mode loopback --passphrase '' --faked-system-time 20240501T120000 "$@"
END
chmod +x "$T/sign"
for k in ada bob; do new_key $k; done
new_key old 20240601T000000
namespace "$NS"
git_server
repo shop
repo base
put v1 ada
syncd_start --poll-interval 1s --soak 0s --allow-remote-bases 127.0.0.1
project ada
ring ada

it "what a listed key signed goes out"
app shop "$GIT_URL/shop.git" app "$NS" '.spec.project = "team"'
out v1

it "an unsigned commit is held, and says so; what runs is healed"
put v2
held "commit ${COMMIT:0:7} is not signed, and AppProject team asks for a signature"
never 2 "applied" value_is v2
kc patch configmap settings -n "$NS" -p '{"data":{"key":"drift"}}' >/dev/null
wait_until 20 "the healed value" value_is v1
assert_exit 0 syncctl status shop
assert_contains "$OUTPUT" "is not signed" "what syncctl says"

it "the same, signed, goes out"
put v2b ada
out v2b

it "a key that the project does not list, and then does, and then is in the ConfigMap"
put v3 bob
held "is signed by key $(id_of bob), which AppProject team does not list"
project ada bob
held "key $(id_of bob), which AppProject team lists, but which is not in ConfigMap argocd-gpg-keys-cm"
value_is v2b
ring ada bob
out v3

it "a commit that was changed after it was signed"
git -C "$W" checkout -q -b aside # else a poll may find what was not changed yet
put v4 ada
BAD=$(git -C "$W" cat-file commit HEAD | sed 's/^settings v4$/settings v4!/' | git -C "$W" hash-object -t commit -w --stdin)
git -C "$W" push -qf origin "$BAD:main"
held "commit ${BAD:0:7} has a bad signature in the name of key $(id_of ada)"
value_is v3
git -C "$W" push -qf origin HEAD:main
git -C "$W" checkout -q -B main
out v4

it "a key that has expired, and an SSH signature"
project ada old
ring ada old
put v5 old
held "is signed by key $(id_of old), which has expired on 2024-06-01"
ssh-keygen -q -t ed25519 -N '' -f "$T/ssh"
git -C "$W" -c gpg.format=ssh -c "user.signingkey=$T/ssh.pub" commit -q --amend -S -m "settings v5"
git -C "$W" push -qf origin HEAD
held "has a signature of SSH"
value_is v4

it "a remote base: its commit has to be signed, too, or to be named by what is signed"
base() { # VALUE [KEY]
	configmap base "$1" | write "$TREES/base/deploy/base.yaml"
	printf 'resources: [base.yaml]\n' | write "$TREES/base/deploy/kustomization.yaml"
	BASE=$(commit_by base "base $1" "${2:-}")
}
base_is() { field_is "$1" configmap base .data.key -n "$NS"; }
overlay() { printf 'resources:\n- all.yaml\n- %s\n' "$GIT_URL/base.git//deploy?ref=$1" | write "$W/app/kustomization.yaml"; }
project ada
ring ada
base b1
overlay main
put v4b ada
held "commit ${BASE:0:7} of the remote base $GIT_URL/base.git is not signed, and AppProject team asks for a signature"
value_is v4
overlay "$BASE"
put v4c ada
out v4c
base_is b1
base b2 ada
overlay main
put v4d ada
out v4d
base_is b2
base b3
held "commit ${BASE:0:7} of the remote base $GIT_URL/base.git is not signed"
base_is b2
base b4 ada
wait_until 30 "the base's signed commit" base_is b4
rm "$W/app/kustomization.yaml"

it "a source that is only a ref for others is one of those that have to be signed"
base b5
app shop "$GIT_URL/shop.git" app "$NS" '.spec.project = "team" | .spec.sources = [.spec.source, {repoURL: "'"$GIT_URL/base.git"'", targetRevision: "main", ref: "values"}] | del(.spec.source)'
held "spec.sources[1]: commit ${BASE:0:7} is not signed"
put v4e ada
never 3 "applied" value_is v4e
base b6 ada
wait_until 30 "what both signed" value_is v4e
app shop "$GIT_URL/shop.git" app "$NS" '.spec.project = "team"'

it "a key that expires while syncd runs: nothing new goes out, what runs is healed"
new_key soon "$(date -u -d "+40 seconds" +%Y%m%dT%H%M%S)"
project ada soon
ring ada soon
put v5a soon
V5A=$COMMIT
out v5a
wait_until 20 "the warning ahead" app_is shop \
	"[\$s.conditions[]? | select(.type == \"SignatureExpiryWarning\" and (.message | contains(\"is signed by key $(id_of soon), and counts until \")))] | length == 1"
held "is signed by key $(id_of soon), which has expired on " 60
kc patch configmap settings -n "$NS" -p '{"data":{"key":"drift"}}' >/dev/null
wait_until 20 "the healed value" value_is v5a
put v5e soon
held "commit ${COMMIT:0:7} is signed by key $(id_of soon), which has expired on "
value_is v5a

it "an annotated tag vouches for its commit, by its own signature"
tag() { # NAME [KEY]: of the commit
	git -C "$W" -c "gpg.program=$T/sign" ${2:+-c "user.signingkey=$2@example.com"} \
		tag ${2:+-s} -f -a -m "$1" "$1" 2>>"$T/gpg.log" >/dev/null
	git -C "$W" push -qf origin "$1"
}
put v5b
tag r1 bob
app shop "$GIT_URL/shop.git" app "$NS" '.spec.project = "team" | .spec.source.targetRevision = "r1"'
held "the tag of commit ${COMMIT:0:7} is signed by key $(id_of bob), which AppProject team does not list"
tag r1
held "the tag of commit ${COMMIT:0:7} is not signed"
value_is v5a
tag r1 ada
out v5b

it "a tag that was signed under another name vouches for nothing"
at() { app shop "$GIT_URL/shop.git" app "$NS" ".spec.project = \"team\" | .spec.source.targetRevision = \"$1\""; }
git -C "$W" push -qf origin refs/tags/r1:refs/tags/r3
at r3
held "the tag of commit ${COMMIT:0:7} is called r1, and stands at refs/tags/r3"
put v5f
tag team/r3 ada
at team/r3
out v5f
put v5g
tag v1.0.0 ada
at '1.*'
out v5g
git -C "$W" push -qf origin refs/tags/v1.0.0:refs/tags/v1.1.0
held "is called v1.0.0, and stands at refs/tags/v1.1.0"

it "the commit's own signature will do as well"
put v5c
tag r2
app shop "$GIT_URL/shop.git" app "$NS" '.spec.project = "team" | .spec.source.targetRevision = "r2"'
held "the tag of commit ${COMMIT:0:7} is not signed"
put v5d ada # its own signature will do
tag r2
out v5d
app shop "$GIT_URL/shop.git" app "$NS" '.spec.project = "team"'

it "the way back needs no key: a bad release is reverted, and an old one can be had"
project ada
deployment web bad1 | write "$W/app/web.yaml"
put v6 ada
wait_until 30 "v6" value_is v6
kc delete configmap argocd-gpg-keys-cm -n "$APPS" >/dev/null
wait_until 60 "the revert" app_is shop '$d.phase == "Pinned"'
value_is v5d
held "is not in ConfigMap argocd-gpg-keys-cm (there is none in namespace"
assert_exit 0 syncctl rollback shop "$(release_of "$V5A")"
wait_until 20 "v5a" value_is v5a

it "after a restart without the ConfigMap nothing goes out, until it is back"
syncd_stop
rm "$W/app/web.yaml"
put v7 ada
syncd_start --poll-interval 1s --soak 0s --allow-remote-bases 127.0.0.1
held "is not in ConfigMap argocd-gpg-keys-cm (there is none in namespace"
value_is v5a
ring ada
out v7
