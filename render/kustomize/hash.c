/*
 * hash.c - names that follow from contents (api/hasher, HashTransformer).
 *
 * The hash is of compact JSON with sorted keys, as Go's encoding/json writes it.
 * Its "name" is always "": the reference looks up a field called "metadata/name".
 */
#include "core/doc.h"

#include "gojson.h"
#include "transform.h"

/* --- what counts (encodeConfigMap, encodeSecret) -------------------------------- */

/* A list where a map should be becomes a nil map, which is written as null. */
static int put_field(struct kust *k, struct buf *out, const struct node *root,
		     const char *field, struct err *err)
{
	const struct node *n = kget(root, field);

	buf_addf(out, "\"%s\":", field);
	if (!n || n->kind == NODE_SCALAR) {
		kgojson_put_text(out, ktext(n), n ? n->len : 0);
	} else if (n->kind == NODE_LIST) {
		buf_adds(out, "null");
	} else if (kgojson_put(&k->arena, out, n, KGOJSON_FLOATS, err) < 0) {
		return err_wrap(err, "%s", field);
	}
	return 0;
}

static bool is_collection(const struct node *n)
{
	return n && n->kind != NODE_SCALAR;
}

static int encode_config_map(struct kust *k, const struct node *root, struct buf *out,
			     struct err *err)
{
	buf_addc(out, '{');
	if (is_collection(kget(root, "binaryData"))) {
		if (put_field(k, out, root, "binaryData", err) < 0)
			return -1;
		buf_addc(out, ',');
	}
	if (put_field(k, out, root, "data", err) < 0)
		return -1;
	buf_adds(out, ",\"kind\":\"ConfigMap\",\"name\":\"\"}");
	return 0;
}

static int encode_secret(struct kust *k, const struct node *root, struct buf *out,
			 struct err *err)
{
	buf_addc(out, '{');
	if (put_field(k, out, root, "data", err) < 0)
		return -1;
	buf_adds(out, ",\"kind\":\"Secret\",\"name\":\"\",");
	if (is_collection(kget(root, "stringData"))) {
		if (put_field(k, out, root, "stringData", err) < 0)
			return -1;
		buf_addc(out, ',');
	}
	if (put_field(k, out, root, "type", err) < 0)
		return -1;
	buf_addc(out, '}');
	return 0;
}

/* Ten hex digits without those that could spell words. */
static void shorten(const char *hex, char out[11])
{
	static const char from[] = "013ae", to[] = "ghkmt";

	for (size_t i = 0; i < 10; i++) {
		const char *at = strchr(from, hex[i]);

		out[i] = at ? to[at - from] : hex[i];
	}
	out[10] = '\0';
}

int kust_hash(struct kust *k, const struct kres *r, char out[11], struct err *err)
{
	_cleanup_buf_ struct buf json = BUF_INIT;
	char hex[65];
	int rc;

	if (strcmp(r->id.gvk.kind, "ConfigMap") == 0)
		rc = encode_config_map(k, r->root, &json, err);
	else if (strcmp(r->id.gvk.kind, "Secret") == 0)
		rc = encode_secret(k, r->root, &json, err);
	else
		rc = err_set(err, ERR_INVALID, "a patch made it something else than a "
			     "ConfigMap or Secret: set disableNameSuffixHash");
	if (rc < 0)
		return -1;
	if (buf_overflowed(&json))
		return err_set(err, ERR_LIMIT, "it is too long for a hash");
	sha256_hex(buf_str(&json), json.len, hex);
	shorten(hex, out);
	return 0;
}

int kust_hash_names(struct kust *k, struct kmap *m, struct err *err)
{
	for (size_t i = 0; i < kmap_len(m); i++) {
		struct kres *r = kmap_at(m, i);
		char hash[11];

		if (!r->needs_hash)
			continue;
		if (kust_hash(k, r, hash, err) < 0)
			return kres_blame(r, err);
		kres_store_previous(k, r);
		kres_set_name(k, r, arena_printf(&k->arena, "%s-%s", r->id.name, hash));
		kmap_reindex(m, r);
	}
	return 0;
}
