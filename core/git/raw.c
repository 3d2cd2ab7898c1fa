/* raw.c - the commit of one file: a blob, a tree that names it, a commit of that. */
#include "raw.h"

#include "core/fetch.h"

static int hash(git_oid *oid, const struct buf *b, git_object_t type, struct err *err)
{
	int rc = git_odb_hash(oid, buf_str(b), b->len, type);

	return rc < 0 ? repo_fail(rc, err, "an object of %zu bytes", b->len) : 0;
}

int raw_commit_init(struct raw_commit *c, const char *url, struct buf *blob,
		    struct err *err)
{
	_cleanup_free_ char *shown = repo_url_shown(url);
	git_oid oid;

	*c = (struct raw_commit){ .blob = *blob };
	*blob = (struct buf)BUF_INIT;
	if (hash(&oid, &c->blob, GIT_OBJECT_BLOB, err) < 0)
		return -1;
	buf_adds(&c->tree, "100644 " REPO_RAW_FILE);
	buf_addc(&c->tree, '\0');
	buf_add(&c->tree, oid.id, sizeof(oid.id));
	if (hash(&oid, &c->tree, GIT_OBJECT_TREE, err) < 0)
		return -1;
	git_oid_tostr(c->oid, sizeof(c->oid), &oid);
	buf_addf(&c->commit, "tree %s\nauthor syncd <> 0 +0000\n"
		 "committer syncd <> 0 +0000\n\n%s\n", c->oid, shown);
	if (hash(&oid, &c->commit, GIT_OBJECT_COMMIT, err) < 0)
		return -1;
	git_oid_tostr(c->oid, sizeof(c->oid), &oid);
	return 0;
}

static int put(git_odb *odb, const struct buf *b, git_object_t type, struct err *err)
{
	git_oid oid;
	int rc = git_odb_write(&oid, odb, buf_str(b), b->len, type);

	return rc < 0 ? repo_fail(rc, err, "mirror: an object of %zu bytes", b->len) : 0;
}

int raw_commit_write(const struct raw_commit *c, git_repository *repo, struct err *err)
{
	_cleanup_git_(git_odb) *odb = NULL;
	int rc = git_repository_odb(&odb, repo);

	if (rc < 0)
		return repo_fail(rc, err, "mirror");
	if (put(odb, &c->blob, GIT_OBJECT_BLOB, err) < 0 ||
	    put(odb, &c->tree, GIT_OBJECT_TREE, err) < 0)
		return -1;
	return put(odb, &c->commit, GIT_OBJECT_COMMIT, err);
}

void raw_commit_deinit(struct raw_commit *c)
{
	buf_deinit(&c->blob);
	buf_deinit(&c->tree);
	buf_deinit(&c->commit);
}
