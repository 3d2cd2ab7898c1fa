/*
 * images.c - image references (filters/imagetag, internal/image).
 *
 * Two passes: first each list called containers or initContainers at any depth, then
 * the field specs. Both see the same fields of a usual pod, so that a tagSuffix is
 * added twice there: as in the reference. CRDs are left alone by both.
 */
#include <ctype.h>

#include "transform.h"

/* --- matching: ^NAME(:TAG)?(@sha256:DIGEST)?$ with NAME as it is, a regex --------- */

static bool is_tag_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_.{}-", c));
}

static const char *skip_tag(const char *s)
{
	while (is_tag_char(*s))
		s++;
	return s;
}

static bool is_reference_end(const char *s)
{
	static const char digest[] = "@sha256:";

	if (*s == ':')
		s = skip_tag(s + 1);
	if (strncmp(s, digest, sizeof(digest) - 1) == 0)
		s = skip_tag(s + sizeof(digest) - 1);
	return !*s;
}

/* One character of UTF-8, as Go's '.' takes it: none at the end and for a newline. */
static const char *skip_rune(const char *s)
{
	if (!*s || *s == '\n')
		return NULL;
	do
		s++;
	while (((unsigned char)*s & 0xc0) == 0x80);
	return s;
}

/* The usual name: what matches it is plain to see. */
static bool match_simple(const char *name, const char *image)
{
	for (; *name; name++) {
		if (*name == '.')
			image = skip_rune(image);
		else
			image = *image == *name ? image + 1 : NULL;
		if (!image)
			return false;
	}
	return is_reference_end(image);
}

static int match_regex(struct kust *k, const char *name, const char *image,
		       struct err *err)
{
	const char *regex = arena_printf(&k->arena, "^%s(:[a-zA-Z0-9_.{}-]*)?"
					 "(@sha256:[a-zA-Z0-9_.{}-]*)?$", name);
	int found = kregex_search(k, regex, image, err);

	return found < 0 ? err_wrap(err, "images: name '%s'", name) : found;
}

static int is_matched(struct kust *k, const char *name, const char *image,
		      struct err *err)
{
	if (!strpbrk(name, "\\^$|?*+()[]{}"))
		return match_simple(name, image);
	return match_regex(k, name, image, err);
}

/* --- the parts ----------------------------------------------------------------------- */

struct parts {
	const char *name, *tag, *digest;	/* "": none */
};

/* The first '@' or ':' behind the first slash ends the name. */
static void split(struct kust *k, const char *image, struct parts *ret)
{
	const char *slash = strchr(image, '/');
	const char *from = slash && slash > image ? slash : image;
	const char *at = strchr(from, '@'), *colon = strchr(from, ':');

	*ret = (struct parts){ image, "", "" };
	if (at && (!colon || at < colon)) {
		ret->name = arena_strndup(&k->arena, image, (size_t)(at - image));
		ret->digest = at + 1;
	} else if (colon) {
		ret->name = arena_strndup(&k->arena, image, (size_t)(colon - image));
		ret->tag = at ? arena_strndup(&k->arena, colon + 1,
					      (size_t)(at - colon - 1)) :
				colon + 1;
		ret->digest = at ? at + 1 : "";
	}
}

/* A new tag drops the digest, a digest the tag; given both, both stay. */
static void change(struct kust *k, const struct kimage *image, struct parts *p)
{
	if (*image->new_name)
		p->name = image->new_name;
	if (*image->new_tag || *image->digest) {
		p->tag = image->new_tag;
		p->digest = image->digest;
	} else if (*image->tag_suffix) {
		p->tag = arena_printf(&k->arena, "%s%s", p->tag, image->tag_suffix);
		p->digest = "";
	}
}

static int set_image(struct kust *k, struct kres *r, struct node *n, void *arg,
		     struct err *err)
{
	const struct kimage *image = arg;
	struct parts p;
	int found;

	(void)r;
	if (kexpect_kind(n, NODE_SCALAR, err) < 0)
		return -1;
	found = is_matched(k, image->name, n->text, err);
	if (found <= 0)
		return found;
	split(k, n->text, &p);
	change(k, image, &p);
	return kset_scalar(n, arena_printf(&k->arena, "%s%s%s%s%s", p.name,
					   *p.tag ? ":" : "", p.tag,
					   *p.digest ? "@" : "", p.digest),
			   KSET_GUESSED, err);
}

/* --- pass one: lists of containers ---------------------------------------------------- */

static int set_containers(struct kust *k, struct kres *r, struct node *list,
			  const struct kimage *image, struct err *err)
{
	for (uint32_t i = 0; list->kind == NODE_LIST && i < list->len; i++) {
		struct node *n = kget(list->kids[i], "image");

		if (kexpect_kind(list->kids[i], NODE_MAP, err) < 0)
			return err_wrap(err, "a list of containers");
		if (n && set_image(k, r, n, (void *)image, err) < 0)
			return -1;
	}
	return 0;
}

static int walk(struct kust *k, struct kres *r, struct node *n,
		const struct kimage *image, struct err *err)
{
	if (n->kind == NODE_SCALAR)
		return 0;
	for (uint32_t i = 0; i < n->len; i++) {
		const char *key = "";

		if (n->kind == NODE_MAP)
			key = ktext(n->kids[i++]);
		if (walk(k, r, n->kids[i], image, err) < 0)
			return -1;
		if ((strcmp(key, "containers") == 0 || strcmp(key, "initContainers") == 0) &&
		    set_containers(k, r, n->kids[i], image, err) < 0)
			return -1;
	}
	return 0;
}

static bool is_crd(const struct kres *r)
{
	return strcmp(r->id.gvk.kind, "CustomResourceDefinition") == 0;
}

int kust_image(struct kust *k, struct kmap *m, const struct kimage *image,
	       const struct kfieldspecs *specs, struct err *err)
{
	for (size_t i = 0; i < kmap_len(m); i++) {
		struct kres *r = kmap_at(m, i);

		if (!kres_is_empty(r) && !is_crd(r) && walk(k, r, r->root, image, err) < 0)
			return kres_blame(r, err);
	}
	for (size_t i = 0; i < kmap_len(m); i++) {
		struct kres *r = kmap_at(m, i);

		if (kres_is_empty(r) || is_crd(r))
			continue;
		if (kfieldspecs_apply(k, r, specs, -1, set_image, (void *)image, err) < 0)
			return -1;
		if (kfieldspecs_touch_id(specs)) {
			kres_refresh(k, r);
			kmap_reindex(m, r);
		}
	}
	return 0;
}
