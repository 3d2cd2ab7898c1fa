/* A Kubernetes client in a fake world, and requests that remember how they ended. */
#include "kubejob.h"

#include <stdio.h>

#include "core/doc.h"
#include "core/mem.h"

struct lab lab_new(struct kube_limits limits)
{
	struct lab l = { .f = fake_new(), .endpoint = { .url = "https://api" } };

	l.k = kube_new(fake_world(l.f), &l.endpoint, limits);
	return l;
}

void lab_free(struct lab *l)
{
	l->k = kube_free(l->k);
	fake_free(l->f);
}

static void on_done(struct kube_request *r, const struct err *err)
{
	struct job *j = container_of(r, struct job, r);

	j->done++;
	j->status = r->status;
	j->err = *err;
	snprintf(j->reason, sizeof(j->reason), "%s", r->reason);
	snprintf(j->etag, sizeof(j->etag), "%s", r->etag);
	free(j->answer);
	j->answer = xstrndup(r->answer, r->answer_len);
	free(j->name);
	j->name = xstrdup(doc_get_str(r->json, "name", NULL));
	if (j->then)
		j->then(j);
}

void job_start(struct lab *l, struct job *j)
{
	j->lab = l;
	j->r.on_done = on_done;
	kube_start(l->k, &j->r);
}

void job_deinit(struct job *j)
{
	kube_request_deinit(&j->r);
	free(j->answer);
	free(j->name);
}

const struct kube_ref CM = { "", "v1", "configmaps", "ns", "a", NULL };

struct job get_job(const char *name)
{
	struct job j = { 0 };
	struct kube_ref ref = CM;

	ref.name = name;
	kube_get_init(&j.r, &ref);
	return j;
}

struct job create_job(void)
{
	struct job j = { 0 };

	kube_create_init(&j.r, &CM, "syncd", "{}", 2);
	return j;
}

struct job apply_job(void)
{
	struct job j = { 0 };

	kube_apply_init(&j.r, &CM, "syncd", APPLY_FORCE, "{}", 2);
	return j;
}
