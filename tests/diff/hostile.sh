#!/usr/bin/env bash
# Trees that mean harm: each is refused with a message (or built, where it only looks
# so), at little cost, and nothing outside the tree is read, written or run. Needs no
# cluster.
#
# tests/diff/hostile.txt holds those that are small; the others are made here, some as
# objects of a repository. Two rounds: BIN (built with sanitizers; memory is bounded
# thrice as wide), and PLAIN (a release build of rendertool and cost, made where it is
# missing): there each tree may take a second of processor time and 64 MiB, and the
# kernel's record of its system calls says what it opened (strace).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
BIN=${BIN:-$root/build/asan}
PLAIN=${PLAIN:-$root/build/release}
CPU_MS=1000 MIB=64
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
failed=0 n_trees=0 worst_ms=0 worst_kib=0

ok() { printf 'ok - hostile: %s\n' "$1"; }
not_ok() { printf 'not ok - hostile: %s\n' "$1"; failed=1; }

# run TREE ARG...: the renderer in the folder of a tree, within its bounds.
run() {
	local folder=$1
	shift
	rm -f "$T/cost" "$T/calls"
	if [ "$bin" = "$PLAIN" ]; then
		(cd "$folder" && "$bin/tests/cost" "$T/cost" 60 "$bin/tests/rendertool" "$@")
	else
		(cd "$folder" && ASAN_OPTIONS=quarantine_size_mb=1:hard_rss_limit_mb=$((MIB * 3 + 128)) \
			timeout 120 "$bin/tests/rendertool" "$@")
	fi
}

# What a run opened besides the tree and what any program of its kind opens.
strays() {
	grep -E '^[0-9]+ +(open|openat|openat2|execve|readlink|readlinkat|stat|newfstatat|connect|socket|unlink|rename|mkdir)\(' "$1" |
		grep -vE ' execve\(".*/tests/rendertool"| = -1 E|AT_EMPTY_PATH|"(/etc/ld\.so|/lib|/usr/lib|/proc/(self|sys/vm)|/sys/|/dev/u?random|/etc/ssl|/usr/share|/dev/null)' |
		grep -vE '(openat2?|newfstatat|readlinkat)\([0-9A-Z_]+, "([^/.]|\.[^.])' |
		grep -vE "\"($2|\.|)\"" || true
}

watch_calls() { # NAME FOLDER ARG...
	local name=$1 folder=$2
	shift 2
	(cd "$folder" && strace -f -qq -e trace=file,network,process -o "$T/calls" \
		timeout 60 "$bin/tests/rendertool" "$@" >/dev/null 2>&1) || true
	strays "$T/calls" "${folder}[^\"]*" >"$T/strays"
	[ ! -s "$T/strays" ] || not_ok "$name opens $(head -n 3 "$T/strays")"
}

judge_cost() { # NAME
	local ms kib
	[ "$bin" = "$PLAIN" ] || return 0
	read -r ms kib <"$T/cost"
	[ "$ms" -le "$worst_ms" ] || worst_ms=$ms
	[ "$kib" -le "$worst_kib" ] || worst_kib=$kib
	[ "$ms" -le $CPU_MS ] || not_ok "$1: $ms ms"
	[ "$kib" -le $((MIB * 1024)) ] || not_ok "$1: $((kib / 1024)) MiB"
}

# judge NAME RC WANT: its output in $T/out and $T/err.
judge() {
	local name=$1 rc=$2 want=$3
	n_trees=$((n_trees + 1))
	judge_cost "$name"
	if [ "$rc" != "$want" ]; then
		not_ok "$name ($(basename "$bin")): ends with $rc: $(tail -c 300 "$T/err")"
	elif [ "$want" = 1 ] && { [ -s "$T/out" ] || [ ! -s "$T/err" ]; }; then
		not_ok "$name: output, or no message"
	elif [ "$(wc -c <"$T/err")" -gt 1000 ]; then
		not_ok "$name: a message of $(wc -c <"$T/err") bytes"
	elif grep -q canary\} "$T/err" "$T/out" || [ -e "$T/$name/ran" ] || [ -e "$T/$name/tree/ran" ]; then
		not_ok "$name: something outside was read or run"
	else
		ok "$name: $(head -n 1 "$T/err" | cut -c1-100)"
	fi
}

# tried NAME FOLDER WANT: the tree $T/NAME/tree.
tried() {
	local name=$1 in=$2 want=$3 rc=0
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: canary}\n' >"$T/$name/canary.yaml"
	mkdir -p "$T/$name/outside"
	cp "$T/$name/canary.yaml" "$T/$name/outside/"
	printf 'resources: [canary.yaml]\n' >"$T/$name/outside/kustomization.yaml"
	run "$T/$name/tree" kustomize . "$in" >"$T/out" 2>"$T/err" || rc=$?
	judge "$name" "$rc" "$want"
	[ "$bin" != "$PLAIN" ] || watch_calls "$name" "$T/$name/tree" kustomize . "$in"
	rm -rf "${T:?}/$name"
}

refused() { tried "$1" "$2" 1; }
built() { tried "$1" "$2" 0; }

# committed NAME WANT: the tree whose id is on standard input, in $T/repo.
committed() {
	local name=$1 want=$2 commit rc=0
	commit=$(git -C "$T/repo" commit-tree -m x "$(cat)")
	run "$T" kustomize-commit "$T/repo" "$commit" . >"$T/out" 2>"$T/err" || rc=$?
	judge "$name" "$rc" "$want"
}

# file NAME PATH: standard input as a file of a tree.
file() { mkdir -p "$(dirname "$T/$1/tree/$2")" && cat >"$T/$1/tree/$2"; }

# repeat N TEXT: with %d as the number from 0 on, and \n as a line break.
repeat() {
	local amp='&' text
	text=${2//%d/"$amp"}
	seq 0 $(($1 - 1)) | sed $'s\001.*\001'"${text//\\n/$'\002'}"$'\001' | tr -d '\n' | tr '\002' '\n'
}

config_map() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n'; }
config_maps() { repeat "$1" 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a%d}\n---\n'; }

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
	refused bases l39
	config_map | file components c0/a.yaml
	printf 'kind: Component\nnamePrefix: abcdefgh\n' | file components c0/kustomization.yaml
	for ((i = 1; i < 40; i++)); do
		printf 'kind: Component\ncomponents: [../c%d, ../c%d]\n' $((i - 1)) $((i - 1)) |
			file components c$i/kustomization.yaml
	done
	config_map | file components app/a.yaml
	printf 'resources: [a.yaml]\ncomponents: [../c39]\n' | file components app/kustomization.yaml
	refused components app
}

# Much from little: many times the same file, name, pair.
many() {
	head -c 1000000 /dev/zero | tr '\0' x | file one-file-often f
	{ printf 'configMapGenerator:\n- name: a\n  files:\n'; repeat 1000000 '  - k%d=f\n'; } |
		file one-file-often kustomization.yaml
	refused one-file-often .
	{ printf 'resources:\n'; repeat 1000000 '- f%d.yaml\n'; } | file million-names kustomization.yaml
	refused million-names .
	{ printf 'commonLabels:\n'; repeat 50000 '  k%d: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n'
		printf 'resources: [a.yaml]\n'; } | file labels kustomization.yaml
	config_maps 15000 | file labels a.yaml
	refused labels .
	{ printf 'namePrefix: '; repeat 3000000 a; printf '\nresources: [a.yaml]\n'; } | file prefix kustomization.yaml
	config_maps 15000 | file prefix a.yaml
	refused prefix .
	config_maps 60000 | file objects a.yaml
	echo 'resources: [a.yaml]' | file objects kustomization.yaml
	refused objects .
	# names that grow with each layer, and labels: what a build makes of short files
	local i
	for ((i = 0; i < 20; i++)); do
		{ printf 'resources: [../l%d]\nnamePrefix: ' $((i + 1)); repeat 1000 a; echo; } |
			file names l$i/kustomization.yaml
	done
	config_maps 15000 | file names l20/a.yaml
	echo 'resources: [a.yaml]' | file names l20/kustomization.yaml
	refused names l0
	{ printf 'commonLabels:\n'; repeat 999 '  k%d: w\n'; echo 'resources: [a.yaml]'; } |
		file labels-made kustomization.yaml
	config_maps 15000 | file labels-made a.yaml
	refused labels-made .
	# a label is looked for among all that are there
	for ((i = 0; i < 100; i++)); do
		{ printf 'resources: [../l%d]\nlabels:\n- pairs:\n' $((i + 1)); repeat 200 '    k%d: w\n'; } |
			file labels-again l$i/kustomization.yaml
	done
	{ printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels:\n'
		repeat 60000 '    l%d: w\n'; } | file labels-again l100/a.yaml
	echo 'resources: [a.yaml]' | file labels-again l100/kustomization.yaml
	refused labels-again l0
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
	refused huge-scalar .
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
	# a selector of labels is only read for what everything else of the target fits
	{ printf 'patches:\n- target: {kind: Secret, labelSelector: "'; repeat 200000 'a in ('; echo '"}'; printf '  patch: "[]"\n'; } |
		with_map selector
	built selector .
	{ printf 'patches:\n- target: {kind: ConfigMap, labelSelector: "'; repeat 200000 'a in ('; echo '"}'
		printf '  patch: "- {op: remove, path: /data}"\n'; } | with_map selector-in-use
	refused selector-in-use .
}

# Objects of a repository: few bytes there, many files.
commits() {
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.com
	local object map list i
	git init -q --bare "$T/repo"
	map=$(config_map | git -C "$T/repo" hash-object -w --stdin)
	list=$(echo 'resources: [a.yaml, d/d/d/d/d/d/d/d/d/d/a.yaml]' | git -C "$T/repo" hash-object -w --stdin)
	# a million files beside the one that is used
	{ printf '100644 blob %s\ta.yaml\n' "$map"
		printf '100644 blob %s\tkustomization.yaml\n' "$(echo 'resources: [a.yaml]' | git -C "$T/repo" hash-object -w --stdin)"
		repeat 1000000 "100644 blob $map\tf%d.yaml\n" | sed 's/\\t/\t/'; } |
		git -C "$T/repo" mktree --missing | committed million-files 1
	# each folder holds the one below 16 times: 16^40 files
	object=$(printf '100644 blob %s\ta.yaml\n' "$map" | git -C "$T/repo" mktree)
	for ((i = 0; i < 40; i++)); do
		object=$({ printf '100644 blob %s\ta.yaml\n' "$map"; printf '040000 tree %s\td\n' "$object"
			repeat 15 "040000 tree $object\tx%d\n" | sed 's/\\t/\t/'; } | git -C "$T/repo" mktree)
	done
	{ printf '100644 blob %s\tkustomization.yaml\n' "$list"; printf '100644 blob %s\ta.yaml\n' "$map"
		printf '040000 tree %s\td\n' "$object"; } | git -C "$T/repo" mktree | committed tree-of-itself 1
	rm -rf "$T/repo"
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
	many
	large
	commits
	[ $n_trees -ge 65 ] || not_ok "only $n_trees trees"
}

bin=$BIN
all
command -v strace >/dev/null || { not_ok "there is no strace: apt-get install strace"; exit 1; }
if [ ! -x "$PLAIN/tests/rendertool" ] || [ ! -x "$PLAIN/tests/cost" ]; then
	(cd "$root" && cmake --preset release -G Ninja &&
		cmake --build --preset release --target rendertool cost) >"$T/build" 2>&1 ||
		{ tail -n 20 "$T/build"; not_ok "$PLAIN is not there and cannot be built"; exit 1; }
fi
bin=$PLAIN n_trees=0
all
ok "$n_trees trees: at most $worst_ms ms and $((worst_kib / 1024)) MiB"
exit $failed
