/*
 * notify.h - telling others: commit statuses and outgoing webhooks.
 *
 * What is told are changes of the record. Whoever writes a record calls app_tell()
 * just before: it compares the record with what it was when last written, and adds
 * the notices of what changed to it (news_since(), pure). When the write is done they
 * are due: for each receiver (sink) one is sent at a time, the oldest first, and
 * taken out of its record when the receiver has it. A receiver that does not answer
 * costs nothing but NOTICES_MAX rows in each record.
 *
 * A receiver is a Secret of syncd's own namespace labelled SINK_LABEL:
 *	type		github, gitlab, gitea (forgejo): commit statuses; or webhook
 *	url		of repositories, those below it; of a webhook, where it goes
 *	token		for commit statuses; of a webhook, if it wants one
 *	api		where their API is, when it is not where it usually is
 *	secret		signs what a webhook is sent
 *	events		those that a webhook wants; all without it
 *	applications	globs over NAMESPACE/NAME, those alone; all without it
 *	insecure	"true": no TLS, or without its check; needs the daemon's consent
 */
#ifndef SYNC_NOTIFY_H
#define SYNC_NOTIFY_H

#include <jansson.h>

#include "core/world.h"
#include "sync/record.h"

#define SINK_LABEL "syncd.dev/secret-type"
#define SINK_TYPE "notification"

/* ---- notify_news.c: what changed. Pure. ---- */

enum news_kind {
	NEWS_STARTED,		/* a candidate goes out */
	NEWS_PROMOTED,
	NEWS_REJECTED,
	NEWS_SUPERSEDED,	/* before it was proven */
	NEWS_REVERTED,
	NEWS_REVERT_BLOCKED,
	NEWS_REVERT_STALLED,
	NEWS_PINNED,		/* by a person */
	NEWS_SYNC_FAILED,	/* a rollback, or what does not render */
	NEWS_N
};
/* "release.started"...; the word that `events` has for it, NULL: commits only. */
const char *news_event(enum news_kind k);
const char *news_word(enum news_kind k);
int news_parse(const char *event);	/* -1: none */

struct news {
	enum news_kind kind;
	uint32_t release, other;
};

#define NEWS_MAX 8

/* The record as it was last looked at: as much as news need. */
struct news_mark {
	enum phase phase;
	uint32_t last_good;
	char good_revision[65];
	int64_t pin_since_ms;
	char op[24];
	VEC(struct news_mark_release {
		uint32_t id;
		enum release_state state;
		int64_t decided_ms;
	}) releases;
};
void news_mark_take(struct news_mark *t, const struct record *rec);
void news_mark_deinit(struct news_mark *t);
/* In the order in which they happened; how many of ret were filled. */
size_t news_since(const struct news_mark *t, const struct record *now,
		 struct news ret[NEWS_MAX]);

/* ---- notify_sink.c: who wants to know. Pure. ---- */

enum sink_type { SINK_GITHUB, SINK_GITLAB, SINK_GITEA, SINK_WEBHOOK, SINK_TYPE_N };

struct sink_rule {
	char *name;		/* of the Secret */
	enum sink_type type;
	char *place;		/* "host/path" of the repositories; "" */
	struct http_endpoint to;	/* owned strings */
	char *token;		/* NULL: none; in to.bearer, where that is how it goes */
	char *path;		/* before what we add; a webhook's whole path */
	char *secret;		/* NULL: not signed */
	unsigned events;	/* bits of enum news_kind */
	char *applications;	/* NULL: all */
};
/*
 * ERR_INVALID names the Secret's key. insecure: the daemon honours that key.
 * Unsigned webhooks and http:// are allowed; a token over http:// is not.
 */
int sink_read(struct sink_rule *s, const json_t *secret, bool insecure,
	      struct err *err) __attribute__((warn_unused_result));
void sink_deinit(struct sink_rule *s);
bool sink_wants(const struct sink_rule *s, enum news_kind kind, const char *app);
/* Does it have to do with this repository's commits? */
bool sink_has_repo(const struct sink_rule *s, const char *repo_url);

/* ---- notify_message.c: what is said, and how. Pure. ---- */

struct message {
	char *path;
	char *body;
	size_t len;
	char *headers[2];	/* NULL-terminated */
	const char *accept, *content_type;	/* accept: NULL: none */
};
struct message_from {
	const char *cluster, *install, *ns, *name, *project, *app_id;
	const struct record *record;
};
/* -1: it makes no sense (any more) for that sink. */
int message_build(const struct sink_rule *s, const struct notice *n,
		  const struct message_from *from, struct message *m)
	__attribute__((warn_unused_result));
void message_deinit(struct message *m);
/* One sentence, for people. */
void message_text(const struct notice *n, const struct record *rec, struct buf *out);

/* What an answer means; status 0: none came. */
enum delivery { DELIVERED, DELIVERY_AGAIN, DELIVERY_REFUSED };
enum delivery delivery_judge(const struct sink_rule *s, const struct notice *n,
			     const struct err *err, int status, unsigned retry_after_ms);

/* ---- notify.c, notify_tell.c: with the engine ---- */

struct app;
struct engine;
struct notify;
struct notify *notify_new(struct engine *e);
struct notify *notify_free(struct notify *n);	/* NULL-safe */
bool notify_known(const struct engine *e);	/* its receivers are known */
/* The i-th receiver; NULL: no more. */
const struct sink_rule *notify_rule(const struct engine *e, size_t i);
/* Something may be sent: soon, from the loop. */
void notify_pump(struct engine *e);
void notify_dropped(struct engine *e);	/* a row found no place */
struct notify_counts {
	uint64_t told, errors, dropped, waiting;
};
void notify_counts(const struct engine *e, struct notify_counts *ret);
/* The record is about to be written: adds what is to be told of its changes. */
void app_tell(struct app *a);
/* At each look: what no change of the record shows. */
void app_tell_looks(struct app *a);

#endif
