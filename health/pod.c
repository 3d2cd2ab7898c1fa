/*
 * Pods: the health of one that is managed, and what is wrong with one that a
 * workload made.
 *
 * health_pod() must not flap while a container goes round its crash loop
 * (waiting, running, terminated): it looks at the restarts and at how the last
 * run ended, not only at the state of the moment. A pod that is being deleted,
 * evicted or preempted complains of nothing: that is not the release's fault.
 */
#include <inttypes.h>
#include <string.h>

#include "core/mem.h"
#include "rules.h"

#define CRASH_RESTARTS 3
#define IGNORE_RESTART_POLICY "argocd.argoproj.io/ignore-restart-policy"

static bool str_is(const char *s, const char *want)
{
	return s && !strcmp(s, want);
}

static bool pod_ready(const json_t *pod)
{
	return cond_is(cond_find(pod, "Ready"), "True");
}

static bool waits_in_error(const char *reason)
{
	size_t n = strlen(reason);

	return !strncmp(reason, "Err", 3) ||
	       (n >= 5 && !strcmp(reason + n - 5, "Error")) ||
	       (n >= 7 && !strcmp(reason + n - 7, "BackOff"));
}

/* Messages of the containers that cannot start, or their reasons; false when there are none. */
static bool waiting_errors(const json_t *pod, struct buf *words)
{
	const json_t *list = doc_get(pod, "status", "containerStatuses", NULL);
	const json_t *item;
	bool any = false;
	size_t i;

	json_array_foreach(list, i, item) {
		const json_t *waiting = doc_get(item, "state", "waiting", NULL);

		if (!waits_in_error(cond_str(waiting, "reason")))
			continue;
		buf_addf(words, "%s%s", any ? ", " : "",
			 *cond_str(waiting, "message") ?
			 cond_str(waiting, "message") : cond_str(waiting, "reason"));
		any = true;
	}
	return any;
}

static bool fail_words(const json_t *list, struct buf *words)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		const json_t *end = doc_get(item, "state", "terminated", NULL);
		int64_t code = doc_get_int(end, 0, "exitCode", NULL);

		if (*cond_str(end, "message"))
			buf_adds(words, cond_str(end, "message"));
		else if (!strcmp(cond_str(end, "reason"), "OOMKilled"))
			buf_adds(words, "OOMKilled");
		else if (code)
			buf_addf(words, "container \"%s\" failed with exit code %"
				 PRId64, cond_str(item, "name"), code);
		else
			continue;
		return true;
	}
	return false;
}

static struct health pod_failed(const json_t *pod, const char *message)
{
	_cleanup_buf_ struct buf words = BUF_INIT_MAX(4096);

	if (*message)
		return health_text(HEALTH_DEGRADED, message);
	if (!fail_words(doc_get(pod, "status", "initContainerStatuses", NULL),
			&words))
		fail_words(doc_get(pod, "status", "containerStatuses", NULL),
			   &words);
	return health_text(HEALTH_DEGRADED, buf_str(&words));
}

static bool any_container_ended_before(const json_t *pod)
{
	const json_t *list = doc_get(pod, "status", "containerStatuses", NULL);
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		if (json_is_object(doc_get(item, "lastState", "terminated", NULL)))
			return true;
	}
	return false;
}

static struct health pod_running(const json_t *pod, const char *policy,
				 const char *message)
{
	bool serves = str_is(policy, "Always") ||
		      doc_get(pod, "metadata", "annotations",
			      IGNORE_RESTART_POLICY, NULL);

	/* OnFailure and Never are meant to end: running is not the goal. */
	if (!serves)
		return health_text(str_is(policy, "OnFailure") ||
				   str_is(policy, "Never") ?
				   HEALTH_PROGRESSING : HEALTH_UNKNOWN, message);
	if (pod_ready(pod))
		return health_text(HEALTH_HEALTHY, message);
	if (any_container_ended_before(pod))
		return health_text(HEALTH_DEGRADED, message);
	return health_text(HEALTH_PROGRESSING, message);
}

/* What holds it up, where status has no message: the first of these that speaks. */
static const char *pod_words(const json_t *pod, const struct pod_report *r)
{
	static const char *const steps[] = {
		"PodScheduled", "PodReadyToStartContainers", "Initialized",
		"ContainersReady", "Ready",
	};
	const char *message = cond_str(doc_get(pod, "status", NULL), "message");

	if (*message || r->trouble != POD_FINE)
		return *message ? message : r->message;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		const json_t *cond = cond_find(pod, steps[i]);

		if (cond_is(cond, "False") && *cond_str(cond, "message"))
			return cond_str(cond, "message");
	}
	return "";
}

struct health health_pod_object(const json_t *pod)
{
	const char *policy = doc_get_str(pod, "spec", "restartPolicy", NULL);
	const char *phase = doc_get_str(pod, "status", "phase", NULL);
	const char *message = cond_str(doc_get(pod, "status", NULL), "message");
	const struct pod_report report = health_pod(pod);
	_cleanup_buf_ struct buf words = BUF_INIT_MAX(4096);

	/* A hook's pod may yet get its image: only long-lived ones fail by waiting. */
	if (str_is(policy, "Always") && waiting_errors(pod, &words))
		return health_text(HEALTH_DEGRADED, buf_str(&words));
	if (str_is(phase, "Pending"))
		return health_text(HEALTH_PROGRESSING, pod_words(pod, &report));
	if (str_is(phase, "Succeeded"))
		return health_text(HEALTH_HEALTHY, message);
	if (str_is(phase, "Failed"))
		return pod_failed(pod, message);
	if (str_is(phase, "Running"))
		return pod_running(pod, policy, pod_ready(pod) ? message :
				   pod_words(pod, &report));
	return health_text(HEALTH_UNKNOWN, message);
}

/* Somebody takes the pod away: its exits say nothing about the release. */
static bool pod_disrupted(const json_t *pod)
{
	static const char *const reasons[] = {
		"Evicted", "Preempting", "NodeShutdown", "Shutdown", "NodeLost",
		"NodeAffinity", "Terminated", "UnexpectedAdmissionError",
	};
	const char *reason = cond_str(doc_get(pod, "status", NULL), "reason");

	if (doc_get_str(pod, "metadata", "deletionTimestamp", NULL) ||
	    cond_is(cond_find(pod, "DisruptionTarget"), "True"))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		if (!strcmp(reason, reasons[i]))
			return true;
	}
	return !strncmp(reason, "OutOf", 5);	/* OutOfcpu: lost a race for it */
}

static bool end_failed(const json_t *terminated)
{
	return doc_get_int(terminated, 0, "exitCode", NULL) != 0 ||
	       !strcmp(cond_str(terminated, "reason"), "OOMKilled");
}

static enum pod_trouble trouble_of(const char *reason)
{
	static const struct {
		const char *reason;
		enum pod_trouble trouble;
	} table[] = {
		{ "InvalidImageName", POD_IMAGE_NAME },
		{ "ErrImagePull", POD_PULL },
		{ "ImagePullBackOff", POD_PULL },
		{ "ErrImageNeverPull", POD_PULL },
		{ "ImageInspectError", POD_PULL },
		{ "RegistryUnavailable", POD_PULL },
		{ "SignatureValidationFailed", POD_PULL },
		{ "CreateContainerConfigError", POD_CONFIG },
		{ "CreateContainerError", POD_CONFIG },
		{ "RunContainerError", POD_CONFIG },
		{ "StartError", POD_CONFIG },
		{ "PostStartHookError", POD_CRASH },
		{ "CrashLoopBackOff", POD_CRASH },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (!strcmp(reason, table[i].reason))
			return table[i].trouble;
	}
	return POD_FINE;
}

static void report_set(struct pod_report *r, enum pod_trouble trouble,
		       const char *reason, const char *message)
{
	/* The first in the enum is the surest; the first container wins a tie. */
	if (trouble == POD_FINE ? *r->reason != '\0' :
	    r->trouble != POD_FINE && r->trouble <= trouble)
		return;
	r->trouble = trouble;
	text_copy(r->reason, sizeof(r->reason), reason);
	text_copy(r->message, sizeof(r->message), message);
}

static void describe(struct buf *out, const json_t *status, const char *words,
		     const json_t *end)
{
	buf_addf(out, "container \"%s\": %s", cond_str(status, "name"), words);
	if (json_is_object(end))
		buf_addf(out, "; last exit code %" PRId64 " (%s)",
			 doc_get_int(end, 0, "exitCode", NULL),
			 cond_str(end, "reason"));
}

/* Trouble of one container; its restarts have been added up already. */
static void container_trouble(struct pod_report *r, const json_t *status)
{
	const json_t *waiting = doc_get(status, "state", "waiting", NULL);
	const json_t *now = doc_get(status, "state", "terminated", NULL);
	const json_t *last = doc_get(status, "lastState", "terminated", NULL);
	const json_t *end = json_is_object(now) ? now : last;
	const char *reason = cond_str(waiting, "reason");
	const char *words = cond_str(waiting, "message");
	enum pod_trouble trouble = trouble_of(reason);
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(4096);

	if (trouble == POD_FINE && end_failed(end) &&
	    !doc_get_bool(status, false, "ready", NULL)) {
		trouble = POD_CRASH;
		reason = cond_str(end, "reason");
		words = "keeps failing";
	}
	if (trouble == POD_FINE)
		return;
	describe(&text, status, *words ? words : reason,
		 trouble == POD_CRASH ? end : NULL);
	/* It may yet come up, but what it says is worth telling. */
	if (trouble == POD_CRASH &&
	    doc_get_int(status, 0, "restartCount", NULL) < CRASH_RESTARTS)
		trouble = POD_FINE;
	report_set(r, trouble, *reason ? reason : "CrashLoopBackOff",
		   buf_str(&text));
}

static unsigned clamp(int64_t n)
{
	return n < 0 ? 0 : n > 1000000 ? 1000000 : (unsigned)n;
}

/* Every restart followed an exit; how the last run ended stands for all of them. */
static unsigned failed_exits(const json_t *status, unsigned restarts)
{
	const json_t *now = doc_get(status, "state", "terminated", NULL);
	const json_t *last = doc_get(status, "lastState", "terminated", NULL);
	unsigned n = 0;

	if (end_failed(last))
		n += restarts ? restarts : 1;
	if (end_failed(now))
		n++;
	return n;
}

static void look_at(struct pod_report *r, const json_t *list)
{
	const json_t *status;
	size_t i;

	json_array_foreach(list, i, status) {
		unsigned restarts =
			clamp(doc_get_int(status, 0, "restartCount", NULL));

		r->restarts = clamp((int64_t)r->restarts + restarts);
		r->failed_exits = clamp((int64_t)r->failed_exits +
					failed_exits(status, restarts));
		container_trouble(r, status);
	}
}

struct pod_report health_pod(const json_t *pod)
{
	const json_t *scheduled = cond_find(pod, "PodScheduled");
	struct pod_report r = { .trouble = POD_FINE };

	look_at(&r, doc_get(pod, "status", "initContainerStatuses", NULL));
	look_at(&r, doc_get(pod, "status", "containerStatuses", NULL));
	if (cond_is(scheduled, "False") &&
	    !strcmp(cond_str(scheduled, "reason"), "Unschedulable"))
		report_set(&r, POD_UNSCHEDULABLE, "Unschedulable",
			   cond_str(scheduled, "message"));
	if (pod_disrupted(pod))
		return (struct pod_report){ .restarts = r.restarts };
	r.ready = pod_ready(pod);
	return r;
}
