/*
 * syncctl pin, unpin, suspend, resume, pause, terminate: what stops things, and
 * what lets them go on. Each writes one field and says what it did.
 */
#include "syncctl.h"

#include "core/mem.h"

#include <stdio.h>

#define PIN "syncd.dev/pin"
#define SUSPEND "syncd.dev/suspend"
#define PAUSE "syncd-pause"
#define TRIES 5

static const char *user_name(void)
{
	const char *user = getenv("USER");

	return user && user[0] ? user : "syncctl";
}

/* -1 and EXIT_USAGE's message when --ttl is no duration. */
static int read_hold(const struct options *o, struct view_hold *h)
{
	struct err err = ERR_INIT;
	uint64_t ms;

	*h = (struct view_hold){ .by = user_name(), .reason = o->reason };
	if (!o->ttl)
		return 0;
	if (duration_parse(o->ttl, &ms, &err) || !ms || ms > INT64_MAX / 2) {
		output_usage("--ttl %s: want a duration such as 2h", o->ttl);
		return -1;
	}
	h->until_ms = output_env(o).now_ms + (int64_t)ms;
	return 0;
}

static void say_until(const struct view_hold *h)
{
	char until[32];

	if (!h->until_ms)
		return;
	time_rfc3339(h->until_ms, until);
	printf(" until %s", until);
}

/* Sets or takes off one annotation; the Application as it was, owned, or NULL. */
static json_t *annotate(struct cluster *c, const struct options *o, const char *key,
			const char *value, struct err *err)
{
	json_t *app = cluster_get(c, o->args[0], err);
	_cleanup_json_ json_t *patch = NULL;

	if (!app)
		return NULL;
	if (!value && !view_has_annotation(app, key))
		return app;
	patch = view_annotation_patch(key, value);
	if (!cluster_patch(c, o->args[0], patch, err))
		return app;
	json_decref(app);
	return NULL;
}

static int hold(struct cluster *c, const struct options *o, const char *key,
		const char *done)
{
	_cleanup_json_ json_t *app = NULL;
	_cleanup_free_ char *text = NULL;
	struct err err = ERR_INIT;
	struct view_hold h;

	if (read_hold(o, &h))
		return EXIT_USAGE;
	text = view_hold_text(&h);
	app = annotate(c, o, key, text, &err);
	if (!app)
		return output_error(&err);
	printf("%s is %s", o->args[0], done);
	say_until(&h);
	printf("; syncctl %s %s ends it\n", !strcmp(key, PIN) ? "unpin" : "resume",
	       o->args[0]);
	return EXIT_DONE;
}

static int pin(struct cluster *c, const struct options *o)
{
	return hold(c, o, PIN, "pinned to what runs");
}

static int suspend(struct cluster *c, const struct options *o)
{
	return hold(c, o, SUSPEND, "suspended: nothing is written for it");
}

static int unpin(struct cluster *c, const struct options *o)
{
	static const char *const options[] = { "syncd.dev/unpin=true", NULL };
	_cleanup_json_ json_t *app = NULL;
	struct err err = ERR_INIT;

	app = annotate(c, o, PIN, NULL, &err);
	if (!app)
		return output_error(&err);
	if (view_is_pinned_by_itself(app))
		return request_run(c, o, &(struct asking){ "unpin", options, NULL });
	if (!view_has_annotation(app, PIN)) {
		fprintf(stderr, "syncctl: %s is not pinned\n", o->args[0]);
		return EXIT_DIFFERENCE;
	}
	printf("%s is not pinned any more\n", o->args[0]);
	return EXIT_DONE;
}

static int resume(struct cluster *c, const struct options *o)
{
	_cleanup_json_ json_t *app = NULL;
	struct err err = ERR_INIT;

	app = annotate(c, o, SUSPEND, NULL, &err);
	if (!app)
		return output_error(&err);
	if (!view_has_annotation(app, SUSPEND)) {
		fprintf(stderr, "syncctl: %s is not suspended\n", o->args[0]);
		return EXIT_DIFFERENCE;
	}
	printf("%s goes on\n", o->args[0]);
	return EXIT_DONE;
}

/* ---- all of them ---- */

static struct kube_ref pause_map(struct cluster *c, const struct options *o,
				 struct err *err)
{
	return (struct kube_ref){ .version = "v1", .resource = "configmaps",
				  .ns = cluster_system_ns(c, o, NULL, err), .name = PAUSE };
}

static json_t *pause_body(const struct view_hold *h, const char *ns)
{
	json_t *data = json_object();
	char until[32];

	json_object_set_new(data, "by", json_string(h->by));
	if (h->reason)
		json_object_set_new(data, "reason", json_string(h->reason));
	if (h->until_ms) {
		time_rfc3339(h->until_ms, until);
		json_object_set_new(data, "until", json_string(until));
	}
	return json_pack("{sssss{ssss}so}", "apiVersion", "v1", "kind", "ConfigMap",
			 "metadata", "name", PAUSE, "namespace", ns, "data", data);
}

static int pause_all(struct cluster *c, const struct options *o)
{
	_cleanup_json_ json_t *body = NULL, *answer = NULL;
	struct err err = ERR_INIT;
	struct kube_ref ref = pause_map(c, o, &err);
	struct view_hold h;

	if (!ref.ns)
		return output_error(&err);
	if (read_hold(o, &h))
		return EXIT_USAGE;
	if (cluster_check_installed(c, ref.ns, &err))
		return output_error(&err);	/* nobody would read it */
	body = pause_body(&h, ref.ns);
	answer = cluster_apply(c, &ref, body, false, &err);
	if (!answer)
		return output_error(&err);
	printf("everything is paused");
	say_until(&h);
	printf(": nothing is written, the status goes on; syncctl resume --all ends it\n");
	return EXIT_DONE;
}

static int resume_all(struct cluster *c, const struct options *o)
{
	struct err err = ERR_INIT;
	struct kube_ref ref = pause_map(c, o, &err);

	if (!ref.ns)
		return output_error(&err);
	if (!cluster_delete(c, &ref, &err)) {
		printf("everything goes on\n");
		return EXIT_DONE;
	}
	if (err.code != ERR_NOTFOUND)
		return output_error(&err);
	err = ERR_INIT;
	if (cluster_check_installed(c, ref.ns, &err))
		return output_error(&err);
	fprintf(stderr, "syncctl: nothing is paused\n");
	return EXIT_DIFFERENCE;
}

/* ---- terminate ---- */

static bool is_over(const json_t *app, void *arg)
{
	(void)arg;
	return !app || !view_is_busy(app, NULL);
}

/* 1: there is nothing to end. */
static int try_to_end(struct cluster *c, const struct options *o, struct err *err)
{
	_cleanup_json_ json_t *app = cluster_get(c, o->args[0], err), *patch = NULL;
	const char *version;

	if (!app)
		return -1;
	if (!view_is_busy(app, NULL))
		return 1;
	version = doc_get_str(app, "metadata", "resourceVersion", NULL);
	patch = doc_get(app, "operation", NULL) ?
		json_pack("{s{ss}sn}", "metadata", "resourceVersion", version,
			  "operation") :
		json_pack("{s{ss}s{s{ss}}}", "metadata", "resourceVersion", version,
			  "status", "operationState", "phase", "Terminating");
	return cluster_patch(c, o->args[0], patch, err);
}

static int terminate(struct cluster *c, const struct options *o)
{
	int64_t timeout = output_timeout(o, 120000);
	struct err err = ERR_INIT;
	int r = -1;

	if (timeout < 0)
		return EXIT_USAGE;
	for (int i = 0; i < TRIES && r < 0; i++) {
		err = ERR_INIT;
		r = try_to_end(c, o, &err);
		if (r < 0 && err.code != ERR_CONFLICT)
			break;
	}
	if (r < 0)
		return output_error(&err);
	if (r > 0) {
		fprintf(stderr, "syncctl: no operation of %s is under way\n", o->args[0]);
		return EXIT_DIFFERENCE;
	}
	if (!o->async && cluster_follow(c, o->args[0], is_over, NULL, (uint64_t)timeout,
					&err)) {
		fprintf(stderr, "syncctl: timed out; it ends at its next safe point\n");
		return EXIT_DIFFERENCE;
	}
	printf("the operation of %s %s\n", o->args[0], o->async ? "is asked to end" :
	       "is over");
	return EXIT_DONE;
}

int cmd_pin(const struct options *o)
{
	return cluster_run(o, pin);
}

int cmd_unpin(const struct options *o)
{
	return cluster_run(o, unpin);
}

int cmd_suspend(const struct options *o)
{
	return cluster_run(o, suspend);
}

/* 0, or EXIT_USAGE: who says -n means fewer than --all does. */
static int check_all(const struct options *o)
{
	return o->everything && o->ns ? output_usage("--all is every application of this syncd, "
		"whatever its namespace: leave -n %s out", o->ns) : 0;
}

int cmd_resume(const struct options *o)
{
	if (o->everything == (o->n_args > 0))
		return output_usage("'resume' needs APP or --all");
	if (check_all(o))
		return EXIT_USAGE;
	return cluster_run(o, o->everything ? resume_all : resume);
}

int cmd_pause(const struct options *o)
{
	if (!o->everything)
		return output_usage("'pause' needs --all; for one application: syncctl "
				    "suspend APP");
	if (check_all(o))
		return EXIT_USAGE;
	return cluster_run(o, o->off ? resume_all : pause_all);
}

int cmd_terminate(const struct options *o)
{
	return cluster_run(o, terminate);
}
