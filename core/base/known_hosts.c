/*
 * Lines of known hosts: "[@marker] names type base64 [comment]". All lines are
 * read: one with the very key wins over one with another, a revoked key over both.
 * A line that does not parse says nothing.
 */
#include "core/known_hosts.h"

#include "core/doc.h"
#include "core/mem.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define NAME_MAX_LEN 300
#define SHA1_LEN 20

struct word {
	const char *s;
	size_t len;
};

struct line {
	struct word marker, names, type, key;	/* marker.len 0: none */
};

static struct word next_word(const char **p, const char *end)
{
	struct word w;

	while (*p < end && (**p == ' ' || **p == '\t' || **p == '\r'))
		(*p)++;
	w.s = *p;
	while (*p < end && **p != ' ' && **p != '\t' && **p != '\r')
		(*p)++;
	w.len = (size_t)(*p - w.s);
	return w;
}

/* The next line that says something; false at the end. */
static bool next_line(const char **text, struct line *l)
{
	while (**text) {
		const char *p = *text, *end = p + strcspn(p, "\n");

		*text = *end ? end + 1 : end;
		*l = (struct line){ .names = next_word(&p, end) };
		if (l->names.len && *l->names.s == '@') {
			l->marker = l->names;
			l->names = next_word(&p, end);
		}
		l->type = next_word(&p, end);
		l->key = next_word(&p, end);
		if (l->key.len && *l->names.s != '#')
			return true;
	}
	return false;
}

static bool word_is(struct word w, const char *s)
{
	return w.len == strlen(s) && !memcmp(w.s, s, w.len);
}

/* Globs with one star to go back to: time is bounded by the lengths' product. */
static bool glob(struct word pattern, const char *name)
{
	size_t p = 0, star = pattern.len;
	const char *back = NULL;

	while (*name) {
		if (p < pattern.len && pattern.s[p] == '*') {
			star = p++;
			back = name;
		} else if (p < pattern.len &&
			   (pattern.s[p] == '?' || tolower((unsigned char)pattern.s[p]) ==
			    tolower((unsigned char)*name))) {
			p++;
			name++;
		} else if (back) {
			p = star + 1;
			name = ++back;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.s[p] == '*')
		p++;
	return p == pattern.len;
}

/* "|1|salt|hash": HMAC-SHA1 of the name with the salt, both in base64. */
static bool hash_matches(struct word w, const char *name)
{
	_cleanup_buf_ struct buf salt = BUF_INIT, want = BUF_INIT;
	const char *bar = memchr(w.s + 3, '|', w.len - 3);
	unsigned char got[EVP_MAX_MD_SIZE];
	unsigned got_len = 0;

	if (!bar || b64_decode(w.s + 3, (size_t)(bar - w.s) - 3, &salt) ||
	    b64_decode(bar + 1, w.len - (size_t)(bar + 1 - w.s), &want) ||
	    want.len != SHA1_LEN)
		return false;
	if (!HMAC(EVP_sha1(), buf_str(&salt), (int)salt.len,
		  (const unsigned char *)name, strlen(name), got, &got_len))
		return false;
	return got_len == SHA1_LEN && !memcmp(got, want.data, SHA1_LEN);
}

static bool names_match(struct word names, const char *name)
{
	const char *end = names.s + names.len;
	bool found = false;

	if (names.len > 3 && !memcmp(names.s, "|1|", 3))
		return hash_matches(names, name);
	for (const char *p = names.s; p < end;) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		struct word one = { p, (size_t)((comma ? comma : end) - p) };
		bool negated = one.len && *one.s == '!';

		if (negated) {
			one.s++;
			one.len--;
		}
		if (glob(one, name)) {
			if (negated)
				return false;
			found = true;
		}
		p = comma ? comma + 1 : end;
	}
	return found;
}

/* The name that lines call host:port by, in lower case; owned by the caller. */
static char *name_of(const char *host, unsigned port)
{
	char *name = port == 22 ? xasprintf("%.*s", NAME_MAX_LEN, host) :
				  xasprintf("[%.*s]:%u", NAME_MAX_LEN, host, port);

	for (char *p = name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return name;
}

static bool same_key(struct word w, const void *key, size_t key_len)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	return !b64_decode(w.s, w.len, &b) && b.len == key_len &&
	       !memcmp(b.data, key, key_len);
}

enum known_host known_hosts_check(const char *text, const char *host, unsigned port,
				  const void *key, size_t key_len)
{
	_cleanup_free_ char *name = name_of(host, port);
	enum known_host found = KNOWN_HOST_ABSENT;
	struct line l;

	while (text && key_len && next_line(&text, &l)) {
		bool revoked = word_is(l.marker, "@revoked"), same;

		if ((l.marker.len && !revoked) || !names_match(l.names, name))
			continue;
		same = same_key(l.key, key, key_len);
		if (revoked && same)
			return KNOWN_HOST_REVOKED;
		if (!revoked && (same || found == KNOWN_HOST_ABSENT))
			found = same ? KNOWN_HOST_SAME : KNOWN_HOST_OTHER;
	}
	return found;
}

static bool has_word(const char *list, struct word w)
{
	const char *end = list + strlen(list);

	for (const char *p = list; p < end;) {
		struct word one = next_word(&p, end);

		if (one.len == w.len && !memcmp(one.s, w.s, w.len))
			return true;
	}
	return false;
}

void known_hosts_types(const char *text, const char *host, unsigned port,
		       struct buf *out)
{
	_cleanup_free_ char *name = name_of(host, port);
	struct line l;

	while (text && next_line(&text, &l)) {
		if (l.marker.len || !names_match(l.names, name) ||
		    has_word(buf_str(out), l.type))
			continue;
		if (out->len)
			buf_addc(out, ' ');
		buf_add(out, l.type.s, l.type.len);
	}
}

char *known_hosts_fingerprint(const void *key, size_t key_len)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (!EVP_Digest(key, key_len, hash, &len, EVP_sha256(), NULL))
		abort();
	b64_encode(hash, len, &text);
	while (text.len && text.data[text.len - 1] == '=')
		text.data[--text.len] = '\0';
	return xasprintf("SHA256:%s", buf_str(&text));
}
