/*
 * fetch.h - the fetch worker's request and answer.
 *
 * The daemon encodes a request as JSON; syncd-worker brings the mirror (a bare
 * repository under --data-dir) up to date and answers which commit is there.
 * One request per process, the only one with the network and write access to
 * mirrors. Both ends use this page; neither sends a credential anywhere else.
 */
#ifndef CORE_FETCH_H
#define CORE_FETCH_H

#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

struct fetch_request {
	char *mirrors;		/* folder of all mirrors, absolute */
	char *key;		/* this repository's folder name: repo_key() */
	char *url;
	char *username, *password, *bearer;	/* NULL: none */
	char *ca_pem, *cert_pem, *key_pem;
	char *ssh_key;		/* private key, PEM or OpenSSH's own format */
	char *known_hosts;	/* core/known_hosts.h; NULL: no host is known */
	bool insecure_skip_verify;
	/*
	 * Not NULL: nothing is fetched. The answer says what the refs are that begin
	 * with one of these (spaced): how the daemon polls what it cannot ask itself.
	 */
	char *list;
	char *revision;		/* targetRevision as written */
	char *oid;		/* the commit that the poll named; NULL: resolve here */
	char *tag;		/* the annotated tag that led there, wanted as well; NULL */
	/*
	 * Not NULL: nothing is fetched; the mirrors of all other keys than these
	 * (spaced) are removed, unless they are in use or young. Only mirrors is
	 * needed then, and the answer says nothing.
	 */
	char *keep;
	bool rebuild;		/* a reader found the mirror damaged: build it anew */
	uint64_t max_bytes;	/* of one fetch; 0 = 2 GiB */
};

struct fetch_answer {
	char *mirror;		/* folder to open, absolute (key + generation) */
	char oid[65];		/* the commit */
	char tag[65];		/* the annotated tag that was asked for and is there; "" */
	char *author, *subject;	/* valid UTF-8, cut at 200 bytes */
	int64_t time_ms;	/* commit time */
	char *refs;		/* of a list: lines "oid name"; the rest is empty then */
};

/* Stable folder name of a repository URL: readable prefix + hash; "" never. */
char *repo_key(const char *url);
/*
 * One spelling per repository: scheme and host lower-case, no user, no default
 * port, no trailing "/" or ".git". "user@host:path" is ssh://user@host/path, as for
 * Argo CD; there the user stays. For comparing; ask the URL as it was written.
 */
char *repo_url_normal(const char *url);
/*
 * Percent-decodes in place, which only shortens. false: it is not escaped well, or
 * hides a control character.
 */
bool repo_unescape(char *s);
/*
 * Part of it: one place has one spelling, or a fence that goes by how a URL begins could be
 * gone past. No "." or "..", no empty part, no escape of what needs none, no port or host
 * written otherwise. ERR_INVALID.
 */
int repo_url_check_plain(const char *url, struct err *err)
	__attribute__((warn_unused_result));
/*
 * ERR_INVALID unless https, http, ssh, "user@host:path" or file; no control bytes,
 * no leading '-', no password in it, no query.
 */
int repo_url_check(const char *url, struct err *err);
/* ssh://... or "user@host:path"? */
bool repo_url_is_ssh(const char *url);
/* "user@host:path" (no scheme, a colon before any slash)? */
bool repo_url_is_scp(const char *url);

/* Where an SSH URL leads. */
struct ssh_place {
	char *user;		/* "git" where the URL names none */
	char *host;		/* without the brackets of IPv6 */
	unsigned port;
	char *path;		/* on the server: "/x" is absolute, "~u/x" and "x" are not */
};
/* ERR_INVALID when url is no SSH URL or its path could be taken for an option. */
int ssh_place_parse(struct ssh_place *p, const char *url, struct err *err)
	__attribute__((warn_unused_result));
void ssh_place_deinit(struct ssh_place *p);
/*
 * "raw+https://host/path": a file by HTTP instead of a repository, without
 * credentials. Its mirror has commits of one file, REPO_RAW_FILE.
 */
#define REPO_RAW "raw+"
#define REPO_RAW_FILE "file"
bool repo_is_raw(const char *url);
/* As repo_url_check(), or of such a file: it may have a query, and no user. */
int repo_remote_check(const char *url, struct err *err);
/* The URL for messages: without user, password, query; valid UTF-8, cut at 200 bytes. */
char *repo_url_shown(const char *url);
/*
 * What a Git server's HTTP status other than 200 means: AUTH (401, 403) with the
 * Secret label to look at, NOTFOUND (404), NET (429, 5xx), else INVALID.
 */
int repo_http_error(int status, const char *url, bool has_credentials,
		    struct err *err);

void fetch_request_encode(const struct fetch_request *r, struct buf *out);
int fetch_request_decode(struct fetch_request *r, const char *data, size_t len,
			 struct err *err) __attribute__((warn_unused_result));
void fetch_request_deinit(struct fetch_request *r);	/* wipes the password */
void fetch_answer_encode(const struct fetch_answer *a, struct buf *out);
int fetch_answer_decode(struct fetch_answer *a, const char *data, size_t len,
			struct err *err) __attribute__((warn_unused_result));
void fetch_answer_deinit(struct fetch_answer *a);

/* In the worker: does it, synchronously (core/fetch_git.c). */
int fetch_run(const struct fetch_request *r, struct fetch_answer *a,
	      struct err *err) __attribute__((warn_unused_result));

#endif
