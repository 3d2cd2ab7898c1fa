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
	bool insecure_skip_verify;
	char *revision;		/* targetRevision as written */
	char *oid;		/* the commit ls-refs named; NULL: resolve here (file://) */
	char *have;		/* only poll: answer at once if it resolves to this; NULL: fetch */
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
	/*
	 * Folder to open, absolute (key + generation). NULL only when unchanged and
	 * no mirror is there (an emptied disk): ask again without have.
	 */
	char *mirror;
	char oid[65];		/* the commit */
	char *author, *subject;	/* valid UTF-8, cut at 200 bytes */
	int64_t time_ms;	/* commit time */
	bool unchanged;		/* oid equals request.have; nothing was fetched */
};

/* Stable folder name of a repository URL: readable prefix + hash; "" never. */
char *repo_key(const char *url);
/*
 * One spelling per repository: scheme and host lower-case, no user, no default
 * port, no trailing "/" or ".git". For comparing; ask the URL as it was written.
 */
char *repo_url_normal(const char *url);
/*
 * ERR_INVALID unless https, http or file (ssh later); no control bytes, no
 * leading '-', no password in it, no query.
 */
int repo_url_check(const char *url, struct err *err);
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
