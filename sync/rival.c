/* Facts from the workload's own counts; in doubt it runs, but not for ever. */
#include "rival.h"

#include <string.h>

#include "core/doc.h"
#include "core/mem.h"
#include "glob.h"

struct rival_pods rival_read(const json_t *workload)
{
	return (struct rival_pods){
		.wanted = doc_get_int(workload, 1, "spec", "replicas", NULL),
		.pods = doc_get_int(workload, 0, "status", "replicas", NULL),
		.ready = doc_get_int(workload, 0, "status", "readyReplicas", NULL),
	};
}

bool rival_runs(const struct rival_pods *p, uint64_t unready_since, uint64_t now,
		uint64_t *ret_again)
{
	*ret_again = 0;
	if (p->ready > 0)
		return true;
	if (p->wanted <= 0 && p->pods <= 0)
		return false;
	if (now >= unready_since + RIVAL_STARTS_MS)
		return false;
	*ret_again = unready_since + RIVAL_STARTS_MS;
	return true;
}

static bool matches(const char *pattern, const char *ns)
{
	size_t n = strlen(pattern);

	if (n > 1 && pattern[0] == '/' && pattern[n - 1] == '/')
		return true;
	return n && glob_match(pattern, ns, 0) != 0;
}

bool rival_serves(const char *home, const char *list, const char *ns)
{
	_cleanup_free_ char *copy = xstrdup(list ? list : "");
	char *rest = NULL;

	if (!strcmp(home, ns))
		return true;
	for (char *s = strtok_r(copy, ", \t\n", &rest); s;
	     s = strtok_r(NULL, ", \t\n", &rest))
		if (matches(s, ns))
			return true;
	return false;
}
