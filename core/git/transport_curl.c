/*
 * libgit2's smart subtransport over libcurl and OpenSSL.
 *
 * libgit2 pulls: it asks for bytes and blocks. A stream is one HTTP exchange on a
 * private curl multi handle that runs only inside read(): it is polled until bytes
 * are there, and paused while more than HIGH_WATER of them wait (the easy
 * interface would buffer the whole pack). Happy path: GET info/refs, then POST
 * git-upload-pack with what libgit2 wrote, on the same connection.
 *
 * Failures: every wait ends at the idle or the total deadline. Redirects are
 * followed only for the GET, at most MAX_REDIRECTS, on the same scheme, host and
 * port, so credentials go nowhere else. The first failure is kept in the transfer.
 */
#include "transport.h"
#include "transport_http.h"

#include "core/mem.h"
#include "core/utf8.h"

#include <git2/sys/transport.h>
#include <stdio.h>

#define HIGH_WATER ((size_t)256 << 10)
#define MAX_REQUEST ((size_t)32 << 20)
#define MAX_REDIRECTS 3

struct subtransport {
	git_smart_subtransport parent;	/* must be first */
	struct transfer *t;
	CURLM *multi;
	char *base;			/* URL, after redirects */
	int redirects;
};

struct stream {
	git_smart_subtransport_stream parent;	/* must be first */
	struct subtransport *sub;
	CURL *easy;
	struct curl_slist *headers;
	bool post;
	bool started, finished, paused, judged;
	struct buf request;
	struct buf got;			/* read by curl, not yet by libgit2 */
	size_t taken;			/* bytes of got that libgit2 has */
	uint64_t last_byte;		/* transfer_now() */
	char why[CURL_ERROR_SIZE];
};

/* libgit2 wants a text; the real one is in the transfer. */
static int failed(struct stream *s)
{
	git_error_set_str(GIT_ERROR_NET, s->sub->t->err.msg);
	return -1;
}

static int fail(struct stream *s, enum err_code code, const char *what)
{
	_cleanup_free_ char *url = repo_url_shown(s->sub->t->request->url);

	if (!s->sub->t->err.code)
		err_set(&s->sub->t->err, code, "%s: %s", url, what);
	return failed(s);
}

static long status_of(struct stream *s)
{
	long status = 0;

	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* Judged at the first byte, so that no error page reaches libgit2. */
static int judge_type(struct stream *s)
{
	const char *want = s->post ? "application/x-git-upload-pack-result" :
				     "application/x-git-upload-pack-advertisement";
	_cleanup_free_ char *shown = NULL, *text = NULL;
	char *type = NULL;

	if (s->judged)
		return 0;
	s->judged = true;
	curl_easy_getinfo(s->easy, CURLINFO_CONTENT_TYPE, &type);
	if (type && !strncasecmp(type, want, strlen(want)))
		return 0;
	shown = utf8_clean(type, 60);
	text = xasprintf("no Git repository answers here (content type \"%s\"): check spec.source.repoURL",
			 shown);
	return fail(s, ERR_INVALID, text);
}

static size_t on_write(char *data, size_t size, size_t n, void *arg)
{
	struct stream *s = arg;
	struct transfer *t = s->sub->t;

	n *= size;
	if (status_of(s) != 200)
		return n;	/* an error page or a redirect's body */
	if (judge_type(s))
		return 0;
	if (s->got.len - s->taken >= HIGH_WATER) {
		s->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	s->last_byte = transfer_now();
	if (transfer_take(t, t->received + n))
		return 0;
	buf_add(&s->got, data, n);
	return n;
}

static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	(void)arg;
	(void)purpose;
	return fd < 0 ? CURL_SOCKOPT_ERROR : CURL_SOCKOPT_OK;
}

static void set_blob(CURL *easy, CURLoption option, const char *pem)
{
	struct curl_blob blob = { (void *)pem, strlen(pem), CURL_BLOB_COPY };

	curl_easy_setopt(easy, option, &blob);
}

void transport_set_tls(CURL *easy, const struct fetch_request *r)
{
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	if (r->insecure_skip_verify) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (r->ca_pem) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
		set_blob(easy, CURLOPT_CAINFO_BLOB, r->ca_pem);
	}
	if (r->cert_pem && r->key_pem) {
		set_blob(easy, CURLOPT_SSLCERT_BLOB, r->cert_pem);
		set_blob(easy, CURLOPT_SSLKEY_BLOB, r->key_pem);
	}
}

static void add_header(struct stream *s, const char *line)
{
	struct curl_slist *more = curl_slist_append(s->headers, line);

	if (!more)
		abort();
	s->headers = more;
}

static void set_credentials(struct stream *s)
{
	const struct fetch_request *r = s->sub->t->request;

	curl_easy_setopt(s->easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
	if (r->bearer) {
		char *line = xasprintf("Authorization: Bearer %s", r->bearer);

		add_header(s, line);
		explicit_bzero(line, strlen(line));
		free(line);
	} else if (r->username || r->password) {
		curl_easy_setopt(s->easy, CURLOPT_USERNAME,
				 r->username ? r->username : "");
		curl_easy_setopt(s->easy, CURLOPT_PASSWORD,
				 r->password ? r->password : "");
	}
}

static void set_method(struct stream *s)
{
	_cleanup_free_ char *url = xasprintf("%s%s", s->sub->base, s->post ?
		"/git-upload-pack" : "/info/refs?service=git-upload-pack");

	curl_easy_setopt(s->easy, CURLOPT_URL, url);
	if (!s->post)
		return;
	add_header(s, "Content-Type: application/x-git-upload-pack-request");
	add_header(s, "Accept: application/x-git-upload-pack-result");
	add_header(s, "Expect:");
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE,
			 (curl_off_t)s->request.len);
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, buf_str(&s->request));
}

static void set_rest(struct stream *s)
{
	const struct transfer *t = s->sub->t;

	curl_easy_setopt(s->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(s->easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(s->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(s->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(s->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(s->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(s->easy, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)t->limits->connect_ms);
	/* Some servers answer in the smart way only to what looks like git. */
	curl_easy_setopt(s->easy, CURLOPT_USERAGENT,
			 "git/2.0 (syncd " SYNCD_VERSION ")");
	curl_easy_setopt(s->easy, CURLOPT_ERRORBUFFER, s->why);
	curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(s->easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
	curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
}

static void drop_easy(struct stream *s)
{
	if (s->easy) {
		curl_multi_remove_handle(s->sub->multi, s->easy);
		curl_easy_cleanup(s->easy);
	}
	curl_slist_free_all(s->headers);
	s->easy = NULL;
	s->headers = NULL;
}

static int start(struct stream *s)
{
	drop_easy(s);
	s->easy = curl_easy_init();
	if (!s->easy)
		abort();
	s->started = true;
	s->finished = s->judged = s->paused = false;
	s->last_byte = transfer_now();
	transport_set_tls(s->easy, s->sub->t->request);
	set_credentials(s);
	set_method(s);
	set_rest(s);
	if (curl_multi_add_handle(s->sub->multi, s->easy) != CURLM_OK)
		return fail(s, ERR_INTERNAL, "curl refuses the request");
	return 0;
}

void transport_setup(void)
{
	static bool ready;

	if (!ready && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
	ready = true;
}

static char *url_part(CURLU *u, CURLUPart part)
{
	char *text = NULL, *copy;

	if (curl_url_get(u, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return xstrdup("");
	copy = xstrdup(text);
	curl_free(text);
	return copy;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
	_cleanup_free_ char *x = url_part(a, part), *y = url_part(b, part);

	return !strcasecmp(x, y);
}

static bool same_server(CURLU *a, CURLU *b)
{
	return same_part(a, b, CURLUPART_SCHEME) && same_part(a, b, CURLUPART_HOST) &&
	       same_part(a, b, CURLUPART_PORT);
}

bool transport_same_server(const char *a, const char *b)
{
	CURLU *x = curl_url(), *y = curl_url();
	bool same = curl_url_set(x, CURLUPART_URL, a, 0) == CURLUE_OK &&
		    curl_url_set(y, CURLUPART_URL, b, 0) == CURLUE_OK && same_server(x, y);

	curl_url_cleanup(x);
	curl_url_cleanup(y);
	return same;
}

/* The repository's new URL if `to` may be followed from `from`, else NULL. */
static char *redirected_base(CURLU *from, CURLU *to)
{
	static const char tail[] = "/info/refs";
	_cleanup_free_ char *path = url_part(to, CURLUPART_PATH);
	size_t len = strlen(path), n = sizeof(tail) - 1;
	char *base = NULL, *text = NULL;

	if (!same_server(from, to) || len < n || strcmp(path + len - n, tail) != 0)
		return NULL;
	path[len - n] = '\0';
	curl_url_set(to, CURLUPART_PATH, *path ? path : "/", 0);
	curl_url_set(to, CURLUPART_QUERY, NULL, 0);
	curl_url_set(to, CURLUPART_FRAGMENT, NULL, 0);
	curl_url_set(to, CURLUPART_USER, NULL, 0);
	curl_url_set(to, CURLUPART_PASSWORD, NULL, 0);
	if (curl_url_get(to, CURLUPART_URL, &text, 0) == CURLUE_OK)
		base = xstrdup(text);
	curl_free(text);
	if (base && base[strlen(base) - 1] == '/')
		base[strlen(base) - 1] = '\0';
	return base;
}

static int redirect(struct stream *s)
{
	CURLU *from = curl_url(), *to = curl_url();
	char *base = NULL, *target = NULL;
	_cleanup_free_ char *shown = NULL, *text = NULL;

	curl_easy_getinfo(s->easy, CURLINFO_REDIRECT_URL, &target);
	if (target && curl_url_set(from, CURLUPART_URL, s->sub->base, 0) == CURLUE_OK &&
	    curl_url_set(to, CURLUPART_URL, target, 0) == CURLUE_OK)
		base = redirected_base(from, to);
	curl_url_cleanup(from);
	curl_url_cleanup(to);
	if (base && ++s->sub->redirects <= MAX_REDIRECTS) {
		free(s->sub->base);
		s->sub->base = base;
		return start(s);
	}
	shown = repo_url_shown(target ? target : "nowhere");
	text = base ? xasprintf("redirects more than %d times", MAX_REDIRECTS) :
		xasprintf("redirects to %s, which is not followed: write the final URL into spec.source.repoURL",
			  shown);
	free(base);
	return fail(s, ERR_INVALID, text);
}

static int http_error(struct stream *s, long status)
{
	const struct fetch_request *r = s->sub->t->request;
	bool has = r->username || r->password || r->bearer || r->cert_pem;

	if (!s->sub->t->err.code)
		repo_http_error((int)status, r->url, has, &s->sub->t->err);
	return failed(s);
}

static int curl_error(struct stream *s, CURLcode code)
{
	_cleanup_free_ char *why = utf8_clean(*s->why ? s->why :
					      curl_easy_strerror(code), 200);
	_cleanup_free_ char *text = NULL;

	if (s->sub->t->err.code)
		return failed(s);
	switch ((int)code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		text = xasprintf("the server's certificate is not trusted (%s): give its CA, for example in the ConfigMap argocd-tls-certs-cm",
				 why);
		break;
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		text = xasprintf("the given certificate cannot be used (%s): check the repository's Secret and CA",
				 why);
		return fail(s, ERR_INVALID, text);
	case CURLE_OPERATION_TIMEDOUT:
		return fail(s, ERR_TIMEOUT, why);
	}
	return fail(s, ERR_NET, text ? text : why);
}

/* The exchange has ended: well, with a redirect, or not. */
static int conclude(struct stream *s, CURLcode code)
{
	long status = status_of(s);

	s->finished = true;
	if (code != CURLE_OK)
		return curl_error(s, code);
	if (!s->post && status >= 301 && status <= 308 && status != 304)
		return redirect(s);
	if (status != 200)
		return http_error(s, status);
	/* curl takes an answer cut within its head for one without a body. */
	if (!s->judged)
		return fail(s, ERR_NET, "the server's answer broke off or is empty");
	return 0;
}

static int drain(struct stream *s)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(s->sub->multi, &left)))
		if (msg->msg == CURLMSG_DONE && msg->easy_handle == s->easy)
			return conclude(s, msg->data.result);
	return 0;
}

/* Waits for something to happen, until the next deadline at most. */
static int wait_for(struct stream *s)
{
	const struct transfer *t = s->sub->t;
	uint64_t now = transfer_now(), idle = s->last_byte + t->limits->idle_ms;
	uint64_t until = idle < t->deadline ? idle : t->deadline;
	_cleanup_free_ char *text = NULL;

	if (now < until) {
		int ms = until - now > 1000 ? 1000 : (int)(until - now);

		curl_multi_poll(s->sub->multi, NULL, 0, ms, NULL);
		return 0;
	}
	text = now >= t->deadline ?
		xasprintf("the fetch took longer than %u s", t->limits->total_ms / 1000) :
		xasprintf("the server sent nothing for %u s (after %llu bytes)",
			  t->limits->idle_ms / 1000,
			  (unsigned long long)t->received);
	return fail(s, ERR_TIMEOUT, text);
}

/* Some progress: more bytes, the end, or time passed. */
static int pump(struct stream *s)
{
	int running;

	if (curl_multi_perform(s->sub->multi, &running) != CURLM_OK)
		return fail(s, ERR_INTERNAL, "curl_multi_perform failed");
	if (drain(s))
		return -1;
	if (s->finished || s->got.len > s->taken)
		return 0;
	return wait_for(s);
}

static void take(struct stream *s, char *buffer, size_t size, size_t *ret)
{
	size_t n = s->got.len - s->taken;

	if (n > size)
		n = size;
	memcpy(buffer, s->got.data + s->taken, n);
	s->taken += n;
	if (s->taken == s->got.len) {
		buf_clear(&s->got);
		s->taken = 0;
	}
	*ret = n;
}

static int stream_read(git_smart_subtransport_stream *parent, char *buffer,
		       size_t size, size_t *ret)
{
	struct stream *s = (struct stream *)parent;

	*ret = 0;
	if (s->sub->t->err.code)
		return failed(s);
	if (!s->started && start(s))
		return -1;
	s->last_byte = transfer_now();	/* time that libgit2 took is not idle */
	while (s->got.len == s->taken && !s->finished) {
		if (s->paused) {
			s->paused = false;
			curl_easy_pause(s->easy, CURLPAUSE_CONT);
		}
		if (pump(s))
			return -1;
	}
	if (s->got.len > s->taken)
		take(s, buffer, size, ret);
	return 0;
}

static int stream_write(git_smart_subtransport_stream *parent, const char *data,
			size_t len)
{
	struct stream *s = (struct stream *)parent;

	if (s->started || !s->post)
		return fail(s, ERR_INTERNAL, "a write after the request was sent");
	if (s->request.len + len > MAX_REQUEST)
		return fail(s, ERR_LIMIT, "the request is too long");
	buf_add(&s->request, data, len);
	return 0;
}

static void stream_free(git_smart_subtransport_stream *parent)
{
	struct stream *s = (struct stream *)parent;

	drop_easy(s);
	buf_deinit(&s->request);
	buf_deinit(&s->got);
	free(s);
}

static int sub_action(git_smart_subtransport_stream **out,
		      git_smart_subtransport *parent, const char *url,
		      git_smart_service_t action)
{
	struct subtransport *sub = (struct subtransport *)parent;
	struct stream *s;

	if (action != GIT_SERVICE_UPLOADPACK_LS && action != GIT_SERVICE_UPLOADPACK)
		return -1;
	if (!sub->base) {
		size_t n = strlen(url);

		while (n && url[n - 1] == '/')
			n--;
		sub->base = xstrndup(url, n);
	}
	s = xcalloc(1, sizeof(*s));
	*s = (struct stream){
		.parent = { parent, stream_read, stream_write, stream_free },
		.sub = sub,
		.post = action == GIT_SERVICE_UPLOADPACK,
	};
	*out = &s->parent;
	return 0;
}

static int sub_close(git_smart_subtransport *parent)
{
	(void)parent;
	return 0;
}

static void sub_free(git_smart_subtransport *parent)
{
	struct subtransport *sub = (struct subtransport *)parent;

	curl_multi_cleanup(sub->multi);
	free(sub->base);
	free(sub);
}

static int sub_new(git_smart_subtransport **out, git_transport *owner, void *param)
{
	struct subtransport *sub = xcalloc(1, sizeof(*sub));

	(void)owner;
	transport_setup();
	*sub = (struct subtransport){
		.parent = { sub_action, sub_close, sub_free },
		.t = param,
		.multi = curl_multi_init(),
	};
	if (!sub->multi)
		abort();
	*out = &sub->parent;
	return 0;
}

int transport_new(git_transport **out, git_remote *owner, void *param)
{
	git_smart_subtransport_definition how = { sub_new, 1, param };

	return git_transport_smart(out, owner, &how);
}
