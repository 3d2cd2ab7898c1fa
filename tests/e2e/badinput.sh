#!/usr/bin/env bash
# What bad input gets: a condition that names the place, a cluster that stays as
# it was, neighbours that go on, and a way back as soon as it is mended.
#
# Every case is an application of its own that has a good release first. Then all
# of them turn bad at once, side by side under one syncd; each bad commit also
# changes one good object and drops the other, so that anything that is done
# halfway shows.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
APPS=badinput-apps-$$ # where the Applications are
NS=badinput-$$      # where their objects are

# --- good and bad releases ----------------------------------------------------

configmap() { # NAME VALUE [MORE-METADATA]
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n%sdata:\n  v: "%s"\n' "$1" "${3:-}" "$2"
}

# good REPO NAME VALUE: the folder NAME holds two ConfigMaps, NAME-a and NAME-b.
good() {
	local dir=$TREES/$1/$2
	rm -rf "$dir"
	configmap "$2-a" "$3" | write "$dir/a.yaml"
	configmap "$2-b" "$3" | write "$dir/b.yaml"
}

# half REPO NAME: a.yaml changes, b.yaml goes.
half() { good "$1" "$2" 2; rm "$TREES/$1/$2/b.yaml"; }

bomb() {
	local i
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: bomb-c\nx0: &x0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n'
	for i in 1 2 3 4 5 6 7 8 9; do
		printf 'x%d: &x%d [*x%d, *x%d, *x%d, *x%d, *x%d, *x%d, *x%d, *x%d, *x%d]\n' \
			$i $i $((i-1)) $((i-1)) $((i-1)) $((i-1)) $((i-1)) $((i-1)) $((i-1)) $((i-1)) $((i-1))
	done
}

# spoil NAME: what NAME's folder of the shared repository becomes.
spoil() {
	local dir=$TREES/shop/$1
	half shop "$1"
	case $1 in
	gone) rm -r "$dir" ;;
	file) rm -r "$dir"; configmap file-a 2 >"$dir" ;;
	empty) rm "$dir/a.yaml"; echo nothing >"$dir/README" ;;
	syntax) printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: [syntax-c\ndata: {}\n' ;;
	duplicate) configmap duplicate-c 2; printf '  v: "3"\n' ;;
	bomb) bomb ;;
	nokind) printf 'apiVersion: v1\nmetadata:\n  name: nokind-c\n' ;;
	noname) printf 'apiVersion: v1\nkind: ConfigMap\ndata: {}\n' ;;
	kind) printf 'apiVersion: example.com/v1\nkind: Gizmo\nmetadata:\n  name: kind-c\n' ;;
	namespace) configmap namespace-c 2 "  namespace: nowhere-$$"$'\n' ;;
	admission) configmap admission-c forbidden ;;
	schema) configmap schema-c 2; printf 'immutable: perhaps\n' ;;
	esac >"$T/bad.yaml"
	[ ! -d "$dir" ] || [ ! -s "$T/bad.yaml" ] || cp "$T/bad.yaml" "$dir/c.yaml"
}
shared="gone file empty syntax duplicate bomb nokind noname kind namespace admission schema"

# app NAME URL [VERB]: an Application as most people have it.
app() {
	kc "${3:-create}" -f - >/dev/null <<-END
		{"apiVersion":"argoproj.io/v1alpha1","kind":"Application",
		"metadata":{"name":"$1","namespace":"$APPS"},
		"spec":{"project":"default","source":{"repoURL":"$2","path":"$1","targetRevision":"main"},
		"destination":{"server":"https://kubernetes.default.svc","namespace":"$NS"},
		"syncPolicy":{"automated":{"prune":true,"selfHeal":true}}}}
	END
}
# kubectl reads a version before it writes: a status may come between.
replaced() { app "$1" "$GIT_URL/shop.git" replace; }
patch() { kc patch app "$1" -n $APPS --type=merge -p "$2" >/dev/null; }

# --- what is seen -------------------------------------------------------------

# says NAME TYPE PART...: the condition's message holds every part.
says() {
	local name=$1 type=$2 got part
	shift 2
	got=$(field app "$name" ".status.conditions[?(@.type==\"$type\")].message" -n $APPS)
	for part; do
		[[ $got == *"$part"* ]] || { printf '%s: %s is "%s", without "%s"\n' "$name" "$type" "$got" "$part"; return 1; }
	done
}
# good_at VALUE NAME...: all of them are Synced, without conditions, at VALUE.
good_at() {
	local value=$1 name
	shift
	kc get app -n $APPS -o json >"$T/apps.json"
	kc get configmap -n "$NS" -o json >"$T/maps.json"
	for name; do
		jq -e --arg n "$name" '.items[] | select(.metadata.name == $n) | .status |
			.sync.status == "Synced" and .syncd.phase == "Good" and (.conditions // [] | length == 0)' \
			"$T/apps.json" >/dev/null ||
			{ jq -c --arg n "$name" '.items[] | select(.metadata.name == $n) | .status | [$n, .sync.status, .syncd.phase, .conditions]' "$T/apps.json"; return 1; }
		jq -e --arg n "$name" --arg v "$value" '[.items[] | select(.data.v == $v) | .metadata.name] |
			contains([$n + "-a", $n + "-b"])' "$T/maps.json" >/dev/null || { echo "$name is not at $value"; return 1; }
	done
}
# snapshot: every object of every application but the neighbour's.
snapshot() {
	kc get configmap -n "$NS" -o json | jq -r '.items[].metadata | select(.name | startswith("healthy") | not) |
		.name + " " + .uid + " " + .resourceVersion'
}
untouched() { diff "$T/before" <(snapshot) || fail "the cluster changed while $1"; }
changed() { ! diff "$T/before" <(snapshot); }

# neighbour VALUE: the healthy application goes on.
neighbour() {
	good shop healthy "$1"
	commit shop "healthy $1" >/dev/null
	wait_until 20 "healthy at $1" good_at "$1" healthy
}

# --- the good beginning -------------------------------------------------------

githttp=$ROOT/tests/tools/githttp
mkdir -p "$T/repos"
# server NAME [ARG...]: a Git server of its own with one repository; prints its URL.
server() {
	local name=$1
	shift
	mkdir -p "$T/$name/repos"
	git init -q --bare -b main "$T/$name/repos/$name.git"
	git init -q -b main "$TREES/$name"
	git -C "$TREES/$name" remote add origin "$T/$name/repos/$name.git"
	good "$name" "$name" 1
	commit "$name" good >/dev/null
	"$githttp" start "$T/$name" "$T/$name/repos" "$@"
}
# credentials PASSWORD: the repository Secret for the server that asks for one.
credentials() {
	kc apply -f - >/dev/null <<-END
		{"apiVersion":"v1","kind":"Secret","metadata":{"name":"auth","namespace":"$APPS",
		"labels":{"argocd.argoproj.io/secret-type":"repository"}},
		"stringData":{"url":"$AUTH_URL/auth.git","username":"ada","password":"$1"}}
	END
}

it "good releases first"
specs="helm chart plugin jsonnet cluster name option sources oci scheme note"
servers="dead hung auth"
namespace $NS
namespace $APPS
repo shop
repo large
good large large 1
commit large good >/dev/null
for n in healthy $shared $specs branch; do good shop "$n" 1; done
commit shop good >/dev/null
git_server
DEAD_URL=$(server dead)
HUNG_URL=$(server hung)
AUTH_URL=$(server auth --auth ada:secret-of-ada)
syncd_start --application-namespaces $APPS --soak 1s --poll-interval 1s
credentials secret-of-ada
for n in healthy $shared $specs branch; do app "$n" "$GIT_URL/shop.git"; done
app large "$GIT_URL/large.git"
app dead "$DEAD_URL/dead.git"
app hung "$HUNG_URL/hung.git"
app auth "$AUTH_URL/auth.git"
# shellcheck disable=SC2086
wait_until 60 "good releases" good_at 1 healthy $shared $specs branch large $servers
snapshot >"$T/before"

# --- everything turns bad -----------------------------------------------------

it "an admission policy of the cluster, which no dry run gets around"
kc apply -f - >/dev/null <<END
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: $NS}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], resources: [configmaps], operations: [CREATE, UPDATE]}]
  validations: [{expression: "!has(object.data) || !('v' in object.data) || object.data.v != 'forbidden'", message: "v must not be forbidden here"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: $NS}
spec:
  policyName: $NS
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $NS}}}
END
denies() { ! configmap probe forbidden | kc apply --dry-run=server -n $NS -f -; }
wait_until 20 "the policy in force" denies

it "bad commits, bad servers, bad specs, all at once"
"$githttp" stop "$T/dead"
"$githttp" pause "$T/hung"
credentials wrong
for n in $servers; do
	half "$n" "$n"
	commit "$n" bad >/dev/null
done
half large large
{
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: large-c\ndata:\n  v: "'
	head -c $((100 << 20)) /dev/zero | tr '\0' x
	printf '"\n'
} >"$TREES/large/large/c.yaml"
commit large bad >/dev/null
for n in $shared; do spoil "$n"; done
commit shop bad >/dev/null
while read -r n change; do
	patch "$n" "${change//@SHOP/$GIT_URL/shop.git}"
done <<'END'
branch {"spec":{"source":{"targetRevision":"release-9"}}}
helm {"spec":{"source":{"helm":{"valueFiles":["values.yaml"]}}}}
chart {"spec":{"source":{"chart":"web"}}}
plugin {"spec":{"source":{"plugin":{"name":"cue"}}}}
jsonnet {"spec":{"source":{"directory":{"jsonnet":{"tlas":[{"name":"a","value":"b"}]}}}}}
cluster {"spec":{"destination":{"server":"https://192.0.2.7:6443"}}}
name {"spec":{"destination":{"server":null,"name":"production"}}}
sources {"spec":{"sources":[{"repoURL":"@SHOP","path":"sources"},{"repoURL":"@SHOP","chart":"web"}]}}
oci {"spec":{"source":{"repoURL":"oci://git.example.com/shop"}}}
scheme {"spec":{"source":{"repoURL":"ftp://git.example.com/shop.git"}}}
note {"metadata":{"annotations":{"syncd.dev/soak":"a while"}}}
option {"spec":{"syncPolicy":{"syncOptions":["CreateNamespace=perhaps"]}}}
END

# What the CRD's own rules refuse never gets as far as syncd.
for change in '{"spec":{"source":{"path":"../elsewhere"}}}' \
	'{"spec":{"source":{"targetRevision":"a..b"}}}' \
	'{"spec":{"syncPolicy":{"retry":{"backoff":{"duration":"soon"}}}}}'; do
	(! patch note "$change" 2>"$T/refused") || fail "taken: $change"
	grep -q 'Invalid value' "$T/refused" || fail "$(cat "$T/refused")"
done

it "the neighbour in the same repository goes on meanwhile"
neighbour 2

# --- what is said -------------------------------------------------------------

# Name, type, and the parts of the message, between bars.
while IFS='|' read -r name type what parts; do
	it "$what"
	IFS='|' read -ra list <<<"$parts"
	wait_until 30 "$type of $name" says "$name" "$type" "${list[@]}"
	if [[ $type == InvalidSpecError || $type == ComparisonError && " $servers " != *" $name "* ]]; then
		wait_until 5 "Unknown for $name" field_is Unknown app "$name" .status.sync.status -n $APPS
	fi
done <<END
dead|ComparisonError|a repository that cannot be reached|$DEAD_URL|connection refused
auth|ComparisonError|wrong credentials|$AUTH_URL/auth|refused the credentials (HTTP 401)|check the Secret
branch|ComparisonError|a branch that is not there|no branch or tag "release-9"|spec.source.targetRevision
gone|ComparisonError|a path that is not there|source.path 'gone' does not exist
file|ComparisonError|a path that is a file|source.path 'file' is a file|source.directory.include
empty|ComparisonError|a folder without manifests|source.path 'empty' at|renders no objects, nothing is changed|allowEmpty
syntax|ComparisonError|a YAML syntax error|syntax/c.yaml: line 5:
duplicate|ComparisonError|a key twice|duplicate/c.yaml: line 7: key 'v' is there already, on line 6
bomb|ComparisonError|an alias bomb|bomb/c.yaml: line|aliases expand to too much
large|ComparisonError|a file of 100 MiB|large/c.yaml: 104857671 bytes, more than the limit of 16777216
nokind|ComparisonError|an object without a kind|nokind/c.yaml:1: kind is missing
noname|ComparisonError|an object without a name|noname/c.yaml:1: ConfigMap: metadata is missing
kind|SyncError|a kind that the cluster does not have|example.com/Gizmo/kind-c (kind/c.yaml:1)|does not serve kind Gizmo of example.com/v1: install its CRD|running release #1
namespace|SyncError|a namespace that does not exist|ConfigMap/nowhere-$$/namespace-c (namespace/c.yaml:1)|there is no namespace "nowhere-$$": create it|running release #1
admission|SyncError|an object that admission refuses|ConfigMap/$NS/admission-c (admission/c.yaml:1)|ValidatingAdmissionPolicy '$NS'|v must not be forbidden here|running release #1
schema|SyncError|a field of the wrong type|ConfigMap/$NS/schema-c (schema/c.yaml:1)|.immutable: expected boolean|running release #1
helm|InvalidSpecError|Helm|spec.source.helm: Helm is not supported yet|helm template
chart|InvalidSpecError|a chart|spec.source.chart: Helm charts are not supported yet
plugin|InvalidSpecError|a plugin|spec.source.plugin: config management plugins are not supported
jsonnet|InvalidSpecError|Jsonnet|spec.source.directory.jsonnet: Jsonnet is not supported
cluster|InvalidSpecError|another cluster by its server|spec.destination.server: other clusters are not supported
name|InvalidSpecError|another cluster by its name|spec.destination.name: other clusters are not supported
sources|InvalidSpecError|a chart among two sources|spec.sources[1].chart
oci|InvalidSpecError|an OCI artifact|spec.source.repoURL: OCI artifacts are not supported
scheme|InvalidSpecError|an unknown scheme|spec.source.repoURL must begin with
note|InvalidSpecError|an annotation of ours|annotation syncd.dev/soak: "a while" is not a duration
option|InvalidSpecWarning|an unknown sync option is said, and stops nothing|spec.syncPolicy.syncOptions[0]: "CreateNamespace=perhaps" is not known
hung|ComparisonError|a repository that does not answer|$HUNG_URL/hung|within 15000 ms
END

it "no message holds a secret"
refute_contains "$(kc get app -n $APPS -o json; cat "$T/syncd.log")" secret-of-ada "the statuses and the log"

it "the cluster is as it was, and the neighbour still goes on"
untouched "all were bad"
assert_eq 0 "$(grep -c 'pruned what left Git' "$T/syncd.log" || true)" "prunes"
neighbour 3
never 3 "a change" changed
assert_eq 200 "$(curl -s -m 5 -o /dev/null -w '%{http_code}' "$HEALTH/healthz")" "healthz"

it "what runs is still looked after: an object deleted by hand comes back"
for n in hung auth gone admission; do kc delete configmap "$n-b" -n $NS >/dev/null; done
for n in hung auth gone admission; do
	wait_until 20 "$n-b again" kc get configmap "$n-b" -n $NS
done

# --- and mended ---------------------------------------------------------------

it "all recover when mended, without a restart"
for n in $shared branch; do good shop "$n" 4; done
for n in $specs healthy; do good shop "$n" 4; done
commit shop mended >/dev/null
git -C "$TREES/shop" push -q origin HEAD:release-9
for n in large $servers; do
	good "$n" "$n" 4
	commit "$n" mended >/dev/null
done
credentials secret-of-ada
"$githttp" resume "$T/hung"
"$githttp" start "$T/dead" "$T/dead/repos" --port "${DEAD_URL##*:}" >/dev/null
for n in $specs; do wait_until 20 "$n as it was" replaced "$n"; done # its status goes too
# shellcheck disable=SC2086
wait_until 60 "all at 4" good_at 4 healthy $shared $specs branch large $servers

it "a status that a replace took along comes back"
wait_until 20 "the replacement" replaced healthy
wait_until 20 "the status" good_at 4 healthy
kc delete validatingadmissionpolicy,validatingadmissionpolicybinding $NS >/dev/null
