/*
 * answer.c - a render's answer as bytes, and back.
 *
 * Numbers are big-endian, strings a length and bytes. The decoder reads what a
 * worker sent, and a worker reads what strangers push: every length and number is
 * checked against what is left before anything is allocated, and what the index
 * says of a chunk must fit the chunk. Everything that fails is ERR_INTERNAL.
 */
#include "render/answer.h"

#include "core/doc.h"
#include "core/mem.h"
#include "core/zip.h"

#define MAGIC_ANSWER 0x53594131u	/* "SYA1" */
#define MAGIC_INDEX 0x53594931u		/* "SYI1" */
/* What is lacking before anything can be rendered. */
enum need { NEED_NOTHING, NEED_EXEC, NEED_REMOTE, NEED_N };

#define CHUNK_RAW_MAX ((uint32_t)64 << 20)

static void put_u32(struct buf *out, uint32_t v)
{
	unsigned char b[4] = { (unsigned char)(v >> 24), (unsigned char)(v >> 16),
			       (unsigned char)(v >> 8), (unsigned char)v };

	buf_add(out, b, sizeof(b));
}

static void put_bytes(struct buf *out, const void *data, size_t len)
{
	put_u32(out, (uint32_t)len);
	buf_add(out, data, len);
}

static void put_str(struct buf *out, const char *s)
{
	put_bytes(out, s ? s : "", s ? strlen(s) : 0);
}

static void put_object(struct buf *out, const struct rendered *o)
{
	put_str(out, o->group);
	put_str(out, o->version);
	put_str(out, o->kind);
	put_str(out, o->ns);
	put_str(out, o->name);
	put_u32(out, (uint32_t)o->wave);
	put_u32(out, o->flags);
	put_str(out, o->digest);
	put_str(out, o->hook);
	put_str(out, o->source);
	put_str(out, o->refs);
	put_str(out, o->images);
	put_u32(out, o->chunk);
	put_u32(out, o->offset);
	put_u32(out, o->length);
}

/* One text of each object that came with a later version. */
static char **service_of(struct rendered *o)
{
	return &o->service;
}

static char **draws_of(struct rendered *o)
{
	return &o->draws;
}

static bool any(const struct render_answer *a, char **(*of)(struct rendered *o))
{
	for (size_t i = 0; i < a->n_objects; i++) {
		const char *s = *of(&a->objects[i]);

		if (s && *s)
			return true;
	}
	return false;
}

static void put_each(struct buf *out, const struct render_answer *a,
		     char **(*of)(struct rendered *o))
{
	size_t n = any(a, of) ? a->n_objects : 0;

	put_u32(out, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		put_str(out, *of(&a->objects[i]));
}

/* What came with later versions; left out where it says nothing, as before them. */
static void put_more(struct buf *out, const struct render_answer *a, bool bytes)
{
	bool until = bytes && a->signed_until, draws = any(a, draws_of);

	if (!any(a, service_of) && !draws && !until &&
	    (!bytes || (!a->n_repeats && !a->control && !a->control_why)))
		return;
	put_each(out, a, service_of);
	if (bytes) {
		put_u32(out, (uint32_t)a->n_repeats);
		for (size_t i = 0; i < a->n_repeats; i++)
			put_str(out, a->repeats[i]);
		put_str(out, a->control);
		put_str(out, a->control_why);
	}
	if (draws || until)
		put_each(out, a, draws_of);
	if (until) {
		put_u32(out, (uint32_t)(a->signed_until >> 32));
		put_u32(out, (uint32_t)a->signed_until);
		put_str(out, a->signed_by);
	}
}

static void encode(const struct render_answer *a, bool bytes, struct buf *out)
{
	put_u32(out, bytes ? MAGIC_ANSWER : MAGIC_INDEX);
	put_str(out, a->digest);
	put_str(out, a->input_key);
	put_str(out, a->source_type);
	put_u32(out, a->want_url ? NEED_REMOTE : a->exec_why ? NEED_EXEC : NEED_NOTHING);
	if (a->want_url) {
		put_str(out, a->want_url);
		put_str(out, a->want_ref);
		put_str(out, a->want_by);
	} else if (a->exec_why) {
		put_str(out, a->exec_why);
	}
	put_u32(out, (uint32_t)a->n_warnings);
	for (size_t i = 0; i < a->n_warnings; i++)
		put_str(out, a->warnings[i]);
	put_u32(out, (uint32_t)a->n_chunks);
	for (size_t i = 0; i < a->n_chunks; i++) {
		put_str(out, a->chunks[i].digest);
		put_u32(out, a->chunks[i].raw_len);
		if (bytes)
			put_bytes(out, a->chunks[i].deflated, a->chunks[i].deflated_len);
	}
	put_u32(out, (uint32_t)a->n_objects);
	for (size_t i = 0; i < a->n_objects; i++)
		put_object(out, &a->objects[i]);
	put_more(out, a, bytes);
}

void render_answer_encode(const struct render_answer *a, struct buf *out)
{
	encode(a, true, out);
}

void render_index_encode(const struct render_answer *a, struct buf *out)
{
	encode(a, false, out);
}

/* What is left to read. After the first failure everything reads as empty. */
struct in {
	const unsigned char *p;
	size_t left;
	bool bad;
};

static uint32_t get_u32(struct in *in)
{
	uint32_t v;

	if (in->bad || in->left < 4) {
		in->bad = true;
		return 0;
	}
	v = (uint32_t)in->p[0] << 24 | (uint32_t)in->p[1] << 16 |
	    (uint32_t)in->p[2] << 8 | in->p[3];
	in->p += 4;
	in->left -= 4;
	return v;
}

static const unsigned char *get_bytes(struct in *in, size_t *len)
{
	const unsigned char *p;

	*len = get_u32(in);
	if (in->bad || *len > in->left) {
		in->bad = true;
		*len = 0;
		return NULL;
	}
	p = in->p;
	in->p += *len;
	in->left -= *len;
	return p;
}

/* Owned by the caller; never NULL. */
static char *get_str(struct in *in)
{
	size_t len;
	const unsigned char *p = get_bytes(in, &len);

	if (len && memchr(p, 0, len))
		in->bad = true;
	return in->bad || !len ? xstrdup("") : xstrndup((const char *)p, len);
}

/* A SHA-256 in lower-case hex; empty where that is allowed. */
static void get_digest(struct in *in, bool may_be_empty, char out[65])
{
	size_t len;
	const unsigned char *p = get_bytes(in, &len);

	out[0] = '\0';
	if (in->bad || (!len && may_be_empty))
		return;
	for (size_t i = 0; i < len; i++) {
		bool hex = (p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f');

		in->bad = in->bad || !hex;
	}
	in->bad = in->bad || len != 64;
	if (in->bad)
		return;
	memcpy(out, p, 64);
	out[64] = '\0';
}

/* A count of things that take at least `least` bytes each. */
static size_t get_count(struct in *in, size_t least)
{
	size_t n = get_u32(in);

	if (n > in->left / least) {
		in->bad = true;
		return 0;
	}
	return n;
}

static void get_chunk(struct in *in, bool bytes, struct render_chunk *k)
{
	const unsigned char *p;
	size_t len;

	get_digest(in, false, k->digest);
	k->raw_len = get_u32(in);
	in->bad = in->bad || !k->raw_len || k->raw_len > CHUNK_RAW_MAX;
	if (!bytes)
		return;
	p = get_bytes(in, &len);
	if (in->bad || !len) {
		in->bad = true;
		return;
	}
	k->deflated = xmalloc(len);
	memcpy(k->deflated, p, len);
	k->deflated_len = (uint32_t)len;
}

static void get_object(struct in *in, const struct render_answer *a,
		       struct rendered *o)
{
	o->group = get_str(in);
	o->version = get_str(in);
	o->kind = get_str(in);
	o->ns = get_str(in);
	o->name = get_str(in);
	o->wave = (int)get_u32(in);
	o->flags = get_u32(in);
	get_digest(in, false, o->digest);
	o->hook = get_str(in);
	o->source = get_str(in);
	o->refs = get_str(in);
	o->images = get_str(in);
	o->chunk = get_u32(in);
	o->offset = get_u32(in);
	o->length = get_u32(in);
	o->service = xstrdup("");
	o->draws = xstrdup("");
	if (!*o->version || !*o->kind || !*o->name || o->chunk >= a->n_chunks ||
	    o->offset > a->chunks[o->chunk].raw_len ||
	    o->length > a->chunks[o->chunk].raw_len - o->offset)
		in->bad = true;
}

static char **get_list(struct in *in, size_t *ret_n)
{
	char **list;

	*ret_n = get_count(in, 4);
	list = xcalloc(*ret_n, sizeof(*list));
	for (size_t i = 0; i < *ret_n; i++)
		list[i] = get_str(in);
	return list;
}

static void get_each(struct in *in, struct render_answer *a,
		     char **(*of)(struct rendered *o))
{
	size_t n = get_count(in, 4);

	in->bad = in->bad || (n && n != a->n_objects);
	for (size_t i = 0; i < n && !in->bad; i++) {
		char **s = of(&a->objects[i]);

		free(*s);
		*s = get_str(in);
	}
}

/* "" is the same as nothing. */
static char *get_words(struct in *in)
{
	char *s = get_str(in);

	if (*s)
		return s;
	free(s);
	return NULL;
}

static void get_end(struct in *in, struct render_answer *a)
{
	_cleanup_free_ char *by = NULL;

	a->signed_until = (uint64_t)get_u32(in) << 32;
	a->signed_until |= get_u32(in);
	by = get_str(in);
	in->bad = in->bad || a->signed_until > INT64_MAX / 1000 ||
		  strlen(by) >= sizeof(a->signed_by);
	if (!in->bad)
		memcpy(a->signed_by, by, strlen(by) + 1);
}

/* What came with later versions: all of it, or nothing. */
static void get_more(struct in *in, bool bytes, struct render_answer *a)
{
	if (in->bad || !in->left)
		return;
	get_each(in, a, service_of);
	if (bytes) {
		a->repeats = get_list(in, &a->n_repeats);
		a->control = get_words(in);
		a->control_why = get_words(in);
	}
	if (!in->bad && in->left)
		get_each(in, a, draws_of);
	if (bytes && !in->bad && in->left)
		get_end(in, a);
}

static void get_all(struct in *in, bool bytes, struct render_answer *a)
{
	uint32_t need;

	get_digest(in, true, a->digest);
	get_digest(in, true, a->input_key);
	a->source_type = get_str(in);
	need = get_u32(in);
	in->bad = in->bad || need >= NEED_N;
	if (need == NEED_EXEC)
		a->exec_why = get_str(in);
	if (need == NEED_REMOTE) {
		a->want_url = get_str(in);
		a->want_ref = get_str(in);
		a->want_by = get_str(in);
	}
	a->warnings = get_list(in, &a->n_warnings);
	a->n_chunks = get_count(in, 4 + 64 + 4);
	a->chunks = xcalloc(a->n_chunks, sizeof(*a->chunks));
	for (size_t i = 0; i < a->n_chunks; i++)
		get_chunk(in, bytes, &a->chunks[i]);
	a->n_objects = get_count(in, 15 * 4 + 64);
	a->objects = xcalloc(a->n_objects, sizeof(*a->objects));
	for (size_t i = 0; i < a->n_objects && !in->bad; i++)
		get_object(in, a, &a->objects[i]);
	get_more(in, bytes, a);
}

static int decode(struct render_answer *a, uint32_t magic, const char *data,
		  size_t len, struct err *err)
{
	struct in in = { .p = (const unsigned char *)data, .left = len };

	*a = (struct render_answer){ 0 };
	if (get_u32(&in) != magic)
		in.bad = true;
	if (!in.bad)
		get_all(&in, magic == MAGIC_ANSWER, a);
	if (!in.bad && !in.left)
		return 0;
	render_answer_deinit(a);
	return err_set(err, ERR_INTERNAL, "a render answer of %zu bytes is damaged or of "
		       "another version", len);
}

int render_answer_decode(struct render_answer *a, const char *data, size_t len,
			 struct err *err)
{
	return decode(a, MAGIC_ANSWER, data, len, err);
}

int render_index_decode(struct render_answer *a, const char *data, size_t len,
			struct err *err)
{
	return decode(a, MAGIC_INDEX, data, len, err);
}

static void object_deinit(struct rendered *o)
{
	free(o->group);
	free(o->version);
	free(o->kind);
	free(o->ns);
	free(o->name);
	free(o->hook);
	free(o->source);
	free(o->refs);
	free(o->images);
	free(o->service);
	free(o->draws);
}

void render_answer_deinit(struct render_answer *a)
{
	for (size_t i = 0; a->objects && i < a->n_objects; i++)
		object_deinit(&a->objects[i]);
	for (size_t i = 0; a->chunks && i < a->n_chunks; i++)
		free(a->chunks[i].deflated);
	for (size_t i = 0; a->warnings && i < a->n_warnings; i++)
		free(a->warnings[i]);
	for (size_t i = 0; a->repeats && i < a->n_repeats; i++)
		free(a->repeats[i]);
	free(a->objects);
	free(a->chunks);
	free(a->warnings);
	free(a->repeats);
	free(a->source_type);
	free(a->want_url);
	free(a->want_ref);
	free(a->want_by);
	free(a->exec_why);
	free(a->control);
	free(a->control_why);
	*a = (struct render_answer){ 0 };
}

static int say_lost(const struct rendered *o, struct err *err)
{
	return err_set(err, ERR_INTERNAL, "%s/%s: the chunk of its body is missing or "
		       "damaged", o->kind, o->name);
}

int render_chunk_open(const struct render_answer *a, size_t i, struct buf *raw,
		      struct err *err)
{
	const struct rendered *o = &a->objects[i];
	const struct render_chunk *k = o->chunk < a->n_chunks ? &a->chunks[o->chunk] :
								NULL;
	struct err bad = ERR_INIT;
	char digest[65] = "";

	if (!k || !k->deflated)
		return say_lost(o, err);
	raw->max = CHUNK_RAW_MAX;
	if (!zip_inflate(k->deflated, k->deflated_len, k->raw_len, raw, &bad))
		sha256_hex(buf_str(raw), raw->len, digest);
	if (strcmp(digest, k->digest) == 0 && raw->len == k->raw_len)
		return 0;
	buf_clear(raw);
	return say_lost(o, err);
}

int render_chunk_body(const struct render_answer *a, size_t i, const struct buf *raw,
		      const char **ret, size_t *ret_len, struct err *err)
{
	const struct rendered *o = &a->objects[i];

	if (o->offset > raw->len || o->length > raw->len - o->offset)
		return say_lost(o, err);
	*ret = raw->data + o->offset;
	*ret_len = o->length;
	return 0;
}

int render_bodies_get(struct render_bodies *b, size_t i, const char **ret,
		      size_t *ret_len, struct err *err)
{
	const struct render_answer *a = b->answer;
	uint32_t chunk = a->objects[i].chunk;

	if (!b->chunks)
		b->chunks = xcalloc(a->n_chunks + 1, sizeof(*b->chunks));
	if (chunk >= a->n_chunks)
		return say_lost(&a->objects[i], err);
	if (!b->chunks[chunk].len && render_chunk_open(a, i, &b->chunks[chunk], err))
		return -1;
	return render_chunk_body(a, i, &b->chunks[chunk], ret, ret_len, err);
}

void render_bodies_deinit(struct render_bodies *b)
{
	for (size_t i = 0; b->chunks && i < b->answer->n_chunks; i++)
		buf_deinit(&b->chunks[i]);
	free(b->chunks);
	*b = (struct render_bodies){ 0 };
}

int render_answer_body(const struct render_answer *a, size_t i, char **ret,
		       size_t *ret_len, struct err *err)
{
	_cleanup_buf_ struct buf raw = BUF_INIT;
	const char *body = NULL;

	if (render_chunk_open(a, i, &raw, err) ||
	    render_chunk_body(a, i, &raw, &body, ret_len, err))
		return -1;
	*ret = xmalloc(*ret_len + 1);
	memcpy(*ret, body, *ret_len);
	(*ret)[*ret_len] = '\0';
	return 0;
}
