/*
 * store_codec.h - releases, chunks and records as Secret documents. Pure.
 */
#ifndef SYNC_STORE_CODEC_H
#define SYNC_STORE_CODEC_H

#include <jansson.h>

#include "render/answer.h"
#include "sync/record.h"

#define STORE_NAME 80	/* bytes of a Secret's name, NUL included */

/* id: "ns/name" of the application. */
void store_record_name(const char *id, char out[STORE_NAME]);
void store_release_name(const char *id, uint32_t release, const char *digest,
			char out[STORE_NAME]);
void store_chunk_name(const char *id, const char *digest, char out[STORE_NAME]);

/*
 * What one write of a record's Secret carries. Small releases lie in the same
 * Secret, under "release-<id>": release and inventory are then one write.
 */
struct record_write {
	const struct record *record;
	const char *id, *install_id;
	const char *version;	/* NULL: a create; else a merge patch guarded by it */
	const struct render_answer *release;	/* to embed, or NULL */
	uint32_t release_id;
	const uint32_t *dropped;	/* embedded releases that go */
	size_t n_dropped;
	const char *evidence;	/* of a rejection, beside the record; NULL: none is new */
	uint32_t evidence_id;	/* its release */
};
void store_record_body(const struct record_write *w, struct buf *out);
/*
 * What it takes as it is stored, before base64; chunks that releases share lie there
 * once, but count for each. The index is estimated.
 */
size_t store_bytes(const struct render_answer *a);
/* May it be embedded? At most 48 KiB, fewer when many releases are kept. */
bool store_embeds(const struct render_answer *a, unsigned history_limit);
/* An embedded release; NOTFOUND when the Secret holds none of that id. */
int store_embedded_parse(const json_t *secret, uint32_t release,
			 struct render_answer *ret, struct err *err)
	__attribute__((warn_unused_result));
/* What was kept of a rejection (evidence.h), owned; NULL: NOTFOUND when nothing was. */
json_t *store_evidence_parse(const json_t *secret, uint32_t release, struct err *err);
int store_record_parse(const json_t *secret, size_t max, struct record *ret,
		       struct err *err) __attribute__((warn_unused_result));

/* Do index and chunks fit into one Secret (600 KiB before base64)? */
bool store_fits(const struct render_answer *a);
void store_release_body(const struct render_answer *a, const char *id,
			uint32_t release, bool inlined, struct buf *out);
void store_chunk_body(const struct render_chunk *c, const char *id,
		      struct buf *out);
/* Chunks that were not inlined stay without bytes. */
int store_release_parse(const json_t *secret, struct render_answer *ret,
			struct err *err) __attribute__((warn_unused_result));
int store_chunk_parse(const json_t *secret, struct render_chunk *c,
		      struct err *err) __attribute__((warn_unused_result));

#endif
