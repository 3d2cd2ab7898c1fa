# shellcheck shell=bash
# Images for the real node, without a registry and without Docker: sourced.

# image_archive OUT FOLDER ENTRYPOINT-JSON NAME...: a docker-archive with FOLDER as the
# only layer of all these images, for `ctr -n k8s.io images import`.
image_archive() {
	local out=$1 folder=$2 entrypoint=$3 dir arch layer
	shift 3
	dir=$(mktemp -d "$(dirname "$out")/.image-XXXXXX")
	arch=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
	tar -C "$folder" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf "$dir/layer.tar" .
	layer=$(sha256sum <"$dir/layer.tar" | cut -d' ' -f1)
	jq -n --arg arch "$arch" --arg layer "sha256:$layer" --argjson entrypoint "$entrypoint" '{
		architecture: $arch, os: "linux", created: "1970-01-01T00:00:00Z",
		config: {Entrypoint: $entrypoint, User: "65532:65532"},
		rootfs: {type: "layers", diff_ids: [$layer]}}' >"$dir/config.json"
	jq -n '[{Config: "config.json", RepoTags: $ARGS.positional, Layers: ["layer.tar"]}]' \
		--args "$@" >"$dir/manifest.json"
	tar -C "$dir" -cf "$out" manifest.json config.json layer.tar
	rm -rf "$dir"
}

# image_pod OUT NAME...: images that hold tests/cluster/pod.c and nothing else.
image_pod() {
	local out=$1 src folder
	shift
	src=$(dirname "${BASH_SOURCE[0]}")/pod.c
	folder=$(mktemp -d "$(dirname "$out")/.pod-XXXXXX")
	chmod 755 "$folder" # it becomes the root folder of a user who is not root
	"${CC:-cc}" -std=gnu17 -Os -s -static -Wall -Wextra -Werror -o "$folder/pod" "$src"
	image_archive "$out" "$folder" '["/pod"]' "$@"
	rm -rf "$folder"
}
