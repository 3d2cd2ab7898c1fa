/*
 * The cases of tests/golden/plan/NAME.json: inventory, desired objects and live
 * state; NAME.txt is the plan as lines. UPDATE_GOLDEN=1 writes what we answer now.
 *
 * A line: case, verb, wave.step, key (why), then uid, adopt and look where set.
 * "project" is the spec of the AppProject; without it everything is allowed.
 * "wanted": names of objects that the application "other" has in its release;
 * "tenure": how applications stand to what they track: free, leaving, else held;
 * "unserved": kinds; "policy": prune_policy, with the limit where it is there;
 * "read": names of objects that were read and are as wanted; "argocd-cm": its data;
 * "unsure": why nothing may be pruned. Flag "excluded": of a kind that is.
 * Defaults keep the cases short: an object is a ConfigMap of namespace prod, its
 * digest and fingerprint "d1" and "f1", its live application the planning one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/plan.h"

#define CASES SOURCE_DIR "/tests/golden/plan/"
#define N_CASES 27

static const struct { const char *name; uint32_t flag; } flags[] = {
	{ "hook", OBJ_HOOK }, { "keep", OBJ_KEEP }, { "skip", OBJ_SKIP },
	{ "confirm", OBJ_PRUNE_CONFIRM }, { "prune-yes", OBJ_PRUNE_TRUE },
	{ "stay", OBJ_DELETE_KEEP }, { "delete-ask", OBJ_DELETE_CONFIRM },
	{ "delete-yes", OBJ_DELETE_TRUE }, { "excluded", OBJ_EXCLUDED },
};

/* One case, decoded; the arena holds every string. */
struct fixture {
	struct arena arena;
	struct render_answer release;
	struct scope *scopes;
	struct record record;
	struct live_index live;
	struct project project;	/* "project": its spec */
	struct plan_others others;
	struct exclude exclude;
	struct prune_policy policy;
	struct plan_input in;
};

static char *str(struct fixture *f, const json_t *o, const char *key,
		 const char *fallback)
{
	const char *s = doc_get_str(o, key, NULL);

	return arena_strdup(&f->arena, s ? s : fallback);
}

static uint32_t flags_of(const json_t *o)
{
	const char *s = doc_get_str(o, "flags", NULL);
	uint32_t set = 0;

	for (size_t i = 0; s && i < ARRAY_LEN(flags); i++)
		set |= strstr(s, flags[i].name) ? flags[i].flag : 0;
	return set;
}

static bool is_cluster(const json_t *o)
{
	return doc_get_bool(o, false, "cluster", NULL);
}

static struct objkey key_of(struct fixture *f, const json_t *o)
{
	return (struct objkey){
		.group = str(f, o, "group", ""),
		.kind = str(f, o, "kind", "ConfigMap"),
		.ns = is_cluster(o) ? "" : str(f, o, "ns", "prod"),
		.name = str(f, o, "name", "web"),
	};
}

static void load_desired(struct fixture *f, const json_t *list)
{
	size_t n = json_array_size(list);

	f->release.objects = arena_alloc(&f->arena, (n + 1) * sizeof(struct rendered));
	f->scopes = arena_alloc(&f->arena, (n + 1) * sizeof(*f->scopes));
	f->release.n_objects = n;
	for (size_t i = 0; i < n; i++) {
		const json_t *o = json_array_get(list, i);
		struct rendered *r = &f->release.objects[i];
		struct objkey k = key_of(f, o);

		r->group = (char *)k.group;
		r->kind = (char *)k.kind;
		r->ns = str(f, o, "ns", is_cluster(o) ? "" : "prod");
		r->name = (char *)k.name;
		r->source = str(f, o, "source", "");
		r->version = str(f, o, "version", "v1");
		r->hook = (char *)str(f, o, "hook", "PostSync");
		r->wave = (int)doc_get_int(o, 0, "wave", NULL);
		r->flags = flags_of(o);
		strcpy(r->digest, str(f, o, "digest", "d1"));
		f->scopes[i] = (struct scope){
			doc_get_bool(o, true, "known", NULL), !is_cluster(o), true };
	}
}

static void load_inventory(struct fixture *f, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		struct objkey k = key_of(f, o);
		struct inv_entry *e = record_inv_add(&f->record, &k,
						     str(f, o, "op", "op1"));

		strcpy(e->uid, str(f, o, "uid", "u1"));
		strcpy(e->digest, str(f, o, "digest", "d1"));
		strcpy(e->fingerprint, str(f, o, "fingerprint", "f1"));
		e->wave = (int)doc_get_int(o, 0, "wave", NULL);
		e->flags = flags_of(o);
		e->approved = doc_get_bool(o, false, "approved", NULL);
	}
}

static void load_live(struct fixture *f, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		struct objkey k = key_of(f, o);
		struct live *l = arena_alloc(&f->arena, sizeof(*l));
		_cleanup_buf_ struct buf key = BUF_INIT;

		objkey_format(&k, &key);
		l->key = arena_strdup(&f->arena, buf_str(&key));
		strcpy(l->uid, str(f, o, "uid", "u1"));
		strcpy(l->op, str(f, o, "op", ""));
		strcpy(l->fingerprint, str(f, o, "fingerprint", "f1"));
		l->app_id = str(f, o, "app", "shop");
		l->deleting = doc_get_bool(o, false, "deleting", NULL);
		l->owned = doc_get_bool(o, false, "owned", NULL);
		l->keep_prune = doc_get_bool(o, false, "keepPrune", NULL);
		l->keep_delete = doc_get_bool(o, false, "keepDelete", NULL);
		HASH_ADD_KEYPTR(hh, f->live.by_key, l->key, strlen(l->key), l);
	}
}

static bool lists(const json_t *list, const char *s)
{
	const char *one;
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item) {
		one = json_string_value(item);
		if (!strcmp(one, s))
			return true;
	}
	return false;
}

static const char *wanted_by(void *arg, const struct objkey *k)
{
	return lists(json_object_get(arg, "wanted"), k->name) ? "other" : NULL;
}

static enum tenure tenure(void *arg, const char *app_id, const struct objkey *k)
{
	const char *s = doc_get_str(arg, "tenure", app_id, NULL);

	assert_non_null(k->name);
	if (s && !strcmp(s, "free"))
		return TENURE_FREE;
	return s && !strcmp(s, "leaving") ? TENURE_LEAVING : TENURE_HELD;
}

static bool is_served(void *arg, const char *group, const char *kind)
{
	assert_non_null(group);
	return !lists(json_object_get(arg, "unserved"), kind);
}

static bool awaits_us(void *arg, const struct objkey *k, const char *uid)
{
	assert_int_not_equal(uid[0], 0);
	return lists(json_object_get(arg, "awaits"), k->name);
}

static bool in_place(void *arg, const struct objkey *k)
{
	return lists(json_object_get(arg, "read"), k->name);
}

static void load_policy(struct fixture *f, const json_t *c)
{
	const json_t *p = doc_get(c, "policy", NULL);

	f->policy = (struct prune_policy){
		.going = doc_get_bool(p, false, "going", NULL),
		.keep = doc_get_bool(p, false, "keep", NULL),
		.confirm = doc_get_bool(p, false, "confirm", NULL),
		.confirmed = doc_get_bool(p, false, "confirmed", NULL),
		.unlimited = doc_get_bool(p, false, "unlimited", NULL),
		.allow_empty = doc_get_bool(p, false, "allowEmpty", NULL),
		.self_uid = doc_get_str(p, "self", NULL),
	};
	f->others = (struct plan_others){ wanted_by, tenure, is_served, awaits_us,
					  (void *)(uintptr_t)c };
	f->in.policy = p ? &f->policy : NULL;
	f->in.others = &f->others;
	f->in.in_place = in_place;
	f->in.in_place_arg = (void *)(uintptr_t)c;
	f->in.shared_allowed = doc_get_bool(c, false, "shared", NULL);
}

static void load(struct fixture *f, const json_t *c)
{
	load_desired(f, doc_get(c, "desired", NULL));
	load_inventory(f, doc_get(c, "inventory", NULL));
	load_live(f, doc_get(c, "live", NULL));
	if (doc_get(c, "project", NULL)) {
		_cleanup_json_ json_t *o = json_pack("{s:{s:s},s:O}", "metadata",
			"name", "team", "spec", doc_get(c, "project", NULL));

		assert_int_equal(project_decode(&f->project, o, NULL), 0);
	}
	f->in = (struct plan_input){
		.project = f->project.name ? &f->project : NULL,
		.release = &f->release, .scopes = f->scopes,
		.destination_ns = "prod", .app_id = "shop",
		.record = &f->record, .live = &f->live,
		.prune_allowed = doc_get_bool(c, true, "prune", NULL),
		.crds_untouched = doc_get_bool(c, false, "crdsUntouched", NULL),
		.exclude = &f->exclude,
		.prune_unsure = doc_get_str(c, "unsure", NULL),
	};
	assert_int_equal(exclude_read(&f->exclude, doc_get(c, "argocd-cm", NULL), NULL), 0);
	load_policy(f, c);
}

static void unload(struct fixture *f)
{
	HASH_CLEAR(hh, f->live.by_key);
	project_deinit(&f->project);
	exclude_deinit(&f->exclude);
	record_deinit(&f->record);
	arena_deinit(&f->arena);
}

static void print_task(const struct task *t, struct buf *out)
{
	buf_addf(out, "%2d %-6s %d.%d ", t->casenr, task_verb_str(t->verb),
		 t->wave, t->step);
	objkey_format(&t->key, out);
	buf_addf(out, " (%s)", t->why);
	if (t->uid[0])
		buf_addf(out, " uid=%s", t->uid);
	buf_adds(out, t->adopt ? " adopt" : "");
	buf_adds(out, t->look ? " look" : "");
	buf_addc(out, '\n');
}

static void print_plan(const struct plan *p, struct buf *out, int seen[])
{
	for (size_t i = 0; i < p->tasks.len; i++) {
		print_task(&p->tasks.data[i], out);
		seen[p->tasks.data[i].casenr]++;
	}
	for (size_t i = 0; i < p->twins.len; i++) {
		buf_addf(out, "16 -      desired[%zu] gives way to desired[%zu]\n",
			 p->twins.data[i].gone, p->twins.data[i].stays);
		seen[16]++;
	}
	if (p->prunes.len)
		buf_adds(out, "then\n");
	for (size_t i = 0; i < p->prunes.len; i++) {
		print_task(&p->prunes.data[i], out);
		seen[p->prunes.data[i].casenr]++;
	}
	buf_addf(out, "apply %zu, prune %zu, refuse %zu", p->n_apply,
		 p->n_prune, p->n_refuse);
	if (p->n_ask)
		buf_addf(out, ", ask %zu", p->n_ask);
	buf_addc(out, '\n');
}

static void compare(const char *path, const struct buf *got)
{
	_cleanup_buf_ struct buf want = BUF_INIT;
	FILE *f = fopen(path, getenv("UPDATE_GOLDEN") ? "w+" : "r");
	int c;

	if (!f)
		fail_msg("%s is not there: run with UPDATE_GOLDEN=1, read it", path);
	if (getenv("UPDATE_GOLDEN"))
		fwrite(got->data, 1, got->len, f);
	rewind(f);
	while ((c = getc(f)) != EOF)
		buf_addc(&want, (char)c);
	fclose(f);
	if (strcmp(buf_str(&want), buf_str(got)))
		fail_msg("%s\nwant:\n%s\ngot:\n%s", path, buf_str(&want), buf_str(got));
}

static void run_case(const char *name, int seen[])
{
	_cleanup_free_ char *json = xasprintf(CASES "%s", name);
	_cleanup_free_ char *text = xasprintf(CASES "%.*s.txt",
					      (int)strlen(name) - 5, name);
	_cleanup_buf_ struct buf got = BUF_INIT;
	_cleanup_json_ json_t *c = NULL;
	struct fixture f = { 0 };
	json_error_t why;
	struct plan p;

	c = json_load_file(json, JSON_REJECT_DUPLICATES, &why);
	if (!c)
		fail_msg("%s:%d: %s", name, why.line, why.text);
	load(&f, c);
	plan_build(&f.in, &p);
	print_plan(&p, &got, seen);
	compare(text, &got);
	plan_deinit(&p);
	unload(&f);
}

static void cases_hold(void **state)
{
	int seen[N_CASES + 1] = { 0 }, n = 0;
	DIR *d = opendir(CASES);
	struct dirent *e;

	(void)state;
	assert_non_null(d);
	while ((e = readdir(d))) {
		size_t len = strlen(e->d_name);

		if (len > 5 && !strcmp(e->d_name + len - 5, ".json")) {
			run_case(e->d_name, seen);
			n++;
		}
	}
	closedir(d);
	assert_true(n >= 20);
	for (int i = 1; i <= N_CASES; i++)
		if (seen[i] < 2)
			fail_msg("case %d is met %d times, not twice", i, seen[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(cases_hold) };

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
