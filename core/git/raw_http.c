/*
 * raw_http.c - one file over HTTP or HTTPS: a GET within the transfer's caps.
 *
 * Happy path: 200 and the file. Redirects are followed on the same scheme, host and
 * port only, as for repositories: another host is another one to allow. Every wait
 * ends at the idle or the total deadline. A web page is refused: it is what the
 * browser's URL of a file gives instead of the file.
 */
#include "raw.h"

#include "core/fetch.h"
#include "core/utf8.h"
#include "transport_http.h"

#include <stdio.h>

#define FILE_MAX ((uint64_t)16 << 20)	/* as a file of a render */
#define MAX_REDIRECTS 3

struct get {
	struct transfer *t;
	struct buf *out;
	CURL *easy;
	uint64_t last_byte;		/* transfer_now() */
	bool has_head;			/* to its end */
	char why[CURL_ERROR_SIZE];
};

static const char *url_of(const struct transfer *t)
{
	return t->request->url + strlen(REPO_RAW);
}

static int fail(struct get *g, enum err_code code, const char *what)
{
	_cleanup_free_ char *shown = repo_url_shown(url_of(g->t));

	if (g->t->err.code)
		return -1;
	return err_set(&g->t->err, code, "%s: %s", shown, what);
}

static long status_of(const struct get *g)
{
	long status = 0;

	curl_easy_getinfo(g->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static bool is_page(const struct get *g)
{
	char *type = NULL;

	curl_easy_getinfo(g->easy, CURLINFO_CONTENT_TYPE, &type);
	return type && !strncasecmp(type, "text/html", 9);
}

static size_t on_write(char *data, size_t size, size_t n, void *arg)
{
	struct get *g = arg;

	n *= size;
	g->last_byte = transfer_now();
	if (status_of(g) != 200)
		return n;	/* an error's or a redirect's body */
	if (transfer_take(g->t, g->t->received + n))
		return 0;
	if (g->t->received > FILE_MAX) {
		fail(g, ERR_LIMIT, "the file is larger than the limit of 16 MiB");
		return 0;
	}
	buf_add(g->out, data, n);
	return n;
}

/* curl takes an answer cut within its head for one without a body. */
static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct get *g = arg;

	n *= size;
	g->last_byte = transfer_now();
	if (n && strchr("\r\n", *data))
		g->has_head = true;
	return n;
}

/* Called at least once a second. */
static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct get *g = arg;
	const struct fetch_limits *l = g->t->limits;
	uint64_t now = transfer_now();
	_cleanup_free_ char *text = NULL;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	if (now < g->t->deadline && now < g->last_byte + l->idle_ms)
		return 0;
	text = now >= g->t->deadline ?
		xasprintf("the fetch took longer than %u s", l->total_ms / 1000) :
		xasprintf("the server sent nothing for %u s", l->idle_ms / 1000);
	return fail(g, ERR_TIMEOUT, text);
}

static void set_options(struct get *g, const char *url)
{
	const struct fetch_request *r = g->t->request;

	curl_easy_reset(g->easy);
	transport_set_tls(g->easy, r);
	curl_easy_setopt(g->easy, CURLOPT_URL, url);
	curl_easy_setopt(g->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(g->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(g->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(g->easy, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)g->t->limits->connect_ms);
	curl_easy_setopt(g->easy, CURLOPT_USERAGENT, "syncd/" SYNCD_VERSION);
	curl_easy_setopt(g->easy, CURLOPT_ACCEPT_ENCODING, NULL);
	curl_easy_setopt(g->easy, CURLOPT_ERRORBUFFER, g->why);
	curl_easy_setopt(g->easy, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(g->easy, CURLOPT_WRITEDATA, g);
	curl_easy_setopt(g->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(g->easy, CURLOPT_HEADERDATA, g);
	curl_easy_setopt(g->easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(g->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(g->easy, CURLOPT_XFERINFODATA, g);
}

static int curl_failed(struct get *g, CURLcode code)
{
	_cleanup_free_ char *why = utf8_clean(*g->why ? g->why : curl_easy_strerror(code),
					      200);
	_cleanup_free_ char *text = NULL;

	switch ((int)code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		text = xasprintf("the server's certificate is not trusted (%s): give its CA, "
				 "for example in the ConfigMap argocd-tls-certs-cm", why);
		return fail(g, ERR_NET, text);
	case CURLE_OPERATION_TIMEDOUT:
		return fail(g, ERR_TIMEOUT, why);
	}
	return fail(g, ERR_NET, why);
}

static int judge_status(struct get *g, long status)
{
	_cleanup_free_ char *text = xasprintf("the server answered HTTP %ld", status);
	_cleanup_free_ char *more = xasprintf("%s: check the URL; a file is fetched without "
					      "credentials", text);

	if (status == 401 || status == 403)
		return fail(g, ERR_AUTH, more);
	if (status == 404 || status == 410)
		return fail(g, ERR_NOTFOUND, more);
	if (status == 429 || status >= 500)
		return fail(g, ERR_NET, text);
	return fail(g, ERR_INVALID, more);
}

/* 1: *url is where to ask next; owned by the caller. */
static int redirect(struct get *g, char **url)
{
	char *target = NULL;
	_cleanup_free_ char *text = NULL, *shown = NULL;

	curl_easy_getinfo(g->easy, CURLINFO_REDIRECT_URL, &target);
	if (target && transport_same_server(*url, target)) {
		char *next = xstrdup(target);

		free(*url);
		*url = next;
		return 1;
	}
	shown = repo_url_shown(target ? target : "nowhere");
	text = xasprintf("redirects to %s, which is not followed: name the file by its final "
			 "URL, or commit a copy", shown);
	return fail(g, ERR_INVALID, text);
}

/* 1: to be asked again at *url. */
static int ask(struct get *g, char **url)
{
	CURLcode code;
	long status;

	set_options(g, *url);
	g->last_byte = transfer_now();
	g->has_head = false;
	code = curl_easy_perform(g->easy);
	status = status_of(g);
	if (g->t->err.code)
		return -1;
	if (code != CURLE_OK)
		return curl_failed(g, code);
	if (!g->has_head)
		return fail(g, ERR_NET, "the server's answer broke off");
	if (status >= 301 && status <= 308 && status != 304)
		return redirect(g, url);
	if (status != 200)
		return judge_status(g, status);
	return !is_page(g) ? 0 :
	       fail(g, ERR_INVALID, "a web page answers, not a file: name the URL that gives "
		    "the file itself (\"raw\")");
}

int raw_get(struct transfer *t, struct buf *out, struct err *err)
{
	struct get g = { .t = t, .out = out };
	_cleanup_free_ char *url = xstrdup(url_of(t));
	int rc = 1;

	transport_setup();
	g.easy = curl_easy_init();
	if (!g.easy)
		abort();
	for (int i = 0; rc == 1 && i <= MAX_REDIRECTS; i++)
		rc = ask(&g, &url);
	if (rc == 1)
		rc = fail(&g, ERR_INVALID, "redirects too often");
	curl_easy_cleanup(g.easy);
	if (rc < 0 && err)
		*err = t->err;
	return rc;
}
