/*
 * labelselector.c - label selectors (k8s.io/apimachinery/pkg/labels, as kyaml has it).
 *
 * A text is cut into tokens, the tokens are read as requirements joined by commas:
 * KEY, !KEY, KEY = VALUE, KEY != VALUE, KEY in (VALUES), KEY notin (VALUES), KEY > N,
 * KEY < N. Any of them failing to hold, or to be well-formed, decides.
 */
#include <ctype.h>
#include <errno.h>

#include "labelselector.h"

enum token { T_END, T_NAME, T_CLOSE, T_COMMA, T_NOT, T_DOUBLE_EQUAL, T_EQUAL, T_GREATER,
	     T_LESS, T_NOT_EQUAL, T_OPEN };

enum op { OP_NONE, OP_EXISTS, OP_NOT_EXISTS, OP_IN, OP_NOT_IN, OP_GREATER, OP_LESS };

struct requirement {
	const char *key;
	enum op op;
	const char **values;
	size_t n_values;
	struct requirement *next;
};

struct kselector_reqs {
	struct requirement *first;
};

struct parser {
	struct kust *k;
	struct err *err;
	const char *all, *at;
	enum token tok;		/* the next one; words are names where names are wanted */
	const char *lit;
};

/* --- tokens ------------------------------------------------------------------------ */

static bool is_special(char c)
{
	return c && strchr("=!(),><", c);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static enum token special(const char *at, size_t *len)
{
	*len = 2;
	if (at[0] == '=' && at[1] == '=')
		return T_DOUBLE_EQUAL;
	if (at[0] == '!' && at[1] == '=')
		return T_NOT_EQUAL;
	*len = 1;
	switch (*at) {
	case '=': return T_EQUAL;
	case '!': return T_NOT;
	case '(': return T_OPEN;
	case ')': return T_CLOSE;
	case ',': return T_COMMA;
	case '>': return T_GREATER;
	default: return T_LESS;
	}
}

static void advance(struct parser *p)
{
	size_t len = 0;

	while (is_space(*p->at))
		p->at++;
	if (!*p->at) {
		p->tok = T_END;
		p->lit = "";
		return;
	}
	if (is_special(*p->at)) {
		p->tok = special(p->at, &len);
	} else {
		while (p->at[len] && !is_special(p->at[len]) && !is_space(p->at[len]))
			len++;
		p->tok = T_NAME;
	}
	p->lit = arena_strndup(&p->k->arena, p->at, len);
	p->at += len;
}

static int unexpected(struct parser *p, const char *wanted)
{
	return err_set(p->err, ERR_INVALID, "selector '%.100s': found '%.60s' where %s is "
		       "expected", p->all, p->lit, wanted);
}

/* --- labels ------------------------------------------------------------------------ */

/* Alphanumeric at both ends, and -_. between; at most 63. */
static bool is_name(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)s[i]) &&
		    (i == 0 || i == len - 1 || !strchr("-_.", s[i])))
			return false;
	}
	return len > 0 && len <= 63;
}

static bool is_dns_label(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) &&
		    (i == 0 || i == len - 1 || s[i] != '-'))
			return false;
	}
	return len > 0;
}

static bool is_subdomain(const char *s, size_t len)
{
	const char *end = s + len;

	for (const char *dot; s < end; s = dot + 1) {
		dot = memchr(s, '.', (size_t)(end - s));
		if (!dot)
			return len <= 253 && is_dns_label(s, (size_t)(end - s));
		if (!is_dns_label(s, (size_t)(dot - s)))
			return false;
	}
	return false;
}

static bool is_key(const char *key)
{
	const char *slash = strchr(key, '/');

	if (!slash)
		return is_name(key, strlen(key));
	return is_subdomain(key, (size_t)(slash - key)) && !strchr(slash + 1, '/') &&
	       is_name(slash + 1, strlen(slash + 1));
}

static bool parse_int(const char *s, int64_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)s[*s == '-' || *s == '+']))
		return false;
	errno = 0;
	*ret = strtoll(s, &end, 10);
	return !*end && !errno;
}

/* --- requirements ------------------------------------------------------------------- */

static void add_value(struct parser *p, struct requirement *r, const char *value)
{
	if (r->n_values % 8 == 0) {
		const char **more = arena_alloc(&p->k->arena, (r->n_values + 8) *
						sizeof(*more));

		if (r->n_values)
			memcpy(more, r->values, r->n_values * sizeof(*more));
		r->values = more;
	}
	r->values[r->n_values++] = value;
}

/* Between the parentheses: names and commas, where two commas hold an empty name. */
static int list_of_values(struct parser *p, struct requirement *r)
{
	for (;;) {
		enum token was = p->tok;

		if (was == T_NAME)
			add_value(p, r, p->lit);
		else if (was != T_COMMA)
			return unexpected(p, "',' or a value");
		else if (!r->n_values)
			add_value(p, r, "");
		advance(p);
		if (was == T_NAME) {
			if (p->tok == T_CLOSE)
				return 0;
			if (p->tok != T_COMMA)
				return unexpected(p, "',' or ')'");
		} else if (p->tok == T_CLOSE) {
			add_value(p, r, "");
			return 0;
		} else if (p->tok == T_COMMA) {
			add_value(p, r, "");
			advance(p);
		}
	}
}

static int parenthesised(struct parser *p, struct requirement *r)
{
	if (p->tok != T_OPEN)
		return unexpected(p, "'('");
	advance(p);
	if (p->tok == T_CLOSE)
		add_value(p, r, "");
	else if (p->tok != T_NAME && p->tok != T_COMMA)
		return unexpected(p, "',', ')' or a value");
	else if (list_of_values(p, r) < 0)
		return -1;
	advance(p);
	return 0;
}

static int exact_value(struct parser *p, struct requirement *r)
{
	if (p->tok == T_END || p->tok == T_COMMA) {
		add_value(p, r, "");
		return 0;
	}
	if (p->tok != T_NAME)
		return unexpected(p, "a value");
	add_value(p, r, p->lit);
	advance(p);
	return 0;
}

static enum op operator_of(const struct parser *p)
{
	switch (p->tok) {
	case T_EQUAL:
	case T_DOUBLE_EQUAL:
		return OP_IN;
	case T_NOT_EQUAL:
		return OP_NOT_IN;
	case T_GREATER:
		return OP_GREATER;
	case T_LESS:
		return OP_LESS;
	case T_NAME:
		return strcmp(p->lit, "in") == 0 ? OP_IN :
		       strcmp(p->lit, "notin") == 0 ? OP_NOT_IN : OP_NONE;
	case T_END: case T_CLOSE: case T_COMMA: case T_NOT: case T_OPEN:
		break;
	}
	return OP_NONE;
}

static int check_values(struct parser *p, const struct requirement *r)
{
	bool compares = r->op == OP_GREATER || r->op == OP_LESS;

	for (size_t i = 0; i < r->n_values; i++) {
		const char *v = r->values[i];
		int64_t ignored;

		if (compares && !parse_int(v, &ignored))
			return err_set(p->err, ERR_INVALID, "selector '%.100s': '%.60s' is "
				       "no integer", p->all, v);
		if (*v && !is_name(v, strlen(v)))
			return err_set(p->err, ERR_INVALID, "selector '%.100s': '%.60s' is "
				       "no label value", p->all, v);
	}
	return 0;
}

static int requirement(struct parser *p, struct requirement *r)
{
	bool word, not = p->tok == T_NOT;

	if (not)
		advance(p);
	if (p->tok != T_NAME)
		return unexpected(p, "a label");
	r->key = p->lit;
	if (!is_key(r->key))
		return err_set(p->err, ERR_INVALID, "selector '%.100s': '%.60s' is no label "
			       "key", p->all, r->key);
	advance(p);
	if (not || p->tok == T_END || p->tok == T_COMMA) {
		r->op = not ? OP_NOT_EXISTS : OP_EXISTS;
		return 0;
	}
	r->op = operator_of(p);
	if (r->op == OP_NONE)
		return unexpected(p, "=, !=, in, notin, < or >");
	word = p->tok == T_NAME;
	advance(p);
	if ((word ? parenthesised(p, r) : exact_value(p, r)) < 0)
		return -1;
	return check_values(p, r);
}

struct kselector_reqs *klabels_parse(struct kust *k, const char *selector,
				     struct err *err)
{
	struct kselector_reqs *reqs = arena_alloc(&k->arena, sizeof(*reqs));
	struct parser p = { .k = k, .err = err, .all = selector, .at = selector };
	struct requirement **tail = &reqs->first;

	if (strlen(selector) > SELECTOR_LEN_MAX) {
		err_set(err, ERR_LIMIT, "selector of more than %zu bytes", SELECTOR_LEN_MAX);
		return NULL;
	}
	advance(&p);
	while (p.tok != T_END) {
		*tail = arena_alloc(&k->arena, sizeof(**tail));
		if (requirement(&p, *tail) < 0)
			return NULL;
		tail = &(*tail)->next;
		if (p.tok == T_END)
			break;
		if (p.tok != T_COMMA) {
			unexpected(&p, "',' or the end");
			return NULL;
		}
		advance(&p);
		if (p.tok == T_END) {
			unexpected(&p, "a label after ','");
			return NULL;
		}
	}
	return reqs;
}

/* --- matching ------------------------------------------------------------------------ */

static bool has_value(const struct requirement *r, const char *value)
{
	for (size_t i = 0; i < r->n_values; i++) {
		if (strcmp(r->values[i], value) == 0)
			return true;
	}
	return false;
}

static bool compares(const struct requirement *r, const char *text)
{
	int64_t have, bound;

	if (!parse_int(text, &have) || !parse_int(r->values[0], &bound))
		return false;
	return r->op == OP_GREATER ? have > bound : have < bound;
}

static bool holds(const struct requirement *r, const struct node *value)
{
	switch (r->op) {
	case OP_EXISTS:
		return value;
	case OP_NOT_EXISTS:
		return !value;
	case OP_IN:
		return value && has_value(r, ktext(value));
	case OP_NOT_IN:
		return !value || !has_value(r, ktext(value));
	case OP_GREATER:
	case OP_LESS:
		return value && compares(r, ktext(value));
	case OP_NONE:
		break;
	}
	return false;
}

bool klabels_fit(const struct kselector_reqs *reqs, const struct node *map)
{
	for (const struct requirement *r = reqs->first; r; r = r->next) {
		if (!holds(r, kget_last(map, r->key)))
			return false;
	}
	return true;
}

int klabels_match(struct kust *k, const char *selector, const struct node *map,
		  struct err *err)
{
	const struct kselector_reqs *reqs = klabels_parse(k, selector, err);

	return reqs ? klabels_fit(reqs, map) : -1;
}
