/*
 * Log lines: one line is one write(), so that lines of several processes do not
 * mix, in one of two forms:
 *
 *   2026-03-01T10:00:00.000Z INFO  applied application=shop revision=1f2e
 *   {"time":"2026-03-01T10:00:00.000Z","level":"info","msg":"applied",...}
 *
 * Whatever a value holds, it cannot end the line or change its form: control
 * bytes and what is not UTF-8 are escaped. A pipe that is full loses the line;
 * waiting for its reader would stop the loop.
 */
#include "world_priv.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)64 * 1024)
#define VALUE_MAX_BYTES ((size_t)8 * 1024)

static const char *const lower[] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARN] = "warn",
	[LOG_ERROR] = "error",
};
static const char *const upper[] = {
	[LOG_DEBUG] = "DEBUG",
	[LOG_INFO] = "INFO ",
	[LOG_WARN] = "WARN ",
	[LOG_ERROR] = "ERROR",
};
static_assert(ARRAY_LEN(lower) == LOG_ERROR + 1, "a name per level");
static_assert(ARRAY_LEN(upper) == LOG_ERROR + 1, "a name per level");

/* Length of the valid UTF-8 sequence at s, 0 if there is none (RFC 3629). */
static size_t utf8_len(const unsigned char *s)
{
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2;
	else if ((s[0] & 0xf0) == 0xe0)
		n = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4;
	else
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* The inside of a quoted string, valid in JSON; also used for the text form. */
static void add_escaped(struct buf *b, const char *text)
{
	const unsigned char *s = (const unsigned char *)text, *start = s;

	while (*s && (size_t)(s - start) < VALUE_MAX_BYTES) {
		size_t n = utf8_len(s);

		if (!n)
			buf_adds(b, "\\ufffd");
		else if (*s == '"' || *s == '\\')
			buf_addf(b, "\\%c", *s);
		else if (*s == '\n')
			buf_adds(b, "\\n");
		else if (*s < 0x20 || *s == 0x7f)
			buf_addf(b, "\\u%04x", *s);
		else
			buf_add(b, s, n);
		s += n ? n : 1;
	}
	if (*s)
		buf_adds(b, "...");
}

static void add_quoted(struct buf *b, const char *s)
{
	buf_addc(b, '"');
	add_escaped(b, s);
	buf_addc(b, '"');
}

static bool is_plain(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f ||
		    strchr("\"\\=", *s))
			return false;
	return true;
}

static void add_time(struct buf *b, int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	char text[32];

	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_addf(b, "%s.%03dZ", text, (int)(ms % 1000));
}

static void line_json(struct buf *b, int64_t ms, enum log_level level,
		      const char *msg, const struct log_field *f)
{
	buf_adds(b, "{\"time\":\"");
	add_time(b, ms);
	buf_addf(b, "\",\"level\":\"%s\",\"msg\":", lower[level]);
	add_quoted(b, msg);
	for (; f && f->key; f++) {
		buf_addc(b, ',');
		add_quoted(b, f->key);
		buf_addc(b, ':');
		add_quoted(b, f->value ? f->value : "");
	}
	buf_adds(b, "}");
}

static void line_text(struct buf *b, int64_t ms, enum log_level level,
		      const char *msg, const struct log_field *f)
{
	add_time(b, ms);
	buf_addf(b, " %s ", upper[level]);
	add_escaped(b, msg);
	for (; f && f->key; f++) {
		const char *value = f->value ? f->value : "";

		buf_addc(b, ' ');
		add_escaped(b, f->key);
		buf_addc(b, '=');
		if (is_plain(value))
			add_escaped(b, value);
		else
			add_quoted(b, value);
	}
}

static void write_line(int fd, const struct buf *b)
{
	const char *p = buf_str(b);
	size_t left = b->len;

	while (left) {
		ssize_t n = write(fd, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		p += n;
		left -= (size_t)n;
	}
}

void log_uv(struct world *base, enum log_level level, const char *msg,
	    const struct log_field *fields)
{
	struct world_uv *w = world_uv_of(base);
	_cleanup_buf_ struct buf b = BUF_INIT_MAX(LINE_MAX_BYTES);
	int64_t ms = base->ops->now_wall(base);

	if (level < w->config.log_level || level > LOG_ERROR)
		return;
	if (w->config.log_json)
		line_json(&b, ms, level, msg, fields);
	else
		line_text(&b, ms, level, msg, fields);
	if (buf_overflowed(&b)) {
		/* Half a JSON line is worse than one without its fields. */
		buf_clear(&b);
		if (w->config.log_json)
			line_json(&b, ms, level, msg, NULL);
		else
			line_text(&b, ms, level, msg, NULL);
	}
	buf_addc(&b, '\n');
	write_line(w->config.log_fd, &b);
}
