# shellcheck shell=bash
# A proxy of the API server's bytes that misbehaves when it is told to; for scripts that
# have sourced tests/e2e/lib.sh. It is the cluster's admin to the real server.
# shellcheck source=tests/cluster/pki.sh
. "$ROOT/tests/cluster/pki.sh"

from_kubeconfig() { kc config view --raw --minify -o "jsonpath={$1}"; }

# proxy_start --patience SECONDS: starts it; $T/kubeconfig goes through it, control()
# tells it what to do (tests/tools/faultproxy/main.c).
proxy_start() {
	local port control server
	mkdir "$T/pki"
	printf '[req]\ndistinguished_name = dn\n[dn]\n' >"$T/pki/openssl.cnf"
	pki_ca "$T/pki" proxy-ca
	pki_cert "$T/pki" server proxy-ca /CN=localhost DNS:localhost,IP:127.0.0.1
	from_kubeconfig '.clusters[0].cluster.certificate-authority-data' | base64 -d >"$T/pki/ca.crt"
	from_kubeconfig '.users[0].user.client-certificate-data' | base64 -d >"$T/pki/admin.crt"
	from_kubeconfig '.users[0].user.client-key-data' | base64 -d >"$T/pki/admin.key"
	server=$(from_kubeconfig '.clusters[0].cluster.server')
	port=$(free_port) control=$(free_port)
	CONTROL=http://127.0.0.1:$control
	daemon_start "$T" faultproxy "$BIN/tests/faultproxy" --listen "$port" --control "$control" \
		--upstream "${server##*:}" --pki "$T/pki" --own "$APPS" "$@"
	daemon_wait "$T" faultproxy 10 curl -fsS -m 2 "$CONTROL/report"
	write "$T/kubeconfig" <<-END
		apiVersion: v1
		kind: Config
		current-context: proxy
		clusters:
		- name: proxy
		  cluster: {server: "https://127.0.0.1:$port", certificate-authority-data: $(base64 -w0 "$T/pki/proxy-ca.crt")}
		contexts: [{name: proxy, context: {cluster: proxy, user: nobody}}]
		users: [{name: nobody, user: {}}]
	END
}
control() { curl -fsS -m 10 -X POST "$CONTROL/$1" --data-binary "${2:-@/dev/null}"; }
