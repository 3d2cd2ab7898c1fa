/*
 * netpol.c - which workloads a NetworkPolicy of the same release selects: it becomes
 * one of their refs, so that a failure of theirs is put down to a change of it.
 *
 * Labels are kept as " k=v k=v ", a selector as words: "+k=v,w" (in), "-k=v" (not
 * in), "+k" (exists), "-k" (does not). What cannot be read selects nothing.
 */
#include "core/mem.h"
#include "render_priv.h"

#define MAX_POLICIES 500	/* the rest is left out: each is matched with each workload */
#define MAX_REFS 50		/* that a workload gets in this way */

static bool is_word(const char *s)
{
	return s && !strpbrk(s, " ,=+\t\r\n");
}

static bool is_kind(const struct node *n, enum node_kind kind)
{
	return n && n->kind == kind;
}

static char *read_labels(const struct node *map)
{
	struct buf out = BUF_INIT;

	buf_addc(&out, ' ');
	for (uint32_t i = 0; is_kind(map, NODE_MAP) && i + 1 < map->len; i += 2) {
		const struct node *k = map->kids[i], *v = map->kids[i + 1];

		if (is_kind(k, NODE_SCALAR) && is_kind(v, NODE_SCALAR) &&
		    is_word(k->text) && is_word(v->text))
			buf_addf(&out, "%s=%s ", k->text, v->text);
	}
	return buf_steal(&out, NULL);
}

/* One of matchExpressions; false: it cannot be read. */
static bool read_term(const struct node *n, struct buf *out)
{
	static const struct { const char *name; char sign; bool values; } ops[] = {
		{ "In", '+', true }, { "NotIn", '-', true },
		{ "Exists", '+', false }, { "DoesNotExist", '-', false },
	};
	const char *key = node_get_str(n, "key"), *op = node_get_str(n, "operator");
	const struct node *values = node_get(n, "values");
	size_t o = 0;

	while (op && o < ARRAY_LEN(ops) && strcmp(ops[o].name, op))
		o++;
	if (!op || o == ARRAY_LEN(ops) || !is_word(key) ||
	    (ops[o].values && !(is_kind(values, NODE_LIST) && values->len)))
		return false;
	buf_addf(out, "%c%s", ops[o].sign, key);
	for (uint32_t i = 0; ops[o].values && i < values->len; i++) {
		const struct node *v = values->kids[i];

		if (!is_kind(v, NODE_SCALAR) || !is_word(v->text))
			return false;
		buf_addf(out, "%c%s", i ? ',' : '=', v->text);
	}
	buf_addc(out, ' ');
	return true;
}

/* NULL: it cannot be read; "" selects all. */
static char *read_selector(const struct node *selector)
{
	const struct node *labels = node_get(selector, "matchLabels");
	const struct node *terms = node_get(selector, "matchExpressions");
	struct buf out = BUF_INIT;
	bool good = is_kind(selector, NODE_MAP);

	for (uint32_t i = 0; good && is_kind(labels, NODE_MAP) && i + 1 < labels->len;
	     i += 2) {
		const struct node *k = labels->kids[i], *v = labels->kids[i + 1];

		good = is_kind(k, NODE_SCALAR) && is_kind(v, NODE_SCALAR) &&
		       is_word(k->text) && is_word(v->text);
		if (good)
			buf_addf(&out, "+%s=%s ", k->text, v->text);
	}
	for (uint32_t i = 0; good && is_kind(terms, NODE_LIST) && i < terms->len; i++)
		good = read_term(terms->kids[i], &out);
	if (good)
		return buf_steal(&out, NULL);
	buf_deinit(&out);
	return NULL;
}

void netpol_read(struct built *b, const struct node *object)
{
	if (pods_spec(object))
		b->labels = read_labels(pods_labels(object));
	if (!strcmp(b->o.kind, "NetworkPolicy") &&
	    !strcmp(b->o.group, "networking.k8s.io"))
		b->selector = read_selector(node_find(object, "spec", "podSelector", NULL));
}

/* The value of a key among " k=v k=v ", up to its blank; NULL. */
static const char *value_of(const char *labels, const char *key, size_t len)
{
	for (const char *s = labels; (s = strchr(s, ' ')) && s[1]; s++)
		if (!strncmp(s + 1, key, len) && s[1 + len] == '=')
			return s + 2 + len;
	return NULL;
}

/* Is value (up to its blank) one of "v,w" (n bytes)? */
static bool is_one_of(const char *value, const char *list, size_t n)
{
	size_t len = strcspn(value, " ");

	for (const char *s = list; s <= list + n;) {
		size_t one = strcspn(s, ", ");

		if (one == len && !memcmp(s, value, len))
			return true;
		s += one + 1;
	}
	return false;
}

static bool selects(const char *selector, const char *labels)
{
	for (const char *s = selector; *s;) {
		size_t n = strcspn(s, " "), key = strcspn(s + 1, "= ");
		const char *value = value_of(labels, s + 1, key);
		bool holds = value && (s[1 + key] != '=' ||
				       is_one_of(value, s + 2 + key, n - key - 2));

		if (holds != (*s == '+'))
			return false;
		s += n + (s[n] == ' ');
	}
	return true;
}

static const char *namespace_of(const struct collect *c, const struct built *b)
{
	return *b->o.ns ? b->o.ns : c->r->destination_ns ? c->r->destination_ns : "";
}

static void add_to(struct built *b, const struct built *policy)
{
	char *refs;

	if (strpbrk(policy->o.name, " \t\r\n") || b->n_policies == MAX_REFS)
		return;
	b->n_policies++;
	refs = xasprintf("%s%sNetworkPolicy/%s", b->o.refs, *b->o.refs ? " " : "",
			 policy->o.name);
	free(b->o.refs);
	b->o.refs = refs;
}

void netpol_join(struct collect *c)
{
	size_t policies = 0;

	for (size_t i = 0; i < c->objects.len && policies < MAX_POLICIES; i++) {
		const struct built *p = &c->objects.data[i];

		if (!p->selector)
			continue;
		policies++;
		for (size_t k = 0; k < c->objects.len; k++) {
			struct built *b = &c->objects.data[k];

			if (b->labels && !strcmp(namespace_of(c, b), namespace_of(c, p)) &&
			    selects(p->selector, b->labels))
				add_to(b, p);
		}
	}
}
