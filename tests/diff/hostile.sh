#!/usr/bin/env bash
# Trees that mean harm: each is refused with a message, within bounded memory, and
# nothing outside the tree is read, written or run. Needs no cluster.
#
# tests/diff/hostile.txt holds those that are small; the large ones are made here.
# FULL=1 adds those that are large (a million names, huge scalars and expressions);
# they take minutes, and not all of them are known to be refused in time yet.
# Memory is bounded by AddressSanitizer; with PLAIN=build/release (built anew) once
# more by the kernel, as the programs are then not instrumented.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
BIN=${BIN:-$root/build/asan}
PLAIN=${PLAIN:-}
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
failed=0

ok() { printf 'ok - hostile: %s\n' "$1"; }
not_ok() { printf 'not ok - hostile: %s\n' "$1"; failed=1; }

# small PROGRAM ARGS...: with what a small tree may take. Sanitizers double it.
bounded() { # MIB PROGRAM ARGS...
	local mib=$1
	shift
	if [ "$bin" = "$PLAIN" ]; then
		(ulimit -d $((mib * 1024)) && exec timeout 60 "$@")
	else
		ASAN_OPTIONS=quarantine_size_mb=1:hard_rss_limit_mb=$((mib * 3 + 128)) \
			timeout 120 "$@"
	fi
}

# refused NAME FOLDER [MIB]: the tree $T/NAME/tree.
refused() {
	local name=$1 in=$2 mib=${3:-64} rc=0
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: canary}\n' >"$T/$name/canary.yaml"
	mkdir -p "$T/$name/outside"
	cp "$T/$name/canary.yaml" "$T/$name/outside/"
	printf 'resources: [canary.yaml]\n' >"$T/$name/outside/kustomization.yaml"
	(cd "$T/$name/tree" && bounded "$mib" "$bin/tests/rendertool" kustomize . "$in") \
		>"$T/out" 2>"$T/err" || rc=$?
	if [ $rc != 1 ]; then
		not_ok "$name ($(basename "$bin")): ends with $rc: $(tail -c 300 "$T/err")"
	elif [ -s "$T/out" ] || [ ! -s "$T/err" ]; then
		not_ok "$name: output, or no message"
	elif [ "$(wc -c <"$T/err")" -gt 1000 ]; then
		not_ok "$name: a message of $(wc -c <"$T/err") bytes"
	elif grep -q canary\} "$T/err" || [ -e "$T/$name/ran" ] || [ -e "$T/$name/tree/ran" ]; then
		not_ok "$name: something outside was read or run"
	else
		ok "$name: $(cut -c1-100 "$T/err" | head -n 1)"
	fi
	rm -rf "${T:?}/$name"
}

# file NAME PATH: standard input as a file of a tree.
file() { mkdir -p "$(dirname "$T/$1/tree/$2")" && cat >"$T/$1/tree/$2"; }

# repeat N TEXT: with %d as the number.
repeat() { awk -v n="$1" -v t="$2" 'BEGIN { for (i = 0; i < n; i++) { s = t; gsub(/%p/, i - 1, s); gsub(/%d/, i, s); printf "%s", s } }'; }

config_map() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n'; }

# with_map NAME: a tree with a ConfigMap; its kustomization's end from standard input.
with_map() {
	config_map | file "$1" a.yaml
	{ printf 'resources: [a.yaml]\n'; cat; } | file "$1" kustomization.yaml
}

nesting() {
	echo 'resources: [a.yaml]' | file nesting kustomization.yaml
	{ printf 'a: '; repeat 100000 '['; } | file nesting a.yaml
	refused nesting .
	repeat 100000 '{a: ' | file nested-kustomization kustomization.yaml
	refused nested-kustomization .
	{ printf "patches:\n- target: {kind: ConfigMap}\n  patch: '"; repeat 100000 '['; echo "'"; } |
		with_map nested-json-patch
	refused nested-json-patch .
	{ printf 'labels:\n- pairs: {x: w}\n  fields: [{create: true, path: spec'; repeat 100000 /a; echo '}]'; } |
		with_map deep-field
	refused deep-field .
	{ printf 'replacements:\n- sourceValue: x\n  targets: [{select: {kind: ConfigMap}, options: {create: true}, fieldPaths: [spec'
		repeat 100000 .a; echo ']}]'; } | with_map deep-replacement
	refused deep-replacement .
	{ printf 'patches:\n- target: {kind: ConfigMap}\n  patch: "- {op: add, path: '; repeat 100000 /a; echo ', value: 1}"'; } |
		with_map deep-json-path
	refused deep-json-path .
}

# Doubling texts and trees: 2^60 of them at the end.
doubling() {
	{ printf "patches:\n- target: {kind: ConfigMap}\n  patch: |-\n"
		repeat 60 '    - {op: copy, from: /data, path: /data/c%d}\n'; } | with_map copies
	refused copies .
	{ printf 'replacements:\n'
		repeat 60 '- {source: {kind: ConfigMap, fieldPath: data}, targets: [{select: {kind: ConfigMap}, fieldPaths: [data.c%d], options: {create: true}}]}\n'; } |
		with_map replaced-by-itself
	refused replaced-by-itself .
	{ printf 'replacements:\n'
		repeat 60 '- {source: {kind: ConfigMap, fieldPath: data.k}, targets: [{select: {kind: ConfigMap}, fieldPaths: [data.k], options: {delimiter: ":", index: -1}}]}\n'; } |
		with_map text-before-itself
	refused text-before-itself .
	local i
	config_map | file bases l0/a.yaml
	echo 'resources: [a.yaml]' | file bases l0/kustomization.yaml
	for ((i = 1; i < 40; i++)); do
		printf 'resources: [x, w]\n' | file bases l$i/kustomization.yaml
		printf 'resources: [../../l%d]\nnamePrefix: x\n' $((i - 1)) | file bases l$i/x/kustomization.yaml
		printf 'resources: [../../l%d]\nnamePrefix: w\n' $((i - 1)) | file bases l$i/w/kustomization.yaml
	done
	refused bases l39 256
	config_map | file components c0/a.yaml
	printf 'kind: Component\nnamePrefix: abcdefgh\n' | file components c0/kustomization.yaml
	for ((i = 1; i < 40; i++)); do
		printf 'kind: Component\ncomponents: [../c%d, ../c%d]\n' $((i - 1)) $((i - 1)) |
			file components c$i/kustomization.yaml
	done
	config_map | file components app/a.yaml
	printf 'resources: [a.yaml]\ncomponents: [../c39]\n' | file components app/kustomization.yaml
	refused components app 256
}

# Much from little: many times the same file, name, pair.
many() {
	head -c 1000000 /dev/zero | tr '\0' x | file one-file-often f
	{ printf 'configMapGenerator:\n- name: a\n  files:\n'; repeat 1000000 '  - k%d=f\n'; } |
		file one-file-often kustomization.yaml
	refused one-file-often . 256
	{ printf 'resources:\n'; repeat 1000000 '- f%d.yaml\n'; } | file million-names kustomization.yaml
	refused million-names . 256
	{ printf 'commonLabels:\n'; repeat 50000 '  k%d: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n'
		printf 'resources: [a.yaml]\n'; } | file labels kustomization.yaml
	repeat 15000 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a%d}\n---\n' | file labels a.yaml
	refused labels . 256
	{ printf 'namePrefix: '; repeat 3000000 a; printf '\nresources: [a.yaml]\n'; } | file prefix kustomization.yaml
	repeat 15000 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a%d}\n---\n' | file prefix a.yaml
	refused prefix . 256
	repeat 60000 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a%d}\n---\n' | file objects a.yaml
	echo 'resources: [a.yaml]' | file objects kustomization.yaml
	refused objects . 256
	local i
	for ((i = 0; i < 2000; i++)); do
		echo "resources: [../l$((i + 1))]" | file layers l$i/kustomization.yaml
	done
	refused layers l0
}

large() {
	echo 'resources: [a.yaml]' | file huge-file kustomization.yaml
	truncate -s 1T "$T/huge-file/tree/a.yaml"
	refused huge-file .
	mkdir -p "$T/huge-kustomization/tree"
	truncate -s 1T "$T/huge-kustomization/tree/kustomization.yaml"
	refused huge-kustomization .
	{ printf 'a: '; head -c 15000000 /dev/zero | tr '\0' x; } | file huge-scalar a.yaml
	echo 'resources: [a.yaml]' | file huge-scalar kustomization.yaml
	refused huge-scalar . 256
	{ repeat 300000 '# comment\n'; echo 'resources: [none.yaml]'; } | file comments kustomization.yaml
	refused comments .
	echo 'resources: [fifo]' | file fifo kustomization.yaml
	mkfifo "$T/fifo/tree/fifo"
	refused fifo .
	echo 'configMapGenerator: [{name: a, files: [zero]}]' | file device kustomization.yaml
	ln -s /dev/zero "$T/device/tree/zero"
	refused device .
	{ printf 'patches:\n- target: {name: "'; repeat 200000 '(a|'; echo '"}'; printf '  patch: "[]"\n'; } |
		with_map regex-nesting
	refused regex-nesting .
	{ printf 'patches:\n- target: {labelSelector: "'; repeat 200000 'a in ('; echo '"}'; printf '  patch: "[]"\n'; } |
		with_map selector
	refused selector .
}

all() {
	mkdir -p "$T/small"
	awk -v to="$T/small" -v shared="$root/tests/diff/cases/shared" \
		-f "$root/tests/diff/unpack.awk" "$root/tests/diff/hostile.txt" | sh -e
	local c name
	for c in "$T"/small/hostile/*; do
		name=$(basename "$c")
		mv "$c" "$T/$name"
		refused "$name" "$(cat "$T/$name/in")"
	done
	rm -rf "$T/small"
	nesting
	doubling
	[ -z "${FULL:-}" ] || { many; large; }
}

bin=$BIN
all
if [ "$PLAIN" ]; then
	bin=$PLAIN
	all
fi
exit $failed
