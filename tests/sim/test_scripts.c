/* Health by the scripts of argocd-cm: waves wait for it, and its troubles are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "health/script.h"
#include "scenes.h"

/* What each judgement of this world does: runs the script, or loses the worker. */
struct judge {
	struct engsim *x;
	bool dies;
	unsigned asked;
};

static int judge(struct sim *s, void *arg, const void *request, size_t len,
		 struct buf *answer, struct err *err)
{
	static const struct script_limits limits = SCRIPT_LIMITS;
	_cleanup_free_ char *script = NULL;
	_cleanup_json_ json_t *object = NULL;
	struct judge *j = arg;
	struct health h;

	(void)s;
	j->asked++;
	if (j->dies)
		return err_set(err, ERR_TIMEOUT, "killed after 5000 ms");
	if (script_request_decode(request, len, &script, &object, err))
		return -1;
	h = script_run(script, object, &limits);
	script_answer_encode(&h, answer);
	return 0;
}

static void begin(struct engsim *x, struct judge *j, uint64_t seed)
{
	scene_init(x, seed);
	*j = (struct judge){ .x = x };
	sim_set_worker(x->s, WORKER_HEALTH, judge, j);
}

static void put_scripts(struct engsim *x, const char *ns, const char *script)
{
	_cleanup_json_ json_t *o = json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s}}",
		"apiVersion", "v1", "kind", "ConfigMap", "metadata", "name",
		"argocd-cm", "namespace", ns, "data",
		"resource.customizations.health.ConfigMap", script);
	_cleanup_buf_ struct buf text = BUF_INIT;

	doc_write(o, &text);
	apisim_apply(x->api, buf_str(&text));
}

#define BY_VALUE							      \
	"local v = obj.data.key\n"					      \
	"if v == 'wait' then return { status = 'Progressing', message = 'not yet' } end\n" \
	"if v == 'bad' then return { status = 'Degraded', message = 'no good' } end\n"	   \
	"return { status = 'Healthy', message = v }"

static void put_map(struct engsim *x, const char *name, const char *value, int wave)
{
	_cleanup_free_ char *text = engsim_configmap(name, value, wave);
	_cleanup_free_ char *file = xasprintf("%s.yaml", name);

	engsim_commit(x, file, text);
}

/* What the Application says of ConfigMap "extra": "Healthy: words", "" = nothing. */
static const char *extra(struct engsim *x, char out[300])
{
	const json_t *list = doc_get(engsim_status(x, "shop"), "resources", NULL), *r;
	size_t i;

	*out = '\0';
	json_array_foreach((json_t *)list, i, r) {
		const char *status = doc_get_str(r, "health", "status", NULL);
		const char *message = doc_get_str(r, "health", "message", NULL);

		if (!strcmp(doc_get_str(r, "name", NULL), "extra") && status)
			snprintf(out, 300, "%s: %s", status, message ? message : "");
	}
	return out;
}

static bool extra_is(void *arg)
{
	struct engsim *x = arg;
	char now[300];

	return strstr(extra(x, now), x->want_name) == now &&
	       (*x->want_name || !*now);
}

static void until(struct engsim *x, const char *want)
{
	x->want_name = want;
	scene_until(x, extra_is, LONG, want);
}

static void an_object_is_judged_by_its_script(void **state)
{
	struct engsim x;
	struct judge j;

	(void)state;
	begin(&x, &j, 3100);
	put_scripts(&x, "argocd", BY_VALUE);
	put_map(&x, "extra", "fine", 0);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	until(&x, "Healthy: fine");
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "health", "status",
					NULL), "Healthy");
	put_map(&x, "extra", "bad", 0);
	until(&x, "Degraded: no good");
	assert_string_equal(doc_get_str(engsim_status(&x, "shop"), "health", "status",
					NULL), "Degraded");
	put_map(&x, "extra", "better", 0);
	until(&x, "Healthy: better");
	scene_end(&x, true);
}

/* Nothing changes: nothing is judged anew. */
static void what_was_judged_is_not_judged_again(void **state)
{
	struct engsim x;
	struct judge j;
	unsigned asked;

	(void)state;
	begin(&x, &j, 3105);
	put_scripts(&x, "argocd", BY_VALUE);
	put_map(&x, "extra", "fine", 0);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	until(&x, "Healthy: fine");
	asked = j.asked;
	put_scripts(&x, "argocd", BY_VALUE);	/* the same words */
	sim_run_for(x.s, 60000);
	assert_int_equal(j.asked, asked);
	scene_end(&x, true);
}

static void a_wave_waits_for_what_its_script_says(void **state)
{
	struct engsim x;
	struct judge j;

	(void)state;
	begin(&x, &j, 3110);
	put_scripts(&x, "argocd", BY_VALUE);
	put_map(&x, "extra", "wait", -1);
	engsim_start(&x);
	until(&x, "Progressing: not yet");
	sim_run_for(x.s, 10000);
	assert_string_equal(scene_tag(&x), "");
	put_map(&x, "extra", "fine", -1);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_string_equal(scene_tag(&x), "v1");
	scene_end(&x, true);
}

static void another_script_judges_anew(void **state)
{
	struct engsim x;
	struct judge j;

	(void)state;
	begin(&x, &j, 3120);
	put_map(&x, "extra", "fine", 0);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	until(&x, "");
	put_scripts(&x, "argocd", BY_VALUE);
	until(&x, "Healthy: fine");
	put_scripts(&x, "argocd", "return { status = 'Suspended', message = 'x' }");
	until(&x, "Suspended: x");
	put_scripts(&x, "argocd", "return obj.nothing.more");
	until(&x, "Unknown: health.lua:1: attempt to index a nil value");
	/* Our own namespace's comes first. */
	put_scripts(&x, "syncd-system", "return { status = 'Healthy', message = 'own' }");
	until(&x, "Healthy: own");
	apisim_delete(x.api, "configmaps", "syncd-system", "argocd-cm");
	until(&x, "Unknown: ");
	apisim_delete(x.api, "configmaps", "argocd", "argocd-cm");
	until(&x, "");
	/* A tenant's namespace is not asked. */
	put_scripts(&x, "shop", "return { status = 'Degraded', message = 'mine' }");
	sim_run_for(x.s, 20000);
	until(&x, "");
	scene_end(&x, true);
}

/* Three workers lost in a row: the script is given up until it is mended. */
static void a_script_that_kills_its_worker_is_given_up(void **state)
{
	struct engsim x;
	struct judge j;
	unsigned asked;

	(void)state;
	begin(&x, &j, 3130);
	j.dies = true;
	put_scripts(&x, "argocd", BY_VALUE);
	put_map(&x, "extra", "1", 0);
	engsim_start(&x);
	until(&x, "Unknown: its health script: killed after 5000 ms");
	put_map(&x, "extra", "2", 0);
	sim_run_for(x.s, 30000);
	put_map(&x, "extra", "3", 0);
	until(&x, "Unknown: the health script of ConfigMap in argocd-cm was given up, "
	      "mend it there: killed after 5000 ms");
	asked = j.asked;
	assert_true(asked >= 3);
	put_map(&x, "extra", "4", 0);
	sim_run_for(x.s, 30000);
	assert_int_equal(j.asked, asked);
	j.dies = false;
	put_scripts(&x, "argocd", BY_VALUE "\n");
	until(&x, "Healthy: 4");
	scene_end(&x, true);
}

static bool no_maps(void *arg, const char *user, const char *verb,
		    const char *resource, const char *ns)
{
	(void)arg;
	(void)user;
	(void)verb;
	return !strcmp(resource, "configmaps") && ns && !strcmp(ns, "argocd");
}

/* Who may not read it lives without. */
static void a_map_that_may_not_be_read_holds_nothing(void **state)
{
	struct engsim x;
	struct judge j;

	(void)state;
	begin(&x, &j, 3140);
	apisim_set_authz(x.api, no_maps, NULL);
	put_map(&x, "extra", "fine", 0);
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", LONG);
	assert_int_equal(j.asked, 0);
	scene_end(&x, true);
}

/* More objects than the queue holds are read again, and all judged in the end. */
static void a_full_queue_loses_nothing(void **state)
{
	_cleanup_buf_ struct buf many = BUF_INIT;
	struct engsim x;
	struct judge j;

	(void)state;
	begin(&x, &j, 3150);
	buf_adds(&many, "apiVersion: v1\nkind: List\nitems:\n");
	for (int i = 0; i < 600; i++) {
		_cleanup_free_ char *one = xasprintf("m%03d", i);
		_cleanup_free_ char *text = engsim_configmap(i == 599 ? "extra" : one,
							     "fine", 0);

		buf_addf(&many, "- %s\n", text);
	}
	engsim_commit(&x, "many.yaml", buf_str(&many));
	engsim_start(&x);
	engsim_until_phase(&x, "shop", "Good", 600000);
	put_scripts(&x, "argocd", BY_VALUE);
	sim_run_for(x.s, 120000);
	assert_in_range(j.asked, 600, 620);
	until(&x, "Healthy: fine");
	scene_end(&x, true);
}

/* syncd.dev/health-after: unwell for a while after a change is Progressing. */
static void an_object_has_its_time(void **state)
{
	static const char map[] = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		"\"metadata\":{\"name\":\"extra\",\"annotations\":{"
		"\"syncd.dev/health-after\":\"%s\"}},\"data\":{\"key\":\"%s\"}}";
	_cleanup_free_ char *bad = xasprintf(map, "2m", "bad");
	_cleanup_free_ char *fine = xasprintf(map, "2m", "fine");
	_cleanup_free_ char *odd = xasprintf(map, "soon", "bad");
	struct engsim x;
	struct judge j;

	(void)state;
	begin(&x, &j, 3160);
	put_scripts(&x, "argocd", "if obj.data.key == 'again' then return { status = "
		    "'Progressing', message = 'no good' } end\n" BY_VALUE);
	engsim_commit(&x, "extra.yaml", bad);
	engsim_start(&x);
	until(&x, "Progressing: no good");
	sim_run_for(x.s, 60000);
	until(&x, "Progressing: no good");
	engsim_crash(&x);	/* begins no new time */
	engsim_start(&x);
	until(&x, "Progressing: no good");
	sim_run_for(x.s, 60000);
	until(&x, "Degraded: no good");
	engsim_commit(&x, "extra.yaml", fine);
	until(&x, "Healthy: fine");
	/* Held back, then Progressing in the same words: not Degraded in the end. */
	engsim_commit(&x, "extra.yaml", bad);
	until(&x, "Progressing: no good");
	apisim_edit(x.api, "kubectl", "applications.argoproj.io", "argocd", "shop",
		    "{\"spec\":{\"syncPolicy\":{\"automated\":{\"selfHeal\":false}}}}");
	apisim_edit(x.api, "kubectl-edit", "configmaps", "shop", "extra",
		    "{\"data\":{\"key\":\"again\"}}");
	sim_run_for(x.s, 240000);
	until(&x, "Progressing: no good");
	apisim_edit(x.api, "kubectl", "applications.argoproj.io", "argocd", "shop",
		    "{\"spec\":{\"syncPolicy\":{\"automated\":{\"selfHeal\":true}}}}");
	/* What is no duration is none. */
	engsim_commit(&x, "extra.yaml", odd);
	until(&x, "Degraded: no good");
	scene_end(&x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_is_judged_by_its_script),
		cmocka_unit_test(what_was_judged_is_not_judged_again),
		cmocka_unit_test(a_wave_waits_for_what_its_script_says),
		cmocka_unit_test(another_script_judges_anew),
		cmocka_unit_test(a_script_that_kills_its_worker_is_given_up),
		cmocka_unit_test(a_map_that_may_not_be_read_holds_nothing),
		cmocka_unit_test(an_object_has_its_time),
		cmocka_unit_test(a_full_queue_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
