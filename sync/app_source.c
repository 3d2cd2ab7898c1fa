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
	take_bool(s, dir, "spec.source.directory", "recurse", false);
	take_str(s, dir, "spec.source.directory", "include");
	take_str(s, dir, "spec.source.directory", "exclude");
}

static bool starts(const char *s, const char *prefix)
{
	return !strncasecmp(s, prefix, strlen(prefix));
}

/* The URL may hold a password: it is never repeated in a message. */
static void check_url(struct app_spec *s, const char *url, const char *where)
{
	if (!*url)
		spec_error(s, "%s.repoURL is missing", where);
	else if (starts(url, "oci://"))
		spec_error(s, "%s.repoURL: OCI artifacts are not supported: use a "
			   "Git repository", where);
	else if (!starts(url, "https://") && !starts(url, "http://") &&
		 !starts(url, "file://") && !repo_url_is_ssh(url))
		spec_error(s, "%s.repoURL must begin with https://, http://, "
			   "ssh://, file:// or be user@host:path", where);
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

static void decode_path(struct app_spec *s, const json_t *src, const char *where)
{
	const char *path = take_str(s, src, where, "path");
	bool excused = is_set(json_object_get(src, "chart"));

	s->path = path_normal(path);
	if (!s->path)
		spec_error(s, "%s.path: \"%.80s\" must be a folder in the "
			   "repository, without a leading \"/\" or \"..\"", where,
			   has_control(path) ? "(control characters)" : path);
	else if (!*path && !excused &&
		 (absent(src, "path") || json_is_string(json_object_get(src, "path"))))
		spec_error(s, "%s.path is missing: name the folder, or \".\" for "
			   "the root of the repository", where);
	if (!s->path)
		s->path = xstrdup("");
}

/*
 * "https://host/repo?ref=REV" names a revision. Cuts the query off the URL in
 * s->repo_url; REV, owned, or NULL where there is none.
 */
static char *cut_ref(struct app_spec *s, const char *where)
{
	char *query = strchr(s->repo_url, '?');
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

static void decode_revision(struct app_spec *s, const json_t *src,
			    const char *where)
{
	const char *rev = take_str(s, src, where, "targetRevision");
	_cleanup_free_ char *ref = cut_ref(s, where);

	if (ref && *rev && strcmp(ref, rev))
		spec_error(s, "%s: repoURL says ?ref=%.80s and targetRevision %.80s: "
			   "keep one of them", where, ref, rev);
	s->revision = xstrdup(*rev || !ref ? rev : ref);
	if (has_control(s->revision) || *s->revision == '-' ||
	    strstr(s->revision, ".."))
		spec_error(s, "%s.%s must be a branch, a tag or a commit", where,
			   *rev || !ref ? "targetRevision" : "repoURL: ?ref=");
}

/* sources wins over source, as in Argo CD; where is how messages call it. */
static const json_t *pick(struct app_spec *s, const json_t *spec,
			  const char **where)
{
	const json_t *list = take(s, spec, "spec", "sources", JSON_ARRAY);
	const json_t *one;

	*where = "spec.source";
	if (!list && !absent(spec, "sources"))
		return NULL;
	if (!json_array_size(list)) {
		if (absent(spec, "source"))
			spec_error(s, "spec.source is missing: name repoURL, path "
				   "and targetRevision");
		return take(s, spec, "spec", "source", JSON_OBJECT);
	}
	*where = "spec.sources[0]";
	if (json_array_size(list) > 1) {
		spec_error(s, "spec.sources has %zu entries: only one is supported "
			   "yet: make an Application of each",
			   json_array_size(list));
		return NULL;
	}
	one = json_array_get(list, 0);
	if (json_is_object(one))
		return one;
	spec_error(s, "spec.sources[0] must be a map");
	return NULL;
}

void app_source_decode(struct app_spec *s, const json_t *spec)
{
	const char *where;
	const json_t *src = pick(s, spec, &where);

	if (is_set(json_object_get(spec, "sourceHydrator")))
		spec_error(s, "spec.sourceHydrator is not supported: name the "
			   "hydrated branch in spec.source");
	if (!src) {
		s->repo_url = xstrdup("");
		s->path = xstrdup("");
		s->revision = xstrdup("");
		s->source = json_object();
		return;
	}
	s->repo_url = xstrdup(take_str(s, src, where, "repoURL"));
	decode_revision(s, src, where);	/* before the check: it cuts the URL */
	if (absent(src, "repoURL") || json_is_string(json_object_get(src, "repoURL")))
		check_url(s, s->repo_url, where);
	decode_path(s, src, where);
	refuse_tools(s, src, where);
	if (*take_str(s, src, where, "ref"))
		spec_warn(s, "%s.ref has no effect with a single source", where);
	s->source = json_deep_copy(src);
}
