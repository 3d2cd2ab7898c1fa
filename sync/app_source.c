/*
 * Where an Application's manifests come from, and what of it we cannot do yet.
 *
 * A tool that we do not have is refused with what to do instead: rendering
 * without it would deploy something else than the author meant.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "app_spec_priv.h"
#include "core/fetch.h"
#include "core/lsrefs.h"
#include "core/semver.h"
#include "render/render.h"

/* Present and not just the empty map that some tools write. */
static bool is_set(const json_t *v)
{
	if (json_is_object(v)) {
		const char *key;
		json_t *below;

		json_object_foreach((json_t *)v, key, below) {
			if (is_set(below))
				return true;
		}
		return false;
	}
	if (json_is_array(v))
		return json_array_size(v) > 0;
	if (json_is_string(v))
		return *json_string_value(v) != '\0';
	return v && !json_is_null(v) && !json_is_false(v);
}

static void refuse_tools(struct app_spec *s, const json_t *src, const char *where)
{
	const json_t *dir = take(s, src, where, "directory", JSON_OBJECT);
	const json_t *kustomize = take(s, src, where, "kustomize", JSON_OBJECT);
	_cleanup_free_ char *inside = NULL;

	if (is_set(json_object_get(src, "chart")))
		spec_error(s, "%s.chart: Helm charts are not supported yet: commit "
			   "the output of `helm template` and name its folder in "
			   "%s.path", where, where);
	if (is_set(json_object_get(src, "helm")))
		spec_error(s, "%s.helm: Helm is not supported yet: commit the output "
			   "of `helm template` and remove this field", where);
	if (is_set(json_object_get(src, "plugin")))
		spec_error(s, "%s.plugin: config management plugins are not "
			   "supported: commit their output, or use Kustomize",
			   where);
	if (is_set(json_object_get(dir, "jsonnet")))
		spec_error(s, "%s.directory.jsonnet: Jsonnet is not supported: "
			   "commit its output as YAML or JSON", where);
	if (is_set(dir) && is_set(kustomize))
		spec_error(s, "%s has both directory and kustomize: keep one of "
			   "them", where);
	inside = xasprintf("%s.directory", where);
	take_bool(s, dir, inside, "recurse", false);
	take_str(s, dir, inside, "include");
	take_str(s, dir, inside, "exclude");
}

static bool starts(const char *s, const char *prefix)
{
	return !strncasecmp(s, prefix, strlen(prefix));
}

/* The URL may hold a password: it is never repeated in a message. */
static void check_url(struct app_spec *s, const char *url, const char *where)
{
	struct err err = ERR_INIT;

	if (!*url)
		spec_error(s, "%s.repoURL is missing", where);
	else if (starts(url, "oci://"))
		spec_error(s, "%s.repoURL: OCI artifacts are not supported: use a "
			   "Git repository", where);
	else if (!starts(url, "https://") && !starts(url, "http://") &&
		 !starts(url, "file://") && !repo_url_is_ssh(url))
		spec_error(s, "%s.repoURL must begin with https://, http://, "
			   "ssh://, file:// or be user@host:path", where);
	else if (repo_url_check_plain(url, &err))
		spec_error(s, "%s.repoURL: %s", where, err.msg);
}

static bool has_control(const char *s)
{
	for (; *s; s++) {
		if (iscntrl((unsigned char)*s))
			return true;
	}
	return false;
}

/* "./a//b/" -> "a/b", "." -> ""; NULL when it would leave the repository. */
static char *path_normal(const char *path)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_free_ char *copy = xstrdup(path);
	char *rest = copy, *step;

	if (*path == '/' || has_control(path))
		return NULL;
	while ((step = strsep(&rest, "/"))) {
		if (!*step || !strcmp(step, "."))
			continue;
		if (!strcmp(step, ".."))
			return NULL;
		buf_addf(&out, "%s%s", out.len ? "/" : "", step);
	}
	return xstrdup(buf_str(&out));
}

/* With a ref and no path it is there for other sources only, as in Argo CD. */
static void decode_path(struct app_spec *s, struct app_source *ret, const json_t *src,
			const char *where)
{
	const char *path = take_str(s, src, where, "path");
	bool excused = is_set(json_object_get(src, "chart"));

	ret->path = path_normal(path);
	if (!ret->path)
		spec_error(s, "%s.path: \"%.80s\" must be a folder in the "
			   "repository, without a leading \"/\" or \"..\"", where,
			   has_control(path) ? "(control characters)" : path);
	else if (!*path && *ret->ref)
		ret->ref_only = true;
	else if (!*path && !excused &&
		 (absent(src, "path") || json_is_string(json_object_get(src, "path"))))
		spec_error(s, "%s.path is missing: name the folder, or \".\" for "
			   "the root of the repository", where);
	if (!ret->path)
		ret->path = xstrdup("");
}

/*
 * "https://host/repo?ref=REV" names a revision. Cuts the query off the URL; REV,
 * owned, or NULL where there is none.
 */
static char *cut_ref(struct app_spec *s, char *url, const char *where)
{
	char *query = strchr(url, '?');
	_cleanup_free_ char *ref = NULL;

	if (!query)
		return NULL;
	*query++ = '\0';
	if (strncmp(query, "ref=", 4) || !query[4] || strpbrk(query, "&;#")) {
		spec_error(s, "%s.repoURL: only \"?ref=REVISION\" may follow a "
			   "repository's URL", where);
		return NULL;
	}
	ref = xstrdup(query + 4);
	if (repo_unescape(ref))
		return steal(&ref);
	spec_error(s, "%s.repoURL: ?ref= is not percent-encoded well", where);
	return NULL;
}

static bool is_revision(const char *text)
{
	return !has_control(text) && *text != '-' && !strstr(text, "..");
}

/* A release that is chosen among all tags would be somebody else's. */
static void check_prefix(struct app_spec *s, const char *revision, const json_t *src,
			 const char *where)
{
	const char *prefix = take_str(s, src, where, "tagPrefix");
	struct semver version;

	if (*prefix && (revision_kind(revision) == REV_RANGE ||
			!semver_parse(&version, revision)))
		spec_error(s, "%s.tagPrefix is not supported with a version or a range of "
			   "versions: name the tag in targetRevision, and remove this "
			   "field", where);
}

static void decode_revision(struct app_spec *s, struct app_source *ret,
			    const json_t *src, const char *where)
{
	const char *rev = take_str(s, src, where, "targetRevision");
	_cleanup_free_ char *ref = cut_ref(s, ret->repo_url, where);

	if (ref && *rev && strcmp(ref, rev))
		spec_error(s, "%s: repoURL says ?ref=%.80s and targetRevision %.80s: "
			   "keep one of them", where, ref, rev);
	ret->revision = xstrdup(*rev || !ref ? rev : ref);
	check_prefix(s, ret->revision, src, where);
	if (!is_revision(ret->revision))
		spec_error(s, "%s.%s must be a branch, a tag or a commit", where,
			   *rev || !ref ? "targetRevision" : "repoURL: ?ref=");
}

static void decode_ref(struct app_spec *s, struct app_source *ret, const json_t *src,
		       const struct app_sources *before, const char *where)
{
	const char *ref = take_str(s, src, where, "ref");

	ret->ref = xstrdup(before->many ? ref : "");
	if (!before->many && *ref)
		spec_warn(s, "%s.ref has no effect with a single source", where);
	for (const char *c = ret->ref; *c; c++) {
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_') {
			spec_error(s, "%s.ref: only letters, digits, \"-\" and \"_\" "
				   "may be in it", where);
			return;
		}
	}
	for (size_t i = 0; *ret->ref && i < before->list.len; i++) {
		if (!strcmp(before->list.data[i].ref, ref))
			spec_error(s, "%s.ref: \"%s\" is the name of sources[%zu] "
				   "already", where, ref, i);
	}
}

static void decode_one(struct app_spec *s, struct app_sources *all, const json_t *src,
		       const char *where)
{
	struct app_source one = { .raw = json_deep_copy(src) };

	one.repo_url = xstrdup(take_str(s, src, where, "repoURL"));
	decode_ref(s, &one, src, all, where);
	decode_revision(s, &one, src, where);	/* first: it cuts the URL */
	if (absent(src, "repoURL") || json_is_string(json_object_get(src, "repoURL")))
		check_url(s, one.repo_url, where);
	decode_path(s, &one, src, where);
	refuse_tools(s, src, where);
	vec_push(&all->list, one);
}

static void decode_list(struct app_spec *s, struct app_sources *all,
			const json_t *list, const char *where)
{
	size_t i, n = json_array_size(list), useful = 0;
	const json_t *item;

	if (n > RENDER_SOURCES_MAX) {
		spec_error(s, "%s.sources has %zu entries: at most %d are taken", where,
			   n, RENDER_SOURCES_MAX);
		return;
	}
	json_array_foreach(list, i, item) {
		_cleanup_free_ char *at = xasprintf("%s.sources[%zu]", where, i);

		if (json_is_object(item))
			decode_one(s, all, item, at);
		else
			spec_error(s, "%s must be a map", at);
	}
	for (i = 0; i < all->list.len; i++)
		useful += !all->list.data[i].ref_only;
	if (all->list.len && !useful)
		spec_error(s, "%s.sources: each of them is only a ref: name the path of "
			   "the one with the manifests", where);
}

static void digest_all(struct app_sources *all)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (size_t i = 0; i < all->list.len; i++) {
		doc_canonical(all->list.data[i].raw, &text);
		buf_addc(&text, '\n');
	}
	sha256_hex(buf_str(&text), text.len, all->digest);
}

void app_sources_decode(struct app_spec *s, struct app_sources *ret,
			const json_t *parent, const char *where)
{
	const json_t *list = take(s, parent, where, "sources", JSON_ARRAY);
	_cleanup_free_ char *at = xasprintf("%s.source", where);
	const json_t *one;

	*ret = (struct app_sources){ .many = json_array_size(list) > 0 };
	if (ret->many) {	/* wins over source, as in Argo CD */
		decode_list(s, ret, list, where);
	} else if (list || absent(parent, "sources")) {
		one = take(s, parent, where, "source", JSON_OBJECT);
		if (absent(parent, "source"))
			spec_error(s, "%s is missing: name repoURL, path and "
				   "targetRevision", at);
		if (one)
			decode_one(s, ret, one, at);
	}
	digest_all(ret);
}

void app_source_decode(struct app_spec *s, const json_t *spec)
{
	if (is_set(json_object_get(spec, "sourceHydrator")))
		spec_error(s, "spec.sourceHydrator is not supported: name the "
			   "hydrated branch in spec.source");
	app_sources_decode(s, &s->sources, spec, "spec");
}

void app_sources_copy(struct app_sources *to, const struct app_sources *from)
{
	*to = (struct app_sources){ .many = from->many };
	memcpy(to->digest, from->digest, sizeof(to->digest));
	for (size_t i = 0; i < from->list.len; i++) {
		const struct app_source *f = &from->list.data[i];

		vec_push(&to->list, ((struct app_source){
			.repo_url = xstrdup(f->repo_url),
			.revision = xstrdup(f->revision), .path = xstrdup(f->path),
			.ref = xstrdup(f->ref), .ref_only = f->ref_only,
			.raw = json_incref(f->raw),	/* never edited */
		}));
	}
}

char *app_sources_text(const struct app_sources *s)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_json_ json_t *o = json_object();
	json_t *list = json_array();

	for (size_t i = 0; i < s->list.len; i++)
		json_array_append(list, s->list.data[i].raw);
	if (s->many)
		json_object_set(o, "sources", list);
	else
		json_object_set(o, "source", json_array_get(list, 0));
	json_decref(list);
	doc_canonical(o, &text);
	return s->list.len && text.len <= APP_SOURCES_TEXT_MAX ?
	       buf_steal(&text, NULL) : NULL;
}

void app_sources_deinit(struct app_sources *s)
{
	for (size_t i = 0; i < s->list.len; i++) {
		struct app_source *o = &s->list.data[i];

		free(o->repo_url);
		free(o->revision);
		free(o->path);
		free(o->ref);
		json_decref(o->raw);
	}
	vec_deinit(&s->list);
	*s = (struct app_sources){ 0 };
}
