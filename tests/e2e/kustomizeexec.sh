#!/usr/bin/env bash
# What of Kustomize is not ours is found before anything is built: without a program it
# is refused by file, line and field, with the pinned one it is built by that.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=kustomizeexec-$$
says() { app_is shop "(\$s.conditions // []) | any(.type == \"ComparisonError\" and (.message | contains(\"$1\")))"; }
value_is() { field_is "$1" configmap settings .data.key -n "$NS"; }

namespace "$NS"
repo shop
git_server
W=$TREES/shop
# deeper than our engine of regular expressions takes, and not the reference's
deep=$(printf '(%.0s' {1..210})settings$(printf ')%.0s' {1..210})
configmap settings one | write "$W/base/settings.yaml"
printf 'resources: [settings.yaml]\n' | write "$W/base/kustomization.yaml"
write "$W/app/kustomization.yaml" <<-END
	resources: [../base]
	patches:
	- target: {name: "$deep"}
	  patch: "- {op: replace, path: /data/key, value: two}"
END
COMMIT=$(commit shop "a deep expression")

it "without a program it is refused by file, line and field"
syncd_start --poll-interval 1s --kustomize ""
app shop "$GIT_URL/shop.git" app "$NS"
wait_until 30 "the place" says "app/kustomization.yaml:3: patches: regular expression"
wait_until 5 "the next step" says "set --kustomize"
never 2 "rendered" value_is one
syncd_stop

it "with the pinned program it is built by that"
syncd_start --poll-interval 1s --kustomize "$(command -v kustomize)"
good shop "$COMMIT"
value_is two

it "what the program refuses is said with the reason why it was asked"
printf 'resources: [settings.yaml]\nhelmCharts:\n- {name: x, repo: "https://charts.example.com"}\n' |
	write "$W/base/kustomization.yaml"
commit shop "a chart" >/dev/null
wait_until 30 "the place" says "base/kustomization.yaml:3: helmCharts"
wait_until 5 "the program's word" says "enable-helm"
value_is two
