/*
 * JSON documents over jansson. Parsing refuses what the API server would never
 * send (duplicate keys, trailing bytes); writing gives the same bytes for equal
 * trees, so that documents can be compared and hashed.
 */
#include "core/doc.h"

#include "core/mem.h"
#include "core/utf8.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

void doc_init(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	json_set_alloc_funcs(xmalloc, free);
	json_object_seed(0);
}

json_t *doc_parse(const char *text, size_t len, struct err *err)
{
	json_error_t why;
	json_t *j = json_loadb(text, len,
			       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);

	/* uint64 values fail the whole document otherwise. */
	if (!j && json_error_code(&why) == json_error_numeric_overflow)
		j = json_loadb(text, len, JSON_REJECT_DUPLICATES |
			       JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &why);
	if (!j)
		err_set(err, ERR_INVALID, "not JSON: line %d, column %d: %s",
			why.line, why.column, why.text);
	return j;
}

static json_t *vget(const json_t *o, va_list ap)
{
	const char *key;

	while (o && (key = va_arg(ap, const char *)))
		o = json_object_get(o, key);
	return (json_t *)o;
}

#define GET(o, last)                                                          \
	({                                                                    \
		va_list ap_;                                                  \
		json_t *got_;                                                 \
		va_start(ap_, last);                                          \
		got_ = vget(o, ap_);                                          \
		va_end(ap_);                                                  \
		got_;                                                         \
	})

json_t *doc_get(const json_t *o, ...)
{
	return GET(o, o);
}

const char *doc_get_str(const json_t *o, ...)
{
	return json_string_value(GET(o, o));
}

int64_t doc_get_int(const json_t *o, int64_t fallback, ...)
{
	const json_t *j = GET(o, fallback);
	double d;

	if (json_is_integer(j))
		return json_integer_value(j);
	if (!json_is_real(j))
		return fallback;
	d = json_real_value(j);
	return d > -9e18 && d < 9e18 ? (int64_t)d : fallback;
}

bool doc_get_bool(const json_t *o, int fallback, ...)
{
	const json_t *j;
	va_list ap;

	va_start(ap, fallback);
	j = vget(o, ap);
	va_end(ap);
	return json_is_boolean(j) ? json_is_true(j) : fallback != 0;
}

static bool object_equal(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *value;

	if (json_object_size(a) != json_object_size(b))
		return false;
	json_object_foreach((json_t *)a, key, value) {
		const json_t *other = json_object_get(b, key);

		if (!other || !doc_equal(value, other))
			return false;
	}
	return true;
}

static bool array_equal(const json_t *a, const json_t *b)
{
	size_t n = json_array_size(a);

	if (n != json_array_size(b))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!doc_equal(json_array_get(a, i), json_array_get(b, i)))
			return false;
	return true;
}

bool doc_equal(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b)) {
		if (json_is_integer(a) && json_is_integer(b))
			return json_integer_value(a) == json_integer_value(b);
		return json_number_value(a) == json_number_value(b);
	}
	if (json_is_object(a) && json_is_object(b))
		return object_equal(a, b);
	if (json_is_array(a) && json_is_array(b))
		return array_equal(a, b);
	return json_equal(a, b);
}

static void write_bytes(struct buf *out, const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;

	buf_addc(out, '"');
	for (size_t i = 0; i < len;) {
		size_t n = utf8_len(text + i, len - i);

		if (!n) {
			buf_adds(out, "\xef\xbf\xbd");
			i++;
			continue;
		}
		if (s[i] == '"' || s[i] == '\\')
			buf_addf(out, "\\%c", s[i]);
		else if (s[i] == '\n')
			buf_adds(out, "\\n");
		else if (s[i] == '\t')
			buf_adds(out, "\\t");
		else if (s[i] < 0x20 || s[i] == 0x7f)
			buf_addf(out, "\\u%04x", s[i]);
		else
			buf_add(out, s + i, n);
		i += n;
	}
	buf_addc(out, '"');
}

void doc_write_str(struct buf *out, const char *s)
{
	write_bytes(out, s, strlen(s));
}

static void write_real(struct buf *out, double d)
{
	char text[40];

	if (d == floor(d) && fabs(d) < 1e15) {
		buf_addf(out, "%.0f", d);
		return;
	}
	for (int precision = 1; precision <= 17; precision++) {
		snprintf(text, sizeof(text), "%.*g", precision, d);
		if (strtod(text, NULL) == d)
			break;
	}
	buf_adds(out, text);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void write_value(const json_t *j, bool sorted, struct buf *out);

static void write_object(const json_t *j, bool sorted, struct buf *out)
{
	size_t n = json_object_size(j), i = 0;
	const char **keys = xcalloc(n, sizeof(*keys));
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)j, key, value)
		keys[i++] = key;
	if (sorted && n)
		qsort(keys, n, sizeof(*keys), compare_keys);
	buf_addc(out, '{');
	for (i = 0; i < n; i++) {
		if (i)
			buf_addc(out, ',');
		doc_write_str(out, keys[i]);
		buf_addc(out, ':');
		write_value(json_object_get(j, keys[i]), sorted, out);
	}
	buf_addc(out, '}');
	free(keys);
}

static void write_array(const json_t *j, bool sorted, struct buf *out)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < json_array_size(j); i++) {
		if (i)
			buf_addc(out, ',');
		write_value(json_array_get(j, i), sorted, out);
	}
	buf_addc(out, ']');
}

static void write_value(const json_t *j, bool sorted, struct buf *out)
{
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		write_object(j, sorted, out);
		break;
	case JSON_ARRAY:
		write_array(j, sorted, out);
		break;
	case JSON_STRING:
		write_bytes(out, json_string_value(j), json_string_length(j));
		break;
	case JSON_INTEGER:
		buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
		break;
	case JSON_REAL:
		write_real(out, json_real_value(j));
		break;
	case JSON_TRUE:
		buf_adds(out, "true");
		break;
	case JSON_FALSE:
		buf_adds(out, "false");
		break;
	case JSON_NULL:
		buf_adds(out, "null");
		break;
	}
}

void doc_canonical(const json_t *j, struct buf *out)
{
	write_value(j, true, out);
}

void doc_write(const json_t *j, struct buf *out)
{
	write_value(j, false, out);
}
