#!/usr/bin/env bash
# Thirty and more ways in which a source can break, each against an application that
# is up and running and prunes: an error that is said, and not one object changed or
# deleted. Every bad folder also changes one good object and drops the other, so that
# anything done halfway shows. Then all are mended, and everything goes on.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
NS=broken-$$

mkdir -p "$T/repos"
git_server
repo shop
URL=$GIT_URL/shop.git
W=$TREES/shop
namespace $NS

plain="gone file empty readme syntax duplicate tab half-list no-items json nokind noversion noname jsonnet
 unknown-kind no-namespace bomb no-anchor latin1 nul name-number meta-list link cut"
kust="k-missing k-syntax k-field k-base k-patch k-file k-two k-remote k-component k-empty k-gone k-cycle k-outside"

# populate NAME VALUE: two ConfigMaps, NAME-a and NAME-b; of k-* through a kustomization.
populate() {
	local dir=$W/$1
	rm -rf "$dir"
	configmap "$1-a" "$2" | write "$dir/a.yaml"
	configmap "$1-b" "$2" | write "$dir/b.yaml"
	[[ $1 != k-* ]] || printf 'resources: [a.yaml, b.yaml]\n' | write "$dir/kustomization.yaml"
}

bomb() {
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb-c}\nx0: &x0 [l, l, l, l, l, l, l, l, l]\n'
	local i
	for i in 1 2 3 4 5 6 7 8 9; do printf 'x%d: &x%d [*x%d, *x%d, *x%d, *x%d, *x%d, *x%d, *x%d, *x%d]\n' $i $i $((i-1)) $((i-1)) $((i-1)) $((i-1)) $((i-1)) $((i-1)) $((i-1)) $((i-1)); done
}

# spoil_plain NAME: what is in its third file, or what becomes of its folder.
spoil_plain() {
	local dir=$W/$1
	case $1 in
	gone) rm -r "$dir" ;;
	file) rm -r "$dir"; configmap file-a 2 >"$dir" ;;
	empty) rm "$dir/a.yaml"; : >"$dir/empty.yaml" ;;
	readme) rm "$dir/a.yaml"; echo nothing >"$dir/README.md" ;;
	syntax) printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: [c\ndata: {}\n' ;;
	duplicate) configmap duplicate-c 2; printf 'data: {v: "3"}\n' ;;
	tab) printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: c\n' ;;
	half-list) printf 'apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: half-list-c}}\n- {apiVersion: v1, kind: Conf\n' ;;
	no-items) printf 'apiVersion: v1\nkind: List\nitems: {a: b}\n' ;;
	json) rm "$dir/a.yaml"; printf '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"' >"$dir/c.json" ;;
	nokind) printf 'apiVersion: v1\nmetadata: {name: nokind-c}\n' ;;
	noversion) printf 'kind: ConfigMap\nmetadata: {name: noversion-c}\n' ;;
	noname) printf 'apiVersion: v1\nkind: ConfigMap\ndata: {}\n' ;;
	jsonnet) printf "{apiVersion: \"v1\", kind: \"ConfigMap\"}\n" >"$dir/c.jsonnet" ;;
	unknown-kind) printf 'apiVersion: example.com/v1\nkind: Gizmo\nmetadata: {name: c}\n' ;;
	no-namespace) configmap no-namespace-c 2 | sed "s|^metadata:|metadata:\\n  namespace: nowhere-$$|" ;;
	bomb) bomb ;;
	no-anchor) printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: *nothing\n' ;;
	latin1) printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {v: "\xe9"}\n' ;;
	nul) printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {v: "\x00"}\n' ;;
	name-number) printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 12}\n' ;;
	meta-list) printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: [name, c]\n' ;;
	link) ln -s /etc/passwd "$dir/c.yaml" ;;
	cut) head -c 40 "$dir/a.yaml" >"$dir/c" && mv "$dir/c" "$dir/a.yaml" ;;
	esac >"$T/bad.yaml"
	[ ! -d "$dir" ] || [ ! -s "$T/bad.yaml" ] || cp "$T/bad.yaml" "$dir/c.yaml"
}

# spoil_kust NAME: its kustomization; b.yaml is gone from the folder.
spoil_kust() {
	local dir=$W/$1
	case $1 in
	k-missing) echo 'resources: [a.yaml, b.yaml]' ;;
	k-syntax) printf 'resources: [a.yaml\nnamePrefix: x\n' ;;
	k-field) printf 'resources: [a.yaml]\nresorces: [b.yaml]\n' ;;
	k-base) echo 'resources: [a.yaml, ../nowhere]' ;;
	k-patch) printf 'resources: [a.yaml]\npatches:\n- path: nothing.yaml\n' ;;
	k-file) printf 'resources: [a.yaml]\nconfigMapGenerator:\n- name: g\n  files: [nothing.txt]\n' ;;
	k-two) cp "$dir/kustomization.yaml" "$dir/Kustomization"; echo 'resources: [a.yaml]' ;;
	k-remote) echo 'resources: [a.yaml, "https://example.invalid/o/r//p?ref=v1"]' ;;
	k-component) printf 'resources: [a.yaml]\ncomponents: [a.yaml]\n' ;;
	k-empty) echo 'resources: []' ;;
	k-gone) rm -r "$dir"; return ;;
	k-cycle) mkdir "$dir/d"; echo 'resources: [..]' >"$dir/d/kustomization.yaml"; echo 'resources: [a.yaml, d]' ;;
	k-outside) echo 'resources: [a.yaml, ../gone-a.yaml, ../syntax/a.yaml]' ;;
	esac >"$T/kust.yaml"
	cp "$T/kust.yaml" "$dir/kustomization.yaml"
}

# snapshot: every object with its uid and version.
snapshot() { kc get configmap -n "$NS" -l syncd.dev/install -o json | jq -r '.items[].metadata | "\(.name) \(.uid) \(.resourceVersion)"' | sort; }
# all JQ NAME...: it holds for each Application ($n: its name).
all() {
	local jq=$1
	shift
	kc get app -n "$APPS" -o json >"$T/apps.json"
	jq -r '.items[] | .metadata.name as $n | .status as $s | select(('"$jq"') | not) | "\($n): \($s.sync.status) \($s.syncd.phase) \([$s.conditions[]? | .type + ": " + .message])"' \
		"$T/apps.json" >"$T/not"
	[ ! -s "$T/not" ] || { cat "$T/not"; return 1; }
}

it "all applications are up"
for n in $plain $kust; do populate "$n" v1; done
commit shop "all good" >/dev/null
syncd_start --wave-deadline 20s
for n in $plain $kust; do app "$n" "$URL" "$n" "$NS"; done
N=$(wc -w <<<"$plain $kust")
[ "$N" -ge 30 ] || fail "only $N kinds"
wait_until 90 "all good" all '$s.syncd.phase == "Good" and $s.sync.status == "Synced"'
snapshot >"$T/before"
assert_eq $((2 * N)) "$(wc -l <"$T/before")" "the objects"

it "each breaks in its own way: an error, and not one change or deletion ($N kinds)"
for n in $plain; do populate "$n" v2; rm "$W/$n/b.yaml"; spoil_plain "$n"; done
for n in $kust; do populate "$n" v2; rm "$W/$n/b.yaml"; spoil_kust "$n"; done
commit shop "all bad" >/dev/null
wait_until 90 "an error in each" all '[$s.conditions[]? | select(.type | endswith("Error"))] | length > 0'
sleep_until=$((SECONDS + 6))
while [ $SECONDS -lt $sleep_until ]; do
	diff "$T/before" <(snapshot) >"$T/diff" || fail "something changed: $(cat "$T/diff")"
	sleep 1
done
assert_eq 0 "$(metric syncd_api_requests_total 'verb="delete"')" "DELETE requests"

it "mended, all go on"
for n in $plain $kust; do populate "$n" v3; done
commit shop "all mended" >/dev/null
wait_until 120 "all good again" all '$s.syncd.phase == "Good" and $s.sync.status == "Synced" and ($s.conditions // [] | length == 0)'
assert_eq $((2 * N)) "$(kc get configmap -n "$NS" -o json | jq '[.items[] | select(.data.key == "v3")] | length')" "the objects"
assert_eq 0 "$(metric syncd_api_requests_total 'verb="delete"')" "DELETE requests"
