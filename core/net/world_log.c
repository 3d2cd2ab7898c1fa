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

#include "core/doc.h"

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

/* The inside of a JSON string literal; serves the text form as well. */
static void add_escaped(struct buf *b, const char *text)
{
	_cleanup_free_ char *cut = xstrndup(text, VALUE_MAX_BYTES);
	_cleanup_buf_ struct buf literal = BUF_INIT;

	doc_write_str(&literal, cut);
	buf_add(b, literal.data + 1, literal.len - 2);
	if (strlen(text) > VALUE_MAX_BYTES)
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
