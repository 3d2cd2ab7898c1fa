/*
 * Whole status documents: each scene below builds the facts, the document must be
 * tests/golden/statusdoc/NAME.json. UPDATE_GOLDEN=1 writes what we answer now.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/doc.h"
#include "sync/statusdoc.h"

#define SOURCE "{\"path\":\"shop\",\"repoURL\":\"https://git.example.com/shop\"}"
#define PIN_WHY "release #2 (1b77e90) was rejected: deployment/web: ImagePullBackOff"
#define REJECTED PIN_WHY "; running release #1 until something new is in Git"
#define T0 INT64_C(1772366400000)	/* 2026-03-01T12:00:00Z */
#define SECONDS(n) (T0 + (n) * 1000)

/* The shop: a ConfigMap in wave 0, a Service and a Deployment in wave 1. */
struct scene {
	struct app_spec spec;
	struct record record;
	struct live_index live;
	struct render_answer release;
	struct rendered objects[3];
	struct scope scopes[3];
	struct plan plan;
	struct op_view op;
	struct status_view view;
};

static const struct { const char *group, *kind, *name, *images; int wave; }
things[] = {
	{ "", "ConfigMap", "settings", "", 0 },
	{ "", "Service", "web", "", 1 },
	{ "apps", "Deployment", "web", "registry.example.com/web:1 busybox:1", 1 },
};

static void add_release(struct scene *s, enum release_state state,
			const char *revision, int at)
{
	struct release *r = record_add_release(&s->record);

	r->state = state;
	snprintf(r->digest, sizeof(r->digest), "%064u", r->id);
	strcpy(r->revision, revision);
	r->author = xstrdup("Ada");
	r->subject = xstrdup("cache: raise ttl");
	r->initiated_by = xstrdup(r->id == 1 ? "grace" : "automated");
	r->n_objects = 3;
	r->created_ms = SECONDS(at);
	if (state == RELEASE_CANDIDATE)
		return;
	r->deployed_ms = SECONDS(at + 20);
	r->decided_ms = SECONDS(at + 140);
}

static void add_live(struct scene *s, size_t i, enum health_status health,
		     const char *message)
{
	struct live *l = xcalloc(1, sizeof(*l));

	l->key = xasprintf("%s%s%s/prod/%s", things[i].group, i == 2 ? "/" : "",
			   things[i].kind, things[i].name);
	snprintf(l->uid, sizeof(l->uid), "u%zu", i);
	strcpy(l->fingerprint, "f1");
	l->app_id = xstrdup("shop");
	l->health.status = health;
	strcpy(l->health.message, message);
	HASH_ADD_KEYPTR(hh, s->live.by_key, l->key, strlen(l->key), l);
}

static void add_entry(struct scene *s, size_t i)
{
	struct objkey k = { things[i].group, things[i].kind, "prod", things[i].name };
	struct inv_entry *e = record_inv_add(&s->record, &k, "op1");

	snprintf(e->uid, sizeof(e->uid), "u%zu", i);
	strcpy(e->digest, "d1");
	strcpy(e->fingerprint, "f1");
	e->wave = things[i].wave;
	free(e->version);
	e->version = xstrdup("v1");
}

static void add_source(struct scene *s, const char *text)
{
	struct err err = ERR_INIT;
	struct app_source one = { .raw = doc_parse(text, strlen(text), &err) };

	assert_non_null(one.raw);
	vec_push(&s->spec.sources.list, one);
}

static void scene_init(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	s->spec.dest_ns = xstrdup("prod");
	s->spec.history_limit = 10;
	add_source(s, SOURCE);
	s->release = (struct render_answer){ .objects = s->objects, .n_objects = 3 };
	for (size_t i = 0; i < 3; i++) {
		s->objects[i] = (struct rendered){
			.group = (char *)things[i].group, .kind = (char *)things[i].kind,
			.version = "v1", .ns = "", .name = (char *)things[i].name,
			.wave = things[i].wave, .images = (char *)things[i].images,
			.digest = "d1",
		};
		s->scopes[i] = (struct scope){ true, true, true };
	}
	s->view = (struct status_view){
		.spec = &s->spec, .record = &s->record, .live = &s->live,
		.release = &s->release, .op = &s->op, .source_type = "Directory",
		.head = "1b77e90", .compared = true, .now_ms = SECONDS(300),
		.reconciled_ms = SECONDS(299), .leader = "syncd-7d9f-x2k",
	};
}

static void make_plan(struct scene *s)
{
	struct plan_input in = {
		.release = &s->release, .scopes = s->scopes, .destination_ns = "prod",
		.app_id = "shop", .record = &s->record, .live = &s->live,
		.prune_allowed = true,
	};

	plan_build(&in, &s->plan);
	s->view.plan = &s->plan;
}

static void add_result(struct scene *s, size_t i, const char *status,
		       const char *message)
{
	struct op_result r = {
		.group = (char *)things[i].group, .version = "v1",
		.kind = (char *)things[i].kind, .ns = "prod",
		.name = (char *)things[i].name, .status = status,
		.message = (char *)message };

	vec_push(&s->op.results, r);
}

static void scene_deinit(struct scene *s)
{
	struct live *l = s->live.by_key, *next;

	HASH_CLEAR(hh, s->live.by_key);
	for (; l; l = next) {
		next = l->hh.next;
		free(l->key);
		free(l->app_id);
		free(l);
	}
	free(s->spec.dest_ns);
	app_sources_deinit(&s->spec.sources);
	free(s->op.revisions);
	json_decref(s->op.asked);
	record_deinit(&s->record);
	plan_deinit(&s->plan);
	vec_deinit(&s->op.results);
}

static void check(const char *name, const struct scene *s, const json_t *previous)
{
	_cleanup_free_ char *path = xasprintf(SOURCE_DIR "/tests/golden/statusdoc/%s.json",
					      name);
	_cleanup_json_ json_t *got = status_build(&s->view, previous), *want = NULL;
	json_error_t why;

	if (getenv("UPDATE_GOLDEN"))
		assert_int_equal(json_dump_file(got, path, JSON_INDENT(1) |
						JSON_SORT_KEYS), 0);
	want = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
	if (!want)
		fail_msg("%s:%d: %s", path, why.line, why.text);
	if (!doc_equal(want, got)) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		doc_canonical(got, &text);
		fail_msg("%s: got %s", name, buf_str(&text));
	}
}

/* Nothing known yet: no field is invented. */
static void starting(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s);
	s.view.record = NULL;
	s.view.head = "";
	s.view.release = NULL;
	check("starting", &s, NULL);
	scene_deinit(&s);
}

/* Seen, compared, not synced: manual policy. */
static void never_synced(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s);
	make_plan(&s);
	check("never-synced", &s, NULL);
	scene_deinit(&s);
}

static void good(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s);
	add_release(&s, RELEASE_GOOD, "9f31c02", 0);
	s.record.target = s.record.last_good = 1;
	s.record.phase = PHASE_GOOD;
	s.record.phase_since_ms = SECONDS(140);
	for (size_t i = 0; i < 3; i++) {
		add_entry(&s, i);
		add_live(&s, i, i ? HEALTH_HEALTHY : HEALTH_NONE, "");
	}
	s.op = (struct op_view){
		.present = true, .phase = "Succeeded", .started_ms = SECONDS(0),
		.finished_ms = SECONDS(20), .revision = "9f31c02",
		.initiated_by = "grace", .message = "successfully synced" };
	s.op.asked = json_pack("{s{sb}}", "sync", "prune", 1);
	add_result(&s, 0, "Synced", "configmap/settings created");
	make_plan(&s);
	check("good", &s, NULL);
	scene_deinit(&s);
}

/* Wave 1 of a newer release waits for its Deployment; a deadline is set. */
static void settling(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s);
	add_release(&s, RELEASE_GOOD, "9f31c02", 0);
	add_release(&s, RELEASE_CANDIDATE, "1b77e90", 200);
	s.record.target = 2;
	s.record.last_good = 1;
	s.record.phase = PHASE_SETTLING;
	s.record.phase_since_ms = SECONDS(230);
	s.record.op = (struct op_record){
		.id = "op2", .kind = OP_SYNC, .release = 2, .started_ms = SECONDS(210),
		.deadline_ms = SECONDS(530), .wave = 1,
		.initiated_by = xstrdup("automated") };
	for (size_t i = 0; i < 3; i++) {
		add_entry(&s, i);
		add_live(&s, i, i == 2 ? HEALTH_PROGRESSING : HEALTH_HEALTHY,
			 i == 2 ? "Waiting for rollout to finish: 1 of 3" : "");
	}
	strcpy(record_inv(&s.record, &(struct objkey){ "", "Service", "prod", "web" })->
	       fingerprint, "f0");
	s.op = (struct op_view){
		.present = true, .phase = "Running", .started_ms = SECONDS(210),
		.revision = "1b77e90", .automated = true, .retries = 1 };
	add_result(&s, 0, "Synced", "");
	add_result(&s, 1, "SyncFailed", "refused");
	s.view.phase_message = "apps/Deployment/prod/web: 1 of 3 updated replicas are "
		"available; pod web-7f-x2: ImagePullBackOff: no such tag";
	make_plan(&s);
	check("settling", &s, NULL);
	scene_deinit(&s);
}

/* A hook's object counts neither for health nor for sync; its run is told. */
static void hooks(void **state)
{
	struct objkey k = { "apps", "Deployment", "prod", "web" };
	struct objkey gone = { "", "Service", "prod", "web" };
	struct hook_run *h;
	struct scene s;

	(void)state;
	scene_init(&s);
	add_release(&s, RELEASE_GOOD, "9f31c02", 0);
	s.record.target = s.record.last_good = 1;
	s.record.phase = PHASE_GOOD;
	s.objects[1].flags = s.objects[2].flags = OBJ_HOOK;
	s.objects[1].hook = s.objects[2].hook = (char *)"PreSync";
	add_entry(&s, 0);
	add_live(&s, 0, HEALTH_NONE, "");
	add_live(&s, 2, HEALTH_DEGRADED, "it failed");
	h = record_hook_plan(&s.record, &k, HOOK_POST_SYNC, "", "op1");
	strcpy(h->uid, "u2");
	free(h->version);
	h->version = xstrdup("v1");
	record_hook_plan(&s.record, &gone, HOOK_PRE_SYNC, "", "op1");
	s.op = (struct op_view){
		.present = true, .phase = "Running", .started_ms = SECONDS(210),
		.revision = "9f31c02", .automated = true, .message = "" };
	add_result(&s, 2, "Synced", "it failed");
	s.op.results.data[0].hook = "PostSync";
	s.op.results.data[0].hook_phase = "Failed";
	make_plan(&s);
	check("hooks", &s, NULL);
	scene_deinit(&s);
}

/* Reverted: the target is the last good release, Git's head is another. */
static void pinned(void **state)
{
	struct status_condition c = { "SyncError", REJECTED, 0 };
	_cleanup_json_ json_t *previous = NULL;
	struct scene s;

	(void)state;
	scene_init(&s);
	add_release(&s, RELEASE_GOOD, "9f31c02", 0);
	add_release(&s, RELEASE_REJECTED, "1b77e90", 150);
	s.record.releases.data[1].reason = xstrdup("deployment/web: ImagePullBackOff");
	s.record.releases.data[1].deployed_ms = 0;
	s.record.target = s.record.last_good = 1;
	s.record.phase = PHASE_PINNED;
	s.record.phase_since_ms = SECONDS(290);
	s.record.pin_why = xstrdup(PIN_WHY);
	s.record.pin_by = xstrdup("auto-revert");
	s.record.pin_since_ms = SECONDS(290);
	s.record.pin_rejected = 2;
	for (size_t i = 0; i < 3; i++) {
		add_entry(&s, i);
		add_live(&s, i, HEALTH_HEALTHY, "");
	}
	strcpy(s.objects[2].digest, "d2");	/* what Git wants */
	s.view.conditions = &c;
	s.view.n_conditions = 1;
	make_plan(&s);
	previous = json_pack("{s{ssss}s[{ssssss}]}", "health", "status", "Healthy",
			     "lastTransitionTime", "2026-03-01T12:00:09Z", "conditions",
			     "type", "SyncError", "message", REJECTED,
			     "lastTransitionTime", "2026-03-01T12:04:50Z");
	check("pinned", &s, previous);
	scene_deinit(&s);
}

/* Git cannot be read: what runs is still told, without a verdict. */
static void not_compared(void **state)
{
	struct status_condition c = { "ComparisonError", "cut \xe2\x80", SECONDS(250) };
	struct scene s;

	(void)state;
	scene_init(&s);
	add_release(&s, RELEASE_GOOD, "9f31c02", 0);
	s.record.target = s.record.last_good = 1;
	s.record.phase = PHASE_GOOD;
	for (size_t i = 0; i < 3; i++)
		add_entry(&s, i);
	add_live(&s, 0, HEALTH_NONE, "");
	add_live(&s, 2, HEALTH_DEGRADED, "Back-off pulling image");
	s.view.compared = false;
	s.view.conditions = &c;
	s.view.n_conditions = 1;
	check("not-compared", &s, NULL);
	scene_deinit(&s);
}

/* Soaking: the late prune waits and is shown, but the sync has succeeded. */
static void soaking(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s);
	add_release(&s, RELEASE_GOOD, "9f31c02", 0);
	add_release(&s, RELEASE_CANDIDATE, "1b77e90", 200);
	s.record.target = 2;
	s.record.last_good = 1;
	s.record.phase = PHASE_SOAKING;
	s.record.op = (struct op_record){ .id = "op2", .kind = OP_SYNC, .release = 2,
					  .started_ms = SECONDS(210), .wave = 1,
					  .applied = true };
	for (size_t i = 0; i < 3; i++) {
		add_entry(&s, i);
		add_live(&s, i, HEALTH_HEALTHY, "");
	}
	s.release.objects++;	/* without the ConfigMap */
	s.release.n_objects--;
	make_plan(&s);
	check("soaking", &s, NULL);
	s.record.op.applied = false;
	assert_int_equal(status_sync(&s.view), SYNC_OUT_OF_SYNC);
	scene_deinit(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starting),
		cmocka_unit_test(never_synced),
		cmocka_unit_test(good),
		cmocka_unit_test(settling),
		cmocka_unit_test(hooks),
		cmocka_unit_test(pinned),
		cmocka_unit_test(not_compared),
		cmocka_unit_test(soaking),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
