/* request.c - what to render, as JSON from the daemon to its worker: a list of sources. */
#include "core/doc.h"
#include "render_priv.h"

static void put(json_t *o, const char *key, const char *value)
{
	if (value)
		json_object_set_new(o, key, json_string(value));
}

static void put_size(json_t *o, const char *key, size_t value)
{
	if (value)
		json_object_set_new(o, key, json_integer((json_int_t)value));
}

static void put_remotes(const struct render_remote *all, size_t n, json_t *o,
			const char *key)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct render_remote *m = &all[i];
		json_t *one = json_pack("{s:s,s:s,s:s,s:s}", "url", m->url, "ref", m->ref,
					"mirror", m->mirror, "commit", m->commit);

		put(one, "tag", m->tag);
		put(one, "tagRef", m->tag_ref);
		json_array_append_new(list, one);
	}
	json_object_set_new(o, key, list);
}

static json_t *encode(const struct render_request *r)
{
	json_t *o = json_object(), *caps = json_object();

	put(o, "mirror", r->mirror);
	put(o, "commit", r->commit);
	put(o, "path", r->path);
	put(o, "where", r->where);
	put(o, "installId", r->install_id);
	put(o, "appId", r->app_id);
	put(o, "destinationNamespace", r->destination_ns);
	put(o, "control", r->control);
	put(o, "environment", r->environment);
	put(o, "tag", r->tag);
	put(o, "tagRef", r->tag_ref);
	if (r->signatures)
		json_object_set(o, "signatures", r->signatures);
	if (r->source)
		json_object_set(o, "source", r->source);
	put_size(caps, "sourceBytes", r->caps.source_bytes);
	put_size(caps, "fileBytes", r->caps.file_bytes);
	put_size(caps, "objectBytes", r->caps.object_bytes);
	put_size(caps, "objects", r->caps.objects);
	json_object_set_new(o, "caps", caps);
	put_remotes(r->remotes, r->n_remotes, o, "remotes");
	if (r->n_vouched)
		put_remotes(r->vouched, r->n_vouched, o, "vouched");
	return o;
}

void render_requests_encode(const struct render_requests *all, struct buf *out)
{
	_cleanup_json_ json_t *list = json_array();

	for (size_t i = 0; i < all->len; i++)
		json_array_append_new(list, encode(&all->data[i]));
	doc_write(list, out);
}

static int take(const json_t *o, const char *key, char **ret, struct err *err)
{
	const json_t *v = doc_get(o, key, NULL);

	if (v && !json_is_string(v))
		return err_set(err, ERR_INTERNAL, "render request: %s is not a text", key);
	*ret = v ? xstrdup(json_string_value(v)) : NULL;
	return 0;
}

static size_t take_size(const json_t *o, const char *key)
{
	int64_t v = doc_get_int(o, 0, "caps", key, NULL);

	return v > 0 ? (size_t)v : 0;
}

static int take_remotes(const json_t *o, const char *key, struct render_remote **ret,
			size_t *n, struct err *err)
{
	const json_t *list = doc_get(o, key, NULL);

	*n = json_array_size(list);
	*ret = xcalloc(*n + 1, sizeof(**ret));
	for (size_t i = 0; i < *n; i++) {
		const json_t *from = json_array_get(list, i);
		struct render_remote *m = &(*ret)[i];

		if (take(from, "url", &m->url, err) || take(from, "ref", &m->ref, err) ||
		    take(from, "mirror", &m->mirror, err) ||
		    take(from, "commit", &m->commit, err) ||
		    take(from, "tag", &m->tag, err) ||
		    take(from, "tagRef", &m->tag_ref, err))
			return -1;
		if (!m->url || !m->ref || !m->mirror || !m->commit)
			return err_set(err, ERR_INTERNAL, "render request: %s[%zu] is "
				       "not whole", key, i);
	}
	return 0;
}

static void free_remotes(struct render_remote *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(all[i].url);
		free(all[i].ref);
		free(all[i].mirror);
		free(all[i].commit);
		free(all[i].tag);
		free(all[i].tag_ref);
	}
	free(all);
}

static void deinit(struct render_request *r)
{
	free(r->mirror);
	free(r->commit);
	free(r->path);
	free(r->where);
	free(r->install_id);
	free(r->app_id);
	free(r->destination_ns);
	free(r->control);
	free(r->environment);
	free(r->tag);
	free(r->tag_ref);
	json_decref(r->signatures);
	free_remotes(r->remotes, r->n_remotes);
	free_remotes(r->vouched, r->n_vouched);
	json_decref(r->source);
	*r = (struct render_request){ 0 };
}

static int decode(struct render_request *r, const json_t *o, struct err *err)
{
	json_t *source, *signatures;

	if (take(o, "mirror", &r->mirror, err) || take(o, "commit", &r->commit, err) ||
	    take(o, "path", &r->path, err) || take(o, "where", &r->where, err) ||
	    take(o, "installId", &r->install_id, err) ||
	    take(o, "appId", &r->app_id, err) ||
	    take(o, "destinationNamespace", &r->destination_ns, err) ||
	    take(o, "control", &r->control, err) ||
	    take(o, "environment", &r->environment, err) ||
	    take(o, "tag", &r->tag, err) || take(o, "tagRef", &r->tag_ref, err) ||
	    take_remotes(o, "remotes", &r->remotes, &r->n_remotes, err) ||
	    take_remotes(o, "vouched", &r->vouched, &r->n_vouched, err))
		return -1;
	source = doc_get(o, "source", NULL);
	r->source = json_is_object(source) ? json_incref(source) : NULL;
	signatures = doc_get(o, "signatures", NULL);
	/* Whatever it is, something was asked for. */
	r->signatures = signatures ? json_incref(signatures) : NULL;
	r->caps.source_bytes = take_size(o, "sourceBytes");
	r->caps.file_bytes = take_size(o, "fileBytes");
	r->caps.object_bytes = take_size(o, "objectBytes");
	r->caps.objects = take_size(o, "objects");
	return 0;
}

int render_requests_decode(struct render_requests *all, const char *data, size_t len,
			   struct err *err)
{
	_cleanup_json_ json_t *list = doc_parse(data, len, err);
	size_t n = json_array_size(list);

	all->len = 0;
	if (!list)
		return err_wrap(err, "render request");
	if (!n || n > RENDER_SOURCES_MAX)
		return err_set(err, ERR_INTERNAL, "render request: %zu sources", n);
	for (size_t i = 0; i < n; i++) {
		all->data[all->len++] = (struct render_request){ 0 };
		if (!decode(&all->data[i], json_array_get(list, i), err))
			continue;
		render_requests_deinit(all);
		return -1;
	}
	return 0;
}

void render_requests_deinit(struct render_requests *all)
{
	for (size_t i = 0; i < all->len; i++)
		deinit(&all->data[i]);
	all->len = 0;
}
