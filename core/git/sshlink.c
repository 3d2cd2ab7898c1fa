/*
 * Happy path: TCP, key exchange, the host's key against the known hosts, our key,
 * one channel, the command. The session never blocks: libssh does what it can, and
 * await() polls the socket until a deadline. The first failure is kept in the
 * transfer; libssh's own words are only quoted.
 */
#include "sshlink.h"

#include "core/doc.h"
#include "core/known_hosts.h"
#include "core/mem.h"
#include "core/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <libssh/libssh.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define SAID_MAX 400
#define STATUS_MS 1000
#define ALL_HOST_KEYS \
	"ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256"

struct sshlink {
	struct transfer *t;
	struct ssh_place place;
	int fd;			/* ours, also while the session uses it */
	ssh_session session;
	ssh_channel channel;
	ssh_key key;
	uint64_t until;		/* of what is under way */
	struct buf said;	/* the end of stderr */
};

static int fail(struct sshlink *l, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int fail(struct sshlink *l, enum err_code code, const char *fmt, ...)
{
	struct err *err = &l->t->err;
	va_list ap;

	if (err->code)
		return -1;
	va_start(ap, fmt);
	err_vset(err, code, fmt, ap);
	va_end(ap);
	if (l->place.host)
		err_wrap(err, "%s port %u", l->place.host, l->place.port);
	return -1;
}

/* With libssh's words for it. */
static int fail_ssh(struct sshlink *l, enum err_code code, const char *doing)
{
	_cleanup_free_ char *why = utf8_clean(ssh_get_error(l->session), 200);

	return fail(l, code, "%s: %s", doing, *why ? why : "the connection ended");
}

/* Until the socket is ready or a second passed; -1: the deadline is over. */
static int await(struct sshlink *l, const char *doing)
{
	bool writes = ssh_get_poll_flags(l->session) & SSH_WRITE_PENDING;
	struct pollfd p = { .fd = l->fd,
			    .events = writes ? POLLIN | POLLOUT : POLLIN };
	uint64_t now = transfer_now(), until = l->until;

	if (until > l->t->deadline)
		until = l->t->deadline;
	if (now >= until)
		return fail(l, ERR_TIMEOUT, "%s: no answer in time (%llu bytes so far)",
			    doing, (unsigned long long)l->t->received);
	poll(&p, 1, until - now > 1000 ? 1000 : (int)(until - now));
	return 0;
}

/* ---- TCP ---- */

/* 0: connected; errno is set else, ETIMEDOUT at the deadline. */
static int connect_to(struct sshlink *l, const struct addrinfo *a)
{
	socklen_t len = sizeof(errno);
	int why = 0;

	l->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return -1;
	if (!connect(l->fd, a->ai_addr, a->ai_addrlen))
		return 0;
	while (errno == EINPROGRESS || errno == EINTR) {
		struct pollfd p = { .fd = l->fd, .events = POLLOUT };
		uint64_t now = transfer_now();
		int left = now < l->until ? (int)(l->until - now) : 0;

		if (!poll(&p, 1, left)) {
			errno = ETIMEDOUT;
			break;
		}
		if (!p.revents)
			continue;
		if (!getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &why, &len) && !why)
			return 0;
		errno = why;
	}
	why = errno;
	close(l->fd);
	l->fd = -1;
	errno = why;
	return -1;
}

static int connect_tcp(struct sshlink *l)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICSERV }, *list = NULL;
	char port[8];
	int rc;

	snprintf(port, sizeof(port), "%u", l->place.port);
	rc = getaddrinfo(l->place.host, port, &hints, &list);
	if (rc)
		return fail(l, ERR_NET, "the host's name has no address: %s",
			    gai_strerror(rc));
	rc = -1;
	for (const struct addrinfo *a = list; a && rc; a = a->ai_next)
		rc = connect_to(l, a);
	freeaddrinfo(list);
	if (!rc)
		return 0;
	return fail(l, errno == ETIMEDOUT ? ERR_TIMEOUT : ERR_NET, "connecting: %s",
		    strerror(errno));
}

/* ---- the session ---- */

/* The types that the known hosts have come first, so that the server shows one. */
static char *host_key_order(const struct sshlink *l)
{
	_cleanup_buf_ struct buf types = BUF_INIT;
	struct buf out = BUF_INIT;
	char *rest = NULL, *type;

	known_hosts_types(l->t->request->known_hosts, l->place.host, l->place.port,
			  &types);
	for (type = types.len ? strtok_r(types.data, " ", &rest) : NULL; type;
	     type = strtok_r(NULL, " ", &rest)) {
		if (!strcmp(type, "ssh-rsa"))
			buf_adds(&out, "rsa-sha2-512,rsa-sha2-256,");
		else if (strstr(ALL_HOST_KEYS, type) && !strchr(type, ','))
			buf_addf(&out, "%s,", type);
	}
	buf_adds(&out, ALL_HOST_KEYS);
	return buf_steal(&out, NULL);
}

static int set_options(struct sshlink *l)
{
	_cleanup_free_ char *order = host_key_order(l);
	const struct { enum ssh_options_e option; const void *value; } options[] = {
		{ SSH_OPTIONS_PROCESS_CONFIG, &(bool){ false } },
		{ SSH_OPTIONS_SSH_DIR, "/nonexistent" },
		{ SSH_OPTIONS_KNOWNHOSTS, "/dev/null" },
		{ SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null" },
		{ SSH_OPTIONS_HOST, l->place.host },
		{ SSH_OPTIONS_PORT, &l->place.port },
		{ SSH_OPTIONS_USER, l->place.user },
		{ SSH_OPTIONS_HOSTKEYS, order },
		{ SSH_OPTIONS_FD, &l->fd },
	};

	l->session = ssh_new();
	if (!l->session)
		abort();
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (ssh_options_set(l->session, options[i].option,
				    options[i].value) < 0)
			return fail_ssh(l, ERR_INVALID, "setting up SSH");
	ssh_set_blocking(l->session, 0);
	return 0;
}

static int exchange_keys(struct sshlink *l)
{
	int rc;

	while ((rc = ssh_connect(l->session)) == SSH_AGAIN)
		if (await(l, "the SSH handshake"))
			return -1;
	return rc == SSH_OK ? 0 : fail_ssh(l, ERR_NET, "the SSH handshake");
}

static int judge_host(struct sshlink *l, const struct buf *key, const char *type)
{
	const char *known = l->t->request->known_hosts;
	_cleanup_free_ char *print = known_hosts_fingerprint(key->data, key->len);

	switch (known_hosts_check(known, l->place.host, l->place.port, key->data,
				  key->len)) {
	case KNOWN_HOST_SAME:
		return 0;
	case KNOWN_HOST_OTHER:
		return fail(l, ERR_AUTH, "the host's key is NOT the known one (it shows "
			    "%s %s): someone may be in between, or it was changed: "
			    "ask its owner, then correct ssh_known_hosts in the "
			    "ConfigMap argocd-ssh-known-hosts-cm, or sshKnownHosts in "
			    "the repository's Secret", type, print);
	case KNOWN_HOST_REVOKED:
		return fail(l, ERR_AUTH, "the host shows a key that is revoked (%s %s)",
			    type, print);
	case KNOWN_HOST_ABSENT:
		break;
	}
	return fail(l, ERR_AUTH, "the host's key is not known (it shows %s %s): if its "
		    "owner says the same, add it (ssh-keyscan prints the line) to "
		    "ssh_known_hosts in the ConfigMap argocd-ssh-known-hosts-cm, or to "
		    "sshKnownHosts in the repository's Secret", type, print);
}

static int check_host(struct sshlink *l)
{
	_cleanup_buf_ struct buf blob = BUF_INIT;
	ssh_key key = NULL;
	char *text = NULL;
	int rc = -1;

	if (ssh_get_server_publickey(l->session, &key) == SSH_OK &&
	    ssh_pki_export_pubkey_base64(key, &text) == SSH_OK &&
	    !b64_decode(text, strlen(text), &blob))
		rc = judge_host(l, &blob, ssh_key_type_to_char(ssh_key_type(key)));
	else
		fail_ssh(l, ERR_NET, "reading the host's key");
	ssh_string_free_char(text);
	ssh_key_free(key);
	return rc;
}

/* Without it the library would ask a terminal for the passphrase. */
static int no_passphrase(const char *prompt, char *buf, size_t len, int echo,
			 int verify, void *arg)
{
	(void)prompt;
	(void)buf;
	(void)len;
	(void)echo;
	(void)verify;
	(void)arg;
	return -1;
}

static int read_key(struct sshlink *l)
{
	const char *pem = l->t->request->ssh_key;

	if (!pem)
		return fail(l, ERR_AUTH, "there is no key for it: no Secret labelled "
			    "argocd.argoproj.io/secret-type: repository or repo-creds "
			    "with an sshPrivateKey matches this url");
	if (ssh_pki_import_privkey_base64(pem, NULL, no_passphrase, NULL, &l->key) ==
	    SSH_OK)
		return 0;
	return fail(l, ERR_INVALID, "sshPrivateKey in the repository's Secret cannot be "
		    "read: it must be a private key without a passphrase, as "
		    "ssh-keygen -t ed25519 -N '' makes it");
}

static int refused_key(struct sshlink *l)
{
	_cleanup_free_ char *print = NULL;
	_cleanup_buf_ struct buf blob = BUF_INIT;
	char *text = NULL;

	if (ssh_pki_export_pubkey_base64(l->key, &text) == SSH_OK &&
	    !b64_decode(text, strlen(text), &blob))
		print = known_hosts_fingerprint(blob.data, blob.len);
	ssh_string_free_char(text);
	return fail(l, ERR_AUTH, "%s is not let in with the key %s: check sshPrivateKey "
		    "in the repository's Secret, and that the server knows the key",
		    l->place.user, print ? print : "of the Secret");
}

static int log_in(struct sshlink *l)
{
	int rc;

	while ((rc = ssh_userauth_publickey(l->session, NULL, l->key)) ==
	       SSH_AUTH_AGAIN)
		if (await(l, "logging in"))
			return -1;
	if (rc == SSH_AUTH_SUCCESS)
		return 0;
	if (rc == SSH_AUTH_ERROR && !ssh_is_connected(l->session))
		return fail_ssh(l, ERR_NET, "logging in");
	return refused_key(l);
}

/* ---- the command ---- */

/* As a shell reads it back: it ends at ', which is written '\''. */
static char *command(const char *path)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "git-upload-pack '");
	for (; *path; path++) {
		if (*path == '\'' || *path == '!')
			buf_addf(&b, "'\\%c'", *path);
		else
			buf_addc(&b, *path);
	}
	buf_addc(&b, '\'');
	return buf_steal(&b, NULL);
}

static int run_command(struct sshlink *l, bool v2)
{
	_cleanup_free_ char *line = command(l->place.path);
	int rc;

	l->channel = ssh_channel_new(l->session);
	if (!l->channel)
		return fail_ssh(l, ERR_NET, "opening a channel");
	while ((rc = ssh_channel_open_session(l->channel)) == SSH_AGAIN)
		if (await(l, "opening a channel"))
			return -1;
	if (rc != SSH_OK)
		return fail_ssh(l, ERR_NET, "opening a channel");
	/* A server that does not take it speaks version 0. */
	while (v2 && (rc = ssh_channel_request_env(l->channel, "GIT_PROTOCOL",
						   "version=2")) == SSH_AGAIN)
		if (await(l, "starting git-upload-pack"))
			return -1;
	while ((rc = ssh_channel_request_exec(l->channel, line)) == SSH_AGAIN)
		if (await(l, "starting git-upload-pack"))
			return -1;
	return rc == SSH_OK ? 0 : fail_ssh(l, ERR_NET, "starting git-upload-pack");
}

static int open_link(struct sshlink *l, bool v2)
{
	struct err err = ERR_INIT;

	if (ssh_place_parse(&l->place, l->t->request->url, &err)) {
		l->t->err = err;
		return -1;
	}
	if (l->t->request->username) {
		free(l->place.user);
		l->place.user = xstrdup(l->t->request->username);
	}
	l->until = transfer_now() + l->t->limits->connect_ms;
	if (read_key(l) || connect_tcp(l) || set_options(l) || exchange_keys(l) ||
	    check_host(l) || log_in(l))
		return -1;
	return run_command(l, v2);
}

struct sshlink *sshlink_open(struct transfer *t, bool v2)
{
	struct sshlink *l = xcalloc(1, sizeof(*l));

	*l = (struct sshlink){ .t = t, .fd = -1, .said = BUF_INIT_MAX(65536) };
	if (!open_link(l, v2))
		return l;
	sshlink_free(l);
	return NULL;
}

/* ---- bytes ---- */

static void drain_said(struct sshlink *l)
{
	char chunk[1024];
	int n;

	while ((n = ssh_channel_read_nonblocking(l->channel, chunk, sizeof(chunk),
						 1)) > 0) {
		buf_add(&l->said, chunk, (size_t)n);
		if (l->said.len > SAID_MAX)
			buf_consume(&l->said, l->said.len - SAID_MAX);
	}
}

int sshlink_read(struct sshlink *l, char *data, size_t size, size_t *ret)
{
	uint32_t want = size > 1 << 20 ? 1 << 20 : (uint32_t)size;
	int n;

	*ret = 0;
	l->until = transfer_now() + l->t->limits->idle_ms;
	for (;;) {
		n = ssh_channel_read_nonblocking(l->channel, data, want, 0);
		if (n > 0)
			break;
		drain_said(l);
		if (n == SSH_EOF || (!n && ssh_channel_is_eof(l->channel)))
			return 0;
		if (n != SSH_AGAIN && n < 0)
			return fail_ssh(l, ERR_NET, "reading");
		/* Looking for one of the two streams reads both off the socket. */
		if (ssh_channel_poll(l->channel, 0) > 0)
			continue;
		if (!ssh_is_connected(l->session))
			return fail(l, ERR_NET, "the connection broke off");
		if (await(l, "reading"))
			return -1;
	}
	*ret = (size_t)n;
	return transfer_take(l->t, l->t->received + (size_t)n);
}

int sshlink_write(struct sshlink *l, const char *data, size_t len)
{
	l->until = transfer_now() + l->t->limits->idle_ms;
	while (len) {
		uint32_t part = len > 1 << 15 ? 1 << 15 : (uint32_t)len;
		int n = ssh_channel_write(l->channel, data, part);

		if (n < 0 && n != SSH_AGAIN)
			return fail_ssh(l, ERR_NET, "writing");
		if (n > 0) {
			data += n;
			len -= (size_t)n;
			continue;
		}
		if (await(l, "writing"))
			return -1;
	}
	return 0;
}

/* It may come after the end of the output, or never: then -1. */
static int exit_status(struct sshlink *l)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };
	uint64_t until = transfer_now() + STATUS_MS;
	int status;

	while ((status = ssh_channel_get_exit_status(l->channel)) < 0 &&
	       !ssh_channel_is_closed(l->channel) && transfer_now() < until)
		poll(&p, 1, 100);
	return status;
}

int sshlink_end(struct sshlink *l)
{
	_cleanup_free_ char *said = NULL;
	int status = exit_status(l);

	drain_said(l);
	if (!status)
		return 0;
	for (size_t i = 0; i < l->said.len; i++)
		if (l->said.data[i] == '\n')
			l->said.data[i] = ' ';
	said = utf8_clean(buf_str(&l->said), 200);
	return fail(l, ERR_NOTFOUND, "git-upload-pack %s fails: %s", l->place.path,
		    *said ? said : "it says nothing");
}

void sshlink_free(struct sshlink *l)
{
	if (!l)
		return;
	if (l->channel)
		ssh_channel_free(l->channel);
	if (l->session) {
		ssh_disconnect(l->session);
		ssh_free(l->session);
	}
	ssh_key_free(l->key);
	if (l->fd >= 0)
		close(l->fd);
	ssh_place_deinit(&l->place);
	buf_deinit(&l->said);
	free(l);
}
