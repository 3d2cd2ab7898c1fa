/*
 * pack.c - the objects of a render -> a release's index and chunks.
 *
 * Objects are sorted by identity, so the answer does not depend on the order of
 * files. Bodies are joined into chunks whose ends are chosen by the objects' own
 * digests: a change moves at most the ends next to it, and all other chunks keep
 * their names. Fails only when two objects have one identity.
 */
#include "core/doc.h"
#include "core/zip.h"
#include "render_priv.h"

#define CHUNK_MIN ((size_t)64 << 10)
#define CHUNK_MEAN ((size_t)192 << 10)	/* beyond the minimum */
#define CHUNK_MAX ((size_t)512 << 10)
#define REPEATS_MAX 20

static int by_identity(const void *pa, const void *pb)
{
	const struct built *a = pa, *b = pb;
	int c = strcmp(a->o.group, b->o.group);

	c = c ? c : strcmp(a->o.kind, b->o.kind);
	c = c ? c : strcmp(a->o.ns, b->o.ns);
	c = c ? c : strcmp(a->o.name, b->o.name);
	c = c ? c : strcmp(a->o.digest, b->o.digest);
	return c ? c : strcmp(a->o.source, b->o.source);
}

/* The identity in the cluster: without a namespace it is the destination's. */
static char *identity(const struct collect *c, const struct built *b)
{
	const char *ns = *b->o.ns ? b->o.ns :
			 c->r->destination_ns ? c->r->destination_ns : "";

	return xasprintf("%s/%s %s/%s", b->o.group, b->o.kind, ns, b->o.name);
}

struct named {
	char *id;
	struct built *b;
};

static int by_id(const void *pa, const void *pb)
{
	const struct named *a = pa, *b = pb;
	int c = strcmp(a->id, b->id);

	return c ? c : (a->b > b->b) - (a->b < b->b);	/* neighbours in Git's order */
}

/* As in Argo CD the last one of an identity is the one to be. */
static void tell_repeat(struct render_answer *a, const struct rendered *gone,
			const struct rendered *stays)
{
	size_t n = a->n_repeats;

	if (n >= REPEATS_MAX)
		return;
	a->repeats = xrealloc(a->repeats, (n + 1) * sizeof(*a->repeats));
	a->repeats[n] = n == REPEATS_MAX - 1 ? xstrdup("and more") :
		xasprintf("%s/%s of %s is not used: %s has it too", gone->kind,
			  gone->name, gone->source, stays->source);
	a->n_repeats++;
}

/* Neighbours are of one identity, in the order of Git. */
static void mark_repeated(struct collect *c, struct named *all, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct built *a = all[i - 1].b, *b = all[i].b;

		if (strcmp(all[i - 1].id, all[i].id))
			continue;
		tell_repeat(c->a, &a->o, &b->o);
		a->repeated = true;
	}
}

static void drop_repeated(struct collect *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->objects.len; i++) {
		struct built *b = &c->objects.data[i];

		if (b->repeated)
			built_deinit(b);
		else
			c->objects.data[n++] = *b;
	}
	c->objects.len = n;
}

static void part_from_repeated(struct collect *c)
{
	struct named *all = xcalloc(c->objects.len, sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; i < c->objects.len; i++) {
		struct built *b = &c->objects.data[i];

		if (!b->generated)
			all[n++] = (struct named){ identity(c, b), b };
	}
	if (n)
		qsort(all, n, sizeof(*all), by_id);
	mark_repeated(c, all, n);
	for (size_t i = 0; i < n; i++)
		free(all[i].id);
	free(all);
	drop_repeated(c);
}

static void close_chunk(struct render_answer *a, struct buf *raw)
{
	struct buf deflated = BUF_INIT;
	struct render_chunk *k;
	size_t len;

	if (!raw->len)
		return;
	a->chunks = xrealloc(a->chunks, (a->n_chunks + 1) * sizeof(*a->chunks));
	k = &a->chunks[a->n_chunks++];
	*k = (struct render_chunk){ .raw_len = (uint32_t)raw->len };
	sha256_hex(buf_str(raw), raw->len, k->digest);
	zip_deflate(buf_str(raw), raw->len, &deflated);
	k->deflated = (uint8_t *)buf_steal(&deflated, &len);
	k->deflated_len = (uint32_t)len;
	buf_clear(raw);
}

/* Does a chunk end behind this object? Likelier the longer the object is. */
static bool is_end(const struct built *b, size_t chunk_len)
{
	char hex[17];

	if (chunk_len < CHUNK_MIN)
		return false;
	memcpy(hex, b->o.digest, 16);
	hex[16] = '\0';
	return strtoull(hex, NULL, 16) % CHUNK_MEAN < b->len;
}

static void make_chunks(struct collect *c)
{
	_cleanup_buf_ struct buf raw = BUF_INIT;

	for (size_t i = 0; i < c->objects.len; i++) {
		struct built *b = &c->objects.data[i];

		if (raw.len && raw.len + b->len > CHUNK_MAX)
			close_chunk(c->a, &raw);
		b->o.chunk = (uint32_t)c->a->n_chunks;
		b->o.offset = (uint32_t)raw.len;
		b->o.length = (uint32_t)b->len;
		buf_add(&raw, b->body, b->len);
		free(steal(&b->body));
		if (is_end(b, raw.len))
			close_chunk(c->a, &raw);
	}
	close_chunk(c->a, &raw);
}

/* Over identities and bodies, but not what we put in: the same for any install. */
static void release_digest(const struct collect *c)
{
	_cleanup_buf_ struct buf all = BUF_INIT;

	for (size_t i = 0; i < c->objects.len; i++) {
		const struct built *b = &c->objects.data[i];

		buf_addf(&all, "%s\t%s\t%s\t%s\t%s\n", b->o.group, b->o.kind, b->o.ns,
			 b->o.name, b->clean);
	}
	sha256_hex(buf_str(&all), all.len, c->a->digest);
}

void pack(struct collect *c)
{
	struct render_answer *a = c->a;

	part_from_repeated(c);
	for (size_t i = 0; i < c->objects.len; i++)
		c->objects.data[i].o.order = (uint32_t)i;
	if (c->objects.len)
		qsort(c->objects.data, c->objects.len, sizeof(*c->objects.data),
		      by_identity);
	netpol_join(c);
	make_chunks(c);
	release_digest(c);
	a->objects = xcalloc(c->objects.len, sizeof(*a->objects));
	a->n_objects = c->objects.len;
	for (size_t i = 0; i < c->objects.len; i++) {
		free(c->objects.data[i].labels);
		free(c->objects.data[i].selector);
		a->objects[i] = c->objects.data[i].o;
	}
	c->objects.len = 0;	/* the strings are the answer's now */
}
