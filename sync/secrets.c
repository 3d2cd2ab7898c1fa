#include "secrets.h"

#include "core/doc.h"

#define SHORTEST 4
#define SHORTEST_LINE 8
#define HIDDEN "(hidden)"

void secrets_deinit(struct secrets *s)
{
	for (size_t i = 0; i < s->words.len; i++)
		free(s->words.data[i]);
	vec_deinit(&s->words);
	s->bytes = 0;
}

static void add(struct secrets *s, const char *text, size_t len, size_t shortest)
{
	if (len < shortest)
		return;
	if (s->words.len >= SECRETS_WORDS || s->bytes + len > SECRETS_BYTES) {
		s->full = true;
		return;
	}
	s->bytes += len;
	vec_push(&s->words, xstrndup(text, len));
}

/* A key or a certificate is rarely printed whole. */
static void add_lines(struct secrets *s, const char *text)
{
	if (!strchr(text, '\n'))
		return;
	while (*text) {
		size_t len = strcspn(text, "\r\n");

		add(s, text, len, SHORTEST_LINE);
		text += len + (text[len] != '\0');
	}
}

static void add_quoted(struct secrets *s, const char *text)
{
	_cleanup_buf_ struct buf quoted = BUF_INIT;

	doc_write_str(&quoted, text);
	if (quoted.len >= 2 && strlen(text) + 2 != quoted.len)
		add(s, buf_str(&quoted) + 1, quoted.len - 2, SHORTEST);
}

static void add_value(struct secrets *s, const char *encoded)
{
	_cleanup_buf_ struct buf plain = BUF_INIT;
	size_t len = strlen(encoded);

	while (len && encoded[len - 1] == '=')
		len--;
	/* Its last letter may stand for bits of what follows as well. */
	add(s, encoded, len ? len - 1 : 0, SHORTEST);
	if (b64_decode(encoded, strlen(encoded), &plain))
		return;
	while (plain.len && strchr("\r\n", plain.data[plain.len - 1]))
		plain.data[--plain.len] = '\0';
	if (memchr(buf_str(&plain), '\0', plain.len))
		return;		/* bytes, which no log shows as they are */
	add(s, buf_str(&plain), plain.len, SHORTEST);
	add_lines(s, buf_str(&plain));
	add_quoted(s, buf_str(&plain));
}

void secrets_take(struct secrets *s, const json_t *secret)
{
	const char *key;
	json_t *value;

	json_object_foreach(json_object_get(secret, "data"), key, value)
		if (json_is_string(value))
			add_value(s, json_string_value(value));
}

static int longest_first(const void *a, const void *b)
{
	size_t x = strlen(*(char *const *)a), y = strlen(*(char *const *)b);

	return (x < y) - (x > y);
}

void secrets_sort(struct secrets *s)
{
	if (s->words.len)
		qsort(s->words.data, s->words.len, sizeof(*s->words.data), longest_first);
}

static void replace(struct buf *text, const char *word)
{
	const char *from = buf_str(text), *at = strstr(from, word);
	struct buf out = BUF_INIT;

	if (!at)
		return;
	for (; at; at = strstr(from, word)) {
		buf_add(&out, from, (size_t)(at - from));
		buf_adds(&out, HIDDEN);
		from = at + strlen(word);
	}
	buf_adds(&out, from);
	buf_deinit(text);
	*text = out;
}

/* "scheme://user:password@host": what stands before the '@'. */
static void hide_users(const char *text, struct buf *out)
{
	const char *at;

	while ((at = strstr(text, "://"))) {
		size_t n = strcspn(at + 3, "/?# \t\r\n\"'<>@");

		buf_add(out, text, (size_t)(at + 3 - text));
		text = at + 3;
		if (text[n] == '@') {
			buf_adds(out, HIDDEN);
			text += n;
		}
	}
	buf_adds(out, text);
}

static void printable(struct buf *b)
{
	json_t *fits = json_stringn(buf_str(b), b->len);

	for (size_t i = 0; i < b->len; i++) {
		unsigned char c = (unsigned char)b->data[i];

		if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f ||
		    (c > 0x7f && !fits))
			b->data[i] = '?';
	}
	json_decref(fits);
}

void secrets_hide(const struct secrets *s, const char *text, struct buf *out)
{
	struct buf b = BUF_INIT;
	size_t i;

	buf_adds(&b, text);
	for (i = 0; i < s->words.len; i++)
		replace(&b, s->words.data[i]);
	printable(&b);
	hide_users(buf_str(&b), out);
	buf_deinit(&b);
}
