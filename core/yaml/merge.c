/*
 * merge.c - the rules of a map: no key twice (unless its reader minds none), and `<<`.
 *
 * A merged key yields to an explicit one that follows it, as in yaml v2. One that
 * stands before the `<<` would be overwritten there, which nobody means: refused.
 * In Kustomize's dialect an explicit key always stays, keys are told apart by their
 * texts alone, and even a quoted `<<` disappears.
 */
#include "yaml_priv.h"

#define MERGE_TAG "tag:yaml.org,2002:merge"
#define SMALL_MAP 16	/* keys */

static bool is_merge(const struct node *n)
{
	return n->kind == NODE_SCALAR && strcmp(n->text, "<<") == 0 &&
	       (n->tag ? strcmp(n->tag, MERGE_TAG) == 0 : n->implicit);
}

/* The one key of a map whose value the index holds. */
struct key_ref {
	const char *text;
	uint32_t line, at;
};

static int key_ref_cmp(const void *a, const void *b)
{
	const struct key_ref *x = a, *y = b;
	int c = strcmp(x->text, y->text);

	return c ? c : (x->at > y->at) - (x->at < y->at);
}

static const char *key_text(const struct node *key, bool v3, char tmp[32],
			    struct err *err)
{
	return v3 && key->kind == NODE_SCALAR ? key->text : node_key_text(key, tmp, err);
}

/* All keys of n pairs as sorted texts. Owned by the caller; converted ones by a. */
static struct key_ref *keys_sorted(struct node *const *kids, size_t n, bool v3,
				   struct arena *a, struct err *err)
{
	struct key_ref *refs = xcalloc(n, sizeof(*refs));

	for (size_t i = 0; i < n; i++) {
		char tmp[32];
		const char *text = key_text(kids[2 * i], v3, tmp, err);

		if (!text) {
			free(refs);
			return NULL;
		}
		refs[i].text = text == tmp ? arena_strdup(a, tmp) : text;
		refs[i].line = kids[2 * i]->line;
		refs[i].at = (uint32_t)i;
	}
	qsort(refs, n, sizeof(*refs), key_ref_cmp);
	return refs;
}

static int refuse_double(const struct key_ref *first, const struct key_ref *second,
			 struct err *err)
{
	return err_set(err, ERR_INVALID, "line %u: key '%.80s' is there already, on line %u; "
		       "remove one of them", second->line, second->text, first->line);
}

/* Kustomize takes what is no text for a key only where it cannot be written. */
static int check_scalars(const struct node *map, struct err *err)
{
	char tmp[32];

	for (uint32_t i = 0; i < map->len; i += 2)
		if (map->kids[i]->kind != NODE_SCALAR &&
		    !node_key_text(map->kids[i], tmp, err))
			return -1;
	return 0;
}

static void take_out_marked(struct node *map)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < map->len; i += 2) {
		if (!map->kids[i])
			continue;
		map->kids[kept++] = map->kids[i];
		map->kids[kept++] = map->kids[i + 1];
	}
	map->len = kept;
}

/* The first of the two goes; the first pair that is met is told. */
static void drop_first(struct node *map, struct key_rules *rules,
		       const struct key_ref *first, const struct key_ref *second)
{
	if (!rules->dropped.code)
		err_set(&rules->dropped, ERR_INVALID, "line %u: key '%.80s' is there already, "
			"on line %u", second->line, second->text, first->line);
	map->kids[2 * first->at] = NULL;
}

int map_check_keys(struct node *map, struct key_rules *rules, struct err *err)
{
	_cleanup_(arena_deinit) struct arena scratch = { 0 };
	_cleanup_free_ struct key_ref *refs = NULL;
	size_t n = map->len / 2;

	if (rules->doubles == DOUBLES_KEPT)
		return check_scalars(map, err);
	refs = keys_sorted(map->kids, n, false, &scratch, err);
	if (!refs)
		return -1;
	for (size_t i = 1; i < n; i++) {
		if (strcmp(refs[i - 1].text, refs[i].text) != 0)
			continue;
		if (rules->doubles == DOUBLES_REFUSED)
			return refuse_double(&refs[i - 1], &refs[i], err);
		drop_first(map, rules, &refs[i - 1], &refs[i]);
	}
	take_out_marked(map);
	return 0;
}

/* Small maps, which most are, need no order to find a text again. */
static bool has_double(const struct node *map)
{
	for (uint32_t i = 2; i < map->len; i += 2)
		for (uint32_t j = 0; j < i; j += 2)
			if (map->kids[i]->len == map->kids[j]->len &&
			    memcmp(map->kids[i]->text, map->kids[j]->text,
				   map->kids[i]->len) == 0)
				return true;
	return false;
}

int map_check_texts(const struct node *map, struct err *err)
{
	_cleanup_free_ struct key_ref *refs = NULL;
	size_t n = map->len / 2;

	if (n <= SMALL_MAP && !has_double(map))
		return 0;
	refs = keys_sorted(map->kids, n, true, NULL, err);
	for (size_t i = 1; i < n; i++)
		if (strcmp(refs[i - 1].text, refs[i].text) == 0)
			return refuse_double(&refs[i - 1], &refs[i], err);
	return 0;
}

int node_check_doubles(const struct node *n, struct err *err)
{
	if (n->kind == NODE_SCALAR)
		return 0;
	if (n->kind == NODE_MAP && map_check_texts(n, err) < 0)
		return -1;
	for (uint32_t i = 0; i < n->len; i++)
		if (node_check_doubles(n->kids[i], err) < 0)
			return -1;
	return 0;
}

static struct key_ref *find_ref(struct key_ref *refs, size_t n, const char *text)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = strcmp(refs[mid].text, text);

		if (c == 0)
			return &refs[mid];
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* State of one merge: the explicit keys, sorted, and what was merged so far. */
struct merge {
	struct arena *arena;
	bool v3;
	struct key_ref *explicit;
	size_t n_explicit;
	uint32_t at;		/* where `<<` stands among the pairs */
	struct kids out;	/* merged pairs, in order of precedence */
};

/* Adds the pairs of one source but those that an explicit key follows. */
static int merge_map(struct merge *m, const struct node *from, uint32_t line,
		     struct err *err)
{
	if (from->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "line %u: '<<' wants a map or a list of "
			       "maps", line);
	for (uint32_t i = 0; i < from->len; i += 2) {
		char tmp[32];
		const char *text = key_text(from->kids[i], m->v3, tmp, err);
		struct key_ref *ref;

		if (!text)
			return -1;
		ref = find_ref(m->explicit, m->n_explicit, text);
		if (ref && ref->at < m->at && !m->v3)
			return err_set(err, ERR_INVALID, "line %u: '<<' would overwrite key "
				       "'%.80s' of line %u; put '<<' first", line, text,
				       ref->line);
		if (ref)
			continue;
		vec_push(&m->out, from->kids[i]);
		vec_push(&m->out, from->kids[i + 1]);
	}
	return 0;
}

/* Of several sources with one key the first counts; the others' pairs go. */
static int drop_repeated(struct merge *m, struct err *err)
{
	_cleanup_free_ struct key_ref *refs = NULL;
	size_t n = m->out.len / 2, kept = 0;

	refs = keys_sorted(m->out.data, n, m->v3, m->arena, err);
	if (!refs)
		return -1;
	for (size_t i = 1; i < n; i++) {
		if (strcmp(refs[i - 1].text, refs[i].text) == 0)
			m->out.data[2 * (size_t)refs[i].at] = NULL;
	}
	for (size_t i = 0; i < n; i++) {
		if (!m->out.data[2 * i])
			continue;
		m->out.data[2 * kept] = m->out.data[2 * i];
		m->out.data[2 * kept++ + 1] = m->out.data[2 * i + 1];
	}
	m->out.len = 2 * kept;
	return 0;
}

static int merge_value(struct merge *m, const struct node *value, uint32_t line,
		       struct err *err)
{
	if (value->kind != NODE_LIST)
		return merge_map(m, value, line, err);
	for (uint32_t i = 0; i < value->len; i++) {
		if (merge_map(m, value->kids[i], line, err) < 0)
			return -1;
	}
	return 0;
}

/* The pair of `<<` among kids[from..], as a pair's index, or SIZE_MAX; -1: two. */
static int find_merge(const struct kids *k, size_t from, size_t *ret,
		      struct err *err)
{
	*ret = SIZE_MAX;
	for (size_t i = from; i + 1 < k->len; i += 2) {
		if (!is_merge(k->data[i]))
			continue;
		if (*ret != SIZE_MAX)
			return err_set(err, ERR_INVALID, "line %u: '<<' twice in one map; "
				       "give it a list", k->data[i]->line);
		*ret = (i - from) / 2;
	}
	return 0;
}

static void drop_pair(struct kids *k, size_t from, size_t at)
{
	struct node **pairs = k->data + from;

	memmove(pairs + 2 * at, pairs + 2 * at + 2,
		(k->len - from - 2 * at - 2) * sizeof(*pairs));
	k->len -= 2;
}

/* The reference clears the field `<<` of every map, also where it merges nothing. */
static void drop_text(struct kids *k, size_t from)
{
	for (size_t i = from; i + 1 < k->len; i += 2) {
		if (k->data[i]->kind == NODE_SCALAR &&
		    strcmp(k->data[i]->text, "<<") == 0) {
			drop_pair(k, from, (i - from) / 2);
			return;
		}
	}
}

static int merge_run(struct merge *m, struct kids *k, size_t from, size_t at,
		     struct err *err)
{
	struct node **pairs = k->data + from;
	struct node *key = pairs[2 * at], *value = pairs[2 * at + 1];

	m->at = (uint32_t)at;
	drop_pair(k, from, at);	/* what stood behind it keeps an index >= at */
	m->n_explicit = (k->len - from) / 2;
	m->explicit = keys_sorted(pairs, m->n_explicit, m->v3, m->arena, err);
	if (!m->explicit || merge_value(m, value, key->line, err) < 0 ||
	    drop_repeated(m, err) < 0)
		return -1;
	for (size_t i = 0; i < m->out.len; i++)
		vec_push(k, m->out.data[i]);
	return 0;
}

int map_merge(struct kids *k, size_t from, bool v3, struct arena *a, struct err *err)
{
	struct merge m = { .arena = a, .v3 = v3 };
	size_t at;
	int r;

	if (find_merge(k, from, &at, err) < 0)
		return -1;
	if (at == SIZE_MAX) {
		if (v3)
			drop_text(k, from);
		return 0;
	}
	r = merge_run(&m, k, from, at, err);
	free(m.explicit);
	vec_deinit(&m.out);
	return r;
}
