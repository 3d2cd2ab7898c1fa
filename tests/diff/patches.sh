#!/usr/bin/env bash
# The outcomes written in tests/unit/data/kust/*.txt, against which the unit tests hold
# our patches, are what the reference gives. UPDATE=1 writes them anew.
# Needs no cluster: the pinned kustomize only.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
PATH=$("$root/tests/cluster/build" kustomize):$PATH
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
failed=0

# kustomization FILE DIR: how the cases of FILE are built.
kustomization() {
	printf 'resources: [base.yaml]\n'
	case $1 in
	smp) printf 'patches: [{path: patch.yaml}]\n' ;;
	jsonpatch) printf 'patches: [{path: patch.yaml, target: {kind: ".*"}}]\n' ;;
	patch) cat "$2/patch" ;;
	esac
	printf 'sortOptions: {order: fifo}\n'
}

# sections FILE: each part of each case as $T/case/N/NAME; the case's title in "title".
sections() {
	mkdir -p "$T/case"
	awk -v T="$T/case" '
		/^== / { n++; dir = sprintf("%s/%04d", T, n); system("mkdir -p " dir)
			 out = dir "/title"; print substr($0, 4) >out; close(out); out = ""; next }
		/^-- / { if (out) close(out); out = dir "/" substr($0, 4); printf "" >out; next }
		out && n { print >>out }' "$1"
}

outcome() {
	cp "$1/base" "$1/base.yaml"
	cp "$1/patch" "$1/patch.yaml"
	kustomize build "$1" 2>"$1/said" || echo error
}

written() {
	sed '/./,$!d' "$1/want" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'
}

# A few hundred processes: as many at once as there are processors.
run_all() {
	export -f outcome kustomization
	printf '%s\0' "$T"/case/* | xargs -0 -P "$(nproc)" -I{} bash -c \
		'kustomization "$1" {} >{}/kustomization.yaml; outcome {} >{}/got' - "$1"
}

for file in "$root"/tests/unit/data/kust/*.txt; do
	name=$(basename "$file" .txt)
	rm -rf "$T/case"
	sections "$file"
	run_all "$name"
	bad=0 n=0
	sed '/^==/,$d' "$file" >"$T/new"
	for dir in "$T"/case/*; do
		n=$((n + 1))
		{
			printf '== %s\n-- base\n' "$(cat "$dir/title")"
			cat "$dir/base"
			printf -- '-- patch\n'
			cat "$dir/patch"
			printf -- '-- want\n'
			cat "$dir/got"
			echo
		} >>"$T/new"
		[ "$(written "$dir")" = "$(cat "$dir/got")" ] && continue
		bad=$((bad + 1))
		[ -n "${UPDATE:-}" ] || diff <(written "$dir") "$dir/got" | sed "s|^|  $(cat "$dir/title"): |" || true
	done
	if [ -n "${UPDATE:-}" ]; then
		cp "$T/new" "$file"
		echo "ok - patches: $name: $n written, $bad of them new"
	elif [ "$bad" = 0 ]; then
		echo "ok - patches: $n of $name are what the reference gives"
	else
		echo "not ok - patches: $bad of $n of $name"
		failed=1
	fi
done
exit "$failed"
