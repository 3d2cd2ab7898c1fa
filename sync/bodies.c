#include "bodies.h"

#include <string.h>

#include "core/mem.h"

static void drop(struct bodies_chunk *k)
{
	buf_deinit(&k->raw);
	*k = (struct bodies_chunk){ .raw = BUF_INIT };
}

static struct bodies_chunk *find(struct bodies *b, const char *digest)
{
	for (size_t i = 0; i < BODIES_OPEN; i++)
		if (!strcmp(b->open[i].digest, digest))
			return &b->open[i];
	return NULL;
}

/* A place for that many bytes: what was not used for longest makes room. */
static struct bodies_chunk *make_room(struct bodies *b, size_t len)
{
	for (;;) {
		struct bodies_chunk *oldest = NULL, *empty = NULL;
		size_t bytes = len;

		for (size_t i = 0; i < BODIES_OPEN; i++) {
			struct bodies_chunk *k = &b->open[i];

			bytes += k->raw.len;
			if (!*k->digest)
				empty = k;
			else if (!oldest || k->used < oldest->used)
				oldest = k;
		}
		if (empty && (bytes <= BODIES_BYTES || !oldest))
			return empty;
		drop(oldest);
	}
}

static char *copy(const char *body, size_t len)
{
	char *s = xmalloc(len + 1);

	memcpy(s, body, len);
	s[len] = '\0';
	return s;
}

int bodies_get(struct bodies *b, const struct render_answer *a, size_t i, char **ret,
	       size_t *ret_len, struct err *err)
{
	const struct rendered *o = &a->objects[i];
	struct bodies_chunk *k = NULL;
	const char *body = NULL;

	if (o->chunk < a->n_chunks && *a->chunks[o->chunk].digest)
		k = find(b, a->chunks[o->chunk].digest);
	if (!k) {
		_cleanup_buf_ struct buf raw = BUF_INIT;

		if (render_chunk_open(a, i, &raw, err))
			return -1;
		b->opened++;
		k = make_room(b, raw.len);
		memcpy(k->digest, a->chunks[o->chunk].digest, sizeof(k->digest));
		k->raw = raw;
		raw = (struct buf)BUF_INIT;
	}
	k->used = ++b->clock;
	if (render_chunk_body(a, i, &k->raw, &body, ret_len, err))
		return -1;
	*ret = copy(body, *ret_len);
	if (k->raw.len > BODIES_BYTES)	/* alone too much to keep */
		drop(k);
	return 0;
}

void bodies_deinit(struct bodies *b)
{
	for (size_t i = 0; i < BODIES_OPEN; i++)
		drop(&b->open[i]);
}
