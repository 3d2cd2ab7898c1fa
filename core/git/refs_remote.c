/*
 * Over SSH the server is offered version 2, in which it lists just the refs that are
 * asked for; one that speaks version 0 lists all of them at once, and is told with a
 * flush that nothing else is wanted.
 */
#include "refs_remote.h"

#include "core/mem.h"
#include "core/pktline.h"
#include "sshlink.h"

static bool wanted(const char *name, const char *const *prefixes)
{
	for (; *prefixes; prefixes++)
		if (!strncmp(name, *prefixes, strlen(*prefixes)))
			return true;
	return false;
}

int refs_of_remote(git_remote *remote, const char *const *prefixes,
		   struct ref_list *refs, struct err *err)
{
	const git_remote_head **heads;
	size_t n;
	int rc = git_remote_ls(&heads, &n, remote);

	for (size_t i = 0; rc >= 0 && i < n; i++) {
		const char *name = heads[i]->name;
		size_t len = strlen(name);
		bool peeled = len > 3 && !strcmp(name + len - 3, "^{}");
		struct git_ref *last = refs->len ? &refs->data[refs->len - 1] : NULL;
		char oid[GIT_OID_HEXSZ + 1];

		if (!wanted(name, prefixes))
			continue;
		git_oid_tostr(oid, sizeof(oid), &heads[i]->oid);
		if (!peeled)
			rc = ref_list_add(refs, name, len, oid, err);
		else if (last && strlen(last->name) == len - 3 &&
			 !strncmp(last->name, name, len - 3))
			git_ref_peel(last, oid);
	}
	return rc;
}

/* Feeds what the server says until it has listed (or offered) everything. */
static int read_stage(struct sshlink *l, struct transfer *t, struct ref_reader *r)
{
	char chunk[16384];
	size_t n;

	while (r->stage != REFS_DONE) {
		if (sshlink_read(l, chunk, sizeof(chunk), &n))
			return -1;
		if (!n)
			return sshlink_end(l) ? -1 : ref_reader_end(r, &t->err);
		if (ref_reader_feed(r, chunk, n, &t->err))
			return -1;
	}
	return 0;
}

static int converse(struct sshlink *l, struct transfer *t, struct ref_reader *r)
{
	_cleanup_buf_ struct buf request = BUF_INIT;

	if (read_stage(l, t, r))
		return -1;
	if (!r->v2)
		return sshlink_write(l, "0000", 4);
	ref_reader_request(r, &request);
	r->stage = REFS_LIST;
	if (sshlink_write(l, request.data, request.len) || read_stage(l, t, r))
		return -1;
	return sshlink_write(l, "0000", 4);
}

int refs_over_ssh(struct transfer *t, const char *const *prefixes,
		  struct ref_list *refs)
{
	struct ref_reader reader = { .stage = REFS_FIRST, .prefixes = prefixes };
	struct sshlink *l = sshlink_open(t, true);
	int rc = l ? converse(l, t, &reader) : -1;

	if (!rc) {
		*refs = reader.refs;
		reader.refs = (struct ref_list){ 0 };
	}
	ref_reader_deinit(&reader);
	sshlink_free(l);
	return rc;
}
