/*
 * libgit2's smart subtransport over SSH: one stream for the whole conversation,
 * which the first read or write opens. Version 0, which is all that libgit2 speaks.
 */
#include "transport.h"

#include "core/mem.h"
#include "sshlink.h"

#include <git2/sys/transport.h>

struct subtransport {
	git_smart_subtransport parent;	/* must be first */
	struct transfer *t;
	struct stream *current;
};

struct stream {
	git_smart_subtransport_stream parent;	/* must be first */
	struct subtransport *sub;
	struct sshlink *link;
};

/* libgit2 wants a text; the real one is in the transfer. */
static int failed(const struct transfer *t)
{
	git_error_set_str(GIT_ERROR_NET, t->err.msg);
	return -1;
}

static int open_link(struct stream *s)
{
	if (!s->link && !s->sub->t->err.code)
		s->link = sshlink_open(s->sub->t, false);
	return s->link ? 0 : failed(s->sub->t);
}

static int stream_read(git_smart_subtransport_stream *parent, char *buffer,
		       size_t size, size_t *ret)
{
	struct stream *s = (struct stream *)parent;

	*ret = 0;
	if (open_link(s))
		return -1;
	if (sshlink_read(s->link, buffer, size, ret) ||
	    (!*ret && sshlink_end(s->link)))
		return failed(s->sub->t);
	return 0;
}

static int stream_write(git_smart_subtransport_stream *parent, const char *data,
			size_t len)
{
	struct stream *s = (struct stream *)parent;

	if (open_link(s))
		return -1;
	return sshlink_write(s->link, data, len) ? failed(s->sub->t) : 0;
}

static void stream_free(git_smart_subtransport_stream *parent)
{
	struct stream *s = (struct stream *)parent;

	if (s->sub->current == s)
		s->sub->current = NULL;
	sshlink_free(s->link);
	free(s);
}

static int sub_action(git_smart_subtransport_stream **out,
		      git_smart_subtransport *parent, const char *url,
		      git_smart_service_t action)
{
	struct subtransport *sub = (struct subtransport *)parent;

	(void)url;
	if (action != GIT_SERVICE_UPLOADPACK_LS && action != GIT_SERVICE_UPLOADPACK)
		return -1;
	if (!sub->current) {
		sub->current = xcalloc(1, sizeof(*sub->current));
		*sub->current = (struct stream){
			.parent = { parent, stream_read, stream_write, stream_free },
			.sub = sub,
		};
	}
	*out = &sub->current->parent;
	return 0;
}

static int sub_close(git_smart_subtransport *parent)
{
	(void)parent;
	return 0;
}

static void sub_free(git_smart_subtransport *parent)
{
	free(parent);
}

static int sub_new(git_smart_subtransport **out, git_transport *owner, void *param)
{
	struct subtransport *sub = xcalloc(1, sizeof(*sub));

	(void)owner;
	*sub = (struct subtransport){
		.parent = { sub_action, sub_close, sub_free }, .t = param,
	};
	*out = &sub->parent;
	return 0;
}

int transport_ssh_new(git_transport **out, git_remote *owner, void *param)
{
	git_smart_subtransport_definition how = { sub_new, 0, param };

	return git_transport_smart(out, owner, &how);
}
