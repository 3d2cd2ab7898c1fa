#!/usr/bin/env bash
# The corpus of kustomizations: ours against the reference, byte for byte.
#
#   tests/diff/kustomize.sh [PATTERN]    only cases whose SUBJECT/NAME matches
#
# tests/diff/cases/SUBJECT.txt holds them (the format: unpack.awk). A case wants
# the same bytes; "error": both refuse; "objects": bytes cannot be equal, the typed
# objects are; "refused": we refuse what the reference takes, on purpose. A comment
# there says why. Needs no cluster. REFERENCE=1: checks only what the reference does.
# shellcheck source=tests/diff/lib.sh
. "$(dirname "$0")/lib.sh"

cases=$root/tests/diff/cases
awk -v to="$T" -v shared="$cases/shared" -f "$root/tests/diff/unpack.awk" \
	"$cases"/*.txt | sh -e
find "$T" -mindepth 2 -maxdepth 2 -type d | sort | grep -E -- "${1:-}" >"$T/list"

each theirs <"$T/list"
if [ "${REFERENCE:-}" ]; then
	while read -r c; do
		rc=$(cat "$c/theirs.rc") want=$(cat "$c/want")
		if [ "$rc" = 0 ] && [[ $want =~ ^(error|accepted)$ ]]; then
			not_ok "${c#"$T/"}: accepted"
		elif [ "$rc" != 0 ] && ! [[ $want =~ ^(error|accepted)$ ]]; then
			not_ok "${c#"$T/"}: $(head -c 600 "$c/theirs.err")"
		else
			ok "${c#"$T/"}"
		fi
	done <"$T/list"
	exit $failed
fi
each ours <"$T/list"
while read -r c; do
	judge "$c" "${c#"$T/"}"
done <"$T/list"
exit $failed
