/* From a URL to a type and a verb: routing, get, list, and handing on the rest. */
#include <stdio.h>

#include "apiint.h"
#include "core/node.h"

struct route {
	char *parts[12];
	size_t n;
	const char *group, *version, *plural, *ns, *name, *sub;
	struct api_type *type;
};

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static char *unescape(const char *s, size_t n)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '%' && i + 2 < n && hex(s[i + 1]) >= 0 &&
		    hex(s[i + 2]) >= 0) {
			buf_addc(&b, (char)(hex(s[i + 1]) * 16 + hex(s[i + 2])));
			i += 2;
		} else {
			buf_addc(&b, s[i]);
		}
	}
	return buf_steal(&b, NULL);
}

char *api_query_get(const char *query, const char *key)
{
	size_t n = strlen(key);

	while (query && *query) {
		size_t len = strcspn(query, "&");

		if (len >= n && !strncmp(query, key, n) &&
		    (len == n || query[n] == '='))
			return len > n ? unescape(query + n + 1, len - n - 1) :
					 xstrdup("");
		query += len + (query[len] == '&');
	}
	return NULL;
}

static bool query_true(const char *query, const char *key)
{
	_cleanup_free_ char *v = api_query_get(query, key);

	return v && (!strcmp(v, "true") || !strcmp(v, "1") || !*v);
}

static void route_deinit(struct route *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->parts[i]);
}

static void split(struct route *r, const char *path)
{
	while (*path == '/' && r->n < ARRAY_LEN(r->parts)) {
		size_t len = strcspn(path + 1, "/");

		r->parts[r->n++] = unescape(path + 1, len);
		path += len + 1;
	}
}

static const char *part(const struct route *r, size_t i)
{
	return i < r->n ? r->parts[i] : NULL;
}

/* namespaces/x/resource/name/sub, resource/name/sub */
static void route_parse(const struct apisim *a, struct route *r)
{
	bool core = !strcmp(r->parts[0], "api");
	size_t i = core ? 2 : 3;

	r->group = core ? "" : r->parts[1];
	r->version = part(r, core ? 1 : 2);
	if (!r->version)
		return;
	if (part(r, i) && !strcmp(r->parts[i], "namespaces") && part(r, i + 2) &&
	    strcmp(r->parts[i + 2], "status") && strcmp(r->parts[i + 2], "finalize")) {
		r->ns = r->parts[i + 1];
		i += 2;
	}
	r->plural = part(r, i);
	r->name = part(r, i + 1);
	r->sub = part(r, i + 2);
	if (r->plural)
		r->type = api_type_find(a, r->group, r->version, r->plural);
	if (r->type && r->type->namespaced != (r->ns != NULL) &&
	    (r->name || !r->type->namespaced))
		r->type = NULL;
}

/* ---- list and get ---- */

static struct api_snapshot *snapshot(struct apisim *a, json_t *items)
{
	struct api_snapshot s = {
		.id = ++a->snapshot_id, .rv = a->rv, .items = items,
	};

	if (a->snapshots.len == 32) {
		json_decref(a->snapshots.data[0].items);
		memmove(a->snapshots.data, a->snapshots.data + 1, 31 * sizeof(s));
		a->snapshots.len--;
	}
	vec_push(&a->snapshots, s);
	return &a->snapshots.data[a->snapshots.len - 1];
}

/* The token: "snapshot id.position", in base64 as the real one is opaque too. */
static int find_token(struct apisim *a, const char *token, struct api_snapshot **ret,
		      size_t *at, struct api_status *st)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	unsigned long long id, pos;

	if (b64_decode(token, strlen(token), &b) ||
	    sscanf(buf_str(&b), "%llu.%llu", &id, &pos) != 2)
		return api_fail(st, 400, "BadRequest", "invalid continue token: "
				"continue key is not valid: not made here");
	for (size_t i = 0; i < a->snapshots.len; i++) {
		if (a->snapshots.data[i].id == id) {
			*ret = &a->snapshots.data[i];
			*at = pos;
			return 0;
		}
	}
	return api_fail(st, 410, "Expired", "The provided continue parameter is too "
			"old to display a consistent list result. You can start a new "
			"list without the continue parameter.");
}

static json_t *page(const struct api_snapshot *s, size_t from, size_t limit,
		    bool counted, json_t *meta)
{
	json_t *out = json_array();
	size_t n = json_array_size(s->items);
	size_t end = limit && from + limit < n ? from + limit : n;
	_cleanup_free_ char *plain = xasprintf("%llu.%zu", (unsigned long long)s->id,
					       end);
	_cleanup_buf_ struct buf token = BUF_INIT;

	for (size_t i = from; i < end; i++) {
		json_t *item = json_copy(json_array_get(s->items, i));

		json_object_del(item, "kind");		/* as in typed lists */
		json_object_del(item, "apiVersion");
		json_array_append_new(out, item);
	}
	if (end == n)
		return out;
	b64_encode(plain, strlen(plain), &token);
	json_object_set_new(meta, "continue", json_string(buf_str(&token)));
	if (counted)
		json_object_set_new(meta, "remainingItemCount",
				    json_integer((json_int_t)(n - end)));
	return out;
}

static int list(struct apisim *a, const struct route *r, const char *query,
		struct api_answer *out, struct api_status *st)
{
	_cleanup_free_ char *limit = api_query_get(query, "limit");
	_cleanup_free_ char *token = api_query_get(query, "continue");
	_cleanup_free_ char *selector = api_query_get(query, "labelSelector");
	_cleanup_free_ char *field = api_query_get(query, "fieldSelector");
	_cleanup_free_ char *version = api_version_of(r->type);
	_cleanup_free_ char *kind = xasprintf("%sList", r->type->kind);
	const char *name = field && !strncmp(field, "metadata.name=", 14) ?
			   field + 14 : NULL;
	struct api_snapshot *s;
	_cleanup_json_ json_t *meta = json_object(), *items = NULL, *j = NULL;
	char rv[24];
	size_t at = 0;

	if (token && *token) {
		if (find_token(a, token, &s, &at, st))
			return -1;
	} else {
		s = snapshot(a, api_list_items(a, r->type, r->ns, name, selector));
	}
	snprintf(rv, sizeof(rv), "%llu", (unsigned long long)s->rv);
	json_object_set_new(meta, "resourceVersion", json_string(rv));
	items = page(s, at, limit ? strtoul(limit, NULL, 10) : 0,
		     !(selector && *selector) && !name, meta);
	if (r->type->custom) {	/* these keep their kind */
		size_t i;
		json_t *item;

		json_array_foreach(items, i, item) {
			json_object_set_new(item, "kind", json_string(r->type->kind));
			json_object_set_new(item, "apiVersion", json_string(version));
		}
	}
	j = json_pack("{s:s, s:s, s:O, s:O}", "kind", kind, "apiVersion", version,
		      "metadata", meta, "items", items);
	api_answer_json(out, 200, j);
	return 0;
}

static int get(struct apisim *a, const struct route *r, struct api_answer *out,
	       struct api_status *st)
{
	struct api_object *o = api_find(a, r->type, r->ns, r->name);
	_cleanup_json_ json_t *j = NULL;

	if (!o)
		return api_not_found(st, r->type, r->name);
	j = api_in_version(r->type, o->json);
	api_answer_json(out, 200, j);
	return 0;
}

/* ---- writes ---- */

static char *manager_of(const struct api_request *q)
{
	_cleanup_free_ char *m = api_query_get(q->query, "fieldManager");

	if (m && *m)
		return steal(&m);
	if (!*q->agent)
		return xstrdup("unknown");
	return xstrndup(q->agent, strcspn(q->agent, "/ "));
}

static int bad_body(struct api_status *st, const struct api_request *q,
		    const char *why)
{
	if (!strcmp(q->method, "POST") || !strcmp(q->method, "PUT"))
		return api_fail(st, 400, "BadRequest", "the object provided is "
				"unrecognized: couldn't get version/kind; json parse "
				"error: %s", why);
	return api_fail(st, 400, "BadRequest", "error decoding YAML: %s", why);
}

static int parse_body(const struct api_request *q, json_t **ret,
		      struct api_status *st)
{
	_cleanup_buf_ struct buf json = BUF_INIT;
	struct err err = ERR_INIT;

	if (strstr(q->content_type, "yaml")) {
		if (node_text_to_json(q->body, q->body_len, &json, &err))
			return bad_body(st, q, err.msg);
	} else {
		buf_add(&json, q->body, q->body_len);
	}
	*ret = doc_parse(buf_str(&json), json.len, &err);
	if (!*ret)
		return bad_body(st, q, err.msg);
	return 0;
}

static int patch_kind(const struct api_request *q, enum api_write *how,
		      struct api_status *st)
{
	_cleanup_free_ char *manager = api_query_get(q->query, "fieldManager");

	if (!strncmp(q->content_type, "application/apply-patch+yaml", 28)) {
		*how = WRITE_APPLY;
		if (manager && *manager)
			return 0;
		api_fail(st, 422, "Invalid", "PatchOptions.meta.k8s.io \"\" is invalid: "
			 "fieldManager: Required value: is required for apply patch");
		st->details = json_pack("{s:s, s:s, s:[{s:s, s:s, s:s}]}", "group",
			"meta.k8s.io", "kind", "PatchOptions", "causes", "reason",
			"FieldValueRequired", "message", "Required value: is required "
			"for apply patch", "field", "fieldManager");
		return -1;
	}
	*how = WRITE_MERGE;
	if (!strncmp(q->content_type, "application/merge-patch+json", 28))
		return 0;
	return api_fail(st, 415, "UnsupportedMediaType", "the body of the request was in "
			"an unknown format - accepted media types include: "
			"application/json-patch+json, application/merge-patch+json, "
			"application/apply-patch+yaml, application/apply-patch+cbor");
}

static void generate_name(struct apisim *a, json_t *body, char **name)
{
	static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
	const char *prefix = doc_get_str(body, "metadata", "generateName", NULL);
	char tail[6] = { 0 };

	for (int i = 0; i < 5; i++)
		tail[i] = letters[sim_random(a->sim) % (sizeof(letters) - 1)];
	*name = xasprintf("%s%s", prefix, tail);
}

static int check_posted(const struct route *r, const json_t *body, bool apply,
			struct api_status *st)
{
	const char *ns = doc_get_str(body, "metadata", "namespace", NULL);
	const char *kind = doc_get_str(body, "kind", NULL);

	if (!apply && kind && strcmp(kind, r->type->kind))
		return api_fail(st, 400, "BadRequest", "%s in version \"%s\" cannot be "
			"handled as a %s: no kind \"%s\" is registered", kind,
			r->version, r->type->kind, kind);
	if (ns && *ns && r->ns && strcmp(ns, r->ns))
		return api_fail(st, 400, "BadRequest", "the namespace of the provided "
			"object does not match the namespace sent on the request");
	return 0;
}

static int write_object(struct apisim *a, const struct route *r,
			const struct api_request *q, struct api_answer *out,
			struct api_status *st)
{
	_cleanup_free_ char *manager = manager_of(q), *made = NULL;
	_cleanup_free_ char *dry = api_query_get(q->query, "dryRun");
	_cleanup_json_ json_t *body = NULL;
	struct api_op op = {
		.type = r->type, .ns = r->ns, .name = r->name, .sub = r->sub,
		.manager = manager, .force = query_true(q->query, "force"),
		.dry_run = dry && !strcmp(dry, "All"),
		.how = !strcmp(q->method, "POST") ? WRITE_CREATE : WRITE_REPLACE,
	};

	if (!strcmp(q->method, "PATCH") && patch_kind(q, &op.how, st))
		return -1;
	if (parse_body(q, &body, st) || check_posted(r, body, op.how == WRITE_APPLY, st))
		return -1;
	op.body = body;
	if (op.how == WRITE_CREATE)
		op.name = doc_get_str(body, "metadata", "name", NULL);
	if (!op.name && doc_get(body, "metadata", "generateName", NULL)) {
		generate_name(a, body, &made);
		op.name = made;
	}
	if (!op.name) {
		api_cause(st, "FieldValueRequired", "metadata.name", "Required value: "
			  "name or generateName is required");
		return api_invalid(st, r->type, "");
	}
	if (api_write(a, &op, st))
		return -1;
	api_answer_json(out, op.status, op.out);
	json_decref(op.out);
	return 0;
}

static int delete_object(struct apisim *a, const struct route *r,
			 const struct api_request *q, struct api_answer *out,
			 struct api_status *st)
{
	_cleanup_free_ char *policy = api_query_get(q->query, "propagationPolicy");
	_cleanup_free_ char *dry = api_query_get(q->query, "dryRun");
	_cleanup_json_ json_t *options = NULL, *j = NULL;
	const char *in_body;

	if (q->body_len && parse_body(q, &options, st))
		return -1;
	if (!options)
		options = json_object();
	if (policy)
		json_object_set_new(options, "propagationPolicy", json_string(policy));
	in_body = json_string_value(json_array_get(doc_get(options, "dryRun", NULL), 0));
	if (api_delete(a, r->type, r->ns, r->name, options,
		       (dry && !strcmp(dry, "All")) ||
		       (in_body && !strcmp(in_body, "All")), &j, st))
		return -1;
	api_answer_json(out, 200, j);
	return 0;
}

/* ---- the way in ---- */

static const char *verb_of(const struct route *r, const struct api_request *q)
{
	if (!strcmp(q->method, "GET"))
		return query_true(q->query, "watch") ? "watch" :
		       r->name ? "get" : "list";
	return !strcmp(q->method, "POST") ? "create" : !strcmp(q->method, "PUT") ?
	       "update" : !strcmp(q->method, "PATCH") ? "patch" : "delete";
}

static bool is_log(const struct route *r)
{
	return r->sub && !strcmp(r->sub, "log") && !strcmp(r->type->plural, "pods");
}

static int authorize(struct apisim *a, const struct route *r,
		     const struct api_request *q, struct api_status *st)
{
	const char *verb = verb_of(r, q);
	_cleanup_free_ char *what = xasprintf("%s%s%s%s", r->plural, is_log(r) ? "/log" :
					      "", *r->group ? "." : "", r->group);
	_cleanup_buf_ struct buf where = BUF_INIT;

	if (!a->deny || !a->deny(a->deny_arg, q->user, verb, what, r->ns ? r->ns : ""))
		return 0;
	if (r->ns)
		buf_addf(&where, "in the namespace \"%s\"", r->ns);
	else
		buf_adds(&where, "at the cluster scope");
	api_fail(st, 403, "Forbidden", "%s%s%s%s is forbidden: User \"%s\" cannot %s "
		 "resource \"%s\" in API group \"%s\" %s", what, r->name ? " \"" : "",
		 r->name ? r->name : "", r->name ? "\"" : "", q->user, verb, r->plural,
		 r->group, buf_str(&where));
	api_details(st, r->name, r->group, r->plural);
	return -1;
}

static int no_such(struct api_status *st, bool method)
{
	if (method)
		api_fail(st, 405, "MethodNotAllowed",
			 "the server does not allow this method on the requested "
			 "resource");
	else
		api_fail(st, 404, "NotFound",
			 "the server could not find the requested resource");
	st->details = json_object();
	return -1;
}

static int serve(struct apisim *a, struct route *r, const struct api_request *q,
		 struct api_answer *out, struct api_status *st)
{
	bool read = !strcmp(q->method, "GET"), post = !strcmp(q->method, "POST");

	if (r->type && read && is_log(r)) {
		if (authorize(a, r, q, st))
			return -1;
		return api_pod_log(a, r->ns, r->name, q->query, out, st);
	}
	if (r->type && r->sub && (strcmp(r->sub, "status") || !r->type->has_status))
		r->type = NULL;
	if (!r->type)
		return no_such(st, false);
	if (!read && (r->name != NULL) == post)
		return no_such(st, true);
	if (authorize(a, r, q, st))
		return -1;
	if (read && query_true(q->query, "watch") && !r->name) {
		api_watch_open(a, r->type, r->ns, q->query, out);
		return 0;
	}
	if (read)
		return r->name ? get(a, r, out, st) : list(a, r, q->query, out, st);
	if (!strcmp(q->method, "DELETE"))
		return delete_object(a, r, q, out, st);
	return write_object(a, r, q, out, st);
}

static void text(struct api_answer *r, int status, const char *s)
{
	r->status = status;
	r->content_type = "text/plain; charset=utf-8";
	buf_adds(&r->body, s);
}

static bool serve_plain(struct apisim *a, const struct api_request *q,
			struct api_answer *r)
{
	if (!strcmp(q->path, "/readyz") || !strcmp(q->path, "/healthz") ||
	    !strcmp(q->path, "/livez")) {
		text(r, 200, "ok");
	} else if (!strcmp(q->path, "/api") || !strcmp(q->path, "/apis")) {
		api_discovery(a, q, r);
	} else if (!strcmp(q->path, "/version")) {
		_cleanup_json_ json_t *j = json_pack("{s:s, s:s, s:s}", "major", "1",
			"minor", "36", "gitVersion", "v1.36.3");

		api_answer_json(r, 200, j);
	} else {
		return false;
	}
	return true;
}

void apisim_serve(struct apisim *a, const struct api_request *q,
		  struct api_answer *r)
{
	_cleanup_status_ struct api_status st = { 0 };
	struct route route = { 0 };

	if (serve_plain(a, q, r))
		return;
	split(&route, q->path);
	if (route.n > 1 && (!strcmp(route.parts[0], "api") ||
			    !strcmp(route.parts[0], "apis")))
		route_parse(a, &route);
	if (!route.version || !api_group_served(a, route.group, route.version))
		text(r, 404, "404 page not found\n");
	else if (serve(a, &route, q, r, &st))
		api_answer_status(r, &st);
	route_deinit(&route);
}
