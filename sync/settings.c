/*
 * The ConfigMaps argocd-cm as they are now: one watch each. What changes in one is read
 * anew, told to the health scripts, and all applications are looked at.
 */
#include "settings.h"

#include "scripts.h"
#include "sync/customize.h"

struct cm_watch {
	struct settings *all;
	struct watch *watch;
	char *ns;
	json_t *data;		/* NULL: there is none */
	unsigned list_no, seen;
	bool known;
	struct exclude exclude;	/* the last that could be read */
	bool read;		/* there was one */
	char *trouble;		/* why the one that is there cannot be; NULL */
};

struct settings {
	struct engine *engine;
	VEC(struct cm_watch *) maps;
	unsigned exclude_no;
	bool untidy;
};

/* ---- what is in a map ---- */

static void link_up(struct settings *s)
{
	for (size_t i = 0; i < s->maps.len; i++)
		s->maps.data[i]->exclude.next =
			i + 1 < s->maps.len ? &s->maps.data[i + 1]->exclude : NULL;
}

static void read_exclude(struct cm_watch *m)
{
	struct settings *s = m->all;
	struct exclude fresh = { 0 };
	struct err err = ERR_INIT;

	free(steal(&m->trouble));
	if (exclude_read(&fresh, m->data, &err)) {
		m->trouble = xasprintf("ConfigMap %s/" CUSTOMIZE_NAME ": %s", m->ns,
				       err.msg);
		engine_log(s->engine, LOG_WARN, NULL, "%s: %s", m->trouble, m->read ?
			   "what it said before holds, nothing is pruned and nothing new "
			   "goes out" : "nothing is done for any application");
	} else {
		exclude_deinit(&m->exclude);
		m->exclude = fresh;
		m->read = true;
		s->exclude_no++;
		s->untidy = true;
		link_up(s);
	}
	app_poke_all(s->engine);
}

static void set_data(struct cm_watch *m, json_t *data)
{
	bool same = m->data == data || (m->data && data && json_equal(m->data, data));

	json_decref(m->data);
	m->data = json_incref(data);
	if (same && (m->read || m->trouble))
		return;
	read_exclude(m);
	if (!same)
		scripts_rules_changed(m->all->engine->scripts);
}

/* ---- the watches ---- */

static void on_reset(void *arg)
{
	((struct cm_watch *)arg)->list_no++;
}

static void on_event(void *arg, enum watch_event ev, const json_t *o)
{
	struct cm_watch *m = arg;
	const char *name = doc_get_str(o, "metadata", "name", NULL);

	if (!name || strcmp(name, CUSTOMIZE_NAME))
		return;
	m->seen = m->list_no;
	set_data(m, ev == WATCH_UPSERT ? doc_get(o, "data", NULL) : NULL);
}

/* Applications wait for it: nothing may be judged by the wrong rules first. */
static void be_known(struct cm_watch *m)
{
	if (m->known)
		return;
	m->known = true;
	app_poke_all(m->all->engine);
}

static void on_synced(void *arg)
{
	struct cm_watch *m = arg;

	if (m->seen != m->list_no)
		set_data(m, NULL);
	be_known(m);
}

static void on_trouble(void *arg, const struct err *err)
{
	struct cm_watch *m = arg;

	if (!err->code)
		return;
	engine_log(m->all->engine, LOG_WARN, NULL, "watch of ConfigMap %s/"
		   CUSTOMIZE_NAME ": %s", m->ns, err->msg);
	/* May not be read: then it says nothing, and nothing waits for it. */
	if (err->code == ERR_AUTH)
		be_known(m);
}

static const struct watch_handler handler = {
	.on_reset = on_reset, .on_event = on_event, .on_synced = on_synced,
	.on_trouble = on_trouble,
};

static void watch_map(struct settings *s, const char *ns)
{
	struct kube_ref ref = { .version = "v1", .resource = "configmaps", .ns = ns };
	struct cm_watch *m;

	for (size_t i = 0; i < s->maps.len; i++) {
		if (!strcmp(s->maps.data[i]->ns, ns))
			return;
	}
	m = xcalloc(1, sizeof(*m));
	m->all = s;
	m->ns = xstrdup(ns);
	vec_push(&s->maps, m);
	m->watch = watch_new(s->engine->kube, &ref, NULL,
			     "metadata.name=" CUSTOMIZE_NAME, &handler, m);
}

/*
 * Ours first, then where Argo CD would be: not every namespace with Applications,
 * for what a ConfigMap there says would count for those of all others.
 */
struct settings *settings_new(struct engine *e)
{
	struct settings *s = xcalloc(1, sizeof(*s));
	const char *first = e->app_namespaces[0];

	s->engine = e;
	s->exclude_no = 1;
	watch_map(s, e->ns);
	if (first && strcmp(first, "*"))
		watch_map(s, first);
	for (char **ns = e->app_namespaces; *ns; ns++)
		if (!strcmp(*ns, "argocd") || !strcmp(*ns, "*"))
			watch_map(s, "argocd");
	link_up(s);
	return s;
}

struct settings *settings_free(struct settings *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->maps.len; i++) {
		struct cm_watch *m = s->maps.data[i];

		watch_free(m->watch);
		json_decref(m->data);
		exclude_deinit(&m->exclude);
		free(m->trouble);
		free(m->ns);
		free(m);
	}
	vec_deinit(&s->maps);
	free(s);
	return NULL;
}

/* ---- what others ask ---- */

bool settings_known(const struct engine *e)
{
	for (size_t i = 0; e->settings && i < e->settings->maps.len; i++)
		if (!e->settings->maps.data[i]->known)
			return false;
	return e->settings;
}

void settings_each(const struct engine *e, void (*fn)(void *arg, const json_t *data),
		   void *arg)
{
	for (size_t i = 0; e->settings && i < e->settings->maps.len; i++)
		if (e->settings->maps.data[i]->data)
			fn(arg, e->settings->maps.data[i]->data);
}

const struct exclude *settings_exclude(const struct engine *e)
{
	const struct settings *s = e->settings;

	return s && s->maps.len ? &s->maps.data[0]->exclude : NULL;
}

void settings_excluding(const struct engine *e, struct buf *out)
{
	for (size_t i = 0; e->settings && i < e->settings->maps.len; i++) {
		const struct cm_watch *m = e->settings->maps.data[i];

		if (m->exclude.excluded.len || m->exclude.included.len)
			buf_addf(out, "%s%s", out->len ? " " : "", m->ns);
	}
}

unsigned settings_exclude_no(const struct engine *e)
{
	return e->settings ? e->settings->exclude_no : 1;
}

static const struct cm_watch *troubled(const struct engine *e, bool lost)
{
	for (size_t i = 0; e->settings && i < e->settings->maps.len; i++) {
		const struct cm_watch *m = e->settings->maps.data[i];

		if (m->trouble && !(lost && m->read))
			return m;
	}
	return NULL;
}

const char *settings_trouble(const struct engine *e)
{
	const struct cm_watch *m = troubled(e, true);

	m = m ? m : troubled(e, false);
	return m ? m->trouble : NULL;
}

bool settings_lost(const struct engine *e)
{
	return troubled(e, true);
}

/* ---- watches of what is excluded ---- */

static bool is_excluded(void *arg, const char *group, const char *kind)
{
	return exclude_kind(settings_exclude(arg), group, kind);
}

void settings_tidy(struct engine *e)
{
	struct app *a, *next;

	if (!e->settings || !e->settings->untidy)
		return;
	HASH_ITER(hh, e->apps, a, next)
		if (a->op)
			return;	/* its end looks at it again */
	e->settings->untidy = false;
	kinds_drop_if(e, is_excluded, e);
}
