/* Objects of any kind, as a command needs them: found, listed, applied, deleted. */
#include "syncctl.h"

#include "core/mem.h"

#define PAGE 250
#define MAX_ITEMS 50000
#define DEFAULT_NS "syncd-system"
#define INSTALL "syncd-install"
#define TIMEOUT_MS 30000

json_t *cluster_object(struct cluster *c, const struct kube_ref *ref, struct err *err)
{
	struct kube_request k;

	kube_get_init(&k, ref);
	return cluster_ask(c, &k, err);
}

json_t *cluster_objects(struct cluster *c, const struct kube_ref *ref,
			const char *labels, const char *fields, struct err *err)
{
	_cleanup_free_ char *next = NULL;
	json_t *items = json_array();

	do {
		_cleanup_json_ json_t *page = NULL;
		struct kube_request k;
		const char *more;

		kube_list_init(&k, ref, labels, PAGE, next);
		if (fields)
			buf_addf(&k.path, "&fieldSelector=%s", fields);
		page = cluster_ask(c, &k, err);
		if (!page) {
			json_decref(items);
			return NULL;
		}
		json_array_extend(items, doc_get(page, "items", NULL));
		more = doc_get_str(page, "metadata", "continue", NULL);
		free(next);
		next = more && more[0] ? xstrdup(more) : NULL;
	} while (next && json_array_size(items) < MAX_ITEMS);
	return items;
}

json_t *cluster_apply(struct cluster *c, const struct kube_ref *ref,
		      const json_t *body, bool dry_run, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct kube_request k;

	doc_write(body, &text);
	kube_apply_init(&k, ref, dry_run ? "syncd" : "syncctl", APPLY_FORCE |
			(dry_run ? APPLY_DRY_RUN : 0), text.data, text.len);
	return cluster_ask(c, &k, err);
}

int cluster_delete(struct cluster *c, const struct kube_ref *ref, struct err *err)
{
	_cleanup_json_ json_t *there = cluster_object(c, ref, err), *answer = NULL;
	const char *uid = doc_get_str(there, "metadata", "uid", NULL);
	struct kube_request k;

	if (!there)
		return -1;
	kube_delete_init(&k, ref, uid, "Background");
	answer = cluster_ask(c, &k, err);
	return answer ? 0 : -1;
}

struct text_request {
	struct kube_request kube;
	bool done;
	struct err err;
	char *text;
};

static void on_text(struct kube_request *k, const struct err *err)
{
	struct text_request *r = container_of(k, struct text_request, kube);

	r->done = true;
	r->err = *err;
	if (!err->code)
		r->text = xstrndup(k->answer ? k->answer : "", k->answer_len);
}

char *cluster_text(struct cluster *c, const struct kube_ref *ref, const char *query,
		   struct err *err)
{
	struct text_request r = { .done = false };

	kube_get_init(&r.kube, ref);
	buf_adds(&r.kube.path, query);
	r.kube.on_done = on_text;
	r.kube.accept = "*/*";
	r.kube.timeout_ms = TIMEOUT_MS;
	r.kube.max_unanswered = 3;
	kube_start(c->kube, &r.kube);
	while (!r.done && uv_run(&c->loop, UV_RUN_ONCE))
		;
	kube_request_deinit(&r.kube);
	if (r.err.code)
		*err = r.err;
	return r.text;
}

struct learning {
	bool done;
	struct err err;
};

static void on_learned(void *arg, const struct err *err)
{
	struct learning *l = arg;

	l->done = true;
	l->err = *err;
}

static int learn(struct cluster *c, struct err *err)
{
	struct learning l = { .done = false };

	if (c->discovery)
		return 0;
	c->discovery = discovery_new(c->kube);
	discovery_refresh(c->discovery, on_learned, &l);
	while (!l.done && uv_run(&c->loop, UV_RUN_ONCE))
		;
	if (!l.err.code)
		return 0;
	*err = l.err;
	c->status = err->code == ERR_AUTH && strstr(err->msg, "Unauthorized") ? 401 : 0;
	cluster_say_unknown(c, err);
	return -1;
}

int cluster_resolve(struct cluster *c, const char *group, const char *version,
		    const char *kind, struct kube_ref *ret, bool *ret_namespaced,
		    struct err *err)
{
	const struct api_resource *r;

	if (learn(c, err))
		return -1;
	r = discovery_find(c->discovery, group, version, kind);
	if (!r)
		return err_set(err, ERR_NOTFOUND, "the cluster does not serve kind %s of %s%s%s",
			       kind, group, *group ? "/" : "", version ? version : "");
	*ret = (struct kube_ref){ .group = r->group, .version = r->version,
				  .resource = r->plural };
	*ret_namespaced = r->namespaced;
	return 0;
}

/* The namespace that is meant, of the installs found; NULL: it is not clear which. */
static const char *pick_install(const json_t *found, const char *beside)
{
	const char *ns = NULL;
	const json_t *map;
	size_t i;

	json_array_foreach (found, i, map) {
		ns = doc_get_str(map, "metadata", "namespace", NULL);
		if (ns && beside && !strcmp(ns, beside))
			return ns;
	}
	if (json_array_size(found) > 1)
		return NULL;
	return ns ? ns : DEFAULT_NS;
}

const char *cluster_system_ns(struct cluster *c, const struct options *o,
			      const char *beside, struct err *err)
{
	struct kube_ref ref = { .version = "v1", .resource = "configmaps" };
	_cleanup_json_ json_t *found = NULL;
	const char *ns;

	if (o->system_ns)
		return o->system_ns;
	if (c->system_ns)
		return c->system_ns;
	found = cluster_objects(c, &ref, NULL, "metadata.name%3D" INSTALL, err);
	if (!found && err->code != ERR_AUTH)
		return NULL;
	*err = ERR_INIT;
	ns = pick_install(found, beside);
	if (!ns) {
		err_set(err, ERR_INVALID, "syncd is installed in more than one namespace: "
			"say which with --syncd-namespace");
		return NULL;
	}
	c->system_ns = xstrdup(ns);
	return c->system_ns;
}

int cluster_check_installed(struct cluster *c, const char *ns, struct err *err)
{
	const struct kube_ref ref = { .version = "v1", .resource = "configmaps", .ns = ns,
				      .name = INSTALL };
	_cleanup_json_ json_t *map = cluster_object(c, &ref, err);

	if (map)
		return 0;
	if (err->code == ERR_NOTFOUND)
		return err_set(err, ERR_NOTFOUND, "there is no syncd in namespace %s (its ConfigMap "
			       INSTALL " is not there): say where it is with --syncd-namespace, or "
			       "choose another cluster with --context or --kubeconfig", ns);
	if (c->status != 403)
		return -1;
	output_note("whether syncd lives in namespace %s cannot be seen: %s", ns, err->msg);
	*err = ERR_INIT;
	return 0;
}
