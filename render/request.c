/* request.c - what to render, as JSON from the daemon to its worker. */
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

void render_request_encode(const struct render_request *r, struct buf *out)
{
	_cleanup_json_ json_t *o = json_object();
	json_t *caps = json_object();

	put(o, "mirror", r->mirror);
	put(o, "commit", r->commit);
	put(o, "path", r->path);
	put(o, "installId", r->install_id);
	put(o, "appId", r->app_id);
	put(o, "destinationNamespace", r->destination_ns);
	if (r->source)
		json_object_set(o, "source", r->source);
	put_size(caps, "sourceBytes", r->caps.source_bytes);
	put_size(caps, "fileBytes", r->caps.file_bytes);
	put_size(caps, "objectBytes", r->caps.object_bytes);
	put_size(caps, "objects", r->caps.objects);
	json_object_set_new(o, "caps", caps);
	doc_write(o, out);
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

int render_request_decode(struct render_request *r, const char *data, size_t len,
			  struct err *err)
{
	_cleanup_json_ json_t *o = doc_parse(data, len, err);
	json_t *source;

	*r = (struct render_request){ 0 };
	if (!o)
		return err_wrap(err, "render request");
	if (take(o, "mirror", &r->mirror, err) || take(o, "commit", &r->commit, err) ||
	    take(o, "path", &r->path, err) ||
	    take(o, "installId", &r->install_id, err) ||
	    take(o, "appId", &r->app_id, err) ||
	    take(o, "destinationNamespace", &r->destination_ns, err)) {
		render_request_deinit(r);
		return -1;
	}
	source = doc_get(o, "source", NULL);
	r->source = json_is_object(source) ? json_incref(source) : NULL;
	r->caps.source_bytes = take_size(o, "sourceBytes");
	r->caps.file_bytes = take_size(o, "fileBytes");
	r->caps.object_bytes = take_size(o, "objectBytes");
	r->caps.objects = take_size(o, "objects");
	return 0;
}

void render_request_deinit(struct render_request *r)
{
	free(r->mirror);
	free(r->commit);
	free(r->path);
	free(r->install_id);
	free(r->app_id);
	free(r->destination_ns);
	json_decref(r->source);
	*r = (struct render_request){ 0 };
}
