/*
 * The brake: while the ConfigMap syncd-pause is in syncd's own namespace nothing is
 * applied or deleted for any application; status, polls and renders go on. Its
 * data.by and data.reason say who and why; data.until ends it by itself. Until it
 * was looked for, nothing is done: a brake that was pulled holds over a restart.
 */
#include "app_priv.h"

#define NAME "syncd-pause"
#define MAX_WORDS 300

struct pause {
	struct engine *engine;
	struct watch *watch;
	struct world_timer timer;
	unsigned list_no, seen;
	bool synced;
	char *words;		/* NULL: not there */
	int64_t until_ms;	/* wall; 0 = until it is deleted */
};

static void forget(struct pause *p)
{
	free(p->words);
	p->words = NULL;
	p->until_ms = 0;
}

static void tell(struct pause *p)
{
	struct engine *e = p->engine;
	const char *words = pause_words(e);
	int64_t now = world_wall(e->w);

	engine_log(e, LOG_WARN, NULL, "%s", words ? words : "not paused any more");
	world_timer_stop(e->w, &p->timer);
	if (p->until_ms > now)
		world_timer_start(e->w, &p->timer, (uint64_t)(p->until_ms - now) + 1);
	app_poke_all(e);
}

static void on_timer(struct world_timer *t)
{
	tell(container_of(t, struct pause, timer));
}

static void on_reset(void *arg)
{
	((struct pause *)arg)->list_no++;
}

static void read_map(struct pause *p, const json_t *o)
{
	const char *by = doc_get_str(o, "data", "by", NULL);
	const char *why = doc_get_str(o, "data", "reason", NULL);
	const char *until = doc_get_str(o, "data", "until", NULL);

	p->words = xasprintf("everything is paused%s%.100s%s%.*s (syncctl resume --all "
			     "goes on)", by && *by ? " by " : "", by ? by : "",
			     why && *why ? ": " : "", MAX_WORDS, why ? why : "");
	p->until_ms = until ? time_parse_rfc3339(until) : 0;
	if (p->until_ms < 0)
		p->until_ms = 0;
}

static void on_event(void *arg, enum watch_event ev, const json_t *o)
{
	struct pause *p = arg;
	const char *name = doc_get_str(o, "metadata", "name", NULL);

	if (!name || strcmp(name, NAME))
		return;
	forget(p);
	p->seen = p->list_no;
	if (ev == WATCH_UPSERT)
		read_map(p, o);
	tell(p);
}

static void on_synced(void *arg)
{
	struct pause *p = arg;
	bool was = p->words;

	if (p->seen != p->list_no)
		forget(p);
	p->synced = true;
	if (was && !p->words)
		tell(p);
	else
		app_poke_all(p->engine);
}

static void on_trouble(void *arg, const struct err *err)
{
	struct pause *p = arg;

	if (err->code)
		engine_log(p->engine, p->synced ? LOG_INFO : LOG_WARN, NULL, "watch of "
			   "ConfigMap %s/" NAME ": %s%s", p->engine->ns, err->msg,
			   p->synced ? "" : "; nothing is done until it can be read");
}

static const struct watch_handler handler = {
	.on_reset = on_reset, .on_event = on_event, .on_synced = on_synced,
	.on_trouble = on_trouble,
};

struct pause *pause_new(struct engine *e)
{
	struct kube_ref ref = { .version = "v1", .resource = "configmaps", .ns = e->ns };
	struct pause *p = xcalloc(1, sizeof(*p));

	p->engine = e;
	p->timer.fn = on_timer;
	p->watch = watch_new(e->kube, &ref, NULL, "metadata.name=" NAME, &handler, p);
	return p;
}

struct pause *pause_free(struct pause *p)
{
	if (!p)
		return NULL;
	world_timer_stop(p->engine->w, &p->timer);
	watch_free(p->watch);
	free(p->words);
	free(p);
	return NULL;
}

bool pause_known(const struct engine *e)
{
	return e->pause && e->pause->synced;
}

const char *pause_words(const struct engine *e)
{
	const struct pause *p = e->pause;

	if (!p || !p->words || (p->until_ms && world_wall(e->w) >= p->until_ms))
		return NULL;
	return p->words;
}
