/*
 * draw.h - values that never enter Git: a Secret of a release that takes its own from a
 * Secret of the cluster, its source. Pure.
 *
 * A release keeps what the manifest says, a placeholder. The source's value is put in when
 * the object is sent, and is kept nowhere else. So that another value is another release,
 * an object's digest is mixed with a keyed digest of what it takes: the key is the
 * application's own and lies in its record, so that nobody can find a value by guessing.
 *
 *   #  the source                                            the object
 *   1  is the object itself                                  waits
 *   2  lies in syncd's own namespace                         waits
 *   3  is not read yet                                       waits
 *   4  cannot be read                                        waits
 *   5  is not there                                          waits
 *   6  lies in another namespace, and does not name the      waits
 *      object's in its annotation syncd.dev/secret-to
 *   7  lacks a key                                           waits
 *   8  has all keys                                          goes out
 *
 * 5 and 6 of another namespace are told in the same words: whoever may write an
 * Application does not learn which Secrets there are elsewhere.
 */
#ifndef SYNC_DRAW_H
#define SYNC_DRAW_H

#include <jansson.h>

#include "render/answer.h"

/* What one object draws, from its row in the index. */
struct draw {
	bool restart;		/* its pods bear the digest of the Secrets that they use */
	char *name, *ns;	/* the source; NULL, NULL: it draws nothing */
	char **keys;
	size_t n_keys;
};
/* False: it draws nothing; deinit either way. dest_ns: of objects that name none. */
bool draw_parse(struct draw *d, const struct rendered *o, const char *dest_ns);
void draw_deinit(struct draw *d);
bool draws_any(const struct render_answer *a);

enum donor_state { DONOR_ASKED, DONOR_TROUBLE, DONOR_ABSENT, DONOR_THERE };
struct donor_view {
	enum donor_state state;
	const json_t *secret;	/* THERE: metadata.annotations and data */
	const char *why;	/* TROUBLE */
};
struct draw_in {
	const struct render_answer *git;	/* as rendered */
	const char *dest_ns, *system_ns;
	const char *key;	/* of the keyed digests: 64 hex digits */
	struct donor_view (*look)(void *arg, const char *ns, const char *name);
	void *arg;
};

/* Why the object waits, for people; false: it can go out. */
bool draw_waits(const struct draw *d, const struct rendered *o,
		const struct draw_in *in, struct buf *why);
/*
 * The release with the digests of what it draws mixed in, chunks and all: owned. why:
 * what waits, between semicolons; "" when all can go out. Of what waits the digest says
 * just that.
 */
void release_draw(const struct draw_in *in, struct render_answer *ret, struct buf *why);

/*
 * The body of object i of `in->git`, a release_draw()'s, with the source's values: to be
 * sent and not to be kept. -1 with *err: RETRY while it waits, INTERNAL when the body is
 * not what the index says.
 */
int draw_fill(const struct draw_in *in, size_t i, const char *body, size_t len,
	      struct buf *out, struct err *err) __attribute__((warn_unused_result));

#endif
