/*
 * scalars3.c - what a scalar is to yaml v3, which Kustomize reads its input with.
 *
 * The rules of v2 (scalar.c) but for four things: only true and false are booleans,
 * "0o-7" is a number, a time is a type of its own, and `<<` that was read is a merge.
 */
#include <math.h>
#include <stdio.h>

#include "yaml_priv.h"

#define YAML_TAG "tag:yaml.org,2002:"

/* "0o-17": what is left of ParseInt() behind the prefix. */
static bool parse_odd_octal(const char *s, struct scalar *ret)
{
	bool negative = false;
	uint64_t v = 0;
	int digits = 0, signs = 0;

	for (s += 2; *s; s++) {
		if (*s == '_')
			continue;
		if ((*s == '-' || *s == '+') && !digits && !signs++) {
			negative = *s == '-';
			continue;
		}
		if (*s < '0' || *s > '7' || v >> 60)
			return false;
		v = v * 8 + (uint64_t)(*s - '0');
		digits++;
	}
	if (!digits || v > (uint64_t)INT64_MAX + negative)
		return false;
	*ret = (struct scalar){ .type = SCALAR_INT, .magnitude = v,
				.negative = negative && v };
	return true;
}

static enum node_type resolve3(const char *s, size_t len, const char *tag,
			       struct scalar *ret)
{
	scalar_resolve(s, len, tag, ret);
	switch (ret->type) {
	case SCALAR_NULL:
		return NODE_NULL;
	case SCALAR_INT:
		return NODE_INT;
	case SCALAR_FLOAT:
		return NODE_FLOAT;
	case SCALAR_BOOL:
		if ((*s | 32) == 't' || (*s | 32) == 'f')
			return NODE_BOOL;
		ret->type = SCALAR_STRING;
		return NODE_STR;
	case SCALAR_STRING:
		break;
	}
	if (*s < '0' || *s > '9')
		return NODE_STR;
	if (scalar_is_timestamp(s))
		return NODE_TIME;
	if (s[0] == '0' && s[1] == 'o' && parse_odd_octal(s, ret))
		return NODE_INT;
	return NODE_STR;
}

static enum node_type tag_type(const char *tag)
{
	static const struct {
		const char *name;
		enum node_type type;
	} types[] = {
		{ "null", NODE_NULL }, { "bool", NODE_BOOL }, { "int", NODE_INT },
		{ "float", NODE_FLOAT }, { "timestamp", NODE_TIME },
		{ "binary", NODE_BINARY }, { "merge", NODE_MERGE },
	};

	if (strncmp(tag, YAML_TAG, strlen(YAML_TAG)) != 0)
		return NODE_STR;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (strcmp(tag + strlen(YAML_TAG), types[i].name) == 0)
			return types[i].type;
	}
	return NODE_STR;
}

/* One that was read, not made: `<<` of a program is a text. */
static bool is_read_merge(const struct node *n)
{
	return n->line && n->text[0] == '<' && strcmp(n->text, "<<") == 0;
}

enum node_type node_type3(const struct node *n)
{
	struct scalar s;

	if (!n)
		return NODE_NULL;
	if (n->kind != NODE_SCALAR)
		return NODE_STR;
	if (n->tag)
		return tag_type(n->tag);
	if (!n->implicit)
		return NODE_STR;
	return is_read_merge(n) ? NODE_MERGE : resolve3(n->text, n->len, NULL, &s);
}

/*
 * Beside `implicit` a tag is what is known of the text, not what was written: the
 * writer puts it where it says more than the text.
 */
int scalar_read3(const struct node *n, struct scalar *ret, enum node_type *type,
		 struct err *err)
{
	*ret = (struct scalar){ .type = SCALAR_STRING };
	if (!n->tag) {
		*type = NODE_STR;
		if (n->implicit)
			*type = is_read_merge(n) ? NODE_MERGE :
						   resolve3(n->text, n->len, NULL, ret);
		return 0;
	}
	*type = tag_type(n->tag);
	if (n->implicit && n->style != NODE_PLAIN &&
	    resolve3(n->text, n->len, NULL, ret) == *type) {
		*ret = (struct scalar){ .type = SCALAR_STRING };
		*type = NODE_STR;	/* the writer leaves the tag out, not the quotes */
		return 0;
	}
	if (!scalar_is_typed_tag(n->tag))
		return 0;
	resolve3(n->text, n->len, n->tag, ret);
	if (!scalar_agrees(n->tag, n->text, ret))	/* the text may be a secret */
		return err_set(err, ERR_INVALID, "line %u: a text that does not fit its "
			       "tag !!%s", n->line, n->tag + strlen(YAML_TAG));
	return 0;
}

/* The parts of a text that scalar_is_timestamp() has accepted. */
struct stamp {
	int year, month, day, hour, min, sec;
	char fraction[10];	/* of nine digits, without zeros at the end */
	int zone;		/* minutes east */
};

static void read_fraction(const char **s, char out[10])
{
	size_t all, kept;

	*out = '\0';
	if (**s != '.' && **s != ',')
		return;
	all = strspn(*s + 1, "0123456789");
	kept = all < 9 ? all : 9;
	memcpy(out, *s + 1, kept);
	while (kept && out[kept - 1] == '0')
		kept--;
	out[kept] = '\0';
	*s += 1 + all;
}

static void read_stamp(const char *s, struct stamp *t)
{
	char *at;

	*t = (struct stamp){ 0 };
	t->year = (int)strtol(s, &at, 10);
	t->month = (int)strtol(at + 1, &at, 10);
	t->day = (int)strtol(at + 1, &at, 10);
	if (!*at)
		return;
	t->hour = (int)strtol(at + 1, &at, 10);
	t->min = (int)strtol(at + 1, &at, 10);
	t->sec = (int)strtol(at + 1, &at, 10);
	s = at;
	read_fraction(&s, t->fraction);
	if (*s == '+' || *s == '-') {
		t->zone = (s[1] - '0') * 600 + (s[2] - '0') * 60 + (s[4] - '0') * 10 +
			  (s[5] - '0');
		t->zone = *s == '-' ? -t->zone : t->zone;
	}
}

bool scalar_time_text(const char *s, char out[48])
{
	struct stamp t;
	int n;

	read_stamp(s, &t);
	if (abs(t.zone) >= 24 * 60)
		return false;
	n = snprintf(out, 48, "%04d-%02d-%02dT%02d:%02d:%02d%s%s", t.year % 10000,
		     t.month % 100, t.day % 100, t.hour % 100, t.min % 100, t.sec % 100,
		     t.fraction[0] ? "." : "", t.fraction);
	if (t.zone)
		snprintf(out + n, 48 - (size_t)n, "%c%02d:%02d", t.zone < 0 ? '-' : '+',
			 abs(t.zone) / 60, abs(t.zone) % 60);
	else
		snprintf(out + n, 48 - (size_t)n, "Z");
	return true;
}
