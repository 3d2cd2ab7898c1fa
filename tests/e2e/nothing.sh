#!/usr/bin/env bash
# Every command of syncctl where there is nothing for it: a cluster without Applications, a
# person without rights or unknown there, a server that is not there. Each ends by itself, with
# its exit status, and one line that says what to do.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
CLUSTER=nothing-$$ # one that has not seen a syncd
delete_namespaces() { # of the clean-up: they go with their cluster
	"$ROOT/tests/cluster/down" --name "$CLUSTER" >/dev/null 2>&1
}
KUBECONFIG=$("$ROOT/tests/cluster/up" --name "$CLUSTER" 2>"$T/up.log" | tail -n 1)
export KUBECONFIG
export NO_COLOR=1 USER=ada
NS=nothing-$$
CTL=$(realpath "$BIN/syncctl")

# What is typed: a line per command, and more of those that go several ways.
cat >"$T/lines" <<'END'
status
status shop
list -o name
get shop
resources shop -o json
tree shop
events shop
logs shop
logs shop --rejected
diff shop
diff shop --release 1
sync shop
sync shop --async --timeout 5s
wait shop --timeout 20s
confirm shop --yes
approve shop 0123456789012345678901234567890123456789
history shop
rollback shop
retry shop
pin shop
unpin shop
terminate shop
suspend shop
resume shop
resume --all
pause --all
report
windows shop
install rbac
validate --all . --schema cluster
END

# run KUBECONFIG [FLAG...]: each line; its exit status and output in $T/N.
run() {
	local file=$1
	shift
	printf 'resources: []\n' | write "$T/tree/kustomization.yaml"
	nl -ba -w1 -s' ' "$T/lines" >"$T/numbered"
	# shellcheck disable=SC2016
	(cd "$T/tree" && KUBECONFIG=$file FLAGS="$*" timeout 100 xargs -P 6 -L 1 sh -c '
		n=$1 rc=0
		shift
		timeout 20 "$0" "$@" $FLAGS >"../$n.out" 2>"../$n.err" </dev/null || rc=$?
		echo $rc >"../$n.rc"' "$CTL" <"$T/numbered")
}
# says STATUS WORDS [LINES]: of all lines, or those that the pattern fits.
says() {
	local n line
	while read -r n line; do
		[[ $line =~ ^(${3:-.*})$ ]] || continue
		[ "$(<"$T/$n.rc")" = "$1" ] || fail "'$line' exits with $(<"$T/$n.rc"), not $1: $(cat "$T/$n.err")"
		assert_eq "" "$(cat "$T/$n.out")" "'$line' on standard output"
		assert_contains "$(tail -n 1 "$T/$n.err")" "$2" "'$line'"
	done <"$T/numbered"
}
ALL='(resume|pause) --all' # of syncd, not of an Application
APPLICATION='(status|list|get|resources|tree|events|logs|diff|sync|wait|confirm|approve|history|rollback|retry|pin|unpin|terminate|suspend|report|windows).*|resume shop'

it "the commands here are all that talk to a cluster"
timeout 20 "$CTL" help | sed -n 's/^  \([a-z]*\) .*/\1/p' | grep -vx syncctl | while read -r command; do
	! timeout 20 "$CTL" help "$command" | grep -q -e --kubeconfig || printf '%s\n' "$command"
done | sort >"$T/wanted"
assert_eq "$(<"$T/wanted")" "$(cut -d' ' -f1 "$T/lines" | sort -u)" "the commands"

it "a cluster that serves no Applications"
kc delete crd applications.argoproj.io appprojects.argoproj.io --ignore-not-found --timeout 30s >/dev/null
run "$KUBECONFIG"
says 20 "the cluster serves no Applications of argoproj.io/v1alpha1: install their CRDs (syncctl install crds), or choose another cluster" "$APPLICATION"
says 20 "there is no syncd in namespace syncd-system (its ConfigMap syncd-install is not there): say where it is with --syncd-namespace" "$ALL"
assert_exit 20 timeout 20 "$CTL" pause --all --syncd-namespace default
assert_contains "$OUTPUT" "there is no syncd in namespace default" "a pause that nobody would read"
assert_eq "" "$(kc get configmap -n default syncd-pause --ignore-not-found -o name)" "what it wrote"

it "a person without any right"
install_crds
namespace "$NS"
kc create serviceaccount nobody -n "$NS" >/dev/null
kubeconfig_of nobody "$NS" "$T/nobody"
run "$T/nobody"
says 20 ": say with -n in which namespace you may look, or ask for that right" "$APPLICATION"
says 20 'User "system:serviceaccount:' "$ALL|install rbac"
run "$T/nobody" -n "$NS"
says 20 "in the namespace \"$NS\": ask for that right" '(get|tree|sync|rollback|report).*'

it "one who may look into one namespace is told to name it"
kc create role looks -n "$NS" --verb get,list,watch --resource applications.argoproj.io >/dev/null
kc create rolebinding looks -n "$NS" --role looks --serviceaccount "$NS:nobody" >/dev/null
KUBECONFIG=$T/nobody assert_exit 0 timeout 20 "$CTL" list -n "$NS"
kubectl --kubeconfig "$T/nobody" config set-context --current --namespace "$NS" >/dev/null
KUBECONFIG=$T/nobody assert_exit 20 timeout 20 "$CTL" get shop
assert_contains "$OUTPUT" "there is no application shop in namespace $NS, and you may not look into all others: say its own with -n" "the words"

it "a token, or a certificate, that has ended"
printf of.another.day >"$T/old.token"
sed "s|$T/nobody.token|$T/old.token|" "$T/nobody" >"$T/unknown"
run "$T/unknown"
says 20 "does not know you by what the kubeconfig's context" "$APPLICATION|$ALL|install rbac"
says 20 "the token or certificate has expired, or is of another cluster: log in again, or choose another with --context or --kubeconfig" "$APPLICATION|$ALL|install rbac"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /O=system:masters/CN=ada \
	-keyout "$T/key.pem" -out "$T/cert.pem" 2>/dev/null
kubectl --kubeconfig "$T/nobody" config view --raw -o json | jq --rawfile c "$T/cert.pem" --rawfile k "$T/key.pem" '
	.users[].user = {"client-certificate-data": ($c | @base64), "client-key-data": ($k | @base64)}' >"$T/foreign"
KUBECONFIG=$T/foreign assert_exit 20 timeout 20 "$CTL" status
assert_contains "$OUTPUT" "does not know you" "a certificate of another cluster's"

it "a server that is not there, or is another one"
server=$(kubectl --kubeconfig "$T/nobody" config view --minify -o 'jsonpath={.clusters[0].cluster.server}')
sed "s|$server|https://127.0.0.1:$(free_port)|" "$T/nobody" >"$T/gone"
run "$T/gone"
says 20 "cannot connect: connection refused: nothing listens there, check host and port" "$APPLICATION|$ALL|install rbac|validate .*"
kubectl --kubeconfig "$T/nobody" config view --raw -o json | jq --rawfile c "$T/cert.pem" '
	.clusters[].cluster."certificate-authority-data" = ($c | @base64)' >"$T/other"
KUBECONFIG=$T/other assert_exit 20 timeout 20 "$CTL" status
assert_contains "$OUTPUT" "certificate" "a server of another authority"

it "an Application whose status anybody wrote steers no terminal, and is no command to paste"
jq -n --arg ns "$NS" '"\u001b[31m\u009b2J\u202e; rm -rf x" as $e | {apiVersion: "argoproj.io/v1alpha1", kind: "Application",
	metadata: {name: "evil", namespace: $ns}, spec: {project: "default", source: {repoURL: $e, path: $e},
		destination: {server: "https://kubernetes.default.svc", namespace: $ns}},
	status: {sync: {status: $e}, health: {status: $e, message: $e}, resources: [{}],
		syncd: {phase: $e, message: $e, gates: {commit: $e, digest: $e}}}}' | kc create -f - >/dev/null
for line in "status evil" "get evil" "get evil -o json" "get evil -o yaml" "tree evil" "events evil" "logs evil" \
	"wait evil --timeout 1s" "approve evil 0123456789012345678901234567890123456789"; do
	# shellcheck disable=SC2086
	timeout 20 "$CTL" $line -n "$NS" >"$T/out" 2>&1 </dev/null || [ $? -lt 21 ] || fail "'$line' ends by a signal"
	! grep -aqP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae' "$T/out" || fail "'$line': $(cat -v "$T/out")"
done
assert_contains "$(<"$T/out")" "status.syncd.gates.commit of evil names no commit" "what is to be approved"
