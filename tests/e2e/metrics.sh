#!/usr/bin/env bash
# Metrics and log lines of a live syncd: docs/metrics.md is what is served, neither more
# nor less, and a story (a good release, a bad one, its revert) is told in JSON lines. Then
# Debian's Prometheus scrapes it: alerts and dashboard of manifests/monitoring work on it.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=metrics-$$
W=$TREES/shop

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

# --- Prometheus ---------------------------------------------------------------

# query EXPR: what Prometheus answers, as a JSON array.
query() { curl -fsS -m 10 --data-urlencode "query=$1" "$PROM/api/v1/query" | jq -c .data.result; }
has_data() { [ "$(query "$1" | jq length)" != 0 ] || { echo "no data: $1"; return 1; }; }

# prometheus_start: Debian's, which scrapes the running syncd each second.
prometheus_start() {
	local addr
	addr=127.0.0.1:$(free_port)
	PROM=http://$addr
	write "$T/prometheus.yaml" <<-END
		global: {scrape_interval: 1s, evaluation_interval: 1s}
		rule_files: [$T/rules.yaml]
		scrape_configs:
		- job_name: syncd
		  honor_labels: true
		  static_configs: [{targets: ["${METRICS#http://}"]}]
	END
	daemon_start "$T" prometheus prometheus --config.file "$T/prometheus.yaml" \
		--storage.tsdb.path "$T/prometheus" --web.listen-address "$addr"
	daemon_wait "$T" prometheus 60 curl -fsS -m 2 "$PROM/-/ready" || fail "Prometheus is not ready"
}

# The part of a manifest below a key, as a file of its own.
below() { # KEY FILE
	awk -v key="$1" '$0 == key { on = 1; next } on { print }' "$2"
}
expressions() {
	below "  syncd.json: |" "$ROOT/manifests/monitoring/grafana-dashboard.yaml" | sed 's/^    //' |
		jq -r '.panels[].targets[].expr' |
		sed 's/\$__rate_interval/15s/g; s/"\$[a-z]*"/".*"/g'
}
alerts() { sed -n 's/^ *- alert: //p' "$ROOT/manifests/monitoring/prometheus-rule.yaml"; }

it "the rules are sound, and each alert fires and does not, as promtool says"
command -v promtool >/dev/null || fail "promtool is not there: install Debian's package prometheus"
below spec: "$ROOT/manifests/monitoring/prometheus-rule.yaml" | sed 's/^  //' >"$T/rules.yaml"
promtool check rules "$T/rules.yaml" >"$T/check.out" || fail "$(cat "$T/check.out")"
sed "s#RULES#$T/rules.yaml#" "$ROOT/tests/monitoring/alerts.yaml" >"$T/alerts.yaml"
promtool test rules "$T/alerts.yaml" >"$T/test.out" 2>&1 || fail "$(cat "$T/test.out")"
for alert in $(alerts); do
	grep -q "alertname: $alert$" "$T/alerts.yaml" || fail "$alert has no test that it fires"
	grep -q "alertname: $alert}" "$T/alerts.yaml" || fail "$alert has no test that it does not"
done

it "each alert names its section of the runbook"
diff <(alerts | sort) <(grep -oE '^## Syncd[A-Za-z]+$' "$ROOT/docs/runbook.md" | cut -c4- | sort) ||
	fail "alerts and sections differ"
for alert in $(alerts); do
	grep -q "runbook: docs/runbook.md#${alert,,}$" "$T/rules.yaml" || fail "$alert does not name its section"
done

it "every expression of the dashboard returns data"
app lost "$GIT_URL/nowhere.git" shop "$NS"
is_failing() { [ "$(metric syncd_git_repositories_failing)" = 1 ]; }
wait_until 20 "failing repository" is_failing
prometheus_start
expressions >"$T/expressions"
[ "$(wc -l <"$T/expressions")" -ge 25 ] || fail "few expressions: $(cat "$T/expressions")"
while read -r expression; do
	wait_until 40 "data" has_data "$expression"
done <"$T/expressions"

it "the alert of a revert fires in that Prometheus"
fires() { query "ALERTS{alertname=\"$1\",alertstate=\"firing\"}" | jq -e --arg ns "$APPS" 'any(.metric.namespace == $ns and .metric.name == "shop")'; }
wait_until 20 "the alert" fires SyncdApplicationReverted
daemon_stop "$T" prometheus

it "without the flag nothing has Argo CD's names"
syncd_stop
syncd_start
scrape
assert_eq 0 "$(grep -c argocd_ "$T/metrics.txt")" "of Argo CD's"
