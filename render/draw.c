/*
 * draw.c - what an object takes from Secrets of the cluster when it is applied.
 *
 * A Secret names the one that its values come from, and its own values say which: those
 * that are a placeholder, or all of them where none is. A workload asks for new pods when
 * a Secret of the release that it uses changes. Both are for the daemon to fill in: the
 * index says what, and the body keeps what the manifest says.
 */
#include "core/doc.h"
#include "render_priv.h"

#define FROM "syncd.dev/secret-from"
#define PLACEHOLDER "syncd.dev/secret-placeholder"
#define USUAL "StrongBase64Password"
#define RESTART "syncd.dev/restart-on-secrets"

static bool made_of(const char *s, size_t n, size_t max, const char *letters)
{
	return n && n <= max && strspn(s, letters) >= n;
}

#define SMALL "abcdefghijklmnopqrstuvwxyz0123456789-"

/* "name" or "name/namespace", as names of Secrets and namespaces are written. */
static bool is_source(const char *s)
{
	size_t n = strcspn(s, "/");

	return made_of(s, n, 253, SMALL ".") &&
	       (!s[n] || made_of(s + n + 1, strlen(s + n + 1), 63, SMALL));
}

/* As it is, or what its base64 says. */
static bool is_placeholder(const char *value, const char *placeholder)
{
	_cleanup_buf_ struct buf plain = BUF_INIT;

	if (!strcmp(value, placeholder))
		return true;
	return !b64_decode(value, strlen(value), &plain) &&
	       plain.len == strlen(placeholder) &&
	       !memcmp(buf_str(&plain), placeholder, plain.len);
}

static int check_data(const struct node *data, struct err *err)
{
	if (!data || data->kind != NODE_MAP || !data->len)
		return err_set(err, ERR_INVALID, FROM ": the Secret names no keys; write each "
			       "under stringData, with " USUAL " as its value");
	for (uint32_t i = 0; i < data->len; i += 2) {
		const struct node *key = data->kids[i], *value = data->kids[i + 1];

		if (key->kind != NODE_SCALAR || !made_of(key->text, strlen(key->text), 253,
		    SMALL "ABCDEFGHIJKLMNOPQRSTUVWXYZ_."))
			return err_set(err, ERR_INVALID, "line %u: " FROM ": a key of data is "
				       "not one", key->line);
		if (!node_is_null(value) && !node_is_string(value))
			return err_set(err, ERR_INVALID, "line %u: data '%.80s' must be a text: "
				       "quote its value", value->line, key->text);
	}
	return 0;
}

/* " key key": the placeholders, or all where the manifest has none. */
static void list_keys(const struct node *data, const char *placeholder, struct buf *out)
{
	size_t was = out->len;

	for (uint32_t i = 0; i < data->len; i += 2)
		if (!node_is_null(data->kids[i + 1]) &&
		    is_placeholder(data->kids[i + 1]->text, placeholder))
			buf_addf(out, " %s", data->kids[i]->text);
	if (out->len > was)
		return;
	for (uint32_t i = 0; i < data->len; i += 2)
		buf_addf(out, " %s", data->kids[i]->text);
}

static int read_secret(struct rendered *o, const struct node *object,
		       const struct node *notes, const char *from, struct err *err)
{
	const struct node *data = node_get(object, "data");
	const char *placeholder = node_get_str(notes, PLACEHOLDER);
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (*o->group || strcmp(o->kind, "Secret"))
		return err_set(err, ERR_INVALID, "metadata.annotations " FROM ": it is for "
			       "Secrets");
	if (o->flags & OBJ_HOOK)
		return err_set(err, ERR_INVALID, "metadata.annotations " FROM ": a hook's "
			       "values cannot come from elsewhere");
	if (!is_source(from))
		return err_set(err, ERR_INVALID, "metadata.annotations " FROM " '%.80s': write "
			       "a Secret's name, or name/namespace", from);
	if (check_data(data, err))
		return -1;
	buf_addf(&out, "from %s", from);
	list_keys(data, placeholder ? placeholder : USUAL, &out);
	free(o->draws);
	o->draws = buf_steal(&out, NULL);
	return 0;
}

static struct node *map_in(struct arena *a, struct node *map, const char *key)
{
	struct node *n = node_get(map, key);

	if (!n || n->kind != NODE_MAP)
		node_set(a, map, key, n = node_new_map(a));
	return n;
}

/* The daemon puts the digest of the Secrets there. */
static int read_workload(struct arena *a, struct rendered *o, const struct node *object,
			 struct err *err)
{
	struct node *pods = node_find(object, "spec", "template", NULL);
	bool rolls = !strcmp(o->group, "apps") || !strcmp(o->kind, "Rollout");

	if (!rolls || !pods || pods->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "metadata.annotations " RESTART ": it is for "
			       "Deployments, StatefulSets and DaemonSets");
	node_set(a, map_in(a, map_in(a, pods, "metadata"), "annotations"),
		 RENDER_SECRETS_DIGEST, node_new_str(a, ""));
	free(o->draws);
	o->draws = xstrdup("restart");
	return 0;
}

int draw_read(struct arena *a, struct rendered *o, const struct node *object,
	      struct err *err)
{
	const struct node *notes = node_find(object, "metadata", "annotations", NULL);
	const char *from = node_get_str(notes, FROM), *restart = node_get_str(notes, RESTART);

	if (from)
		return read_secret(o, object, notes, from, err);
	if (restart && !strcmp(restart, "true"))
		return read_workload(a, o, object, err);
	return 0;
}
