/* What syncd stored of an application, read from its Secrets: works with Git down. */
#include "desired.h"

#include "core/mem.h"
#include "sync/store_codec.h"

static const char *text(const json_t *o, const char *key)
{
	const char *s = doc_get_str(o, key, NULL);

	return s ? s : "";
}

/* ---- what is stored ---- */

static struct kube_ref secret(struct cluster *c, const char *name)
{
	return (struct kube_ref){ .version = "v1", .resource = "secrets",
				  .ns = c->system_ns, .name = name };
}

static int read_chunks(struct cluster *c, const char *id, struct render_answer *a,
		       struct err *err)
{
	for (size_t i = 0; i < a->n_chunks; i++) {
		_cleanup_json_ json_t *o = NULL;
		char name[STORE_NAME];
		struct kube_ref ref;

		if (a->chunks[i].deflated)
			continue;
		store_chunk_name(id, a->chunks[i].digest, name);
		ref = secret(c, name);
		o = cluster_object(c, &ref, err);
		if (!o || store_chunk_parse(o, &a->chunks[i], err))
			return -1;
	}
	return 0;
}

static int read_apart(struct cluster *c, const char *id, uint32_t release,
		      const char *digest, struct render_answer *ret, struct err *err)
{
	_cleanup_json_ json_t *o = NULL;
	char name[STORE_NAME];
	struct kube_ref ref;

	store_release_name(id, release, digest, name);
	ref = secret(c, name);
	o = cluster_object(c, &ref, err);
	if (!o || store_release_parse(o, ret, err))
		return -1;
	return read_chunks(c, id, ret, err);
}

/* The application's record, owned. Fills c->system_ns. */
static json_t *read_record(struct cluster *c, const struct options *o, const json_t *app,
			   struct err *err)
{
	_cleanup_free_ char *id = xasprintf("%s/%s", c->ns,
		text(doc_get(app, "metadata", NULL), "name"));
	const char *ns = cluster_system_ns(c, o, c->ns, err);
	char name[STORE_NAME];
	struct kube_ref ref;

	if (!ns)
		return NULL;
	if (!c->system_ns)
		c->system_ns = xstrdup(ns);
	store_record_name(id, name);
	ref = secret(c, name);
	return cluster_object(c, &ref, err);
}

json_t *desired_record(struct cluster *c, const struct options *o, const json_t *app,
		       struct err *err)
{
	json_t *record = read_record(c, o, app, err);

	if (!record)
		err_wrap(err, "what syncd keeps of %s cannot be read",
			 text(doc_get(app, "metadata", NULL), "name"));
	return record;
}

static const json_t *find_release(const json_t *app, uint32_t id)
{
	const json_t *list = doc_get(app, "status", "syncd", "releases", NULL), *r;
	size_t i;

	json_array_foreach((json_t *)list, i, r)
		if (doc_get_int(r, 0, "id", NULL) == id)
			return r;
	return NULL;
}

int desired_stored(struct cluster *c, const struct options *o, const json_t *app,
		   uint32_t release, struct render_answer *ret, struct err *err)
{
	const json_t *row = find_release(app, release);
	_cleanup_free_ char *id = xasprintf("%s/%s", c->ns,
		text(doc_get(app, "metadata", NULL), "name"));
	_cleanup_json_ json_t *record = NULL;

	*ret = (struct render_answer){ 0 };
	if (!row)
		return err_set(err, ERR_NOTFOUND, "there is no release #%u: syncctl history %s",
			       release, text(doc_get(app, "metadata", NULL), "name"));
	record = read_record(c, o, app, err);
	if (!record)
		return err_wrap(err, "reading release #%u", release);
	if (!store_embedded_parse(record, release, ret, err))
		return 0;
	if (err->code != ERR_NOTFOUND)
		return -1;
	*err = ERR_INIT;
	if (read_apart(c, id, release, text(row, "digest"), ret, err))
		return err_wrap(err, "reading release #%u", release);
	return 0;
}
