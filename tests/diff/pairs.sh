#!/usr/bin/env bash
# The features of a kustomization that meet in a build: pairs.txt lists them, two and
# two, and each pair has a case in tests/diff/cases in which both are used. Needs
# nothing but awk: what the cases give is compared by kustomize.sh.
#
#	tests/diff/pairs.sh		fails for a pair without a case
#	tests/diff/pairs.sh matrix	how many cases have both, for all pairs
#	tests/diff/pairs.sh A,B		the cases that have A and B
set -euo pipefail
cd "$(dirname "$0")"

if [ $# -gt 0 ]; then
	exec awk -v show="$1" -f pairs.awk cases/*.txt
fi
found=$(awk -v must=pairs.txt -f pairs.awk cases/*.txt)
listed=$(sed -n 's/^listed //p' <<<"$found")
if grep -v '^listed ' <<<"$found"; then
	echo "not ok - pairs: add a case with both to tests/diff/cases, or mend pairs.txt"
	exit 1
fi
[ "$listed" -gt 0 ] || { echo "not ok - pairs: pairs.txt lists none"; exit 1; }
echo "ok - pairs: $listed pairs of features, each with a case"
