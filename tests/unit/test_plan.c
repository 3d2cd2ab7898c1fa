/* plan.h: properties over generated worlds, the prune guard, kinds of data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/plan.h"

/* A small random world: release, inventory and live overlap in every way. */
struct universe {
	struct arena arena;
	struct render_answer release;
	struct scope *scopes;
	struct record record;
	struct live_index live;
	struct plan_input in;
	struct prune_policy policy;
	struct plan_others others;
	unsigned seed;
};

static unsigned pick(struct universe *w, unsigned n)
{
	return (unsigned)rand_r(&w->seed) % n;
}

static const struct { const char *group, *kind; bool namespaced; } kinds[] = {
	{ "", "ConfigMap", true }, { "apps", "Deployment", true },
	{ "", "Namespace", false }, { "example.com", "Widget", true },
	{ "apiextensions.k8s.io", "CustomResourceDefinition", false },
	{ "admissionregistration.k8s.io", "ValidatingWebhookConfiguration", false },
};
#define N_NAMES 6
#define N_SLOTS (ARRAY_LEN(kinds) * N_NAMES)

static struct objkey slot_key(struct universe *w, size_t slot)
{
	size_t kind = slot / N_NAMES, i = slot % N_NAMES;
	bool crd = kind == 4;

	return (struct objkey){
		kinds[kind].group, kinds[kind].kind,
		!kinds[kind].namespaced ? "" : i % 2 ? "n1" : "n2",
		arena_printf(&w->arena, crd ? "n%zus.example.com" : "n%zu", i) };
}

static void add_live(struct universe *w, const struct objkey *k, const char *uid,
		     const char *app, const char *fingerprint)
{
	struct live *l = arena_alloc(&w->arena, sizeof(*l));
	_cleanup_buf_ struct buf key = BUF_INIT;

	objkey_format(k, &key);
	l->key = arena_strdup(&w->arena, buf_str(&key));
	strcpy(l->uid, uid);
	strcpy(l->fingerprint, fingerprint);
	strcpy(l->op, pick(w, 2) ? "op1" : "op2");
	l->app_id = arena_strdup(&w->arena, app);
	l->deleting = !pick(w, 9);
	l->owned = !pick(w, 9);
	HASH_ADD_KEYPTR(hh, w->live.by_key, l->key, strlen(l->key), l);
}

static void add_rendered(struct universe *w, const struct objkey *k)
{
	struct rendered *r = &w->release.objects[w->release.n_objects];

	r->group = (char *)k->group;
	r->kind = (char *)k->kind;
	r->name = (char *)k->name;
	/* n1 is the destination: half of its objects leave it out */
	r->ns = !strcmp(k->ns, "n1") && pick(w, 2) ? "" : (char *)k->ns;
	r->version = "v1";
	r->source = "";
	r->wave = (int)pick(w, 5) - 2;
	r->flags = pick(w, 12) ? 0 : OBJ_HOOK;
	r->hook = (char *)(r->flags ? "PreSync" : "");
	strcpy(r->digest, pick(w, 2) ? "d1" : "d2");
	w->scopes[w->release.n_objects++] = (struct scope){ true, k->ns[0], true };
}

static void add_entry(struct universe *w, const struct objkey *k, const char *uid)
{
	struct inv_entry *e = record_inv_add(&w->record, k, pick(w, 2) ? "op1" : "op2");

	strcpy(e->uid, pick(w, 4) ? uid : "");
	strcpy(e->digest, pick(w, 2) ? "d1" : "d2");
	strcpy(e->fingerprint, pick(w, 2) ? "f1" : "f2");
	e->flags = pick(w, 8) ? 0 : OBJ_KEEP;
	e->approved = !pick(w, 6);
	e->wave = (int)pick(w, 5) - 2;
}

/* n4 is what another application wants; it is served wherever it is asked for. */
static const char *wanted_by(void *arg, const struct objkey *k)
{
	assert_non_null(arg);
	return !strcmp(k->name, "n4") ? "other" : NULL;
}

static enum tenure tenure(void *arg, const char *app_id, const struct objkey *k)
{
	assert_non_null(arg);
	assert_string_equal(app_id, "other");
	return !strcmp(k->name, "n3") ? TENURE_FREE : TENURE_HELD;
}

static bool is_served(void *arg, const char *group, const char *kind)
{
	assert_non_null(arg);
	assert_non_null(kind);
	return strcmp(group, "example.com") != 0;
}

/* There are no Applications among these objects. */
static bool awaits_us(void *arg, const struct objkey *k, const char *uid)
{
	(void)arg;
	fail_msg("asked of %s %s", k->name, uid);
	return false;
}

static void generate_rules(struct universe *w)
{
	if (pick(w, 2)) {
		w->others = (struct plan_others){ wanted_by, tenure, is_served,
						  awaits_us, w };
		w->in.others = &w->others;
	}
	w->policy = (struct prune_policy){
		.going = !pick(w, 5), .keep = !pick(w, 9), .confirm = !pick(w, 9),
		.confirmed = pick(w, 2), .unlimited = pick(w, 2),
		.allow_empty = pick(w, 2),
	};
	w->in.policy = &w->policy;
}

static void generate(struct universe *w, unsigned seed)
{
	static const char *const apps[] = { "shop", "shop", "shop", "", "other" };

	*w = (struct universe){ .seed = seed };
	w->release.objects = arena_alloc(&w->arena, N_SLOTS * sizeof(struct rendered));
	w->scopes = arena_alloc(&w->arena, N_SLOTS * sizeof(struct scope));
	for (size_t slot = 0; slot < N_SLOTS; slot++) {
		struct objkey k = slot_key(w, slot);
		char uid[16], other[16];

		snprintf(uid, sizeof(uid), "u%zu", slot);
		snprintf(other, sizeof(other), "o%zu", slot);
		if (pick(w, 2))
			add_rendered(w, &k);
		if (pick(w, 2))
			add_entry(w, &k, uid);
		if (pick(w, 2))
			add_live(w, &k, pick(w, 4) ? uid : other,
				 apps[pick(w, 5)], pick(w, 2) ? "f1" : "f2");
	}
	w->in = (struct plan_input){
		.release = &w->release, .scopes = w->scopes,
		.destination_ns = "n1", .app_id = "shop", .record = &w->record,
		.live = &w->live, .prune_allowed = pick(w, 4),
	};
	generate_rules(w);
}

static void destroy(struct universe *w)
{
	HASH_CLEAR(hh, w->live.by_key);
	record_deinit(&w->record);
	arena_deinit(&w->arena);
}

static void print_tasks(const struct task *t, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		objkey_format(&t[i].key, out);
		buf_addf(out, " %d %s %d.%d.%d %s %s %d%d\n", t[i].casenr,
			 task_verb_str(t[i].verb), t[i].wave, t[i].step, t[i].rank,
			 t[i].uid, t[i].why, t[i].adopt, t[i].look);
	}
}

static char *plan_text(const struct universe *w)
{
	struct buf out = BUF_INIT;
	struct plan p;

	plan_build(&w->in, &p);
	print_tasks(p.tasks.data, p.tasks.len, &out);
	buf_adds(&out, "then\n");
	print_tasks(p.prunes.data, p.prunes.len, &out);
	plan_deinit(&p);
	return buf_steal(&out, NULL);
}

static void shuffle(struct universe *w)
{
	for (size_t i = w->release.n_objects; i > 1; i--) {
		size_t j = pick(w, (unsigned)i);
		struct rendered r = w->release.objects[i - 1];
		struct scope s = w->scopes[i - 1];

		w->release.objects[i - 1] = w->release.objects[j];
		w->scopes[i - 1] = w->scopes[j];
		w->release.objects[j] = r;
		w->scopes[j] = s;
	}
}

#define N_SEEDS 400
static unsigned seed_running;

#define for_each_universe(w)                                                  \
	for (seed_running = 1; seed_running <= N_SEEDS &&                     \
	     (generate(&(w), seed_running), 1); seed_running++, destroy(&(w)))

static int tell_seed(void **state)
{
	(void)state;
	if (seed_running && seed_running <= N_SEEDS)
		print_error("with seed %u\n", seed_running);
	seed_running = 0;
	return 0;
}

static void input_order_does_not_matter(void **state)
{
	struct universe w;

	(void)state;
	for_each_universe(w) {
		_cleanup_free_ char *a = plan_text(&w), *b = NULL;

		shuffle(&w);
		b = plan_text(&w);
		if (strcmp(a, b))
			fail_msg("%s\n%s", a, b);
	}
}

static bool in_release(const struct universe *w, const struct objkey *k)
{
	for (size_t i = 0; i < w->release.n_objects; i++) {
		const struct rendered *r = &w->release.objects[i];
		const char *ns = r->ns[0] || !w->scopes[i].namespaced ? r->ns : "n1";
		struct objkey o = { r->group, r->kind, ns, r->name };

		if (!objkey_cmp(k, &o))
			return true;
	}
	return false;
}

static void check_prune(struct universe *w, const struct task *t)
{
	struct inv_entry *e = record_inv(&w->record, &t->key);
	struct live *l = live_find(&w->live, &t->key);

	assert_false(in_release(w, &t->key));
	assert_non_null(e);
	if (t->verb != TASK_PRUNE)
		return;
	assert_true(w->in.prune_allowed);
	assert_true(t->uid[0]);
	if (w->in.others) {
		assert_string_not_equal(t->key.name, "n4");
		assert_string_not_equal(t->key.group, "example.com");
	}
	assert_true(t->look == !l);
	if (t->look)	/* reads, and deletes nothing */
		return;
	assert_true(w->policy.going || !(e->flags & OBJ_KEEP));
	assert_true(!kind_is_data(t->key.group, t->key.kind) || e->approved ||
		    (w->policy.confirm && w->policy.confirmed));
	assert_true(!l || !l->owned);
	assert_true(!l || !strcmp(l->uid, t->uid));
	assert_true(!l || strcmp(l->app_id, "other"));
	if (!e->uid[0])
		assert_int_equal(t->casenr, 13);
	else
		assert_string_equal(t->uid, e->uid);
}

static void check_limit(struct universe *w, const struct plan *p)
{
	size_t unasked = 0, asks = 0;

	for (size_t i = 0; i < p->prunes.len; i++) {
		const struct task *t = &p->prunes.data[i];

		asks += t->verb == TASK_ASK;
		unasked += t->verb == TASK_PRUNE && !t->look &&
			   !record_inv(&w->record, &t->key)->approved;
	}
	assert_int_equal(asks, p->n_ask);
	assert_true(w->policy.unlimited ||
		    !plan_prunes_too_many(unasked, p->tasks.len, w->record.inventory.len,
					  w->policy.allow_empty));
}

/* Never an object of the release, never without a uid but in case 13. */
static void prunes_are_safe(void **state)
{
	struct universe w;
	size_t n = 0;

	(void)state;
	for_each_universe(w) {
		struct plan p;

		plan_build(&w.in, &p);
		for (size_t i = 0; i < p.prunes.len; i++)
			check_prune(&w, &p.prunes.data[i]);
		check_limit(&w, &p);
		n += p.n_prune;
		plan_deinit(&p);
	}
	assert_true(n > 500);
}

/* Every object has one task, and nobody else's is applied. */
static void tasks_are_whole(void **state)
{
	struct universe w;

	(void)state;
	for_each_universe(w) {
		size_t hooks = 0;
		struct plan p;

		for (size_t i = 0; i < w.release.n_objects; i++)
			hooks += w.release.objects[i].flags == OBJ_HOOK;
		plan_build(&w.in, &p);
		assert_int_equal(p.tasks.len + hooks, w.release.n_objects);
		for (size_t i = 0; i < p.tasks.len; i++) {
			const struct task *t = &p.tasks.data[i];
			struct live *l = live_find(&w.live, &t->key);

			assert_true(in_release(&w, &t->key));
			if (l && !strcmp(l->app_id, "other"))
				assert_true(t->verb == TASK_REFUSE || t->verb == TASK_WAIT ||
					    (w.in.others && !strcmp(t->key.name, "n3")));
			if (t->adopt)
				assert_string_equal(t->uid, l->uid);
			assert_int_equal(t->look, t->verb == TASK_APPLY && !l);
			if (i)
				assert_true(t[-1].wave <= t->wave);
		}
		plan_deinit(&p);
	}
}

/* What the engine does when a task succeeds, in short. */
static void succeed(struct universe *w, const struct task *t)
{
	struct inv_entry *e = record_inv_add(&w->record, &t->key, "op9");
	struct live *l = live_find(&w->live, &t->key);

	if (l)
		HASH_DEL(w->live.by_key, l);
	add_live(w, &t->key, t->uid[0] ? t->uid : "fresh", "shop", "f9");
	l = live_find(&w->live, &t->key);
	l->deleting = l->owned = false;
	strcpy(e->uid, l->uid);
	strcpy(e->fingerprint, "f9");
	strcpy(e->digest, w->release.objects[t->object].digest);
}

static void after_success_all_is_kept(void **state)
{
	struct universe w;

	(void)state;
	for_each_universe(w) {
		struct plan p, again;

		plan_build(&w.in, &p);
		for (size_t i = 0; i < p.tasks.len; i++)
			if (p.tasks.data[i].verb == TASK_APPLY)
				succeed(&w, &p.tasks.data[i]);
		plan_build(&w.in, &again);
		assert_int_equal(again.n_apply, 0);
		for (size_t i = 0; i < again.tasks.len; i++)
			if (p.tasks.data[i].verb == TASK_APPLY)
				assert_int_equal(again.tasks.data[i].verb, TASK_KEEP);
		plan_deinit(&p);
		plan_deinit(&again);
	}
}

static void guard_holds_mass_prunes(void **state)
{
	static const struct {
		size_t tasks, prunes, inventory;
		bool allow_empty, want;
	} cases[] = {
		{ 5, 10, 12, false, false }, { 5, 11, 50, false, true },
		{ 5, 20, 100, false, false }, { 5, 21, 100, false, true },
		{ 5, 21, 100, true, true }, { 0, 1, 1, false, true },
		{ 0, 1, 1, true, false }, { 0, 500, 500, true, false },
		{ 0, 0, 5, false, false }, { 1, 1, 1, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (plan_prunes_too_many(cases[i].prunes, cases[i].tasks,
					 cases[i].inventory, cases[i].allow_empty) !=
		    cases[i].want)
			fail_msg("case %zu", i);
}

static void kinds_of_data(void **state)
{
	(void)state;
	assert_true(kind_is_data("", "PersistentVolumeClaim"));
	assert_true(kind_is_data("", "Namespace"));
	assert_true(kind_is_data("argoproj.io", "AppProject"));
	assert_false(kind_is_data("example.com", "Namespace"));
	assert_false(kind_is_data("", "ConfigMap"));
	assert_int_equal(kind_rank("", "Namespace"), 0);
	assert_true(kind_rank("apps", "Deployment") > kind_rank("", "Service"));
	assert_int_equal(kind_rank("a", "X"), kind_rank("b", "Y"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(input_order_does_not_matter, tell_seed),
		cmocka_unit_test_teardown(prunes_are_safe, tell_seed),
		cmocka_unit_test_teardown(tasks_are_whole, tell_seed),
		cmocka_unit_test_teardown(after_success_all_is_kept, tell_seed),
		cmocka_unit_test(guard_holds_mass_prunes),
		cmocka_unit_test(kinds_of_data),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
