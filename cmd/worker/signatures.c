/*
 * Who signed what a request is about: looked at before anything of it is rendered, by
 * both workers that render. What is not known to be signed as its project asks for is an
 * error of the request, and so leaves nothing that could be put out.
 *
 * A commit counts by its own signature, or by that of the annotated tag that
 * targetRevision names; Argo CD looks at the tag's alone then.
 */
#include "worker.h"

#include "core/mem.h"
#include "core/pgp.h"

#include <stdio.h>

/* The object's signature, judged. */
static int judge(const struct signed_policy *p, const char *object, size_t len, bool is_tag,
		 const char *what, uint64_t *until, struct err *err)
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
	*until = signed_sooner(*until, seen.until);
	return 0;
}

static int check_commit(struct files *files, const char *commit,
			const struct signed_policy *p, uint64_t *until, struct err *err)
{
	_cleanup_free_ char *what = xasprintf("commit %.7s", commit);
	_cleanup_free_ char *object = NULL;
	size_t len;

	if (files_git_object(files, commit, false, SIGNED_OBJECT_MAX, &object, &len, err))
		return -1;
	return judge(p, object, len, false, what, until, err);
}

/* The tag has to be one of that very commit. */
static int check_tag(struct files *files, const struct render_request *r,
		     const struct signed_policy *p, uint64_t *until, struct err *err)
{
	_cleanup_free_ char *what = xasprintf("the tag of commit %.7s", r->commit);
	_cleanup_free_ char *begin = xasprintf("object %s\ntype commit\n", r->commit);
	_cleanup_free_ char *object = NULL;
	size_t len;

	if (files_git_object(files, r->tag, true, SIGNED_OBJECT_MAX, &object, &len, err))
		return -1;
	if (strncmp(object, begin, strlen(begin)))
		return err_set(err, ERR_INVALID, "%s is of something else: tag the commit "
			       "itself", what);
	return judge(p, object, len, true, what, until, err);
}

int signatures_check(struct files *files, const struct render_request *r,
		     const struct signed_policy *p, uint64_t *until, struct err *err)
{
	struct err why = ERR_INIT;

	if (!check_commit(files, r->commit, p, until, &why))
		return 0;
	if (r->tag && why.code == ERR_INVALID) {
		why = ERR_INIT;
		if (!check_tag(files, r, p, until, &why))
			return 0;
	}
	*err = why;
	return -1;
}
