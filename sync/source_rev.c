/*
 * What is known of one revision of a repository: which commit the remote names, and which
 * of them is here. An annotated tag that led there is known with the ref at which it
 * stands: the same tag may come to stand at another one, and then nothing is fetched.
 */
#include "source_priv.h"

#include <stdio.h>

#include "core/fetch.h"

static void set_text(char **to, const char *text)
{
	char *was = *to;

	*to = xstrdup(text);
	free(was);
}

struct repo_rev *source_rev_new(struct repo *r, const char *name)
{
	struct repo_rev *rev = xcalloc(1, sizeof(*rev));

	rev->repo = r;
	rev->name = xstrdup(name);
	rev->wanted_tag_ref = xstrdup("");
	rev->tag_ref = xstrdup("");
	rev->next = r->revs;
	r->revs = rev;
	return rev;
}

void source_rev_free(struct repo_rev *rev)
{
	free(rev->name);
	free(rev->wanted_tag_ref);
	free(rev->tag_ref);
	free(rev->author);
	free(rev->subject);
	free(rev);
}

bool source_rev_behind(const struct repo_rev *rev)
{
	return *rev->wanted && (strcmp(rev->wanted, rev->commit) ||
				strcmp(rev->wanted_tag, rev->tag));
}

bool source_rev_want(struct repo_rev *rev, const char *oid, const struct git_ref *ref)
{
	const char *tag = ref ? ref->tag : "", *tag_ref = *tag ? ref->name : "";
	bool moved = strcmp(rev->wanted, oid) || strcmp(rev->wanted_tag, tag) ||
		     strcmp(rev->wanted_tag_ref, tag_ref);

	snprintf(rev->wanted, sizeof(rev->wanted), "%s", oid);
	snprintf(rev->wanted_tag, sizeof(rev->wanted_tag), "%s", tag);
	set_text(&rev->wanted_tag_ref, tag_ref);
	if (!source_rev_behind(rev))	/* the same tag at another name: nothing to fetch */
		set_text(&rev->tag_ref, tag_ref);
	return moved;
}

void source_rev_fetching(struct repo_rev *rev)
{
	struct repo *r = rev->repo;

	memcpy(r->fetching_oid, rev->wanted, sizeof(r->fetching_oid));
	memcpy(r->fetching_tag, rev->wanted_tag, sizeof(r->fetching_tag));
	set_text(&r->fetching_tag_ref, rev->wanted_tag_ref);
}

/* A poll that came to its end meanwhile may have named another commit. */
static bool is_wanted_still(const struct repo_rev *rev)
{
	return !strcmp(rev->wanted, rev->repo->fetching_oid) &&
	       !strcmp(rev->wanted_tag, rev->repo->fetching_tag);
}

void source_rev_fetched(struct repo_rev *rev, const struct fetch_answer *a)
{
	struct repo *r = rev->repo;

	free(r->mirror);
	r->mirror = xstrdup(a->mirror);
	memcpy(rev->commit, a->oid, sizeof(rev->commit));
	memcpy(rev->tag, a->tag, sizeof(rev->tag));
	set_text(&rev->tag_ref, *a->tag ? r->fetching_tag_ref : "");
	if (is_wanted_still(rev)) {	/* and that is what its name led to */
		memcpy(rev->wanted, a->oid, sizeof(rev->wanted));
		memcpy(rev->wanted_tag, a->tag, sizeof(rev->wanted_tag));
		set_text(&rev->wanted_tag_ref, rev->tag_ref);
	}
	free(rev->author);
	free(rev->subject);
	rev->author = xstrdup(a->author);
	rev->subject = xstrdup(a->subject);
	rev->commit_ms = a->time_ms;
	rev->err = ERR_INIT;
}
