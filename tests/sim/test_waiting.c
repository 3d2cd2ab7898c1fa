/* While a sync still waits, people are told what its pods say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "scenes.h"

struct waiting {
	struct engsim x;	/* first: predicates get it */
	const char *words;
};

/* In the phase's words and in the operation's, while it is under way. */
static bool says(void *arg)
{
	struct waiting *w = arg;
	const json_t *status = engsim_status(&w->x, "shop");
	const char *phase = doc_get_str(status, "syncd", "message", NULL);
	const char *op = doc_get_str(status, "operationState", "message", NULL);

	return phase && op && !strcmp(phase, op) &&
	       !strncmp(op, "apps/Deployment/shop/web: Waiting for rollout to finish: ", 57) &&
	       strstr(op, "; pod web-") && strstr(op, w->words) &&
	       !strcmp(doc_get_str(status, "operationState", "phase", NULL), "Running");
}

static void tell(uint64_t seed, const char *tag, const char *words)
{
	struct waiting w = { .words = words };
	size_t before;

	scene_good(&w.x, seed);
	before = sim_count(w.x.s, 0, "GET", "/pods");
	scene_put(&w.x, tag);
	scene_until(&w.x, says, 30000, words);
	/* Nothing is asked for it: the watch of the new revision's pods knows. */
	assert_int_equal(sim_count(w.x.s, 0, "GET", "/pods") - before, 1);
	engsim_until_phase(&w.x, "shop", "Pinned", 300000);
	scene_end(&w.x, true);
}

static void an_image_that_cannot_be_pulled(void **state)
{
	(void)state;
	tell(2160, "bad2", ": ImagePullBackOff: container \"main\": Back-off pulling image");
}

/* Long before the third restart, from which on it is evidence. */
static void a_first_crash(void **state)
{
	(void)state;
	tell(2161, "crash2", ": CrashLoopBackOff: container \"main\": back-off restarting "
	     "failed container; last exit code 1 (Error)");
}

/* What is there already goes again when there is nothing more to wait for. */
static void nothing_is_left_of_it(void **state)
{
	struct waiting w = { .words = ": ImagePullBackOff: " };
	struct engsim *x = &w.x;

	(void)state;
	scene_good(x, 2162);
	scene_put(x, "bad2");
	scene_until(x, says, 30000, "the words of a pod");
	scene_put(x, "v3");
	scene_until_tag(x, "v3", LONG);
	engsim_until_phase(x, "shop", "Good", LONG);
	assert_null(doc_get(engsim_status(x, "shop"), "syncd", "message", NULL));
	assert_string_equal(doc_get_str(engsim_status(x, "shop"), "operationState", "message",
					NULL), "successfully synced (all tasks run)");
	scene_end(x, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_that_cannot_be_pulled),
		cmocka_unit_test(a_first_crash),
		cmocka_unit_test(nothing_is_left_of_it),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
