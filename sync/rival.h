/*
 * rival.h - Argo CD's application controller, as its workload shows it: does it run,
 * and whose Applications does it serve? Pure.
 *
 *   ready  wanted  pods  unready for   it
 *   > 0    any     any   -             runs
 *   0      0       0     -             does not: scaled away, or gone
 *   0      > 0     any   < 2 min       runs: it starts, or is being replaced
 *   0      any     > 0   < 2 min       runs: it is on its way out
 *   0      else          >= 2 min      does not: it cannot start
 */
#ifndef SYNC_RIVAL_H
#define SYNC_RIVAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define RIVAL_NAME "argocd-application-controller"
#define RIVAL_STARTS_MS ((uint64_t)120000)

struct rival_pods {
	int64_t wanted, pods, ready;
};
/* Of a StatefulSet or Deployment. */
struct rival_pods rival_read(const json_t *workload);
/* unready_since: mono, since ready is 0. *ret_again: mono, look again then; 0. */
bool rival_runs(const struct rival_pods *p, uint64_t unready_since, uint64_t now,
		uint64_t *ret_again);
/*
 * Does a controller in namespace `home` serve the Applications of ns? list: its
 * application.namespaces (globs, or a regular expression between slashes, which is
 * taken to match), NULL: none.
 */
bool rival_serves(const char *home, const char *list, const char *ns);

#endif
