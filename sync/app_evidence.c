/*
 * Evidence first: what failing pods say is asked for when a release is about to be
 * rejected, and stored with the rejection. A process that dies in between asks
 * again: the rejection is not recorded yet.
 */
#include "app_priv.h"

#include "gather.h"

static void on_gathered(void *arg)
{
	struct app *a = arg;
	_cleanup_json_ json_t *doc = gather_take(a->gather);
	struct buf text = BUF_INIT;

	if (doc) {
		doc_write(doc, &text);
		a->evidence.text = buf_steal(&text, NULL);
		a->evidence.words = gather_words(a->gather, doc, a->evidence.spoken);
	}
	a->gather = gather_free(a->gather);
	if (a->op)
		op_on_live(a->op);
	app_poke(a);
}

void app_gather(struct app *a, uint32_t release, const struct objkey *subjects,
		size_t n, bool spoken)
{
	app_gather_free(a);
	a->evidence.release = release;
	a->evidence.spoken = spoken;
	a->gather = gather_start(a, subjects, n, on_gathered, a);
}

const char *app_kept_words(const struct app *a, uint32_t release)
{
	return a->evidence.release == release ? a->evidence.words : NULL;
}

/* Beyond a few the oldest go. */
static void forget_oldest(struct record *rec)
{
	size_t n = 0;

	for (size_t i = rec->releases.len; i-- > 0;) {
		struct release *r = &rec->releases.data[i];

		n += r->evidence;
		r->evidence = r->evidence && n <= EVIDENCE_KEPT;
	}
}

void app_keep_evidence(struct app *a, struct release *rel)
{
	a->evidence.due = a->evidence.text && a->evidence.release == rel->id;
	rel->evidence = rel->evidence || a->evidence.due;
	forget_oldest(&a->rec);
}

void app_gather_free(struct app *a)
{
	a->gather = gather_free(a->gather);
	free(a->evidence.text);
	free(a->evidence.words);
	a->evidence = (struct kept_words){ 0 };
}
