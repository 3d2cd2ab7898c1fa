#!/usr/bin/env bash
# The simulated API server against the real one: the same script of exchanges
# (tests/sim/conformance) must be answered alike by both.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
needs sim_conformance

# field JQ-PATH FILE: a base64 field of the kubeconfig, as a file.
field() {
	kubectl config view --raw --minify -o "jsonpath={$1}" | base64 -d >"$2"
}

it "the simulated API server follows the script"
"$BIN/tests/sim_conformance" >"$T/sim.log" 2>&1 || { cat "$T/sim.log"; fail "see above"; }

it "so does the real one"
field '.clusters[0].cluster.certificate-authority-data' "$T/ca"
field '.users[0].user.client-certificate-data' "$T/cert"
field '.users[0].user.client-key-data' "$T/key"
server=$(kubectl config view --minify -o 'jsonpath={.clusters[0].cluster.server}')
timeout 280 "$BIN/tests/sim_conformance" --server "$server" --ca "$T/ca" --cert "$T/cert" --key "$T/key" \
	>"$T/real.log" 2>&1 || { grep -v '^ok' "$T/real.log"; fail "see above"; }
tail -1 "$T/real.log"

it "leaves no namespace behind"
kubectl delete namespace -l conformance=true --wait=false >/dev/null
