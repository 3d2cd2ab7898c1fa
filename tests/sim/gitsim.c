/*
 * Git remotes made of maps. Commits are immutable and named by the SHA-256 of
 * their content (cut to 40 digits), so equal histories get equal names whatever
 * the order of events. Protocol: https://git-scm.com/docs/protocol-v2
 */
#include "gitsim.h"

#include <stdio.h>
#include <strings.h>

#include "core/doc.h"
#include "core/mem.h"

struct git_file {
	char *path, *text;
};

struct git_commit {
	char oid[41];
	VEC(struct git_file) files;	/* sorted by path */
};

struct git_refname {
	char *name;
	char oid[41];
};

struct git_repo {
	char *url;
	char *head;
	char *login, *ca;	/* that it asks for; NULL */
	enum git_mood mood;
	uint64_t polls;
	VEC(struct git_refname) refs;	/* sorted by name */
	VEC(struct git_commit *) commits;
};

struct gitsim {
	VEC(struct git_repo *) repos;
};

struct gitsim *gitsim_new(void)
{
	return xcalloc(1, sizeof(struct gitsim));
}

static void repo_free(struct git_repo *r)
{
	for (size_t i = 0; i < r->commits.len; i++) {
		struct git_commit *c = r->commits.data[i];

		for (size_t k = 0; k < c->files.len; k++) {
			free(c->files.data[k].path);
			free(c->files.data[k].text);
		}
		vec_deinit(&c->files);
		free(c);
	}
	vec_deinit(&r->commits);
	for (size_t i = 0; i < r->refs.len; i++)
		free(r->refs.data[i].name);
	vec_deinit(&r->refs);
	free(r->url);
	free(r->head);
	free(r->login);
	free(r->ca);
	free(r);
}

struct gitsim *gitsim_free(struct gitsim *g)
{
	if (!g)
		return NULL;
	for (size_t i = 0; i < g->repos.len; i++)
		repo_free(g->repos.data[i]);
	vec_deinit(&g->repos);
	free(g);
	return NULL;
}

/* "http://git.sim/repo.git/" and "http://git.sim/repo" are one repository. */
static size_t url_len(const char *url)
{
	size_t n = strlen(url);

	while (n && url[n - 1] == '/')
		n--;
	if (n > 4 && !strncmp(url + n - 4, ".git", 4))
		n -= 4;
	return n;
}

static struct git_repo *find(const struct gitsim *g, const char *url)
{
	size_t n = url_len(url);

	for (size_t i = 0; i < g->repos.len; i++) {
		struct git_repo *r = g->repos.data[i];

		if (strlen(r->url) == n && !strncmp(r->url, url, n))
			return r;
	}
	return NULL;
}

static struct git_repo *repo(struct gitsim *g, const char *url)
{
	struct git_repo *r = find(g, url);

	if (r)
		return r;
	r = xcalloc(1, sizeof(*r));
	r->url = xstrndup(url, url_len(url));
	r->head = xstrdup("refs/heads/main");
	vec_push(&g->repos, r);
	return r;
}

static char *full_ref(const char *ref)
{
	return !strncmp(ref, "refs/", 5) ? xstrdup(ref) :
	       xasprintf("refs/heads/%s", ref);
}

static const char *ref_oid(const struct git_repo *r, const char *name)
{
	for (size_t i = 0; i < r->refs.len; i++)
		if (!strcmp(r->refs.data[i].name, name))
			return r->refs.data[i].oid;
	return NULL;
}

void gitsim_set_mood(struct gitsim *g, const char *url, enum git_mood m)
{
	repo(g, url)->mood = m;
}

enum git_mood gitsim_mood(const struct gitsim *g, const char *url)
{
	struct git_repo *r = find(g, url);

	return r ? r->mood : GIT_404;
}

void gitsim_set_login(struct gitsim *g, const char *url, const char *login)
{
	struct git_repo *r = repo(g, url);

	free(r->login);
	r->login = xstrdup(login);
}

void gitsim_set_ca(struct gitsim *g, const char *url, const char *pem)
{
	struct git_repo *r = repo(g, url);

	free(r->ca);
	r->ca = xstrdup(pem);
}

static bool trusts(const struct git_repo *r, const char *ca)
{
	return !r->ca || !strcmp(r->ca, ca);
}

static bool knows(const struct git_repo *r, const char *login)
{
	return !r->login || !strcmp(r->login, login);
}

bool gitsim_admits(const struct gitsim *g, const char *url, const char *login,
		   const char *ca)
{
	struct git_repo *r = find(g, url);

	return r && trusts(r, ca) && knows(r, login);
}

void gitsim_set_head(struct gitsim *g, const char *url, const char *branch)
{
	struct git_repo *r = repo(g, url);

	free(r->head);
	r->head = full_ref(branch);
}

static void set_ref(struct git_repo *r, const char *name, const char *oid)
{
	size_t i = 0;

	while (i < r->refs.len && strcmp(r->refs.data[i].name, name) < 0)
		i++;
	if (i == r->refs.len || strcmp(r->refs.data[i].name, name)) {
		if (!oid)
			return;
		vec_push(&r->refs, ((struct git_refname){ 0 }));
		memmove(r->refs.data + i + 1, r->refs.data + i,
			(r->refs.len - i - 1) * sizeof(r->refs.data[0]));
		r->refs.data[i] = (struct git_refname){ .name = xstrdup(name) };
	}
	if (oid) {
		snprintf(r->refs.data[i].oid, 41, "%s", oid);
		return;
	}
	free(r->refs.data[i].name);
	memmove(r->refs.data + i, r->refs.data + i + 1,
		(r->refs.len - i - 1) * sizeof(r->refs.data[0]));
	r->refs.len--;
}

void gitsim_set_ref(struct gitsim *g, const char *url, const char *ref,
		    const char *oid)
{
	_cleanup_free_ char *name = full_ref(ref);

	set_ref(repo(g, url), name, oid);
}

const char *gitsim_ref(const struct gitsim *g, const char *url, const char *ref)
{
	_cleanup_free_ char *name = full_ref(ref);
	struct git_repo *r = find(g, url);

	return r ? ref_oid(r, name) : NULL;
}

static struct git_commit *commit_find(const struct gitsim *g, const char *oid)
{
	for (size_t i = 0; i < g->repos.len; i++) {
		struct git_repo *r = g->repos.data[i];

		for (size_t k = r->commits.len; k-- > 0;)
			if (!strcmp(r->commits.data[k]->oid, oid))
				return r->commits.data[k];
	}
	return NULL;
}

bool gitsim_has_commit(const struct gitsim *g, const char *oid)
{
	return commit_find(g, oid) != NULL;
}

const char *gitsim_file(const struct gitsim *g, const char *oid, size_t i,
			const char **text)
{
	struct git_commit *c = commit_find(g, oid);

	if (!c || i >= c->files.len)
		return NULL;
	*text = c->files.data[i].text;
	return c->files.data[i].path;
}

static void add_file(struct git_commit *c, const char *path, const char *text)
{
	size_t i = 0;

	while (i < c->files.len && strcmp(c->files.data[i].path, path) < 0)
		i++;
	vec_push(&c->files, ((struct git_file){ 0 }));
	memmove(c->files.data + i + 1, c->files.data + i,
		(c->files.len - i - 1) * sizeof(c->files.data[0]));
	c->files.data[i] = (struct git_file){ xstrdup(path), xstrdup(text) };
}

static void name_commit(struct git_commit *c, const char *url, const char *parent)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char hex[65];

	buf_addf(&b, "%s\n%s\n", url, parent ? parent : "");
	for (size_t i = 0; i < c->files.len; i++)
		buf_addf(&b, "%s\n%s\n", c->files.data[i].path,
			 c->files.data[i].text);
	sha256_hex(buf_str(&b), b.len, hex);
	snprintf(c->oid, sizeof(c->oid), "%.40s", hex);
}

const char *gitsim_commit(struct gitsim *g, const char *url, const char *branch,
			  const char *path, const char *text)
{
	_cleanup_free_ char *name = full_ref(branch);
	struct git_repo *r = repo(g, url);
	const char *parent = ref_oid(r, name);
	struct git_commit *old = parent ? commit_find(g, parent) : NULL;
	struct git_commit *c = xcalloc(1, sizeof(*c));

	for (size_t i = 0; old && i < old->files.len; i++)
		if (strcmp(old->files.data[i].path, path))
			add_file(c, old->files.data[i].path,
				 old->files.data[i].text);
	if (text)
		add_file(c, path, text);
	name_commit(c, r->url, parent);
	vec_push(&r->commits, c);
	set_ref(r, name, c->oid);
	return c->oid;
}

static bool has_prefix(const char *list, const char *name)
{
	_cleanup_free_ char *text = xstrdup(list);
	char *rest = NULL;

	for (char *p = strtok_r(text, " ", &rest); p; p = strtok_r(NULL, " ", &rest))
		if (!strncmp(name, p, strlen(p)))
			return true;
	return false;
}

void gitsim_list(struct gitsim *g, const char *url, const char *prefixes,
		 struct buf *out)
{
	struct git_repo *r = repo(g, url);
	const char *head = ref_oid(r, r->head);

	r->polls++;
	if (head && has_prefix(prefixes, "HEAD"))
		buf_addf(out, "%s HEAD\n", head);
	for (size_t i = 0; i < r->refs.len; i++)
		if (has_prefix(prefixes, r->refs.data[i].name))
			buf_addf(out, "%s %s\n", r->refs.data[i].oid,
				 r->refs.data[i].name);
}

uint64_t gitsim_polls(const struct gitsim *g, const char *url)
{
	struct git_repo *r = find(g, url);

	return r ? r->polls : 0;
}

/* ---- the protocol ---- */

static void pkt(struct buf *out, const char *line)
{
	buf_addf(out, "%04zx%s", strlen(line) + 4, line);
}

static void advertise_v2(struct buf *out)
{
	pkt(out, "# service=git-upload-pack\n");
	buf_adds(out, "0000");
	pkt(out, "version 2\n");
	pkt(out, "agent=git/gitsim\n");
	pkt(out, "ls-refs=unborn\n");
	pkt(out, "fetch=shallow\n");
	pkt(out, "object-format=sha1\n");
	buf_adds(out, "0000");
}

static void advertise_v0(const struct git_repo *r, struct buf *out)
{
	const char *head = ref_oid(r, r->head);
	bool first = true;

	pkt(out, "# service=git-upload-pack\n");
	buf_adds(out, "0000");
	for (size_t i = 0; i <= r->refs.len; i++) {
		const char *name = i ? r->refs.data[i - 1].name : "HEAD";
		const char *oid = i ? r->refs.data[i - 1].oid : head;
		_cleanup_buf_ struct buf line = BUF_INIT;

		if (!oid)
			continue;
		buf_addf(&line, "%s %s", oid, name);
		if (first) {
			buf_addc(&line, '\0');
			buf_addf(&line, "multi_ack symref=HEAD:%s agent=git/gitsim",
				 r->head);
		}
		first = false;
		buf_addc(&line, '\n');
		buf_addf(out, "%04zx", line.len + 4);
		buf_add(out, line.data, line.len);
	}
	buf_adds(out, "0000");
}

/* Does a pkt-line of the body, "ref-prefix P", match? No such line: all do. */
static bool wanted(const char *body, size_t len, const char *name)
{
	static const char key[] = "ref-prefix ";
	bool any = false;

	for (size_t at = 0; at + 4 <= len;) {
		char hex[5] = { 0 };
		const char *line = body + at + 4;
		size_t n;

		memcpy(hex, body + at, 4);
		n = strtoul(hex, NULL, 16);
		if (n < 4) {	/* flush, delimiter */
			at += 4;
			continue;
		}
		if (at + n > len)
			return false;
		at += n;
		n -= 4;
		if (n < strlen(key) || strncmp(line, key, strlen(key)))
			continue;
		any = true;
		line += strlen(key);
		n -= strlen(key);
		if (n && line[n - 1] == '\n')
			n--;
		if (!strncmp(name, line, n))
			return true;
	}
	return !any;
}

static void ls_refs(const struct git_repo *r, const struct git_request *q,
		    struct buf *out)
{
	const char *head = ref_oid(r, r->head);

	if (head && wanted(q->body, q->body_len, "HEAD"))  {
		_cleanup_free_ char *line = xasprintf("%s HEAD symref-target:%s\n",
						      head, r->head);
		pkt(out, line);
	}
	for (size_t i = 0; i < r->refs.len; i++) {
		_cleanup_free_ char *line = xasprintf("%s %s\n",
				r->refs.data[i].oid, r->refs.data[i].name);

		if (wanted(q->body, q->body_len, r->refs.data[i].name))
			pkt(out, line);
	}
	buf_adds(out, "0000");
}

static void refuse(struct git_answer *a, int status)
{
	a->status = status;
	a->content_type = "text/plain";
	buf_addf(&a->body, "%d\n", status);
}

static bool in_bad_mood(struct git_answer *a)
{
	static const int codes[] = {
		[GIT_401] = 401, [GIT_404] = 404, [GIT_500] = 500,
		[GIT_GARBAGE] = 0, [GIT_V0] = 0, [GIT_ASTRAY] = 0,
	};

	if (a->mood == GIT_REFUSE || a->mood == GIT_HANG)
		return true;
	if (codes[a->mood]) {
		refuse(a, codes[a->mood]);
		return true;
	}
	if (a->mood != GIT_GARBAGE)
		return false;
	a->status = 200;
	a->content_type = "text/html";
	buf_adds(&a->body, "<html>welcome</html>");
	return true;
}

static char *strip_suffix(const char *url, const char *suffix)
{
	size_t n = strlen(url), k = strlen(suffix);

	return n > k && !strcmp(url + n - k, suffix) ? xstrndup(url, n - k) : NULL;
}

void gitsim_serve(struct gitsim *g, const struct git_request *q,
		  struct git_answer *a)
{
	_cleanup_free_ char *info = strip_suffix(q->url, "/info/refs");
	_cleanup_free_ char *pack = strip_suffix(q->url, "/git-upload-pack");
	struct git_repo *r = info || pack ? find(g, info ? info : pack) : NULL;

	if (!r) {
		refuse(a, 404);
		return;
	}
	r->polls++;
	a->mood = trusts(r, q->ca) ? r->mood : GIT_REFUSE;
	if (a->mood == GIT_FINE && !knows(r, q->login))
		a->mood = GIT_401;
	if (in_bad_mood(a))
		return;
	if (pack && a->mood == GIT_ASTRAY) {
		refuse(a, 404);
		return;
	}
	a->status = 200;
	if (info && !strcmp(q->method, "GET")) {
		a->content_type = "application/x-git-upload-pack-advertisement";
		if (r->mood == GIT_V0 || !strstr(q->protocol, "version=2"))
			advertise_v0(r, &a->body);
		else
			advertise_v2(&a->body);
	} else if (pack && !strcmp(q->method, "POST") &&
		   memmem(q->body, q->body_len, "command=ls-refs", 15)) {
		a->content_type = "application/x-git-upload-pack-result";
		ls_refs(r, q, &a->body);
	} else {
		refuse(a, 400);
	}
}
