# shellcheck shell=bash
# What the example application (tests/demo/repo) has to show, on whatever cluster: sourced
# by the demo and by tests/node/demo.sh, which have `kc` and the pinned programs.
OVERLAY=apps/dbupgrade/overlays/us-east-1-prod
ns=dbupgrade-system deployment=dbupgrade-controller

# births TREE: every object of the release with the second the API server made it, in order.
births() {
	kustomize build "$1/$OVERLAY" |
		kc get -f - -o json | jq -r '.items | map({
			at: .metadata.creationTimestamp[11:19],
			wave: (.metadata.annotations["argocd.argoproj.io/sync-wave"] // "0"),
			kind, name: .metadata.name})
			| sort_by(.at, (.wave | tonumber), .kind)[]
			| "\(.at)  wave \(if .wave == "-1" then "-1" else " \(.wave)" end)  \(.kind) \(.name)"'
}

# waves_in_order BIRTHS: no object is older than one of an earlier wave; the Deployment
# came after the Certificate was Ready, the webhook after the Deployment was available.
waves_in_order() {
	local ready available
	awk 'NR > 1 && $3 < last { print "out of order: " $0; exit 1 } { last = $3 }' "$1" || return 1
	ready=$(condition_time certificate dbupgrade-webhook Ready)
	available=$(condition_time deployment $deployment Available)
	not_before "$(born deployment $deployment)" "$ready" "the Deployment" &&
		not_before "$(born validatingwebhookconfiguration dbupgrade-validation)" "$available" "the webhook"
}
born() { kc get "$1" "$2" -n $ns -o 'jsonpath={.metadata.creationTimestamp}'; }
condition_time() {
	kc get "$1" "$2" -n $ns -o "jsonpath={.status.conditions[?(@.type==\"$3\")].lastTransitionTime}"
}
not_before() { # TIME LIMIT WHO
	[ "$1" ] && [ "$2" ] && ! [[ $1 < $2 ]] || { echo "$3 was made at $1, before $2"; return 1; }
}

# watch_availability DIR: from now on; never_below_three DIR: the fewest that it has seen.
watch_availability() {
	daemon_start "$1" availability kubectl get deployment $deployment -n $ns --watch \
		-o 'jsonpath={.status.availableReplicas}{"\n"}'
}
never_below_three() {
	awk '{ n++; if ($1 + 0 < 3) { print "only " ($1 + 0) " pods available"; exit 1 } }
	     END { if (!n) { print "nothing was watched"; exit 1 } }' "$1/availability.log"
}

# set_tag TREE TAG: of the image, in Git's working copy.
set_tag() { sed -i "s|newTag: .*|newTag: \"$2\"|" "$1/$OVERLAY/kustomization.yaml"; }

# use_image TREE NAME TAG FIELDS: another image, with more fields (YAML, one a line) for its
# container: what it is run with, and when it is ready.
use_image() {
	sed -i "s|newName: .*|newName: $2|; s|newTag: .*|newTag: \"$3\"|" "$1/$OVERLAY/kustomization.yaml"
	awk -v fields="$4" '{ print } /name: manager/ { n = split(fields, f, "\n"); for (i = 1; i <= n; i++) print "        " f[i] }' \
		"$1/$OVERLAY/region.yaml" >"$1/region.new"
	mv "$1/region.new" "$1/$OVERLAY/region.yaml"
}
