/*
 * The sources that a render request names: their commits, open for reading, and signed
 * as the project of the application asks for.
 *
 * Opening the second may fail where the first was fine: then all is closed, and the
 * error says which one it was. Nothing is shown to the renderer before all were looked at.
 */
#include "worker.h"

#include "core/files.h"
#include "core/mem.h"

static int open_one(struct sources *s, size_t i, struct err *err)
{
	struct render_request *r = &s->all.data[i];

	r->open_tree = files_git_open;
	s->parts[i].request = r;
	if (!r->mirror || !r->commit)
		return err_set(err, ERR_INVALID, "request without mirror or commit");
	s->parts[i].files = files_git_open(r->mirror, r->commit, err);
	return s->parts[i].files ? 0 : -1;
}

/* The first request says it for all. */
static int check_signatures(struct sources *s, struct err *err)
{
	const json_t *asked = s->all.data[0].signatures;
	struct signed_policy policy;
	int rc = 0;

	if (!asked)
		return 0;
	if (signed_policy_decode(&policy, asked, err))
		return -1;
	for (size_t i = 0; i < s->all.len && !rc; i++) {
		rc = signatures_check(s->parts[i].files, &s->all.data[i], &policy,
				      &s->signed_until, err);
		if (rc)
			sources_blame(s, i, err);
	}
	signed_policy_deinit(&policy);
	return rc;
}

int sources_blame(const struct sources *s, size_t i, struct err *err)
{
	const char *where = s->all.data[i].where;

	return where ? err_wrap(err, "spec.%s", where) : -1;
}

int sources_open(struct sources *s, const char *data, size_t len, struct err *err)
{
	*s = (struct sources){ 0 };
	if (render_requests_decode(&s->all, data, len, err))
		return -1;
	for (size_t i = 0; i < s->all.len; i++) {
		if (!open_one(s, i, err))
			continue;
		sources_blame(s, i, err);
		sources_close(s);
		return -1;
	}
	if (!check_signatures(s, err))
		return 0;
	sources_close(s);
	return -1;
}

void sources_close(struct sources *s)
{
	for (size_t i = 0; i < s->all.len; i++)
		files_close(s->parts[i].files);
	render_requests_deinit(&s->all);
}
