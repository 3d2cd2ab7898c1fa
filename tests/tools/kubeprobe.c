/*
 * kubeprobe NAMESPACE: the Kubernetes client against a real API server.
 *
 * Works in an existing, empty namespace of the cluster that KUBECONFIG names; each
 * thing that holds is a line "ok NAME" on stdout, the first that does not ends
 * the program with status 1. tests/e2e/kube-client.sh runs it.
 */
#include "kubeprobe.h"

#define MANY 300

/* ---- the scenario ---- */

static void on_discovered(void *arg, const struct err *err)
{
	if (err->code)
		die("%s", err->msg);
	*(bool *)arg = true;
}

static void refresh(struct probe *p)
{
	bool done = false;

	discovery_refresh(p->d, on_discovered, &done);
	until(p, is_set, &done, "discovery");
}

static void count_304(const struct kube_stat *s, void *arg)
{
	if (!strcmp(s->verb, "discovery") && s->status == 304)
		*(unsigned *)arg += (unsigned)s->count;
}

static void probe_discovery(struct probe *p)
{
	const struct api_resource *r;
	unsigned unchanged = 0;

	refresh(p);
	r = discovery_find(p->d, "apps", NULL, "Deployment");
	if (!r || strcmp(r->version, "v1") != 0 || !r->namespaced ||
	    !r->patchable || !r->watchable)
		die("apps Deployment is not what it should be");
	r = discovery_find(p->d, "", "v1", "Namespace");
	if (!r || r->namespaced || strcmp(r->plural, "namespaces") != 0)
		die("Namespace is not what it should be");
	ok("discovery");
	refresh(p);
	kube_stats(p->k, count_304, &unchanged);
	if (unchanged != 2 || discovery_generation(p->d) != 1)
		die("the second discovery was not answered by 304");
	ok("discovery-etag");
}

static void probe_apply(struct probe *p, struct counter *seen)
{
	_cleanup_answer_ struct answer dry = { 0 }, get = { 0 }, first = { 0 },
				       second = { 0 }, other = { 0 };
	struct kube_ref ref = cm_ref(p, "one");
	const char *a, *b;

	apply_cm(p, "one", "probe", APPLY_DRY_RUN, "1", &dry);
	expect(&dry, ERR_NONE, "dry-run");
	kube_get_init(&get.r, &ref);
	ask(p, &get);
	expect(&get, ERR_NOTFOUND, "get after the dry-run");
	ok("dry-run");
	apply_cm(p, "one", "probe", 0, "1", &first);
	expect(&first, ERR_NONE, "apply");
	until(p, reached, &(struct at_least){ &seen->upserts, 1 }, "event");
	ok("apply-is-watched");
	apply_cm(p, "one", "probe", 0, "1", &second);
	a = doc_get_str(first.json, "metadata", "resourceVersion", NULL);
	b = doc_get_str(second.json, "metadata", "resourceVersion", NULL);
	if (!a || !b || strcmp(a, b) != 0)
		die("the same apply twice changed the object");
	ok("apply-twice");
	apply_cm(p, "one", "someone", 0, "2", &other);
	expect(&other, ERR_CONFLICT, "apply by another manager");
	if (!strstr(other.err.msg, "probe"))
		die("the conflict does not name the manager: %s", other.err.msg);
	ok("apply-conflict");
}

static void probe_terminal(struct probe *p)
{
	struct kube_ref ref = { "apps", "v1", "deployments", p->ns, "bad", NULL };
	static const char body[] = "{\"apiVersion\":\"apps/v1\",\"kind\":"
		"\"Deployment\",\"metadata\":{\"name\":\"bad\"},\"spec\":{"
		"\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{"
		"\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":"
		"[{\"name\":\"c\",\"image\":\"i:1\",\"env\":[{\"name\":\"X\","
		"\"value\":\"1\"},{\"name\":\"X\",\"value\":\"2\"}]}]}}}}";
	_cleanup_answer_ struct answer a = { 0 };

	kube_apply_init(&a.r, &ref, "probe", APPLY_FORCE, body, sizeof(body) - 1);
	ask(p, &a);
	expect(&a, ERR_INVALID, "duplicate env names");
	if (a.err.retry)
		die("a terminal error says retry: %s", a.err.msg);
	ok("terminal-500");
}

static void probe_label_removed(struct probe *p, struct counter *seen)
{
	static const char body[] = "{\"metadata\":{\"labels\":{\"probe\":null}}}";
	_cleanup_answer_ struct answer two = { 0 }, patch = { 0 };
	struct kube_ref ref = cm_ref(p, "two");

	apply_cm(p, "two", "probe", 0, "1", &two);
	expect(&two, ERR_NONE, "apply");
	kube_merge_patch_init(&patch.r, &ref, "probe", body, sizeof(body) - 1);
	ask(p, &patch);
	expect(&patch, ERR_NONE, "merge patch");
	until(p, reached, &(struct at_least){ &seen->deletes, 1 }, "DELETED");
	if (strcmp(seen->last, "two") != 0)
		die("DELETED of %s instead of two", seen->last);
	ok("label-removed");
}

static void probe_delete(struct probe *p, struct counter *seen)
{
	_cleanup_answer_ struct answer get = { 0 }, wrong = { 0 }, right = { 0 };
	struct kube_ref ref = cm_ref(p, "one");

	kube_get_init(&get.r, &ref);
	ask(p, &get);
	expect(&get, ERR_NONE, "get");
	kube_delete_init(&wrong.r, &ref, "00000000-0000-0000-0000-000000000000",
			 "Background");
	ask(p, &wrong);
	expect(&wrong, ERR_CONFLICT, "delete with another uid");
	ok("delete-wrong-uid");
	kube_delete_init(&right.r, &ref,
			 doc_get_str(get.json, "metadata", "uid", NULL),
			 "Background");
	ask(p, &right);
	expect(&right, ERR_NONE, "delete");
	until(p, reached, &(struct at_least){ &seen->deletes, 2 }, "DELETED");
	ok("delete-uid");
}

/* ---- many objects ---- */

struct many {
	struct kube_request r[MANY];
	char *body[MANY];
	unsigned done;
};
static struct many many;

static void on_applied(struct kube_request *r, const struct err *err)
{
	if (err->code)
		die("apply: %s", err->msg);
	kube_request_deinit(r);
	many.done++;
}

static void apply_many(struct probe *p)
{
	uint64_t t0 = world_now(p->w);

	for (unsigned i = 0; i < MANY; i++) {
		_cleanup_free_ char *name = xasprintf("many-%03u", i);
		struct kube_ref ref = cm_ref(p, name);

		many.body[i] = cm_body(p, name, "many", "x");
		kube_apply_init(&many.r[i], &ref, "probe", APPLY_FORCE,
				many.body[i], strlen(many.body[i]));
		many.r[i].on_done = on_applied;
		kube_start(p->k, &many.r[i]);
	}
	until(p, reached, &(struct at_least){ &many.done, MANY }, "300 applies");
	fprintf(stderr, "kubeprobe: %d applies in %u ms\n", MANY,
		(unsigned)(world_now(p->w) - t0));
	for (unsigned i = 0; i < MANY; i++)
		free(many.body[i]);
}

static void probe_pages(struct probe *p)
{
	_cleanup_free_ char *next = NULL;
	struct kube_ref ref = cm_ref(p, NULL);
	unsigned pages = 0;
	size_t items = 0;

	do {
		_cleanup_answer_ struct answer a = { 0 };

		kube_list_init(&a.r, &ref, "probe=many", 50, next);
		ask(p, &a);
		expect(&a, ERR_NONE, "list");
		items += json_array_size(doc_get(a.json, "items", NULL));
		free(next);
		next = xstrdup(doc_get_str(a.json, "metadata", "continue", NULL));
		pages++;
	} while (next && next[0] && pages < 20);
	/* Behind the last match may lie others, which one more page finds out. */
	if (items != MANY || (pages != MANY / 50 && pages != MANY / 50 + 1))
		die("%zu objects in %u pages", items, pages);
	ok("pages");
}

/* A list in pages, or a watch that was refused, would be counted. */
static void no_fallback(const struct kube_stat *s, void *arg)
{
	(void)arg;
	if (!strcmp(s->verb, "list") ||
	    (!strcmp(s->verb, "watch") && s->status != 200))
		die("streaming list: %s answered %d", s->verb, s->status);
}

static void probe_many(struct probe *p)
{
	struct counter c = { 0 };

	apply_many(p);
	ok("300-applies");
	watch_start(p, &c, "probe=many");
	if (c.upserts != MANY || c.resets != 1 || c.troubles || c.deletes)
		die("streaming list: %u objects, %u resets, %u troubles",
		    c.upserts, c.resets, c.troubles);
	if (!watch_version(c.w)[0])
		die("streaming list: no resourceVersion");
	watch_free(c.w);
	kube_stats(p->k, no_fallback, NULL);
	ok("streaming-list");
	probe_pages(p);
}

/* ---- CRD ---- */

static const char crd[] = "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":"
	"\"CustomResourceDefinition\",\"metadata\":{\"name\":"
	"\"probes.kubeprobe.syncd.dev\"},\"spec\":{\"group\":"
	"\"kubeprobe.syncd.dev\",\"scope\":\"Namespaced\",\"names\":{\"plural\":"
	"\"probes\",\"singular\":\"probe\",\"kind\":\"Probe\"},\"versions\":[{"
	"\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{"
	"\"openAPIV3Schema\":{\"type\":\"object\"}}}]}}";
static const struct kube_ref crd_ref = { "apiextensions.k8s.io", "v1",
	"customresourcedefinitions", NULL, "probes.kubeprobe.syncd.dev", NULL };

static bool established(const json_t *o)
{
	const json_t *list = doc_get(o, "status", "conditions", NULL);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *c = json_array_get(list, i);
		const char *type = doc_get_str(c, "type", NULL);
		const char *status = doc_get_str(c, "status", NULL);

		if (type && status && !strcmp(type, "Established"))
			return !strcmp(status, "True");
	}
	return false;
}

static void on_crd(void *arg, enum watch_event e, const json_t *object)
{
	if (e == WATCH_UPSERT && established(object))
		*(bool *)arg = true;
}

static void nothing(void *arg)
{
	(void)arg;
}

/* ERR_NOTFOUND: the kind is not served (yet). */
static struct answer apply_custom(struct probe *p)
{
	struct kube_ref ref = { "kubeprobe.syncd.dev", "v1", "probes", p->ns,
				"x", NULL };
	static const char body[] = "{\"apiVersion\":\"kubeprobe.syncd.dev/v1\","
		"\"kind\":\"Probe\",\"metadata\":{\"name\":\"x\"}}";
	struct answer a = { 0 };

	kube_apply_init(&a.r, &ref, "probe", 0, body, sizeof(body) - 1);
	ask(p, &a);
	answer_deinit(&a);
	return a;
}

static void learn_kind(struct probe *p)
{
	static const struct watch_handler handler = { nothing, on_crd, nothing,
						      NULL };
	_cleanup_answer_ struct answer a = { 0 };
	struct kube_ref all = crd_ref;
	struct watch *w;
	bool is = false;
	unsigned tries = 0;

	all.name = NULL;
	kube_apply_init(&a.r, &crd_ref, "probe", APPLY_FORCE, crd, sizeof(crd) - 1);
	ask(p, &a);
	expect(&a, ERR_NONE, "apply of a CRD");
	w = watch_new(p->k, &all, NULL, "metadata.name=probes.kubeprobe.syncd.dev",
		      &handler, &is);
	until(p, is_set, &is, "Established");
	watch_free(w);
	while (!discovery_find(p->d, "kubeprobe.syncd.dev", NULL, "Probe")) {
		if (++tries > 200)
			die("discovery does not learn the new kind");
		refresh(p);
	}
	fprintf(stderr, "kubeprobe: %u discoveries after Established\n", tries);
}

static void probe_crd(struct probe *p)
{
	unsigned before = discovery_generation(p->d), tries = 0;
	_cleanup_answer_ struct answer get = { 0 }, del = { 0 };
	struct answer a;

	learn_kind(p);
	if (discovery_generation(p->d) == before)
		die("the table changed, its generation did not");
	do
		a = apply_custom(p);
	while (a.err.code == ERR_NOTFOUND && ++tries < 2000);
	expect(&a, ERR_NONE, "apply of a custom resource");
	ok("crd-discovered");
	kube_get_init(&get.r, &crd_ref);
	ask(p, &get);
	kube_delete_init(&del.r, &crd_ref,
			 doc_get_str(get.json, "metadata", "uid", NULL),
			 "Background");
	ask(p, &del);
	expect(&del, ERR_NONE, "delete of the CRD");
}

/* ---- lease ---- */

struct candidate {
	struct lease *l;
	bool leads, released;
	uint64_t epoch;
};

static void on_acquired(void *arg, uint64_t transitions)
{
	struct candidate *c = arg;

	c->leads = true;
	c->epoch = transitions;
}

static void on_lost(void *arg, const struct err *why)
{
	(void)arg;
	die("lease lost: %s", why->msg);
}

static void on_released(void *arg)
{
	((struct candidate *)arg)->released = true;
}

static void candidate_new(struct probe *p, struct candidate *c, const char *id)
{
	static const struct lease_handler handler = { on_acquired, on_lost };
	struct lease_config config = { .ns = p->ns, .name = "probe",
				       .identity = id, .retry_ms = 200 };

	c->l = lease_new(p->k, &config, &handler, c);
}

static bool renewed(void *arg)
{
	return lease_held(arg, 14900);
}

static bool aged(void *arg)
{
	return !lease_held(arg, 14950);
}

static void probe_lease(struct probe *p)
{
	struct candidate a = { 0 }, b = { 0 };

	candidate_new(p, &a, "a");
	until(p, is_set, &a.leads, "leader");
	candidate_new(p, &b, "b");
	until(p, aged, a.l, "time");
	until(p, renewed, a.l, "renewal");
	if (b.leads)
		die("two leaders");
	ok("lease-acquired");
	lease_release(a.l, on_released, &a);
	until(p, is_set, &a.released, "release");
	until(p, is_set, &b.leads, "successor");
	if (b.epoch != a.epoch + 1)
		die("epochs %u and %u", (unsigned)a.epoch, (unsigned)b.epoch);
	ok("lease-handed-over");
	lease_release(b.l, on_released, &b);
	until(p, is_set, &b.released, "release");
	lease_free(a.l);
	lease_free(b.l);
}

/* ---- events ---- */

static json_t *find_event(struct probe *p, const char *uid)
{
	struct kube_ref ref = { "events.k8s.io", "v1", "events", p->ns, NULL, NULL };
	_cleanup_answer_ struct answer a = { 0 };
	json_t *items;

	kube_list_init(&a.r, &ref, NULL, 0, NULL);
	ask(p, &a);
	expect(&a, ERR_NONE, "list of Events");
	items = doc_get(a.json, "items", NULL);
	for (size_t i = 0; i < json_array_size(items); i++) {
		json_t *e = json_array_get(items, i);
		const char *u = doc_get_str(e, "regarding", "uid", NULL);

		if (u && !strcmp(u, uid))
			return json_incref(e);
	}
	return NULL;
}

/* Polls until the Event counts that far (1: there is one). */
static void await_event(struct probe *p, const char *uid, int count)
{
	for (unsigned i = 0; i < 200; i++) {
		_cleanup_json_ json_t *e = find_event(p, uid);
		const char *note = doc_get_str(e, "note", NULL);

		if (e && (!note || strcmp(note, "it was probed") != 0))
			die("the Event says %s", note ? note : "nothing");
		if (e && doc_get_int(e, 1, "series", "count", NULL) >= count)
			return;
	}
	die("no Event that counts %d", count);
}

static void probe_events(struct probe *p)
{
	static const char uid[] = "11111111-2222-3333-4444-555555555555";
	struct event_object about = { "v1", "ConfigMap", p->ns, "one", uid, "1" };
	struct events *e = events_new(p->k, "syncd.dev/kubeprobe", "probe-1");

	events_emit(e, &about, "Normal", "Probed", "Probe", "it was probed");
	await_event(p, uid, 1);
	ok("event");
	events_emit(e, &about, "Normal", "Probed", "Probe", "it was probed");
	await_event(p, uid, 2);
	ok("event-series");
	events_free(e);
}

/* ---- the guard ---- */

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static void probe_guard(struct probe *p)
{
	_cleanup_answer_ struct answer a = { 0 }, get = { 0 };
	struct kube_ref ref = cm_ref(p, "guarded");

	kube_set_write_guard(p->k, never, NULL);
	apply_cm(p, "guarded", "probe", 0, "1", &a);
	expect(&a, ERR_CANCELLED, "a write of no leader");
	kube_get_init(&get.r, &ref);
	ask(p, &get);
	expect(&get, ERR_NOTFOUND, "what no leader wrote");
	kube_set_write_guard(p->k, NULL, NULL);
	ok("write-guard");
}

int main(int argc, char **argv)
{
	struct probe p = { 0 };
	struct counter seen = { 0 };

	if (argc != 2)
		die("usage: kubeprobe NAMESPACE");
	p.ns = argv[1];
	start(&p);
	probe_discovery(&p);
	watch_start(&p, &seen, "probe=yes");
	probe_apply(&p, &seen);
	probe_terminal(&p);
	probe_label_removed(&p, &seen);
	probe_delete(&p, &seen);
	if (seen.troubles || seen.resets != 1)
		die("the watch was in trouble");
	ok("watch");
	probe_many(&p);
	probe_crd(&p);
	probe_lease(&p);
	probe_events(&p);
	probe_guard(&p);
	watch_free(seen.w);
	finish(&p);
	ok("all");
	return 0;
}
