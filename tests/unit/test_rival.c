/* rival.h: when another controller runs, and for whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/rival.h"

static void it_runs_while_it_may_write(void **state)
{
	static const struct {
		const char *why, *workload;
		uint64_t unready_ms;	/* for so long */
		bool runs, again;
	} cases[] = {
		{ "ready", "{\"spec\":{\"replicas\":1},\"status\":{\"replicas\":1,"
		  "\"readyReplicas\":1}}", 0, true, false },
		{ "one of three shards is ready", "{\"spec\":{\"replicas\":3},\"status\":"
		  "{\"replicas\":3,\"readyReplicas\":1}}", 999999, true, false },
		{ "scaled away", "{\"spec\":{\"replicas\":0},\"status\":{}}", 0, false, false },
		{ "scaled away, its pod still ends", "{\"spec\":{\"replicas\":0},\"status\":"
		  "{\"replicas\":1}}", 1000, true, true },
		{ "its pod is being replaced", "{\"spec\":{\"replicas\":1},\"status\":"
		  "{\"replicas\":1}}", 119999, true, true },
		{ "it does not start", "{\"spec\":{\"replicas\":1},\"status\":"
		  "{\"replicas\":1}}", 120000, false, false },
		{ "made just now, replicas defaulted", "{\"spec\":{}}", 0, true, true },
		{ "nothing is written", "{}", 120000, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_json_ json_t *o = doc_parse(cases[i].workload,
			strlen(cases[i].workload), &(struct err){ .code = ERR_NONE });
		struct rival_pods p = rival_read(o);
		uint64_t again = 1, since = 5000000;
		bool runs = rival_runs(&p, since, since + cases[i].unready_ms, &again);

		if (runs != cases[i].runs || !!again != cases[i].again)
			fail_msg("%s: runs %d, again %llu", cases[i].why, runs,
				 (unsigned long long)again);
		if (again)
			assert_int_equal(again, since + RIVAL_STARTS_MS);
	}
}

static void it_serves_its_own_namespace_and_its_list(void **state)
{
	static const struct { const char *home, *list, *ns; bool serves; } cases[] = {
		{ "argocd", NULL, "argocd", true }, { "argocd", "", "team-a", false },
		{ "argocd", "team-a, team-b", "team-b", true },
		{ "argocd", "team-*", "team-x", true }, { "argocd", "*", "x", true },
		{ "argocd", "team-?", "team-xy", false },
		{ "argocd", "/^team-[0-9]+$/", "other", true },
		{ "argocd", "[", "x", true },	/* cannot be told: it may */
		{ "argocd2", "argocd", "team", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (rival_serves(cases[i].home, cases[i].list, cases[i].ns) !=
		    cases[i].serves)
			fail_msg("case %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_runs_while_it_may_write),
		cmocka_unit_test(it_serves_its_own_namespace_and_its_list),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
