/* Text for people: widths, ages, colours, and nothing that steers a terminal. */
#include "views.h"

#include "core/mem.h"

/* Decodes one character; *ret_len bytes. U+FFFD for what is no UTF-8. */
static uint32_t decode(const char *s, size_t *ret_len)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = u[0] < 0x80 ? 1 : (u[0] & 0xe0) == 0xc0 ? 2 :
		   (u[0] & 0xf0) == 0xe0 ? 3 : (u[0] & 0xf8) == 0xf0 ? 4 : 0;
	uint32_t c = n == 1 ? u[0] : n ? u[0] & (0xffu >> (n + 1)) : 0;

	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80) {
			n = 0;
			break;
		}
		c = c << 6 | (u[i] & 0x3f);
	}
	*ret_len = n ? n : 1;
	return n ? c : 0xfffd;
}

/* Controls, and marks that reorder or hide what follows. */
static bool steers(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e ||
	       c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void view_clean(struct buf *out, const char *s)
{
	for (size_t n; s && *s; s += n) {
		uint32_t c = decode(s, &n);

		if (c == '\n' || c == '\t' || c == '\r')
			buf_addc(out, ' ');
		else if (steers(c))
			buf_addc(out, '?');
		else if (c == 0xfffd)
			buf_adds(out, "\xef\xbf\xbd");
		else
			buf_add(out, s, n);
	}
}

uint32_t view_unsafe_char(const char *s, size_t *ret_len)
{
	uint32_t c = decode(s, ret_len);

	return c >= 0x7f && steers(c) ? c : 0;
}

void view_json(const char *json, size_t len, struct buf *out)
{
	for (size_t i = 0, n; i < len; i += n) {
		uint32_t c = view_unsafe_char(json + i, &n);

		if (c)
			buf_addf(out, "\\u%04x", (unsigned)c);
		else
			buf_add(out, json + i, n);
	}
}

static size_t columns(uint32_t c)
{
	static const struct { uint32_t from, to; } none[] = {
		{ 0x300, 0x36f }, { 0x200b, 0x200d }, { 0x20d0, 0x20ff },
		{ 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
	}, two[] = {
		{ 0x1100, 0x115f }, { 0x2e80, 0x303e }, { 0x3041, 0xa4cf },
		{ 0xac00, 0xd7a3 }, { 0xf900, 0xfaff }, { 0xfe30, 0xfe6f },
		{ 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f },
		{ 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
	};

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		if (c >= none[i].from && c <= none[i].to)
			return 0;
	for (size_t i = 0; i < ARRAY_LEN(two); i++)
		if (c >= two[i].from && c <= two[i].to)
			return 2;
	return 1;
}

size_t view_width(const char *s)
{
	size_t width = 0;

	for (size_t n; *s; s += n)
		width += columns(decode(s, &n));
	return width;
}

void view_cut(struct buf *out, const char *s, size_t width)
{
	size_t used = 0;

	if (view_width(s) <= width) {
		buf_adds(out, s);
		return;
	}
	for (size_t n; *s && width; s += n) {
		size_t w = columns(decode(s, &n));

		if (used + w > width - 1)
			break;
		buf_add(out, s, n);
		used += w;
	}
	if (width)
		buf_adds(out, "\xe2\x80\xa6");
}

void view_coloured(struct buf *out, const struct view_env *env,
		   enum view_colour colour, const char *s)
{
	static const char *const codes[] = {
		[VIEW_PLAIN] = "", [VIEW_GREEN] = "32", [VIEW_YELLOW] = "33",
		[VIEW_RED] = "31", [VIEW_FAINT] = "2", [VIEW_BOLD] = "1",
	};

	if (!env->colour || colour == VIEW_PLAIN)
		buf_adds(out, s);
	else
		buf_addf(out, "\033[%sm%s\033[0m", codes[colour], s);
}

void view_age(struct buf *out, const struct view_env *env, const char *since)
{
	int64_t then = time_parse_rfc3339(since), s;

	if (then < 0)
		return;
	s = (env->now_ms - then) / 1000;
	if (s < 0)
		s = 0;
	if (s < 120)
		buf_addf(out, "%llds", (long long)s);
	else if (s < 2 * 3600)
		buf_addf(out, "%lldm", (long long)s / 60);
	else if (s < 48 * 3600)
		buf_addf(out, "%lldh", (long long)s / 3600);
	else
		buf_addf(out, "%lldd", (long long)s / 86400);
}

void view_revision(struct buf *out, const char *revision)
{
	size_t n = revision ? strspn(revision, "0123456789abcdef") : 0;

	if (!revision || !revision[0])
		buf_addc(out, '-');
	else if (n >= 40 && !revision[n])
		buf_add(out, revision, 7);
	else
		view_clean(out, revision);
}

const char *view_first_revision(const json_t *of)
{
	const char *one = doc_get_str(of, "revision", NULL);

	if (one && *one)
		return one;
	return json_string_value(json_array_get(doc_get(of, "revisions", NULL), 0));
}

bool view_has_revision(const json_t *of, const char *prefix)
{
	const json_t *many = doc_get(of, "revisions", NULL), *item;
	const char *one = doc_get_str(of, "revision", NULL);
	size_t i;

	if (one && !strncmp(one, prefix, strlen(prefix)))
		return true;
	json_array_foreach((json_t *)many, i, item) {
		one = json_string_value(item);
		if (one && !strncmp(one, prefix, strlen(prefix)))
			return true;
	}
	return false;
}

void view_revisions(struct buf *out, const json_t *of)
{
	size_t n = json_array_size(doc_get(of, "revisions", NULL));

	view_revision(out, view_first_revision(of));
	if (n > 1)
		buf_addf(out, " +%zu more", n - 1);
}

const json_t *view_source(const json_t *app)
{
	const json_t *many = doc_get(app, "spec", "sources", NULL);

	return json_array_size(many) ? json_array_get(many, 0) :
				       doc_get(app, "spec", "source", NULL);
}

void view_release(struct buf *out, const json_t *release)
{
	const char *author = doc_get_str(release, "author", NULL);
	const char *subject = doc_get_str(release, "subject", NULL);

	buf_addf(out, "#%lld (", (long long)doc_get_int(release, 0, "id", NULL));
	view_revisions(out, release);
	if (author) {
		buf_adds(out, ", ");
		view_clean(out, author);
	}
	if (subject) {
		buf_adds(out, ", \"");
		view_clean(out, subject);
		buf_addc(out, '"');
	}
	buf_addc(out, ')');
}
