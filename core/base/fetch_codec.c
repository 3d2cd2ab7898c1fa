/*
 * The fetch worker's request and answer as JSON. Decoding is tolerant of keys it
 * does not know and strict about types: the other end may be of another version
 * only during an upgrade, but an answer comes from a process that has read what
 * strangers sent. Pure.
 */
#include "core/fetch.h"

#include "core/doc.h"
#include "core/mem.h"

/* Names and places of the strings, so that encode and decode cannot differ. */
struct field {
	const char *name;
	size_t offset;
};

#define REQUEST(f) { #f, offsetof(struct fetch_request, f) }
static const struct field request_fields[] = {
	REQUEST(mirrors), REQUEST(key), REQUEST(url),
	REQUEST(username), REQUEST(password), REQUEST(bearer),
	REQUEST(ca_pem), REQUEST(cert_pem), REQUEST(key_pem),
	REQUEST(ssh_key), REQUEST(known_hosts), REQUEST(list),
	REQUEST(revision), REQUEST(oid), REQUEST(tag), REQUEST(keep),
};

#define ANSWER(f) { #f, offsetof(struct fetch_answer, f) }
static const struct field answer_fields[] = {
	ANSWER(mirror), ANSWER(author), ANSWER(subject), ANSWER(refs),
};

static char **string_at(const void *base, const struct field *f)
{
	return (char **)((char *)base + f->offset);
}

static void write_strings(struct buf *out, const void *base,
			  const struct field *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *s = *string_at(base, &f[i]);

		if (!s)
			continue;
		doc_write_str(out, f[i].name);
		buf_addc(out, ':');
		doc_write_str(out, s);
		buf_addc(out, ',');
	}
}

static int read_strings(const json_t *j, void *base, const struct field *f,
			size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_object_get(j, f[i].name);

		if (!v || json_is_null(v))
			continue;
		if (!json_is_string(v) ||
		    strlen(json_string_value(v)) != json_string_length(v))
			return err_set(err, ERR_INTERNAL, "%s is no string",
				       f[i].name);
		*string_at(base, &f[i]) = xstrdup(json_string_value(v));
	}
	return 0;
}

static int need(const char *value, const char *name, struct err *err)
{
	if (value && *value)
		return 0;
	return err_set(err, ERR_INTERNAL, "%s is missing", name);
}

static int read_oid(const json_t *j, const char *name, char oid[65], struct err *err)
{
	const char *s = doc_get_str(j, name, NULL);
	size_t len = s ? strlen(s) : 0;

	if (len != 40 || strspn(s, "0123456789abcdef") != len)
		return err_set(err, ERR_INTERNAL, "%s is no object id", name);
	memcpy(oid, s, len + 1);
	return 0;
}

void fetch_request_encode(const struct fetch_request *r, struct buf *out)
{
	buf_addc(out, '{');
	write_strings(out, r, request_fields, ARRAY_LEN(request_fields));
	buf_addf(out, "\"insecure_skip_verify\":%s,\"rebuild\":%s,\"max_bytes\":%llu}",
		 r->insecure_skip_verify ? "true" : "false",
		 r->rebuild ? "true" : "false",
		 (unsigned long long)(r->max_bytes > INT64_MAX ? INT64_MAX :
				      r->max_bytes));
}

static int read_request(struct fetch_request *r, const json_t *j, struct err *err)
{
	int64_t max = doc_get_int(j, 0, "max_bytes", NULL);

	if (!json_is_object(j))
		return err_set(err, ERR_INTERNAL, "no object");
	if (read_strings(j, r, request_fields, ARRAY_LEN(request_fields), err))
		return -1;
	r->insecure_skip_verify =
		doc_get_bool(j, false, "insecure_skip_verify", NULL);
	r->rebuild = doc_get_bool(j, false, "rebuild", NULL);
	r->max_bytes = max > 0 ? (uint64_t)max : 0;
	if (need(r->mirrors, "mirrors", err))
		return -1;
	if (r->keep)
		return 0;
	if (need(r->key, "key", err))
		return -1;
	return need(r->url, "url", err);
}

int fetch_request_decode(struct fetch_request *r, const char *data, size_t len,
			 struct err *err)
{
	_cleanup_json_ json_t *j = doc_parse(data, len, err);

	*r = (struct fetch_request){ 0 };
	if (!j || read_request(r, j, err)) {
		fetch_request_deinit(r);
		return err_wrap(err, "fetch request");
	}
	return 0;
}

static void wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
}

void fetch_request_deinit(struct fetch_request *r)
{
	wipe(r->password);
	wipe(r->bearer);
	wipe(r->key_pem);
	wipe(r->ssh_key);
	for (size_t i = 0; i < ARRAY_LEN(request_fields); i++)
		free(*string_at(r, &request_fields[i]));
	*r = (struct fetch_request){ 0 };
}

void fetch_answer_encode(const struct fetch_answer *a, struct buf *out)
{
	buf_addc(out, '{');
	write_strings(out, a, answer_fields, ARRAY_LEN(answer_fields));
	if (*a->tag)
		buf_addf(out, "\"tag\":\"%s\",", a->tag);
	buf_addf(out, "\"oid\":\"%s\",\"time_ms\":%lld}", a->oid,
		 (long long)a->time_ms);
}

static int read_answer(struct fetch_answer *a, const json_t *j, struct err *err)
{
	if (!json_is_object(j))
		return err_set(err, ERR_INTERNAL, "no object");
	if (read_strings(j, a, answer_fields, ARRAY_LEN(answer_fields), err))
		return -1;
	if (a->refs)
		return 0;
	a->time_ms = doc_get_int(j, 0, "time_ms", NULL);
	if (read_oid(j, "oid", a->oid, err) ||
	    (doc_get(j, "tag", NULL) && read_oid(j, "tag", a->tag, err)))
		return -1;
	return need(a->mirror, "mirror", err);
}

int fetch_answer_decode(struct fetch_answer *a, const char *data, size_t len,
			struct err *err)
{
	_cleanup_json_ json_t *j = doc_parse(data, len, err);

	*a = (struct fetch_answer){ 0 };
	if (!j || read_answer(a, j, err)) {
		fetch_answer_deinit(a);
		return err_wrap(err, "fetch answer");
	}
	return 0;
}

void fetch_answer_deinit(struct fetch_answer *a)
{
	for (size_t i = 0; i < ARRAY_LEN(answer_fields); i++)
		free(*string_at(a, &answer_fields[i]));
	*a = (struct fetch_answer){ 0 };
}
