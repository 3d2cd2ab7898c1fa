/*
 * parse.c - YAML text -> nodes, through libyaml's events.
 *
 * The happy path: one document start, one value read recursively (100 levels at
 * most), one document end. Aliases are copied out, counted against a budget, so a
 * tree has no shared nodes and can be edited. libyaml 0.2.5 has no caps of its own:
 * depth, nodes, scalar length and tag directives are bounded here. Failure leaves
 * the source unusable.
 */
#include <yaml.h>

#include "yaml_priv.h"

#define OPEN UINT32_MAX
#define ANCHOR_SLOTS 64		/* grows by doubling */
#define DIRECTIVES_MAX 64	/* libyaml compares each with all before */

struct anchor {
	char *name;
	struct node *node;	/* while it is being read its cap is OPEN */
};

struct yaml_source {
	yaml_parser_t parser;
	const char *text;
	size_t len;
	bool started, ended;
	struct key_rules *rules;	/* borrowed */
	struct escapes escapes;
	bool bad_escape;	/* the parser stopped at one */
	size_t n_read;		/* documents */

	/* of the document being read */
	struct arena *arena;
	size_t count, alias_count;
	struct kids kids;
	struct anchor *anchors;	/* open addressing, anchor_cap a power of two */
	size_t n_anchors, anchor_cap;
};

static void event_deinit(yaml_event_t *e)
{
	yaml_event_delete(e);
}
#define _cleanup_event_ _cleanup_(event_deinit)

static void anchors_clear(struct yaml_source *s)
{
	for (size_t i = 0; i < s->anchor_cap; i++)
		free(s->anchors[i].name);
	free(s->anchors);
	s->anchors = NULL;
	s->n_anchors = s->anchor_cap = 0;
}

static size_t hash(const char *s)
{
	uint64_t h = 1469598103934665603u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return (size_t)(h ^ (h >> 32));
}

/* The slot of name, or the empty one where it belongs. */
static struct anchor *anchor_slot(struct anchor *slots, size_t cap,
				  const char *name)
{
	size_t i = hash(name) & (cap - 1);

	while (slots[i].name && strcmp(slots[i].name, name) != 0)
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

static void anchors_grow(struct yaml_source *s)
{
	size_t cap = s->anchor_cap ? s->anchor_cap * 2 : ANCHOR_SLOTS;
	struct anchor *slots = xcalloc(cap, sizeof(*slots));

	for (size_t i = 0; i < s->anchor_cap; i++) {
		if (s->anchors[i].name)
			*anchor_slot(slots, cap, s->anchors[i].name) = s->anchors[i];
	}
	free(s->anchors);
	s->anchors = slots;
	s->anchor_cap = cap;
}

/* A name may be anchored again, also inside what it names; the last one counts. */
static void anchor_put(struct yaml_source *s, const char *name, struct node *n)
{
	struct anchor *slot;

	if (s->n_anchors * 2 >= s->anchor_cap)
		anchors_grow(s);
	slot = anchor_slot(s->anchors, s->anchor_cap, name);
	if (!slot->name) {
		slot->name = xstrdup(name);
		s->n_anchors++;
	}
	slot->node = n;
}

/* Is that line indented with a tab? What the parser says of it is hard to read. */
static bool has_tab(const struct yaml_source *s, size_t line)
{
	const char *at = s->text, *end = s->text + s->len;

	while (at && line-- > 1) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	while (at && at < end && *at == ' ')
		at++;
	return at && at < end && *at == '\t';
}

static int parser_error(const struct yaml_source *s, struct err *err)
{
	const yaml_parser_t *p = &s->parser;
	size_t line = p->problem_mark.line + 1;

	if (p->error == YAML_READER_ERROR)
		return err_set(err, ERR_INVALID, "byte %zu: %s", p->problem_offset,
			       p->problem ? p->problem : "not valid text");
	if (has_tab(s, line))
		return err_set(err, ERR_INVALID, "line %zu: a tab cannot indent; use blanks",
			       line);
	return err_set(err, ERR_INVALID, "line %zu: %s%s%s", line,
		       p->problem ? p->problem : "not valid YAML",
		       p->context ? " " : "", p->context ? p->context : "");
}

static int next_event(struct yaml_source *s, yaml_event_t *e, struct err *err)
{
	if (yaml_parser_parse(&s->parser, e))
		return 0;
	memset(e, 0, sizeof(*e));
	s->bad_escape = s->parser.problem && strstr(s->parser.problem, "unknown escape");
	return parser_error(s, err);
}

/*
 * As yaml v2: while a document is small, nearly all of it may come from aliases;
 * the share falls to a tenth for large ones.
 */
static bool too_many_aliases(size_t aliased, size_t all)
{
	const double low = 400000, high = 4000000;
	double allowed = 0.99;

	if (all > low)
		allowed = 0.99 - 0.89 * ((double)all - low) / (high - low);
	return aliased > 100 && all > 1000 &&
	       (double)aliased > allowed * (double)all;
}

static struct node *alias_copy(struct yaml_source *s, const struct node *n,
			       unsigned depth, struct err *err)
{
	struct node *copy = node_make(s->arena, &s->count, n->kind, n->line, err);

	if (!copy)
		return NULL;
	s->alias_count++;
	if (depth > NODE_DEPTH_MAX || too_many_aliases(s->alias_count, s->count)) {
		err_set(err, ERR_LIMIT, "line %u: aliases expand to too much; write "
			"the repeated part out, or split the document", n->line);
		return NULL;
	}
	*copy = *n;
	if (n->kind == NODE_SCALAR)
		return copy;
	copy->kids = arena_alloc(s->arena, n->len * sizeof(*copy->kids));
	copy->cap = n->len;
	for (uint32_t i = 0; i < n->len; i++) {
		copy->kids[i] = alias_copy(s, n->kids[i], depth + 1, err);
		if (!copy->kids[i])
			return NULL;
	}
	return copy;
}

static struct node *read_alias(struct yaml_source *s, const yaml_event_t *e,
			       unsigned depth, struct err *err)
{
	const char *name = (const char *)e->data.alias.anchor;
	struct anchor *slot = NULL;
	size_t line = e->start_mark.line + 1;

	if (s->anchor_cap)
		slot = anchor_slot(s->anchors, s->anchor_cap, name);
	if (!slot || !slot->name) {
		err_set(err, ERR_INVALID, "line %zu: unknown anchor '%s'", line, name);
		return NULL;
	}
	if (slot->node->kind != NODE_SCALAR && slot->node->cap == OPEN) {
		err_set(err, ERR_INVALID, "line %zu: anchor '%s' contains itself",
			line, name);
		return NULL;
	}
	return alias_copy(s, slot->node, depth, err);
}

static size_t utf8_chars(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += (s[i] & 0xc0) != 0x80;
	return n;
}

/*
 * libyaml does not tell `! 5` (the non-specific tag: a string) from `5`, but the
 * event is longer than its text then. To yaml v3 it says nothing.
 */
static bool is_implicit(const yaml_event_t *e, bool v3)
{
	const char *text = (const char *)e->data.scalar.value;

	if (!e->data.scalar.plain_implicit ||
	    e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	if (v3 || e->data.scalar.anchor || e->start_mark.line != e->end_mark.line)
		return true;
	return e->end_mark.index - e->start_mark.index ==
	       utf8_chars(text, e->data.scalar.length);
}

static struct node *read_scalar(struct yaml_source *s, const yaml_event_t *e,
				struct err *err)
{
	static const enum node_style styles[] = {
		[YAML_SINGLE_QUOTED_SCALAR_STYLE] = NODE_SINGLE,
		[YAML_DOUBLE_QUOTED_SCALAR_STYLE] = NODE_DOUBLE,
		[YAML_LITERAL_SCALAR_STYLE] = NODE_LITERAL,
		[YAML_FOLDED_SCALAR_STYLE] = NODE_FOLDED,
	};
	const char *text = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;
	char *copy;
	struct node *n = node_make(s->arena, &s->count, NODE_SCALAR,
				   e->start_mark.line + 1, err);

	if (!n)
		return NULL;
	if (len > NODE_SCALAR_MAX) {
		err_set(err, ERR_LIMIT, "line %u: a text of %zu bytes; the most is %zu",
			n->line, len, NODE_SCALAR_MAX);
		return NULL;
	}
	if (memchr(text, 0, len)) {
		err_set(err, ERR_INVALID, "line %u: a text holds a NUL byte", n->line);
		return NULL;
	}
	n->style = styles[e->data.scalar.style];
	copy = arena_strndup(s->arena, text, len);
	if (!escapes_show(&s->escapes, copy, &len, n->style)) {
		err_set(err, ERR_INVALID, "line %u: an escape in single quotes", n->line);
		return NULL;
	}
	n->text = copy;
	n->len = (uint32_t)len;
	n->implicit = is_implicit(e, s->rules->v3);
	n->tag = arena_strdup(s->arena, (const char *)e->data.scalar.tag);
	if (s->rules->v3 && n->tag && strcmp(n->tag, "!") == 0)
		n->tag = NULL;
	if (e->data.scalar.anchor)
		anchor_put(s, (const char *)e->data.scalar.anchor, n);
	return n;
}

static struct node *read_value(struct yaml_source *s, yaml_event_t *e,
			       unsigned depth, struct err *err);

/* Items up to the end event; then checks a map's keys and merges. */
static struct node *read_kids(struct yaml_source *s, struct node *n,
			      const char *anchor, unsigned depth, struct err *err)
{
	yaml_event_type_t end = n->kind == NODE_MAP ? YAML_MAPPING_END_EVENT :
						      YAML_SEQUENCE_END_EVENT;
	size_t from = s->kids.len;

	if (anchor)
		anchor_put(s, anchor, n);
	n->cap = OPEN;
	for (;;) {
		_cleanup_event_ yaml_event_t e = { 0 };
		struct node *kid;

		if (next_event(s, &e, err) < 0)
			return NULL;
		if (e.type == end)
			break;
		kid = read_value(s, &e, depth + 1, err);
		if (!kid)
			return NULL;
		vec_push(&s->kids, kid);
	}
	if (n->kind == NODE_MAP && map_merge(&s->kids, from, s->rules->v3, s->arena, err) < 0)
		return NULL;
	kids_close(&s->kids, from, s->arena, n);
	if (n->kind == NODE_MAP && map_check_keys(n, s->rules, err) < 0)
		return NULL;
	return n;
}

static struct node *read_collection(struct yaml_source *s, const yaml_event_t *e,
				    unsigned depth, struct err *err)
{
	bool map = e->type == YAML_MAPPING_START_EVENT;
	const yaml_char_t *tag = map ? e->data.mapping_start.tag :
				       e->data.sequence_start.tag;
	const yaml_char_t *anchor = map ? e->data.mapping_start.anchor :
					  e->data.sequence_start.anchor;
	struct node *n;

	if (depth >= NODE_DEPTH_MAX) {
		err_set(err, ERR_LIMIT, "line %zu: nested deeper than %d levels",
			e->start_mark.line + 1, NODE_DEPTH_MAX);
		return NULL;
	}
	n = node_make(s->arena, &s->count, map ? NODE_MAP : NODE_LIST,
		      e->start_mark.line + 1, err);
	if (!n)
		return NULL;
	n->tag = arena_strdup(s->arena, (const char *)tag);
	if (map ? e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE :
		  e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE)
		n->style = NODE_FLOW;
	return read_kids(s, n, (const char *)anchor, depth, err);
}

static struct node *read_value(struct yaml_source *s, yaml_event_t *e,
			       unsigned depth, struct err *err)
{
	if (e->type == YAML_ALIAS_EVENT)
		return read_alias(s, e, depth, err);
	if (e->type == YAML_SCALAR_EVENT)
		return read_scalar(s, e, err);
	return read_collection(s, e, depth, err);
}

/* A flood of %TAG lines costs libyaml the square of their number. */
static int check_directives(const char *text, size_t len, struct err *err)
{
	const char *end = text + len, *p = text;
	unsigned n = 0;

	while (p && p < end) {
		n += *p == '%';
		if (n > DIRECTIVES_MAX)
			return err_set(err, ERR_LIMIT, "more than %d lines begin with '%%'",
				       DIRECTIVES_MAX);
		p = memchr(p, '\n', (size_t)(end - p));
		p = p ? p + 1 : NULL;
	}
	return 0;
}

/*
 * Kustomize cuts a text at its lines "---" before anything else, so that a directive
 * has no document, and nothing but a comment may stand behind the dashes.
 */
static int check_separators(const char *text, size_t len, struct err *err)
{
	const char *end = text + len, *p = text;
	size_t line = 1;

	while ((p = memchr(p, '\n', (size_t)(end - p)))) {
		const char *stop;

		p++;
		line++;
		if (end - p < 3 || memcmp(p, "---", 3) != 0)
			continue;
		p += 3;
		stop = memchr(p, '\n', (size_t)(end - p));
		while (stop && p < stop && (*p == ' ' || *p == '\t' || *p == '\r'))
			p++;
		if (stop && p < stop && *p != '#')
			return err_set(err, ERR_INVALID, "line %zu: something behind the '---' "
				       "that separates documents; begin a new line", line);
	}
	return 0;
}

static int start(struct yaml_source *s, struct err *err)
{
	_cleanup_event_ yaml_event_t e = { 0 };

	s->started = true;
	if (check_directives(s->text, s->len, err) < 0 ||
	    (s->rules->v3 && check_separators(s->text, s->len, err) < 0))
		return -1;
	return next_event(s, &e, err);
}

static int read_document(struct yaml_source *s, struct node **ret, struct err *err)
{
	_cleanup_event_ yaml_event_t value = { 0 }, end = { 0 };

	s->count = s->alias_count = s->kids.len = 0;
	anchors_clear(s);
	if (next_event(s, &value, err) < 0)
		return -1;
	*ret = read_value(s, &value, 0, err);
	if (!*ret || next_event(s, &end, err) < 0)
		return -1;
	return 1;
}

static bool has_directives(const yaml_event_t *e)
{
	return e->data.document_start.version_directive ||
	       e->data.document_start.tag_directives.start !=
		       e->data.document_start.tag_directives.end;
}

static int read_next(struct yaml_source *s, struct arena *a, struct node **ret,
		     struct err *err)
{
	_cleanup_event_ yaml_event_t e = { 0 };
	int r;

	if (s->ended)
		return 0;
	s->ended = true;	/* unless this one is read whole */
	s->arena = a;
	if (!s->started && start(s, err) < 0)
		return -1;
	if (next_event(s, &e, err) < 0)
		return -1;
	if (e.type == YAML_STREAM_END_EVENT)
		return 0;
	if (s->rules->v3 && has_directives(&e))
		return err_set(err, ERR_INVALID, "line %zu: Kustomize takes no '%%' "
			       "directives; remove them", e.start_mark.line + 1);
	r = read_document(s, ret, err);
	s->ended = r != 1;
	return r;
}

static void begin(struct yaml_source *s)
{
	const char *text = s->escapes.text ? s->escapes.text : s->text;

	if (!yaml_parser_initialize(&s->parser))
		abort();	/* out of memory */
	yaml_parser_set_input_string(&s->parser, (const unsigned char *)text, s->len);
	s->started = s->ended = s->bad_escape = false;
}

/*
 * Once more from the start, up to the document that could not be read. Where that
 * fails, too, the first error names what is odd, but for another escape.
 */
static int read_again(struct yaml_source *s, struct arena *a, struct node **ret,
		      struct err *err)
{
	struct err again = ERR_INIT;
	int r = 1;

	if (!escapes_hide(&s->escapes, s->text, s->len))
		return -1;
	yaml_parser_delete(&s->parser);
	begin(s);
	for (size_t i = 0; r > 0 && i < s->n_read; i++) {
		_cleanup_(arena_deinit) struct arena skipped = { 0 };

		r = read_next(s, &skipped, ret, &again);
	}
	if (r > 0)
		r = read_next(s, a, ret, &again);
	if (r >= 0 || s->bad_escape)
		*err = again;	/* or none */
	return r;
}

int yaml_source_read(struct yaml_source *s, struct arena *a, struct node **ret,
		     struct err *err)
{
	int r = read_next(s, a, ret, err);

	if (r < 0 && s->bad_escape && !s->escapes.text)
		r = read_again(s, a, ret, err);
	s->n_read += r > 0;
	return r;
}

struct yaml_source *yaml_source_new(const char *text, size_t len,
				    struct key_rules *rules)
{
	struct yaml_source *s = xcalloc(1, sizeof(*s));

	s->text = text;
	s->len = len;
	s->rules = rules;
	begin(s);
	return s;
}

struct yaml_source *yaml_source_free(struct yaml_source *s)
{
	if (!s)
		return NULL;
	yaml_parser_delete(&s->parser);
	escapes_deinit(&s->escapes);
	anchors_clear(s);
	vec_deinit(&s->kids);
	free(s);
	return NULL;
}
