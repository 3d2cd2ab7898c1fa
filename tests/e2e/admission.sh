#!/usr/bin/env bash
# The validating webhook against a real API server: what a person sees who makes a
# mistake, what is never in the way, a certificate that rotates under load, and what is
# left when no syncd answers.
#
# Where a Service has no cluster network behind it, it is made ExternalName localhost: the
# API server then dials the port at clientConfig, and asks for the Service's name in TLS.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
NS=admission-$$
NAME=syncd-webhook-$$ # of Service, configuration and certificate
PORT=$(free_port)
LIFE=90s # of a certificate: a new one after about 57 s, an overlap of 7 s

# The configuration that is installed, for our namespaces and our port only; with a
# patience that a busy machine needs.
configuration() {
	kc kustomize "$ROOT/manifests/install" |
		sed -n '/^kind: ValidatingWebhookConfiguration/,/^---/p' | grep -v '^---' |
		sed "s/9443/$PORT/; s/name: syncd-webhook/name: $NAME/; s/namespace: syncd-system/namespace: $APPS/" |
		{ printf 'apiVersion: admissionregistration.k8s.io/v1\n'; cat; } |
		kc patch --local -f - --type json -o json -p "[
			{\"op\":\"replace\",\"path\":\"/webhooks/0/timeoutSeconds\",\"value\":15},{\"op\":\"add\",
			\"path\":\"/webhooks/0/namespaceSelector/matchExpressions/-\",
			\"value\":{\"key\":\"kubernetes.io/metadata.name\",\"operator\":\"In\",\"values\":[\"$APPS\",\"$NS\"]}}]"
}
service() {
	printf '{"apiVersion":"v1","kind":"Service","metadata":{"name":"%s","namespace":"%s"},
		"spec":{"type":"ExternalName","externalName":"localhost"}}' "$NAME" "$APPS" | kc apply -f - >/dev/null
}
webhook "$NAME"

webhook_start() { syncd_start --webhook-addr "127.0.0.1:$PORT" --webhook-name "$NAME" --webhook-cert-lifetime "$LIFE" --poll-interval 1h "$@"; }
bundle() { field validatingwebhookconfiguration "$NAME" '.webhooks[0].clientConfig.caBundle'; }
announced() { [ -n "$(bundle)" ]; }

shows() { # PEM: the server's certificate is verified by it
	curl -sS -m 5 --cacert "$1" --connect-to "$NAME.$APPS.svc:$PORT:127.0.0.1:$PORT" -o /dev/null "https://$NAME.$APPS.svc:$PORT/"
}

SRC='"source":{"repoURL":"https://git.example.com/r","path":"a"}'
DST='"destination":{"server":"https://kubernetes.default.svc","namespace":"x"}'
object() { # KIND NAME SPEC
	printf '{"apiVersion":"argoproj.io/v1alpha1","kind":"%s","metadata":{"name":"%s","namespace":"%s"},"spec":{%s}}' \
		"$1" "$2" "$APPS" "$3"
}
apply() { kc apply -f - >"$T/apply.out" 2>&1; }
refused() { # WORDS SPEC: an Application
	! object Application bad "$2" | apply || fail "accepted: $2"
	assert_contains "$(cat "$T/apply.out")" 'The Application "bad" is invalid' "the refusal of {$2}"
	assert_contains "$(cat "$T/apply.out")" "$1" "the refusal of {$2}"
}
project_refused() { # WORDS SPEC
	! object AppProject bad "$2" | apply || fail "accepted: $2"
	assert_contains "$(cat "$T/apply.out")" "$1" "the refusal of {$2}"
}
warned() { # WORDS KIND NAME SPEC
	object "$2" "$3" "$4" | apply || fail "refused: $(cat "$T/apply.out")"
	assert_contains "$(cat "$T/apply.out")" "Warning: $1" "the answer to {$4}"
}
taken() { object "$1" "$2" "$3" | kc apply -f - >"$T/apply.out" 2>&1; }

install_crds
namespace "$NS"
kc create namespace "$APPS" >/dev/null
service
configuration | kc apply -f - >/dev/null
webhook_start

it "the leader makes a certificate and announces its CA"
wait_until 20 "caBundle" announced
assert_eq Opaque "$(field secret "$NAME-cert" .type -n "$APPS")" "the Secret"
bundle | base64 -d >"$T/ca.pem"
curl -fsS -m 5 --cacert "$T/ca.pem" --connect-to "$NAME.$APPS.svc:$PORT:127.0.0.1:$PORT" \
	-o /dev/null -w '%{http_code}' "https://$NAME.$APPS.svc:$PORT/api/webhook" >"$T/code" 2>/dev/null || true
assert_eq 405 "$(cat "$T/code")" "GET of a route for POST"
[ "$(metric syncd_certificate_expiry_timestamp_seconds | cut -d. -f1)" -gt "$(date +%s)" ] || fail "the expiry is not told"
wait_until 20 "review" taken Application good "\"project\":\"default\",$SRC,$DST"

it "what people bring from Argo CD passes without a word"
sed "s/namespace: argocd/namespace: $APPS/" "$ROOT/tests/demo/repo/clusters/us-east-1-prod/dbupgrade.yaml" |
	kc apply -f - >"$T/apply.out" 2>&1
refute_contains "$(cat "$T/apply.out")" Warning "the guide's Application"
taken Application full "\"project\":\"default\",$SRC,$DST,\"syncPolicy\":{\"automated\":{\"enabled\":false},
	\"syncOptions\":[\"CreateNamespace=true\",\"PruneLast=true\"],\"retry\":{\"limit\":5,\"backoff\":{\"duration\":\"5s\",
	\"factor\":2,\"maxDuration\":\"3m\"}}},\"ignoreDifferences\":[{\"group\":\"apps\",\"kind\":\"Deployment\",
	\"jsonPointers\":[\"/spec/replicas\"]}],\"revisionHistoryLimit\":5,\"info\":[{\"name\":\"a\",\"value\":\"b\"}]"
refute_contains "$(cat "$T/apply.out")" Warning "a full Application"
taken AppProject team "\"description\":\"d\",\"sourceRepos\":[\"https://git.example.com/*\"],\"destinations\":[{\"server\":\"*\",
	\"namespace\":\"team-*\"}],\"clusterResourceWhitelist\":[{\"group\":\"\",\"kind\":\"Namespace\"}],\"syncWindows\":[{\"kind\":\"deny\",
	\"schedule\":\"0 9 * * 1-5\",\"duration\":\"1h30m\",\"applications\":[\"*\"],\"timeZone\":\"UTC\",\"manualSync\":true}]"
refute_contains "$(cat "$T/apply.out")" Warning "an AppProject"

it "mistakes in an Application are refused, with the field's path"
P="\"project\":\"default\""
refused 'spec.syncPolcy: is not a field: did you mean syncPolicy?' "$P,$SRC,$DST,\"syncPolcy\":{}"
refused 'spec.syncPolicy.automated.selfheal: is not a field: did you mean selfHeal?' \
	"$P,$SRC,$DST,\"syncPolicy\":{\"automated\":{\"selfheal\":true}}"
refused 'spec.source.targetRevison: is not a field: did you mean targetRevision?' \
	"$P,$DST,\"source\":{\"repoURL\":\"https://h/r\",\"path\":\"a\",\"targetRevison\":\"v1\"}"
refused 'spec.source.kustomize.namePrefx: is not a field: did you mean namePrefix?' \
	"$P,$DST,\"source\":{\"repoURL\":\"https://h/r\",\"path\":\"a\",\"kustomize\":{\"namePrefx\":\"x\"}}"
refused 'spec.source.helm: Helm is not supported yet' \
	"$P,$DST,\"source\":{\"repoURL\":\"https://h/r\",\"path\":\"a\",\"helm\":{\"values\":\"a: 1\"}}"
refused 'spec.source.chart: Helm charts are not supported yet' \
	"$P,$DST,\"source\":{\"repoURL\":\"https://h/r\",\"chart\":\"c\"}"
refused 'spec.source.plugin: config management plugins are not supported' \
	"$P,$DST,\"source\":{\"repoURL\":\"https://h/r\",\"path\":\"a\",\"plugin\":{\"name\":\"x\"}}"
refused 'spec.source.directory.jsonnet: Jsonnet is not supported' \
	"$P,$DST,\"source\":{\"repoURL\":\"https://h/r\",\"path\":\"a\",\"directory\":{\"jsonnet\":{\"libs\":[\"x\"]}}}"
refused 'spec.source.repoURL: must begin with https://' "$P,$DST,\"source\":{\"repoURL\":\"git://h/r\",\"path\":\"a\"}"
refused 'spec.destination.server: other clusters are not supported' \
	"$P,$SRC,\"destination\":{\"server\":\"https://10.0.0.1\"}"
refused 'spec.sourceHydrator: is not supported' "$P,$SRC,$DST,\"sourceHydrator\":{\"drySource\":{\"path\":\"a\"}}"
refused 'spec.ignoreDifferences[0].jqPathExpressions[0]: of jq only paths' \
	"$P,$SRC,$DST,\"ignoreDifferences\":[{\"kind\":\"A\",\"jqPathExpressions\":[\".spec | keys\"]}]"
refused 'spec.syncPolicy.syncOptions[1]: "Prune=false" contradicts "Prune=true"' \
	"$P,$SRC,$DST,\"syncPolicy\":{\"syncOptions\":[\"Prune=true\",\"Prune=false\"]}"
refused 'has both directory and kustomize' "$P,$DST,\"source\":{\"repoURL\":\"https://h/r\",\"path\":\"a\",
	\"directory\":{\"recurse\":true},\"kustomize\":{\"namePrefix\":\"x\"}}"
refused 'spec.source.kustomize.version: is not supported' \
	"$P,$DST,\"source\":{\"repoURL\":\"https://h/r\",\"path\":\"a\",\"kustomize\":{\"version\":\"v4\"}}"
refused 'spec.destination.namespace: AppProject team does not allow namespace "kube-system"' \
	"\"project\":\"team\",$SRC,\"destination\":{\"name\":\"in-cluster\",\"namespace\":\"kube-system\"}"
refused 'spec.source.repoURL: AppProject team does not allow the repository' \
	"\"project\":\"team\",\"source\":{\"repoURL\":\"https://else/r\",\"path\":\"a\"},\"destination\":{\"name\":\"in-cluster\",\"namespace\":\"team-a\"}"
! object Application bad "$P,$SRC,$DST" | jq '.metadata.annotations = {"syncd.dev/soak": "2x"}' | apply || fail "a bad duration"
assert_contains "$(cat "$T/apply.out")" 'metadata.annotations[syncd.dev/soak]: ' "a bad duration in an annotation"
assert_eq "" "$(field app bad .metadata.name -n "$APPS")" "what was refused"

it "several mistakes are told at once"
refused '* spec.odd: is not a field: remove it' "$P,$SRC,\"destination\":{\"server\":\"https://10.0.0.1\"},\"odd\":1"
assert_contains "$(cat "$T/apply.out")" '* spec.destination.server: other clusters' "the other one"

it "mistakes in an AppProject are refused"
W='"syncWindows":[{"kind":"deny","schedule":"0 9 * * *","duration":"1h","applications":["*"]'
project_refused 'spec.syncWindows[0].schedule: ' "${W/0 9/61 9}}]"
project_refused 'spec.syncWindows[0].duration: "9999h" must be at least 1s' "${W/1h/9999h}}]"
project_refused 'spec.syncWindows[0].timeZone: there is no time zone "Mars/Olympus"' "$W,\"timeZone\":\"Mars/Olympus\"}]"
project_refused 'spec.syncWindows[0].tiemZone: is not a field: did you mean timeZone?' "$W,\"tiemZone\":\"UTC\"}]"
project_refused 'spec.sourceRepos[0]: "[x" is no pattern' '"sourceRepos":["[x"]'
project_refused 'spec.sourceRepo: is not a field: did you mean sourceRepos?' '"sourceRepo":["*"]'
project_refused 'spec.signatureKeys[0].keyID: "4AEE18" is neither' '"signatureKeys":[{"keyID":"4AEE18"}]'
project_refused 'spec.sourceIntegrity: is not supported' '"sourceIntegrity":{"git":{}}'
project_refused 'is no service account' '"destinationServiceAccounts":[{"server":"*","defaultServiceAccount":"a b"}]'

it "what has no effect is a warning"
warned 'spec.project: there is no AppProject "later" yet' Application later "\"project\":\"later\",$SRC,$DST"
warned 'spec.syncPolicy.syncOptions[0]: "Odd=1" is not known' Application odd "$P,$SRC,$DST,\"syncPolicy\":{\"syncOptions\":[\"Odd=1\"]}"
warned 'spec.syncPolicy.retry.backoff.duration is longer than maxDuration' Application slow \
	"$P,$SRC,$DST,\"syncPolicy\":{\"retry\":{\"backoff\":{\"duration\":\"10m\",\"maxDuration\":\"3m\"}}}"
warned 'spec.roles has no effect' AppProject roles '"roles":[{"name":"x"}]'

it "an Application right after its project, and a dry run before it, pass"
for i in $(seq 10); do
	taken AppProject team "\"sourceRepos\":[\"*\"],\"destinations\":[{\"server\":\"*\",\"namespace\":\"now-$i\"}]"
	taken Application "now-$i" "\"project\":\"team\",$SRC,\"destination\":{\"name\":\"in-cluster\",\"namespace\":\"now-$i\"}" ||
		fail "try $i: $(cat "$T/apply.out")"
done
object Application dry "\"project\":\"team\",$SRC,\"destination\":{\"name\":\"in-cluster\",\"namespace\":\"else\"}" |
	kc apply --dry-run=server -f - >"$T/apply.out" 2>&1 || fail "the dry run: $(cat "$T/apply.out")"
assert_contains "$(cat "$T/apply.out")" "Warning: spec.destination.namespace: AppProject team" "the dry run"

it "what was wrong before may be mended step by step"
kc label namespace "$APPS" syncd.dev/admission=off >/dev/null # and this is how to get by without it
wait_until 10 "passing it by" taken Application old "$P,$SRC,$DST,\"odd\":1,\"oddly\":2"
kc label namespace "$APPS" syncd.dev/admission- >/dev/null
never_odd() {
	! object Application bad "$P,$SRC,$DST,\"odd\":1" | kc apply --dry-run=server -f - >"$T/odd.out" 2>&1 &&
		grep -q 'not a field' "$T/odd.out"
}
wait_until 10 "the check again" never_odd
warned 'spec.oddly is not a field' Application old "$P,$SRC,$DST,\"oddly\":2"
! taken Application old "$P,$SRC,$DST,\"oddly\":2,\"oddest\":3" || fail "a new mistake beside an old one"
taken Application old "$P,$SRC,$DST"

it "a certificate rotates under load, and no request fails"
OLD=$(field secret "$NAME-cert" '.data.tls\.crt' -n "$APPS")
hammer() { # each is a review: CREATE as a dry run, through the API server
	local i
	for ((i = 0; ; i++)); do
		[ -d "$T" ] || return 0
		if ! object Application "load-$1-$i" "$P,$SRC,$DST" | kc create --dry-run=server -f - >"$T/load-$1.out" 2>&1; then
			cat "$T/load-$1.out" >>"$T/failures"
		fi
		printf '%s\n' "$i" >"$T/load-$1"
	done
}
: >"$T/failures"
hammer 1 & LOAD1=$!
hammer 2 & LOAD2=$!
rotated() { [ "$(field secret "$NAME-cert" '.data.tls\.crt' -n "$APPS")" != "$OLD" ]; }
alone() { [ "$(bundle | base64 -d | grep -c BEGIN)" = 1 ]; }
two() { [ "$(bundle | base64 -d | grep -c BEGIN)" = 2 ]; }
wait_until 120 "two CAs announced" two
wait_until 60 "a new certificate" rotated
wait_until 60 "the old CA forgotten" alone
kill "$LOAD1" "$LOAD2"
wait "$LOAD1" "$LOAD2" 2>/dev/null || true
[ "$(cat "$T/load-1")" -gt 20 ] || fail "only $(cat "$T/load-1") requests"
assert_eq "" "$(cat "$T/failures")" "requests that failed"
printf '# %s requests\n' $(($(cat "$T/load-1") + $(cat "$T/load-2")))

it "what somebody takes away comes back"
kc delete secret "$NAME-cert" -n "$APPS" >/dev/null
secret_is_back() { [ -n "$(field secret "$NAME-cert" .metadata.name -n "$APPS")" ]; }
wait_until 20 "the Secret" secret_is_back
kc delete validatingwebhookconfiguration "$NAME" >/dev/null
configuration | kc apply -f - >/dev/null
wait_until 20 "caBundle in a new configuration" announced
wait_until 10 "the check" never_odd
[ "$(metric syncd_admission_reviews_total 'result="refused"')" -gt 20 ] || fail "refusals are not counted"

it "with no syncd, creating waits for one; all the rest goes on"
syncd_kill
! taken Application new "$P,$SRC,$DST" || fail "created without a check"
assert_contains "$(cat "$T/apply.out")" 'failed calling webhook "validate.syncd.dev"' "what a person sees"
kc patch app good -n "$APPS" --type merge -p '{"status":{"sync":{"status":"Unknown"}}}' >/dev/null
kc annotate app good -n "$APPS" argocd.argoproj.io/refresh=normal >/dev/null
kc patch app good -n "$APPS" --type merge -p '{"operation":{"sync":{}}}' >/dev/null
kc patch app good -n "$APPS" --type merge -p '{"metadata":{"finalizers":["example.com/hold"]}}' >/dev/null
kc delete app good -n "$APPS" --wait=false >/dev/null
kc patch app good -n "$APPS" --type merge -p '{"metadata":{"finalizers":null}}' >/dev/null
assert_eq "" "$(field app good .metadata.name -n "$APPS")" "the deleted Application"
kc create deployment repair --image registry.example.com/x:v1 -n "$APPS" >/dev/null
kc label namespace "$APPS" syncd.dev/admission=off >/dev/null
wait_until 10 "the way round it" taken Application new "$P,$SRC,$DST"
kc label namespace "$APPS" syncd.dev/admission- >/dev/null

it "one that comes back goes on with the certificate there is"
webhook_start
wait_until 20 "the check" never_odd
bundle | base64 -d >"$T/ca.pem"
shows "$T/ca.pem" || fail "what is announced does not verify what is served"

it "certificates from files, changed without a restart"
syncd_stop
mkdir -p "$T/certs"
certificate() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -days 1 \
		-addext "subjectAltName=DNS:$NAME.$APPS.svc" -keyout "$T/certs/key.new" -out "$T/certs/crt.new" 2>/dev/null
	mv "$T/certs/key.new" "$T/certs/tls.key"
	mv "$T/certs/crt.new" "$T/certs/tls.crt"
}
certificate one
cp "$T/certs/tls.crt" "$T/one.pem"
webhook_start --webhook-cert-dir "$T/certs"
wait_until 10 "the first" shows "$T/one.pem"
certificate two
wait_until 20 "the second" shows "$T/certs/tls.crt"
(! shows "$T/one.pem" 2>/dev/null) || fail "the first is still shown"
printf 'broken\n' >"$T/certs/tls.crt"
wait_until 20 "a complaint" logged "tls.crt: there is no certificate"
syncd_stop

it "DISABLE_WEBHOOKS=true opens no port"
DISABLE_WEBHOOKS=true webhook_start
(! curl -sS -m 2 -k "https://127.0.0.1:$PORT/" >/dev/null 2>&1) || fail "it listens"
assert_eq 0 "$(metric syncd_certificate_expiry_timestamp_seconds)" "the expiry"
syncd_stop
DISABLE_WEBHOOKS=maybe assert_exit 2 timeout 10 "$BIN/syncd" --webhook-addr :0
