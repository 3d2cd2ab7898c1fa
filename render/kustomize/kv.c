/*
 * kv.c - the pairs that a generator's sources hold (api/kv, ParseFileSource).
 *
 * Files of environments first, then literals, then files: each becomes pairs, and
 * all are sorted, which shows a key that comes twice. Keys are not validated: the
 * reference does not, and the API server does.
 */
#include "core/doc.h"
#include "core/utf8.h"

#include "kv.h"

#define BASE64_LINE 70u

void kvs_deinit(struct kvs *l)
{
	vec_deinit(l);
}

static int pair(struct kust *k, const char *key, size_t key_len, const char *value,
		size_t len, struct kv *ret, struct err *err)
{
	if (memchr(key, '\0', key_len))
		return err_set(err, ERR_INVALID, "a key holds a NUL byte");
	ret->key = arena_strndup(&k->arena, key, key_len);
	ret->value = arena_strndup(&k->arena, value, len);
	ret->len = len;
	return 0;
}

/* --- literals ----------------------------------------------------------------- */

static bool in_quotes(const char *s, size_t len)
{
	return len >= 2 && s[0] == s[len - 1] && (s[0] == '"' || s[0] == '\'');
}

int kv_literal(struct kust *k, const char *source, struct kv *ret, struct err *err)
{
	const char *equals = strchr(source, '=');
	const char *value = equals ? equals + 1 : NULL;
	size_t len;

	if (!equals || equals == source)
		return err_set(err, ERR_INVALID, "literal '%s': write key=value", source);
	len = strlen(value);
	if (in_quotes(value, len)) {
		value++;
		len -= 2;
	}
	return pair(k, source, (size_t)(equals - source), value, len, ret, err);
}

static int add_literals(struct kust *k, const struct kstrings *literals,
			struct kvs *ret, struct err *err)
{
	for (size_t i = 0; i < literals->len; i++) {
		struct kv one;

		if (kv_literal(k, literals->data[i], &one, err) < 0)
			return -1;
		vec_push(ret, one);
	}
	return 0;
}

/* --- files -------------------------------------------------------------------- */

/* path.Base: the last segment, "." of nothing. */
static const char *base_name(struct kust *k, const char *path)
{
	size_t end = strlen(path), start;

	while (end > 0 && path[end - 1] == '/')
		end--;
	if (!end)
		return *path ? "/" : ".";
	for (start = end; start > 0 && path[start - 1] != '/';)
		start--;
	return arena_strndup(&k->arena, path + start, end - start);
}

int kv_file_source(struct kust *k, const char *source, const char **key,
		   const char **path, struct err *err)
{
	const char *equals = strchr(source, '=');

	if (!equals) {
		*key = base_name(k, source);
		*path = source;
		return 0;
	}
	if (strchr(equals + 1, '='))
		return err_set(err, ERR_INVALID, "file '%s': a key or a path holds '='",
			       source);
	if (equals == source)
		return err_set(err, ERR_INVALID, "file '%s': no key before '='", source);
	if (!equals[1])
		return err_set(err, ERR_INVALID, "file '%s': no path after '='", source);
	*key = arena_strndup(&k->arena, source, (size_t)(equals - source));
	*path = equals + 1;
	return 0;
}

static int add_files(struct kust *k, const struct kfolder *folder,
		     const struct kstrings *files, struct kvs *ret, struct err *err)
{
	for (size_t i = 0; i < files->len; i++) {
		const char *path, *real;
		struct kv one;

		if (kv_file_source(k, files->data[i], &one.key, &path, err) < 0 ||
		    kload_file(k, folder, path, &one.value, &one.len, &real, err) < 0)
			return -1;
		vec_push(ret, one);
	}
	return 0;
}

/* --- environments ------------------------------------------------------------- */

/* Bytes of the white space (unicode.IsSpace) that s starts with; 0: none. */
static size_t space_len(const char *s, size_t n)
{
	static const char *const wide[] = {
		"\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9",
		"\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
	};

	if (n && (*s == ' ' || (*s >= '\t' && *s <= '\r')))
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(wide); i++) {
		if (n >= strlen(wide[i]) && memcmp(s, wide[i], strlen(wide[i])) == 0)
			return strlen(wide[i]);
	}
	/* U+2000 to U+200A */
	return n >= 3 && memcmp(s, "\xe2\x80", 2) == 0 && (unsigned char)s[2] >= 0x80 &&
	       (unsigned char)s[2] <= 0x8a ? 3 : 0;
}

static int add_line(struct kust *k, const char *s, size_t n, struct kvs *ret,
		    struct err *err)
{
	const char *equals;
	struct kv one;
	size_t space;

	while ((space = space_len(s, n)) > 0) {
		s += space;
		n -= space;
	}
	if (!n || *s == '#' || *s == '=')	/* without a key it is no pair */
		return 0;
	equals = memchr(s, '=', n);
	if (!equals)
		equals = s + n;
	n -= (size_t)(equals - s);
	if (pair(k, s, (size_t)(equals - s), n ? equals + 1 : "", n ? n - 1 : 0, &one,
		 err) < 0)
		return -1;
	vec_push(ret, one);
	return 0;
}

int kv_env(struct kust *k, const char *text, size_t len, struct kvs *ret,
	   struct err *err)
{
	const char *const end = text + len;

	for (unsigned line = 1; text < end; line++) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((nl ? nl : end) - text);
		const char *s = text;

		if (n > KV_LINE_MAX) {
			kust_warn(k, "an environment file has a line of more than %u bytes: "
				  "line %u and what follows is left out", KV_LINE_MAX, line);
			return 0;
		}
		text = nl ? nl + 1 : end;
		n -= n && s[n - 1] == '\r';
		if (!utf8_valid(s, n))
			return err_set(err, ERR_INVALID, "line %u is not UTF-8", line);
		if (line == 1 && n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0) {
			s += 3;
			n -= 3;
		}
		if (add_line(k, s, n, ret, err) < 0)
			return err_wrap(err, "line %u", line);
	}
	return 0;
}

static int add_envs(struct kust *k, const struct kfolder *folder,
		    const struct kstrings *envs, struct kvs *ret, struct err *err)
{
	for (size_t i = 0; i < envs->len; i++) {
		const char *text, *path;
		size_t len;

		if (kload_file(k, folder, envs->data[i], &text, &len, &path, err) < 0)
			return -1;
		if (kv_env(k, text, len, ret, err) < 0)
			return err_wrap(err, "%s", path);
	}
	return 0;
}

/* --- all of them -------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct kv *)a)->key, ((const struct kv *)b)->key);
}

int kv_load(struct kust *k, const struct kfolder *folder, const struct kgenerator *g,
	    struct kvs *ret, struct err *err)
{
	if (add_envs(k, folder, &g->envs, ret, err) < 0 ||
	    add_literals(k, &g->literals, ret, err) < 0 ||
	    add_files(k, folder, &g->files, ret, err) < 0)
		return -1;
	if (ret->len)
		qsort(ret->data, ret->len, sizeof(*ret->data), by_key);
	for (size_t i = 1; i < ret->len; i++) {
		if (by_key(ret->data + i - 1, ret->data + i) == 0)
			return err_set(err, ERR_INVALID, "the key '%s' comes twice: take "
				       "one of them away", ret->data[i].key);
	}
	return 0;
}

const char *kv_base64(struct kust *k, const char *data, size_t len)
{
	_cleanup_buf_ struct buf in = BUF_INIT;
	char *out, *to;

	b64_encode(data, len, &in);
	if (in.len < BASE64_LINE)
		return arena_strndup(&k->arena, buf_str(&in), in.len);
	out = to = arena_alloc(&k->arena, in.len + in.len / BASE64_LINE + 2);
	for (size_t i = 0; i < in.len; i += BASE64_LINE) {
		size_t n = in.len - i < BASE64_LINE ? in.len - i : BASE64_LINE;

		memcpy(to, in.data + i, n);
		to += n;
		*to++ = '\n';
	}
	return out;
}
