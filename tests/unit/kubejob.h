/* kubejob.h - a Kubernetes client in a fake world, and requests that remember. */
#ifndef UNIT_KUBEJOB_H
#define UNIT_KUBEJOB_H

#include "core/kube.h"
#include "fakeworld.h"

struct lab {
	struct fake *f;
	struct kube *k;
	struct http_endpoint endpoint;
};

/* A request that remembers how it ended. */
struct job {
	struct kube_request r;
	struct lab *lab;
	unsigned done;
	int status;
	struct err err;
	char reason[64], etag[64], *answer, *name;
	void (*then)(struct job *j);
};

struct lab lab_new(struct kube_limits limits);
void lab_free(struct lab *l);

/* Requests for ConfigMap ns/a (or another name), to be started with job_start. */
struct job get_job(const char *name);
struct job create_job(void);
struct job apply_job(void);
void job_start(struct lab *l, struct job *j);
void job_deinit(struct job *j);

extern const struct kube_ref CM;

#endif
