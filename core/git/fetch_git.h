/* fetch_git.h - fetch_run() with its deadlines open to tests. */
#ifndef CORE_GIT_FETCH_GIT_H
#define CORE_GIT_FETCH_GIT_H

#include "transport.h"

extern const struct fetch_limits fetch_limits_default;

int fetch_run_within(const struct fetch_request *r,
		     const struct fetch_limits *limits, struct fetch_answer *a,
		     struct err *err) __attribute__((warn_unused_result));

#endif
