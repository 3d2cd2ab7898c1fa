/*
 * Who signed what a request is about: looked at before anything of it is rendered, by
 * both workers that render. What is not known to be signed as its project asks for is an
 * error of the request, and so leaves nothing that could be put out.
 *
 * A commit counts by its own signature, or by that of the annotated tag that
 * targetRevision names; Argo CD looks at the tag's alone then. Whose content comes in
 * counts alike: sources, and bases of other repositories, but for those that a signed
 * kustomization names by the commit itself.
 */
#include "worker.h"

#include "core/mem.h"
#include "core/pgp.h"

#include <stdio.h>

/* The object's signature, judged. */
static int judge(const struct signed_policy *p, const char *object, size_t len, bool is_tag,
		 const char *what, struct signed_end *end, struct err *err)
{
	struct signed_seen seen = { 0 };
	struct signed_parts parts;
	struct err why = ERR_INIT;
	int rc;

	if (signed_split(object, len, is_tag, &parts, &why)) {
		signed_parts_deinit(&parts);
		return err_set(err, ERR_INVALID, "the signature of %s cannot be looked at: "
			       "%s", what, why.msg);
	}
	seen.form = parts.form;
	rc = parts.form == SIGNED_PGP ? pgp_verify(p, &parts, &seen, err) : 0;
	signed_parts_deinit(&parts);
	if (rc || signed_judge(p, &seen, what, err))
		return -1;
	signed_end_bring(end, &seen);
	return 0;
}

static int check_commit(struct files *files, const struct signed_commit *c,
			const struct signed_policy *p, struct signed_end *end, struct err *err)
{
	_cleanup_free_ char *what = xasprintf("commit %.7s%s", c->commit, c->of);
	_cleanup_free_ char *object = NULL;
	size_t len;

	if (files_git_object(files, c->commit, false, SIGNED_OBJECT_MAX, &object, &len, err))
		return -1;
	return judge(p, object, len, false, what, end, err);
}

/* The tag has to be one of that very commit, at the ref that it was made for. */
static int check_tag(struct files *files, const struct signed_commit *c,
		     const struct signed_policy *p, struct signed_end *end, struct err *err)
{
	_cleanup_free_ char *what = xasprintf("the tag of commit %.7s%s", c->commit, c->of);
	_cleanup_free_ char *object = NULL;
	size_t len;

	if (files_git_object(files, c->tag, true, SIGNED_OBJECT_MAX, &object, &len, err))
		return -1;
	if (judge(p, object, len, true, what, end, err))
		return -1;
	return signed_tag_fits(object, c->commit, c->tag_ref ? c->tag_ref : "", what, err);
}

int signatures_check(struct files *files, const struct signed_commit *c,
		     const struct signed_policy *p, struct signed_end *end, struct err *err)
{
	struct err why = ERR_INIT;

	if (!check_commit(files, c, p, end, &why))
		return 0;
	if (c->tag && why.code == ERR_INVALID) {
		why = ERR_INIT;
		if (!check_tag(files, c, p, end, &why))
			return 0;
	}
	*err = why;
	return -1;
}
