/*
 * regex.c - regular expressions as selectors write them, compiled once per build.
 *
 * Most are plain names, which are compared as texts. The others are translated from
 * Go's syntax and run by PCRE2, which backtracks: a match that takes too many steps
 * is ERR_LIMIT, and so ends the build.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <uthash.h>

#include "kust_priv.h"
#include "regex_priv.h"

#define STEPS_MAX 1000000u
#define HEAP_MAX 20000u		/* KiB */

struct kregex {
	UT_hash_handle hh;
	char *plain;		/* the whole text must be this; NULL: code decides */
	pcre2_code *code;	/* NULL: any text matches */
	pcre2_match_data *data;
	pcre2_match_context *limits;
	const char *go;		/* for messages: what stands behind the hash key's first byte */
	char key[];
};

static bool is_plain(const char *go)
{
	return strspn(go, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			  "-_/:@ ") == strlen(go);
}

static pcre2_code *compile_pcre(const char *go, const struct buf *pattern, struct err *err)
{
	pcre2_compile_context *how = pcre2_compile_context_create(NULL);
	pcre2_code *code;
	PCRE2_SIZE offset;
	int number;

	pcre2_set_newline(how, PCRE2_NEWLINE_LF);
	code = pcre2_compile((PCRE2_SPTR)buf_str(pattern), pattern->len,
			     PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_CIRCUMFLEX |
			     PCRE2_NEVER_BACKSLASH_C, &number, &offset, how);
	pcre2_compile_context_free(how);
	if (!code) {
		PCRE2_UCHAR why[128];

		pcre2_get_error_message(number, why, sizeof(why));
		err_set(err, number == PCRE2_ERROR_PATTERN_TOO_LARGE ? ERR_LIMIT :
			ERR_INVALID, "regular expression '%.60s': %s", go, (char *)why);
	}
	return code;
}

static int compile(struct kregex *r, bool search, struct err *err)
{
	_cleanup_buf_ struct buf pattern = BUF_INIT;
	_cleanup_free_ char *whole = NULL;

	if (!search && *r->go && is_plain(r->go)) {
		r->plain = xstrdup(r->go);
		return 0;
	}
	/* anchorRegex: an empty expression is left as it is, and matches anything. */
	if (!*r->go)
		return 0;
	whole = search ? xstrdup(r->go) : xasprintf("^(?:%s)$", r->go);
	if (regex_translate(whole, &pattern, err) < 0)
		return -1;
	r->code = compile_pcre(r->go, &pattern, err);
	if (!r->code)
		return -1;
	r->data = pcre2_match_data_create(1, NULL);
	r->limits = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(r->limits, STEPS_MAX);
	pcre2_set_heap_limit(r->limits, HEAP_MAX);
	return 0;
}

static void kregex_free(struct kregex *r)
{
	pcre2_match_context_free(r->limits);
	pcre2_match_data_free(r->data);
	pcre2_code_free(r->code);
	free(r->plain);
	free(r);
}

struct kregex *kregex_get(struct kust *k, const char *go, bool search, struct err *err)
{
	size_t len = strlen(go) + 1;
	_cleanup_free_ char *key = xasprintf("%c%s", search ? 's' : 'w', go);
	struct kregex *r;

	HASH_FIND(hh, k->regexes, key, len, r);
	if (r)
		return r;
	r = xcalloc(1, sizeof(*r) + len + 1);
	memcpy(r->key, key, len);
	r->go = r->key + 1;
	if (compile(r, search, err) < 0) {
		kregex_free(r);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, k->regexes, r->key, len, r);
	return r;
}

int kregex_run(struct kregex *r, const char *text, struct err *err)
{
	int n;

	if (r->plain)
		return strcmp(r->plain, text) == 0;
	if (!r->code)
		return 1;
	n = pcre2_match(r->code, (PCRE2_SPTR)text, strlen(text), 0, 0, r->data, r->limits);
	if (n >= 0)
		return 1;
	/* A text that is not UTF-8 cannot come out of YAML. */
	if (n == PCRE2_ERROR_NOMATCH || (n <= PCRE2_ERROR_UTF8_ERR1 &&
					 n >= PCRE2_ERROR_UTF8_ERR21))
		return 0;
	return err_set(err, ERR_LIMIT, "regular expression '%.60s' takes too long on '%.60s'; "
		       "write a simpler one", r->go, text);
}

int kregex_match(struct kust *k, const char *regex, const char *text, struct err *err)
{
	struct kregex *r = kregex_get(k, regex, false, err);

	return r ? kregex_run(r, text, err) : -1;
}

int kregex_search(struct kust *k, const char *regex, const char *text, struct err *err)
{
	struct kregex *r = kregex_get(k, regex, true, err);

	return r ? kregex_run(r, text, err) : -1;
}

void kregexes_free(struct kust *k)
{
	struct kregex *r, *next;

	HASH_ITER(hh, k->regexes, r, next) {
		HASH_DEL(k->regexes, r);
		kregex_free(r);
	}
}
