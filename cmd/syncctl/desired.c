/*
 * Where the wanted objects come from: a stored release, a folder, or a commit that
 * the user's own Git fetches. The daemon's renderer makes them all.
 */
#include "desired.h"

#include "core/mem.h"
#include "files.h"
#include "local.h"
#include "render/render.h"
#include "sync/store_codec.h"

#include <errno.h>
#include <stdio.h>

#define GIT_DEADLINE_MS 120000

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
	const char *ns = cluster_system_ns(c, o, err);
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

uint32_t desired_release_of(const json_t *app, const char *revision)
{
	const json_t *list = doc_get(app, "status", "syncd", "releases", NULL), *r;
	size_t i;

	json_array_foreach((json_t *)list, i, r)
		if (!strncmp(text(r, "revision"), revision, strlen(revision)))
			return (uint32_t)doc_get_int(r, 0, "id", NULL);
	return 0;
}

uint32_t desired_release_of_all(const json_t *app)
{
	const json_t *list = doc_get(app, "status", "syncd", "releases", NULL), *r;
	const json_t *now = doc_get(app, "status", "sync", "revisions", NULL);
	size_t i;

	json_array_foreach((json_t *)list, i, r)
		if (now && json_equal(now, doc_get(r, "revisions", NULL)))
			return (uint32_t)doc_get_int(r, 0, "id", NULL);
	return 0;
}

/* ---- rendering here ---- */

int desired_local(const json_t *app, const char *path, struct render_answer *ret,
		  struct err *err)
{
	json_t *source = doc_get(app, "spec", "source", NULL);
	const char *dest = doc_get_str(app, "spec", "destination", "namespace", NULL);
	struct render_request r = {
		.source = source, .destination_ns = (char *)(uintptr_t)(dest ? dest : "") };

	*ret = (struct render_answer){ 0 };
	return render_local(path, &r, ret, err);
}

static int run(const char *const *argv, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	return program_read(argv, GIT_DEADLINE_MS, &out, err);
}

/* One commit alone; where the server refuses that, all of its branches and tags. */
static int fetch(const char *dir, const char *url, const char *revision,
		 struct err *err)
{
	const char *const init[] = { "git", "init", "-q", dir, NULL };
	const char *const one[] = { "git", "-C", dir, "fetch", "-q", "--depth", "1", "--",
				    url, revision, NULL };
	const char *const all[] = { "git", "-C", dir, "fetch", "-q", "--tags", "--", url,
				    "+refs/heads/*:refs/remotes/origin/*", NULL };
	const char *const head[] = { "git", "-C", dir, "checkout", "-q", "FETCH_HEAD", NULL };
	const char *const that[] = { "git", "-C", dir, "checkout", "-q", revision, "--", NULL };

	if (run(init, err))
		return -1;
	if (!run(one, err))
		return run(head, err);
	*err = ERR_INIT;
	return run(all, err) || run(that, err) ? -1 : 0;
}

int desired_fetched(const json_t *app, const char *revision, struct render_answer *ret,
		    struct err *err)
{
	const json_t *source = doc_get(app, "spec", "source", NULL);
	const char *url = text(source, "repoURL"), *tmp = getenv("TMPDIR");
	_cleanup_free_ char *dir = xasprintf("%s/syncctl-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	_cleanup_free_ char *path = NULL;
	const char *rm[] = { "rm", "-rf", "--", NULL, NULL };
	int rc;

	*ret = (struct render_answer){ 0 };
	if (*revision == '-' || *url == '-' || !*url)
		return err_set(err, ERR_INVALID, "\"%.60s\" is no revision, or spec.source.repoURL "
			       "is none", revision);
	if (!mkdtemp(dir))
		return err_set(err, ERR_IO, "%s: %s", dir, strerror(errno));
	path = xasprintf("%s/%s", dir, text(source, "path"));
	rc = fetch(dir, url, revision, err);
	if (rc)
		err_wrap(err, "fetching %.12s with your Git", revision);
	else
		rc = desired_local(app, path, ret, err);
	rm[3] = dir;
	if (run(rm, &(struct err){ .code = ERR_NONE }))
		fprintf(stderr, "syncctl: %s could not be removed\n", dir);
	return rc;
}
