# shellcheck shell=bash
# Certificates and kubeconfigs of a test cluster: sourced by up.

# pki_run ARG...: openssl, silent unless it fails.
pki_run() {
	local out
	out=$(openssl "$@" 2>&1) || { say "$out"; die "openssl $1 failed"; }
}

# pki_ca DIR NAME: a self-signed authority.
pki_ca() {
	pki_run req -x509 -config "$1/openssl.cnf" -newkey ec \
		-pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \
		-subj "/CN=$2" -keyout "$1/$2.key" -out "$1/$2.crt" \
		-addext basicConstraints=critical,CA:TRUE \
		-addext keyUsage=critical,keyCertSign,cRLSign
}

# pki_cert DIR NAME CA SUBJECT [SAN]: with a SAN for servers, else for clients.
pki_cert() {
	local use=clientAuth san=()
	[ -z "${5:-}" ] || { use=serverAuth; san=(-addext "subjectAltName=$5"); }
	pki_run req -x509 -config "$1/openssl.cnf" -newkey ec \
		-pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \
		-CA "$1/$3.crt" -CAkey "$1/$3.key" \
		-subj "$4" -keyout "$1/$2.key" -out "$1/$2.crt" \
		-addext basicConstraints=critical,CA:FALSE \
		-addext keyUsage=critical,digitalSignature \
		-addext "extendedKeyUsage=$use" ${san[@]+"${san[@]}"}
}

# pki_all DIR ADDRESS: everything a control plane at ADDRESS and its node need.
pki_all() {
	local d=$1
	printf '[req]\ndistinguished_name = dn\n[dn]\n' >"$d/openssl.cnf"
	pki_ca "$d" ca
	pki_ca "$d" front-proxy-ca
	pki_cert "$d" apiserver ca /CN=kube-apiserver \
		"DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:$2,IP:10.96.0.1"
	pki_cert "$d" admin ca /O=system:masters/CN=admin
	pki_cert "$d" controller-manager ca /CN=system:kube-controller-manager
	pki_cert "$d" scheduler ca /CN=system:kube-scheduler
	pki_cert "$d" kubelet ca /O=system:nodes/CN=system:node:node1
	pki_cert "$d" kube-proxy ca /CN=system:kube-proxy
	pki_cert "$d" front-proxy-client front-proxy-ca /CN=front-proxy-client
	pki_run genrsa -out "$d/service-account.key" 2048
	pki_run rsa -in "$d/service-account.key" -pubout -out "$d/service-account.pub"
}

# kubeconfig_write FILE SERVER PKI-DIR CLIENT: self-contained, data not paths.
kubeconfig_write() {
	cat >"$1" <<-EOF
		apiVersion: v1
		kind: Config
		current-context: test
		clusters:
		- name: test
		  cluster:
		    server: $2
		    certificate-authority-data: $(base64 -w0 "$3/ca.crt")
		contexts:
		- name: test
		  context: {cluster: test, user: $4}
		users:
		- name: $4
		  user:
		    client-certificate-data: $(base64 -w0 "$3/$4.crt")
		    client-key-data: $(base64 -w0 "$3/$4.key")
	EOF
}
