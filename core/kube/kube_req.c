/*
 * Paths and requests. Every segment is escaped; a request for one object never
 * turns into one for its collection (an empty name, or "." and "..", which HTTP
 * clients resolve): such a request is left without a path and not sent.
 */
#include "kube_priv.h"

#include <stdio.h>
#include <string.h>

#include "core/doc.h"

static bool given(const char *s)
{
	return s && s[0];
}

static void segment(struct buf *out, const char *s)
{
	buf_addc(out, '/');
	buf_add_escaped(out, s);
}

void kube_path(const struct kube_ref *ref, struct buf *out)
{
	if (given(ref->group)) {
		buf_adds(out, "/apis");
		segment(out, ref->group);
	} else {
		buf_adds(out, "/api");
	}
	segment(out, ref->version);
	if (given(ref->ns)) {
		buf_adds(out, "/namespaces");
		segment(out, ref->ns);
	}
	segment(out, ref->resource);
	if (given(ref->name))
		segment(out, ref->name);
	if (given(ref->subresource))
		segment(out, ref->subresource);
}

static bool dots(const char *s)
{
	return s && (!strcmp(s, ".") || !strcmp(s, ".."));
}

static bool sendable(const struct kube_ref *r)
{
	return given(r->version) && given(r->resource) && !dots(r->group) &&
	       !dots(r->version) && !dots(r->resource) && !dots(r->ns) &&
	       !dots(r->name) && !dots(r->subresource);
}

static void query(struct buf *path, const char *key, const char *value)
{
	if (!path->len)
		return;
	buf_addc(path, strchr(path->data, '?') ? '&' : '?');
	buf_adds(path, key);
	buf_addc(path, '=');
	buf_add_escaped(path, value);
}

static void init(struct kube_request *r, const struct kube_ref *ref,
		 const char *verb, const char *method)
{
	*r = (struct kube_request){ .verb = verb, .method = method };
	if (sendable(ref))
		kube_path(ref, &r->path);
}

static void init_named(struct kube_request *r, const struct kube_ref *ref,
		       const char *verb, const char *method)
{
	init(r, ref, verb, method);
	if (!given(ref->name))
		buf_clear(&r->path);
}

void kube_get_init(struct kube_request *r, const struct kube_ref *ref)
{
	init_named(r, ref, "get", "GET");
}

void kube_list_init(struct kube_request *r, const struct kube_ref *ref,
		    const char *label_selector, unsigned limit,
		    const char *next)
{
	char n[16];

	init(r, ref, "list", "GET");
	if (given(label_selector))
		query(&r->path, "labelSelector", label_selector);
	if (limit) {
		snprintf(n, sizeof(n), "%u", limit);
		query(&r->path, "limit", n);
	}
	if (given(next))
		query(&r->path, "continue", next);
}

static void write_body(struct kube_request *r, const char *content_type,
		       const char *manager, const void *body, size_t len)
{
	r->content_type = content_type;
	r->is_write = true;
	r->body = body;
	r->body_len = len;
	if (given(manager))
		query(&r->path, "fieldManager", manager);
}

void kube_apply_init(struct kube_request *r, const struct kube_ref *ref,
		     const char *manager, unsigned flags, const void *body,
		     size_t len)
{
	bool dry = flags & APPLY_DRY_RUN;

	init_named(r, ref, dry ? "dryrun" : "patch", "PATCH");
	write_body(r, "application/apply-patch+yaml", manager, body, len);
	r->is_write = !dry;
	if (flags & APPLY_FORCE)
		query(&r->path, "force", "true");
	if (dry)
		query(&r->path, "dryRun", "All");
}

void kube_merge_patch_init(struct kube_request *r, const struct kube_ref *ref,
			   const char *manager, const void *body, size_t len)
{
	init_named(r, ref, "patch", "PATCH");
	write_body(r, "application/merge-patch+json", manager, body, len);
}

void kube_create_init(struct kube_request *r, const struct kube_ref *ref,
		      const char *manager, const void *body, size_t len)
{
	struct kube_ref collection = *ref;

	/* A create with a name is one of a subresource (token, eviction). */
	if (!given(ref->subresource))
		collection.name = NULL;
	init(r, &collection, "create", "POST");
	write_body(r, "application/json", manager, body, len);
}

void kube_replace_init(struct kube_request *r, const struct kube_ref *ref,
		       const char *manager, const void *body, size_t len)
{
	init_named(r, ref, "update", "PUT");
	write_body(r, "application/json", manager, body, len);
}

void kube_delete_init(struct kube_request *r, const struct kube_ref *ref,
		      const char *uid, const char *propagation)
{
	init_named(r, ref, "delete", "DELETE");
	r->content_type = "application/json";
	r->is_write = true;
	if (!given(uid))
		buf_clear(&r->path);
	buf_adds(&r->own_body, "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",");
	if (given(propagation)) {
		buf_adds(&r->own_body, "\"propagationPolicy\":");
		doc_write_str(&r->own_body, propagation);
		buf_addc(&r->own_body, ',');
	}
	buf_adds(&r->own_body, "\"preconditions\":{\"uid\":");
	doc_write_str(&r->own_body, given(uid) ? uid : "");
	buf_adds(&r->own_body, "}}");
}
