/*
 * What an application's render needs besides its own repository: bases that a
 * kustomization names by URL.
 *
 * The renderer tells of one at a time (it learns of the next by reading the one
 * before); each becomes a repository that is polled and mirrored like any other, and
 * the render is asked again with the commit that it is at. The commits are part of
 * what was rendered: one that moves is rendered anew. They are forgotten when our own
 * commit or source changes, since it may name others then.
 */
#include "app_priv.h"

#include "core/fetch.h"
#include "glob.h"
#include "render/render.h"

#define REMOTES_MAX 32

void remotes_free(struct app *a)
{
	for (size_t i = 0; i < a->remotes.len; i++) {
		free(a->remotes.data[i].url);
		free(a->remotes.data[i].ref);
	}
	vec_deinit(&a->remotes);
}

void remotes_reset(struct app *a)
{
	for (size_t i = 0; i < a->remotes.len; i++)
		source_leave(a->remotes.data[i].rev, true);
	remotes_free(a);
}

/* The host of a URL, without user and port; owned by the caller. */
static char *host_of(const char *url)
{
	const char *at = strstr(url, "://"), *end, *user;

	at = at ? at + 3 : url;
	end = at + strcspn(at, "/?#");
	user = memrchr(at, '@', (size_t)(end - at));
	at = user ? user + 1 : at;
	if (*at == '[')
		end = at + strcspn(at, "]") + 1;
	else
		end = at + strcspn(at, ":/?#");
	return xstrndup(at, (size_t)(end - at));
}

static bool is_allowed(const struct engine *e, const char *host)
{
	for (char **p = e->remote_hosts; *p; p++)
		if (glob_match(*p, host, 0) == 1)
			return true;
	return false;
}

int remotes_want(struct app *a, const char *url, const char *ref, const char *by,
		 struct err *err)
{
	_cleanup_free_ char *host = host_of(url), *shown = repo_url_shown(url);
	struct remote_use use;

	if (!is_allowed(a->engine, host))
		return err_set(err, ERR_INVALID, "%s: %s lies %s; copy it into this one, or "
			       "have syncd run with --allow-remote-bases=%s", by,
			       shown + (repo_is_raw(url) ? strlen(REPO_RAW) : 0),
			       repo_is_raw(url) ? "outside of the repository" :
			       "in another repository", host);
	if (a->remotes.len >= REMOTES_MAX)
		return err_set(err, ERR_LIMIT, "%s: more than %d other repositories", by,
			       REMOTES_MAX);
	if (repo_remote_check(url, err))
		return err_wrap(err, "%s: %s", by, shown);
	use = (struct remote_use){ .url = xstrdup(url), .ref = xstrdup(ref),
				   .rev = source_join(a->engine, url, ref, true) };
	vec_push(&a->remotes, use);
	return 0;
}

bool remotes_use(const struct app *a, const struct repo_rev *rev)
{
	for (size_t i = 0; i < a->remotes.len; i++)
		if (a->remotes.data[i].rev == rev)
			return true;
	return false;
}

/* Of a file the message names the URL itself. */
static void tell_trouble(const struct remote_use *u, struct err *ret)
{
	_cleanup_free_ char *shown = repo_url_shown(u->url);
	const char *url = shown + (repo_is_raw(u->url) ? strlen(REPO_RAW) : 0);

	bool named = !strncmp(u->rev->err.msg, url, strlen(url));

	err_set(ret, u->rev->err.code, "the remote base %s%s%s", named ? "" : url,
		named ? "" : ": ", u->rev->err.msg);
	ret->retry = u->rev->err.retry;
}

bool remotes_error(const struct app *a, struct err *ret)
{
	for (size_t i = 0; i < a->remotes.len; i++) {
		const struct remote_use *u = &a->remotes.data[i];
		struct err why;

		if (!u->rev->err.code || !*u->rev->commit)
			continue;
		tell_trouble(u, &why);
		err_set(ret, why.code, "%s; what was fetched before stays in use", why.msg);
		return true;
	}
	*ret = ERR_INIT;
	return false;
}

bool remotes_ready(const struct app *a, struct err *err)
{
	for (size_t i = 0; i < a->remotes.len; i++) {
		const struct remote_use *u = &a->remotes.data[i];

		if (*u->rev->commit)
			continue;
		if (u->rev->err.code && err)
			tell_trouble(u, err);
		return false;
	}
	return true;
}

void remotes_key(const struct app *a, char out[65])
{
	_cleanup_buf_ struct buf all = BUF_INIT;

	for (size_t i = 0; i < a->remotes.len; i++) {
		const struct remote_use *u = &a->remotes.data[i];

		buf_addf(&all, "%s %s %s %s %s\n", u->url, u->ref, u->rev->commit,
			 u->rev->tag, u->rev->tag_ref);
	}
	sha256_hex(buf_str(&all), all.len, out);
}

char *remotes_commits(const struct app *a)
{
	_cleanup_free_ char *own = sources_commits(a);
	struct buf all = BUF_INIT;

	buf_adds(&all, own);
	for (size_t i = 0; i < a->remotes.len; i++)
		buf_addf(&all, " %s", a->remotes.data[i].rev->commit);
	return buf_steal(&all, NULL);
}

struct render_remote *remotes_list(const struct app *a)
{
	struct render_remote *list = xcalloc(a->remotes.len + 1, sizeof(*list));

	for (size_t i = 0; i < a->remotes.len; i++) {
		const struct remote_use *u = &a->remotes.data[i];

		list[i] = (struct render_remote){
			.url = u->url, .ref = u->ref, .commit = u->rev->commit,
			.mirror = (char *)(uintptr_t)source_mirror(u->rev),
			.tag = *u->rev->tag ? u->rev->tag : NULL,
			.tag_ref = *u->rev->tag ? u->rev->tag_ref : NULL,
		};
	}
	return list;
}
