/*
 * What happens in a life: people commit, edit and delete, processes die, clocks jump,
 * networks part, servers forget. One thing after another, while the faults of
 * requests, watches and workers go on beside it.
 */
#include <stdio.h>

#include "core/doc.h"
#include "life.h"

static uint64_t dice(struct life *x, uint64_t n)
{
	return sim_random(x->s) % n;
}

static struct life_app *any_app(struct life *x)
{
	return &x->apps[dice(x, x->n_apps)];
}

static struct replica *any_replica(struct life *x)
{
	return &x->replicas[dice(x, x->n_replicas)];
}

static void a_tag(struct life *x, char out[16])
{
	static const char *const kinds[] = {
		"v", "v", "v", "v", "bad", "crash", "noready",
	};

	snprintf(out, 16, "%s%u", kinds[dice(x, ARRAY_LEN(kinds))],
		 (unsigned)dice(x, 1000));
}

/* ---- Git ---- */

static void commit_web(struct life *x)
{
	char tag[16];

	a_tag(x, tag);
	lifegit_web(any_app(x), tag);
}

static void commit_map(struct life *x)
{
	char value[16];

	snprintf(value, sizeof(value), "n%u", (unsigned)dice(x, 1000));
	lifegit_map(any_app(x), (unsigned)dice(x, 4), dice(x, 3) ? value : NULL);
}

static void commit_many(struct life *x)
{
	unsigned n = 2 + (unsigned)dice(x, 3);

	for (unsigned i = 0; i < n; i++)
		(dice(x, 2) ? commit_map : commit_web)(x);
}

static void commit_broken(struct life *x)
{
	struct life_app *a = any_app(x);

	lifegit_put(a, "broken.yaml", lifegit_has_file(a, "broken.yaml") ? NULL :
		    "{ this is not: [valid");
}

static void empty_or_restore(struct life *x)
{
	struct life_app *a = any_app(x);

	if (a->emptied)
		lifegit_restore(a);
	else
		lifegit_empty(a);
}

static void commit_hook(struct life *x)
{
	static const char *const phases[] = { "PreSync", "Sync", "PostSync", "SyncFail" };
	static const char *const tags[] = { "1", "2", "crash1", "bad1", "noready1", NULL };
	static const char *const policies[] = {
		"", "HookSucceeded", "HookFailed", "BeforeHookCreation",
	};

	lifegit_hook(any_app(x), phases[dice(x, ARRAY_LEN(phases))],
		     tags[dice(x, ARRAY_LEN(tags))],
		     policies[dice(x, ARRAY_LEN(policies))]);
}

static void commit_set(struct life *x)
{
	char tag[16];

	a_tag(x, tag);
	lifegit_set(any_app(x), tag);
}

static void move_shared(struct life *x)
{
	lifegit_share(x, (unsigned)dice(x, x->n_apps + 1));
}

/* The same object in another file: nothing may happen to it. */
static void rename_file(struct life *x)
{
	struct life_app *a = any_app(x);
	bool moved = lifegit_has_file(a, "moved.yaml");
	const char *from = moved ? "moved.yaml" : "map-0.yaml";
	const char *to = moved ? "map-0.yaml" : "moved.yaml";
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; i < a->files.len; i++)
		if (!strcmp(a->files.data[i].name, from))
			text = xstrdup(a->files.data[i].text);
	if (!text)
		return;
	lifegit_put(a, to, text);
	lifegit_put(a, from, NULL);
}

/* Their versions come and go, in one commit with what is written in them, or not. */
static void commit_widget(struct life *x)
{
	static const char *const versions[] = { "v1", "v2", NULL };
	unsigned served = 1 + (unsigned)dice(x, 3);
	struct life_app *a = &x->apps[dice(x, x->n_apps)];

	if (dice(x, 2) || !lifegit_has_file(&x->apps[0], "crd.yaml"))
		lifegit_crd(&x->apps[0], served & 1, served & 2);
	if (dice(x, 4))
		lifegit_widget(a, versions[dice(x, ARRAY_LEN(versions))],
			       3 + (unsigned)dice(x, 3));
}

/* An operator's upgrade, or a person. */
static void edit_crd(struct life *x)
{
	unsigned served = 1 + (unsigned)dice(x, 3);
	_cleanup_free_ char *versions = lifegit_crd_versions(served & 1, served & 2);
	_cleanup_free_ char *patch = xasprintf("{\"spec\":{\"versions\":%s}}", versions);

	if (!apisim_get(x->api, LIFE_CRDS, NULL, LIFE_WIDGETS))
		return;
	life_say(x, "widgets are served as%s%s", served & 1 ? " v1" : "",
		 served & 2 ? " v2" : "");
	apisim_edit(x->api, "kubectl-edit", LIFE_CRDS, NULL, LIFE_WIDGETS, patch);
}

static void edit_widget(struct life *x)
{
	struct life_app *a = &x->apps[dice(x, x->n_apps)];

	if (!apisim_get(x->api, LIFE_WIDGETS, a->ns, "widget"))
		return;
	life_say(x, "%s: the widget is edited", a->name);
	if (dice(x, 2))
		apisim_edit(x->api, "kubectl-edit", LIFE_WIDGETS, a->ns, "widget",
			    "{\"spec\":{\"size\":9}}");
	else
		apisim_delete(x->api, LIFE_WIDGETS, a->ns, "widget");
}

static void ask_for_foreign(struct life *x)
{
	struct life_app *a = any_app(x);

	a->foreign = !a->foreign;
	lifegit_put(a, "foreign.yaml", !a->foreign ? NULL : "{\"apiVersion\":\"v1\","
		"\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"foreign\",\"namespace\":"
		"\"common\"},\"data\":{\"key\":\"ours\"}}");
}

static void git_mood(struct life *x)
{
	struct life_app *a = any_app(x);
	enum git_mood m = (enum git_mood)dice(x, GIT_V0 + 1);

	life_say(x, "%s: Git is in mood %d", a->repo, (int)m);
	gitsim_set_mood(sim_git(x->s), a->repo, m);
}

/* ---- people and other controllers ---- */

static void edit(struct life *x)
{
	struct life_app *a = any_app(x);

	if (dice(x, 2) && apisim_get(x->api, "deployments.apps", a->ns, "web")) {
		life_say(x, "%s: web is edited", a->name);
		apisim_edit(x->api, "kubectl-edit", "deployments.apps", a->ns, "web",
			    "{\"spec\":{\"replicas\":0}}");
	} else if (apisim_get(x->api, "configmaps", a->ns, "map-0")) {
		life_say(x, "%s: map-0 is edited", a->name);
		apisim_edit(x->api, "kubectl-edit", "configmaps", a->ns, "map-0",
			    "{\"data\":{\"key\":\"edited\"}}");
	}
}

static void take_away(struct life *x)
{
	static const char *const what[][2] = {
		{ "configmaps", "map-0" }, { "configmaps", "map-1" },
		{ "deployments.apps", "web" }, { "secrets", "token" },
	};
	struct life_app *a = any_app(x);
	const char *const *w = what[dice(x, ARRAY_LEN(what))];

	if (!apisim_get(x->api, w[0], a->ns, w[1]))
		return;
	life_say(x, "%s: %s %s is deleted by hand", a->name, w[0], w[1]);
	apisim_delete(x->api, w[0], a->ns, w[1]);
	if (!dice(x, 3) && !strcmp(w[1], "map-0")) {
		_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":"
			"\"ConfigMap\",\"metadata\":{\"name\":\"map-0\",\"namespace\":"
			"\"%s\"},\"data\":{\"key\":\"by hand\"}}", a->ns);

		life_say(x, "%s: and made anew, without our label", a->name);
		apisim_apply(x->api, text);
	}
}

static void unlabel(struct life *x)
{
	struct life_app *a = any_app(x);

	if (!apisim_get(x->api, "configmaps", a->ns, "map-0"))
		return;
	life_say(x, "%s: map-0 loses its labels", a->name);
	apisim_edit(x->api, "kubectl-label", "configmaps", a->ns, "map-0",
		    "{\"metadata\":{\"labels\":null}}");
}

static bool app_exists(struct life *x, const struct life_app *a)
{
	return apisim_get(x->api, "applications.argoproj.io", "argocd", a->name);
}

static bool app_is_ending(struct life *x, const struct life_app *a)
{
	const json_t *o = apisim_get(x->api, "applications.argoproj.io", "argocd", a->name);

	return doc_get_str(o, "metadata", "deletionTimestamp", NULL);
}

/* In the middle of its end, and at once again. */
static void let_go(struct life *x, struct life_app *a)
{
	life_say(x, "%s: the Application is let go by hand, and made anew", a->name);
	apisim_edit(x->api, "kubectl", "applications.argoproj.io", "argocd", a->name,
		    "{\"metadata\":{\"finalizers\":null}}");
	life_put_app(x, a);
}

static void delete_app(struct life *x)
{
	struct life_app *a = any_app(x);

	if (app_is_ending(x, a)) {
		let_go(x, a);
	} else if (!app_exists(x, a)) {
		life_say(x, "%s: the Application is made anew", a->name);
		life_put_app(x, a);
	} else if (!dice(x, 2)) {
		life_say(x, "%s: the Application is deleted", a->name);
		apisim_delete(x->api, "applications.argoproj.io", "argocd", a->name);
	}
}

static void ask_for_sync(struct life *x)
{
	static const char *const syncs[] = {
		"{\"operation\":{\"sync\":{\"prune\":true}}}",
		"{\"operation\":{\"sync\":{\"dryRun\":true}}}",
		"{\"operation\":{\"sync\":{\"revision\":\"main\"}}}",
		"{\"operation\":{\"sync\":{\"syncOptions\":[\"syncd.dev/release=1\"]}}}",
	};
	struct life_app *a = any_app(x);

	if (!app_exists(x, a))
		return;
	a->person = true;
	life_say(x, "%s: somebody asks for a sync", a->name);
	apisim_edit(x->api, "kubectl", "applications.argoproj.io", "argocd", a->name,
		    syncs[dice(x, ARRAY_LEN(syncs))]);
}

static void move_fence(struct life *x)
{
	x->fence.narrow = !x->fence.narrow;
	x->fence.since = sim_now(x->s);
	life_say(x, "project team is %s", x->fence.narrow ? "narrowed" : "widened");
	apisim_edit(x->api, "kubectl", "appprojects.argoproj.io", "argocd", "team",
		    x->fence.narrow ? "{\"spec\":{\"namespaceResourceBlacklist\":[{"
		    "\"group\":\"apps\",\"kind\":\"Deployment\"}]}}" :
		    "{\"spec\":{\"namespaceResourceBlacklist\":null}}");
}

static void close_gate(struct life *x)
{
	x->closed_until = sim_now(x->s) + 1000 + dice(x, 60000);
	life_say(x, "a webhook refuses for %llu ms", (unsigned long long)
		 (x->closed_until - sim_now(x->s)));
}

/* ---- misfortune ---- */

static void storm(struct life *x)
{
	unsigned level = 1 + (unsigned)dice(x, 3);
	struct sim_faults f = sim_faults_mixed(level);

	f.late = f.twice = 3 * level * level;
	f.watch_stale = dice(x, 2) ? level * level : 0;
	if (dice(x, 3) == 0)
		f = (struct sim_faults){ 0 };
	life_say(x, "faults: %s", f.refuse ? "a storm" : "calm");
	sim_set_faults(x->s, &f, 0);
}

static void aimed(struct life *x)
{
	static const char *const paths[] = {
		"/secrets", "/applications", "/leases", "/configmaps", "/deployments",
		"/api", "/namespaces", "repo",
	};
	const char *path = paths[dice(x, ARRAY_LEN(paths))];
	struct sim_faults f = { 0 };

	((unsigned *)&f)[dice(x, 11)] = 300 + (unsigned)dice(x, 700);
	life_say(x, "requests of %s fail", path);
	sim_aim_faults(x->s, "", path);
	sim_set_faults(x->s, &f, 0);
	life_run(x, NULL, dice(x, 40000));
	sim_aim_faults(x->s, "", "");
	sim_set_faults(x->s, &(struct sim_faults){ 0 }, 0);
}

static void crash(struct life *x)
{
	struct replica *r = any_replica(x);

	if (dice(x, 4) == 0 && r->engine) {
		life_say(x, "%s dies now", r->identity);
		life_kill(r, dice(x, 5000));
		return;
	}
	life_say(x, "%s will die at a step", r->identity);
	sim_host_crash_at(x->s, r->host, 1 + dice(x, dice(x, 2) ? 12 : 60));
}

static void pause_one(struct life *x)
{
	struct replica *r = any_replica(x);

	life_say(x, "%s is stopped for a while", r->identity);
	sim_host_pause(x->s, r->host, true);
	life_run(x, NULL, dice(x, 2) ? dice(x, 60000) : dice(x, 5000));
	sim_host_pause(x->s, r->host, false);
}

static void part(struct life *x)
{
	struct replica *r = any_replica(x);

	life_say(x, "%s is cut off", r->identity);
	sim_set_partition(x->s, r->host, true);
	life_run(x, NULL, dice(x, 40000));
	sim_set_partition(x->s, r->host, false);
}

static void clock_jumps(struct life *x)
{
	static const int64_t jumps[] = { 3600000, -3600000, 90000, -90000, 86400000 };
	struct replica *r = any_replica(x);
	int64_t ms = jumps[dice(x, ARRAY_LEN(jumps))];

	life_say(x, "the clock of %s jumps by %lld ms", r->identity, (long long)ms);
	sim_host_wall_jump(x->s, r->host, ms);
}

/* Kinds are excluded for a while, or somebody's slip keeps all from being done. */
static void exclude(struct life *x)
{
	static const char *const rules[] = {
		"\"resource.exclusions\":\"nonsense\"",
		"\"resource.exclusions\":\"[{kinds: [ConfigMap]}]\"",
		"\"resource.exclusions\":\"[{kinds: [Job]}]\"",
		"\"resource.inclusions\":\"[{apiGroups: ['']}]\"",
	};
	const char *rule = rules[dice(x, ARRAY_LEN(rules))];
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":"
		"\"ConfigMap\",\"metadata\":{\"name\":\"argocd-cm\",\"namespace\":"
		"\"argocd\"},\"data\":{%s}}", rule);

	life_say(x, "argocd-cm says %s", rule);
	apisim_apply(x->api, text);
	life_run(x, NULL, dice(x, 40000));
	life_say(x, "argocd-cm goes");
	apisim_delete(x->api, "configmaps", "argocd", "argocd-cm");
}

static void end_one(struct life *x)
{
	life_stop(any_replica(x));
}

static void compact(struct life *x)
{
	life_say(x, "etcd is compacted");
	apisim_compact(x->api);
}

static void time_passes(struct life *x)
{
	life_run(x, NULL, dice(x, 8) ? dice(x, 60000) : dice(x, 900000));
}

static const struct {
	unsigned weight;
	void (*fn)(struct life *x);
	bool by_hand;		/* at once, and no webhook refuses it */
} happenings[] = {
	{ 14, commit_web, false }, { 8, commit_map, false }, { 4, commit_many, false },
	{ 4, commit_broken, false }, { 2, empty_or_restore, false },
	{ 5, commit_hook, false }, { 2, commit_set, false }, { 3, move_shared, false },
	{ 1, rename_file, false }, { 3, commit_widget, false },
	{ 1, edit_crd, true }, { 1, edit_widget, true },
	{ 1, ask_for_foreign, false }, { 4, git_mood, false }, { 5, edit, true },
	{ 5, take_away, true }, { 2, unlabel, true }, { 3, delete_app, true },
	{ 3, ask_for_sync, true }, { 2, move_fence, true }, { 3, close_gate, false },
	{ 9, storm, false }, { 4, aimed, false }, { 14, crash, false },
	{ 4, pause_one, false }, { 4, part, false }, { 2, clock_jumps, false },
	{ 2, end_one, false }, { 3, compact, false }, { 4, time_passes, false },
	{ 2, exclude, true },
};

void life_something_happens(struct life *x)
{
	unsigned sum = 0, n;

	for (size_t i = 0; i < ARRAY_LEN(happenings); i++)
		sum += happenings[i].weight;
	n = (unsigned)dice(x, sum);
	for (size_t i = 0; i < ARRAY_LEN(happenings); i++) {
		if (n < happenings[i].weight) {
			x->by_hand = happenings[i].by_hand;
			happenings[i].fn(x);
			x->by_hand = false;
			break;
		}
		n -= happenings[i].weight;
	}
	life_run(x, NULL, dice(x, 3) ? dice(x, 20000) : dice(x, 2000));
}
