/*
 * The keyring as it is now. A ConfigMap that is missing or may not be read holds no keys:
 * then nothing is found to be signed well, and what is said of that names the ConfigMap
 * and what is the matter with it.
 */
#include "keyring.h"

#include "app_priv.h"

struct ring_map {
	struct keyring *ring;
	struct watch *watch;
	const char *ns;		/* borrowed: lives as long as the engine */
	json_t *data;		/* NULL: there is none */
	char *trouble;		/* why it cannot be read; NULL */
	unsigned list_no, seen;
	bool known;
};

struct keyring {
	struct engine *engine;
	struct ring_map maps[2];
	size_t n;
	char digest[65];
};

static void digest_all(struct keyring *k)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (size_t i = 0; i < k->n; i++) {
		if (k->maps[i].data)
			doc_canonical(k->maps[i].data, &text);
		buf_addf(&text, "\n%s\n", k->maps[i].trouble ? k->maps[i].trouble : "");
	}
	sha256_hex(buf_str(&text), text.len, k->digest);
}

/* Those who wait for it, and those whose commits are judged by it. */
static void changed(struct keyring *k)
{
	char before[65];

	memcpy(before, k->digest, sizeof(before));
	digest_all(k);
	if (strcmp(before, k->digest))
		app_poke_all(k->engine);
}

static void set_data(struct ring_map *m, json_t *data)
{
	json_decref(m->data);
	m->data = json_incref(data);
	free(steal(&m->trouble));
	changed(m->ring);
}

static void on_reset(void *arg)
{
	((struct ring_map *)arg)->list_no++;
}

static void on_event(void *arg, enum watch_event ev, const json_t *o)
{
	struct ring_map *m = arg;
	const char *name = doc_get_str(o, "metadata", "name", NULL);
	json_t *data = ev == WATCH_UPSERT ? doc_get(o, "data", NULL) : NULL;
	_cleanup_json_ json_t *empty = json_object();

	if (!name || strcmp(name, KEYRING_NAME))
		return;
	m->seen = m->list_no;
	set_data(m, ev == WATCH_UPSERT && !json_is_object(data) ? empty : data);
}

static void be_known(struct ring_map *m)
{
	if (m->known)
		return;
	m->known = true;
	app_poke_all(m->ring->engine);
}

static void on_synced(void *arg)
{
	struct ring_map *m = arg;

	if (m->seen != m->list_no)
		set_data(m, NULL);	/* deleted while nobody watched */
	be_known(m);
}

static void on_trouble(void *arg, const struct err *err)
{
	struct ring_map *m = arg;

	if (!err->code)
		return;
	engine_log(m->ring->engine, LOG_WARN, NULL, "watch of ConfigMap %s/" KEYRING_NAME
		   ": %s", m->ns, err->msg);
	if (err->code != ERR_AUTH)
		return;
	set_data(m, NULL);
	m->trouble = xasprintf("%.120s", err->msg);
	changed(m->ring);
	be_known(m);
}

static const struct watch_handler handler = {
	.on_reset = on_reset, .on_event = on_event, .on_synced = on_synced,
	.on_trouble = on_trouble,
};

static void watch_in(struct keyring *k, const char *ns)
{
	struct kube_ref ref = { .version = "v1", .resource = "configmaps", .ns = ns };
	struct ring_map *m = &k->maps[k->n++];

	m->ring = k;
	m->ns = ns;
	m->watch = watch_new(k->engine->kube, &ref, NULL, "metadata.name=" KEYRING_NAME,
			     &handler, m);
}

struct keyring *keyring_new(struct engine *e)
{
	struct keyring *k = xcalloc(1, sizeof(*k));

	k->engine = e;
	return k;
}

struct keyring *keyring_free(struct keyring *k)
{
	if (!k)
		return NULL;
	for (size_t i = 0; i < k->n; i++) {
		watch_free(k->maps[i].watch);
		json_decref(k->maps[i].data);
		free(k->maps[i].trouble);
	}
	free(k);
	return NULL;
}

bool keyring_known(struct keyring *k)
{
	if (!k->n) {
		if (strcmp(k->engine->ns, CONTROL_NAMESPACE))
			watch_in(k, CONTROL_NAMESPACE);
		watch_in(k, k->engine->ns);
		digest_all(k);
	}
	for (size_t i = 0; i < k->n; i++)
		if (!k->maps[i].known)
			return false;
	return true;
}

const char *keyring_digest(const struct keyring *k)
{
	return k->digest;
}

static void say_where(const struct keyring *k, struct buf *out)
{
	size_t found = 0;

	buf_adds(out, "ConfigMap " KEYRING_NAME);
	for (size_t i = 0; i < k->n; i++)
		if (k->maps[i].data)
			buf_addf(out, "%s%s", found++ ? " and " : " of namespace ",
				 k->maps[i].ns);
	for (size_t i = 0; i < k->n; i++)
		if (k->maps[i].trouble)
			buf_addf(out, " (that of %s cannot be read: %s)", k->maps[i].ns,
				 k->maps[i].trouble);
	if (!found)
		buf_addf(out, " (there is none in namespace %s)", k->maps[0].ns);
}

void keyring_fill(const struct keyring *k, struct signed_policy *p)
{
	struct buf from = BUF_INIT;

	for (size_t i = 0; i < k->n; i++) {
		const char *name;
		json_t *text;

		json_object_foreach(k->maps[i].data, name, text)
			if (json_is_string(text))
				vec_push(&p->ring, ((struct signed_key){ xstrdup(name),
					 xstrdup(json_string_value(text)) }));
	}
	say_where(k, &from);
	p->from = buf_steal(&from, NULL);
}
