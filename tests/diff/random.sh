#!/usr/bin/env bash
# Random kustomizations (tests/diff/gen): ours against the reference, byte for byte,
# or both refuse. Needs no cluster.
#
#   SEEDS=5000 FIRST=301 tests/diff/random.sh     more of them (300 from seed 1)
#   tests/diff/random.sh SEED                     one, and what it shrinks to
#   REACH=1 tests/diff/random.sh                  also what the trees reach
#
# A difference's tree is shrunk while it stays one, and shown as a case to put into
# tests/diff/cases.
# shellcheck source=tests/diff/lib.sh
. "$(dirname "$0")/lib.sh"

# without FILE LINE: drops the line and those after it that belong to it: what is
# indented more, and a list's items under its key.
without() {
	awk -v at="$2" '
		NR == at { match($0, /^ */); lead = RLENGTH; dash = /^ *- /; dropping = 1; next }
		dropping && (/^ *$/ || match($0, /^ */) && RLENGTH > lead ||
			!dash && /^ *- / && RLENGTH == lead) { next }
		{ dropping = 0; print }' "$1"
}

# differs CASE: the kind of difference, or nothing.
differs() {
	theirs "$1"
	ours "$1"
	local why
	why=$(verdict "$1")
	printf '%s' "${why%%:*}"
}

# shrink CASE KIND: as long as the difference stays of its kind.
shrink() {
	local c=$1 kind=$2 changed=1 file n
	cp -R "$c" "$T/try"
	while [ $changed ]; do
		changed=
		for file in $(cd "$c/tree" && find . -type f | sort); do
			n=1
			while [ $n -le "$(wc -l <"$c/tree/$file")" ]; do
				without "$c/tree/$file" $n >"$T/try/tree/$file"
				if [ "$(differs "$T/try")" = "$kind" ]; then
					cp "$T/try/tree/$file" "$c/tree/$file"
					changed=1
				else
					n=$((n + 1))
				fi
				cp "$c/tree/$file" "$T/try/tree/$file"
			done
		done
	done
	rm -rf "$T/try"
	find "$c/tree" -type f -empty -delete
	differs "$c" >/dev/null
}

# show CASE NAME: as it would stand in tests/diff/cases.
show() {
	local file
	printf '=== %s in %s\n' "$2" "$(cat "$1/in")"
	(cd "$1/tree" && find . -type f | sort) | while read -r file; do
		printf -- '-- %s --\n' "${file#./}"
		cat "$1/tree/$file"
	done
}

first=${1:-${FIRST:-1}}
count=${1:+1}
count=${count:-${SEEDS:-300}}
"$BIN/tests/kustgen" "$first" "$count" "$T/seeds"
seq "$first" $((first + count - 1)) | sed "s|^|$T/seeds/|" >"$T/list"
each theirs <"$T/list"
each ours <"$T/list"
shown=0
while read -r c; do
	seed=${c##*/}
	why=$(verdict "$c")
	[ "$why" ] || { ok "seed $seed"; continue; }
	judge "$c" "seed $seed"
	[ $shown -lt "${SHRINK:-3}" ] || continue
	shown=$((shown + 1))
	shrink "$c" "${why%%:*}"
	show "$c" "seed-$seed"
	diff -u "$c/theirs.out" "$c/ours.out" | sed 1,2d | head -n 40 || true
done <"$T/list"
printf '# %s of %s trees build\n' "$(cat "$T"/seeds/*/theirs.rc | grep -c '^0$')" "$count"
if [ "${REACH:-}" ]; then
	grep -lx 0 "$T"/seeds/*/theirs.rc | sed 's|/theirs.rc$||' | "$BIN/tests/kustgen" --reach ||
		not_ok "a field is never reached"
fi
exit $failed
