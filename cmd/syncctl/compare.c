/* Two sides of one repository. */
#include "compare.h"

#include "revtree.h"

#include <stdio.h>

static int open_base(struct comparison *c, const struct options *o, const char *head_id,
		     struct err *err)
{
	const char *root = c->tree.local.root;
	_cleanup_free_ char *named = revtree_resolve(root, o->base, err), *base = NULL;

	if (!named)
		return -1;
	base = revtree_merge_base(root, named, head_id);
	if (!base)
		fprintf(stderr, "syncctl: warning: Git does not know where the branch left %s: "
			"compared with it as it is now\n", o->base);
	c->base = revtree_open(root, base ? base : named, err);
	return c->base ? 0 : -1;
}

/* A folder that is not there on one side holds nothing. */
static int survey(struct survey *s, struct worktree *w, struct files *files, const char *side,
		  struct err *err)
{
	struct survey_options what = worktree_survey(w);

	if (files) {
		what.files = files;
		what.may_hold = revtree_may_hold;
	}
	if (!survey_run(s, &what, err))
		return 0;
	if (files && err->code == ERR_NOTFOUND) {
		*err = ERR_INIT;
		return 0;
	}
	return err_wrap(err, "%s", side);
}

int comparison_open(struct comparison *c, const struct options *o, const char *root,
		    const char *head, struct err *err)
{
	_cleanup_free_ char *id = NULL;

	*c = (struct comparison){ 0 };
	if (worktree_open(&c->tree, root, o->repo, err))
		return -1;
	if (!c->tree.local.is_git)
		return err_set(err, ERR_INVALID, "%s: not in a Git work tree", root);
	id = revtree_resolve(c->tree.local.root, head ? head : "HEAD", err);
	if (!id || open_base(c, o, id, err))
		return -1;
	if (head) {
		c->head = revtree_open(c->tree.local.root, id, err);
		if (!c->head)
			return -1;
	}
	if (survey(&c->before, &c->tree, c->base, o->base, err) ||
	    survey(&c->after, &c->tree, c->head, head ? head : root, err) ||
	    worktree_trouble(&c->tree, err) ||
	    survey_any(&c->before, &c->after, root, err))
		return -1;
	survey_pair(&c->before, &c->after, &c->pairs);
	return 0;
}

void comparison_close(struct comparison *c)
{
	vec_deinit(&c->pairs);
	survey_deinit(&c->before);
	survey_deinit(&c->after);
	files_close(c->base);
	files_close(c->head);
	worktree_close(&c->tree);
}
