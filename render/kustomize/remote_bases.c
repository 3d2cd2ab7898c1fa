/*
 * remote_bases.c - bases in other repositories: `resources: [github.com/org/repo//x?ref=v1]`,
 * and files by their URLs.
 *
 * The daemon fetches them into mirrors of their own and says at which commit; here
 * they are only looked up, so that a render stays a function of its request. The
 * tree of a remote repository is as closed as our own.
 */
#include "render/remote_bases.h"

#include "render/remote.h"

static int want(struct remote_bases *b, const struct kremote *s, struct err *err)
{
	if (!b->a->want_url) {
		b->a->want_url = xstrdup(s->repo);
		b->a->want_ref = xstrdup(s->ref);
	}
	return err_set(err, ERR_NOTFOUND, "it is not fetched yet");
}

static bool is_raw(const char *url)
{
	size_t n = strlen(KREMOTE_RAW);

	return strncmp(url, KREMOTE_RAW, n) == 0 && kremote_is_file(url + n);
}

static int refuse(const char *url, const char *why, struct err *err)
{
	_cleanup_free_ char *shown = kremote_shown(url);

	return err_set(err, ERR_INVALID, "'%s' %s", shown, why);
}

static int open_one(struct remote_bases *b, size_t i, struct files **files,
		    struct err *err)
{
	const struct render_remote *m = &b->r->remotes[i];
	_cleanup_free_ char *shown = NULL;

	while (b->open.len < b->r->n_remotes)
		vec_push(&b->open, NULL);
	if (!b->open.data[i])
		b->open.data[i] = b->r->open_tree(m->mirror, m->commit, err);
	*files = b->open.data[i];
	if (*files)
		return 0;
	shown = kremote_shown(m->url);
	return err_wrap(err, "%s", shown);
}

int remote_bases_find(void *remote_bases, const char *url, struct files **files,
		      char **path, struct err *err)
{
	_cleanup_(arena_deinit) struct arena a = { 0 };
	struct remote_bases *b = remote_bases;
	struct kremote s;

	if (is_raw(url))
		s = (struct kremote){ url, KREMOTE_RAW_FILE, "" };
	else if (!kremote_parse(&a, url, &s))
		return refuse(url, "is a URL that names no Git repository; name one as "
			      "https://host/org/repo//path?ref=tag", err);
	else if (!kremote_is_file(s.repo) && !kremote_is_ssh(s.repo))
		return refuse(url, "is not fetched over HTTPS, HTTP or SSH; write it as "
			      "https://host/org/repo//path?ref=tag or "
			      "ssh://git@host/org/repo//path?ref=tag", err);
	if (!b->r->open_tree)
		return refuse(is_raw(url) ? url + strlen(KREMOTE_RAW) : url,
			      "lies outside of the repository, and is fetched only by the "
			      "controller; copy it into this one", err);
	for (size_t i = 0; i < b->r->n_remotes; i++) {
		if (!strcmp(b->r->remotes[i].url, s.repo) &&
		    !strcmp(b->r->remotes[i].ref, s.ref)) {
			if (open_one(b, i, files, err) < 0)
				return -1;
			*path = xstrdup(s.path);
			return 0;
		}
	}
	return want(b, &s, err);
}

void remote_bases_deinit(struct remote_bases *b)
{
	for (size_t i = 0; i < b->open.len; i++)
		files_close(b->open.data[i]);
	vec_deinit(&b->open);
}
