/*
 * nameref.c - puts new names where objects name each other (filters/nameref,
 * internal/accumulator/namereferencetransformer.go).
 *
 * Every field that the name reference table lists is looked at; who had the name
 * that is written there is asked of the map's index, so that the work grows with the
 * fields and not with their product with the objects. The candidates go through the
 * reference's sieves; one left gives the name (and, of a map, the namespace), none
 * leaves the field alone, and several that differ are an error.
 */
#include <uthash.h>

#include "transform.h"

/* Where objects were once, and where those are now: "was\x1fnow", "was\x1fraw"... */
struct place {
	UT_hash_handle hh;
	char key[];
};

struct refs {
	struct kmap *m;
	struct place *places;
	/* of the referrer at hand */
	struct kres *referrer;
	struct kstrings account_ns;	/* a RoleBinding's (getNamespacesForRoleBinding) */
	const struct kgvk *target;
	const struct kgvk *role;	/* NULL: not at a roleRef */
	bool changed;
};

/* --- who can be named by whom ----------------------------------------------------- */

static bool has_text(const struct kstrings *l, const char *s)
{
	for (size_t i = 0; i < l->len; i++) {
		if (strcmp(l->data[i], s) == 0)
			return true;
	}
	return false;
}

/* SubsetThatCouldBeReferencedByResource */
static bool is_visible(const struct refs *c, const struct kres *r)
{
	const struct kid *from = &c->referrer->id;

	return from->cluster || r->id.cluster ||
	       strcmp(kid_ns(from), kid_ns(&r->id)) == 0 ||
	       has_text(&c->account_ns, r->id.ns);
}

static void add_place(struct refs *c, const char *was, char how, const char *now)
{
	size_t was_len = strlen(was), now_len = strlen(now), len = was_len + now_len + 2;
	struct place *p = xcalloc(1, sizeof(*p) + len + 1), *old;

	memcpy(p->key, was, was_len);
	p->key[was_len] = '\x1f';
	p->key[was_len + 1] = how;
	memcpy(p->key + was_len + 2, now, now_len);
	HASH_FIND(hh, c->places, p->key, len, old);
	if (old)
		free(p);
	else
		HASH_ADD_KEYPTR(hh, c->places, p->key, len, p);
}

static bool has_place(const struct refs *c, const char *was, char how, const char *now)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	struct place *p;

	buf_addf(&key, "%s\x1f%c%s", was, how, now);
	HASH_FIND(hh, c->places, buf_str(&key), key.len, p);
	return p != NULL;
}

static void note_places(struct refs *c)
{
	for (size_t i = 0; i < kmap_len(c->m); i++) {
		const struct kres *r = kmap_at(c->m, i);
		struct kid org = kres_org_id(r);
		const char *was = kid_ns(&org);

		add_place(c, was, 'a', "");
		if (r->id.cluster) {
			add_place(c, was, 'c', "");
		} else {
			add_place(c, was, 'e', kid_ns(&r->id));
			add_place(c, was, 'r', r->id.ns);
		}
	}
}

static void drop_places(struct refs *c)
{
	struct place *p, *next;

	HASH_ITER(hh, c->places, p, next) {
		HASH_DEL(c->places, p);
		free(p);
	}
}

/* Is there a visible object that was in namespace ns in the beginning? */
static bool anyone_was_in(const struct refs *c, const char *ns)
{
	const struct kid *from = &c->referrer->id;

	if (from->cluster)
		return has_place(c, ns, 'a', "");
	if (has_place(c, ns, 'c', "") || has_place(c, ns, 'e', kid_ns(from)))
		return true;
	for (size_t i = 0; i < c->account_ns.len; i++) {
		if (has_place(c, ns, 'r', c->account_ns.data[i]))
			return true;
	}
	return false;
}

/* --- sieves ------------------------------------------------------------------------ */

static bool had_name(const struct kres *r, const char *name)
{
	for (size_t i = 0; i < r->prev.len; i++) {
		if (strcmp(r->prev.data[i].name, name) == 0)
			return true;
	}
	return false;
}

/* previousIdSelectedByGvk */
static bool was_a(const struct kres *r, const struct kgvk *gvk)
{
	for (size_t i = 0; i < r->prev.len; i++) {
		if (kgvk_selected(&r->prev.data[i].gvk, gvk))
			return true;
	}
	return false;
}

/* ServiceAccounts can be named from other namespaces: by RoleBindings. */
static bool is_near(const struct kres *referrer, const struct kres *r)
{
	return referrer->id.cluster || r->id.cluster ||
	       strcmp(r->id.gvk.kind, "ServiceAccount") == 0 ||
	       strcmp(kid_ns(&referrer->id), kid_ns(&r->id)) == 0;
}

struct texts { const char *const *data; size_t len; };

/* SameEndingSubSlice: an empty one ends like an empty one only. */
static bool same_ending(struct texts a, struct texts b)
{
	size_t n = a.len < b.len ? a.len : b.len;

	if (!n)
		return a.len == b.len;
	for (size_t i = 1; i <= n; i++) {
		if (strcmp(a.data[a.len - i], b.data[b.len - i]) != 0)
			return false;
	}
	return true;
}

static bool same_affix(struct texts a, struct texts b, bool allow_empty)
{
	return (allow_empty && (!a.len || !b.len)) || same_ending(a, b);
}

#define TEXTS(v) ((struct texts){ (v).data, (v).len })

/* PrefixesSuffixesEquals */
static bool same_affixes(const struct kres *a, const struct kres *b, bool allow_empty)
{
	return same_affix(TEXTS(a->prefixes), TEXTS(b->prefixes), allow_empty) &&
	       same_affix(TEXTS(a->suffixes), TEXTS(b->suffixes), allow_empty);
}

static void sieve_affixes(const struct refs *c, struct kres_list *l, bool allow_empty)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->len; i++) {
		if (same_affixes(l->data[i], c->referrer, allow_empty))
			l->data[kept++] = l->data[i];
	}
	l->len = kept;
}

/* Where a map names its namespace: those who were there, else those who are. */
static void sieve_ns(const struct refs *c, struct kres_list *l, const char *ns)
{
	bool by_origin = anyone_was_in(c, ns), nowhere;
	size_t kept = 0;

	nowhere = strcmp(ns, "_non_namespaceable_") == 0;
	for (size_t i = 0; i < l->len && !nowhere; i++) {
		struct kid id = by_origin ? kres_org_id(l->data[i]) : l->data[i]->id;

		if (strcmp(kid_ns(&id), ns) == 0)
			l->data[kept++] = l->data[i];
	}
	l->len = kept;
}

static void sieve(const struct refs *c, struct kres_list *l, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->len; i++) {
		struct kres *r = l->data[i];

		if (is_visible(c, r) && had_name(r, name) && was_a(r, c->target) &&
		    (!c->role || was_a(r, c->role)) && is_near(c->referrer, r))
			l->data[kept++] = r;
	}
	l->len = kept;
}

static bool are_alike(const struct kres_list *l, bool with_ns)
{
	for (size_t i = 1; i < l->len; i++) {
		if (strcmp(l->data[0]->id.name, l->data[i]->id.name) != 0 ||
		    (with_ns && strcmp(l->data[0]->id.ns, l->data[i]->id.ns) != 0))
			return false;
	}
	return true;
}

static const char *place_of(struct kust *k, const struct kres *r)
{
	if (!*r->file)
		return "a generator";
	return arena_printf(&k->arena, "%s:%u", r->file, r->line);
}

static int ambiguous(struct kust *k, const struct kres_list *l, const char *name,
		     struct err *err)
{
	const struct kres *a = l->data[0], *b = l->data[1];

	return err_set(err, ERR_INVALID, "'%s' can be %s, from %s, and %s, from %s: give them "
		       "different names", name, kid_text(&k->arena, &a->id), place_of(k, a),
		       kid_text(&k->arena, &b->id), place_of(k, b));
}

/* selectReferral: *ret is NULL where there is none. map: see setMapping, or NULL. */
static int choose(struct kust *k, struct refs *c, const char *name,
		  const struct node *map, struct kres **ret, struct err *err)
{
	_cleanup_kres_list_ struct kres_list l = { 0 };
	const struct node *ns = map ? kget(map, "namespace") : NULL;

	*ret = NULL;
	kmap_by_any_name(c->m, name, &l);
	if (ns)
		sieve_ns(c, &l, ktext(ns));
	sieve(c, &l, name);
	if (l.len > 1)
		sieve_affixes(c, &l, true);
	if (l.len > 1)
		sieve_affixes(c, &l, false);
	if (l.len > 1 && !are_alike(&l, map != NULL))
		return ambiguous(k, &l, name, err);
	if (!l.len)
		return 0;
	*ret = l.data[0];
	vec_push(&(*ret)->ref_by, c->referrer->id);
	return 0;
}

/* --- fields ------------------------------------------------------------------------ */

/* FieldSetter: the new text keeps the old one's quotes, and not its tag. */
static int write_text(struct refs *c, struct node *n, const char *text, struct err *err)
{
	c->changed = true;
	return kset_scalar(n, text, KSET_GUESSED, err);
}

static int set_scalar(struct kust *k, struct refs *c, struct node *n, struct err *err)
{
	struct kres *to;

	if (choose(k, c, n->text, NULL, &to, err) < 0)
		return -1;
	if (!to || strcmp(to->id.name, n->text) == 0)
		return 0;
	return write_text(c, n, to->id.name, err);
}

static int set_ns(struct kust *k, struct refs *c, struct node *map, const char *ns,
		  struct err *err)
{
	struct node *old = kget(map, "namespace");

	if (old)
		return write_text(c, old, ns, err);
	kset(k, map, "namespace", kstring(k, ns));	/* it quotes what it must */
	return 0;
}

static int set_map(struct kust *k, struct refs *c, struct node *map, struct err *err)
{
	struct node *name = kget(map, "name");
	struct kres *to;

	if (!name)
		return err_set(err, ERR_INVALID, "line %u: no 'name' is there", map->line);
	if (choose(k, c, ktext(name), map, &to, err) < 0)
		return -1;
	if (!to || (strcmp(to->id.name, ktext(name)) == 0 && !*to->id.ns))
		return 0;
	if (write_text(c, name, to->id.name, err) < 0)
		return -1;
	return *to->id.ns ? set_ns(k, c, map, to->id.ns, err) : 0;
}

static int set(struct kust *k, struct refs *c, struct node *n, bool in_list,
	       struct err *err)
{
	if (knull(n))
		return 0;
	if (n->kind == NODE_SCALAR)
		return set_scalar(k, c, n, err);
	if (n->kind == NODE_MAP)
		return set_map(k, c, n, err);
	if (in_list)
		return err_set(err, ERR_INVALID, "line %u: a text or a map is expected here",
			       n->line);
	for (uint32_t i = 0; i < n->len; i++) {
		if (set(k, c, n->kids[i], true, err) < 0)
			return -1;
	}
	return 0;
}

static int at_field(struct kust *k, struct kres *r, struct node *n, void *arg,
		    struct err *err)
{
	(void)r;
	return set(k, arg, n, false, err);
}

/* --- referrers --------------------------------------------------------------------- */

/* getNamespacesForRoleBinding */
static int find_account_ns(struct refs *c, struct err *err)
{
	const struct node *subjects = kget(c->referrer->root, "subjects");

	c->account_ns.len = 0;
	if (strcmp(c->referrer->id.gvk.kind, "RoleBinding") != 0 || !subjects ||
	    subjects->kind != NODE_LIST)
		return 0;
	for (uint32_t i = 0; i < subjects->len; i++) {
		const struct node *ns = kget(subjects->kids[i], "namespace");

		if (!ns || strcmp(ktext(kget(subjects->kids[i], "kind")),
				  "ServiceAccount") != 0)
			continue;
		if (ns->kind != NODE_SCALAR || node_type3(ns) != NODE_STR)
			return err_set(err, ERR_INVALID, "line %u: a subject's namespace is "
				       "no text", ns->line);
		if (!has_text(&c->account_ns, ns->text))
			vec_push(&c->account_ns, ns->text);
	}
	return 0;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

/* getRoleRefGvk: false where roleRef says too little. */
static bool role_of(const struct kres *r, const char *path, struct kgvk *ret)
{
	const struct node *ref = kget(r->root, "roleRef");
	const struct node *group = kget(ref, "apiGroup"), *kind = kget(ref, "kind");

	if (!ends_with(path, "roleRef/name") || !group || !kind)
		return false;
	*ret = (struct kgvk){ ktext(group), "", ktext(kind) };
	return true;
}

static int fix_field(struct kust *k, struct refs *c, const struct kfieldspec *spec,
		     const struct kgvk *target, struct err *err)
{
	struct kfieldspec here = { .gvk = c->referrer->id.gvk, .path = spec->path };
	struct kgvk role;

	c->target = target;
	c->role = role_of(c->referrer, spec->path, &role) ? &role : NULL;
	if (kfieldspec_apply(k, c->referrer, &here, -1, at_field, c, err) < 0)
		return err_wrap(err, "a name that it refers to");
	if (c->changed) {	/* a table may list names of objects themselves */
		kres_refresh(k, c->referrer);
		kmap_reindex(c->m, c->referrer);
		c->changed = false;
	}
	return 0;
}

static int fix_referrer(struct kust *k, struct refs *c, const struct knamerefs *table,
			struct err *err)
{
	struct kid org = kres_org_id(c->referrer);

	if (!c->referrer->id.cluster && find_account_ns(c, err) < 0)
		return kres_blame(c->referrer, err);
	for (size_t i = 0; i < table->len; i++) {
		const struct knameref *row = table->data + i;

		for (size_t j = 0; j < row->referrers.len; j++) {
			const struct kfieldspec *spec = row->referrers.data + j;

			if (kgvk_selected(&org.gvk, &spec->gvk) &&
			    fix_field(k, c, spec, &row->gvk, err) < 0)
				return -1;
		}
	}
	return 0;
}

int kust_name_references(struct kust *k, struct kmap *m, const struct knamerefs *refs,
			 struct err *err)
{
	struct refs c = { .m = m };
	int rc = 0;

	note_places(&c);
	for (size_t i = 0; i < kmap_len(m) && rc == 0; i++) {
		c.referrer = kmap_at(m, i);
		c.account_ns.len = 0;
		rc = fix_referrer(k, &c, refs, err);
	}
	drop_places(&c);
	vec_deinit(&c.account_ns);
	return rc;
}
