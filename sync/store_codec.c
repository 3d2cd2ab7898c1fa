/*
 * The Secrets that hold releases and records. Names are made from a hash of the
 * application's namespace and name, so that any name fits; the annotation
 * syncd.dev/application says it in clear.
 */
#include "store_codec.h"

#include "core/doc.h"
#include "core/zip.h"

#include <stdio.h>

#define INLINE_MAX ((size_t)600 << 10)
#define CHUNK_MAX ((size_t)64 << 20)
#define EVIDENCE_MAX ((size_t)1 << 20)
#define EMBED_MAX ((size_t)48 << 10)
#define EMBED_TOTAL ((size_t)560 << 10)	/* a Secret holds 1 MiB */

static void app_hash(const char *id, char out[17])
{
	char hex[65];

	sha256_hex(id, strlen(id), hex);
	memcpy(out, hex, 16);
	out[16] = '\0';
}

void store_record_name(const char *id, char out[STORE_NAME])
{
	char h[17];

	app_hash(id, h);
	snprintf(out, STORE_NAME, "syncd-state-%s", h);
}

void store_release_name(const char *id, uint32_t release, const char *digest,
			char out[STORE_NAME])
{
	char h[17];

	app_hash(id, h);
	snprintf(out, STORE_NAME, "syncd-release-%s-%u-%.12s", h, release, digest);
}

void store_chunk_name(const char *id, const char *digest, char out[STORE_NAME])
{
	char h[17];

	app_hash(id, h);
	snprintf(out, STORE_NAME, "syncd-chunk-%s-%.24s", h, digest);
}

static void head(struct buf *out, const char *name, const char *id,
		 const char *kind, const char *type)
{
	char h[17];

	app_hash(id, h);
	buf_addf(out, "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"type\":"
		 "\"syncd.dev/%s\",\"metadata\":{\"name\":\"%s\",\"labels\":{"
		 "\"app.kubernetes.io/managed-by\":\"syncd\","
		 "\"syncd.dev/record\":\"%s\",\"syncd.dev/application\":\"%s\"},"
		 "\"annotations\":{\"syncd.dev/application\":", type, name, kind, h);
	doc_write_str(out, id);
	buf_addc(out, '}');
}

static void add_data(struct buf *out, const char *key, const void *data,
		     size_t len)
{
	buf_addf(out, "\"%s\":\"", key);
	b64_encode(data, len, out);
	buf_addc(out, '"');
}

static void add_state(const struct record *r, struct buf *out)
{
	_cleanup_buf_ struct buf json = BUF_INIT, zipped = BUF_INIT;

	record_encode(r, &json);
	zip_deflate(buf_str(&json), json.len, &zipped);
	add_data(out, "state", zipped.data, zipped.len);
}

static void add_embedded(const struct render_answer *a, uint32_t id,
			 struct buf *out)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT, zipped = BUF_INIT;
	char key[32];

	render_answer_encode(a, &bytes);
	zip_deflate(buf_str(&bytes), bytes.len, &zipped);
	snprintf(key, sizeof(key), "release-%u", id);
	buf_addc(out, ',');
	add_data(out, key, zipped.data, zipped.len);
}

/* The new one; with it the older ones go that the record says are kept no longer. */
static void add_evidence(const struct record_write *w, struct buf *out)
{
	_cleanup_buf_ struct buf zipped = BUF_INIT;
	char key[32];

	zip_deflate(w->evidence, strlen(w->evidence), &zipped);
	snprintf(key, sizeof(key), "evidence-%u", w->evidence_id);
	buf_addc(out, ',');
	add_data(out, key, zipped.data, zipped.len);
	for (size_t i = 0; w->version && i < w->record->releases.len; i++) {
		const struct release *r = &w->record->releases.data[i];

		if (!r->evidence && r->id != w->evidence_id)
			buf_addf(out, ",\"evidence-%u\":null", r->id);
	}
}

void store_record_body(const struct record_write *w, struct buf *out)
{
	char name[STORE_NAME];

	if (w->version) {
		buf_adds(out, "{\"metadata\":{\"resourceVersion\":");
		doc_write_str(out, w->version);
	} else {
		store_record_name(w->id, name);
		head(out, name, w->id, "state", "state");
	}
	buf_adds(out, "},\"data\":{");
	add_state(w->record, out);
	buf_addc(out, ',');
	add_data(out, "install", w->install_id, strlen(w->install_id));
	if (w->release)
		add_embedded(w->release, w->release_id, out);
	if (w->evidence)
		add_evidence(w, out);
	for (size_t i = 0; w->version && i < w->n_dropped; i++)
		buf_addf(out, ",\"release-%u\":null,\"evidence-%u\":null",
			 w->dropped[i], w->dropped[i]);
	buf_adds(out, "}}");
}

size_t store_bytes(const struct render_answer *a)
{
	size_t total = a->n_objects * 120;	/* the index, deflated: an estimate */

	for (size_t i = 0; i < a->n_chunks; i++)
		total += a->chunks[i].deflated_len;
	return total;
}

bool store_embeds(const struct render_answer *a, unsigned history_limit)
{
	size_t limit = EMBED_TOTAL / (history_limit + 4);

	return store_bytes(a) <= (limit < EMBED_MAX ? limit : EMBED_MAX);
}

/* The bytes of data.<key>; -1 when it is not there or not base64. */
static int get_data(const json_t *secret, const char *key, struct buf *out,
		    struct err *err)
{
	const char *text = doc_get_str(secret, "data", key, NULL);
	const char *name = doc_get_str(secret, "metadata", "name", NULL);

	if (!text || b64_decode(text, strlen(text), out))
		return err_set(err, ERR_INVALID, "Secret %s has no valid data.%s",
			       name ? name : "(unnamed)", key);
	return 0;
}

int store_record_parse(const json_t *secret, size_t max, struct record *ret,
		       struct err *err)
{
	_cleanup_buf_ struct buf zipped = BUF_INIT, json = BUF_INIT;

	if (get_data(secret, "state", &zipped, err) ||
	    zip_inflate(zipped.data, zipped.len, max, &json, err))
		return -1;
	return record_decode(ret, buf_str(&json), json.len, err);
}

bool store_fits(const struct render_answer *a)
{
	return store_bytes(a) <= INLINE_MAX;
}

void store_release_body(const struct render_answer *a, const char *id,
			uint32_t release, bool inlined, struct buf *out)
{
	_cleanup_buf_ struct buf index = BUF_INIT, zipped = BUF_INIT;
	char name[STORE_NAME], key[32];

	render_index_encode(a, &index);
	zip_deflate(buf_str(&index), index.len, &zipped);
	store_release_name(id, release, a->digest, name);
	head(out, name, id, "release", "release");
	buf_adds(out, "},\"immutable\":true,\"data\":{");
	add_data(out, "index", zipped.data, zipped.len);
	for (size_t i = 0; inlined && i < a->n_chunks; i++) {
		snprintf(key, sizeof(key), "chunk-%zu", i);
		buf_addc(out, ',');
		add_data(out, key, a->chunks[i].deflated,
			 a->chunks[i].deflated_len);
	}
	buf_adds(out, "}}");
}

void store_chunk_body(const struct render_chunk *c, const char *id,
		      struct buf *out)
{
	char name[STORE_NAME];

	store_chunk_name(id, c->digest, name);
	head(out, name, id, "chunk", "release");
	buf_adds(out, "},\"immutable\":true,\"data\":{");
	add_data(out, "chunk", c->deflated, c->deflated_len);
	buf_adds(out, "}}");
}

static int take_chunk(struct render_chunk *c, const json_t *secret,
		      const char *key, struct err *err)
{
	struct buf bytes = BUF_INIT;
	size_t len;

	if (get_data(secret, key, &bytes, err)) {
		buf_deinit(&bytes);
		return -1;
	}
	free(c->deflated);
	c->deflated = (uint8_t *)buf_steal(&bytes, &len);
	c->deflated_len = (uint32_t)len;
	return 0;
}

int store_release_parse(const json_t *secret, struct render_answer *ret,
			struct err *err)
{
	_cleanup_buf_ struct buf zipped = BUF_INIT, index = BUF_INIT;
	char key[32];

	if (get_data(secret, "index", &zipped, err) ||
	    zip_inflate(zipped.data, zipped.len, CHUNK_MAX, &index, err) ||
	    render_index_decode(ret, buf_str(&index), index.len, err))
		return -1;
	for (size_t i = 0; i < ret->n_chunks; i++) {
		snprintf(key, sizeof(key), "chunk-%zu", i);
		if (doc_get(secret, "data", key, NULL) &&
		    take_chunk(&ret->chunks[i], secret, key, err))
			return -1;
	}
	return 0;
}

int store_embedded_parse(const json_t *secret, uint32_t release,
			 struct render_answer *ret, struct err *err)
{
	_cleanup_buf_ struct buf zipped = BUF_INIT, bytes = BUF_INIT;
	char key[32];

	snprintf(key, sizeof(key), "release-%u", release);
	if (!doc_get(secret, "data", key, NULL))
		return err_set(err, ERR_NOTFOUND, "no %s in the state record", key);
	if (get_data(secret, key, &zipped, err) ||
	    zip_inflate(zipped.data, zipped.len, CHUNK_MAX, &bytes, err))
		return -1;
	return render_answer_decode(ret, buf_str(&bytes), bytes.len, err);
}

json_t *store_evidence_parse(const json_t *secret, uint32_t release, struct err *err)
{
	_cleanup_buf_ struct buf zipped = BUF_INIT, text = BUF_INIT;
	char key[32];

	snprintf(key, sizeof(key), "evidence-%u", release);
	if (!doc_get(secret, "data", key, NULL)) {
		err_set(err, ERR_NOTFOUND, "nothing more is kept of release #%u", release);
		return NULL;
	}
	if (get_data(secret, key, &zipped, err) ||
	    zip_inflate(zipped.data, zipped.len, EVIDENCE_MAX, &text, err))
		return NULL;
	return doc_parse(buf_str(&text), text.len, err);
}

int store_chunk_parse(const json_t *secret, struct render_chunk *c,
		      struct err *err)
{
	return take_chunk(c, secret, "chunk", err);
}
