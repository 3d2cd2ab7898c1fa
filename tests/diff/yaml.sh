#!/usr/bin/env bash
# Our YAML against kubectl's: the same file must mean the same object. kubectl
# reads it, adds a label without asking a server, and prints what it would send.
#
# tests/diff/yaml/values.txt        a value a line; each is one case `spec: VALUE`.
#                                   Both read it alike, or both refuse it.
# tests/diff/yaml/same-*.yaml       documents that both read alike
# tests/diff/yaml/refused-by-both.yaml, refused-by-us.yaml, read-by-us.yaml
#
# Documents lack apiVersion, kind and metadata: they are put before each. Needs no
# cluster: BIN (our programs) and the pinned kubectl.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
BIN=${BIN:-$root/build/asan}
tool=$BIN/tests/rendertool
PATH=$("$root/tests/cluster/build" kubectl):$PATH
cases=$root/tests/diff/yaml
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
export KUBECONFIG=/dev/null
failed=0

ok() { printf 'ok - yaml: %s\n' "$1"; }
not_ok() { printf 'not ok - yaml: %s\n' "$1"; failed=1; }

# object FILE: the case's object, with what makes it one.
object() {
	printf 'apiVersion: example.com/v1\nkind: Case\nmetadata: {name: case, labels: {a: b}}\n'
	cat "$1"
}

# Both answers go through our JSON writer, so that only the meaning is compared.
theirs() {
	kubectl label --local --overwrite -f "$1" -o json a=b >"$T/theirs" 2>"$T/theirs.err" &&
		{ "$tool" json <"$T/theirs" 2>>"$T/theirs.err" || echo "not to be shown"; }
}
ours() { "$tool" json <"$1" 2>"$T/ours.err"; }

# compare NAME FILE [WANT]: WANT is same, both-refuse, we-refuse, we-read, or any
# of the first two.
compare() {
	local name=$1 want=${3:-either} a=refused b=refused
	object "$2" >"$T/object.yaml"
	a=$(ours "$T/object.yaml") || a=refused
	b=$(theirs "$T/object.yaml") || b=refused
	case $want in
	same) [ "$a" != refused ] && [ "$a" = "$b" ] ;;
	both-refuse) [ "$a" = refused ] && [ "$b" = refused ] ;;
	we-refuse) [ "$a" = refused ] && [ "$b" != refused ] ;;
	we-read) [ "$a" != refused ] && [ "$b" = refused ] ;;
	*) [ "$a" = "$b" ] ;;
	esac && { ok "$name"; return; }
	not_ok "$name (want $want)"
	printf '  ours:   %s %s\n  theirs: %s %s\n' "$a" "$(cat "$T/ours.err")" \
		"$b" "$(cat "$T/theirs.err")"
}

# each_document FILE WANT: its documents as $T/doc-N.
each_document() {
	local doc n=0
	rm -f "$T"/doc-*
	awk -v to="$T/doc-" 'BEGIN { n = 1 } /^---$/ { n++; next } { print > sprintf("%s%02d", to, n) }' "$1"
	for doc in "$T"/doc-*; do
		n=$((n + 1))
		compare "$(basename "$1" .yaml) $n" "$doc" "$2"
	done
}

n=0
while IFS= read -r value; do
	n=$((n + 1))
	printf 'spec: %s\n' "$value" >"$T/value.yaml"
	compare "value $value" "$T/value.yaml"
done <"$cases/values.txt"
for file in "$cases"/same-*.yaml; do
	each_document "$file" same
done
each_document "$cases/refused-by-both.yaml" both-refuse
each_document "$cases/refused-by-us.yaml" we-refuse
each_document "$cases/read-by-us.yaml" we-read

# One listed difference: kubectl loses the last digits beyond 2^63, we keep them.
printf 'spec: 18446744073709551615\n' >"$T/value.yaml"
object "$T/value.yaml" >"$T/object.yaml"
[[ $(ours "$T/object.yaml") == *'"spec":18446744073709551615'* ]] &&
	[[ $(theirs "$T/object.yaml") == *'"spec":18446744073709552000'* ]] &&
	ok "uint64 keeps its digits" || not_ok "uint64 keeps its digits"
exit $failed
