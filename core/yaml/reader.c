/*
 * reader.c - a text's documents one after the other, JSON or YAML.
 *
 * Text that begins with '{' is tried as JSON as a whole first: what is not JSON is
 * read as YAML from its start. One value, which is the usual case, is read once;
 * several are checked in a cheap pass into an arena that is thrown away.
 */
#include "yaml_priv.h"

struct node_reader {
	const char *text;
	size_t len, pos, line;
	struct key_rules rules;
	bool undecided;			/* begins like JSON, not read yet */
	struct yaml_source *yaml;	/* NULL: JSON, unless undecided */
};

static size_t skip_space(const char *text, size_t len, size_t pos)
{
	while (pos < len && text[pos] && strchr(" \t\r\n", text[pos]))
		pos++;
	return pos;
}

/*
 * JSON to the end? A cap that is exceeded says JSON too: that reader then tells.
 */
static bool is_json(const char *text, size_t len)
{
	size_t pos = 0, line = 1;
	struct err err = ERR_INIT;
	int r;

	do {
		_cleanup_(arena_deinit) struct arena a = { 0 };
		struct key_rules any = { .doubles = DOUBLES_KEPT };
		struct node *n;

		r = json_read(text, len, &pos, &line, &any, &a, &n, &err);
	} while (r > 0);
	return r == 0 || err.code == ERR_LIMIT;
}

static struct node_reader *reader_new(const char *text, size_t len, bool v3,
				      enum doubles doubles)
{
	struct node_reader *r = xcalloc(1, sizeof(*r));

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	r->text = text;
	r->len = len;
	r->line = 1;
	r->rules = (struct key_rules){ .v3 = v3, .doubles = doubles };
	r->pos = skip_space(text, len, 0);
	r->undecided = r->pos < len && text[r->pos] == '{';
	r->pos = 0;
	if (!r->undecided)
		r->yaml = yaml_source_new(text, len, &r->rules);
	return r;
}

struct node_reader *node_reader_new(const char *text, size_t len)
{
	return reader_new(text, len, false, DOUBLES_REFUSED);
}

struct node_reader *node_reader_new_lenient(const char *text, size_t len)
{
	return reader_new(text, len, false, DOUBLES_LAST);
}

const char *node_reader_dropped(const struct node_reader *r)
{
	return r->rules.dropped.code ? r->rules.dropped.msg : NULL;
}

struct node_reader *node_reader_new3(const char *text, size_t len)
{
	return reader_new(text, len, true, DOUBLES_KEPT);
}

struct node_reader *node_reader_free(struct node_reader *r)
{
	if (!r)
		return NULL;
	yaml_source_free(r->yaml);
	free(r);
	return NULL;
}

/*
 * The usual case: the whole text is one JSON value. 0: it is not; -1: its first value
 * exceeds a cap, and what it cost is not spent once more.
 */
static int read_only_value(struct node_reader *r, struct arena *a, struct node **ret,
			   struct err *err)
{
	size_t pos = 0, line = 1;
	struct err why = ERR_INIT;
	int n = json_read(r->text, r->len, &pos, &line, &r->rules, a, ret, &why);

	if (n < 0 && why.code == ERR_LIMIT)
		*err = why;
	else if (n != 1 || skip_space(r->text, r->len, pos) < r->len)
		return 0;
	r->pos = r->len;
	return n;
}

int node_read(struct node_reader *r, struct arena *a, struct node **ret,
	      struct err *err)
{
	int n;

	if (r->undecided) {
		r->undecided = false;
		n = read_only_value(r, a, ret, err);
		if (n)
			return n;
		if (!is_json(r->text, r->len))
			r->yaml = yaml_source_new(r->text, r->len, &r->rules);
	}
	if (r->yaml)
		return yaml_source_read(r->yaml, a, ret, err);
	n = json_read(r->text, r->len, &r->pos, &r->line, &r->rules, a, ret, err);
	if (n <= 0)
		r->pos = r->len;
	return n;
}

static void reader_freep(struct node_reader **r)
{
	node_reader_free(*r);
}

int node_text_to_json(const char *text, size_t len, struct buf *out, struct err *err)
{
	_cleanup_(arena_deinit) struct arena a = { 0 };
	_cleanup_(reader_freep) struct node_reader *r = node_reader_new(text, len);
	struct node *n;
	int got = node_read(r, &a, &n, err);

	if (got < 0)
		return -1;
	if (got == 0) {
		buf_adds(out, "null");
		return 0;
	}
	return node_to_json(n, out, err);
}
