#!/usr/bin/env bash
# The container image, made without a container engine: what is in it, that the same
# input gives the same bytes, that the Containerfile means the same, and that syncd runs
# from it as it would in a pod: another user, a root that is only read, a token.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$ROOT/build/release/syncd" ] || "$ROOT/dev" build release >"$T/build.log" 2>&1 || {
	tail -n 20 "$T/build.log"
	exit 1
}
BUILT=$ROOT/build/release
VERSION=$("$BUILT/syncd" --version | awk '{ print $2 }')

# unpack ARCHIVE FOLDER: config.json and the files of its one layer, in root/.
unpack() {
	mkdir -p "$2/root"
	tar -xf "$1" -C "$2"
	assert_eq 1 "$(jq '.[0].Layers | length' "$2/manifest.json")" "layers"
	mv "$2/$(jq -r '.[0].Config' "$2/manifest.json")" "$2/config.json"
	tar -xpf "$2/layer.tar" -C "$2/root"
}
config() { jq -c ".config.$1" "$T/image/config.json"; }

it "is under 30 MB and is what its own digests say"
"$ROOT/image/build" "$BUILT" "$T/a"
unpack "$T/a/syncd.tar" "$T/image"
[ "$(stat -c %s "$T/a/syncd.tar")" -lt 30000000 ] || fail "$(stat -c %s "$T/a/syncd.tar") bytes"
assert_eq "sha256:$(sha256sum <"$T/image/layer.tar" | cut -c1-64)" \
	"$(jq -r '.rootfs.diff_ids[0]' "$T/image/config.json")" "the layer's digest"
assert_eq "$(sha256sum <"$T/image/config.json" | cut -c1-64).json" \
	"$(jq -r '.[0].Config' "$T/image/manifest.json")" "the config's digest"
assert_eq "[\"syncd:$VERSION\"]" "$(jq -c '.[0].RepoTags' "$T/image/manifest.json")" "its tag"

it "is the same bytes when it is made again, elsewhere and later"
mkdir "$T/copy"
cp "$BUILT"/{syncd,syncd-worker,syncctl} "$T/copy"
(umask 077; TZ=Asia/Tokyo LC_ALL=C.UTF-8 "$ROOT/image/build" "$T/copy" "$T/b")
rm -r "$T/copy"
cmp "$T/a/syncd.tar" "$T/b/syncd.tar"
cmp "$T/a/syncd.spdx.json" "$T/b/syncd.spdx.json"
rm -r "$T/b"

it "runs as nobody in particular and holds no shell and no other program"
assert_eq '"65532:65532"' "$(config User)" "the user"
assert_eq '["/usr/bin/syncd"]' "$(config Entrypoint)" "the entry point"
assert_eq "usr/bin/syncctl usr/bin/syncd usr/bin/syncd-worker" \
	"$(cd "$T/image/root" && find . -type f -perm /111 -printf '%P\n' | grep -v /ld-linux | sort | xargs)" "programs"
assert_eq "" "$(find "$T/image/root" -perm /6000)" "set-uid files"
assert_eq "0 0" "$(tar -tvf "$T/image/layer.tar" --numeric-owner | awk '{ print $2 }' | tr / ' ' | sort -u)" "owners"
assert_eq "tmp var/lib/syncd" "$(cd "$T/image/root" && find . ! -type l -perm -2 -printf '%P\n' | sort | xargs)" \
	"what others may write"

it "holds every library that its programs ask for, and names of hosts, users, zones"
for p in syncd syncd-worker syncctl; do
	chroot "$T/image/root" /usr/bin/$p --version >"$T/out" 2>&1 </dev/null || [ $p = syncd-worker ] ||
		fail "$p: $(cat "$T/out")"
	refute_contains "$(cat "$T/out")" "shared libraries" "$p"
done
write "$T/image/root/kubeconfig" <<-'END'
	apiVersion: v1
	kind: Config
	current-context: c
	clusters: [{name: c, cluster: {server: "https://localhost:1"}}]
	users: [{name: u, user: {token: t}}]
	contexts: [{name: c, context: {cluster: c, user: u}}]
END
assert_exit 20 chroot "$T/image/root" /usr/bin/syncctl list --kubeconfig /kubeconfig
assert_contains "$OUTPUT" "onnect" "what libcurl, which is loaded late, says"
rm "$T/image/root/kubeconfig"
assert_eq "$(cd /usr/share/zoneinfo && sha256sum Europe/Berlin)" \
	"$(cd "$T/image/root/usr/share/zoneinfo" && sha256sum Europe/Berlin)" "a time zone"
grep -q 'BEGIN CERTIFICATE' "$T/image/root/etc/ssl/certs/ca-certificates.crt"

it "says what is in it: each file, each package with version and licence"
sbom=$T/a/syncd.spdx.json
cmp "$sbom" "$T/image/root/usr/share/doc/syncd/syncd.spdx.json"
assert_eq "$(cd "$T/image/root" && find . -type f ! -name syncd.spdx.json | sort)" \
	"$(jq -r '.files[].fileName' "$sbom" | sort)" "the files"
(cd "$T/image/root" && jq -r '.files[] | "\(.checksums[] | select(.algorithm == "SHA256").checksumValue)  \(.fileName)"' \
	"$sbom" | sha256sum --quiet -c)
jq -r '.packages[] | select(.name != "syncd") | "\(.name) \(.versionInfo)"' "$sbom" >"$T/packages"
[ "$(wc -l <"$T/packages")" -gt 20 ] || fail "only $(wc -l <"$T/packages") packages"
while read -r name version; do
	assert_eq "$(dpkg-query -W -f '${Version}\n' "$name" | head -n 1)" "$version" "the version of $name"
	[ -s "$T/image/root/usr/share/doc/$name/copyright" ] || fail "no licence of $name"
done <"$T/packages"
assert_eq "curl Zlib Apache-2.0" "$(jq -r '[.packages[] | {(.name): .licenseDeclared}] | add |
	"\(.libcurl4) \(.zlib1g) \(.syncd)"' "$sbom")" "licences"
jq -e '([.. | .SPDXID? // empty]) as $ids | ($ids | length) == ($ids | unique | length) and
	all(.relationships[]; .spdxElementId as $a | .relatedSpdxElement as $b | ($ids | index($a)) and ($ids | index($b)))' \
	"$sbom" >/dev/null || fail "an id is not defined, or twice"
jq -e '[.hasExtractedLicensingInfos[].licenseId] as $own | all(.packages[].licenseDeclared | scan("LicenseRef-[A-Za-z0-9.-]+");
	. as $l | $own | index($l))' "$sbom" >/dev/null || fail "a licence of Debian's is not explained"

it "is the same image as the Containerfile's"
last=$(awk '$1 == "FROM" { text = "" } { text = text $0 "\n" } END { printf "%s", text }' "$ROOT/Containerfile")
assert_eq "COPY --from=build /image /" "$(grep -E '^(COPY|ADD|RUN)' <<<"$last")" "what the last stage copies"
command=$(sed -n 's/^RUN .*&& \(.*\)$/\1/p' "$ROOT/Containerfile")
assert_eq "image/build --root build/release /image" "$command" "what the first stage makes"
(cd "$ROOT" && ${command/\/image/$T/container})
list() { (cd "$1" && find . -printf '%P %y %m %l\n' | sort); }
assert_eq "$(list "$T/image/root")" "$(list "$T/container")" "files, modes, links"
diff -r --no-dereference "$T/image/root" "$T/container"
rm -r "$T/container"
assert_eq "$VERSION" "$(jq -r '.config.Labels["org.opencontainers.image.version"]' "$T/image/config.json")" "the version"
assert_eq "$VERSION" "$(sed -n 's/.*newTag: //p' "$ROOT/manifests/install/kustomization.yaml")" "the installed version"

# What a container runtime adds to the root: mounts, names of hosts, the token.
in_container() {
	local at=$T/image/root
	mkdir -p "$at"/{proc,dev,run/secrets/kubernetes.io/serviceaccount}
	ln -s ../run "$at/var/run"
	echo "127.0.0.1 localhost" >"$at/etc/hosts"
	touch "$at/dev/null" "$at/dev/urandom"
	cat >"$T/container.sh" <<-'END'
		root=$1; shift 2 # the program's path on this side
		mount --bind "$root" "$root"
		mount -t proc proc "$root/proc"
		mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
		mount -t tmpfs -o mode=0770,uid=65532,gid=65532 tmpfs "$root/var/lib/syncd"
		for d in null urandom; do mount --bind /dev/$d "$root/dev/$d"; done
		mount -o remount,bind,ro "$root"
		exec setpriv --no-new-privs chroot --userspec=65532:65532 --groups= "$root" /usr/bin/syncd "$@"
	END
	SYNCD_UNDER=(unshare -m --propagation private bash "$T/container.sh" "$at")
	BIN=$at/usr/bin
}

it "runs as in a pod, with a service account's token, and syncs from Git"
[ "$(id -u)" = 0 ] || { skip "needs root to mount"; exit 0; }
unshare -m true 2>/dev/null || { skip "may not make a mount namespace"; exit 0; }
in_container
namespace "$APPS"
namespace image-app
kc create serviceaccount syncd -n "$APPS" >/dev/null
kc create clusterrolebinding syncd-image --clusterrole cluster-admin --serviceaccount "$APPS:syncd" \
	--dry-run=client -o yaml | kc apply -f - >/dev/null
token() {
	local sa=$T/image/root/run/secrets/kubernetes.io/serviceaccount
	kc create token syncd -n "$APPS" --duration 1h >"$sa/token"
	kc config view --raw --minify -o jsonpath='{.clusters[0].cluster.certificate-authority-data}' | base64 -d >"$sa/ca.crt"
	[ -s "$sa/ca.crt" ] || cp "$(kc config view --raw --minify -o jsonpath='{.clusters[0].cluster.certificate-authority}')" "$sa/ca.crt"
	printf %s "$APPS" >"$sa/namespace"
}
token
server=$(kc config view --minify -o jsonpath='{.clusters[0].cluster.server}')
[[ $server =~ ^https://([^:/]+):([0-9]+) ]]
export KUBERNETES_SERVICE_HOST=${BASH_REMATCH[1]} KUBERNETES_SERVICE_PORT=${BASH_REMATCH[2]}
repo app
configmap hello one | write "$TREES/app/app/cm.yaml"
first=$(commit app first)
git_server
SYNCD_UNDER=(env -u KUBECONFIG -u HOME "${SYNCD_UNDER[@]}")
syncd_start --data-dir /var/lib/syncd
app hello "${GIT_URL/127.0.0.1/localhost}/app.git" app image-app
good hello "$first"
assert_eq one "$(field configmap hello .data.key -n image-app)" "what was synced"
assert_eq "65532" "$(awk '/^Uid:/ { print $2 }' "/proc/$(cut -d' ' -f1 "$T/syncd.pid")/status")" "the user"

it "refuses what is to be signed while it cannot verify it"
export GNUPGHOME=$T/gpg
mkdir -m 700 "$GNUPGHOME"
gpg --batch --quiet --passphrase '' --quick-generate-key "Ada <ada@example.com>" ed25519 sign never 2>>"$T/gpg.log"
key=$(gpg --list-keys --with-colons | awk -F: '$1 == "pub" { print $5 }')
gpg --armor --export >"$T/key.asc"
kc create configmap argocd-gpg-keys-cm -n "$APPS" --from-file "$key=$T/key.asc" >/dev/null
kc apply -f - >/dev/null <<-END
	apiVersion: argoproj.io/v1alpha1
	kind: AppProject
	metadata: {name: signed, namespace: $APPS}
	spec: {sourceRepos: ["*"], destinations: [{server: "*", namespace: "*"}], signatureKeys: [{keyID: $key}]}
END
app hello "${GIT_URL/127.0.0.1/localhost}/app.git" app image-app '.spec.project = "signed"'
git -C "$TREES/app" config commit.gpgsign true
second=$(commit app second)
wait_until 40 "what it lacks" app_is hello '$s.conditions[]? | .message | contains("made with --signatures")'
syncd_stop

it "verifies signatures where it was made for that"
rm -r "$T/image" "$T/a"
WITH_SIGNATURES=1 "$ROOT/image/build" "$BUILT" "$T/a"
unpack "$T/a/syncd.tar" "$T/image"
[ "$(stat -c %s "$T/a/syncd.tar")" -lt 42000000 ] || fail "$(stat -c %s "$T/a/syncd.tar") bytes"
assert_eq "[\"syncd:$VERSION-signatures\"]" "$(jq -c '.[0].RepoTags' "$T/image/manifest.json")" "its tag"
in_container
token
SYNCD_UNDER=(env -u KUBECONFIG -u HOME "${SYNCD_UNDER[@]}")
syncd_start --data-dir /var/lib/syncd
good hello "$second"
syncd_stop
kc delete clusterrolebinding syncd-image >/dev/null
