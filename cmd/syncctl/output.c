/* Where syncctl's words go: stdout for answers, stderr for what went wrong. */
#include "syncctl.h"

#include "core/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static bool wants_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(1) && !(no && no[0]) && !(term && !strcmp(term, "dumb"));
}

struct view_env output_env(const struct options *o)
{
	struct timespec now;
	struct winsize size;
	struct view_env env = {
		.colour = wants_colour(), .wide = o->output == OUT_WIDE,
		.namespaces = o->all,
	};

	clock_gettime(CLOCK_REALTIME, &now);
	env.now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	if (isatty(1) && !ioctl(1, TIOCGWINSZ, &size))
		env.width = size.ws_col;
	return env;
}

int output_text(const struct buf *out)
{
	size_t done = 0;

	while (done < out->len) {
		ssize_t n = write(1, out->data + done, out->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			if (errno != EPIPE)	/* who reads has seen enough */
				fprintf(stderr, "syncctl: standard output: %s\n", strerror(errno));
			return EXIT_OTHER;
		}
		done += (size_t)n;
	}
	return EXIT_DONE;
}

bool output_is_data(const struct options *o)
{
	return o->output == OUT_JSON || o->output == OUT_YAML;
}

int output_value(json_t *value, enum output output)
{
	_cleanup_json_ json_t *j = value;
	_cleanup_buf_ struct buf out = BUF_INIT, text = BUF_INIT;

	if (output == OUT_YAML) {
		doc_write(j, &text);
		view_yaml(buf_str(&text), text.len, &out);
	} else {
		char *pretty = json_dumps(j, JSON_INDENT(2) | JSON_ENCODE_ANY);

		view_json(pretty ? pretty : "null", pretty ? strlen(pretty) : 4, &out);
		buf_addc(&out, '\n');
		free(pretty);
	}
	return output_text(&out);
}

int output_error(const struct err *err)
{
	_cleanup_buf_ struct buf clean = BUF_INIT;

	view_clean(&clean, err->msg);
	fprintf(stderr, "syncctl: %s\n", buf_str(&clean));
	return EXIT_OTHER;
}

void output_note(const char *fmt, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT, clean = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	view_clean(&clean, buf_str(&text));
	fprintf(stderr, "syncctl: %s\n", buf_str(&clean));
}

int output_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("syncctl: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return EXIT_USAGE;
}

int64_t output_timeout(const struct options *o, int64_t fallback_ms)
{
	struct err err = ERR_INIT;
	uint64_t ms;

	if (!o->timeout)
		return fallback_ms;
	if (!duration_parse(o->timeout, &ms, &err) && ms > 0 && ms < INT64_MAX)
		return (int64_t)ms;
	output_usage("--timeout %s: want a duration such as 90s or 10m", o->timeout);
	return -1;
}
