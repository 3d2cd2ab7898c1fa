/*
 * Addresses, redirects, Retry-After, and curl's errors as ours.
 *
 * Pure: no socket is touched here. Messages name scheme, host and port, never a
 * path or a query, which may hold what should not be in a log.
 */
#include "http_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#define RETRY_AFTER_MAX_MS (3600u * 1000)

struct origin {
	char *scheme, *host, *port;	/* curl's allocations */
	bool has_user;
};

static void origin_deinit(struct origin *o)
{
	curl_free(o->scheme);
	curl_free(o->host);
	curl_free(o->port);
}

static void urlp_cleanup(CURLU **u)
{
	curl_url_cleanup(*u);
}

#define _cleanup_url_ __attribute__((cleanup(urlp_cleanup)))
#define _cleanup_origin_ __attribute__((cleanup(origin_deinit)))

static int origin_of(CURLU *u, struct origin *o)
{
	char *user = NULL;

	if (curl_url_get(u, CURLUPART_SCHEME, &o->scheme, 0) ||
	    curl_url_get(u, CURLUPART_HOST, &o->host, 0) ||
	    curl_url_get(u, CURLUPART_PORT, &o->port, CURLU_DEFAULT_PORT))
		return -1;
	o->has_user = !curl_url_get(u, CURLUPART_USER, &user, 0);
	curl_free(user);
	return 0;
}

static bool is_literal(const char *host)
{
	unsigned char addr[16];
	char name[64];
	size_t n = strlen(host);

	if (!strcasecmp(host, "localhost"))
		return true;	/* curl answers that by itself */
	if (n >= sizeof(name))
		return false;
	memcpy(name, host, n + 1);
	if (name[0] == '[' && name[n - 1] == ']') {
		name[n - 1] = '\0';
		return inet_pton(AF_INET6, name + 1, addr) == 1;
	}
	return inet_pton(AF_INET, name, addr) == 1;
}

/* Is the name that will be looked up (the proxy's, if there is one) a literal? */
static bool lookup_is_literal(const struct http_endpoint *e, const char *host)
{
	_cleanup_origin_ struct origin o = { 0 };
	_cleanup_url_ CURLU *u = NULL;

	if (!e->proxy_url || !*e->proxy_url)
		return is_literal(host);
	u = curl_url();
	if (!u || curl_url_set(u, CURLUPART_URL, e->proxy_url,
			       CURLU_DEFAULT_SCHEME | CURLU_NON_SUPPORT_SCHEME))
		return false;
	return !curl_url_get(u, CURLUPART_HOST, &o.host, 0) &&
	       is_literal(o.host);
}

static bool path_ok(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f ||
		    *s == '#')
			return false;
	return true;
}

/*
 * TLS under another name than the host's: the URL gets that name (for SNI and
 * the certificate's check), the connection the real host, and so does the Host
 * header.
 */
static void url_rename(struct http_req *r, const struct origin *o,
		       const char *rest)
{
	const char *name = r->call->endpoint->tls_server_name;
	_cleanup_free_ char *to = NULL, *host = NULL;

	if (!name || !*name || strcmp(o->scheme, "https")) {
		free(r->url);
		r->url = xstrdup(r->real_url);
		return;
	}
	free(r->url);
	r->url = xasprintf("https://%s:%s%s", name, o->port, rest);
	if (r->connect_to)
		return;
	to = xasprintf("%s:%s:%s:%s", name, o->port, o->host, o->port);
	host = xasprintf("Host: %s:%s", o->host, o->port);
	r->connect_to = curl_slist_append(NULL, to);
	r->headers = curl_slist_append(r->headers, host);
}

/* What follows scheme://host:port in an absolute URL. */
static const char *after_origin(const char *url)
{
	const char *p = strstr(url, "://");

	p = p ? p + 3 : url;
	return p + strcspn(p, "/?#");
}

static int check_endpoint(struct http_req *r, CURLU *u, struct origin *o,
			  struct err *err)
{
	const struct http_endpoint *e = r->call->endpoint;

	if (!e->url || !path_ok(e->url) ||
	    curl_url_set(u, CURLUPART_URL, e->url, 0) || origin_of(u, o))
		return err_set(err, ERR_INVALID, "not a URL: expected "
			       "https://host[:port][/path]");
	r->where = xasprintf("%s://%s:%s", o->scheme, o->host, o->port);
	if (strcmp(o->scheme, "https") && strcmp(o->scheme, "http"))
		return err_set(err, ERR_INVALID, "%s: only https and http are "
			       "spoken here", r->where);
	if (o->has_user)
		return err_set(err, ERR_INVALID, "%s: the URL holds a user "
			       "name: give credentials beside it", r->where);
	return 0;
}

int http_url_prepare(struct http_req *r, struct err *err)
{
	const struct http_call *c = r->call;
	_cleanup_origin_ struct origin o = { 0 };
	_cleanup_url_ CURLU *u = curl_url();

	if (!u)
		abort();
	if (check_endpoint(r, u, &o, err))
		return -1;
	if (!c->method || !*c->method || !path_ok(c->method))
		return err_set(err, ERR_INVALID, "%s: bad method", r->where);
	if (c->path && (!path_ok(c->path) || !strchr("/?", c->path[0])))
		return err_set(err, ERR_INVALID, "%s: the path is not escaped "
			       "or does not begin with /", r->where);
	r->literal = lookup_is_literal(c->endpoint, o.host);
	r->real_url = xasprintf("%s%s", c->endpoint->url,
				c->path ? c->path : "");
	url_rename(r, &o, after_origin(r->real_url));
	return 0;
}

/* Credentials are bound to scheme, host and port: a redirect must keep them. */
int http_url_redirect(struct http_req *r, struct err *err)
{
	_cleanup_origin_ struct origin from = { 0 }, to = { 0 };
	_cleanup_url_ CURLU *u = curl_url();
	_cleanup_free_ char *location = steal(&r->location);
	char *full = NULL;

	if (!u)
		abort();
	if (++r->redirects > MAX_REDIRECTS)
		return err_set(err, ERR_INVALID, "%s: more than %d redirects",
			       r->where, MAX_REDIRECTS);
	if (curl_url_set(u, CURLUPART_URL, r->real_url, 0) ||
	    origin_of(u, &from) ||
	    curl_url_set(u, CURLUPART_URL, location, 0) || origin_of(u, &to))
		return err_set(err, ERR_INVALID, "%s: redirects to what is not "
			       "a URL", r->where);
	if (strcmp(from.scheme, to.scheme) || strcasecmp(from.host, to.host) ||
	    strcmp(from.port, to.port) || to.has_user)
		return err_set(err, ERR_INVALID, "%s: redirects to "
			       "%s://%s:%s, where credentials are not sent: if "
			       "that is right, use its URL instead", r->where,
			       to.scheme, to.host, to.port);
	curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
	if (curl_url_get(u, CURLUPART_URL, &full, 0))
		abort();
	free(r->real_url);
	r->real_url = xstrdup(full);
	curl_free(full);
	url_rename(r, &from, after_origin(r->real_url));
	return 0;
}

/* Seconds or an HTTP date (RFC 9110 10.2.3); at most an hour is believed. */
unsigned http_retry_after(const char *value, size_t len, int64_t now_ms)
{
	_cleanup_free_ char *text = xstrndup(value, len);
	unsigned long long s;
	char *end;
	time_t at;

	if (len && text[0] >= '0' && text[0] <= '9') {
		s = strtoull(text, &end, 10);
		if (!*end)
			return s >= RETRY_AFTER_MAX_MS / 1000 ?
				RETRY_AFTER_MAX_MS : (unsigned)s * 1000;
	}
	at = curl_getdate(text, NULL);
	if (at <= 0 || (int64_t)at * 1000 <= now_ms)
		return 0;
	if ((int64_t)at * 1000 - now_ms > RETRY_AFTER_MAX_MS)
		return RETRY_AFTER_MAX_MS;
	return (unsigned)((int64_t)at * 1000 - now_ms);
}

static void connect_err(const struct http_req *r, struct err *err)
{
	long os = 0;

	curl_easy_getinfo(r->easy, CURLINFO_OS_ERRNO, &os);
	if (r->open_errno) {
		err_set(err, ERR_IO, "%s: no socket: %s%s", r->where,
			strerror(r->open_errno), r->open_errno == EMFILE ?
			": raise the limit of open files" : "");
		return;
	}
	err_set(err, ERR_NET, "%s: cannot connect: %s", r->where,
		os == ECONNREFUSED ?
		"connection refused: nothing listens there, check host and port" :
		os ? strerror((int)os) : r->errbuf);
}

static const char *detail(const struct http_req *r, CURLcode code)
{
	return r->errbuf[0] ? r->errbuf : curl_easy_strerror(code);
}

static void timeout_err(const struct http_req *r, struct err *err)
{
	if (!r->opened && !r->literal)
		err_set(err, ERR_TIMEOUT, "%s: the host's name was not found "
			"within %d ms: check the DNS servers", r->where,
			CONNECT_TIMEOUT_MS);
	else
		err_set(err, ERR_TIMEOUT, "%s: no connection within %d ms: "
			"check host, port and firewall", r->where,
			CONNECT_TIMEOUT_MS);
}

static void tls_err(const struct http_req *r, CURLcode code, struct err *err)
{
	const char *next = "is it a TLS port?";
	enum err_code e = ERR_NET;

	if (code == CURLE_PEER_FAILED_VERIFICATION) {
		next = "check the CA bundle, the host name and the clock";
	} else if (code == CURLE_SSL_CERTPROBLEM) {
		e = ERR_INVALID;
		next = "check the client certificate and its key";
	} else if (code == CURLE_SSL_CACERT_BADFILE) {
		e = ERR_INVALID;
		next = "check that the CA bundle is PEM";
	}
	err_set(err, e, "%s: TLS: %s: %s", r->where, detail(r, code), next);
	if (code != CURLE_SSL_CONNECT_ERROR)
		err->retry = false;	/* it will not pass by itself */
}

void http_curl_err(const struct http_req *r, CURLcode code, struct err *err)
{
	size_t max = r->call->max_body ? r->call->max_body : DEFAULT_MAX_BODY;

	switch ((int)code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		err_set(err, ERR_NET, "%s: no such host: check the name%s and "
			"the DNS servers", r->where,
			code == CURLE_COULDNT_RESOLVE_PROXY ?
			" of the proxy" : "");
		break;
	case CURLE_COULDNT_CONNECT:
		connect_err(r, err);
		break;
	case CURLE_OPERATION_TIMEDOUT:
		timeout_err(r, err);
		break;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		tls_err(r, code, err);
		break;
	case CURLE_WRITE_ERROR:
		if (r->over_limit) {
			err_set(err, ERR_LIMIT, "%s: the answer is larger than "
				"%zu bytes", r->where, max);
			break;
		}
		/* fall through */
	default:
		err_set(err, ERR_NET, "%s: %s", r->where, detail(r, code));
		break;
	}
}
