#!/usr/bin/env bash
# Metrics and log lines of a live syncd: docs/metrics.md is what is served, neither more
# nor less, and a story (a good release, a bad one, its revert) is told in JSON lines.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=metrics-$$
W=$T/work/shop

scrape() { curl -fsS -m 10 "$METRICS/metrics" >"$T/metrics.txt"; }

# The table: "name type label,label" per line, sorted.
table() {
	sed -nE 's/^\| `((syncd|argocd|process)_[a-z0-9_]+)` \| ([a-z]+) \| ([^|]*)\|.*/\1 \3 \4/p' \
		"$ROOT/docs/metrics.md" | tr -d '`' | sed -E 's/, /,/g; s/ +$//' | sort
}
# The same of what was scraped; a bucket's own label does not count. Families without
# rows have no labels to see: $1 says what they would be.
served() {
	awk -v table="$1" '
		BEGIN { while ((getline line < table) > 0) { split(line, f, " "); labels[f[1]] = f[3] } }
		/^# TYPE/ { name = $3; type[name] = $4; next }
		/^#/ { next }
		{
			row = $0; sub(/[{ ].*/, "", row)
			if (type[name] == "histogram") sub(/_(bucket|sum|count)$/, "", row)
			if (row != name) { print "a row of " row " below " name; next }
			seen = ""
			rest = $0; sub(/^[^{ ]*/, "", rest)
			while (match(rest, /[a-z_]+="([^"\\]|\\.)*"/)) {
				label = substr(rest, RSTART, RLENGTH); sub(/=.*/, "", label)
				if (label != "le") seen = seen (seen == "" ? "" : ",") label
				rest = substr(rest, RSTART + RLENGTH)
			}
			rows[name]++
			if (rows[name] == 1) of[name] = seen
			else if (of[name] != seen) print name ": rows with labels " of[name] " and " seen
		}
		END { for (name in type) {
			l = rows[name] ? of[name] : labels[name]
			print name " " type[name] (l == "" ? "" : " " l) } }' "$T/metrics.txt" | sort
}
same_as_table() {
	scrape
	table >"$T/table"
	served "$T/table" >"$T/served"
	diff "$T/table" "$T/served"
}

# line DECISION JQ: one of the log's lines about the shop.
line() {
	grep '^{' "$T/syncd.log" | jq -es --arg d "$1" --arg app "$APPS/shop" \
		'map(select(.decision == $d and .application == $app)) | any('"$2"')' >/dev/null ||
		{ grep -F "\"decision\":\"$1\"" "$T/syncd.log"; return 1; }
}

namespace "$NS"
repo shop
deployment web v1 | write "$W/shop/web.yaml"
GOOD=$(commit shop "one")
git_server
syncd_start --log-format json --argocd-metrics=true
app shop "$GIT_URL/shop.git" shop "$NS"
good shop "$GOOD"

it "every line of the log is a JSON object with time, level and words"
grep -q . "$T/syncd.log" || fail "the log is empty"
jq -es 'all(.time and .level and .msg and all(.[]; type == "string"))' "$T/syncd.log" >/dev/null ||
	fail "other lines: $(grep -v '^{' "$T/syncd.log" | head -n 3)"

it "a good release is told: who, what, how long"
line sync '.release == "1" and .revision == "'"$GOOD"'" and (.author | startswith("Ada")) and .initiator == "automated"' ||
	fail "no sync"
line promote '.release == "1" and .revision == "'"$GOOD"'" and (.duration | tonumber) >= 2' || fail "no promotion"

it "a bad one, and the way back"
deployment web bad | write "$W/shop/web.yaml"
BAD=$(commit shop "two")
wait_until 60 "the pin" app_is shop '$d.phase == "Pinned"'
line reject '.level == "warn" and .release == "2" and .revision == "'"$BAD"'" and (.author | startswith("Ada")) and (.duration | tonumber) > 0' ||
	fail "no rejection"
line revert '.release == "1" and .revision == "'"$GOOD"'" and (.duration | tonumber) > 0' || fail "no revert"
SINCE=$(metric syncd_app_pinned_timestamp_seconds)
[ $(($(date +%s) - SINCE)) -le 60 ] && [ "$SINCE" -le "$(date +%s)" ] || fail "pinned since $SINCE"
assert_eq 1 "$(metric syncd_reverts_total)" "reverts"
assert_eq 1 "$(metric syncd_rejections_total)" "rejections"

it "the table of docs/metrics.md is what is served: names, types, labels"
wait_until 5 "the documented metrics" same_as_table

it "without the flag nothing has Argo CD's names"
syncd_stop
syncd_start
scrape
assert_eq 0 "$(grep -c argocd_ "$T/metrics.txt")" "of Argo CD's"
