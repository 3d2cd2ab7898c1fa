/*
 * Pods, by the tag of their image: scheduled, pending, then running and ready, or
 * bad (cannot be pulled), crash (restarts for ever), noready (runs, never ready).
 * And what the other controllers share.
 */
#include "apictl.h"

const char *ctl_str(const json_t *o, const char *a, const char *b)
{
	const char *s = doc_get_str(o, a, b, NULL);

	return s ? s : "";
}

int64_t ctl_num(const json_t *o, const char *a, const char *b, int64_t fallback)
{
	return doc_get_int(o, fallback, a, b, NULL);
}

void ctl_set_status(struct apisim *a, const struct api_object *o, json_t *status)
{
	api_patch_as(a, KCM, o->type, doc_get_str(o->json, "metadata", "namespace", NULL),
		     ctl_str(o->json, "metadata", "name"), "status",
		     json_pack("{s:o}", "status", status));
}

/* A condition that keeps its transition time while its status does not change. */
json_t *ctl_condition(struct apisim *a, const json_t *object, const char *type,
			 const char *status, const char *reason, const char *message,
			 bool update_time)
{
	const json_t *list = doc_get(object, "status", "conditions", NULL);
	const char *since = NULL, *updated = NULL;
	char now[32];
	json_t *c;

	api_now(a, now);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *old = json_array_get(list, i);

		if (strcmp(doc_get_str(old, "type", NULL), type) ||
		    strcmp(doc_get_str(old, "status", NULL), status))
			continue;
		since = doc_get_str(old, "lastTransitionTime", NULL);
		if (!strcmp(ctl_str(old, "reason", NULL), reason))
			updated = doc_get_str(old, "lastUpdateTime", NULL);
	}
	c = json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", type, "status", status,
		      "lastTransitionTime", since ? since : now, "reason", reason,
		      "message", message);
	if (update_time)
		json_object_set_new(c, "lastUpdateTime",
				    json_string(updated ? updated : now));
	return c;
}

enum fate { FATE_FINE, FATE_BAD, FATE_CRASH, FATE_NOREADY };

static enum fate fate_of(const struct apisim *a, const json_t *pod_spec)
{
	static const char *const words[] = {
		[FATE_BAD] = "bad", [FATE_CRASH] = "crash",
		[FATE_NOREADY] = "noready",
	};
	const json_t *list = doc_get(pod_spec, "containers", NULL);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *image = ctl_str(json_array_get(list, i), "image", NULL);
		const char *tag = strrchr(image, ':');

		for (int f = FATE_BAD; tag && f <= FATE_NOREADY; f++)
			if (strstr(tag, words[f]))
				return f == FATE_BAD && a->options.pushed &&
				       strstr(tag, a->options.pushed) ? FATE_FINE :
				       (enum fate)f;
	}
	return FATE_FINE;
}

static json_t *container_state(enum fate f, const char *now, int64_t restarts)
{
	switch (f) {
	case FATE_BAD:
		return json_pack("{s:{s:{s:s, s:s}}, s:b, s:i}", "state", "waiting",
			"reason", "ImagePullBackOff", "message",
			"Back-off pulling image", "ready", 0, "restartCount", 0);
	case FATE_CRASH:
		return json_pack("{s:{s:{s:s, s:s}}, s:{s:{s:i, s:s, s:s}}, s:b, s:I}",
			"state", "waiting", "reason", "CrashLoopBackOff", "message",
			"back-off restarting failed container", "lastState",
			"terminated", "exitCode", 1, "reason", "Error", "finishedAt",
			now, "ready", 0, "restartCount", (json_int_t)restarts);
	case FATE_NOREADY:
	case FATE_FINE:
		break;
	}
	return json_pack("{s:{s:{s:s}}, s:b, s:i}", "state", "running", "startedAt", now,
			 "ready", f == FATE_FINE, "restartCount", 0);
}

static json_t *pod_statuses(const json_t *pod, enum fate f, const char *now,
			    int64_t restarts)
{
	const json_t *list = doc_get(pod, "spec", "containers", NULL);
	json_t *out = json_array();

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *c = json_array_get(list, i);
		json_t *s = container_state(f, now, restarts);

		json_object_set(s, "name", json_object_get(c, "name"));
		json_object_set(s, "image", json_object_get(c, "image"));
		json_array_append_new(out, s);
	}
	return out;
}

static void start_pod(struct apisim *a, struct api_object *o)
{
	enum fate f = fate_of(a, doc_get(o->json, "spec", NULL));
	const json_t *old = doc_get(o->json, "status", "containerStatuses", NULL);
	int64_t restarts = doc_get_int(json_array_get(old, 0), 0, "restartCount", NULL);
	const char *ready = f == FATE_FINE ? "True" : "False";
	char now[32];

	api_now(a, now);
	restarts = f == FATE_CRASH ? restarts + 1 : 0;
	ctl_set_status(a, o, json_pack("{s:s, s:s, s:o, s:[o, o, o]}",
		"phase", f == FATE_BAD ? "Pending" : "Running", "startTime", now,
		"containerStatuses", pod_statuses(o->json, f, now, restarts),
		"conditions",
		ctl_condition(a, o->json, "PodScheduled", "True", "Scheduled", "", false),
		ctl_condition(a, o->json, "ContainersReady", ready,
			  f == FATE_FINE ? "Started" : "ContainersNotReady", "", false),
		ctl_condition(a, o->json, "Ready", ready,
			  f == FATE_FINE ? "Started" : "ContainersNotReady", "",
			  false)));
}

static uint64_t pod_delay(struct apisim *a)
{
	return a->options.pod_start_ms ? a->options.pod_start_ms :
	       sim_between(a->sim, 200, 2000);
}

static bool of_job(const json_t *pod)
{
	return doc_get(pod, "metadata", "labels", "job-name", NULL) != NULL;
}

static void finish_job_pod(struct apisim *a, struct api_object *o)
{
	enum fate f = fate_of(a, doc_get(o->json, "spec", NULL));

	if (f == FATE_BAD || f == FATE_NOREADY)
		return;
	ctl_set_status(a, o, json_pack("{s:s}", "phase", f == FATE_CRASH ? "Failed" :
				   "Succeeded"));
}

/* Others may look at it before its time is over; stamps are whole seconds. */
static bool still_starts(struct apisim *a, const struct api_object *o)
{
	int64_t began = time_parse_rfc3339(ctl_str(o->json, "status", "startTime"));

	return a->options.pod_start_ms &&
	       SIM_EPOCH + (int64_t)sim_now(a->sim) < began + a->options.pod_start_ms;
}

void ctl_pod(struct apisim *a, struct api_object *o)
{
	const char *phase = ctl_str(o->json, "status", "phase");
	enum fate f = fate_of(a, doc_get(o->json, "spec", NULL));
	const json_t *cs = doc_get(o->json, "status", "containerStatuses", NULL);

	if (!*ctl_str(o->json, "spec", "nodeName")) {
		api_patch_as(a, "kube-scheduler", o->type,
			     ctl_str(o->json, "metadata", "namespace"),
			     ctl_str(o->json, "metadata", "name"), NULL,
			     json_pack("{s:{s:s}}", "spec", "nodeName", "node-1"));
	} else if (!*phase) {
		ctl_set_status(a, o, json_pack("{s:s}", "phase", "Pending"));
	} else if (!strcmp(phase, "Pending") && !cs) {
		/* joins one look only: the marker is the condition below */
		if (!doc_get(o->json, "status", "startTime", NULL)) {
			char now[32];

			api_now(a, now);
			ctl_set_status(a, o, json_pack("{s:s}", "startTime", now));
			api_look(a, o->key, pod_delay(a));
		} else if (still_starts(a, o)) {
			api_look(a, o->key, 1000);
		} else {
			start_pod(a, o);
		}
	} else if (!strcmp(phase, "Running") && of_job(o->json)) {
		finish_job_pod(a, o);
	} else if (f == FATE_FINE && !strcmp(phase, "Pending")) {
		start_pod(a, o);	/* its image came after all */
	} else if (f == FATE_CRASH && doc_get_int(json_array_get(cs, 0), 0,
						  "restartCount", NULL) < 8) {
		start_pod(a, o);
	}
}

